/* SPDX-License-Identifier: MIT */
/*
 * tally as it might be in another VMM: plain C that walks its ring by itself, reached by the shim alone.
 *
 * BUG=1  off + len of a request wraps in 32 bits, and passes the check (openvmm #4047)
 * BUG=2  the configuration is checked by its offset, not by its end (CVE-2013-2016)
 * BUG=3  used.len is always 0 (libkrun #701)
 * BUG=4  a buffer's address is added to without a check, and what wraps is written to (openvmm #3990)
 * BUG=5  the length is read from the guest a second time, after it was checked (CVE-2024-51563)
 */
#include <stdlib.h>
#include <string.h>

#include <kit_shim.h>

#include "tally.h"

#define DESC_NEXT  1u
#define DESC_WRITE 2u
#define DESC_LEN   16u
#define CHAIN_MAX  16u

struct segment {
	uint64_t addr;
	uint32_t len;
	bool write;
};

struct lifted {
	struct vise_shim_host *host;
	uint16_t next, used;
	uint32_t answered;
	uint8_t *table;	 /* TALLY_TABLE bytes */
	uint8_t *config; /* TALLY_CONFIG bytes */
};

static uint64_t le(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

static void put_le(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void lifted_reset(void *dev)
{
	struct lifted *s = dev;

	s->next = s->used = 0;
	s->answered = 0;
	for (unsigned i = 0; i < TALLY_TABLE; i++)
		s->table[i] = (uint8_t)i;
	memset(s->config, 0, TALLY_CONFIG);
	s->config[0] = TALLY_TABLE;
}

static void lifted_destroy(void *dev)
{
	struct lifted *s = dev;

	free(s->table);
	free(s->config);
	free(s);
}

static void *lifted_create(struct vise_shim_host *host)
{
	struct lifted *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->host = host;
	s->table = malloc(TALLY_TABLE);
	s->config = malloc(TALLY_CONFIG);
	if (!s->table || !s->config) {
		lifted_destroy(s);
		return NULL;
	}
	lifted_reset(s);
	return s;
}

static uint64_t lifted_read(void *dev, uint64_t off, unsigned size)
{
	struct lifted *s = dev;
	uint8_t b[8] = {0};

	if (off < TALLY_CONFIG && (BUG == 2 || off + size <= TALLY_CONFIG))
		memcpy(b, s->config + off, size);
	return le(b, 8);
}

static void lifted_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
	struct lifted *s = dev;
	uint8_t b[8];

	put_le(b, val, 8);
	if (off < TALLY_CONFIG && off + size <= TALLY_CONFIG)
		memcpy(s->config + off, b, size);
}

/* How many segments; -1: the driver made no chain of it. */
static int walk(struct lifted *s, const struct vise_shim_queue *q, uint16_t head,
		struct segment *seg)
{
	uint8_t d[DESC_LEN];
	uint16_t i = head;
	unsigned n = 0;

	do {
		if (i >= q->num || n == CHAIN_MAX ||
		    vise_dma_read(s->host, q->desc + 16ull * i, d, sizeof(d)))
			return -1;
		seg[n].addr = le(d, 8);
		seg[n].len = (uint32_t)le(d + 8, 4);
		seg[n].write = d[12] & DESC_WRITE;
		if (d[12] & ~(DESC_NEXT | DESC_WRITE) || (n && seg[n - 1].write && !seg[n].write))
			return -1;
		n++;
		i = (uint16_t)le(d + 14, 2);
	} while (d[12] & DESC_NEXT);
	return (int)n;
}

/* As much of (len) bytes as there is room for in the writable segments; how many, or -1. */
static int64_t give(struct lifted *s, const struct segment *seg, int n, const uint8_t *p,
		    uint32_t len)
{
	uint32_t done = 0;

	for (int i = 0; i < n && done < len; i++) {
		uint32_t part = len - done < seg[i].len ? len - done : seg[i].len;

		if (!seg[i].write)
			continue;
		/* In pieces, as if it were much. */
		for (uint32_t at = 0; at < part; at += 4) {
			uint32_t few = part - at < 4 ? part - at : 4;
			uint64_t to = seg[i].addr + at;

			if (BUG != 4 && to < seg[i].addr)
				return -1;
			if (vise_dma_write(s->host, to, p + done + at, few)) {
				if (BUG != 4)
					return -1;
			}
		}
		done += part;
	}
	return done;
}

/* The answer to a request; how many bytes of it were stored. */
static int64_t serve(struct lifted *s, const struct segment *seg, int n)
{
	uint8_t header[TALLY_HEADER], data[TALLY_DATA] = {0}, sum[4];
	uint32_t off, len, total = 0;

	if (n < 1 || seg[0].write || seg[0].len < TALLY_HEADER ||
	    vise_dma_read(s->host, seg[0].addr, header, sizeof(header)))
		return 0;
	off = (uint32_t)le(header + TALLY_OFF, 2);
	len = (uint32_t)le(header + TALLY_LEN, 4);
	if (header[TALLY_OP] == TALLY_PICK) {
		if (BUG == 1 ? off + len > TALLY_TABLE : (uint64_t)off + len > TALLY_TABLE)
			return 0;
		return give(s, seg, n, s->table + off, len);
	}
	if (len > TALLY_DATA || len > seg[0].len - TALLY_HEADER)
		return 0;
	if (BUG == 5) {
		(void)vise_dma_read(s->host, seg[0].addr, header, sizeof(header));
		len = (uint32_t)le(header + TALLY_LEN, 4);
	}
	if (vise_dma_read(s->host, seg[0].addr + TALLY_HEADER, data, len))
		return 0;
	for (uint32_t i = 0; i < len; i++)
		total += data[i];
	put_le(sum, total, 4);
	if (header[TALLY_OP] == TALLY_COPY)
		return give(s, seg, n, data, len);
	return header[TALLY_OP] == TALLY_SUM ? give(s, seg, n, sum, 4) : 0;
}

static void lifted_notify(void *dev, unsigned queue, const struct vise_shim_queue *q)
{
	struct lifted *s = dev;
	struct segment seg[CHAIN_MAX];
	uint8_t b[8];
	uint16_t idx;

	(void)queue;
	if (vise_dma_read(s->host, q->avail + 2, b, 2))
		return;
	idx = (uint16_t)le(b, 2);
	if ((uint16_t)(idx - s->next) > q->num) {
		vise_broken(s->host, "tally: more chains than the queue has");
		return;
	}
	for (; s->next != idx; s->next++) {
		uint16_t head;
		int64_t len;
		int n;

		if (vise_dma_read(s->host, q->avail + 4 + 2ull * (s->next % q->num), b, 2))
			return;
		head = (uint16_t)le(b, 2);
		n = walk(s, q, head, seg);
		len = n < 0 ? -1 : serve(s, seg, n);
		if (len < 0) {
			vise_broken(s->host, "tally: no chain that can be served");
			return;
		}
		put_le(b, head, 4);
		put_le(b + 4, BUG == 3 ? 0 : (uint64_t)len, 4);
		if (vise_dma_write(s->host, q->used + 4 + 8ull * (s->used % q->num), b, 8))
			return;
		put_le(b, ++s->used, 2);
		if (vise_dma_write(s->host, q->used + 2, b, 2))
			return;
		s->answered++;
		vise_irq(s->host, 1);
	}
}

const struct vise_shim lifted_shim = {.name = "tally-lifted",
				      .virtio_id = 62,
				      .queues = 1,
				      .queue_max = 16,
				      .create = lifted_create,
				      .destroy = lifted_destroy,
				      .reset = lifted_reset,
				      .read = lifted_read,
				      .write = lifted_write,
				      .notify = lifted_notify};
