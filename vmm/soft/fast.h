/* SPDX-License-Identifier: MIT */
/* soft: the fast path as the run loop sees it. */
#ifndef SOFT_FAST_H
#define SOFT_FAST_H

#include "soft_priv.h"

int soft_fast_new(struct soft *s, struct err *err);
void soft_fast_free(struct soft *s);
void soft_fast_flush(struct soft *s); /* forget all traces */

/* Does the page of (gpa) hold code of traces, or page tables that are remembered? */
bool soft_page_watched(const struct soft *s, uint64_t gpa);
/*
 * The CPU itself writes (len) bytes within one page that may be watched: forget the traces that they
 * are of, and translations, unless it is a walk that sets accessed and dirty bits (walks). A pointer to
 * write through, which keeps what else the page holds; NULL: use gmem.
 */
uint8_t *soft_watched_write(struct soft *s, uint64_t gpa, unsigned len, bool walks);

/* Nothing asks to look at every instruction; nor does one have to be aligned (#AC: at CPL 3). */
static inline bool soft_fast_ok(const struct soft *s)
{
	return s->fast && !s->step && !s->nr_bp && !s->nr_wp && !s->dr7_on && !s->shadow &&
	       !(s->rflags & (X86_FLAG_TF | X86_FLAG_RF)) &&
	       !((s->rflags & X86_FLAG_AC) && s->cpl == 3);
}

/* Run until something is to be looked at; at least one instruction, or a fault. */
void soft_fast_run(struct soft *s);

#endif
