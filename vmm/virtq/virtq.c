/* SPDX-License-Identifier: MIT */
/* The device side of a virtqueue: set-up and position of both kinds; the split one's two rings and notifications. */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "virtq_priv.h"

/* Offsets in the rings, 2.7.6 and 2.7.8. */
#define AVAIL_FLAGS 0u
#define AVAIL_IDX   2u
#define AVAIL_RING  4u
#define USED_FLAGS  0u
#define USED_IDX    2u
#define USED_RING   4u
#define USED_ELEM   8u

#define F(member, rst) STATE_U(struct virtq, member, rst)
#define B(member, rst) STATE_B(struct virtq, member, rst)

static const struct state_field fields[] = {
	F(num, 0),
	F(desc, 0),
	F(avail, 0),
	F(used, 0),
	B(ready, 0),
	B(packed, 0),
	B(event_idx, 0),
	B(indirect, 0),
	B(in_order, 0),
	F(last_avail, 0),
	F(used_idx, 0),
	B(avail_wrap, 1),
	B(used_wrap, 1),
	F(slots_out, 0),
	F(since, 0),
	F(signalled, 0),
	B(signalled_valid, 1),
	B(kicks_off, 0),
	F(broken, VIRTQ_OK),
	F(in_flight, 0),
	F(popped, 0),
	F(pushed, 0),
	F(nr_held, 0),
	STATE_ARR(struct virtq, in_flight_map, 0),
	STATE_END,
};

const struct state_table virtq_state = {"virtq", 4, fields};

const char *virtq_error_name(enum virtq_error e)
{
	static const char *const names[] = {
		[VIRTQ_OK] = "no error",
		[VIRTQ_E_LOOP] = "descriptor loop",
		[VIRTQ_E_NEXT] = "next outside the table",
		[VIRTQ_E_ADDR] = "buffer outside RAM",
		[VIRTQ_E_ORDER] = "readable after writable",
		[VIRTQ_E_INDIRECT] = "indirect not allowed here",
		[VIRTQ_E_INDIRECT_SIZE] = "bad indirect table",
		[VIRTQ_E_TOTAL] = "chain of 4 GiB or more",
		[VIRTQ_E_LEN] = "empty buffer",
		[VIRTQ_E_AVAIL] = "avail.idx jumps",
		[VIRTQ_E_HEAD] = "head outside the table",
		[VIRTQ_E_INFLIGHT] = "head in flight already",
		[VIRTQ_E_RING] = "ring outside RAM",
		[VIRTQ_E_ENDLESS] = "descriptor list without end",
	};

	return (unsigned)e < ARRAY_SIZE(names) ? names[e] : "unknown";
}

static bool is_queue_size(uint64_t n, uint32_t max)
{
	return n && n <= max && !(n & (n - 1));
}

/* ---- set-up ---------------------------------------------------------------------------------- */

int virtq_init(struct virtq *q, struct gmem *mem, struct trace *trace, unsigned index,
	       uint32_t num_max, struct err *err)
{
	memset(q, 0, sizeof(*q));
	if (!is_queue_size(num_max, VIRTQ_NUM_MAX))
		return err_set(err, -EINVAL,
			       "queue %u: size %u is not a power of two from 1 to %u: choose one",
			       index, num_max, VIRTQ_NUM_MAX);
	q->segs = calloc(num_max, sizeof(*q->segs));
	q->table = malloc(VIRTQ_DESC_BYTES(num_max));
	q->held = calloc(num_max, sizeof(*q->held));
	if (!q->segs || !q->table || !q->held) {
		virtq_fini(q);
		return err_set(err, -ENOMEM, "queue %u: no memory for %u segments: free some",
			       index, num_max);
	}
	q->mem = mem;
	q->trace = trace;
	q->index = index;
	q->num_max = num_max;
	virtq_reset(q);
	return 0;
}

void virtq_fini(struct virtq *q)
{
	free(q->segs);
	free(q->table);
	free(q->held);
	q->segs = NULL;
	q->held = NULL;
	q->table = NULL;
	q->ready = false;
}

void virtq_reset(struct virtq *q)
{
	uint32_t num_max = q->num_max;

	/*
	 * What state_reset() would do, at once: a fuzz target resets 100,000 times a second. No head
	 * from num_max on is ever in flight, so their words of the map are zero.
	 */
	memset(q, 0, offsetof(struct virtq, in_flight_map));
	memset(q->in_flight_map, 0, (num_max + 63) / 64 * sizeof(q->in_flight_map[0]));
	q->num_max = num_max;
	q->num = num_max;
	q->signalled_valid = true;
	q->avail_wrap = true;
	q->used_wrap = true;
	q->budget = 0;
}

struct area {
	const char *name;
	uint64_t addr, size, align;
};
enum { DESC, AVAIL, USED, AREAS };

/* 2.7 and 2.8.10.1 */
static void areas_of(const struct virtq *q, struct area a[AREAS])
{
	if (q->packed) {
		a[DESC] = (struct area){"descriptor ring", q->desc, VIRTQ_DESC_BYTES(q->num), 16};
		a[AVAIL] =
			(struct area){"driver event suppression", q->avail, VIRTQ_EVENT_BYTES, 4};
		a[USED] = (struct area){"device event suppression", q->used, VIRTQ_EVENT_BYTES, 4};
		return;
	}
	a[DESC] = (struct area){"descriptor table", q->desc, VIRTQ_DESC_BYTES(q->num), 16};
	a[AVAIL] = (struct area){"available ring", q->avail, VIRTQ_AVAIL_BYTES(q->num), 2};
	a[USED] = (struct area){"used ring", q->used, VIRTQ_USED_BYTES(q->num), 4};
}

/* What a ready queue must be like, RAM aside. */
static int check_config(const struct virtq *q, struct err *err)
{
	struct area areas[AREAS];
	uint64_t end;

	/* 2.8.10.1: a packed ring may have any size. */
	if (q->packed ? !q->num || q->num > q->num_max : !is_queue_size(q->num, q->num_max))
		return err_set(err, -EINVAL,
			       "queue %u: size %u: the driver must set %s, at most %u", q->index,
			       q->num, q->packed ? "one" : "a power of two", q->num_max);
	areas_of(q, areas);
	for (unsigned i = 0; i < ARRAY_SIZE(areas); i++) {
		if (areas[i].addr & (areas[i].align - 1))
			return err_set(err, -EINVAL,
				       "queue %u: the %s at %#llx must be aligned to %u bytes",
				       q->index, areas[i].name, (unsigned long long)areas[i].addr,
				       (unsigned)areas[i].align);
		if (add_wraps(areas[i].addr, areas[i].size, &end))
			return err_set(err, -EINVAL,
				       "queue %u: the %s at %#llx, %llu bytes, wraps: move it down",
				       q->index, areas[i].name, (unsigned long long)areas[i].addr,
				       (unsigned long long)areas[i].size);
	}
	return 0;
}

int virtq_enable(struct virtq *q, struct err *err)
{
	struct area a[AREAS];
	int r;

	if (q->ready)
		return 0;
	r = check_config(q, err);
	if (r)
		return r;
	areas_of(q, a);
	if (!virtq_in_ram(q, a[DESC].addr, a[DESC].size) ||
	    !virtq_in_ram(q, a[AVAIL].addr, a[AVAIL].size) ||
	    !virtq_in_ram(q, a[USED].addr, a[USED].size))
		return err_set(err, -EINVAL,
			       "queue %u: rings at %#llx, %#llx, %#llx for %u entries: the driver "
			       "must place all three in RAM",
			       q->index, (unsigned long long)q->desc, (unsigned long long)q->avail,
			       (unsigned long long)q->used, q->num);
	q->ready = true;
	return 0;
}

/* The heads in the (i)-th word of the map that a queue of (num) has. */
static uint64_t map_mask(uint32_t num, uint32_t i)
{
	if (num <= i * 64)
		return 0;
	return num - i * 64 >= 64 ? ~0ull : (1ull << (num - i * 64)) - 1;
}

static int check_position(const struct virtq *q, struct err *err)
{
	uint32_t inside = 0, outside = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(q->in_flight_map); i++) {
		uint64_t mask = map_mask(q->num, i);

		inside += (uint32_t)__builtin_popcountll(q->in_flight_map[i] & mask);
		outside += (uint32_t)__builtin_popcountll(q->in_flight_map[i] & ~mask);
	}
	if (outside)
		return err_set(err, -EINVAL,
			       "queue %u: saved state has heads in flight that a queue of %u has "
			       "not: save it again",
			       q->index, q->num);
	if (inside != q->in_flight || q->popped - q->pushed != q->in_flight)
		return err_set(err, -EINVAL,
			       "queue %u: saved state counts %u chains in flight and maps %u: save "
			       "it again",
			       q->index, q->in_flight, inside);
	if (q->broken != VIRTQ_OK &&
	    (q->broken < VIRTQ_E_QUEUE_FIRST || q->broken > VIRTQ_E_QUEUE_LAST))
		return err_set(err, -EINVAL,
			       "queue %u: saved state is broken for an unknown reason %u: save it "
			       "again",
			       q->index, (unsigned)q->broken);
	if (q->packed && q->ready &&
	    (q->last_avail >= q->num || q->used_idx >= q->num || q->slots_out > q->num ||
	     q->slots_out < q->in_flight || (q->used_idx + q->slots_out) % q->num != q->last_avail))
		return err_set(err, -EINVAL,
			       "queue %u: saved positions %u and %u are not %u entries apart in a "
			       "ring of %u: save it again",
			       q->index, q->used_idx, q->last_avail, q->slots_out, q->num);
	return 0;
}

int virtq_post_load(struct virtq *q, struct err *err)
{
	int r = 0;

	q->budget = 0;
	memset(&q->batch, 0, sizeof(q->batch));
	/* Until it is ready the driver may have any nonsense in num and addresses. */
	if (q->ready)
		r = check_config(q, err);
	if (!r)
		r = check_position(q, err);
	if (!r)
		r = virtq_held_post_load(q, err);
	if (r) {
		/* What was loaded may say anything, of heads that it has not too. */
		memset(q->in_flight_map, 0, sizeof(q->in_flight_map));
		virtq_reset(q);
	}
	return r;
}

/* ---- access to the rings --------------------------------------------------------------------- */

int virtq_breaks(struct virtq *q, enum virtq_error why)
{
	if (!q->broken) {
		q->broken = why;
		q->stats.error[why]++;
		trace_note(q->trace, TRACE_VQ, TRACE_VQ_BROKEN, q->index, why,
			   virtq_error_name(why));
	}
	return -EIO;
}

static bool read16(struct virtq *q, uint64_t gpa, uint16_t *out)
{
	uint8_t b[2];

	if (gmem_read(q->mem, gpa, b, sizeof(b)))
		return false;
	*out = ld_le16(b);
	return true;
}

static bool write16(struct virtq *q, uint64_t gpa, uint16_t v)
{
	uint8_t b[2];

	st_le16(b, v);
	return !gmem_write(q->mem, gpa, b, sizeof(b));
}

/* 2.7.10: avail_event lies behind the used ring, used_event (2.7.7) behind the avail ring. */
static uint64_t avail_event_gpa(const struct virtq *q)
{
	return q->used + USED_RING + (uint64_t)USED_ELEM * q->num;
}

static uint64_t used_event_gpa(const struct virtq *q)
{
	return q->avail + AVAIL_RING + 2ull * q->num;
}

/* ---- taking chains --------------------------------------------------------------------------- */

void virtq_kick_begin(struct virtq *q)
{
	q->budget = q->num;
}

/* Nothing more for this doorbell: 2.7.10, the driver rings for the next entry if it is told to. */
static int ring_for_next(struct virtq *q)
{
	if (q->event_idx && !q->kicks_off && !write16(q, avail_event_gpa(q), q->last_avail))
		return virtq_breaks(q, VIRTQ_E_RING);
	return 0;
}

void virtq_popped(struct virtq *q, struct virtq_chain *c)
{
	q->in_flight_map[c->head / 64] |= 1ull << (c->head % 64);
	q->in_flight++;
	c->seq = (uint16_t)q->popped++;
	q->budget--;
	q->stats.popped++;
	q->stats.bytes_out += c->out_bytes;
	q->stats.error[c->error]++; /* VIRTQ_OK has no name and is left out */
	stats_max(&q->stats.in_flight_max, q->in_flight);
	stats_hist_add(&q->stats.chain_length, c->nr_out + c->nr_in);
	if (!q->trace)
		return;
	trace_note(q->trace, TRACE_VQ, TRACE_VQ_POP, q->index, c->id, NULL);
	if (c->error)
		trace_note(q->trace, TRACE_VQ, TRACE_VQ_BAD, q->index,
			   c->id | (uint64_t)c->error << 32, virtq_error_name(c->error));
}

int virtq_next(struct virtq *q, struct virtq_chain *c)
{
	uint16_t idx, head, offered;

	if (!q->ready)
		return -EAGAIN;
	if (q->broken)
		return -EIO;
	if (q->packed)
		return virtq_packed_next(q, c);
	if (!q->budget)
		return ring_for_next(q);
	if (!read16(q, q->avail + AVAIL_IDX, &idx))
		return virtq_breaks(q, VIRTQ_E_RING);
	offered = (uint16_t)(idx - q->last_avail);
	if (!offered)
		return ring_for_next(q);
	if (offered > q->num)
		return virtq_breaks(q, VIRTQ_E_AVAIL);

	/* Pairs with the driver's barrier between the entries and avail.idx (2.7.13). */
	atomic_thread_fence(memory_order_acquire);
	if (!read16(q, q->avail + AVAIL_RING + 2ull * (q->last_avail & (q->num - 1)), &head))
		return virtq_breaks(q, VIRTQ_E_RING);
	if (head >= q->num)
		return virtq_breaks(q, VIRTQ_E_HEAD);
	if (virtq_in_flight(q, head))
		return virtq_breaks(q, VIRTQ_E_INFLIGHT);
	if (virtq_walk(q, head, c) == VIRTQ_E_RING)
		return virtq_breaks(q, VIRTQ_E_RING);

	q->last_avail++;
	virtq_popped(q, c);
	return 1;
}

int virtq_peek(struct virtq *q, struct virtq_chain *c)
{
	uint16_t idx, head;

	if (!q->ready || q->broken || !q->budget)
		return 0;
	if (q->packed)
		return virtq_packed_peek(q, c);
	if (!read16(q, q->avail + AVAIL_IDX, &idx) || idx == q->last_avail ||
	    (uint16_t)(idx - q->last_avail) > q->num)
		return 0;
	atomic_thread_fence(memory_order_acquire);
	return read16(q, q->avail + AVAIL_RING + 2ull * (q->last_avail & (q->num - 1)), &head) &&
	       head < q->num && !virtq_in_flight(q, head) && virtq_walk(q, head, c) != VIRTQ_E_RING;
}

int virtq_has_room(struct virtq *q, uint64_t want)
{
	uint16_t idx, head, offered;
	struct virtq_chain c;
	uint64_t room = 0;

	if (!q->ready || q->broken)
		return 0;
	if (q->packed)
		return virtq_packed_has_room(q, want);
	if (!read16(q, q->avail + AVAIL_IDX, &idx))
		return 1;
	offered = (uint16_t)(idx - q->last_avail);
	if (offered > q->num)
		return 1;
	atomic_thread_fence(memory_order_acquire);
	for (uint16_t i = 0; i < offered && room < want; i++) {
		uint16_t at = (uint16_t)(q->last_avail + i) & (uint16_t)(q->num - 1);

		if (i == VIRTQ_LOOK || !read16(q, q->avail + AVAIL_RING + 2ull * at, &head) ||
		    head >= q->num || virtq_in_flight(q, head) ||
		    virtq_walk(q, head, &c) == VIRTQ_E_RING)
			return 1;
		room += c.in_bytes;
	}
	if (room < want && q->event_idx && !q->kicks_off && !write16(q, avail_event_gpa(q), idx))
		virtq_breaks(q, VIRTQ_E_RING);
	if (room >= want)
		return 1;
	return offered + q->in_flight >= q->num ? -ENOSPC : 0;
}

/* ---- giving them back ------------------------------------------------------------------------ */

void virtq_pushed(struct virtq *q, const struct virtq_chain *c)
{
	q->in_flight_map[c->head / 64] &= ~(1ull << (c->head % 64));
	q->in_flight--;
	q->pushed++;
	q->stats.pushed++;
	q->stats.bytes_in += c->written;
	if (q->trace)
		trace_note(q->trace, TRACE_VQ, TRACE_VQ_PUSH, q->index,
			   c->id | (uint64_t)c->written << 32, NULL);
}

/* Into the used ring: (b)'s last chain, which stands for all of them (2.7.9). */
static int store_split(struct virtq *q, const struct virtq_batch *b)
{
	uint64_t slot = q->used + USED_RING + (uint64_t)USED_ELEM * (q->used_idx & (q->num - 1));
	uint8_t elem[USED_ELEM];

	st_le32(elem, b->id);
	st_le32(elem + 4, b->written);
	if (gmem_write(q->mem, slot, elem, sizeof(elem)))
		return virtq_breaks(q, VIRTQ_E_RING);
	/* 2.7.8.2: the element and what was stored in the buffers come before idx. */
	atomic_thread_fence(memory_order_release);
	if (!write16(q, q->used + USED_IDX, (uint16_t)(q->used_idx + b->nr)))
		return virtq_breaks(q, VIRTQ_E_RING);

	/* Did idx come round to where the driver was last asked? */
	if ((uint16_t)(q->signalled - q->used_idx - 1) < b->nr)
		q->signalled_valid = false;
	q->used_idx = (uint16_t)(q->used_idx + b->nr);
	return 0;
}

int virtq_store(struct virtq *q, const struct virtq_batch *b)
{
	return q->packed ? virtq_packed_store(q, b) : store_split(q, b);
}

int virtq_push(struct virtq *q, const struct virtq_chain *c)
{
	struct virtq_batch one = {.nr = 1, .slots = c->slots, .written = c->written, .id = c->id};
	int r;

	/* The device's promise, not the guest's. */
	assert(c->head < q->num && virtq_in_flight(q, c->head));
	if (q->in_order)
		return virtq_push_in_order(q, c);
	if (!q->packed)
		one.id = c->head;
	r = virtq_store(q, &one);
	if (!r)
		virtq_pushed(q, c);
	return r;
}

/* 2.7.7.2: did idx, going from (old) to (now), pass (event)? All modulo 2^16. */
static bool event_passed(uint16_t event, uint16_t now, uint16_t old)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

bool virtq_needs_interrupt(struct virtq *q)
{
	uint16_t old = q->signalled, word;
	bool valid = q->signalled_valid, yes;

	if (virtq_flush(q))
		return false;
	if (q->packed)
		return virtq_packed_needs_interrupt(q);
	if (!q->ready || (valid && old == q->used_idx))
		return false;
	/* idx must be seen before the driver's wish is read: it re-enables, then looks (2.7.14). */
	atomic_thread_fence(memory_order_seq_cst);
	if (!read16(q, q->event_idx ? used_event_gpa(q) : q->avail + AVAIL_FLAGS, &word)) {
		virtq_breaks(q, VIRTQ_E_RING);
		return false;
	}
	q->signalled = q->used_idx;
	q->signalled_valid = true;
	if (q->event_idx)
		yes = !valid || event_passed(word, q->used_idx, old);
	else
		yes = !(word & VIRTQ_AVAIL_F_NO_INTERRUPT);
	q->stats.interrupts += yes;
	if (yes && q->trace)
		trace_note(q->trace, TRACE_VQ, TRACE_VQ_NOTIFY, q->index, q->used_idx, NULL);
	return yes;
}

bool virtq_kick_is_right(struct virtq *q, uint16_t data)
{
	uint16_t idx;

	if (!q->ready)
		return false;
	if (q->packed)
		return virtq_packed_kick_is_right(q, data);
	return read16(q, q->avail + AVAIL_IDX, &idx) && idx == data;
}

void virtq_want_kicks(struct virtq *q, bool want)
{
	bool ok;

	if (!q->ready)
		return;
	q->kicks_off = !want;
	if (q->packed) {
		virtq_packed_want_kicks(q, want);
		return;
	}
	if (q->event_idx) /* one behind is the index that will be passed last of all */
		ok = write16(q, avail_event_gpa(q),
			     want ? q->last_avail : (uint16_t)(q->last_avail - 1));
	else
		ok = write16(q, q->used + USED_FLAGS, want ? 0 : VIRTQ_USED_F_NO_NOTIFY);
	if (!ok)
		virtq_breaks(q, VIRTQ_E_RING);
	/* Before the caller looks at avail.idx again. */
	atomic_thread_fence(memory_order_seq_cst);
}
