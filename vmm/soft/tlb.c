/* SPDX-License-Identifier: MIT */
/* soft: filling and flushing the TLB: host pointers of the present address space. */
#include "fast.h"
#include "tlb.h"

#define PAGE_MASK (GMEM_PAGE - 1)
#define NONE	  (~0ull)

_Static_assert(SOFT_TLB / 64 == 64, "a bit for each word of bits");

void soft_tlb_fill(struct soft *s, const struct soft_tlb_page *p, enum soft_access acc)
{
	uint64_t la = p->la & ~PAGE_MASK, gpa = p->gpa & ~PAGE_MASK;
	unsigned at = la / GMEM_PAGE % SOFT_TLB;
	struct soft_tlb_entry *e = &s->tlb[p->table][at];
	bool write = p->write && acc == SOFT_WRITE && !soft_page_watched(s, gpa);
	const void *host;

	if (!p->read && !p->exec)
		return;
	/* gmem_rw() marks the page dirty and its code stale: so it is for writes alone. */
	host = write ? gmem_rw(s->mem, gpa, GMEM_PAGE) : gmem_ro(s->mem, gpa, GMEM_PAGE);
	if (!host) {
		if (!write)
			return;
		host = gmem_ro(s->mem, gpa, GMEM_PAGE); /* ROM: writes are the machine's */
		write = false;
		if (!host)
			return;
	}
	/* What was filled by a write stays writable when a read comes. */
	if (!write && p->write && e->wr == la && e->gpa == gpa)
		write = true;
	e->rd = p->read ? la : NONE;
	e->ex = p->exec ? la : NONE;
	e->wr = write ? la : NONE;
	e->addend = (uintptr_t)host - (uintptr_t)la;
	e->gpa = gpa;
	s->tlb_used[p->table][at / 64] |= 1ull << at % 64;
	s->tlb_words[p->table] |= 1ull << at / 64;
}

/* The first entry from *at on that may hold something; NULL: none. */
static struct soft_tlb_entry *next_used(struct soft *s, unsigned table, unsigned *at)
{
	uint64_t words, bits;
	unsigned w = *at / 64;

	if (*at >= SOFT_TLB)
		return NULL;
	bits = s->tlb_used[table][w] >> *at % 64 << *at % 64;
	if (!bits) {
		words = w == 63 ? 0 : s->tlb_words[table] & ~0ull << (w + 1);
		if (!words)
			return NULL;
		w = (unsigned)__builtin_ctzll(words);
		bits = s->tlb_used[table][w];
	}
	*at = w * 64 + (unsigned)__builtin_ctzll(bits);
	return &s->tlb[table][*at];
}

static void drop(struct soft_tlb_entry *e)
{
	e->rd = e->wr = e->ex = e->gpa = NONE;
}

void soft_tlb_init(struct soft *s)
{
	for (unsigned t = 0; t < SOFT_TLBS; t++)
		for (unsigned at = 0; at < SOFT_TLB; at++)
			drop(&s->tlb[t][at]);
}

void soft_tlb_drop(struct soft *s)
{
	struct soft_tlb_entry *e;

	for (unsigned t = 0; t < SOFT_TLBS; t++) {
		for (unsigned at = 0; (e = next_used(s, t, &at)); at++)
			drop(e);
		for (uint64_t words = s->tlb_words[t]; words; words &= words - 1)
			s->tlb_used[t][__builtin_ctzll(words)] = 0;
		s->tlb_words[t] = 0;
	}
}

void soft_tlb_protect(struct soft *s, uint64_t gpa)
{
	struct soft_tlb_entry *e;

	gpa &= ~PAGE_MASK;
	for (unsigned t = 0; t < SOFT_TLBS; t++)
		for (unsigned at = 0; (e = next_used(s, t, &at)); at++)
			if (e->gpa == gpa)
				e->wr = NONE;
}

void soft_tlb_flush(struct soft *s)
{
	s->fgen++;
	soft_tlb_drop(s);
	soft_xlat_drop(s);
}

void soft_tlb_rights(struct soft *s)
{
	s->fgen++;
	soft_tlb_drop(s);
}

void soft_set_pkru(struct soft *s, uint32_t pkru)
{
	/* Keys are of data: what is linked stays so. */
	if (s->pkru != pkru)
		soft_tlb_drop(s);
	s->pkru = pkru;
}
