/* SPDX-License-Identifier: MIT */
/*
 * What takes its time under deterministic time: doorbells that are answered later, requests that come
 * back later, short transfers and errors. The seed decides, and only virtual time passes.
 */
#include <errno.h>

#include "virtio_priv.h"

#define F(member) STATE_U(struct virtio_late, member, 0)
static const struct state_field late_fields[] = {
	F(due),	   F(written), F(head),	 F(id),
	F(slots),  F(seq),     F(queue), STATE_B(struct virtio_late, whole, 0),
	STATE_END,
};
const struct state_table virtio_late_state = {"late", 1, late_fields};

/* Not the sequence that a model takes from its seed. */
static uint64_t seed_of(const struct virtio *v)
{
	return ~v->dev.env.seed;
}

/* ---- the order of things to come ---------------------------------------------------------------- */

/* The queue whose doorbell is to be answered first, and when; CLOCK_NEVER: none rang. */
static unsigned first_start(const struct virtio *v, uint64_t *due)
{
	unsigned first = 0;

	*due = CLOCK_NEVER;
	for (unsigned i = 0; i < v->nr_queues; i++) {
		if (v->start_due[i] && v->start_due[i] < *due) {
			*due = v->start_due[i];
			first = i;
		}
	}
	return first;
}

static uint64_t first_late(const struct virtio *v)
{
	return v->nr_late ? v->late[0].due : CLOCK_NEVER;
}

void virtio_late_arm(struct virtio *v)
{
	uint64_t start, late = first_late(v);

	(void)first_start(v, &start);
	if (start > late)
		start = late;
	if (v->dev.env.clock)
		clock_arm(v->dev.env.clock, &v->late_timer, v->stopped ? CLOCK_NEVER : start);
}

/* What is not in use is 0, so that equal states have equal bytes. */
static struct virtio_late take(struct virtio *v, unsigned i)
{
	struct virtio_late l = v->late[i];

	v->nr_late--;
	memmove(&v->late[i], &v->late[i + 1], (v->nr_late - i) * sizeof(l));
	memset(&v->late[v->nr_late], 0, sizeof(l));
	return l;
}

/* Behind all that are due at the same time. */
static void put(struct virtio *v, const struct virtio_late *l)
{
	unsigned i = v->nr_late;

	while (i && v->late[i - 1].due > l->due)
		i--;
	memmove(&v->late[i + 1], &v->late[i], (v->nr_late - i) * sizeof(*l));
	v->late[i] = *l;
	v->nr_late++;
}

static int give_back(struct virtio *v, const struct virtio_late *l)
{
	struct virtq_chain c = {
		.head = l->head,
		.id = l->id,
		.slots = l->slots,
		.seq = l->seq,
		.written = l->written,
		/* It is compared with what was written, no more. */
		.in_bytes = l->whole ? l->written : UINT64_MAX,
	};

	v->q[l->queue].stats.late++;
	return virtq_push(&v->q[l->queue], &c);
}

static void on_time(void *ctx, uint64_t now)
{
	struct virtio *v = ctx;
	uint64_t start, late;

	/* It ends: a doorbell is answered once, and what it completes takes its own time or none. */
	for (;;) {
		unsigned queue = first_start(v, &start);

		late = first_late(v);
		if ((start < late ? start : late) > now)
			break;
		if (start < late) {
			v->start_due[queue] = 0;
			if (!(v->status & VIRTIO_S_NEEDS_RESET))
				virtio_serve(v, queue);
		} else {
			struct virtio_late l = take(v, 0);

			(void)give_back(v, &l); /* broken: virtio_signal() says so */
		}
	}
	/* Once for all that came at this time, which IN_ORDER makes one batch. */
	for (unsigned i = 0; i < v->nr_queues; i++)
		virtio_signal(v, i);
	virtio_late_arm(v);
}

/* ---- what the rest of the device asks ------------------------------------------------------------ */

static bool has_time(const struct virtio *v, uint64_t option)
{
	return option && v->dev.env.clock;
}

bool virtio_late_start(struct virtio *v, unsigned queue)
{
	if (!has_time(v, v->start))
		return false;
	/* A doorbell that rings again before it is answered says nothing new. */
	if (!v->start_due[queue])
		v->start_due[queue] =
			clock_now(v->dev.env.clock) + 1 + rng_next(&v->late_rng) % v->start;
	virtio_late_arm(v);
	return true;
}

int virtio_complete(struct virtio *v, unsigned queue, const struct virtq_chain *c)
{
	struct virtio_late l = {
		.written = c->written,
		.head = c->head,
		.id = c->id,
		.slots = c->slots,
		.seq = c->seq,
		.queue = (uint8_t)queue,
		.whole = !c->error && c->written == c->in_bytes,
	};

	/* Where there is no room for another one it comes at once rather than never. */
	if (!has_time(v, v->delay) || v->nr_late == VIRTIO_LATE)
		return virtq_push(&v->q[queue], c);
	l.due = clock_now(v->dev.env.clock) + v->delay / 2 +
		rng_next(&v->late_rng) % (v->delay + 1);
	put(v, &l);
	virtio_late_arm(v);
	return 0;
}

uint64_t virtio_short(struct virtio *v, uint64_t len)
{
	if (!v->shorts || len < 2 || rng_next(&v->late_rng) % v->shorts)
		return len;
	return 1 + rng_next(&v->late_rng) % (len - 1);
}

bool virtio_fails(struct virtio *v)
{
	return v->errors && rng_next(&v->late_rng) % v->errors == 0;
}

/* ---- making, reset, load -------------------------------------------------------------------------- */

void virtio_late_init(struct virtio *v)
{
	clock_timer_init(&v->late_timer, on_time, v);
	v->late_rng.s = seed_of(v);
}

void virtio_late_fini(struct virtio *v)
{
	if (v->dev.env.clock)
		clock_cancel(v->dev.env.clock, &v->late_timer);
}

void virtio_late_reset(struct virtio *v)
{
	/* nr_late and start_due are fields of the device's table, which is reset by now. */
	memset(v->late, 0, sizeof(v->late));
	v->late_rng.s = seed_of(v);
	virtio_late_arm(v);
}

void virtio_late_forget(struct virtio *v, unsigned queue)
{
	for (unsigned i = v->nr_late; i-- > 0;)
		if (v->late[i].queue == queue)
			(void)take(v, i);
	v->start_due[queue] = 0;
	virtio_late_arm(v);
}

/* Is (l) of a request in flight, and of none that one of the first (n) is of? */
static bool good(const struct virtio *v, const struct virtio_late *l, unsigned n)
{
	struct virtq_chain c = {.head = l->head, .id = l->id, .slots = l->slots, .seq = l->seq};

	if (l->queue >= v->nr_queues || !virtq_is_out(&v->q[l->queue], &c))
		return false;
	for (unsigned i = 0; i < n; i++) {
		const struct virtio_late *o = &v->late[i];

		if (o->due > l->due ||
		    (o->queue == l->queue && (o->head == l->head || o->seq == l->seq)))
			return false;
	}
	return true;
}

int virtio_late_post_load(struct virtio *v, struct err *err)
{
	if (v->nr_late > VIRTIO_LATE)
		return err_set(err, -EINVAL,
			       "virtio: saved completions are more than there can be");
	memset(&v->late[v->nr_late], 0, (VIRTIO_LATE - v->nr_late) * sizeof(v->late[0]));
	for (unsigned i = 0; i < v->nr_late; i++)
		if (!good(v, &v->late[i], i))
			return err_set(err, -EINVAL,
				       "virtio: saved completion %u is of no request in flight", i);
	for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
		if (v->start_due[i] &&
		    (i >= v->nr_queues || !v->q[i].ready || !(v->status & VIRTIO_S_DRIVER_OK)))
			return err_set(err, -EINVAL,
				       "virtio: saved doorbell of queue %u, which nobody can ring",
				       i);
	virtio_late_arm(v);
	return 0;
}
