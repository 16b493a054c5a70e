/* SPDX-License-Identifier: MIT */
/* Control registers, XCR0, debug registers. */
#include "test_rich.h"

static void cr0_rules(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_PROT);
	assert_int_equal(CR(&t, 0, X86_CR0_PG), X86_GP);	      /* without PE */
	assert_int_equal(CR(&t, 0, X86_CR0_PE | X86_CR0_NW), X86_GP); /* without CD */
	/* ET is always set, reserved bits are ignored. */
	assert_int_equal(CR(&t, 0, X86_CR0_PE | 1u << 6 | 1u << 17), -1);
	assert_int_equal(get(&t, INSN_CR, 0), X86_CR0_PE | X86_CR0_ET);
	/* PG with LME needs PAE. */
	assert_int_equal(wrmsr(&t, MSR_EFER, X86_EFER_LME), -1);
	assert_int_equal(CR(&t, 0, X86_CR0_PE | X86_CR0_PG), X86_GP);
	assert_int_equal(CR(&t, 4, X86_CR4_PAE), -1);
	t.s->seg[X86_TR].attr = 0x83;
	assert_int_equal(CR(&t, 0, X86_CR0_PE | X86_CR0_PG), X86_GP);
	t.s->seg[X86_TR].attr = 0x8b;
	assert_int_equal(CR(&t, 0, X86_CR0_PE | X86_CR0_PG), -1);
	assert_true(t.s->efer & X86_EFER_LMA);
	assert_int_equal(t.s->bits, 32);
	assert_int_equal(CR(&t, 0, X86_CR0_PE), -1); /* from compatibility mode */
	assert_false(t.s->efer & X86_EFER_LMA);
	t.s->cpl = 3;
	assert_int_equal(CR(&t, 0, 0), X86_GP);
	test_soft_close(&t);
	open_rich(&t, X86_LONG);
	assert_int_equal(CR(&t, 0, X86_CR0_PE), X86_GP); /* paging off in 64-bit mode */
	assert_int_equal(CR(&t, 0, t.s->cr0 | 1ull << 32), X86_GP);
	test_soft_close(&t);
}

static void cr3_rules(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_LONG);
	assert_int_equal(CR(&t, 3, 1ull << 39), X86_GP);
	assert_int_equal(CR(&t, 3, SOFT_CR3_NOFLUSH | X86_BOOT_PT), X86_GP);
	assert_int_equal(CR(&t, 4, t.s->cr4 | SOFT_CR4_PCIDE), -1);
	assert_int_equal(CR(&t, 3, SOFT_CR3_NOFLUSH | X86_BOOT_PT | 5), -1);
	assert_int_equal(get(&t, INSN_CR, 3), X86_BOOT_PT | 5);
	/* PG can't go off with PCIDE, nor PCIDE come with a PCID in CR3. */
	assert_int_equal(CR(&t, 4, t.s->cr4 & ~SOFT_CR4_PCIDE), -1);
	assert_int_equal(CR(&t, 4, t.s->cr4 | SOFT_CR4_PCIDE), X86_GP);
	test_soft_close(&t);
	/* PAE: the entries are loaded and looked at. */
	open_rich(&t, X86_PROT);
	sys_put64(&t, 0x20000, 0x21001);
	sys_put64(&t, 0x20020, 0x21003);
	assert_int_equal(CR(&t, 4, X86_CR4_PAE), -1);
	t.s->cr3 = 0x20000;
	assert_int_equal(CR(&t, 0, X86_CR0_PE | X86_CR0_PG), -1);
	assert_int_equal(t.s->pdpte[0], 0x21001);
	assert_int_equal(CR(&t, 3, 0x20020), X86_GP);
	assert_int_equal(t.s->cr3, 0x20000);
	test_soft_close(&t);
}

static void cr4_rules(void **state)
{
	struct test_soft t;
	uint64_t known;

	(void)state;
	open_rich(&t, X86_PROT);
	known = soft_cr4_known(t.s);
	assert_int_equal(known, 0x770fff);
	for (unsigned b = 0; b < 32; b++) {
		uint64_t bit = 1ull << b;
		bool ok = (known & bit) && bit != SOFT_CR4_PCIDE; /* that needs long mode */

		assert_int_equal(CR(&t, 4, bit), ok ? -1 : X86_GP);
	}
	/* What the template has not got is reserved. */
	t.s->cfg.nr_cpuid = 0;
	assert_int_equal(CR(&t, 4, SOFT_CR4_SMEP), X86_GP);
	assert_int_equal(CR(&t, 4, X86_CR4_PAE), X86_GP);
	test_soft_close(&t);
	open_rich(&t, X86_LONG);
	assert_int_equal(CR(&t, 4, 0), X86_GP); /* PAE in long mode */
	assert_int_equal(CR(&t, 4, X86_CR4_PAE | 1ull << 32), X86_GP);
	/* CR8: four bits. */
	assert_int_equal(CR(&t, 8, 16), X86_GP);
	assert_int_equal(CR(&t, 8, 15), -1);
	assert_int_equal(get(&t, INSN_CR, 8), 15);
	assert_int_equal(CR(&t, 2, 0x1234567812345678), -1);
	assert_int_equal(get(&t, INSN_CR, 2), 0x1234567812345678);
	assert_int_equal(CR(&t, 5, 0), X86_UD);
	test_soft_close(&t);
}

static void lmsw_smsw_clts(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_REAL);
	t.s->gpr[X86_RAX] = 0xffff;
	t.s->cr0 = X86_CR0_ET | X86_CR0_CD;
	CODE(&t, 0x0f, 0x01, 0xf0, 0x0f, 0x06, 0x66, 0x0f, 0x01,
	     0xe3); /* lmsw ax; clts; smsw ebx */
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->cr0, X86_CR0_CD | 0x1f);
	(void)test_soft_run(&t, 2);
	assert_int_equal(t.s->cr0, X86_CR0_CD | 0x17);
	assert_int_equal(t.s->gpr[X86_RBX], X86_CR0_CD | 0x17);
	/* PE stays. */
	t.s->gpr[X86_RAX] = 0;
	CODE(&t, 0x0f, 0x01, 0xf0);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->cr0, X86_CR0_CD | 0x11);
	test_soft_close(&t);
}

static void debug_registers(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_LONG);
	assert_int_equal(mov(&t, INSN_DR, 6, 0), -1);
	assert_int_equal(get(&t, INSN_DR, 6), SOFT_DR6_FIXED);
	assert_int_equal(get(&t, INSN_DR, 4), SOFT_DR6_FIXED); /* without DE the same */
	assert_int_equal(mov(&t, INSN_DR, 7, 0xffffd7ff), -1);
	assert_int_equal(t.s->dr[7], 0xffff07ff);
	assert_true(t.s->dr7_on);
	assert_int_equal(mov(&t, INSN_DR, 7, 1ull << 32), X86_GP);
	assert_int_equal(mov(&t, INSN_DR, 6, 1ull << 32), X86_GP);
	t.s->cr4 |= SOFT_CR4_DE;
	assert_int_equal(mov(&t, INSN_DR, 4, 0), X86_UD);
	/* GD: #DB, with RF for the way back. */
	t.s->dr[7] |= SOFT_DR7_GD;
	assert_int_equal(mov(&t, INSN_DR, 0, 0), X86_DB);
	assert_int_equal(t.s->dr[6], SOFT_DR6_FIXED | SOFT_DR6_BD);
	assert_true(t.s->rflags & X86_FLAG_RF);
	t.s->cpl = 3;
	assert_int_equal(mov(&t, INSN_DR, 0, 0), X86_GP);
	test_soft_close(&t);
}

static void xcr0(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_LONG);
	t.s->gpr[X86_RCX] = 0;
	CODE(&t, 0x0f, 0x01, 0xd0); /* xgetbv without OSXSAVE */
	assert_int_equal(sys_run(&t), X86_UD);
	t.s->halted = false;
	t.s->cr4 |= SOFT_CR4_OSXSAVE;
	t.s->gpr[X86_RAX] = 3;
	t.s->gpr[X86_RDX] = 0;
	CODE(&t, 0x0f, 0x01, 0xd1, 0x0f, 0x01, 0xd0);
	(void)test_soft_run(&t, 1);
	t.s->gpr[X86_RAX] = 0;
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->gpr[X86_RAX], 3);
	t.s->gpr[X86_RAX] = 7; /* AVX is not in the template */
	CODE(&t, 0x0f, 0x01, 0xd1);
	assert_int_equal(sys_run(&t), X86_GP);
	t.s->halted = false;
	t.s->gpr[X86_RAX] = 2; /* x87 can't be off */
	CODE(&t, 0x0f, 0x01, 0xd1);
	assert_int_equal(sys_run(&t), X86_GP);
	test_soft_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cr0_rules),	   cmocka_unit_test(cr3_rules),
		cmocka_unit_test(cr4_rules),	   cmocka_unit_test(lmsw_smsw_clts),
		cmocka_unit_test(debug_registers), cmocka_unit_test(xcr0),
	};

	return cmocka_run_group_tests_name("soft/control", tests, NULL, NULL);
}
