/* SPDX-License-Identifier: MIT */
/* cli, private: what the parts of `vise triage` share. */
#ifndef CLI_TRIAGE_H
#define CLI_TRIAGE_H

#include <limits.h>

#include "fuzz.h"

#define TRIAGE_INPUT_MAX ((uint64_t)1 << 20) /* bytes of a finding */

enum triage_kind {
	TRIAGE_CLEAN,  /* nothing is wrong with it */
	TRIAGE_ORACLE, /* a check of the target */
	TRIAGE_ASSERT, /* an assertion of ours */
	TRIAGE_UBSAN,
	TRIAGE_ASAN,
	TRIAGE_LEAK,
	TRIAGE_TIMEOUT,
	TRIAGE_MEMORY, /* it wants too much */
	TRIAGE_SIGNAL, /* anything else that ends a process */
	TRIAGE_KINDS
};
const char *triage_kind_name(enum triage_kind k);

/* What a replay said, in pieces; all empty for TRIAGE_CLEAN. */
struct triage_verdict {
	enum triage_kind kind;
	char cause[200];  /* equal for two findings of one cause: no numbers, no addresses */
	char what[240];	  /* the line that says what is wrong */
	char place[160];  /* the first place in our own source: "FUNCTION FILE:LINE" */
	char access[120]; /* the first bad access, ASan's: "WRITE of size 4 at ..." */
	char where[160];  /* what the target did: "device virtio-blk0 register Status" */
};

/* From what a replay program printed and how it ended (a wait status). (log) ends with a NUL. */
void triage_parse(const char *log, int status, struct triage_verdict *v);

/* A target, a place to work in, limits. */
struct triage {
	const char *tree, *target;
	char dir[PATH_MAX]; /* temporary */
	char prog[PATH_MAX];
	uint64_t timeout, memory_mb;
	unsigned runs; /* of the replay program so far */
};

/*
 * Run (n) inputs, in this order, until one is bad: *bad is its index, (n) if none is. *log, if it is
 * wanted, is what was printed, to be freed. 0 or -errno: the program did not start.
 */
int triage_replay(struct triage *t, const char *const *files, unsigned n, bool trace, unsigned *bad,
		  struct triage_verdict *v, char **log, struct err *err);

/*
 * Make (*p, *len) as short and as plain as (budget) runs allow, so that the cause stays that of (v). The
 * bytes are changed in place.
 */
int triage_minimise(struct triage *t, uint8_t *p, size_t *len, const struct triage_verdict *v,
		    unsigned budget, struct err *err);

/*
 * A guest that takes the steps of a trace (say.h), as the text of a .asm; false: there is no such guest,
 * (why) says for which step.
 */
bool triage_guest(const char *log, const char *summary, struct buf *out, char *why, size_t why_len);
/* A C program that gives the bytes to the target: a test that needs nothing but the target. */
void triage_unit_test(const char *target, const char *what, const uint8_t *p, size_t len,
		      struct buf *out);

#endif
