/* SPDX-License-Identifier: MIT */
/* virtio-blk: requests in flight: their order, resets, saved and loaded; the packed ring. */
#include "test_virtio_blk.h"

#include <errno.h>
#include <stdlib.h>

#define DELAY 1000u

/* Reads of sector 1, 2, 3, ... each to a page and with a status of its own. */
static void start(struct world *w, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		struct virtq_buf b[3] = {{HEADER + 16 * i, 16, false},
					 {DATA + 0x1000 * i, BLK_SECTOR, true},
					 {STATUS_ + i, 1, true}};
		uint8_t h[16] = {0};

		st_le64(&h[8], i + 1);
		assert_int_equal(gmem_write(w->m->env.mem, HEADER + 16 * i, h, 16), 0);
		virtq_driver_offer(&w->q, (uint16_t)virtq_driver_chain(&w->q, b, 3));
	}
	virtq_driver_publish(&w->q);
	wr(w->m, QUEUE_NOTIFY, 0);
}

static uint64_t order(struct world *w, unsigned nr)
{
	uint64_t seen = 0;
	uint32_t id, len;

	for (unsigned i = 0; i < nr; i++) {
		assert_true(virtq_driver_used(&w->q, &id, &len));
		assert_int_equal(len, BLK_SECTOR + 1);
		seen = seen << 6 | id / 3;
	}
	assert_false(virtq_driver_used(&w->q, &id, &len));
	return seen;
}

static void late_in_an_order_of_the_seed(void **state)
{
	struct world w = {0};
	uint64_t first = 0;
	uint32_t id, len;

	for (unsigned i = 0; i < 3; i++) {
		uint64_t seen;

		((struct machine *)*state)->env.seed = i == 2 ? 99 : 1;
		w = (struct world){0};
		begin(&w, *state, "virtio-blk,delay=1000", F_BLOCK);
		start(&w, 8);
		assert_false(virtq_driver_used(&w.q, &id, &len));
		clock_advance(&w.m->clock, DELAY / 2 - 1);
		assert_false(virtq_driver_used(&w.q, &id, &len));
		assert_int_equal(w.m->lines, 0);
		clock_advance(&w.m->clock, DELAY + 1);
		assert_int_equal(w.m->lines, LINE);
		seen = order(&w, 8);
		if (!i)
			first = seen;
		else
			assert_int_equal(seen == first, i == 1);
		assert_int_equal(clock_next(&w.m->clock), CLOCK_NEVER);
		wr(w.m, INTERRUPT_ACK, 1);
		end(&w);
	}
	assert_int_not_equal(first, 0x1083105187); /* 0, 1, 2, ... would be no order of a seed's */
}

/* More than there is room for come at once rather than never. */
static void many_in_flight(void **state)
{
	struct world w = {0};
	uint32_t id, len;
	unsigned n = 0;

	begin(&w, *state, "virtio-blk,delay=1000", F_BLOCK);
	for (unsigned i = 0; i < VIRTIO_LATE + 5; i++) {
		struct virtq_buf b[] = {{HEADER, 16, false}, {STATUS_, 1, true}};

		put_header(&w, T_FLUSH, 0);
		virtq_driver_offer(&w.q,
				   (uint16_t)virtq_driver_indirect(&w.q, TABLE + 64 * i, b, 2));
	}
	virtq_driver_publish(&w.q);
	wr(w.m, QUEUE_NOTIFY, 0);
	while (virtq_driver_used(&w.q, &id, &len))
		n++;
	assert_int_equal(n, 5);
	clock_advance(&w.m->clock, 2 * DELAY);
	while (virtq_driver_used(&w.q, &id, &len))
		n++;
	assert_int_equal(n, VIRTIO_LATE + 5);
	end(&w);
}

static void reset_in_flight(void **state)
{
	struct world w = {0};
	uint64_t fresh;
	uint32_t id, len;

	begin(&w, *state, "virtio-blk,delay=1000", F_BLOCK);
	wr(w.m, STATUS, 0);
	fresh = dev_hash(w.d, 0);
	bring_up(w.m, &w.q, F_ALL, 64);
	start(&w, 4);
	wr(w.m, STATUS, 0);
	assert_true(dev_hash(w.d, 0) == fresh);
	assert_int_equal(clock_next(&w.m->clock), CLOCK_NEVER);
	/* The driver starts anew, with the same rings: nothing old comes. */
	bring_up(w.m, &w.q, F_ALL, 64);
	clock_advance(&w.m->clock, 2 * DELAY);
	assert_false(virtq_driver_used(&w.q, &id, &len));
	assert_int_equal(w.m->lines, 0);
	/* The same by taking the queue back. */
	start(&w, 4);
	wr(w.m, QUEUE_SEL, 0);
	wr(w.m, QUEUE_READY, 0);
	clock_advance(&w.m->clock, 2 * DELAY);
	assert_false(virtq_driver_used(&w.q, &id, &len));
	assert_int_equal(rd(w.m, STATUS), UP);
	end(&w);
}

static void saved_in_flight(void **state)
{
	struct world w = {0};
	struct buf saved = {0};
	struct virtq_driver q;
	uint64_t first;
	size_t used;

	begin(&w, *state, "virtio-blk,delay=1000", F_BLOCK);
	start(&w, 6);
	assert_int_equal(dev_save(w.d, &saved), 0);
	q = w.q;
	clock_advance(&w.m->clock, 2 * DELAY);
	first = order(&w, 6);
	/* Back: the driver's side is its memory, of which the used ring's index is enough here. */
	dev_reset(w.d);
	w.q = q;
	assert_int_equal(gmem_write(w.m->env.mem, q.used + 2, "\0\0", 2), 0);
	assert_int_equal(dev_load(w.d, saved.p, saved.len, &used, NULL), 0);
	clock_advance(&w.m->clock, 2 * DELAY);
	assert_true(order(&w, 6) == first);
	buf_free(&saved);
	end(&w);
}

/* The same device over a packed ring, its completions late and out of order. */
static void packed_ring(void **state)
{
	struct world w = {0};
	struct virtq_pdriver *q = calloc(1, sizeof(*q));
	struct machine *m = *state;
	uint64_t seen = 0;
	uint32_t len;
	uint16_t id;

	assert_non_null(q);
	begin(&w, m, "virtio-blk,packed=1,delay=1000", F_BLOCK);
	wr(m, STATUS, 0);
	assert_int_equal(virtq_pdriver_init(q, m->env.mem, 20, RINGS, true), 0);
	accept_features(m, F_ALL | F_BLOCK | 1ull << VIRTIO_F_RING_PACKED);
	assert_int_equal(rd(m, STATUS), ACK_DRIVER | VIRTIO_S_FEATURES_OK);
	tell_queue(m, &(struct virtq_driver){
			      .num = 20, .desc = q->desc, .avail = q->avail, .used = q->used});
	wr(m, QUEUE_READY, 1);
	assert_int_equal(rd(m, QUEUE_READY), 1);
	wr(m, STATUS, UP);
	for (unsigned turn = 0; turn < 3; turn++) {
		uint16_t at = (uint16_t)(q->used_idx | (q->used_wrap ? VIRTQ_EVENT_WRAP : 0));

		virtq_pdriver_event(q, at, VIRTQ_EVENT_DESC);
		for (unsigned i = 0; i < 6; i++) {
			struct virtq_buf b[3] = {{HEADER + 16 * i, 16, false},
						 {DATA + 0x1000 * i, BLK_SECTOR, true},
						 {STATUS_ + i, 1, true}};
			uint8_t h[16] = {0};

			st_le64(&h[8], i + 1);
			assert_int_equal(gmem_write(m->env.mem, HEADER + 16 * i, h, 16), 0);
			assert_int_equal(virtq_pdriver_put(q, b, 3, (uint16_t)(1000 + i)), 0);
		}
		wr(m, QUEUE_NOTIFY, 0);
		assert_false(virtq_pdriver_used(q, &id, &len));
		clock_advance(&m->clock, 2 * DELAY);
		assert_int_equal(m->lines, LINE);
		wr(m, INTERRUPT_ACK, 1);
		for (unsigned i = 0; i < 6; i++) {
			assert_true(virtq_pdriver_used(q, &id, &len));
			assert_int_equal(len, BLK_SECTOR + 1);
			seen |= 1ull << (id - 1000 + 8 * turn);
			assert_data(&w, DATA + 0x1000u * (id - 1000u), (uint8_t)(id - 999), 8);
		}
		assert_false(virtq_pdriver_used(q, &id, &len));
	}
	assert_int_equal(seen, 0x3f3f3f);
	free(q);
	end(&w);
}

/* What was saved must be of requests that are in flight. */
static void bad_saved_completions(void **state)
{
	struct world w = {0};
	struct buf saved = {0};
	struct virtio *v;
	struct err err = {0};
	uint64_t hash;
	size_t used;

	begin(&w, *state, "virtio-blk,delay=1000", F_BLOCK);
	start(&w, 3);
	v = container_of(w.d, struct virtio, dev);
	hash = dev_hash(w.d, 0);
	for (unsigned i = 0; i < 8; i++) {
		struct virtio *was = malloc(sizeof(*was));

		assert_non_null(was);
		memcpy(was, v, sizeof(*was));
		switch (i) {
		case 0:
			v->nr_late = VIRTIO_LATE + 1;
			break;
		case 1:
			v->late[1].head = v->late[0].head;
			break;
		case 2:
			v->late[1].head = 63;
			break;
		case 3:
			v->late[1].head = 64;
			break;
		case 4:
			v->late[1].slots = 2;
			break;
		case 5:
			v->late[1].slots = 0;
			break;
		case 6:
			v->late[2].queue = 1;
			break;
		default:
			v->late[0].due = v->late[2].due + 1;
			break;
		}
		saved.len = 0;
		assert_int_equal(dev_save(w.d, &saved), 0);
		memcpy(v, was, sizeof(*was));
		free(was);
		assert_int_equal(dev_load(w.d, saved.p, saved.len, &used, &err), -EINVAL);
		assert_non_null(strstr(err.msg, i ? "completion" : "virtio"));
		assert_true(dev_hash(w.d, 0) == hash);
	}
	clock_advance(&w.m->clock, 2 * DELAY);
	(void)order(&w, 3);
	buf_free(&saved);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(late_in_an_order_of_the_seed),
		machine_test(many_in_flight),
		machine_test(reset_in_flight),
		machine_test(saved_in_flight),
		machine_test(packed_ring),
		machine_test(bad_saved_completions),
	};

	return cmocka_run_group_tests_name("virtio-blk-flight", tests, NULL, NULL);
}
