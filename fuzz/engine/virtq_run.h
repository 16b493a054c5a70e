/* SPDX-License-Identifier: MIT */
/*
 * virtq_run: one run of fuzz/targets/virtq.c: its state, the input's bytes as numbers, addresses and
 * lengths, stores that the model follows, changes of memory behind a read, and what must always
 * hold. For that target only, which defines the depth counters before it includes this.
 */
#ifndef FUZZ_ENGINE_VIRTQ_RUN_H
#define FUZZ_ENGINE_VIRTQ_RUN_H

#include <depth.h>
#include <oracle.h>

#include "virtq_model.h"

#define MAX_STORE   4096u /* bytes at once */
#define MAX_PENDING 4u

/* Memory and a queue on it, made once; worlds[1] has no 1 GiB region but may lose regions. */
struct world {
	struct gmem *g;
	struct gmem_snap *snap;
	struct virtq q;
	struct virtq fresh; /* the queue as made */
	struct model_region region[MODEL_REGIONS];
};

/* A chain that the device has. */
struct held {
	struct virtq_chain c;
	struct virtq_seg seg[PROG_NUM_MAX];
	uint32_t stored; /* 1 + the highest offset stored, by our own count */
};

struct change {
	unsigned countdown;
	uint8_t off, flip;
};

static struct world worlds[2];
static uint8_t pattern[MAX_STORE + 64], scratch[2][MAX_STORE];

static struct run {
	const uint8_t *p, *end;
	bool dear, deep; /* deep: a chain with bytes was walked */
	struct world *w;
	struct gmem *g;
	struct virtq *q;
	struct model m;
	/* driver */
	uint32_t num; /* for its own arithmetic: 1 to PROG_NUM_MAX */
	uint16_t offer_idx, cursor, last_head;
	/* device; slots[0, nr_held) are in flight, oldest first */
	struct held pool[PROG_NUM_MAX + 1];
	uint8_t slots[PROG_NUM_MAX + 1];
	unsigned nr_held, lost; /* lost: their push failed, in flight until the reset */
	unsigned salt;
	/* the read hook */
	bool inside; /* in a call of virtq */
	unsigned reads, changes, nr_pending;
	struct change pending[MAX_PENDING];
	unsigned regions_changed;
} R;

/* ---- input ----------------------------------------------------------------------------------- */

static inline uint8_t u8(void)
{
	return R.p < R.end ? *R.p++ : 0;
}

static inline uint16_t u16(void)
{
	uint8_t lo = u8();

	return (uint16_t)(lo | u8() << 8);
}

static inline uint64_t address(void)
{
	uint8_t s = u8();
	uint64_t k = s & 15;
	uint64_t raw;

	switch (s & 0xf0) {
	case PROG_A_R0_END:
		return PROG_R0 + PROG_R0_LEN - 16 + 2 * k;
	case PROG_A_R1:
		return PROG_R1 - 16 + 4 * k;
	case PROG_A_BORDER:
		return PROG_R2 - 32 + 4 * k;
	case PROG_A_R2_END:
		return PROG_R2 + PROG_R2_LEN - 8 * k;
	case PROG_A_ROM:
		return PROG_ROM + 16 * k;
	case PROG_A_TOP:
		return UINT64_MAX - 17 * k;
	case PROG_A_BIG:
		return PROG_BIG + (k == 15 ? PROG_BIG_LEN - 64 : k << 20);
	case PROG_A_DESC:
		return R.m.desc + 16 * k;
	case PROG_A_AVAIL:
		return k < 8 ? R.m.avail + 2 * k : R.m.used + 4 * (k - 8);
	case PROG_A_TABLE:
		if (k < 8)
			return PROG_TABLE + 64 * k;
		if (s != PROG_A_RAW)
			return 0x18000 + (k << (k * 3));
		raw = 0;
		for (unsigned i = 0; i < 8; i++)
			raw |= (uint64_t)u8() << 8 * i;
		return raw;
	default:
		return PROG_DATA + 32ull * s;
	}
}

static inline uint32_t length(uint64_t addr)
{
	static const uint32_t huge[] = {PROG_HUGE_LENS};
	const struct model_region *r;
	uint8_t s = u8();
	uint32_t lo;

	if (s < 0x80)
		return s;
	if (s < PROG_LEN_TO_END)
		return 64u * (s & 63);
	if (s < PROG_LEN_HUGE) {
		r = model_at(&R.m, addr);
		lo = r ? (uint32_t)(r->gpa + r->len - addr) : 16;
		return lo + (s == PROG_LEN_PAST_END) - (s == PROG_LEN_BELOW_END);
	}
	if (s < PROG_LEN_RAW)
		return huge[s - PROG_LEN_HUGE];
	if (s > PROG_LEN_RAW)
		return s & 15;
	lo = u16();
	return lo | (uint32_t)u16() << 16;
}

/* ---- stores ---------------------------------------------------------------------------------- */

/* A store of the driver, or of nobody: where there is no RAM nothing happens. */
static inline void poke(uint64_t gpa, const void *buf, uint64_t len)
{
	if (!model_is_ram(&R.m, gpa, len))
		return;
	FUZZ_ORACLE(!gmem_write(R.g, gpa, buf, len), "gmem", "RAM at %#llx refuses a store",
		    (unsigned long long)gpa);
	model_copy(&R.m, gpa, NULL, buf, len);
}

static inline void poke16(uint64_t gpa, uint16_t v)
{
	uint8_t b[2];

	st_le16(b, v);
	poke(gpa, b, 2);
}

static inline void poke_desc(uint64_t gpa, uint64_t addr, uint32_t len, uint16_t flags,
			     uint16_t next)
{
	uint8_t b[16];

	st_le64(b, addr);
	st_le32(b + 8, len);
	st_le16(b + 12, flags);
	st_le16(b + 14, next);
	poke(gpa, b, sizeof(b));
}

/* ---- double fetch ---------------------------------------------------------------------------- */

/* Called after each read of guest memory: what was read may change now. */
static inline void on_read(void *ctx, struct gmem *g, uint64_t gpa, uint64_t len)
{
	unsigned n = 0;

	(void)ctx;
	(void)g;
	if (!R.inside)
		return;
	R.reads++;
	FUZZ_ORACLE(R.reads <= PROG_NUM_MAX + 4, "steps", "no end of reading");
	for (unsigned i = 0; i < R.nr_pending; i++) {
		struct change c = R.pending[i];
		uint64_t at = gpa + c.off % len;
		uint8_t b;

		if (--c.countdown) {
			R.pending[n++] = c;
			continue;
		}
		if (!model_is_ram(&R.m, at, 1))
			continue;
		model_copy(&R.m, at, &b, NULL, 1);
		b ^= c.flip;
		poke(at, &b, 1);
		R.changes++;
		depth_hit(memory_changed);
	}
	R.nr_pending = n;
}

static inline void enter(void)
{
	R.reads = R.changes = 0;
	R.inside = true;
}

static inline void leave(void)
{
	R.inside = false;
}

/* ---- what must always hold ------------------------------------------------------------------- */

/* The device stored (len) bytes there: the model's picture follows. */
static inline void device_stored(uint64_t gpa, const void *buf, uint64_t len)
{
	model_copy(&R.m, gpa, NULL, buf, len);
	FUZZ_ORACLE(gmem_is_dirty(R.g, gpa) && (gpa % GMEM_PAGE + len <= GMEM_PAGE ||
						gmem_is_dirty(R.g, gpa + len - 1)),
		    "dirty", "the page of %#llx is not marked as written", (unsigned long long)gpa);
}

static inline void check_queue(void)
{
	const struct virtq *q = R.q;
	const struct model *m = &R.m;

	FUZZ_ORACLE(q->num == m->num && q->desc == m->desc && q->avail == m->avail &&
			    q->used == m->used,
		    "frozen", "size or addresses changed by themselves");
	FUZZ_ORACLE(q->ready == m->ready && q->broken == m->broken, "status",
		    "ready %d, broken %d; model: %d, %d", q->ready, (int)q->broken, m->ready,
		    (int)m->broken);
	FUZZ_ORACLE(q->in_flight == R.nr_held + R.lost && q->in_flight <= PROG_NUM_MAX &&
			    q->in_flight == m->in_flight,
		    "in-flight", "%u, the device has %u", q->in_flight, R.nr_held + R.lost);
	FUZZ_ORACLE(q->popped == m->popped && q->popped == q->pushed + q->in_flight, "conservation",
		    "popped %llu, pushed %llu, in flight %u", (unsigned long long)q->popped,
		    (unsigned long long)q->pushed, q->in_flight);
	FUZZ_ORACLE(q->last_avail == m->last_avail && q->used_idx == m->used_idx, "position",
		    "at %u, %u; model: %u, %u", q->last_avail, q->used_idx, m->last_avail,
		    m->used_idx);
}

/* Holds for every chain, whatever memory did meanwhile. */
static inline void check_chain(const struct virtq_chain *c)
{
	uint64_t out = 0, in = 0;

	FUZZ_ORACLE(c->head < R.m.num && !R.m.flying[c->head], "head-unique", "head %u", c->head);
	FUZZ_ORACLE(c->nr_out + c->nr_in <= R.m.num, "chain-length", "%u segments",
		    c->nr_out + c->nr_in);
	FUZZ_ORACLE(!c->error || c->nr_out + c->nr_in == 0, "error-segments",
		    "a refused chain has %u segments", c->nr_out + c->nr_in);
	FUZZ_ORACLE(c->written == 0, "written", "a new chain has %u bytes stored", c->written);
	for (uint32_t i = 0; i < c->nr_out + c->nr_in; i++) {
		const struct virtq_seg *s = &c->seg[i];

		FUZZ_ORACLE(model_is_ram(&R.m, s->gpa, s->len), "segment-in-ram",
			    "segment %u: %#llx, %u bytes", i, (unsigned long long)s->gpa, s->len);
		*(i < c->nr_out ? &out : &in) += s->len;
	}
	FUZZ_ORACLE(out == c->out_bytes && in == c->in_bytes, "chain-bytes", "%llu and %llu",
		    (unsigned long long)c->out_bytes, (unsigned long long)c->in_bytes);
	FUZZ_ORACLE(out + in <= UINT32_MAX, "chain-total", "%llu bytes",
		    (unsigned long long)(out + in));
}

static inline void compare_chain(const struct virtq_chain *c, const struct model_chain *e)
{
	FUZZ_ORACLE(c->head == e->head, "model-head", "%u, model: %u", c->head, e->head);
	FUZZ_ORACLE(c->error == e->error, "model-error", "\"%s\", model: \"%s\"",
		    virtq_error_name(c->error), virtq_error_name(e->error));
	FUZZ_ORACLE(c->nr_out == e->nr_out && c->nr_in == e->nr_in, "model-segments",
		    "%u + %u, model: %u + %u", c->nr_out, c->nr_in, e->nr_out, e->nr_in);
	for (uint32_t i = 0; i < c->nr_out + c->nr_in; i++)
		FUZZ_ORACLE(c->seg[i].gpa == e->seg[i].gpa && c->seg[i].len == e->seg[i].len,
			    "model-extent", "segment %u: %#llx, %u; model: %#llx, %u", i,
			    (unsigned long long)c->seg[i].gpa, c->seg[i].len,
			    (unsigned long long)e->seg[i].gpa, e->seg[i].len);
}

static inline void count_error(enum virtq_error e)
{
#define COUNT(code, name)                                                                          \
	case code:                                                                                 \
		depth_hit(name);                                                                   \
		break
	switch (e) {
		COUNT(VIRTQ_E_LOOP, err_loop);
		COUNT(VIRTQ_E_NEXT, err_next);
		COUNT(VIRTQ_E_ADDR, err_addr);
		COUNT(VIRTQ_E_ORDER, err_order);
		COUNT(VIRTQ_E_INDIRECT, err_indirect);
		COUNT(VIRTQ_E_INDIRECT_SIZE, err_indirect_size);
		COUNT(VIRTQ_E_TOTAL, err_total);
		COUNT(VIRTQ_E_AVAIL, broken_avail);
		COUNT(VIRTQ_E_HEAD, broken_head);
		COUNT(VIRTQ_E_INFLIGHT, broken_inflight);
		COUNT(VIRTQ_E_RING, broken_ring);
	default:
		break;
	}
#undef COUNT
}

static inline void count_chain(const struct virtq_chain *c, const struct model_chain *e)
{
	uint32_t n = c->nr_out + c->nr_in;

	count_error(c->error);
	if (c->error)
		return;
	depth_hit(chain_walked);
	if (n > 1)
		depth_hit(chain_of_several);
	if (n == R.m.num && n > 1)
		depth_hit(chain_of_num);
	if (e->table)
		depth_hit(table_entered);
	if (e->table && n > 1)
		depth_hit(table_of_several);
	if (e->direct_before_table)
		depth_hit(table_after_direct);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t end = c->seg[i].gpa + c->seg[i].len;

		if (!c->seg[i].len)
			depth_hit(empty_buffer);
		else if (end == PROG_R0 + PROG_R0_LEN || end == PROG_R2 + PROG_R2_LEN)
			depth_hit(ends_with_ram);
		else if (c->seg[i].gpa < PROG_R2 && end > PROG_R2 && end <= PROG_R2 + PROG_R2_LEN)
			depth_hit(spans_regions);
	}
}

#endif
