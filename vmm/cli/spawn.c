/* SPDX-License-Identifier: MIT */
/* Children of vise: make, the engines. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <stdlib.h>

#include "fuzz.h"

uint64_t cli_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void cli_path(char out[PATH_MAX], const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out, PATH_MAX, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= PATH_MAX)
		out[0] = '\0';
}

/* The child's side; comes back only to say why not. */
static void become(const struct spawn *s)
{
	int in = open("/dev/null", O_RDONLY), out;

	setpgid(0, 0);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (in < 0 || dup2(in, 0) < 0)
		return;
	if (s->log) {
		out = open(s->log, O_WRONLY | O_CREAT | O_APPEND, 0666);
		if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
			return;
	}
	if (s->err_fd >= 0 && dup2(s->err_fd, 2) < 0)
		return;
	for (unsigned i = 0; s->env && s->env[i]; i++)
		putenv((char *)s->env[i]);
	if (s->cwd && chdir(s->cwd) < 0)
		return;
	execvp(s->argv[0], (char *const *)s->argv);
}

pid_t cli_spawn(const struct spawn *s, struct err *err)
{
	int fds[2], why = 0, rc;
	pid_t pid;

	/* The pipe closes by itself when exec succeeds. */
	if (pipe2(fds, O_CLOEXEC) < 0) {
		rc = -errno;
		return err_set(err, rc, "cannot start %s: %s", s->argv[0], strerror(-rc));
	}
	fflush(NULL);
	pid = fork();
	if (!pid) {
		become(s);
		why = errno;
		if (write(fds[1], &why, sizeof(why)) < 0)
			_exit(126);
		_exit(127);
	}
	rc = pid < 0 ? -errno : 0;
	close(fds[1]);
	if (pid > 0) {
		setpgid(pid, pid);
		if (read(fds[0], &why, sizeof(why)) == sizeof(why)) {
			waitpid(pid, NULL, 0);
			rc = why ? -why : -EIO;
		}
	}
	close(fds[0]);
	return rc ? err_set(err, rc, "cannot start %s: %s", s->argv[0], strerror(-rc)) : pid;
}

int cli_spawn_wait(const struct spawn *s, struct err *err)
{
	pid_t pid = cli_spawn(s, err);
	int status;

	if (pid < 0)
		return pid;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_set(err, -errno, "%s was lost", s->argv[0]);
		if (cli_stop)
			kill(-pid, SIGTERM);
	}
	return status;
}

int cli_reap(pid_t pid, unsigned max_s, struct rusage *ru, struct err *err)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	uint64_t start = cli_now_ns();
	int status;

	for (;;) {
		pid_t r = wait4(pid, &status, WNOHANG, ru);

		if (r == pid)
			return status;
		if (r < 0 && errno != EINTR)
			return err_set(err, -errno, "a child was lost: %s", strerror(errno));
		if (cli_stop || cli_now_ns() - start > max_s * 1000000000ull) {
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			return cli_stop ? err_set(err, -EINTR, "interrupted")
					: err_set(err, -ETIME, "a run took over %u s", max_s);
		}
		nanosleep(&nap, NULL);
	}
}
