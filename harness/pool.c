/* SPDX-License-Identifier: MIT */
/*
 * The workers: each test in a process of its own, so that a crash or a hang is one test's. A worker
 * leads a process group, with the assembler in it, which is killed as one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness_priv.h"

#define JOBS_MAX    64
#define RESULT_MAX  ((size_t)1 << 20) /* bytes of a packed result */
#define POLL_MS	    100
#define STRING_NONE UINT32_MAX

struct worker {
	pid_t pid; /* 0: free */
	int fd;
	unsigned task;
	uint64_t deadline_ms, start_ms;
	struct buf in;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- a result as bytes --------------------------------------------------------------------------- */

static void pack_string(struct buf *out, const char *s)
{
	uint32_t n = s ? (uint32_t)strlen(s) : STRING_NONE;

	buf_put(out, &n, sizeof(n));
	if (s)
		buf_put(out, s, n);
}

void result_pack(const struct test_result *r, struct buf *out)
{
	uint32_t head[2] = {(uint32_t)r->cpu, (uint32_t)r->verdict};
	uint8_t ran = r->ran;

	buf_put(out, head, sizeof(head));
	buf_put(out, &r->ms, sizeof(r->ms));
	buf_put(out, &r->exits, sizeof(r->exits));
	buf_put(out, &ran, sizeof(ran));
	buf_put(out, &r->stream, sizeof(r->stream));
	buf_put(out, &r->state, sizeof(r->state));
	pack_string(out, r->test);
	pack_string(out, r->reason);
	pack_string(out, r->detail);
}

/* Take (n) bytes; a worker that died in between sent fewer. */
static int unpack(const char **p, size_t *left, void *to, size_t n)
{
	if (n > *left)
		return -EINVAL;
	memcpy(to, *p, n);
	*p += n;
	*left -= n;
	return 0;
}

static int unpack_string(const char **p, size_t *left, char **s)
{
	uint32_t n;

	*s = NULL;
	if (unpack(p, left, &n, sizeof(n)))
		return -EINVAL;
	if (n == STRING_NONE)
		return 0;
	if (n > *left)
		return -EINVAL;
	*s = malloc((size_t)n + 1);
	if (!*s)
		return -ENOMEM;
	memcpy(*s, *p, n);
	(*s)[n] = '\0';
	*p += n;
	*left -= n;
	return 0;
}

int result_unpack(const void *bytes, size_t len, struct test_result *r)
{
	const char *p = bytes;
	uint32_t head[2];
	uint8_t ran = 0;
	int rc;

	*r = (struct test_result){0};
	rc = unpack(&p, &len, head, sizeof(head));
	if (!rc && (head[0] >= GUEST_CPUS || head[1] > TEST_XPASS))
		rc = -EINVAL;
	if (!rc) {
		r->cpu = (enum guest_cpu)head[0];
		r->verdict = (enum test_verdict)head[1];
		rc = unpack(&p, &len, &r->ms, sizeof(r->ms));
	}
	if (!rc)
		rc = unpack(&p, &len, &r->exits, sizeof(r->exits));
	if (!rc)
		rc = unpack(&p, &len, &ran, sizeof(ran));
	r->ran = ran;
	if (!rc)
		rc = unpack(&p, &len, &r->stream, sizeof(r->stream));
	if (!rc)
		rc = unpack(&p, &len, &r->state, sizeof(r->state));
	if (!rc)
		rc = unpack_string(&p, &len, &r->test);
	if (!rc)
		rc = unpack_string(&p, &len, &r->reason);
	if (!rc)
		rc = unpack_string(&p, &len, &r->detail);
	if (!rc && (len || !r->test))
		rc = -EINVAL;
	if (rc)
		test_result_free(r);
	return rc;
}

/* ---- one worker ---------------------------------------------------------------------------------- */

/* The coverage runtime writes at exit(), which a worker does not reach: have it written here. */
int __llvm_profile_write_file(void) __attribute__((weak));
void __llvm_profile_reset_counters(void) __attribute__((weak));

__attribute__((noreturn)) static void work(const struct pool_task *t, const struct test_opts *o,
					   int fd)
{
	struct test_result r = {0};
	struct buf out = {.max = RESULT_MAX};
	const char *p;
	int rc;

	setpgid(0, 0);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (__llvm_profile_reset_counters)
		__llvm_profile_reset_counters();
	rc = harness_run_one(t->spec, o, &r);
	if (!rc)
		result_pack(&r, &out);
	p = buf_str(&out);
	for (size_t left = out.failed ? 0 : out.len; left;) {
		ssize_t n = write(fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		p += n;
		left -= (size_t)n;
	}
	if (__llvm_profile_write_file)
		__llvm_profile_write_file();
	_exit(rc || out.failed ? 1 : 0);
}

static int start(struct worker *w, const struct pool_task *tasks, unsigned i,
		 const struct test_opts *o, struct err *err)
{
	int fds[2], rc;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		rc = -errno;
		return err_set(err, rc, "cannot make a pipe for a worker: %s", strerror(-rc));
	}
	pid = fork();
	if (pid < 0) {
		rc = -errno;
		close(fds[0]);
		close(fds[1]);
		return err_set(err, rc, "cannot start a worker: %s", strerror(-rc));
	}
	if (!pid) {
		close(fds[0]);
		work(&tasks[i], o, fds[1]);
	}
	/* Both sides: whoever comes first. */
	setpgid(pid, pid);
	close(fds[1]);
	w->pid = pid;
	w->fd = fds[0];
	w->task = i;
	w->start_ms = now_ms();
	w->deadline_ms = w->start_ms + tasks[i].hard_ms;
	w->in = (struct buf){.max = RESULT_MAX};
	return 0;
}

/* The worker sent no result: say in the test's name why. */
static void no_result(struct pool_task *t, const struct worker *w, int status, bool late)
{
	struct test_result *r = &t->result;
	size_t len = strlen(t->spec->path);

	*r = (struct test_result){.cpu = t->spec->cpu, .verdict = TEST_ERROR};
	r->test = strndup(t->spec->path, len > 4 ? len - 4 : len);
	r->ms = (double)(now_ms() - w->start_ms);
	if (late)
		test_reason(r, "no end after %u s: the worker was killed", t->hard_ms / 1000);
	else if (WIFSIGNALED(status))
		test_reason(r,
			    "the worker died of signal %d (%s): a fault of Vise, please report it",
			    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		test_reason(r,
			    "the worker ended with status %d and no result: a fault of Vise, "
			    "please report it",
			    WEXITSTATUS(status));
}

/* The pipe is at its end, or the worker is late: take the result and the process away. */
static void finish(struct worker *w, struct pool_task *tasks, bool late)
{
	struct pool_task *t = &tasks[w->task];
	int status = 0;

	/* Also when it ended by itself: nothing it started may go on. */
	kill(-w->pid, SIGKILL);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (late || w->in.failed || result_unpack(buf_str(&w->in), w->in.len, &t->result))
		no_result(t, w, status, late);
	t->done = true;
	close(w->fd);
	buf_free(&w->in);
	*w = (struct worker){0};
}

/* False: its end was reached. */
static bool read_some(struct worker *w)
{
	char some[4096];
	ssize_t n = read(w->fd, some, sizeof(some));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	buf_put(&w->in, some, (size_t)n);
	return n > 0;
}

/* ---- all of them --------------------------------------------------------------------------------- */

static void wait_some(struct worker *ws, unsigned jobs, struct pool_task *tasks)
{
	struct pollfd fds[JOBS_MAX];
	unsigned map[JOBS_MAX], n = 0;
	uint64_t now;

	for (unsigned i = 0; i < jobs; i++) {
		if (!ws[i].pid)
			continue;
		fds[n] = (struct pollfd){ws[i].fd, POLLIN, 0};
		map[n++] = i;
	}
	if (poll(fds, n, POLL_MS) < 0)
		return;
	now = now_ms();
	for (unsigned i = 0; i < n; i++) {
		struct worker *w = &ws[map[i]];

		if (fds[i].revents && !read_some(w))
			finish(w, tasks, false);
		else if (now >= w->deadline_ms)
			finish(w, tasks, true);
	}
}

static unsigned jobs_wanted(const struct test_opts *o, unsigned n)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned jobs = o->jobs ? o->jobs : cpus > 0 ? (unsigned)cpus : 1;

	if (jobs > JOBS_MAX)
		jobs = JOBS_MAX;
	return jobs > n ? n : jobs;
}

int pool_run(struct pool_task *tasks, unsigned n, const struct test_opts *o,
	     void (*done)(void *ctx, const struct pool_task *t),
	     void (*tick)(void *ctx, unsigned running, const char *newest), void *ctx,
	     struct err *err)
{
	struct worker ws[JOBS_MAX] = {{0}};
	unsigned jobs = jobs_wanted(o, n), next = 0, shown = 0, running = 0;
	const char *newest = NULL;
	int rc = 0;

	for (unsigned i = 0; i < n; i++)
		tasks[i].done |= !tasks[i].spec;
	while (shown < n && !rc) {
		for (unsigned i = 0; i < jobs && next < n && !rc; i++) {
			while (next < n && tasks[next].done)
				next++;
			if (ws[i].pid || next == n)
				continue;
			newest = tasks[next].spec->path;
			rc = start(&ws[i], tasks, next++, o, err);
		}
		running = 0;
		for (unsigned i = 0; i < jobs; i++)
			running += ws[i].pid != 0;
		while (shown < n && tasks[shown].done)
			done(ctx, &tasks[shown++]);
		if (tick)
			tick(ctx, running, newest);
		if (o->stop && *o->stop)
			rc = err_set(err, -EINTR, "stopped");
		else if (running && !rc)
			wait_some(ws, jobs, tasks);
	}
	for (unsigned i = 0; i < jobs; i++) {
		if (ws[i].pid)
			finish(&ws[i], tasks, true);
	}
	return rc;
}
