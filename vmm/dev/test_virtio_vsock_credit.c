/* SPDX-License-Identifier: MIT */
/* virtio-vsock: credit (virtio 1.2, 5.10.6.3), and what a driver must not do: RST (5.10.6.4.1, 5.10.6.6). */
#include "test_vsock.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(credit_of_the_guest), machine_test(credit_of_the_device),
		machine_test(over_the_credit),	   machine_test(chargen),
		machine_test(answered_by_rst),	   machine_test(rst_of_another_type),
		machine_test(ends_the_connection), machine_test(length_beyond_the_chain),
		machine_test(no_header),	   machine_test(malformed_buffer),
		machine_test(small_buffers),
	};

	return cmocka_run_group_tests_name("virtio-vsock-credit", tests, NULL, NULL);
}
