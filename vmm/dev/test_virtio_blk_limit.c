/* SPDX-License-Identifier: MIT */
/* virtio-blk: limits of operations and bytes; what of them is shared with the network is in test_virtio_limit.c. */
#include "test_virtio_blk.h"

#include <errno.h>

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

/* Requests of a sector each, offered at once: a letter each, r, w, f(lush), z(eroes). */
static void offer_all(struct world *w, const char *what)
{
	for (unsigned i = 0; what[i]; i++) {
		const bool in = what[i] == 'r';
		const uint32_t len = what[i] == 'f' ? 0 : what[i] == 'z' ? 16 : 512;
		struct virtq_buf b[3] = {{HEADER + i * 16, 16, false},
					 {DATA + i * 512, len, in},
					 {STATUS_ + i, 1, true}};
		uint8_t h[16] = {0}, seg[16] = {0};
		int head;

		st_le32(h, in ? IN : what[i] == 'w' ? OUT : what[i] == 'f' ? T_FLUSH : T_ZEROES);
		seg[8] = 1;
		assert_int_equal(gmem_write(w->m->env.mem, HEADER + i * 16, h, 16), 0);
		assert_int_equal(gmem_write(w->m->env.mem, DATA + i * 512, seg, 16), 0);
		head = virtq_driver_chain(&w->q, b, 3);
		assert_true(head >= 0);
		virtq_driver_offer(&w->q, (uint16_t)head);
	}
	virtq_driver_publish(&w->q);
	wr(w->m, QUEUE_NOTIFY, 0);
}

static void assert_all_done(struct world *w, unsigned n)
{
	uint8_t s[16];

	assert_int_equal(gmem_read(w->m->env.mem, STATUS_, s, n), 0);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(s[i], OK);
}

#define MS 1000000ull

/* Writes wait for their own tokens, with what is behind them; reads have theirs; a flush none. */
static void directions_are_limited(void **state)
{
	struct world w = {0};

	begin(&w, *state, "virtio-blk,write_iops=10", F_BLOCK);
	offer_all(&w, "rrwrfwrz");
	assert_int_equal(come_back(&w), 5); /* to the second write */
	assert_int_equal(clock_advance(&w.m->clock, 100 * MS - 1), 0);
	assert_int_equal(come_back(&w), 0);
	wr(w.m, QUEUE_NOTIFY, 0);
	assert_int_equal(come_back(&w), 0);
	assert_int_equal(clock_advance(&w.m->clock, 1), 0);
	assert_int_equal(come_back(&w), 2);
	assert_int_equal(clock_advance(&w.m->clock, 100 * MS - 1), 0);
	assert_int_equal(come_back(&w), 0); /* zeroing is a write */
	assert_int_equal(clock_advance(&w.m->clock, 1), 0);
	assert_int_equal(come_back(&w), 1);
	assert_all_done(&w, 8);
	end(&w);

	begin(&w, *state, "virtio-blk,read_iops=10,read_burst_ops=1", F_BLOCK);
	offer_all(&w, "wwrfrwrw");
	assert_int_equal(come_back(&w), 6);
	assert_int_equal(clock_advance(&w.m->clock, 100 * MS), 0);
	assert_int_equal(come_back(&w), 2);
	assert_all_done(&w, 8);
	end(&w);
}

/* Bytes are paid for afterwards: a token is enough to begin. */
static void bytes_of_a_direction(void **state)
{
	struct world w = {0};

	begin(&w, *state, "virtio-blk,read_bps=5120", F_BLOCK);
	offer_all(&w, "rrrw");
	assert_int_equal(come_back(&w), 1);
	assert_int_equal(clock_advance(&w.m->clock, MS), 0);
	assert_int_equal(come_back(&w), 1);
	assert_int_equal(clock_advance(&w.m->clock, 98 * MS), 0);
	assert_int_equal(come_back(&w), 0);
	assert_int_equal(clock_advance(&w.m->clock, 2 * MS), 0);
	assert_int_equal(come_back(&w), 2);
	assert_all_done(&w, 4);
	end(&w);

	/* The burst is the first one's, the bucket half of the second's. */
	begin(&w, *state, "virtio-blk,write_bps=2560,write_burst=512", F_BLOCK);
	offer_all(&w, "wwwr");
	assert_int_equal(come_back(&w), 2);
	assert_int_equal(clock_advance(&w.m->clock, 99 * MS), 0);
	assert_int_equal(come_back(&w), 0);
	assert_int_equal(clock_advance(&w.m->clock, 2 * MS), 0);
	assert_int_equal(come_back(&w), 2);
	assert_all_done(&w, 4);
	end(&w);

	/* The limit over all is there beside them. */
	begin(&w, *state, "virtio-blk,iops=10,read_iops=1000,write_iops=1000", F_BLOCK);
	offer_all(&w, "rwr");
	assert_int_equal(come_back(&w), 1);
	assert_int_equal(clock_advance(&w.m->clock, 100 * MS), 0);
	assert_int_equal(come_back(&w), 1);
	end(&w);
}

/* What is no request is under no direction's limit, and ends as it does without. */
static void malformed_requests_do_not_wait(void **state)
{
	struct virtq_buf shorty[] = {{HEADER, 3, false}, {STATUS_, 1, true}},
			 wild[] = {{1ull << 40, 16, false}, {STATUS_ + 1, 1, true}};
	struct world w = {0};

	begin(&w, *state, "virtio-blk,read_iops=10,write_iops=10", F_BLOCK);
	for (unsigned i = 0; i < 3; i++) {
		virtq_driver_offer(&w.q, (uint16_t)virtq_driver_chain(&w.q, shorty, 2));
		virtq_driver_offer(&w.q, (uint16_t)virtq_driver_chain(&w.q, wild, 2));
	}
	virtq_driver_publish(&w.q);
	wr(w.m, QUEUE_NOTIFY, 0);
	assert_int_equal(come_back(&w), 6);
	assert_int_equal(status(&w), IOERR);
	end(&w);
}

/* Where a write waits, and the tokens of both directions, go with a snapshot; a reset fills them. */
static void directions_are_saved(void **state)
{
	static const char spec[] = "virtio-blk,read_iops=20,write_iops=10";
	struct buf saved = {0};
	struct world w = {0};
	uint64_t fresh, then;
	struct err err;
	size_t used;

	begin(&w, *state, spec, F_BLOCK);
	offer_all(&w, "wrwr");
	assert_int_equal(come_back(&w), 2);
	assert_int_equal(clock_advance(&w.m->clock, 30 * MS), 0);
	assert_int_equal(dev_save(w.d, &saved), 0);
	then = dev_hash(w.d, 0);
	dev_free(w.d);
	w.d = machine_add(w.m, spec);
	fresh = dev_hash(w.d, 0);
	assert_int_equal(dev_load(w.d, saved.p, saved.len, &used, NULL), 0);
	assert_true(dev_hash(w.d, 0) == then);
	assert_int_equal(clock_advance(&w.m->clock, 70 * MS - 1), 0);
	assert_int_equal(come_back(&w), 0);
	assert_int_equal(clock_advance(&w.m->clock, 1), 0);
	assert_int_equal(come_back(&w), 2);
	wr(w.m, STATUS, 0);
	assert_true(dev_hash(w.d, 0) == fresh);
	/* Other limits have other state. */
	dev_free(w.d);
	w.d = machine_add(w.m, "virtio-blk,write_iops=10");
	assert_int_equal(dev_load(w.d, saved.p, saved.len, &used, &err), -EINVAL);
	buf_free(&saved);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(operations_are_limited),	       machine_test(bytes_are_limited),
		machine_test(waiting_requests_are_taken_back), machine_test(limits_are_saved),
		machine_test(directions_are_limited),	       machine_test(bytes_of_a_direction),
		machine_test(malformed_requests_do_not_wait),  machine_test(directions_are_saved),
	};

	return cmocka_run_group_tests_name("virtio-blk-limit", tests, NULL, NULL);
}
