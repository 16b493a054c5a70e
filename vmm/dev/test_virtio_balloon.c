/* SPDX-License-Identifier: MIT */
/* virtio-balloon (virtio 1.2 section 5.5): pages, statistics, hints, reports, the configuration. */
#include "test_virtio.h"

#include <errno.h>

#include <vmm/virtio_host.h>

#define NUM   16u
#define LIST  0x40000u
#define PAGES 0x80000u /* what is given away in these tests: 128 pages of 0x5a */
#define PFN   (PAGES >> 12)
#define FULL  0x5a

enum { INFLATE, DEFLATE, STATS, HINT, REPORT, QS };
enum { F_STATS = 2, F_OOM = 4, F_HINT = 8, F_POISON = 16, F_REPORT = 32, F_BALLOON = 0x3e };
enum { NUM_PAGES = 0, ACTUAL = 4, CMD = 8, POISON = 12 };

struct world {
	struct machine *m;
	struct dev *d;
	struct virtq_driver q[QS];
};

static uint32_t config(struct world *w, unsigned off)
{
	return (uint32_t)mmio_r(w->m, BASE + VIRTIO_MMIO_CONFIG + off, 4);
}

static void set_config(struct world *w, unsigned off, uint32_t val)
{
	mmio_w(w->m, BASE + VIRTIO_MMIO_CONFIG + off, 4, val);
}

static bool saw_guest_error(struct world *w)
{
	const struct trace_event *ev;
	bool seen = false;

	for (unsigned i = 0; (ev = trace_last(w->m->env.trace, i)); i++)
		seen |= ev->kind == TRACE_DEV;
	trace_clear(w->m->env.trace);
	return seen;
}

static void queue_up(struct world *w, unsigned i)
{
	struct virtq_driver *q = &w->q[i];

	assert_int_equal(virtq_driver_init(q, w->m->env.mem, NUM, RINGS + i * 0x4000, false), 0);
	wr(w->m, QUEUE_SEL, i);
	wr(w->m, QUEUE_NUM, q->num);
	wr(w->m, QUEUE_DESC_LOW, (uint32_t)q->desc);
	wr(w->m, QUEUE_DRIVER_LOW, (uint32_t)q->avail);
	wr(w->m, QUEUE_DEVICE_LOW, (uint32_t)q->used);
	wr(w->m, QUEUE_READY, 1);
	assert_int_equal(rd(w->m, QUEUE_READY), 1);
}

static void drive(struct world *w, uint64_t features)
{
	accept_features(w->m, 1ull << VIRTIO_F_VERSION_1 | features);
	assert_int_equal(rd(w->m, STATUS), ACK_DRIVER | VIRTIO_S_FEATURES_OK);
	for (unsigned i = 0; i < QS; i++)
		queue_up(w, i);
	wr(w->m, STATUS, UP);
	trace_clear(w->m->env.trace);
}

static void begin(struct world *w, struct machine *m, const char *spec, uint64_t features)
{
	*w = (struct world){.m = m};
	w->d = machine_add(m, spec);
	drive(w, features);
	assert_int_equal(gmem_set(m->env.mem, PAGES, FULL, TEST_RAM - PAGES), 0);
}

static void end(struct world *w)
{
	dev_free(w->d);
}

/* The page at PAGES + n * 4096 is all (byte)s. */
static bool page_is(struct world *w, unsigned n, uint8_t byte)
{
	const uint8_t *p = gmem_ro(w->m->env.mem, PAGES + n * 4096ull, 4096);

	assert_non_null(p);
	for (unsigned i = 0; i < 4096; i++)
		if (p[i] != byte)
			return false;
	return true;
}

static void put_buf(struct world *w, unsigned queue, const struct virtq_buf *b, unsigned n)
{
	int head = virtq_driver_chain(&w->q[queue], b, n);

	assert_true(head >= 0);
	virtq_driver_offer(&w->q[queue], (uint16_t)head);
	virtq_driver_publish(&w->q[queue]);
	wr(w->m, QUEUE_NOTIFY, queue);
}

static bool back(struct world *w, unsigned queue)
{
	uint32_t id, len;

	if (!virtq_driver_used(&w->q[queue], &id, &len))
		return false;
	assert_int_equal(len, 0);
	return true;
}

static void pages(struct world *w, unsigned queue, const uint32_t *pfn, unsigned n)
{
	struct virtq_buf b = {LIST, n * 4, false};

	for (unsigned i = 0; i < n; i++) {
		uint8_t le[4];

		st_le32(le, pfn[i]);
		assert_int_equal(gmem_write(w->m->env.mem, LIST + i * 4ull, le, 4), 0);
	}
	put_buf(w, queue, &b, 1);
	assert_true(back(w, queue));
}

static const struct virtq_stats *counted(struct world *w, unsigned queue)
{
	return &container_of(w->d, struct virtio, dev)->q[queue].stats;
}

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

static void stats(struct world *w, unsigned n, uint64_t first)
{
	struct virtq_buf b = {LIST, n * 10, false};
	uint8_t s[10];

	for (unsigned i = 0; i < n; i++) {
		st_le16(s, (uint16_t)i);
		st_le64(s + 2, first + i);
		assert_int_equal(gmem_write(w->m->env.mem, LIST + i * 10ull, s, 10), 0);
	}
	put_buf(w, STATS, &b, 1);
}

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
		queue_up(&w, i);
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
	queue_up(&w, STATS);
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

/* Find (field) in saved bytes and put (val) there. */
static void poke(struct buf *b, const char *field, uint64_t val)
{
	uint8_t *p = (uint8_t *)b->p, *end_ = p + b->len, *at = NULL;
	size_t len = strlen(field);

	for (; p + len + 12 < end_ && !at; p++)
		if (ld_le16(p) == len && !memcmp(p + 2, field, len))
			at = p;
	if (!at) {
		fail_msg("no field %s", field);
		return;
	}
	st_le(at + 2 + len + 10, ld_le32(at + 2 + len + 2), val);
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
		poke(&b, bad[i].field, bad[i].val);
		assert_int_equal(dev_load(w.d, b.p, b.len, &used, NULL), -EINVAL);
		buf_free(&b);
	}
	balloon_ask_stats(w.d);
	assert_true(back(&w, STATS));
	/* None is kept, and so nothing is known of it. */
	for (unsigned i = 0; i < ARRAY_SIZE(none); i++) {
		struct buf b = {0};

		assert_int_equal(dev_save(w.d, &b), 0);
		poke(&b, none[i].field, none[i].val);
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
		queue_up(&w, i);
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

/* ---- hints and reports --------------------------------------------------------------------------- */

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
		machine_test(hints),
		machine_test(reports),
		machine_test(poison),
		machine_test(more_than_a_chain_has),
		machine_test(without_features),
		machine_test(resets),
		machine_test(in_flight),
	};

	return cmocka_run_group_tests_name("virtio_balloon", tests, NULL, NULL);
}
