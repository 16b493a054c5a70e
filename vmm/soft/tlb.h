/* SPDX-License-Identifier: MIT */
/*
 * soft: the TLB: host pointers to pages of RAM and ROM by linear page, direct-mapped, one table a
 * privilege. The reference path fills it and never looks at it.
 *
 * What an entry says holds until: CR0.WP, CR0.PG, CR3, CR4, EFER, PKRU change or an INVLPG (those who
 * change them flush), gmem's regions or dirty bits change (soft_memory_changed()), or a page comes
 * to hold code (soft_tlb_protect()).
 */
#ifndef SOFT_TLB_H
#define SOFT_TLB_H

#include "soft_priv.h"

struct soft_tlb_page {
	uint64_t la, gpa; /* of the access: any byte of the page */
	uint64_t size;	  /* of the page as mapped */
	bool user;	  /* which table */
	bool global;
	bool read, write, exec; /* allowed, and the dirty bit is set where write */
};

/* Remember the 4 KiB around la, made for an access (acc): a write makes the page writable at once. */
void soft_tlb_fill(struct soft *s, const struct soft_tlb_page *p, enum soft_access acc);

/* The page at (gpa) holds decoded code: writes must be seen again. */
void soft_tlb_protect(struct soft *s, uint64_t gpa);

#endif
