/* SPDX-License-Identifier: MIT */
/*
 * soft: for the tests of its system half, over test_soft.h: descriptor tables with room, user pages,
 * calls that may fault outside of the run loop.
 */
#ifndef TEST_SYS_H
#define TEST_SYS_H

#include "test_soft.h"
#include "soft_sys.h"

#define SYS_GDT	   0x10000u
#define SYS_LDT	   0x11000u
#define SYS_TSS2   0x12000u /* a second task */
#define SYS_STACK0 0x60000u /* what the TSS has for CPL 0 */
#define SYS_STACK1 0x62000u
#define SYS_IST1   0x64000u

/* Selectors beside those of x86_boot(). */
#define SEL_UCODE32 0x43u
#define SEL_UDATA   0x4bu
#define SEL_UCODE64 0x53u
#define SEL_CONF32  0x58u /* conforming, DPL 0 */
#define SEL_LDT	    0x60u /* 16 bytes */
#define SEL_CODE1   0x71u
#define SEL_DATA1   0x79u
#define SEL_CONF64  0x80u
#define SEL_A	    0x90u /* free for each test, 16 bytes each */
#define SEL_B	    0xa0u
#define SEL_C	    0xb0u
#define SYS_LIMIT   0xffu

static inline uint64_t sys_desc(uint64_t base, uint32_t limit, uint16_t attr)
{
	return (limit & 0xffff) | (base & 0xffffff) << 16 | (uint64_t)(attr & 0xff) << 40 |
	       (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)(attr >> 12) << 52 |
	       (base >> 24 & 0xff) << 56;
}

static inline uint64_t sys_gate(uint16_t sel, uint64_t off, unsigned type, unsigned dpl,
				unsigned params)
{
	return (off & 0xffff) | (uint64_t)sel << 16 | (uint64_t)params << 32 |
	       (uint64_t)(0x80u | dpl << 5 | type) << 40 | (off >> 16 & 0xffff) << 48;
}

static inline void sys_put64(struct test_soft *t, uint64_t at, uint64_t val)
{
	uint8_t b[8];

	st_le64(b, val);
	test_soft_put(t, at, b, 8);
}

static inline void sys_put32(struct test_soft *t, uint64_t at, uint32_t val)
{
	uint8_t b[4];

	st_le32(b, val);
	test_soft_put(t, at, b, 4);
}

static inline void sys_put16(struct test_soft *t, uint64_t at, uint16_t val)
{
	uint8_t b[2];

	st_le16(b, val);
	test_soft_put(t, at, b, 2);
}

/* Into the GDT; (hi) for descriptors of 16 bytes. */
static inline void sys_set(struct test_soft *t, uint16_t sel, uint64_t raw)
{
	sys_put64(t, SYS_GDT + (sel & 0xfff8u), raw);
}

static inline void sys_set_idt(struct test_soft *t, unsigned vec, uint64_t raw)
{
	sys_put64(t, TEST_IDT + vec * (t->mode == X86_LONG ? 16 : 8), raw);
}

/* All of the identity map for CPL 3 too. */
static inline void sys_user_pages(struct test_soft *t)
{
	for (unsigned i = 0; i < 3; i++) {
		uint64_t at = X86_BOOT_PT + i * GMEM_PAGE;

		for (unsigned n = 0; n < 4; n++) {
			uint64_t e = test_soft_look(t, at + 8 * n, 8);

			if (e)
				sys_put64(t, at + 8 * n, e | 4);
		}
	}
	soft_tlb_flush(t->s);
}

/* X86_PROT or X86_LONG, with the tables above. */
static inline void sys_open(struct test_soft *t, enum x86_mode mode)
{
	struct soft *s;

	test_soft_open(t, mode);
	s = t->s;
	sys_set(t, X86_SEL_CODE32, sys_desc(0, 0xfffff, X86_SEG_CODE32));
	sys_set(t, X86_SEL_DATA, sys_desc(0, 0xfffff, X86_SEG_DATA));
	sys_set(t, X86_SEL_CODE64, sys_desc(0, 0xfffff, X86_SEG_CODE64));
	sys_set(t, X86_SEL_CODE16, sys_desc(0, 0xffff, X86_SEG_CODE16));
	sys_set(t, X86_SEL_DATA16, sys_desc(0, 0xffff, X86_SEG_DATA16));
	sys_set(t, X86_SEL_TSS, sys_desc(X86_BOOT_TSS, 0x67, X86_SEG_TSS));
	sys_set(t, SEL_UCODE32, sys_desc(0, 0xfffff, X86_SEG_CODE32 | 0x60));
	sys_set(t, SEL_UDATA, sys_desc(0, 0xfffff, X86_SEG_DATA | 0x60));
	sys_set(t, SEL_UCODE64, sys_desc(0, 0xfffff, X86_SEG_CODE64 | 0x60));
	sys_set(t, SEL_CONF32, sys_desc(0, 0xfffff, X86_SEG_CODE32 | 4));
	sys_set(t, SEL_LDT, sys_desc(SYS_LDT, 0xff, X86_SEG_LDT));
	sys_set(t, SEL_CODE1, sys_desc(0, 0xfffff, X86_SEG_CODE32 | 0x20));
	sys_set(t, SEL_DATA1, sys_desc(0, 0xfffff, X86_SEG_DATA | 0x20));
	sys_set(t, SEL_CONF64, sys_desc(0, 0xfffff, X86_SEG_CODE64 | 4));
	s->gdt.base = SYS_GDT;
	s->gdt.limit = SYS_LIMIT;
	if (mode == X86_PROT) {
		sys_put32(t, X86_BOOT_TSS + 4, SYS_STACK0);
		sys_put32(t, X86_BOOT_TSS + 8, X86_SEL_DATA);
		sys_put32(t, X86_BOOT_TSS + 12, SYS_STACK1);
		sys_put32(t, X86_BOOT_TSS + 16, SEL_DATA1);
	} else {
		sys_put64(t, X86_BOOT_TSS + 4, SYS_STACK0);
		sys_put64(t, X86_BOOT_TSS + 12, SYS_STACK1);
		sys_put64(t, X86_BOOT_TSS + 36, SYS_IST1);
		sys_user_pages(t);
	}
}

/* As if it had been loaded. */
static inline void sys_load(struct test_soft *t, unsigned seg, uint16_t sel)
{
	uint64_t raw = test_soft_look(t, SYS_GDT + (sel & 0xfff8u), 8);
	struct x86_seg *d = &t->s->seg[seg];

	memset(d, 0, sizeof(*d));
	d->sel = sel;
	d->attr = (uint16_t)((raw >> 40 & 0xff) | (raw >> 52 & 15) << 12);
	d->limit = (uint32_t)((raw & 0xffff) | (raw >> 32 & 0xf0000));
	if (d->attr & 0x8000)
		d->limit = d->limit << 12 | 0xfff;
	d->base = (raw >> 16 & 0xffffff) | raw >> 56 << 24;
	soft_mode_changed(t->s);
}

/* To CPL 3 with flat segments. */
static inline void sys_user(struct test_soft *t)
{
	sys_load(t, X86_CS, t->mode == X86_LONG ? SEL_UCODE64 : SEL_UCODE32);
	sys_load(t, X86_SS, SEL_UDATA);
	sys_load(t, X86_DS, SEL_UDATA);
	sys_load(t, X86_ES, SEL_UDATA);
	assert_int_equal(t->s->cpl, 3);
}

/* Evaluate (expr), which may raise: the vector, or -1. */
#define SYS_CATCH(t, expr)                                                                         \
	__extension__({                                                                            \
		jmp_buf jb_;                                                                       \
		volatile int vec_ = -1;                                                            \
		(t)->s->fault_jmp = &jb_;                                                          \
		if (!setjmp(jb_))                                                                  \
			(void)(expr);                                                              \
		else                                                                               \
			vec_ = (t)->s->fault.vec;                                                  \
		(t)->s->fault_jmp = NULL;                                                          \
		vec_;                                                                              \
	})

/* Code at t->code. */
#define CODE(t, ...)                                                                               \
	do {                                                                                       \
		static const uint8_t bytes_[] = {__VA_ARGS__};                                     \
		test_soft_code(t, bytes_, sizeof(bytes_));                                         \
	} while (0)

/* Run to the handler of a vector: which one, or -1; what it pushed is at the top of the stack. */
static inline int sys_run(struct test_soft *t)
{
	(void)test_soft_run(t, 100);
	return test_soft_fault(t);
}

static inline uint64_t sys_stack(struct test_soft *t, unsigned n)
{
	unsigned size = t->mode == X86_LONG ? 8 : t->mode == X86_PROT ? 4 : 2;

	return test_soft_look(t, t->s->seg[X86_SS].base + t->s->gpr[X86_RSP] + n * size, size);
}

#endif
