/* SPDX-License-Identifier: MIT */
/* soft: the cache of traces, what trace.c and trace_build.c share. */
#ifndef SOFT_TRACE_H
#define SOFT_TRACE_H

#include "uop.h"

#define SOFT_ARENA (24u << 20) /* bytes of traces */
#define SOFT_HASH  16384u
#define SOFT_PAGES 4096u
#define SOFT_IBTC  4096u
/* The most that one trace takes: three uops an instruction and its decoded form, and the end. */
#define SOFT_TRACE_UOPS (3 * SOFT_TRACE_MAX + 4)
#define SOFT_TRACE_ROOM                                                                            \
	(sizeof(struct soft_trace) + SOFT_TRACE_UOPS * sizeof(struct soft_uop) +                   \
	 SOFT_TRACE_MAX * sizeof(struct insn) + sizeof(struct soft_page) + 128)

#define SOFT_KILLS 512u
#define SOFT_RESTS 16384u

/*
 * A page that traces were made of. gmem knows pages alone; here is which 64 bytes of it hold code, so
 * that data beside code may be written without losing the code. Lies in the arena.
 */
struct soft_page {
	struct soft_page *next;
	struct soft_trace *traces;
	uint64_t gpa;
	uint64_t chunks; /* a bit for 64 bytes */
	unsigned kills;	 /* traces of it that were written over */
	unsigned rests;	 /* instructions left to the reference path for that */
	bool ram;
};

/* An instruction that soft_slow() ran: it is decoded once. */
#define SOFT_SLOW 256u
struct soft_slow_insn {
	const struct soft_uop *u;
	struct insn i;
};

/* Where indirect branches went. */
struct soft_ibtc {
	uint64_t rip, key;
	const struct soft_uop *to;
};

struct soft_fast {
	struct soft_trace *hash[SOFT_HASH];  /* by gpa */
	struct soft_page *pages[SOFT_PAGES]; /* by page */
	struct soft_slow_insn slow[SOFT_SLOW];
	struct soft_ibtc ibtc[SOFT_IBTC];
	uint8_t *arena;
	size_t used;
	struct soft_link *pending; /* leads to the trace that is looked up next */
	uint64_t pending_key;
	uint64_t cs_base; /* of the links, outside of 64-bit code */
	uint32_t cs_limit;
};

/* Make the trace at s->rip, of at most (max) instructions, which lies at (gpa), at (t); NULL: not even one instruction. */
struct soft_trace *soft_trace_build(struct soft *s, struct soft_trace *t, uint64_t gpa,
				    unsigned max);
size_t soft_trace_size(const struct soft_trace *t);

#endif
