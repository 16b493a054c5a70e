/* SPDX-License-Identifier: MIT */
/* The hardware task switch, SDM 3A chapter 7. */
#include "test_sys.h"

#define TSS2_SEL   SEL_A
#define TASK_CODE  0x50000u
#define TASK_STACK 0x52000u

struct task {
	uint32_t eflags;
	uint16_t cs, ss, ds, es, fs, gs, ldt;
	bool trap;
};

static const struct task plain = {.eflags = X86_FLAG_FIXED | X86_FLAG_CF,
				  .cs = X86_SEL_CODE32,
				  .ss = X86_SEL_DATA,
				  .ds = X86_SEL_DATA,
				  .es = X86_SEL_DATA16,
				  .fs = 0,
				  .gs = SEL_UDATA};

static void write_task(struct test_soft *t, const struct task *k)
{
	uint32_t at = SYS_TSS2;
	uint8_t zero[0x68] = {0};

	test_soft_put(t, at, zero, sizeof(zero));
	sys_put32(t, at + 0x20, TASK_CODE);
	sys_put32(t, at + 0x24, k->eflags);
	for (unsigned i = 0; i < 8; i++)
		sys_put32(t, at + 0x28 + 4 * i, i == X86_RSP ? TASK_STACK : 0x11110000 + i);
	sys_put32(t, at + 0x48, k->es);
	sys_put32(t, at + 0x4c, k->cs);
	sys_put32(t, at + 0x50, k->ss);
	sys_put32(t, at + 0x54, k->ds);
	sys_put32(t, at + 0x58, k->fs);
	sys_put32(t, at + 0x5c, k->gs);
	sys_put32(t, at + 0x60, k->ldt);
	sys_put16(t, at + 0x64, k->trap);
	sys_set(t, TSS2_SEL, sys_desc(at, 0x67, 0x89));
	test_soft_put(t, TASK_CODE, "\x90\xcf", 2); /* nop; iret */
}

static bool busy(struct test_soft *t, uint16_t sel)
{
	return test_soft_look(t, SYS_GDT + sel + 5, 1) & 2;
}

static void open_tasks(struct test_soft *t, const struct task *k)
{
	sys_open(t, X86_PROT);
	write_task(t, k);
	t->s->gpr[X86_RBX] = 0xbbbbbbbb;
	t->s->rflags |= X86_FLAG_ZF;
}

/* jmp TSS: the old task is saved and no longer busy, the new one is; nothing links them. */
static void by_jmp(void **state)
{
	struct test_soft t;

	(void)state;
	open_tasks(&t, &plain);
	CODE(&t, 0xea, 0, 0, 0, 0, TSS2_SEL, 0);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, TASK_CODE);
	assert_int_equal(t.s->gpr[X86_RBX], 0x11110003);
	assert_int_equal(t.s->gpr[X86_RSP], TASK_STACK);
	assert_int_equal(t.s->rflags, X86_FLAG_FIXED | X86_FLAG_CF);
	assert_int_equal(t.s->seg[X86_ES].sel, X86_SEL_DATA16);
	assert_true(t.s->seg[X86_FS].unusable);
	assert_int_equal(t.s->seg[X86_GS].sel, SEL_UDATA);
	assert_int_equal(t.s->seg[X86_TR].sel, TSS2_SEL);
	assert_int_equal(t.s->seg[X86_TR].base, SYS_TSS2);
	assert_int_equal(t.s->seg[X86_TR].attr, X86_SEG_TSS);
	assert_true(t.s->cr0 & SOFT_CR0_TS);
	assert_true(busy(&t, TSS2_SEL));
	assert_false(busy(&t, X86_SEL_TSS));
	assert_int_equal(test_soft_look(&t, SYS_TSS2, 2), 0);
	assert_int_equal(test_soft_look(&t, X86_BOOT_TSS + 0x20, 4), TEST_CODE + 7);
	assert_int_equal(test_soft_look(&t, X86_BOOT_TSS + 0x24, 4), X86_FLAG_FIXED | X86_FLAG_ZF);
	assert_int_equal(test_soft_look(&t, X86_BOOT_TSS + 0x34, 4), 0xbbbbbbbb);
	assert_int_equal(test_soft_look(&t, X86_BOOT_TSS + 0x4c, 2), X86_SEL_CODE32);
	assert_int_equal(soft_icount(t.s), 1);
	test_soft_close(&t);
}

/* call TSS, and IRET back: link, NT, busy bits. */
static void by_call(void **state)
{
	struct test_soft t;

	(void)state;
	open_tasks(&t, &plain);
	CODE(&t, 0x9a, 0, 0, 0, 0, TSS2_SEL, 0, 0x90);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, TASK_CODE);
	assert_true(t.s->rflags & SOFT_FLAG_NT);
	assert_int_equal(test_soft_look(&t, SYS_TSS2, 2), X86_SEL_TSS);
	assert_true(busy(&t, TSS2_SEL));
	assert_true(busy(&t, X86_SEL_TSS));
	(void)test_soft_run(&t, 2);
	assert_int_equal(t.s->rip, TEST_CODE + 7);
	assert_int_equal(t.s->gpr[X86_RBX], 0xbbbbbbbb);
	assert_false(t.s->rflags & SOFT_FLAG_NT);
	assert_int_equal(t.s->seg[X86_TR].sel, X86_SEL_TSS);
	assert_false(busy(&t, TSS2_SEL));
	assert_true(busy(&t, X86_SEL_TSS));
	/* What IRET saved has NT clear. */
	assert_false(test_soft_look(&t, SYS_TSS2 + 0x24, 4) & SOFT_FLAG_NT);
	assert_int_equal(test_soft_look(&t, SYS_TSS2 + 0x20, 4), TASK_CODE + 2);
	test_soft_close(&t);
}

/* A fault through a task gate: the error code is on the new task's stack, RF in the old one's image. */
static void by_gate(void **state)
{
	struct test_soft t;

	(void)state;
	open_tasks(&t, &plain);
	sys_set_idt(&t, X86_GP, sys_gate(TSS2_SEL, 0, SOFT_TASK_GATE, 0, 0));
	t.s->gpr[X86_RAX] = 0x300;
	test_soft_put(&t, TASK_CODE, "\xf4", 1);
	CODE(&t, 0x90, 0x8e, 0xd8); /* mov ds, ax */
	assert_int_equal(test_soft_run(&t, 10), SOFT_STOP_HLT);
	assert_int_equal(t.s->rip, TASK_CODE + 1);
	assert_int_equal(t.s->gpr[X86_RSP], TASK_STACK - 4);
	assert_int_equal(sys_stack(&t, 0), 0x300);
	assert_int_equal(test_soft_look(&t, X86_BOOT_TSS + 0x20, 4), TEST_CODE + 1);
	assert_true(test_soft_look(&t, X86_BOOT_TSS + 0x24, 4) & X86_FLAG_RF);
	assert_true(t.s->rflags & SOFT_FLAG_NT);
	test_soft_close(&t);
	/* JMP through a task gate looks at the gate's DPL, not at the TSS's. */
	open_tasks(&t, &plain);
	sys_user(&t);
	sys_set(&t, SEL_B, sys_gate(TSS2_SEL, 0, SOFT_TASK_GATE, 3, 0));
	CODE(&t, 0xea, 0, 0, 0, 0, SEL_B | 3, 0);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, TASK_CODE);
	assert_int_equal(t.s->cpl, 0);
	test_soft_close(&t);
}

/* Refused before anything is changed. */
static void refused(void **state)
{
	static const struct {
		uint64_t desc;
		bool user;
		int want;
		uint32_t error;
	} rows[] = {
		{0x0000890000000067, true, X86_GP, TSS2_SEL},  /* DPL 0 from CPL 3 */
		{0x00008b0000000067, false, X86_GP, TSS2_SEL}, /* busy */
		{0x0000090000000067, false, X86_NP, TSS2_SEL},
		{0x0000890000000066, false, X86_TS, TSS2_SEL}, /* too short */
		{0x000081000000002a, false, X86_TS, TSS2_SEL},
		{0x0000850003000000, false, X86_GP, 0x300}, /* task gate to nothing */
		{0x0000850000100000, false, X86_GP, 0x10},  /* to data */
		{0x0000850000040000, false, X86_GP, 0x4},   /* to the LDT */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct test_soft t;

		open_tasks(&t, &plain);
		if (rows[i].user)
			sys_user(&t);
		sys_set(&t, TSS2_SEL, rows[i].desc);
		CODE(&t, 0xea, 0, 0, 0, 0, TSS2_SEL, 0);
		assert_int_equal(sys_run(&t), rows[i].want);
		assert_int_equal(sys_stack(&t, 0), rows[i].error);
		assert_int_equal(sys_stack(&t, 1), TEST_CODE);
		assert_true(busy(&t, X86_SEL_TSS));
		assert_int_equal(t.s->seg[X86_TR].sel, X86_SEL_TSS);
		test_soft_close(&t);
	}
}

/* Table 7-1: faults after the switch are the new task's: RIP is its EIP, TR its own. */
static void new_task_faults(void **state)
{
	static const struct {
		struct task k;
		int want;
		uint32_t error;
	} rows[] = {
		{{.cs = 0, .ss = 0x10}, X86_TS, 0},
		{{.cs = 0x10, .ss = 0x10}, X86_TS, 0x10},
		{{.cs = 0x43, .ss = 0x10}, X86_TS, 0x10}, /* SS is not of CPL 3 */
		{{.cs = 0x0b, .ss = 0x10}, X86_TS, 0x08}, /* RPL is not DPL */
		{{.cs = 0xa0, .ss = 0x10}, X86_NP, 0xa0},
		{{.cs = 0x08, .ss = 0}, X86_TS, 0},
		{{.cs = 0x08, .ss = 0x4b}, X86_TS, 0x48},
		{{.cs = 0x08, .ss = 0xb0}, X86_SS_FAULT, 0xb0},
		{{.cs = 0x08, .ss = 0x10, .ds = 0x30}, X86_TS, 0x30},
		{{.cs = 0x08, .ss = 0x10, .fs = 0xb0}, X86_NP, 0xb0},
		{{.cs = 0x08, .ss = 0x10, .ldt = 0x10}, X86_TS, 0x10},
		{{.cs = 0xc0, .ss = 0x10}, X86_GP, 0}, /* EIP beyond the limit */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct test_soft t;

		open_tasks(&t, &rows[i].k);
		sys_set(&t, SEL_B, sys_desc(0, 0xfffff, 0xc01b));
		sys_set(&t, SEL_C, sys_desc(0, 0xfffff, 0xc013));
		sys_set(&t, 0xc0, sys_desc(0, 0xff, 0x409b));
		/*
		 * What SS the new task has when the fault comes is its own affair: the handler is a
		 * task too, at CPL 0, by the old TSS made available.
		 */
		sys_put32(&t, 0x13000 + 0x20, t.handlers + (unsigned)rows[i].want);
		sys_put32(&t, 0x13000 + 0x38, 0x61000);
		sys_put32(&t, 0x13000 + 0x4c, X86_SEL_CODE32);
		sys_put32(&t, 0x13000 + 0x50, X86_SEL_DATA);
		sys_set(&t, 0xd0, sys_desc(0x13000, 0x67, 0x89));
		sys_set_idt(&t, (unsigned)rows[i].want, sys_gate(0xd0, 0, SOFT_TASK_GATE, 0, 0));
		CODE(&t, 0xea, 0, 0, 0, 0, TSS2_SEL, 0);
		assert_int_equal(sys_run(&t), rows[i].want);
		assert_int_equal(sys_stack(&t, 0), rows[i].error);
		assert_int_equal(test_soft_look(&t, 0x13000, 2), TSS2_SEL);
		assert_int_equal(test_soft_look(&t, SYS_TSS2 + 0x20, 4), TASK_CODE);
		assert_false(busy(&t, X86_SEL_TSS));
		test_soft_close(&t);
	}
}

static void to_user_ldt_and_v86(void **state)
{
	struct task k = plain;
	struct test_soft t;

	(void)state;
	k.cs = SEL_UCODE32;
	k.ss = k.ds = SEL_UDATA;
	k.ldt = SEL_LDT;
	k.es = 0xf; /* of the LDT */
	open_tasks(&t, &k);
	sys_put64(&t, SYS_LDT + 8, sys_desc(0x5000, 0xfff, 0x40f3));
	CODE(&t, 0xea, 0, 0, 0, 0, TSS2_SEL, 0);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->cpl, 3);
	assert_int_equal(t.s->seg[X86_ES].base, 0x5000);
	assert_int_equal(t.s->seg[X86_LDTR].base, SYS_LDT);
	test_soft_close(&t);
	k = plain;
	k.eflags |= SOFT_FLAG_VM;
	k.cs = 0x5000;
	open_tasks(&t, &k);
	sys_put32(&t, SYS_TSS2 + 0x20, 0);
	CODE(&t, 0xea, 0, 0, 0, 0, TSS2_SEL, 0);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->cpl, 3);
	assert_int_equal(t.s->seg[X86_CS].base, 0x50000);
	assert_int_equal(t.s->bits, 16);
	test_soft_close(&t);
}

/* 16-bit TSSs: to one, and back to the 32-bit one. */
static void tss16(void **state)
{
	struct test_soft t;

	(void)state;
	open_tasks(&t, &plain);
	sys_put16(&t, SYS_TSS2 + 0x0e, 0x1234);
	sys_put16(&t, SYS_TSS2 + 0x10, 0x0002);
	for (unsigned i = 0; i < 8; i++)
		sys_put16(&t, SYS_TSS2 + 0x12 + 2 * i, (uint16_t)(0x100 + i));
	sys_put16(&t, SYS_TSS2 + 0x22, 0);
	sys_put16(&t, SYS_TSS2 + 0x24, X86_SEL_CODE32);
	sys_put16(&t, SYS_TSS2 + 0x26, X86_SEL_DATA);
	sys_put16(&t, SYS_TSS2 + 0x28, X86_SEL_DATA);
	sys_put16(&t, SYS_TSS2 + 0x2a, 0);
	sys_set(&t, TSS2_SEL, sys_desc(SYS_TSS2, 0x2b, 0x81));
	CODE(&t, 0x9a, 0, 0, 0, 0, TSS2_SEL, 0);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, 0x1234);
	assert_int_equal(t.s->gpr[X86_RCX], 0xffff0101);
	assert_int_equal(t.s->seg[X86_TR].attr & 15, SOFT_TSS16_BUSY);
	test_soft_put(&t, 0x1234, "\xcf", 1);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, TEST_CODE + 7);
	assert_int_equal(t.s->gpr[X86_RBX], 0xbbbbbbbb);
	assert_int_equal(test_soft_look(&t, SYS_TSS2 + 0x0e, 2), 0x1235);
	test_soft_close(&t);
}

static void debug_and_breakpoints(void **state)
{
	struct task k = plain;
	struct test_soft t;

	(void)state;
	k.trap = true;
	open_tasks(&t, &k);
	t.s->dr[7] = 0x400 | 3; /* local and global enable of DR0 */
	t.s->dr[0] = 0x1000;
	t.s->dr7_on = true;
	CODE(&t, 0xea, 0, 0, 0, 0, TSS2_SEL, 0);
	assert_int_equal(sys_run(&t), X86_DB);
	assert_int_equal(t.s->dr[6], SOFT_DR6_FIXED | SOFT_DR6_BT);
	assert_int_equal(t.s->dr[7], 0x402);
	assert_int_equal(sys_stack(&t, 0), TASK_CODE);
	test_soft_close(&t);
}

/* IRET with NT and a link that is no busy TSS. */
static void bad_link(void **state)
{
	struct test_soft t;

	(void)state;
	open_tasks(&t, &plain);
	sys_put16(&t, X86_BOOT_TSS, TSS2_SEL);
	t.s->rflags |= SOFT_FLAG_NT;
	CODE(&t, 0xcf);
	assert_int_equal(sys_run(&t), X86_TS);
	assert_int_equal(sys_stack(&t, 0), TSS2_SEL);
	test_soft_close(&t);
}

/* A TSS that is not writable: the page fault comes before anything is changed. */
static void paged(void **state)
{
	struct test_soft t;

	(void)state;
	open_tasks(&t, &plain);
	/* 32-bit paging at 0x20000: identity, but the old TSS' page is read-only. */
	for (unsigned i = 0; i < 1024; i++)
		sys_put32(&t, 0x21000 + 4 * i, i << 12 | 3);
	sys_put32(&t, 0x20000, 0x21003);
	sys_put32(&t, 0x21000, 1);
	sys_put32(&t, SYS_TSS2 + 0x1c, 0x20000);
	t.s->cr3 = 0x20000;
	t.s->cr0 |= X86_CR0_PG | X86_CR0_WP;
	CODE(&t, 0xea, 0, 0, 0, 0, TSS2_SEL, 0);
	assert_int_equal(sys_run(&t), X86_PF);
	assert_int_equal(t.s->cr2, X86_BOOT_TSS + 0x20);
	assert_int_equal(sys_stack(&t, 0), 3); /* present, write, as supervisor */
	assert_int_equal(t.s->seg[X86_TR].sel, X86_SEL_TSS);
	assert_false(busy(&t, TSS2_SEL));
	/* CR3 is loaded where paging is on. */
	t.s->halted = false;
	sys_put32(&t, 0x21000, 3);
	sys_put32(&t, SYS_TSS2 + 0x1c, 0x22000);
	sys_put32(&t, 0x22000, 0x21003);
	CODE(&t, 0xea, 0, 0, 0, 0, TSS2_SEL, 0);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, TASK_CODE);
	assert_int_equal(t.s->cr3, 0x22000);
	test_soft_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_jmp),	   cmocka_unit_test(by_call),
		cmocka_unit_test(by_gate),	   cmocka_unit_test(refused),
		cmocka_unit_test(new_task_faults), cmocka_unit_test(to_user_ldt_and_v86),
		cmocka_unit_test(tss16),	   cmocka_unit_test(debug_and_breakpoints),
		cmocka_unit_test(bad_link),	   cmocka_unit_test(paged),
	};

	return cmocka_run_group_tests_name("soft/task", tests, NULL, NULL);
}
