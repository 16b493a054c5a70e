/* SPDX-License-Identifier: MIT */
/* bench fuzz: executions a second of each target against an empty one on the same engine. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "fuzz.h"

#define ROUNDS	    3u
#define SECONDS	    2u
#define TARGETS_MAX 64u

struct bench {
	const struct bench_opts *o;
	const char *tree;
	char dir[PATH_MAX]; /* of this run; has a tree of its own for the empty target */
	enum fuzz_engine engine;
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
		if (b->n < TARGETS_MAX) {
			b->name[b->n] = strdup(ents[i]->d_name);
			if (b->name[b->n])
				b->name[b->n][strlen(ents[i]->d_name) - 2] = '\0';
			b->n += b->name[b->n] != NULL;
		}
		free(ents[i]);
	}
	free(ents);
	return 0;
}

/* make -C tree GOALS */
static int build(const struct bench *b, struct err *err)
{
	const char *argv[8] = {
		"make", "-s", "-C", b->tree, b->engine == FUZZ_AFL ? "fuzz-afl" : "fuzz-libfuzzer",
		"seeds"};
	char log[PATH_MAX];
	struct spawn s = {.argv = argv, .err_fd = -1, .log = log};
	int rc;

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
	bool afl = b->engine == FUZZ_AFL;
	char src[PATH_MAX], bin[PATH_MAX], seed[PATH_MAX], log[PATH_MAX];
	/* afl-clang-fast knows its driver by the word alone, not in a list of sanitizers. */
	const char *argv[] = {afl ? "afl-clang-fast" : "clang",
			      "-O2",
			      "-fsanitize=fuzzer",
			      "-fsanitize=address,undefined",
			      "-fno-sanitize-recover=all",
			      "-o",
			      bin,
			      src,
			      NULL};
	const char *const env[] = {"AFL_QUIET=1", NULL};
	struct spawn s = {.argv = argv, .err_fd = -1, .log = log, .env = env};
	int rc;

	cli_path(src, "%s/empty.c", b->dir);
	cli_path(log, "%s/log", b->dir);
	cli_path(bin, "%s/build/%s", b->dir, afl ? "afl" : "fuzz");
	rc = file_mkdirs(bin, err);
	cli_path(seed, "%s/build/seeds/empty", b->dir);
	if (!rc)
		rc = file_mkdirs(seed, err);
	cli_path(seed, "%s/build/seeds/empty/one", b->dir);
	if (!rc)
		rc = file_write(seed, "seed", 4, err);
	if (!rc)
		rc = file_write(src, text, sizeof(text) - 1, err);
	cli_path(bin, "%s/build/%s/empty", b->dir, afl ? "afl" : "fuzz");
	if (!rc)
		rc = cli_spawn_wait(&s, err);
	return rc > 0 ? err_set(err, -EIO, "%s does not build an empty target", argv[0]) : rc;
}

/* Executions a second in one run from the seeds. (target) NULL: the empty one. */
static int measure(const struct bench *b, const char *target, unsigned round, double *rate,
		   struct err *err)
{
	const char *tree = target ? b->tree : b->dir;
	char out[PATH_MAX], seeds[PATH_MAX];
	struct fuzz_stats s;
	struct fuzz_job job = {.tree = tree,
			       .target = target ? target : "empty",
			       .out = out,
			       .engine = b->engine,
			       .seconds = b->o->seconds ? b->o->seconds : SECONDS,
			       .jobs = 1,
			       .seed = round + 1,
			       .seeds = seeds,
			       .no_cmplog = true};
	int rc;

	cli_path(out, "%s/out-%u/%s", b->dir, round, job.target);
	cli_path(seeds, "%s/build/seeds/%s", tree, job.target);
	rc = fuzz_run(&job, &s, err);
	*rate = s.seconds > 0 ? (double)s.execs / s.seconds : 0;
	return rc;
}

static int run_engine(struct bench *b, struct err *err)
{
	static double v[TARGETS_MAX + 1][BENCH_ROUNDS_MAX];
	unsigned rounds = b->o->rounds ? (unsigned)b->o->rounds : ROUNDS;
	double empty, value;
	char name[80];
	int rc = build(b, err);

	if (!rc)
		rc = make_empty(b, err);
	for (unsigned r = 0; r < rounds && !rc; r++) {
		for (unsigned t = 0; t <= b->n && !rc && !cli_stop; t++)
			rc = measure(b, t < b->n ? b->name[t] : NULL, r, &v[t][r], err);
	}
	if (rc || cli_stop)
		return rc;
	empty = bench_median(v[b->n], rounds);
	for (unsigned t = 0; t < b->n; t++) {
		value = bench_median(v[t], rounds);
		snprintf(name, sizeof(name), "%.60s/%s", b->name[t],
			 b->engine == FUZZ_AFL ? "afl" : "asan");
		bench_figure(b->o, "fuzz", name, value, "exec/s", value / empty, "empty target");
	}
	snprintf(name, sizeof(name), "empty/%s", b->engine == FUZZ_AFL ? "afl" : "asan");
	bench_figure(b->o, "fuzz", name, empty, "exec/s", 0, NULL);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int bench_fuzz(const struct bench_opts *o)
{
	char dir[] = "/tmp/vise-bench.XXXXXX";
	struct bench b = {.o = o};
	struct err err = {0};
	char *tree = NULL;
	int rc, st = ST_PASS;

	if (o->engine && strcmp(o->engine, "afl") != 0 && strcmp(o->engine, "libfuzzer") != 0)
		return cli_fail(ST_USAGE, "--engine '%.40s' is none of: libfuzzer afl", o->engine);
	rc = guest_tree_dir(&tree, &err);
	b.tree = tree;
	if (!rc)
		rc = list(&b, &err);
	if (!rc && o->out)
		rc = file_mkdirs(o->out, &err);
	else if (!rc && !mkdtemp(dir))
		rc = err_set(&err, -errno, "cannot make %s: %s", dir, strerror(errno));
	cli_path(b.dir, "%s", o->out ? o->out : dir);
	cli_catch_stop();
	for (int e = FUZZ_LIBFUZZER; e <= FUZZ_AFL && !rc && !cli_stop; e++) {
		const char *tool = e == FUZZ_AFL ? "afl-fuzz" : "clang";
		char *path;

		if (o->engine && (e == FUZZ_AFL) != (o->engine[0] == 'a'))
			continue;
		if (guest_find_tool(tool, tool, &path, &err)) {
			st = cli_fail(ST_START, "bench fuzz: %s", err.msg);
			continue;
		}
		free(path);
		b.engine = (enum fuzz_engine)e;
		rc = run_engine(&b, &err);
	}
	if (rc)
		st = cli_fail(ST_START, "bench fuzz: %s", err.msg);
	if (!o->out && b.dir[0])
		nftw(b.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (unsigned i = 0; i < b.n; i++)
		free(b.name[i]);
	free(tree);
	return st;
}
