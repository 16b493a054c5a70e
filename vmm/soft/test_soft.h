/* SPDX-License-Identifier: MIT */
/*
 * soft: for its unit tests: a CPU with 2 MiB of RAM in a mode of its own, bytes to run, a look at
 * what came of it.
 *
 *	struct test_soft t;
 *	test_soft_open(&t, X86_LONG);
 *	t.s->gpr[X86_RAX] = 1;
 *	test_soft_code(&t, "\x48\xff\xc0", 3);		inc rax
 *	assert_int_equal(test_soft_run(&t, 1), SOFT_STOP_BUDGET);
 *	test_soft_close(&t);
 *
 * Code lies at TEST_CODE (rip is set to it), the stack grows down from TEST_STACK, data may lie
 * from TEST_DATA on. Every IDT or IVT vector goes to a HLT of its own at TEST_HANDLERS + vector:
 * test_soft_fault() says which one was reached, or -1.
 */
#ifndef TEST_SOFT_H
#define TEST_SOFT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "soft_priv.h"

#define TEST_RAM       0x200000u
#define TEST_STACK     0x70000u /* real mode: 0xfff0 */
#define TEST_CODE      0x80000u /* real mode: 0x8000 */
#define TEST_DATA      0x90000u /* real mode: 0x9000 */
#define TEST_IDT       0xa0000u
#define TEST_HANDLERS  0xb0000u /* real mode: 0x7000 */
#define TEST_MAX_EXITS 64

struct test_soft {
	struct soft *s;
	struct gmem *mem;
	enum x86_mode mode;
	uint64_t code, data, handlers;
	struct cpu_exit exits[TEST_MAX_EXITS]; /* those that came, data of PIO in (val) */
	uint64_t val[TEST_MAX_EXITS];
	unsigned nr_exits;
	uint64_t answer; /* what PIO and MMIO reads give */
	int vector;	 /* what ack gives */
};

static inline void test_soft_exit(void *ctx, struct cpu_exit *e)
{
	struct test_soft *t = ctx;
	uint64_t val = 0;

	if (e->kind == CPU_EXIT_PIO) {
		if (e->pio.write)
			val = ld_le(e->pio.data, e->pio.size);
		else
			st_le(e->pio.data, e->pio.size, t->answer);
	} else if (e->kind == CPU_EXIT_MMIO) {
		if (e->mmio.write)
			val = ld_le(e->mmio.data, e->mmio.size);
		else
			st_le(e->mmio.data, e->mmio.size, t->answer);
	}
	if (t->nr_exits < TEST_MAX_EXITS) {
		t->exits[t->nr_exits] = *e;
		t->val[t->nr_exits] = val;
	}
	t->nr_exits++;
}

static inline int test_soft_ack(void *ctx)
{
	struct test_soft *t = ctx;

	soft_intr(t->s, false);
	return t->vector;
}

static inline uint64_t test_soft_now(void *ctx)
{
	struct test_soft *t = ctx;

	return soft_icount(t->s);
}

static inline void test_soft_put(struct test_soft *t, uint64_t gpa, const void *p, size_t len)
{
	assert_int_equal(gmem_write(t->mem, gpa, p, len), 0);
}

static inline uint64_t test_soft_look(struct test_soft *t, uint64_t gpa, unsigned size)
{
	uint8_t b[8];

	assert_int_equal(gmem_read(t->mem, gpa, b, size), 0);
	return ld_le(b, size);
}

/* Vector tables whose every entry leads to TEST_HANDLERS + vector, where a HLT is. */
static inline void test_soft_vectors(struct test_soft *t, struct cpu_state *st)
{
	static const uint8_t hlt = 0xf4;
	unsigned n = t->mode == X86_LONG ? 16 : t->mode == X86_PROT ? 8 : 4;

	for (unsigned v = 0; v < 256; v++) {
		uint64_t at = t->handlers + v;
		uint16_t cs = t->mode == X86_LONG ? X86_SEL_CODE64 : X86_SEL_CODE32;
		uint8_t g[16] = {0};

		test_soft_put(t, at, &hlt, 1);
		st_le16(g, (uint16_t)at);
		if (t->mode != X86_REAL) {
			st_le16(g + 2, cs);
			g[5] = 0x8e;
			st_le16(g + 6, (uint16_t)(at >> 16));
		}
		test_soft_put(t, (t->mode == X86_REAL ? 0 : TEST_IDT) + (uint64_t)v * n, g, n);
	}
	if (t->mode != X86_REAL) {
		st->idt.base = TEST_IDT;
		st->idt.limit = (uint16_t)(256 * n - 1);
	}
}

static inline void test_soft_open(struct test_soft *t, enum x86_mode mode)
{
	struct soft_config cfg = {.seed = 1};
	struct cpu_state st;
	struct err err;

	memset(t, 0, sizeof(*t));
	t->mode = mode;
	t->vector = 0x20;
	t->code = mode == X86_REAL ? 0x8000 : TEST_CODE;
	t->data = mode == X86_REAL ? 0x9000 : TEST_DATA;
	t->handlers = mode == X86_REAL ? 0x7000 : TEST_HANDLERS;
	assert_int_equal(gmem_new(&t->mem, NULL), 0);
	assert_int_equal(gmem_add(t->mem, 0, TEST_RAM, GMEM_RAM, NULL), 0);
	cfg.mem = t->mem;
	cfg.cpuid = x86_cpuid_template("v2", &cfg.nr_cpuid);
	if (!cfg.cpuid)
		cfg.cpuid = x86_cpuid_template("base", &cfg.nr_cpuid);
	cfg.host.ctx = t;
	cfg.host.exit = test_soft_exit;
	cfg.host.ack = test_soft_ack;
	cfg.host.now = test_soft_now;
	assert_int_equal(soft_new(&t->s, &cfg, &err), 0);
	assert_int_equal(x86_boot(&st, t->mem, mode, t->code,
				  mode == X86_REAL ? 0xfff0 : TEST_STACK, 0, &err),
			 0);
	test_soft_vectors(t, &st);
	/* Features differ by template: tests want them all. */
	st.cr4 |= X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	assert_int_equal(soft_set(t->s, &st, &err), 0);
	t->s->cpuid_has = t->s->cpuid_has_hi = ~0u;
	t->s->cpuid_has_hi &= ~(1u << (INSN_C_OTHER - 32));
}

static inline void test_soft_close(struct test_soft *t)
{
	soft_free(t->s);
	gmem_free(t->mem);
}

/* Put code at t->code and rip there. */
static inline void test_soft_code(struct test_soft *t, const void *bytes, size_t len)
{
	test_soft_put(t, t->code, bytes, len);
	t->s->rip = t->code - t->s->seg[X86_CS].base;
}

static inline enum soft_stop test_soft_run(struct test_soft *t, uint64_t n)
{
	return soft_run_reference(t->s, n);
}

/* The vector whose handler the CPU has halted in, or -1. */
static inline int test_soft_fault(struct test_soft *t)
{
	uint64_t at = t->s->rip + t->s->seg[X86_CS].base - 1 - t->handlers;

	return t->s->halted && at < 256 ? (int)at : -1;
}

#endif
