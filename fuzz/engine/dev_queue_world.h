/* SPDX-License-Identifier: MIT */
/*
 * dev_queue_world: what the dev_* targets have: memory, clock, the device in its variants (made once),
 * one run (W), its input's bytes as numbers, stores of the driver. Part of dev_queue.h, which has the
 * contract.
 */
#ifndef FUZZ_ENGINE_DEV_QUEUE_WORLD_H
#define FUZZ_ENGINE_DEV_QUEUE_WORLD_H

#include <vmm/virtio.h>

#include "behind_read.h"
#include "dev_queue_prog.h"
#include "input.h"
#include "oracle.h"
#include "say.h"

#define DQ_VARIANTS 8u
#define DQ_BUFFERS  14u /* of one chain that the driver makes */
#define DQ_GAPS	    4u
#define DQ_SEED	    42u

/* A chain that the device has, as an independent walk found it. */
struct dq_chain {
	unsigned queue;
	uint16_t head, id, slots, seq; /* split: head is id, slots is 1 */
	uint32_t tag; /* dq_tag() of the request that was offered under this id, or 0 */
	bool error;   /* malformed: it has no segments */
	bool refused; /* virtq said so */
	bool indirect;
	unsigned call, nth; /* when it was taken: see dq_at_once() */
	uint64_t note[2];   /* the target's own, from popped() to used() */
	bool shared;	    /* its writable bytes are not its own: who stored what can't be told */
	uint32_t nr_out, nr_in;
	uint64_t out_bytes, in_bytes;
	uint64_t stored; /* bytes without a gap from the first on */
	unsigned nr_gaps;
	struct {
		uint64_t from, to;
	} gap[DQ_GAPS]; /* stored beyond that */
	struct virtq_seg seg[DQ_NUM_MAX];
};

/* Made by the target: see dev_queue.h. */
struct dq_spec {
	const char *const *variants;
	const struct dev_class *cls;
	uint32_t holds;
	void (*env)(struct dev_env *env, unsigned variant);
	void (*begin)(void);
	void (*request)(unsigned queue);
	void (*event)(uint8_t b);
	void (*popped)(struct dq_chain *c);
	void (*used)(const struct dq_chain *c, uint32_t len);
	bool (*may_write)(uint64_t gpa, uint64_t len);
	void (*check)(void);
	uint64_t (*hash)(uint64_t seed);
};

/* How a driver reaches the device: virtio-mmio below, others in headers of their own. */
struct dq_transport {
	/* Put an instance where it is reached; once each. May be NULL. */
	void (*wire)(struct virtio *v);
	/* What is saved, loaded, reset and hashed; NULL: the model, which is all that there is. */
	struct dev *(*whole)(struct virtio *v);
	void (*status)(struct virtio *v, uint32_t val);
	void (*features)(struct virtio *v, uint64_t accepted);
	void (*set_up)(struct virtio *v, unsigned queue, uint32_t num, uint64_t desc,
		       uint64_t avail, uint64_t used);
	void (*stop)(struct virtio *v, unsigned queue);	       /* NULL: only by reset_queue() */
	void (*reset_queue)(struct virtio *v, unsigned queue); /* VIRTIO_F_RING_RESET */
	void (*kick)(struct virtio *v, uint32_t val); /* the queue, with NOTIFICATION_DATA more */
	uint32_t (*ack)(struct virtio *v);	      /* what was acknowledged */
	/* Any access of 1 to 8 bytes at any offset, to the registers, to the configuration. */
	uint64_t (*reg)(struct virtio *v, bool write, uint32_t off, unsigned size, uint64_t val);
	uint64_t (*config)(struct virtio *v, bool write, uint32_t off, unsigned size, uint64_t val);
};

/* What the driver knows of a queue, and what the watch does. */
struct dq_queue {
	uint64_t desc, avail, used;
	uint32_t num;
	bool packed, event_idx, frozen;
	/* driver: split: index that is offered and published, next descriptor; packed: next entry */
	uint16_t offer, cursor, last_head;
	bool wrap;
	unsigned waiting;  /* offered and not yet taken, as a good driver counts */
	unsigned allotted; /* descriptors of those */
	bool rung;	   /* since something was offered */
	uint32_t tag[DQ_NUM_MAX];
	/* device, as the watch counts: index or entry of the next chain */
	uint16_t next;
	bool next_wrap;
	uint16_t flying;    /* one bit a chain[] */
	uint16_t seq, back; /* in order: of the next chain, of the next to be given back */
	uint16_t batch_at;  /* of a split ring: the entry of what waits */
	bool have_last;
	uint16_t last_id; /* in order: the last one given back in this call */
	uint32_t last_len;
	bool last_whole;
	struct dq_chain chain[DQ_NUM_MAX];
	unsigned pops, pushes, interrupts; /* in this call */
};

static struct dq_world {
	const struct dq_spec *spec;
	const struct dq_transport *t;
	struct gmem *g;
	struct gmem_snap *snap;
	uint8_t *ram; /* of (g) */
	struct clock clock;
	struct trace *trace;
	unsigned nr_variants;
	struct virtio *device[DQ_VARIANTS];
	char text[DQ_VARIANTS][160]; /* what each was made of */
	uint64_t fresh[DQ_VARIANTS]; /* hashes as made */
	unsigned most_queues;	     /* of all variants */
	/* this input */
	struct fuzz_input input;
	bool dear, again;
	uint8_t variant, how, drop, more; /* the header */
	struct virtio *v;
	struct dq_queue q[VIRTIO_QUEUES];
	uint32_t bump; /* in the buffers */
	int level;     /* of the device's line */
	bool saved;
	unsigned ops, taken;
	bool deep;
	uint64_t events; /* a hash over what the queues did */
	/* the watch */
	bool inside, in_kick;
	bool unsure;	       /* memory changed where the rules have a word read twice */
	bool astray;	       /* rings lie elsewhere than where the driver puts them */
	unsigned steps, pages; /* of this call; pages stored to, one bit each */
	unsigned calls;	       /* into the device */
	unsigned changes;      /* of memory behind a read, in this call */
	struct behind pending;
	unsigned nr_done;
	struct {
		uint32_t gpa;
		uint8_t was, is;
	} done[BEHIND_MAX]; /* changes since the last event */
	/* the request that is being made */
	struct virtq_seg out[DQ_BUFFERS], in[DQ_BUFFERS];
	unsigned nr_out, nr_in;
	uint32_t tag;
	uint8_t picture[DQ_RAM]; /* what memory must be, on dear inputs */
} W;

/* ---- input ------------------------------------------------------------------------------------ */

static inline uint8_t dq_u8(void)
{
	return fuzz_u8(&W.input);
}

static inline uint16_t dq_u16(void)
{
	return fuzz_u16(&W.input);
}

static inline uint64_t dq_value(unsigned size)
{
	return fuzz_value(&W.input, size, 2);
}

static inline uint64_t dq_address(void)
{
	static const struct fuzz_layout at = {DQ_RAM, DQ_DATA, DQ_RINGS(0), DQ_USED, DQ_TABLES};

	return fuzz_address(&W.input, &at);
}

static inline uint32_t dq_length(void)
{
	static const uint32_t huge[] = {DQ_N_HUGES};

	return fuzz_length(&W.input, huge);
}

/* ---- an input in words (say.h); what is run a second time is not said again ---------------------- */

#define DQ_SAY(...)                                                                                \
	do {                                                                                       \
		if (FUZZ_SAYING && !W.again)                                                       \
			FUZZ_SAY(__VA_ARGS__);                                                     \
	} while (0)

/* ---- memory ----------------------------------------------------------------------------------- */

/* A store of the driver: where there is no RAM nothing happens. */
static inline void dq_poke(uint64_t gpa, const void *buf, uint64_t len)
{
	if (!range_within(gpa, len, 0, DQ_RAM))
		return;
	FUZZ_ORACLE(!gmem_write(W.g, gpa, buf, len), "gmem", "RAM at %#llx refuses a store",
		    (unsigned long long)gpa);
	if (!W.again)
		FUZZ_SAY_MEM(gpa, buf, len);
	W.pages |= 1u << (gpa >> 12) | 1u << ((gpa + len - 1) >> 12);
	if (W.dear)
		memcpy(W.picture + gpa, buf, len);
}

static inline void dq_poke16(uint64_t gpa, uint16_t v)
{
	uint8_t b[2];

	st_le16(b, v);
	dq_poke(gpa, b, 2);
}

static inline void dq_poke_desc(uint64_t gpa, uint64_t addr, uint32_t len, uint16_t a, uint16_t b)
{
	uint8_t d[16];

	st_le64(d, addr);
	st_le32(d + 8, len);
	st_le16(d + 12, a);
	st_le16(d + 14, b);
	dq_poke(gpa, d, sizeof(d));
}

/* A word of guest memory; beyond RAM it is 0. */
static inline uint16_t dq_peek16(uint64_t gpa)
{
	return range_within(gpa, 2, 0, DQ_RAM) ? ld_le16(W.ram + gpa) : 0;
}

/* (len) bytes of buffers, from one place after the other. */
static inline uint32_t dq_room(uint32_t len)
{
	uint32_t at = W.bump;

	if (len > DQ_RAM - DQ_DATA)
		return DQ_DATA;
	if (len > DQ_RAM - at)
		at = DQ_DATA;
	W.bump = at + (uint32_t)align_up(len, 16);
	if (W.bump >= DQ_RAM)
		W.bump = DQ_DATA;
	return at;
}

/* ---- for a target's request() ------------------------------------------------------------------ */

/* One more buffer of the request. What has no room is left away. */
static inline void dq_out_at(uint64_t gpa, uint32_t len)
{
	if (W.nr_out < DQ_BUFFERS)
		W.out[W.nr_out++] = (struct virtq_seg){gpa, len};
}

static inline void dq_in_at(uint64_t gpa, uint32_t len)
{
	if (W.nr_in < DQ_BUFFERS)
		W.in[W.nr_in++] = (struct virtq_seg){gpa, len};
}

/* These bytes, in memory of their own; where they are. */
__attribute__((unused)) static uint32_t dq_out(const void *buf, uint32_t len)
{
	uint32_t gpa = dq_room(len);

	dq_poke(gpa, buf, len);
	dq_out_at(gpa, len);
	return gpa;
}

__attribute__((unused)) static uint32_t dq_in(uint32_t len)
{
	uint32_t gpa = dq_room(len);

	dq_in_at(gpa, len);
	return gpa;
}

/* A number that comes back in dq_chain.tag, if nobody broke the chain in between. */
__attribute__((unused)) static void dq_tag(uint32_t tag)
{
	W.tag = tag;
}

/* Is it given back in the call in which it was taken, and nothing came in between? */
__attribute__((unused)) static bool dq_at_once(const struct dq_chain *c)
{
	return c->call == W.calls && c->nth == W.taken;
}

/* Bytes of a chain's readable part, as memory is now; how many there were. */
__attribute__((unused)) static uint64_t dq_read(const struct dq_chain *c, uint64_t off, void *buf,
						uint64_t len)
{
	uint64_t done = 0;

	for (uint32_t i = 0; i < c->nr_out && done < len; i++) {
		uint64_t n = c->seg[i].len;

		if (off >= n) {
			off -= n;
			continue;
		}
		n = n - off < len - done ? n - off : len - done;
		memcpy((uint8_t *)buf + done, W.ram + c->seg[i].gpa + off, n);
		done += n;
		off = 0;
	}
	return done;
}

/* The same of the writable part. */
__attribute__((unused)) static uint64_t dq_stored(const struct dq_chain *c, uint64_t off, void *buf,
						  uint64_t len)
{
	uint64_t done = 0;

	for (uint32_t i = c->nr_out; i < c->nr_out + c->nr_in && done < len; i++) {
		uint64_t n = c->seg[i].len;

		if (off >= n) {
			off -= n;
			continue;
		}
		n = n - off < len - done ? n - off : len - done;
		memcpy((uint8_t *)buf + done, W.ram + c->seg[i].gpa + off, n);
		done += n;
		off = 0;
	}
	return done;
}

#endif
