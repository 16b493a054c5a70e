/* SPDX-License-Identifier: MIT */
/* virtio-balloon (virtio 1.2 section 5.5): pages, statistics, the configuration, load. */
#include "test_balloon.h"

#include <errno.h>

static void identity(void **state)
{
	struct world w;

	begin(&w, *state, "virtio-balloon,target=77", 0);
	assert_int_equal(rd(w.m, DEVICE_ID), 5);
	wr(w.m, DEVICE_FEATURES_SEL, 0);
	assert_int_equal(rd(w.m, DEVICE_FEATURES) & 0xff, F_BALLOON);
	for (unsigned i = 0; i < 6; i++) {
		wr(w.m, QUEUE_SEL, i);
		assert_int_equal(rd(w.m, QUEUE_NUM_MAX), i < 5 ? 128 : 0);
	}
	assert_int_equal(config(&w, NUM_PAGES), 77);
	assert_int_equal(config(&w, ACTUAL), 0);
	assert_int_equal(config(&w, CMD), 0);
	assert_int_equal(config(&w, POISON), 0);
	/* 5.5.4: the driver's are actual, and poison_val where that was negotiated. */
	set_config(&w, ACTUAL, 12);
	assert_false(saw_guest_error(&w));
	assert_int_equal(config(&w, ACTUAL), 12);
	assert_int_equal(balloon_pages(w.d), 12);
	set_config(&w, NUM_PAGES, 1);
	assert_true(saw_guest_error(&w));
	set_config(&w, CMD, 1);
	assert_true(saw_guest_error(&w));
	set_config(&w, POISON, 1);
	assert_true(saw_guest_error(&w));
	mmio_w(w.m, BASE + VIRTIO_MMIO_CONFIG + ACTUAL, 2, 3);
	assert_true(saw_guest_error(&w));
	mmio_w(w.m, BASE + VIRTIO_MMIO_CONFIG + ACTUAL + 1, 1, 3);
	assert_true(saw_guest_error(&w));
	assert_int_equal(config(&w, NUM_PAGES), 77);
	assert_int_equal(config(&w, ACTUAL), 12);
	assert_int_equal(config(&w, POISON), 0);
	wr(w.m, STATUS, 0);
	drive(&w, F_POISON);
	set_config(&w, POISON, 0xaaaaaaaa);
	mmio_w(w.m, BASE + VIRTIO_MMIO_CONFIG + POISON, 2, 3);
	assert_int_equal(config(&w, POISON), 0xaaaaaaaa);
	assert_int_equal(config(&w, ACTUAL), 0);
	assert_int_equal(config(&w, NUM_PAGES), 77);
	end(&w);
}

/* 5.5.6: pages that are given away read as zero; others are as they were. */
static void inflate(void **state)
{
	static const uint32_t list[] = {PFN + 1,  PFN + 2,  PFN + 3, PFN + 9,  PFN + 8,	 PFN + 7,
					PFN + 20, PFN + 22, PFN + 1, PFN + 23, PFN + 30, PFN + 31};
	struct world w;

	begin(&w, *state, "virtio-balloon", 0);
	gmem_clear_dirty(w.m->env.mem);
	pages(&w, INFLATE, list, ARRAY_SIZE(list));
	assert_false(saw_guest_error(&w));
	for (unsigned i = 0; i < 128; i++) {
		bool gone = false;

		for (unsigned k = 0; k < ARRAY_SIZE(list); k++)
			gone |= list[k] == PFN + i;
		assert_true(page_is(&w, i, gone ? 0 : FULL));
		assert_int_equal(gmem_is_dirty(w.m->env.mem, PAGES + i * 4096ull), gone);
	}
	/* And it was counted. */
	assert_int_equal(counted(&w, INFLATE)->kicks, 1);
	assert_int_equal(counted(&w, INFLATE)->popped, 1);
	assert_int_equal(counted(&w, INFLATE)->pushed, 1);
	assert_int_equal(counted(&w, INFLATE)->interrupts, 1);
	assert_int_equal(counted(&w, INFLATE)->bytes_out, sizeof(list));
	assert_int_equal(counted(&w, INFLATE)->bytes_in, 0);
	assert_int_equal(counted(&w, INFLATE)->in_flight_max, 1);
	assert_int_equal(counted(&w, INFLATE)->chain_length.bucket[1], 1);
	assert_int_equal(counted(&w, DEFLATE)->popped, 0);
	/* Taken back: nothing happens to what is there. */
	assert_int_equal(gmem_set(w.m->env.mem, PAGES + 4096, 0x77, 4096), 0);
	pages(&w, DEFLATE, list, ARRAY_SIZE(list));
	assert_true(page_is(&w, 1, 0x77));
	assert_false(saw_guest_error(&w));
	end(&w);
}

/* What is no RAM is left out; the others of the list are not. */
static void no_ram(void **state)
{
	static const uint32_t list[] = {PFN + 126, PFN + 127, PFN + 128, UINT32_MAX,
					0xfee00,   0xd0000,   PFN + 1};
	struct world w;

	begin(&w, *state, "virtio-balloon", 0);
	pages(&w, INFLATE, list, ARRAY_SIZE(list));
	assert_true(saw_guest_error(&w));
	assert_true(page_is(&w, 126, 0));
	assert_true(page_is(&w, 127, 0));
	assert_true(page_is(&w, 1, 0));
	assert_true(page_is(&w, 125, FULL));
	end(&w);
}

static void odd_lists(void **state)
{
	struct virtq_buf odd = {LIST, 7, false}, none = {LIST, 0, false},
			 writable = {LIST, 4, true};
	struct virtq_buf far = {0xfff00000, 4, false},
			 split[] = {{LIST, 1, false}, {LIST + 1, 7, false}};
	static const uint32_t list[] = {PFN, PFN + 1, PFN + 2};
	struct world w;

	begin(&w, *state, "virtio-balloon", 0);
	pages(&w, DEFLATE, list, 3); /* puts the list there */
	assert_false(saw_guest_error(&w));
	put_buf(&w, INFLATE, &odd, 1);
	assert_true(back(&w, INFLATE));
	assert_true(saw_guest_error(&w));
	assert_true(page_is(&w, 0, 0));
	assert_true(page_is(&w, 1, FULL));
	put_buf(&w, INFLATE, &none, 1);
	assert_true(back(&w, INFLATE));
	put_buf(&w, INFLATE, &writable, 1);
	assert_true(back(&w, INFLATE));
	assert_int_equal(counted(&w, INFLATE)->error[VIRTQ_E_ADDR], 0);
	put_buf(&w, INFLATE, &far, 1);
	assert_true(back(&w, INFLATE));
	assert_int_equal(counted(&w, INFLATE)->error[VIRTQ_E_ADDR], 1);
	assert_true(saw_guest_error(&w));
	assert_true(page_is(&w, 1, FULL));
	/* 2.7.4: however it is cut. */
	put_buf(&w, INFLATE, split, 2);
	assert_true(back(&w, INFLATE));
	assert_true(page_is(&w, 1, 0));
	assert_true(page_is(&w, 2, FULL));
	end(&w);
}

/* The bound of a chain's list. */
static void too_many(void **state)
{
	struct virtq_buf b[2] = {{LIST, 4095 * 4, false}, {LIST + 4095 * 4, 8, false}};
	struct world w;
	uint8_t le[4];

	begin(&w, *state, "virtio-balloon", 0);
	for (unsigned i = 0; i < 4097; i++) {
		st_le32(le, PFN + (i < 4095 ? 0 : i - 4090));
		assert_int_equal(gmem_write(w.m->env.mem, LIST + i * 4ull, le, 4), 0);
	}
	put_buf(&w, INFLATE, b, 2);
	assert_true(back(&w, INFLATE));
	assert_true(saw_guest_error(&w));
	assert_true(page_is(&w, 0, 0));
	assert_true(page_is(&w, 5, 0));	   /* the 4096th */
	assert_true(page_is(&w, 6, FULL)); /* the 4097th */
	end(&w);
}

/* 5.5.6: the size changes, and the driver is told. */
static void target(void **state)
{
	struct world w;

	begin(&w, *state, "virtio-balloon", 0);
	assert_int_equal(rd(w.m, INTERRUPT_STATUS), 0);
	assert_int_equal(balloon_set_target(w.d, 1ull << 32), -EINVAL);
	assert_int_equal(rd(w.m, CONFIG_GENERATION), 0);
	assert_int_equal(balloon_set_target(w.d, 9), 0);
	assert_int_equal(config(&w, NUM_PAGES), 9);
	assert_int_equal(rd(w.m, CONFIG_GENERATION), 1);
	assert_int_equal(rd(w.m, INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
	assert_int_equal(w.m->lines, LINE);
	/* The host's wish is no part of what the driver resets. */
	wr(w.m, STATUS, 0);
	assert_int_equal(config(&w, NUM_PAGES), 9);
	end(&w);
}

static void target_later(void **state)
{
	struct world w;
	struct buf b = {0};
	size_t used;

	begin(&w, *state, "virtio-balloon,target=5,target_at=1000,hint_at=2000", F_HINT);
	assert_int_equal(config(&w, NUM_PAGES), 0);
	assert_int_equal(clock_advance(&w.m->clock, 999), 0);
	assert_int_equal(config(&w, NUM_PAGES), 0);
	assert_int_equal(dev_save(w.d, &b), 0);
	clock_cancel(&w.m->clock, w.m->clock.head);
	assert_int_equal(dev_load(w.d, b.p, b.len, &used, NULL), 0);
	assert_int_equal(clock_advance(&w.m->clock, 1), 0);
	assert_int_equal(config(&w, NUM_PAGES), 5);
	assert_int_equal(rd(w.m, INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
	wr(w.m, INTERRUPT_ACK, 2);
	assert_int_equal(config(&w, CMD), 0);
	assert_int_equal(clock_advance(&w.m->clock, 1000), 0);
	assert_int_equal(config(&w, CMD), 2);
	assert_int_equal(rd(w.m, INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
	assert_int_equal(clock_next(&w.m->clock), CLOCK_NEVER);
	buf_free(&b);
	end(&w);
}

/* ---- statistics, 5.5.6.3 ------------------------------------------------------------------------- */

static void statistics(void **state)
{
	struct world w;
	uint64_t val;

	begin(&w, *state, "virtio-balloon", F_STATS);
	assert_false(balloon_stat(w.d, 0, &val));
	stats(&w, 10, 1ull << 40);
	/* Kept until the host wants others. */
	assert_false(back(&w, STATS));
	for (unsigned i = 0; i < 10; i++) {
		assert_true(balloon_stat(w.d, i, &val));
		assert_true(val == (1ull << 40) + i);
	}
	assert_false(balloon_stat(w.d, 10, &val));
	assert_false(balloon_stat(w.d, 1000, &val));
	balloon_ask_stats(w.d);
	assert_true(back(&w, STATS));
	assert_int_equal(rd(w.m, INTERRUPT_STATUS), VIRTIO_INT_QUEUE);
	balloon_ask_stats(w.d);
	assert_false(back(&w, STATS));
	/* Tags that are not known are passed over; lengths that are none are noted. */
	stats(&w, 20, 7);
	assert_false(saw_guest_error(&w));
	assert_true(balloon_stat(w.d, 15, &val));
	assert_int_equal(val, 22);
	/* A second one: the first comes back. */
	stats(&w, 1, 8);
	assert_true(saw_guest_error(&w));
	assert_true(back(&w, STATS));
	assert_false(back(&w, STATS));
	assert_true(balloon_stat(w.d, 0, &val));
	assert_int_equal(val, 8);
	assert_true(balloon_stat(w.d, 1, &val));
	assert_int_equal(val, 8);
	end(&w);
}

/* Linux rings for its first buffer before DRIVER_OK: it is found later. */
static void statistics_before_driver_ok(void **state)
{
	static const uint32_t list[] = {PFN};
	struct world w = {.m = *state};
	uint64_t val;

	w.d = machine_add(w.m, "virtio-balloon");
	accept_features(w.m, 1ull << VIRTIO_F_VERSION_1 | F_STATS);
	for (unsigned i = 0; i < QS; i++)
		queue_n_up(w.m, i, &w.q[i], NUM);
	stats(&w, 2, 50);
	wr(w.m, STATUS, UP);
	assert_false(balloon_stat(w.d, 0, &val));
	pages(&w, INFLATE, list, 1);
	assert_true(balloon_stat(w.d, 1, &val));
	assert_int_equal(val, 51);
	assert_false(back(&w, STATS));
	balloon_ask_stats(w.d);
	assert_true(back(&w, STATS));
	end(&w);
}

static void statistics_of_odd_length(void **state)
{
	struct virtq_buf odd = {LIST, 19, false}, far = {0xfff00000, 10, false},
			 large = {LIST, 65 * 10, false};
	struct world w;
	uint64_t val;

	begin(&w, *state, "virtio-balloon", F_STATS);
	stats(&w, 2, 50);
	balloon_ask_stats(w.d);
	put_buf(&w, STATS, &odd, 1);
	assert_true(saw_guest_error(&w));
	assert_true(balloon_stat(w.d, 1, &val));
	assert_int_equal(val, 51);
	balloon_ask_stats(w.d);
	put_buf(&w, STATS, &large, 1);
	assert_true(saw_guest_error(&w));
	balloon_ask_stats(w.d);
	assert_true(back(&w, STATS));
	assert_true(back(&w, STATS));
	assert_true(back(&w, STATS));
	/* What is none is not kept. */
	put_buf(&w, STATS, &far, 1);
	assert_true(saw_guest_error(&w));
	assert_true(back(&w, STATS));
	end(&w);
}

/* By virtual time; gone with the queue, the device, and back with a snapshot. */
static void statistics_by_time(void **state)
{
	struct world w;
	struct buf b = {0}, after = {0};
	size_t used;

	begin(&w, *state, "virtio-balloon,stats=1000", F_STATS);
	assert_int_equal(clock_next(&w.m->clock), CLOCK_NEVER);
	stats(&w, 2, 50);
	assert_int_equal(clock_advance(&w.m->clock, 999), 0);
	assert_false(back(&w, STATS));
	assert_int_equal(dev_save(w.d, &b), 0);
	assert_int_equal(clock_advance(&w.m->clock, 1), 0);
	assert_true(back(&w, STATS));
	assert_int_equal(rd(w.m, INTERRUPT_STATUS), VIRTIO_INT_QUEUE);
	stats(&w, 2, 60);
	wr(w.m, QUEUE_SEL, STATS);
	wr(w.m, QUEUE_READY, 0);
	assert_int_equal(clock_next(&w.m->clock), CLOCK_NEVER);
	queue_n_up(w.m, STATS, &w.q[STATS], NUM);
	assert_int_equal(clock_advance(&w.m->clock, 5000), 0);
	assert_false(back(&w, STATS));
	stats(&w, 2, 60);
	wr(w.m, STATUS, 0);
	assert_int_equal(clock_next(&w.m->clock), CLOCK_NEVER);
	drive(&w, F_STATS);
	assert_false(back(&w, STATS));
	/* The snapshot's buffer, due since long, in the ring as it is now. */
	assert_int_equal(dev_load(w.d, b.p, b.len, &used, NULL), 0);
	assert_int_equal(dev_save(w.d, &after), 0);
	assert_memory_equal(b.p, after.p, b.len);
	assert_int_equal(clock_advance(&w.m->clock, 1), 0);
	assert_true(back(&w, STATS));
	/* While the device may not touch RAM nothing comes back; then it does. */
	wr(w.m, STATUS, 0);
	drive(&w, F_STATS);
	stats(&w, 2, 60);
	virtio_stop(container_of(w.d, struct virtio, dev), true);
	assert_int_equal(clock_advance(&w.m->clock, 10000), 0);
	assert_false(back(&w, STATS));
	virtio_stop(container_of(w.d, struct virtio, dev), false);
	assert_int_equal(clock_advance(&w.m->clock, 1000), 0);
	assert_true(back(&w, STATS));
	buf_free(&b);
	buf_free(&after);
	end(&w);
}

static void load_refuses(void **state)
{
	static const struct {
		const char *field;
		uint64_t val;
	} bad[] = {{"held", 0},
		   {"held_head", 1},
		   {"held_head", NUM},
		   {"held_slots", 0},
		   {"held_slots", 2}};
	static const struct {
		const char *field;
		uint64_t val;
	} none[] = {{"held_head", 1},
		    {"held_id", 1},
		    {"held_slots", 1},
		    {"stats_due", 1},
		    {"held_seq", 1},
		    {"held_open", 1},
		    {"status", VIRTIO_S_DRIVER_OK}};
	struct world w;
	size_t used;

	begin(&w, *state, "virtio-balloon", F_STATS);
	stats(&w, 2, 50);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct buf b = {0};

		assert_int_equal(dev_save(w.d, &b), 0);
		poke_saved(&b, "", bad[i].field, 0, bad[i].val);
		assert_int_equal(dev_load(w.d, b.p, b.len, &used, NULL), -EINVAL);
		buf_free(&b);
	}
	balloon_ask_stats(w.d);
	assert_true(back(&w, STATS));
	/* None is kept, and so nothing is known of it. */
	for (unsigned i = 0; i < ARRAY_SIZE(none); i++) {
		struct buf b = {0};

		assert_int_equal(dev_save(w.d, &b), 0);
		poke_saved(&b, "", none[i].field, 0, none[i].val);
		assert_int_equal(dev_load(w.d, b.p, b.len, &used, NULL), -EINVAL);
		buf_free(&b);
	}
	end(&w);
}

/* A device without a clock: what is asked for by time never is. */
static void no_clock(void **state)
{
	struct machine *m = *state;
	struct world w;
	struct buf b = {0};
	size_t used;

	m->env.clock = NULL;
	begin(&w, m, "virtio-balloon,stats=100,target=4,target_at=5", F_STATS);
	stats(&w, 1, 3);
	assert_false(back(&w, STATS));
	assert_int_equal(dev_save(w.d, &b), 0);
	assert_int_equal(dev_load(w.d, b.p, b.len, &used, NULL), 0);
	balloon_ask_stats(w.d);
	assert_true(back(&w, STATS));
	assert_int_equal(config(&w, NUM_PAGES), 0);
	buf_free(&b);
	end(&w);
}

/* When there is no asking: no driver, no queue, a device that is broken or stopped. */
static void no_asking(void **state)
{
	struct virtq_buf far = {0xfff00000, 10, false};
	struct world w = {.m = *state};
	uint16_t idx = 1000;
	uint64_t val;

	w.d = machine_add(w.m, "virtio-balloon");
	balloon_ask_stats(w.d);
	accept_features(w.m, 1ull << VIRTIO_F_VERSION_1 | F_STATS);
	for (unsigned i = 0; i < QS; i++)
		queue_n_up(w.m, i, &w.q[i], NUM);
	stats(&w, 1, 50);
	balloon_ask_stats(w.d);
	assert_false(balloon_stat(w.d, 0, &val));
	wr(w.m, STATUS, UP);
	virtio_stop(container_of(w.d, struct virtio, dev), true);
	balloon_ask_stats(w.d);
	assert_false(balloon_stat(w.d, 0, &val));
	virtio_stop(container_of(w.d, struct virtio, dev), false);
	balloon_ask_stats(w.d);
	assert_true(balloon_stat(w.d, 0, &val));
	assert_true(back(&w, STATS));
	/* One that is none is found, and comes back. */
	virtq_driver_offer(&w.q[STATS], (uint16_t)virtq_driver_chain(&w.q[STATS], &far, 1));
	virtq_driver_publish(&w.q[STATS]);
	balloon_ask_stats(w.d);
	assert_true(back(&w, STATS));
	assert_int_equal(gmem_write(w.m->env.mem, w.q[STATS].avail + 2, &idx, 2), 0);
	balloon_ask_stats(w.d);
	assert_true(rd(w.m, STATUS) & VIRTIO_S_NEEDS_RESET);
	balloon_ask_stats(w.d);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(identity),
		machine_test(inflate),
		machine_test(no_ram),
		machine_test(odd_lists),
		machine_test(too_many),
		machine_test(target),
		machine_test(target_later),
		machine_test(statistics),
		machine_test(statistics_before_driver_ok),
		machine_test(statistics_of_odd_length),
		machine_test(statistics_by_time),
		machine_test(load_refuses),
		machine_test(no_clock),
		machine_test(no_asking),
	};

	return cmocka_run_group_tests_name("virtio-balloon", tests, NULL, NULL);
}
