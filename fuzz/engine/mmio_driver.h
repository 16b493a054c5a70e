/* SPDX-License-Identifier: MIT */
/*
 * mmio_driver: the driver of the virtio devices of fuzz/targets/mmio.c: set-up, chains, notifications.
 * Included once, behind the target's depth counters.
 */
#ifndef FUZZ_ENGINE_MMIO_DRIVER_H
#define FUZZ_ENGINE_MMIO_DRIVER_H

#include "mmio_access.h"

static struct ring *ring_of(uint8_t sel, unsigned *which, unsigned *queue)
{
	*which = sel & MMIO_S_ECHO;
	*queue = (sel >> 1 & 3) % nr_queues(*which);
	return &R.ring[*which][*queue];
}

static void lay_out(struct ring *r, unsigned which, unsigned queue, uint8_t layout)
{
	/* Of what a queue's size can be, so that a device that looks at no more takes it. */
	uint64_t num = r->num & 0xffff ? r->num & 0xffff : r->num;

	r->desc = MMIO_RINGS(which, queue);
	r->avail = r->desc + 16 * num;
	r->used = align_up(r->avail + 6 + 2 * num, 4);
	switch ((enum mmio_layout)(layout & 7)) {
	case MMIO_L_NORMAL:
	case MMIO_L_NORMAL2:
		break;
	case MMIO_L_USED_END:
		r->used = align_down(MMIO_RAM - 6 - 8ull * r->num, 4);
		break;
	case MMIO_L_OVERLAP:
		r->used = r->desc;
		break;
	case MMIO_L_ALIGN:
		r->desc += 8;
		break;
	case MMIO_L_OUTSIDE:
		r->avail = MMIO_RAM - 4;
		break;
	case MMIO_L_TOP:
		r->desc = UINT64_MAX - 15;
		break;
	case MMIO_L_DATA:
		r->desc = MMIO_DATA;
		break;
	}
}

/* An address in two registers; the high one is 0 after a reset. */
static void reg64(unsigned which, enum virtio_mmio_reg low, uint64_t val)
{
	reg(which, low, (uint32_t)val);
	if (val >> 32)
		reg(which, low + 4, (uint32_t)(val >> 32));
}

static void tell_queue(const struct ring *r, unsigned which, unsigned queue)
{
	reg(which, VIRTIO_MMIO_QUEUE_SEL, queue);
	reg(which, VIRTIO_MMIO_QUEUE_NUM, r->num);
	reg64(which, VIRTIO_MMIO_QUEUE_DESC_LOW, r->desc);
	reg64(which, VIRTIO_MMIO_QUEUE_DRIVER_LOW, r->avail);
	reg64(which, VIRTIO_MMIO_QUEUE_DEVICE_LOW, r->used);
	reg(which, VIRTIO_MMIO_QUEUE_READY, 1);
}

static void op_bring_up(void)
{
	uint8_t sel = u8(), how = u8();
	uint32_t features = 0, status = VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER;
	unsigned which, queue, log2 = sel >> 3;
	struct ring *r = ring_of(sel, &which, &queue);

	/* A size too large for the model is no use: 64 at most, or far too large. */
	r->num = log2 < 7    ? 1u << log2
		 : log2 < 24 ? 1u << (log2 + 7)
			     : 0x10000u | 1u << (log2 - 24);
	if (r->num > PROG_NUM_MAX && r->num <= virtio(which)->q[queue].num_max)
		r->num = PROG_NUM_MAX;
	r->offer_idx = r->cursor = r->last_head = 0;
	lay_out(r, which, queue, how >> 5);
	if (!(how & MMIO_B_NO_RESET))
		reg(which, VIRTIO_MMIO_STATUS, 0);
	reg(which, VIRTIO_MMIO_STATUS, status);
	if (how & MMIO_B_EVENT_IDX)
		features |= 1u << VIRTIO_F_EVENT_IDX;
	if (!(how & MMIO_B_NO_INDIRECT))
		features |= 1u << VIRTIO_F_INDIRECT_DESC;
	if (how & MMIO_B_BAD_FEATURE)
		features |= 1u;
	reg(which, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg(which, VIRTIO_MMIO_DRIVER_FEATURES, features);
	reg(which, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	reg(which, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	status |= VIRTIO_S_FEATURES_OK;
	reg(which, VIRTIO_MMIO_STATUS, status);
	poke(r->avail, (uint8_t[4]){0}, 4);
	tell_queue(r, which, queue);
	if (!(how & MMIO_B_NO_DRIVER_OK))
		reg(which, VIRTIO_MMIO_STATUS, status | VIRTIO_S_DRIVER_OK);
}

static uint32_t ring_num(const struct ring *r)
{
	return r->num && r->num <= PROG_NUM_MAX ? r->num : 8;
}

static void publish(struct ring *r, uint16_t idx)
{
	poke16(r->avail + 2, idx);
}

static void offer_as(struct ring *r, uint8_t sel, unsigned which, unsigned queue)
{
	if (sel & MMIO_S_OFFER) {
		poke16(r->avail + 4 + 2ull * (r->offer_idx % ring_num(r)), r->last_head);
		r->offer_idx++;
	}
	if (sel & MMIO_S_PUBLISH)
		publish(r, r->offer_idx);
	if (sel & MMIO_S_NOTIFY)
		reg(which, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

static void op_chain(void)
{
	uint8_t sel = u8(), shape = u8();
	unsigned which, queue, n = (shape & 7) + 1u, writable = shape >> 4 & 15;
	struct ring *r = ring_of(sel, &which, &queue);
	uint32_t num = ring_num(r), entries = sel & MMIO_S_INDIRECT ? 8 : num;
	uint64_t table = sel & MMIO_S_INDIRECT ? MMIO_TABLES + 128ull * (r->cursor & 15) : r->desc;
	unsigned first = sel & MMIO_S_INDIRECT ? 0 : r->cursor;

	if (n > entries)
		n = entries;
	r->last_head = r->cursor;
	for (unsigned i = 0; i < n; i++) {
		uint64_t addr = address();
		uint32_t len = length();
		bool last = i + 1 == n;

		poke_desc(table + 16ull * ((first + i) % entries), addr, len,
			  (uint16_t)((last ? 0 : VIRTQ_DESC_F_NEXT) |
				     (i + writable >= n ? VIRTQ_DESC_F_WRITE : 0)),
			  last ? 0 : (uint16_t)((first + i + 1) % entries));
	}
	if (sel & MMIO_S_INDIRECT)
		poke_desc(r->desc + 16ull * r->cursor, table, 16 * n, VIRTQ_DESC_F_INDIRECT, 0);
	r->cursor = (uint16_t)((r->cursor + (sel & MMIO_S_INDIRECT ? 1 : n)) % num);
	offer_as(r, sel, which, queue);
}

static void op_desc(void)
{
	uint8_t sel = u8(), i = u8();
	unsigned which, queue;
	struct ring *r = ring_of(sel, &which, &queue);
	uint64_t addr = address();
	uint32_t len = length();
	uint8_t flags = u8(), next = u8();

	r->last_head = (uint16_t)(i % ring_num(r));
	poke_desc(r->desc + 16ull * r->last_head, addr, len, flags, next);
	offer_as(r, sel, which, queue);
}

static void op_avail(void)
{
	unsigned which, queue;
	struct ring *r = ring_of(u8(), &which, &queue);

	publish(r, (uint16_t)(r->offer_idx + (int8_t)u8()));
}

static void op_suppress(void)
{
	unsigned which, queue;
	struct ring *r = ring_of(u8(), &which, &queue);

	poke16(r->avail, u8());
	poke16(r->avail + 4 + 2ull * ring_num(r), u8());
}

static void op_poke(void)
{
	uint64_t gpa = u16() % MMIO_RAM;

	poke16(gpa, u16());
}

#endif
