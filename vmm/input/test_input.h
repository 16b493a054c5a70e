/* SPDX-License-Identifier: MIT */
/* For the tests of input: a clock, two pipes as sources, and a line of text for all that happens. */
#ifndef TEST_INPUT_H
#define TEST_INPUT_H

#include <inttypes.h>
#include <fcntl.h>
#include <unistd.h>

#include <vmm/input.h>

struct world;

struct end {
	struct world *world;
	const char *name;
	struct input_source *s;
	int r, w; /* the pipe */
	bool full, echo, count_only;
	unsigned asked;
	size_t bytes;
};

struct world {
	struct clock clock;
	struct input *in;
	struct end a, b;
	struct buf heard;
	struct clock_timer timer[2];
	unsigned again, hooks;
};

static unsigned end_fds(void *ctx, struct pollfd *fds, unsigned max)
{
	struct end *e = ctx;

	if (e->full || e->r < 0 || !max)
		return 0;
	*fds = (struct pollfd){.fd = e->r, .events = POLLIN};
	return 1;
}

static void end_ready(void *ctx, const struct pollfd *fds, unsigned n)
{
	struct end *e = ctx;
	char buf[256];
	ssize_t got;

	e->asked++;
	assert_int_equal(n, 1);
	assert_int_equal(fds->fd, e->r);
	got = read(e->r, buf, sizeof(buf));
	assert_true(got >= 0);
	if (got)
		assert_int_equal(input_put(e->s, buf, (size_t)got), 0);
	else
		input_end(e->s);
}

static void end_deliver(void *ctx, const void *p, size_t len)
{
	struct end *e = ctx;
	const char *c = p;

	e->bytes += len;
	if (e->count_only && len)
		return;
	buf_printf(&e->world->heard, "%" PRIu64 " %s ", clock_now(&e->world->clock), e->name);
	for (size_t i = 0; i < len; i++)
		buf_printf(&e->world->heard, c[i] ? "%c" : "\\0", c[i]);
	buf_printf(&e->world->heard, "%s\n", len ? "" : "end");
	if (e->echo)
		assert_int_equal(input_put(e->s, "echo", 4), 0);
}

static const struct input_ops end_ops = {end_fds, end_ready, end_deliver};

static void end_open(struct world *w, struct end *e, const char *name)
{
	int fd[2];

	e->world = w;
	e->name = name;
	assert_int_equal(input_add(w->in, &e->s, name, &end_ops, e, NULL), 0);
	if (input_mode(w->in) == INPUT_REPLAY)
		return;
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	e->r = fd[0];
	e->w = fd[1];
}

static inline void end_close(struct end *e)
{
	close(e->w);
	e->w = -1;
}

static inline void world_clear(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->a.r = w->a.w = w->b.r = w->b.w = -1;
	clock_init(&w->clock);
}

static inline void world_new(struct world *w, const char *record)
{
	struct err err = {0};

	world_clear(w);
	if (input_new(&w->in, &w->clock, record, &err))
		fail_msg("%s", err.msg);
}

static inline void world_replay(struct world *w, const char *path)
{
	struct err err = {0};

	world_clear(w);
	if (input_replay(&w->in, &w->clock, path, &err))
		fail_msg("%s", err.msg);
}

static inline void world_free(struct world *w)
{
	const int fd[] = {w->a.r, w->a.w, w->b.r, w->b.w};

	input_free(w->in);
	for (unsigned i = 0; i < 4; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	buf_free(&w->heard);
}

static void timer_fn(void *ctx, uint64_t now)
{
	struct world *w = ctx;

	buf_printf(&w->heard, "%" PRIu64 " timer\n", now);
	if (w->again) {
		w->again--;
		clock_arm(&w->clock, &w->timer[1], now);
	}
}

static inline void timer_at(struct world *w, unsigned i, uint64_t at)
{
	clock_timer_init(&w->timer[0], timer_fn, w);
	clock_timer_init(&w->timer[1], timer_fn, w);
	clock_arm(&w->clock, &w->timer[i], at);
}

static inline void count_hook(void *ctx)
{
	struct world *w = ctx;

	w->hooks++;
}

/* A name in /tmp that no file has. */
static inline void temp_name(char *path)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unlink(path), 0);
}

#endif
