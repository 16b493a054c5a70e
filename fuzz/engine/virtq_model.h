/* SPDX-License-Identifier: MIT */
/*
 * virtq_model: an independent, slow split virtqueue after virtio 1.2 section 2.7, and a picture of
 * what guest memory must contain. It shares no code with vmm/virtq: it says what virtq_next() must
 * return and which bytes may change. For fuzz/targets/virtq.c only.
 */
#ifndef FUZZ_ENGINE_VIRTQ_MODEL_H
#define FUZZ_ENGINE_VIRTQ_MODEL_H

#include <errno.h>

#include <vmm/virtq.h>

#include "virtq_prog.h"

#define MODEL_REGIONS 5
#define MODEL_READS   (PROG_NUM_MAX + 4)

struct model_region {
	uint64_t gpa, len;
	uint8_t *bytes; /* what must be there */
	bool ram, present;
};

struct model {
	struct model_region region[MODEL_REGIONS];
	uint32_t num;
	uint64_t desc, avail, used;
	bool ready, event_idx, indirect, kicks_off;
	uint16_t last_avail, used_idx, asked; /* asked: used_idx at the last interrupt question */
	enum virtq_error broken;
	uint32_t in_flight, budget;
	uint64_t popped;
	bool flying[PROG_NUM_MAX];
};

/* What virtq_next() must return. */
struct model_chain {
	int ret;
	enum virtq_error error, broken;
	uint16_t head;
	uint32_t nr_out, nr_in;
	uint64_t out_bytes, in_bytes;
	struct virtq_seg seg[PROG_NUM_MAX];
	struct virtq_seg read[MODEL_READS]; /* the words that have to be read */
	uint32_t nr_read;
	bool table, direct_before_table;
};

/* ---- memory ---------------------------------------------------------------------------------- */

/* The region of one byte, or NULL. What lies at 2^64 or above is in none. */
static inline struct model_region *model_at(struct model *m, unsigned __int128 gpa)
{
	if (gpa >> 64)
		return NULL;
	for (unsigned i = 0; i < MODEL_REGIONS; i++) {
		struct model_region *r = &m->region[i];

		if ((uint64_t)gpa >= r->gpa && (uint64_t)gpa - r->gpa < r->len && r->present)
			return r;
	}
	return NULL;
}

/* Is every byte of it there, and RAM? Written with numbers that cannot wrap. */
static inline bool model_is_there(struct model *m, uint64_t gpa, uint64_t len, bool ram)
{
	unsigned __int128 at = gpa, end = at + len;
	const struct model_region *low = &m->region[0];

	/* Most of what there is: wholly in the first one, which starts at 0 and is RAM. */
	if (gpa < low->len && len <= low->len - gpa && low->present)
		return true;
	while (at < end) {
		const struct model_region *r = model_at(m, at);

		if (!r || (ram && !r->ram))
			return false;
		at = r->gpa + r->len;
	}
	return true;
}

static inline bool model_is_ram(struct model *m, uint64_t gpa, uint64_t len)
{
	return model_is_there(m, gpa, len, true);
}

/*
 * memcpy() of few bytes without a call, which a sanitizer makes dear. Inlined, gcc takes the branch for
 * many bytes for one that a small buffer may come to, and warns.
 */
#ifdef __clang__
#define MODEL_INLINE inline
#else
#define MODEL_INLINE __attribute__((noinline, unused))
#endif
static MODEL_INLINE void model_bytes(uint8_t *to, const uint8_t *from, uint64_t n)
{
	if (n == 2) {
		memcpy(to, from, 2);
	} else if (n == 8) {
		memcpy(to, from, 8);
	} else if (n == 16) {
		memcpy(to, from, 16);
	} else if (n > 64) {
		memcpy(to, from, n);
	} else {
		for (uint64_t i = 0; i < n; i++) {
			to[i] = from[i];
			__asm__ volatile("" ::: "memory"); /* stays a loop */
		}
	}
}

/* Bytes to or from the picture; all of it must be there. */
static inline void model_copy(struct model *m, uint64_t gpa, void *to, const void *from,
			      uint64_t len)
{
	const struct model_region *low = &m->region[0];
	uint64_t done = 0;

	if (gpa < low->len && len <= low->len - gpa && low->present) {
		if (to)
			model_bytes(to, low->bytes + gpa, len);
		else
			model_bytes(low->bytes + gpa, from, len);
		return;
	}
	while (done < len) {
		const struct model_region *r = model_at(m, gpa + done);
		uint64_t n = r->gpa + r->len - (gpa + done);
		uint8_t *p = r->bytes + (gpa + done - r->gpa);

		if (n > len - done)
			n = len - done;
		if (to)
			model_bytes((uint8_t *)to + done, p, n);
		else
			model_bytes(p, (const uint8_t *)from + done, n);
		done += n;
	}
}

/* ROM can be read as well: a ring there is only ever found out by writing. */
static inline bool model_read(struct model *m, uint64_t gpa, void *buf, uint64_t len)
{
	if (!model_is_there(m, gpa, len, false))
		return false;
	model_copy(m, gpa, buf, NULL, len);
	return true;
}

static inline bool model_read16(struct model *m, uint64_t gpa, uint16_t *v)
{
	uint8_t b[2];

	if (!model_read(m, gpa, b, 2))
		return false;
	*v = (uint16_t)(b[0] + 256 * b[1]);
	return true;
}

/* ---- set-up ---------------------------------------------------------------------------------- */

/* May a queue with these values be made ready? Section 2.7, the table of sizes and alignments. */
static inline bool model_may_enable(struct model *m)
{
	bool power = false;

	for (uint64_t n = 1; n <= PROG_NUM_MAX; n *= 2)
		power |= n == m->num;
	return power && m->desc % 16 == 0 && m->avail % 2 == 0 && m->used % 4 == 0 &&
	       model_is_ram(m, m->desc, 16ull * m->num) &&
	       model_is_ram(m, m->avail, 6 + 2ull * m->num) &&
	       model_is_ram(m, m->used, 6 + 8ull * m->num);
}

/* ---- chains ---------------------------------------------------------------------------------- */

static inline void model_note_read(struct model_chain *c, uint64_t gpa, uint32_t len)
{
	if (c->nr_read < MODEL_READS)
		c->read[c->nr_read++] = (struct virtq_seg){gpa, len};
}

struct model_desc {
	uint64_t addr;
	uint32_t len;
	bool next, write, indirect;
	uint16_t to;
};

static inline bool model_desc(struct model *m, uint64_t gpa, struct model_desc *d)
{
	uint8_t b[16];

	if (!model_read(m, gpa, b, sizeof(b)))
		return false;
	memcpy(&d->addr, b, 8); /* hosts are little-endian */
	memcpy(&d->len, b + 8, 4);
	memcpy(&d->to, b + 14, 2);
	d->next = b[12] & 1;
	d->write = b[12] & 2;
	d->indirect = b[12] & 4;
	return true;
}

/* Judge one buffer and take it in. */
static inline enum virtq_error model_buffer(struct model *m, struct model_chain *c,
					    const struct model_desc *d)
{
	if (!d->write && c->nr_in)
		return VIRTQ_E_ORDER;
	if (!model_is_ram(m, d->addr, d->len))
		return VIRTQ_E_ADDR;
	if (c->out_bytes + c->in_bytes + d->len >= 1ull << 32)
		return VIRTQ_E_TOTAL;
	c->seg[c->nr_out + c->nr_in] = (struct virtq_seg){d->addr, d->len};
	if (d->write) {
		c->nr_in++;
		c->in_bytes += d->len;
	} else {
		c->nr_out++;
		c->out_bytes += d->len;
	}
	return VIRTQ_OK;
}

/* Follow a table of (entries) at (table) from (i) on, until its end or the way into another. */
static inline enum virtq_error model_follow(struct model *m, struct model_chain *c, uint64_t table,
					    uint32_t entries, uint16_t i, bool nested)
{
	struct model_desc d;

	for (uint32_t left = m->num - c->nr_out - c->nr_in; left; left--) {
		enum virtq_error e;

		if (!nested)
			model_note_read(c, table + 16ull * i, 16);
		if (!model_desc(m, table + 16ull * i, &d))
			return VIRTQ_E_RING;
		if (d.indirect) {
			if (nested || d.next || !m->indirect)
				return VIRTQ_E_INDIRECT;
			if (d.len == 0 || d.len % 16 || d.len > 16 * m->num ||
			    !model_is_ram(m, d.addr, d.len))
				return VIRTQ_E_INDIRECT_SIZE;
			model_note_read(c, d.addr, d.len);
			c->table = true;
			c->direct_before_table = c->nr_out + c->nr_in > 0;
			return model_follow(m, c, d.addr, d.len / 16, 0, true);
		}
		e = model_buffer(m, c, &d);
		if (e)
			return e;
		if (!d.next)
			return VIRTQ_OK;
		if (d.to >= entries)
			return VIRTQ_E_NEXT;
		i = d.to;
	}
	return VIRTQ_E_LOOP;
}

/* What the next virtq_next() must do. Nothing changes in (m): see model_took(). */
static inline void model_next(struct model *m, struct model_chain *c)
{
	uint16_t idx;

	c->ret = 1;
	c->error = c->broken = VIRTQ_OK;
	c->head = 0;
	c->nr_out = c->nr_in = c->nr_read = 0;
	c->out_bytes = c->in_bytes = 0;
	c->table = c->direct_before_table = false;
	if (!m->ready || m->broken) {
		c->ret = !m->ready ? -EAGAIN : -EIO;
		c->broken = m->broken;
		return;
	}
	if (m->budget)
		model_note_read(c, m->avail + 2, 2);
	if (m->budget && !model_read16(m, m->avail + 2, &idx)) {
		c->broken = VIRTQ_E_RING;
	} else if (!m->budget || idx == m->last_avail) {
		c->ret = 0;
		if (m->event_idx && !m->kicks_off &&
		    !model_is_ram(m, m->used + 4 + 8ull * m->num, 2))
			c->broken = VIRTQ_E_RING;
	} else if ((uint16_t)(idx - m->last_avail) > m->num) {
		c->broken = VIRTQ_E_AVAIL;
	} else {
		uint64_t entry = m->avail + 4 + 2ull * (m->last_avail % m->num);

		model_note_read(c, entry, 2);
		if (!model_read16(m, entry, &c->head))
			c->broken = VIRTQ_E_RING;
		else if (c->head >= m->num)
			c->broken = VIRTQ_E_HEAD;
		else if (m->flying[c->head])
			c->broken = VIRTQ_E_INFLIGHT;
		else
			c->error = model_follow(m, c, m->desc, m->num, c->head, false);
	}
	if (c->error == VIRTQ_E_RING)
		c->broken = VIRTQ_E_RING;
	if (c->broken)
		c->ret = -EIO;
	if (c->error) {
		c->nr_out = c->nr_in = 0;
		c->out_bytes = c->in_bytes = 0;
	}
}

/* Is a word read twice, by the rules, on the way? Then a change between the reads may show. */
static inline bool model_reads_overlap(const struct model_chain *c)
{
	for (uint32_t i = 0; i < c->nr_read; i++)
		for (uint32_t k = i + 1; k < c->nr_read; k++) {
			unsigned __int128 a = c->read[i].gpa, b = c->read[k].gpa;

			if (a < b + c->read[k].len && b < a + c->read[i].len)
				return true;
		}
	return false;
}

/* 2.7.7.2, entry by entry: did writing the entries [asked, used_idx) include (event)? */
static inline bool model_event_hit(const struct model *m, uint16_t event)
{
	for (uint16_t i = m->asked; i != m->used_idx; i++)
		if (i == event)
			return true;
	return false;
}

#endif
