/* SPDX-License-Identifier: MIT */
/*
 * dev_queue_driver: the driver's side of the dev_* targets: the device over virtio-mmio, its set-up, the
 * rings. Part of dev_queue.h.
 */
#ifndef FUZZ_ENGINE_DEV_QUEUE_DRIVER_H
#define FUZZ_ENGINE_DEV_QUEUE_DRIVER_H

#include "dev_queue_watch.h"
#include "iface.h"

/* ---- virtio-mmio --------------------------------------------------------------------------------- */

/* Where the windows of a machine begin (VM_VIRTIO). */
#define DQ_WINDOW 0xd0000000u

static void dq_where(const struct virtio *v, bool write, uint32_t off, unsigned size)
{
	iface_hit(iface_reg(off, write, size));
#ifndef VISE_FUZZ
	const struct dev_reg *r = dev_reg_find(v->dev.cls, 0, off);

	FUZZ_WHERE("device %s, %s of %s", v->dev.cls->name, write ? "write" : "read",
		   r ? r->name : "no register");
#else
	(void)v, (void)write, (void)off;
#endif
}

static void dq_mmio_write(struct virtio *v, enum virtio_mmio_reg r, uint32_t val)
{
	DQ_SAY("mmio w 0x%x 4 0x%x", DQ_WINDOW + (unsigned)r, val);
	dq_where(v, true, r, 4);
	dev_write(&v->dev, 0, r, 4, val);
}

static void dq_mmio_status(struct virtio *v, uint32_t val)
{
	dq_mmio_write(v, VIRTIO_MMIO_STATUS, val);
}

static void dq_mmio_features(struct virtio *v, uint64_t accepted)
{
	dq_mmio_write(v, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	dq_mmio_write(v, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)accepted);
	dq_mmio_write(v, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	dq_mmio_write(v, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(accepted >> 32));
}

static void dq_mmio_set_up(struct virtio *v, unsigned queue, uint32_t num, uint64_t desc,
			   uint64_t avail, uint64_t used)
{
	dq_mmio_write(v, VIRTIO_MMIO_QUEUE_SEL, queue);
	dq_mmio_write(v, VIRTIO_MMIO_QUEUE_NUM, num);
	/* The high halves are 0 since the reset, and the rings low. */
	dq_mmio_write(v, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)desc);
	dq_mmio_write(v, VIRTIO_MMIO_QUEUE_DRIVER_LOW, (uint32_t)avail);
	dq_mmio_write(v, VIRTIO_MMIO_QUEUE_DEVICE_LOW, (uint32_t)used);
	dq_mmio_write(v, VIRTIO_MMIO_QUEUE_READY, 1);
}

static void dq_mmio_stop(struct virtio *v, unsigned queue)
{
	dq_mmio_write(v, VIRTIO_MMIO_QUEUE_SEL, queue);
	dq_mmio_write(v, VIRTIO_MMIO_QUEUE_READY, 0);
}

static void dq_mmio_reset_queue(struct virtio *v, unsigned queue)
{
	dq_mmio_write(v, VIRTIO_MMIO_QUEUE_SEL, queue);
	dq_mmio_write(v, VIRTIO_MMIO_QUEUE_RESET, 1);
}

static void dq_mmio_kick(struct virtio *v, uint32_t val)
{
	dq_mmio_write(v, VIRTIO_MMIO_QUEUE_NOTIFY, val);
}

static uint32_t dq_mmio_ack(struct virtio *v)
{
	uint32_t was;

	DQ_SAY("mmio r 0x%x 4", DQ_WINDOW + (unsigned)VIRTIO_MMIO_INTERRUPT_STATUS);
	was = (uint32_t)dev_read(&v->dev, 0, VIRTIO_MMIO_INTERRUPT_STATUS, 4);
	/* One by one: what is not acknowledged stays (4.2.2). */
	for (uint32_t left = was; left; left &= left - 1) {
		dq_mmio_write(v, VIRTIO_MMIO_INTERRUPT_ACK, left & -left);
		FUZZ_ORACLE(v->interrupt_status == (left & (left - 1)), "ack",
			    "interrupt status %#x after %#x of %#x", v->interrupt_status,
			    left & -left, was);
	}
	return was;
}

static uint64_t dq_mmio_reg(struct virtio *v, bool write, uint32_t off, unsigned size, uint64_t val)
{
	off %= VIRTIO_MMIO_LEN;
	dq_where(v, write, off, size);
	if (!write) {
		DQ_SAY("mmio r 0x%x %u", DQ_WINDOW + off, size);
		return dev_read(&v->dev, 0, off, size);
	}
	DQ_SAY("mmio w 0x%x %u 0x%llx", DQ_WINDOW + off, size, (unsigned long long)val);
	dev_write(&v->dev, 0, off, size, val);
	return 0;
}

static uint64_t dq_mmio_config(struct virtio *v, bool write, uint32_t off, unsigned size,
			       uint64_t val)
{
	return dq_mmio_reg(v, write, VIRTIO_MMIO_CONFIG + off, size, val);
}

__attribute__((unused)) static const struct dq_transport dq_mmio = {
	.status = dq_mmio_status,
	.features = dq_mmio_features,
	.set_up = dq_mmio_set_up,
	.stop = dq_mmio_stop,
	.reset_queue = dq_mmio_reset_queue,
	.kick = dq_mmio_kick,
	.ack = dq_mmio_ack,
	.reg = dq_mmio_reg,
	.config = dq_mmio_config,
};

/* ---- set-up -------------------------------------------------------------------------------------- */

#define DQ_BIT(n) (1ull << (n))
/* 6: bits 24 to 41 are the ring's and the transport's; those of them that this driver knows. */
#define DQ_RING_BITS (DQ_BIT(42) - DQ_BIT(24))

static uint64_t dq_accepted(uint8_t how, uint8_t drop)
{
	uint64_t offered = virtio_offered(W.v), take = DQ_BIT(VIRTIO_F_VERSION_1);
	unsigned i = 0;

	if (how & DQ_H_PACKED)
		take |= DQ_BIT(VIRTIO_F_RING_PACKED);
	if (how & DQ_H_EVENT_IDX)
		take |= DQ_BIT(VIRTIO_F_EVENT_IDX);
	if (!(how & DQ_H_NO_INDIRECT))
		take |= DQ_BIT(VIRTIO_F_INDIRECT_DESC);
	if (W.more & DQ_H_IN_ORDER)
		take |= DQ_BIT(VIRTIO_F_IN_ORDER);
	if (W.more & DQ_H_RING_RESET)
		take |= DQ_BIT(VIRTIO_F_RING_RESET);
	if (W.more & DQ_H_NOTIFY_DATA)
		take |= DQ_BIT(VIRTIO_F_NOTIFICATION_DATA);
	for (uint64_t m = offered & ~DQ_RING_BITS; m; m &= m - 1, i++)
		if (!(drop >> i % 8 & 1))
			take |= m & -m;
	take &= offered;
	if (how & DQ_H_BAD_FEATURE)
		take |= ~offered & -~offered;
	return take;
}

/* The rings of a queue, empty, and the device told of them. */
static void dq_start_queue(unsigned k)
{
	static const uint8_t zeros[DQ_RINGS(1)], nums[] = {DQ_NUMS};
	struct dq_queue *q = &W.q[k];
	uint32_t num = nums[W.how >> 3 & 7];

	q->packed = W.v->driver_features >> VIRTIO_F_RING_PACKED & 1;
	if (!q->packed)
		while (num & (num - 1))
			num &= num - 1;
	if (num > W.v->q[k].num_max)
		num = W.v->q[k].num_max;
	q->num = num;
	q->desc = DQ_RINGS(k);
	q->avail = DQ_RINGS(k) + DQ_AVAIL;
	q->used = DQ_RINGS(k) + DQ_USED;
	q->offer = q->cursor = q->last_head = 0;
	q->wrap = true;
	q->waiting = q->allotted = 0;
	q->rung = true;
	q->frozen = false;
	q->flying = 0;
	if (W.pages & 1)
		dq_poke(q->desc, zeros, sizeof(zeros));
	dq_enter();
	W.t->set_up(W.v, k, num, q->desc, q->avail, q->used);
	dq_leave();
}

static void dq_bring_up(uint8_t how)
{
	uint32_t status = VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER;

	W.how = how;
	W.astray = false;
	dq_enter();
	W.t->status(W.v, status);
	W.t->features(W.v, dq_accepted(how, W.drop));
	W.t->status(W.v, status | VIRTIO_S_FEATURES_OK);
	dq_leave();
	if (!(W.v->status & VIRTIO_S_FEATURES_OK)) {
		depth_hit(features_refused);
		return;
	}
	for (unsigned k = 0; k < W.v->nr_queues; k++)
		dq_start_queue(k);
	if (how & DQ_H_NO_DRIVER_OK)
		return;
	dq_enter();
	W.t->status(W.v, status | VIRTIO_S_FEATURES_OK | VIRTIO_S_DRIVER_OK);
	dq_leave();
	depth_hit(driver_ok);
}

static void dq_status_zero(void)
{
	dq_enter();
	W.t->status(W.v, 0);
	dq_leave();
	FUZZ_ORACLE(!W.v->status, "reset", "status %#x after a reset", W.v->status);
	depth_hit(status_reset);
}

/* A queue larger than the watch has room for, by registers as the input wrote them, is stopped. */
static void dq_stop_large(void)
{
	for (unsigned k = 0; k < W.v->nr_queues; k++) {
		if (!W.v->q[k].ready || W.v->q[k].num <= DQ_NUM_MAX)
			continue;
		dq_enter();
		if (W.t->stop)
			W.t->stop(W.v, k);
		else
			W.t->status(W.v, 0);
		dq_leave();
	}
}

/* ---- doorbells ----------------------------------------------------------------------------------- */

/* 2.9: a notification may say how far the driver is. */
static uint32_t dq_kick_value(unsigned k)
{
	const struct dq_queue *q = &W.q[k];
	uint32_t at = q->offer;

	if (k >= W.v->nr_queues || !virtio_has(W.v, VIRTIO_F_NOTIFICATION_DATA))
		return k;
	if (q->packed)
		at = q->cursor | (q->wrap ? VIRTQ_EVENT_WRAP : 0);
	return k | at << 16;
}

static void dq_kick(unsigned k)
{
	struct virtio *v = W.v;

	/* A device that asked for a reset gets one. */
	if (v->status & VIRTIO_S_NEEDS_RESET) {
		dq_status_zero();
		dq_bring_up(W.how & (uint8_t) ~(DQ_H_NO_DRIVER_OK | DQ_H_BAD_FEATURE));
		depth_hit(recovered);
		return;
	}
	dq_enter();
	W.in_kick = true;
	W.t->kick(v, dq_kick_value(k));
	W.in_kick = false;
	dq_leave();
	if (k >= v->nr_queues)
		return;
	W.q[k].rung = true;
	dq_check_served(k);
}

/* ---- chains -------------------------------------------------------------------------------------- */

/* Room for (n) more descriptors of the queue: what waits is rung for. False: there is none. */
static bool dq_make_room(unsigned k, unsigned n)
{
	struct dq_queue *q = &W.q[k];

	if (q->packed) {
		if (q->allotted + n + W.v->q[k].slots_out > q->num)
			dq_kick(k);
		return q->packed && q->allotted + n + W.v->q[k].slots_out <= q->num;
	}
	if (q->allotted + n > q->num || q->waiting == q->num)
		dq_kick(k);
	return n <= q->num;
}

/* Not one that the device has, if there is another. */
static uint16_t dq_free_head(struct dq_queue *q)
{
	for (unsigned i = 0; i < q->num; i++) {
		uint16_t head = (uint16_t)((q->cursor + i) % q->num);
		bool taken = false;

		for (unsigned m = q->flying; m; m &= m - 1)
			taken |= q->chain[__builtin_ctz(m)].id == head;
		if (!taken)
			return head;
	}
	return q->cursor;
}

static uint16_t dq_packed_flags(const struct dq_queue *q)
{
	return q->wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
}

static void dq_packed_step(struct dq_queue *q)
{
	q->cursor++;
	if (q->cursor >= q->num) {
		q->cursor = 0;
		q->wrap = !q->wrap;
	}
}

static void dq_offer_packed(unsigned k, bool indirect, uint64_t table, unsigned n)
{
	struct dq_queue *q = &W.q[k];
	uint16_t id = q->offer++;

	q->tag[id % DQ_NUM_MAX] = W.tag;
	if (indirect) {
		dq_poke_desc(q->desc + 16ull * q->cursor, table, 16 * n, id,
			     dq_packed_flags(q) | VIRTQ_DESC_F_INDIRECT);
		dq_packed_step(q);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		const struct virtq_seg *s = i < W.nr_out ? &W.out[i] : &W.in[i - W.nr_out];

		dq_poke_desc(q->desc + 16ull * q->cursor, s->gpa, s->len, id,
			     (uint16_t)(dq_packed_flags(q) | (i + 1 < n ? VIRTQ_DESC_F_NEXT : 0) |
					(i >= W.nr_out ? VIRTQ_DESC_F_WRITE : 0)));
		dq_packed_step(q);
	}
}

static void dq_put_head(struct dq_queue *q, uint16_t head, uint8_t sel)
{
	q->last_head = head;
	dq_poke16(q->avail + 4 + 2ull * (q->offer % q->num), head);
	q->offer++;
	if (!(sel & DQ_S_NO_PUBLISH))
		dq_poke16(q->avail + 2, q->offer);
}

static void dq_offer_split(unsigned k, bool indirect, uint64_t table, unsigned n, uint8_t sel)
{
	struct dq_queue *q = &W.q[k];
	uint16_t head = dq_free_head(q);

	q->tag[head % DQ_NUM_MAX] = W.tag;
	if (indirect) {
		dq_poke_desc(q->desc + 16ull * head, table, 16 * n, VIRTQ_DESC_F_INDIRECT, 0);
		n = 1;
	}
	for (unsigned i = 0; i < n && !indirect; i++) {
		const struct virtq_seg *s = i < W.nr_out ? &W.out[i] : &W.in[i - W.nr_out];
		uint16_t at = (uint16_t)((head + i) % q->num);

		dq_poke_desc(q->desc + 16ull * at, s->gpa, s->len,
			     (uint16_t)((i + 1 < n ? VIRTQ_DESC_F_NEXT : 0) |
					(i >= W.nr_out ? VIRTQ_DESC_F_WRITE : 0)),
			     i + 1 < n ? (uint16_t)((at + 1) % q->num) : 0);
	}
	q->cursor = (uint16_t)((head + n) % q->num);
	dq_put_head(q, head, sel);
}

/* The request that was made, as a table where asked and always where it is too long. */
static void dq_offer(unsigned k, uint8_t sel)
{
	struct dq_queue *q = &W.q[k];
	bool indirect = sel & DQ_S_INDIRECT;
	unsigned n = W.nr_out + W.nr_in, slots;
	uint64_t table = DQ_TABLES + DQ_TABLE * (W.taken + q->offer) % (DQ_DATA - DQ_TABLES);

	if (!n || !W.v->q[k].ready)
		return;
	indirect |= n > q->num;
	slots = indirect ? 1 : n;
	if (!dq_make_room(k, slots) || !W.v->q[k].ready)
		return;
	for (unsigned i = 0; i < n && indirect; i++) {
		const struct virtq_seg *s = i < W.nr_out ? &W.out[i] : &W.in[i - W.nr_out];
		uint16_t flags = i >= W.nr_out ? VIRTQ_DESC_F_WRITE : 0;

		flags |= !q->packed && i + 1 < n ? VIRTQ_DESC_F_NEXT : 0;
		dq_poke_desc(table + 16ull * i, s->gpa, s->len, q->packed ? 0 : flags,
			     q->packed ? flags : (uint16_t)(i + 1 < n ? i + 1 : 0));
	}
	if (q->packed)
		dq_offer_packed(k, indirect, table, n);
	else
		dq_offer_split(k, indirect, table, n, sel);
	q->waiting++;
	q->allotted += slots;
	q->rung = false;
	if (!(sel & (DQ_S_NO_KICK | DQ_S_NO_PUBLISH)))
		dq_kick(k);
}

#endif
