/* SPDX-License-Identifier: MIT */
/*
 * Queues of virtio devices as the transport sees them: reset of one (virtio 1.2 section 2.6.1), set-up in
 * any order, IN_ORDER, NOTIFICATION_DATA, sizes; and what takes its time: doorbells, completions, short
 * transfers and errors by the seed, with resets and snapshots in between.
 */
#include "test_virtio.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define F_RESET	    F_BIT(VIRTIO_F_RING_RESET)
#define F_IN_ORDER  F_BIT(VIRTIO_F_IN_ORDER)
#define F_DATA	    F_BIT(VIRTIO_F_NOTIFICATION_DATA)
#define ANOTHER	    0x20000u /* another place for rings */
#define DELAY	    1000u
#define HEADER	    0x28000u
#define BLK_STATUS  0x29000u
#define SECTOR_DATA 0x50000u

static struct virtio *virtio(struct dev *d)
{
	return container_of(d, struct virtio, dev);
}

/* (n) buffers of (len) bytes on offer, without a doorbell. */
static void put(struct virtq_driver *q, unsigned n, uint32_t len)
{
	struct virtq_buf b = {BUFS, len, true};

	for (unsigned i = 0; i < n; i++)
		virtq_driver_offer(q, (uint16_t)virtq_driver_chain(q, &b, 1));
	virtq_driver_publish(q);
}

static unsigned count_used(struct virtq_driver *q)
{
	uint32_t id, len;
	unsigned n = 0;

	while (virtq_driver_used(q, &id, &len))
		n++;
	return n;
}

/* ---- one queue's reset and set-up ------------------------------------------------------------------ */

static void reset_of_one_queue(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_driver q;

	bring_up(m, &q, F_ALL | F_RESET, 16);
	put(&q, 3, 8);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(count_used(&q), 3);
	assert_int_equal(rd(m, QUEUE_RESET), 0);
	wr(m, QUEUE_RESET, 1);
	assert_int_equal(rd(m, QUEUE_RESET), 0);
	assert_int_equal(rd(m, QUEUE_READY), 0);
	assert_int_equal(rd(m, STATUS), UP);
	/* All of it is as at first, and what is on offer is left alone. */
	assert_int_equal(virtio(d)->q[0].num, 256);
	assert_int_equal(virtio(d)->q[0].last_avail, 0);
	assert_true(virtio(d)->q[0].desc == 0 && virtio(d)->q[0].avail == 0);
	put(&q, 1, 8);
	wr(m, QUEUE_NOTIFY, 0);
	assert_true(last_is_guest_error(m));
	assert_int_equal(count_used(&q), 0);
	/* Again, with another size at another place. */
	assert_int_equal(virtq_driver_init(&q, m->env.mem, 4, ANOTHER, true), 0);
	tell_queue(m, &q);
	wr(m, QUEUE_READY, 1);
	assert_int_equal(rd(m, QUEUE_READY), 1);
	put(&q, 4, 8);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(count_used(&q), 4);
	dev_free(d);
}

static void reset_that_was_not_agreed_on(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_driver q;

	wr(m, QUEUE_RESET, 1); /* before any features */
	assert_true(last_is_guest_error(m));
	bring_up(m, &q, F_ALL, 16);
	wr(m, QUEUE_RESET, 1);
	assert_true(last_is_guest_error(m));
	assert_int_equal(rd(m, QUEUE_READY), 1);
	wr(m, STATUS, 0);
	bring_up(m, &q, F_ALL | F_RESET, 16);
	for (uint32_t v = 2; v; v <<= 1) {
		wr(m, QUEUE_RESET, v);
		assert_true(last_is_guest_error(m));
	}
	wr(m, QUEUE_RESET, 0);
	wr(m, QUEUE_SEL, 1); /* is not there */
	wr(m, QUEUE_RESET, 1);
	assert_true(last_is_guest_error(m));
	assert_int_equal(rd(m, QUEUE_RESET), 0);
	wr(m, QUEUE_SEL, 0);
	assert_int_equal(rd(m, QUEUE_READY), 1);
	put(&q, 1, 8);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(count_used(&q), 1);
	dev_free(d);
}

/* A broken queue is mended by its reset; the device still needs its own (2.1.2). */
static void reset_of_a_broken_queue(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_driver q;

	bring_up(m, &q, F_ALL | F_RESET, 16);
	q.offer_idx = 100;
	virtq_driver_publish(&q);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(rd(m, STATUS), UP | VIRTIO_S_NEEDS_RESET);
	wr(m, QUEUE_RESET, 1);
	assert_int_equal(virtio(d)->q[0].broken, VIRTQ_OK);
	assert_int_equal(rd(m, STATUS), UP | VIRTIO_S_NEEDS_RESET);
	wr(m, STATUS, 0);
	bring_up(m, &q, F_ALL, 16);
	dev_free(d);
}

/* Queues of one device, made ready, stopped and reset in any order, before DRIVER_OK and after. */
static void any_order(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-blk,queues=4");
	static const uint8_t order[][4] = {{3, 1, 0, 2}, {0, 1, 2, 3}, {2, 0, 3, 1}};
	struct virtq_driver q[4];
	struct virtq_buf b[] = {{HEADER, 16, false}, {BLK_STATUS, 1, true}};
	uint8_t header[16] = {8}; /* VIRTIO_BLK_T_GET_ID */

	assert_int_equal(gmem_write(m->env.mem, HEADER, header, 16), 0);
	for (unsigned t = 0; t < ARRAY_SIZE(order); t++) {
		wr(m, STATUS, 0);
		accept_features(m, F_ALL | F_RESET | F_BIT(12));
		for (unsigned i = 0; i < 4; i++) {
			unsigned k = order[t][i];

			assert_int_equal(virtq_driver_init(&q[k], m->env.mem, 4u << k,
							   RINGS + 0x2000 * k, true),
					 0);
			if (i == 2)
				wr(m, STATUS, UP);
			tell_queue_n(m, k, &q[k]);
			wr(m, QUEUE_READY, 1);
			assert_int_equal(rd(m, QUEUE_READY), 1);
		}
		for (unsigned i = 0; i < 4; i++) {
			unsigned k = order[t][3 - i];

			for (unsigned o = 0; o < 4; o++) {
				bool alive = virtio(d)->q[o].ready;
				uint16_t head = (uint16_t)virtq_driver_chain(&q[o], b, 2);

				virtq_driver_offer(&q[o], head);
				virtq_driver_publish(&q[o]);
				wr(m, QUEUE_NOTIFY, o);
				assert_int_equal(count_used(&q[o]), alive);
			}
			wr(m, QUEUE_SEL, k);
			if (i & 1)
				wr(m, QUEUE_READY, 0);
			else
				wr(m, QUEUE_RESET, 1);
			assert_int_equal(rd(m, QUEUE_READY), 0);
		}
		assert_int_equal(rd(m, STATUS), UP);
	}
	dev_free(d);
}

/* ---- sizes ------------------------------------------------------------------------------------------ */

static void sizes(void **state)
{
	struct machine *m = *state;
	struct virtq_pdriver *p = calloc(1, sizeof(*p));
	struct err err = {0};
	struct dev *d;

	assert_non_null(p);
	for (uint32_t n = 1; n <= 16384; n *= 4) {
		char spec[64];
		struct virtq_driver q;
		uint32_t len;
		uint16_t id;

		(void)snprintf(spec, sizeof(spec), "virtio-rng,queue_max=%u,packed=1", n);
		d = machine_add(m, spec);
		assert_int_equal(rd(m, QUEUE_NUM_MAX), n);
		bring_up(m, &q, F_ALL, n);
		for (unsigned i = 0; i < 3; i++) {
			struct virtq_buf b = {0xf0000, 1, true};

			for (uint32_t k = 0; k < n; k++)
				virtq_driver_offer(&q, (uint16_t)virtq_driver_chain(&q, &b, 1));
			virtq_driver_publish(&q);
			wr(m, QUEUE_NOTIFY, 0);
			assert_int_equal(count_used(&q), n);
		}
		wr(m, STATUS, 0);
		bring_up_packed(m, p, F_ALL, n);
		for (unsigned i = 0; i < 3; i++) {
			struct virtq_buf b = {0xf0000, 1, true};

			for (uint32_t k = 0; k < n; k++)
				assert_int_equal(virtq_pdriver_put(p, &b, 1, (uint16_t)k), 0);
			wr(m, QUEUE_NOTIFY, 0);
			for (uint32_t k = 0; k < n; k++)
				assert_true(virtq_pdriver_used(p, &id, &len));
			assert_false(virtq_pdriver_used(p, &id, &len));
		}
		dev_free(d);
	}
	assert_int_equal(dev_new(&d, "virtio-rng,queue_max=3", &m->env, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "power of two"));
	assert_int_equal(dev_new(&d, "virtio-rng,queue_max=65536", &m->env, &err), -EINVAL);
	/* What a driver may give in one request is what is left of a queue. */
	d = machine_add(m, "virtio-blk,queue_max=16");
	assert_int_equal(mmio_r(m, BASE + VIRTIO_MMIO_CONFIG + 12, 4), 14);
	dev_free(d);
	free(p);
}

/* ---- notification data ------------------------------------------------------------------------------ */

static void notification_data(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng,notify_data=1,packed=1");
	struct virtq_pdriver *p = calloc(1, sizeof(*p));
	static const uint16_t wrong[] = {0, 2, 0x8001, 0xffff};
	struct virtq_buf b = {BUFS, 8, true};
	struct virtq_driver q;
	uint32_t len;
	uint16_t id;

	assert_non_null(p);
	bring_up(m, &q, F_ALL | F_DATA, 16);
	put(&q, 1, 8);
	trace_clear(m->env.trace);
	wr(m, QUEUE_NOTIFY, 1u << 16);
	assert_false(last_is_guest_error(m));
	assert_int_equal(count_used(&q), 1);
	wr(m, QUEUE_NOTIFY, 1u << 16); /* once more, nothing new */
	assert_false(last_is_guest_error(m));
	/* Wrong: told, and served all the same. */
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		put(&q, 1, 8);
		trace_clear(m->env.trace);
		wr(m, QUEUE_NOTIFY, (uint32_t)(wrong[i] + i + (i ? 1 : 0)) << 16);
		assert_int_equal(count_used(&q), 1);
	}
	assert_int_equal(rd(m, STATUS), UP);
	trace_clear(m->env.trace);
	wr(m, QUEUE_NOTIFY, 1); /* no such queue, whatever is on top */
	assert_true(last_is_guest_error(m));
	wr(m, QUEUE_NOTIFY, 0xffffffff);
	assert_true(last_is_guest_error(m));

	/* Not negotiated: all 32 bits are the queue. */
	wr(m, STATUS, 0);
	bring_up(m, &q, F_ALL, 16);
	put(&q, 1, 8);
	wr(m, QUEUE_NOTIFY, 1u << 16);
	assert_int_equal(count_used(&q), 0);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(count_used(&q), 1);

	wr(m, STATUS, 0);
	bring_up_packed(m, p, F_ALL | F_DATA, 3);
	for (unsigned i = 0; i < 10; i++) {
		uint32_t at;

		assert_int_equal(virtq_pdriver_put(p, &b, 1, 7), 0);
		at = p->next | (p->wrap ? VIRTQ_EVENT_WRAP : 0);
		trace_clear(m->env.trace);
		wr(m, QUEUE_NOTIFY, at << 16);
		assert_false(last_is_guest_error(m));
		assert_true(virtq_pdriver_used(p, &id, &len));
		wr(m, QUEUE_NOTIFY, (at ^ VIRTQ_EVENT_WRAP) << 16);
		assert_true(last_is_guest_error(m));
		assert_int_equal(rd(m, STATUS), UP);
	}
	free(p);
	dev_free(d);
}

/* The guest error is there for each wrong value, before the doorbell is answered. */
static void wrong_notification_data_is_told(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng,notify_data=1");
	struct virtq_driver q;

	bring_up(m, &q, F_ALL | F_DATA, 16);
	for (uint32_t data = 1; data < 0x10000; data = data * 2 + 1) {
		trace_clear(m->env.trace);
		wr(m, QUEUE_NOTIFY, data << 16);
		assert_true(last_is_guest_error(m));
	}
	dev_free(d);
}

/* ---- in order ----------------------------------------------------------------------------------------- */

/* Late completions come in order, and what comes at one time is one entry. */
static void in_order_and_late(void **state)
{
	struct machine *m = *state;

	for (unsigned seed = 1; seed < 20; seed++) {
		struct dev *d;
		struct virtq_driver q;
		uint32_t id, len, done = 0, entries = 0;

		m->env.seed = seed;
		d = machine_add(m, "virtio-rng,in_order=1,delay=1000");
		bring_up(m, &q, F_ALL | F_IN_ORDER, 16);
		virtq_driver_suppress(&q, false, 15);
		put(&q, 16, 8);
		wr(m, QUEUE_NOTIFY, 0);
		for (unsigned t = 0; t < 2 * DELAY; t++) {
			assert_int_equal(m->lines, 0);
			assert_int_equal(clock_advance(&m->clock, 1), 0);
			while (virtq_driver_used(&q, &id, &len)) {
				assert_true(id >= done);
				assert_int_equal(len, 8);
				virtq_driver_skip(&q, id - done);
				done = id + 1;
				entries++;
			}
			if (done == 16)
				break;
		}
		assert_int_equal(done, 16);
		assert_true(entries < 16);
		assert_int_equal(m->lines, LINE);
		dev_free(d);
	}
}

/* More than VIRTIO_LATE: what comes at once waits in the queue for what is under way. */
static void in_order_and_too_many(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng,in_order=1,delay=1000");
	struct virtq_driver q;
	uint32_t id, len;

	bring_up(m, &q, F_ALL | F_IN_ORDER, 64);
	put(&q, VIRTIO_LATE + 3, 8);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(virtio(d)->nr_late, VIRTIO_LATE);
	assert_int_equal(virtio(d)->q[0].nr_held, 3);
	clock_advance(&m->clock, 2 * DELAY);
	assert_int_equal(virtio(d)->nr_late, 0);
	assert_int_equal(virtio(d)->q[0].nr_held, 0);
	assert_int_equal(rd(m, INTERRUPT_STATUS), 1);
	for (uint32_t done = 0; done < VIRTIO_LATE + 3; done = id + 1) {
		assert_true(virtq_driver_used(&q, &id, &len));
		assert_true(id >= done);
		virtq_driver_skip(&q, id - done);
	}
	assert_false(virtq_driver_used(&q, &id, &len));
	assert_int_equal(clock_next(&m->clock), CLOCK_NEVER);
	dev_free(d);
}

/* Short ones are in the ring themselves. */
static void short_transfers(void **state)
{
	struct machine *m = *state;
	unsigned cut[3] = {0};

	for (unsigned t = 0; t < 3; t++) {
		struct dev *d;
		struct virtq_driver q;
		uint32_t id, len, done = 0;

		m->env.seed = t == 2 ? 5 : 4;
		d = machine_add(m, "virtio-rng,in_order=1,short=3");
		bring_up(m, &q, F_ALL | F_IN_ORDER, 64);
		for (unsigned i = 0; i < 4; i++) {
			put(&q, 32, 100);
			wr(m, QUEUE_NOTIFY, 0);
			while (virtq_driver_used(&q, &id, &len)) {
				uint32_t skipped = (id - done) % 64;

				virtq_driver_skip(&q, skipped);
				done = (id + 1) % 64;
				assert_true(len >= 1 && len <= 100);
				cut[t] = cut[t] * 31 + len;
			}
			assert_int_equal(done, 32 * (i + 1) % 64);
		}
		dev_free(d);
	}
	assert_int_equal(cut[0], cut[1]);
	assert_int_not_equal(cut[0], cut[2]);
}

/* ---- doorbells that are answered later ---------------------------------------------------------------- */

static void started_later(void **state)
{
	struct machine *m = *state;
	uint64_t at[4];

	for (unsigned t = 0; t < 4; t++) {
		struct dev *d;
		struct virtq_driver q;

		m->env.seed = t == 3 ? 7 : 3;
		d = machine_add(m, "virtio-rng,start=1000");
		bring_up(m, &q, F_ALL, 16);
		put(&q, 2, 8);
		wr(m, QUEUE_NOTIFY, 0);
		wr(m, QUEUE_NOTIFY, 0); /* says nothing new */
		put(&q, 1, 8);
		assert_int_equal(count_used(&q), 0);
		at[t] = clock_next(&m->clock) - clock_now(&m->clock);
		assert_true(at[t] >= 1 && at[t] <= 1000);
		clock_advance(&m->clock, at[t] - 1);
		assert_int_equal(count_used(&q), 0);
		clock_advance(&m->clock, 1);
		assert_int_equal(count_used(&q), 3);
		assert_int_equal(m->lines, LINE);
		assert_int_equal(clock_next(&m->clock), CLOCK_NEVER);
		dev_free(d);
	}
	assert_true(at[0] == at[1] && at[1] == at[2] && at[0] != at[3]);
}

/* What was not started is never done; what was done and is not back never comes back. */
static void cancelled(void **state)
{
	struct machine *m = *state;
	static const char *const specs[] = {"virtio-blk,start=1000,delay=10000"};
	uint8_t header[16] = {1}; /* VIRTIO_BLK_T_OUT, sector 0 */
	struct virtq_buf b[] = {
		{HEADER, 16, false}, {SECTOR_DATA, BLK_SECTOR, false}, {BLK_STATUS, 1, true}};

	assert_int_equal(gmem_write(m->env.mem, HEADER, header, 16), 0);
	for (unsigned how = 0; how < 8; how++) {
		struct dev *d = machine_add(m, specs[0]);
		bool started = how & 1;
		struct virtq_driver q;
		uint8_t byte;

		byte = (uint8_t)(how + 1);
		assert_int_equal(gmem_write(m->env.mem, SECTOR_DATA, &byte, 1), 0);
		bring_up(m, &q, F_ALL | F_RESET, 16);
		virtq_driver_offer(&q, (uint16_t)virtq_driver_chain(&q, b, 3));
		virtq_driver_publish(&q);
		wr(m, QUEUE_NOTIFY, 0);
		if (started)
			clock_advance(&m->clock, 1000);
		assert_int_equal(virtio(d)->nr_late, started);
		switch (how / 2) {
		case 0:
			wr(m, STATUS, 0);
			break;
		case 1:
			wr(m, QUEUE_RESET, 1);
			break;
		case 2:
			wr(m, QUEUE_READY, 0);
			break;
		default:
			dev_reset(d);
			break;
		}
		assert_int_equal(clock_next(&m->clock), CLOCK_NEVER);
		clock_advance(&m->clock, 100000);
		assert_int_equal(count_used(&q), 0);
		assert_int_equal(m->lines, 0);
		assert_int_equal(blk_read(m->disk[0], 0, &byte, 1), 0);
		assert_int_equal(byte == how + 1, started);
		dev_free(d);
	}
}

/* A device that needs its reset answers no doorbell that rang before. */
static void broken_meanwhile(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng,start=1000");
	struct virtq_driver q;

	bring_up(m, &q, F_ALL, 16);
	put(&q, 2, 8);
	wr(m, QUEUE_NOTIFY, 0);
	virtio_broken(virtio(d), "for the test");
	clock_advance(&m->clock, 2000);
	assert_int_equal(count_used(&q), 0);
	assert_int_equal(clock_next(&m->clock), CLOCK_NEVER);
	dev_free(d);
}

/* ---- saved with requests under way --------------------------------------------------------------------- */

/* What comes after a load is what came without one, byte for byte of memory and state. */
static void saved_under_way(void **state)
{
	static const char *const specs[] = {
		"virtio-rng,start=1000,delay=3000,short=4",
		"virtio-rng,start=1000,delay=3000,in_order=1",
		"virtio-rng,delay=3000,short=2,in_order=1",
	};
	struct machine *m = *state;
	uint8_t *ram = malloc(TEST_RAM), *after = malloc(TEST_RAM);

	assert_non_null(ram);
	assert_non_null(after);
	for (unsigned t = 0; t < ARRAY_SIZE(specs); t++) {
		struct dev *d = machine_add(m, specs[t]);
		struct buf saved = {0};
		struct virtq_driver q;
		uint64_t hash;
		size_t used;

		bring_up(m, &q, F_ALL | (strstr(specs[t], "in_order") ? F_IN_ORDER : 0), 16);
		put(&q, 6, 64);
		wr(m, QUEUE_NOTIFY, 0);
		clock_advance(&m->clock, 2000); /* some are back, some are not */
		put(&q, 4, 64);
		wr(m, QUEUE_NOTIFY, 0);
		assert_true(virtio(d)->nr_late > 0);
		assert_int_equal(virtio(d)->start_due[0] != 0, t < 2);
		assert_int_equal(dev_save(d, &saved), 0);
		assert_int_equal(gmem_read(m->env.mem, 0, ram, TEST_RAM), 0);
		clock_advance(&m->clock, 6000);
		assert_int_equal(virtio(d)->nr_late, 0);
		hash = dev_hash(d, 0);
		assert_int_equal(gmem_read(m->env.mem, 0, after, TEST_RAM), 0);
		/* Back in time too. */
		m->clock.now -= 6000;
		dev_free(d);
		d = machine_add(m, specs[t]);
		assert_int_equal(gmem_write(m->env.mem, 0, ram, TEST_RAM), 0);
		assert_int_equal(dev_load(d, saved.p, saved.len, &used, NULL), 0);
		assert_int_equal(used, saved.len);
		clock_advance(&m->clock, 6000);
		assert_true(dev_hash(d, 0) == hash);
		assert_int_equal(gmem_read(m->env.mem, 0, ram, TEST_RAM), 0);
		assert_memory_equal(ram, after, TEST_RAM);
		buf_free(&saved);
		dev_free(d);
	}
	free(ram);
	free(after);
}

/* Saved bytes that are no state of such a device. */
static void bad_saved_order(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng,in_order=1,delay=1000,start=500");
	struct virtio *v = virtio(d);
	struct err err = {0};
	struct virtq_driver q;

	bring_up(m, &q, F_ALL | F_IN_ORDER, 16);
	put(&q, 4, 8);
	wr(m, QUEUE_NOTIFY, 0);
	clock_advance(&m->clock, 500);
	assert_int_equal(v->nr_late, 4);
	for (unsigned i = 0; i < 5; i++) {
		struct virtio *was = malloc(sizeof(*was));
		struct buf saved = {0};
		uint64_t hash = dev_hash(d, 0);
		size_t used;

		assert_non_null(was);
		memcpy(was, v, sizeof(*was));
		switch (i) {
		case 4:
			/* There are as many parts as it says, and no more than there can be. */
			v->q[0].nr_held = UINT32_MAX;
			break;
		case 0:
			v->late[0].seq = v->late[1].seq;
			break;
		case 1:
			v->late[3].seq = 4;
			break;
		case 2:
			v->start_due[1] = 1;
			break;
		default:
			v->q[0].in_order = false;
			break;
		}
		assert_int_equal(dev_save(d, &saved), 0);
		memcpy(v, was, sizeof(*was));
		free(was);
		assert_int_equal(dev_load(d, saved.p, saved.len, &used, &err), -EINVAL);
		assert_true(dev_hash(d, 0) == hash);
		buf_free(&saved);
	}
	clock_advance(&m->clock, 2000);
	assert_int_equal(v->nr_late, 0);
	dev_free(d);
}

/* ---- a device that reaches itself ------------------------------------------------------------------------ */

struct loop {
	struct virtio v;
	unsigned how;
};

static void loop_notify(struct virtio *v, unsigned queue)
{
	struct loop *l = container_of(v, struct loop, v);

	if (l->how == 0)
		virtio_notify(v, queue);
	else if (l->how == 1)
		dev_write(&v->dev, 0, VIRTIO_MMIO_QUEUE_NOTIFY, 4, queue);
	else if (l->how == 2)
		(void)dev_read(&v->dev, 0, VIRTIO_MMIO_STATUS, 4);
	else
		(void)bus_write(v->dev.bus, BUS_MMIO, BASE + VIRTIO_MMIO_QUEUE_SEL, 4, 0);
}

static const struct virtio_class loop_class = {
	.device_id = 42, .nr_queues = 1, .queue_max = 8, .notify = loop_notify};

static int loop_init(struct dev *d, struct err *err)
{
	return virtio_init(d, &loop_class, err);
}

static const struct dev_range loop_ranges[] = {{"regs", BUS_MMIO, BASE, VIRTIO_MMIO_LEN}, {0}};
static const struct state_field loop_state[] = {VIRTIO_STATE_FIELDS, STATE_END};
static const struct dev_class loop_dev = {
	.name = "loop",
	.size = sizeof(struct loop),
	.version = 1,
	.ranges = loop_ranges,
	.state = loop_state,
	.init = loop_init,
	.reset = virtio_reset,
	VIRTIO_MMIO_CLASS_HOOKS,
};

static void re_entry_is_caught(void **state)
{
	struct machine *m = *state;
	struct virtq_driver q;
	struct dev *d;

	assert_int_equal(dev_new_class(&d, &loop_dev, NULL, &m->env, NULL), 0);
	assert_int_equal(dev_attach(d, m->bus, NULL), 0);
	bring_up(m, &q, F_ALL, 8);
	for (unsigned how = 0; how < 4; how++) {
		char said[512] = {0};
		int fd[2], status;
		pid_t pid;

		container_of(d, struct loop, v.dev)->how = how;
		assert_int_equal(pipe(fd), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			(void)signal(SIGABRT, SIG_DFL);
			(void)dup2(fd[1], STDERR_FILENO);
			wr(m, QUEUE_NOTIFY, 0);
			_exit(0);
		}
		(void)close(fd[1]);
		assert_true(read(fd[0], said, sizeof(said) - 1) > 0);
		(void)close(fd[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		assert_non_null(strstr(said, how == 3 ? "depth" : "re-entered"));
	}
	dev_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(reset_of_one_queue),
		machine_test(reset_that_was_not_agreed_on),
		machine_test(reset_of_a_broken_queue),
		machine_test(any_order),
		machine_test(sizes),
		machine_test(notification_data),
		machine_test(wrong_notification_data_is_told),
		machine_test(in_order_and_late),
		machine_test(in_order_and_too_many),
		machine_test(short_transfers),
		machine_test(started_later),
		machine_test(cancelled),
		machine_test(broken_meanwhile),
		machine_test(saved_under_way),
		machine_test(bad_saved_order),
		machine_test(re_entry_is_caught),
	};

	return cmocka_run_group_tests_name("virtio queues", tests, NULL, NULL);
}
