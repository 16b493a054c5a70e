/* SPDX-License-Identifier: MIT */
/* Control registers, MSRs, CPUID, descriptor-table registers, system calls, what CPL 3 may not do. */
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
static void msr_exit(void *ctx, struct cpu_exit *e)
{
	test_soft_exit(ctx, e);
	if (e->kind != CPU_EXIT_MSR)
		return;
	/* The local APIC takes whatever the CPU has let through. */
	e->msr.fault = !msr_allow && !(e->msr.num == 0x1b && e->msr.why == 4);
	if (!e->msr.write)
		e->msr.val = 0x1122334455667788;
}

static void open_rich(struct test_soft *t, enum x86_mode mode)
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

static int mov(struct test_soft *t, unsigned cls, unsigned num, uint64_t val)
{
	const struct insn_operand o = {.kind = INSN_REG, .cls = (uint8_t)cls, .num = (uint8_t)num};

	return SYS_CATCH(t, soft_mov_to_control(t->s, &o, val));
}

static uint64_t get(struct test_soft *t, unsigned cls, unsigned num)
{
	const struct insn_operand o = {.kind = INSN_REG, .cls = (uint8_t)cls, .num = (uint8_t)num};
	volatile uint64_t val = ~0ull;

	assert_int_equal(SYS_CATCH(t, val = soft_mov_from_control(t->s, &o)), -1);
	return val;
}

#define CR(t, n, v) mov(t, INSN_CR, n, v)

static int wrmsr(struct test_soft *t, uint32_t num, uint64_t val)
{
	static const struct insn i = {.op = INSN_WRMSR};

	t->s->gpr[X86_RCX] = num;
	t->s->gpr[X86_RAX] = (uint32_t)val;
	t->s->gpr[X86_RDX] = val >> 32;
	return SYS_CATCH(t, soft_op_wrmsr(t->s, &i));
}

static int rdmsr(struct test_soft *t, uint32_t num, uint64_t *val)
{
	static const struct insn i = {.op = INSN_RDMSR};
	int vec;

	t->s->gpr[X86_RCX] = num;
	vec = SYS_CATCH(t, soft_op_rdmsr(t->s, &i));
	*val = t->s->gpr[X86_RAX] | t->s->gpr[X86_RDX] << 32;
	return vec;
}

#define MSR_EFER 0xc0000080u

/* ---- control registers ------------------------------------------------------------------------------- */

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

/* ---- MSRs ------------------------------------------------------------------------------------------ */

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

/* ---- tables ------------------------------------------------------------------------------------------ */

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

/* ---- SYSCALL and its kin ---------------------------------------------------------------------------- */

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

/* ---- the rest ------------------------------------------------------------------------------------------- */

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
		cmocka_unit_test(cr0_rules),
		cmocka_unit_test(cr3_rules),
		cmocka_unit_test(cr4_rules),
		cmocka_unit_test(lmsw_smsw_clts),
		cmocka_unit_test(debug_registers),
		cmocka_unit_test(efer_rules),
		cmocka_unit_test(msr_rules),
		cmocka_unit_test(msr_machine),
		cmocka_unit_test(cpuid),
		cmocka_unit_test(xcr0),
		cmocka_unit_test(gdtr_idtr),
		cmocka_unit_test(ldtr_tr),
		cmocka_unit_test(user_may_not),
		cmocka_unit_test(tsd),
		cmocka_unit_test(syscall_sysret),
		cmocka_unit_test(sysenter_sysexit),
		cmocka_unit_test(bases),
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
