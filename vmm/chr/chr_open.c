/* SPDX-License-Identifier: MIT */
/* What is behind a chr, from its text: files, terminals, pipes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "chr_priv.h"

#define READ_MAX 4096u
#define WRITE_MAX                                                                                  \
	((size_t)512) /* what a pipe that poll() calls writable takes at least: _POSIX_PIPE_BUF */

/* ---- input ----------------------------------------------------------------------------------------- */

static unsigned live_fds(void *ctx, struct pollfd *fds, unsigned max)
{
	const struct chr *c = ctx;

	if (!max || c->back->in < 0 || !chr_room(c))
		return 0;
	*fds = (struct pollfd){.fd = c->back->in, .events = POLLIN};
	return 1;
}

static void live_ready(void *ctx, const struct pollfd *fds, unsigned n)
{
	struct chr *c = ctx;
	size_t room = chr_room(c);
	uint8_t buf[READ_MAX];
	ssize_t got;

	(void)fds;
	if (!n || !room)
		return;
	got = read(c->back->in, buf, room < sizeof(buf) ? room : sizeof(buf));
	if (got > 0)
		(void)input_put(c->back->source, buf, (size_t)got);
	else if (!got || (errno != EINTR && errno != EAGAIN))
		input_end(c->back->source);
}

static void live_deliver(void *ctx, const void *p, size_t len)
{
	struct chr *c = ctx;

	if (len)
		chr_feed(c, p, len);
	else
		chr_hang_up(c);
}

static const struct input_ops live_ops = {live_fds, live_ready, live_deliver};

/* ---- output ---------------------------------------------------------------------------------------- */

/*
 * Without dying of SIGPIPE, whatever this process makes of that signal: it is taken off again here,
 * unless it was on its way before.
 */
static ssize_t write_quietly(int fd, const void *p, size_t len)
{
	struct timespec none = {0};
	sigset_t pipe, old, there;
	ssize_t n;
	int e;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigemptyset(&there);
	(void)sigpending(&there);
	(void)pthread_sigmask(SIG_BLOCK, &pipe, &old);
	n = write(fd, p, len);
	e = errno;
	if (n < 0 && e == EPIPE && !sigismember(&there, SIGPIPE))
		while (sigtimedwait(&pipe, NULL, &none) < 0 && errno == EINTR)
			;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = e;
	return n;
}

/* Does it take something now, or before its time is over? */
static bool takes(struct chr_back *b)
{
	struct pollfd p = {.fd = b->out, .events = POLLOUT};
	int r;

	do
		r = poll(&p, 1, b->stalled ? 0 : CHR_STALL_MS);
	while (r < 0 && errno == EINTR);
	b->stalled = r <= 0;
	return r > 0;
}

static void lose(struct chr *c, size_t len, int error)
{
	c->lost += len;
	if (!c->error)
		c->error = error;
}

void chr_back_put(struct chr *c, const void *p, size_t len)
{
	struct chr_back *b = c->back;
	const uint8_t *at = p;

	if (b->out < 0)
		return;
	while (len) {
		size_t n = b->blocking && len > WRITE_MAX ? WRITE_MAX : len;
		ssize_t r;

		if (b->blocking && !takes(b)) {
			lose(c, len, -ETIMEDOUT);
			return;
		}
		r = write_quietly(b->out, at, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			lose(c, len, r < 0 ? -errno : -EIO);
			return;
		}
		at += r;
		len -= (size_t)r;
	}
}

/* ---- text ------------------------------------------------------------------------------------------ */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character of TEXT, at least one byte of it; -1: no such escape. */
static int unescape(const char **at)
{
	static const char names[] = "nrt\\0", vals[] = {'\n', '\r', '\t', '\\', '\0'};
	const char *s = *at, *n;

	if (*s != '\\') {
		*at = s + 1;
		return (unsigned char)*s;
	}
	if (s[1] == 'x' && hex(s[2]) >= 0 && hex(s[3]) >= 0) {
		*at = s + 4;
		return hex(s[2]) << 4 | hex(s[3]);
	}
	n = s[1] ? strchr(names, s[1]) : NULL;
	*at = s + 2;
	return n ? vals[n - names] : -1;
}

static int open_buf(struct chr *c, const char *text, struct err *err)
{
	const char *at = text;
	uint8_t *p = malloc(strlen(text) + 1);
	size_t len = 0;

	if (!p)
		return err_set(err, -ENOMEM, "no memory for input");
	c->back->text = p;
	while (*at) {
		int b = unescape(&at);

		if (b < 0)
			return err_set(err, -EINVAL,
				       "chr buf:%.60s: after \\ comes one of: n r t \\ 0 xHH",
				       text);
		p[len++] = (uint8_t)b;
	}
	c->in = p;
	c->in_len = len;
	return 0;
}

/* ---- files ----------------------------------------------------------------------------------------- */

static int open_file(struct chr *c, const char *text, struct err *err)
{
	const char *comma = strstr(text, ",in=");
	size_t len = comma ? (size_t)(comma - text) : strlen(text);
	char *path = strndup(text, len);
	void *in;

	if (!path)
		return err_set(err, -ENOMEM, "no memory for a name");
	if (comma) {
		int rc = file_read(comma + 4, CHR_IN_MAX, &in, &c->in_len, err);

		if (rc) {
			free(path);
			return rc;
		}
		c->back->text = in;
		c->in = in;
	}
	if (len) {
		/* Not waiting for a pipe's reader: pipe: is for those. */
		c->back->out =
			open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
			     0666);
		c->back->own = true;
	}
	if (len && c->back->out < 0) {
		int rc = err_set(err, -errno, "cannot write %s: %s", path, strerror(errno));

		free(path);
		return rc;
	}
	free(path);
	return 0;
}

/* ---- from outside ---------------------------------------------------------------------------------- */

static int open_pty(struct chr *c, struct err *err)
{
	struct chr_back *b = c->back;
	struct termios t;

	b->own = true;
	b->in = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (b->in < 0 || grantpt(b->in) || unlockpt(b->in) ||
	    ptsname_r(b->in, b->where, sizeof(b->where)))
		return err_set(err, -errno, "no pseudo terminal: %s", strerror(errno));
	b->out = b->in;
	/* Held open, so that it is no end when whoever looks at it goes away. */
	b->keep = open(b->where, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (b->keep < 0)
		return err_set(err, -errno, "cannot open %s: %s", b->where, strerror(errno));
	/* As it is made it would echo, and hold back what is no line. */
	if (tcgetattr(b->keep, &t) < 0)
		return err_set(err, -errno, "cannot ask %s: %s", b->where, strerror(errno));
	cfmakeraw(&t);
	if (tcsetattr(b->keep, TCSANOW, &t) < 0)
		return err_set(err, -errno, "%s takes no raw mode: %s", b->where, strerror(errno));
	c->where = b->where;
	return 0;
}

static int open_stdio(struct chr *c, struct err *err)
{
	struct chr_back *b = c->back;

	b->in = STDIN_FILENO;
	b->out = STDOUT_FILENO;
	b->blocking = true;
	return isatty(b->in) ? chr_tty_raw(b->in, &b->keeper_fd, &b->keeper, err) : 0;
}

/* "N", "-": a descriptor that is open, or none. */
static int parse_fd(const char *text, size_t len, int *fd, struct err *err)
{
	char num[16] = "";
	uint64_t val;

	if (len && len < sizeof(num))
		memcpy(num, text, len);
	if (!strcmp(num, "-"))
		return 0;
	if (parse_u64(num, &val) || val > INT32_MAX || fcntl((int)val, F_GETFD) < 0)
		return err_set(err, -EINVAL, "chr fd:%.40s: no open descriptor '%.16s'", text, num);
	*fd = (int)val;
	return 0;
}

static int open_fds(struct chr *c, const char *text, struct err *err)
{
	const char *comma = strchr(text, ',');
	size_t len = comma ? (size_t)(comma - text) : strlen(text);
	int rc = parse_fd(text, len, &c->back->in, err);

	if (!rc && comma)
		rc = parse_fd(comma + 1, strlen(comma + 1), &c->back->out, err);
	c->back->blocking = true;
	return rc;
}

/* For reading and writing: neither waits for the other side to come, nor ends when it goes. */
static int open_fifo(const char *path, int *fd, struct err *err)
{
	struct stat st;

	if (!strcmp(path, "-"))
		return 0;
	*fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (*fd < 0)
		return err_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
	if (fstat(*fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		return err_set(err, -EINVAL, "%s: no named pipe: mkfifo makes one", path);
	return 0;
}

static int open_pipes(struct chr *c, const char *text, struct err *err)
{
	const char *comma = strchr(text, ',');
	char *path = comma ? strndup(text, (size_t)(comma - text)) : strdup(text);
	int rc;

	if (!path)
		return err_set(err, -ENOMEM, "no memory for a name");
	c->back->own = true;
	c->back->blocking = true;
	rc = open_fifo(path, &c->back->in, err);
	if (!rc && comma)
		rc = open_fifo(comma + 1, &c->back->out, err);
	free(path);
	return rc;
}

/* ---- which one ------------------------------------------------------------------------------------- */

enum kind { K_BUF, K_LOOP, K_FILE, K_PTY, K_STDIO, K_FD, K_PIPE, K_NONE };

/* The kind, and what is behind its colon. */
static enum kind kind_of(const char *text, const char **arg)
{
	static const struct {
		const char *name;
		bool wants, may; /* an argument */
	} kinds[] = {
		[K_BUF] = {"buf", false, true},	     [K_LOOP] = {"loop", false, false},
		[K_FILE] = {"file", true, true},     [K_PTY] = {"pty", false, false},
		[K_STDIO] = {"stdio", false, false}, [K_FD] = {"fd", true, true},
		[K_PIPE] = {"pipe", true, true},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i].name);

		if (strncmp(text, kinds[i].name, n))
			continue;
		*arg = text[n] == ':' ? text + n + 1 : "";
		if (text[n] == ':' ? kinds[i].may : !text[n] && !kinds[i].wants)
			return (enum kind)i;
	}
	return K_NONE;
}

bool chr_is_live(const char *text)
{
	const char *arg;
	enum kind k = kind_of(text, &arg);

	return k != K_BUF && k != K_LOOP && k != K_FILE && k != K_NONE;
}

static int open_kind(struct chr *c, enum kind k, const char *arg, bool replay, struct err *err)
{
	switch (k) {
	case K_BUF:
		return open_buf(c, arg, err);
	case K_LOOP:
		c->loops = true;
		return 0;
	case K_FILE:
		return open_file(c, arg, err);
	case K_STDIO:
		if (!replay)
			return open_stdio(c, err);
		c->back->out = STDOUT_FILENO;
		c->back->blocking = true;
		return 0;
	case K_PTY:
		return replay ? 0 : open_pty(c, err);
	case K_FD:
		return replay ? 0 : open_fds(c, arg, err);
	default:
		return replay ? 0 : open_pipes(c, arg, err);
	}
}

int chr_open(struct chr *c, const char *text, const char *name, struct input *in, struct err *err)
{
	const char *arg;
	enum kind k = kind_of(text, &arg);
	bool live = chr_is_live(text);
	int rc;

	chr_init(c, NULL, 0);
	if (k == K_NONE)
		return err_set(
			err, -EINVAL,
			"chr '%.60s' is none of: buf[:TEXT] loop file:OUT[,in=FILE] pty stdio "
			"fd:IN[,OUT] pipe:IN[,OUT]",
			text);
	if (live && !in)
		return err_set(err, -EINVAL, "chr %.60s: nothing from outside can come in here",
			       text);
	c->back = calloc(1, sizeof(*c->back));
	if (!c->back)
		return err_set(err, -ENOMEM, "no memory for a chr");
	c->back->in = c->back->out = c->back->keep = c->back->keeper_fd = -1;
	c->back->keeper = -1;
	rc = open_kind(c, k, arg, in && input_mode(in) == INPUT_REPLAY, err);
	/* Last: what input knows of must not go away. */
	if (!rc && live)
		rc = input_add(in, &c->back->source, name, &live_ops, c, err);
	if (rc)
		chr_fini(c);
	return rc;
}

void chr_back_free(struct chr *c)
{
	struct chr_back *b = c->back;

	if (!b)
		return;
	if (b->keeper > 0)
		chr_tty_restore(b->keeper_fd, b->keeper);
	if (b->own && b->in >= 0)
		close(b->in);
	if (b->own && b->out >= 0 && b->out != b->in)
		close(b->out);
	if (b->keep >= 0)
		close(b->keep);
	free(b->text);
	free(b);
	c->back = NULL;
	c->where = NULL;
	c->in = NULL;
	c->in_len = c->in_pos = 0;
}
