/* SPDX-License-Identifier: MIT */
/* Descriptor chains: walking one (virtio 1.2 section 2.7.5) and copying its bytes. */
#include <errno.h>

#include "virtq_priv.h"

static struct virtq_desc desc_decode(const uint8_t *p)
{
	return (struct virtq_desc){
		.addr = ld_le64(p),
		.len = ld_le32(p + 8),
		.flags = ld_le16(p + 12),
		.next = ld_le16(p + 14),
	};
}

static void ram_refresh(struct virtq *q)
{
	struct gmem_region r;

	q->ram.nr = 0;
	q->ram.generation = gmem_generation(q->mem);
	q->ram.known = true;
	for (unsigned i = 0; gmem_region(q->mem, i, &r); i++) {
		unsigned n = q->ram.nr;

		if (r.kind != GMEM_RAM)
			continue;
		if (n && q->ram.base[n - 1] + q->ram.size[n - 1] == r.gpa) {
			q->ram.size[n - 1] += r.len;
		} else if (n < GMEM_REGIONS) {
			q->ram.base[n] = r.gpa;
			q->ram.size[n] = r.len;
			q->ram.nr++;
		}
	}
}

bool virtq_in_ram(struct virtq *q, uint64_t gpa, uint64_t len)
{
	if (!q->ram.known || q->ram.generation != gmem_generation(q->mem))
		ram_refresh(q);
	for (unsigned i = 0; i < q->ram.nr; i++)
		if (range_within(gpa, len, q->ram.base[i], q->ram.size[i]))
			return true;
	return false;
}

enum virtq_error virtq_enter_indirect(struct virtq *q, struct virtq_walk *w,
				      const struct virtq_desc *d)
{
	/* 2.7.5.3.1: negotiated, not with NEXT, not inside an indirect table. */
	if (!q->indirect || w->indirect || (d->flags & VIRTQ_DESC_F_NEXT))
		return VIRTQ_E_INDIRECT;
	if (!d->len || d->len % VIRTQ_DESC_SIZE || d->len / VIRTQ_DESC_SIZE > q->num)
		return VIRTQ_E_INDIRECT_SIZE;
	if (!virtq_in_ram(q, d->addr, d->len) || gmem_read(q->mem, d->addr, q->table, d->len))
		return VIRTQ_E_INDIRECT_SIZE;
	/* 2.7.5.3.2: the WRITE flag of (d) is ignored. */
	w->indirect = true;
	w->limit = d->len / VIRTQ_DESC_SIZE;
	w->i = 0;
	return VIRTQ_OK;
}

enum virtq_error virtq_add_segment(struct virtq *q, struct virtq_walk *w,
				   const struct virtq_desc *d, struct virtq_chain *c)
{
	bool write = d->flags & VIRTQ_DESC_F_WRITE;

	/* 2.7.4.2: device-writable ones come last. */
	if (!write && c->nr_in)
		return VIRTQ_E_ORDER;
	if (d->len && !virtq_in_ram(q, d->addr, d->len))
		return VIRTQ_E_ADDR;
	w->total += d->len;
	/* 2.7.5.2 allows 2^32, which used.len cannot say: one less is the most here. */
	if (w->total > UINT32_MAX)
		return VIRTQ_E_TOTAL;
	q->segs[c->nr_out + c->nr_in] = (struct virtq_seg){.gpa = d->addr, .len = d->len};
	if (write) {
		c->nr_in++;
		c->in_bytes += d->len;
	} else {
		c->nr_out++;
		c->out_bytes += d->len;
	}
	return VIRTQ_OK;
}

static enum virtq_error walk(struct virtq *q, struct virtq_walk *w, struct virtq_chain *c)
{
	for (;;) {
		uint8_t raw[VIRTQ_DESC_SIZE];
		enum virtq_error e;
		struct virtq_desc d;

		/* Every turn but one (into the indirect table) adds a segment, so this ends. */
		if (c->nr_out + c->nr_in == q->num)
			return VIRTQ_E_LOOP;
		if (w->indirect) {
			d = desc_decode(q->table + (size_t)w->i * VIRTQ_DESC_SIZE);
		} else {
			if (gmem_read(q->mem, q->desc + (uint64_t)w->i * VIRTQ_DESC_SIZE, raw,
				      sizeof(raw)))
				return VIRTQ_E_RING;
			d = desc_decode(raw);
		}

		if (d.flags & VIRTQ_DESC_F_INDIRECT) {
			e = virtq_enter_indirect(q, w, &d);
			if (e)
				return e;
			continue;
		}
		e = virtq_add_segment(q, w, &d, c);
		if (e)
			return e;
		if (!(d.flags & VIRTQ_DESC_F_NEXT))
			return VIRTQ_OK;
		if (d.next >= w->limit)
			return VIRTQ_E_NEXT;
		w->i = d.next;
	}
}

enum virtq_error virtq_walk(struct virtq *q, uint16_t head, struct virtq_chain *c)
{
	struct virtq_walk w = {.limit = q->num, .i = head};
	enum virtq_error e;

	*c = (struct virtq_chain){.head = head, .id = head, .slots = 1, .seg = q->segs};
	e = walk(q, &w, c);
	if (e)
		*c = (struct virtq_chain){
			.head = head, .id = head, .slots = 1, .error = e, .seg = q->segs};
	return e;
}

/* ---- the bytes of a chain -------------------------------------------------------------------- */

/* A position in a run of segments. */
struct cursor {
	const struct virtq_seg *seg;
	uint32_t left;
	uint64_t off; /* from the start of *seg; may lie beyond its end */
};

/* The next piece that lies in one segment, at most (max) bytes: its size and *gpa, or 0 at the end.
 */
static uint64_t next_piece(struct cursor *k, uint64_t max, uint64_t *gpa)
{
	uint64_t n;

	while (k->left && k->off >= k->seg->len) {
		k->off -= k->seg->len;
		k->seg++;
		k->left--;
	}
	if (!k->left)
		return 0;
	n = k->seg->len - k->off;
	if (n > max)
		n = max;
	*gpa = k->seg->gpa + k->off;
	k->off += n;
	return n;
}

int64_t virtq_read(struct virtq *q, const struct virtq_chain *c, uint64_t off, void *buf,
		   uint64_t len)
{
	struct cursor k = {.seg = c->seg, .left = c->nr_out, .off = off};
	uint64_t done = 0, gpa, n;

	while (done < len && (n = next_piece(&k, len - done, &gpa))) {
		if (gmem_read(q->mem, gpa, (uint8_t *)buf + done, n))
			return -EFAULT;
		done += n;
	}
	return (int64_t)done;
}

int64_t virtq_write(struct virtq *q, struct virtq_chain *c, uint64_t off, const void *buf,
		    uint64_t len)
{
	struct cursor k = {.seg = c->seg + c->nr_out, .left = c->nr_in, .off = off};
	uint64_t done = 0, gpa, n;

	while (done < len && (n = next_piece(&k, len - done, &gpa))) {
		if (gmem_write(q->mem, gpa, (const uint8_t *)buf + done, n))
			return -EFAULT;
		done += n;
		/* The whole part is below 2^32 bytes: checked when the chain was walked. */
		if (off + done > c->written)
			c->written = (uint32_t)(off + done);
	}
	return (int64_t)done;
}
