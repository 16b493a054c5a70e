/* SPDX-License-Identifier: MIT */
/*
 * For tests, seeds and the fuzz target: images in memory, made by hand from the format's description
 * and not by the code under test.
 */
#ifndef VMM_BLK_TEST_QCOW2_H
#define VMM_BLK_TEST_QCOW2_H

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <unpack_config.h>
#include <vmm/qcow2.h>

#if UNPACK_WITH_ZLIB
#include <zlib.h>
#endif
#if UNPACK_WITH_ZSTD
#include <zstd.h>
#endif

#define IMAGE_MAX (4u << 20)

/* A file in memory. It stays when the disk is closed. */
struct image {
	struct qcow2_file file;
	uint8_t *p;
	size_t len, max;
	uint64_t writes; /* so far */
	uint64_t fail;	 /* from this write on there is no room; 0: there is */
	uint64_t unsure; /* this one fails, */
	bool made;	 /* yet is made */
	/* Sees each write before it is made; may be NULL. */
	void (*seen)(struct image *m, uint64_t off, const void *buf, size_t len);
	void *ctx;
};

static inline struct image *image_of(struct qcow2_file *f)
{
	return container_of(f, struct image, file);
}

static inline int64_t image_read(struct qcow2_file *f, uint64_t off, void *buf, size_t len)
{
	struct image *m = image_of(f);
	size_t n = off >= m->len ? 0 : m->len - (size_t)off;

	n = n < len ? n : len;
	if (n)
		memcpy(buf, m->p + off, n);
	return (int64_t)n;
}

static inline int image_write(struct qcow2_file *f, uint64_t off, const void *buf, size_t len)
{
	struct image *m = image_of(f);

	m->writes++;
	if ((m->fail && m->writes >= m->fail) || !range_within(off, len, 0, m->max))
		return -ENOSPC;
	if (m->seen)
		m->seen(m, off, buf, len);
	if (m->writes == m->unsure && !m->made)
		return -EIO;
	memcpy(m->p + off, buf, len);
	if (off + len > m->len)
		m->len = (size_t)off + len;
	return m->writes == m->unsure ? -EIO : 0;
}

static inline int image_flush(struct qcow2_file *f)
{
	(void)f;
	return 0;
}

static inline void image_punch(struct qcow2_file *f, uint64_t off, uint64_t len)
{
	struct image *m = image_of(f);

	/* What nobody wants any more must not be read any more. */
	for (uint64_t i = off; i < off + len && i < m->len; i++)
		m->p[i] = 0xee;
}

static inline void image_close(struct qcow2_file *f)
{
	(void)f;
}

static const struct qcow2_file_ops image_ops = {
	.read = image_read,
	.write = image_write,
	.flush = image_flush,
	.punch = image_punch,
	.close = image_close,
};

struct image_spec {
	uint32_t version, cluster_bits, order;
	uint64_t size;
	const char *backing, *format; /* NULL: none */
};

static inline void be(uint8_t *p, unsigned n, uint64_t v)
{
	while (n--) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

static inline uint64_t from_be(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* Without its NUL. */
static inline void image_text(uint8_t *p, const char *text)
{
	while (*text)
		*p++ = (uint8_t)*text++;
}

static inline uint32_t image_bits(const struct image *m)
{
	return (uint32_t)from_be(m->p + 20, 4);
}

/* The count of a cluster that the first refcount block counts. */
static inline void image_count(struct image *m, uint64_t index, int64_t add)
{
	uint64_t block = from_be(m->p + from_be(m->p + 48, 8), 8);
	unsigned order = from_be(m->p + 4, 4) >= 3 ? (unsigned)from_be(m->p + 96, 4) : 4;
	unsigned width = 1u << order;
	uint8_t *p = m->p + block;

	assert(index < ((uint64_t)8 << image_bits(m)) >> order);
	if (width >= 8) {
		p += index * width / 8;
		be(p, width / 8, from_be(p, width / 8) + (uint64_t)add);
	} else {
		p += index * width / 8;
		*p = (uint8_t)(*p + (add << (index * width % 8)));
	}
}

/* A cluster of zeroes behind all others, counted once. */
static inline uint64_t image_append(struct image *m, uint64_t clusters)
{
	uint32_t bits = image_bits(m);
	uint64_t off = align_up(m->len, 1ull << bits);

	assert(off + (clusters << bits) <= m->max);
	memset(m->p + m->len, 0, off + (clusters << bits) - m->len);
	m->len = off + (clusters << bits);
	for (uint64_t i = 0; i < clusters; i++)
		image_count(m, (off >> bits) + i, 1);
	return off;
}

/* Header, refcount table and block, L1 table; nothing else. */
static inline void image_make(struct image *m, const struct image_spec *s)
{
	uint64_t cluster = 1ull << s->cluster_bits, at;
	uint64_t l1_nr = (s->size + cluster * cluster / 8 - 1) / (cluster * cluster / 8);
	uint32_t header = s->version >= 3 ? 104 : 72;

	if (!m->p)
		m->p = malloc(IMAGE_MAX);
	assert(m->p);
	m->file.ops = &image_ops;
	m->max = IMAGE_MAX;
	m->len = 3 * cluster;
	memset(m->p, 0, m->len);
	be(m->p, 4, QCOW2_MAGIC);
	be(m->p + 4, 4, s->version);
	be(m->p + 20, 4, s->cluster_bits);
	be(m->p + 24, 8, s->size);
	be(m->p + 36, 4, l1_nr);
	be(m->p + 48, 8, cluster);
	be(m->p + 56, 4, 1);
	if (s->version >= 3) {
		be(m->p + 96, 4, s->order);
		be(m->p + 100, 4, header);
	}
	be(m->p + cluster, 8, 2 * cluster);
	for (unsigned i = 0; i < 3; i++)
		image_count(m, i, 1);
	be(m->p + 40, 8, image_append(m, (8 * l1_nr + cluster - 1) / cluster));
	at = header;
	if (s->format) {
		be(m->p + at, 4, 0xe2792aca);
		be(m->p + at + 4, 4, strlen(s->format));
		image_text(m->p + at + 8, s->format);
		at = align_up(at + 8 + strlen(s->format), 8);
	}
	if (s->backing) {
		be(m->p + 8, 8, at + 8);
		be(m->p + 16, 4, strlen(s->backing));
		image_text(m->p + at + 8, s->backing);
	}
}

/* Where the L2 entry of a cluster of the disk is, its table made if there is none. */
static inline uint64_t image_entry(struct image *m, uint64_t guest)
{
	uint64_t per = (1ull << image_bits(m)) / 8;
	uint64_t l1 = from_be(m->p + 40, 8) + 8 * (guest / per);
	uint64_t table = from_be(m->p + l1, 8) & 0x00fffffffffffe00ull;

	if (!table) {
		table = image_append(m, 1);
		be(m->p + l1, 8, table | 1ull << 63);
	}
	return table + 8 * (guest % per);
}

static inline void image_put(struct image *m, uint64_t guest, const void *data)
{
	uint64_t at = image_entry(m, guest), off = image_append(m, 1);

	memcpy(m->p + off, data, 1ull << image_bits(m));
	be(m->p + at, 8, off | 1ull << 63);
}

/* false: there is no zlib, or it did not become smaller. */
static inline bool image_put_compressed(struct image *m, uint64_t guest, const void *data)
{
#if UNPACK_WITH_ZLIB
	uint32_t bits = image_bits(m);
	uint64_t at = image_entry(m, guest), off = image_append(m, 1), sectors;
	z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = 1u << bits};
	bool whole;

	z.next_out = m->p + off;
	z.avail_out = 1u << bits;
	assert(deflateInit2(&z, 9, Z_DEFLATED, -12, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
	sectors = (z.total_out + 511) / 512;
	deflateEnd(&z);
	be(m->p + at, 8, 1ull << 62 | (sectors - 1) << (62 - (bits - 8)) | off);
	return whole;
#else
	(void)m, (void)guest, (void)data;
	return false;
#endif
}

/* From now on clusters are compressed by (method), 1: zstd; of an image of version 3, just made. */
static inline void image_compression(struct image *m, unsigned method)
{
	assert(!from_be(m->p + 8, 8)); /* no backing file: its name would be where the byte goes */
	be(m->p + 72, 8, from_be(m->p + 72, 8) | 8);
	be(m->p + 100, 4, 112);
	m->p[104] = (uint8_t)method;
}

/* In (frames) zstd frames. false: there is no libzstd. */
static inline bool image_put_zstd(struct image *m, uint64_t guest, const void *data,
				  unsigned frames)
{
#if UNPACK_WITH_ZSTD
	uint32_t bits = image_bits(m);
	uint64_t at = image_entry(m, guest), off = image_append(m, 1), sectors;
	size_t part = (1u << bits) / frames, n = 0;

	for (unsigned i = 0; i < frames; i++) {
		size_t r = ZSTD_compress(m->p + off + n, (1u << bits) - n,
					 (const uint8_t *)data + i * part, part, 3);

		assert(!ZSTD_isError(r));
		n += r;
	}
	sectors = (n + 511) / 512;
	be(m->p + at, 8, 1ull << 62 | (sectors - 1) << (62 - (bits - 8)) | off);
	return true;
#else
	(void)m, (void)guest, (void)data, (void)frames;
	return false;
#endif
}

static inline void image_put_zero(struct image *m, uint64_t guest, bool with_cluster)
{
	uint64_t at = image_entry(m, guest);

	be(m->p + at, 8, 1 | (with_cluster ? image_append(m, 1) | 1ull << 63 : 0));
}

/* All that the disk is now is kept: one snapshot, of an image that has none. */
static inline void image_snapshot(struct image *m, const char *id, const char *name)
{
	uint32_t bits = image_bits(m), nr = (uint32_t)from_be(m->p + 36, 4);
	uint64_t l1 = from_be(m->p + 40, 8), per = (1ull << bits) / 8, copy, table;
	uint8_t *e;

	for (uint32_t i = 0; i < nr; i++) {
		uint64_t l2 = from_be(m->p + l1 + 8 * i, 8) & 0x00fffffffffffe00ull;

		be(m->p + l1 + 8 * i, 8, l2);
		if (!l2)
			continue;
		image_count(m, l2 >> bits, 1);
		for (uint64_t k = 0; k < per; k++) {
			uint64_t v = from_be(m->p + l2 + 8 * k, 8) & ~(1ull << 63);
			uint64_t mask = v >> 62 & 1 ? (1ull << (62 - (bits - 8))) - 1
						    : 0x00fffffffffffe00ull;

			be(m->p + l2 + 8 * k, 8, v);
			if (v & mask)
				image_count(m, (v & mask) >> bits, 1);
		}
	}
	copy = image_append(m, (8ull * nr + (1ull << bits) - 1) >> bits);
	memcpy(m->p + copy, m->p + l1, 8ull * nr);
	table = image_append(m, 1);
	e = m->p + table;
	be(e, 8, copy);
	be(e + 8, 4, nr);
	be(e + 12, 2, strlen(id));
	be(e + 14, 2, strlen(name));
	be(e + 16, 4, 1000000000);
	be(e + 36, 4, 16);
	be(e + 48, 8, from_be(m->p + 24, 8));
	image_text(e + 56, id);
	image_text(e + 56 + strlen(id), name);
	be(m->p + 60, 4, 1);
	be(m->p + 64, 8, table);
}

#endif
