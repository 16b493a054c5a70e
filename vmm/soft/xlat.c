/* SPDX-License-Identifier: MIT */
/* soft: translations that are remembered, and the page tables they were read from: tlb.h. */
#include <errno.h>
#include <stdlib.h>

#include "soft_sys.h"
#include "tlb.h"

#define PAGE_MASK (GMEM_PAGE - 1)

#define SETS   1024u
#define WAYS   4u
#define TABLES 4096u /* pages that hold entries; slots of a hash */
#define PROBES 8u
#define SPACES 1024u

/* Flags in the low bits of an entry's gpa. */
#define X_USER	1u
#define X_WRITE 2u
#define X_NX	4u
#define X_DIRTY 8u
#define X_KEY	4 /* bits 4 to 7 */

#define CR3_ROOT   0x000ffffffffff000ull
#define PTE_P	   1u
#define PTE_D	   (1ull << 6)
#define PTE_KEY_AT 59

struct entry {
	uint64_t key; /* linear page | space */
	uint64_t gpa;
	uint64_t gen;
};

struct table_page {
	uint64_t gpa;
	uint64_t gen;
	uint64_t chunks; /* a bit for 64 bytes that hold entries in use */
	bool ram;
};

struct soft_xlat {
	uint64_t gen; /* what is of another one is forgotten */
	struct entry sets[SETS][WAYS];
	uint8_t next[SETS];
	struct table_page pages[TABLES];
	uint64_t spaces[SPACES]; /* CR3's address by the number; 1: free */
};

int soft_xlat_new(struct soft *s, struct err *err)
{
	s->xlat = calloc(1, sizeof(*s->xlat));
	if (!s->xlat)
		return err_set(err, -ENOMEM, "soft: no memory for a TLB (%zu bytes)",
			       sizeof(*s->xlat));
	s->xlat->gen = 1;
	return 0;
}

void soft_xlat_free(struct soft *s)
{
	free(s->xlat);
}

/* ---- address spaces ---------------------------------------------------------------------------------- */

/*
 * PCIDs and control bits of CR3 don't matter: what is remembered is right for the tables, whoever uses
 * them. Two tables with the same number make each other forgotten. PAE's four entries are read with
 * CR3 and are not in memory any more: they make a new space each time.
 */
static unsigned space_of(uint64_t root)
{
	return (root >> 12 ^ root >> 22) % SPACES;
}

void soft_tlb_space(struct soft *s)
{
	uint64_t root = s->cr3 & CR3_ROOT;
	unsigned n = space_of(root);

	if (s->xlat->spaces[n] != root || soft_uses_pdptes(s->cr0, s->cr4, s->efer)) {
		soft_tlb_flush(s);
	} else if (s->space != n) {
		s->space = n;
		soft_tlb_drop(s);
	}
}

void soft_xlat_drop(struct soft *s)
{
	uint64_t root = s->cr3 & CR3_ROOT;

	s->xlat->gen++;
	s->space = space_of(root);
	s->xlat->spaces[s->space] = root;
}

/* ---- pages of tables ---------------------------------------------------------------------------------- */

static struct table_page *find_page(const struct soft *s, uint64_t gpa)
{
	struct soft_xlat *x = s->xlat;

	gpa &= ~PAGE_MASK;
	for (unsigned i = 0; i < PROBES; i++) {
		struct table_page *p = &x->pages[(gpa / GMEM_PAGE + i) % TABLES];

		if (p->gen != x->gen)
			return NULL;
		if (p->gpa == gpa)
			return p;
	}
	return NULL;
}

static bool is_ram(const struct soft *s, uint64_t gpa)
{
	struct gmem_region r;

	for (unsigned i = 0; gmem_region(s->mem, i, &r); i++)
		if (range_within(gpa, 1, r.gpa, r.len))
			return r.kind == GMEM_RAM;
	return false;
}

/* A slot for a page that has none; NULL: no room. */
static struct table_page *add_page(struct soft *s, uint64_t gpa)
{
	struct soft_xlat *x = s->xlat;

	gpa &= ~PAGE_MASK;
	for (unsigned i = 0; i < PROBES; i++) {
		struct table_page *p = &x->pages[(gpa / GMEM_PAGE + i) % TABLES];

		if (p->gen == x->gen)
			continue;
		*p = (struct table_page){.gpa = gpa, .gen = x->gen, .ram = is_ram(s, gpa)};
		return p;
	}
	return NULL;
}

/* Watch the entry at (gpa). False: no room. */
static bool watch(struct soft *s, uint64_t gpa)
{
	struct table_page *p = find_page(s, gpa);

	if (!p)
		p = add_page(s, gpa);
	if (!p)
		return false;
	if (!p->chunks) {
		gmem_mark_code(s->mem, gpa);
		soft_tlb_protect(s, gpa);
	}
	p->chunks |= 1ull << (gpa >> 6 & 63);
	return true;
}

static bool watch_all(struct soft *s, const struct soft_xlation *x)
{
	for (unsigned i = 0; i < x->depth; i++)
		if (!watch(s, x->at[i]))
			return false;
	return true;
}

bool soft_xlat_page(const struct soft *s, uint64_t gpa)
{
	const struct table_page *p = find_page(s, gpa);

	return p && p->ram;
}

/*
 * A walk is remembered only when all its entries were present, and forgotten before one of them changes.
 * So where no entry that is written was present, nothing is known by it.
 */
void soft_xlat_write(struct soft *s, uint64_t gpa, const uint8_t *host, unsigned len)
{
	const struct table_page *p = find_page(s, gpa);
	unsigned size = s->cr4 & X86_CR4_PAE ? 8 : 4, off = gpa & (size - 1);

	if (!p)
		return;
	gpa -= off;
	host -= off;
	for (unsigned n = 0; n < len + off; n += size) {
		if (!(p->chunks >> ((gpa + n) >> 6 & 63) & 1) || !(host[n] & PTE_P))
			continue;
		soft_tlb_flush(s);
		return;
	}
}

void soft_xlat_stale(struct soft *s, uint64_t gpa)
{
	if (find_page(s, gpa))
		soft_tlb_flush(s);
}

/* ---- translations -------------------------------------------------------------------------------------- */

static struct entry *set_of(const struct soft *s, uint64_t la, unsigned *n)
{
	uint64_t page = la / GMEM_PAGE;

	*n = (page ^ page >> 10 ^ page >> 20) % SETS;
	return s->xlat->sets[*n];
}

static uint64_t key_of(const struct soft *s, uint64_t la)
{
	return (la & ~PAGE_MASK) | s->space;
}

bool soft_xlat_find(const struct soft *s, struct soft_xlation *x)
{
	uint64_t key = key_of(s, x->la);
	unsigned n;
	const struct entry *e = set_of(s, x->la, &n);

	for (unsigned w = 0; w < WAYS; w++, e++) {
		if (e->key != key || e->gen != s->xlat->gen)
			continue;
		x->gpa = (e->gpa & ~PAGE_MASK) | (x->la & PAGE_MASK);
		x->user = e->gpa & X_USER;
		x->write = e->gpa & X_WRITE;
		x->nx = e->gpa & X_NX;
		x->leaf = (e->gpa & X_DIRTY ? PTE_D : 0) | (e->gpa >> X_KEY & 15) << PTE_KEY_AT;
		return true;
	}
	return false;
}

void soft_xlat_add(struct soft *s, const struct soft_xlation *x)
{
	uint64_t key = key_of(s, x->la);
	unsigned n, w;
	struct entry *set = set_of(s, x->la, &n);

	if (!watch_all(s, x)) {
		soft_tlb_flush(s);
		(void)watch_all(s, x); /* there is room when nothing else is remembered */
	}
	for (w = 0; w < WAYS; w++)
		if (set[w].key == key || set[w].gen != s->xlat->gen)
			break;
	if (w == WAYS)
		w = s->xlat->next[n]++ % WAYS;
	set[w] = (struct entry){.key = key,
				.gpa = (x->gpa & ~PAGE_MASK) | (x->user ? X_USER : 0) |
				       (x->write ? X_WRITE : 0) | (x->nx ? X_NX : 0) |
				       (x->leaf & PTE_D ? X_DIRTY : 0) |
				       (x->leaf >> PTE_KEY_AT & 15) << X_KEY,
				.gen = s->xlat->gen};
}
