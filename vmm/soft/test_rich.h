/* SPDX-License-Identifier: MIT */
/*
 * soft: for the tests of system registers: a CPU whose template offers all that CR4 has bits for, MOV to
 * and from control and debug registers, RDMSR and WRMSR, a machine that judges MSRs.
 */
#ifndef TEST_RICH_H
#define TEST_RICH_H

#include "test_sys.h"
#include "system.h"

/* A template with everything that CR4 has a bit for. */
static const struct x86_cpuid rich[] = {
	{.leaf = 0, .eax = 13},
	{.leaf = 1, .ecx = 1u << 17 | 1u << 26, .edx = 0x0fffffff},
	{.leaf = 6, .ecx = 1},
	{.leaf = 7, .has_sub = true, .ebx = 1u | 1u << 7 | 1u << 20, .ecx = 1u << 2 | 1u << 3},
	{.leaf = 13, .has_sub = true, .eax = 3},
	{.leaf = 13, .sub = 1, .has_sub = true, .eax = 4 | 2},
	{.leaf = 13, .sub = 9, .has_sub = true, .eax = 8, .ebx = 2688},
	{.leaf = 0x80000001, .edx = 1u << 11 | 1u << 20 | 1u << 26 | 1u << 29},
	{.leaf = 0x80000008, .eax = 0x3027},
};

static bool msr_allow;

/* The machine has the last word on MSRs: here it refuses, unless asked not to. */
static inline void msr_exit(void *ctx, struct cpu_exit *e)
{
	test_soft_exit(ctx, e);
	if (e->kind != CPU_EXIT_MSR)
		return;
	/* The local APIC takes whatever the CPU has let through. */
	e->msr.fault = !msr_allow && !(e->msr.num == 0x1b && e->msr.why == 4);
	if (!e->msr.write)
		e->msr.val = 0x1122334455667788;
}

static inline void open_rich(struct test_soft *t, enum x86_mode mode)
{
	if (mode == X86_REAL)
		test_soft_open(t, mode);
	else
		sys_open(t, mode);
	t->s->cfg.cpuid = rich;
	t->s->cfg.nr_cpuid = ARRAY_SIZE(rich);
	t->s->cfg.host.exit = msr_exit;
	t->s->maxphyaddr = 39;
	msr_allow = false;
}

static inline int mov(struct test_soft *t, unsigned cls, unsigned num, uint64_t val)
{
	const struct insn_operand o = {.kind = INSN_REG, .cls = (uint8_t)cls, .num = (uint8_t)num};

	return SYS_CATCH(t, soft_mov_to_control(t->s, &o, val));
}

static inline uint64_t get(struct test_soft *t, unsigned cls, unsigned num)
{
	const struct insn_operand o = {.kind = INSN_REG, .cls = (uint8_t)cls, .num = (uint8_t)num};
	volatile uint64_t val = ~0ull;

	assert_int_equal(SYS_CATCH(t, val = soft_mov_from_control(t->s, &o)), -1);
	return val;
}

#define CR(t, n, v) mov(t, INSN_CR, n, v)

static inline int wrmsr(struct test_soft *t, uint32_t num, uint64_t val)
{
	static const struct insn i = {.op = INSN_WRMSR};

	t->s->gpr[X86_RCX] = num;
	t->s->gpr[X86_RAX] = (uint32_t)val;
	t->s->gpr[X86_RDX] = val >> 32;
	return SYS_CATCH(t, soft_op_wrmsr(t->s, &i));
}

static inline int rdmsr(struct test_soft *t, uint32_t num, uint64_t *val)
{
	static const struct insn i = {.op = INSN_RDMSR};
	int vec;

	t->s->gpr[X86_RCX] = num;
	vec = SYS_CATCH(t, soft_op_rdmsr(t->s, &i));
	*val = t->s->gpr[X86_RAX] | t->s->gpr[X86_RDX] << 32;
	return vec;
}

#define MSR_EFER 0xc0000080u

#endif
