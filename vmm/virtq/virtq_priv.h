/* SPDX-License-Identifier: MIT */
/* virtq_priv: what virtq.c, packed.c, in_order.c and chain.c share. */
#ifndef VIRTQ_PRIV_H
#define VIRTQ_PRIV_H

#include <vmm/virtq.h>

/* Is [gpa, gpa + len) wholly RAM, in one region or adjacent ones? Never wraps. */
bool virtq_in_ram(struct virtq *q, uint64_t gpa, uint64_t len);

/*
 * Collect the chain at (head), which is below num, into q->segs and *c. Returns VIRTQ_OK; a
 * chain-level error, *c having no segments; or VIRTQ_E_RING: the descriptor table is gone.
 */
enum virtq_error virtq_walk(struct virtq *q, uint16_t head, struct virtq_chain *c);

/* The first of the errors that break a queue, and the last. */
#define VIRTQ_E_QUEUE_FIRST VIRTQ_E_AVAIL
#define VIRTQ_E_QUEUE_LAST  VIRTQ_E_ENDLESS

/* The queue is broken, if it is not yet, for this reason. -EIO. */
int virtq_breaks(struct virtq *q, enum virtq_error why);

/* The chain that was collected is in flight, and gets its seq; the trace says so. */
void virtq_popped(struct virtq *q, struct virtq_chain *c);
/* ... and back with the driver. */
void virtq_pushed(struct virtq *q, const struct virtq_chain *c);

static inline bool virtq_in_flight(const struct virtq *q, uint16_t head)
{
	return q->in_flight_map[head / 64] >> (head % 64) & 1;
}

/* One used entry for all of (b), of either ring. 0 or -EIO. */
int virtq_store(struct virtq *q, const struct virtq_batch *b);

/* ---- in_order.c ---------------------------------------------------------------------------------- */

int virtq_push_in_order(struct virtq *q, const struct virtq_chain *c);
int virtq_held_post_load(struct virtq *q, struct err *err);

/* ---- chain.c: one descriptor, whatever the ring ------------------------------------------------ */

#define VIRTQ_DESC_SIZE 16u

struct virtq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next; /* packed: next is the buffer ID */
};

/* Where a walk is: in the descriptor table or in the copied indirect one. */
struct virtq_walk {
	bool indirect;
	uint32_t limit; /* descriptors in the table */
	uint16_t i;	/* the next one */
	uint64_t total;
};

/* Go over to the indirect table that (d) points to: copy it whole, once, into q->table. */
enum virtq_error virtq_enter_indirect(struct virtq *q, struct virtq_walk *w,
				      const struct virtq_desc *d);
/* One more segment of (c); there is room for num. */
enum virtq_error virtq_add_segment(struct virtq *q, struct virtq_walk *w,
				   const struct virtq_desc *d, struct virtq_chain *c);

/* ---- packed.c: what differs -------------------------------------------------------------------- */

int virtq_packed_next(struct virtq *q, struct virtq_chain *c);
int virtq_packed_peek(struct virtq *q, struct virtq_chain *c);
int virtq_packed_has_room(struct virtq *q, uint64_t want);
/* One used descriptor for all of (b). 0 or -EIO. */
int virtq_packed_store(struct virtq *q, const struct virtq_batch *b);
bool virtq_packed_kick_is_right(struct virtq *q, uint16_t data);
bool virtq_packed_needs_interrupt(struct virtq *q);
void virtq_packed_want_kicks(struct virtq *q, bool want);

#endif
