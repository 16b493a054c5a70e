/* SPDX-License-Identifier: MIT */
/* MSRs, CPUID. */
#include "test_rich.h"

static void efer_rules(void **state)
{
	struct test_soft t;
	uint64_t val;

	(void)state;
	open_rich(&t, X86_LONG);
	assert_int_equal(rdmsr(&t, MSR_EFER, &val), -1);
	assert_true(val & X86_EFER_LMA);
	assert_int_equal(wrmsr(&t, MSR_EFER, val & ~X86_EFER_LME), X86_GP); /* paging is on */
	assert_int_equal(wrmsr(&t, MSR_EFER, val | 2), X86_GP);
	/* LMA is not written. */
	assert_int_equal(wrmsr(&t, MSR_EFER, X86_EFER_LME | X86_EFER_SCE | X86_EFER_NXE), -1);
	assert_int_equal(t.s->efer, X86_EFER_LME | X86_EFER_LMA | X86_EFER_SCE | X86_EFER_NXE);
	t.s->cpl = 3;
	assert_int_equal(rdmsr(&t, MSR_EFER, &val), X86_GP);
	test_soft_close(&t);
}

static void msr_rules(void **state)
{
	const uint64_t bad = 0x8000000000000000;
	static const struct {
		uint32_t num;
		uint64_t good, bad; /* bad 0: none */
	} rows[] = {
		{0x174, 0x1234, 0},
		{0x175, 0x123456789abc, 1ull << 63},
		{0x176, 0xffff800000000000, 1ull << 63},
		{0x1a0, 0x400c51889, 2},
		{0x277, 0x07070707, 2},
		{0x277, 0x0007040600070406, 3ull << 56},
		{0xc0000081, ~0ull, 0},
		{0xc0000082, 0x123456789abc, 1ull << 63},
		{0xc0000083, 0x123456789abc, 1ull << 63},
		{0xc0000084, 0xffffffff, 1ull << 32},
		{0xc0000100, 0x123456789abc, 1ull << 63},
		{0xc0000101, 0x123456789abc, 1ull << 63},
		{0xc0000102, 0x123456789abc, 1ull << 63},
		{0xc0000103, 0xffffffff, 1ull << 32},
		{0x1b, 0xfee00900, 0xfee00b00},
	};
	struct test_soft t;
	uint64_t val;

	(void)state;
	open_rich(&t, X86_LONG);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(wrmsr(&t, rows[i].num, rows[i].good), -1);
		assert_int_equal(rdmsr(&t, rows[i].num, &val), -1);
		assert_int_equal(val, rows[i].good);
		if (!rows[i].bad)
			continue;
		assert_int_equal(wrmsr(&t, rows[i].num, rows[i].bad), X86_GP);
		assert_int_equal(t.s->fault.error, 0);
		assert_int_equal(rdmsr(&t, rows[i].num, &val), -1);
		assert_int_equal(val, rows[i].good);
	}
	assert_int_equal(t.s->seg[X86_GS].base, 0x123456789abc);
	/* Not there. */
	assert_int_equal(rdmsr(&t, 0x48, &val), X86_GP);
	assert_int_equal(wrmsr(&t, 0x400, 0), X86_GP);
	assert_int_equal(rdmsr(&t, 0, &val), X86_GP);
	/* The TSC is time plus an offset. */
	assert_int_equal(wrmsr(&t, 0x10, bad), -1);
	assert_int_equal(rdmsr(&t, 0x10, &val), -1);
	assert_int_equal(val, bad);
	test_soft_close(&t);
}

static void msr_machine(void **state)
{
	struct test_soft t;
	uint64_t val;

	(void)state;
	open_rich(&t, X86_LONG);
	t.s->cfg.msr_user = 0x800;
	t.s->cfg.nr_msr_user = 0x100;
	msr_allow = true;
	assert_int_equal(rdmsr(&t, 0x800, &val), -1);
	assert_int_equal(val, 0x1122334455667788);
	assert_int_equal(wrmsr(&t, 0x8ff, 0xabcd00000000), -1);
	assert_int_equal(t.exits[1].kind, CPU_EXIT_MSR);
	assert_int_equal(t.exits[1].msr.num, 0x8ff);
	assert_int_equal(t.exits[1].msr.val, 0xabcd00000000);
	assert_true(t.exits[1].msr.write);
	assert_int_equal(t.exits[1].msr.why, 4);
	/* So are those that the CPU has not got, and values that it refuses. */
	assert_int_equal(rdmsr(&t, 0x900, &val), -1);
	assert_int_equal(t.exits[2].msr.why, 2);
	assert_int_equal(wrmsr(&t, 0xc0000082, 1ull << 63), -1);
	assert_int_equal(t.exits[3].msr.why, 1);
	assert_int_equal(t.s->msr[x86_msr_index(0xc0000082)], 0);
	msr_allow = false;
	assert_int_equal(rdmsr(&t, 0x800, &val), X86_GP);
	assert_int_equal(wrmsr(&t, 0x800, 0), X86_GP);
	test_soft_close(&t);
}

/* ---- CPUID --------------------------------------------------------------------------------------- */

static void cpuid(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_LONG);
	CODE(&t, 0x0f, 0xa2, 0x0f, 0xa2, 0x0f, 0xa2, 0x0f, 0xa2, 0x0f, 0xa2, 0x0f, 0xa2);
	t.s->gpr[X86_RAX] = 0xffffffff00000001;
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->gpr[X86_RDX], 0x0ffffdff); /* the APIC is off */
	assert_int_equal(t.s->gpr[X86_RCX], rich[1].ecx);
	t.s->cr4 |= SOFT_CR4_OSXSAVE | SOFT_CR4_PKE;
	t.s->apic_base |= 0x800;
	t.s->xcr0 = 3;
	t.s->gpr[X86_RAX] = 1;
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->gpr[X86_RDX], 0x0fffffff);
	assert_int_equal(t.s->gpr[X86_RCX], rich[1].ecx | 1u << 27);
	t.s->gpr[X86_RAX] = 7;
	t.s->gpr[X86_RCX] = 0;
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->gpr[X86_RCX], rich[3].ecx | 1u << 4);
	t.s->gpr[X86_RAX] = 13;
	t.s->gpr[X86_RCX] = 0;
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->gpr[X86_RBX], 576);
	/* With PKRU: the standard form has it at its place, the compacted one after the header. */
	t.s->xcr0 = 0x203;
	t.s->gpr[X86_RAX] = 13;
	t.s->gpr[X86_RCX] = 0;
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->gpr[X86_RBX], 2696);
	t.s->gpr[X86_RAX] = 13;
	t.s->gpr[X86_RCX] = 1;
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->gpr[X86_RBX], 584);
	test_soft_close(&t);
}

/* What a kernel reads to find its way, by the template that offers it. */
static void msr_platform(void **state)
{
	struct test_soft t;
	uint64_t val, tsc;

	(void)state;
	test_soft_open(&t, X86_LONG);
	t.s->cfg.host.exit = msr_exit;
	msr_allow = false;
	/* The TSC and what was written to it: one moves the other. */
	assert_int_equal(rdmsr(&t, 0x10, &tsc), -1);
	assert_int_equal(rdmsr(&t, 0x3b, &val), -1);
	assert_int_equal(val, 0);
	assert_int_equal(wrmsr(&t, 0x3b, 0x1000), -1);
	assert_int_equal(rdmsr(&t, 0x10, &val), -1);
	assert_int_equal(val, tsc + 0x1000);
	assert_int_equal(wrmsr(&t, 0x10, tsc + 0x5000), -1);
	assert_int_equal(rdmsr(&t, 0x3b, &val), -1);
	assert_int_equal(val, 0x5000);
	/* Not vulnerable: to RDCL, bit 0, and more; what is offered is not written. */
	assert_int_equal(rdmsr(&t, 0x10a, &val), -1);
	assert_int_equal(val & 0x121, 0x121);
	assert_int_equal(wrmsr(&t, 0x10a, val), X86_GP);
	assert_int_equal(rdmsr(&t, 0xce, &val), -1);
	assert_int_equal(val >> 8 & 0xff, 10);
	assert_int_equal(wrmsr(&t, 0xce, val), X86_GP);
	/* DEBUGCTL: BTF alone. */
	assert_int_equal(wrmsr(&t, 0x1d9, 2), -1);
	assert_int_equal(rdmsr(&t, 0x1d9, &val), -1);
	assert_int_equal(val, 2);
	assert_int_equal(wrmsr(&t, 0x1d9, 1), X86_GP);
	/* MTRRs are not offered, and not there. */
	assert_int_equal(rdmsr(&t, 0xfe, &val), X86_GP);
	assert_int_equal(rdmsr(&t, 0x2ff, &val), X86_GP);
	test_soft_close(&t);
	/* "rich" has neither of the first two. */
	open_rich(&t, X86_LONG);
	assert_int_equal(rdmsr(&t, 0x3b, &val), X86_GP);
	assert_int_equal(wrmsr(&t, 0x3b, 0), X86_GP);
	assert_int_equal(rdmsr(&t, 0x10a, &val), X86_GP);
	test_soft_close(&t);
}

/* DEBUGCTL.BTF: TF traps behind branches that are taken, once; it goes with the state. */
static void branch_step(void **state)
{
	struct cpu_state st;
	struct test_soft t;

	(void)state;
	for (unsigned fast = 0; fast < 2; fast++) {
		for (unsigned row = 0; row < 3; row++) {
			sys_open(&t, X86_LONG);
			CODE(&t, 0x90, 0x31, 0xc0,   /* nop; xor eax, eax */
			     0x75, 0x05,	     /* jnz +5: not taken */
			     0xf3, 0xa4,	     /* rep movsb, twice */
			     0x90, 0x74, 0x02, 0x90, /* nop; jz +2; nop */
			     0x90, 0xeb, 0x00);	     /* nop; jmp +0 */
			t.s->gpr[X86_RCX] = 2;
			t.s->gpr[X86_RSI] = t.s->gpr[X86_RDI] = TEST_DATA;
			t.s->debugctl = SOFT_DEBUGCTL_BTF;
			soft_get(t.s, &st);
			assert_int_equal(st.debugctl, 2);
			st.rflags |= X86_FLAG_TF;
			if (row == 1) /* a jump to the next instruction is one all the same */
				st.rip = TEST_CODE + 12;
			if (row == 2)
				st.debugctl = 1; /* no bit that there is: every instruction */
			assert_int_equal(soft_set(t.s, &st, NULL), 0);
			if (fast)
				(void)soft_run(t.s, 100);
			else
				(void)soft_run_reference(t.s, 100);
			assert_int_equal(test_soft_fault(&t), X86_DB);
			assert_int_equal(sys_stack(&t, 0), TEST_CODE + (row == 0   ? 12
									: row == 1 ? 14
										   : 1));
			assert_int_equal(t.s->dr[6] & 0x4000, 0x4000);
			assert_int_equal(t.s->debugctl, 0);
			test_soft_close(&t);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(efer_rules),	cmocka_unit_test(msr_rules),
		cmocka_unit_test(msr_machine),	cmocka_unit_test(cpuid),
		cmocka_unit_test(msr_platform), cmocka_unit_test(branch_step),
	};

	return cmocka_run_group_tests_name("soft/msr", tests, NULL, NULL);
}
