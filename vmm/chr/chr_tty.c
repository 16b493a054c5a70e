/* SPDX-License-Identifier: MIT */
/*
 * The terminal in raw mode, put back whatever becomes of this process: a handler would be nothing for
 * SIGKILL or a crash, and a library has no place for what a handler needs. So a child waits for our
 * end of a pipe to be closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "chr_priv.h"

/* The keys that end or stop us go to the whole group. */
static void ignore_keys(void)
{
	static const int sigs[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGTTOU, SIGPIPE};

	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++)
		(void)signal(sigs[i], SIG_IGN);
}

/* Only calls that are safe after a fork from anything. */
static void __attribute__((noreturn)) keep_terminal(int fd, int pipe, const struct termios *old)
{
	char c;
	ssize_t n;

	ignore_keys();
	/* What else we hold open would outlive its owner. */
	if (dup2(fd, 0) < 0 || dup2(pipe, 1) < 0)
		_exit(1);
	(void)close_range(2, ~0u, 0);
	do
		n = read(1, &c, 1);
	while (n > 0 || (n < 0 && errno == EINTR));
	_exit(tcsetattr(0, TCSANOW, old) < 0);
}

int chr_tty_raw(int fd, int *pipe_out, pid_t *keeper, struct err *err)
{
	struct termios old, raw;
	int p[2];

	*pipe_out = -1;
	*keeper = -1;
	if (tcgetattr(fd, &old) < 0)
		return err_set(err, -errno, "cannot ask the terminal: %s", strerror(errno));
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, -errno, "no pipe for the terminal: %s", strerror(errno));
	*keeper = fork();
	if (*keeper == 0) {
		close(p[1]);
		keep_terminal(fd, p[0], &old);
	}
	close(p[0]);
	if (*keeper < 0) {
		close(p[1]);
		return err_set(err, -errno, "no process that keeps the terminal: %s",
			       strerror(errno));
	}
	/* Keys as they come, without an echo; what ends us does so, and output is left as it is. */
	raw = old;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN);
	raw.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IXON | ISTRIP);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	*pipe_out = p[1];
	if (tcsetattr(fd, TCSANOW, &raw) < 0) {
		int rc =
			err_set(err, -errno, "the terminal takes no raw mode: %s", strerror(errno));

		chr_tty_restore(p[1], *keeper);
		*pipe_out = -1;
		*keeper = -1;
		return rc;
	}
	return 0;
}

void chr_tty_restore(int pipe, pid_t keeper)
{
	if (pipe >= 0)
		close(pipe);
	while (keeper > 0 && waitpid(keeper, NULL, 0) < 0 && errno == EINTR)
		;
}
