/* SPDX-License-Identifier: MIT */
/* vise fuzz: list targets, fuzz one, reproduce a finding. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

struct fuzz_opts {
	const char *engine, *out;
	uint64_t seconds, jobs, seed;
	bool json, quiet;
};

static const struct opt opts[] = {
	{"engine", 'e', OPT_STR, offsetof(struct fuzz_opts, engine), "ENGINE",
	 "libfuzzer (the default) or afl", 0, 0},
	{"time", 't', OPT_U64, offsetof(struct fuzz_opts, seconds), "S",
	 "end after S seconds; else Ctrl-C ends it", 1, 100000000},
	{"jobs", 'j', OPT_U64, offsetof(struct fuzz_opts, jobs), "N", "processes, 1 unless said", 1,
	 FUZZ_JOBS},
	{"seed", 's', OPT_U64, offsetof(struct fuzz_opts, seed), "N",
	 "the engine's seed, 1 unless said", 0, 0},
	{"out", 'o', OPT_STR, offsetof(struct fuzz_opts, out), "DIR",
	 "corpus and findings go to DIR/TARGET; else build/fuzz-out or $XDG_CACHE_HOME/vise", 0, 0},
	{"json", 0, OPT_FLAG, offsetof(struct fuzz_opts, json), NULL,
	 "one JSON object at the end (of the list: an array)", 0, 0},
	{"quiet", 'q', OPT_FLAG, offsetof(struct fuzz_opts, quiet), NULL, "no status lines", 0, 0},
	{NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0},
};

#define REPLAY_MAX 4096

/* ---- targets ---- */

#define SUMMARY_MAX 100 /* bytes shown of what a target says of itself */

/* The first sentence of a target's own comment, "name: what it does", without the name. */
static void put_summary(const char *tree, const char *name, struct buf *out)
{
	struct buf said = {.max = 4096};
	char *text, *line, *save = NULL;
	char path[PATH_MAX];
	const char *p;
	size_t len;

	cli_path(path, "%s/fuzz/targets/%s.c", tree, name);
	if (file_read(path, (uint64_t)1 << 20, (void **)&text, &len, NULL))
		return;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		p = line + 2 + (line[0] && line[1] ? strspn(line + 2, " ") : 0);
		if (!strncmp(line, " */", 3) && said.len)
			break;
		if (!strncmp(line, " * ", 3) && *p != '@')
			buf_printf(&said, "%s%s", said.len ? " " : "", p);
	}
	free(text);
	p = buf_str(&said);
	if (!strncmp(p, name, strlen(name)) && p[strlen(name)] == ':')
		p += strlen(name) + 1 + strspn(p + strlen(name) + 1, " ");
	/* To the sentence's end; a file's name has a '.' too. */
	for (len = 0;
	     p[len] && p[len] != ';' && !(p[len] == '.' && (!p[len + 1] || p[len + 1] == ' '));)
		len++;
	if (len > SUMMARY_MAX) {
		for (len = SUMMARY_MAX; len && p[len] != ' ';)
			len--;
		buf_printf(out, "%.*s ...", (int)len, p);
	} else {
		buf_printf(out, "%.*s", (int)len, p);
	}
	buf_free(&said);
}

static int is_target(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 2 && e->d_name[0] != '.' && !strcmp(e->d_name + n - 2, ".c");
}

static int list_targets(const struct fuzz_opts *o, const char *tree)
{
	struct dirent **ents;
	char path[PATH_MAX];
	struct buf b = {0};
	int n;

	cli_path(path, "%s/fuzz/targets", tree);
	n = scandir(path, &ents, is_target, alphasort);
	if (n < 0)
		return cli_fail(ST_START, "cannot read %s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		char *name = ents[i]->d_name;
		struct buf what = {0};

		name[strlen(name) - 2] = '\0';
		put_summary(tree, name, &what);
		if (o->json) {
			buf_printf(&b, "%s{\"target\":\"%s\",\"summary\":", i ? "," : "[", name);
			buf_put_json(&b, buf_str(&what), what.len);
			buf_printf(&b, "}");
		} else {
			buf_printf(&b, "%-16s %s\n", name, buf_str(&what));
		}
		buf_free(&what);
		free(ents[i]);
	}
	free(ents);
	if (o->json)
		buf_printf(&b, "%s]\n", n ? "" : "[");
	fputs(buf_str(&b), stdout);
	buf_free(&b);
	return ST_PASS;
}

/* 0, or the status: there is no such target. */
static int check_target(const char *tree, const char *name)
{
	char path[PATH_MAX];

	for (const char *c = name; *c; c++) {
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '_')
			return cli_fail(ST_USAGE,
					"'%.40s' is no fuzz target: `vise fuzz` lists them", name);
	}
	cli_path(path, "%s/fuzz/targets/%s.c", tree, name);
	if (access(path, R_OK))
		return cli_fail(ST_USAGE, "'%.40s' is no fuzz target: `vise fuzz` lists them",
				name);
	return 0;
}

/* ---- building ---- */

/* make decides what is stale. 0 or the status. */
static int build(const char *tree, const char *const *goals, bool quiet)
{
	const char *argv[16] = {"make", "-s", "--no-print-directory", "-C", tree};
	unsigned n = 5;
	char log[PATH_MAX];
	struct spawn s = {.argv = argv, .err_fd = -1, .log = log};
	struct err err;
	char *text;
	size_t len;
	int rc;

	while (*goals && n < ARRAY_SIZE(argv) - 1)
		argv[n++] = *goals++;
	/* By process: two at once in one tree keep their own words. */
	cli_path(log, "%s/build/fuzz-build-%ld.log", tree, (long)getpid());
	/* make must not take itself for the child of another make that waits for job slots. */
	unsetenv("MAKEFLAGS");
	unsetenv("MAKELEVEL");
	if (!quiet && isatty(STDERR_FILENO))
		fputs("building ...", stderr);
	rc = cli_spawn_wait(&s, &err);
	if (!quiet && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	if (rc == -ENOENT) {
		rc = cli_fail(ST_START, "make is not installed: install the package make");
	} else if (rc < 0) {
		rc = cli_fail(ST_START, "%s", err.msg);
	} else if (cli_stop) {
		rc = cli_fail(128 + SIGINT, "stopped while %s was built: nothing was run", argv[5]);
	} else if (rc) {
		if (!file_read(log, (uint64_t)1 << 20, (void **)&text, &len, NULL)) {
			fwrite(text, 1, len, stderr);
			free(text);
		}
		rc = cli_fail(ST_START, "%s does not build: what make says is above", argv[5]);
	}
	unlink(log);
	return rc;
}

static int need(const char *tool, const char *package, const char *engine)
{
	struct err err = {0};
	char *path;

	if (guest_find_tool(tool, package, &path, &err))
		return cli_fail(ST_START, "engine %s: %s", engine, err.msg);
	free(path);
	return 0;
}

/* clang may be there without its fuzzer run time. */
static int need_libfuzzer(void)
{
	char dir[64] = "/tmp/vise-rt.XXXXXX";
	const char *const argv[] = {"clang",	 "-fsanitize=fuzzer", "-x",   "c", "-o",
				    "/dev/null", "/dev/null",	      "-###", NULL};
	struct spawn s = {.argv = argv, .err_fd = -1};
	char log[PATH_MAX], *text, *rt;
	size_t len, n;
	int st = need("clang", "clang", "libfuzzer");

	if (st || !mkdtemp(dir))
		return st;
	cli_path(log, "%s/log", dir);
	s.log = log;
	/* -### says, without doing it, which archive it would link. */
	if (!cli_spawn_wait(&s, NULL) &&
	    !file_read(log, (uint64_t)1 << 20, (void **)&text, &len, NULL)) {
		rt = strstr(text, "libclang_rt.fuzzer");
		while (rt && rt > text && rt[-1] != '"')
			rt--;
		if (rt) {
			n = strcspn(rt, "\"");
			rt[n] = '\0';
			if (access(rt, R_OK))
				st = cli_fail(ST_START,
					      "engine libfuzzer: %s is missing: install the "
					      "package libclang-rt-dev (apt) or compiler-rt (dnf)",
					      rt);
		}
		free(text);
	}
	unlink(log);
	rmdir(dir);
	return st;
}

/* ---- the run ---- */

#define SHOWN_MAX 10 /* findings named in the summary */

/* This run's, each as the command to replay it. */
static void show_findings(const struct fuzz_job *job, const struct fuzz_stats *s)
{
	struct dirent **ents;
	char path[PATH_MAX];
	unsigned shown = 0;
	struct stat st;
	int n;

	cli_path(path, "%s/findings", job->out);
	n = s->findings ? scandir(path, &ents, NULL, alphasort) : 0;
	if (n <= 0)
		return;
	printf("findings are in %s; to replay:\n", path);
	for (int i = 0; i < n; i++) {
		cli_path(path, "%s/findings/%s", job->out, ents[i]->d_name);
		if (fuzz_is_finding(ents[i]->d_name) && !stat(path, &st) &&
		    st.st_mtime >= s->since && shown++ < SHOWN_MAX)
			printf("  build/replay/%s '%s'\n", job->target, path);
		free(ents[i]);
	}
	free(ents);
	if (shown > SHOWN_MAX)
		printf("  ... and %u more: see its README\n", shown - SHOWN_MAX);
}

/* Not known is null, as in other objects. */
static void put_more_json(const struct fuzz_stats *s, struct buf *b)
{
	if (s->stability > 0)
		buf_printf(b, "\"stability\":%.2f,", s->stability);
	else
		buf_printf(b, "\"stability\":null,");
	if (s->last_find > 0)
		buf_printf(b, "\"last_find\":%.1f,", s->last_find);
	else
		buf_printf(b, "\"last_find\":null,");
	buf_printf(b, "\"buckets\":[");
	for (unsigned i = 0; i < s->nr_buckets; i++) {
		buf_printf(b, "%s{\"cause\":", i ? "," : "");
		buf_put_json(b, s->bucket[i].cause, strlen(s->bucket[i].cause));
		buf_printf(b, ",\"findings\":%u}", s->bucket[i].findings);
	}
	buf_printf(b, "]");
}

static void show_summary(const struct fuzz_opts *o, const struct fuzz_job *job,
			 const struct fuzz_stats *s, int status)
{
	const char *engine = job->engine == FUZZ_AFL ? "afl" : "libfuzzer";
	double rate = s->seconds > 0 ? (double)s->execs / s->seconds : 0;

	if (o->json) {
		struct buf b = {0};

		buf_printf(&b,
			   "{\"target\":\"%s\",\"engine\":\"%s\",\"status\":%d,\"execs\":%" PRIu64
			   ",\"seconds\":%.1f,\"execs_per_sec\":%.0f,\"coverage\":%" PRIu64
			   ",\"interface\":%" PRIu64 ",\"corpus\":%" PRIu64 ",\"findings\":%" PRIu64
			   ",",
			   job->target, engine, status, s->execs, s->seconds, rate, s->coverage,
			   s->interface, s->corpus, s->findings);
		put_more_json(s, &b);
		buf_printf(&b, ",\"out\":");
		buf_put_json(&b, job->out, strlen(job->out));
		printf("%s}\n", buf_str(&b));
		buf_free(&b);
		return;
	}
	show_findings(job, s);
	for (unsigned i = 0; i < s->nr_buckets; i++)
		printf("  %u of them: %s\n", s->bucket[i].findings, s->bucket[i].cause);
	if (s->unsorted)
		printf("  %u of them: other causes\n", s->unsorted);
	printf("%s on %s: %" PRIu64 " execs in %.0f s (%.0f/s), coverage %" PRIu64 " edges",
	       job->target, engine, s->execs, s->seconds, rate, s->coverage);
	if (s->interface)
		printf(" and %" PRIu64 " of the interface", s->interface);
	printf(", corpus %" PRIu64 ", ", s->corpus);
	if (s->stability > 0)
		printf("%.4g %% stable, ", s->stability);
	if (s->last_find > 0)
		printf("last find after %.0f s, ", s->last_find);
	if (s->findings)
		printf("%" PRIu64 " finding%s\n", s->findings, s->findings == 1 ? "" : "s");
	else
		printf("no findings\n");
}

/* The corpus that came with the tree (ci/corpora): is there one? Why it is not used is said. */
static bool some_corpus(const struct fuzz_job *job, bool quiet, char path[PATH_MAX])
{
	char *why;
	size_t len;

	cli_path(path, "%s/build/corpora/.%s.why", job->tree, job->target);
	if (!quiet && !file_read(path, 65536, (void **)&why, &len, NULL)) {
		fprintf(stderr, "vise: fuzz: %s", why);
		free(why);
	}
	cli_path(path, "%s/build/corpora/%s", job->tree, job->target);
	return fuzz_any_input(path);
}

/* AFL++ refuses to start without a seed. */
static int some_seed(const char *dir, struct err *err)
{
	char path[PATH_MAX];

	if (fuzz_any_input(dir))
		return 0;
	cli_path(path, "%s/empty", dir);
	return file_write(path, "\n", 1, err);
}

static int fuzz(const struct fuzz_opts *o, const struct fuzz_job *base)
{
	struct fuzz_job with = *base, *job = &with;
	char goal[2][PATH_MAX], seeds_goal[PATH_MAX], seeds[PATH_MAX], replay[PATH_MAX];
	char corpus[PATH_MAX];
	bool afl = job->engine == FUZZ_AFL;
	const char *goals[4] = {goal[0], seeds_goal};
	const char *const replay_goals[] = {replay, NULL};
	struct fuzz_stats stats;
	struct err err = {0};
	int rc, st;

	st = afl ? need("afl-fuzz", "afl++ (apt) or american-fuzzy-lop (dnf)", "afl")
		 : need_libfuzzer();
	if (!st && afl)
		st = need("afl-clang-fast", "afl++ (apt) or american-fuzzy-lop (dnf)", "afl");
	if (st)
		return st;
	cli_path(goal[0], "build/%s/%s", afl ? "afl-cmplog" : "fuzz", job->target);
	cli_path(goal[1], "build/afl/%s", job->target);
	cli_path(seeds_goal, "seeds-%s", job->target);
	cli_path(replay, "build/replay/%s", job->target);
	/* One process alone runs the cmplog twin: the plain build is for those beside it. */
	goals[2] = afl && (job->jobs > 1 || job->no_cmplog) ? goal[1] : NULL;
	cli_catch_stop();
	st = build(job->tree, goals, o->quiet);
	if (st)
		return st;
	cli_path(seeds, "%s/build/seeds/%s", job->tree, job->target);
	job->seeds = seeds;
	job->corpus = some_corpus(job, o->quiet, corpus) ? corpus : NULL;
	rc = file_mkdirs(seeds, &err);
	if (!rc)
		rc = some_seed(seeds, &err);
	if (!rc)
		rc = fuzz_run(job, &stats, &err);
	if (rc)
		return cli_fail(ST_START, "%s", err.msg);
	st = stats.findings ? ST_FAIL : ST_PASS;
	/* Its own figure is AFL++'s; a short run has none, and neither has one that was stopped. */
	if (!afl && !cli_stop)
		(void)fuzz_stability(job, &stats);
	/* Only who has a finding needs it; a build that fails has said so and changes nothing. */
	if (stats.findings && !cli_stop)
		build(job->tree, replay_goals, o->quiet);
	show_summary(o, job, &stats, st);
	return st;
}

/* `vise fuzz TARGET FILE...`: the replay program, as it is. */
static int reproduce(const char *tree, const char *target, int argc, char **argv)
{
	char goal[PATH_MAX], prog[PATH_MAX];
	const char *goals[] = {goal, NULL};
	const char **args = calloc((size_t)argc + 2, sizeof(*args));
	struct spawn s = {.argv = args, .err_fd = -1};
	struct err err;
	int rc, st;

	if (!args)
		return cli_fail(ST_START, "no memory");
	cli_path(goal, "build/replay/%s", target);
	cli_path(prog, "%s/%s", tree, goal);
	st = 0;
	for (int i = 0; i < argc && !st; i++) {
		if (access(argv[i], R_OK))
			st = cli_fail(ST_START, "cannot open %s: %s", argv[i], strerror(errno));
		args[i + 1] = argv[i];
	}
	if (!st)
		st = build(tree, goals, false);
	if (!st) {
		args[0] = prog;
		cli_catch_stop();
		rc = cli_spawn_wait(&s, &err);
		if (rc < 0)
			st = cli_fail(ST_START, "%s", err.msg);
		else
			st = rc ? ST_FAIL : ST_PASS;
	}
	free(args);
	return st;
}

static int default_out(char **out, const char *tree, struct err *err)
{
	char *path;

	/* A tree that is not ours to write to cannot build either; but say so only then. */
	if (asprintf(&path, "%s/build/fuzz-out", tree) < 0)
		return err_set(err, -ENOMEM, "no memory");
	if (!file_mkdirs(path, NULL) && !access(path, W_OK)) {
		*out = path;
		return 0;
	}
	free(path);
	return guest_xdg_dir(out, err);
}

/* Absolute, because the engines are told names that the README repeats. */
static char *absolute(const char *base, const char *target)
{
	char cwd[PATH_MAX];
	char *p;

	if (base[0] == '/' || !getcwd(cwd, sizeof(cwd)))
		return asprintf(&p, "%s/%s", base, target) < 0 ? NULL : p;
	return asprintf(&p, "%s/%s/%s", cwd, base, target) < 0 ? NULL : p;
}

static int run(void *opt, int argc, char **argv)
{
	const struct fuzz_opts *o = opt;
	struct fuzz_job job = {.seconds = o->seconds,
			       .jobs = o->jobs ? (unsigned)o->jobs : 1,
			       .seed = o->seed ? o->seed : 1,
			       .status = o->quiet ? NULL : stderr,
			       .terminal = isatty(STDERR_FILENO)};
	char *tree, *base = NULL, *out = NULL;
	struct err err = {0};
	int st;

	if (o->engine && !strcmp(o->engine, "afl"))
		job.engine = FUZZ_AFL;
	else if (o->engine && strcmp(o->engine, "libfuzzer") != 0)
		return cli_fail(ST_USAGE, "--engine '%.40s' is none of: libfuzzer afl", o->engine);
	if (guest_tree_dir(&tree, &err))
		return cli_fail(ST_START, "fuzz targets are in Vise's source tree: run this there");
	st = argc ? check_target(tree, argv[0]) : list_targets(o, tree);
	if (argc && !st && argc > 1) {
		st = reproduce(tree, argv[0], argc - 1, argv + 1);
	} else if (argc && !st) {
		if (!o->out && default_out(&base, tree, &err))
			st = cli_fail(ST_START, "%s", err.msg);
		if (!st && (o->out || base))
			out = absolute(o->out ? o->out : base, argv[0]);
		job.tree = tree;
		job.target = argv[0];
		job.out = out;
		if (!st)
			st = out ? fuzz(o, &job) : cli_fail(ST_START, "no memory");
	}
	free(tree);
	free(base);
	free(out);
	return st;
}

const struct cmd cmd_fuzz = {
	.name = "fuzz",
	.args = "[TARGET [FILE...]]",
	.summary = "fuzz a target, or reproduce a finding",
	.text = "Without words it lists the targets. With TARGET it builds it for the engine (make\n"
		"decides what is stale), runs it from the seeds, the corpus in fuzz/corpora and that of\n"
		"earlier runs, keeps one status line up to date, and ends with a summary; Ctrl-C does so\n"
		"early. Findings go to DIR/TARGET/findings with a README of commands to replay them.\n"
		"\n"
		"Coverage is edges of the code, and where the target counts them what it touched of the\n"
		"interface: a register by width and direction, a kind of chain. Stable is the share of\n"
		"inputs that reach nothing new when they run again (AFL++: its own figure). Findings\n"
		"are counted by what `vise triage` would call their cause.\n"
		"\n"
		"On several machines: ci/afl-sync with AFL++, a folder that all can reach; with\n"
		"libFuzzer, ci/corpora export and import. ci/corpora makes fuzz/corpora.\n"
		"\n"
		"With FILEs it runs those through the target's replay program, under ASan.\n"
		"\n"
		"Exit status: 0 no finding, 1 findings, 2 usage, 3 the engine is missing or the\n"
		"target does not build.",
	.opts = opts,
	.max_args = REPLAY_MAX,
	.size = sizeof(struct fuzz_opts),
	.run = run,
};
