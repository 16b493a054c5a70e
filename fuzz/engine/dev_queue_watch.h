/* SPDX-License-Identifier: MIT */
/*
 * dev_queue_watch: the oracles of the dev_* targets. The device's queues tell of each chain taken and
 * given back (trace events), guest memory of each read and store (hooks of gmem). A chain is walked
 * here by code of its own, from virtio 1.2 sections 2.7 and 2.8; every store of the device must lie in
 * the writable part of a chain that it has, or be one of a ring; used.len must be what was stored.
 * Part of dev_queue.h.
 */
#ifndef FUZZ_ENGINE_DEV_QUEUE_WATCH_H
#define FUZZ_ENGINE_DEV_QUEUE_WATCH_H

#include "dev_queue_world.h"
#include "iface.h"

#define DQ_STEPS_MAX 100000u /* reads and stores of one call into the device */

/* ---- a chain, walked --------------------------------------------------------------------------- */

struct dq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t a, b; /* split: flags, next; packed: buffer ID, flags */
};

static struct dq_desc dq_desc_at(uint64_t gpa)
{
	const uint8_t *d = W.ram + gpa;

	return (struct dq_desc){ld_le64(d), ld_le32(d + 8), ld_le16(d + 12), ld_le16(d + 14)};
}

static bool dq_in_ram(uint64_t gpa, uint64_t len)
{
	return !len || range_within(gpa, len, 0, DQ_RAM);
}

/* One buffer more, or the chain is malformed. */
static void dq_take(struct dq_chain *c, const struct dq_desc *d, bool write)
{
	if (c->error)
		return;
	if ((!write && c->nr_in) || !dq_in_ram(d->addr, d->len) ||
	    c->out_bytes + c->in_bytes + d->len > UINT32_MAX) {
		c->error = true;
		return;
	}
	c->seg[c->nr_out + c->nr_in] = (struct virtq_seg){d->addr, d->len};
	if (write) {
		c->nr_in++;
		c->in_bytes += d->len;
	} else {
		c->nr_out++;
		c->out_bytes += d->len;
	}
}

/* Is it a table that the driver may point to? */
static bool dq_good_table(const struct virtq *q, const struct dq_desc *d)
{
	return d->len && d->len % 16 == 0 && d->len / 16 <= q->num && dq_in_ram(d->addr, d->len);
}

static void dq_walk_split(const struct virtq *q, struct dq_chain *c)
{
	uint64_t table = q->desc;
	uint32_t entries = q->num;
	uint16_t i = c->head;

	while (!c->error) {
		struct dq_desc d;

		if (c->nr_out + c->nr_in == q->num || !dq_in_ram(table + 16ull * i, 16)) {
			c->error = true;
			break;
		}
		d = dq_desc_at(table + 16ull * i);
		if (d.a & VIRTQ_DESC_F_INDIRECT) {
			c->error = c->indirect || !q->indirect || (d.a & VIRTQ_DESC_F_NEXT) ||
				   !dq_good_table(q, &d);
			c->indirect = true;
			table = d.addr;
			entries = d.len / 16;
			i = 0;
			continue;
		}
		dq_take(c, &d, d.a & VIRTQ_DESC_F_WRITE);
		if (!(d.a & VIRTQ_DESC_F_NEXT))
			break;
		c->error |= d.b >= entries;
		i = d.b;
	}
}

/* From entry c->head on; virtq_next() has looked for its end. */
static void dq_walk_packed(const struct virtq *q, struct dq_chain *c)
{
	uint32_t at = c->head;
	struct dq_desc d;

	c->slots = 0;
	do {
		d = dq_desc_at(q->desc + 16ull * at);
		c->slots++;
		if (!(d.b & VIRTQ_DESC_F_INDIRECT)) {
			dq_take(c, &d, d.b & VIRTQ_DESC_F_WRITE);
		} else if (c->slots > 1 || (d.b & VIRTQ_DESC_F_NEXT) || !q->indirect ||
			   !dq_good_table(q, &d)) {
			c->error = true;
		} else {
			c->indirect = true;
			for (uint32_t i = 0; i < d.len / 16; i++) {
				struct dq_desc e = dq_desc_at(d.addr + 16ull * i);

				dq_take(c, &e, e.b & VIRTQ_DESC_F_WRITE);
			}
		}
		at = at + 1 == q->num ? 0 : at + 1;
	} while ((d.b & VIRTQ_DESC_F_NEXT) && c->slots < q->num);
	c->id = d.a;
}

/* ---- changes of memory behind a read ------------------------------------------------------------- */

/* Memory as it was when each word was read first, or as it is. */
static void dq_swap_changes(bool back)
{
	for (unsigned k = 0; k < W.nr_done; k++) {
		unsigned i = back ? W.nr_done - 1 - k : k;

		W.ram[W.done[i].gpa] = back ? W.done[i].was : W.done[i].is;
	}
}

/* Does a chain that the device has say that it may read there? */
static bool dq_is_payload(uint64_t gpa)
{
	for (unsigned k = 0; k < W.v->nr_queues; k++) {
		for (unsigned m = W.q[k].flying; m; m &= m - 1) {
			const struct dq_chain *c = &W.q[k].chain[__builtin_ctz(m)];

			for (uint32_t i = 0; i < c->nr_out; i++)
				if (gpa - c->seg[i].gpa < c->seg[i].len)
					return true;
		}
	}
	return false;
}

static bool dq_change(uint64_t at, uint8_t flip)
{
	uint8_t b = W.ram[at] ^ flip;

	if (W.nr_done == BEHIND_MAX)
		return false;
	W.done[W.nr_done].gpa = (uint32_t)at;
	W.done[W.nr_done].was = W.ram[at];
	W.done[W.nr_done++].is = b;
	W.inside = false;
	dq_poke(at, &b, 1);
	W.inside = true;
	W.changes++;
	depth_hit(memory_changed);
	return true;
}

static void dq_on_read(void *ctx, struct gmem *g, uint64_t gpa, uint64_t len)
{
	(void)ctx;
	(void)g;
	if (!W.inside)
		return;
	FUZZ_ORACLE(++W.steps < DQ_STEPS_MAX, "steps", "no end of reading and storing");
	if (!W.pending.nr)
		return;
	if (gpa < DQ_TABLES && dq_is_payload(gpa))
		W.unsure = true; /* rings, read as payload too */
	behind_read(&W.pending, gpa, len, 0, dq_change);
}

/* ---- stores -------------------------------------------------------------------------------------- */

/* A word of a ring, which the device may write whenever it likes? */
static bool dq_is_ring(const struct virtq *q, uint64_t gpa, uint64_t len)
{
	uint64_t off = gpa - q->used;

	if (!q->packed) {
		uint64_t elems = 8ull * q->num;

		if (off >= 6 + elems)
			return false;
		if (off >= 4 && off < 4 + elems)
			return len == 8 && off % 8 == 4;
		return len == 2 && off % 2 == 0;
	}
	if (off < VIRTQ_EVENT_BYTES)
		return len <= VIRTQ_EVENT_BYTES - off;
	off = gpa - q->desc;
	return off < 16ull * q->num && off % 16 >= 8 && off % 16 + len <= 16;
}

/* Bytes [from, to) of the writable part are stored. */
static void dq_note(struct dq_chain *c, uint64_t from, uint64_t to)
{
	unsigned n = 0;

	if (from > c->stored) {
		if (c->nr_gaps == DQ_GAPS) {
			c->shared = true;
			return;
		}
		c->gap[c->nr_gaps].from = from;
		c->gap[c->nr_gaps++].to = to;
		return;
	}
	if (to > c->stored)
		c->stored = to;
	while (n < c->nr_gaps) {
		if (c->gap[n].from > c->stored) {
			n++;
			continue;
		}
		if (c->gap[n].to > c->stored)
			c->stored = c->gap[n].to;
		c->gap[n] = c->gap[--c->nr_gaps];
		n = 0;
	}
}

static bool dq_is_writable(struct dq_chain *c, uint64_t gpa, uint64_t len)
{
	uint64_t before = 0;

	for (uint32_t i = c->nr_out; i < c->nr_out + c->nr_in; i++) {
		const struct virtq_seg *s = &c->seg[i];

		if (gpa - s->gpa < s->len && len <= s->len - (gpa - s->gpa)) {
			dq_note(c, before + (gpa - s->gpa), before + (gpa - s->gpa) + len);
			return true;
		}
		before += s->len;
	}
	return false;
}

static void dq_on_write(void *ctx, struct gmem *g, uint64_t gpa, uint64_t len)
{
	unsigned n = W.v ? W.v->nr_queues : 0;

	(void)ctx;
	(void)g;
	if (!W.inside)
		return;
	FUZZ_ORACLE(++W.steps < DQ_STEPS_MAX, "steps", "no end of reading and storing");
	for (uint64_t page = gpa >> 12; page <= (gpa + len - 1) >> 12; page++)
		W.pages |= 1u << page;
	if (W.dear)
		memcpy(W.picture + gpa, W.ram + gpa, len);
	/* What is stored over a change is what was stored. */
	for (unsigned i = 0; i < W.nr_done; i++) {
		if (W.done[i].gpa - gpa < len) {
			W.done[i] = W.done[--W.nr_done];
			i--;
		}
	}
	for (unsigned k = 0; k < n; k++)
		if (W.v->q[k].ready && dq_is_ring(&W.v->q[k], gpa, len))
			return;
	for (unsigned k = 0; k < n; k++) {
		struct dq_queue *q = &W.q[k];

		for (unsigned m = q->flying; m; m &= m - 1)
			if (dq_is_writable(&q->chain[__builtin_ctz(m)], gpa, len)) {
				depth_hit(bytes_stored);
				return;
			}
	}
	FUZZ_ORACLE(W.unsure || (W.spec->may_write && W.spec->may_write(gpa, len)), "write-set",
		    "%llu bytes at %#llx are no chain's to be written", (unsigned long long)len,
		    (unsigned long long)gpa);
}

/* ---- what the queues say --------------------------------------------------------------------------- */

static bool dq_writes_overlap(const struct dq_chain *a, const struct dq_chain *b)
{
	for (uint32_t i = a->nr_out; i < a->nr_out + a->nr_in; i++)
		for (uint32_t k = b->nr_out; k < b->nr_out + b->nr_in; k++)
			if ((a != b || i < k) && range_overlaps(a->seg[i].gpa, a->seg[i].len,
								b->seg[k].gpa, b->seg[k].len))
				return true;
	return false;
}

static void dq_find_shared(struct dq_chain *c)
{
	if (!c->nr_in)
		return;
	c->shared = (c->nr_in > 1 && dq_writes_overlap(c, c)) || W.astray;
	/* Rings lie below. */
	for (uint32_t i = c->nr_out; i < c->nr_out + c->nr_in; i++)
		c->shared |= c->seg[i].len && c->seg[i].gpa < DQ_TABLES;
	for (unsigned k = 0; k < W.v->nr_queues; k++) {
		for (unsigned m = W.q[k].flying; m; m &= m - 1) {
			struct dq_chain *o = &W.q[k].chain[__builtin_ctz(m)];

			if (o->nr_in && dq_writes_overlap(c, o))
				c->shared = o->shared = true;
		}
	}
}

static void dq_count_chain(const struct dq_chain *c, bool packed)
{
	depth_hit(chain_taken);
	if (packed)
		depth_hit(chain_packed);
	if (c->error)
		depth_hit(chain_malformed);
	else if (c->indirect)
		depth_hit(chain_indirect);
}

static void dq_popped(unsigned k, uint16_t id)
{
	const struct virtq *v = &W.v->q[k];
	struct dq_queue *q = &W.q[k];
	struct dq_chain *c;
	unsigned slot;

	W.taken++;
	q->pops++;
	FUZZ_ORACLE(!W.in_kick || q->pops <= v->num, "kick-bound",
		    "%u chains of a queue of %u for one doorbell", q->pops, v->num);
	FUZZ_ORACLE(q->flying != UINT16_MAX, "in-flight", "more than %u chains", DQ_NUM_MAX);
	slot = (unsigned)__builtin_ctz(~(unsigned)q->flying);
	c = &q->chain[slot];
	memset(c, 0, offsetof(struct dq_chain, gap));
	c->queue = k;
	c->call = W.calls;
	c->nth = W.taken;
	dq_swap_changes(true);
	if (v->packed) {
		c->head = q->next;
		dq_walk_packed(v, c);
		q->next_wrap ^= q->next + c->slots >= v->num;
		q->next = (uint16_t)((q->next + c->slots) % v->num);
	} else {
		c->slots = 1;
		c->head = c->id = dq_peek16(v->avail + 4 + 2ull * (q->next % v->num));
		q->next++;
		if (c->head < v->num)
			dq_walk_split(v, c);
	}
	dq_swap_changes(false);
	/*
	 * A word that the rules have read twice may be another the second time; and of a queue that waits
	 * for what comes the device may have looked ahead how much room there is.
	 */
	W.unsure |= W.nr_done && (c->error || c->indirect || W.spec->holds >> k & 1);
	if (c->error)
		c->nr_out = c->nr_in = 0, c->out_bytes = c->in_bytes = 0;
	FUZZ_ORACLE(W.unsure || c->id == id, "head", "%u was taken, %u is offered", id, c->id);
	for (unsigned m = q->flying; m; m &= m - 1) {
		if (q->chain[__builtin_ctz(m)].id != id)
			continue;
		FUZZ_ORACLE(v->packed, "head-unique", "head %u is in flight", id);
		W.unsure = true; /* a buffer ID is the driver's own */
	}
	c->id = id;
	c->seq = q->seq++;
	c->tag = q->tag[id % DQ_NUM_MAX];
	dq_find_shared(c);
	q->flying |= (uint16_t)(1u << slot);
	q->waiting -= q->waiting > 0;
	if (!q->waiting)
		q->allotted = 0;
	W.nr_done = 0;
	dq_count_chain(c, v->packed);
	iface_hit(iface_chain(v->packed, c->indirect, c->error, c->nr_out, c->nr_in));
	if (W.spec->popped && !c->error)
		W.spec->popped(c);
}

/* What is in the ring is what was said, 2.7.8 and 2.8.4; split: in entry (at). used_idx is behind it. */
static void dq_check_used(const struct virtq *v, const struct dq_chain *c, uint32_t len,
			  uint16_t at)
{
	uint8_t b[8];

	if (v->packed) {
		uint32_t slot = (v->used_idx + v->num - c->slots) % v->num;
		struct dq_desc d = dq_desc_at(v->desc + 16ull * slot);

		FUZZ_ORACLE(d.a == c->id && d.len == len &&
				    !(d.b & VIRTQ_DESC_F_USED) == !(d.b & VIRTQ_DESC_F_AVAIL),
			    "used-descriptor", "id %u, %u bytes, flags %#x; %u with %u is due", d.a,
			    d.len, d.b, c->id, len);
		return;
	}
	memcpy(b, W.ram + v->used + 4 + 8ull * (at % v->num), 8);
	FUZZ_ORACLE(ld_le32(b) == c->id && ld_le32(b + 4) == len &&
			    dq_peek16(v->used + 2) == v->used_idx,
		    "used-element", "id %u, %u bytes at %u; %u with %u at %u is due", ld_le32(b),
		    ld_le32(b + 4), dq_peek16(v->used + 2), c->id, len, v->used_idx);
}

/*
 * In order one used entry, where the first would be, may stand for several chains, which then are written
 * to their end (2.7.9, 2.8.8); what is in the ring is looked at by dq_check_batch().
 */
static void dq_check_order(const struct virtq *v, struct dq_queue *q, const struct dq_chain *c,
			   uint32_t len)
{
	FUZZ_ORACLE(c->seq == q->back, "order", "chain %u goes back before %u", c->seq, q->back);
	FUZZ_ORACLE(v->batch.nr < 2 || !q->have_last || q->last_whole, "batch",
		    "a chain that is not written to its end is skipped");
	q->back++;
	if (v->batch.nr == 1)
		q->batch_at = v->used_idx;
	q->have_last = true;
	q->last_id = c->id;
	q->last_len = len;
	q->last_whole = !c->error && len == c->in_bytes;
	depth_hit(chain_in_order);
}

/* Nothing waits between two calls, and the last one is what the ring ends with. */
static void dq_check_batch(const struct virtq *v, struct dq_queue *q)
{
	struct dq_chain c = {.id = q->last_id, .slots = 1};

	FUZZ_ORACLE(!v->batch.nr, "batch", "%u chains are held back", v->batch.nr);
	if (!v->packed && !W.astray && !W.unsure)
		dq_check_used(v, &c, q->last_len, q->batch_at);
}

static void dq_pushed(unsigned k, uint16_t id, uint32_t len)
{
	const struct virtq *v = &W.v->q[k];
	struct dq_queue *q = &W.q[k];
	unsigned m = q->flying;
	struct dq_chain *c;

	while (m && q->chain[__builtin_ctz(m)].id != id)
		m &= m - 1;
	FUZZ_ORACLE(m, "used-id", "%u was given back and is not in flight", id);
	c = &q->chain[__builtin_ctz(m)];
	q->flying &= (uint16_t) ~(1u << __builtin_ctz(m));
	q->pushes++;
	W.nr_done = 0;
	depth_hit(chain_used);
	if (W.unsure)
		return;
	FUZZ_ORACLE(c->error == c->refused, "chain-error", "taken for %s, and is not",
		    c->error ? "good" : "malformed");
	if (v->in_order)
		dq_check_order(v, q, c, len);
	else if (!W.astray)
		dq_check_used(v, c, len, (uint16_t)(v->used_idx - 1));
	FUZZ_ORACLE(len <= c->in_bytes, "used-len", "used.len %u of %llu writable", len,
		    (unsigned long long)c->in_bytes);
	FUZZ_ORACLE(c->shared || len == c->stored, "used-len", "used.len %u, stored %llu", len,
		    (unsigned long long)c->stored);
	if (!c->error) {
		W.deep |= c->out_bytes + c->in_bytes > 0;
		iface_hit(iface_used(W.v->q[c->queue].packed, len, c->in_bytes));
		if (W.spec->used && !c->shared && !W.astray)
			W.spec->used(c, len);
	}
}

static void dq_refused(unsigned k, uint16_t id)
{
	struct dq_queue *q = &W.q[k];

	for (unsigned m = q->flying; m; m &= m - 1)
		if (q->chain[__builtin_ctz(m)].id == id)
			q->chain[__builtin_ctz(m)].refused = true;
}

static void dq_on_event(void *ctx, const struct trace_event *ev)
{
	unsigned k = (unsigned)ev->addr;

	(void)ctx;
	if (ev->kind != TRACE_VQ) {
		depth_hit(guest_error);
		return;
	}
	if (W.dear)
		W.events = (W.events ^ ev->val ^ ev->addr << 56 ^ (uint64_t)ev->aux << 48) *
			   0x9e3779b97f4a7c15ull;
	FUZZ_ORACLE(W.inside, "asleep", "queue %u works on its own", k);
	switch ((enum trace_vq)ev->aux) {
	case TRACE_VQ_POP:
		dq_popped(k, (uint16_t)ev->val);
		break;
	case TRACE_VQ_PUSH:
		dq_pushed(k, (uint16_t)ev->val, (uint32_t)(ev->val >> 32));
		break;
	case TRACE_VQ_NOTIFY:
		W.q[k].interrupts++;
		break;
	case TRACE_VQ_BAD:
		dq_refused(k, (uint16_t)ev->val);
		break;
	case TRACE_VQ_BROKEN:
		depth_hit(queue_broken);
		break;
	}
}

/* ---- around each call into the device ---------------------------------------------------------------- */

static void dq_enter(void)
{
	for (unsigned k = 0; k < W.v->nr_queues; k++) {
		W.q[k].pops = W.q[k].pushes = W.q[k].interrupts = 0;
		W.q[k].have_last = false;
	}
	W.steps = W.changes = W.nr_done = 0;
	W.calls++;
	W.inside = true;
}

/* 2.7.7 without an event index: the flag alone decides. Memory may have changed behind the look at it. */
static void dq_check_interrupt(const struct virtq *v, const struct dq_queue *q)
{
	bool wanted;

	if (v->packed || v->event_idx || v->broken || W.astray || W.changes)
		return;
	wanted = !(dq_peek16(v->avail) & VIRTQ_AVAIL_F_NO_INTERRUPT);
	FUZZ_ORACLE(wanted == (q->interrupts > 0), "interrupt", "%u for %u chains, %s",
		    q->interrupts, q->pushes, wanted ? "wanted" : "not wanted");
	if (!wanted)
		depth_hit(interrupt_suppressed);
}

static void dq_check_queue(unsigned k)
{
	const struct virtq *v = &W.v->q[k];
	struct dq_queue *q = &W.q[k];

	if (!v->ready) { /* reset: what the device had is forgotten */
		q->flying = 0;
		q->frozen = false;
		return;
	}
	FUZZ_ORACLE(W.v->status & VIRTIO_S_FEATURES_OK, "ready-early", "ready at status %#x",
		    W.v->status);
	if (!q->frozen) {
		q->frozen = true;
		W.astray |= q->desc != v->desc || q->avail != v->avail || q->used != v->used ||
			    q->num != v->num || q->packed != v->packed;
		q->desc = v->desc;
		q->avail = v->avail;
		q->used = v->used;
		q->num = v->num;
		q->packed = v->packed;
		q->next = 0;
		q->next_wrap = true;
		q->seq = q->back = 0;
		q->waiting = q->allotted = 0;
	}
	FUZZ_ORACLE(q->num == v->num && q->desc == v->desc && q->avail == v->avail &&
			    q->used == v->used && v->num && v->num <= v->num_max,
		    "frozen", "queue %u: size or addresses changed while ready", k);
	FUZZ_ORACLE(v->in_flight == (unsigned)__builtin_popcount(q->flying) &&
			    v->popped == v->pushed + v->in_flight,
		    "conservation", "queue %u: %u in flight, counted %u", k, v->in_flight,
		    (unsigned)__builtin_popcount(q->flying));
	FUZZ_ORACLE(v->last_avail == q->next || W.unsure, "position", "queue %u: at %u, not %u", k,
		    v->last_avail, q->next);
	if (q->pushes)
		dq_check_interrupt(v, q);
	if (q->have_last && !v->broken)
		dq_check_batch(v, q);
}

static void dq_leave(void)
{
	struct virtio *v = W.v;

	W.inside = false;
	W.nr_done = 0;
	for (unsigned k = 0; k < v->nr_queues; k++)
		dq_check_queue(k);
	if (v->status & VIRTIO_S_FEATURES_OK)
		FUZZ_ORACLE(!(v->driver_features & ~virtio_offered(v)) &&
				    virtio_has(v, VIRTIO_F_VERSION_1),
			    "features", "agreed on %#llx", (unsigned long long)v->driver_features);
	FUZZ_ORACLE(!(v->status & VIRTIO_S_DRIVER_OK) || (v->status & VIRTIO_S_FEATURES_OK),
		    "status", "status %#x", v->status);
	FUZZ_ORACLE(v->transport || W.level == (v->interrupt_status != 0), "line",
		    "the line is %d at interrupt status %#x", W.level, v->interrupt_status);
	if (W.spec->check)
		W.spec->check();
}

/* Completions that virtio_complete() holds back for the option `delay`. */
static unsigned dq_late(unsigned k)
{
	unsigned n = 0;

	for (unsigned i = 0; i < W.v->nr_late; i++)
		n += W.v->late[i].queue == k;
	return n;
}

/* After a doorbell: everything that is on offer was taken and given back. */
static void dq_check_served(unsigned k)
{
	const struct virtq *v = &W.v->q[k];
	const struct dq_queue *q = &W.q[k];

	if (!v->ready || v->broken || (W.v->status & VIRTIO_S_NEEDS_RESET) ||
	    !(W.v->status & VIRTIO_S_DRIVER_OK) || W.spec->holds >> k & 1 || W.v->start_due[k])
		return;
	/* With IN_ORDER the queue itself keeps those that came back before their turn. */
	FUZZ_ORACLE(v->in_flight == dq_late(k) + v->nr_held, "chain-lost",
		    "queue %u: %u of %u never come back", k, v->in_flight - dq_late(k),
		    v->in_flight);
	if (v->packed || W.astray || W.unsure || W.changes || q->pops == v->num)
		return;
	FUZZ_ORACLE(dq_peek16(v->avail + 2) == v->last_avail, "served",
		    "queue %u: at %u, %u are offered", k, v->last_avail, dq_peek16(v->avail + 2));
}

#endif
