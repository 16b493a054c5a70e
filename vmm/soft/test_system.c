/* SPDX-License-Identifier: MIT */
/* BOUND, INTO, INVPCID, keys, random numbers, cache lines, the way from reset to long mode. */
#include "test_rich.h"

static void bound_into_ud(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_PROT);
	sys_put32(&t, TEST_DATA, (uint32_t)-5);
	sys_put32(&t, TEST_DATA + 4, 5);
	t.s->gpr[X86_RBX] = TEST_DATA;
	t.s->gpr[X86_RAX] = (uint32_t)-5;
	CODE(&t, 0x62, 0x03, 0x90);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, TEST_CODE + 2);
	t.s->gpr[X86_RAX] = 6;
	CODE(&t, 0x62, 0x03);
	assert_int_equal(sys_run(&t), X86_BR);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE);
	t.s->halted = false;
	CODE(&t, 0xce, 0x90);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, TEST_CODE + 1);
	t.s->rflags |= X86_FLAG_OF;
	CODE(&t, 0xce);
	assert_int_equal(sys_run(&t), X86_OF);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 1);
	test_soft_close(&t);
}

/* PVI: at CPL 3 of protected mode CLI and STI work on VIF. */
static void pvi(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_PROT);
	t.s->cr4 |= SOFT_CR4_PVI;
	t.s->rflags |= X86_FLAG_IF;
	sys_user(&t);
	CODE(&t, 0xfb, 0xfa);
	(void)test_soft_run(&t, 1);
	assert_true(t.s->rflags & SOFT_FLAG_VIF);
	(void)test_soft_run(&t, 1);
	assert_false(t.s->rflags & SOFT_FLAG_VIF);
	assert_true(t.s->rflags & X86_FLAG_IF);
	/* With IOPL 3 it is IF. */
	t.s->rflags |= SOFT_FLAG_IOPL;
	CODE(&t, 0xfa);
	(void)test_soft_run(&t, 1);
	assert_false(t.s->rflags & X86_FLAG_IF);
	test_soft_close(&t);
}

static void invpcid(void **state)
{
	static const struct {
		uint64_t type, pcid, la;
		bool pcide;
		int want;
	} rows[] = {
		{0, 0, 0x1000, false, -1},
		{0, 1, 0x1000, false, X86_GP},
		{0, 1, 0x1000, true, -1},
		{0, 0x1000, 0x1000, true, X86_GP},
		{0, 0, 0x800000000000, true, X86_GP},
		{1, 1, 0, false, X86_GP},
		{2, 0x1000, 0, true, X86_GP},
		{2, 1, 0, false, -1},
		{3, 0, 0x800000000000, false, -1},
		{4, 0, 0, true, X86_GP},
		{1ull << 32, 0, 0, true, X86_GP},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct test_soft t;

		open_rich(&t, X86_LONG);
		if (rows[i].pcide)
			t.s->cr4 |= SOFT_CR4_PCIDE;
		sys_put64(&t, TEST_DATA, rows[i].pcid);
		sys_put64(&t, TEST_DATA + 8, rows[i].la);
		t.s->gpr[X86_RAX] = rows[i].type;
		t.s->gpr[X86_RBX] = TEST_DATA;
		CODE(&t, 0x66, 0x0f, 0x38, 0x82, 0x03);
		if (rows[i].want == -1) {
			(void)test_soft_run(&t, 1);
			assert_int_equal(t.s->rip, TEST_CODE + 5);
		} else {
			assert_int_equal(sys_run(&t), rows[i].want);
		}
		test_soft_close(&t);
	}
}

static void pkru_and_smap(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_LONG);
	t.s->gpr[X86_RCX] = t.s->gpr[X86_RDX] = 0;
	t.s->gpr[X86_RAX] = 0x50;
	CODE(&t, 0x0f, 0x01, 0xef);
	assert_int_equal(sys_run(&t), X86_UD);
	t.s->halted = false;
	t.s->cr4 |= SOFT_CR4_PKE;
	CODE(&t, 0x0f, 0x01, 0xef, 0x0f, 0x01, 0xee, 0x0f, 0x01, 0xcb, 0x0f, 0x01, 0xca);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->pkru, 0x50);
	t.s->gpr[X86_RAX] = 0;
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->gpr[X86_RAX], 0x50);
	(void)test_soft_run(&t, 1);
	assert_true(t.s->rflags & X86_FLAG_AC);
	(void)test_soft_run(&t, 1);
	assert_false(t.s->rflags & X86_FLAG_AC);
	t.s->gpr[X86_RCX] = 1;
	CODE(&t, 0x0f, 0x01, 0xee);
	assert_int_equal(sys_run(&t), X86_GP);
	test_soft_close(&t);
}

static void random_numbers(void **state)
{
	struct test_soft t, u;

	(void)state;
	open_rich(&t, X86_LONG);
	open_rich(&u, X86_LONG);
	t.s->rflags |= X86_FLAG_OF | X86_FLAG_ZF;
	CODE(&t, 0x48, 0x0f, 0xc7, 0xf0, 0x66, 0x0f, 0xc7, 0xfb); /* rdrand rax; rdseed bx */
	CODE(&u, 0x48, 0x0f, 0xc7, 0xf0);
	t.s->gpr[X86_RBX] = 0xffff0000;
	(void)test_soft_run(&t, 2);
	(void)test_soft_run(&u, 1);
	assert_int_equal(t.s->gpr[X86_RAX], u.s->gpr[X86_RAX]);
	assert_int_not_equal(t.s->gpr[X86_RAX], 0);
	assert_int_equal(t.s->gpr[X86_RBX] >> 16, 0xffff);
	assert_int_equal(t.s->rflags, X86_FLAG_FIXED | X86_FLAG_CF);
	test_soft_close(&t);
	test_soft_close(&u);
}

static void cache_lines(void **state)
{
	struct test_soft t;

	(void)state;
	open_rich(&t, X86_LONG);
	t.s->gpr[X86_RAX] = TEST_DATA;
	CODE(&t, 0x0f, 0xae, 0x38, 0x66, 0x0f, 0xae, 0x38, 0x66, 0x0f, 0xae, 0x30);
	(void)test_soft_run(&t, 3); /* clflush, clflushopt, clwb [rax] */
	assert_int_equal(t.s->rip, TEST_CODE + 11);
	t.s->gpr[X86_RAX] = 0x7000000000;
	CODE(&t, 0x0f, 0xae, 0x38);
	assert_int_equal(sys_run(&t), X86_PF);
	assert_int_equal(sys_stack(&t, 0), 0);
	test_soft_close(&t);
}

/* From the reset vector to 64-bit code, as firmware does it. */
static void reset_to_long_mode(void **state)
{
	static const uint8_t code[] = {
		0x0f, 0x01, 0x16, 0x00, 0x90,			      /* lgdt [0x9000] */
		0x0f, 0x20, 0xe0, 0x0c, 0x20, 0x0f, 0x22, 0xe0,	      /* cr4 |= PAE */
		0x66, 0xb8, 0x00, 0x10, 0x00, 0x00, 0x0f, 0x22, 0xd8, /* cr3 = 0x1000 */
		0x66, 0xb9, 0x80, 0x00, 0x00, 0xc0,		      /* ecx = EFER */
		0x0f, 0x32, 0x80, 0xcc, 0x01, 0x0f, 0x30,	      /* |= LME */
		0x0f, 0x20, 0xc0, 0x66, 0x0d, 0x01, 0x00, 0x00, 0x80,
		0x0f, 0x22, 0xc0, 0xea, 0x00, 0x81, 0x18, 0x00, /* jmp 0x18:0x8100 */
	};
	static const uint8_t code64[] = {0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 0x0f, 0x20, 0xc3};
	struct cpu_state st;
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG); /* for its page tables and GDT */
	x86_state_reset(&st);
	assert_int_equal(soft_set(t.s, &st, NULL), 0);
	assert_int_equal(t.s->seg[X86_CS].base + t.s->rip, 0xfffffff0);
	assert_int_equal(gmem_add(t.mem, 0xfffff000, 0x1000, GMEM_ROM, NULL), 0);
	assert_int_equal(gmem_place(t.mem, 0xfffffff0, "\xea\x00\x80\x00\x00", 5), 0);
	soft_memory_changed(t.s);
	sys_put16(&t, 0x9000, SYS_LIMIT);
	sys_put32(&t, 0x9002, SYS_GDT);
	test_soft_put(&t, 0x8000, code, sizeof(code));
	test_soft_put(&t, 0x8100, code64, sizeof(code64));
	(void)test_soft_run(&t, 17);
	assert_int_equal(t.s->gpr[X86_RAX], 0x0807060504030201);
	assert_int_equal(t.s->bits, 64);
	assert_int_equal(t.s->rip, 0x810d);
	assert_int_equal(t.s->gpr[X86_RBX], t.s->cr0);
	assert_true(t.s->efer & X86_EFER_LMA);
	test_soft_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bound_into_ud),
		cmocka_unit_test(pvi),
		cmocka_unit_test(invpcid),
		cmocka_unit_test(pkru_and_smap),
		cmocka_unit_test(random_numbers),
		cmocka_unit_test(cache_lines),
		cmocka_unit_test(reset_to_long_mode),
	};

	return cmocka_run_group_tests_name("soft/system", tests, NULL, NULL);
}
