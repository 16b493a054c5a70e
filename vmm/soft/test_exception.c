/* SPDX-License-Identifier: MIT */
/* Delivery of exceptions and interrupts in all modes, double and triple faults, shadows, traps. */
#include "test_sys.h"

#define INT32_GATE(sel, off, dpl) sys_gate(sel, off, SOFT_INT32, dpl, 0)

/* #UD at t->code, run to the handler, and what is on its stack. */
static void real_frame(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_REAL);
	t.s->rflags |= X86_FLAG_IF | X86_FLAG_AC | X86_FLAG_CF;
	CODE(&t, 0x90, 0x0f, 0x0b);
	assert_int_equal(sys_run(&t), X86_UD);
	assert_int_equal(t.s->gpr[X86_RSP], 0xfff0 - 6);
	assert_int_equal(sys_stack(&t, 0), 0x8001);
	assert_int_equal(sys_stack(&t, 1), 0);
	assert_int_equal(sys_stack(&t, 2), X86_FLAG_FIXED | X86_FLAG_CF | X86_FLAG_IF);
	assert_int_equal(t.s->rflags & (X86_FLAG_IF | X86_FLAG_AC), 0);
	test_soft_close(&t);
}

/* Real mode pushes no error code; a vector beyond the IDT's limit is #GP, then #DF, then the end. */
static void real_idt_limit(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_REAL);
	t.s->idt.limit = 13 * 4 + 3;
	CODE(&t, 0xcd, 0x20); /* int 0x20 */
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(t.s->gpr[X86_RSP], 0xfff0 - 6);
	assert_int_equal(sys_stack(&t, 0), 0x8000);
	t.s->halted = false;
	t.s->idt.limit = 8 * 4 - 1;
	CODE(&t, 0xcd, 0x20);
	assert_int_equal(test_soft_run(&t, 10), SOFT_STOP_SHUTDOWN);
	test_soft_close(&t);
}

static void prot_same_privilege(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	t.s->rflags |= X86_FLAG_IF | SOFT_FLAG_NT;
	CODE(&t, 0x0f, 0x0b);
	assert_int_equal(sys_run(&t), X86_UD);
	assert_int_equal(t.s->gpr[X86_RSP], TEST_STACK - 12);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE);
	assert_int_equal(sys_stack(&t, 1), X86_SEL_CODE32);
	assert_int_equal(sys_stack(&t, 2),
			 X86_FLAG_FIXED | X86_FLAG_IF | SOFT_FLAG_NT | X86_FLAG_RF);
	assert_int_equal(t.s->rflags & (X86_FLAG_IF | SOFT_FLAG_NT | X86_FLAG_RF), 0);
	test_soft_close(&t);
}

/* A trap gate leaves IF, an interrupt gate clears it; INT n pushes no RF and the next address. */
static void trap_gate(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	sys_set_idt(&t, 0x40, sys_gate(X86_SEL_CODE32, t.handlers + 0x40, SOFT_TRAP32, 0, 0));
	t.s->rflags |= X86_FLAG_IF;
	CODE(&t, 0xcd, 0x40);
	assert_int_equal(sys_run(&t), 0x40);
	assert_true(t.s->rflags & X86_FLAG_IF);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 2);
	assert_int_equal(sys_stack(&t, 2), X86_FLAG_FIXED | X86_FLAG_IF);
	assert_int_equal(soft_icount(t.s), 2);
	test_soft_close(&t);
}

/* 16-bit gates push words. */
static void gate16(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	sys_set(&t, SEL_A, sys_desc(t.handlers, 0xffff, X86_SEG_CODE16));
	sys_set_idt(&t, 0x40, sys_gate(SEL_A, 0xffff0040, SOFT_INT16, 0, 0));
	CODE(&t, 0xcd, 0x40);
	assert_int_equal(sys_run(&t), 0x40);
	assert_int_equal(t.s->gpr[X86_RSP], TEST_STACK - 6);
	assert_int_equal(test_soft_look(&t, TEST_STACK - 6, 2), TEST_CODE + 2 - 0x80000);
	assert_int_equal(test_soft_look(&t, TEST_STACK - 4, 2), X86_SEL_CODE32);
	assert_int_equal(t.s->bits, 16);
	test_soft_close(&t);
}

static void prot_inner(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	sys_user(&t);
	t.s->gpr[X86_RSP] = 0x71000;
	CODE(&t, 0xf4); /* hlt: #GP(0) */
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(t.s->cpl, 0);
	assert_int_equal(t.s->seg[X86_SS].sel, X86_SEL_DATA);
	assert_int_equal(t.s->gpr[X86_RSP], SYS_STACK0 - 24);
	assert_int_equal(sys_stack(&t, 0), 0);
	assert_int_equal(sys_stack(&t, 1), TEST_CODE);
	assert_int_equal(sys_stack(&t, 2), SEL_UCODE32);
	assert_int_equal(sys_stack(&t, 4), 0x71000);
	assert_int_equal(sys_stack(&t, 5), SEL_UDATA);
	/* Data segments are left. */
	assert_int_equal(t.s->seg[X86_DS].sel, SEL_UDATA);
	test_soft_close(&t);
}

/* To CPL 1, and a conforming handler that stays at the privilege of what it interrupts. */
static void prot_other_privileges(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	sys_user(&t);
	sys_set_idt(&t, X86_UD, INT32_GATE(SEL_CODE1, t.handlers + X86_UD, 0));
	sys_set_idt(&t, X86_GP, INT32_GATE(SEL_CONF32, TEST_DATA, 0));
	test_soft_put(&t, TEST_DATA, "\xeb\xfe", 2);
	CODE(&t, 0x0f, 0x0b);
	(void)test_soft_run(&t, 1); /* hlt at CPL 1 */
	assert_int_equal(t.s->seg[X86_CS].sel, SEL_CONF32 | 1);
	assert_int_equal(t.s->cpl, 1);
	assert_int_equal(t.s->gpr[X86_RSP], SYS_STACK1 - 20 - 16);
	assert_int_equal(sys_stack(&t, 0), 0);			 /* the error code */
	assert_int_equal(sys_stack(&t, 1), t.handlers + X86_UD); /* at the HLT */
	assert_int_equal(sys_stack(&t, 2), SEL_CODE1);
	test_soft_close(&t);
}

static void gate_dpl(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	sys_user(&t);
	CODE(&t, 0xcd, 0x40);
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(sys_stack(&t, 0), 0x40 * 8 + 2); /* not external */
	assert_int_equal(sys_stack(&t, 1), TEST_CODE);
	assert_int_equal(soft_icount(t.s), 1); /* the HLT; INT did not retire */
	t.s->halted = false;
	sys_user(&t);
	sys_set_idt(&t, 0x40, INT32_GATE(X86_SEL_CODE32, t.handlers + 0x40, 3));
	CODE(&t, 0xcd, 0x40);
	assert_int_equal(sys_run(&t), 0x40);
	/* INT3 too looks at the gate's DPL, a fault does not. */
	t.s->halted = false;
	sys_user(&t);
	CODE(&t, 0xcc);
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(sys_stack(&t, 0), 3 * 8 + 2);
	t.s->halted = false;
	sys_user(&t);
	CODE(&t, 0xf1); /* int1 */
	assert_int_equal(sys_run(&t), X86_DB);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 1);
	test_soft_close(&t);
}

/* What is wrong with a gate or its segment, and the error code: vector 0x20 as INTR has EXT set. */
static void bad_gates(void **state)
{
	static const struct {
		uint64_t gate;
		unsigned vec;
		uint32_t error;
	} rows[] = {
		{0, X86_GP, 0x20 * 8 + 3},
		{0x0000850000300000, X86_GP, 0x31},	    /* task gate: TSS is busy */
		{0x00008c0000080000, X86_GP, 0x20 * 8 + 3}, /* a call gate */
		{0x00009e0000080000, X86_GP, 0x20 * 8 + 3}, /* S is set */
		{0x00000e0000080000, X86_NP, 0x20 * 8 + 3},
		{0x00008e0000000000, X86_GP, 1},     /* null */
		{0x00008e0000100000, X86_GP, 0x11},  /* data */
		{0x00008e0001000000, X86_GP, 0x101}, /* beyond the table */
		{0x00008e0000400000, X86_GP, 0x41},  /* DPL 3 from CPL 0 */
		{0x00008e0000900000, X86_NP, 0x91},  /* not present */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct test_soft t;

		sys_open(&t, X86_PROT);
		sys_set(&t, SEL_A, sys_desc(0, 0xfffff, X86_SEG_CODE32 & ~0x80u));
		sys_set_idt(&t, 0x20, rows[i].gate);
		CODE(&t, 0x90);
		t.s->rflags |= X86_FLAG_IF;
		soft_intr(t.s, true);
		assert_int_equal(sys_run(&t), rows[i].vec);
		assert_int_equal(sys_stack(&t, 0), rows[i].error);
		assert_int_equal(sys_stack(&t, 1), TEST_CODE);
		test_soft_close(&t);
	}
}

static void bad_tss_stacks(void **state)
{
	static const struct {
		uint16_t ss;
		uint32_t esp, limit;
		unsigned vec;
		uint32_t error;
	} rows[] = {
		{0, 0x1000, 0x67, X86_TS, 1},
		{0x13, 0x1000, 0x67, X86_TS, 0x11},	  /* RPL */
		{0x08, 0x1000, 0x67, X86_TS, 0x09},	  /* code */
		{0x48, 0x1000, 0x67, X86_TS, 0x49},	  /* DPL */
		{0x200, 0x1000, 0x67, X86_TS, 0x201},	  /* beyond the table */
		{0x90, 0x1000, 0x67, X86_SS_FAULT, 0x91}, /* not present */
		{0xa0, 0x8, 0x67, X86_SS_FAULT, 0xa1},	  /* no room */
		{0x10, 0x1000, 0x8, X86_TS, 0x31},	  /* TSS too short */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct test_soft t;

		sys_open(&t, X86_PROT);
		sys_user(&t);
		sys_set(&t, SEL_A, sys_desc(0, 0xfffff, X86_SEG_DATA & ~0x80u));
		sys_set(&t, SEL_B, sys_desc(0, 0xffff, 0x4093));
		sys_put32(&t, X86_BOOT_TSS + 4, rows[i].esp);
		sys_put32(&t, X86_BOOT_TSS + 8, rows[i].ss);
		t.s->seg[X86_TR].limit = rows[i].limit;
		/* The fault's own handler is at CPL 3: no stack is needed. */
		sys_set_idt(&t, rows[i].vec, INT32_GATE(SEL_UCODE32, TEST_DATA, 0));
		CODE(&t, 0x0f, 0x0b);
		/* jmp $, where no HLT may be */
		test_soft_put(&t, TEST_DATA, "\xeb\xfe", 2);
		(void)test_soft_run(&t, 1);
		assert_int_equal(t.s->rip, TEST_DATA);
		assert_int_equal(sys_stack(&t, 0), rows[i].error);
		assert_int_equal(sys_stack(&t, 1), TEST_CODE);
		test_soft_close(&t);
	}
}

static void long_frames(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	/* Same privilege: SS:RSP are pushed and the stack is aligned to 16. */
	t.s->gpr[X86_RSP] = TEST_STACK - 3;
	CODE(&t, 0x0f, 0x0b);
	assert_int_equal(sys_run(&t), X86_UD);
	assert_int_equal(t.s->gpr[X86_RSP], TEST_STACK - 16 - 40);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE);
	assert_int_equal(sys_stack(&t, 1), X86_SEL_CODE64);
	assert_int_equal(sys_stack(&t, 3), TEST_STACK - 3);
	assert_int_equal(sys_stack(&t, 4), X86_SEL_DATA);
	assert_int_equal(t.s->seg[X86_SS].sel, X86_SEL_DATA);
	test_soft_close(&t);
	/* From CPL 3: RSP0, and SS is null. */
	sys_open(&t, X86_LONG);
	sys_user(&t);
	CODE(&t, 0x0f, 0x0b);
	assert_int_equal(sys_run(&t), X86_UD);
	assert_int_equal(t.s->gpr[X86_RSP], SYS_STACK0 - 40);
	assert_int_equal(t.s->seg[X86_SS].sel, 0);
	assert_true(t.s->seg[X86_SS].unusable);
	assert_int_equal(t.s->cpl, 0);
	assert_int_equal(sys_stack(&t, 4), SEL_UDATA);
	test_soft_close(&t);
	/* By IST, at the same privilege too. */
	sys_open(&t, X86_LONG);
	sys_set_idt(&t, X86_UD, INT32_GATE(X86_SEL_CODE64, t.handlers + X86_UD, 0) | 1ull << 32);
	CODE(&t, 0x0f, 0x0b);
	assert_int_equal(sys_run(&t), X86_UD);
	assert_int_equal(t.s->gpr[X86_RSP], SYS_IST1 - 40);
	assert_int_equal(t.s->seg[X86_SS].sel, X86_SEL_DATA);
	test_soft_close(&t);
}

static void long_bad(void **state)
{
	struct test_soft t;

	(void)state;
	/* A handler that is not 64-bit code. */
	sys_open(&t, X86_LONG);
	sys_set_idt(&t, 0x40, INT32_GATE(X86_SEL_CODE32, 0x1000, 0));
	CODE(&t, 0xcd, 0x40);
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(sys_stack(&t, 0), X86_SEL_CODE32);
	/* 16-bit and task gates are none here. */
	t.s->halted = false;
	sys_set_idt(&t, 0x40, sys_gate(X86_SEL_TSS, 0, SOFT_TASK_GATE, 0, 0));
	CODE(&t, 0xcd, 0x40);
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(sys_stack(&t, 0), 0x40 * 8 + 2);
	/* A handler at a non-canonical address. */
	t.s->halted = false;
	sys_set_idt(&t, 0x40, INT32_GATE(X86_SEL_CODE64, 0x1000, 0));
	sys_put64(&t, TEST_IDT + 0x40 * 16 + 8, 0x8000);
	CODE(&t, 0xcd, 0x40);
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(sys_stack(&t, 0), 0);
	/* A stack at one: #SS(0), which has no stack either: #DF by IST. */
	t.s->halted = false;
	t.s->gpr[X86_RSP] = 0x800000000010;
	sys_set_idt(&t, X86_DF, INT32_GATE(X86_SEL_CODE64, t.handlers + X86_DF, 0) | 1ull << 32);
	CODE(&t, 0x0f, 0x0b);
	assert_int_equal(sys_run(&t), X86_DF);
	assert_int_equal(sys_stack(&t, 0), 0);
	assert_int_equal(sys_stack(&t, 1), TEST_CODE);
	test_soft_close(&t);
}

/* Table 6-5. The first fault by code, the second by a missing gate (#NP) or a page that is not there. */
static void double_faults(void **state)
{
	static const struct {
		unsigned first;
		bool second_pf;
		unsigned want;
	} rows[] = {
		{X86_UD, false, X86_NP},			  /* benign, then contributory */
		{X86_UD, true, X86_PF},	 {X86_DE, false, X86_DF}, /* contributory twice */
		{X86_DE, true, X86_PF}, /* contributory, then page fault */
		{X86_GP, false, X86_DF}, {X86_PF, false, X86_DF}, {X86_PF, true, X86_DF},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct test_soft t;
		uint64_t gate;

		sys_open(&t, X86_LONG);
		gate = INT32_GATE(X86_SEL_CODE64, t.handlers + rows[i].first, 0);
		if (rows[i].second_pf) {
			/* Its stack is not mapped: IST2. */
			gate |= 2ull << 32;
			sys_put64(&t, X86_BOOT_TSS + 44, 0x7000000000);
		} else {
			gate &= ~(0x80ull << 40);
		}
		sys_set_idt(&t, rows[i].first, gate);
		switch (rows[i].first) {
		case X86_UD:
			CODE(&t, 0x0f, 0x0b);
			break;
		case X86_DE:
			t.s->gpr[X86_RCX] = 0;
			CODE(&t, 0xf7, 0xf1);
			break;
		case X86_GP:
			CODE(&t, 0x48, 0xa1, 0, 0, 0, 0, 0, 0x80, 0, 0);
			break;
		default:
			CODE(&t, 0x48, 0xa1, 0, 0, 0, 0, 0x70, 0, 0, 0);
			break;
		}
		if (rows[i].first == X86_PF && rows[i].second_pf)
			sys_set_idt(&t, X86_DF, INT32_GATE(X86_SEL_CODE64, t.handlers + 8, 0));
		assert_int_equal(sys_run(&t), rows[i].want);
		if (rows[i].want == X86_DF)
			assert_int_equal(sys_stack(&t, 0), 0);
		if (rows[i].want == X86_NP)
			assert_int_equal(sys_stack(&t, 0), X86_UD * 8 + 3);
		assert_int_equal(sys_stack(&t, rows[i].want == X86_UD ? 0 : 1), TEST_CODE);
		test_soft_close(&t);
	}
}

static void triple_fault(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	t.s->idt.limit = 0;
	t.s->gpr[X86_RCX] = 7;
	CODE(&t, 0x0f, 0x0b);
	assert_int_equal(test_soft_run(&t, 10), SOFT_STOP_SHUTDOWN);
	/* The state is that of the instruction. */
	assert_int_equal(t.s->rip, TEST_CODE);
	assert_int_equal(t.s->gpr[X86_RSP], TEST_STACK);
	assert_int_equal(soft_icount(t.s), 0);
	test_soft_close(&t);
}

/* ---- between instructions ------------------------------------------------------------------------ */

static void intr_and_shadows(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	soft_intr(t.s, true);
	CODE(&t, 0x90, 0xfb, 0x90, 0x90); /* nop; sti; nop; nop */
	assert_int_equal(sys_run(&t), 0x20);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 3);
	assert_int_equal(soft_icount(t.s), 4); /* with the HLT */
	/* STI with IF set already has no shadow. */
	t.s->halted = false;
	t.s->rflags &= ~X86_FLAG_IF;
	CODE(&t, 0xfb, 0xfb, 0x90, 0x90);
	(void)test_soft_run(&t, 1);
	soft_intr(t.s, true);
	assert_int_equal(sys_run(&t), 0x20);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 2);
	/* MOV SS holds INTR, NMI and #DB back. */
	t.s->halted = false;
	t.s->rflags |= X86_FLAG_IF;
	t.s->gpr[X86_RAX] = X86_SEL_DATA;
	CODE(&t, 0x8e, 0xd0, 0x90, 0x90);
	(void)test_soft_run(&t, 1);
	soft_intr(t.s, true);
	soft_nmi(t.s);
	assert_int_equal(sys_run(&t), X86_NMI);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 3);
	test_soft_close(&t);
}

static void nmi_masking(void **state)
{
	static const uint8_t iretq[] = {0x90, 0x48, 0xcf};
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	test_soft_put(&t, t.handlers + 2, iretq, sizeof(iretq));
	CODE(&t, 0x90, 0x90, 0x90, 0xf4);
	soft_nmi(t.s);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, t.handlers + 3);
	assert_true(t.s->nmi_masked);
	soft_nmi(t.s); /* waits for IRET */
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, TEST_CODE);
	(void)test_soft_run(&t, 1);
	assert_int_equal(t.s->rip, t.handlers + 3);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE);
	test_soft_close(&t);
}

static void hlt_wakes(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	CODE(&t, 0xfb, 0xf4, 0x90, 0xf4);
	assert_int_equal(test_soft_run(&t, 10), SOFT_STOP_HLT);
	assert_int_equal(t.s->rip, TEST_CODE + 2);
	t.vector = -1; /* spurious: nothing happens */
	soft_intr(t.s, true);
	assert_int_equal(test_soft_run(&t, 10), SOFT_STOP_HLT);
	assert_int_equal(t.s->rip, TEST_CODE + 2);
	t.vector = 0x30;
	soft_intr(t.s, true);
	assert_int_equal(sys_run(&t), 0x30);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 2);
	test_soft_close(&t);
}

static void single_step(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	t.s->rflags |= X86_FLAG_TF;
	t.s->dr[6] = SOFT_DR6_FIXED | 1;
	CODE(&t, 0x90, 0x90);
	assert_int_equal(sys_run(&t), X86_DB);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 1);
	assert_true(sys_stack(&t, 2) & X86_FLAG_TF);
	assert_false(sys_stack(&t, 2) & X86_FLAG_RF);
	assert_int_equal(t.s->dr[6], SOFT_DR6_FIXED | SOFT_DR6_BS);
	/* MOV SS: the trap comes after the next instruction. */
	t.s->halted = false;
	t.s->rflags |= X86_FLAG_TF;
	t.s->gpr[X86_RAX] = X86_SEL_DATA;
	CODE(&t, 0x8e, 0xd0, 0x90, 0x90);
	assert_int_equal(sys_run(&t), X86_DB);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 3);
	test_soft_close(&t);
}

static void breakpoints(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	/* Execution at code + 1: a fault, without RF in the image. */
	t.s->dr[0] = TEST_CODE + 1;
	t.s->dr[7] = 0x402 | SOFT_DR7_GD;
	t.s->dr7_on = true;
	CODE(&t, 0x90, 0x90, 0x90);
	assert_int_equal(sys_run(&t), X86_DB);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 1);
	assert_int_equal(t.s->dr[6] & 0xf, 1);
	assert_false(t.s->dr[7] & SOFT_DR7_GD);
	/* With RF it is passed by once. */
	t.s->halted = false;
	t.s->rflags |= X86_FLAG_RF;
	t.s->rip = TEST_CODE + 1;
	test_soft_put(&t, TEST_CODE + 2, "\xeb\xfd", 2); /* jmp to it */
	assert_int_equal(sys_run(&t), X86_DB);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 1);
	/* Data: after the write. */
	t.s->halted = false;
	t.s->dr[1] = TEST_DATA;
	t.s->dr[7] = 0x400 | 4 | 0xdull << 20;
	CODE(&t, 0xa2, 3, 0, 9, 0, 0, 0, 0, 0, 0x90); /* mov [0x90003], al */
	assert_int_equal(sys_run(&t), X86_DB);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 9);
	assert_int_equal(t.s->dr[6] & 0xf, 2);
	test_soft_close(&t);
}

/* Not behind MOV SS, and once for a REP. */
static void breakpoints_held_back(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	t.s->dr[0] = TEST_CODE + 2;
	t.s->dr[7] = 0x402;
	t.s->dr7_on = true;
	t.s->gpr[X86_RAX] = X86_SEL_DATA;
	CODE(&t, 0x8e, 0xd0, 0x90, 0xf4);
	assert_int_equal(sys_run(&t), -1);
	assert_int_equal(t.s->rip, TEST_CODE + 4);
	t.s->halted = false;
	t.s->gpr[X86_RCX] = 5;
	t.s->gpr[X86_RDI] = TEST_DATA;
	t.s->rflags |= X86_FLAG_RF;
	CODE(&t, 0x90, 0x90, 0xf3, 0xaa, 0xf4); /* rep stosb */
	t.s->rip = TEST_CODE + 2;
	assert_int_equal(sys_run(&t), -1);
	assert_int_equal(t.s->rip, TEST_CODE + 5);
	assert_int_equal(t.s->gpr[X86_RCX], 0);
	test_soft_close(&t);
}

/* A data breakpoint on MOV SS' operand comes with the #DB of an INT1 behind it. */
static void held_back_with_int1(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	sys_put16(&t, TEST_DATA, X86_SEL_DATA);
	t.s->dr[1] = TEST_DATA;
	t.s->dr[7] = 0x400 | 4 | 3u << 20;
	t.s->dr7_on = true;
	t.s->gpr[X86_RAX] = TEST_DATA;
	CODE(&t, 0x8e, 0x10, 0xf1); /* mov ss, [rax]; int1 */
	assert_int_equal(sys_run(&t), X86_DB);
	assert_int_equal(t.s->gpr[X86_RSP], TEST_STACK - 40); /* once */
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 3);
	assert_int_equal(t.s->dr[6] & 15, 2);
	test_soft_close(&t);
}

/* SYSRET with TF in R11 traps at once; SYSCALL with TF in FMASK does not. */
static void step_syscalls(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	t.s->efer |= X86_EFER_SCE;
	t.s->msr[x86_msr_index(0xc0000081)] = 0x0040001800000000;
	t.s->msr[x86_msr_index(0xc0000082)] = TEST_DATA;
	t.s->msr[x86_msr_index(0xc0000084)] = X86_FLAG_TF;
	t.s->gpr[X86_RCX] = TEST_CODE + 3;
	t.s->gpr[X86_R11] = X86_FLAG_FIXED | X86_FLAG_TF;
	CODE(&t, 0x48, 0x0f, 0x07, 0x0f, 0x05);
	test_soft_put(&t, TEST_DATA, "\xf4", 1);
	assert_int_equal(sys_run(&t), X86_DB);
	assert_int_equal(sys_stack(&t, 0), TEST_CODE + 3);
	t.s->halted = false;
	sys_user(&t);
	t.s->rflags |= X86_FLAG_TF;
	t.s->rip = TEST_CODE + 3;
	assert_int_equal(sys_run(&t), -1);
	assert_int_equal(t.s->rip, TEST_DATA + 1);
	test_soft_close(&t);
}

static void injected(void **state)
{
	struct cpu_state st;
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	CODE(&t, 0x90);
	soft_get(t.s, &st);
	st.exc_injected = st.exc_has_error = true;
	st.exc_nr = X86_GP;
	st.exc_error = 0x18;
	assert_int_equal(soft_set(t.s, &st, NULL), 0);
	assert_int_equal(sys_run(&t), X86_GP);
	assert_int_equal(sys_stack(&t, 0), 0x18);
	assert_int_equal(sys_stack(&t, 1), TEST_CODE);
	test_soft_close(&t);
}

/* Tables in device memory are read from the device; nowhere else does anything happen. */
static void tables_in_mmio(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_PROT);
	t.s->idt.base = 0x40000000;
	t.answer = 0; /* no gates: #GP, #DF, shutdown */
	CODE(&t, 0x0f, 0x0b);
	assert_int_equal(test_soft_run(&t, 10), SOFT_STOP_SHUTDOWN);
	assert_int_equal(t.exits[0].kind, CPU_EXIT_MMIO);
	assert_int_equal(t.exits[0].mmio.gpa, 0x40000000 + 6 * 8);
	assert_int_equal(t.exits[0].mmio.size, 8);
	test_soft_close(&t);
}

/* The HLT that it woke from was reported: that is another exit. */
static void shutdown_out_of_hlt(void **state)
{
	static const uint8_t code[] = {0xfb, 0xf4}; /* sti; hlt */
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_LONG);
	test_soft_code(&t, code, sizeof(code));
	assert_int_equal(soft_run(t.s, 100), SOFT_STOP_HLT);
	assert_int_equal(t.nr_exits, 1);
	t.s->idt.limit = 0;
	soft_intr(t.s, true);
	assert_int_equal(soft_run(t.s, 100), SOFT_STOP_SHUTDOWN);
	assert_int_equal(t.nr_exits, 2);
	assert_int_equal(t.exits[1].kind, CPU_EXIT_SHUTDOWN);
	test_soft_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shutdown_out_of_hlt),
		cmocka_unit_test(real_frame),
		cmocka_unit_test(real_idt_limit),
		cmocka_unit_test(prot_same_privilege),
		cmocka_unit_test(trap_gate),
		cmocka_unit_test(gate16),
		cmocka_unit_test(prot_inner),
		cmocka_unit_test(prot_other_privileges),
		cmocka_unit_test(gate_dpl),
		cmocka_unit_test(bad_gates),
		cmocka_unit_test(bad_tss_stacks),
		cmocka_unit_test(long_frames),
		cmocka_unit_test(long_bad),
		cmocka_unit_test(double_faults),
		cmocka_unit_test(triple_fault),
		cmocka_unit_test(intr_and_shadows),
		cmocka_unit_test(nmi_masking),
		cmocka_unit_test(hlt_wakes),
		cmocka_unit_test(single_step),
		cmocka_unit_test(breakpoints),
		cmocka_unit_test(breakpoints_held_back),
		cmocka_unit_test(held_back_with_int1),
		cmocka_unit_test(step_syscalls),
		cmocka_unit_test(injected),
		cmocka_unit_test(tables_in_mmio),
	};

	return cmocka_run_group_tests_name("soft/exception", tests, NULL, NULL);
}
