/* SPDX-License-Identifier: MIT */
/*
 * bench fuzz: executions a CPU second of each target, of the whole tree of processes, fuzzing on one
 * core, beside an empty target on the same engine in the same run; and how much a case is: operations,
 * and the share of cases that came to what the target is named after (fuzz/engine/stats.h).
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"
#include "fuzz.h"

#define ROUNDS	    1u
#define SECONDS	    60u
#define TARGETS_MAX 64u
#define DEEP_SHARE  0.3 /* under it a rate does not count */

/* An engine and how its targets are built. */
static const struct config {
	const char *name, *flavour, *goal, *tool, *compiler;
	enum fuzz_engine engine;
	bool sanitized;
} configs[] = {
	{"asan", "fuzz", "fuzz-libfuzzer", "clang", "clang", FUZZ_LIBFUZZER, true},
	{"plain", "fuzz-plain", "fuzz-bare", "clang", "clang", FUZZ_LIBFUZZER, false},
	{"afl", "afl", "fuzz-afl", "afl-fuzz", "afl-clang-fast", FUZZ_AFL, true},
};

/* What one run gave. */
struct sample {
	double rate, ops,
		deep;	 /* a CPU second; a CPU second; share of the cases, below 0: unknown */
	unsigned median; /* operations a case */
};

struct bench {
	const struct bench_opts *o;
	const char *tree;
	char dir[PATH_MAX]; /* of this run; has a tree of its own for the empty target */
	const struct config *cfg;
	char *name[TARGETS_MAX];
	unsigned n;
};

static int is_target(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 2 && e->d_name[0] != '.' && !strcmp(e->d_name + n - 2, ".c");
}

static int list(struct bench *b, struct err *err)
{
	struct dirent **ents;
	char path[PATH_MAX];
	int n;

	cli_path(path, "%s/fuzz/targets", b->tree);
	n = scandir(path, &ents, is_target, alphasort);
	if (n < 0)
		return err_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		char stem[NAME_MAX];

		snprintf(stem, sizeof(stem), "%.*s", (int)strlen(ents[i]->d_name) - 2,
			 ents[i]->d_name);
		if (b->n < TARGETS_MAX && (!b->o->only || !strcmp(b->o->only, stem))) {
			b->name[b->n] = strdup(stem);
			b->n += b->name[b->n] != NULL;
		}
		free(ents[i]);
	}
	free(ents);
	if (!b->n)
		return err_set(err, -ENOENT, "no target is called '%.40s': see vise fuzz --list",
			       b->o->only ? b->o->only : "");
	return 0;
}

/* make -C tree GOALS: of all targets, or of the one that is asked for. */
static int build(const struct bench *b, struct err *err)
{
	char log[PATH_MAX], goal[128], seeds[128];
	const char *argv[8] = {"make", "-s", "-C", b->tree, goal, seeds};
	struct spawn s = {.argv = argv, .err_fd = -1, .log = log};
	int rc;

	if (b->o->only) {
		snprintf(goal, sizeof(goal), "build/%s/%.80s", b->cfg->flavour, b->o->only);
		snprintf(seeds, sizeof(seeds), "seeds-%.80s", b->o->only);
	} else {
		snprintf(goal, sizeof(goal), "%s", b->cfg->goal);
		snprintf(seeds, sizeof(seeds), "seeds");
	}
	cli_path(log, "%s/build/bench-build.log", b->tree);
	unlink(log);
	unsetenv("MAKEFLAGS");
	unsetenv("MAKELEVEL");
	rc = cli_spawn_wait(&s, err);
	return rc > 0 ? err_set(err, -EIO, "the targets do not build: see %s", log) : rc;
}

/* An empty target with the flags of the others, in a tree of its own. */
static int make_empty(const struct bench *b, struct err *err)
{
	static const char text[] =
		"int LLVMFuzzerTestOneInput(const unsigned char *, unsigned long);\n"
		"int LLVMFuzzerTestOneInput(const unsigned char *p, unsigned long n)\n"
		"{\n\treturn p && n == (unsigned long)-1;\n}\n";
	char src[PATH_MAX], bin[PATH_MAX], seed[PATH_MAX], log[PATH_MAX];
	/* afl-clang-fast knows its driver by the word alone, not in a list of sanitizers. */
	const char *argv[] = {b->cfg->compiler,
			      "-O2",
			      "-fsanitize=fuzzer",
			      "-o",
			      bin,
			      src,
			      b->cfg->sanitized ? "-fsanitize=address,undefined" : NULL,
			      "-fno-sanitize-recover=all",
			      NULL};
	const char *const env[] = {"AFL_QUIET=1", NULL};
	struct spawn s = {.argv = argv, .err_fd = -1, .log = log, .env = env};
	int rc;

	cli_path(src, "%s/empty.c", b->dir);
	cli_path(log, "%s/log", b->dir);
	cli_path(bin, "%s/build/%s", b->dir, b->cfg->flavour);
	rc = file_mkdirs(bin, err);
	cli_path(seed, "%s/build/seeds/empty", b->dir);
	if (!rc)
		rc = file_mkdirs(seed, err);
	cli_path(seed, "%s/build/seeds/empty/one", b->dir);
	if (!rc)
		rc = file_write(seed, "seed", 4, err);
	if (!rc)
		rc = file_write(src, text, sizeof(text) - 1, err);
	cli_path(bin, "%s/build/%s/empty", b->dir, b->cfg->flavour);
	if (!rc)
		rc = cli_spawn_wait(&s, err);
	return rc > 0 ? err_set(err, -EIO, "%s does not build an empty target", argv[0]) : rc;
}

/* User and system time of all children that ended, and of theirs. */
static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

/* What the target itself counted, see fuzz/engine/stats.h. */
static void read_stats(const char *path, double rate, struct sample *s)
{
	unsigned long long cases, deep, ops;
	void *text;
	size_t len;

	s->deep = -1;
	if (file_read(path, 4096, &text, &len, NULL))
		return;
	if (sscanf(text, "%llu %llu %llu %u", &cases, &deep, &ops, &s->median) == 4 && cases) {
		s->deep = (double)deep / (double)cases;
		s->ops = (double)ops / (double)cases * rate;
	}
	free(text);
}

/* One run from seeds and corpus. (target) NULL: the empty one. */
static int measure(const struct bench *b, const char *target, unsigned round, struct sample *s,
		   struct err *err)
{
	const char *tree = target ? b->tree : b->dir;
	char out[PATH_MAX], seeds[PATH_MAX], corpus[PATH_MAX], stats[PATH_MAX];
	double before = cpu_seconds(), cpu;
	struct fuzz_stats st;
	struct fuzz_job job = {.tree = tree,
			       .target = target ? target : "empty",
			       .out = out,
			       .engine = b->cfg->engine,
			       .flavour = b->cfg->flavour,
			       .seconds = b->o->seconds ? b->o->seconds : SECONDS,
			       .jobs = 1,
			       .seed = round + 1,
			       .seeds = seeds,
			       .no_cmplog = true};
	int rc;

	*s = (struct sample){0};
	cli_path(out, "%s/out-%s-%u/%s", b->dir, b->cfg->name, round, job.target);
	cli_path(seeds, "%s/build/seeds/%s", tree, job.target);
	/* What reaches the deep path comes with the tree. */
	cli_path(corpus, "%s/build/corpora/%s", tree, job.target);
	job.corpus = fuzz_any_input(corpus) ? corpus : NULL;
	cli_path(stats, "%s/stats", b->dir);
	unlink(stats);
	setenv("VISE_STATS", stats, 1);
	rc = fuzz_run(&job, &st, err);
	unsetenv("VISE_STATS");
	cpu = cpu_seconds() - before;
	s->rate = cpu > 0 ? (double)st.execs / cpu : 0;
	read_stats(stats, s->rate, s);
	return rc;
}

static void show(const struct bench *b, const char *target, const struct sample *v, unsigned rounds,
		 double empty)
{
	double x[BENCH_ROUNDS_MAX], rate;
	char name[100];

	for (unsigned r = 0; r < rounds; r++)
		x[r] = v[r].rate;
	rate = bench_median(x, rounds);
	snprintf(name, sizeof(name), "%.60s/%s", target, b->cfg->name);
	bench_figure(b->o, "fuzz", name, rate, "exec/s", empty > 0 ? rate / empty : 0,
		     empty > 0 ? "empty target" : NULL);
	if (empty <= 0 || v[0].deep < 0)
		return;
	for (unsigned r = 0; r < rounds; r++)
		x[r] = v[r].deep;
	rate = bench_median(x, rounds);
	snprintf(name, sizeof(name), "%.60s/%s/deep", target, b->cfg->name);
	bench_figure(b->o, "fuzz", name, rate, "share", rate / DEEP_SHARE, "the least that counts");
	for (unsigned r = 0; r < rounds; r++)
		x[r] = v[r].ops;
	snprintf(name, sizeof(name), "%.60s/%s/ops", target, b->cfg->name);
	bench_figure(b->o, "fuzz", name, bench_median(x, rounds), "op/s", 0, NULL);
	for (unsigned r = 0; r < rounds; r++)
		x[r] = v[r].median;
	snprintf(name, sizeof(name), "%.60s/%s/ops-a-case", target, b->cfg->name);
	bench_figure(b->o, "fuzz", name, bench_median(x, rounds), "op", 0, NULL);
}

static int run_engine(struct bench *b, struct err *err)
{
	static struct sample v[TARGETS_MAX + 1][BENCH_ROUNDS_MAX];
	unsigned rounds = b->o->rounds ? (unsigned)b->o->rounds : ROUNDS;
	double x[BENCH_ROUNDS_MAX], empty;
	int rc = build(b, err);

	if (!rc)
		rc = make_empty(b, err);
	for (unsigned r = 0; r < rounds && !rc; r++) {
		for (unsigned t = 0; t <= b->n && !rc && !cli_stop; t++)
			rc = measure(b, t < b->n ? b->name[t] : NULL, r, &v[t][r], err);
	}
	if (rc || cli_stop)
		return rc;
	for (unsigned r = 0; r < rounds; r++)
		x[r] = v[b->n][r].rate;
	empty = bench_median(x, rounds);
	for (unsigned t = 0; t < b->n; t++)
		show(b, b->name[t], v[t], rounds, empty);
	show(b, "empty", v[b->n], rounds, 0);
	return 0;
}

int bench_fuzz(const struct bench_opts *o)
{
	char dir[] = "/tmp/vise-bench.XXXXXX";
	struct bench b = {.o = o};
	struct err err = {0};
	char *tree = NULL;
	int rc, st = ST_PASS;

	if (o->engine && strcmp(o->engine, "afl") != 0 && strcmp(o->engine, "plain") != 0 &&
	    strcmp(o->engine, "libfuzzer") != 0)
		return cli_fail(ST_USAGE, "--engine '%.40s' is none of: libfuzzer plain afl",
				o->engine);
	rc = guest_tree_dir(&tree, &err);
	b.tree = tree;
	if (!rc)
		rc = list(&b, &err);
	if (!rc)
		rc = bench_folder(o, dir, &err);
	cli_path(b.dir, "%s", o->out ? o->out : dir);
	cli_catch_stop();
	for (unsigned e = 0; e < ARRAY_SIZE(configs) && !rc && !cli_stop; e++) {
		const struct config *c = &configs[e];
		char *path;

		if (o->engine && strcmp(o->engine, e ? c->name : "libfuzzer") != 0)
			continue;
		if (guest_find_tool(c->tool, c->tool, &path, &err)) {
			st = cli_fail(ST_START, "bench fuzz: %s", err.msg);
			continue;
		}
		free(path);
		b.cfg = c;
		rc = run_engine(&b, &err);
	}
	if (rc)
		st = cli_fail(ST_START, "bench fuzz: %s", err.msg);
	if (!o->out && b.dir[0])
		bench_remove(b.dir);
	for (unsigned i = 0; i < b.n; i++)
		free(b.name[i]);
	free(tree);
	return st;
}
