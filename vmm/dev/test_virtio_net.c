/* SPDX-License-Identifier: MIT */
/*
 * virtio-net (virtio 1.2 section 5.1): frames both ways at a loop and a scripted peer, buffers of every
 * kind, offloads, the control queue, queue pairs, what is in flight.
 */
#include "test_virtio.h"

#include <errno.h>
#include <stdlib.h>

#include <vmm/net.h>

#define HEADER	12u
#define OUT	0x40000u /* header and frame to be sent */
#define IN	0x60000u /* receive buffers */
#define STEP	0x4000u
#define COMMAND 0x30000u
#define ACK	0x31000u
#define NOTHING 0xee
#define NUM	64u

enum {
	CSUM = 0,
	GUEST_CSUM = 1,
	MTU = 3,
	MAC = 5,
	GUEST_TSO4 = 7,
	HOST_TSO4 = 11,
	HOST_TSO6 = 12,
	HOST_ECN = 13,
	MRG = 15,
	STATUS_ = 16,
	CTRL = 17,
	RX = 18,
	VLAN = 19,
	EXTRA = 20,
	ANNOUNCE = 21,
	MQ = 22,
	CTRL_MAC = 23
};
#define F(n)   (1ull << (n))
#define F_CTRL (F(CTRL) | F(RX) | F(VLAN) | F(EXTRA) | F(ANNOUNCE) | F(CTRL_MAC) | F(STATUS_))

static const uint8_t our_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

struct world {
	struct machine *m;
	struct net *nets[1];
	struct dev *d;
	struct virtq_driver q[8];
	uint8_t frame[NET_FRAME_MAX + 16];
};

static void queue_up(struct world *w, unsigned k)
{
	assert_int_equal(virtq_driver_init(&w->q[k], w->m->env.mem, NUM, RINGS + 0x1000 * k, false),
			 0);
	tell_queue_n(w->m, k, &w->q[k]);
	wr(w->m, QUEUE_READY, 1);
	assert_int_equal(rd(w->m, QUEUE_READY), 1);
}

static void up(struct world *w, uint64_t features, unsigned queues)
{
	wr(w->m, STATUS, 0);
	accept_features(w->m,
			1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_INDIRECT_DESC | features);
	assert_int_equal(rd(w->m, STATUS), ACK_DRIVER | VIRTIO_S_FEATURES_OK);
	for (unsigned k = queues; k-- > 0;)
		queue_up(w, k);
	wr(w->m, STATUS, UP);
}

/* The device at (net), up with three queues, or more where it has them. */
static struct world *begin(struct machine *m, const char *net, const char *spec, uint64_t features)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err err = {0};

	assert_non_null(w);
	w->m = m;
	if (net_open(&w->nets[0], net, &(struct net_env){.clock = &m->clock}, &err))
		fail_msg("%s", err.msg);
	m->env.net = w->nets;
	w->d = machine_add(m, spec);
	up(w, features, strstr(spec, "pairs=2") ? 5 : 3);
	return w;
}

static void end(struct world *w)
{
	w->m->env.net = w->m->net;
	dev_free(w->d);
	net_close(w->nets[0]);
	free(w);
}

/* A receive buffer at IN + n * STEP, without the doorbell. */
static void buffer(struct world *w, unsigned queue, unsigned n, uint32_t len)
{
	struct virtq_buf b = {IN + n * STEP, len, true};

	virtq_driver_offer(&w->q[queue], (uint16_t)virtq_driver_chain(&w->q[queue], &b, 1));
	virtq_driver_publish(&w->q[queue]);
}

static void ring(struct world *w, unsigned queue)
{
	wr(w->m, QUEUE_NOTIFY, queue);
}

/* Header (h) and w->frame from (queue), in one buffer. It comes back with nothing stored. */
static void send_with(struct world *w, unsigned queue, const uint8_t h[HEADER], uint32_t len)
{
	struct virtq_buf b = {OUT, HEADER + len, false};
	uint32_t id, used;

	assert_int_equal(gmem_write(w->m->env.mem, OUT, h, HEADER), 0);
	assert_int_equal(gmem_write(w->m->env.mem, OUT + HEADER, w->frame, len), 0);
	virtq_driver_offer(&w->q[queue], (uint16_t)virtq_driver_chain(&w->q[queue], &b, 1));
	virtq_driver_publish(&w->q[queue]);
	ring(w, queue);
	assert_true(virtq_driver_used(&w->q[queue], &id, &used));
	assert_int_equal(used, 0);
}

/* A frame to (to), all (fill) behind its header. */
static void send_to(struct world *w, unsigned queue, const uint8_t *to, uint8_t fill, uint32_t len)
{
	static const uint8_t none[HEADER];

	memset(w->frame, fill, len);
	memcpy(w->frame, to, 6);
	memcpy(w->frame + 12, "\x88\xb5", 2);
	send_with(w, queue, none, len);
}

static void send(struct world *w, uint8_t fill, uint32_t len)
{
	send_to(w, 1, our_mac, fill, len);
}

/* The next used buffer of (queue); its length, UINT32_MAX: none. */
static uint32_t received(struct world *w, unsigned queue)
{
	uint32_t id, len;

	return virtq_driver_used(&w->q[queue], &id, &len) ? len : UINT32_MAX;
}

static uint8_t at(struct world *w, uint64_t gpa)
{
	uint8_t b;

	assert_int_equal(gmem_read(w->m->env.mem, gpa, &b, 1), 0);
	return b;
}

static uint16_t at16(struct world *w, uint64_t gpa)
{
	return (uint16_t)(at(w, gpa) | at(w, gpa + 1) << 8);
}

static uint64_t conf(struct world *w, unsigned off, unsigned size)
{
	return mmio_r(w->m, BASE + VIRTIO_MMIO_CONFIG + off, size);
}

/* 5.1.3, 5.1.4 */
static void configuration(void **state)
{
	struct machine *m = *state;
	struct world *w = begin(m, "loop", "virtio-net", F_CTRL);
	struct err err = {0};
	struct dev *d;

	assert_int_equal(rd(m, DEVICE_ID), 1);
	assert_true(conf(w, 0, 4) == 0x12005452);
	assert_true(conf(w, 4, 2) == 0x5634);
	assert_true(conf(w, 6, 2) == 1);
	assert_true(conf(w, 8, 2) == 1);
	assert_true(conf(w, 12, 4) == 0);
	mmio_w(m, BASE + VIRTIO_MMIO_CONFIG, 1, 9);
	assert_true(last_is_guest_error(m));
	assert_int_equal(conf(w, 0, 1), 0x52);
	wr(m, DEVICE_FEATURES_SEL, 0);
	assert_int_equal(rd(m, DEVICE_FEATURES) & (F(MQ) | F(MTU) | F(MRG) | F(MAC)),
			 F(MRG) | F(MAC));
	wr(m, QUEUE_SEL, 2);
	assert_int_equal(rd(m, QUEUE_NUM_MAX), 256);
	wr(m, QUEUE_SEL, 3);
	assert_int_equal(rd(m, QUEUE_NUM_MAX), 0);
	/* A network has one device; and there must be one. */
	assert_int_equal(dev_new(&d, "virtio-net", &m->env, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "has a device already"));
	assert_int_equal(dev_new(&d, "virtio-net,net=1", &m->env, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "no network 1"));
	assert_int_equal(dev_new(&d, "virtio-net,mtu=67", &m->env, &err), -EINVAL);
	end(w);
	w = begin(m, "loop", "virtio-net,pairs=2,mtu=1400,mac=0x020304050607", F(MQ) | F_CTRL);
	assert_true(conf(w, 0, 4) == 0x05040302);
	assert_true(conf(w, 8, 2) == 2);
	assert_true(conf(w, 10, 2) == 1400);
	wr(m, DEVICE_FEATURES_SEL, 0);
	assert_int_equal(rd(m, DEVICE_FEATURES) & (F(MQ) | F(MTU)), F(MQ) | F(MTU));
	end(w);
}

/* 5.1.6: there and back, however the driver cuts it (2.7.4). */
static void there_and_back(void **state)
{
	struct world *w = begin(*state, "loop", "virtio-net", 0);
	struct virtq_buf out[] = {{OUT, 5, false}, {OUT + 5, 20, false}, {OUT + 25, 47, false}};
	struct virtq_buf in[] = {{IN, 3, true}, {IN + 3, 8, true}, {IN + 11, 200, true}};

	buffer(w, 0, 0, 1526);
	ring(w, 0);
	send(w, 0x77, 60);
	assert_int_equal(received(w, 0), HEADER + 60);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(at(w, IN + i), 0);
	assert_int_equal(at16(w, IN + 10), 1); /* also where buffers are not merged */
	assert_int_equal(at(w, IN + HEADER), 0x52);
	assert_int_equal(at(w, IN + HEADER + 59), 0x77);
	assert_int_equal(w->m->lines, LINE);
	wr(w->m, INTERRUPT_ACK, 1);

	virtq_driver_offer(&w->q[0],
			   (uint16_t)virtq_driver_indirect(&w->q[0], TABLE + 0x2000, in, 3));
	virtq_driver_publish(&w->q[0]);
	virtq_driver_offer(&w->q[1], (uint16_t)virtq_driver_chain(&w->q[1], out, 3));
	virtq_driver_publish(&w->q[1]);
	ring(w, 1);
	assert_int_equal(received(w, 1), 0);
	assert_int_equal(received(w, 0), HEADER + 60);
	assert_int_equal(at(w, IN + HEADER + 59), 0x77);
	/* The longest there is, in one buffer. */
	buffer(w, 0, 1, HEADER + NET_FRAME_MAX);
	send(w, 0x66, NET_FRAME_MAX);
	assert_int_equal(received(w, 0), HEADER + NET_FRAME_MAX);
	end(w);
}

/* Frames wait for buffers, in order; as many as there may be. */
static void no_buffers(void **state)
{
	struct world *w = begin(*state, "loop", "virtio-net", 0);

	for (unsigned i = 0; i < NET_QUEUE + 3; i++)
		send(w, (uint8_t)(i + 1), 60);
	assert_int_equal(received(w, 0), UINT32_MAX);
	assert_int_equal(w->nets[0]->stats.overrun, 3);
	buffer(w, 0, 0, 1526);
	buffer(w, 0, 1, 1526);
	ring(w, 0);
	assert_int_equal(received(w, 0), HEADER + 60);
	assert_int_equal(received(w, 0), HEADER + 60);
	assert_int_equal(received(w, 0), UINT32_MAX);
	assert_int_equal(at(w, IN + HEADER + 20), 1);
	assert_int_equal(at(w, IN + STEP + HEADER + 20), 2);
	/* What waits survives the device's reset, as it would on the wire: the driver is not up yet. */
	up(w, 0, 3);
	buffer(w, 0, 0, 1526);
	ring(w, 0);
	assert_int_equal(received(w, 0), HEADER + 60);
	assert_int_equal(at(w, IN + HEADER + 20), 3);
	end(w);
}

/* 5.1.6.3.2 */
static void merged(void **state)
{
	struct world *w = begin(*state, "loop", "virtio-net", F(MRG));

	for (unsigned i = 0; i < 4; i++)
		buffer(w, 0, i, 1000);
	send(w, 0x31, 3000);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(received(w, 0), 1000);
	assert_int_equal(received(w, 0), 12);
	assert_int_equal(at16(w, IN + 10), 4);
	assert_int_equal(at(w, IN + 3 * STEP + 11), 0x31);
	/* Not enough of them: none is touched until there are. */
	assert_int_equal(gmem_write(w->m->env.mem, IN, "\xee\xee", 2), 0);
	buffer(w, 0, 0, 1000);
	buffer(w, 0, 1, 1000);
	ring(w, 0);
	send(w, 0x32, 2500);
	assert_int_equal(received(w, 0), UINT32_MAX);
	assert_int_equal(at(w, IN), NOTHING);
	send(w, 0x33, 60);
	assert_int_equal(received(w, 0), UINT32_MAX); /* behind it */
	buffer(w, 0, 2, 1000);
	buffer(w, 0, 3, 13);
	ring(w, 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(received(w, 0), 1000);
	assert_int_equal(received(w, 0), 512);
	assert_int_equal(at16(w, IN + 10), 3);
	assert_int_equal(received(w, 0), UINT32_MAX);
	/* The header alone in the first one, even less than it in the first two. */
	buffer(w, 0, 4, 100);
	ring(w, 0);
	assert_int_equal(received(w, 0), 13);
	assert_int_equal(received(w, 0), 59);
	assert_int_equal(at16(w, IN + 3 * STEP + 10), 2);
	buffer(w, 0, 0, 5);
	buffer(w, 0, 1, 6);
	buffer(w, 0, 2, 500);
	send(w, 0x34, 60);
	assert_int_equal(received(w, 0), 5);
	assert_int_equal(received(w, 0), 6);
	assert_int_equal(received(w, 0), 61);
	/* A malformed one comes back by itself. */
	virtq_driver_offer(&w->q[0],
			   (uint16_t)virtq_driver_chain(
				   &w->q[0], &(struct virtq_buf){1ull << 40, 9, true}, 1));
	buffer(w, 0, 1, 500);
	send(w, 0x35, 60);
	assert_int_equal(received(w, 0), 0);
	assert_int_equal(received(w, 0), 72);
	/* All of the ring is not enough: no use in waiting. */
	for (unsigned i = 0; i < NUM; i++)
		buffer(w, 0, 0, 40);
	send(w, 0x36, 5000);
	assert_int_equal(received(w, 0), UINT32_MAX);
	send(w, 0x37, 60);
	assert_int_equal(received(w, 0), 40);
	assert_int_equal(received(w, 0), 32);
	end(w);
}

/* A buffer that is too small, where it is not merged, comes back empty. */
static void too_small(void **state)
{
	struct world *w = begin(*state, "loop", "virtio-net", 0);

	buffer(w, 0, 0, HEADER + 59);
	buffer(w, 0, 1, HEADER + 60);
	send(w, 0x41, 60);
	assert_int_equal(received(w, 0), 0);
	assert_int_equal(received(w, 0), UINT32_MAX);
	send(w, 0x42, 60);
	assert_int_equal(received(w, 0), HEADER + 60);
	virtq_driver_offer(&w->q[0], (uint16_t)virtq_driver_chain(
					     &w->q[0], &(struct virtq_buf){IN, 900, false}, 1));
	buffer(w, 0, 1, 1526);
	send(w, 0x43, 60);
	assert_int_equal(received(w, 0), 0);
	assert_int_equal(received(w, 0), HEADER + 60);
	assert_int_equal(rd(w->m, STATUS), UP);
	end(w);
}

/* 5.1.6.2.2 */
static void bad_frames(void **state)
{
	static const uint8_t headers[][HEADER] = {
		{1, 0, 0, 0, 0, 0, 34, 0, 6, 0}, /* a checksum */
		{0, 1, 54, 0, 100, 0},		 /* a large one */
		{1, 1, 54, 0, 100, 0, 34, 0, 16},
		{1, 4, 54, 0, 100, 0, 34, 0, 16},
		{1, 3, 54, 0, 100, 0, 34, 0, 6},
		{0, 77},
	};
	static const uint8_t good[][HEADER] = {
		{0x80, 0, 0, 0, 0, 0, 255, 255, 255, 255}, /* an unknown flag is nothing */
		{0, 0, 255, 255, 255, 255},
	};
	struct virtq_buf b = {OUT, 0, false};
	struct world *w = begin(*state, "loop", "virtio-net", 0);
	struct net_stats *s = &w->nets[0]->stats;

	for (uint32_t len = 0; len < HEADER + 14; len++) {
		b.len = len;
		virtq_driver_offer(&w->q[1], (uint16_t)virtq_driver_chain(&w->q[1], &b, 1));
		virtq_driver_publish(&w->q[1]);
		ring(w, 1);
		assert_int_equal(received(w, 1), 0);
	}
	b.len = HEADER + NET_FRAME_MAX + 1;
	virtq_driver_offer(&w->q[1], (uint16_t)virtq_driver_chain(&w->q[1], &b, 1));
	b.gpa = 1ull << 40;
	virtq_driver_offer(&w->q[1], (uint16_t)virtq_driver_chain(&w->q[1], &b, 1));
	b = (struct virtq_buf){OUT, 100, true};
	virtq_driver_offer(&w->q[1], (uint16_t)virtq_driver_chain(&w->q[1], &b, 1));
	virtq_driver_publish(&w->q[1]);
	ring(w, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(received(w, 1), 0);
	memset(w->frame, 0, 200);
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		send_with(w, 1, headers[i], 200);
	assert_int_equal(s->sent, 0);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		send_with(w, 1, good[i], 200);
	assert_int_equal(s->sent, 2);
	/* Negotiated, but the frame is none of that; TSO without CSUM, ECN without TSO. */
	up(w, F(CSUM) | F(HOST_TSO4) | F(HOST_TSO6), 3);
	for (size_t i = 1; i < ARRAY_SIZE(headers); i++)
		send_with(w, 1, headers[i], 200);
	send_with(w, 1, (const uint8_t[HEADER]){1, 0, 0, 0, 0, 0, 198, 0, 1, 0}, 200);
	assert_int_equal(s->bad, 3);
	up(w, F(HOST_TSO4) | F(HOST_ECN), 3);
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		send_with(w, 1, headers[i], 200);
	assert_int_equal(s->sent, 2);
	assert_int_equal(rd(w->m, STATUS), UP);
	end(w);
}

/* Ethernet, IPv4, TCP and (data) bytes; the checksum field as a driver leaves it. */
static uint32_t make_tcp(struct world *w, uint32_t data)
{
	uint8_t *f = w->frame;
	uint32_t sum;

	memset(f, 0, 54);
	memset(f + 54, 0x5a, data);
	memcpy(f, our_mac, 6);
	memcpy(f + 12, "\x08\x00\x45\x00", 4);
	f[16] = (uint8_t)((40 + data) >> 8);
	f[17] = (uint8_t)(40 + data);
	memcpy(f + 22, "\x40\x06\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02", 12);
	f[46] = 5 << 4;
	sum = net_csum_add(6 + 20 + data, f + 26, 8);
	sum = (uint16_t)~net_csum_fold(sum);
	f[50] = (uint8_t)(sum >> 8);
	f[51] = (uint8_t)sum;
	return 54 + data;
}

static bool tcp_sum_is_right(struct world *w, uint64_t gpa, uint32_t len)
{
	static uint8_t f[4096];

	assert_int_equal(gmem_read(w->m->env.mem, gpa, f, len), 0);
	return !net_csum_fold(
		net_csum_add(net_csum_add(6 + len - 34, f + 26, 8), f + 34, len - 34));
}

static void offloads(void **state)
{
	uint8_t h[HEADER] = {1, 0, 0, 0, 0, 0, 34, 0, 16, 0};
	struct world *w = begin(*state, "loop", "virtio-net", F(CSUM) | F(HOST_TSO4));
	uint32_t len = make_tcp(w, 101);

	for (unsigned i = 0; i < 4; i++)
		buffer(w, 0, i, 1526);
	send_with(w, 1, h, len);
	assert_int_equal(received(w, 0), HEADER + len);
	assert_int_equal(at(w, IN), 0);
	assert_true(tcp_sum_is_right(w, IN + HEADER, len));
	len = make_tcp(w, 2500);
	h[1] = 1;
	st_le16(h + 4, 1000);
	send_with(w, 1, h, len);
	for (unsigned i = 1; i < 4; i++) {
		uint32_t want = 54 + (i < 3 ? 1000 : 500);

		assert_int_equal(received(w, 0), HEADER + want);
		assert_int_equal(at(w, IN + i * STEP + 1), 0);
		assert_int_equal(at16(w, IN + i * STEP + 10), 1);
		assert_true(tcp_sum_is_right(w, IN + i * STEP + HEADER, want));
	}
	end(w);
	/* To a driver that takes them as they are. */
	w = begin(*state, "loop,meta=1", "virtio-net",
		  F(CSUM) | F(HOST_TSO4) | F(GUEST_CSUM) | F(GUEST_TSO4));
	len = make_tcp(w, 2500);
	buffer(w, 0, 0, 3000);
	send_with(w, 1, h, len);
	assert_int_equal(received(w, 0), HEADER + len);
	assert_int_equal(at(w, IN), 1);
	assert_int_equal(at(w, IN + 1), 1);
	assert_int_equal(at16(w, IN + 4), 1000);
	assert_int_equal(at16(w, IN + 6), 34);
	assert_int_equal(at16(w, IN + 8), 16);
	/* TSO without the checksum that it needs: none of it. */
	up(w, F(CSUM) | F(HOST_TSO4) | F(GUEST_TSO4), 3);
	for (unsigned i = 0; i < 4; i++)
		buffer(w, 0, i, 3000);
	send_with(w, 1, h, len);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(received(w, 0), HEADER + 54 + (i < 2 ? 1000 : 500));
		assert_int_equal(at(w, IN + i * STEP), 0);
	}
	end(w);
}

/* ---- control ---------------------------------------------------------------------------------------- */

static uint8_t command(struct world *w, unsigned queue, uint16_t what, const void *data,
		       uint32_t len)
{
	uint8_t head[2] = {(uint8_t)(what >> 8), (uint8_t)what}, ack = NOTHING;
	struct virtq_buf b[] = {{COMMAND, 2, false}, {COMMAND + 2, len, false}, {ACK, 1, true}};
	struct virtq_driver *q = &w->q[queue];
	uint32_t id, used;

	assert_int_equal(gmem_write(w->m->env.mem, COMMAND, head, 2), 0);
	if (len)
		assert_int_equal(gmem_write(w->m->env.mem, COMMAND + 2, data, len), 0);
	assert_int_equal(gmem_write(w->m->env.mem, ACK, &ack, 1), 0);
	if (!len)
		b[1] = b[2];
	virtq_driver_offer(q, (uint16_t)virtq_driver_chain(q, b, len ? 3 : 2));
	virtq_driver_publish(q);
	ring(w, queue);
	assert_true(virtq_driver_used(q, &id, &used));
	assert_int_equal(used, 1);
	return at(w, ACK);
}

#define ok(...)	     assert_int_equal(command(__VA_ARGS__), 0)
#define refused(...) assert_int_equal(command(__VA_ARGS__), 1)

/* Does a frame to (mac) come in? */
static bool comes(struct world *w, const char *mac)
{
	buffer(w, 0, 0, 1526);
	send_to(w, 1, (const uint8_t *)mac, 0x99, 60);
	if (received(w, 0) != UINT32_MAX)
		return true;
	/* Take the buffer back by one that comes: ours. */
	send(w, 0x11, 60);
	assert_int_equal(received(w, 0), HEADER + 60);
	return false;
}

#define OURS  "\x52\x54\x00\x12\x34\x56"
#define OTHER "\x02\x00\x00\x00\x00\x01"
#define MULTI "\x01\x00\x5e\x00\x00\x01"
#define ALL   "\xff\xff\xff\xff\xff\xff"

/* 5.1.6.5.1, 5.1.6.5.2 */
static void filters(void **state)
{
	struct world *w = begin(*state, "loop", "virtio-net", F_CTRL);
	static uint8_t many[8 + 70 * 6];
	static const uint8_t tables[] = "\x01\x00\x00\x00" OTHER "\x01\x00\x00\x00" MULTI;

	assert_true(comes(w, OTHER) && comes(w, MULTI) && comes(w, ALL));
	ok(w, 2, 0x000, "", 1);
	assert_true(!comes(w, OTHER) && !comes(w, MULTI) && comes(w, ALL) && comes(w, OURS));
	ok(w, 2, 0x001, "\1", 1);
	assert_true(comes(w, MULTI) && !comes(w, OTHER));
	ok(w, 2, 0x001, "", 1);
	ok(w, 2, 0x002, "\1", 1);
	assert_true(!comes(w, MULTI) && comes(w, OTHER));
	ok(w, 2, 0x002, "", 1);
	ok(w, 2, 0x005, "\1", 1);
	assert_false(comes(w, ALL));
	ok(w, 2, 0x005, "", 1);
	ok(w, 2, 0x100, tables, 20);
	assert_true(comes(w, OTHER) && comes(w, MULTI));
	assert_true(!comes(w, "\x02\0\0\0\0\2") && !comes(w, "\x01\x00\x5e\0\0\2"));
	ok(w, 2, 0x003, "\1", 1);
	assert_true(comes(w, OTHER) && !comes(w, MULTI));
	ok(w, 2, 0x003, "", 1);
	/* Ill-formed ones change nothing. */
	for (uint32_t len = 0; len < 20; len++)
		refused(w, 2, 0x100, tables, len);
	refused(w, 2, 0x100, "\xff\xff\xff\xff\0\0\0\0", 8);
	refused(w, 2, 0x100, "\0\0\0\0\0\0\0\0\0", 9);
	refused(w, 2, 0x000, "\2", 1);
	refused(w, 2, 0x000, "\1\1", 2);
	refused(w, 2, 0x000, "", 0);
	assert_true(comes(w, OTHER) && comes(w, MULTI));
	/* More than the table holds: all of that kind. */
	st_le32(many, 65);
	ok(w, 2, 0x100, many, 8 + 65 * 6);
	assert_true(comes(w, OTHER) && !comes(w, MULTI));
	ok(w, 2, 0x100, "\0\0\0\0\0\0\0\0", 8);
	assert_true(!comes(w, OTHER));
	/* No unicast at all, not even to us. */
	ok(w, 2, 0x002, "\1", 1);
	ok(w, 2, 0x004, "\1", 1);
	buffer(w, 0, 0, 1526);
	send(w, 1, 60);
	assert_int_equal(received(w, 0), UINT32_MAX);
	up(w, F_CTRL, 3); /* all of it is as at first */
	assert_true(comes(w, OTHER) && comes(w, MULTI));
	end(w);
}

/* 5.1.6.5.2.2, 5.1.6.5.3: MAC and VLANs */
static void mac_and_vlans(void **state)
{
	struct world *w = begin(*state, "loop", "virtio-net", F_CTRL);
	static const uint8_t none[HEADER];

	ok(w, 2, 0x101, OTHER, 6);
	assert_true(conf(w, 0, 4) == 2 && conf(w, 4, 2) == 0x0100);
	refused(w, 2, 0x101, MULTI, 6);
	refused(w, 2, 0x101, OURS "\0", 7);
	assert_true(conf(w, 0, 4) == 2);
	for (unsigned i = 0; i < 3; i++) {
		buffer(w, 0, 0, 1526);
		memset(w->frame, 0, 64);
		memcpy(w->frame + 12, "\x81\x00\x2f\xff", 4);
		if (i == 1)
			ok(w, 2, 0x200, "\xff\x0f", 2);
		if (i == 2)
			ok(w, 2, 0x201, "\xff\x0f", 2);
		send_with(w, 1, none, 64);
		assert_int_equal(received(w, 0), i == 1 ? HEADER + 64 : UINT32_MAX);
	}
	refused(w, 2, 0x200, "\x00\x10", 2);
	refused(w, 2, 0x200, "\x00", 1);
	up(w, F(CTRL), 3);
	assert_true(conf(w, 0, 4) == 0x12005452);
	/* Nothing of this was negotiated. */
	for (unsigned what = 0; what <= 5; what++)
		refused(w, 2, (uint16_t)what, "\1", 1);
	refused(w, 2, 0x100, "\0\0\0\0\0\0\0\0", 8);
	refused(w, 2, 0x101, OTHER, 6);
	refused(w, 2, 0x200, "\1\0", 2);
	refused(w, 2, 0x300, "", 0);
	refused(w, 2, 0x400, "\1\0", 2);
	refused(w, 2, 0x006, "\1", 1);
	refused(w, 2, 0xffff, "\1", 1);
	end(w);
}

static void bad_commands(void **state)
{
	struct world *w = begin(*state, "loop", "virtio-net", F_CTRL);
	struct virtq_buf no_ack[] = {{COMMAND, 3, false}};
	struct virtq_buf tiny[] = {{COMMAND, 1, false}, {ACK, 1, true}};
	struct virtq_buf only_ack[] = {{ACK, 4, true}};
	struct virtq_buf huge[] = {{COMMAND, 0x10000, false}, {ACK, 1, true}};

	assert_int_equal(gmem_write(w->m->env.mem, COMMAND, "\0\0\0", 3), 0);
	virtq_driver_offer(&w->q[2], (uint16_t)virtq_driver_chain(&w->q[2], no_ack, 1));
	virtq_driver_offer(&w->q[2], (uint16_t)virtq_driver_chain(&w->q[2], tiny, 2));
	virtq_driver_offer(&w->q[2], (uint16_t)virtq_driver_chain(&w->q[2], only_ack, 1));
	virtq_driver_offer(&w->q[2], (uint16_t)virtq_driver_chain(&w->q[2], huge, 2));
	virtq_driver_publish(&w->q[2]);
	ring(w, 2);
	assert_int_equal(received(w, 2), 0);
	assert_int_equal(received(w, 2), 1);
	assert_int_equal(received(w, 2), 1);
	assert_int_equal(received(w, 2), 1);
	assert_int_equal(at(w, ACK), 1);
	assert_true(comes(w, OTHER)); /* promiscuous still */
	/* A control queue that was not negotiated is none. */
	up(w, 0, 3);
	virtq_driver_offer(&w->q[2], (uint16_t)virtq_driver_chain(&w->q[2], tiny, 2));
	virtq_driver_publish(&w->q[2]);
	ring(w, 2);
	assert_true(last_is_guest_error(w->m));
	assert_int_equal(received(w, 2), UINT32_MAX);
	assert_int_equal(rd(w->m, STATUS), UP);
	end(w);
}

/* 5.1.4.1: what is longer than the MTU is not for the driver. */
static void mtu(void **state)
{
	struct world *w = begin(*state, "loop", "virtio-net,mtu=1000", F(MTU));
	static const uint8_t none[HEADER];

	buffer(w, 0, 0, 1526);
	send(w, 1, 1015);
	assert_int_equal(received(w, 0), UINT32_MAX);
	send(w, 1, 1014);
	assert_int_equal(received(w, 0), HEADER + 1014);
	buffer(w, 0, 0, 1526);
	memcpy(w->frame + 12, "\x81\x00", 2);
	send_with(w, 1, none, 1018);
	assert_int_equal(received(w, 0), HEADER + 1018);
	up(w, 0, 3);
	buffer(w, 0, 0, 1526);
	send(w, 1, 1015);
	assert_int_equal(received(w, 0), HEADER + 1015);
	end(w);
}

/* 5.1.6.5.4, and the status in the configuration */
static void link_and_announce(void **state)
{
	struct world *w = begin(*state, "script:=at 1us link down; at 2us link up; at 3us announce",
				"virtio-net", F_CTRL);
	uint64_t generation = rd(w->m, CONFIG_GENERATION);

	clock_advance(&w->m->clock, 1000);
	assert_int_equal(conf(w, 6, 2), 0);
	assert_int_equal(rd(w->m, INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
	assert_true(rd(w->m, CONFIG_GENERATION) != generation);
	send(w, 1, 60);
	assert_int_equal(w->nets[0]->stats.sent, 0);
	wr(w->m, INTERRUPT_ACK, 3);
	clock_advance(&w->m->clock, 1000);
	assert_int_equal(conf(w, 6, 2), 1);
	assert_int_equal(rd(w->m, INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
	wr(w->m, INTERRUPT_ACK, 2);
	clock_advance(&w->m->clock, 1000);
	assert_int_equal(conf(w, 6, 2), 3);
	assert_int_equal(rd(w->m, INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
	refused(w, 2, 0x300, "x", 1);
	ok(w, 2, 0x300, "", 0);
	assert_int_equal(conf(w, 6, 2), 1);
	end(w);
	w = begin(*state, "script:=at 3us link down; at 4us announce", "virtio-net", 0);
	wr(w->m, INTERRUPT_ACK, 3);
	clock_advance(&w->m->clock, 5000);
	assert_int_equal(rd(w->m, INTERRUPT_STATUS), 0);
	end(w);
}

/* ---- queue pairs, 5.1.6.5.5 ------------------------------------------------------------------------- */

static void pairs(void **state)
{
	static const uint8_t none[HEADER];
	struct world *w = begin(*state, "loop", "virtio-net,pairs=2", F_CTRL | F(MQ));
	uint32_t len;

	refused(w, 4, 0x400, "\0\0", 2);
	refused(w, 4, 0x400, "\3\0", 2);
	refused(w, 4, 0x400, "\1", 1);
	/* One pair is in use at first, whichever queue it was sent by. */
	buffer(w, 0, 0, 1526);
	buffer(w, 2, 1, 1526);
	len = make_tcp(w, 10);
	send_with(w, 3, none, len);
	assert_int_equal(received(w, 0), HEADER + len);
	ok(w, 4, 0x400, "\2\0", 2);
	(void)make_tcp(w, 10);
	send_with(w, 3, none, len);
	assert_int_equal(received(w, 2), HEADER + len);
	/* The flow goes over to the other pair with the driver. */
	buffer(w, 0, 0, 1526);
	buffer(w, 2, 1, 1526);
	(void)make_tcp(w, 10);
	send_with(w, 1, none, len);
	assert_int_equal(received(w, 0), HEADER + len);
	/* A queue that was stopped: the first one takes its frames. */
	wr(w->m, QUEUE_SEL, 2);
	wr(w->m, QUEUE_READY, 0);
	buffer(w, 0, 0, 1526);
	(void)make_tcp(w, 10);
	send_with(w, 3, none, len);
	assert_int_equal(received(w, 0), HEADER + len);
	/* Without MQ the third queue is the control queue, and there is no other. */
	up(w, F_CTRL, 5);
	ok(w, 2, 0x000, "\1", 1);
	ring(w, 4);
	assert_true(last_is_guest_error(w->m));
	end(w);
}

/* ---- in flight --------------------------------------------------------------------------------------- */

#define DELAY 1000u

static void offer_frames(struct world *w, unsigned n)
{
	struct virtq_buf b = {OUT, HEADER + 60, false};

	for (unsigned i = 0; i < n; i++)
		virtq_driver_offer(&w->q[1], (uint16_t)virtq_driver_chain(&w->q[1], &b, 1));
	virtq_driver_publish(&w->q[1]);
	ring(w, 1);
}

static void reset_in_flight(void **state)
{
	struct world *w = begin(*state, "loop,delay=400", "virtio-net,delay=1000", F_CTRL);
	struct virtio *v = container_of(w->d, struct virtio, dev);
	uint64_t fresh;

	wr(w->m, STATUS, 0);
	fresh = dev_hash(w->d, 0);
	up(w, F_CTRL, 3);
	for (unsigned i = 0; i < 4; i++)
		buffer(w, 0, i, 1526);
	ring(w, 0);
	offer_frames(w, 4);
	assert_int_equal(v->nr_late, 4);
	clock_advance(&w->m->clock, 450);
	assert_int_equal(v->nr_late, 8); /* the frames are stored, the buffers under way */
	wr(w->m, STATUS, 0);
	assert_true(dev_hash(w->d, 0) == fresh);
	up(w, F_CTRL, 3);
	clock_advance(&w->m->clock, 3 * DELAY);
	for (unsigned k = 0; k < 3; k++)
		assert_int_equal(received(w, k), UINT32_MAX);
	/* One queue alone: the others' come. */
	for (unsigned i = 0; i < 4; i++)
		buffer(w, 0, i, 1526);
	ring(w, 0);
	offer_frames(w, 3);
	clock_advance(&w->m->clock, 450);
	wr(w->m, QUEUE_SEL, 0);
	wr(w->m, QUEUE_READY, 0);
	clock_advance(&w->m->clock, 3 * DELAY);
	assert_int_equal(received(w, 0), UINT32_MAX);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(received(w, 1), 0);
	assert_int_equal(rd(w->m, STATUS), UP);
	/* Frames for a queue that is not there wait. */
	offer_frames(w, 1);
	clock_advance(&w->m->clock, 3 * DELAY);
	queue_up(w, 0);
	buffer(w, 0, 0, 1526);
	ring(w, 0);
	clock_advance(&w->m->clock, 3 * DELAY);
	assert_int_equal(received(w, 0), HEADER + 60);
	end(w);
}

/* What is under way in the device and on the wire goes on after going back. */
static void saved_in_flight(void **state)
{
	struct world *w = begin(*state, "loop,delay=700", "virtio-net,delay=1000", F_CTRL);
	struct virtq_driver q[3];
	struct buf saved = {0};
	struct err err = {0};
	uint64_t hash[2];
	size_t used;

	for (unsigned i = 0; i < 6; i++)
		buffer(w, 0, i, 1526);
	ring(w, 0);
	offer_frames(w, 3);
	clock_advance(&w->m->clock, 600);
	offer_frames(w, 3);
	clock_advance(&w->m->clock, 300);
	assert_int_equal(dev_save(w->d, &saved), 0);
	assert_int_equal(net_mark(w->nets[0], &err), 0);
	memcpy(q, w->q, sizeof(q));
	for (unsigned i = 0; i < 2; i++) {
		uint8_t seen[2] = {0, 0};

		clock_advance(&w->m->clock, 400);
		assert_int_equal(w->nets[0]->stats.received, 6);
		clock_advance(&w->m->clock, 4 * DELAY);
		while (received(w, 0) == HEADER + 60)
			seen[0]++;
		while (received(w, 1) == 0)
			seen[1]++;
		assert_int_equal(seen[0] + seen[1], i ? 12 - used : 12);
		hash[i] = dev_hash(w->d, 0);
		if (i)
			break;
		dev_reset(w->d);
		w->m->clock.now = 900;
		assert_int_equal(net_rewind(w->nets[0], &err), 0);
		assert_int_equal(dev_load(w->d, saved.p, saved.len, &used, &err), 0);
		/* The driver's memory stays as it is here: what was used before the snapshot is not again. */
		used = 0;
		for (unsigned k = 0; k < 2; k++) {
			w->q[k] = q[k];
			w->q[k].used_idx = container_of(w->d, struct virtio, dev)->q[k].used_idx;
			used += w->q[k].used_idx;
			assert_int_equal(gmem_write(w->m->env.mem, q[k].used + 2,
						    (uint8_t[]){(uint8_t)w->q[k].used_idx, 0}, 2),
					 0);
		}
	}
	assert_true(hash[0] == hash[1]);
	buf_free(&saved);
	end(w);
}

/* With merged buffers nothing may come between them: they go back at once, in order. */
static void merged_is_not_late(void **state)
{
	struct world *w = begin(*state, "loop", "virtio-net,delay=1000", F(MRG));
	struct virtio *v = container_of(w->d, struct virtio, dev);

	for (unsigned i = 0; i < 4; i++)
		buffer(w, 0, i, 30);
	offer_frames(w, 1);
	assert_int_equal(v->nr_late, 1); /* what was sent */
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(received(w, 0), 30);
	assert_int_equal(received(w, 0), 12);
	clock_advance(&w->m->clock, 2 * DELAY);
	assert_int_equal(received(w, 1), 0);
	end(w);
}

static void packed_ring(void **state)
{
	struct machine *m = *state;
	struct world *w = begin(m, "loop", "virtio-net,packed=1", 0);
	struct virtq_pdriver *q = calloc(2, sizeof(*q));
	struct virtq_buf in = {IN, 50, true}, out[2] = {{OUT, 12, false}, {OUT + 12, 100, false}};
	uint32_t len;
	uint16_t id;

	assert_non_null(q);
	wr(m, STATUS, 0);
	accept_features(m, 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_RING_PACKED | F(MRG));
	for (unsigned k = 0; k < 2; k++) {
		assert_int_equal(
			virtq_pdriver_init(&q[k], m->env.mem, 7, RINGS + 0x1000 * k, false), 0);
		tell_queue_n(m, k,
			     &(struct virtq_driver){.num = 7,
						    .desc = q[k].desc,
						    .avail = q[k].avail,
						    .used = q[k].used});
		wr(m, QUEUE_READY, 1);
		assert_int_equal(rd(m, QUEUE_READY), 1);
	}
	wr(m, STATUS, UP);
	assert_int_equal(gmem_write(m->env.mem, OUT, "\0\0\0\0\0\0\0\0\0\0\0\0", 12), 0);
	for (unsigned turn = 0; turn < 10; turn++) {
		assert_int_equal(virtq_pdriver_put(&q[0], &in, 1, 100), 0);
		assert_int_equal(virtq_pdriver_put(&q[0], &in, 1, 101), 0);
		assert_int_equal(virtq_pdriver_put(&q[1], out, 2, 7), 0);
		ring(w, 1);
		assert_true(virtq_pdriver_used(&q[1], &id, &len));
		assert_int_equal(id, 7);
		assert_false(virtq_pdriver_used(&q[0], &id, &len));
		in.gpa = IN + STEP;
		assert_int_equal(virtq_pdriver_put(&q[0], &in, 1, 102), 0);
		in.gpa = IN;
		ring(w, 0);
		for (unsigned i = 0; i < 3; i++) {
			assert_true(virtq_pdriver_used(&q[0], &id, &len));
			assert_int_equal(id, 100 + i);
			assert_int_equal(len, i < 2 ? 50 : 12);
		}
		assert_false(virtq_pdriver_used(&q[0], &id, &len));
	}
	free(q);
	end(w);
}

/* Doorbells at the wrong time, and a device that cannot go on: frames wait. */
static void not_up(void **state)
{
	struct world *w = begin(*state, "loop,delay=100", "virtio-net", 0);

	buffer(w, 0, 0, 1526);
	ring(w, 0);
	send(w, 5, 60);
	/* A head that is none: the queue is broken, the device needs a reset. */
	virtq_driver_offer(&w->q[1], 999);
	virtq_driver_publish(&w->q[1]);
	ring(w, 1);
	assert_int_equal(rd(w->m, STATUS) & VIRTIO_S_NEEDS_RESET, VIRTIO_S_NEEDS_RESET);
	clock_advance(&w->m->clock, 1000);
	assert_int_equal(received(w, 0), UINT32_MAX);
	up(w, 0, 3);
	virtq_driver_offer(&w->q[0], 999);
	virtq_driver_publish(&w->q[0]);
	ring(w, 0);
	assert_int_equal(rd(w->m, STATUS) & VIRTIO_S_NEEDS_RESET, VIRTIO_S_NEEDS_RESET);
	assert_int_equal(w->nets[0]->stats.received, 1); /* it was lost with the queue */
	end(w);
}

static void bad_saved_state(void **state)
{
	struct world *w = begin(*state, "loop", "virtio-net,pairs=2", 0);
	static const char *const fields[] = {"uni.n", "multi.n", "pairs"};
	struct err err = {0};
	struct buf saved = {0};
	uint64_t hash = dev_hash(w->d, 0);
	size_t used;

	assert_int_equal(dev_save(w->d, &saved), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		size_t len = strlen(fields[i]);
		char *at = memmem(saved.p, saved.len, fields[i], len), was[4];

		/* behind the name: kind, 0, size, count, the value */
		assert_non_null(at);
		memcpy(was, at + len + 10, 2);
		memcpy(at + len + 10, "\xff\x00", 2);
		assert_int_equal(dev_load(w->d, saved.p, saved.len, &used, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "saved tables"));
		assert_true(dev_hash(w->d, 0) == hash);
		memcpy(at + len + 10, was, 2);
	}
	assert_int_equal(dev_load(w->d, saved.p, saved.len, &used, &err), 0);
	buf_free(&saved);
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(configuration),
		machine_test(there_and_back),
		machine_test(no_buffers),
		machine_test(merged),
		machine_test(too_small),
		machine_test(bad_frames),
		machine_test(offloads),
		machine_test(filters),
		machine_test(mac_and_vlans),
		machine_test(bad_commands),
		machine_test(mtu),
		machine_test(link_and_announce),
		machine_test(pairs),
		machine_test(reset_in_flight),
		machine_test(saved_in_flight),
		machine_test(merged_is_not_late),
		machine_test(packed_ring),
		machine_test(not_up),
		machine_test(bad_saved_state),
	};

	return cmocka_run_group_tests_name("virtio-net", tests, NULL, NULL);
}
