/* SPDX-License-Identifier: MIT */
/* virtio-vsock (virtio 1.2 section 5.10): connections, credit, shutdown, what a driver must not do. */
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

/* ---- credit, 5.10.6.3 ----------------------------------------------------------------------------- */

static void credit_of_the_guest(void **state)
{
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock");
	give(&w, NUM);
	p = make_pkt(REQUEST, 9, 7);
	p.buf_alloc = 150;
	send_pkt(&w, &p);
	expect(&w, &p, RESPONSE, 9, 7);
	p = make_pkt(RW, 9, 7);
	p.buf_alloc = 150;
	p.len = 200;
	send_pkt(&w, &p);
	/* As much as it takes; then it is asked for more, once. */
	expect(&w, &p, RW, 9, 7);
	assert_int_equal(p.len, 150);
	expect(&w, &p, CREDIT_REQUEST, 9, 7);
	assert_int_equal(p.len, 0);
	assert_true(quiet(&w));
	p = make_pkt(CREDIT_UPDATE, 9, 7);
	p.buf_alloc = 150;
	send_pkt(&w, &p);
	assert_true(quiet(&w));
	p.fwd_cnt = 20;
	send_pkt(&w, &p);
	expect(&w, &p, RW, 9, 7);
	assert_int_equal(p.len, 20);
	expect(&w, &p, CREDIT_REQUEST, 9, 7);
	/* Numbers that cannot be give no credit: more consumed than was sent; a smaller buffer. */
	p = make_pkt(CREDIT_UPDATE, 9, 7);
	p.buf_alloc = 150;
	p.fwd_cnt = 171;
	send_pkt(&w, &p);
	p.fwd_cnt = 170 + 0x80000000u;
	send_pkt(&w, &p);
	p.fwd_cnt = 160;
	p.buf_alloc = 10;
	send_pkt(&w, &p);
	assert_true(quiet(&w));
	p.buf_alloc = UINT32_MAX;
	send_pkt(&w, &p);
	expect(&w, &p, RW, 9, 7);
	assert_int_equal(p.len, 30);
	assert_true(quiet(&w));
	dev_free(w.d);
}

static void credit_of_the_device(void **state)
{
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock");
	connect_to(&w, 4, 9);
	give(&w, NUM);
	/* What the guest does not know yet is told when half of the buffer is at stake. */
	send_data(&w, 4, 9, BUF / 2, 0);
	assert_true(quiet(&w));
	send_data(&w, 4, 9, 1, 0);
	expect(&w, &p, CREDIT_UPDATE, 4, 9);
	assert_int_equal(p.fwd_cnt, BUF / 2 + 1);
	assert_int_equal(p.buf_alloc, BUF);
	assert_true(quiet(&w));
	send_op(&w, CREDIT_REQUEST, 4, 9);
	expect(&w, &p, CREDIT_UPDATE, 4, 9);
	assert_true(quiet(&w));
	dev_free(w.d);
}

static void over_the_credit(void **state)
{
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock");
	connect_to(&w, 4, 7);
	/* No buffers to send it back: it stays. */
	send_data(&w, 4, 7, BUF, 0);
	send_op(&w, CREDIT_UPDATE, 4, 7);
	trace_clear(w.m->env.trace);
	send_data(&w, 4, 7, 1, 0);
	assert_true(saw_guest_error(w.m));
	give(&w, 3);
	expect(&w, &p, RST, 4, 7);
	assert_true(quiet(&w));
	assert_true(empty(&w));
	dev_free(w.d);
}

/* RFC 864 over it: without an end, but for the credit and the guest's buffers. */
static void chargen(void **state)
{
	struct world w;
	struct pkt p;
	uint32_t got = 0;

	begin(&w, *state, "virtio-vsock");
	connect_to(&w, 4, 19);
	give(&w, NUM);
	while (next_pkt(&w, &p)) {
		assert_int_equal(p.op, RW);
		for (unsigned i = 0; i < p.len; i++)
			assert_int_equal(p.data[i], ' ' + (got + i) % 95);
		got += p.len;
	}
	assert_int_equal(got, NUM * 1024);
	send_shutdown(&w, 4, 19, SHUT_SND);
	give(&w, 2);
	expect(&w, &p, SHUTDOWN, 4, 19);
	assert_int_equal(p.flags, 3);
	assert_true(quiet(&w));
	dev_free(w.d);
}

/* ---- RST, 5.10.6.4.1 and 5.10.6.6 ------------------------------------------------------------------- */

static void answered_by_rst(void **state)
{
	struct world w;
	struct pkt p, q;

	begin(&w, *state, "virtio-vsock");
	give(&w, NUM);
	send_op(&w, REQUEST, 6, 8); /* nobody is there */
	expect(&w, &p, RST, 6, 8);
	for (uint16_t op = 0; op < 10; op++) {
		if (op == REQUEST || op == RST)
			continue;
		send_op(&w, op, 6, 7); /* of no connection */
		expect(&w, &p, RST, 6, 7);
	}
	send_op(&w, RST, 6, 7);
	assert_true(quiet(&w));
	p = make_pkt(REQUEST, 6, 7);
	for (unsigned type = 0; type < 4; type++) {
		p.type = type == 3 ? 0xffff : (uint16_t)type;
		if (type == TYPE_STREAM)
			continue;
		send_pkt(&w, &p);
		assert_true(next_pkt(&w, &q));
		assert_int_equal(q.op, RST);
		assert_int_equal(q.type, p.type);
	}
	/* Another host than ours. */
	p = make_pkt(REQUEST, 6, 7);
	p.dst_cid = 77;
	send_pkt(&w, &p);
	assert_true(next_pkt(&w, &q));
	assert_int_equal(q.op, RST);
	assert_int_equal(q.src_cid, 77);
	assert_int_equal(q.dst_cid, GUEST);
	/* Somebody else's. */
	p = make_pkt(REQUEST, 6, 7);
	p.src_cid = 4;
	trace_clear(w.m->env.trace);
	send_pkt(&w, &p);
	assert_true(saw_guest_error(w.m));
	p.src_cid = GUEST | 1ull << 32;
	send_pkt(&w, &p);
	assert_true(quiet(&w));
	assert_true(empty(&w));
	dev_free(w.d);
}

/* A RST of another kind than the connection is none of its own. */
static void rst_of_another_type(void **state)
{
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock");
	connect_to(&w, 6, 7);
	p = make_pkt(RST, 6, 7);
	p.type = 2;
	send_pkt(&w, &p);
	assert_false(empty(&w));
	/* What else is in a RST does not matter. */
	p = make_pkt(RST, 6, 7);
	p.len = 0;
	p.flags = 0xffffffff;
	send_pkt(&w, &p);
	assert_true(empty(&w));
	assert_true(quiet(&w));
	dev_free(w.d);
}

/* What a connection does not take ends it. */
static void ends_the_connection(void **state)
{
	static const uint16_t bad[] = {INVALID, REQUEST, RESPONSE, 8, 0xffff};
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock");
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		connect_to(&w, 6, 7);
		send_op(&w, bad[i], 6, 7);
		/* It ends when the RST is out; until then nothing more is answered. */
		assert_false(empty(&w));
		send_op(&w, REQUEST, 6, 7);
		give(&w, 2);
		expect(&w, &p, RST, 6, 7);
		assert_true(empty(&w));
		send_op(&w, REQUEST, 8, 7); /* the second buffer */
		expect(&w, &p, RESPONSE, 8, 7);
		send_op(&w, RST, 8, 7);
		assert_true(empty(&w));
	}
	/* The guest's RST makes ours needless. */
	connect_to(&w, 6, 7);
	send_op(&w, INVALID, 6, 7);
	send_op(&w, RST, 6, 7);
	assert_true(empty(&w));
	/* Data after one's own end. */
	connect_to(&w, 6, 9);
	send_shutdown(&w, 6, 9, SHUT_SND);
	send_data(&w, 6, 9, 1, 0);
	give(&w, 2);
	expect(&w, &p, RST, 6, 9);
	assert_true(quiet(&w));
	dev_free(w.d);
}

/* A length that is not in the chain: nothing beyond it is looked at. */
static void length_beyond_the_chain(void **state)
{
	static const uint32_t more[] = {1, 4096, 0x7fffffff, UINT32_MAX - 10};
	struct world w;
	struct pkt p;

	begin(&w, *state, "virtio-vsock");
	for (unsigned i = 0; i < ARRAY_SIZE(more); i++) {
		struct virtq_buf b = {TX, HEADER + 10, false};
		uint32_t id, len;

		connect_to(&w, 6, 7);
		give(&w, 1);
		p = make_pkt(RW, 6, 7);
		p.len = 10 + more[i];
		put_pkt(&w, &p);
		virtq_driver_offer(&w.q[QTX], (uint16_t)virtq_driver_chain(&w.q[QTX], &b, 1));
		virtq_driver_publish(&w.q[QTX]);
		wr(w.m, QUEUE_NOTIFY, QTX);
		assert_true(virtq_driver_used(&w.q[QTX], &id, &len));
		expect(&w, &p, RST, 6, 7);
		assert_true(empty(&w));
	}
	dev_free(w.d);
}

/* Less than a header, a writable one, a chain that is none: taken, and that is all. */
static void no_header(void **state)
{
	struct virtq_buf bad[][2] = {{{TX, HEADER - 1, false}, {RX, 4, true}},
				     {{TX, HEADER, true}, {TX, 1, true}},
				     {{0xfff00000, HEADER, false}, {TX, 1, true}}};
	struct world w;
	struct pkt p;
	uint32_t id, len;

	begin(&w, *state, "virtio-vsock");
	give(&w, 2);
	p = make_pkt(REQUEST, 6, 7);
	put_pkt(&w, &p);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		trace_clear(w.m->env.trace);
		virtq_driver_offer(&w.q[QTX], (uint16_t)virtq_driver_chain(&w.q[QTX], bad[i], 2));
		virtq_driver_publish(&w.q[QTX]);
		wr(w.m, QUEUE_NOTIFY, QTX);
		assert_true(virtq_driver_used(&w.q[QTX], &id, &len));
		assert_int_equal(len, 0);
		assert_true(saw_guest_error(w.m));
	}
	assert_true(quiet(&w));
	assert_true(empty(&w));
	dev_free(w.d);
}

static void save(struct dev *d, struct buf *b)
{
	*b = (struct buf){0};
	assert_int_equal(dev_save(d, b), 0);
}

/* A buffer for packets that is none. */
static void malformed_buffer(void **state)
{
	struct virtq_buf far = {0xfff00000, RX_SIZE, true}, readable = {RX, RX_SIZE, false};
	struct world w;
	struct pkt p;
	uint32_t id, len;

	begin(&w, *state, "virtio-vsock");
	virtq_driver_offer(&w.q[QRX], (uint16_t)virtq_driver_chain(&w.q[QRX], &far, 1));
	virtq_driver_offer(&w.q[QRX], (uint16_t)virtq_driver_chain(&w.q[QRX], &readable, 1));
	virtq_driver_publish(&w.q[QRX]);
	give(&w, 1);
	send_op(&w, REQUEST, 6, 7);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(virtq_driver_used(&w.q[QRX], &id, &len));
		assert_int_equal(len, 0);
	}
	expect(&w, &p, RESPONSE, 6, 7);
	dev_free(w.d);
}

/* Buffers that take no packet, or no data, come back empty; others do the work. */
static void small_buffers(void **state)
{
	struct world w;
	struct pkt p;
	uint32_t id, len;

	begin(&w, *state, "virtio-vsock");
	give_sized(&w, 1, HEADER - 1);
	/* Nothing was to be sent: it stays. */
	assert_false(virtq_driver_used(&w.q[QRX], &id, &len));
	give_sized(&w, 2, HEADER);
	send_op(&w, REQUEST, 6, 7);
	assert_true(virtq_driver_used(&w.q[QRX], &id, &len));
	assert_int_equal(len, 0);
	expect(&w, &p, RESPONSE, 6, 7);
	send_data(&w, 6, 7, 5, 0);
	assert_true(virtq_driver_used(&w.q[QRX], &id, &len));
	assert_int_equal(len, 0);
	assert_false(virtq_driver_used(&w.q[QRX], &id, &len));
	give_sized(&w, 1, HEADER + 5);
	expect(&w, &p, RW, 6, 7);
	assert_int_equal(p.len, 5);
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

/* ---- the device calls, and events --------------------------------------------------------------------- */

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

/* ---- reset, save, load -------------------------------------------------------------------------------- */

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

/* Find (field) number (n) in saved bytes and put (val) there. */
static void poke(struct buf *b, const char *table, const char *field, unsigned n, uint64_t val)
{
	uint8_t *p = (uint8_t *)b->p, *end = p + b->len, *at = NULL;
	size_t len = strlen(field);

	for (; p + strlen(table) < end && n < 1000; p++)
		if (!memcmp(p, table, strlen(table)) && n-- == 0)
			break;
	for (; p + len + 12 < end && !at; p++)
		if (ld_le16(p) == len && !memcmp(p + 2, field, len))
			at = p;
	if (!at) {
		fail_msg("no field %s", field);
		return;
	}
	/* u16 length, name, u8 kind, u8 0, u32 size, u32 count */
	st_le(at + 2 + len + 10, ld_le32(at + 2 + len + 2), val);
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
		poke(&b, bad[i].table, bad[i].field, bad[i].n, bad[i].val);
		if (bad[i].n == 1) { /* ... of the first */
			poke(&b, "connection", "guest_port", 1, 6);
			poke(&b, "connection", "host_port", 1, 7);
			poke(&b, "connection", "service", 1, 1);
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
		machine_test(credit_of_the_guest),
		machine_test(credit_of_the_device),
		machine_test(over_the_credit),
		machine_test(chargen),
		machine_test(answered_by_rst),
		machine_test(rst_of_another_type),
		machine_test(ends_the_connection),
		machine_test(no_clock),
		machine_test(device_calls_and_gets_something_else),
		machine_test(length_beyond_the_chain),
		machine_test(no_header),
		machine_test(malformed_buffer),
		machine_test(small_buffers),
		machine_test(guest_shuts_both),
		machine_test(guest_shuts_one),
		machine_test(shutdown_without_answer),
		machine_test(table_full),
		machine_test(backlog),
		machine_test(device_calls),
		machine_test(device_calls_and_is_refused),
		machine_test(transport_reset),
		machine_test(resets),
		machine_test(queue_is_taken_back),
		machine_test(broken_queue),
		machine_test(saved_and_loaded),
		machine_test(in_flight),
		machine_test(load_refuses),
		machine_test(echo_packed),
	};

	return cmocka_run_group_tests_name("virtio_vsock", tests, NULL, NULL);
}
