/* SPDX-License-Identifier: MIT */
/*
 * soft: from linear to physical addresses, SDM 3A chapter 4: no paging, 32-bit, PAE, 4-level.
 *
 * Paging structures lie in RAM or ROM; what lies elsewhere reads as ones. A walk is at most four
 * reads. Accessed bits are set on the way down as entries are used, accessed and dirty bits of the
 * page only where the access is allowed (4.8); one entry is read once and written whole.
 */
#include "fast.h"
#include "soft_sys.h"
#include "tlb.h"

#define PTE_P	   (1ull << 0)
#define PTE_RW	   (1ull << 1)
#define PTE_US	   (1ull << 2)
#define PTE_A	   (1ull << 5)
#define PTE_D	   (1ull << 6)
#define PTE_PS	   (1ull << 7)
#define PTE_G	   (1ull << 8)
#define PTE_NX	   (1ull << 63)
#define PTE_ADDR   0x000ffffffffff000ull
#define PTE_PK(e)  ((unsigned)((e) >> 59) & 15)
#define PAE_UNUSED 0x7ff0000000000000ull /* bits 62 to 52: reserved in PAE, ignored in long mode */

/* Error code of #PF, 4.7 */
#define PF_P   1u
#define PF_WR  2u
#define PF_US  4u
#define PF_RSV 8u
#define PF_ID  16u
#define PF_PK  32u
#define PF_IS  (1u << 31) /* soft_walk(): there is a fault */

#define CPUID_1_EDX_PSE36     (1u << 17)
#define PDPTE_RESERVED	      0x1e6ull
#define ENTRIES_PER_TABLE_PAE 512u

struct walk {
	uint64_t la;
	enum soft_access acc;
	unsigned cpl;
	bool update;	      /* set accessed and dirty bits */
	bool user, write, nx; /* of all levels together */
	uint64_t leaf, leaf_gpa;
	unsigned leaf_size; /* of the entry: 4 or 8 bytes */
	uint64_t page;	    /* bytes */
	uint64_t gpa;
	unsigned depth; /* entries read, and where they lie */
	uint64_t at[SOFT_WALK_MAX];
};

static uint64_t read_entry(struct soft *s, struct walk *w, uint64_t gpa, unsigned size)
{
	uint8_t b[8];

	w->at[w->depth++] = gpa;
	if (gmem_read(s->mem, gpa, b, size))
		return size_mask(size);
	return ld_le(b, size);
}

static void write_entry(struct soft *s, uint64_t gpa, unsigned size, uint64_t val)
{
	uint8_t b[8], *host = soft_watched_write(s, gpa, size, true);

	st_le(b, size, val);
	if (host)
		memcpy(host, b, size);
	else
		(void)gmem_write(s->mem, gpa, b, size); /* tables in ROM keep their bits clear */
}

static uint32_t fault(const struct soft *s, const struct walk *w, uint32_t why)
{
	uint32_t e = PF_IS | why;

	if (w->acc == SOFT_WRITE)
		e |= PF_WR;
	if (w->cpl == 3)
		e |= PF_US;
	/* 4.7: I/D only where instruction fetches can be told apart at all. */
	if (w->acc == SOFT_EXEC &&
	    ((s->cr4 & SOFT_CR4_SMEP) || ((s->cr4 & X86_CR4_PAE) && (s->efer & X86_EFER_NXE))))
		e |= PF_ID;
	return e;
}

/* Bits of a PAE or long-mode entry that may not be set: physical width, NX where it is off. */
static uint64_t reserved_bits(const struct soft *s)
{
	uint64_t r = PTE_ADDR & ~((1ull << s->maxphyaddr) - 1);

	if (!(s->efer & X86_EFER_NXE))
		r |= PTE_NX;
	return soft_long(s) ? r : r | PAE_UNUSED;
}

static void take_rights(struct walk *w, uint64_t e, bool wide)
{
	w->user = w->user && (e & PTE_US);
	w->write = w->write && (e & PTE_RW);
	w->nx = w->nx || (wide && (e & PTE_NX));
}

/* 4.6.2: protection keys, of user pages in long mode, for data alone. */
static bool key_denies(const struct soft *s, const struct walk *w)
{
	unsigned key = PTE_PK(w->leaf);

	if (!(s->cr4 & SOFT_CR4_PKE) || !soft_long(s) || !w->user || w->acc == SOFT_EXEC)
		return false;
	if (s->pkru >> (2 * key) & 1)
		return true;
	return w->acc == SOFT_WRITE && (s->pkru >> (2 * key + 1) & 1) &&
	       (w->cpl == 3 || (s->cr0 & X86_CR0_WP));
}

/* 4.6.1: access rights. */
static bool rights_deny(const struct soft *s, const struct walk *w)
{
	bool supervisor = w->cpl != 3;

	if (w->acc == SOFT_EXEC) {
		if (w->nx || (supervisor && w->user && (s->cr4 & SOFT_CR4_SMEP)))
			return true;
		return !supervisor && !w->user;
	}
	if (!supervisor && !w->user)
		return true;
	/* SMAP: AC lets explicit accesses through; those of CPL 3 itself are implicit ones. */
	if (supervisor && w->user && (s->cr4 & SOFT_CR4_SMAP) &&
	    (w->cpl == SOFT_IMPLICIT || s->cpl == 3 || !(s->rflags & X86_FLAG_AC)))
		return true;
	return w->acc == SOFT_WRITE && !w->write && (!supervisor || (s->cr0 & X86_CR0_WP));
}

/* 0, or the reason bits of an error code: a key that denies is said beside other reasons. */
static uint32_t check_rights(const struct soft *s, const struct walk *w)
{
	return (rights_deny(s, w) ? PF_P : 0) | (key_denies(s, w) ? PF_P | PF_PK : 0);
}

/* The entry that maps the page: rights, then its accessed and dirty bits. */
static uint32_t finish(struct soft *s, struct walk *w)
{
	uint32_t why = check_rights(s, w);
	uint64_t bits = PTE_A | (w->acc == SOFT_WRITE ? PTE_D : 0);

	if (why)
		return fault(s, w, why);
	if (w->update && (w->leaf & bits) != bits) {
		w->leaf |= bits;
		write_entry(s, w->leaf_gpa, w->leaf_size, w->leaf);
	}
	return 0;
}

static void use_entry(struct soft *s, const struct walk *w, uint64_t at, unsigned size, uint64_t e)
{
	if (w->update && !(e & PTE_A))
		write_entry(s, at, size, e | PTE_A);
}

/* PAE from its page directories on, and 4-level paging from the top: entries of 8 bytes. */
static uint32_t walk_wide(struct soft *s, struct walk *w, uint64_t table, unsigned level)
{
	uint64_t reserved = reserved_bits(s);

	for (;; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		uint64_t at = table + (w->la >> shift & 511) * 8, e = read_entry(s, w, at, 8);
		uint64_t offset = (1ull << shift) - 1;
		bool leaf = level == 1 || (e & PTE_PS), bad = e & reserved;

		if (!(e & PTE_P))
			return fault(s, w, 0);
		if (level > 1 && (e & PTE_PS)) {
			/* Bit 12 is PAT; the address bits below the page's size are reserved. */
			bad = bad || level == 4 || (e & PTE_ADDR & offset & ~0x1fffull) ||
			      (level == 3 && !s->pages_1gib);
		}
		if (bad)
			return fault(s, w, PF_P | PF_RSV);
		take_rights(w, e, true);
		if (!leaf) {
			use_entry(s, w, at, 8, e);
			table = e & PTE_ADDR;
			continue;
		}
		w->leaf = e;
		w->leaf_gpa = at;
		w->leaf_size = 8;
		w->page = offset + 1;
		w->gpa = (e & PTE_ADDR & ~offset) | (w->la & offset);
		return finish(s, w);
	}
}

static uint32_t walk_pae(struct soft *s, struct walk *w)
{
	uint64_t e = s->pdpte[w->la >> 30 & 3];

	if (!(e & PTE_P))
		return fault(s, w, 0);
	/* Loading them refuses reserved bits; a state from outside may have some. */
	if (e & ((PTE_NX | PAE_UNUSED | PTE_ADDR) & ~((1ull << s->maxphyaddr) - 1)))
		return fault(s, w, PF_P | PF_RSV);
	return walk_wide(s, w, e & PTE_ADDR, 2);
}

/* 4.3: entries of 4 bytes, 4 MiB pages with CR4.PSE, above 4 GiB with PSE-36. */
static uint32_t walk_32bit(struct soft *s, struct walk *w)
{
	uint64_t at = (s->cr3 & 0xfffff000) + (w->la >> 22) * 4, e = read_entry(s, w, at, 4);

	if (!(e & PTE_P))
		return fault(s, w, 0);
	if ((e & PTE_PS) && (s->cr4 & SOFT_CR4_PSE)) {
		unsigned wide = 0; /* address bits above 32, from bit 13 of the entry on */
		uint64_t high = e >> 13 & 0x1ff;

		if (soft_cpuid_reg(s, 1, 0, 3) & CPUID_1_EDX_PSE36)
			wide = (s->maxphyaddr < 40 ? s->maxphyaddr : 40) - 32;
		if (high >> wide)
			return fault(s, w, PF_P | PF_RSV);
		take_rights(w, e, false);
		w->leaf = e;
		w->leaf_gpa = at;
		w->page = 4ull << 20;
		w->gpa = high << 32 | (e & 0xffc00000) | (w->la & 0x3fffff);
	} else {
		take_rights(w, e, false);
		use_entry(s, w, at, 4, e);
		at = (e & 0xfffff000) + (w->la >> 12 & 0x3ff) * 4;
		e = read_entry(s, w, at, 4);
		if (!(e & PTE_P))
			return fault(s, w, 0);
		take_rights(w, e, false);
		w->leaf = e;
		w->leaf_gpa = at;
		w->page = GMEM_PAGE;
		w->gpa = (e & 0xfffff000) | (w->la & 0xfff);
	}
	w->leaf_size = 4;
	return finish(s, w);
}

static uint32_t walk(struct soft *s, struct walk *w)
{
	w->user = w->write = true;
	if (!(s->cr0 & X86_CR0_PG)) {
		w->gpa = w->la;
		w->page = GMEM_PAGE;
		w->leaf = PTE_A | PTE_D;
		return 0;
	}
	if (soft_long(s))
		return walk_wide(s, w, s->cr3 & PTE_ADDR, 4);
	return s->cr4 & X86_CR4_PAE ? walk_pae(s, w) : walk_32bit(s, w);
}

static void cut(const struct soft *s, struct walk *w)
{
	if (!soft_long(s))
		w->la = (uint32_t)w->la;
}

uint32_t soft_walk(struct soft *s, uint64_t la, enum soft_access acc, unsigned cpl, uint64_t *gpa,
		   uint64_t *page_size, bool *writable)
{
	struct walk w = {.la = la, .acc = acc, .cpl = cpl};
	uint32_t e;

	cut(s, &w);
	e = walk(s, &w);
	if (e)
		return e;
	*gpa = w.gpa;
	*page_size = w.page;
	*writable = w.write || (cpl != 3 && !(s->cr0 & X86_CR0_WP));
	return 0;
}

/* ---- remembering: tlb.h ------------------------------------------------------------------------ */

/* A host pointer for what is allowed of a walk that succeeded. */
static void point(struct soft *s, const struct walk *w)
{
	struct soft_tlb_page p = {.la = w->la, .gpa = w->gpa, .table = soft_tlb_of(s, w->cpl)};
	struct walk try = *w;

	if (s->cr0 & X86_CR0_PG) {
		try.acc = SOFT_READ;
		p.read = !check_rights(s, &try);
		try.acc = SOFT_WRITE;
		p.write = (w->leaf & PTE_D) && !check_rights(s, &try);
		try.acc = SOFT_EXEC;
		p.exec = !check_rights(s, &try);
	} else {
		p.read = p.write = p.exec = true;
	}
	soft_tlb_fill(s, &p, w->acc);
}

/* False: not known, or not enough: the tables have to be read for the fault, or the dirty bit. */
static bool known(struct soft *s, struct walk *w)
{
	struct soft_xlation x = {.la = w->la};

	if (!(s->cr0 & X86_CR0_PG) || !soft_xlat_find(s, &x))
		return false;
	w->user = x.user;
	w->write = x.write;
	w->nx = x.nx;
	w->leaf = x.leaf;
	w->gpa = x.gpa;
	return !check_rights(s, w) && (w->acc != SOFT_WRITE || (w->leaf & PTE_D));
}

static void remember(struct soft *s, const struct walk *w)
{
	struct soft_xlation x = {.la = w->la,
				 .gpa = w->gpa,
				 .leaf = w->leaf,
				 .user = w->user,
				 .write = w->write,
				 .nx = w->nx,
				 .depth = w->depth};

	memcpy(x.at, w->at, sizeof(x.at));
	if (s->cr0 & X86_CR0_PG)
		soft_xlat_add(s, &x);
}

static uint32_t translate(struct soft *s, struct walk *w)
{
	uint32_t e;

	cut(s, w);
	if (!s->remembers)
		return walk(s, w);
	if (!known(s, w)) {
		e = walk(s, w);
		if (e)
			return e;
		remember(s, w);
	}
	point(s, w);
	return 0;
}

static __attribute__((noinline)) uint64_t translate_slow(struct soft *s, uint64_t la,
							 enum soft_access acc, unsigned cpl)
{
	struct walk w = {.la = la, .acc = acc, .cpl = cpl, .update = true};
	uint32_t e = translate(s, &w);

	if (e)
		soft_page_fault(s, la, e & ~PF_IS);
	return w.gpa;
}

uint64_t soft_translate(struct soft *s, uint64_t la, enum soft_access acc, unsigned cpl)
{
	const struct soft_tlb_entry *t = &s->tlb[soft_tlb_of(s, cpl)][la / GMEM_PAGE % SOFT_TLB];
	uint64_t has = acc == SOFT_READ ? t->rd : acc == SOFT_WRITE ? t->wr : t->ex;

	if (s->remembers && has == (la & ~(GMEM_PAGE - 1)))
		return t->gpa | (la & (GMEM_PAGE - 1));
	return translate_slow(s, la, acc, cpl);
}

bool soft_translate_try(struct soft *s, uint64_t la, enum soft_access acc)
{
	struct walk w = {.la = la, .acc = acc, .cpl = s->cpl, .update = true};

	if (soft_long(s) && !soft_canonical(la))
		return false;
	return !translate(s, &w);
}

bool soft_load_pdptes(struct soft *s, uint64_t cr3)
{
	uint64_t reserved = PDPTE_RESERVED | ~((1ull << s->maxphyaddr) - 1), e[4];

	for (unsigned i = 0; i < 4; i++) {
		struct walk w = {0};

		e[i] = read_entry(s, &w, (cr3 & 0xffffffe0) + 8 * i, 8);
		if ((e[i] & PTE_P) && (e[i] & reserved))
			return false;
	}
	memcpy(s->pdpte, e, sizeof(e));
	return true;
}
