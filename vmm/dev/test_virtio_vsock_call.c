/* SPDX-License-Identifier: MIT */
/* virtio-vsock: connections that the device asks for, and its events (virtio 1.2, 5.10.6.7). */
#include "test_vsock.h"

#include <errno.h>

static void device_calls(void **state)
{
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock,call=80");
	give(&w, 3);
	expect(&w, &p, REQUEST, 80, 1024);
	assert_int_equal(p.buf_alloc, BUF);
	send_op(&w, RESPONSE, 80, 1024);
	send_data(&w, 80, 1024, 3, 9);
	expect(&w, &p, RW, 80, 1024);
	assert_int_equal(p.data[2], 11);
	send_op(&w, RST, 80, 1024);
	/* Once, until the device is reset. */
	assert_true(quiet(&w));
	assert_true(empty(&w));
	wr(w.m, STATUS, 0);
	drive(&w);
	give(&w, 2);
	expect(&w, &p, REQUEST, 80, 1024);
	/* No answer. */
	assert_int_equal(clock_advance(&w.m->clock, CLOSE_NS), 0);
	expect(&w, &p, RST, 80, 1024);
	assert_true(empty(&w));
	dev_free(w.d);
}

/* Before the guest has answered the device's call it may only answer. */
static void device_calls_and_gets_something_else(void **state)
{
	static const uint16_t bad[] = {SHUTDOWN, CREDIT_UPDATE, CREDIT_REQUEST, RW, REQUEST};
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock,call=80");
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		give(&w, 2);
		expect(&w, &p, REQUEST, 80, 1024);
		send_op(&w, bad[i], 80, 1024);
		expect(&w, &p, RST, 80, 1024);
		assert_true(empty(&w));
		wr(w.m, STATUS, 0);
		drive(&w);
	}
	dev_free(w.d);
}

/* A device without a clock waits for ever, and works else. */
static void no_clock(void **state)
{
	struct machine *m = *state;
	struct buf saved;
	struct world w;
	struct pkt p;
	size_t used;

	m->env.clock = NULL;
	begin(&w, m, "virtio-vsock");
	connect_to(&w, 6, 9);
	send_shutdown(&w, 6, 9, SHUT_SND);
	give(&w, 1);
	expect(&w, &p, SHUTDOWN, 6, 9);
	save(w.d, &saved);
	assert_int_equal(dev_load(w.d, saved.p, saved.len, &used, NULL), 0);
	send_op(&w, RST, 6, 9);
	assert_true(empty(&w));
	buf_free(&saved);
	dev_free(w.d);
}

static void device_calls_and_is_refused(void **state)
{
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock,call=80");
	/* An answer to what was not asked yet. */
	give_sized(&w, 1, HEADER - 1);
	send_op(&w, RESPONSE, 80, 1024);
	assert_int_equal(clock_advance(&w.m->clock, CLOSE_NS), 0);
	wr(w.m, STATUS, 0);
	drive(&w);
	give(&w, 2);
	expect(&w, &p, REQUEST, 80, 1024);
	send_op(&w, RST, 80, 1024);
	assert_true(empty(&w));
	assert_int_equal(clock_next(&w.m->clock), CLOCK_NEVER);
	assert_true(quiet(&w));
	dev_free(w.d);
}

static void offer_event(struct world *w, uint32_t size)
{
	struct virtq_buf b = {EVENT, size, true};

	virtq_driver_offer(&w->q[QEV], (uint16_t)virtq_driver_chain(&w->q[QEV], &b, 1));
	virtq_driver_publish(&w->q[QEV]);
	wr(w->m, QUEUE_NOTIFY, QEV);
}

/* 5.10.6.7: the address changes: the configuration, the event, and no connection is left. */
static void transport_reset(void **state)
{
	struct world w;
	uint32_t id, len, val = 0x11223344;
	struct pkt p;

	begin(&w, *state, "virtio-vsock");
	connect_to(&w, 6, 7);
	assert_int_equal(vsock_set_cid(w.d, 2), -EINVAL);
	assert_int_equal(vsock_set_cid(w.d, 0xffffffff), -EINVAL);
	assert_int_equal(mmio_r(w.m, BASE + VIRTIO_MMIO_CONFIG, 4), GUEST);
	wr(w.m, INTERRUPT_ACK, 1);
	assert_int_equal(vsock_set_cid(w.d, 44), 0);
	assert_int_equal(mmio_r(w.m, BASE + VIRTIO_MMIO_CONFIG, 4), 44);
	assert_int_equal(rd(w.m, CONFIG_GENERATION), 1);
	assert_int_equal(rd(w.m, INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
	assert_true(empty(&w));
	/* The event waits for a buffer that takes it. */
	offer_event(&w, 3);
	assert_true(virtq_driver_used(&w.q[QEV], &id, &len));
	assert_int_equal(len, 0);
	assert_int_equal(gmem_write(w.m->env.mem, EVENT, &val, 4), 0);
	offer_event(&w, 8);
	assert_true(virtq_driver_used(&w.q[QEV], &id, &len));
	assert_int_equal(len, 4);
	assert_int_equal(gmem_read(w.m->env.mem, EVENT, &val, 4), 0);
	assert_int_equal(val, 0);
	/* Once. */
	offer_event(&w, 8);
	assert_false(virtq_driver_used(&w.q[QEV], &id, &len));
	/* The old address is not the guest's any more. */
	give(&w, 2);
	send_op(&w, REQUEST, 6, 7);
	assert_true(quiet(&w));
	p = make_pkt(REQUEST, 6, 7);
	p.src_cid = 44;
	send_pkt(&w, &p);
	assert_true(next_pkt(&w, &p));
	assert_int_equal(p.op, RESPONSE);
	assert_int_equal(p.dst_cid, 44);
	/* With a buffer in place it is there at once, with an interrupt. */
	wr(w.m, INTERRUPT_ACK, 3);
	assert_int_equal(vsock_set_cid(w.d, 45), 0);
	assert_true(virtq_driver_used(&w.q[QEV], &id, &len));
	assert_int_equal(rd(w.m, INTERRUPT_STATUS), VIRTIO_INT_QUEUE | VIRTIO_INT_CONFIG);
	dev_free(w.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(device_calls),    machine_test(device_calls_and_gets_something_else),
		machine_test(no_clock),	       machine_test(device_calls_and_is_refused),
		machine_test(transport_reset),
	};

	return cmocka_run_group_tests_name("virtio-vsock-call", tests, NULL, NULL);
}
