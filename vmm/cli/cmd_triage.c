/* SPDX-License-Identifier: MIT */
/* vise triage: findings by cause, each with a bundle that shows it again. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "triage.h"

#define FINDINGS_MAX 4096u
#define FOLDERS_MAX  6u /* folders within folders */
#define RUNS	     400u
#define SLOW_RUNS    24u /* where each takes the whole time limit */
#define TIMES	     3u
#define TIMEOUT_S    10u
#define MEMORY_MB    2048u

struct triage_opts {
	const char *target, *out;
	uint64_t times, runs, timeout, memory;
	bool json, quiet;
};

static const struct opt opts[] = {
	{"target", 'T', OPT_STR, offsetof(struct triage_opts, target), "TARGET",
	 "whose findings they are; else the nearest folder that is called as a target is", 0, 0},
	{"out", 'o', OPT_STR, offsetof(struct triage_opts, out), "DIR",
	 "bundles go to DIR/TARGET-CAUSE; else to DIR/triage of the findings' DIR", 0, 0},
	{"times", 'n', OPT_U64, offsetof(struct triage_opts, times), "N",
	 "replay each finding N times, 3 unless said", 1, 1000},
	{"runs", 'r', OPT_U64, offsetof(struct triage_opts, runs), "N",
	 "of the replay program, at most, to make one input small, 400 unless said", 1, 1000000},
	{"timeout", 't', OPT_U64, offsetof(struct triage_opts, timeout), "S",
	 "an input that takes longer is a finding, 10 s unless said", 1, 100000},
	{"memory", 0, OPT_U64, offsetof(struct triage_opts, memory), "MB",
	 "a process that takes more is a finding, 2048 unless said", 64, 1u << 20},
	{"json", 0, OPT_FLAG, offsetof(struct triage_opts, json), NULL, "one JSON object a cause",
	 0, 0},
	{"quiet", 'q', OPT_FLAG, offsetof(struct triage_opts, quiet), NULL, "no lines on the way",
	 0, 0},
	{NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0},
};

/* One cause: the smallest input that has it, and how many more there are. */
struct bucket {
	struct triage_verdict v;
	char target[64], dir[PATH_MAX], guest[160];
	char *file;
	uint64_t size, small;
	unsigned findings, same, times;
};

struct work {
	const struct triage_opts *o;
	char *tree, out[PATH_MAX];
	char **file;
	unsigned nr_files, clean;
	struct bucket *b;
	unsigned nr_b;
};

/* ---- what there is -------------------------------------------------------------------------------- */

/* README, .state, plot_data: what engines leave beside their findings. */
static bool is_input(const char *name, bool named)
{
	return named || fuzz_is_finding(name) || !strncmp(name, "id:", 3);
}

static int collect(struct work *w, const char *path, unsigned depth, struct err *err)
{
	struct stat st;
	struct dirent *e;
	int rc = 0;
	DIR *d;

	if (stat(path, &st) < 0)
		return err_set(err, -errno, "cannot read %.100s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode)) {
		const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

		if (!is_input(name, !depth))
			return 0;
		if (w->nr_files == FINDINGS_MAX)
			return err_set(err, -E2BIG, "over %u findings: give some of them",
				       FINDINGS_MAX);
		w->file[w->nr_files] = strdup(path);
		return w->file[w->nr_files++] ? 0 : err_set(err, -ENOMEM, "no memory");
	}
	d = depth < FOLDERS_MAX ? opendir(path) : NULL;
	while (d && !rc && (e = readdir(d))) {
		char sub[PATH_MAX];

		/* AFL++'s queue holds what it has tried, not what failed; bundles are ours. */
		if (e->d_name[0] == '.' || !strcmp(e->d_name, "queue") ||
		    !strcmp(e->d_name, "corpus") || !strcmp(e->d_name, "triage"))
			continue;
		cli_path(sub, "%s/%s", path, e->d_name);
		rc = collect(w, sub, depth + 1, err);
	}
	if (d)
		closedir(d);
	return rc;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool target_exists(const struct work *w, const char *name, size_t len)
{
	char path[PATH_MAX];

	if (!len || len >= 64 || memchr(name, '/', len))
		return false;
	cli_path(path, "%s/fuzz/targets/%.*s.c", w->tree, (int)len, name);
	return !access(path, R_OK);
}

/* The nearest folder above (file) that is called as a target. */
static bool find_target(const struct work *w, const char *file, char out[64])
{
	char full[PATH_MAX];
	const char *end;

	if (w->o->target) {
		(void)snprintf(out, 64, "%s", w->o->target);
		return true;
	}
	if (!realpath(file, full))
		return false;
	for (end = strrchr(full, '/'); end && end > full;
	     end = memrchr(full, '/', (size_t)(end - full))) {
		const char *name = memrchr(full, '/', (size_t)(end - full));

		name = name ? name + 1 : full;
		if (target_exists(w, name, (size_t)(end - name))) {
			(void)snprintf(out, 64, "%.*s", (int)(end - name), name);
			return true;
		}
	}
	return false;
}

/* ---- one finding -------------------------------------------------------------------------------------- */

static int prepare(const struct work *w, struct triage *t, const char *target, struct err *err)
{
	char goal[PATH_MAX];
	const char *const argv[] = {"make", "-s", "--no-print-directory", "-C", w->tree,
				    goal,   NULL};
	char log[PATH_MAX];
	struct spawn s = {.argv = argv, .err_fd = -1, .log = log};
	int rc;

	cli_path(goal, "build/replay/%s", target);
	cli_path(t->prog, "%s/%s", w->tree, goal);
	cli_path(log, "%s/make.log", t->dir);
	t->target = target;
	unsetenv("MAKEFLAGS");
	unsetenv("MAKELEVEL");
	rc = cli_spawn_wait(&s, err);
	if (rc < 0)
		return rc;
	return rc ? err_set(err, -EIO, "%s does not build: say make %s", goal, goal) : 0;
}

static struct bucket *bucket_of(struct work *w, const char *target, const struct triage_verdict *v)
{
	for (unsigned i = 0; i < w->nr_b; i++)
		if (!strcmp(w->b[i].target, target) && w->b[i].v.kind == v->kind &&
		    !strcmp(w->b[i].v.cause, v->cause))
			return &w->b[i];
	return NULL;
}

static int sort_in(struct work *w, struct triage *t, const char *file, struct err *err)
{
	struct triage_verdict v;
	struct bucket *b;
	struct stat st;
	unsigned bad;
	int rc = triage_replay(t, &file, 1, false, &bad, &v, NULL, err);

	if (rc)
		return rc;
	if (v.kind == TRIAGE_CLEAN) {
		w->clean++;
		if (!w->o->quiet)
			fprintf(stderr, "vise: triage: %s: fails no more\n", file);
		return 0;
	}
	if (stat(file, &st) < 0 || (uint64_t)st.st_size > TRIAGE_INPUT_MAX)
		return err_set(err, -EFBIG, "%.100s: over %" PRIu64 " bytes", file,
			       TRIAGE_INPUT_MAX);
	b = bucket_of(w, t->target, &v);
	if (!b) {
		b = &w->b[w->nr_b++];
		*b = (struct bucket){.v = v, .size = UINT64_MAX};
		(void)snprintf(b->target, sizeof(b->target), "%s", t->target);
	}
	b->findings++;
	if ((uint64_t)st.st_size < b->size) {
		b->size = (uint64_t)st.st_size;
		free(b->file);
		b->file = strdup(file);
		if (!b->file)
			return err_set(err, -ENOMEM, "no memory");
	}
	return 0;
}

/* ---- bundles -------------------------------------------------------------------------------------------- */

/* "oracle used-len: used.len N" becomes "oracle-used-len-used-len". */
static void file_name(const char *cause, char *out, size_t room)
{
	size_t n = 0;

	for (; *cause && n + 1 < room; cause++) {
		bool plain = (*cause >= 'a' && *cause <= 'z') || (*cause >= 'A' && *cause <= 'Z') ||
			     (*cause >= '0' && *cause <= '9') || *cause == '_';

		if (plain)
			out[n++] = *cause;
		else if (n && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n && out[n - 1] == '-')
		n--;
	out[n] = '\0';
}

static int put_file(const struct bucket *b, const char *name, const void *p, size_t len,
		    struct err *err)
{
	char path[PATH_MAX];

	cli_path(path, "%s/%s", b->dir, name);
	return file_write(path, p, len, err);
}

/* The steps alone, as a text of their own. */
static void steps(const char *log, struct buf *out)
{
	for (const char *p = log; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (!strncmp(p, "> ", 2))
			buf_printf(out, "%.*s\n", (int)strcspn(p + 2, "\n"), p + 2);
}

/*
 * The guest runs on the ASan build of vise. What it comes to is said in b->guest: the same cause is a
 * proof that a guest reaches it.
 */
static int try_guest(const struct work *w, struct triage *t, struct bucket *b, const char *log,
		     struct err *err)
{
	char why[100], guest[PATH_MAX], vise[PATH_MAX], out[PATH_MAX];
	const char *const make[] = {
		"make", "-s", "--no-print-directory", "-C", w->tree, "build/asan/vise", NULL};
	const char *const argv[] = {vise, "run", "--limit", "100000000", guest, NULL};
	struct spawn s = {.argv = make, .err_fd = -1, .log = out};
	struct triage_verdict v;
	struct buf text = {0};
	void *said;
	size_t len;
	int rc = 0;

	if (!triage_guest(log, b->v.what, &text, why, sizeof(why))) {
		(void)snprintf(b->guest, sizeof(b->guest), "no guest: %s", why);
		buf_free(&text);
		return 0;
	}
	rc = put_file(b, "guest.asm", buf_str(&text), text.len, err);
	buf_free(&text);
	cli_path(guest, "%s/guest.asm", b->dir);
	cli_path(vise, "%s/build/asan/vise", w->tree);
	cli_path(out, "%s/guest.log", t->dir);
	if (!rc)
		rc = cli_spawn_wait(&s, err);
	if (rc)
		return rc < 0 ? rc : err_set(err, -EIO, "build/asan/vise does not build");
	unlink(out);
	s.argv = argv;
	rc = cli_spawn_wait(&s, err);
	if (rc < 0)
		return rc;
	if (file_read(out, (uint64_t)16 << 20, &said, &len, err))
		return -EIO;
	triage_parse(said, WIFSIGNALED(rc) || WEXITSTATUS(rc) > ST_LIMIT ? rc : 0, &v);
	if (v.kind == b->v.kind && !strcmp(v.cause, b->v.cause))
		(void)snprintf(b->guest, sizeof(b->guest), "confirmed reachable from a guest");
	else if (v.kind != TRIAGE_CLEAN)
		(void)snprintf(b->guest, sizeof(b->guest), "a guest ends in another way: %.100s",
			       v.cause);
	else if (b->v.kind == TRIAGE_ORACLE)
		(void)snprintf(b->guest, sizeof(b->guest),
			       "a guest takes the same steps; the check is the target's own");
	else
		(void)snprintf(b->guest, sizeof(b->guest),
			       "a guest that takes the same steps ends well");
	free(said);
	return 0;
}

static void labels(const struct bucket *b, const char *small, struct buf *out)
{
	buf_printf(out,
		   "%s\n\nwhat        %s\ncause       %s\ntarget      %s\nkind        %s\n"
		   "reproduced  %u of %u\nfindings    %u\ninput       %" PRIu64
		   " bytes, of %" PRIu64
		   "\nplace       %s\nat          %s\naccess      %s\nguest       %s\n\n"
		   "In the source tree:\n  vise fuzz %s %s\n",
		   b->v.what, b->v.what, b->v.cause, b->target, triage_kind_name(b->v.kind),
		   b->same, b->times, b->findings, b->small, b->size,
		   b->v.place[0] ? b->v.place : "-", b->v.where[0] ? b->v.where : "-",
		   b->v.access[0] ? b->v.access : "-", b->guest, b->target, small);
}

static int bundle(struct work *w, struct triage *t, struct bucket *b, struct err *err)
{
	uint64_t runs = w->o->runs ? w->o->runs : RUNS;
	struct triage_verdict v;
	struct buf text = {0};
	char name[100], small[PATH_MAX], *log = NULL;
	const char *file = small;
	unsigned bad;
	void *bytes;
	size_t len;
	int rc;

	file_name(b->v.cause, name, sizeof(name));
	cli_path(b->dir, "%s/%s-%s", w->out, b->target, name);
	cli_path(small, "%s/input", b->dir);
	rc = file_mkdirs(b->dir, err);
	if (rc || file_read(b->file, TRIAGE_INPUT_MAX, &bytes, &len, err))
		return rc ? rc : -EIO;
	rc = put_file(b, "original", bytes, len, err);
	t->runs = 0;
	if (b->v.kind == TRIAGE_TIMEOUT && runs > SLOW_RUNS)
		runs = SLOW_RUNS;
	if (!rc)
		rc = triage_minimise(t, bytes, &len, &b->v, (unsigned)runs, err);
	b->small = len;
	if (!rc)
		rc = put_file(b, "input", bytes, len, err);
	b->times = w->o->times ? (unsigned)w->o->times : TIMES;
	for (unsigned i = 0; i < b->times && !rc; i++) {
		free(log);
		log = NULL;
		rc = triage_replay(t, &file, 1, i == b->times - 1, &bad, &v, &log, err);
		if (!rc && v.kind == b->v.kind && !strcmp(v.cause, b->v.cause)) {
			b->v = v;
			b->same++;
		}
	}
	if (!rc)
		rc = put_file(b, "log", log, strlen(log), err);
	if (!rc)
		rc = try_guest(w, t, b, log, err);
	if (!rc) {
		steps(log, &text);
		rc = text.len ? put_file(b, "trace", buf_str(&text), text.len, err) : 0;
		buf_free(&text);
	}
	if (!rc) {
		triage_unit_test(b->target, b->v.what, bytes, len, &text);
		rc = put_file(b, "test.c", buf_str(&text), text.len, err);
		buf_free(&text);
	}
	if (!rc) {
		labels(b, small, &text);
		rc = put_file(b, "README", buf_str(&text), text.len, err);
		buf_free(&text);
	}
	free(bytes);
	free(log);
	return rc;
}

/* ---- the report -------------------------------------------------------------------------------------------- */

static void put_key(struct buf *out, const char *key, const char *val)
{
	buf_printf(out, ",\"%s\":", key);
	buf_put_json(out, val, strlen(val));
}

static void show(const struct triage_opts *o, const struct bucket *b)
{
	struct buf out = {0};

	if (!o->json) {
		printf("%s: %s\n  %s%s%s\n  reproduced %u of %u, %u finding%s, %" PRIu64
		       " bytes of %" PRIu64 "\n  %s\n  %s\n",
		       b->target, b->v.what, b->v.place[0] ? b->v.place : "no place",
		       b->v.where[0] ? ", " : "", b->v.where, b->same, b->times, b->findings,
		       b->findings == 1 ? "" : "s", b->small, b->size, b->guest, b->dir);
		return;
	}
	buf_printf(&out, "{\"target\":\"%s\",\"kind\":\"%s\"", b->target,
		   triage_kind_name(b->v.kind));
	put_key(&out, "cause", b->v.cause);
	put_key(&out, "what", b->v.what);
	put_key(&out, "place", b->v.place);
	put_key(&out, "at", b->v.where);
	put_key(&out, "access", b->v.access);
	put_key(&out, "guest", b->guest);
	put_key(&out, "bundle", b->dir);
	printf("%s,\"findings\":%u,\"reproduced\":%u,\"of\":%u,\"bytes\":%" PRIu64
	       ",\"original_bytes\":%" PRIu64 "}\n",
	       buf_str(&out), b->findings, b->same, b->times, b->small, b->size);
	buf_free(&out);
}

/* ---- the command ---------------------------------------------------------------------------------------------- */

static int triage_all(struct work *w, struct triage *t, struct err *err)
{
	char target[64], last[64] = "";
	int rc = 0;

	qsort(w->file, w->nr_files, sizeof(*w->file), by_text);
	for (unsigned i = 0; i < w->nr_files && !rc; i++) {
		if (!find_target(w, w->file[i], target) ||
		    !target_exists(w, target, strlen(target)))
			return err_set(
				err, -EINVAL,
				"%.80s: of which target? Give --target; `vise fuzz` lists them",
				w->file[i]);
		if (strcmp(target, last) != 0)
			rc = prepare(w, t, target, err);
		memcpy(last, target, sizeof(last));
		if (!rc)
			rc = sort_in(w, t, w->file[i], err);
	}
	last[0] = '\0';
	for (unsigned i = 0; i < w->nr_b && !rc; i++) {
		if (strcmp(w->b[i].target, last) != 0)
			rc = prepare(w, t, w->b[i].target, err);
		memcpy(last, w->b[i].target, sizeof(last));
		if (!rc)
			rc = bundle(w, t, &w->b[i], err);
		if (!rc)
			show(w->o, &w->b[i]);
	}
	return rc;
}

static void clean_up(struct work *w, const struct triage *t)
{
	static const char *const names[] = {"log", "make.log", "guest.log"};
	char path[PATH_MAX];

	for (unsigned i = 0; t->dir[0] && i < ARRAY_SIZE(names); i++) {
		cli_path(path, "%s/%s", t->dir, names[i]);
		unlink(path);
	}
	for (unsigned i = 0; t->dir[0] && i < 32; i++) {
		cli_path(path, "%s/try%u", t->dir, i);
		unlink(path);
	}
	if (t->dir[0])
		rmdir(t->dir);
	for (unsigned i = 0; i < w->nr_files; i++)
		free(w->file[i]);
	for (unsigned i = 0; i < w->nr_b; i++)
		free(w->b[i].file);
	free(w->file);
	free(w->b);
	free(w->tree);
}

/* Beside the findings, unless it is said where. */
static int out_folder(struct work *w, const char *arg, struct err *err)
{
	struct stat st;
	char full[PATH_MAX];

	if (w->o->out) {
		cli_path(w->out, "%s", w->o->out);
	} else if (!realpath(arg, full) || stat(full, &st) < 0) {
		return err_set(err, -errno, "cannot read %.100s: %s", arg, strerror(errno));
	} else {
		if (!S_ISDIR(st.st_mode) && strrchr(full, '/'))
			*strrchr(full, '/') = '\0';
		cli_path(w->out, "%s/triage", full);
	}
	return file_mkdirs(w->out, err);
}

static int run(void *opt, int argc, char **argv)
{
	const struct triage_opts *o = opt;
	struct work w = {.o = o};
	struct triage t = {.timeout = o->timeout ? o->timeout : TIMEOUT_S,
			   .memory_mb = o->memory ? o->memory : MEMORY_MB};
	struct err err = {0};
	int rc = 0, st = ST_PASS;

	if (!argc)
		return cli_fail(ST_USAGE, "triage: give a folder of findings, or findings");
	if (guest_tree_dir(&w.tree, &err))
		return cli_fail(ST_START, "fuzz targets are in Vise's source tree: run this there");
	t.tree = w.tree;
	w.file = calloc(FINDINGS_MAX, sizeof(*w.file));
	w.b = calloc(FINDINGS_MAX, sizeof(*w.b));
	cli_path(t.dir, "/tmp/vise-triage.XXXXXX");
	cli_catch_stop();
	if (!w.file || !w.b)
		rc = err_set(&err, -ENOMEM, "no memory");
	if (!rc && !mkdtemp(t.dir)) {
		rc = err_set(&err, -errno, "cannot make a temporary folder: %s", strerror(errno));
		t.dir[0] = '\0';
	}
	for (int i = 0; i < argc && !rc; i++)
		rc = collect(&w, argv[i], 0, &err);
	if (!rc && w.nr_files)
		rc = out_folder(&w, argv[0], &err);
	if (!rc)
		rc = triage_all(&w, &t, &err);
	if (rc)
		st = cli_fail(ST_START, "triage: %s", err.msg);
	else if (!o->json)
		printf("%u finding%s, %u cause%s, %u that fail%s no more\n", w.nr_files,
		       w.nr_files == 1 ? "" : "s", w.nr_b, w.nr_b == 1 ? "" : "s", w.clean,
		       w.clean == 1 ? "s" : "");
	if (!st && w.nr_b)
		st = ST_FAIL;
	clean_up(&w, &t);
	return st;
}

const struct cmd cmd_triage = {
	.name = "triage",
	.args = "DIR|FILE...",
	.summary = "sort findings by cause, make them small, leave a bundle for each",
	.text = "Replays every finding under ASan, puts those of one cause together, takes the shortest\n"
		"and makes it shorter while its cause stays, replays that again and says how often it\n"
		"fails. Timeouts and too much memory are findings too.\n"
		"\n"
		"A bundle is a folder: README (labels, and the command that shows it again), input,\n"
		"original, log, trace (the steps that the target took), test.c (make finding\n"
		"TARGET=T FILE=test.c), and where all steps are ones that a guest can take, guest.asm,\n"
		"which is run on the ASan build: `confirmed reachable from a guest` if it fails alike.\n"
		"\n"
		"Exit status: 0 nothing fails, 1 something does, 2 usage, 3 a target does not build or\n"
		"a file is missing.",
	.opts = opts,
	.max_args = 256,
	.size = sizeof(struct triage_opts),
	.run = run,
};
