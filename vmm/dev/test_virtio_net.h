/* SPDX-License-Identifier: MIT */
/* What the tests of virtio-net share: the device at a network, its queues, frames and commands. */
#ifndef VMM_DEV_TEST_VIRTIO_NET_H
#define VMM_DEV_TEST_VIRTIO_NET_H

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

static inline void queue_up(struct world *w, unsigned k)
{
	assert_int_equal(virtq_driver_init(&w->q[k], w->m->env.mem, NUM, RINGS + 0x1000 * k, false),
			 0);
	tell_queue_n(w->m, k, &w->q[k]);
	wr(w->m, QUEUE_READY, 1);
	assert_int_equal(rd(w->m, QUEUE_READY), 1);
}

static inline void up(struct world *w, uint64_t features, unsigned queues)
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
static inline struct world *begin(struct machine *m, const char *net, const char *spec,
				  uint64_t features)
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

static inline void end(struct world *w)
{
	w->m->env.net = w->m->net;
	dev_free(w->d);
	net_close(w->nets[0]);
	free(w);
}

/* A receive buffer at IN + n * STEP, without the doorbell. */
static inline void buffer(struct world *w, unsigned queue, unsigned n, uint32_t len)
{
	struct virtq_buf b = {IN + n * STEP, len, true};

	virtq_driver_offer(&w->q[queue], (uint16_t)virtq_driver_chain(&w->q[queue], &b, 1));
	virtq_driver_publish(&w->q[queue]);
}

static inline void ring(struct world *w, unsigned queue)
{
	wr(w->m, QUEUE_NOTIFY, queue);
}

/* Header (h) and w->frame from (queue), in one buffer. It comes back with nothing stored. */
static inline void send_with(struct world *w, unsigned queue, const uint8_t h[HEADER], uint32_t len)
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
static inline void send_to(struct world *w, unsigned queue, const uint8_t *to, uint8_t fill,
			   uint32_t len)
{
	static const uint8_t none[HEADER];

	memset(w->frame, fill, len);
	memcpy(w->frame, to, 6);
	memcpy(w->frame + 12, "\x88\xb5", 2);
	send_with(w, queue, none, len);
}

static inline void send(struct world *w, uint8_t fill, uint32_t len)
{
	send_to(w, 1, our_mac, fill, len);
}

/* The next used buffer of (queue); its length, UINT32_MAX: none. */
static inline uint32_t received(struct world *w, unsigned queue)
{
	uint32_t id, len;

	return virtq_driver_used(&w->q[queue], &id, &len) ? len : UINT32_MAX;
}

static inline uint8_t at(struct world *w, uint64_t gpa)
{
	uint8_t b;

	assert_int_equal(gmem_read(w->m->env.mem, gpa, &b, 1), 0);
	return b;
}

static inline uint16_t at16(struct world *w, uint64_t gpa)
{
	return (uint16_t)(at(w, gpa) | at(w, gpa + 1) << 8);
}

static inline uint64_t conf(struct world *w, unsigned off, unsigned size)
{
	return mmio_r(w->m, BASE + VIRTIO_MMIO_CONFIG + off, size);
}

/* Ethernet, IPv4, TCP and (data) bytes; the checksum field as a driver leaves it. */
static inline uint32_t make_tcp(struct world *w, uint32_t data)
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

static inline uint8_t command(struct world *w, unsigned queue, uint16_t what, const void *data,
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

#endif
