/* SPDX-License-Identifier: MIT */
/*
 * virtq: the device side of a split virtqueue (virtio 1.2 section 2.7 and, for what both rings share,
 * 2.6): indirect descriptors, event index, notification suppression.
 * [hostile: fuzz/targets/virtq.c] The driver's side, for tests, fuzz targets and benches, is in
 * virtq_driver.h.
 *
 * Guarantees
 * - Every word of the rings and tables that is judged is read once, copied, checked, then used.
 * - No allocation after virtq_init(). A chain has at most num segments (2.7.5.3.1, 2.7.4), direct
 *   and indirect descriptors together; a call walks at most that many. At most num chains are in
 *   flight, each head once.
 * - used.len is what was stored through virtq_write() and the like, never more.
 * - Two kinds of guest error, two outcomes:
 *   queue-level (avail.idx jumps by more than num, a head >= num, a head offered while in flight,
 *   a ring outside RAM): the queue is broken, `broken` says why, virtq_next() returns -EIO until
 *   virtq_reset(); the transport sets DEVICE_NEEDS_RESET.
 *   chain-level (loop, too long, descriptor outside RAM, readable after writable, INDIRECT inside
 *   an indirect table, indirect table of a bad length, total of 2^32 bytes or more): the chain is
 *   handed over with its `error` set and no segments; the device completes it with virtq_push(),
 *   used.len 0, and the queue stays healthy.
 * The caller promises: the gmem outlives the queue; one thread; a chain is pushed once, before the
 * next reset.
 * Who frees: virtq_fini() what virtq_init() gave.
 */
#ifndef VMM_VIRTQ_H
#define VMM_VIRTQ_H

#include <vmm/base.h>
#include <vmm/gmem.h>
#include <vmm/state.h>
#include <vmm/trace.h>

#define VIRTQ_NUM_MAX 32768u /* 2.7: Queue Size is a power of 2, at most this */

/* Descriptor flags, 2.7.5. */
#define VIRTQ_DESC_F_NEXT     1u
#define VIRTQ_DESC_F_WRITE    2u
#define VIRTQ_DESC_F_INDIRECT 4u
/* 2.7.6, 2.7.8 */
#define VIRTQ_AVAIL_F_NO_INTERRUPT 1u
#define VIRTQ_USED_F_NO_NOTIFY	   1u
/* Feature bits that concern the ring, section 6. */
#define VIRTIO_F_INDIRECT_DESC 28
#define VIRTIO_F_EVENT_IDX     29
#define VIRTIO_F_VERSION_1     32

enum virtq_error {
	VIRTQ_OK,
	/* chain-level */
	VIRTQ_E_LOOP,	       /* longer than the queue (a loop, mostly) */
	VIRTQ_E_NEXT,	       /* next >= table size */
	VIRTQ_E_ADDR,	       /* a buffer is not wholly RAM, or wraps */
	VIRTQ_E_ORDER,	       /* device-readable after device-writable */
	VIRTQ_E_INDIRECT,      /* not negotiated, with NEXT, nested */
	VIRTQ_E_INDIRECT_SIZE, /* table length 0, no multiple of 16, over num entries, not in RAM */
	VIRTQ_E_TOTAL,	       /* 2^32 bytes or more in one chain, 2.7.5.2 */
	VIRTQ_E_LEN, /* a zero-length buffer where the spec wants none: accepted, kept for devices
		      */
	/* queue-level */
	VIRTQ_E_AVAIL,	  /* avail.idx moved by more than num */
	VIRTQ_E_HEAD,	  /* head >= num */
	VIRTQ_E_INFLIGHT, /* head is in flight already */
	VIRTQ_E_RING,	  /* a ring is not in RAM (any more) */
};

/* A short name for messages: "descriptor loop", ... */
const char *virtq_error_name(enum virtq_error e);

struct virtq_seg {
	uint64_t gpa;
	uint32_t len;
};

/* Refers to the queue's storage: valid until the next virtq_next() on the same queue. */
struct virtq_chain {
	uint16_t head;
	enum virtq_error error; /* VIRTQ_OK, or why it has no segments */
	uint32_t nr_out, nr_in; /* segments: device-readable, then device-writable */
	uint64_t out_bytes, in_bytes;
	uint32_t written; /* bytes stored so far: 1 + the highest offset written through here */
	const struct virtq_seg *seg; /* nr_out + nr_in of them */
};

struct virtq {
	/* set by the transport; frozen while ready */
	uint32_t num, num_max;
	uint64_t desc, avail, used; /* guest-physical; aligned 16, 2, 4 (2.7) */
	bool ready;
	bool event_idx, indirect; /* negotiated */
	/* the device's position */
	uint16_t last_avail, used_idx, signalled;
	bool signalled_valid;
	enum virtq_error broken; /* VIRTQ_OK, or a queue-level error */
	uint32_t in_flight;
	uint64_t popped, pushed; /* counters, for conservation checks */
	/* private */
	struct gmem *mem;
	struct trace *trace;
	unsigned index;
	struct virtq_seg *segs;	 /* num_max of them */
	uint64_t *in_flight_map; /* one bit a head */
	uint8_t *table;		 /* the copied indirect table */
};

/*
 * A queue of at most (num_max) entries (a power of two, 1 to VIRTQ_NUM_MAX), not ready. (index) is
 * for trace events; (trace) may be NULL. -EINVAL, -ENOMEM.
 */
int virtq_init(struct virtq *q, struct gmem *mem, struct trace *trace, unsigned index,
	       uint32_t num_max, struct err *err);
void virtq_fini(struct virtq *q);

/* As after virtq_init(): position, addresses, size = num_max, not ready. */
void virtq_reset(struct virtq *q);

/*
 * Make it ready: checks num (power of two, 1 to num_max), alignment, that the three areas do not
 * wrap and lie in RAM. On error -EINVAL with a message and the queue is not ready.
 */
int virtq_enable(struct virtq *q, struct err *err);

/*
 * The next chain. 1: *c is one (look at c->error first); 0: none offered; -EIO: broken (see
 * q->broken); -EAGAIN: not ready. Never more than num heads a call of virtq_kick_begin():
 * a device's notify handler loops `while (virtq_next(q, &c) == 1)` and that loop is bounded,
 * because a head cannot come twice before it is pushed and pushes are counted by virtq_kick_begin.
 */
int virtq_next(struct virtq *q, struct virtq_chain *c);

/*
 * Begin handling one doorbell: at most 2 * num chains are handed out until the next one, whatever
 * the driver does to avail.idx meanwhile; then virtq_next() returns 0.
 */
void virtq_kick_begin(struct virtq *q);

/* Give the chain back with used.len = c->written. 0 or -EIO (ring gone: broken). */
int virtq_push(struct virtq *q, const struct virtq_chain *c);

/*
 * After pushes: does the driver want an interrupt now (2.7.7)? Handles NO_INTERRUPT and used_event;
 * the answer is given once.
 */
bool virtq_needs_interrupt(struct virtq *q);

/* Ask the driver for doorbells, or not (2.7.10): used.flags or avail_event. */
void virtq_want_kicks(struct virtq *q, bool want);

/* ---- the bytes of a chain ------------------------------------------------------------------ */

/*
 * Copy from the readable part, from (off); returns how many bytes there were, at most (len), or
 * -EFAULT if RAM went away.
 */
int64_t virtq_read(struct virtq *q, const struct virtq_chain *c, uint64_t off, void *buf,
		   uint64_t len);

/* Copy into the writable part at (off); returns how many fitted; raises c->written. */
int64_t virtq_write(struct virtq *q, struct virtq_chain *c, uint64_t off, const void *buf,
		    uint64_t len);

/* Position for save and load; addresses and sizes are in it too. post_load: virtq_post_load(). */
extern const struct state_table virtq_state;
int virtq_post_load(struct virtq *q, struct err *err);

#endif
