/* SPDX-License-Identifier: MIT */
/*
 * What soft_run() remembers of paging: host pointers by what is allowed now, translations that are
 * never stale, whoever writes to the tables and whatever the guest forgets to flush.
 */
#include "fast.h"
#include "system.h"
#include "test_sys.h"
#include "tlb.h"

#define P   1ull
#define RW  2ull
#define US  4ull
#define A   0x20ull
#define D   0x40ull
#define PS  0x80ull
#define G   0x100ull
#define NX  (1ull << 63)
#define KEY (3ull << 59)

#define PML4  0x20000u
#define PDPT  0x21000u
#define PD    0x22000u
#define PT    0x23000u
#define PML4B 0x24000u /* a second set, of the same pages but the last one */
#define PDPTB 0x25000u
#define PDB   0x26000u
#define PTB   0x27000u
#define PAGE  0x90000u
#define PAGE2 0x91000u
#define VA    0x0000008040201000ull /* entry 1 of each table */
#define E1    8u

static void tables4(struct test_soft *t, uint64_t leaf)
{
	sys_put64(t, PML4 + E1, PDPT | P | RW | US);
	sys_put64(t, PDPT + E1, PD | P | RW | US);
	sys_put64(t, PD + E1, PT | P | RW | US);
	sys_put64(t, PT + E1, leaf);
	sys_put64(t, PML4B + E1, PDPTB | P | RW | US);
	sys_put64(t, PDPTB + E1, PDB | P | RW | US);
	sys_put64(t, PDB + E1, PTB | P | RW | US);
	sys_put64(t, PTB + E1, PAGE2 | P | RW | US);
	t->s->cr3 = PML4;
	soft_tlb_flush(t->s);
}

static void open4(struct test_soft *t, uint64_t leaf)
{
	test_soft_open(t, X86_LONG);
	t->s->efer |= X86_EFER_NXE;
	t->s->cr0 |= X86_CR0_WP;
	t->s->remembers = true; /* as soft_run() has it */
	tables4(t, leaf);
}

/* The physical address of an access, or the vector of its fault with the top bit set. */
#define FAULTED (1ull << 63)
static uint64_t access(struct test_soft *t, uint64_t la, enum soft_access acc, unsigned cpl)
{
	volatile uint64_t gpa = 0;
	int vec = SYS_CATCH(t, gpa = soft_translate(t->s, la, acc, cpl));

	return vec < 0 ? gpa : FAULTED | (unsigned)vec;
}

/* The guest's own store to a table, by its physical address. */
static void store(struct test_soft *t, uint64_t gpa, uint64_t val)
{
	uint8_t b[8], *host = soft_watched_write(t->s, gpa, 8, false);

	st_le64(b, val);
	if (host)
		memcpy(host, b, 8);
	else
		assert_int_equal(gmem_write(t->mem, gpa, b, 8), 0);
}

static struct soft_tlb_entry *tlb(struct test_soft *t, unsigned table, uint64_t la)
{
	return &t->s->tlb[table][la >> 12 & (SOFT_TLB - 1)];
}

/* ---- host pointers -------------------------------------------------------------------------------- */

static void pointers(void **state)
{
	struct test_soft t;
	struct soft_tlb_entry *e;

	(void)state;
	open4(&t, PAGE | P | RW | NX);
	e = tlb(&t, SOFT_TLB_SUPER, VA);
	assert_int_equal(access(&t, VA + 8, SOFT_READ, 0), PAGE + 8);
	assert_int_equal(e->rd, VA);
	assert_int_not_equal(e->wr, VA); /* not dirty yet */
	assert_int_not_equal(e->ex, VA); /* NX */
	sys_put64(&t, PAGE + 0x40, 0xabcd);
	assert_memory_equal((void *)(uintptr_t)(e->addend + VA + 0x40), "\xcd\xab", 2);
	assert_int_equal(access(&t, VA + 8, SOFT_WRITE, 0), PAGE + 8);
	assert_int_equal(e->wr, VA);
	/* A page of code: writes must be seen. */
	soft_tlb_protect(t.s, PAGE);
	assert_int_not_equal(e->wr, VA);
	assert_int_equal(e->rd, VA);
	soft_tlb_drop(t.s);
	assert_int_not_equal(e->rd, VA);
	/* User entries are in a table of their own, and not there without the right. */
	assert_int_equal(access(&t, VA, SOFT_READ, 3), FAULTED | X86_PF);
	assert_int_not_equal(tlb(&t, SOFT_TLB_USER, VA)->rd, VA);
	test_soft_close(&t);
}

/* All entries are found again to be dropped, the first and the last word's too. */
static void drop_all(void **state)
{
	static const unsigned at[] = {0, 1, 63, 64, 127, 133, 197, 2000, 4031, 4032, 4095};
	struct test_soft t;

	(void)state;
	open4(&t, PAGE | P | RW);
	for (unsigned table = 0; table < SOFT_TLBS; table++) {
		for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
			struct soft_tlb_page p = {.la = (uint64_t)at[i] << 12,
						  .gpa = PAGE,
						  .table = table,
						  .read = true};

			soft_tlb_fill(t.s, &p, SOFT_READ);
			assert_int_equal(t.s->tlb[table][at[i]].rd, p.la);
		}
	}
	soft_tlb_drop(t.s);
	for (unsigned table = 0; table < SOFT_TLBS; table++)
		for (unsigned i = 0; i < SOFT_TLB; i++)
			assert_int_equal(t.s->tlb[table][i].rd, ~0ull);
	test_soft_close(&t);
}

/* With SMAP the supervisor's user pages are in a table that is used while AC is set. */
static void smap(void **state)
{
	struct test_soft t;

	(void)state;
	open4(&t, PAGE | P | RW | US);
	t.s->cr4 |= SOFT_CR4_SMAP;
	t.s->rflags |= X86_FLAG_AC;
	assert_int_equal(access(&t, VA, SOFT_READ, 0), PAGE);
	assert_int_not_equal(tlb(&t, SOFT_TLB_SUPER, VA)->rd, VA);
	assert_int_equal(tlb(&t, SOFT_TLB_AC, VA)->rd, VA);
	/* What the CPU does by itself, and what it does at CPL 3, AC does not help. */
	assert_int_equal(access(&t, VA, SOFT_READ, SOFT_IMPLICIT), FAULTED | X86_PF);
	t.s->cpl = 3;
	assert_int_equal(access(&t, VA, SOFT_READ, 0), FAULTED | X86_PF);
	assert_int_equal(access(&t, VA, SOFT_READ, 3), PAGE);
	t.s->cpl = 0;
	t.s->rflags &= ~X86_FLAG_AC;
	assert_int_equal(access(&t, VA, SOFT_READ, 0), FAULTED | X86_PF);
	test_soft_close(&t);
}

/* A page of its own at VA in the tables that tests boot with. */
static void map_va(struct test_soft *t, uint64_t leaf)
{
	test_soft_open(t, X86_LONG);
	sys_put64(t, X86_BOOT_PT + E1, PDPT | P | RW | US);
	sys_put64(t, PDPT + E1, PD | P | RW | US);
	sys_put64(t, PD + E1, PT | P | RW | US);
	sys_put64(t, PT + E1, leaf);
}

/* STAC and CLAC in one trace: the stores between them go through, the one behind faults. */
static void smap_in_a_trace(void **state)
{
	struct test_soft t;

	(void)state;
	map_va(&t, PAGE | P | RW | US);
	t.s->cr4 |= SOFT_CR4_SMAP;
	t.s->gpr[X86_RBX] = VA;
	t.s->gpr[X86_RCX] = 3;
	CODE(&t, 0x0f, 0x01, 0xcb, /* again: stac */
	     0x89, 0x0b,	   /* mov [rbx], ecx */
	     0x01, 0x0b,	   /* add [rbx], ecx */
	     0x0f, 0x01, 0xca,	   /* clac */
	     0xff, 0xc9,	   /* dec ecx */
	     0x75, 0xf2,	   /* jnz again */
	     0x89, 0x0b);	   /* mov [rbx], ecx */
	assert_int_equal(soft_run(t.s, 100), SOFT_STOP_HLT);
	assert_int_equal(test_soft_fault(&t), X86_PF);
	assert_int_equal(sys_stack(&t, 1), TEST_CODE + 14);
	assert_int_equal(test_soft_look(&t, PAGE, 4), 2);
	assert_int_equal(soft_icount(t.s), 3 * 6 + 1);
	test_soft_close(&t);
	/* And one that is entered with AC set. */
	map_va(&t, PAGE | P | RW | US);
	t.s->cr4 |= SOFT_CR4_SMAP;
	t.s->rflags |= X86_FLAG_AC;
	t.s->gpr[X86_RBX] = VA;
	CODE(&t, 0x89, 0x0b, 0x0f, 0x01, 0xca, 0x89, 0x0b); /* store, clac, store */
	assert_int_equal(soft_run(t.s, 100), SOFT_STOP_HLT);
	assert_int_equal(test_soft_fault(&t), X86_PF);
	assert_int_equal(sys_stack(&t, 1), TEST_CODE + 5);
	test_soft_close(&t);
}

/* Devices are not in it; ROM is, for reading. */
static void devices_and_rom(void **state)
{
	struct test_soft t;

	(void)state;
	open4(&t, 0xfe000000 | P | RW);
	assert_int_equal(access(&t, VA, SOFT_READ, 0), 0xfe000000);
	assert_int_not_equal(tlb(&t, SOFT_TLB_SUPER, VA)->rd, VA);
	assert_int_equal(gmem_add(t.mem, 0xfe000000, 0x1000, GMEM_ROM, NULL), 0);
	soft_memory_changed(t.s);
	assert_int_equal(access(&t, VA, SOFT_WRITE, 0), 0xfe000000);
	assert_int_equal(tlb(&t, SOFT_TLB_SUPER, VA)->rd, VA);
	assert_int_not_equal(tlb(&t, SOFT_TLB_SUPER, VA)->wr, VA);
	test_soft_close(&t);
}

/* ---- translations -------------------------------------------------------------------------------------- */

/* A write to any level is seen at once, the guest's, a device's and the debugger's. */
static void never_stale(void **state)
{
	static const struct {
		uint64_t at, val;
		uint64_t want;
	} rows[] = {
		{PT + E1, PAGE2 | P | RW, PAGE2},      {PT + E1, 0, FAULTED | X86_PF},
		{PD + E1, PTB | P | RW, PAGE2},	       {PD + E1, 0, FAULTED | X86_PF},
		{PDPT + E1, PDB | P | RW, PAGE2},      {PML4 + E1, PDPTB | P | RW, PAGE2},
		{PML4 + E1, 0, FAULTED | X86_PF},      {PD + E1, P | RW | PS, 0x1000},
		{PT + E1, PAGE | P, FAULTED | X86_PF}, {PT + E1, PAGE | P | RW | NX, PAGE},
	};
	struct test_soft t;
	uint8_t b[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned who = 0; who < 3; who++) {
			open4(&t, PAGE | P | RW);
			assert_int_equal(access(&t, VA, SOFT_WRITE, 0), PAGE);
			st_le64(b, rows[i].val);
			if (who == 0)
				store(&t, rows[i].at, rows[i].val);
			else if (who == 1)
				assert_int_equal(gmem_write(t.mem, rows[i].at, b, 8), 0);
			else
				memcpy(gmem_rw(t.mem, rows[i].at, 8), b, 8);
			assert_int_equal(access(&t, VA, SOFT_WRITE, 0), rows[i].want);
			test_soft_close(&t);
		}
	}
}

/* Part of an entry is written: 1 byte of the address; the rights; 512 bytes from below. */
static void parts_of_entries(void **state)
{
	struct test_soft t;
	uint8_t big[512] = {0}, *host;

	(void)state;
	open4(&t, PAGE | P | RW);
	assert_int_equal(access(&t, VA, SOFT_WRITE, 0), PAGE);
	host = soft_watched_write(t.s, PT + E1 + 2, 1, false);
	assert_non_null(host);
	*host = 0x0a; /* 0x90000 to 0xa0000 */
	assert_int_equal(access(&t, VA, SOFT_WRITE, 0), 0xa0000);
	host = soft_watched_write(t.s, PT, 512, false);
	assert_non_null(host);
	memcpy(host, big, 512);
	assert_int_equal(access(&t, VA, SOFT_WRITE, 0), FAULTED | X86_PF);
	test_soft_close(&t);
}

/* What was not present, or lies elsewhere in the page, costs nothing. */
static void harmless_writes(void **state)
{
	struct test_soft t;
	uint64_t gen;

	(void)state;
	open4(&t, PAGE | P | RW);
	assert_int_equal(access(&t, VA, SOFT_WRITE, 0), PAGE);
	gen = t.s->fgen;
	store(&t, PT + E1 + 8, PAGE2 | P | RW); /* the neighbour, in the same 64 bytes */
	store(&t, PT + 0x800, PAGE2 | P | RW);
	store(&t, PT + 0x800, 0);
	assert_int_equal(t.s->fgen, gen);
	assert_int_equal(access(&t, VA + 0x1000, SOFT_WRITE, 0), PAGE2);
	store(&t, PT + E1 + 8, 0);
	assert_int_not_equal(t.s->fgen, gen);
	assert_int_equal(access(&t, VA + 0x1000, SOFT_WRITE, 0), FAULTED | X86_PF);
	test_soft_close(&t);
}

/* A guest that clears accessed and dirty bits and flushes nothing sees them set again. */
static void accessed_and_dirty(void **state)
{
	struct test_soft t;

	(void)state;
	open4(&t, PAGE | P | RW);
	assert_int_equal(access(&t, VA, SOFT_READ, 0), PAGE);
	assert_int_equal(test_soft_look(&t, PT + E1, 8), PAGE | P | RW | A);
	assert_int_equal(access(&t, VA, SOFT_WRITE, 0), PAGE);
	assert_int_equal(test_soft_look(&t, PT + E1, 8), PAGE | P | RW | A | D);
	store(&t, PT + E1, PAGE | P | RW);
	assert_int_equal(access(&t, VA, SOFT_READ, 0), PAGE);
	assert_int_equal(test_soft_look(&t, PT + E1, 8), PAGE | P | RW | A);
	store(&t, PD + E1, PT | P | RW | US);
	assert_int_equal(access(&t, VA, SOFT_WRITE, 0), PAGE);
	assert_int_equal(test_soft_look(&t, PT + E1, 8), PAGE | P | RW | A | D);
	assert_int_equal(test_soft_look(&t, PD + E1, 8), PT | P | RW | US | A);
	test_soft_close(&t);
}

/* No pointer for writing leads to a table in use; when it is not used any more, one may. */
static void tables_are_watched(void **state)
{
	struct test_soft t;
	const uint64_t map = VA + 0x1000; /* of the table itself */

	(void)state;
	open4(&t, PAGE | P | RW);
	sys_put64(&t, PT + E1 + 8, PT | P | RW | A | D);
	assert_int_equal(access(&t, map, SOFT_WRITE, 0), PT);
	assert_int_not_equal(tlb(&t, SOFT_TLB_SUPER, map)->wr, map);
	/* Made before the page was a table. */
	sys_put64(&t, PT + E1 + 8, PTB | P | RW | A | D);
	assert_int_equal(access(&t, map, SOFT_WRITE, 0), PTB);
	assert_int_equal(tlb(&t, SOFT_TLB_SUPER, map)->wr, map);
	store(&t, PD + E1 + 8, PTB | P | RW);
	assert_int_equal(access(&t, VA + (2 << 20), SOFT_READ, 0), PAGE2);
	assert_int_not_equal(tlb(&t, SOFT_TLB_SUPER, map)->wr, map);
	test_soft_close(&t);
}

static void load_cr3(struct test_soft *t, uint64_t val)
{
	assert_int_equal(SYS_CATCH(t, soft_write_cr3(t->s, val)), -1);
}

/* Two sets of tables: each is found again, whatever the PCID, bit 63 and G say. */
static void address_spaces(void **state)
{
	struct test_soft t;
	uint64_t gen;

	(void)state;
	open4(&t, PAGE | P | RW | G);
	t.s->cr4 |= X86_CR4_PGE | SOFT_CR4_PCIDE;
	load_cr3(&t, PML4 | 1);
	assert_int_equal(access(&t, VA, SOFT_READ, 0), PAGE);
	load_cr3(&t, PML4B | 1 | SOFT_CR3_NOFLUSH);
	assert_int_equal(access(&t, VA, SOFT_READ, 0), PAGE2);
	gen = t.s->fgen;
	load_cr3(&t, PML4 | 2);
	assert_int_equal(access(&t, VA, SOFT_READ, 0), PAGE);
	/* A write to tables that CR3 does not name now is seen when it does. */
	store(&t, PML4B + E1, 0);
	assert_int_not_equal(t.s->fgen, gen);
	load_cr3(&t, PML4B | 1 | SOFT_CR3_NOFLUSH);
	assert_int_equal(access(&t, VA, SOFT_READ, 0), FAULTED | X86_PF);
	/* Both are kept: no load forgets. */
	store(&t, PML4B + E1, PDPTB | P | RW);
	(void)access(&t, VA, SOFT_READ, 0);
	load_cr3(&t, PML4);
	(void)access(&t, VA, SOFT_READ, 0);
	gen = t.s->fgen;
	for (unsigned i = 0; i < 4; i++) {
		load_cr3(&t, i & 1 ? PML4 : PML4B);
		assert_int_equal(access(&t, VA, SOFT_READ, 0), i & 1 ? PAGE : PAGE2);
	}
	assert_int_equal(t.s->fgen, gen);
	test_soft_close(&t);
}

/* Two tables with the same number: far apart in memory. */
static void same_number(void **state)
{
	struct test_soft t;
	const uint64_t far = PML4 ^ (1ull << 22) ^ (1ull << 12);
	unsigned space;

	(void)state;
	open4(&t, PAGE | P | RW);
	assert_int_equal(access(&t, VA, SOFT_READ, 0), PAGE);
	space = t.s->space;
	assert_int_equal(gmem_add(t.mem, far, 0x1000, GMEM_RAM, NULL), 0);
	sys_put64(&t, far + E1, PDPTB | P | RW);
	load_cr3(&t, far);
	assert_int_equal(t.s->space, space);
	assert_int_equal(access(&t, VA, SOFT_READ, 0), PAGE2);
	load_cr3(&t, PML4);
	assert_int_equal(access(&t, VA, SOFT_READ, 0), PAGE);
	test_soft_close(&t);
}

/* What decides beside the tables: a change is seen though the translation stays. */
static void rights_change(void **state)
{
	struct test_soft t;

	(void)state;
	open4(&t, PAGE | P | US | D | KEY);
	t.s->cr0 &= ~X86_CR0_WP;
	assert_int_equal(access(&t, VA, SOFT_WRITE, 0), PAGE);
	soft_write_cr0(t.s, t.s->cr0 | X86_CR0_WP);
	assert_int_equal(access(&t, VA, SOFT_WRITE, 0), FAULTED | X86_PF);
	assert_int_equal(access(&t, VA, SOFT_EXEC, 0), PAGE);
	soft_write_cr4(t.s, t.s->cr4 | SOFT_CR4_SMEP);
	assert_int_equal(access(&t, VA, SOFT_EXEC, 0), FAULTED | X86_PF);
	assert_int_equal(access(&t, VA, SOFT_READ, 0), PAGE);
	soft_write_cr4(t.s, t.s->cr4 | SOFT_CR4_SMAP);
	assert_int_equal(access(&t, VA, SOFT_READ, 0), FAULTED | X86_PF);
	assert_int_equal(access(&t, VA, SOFT_READ, 3), PAGE);
	soft_write_cr4(t.s, t.s->cr4 | SOFT_CR4_PKE);
	assert_int_equal(access(&t, VA, SOFT_READ, 3), PAGE);
	soft_set_pkru(t.s, 1u << 6);
	assert_int_equal(access(&t, VA, SOFT_READ, 3), FAULTED | X86_PF);
	soft_set_pkru(t.s, 0);
	assert_int_equal(access(&t, VA, SOFT_READ, 3), PAGE);
	/* Without NXE bit 63 is reserved. */
	store(&t, PT + E1, PAGE | P | US | NX);
	assert_int_equal(access(&t, VA, SOFT_READ, 3), PAGE);
	t.s->gpr[X86_RCX] = 0xc0000080;
	t.s->gpr[X86_RAX] = t.s->efer & ~X86_EFER_NXE;
	t.s->gpr[X86_RDX] = 0;
	assert_int_equal(SYS_CATCH(&t, soft_op_wrmsr(t.s, NULL)), -1);
	assert_int_equal(access(&t, VA, SOFT_READ, 3), FAULTED | X86_PF);
	test_soft_close(&t);
}

/* More pages of tables than are watched: the oldest are forgotten, not left unwatched. */
static void many_tables(void **state)
{
	enum { N = 6000 };
	const uint64_t pts = 0x1000000, pds = 0x800000;
	struct test_soft t;
	unsigned times = 0;
	uint64_t gen;

	(void)state;
	open4(&t, 0);
	assert_int_equal(gmem_add(t.mem, pds, 0x800000, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(t.mem, pts, (uint64_t)N << 12, GMEM_RAM, NULL), 0);
	for (unsigned i = 0; i < N; i++) {
		sys_put64(&t, PDPT + 8 * (i / 512ull), (pds + (i / 512ull << 12)) | P | RW);
		sys_put64(&t, pds + 8ull * i, (pts + ((uint64_t)i << 12)) | P | RW);
		sys_put64(&t, pts + ((uint64_t)i << 12), PAGE | P | RW);
	}
	gen = t.s->fgen;
	for (unsigned i = 0; i < N; i++) {
		const uint64_t la = (1ull << 39) + ((uint64_t)i << 21);
		bool full;

		assert_int_equal(access(&t, la, SOFT_READ, 0), PAGE);
		full = gen != t.s->fgen;
		gen = t.s->fgen;
		if (!full)
			continue;
		times++;
		store(&t, pts + ((uint64_t)i << 12), PAGE2 | P | RW);
		assert_int_equal(access(&t, la, SOFT_READ, 0), PAGE2);
	}
	assert_true(times);
	test_soft_close(&t);
}

/* PAE's four entries are what they were when CR3 was loaded. */
static void pae(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_PROT);
	t.s->remembers = true;
	sys_put64(&t, PDPT, PD | P);
	sys_put64(&t, PD, PT | P | RW);
	sys_put64(&t, PT, PAGE | P | RW);
	sys_put64(&t, PDB, PTB | P | RW);
	sys_put64(&t, PTB, PAGE2 | P | RW);
	t.s->cr4 |= X86_CR4_PAE;
	t.s->cr3 = PDPT;
	assert_true(soft_load_pdptes(t.s, PDPT));
	t.s->cr0 |= X86_CR0_PG;
	soft_tlb_flush(t.s);
	assert_int_equal(access(&t, 0x10, SOFT_READ, 0), PAGE + 0x10);
	store(&t, PDPT, PDB | P);
	assert_int_equal(access(&t, 0x10, SOFT_READ, 0), PAGE + 0x10);
	load_cr3(&t, PDPT);
	assert_int_equal(access(&t, 0x10, SOFT_READ, 0), PAGE2 + 0x10);
	/* Half an entry. */
	store(&t, PTB, 0);
	assert_int_equal(access(&t, 0x10, SOFT_READ, 0), FAULTED | X86_PF);
	test_soft_close(&t);
}

/* ---- by programs ----------------------------------------------------------------------------------------- */

/*
 * A guest changes an entry between two reads: with nothing to flush it, INVLPG, each type of INVPCID, a
 * load of CR3, all on the path that remembers. RBX: the page, RDI: its entry, RSI: the new entry.
 */
static void flushes(void **state)
{
	static const struct {
		const char *bytes;
		unsigned len;
	} rows[] = {
		{"\x90", 1},
		{"\x0f\x01\x3b", 3},			 /* invlpg [rbx] */
		{"\x66\x0f\x38\x82\x45\x00", 6},	 /* invpcid rax, [rbp]: by address */
		{"\xff\xc0\x66\x0f\x38\x82\x45\x00", 8}, /* inc eax first: of a PCID */
		{"\xb0\x02\x66\x0f\x38\x82\x45\x00", 8}, /* all, global ones too */
		{"\xb0\x03\x66\x0f\x38\x82\x45\x00", 8}, /* all but these */
		{"\x0f\x20\xd8\x0f\x22\xd8", 6},	 /* mov rax, cr3; mov cr3, rax */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t code[32] = {0x48, 0x8b, 0x0b,  /* mov rcx, [rbx] */
				    0x48, 0x89, 0x37}; /* mov [rdi], rsi */
		struct test_soft t;

		map_va(&t, PAGE | P | RW | G);
		t.s->cr4 |= SOFT_CR4_PCIDE | X86_CR4_PGE;
		sys_put64(&t, PAGE, 0x1111);
		sys_put64(&t, PAGE2, 0x2222);
		memcpy(code + 6, rows[i].bytes, rows[i].len);
		memcpy(code + 6 + rows[i].len, "\x48\x8b\x13\xf4", 4); /* mov rdx, [rbx]; hlt */
		test_soft_code(&t, code, sizeof(code));
		t.s->gpr[X86_RAX] = 0;
		t.s->gpr[X86_RBX] = VA;
		t.s->gpr[X86_RDI] = PT + E1;
		t.s->gpr[X86_RSI] = PAGE2 | P | RW;
		t.s->gpr[X86_RBP] = TEST_DATA + 0x2000; /* PCID 0 */
		sys_put64(&t, TEST_DATA + 0x2008, VA);
		assert_int_equal(soft_run(t.s, 100), SOFT_STOP_HLT);
		assert_int_equal(test_soft_fault(&t), -1);
		assert_int_equal(t.s->gpr[X86_RCX], 0x1111);
		assert_int_equal(t.s->gpr[X86_RDX], 0x2222);
		test_soft_close(&t);
	}
}

/* PKRU may come by XRSTOR too. */
static void key_by_xrstor(void **state)
{
	struct test_soft t;

	(void)state;
	map_va(&t, PAGE | P | RW | US | KEY);
	t.s->cr4 |= SOFT_CR4_PKE | SOFT_CR4_OSXSAVE;
	t.s->xcr0 = 1 | 1 << 9;
	t.s->gpr[X86_RBX] = VA;
	t.s->gpr[X86_RAX] = 1 << 9;
	t.s->gpr[X86_RDX] = 0;
	t.s->gpr[X86_RSI] = TEST_DATA + 0x4000;
	sys_put64(&t, TEST_DATA + 0x4000 + 512, 1 << 9);
	sys_put64(&t, TEST_DATA + 0x4000 + 2688, 1 << 6); /* no access by key 3 */
	CODE(&t, 0x89, 0x03, 0x0f, 0xae, 0x2e, 0x89,
	     0x03); /* mov [rbx], eax; xrstor [rsi]; again */
	assert_int_equal(soft_run(t.s, 100), SOFT_STOP_HLT);
	assert_int_equal(test_soft_fault(&t), X86_PF);
	assert_int_equal(soft_icount(t.s), 3);
	test_soft_close(&t);
}

/* Any walk and any write, as soft_run() has it and as the tables say. */
static void random_tables(void **state)
{
	static const uint64_t tables[] = {PML4, PDPT, PD, PT, PDPTB, PDB, PTB};
	static const uint64_t bits[] = {P, RW, US, NX, PS, D, A, 1ull << 45};
	struct test_soft t;
	uint64_t x = 88172645463325252ull;

	(void)state;
	open4(&t, PAGE | P | RW | US);
	t.s->cr4 |= SOFT_CR4_SMEP;
	for (unsigned n = 0; n < 200000; n++) {
		uint64_t la, want = 0, size, at;
		unsigned cpl, acc;
		bool w;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (x % 4 == 0) {
			uint64_t e = tables[x >> 8 & 3 ? (x >> 8) % 7 : 3] | P | RW | US | A;

			if (x >> 12 & 1)
				e = ((x >> 16 & 7) << 12) + PAGE + (P | RW | US);
			if (x >> 13 & 1)
				e ^= bits[x >> 20 & 7];
			at = tables[(x >> 24) % 7] + 8 * (x >> 32 & 3);
			if (x >> 40 & 1)
				store(&t, at, e);
			else
				sys_put64(&t, at, e);
			continue;
		}
		la = (x >> 8 & 3) << 39 | (x >> 10 & 3) << 30 | (x >> 12 & 3) << 21 |
		     (x >> 14 & 3) << 12 | 8;
		cpl = x >> 16 & 1 ? 3 : 0;
		acc = (x >> 17) % 3;
		if (soft_walk(t.s, la, acc, cpl, &want, &size, &w))
			want = FAULTED | X86_PF;
		assert_int_equal(access(&t, la, acc, cpl), want);
	}
	test_soft_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pointers),
		cmocka_unit_test(drop_all),
		cmocka_unit_test(smap),
		cmocka_unit_test(smap_in_a_trace),
		cmocka_unit_test(devices_and_rom),
		cmocka_unit_test(never_stale),
		cmocka_unit_test(parts_of_entries),
		cmocka_unit_test(harmless_writes),
		cmocka_unit_test(accessed_and_dirty),
		cmocka_unit_test(tables_are_watched),
		cmocka_unit_test(address_spaces),
		cmocka_unit_test(same_number),
		cmocka_unit_test(rights_change),
		cmocka_unit_test(many_tables),
		cmocka_unit_test(pae),
		cmocka_unit_test(flushes),
		cmocka_unit_test(key_by_xrstor),
		cmocka_unit_test(random_tables),
	};

	return cmocka_run_group_tests_name("soft/tlb", tests, NULL, NULL);
}
