/* SPDX-License-Identifier: MIT */
/* cli, private: what `vise fuzz` and `vise bench fuzz` share: engines as child processes. */
#ifndef CLI_FUZZ_H
#define CLI_FUZZ_H

#include <limits.h>
#include <time.h>

#include "cli.h"

#define FUZZ_JOBS 64

enum fuzz_engine { FUZZ_LIBFUZZER, FUZZ_AFL };

struct fuzz_job {
	const char *tree, *target, *out; /* out: OUT/TARGET, where corpus and findings are */
	enum fuzz_engine engine;
	const char *flavour; /* where under build/ libFuzzer's binaries are; NULL: fuzz */
	uint64_t seconds;    /* 0: until stopped */
	unsigned jobs;
	uint64_t seed;
	const char *seeds; /* the folder of seeds */
	bool no_cmplog;	   /* afl: without the comparison solver, which takes its own time */
	FILE *status;	   /* a line that is kept up to date (a terminal), or a line at times */
	bool terminal;
};

struct fuzz_stats {
	uint64_t execs, coverage, corpus, findings;
	double seconds;
	time_t since; /* findings that are older are another run's */
};

/*
 * Run the engine until its time is over or cli_stop is set. 0; or -errno with the engine's own
 * words in (err) when it could not work at all. Findings lie in OUT/TARGET/findings.
 */
int fuzz_run(const struct fuzz_job *job, struct fuzz_stats *s, struct err *err);

/* Is a file in the findings' folder one, by its name? */
bool fuzz_is_finding(const char *name);

/* What an engine's line says, added to what is known; libFuzzer's and a line of AFL's plot_data. */
struct fuzz_line {
	uint64_t execs, coverage, corpus;
};
bool fuzz_parse_libfuzzer(const char *line, struct fuzz_line *l);
bool fuzz_parse_plot(const char *line, struct fuzz_line *l);

/* ---- children (spawn.c) ------------------------------------------------------------------------ */

struct spawn {
	const char *const *argv;
	const char *cwd;	/* NULL: ours */
	const char *log;	/* standard output and error go there; NULL: ours */
	int err_fd;		/* else standard error goes here; -1: not */
	const char *const *env; /* NAME=VALUE on top of ours; ends with NULL; may be NULL */
};

/* In a process group of its own. The pid, or -errno. */
pid_t cli_spawn(const struct spawn *s, struct err *err);
/* Start it, wait for its end: the wait status, or -errno. */
int cli_spawn_wait(const struct spawn *s, struct err *err);
/*
 * Wait for the end of one that was started, (max_s) seconds at most: who does not come to it, or when
 * cli_stop is set, is killed with its group. The wait status, -ETIME, -EINTR. (ru) may be NULL.
 */
struct rusage;
int cli_reap(pid_t pid, unsigned max_s, struct rusage *ru, struct err *err);
uint64_t cli_now_ns(void);
/* A path by printf; one that is too long becomes "", which no call will find. */
void cli_path(char out[PATH_MAX], const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
