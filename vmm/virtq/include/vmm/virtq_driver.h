/* SPDX-License-Identifier: MIT */
/*
 * virtq_driver: the driver's side of a virtqueue, for unit tests, fuzz targets and benches: split
 * (virtq_driver_*), packed (virtq_pdriver_*).
 * It writes descriptors and rings into guest memory as a well-behaved driver does, and lets the
 * caller break any rule by writing raw descriptors.
 *
 * Guarantees: no allocation after init; nothing aborts whatever the device did to the rings.
 * The caller promises: the areas lie in RAM of (mem) and do not overlap buffers.
 */
#ifndef VMM_VIRTQ_DRIVER_H
#define VMM_VIRTQ_DRIVER_H

#include <vmm/virtq.h>

struct virtq_driver {
	struct gmem *mem;
	uint32_t num;
	uint64_t desc, avail, used;
	uint16_t avail_idx; /* what was published */
	uint16_t offer_idx; /* what virtq_driver_publish() will publish */
	uint16_t used_idx;  /* what was consumed */
	uint16_t free_head; /* next descriptor to hand out, round robin */
	bool event_idx;
};

/* Bytes the three areas need when laid out from an aligned base by virtq_driver_init(). */
uint64_t virtq_driver_bytes(uint32_t num);

/*
 * Lay the areas out from (base) and zero them. -EINVAL: (base) is not 16-aligned, or (num) is not 1
 * to VIRTQ_NUM_MAX (any number in between will do: the device side judges). -EFAULT: not in RAM.
 */
int virtq_driver_init(struct virtq_driver *d, struct gmem *mem, uint32_t num, uint64_t base,
		      bool event_idx);

/* Tell the device side where they are: fills desc, avail, used, num. */
void virtq_driver_attach(const struct virtq_driver *d, struct virtq *q);

/* Write one descriptor as given: nothing is checked. -EFAULT if it is not in RAM. */
int virtq_driver_desc(struct virtq_driver *d, uint16_t i, uint64_t addr, uint32_t len,
		      uint16_t flags, uint16_t next);

/*
 * Chain (n) buffers in consecutive descriptors (wrapping), flags made right; returns the head,
 * -EINVAL for n of 0 or over num, or -EFAULT. Not yet offered.
 */
struct virtq_buf {
	uint64_t gpa;
	uint32_t len;
	bool write;
};
int virtq_driver_chain(struct virtq_driver *d, const struct virtq_buf *bufs, unsigned n);

/*
 * The same as an indirect table at (table); returns the head descriptor that points to it. (n) may
 * be anything from 1 to 65535; -EFAULT if the table is not in RAM.
 */
int virtq_driver_indirect(struct virtq_driver *d, uint64_t table, const struct virtq_buf *bufs,
			  unsigned n);

/* Put a head into the avail ring; virtq_driver_publish() makes what was put visible. */
void virtq_driver_offer(struct virtq_driver *d, uint16_t head);
void virtq_driver_publish(struct virtq_driver *d);

/* Would a driver ring the doorbell now (NO_NOTIFY, avail_event), having last asked at (old)? */
bool virtq_driver_needs_kick(struct virtq_driver *d, uint16_t old_avail_idx);

/* One used element: true and id, len; false: none. */
bool virtq_driver_used(struct virtq_driver *d, uint32_t *id, uint32_t *len);

/*
 * IN_ORDER (2.7.9): the element that virtq_driver_used() returned stands for a batch; (n) chains
 * before its own are used too.
 */
void virtq_driver_skip(struct virtq_driver *d, unsigned n);

/*
 * Interrupt suppression: with an event index (used_event) is written, and (suppress) is not looked
 * at; without one flags say (suppress).
 */
void virtq_driver_suppress(struct virtq_driver *d, bool suppress, uint16_t used_event);

/* ---- the packed ring (2.8) -------------------------------------------------------------------- */

struct virtq_pdriver {
	struct gmem *mem;
	uint32_t num;
	uint64_t desc, avail, used; /* descriptor ring, driver and device event suppression */
	uint16_t next, used_idx;    /* positions in the ring */
	bool wrap, used_wrap;
	bool event_idx;
	uint16_t slots
		[VIRTQ_NUM_MAX]; /* by buffer ID, modulo that: what virtq_pdriver_used() skips */
};

uint64_t virtq_pdriver_bytes(uint32_t num);
/* As virtq_driver_init(). */
int virtq_pdriver_init(struct virtq_pdriver *d, struct gmem *mem, uint32_t num, uint64_t base,
		       bool event_idx);
void virtq_pdriver_attach(const struct virtq_pdriver *d, struct virtq *q);

/* One descriptor as given, flags and all: nothing is checked or counted. */
int virtq_pdriver_desc(struct virtq_pdriver *d, uint16_t slot, uint64_t addr, uint32_t len,
		       uint16_t id, uint16_t flags);
/*
 * Make a list of (n) buffers available under (id), the first descriptor last. -EINVAL for n of 0 or
 * over num, -EFAULT. There is no check for room: that is the caller's.
 */
int virtq_pdriver_put(struct virtq_pdriver *d, const struct virtq_buf *bufs, unsigned n,
		      uint16_t id);
/* The same as an indirect table at (table), which takes one entry of the ring. */
int virtq_pdriver_indirect(struct virtq_pdriver *d, uint64_t table, const struct virtq_buf *bufs,
			   unsigned n, uint16_t id);
/* Would a driver ring, having made (n) entries available since it last asked? */
bool virtq_pdriver_needs_kick(const struct virtq_pdriver *d, unsigned n);
/* One used descriptor: true and its id and len (0 without WRITE); false: none. */
bool virtq_pdriver_used(struct virtq_pdriver *d, uint16_t *id, uint32_t *len);
/* IN_ORDER (2.8.8): the list of (id), before the one that was returned, is used too. */
void virtq_pdriver_skip(struct virtq_pdriver *d, uint16_t id);
/* The driver event suppression structure: (offset) with VIRTQ_EVENT_WRAP in it, and flags. */
void virtq_pdriver_event(struct virtq_pdriver *d, uint16_t offset, uint16_t flags);

#endif
