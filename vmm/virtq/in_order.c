/* SPDX-License-Identifier: MIT */
/*
 * VIRTIO_F_IN_ORDER (virtio 1.2 sections 2.7.9, 2.8.8): what comes back early waits for its turn, and
 * what comes back together is one used entry. A device needs to know nothing of that.
 */
#include <assert.h>
#include <errno.h>

#include "virtq_priv.h"

#define F(member) STATE_U(struct virtq_held, member, 0)
static const struct state_field fields[] = {
	F(written), F(head), F(id), F(slots), F(seq), STATE_B(struct virtq_held, whole, 0),
	STATE_END,
};
const struct state_table virtq_held_state = {"held", 1, fields};

/* How many chains in flight are before this one. */
static uint16_t turn(const struct virtq *q, uint16_t seq)
{
	return (uint16_t)(seq - q->pushed);
}

int virtq_flush(struct virtq *q)
{
	struct virtq_batch b = q->batch;

	if (!b.nr)
		return 0;
	memset(&q->batch, 0, sizeof(q->batch));
	return virtq_store(q, &b);
}

/* Its turn has come. */
static int take_turn(struct virtq *q, const struct virtq_held *h)
{
	struct virtq_chain c = {.head = h->head, .id = h->id, .written = h->written};
	struct virtq_batch *b = &q->batch;

	b->nr++;
	b->slots += h->slots;
	b->written = h->written;
	b->id = h->id;
	virtq_pushed(q, &c);
	/* What is skipped counts as written to its end, so one that is not stands in the ring. */
	return !h->whole || b->nr == q->num ? virtq_flush(q) : 0;
}

/* From the last one on: most come in order. */
static void hold(struct virtq *q, const struct virtq_held *h)
{
	uint32_t i = q->nr_held;

	while (i && turn(q, q->held[i - 1].seq) > turn(q, h->seq))
		i--;
	assert(!i || q->held[i - 1].seq != h->seq);
	memmove(&q->held[i + 1], &q->held[i], (q->nr_held - i) * sizeof(*h));
	q->held[i] = *h;
	q->nr_held++;
}

int virtq_push_in_order(struct virtq *q, const struct virtq_chain *c)
{
	struct virtq_held h = {
		.written = c->written,
		.head = c->head,
		.id = c->id,
		.slots = c->slots,
		.seq = c->seq,
		.whole = !c->error && c->written == c->in_bytes,
	};
	uint32_t n = 0;
	int r;

	/* The device's promise again: it is one that was handed out. */
	assert(turn(q, c->seq) < q->in_flight);
	if (turn(q, c->seq)) {
		hold(q, &h);
		return 0;
	}
	r = take_turn(q, &h);
	for (; !r && n < q->nr_held && !turn(q, q->held[n].seq); n++)
		r = take_turn(q, &q->held[n]);
	q->nr_held -= n;
	memmove(&q->held[0], &q->held[n], q->nr_held * sizeof(h));
	return r;
}

/* ---- save and load ------------------------------------------------------------------------------ */

const struct virtq_held *virtq_held(const struct virtq *q, uint32_t i)
{
	/* What was loaded may say any number. */
	return i < q->nr_held && i < q->num_max ? &q->held[i] : NULL;
}

static bool is_held(const struct virtq *q, uint16_t seq)
{
	for (uint32_t i = 0; i < q->nr_held; i++)
		if (q->held[i].seq == seq)
			return true;
	return false;
}

static bool may_be(const struct virtq *q, uint16_t head, uint16_t slots, uint16_t seq)
{
	return q->ready && head < q->num && virtq_in_flight(q, head) && slots &&
	       slots <= (q->packed ? q->slots_out : 1) &&
	       (!q->in_order || turn(q, seq) < q->in_flight);
}

bool virtq_is_out(const struct virtq *q, const struct virtq_chain *c)
{
	return may_be(q, c->head, c->slots, c->seq) && !(q->in_order && is_held(q, c->seq));
}

int virtq_held_post_load(struct virtq *q, struct err *err)
{
	uint16_t last = 0; /* nobody waits whose turn it is */

	if (q->nr_held > q->in_flight || q->nr_held > q->num_max || (q->nr_held && !q->in_order))
		return err_set(
			err, -EINVAL,
			"queue %u: saved state has %u chains that wait for their turn, and %u in "
			"flight: save it again",
			q->index, q->nr_held, q->in_flight);
	for (uint32_t i = 0; i < q->nr_held; i++) {
		const struct virtq_held *h = &q->held[i];

		if (!may_be(q, h->head, h->slots, h->seq) || turn(q, h->seq) <= last)
			return err_set(
				err, -EINVAL,
				"queue %u: saved chain %u waits for a turn that it cannot have: "
				"save it again",
				q->index, i);
		last = turn(q, h->seq);
	}
	return 0;
}
