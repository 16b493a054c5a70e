/* SPDX-License-Identifier: MIT */
/*
 * virtq: the device side of a virtqueue, split or packed (virtio 1.2 sections 2.7, 2.8 and, for what
 * both share, 2.6): indirect descriptors, event index, notification suppression. Devices see one
 * interface over both.
 * [hostile: fuzz/targets/virtq.c] [hostile: fuzz/targets/virtq_packed.c]
 * The driver's side, for tests, fuzz targets and benches, is in virtq_driver.h.
 *
 * Guarantees
 * - Every word of the rings and tables that is judged is read once, copied, checked, then used.
 * - No allocation after virtq_init(). A chain has at most num segments (2.7.5.3.1), direct and
 *   indirect descriptors together; the descriptor that points to an indirect table is not one.
 *   virtq_next() reads guest memory at most num + 4 times. At most num chains are in flight, each
 *   head once; at most num are handed out for one doorbell.
 * - used.len is what was stored through virtq_write() and the like, never more.
 * - Two kinds of guest error, two outcomes:
 *   queue-level (avail.idx jumps by more than num, a head >= num, a head offered while in flight,
 *   a ring outside RAM): the queue is broken, `broken` says why, virtq_next() returns -EIO until
 *   virtq_reset(); the transport sets DEVICE_NEEDS_RESET.
 *   chain-level (loop, too long, descriptor outside RAM, readable after writable, INDIRECT inside
 *   an indirect table, indirect table of a bad length, total of 2^32 bytes or more): the chain is
 *   handed over with its `error` set and no segments; the device completes it with virtq_push(),
 *   used.len 0, and the queue stays healthy. The first fault along the chain is the one reported;
 *   in one descriptor: LOOP, INDIRECT, INDIRECT_SIZE, ORDER, ADDR, TOTAL, NEXT, in this order.
 *   A zero-length buffer is a segment; nothing is there to be accessed, so any address will do.
 *   On a packed ring a chain is walked to its end to know where the next one is, so one that has none
 *   (NEXT all round) is queue-level, and so are more descriptors in flight than the ring has. A buffer
 *   ID is the driver's own: any value, given back as it is (2.8.6 says no more).
 * - Chains that were handed out may be completed on a broken queue too.
 * - Every rule that a driver can break, its outcome and its test: vmm/virtq/DRIVER_RULES.md.
 * The caller promises: the gmem outlives the queue; one thread; a chain is pushed once, before the
 * next reset.
 * Who frees: virtq_fini() what virtq_init() gave.
 */
#ifndef VMM_VIRTQ_H
#define VMM_VIRTQ_H

#include <vmm/base.h>
#include <vmm/gmem.h>
#include <vmm/state.h>
#include <vmm/stats.h>
#include <vmm/trace.h>

#define VIRTQ_NUM_MAX 32768u /* 2.7: Queue Size is a power of 2, at most this */

/* 2.7: bytes of the three areas of a queue of (n); the event fields are always counted. */
#define VIRTQ_DESC_BYTES(n)  (16ull * (n))
#define VIRTQ_AVAIL_BYTES(n) (6 + 2ull * (n))
#define VIRTQ_USED_BYTES(n)  (6 + 8ull * (n))

/* Descriptor flags, 2.7.5. */
#define VIRTQ_DESC_F_NEXT     1u
#define VIRTQ_DESC_F_WRITE    2u
#define VIRTQ_DESC_F_INDIRECT 4u
/* 2.7.6, 2.7.8 */
#define VIRTQ_AVAIL_F_NO_INTERRUPT 1u
#define VIRTQ_USED_F_NO_NOTIFY	   1u
/* Packed ring, 2.8: descriptor flags and what the event suppression structures say. */
#define VIRTQ_DESC_F_AVAIL  0x0080u
#define VIRTQ_DESC_F_USED   0x8000u
#define VIRTQ_EVENT_ENABLE  0u
#define VIRTQ_EVENT_DISABLE 1u
#define VIRTQ_EVENT_DESC    2u
#define VIRTQ_EVENT_WRAP    0x8000u /* in the offset: the wrap counter */
#define VIRTQ_EVENT_BYTES   4u	    /* of each of the two structures */
/* Feature bits that concern the ring, section 6. */
#define VIRTIO_F_INDIRECT_DESC	   28
#define VIRTIO_F_EVENT_IDX	   29
#define VIRTIO_F_VERSION_1	   32
#define VIRTIO_F_RING_PACKED	   34
#define VIRTIO_F_IN_ORDER	   35
#define VIRTIO_F_NOTIFICATION_DATA 38
#define VIRTIO_F_RING_RESET	   40

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
	VIRTQ_E_AVAIL,	  /* avail.idx moved by more than num; packed: more in flight than num */
	VIRTQ_E_HEAD,	  /* head >= num */
	VIRTQ_E_INFLIGHT, /* head is in flight already */
	VIRTQ_E_RING,	  /* a ring is not in RAM (any more) */
	VIRTQ_E_ENDLESS,  /* packed: NEXT all round the ring */
	VIRTQ_ERRORS
};

/* A short name for messages: "descriptor loop", ... */
const char *virtq_error_name(enum virtq_error e);

struct virtq_seg {
	uint64_t gpa;
	uint32_t len;
};

/* Refers to the queue's storage: valid until the next virtq_next() on the same queue. */
struct virtq_chain {
	uint16_t head;		/* its number, below num, unique among those in flight */
	uint16_t id;		/* what the driver calls it; split: the head */
	uint16_t slots;		/* entries of the ring that it takes; split: 1 */
	uint16_t seq;		/* its place in the order of being offered, modulo 2^16 */
	enum virtq_error error; /* VIRTQ_OK, or why it has no segments */
	uint32_t nr_out, nr_in; /* segments: device-readable, then device-writable */
	uint64_t out_bytes, in_bytes;
	uint32_t written; /* bytes stored so far: 1 + the highest offset written through here */
	const struct virtq_seg *seg; /* nr_out + nr_in of them */
};

/* A chain that was pushed before its turn. */
struct virtq_held {
	uint32_t written;
	uint16_t head, id, slots, seq;
	bool whole; /* written to its end */
};

/* What a queue did since virtq_init(), resets and restores included; no part of its state. */
struct virtq_stats {
	uint64_t kicks, interrupts; /* counted by the transport, and by virtq_needs_interrupt() */
	uint64_t popped, pushed;
	uint64_t bytes_out,
		bytes_in; /* device-readable ones of chains taken; stored ones given back */
	uint64_t late;	  /* given back later than they were done */
	uint64_t in_flight_max;
	uint64_t error[VIRTQ_ERRORS]; /* chains that were malformed, queues that broke */
	struct stats_hist chain_length;
};
extern const struct stats_entry virtq_stats_table[];

struct virtq {
	/* set by the transport; frozen while ready */
	uint32_t num, num_max;
	/*
	 * guest-physical; split: aligned 16, 2, 4 (2.7). Packed: descriptor ring, driver and device event
	 * suppression, aligned 16, 4, 4 (2.8.10).
	 */
	uint64_t desc, avail, used;
	bool ready;
	bool packed;		  /* negotiated */
	bool event_idx, indirect; /* negotiated */
	bool in_order;		  /* negotiated */
	/* the device's position */
	uint16_t last_avail, used_idx; /* packed: positions in the ring, below num */
	bool avail_wrap, used_wrap;    /* packed: the wrap counters that go with them */
	uint32_t slots_out;	       /* packed: entries taken by chains in flight */
	uint32_t since;		       /* packed: entries used since virtq_needs_interrupt() */
	uint16_t signalled;	       /* used_idx at the last virtq_needs_interrupt() */
	bool signalled_valid;	       /* false: used_idx went once round since then */
	bool kicks_off;		       /* virtq_want_kicks(q, false) */
	enum virtq_error broken;       /* VIRTQ_OK, or a queue-level error */
	uint32_t in_flight;
	uint64_t popped, pushed; /* counters: popped = pushed + in_flight, always */
	uint32_t nr_held;    /* in_order: pushed before their turn, which they wait for in flight */
	struct virtq_batch { /* in_order: pushed, and not in the ring yet; empty between events */
		uint32_t nr, slots; /* chains, and the entries of a packed ring that they take */
		uint32_t written;   /* the last one's */
		uint16_t id;	    /* likewise */
	} batch;
	uint64_t in_flight_map[VIRTQ_NUM_MAX / 64]; /* one bit a head */
	/* private */
	struct gmem *mem;
	struct trace *trace;
	unsigned index;
	uint32_t budget;	 /* chains that may still be handed out for this doorbell */
	struct virtq_seg *segs;	 /* num_max of them */
	struct virtq_held *held; /* room for num_max; nr_held of them, by their turn */
	uint8_t *table;		 /* the copied indirect table: num_max descriptors */
	struct {		 /* where RAM is; adjacent regions are one piece */
		bool known;
		unsigned generation, nr;
		uint64_t base[GMEM_REGIONS], size[GMEM_REGIONS];
	} ram;
	struct virtq_stats stats;
};

/*
 * A queue of at most (num_max) entries (a power of two, 1 to VIRTQ_NUM_MAX), not ready. (index) is
 * for trace events; (trace) may be NULL. -EINVAL, -ENOMEM.
 */
int virtq_init(struct virtq *q, struct gmem *mem, struct trace *trace, unsigned index,
	       uint32_t num_max, struct err *err);
void virtq_fini(struct virtq *q);

/* As after virtq_init(): position, addresses, features, size = num_max, not ready. */
void virtq_reset(struct virtq *q);

/*
 * Make it ready, if it is not: checks num (1 to num_max; split: a power of two), alignment, that the three
 * areas do not wrap and lie in RAM. On error -EINVAL with a message and the queue is not ready.
 */
int virtq_enable(struct virtq *q, struct err *err);

/*
 * Begin handling one doorbell, timer or other event: from here virtq_next() hands out at most num
 * chains. A driver that keeps the rules never has more on offer; this stops one that does not, for
 * whom the device's own writes (a buffer that lies over the avail ring) make new chains available
 * for ever. Call it first in every handler: without it virtq_next() hands out nothing.
 */
void virtq_kick_begin(struct virtq *q);

/*
 * The next chain. 1: *c is one (look at c->error first); 0: none is offered, or the bound of
 * virtq_kick_begin() is reached; -EIO: broken (see q->broken); -EAGAIN: not ready. So
 * `virtq_kick_begin(q); while (virtq_next(q, &c) == 1)` is a whole, bounded handler. When it
 * returns 0 and doorbells are wanted, avail_event is moved up so that the next chain rings again.
 */
int virtq_next(struct virtq *q, struct virtq_chain *c);

/*
 * The chain that virtq_next() would hand out, without taking it: 1: *c is it, to be read by virtq_read()
 * and not to be pushed; 0: there is none, or virtq_next() would find the queue broken. The driver may
 * change what it offered: virtq_next() judges again.
 */
int virtq_peek(struct virtq *q, struct virtq_chain *c);

/*
 * Look ahead without taking anything: have the chains on offer (want) device-writable bytes together? A
 * malformed one has none. 1: yes, or virtq_next() would find the queue broken before that, or it is not
 * among the next VIRTQ_LOOK chains, which are all that are looked at. 0: not yet;
 * the driver rings for the next chain that it offers, if it is told to. -ENOSPC: no, and the driver has
 * no entry left to offer more by. What was handed out last is gone from the queue's storage. The
 * driver may change what it offered: virtq_next() judges again.
 */
#define VIRTQ_LOOK 256u
int virtq_has_room(struct virtq *q, uint64_t want);

/*
 * Give the chain back with used.len = c->written. 0 or -EIO (ring gone: broken, and the chain stays
 * in flight). Only head, id, slots and written of (c) are looked at.
 * With in_order also seq, error and in_bytes: a chain that comes before its turn waits for those before
 * it; and 2.7.9 and 2.8.8 let one used entry stand for a batch, whose buffers but the last then count as
 * written to their end. So chains of which that is true wait for the next one or virtq_flush().
 */
int virtq_push(struct virtq *q, const struct virtq_chain *c);
/* With in_order: what waits and had its turn goes into the ring. 0 or -EIO as virtq_push(). */
int virtq_flush(struct virtq *q);

/*
 * After pushes: does the driver want an interrupt now (2.7.7)? Handles NO_INTERRUPT and used_event;
 * the answer is given once. Calls virtq_flush() first.
 */
bool virtq_needs_interrupt(struct virtq *q);

/*
 * Is the driver where its notification says, VIRTIO_F_NOTIFICATION_DATA (2.9)? (data) is next_off
 * and, on top, next_wrap. Reads the ring and changes nothing: a wrong one is a reason for a trace event,
 * not for another course.
 */
bool virtq_kick_is_right(struct virtq *q, uint16_t data);

/*
 * Ask the driver for doorbells, or not (2.7.10): used.flags or avail_event. They are wanted after
 * virtq_enable(). Both are hints. After asking again, look once more with virtq_next().
 */
void virtq_want_kicks(struct virtq *q, bool want);

/* ---- the bytes of a chain -------------------------------------------------------------------- */

/*
 * Copy from the readable part, from (off); returns how many bytes there were, at most (len), or
 * -EFAULT if RAM went away.
 */
int64_t virtq_read(struct virtq *q, const struct virtq_chain *c, uint64_t off, void *buf,
		   uint64_t len);

/*
 * Copy into the writable part at (off); returns how many fitted; raises c->written. -EFAULT if RAM
 * went away: what was stored before that counts. Fill the part from its start: used.len says that
 * all bytes below it were stored (2.7.8.2).
 */
int64_t virtq_write(struct virtq *q, struct virtq_chain *c, uint64_t off, const void *buf,
		    uint64_t len);

/*
 * Position for save and load; addresses, size and features are in it too, num_max is not: it is
 * configuration. With in_order the (i)-th chain of nr_held that wait for their turn is a table of its own,
 * saved and loaded behind it: virtq_held(), NULL past the end. After loading into a queue from
 * virtq_init() call virtq_post_load(): -EINVAL for values that no queue can have (the queue is then
 * reset). A ring that is not in RAM is no such error: the first access finds it.
 */
extern const struct state_table virtq_state;
extern const struct state_table virtq_held_state;
const struct virtq_held *virtq_held(const struct virtq *q, uint32_t i);
int virtq_post_load(struct virtq *q, struct err *err);
/*
 * After that: can a device have kept (c), and loaded head, id, slots and seq of it? It is in flight, and
 * was not pushed.
 */
bool virtq_is_out(const struct virtq *q, const struct virtq_chain *c);

#endif
