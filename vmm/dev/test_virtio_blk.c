/* SPDX-License-Identifier: MIT */
/* virtio-blk (virtio 1.2 section 5.2): requests good and bad, the configuration. */
#include "test_virtio_blk.h"

#include <errno.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(reads_and_writes),	      machine_test(any_framing),
		machine_test(ranges_beyond_the_disk), machine_test(too_much),
		machine_test(no_room_for_a_status),   machine_test(get_id),
		machine_test(flush_and_cache),	      machine_test(discard_and_zeroes),
		machine_test(read_only_disk),	      machine_test(host_errors),
		machine_test(configuration),
	};

	return cmocka_run_group_tests_name("virtio-blk", tests, NULL, NULL);
}
