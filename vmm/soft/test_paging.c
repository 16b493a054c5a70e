/* SPDX-License-Identifier: MIT */
/* Paging: rights, error codes, accessed and dirty bits, reserved bits, the TLB, in all modes. */
#include "test_sys.h"
#include "tlb.h"

#define P  1ull
#define RW 2ull
#define US 4ull
#define A  0x20ull
#define D  0x40ull
#define PS 0x80ull
#define G  0x100ull
#define NX (1ull << 63)

#define PML4 0x20000u
#define PDPT 0x21000u
#define PD   0x22000u
#define PT   0x23000u
#define PAGE 0x90000u
#define VA   0x0000008040201000ull /* entry 1 of each table */
#define E1   8u

/* Error codes. */
#define E_P   1u
#define E_W   2u
#define E_U   4u
#define E_RSV 8u
#define E_I   16u
#define E_PK  32u

enum { OK = 1 << 30 };

/* What an access gives: OK, or the error code. Nothing is changed. */
static unsigned walk(struct test_soft *t, uint64_t la, enum soft_access acc, unsigned cpl)
{
	uint64_t gpa, size;
	bool w;
	uint32_t e = soft_walk(t->s, la, acc, cpl, &gpa, &size, &w);

	return e ? e & 0x7fffffff : OK;
}

static uint64_t gpa_of(struct test_soft *t, uint64_t la, uint64_t *size)
{
	uint64_t gpa = ~0ull;
	bool w;

	assert_int_equal(soft_walk(t->s, la, SOFT_READ, 0, &gpa, size, &w), 0);
	return gpa;
}

static void tables4(struct test_soft *t, uint64_t leaf)
{
	sys_put64(t, PML4 + E1, PDPT | P | RW | US);
	sys_put64(t, PDPT + E1, PD | P | RW | US);
	sys_put64(t, PD + E1, PT | P | RW | US);
	sys_put64(t, PT + E1, leaf);
	t->s->cr3 = PML4;
	soft_tlb_flush(t->s);
}

static void open4(struct test_soft *t, uint64_t leaf)
{
	test_soft_open(t, X86_LONG);
	tables4(t, leaf);
	t->s->efer |= X86_EFER_NXE;
	t->s->cr0 |= X86_CR0_WP;
}

static void rights_4level(void **state)
{
	static const struct {
		uint64_t leaf;
		unsigned want[2][3]; /* supervisor, user; read, write, fetch */
	} rows[] = {
		{0, {{0, E_W, E_I}, {E_U, E_U | E_W, E_U | E_I}}},
		{P, {{OK, E_P | E_W, OK}, {E_P | E_U, E_P | E_U | E_W, E_P | E_U | E_I}}},
		{P | RW, {{OK, OK, OK}, {E_P | E_U, E_P | E_U | E_W, E_P | E_U | E_I}}},
		{P | US, {{OK, E_P | E_W, OK}, {OK, E_P | E_U | E_W, OK}}},
		{P | RW | US, {{OK, OK, OK}, {OK, OK, OK}}},
		{P | RW | US | NX, {{OK, OK, E_P | E_I}, {OK, OK, E_P | E_U | E_I}}},
		{P | 1ull << 51,
		 {{E_P | E_RSV, E_P | E_RSV | E_W, E_P | E_RSV | E_I},
		  {E_P | E_U | E_RSV, E_P | E_U | E_RSV | E_W, E_P | E_U | E_RSV | E_I}}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct test_soft t;

		open4(&t, PAGE | rows[i].leaf);
		for (unsigned u = 0; u < 2; u++)
			for (unsigned a = 0; a < 3; a++)
				assert_int_equal(walk(&t, VA, a, u ? 3 : 0), rows[i].want[u][a]);
		/* CPL 1 and 2 are supervisors. */
		assert_int_equal(walk(&t, VA, SOFT_READ, 2), rows[i].want[0][0]);
		test_soft_close(&t);
	}
}

/* Without CR0.WP supervisors write anywhere; without NXE bit 63 is reserved and there is no I/D. */
static void wp_and_nxe(void **state)
{
	struct test_soft t;

	(void)state;
	open4(&t, PAGE | P | US);
	t.s->cr0 &= ~X86_CR0_WP;
	assert_int_equal(walk(&t, VA, SOFT_WRITE, 0), OK);
	assert_int_equal(walk(&t, VA, SOFT_WRITE, 3), E_P | E_U | E_W);
	t.s->efer &= ~X86_EFER_NXE;
	sys_put64(&t, PT + E1, PAGE | P | NX);
	assert_int_equal(walk(&t, VA, SOFT_READ, 0), E_P | E_RSV);
	sys_put64(&t, PT + E1, PAGE);
	assert_int_equal(walk(&t, VA, SOFT_EXEC, 0), 0);
	t.s->cr4 |= SOFT_CR4_SMEP;
	assert_int_equal(walk(&t, VA, SOFT_EXEC, 0), E_I);
	test_soft_close(&t);
}

/* Rights are those of all levels together. */
static void upper_levels(void **state)
{
	static const uint64_t at[] = {PML4, PDPT, PD};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		struct test_soft t;
		uint64_t e;

		open4(&t, PAGE | P | RW | US);
		e = test_soft_look(&t, at[i] + E1, 8);
		sys_put64(&t, at[i] + E1, e & ~RW);
		assert_int_equal(walk(&t, VA, SOFT_WRITE, 0), E_P | E_W);
		sys_put64(&t, at[i] + E1, e & ~US);
		assert_int_equal(walk(&t, VA, SOFT_READ, 3), E_P | E_U);
		sys_put64(&t, at[i] + E1, e | NX);
		assert_int_equal(walk(&t, VA, SOFT_EXEC, 0), E_P | E_I);
		sys_put64(&t, at[i] + E1, e & ~P);
		assert_int_equal(walk(&t, VA, SOFT_WRITE, 3), E_U | E_W);
		sys_put64(&t, at[i] + E1, e | 1ull << t.s->maxphyaddr);
		assert_int_equal(walk(&t, VA, SOFT_READ, 0), E_P | E_RSV);
		test_soft_close(&t);
	}
}

static void smep_smap(void **state)
{
	struct test_soft t;

	(void)state;
	open4(&t, PAGE | P | RW | US);
	t.s->cr4 |= SOFT_CR4_SMEP;
	assert_int_equal(walk(&t, VA, SOFT_EXEC, 0), E_P | E_I);
	assert_int_equal(walk(&t, VA, SOFT_EXEC, 3), OK);
	t.s->cr4 = (t.s->cr4 & ~SOFT_CR4_SMEP) | SOFT_CR4_SMAP;
	assert_int_equal(walk(&t, VA, SOFT_EXEC, 0), OK);
	assert_int_equal(walk(&t, VA, SOFT_READ, 0), E_P);
	assert_int_equal(walk(&t, VA, SOFT_WRITE, 0), E_P | E_W);
	assert_int_equal(walk(&t, VA, SOFT_WRITE, 3), OK);
	t.s->rflags |= X86_FLAG_AC;
	assert_int_equal(walk(&t, VA, SOFT_WRITE, 0), OK);
	/* AC is no help for what the CPU does by itself. */
	assert_int_equal(walk(&t, VA, SOFT_READ, SOFT_IMPLICIT), E_P);
	t.s->cpl = 3;
	assert_int_equal(walk(&t, VA, SOFT_READ, 0), E_P);
	test_soft_close(&t);
}

static void protection_keys(void **state)
{
	struct test_soft t;
	const uint64_t key = 5;

	(void)state;
	open4(&t, PAGE | P | RW | US | key << 59);
	t.s->cr4 |= SOFT_CR4_PKE;
	assert_int_equal(walk(&t, VA, SOFT_WRITE, 3), OK);
	t.s->pkru = 1u << (2 * key);
	assert_int_equal(walk(&t, VA, SOFT_READ, 3), E_P | E_U | E_PK);
	assert_int_equal(walk(&t, VA, SOFT_READ, 0), E_P | E_PK);
	assert_int_equal(walk(&t, VA, SOFT_EXEC, 3), OK);
	t.s->pkru = 2u << (2 * key);
	assert_int_equal(walk(&t, VA, SOFT_READ, 3), OK);
	assert_int_equal(walk(&t, VA, SOFT_WRITE, 3), E_P | E_U | E_W | E_PK);
	assert_int_equal(walk(&t, VA, SOFT_WRITE, 0), E_P | E_W | E_PK);
	t.s->cr0 &= ~X86_CR0_WP;
	assert_int_equal(walk(&t, VA, SOFT_WRITE, 0), OK);
	/* Supervisor pages have no key. */
	t.s->pkru = ~0u;
	sys_put64(&t, PT + E1, PAGE | P | RW | key << 59);
	assert_int_equal(walk(&t, VA, SOFT_WRITE, 0), OK);
	test_soft_close(&t);
}

static void accessed_dirty(void **state)
{
	static const uint64_t at[] = {PML4, PDPT, PD, PT};
	struct test_soft t;

	(void)state;
	open4(&t, PAGE | P | RW);
	/* A walk alone changes nothing. */
	assert_int_equal(walk(&t, VA, SOFT_WRITE, 0), OK);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(test_soft_look(&t, at[i] + E1, 8) & (A | D), 0);
	assert_int_equal(SYS_CATCH(&t, soft_translate(t.s, VA, SOFT_READ, 0)), -1);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(test_soft_look(&t, at[i] + E1, 8) & (A | D), A);
	assert_int_equal(SYS_CATCH(&t, soft_translate(t.s, VA, SOFT_WRITE, 0)), -1);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(test_soft_look(&t, at[i] + E1, 8) & (A | D), i < 3 ? A : A | D);
	/* What is refused leaves the page's entry alone; the way to it was used. */
	tables4(&t, PAGE | P);
	assert_int_equal(SYS_CATCH(&t, soft_translate(t.s, VA + 0x123, SOFT_WRITE, 3)), X86_PF);
	assert_int_equal(t.s->fault.error, E_P | E_U | E_W);
	assert_int_equal(t.s->cr2, VA + 0x123);
	assert_int_equal(test_soft_look(&t, PT + E1, 8), PAGE | P);
	assert_int_equal(test_soft_look(&t, PD + E1, 8) & A, A);
	test_soft_close(&t);
}

static void large_pages(void **state)
{
	struct test_soft t;
	struct x86_cpuid cpuid[8];
	uint64_t size;
	size_t n = 0;

	(void)state;
	open4(&t, 0);
	sys_put64(&t, PD + E1, 0x600000 | P | RW | PS);
	assert_int_equal(gpa_of(&t, VA + 0x1234, &size), 0x600000 + 0x2234);
	assert_int_equal(size, 2 << 20);
	/* Bit 12 is PAT, bits 13 to 20 are reserved. */
	sys_put64(&t, PD + E1, 0x600000 | 0x1000 | P | RW | PS);
	assert_int_equal(gpa_of(&t, VA, &size), 0x601000);
	sys_put64(&t, PD + E1, 0x602000 | P | RW | PS);
	assert_int_equal(walk(&t, VA, SOFT_READ, 0), E_P | E_RSV);
	/* 1 GiB pages are there where CPUID says so. */
	sys_put64(&t, PDPT + E1, 0x80000000 | P | RW | PS);
	cpuid[n++] = (struct x86_cpuid){.leaf = 0x80000001};
	t.s->cfg.cpuid = cpuid;
	t.s->cfg.nr_cpuid = n;
	soft_features(t.s);
	assert_int_equal(walk(&t, VA, SOFT_READ, 0), E_P | E_RSV);
	cpuid[0].edx = 1u << 26;
	soft_features(t.s);
	assert_int_equal(gpa_of(&t, VA + 0x1234, &size), 0x80000000 + 0x202234);
	assert_int_equal(size, 1 << 30);
	sys_put64(&t, PDPT + E1, 0x80002000 | P | RW | PS);
	assert_int_equal(walk(&t, VA, SOFT_READ, 0), E_P | E_RSV);
	/* A PML4 entry has no large page. */
	sys_put64(&t, PML4 + E1, PDPT | P | RW | PS);
	assert_int_equal(walk(&t, VA, SOFT_READ, 0), E_P | E_RSV);
	test_soft_close(&t);
}

/* Tables that are not in memory read as ones; a loop of tables ends at the last level. */
static void wild_tables(void **state)
{
	struct test_soft t;
	uint64_t size;

	(void)state;
	open4(&t, 0);
	sys_put64(&t, PDPT + E1, 0x40000000 | P | RW);
	assert_int_equal(walk(&t, VA, SOFT_READ, 0), E_P | E_RSV);
	t.s->cr3 = 0x7000000000;
	assert_int_equal(walk(&t, VA, SOFT_READ, 0), E_P | E_RSV);
	t.s->cr3 = PML4;
	sys_put64(&t, PML4 + E1, PML4 | P | RW);
	assert_int_equal(gpa_of(&t, VA + 5, &size), PML4 + 5);
	assert_int_equal(SYS_CATCH(&t, soft_translate(t.s, VA, SOFT_WRITE, 0)), -1);
	test_soft_close(&t);
}

static void open_prot(struct test_soft *t, uint64_t cr3, uint64_t cr4)
{
	test_soft_open(t, X86_PROT);
	t->s->cr3 = cr3;
	t->s->cr4 |= cr4;
	t->s->cr0 |= X86_CR0_PG | X86_CR0_WP;
}

static void paging_32bit(void **state)
{
	const uint64_t la = 0x00801234; /* directory entry 2, table entry 1 */
	struct test_soft t;
	uint64_t size;

	(void)state;
	open_prot(&t, PD, 0);
	sys_put32(&t, PD + 8, PT | P | RW | US);
	sys_put32(&t, PT + 4, PAGE | P | RW | US);
	assert_int_equal(gpa_of(&t, la, &size), PAGE + 0x234);
	assert_int_equal(gpa_of(&t, la | 1ull << 32, &size), PAGE + 0x234); /* 32 bits of it */
	assert_int_equal(size, 4096);
	assert_int_equal(walk(&t, la, SOFT_EXEC, 3), OK);
	assert_int_equal(SYS_CATCH(&t, soft_translate(t.s, la, SOFT_WRITE, 3)), -1);
	assert_int_equal(test_soft_look(&t, PD + 8, 4), PT | P | RW | US | A);
	assert_int_equal(test_soft_look(&t, PT + 4, 4), PAGE | P | RW | US | A | D);
	sys_put32(&t, PT + 4, PAGE | P);
	assert_int_equal(walk(&t, la, SOFT_WRITE, 0), E_P | E_W);
	assert_int_equal(walk(&t, la, SOFT_EXEC, 3), E_P | E_U); /* no I/D: no NX */
	sys_put32(&t, PT + 4, PAGE);
	assert_int_equal(walk(&t, la, SOFT_READ, 3), E_U);
	/* PS counts with CR4.PSE alone. */
	sys_put32(&t, PD + 8, 0x01400000 | P | RW | PS);
	assert_int_not_equal(walk(&t, la, SOFT_READ, 0), E_P | E_RSV);
	t.s->cr4 |= SOFT_CR4_PSE;
	assert_int_equal(gpa_of(&t, la, &size), 0x01401234);
	assert_int_equal(size, 4 << 20);
	test_soft_close(&t);
}

static void pse36(void **state)
{
	struct x86_cpuid cpuid = {.leaf = 1};
	struct test_soft t;
	uint64_t size;

	(void)state;
	open_prot(&t, PD, SOFT_CR4_PSE);
	t.s->cfg.cpuid = &cpuid;
	t.s->cfg.nr_cpuid = 1;
	t.s->maxphyaddr = 39;
	sys_put32(&t, PD + 8, 0x01400000 | 3u << 13 | P | PS);
	assert_int_equal(walk(&t, 0x800000, SOFT_READ, 0), E_P | E_RSV);
	cpuid.edx = 1u << 17;
	assert_int_equal(gpa_of(&t, 0x801234, &size), 0x301401234);
	sys_put32(&t, PD + 8, 0x01400000 | 1u << 20 | P | PS);
	assert_int_equal(walk(&t, 0x800000, SOFT_READ, 0), E_P | E_RSV);
	test_soft_close(&t);
}

static void paging_pae(void **state)
{
	const uint64_t la = 0x40201234; /* PDPTE 1, entry 1, entry 1 */
	struct test_soft t;
	uint64_t size;

	(void)state;
	open_prot(&t, PDPT, X86_CR4_PAE);
	t.s->efer |= X86_EFER_NXE;
	sys_put64(&t, PDPT + 8, PD | P);
	sys_put64(&t, PD + 8, PT | P | RW | US);
	sys_put64(&t, PT + 8, PAGE | P | RW | NX);
	assert_true(soft_load_pdptes(t.s, PDPT));
	assert_int_equal(gpa_of(&t, la, &size), PAGE + 0x234);
	assert_int_equal(walk(&t, la, SOFT_WRITE, 0), OK);
	assert_int_equal(walk(&t, la, SOFT_EXEC, 0), E_P | E_I);
	assert_int_equal(walk(&t, la, SOFT_READ, 3), E_P | E_U);
	assert_int_equal(walk(&t, 0, SOFT_READ, 0), 0);
	/* They are registers: memory is looked at when CR3 is loaded. */
	sys_put64(&t, PDPT + 8, 0);
	assert_int_equal(walk(&t, la, SOFT_READ, 0), OK);
	/* Bits that long mode ignores are reserved. */
	sys_put64(&t, PT + 8, PAGE | P | RW | 1ull << 52);
	assert_int_equal(walk(&t, la, SOFT_READ, 0), E_P | E_RSV);
	sys_put64(&t, PD + 8, 0x600000 | P | RW | PS);
	assert_int_equal(gpa_of(&t, la, &size), 0x601234);
	/* Loading refuses reserved bits of those that are present, and then changes nothing. */
	sys_put64(&t, PDPT + 16, PD | RW);
	assert_true(soft_load_pdptes(t.s, PDPT));
	sys_put64(&t, PDPT + 16, PD | P | RW);
	sys_put64(&t, PDPT + 8, PD | P);
	assert_false(soft_load_pdptes(t.s, PDPT));
	assert_int_equal(t.s->pdpte[1], 0);
	test_soft_close(&t);
}

static void no_paging(void **state)
{
	struct test_soft t;
	uint64_t size;

	(void)state;
	test_soft_open(&t, X86_PROT);
	assert_int_equal(gpa_of(&t, 0x123456789, &size), 0x23456789);
	assert_int_equal(walk(&t, ~0u, SOFT_WRITE, 3), OK);
	test_soft_close(&t);
}

/* The handler's frame has the error code, CR2 the address; RF is set in the image. */
static void page_fault_frame(void **state)
{
	struct test_soft t;

	(void)state;
	sys_open(&t, X86_LONG);
	sys_user(&t);
	/* mov [0xfffff80000001234], rax: not in the map */
	CODE(&t, 0x48, 0xa3, 0x34, 0x12, 0, 0, 0, 0xf8, 0xff, 0xff);
	assert_int_equal(sys_run(&t), X86_PF);
	assert_int_equal(t.s->cr2, 0xfffff80000001234);
	assert_int_equal(sys_stack(&t, 0), E_U | E_W);
	assert_int_equal(sys_stack(&t, 1), t.code);
	assert_int_equal(sys_stack(&t, 2), SEL_UCODE64);
	assert_true(sys_stack(&t, 3) & X86_FLAG_RF);
	assert_int_equal(t.s->cpl, 0);
	test_soft_close(&t);
}

/* An access over two pages is refused whole where the second one is not there. */
static void across_pages(void **state)
{
	struct test_soft t;

	(void)state;
	open4(&t, PAGE | P | RW);
	assert_int_equal(SYS_CATCH(&t, soft_lin_write(t.s, VA + 0xffc, 8, ~0ull, 0)), X86_PF);
	assert_int_equal(t.s->cr2, VA + 0x1000);
	assert_int_equal(t.s->fault.error, E_W);
	assert_int_equal(test_soft_look(&t, PAGE + 0xffc, 4), 0);
	sys_put64(&t, PT + E1 + 8, (PAGE + 0x5000) | P | RW);
	assert_int_equal(SYS_CATCH(&t, soft_lin_write(t.s, VA + 0xffc, 8, 0x1122334455667788, 0)),
			 -1);
	assert_int_equal(test_soft_look(&t, PAGE + 0xffc, 4), 0x55667788);
	assert_int_equal(test_soft_look(&t, PAGE + 0x5000, 4), 0x11223344);
	test_soft_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rights_4level),    cmocka_unit_test(wp_and_nxe),
		cmocka_unit_test(upper_levels),	    cmocka_unit_test(smep_smap),
		cmocka_unit_test(protection_keys),  cmocka_unit_test(accessed_dirty),
		cmocka_unit_test(large_pages),	    cmocka_unit_test(wild_tables),
		cmocka_unit_test(paging_32bit),	    cmocka_unit_test(pse36),
		cmocka_unit_test(paging_pae),	    cmocka_unit_test(no_paging),
		cmocka_unit_test(page_fault_frame), cmocka_unit_test(across_pages),
	};

	return cmocka_run_group_tests_name("soft/paging", tests, NULL, NULL);
}
