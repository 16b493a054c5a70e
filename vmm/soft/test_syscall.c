/* SPDX-License-Identifier: MIT */
/* SYSCALL, SYSENTER and their ways back; FS and GS bases. */
#include "test_rich.h"

static void syscall_sysret(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_LONG);
	sys_user(&t);
	t.s->rflags |= X86_FLAG_IF | X86_FLAG_DF;
	CODE(&t, 0x0f, 0x05);
	assert_int_equal(sys_run(&t), X86_UD); /* EFER.SCE is off */
	t.s->halted = false;
	sys_user(&t);
	assert_int_equal(t.s->cpl, 3);
	t.s->efer |= X86_EFER_SCE;
	t.s->msr[x86_msr_index(0xc0000081)] = 0x0033002300100000 | 0x1bull << 32;
	t.s->msr[x86_msr_index(0xc0000082)] = TEST_DATA;
	t.s->msr[x86_msr_index(0xc0000084)] = X86_FLAG_IF | X86_FLAG_DF;
	t.s->rflags = X86_FLAG_FIXED | X86_FLAG_IF | X86_FLAG_DF | X86_FLAG_CF;
	test_soft_put(&t, TEST_DATA, "\x48\x0f\x07\x0f\x07", 5);
	CODE(&t, 0x0f, 0x05);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, TEST_DATA);
	assert_int_equal(t.s->cpl, 0);
	assert_int_equal(t.s->gpr[X86_RCX], TEST_CODE + 2);
	assert_int_equal(t.s->gpr[X86_R11],
			 X86_FLAG_FIXED | X86_FLAG_IF | X86_FLAG_DF | X86_FLAG_CF);
	assert_int_equal(t.s->rflags, X86_FLAG_FIXED | X86_FLAG_CF);
	assert_int_equal(t.s->seg[X86_CS].sel, 0x38); /* STAR's RPL does not count */
	assert_int_equal(t.s->seg[X86_CS].attr, X86_SEG_CODE64);
	assert_int_equal(t.s->seg[X86_SS].sel, 0x40);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, TEST_CODE + 2);
	assert_int_equal(t.s->cpl, 3);
	assert_int_equal(t.s->seg[X86_CS].sel, 0x43);
	assert_int_equal(t.s->seg[X86_CS].attr, X86_SEG_CODE64 | 0x60);
	assert_int_equal(t.s->seg[X86_SS].sel, 0x3b);
	assert_int_equal(t.s->seg[X86_SS].attr, X86_SEG_DATA | 0x60);
	assert_true(t.s->rflags & X86_FLAG_IF);
	test_soft_close(&t);
	/* To compatibility mode; and a return address that is not canonical. */
	open_rich(&t, X86_LONG);
	t.s->efer |= X86_EFER_SCE;
	t.s->msr[x86_msr_index(0xc0000081)] = 0x0033000000000000;
	t.s->gpr[X86_RCX] = 0x800000001000;
	CODE(&t, 0x48, 0x0f, 0x07);
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(t.s->cpl, 0);
	t.s->halted = false;
	t.s->gpr[X86_RCX] = 0x800000001000;
	t.s->gpr[X86_R11] = ~X86_FLAG_TF;
	CODE(&t, 0x0f, 0x07);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, 0x1000);
	assert_int_equal(t.s->bits, 32);
	assert_int_equal(t.s->seg[X86_CS].sel, 0x33);
	assert_int_equal(t.s->rflags, 0x3c7ed7);
	/* And from there, by CSTAR. */
	t.s->msr[x86_msr_index(0xc0000083)] = 0x123456789000;
	t.s->rflags = X86_FLAG_FIXED;
	CODE(&t, 0x0f, 0x05);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, 0x123456789000);
	assert_int_equal(t.s->gpr[X86_RCX], TEST_CODE + 2);
	assert_int_equal(t.s->bits, 64);
	assert_int_equal(t.s->cpl, 0);
	test_soft_close(&t);
}

static void sysenter_sysexit(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_PROT);
	sys_user(&t);
	t.s->rflags |= X86_FLAG_IF;
	CODE(&t, 0x0f, 0x34);
	assert_int_equal(sys_run(&t), X86_GP); /* no selector */
	t.s->halted = false;
	sys_user(&t);
	t.s->msr[0] = 0x0b;
	t.s->msr[1] = 0xffff800000061000;
	t.s->msr[2] = 0xffff800000090000;
	CODE(&t, 0x0f, 0x34);
	test_soft_put(&t, TEST_DATA, "\x0f\x35", 2);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, TEST_DATA);
	assert_int_equal(t.s->gpr[X86_RSP], 0x61000);
	assert_int_equal(t.s->seg[X86_CS].sel, 8);
	assert_int_equal(t.s->seg[X86_SS].sel, 0x10);
	assert_int_equal(t.s->cpl, 0);
	assert_false(t.s->rflags & X86_FLAG_IF);
	t.s->gpr[X86_RDX] = 0x1000;
	t.s->gpr[X86_RCX] = 0x2000;
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, 0x1000);
	assert_int_equal(t.s->gpr[X86_RSP], 0x2000);
	assert_int_equal(t.s->seg[X86_CS].sel, 0x1b);
	assert_int_equal(t.s->seg[X86_SS].sel, 0x23);
	assert_int_equal(t.s->cpl, 3);
	test_soft_close(&t);
	open_rich(&t, X86_LONG);
	t.s->msr[0] = 0x08;
	t.s->gpr[X86_RDX] = 0x800000000000;
	CODE(&t, 0x48, 0x0f, 0x35);
	assert_int_equal(sys_run(&t), X86_GP);
	t.s->halted = false;
	t.s->gpr[X86_RDX] = 0x1000;
	CODE(&t, 0x48, 0x0f, 0x35);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->seg[X86_CS].sel, 0x2b);
	assert_int_equal(t.s->bits, 64);
	test_soft_close(&t);
}

static void bases(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_LONG);
	t.s->seg[X86_GS].base = 0x1111;
	t.s->msr[x86_msr_index(0xc0000102)] = 0x2222;
	CODE(&t, 0x0f, 0x01, 0xf8);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->seg[X86_GS].base, 0x2222);
	assert_int_equal(t.s->msr[x86_msr_index(0xc0000102)], 0x1111);
	CODE(&t, 0xf3, 0x48, 0x0f, 0xae, 0xd0); /* wrfsbase rax without CR4.FSGSBASE */
	assert_int_equal(sys_run(&t), X86_UD);
	t.s->halted = false;
	t.s->cr4 |= SOFT_CR4_FSGSBASE;
	sys_user(&t);
	t.s->gpr[X86_RAX] = 0xffff800000001234;
	CODE(&t, 0xf3, 0x48, 0x0f, 0xae, 0xd0, 0xf3, 0x0f, 0xae, 0xc3); /* and rdfsbase ebx */
	(void)test_soft_run(&t, 2);
	assert_int_equal(t.s->seg[X86_FS].base, 0xffff800000001234);
	assert_int_equal(t.s->gpr[X86_RBX], 0x1234);
	t.s->gpr[X86_RAX] = 0x800000000000;
	CODE(&t, 0xf3, 0x48, 0x0f, 0xae, 0xd0);
	assert_int_equal(sys_run(&t), X86_GP);
	test_soft_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syscall_sysret),
		cmocka_unit_test(sysenter_sysexit),
		cmocka_unit_test(bases),
	};

	return cmocka_run_group_tests_name("soft/syscall", tests, NULL, NULL);
}
