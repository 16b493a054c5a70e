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
	const char *seeds;  /* the folder of seeds */
	const char *corpus; /* what was found earlier and came with the tree; NULL: nothing */
	bool no_cmplog;	    /* afl: without the comparison solver, which takes its own time */
	FILE *status;	    /* a line that is kept up to date (a terminal), or a line at times */
	bool terminal;
};

#define FUZZ_BUCKETS 32

struct fuzz_stats {
	uint64_t execs, coverage, corpus, findings;
	uint64_t
		interface; /* slots of it that were touched (fuzz/engine/iface.h); 0: the target has none */
	double seconds;
	double last_find; /* seconds from the start to the last entry of the corpus; 0: none */
	double stability; /* per cent; 0: not known */
	time_t since;	  /* findings that are older are another run's */
	/* This run's findings by what `vise triage` would call their cause, as they came. */
	struct fuzz_bucket {
		char cause[200];
		unsigned findings;
	} bucket[FUZZ_BUCKETS];
	unsigned nr_buckets,
		unsorted; /* unsorted: findings of more causes than there is room for */
};

/*
 * Run the engine until its time is over or cli_stop is set. 0; or -errno with the engine's own
 * words in (err) when it could not work at all. Findings lie in OUT/TARGET/findings.
 */
int fuzz_run(const struct fuzz_job *job, struct fuzz_stats *s, struct err *err);

/* Is a file in the findings' folder one, by its name? */
bool fuzz_is_finding(const char *name);

/* ---- fuzz_look.c: what a run has come to --------------------------------------------------------- */

/* Is there a file in the folder (and the folder)? */
bool fuzz_any_input(const char *dir);
/* One more finding: the engine's or a replay's words, and the wait status it ended with. */
void fuzz_bucket(struct fuzz_stats *s, const char *log, int status);
/* How many slots of the interface are set in the file that VISE_IFACE named. */
uint64_t fuzz_interface(const char *path);
/*
 * libFuzzer: runs a sample of the corpus twice in one process, s->stability is the share of inputs whose
 * second run reached nothing that no run before it had. 0, or -errno and it is left alone.
 */
int fuzz_stability(const struct fuzz_job *job, struct fuzz_stats *s);
/* From a control file of -merge=1. 0, -EINVAL: it is none, -ENODATA: nothing is in there twice. */
int fuzz_stability_parse(const char *control, unsigned *same, unsigned *all);

/* What an engine's line says, added to what is known; libFuzzer's and a line of AFL's plot_data. */
struct fuzz_line {
	uint64_t execs, coverage, corpus;
	double stability,
		last_find; /* AFL's own figures: per cent; seconds from its start, 0: none */
};
bool fuzz_parse_libfuzzer(const char *line, struct fuzz_line *l);
bool fuzz_parse_plot(const char *line, struct fuzz_line *l);
/* AFL's fuzzer_stats, all of it. */
void fuzz_parse_stats(const char *text, struct fuzz_line *l);

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
