/* SPDX-License-Identifier: MIT */
/* virtio-vsock and the other end: a peer that says what the test wants, and tells what it heard. */
#include "test_vsock.h"

#include <errno.h>

/* Connection 0 of it is all that these tests look at, and what came of the others. */
struct fake {
	struct vsock_peer peer;
	int answer;	/* to connect() */
	unsigned said;	/* by poll() */
	uint32_t asks;	/* the guest's port that somebody wants, 0: none */
	size_t room;	/* for bytes from the guest */
	uint8_t in[64]; /* for the guest */
	size_t nr_in;
	/* heard */
	uint32_t port;
	unsigned connects, accepts, ends, closes, bad_closes, resets;
	uint8_t got[8192];
	size_t nr_got;
};

static struct fake *fake_of(struct vsock_peer *p)
{
	return container_of(p, struct fake, peer);
}

static int fake_connect(struct vsock_peer *p, unsigned conn, uint32_t port)
{
	(void)conn;
	fake_of(p)->connects++;
	fake_of(p)->port = port;
	return fake_of(p)->answer;
}

static bool fake_accept(struct vsock_peer *p, unsigned conn, uint32_t *port)
{
	struct fake *f = fake_of(p);

	(void)conn;
	if (!f->asks)
		return false;
	*port = f->asks;
	f->asks = 0;
	return true;
}

static unsigned fake_poll(struct vsock_peer *p, unsigned conn)
{
	(void)conn;
	return fake_of(p)->said;
}

static size_t fake_readable(struct vsock_peer *p, unsigned conn)
{
	(void)conn;
	return fake_of(p)->nr_in;
}

static void fake_read(struct vsock_peer *p, unsigned conn, void *buf, size_t len)
{
	struct fake *f = fake_of(p);

	(void)conn;
	assert_true(len && len <= f->nr_in);
	memcpy(buf, f->in, len);
	f->nr_in -= len;
	memmove(f->in, f->in + len, f->nr_in);
}

static size_t fake_write(struct vsock_peer *p, unsigned conn, const void *buf, size_t len)
{
	struct fake *f = fake_of(p);
	size_t n = len < f->room ? len : f->room;

	(void)conn;
	assert_true(len);
	memcpy(f->got + f->nr_got, buf, n);
	f->nr_got += n;
	f->room -= n;
	return n;
}

static void fake_accepted(struct vsock_peer *p, unsigned conn)
{
	(void)conn;
	fake_of(p)->accepts++;
}

static void fake_end(struct vsock_peer *p, unsigned conn)
{
	(void)conn;
	fake_of(p)->ends++;
}

static void fake_close(struct vsock_peer *p, unsigned conn, bool reset)
{
	(void)conn;
	fake_of(p)->closes++;
	fake_of(p)->bad_closes += reset;
}

static void fake_reset(struct vsock_peer *p)
{
	fake_of(p)->resets++;
}

static void fake_free(struct vsock_peer *p)
{
	(void)p;
}

static const struct vsock_peer_ops fake_ops = {
	.name = "fake",
	.connect = fake_connect,
	.accept = fake_accept,
	.poll = fake_poll,
	.readable = fake_readable,
	.read = fake_read,
	.write = fake_write,
	.accepted = fake_accepted,
	.end = fake_end,
	.close = fake_close,
	.reset = fake_reset,
	.free = fake_free,
};

static void meet(struct world *w, struct machine *m, struct fake *f)
{
	*f = (struct fake){.peer.ops = &fake_ops, .room = 8192, .said = VSOCK_PEER_OPEN};
	m->env.vsock = &f->peer;
	begin(w, m, "virtio-vsock");
	assert_non_null(f->peer.wake);
	f->resets = 0;
}

static void part(struct world *w)
{
	w->m->env.vsock = NULL;
	dev_free(w->d);
}

static void say(struct fake *f, const char *text)
{
	memcpy(f->in + f->nr_in, text, strlen(text));
	f->nr_in += strlen(text);
}

static void connects(void **state)
{
	struct world w;
	struct fake f;
	struct pkt p;

	meet(&w, *state, &f);
	connect_to(&w, 5, 1234);
	assert_int_equal(f.port, 1234);
	send_data(&w, 5, 1234, 100, 7);
	assert_int_equal(f.nr_got, 100);
	assert_int_equal(f.got[99], 106);
	/* Bytes for the guest come when the peer says so. */
	give(&w, 1);
	say(&f, "hello");
	assert_true(quiet(&w));
	wr(w.m, INTERRUPT_ACK, 1);
	vsock_peer_wake(&f.peer);
	expect(&w, &p, RW, 5, 1234);
	assert_int_equal(p.len, 5);
	assert_memory_equal(p.data, "hello", 5);
	assert_int_equal(p.fwd_cnt, 100);
	assert_int_equal(rd(w.m, INTERRUPT_STATUS), VIRTIO_INT_QUEUE);
	part(&w);
	assert_null(f.peer.wake);
}

static void refused(void **state)
{
	struct world w;
	struct fake f;
	struct pkt p;

	meet(&w, *state, &f);
	f.answer = -ECONNREFUSED;
	give(&w, 3);
	send_op(&w, REQUEST, 5, 7);
	expect(&w, &p, RST, 5, 7);
	assert_true(empty(&w));
	/* Later. */
	f.answer = -EINPROGRESS;
	f.said = 0;
	send_op(&w, REQUEST, 5, 7);
	assert_true(quiet(&w));
	f.said = VSOCK_PEER_GONE;
	vsock_peer_wake(&f.peer);
	expect(&w, &p, RST, 5, 7);
	assert_int_equal(f.closes, 1);
	assert_true(empty(&w));
	part(&w);
}

static void answers_later(void **state)
{
	struct world w;
	struct fake f;
	struct pkt p;

	meet(&w, *state, &f);
	f.answer = -EINPROGRESS;
	f.said = 0;
	give(&w, 2);
	send_op(&w, REQUEST, 5, 7);
	vsock_peer_wake(&f.peer);
	assert_true(quiet(&w));
	f.said = VSOCK_PEER_OPEN;
	vsock_peer_wake(&f.peer);
	expect(&w, &p, RESPONSE, 5, 7);
	/* Data before the answer is none of the guest's rights. */
	f.said = 0;
	send_op(&w, REQUEST, 6, 7);
	send_data(&w, 6, 7, 1, 0);
	expect(&w, &p, RST, 6, 7);
	assert_int_equal(f.bad_closes, 1);
	part(&w);
}

/* A peer that takes little: the rest waits in the device, and the guest's credit with it. */
static void slow(void **state)
{
	struct world w;
	struct fake f;
	struct pkt p;

	meet(&w, *state, &f);
	connect_to(&w, 5, 7);
	f.room = 1000;
	send_data(&w, 5, 7, BUF, 0);
	assert_int_equal(f.nr_got, 1000);
	send_op(&w, CREDIT_REQUEST, 5, 7);
	give(&w, 1);
	expect(&w, &p, CREDIT_UPDATE, 5, 7);
	assert_int_equal(p.fwd_cnt, 1000);
	send_data(&w, 5, 7, 1000, 0); /* round the buffer's end */
	/* The guest is done, but the peer has not got all. */
	send_shutdown(&w, 5, 7, SHUT_SND | SHUT_RCV);
	assert_int_equal(f.ends, 0);
	assert_int_equal(f.closes, 0);
	give(&w, 2);
	f.room = 5000;
	vsock_peer_wake(&f.peer);
	assert_int_equal(f.nr_got, BUF + 1000);
	for (unsigned i = 0; i < BUF; i++)
		assert_int_equal(f.got[i], (uint8_t)i);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(f.got[BUF + i], (uint8_t)i);
	assert_int_equal(f.ends, 1);
	assert_int_equal(f.closes, 1);
	assert_int_equal(f.bad_closes, 0);
	expect(&w, &p, RST, 5, 7);
	part(&w);
}

static void ends(void **state)
{
	struct world w;
	struct fake f;
	struct pkt p;

	meet(&w, *state, &f);
	connect_to(&w, 5, 7);
	give(&w, 4);
	/* No more from the peer: what there is, then SHUTDOWN of that direction. */
	say(&f, "bye");
	f.said |= VSOCK_PEER_ENDED;
	vsock_peer_wake(&f.peer);
	expect(&w, &p, RW, 5, 7);
	expect(&w, &p, SHUTDOWN, 5, 7);
	assert_int_equal(p.flags, SHUT_SND);
	send_data(&w, 5, 7, 3, 0);
	assert_int_equal(f.nr_got, 3);
	/* It takes nothing any more either. */
	f.said |= VSOCK_PEER_DEAF;
	vsock_peer_wake(&f.peer);
	expect(&w, &p, SHUTDOWN, 5, 7);
	assert_int_equal(p.flags, SHUT_SND | SHUT_RCV);
	send_op(&w, RST, 5, 7);
	assert_int_equal(f.closes, 1);
	assert_int_equal(f.bad_closes, 0);
	/* The guest's end is told once. */
	f.said = VSOCK_PEER_OPEN;
	give(&w, 2);
	send_op(&w, REQUEST, 5, 7);
	send_shutdown(&w, 5, 7, SHUT_SND);
	vsock_peer_wake(&f.peer);
	assert_int_equal(f.ends, 1);
	part(&w);
}

static void breaks(void **state)
{
	struct world w;
	struct fake f;
	struct pkt p;

	meet(&w, *state, &f);
	connect_to(&w, 5, 7);
	give(&w, 2);
	f.said |= VSOCK_PEER_GONE;
	vsock_peer_wake(&f.peer);
	expect(&w, &p, RST, 5, 7);
	assert_true(empty(&w));
	f.said = VSOCK_PEER_OPEN;
	connect_to(&w, 5, 7);
	send_op(&w, RST, 5, 7);
	assert_int_equal(f.bad_closes, 1);
	part(&w);
}

/* Somebody on the host connects to the guest. */
static void host_asks(void **state)
{
	struct world w;
	struct fake f;
	struct pkt p;

	meet(&w, *state, &f);
	give(&w, 4);
	f.asks = 80;
	vsock_peer_wake(&f.peer);
	expect(&w, &p, REQUEST, 80, VSOCK_CALL_PORT);
	assert_int_equal(f.accepts, 0);
	send_op(&w, RESPONSE, 80, VSOCK_CALL_PORT);
	assert_int_equal(f.accepts, 1);
	f.asks = 81;
	vsock_peer_wake(&f.peer);
	expect(&w, &p, REQUEST, 81, VSOCK_CALL_PORT + 1);
	send_op(&w, RST, 81, VSOCK_CALL_PORT + 1);
	assert_int_equal(f.closes, 1);
	/* It went away before the guest answered. */
	f.asks = 82;
	vsock_peer_wake(&f.peer);
	expect(&w, &p, REQUEST, 82, VSOCK_CALL_PORT + 1);
	f.said |= VSOCK_PEER_GONE;
	vsock_peer_wake(&f.peer);
	give(&w, 2);
	/* All of them are gone with it: there is one poll() in this peer. */
	expect(&w, &p, RST, 80, VSOCK_CALL_PORT);
	expect(&w, &p, RST, 82, VSOCK_CALL_PORT + 1);
	assert_true(empty(&w));
	part(&w);
}

/* A reset, a driver that is not up: the peer's connections are over, and wake() is harmless. */
static void device_resets(void **state)
{
	struct world w;
	struct fake f;

	meet(&w, *state, &f);
	connect_to(&w, 5, 7);
	wr(w.m, STATUS, 0);
	assert_int_equal(f.resets, 1);
	f.asks = 80;
	vsock_peer_wake(&f.peer);
	assert_int_equal(f.asks, 80);
	virtio_stop(container_of(w.d, struct virtio, dev), true);
	drive(&w);
	vsock_peer_wake(&f.peer);
	assert_int_equal(f.asks, 80);
	part(&w);
}

/* The host's ends are no part of a snapshot: the guest is told that they are gone (5.10.6.7). */
static void loaded(void **state)
{
	struct virtq_buf b = {EVENT, 8, true};
	struct world w;
	struct fake f;
	struct buf saved = {0};
	uint32_t id, len;
	size_t used;

	meet(&w, *state, &f);
	connect_to(&w, 5, 7);
	virtq_driver_offer(&w.q[QEV], (uint16_t)virtq_driver_chain(&w.q[QEV], &b, 1));
	virtq_driver_publish(&w.q[QEV]);
	assert_int_equal(dev_save(w.d, &saved), 0);
	assert_int_equal(dev_load(w.d, saved.p, saved.len, &used, NULL), 0);
	assert_int_equal(f.resets, 1);
	assert_true(empty(&w));
	/* When the machine runs, not before. */
	assert_false(virtq_driver_used(&w.q[QEV], &id, &len));
	assert_int_equal(clock_advance(&w.m->clock, 1), 0);
	assert_true(virtq_driver_used(&w.q[QEV], &id, &len));
	assert_int_equal(len, 4);
	buf_free(&saved);
	part(&w);
}

static void one_device_has_it(void **state)
{
	struct world w;
	struct fake f;
	struct dev *second;
	struct err err = {0};

	meet(&w, *state, &f);
	assert_int_equal(dev_new(&second, "virtio-vsock,base=0xd0000200", &w.m->env, &err), -EBUSY);
	part(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(connects),	     machine_test(refused),
		machine_test(answers_later), machine_test(slow),
		machine_test(ends),	     machine_test(breaks),
		machine_test(host_asks),     machine_test(device_resets),
		machine_test(loaded),	     machine_test(one_device_has_it),
	};

	return cmocka_run_group_tests_name("vsock_peer", tests, NULL, NULL);
}
