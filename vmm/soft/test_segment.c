/* SPDX-License-Identifier: MIT */
/* Segment registers in all modes: SDM 2B MOV, 3A chapters 3 and 5; LAR, LSL, VERR, VERW, ARPL. */
#include "test_sys.h"

static int load(struct test_soft *t, unsigned seg, uint16_t sel)
{
	return SYS_CATCH(t, soft_load_seg(t->s, seg, sel));
}

static void real_mode(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_REAL);
	/* Limit and width stay: unreal mode. */
	t.s->seg[X86_DS].limit = UINT32_MAX;
	t.s->seg[X86_DS].attr = 0xc0f1;
	assert_int_equal(load(&t, X86_DS, 0x1234), -1);
	assert_int_equal(t.s->seg[X86_DS].base, 0x12340);
	assert_int_equal(t.s->seg[X86_DS].limit, UINT32_MAX);
	assert_int_equal(t.s->seg[X86_DS].attr, 0xc093);
	test_soft_close(&t);
}

static void v86_mode(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	t.s->rflags |= SOFT_FLAG_VM;
	assert_int_equal(load(&t, X86_ES, 0xffff), -1);
	assert_int_equal(t.s->seg[X86_ES].base, 0xffff0);
	assert_int_equal(t.s->seg[X86_ES].limit, 0xffff);
	assert_int_equal(t.s->seg[X86_ES].attr, 0xf3);
	test_soft_close(&t);
}

/* Loads at CPL 0 and 3 of every kind of descriptor: the vector and the error code. */
static void data_segments(void **state)
{
	static const struct {
		uint16_t attr;
		uint8_t rpl;
		int at0, at3;
	} rows[] = {
		{0xc093, 0, -1, X86_GP},     /* data, DPL 0 */
		{0xc091, 0, -1, X86_GP},     /* read-only */
		{0xc0f3, 3, -1, -1},	     /* DPL 3 */
		{0xc093, 3, X86_GP, X86_GP}, /* RPL above DPL */
		{0xc0b3, 1, -1, X86_GP},     /* DPL 1 */
		{0xc09b, 0, -1, X86_GP},     /* readable code */
		{0xc099, 0, X86_GP, X86_GP}, /* code that can't be read */
		{0xc09f, 3, -1, -1},	     /* conforming: no privilege checks */
		{0xc013, 0, X86_NP, X86_GP}, /* not present */
		{0xc073, 3, X86_NP, X86_NP}, {0x0082, 0, X86_GP, X86_GP}, /* system */
		{0x00ee, 3, X86_GP, X86_GP},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned user = 0; user < 2; user++) {
			struct test_soft t;
			int want = user ? rows[i].at3 : rows[i].at0;
			uint16_t sel = SEL_A | rows[i].rpl;

			sys_open(&t, X86_PROT);
			if (user)
				sys_user(&t);
			sys_set(&t, SEL_A, sys_desc(0x1000, 0xfffff, rows[i].attr));
			assert_int_equal(load(&t, X86_ES, sel), want);
			if (want == -1) {
				assert_int_equal(t.s->seg[X86_ES].sel, sel);
				assert_int_equal(t.s->seg[X86_ES].base, 0x1000);
				assert_int_equal(t.s->seg[X86_ES].limit, UINT32_MAX);
			} else {
				assert_int_equal(t.s->fault.error, SEL_A);
				assert_int_not_equal(t.s->seg[X86_ES].sel, sel);
			}
			test_soft_close(&t);
		}
	}
}

static void stack_segment(void **state)
{
	static const struct {
		uint16_t attr;
		uint8_t rpl;
		int want;
	} rows[] = {
		{0xc093, 0, -1},     {0xc097, 0, -1},		{0xc091, 0, X86_GP},
		{0xc093, 1, X86_GP}, {0xc0b3, 0, X86_GP},	{0xc09b, 0, X86_GP},
		{0x0082, 0, X86_GP}, {0xc013, 0, X86_SS_FAULT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct test_soft t;

		sys_open(&t, X86_PROT);
		sys_set(&t, SEL_A, sys_desc(0, 0xfffff, rows[i].attr));
		assert_int_equal(load(&t, X86_SS, SEL_A | rows[i].rpl), rows[i].want);
		if (rows[i].want != -1)
			assert_int_equal(t.s->fault.error, SEL_A);
		test_soft_close(&t);
	}
}

/* Null: DS and the like take it, SS in 64-bit mode below CPL 3 with RPL as CPL. */
static void null_selectors(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	assert_int_equal(load(&t, X86_DS, 3), -1);
	assert_true(t.s->seg[X86_DS].unusable);
	assert_int_equal(t.s->seg[X86_DS].sel, 3);
	assert_int_equal(SYS_CATCH(&t, soft_read(t.s, X86_DS, 0, 1)), X86_GP);
	assert_int_equal(load(&t, X86_SS, 0), X86_GP);
	assert_int_equal(t.s->fault.error, 0);
	test_soft_close(&t);
	sys_open(&t, X86_LONG);
	assert_int_equal(load(&t, X86_SS, 0), -1);
	assert_int_equal(load(&t, X86_SS, 1), X86_GP);
	assert_int_equal(SYS_CATCH(&t, soft_read(t.s, X86_SS, 0x1000, 1)), -1);
	sys_user(&t);
	assert_int_equal(load(&t, X86_SS, 3), X86_GP);
	assert_int_equal(t.s->cpl, 3);
	test_soft_close(&t);
}

static void tables(void **state)
{
	struct test_soft t;
	uint64_t raw = sys_desc(0x5000, 0xfff, 0x4092);

	(void)state;
	sys_open(&t, X86_PROT);
	/* The accessed bit is set in memory. */
	sys_set(&t, SEL_A, raw);
	assert_int_equal(load(&t, X86_ES, SEL_A), -1);
	assert_int_equal(test_soft_look(&t, SYS_GDT + SEL_A, 8), raw | 1ull << 40);
	assert_int_equal(t.s->seg[X86_ES].attr, 0x4093);
	assert_int_equal(t.s->seg[X86_ES].limit, 0xfff);
	/* The table's limit is of the descriptor's last byte. */
	t.s->gdt.limit = SEL_A + 6;
	assert_int_equal(load(&t, X86_ES, SEL_A), X86_GP);
	t.s->gdt.limit = SEL_A + 7;
	assert_int_equal(load(&t, X86_ES, SEL_A), -1);
	/* LDT */
	assert_int_equal(load(&t, X86_ES, 0xc), X86_GP);
	assert_int_equal(t.s->fault.error, 0xc);
	sys_load(&t, X86_LDTR, SEL_LDT);
	sys_put64(&t, SYS_LDT + 8, raw);
	assert_int_equal(load(&t, X86_ES, 0xc), -1);
	assert_int_equal(t.s->seg[X86_ES].base, 0x5000);
	/* A table beyond memory: the machine is asked, here it says ones: code, conforming, DPL 3. */
	t.s->gdt.base = 0xfffffffc;
	t.answer = ~0ull;
	t.nr_exits = 0;
	assert_int_equal(load(&t, X86_ES, SEL_A), X86_GP);
	assert_int_equal(t.nr_exits, 0); /* the address wrapped into RAM, where zeros are */
	t.s->gdt.base = 0x80000000;
	assert_int_equal(load(&t, X86_ES, SEL_A), -1);
	assert_int_equal(t.exits[0].mmio.gpa, 0x80000000 + SEL_A);
	test_soft_close(&t);
}

/* In 64-bit mode FS and GS have the descriptor's base; the fault order is that of protected mode. */
static void long_mode(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	sys_set(&t, SEL_A, sys_desc(0x81234567, 0, 0xc093));
	t.s->seg[X86_FS].base = 0xffff800000000000;
	assert_int_equal(load(&t, X86_FS, SEL_A), -1);
	assert_int_equal(t.s->seg[X86_FS].base, 0x81234567);
	assert_int_equal(load(&t, X86_FS, 0), -1);
	assert_int_equal(t.s->seg[X86_FS].base, 0);
	test_soft_close(&t);
}

/* ---- LAR, LSL, VERR, VERW, ARPL ------------------------------------------------------------------ */

static bool zf(struct test_soft *t)
{
	return t->s->rflags & X86_FLAG_ZF;
}

static void lar_lsl(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	t.s->gpr[X86_RCX] = X86_SEL_CODE32;
	CODE(&t, 0x0f, 0x02, 0xc1, 0x0f, 0x03, 0xd9, 0x66, 0x0f, 0x02, 0xd1);
	/* lar eax, ecx; lsl ebx, ecx; lar dx, cx */
	assert_int_equal(test_soft_run(&t, 3), SOFT_STOP_BUDGET);
	assert_true(zf(&t));
	assert_int_equal(t.s->gpr[X86_RAX], 0xcf9b00);
	assert_int_equal(t.s->gpr[X86_RBX], UINT32_MAX);
	assert_int_equal(t.s->gpr[X86_RDX] & 0xffff, 0x9b00);
	/* An interrupt gate has neither; a call gate has rights but no limit. */
	sys_set(&t, SEL_A, sys_gate(8, 0, SOFT_INT32, 0, 0));
	sys_set(&t, SEL_B, sys_gate(8, 0, SOFT_CALL32, 0, 0));
	t.s->gpr[X86_RAX] = 7;
	t.s->gpr[X86_RCX] = SEL_A;
	CODE(&t, 0x0f, 0x02, 0xc1);
	(void)test_soft_run(&t, 1);
	assert_false(zf(&t));
	assert_int_equal(t.s->gpr[X86_RAX], 7);
	t.s->gpr[X86_RCX] = SEL_B;
	CODE(&t, 0x0f, 0x02, 0xc1, 0x0f, 0x03, 0xd9);
	(void)test_soft_run(&t, 1);
	assert_true(zf(&t));
	(void)test_soft_run(&t, 1);
	assert_false(zf(&t));
	/* Privilege: DPL 0 seen with RPL 3, or null. */
	t.s->gpr[X86_RCX] = X86_SEL_CODE32 | 3;
	CODE(&t, 0x0f, 0x02, 0xc1, 0x0f, 0x02, 0xc2);
	(void)test_soft_run(&t, 1);
	assert_false(zf(&t));
	t.s->gpr[X86_RDX] = 0;
	(void)test_soft_run(&t, 1);
	assert_false(zf(&t));
	test_soft_close(&t);
	test_soft_open(&t, X86_REAL);
	CODE(&t, 0x0f, 0x02, 0xc1);
	assert_int_equal(sys_run(&t), X86_UD);
	test_soft_close(&t);
}

static void verr_verw(void **state)
{
	static const struct {
		uint16_t attr;
		bool read, write;
	} rows[] = {
		{0xc0f3, true, true},	{0xc0f1, true, false},	{0xc0fb, true, false},
		{0xc0f9, false, false}, {0xc093, false, false}, {0x00e2, false, false},
		{0xc09f, true, false},	{0xc073, true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct test_soft t;

		sys_open(&t, X86_PROT);
		sys_user(&t);
		sys_set(&t, SEL_A, sys_desc(0, 0, rows[i].attr));
		t.s->gpr[X86_RAX] = SEL_A | 3;
		CODE(&t, 0x0f, 0x00, 0xe0, 0x0f, 0x00, 0xe8);
		(void)test_soft_run(&t, 1);
		assert_int_equal(zf(&t), rows[i].read);
		(void)test_soft_run(&t, 1);
		assert_int_equal(zf(&t), rows[i].write);
		test_soft_close(&t);
	}
}

static void arpl(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	t.s->gpr[X86_RAX] = 0x10;
	t.s->gpr[X86_RCX] = 0x1b;
	CODE(&t, 0x63, 0xc8, 0x63, 0xc8);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->gpr[X86_RAX], 0x13);
	assert_true(zf(&t));
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->gpr[X86_RAX], 0x13);
	assert_false(zf(&t));
	test_soft_close(&t);
}

static void load_far(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	sys_put32(&t, TEST_DATA, 0x11223344);
	sys_put16(&t, TEST_DATA + 4, X86_SEL_DATA16);
	CODE(&t, 0xc4, 0x05, 0, 0, 9, 0); /* les eax, [TEST_DATA] */
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->gpr[X86_RAX], 0x11223344);
	assert_int_equal(t.s->seg[X86_ES].sel, X86_SEL_DATA16);
	/* A fault leaves both. */
	sys_put16(&t, TEST_DATA + 4, X86_SEL_TSS);
	t.s->gpr[X86_RAX] = 1;
	CODE(&t, 0x0f, 0xb2, 0x05, 0, 0, 9, 0); /* lss */
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(t.s->gpr[X86_RAX], 1);
	assert_int_equal(t.s->seg[X86_SS].sel, X86_SEL_DATA);
	test_soft_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_mode),	  cmocka_unit_test(v86_mode),
		cmocka_unit_test(data_segments),  cmocka_unit_test(stack_segment),
		cmocka_unit_test(null_selectors), cmocka_unit_test(tables),
		cmocka_unit_test(long_mode),	  cmocka_unit_test(lar_lsl),
		cmocka_unit_test(verr_verw),	  cmocka_unit_test(arpl),
		cmocka_unit_test(load_far),
	};

	return cmocka_run_group_tests_name("soft/segment", tests, NULL, NULL);
}
