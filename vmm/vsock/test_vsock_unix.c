/* SPDX-License-Identifier: MIT */
/* The peer that is the host's Unix sockets: both directions, its bounds, its end, record and replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <vmm/vsock_peer.h>

struct world {
	char dir[32], path[48], log[48];
	struct clock clock;
	struct input *in;
	struct vsock_peer *p;
	unsigned wakes;
	int server; /* listens at PATH_7 */
};

static void woken(void *ctx)
{
	((struct world *)ctx)->wakes++;
}

static void open_peer(struct world *w)
{
	char text[128];
	struct err err = {0};

	(void)snprintf(text, sizeof(text), "unix:%s", w->path);
	if (vsock_peer_open(&w->p, text, w->in, &err))
		fail_msg("%s", err.msg);
	w->p->wake = woken;
	w->p->wake_ctx = w;
	assert_int_equal(input_start(w->in, 1, NULL), 0);
}

static int listen_at(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static int call(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char server[64];

	assert_non_null(w);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/test_vsock.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->path, sizeof(w->path), "%s/v", w->dir);
	(void)snprintf(w->log, sizeof(w->log), "%s/log", w->dir);
	(void)snprintf(server, sizeof(server), "%s_7", w->path);
	w->server = listen_at(server);
	clock_init(&w->clock);
	*state = w;
	return 0;
}

static void close_all(struct world *w)
{
	vsock_peer_free(w->p);
	input_free(w->in);
	w->p = NULL;
	w->in = NULL;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char server[64];

	close_all(w);
	(void)snprintf(server, sizeof(server), "%s_7", w->path);
	close(w->server);
	unlink(server);
	unlink(w->log);
	/* The peer's own socket went with it. */
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static void live(struct world *w)
{
	assert_int_equal(input_new(&w->in, &w->clock, NULL, NULL), 0);
	open_peer(w);
}

/* Ticks, until what the host did has come in. */
static void ticks(struct world *w, unsigned n)
{
	while (n--)
		assert_int_equal(clock_advance(&w->clock, INPUT_TICK), 0);
}

static unsigned poll_of(struct world *w, unsigned conn)
{
	return w->p->ops->poll(w->p, conn);
}

static int connected(struct world *w, unsigned conn)
{
	int fd;

	assert_int_equal(w->p->ops->connect(w->p, conn, 7), -EINPROGRESS);
	assert_int_equal(poll_of(w, conn), 0);
	ticks(w, 2);
	assert_int_equal(poll_of(w, conn), VSOCK_PEER_OPEN);
	fd = accept(w->server, NULL, NULL);
	assert_true(fd >= 0);
	return fd;
}

static void texts(void **state)
{
	struct world *w = *state;
	struct err err = {0};
	char path[300] = "unix:";

	assert_int_equal(input_new(&w->in, &w->clock, NULL, NULL), 0);
	assert_int_equal(vsock_peer_open(&w->p, "echo", w->in, &err), 0);
	assert_null(w->p);
	assert_int_equal(vsock_peer_open(&w->p, "tcp:1", w->in, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "unix:PATH"));
	assert_int_equal(vsock_peer_open(&w->p, "unix:", w->in, &err), -EINVAL);
	memset(path + 5, 'x', 200);
	assert_int_equal(vsock_peer_open(&w->p, path, w->in, &err), -EINVAL);
	assert_int_equal(vsock_peer_open(&w->p, "unix:/nowhere/at/all", w->in, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/nowhere/at/all"));
}

static void path_in_use(void **state)
{
	struct world *w = *state;
	char text[128];
	struct err err = {0};

	(void)snprintf(text, sizeof(text), "unix:%s_7", w->path);
	assert_int_equal(input_new(&w->in, &w->clock, NULL, NULL), 0);
	assert_int_equal(vsock_peer_open(&w->p, text, w->in, &err), -EADDRINUSE);
	assert_non_null(strstr(err.msg, "remove it"));
}

/* The guest connects; bytes both ways; both ends say that there is no more. */
static void guest_connects(void **state)
{
	struct world *w = *state;
	uint8_t b[64];
	int fd;

	live(w);
	fd = connected(w, 3);
	assert_int_equal(w->p->ops->write(w->p, 3, "to the host", 11), 11);
	assert_int_equal(recv(fd, b, sizeof(b), 0), 11);
	assert_memory_equal(b, "to the host", 11);
	assert_int_equal(send(fd, "to the guest", 12, 0), 12);
	assert_int_equal(w->p->ops->readable(w->p, 3), 0);
	w->wakes = 0;
	ticks(w, 2);
	assert_true(w->wakes > 0);
	assert_int_equal(w->p->ops->readable(w->p, 3), 12);
	w->p->ops->read(w->p, 3, b, 7);
	assert_memory_equal(b, "to the ", 7);
	w->p->ops->read(w->p, 3, b, 5);
	assert_memory_equal(b, "guest", 5);
	/* The guest's end, then the host's. */
	w->p->ops->end(w->p, 3);
	assert_int_equal(recv(fd, b, sizeof(b), 0), 0);
	assert_int_equal(send(fd, "!", 1, 0), 1);
	close(fd);
	ticks(w, 3);
	assert_int_equal(poll_of(w, 3), VSOCK_PEER_OPEN | VSOCK_PEER_ENDED);
	assert_int_equal(w->p->ops->readable(w->p, 3), 1);
	w->p->ops->close(w->p, 3, false);
}

static void nobody_listens(void **state)
{
	struct world *w = *state;

	live(w);
	assert_int_equal(w->p->ops->connect(w->p, 0, 8), -EINPROGRESS);
	ticks(w, 2);
	assert_int_equal(poll_of(w, 0), VSOCK_PEER_GONE);
	w->p->ops->close(w->p, 0, false);
}

/* A host that does not read: as much is taken as there is room for, and it is said when there is more. */
static void bounds(void **state)
{
	static uint8_t big[65536];
	struct world *w = *state;
	size_t sent = 0, got = 0, n;
	int fd;

	live(w);
	fd = connected(w, 0);
	for (unsigned i = 0; i < 1000; i++) {
		n = w->p->ops->write(w->p, 0, big, 4096);
		sent += n;
		if (!n)
			ticks(w, 1);
	}
	assert_int_equal(w->p->ops->write(w->p, 0, big, 1), 0);
	assert_true(sent >= 65536 && sent < 4096u * 1000);
	while (got < sent) {
		n = (size_t)recv(fd, big, sizeof(big), MSG_DONTWAIT);
		if ((ssize_t)n > 0)
			got += n;
		ticks(w, 1);
	}
	ticks(w, 2);
	assert_int_equal(w->p->ops->write(w->p, 0, big, 5), 5);
	/* A guest that does not read: the socket's own buffer is where the rest waits. */
	for (got = 0; (ssize_t)(n = (size_t)send(fd, big, sizeof(big), MSG_DONTWAIT)) > 0; got += n)
		ticks(w, 20);
	assert_int_equal(w->p->ops->readable(w->p, 0), 65536);
	w->p->ops->read(w->p, 0, big, 60000);
	ticks(w, 20);
	assert_int_equal(w->p->ops->readable(w->p, 0), 65536);
	close(fd);
}

/* What the guest sent before it closed is still delivered. */
static void lingers(void **state)
{
	static uint8_t big[65536];
	struct world *w = *state;
	size_t sent = 0, got = 0, n;
	ssize_t r;
	int fd;

	live(w);
	fd = connected(w, 0);
	for (unsigned i = 0; i < 1000; i++) {
		n = w->p->ops->write(w->p, 0, big, 4096);
		sent += n;
		if (!n)
			ticks(w, 1);
	}
	w->p->ops->close(w->p, 0, false);
	/* The number is free for another meanwhile. */
	close(connected(w, 0));
	while ((r = recv(fd, big, sizeof(big), MSG_DONTWAIT)) != 0) {
		got += r > 0 ? (size_t)r : 0;
		ticks(w, 1);
	}
	assert_int_equal(got, sent);
	close(fd);
}

/* A socket that breaks, with bytes that nobody read. */
static void breaks(void **state)
{
	struct world *w = *state;
	int fd;

	live(w);
	fd = connected(w, 0);
	assert_int_equal(w->p->ops->write(w->p, 0, "unread", 6), 6);
	close(fd);
	ticks(w, 3);
	assert_true(poll_of(w, 0) & VSOCK_PEER_GONE);
	assert_int_equal(w->p->ops->write(w->p, 0, "more", 4), 4);
	w->p->ops->end(w->p, 0);
	w->p->ops->close(w->p, 0, false);
	/* One that is seen by sending. */
	fd = connected(w, 1);
	close(fd);
	assert_int_equal(w->p->ops->write(w->p, 1, "x", 1), 1);
	ticks(w, 3);
	assert_true(poll_of(w, 1) & VSOCK_PEER_GONE);
	w->p->ops->close(w->p, 1, true);
}

/* More of them than there are places: the last ones are turned away. */
static void crowd(void **state)
{
	struct world *w = *state;
	int fd[60];
	unsigned away = 0;
	char b;

	live(w);
	for (unsigned i = 0; i < ARRAY_SIZE(fd); i++) {
		fd[i] = call(w->path);
		ticks(w, 2);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(fd); i++) {
		away += recv(fd[i], &b, 1, MSG_DONTWAIT) == 0;
		close(fd[i]);
	}
	assert_int_equal(away, ARRAY_SIZE(fd) - 3 * VSOCK_CONNS);
	ticks(w, 3);
	/* And there is room again. */
	w->p->ops->close(w->p, 0, true);
	close(connected(w, 0));
}

/* It asked, and was gone before the device took it. */
static void asks_and_goes(void **state)
{
	struct world *w = *state;
	uint32_t port;
	int fd;

	live(w);
	fd = call(w->path);
	assert_int_equal(send(fd, "CONNECT 5\n", 10, 0), 10);
	ticks(w, 3);
	close(fd);
	ticks(w, 3);
	assert_true(w->p->ops->accept(w->p, 0, &port));
	assert_int_equal(port, 5);
	w->p->ops->accepted(w->p, 0);
	ticks(w, 3);
	assert_true(poll_of(w, 0) & (VSOCK_PEER_ENDED | VSOCK_PEER_GONE));
	w->p->ops->close(w->p, 0, false);
	w->p->ops->reset(w->p);
}

static void reset_closes(void **state)
{
	struct world *w = *state;
	uint8_t b;
	int fd, asker;

	live(w);
	fd = connected(w, 0);
	asker = call(w->path);
	assert_int_equal(send(asker, "CONNECT 9\n", 10, 0), 10);
	ticks(w, 3);
	w->p->ops->reset(w->p);
	assert_int_equal(recv(fd, &b, 1, 0), 0);
	assert_int_equal(recv(asker, &b, 1, 0), 0);
	close(fd);
	close(asker);
}

/* ---- the host connects ------------------------------------------------------------------------------ */

static void host_connects(void **state)
{
	struct world *w = *state;
	uint32_t port = 0;
	char b[64] = {0};
	int fd;

	live(w);
	assert_false(w->p->ops->accept(w->p, 2, &port));
	fd = call(w->path);
	/* In pieces, and what is behind the line is the guest's. */
	assert_int_equal(send(fd, "CONN", 4, 0), 4);
	ticks(w, 3);
	assert_false(w->p->ops->accept(w->p, 2, &port));
	assert_int_equal(send(fd, "ECT 5000\nhello", 14, 0), 14);
	ticks(w, 3);
	assert_true(w->p->ops->accept(w->p, 2, &port));
	assert_int_equal(port, 5000);
	assert_false(w->p->ops->accept(w->p, 4, &port));
	assert_int_equal(poll_of(w, 2), VSOCK_PEER_OPEN);
	ticks(w, 3);
	assert_int_equal(w->p->ops->readable(w->p, 2), 5);
	assert_int_equal(recv(fd, b, sizeof(b), MSG_DONTWAIT), -1);
	w->p->ops->accepted(w->p, 2);
	assert_int_equal(recv(fd, b, sizeof(b), 0), 8);
	assert_string_equal(b, "OK 1026\n");
	assert_int_equal(w->p->ops->write(w->p, 2, "hi", 2), 2);
	assert_int_equal(recv(fd, b, sizeof(b), 0), 2);
	w->p->ops->close(w->p, 2, false);
	assert_int_equal(recv(fd, b, sizeof(b), 0), 0);
	close(fd);
}

static void bad_lines(void **state)
{
	static const char *const bad[] = {"GET / HTTP/1.1\r\n\r\n",
					  "CONNECT \n",
					  "CONNECT x\n",
					  "CONNECT 4294967296\n",
					  "CONNECT 1 2\n",
					  "\n",
					  "CONNECT 00000000000000000000000000000001\n"};
	struct world *w = *state;
	uint32_t port;
	char b;

	live(w);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		int fd = call(w->path);

		assert_int_equal(send(fd, bad[i], strlen(bad[i]), 0), strlen(bad[i]));
		ticks(w, 3);
		assert_false(w->p->ops->accept(w->p, 0, &port));
		assert_true(recv(fd, &b, 1, 0) <= 0);
		close(fd);
	}
	/* One that says nothing, and goes. */
	close(call(w->path));
	ticks(w, 3);
	assert_false(w->p->ops->accept(w->p, 0, &port));
}

/* ---- record and replay ------------------------------------------------------------------------------- */

/* What a device would do and see; a line each. */
static void story(struct world *w, struct buf *out, int *fd, bool host)
{
	char b[64];
	uint32_t port;

	(void)w->p->ops->connect(w->p, 0, 7);
	for (unsigned i = 0; i < 30; i++) {
		if (host && i == 3)
			*fd = accept(w->server, NULL, NULL);
		if (host && i == 5)
			assert_int_equal(send(*fd, "abc", 3, 0), 3);
		if (host && i == 9)
			assert_int_equal(send(*fd, "defg", 4, 0), 4);
		if (host && i == 15)
			close(*fd);
		if (host && i == 18) {
			*fd = call(w->path);
			assert_int_equal(send(*fd, "CONNECT 99\n", 11, 0), 11);
		}
		if (i == 6)
			(void)w->p->ops->write(w->p, 0, "xyz", 3);
		ticks(w, 1);
		if (w->p->ops->accept(w->p, 5, &port))
			buf_printf(out, "%u port %u\n", i, port);
		size_t n = w->p->ops->readable(w->p, 0);

		w->p->ops->read(w->p, 0, b, n);
		buf_printf(out, "%u said %u wakes %u %.*s\n", i, poll_of(w, 0), w->wakes, (int)n,
			   b);
	}
}

static void recorded_and_replayed(void **state)
{
	struct world *w = *state;
	struct buf first = {0}, second = {0};
	int fd = -1;

	assert_int_equal(input_new(&w->in, &w->clock, w->log, NULL), 0);
	open_peer(w);
	story(w, &first, &fd, true);
	assert_int_equal(input_finish(w->in, 5, NULL), 0);
	assert_int_equal(input_close(w->in, NULL), 0);
	close_all(w);
	close(fd);
	assert_non_null(strstr(buf_str(&first), "abc"));
	assert_non_null(strstr(buf_str(&first), "port 99"));
	/* No socket anywhere. */
	clock_init(&w->clock);
	w->wakes = 0;
	assert_int_equal(input_replay(&w->in, &w->clock, w->log, NULL), 0);
	open_peer(w);
	assert_int_equal(access(w->path, F_OK), -1);
	story(w, &second, &fd, false);
	assert_string_equal(buf_str(&first), buf_str(&second));
	assert_int_equal(input_finish(w->in, 5, NULL), 0);
	buf_free(&first);
	buf_free(&second);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(texts),
		T(path_in_use),
		T(guest_connects),
		T(nobody_listens),
		T(bounds),
		T(lingers),
		T(reset_closes),
		T(breaks),
		T(crowd),
		T(asks_and_goes),
		T(host_connects),
		T(bad_lines),
		T(recorded_and_replayed),
	};

	return cmocka_run_group_tests_name("vsock_unix", tests, NULL, NULL);
}
