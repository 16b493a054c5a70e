/* SPDX-License-Identifier: MIT */
/* The driver's side of a split virtqueue (virtio 1.2 sections 2.7.13, 2.7.14), for tests. */
#include <errno.h>
#include <stdatomic.h>

#include <vmm/virtq_driver.h>

#define DESC_SIZE 16u
#define ELEM_SIZE 8u
#define RING	  4u /* of both rings: flags, idx, then the entries */
#define IDX	  2u

uint64_t virtq_driver_bytes(uint32_t num)
{
	return VIRTQ_DESC_BYTES(num) + align_up(VIRTQ_AVAIL_BYTES(num), 4) + VIRTQ_USED_BYTES(num);
}

static int zero(struct gmem *mem, uint64_t gpa, uint64_t len)
{
	static const uint8_t zeros[512];

	while (len) {
		uint64_t n = len < sizeof(zeros) ? len : sizeof(zeros);

		if (gmem_write(mem, gpa, zeros, n))
			return -EFAULT;
		gpa += n;
		len -= n;
	}
	return 0;
}

int virtq_driver_init(struct virtq_driver *d, struct gmem *mem, uint32_t num, uint64_t base,
		      bool event_idx)
{
	uint64_t end;

	*d = (struct virtq_driver){.mem = mem, .num = num, .event_idx = event_idx};
	if (!num || num > VIRTQ_NUM_MAX || base % 16)
		return -EINVAL;
	if (add_wraps(base, virtq_driver_bytes(num), &end))
		return -EFAULT;
	d->desc = base;
	d->avail = base + VIRTQ_DESC_BYTES(num);
	d->used = d->avail + align_up(VIRTQ_AVAIL_BYTES(num), 4);
	return zero(mem, base, virtq_driver_bytes(num));
}

void virtq_driver_attach(const struct virtq_driver *d, struct virtq *q)
{
	q->num = d->num;
	q->desc = d->desc;
	q->avail = d->avail;
	q->used = d->used;
	q->event_idx = d->event_idx;
}

static void put16(struct virtq_driver *d, uint64_t gpa, uint16_t v)
{
	uint8_t b[2];

	st_le16(b, v);
	(void)gmem_write(d->mem, gpa, b, sizeof(b)); /* gone: the device sees that too */
}

/* 0 where the ring is gone. */
static uint16_t get16(struct virtq_driver *d, uint64_t gpa)
{
	uint8_t b[2] = {0};

	(void)gmem_read(d->mem, gpa, b, sizeof(b));
	return ld_le16(b);
}

static int put_desc(struct virtq_driver *d, uint64_t gpa, uint64_t addr, uint32_t len,
		    uint16_t flags, uint16_t next)
{
	uint8_t raw[DESC_SIZE];

	st_le64(raw, addr);
	st_le32(raw + 8, len);
	st_le16(raw + 12, flags);
	st_le16(raw + 14, next);
	return gmem_write(d->mem, gpa, raw, sizeof(raw));
}

int virtq_driver_desc(struct virtq_driver *d, uint16_t i, uint64_t addr, uint32_t len,
		      uint16_t flags, uint16_t next)
{
	return put_desc(d, d->desc + (uint64_t)i * DESC_SIZE, addr, len, flags, next);
}

static uint16_t buf_flags(const struct virtq_buf *b, bool last)
{
	return (uint16_t)((b->write ? VIRTQ_DESC_F_WRITE : 0) | (last ? 0 : VIRTQ_DESC_F_NEXT));
}

static uint16_t take(struct virtq_driver *d, unsigned n)
{
	uint16_t head = d->free_head;

	d->free_head = (uint16_t)((head + n) % d->num);
	return head;
}

int virtq_driver_chain(struct virtq_driver *d, const struct virtq_buf *bufs, unsigned n)
{
	uint16_t head;

	if (!n || n > d->num)
		return -EINVAL;
	head = take(d, n);
	for (unsigned i = 0; i < n; i++) {
		uint16_t at = (uint16_t)((head + i) % d->num);
		uint16_t next = (uint16_t)((head + i + 1) % d->num);
		bool last = i + 1 == n;

		if (virtq_driver_desc(d, at, bufs[i].gpa, bufs[i].len, buf_flags(&bufs[i], last),
				      last ? 0 : next))
			return -EFAULT;
	}
	return head;
}

int virtq_driver_indirect(struct virtq_driver *d, uint64_t table, const struct virtq_buf *bufs,
			  unsigned n)
{
	uint64_t end;
	uint16_t head;

	if (!n || n > UINT16_MAX)
		return -EINVAL;
	if (add_wraps(table, (uint64_t)n * DESC_SIZE, &end))
		return -EFAULT;
	for (unsigned i = 0; i < n; i++) {
		bool last = i + 1 == n;

		if (put_desc(d, table + (uint64_t)i * DESC_SIZE, bufs[i].gpa, bufs[i].len,
			     buf_flags(&bufs[i], last), last ? 0 : (uint16_t)(i + 1)))
			return -EFAULT;
	}
	head = take(d, 1);
	if (virtq_driver_desc(d, head, table, n * DESC_SIZE, VIRTQ_DESC_F_INDIRECT, 0))
		return -EFAULT;
	return head;
}

void virtq_driver_offer(struct virtq_driver *d, uint16_t head)
{
	put16(d, d->avail + RING + 2ull * (d->offer_idx % d->num), head);
	d->offer_idx++;
}

void virtq_driver_publish(struct virtq_driver *d)
{
	/* 2.7.13: the entries before idx. */
	atomic_thread_fence(memory_order_release);
	d->avail_idx = d->offer_idx;
	put16(d, d->avail + IDX, d->avail_idx);
}

bool virtq_driver_needs_kick(struct virtq_driver *d, uint16_t old_avail_idx)
{
	uint16_t event;

	/* 2.7.10: idx before the device's wish is read. */
	atomic_thread_fence(memory_order_seq_cst);
	if (!d->event_idx)
		return !(get16(d, d->used) & VIRTQ_USED_F_NO_NOTIFY);
	event = get16(d, d->used + RING + (uint64_t)ELEM_SIZE * d->num);
	return (uint16_t)(d->avail_idx - event - 1) < (uint16_t)(d->avail_idx - old_avail_idx);
}

bool virtq_driver_used(struct virtq_driver *d, uint32_t *id, uint32_t *len)
{
	uint64_t slot = d->used + RING + (uint64_t)ELEM_SIZE * (d->used_idx % d->num);
	uint8_t elem[ELEM_SIZE];

	if (get16(d, d->used + IDX) == d->used_idx)
		return false;
	atomic_thread_fence(memory_order_acquire);
	if (gmem_read(d->mem, slot, elem, sizeof(elem)))
		return false;
	*id = ld_le32(elem);
	*len = ld_le32(elem + 4);
	d->used_idx++;
	return true;
}

void virtq_driver_skip(struct virtq_driver *d, unsigned n)
{
	d->used_idx = (uint16_t)(d->used_idx + n);
}

void virtq_driver_suppress(struct virtq_driver *d, bool suppress, uint16_t used_event)
{
	if (d->event_idx)
		put16(d, d->avail + RING + 2ull * d->num, used_event);
	else
		put16(d, d->avail, suppress ? VIRTQ_AVAIL_F_NO_INTERRUPT : 0);
}
