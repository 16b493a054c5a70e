/* SPDX-License-Identifier: MIT */
/*
 * What takes its time in a virtio device: doorbells, completions, in order and not, short transfers, by
 * the seed; with resets, snapshots and lost memory in between, and snapshots that cannot be.
 */
#include "test_virtio.h"

#include <errno.h>
#include <stdlib.h>

#define DELAY	    1000u
#define HEADER	    0x28000u
#define BLK_STATUS  0x29000u
#define SECTOR_DATA 0x50000u

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
		put_bufs(&q, 16, 8);
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
	put_bufs(&q, VIRTIO_LATE + 3, 8);
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
			put_bufs(&q, 32, 100);
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
		put_bufs(&q, 2, 8);
		wr(m, QUEUE_NOTIFY, 0);
		wr(m, QUEUE_NOTIFY, 0); /* says nothing new */
		put_bufs(&q, 1, 8);
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
	put_bufs(&q, 2, 8);
	wr(m, QUEUE_NOTIFY, 0);
	virtio_broken(virtio(d), "for the test");
	clock_advance(&m->clock, 2000);
	assert_int_equal(count_used(&q), 0);
	assert_int_equal(clock_next(&m->clock), CLOCK_NEVER);
	dev_free(d);
}

/* The rings go away while requests are under way: the device needs its reset, and the driver is told. */
static void rings_gone_meanwhile(void **state)
{
	struct machine *m = *state;

	for (unsigned in_order = 0; in_order < 2; in_order++) {
		struct dev *d = machine_add(m, in_order ? "virtio-rng,in_order=1,delay=1000"
							: "virtio-rng,delay=1000");
		struct virtq_driver q;

		m->lines = 0;
		bring_up(m, &q, F_ALL | (in_order ? F_IN_ORDER : 0), 16);
		put_bufs(&q, 2, 8);
		wr(m, QUEUE_NOTIFY, 0);
		assert_int_equal(gmem_remove(m->env.mem, 0), 0);
		clock_advance(&m->clock, 2 * DELAY);
		assert_int_equal(rd(m, STATUS), UP | VIRTIO_S_NEEDS_RESET);
		assert_int_equal(rd(m, INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
		assert_int_equal(m->lines, LINE);
		virtio_broken(virtio(d), "once more says nothing");
		assert_int_equal(gmem_add(m->env.mem, 0, TEST_RAM, GMEM_RAM, NULL), 0);
		wr(m, STATUS, 0);
		bring_up(m, &q, F_ALL, 16);
		dev_free(d);
	}
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
		put_bufs(&q, 6, 64);
		wr(m, QUEUE_NOTIFY, 0);
		clock_advance(&m->clock, 2000); /* some are back, some are not */
		put_bufs(&q, 4, 64);
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
	put_bufs(&q, 4, 8);
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

/* Saved status, features and interrupts that contradict each other. */
static void bad_saved_status(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtio *v = virtio(d);
	struct virtq_driver q;

	bring_up(m, &q, F_ALL, 16);
	for (unsigned i = 0; i < 7; i++) {
		struct virtio *was = malloc(sizeof(*was));
		uint64_t hash = dev_hash(d, 0);
		struct buf saved = {0};
		struct err err = {0};
		size_t used;

		assert_non_null(was);
		memcpy(was, v, sizeof(*was));
		switch (i) {
		case 0:
			v->status |= 0x10;
			break;
		case 1:
			v->interrupt_status = 4;
			break;
		case 2:
			v->irq_level = true;
			break;
		case 3:
			v->driver_features |= 1;
			break;
		case 4:
			v->driver_features &= ~F_BIT(VIRTIO_F_VERSION_1);
			break;
		case 5:
			v->status &= ~VIRTIO_S_FEATURES_OK;
			break;
		default:
			v->q[0].event_idx = false;
			break;
		}
		assert_int_equal(dev_save(d, &saved), 0);
		memcpy(v, was, sizeof(*was));
		free(was);
		assert_int_equal(dev_load(d, saved.p, saved.len, &used, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "virtio: saved"));
		assert_true(dev_hash(d, 0) == hash);
		buf_free(&saved);
	}
	put_bufs(&q, 1, 8);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(count_used(&q), 1);
	dev_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(in_order_and_late),
		machine_test(in_order_and_too_many),
		machine_test(short_transfers),
		machine_test(started_later),
		machine_test(cancelled),
		machine_test(broken_meanwhile),
		machine_test(rings_gone_meanwhile),
		machine_test(saved_under_way),
		machine_test(bad_saved_order),
		machine_test(bad_saved_status),
	};

	return cmocka_run_group_tests_name("virtio late", tests, NULL, NULL);
}
