/* SPDX-License-Identifier: MIT */
/* The page walk in all paging modes: every level's faults, large pages, hostile tables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <vmm/x86.h>

#define RAM (1u << 20)

static struct gmem *mem;
static struct cpu_state s;

static int setup(void **state)
{
	(void)state;
	if (gmem_new(&mem, NULL))
		return -1;
	x86_state_reset(&s);
	return gmem_add(mem, 0, RAM, GMEM_RAM, NULL);
}

static int teardown(void **state)
{
	(void)state;
	gmem_free(mem);
	return 0;
}

static void put32(uint64_t gpa, uint32_t v)
{
	uint8_t b[4];

	st_le32(b, v);
	assert_int_equal(gmem_write(mem, gpa, b, 4), 0);
}

static void put64(uint64_t gpa, uint64_t v)
{
	uint8_t b[8];

	st_le64(b, v);
	assert_int_equal(gmem_write(mem, gpa, b, 8), 0);
}

static void maps(uint64_t va, uint64_t want)
{
	uint64_t gpa = 0;

	assert_int_equal(x86_translate(mem, &s, va, &gpa), 0);
	assert_int_equal(gpa, want);
}

static void faults(uint64_t va)
{
	uint64_t gpa = 0x77;

	assert_int_equal(x86_translate(mem, &s, va, &gpa), -EFAULT);
	assert_int_equal(gpa, 0x77);
}

static void no_paging(void **state)
{
	(void)state;
	maps(0x12345, 0x12345);
	maps(0x123456789, 0x23456789); /* 32 bits outside of long mode */
}

static void paging_32bit(void **state)
{
	(void)state;
	s.cr0 = X86_CR0_PE | X86_CR0_PG;
	s.cr3 = 0x1018; /* PWT and PCD are no part of the address */
	faults(0);
	put32(0x1000 + 4 * 3, 0x2001);
	faults(0xc00000);
	put32(0x2000 + 4 * 5, 0x89abc001);
	maps(0xc05123, 0x89abc123);
	/* a large page only with CR4.PSE; else bit 7 means nothing */
	put32(0x1000 + 4 * 4, 0x40002081);
	faults(0x1000000);
	s.cr4 = 1 << 4;
	maps(0x1012345, 0x140012345); /* PSE-36: bit 13 is bit 32 */
	put32(0x1000 + 4 * 4, 0x40200081);
	faults(0x1000000); /* bit 21 is reserved */
	/* tables outside of memory */
	put32(0x1000 + 4 * 6, 0xfffff001);
	faults(0x1800000);
	s.cr3 = 0xfffff000;
	faults(0);
}

static void paging_pae(void **state)
{
	(void)state;
	s.cr0 = X86_CR0_PE | X86_CR0_PG;
	s.cr4 = X86_CR4_PAE;
	s.cr3 = 0x1020; /* 32-byte aligned */
	faults(0);
	put64(0x1020 + 8 * 1, 0x2001);
	put64(0x2000 + 8 * 2, 0x3001);
	faults(0x40400000);
	put64(0x3000 + 8 * 3, 0x123456789001);
	maps(0x40403abc, 0x123456789abc);
	put64(0x2000 + 8 * 4, 0x40000081);
	maps(0x40812345, 0x40012345);
	put64(0x2000 + 8 * 4, 0x40002081); /* bit 13 is reserved */
	faults(0x40812345);
	put64(0x3000 + 8 * 3, 1ull << 62 | 0x5001);
	faults(0x40403abc);
	put64(0x3000 + 8 * 3, 1ull << 63 | 0x5001); /* XD is reserved without EFER.NXE */
	faults(0x40403abc);
	s.efer = X86_EFER_NXE;
	maps(0x40403abc, 0x5abc);
	put64(0x1020 + 8 * 1, 0x2003); /* R/W does not exist in a PDPTE */
	faults(0x40403abc);
}

static void paging_4level(void **state)
{
	uint64_t va = 0xffff808040604abc; /* indices 257, 1, 3, 4 */

	(void)state;
	s.cr0 = X86_CR0_PE | X86_CR0_PG;
	s.cr4 = X86_CR4_PAE;
	s.efer = X86_EFER_LME | X86_EFER_LMA;
	s.cr3 = 0x1018;
	faults(va);
	put64(0x1000 + 8 * 257, 0x2001);
	faults(va);
	put64(0x2000 + 8 * 1, 0x3001);
	faults(va);
	put64(0x3000 + 8 * 3, 0x4001);
	faults(va);
	put64(0x4000 + 8 * 4, 0x7ff0000000005001 | 0x000ffff000000000);
	maps(va, 0x000ffff000005abc); /* bits 52 to 62 are the software's */
	put64(0x4000 + 8 * 4, 1ull << 63 | 0x5001);
	faults(va);
	s.efer |= X86_EFER_NXE;
	maps(va, 0x5abc);
	/* 2 MiB and 1 GiB; what lies below their address is reserved, but for PAT */
	put64(0x3000 + 8 * 3, 0x40001081);
	maps(va, 0x40004abc);
	put64(0x3000 + 8 * 3, 0x40002081);
	faults(va);
	put64(0x2000 + 8 * 1, 0x80000081);
	maps(va, 0x80604abc);
	put64(0x2000 + 8 * 1, 0x80200081);
	faults(va);
	put64(0x1000 + 8 * 257, 0x2081); /* no large page at the top */
	faults(va);
	/* not canonical */
	faults(0x0000800000000000);
	faults(0xffff7fffffffffff);
	faults(0x8000000000000000);
}

/* Tables that point to themselves: four steps, then an answer. */
static void tables_in_a_ring(void **state)
{
	(void)state;
	s.cr0 = X86_CR0_PE | X86_CR0_PG;
	s.cr4 = X86_CR4_PAE;
	s.efer = X86_EFER_LME | X86_EFER_LMA;
	s.cr3 = 0x1000;
	put64(0x1000, 0x1001);
	maps(0x123, 0x1123);
}

/* Random tables in every mode: it ends, and reads nothing that is not there (ASan). */
static void random_tables(void **state)
{
	struct rng rng = {11};
	uint64_t gpa;
	unsigned hits = 0;

	(void)state;
	for (uint64_t a = 0; a < RAM; a += 8)
		put64(a, rng_next(&rng) & (rng_next(&rng) % 4 ? 0xff0ff : ~0ull));
	for (unsigned n = 0; n < 20000; n++) {
		s.cr0 = X86_CR0_PE | (n & 1 ? X86_CR0_PG : 0);
		s.cr4 = n & 2 ? X86_CR4_PAE : 1 << 4;
		s.efer = n & 4 ? X86_EFER_LMA | X86_EFER_NXE : 0;
		s.cr3 = rng_next(&rng) & (n & 8 ? 0xfffff : ~0ull);
		hits += x86_translate(mem, &s, rng_next(&rng), &gpa) == 0;
	}
	assert_true(hits > 1000);
}

static void code_bits(void **state)
{
	(void)state;
	s.seg[X86_CS].attr = X86_SEG_CODE32;
	assert_int_equal(x86_code_bits(&s), 32);
	s.seg[X86_CS].attr = X86_SEG_CODE64;
	assert_int_equal(x86_code_bits(&s), 16); /* L means nothing outside of long mode */
	s.efer = X86_EFER_LMA;
	assert_int_equal(x86_code_bits(&s), 64);
	s.seg[X86_CS].attr = X86_SEG_CODE32;
	assert_int_equal(x86_code_bits(&s), 32);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(no_paging),	     T(paging_32bit),  T(paging_pae), T(paging_4level),
		T(tables_in_a_ring), T(random_tables), T(code_bits),
	};

	return cmocka_run_group_tests_name("x86/paging", tests, NULL, NULL);
}
