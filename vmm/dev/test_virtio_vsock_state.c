/* SPDX-License-Identifier: MIT */
/* virtio-vsock: reset, queues taken back, saved and loaded. */
#include "test_vsock.h"

#include <errno.h>

static void resets(void **state)
{
	struct world w;
	uint64_t fresh;
	struct pkt p;

	w.m = *state;
	w.d = machine_add(w.m, "virtio-vsock");
	fresh = dev_hash(w.d, 0);
	drive(&w);
	connect_to(&w, 6, 7);
	connect_to(&w, 8, 9);
	send_data(&w, 6, 7, 99, 0);
	send_op(&w, RW, 7, 7);
	send_shutdown(&w, 8, 9, SHUT_SND);
	assert_true(clock_next(&w.m->clock) != CLOCK_NEVER);
	wr(w.m, STATUS, 0);
	assert_true(dev_hash(w.d, 0) == fresh);
	assert_int_equal(clock_next(&w.m->clock), CLOCK_NEVER);
	drive(&w);
	give(&w, 2);
	assert_true(quiet(&w));
	send_op(&w, RW, 6, 7);
	expect(&w, &p, RST, 6, 7);
	dev_free(w.d);
}

/* A queue that is taken back and given anew: connections are no part of it. */
static void queue_is_taken_back(void **state)
{
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock");
	connect_to(&w, 6, 7);
	give(&w, 3);
	wr(w.m, QUEUE_SEL, QRX);
	wr(w.m, QUEUE_READY, 0);
	send_data(&w, 6, 7, 20, 1);
	queue_up(&w, QRX);
	w.next_rx = 0;
	give(&w, 1);
	expect(&w, &p, RW, 6, 7);
	assert_int_equal(p.len, 20);
	wr(w.m, QUEUE_SEL, QTX);
	wr(w.m, QUEUE_READY, 0);
	give(&w, 1);
	queue_up(&w, QTX);
	send_data(&w, 6, 7, 21, 1);
	expect(&w, &p, RW, 6, 7);
	assert_int_equal(p.len, 21);
	dev_free(w.d);
}

/* A ring that is not kept to: the device says so, whichever queue it is seen on. */
static void broken_queue(void **state)
{
	struct world w;
	uint16_t idx = 1000;

	begin(&w, *state, "virtio-vsock");
	connect_to(&w, 6, 7);
	assert_int_equal(gmem_write(w.m->env.mem, w.q[QRX].avail + 2, &idx, 2), 0);
	send_data(&w, 6, 7, 20, 1);
	assert_true(rd(w.m, STATUS) & VIRTIO_S_NEEDS_RESET);
	assert_true(rd(w.m, INTERRUPT_STATUS) & VIRTIO_INT_CONFIG);
	dev_free(w.d);
}

/* Connections, data, what is owed and deadlines go with a snapshot. */
static void saved_and_loaded(void **state)
{
	struct world w;
	struct buf before, after;
	size_t used;
	struct pkt p;

	begin(&w, *state, "virtio-vsock");
	connect_to(&w, 6, 7);
	connect_to(&w, 8, 9);
	send_data(&w, 6, 7, 20, 1);
	send_op(&w, RW, 60, 7);
	send_shutdown(&w, 8, 9, SHUT_SND);
	save(w.d, &before);
	dev_reset(w.d);
	assert_int_equal(dev_load(w.d, before.p, before.len, &used, NULL), 0);
	save(w.d, &after);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.p, after.p, before.len);
	give(&w, 4);
	expect(&w, &p, RST, 60, 7);
	expect(&w, &p, RW, 6, 7);
	assert_int_equal(p.data[19], 20);
	expect(&w, &p, SHUTDOWN, 8, 9);
	assert_true(quiet(&w));
	assert_int_equal(clock_advance(&w.m->clock, CLOSE_NS), 0);
	expect(&w, &p, RST, 8, 9);
	buf_free(&before);
	buf_free(&after);
	dev_free(w.d);
}

/* Packets from the guest that are under way: completed later, or never when it takes them back. */
static void in_flight(void **state)
{
	struct world w;
	struct pkt p = make_pkt(REQUEST, 6, 7);
	uint32_t id, len;
	struct buf b;
	size_t used;

	begin(&w, *state, "virtio-vsock,delay=1000");
	give(&w, 1);
	post(&w, &p);
	assert_false(virtq_driver_used(&w.q[QTX], &id, &len));
	/* The answer may be there before. */
	expect(&w, &p, RESPONSE, 6, 7);
	save(w.d, &b);
	assert_int_equal(dev_load(w.d, b.p, b.len, &used, NULL), 0);
	assert_int_equal(clock_advance(&w.m->clock, 1500), 0);
	assert_true(virtq_driver_used(&w.q[QTX], &id, &len));
	p = make_pkt(CREDIT_UPDATE, 6, 7);
	post(&w, &p);
	wr(w.m, QUEUE_SEL, QTX);
	wr(w.m, QUEUE_READY, 0);
	assert_int_equal(clock_advance(&w.m->clock, 3000), 0);
	assert_false(virtq_driver_used(&w.q[QTX], &id, &len));
	assert_false(empty(&w));
	buf_free(&b);
	dev_free(w.d);
}

static void load_refuses(void **state)
{
	static const struct {
		const char *table, *field;
		unsigned n;
		uint64_t val;
	} bad[] = {
		{"virtio-vsock", "cid", 0, 2},
		{"virtio-vsock", "cid", 0, 0xffffffff},
		{"virtio-vsock", "status", 0, VIRTIO_S_DRIVER_OK},
		{"virtio-vsock", "turn", 0, 16},
		{"virtio-vsock", "nr_replies", 0, 17},
		{"connection", "state", 0, 5},
		{"connection", "state", 1, 3}, /* the same ports as ... */
		{"connection", "service", 0, 4},
		{"connection", "service", 0, 0}, /* a peer that is not there */
		{"connection", "owe", 0, 64},
		{"connection", "owe", 0, 1},
		{"connection", "guest_shut", 0, 4},
		{"connection", "our_shut", 0, 4},
		{"connection", "head", 0, 4096},
		{"connection", "used", 0, 4097},
		{"connection", "used", 2, 1},
	};
	struct world w;
	struct buf b, before, after;
	size_t used;

	begin(&w, *state, "virtio-vsock");
	connect_to(&w, 6, 7);
	save(w.d, &before);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		save(w.d, &b);
		poke_saved(&b, bad[i].table, bad[i].field, bad[i].n, bad[i].val);
		if (bad[i].n == 1) { /* ... of the first */
			poke_saved(&b, "connection", "guest_port", 1, 6);
			poke_saved(&b, "connection", "host_port", 1, 7);
			poke_saved(&b, "connection", "service", 1, 1);
		}
		assert_int_equal(dev_load(w.d, b.p, b.len, &used, NULL), -EINVAL);
		buf_free(&b);
	}
	save(w.d, &after);
	assert_memory_equal(before.p, after.p, before.len);
	buf_free(&before);
	buf_free(&after);
	dev_free(w.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(resets),	    machine_test(queue_is_taken_back),
		machine_test(broken_queue), machine_test(saved_and_loaded),
		machine_test(in_flight),    machine_test(load_refuses),
	};

	return cmocka_run_group_tests_name("virtio-vsock-state", tests, NULL, NULL);
}
