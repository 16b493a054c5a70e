/* SPDX-License-Identifier: MIT */
/*
 * soft: what soft_run() remembers of paging, in two stages. soft_run_reference() has neither.
 *
 * xlat.c: translations as a walk of the tables found them, whatever is allowed: by linear page and by
 * the tables that CR3 named. They are never stale: the 64 bytes around each entry that a remembered
 * walk has read are noted, and a write to an entry there that was present forgets all translations
 * (one that was not cannot have been used). So INVLPG, INVPCID, PCIDs and global pages have nothing
 * to do, guests that forget to flush see on soft_run() what they see on the reference path, and a
 * snapshot needs no TLB. The manual allows it: a CPU may drop what it has cached at any time
 * (SDM 3A 4.10.2), and need not cache at all.
 *
 * tlb.c: host pointers to pages of RAM and ROM that the present CR3, CR0, CR4, PKRU and privilege
 * allow: direct-mapped, one table a kind of privilege. What an entry says holds until one of those
 * changes (whoever changes it says so: soft_tlb_*), gmem's regions or dirty bits change, or the page
 * comes to be watched for code or page tables (soft_tlb_protect()).
 */
#ifndef SOFT_TLB_H
#define SOFT_TLB_H

#include "soft_priv.h"

/* ---- host pointers (tlb.c) ----------------------------------------------------------------------- */

struct soft_tlb_page {
	uint64_t la, gpa; /* of the access: any byte of the page */
	enum soft_tlb_table table;
	bool read, write, exec; /* allowed, and the dirty bit is set where write */
};

/* Remember the 4 KiB around la, made for an access (acc): a write makes the page writable at once. */
void soft_tlb_fill(struct soft *s, const struct soft_tlb_page *p, enum soft_access acc);

/* The page at (gpa) is watched: writes must be seen again. */
void soft_tlb_protect(struct soft *s, uint64_t gpa);

/* Of a new CPU. */
void soft_tlb_init(struct soft *s);
/* Forget all pointers. */
void soft_tlb_drop(struct soft *s);

/* The table for accesses at (cpl), SOFT_IMPLICIT too. */
static inline enum soft_tlb_table soft_tlb_of(const struct soft *s, unsigned cpl)
{
	if (cpl == 3)
		return SOFT_TLB_USER;
	return (s->cr4 & SOFT_CR4_SMAP) && (s->rflags & X86_FLAG_AC) && s->cpl != 3 && cpl < 3
		       ? SOFT_TLB_AC
		       : SOFT_TLB_SUPER;
}

/* ---- translations (xlat.c) ------------------------------------------------------------------------ */

#define SOFT_WALK_MAX 4 /* entries read by a walk */

/* What a walk found. */
struct soft_xlation {
	uint64_t la, gpa;     /* any byte, the same one of both */
	uint64_t leaf;	      /* the entry that maps the page: D and the protection key */
	bool user, write, nx; /* of all levels together */
	unsigned depth;
	uint64_t at[SOFT_WALK_MAX]; /* where the entries lie */
};

int soft_xlat_new(struct soft *s, struct err *err);
void soft_xlat_free(struct soft *s);

/* With la filled in: the rest, but for depth and at; false: not known. */
bool soft_xlat_find(const struct soft *s, struct soft_xlation *x);
void soft_xlat_add(struct soft *s, const struct soft_xlation *x);

/* Does the page at (gpa) hold entries that are remembered? */
bool soft_xlat_page(const struct soft *s, uint64_t gpa);
/* The CPU is about to write (len) bytes there, within the page; (host) points to the first. */
void soft_xlat_write(struct soft *s, uint64_t gpa, const uint8_t *host, unsigned len);
/* Somebody else wrote to that page. */
void soft_xlat_stale(struct soft *s, uint64_t gpa);
/* Forget everything: for soft_tlb_flush(). */
void soft_xlat_drop(struct soft *s);

#endif
