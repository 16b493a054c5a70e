/* SPDX-License-Identifier: MIT */
/* The driver's side of a packed virtqueue (virtio 1.2 section 2.8), for tests. */
#include <errno.h>
#include <stdatomic.h>

#include <vmm/virtq_driver.h>

#define DESC_SIZE 16u
#define EVENT	  4u

uint64_t virtq_pdriver_bytes(uint32_t num)
{
	return VIRTQ_DESC_BYTES(num) + 2ull * VIRTQ_EVENT_BYTES;
}

int virtq_pdriver_init(struct virtq_pdriver *d, struct gmem *mem, uint32_t num, uint64_t base,
		       bool event_idx)
{
	static const uint8_t zeroes[DESC_SIZE];
	uint64_t end;

	memset(d, 0, sizeof(*d));
	if (!num || num > VIRTQ_NUM_MAX || base % 16)
		return -EINVAL;
	if (add_wraps(base, virtq_pdriver_bytes(num), &end))
		return -EFAULT;
	d->mem = mem;
	d->num = num;
	d->event_idx = event_idx;
	d->wrap = d->used_wrap = true;
	d->desc = base;
	d->avail = base + VIRTQ_DESC_BYTES(num);
	d->used = d->avail + VIRTQ_EVENT_BYTES;
	for (uint64_t at = base; at < end; at += VIRTQ_EVENT_BYTES)
		if (gmem_write(mem, at, zeroes, VIRTQ_EVENT_BYTES))
			return -EFAULT;
	return 0;
}

void virtq_pdriver_attach(const struct virtq_pdriver *d, struct virtq *q)
{
	q->packed = true;
	q->num = d->num;
	q->desc = d->desc;
	q->avail = d->avail;
	q->used = d->used;
	q->event_idx = d->event_idx;
}

static int put_desc(struct virtq_pdriver *d, uint64_t gpa, uint64_t addr, uint32_t len, uint16_t id,
		    uint16_t flags)
{
	uint8_t raw[DESC_SIZE];

	st_le64(raw, addr);
	st_le32(raw + 8, len);
	st_le16(raw + 12, id);
	st_le16(raw + 14, flags);
	return gmem_write(d->mem, gpa, raw, sizeof(raw));
}

int virtq_pdriver_desc(struct virtq_pdriver *d, uint16_t slot, uint64_t addr, uint32_t len,
		       uint16_t id, uint16_t flags)
{
	return put_desc(d, d->desc + (uint64_t)slot * DESC_SIZE, addr, len, id, flags);
}

static uint16_t round_flags(bool wrap)
{
	return wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
}

static void advance(const struct virtq_pdriver *d, uint16_t *slot, bool *wrap, unsigned n)
{
	uint32_t to = *slot + n;

	if (to >= d->num) {
		to -= d->num;
		*wrap = !*wrap;
	}
	*slot = (uint16_t)to;
}

int virtq_pdriver_put(struct virtq_pdriver *d, const struct virtq_buf *bufs, unsigned n,
		      uint16_t id)
{
	if (!n || n > d->num)
		return -EINVAL;
	/* From the last to the first. */
	for (unsigned i = n; i-- > 0;) {
		uint16_t slot = d->next;
		bool wrap = d->wrap;
		uint16_t flags = i + 1 < n ? VIRTQ_DESC_F_NEXT : 0;

		advance(d, &slot, &wrap, i);
		flags |= round_flags(wrap) | (bufs[i].write ? VIRTQ_DESC_F_WRITE : 0);
		if (!i) /* 2.8.21: the rest before the first's flags */
			atomic_thread_fence(memory_order_release);
		if (virtq_pdriver_desc(d, slot, bufs[i].gpa, bufs[i].len, id, flags))
			return -EFAULT;
	}
	d->slots[id % VIRTQ_NUM_MAX] = (uint16_t)n;
	advance(d, &d->next, &d->wrap, n);
	return 0;
}

int virtq_pdriver_indirect(struct virtq_pdriver *d, uint64_t table, const struct virtq_buf *bufs,
			   unsigned n, uint16_t id)
{
	uint64_t end;

	if (!n || n > UINT16_MAX)
		return -EINVAL;
	if (add_wraps(table, (uint64_t)n * DESC_SIZE, &end))
		return -EFAULT;
	for (unsigned i = 0; i < n; i++)
		if (put_desc(d, table + (uint64_t)i * DESC_SIZE, bufs[i].gpa, bufs[i].len, 0,
			     bufs[i].write ? VIRTQ_DESC_F_WRITE : 0))
			return -EFAULT;
	if (virtq_pdriver_desc(d, d->next, table, n * DESC_SIZE, id,
			       VIRTQ_DESC_F_INDIRECT | round_flags(d->wrap)))
		return -EFAULT;
	d->slots[id % VIRTQ_NUM_MAX] = 1;
	advance(d, &d->next, &d->wrap, 1);
	return 0;
}

bool virtq_pdriver_needs_kick(const struct virtq_pdriver *d, unsigned n)
{
	uint8_t b[EVENT] = {0};
	int32_t at;

	atomic_thread_fence(memory_order_seq_cst);
	(void)gmem_read(d->mem, d->used, b, sizeof(b));
	if ((ld_le16(b + 2) & 3) == VIRTQ_EVENT_DISABLE)
		return false;
	if ((ld_le16(b + 2) & 3) != VIRTQ_EVENT_DESC || n >= d->num)
		return true;
	at = ld_le16(b) & ~VIRTQ_EVENT_WRAP;
	if (!!(ld_le16(b) & VIRTQ_EVENT_WRAP) != d->wrap)
		at -= (int32_t)d->num;
	return at < d->next && at >= (int32_t)d->next - (int32_t)n;
}

bool virtq_pdriver_used(struct virtq_pdriver *d, uint16_t *id, uint32_t *len)
{
	uint8_t raw[DESC_SIZE];
	uint16_t flags;

	if (gmem_read(d->mem, d->desc + (uint64_t)d->used_idx * DESC_SIZE, raw, sizeof(raw)))
		return false;
	flags = ld_le16(raw + 14);
	if (!!(flags & VIRTQ_DESC_F_USED) != d->used_wrap ||
	    !!(flags & VIRTQ_DESC_F_AVAIL) != d->used_wrap)
		return false;
	atomic_thread_fence(memory_order_acquire);
	*id = ld_le16(raw + 12);
	*len = flags & VIRTQ_DESC_F_WRITE ? ld_le32(raw + 8) : 0;
	virtq_pdriver_skip(d, *id);
	return true;
}

void virtq_pdriver_skip(struct virtq_pdriver *d, uint16_t id)
{
	uint16_t slots = d->slots[id % VIRTQ_NUM_MAX];

	/* An ID that was never put: the device is wrong, and one entry is as good as any. */
	advance(d, &d->used_idx, &d->used_wrap, slots && slots <= d->num ? slots : 1);
}

void virtq_pdriver_event(struct virtq_pdriver *d, uint16_t offset, uint16_t flags)
{
	uint8_t b[EVENT];

	st_le16(b, offset);
	st_le16(b + 2, flags);
	(void)gmem_write(d->mem, d->avail, b, sizeof(b));
}
