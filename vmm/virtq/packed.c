/* SPDX-License-Identifier: MIT */
/* The packed ring (virtio 1.2 section 2.8): one ring of descriptors, written by both sides. */
#include <errno.h>
#include <stdatomic.h>

#include "virtq_priv.h"

/* A descriptor in memory, 2.8.13, and an event suppression structure, 2.8.14. */
#define DESC_ADDR    0u
#define DESC_LEN     8u
#define DESC_ID	     12u
#define DESC_FLAGS   14u
#define EVENT_OFFSET 0u
#define EVENT_FLAGS  2u
#define EVENT_MASK   3u

static struct virtq_desc decode(const uint8_t *p)
{
	return (struct virtq_desc){
		.addr = ld_le64(p + DESC_ADDR),
		.len = ld_le32(p + DESC_LEN),
		.flags = ld_le16(p + DESC_FLAGS),
		.next = ld_le16(p + DESC_ID),
	};
}

static uint64_t slot_gpa(const struct virtq *q, uint32_t slot)
{
	return q->desc + (uint64_t)VIRTQ_DESC_SIZE * slot;
}

/* 2.8.1: the two flags differ, and the one says the round that we are in. */
static bool is_available(uint16_t flags, bool wrap)
{
	return !!(flags & VIRTQ_DESC_F_AVAIL) == wrap && !!(flags & VIRTQ_DESC_F_USED) != wrap;
}

/* 2.8.9: where the next doorbell is wanted, or whether any is. */
static int write_event(struct virtq *q, uint16_t flags)
{
	uint8_t b[VIRTQ_EVENT_BYTES];

	st_le16(b + EVENT_OFFSET, q->last_avail | (q->avail_wrap ? VIRTQ_EVENT_WRAP : 0));
	st_le16(b + EVENT_FLAGS, flags);
	return gmem_write(q->mem, q->used, b, sizeof(b)) ? virtq_breaks(q, VIRTQ_E_RING) : 0;
}

static int ring_for_next(struct virtq *q)
{
	return q->event_idx && !q->kicks_off ? write_event(q, VIRTQ_EVENT_DESC) : 0;
}

/* 2.8.7: the table is in order, WRITE is the only flag there, all others and the ID are ignored. */
static enum virtq_error walk_table(struct virtq *q, struct virtq_walk *w,
				   const struct virtq_desc *d, struct virtq_chain *c)
{
	enum virtq_error e = virtq_enter_indirect(q, w, d);

	for (uint32_t i = 0; i < w->limit && !e; i++) {
		struct virtq_desc in = decode(q->table + (size_t)i * VIRTQ_DESC_SIZE);

		e = virtq_add_segment(q, w, &in, c);
	}
	return e;
}

/*
 * The list at last_avail into q->segs and *c; 1, 0 (nothing is available) or -EIO and *why the queue
 * breaks. After the first error the rest is looked at for its end alone.
 */
static int look(struct virtq *q, struct virtq_chain *c, enum virtq_error *why)
{
	enum virtq_error first = VIRTQ_OK;
	struct virtq_walk w = {0};
	uint32_t slot = q->last_avail;
	struct virtq_desc d;

	*c = (struct virtq_chain){.head = q->last_avail, .seg = q->segs};
	do {
		uint8_t raw[VIRTQ_DESC_SIZE];
		enum virtq_error e = first;

		*why = VIRTQ_E_ENDLESS;
		if (c->slots == q->num)
			return -EIO;
		*why = VIRTQ_E_RING;
		if (gmem_read(q->mem, slot_gpa(q, slot), raw, sizeof(raw)))
			return -EIO;
		d = decode(raw);
		/* 2.8.14: the first is made available last, so the others need no look. */
		if (!c->slots && !is_available(d.flags, q->avail_wrap))
			return 0;
		c->slots++;
		if (e)
			;
		else if (!(d.flags & VIRTQ_DESC_F_INDIRECT))
			e = virtq_add_segment(q, &w, &d, c);
		else if (c->slots > 1) /* 2.8.19: not in a list */
			e = VIRTQ_E_INDIRECT;
		else
			e = walk_table(q, &w, &d, c);
		first = e;
		slot = slot + 1 == q->num ? 0 : slot + 1;
	} while (d.flags & VIRTQ_DESC_F_NEXT);
	c->id = d.next;
	if (first)
		*c = (struct virtq_chain){.head = c->head,
					  .id = c->id,
					  .slots = c->slots,
					  .error = first,
					  .seg = q->segs};
	return 1;
}

static int walk(struct virtq *q, struct virtq_chain *c)
{
	enum virtq_error why;
	int r = look(q, c, &why);

	return r < 0 ? virtq_breaks(q, why) : r;
}

/* Past (n) entries of the ring. */
static void advance(const struct virtq *q, uint16_t *slot, bool *wrap, uint32_t n)
{
	uint32_t to = *slot + n;

	if (to >= q->num) {
		to -= q->num;
		*wrap = !*wrap;
	}
	*slot = (uint16_t)to;
}

/*
 * A number for the list that begins here, free among those in flight. Where it begins is none: a list
 * that is used out of order frees entries at the start of another one that is in flight still.
 */
static uint16_t number(const struct virtq *q, uint16_t slot)
{
	while (q->in_flight_map[slot / 64] >> (slot % 64) & 1)
		slot = slot + 1u == q->num ? 0 : slot + 1;
	return slot;
}

int virtq_packed_next(struct virtq *q, struct virtq_chain *c)
{
	int r;

	if (!q->budget)
		return ring_for_next(q);
	r = walk(q, c);
	if (r < 0)
		return r;
	if (!r)
		return ring_for_next(q);
	/* An entry that is in flight was written to. */
	if (q->slots_out + c->slots > q->num)
		return virtq_breaks(q, VIRTQ_E_AVAIL);
	/* Pairs with the driver's barrier before it made the first descriptor available. */
	atomic_thread_fence(memory_order_acquire);
	/* There is one: a list takes an entry at least, and they fit. */
	c->head = number(q, c->head);
	advance(q, &q->last_avail, &q->avail_wrap, c->slots);
	q->slots_out += c->slots;
	virtq_popped(q, c);
	return 1;
}

int virtq_packed_peek(struct virtq *q, struct virtq_chain *c)
{
	enum virtq_error why;

	return look(q, c, &why) == 1 && q->slots_out + c->slots <= q->num;
}

int virtq_packed_has_room(struct virtq *q, uint64_t want)
{
	uint16_t from = q->last_avail;
	uint32_t slots = q->slots_out;
	bool wrap = q->avail_wrap, bad = false;
	uint32_t looked = 0;
	uint64_t room = 0;
	int r = 1;

	/* Lists from here on, as if each had been taken. */
	while (room < want && !bad && slots < q->num) {
		struct virtq_chain c;

		bad = looked++ == VIRTQ_LOOK;
		if (bad)
			break;
		r = walk(q, &c);
		if (r <= 0) /* none, or the queue is broken by now */
			break;
		slots += c.slots;
		bad = slots > q->num;
		room += c.in_bytes;
		advance(q, &q->last_avail, &q->avail_wrap, c.slots);
	}
	if (r >= 0 && !bad && room < want)
		(void)ring_for_next(q);
	q->last_avail = from;
	q->avail_wrap = wrap;
	if (r < 0 || bad || room >= want)
		return 1;
	return slots == q->num ? -ENOSPC : 0;
}

int virtq_packed_store(struct virtq *q, const struct virtq_batch *of)
{
	uint16_t flags = q->used_wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0;
	uint64_t gpa = slot_gpa(q, q->used_idx);
	uint8_t b[VIRTQ_DESC_SIZE - DESC_LEN];

	/* 2.8.4: WRITE says whether the length means anything. */
	if (of->written)
		flags |= VIRTQ_DESC_F_WRITE;
	st_le32(b, of->written);
	st_le16(b + (DESC_ID - DESC_LEN), of->id);
	if (gmem_write(q->mem, gpa + DESC_LEN, b, DESC_FLAGS - DESC_LEN))
		return virtq_breaks(q, VIRTQ_E_RING);
	/* The flags last: they are what the driver looks at. */
	atomic_thread_fence(memory_order_release);
	st_le16(b, flags);
	if (gmem_write(q->mem, gpa + DESC_FLAGS, b, 2))
		return virtq_breaks(q, VIRTQ_E_RING);
	advance(q, &q->used_idx, &q->used_wrap, of->slots);
	q->slots_out -= of->slots;
	q->since += of->slots;
	return 0;
}

/* Is the entry at (slot) made available in the round (wrap)? 1, 0, or -EFAULT. */
static int offered(struct virtq *q, uint16_t slot, bool wrap)
{
	uint8_t b[2];

	if (gmem_read(q->mem, slot_gpa(q, slot) + DESC_FLAGS, b, sizeof(b)))
		return -EFAULT;
	return is_available(ld_le16(b), wrap);
}

bool virtq_packed_kick_is_right(struct virtq *q, uint16_t data)
{
	uint32_t at = data & ~VIRTQ_EVENT_WRAP, ahead;
	bool wrap = data & VIRTQ_EVENT_WRAP;

	if (at >= q->num)
		return false;
	/* How far is the driver ahead of us? The round tells a full ring from an empty one. */
	ahead = wrap == q->avail_wrap ? at - q->last_avail : at + q->num - q->last_avail;
	if (ahead > q->num - q->slots_out) /* or behind: then it is huge */
		return false;
	if (!ahead)
		return offered(q, q->last_avail, q->avail_wrap) == 0;
	/* The last one on offer is the one before. */
	return offered(q, (uint16_t)(at ? at - 1 : q->num - 1u), at ? wrap : !wrap) == 1 &&
	       (ahead == q->num || offered(q, (uint16_t)at, wrap) == 0);
}

/* Is the entry that (event) names among the (since) last ones used? */
static bool event_passed(const struct virtq *q, uint16_t event, uint32_t since)
{
	int32_t at = event & ~VIRTQ_EVENT_WRAP;

	if (since >= q->num)
		return true;
	if (!!(event & VIRTQ_EVENT_WRAP) != q->used_wrap)
		at -= (int32_t)q->num;
	return at < q->used_idx && at >= (int32_t)q->used_idx - (int32_t)since;
}

bool virtq_packed_needs_interrupt(struct virtq *q)
{
	uint32_t since = q->since;
	uint8_t b[VIRTQ_EVENT_BYTES];
	bool yes;

	if (!q->ready || !since)
		return false;
	/* What was used must be seen before the driver's wish is read. */
	atomic_thread_fence(memory_order_seq_cst);
	if (gmem_read(q->mem, q->avail, b, sizeof(b))) {
		virtq_breaks(q, VIRTQ_E_RING);
		return false;
	}
	q->since = 0;
	/* DESC without EVENT_IDX, and the reserved value, mean nothing: rather one too many. */
	switch (ld_le16(b + EVENT_FLAGS) & EVENT_MASK) {
	case VIRTQ_EVENT_DISABLE:
		yes = false;
		break;
	case VIRTQ_EVENT_DESC:
		yes = !q->event_idx || event_passed(q, ld_le16(b + EVENT_OFFSET), since);
		break;
	default:
		yes = true;
	}
	q->stats.interrupts += yes;
	if (yes && q->trace)
		trace_note(q->trace, TRACE_VQ, TRACE_VQ_NOTIFY, q->index, q->used_idx, NULL);
	return yes;
}

void virtq_packed_want_kicks(struct virtq *q, bool want)
{
	uint16_t flags = VIRTQ_EVENT_DISABLE;

	if (want)
		flags = q->event_idx ? VIRTQ_EVENT_DESC : VIRTQ_EVENT_ENABLE;
	(void)write_event(q, flags);
	/* Before the caller looks at the ring again. */
	atomic_thread_fence(memory_order_seq_cst);
}
