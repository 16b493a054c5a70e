/* SPDX-License-Identifier: MIT */
/* soft: filling and flushing the TLB. */
#include "fast.h"
#include "tlb.h"

#define PAGE_MASK (GMEM_PAGE - 1)
#define NONE	  (~0ull)

/* Low bits of an entry's gpa. */
#define TLB_GLOBAL     1u
#define TLB_SIZE_SHIFT 1 /* log2 of the mapped page's size, 6 bits */
#define TLB_SIZE_MASK  63u

static struct soft_tlb_entry *entry(struct soft *s, unsigned user, uint64_t la)
{
	return &s->tlb[user][la / GMEM_PAGE % SOFT_TLB];
}

static void drop(struct soft_tlb_entry *e)
{
	e->rd = e->wr = e->ex = NONE;
	e->gpa = 0;
}

static unsigned size_of(const struct soft_tlb_entry *e)
{
	return e->gpa >> TLB_SIZE_SHIFT & TLB_SIZE_MASK;
}

/* The linear page that an entry is about; NONE: it is empty. */
static uint64_t page_of(const struct soft_tlb_entry *e)
{
	return e->rd != NONE ? e->rd : e->ex;
}

void soft_tlb_fill(struct soft *s, const struct soft_tlb_page *p, enum soft_access acc)
{
	uint64_t la = p->la & ~PAGE_MASK, gpa = p->gpa & ~PAGE_MASK;
	struct soft_tlb_entry *e = entry(s, p->user, la);
	bool write = p->write && acc == SOFT_WRITE && !soft_code_page(s, gpa);
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
	if (!write && p->write && e->wr == la && (e->gpa & ~PAGE_MASK) == gpa)
		write = true;
	e->rd = p->read ? la : NONE;
	e->ex = p->exec ? la : NONE;
	e->wr = write ? la : NONE;
	e->addend = (uintptr_t)host - (uintptr_t)la;
	e->gpa = gpa | (p->global ? TLB_GLOBAL : 0) |
		 (uint64_t)__builtin_ctzll(p->size) << TLB_SIZE_SHIFT;
}

void soft_tlb_flush(struct soft *s, bool global)
{
	s->fgen++;
	for (unsigned u = 0; u < 2; u++)
		for (unsigned i = 0; i < SOFT_TLB; i++)
			if (global || !(s->tlb[u][i].gpa & TLB_GLOBAL))
				drop(&s->tlb[u][i]);
}

/*
 * SDM 3A 4.10.4.1: all entries of the page number, global ones too: of a large page, every 4 KiB
 * that were cached of it.
 */
void soft_tlb_flush_page(struct soft *s, uint64_t la)
{
	s->fgen++;
	for (unsigned u = 0; u < 2; u++) {
		for (unsigned i = 0; i < SOFT_TLB; i++) {
			struct soft_tlb_entry *e = &s->tlb[u][i];

			if (page_of(e) != NONE && !((page_of(e) ^ la) >> size_of(e)))
				drop(e);
		}
	}
}

void soft_tlb_protect(struct soft *s, uint64_t gpa)
{
	gpa &= ~PAGE_MASK;
	for (unsigned u = 0; u < 2; u++)
		for (unsigned i = 0; i < SOFT_TLB; i++)
			if ((s->tlb[u][i].gpa & ~PAGE_MASK) == gpa)
				s->tlb[u][i].wr = NONE;
}
