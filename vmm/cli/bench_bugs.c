/* SPDX-License-Identifier: MIT */
/*
 * bench bugs: each known bug of fuzz/bugs put back into a copy of the tree and looked for by its
 * target from the public seeds and corpora: CPU seconds until the engine stops with a finding.
 *
 * The copy is in the bench's own folder; the user's tree is not touched. A bug's patch says in front
 * of its diff "Bug:", "Target:" and "What:". A canary in it (fuzz/engine/canary.c) says when the place
 * was first reached and when the bug was first triggered.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "fuzz.h"

#define BUGS_MAX 512u
#define ROUNDS	 10u /* seeds of the random generator */
#define SECONDS	 60u /* of CPU; unsolved counts as so many */

struct bug {
	char id[32], target[48], what[160];
	bool known; /* its witness is in fuzz/bugs/witness */
};

struct bugs {
	const struct bench_opts *o;
	const char *tree;
	char dir[PATH_MAX], copy[PATH_MAX];
	uint64_t seconds;
	unsigned rounds, n;
	struct bug bug[BUGS_MAX];
	/* of the bug that is run */
	double found[BENCH_ROUNDS_MAX];
	unsigned solved, reached, triggered;
	char how[120];
};

/* ---- the list ---- */

static int is_patch(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && dot != e->d_name && !strcmp(dot, ".patch");
}

/* "Key: value" in the lines in front of the diff. */
static void header(const char *text, const char *key, char *out, size_t len)
{
	size_t n = strlen(key);

	out[0] = '\0';
	while (*text && strncmp(text, "diff ", 5) != 0) {
		size_t line = strcspn(text, "\n");

		if (line > n && !strncmp(text, key, n))
			snprintf(out, len, "%.*s", (int)(line - n), text + n);
		text += line + (text[line] == '\n');
	}
}

/* --only names one bug or target, or some with commas between. */
static bool wanted(const struct bugs *b, const char *name)
{
	const char *at = b->o->only;
	size_t n;

	for (; at && *at; at += n + (at[n] == ',')) {
		n = strcspn(at, ",");
		if (n == strlen(name) && !memcmp(at, name, n))
			return true;
	}
	return !b->o->only;
}

static int add(struct bugs *b, const char *name, struct err *err)
{
	struct bug *g = &b->bug[b->n];
	char path[PATH_MAX];
	char *text;
	size_t len;
	int rc;

	cli_path(path, "%s/fuzz/bugs/%s", b->tree, name);
	rc = file_read(path, 1 << 20, (void **)&text, &len, err);
	if (rc)
		return rc;
	header(text, "Bug: ", g->id, sizeof(g->id));
	header(text, "Target: ", g->target, sizeof(g->target));
	header(text, "What: ", g->what, sizeof(g->what));
	free(text);
	if (!g->id[0] || !g->target[0] || strchr(g->target, '/'))
		return err_set(err, -EINVAL,
			       "%s: no Bug: or no Target: in front of the diff: add them", path);
	if (!wanted(b, g->id) && !wanted(b, g->target))
		return 0;
	cli_path(path, "%s/fuzz/bugs/witness/%s", b->tree, g->id);
	g->known = !access(path, R_OK);
	b->n++;
	return 0;
}

static int list(struct bugs *b, struct err *err)
{
	struct dirent **ents;
	char path[PATH_MAX];
	int n, rc = 0;

	cli_path(path, "%s/fuzz/bugs", b->tree);
	n = scandir(path, &ents, is_patch, versionsort);
	if (n < 0)
		return err_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (!rc && b->n < BUGS_MAX)
			rc = add(b, ents[i]->d_name, err);
		free(ents[i]);
	}
	free(ents);
	if (!rc && !b->n)
		rc = err_set(err, -ENOENT, "no bug and no target is called '%.40s': see %s",
			     b->o->only ? b->o->only : "", path);
	return rc;
}

/* ---- children ---- */

/* A command in the copy, its output to DIR/log. 0: it ended well. */
static int command(const struct bugs *b, const char *const *argv, const char *const *env)
{
	char log[PATH_MAX];
	struct spawn s = {.argv = argv, .cwd = b->copy, .err_fd = -1, .log = log, .env = env};

	cli_path(log, "%s/log", b->dir);
	unlink(log);
	return cli_spawn_wait(&s, NULL);
}

/*
 * What is needed to build targets, without build/ and what is hidden. A copy that is there from last
 * time is brought up to date by contents, so that its objects are still good.
 */
static int copy_tree(const struct bugs *b, struct err *err)
{
	static const char text[] =
		"cd \"$1\" || exit; find Makefile vmm harness fuzz ci -type f | sort > \"$2/.new\";"
		"while read -r f; do cmp -s \"$f\" \"$2/$f\" || {"
		" mkdir -p \"$(dirname \"$2/$f\")\" && cp \"$f\" \"$2/$f\" || exit; };"
		"done < \"$2/.new\";"
		"cd \"$2\" && find Makefile vmm harness fuzz ci -type f | sort |"
		" comm -23 - .new | while read -r f; do rm -f \"$f\"; done";
	const char *argv[] = {"sh", "-c", text, "sh", b->tree, b->copy, NULL};
	struct spawn s = {.argv = argv, .err_fd = -1};
	int rc = file_mkdirs(b->copy, err);

	if (rc)
		return rc;
	rc = cli_spawn_wait(&s, err);
	return rc > 0 ? err_set(err, -EIO, "cannot copy %s to %s", b->tree, b->copy) : rc;
}

/* (back): take it out again. The copy may lie in another repository: git must not look for one. */
static int apply(const struct bugs *b, const struct bug *g, bool back)
{
	char path[PATH_MAX], ceiling[PATH_MAX + 32];
	const char *argv[] = {"git", "apply", back ? "-R" : "--whitespace=nowarn", path, NULL};
	const char *env[] = {ceiling, NULL};

	cli_path(path, "%s/fuzz/bugs/%s.patch", b->tree, g->id);
	snprintf(ceiling, sizeof(ceiling), "GIT_CEILING_DIRECTORIES=%s", b->dir);
	return command(b, argv, env);
}

static int make(const struct bugs *b, const char *what, const char *target)
{
	char goal[128], jobs[24];
	const char *argv[] = {"make", "-s", jobs, goal, NULL};

	snprintf(goal, sizeof(goal), "%s%s", what, target);
	snprintf(jobs, sizeof(jobs), "-j%ld", sysconf(_SC_NPROCESSORS_ONLN));
	return command(b, argv, NULL);
}

/* Seeds are made before any bug is put in: the generators are linked with what the bugs change. */
static int make_seeds(const struct bugs *b, struct err *err)
{
	for (unsigned i = 0; i < b->n; i++) {
		bool done = false;

		for (unsigned j = 0; j < i && !done; j++)
			done = !strcmp(b->bug[i].target, b->bug[j].target);
		if (!done && make(b, "seeds-", b->bug[i].target))
			return err_set(err, -EIO, "the seeds of %s cannot be made: see %s/log",
				       b->bug[i].target, b->dir);
	}
	return 0;
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

/* ---- one run ---- */

static bool has_line(const char *path, const char *word)
{
	void *text;
	size_t len;
	bool yes;

	if (file_read(path, 65536, &text, &len, NULL))
		return false;
	yes = strstr(text, word) != NULL;
	free(text);
	return yes;
}

/* What libFuzzer keeps of one; it keeps slow inputs too, and goes on. */
static int is_finding(const struct dirent *e)
{
	return !strncmp(e->d_name, "finding-", 8) && strncmp(e->d_name, "finding-slow", 12) != 0;
}

static bool has_finding(const struct bugs *b)
{
	struct dirent **ents;
	int n = scandir(b->copy, &ents, is_finding, NULL);

	for (int i = 0; i < n; i++)
		free(ents[i]);
	if (n >= 0)
		free(ents);
	return n > 0;
}

/* The line of the log that says what was seen. */
static void why(struct bugs *b, const char *log)
{
	static const char *const words[] = {
		"oracle ", "runtime error: ", "AddressSanitizer: ", "Assertion `", "libFuzzer: "};
	char *text;
	size_t len;

	if (b->how[0] || file_read(log, 64 << 20, (void **)&text, &len, NULL))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(words) && !b->how[0]; i++) {
		const char *at = strstr(text, words[i]);

		if (at)
			snprintf(b->how, sizeof(b->how), "%.*s",
				 (int)(strcspn(at, "\n") < 90 ? strcspn(at, "\n") : 90), at);
	}
	free(text);
}

/* Does the target see the bug on the input that is kept for it? */
static bool witnessed(const struct bugs *b, const struct bug *g)
{
	char bin[128], path[PATH_MAX];
	const char *argv[] = {bin, "-timeout=10", path, NULL};

	snprintf(bin, sizeof(bin), "build/fuzz/%s", g->target);
	cli_path(path, "%s/fuzz/bugs/witness/%s", b->tree, g->id);
	return command(b, argv, NULL) != 0;
}

/* libFuzzer with the options that `vise fuzz` gives, until its first finding or so much CPU time. */
static void run_once(struct bugs *b, const struct bug *g, unsigned round)
{
	static const char script[] =
		"ulimit -t \"$1\"; ulimit -c 0; shift; t=$1; shift; o=fuzz/options/$t.options;"
		"m=$(sed -n 's/ *= */=/; s/^\\([a-z_]*=\\)/-\\1/p' \"$o\" 2> /dev/null);"
		"d=fuzz/dict/$t.dict; [ ! -f \"$d\" ] || m=\"$m -dict=$d\";"
		"c=build/corpora/$t; [ -d \"$c\" ] || c=;"
		"mkdir -p corpus && exec build/fuzz/\"$t\" $m \"$@\" corpus build/seeds/\"$t\" $c";
	char limit[24], seed[40], canary[PATH_MAX + 32], log[PATH_MAX];
	const char *argv[] = {"sh",	     "-c",
			      script,	     "sh",
			      limit,	     g->target,
			      "-timeout=10", "-rss_limit_mb=2048",
			      seed,	     "-artifact_prefix=finding-",
			      NULL};
	const char *const clean[] = {"sh", "-c", "rm -rf corpus finding-*", NULL};
	const char *env[] = {canary, NULL};
	double before, used;
	int st;

	command(b, clean, NULL);
	snprintf(limit, sizeof(limit), "%llu", (unsigned long long)b->seconds);
	snprintf(seed, sizeof(seed), "-seed=%u", round + 1);
	snprintf(canary, sizeof(canary), "VISE_CANARY=%s/canary", b->dir);
	unlink(canary + strlen("VISE_CANARY="));
	before = cpu_seconds();
	st = command(b, argv, env);
	used = cpu_seconds() - before;
	cli_path(log, "%s/log", b->dir);
	/* The limit kills by SIGXCPU, of which libFuzzer makes a status of its own: by what is there then. */
	if (st && has_finding(b)) {
		b->solved++;
		why(b, log);
	} else {
		used = (double)b->seconds;
	}
	b->found[round] = used;
	b->reached += has_line(canary + strlen("VISE_CANARY="), " reached ");
	b->triggered += has_line(canary + strlen("VISE_CANARY="), " triggered ");
}

static void show(struct bugs *b, const struct bug *g)
{
	double least, most, median = bench_median(b->found, b->rounds);
	char name[100];

	least = b->found[0]; /* sorted now */
	most = b->found[b->rounds - 1];
	snprintf(name, sizeof(name), "%s/%s", g->id, g->target);
	bench_figure(b->o, "bugs", name, median, "s", (double)b->solved / b->rounds, "runs");
	if (!b->o->json)
		printf("       %s: %u of %u found (reached %u, triggered %u), %.2f to %.2f s%s%s\n",
		       g->what, b->solved, b->rounds, b->reached, b->triggered, least, most,
		       b->how[0] ? ": " : "", b->how);
	fflush(stdout);
}

/* 0 or a status: a patch that no longer applies or builds is a fault of the bench. */
static int one(struct bugs *b, const struct bug *g)
{
	int st = ST_PASS;

	b->solved = b->reached = b->triggered = 0;
	b->how[0] = '\0';
	if (apply(b, g, false))
		return cli_fail(ST_FAIL, "bench bugs: %s: the patch does not apply: see %s/log",
				g->id, b->dir);
	if (make(b, "build/fuzz/", g->target)) {
		st = cli_fail(ST_FAIL, "bench bugs: %s: it does not build with it: see %s/log",
			      g->id, b->dir);
	} else {
		if (g->known && !witnessed(b, g))
			st = cli_fail(ST_FAIL, "bench bugs: %s: its witness runs clean", g->id);
		for (unsigned r = 0; r < b->rounds && !cli_stop; r++)
			run_once(b, g, r);
		if (!cli_stop)
			show(b, g);
	}
	if (apply(b, g, true))
		st = cli_fail(ST_FAIL, "bench bugs: %s: the patch can't be taken out again", g->id);
	return st;
}

int bench_bugs(const struct bench_opts *o)
{
	static struct bugs b;
	char dir[] = "/tmp/vise-bugs.XXXXXX";
	unsigned found = 0;
	struct err err = {0};
	char *tree = NULL, *real = NULL;
	int rc, st = ST_PASS;

	memset(&b, 0, sizeof(b));
	b.o = o;
	b.seconds = o->seconds ? o->seconds : SECONDS;
	b.rounds = o->rounds ? (unsigned)o->rounds : ROUNDS;
	rc = guest_tree_dir(&tree, &err);
	b.tree = tree;
	if (!rc)
		rc = list(&b, &err);
	if (!rc)
		rc = bench_folder(o, dir, &err);
	if (!rc)
		real = realpath(o->out ? o->out : dir, NULL);
	if (!rc && !real)
		rc = err_set(&err, -errno, "%s: %s", o->out ? o->out : dir, strerror(errno));
	cli_path(b.dir, "%s", real ? real : "");
	cli_path(b.copy, "%s/tree", b.dir);
	cli_catch_stop();
	unsetenv("MAKEFLAGS");
	unsetenv("MAKELEVEL");
	if (!rc)
		rc = copy_tree(&b, &err);
	if (!rc)
		rc = make_seeds(&b, &err);
	for (unsigned i = 0; i < b.n && !rc && !cli_stop; i++) {
		int one_st = one(&b, &b.bug[i]);

		st = st ? st : one_st;
		found += b.solved > 0;
	}
	if (rc)
		st = cli_fail(ST_START, "bench bugs: %s", err.msg);
	else if (!cli_stop)
		bench_figure(o, "bugs", "found", found, "bugs", (double)found / b.n, "all");
	if (!o->out && real)
		bench_remove(real);
	free(real);
	free(tree);
	return st;
}
