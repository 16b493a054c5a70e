/* SPDX-License-Identifier: MIT */
/* virtio-balloon: hints and reports of free pages (virtio 1.2, 5.5.6.6 and 5.5.6.8); resets, requests in flight. */
#include "test_balloon.h"

static void command(struct world *w, uint32_t cmd)
{
	struct virtq_buf b = {LIST, 4, false};
	uint8_t le[4];

	st_le32(le, cmd);
	assert_int_equal(gmem_write(w->m->env.mem, LIST, le, 4), 0);
	put_buf(w, HINT, &b, 1);
	assert_true(back(w, HINT));
}

static uint32_t freed; /* used.len of the last one */

static void free_range(struct world *w, unsigned queue, uint64_t gpa, uint32_t len)
{
	struct virtq_buf b = {gpa, len, true};
	uint32_t id, used;

	put_buf(w, queue, &b, 1);
	assert_true(virtq_driver_used(&w->q[queue], &id, &used));
	/* 2.7.8.2: what became of it, without a gap from its start on. */
	freed = used;
}

static void hints(void **state)
{
	struct virtq_buf shortcmd = {LIST, 3, false};
	struct world w;

	begin(&w, *state, "virtio-balloon", F_HINT);
	/* Nobody asked. */
	command(&w, 0);
	assert_int_equal(config(&w, CMD), 0);
	free_range(&w, HINT, PAGES, 4096);
	assert_true(saw_guest_error(&w));
	assert_true(page_is(&w, 0, FULL));
	balloon_ask_hints(w.d);
	assert_int_equal(config(&w, CMD), 2);
	assert_int_equal(rd(w.m, INTERRUPT_STATUS) & VIRTIO_INT_CONFIG, VIRTIO_INT_CONFIG);
	/* Not before the driver says which command it follows. */
	free_range(&w, HINT, PAGES, 4096);
	assert_true(saw_guest_error(&w));
	command(&w, 7);
	free_range(&w, HINT, PAGES, 4096);
	assert_true(saw_guest_error(&w));
	put_buf(&w, HINT, &shortcmd, 1);
	assert_true(back(&w, HINT));
	assert_true(saw_guest_error(&w));
	assert_true(page_is(&w, 0, FULL));
	command(&w, 2);
	free_range(&w, HINT, PAGES, 3 * 4096);
	assert_false(saw_guest_error(&w));
	assert_true(page_is(&w, 0, 0));
	assert_true(page_is(&w, 2, 0));
	assert_true(page_is(&w, 3, FULL));
	/* The end: the device is done with them, and says so. */
	command(&w, 0);
	assert_int_equal(config(&w, CMD), 1);
	free_range(&w, HINT, PAGES + 5 * 4096, 4096);
	assert_true(saw_guest_error(&w));
	assert_true(page_is(&w, 5, FULL));
	/* Another round has another number. */
	balloon_ask_hints(w.d);
	command(&w, config(&w, CMD));
	balloon_ask_hints(w.d);
	assert_int_equal(config(&w, CMD), 3);
	command(&w, 3);
	/* Only whole pages. */
	free_range(&w, HINT, PAGES + 10 * 4096 + 1, 3 * 4096);
	assert_true(page_is(&w, 11, 0));
	assert_true(page_is(&w, 12, 0));
	assert_true(page_is(&w, 10, FULL));
	assert_true(page_is(&w, 13, FULL));
	free_range(&w, HINT, PAGES + 20 * 4096 + 1, 4096);
	assert_true(page_is(&w, 20, FULL));
	assert_true(page_is(&w, 21, FULL));
	free_range(&w, HINT, PAGES + 20 * 4096, 4095);
	assert_true(page_is(&w, 20, FULL));
	end(&w);
}

static void reports(void **state)
{
	struct virtq_buf b[] = {{PAGES, 4096, true}, {PAGES + 5 * 4096, 2 * 4096, true}};
	struct virtq_buf nothing[] = {{PAGES + 7, 0, true}, {PAGES + 40 * 4096, 4096, true}};
	struct world w;
	uint32_t id, len;

	begin(&w, *state, "virtio-balloon", F_REPORT);
	put_buf(&w, REPORT, b, 2);
	assert_true(virtq_driver_used(&w.q[REPORT], &id, &len));
	assert_int_equal(len, 3 * 4096);
	free_range(&w, REPORT, PAGES + 20 * 4096, 2 * 4096 + 5);
	assert_int_equal(freed, 2 * 4096);
	assert_true(page_is(&w, 21, 0));
	assert_true(page_is(&w, 22, FULL));
	free_range(&w, REPORT, PAGES + 30 * 4096 - 8, 2 * 4096);
	assert_int_equal(freed, 0);
	assert_true(page_is(&w, 30, 0));
	/* Nothing, wherever it is, is no gap. */
	put_buf(&w, REPORT, nothing, 2);
	assert_true(virtq_driver_used(&w.q[REPORT], &id, &len));
	assert_int_equal(len, 4096);
	assert_false(saw_guest_error(&w));
	assert_true(page_is(&w, 0, 0));
	assert_true(page_is(&w, 1, FULL));
	assert_true(page_is(&w, 5, 0));
	assert_true(page_is(&w, 6, 0));
	assert_true(page_is(&w, 7, FULL));
	end(&w);
}

/* 5.5.6.7.2: what is reported becomes nothing but poison_val. */
static void poison(void **state)
{
	struct world w;

	begin(&w, *state, "virtio-balloon", F_REPORT | F_POISON | F_HINT);
	free_range(&w, REPORT, PAGES, 4096);
	assert_true(page_is(&w, 0, 0));
	set_config(&w, POISON, 0xaaaaaaaa);
	free_range(&w, REPORT, PAGES, 2 * 4096);
	assert_true(page_is(&w, 0, 0xaa));
	assert_true(page_is(&w, 1, 0xaa));
	assert_true(page_is(&w, 2, FULL));
	balloon_ask_hints(w.d);
	command(&w, 2);
	free_range(&w, HINT, PAGES + 8 * 4096, 4096);
	assert_true(page_is(&w, 8, 0xaa));
	end(&w);
}

/* A chain may name the same memory again and again: no more than 256 MiB of it count. */
static void more_than_a_chain_has(void **state)
{
	struct virtq_buf b[4] = {{0, 128u << 20, true}, {0, 128u << 20, true}, {PAGES, 4096, true}};
	struct world w;
	uint32_t id, len;

	begin(&w, *state, "virtio-balloon", F_REPORT);
	assert_int_equal(gmem_add(w.m->env.mem, 16ull << 20, 128ull << 20, GMEM_RAM, NULL), 0);
	b[0].gpa = 16u << 20;
	b[1].gpa = 16u << 20;
	put_buf(&w, REPORT, b, 3);
	assert_true(virtq_driver_used(&w.q[REPORT], &id, &len));
	assert_int_equal(len, 256u << 20);
	assert_true(saw_guest_error(&w));
	assert_true(page_is(&w, 0, FULL));
	end(&w);
}

/* A queue whose feature was not negotiated is there, and does nothing. */
static void without_features(void **state)
{
	struct world w;
	uint64_t val;

	begin(&w, *state, "virtio-balloon", 0);
	stats(&w, 1, 3);
	assert_true(back(&w, STATS));
	assert_true(saw_guest_error(&w));
	assert_false(balloon_stat(w.d, 0, &val));
	free_range(&w, REPORT, PAGES, 4096);
	assert_true(saw_guest_error(&w));
	balloon_ask_hints(w.d);
	command(&w, 2);
	assert_true(saw_guest_error(&w));
	free_range(&w, HINT, PAGES, 4096);
	assert_true(saw_guest_error(&w));
	assert_true(page_is(&w, 0, FULL));
	end(&w);
}

static void resets(void **state)
{
	static const uint32_t list[] = {PFN};
	struct world w;
	uint64_t fresh;

	w.m = *state;
	w.d = machine_add(w.m, "virtio-balloon,stats=50");
	fresh = dev_hash(w.d, 0);
	drive(&w, F_BALLOON);
	set_config(&w, POISON, 3);
	set_config(&w, ACTUAL, 3);
	stats(&w, 2, 50);
	balloon_ask_hints(w.d);
	command(&w, 2);
	pages(&w, INFLATE, list, 1);
	assert_true(dev_hash(w.d, 0) != fresh);
	wr(w.m, STATUS, 0);
	assert_true(dev_hash(w.d, 0) == fresh);
	end(&w);
}

/* Lists under way: the pages are gone, the buffer comes later, or never when it is taken back. */
static void in_flight(void **state)
{
	struct virtq_buf b = {LIST, 4, false};
	uint8_t le[4];
	struct world w;

	begin(&w, *state, "virtio-balloon,delay=1000", 0);
	st_le32(le, PFN);
	assert_int_equal(gmem_write(w.m->env.mem, LIST, le, 4), 0);
	put_buf(&w, INFLATE, &b, 1);
	assert_false(back(&w, INFLATE));
	assert_true(page_is(&w, 0, 0));
	assert_int_equal(clock_advance(&w.m->clock, 1500), 0);
	assert_true(back(&w, INFLATE));
	assert_int_equal(counted(&w, INFLATE)->late, 1);
	put_buf(&w, INFLATE, &b, 1);
	wr(w.m, QUEUE_SEL, INFLATE);
	wr(w.m, QUEUE_READY, 0);
	assert_int_equal(clock_advance(&w.m->clock, 3000), 0);
	assert_false(back(&w, INFLATE));
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(hints),
		machine_test(reports),
		machine_test(poison),
		machine_test(more_than_a_chain_has),
		machine_test(without_features),
		machine_test(resets),
		machine_test(in_flight),
	};

	return cmocka_run_group_tests_name("virtio-balloon-hints", tests, NULL, NULL);
}
