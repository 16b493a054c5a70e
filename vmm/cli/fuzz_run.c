/* SPDX-License-Identifier: MIT */
/* Running a fuzzing engine: its processes, what they say, what they find. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define RESTARTS_MAX  200 /* of one libFuzzer process: each ends with its finding */
#define STATUS_TTY_MS 500
#define STATUS_LOG_MS 5000
#define END_GRACE_MS  8000 /* from asking an engine to end until it is killed */
#define LINE_MAX_     512
#define OPTIONS_MAX   16
#define FINDING_MAX   ((uint64_t)64 << 20)
#define FINDING_S     10 /* of one that is run once more */
#define WORDS_MAX     ((uint64_t)1 << 30)
#define COLUMNS	      80
#define IFACE_ENV     "VISE_IFACE="

/* One process of the engine. */
struct proc {
	pid_t pid; /* 0: none */
	int fd;	   /* libFuzzer's standard error */
	int log;
	char line[LINE_MAX_];
	size_t len;
	struct fuzz_line now;
	uint64_t before; /* executions of the processes that were here earlier */
	unsigned restarts;
	off_t from;	/* in the log: where this process's words begin */
	char last[160]; /* the last line that says something, for a failure */
};

struct fuzz {
	const struct fuzz_job *job;
	struct proc p[FUZZ_JOBS];
	struct fuzz_stats *stats;
	struct err *err;
	uint64_t start, deadline, asked; /* ns; 0: none */
	uint64_t shown;
	uint64_t rate_execs, rate_ns; /* what the last status line began from */
	char iface[PATH_MAX + 16];    /* VISE_IFACE=FILE */
	char *afl, *opts[OPTIONS_MAX];
	unsigned nr_opts;
};

/* ---- what engines say ---- */

static bool number_after(const char *line, const char *key, uint64_t *out)
{
	const char *p = strstr(line, key);

	if (!p)
		return false;
	*out = strtoull(p + strlen(key), NULL, 10);
	return true;
}

/* "#123 NEW cov: 45 ft: 67 corp: 8/90b ...", "stat::number_of_executed_units: 123" */
bool fuzz_parse_libfuzzer(const char *line, struct fuzz_line *l)
{
	uint64_t n;

	if (number_after(line, "stat::number_of_executed_units:", &n)) {
		l->execs = n;
		return true;
	}
	if (line[0] != '#' || line[1] < '0' || line[1] > '9')
		return false;
	l->execs = strtoull(line + 1, NULL, 10);
	number_after(line, " cov: ", &l->coverage);
	number_after(line, " corp: ", &l->corpus);
	return true;
}

/* The columns of plot_data: time, cycles, item, corpus, ..., execs/s, execs, edges. */
bool fuzz_parse_plot(const char *line, struct fuzz_line *l)
{
	uint64_t col[13];
	unsigned n = 0;
	const char *p = line;

	if (*line < '0' || *line > '9')
		return false;
	while (n < ARRAY_SIZE(col) && *p) {
		char *end;

		col[n++] = strtoull(p, &end, 10);
		p = end + strcspn(end, ",");
		p += *p == ',';
	}
	if (n < ARRAY_SIZE(col))
		return false;
	l->execs = col[11];
	l->coverage = col[12];
	l->corpus = col[3];
	return true;
}

/* It is written once a minute and at the end; plot_data more often, but its last line may be older. */
void fuzz_parse_stats(const char *text, struct fuzz_line *l)
{
	const char *p = strstr(text, "\nstability         : ");
	uint64_t execs = 0, start, find;

	/* Both are seconds since 1970; no find is 0. */
	if (number_after(text, "start_time        : ", &start) &&
	    number_after(text, "\nlast_find         : ", &find) && find > start)
		l->last_find = (double)(find - start);
	number_after(text, "\nexecs_done        : ", &execs);
	if (execs > l->execs)
		l->execs = execs;
	number_after(text, "\nedges_found       : ", &l->coverage);
	number_after(text, "\ncorpus_count      : ", &l->corpus);
	if (p)
		l->stability = strtod(strchr(p, ':') + 1, NULL);
}

static void on_line(struct fuzz *f, struct proc *p)
{
	if (fuzz_parse_libfuzzer(p->line, &p->now)) {
		/* What it takes in of the seeds at its start is no find: it has no such line. */
		if (strstr(p->line, "\tNEW "))
			f->stats->last_find = (double)(cli_now_ns() - f->start) / 1e9;
	} else if (p->line[0])
		snprintf(p->last, sizeof(p->last), "%.150s", p->line);
}

/* False: the pipe is at its end. */
static bool read_proc(struct fuzz *f, struct proc *p)
{
	char some[4096];
	ssize_t n = read(p->fd, some, sizeof(some));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (p->log >= 0 && n > 0 && write(p->log, some, (size_t)n) < 0) {
		close(p->log); /* the disk is full: go on without a log */
		p->log = -1;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (some[i] == '\n' || p->len == sizeof(p->line) - 1) {
			p->line[p->len] = '\0';
			on_line(f, p);
			p->len = 0;
		}
		if (some[i] != '\n')
			p->line[p->len++] = some[i];
	}
	return n > 0;
}

/* The last whole line of AFL's plot_data, or the end of fuzzer_stats. */
static void read_afl(struct fuzz *f)
{
	for (unsigned i = 0; i < f->job->jobs; i++) {
		struct err none;
		char path[PATH_MAX];
		char *text, *line;
		size_t len;

		cli_path(path, "%s/%s%u/plot_data", f->afl, i ? "s" : "main", i);
		if (file_read(path, FINDING_MAX, (void **)&text, &len, &none))
			continue;
		while (len && text[len - 1] == '\n')
			text[--len] = '\0';
		line = strrchr(text, '\n');
		fuzz_parse_plot(line ? line + 1 : text, &f->p[i].now);
		free(text);
		cli_path(path, "%s/%s%u/fuzzer_stats", f->afl, i ? "s" : "main", i);
		if (file_read(path, FINDING_MAX, (void **)&text, &len, &none))
			continue;
		fuzz_parse_stats(text, &f->p[i].now);
		free(text);
	}
}

/* ---- findings ---- */

/* AFL's log has no word of a finding: the program that it ran says it once more. */
static void sort_afl(struct fuzz *f, const char *file)
{
	bool plain = f->job->jobs > 1 || f->job->no_cmplog;
	char bin[PATH_MAX], log[PATH_MAX];
	const char *const argv[] = {bin, file, NULL};
	struct spawn s = {.argv = argv, .err_fd = -1, .log = log};
	char *text;
	size_t len;
	pid_t pid;
	int status;

	cli_path(bin, "%s/build/%s/%s", f->job->tree, plain ? "afl" : "afl-cmplog", f->job->target);
	cli_path(log, "%s/finding.log", f->job->out);
	unlink(log);
	pid = cli_spawn(&s, NULL);
	status = pid < 0 ? pid : cli_reap(pid, FINDING_S, NULL, NULL);
	if (status == -ETIME)
		fuzz_bucket(f->stats, "\n# no end within the time limit", 1 << 8);
	else if (status >= 0 && !file_read(log, FINDING_MAX, (void **)&text, &len, NULL)) {
		fuzz_bucket(f->stats, text, status);
		free(text);
	}
	unlink(log);
}

/* libFuzzer's words about the finding that ended a process are the last in its log. */
static void sort_libfuzzer(struct fuzz *f, const struct proc *p, unsigned i, int status)
{
	char path[PATH_MAX], *text;
	size_t len;

	cli_path(path, "%s/libfuzzer-%u.log", f->job->out, i);
	if (p->log < 0 || file_read(path, WORDS_MAX, (void **)&text, &len, NULL))
		return;
	if ((size_t)p->from < len && strstr(text + p->from, "Test unit written to "))
		fuzz_bucket(f->stats, text + p->from, status);
	free(text);
}

/* Copy what AFL keeps under names of ours, so that all findings are in one folder. */
static void take_afl(struct fuzz *f, const char *dir, const char *kind)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char from[PATH_MAX], to[PATH_MAX];
		struct stat st;
		void *data;
		size_t len;
		bool fresh;

		if (strncmp(e->d_name, "id", 2) != 0)
			continue;
		cli_path(from, "%s/%s", dir, e->d_name);
		if (stat(from, &st) || st.st_mtime < f->stats->since ||
		    file_read(from, FINDING_MAX, &data, &len, NULL))
			continue;
		cli_path(to, "%s/findings/%s-%016" PRIx64, f->job->out, kind, hash64(0, data, len));
		fresh = stat(to, &st) || st.st_mtime < f->stats->since;
		if (access(to, F_OK))
			file_write(to, data, len, NULL);
		else
			utimensat(AT_FDCWD, to, NULL, 0);
		free(data);
		if (fresh)
			sort_afl(f, to);
	}
	if (d)
		closedir(d);
}

bool fuzz_is_finding(const char *name)
{
	static const char *const kinds[] = {"crash-", "timeout-", "oom-", "leak-", "hang-"};

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!strncmp(name, kinds[i], strlen(kinds[i])))
			return true;
	}
	return false;
}

/* Count this run's findings and list all, with the command to replay each, in the README. */
static int count_findings(struct fuzz *f)
{
	const struct fuzz_job *job = f->job;
	struct dirent **ents;
	struct buf b = {0};
	char path[PATH_MAX];
	int n, rc = 0;

	if (job->engine == FUZZ_AFL) {
		for (unsigned i = 0; i < job->jobs; i++) {
			cli_path(path, "%s/%s%u/crashes", f->afl, i ? "s" : "main", i);
			take_afl(f, path, "crash");
			cli_path(path, "%s/%s%u/hangs", f->afl, i ? "s" : "main", i);
			take_afl(f, path, "hang");
		}
	}
	f->stats->findings = 0;
	cli_path(path, "%s/findings", job->out);
	n = scandir(path, &ents, NULL, alphasort);
	if (n < 0)
		return 0;
	buf_printf(&b, "Findings of the fuzz target %s. To replay one:\n\n", job->target);
	for (int i = 0; i < n; i++) {
		struct stat st;

		if (fuzz_is_finding(ents[i]->d_name)) {
			cli_path(path, "%s/findings/%s", job->out, ents[i]->d_name);
			buf_printf(&b, "build/replay/%s '%s'\n", job->target, path);
			f->stats->findings += !stat(path, &st) && st.st_mtime >= f->stats->since;
		}
		free(ents[i]);
	}
	free(ents);
	buf_printf(&b, "\nIn the source tree; `vise fuzz %s FILE` does the same and builds it.\n",
		   job->target);
	cli_path(path, "%s/findings/README", job->out);
	if (f->stats->findings)
		rc = file_write(path, buf_str(&b), b.len, f->err);
	buf_free(&b);
	return rc;
}

/* ---- status ---- */

static void sum(struct fuzz *f)
{
	struct fuzz_stats *s = f->stats;

	if (f->job->engine == FUZZ_AFL)
		read_afl(f);
	s->execs = s->coverage = s->corpus = 0;
	s->interface = fuzz_interface(f->iface + strlen(IFACE_ENV));
	for (unsigned i = 0; i < f->job->jobs; i++) {
		const struct proc *p = &f->p[i];

		s->execs += p->before + p->now.execs;
		if (p->now.coverage > s->coverage)
			s->coverage = p->now.coverage;
		if (p->now.corpus > s->corpus)
			s->corpus = p->now.corpus;
		if (p->now.last_find > s->last_find)
			s->last_find = p->now.last_find;
		if (p->now.stability > 0 && (s->stability <= 0 || p->now.stability < s->stability))
			s->stability = p->now.stability;
	}
	s->seconds = (double)(cli_now_ns() - f->start) / 1e9;
}

static void put_status(struct fuzz *f, struct buf *b)
{
	const struct fuzz_stats *s = f->stats;
	uint64_t now = cli_now_ns();
	double since = (double)(now - f->rate_ns) / 1e9;
	uint64_t execs = s->execs > f->rate_execs ? s->execs - f->rate_execs : 0;

	buf_printf(b, "%s %s  %.0f s  %" PRIu64 " execs, %.0f/s  edges %" PRIu64, f->job->target,
		   f->job->engine == FUZZ_AFL ? "afl" : "libfuzzer", s->seconds, s->execs,
		   since > 0 ? (double)execs / since : 0.0, s->coverage);
	if (s->interface)
		buf_printf(b, "  interface %" PRIu64, s->interface);
	buf_printf(b, "  corpus %" PRIu64, s->corpus);
	if (s->last_find > 0)
		buf_printf(b, "  last find %.0f s ago", s->seconds - s->last_find);
	if (s->stability > 0)
		buf_printf(b, "  stable %.0f %%", s->stability);
	buf_printf(b, "  findings %" PRIu64, s->findings);
	if (s->nr_buckets > 1 || s->unsorted)
		buf_printf(b, " of %u%s causes", s->nr_buckets, s->unsorted ? " or more" : "");
	if (s->nr_buckets)
		buf_printf(b, ", last: %s", s->bucket[s->nr_buckets - 1].cause);
	f->rate_ns = now;
	f->rate_execs = s->execs;
}

static void show(struct fuzz *f)
{
	uint64_t now = cli_now_ns();
	uint64_t every = f->job->terminal ? STATUS_TTY_MS : STATUS_LOG_MS;
	struct winsize w = {0};
	struct buf b = {0};
	int room = INT_MAX;

	if (!f->job->status || now - f->shown < every * 1000000)
		return;
	sum(f);
	count_findings(f);
	f->shown = now;
	put_status(f, &b);
	/* A line that wraps would not be written over. */
	if (f->job->terminal)
		room = (ioctl(fileno(f->job->status), TIOCGWINSZ, &w) || !w.ws_col ? COLUMNS
										   : w.ws_col) -
		       1;
	fprintf(f->job->status, "%s%.*s%s", f->job->terminal ? "\r\033[K" : "", room, buf_str(&b),
		f->job->terminal ? "" : "\n");
	fflush(f->job->status);
	buf_free(&b);
}

/* ---- starting ---- */

/* [libfuzzer] KEY = VALUE of fuzz/options/TARGET.options, as OSS-Fuzz has it: -KEY=VALUE. */
static void read_options(struct fuzz *f)
{
	bool ours = false;
	char path[PATH_MAX];
	char *text, *save = NULL;
	size_t len;

	cli_path(path, "%s/fuzz/options/%s.options", f->job->tree, f->job->target);
	if (file_read(path, 65536, (void **)&text, &len, NULL))
		return;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char key[32], value[32];

		if (l[0] == '[')
			ours = !strncmp(l, "[libfuzzer]", 11);
		else if (ours && f->nr_opts < OPTIONS_MAX &&
			 sscanf(l, " %31[a-z_] = %31s", key, value) == 2 &&
			 asprintf(&f->opts[f->nr_opts], "-%s=%s", key, value) >= 0)
			f->nr_opts++;
	}
	free(text);
}

static bool have_dict(const struct fuzz *f, char path[PATH_MAX])
{
	cli_path(path, "%s/fuzz/dict/%s.dict", f->job->tree, f->job->target);
	return !access(path, R_OK);
}

static uint64_t seconds_left(const struct fuzz *f)
{
	uint64_t now = cli_now_ns();

	if (!f->deadline)
		return 0;
	return f->deadline > now ? (f->deadline - now + 999999999) / 1000000000 : 0;
}

static int start_libfuzzer(struct fuzz *f, unsigned i)
{
	const struct fuzz_job *job = f->job;
	char bin[PATH_MAX], corpus[PATH_MAX], prefix[PATH_MAX], dict[PATH_MAX + 8], dpath[PATH_MAX];
	char total[40], seed[40], log[PATH_MAX];
	const char *argv[24 + OPTIONS_MAX], *const env[] = {f->iface, NULL};
	struct proc *p = &f->p[i];
	struct spawn s = {.argv = argv, .err_fd = -1, .env = env};
	unsigned n = 0;
	int fds[2];

	cli_path(bin, "%s/build/%s/%s", job->tree, job->flavour ? job->flavour : "fuzz",
		 job->target);
	cli_path(corpus, "%s/corpus", job->out);
	cli_path(prefix, "-artifact_prefix=%s/findings/", job->out);
	snprintf(total, sizeof(total), "-max_total_time=%" PRIu64, seconds_left(f));
	/* libFuzzer takes 0 for "by the clock". */
	snprintf(seed, sizeof(seed), "-seed=%u",
		 (unsigned)((job->seed + i + 1000ull * p->restarts) % 0x7fffffff) + 1);
	argv[n++] = bin;
	argv[n++] = prefix;
	argv[n++] = seed;
	argv[n++] = "-print_final_stats=1";
	argv[n++] = "-timeout=20";
	argv[n++] = "-rss_limit_mb=2048";
	/* What others find: the whole folder is looked through, 7 % of the time of one that is alone. */
	argv[n++] = job->jobs > 1 ? "-reload=1" : "-reload=10";
	if (job->seconds)
		argv[n++] = total;
	if (have_dict(f, dpath)) {
		snprintf(dict, sizeof(dict), "-dict=%s", dpath);
		argv[n++] = dict;
	}
	for (unsigned o = 0; o < f->nr_opts; o++)
		argv[n++] = f->opts[o];
	argv[n++] = corpus;
	argv[n++] = job->seeds;
	if (job->corpus)
		argv[n++] = job->corpus;
	argv[n] = NULL;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(f->err, -errno, "cannot make a pipe: %s", strerror(errno));
	s.err_fd = fds[1];
	cli_path(log, "%s/libfuzzer-%u.log", job->out, i);
	if (p->log < 0)
		p->log = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	p->from = p->log < 0 ? 0 : lseek(p->log, 0, SEEK_END);
	p->pid = cli_spawn(&s, f->err);
	close(fds[1]);
	if (p->pid < 0) {
		int rc = p->pid;

		p->pid = 0;
		close(fds[0]);
		return rc;
	}
	p->fd = fds[0];
	p->len = 0;
	return 0;
}

/*
 * AFL++: sanitizer builds run, so that it finds what libFuzzer finds. One process, the second if
 * there is one, runs the cmplog twin as its target with `-c 0` and solves comparisons: beside
 * another target (`-c TWIN`) AFL++ 4.04 solves none, and does not say so.
 */
static int start_afl(struct fuzz *f, unsigned i)
{
	const char *const env[] = {"AFL_SKIP_CPUFREQ=1",
				   "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1",
				   "AFL_NO_UI=1",
				   "AFL_NO_AFFINITY=1",
				   "AFL_AUTORESUME=1",
				   "AFL_NO_CRASH_README=1",
				   "AFL_IMPORT_FIRST=1",
				   f->iface,
				   NULL};
	const struct fuzz_job *job = f->job;
	char bin[PATH_MAX], name[32], total[24], seed[24], log[PATH_MAX];
	char dict[PATH_MAX];
	const char *argv[32];
	struct spawn s = {.argv = argv, .err_fd = -1, .env = env, .log = log};
	unsigned n = 0;

	cli_path(bin, "%s/build/afl/%s", job->tree, job->target);
	snprintf(name, sizeof(name), "%s%u", i ? "s" : "main", i);
	snprintf(total, sizeof(total), "%" PRIu64, seconds_left(f));
	snprintf(seed, sizeof(seed), "%u", (unsigned)((job->seed + i) % 0x7fffffff));
	cli_path(log, "%s/afl-%u.log", job->out, i);
	unlink(log);
	argv[n++] = "afl-fuzz";
	argv[n++] = "-i";
	argv[n++] = job->seeds;
	argv[n++] = "-o";
	argv[n++] = f->afl;
	argv[n++] = i ? "-S" : "-M";
	argv[n++] = name;
	/* Of each it keeps what is new to it; as seeds, each would cost it ten runs before it starts. */
	if (job->corpus && !i) {
		argv[n++] = "-F";
		argv[n++] = job->corpus;
	}
	argv[n++] = "-m";
	argv[n++] = "none";
	argv[n++] = "-t";
	argv[n++] = "5000";
	argv[n++] = "-s";
	argv[n++] = seed;
	if (job->seconds) {
		argv[n++] = "-V";
		argv[n++] = total;
	}
	if (have_dict(f, dict)) {
		argv[n++] = "-x";
		argv[n++] = dict;
	}
	if (i == (job->jobs > 1 ? 1 : 0) && !job->no_cmplog) {
		cli_path(bin, "%s/build/afl-cmplog/%s", job->tree, job->target);
		argv[n++] = "-c";
		argv[n++] = "0";
	}
	argv[n++] = "--";
	argv[n++] = bin;
	argv[n] = NULL;
	f->p[i].fd = -1;
	f->p[i].pid = cli_spawn(&s, f->err);
	if (f->p[i].pid < 0) {
		int rc = f->p[i].pid;

		f->p[i].pid = 0;
		return rc;
	}
	return 0;
}

static int start(struct fuzz *f, unsigned i)
{
	return f->job->engine == FUZZ_AFL ? start_afl(f, i) : start_libfuzzer(f, i);
}

/* ---- running ---- */

/* Ask all to end (by their process groups: AFL++ has children), later kill. */
static void end_all(struct fuzz *f, int sig)
{
	for (unsigned i = 0; i < f->job->jobs; i++) {
		if (f->p[i].pid > 0)
			kill(-f->p[i].pid, sig);
	}
}

/* The words with which AFL++ gave up. */
static void afl_words(struct fuzz *f, unsigned i)
{
	struct proc *p = &f->p[i];
	char path[PATH_MAX];
	char *text, *save = NULL;
	size_t len;

	cli_path(path, "%s/afl-%u.log", f->job->out, i);
	if (file_read(path, FINDING_MAX, (void **)&text, &len, NULL))
		return;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		const char *abort_line = strstr(l, "PROGRAM ABORT");

		if (abort_line)
			snprintf(p->last, sizeof(p->last), "%.150s", abort_line);
	}
	free(text);
}

/* A process ended: with a finding (then another takes its place), at its time, or unable. */
static int ended(struct fuzz *f, unsigned i, int status)
{
	struct proc *p = &f->p[i];
	bool early = !cli_stop && (!f->deadline || seconds_left(f) > 1);

	if (p->fd >= 0) {
		while (read_proc(f, p))
			;
		close(p->fd);
	}
	p->pid = 0;
	p->fd = -1;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (f->job->engine == FUZZ_LIBFUZZER)
		sort_libfuzzer(f, p, i, status);
	if (f->job->engine == FUZZ_AFL) {
		if (!early || f->asked)
			return 0;
		afl_words(f, i);
		return err_set(f->err, -EIO,
			       "afl-fuzz ended early: %s (its output is in %s/afl-%u.log)",
			       p->last[0] ? p->last : "no reason given", f->job->out, i);
	}
	if (!early || f->asked)
		return 0;
	count_findings(f);
	if (!f->stats->findings)
		return err_set(f->err, -EIO,
			       "the engine ended early: %s (its output is in "
			       "%s/libfuzzer-%u.log)",
			       p->last[0] ? p->last : "no reason given", f->job->out, i);
	if (p->restarts++ == RESTARTS_MAX)
		return 0;
	p->before += p->now.execs;
	p->now.execs = 0;
	return start_libfuzzer(f, i);
}

static bool running(const struct fuzz *f)
{
	for (unsigned i = 0; i < f->job->jobs; i++) {
		if (f->p[i].pid > 0)
			return true;
	}
	return false;
}

static void wait_some(struct fuzz *f)
{
	struct pollfd fds[FUZZ_JOBS];
	unsigned map[FUZZ_JOBS], n = 0;

	for (unsigned i = 0; i < f->job->jobs; i++) {
		if (f->p[i].pid <= 0 || f->p[i].fd < 0)
			continue;
		fds[n] = (struct pollfd){f->p[i].fd, POLLIN, 0};
		map[n++] = i;
	}
	if (poll(fds, n, 200) <= 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		if (fds[i].revents & POLLIN)
			read_proc(f, &f->p[map[i]]);
		else if (fds[i].revents)
			usleep(10000); /* hung up: its end is collected next */
	}
}

static int loop(struct fuzz *f)
{
	int rc = 0, status;

	while (running(f) && !rc) {
		uint64_t now = cli_now_ns();

		wait_some(f);
		for (unsigned i = 0; i < f->job->jobs && !rc; i++) {
			if (f->p[i].pid > 0 &&
			    waitpid(f->p[i].pid, &status, WNOHANG) == f->p[i].pid)
				rc = ended(f, i, status);
		}
		show(f);
		if (!f->asked && (cli_stop || (f->deadline && now > f->deadline + 5000000000ull))) {
			end_all(f, f->job->engine == FUZZ_AFL ? SIGTERM : SIGINT);
			f->asked = now;
		} else if (f->asked && now - f->asked > END_GRACE_MS * 1000000ull) {
			end_all(f, SIGKILL);
		}
	}
	return rc;
}

int fuzz_run(const struct fuzz_job *job, struct fuzz_stats *s, struct err *err)
{
	struct fuzz f = {.job = job, .stats = s, .err = err};
	struct timespec wall;
	char path[PATH_MAX];
	int rc, rc2, status;

	*s = (struct fuzz_stats){0};
	clock_gettime(CLOCK_REALTIME, &wall);
	s->since = wall.tv_sec;
	f.start = f.shown = f.rate_ns = cli_now_ns();
	f.deadline = job->seconds ? f.start + job->seconds * 1000000000ull : 0;
	cli_path(path, "%s/corpus", job->out);
	rc = file_mkdirs(path, err);
	cli_path(path, "%s/findings", job->out);
	if (!rc)
		rc = file_mkdirs(path, err);
	if (rc)
		return rc;
	if (asprintf(&f.afl, "%s/afl", job->out) < 0)
		return err_set(err, -ENOMEM, "no memory");
	(void)snprintf(f.iface, sizeof(f.iface), IFACE_ENV "%s/interface", job->out);
	unlink(f.iface + strlen(IFACE_ENV));
	read_options(&f);
	for (unsigned i = 0; i < job->jobs; i++) {
		f.p[i].fd = f.p[i].log = -1;
		if (!rc)
			rc = start(&f, i);
	}
	if (!rc)
		rc = loop(&f);
	end_all(&f, SIGKILL);
	for (unsigned i = 0; i < job->jobs; i++) {
		if (f.p[i].pid > 0)
			waitpid(f.p[i].pid, &status, 0);
		if (f.p[i].fd >= 0)
			close(f.p[i].fd);
		if (f.p[i].log >= 0)
			close(f.p[i].log);
	}
	sum(&f);
	rc2 = count_findings(&f);
	if (job->status && job->terminal)
		fputs("\r\033[K", job->status);
	for (unsigned i = 0; i < f.nr_opts; i++)
		free(f.opts[i]);
	free(f.afl);
	return rc ? rc : rc2;
}
