/* SPDX-License-Identifier: MIT */
/* soft: the fast path as the run loop sees it. */
#ifndef SOFT_FAST_H
#define SOFT_FAST_H

#include "soft_priv.h"

int soft_fast_new(struct soft *s, struct err *err);
void soft_fast_free(struct soft *s);
void soft_fast_flush(struct soft *s); /* forget all traces */

/* Nothing asks to look at every instruction. */
static inline bool soft_fast_ok(const struct soft *s)
{
	return s->fast && !s->step && !s->nr_bp && !s->dr7_on && !s->shadow &&
	       !(s->rflags & (X86_FLAG_TF | X86_FLAG_RF));
}

/* Run until something is to be looked at; at least one instruction, or a fault. */
void soft_fast_run(struct soft *s);

#endif
