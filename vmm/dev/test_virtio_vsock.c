/* SPDX-License-Identifier: MIT */
/* virtio-vsock (virtio 1.2 section 5.10): connections, data, shutdown, bounds, the packed ring. */
#include "test_vsock.h"

#include <errno.h>

static void identity(void **state)
{
	struct world w;

	begin(&w, *state, "virtio-vsock,cid=0xfffffffe");
	assert_int_equal(rd(w.m, DEVICE_ID), 19);
	wr(w.m, DEVICE_FEATURES_SEL, 0);
	assert_int_equal(rd(w.m, DEVICE_FEATURES) & 0xff, 1);
	assert_int_equal(mmio_r(w.m, BASE + VIRTIO_MMIO_CONFIG, 8), 0xfffffffe);
	assert_int_equal(mmio_r(w.m, BASE + VIRTIO_MMIO_CONFIG + 4, 4), 0);
	assert_int_equal(mmio_r(w.m, BASE + VIRTIO_MMIO_CONFIG + 3, 2), 0xff);
	trace_clear(w.m->env.trace);
	mmio_w(w.m, BASE + VIRTIO_MMIO_CONFIG, 4, 5);
	assert_true(saw_guest_error(w.m));
	assert_int_equal(mmio_r(w.m, BASE + VIRTIO_MMIO_CONFIG, 4), 0xfffffffe);
	for (unsigned i = 0; i < 4; i++) {
		wr(w.m, QUEUE_SEL, i);
		assert_int_equal(rd(w.m, QUEUE_NUM_MAX), i < 3 ? 128 : 0);
	}
	dev_free(w.d);
}

/* 5.10.4: reserved CIDs are none for a guest. */
static void cids(void **state)
{
	static const char *const bad[] = {"0", "1", "2", "0xffffffff", "0x100000000"};
	struct machine *m = *state;
	struct dev *d;
	char spec[64];

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		(void)snprintf(spec, sizeof(spec), "virtio-vsock,cid=%s", bad[i]);
		assert_int_equal(dev_new(&d, spec, &m->env, NULL), -EINVAL);
	}
}

/* 5.10.6.5, 5.10.6.6 */
static void echo(void **state)
{
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock");
	connect_to(&w, 5000, 7);
	assert_int_equal(w.m->lines, LINE);
	give(&w, 2);
	send_data(&w, 5000, 7, 100, 3);
	expect(&w, &p, RW, 5000, 7);
	assert_int_equal(p.len, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(p.data[i], 3 + i);
	/* What has come back is no longer in the device's buffer. */
	assert_int_equal(p.fwd_cnt, 100);
	assert_true(quiet(&w));
	/* Two packets become one for which there is room, and the rest waits for the next buffer. */
	send_data(&w, 5000, 7, 1500, 0);
	expect(&w, &p, RW, 5000, 7);
	assert_int_equal(p.len, 1024);
	assert_int_equal(p.fwd_cnt, 1124);
	assert_true(quiet(&w));
	give(&w, 1);
	expect(&w, &p, RW, 5000, 7);
	assert_int_equal(p.len, 476);
	assert_int_equal(p.data[0], (uint8_t)1024);
	assert_int_equal(p.fwd_cnt, 1600);
	dev_free(w.d);
}

/* The device's buffer goes round: what comes back is what was sent, whatever the lengths. */
static void echo_goes_round(void **state)
{
	struct world w;
	struct pkt p;
	uint32_t sent = 0;

	begin(&w, *state, "virtio-vsock");
	connect_to(&w, 1, 7);
	for (uint32_t len = 1; len < 1024; len += 97) {
		give(&w, 1);
		send_data(&w, 1, 7, len, (uint8_t)len);
		expect(&w, &p, RW, 1, 7);
		assert_int_equal(p.len, len);
		for (unsigned i = 0; i < len; i++)
			assert_int_equal(p.data[i], (uint8_t)(len + i));
		sent += len;
		assert_int_equal(p.fwd_cnt, sent);
	}
	assert_true(sent > BUF);
	dev_free(w.d);
}

/* The option `short`: a packet may carry less than there is; in all it is what was sent, in order. */
static void short_packets(void **state)
{
	static const char *const specs[] = {"virtio-vsock", "virtio-vsock,short=1"};
	unsigned packets[ARRAY_SIZE(specs)] = {0};

	for (unsigned i = 0; i < ARRAY_SIZE(specs); i++) {
		unsigned got = 0;
		struct world w;
		struct pkt p;

		begin(&w, *state, specs[i]);
		connect_to(&w, 1, 7);
		send_data(&w, 1, 7, 1024, 5);
		for (; got < 1024; packets[i]++) {
			give(&w, 1);
			expect(&w, &p, RW, 1, 7);
			assert_true(p.len);
			for (unsigned k = 0; k < p.len; k++)
				assert_int_equal(p.data[k], (uint8_t)(5 + got + k));
			got += p.len;
			assert_int_equal(p.fwd_cnt, got);
		}
		assert_int_equal(got, 1024);
		give(&w, 1);
		assert_true(quiet(&w));
		dev_free(w.d);
	}
	assert_int_equal(packets[0], 1);
	assert_true(packets[1] > 3);
}

/* 2.7.4: how header and data are cut into descriptors says nothing. */
static void any_framing(void **state)
{
	struct virtq_buf out[] = {{TX, 7, false},
				  {TX + 7, 30, false},
				  {TX + 37, 8, false},
				  {TX + 45, 0, false},
				  {TX + 45, 9, false}};
	struct virtq_buf in[] = {{RX, 1, true}, {RX + 1, 50, true}, {RX + 51, 100, true}};
	struct world w;
	struct pkt p;
	uint8_t b[HEADER + 10];
	uint32_t id, len;

	begin(&w, *state, "virtio-vsock");
	connect_to(&w, 1, 7);
	virtq_driver_offer(&w.q[QRX], (uint16_t)virtq_driver_chain(&w.q[QRX], in, 3));
	virtq_driver_publish(&w.q[QRX]);
	p = make_pkt(RW, 1, 7);
	p.len = 10;
	memcpy(p.data, "0123456789", 10);
	put_pkt(&w, &p);
	virtq_driver_offer(&w.q[QTX], (uint16_t)virtq_driver_chain(&w.q[QTX], out, 5));
	virtq_driver_publish(&w.q[QTX]);
	wr(w.m, QUEUE_NOTIFY, QTX);
	assert_true(virtq_driver_used(&w.q[QRX], &id, &len));
	assert_int_equal(len, HEADER + 10);
	assert_int_equal(gmem_read(w.m->env.mem, RX, b, sizeof(b)), 0);
	assert_memory_equal(b + HEADER, "0123456789", 10);
	dev_free(w.d);
}

/* ---- shutdown, 5.10.6.6 ----------------------------------------------------------------------------- */

static void guest_shuts_both(void **state)
{
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock");
	for (unsigned split = 0; split < 2; split++) {
		connect_to(&w, 6, 7);
		send_data(&w, 6, 7, 50, 0);
		if (split) {
			send_shutdown(&w, 6, 7, SHUT_RCV);
			send_shutdown(&w, 6, 7, 0xfffffffc); /* hints that are none */
			assert_false(empty(&w));
			send_shutdown(&w, 6, 7, SHUT_SND);
		} else {
			send_shutdown(&w, 6, 7, SHUT_RCV | SHUT_SND);
		}
		give(&w, 2);
		expect(&w, &p, RST, 6, 7);
		assert_true(quiet(&w));
		assert_true(empty(&w));
		/* The buffer that is left. */
		send_op(&w, RW, 6, 7);
		expect(&w, &p, RST, 6, 7);
	}
	dev_free(w.d);
}

/* The guest has said all: what is on its way still comes back, then the device ends it too. */
static void guest_shuts_one(void **state)
{
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock");
	connect_to(&w, 6, 7);
	send_data(&w, 6, 7, 50, 0);
	send_shutdown(&w, 6, 7, SHUT_SND);
	give(&w, 3);
	expect(&w, &p, RW, 6, 7);
	assert_int_equal(p.len, 50);
	expect(&w, &p, SHUTDOWN, 6, 7);
	assert_int_equal(p.flags, 3);
	assert_true(quiet(&w));
	send_op(&w, RST, 6, 7);
	assert_true(quiet(&w));
	assert_true(empty(&w));
	dev_free(w.d);
}

/* No RST after our SHUTDOWN: it is over by ours, after a while. */
static void shutdown_without_answer(void **state)
{
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock");
	connect_to(&w, 6, 9);
	send_shutdown(&w, 6, 9, SHUT_SND);
	give(&w, 2);
	expect(&w, &p, SHUTDOWN, 6, 9);
	assert_int_equal(clock_advance(&w.m->clock, CLOSE_NS - 1), 0);
	assert_true(quiet(&w));
	wr(w.m, INTERRUPT_ACK, 1);
	assert_int_equal(clock_advance(&w.m->clock, 1), 0);
	expect(&w, &p, RST, 6, 9);
	assert_int_equal(rd(w.m, INTERRUPT_STATUS), VIRTIO_INT_QUEUE);
	assert_true(empty(&w));
	assert_int_equal(clock_next(&w.m->clock), CLOCK_NEVER);
	dev_free(w.d);
}

/* ---- bounds ------------------------------------------------------------------------------------------ */

static void table_full(void **state)
{
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock");
	for (unsigned i = 0; i < VSOCK_CONNS; i++)
		connect_to(&w, 100 + i, 7);
	give(&w, 1);
	send_op(&w, REQUEST, 200, 7);
	expect(&w, &p, RST, 200, 7);
	send_op(&w, RST, 103, 7);
	connect_to(&w, 200, 7);
	/* All of them have something to say: each in its turn. */
	for (unsigned i = 0; i < VSOCK_CONNS; i++)
		send_data(&w, i == 3 ? 200 : 100 + i, 7, 2000, 0);
	give(&w, NUM);
	for (unsigned i = 0, seen = 0; i < NUM; i++) {
		assert_true(next_pkt(&w, &p));
		assert_int_equal(p.op, RW);
		seen |= 1u << (p.dst_port == 200 ? 3 : p.dst_port - 100);
		if (i == NUM - 1)
			assert_int_equal(seen, 0xffff);
	}
	dev_free(w.d);
}

/* 5.10.6.1: without buffers for answers the device takes only as much as it can keep. */
static void backlog(void **state)
{
	struct world w;
	struct pkt p;
	uint32_t id, len;

	begin(&w, *state, "virtio-vsock");
	for (unsigned i = 0; i < 16; i++)
		send_op(&w, RW, 6, 100 + i);
	p = make_pkt(RW, 6, 116);
	post(&w, &p);
	assert_false(virtq_driver_used(&w.q[QTX], &id, &len));
	give(&w, 1);
	expect(&w, &p, RST, 6, 100);
	assert_true(virtq_driver_used(&w.q[QTX], &id, &len));
	give(&w, NUM);
	for (unsigned i = 1; i < 17; i++)
		expect(&w, &p, RST, 6, 100 + i);
	assert_true(quiet(&w));
	dev_free(w.d);
}

/* The same over the packed ring. */
static void echo_packed(void **state)
{
	static struct virtq_pdriver q[2];
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-vsock,packed=1");
	struct world w = {.m = m, .d = d};
	uint16_t id;
	uint32_t len;
	struct pkt p = make_pkt(REQUEST, 6, 7);
	uint8_t h[HEADER + 4];

	accept_features(m, 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_RING_PACKED);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(
			virtq_pdriver_init(&q[i], m->env.mem, 7, RINGS + i * 0x4000, false), 0);
		wr(m, QUEUE_SEL, i);
		wr(m, QUEUE_NUM, 7);
		wr(m, QUEUE_DESC_LOW, (uint32_t)q[i].desc);
		wr(m, QUEUE_DRIVER_LOW, (uint32_t)q[i].avail);
		wr(m, QUEUE_DEVICE_LOW, (uint32_t)q[i].used);
		wr(m, QUEUE_READY, 1);
	}
	wr(m, STATUS, UP);
	for (unsigned i = 0; i < 4; i++) {
		struct virtq_buf in = {RX, RX_SIZE, true};
		struct virtq_buf out[2] = {{TX, HEADER, false}, {TX + HEADER, 4, false}};

		assert_int_equal(virtq_pdriver_put(&q[QRX], &in, 1, (uint16_t)(40 + i)), 0);
		put_pkt(&w, &p);
		assert_int_equal(virtq_pdriver_put(&q[QTX], out, 2, (uint16_t)(20 + i)), 0);
		wr(m, QUEUE_NOTIFY, QTX);
		assert_true(virtq_pdriver_used(&q[QTX], &id, &len));
		assert_int_equal(id, 20 + i);
		assert_int_equal(len, 0);
		assert_true(virtq_pdriver_used(&q[QRX], &id, &len));
		assert_int_equal(id, 40 + i);
		assert_int_equal(len, HEADER + (i ? 4 : 0));
		assert_int_equal(gmem_read(m->env.mem, RX, h, sizeof(h)), 0);
		assert_int_equal(ld_le16(h + 30), i ? RW : RESPONSE);
		if (i)
			assert_memory_equal(h + HEADER, "abcd", 4);
		p = make_pkt(RW, 6, 7);
		p.len = 4;
		memcpy(p.data, "abcd", 4);
	}
	dev_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(identity),
		machine_test(cids),
		machine_test(echo),
		machine_test(echo_goes_round),
		machine_test(short_packets),
		machine_test(any_framing),
		machine_test(guest_shuts_both),
		machine_test(guest_shuts_one),
		machine_test(shutdown_without_answer),
		machine_test(table_full),
		machine_test(backlog),
		machine_test(echo_packed),
	};

	return cmocka_run_group_tests_name("virtio-vsock", tests, NULL, NULL);
}
