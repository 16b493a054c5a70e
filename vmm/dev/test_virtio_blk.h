/* SPDX-License-Identifier: MIT */
/* What the tests of virtio-blk share: a disk that is watched, a driver, requests of one descriptor a part. */
#ifndef VMM_DEV_TEST_VIRTIO_BLK_H
#define VMM_DEV_TEST_VIRTIO_BLK_H

#include "test_virtio.h"

#define DISK	(1u << 20)
#define HEADER	0x20000u
#define DATA	0x40000u
#define STATUS_ 0x21000u /* where a request's status goes */
#define NOTHING 0xee	 /* what is there before */

enum {
	SEG_MAX = 2,
	RO = 5,
	BLK_SIZE = 6,
	FLUSH = 9,
	TOPOLOGY = 10,
	WCE = 11,
	MQ = 12,
	DISCARD = 13,
	ZEROES = 14
};
enum { IN = 0, OUT = 1, T_FLUSH = 4, ID = 8, T_DISCARD = 11, T_ZEROES = 13 };
enum { OK, IOERR, UNSUPP };
#define F(n)	(1ull << (n))
#define F_BLOCK (F(FLUSH) | F(WCE) | F(DISCARD) | F(ZEROES))

/* A disk whose calls are counted and may fail. */
struct spy {
	struct blk blk;
	struct blk *below;
	unsigned flushes, writes;
	int fail;
};

static inline int spy_read(struct blk *b, uint64_t off, void *buf, size_t len)
{
	struct spy *s = container_of(b, struct spy, blk);

	return s->fail ? s->fail : blk_read(s->below, off, buf, len);
}

static inline int spy_write(struct blk *b, uint64_t off, const void *buf, size_t len)
{
	struct spy *s = container_of(b, struct spy, blk);

	s->writes++;
	return s->fail ? s->fail : blk_write(s->below, off, buf, len);
}

static inline int spy_flush(struct blk *b)
{
	struct spy *s = container_of(b, struct spy, blk);

	s->flushes++;
	return s->fail;
}

static inline int spy_zero(struct blk *b, uint64_t off, uint64_t len)
{
	struct spy *s = container_of(b, struct spy, blk);

	return s->fail ? s->fail : blk_zero(s->below, off, len);
}

static const struct blk_ops spy_ops = {.name = "spy",
				       .read = spy_read,
				       .write = spy_write,
				       .flush = spy_flush,
				       .zero = spy_zero,
				       .discard = spy_zero};

struct world {
	struct machine *m;
	struct spy spy;
	struct blk *disk[1];
	struct dev *d;
	struct virtq_driver q;
};

/* The device, up, on a disk in which each sector's bytes are its number. */
static inline void begin(struct world *w, struct machine *m, const char *spec, uint64_t features)
{
	uint8_t sector[BLK_SECTOR];

	w->m = m;
	w->spy = (struct spy){
		.blk = {.ops = &spy_ops, .size = DISK, .read_only = w->spy.blk.read_only}};
	assert_int_equal(blk_mem_new(&w->spy.below, DISK, NULL), 0);
	for (unsigned i = 0; i < DISK / BLK_SECTOR; i++) {
		memset(sector, (int)i, sizeof(sector));
		assert_int_equal(blk_write(w->spy.below, i * BLK_SECTOR, sector, BLK_SECTOR), 0);
	}
	w->disk[0] = &w->spy.blk;
	m->env.disk = w->disk;
	m->env.nr_disks = 1;
	w->d = machine_add(m, spec);
	bring_up(m, &w->q, F_ALL | features, 64);
}

static inline void end(struct world *w)
{
	dev_free(w->d);
	blk_close(w->spy.below);
}

static inline void put_header(struct world *w, uint32_t type, uint64_t sector)
{
	uint8_t h[16] = {0}, nothing = NOTHING;

	st_le32(h, type);
	st_le64(&h[8], sector);
	assert_int_equal(gmem_write(w->m->env.mem, HEADER, h, sizeof(h)), 0);
	assert_int_equal(gmem_write(w->m->env.mem, STATUS_, &nothing, 1), 0);
}

static inline uint8_t status(struct world *w)
{
	uint8_t s;

	assert_int_equal(gmem_read(w->m->env.mem, STATUS_, &s, 1), 0);
	return s;
}

/* Header, (len) bytes of data at DATA one way, status. Returns used.len. */
static inline uint32_t request(struct world *w, uint32_t type, uint64_t sector, uint32_t len)
{
	bool write = type == IN || type == ID;
	struct virtq_buf b[3] = {{HEADER, 16, false}, {DATA, len, write}, {STATUS_, 1, true}};
	unsigned n = 3;

	put_header(w, type, sector);
	if (!len) {
		b[1] = b[2];
		n = 2;
	}
	return offer(w->m, &w->q, virtq_driver_chain(&w->q, b, n));
}

static inline void fill(struct world *w, uint64_t gpa, uint8_t byte, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		assert_int_equal(gmem_write(w->m->env.mem, gpa + i, &byte, 1), 0);
}

static inline void assert_data(struct world *w, uint64_t gpa, uint8_t byte, unsigned len)
{
	uint8_t b;

	for (unsigned i = 0; i < len; i++) {
		assert_int_equal(gmem_read(w->m->env.mem, gpa + i, &b, 1), 0);
		assert_int_equal(b, byte);
	}
}

static inline void assert_sector(struct world *w, uint64_t sector, uint8_t byte)
{
	uint8_t b[BLK_SECTOR];

	assert_int_equal(blk_read(w->spy.below, sector * BLK_SECTOR, b, sizeof(b)), 0);
	for (unsigned i = 0; i < BLK_SECTOR; i++)
		assert_int_equal(b[i], byte);
}

#endif
