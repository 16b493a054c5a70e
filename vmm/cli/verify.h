/* SPDX-License-Identifier: MIT */
/*
 * cli, private: vise verify. It starts itself again for each run; such a worker lives under host
 * conditions of its own (verify_host.c), notes hashes at fixed instruction counts in a file without
 * a name (verify_worker.c), and ends. The starter compares the notes (cmd_verify.c).
 */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include <sys/types.h>

#include "cli.h"

struct verify_opts {
	struct guest_opts g;
	uint64_t runs, every, jobs, host_seed;
	struct opt_strs with;
	const char *worker;
};

/* What a worker is told; as text: "FD:HOST:FROM:EVERY:UNTIL:DUMP". */
struct verify_plan {
	int fd;	       /* its notes go there */
	uint64_t host; /* the seed of its conditions; 0: those it was started under */
	uint64_t from, every, until;
	bool dump; /* at (until) the state as text, too */
};

/* After (at) instructions; exits on kvm, where (stream) alone counts. */
struct verify_mark {
	uint64_t at;
	uint64_t regs;	 /* the CPU state table */
	uint64_t mem;	 /* the pages written since the mark before, chained */
	uint64_t dev;	 /* every device's tables, and the clock */
	uint64_t stream; /* the canonical events so far, chained */
};

#define VERIFY_MAGIC  0x3130594652455601ull
#define VERIFY_REASON 240
/* At the start of the notes; the marks follow, then (dump_len) bytes of text. */
struct verify_head {
	uint64_t magic;
	uint64_t nr_marks, dump_len;
	uint64_t icount, exits;
	uint64_t hash; /* as `vise run` says it; of the end of the run */
	int32_t verdict, status;
	uint8_t ended, deterministic; /* it came to its end; no host time was seen */
	char reason[VERIFY_REASON];
};

/*
 * A dump: a line a thing that is not zero, `KIND\tNAME\tVALUE`:
 *   insn RIP TEXT        the instruction that made the last step
 *   event N TEXT         the last canonical events, 1 is the newest
 *   cpu FIELD VALUE, dev NAME.FIELD VALUE, clock FIELD VALUE
 *   page GPA HEX         each page that the last step wrote
 */
int verify_work(const struct verify_opts *o, int argc, char **argv);

/* ---- host conditions ------------------------------------------------------------------------- */

struct verify_host {
	bool no_aslr, busy;
	unsigned nice, perturb, pad; /* perturb: glibc fills what it allocates and frees */
	unsigned cpu;		     /* the one CPU that it may use, counted from 1; 0: any */
	unsigned rounding, junk, alarm_us;
	bool flush; /* denormals to zero */
};
void verify_host_draw(struct verify_host *h, uint64_t seed);
/* In words, for a person. */
void verify_host_text(const struct verify_host *h, struct buf *out);
/* In the child, before it becomes the worker; in the worker, before it works. */
void verify_host_before(const struct verify_host *h);
void verify_host_inside(const struct verify_host *h);

#endif
