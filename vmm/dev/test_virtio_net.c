/* SPDX-License-Identifier: MIT */
/*
 * virtio-net (virtio 1.2 section 5.1): frames both ways at a loop, buffers of every kind, offloads, what
 * is in flight.
 */
#include "test_virtio_net.h"

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
	/* The count lies in the first buffer's second piece, and is right. */
	virtq_driver_offer(
		&w->q[0],
		(uint16_t)virtq_driver_chain(
			&w->q[0],
			(struct virtq_buf[]){{IN, 4, true}, {IN + 4, 0, true}, {IN + 4, 30, true}},
			3));
	buffer(w, 0, 1, 500);
	send(w, 0x38, 60);
	assert_int_equal(received(w, 0), 34);
	assert_int_equal(received(w, 0), 38);
	assert_int_equal(at16(w, IN + 10), 2);
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
	/* The transport has taken RAM away: nothing is stored until it is back. */
	virtio_stop(container_of(w->d, struct virtio, dev), true);
	clock_advance(&w->m->clock, 1000);
	assert_int_equal(received(w, 0), UINT32_MAX);
	virtio_stop(container_of(w->d, struct virtio, dev), false);
	ring(w, 0);
	assert_int_equal(received(w, 0), HEADER + 60);
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
	assert_int_equal(w->nets[0]->stats.received, 2); /* it was lost with the queue */
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
		machine_test(configuration),   machine_test(there_and_back),
		machine_test(no_buffers),      machine_test(merged),
		machine_test(too_small),       machine_test(bad_frames),
		machine_test(offloads),	       machine_test(reset_in_flight),
		machine_test(saved_in_flight), machine_test(merged_is_not_late),
		machine_test(packed_ring),     machine_test(not_up),
		machine_test(bad_saved_state),
	};

	return cmocka_run_group_tests_name("virtio-net", tests, NULL, NULL);
}
