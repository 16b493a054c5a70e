/* SPDX-License-Identifier: MIT */
/* Limits of the network device, each direction by itself; the block device's are in test_virtio_blk.c. */
#include "test_virtio.h"

#include <errno.h>

#define FRAME	  60u
#define HEADER	  12u
#define TX_RINGS  0x14000u
#define MS	  1000000ull
#define RX_BUFFER 0x200u

struct world {
	struct machine *m;
	struct dev *d;
	struct virtq_driver rx, tx;
};

static void begin(struct world *w, void **state, const char *spec)
{
	w->m = *state;
	w->d = machine_add(w->m, spec);
	assert_int_equal(virtq_driver_init(&w->rx, w->m->env.mem, 32, RINGS, false), 0);
	assert_int_equal(virtq_driver_init(&w->tx, w->m->env.mem, 32, TX_RINGS, false), 0);
	accept_features(w->m, F_BIT(VIRTIO_F_VERSION_1));
	tell_queue_n(w->m, 0, &w->rx);
	wr(w->m, QUEUE_READY, 1);
	tell_queue_n(w->m, 1, &w->tx);
	wr(w->m, QUEUE_READY, 1);
	wr(w->m, STATUS, UP);
	assert_int_equal(rd(w->m, STATUS), UP);
}

static void put(struct virtq_driver *q, uint64_t gpa, uint32_t len, bool write)
{
	int head = virtq_driver_chain(q, &(struct virtq_buf){gpa, len, write}, 1);

	assert_true(head >= 0);
	virtq_driver_offer(q, (uint16_t)head);
	virtq_driver_publish(q);
}

/* Buffers for what comes in, then as many frames out, which the network sends back. */
static void send(struct world *w, unsigned n)
{
	uint8_t f[HEADER + FRAME] = {0};

	memset(f + HEADER, 0xff, 6);
	for (unsigned i = 0; i < n; i++)
		put(&w->rx, BUFS + i * RX_BUFFER, RX_BUFFER, true);
	wr(w->m, QUEUE_NOTIFY, 0);
	assert_int_equal(gmem_write(w->m->env.mem, TABLE, f, sizeof(f)), 0);
	for (unsigned i = 0; i < n; i++)
		put(&w->tx, TABLE, sizeof(f), false);
	wr(w->m, QUEUE_NOTIFY, 1);
}

static unsigned back(struct virtq_driver *q)
{
	uint32_t id, len;
	unsigned n = 0;

	while (virtq_driver_used(q, &id, &len))
		n++;
	return n;
}

static void frames_out_are_limited(void **state)
{
	struct world w;

	begin(&w, state, "virtio-net,tx_pps=10");
	send(&w, 4);
	assert_int_equal(back(&w.tx), 1);
	assert_int_equal(back(&w.rx), 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(clock_advance(&w.m->clock, 100 * MS - 1), 0);
		assert_int_equal(back(&w.tx), 0);
		assert_int_equal(clock_advance(&w.m->clock, 1), 0);
		assert_int_equal(back(&w.tx), 1);
		assert_int_equal(back(&w.rx), 1);
	}
	assert_int_equal(clock_advance(&w.m->clock, 1000 * MS), 0);
	assert_int_equal(back(&w.tx), 0);
	dev_free(w.d);
}

static void frames_in_are_limited(void **state)
{
	struct world w;

	begin(&w, state, "virtio-net,rx_pps=10");
	send(&w, 4);
	assert_int_equal(back(&w.tx), 4);
	assert_int_equal(back(&w.rx), 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(clock_advance(&w.m->clock, 100 * MS - 1), 0);
		assert_int_equal(back(&w.rx), 0);
		assert_int_equal(clock_advance(&w.m->clock, 1), 0);
		assert_int_equal(back(&w.rx), 1);
	}
	dev_free(w.d);
}

static void bytes_are_limited_each_way(void **state)
{
	struct world w;

	/* Out: with their headers, a frame's bytes each 100 ms; in: twice as fast. */
	begin(&w, state, "virtio-net,tx_bps=720,rx_bps=1200,tx_burst=72");
	send(&w, 6);
	assert_int_equal(back(&w.tx), 2); /* the burst is the first one's */
	assert_int_equal(clock_advance(&w.m->clock, 1000 * MS), 0);
	assert_true(back(&w.tx) >= 3);
	assert_int_equal(clock_advance(&w.m->clock, 10000 * MS), 0);
	assert_int_equal(back(&w.rx), 6);
	dev_free(w.d);
}

static void limits_are_saved_and_reset(void **state)
{
	struct buf saved = {0};
	struct world w;
	uint64_t fresh;
	size_t used;

	begin(&w, state, "virtio-net,tx_pps=10,rx_pps=20");
	send(&w, 4);
	assert_int_equal(clock_advance(&w.m->clock, 30 * MS), 0);
	assert_int_equal(dev_save(w.d, &saved), 0);
	assert_int_equal(back(&w.tx), 1);
	dev_free(w.d);
	w.d = machine_add(w.m, "virtio-net,tx_pps=10,rx_pps=20");
	fresh = dev_hash(w.d, 0);
	assert_int_equal(dev_load(w.d, saved.p, saved.len, &used, NULL), 0);
	assert_int_equal(clock_advance(&w.m->clock, 70 * MS - 1), 0);
	assert_int_equal(back(&w.tx), 0);
	assert_int_equal(clock_advance(&w.m->clock, 1), 0);
	assert_int_equal(back(&w.tx), 1);
	/* A reset leaves nothing of it, and no timer. */
	wr(w.m, STATUS, 0);
	assert_int_equal(dev_hash(w.d, 0), fresh);
	assert_int_equal(clock_advance(&w.m->clock, 1000 * MS), 0);
	assert_int_equal(back(&w.tx), 0);
	buf_free(&saved);
	dev_free(w.d);
}

/* The transport keeps it from RAM just then: it looks again later. */
static void a_stopped_device_goes_on_later(void **state)
{
	struct world w;

	begin(&w, state, "virtio-net,tx_pps=10");
	send(&w, 2);
	assert_int_equal(back(&w.tx), 1);
	virtio_stop(container_of(w.d, struct virtio, dev), true);
	assert_int_equal(clock_advance(&w.m->clock, 500 * MS), 0);
	assert_int_equal(back(&w.tx), 0);
	virtio_stop(container_of(w.d, struct virtio, dev), false);
	assert_int_equal(clock_advance(&w.m->clock, 2 * MS), 0);
	assert_int_equal(back(&w.tx), 1);
	dev_free(w.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(frames_out_are_limited),
		machine_test(frames_in_are_limited),
		machine_test(bytes_are_limited_each_way),
		machine_test(limits_are_saved_and_reset),
		machine_test(a_stopped_device_goes_on_later),
	};

	return cmocka_run_group_tests_name("virtio_limit", tests, NULL, NULL);
}
