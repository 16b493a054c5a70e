/* SPDX-License-Identifier: MIT */
/* Far JMP, CALL, RET and IRET: privilege rules, gates, stacks, in all modes. */
#include "test_sys.h"

static int jmp(struct test_soft *t, uint16_t sel, uint64_t off)
{
	return SYS_CATCH(t, soft_far_jmp(t->s, sel, off, 4));
}

static int call(struct test_soft *t, uint16_t sel, uint64_t off, unsigned size)
{
	t->s->next_rip = TEST_CODE + 7;
	return SYS_CATCH(t, soft_far_call(t->s, sel, off, size));
}

static void real_far(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_REAL);
	/* jmp 0x1234:0x10 */
	CODE(&t, 0xea, 0x10, 0, 0x34, 0x12);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->seg[X86_CS].sel, 0x1234);
	assert_int_equal(t.s->seg[X86_CS].base, 0x12340);
	assert_int_equal(t.s->rip, 0x10);
	test_soft_close(&t);
	test_soft_open(&t, X86_REAL);
	/* call 0x900:0; there retf 4 */
	test_soft_put(&t, 0x9000, "\xca\x04\x00", 3);
	CODE(&t, 0x9a, 0, 0, 0, 9);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->gpr[X86_RSP], 0xfff0 - 4);
	assert_int_equal(sys_stack(&t, 0), 0x8005);
	assert_int_equal(sys_stack(&t, 1), 0);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, 0x8005);
	assert_int_equal(t.s->gpr[X86_RSP], 0xfff4);
	/* An offset beyond the limit: #GP, the CPU as it was. */
	CODE(&t, 0x66, 0xea, 0, 0, 1, 0, 0x34, 0x12);
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(sys_stack(&t, 0), 0x8000);
	test_soft_close(&t);
}

/* 5.8.1: direct jumps and calls: which code segments CPL 0 and 3 reach. */
static void direct(void **state)
{
	static const struct {
		uint16_t attr;
		uint8_t rpl;
		int at0, at3;
	} rows[] = {
		{0xc09b, 0, -1, X86_GP},     {0xc09b, 3, X86_GP, X86_GP}, /* RPL above CPL; DPL */
		{0xc0fb, 3, X86_GP, -1},     {0xc0fb, 0, X86_GP, -1},
		{0xc09f, 3, -1, -1},	 /* conforming */
		{0xc0ff, 3, X86_GP, -1}, /* conforming, DPL above CPL */
		{0xc01b, 0, X86_NP, X86_GP}, {0xc093, 0, X86_GP, X86_GP}, /* data */
		{0x0082, 0, X86_GP, X86_GP},				  /* LDT */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned user = 0; user < 2; user++) {
			int want = user ? rows[i].at3 : rows[i].at0;
			struct test_soft t;

			sys_open(&t, X86_PROT);
			if (user)
				sys_user(&t);
			sys_set(&t, SEL_A, sys_desc(0, 0xfffff, rows[i].attr));
			assert_int_equal(jmp(&t, SEL_A | rows[i].rpl, 0x1000), want);
			if (want == -1) {
				/* The RPL becomes the CPL, which stays. */
				assert_int_equal(t.s->seg[X86_CS].sel, SEL_A | (user ? 3 : 0));
				assert_int_equal(t.s->cpl, user ? 3 : 0);
				assert_int_equal(t.s->next_rip, 0x1000);
			} else {
				assert_int_equal(t.s->fault.error, SEL_A);
			}
			test_soft_close(&t);
		}
	}
}

static void limits(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	sys_set(&t, SEL_A, sys_desc(0, 0xfff, 0x409b));
	assert_int_equal(jmp(&t, SEL_A, 0x1000), X86_GP);
	assert_int_equal(t.s->fault.error, 0);
	assert_int_equal(jmp(&t, SEL_A, 0xfff), -1);
	assert_int_equal(jmp(&t, 0, 0), X86_GP);
	assert_int_equal(t.s->fault.error, 0);
	assert_int_equal(jmp(&t, 0x200, 0), X86_GP);
	assert_int_equal(t.s->fault.error, 0x200);
	/* A 16-bit segment changes the width. */
	assert_int_equal(jmp(&t, X86_SEL_CODE16, 0x100), -1);
	assert_int_equal(t.s->bits, 16);
	test_soft_close(&t);
}

static void long_switch(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	assert_int_equal(jmp(&t, X86_SEL_CODE32, 0x1000), -1); /* compatibility mode */
	assert_int_equal(t.s->bits, 32);
	assert_int_equal(jmp(&t, X86_SEL_CODE64, 0x2000), -1);
	assert_int_equal(t.s->bits, 64);
	assert_int_equal(jmp(&t, X86_SEL_CODE64, 0x800000000000), X86_GP);
	assert_int_equal(t.s->fault.error, 0);
	/* L and D together; a TSS is no target here. */
	sys_set(&t, SEL_A, sys_desc(0, 0xfffff, 0xe09b));
	assert_int_equal(jmp(&t, SEL_A, 0), X86_GP);
	assert_int_equal(t.s->fault.error, SEL_A);
	sys_set(&t, SEL_A, sys_desc(0x3000, 0x67, 0x89));
	assert_int_equal(jmp(&t, SEL_A, 0), X86_GP);
	test_soft_close(&t);
}

static void call_same(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	assert_int_equal(call(&t, X86_SEL_CODE32, 0x1000, 4), -1);
	assert_int_equal(t.s->next_rip, 0x1000);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 7);
	assert_int_equal(sys_stack(&t, 1), X86_SEL_CODE32);
	/* A 16-bit call pushes words. */
	t.s->gpr[X86_RSP] = TEST_STACK;
	assert_int_equal(call(&t, X86_SEL_CODE32, 0x1000, 2), -1);
	assert_int_equal(t.s->gpr[X86_RSP], TEST_STACK - 4);
	/* No room: nothing moved. */
	t.s->gpr[X86_RSP] = 4;
	t.s->seg[X86_SS].attr = 0xc097; /* expand-down */
	t.s->seg[X86_SS].limit = 0xfff;
	assert_int_equal(call(&t, X86_SEL_CODE32, 0x1000, 4), X86_SS_FAULT);
	assert_int_equal(t.s->gpr[X86_RSP], 4);
	assert_int_equal(t.s->next_rip, TEST_CODE + 7);
	test_soft_close(&t);
}

/* ---- call gates ------------------------------------------------------------------------------------ */

static void gate_inner(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	sys_user(&t);
	sys_set(&t, SEL_A, sys_gate(X86_SEL_CODE32, 0x12345678, SOFT_CALL32, 3, 2));
	sys_put32(&t, TEST_STACK, 0x1111);
	sys_put32(&t, TEST_STACK + 4, 0x2222);
	assert_int_equal(call(&t, SEL_A | 3, 0xdead, 4), -1);
	assert_int_equal(t.s->next_rip, 0x12345678);
	assert_int_equal(t.s->seg[X86_CS].sel, X86_SEL_CODE32);
	assert_int_equal(t.s->cpl, 0);
	assert_int_equal(t.s->seg[X86_SS].sel, X86_SEL_DATA);
	assert_int_equal(t.s->gpr[X86_RSP], SYS_STACK0 - 24);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 7);
	assert_int_equal(sys_stack(&t, 1), SEL_UCODE32);
	assert_int_equal(sys_stack(&t, 2), 0x1111);
	assert_int_equal(sys_stack(&t, 3), 0x2222);
	assert_int_equal(sys_stack(&t, 4), TEST_STACK);
	assert_int_equal(sys_stack(&t, 5), SEL_UDATA);
	/* Back: retf 8 takes the parameters off both stacks, and the kernel's data segments away. */
	sys_load(&t, X86_DS, X86_SEL_DATA);
	sys_load(&t, X86_ES, SEL_UDATA);
	assert_int_equal(SYS_CATCH(&t, soft_far_ret(t.s, 4, 8)), -1);
	assert_int_equal(t.s->cpl, 3);
	assert_int_equal(t.s->gpr[X86_RSP], TEST_STACK + 8);
	assert_int_equal(t.s->next_rip, TEST_CODE + 7);
	assert_true(t.s->seg[X86_DS].unusable);
	assert_int_equal(t.s->seg[X86_ES].sel, SEL_UDATA);
	test_soft_close(&t);
}

static void gate_checks(void **state)
{
	static const struct {
		uint64_t gate;
		uint8_t rpl;
		int jump, call;
		uint32_t error;
	} rows[] = {
		{0x0000ec0000080000, 3, X86_GP, -1, 0x08}, /* JMP may not go inwards */
		{0x0000ec0000400000, 3, -1, -1, 0},
		{0x0000ec0000580000, 3, -1, -1, 0},	       /* conforming */
		{0x00008c0000400000, 0, X86_GP, X86_GP, 0x90}, /* gate's DPL */
		{0x00006c0000400000, 0, X86_NP, X86_NP, 0x90},
		{0x0000ec0000000000, 0, X86_GP, X86_GP, 0},
		{0x0000ec0000480000, 0, X86_GP, X86_GP, 0x48}, /* data */
		{0x0000ec0001000000, 0, X86_GP, X86_GP, 0x100},
		{0x0000ec0000a00000, 0, X86_GP, X86_NP, 0xa0}, /* not present, DPL 0 */
		{0x0000ee0000400000, 0, X86_GP, X86_GP, 0x90}, /* an interrupt gate */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned j = 0; j < 2; j++) {
			int want = j ? rows[i].call : rows[i].jump;
			struct test_soft t;

			sys_open(&t, X86_PROT);
			sys_user(&t);
			sys_set(&t, SEL_A, rows[i].gate);
			sys_set(&t, SEL_B, sys_desc(0, 0xfffff, 0xc01b));
			assert_int_equal(j ? call(&t, SEL_A | rows[i].rpl, 0, 4)
					   : jmp(&t, SEL_A | rows[i].rpl, 0),
					 want);
			if (want != -1)
				assert_int_equal(t.s->fault.error, rows[i].error);
			test_soft_close(&t);
		}
	}
}

static void gate16(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	sys_set(&t, SEL_A, sys_gate(X86_SEL_CODE32, 0x12345678, SOFT_CALL16, 0, 3));
	assert_int_equal(call(&t, SEL_A, 0, 4), -1);
	assert_int_equal(t.s->next_rip, 0x5678);
	assert_int_equal(t.s->gpr[X86_RSP], TEST_STACK - 4);
	test_soft_close(&t);
}

static void gate64(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	sys_user(&t);
	sys_set(&t, SEL_A, sys_gate(X86_SEL_CODE64, 0x12345678, SOFT_CALL32, 3, 0));
	sys_set(&t, SEL_A + 8, 0x7fff);
	assert_int_equal(call(&t, SEL_A | 3, 0, 4), -1);
	assert_int_equal(t.s->next_rip, 0x7fff12345678);
	assert_int_equal(t.s->cpl, 0);
	assert_int_equal(t.s->gpr[X86_RSP], SYS_STACK0 - 32);
	assert_int_equal(t.s->seg[X86_SS].sel, 0);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 7);
	assert_int_equal(sys_stack(&t, 1), SEL_UCODE64);
	assert_int_equal(sys_stack(&t, 2), TEST_STACK);
	assert_int_equal(sys_stack(&t, 3), SEL_UDATA);
	/* Its code must be 64-bit; the second half's type 0; the target canonical. */
	sys_user(&t);
	sys_set(&t, SEL_A, sys_gate(X86_SEL_CODE32, 0x12345678, SOFT_CALL32, 3, 0));
	assert_int_equal(call(&t, SEL_A | 3, 0, 4), X86_GP);
	assert_int_equal(t.s->fault.error, X86_SEL_CODE32);
	sys_set(&t, SEL_A, sys_gate(X86_SEL_CODE64, 0x12345678, SOFT_CALL32, 3, 0));
	sys_set(&t, SEL_A + 8, 0x7fff | 0x0c00ull << 32);
	assert_int_equal(call(&t, SEL_A | 3, 0, 4), X86_GP);
	assert_int_equal(t.s->fault.error, SEL_A);
	sys_set(&t, SEL_A + 8, 0x8000);
	assert_int_equal(call(&t, SEL_A | 3, 0, 4), X86_GP);
	assert_int_equal(t.s->fault.error, 0);
	/* Beyond the table's end with its second half. */
	t.s->gdt.limit = SEL_A + 7;
	assert_int_equal(call(&t, SEL_A | 3, 0, 4), X86_GP);
	assert_int_equal(t.s->fault.error, SEL_A);
	test_soft_close(&t);
}

/* ---- RET and IRET --------------------------------------------------------------------------------- */

static void push(struct test_soft *t, unsigned n, const uint64_t *val, unsigned size)
{
	uint8_t b[8];

	t->s->gpr[X86_RSP] = TEST_STACK - n * size;
	for (unsigned i = 0; i < n; i++) {
		st_le(b, size, val[i]);
		test_soft_put(t, t->s->gpr[X86_RSP] + i * size, b, size);
	}
}

/* What a return refuses: CS and SS on the stack, from CPL 0 to 3 or the same. */
static const struct return_row {
	uint16_t cs, ss;
	int want;
	uint32_t error;
} return_rows[] = {
	{X86_SEL_CODE32, 0, -1, 0},
	{SEL_UCODE32, SEL_UDATA, -1, 0},
	{0, 0, X86_GP, 0},
	{0x200, 0, X86_GP, 0x200},
	{X86_SEL_DATA, 0, X86_GP, X86_SEL_DATA},
	{X86_SEL_CODE32 | 3, SEL_UDATA, X86_GP, X86_SEL_CODE32}, /* DPL is not RPL */
	{SEL_CONF32 | 3, SEL_UDATA, -1, 0},
	{0x90, 0, X86_NP, 0x90},
	{SEL_UCODE32, 0, X86_GP, 0},
	{SEL_UCODE32, X86_SEL_DATA, X86_GP, X86_SEL_DATA},
	{SEL_UCODE32, SEL_UCODE32, X86_GP, SEL_UCODE32 & ~3},
	{SEL_UCODE32, 0xa3, X86_SS_FAULT, 0xa0},
};

static int do_return(struct test_soft *t, bool iret)
{
	return iret ? SYS_CATCH(t, soft_iret(t->s, 4)) : SYS_CATCH(t, soft_far_ret(t->s, 4, 0));
}

static void one_return(const struct return_row *row, bool iret)
{
	const uint64_t f[] = {0x1000, row->cs, 0x71000, row->ss};
	const uint64_t g[] = {0x1000, row->cs, 2, 0x71000, row->ss};
	struct test_soft t;
	uint64_t sp;

	sys_open(&t, X86_PROT);
	sys_set(&t, SEL_A, sys_desc(0, 0xfffff, 0xc01b));
	sys_set(&t, SEL_B, sys_desc(0, 0xfffff, 0xc073));
	if (iret)
		push(&t, 5, g, 4);
	else
		push(&t, 4, f, 4);
	sp = t.s->gpr[X86_RSP];
	assert_int_equal(do_return(&t, iret), row->want);
	if (row->want != -1) {
		assert_int_equal(t.s->fault.error, row->error);
		assert_int_equal(t.s->gpr[X86_RSP], sp);
		assert_int_equal(t.s->seg[X86_CS].sel, X86_SEL_CODE32);
	} else {
		assert_int_equal(t.s->seg[X86_CS].sel, row->cs);
		assert_int_equal(t.s->cpl, row->cs & 3);
		assert_int_equal(t.s->next_rip, 0x1000);
		if (row->ss)
			assert_int_equal(t.s->gpr[X86_RSP], 0x71000);
	}
	test_soft_close(&t);
}

static void return_checks(void **state)
{
	const uint64_t f[] = {0x1000, X86_SEL_CODE32, 2};
	struct test_soft t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(return_rows); i++) {
		one_return(&return_rows[i], false);
		one_return(&return_rows[i], true);
	}
	/* Not inwards. */
	sys_open(&t, X86_PROT);
	sys_user(&t);
	push(&t, 3, f, 4);
	assert_int_equal(do_return(&t, false), X86_GP);
	assert_int_equal(do_return(&t, true), X86_GP);
	test_soft_close(&t);
}

/* Which flags IRET writes at CPL 0 and 3, with 32 and 16 bits. */
static void iret_flags(void **state)
{
	const uint64_t all = SOFT_FLAGS_ALL & ~SOFT_FLAG_VM, never = SOFT_FLAG_VM;
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	{
		const uint64_t f[] = {0x1000, X86_SEL_CODE32, all};

		push(&t, 3, f, 4);
		assert_int_equal(SYS_CATCH(&t, soft_iret(t.s, 4)), -1);
		assert_int_equal(t.s->rflags & SOFT_FLAGS_ALL, all);
		assert_false(t.s->rflags & never);
		t.s->rflags = X86_FLAG_FIXED;
		push(&t, 3, f, 2);
		assert_int_equal(SYS_CATCH(&t, soft_iret(t.s, 2)), -1);
		assert_int_equal(t.s->rflags, all & 0xffff);
	}
	t.s->rflags = X86_FLAG_FIXED;
	sys_user(&t);
	{
		const uint64_t f[] = {0x1000, SEL_UCODE32, all};
		const uint64_t no = X86_FLAG_IF | SOFT_FLAG_IOPL | SOFT_FLAG_VIF | SOFT_FLAG_VIP;

		push(&t, 3, f, 4);
		assert_int_equal(SYS_CATCH(&t, soft_iret(t.s, 4)), -1);
		assert_int_equal(t.s->rflags, all & ~no);
		t.s->rflags = X86_FLAG_FIXED | SOFT_FLAG_IOPL;
		push(&t, 3, f, 4);
		assert_int_equal(SYS_CATCH(&t, soft_iret(t.s, 4)), -1);
		assert_true(t.s->rflags & X86_FLAG_IF);
		assert_false(t.s->rflags & SOFT_FLAG_VIF);
	}
	test_soft_close(&t);
}

static void iret_long(void **state)
{
	const uint64_t same[] = {0x1000, X86_SEL_CODE64, 0x202, 0x71008, 0};
	const uint64_t user[] = {0x7ffffffff000, SEL_UCODE64, 0x202, 0x71003, SEL_UDATA};
	const uint64_t compat[] = {0x1000, SEL_UCODE32, 0x202, 0xffffffff71003, SEL_UDATA};
	const uint64_t bad[] = {0x800000000000, SEL_UCODE64, 0x202, 0x71003, SEL_UDATA};
	const uint64_t null3[] = {0x1000, SEL_UCODE64, 0x202, 0x71003, 3};
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	push(&t, 5, same, 8);
	assert_int_equal(SYS_CATCH(&t, soft_iret(t.s, 8)), -1);
	assert_int_equal(t.s->gpr[X86_RSP], 0x71008); /* popped at the same privilege too */
	assert_true(t.s->seg[X86_SS].unusable);
	push(&t, 5, bad, 8);
	assert_int_equal(SYS_CATCH(&t, soft_iret(t.s, 8)), X86_GP);
	assert_int_equal(t.s->cpl, 0);
	push(&t, 5, null3, 8);
	assert_int_equal(SYS_CATCH(&t, soft_iret(t.s, 8)), X86_GP);
	push(&t, 5, user, 8);
	sys_load(&t, X86_GS, X86_SEL_DATA);
	t.s->seg[X86_GS].base = 0x123456789;
	assert_int_equal(SYS_CATCH(&t, soft_iret(t.s, 8)), -1);
	assert_int_equal(t.s->cpl, 3);
	assert_int_equal(t.s->gpr[X86_RSP], 0x71003);
	/* What the user could not have loaded is null, but its base stays. */
	assert_int_equal(t.s->seg[X86_GS].sel, 0);
	assert_true(t.s->seg[X86_GS].unusable);
	assert_int_equal(t.s->seg[X86_GS].base, 0x123456789);
	test_soft_close(&t);
	sys_open(&t, X86_LONG);
	push(&t, 5, compat, 8);
	assert_int_equal(SYS_CATCH(&t, soft_iret(t.s, 8)), -1);
	assert_int_equal(t.s->bits, 32);
	assert_int_equal(t.s->gpr[X86_RSP], 0xfff71003);
	/* NT has no meaning but #GP. */
	t.s->rflags |= SOFT_FLAG_NT;
	assert_int_equal(SYS_CATCH(&t, soft_iret(t.s, 4)), X86_GP);
	assert_int_equal(t.s->fault.error, 0);
	test_soft_close(&t);
}

/* ---- virtual-8086 mode -------------------------------------------------------------------------- */

#define V86_FLAGS (SOFT_FLAG_VM | X86_FLAG_FIXED)

static void to_v86(struct test_soft *t, uint64_t flags)
{
	/* EIP CS EFLAGS ESP SS ES DS FS GS */
	const uint64_t f[] = {0, 0x2000, flags | V86_FLAGS, 0xff00, 0x3000, 0x11, 0x22, 0x33, 0x44};

	push(t, 9, f, 4);
	assert_int_equal(SYS_CATCH(t, soft_iret(t->s, 4)), -1);
	t->s->rip = t->s->next_rip;
}

static void v86_round(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	to_v86(&t, X86_FLAG_IF);
	assert_int_equal(t.s->cpl, 3);
	assert_int_equal(t.s->bits, 16);
	assert_int_equal(t.s->seg[X86_CS].base, 0x20000);
	assert_int_equal(t.s->seg[X86_GS].sel, 0x44);
	assert_int_equal(t.s->seg[X86_GS].attr, 0xf3);
	assert_int_equal(t.s->gpr[X86_RSP], 0xff00);
	/* Code there: #UD goes to CPL 0 with nine words on its stack. */
	test_soft_put(&t, 0x20000, "\x0f\x0b", 2);
	assert_int_equal(sys_run(&t), X86_UD);
	assert_false(t.s->rflags & SOFT_FLAG_VM);
	assert_int_equal(t.s->gpr[X86_RSP], SYS_STACK0 - 36);
	assert_int_equal(sys_stack(&t, 1), 0x2000);
	assert_true(sys_stack(&t, 2) & SOFT_FLAG_VM);
	assert_int_equal(sys_stack(&t, 3), 0xff00);
	assert_int_equal(sys_stack(&t, 4), 0x3000);
	assert_int_equal(sys_stack(&t, 5), 0x11);
	assert_int_equal(sys_stack(&t, 8), 0x44);
	assert_true(t.s->seg[X86_DS].unusable);
	test_soft_close(&t);
}

/* IOPL: INT n, IRET, CLI are #GP(0) below 3; INT3 is not. */
static void v86_iopl(void **state)
{
	static const uint8_t sensitive[][2] = {{0xcd, 0x40}, {0xcf}, {0xfa},
					       {0xfb},	     {0x9c}, {0x9d}};
	struct test_soft t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sensitive); i++) {
		sys_open(&t, X86_PROT);
		to_v86(&t, 0);
		test_soft_put(&t, 0x20000, sensitive[i], 2);
		assert_int_equal(sys_run(&t), X86_GP);
		assert_int_equal(sys_stack(&t, 0), 0);
		assert_int_equal(sys_stack(&t, 1), 0);
		test_soft_close(&t);
	}
	sys_open(&t, X86_PROT);
	to_v86(&t, 0);
	sys_set_idt(&t, 3, sys_gate(X86_SEL_CODE32, t.handlers + 3, SOFT_INT32, 3, 0));
	test_soft_put(&t, 0x20000, "\xcc", 1);
	assert_int_equal(sys_run(&t), X86_BP);
	test_soft_close(&t);
	/* With IOPL 3 through the gate, and IRET like real mode's. */
	sys_open(&t, X86_PROT);
	to_v86(&t, SOFT_FLAG_IOPL);
	sys_set_idt(&t, 0x40, sys_gate(X86_SEL_CODE32, t.handlers + 0x40, SOFT_INT32, 3, 0));
	test_soft_put(&t, 0x20000, "\xcf", 1);
	sys_put32(&t, 0x3ff00, 0x20000010);
	sys_put16(&t, 0x3ff04, 0x0202);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, 0x10);
	assert_int_equal(t.s->rflags, V86_FLAGS | SOFT_FLAG_IOPL | X86_FLAG_IF);
	test_soft_put(&t, 0x20010, "\xcd\x40", 2);
	assert_int_equal(sys_run(&t), 0x40);
	test_soft_close(&t);
	/* A handler that is not at CPL 0. */
	sys_open(&t, X86_PROT);
	to_v86(&t, 0);
	sys_set_idt(&t, X86_UD, sys_gate(SEL_CODE1, 0, SOFT_INT32, 0, 0));
	test_soft_put(&t, 0x20000, "\x0f\x0b", 2);
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(sys_stack(&t, 0), (SEL_CODE1 & ~3u) + 1);
	test_soft_close(&t);
}

/* 20.3.3: with CR4.VME, IF is VIF, and the bitmap of the TSS says whose INT n is. */
static void v86_vme(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	t.s->cr4 |= SOFT_CR4_VME;
	t.s->seg[X86_TR].limit = 0xff;
	sys_put16(&t, X86_BOOT_TSS + 0x66, 0x88); /* I/O bitmap; the other one is at 0x68 */
	sys_put32(&t, X86_BOOT_TSS + 0x68 + 0x40 / 8, 0x2); /* INT 0x41 is the monitor's */
	sys_put32(&t, 0x40 * 4, 0x24000123);
	to_v86(&t, 0);
	test_soft_put(&t, 0x20000, "\xfb\xcd\x40", 3); /* sti; int 0x40 */
	(void)test_soft_run(&t, 1);
	assert_true(t.s->rflags & SOFT_FLAG_VIF);
	assert_false(t.s->rflags & X86_FLAG_IF);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, 0x123);
	assert_int_equal(t.s->seg[X86_CS].sel, 0x2400);
	assert_false(t.s->rflags & SOFT_FLAG_VIF);
	assert_int_equal(test_soft_look(&t, 0x3fefa, 2), 3);
	assert_int_equal(test_soft_look(&t, 0x3fefc, 2), 0x2000);
	assert_int_equal(test_soft_look(&t, 0x3fefe, 2),
			 X86_FLAG_FIXED | SOFT_FLAG_IOPL | X86_FLAG_IF);
	/* IRET there puts IF back into VIF. */
	test_soft_put(&t, 0x24123, "\xcf", 1);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, 3);
	assert_true(t.s->rflags & SOFT_FLAG_VIF);
	test_soft_put(&t, 0x20003, "\xcd\x41", 2);
	assert_int_equal(sys_run(&t), X86_GP);
	test_soft_close(&t);
	/* STI with an interrupt of the monitor's pending: #GP. */
	sys_open(&t, X86_PROT);
	t.s->cr4 |= SOFT_CR4_VME;
	to_v86(&t, SOFT_FLAG_VIP);
	test_soft_put(&t, 0x20000, "\xfb", 1);
	assert_int_equal(sys_run(&t), X86_GP);
	test_soft_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_far),    cmocka_unit_test(direct),
		cmocka_unit_test(limits),      cmocka_unit_test(long_switch),
		cmocka_unit_test(call_same),   cmocka_unit_test(gate_inner),
		cmocka_unit_test(gate_checks), cmocka_unit_test(gate16),
		cmocka_unit_test(gate64),      cmocka_unit_test(return_checks),
		cmocka_unit_test(iret_flags),  cmocka_unit_test(iret_long),
		cmocka_unit_test(v86_round),   cmocka_unit_test(v86_iopl),
		cmocka_unit_test(v86_vme),
	};

	return cmocka_run_group_tests_name("soft/far", tests, NULL, NULL);
}
