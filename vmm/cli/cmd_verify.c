/* SPDX-License-Identifier: MIT */
/* vise verify: does a guest run the same way every time? See verify.h for how the parts play. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verify.h"

#define RUNS	 8u
#define EVERY	 16384u
#define JOBS_MAX 64u
#define PIECES	 256u /* an interval that holds the difference is looked at in so many steps */
#define TRIES	 8u   /* pairs of runs until one of them differs again */
#define SHOWN	 12u  /* differing things that are listed */
#define ARGS	 128u

static const struct opt opts[] = {
	GUEST_OPTS(struct verify_opts),
	{"runs", 'n', OPT_U64, offsetof(struct verify_opts, runs), "N", "runs, 8 unless said", 2,
	 1000000},
	{"every", 0, OPT_U64, offsetof(struct verify_opts, every), "N",
	 "instructions (kvm: exits) between hashes, 16384 unless said; twice as many after each 1024",
	 1, (uint64_t)1 << 40},
	{"jobs", 'j', OPT_U64, offsetof(struct verify_opts, jobs), "N",
	 "runs at the same time, 2 unless said", 1, JOBS_MAX},
	{"host-seed", 0, OPT_U64, offsetof(struct verify_opts, host_seed), "N",
	 "the seed of the host conditions", 0, 0},
	{"with", 0, OPT_STRS, offsetof(struct verify_opts, with), "VISE",
	 "another build of vise that takes its turn; may be given again", 0, 0},
	{"worker", 0, OPT_STR, offsetof(struct verify_opts, worker), "PLAN",
	 "verify itself uses it: be one of the runs", 0, 0},
	{NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0},
};

/* A worker, and what it left. */
struct job {
	uint64_t nr; /* which run; its conditions come from it */
	pid_t pid, burner;
	int fd;
	const char *build;
	void *notes; /* mapped */
	size_t len;
};

struct verify {
	const struct verify_opts *o;
	char *argv[ARGS + 4]; /* ours, with room for --worker PLAN */
	char *cmdline, plan[128], self[PATH_MAX];
	bool soft;
	uint64_t next_nr; /* of pairs that look closer */
	struct err err;
};

/* ---- starting runs ---------------------------------------------------------------------------- */

/* Our own command line, to be given again with a plan in it: VISE verify --worker PLAN ... */
static int read_cmdline(struct verify *v)
{
	unsigned argc = 0, shift = 0;
	void *p;
	size_t len;

	if (cli_self(v->self, sizeof(v->self), &v->err))
		return v->err.code;
	if (file_read("/proc/self/cmdline", 1 << 20, &p, &len, &v->err))
		return v->err.code;
	v->cmdline = p;
	for (size_t at = 0; at < len; at += strlen(v->cmdline + at) + 1) {
		if (argc == ARGS)
			return err_set(&v->err, -E2BIG, "more than %u arguments", ARGS);
		if (argc == 2)
			shift = 2;
		v->argv[argc++ + shift] = v->cmdline + at;
	}
	v->argv[2] = "--worker";
	v->argv[3] = v->plan;
	return 0;
}

static uint64_t host_seed(const struct verify *v, uint64_t nr)
{
	uint8_t bytes[16];

	/* The first run is the plain one. */
	if (!nr)
		return 0;
	st_le64(bytes, v->o->host_seed);
	st_le64(bytes + 8, nr);
	return hash64(1, bytes, sizeof(bytes)) | 1;
}

/* Another process that keeps a CPU busy as long as we live or it is told to end. */
static pid_t start_burner(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (volatile unsigned i = 0;; i++)
		;
}

static int start(struct verify *v, struct job *j, const struct verify_plan *plan)
{
	struct verify_host host;

	/* read(2) of the notes is by mapping them: the worker's end of the file is all that there is. */
	j->fd = memfd_create("vise-verify", 0);
	if (j->fd < 0)
		return err_set(&v->err, -errno, "no file for a run's notes: %s", strerror(errno));
	verify_host_draw(&host, host_seed(v, j->nr));
	j->build = v->o->with.n ? v->o->with.v[j->nr % (v->o->with.n + 1) - 1] : NULL;
	if (!v->o->with.n || !(j->nr % (v->o->with.n + 1)))
		j->build = v->self;
	(void)snprintf(v->plan, sizeof(v->plan),
		       "%d:%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%d", j->fd,
		       host_seed(v, j->nr), plan->from, plan->every, plan->until, plan->dump);
	fflush(NULL);
	j->burner = host.busy ? start_burner() : -1;
	j->pid = fork();
	if (!j->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (j->nr)
			verify_host_before(&host);
		execv(j->build, v->argv);
		dprintf(STDERR_FILENO, "vise: cannot start %s: %s\n", j->build, strerror(errno));
		_exit(ST_START);
	}
	return j->pid < 0 ? err_set(&v->err, -errno, "cannot start a run: %s", strerror(errno)) : 0;
}

static void end_job(struct job *j)
{
	if (j->pid > 0) {
		kill(j->pid, SIGKILL);
		waitpid(j->pid, NULL, 0);
	}
	if (j->burner > 0) {
		kill(j->burner, SIGKILL);
		waitpid(j->burner, NULL, 0);
	}
	j->pid = j->burner = -1;
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
}

static void forget(struct job *j)
{
	end_job(j);
	if (j->notes)
		munmap(j->notes, j->len);
	j->notes = NULL;
}

static const struct verify_head *head(const struct job *j)
{
	return j->notes;
}

static const struct verify_mark *marks(const struct job *j)
{
	return (const void *)((const char *)j->notes + sizeof(struct verify_head));
}

static const char *dump(const struct job *j)
{
	return (const char *)(marks(j) + head(j)->nr_marks);
}

/* The worker has ended with (status): take its notes. */
static int collect(struct verify *v, struct job *j, int status)
{
	struct stat st;
	uint64_t need;

	j->pid = -1;
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		/* It has said why. */
		v->err.code = -ECHILD;
		return err_set(&v->err, -ECHILD, "run %" PRIu64 " ended with %s %d", j->nr + 1,
			       WIFEXITED(status) ? "status" : "signal",
			       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	}
	if (fstat(j->fd, &st) || st.st_size < (off_t)sizeof(struct verify_head))
		return err_set(&v->err, -EIO, "run %" PRIu64 " left no notes", j->nr + 1);
	j->len = (size_t)st.st_size;
	j->notes = mmap(NULL, j->len, PROT_READ, MAP_PRIVATE, j->fd, 0);
	if (j->notes == MAP_FAILED) {
		j->notes = NULL;
		return err_set(&v->err, -ENOMEM, "no memory for a run's notes");
	}
	need = sizeof(struct verify_head) + head(j)->nr_marks * sizeof(struct verify_mark) +
	       head(j)->dump_len;
	if (head(j)->magic != VERIFY_MAGIC || !head(j)->nr_marks || need != j->len)
		return err_set(&v->err, -EIO, "the notes of run %" PRIu64 " are not of this build",
			       j->nr + 1);
	end_job(j);
	return 0;
}

/* Wait for one of (n) jobs that run: its index, or -errno. */
static int wait_one(struct verify *v, struct job *jobs, unsigned n)
{
	int status;

	for (;;) {
		pid_t pid = waitpid(-1, &status, 0);

		if (cli_stop)
			return err_set(&v->err, -EINTR, "interrupted");
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return err_set(&v->err, -errno, "a run was lost: %s", strerror(errno));
		for (unsigned i = 0; i < n; i++)
			if (jobs[i].pid == pid) {
				int rc = collect(v, &jobs[i], status);

				return rc ? rc : (int)i;
			}
	}
}

/* ---- comparing -------------------------------------------------------------------------------- */

static bool same_mark(const struct verify_mark *a, const struct verify_mark *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* The index of the first mark that differs, UINT64_MAX when all are the same. */
static uint64_t first_difference(const struct job *a, const struct job *b)
{
	uint64_t na = head(a)->nr_marks, nb = head(b)->nr_marks, n = na < nb ? na : nb;

	for (uint64_t i = 0; i < n; i++)
		if (!same_mark(&marks(a)[i], &marks(b)[i]))
			return i;
	return na == nb ? UINT64_MAX : n;
}

/* The same marks; also the same end? */
static bool same_end(const struct verify *v, const struct job *a, const struct job *b)
{
	const struct verify_head *x = head(a), *y = head(b);

	return x->ended == y->ended && x->exits == y->exits && x->verdict == y->verdict &&
	       (!v->soft ||
		(x->hash == y->hash && x->icount == y->icount && !strcmp(x->reason, y->reason)));
}

/* Where it is known to be: equal after (low) instructions, not equal after (high). */
struct interval {
	uint64_t low, high;
};

static void narrow(const struct job *a, const struct job *b, uint64_t i, struct interval *in)
{
	const struct job *longer = head(a)->nr_marks > i ? a : b;
	uint64_t at_a = head(a)->nr_marks > i ? marks(a)[i].at : UINT64_MAX;
	uint64_t at_b = head(b)->nr_marks > i ? marks(b)[i].at : UINT64_MAX;

	in->low = i ? marks(longer)[i - 1].at : 0;
	/* One of them came to its end earlier: there they differ at the latest. */
	in->high = at_a < at_b ? at_a : at_b;
}

/* Two runs by the same plan, under the conditions of two runs; both are left to be looked at. */
static int run_pair(struct verify *v, struct job pair[2], const struct verify_plan *plan)
{
	int rc = start(v, &pair[0], plan);

	if (!rc)
		rc = start(v, &pair[1], plan);
	for (unsigned i = 0; i < 2 && rc >= 0; i++)
		rc = wait_one(v, pair, 2);
	return rc < 0 ? rc : 0;
}

/*
 * Pairs of runs that note more and more closely, until one instruction is left. A difference that
 * comes by chance may not come again under the same conditions: then others are tried. 1: found,
 * 0: it did not come again, or -errno. (pair) holds the last two when it is 1, with dumps.
 */
static int look_closer(struct verify *v, struct job pair[2], uint64_t nr, struct interval *in)
{
	for (unsigned tries = 0; tries < TRIES;) {
		uint64_t width = in->high - in->low, i;
		struct verify_plan plan = {.from = in->low, .until = in->high};
		int rc;

		plan.every = width > PIECES ? (width + PIECES - 1) / PIECES : 1;
		plan.dump = width == 1;
		pair[0] = (struct job){.nr = 0, .fd = -1, .pid = -1, .burner = -1};
		pair[1] = pair[0];
		pair[1].nr = tries ? v->next_nr++ : nr;
		rc = run_pair(v, pair, &plan);
		if (rc)
			return rc;
		i = first_difference(&pair[0], &pair[1]);
		if (i != UINT64_MAX && width == 1)
			return 1;
		if (i != UINT64_MAX && (i || !in->low)) {
			narrow(&pair[0], &pair[1], i, in);
			tries = 0;
			nr = pair[1].nr;
		} else if (i == 0) {
			/* Not equal where it should be: this time it came earlier. */
			in->high = in->low;
			in->low = 0;
		} else {
			tries++;
		}
		forget(&pair[0]);
		forget(&pair[1]);
	}
	return 0;
}

/* ---- what differs ------------------------------------------------------------------------------ */

struct thing {
	char what[120];
	char val[2][80];
};

struct finding {
	struct interval in;
	bool exact;
	char insn[120];
	struct thing thing[SHOWN];
	unsigned nr, more;
	char suspect[160];
	struct buf host[2];
	uint64_t runs[2];
};

static const char *find_line(const char *text, size_t len, const char *key, size_t key_len)
{
	const char *end = text + len;

	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (!nl)
			return NULL;
		if ((size_t)(nl - p) >= key_len && !memcmp(p, key, key_len))
			return p;
		p = nl + 1;
	}
	return NULL;
}

static void add_thing(struct finding *f, const char *what, const char *a, const char *b)
{
	struct thing *t = &f->thing[f->nr];

	if (f->nr == SHOWN) {
		f->more++;
		return;
	}
	f->nr++;
	(void)snprintf(t->what, sizeof(t->what), "%s", what);
	(void)snprintf(t->val[0], sizeof(t->val[0]), "%s", a);
	(void)snprintf(t->val[1], sizeof(t->val[1]), "%s", b);
}

/* The first byte that differs in two pages of hex digits; an empty one was not written. */
static void add_page(struct finding *f, const char *gpa, const char *a, const char *b)
{
	char what[64], val[2][3] = {"", ""};
	uint64_t base = 0, at = 0;

	if (!*a || !*b) {
		(void)snprintf(what, sizeof(what), "memory page %.20s", gpa);
		add_thing(f, what, *a ? "written" : "not written", *b ? "written" : "not written");
		return;
	}
	while (a[2 * at] && a[2 * at] == b[2 * at] && a[2 * at + 1] == b[2 * at + 1])
		at++;
	memcpy(val[0], a + 2 * at, 2);
	memcpy(val[1], b + 2 * at, 2);
	(void)parse_u64(gpa, &base);
	(void)snprintf(what, sizeof(what), "memory 0x%" PRIx64, base + at);
	add_thing(f, what, val[0], val[1]);
}

/* The lines of (a) that (b) does not have so. Each is seen from both sides: the second skips. */
static int compare_dump(struct finding *f, const struct job *a, const struct job *b, bool back)
{
	char *mine = strndup(dump(a), head(a)->dump_len), *line, *save = NULL;

	if (!mine)
		return -ENOMEM;
	for (line = strtok_r(mine, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *name = strchr(line, '\t'), *val = name ? strchr(name + 1, '\t') : NULL;
		const char *other;
		char *theirs = NULL, what[100];
		size_t key;

		if (!val)
			continue;
		key = (size_t)(val - line) + 1;
		other = find_line(dump(b), head(b)->dump_len, line, key);
		if (other && back)
			continue;
		if (other) {
			theirs = strndup(other + key, strcspn(other + key, "\n"));
			if (!theirs) {
				free(mine);
				return -ENOMEM;
			}
			if (!strcmp(theirs, val + 1)) {
				free(theirs);
				continue;
			}
		}
		*name = *val = '\0';
		if (!strcmp(line, "page")) {
			add_page(f, name + 1, back ? "" : val + 1,
				 back	  ? val + 1
				 : theirs ? theirs
					  : "");
		} else if (strcmp(line, "insn") != 0) {
			const char *none = !strcmp(line, "event") ? "none" : "0x0";
			size_t n = strlen(name + 1);

			/* A field that is no array needs no index. */
			if (n > 3 && !strcmp(name + 1 + n - 3, "[0]"))
				name[1 + n - 3] = '\0';
			(void)snprintf(what, sizeof(what), "%s %s", line, name + 1);
			add_thing(f, what, back ? none : val + 1,
				  back	   ? val + 1
				  : theirs ? theirs
					   : none);
		}
		free(theirs);
	}
	free(mine);
	return 0;
}

static const struct thing *thing_of(const struct finding *f, const char *kind)
{
	for (unsigned i = 0; i < f->nr; i++)
		if (!strncmp(f->thing[i].what, kind, strlen(kind)))
			return &f->thing[i];
	return NULL;
}

/* What came in from outside comes before what was made of it. */
static void suspect(struct finding *f)
{
	const struct thing *t;

	if ((t = thing_of(f, "event 1")) != NULL)
		(void)snprintf(f->suspect, sizeof(f->suspect),
			       "what is outside of the CPU: this exit is '%.40s' or '%.40s'",
			       t->val[0], t->val[1]);
	else if ((t = thing_of(f, "dev ")) != NULL)
		(void)snprintf(f->suspect, sizeof(f->suspect), "the device that has the field %s",
			       t->what + 4);
	else if ((t = thing_of(f, "memory")) != NULL)
		(void)snprintf(f->suspect, sizeof(f->suspect), "what wrote %s", t->what);
	else if ((t = thing_of(f, "cpu ")) != NULL)
		(void)snprintf(f->suspect, sizeof(f->suspect),
			       "the CPU, this instruction: register %s", t->what + 4);
	else if ((t = thing_of(f, "clock")) != NULL)
		(void)snprintf(f->suspect, sizeof(f->suspect), "the clock: %s", t->what + 6);
	else
		(void)snprintf(f->suspect, sizeof(f->suspect), "how or when it ends");
}

static int explain(struct finding *f, const struct job pair[2])
{
	char *key = "insn\t";
	const char *insn = find_line(dump(&pair[0]), head(&pair[0])->dump_len, key, strlen(key));
	int rc = compare_dump(f, &pair[0], &pair[1], false);

	if (!rc)
		rc = compare_dump(f, &pair[1], &pair[0], true);
	if (insn) {
		(void)snprintf(f->insn, sizeof(f->insn), "%.*s", (int)strcspn(insn + 5, "\n"),
			       insn + 5);
		f->insn[strcspn(f->insn, "\t")] = ' ';
	}
	suspect(f);
	return rc;
}

static int investigate(struct verify *v, const struct job *ref, const struct job *j,
		       struct finding *f)
{
	uint64_t i = first_difference(ref, j);
	struct job pair[2];
	struct verify_host host;
	int rc;

	if (i == UINT64_MAX)
		i = head(ref)->nr_marks - 1;
	narrow(ref, j, i, &f->in);
	f->runs[0] = ref->nr + 1;
	f->runs[1] = j->nr + 1;
	rc = look_closer(v, pair, j->nr, &f->in);
	if (rc < 0)
		return rc;
	f->exact = rc == 1;
	if (f->exact) {
		rc = explain(f, pair);
		for (unsigned k = 0; k < 2; k++) {
			verify_host_draw(&host, host_seed(v, pair[k].nr));
			verify_host_text(&host, &f->host[k]);
			forget(&pair[k]);
		}
	}
	return rc < 0 ? rc : 0;
}

/* ---- what is said ------------------------------------------------------------------------------ */

static void put_text(struct buf *b, const char *key, const char *s)
{
	buf_printf(b, ",\"%s\":", key);
	if (s)
		buf_put_json(b, s, strlen(s));
	else
		buf_printf(b, "null");
}

struct sums {
	uint64_t runs, compared; /* instructions, or exits on kvm */
	bool deterministic;
};

static void say_json(const struct verify *v, const char *guest, const char *verdict,
		     const struct sums *s, const struct job *ref, const struct finding *f)
{
	struct buf b = {0};

	buf_printf(&b, "{\"verify\":");
	buf_put_json(&b, guest, strlen(guest));
	buf_printf(&b,
		   ",\"cpu\":\"%s\",\"verdict\":\"%s\",\"runs\":%" PRIu64 ",\"length\":%" PRIu64
		   ",\"compared\":%" PRIu64 ",\"unit\":\"%s\",\"hash\":",
		   v->soft ? "soft" : "kvm", verdict, s->runs,
		   v->soft ? head(ref)->icount : head(ref)->exits, s->compared,
		   v->soft ? "instructions" : "exits");
	if (v->soft)
		buf_printf(&b, "\"%016" PRIx64 "\"", head(ref)->hash);
	else
		buf_printf(&b, "null");
	buf_printf(&b, ",\"after\":");
	if (f)
		buf_printf(&b, "%" PRIu64 ",\"at\":%" PRIu64, f->in.low, f->in.high);
	else
		buf_printf(&b, "null,\"at\":null");
	buf_printf(&b, ",\"exact\":%s", f && f->exact ? "true" : "false");
	put_text(&b, "insn", f && f->exact ? f->insn : NULL);
	put_text(&b, "suspect", f && f->exact ? f->suspect : NULL);
	buf_printf(&b, ",\"differs\":[");
	for (unsigned i = 0; f && i < f->nr; i++) {
		buf_printf(&b, "%s{\"what\":", i ? "," : "");
		buf_put_json(&b, f->thing[i].what, strlen(f->thing[i].what));
		put_text(&b, "a", f->thing[i].val[0]);
		put_text(&b, "b", f->thing[i].val[1]);
		buf_printf(&b, "}");
	}
	buf_printf(&b, "]}\n");
	fputs(buf_str(&b), stdout);
	buf_free(&b);
}

static void say_finding(const struct verify *v, const char *guest, const struct finding *f)
{
	const char *unit = v->soft ? "instruction" : "exit";

	if (!f->exact) {
		printf("%s: runs %" PRIu64 " and %" PRIu64 " are not the same after %s %" PRIu64
		       " and were after %" PRIu64
		       "; it did not come again in %u more pairs of runs\n",
		       guest, f->runs[0], f->runs[1], unit, f->in.high, f->in.low, TRIES);
		return;
	}
	printf("%s: runs %" PRIu64 " and %" PRIu64 " part at %s %" PRIu64 "\n", guest, f->runs[0],
	       f->runs[1], unit, f->in.high);
	if (f->insn[0])
		printf("    instruction   %s\n", f->insn);
	for (unsigned i = 0; i < f->nr; i++)
		printf("    %-24s %s | %s\n", f->thing[i].what, f->thing[i].val[0],
		       f->thing[i].val[1]);
	if (f->more)
		printf("    and %u more\n", f->more);
	printf("    suspect       %s\n", f->suspect);
	for (unsigned k = 0; k < 2; k++)
		printf("    host %c        %s\n", 'a' + (char)k, buf_str(&f->host[k]));
}

static int say_same(const struct verify *v, const char *guest, const struct sums *s,
		    const struct job *ref)
{
	bool limit = head(ref)->verdict == VM_LIMIT;
	const char *verdict = !v->soft && !s->deterministic ? "none" : "same";

	if (v->o->g.json)
		say_json(v, guest, verdict, s, ref, NULL);
	else if (!v->soft && !s->deterministic)
		printf("%s: nothing is promised on kvm: it sees the host's time\n", guest);
	else if (v->soft)
		printf("%s: the same in %" PRIu64 " runs of %" PRIu64 " instructions, %" PRIu64
		       " compared, hash %016" PRIx64 "%s\n",
		       guest, s->runs, head(ref)->icount, s->compared, head(ref)->hash,
		       limit ? ", up to the limit" : "");
	else
		printf("%s: the same %" PRIu64 " exits in %" PRIu64
		       " runs on kvm, where no more is promised\n",
		       guest, head(ref)->exits, s->runs);
	if (!v->soft && !s->deterministic)
		return ST_SKIP;
	return limit ? ST_LIMIT : ST_PASS;
}

/* ---- the runs ----------------------------------------------------------------------------------- */

static void add_run(struct sums *s, const struct verify *v, const struct job *j)
{
	s->runs++;
	s->compared += v->soft ? head(j)->icount : head(j)->exits;
	s->deterministic = s->deterministic && head(j)->deterministic;
}

/* The first that is not as run 1 was stays in *odd. 0, or -errno. */
static int run_all(struct verify *v, struct job *ref, struct job *odd, struct sums *s)
{
	const struct verify_plan plan = {.every = v->o->every ? v->o->every : EVERY,
					 .until = UINT64_MAX};
	uint64_t runs = v->o->runs ? v->o->runs : RUNS, started = 1;
	unsigned width = v->o->jobs ? (unsigned)v->o->jobs : 2, busy = 0;
	struct job jobs[JOBS_MAX];
	int rc = start(v, ref, &plan);

	if (!rc)
		rc = wait_one(v, ref, 1);
	if (rc < 0)
		return rc;
	add_run(s, v, ref);
	for (unsigned i = 0; i < width; i++)
		jobs[i] = (struct job){.fd = -1, .pid = -1, .burner = -1};
	while (rc >= 0 && !odd->notes && (started < runs || busy)) {
		for (unsigned i = 0; i < width && started < runs && rc >= 0; i++) {
			if (jobs[i].pid > 0)
				continue;
			jobs[i].nr = started++;
			rc = start(v, &jobs[i], &plan);
			busy += !rc;
		}
		if (rc >= 0)
			rc = wait_one(v, jobs, width);
		if (rc < 0)
			break;
		busy--;
		add_run(s, v, &jobs[rc]);
		if (first_difference(ref, &jobs[rc]) != UINT64_MAX ||
		    !same_end(v, ref, &jobs[rc])) {
			*odd = jobs[rc];
			jobs[rc] = (struct job){.fd = -1, .pid = -1, .burner = -1};
		} else {
			forget(&jobs[rc]);
		}
	}
	for (unsigned i = 0; i < width; i++)
		forget(&jobs[i]);
	return rc < 0 ? rc : 0;
}

static int verify(struct verify *v, const char *guest)
{
	struct job ref = {.fd = -1, .pid = -1, .burner = -1}, odd = ref;
	struct sums sums = {.deterministic = true};
	struct finding f = {0};
	int st, rc = run_all(v, &ref, &odd, &sums);

	v->next_nr = v->o->runs ? v->o->runs : RUNS;
	if (!rc && odd.notes)
		rc = investigate(v, &ref, &odd, &f);
	if (rc) {
		st = cli_fail(ST_START, "%s: %s", guest,
			      v->err.msg[0] ? v->err.msg : strerror(-rc));
	} else if (odd.notes) {
		if (v->o->g.json)
			say_json(v, guest, "differs", &sums, &ref, &f);
		else
			say_finding(v, guest, &f);
		st = ST_FAIL;
	} else {
		st = say_same(v, guest, &sums, &ref);
	}
	forget(&ref);
	forget(&odd);
	buf_free(&f.host[0]);
	buf_free(&f.host[1]);
	return st;
}

/* What is wrong with the guest is better said once than by each run. */
static int check(struct verify *v, int argc, char **argv, char name[PATH_MAX])
{
	struct cli_guest g;
	int st = cli_guest_open(&g, &v->o->g, argc, argv, &v->err);

	if (st)
		return st;
	(void)snprintf(name, PATH_MAX, "%s", g.name);
	v->soft = g.spec.cpu == VM_CPU_SOFT;
	if (g.spec.cpu == VM_CPU_SCRIPT)
		st = ST_USAGE;
	cli_guest_close(&g);
	if (st)
		err_set(&v->err, -EINVAL, "a script is the same every time: --cpu soft or kvm");
	else if (v->soft && v->o->g.timeout) {
		err_set(&v->err, -EINVAL,
			"--timeout ends a run by the host's time: --limit N ends it after N "
			"instructions");
		st = ST_USAGE;
	}
	return st;
}

static int run(void *opt, int argc, char **argv)
{
	const struct verify_opts *o = opt;
	char guest[PATH_MAX];
	struct verify *v;
	int st;

	if (o->worker)
		return verify_work(o, argc, argv);
	v = calloc(1, sizeof(*v));
	if (!v)
		return cli_fail(ST_START, "no memory");
	v->o = o;
	st = check(v, argc, argv, guest);
	if (!st && read_cmdline(v))
		st = ST_START;
	if (st)
		cli_fail(st, "%s", v->err.msg);
	if (!st) {
		cli_catch_stop();
		st = verify(v, guest);
	}
	free(v->cmdline);
	free(v);
	return st;
}

const struct cmd cmd_verify = {
	.name = "verify",
	.args = "GUEST",
	.summary = "run a guest many times under shuffled host conditions and compare the runs",
	.text = "Runs GUEST N times, each in a process of its own, and compares hashes of registers,\n"
		"memory, devices and exits at fixed instruction counts and at the end. The first run\n"
		"is a plain one; the others have what a guest must not see: another address-space\n"
		"layout, nice level and CPU, another process busy, memory and stack full of other\n"
		"bytes, a longer environment, other rounding modes, signals. --with FILE lets other\n"
		"builds of vise take turns.\n"
		"\n"
		"When two runs part, more of them find the very instruction; it is shown with what\n"
		"differs after it (registers, memory, fields of devices, exits), what is suspected and\n"
		"the two runs' conditions. --host-seed N draws other conditions.\n"
		"\n"
		"On kvm less is promised and compared: the stream of exits, of guests that do not see\n"
		"the host's time.\n"
		"\n"
		"Exit status: 0 all are the same, 1 they are not, 4 nothing is promised, 5 the same up to\n"
		"the limit.",
	.opts = opts,
	.max_args = 1,
	.size = sizeof(struct verify_opts),
	.run = run,
};
