/* SPDX-License-Identifier: MIT */
/*
 * The peer that is the host's Unix sockets. A connection of the guest to port N goes to PATH_N; who
 * connects to PATH and says "CONNECT N\n" gets to the guest's port N, and is answered "OK M\n".
 *
 * What the host does comes in as messages through module input, at their virtual time: a recording
 * holds them, and a replay has no socket at all. So nothing here depends on the host at the time of a
 * call of the device: how much a socket takes, or that it is gone, is such a message too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <vmm/vsock_peer.h>

#define IN_MAX	  65536u /* bytes that wait for the guest, a connection */
#define OUT_MAX	  65536u /* bytes that wait for the host's socket */
#define READ_MAX  16384u /* bytes of a message */
#define LINE_MAX_ 32u	 /* of "CONNECT N\n" */
#define LINKS	  (3 * VSOCK_CONNS)
#define ASKS	  VSOCK_CONNS

/* A message: u8 kind, u8 0, u16 0, u32 whose, then: */
enum kind {
	M_OPEN,	   /* connected */
	M_GONE,	   /* refused, reset */
	M_ENDED,   /* no more bytes come */
	M_DATA,	   /* bytes */
	M_DRAINED, /* u32: so many bytes were taken */
	M_ASK,	   /* u32: somebody wants the guest's port */
	M_KINDS,
};
#define MSG_HEADER 8u

/* A socket of the host. Guest's connections have even numbers, the host's odd ones. */
struct link {
	int fd; /* -1: the place is free */
	uint32_t id;
	bool asked; /* its line is complete */
	bool bound; /* the device has it as a connection */
	bool ended; /* it has sent its last byte */
	bool end_wanted;
	uint32_t own;	    /* bytes of `out` that are not the guest's: "OK M\n" */
	uint32_t in_flight; /* bytes that were read and not yet taken by the guest */
	uint32_t line_len;
	char line[LINE_MAX_ + 1];
	uint32_t out_len;
	uint8_t out[OUT_MAX + LINE_MAX_];
};

/* What the device sees; the same live and in replay. */
struct conn {
	bool used;
	uint32_t id;
	unsigned said;	 /* VSOCK_PEER_* */
	uint32_t taking; /* bytes on their way to the host */
	uint32_t head, len;
	uint8_t in[IN_MAX];
};

struct unix_peer {
	struct vsock_peer peer;
	struct input_source *source;
	enum input_mode mode;
	int listener;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) - 11]; /* room for _4294967295 */
	uint32_t next_even, next_odd;
	unsigned nr_asks;
	struct {
		uint32_t id, port;
	} ask[ASKS];
	struct conn conn[VSOCK_CONNS];
	struct link link[LINKS];
};

static struct unix_peer *unix_of(struct vsock_peer *p)
{
	return container_of(p, struct unix_peer, peer);
}

/* ---- messages out of the host ------------------------------------------------------------------- */

static int put(struct unix_peer *u, enum kind kind, uint32_t id, const void *p, size_t len)
{
	uint8_t m[MSG_HEADER + READ_MAX] = {(uint8_t)kind};

	st_le32(m + 4, id);
	memcpy(m + MSG_HEADER, p, len);
	return input_put(u->source, m, MSG_HEADER + len);
}

static int put32(struct unix_peer *u, enum kind kind, uint32_t id, uint32_t val)
{
	uint8_t le[4];

	st_le32(le, val);
	return put(u, kind, id, le, sizeof(le));
}

static struct link *link_of(struct unix_peer *u, uint32_t id)
{
	for (unsigned i = 0; i < LINKS; i++)
		if (u->link[i].fd >= 0 && u->link[i].id == id)
			return &u->link[i];
	return NULL;
}

static struct link *link_new(struct unix_peer *u, int fd, uint32_t id)
{
	for (unsigned i = 0; i < LINKS; i++) {
		struct link *l = &u->link[i];

		if (l->fd >= 0)
			continue;
		memset(l, 0, offsetof(struct link, out));
		l->fd = fd;
		l->id = id;
		return l;
	}
	return NULL;
}

static void link_drop(struct link *l)
{
	close(l->fd);
	l->fd = -1;
}

static void link_gone(struct unix_peer *u, struct link *l)
{
	if (l->asked)
		(void)put(u, M_GONE, l->id, "", 0);
	link_drop(l);
}

/* As much as the socket takes now. */
static void flush(struct unix_peer *u, struct link *l)
{
	ssize_t n = 0;

	while (l->out_len) {
		n = send(l->fd, l->out, l->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n <= 0)
			break;
		l->out_len -= (uint32_t)n;
		memmove(l->out, l->out + n, l->out_len);
		if (l->own >= (uint32_t)n) {
			l->own -= (uint32_t)n;
			continue;
		}
		n -= l->own;
		l->own = 0;
		if (l->bound)
			(void)put32(u, M_DRAINED, l->id, (uint32_t)n);
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		link_gone(u, l);
		return;
	}
	if (l->out_len)
		return;
	if (l->end_wanted) {
		l->end_wanted = false;
		(void)shutdown(l->fd, SHUT_WR);
	}
	if (l->asked && !l->bound)
		link_drop(l);
}

/* ---- the host's sockets -------------------------------------------------------------------------- */

static void take_client(struct unix_peer *u)
{
	int fd = accept4(u->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (link_new(u, fd, u->next_odd))
		u->next_odd += 2;
	else
		close(fd);
}

/* "CONNECT N\n", a byte at a time: what is behind it is the guest's. */
static void read_line(struct unix_peer *u, struct link *l)
{
	uint64_t port;
	ssize_t n;

	for (;;) {
		n = recv(l->fd, &l->line[l->line_len], 1, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			break;
		if (l->line[l->line_len] == '\n') {
			l->line[l->line_len] = 0;
			if (strncmp(l->line, "CONNECT ", 8) || parse_u64(l->line + 8, &port) ||
			    port > UINT32_MAX || put32(u, M_ASK, l->id, (uint32_t)port))
				break;
			l->asked = true;
			return;
		}
		if (++l->line_len == LINE_MAX_)
			break;
	}
	link_drop(l);
}

static void read_data(struct unix_peer *u, struct link *l)
{
	uint8_t buf[READ_MAX];
	size_t room = IN_MAX - l->in_flight;
	ssize_t n = recv(l->fd, buf, room < sizeof(buf) ? room : sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		link_gone(u, l);
	} else if (n == 0) {
		l->ended = true;
		(void)put(u, M_ENDED, l->id, "", 0);
	} else if (put(u, M_DATA, l->id, buf, (size_t)n)) {
		link_gone(u, l); /* a hole in a stream is worse than its end */
	} else {
		l->in_flight += (uint32_t)n;
	}
}

static bool reads(const struct link *l)
{
	return !l->asked || (l->bound && !l->ended && l->in_flight < IN_MAX);
}

static unsigned unix_fds(void *ctx, struct pollfd *fds, unsigned max)
{
	struct unix_peer *u = ctx;
	unsigned n = 0;

	if (n < max && u->listener >= 0)
		fds[n++] = (struct pollfd){.fd = u->listener, .events = POLLIN};
	for (unsigned i = 0; i < LINKS && n < max; i++) {
		const struct link *l = &u->link[i];
		short events = (short)((l->fd >= 0 && reads(l) ? POLLIN : 0) |
				       (l->fd >= 0 && l->out_len ? POLLOUT : 0));

		if (events)
			fds[n++] = (struct pollfd){.fd = l->fd, .events = events};
	}
	return n;
}

static void unix_ready(void *ctx, const struct pollfd *fds, unsigned n)
{
	struct unix_peer *u = ctx;

	for (unsigned k = 0; k < n; k++) {
		if (!fds[k].revents)
			continue;
		if (fds[k].fd == u->listener) {
			take_client(u);
			continue;
		}
		for (unsigned i = 0; i < LINKS; i++) {
			struct link *l = &u->link[i];

			if (l->fd != fds[k].fd)
				continue;
			if (!l->asked)
				read_line(u, l);
			else if (reads(l))
				read_data(u, l);
			if (l->fd >= 0 && l->out_len)
				flush(u, l);
			break;
		}
	}
}

/* ---- messages into the machine; of a recording they may be anything -------------------------------- */

static void conn_message(struct conn *c, enum kind kind, const uint8_t *p, size_t len)
{
	switch (kind) {
	case M_OPEN:
		c->said |= VSOCK_PEER_OPEN;
		break;
	case M_ENDED:
		c->said |= VSOCK_PEER_ENDED;
		break;
	case M_DATA:
		if (len > IN_MAX - c->len) {
			c->said |= VSOCK_PEER_GONE;
			break;
		}
		for (size_t i = 0; i < len; i++)
			c->in[(c->head + c->len + i) % IN_MAX] = p[i];
		c->len += (uint32_t)len;
		break;
	case M_DRAINED:
		if (len == 4 && ld_le32(p) <= c->taking)
			c->taking -= ld_le32(p);
		break;
	default:
		c->said |= VSOCK_PEER_GONE;
		break;
	}
}

static void unix_deliver(void *ctx, const void *p, size_t len)
{
	struct unix_peer *u = ctx;
	const uint8_t *m = p;
	uint32_t id;

	if (len < MSG_HEADER || m[0] >= M_KINDS)
		return;
	id = ld_le32(m + 4);
	if (m[0] == M_ASK) {
		if (u->nr_asks < ASKS && len == MSG_HEADER + 4) {
			u->ask[u->nr_asks].id = id;
			u->ask[u->nr_asks++].port = ld_le32(m + MSG_HEADER);
		}
	} else {
		for (unsigned i = 0; i < VSOCK_CONNS; i++)
			if (u->conn[i].used && u->conn[i].id == id)
				conn_message(&u->conn[i], (enum kind)m[0], m + MSG_HEADER,
					     len - MSG_HEADER);
	}
	vsock_peer_wake(&u->peer);
}

static const struct input_ops unix_input = {unix_fds, unix_ready, unix_deliver};

/* ---- the device's calls ---------------------------------------------------------------------------- */

static void conn_begin(struct conn *c, uint32_t id, unsigned said)
{
	memset(c, 0, offsetof(struct conn, in));
	c->used = true;
	c->id = id;
	c->said = said;
}

static int unix_connect(struct vsock_peer *p, unsigned conn, uint32_t port)
{
	struct unix_peer *u = unix_of(p);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct link *l = NULL;
	int fd;

	conn_begin(&u->conn[conn], u->next_even, 0);
	u->next_even += 2;
	if (u->mode == INPUT_REPLAY)
		return -EINPROGRESS;
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s_%u", u->path, port);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a)))
		l = link_new(u, fd, u->conn[conn].id);
	if (l)
		l->asked = l->bound = true;
	else if (fd >= 0)
		close(fd);
	(void)put(u, l ? M_OPEN : M_GONE, u->conn[conn].id, "", 0);
	return -EINPROGRESS;
}

static bool unix_accept(struct vsock_peer *p, unsigned conn, uint32_t *port)
{
	struct unix_peer *u = unix_of(p);
	struct link *l;

	if (!u->nr_asks)
		return false;
	conn_begin(&u->conn[conn], u->ask[0].id, VSOCK_PEER_OPEN);
	*port = u->ask[0].port;
	l = link_of(u, u->ask[0].id);
	if (l)
		l->bound = true;
	memmove(&u->ask[0], &u->ask[1], --u->nr_asks * sizeof(u->ask[0]));
	return true;
}

static void unix_accepted(struct vsock_peer *p, unsigned conn)
{
	struct unix_peer *u = unix_of(p);
	struct link *l = link_of(u, u->conn[conn].id);

	if (!l)
		return;
	l->own = (uint32_t)snprintf((char *)l->out, LINE_MAX_, "OK %u\n", VSOCK_CALL_PORT + conn);
	l->out_len = l->own;
	flush(u, l);
}

static unsigned unix_poll(struct vsock_peer *p, unsigned conn)
{
	return unix_of(p)->conn[conn].said;
}

static size_t unix_readable(struct vsock_peer *p, unsigned conn)
{
	return unix_of(p)->conn[conn].len;
}

static void unix_read(struct vsock_peer *p, unsigned conn, void *buf, size_t len)
{
	struct unix_peer *u = unix_of(p);
	struct conn *c = &u->conn[conn];
	struct link *l = link_of(u, c->id);

	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = c->in[(c->head + i) % IN_MAX];
	c->head = (c->head + (uint32_t)len) % IN_MAX;
	c->len -= (uint32_t)len;
	if (l)
		l->in_flight -= (uint32_t)len;
}

static size_t unix_write(struct vsock_peer *p, unsigned conn, const void *buf, size_t len)
{
	struct unix_peer *u = unix_of(p);
	struct conn *c = &u->conn[conn];
	struct link *l = link_of(u, c->id);

	if (len > OUT_MAX - c->taking)
		len = OUT_MAX - c->taking;
	c->taking += (uint32_t)len;
	if (l && len) {
		memcpy(l->out + l->out_len, buf, len);
		l->out_len += (uint32_t)len;
		flush(u, l);
	}
	return len;
}

static void unix_end(struct vsock_peer *p, unsigned conn)
{
	struct unix_peer *u = unix_of(p);
	struct link *l = link_of(u, u->conn[conn].id);

	if (!l)
		return;
	l->end_wanted = true;
	flush(u, l);
}

static void unix_close(struct vsock_peer *p, unsigned conn, bool reset)
{
	struct unix_peer *u = unix_of(p);
	struct link *l = link_of(u, u->conn[conn].id);

	u->conn[conn].used = false;
	if (!l)
		return;
	/* What the guest sent is still delivered, unless the connection broke. */
	l->bound = false;
	if (reset || !l->out_len)
		link_drop(l);
	else
		flush(u, l);
}

static void unix_reset(struct vsock_peer *p)
{
	struct unix_peer *u = unix_of(p);

	for (unsigned i = 0; i < VSOCK_CONNS; i++)
		if (u->conn[i].used)
			unix_close(p, i, true);
	while (u->nr_asks) {
		struct link *l = link_of(u, u->ask[--u->nr_asks].id);

		if (l)
			link_drop(l);
	}
}

static void unix_free(struct vsock_peer *p)
{
	struct unix_peer *u = unix_of(p);

	for (unsigned i = 0; i < LINKS; i++)
		if (u->link[i].fd >= 0)
			link_drop(&u->link[i]);
	if (u->listener >= 0) {
		close(u->listener);
		(void)unlink(u->path);
	}
	free(u);
}

static const struct vsock_peer_ops unix_ops = {
	.name = "unix",
	.connect = unix_connect,
	.accept = unix_accept,
	.poll = unix_poll,
	.readable = unix_readable,
	.read = unix_read,
	.write = unix_write,
	.accepted = unix_accepted,
	.end = unix_end,
	.close = unix_close,
	.reset = unix_reset,
	.free = unix_free,
};

/* ---- making one ------------------------------------------------------------------------------------ */

static int listen_on(struct unix_peer *u, struct err *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int r;

	memcpy(a.sun_path, u->path, sizeof(u->path));
	u->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (u->listener < 0)
		return err_set(err, -errno, "vsock: no Unix socket: %s", strerror(errno));
	if (!bind(u->listener, (struct sockaddr *)&a, sizeof(a)) && !listen(u->listener, 8))
		return 0;
	r = -errno;
	close(u->listener);
	u->listener = -1;
	return err_set(err, r, "vsock: cannot listen on %s: %s%s", u->path, strerror(-r),
		       r == -EADDRINUSE ? "; another run has it, or remove it" : "");
}

static int unix_new(struct vsock_peer **out, const char *path, struct input *in, struct err *err)
{
	struct unix_peer *u;
	int r;

	if (!*path || strlen(path) >= sizeof(u->path))
		return err_set(err, -EINVAL, "vsock: unix:PATH wants a path of 1 to %zu bytes",
			       sizeof(u->path) - 1);
	u = calloc(1, sizeof(*u));
	if (!u)
		return err_set(err, -ENOMEM, "vsock: no memory for the connections");
	u->peer.ops = &unix_ops;
	u->listener = -1;
	u->next_odd = 1;
	u->mode = input_mode(in);
	for (unsigned i = 0; i < LINKS; i++)
		u->link[i].fd = -1;
	memcpy(u->path, path, strlen(path));
	r = input_add(in, &u->source, "vsock", &unix_input, u, err);
	if (!r && u->mode != INPUT_REPLAY)
		r = listen_on(u, err);
	if (r) {
		unix_free(&u->peer);
		return r;
	}
	*out = &u->peer;
	return 0;
}

int vsock_peer_open(struct vsock_peer **out, const char *text, struct input *in, struct err *err)
{
	*out = NULL;
	if (!strcmp(text, "echo"))
		return 0;
	if (!strncmp(text, "unix:", 5))
		return unix_new(out, text + 5, in, err);
	return err_set(err, -EINVAL, "vsock: '%.60s' is no other end: echo or unix:PATH", text);
}
