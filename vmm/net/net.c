/* SPDX-License-Identifier: MIT */
/* net: the cable between a device and a back end: judging, offloads, the queue, snapshots, texts. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "net_priv.h"

/* A frame that waits, its bytes behind it; each begins at a multiple of 8. */
struct record {
	uint64_t due;
	uint32_t len;
	uint32_t segments; /* of it that were delivered already */
	struct net_meta meta;
};
#define ALIGN 8u

struct net_queue {
	uint8_t *b; /* NET_QUEUE_BYTES */
	size_t head, tail;
	unsigned n;
	uint64_t last; /* no frame is due later */
	/* what net_mark() kept */
	bool marked;
	uint8_t *kept;
	size_t kept_len;
	unsigned kept_n;
	uint64_t kept_last;
	bool kept_link;
	struct net_stats kept_stats;
};

/* ---- the queue ---------------------------------------------------------------------------------- */

static size_t record_bytes(uint32_t len)
{
	return align_up(sizeof(struct record) + len, ALIGN);
}

static struct record *record_at(struct net_queue *q, size_t at)
{
	return (struct record *)(void *)(q->b + at);
}

static struct record *first(struct net_queue *q)
{
	return q->n ? record_at(q, q->head) : NULL;
}

static void pop(struct net_queue *q)
{
	q->head += record_bytes(record_at(q, q->head)->len);
	if (!--q->n)
		q->head = q->tail = 0;
}

/* Room for (size) bytes at the end; the rest moves to the front when it has to. */
static bool make_room(struct net_queue *q, size_t size)
{
	if (q->n == NET_QUEUE || q->tail - q->head + size > NET_QUEUE_BYTES)
		return false;
	if (q->tail + size > NET_QUEUE_BYTES) {
		memmove(q->b, q->b + q->head, q->tail - q->head);
		q->tail -= q->head;
		q->head = 0;
	}
	return true;
}

/* Where a frame for (due) goes: behind all that are due no later. */
static size_t place(struct net_queue *q, uint64_t due)
{
	size_t at = q->head;

	/* Without a delay, and with one that is the same for all, this is the rule. */
	if (!q->n || due >= q->last) {
		q->last = due;
		return q->tail;
	}
	while (record_at(q, at)->due <= due)
		at += record_bytes(record_at(q, at)->len);
	return at;
}

static void arm(struct net *n)
{
	struct record *r = first(n->queue);
	uint64_t due = r ? r->due : CLOCK_NEVER;

	/* One that is due and still there was refused: it waits for net_resume(). */
	if (r && due <= clock_now(n->clock))
		due = CLOCK_NEVER;
	if (due != n->timer.deadline)
		clock_arm(n->clock, &n->timer, due);
}

/* ---- to the device ------------------------------------------------------------------------------- */

struct delivery {
	struct net *n;
	struct record *r;
	uint32_t i; /* the segment that is next */
};

static int deliver(struct net *n, const void *frame, size_t len, const struct net_meta *m)
{
	int r = n->rx->frame(n->rx_ctx, frame, len, m);

	if (r == -EAGAIN)
		return r;
	n->stats.received++;
	n->stats.received_bytes += len;
	if (n->out)
		net_pcap_out_put(n->out, clock_now(n->clock), frame, len);
	return 0;
}

static int deliver_segment(void *ctx, const void *frame, size_t len)
{
	struct delivery *d = ctx;
	const struct net_meta none = {0};
	int r;

	if (d->i++ < d->r->segments)
		return 0;
	r = deliver(d->n, frame, len, &none);
	d->r->segments += !r;
	return r;
}

static bool takes_gso(unsigned takes, uint8_t gso)
{
	unsigned need = (gso & 0x7f) == NET_GSO_TCP6 ? NET_TAKES_TSO6 : NET_TAKES_TSO4;

	if (gso & NET_GSO_ECN)
		need |= NET_TAKES_ECN;
	return (takes & need) == need;
}

/* The first of the queue to the device, as much of its offload done as that does not take. */
static int offer(struct net *n, struct record *r)
{
	struct delivery d = {n, r, 0};
	uint8_t *frame = (uint8_t *)(r + 1);
	unsigned takes;

	if (!n->rx)
		return -EAGAIN;
	takes = n->rx->takes ? n->rx->takes(n->rx_ctx) : 0;
	if (r->meta.gso && (r->segments || !takes_gso(takes, r->meta.gso)))
		return net_segment(frame, r->len, &r->meta, n->room, deliver_segment, &d);
	if ((r->meta.flags & NET_NEEDS_CSUM) && !(takes & NET_TAKES_CSUM)) {
		/* It was judged when it was sent. */
		(void)net_csum_complete(frame, r->len, &r->meta);
		r->meta = (struct net_meta){0};
	}
	return deliver(n, frame, r->len, &r->meta);
}

/* What is due, until the device refuses: at most NET_QUEUE frames, as it cannot add one. */
static void drain(struct net *n)
{
	struct record *r;

	if (n->delivering || n->sending)
		return;
	n->delivering = true;
	while ((r = first(n->queue)) && r->due <= clock_now(n->clock)) {
		if (!n->link_up)
			n->stats.refused++;
		else if (offer(n, r) == -EAGAIN)
			break;
		pop(n->queue);
	}
	n->delivering = false;
	arm(n);
}

static void on_timer(void *ctx, uint64_t now)
{
	(void)now;
	drain(ctx);
}

void net_resume(struct net *n)
{
	if (n->queue->n)
		drain(n);
}

unsigned net_waiting(const struct net *n)
{
	return n->queue->n;
}

int net_input(struct net *n, const void *frame, size_t len, const struct net_meta *m, uint64_t due)
{
	struct net_queue *q = n->queue;
	size_t size, at;
	struct record *r;

	if (len < NET_FRAME_MIN || len > NET_FRAME_MAX)
		return -EMSGSIZE;
	size = record_bytes((uint32_t)len);
	if (!make_room(q, size)) {
		n->stats.overrun++;
		return -ENOBUFS;
	}
	at = place(q, due);
	memmove(q->b + at + size, q->b + at, q->tail - at);
	r = record_at(q, at);
	/* Padding too: what is kept is equal for equal queues. */
	memset(q->b + at + size - ALIGN, 0, ALIGN);
	*r = (struct record){
		.due = due, .len = (uint32_t)len, .meta = m ? *m : (struct net_meta){0}};
	memcpy(r + 1, frame, len);
	q->tail += size;
	q->n++;
	drain(n);
	return 0;
}

void net_link(struct net *n, bool up, bool announce)
{
	if (n->link_up == up && !announce)
		return;
	n->link_up = up;
	if (n->rx && n->rx->link)
		n->rx->link(n->rx_ctx, up, announce);
}

/* ---- from the device ------------------------------------------------------------------------------ */

static int send_one(struct net *n, const void *frame, size_t len, const struct net_meta *m)
{
	n->stats.sent++;
	n->stats.sent_bytes += len;
	if (n->out)
		net_pcap_out_put(n->out, clock_now(n->clock), frame, len);
	if (n->ops->send(n, frame, len, m))
		n->stats.refused++;
	return 0;
}

static int send_segment(void *ctx, const void *frame, size_t len)
{
	const struct net_meta none = {0};

	return send_one(ctx, frame, len, &none);
}

/* 0, or -EINVAL: the frame is not what (m) says. */
static int send_checked(struct net *n, const void *frame, size_t len, const struct net_meta *m)
{
	const struct net_meta none = {0};

	if ((m->flags & NET_NEEDS_CSUM) && (size_t)m->csum_start + m->csum_offset + 2 > len)
		return -EINVAL;
	if (n->takes_meta) {
		if (m->gso && net_segment_check(frame, len, m))
			return -EINVAL;
		return send_one(n, frame, len, m);
	}
	if (m->gso)
		return net_segment(frame, len, m, n->room, send_segment, n);
	if (!(m->flags & NET_NEEDS_CSUM))
		return send_one(n, frame, len, &none);
	memcpy(n->room, frame, len);
	(void)net_csum_complete(n->room, len, m);
	return send_one(n, n->room, len, &none);
}

void net_send(struct net *n, const void *frame, size_t len, const struct net_meta *m)
{
	const struct net_meta none = {0};

	if (len < NET_FRAME_MIN || len > NET_FRAME_MAX) {
		n->stats.bad++;
		return;
	}
	if (!n->link_up) {
		n->stats.refused++;
		return;
	}
	/* Answers wait until it is sent whole: the room for segments is in use. */
	n->sending = true;
	if (send_checked(n, frame, len, m ? m : &none))
		n->stats.bad++;
	n->sending = false;
	drain(n);
}

int net_receive(struct net *n, const struct net_receiver *rx, void *ctx)
{
	if (rx && n->rx)
		return -EBUSY;
	n->rx = rx;
	n->rx_ctx = ctx;
	return 0;
}

/* ---- snapshots -------------------------------------------------------------------------------------- */

int net_mark(struct net *n, struct err *err)
{
	struct net_queue *q = n->queue;
	size_t len = q->tail - q->head;
	uint8_t *kept;
	int r;

	if (n->live)
		return err_set(
			err, -ENOTSUP,
			"network '%s' cannot go back to a snapshot: the other end is outside",
			n->ops->name);
	kept = malloc(len ? len : 1);
	if (!kept)
		return err_set(err, -ENOMEM, "no memory to keep %zu bytes of frames", len);
	r = n->ops->mark ? n->ops->mark(n) : 0;
	if (r) {
		free(kept);
		return err_set(err, r, "network '%s' cannot be kept for a snapshot: %s",
			       n->ops->name, strerror(-r));
	}
	memcpy(kept, q->b + q->head, len);
	free(q->kept);
	q->kept = kept;
	q->kept_len = len;
	q->kept_n = q->n;
	q->kept_last = q->last;
	q->kept_link = n->link_up;
	q->kept_stats = n->stats;
	q->marked = true;
	if (n->out)
		net_pcap_out_mark(n->out);
	return 0;
}

int net_rewind(struct net *n, struct err *err)
{
	struct net_queue *q = n->queue;
	int r;

	if (!q->marked)
		return err_set(err, -EINVAL, "network '%s' has no snapshot to go back to",
			       n->ops->name);
	r = n->ops->rewind ? n->ops->rewind(n) : 0;
	if (r)
		return err_set(err, r, "network '%s' does not go back: %s", n->ops->name,
			       strerror(-r));
	memcpy(q->b, q->kept, q->kept_len);
	q->head = 0;
	q->tail = q->kept_len;
	q->n = q->kept_n;
	q->last = q->kept_last;
	n->link_up = q->kept_link;
	n->stats = q->kept_stats;
	if (n->out)
		net_pcap_out_rewind(n->out);
	arm(n);
	return 0;
}

/* ---- making and closing ------------------------------------------------------------------------------ */

int net_init(struct net *n, const struct net_ops *ops, const struct net_env *env)
{
	n->ops = ops;
	n->clock = env->clock;
	n->link_up = true;
	clock_timer_init(&n->timer, on_timer, n);
	n->room = malloc(NET_FRAME_MAX);
	n->queue = calloc(1, sizeof(*n->queue));
	if (n->queue)
		n->queue->b = malloc(NET_QUEUE_BYTES);
	if (n->room && n->queue && n->queue->b)
		return 0;
	net_fini(n);
	return -ENOMEM;
}

void net_fini(struct net *n)
{
	clock_cancel(n->clock, &n->timer);
	free(n->room);
	if (n->queue) {
		free(n->queue->b);
		free(n->queue->kept);
	}
	free(n->queue);
	n->room = NULL;
	n->queue = NULL;
}

void net_close(struct net *n)
{
	if (!n)
		return;
	assert(!n->rx);
	net_pcap_out_close(n->out);
	n->ops->close(n);
}

/* ---- texts --------------------------------------------------------------------------------------------- */

const char *net_opt(struct net_text *t, const char *name)
{
	size_t len = strlen(name);

	for (unsigned i = 0; i < t->nr; i++)
		if (t->opt[i] && !strncmp(t->opt[i], name, len) && t->opt[i][len] == '=') {
			const char *val = t->opt[i] + len + 1;

			t->opt[i] = NULL;
			return val;
		}
	return NULL;
}

int net_opt_u64(struct net_text *t, const char *name, uint64_t max, uint64_t *val, struct err *err)
{
	const char *s = net_opt(t, name);
	uint64_t v;

	if (!s)
		return 0;
	if (parse_u64(s, &v) || v > max)
		return err_set(err, -EINVAL, "network: %s=%.40s: give a number up to %llu", name, s,
			       (unsigned long long)max);
	*val = v;
	return 0;
}

static const struct kind {
	const char *name;
	bool colon; /* a colon and a word follow */
	int (*make)(struct net **out, struct net_text *t, const struct net_env *env,
		    struct err *err);
} kinds[] = {
	{"null", false, net_null_new}, {"loop", false, net_loop_new},
	{"peer", false, net_peer_new}, {"script", true, net_script_open},
	{"pcap", true, net_play_new},  {"user", false, net_user_new},
	{"tap", true, net_tap_new},
};

static const struct kind *find_kind(const char *spec, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].name);

		if (strncmp(spec, kinds[i].name, len))
			continue;
		if (kinds[i].colon ? spec[len] == ':' && spec[len + 1]
				   : !spec[len] || spec[len] == ',')
			return &kinds[i];
	}
	err_set(err, -EINVAL,
		"network '%.60s' is none of: null loop[,delay=NS] peer script:FILE pcap:FILE user "
		"tap:IFNAME, with ,out=FILE",
		spec);
	return NULL;
}

/* Cut the options off, from the end as long as there are some: a file's name may have commas. */
static int cut_options(struct net_text *t)
{
	char *comma;

	/* A script in the text itself goes to its end. */
	if (!strncmp(t->text, "script:=", 8))
		return 0;
	while ((comma = strrchr(t->text, ',')) && strchr(comma, '=')) {
		if (t->nr == ARRAY_SIZE(t->opt))
			return -EINVAL;
		*comma = '\0';
		t->opt[t->nr++] = comma + 1;
	}
	return 0;
}

static int make(struct net **out, struct net_text *t, const struct net_env *env, struct err *err)
{
	const struct kind *k;
	const char *path;
	int r;

	if (cut_options(t))
		return err_set(err, -EINVAL, "network: more than %zu options", ARRAY_SIZE(t->opt));
	k = find_kind(t->text, err);
	if (!k)
		return -EINVAL;
	if (k->colon)
		t->text += strlen(k->name) + 1;
	path = net_opt(t, "out");
	r = k->make(out, t, env, err);
	if (!r && path)
		r = net_pcap_out_new(&(*out)->out, path, err);
	for (unsigned i = 0; i < t->nr && !r; i++)
		if (t->opt[i])
			r = err_set(err, -EINVAL, "network '%s' has no option '%.60s'", k->name,
				    t->opt[i]);
	if (!r && !k->colon && t->text[strlen(k->name)])
		r = err_set(err, -EINVAL, "network '%s': '%.60s' is no NAME=VALUE", k->name,
			    t->text + strlen(k->name) + 1);
	if (r) {
		net_close(*out);
		*out = NULL;
	}
	return r;
}

int net_open(struct net **out, const char *spec, const struct net_env *env, struct err *err)
{
	struct net_text t = {.text = strdup(spec)};
	char *text = t.text;
	int r;

	*out = NULL;
	if (!text)
		return err_set(err, -ENOMEM, "no memory for a network's text");
	r = make(out, &t, env, err);
	free(text);
	return r;
}
