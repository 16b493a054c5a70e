/* SPDX-License-Identifier: MIT */
/* virtio-blk (virtio 1.2 section 5.2): requests good and bad, the configuration, requests in flight. */
#include "test_virtio.h"

#include <errno.h>
#include <stdlib.h>

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

static int spy_read(struct blk *b, uint64_t off, void *buf, size_t len)
{
	struct spy *s = container_of(b, struct spy, blk);

	return s->fail ? s->fail : blk_read(s->below, off, buf, len);
}

static int spy_write(struct blk *b, uint64_t off, const void *buf, size_t len)
{
	struct spy *s = container_of(b, struct spy, blk);

	s->writes++;
	return s->fail ? s->fail : blk_write(s->below, off, buf, len);
}

static int spy_flush(struct blk *b)
{
	struct spy *s = container_of(b, struct spy, blk);

	s->flushes++;
	return s->fail;
}

static int spy_zero(struct blk *b, uint64_t off, uint64_t len)
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
static void begin(struct world *w, struct machine *m, const char *spec, uint64_t features)
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

static void end(struct world *w)
{
	dev_free(w->d);
	blk_close(w->spy.below);
}

static void put_header(struct world *w, uint32_t type, uint64_t sector)
{
	uint8_t h[16] = {0}, nothing = NOTHING;

	st_le32(h, type);
	st_le64(&h[8], sector);
	assert_int_equal(gmem_write(w->m->env.mem, HEADER, h, sizeof(h)), 0);
	assert_int_equal(gmem_write(w->m->env.mem, STATUS_, &nothing, 1), 0);
}

static uint8_t status(struct world *w)
{
	uint8_t s;

	assert_int_equal(gmem_read(w->m->env.mem, STATUS_, &s, 1), 0);
	return s;
}

/* Header, (len) bytes of data at DATA one way, status. Returns used.len. */
static uint32_t request(struct world *w, uint32_t type, uint64_t sector, uint32_t len)
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

static void fill(struct world *w, uint64_t gpa, uint8_t byte, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		assert_int_equal(gmem_write(w->m->env.mem, gpa + i, &byte, 1), 0);
}

static void assert_data(struct world *w, uint64_t gpa, uint8_t byte, unsigned len)
{
	uint8_t b;

	for (unsigned i = 0; i < len; i++) {
		assert_int_equal(gmem_read(w->m->env.mem, gpa + i, &b, 1), 0);
		assert_int_equal(b, byte);
	}
}

static void assert_sector(struct world *w, uint64_t sector, uint8_t byte)
{
	uint8_t b[BLK_SECTOR];

	assert_int_equal(blk_read(w->spy.below, sector * BLK_SECTOR, b, sizeof(b)), 0);
	for (unsigned i = 0; i < BLK_SECTOR; i++)
		assert_int_equal(b[i], byte);
}

/* 5.2.6.2 */
static void reads_and_writes(void **state)
{
	struct world w = {0};

	begin(&w, *state, "virtio-blk", F_BLOCK);
	assert_int_equal(request(&w, IN, 3, 2 * BLK_SECTOR), 2 * BLK_SECTOR + 1);
	assert_int_equal(status(&w), OK);
	assert_data(&w, DATA, 3, BLK_SECTOR);
	assert_data(&w, DATA + BLK_SECTOR, 4, BLK_SECTOR);
	/* The last sector, and many pieces. */
	assert_int_equal(request(&w, IN, DISK / BLK_SECTOR - 1, BLK_SECTOR), BLK_SECTOR + 1);
	assert_data(&w, DATA, (uint8_t)(DISK / BLK_SECTOR - 1), BLK_SECTOR);
	assert_int_equal(request(&w, IN, 0, 40 * BLK_SECTOR), 40 * BLK_SECTOR + 1);
	assert_data(&w, DATA + 39 * BLK_SECTOR, 39, BLK_SECTOR);

	fill(&w, DATA, 0xaa, 20 * BLK_SECTOR);
	assert_int_equal(request(&w, OUT, 8, 20 * BLK_SECTOR), 1);
	assert_int_equal(status(&w), OK);
	assert_sector(&w, 7, 7);
	assert_sector(&w, 8, 0xaa);
	assert_sector(&w, 27, 0xaa);
	assert_sector(&w, 28, 28);
	end(&w);
}

/* 2.7.4: how the driver cuts a request into descriptors says nothing. */
static void any_framing(void **state)
{
	struct world w = {0};
	struct virtq_buf in[] = {{HEADER, 7, false},	{HEADER + 7, 9, false}, {DATA, 1, true},
				 {DATA + 1, 500, true}, {DATA + 501, 11, true}, {STATUS_, 1, true}};
	struct virtq_buf joined[] = {{HEADER, 16 + BLK_SECTOR, false}, {STATUS_, 1, true}};
	struct virtq_buf last[] = {{HEADER, 16, false}, {DATA, BLK_SECTOR + 1, true}};
	uint8_t b;

	begin(&w, *state, "virtio-blk", F_BLOCK);
	put_header(&w, IN, 5);
	assert_int_equal(offer(w.m, &w.q, virtq_driver_chain(&w.q, in, 6)), BLK_SECTOR + 1);
	assert_int_equal(status(&w), OK);
	assert_data(&w, DATA, 5, BLK_SECTOR);

	fill(&w, HEADER + 16, 0x77, BLK_SECTOR);
	put_header(&w, OUT, 9);
	assert_int_equal(offer(w.m, &w.q, virtq_driver_chain(&w.q, joined, 2)), 1);
	assert_sector(&w, 9, 0x77);

	put_header(&w, IN, 6);
	fill(&w, DATA + BLK_SECTOR, NOTHING, 1);
	assert_int_equal(offer(w.m, &w.q, virtq_driver_chain(&w.q, last, 2)), BLK_SECTOR + 1);
	assert_data(&w, DATA, 6, BLK_SECTOR);
	assert_int_equal(gmem_read(w.m->env.mem, DATA + BLK_SECTOR, &b, 1), 0);
	assert_int_equal(b, OK);
	end(&w);
}

static void ranges_beyond_the_disk(void **state)
{
	static const struct {
		uint64_t sector;
		uint32_t len;
	} bad[] = {
		{DISK / BLK_SECTOR, BLK_SECTOR},
		{DISK / BLK_SECTOR - 1, 2 * BLK_SECTOR},
		{UINT64_MAX, BLK_SECTOR},
		{1ull << 55, BLK_SECTOR},	 /* * 512 wraps to 0 */
		{UINT64_MAX / BLK_SECTOR, 1024}, /* the end wraps */
		{0, 511},
		{0, 1},
	};
	struct world w = {0};

	begin(&w, *state, "virtio-blk", F_BLOCK);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		fill(&w, DATA, NOTHING, 8);
		/* The data was not stored, so the status does not count (2.7.8.2). */
		assert_int_equal(request(&w, IN, bad[i].sector, bad[i].len), 0);
		assert_int_equal(status(&w), IOERR);
		assert_data(&w, DATA, NOTHING, bad[i].len < 8 ? 1 : 8);
		assert_int_equal(request(&w, OUT, bad[i].sector, bad[i].len), 1);
		assert_int_equal(status(&w), IOERR);
	}
	assert_int_equal(w.spy.writes, 0);
	for (unsigned i = 0; i < DISK / BLK_SECTOR; i += 64)
		assert_sector(&w, i, (uint8_t)i);
	/* Nothing at the very end is something that lies on the disk. */
	assert_int_equal(request(&w, IN, DISK / BLK_SECTOR, 0), 1);
	assert_int_equal(status(&w), OK);
	end(&w);
}

/* A chain that names the same memory again and again is no way to make the device move gigabytes. */
static void too_much(void **state)
{
	struct virtq_buf b[40] = {{HEADER, 16, false}};
	struct world w = {0};

	begin(&w, *state, "virtio-blk", F_BLOCK);
	blk_close(w.spy.below);
	assert_int_equal(blk_mem_new(&w.spy.below, 64 << 20, NULL), 0);
	w.spy.blk.size = 64 << 20;
	for (unsigned i = 1; i < 39; i++)
		b[i] = (struct virtq_buf){0x80000, 0x80000, true};
	b[39] = (struct virtq_buf){STATUS_, 1, true};
	put_header(&w, IN, 0);
	assert_int_equal(offer(w.m, &w.q, virtq_driver_chain(&w.q, b, 40)), 0);
	assert_int_equal(status(&w), IOERR);
	end(&w);
}

static void no_room_for_a_status(void **state)
{
	struct virtq_buf header[] = {{HEADER, 16, false}, {DATA, BLK_SECTOR, false}};
	struct virtq_buf only_status[] = {{STATUS_, 1, true}};
	struct virtq_buf half[] = {{HEADER, 15, false}, {STATUS_, 1, true}};
	struct virtq_buf wild[] = {
		{HEADER, 16, false}, {1ull << 40, BLK_SECTOR, true}, {STATUS_, 1, true}};
	struct world w = {0};

	begin(&w, *state, "virtio-blk", F_BLOCK);
	put_header(&w, OUT, 0);
	assert_int_equal(offer(w.m, &w.q, virtq_driver_chain(&w.q, header, 2)), 0);
	assert_int_equal(w.spy.writes, 0);
	assert_int_equal(status(&w), NOTHING);
	put_header(&w, IN, 0);
	assert_int_equal(offer(w.m, &w.q, virtq_driver_chain(&w.q, wild, 3)), 0);
	assert_int_equal(status(&w), NOTHING);
	assert_int_equal(offer(w.m, &w.q, virtq_driver_chain(&w.q, only_status, 1)), 1);
	assert_int_equal(status(&w), IOERR);
	put_header(&w, T_FLUSH, 0);
	assert_int_equal(offer(w.m, &w.q, virtq_driver_chain(&w.q, half, 2)), 1);
	assert_int_equal(status(&w), IOERR);
	assert_int_equal(w.spy.flushes, 0);
	/* The device is well. */
	assert_int_equal(rd(w.m, STATUS), UP);
	assert_int_equal(request(&w, IN, 1, BLK_SECTOR), BLK_SECTOR + 1);
	end(&w);
}

static void get_id(void **state)
{
	struct world w = {0};
	char id[20];

	begin(&w, *state, "virtio-blk", 0);
	assert_int_equal(request(&w, ID, 0, 20), 21);
	assert_int_equal(status(&w), OK);
	assert_int_equal(gmem_read(w.m->env.mem, DATA, id, 20), 0);
	assert_memory_equal(id, "vise-disk-0\0\0\0\0\0\0\0\0\0", 20);
	/* Room for less, and for more: the rest stays as it is, and the status is not counted. */
	assert_int_equal(request(&w, ID, 0, 4), 5);
	fill(&w, DATA, NOTHING, 40);
	assert_int_equal(request(&w, ID, 0, 40), 20);
	assert_int_equal(status(&w), OK);
	assert_data(&w, DATA + 20, NOTHING, 20);
	assert_int_equal(request(&w, 2, 0, 0), 1);
	assert_int_equal(status(&w), UNSUPP);
	assert_int_equal(request(&w, UINT32_MAX, 0, BLK_SECTOR), 1);
	assert_int_equal(status(&w), UNSUPP);
	end(&w);
}

/* 5.2.6.2: with a cache the driver flushes; without, each write is flushed. */
static void flush_and_cache(void **state)
{
	struct world w = {0};

	begin(&w, *state, "virtio-blk", F_BLOCK);
	assert_int_equal(mmio_r(w.m, BASE + VIRTIO_MMIO_CONFIG + 32, 1), 1);
	request(&w, OUT, 0, BLK_SECTOR);
	assert_int_equal(w.spy.flushes, 0);
	assert_int_equal(request(&w, T_FLUSH, 0, 0), 1);
	assert_int_equal(status(&w), OK);
	assert_int_equal(w.spy.flushes, 1);
	/* Switching the cache off writes back what is in it. */
	mmio_w(w.m, BASE + VIRTIO_MMIO_CONFIG + 32, 1, 0);
	assert_int_equal(w.spy.flushes, 2);
	request(&w, OUT, 0, BLK_SECTOR);
	assert_int_equal(w.spy.flushes, 3);
	mmio_w(w.m, BASE + VIRTIO_MMIO_CONFIG + 32, 1, 1);
	request(&w, OUT, 0, BLK_SECTOR);
	assert_int_equal(w.spy.flushes, 3);
	mmio_w(w.m, BASE + VIRTIO_MMIO_CONFIG + 32, 1, 2);
	assert_true(last_is_guest_error(w.m));
	mmio_w(w.m, BASE + VIRTIO_MMIO_CONFIG, 1, 0);
	assert_true(last_is_guest_error(w.m));
	assert_int_equal(mmio_r(w.m, BASE + VIRTIO_MMIO_CONFIG + 32, 1), 1);
	w.spy.fail = -EIO;
	request(&w, T_FLUSH, 0, 0);
	assert_int_equal(status(&w), IOERR);
	w.spy.fail = 0;
	/* A driver that did not take FLUSH. */
	wr(w.m, STATUS, 0);
	bring_up(w.m, &w.q, F_ALL, 64);
	request(&w, OUT, 0, BLK_SECTOR);
	assert_int_equal(w.spy.flushes, 5);
	request(&w, T_FLUSH, 0, 0);
	assert_int_equal(status(&w), UNSUPP);
	mmio_w(w.m, BASE + VIRTIO_MMIO_CONFIG + 32, 1, 0);
	assert_true(last_is_guest_error(w.m));
	end(&w);
}

static uint32_t segments(struct world *w, uint32_t type, unsigned nr, const uint32_t *flags,
			 const uint64_t *sector, const uint32_t *sectors)
{
	uint8_t seg[16];

	for (unsigned i = 0; i < nr; i++) {
		st_le64(seg, sector[i]);
		st_le32(&seg[8], sectors[i]);
		st_le32(&seg[12], flags[i]);
		assert_int_equal(gmem_write(w->m->env.mem, DATA + 16 * i, seg, 16), 0);
	}
	return request(w, type, 0, 16 * nr);
}

static void discard_and_zeroes(void **state)
{
	struct world w = {0};
	const uint64_t at[2] = {4, 100}, beyond[2] = {4, DISK / BLK_SECTOR},
		       wraps[1] = {1ull << 55};
	const uint32_t n[2] = {2, 1}, none[2] = {0, 0}, unmap[2] = {0, 1}, odd[2] = {0, 2},
		       huge[1] = {8193};

	begin(&w, *state, "virtio-blk", F_BLOCK);
	assert_int_equal(segments(&w, T_ZEROES, 2, unmap, at, n), 1);
	assert_int_equal(status(&w), OK);
	assert_sector(&w, 3, 3);
	assert_sector(&w, 4, 0);
	assert_sector(&w, 5, 0);
	assert_sector(&w, 6, 6);
	assert_sector(&w, 100, 0);
	segments(&w, T_DISCARD, 1, none, &at[1], n);
	assert_int_equal(status(&w), OK);
	/* Nothing is done when one of them is wrong. */
	request(&w, OUT, 4, 2 * BLK_SECTOR);
	segments(&w, T_ZEROES, 2, none, beyond, n);
	assert_int_equal(status(&w), IOERR);
	segments(&w, T_ZEROES, 2, odd, at, n);
	assert_int_equal(status(&w), UNSUPP);
	segments(&w, T_DISCARD, 2, unmap, at, n);
	assert_int_equal(status(&w), UNSUPP);
	segments(&w, T_ZEROES, 1, none, wraps, n);
	assert_int_equal(status(&w), IOERR);
	segments(&w, T_ZEROES, 1, none, at, huge);
	assert_int_equal(status(&w), IOERR);
	request(&w, T_ZEROES, 0, 0);
	assert_int_equal(status(&w), IOERR);
	request(&w, T_ZEROES, 0, 15);
	assert_int_equal(status(&w), IOERR);
	request(&w, T_ZEROES, 0, 9 * 16);
	assert_int_equal(status(&w), IOERR);
	request(&w, IN, 6, BLK_SECTOR);
	assert_data(&w, DATA, 6, BLK_SECTOR);
	wr(w.m, STATUS, 0);
	bring_up(w.m, &w.q, F_ALL, 64);
	segments(&w, T_ZEROES, 1, none, at, n);
	assert_int_equal(status(&w), UNSUPP);
	segments(&w, T_DISCARD, 1, none, at, n);
	assert_int_equal(status(&w), UNSUPP);
	end(&w);
}

static void read_only_disk(void **state)
{
	struct world w = {0};
	uint64_t at = 0;
	uint32_t one = 1, none = 0;

	w.spy.blk.read_only = true;
	begin(&w, *state, "virtio-blk", F(RO) | F(FLUSH));
	wr(w.m, DEVICE_FEATURES_SEL, 0);
	assert_int_equal(rd(w.m, DEVICE_FEATURES) & (F(DISCARD) | F(ZEROES) | F(RO)), F(RO));
	request(&w, IN, 2, BLK_SECTOR);
	assert_int_equal(status(&w), OK);
	request(&w, OUT, 2, BLK_SECTOR);
	assert_int_equal(status(&w), IOERR);
	assert_int_equal(w.spy.writes, 0);
	segments(&w, T_DISCARD, 1, &none, &at, &one);
	assert_int_equal(status(&w), UNSUPP);
	request(&w, T_FLUSH, 0, 0);
	assert_int_equal(status(&w), OK);
	end(&w);
}

static void host_errors(void **state)
{
	struct world w = {0};
	uint64_t failed[4];

	begin(&w, *state, "virtio-blk", F_BLOCK);
	w.spy.fail = -ENOSPC;
	assert_int_equal(request(&w, OUT, 2, BLK_SECTOR), 1);
	assert_int_equal(status(&w), IOERR);
	assert_int_equal(request(&w, IN, 2, BLK_SECTOR), 0);
	assert_int_equal(status(&w), IOERR);
	end(&w);
	/* The option errors: some, and always the same ones for a seed. */
	for (unsigned i = 0; i < 4; i++) {
		((struct machine *)*state)->env.seed = i == 3 ? 2 : 1;
		if (i != 1) {
			w = (struct world){0};
			begin(&w, *state, "virtio-blk,errors=4", F_BLOCK);
		}
		failed[i] = 0;
		for (unsigned k = 0; k < 64; k++) {
			request(&w, IN, 2, BLK_SECTOR);
			failed[i] = failed[i] << 1 | (status(&w) == IOERR);
		}
		wr(w.m, STATUS, 0);
		if (i)
			end(&w);
		else
			bring_up(w.m, &w.q, F_ALL, 64);
	}
	assert_true(failed[0] && ~failed[0]);
	assert_true(failed[1] == failed[0]);
	assert_true(failed[2] == failed[0]);
	assert_true(failed[3] != failed[0]);
}

/* 5.2.4 */
static void configuration(void **state)
{
	struct machine *m = *state;
	struct world w = {0};
	uint64_t c = BASE + VIRTIO_MMIO_CONFIG;
	struct err err = {0};
	struct dev *d;

	begin(&w, m, "virtio-blk,queues=3", F_BLOCK | F(MQ));
	assert_int_equal(rd(m, DEVICE_ID), 2);
	assert_int_equal(mmio_r(m, c, 8), DISK / BLK_SECTOR);
	assert_int_equal(mmio_r(m, c + 12, 4), 254);
	assert_int_equal(mmio_r(m, c + 20, 4), 512);
	assert_int_equal(mmio_r(m, c + 24, 1), 3);
	assert_int_equal(mmio_r(m, c + 26, 2), 8);
	assert_int_equal(mmio_r(m, c + 28, 4), 128);
	assert_int_equal(mmio_r(m, c + 34, 2), 3);
	assert_int_equal(mmio_r(m, c + 36, 4), 8192);
	assert_int_equal(mmio_r(m, c + 40, 4), 8);
	assert_int_equal(mmio_r(m, c + 44, 4), 1);
	assert_int_equal(mmio_r(m, c + 48, 4), 8192);
	assert_int_equal(mmio_r(m, c + 52, 4), 8);
	assert_int_equal(mmio_r(m, c + 56, 1), 1);
	assert_int_equal(mmio_r(m, c + 57, 1), 0);
	/* As many queues as it says. */
	wr(m, QUEUE_SEL, 2);
	assert_int_equal(rd(m, QUEUE_NUM_MAX), 256);
	wr(m, QUEUE_SEL, 3);
	assert_int_equal(rd(m, QUEUE_NUM_MAX), 0);
	wr(m, QUEUE_NOTIFY, 3);
	assert_true(last_is_guest_error(m));
	assert_int_equal(dev_new(&d, "virtio-blk,disk=1", &m->env, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "no disk 1"));
	end(&w);
}

/* ---- in flight ----------------------------------------------------------------------------------- */

#define DELAY 1000u

/* Reads of sector 1, 2, 3, ... each to a page and with a status of its own. */
static void start(struct world *w, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		struct virtq_buf b[3] = {{HEADER + 16 * i, 16, false},
					 {DATA + 0x1000 * i, BLK_SECTOR, true},
					 {STATUS_ + i, 1, true}};
		uint8_t h[16] = {0};

		st_le64(&h[8], i + 1);
		assert_int_equal(gmem_write(w->m->env.mem, HEADER + 16 * i, h, 16), 0);
		virtq_driver_offer(&w->q, (uint16_t)virtq_driver_chain(&w->q, b, 3));
	}
	virtq_driver_publish(&w->q);
	wr(w->m, QUEUE_NOTIFY, 0);
}

static uint64_t order(struct world *w, unsigned nr)
{
	uint64_t seen = 0;
	uint32_t id, len;

	for (unsigned i = 0; i < nr; i++) {
		assert_true(virtq_driver_used(&w->q, &id, &len));
		assert_int_equal(len, BLK_SECTOR + 1);
		seen = seen << 6 | id / 3;
	}
	assert_false(virtq_driver_used(&w->q, &id, &len));
	return seen;
}

static void late_in_an_order_of_the_seed(void **state)
{
	struct world w = {0};
	uint64_t first = 0;
	uint32_t id, len;

	for (unsigned i = 0; i < 3; i++) {
		uint64_t seen;

		((struct machine *)*state)->env.seed = i == 2 ? 99 : 1;
		w = (struct world){0};
		begin(&w, *state, "virtio-blk,delay=1000", F_BLOCK);
		start(&w, 8);
		assert_false(virtq_driver_used(&w.q, &id, &len));
		clock_advance(&w.m->clock, DELAY / 2 - 1);
		assert_false(virtq_driver_used(&w.q, &id, &len));
		assert_int_equal(w.m->lines, 0);
		clock_advance(&w.m->clock, DELAY + 1);
		assert_int_equal(w.m->lines, LINE);
		seen = order(&w, 8);
		if (!i)
			first = seen;
		else
			assert_int_equal(seen == first, i == 1);
		assert_int_equal(clock_next(&w.m->clock), CLOCK_NEVER);
		wr(w.m, INTERRUPT_ACK, 1);
		end(&w);
	}
	assert_int_not_equal(first, 0x1083105187); /* 0, 1, 2, ... would be no order of a seed's */
}

/* More than there is room for come at once rather than never. */
static void many_in_flight(void **state)
{
	struct world w = {0};
	uint32_t id, len;
	unsigned n = 0;

	begin(&w, *state, "virtio-blk,delay=1000", F_BLOCK);
	for (unsigned i = 0; i < VIRTIO_LATE + 5; i++) {
		struct virtq_buf b[] = {{HEADER, 16, false}, {STATUS_, 1, true}};

		put_header(&w, T_FLUSH, 0);
		virtq_driver_offer(&w.q,
				   (uint16_t)virtq_driver_indirect(&w.q, TABLE + 64 * i, b, 2));
	}
	virtq_driver_publish(&w.q);
	wr(w.m, QUEUE_NOTIFY, 0);
	while (virtq_driver_used(&w.q, &id, &len))
		n++;
	assert_int_equal(n, 5);
	clock_advance(&w.m->clock, 2 * DELAY);
	while (virtq_driver_used(&w.q, &id, &len))
		n++;
	assert_int_equal(n, VIRTIO_LATE + 5);
	end(&w);
}

static void reset_in_flight(void **state)
{
	struct world w = {0};
	uint64_t fresh;
	uint32_t id, len;

	begin(&w, *state, "virtio-blk,delay=1000", F_BLOCK);
	wr(w.m, STATUS, 0);
	fresh = dev_hash(w.d, 0);
	bring_up(w.m, &w.q, F_ALL, 64);
	start(&w, 4);
	wr(w.m, STATUS, 0);
	assert_true(dev_hash(w.d, 0) == fresh);
	assert_int_equal(clock_next(&w.m->clock), CLOCK_NEVER);
	/* The driver starts anew, with the same rings: nothing old comes. */
	bring_up(w.m, &w.q, F_ALL, 64);
	clock_advance(&w.m->clock, 2 * DELAY);
	assert_false(virtq_driver_used(&w.q, &id, &len));
	assert_int_equal(w.m->lines, 0);
	/* The same by taking the queue back. */
	start(&w, 4);
	wr(w.m, QUEUE_SEL, 0);
	wr(w.m, QUEUE_READY, 0);
	clock_advance(&w.m->clock, 2 * DELAY);
	assert_false(virtq_driver_used(&w.q, &id, &len));
	assert_int_equal(rd(w.m, STATUS), UP);
	end(&w);
}

static void saved_in_flight(void **state)
{
	struct world w = {0};
	struct buf saved = {0};
	struct virtq_driver q;
	uint64_t first;
	size_t used;

	begin(&w, *state, "virtio-blk,delay=1000", F_BLOCK);
	start(&w, 6);
	assert_int_equal(dev_save(w.d, &saved), 0);
	q = w.q;
	clock_advance(&w.m->clock, 2 * DELAY);
	first = order(&w, 6);
	/* Back: the driver's side is its memory, of which the used ring's index is enough here. */
	dev_reset(w.d);
	w.q = q;
	assert_int_equal(gmem_write(w.m->env.mem, q.used + 2, "\0\0", 2), 0);
	assert_int_equal(dev_load(w.d, saved.p, saved.len, &used, NULL), 0);
	clock_advance(&w.m->clock, 2 * DELAY);
	assert_true(order(&w, 6) == first);
	buf_free(&saved);
	end(&w);
}

/* The same device over a packed ring, its completions late and out of order. */
static void packed_ring(void **state)
{
	struct world w = {0};
	struct virtq_pdriver *q = calloc(1, sizeof(*q));
	struct machine *m = *state;
	uint64_t seen = 0;
	uint32_t len;
	uint16_t id;

	assert_non_null(q);
	begin(&w, m, "virtio-blk,packed=1,delay=1000", F_BLOCK);
	wr(m, STATUS, 0);
	assert_int_equal(virtq_pdriver_init(q, m->env.mem, 20, RINGS, true), 0);
	accept_features(m, F_ALL | F_BLOCK | 1ull << VIRTIO_F_RING_PACKED);
	assert_int_equal(rd(m, STATUS), ACK_DRIVER | VIRTIO_S_FEATURES_OK);
	tell_queue(m, &(struct virtq_driver){
			      .num = 20, .desc = q->desc, .avail = q->avail, .used = q->used});
	wr(m, QUEUE_READY, 1);
	assert_int_equal(rd(m, QUEUE_READY), 1);
	wr(m, STATUS, UP);
	for (unsigned turn = 0; turn < 3; turn++) {
		uint16_t at = (uint16_t)(q->used_idx | (q->used_wrap ? VIRTQ_EVENT_WRAP : 0));

		virtq_pdriver_event(q, at, VIRTQ_EVENT_DESC);
		for (unsigned i = 0; i < 6; i++) {
			struct virtq_buf b[3] = {{HEADER + 16 * i, 16, false},
						 {DATA + 0x1000 * i, BLK_SECTOR, true},
						 {STATUS_ + i, 1, true}};
			uint8_t h[16] = {0};

			st_le64(&h[8], i + 1);
			assert_int_equal(gmem_write(m->env.mem, HEADER + 16 * i, h, 16), 0);
			assert_int_equal(virtq_pdriver_put(q, b, 3, (uint16_t)(1000 + i)), 0);
		}
		wr(m, QUEUE_NOTIFY, 0);
		assert_false(virtq_pdriver_used(q, &id, &len));
		clock_advance(&m->clock, 2 * DELAY);
		assert_int_equal(m->lines, LINE);
		wr(m, INTERRUPT_ACK, 1);
		for (unsigned i = 0; i < 6; i++) {
			assert_true(virtq_pdriver_used(q, &id, &len));
			assert_int_equal(len, BLK_SECTOR + 1);
			seen |= 1ull << (id - 1000 + 8 * turn);
			assert_data(&w, DATA + 0x1000u * (id - 1000u), (uint8_t)(id - 999), 8);
		}
		assert_false(virtq_pdriver_used(q, &id, &len));
	}
	assert_int_equal(seen, 0x3f3f3f);
	free(q);
	end(&w);
}

/* What was saved must be of requests that are in flight. */
static void bad_saved_completions(void **state)
{
	struct world w = {0};
	struct buf saved = {0};
	struct virtio *v;
	struct err err = {0};
	uint64_t hash;
	size_t used;

	begin(&w, *state, "virtio-blk,delay=1000", F_BLOCK);
	start(&w, 3);
	v = container_of(w.d, struct virtio, dev);
	hash = dev_hash(w.d, 0);
	for (unsigned i = 0; i < 8; i++) {
		struct virtio *was = malloc(sizeof(*was));

		assert_non_null(was);
		memcpy(was, v, sizeof(*was));
		switch (i) {
		case 0:
			v->nr_late = VIRTIO_LATE + 1;
			break;
		case 1:
			v->late[1].head = v->late[0].head;
			break;
		case 2:
			v->late[1].head = 63;
			break;
		case 3:
			v->late[1].head = 64;
			break;
		case 4:
			v->late[1].slots = 2;
			break;
		case 5:
			v->late[1].slots = 0;
			break;
		case 6:
			v->late[2].queue = 1;
			break;
		default:
			v->late[0].due = v->late[2].due + 1;
			break;
		}
		saved.len = 0;
		assert_int_equal(dev_save(w.d, &saved), 0);
		memcpy(v, was, sizeof(*was));
		free(was);
		assert_int_equal(dev_load(w.d, saved.p, saved.len, &used, &err), -EINVAL);
		assert_non_null(strstr(err.msg, i ? "completion" : "virtio"));
		assert_true(dev_hash(w.d, 0) == hash);
	}
	clock_advance(&w.m->clock, 2 * DELAY);
	(void)order(&w, 3);
	buf_free(&saved);
	end(&w);
}

/* ---- limits ---------------------------------------------------------------------------------------- */

/* Reads of a sector each, as many as (n), offered at once. */
static void offer_reads(struct world *w, unsigned n)
{
	put_header(w, IN, 1);
	for (unsigned i = 0; i < n; i++) {
		struct virtq_buf b[3] = {
			{HEADER, 16, false}, {DATA + i * 512, 512, true}, {STATUS_ + i, 1, true}};
		int head = virtq_driver_chain(&w->q, b, 3);

		assert_true(head >= 0);
		virtq_driver_offer(&w->q, (uint16_t)head);
	}
	virtq_driver_publish(&w->q);
	wr(w->m, QUEUE_NOTIFY, 0);
}

static unsigned come_back(struct world *w)
{
	uint32_t id, len;
	unsigned n = 0;

	while (virtq_driver_used(&w->q, &id, &len))
		n++;
	return n;
}

static void operations_are_limited(void **state)
{
	struct world w = {0};

	begin(&w, *state, "virtio-blk,iops=20,burst_ops=3", F_BLOCK);
	offer_reads(&w, 10);
	/* The burst, and a tenth of a second's. */
	assert_int_equal(come_back(&w), 5);
	assert_int_equal(clock_advance(&w.m->clock, 49999999), 0);
	assert_int_equal(come_back(&w), 0);
	wr(w.m, QUEUE_NOTIFY, 0); /* ringing again is no way around it */
	assert_int_equal(come_back(&w), 0);
	assert_int_equal(clock_advance(&w.m->clock, 1), 0);
	assert_int_equal(come_back(&w), 1);
	wr(w.m, INTERRUPT_ACK, 1);
	virtq_driver_suppress(&w.q, false, w.q.used_idx);
	assert_int_equal(clock_advance(&w.m->clock, 100000000), 0);
	assert_int_equal(come_back(&w), 2);
	assert_int_equal(rd(w.m, INTERRUPT_STATUS), 1);
	assert_int_equal(clock_advance(&w.m->clock, 1000000000), 0);
	assert_int_equal(come_back(&w), 2);
	end(&w);
}

static void bytes_are_limited(void **state)
{
	struct world w = {0};

	begin(&w, *state, "virtio-blk,bps=5120", F_BLOCK); /* a sector each 100 ms */
	offer_reads(&w, 4);
	assert_int_equal(come_back(&w), 1);
	for (unsigned i = 0; i < 3; i++) {
		/* One token is enough to begin, and what the last one took too much is paid first. */
		assert_int_equal(clock_advance(&w.m->clock, 100000000), 0);
		assert_int_equal(come_back(&w), 1);
	}
	end(&w);
}

static void waiting_requests_are_taken_back(void **state)
{
	for (unsigned how = 0; how < 4; how++) {
		struct world w = {0};

		begin(&w, *state, "virtio-blk,iops=10", F_BLOCK | F_BIT(VIRTIO_F_RING_RESET));
		offer_reads(&w, 5);
		assert_int_equal(come_back(&w), 1);
		wr(w.m, QUEUE_SEL, 0);
		if (how == 1)
			wr(w.m, QUEUE_READY, 0);
		else if (how == 2)
			wr(w.m, QUEUE_RESET, 1);
		else if (how == 3)
			wr(w.m, STATUS, 0);
		assert_int_equal(clock_advance(&w.m->clock, 10000000000), 0);
		assert_int_equal(come_back(&w), how ? 0 : 4);
		end(&w);
	}
}

static void limits_are_saved(void **state)
{
	struct buf saved = {0};
	struct world w = {0};
	struct err err;
	size_t used;

	begin(&w, *state, "virtio-blk,iops=10,bps=1M", F_BLOCK);
	offer_reads(&w, 5);
	assert_int_equal(come_back(&w), 1);
	assert_int_equal(clock_advance(&w.m->clock, 30000000), 0);
	assert_int_equal(dev_save(w.d, &saved), 0);
	dev_free(w.d);
	w.d = machine_add(w.m, "virtio-blk,iops=10,bps=1M");
	assert_int_equal(dev_load(w.d, saved.p, saved.len, &used, NULL), 0);
	assert_int_equal(clock_advance(&w.m->clock, 69999999), 0);
	assert_int_equal(come_back(&w), 0);
	assert_int_equal(clock_advance(&w.m->clock, 1), 0);
	assert_int_equal(come_back(&w), 1);
	/* The same with fewer tokens than were saved: no bucket comes to that. */
	dev_free(w.d);
	w.d = machine_add(w.m, "virtio-blk,iops=10,bps=1K");
	assert_int_equal(dev_load(w.d, saved.p, saved.len, &used, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "no bucket"));
	buf_free(&saved);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(reads_and_writes),	      machine_test(any_framing),
		machine_test(ranges_beyond_the_disk), machine_test(too_much),
		machine_test(no_room_for_a_status),   machine_test(get_id),
		machine_test(flush_and_cache),	      machine_test(discard_and_zeroes),
		machine_test(read_only_disk),	      machine_test(host_errors),
		machine_test(configuration),	      machine_test(late_in_an_order_of_the_seed),
		machine_test(many_in_flight),	      machine_test(reset_in_flight),
		machine_test(saved_in_flight),	      machine_test(packed_ring),
		machine_test(bad_saved_completions),  machine_test(operations_are_limited),
		machine_test(bytes_are_limited),      machine_test(waiting_requests_are_taken_back),
		machine_test(limits_are_saved),
	};

	return cmocka_run_group_tests_name("virtio-blk", tests, NULL, NULL);
}
