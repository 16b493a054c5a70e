/* SPDX-License-Identifier: MIT */
/* Descriptor-table registers; what CPL 3 may not do. */
#include "test_rich.h"

static void gdtr_idtr(void **state)
{
	static const uint8_t table[10] = {0x34, 0x12, 0x78, 0x56, 0x34,
					  0x92, 0xff, 0xff, 0xff, 0xff};
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_LONG);
	test_soft_put(&t, TEST_DATA, table, 10);
	t.s->gpr[X86_RBX] = TEST_DATA;
	CODE(&t, 0x0f, 0x01, 0x1b, 0x0f, 0x01, 0x4b, 0x10); /* lidt [rbx]; sidt [rbx + 16] */
	(void)test_soft_run(&t, 2);
	assert_int_equal(t.s->idt.limit, 0x1234);
	assert_int_equal(t.s->idt.base, 0xffffffff92345678);
	assert_int_equal(test_soft_look(&t, TEST_DATA + 16, 8), ld_le64(table));
	test_soft_close(&t);
	/* Not canonical: #GP. */
	open_rich(&t, X86_LONG);
	sys_put64(&t, TEST_DATA + 2, 0x800000000000);
	t.s->gpr[X86_RBX] = TEST_DATA;
	CODE(&t, 0x0f, 0x01, 0x13);
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(t.s->gdt.base, SYS_GDT);
	test_soft_close(&t);
	/* 16-bit operands: 24 bits of base. */
	open_rich(&t, X86_PROT);
	test_soft_put(&t, TEST_DATA, table, 10);
	t.s->gpr[X86_RBX] = TEST_DATA;
	CODE(&t, 0x66, 0x0f, 0x01, 0x13, 0x0f, 0x01, 0x13);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->gdt.base, 0x345678);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->gdt.base, 0x92345678);
	test_soft_close(&t);
}

static void ldtr_tr(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_LONG);
	t.s->gpr[X86_RAX] = SEL_LDT;
	t.s->gpr[X86_RBX] = SEL_A;
	sys_set(&t, SEL_LDT + 8, 0xffff8000);
	sys_set(&t, SEL_A, sys_desc(0x12345678, 0x67, 0x89));
	sys_set(&t, SEL_A + 8, 0xffffffff);
	CODE(&t, 0x0f, 0x00, 0xd0, 0x0f, 0x00, 0xdb, 0x0f, 0x00, 0xc9); /* lldt; ltr; str ecx */
	(void)test_soft_run(&t, 3);
	assert_int_equal(t.s->seg[X86_LDTR].base, 0xffff800000000000 | SYS_LDT);
	assert_int_equal(t.s->seg[X86_TR].base, 0xffffffff12345678);
	assert_int_equal(t.s->seg[X86_TR].attr, 0x8b);
	assert_int_equal(test_soft_look(&t, SYS_GDT + SEL_A + 5, 1), 0x8b);
	assert_int_equal(t.s->gpr[X86_RCX], SEL_A);
	/* Busy now. */
	CODE(&t, 0x0f, 0x00, 0xdb);
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(sys_stack(&t, 0), SEL_A);
	t.s->halted = false;
	t.s->gpr[X86_RAX] = 0;
	CODE(&t, 0x0f, 0x00, 0xd0);
	(void)test_soft_run(&t, 1);
	assert_true(t.s->seg[X86_LDTR].unusable);
	t.s->gpr[X86_RBX] = 0;
	CODE(&t, 0x0f, 0x00, 0xdb);
	assert_int_equal(sys_run(&t), X86_GP);
	t.s->halted = false;
	/* A non-canonical base; a descriptor whose second half is beyond the table. */
	t.s->gpr[X86_RBX] = SEL_A;
	sys_set(&t, SEL_A, sys_desc(0, 0x67, 0x89));
	sys_set(&t, SEL_A + 8, 0x8000);
	CODE(&t, 0x0f, 0x00, 0xdb);
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(sys_stack(&t, 0), SEL_A);
	t.s->halted = false;
	sys_set(&t, SEL_A + 8, 0);
	t.s->gdt.limit = SEL_A + 14;
	CODE(&t, 0x0f, 0x00, 0xdb);
	assert_int_equal(sys_run(&t), X86_GP);
	test_soft_close(&t);
}

/* ---- privilege -------------------------------------------------------------------------------------- */

static void user_may_not(void **state)
{
	static const struct {
		uint8_t code[4];
		int at3, at3_umip;
	} rows[] = {
		{{0xf4}, X86_GP, X86_GP},	      /* hlt */
		{{0xfa}, X86_GP, X86_GP},	      /* cli */
		{{0xfb}, X86_GP, X86_GP},	      /* sti */
		{{0x0f, 0x06}, X86_GP, X86_GP},	      /* clts */
		{{0x0f, 0x08}, X86_GP, X86_GP},	      /* invd */
		{{0x0f, 0x09}, X86_GP, X86_GP},	      /* wbinvd */
		{{0x0f, 0x01, 0x38}, X86_GP, X86_GP}, /* invlpg [rax] */
		{{0x0f, 0x01, 0x10}, X86_GP, X86_GP}, /* lgdt [rax] */
		{{0x0f, 0x01, 0x18}, X86_GP, X86_GP}, /* lidt [rax] */
		{{0x0f, 0x00, 0xd0}, X86_GP, X86_GP}, /* lldt ax */
		{{0x0f, 0x00, 0xd8}, X86_GP, X86_GP}, /* ltr ax */
		{{0x0f, 0x01, 0xf0}, X86_GP, X86_GP}, /* lmsw ax */
		{{0x0f, 0x20, 0xc0}, X86_GP, X86_GP}, /* mov rax, cr0 */
		{{0x0f, 0x22, 0xc0}, X86_GP, X86_GP},
		{{0x0f, 0x21, 0xc0}, X86_GP, X86_GP}, /* mov rax, dr0 */
		{{0x0f, 0x32}, X86_GP, X86_GP},	      /* rdmsr */
		{{0x0f, 0x30}, X86_GP, X86_GP},
		{{0x0f, 0x33}, X86_GP, X86_GP},	      /* rdpmc */
		{{0x0f, 0x01, 0xf8}, X86_GP, X86_GP}, /* swapgs */
		{{0x48, 0x0f, 0x07}, X86_GP, X86_GP}, /* sysretq */
		{{0x0f, 0x01, 0xc8}, X86_UD, X86_UD}, /* monitor */
		{{0x0f, 0x01, 0xcb}, X86_UD, X86_UD}, /* stac */
		{{0x0f, 0x01, 0x00}, -1, X86_GP},     /* sgdt [rax] */
		{{0x0f, 0x01, 0x08}, -1, X86_GP},     /* sidt [rax] */
		{{0x0f, 0x00, 0xc0}, -1, X86_GP},     /* sldt eax */
		{{0x0f, 0x00, 0xc8}, -1, X86_GP},     /* str eax */
		{{0x0f, 0x01, 0xe0}, -1, X86_GP},     /* smsw eax */
		{{0x0f, 0x31}, -1, -1},		      /* rdtsc */
		{{0x0f, 0xa2}, -1, -1},		      /* cpuid */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned umip = 0; umip < 2; umip++) {
			int want = umip ? rows[i].at3_umip : rows[i].at3;
			struct test_soft t;

			open_rich(&t, X86_LONG);
			t.s->efer |= X86_EFER_SCE;
			if (umip)
				t.s->cr4 |= SOFT_CR4_UMIP;
			sys_user(&t);
			t.s->gpr[X86_RAX] = TEST_DATA;
			test_soft_code(&t, rows[i].code, 4);
			if (want == -1) {
				assert_int_equal(test_soft_run(&t, 1), SOFT_STOP_BUDGET);
				assert_int_equal(t.s->cpl, 3);
			} else {
				assert_int_equal(sys_run(&t), want);
				assert_int_equal(sys_stack(&t, want == X86_UD ? 0 : 1), TEST_CODE);
			}
			test_soft_close(&t);
		}
	}
}

static void tsd(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_LONG);
	t.s->cr4 |= SOFT_CR4_TSD;
	t.s->tsc_aux = 7;
	t.s->tsc_offset = 0x100000000;
	CODE(&t, 0x90, 0x0f, 0x01, 0xf9); /* rdtscp */
	(void)test_soft_run(&t, 2);
	assert_int_equal(t.s->gpr[X86_RAX], 1); /* instructions before it */
	assert_int_equal(t.s->gpr[X86_RDX], 1);
	assert_int_equal(t.s->gpr[X86_RCX], 7);
	sys_user(&t);
	CODE(&t, 0x0f, 0x31);
	assert_int_equal(sys_run(&t), X86_GP);
	test_soft_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gdtr_idtr),
		cmocka_unit_test(ldtr_tr),
		cmocka_unit_test(user_may_not),
		cmocka_unit_test(tsd),
	};

	return cmocka_run_group_tests_name("soft/tables", tests, NULL, NULL);
}
