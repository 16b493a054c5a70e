/* SPDX-License-Identifier: MIT */
/*
 * input: sources, ticks and waiting. A tick is a timer like any other, but it goes behind all that are
 * due at its instant: what a run did before a delivery then does not depend on when the timer was
 * armed, which differs between a run and its replay.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "input_priv.h"

#define TICK_MIN  1000u
#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull
#define MSG_HEAD  sizeof(uint32_t)

/* Messages that wait, each behind its length. */
struct msgs {
	uint8_t *p;
	size_t len, cap;
};

struct input_source {
	struct input *in;
	char name[INPUT_NAME];
	const struct input_ops *ops;
	void *ctx;
	struct msgs queue;
	bool ending; /* the host's side is at its end, maybe with messages before it */
	bool ended;  /* that was delivered */
	bool named;  /* replay: the recording has it */
};

struct input {
	struct clock *clock;
	struct clock_timer timer;
	uint64_t tick;
	enum input_mode mode;
	bool started, closed, over;
	char fault[160]; /* "": none */
	void (*hook)(void *ctx);
	void *hook_ctx;
	struct input_source *src[INPUT_SOURCES];
	unsigned nr;
	struct log_out *out;
	struct log_in *log;
	size_t at;		       /* the next record to be delivered */
	uint8_t of_log[INPUT_SOURCES]; /* which of ours is the recording's (i)-th source */
};

/* ---- faults -------------------------------------------------------------------------------------- */

static void call_hook(struct input *in)
{
	if (in->hook)
		in->hook(in->hook_ctx);
}

static void __attribute__((format(printf, 2, 3))) fault(struct input *in, const char *fmt, ...)
{
	va_list ap;

	if (in->fault[0])
		return; /* the first one counts */
	va_start(ap, fmt);
	(void)vsnprintf(in->fault, sizeof(in->fault), fmt, ap);
	va_end(ap);
	call_hook(in);
}

const char *input_fault(const struct input *in)
{
	return in->fault[0] ? in->fault : NULL;
}

bool input_over(const struct input *in)
{
	return in->over;
}

/* ---- messages ------------------------------------------------------------------------------------ */

int input_put(struct input_source *s, const void *p, size_t len)
{
	struct msgs *q = &s->queue;
	size_t need = q->len + MSG_HEAD + len;
	uint32_t n = (uint32_t)len;

	if (s->in->mode == INPUT_REPLAY)
		return 0;
	if (!len || len > INPUT_MSG)
		return -EMSGSIZE;
	if (s->ending)
		return -EPIPE;
	if (need > INPUT_QUEUE)
		return -ENOBUFS;
	if (need > q->cap) {
		size_t cap = q->cap ? q->cap : 4096;
		uint8_t *more;

		while (cap < need)
			cap *= 2;
		more = realloc(q->p, cap);
		if (!more)
			return -ENOMEM;
		q->p = more;
		q->cap = cap;
	}
	memcpy(q->p + q->len, &n, MSG_HEAD);
	memcpy(q->p + q->len + MSG_HEAD, p, len);
	q->len = need;
	return 0;
}

void input_end(struct input_source *s)
{
	s->ending = true;
}

/*
 * What is queued goes in. The queue is taken off first: a device that answers to what it is given may
 * cause more to be put, which is for the next tick.
 */
static void drain(struct input *in, struct input_source *s)
{
	struct msgs q = s->queue;
	uint64_t now = clock_now(in->clock);
	bool ending = s->ending;
	uint32_t n;

	s->queue = (struct msgs){0};
	for (size_t at = 0; at < q.len; at += MSG_HEAD + n) {
		const uint8_t *p = q.p + at + MSG_HEAD;

		memcpy(&n, q.p + at, MSG_HEAD);
		if (in->out)
			log_out_put(in->out, LOG_DATA, now, s->name, p, n);
		s->ops->deliver(s->ctx, p, n);
	}
	/* Kept for the next, unless another one was begun. */
	if (s->queue.p) {
		free(q.p);
	} else {
		q.len = 0;
		s->queue = q;
	}
	if (!ending || s->ended)
		return;
	s->ended = true;
	if (in->out)
		log_out_put(in->out, LOG_END, now, s->name, NULL, 0);
	s->ops->deliver(s->ctx, NULL, 0);
}

/* ---- the host ------------------------------------------------------------------------------------ */

struct fds {
	struct pollfd fd[INPUT_FDS];
	unsigned first[INPUT_SOURCES + 1]; /* those of source (i): from first[i] to first[i + 1] */
};

static unsigned gather(const struct input *in, struct fds *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < in->nr; i++) {
		const struct input_source *s = in->src[i];

		f->first[i] = n;
		if (s->ops->fds && !s->ending)
			n += s->ops->fds(s->ctx, &f->fd[n], INPUT_FDS - n);
		assert(n <= INPUT_FDS);
	}
	f->first[in->nr] = n;
	return n;
}

static void ask_host(struct input *in)
{
	struct fds f;
	unsigned n = gather(in, &f);

	if (n && poll(f.fd, n, 0) < 0) {
		if (errno != EINTR)
			fault(in, "cannot wait for input: %s", strerror(errno));
		return;
	}
	for (unsigned i = 0; i < in->nr; i++) {
		struct input_source *s = in->src[i];
		unsigned first = f.first[i], last = f.first[i + 1], any = !s->ops->fds;

		for (unsigned k = first; k < last; k++)
			any |= f.fd[k].revents != 0;
		if (any && s->ops->ready && !s->ending)
			s->ops->ready(s->ctx, &f.fd[first], last - first);
	}
}

static bool any_active(const struct input *in)
{
	for (unsigned i = 0; i < in->nr; i++)
		if (!in->src[i]->ended)
			return true;
	return false;
}

static void live_arm(struct input *in)
{
	uint64_t at;

	if (!any_active(in) || add_wraps(clock_now(in->clock), in->tick, &at))
		at = CLOCK_NEVER;
	clock_arm(in->clock, &in->timer, at);
}

static void live_tick(struct input *in)
{
	ask_host(in);
	for (unsigned i = 0; i < in->nr; i++)
		drain(in, in->src[i]);
	if (in->out && in->out->error)
		fault(in, "cannot write the recording: %s", strerror(-in->out->error));
	live_arm(in);
	call_hook(in);
}

/* ---- replay -------------------------------------------------------------------------------------- */

static const struct log_rec *next_rec(const struct input *in)
{
	return in->at < in->log->nr ? &in->log->rec[in->at] : NULL;
}

static void replay_arm(struct input *in)
{
	const struct log_rec *r = next_rec(in);
	uint64_t at = CLOCK_NEVER;

	if (r && !in->over && !in->fault[0])
		at = r->time;
	/* The run ends by itself at that time: one that goes on is another run. */
	if (r && r->kind == LOG_FINISH && at != CLOCK_NEVER)
		at++;
	clock_arm(in->clock, &in->timer, at);
}

static void replay_tick(struct input *in)
{
	uint64_t now = clock_now(in->clock);
	const struct log_rec *r;

	while ((r = next_rec(in)) && r->time <= now && !in->over && !in->fault[0]) {
		struct input_source *s;

		if (r->kind == LOG_CUT) {
			in->over = true;
			call_hook(in);
			break;
		}
		if (r->kind == LOG_FINISH) {
			if (r->time < now)
				fault(in,
				      "replay diverged: the recorded run ended at %" PRIu64
				      " ns, this one goes on",
				      r->time);
			break;
		}
		s = in->src[in->of_log[r->source]];
		in->at++;
		s->ended = r->kind == LOG_END;
		s->ops->deliver(s->ctx, r->kind == LOG_END ? NULL : in->log->bytes + r->data,
				r->len);
	}
	replay_arm(in);
}

/* Where the recording is at this time: all of it that is due has been delivered. */
static void replay_seek(struct input *in)
{
	size_t lo = in->log->start + 1, hi = in->log->nr;
	uint64_t now = clock_now(in->clock);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct log_rec *r = &in->log->rec[mid];

		if (r->time <= now && r->kind != LOG_FINISH && r->kind != LOG_CUT)
			lo = mid + 1;
		else
			hi = mid;
	}
	in->at = lo;
	in->over = false;
	in->fault[0] = '\0';
	for (unsigned i = 0; i < in->nr; i++)
		in->src[i]->ended = false;
	for (size_t i = in->log->start + 1; i < lo; i++)
		if (in->log->rec[i].kind == LOG_END)
			in->src[in->of_log[in->log->rec[i].source]]->ended = true;
}

/* ---- time ---------------------------------------------------------------------------------------- */

static void tick(void *ctx, uint64_t now)
{
	struct input *in = ctx;

	/* Behind everyone else: those that are armed for this instant while we are, too. */
	if (clock_next(in->clock) <= now) {
		clock_arm(in->clock, &in->timer, now);
		return;
	}
	if (in->mode == INPUT_REPLAY)
		replay_tick(in);
	else
		live_tick(in);
}

void input_rearm(struct input *in)
{
	if (!in->started)
		return;
	if (in->mode == INPUT_REPLAY) {
		replay_seek(in);
		replay_arm(in);
	} else {
		live_arm(in);
	}
}

uint64_t input_next_other(const struct input *in)
{
	return clock_next_but(in->clock, &in->timer);
}

static uint64_t host_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static int replay_wait(const struct input *in, uint64_t until)
{
	const struct log_rec *r = next_rec(in);

	/* The end that was recorded wakes nobody. */
	return until == CLOCK_NEVER && (!r || r->kind == LOG_FINISH) ? -ENODATA : 0;
}

/* Nothing came until (until), or all is said: no tick before that. */
static int out_of_the_way(struct input *in, uint64_t until)
{
	if (until == CLOCK_NEVER)
		return -ENODATA;
	if (in->timer.deadline < until)
		clock_arm(in->clock, &in->timer, until);
	return 0;
}

static int host_wait(struct input *in, uint64_t until, uint64_t max_ms)
{
	uint64_t now = clock_now(in->clock), max = UINT64_MAX, wait = UINT64_MAX, since, spent;
	struct timespec t;
	struct fds f;
	unsigned n = gather(in, &f);
	int r;

	if (!n)
		return out_of_the_way(in, until);
	if (max_ms && mul_wraps(max_ms, NS_PER_MS, &max))
		max = UINT64_MAX;
	if (until != CLOCK_NEVER)
		wait = until > now ? until - now : 0;
	if (max < wait)
		wait = max;
	t.tv_sec = (time_t)(wait / NS_PER_S);
	t.tv_nsec = (long)(wait % NS_PER_S);
	since = host_ns();
	r = ppoll(f.fd, n, wait == UINT64_MAX ? NULL : &t, NULL);
	if (r < 0 && errno == EINTR)
		return -EINTR;
	if (r < 0) {
		fault(in, "cannot wait for input: %s", strerror(errno));
		return 0;
	}
	if (!r)
		return wait == max ? -ETIME : out_of_the_way(in, until);
	spent = host_ns() - since;
	if (add_wraps(now, spent, &now) || now > until)
		now = until;
	clock_arm(in->clock, &in->timer, now);
	return 0;
}

int input_wait(struct input *in, uint64_t until, uint64_t max_ms)
{
	if (!in->started || !in->nr)
		return until == CLOCK_NEVER ? -ENODATA : 0;
	if (in->mode == INPUT_REPLAY)
		return replay_wait(in, until);
	if (in->fault[0])
		return 0;
	/* Put outside of a tick: that comes first. */
	for (unsigned i = 0; i < in->nr; i++)
		if (in->src[i]->queue.len || (in->src[i]->ending && !in->src[i]->ended))
			return 0;
	return host_wait(in, until, max_ms);
}

/* ---- making it ----------------------------------------------------------------------------------- */

static int make(struct input **out, struct clock *clock, enum input_mode mode, struct err *err)
{
	struct input *in = calloc(1, sizeof(*in));

	*out = in;
	if (!in)
		return err_set(err, -ENOMEM, "no memory for the input of a machine");
	in->clock = clock;
	in->tick = INPUT_TICK;
	in->mode = mode;
	clock_timer_init(&in->timer, tick, in);
	return 0;
}

int input_new(struct input **out, struct clock *clock, const char *record, struct err *err)
{
	int rc = make(out, clock, record ? INPUT_RECORD : INPUT_LIVE, err);

	if (!rc && record)
		rc = log_out_open(&(*out)->out, record, err);
	if (rc) {
		input_free(*out);
		*out = NULL;
	}
	return rc;
}

/* Takes (bytes). */
static int replay_of(struct input **out, struct clock *clock, uint8_t *bytes, size_t len,
		     struct err *err)
{
	int rc = make(out, clock, INPUT_REPLAY, err);

	if (rc) {
		free(bytes);
		return rc;
	}
	rc = log_in_open(&(*out)->log, bytes, len, err);
	if (rc) {
		input_free(*out);
		*out = NULL;
	}
	return rc;
}

int input_replay(struct input **out, struct clock *clock, const char *path, struct err *err)
{
	void *bytes;
	size_t len;
	int rc;

	*out = NULL;
	rc = file_read(path, INPUT_LOG_MAX, &bytes, &len, err);
	if (rc)
		return rc;
	rc = replay_of(out, clock, bytes, len, err);
	if (rc == -EINVAL)
		err_prefix(err, "%s", path);
	return rc;
}

int input_replay_bytes(struct input **out, struct clock *clock, const void *p, size_t len,
		       struct err *err)
{
	uint8_t *copy = malloc(len ? len : 1);

	*out = NULL;
	if (!copy)
		return err_set(err, -ENOMEM, "no memory for a recording");
	if (len)
		memcpy(copy, p, len);
	return replay_of(out, clock, copy, len, err);
}

void input_free(struct input *in)
{
	if (!in)
		return;
	clock_cancel(in->clock, &in->timer);
	for (unsigned i = 0; i < in->nr; i++) {
		free(in->src[i]->queue.p);
		free(in->src[i]);
	}
	log_out_free(in->out);
	log_in_free(in->log);
	free(in);
}

enum input_mode input_mode(const struct input *in)
{
	return in->mode;
}

void input_set_tick(struct input *in, uint64_t ns)
{
	in->tick = ns < TICK_MIN ? TICK_MIN : ns;
}

void input_set_hook(struct input *in, void (*fn)(void *ctx), void *ctx)
{
	in->hook = fn;
	in->hook_ctx = ctx;
}

bool input_is_live(const struct input *in)
{
	return in->mode == INPUT_LIVE && in->nr;
}

bool input_asks_host(const struct input *in)
{
	return in->mode != INPUT_REPLAY && in->nr;
}

static bool name_fits(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f)
			return false;
	return n && n < INPUT_NAME;
}

static const struct log_rec *recorded(const struct input *in, const char *name, enum log_kind kind)
{
	for (size_t i = 0; i < in->log->start; i++) {
		const struct log_rec *r = &in->log->rec[i];

		if (r->kind == kind && log_in_named(in->log, r, name))
			return r;
	}
	return NULL;
}

int input_add(struct input *in, struct input_source **out, const char *name,
	      const struct input_ops *ops, void *ctx, struct err *err)
{
	struct input_source *s;

	assert(!in->started && ops->deliver);
	*out = NULL;
	if (!name_fits(name))
		return err_set(err, -EINVAL, "input '%.40s': no name of 1 to %u printable bytes",
			       name, INPUT_NAME - 1);
	for (unsigned i = 0; i < in->nr; i++)
		if (!strcmp(in->src[i]->name, name))
			return err_set(err, -EEXIST, "input '%s' is there already", name);
	if (in->nr == INPUT_SOURCES)
		return err_set(err, -E2BIG, "more than %d sources of input", INPUT_SOURCES);
	if (in->log) {
		const struct log_rec *r = recorded(in, name, LOG_SOURCE);

		if (!r)
			return err_set(err, -EINVAL,
				       "replay: input '%s' is not in the recording: give the "
				       "machine that was recorded",
				       name);
		in->of_log[r->source] = (uint8_t)in->nr;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, -ENOMEM, "no memory for input '%s'", name);
	s->in = in;
	memcpy(s->name, name, strlen(name) + 1);
	s->ops = ops;
	s->ctx = ctx;
	in->src[in->nr++] = s;
	if (in->out)
		log_out_put(in->out, LOG_SOURCE, clock_now(in->clock), name, NULL, 0);
	*out = s;
	return 0;
}

int input_value(struct input *in, const char *name, uint64_t *val, struct err *err)
{
	uint8_t bytes[8];

	assert(!in->started);
	if (!name_fits(name))
		return err_set(err, -EINVAL, "value '%.40s': no name of 1 to %u printable bytes",
			       name, INPUT_NAME - 1);
	if (in->log) {
		const struct log_rec *r = recorded(in, name, LOG_VALUE);

		if (!r)
			return err_set(err, -EINVAL, "replay: value '%s' is not in the recording",
				       name);
		*val = ld_le64(in->log->bytes + r->data);
	}
	st_le64(bytes, *val);
	if (in->out)
		log_out_put(in->out, LOG_VALUE, clock_now(in->clock), name, bytes, sizeof(bytes));
	return 0;
}

/* ---- start and end --------------------------------------------------------------------------------- */

static int start_replay(struct input *in, uint64_t identity, struct err *err)
{
	const struct log_rec *r = &in->log->rec[in->log->start];

	for (unsigned i = 0; i < in->log->nr_sources; i++) {
		const struct log_rec *s = log_in_source(in->log, i);
		bool there = false;

		for (unsigned k = 0; k < in->nr && s; k++)
			there |= log_in_named(in->log, s, in->src[k]->name);
		if (!there)
			return err_set(err, -EINVAL,
				       "replay: the recording has input '%.*s', this machine has "
				       "not: give the one that was recorded",
				       s ? s->name_len : 0,
				       s ? (const char *)in->log->bytes + s->name : "");
	}
	if (ld_le64(in->log->bytes + r->data) != identity || r->time != clock_now(in->clock))
		return err_set(err, -EINVAL,
			       "replay: the recording is of another machine or guest: give the "
			       "image, memory, devices and seed that it was made with");
	return 0;
}

int input_start(struct input *in, uint64_t identity, struct err *err)
{
	uint8_t bytes[8];
	int rc = in->log ? start_replay(in, identity, err) : 0;

	if (rc)
		return rc;
	st_le64(bytes, identity);
	if (in->out)
		log_out_put(in->out, LOG_START, clock_now(in->clock), NULL, bytes, sizeof(bytes));
	in->started = true;
	if (in->log) {
		in->at = in->log->start + 1;
		replay_arm(in);
	} else {
		live_arm(in);
	}
	return 0;
}

static int check_finish(struct input *in, uint64_t result, struct err *err)
{
	const struct log_rec *r = next_rec(in);
	uint64_t now = clock_now(in->clock), want;

	if (!r || r->kind != LOG_FINISH)
		return err_set(err, -EILSEQ,
			       "replay diverged: this run ended at %" PRIu64
			       " ns, the recorded one went on%s",
			       now, r && r->kind == LOG_DATA ? ": input is left" : "");
	if (r->time != now)
		return err_set(err, -EILSEQ,
			       "replay diverged: this run ended at %" PRIu64
			       " ns, the recorded one at %" PRIu64,
			       now, r->time);
	want = ld_le64(in->log->bytes + r->data);
	if (want != result)
		return err_set(err, -EILSEQ,
			       "replay diverged: the machine ends as %016" PRIx64
			       ", the recorded one as %016" PRIx64,
			       result, want);
	in->at++;
	replay_arm(in);
	return 0;
}

int input_finish(struct input *in, uint64_t result, struct err *err)
{
	uint8_t bytes[8];

	if (!in->started || in->closed)
		return 0;
	if (in->log)
		return check_finish(in, result, err);
	in->closed = true;
	st_le64(bytes, result);
	if (in->out)
		log_out_put(in->out, LOG_FINISH, clock_now(in->clock), NULL, bytes, sizeof(bytes));
	clock_cancel(in->clock, &in->timer);
	return 0;
}

int input_close(struct input *in, struct err *err)
{
	struct log_out *o = in->out;

	if (!o)
		return 0;
	in->out = NULL;
	/* A machine that never came to be leaves no recording. */
	if (!in->started) {
		log_out_free(o);
		return 0;
	}
	if (!in->closed)
		log_out_put(o, LOG_CUT, clock_now(in->clock), NULL, NULL, 0);
	in->closed = true;
	clock_cancel(in->clock, &in->timer);
	return log_out_close(o, err);
}
