/* SPDX-License-Identifier: MIT */
/* cpu: what its tests share: a machine of RAM and one CPU whose exits are written down. */
#ifndef VMM_CPU_TEST_UTIL_H
#define VMM_CPU_TEST_UTIL_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <vmm/cpu.h>

#define RAM	  (2ull << 20)
#define ENTRY	  0x50000u /* beyond the boot page tables of any size; real mode reaches it */
#define STACK	  0x4f000u
#define LOG_MAX_E 8192

struct seen {
	struct cpu_exit e;
	uint8_t first[8]; /* of PIO data */
	uint64_t val;	  /* written, or answered */
};

struct rig {
	struct gmem *mem;
	struct trace *trace;
	struct cpu *cpu;
	struct seen *log;
	unsigned n;
	uint64_t answer;  /* of reads: this, then one more each (strings: each element) */
	unsigned halt_at; /* stop at this exit, from 1; 0: never */
	bool gp;	  /* answer of MSR exits */
	int vector;	  /* of ack */
	unsigned acks;
	uint16_t raise_at; /* a write to this port raises the line */
	bool raise_hlt;	   /* HLT raises the line once and goes on */
};

static inline enum cpu_answer rig_exit(void *ctx, struct cpu_exit *e)
{
	struct rig *r = ctx;
	struct seen *s;

	assert_true(r->n < LOG_MAX_E);
	s = &r->log[r->n++];
	memset(s, 0, sizeof(*s));
	switch (e->kind) {
	case CPU_EXIT_PIO:
		for (uint32_t i = 0; i < e->pio.count && !e->pio.write; i++)
			st_le(e->pio.data + (size_t)i * e->pio.size, e->pio.size, r->answer++);
		s->val = ld_le(e->pio.data, e->pio.size);
		for (uint32_t i = 0; i < e->pio.count * e->pio.size && i < 8; i++)
			s->first[i] = e->pio.data[i];
		if (e->pio.write && r->raise_at && e->pio.port == r->raise_at)
			r->cpu->ops->intr(r->cpu, true);
		break;
	case CPU_EXIT_MMIO:
		if (!e->mmio.write)
			st_le64(e->mmio.data, r->answer++);
		s->val = ld_le(e->mmio.data, e->mmio.size);
		break;
	case CPU_EXIT_MSR:
		e->msr.fault = r->gp;
		if (!e->msr.write)
			e->msr.val = r->answer++;
		s->val = e->msr.val;
		break;
	default:
		break;
	}
	s->e = *e;
	if (r->halt_at && r->n == r->halt_at)
		return CPU_HALT;
	switch (e->kind) {
	case CPU_EXIT_PIO:
	case CPU_EXIT_MMIO:
	case CPU_EXIT_MSR:
		return CPU_GO;
	case CPU_EXIT_HLT:
		if (!r->raise_hlt)
			return CPU_HALT;
		r->raise_hlt = false;
		r->cpu->ops->intr(r->cpu, true);
		return CPU_GO;
	default:
		return CPU_HALT;
	}
}

static inline int rig_ack(void *ctx)
{
	struct rig *r = ctx;

	r->acks++;
	r->cpu->ops->intr(r->cpu, false);
	return r->vector;
}

static inline struct cpu_config rig_config(struct rig *r)
{
	struct cpu_config cfg = {
		.mem = r->mem,
		.trace = r->trace,
		.host = {r, rig_exit, rig_ack},
		.track_dirty = true,
	};

	cfg.cpuid = x86_cpuid_template("base", &cfg.nr_cpuid);
	return cfg;
}

/* Memory and log; the CPU is the caller's to make. */
static inline struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->log = calloc(LOG_MAX_E, sizeof(*r->log));
	assert_non_null(r->log);
	assert_int_equal(gmem_new(&r->mem, NULL), 0);
	assert_int_equal(gmem_add(r->mem, 0, RAM, GMEM_RAM, NULL), 0);
	r->trace = trace_new(64);
	assert_non_null(r->trace);
	r->vector = 0x20;
	return r;
}

static inline void rig_free(struct rig *r)
{
	if (!r)
		return;
	cpu_free(r->cpu);
	trace_free(r->trace);
	gmem_free(r->mem);
	free(r->log);
	free(r);
}

/* Start afresh at (code) in (mode). */
static inline void rig_boot(struct rig *r, enum x86_mode mode, const void *code, size_t len)
{
	uint64_t stack = mode == X86_REAL ? 0xf000 : STACK;
	struct cpu_state s;
	struct err err = {0};

	assert_int_equal(gmem_place(r->mem, ENTRY, code, len), 0);
	if (x86_boot(&s, r->mem, mode, ENTRY, stack, 0, &err))
		fail_msg("%s", err.msg);
	if (r->cpu->ops->set(r->cpu, &s, &err))
		fail_msg("%s", err.msg);
	r->n = 0;
}
#define rig_boot_bytes(r, mode, ...)                                                               \
	do {                                                                                       \
		static const uint8_t code_[] = {__VA_ARGS__};                                      \
		rig_boot(r, mode, code_, sizeof(code_));                                           \
	} while (0)

static inline const char *stop_text(const struct rig *r, enum cpu_stop s)
{
	static const char *const names[] = {"host", "budget", "time", "end", "error"};

	return s == CPU_STOP_ERROR ? r->cpu->error.msg : names[s];
}

static inline struct cpu_state rig_state(struct rig *r)
{
	struct cpu_state s;
	struct err err = {0};

	if (r->cpu->ops->get(r->cpu, &s, &err))
		fail_msg("%s", err.msg);
	return s;
}

#endif
