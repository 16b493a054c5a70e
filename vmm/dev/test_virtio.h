/* SPDX-License-Identifier: MIT */
/* What the unit tests of virtio devices share: registers by name, and a driver that does all right. */
#ifndef VMM_DEV_TEST_VIRTIO_H
#define VMM_DEV_TEST_VIRTIO_H

#include "test_machine.h"

#include <vmm/virtio.h>
#include <vmm/virtq_driver.h>

#define BASE  0xd0000000ull
#define LINE  (1u << 5)
#define RINGS 0x10000u
#define BUFS  0x40000u
#define TABLE 0x30000u
#define F_ALL                                                                                      \
	(1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_INDIRECT_DESC | 1ull << VIRTIO_F_EVENT_IDX)
#define F_BIT(n)   (1ull << (n))
#define F_RESET	   F_BIT(VIRTIO_F_RING_RESET)
#define F_IN_ORDER F_BIT(VIRTIO_F_IN_ORDER)
#define ACK_DRIVER (VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER)
#define UP	   (ACK_DRIVER | VIRTIO_S_FEATURES_OK | VIRTIO_S_DRIVER_OK)

#define rd(m, reg)	mmio_r(m, BASE + VIRTIO_MMIO_##reg, 4)
#define wr(m, reg, val) mmio_w(m, BASE + VIRTIO_MMIO_##reg, 4, val)

static inline void accept_features(struct machine *m, uint64_t f)
{
	wr(m, STATUS, VIRTIO_S_ACKNOWLEDGE);
	wr(m, STATUS, ACK_DRIVER);
	wr(m, DRIVER_FEATURES_SEL, 0);
	wr(m, DRIVER_FEATURES, (uint32_t)f);
	wr(m, DRIVER_FEATURES_SEL, 1);
	wr(m, DRIVER_FEATURES, f >> 32);
	wr(m, STATUS, ACK_DRIVER | VIRTIO_S_FEATURES_OK);
}

static inline void tell_queue_n(struct machine *m, unsigned n, const struct virtq_driver *q)
{
	wr(m, QUEUE_SEL, n);
	wr(m, QUEUE_NUM, q->num);
	wr(m, QUEUE_DESC_LOW, (uint32_t)q->desc);
	wr(m, QUEUE_DESC_HIGH, q->desc >> 32);
	wr(m, QUEUE_DRIVER_LOW, (uint32_t)q->avail);
	wr(m, QUEUE_DRIVER_HIGH, q->avail >> 32);
	wr(m, QUEUE_DEVICE_LOW, (uint32_t)q->used);
	wr(m, QUEUE_DEVICE_HIGH, q->used >> 32);
}

static inline void tell_queue(struct machine *m, const struct virtq_driver *q)
{
	tell_queue_n(m, 0, q);
}

/* A driver that does all right. */
static inline void bring_up(struct machine *m, struct virtq_driver *q, uint64_t features,
			    uint32_t num)
{
	assert_int_equal(
		virtq_driver_init(q, m->env.mem, num, RINGS, features >> VIRTIO_F_EVENT_IDX & 1),
		0);
	accept_features(m, features);
	assert_int_equal(rd(m, STATUS), ACK_DRIVER | VIRTIO_S_FEATURES_OK);
	tell_queue(m, q);
	wr(m, QUEUE_READY, 1);
	assert_int_equal(rd(m, QUEUE_READY), 1);
	wr(m, STATUS, UP);
	assert_int_equal(rd(m, STATUS), UP);
}

/* The same with a packed ring. */
static inline void bring_up_packed(struct machine *m, struct virtq_pdriver *q, uint64_t features,
				   uint32_t num)
{
	features |= F_BIT(VIRTIO_F_RING_PACKED);
	assert_int_equal(
		virtq_pdriver_init(q, m->env.mem, num, RINGS, features >> VIRTIO_F_EVENT_IDX & 1),
		0);
	accept_features(m, features);
	assert_int_equal(rd(m, STATUS), ACK_DRIVER | VIRTIO_S_FEATURES_OK);
	tell_queue(m, &(struct virtq_driver){
			      .num = num, .desc = q->desc, .avail = q->avail, .used = q->used});
	wr(m, QUEUE_READY, 1);
	assert_int_equal(rd(m, QUEUE_READY), 1);
	wr(m, STATUS, UP);
	assert_int_equal(rd(m, STATUS), UP);
}

/* Queue (n) of a device that has several, split, in a place of its own. */
static inline void queue_n_up(struct machine *m, unsigned n, struct virtq_driver *q, uint32_t num)
{
	assert_int_equal(virtq_driver_init(q, m->env.mem, num, RINGS + n * 0x4000, false), 0);
	tell_queue_n(m, n, q);
	wr(m, QUEUE_READY, 1);
	assert_int_equal(rd(m, QUEUE_READY), 1);
}

static inline uint32_t offer(struct machine *m, struct virtq_driver *q, int head)
{
	uint32_t id, len;

	assert_true(head >= 0);
	virtq_driver_offer(q, (uint16_t)head);
	virtq_driver_publish(q);
	wr(m, QUEUE_NOTIFY, 0);
	assert_true(virtq_driver_used(q, &id, &len));
	assert_int_equal(id, head);
	assert_false(virtq_driver_used(q, &id, &len));
	return len;
}

static inline struct virtio *virtio(struct dev *d)
{
	return container_of(d, struct virtio, dev);
}

/* (n) buffers of (len) bytes on offer, without a doorbell. */
static inline void put_bufs(struct virtq_driver *q, unsigned n, uint32_t len)
{
	struct virtq_buf b = {BUFS, len, true};

	for (unsigned i = 0; i < n; i++)
		virtq_driver_offer(q, (uint16_t)virtq_driver_chain(q, &b, 1));
	virtq_driver_publish(q);
}

static inline unsigned count_used(struct virtq_driver *q)
{
	uint32_t id, len;
	unsigned n = 0;

	while (virtq_driver_used(q, &id, &len))
		n++;
	return n;
}

/* Find (field) in saved bytes, behind the n-th time that (table) is there, and put (val) there. */
static inline void poke_saved(struct buf *b, const char *table, const char *field, unsigned n,
			      uint64_t val)
{
	uint8_t *p = (uint8_t *)b->p, *end = p + b->len, *at = NULL;
	size_t len = strlen(field);

	for (; p + strlen(table) < end && n < 1000; p++)
		if (!memcmp(p, table, strlen(table)) && n-- == 0)
			break;
	for (; p + len + 12 < end && !at; p++)
		if (ld_le16(p) == len && !memcmp(p + 2, field, len))
			at = p;
	if (!at) {
		fail_msg("no field %s", field);
		return;
	}
	/* u16 length, name, u8 kind, u8 0, u32 size, u32 count */
	st_le(at + 2 + len + 10, ld_le32(at + 2 + len + 2), val);
}

#endif
