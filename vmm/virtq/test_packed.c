/* SPDX-License-Identifier: MIT */
/* The packed ring (virtio 1.2 section 2.8): lists, rounds, faults, notifications, saved positions. */
#include "test_priv.h"

static struct virtq_pdriver d;

static void start(struct rig *r, uint32_t num, bool event_idx)
{
	struct err err;

	assert_int_equal(virtq_pdriver_init(&d, r->mem, num, RINGS, event_idx), 0);
	virtq_reset(&r->q);
	virtq_pdriver_attach(&d, &r->q);
	r->q.indirect = true;
	assert_int_equal(virtq_enable(&r->q, &err), 0);
	virtq_kick_begin(&r->q);
}

static void begin(struct rig *r, uint32_t num, bool event_idx)
{
	rig_new(r, 4, false);
	start(r, num, event_idx);
}

static void put(struct virtq_buf *b, unsigned n, uint16_t id)
{
	assert_int_equal(virtq_pdriver_put(&d, b, n, id), 0);
}

static int next(struct rig *r)
{
	virtq_kick_begin(&r->q);
	return pop(r);
}

static void assert_used(uint16_t want_id, uint32_t want_len)
{
	uint16_t id;
	uint32_t len;

	assert_true(virtq_pdriver_used(&d, &id, &len));
	assert_int_equal(id, want_id);
	assert_int_equal(len, want_len);
}

static void assert_none_used(void)
{
	uint16_t id;
	uint32_t len;

	assert_false(virtq_pdriver_used(&d, &id, &len));
}

/* Lists of 1 to 3 in rings of every small size, over many rounds. */
static void rounds(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 4, false);
	for (uint32_t num = 1; num <= 7; num++) {
		start(&r, num, false);
		for (unsigned i = 0; i < 200; i++) {
			unsigned n = 1 + i % (num < 3 ? num : 3);
			struct virtq_buf b[3] = {{DATA, 4, n == 1},
						 {DATA + 0x1000, 8, true},
						 {DATA + 0x2000, 16, true}};
			uint16_t id = (uint16_t)(i * 7919); /* any value */

			put(b, n, id);
			assert_int_equal(next(&r), 1);
			assert_int_equal(r.c.error, VIRTQ_OK);
			assert_int_equal(r.c.id, id);
			assert_int_equal(r.c.slots, n);
			assert_int_equal(r.c.nr_out, n > 1);
			assert_int_equal(r.c.nr_in, n > 1 ? n - 1 : 1);
			assert_int_equal(virtq_write(&r.q, &r.c, 0, "abcdefgh", n > 1 ? 8 : 4),
					 n > 1 ? 8 : 4);
			assert_none_used();
			assert_int_equal(virtq_push(&r.q, &r.c), 0);
			assert_used(id, n > 1 ? 8 : 4);
			assert_none_used();
			assert_int_equal(next(&r), 0);
		}
	}
	rig_free(&r);
}

/* 2.8.4: without anything stored WRITE is clear. */
static void nothing_stored(void **state)
{
	uint8_t raw[16];
	struct rig r;
	(void)state;

	begin(&r, 4, false);
	put(&(struct virtq_buf){DATA, 8, true}, 1, 5);
	assert_int_equal(next(&r), 1);
	assert_int_equal(virtq_push(&r.q, &r.c), 0);
	assert_int_equal(gmem_read(r.mem, d.desc, raw, 16), 0);
	assert_int_equal(ld_le16(raw + 14), VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED);
	put(&(struct virtq_buf){DATA, 8, true}, 1, 6);
	assert_int_equal(next(&r), 1);
	assert_int_equal(virtq_write(&r.q, &r.c, 0, "x", 1), 1);
	assert_int_equal(virtq_push(&r.q, &r.c), 0);
	assert_int_equal(gmem_read(r.mem, d.desc + 16, raw, 16), 0);
	assert_int_equal(ld_le16(raw + 14),
			 VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED | VIRTQ_DESC_F_WRITE);
	rig_free(&r);
}

/* Used in another order than made available: the used ones go where the first list began. */
static void out_of_order(void **state)
{
	struct virtq_buf b[2] = {{DATA, 4, false}, {DATA + 64, 4, true}};
	struct virtq_chain first, second;
	struct rig r;
	(void)state;

	begin(&r, 4, false);
	for (unsigned i = 0; i < 50; i++) {
		put(b, 2, 10);
		put(b + 1, 1, 20);
		assert_int_equal(next(&r), 1);
		first = r.c;
		assert_int_equal(next(&r), 1);
		second = r.c;
		assert_int_equal(next(&r), 0);
		assert_int_equal(r.q.slots_out, 3);
		assert_int_equal(virtq_push(&r.q, &second), 0);
		assert_used(20, 0);
		assert_none_used();
		assert_int_equal(virtq_push(&r.q, &first), 0);
		assert_used(10, 0);
	}
	assert_int_equal(r.q.in_flight, 0);
	assert_int_equal(r.q.slots_out, 0);
	rig_free(&r);
}

/* Entries that an out-of-order list freed are taken while what began there is in flight. */
static void numbers_are_unique(void **state)
{
	struct virtq_buf b[2] = {{DATA, 4, false}, {DATA + 64, 4, true}};
	struct virtq_chain c[2];
	struct rig r;
	(void)state;

	begin(&r, 4, false);
	put(b, 2, 1); /* entries 0 and 1 */
	put(b, 2, 2); /* 2 and 3 */
	assert_int_equal(next(&r), 1);
	c[0] = r.c;
	assert_int_equal(next(&r), 1);
	assert_int_equal(virtq_push(&r.q, &r.c), 0); /* its entry is written at 0 */
	assert_used(2, 0);
	put(b, 2, 3); /* 0 and 1 */
	assert_int_equal(next(&r), 1);
	c[1] = r.c;
	assert_int_not_equal(c[0].head, c[1].head);
	assert_int_equal(r.q.in_flight, 2);
	assert_int_equal(virtq_push(&r.q, &c[0]), 0);
	assert_int_equal(virtq_push(&r.q, &c[1]), 0);
	assert_used(1, 0);
	assert_used(3, 0);
	assert_int_equal(r.q.in_flight, 0);
	rig_free(&r);
}

/* 2.8.7 */
static void indirect(void **state)
{
	struct virtq_buf b[3] = {{DATA, 4, false}, {DATA + 64, 4, false}, {DATA + 128, 4, true}};
	uint8_t flags[2];
	struct rig r;
	(void)state;

	begin(&r, 4, false);
	assert_int_equal(virtq_pdriver_indirect(&d, TABLE, b, 3, 77), 0);
	/* Only WRITE means something in the table: NEXT, INDIRECT and the ring's flags are ignored. */
	st_le16(flags, 0xffff & ~VIRTQ_DESC_F_WRITE);
	assert_int_equal(gmem_write(r.mem, TABLE + 14, flags, 2), 0);
	assert_int_equal(next(&r), 1);
	assert_int_equal(r.c.error, VIRTQ_OK);
	assert_int_equal(r.c.id, 77);
	assert_int_equal(r.c.slots, 1);
	assert_int_equal(r.c.nr_out, 2);
	assert_int_equal(r.c.nr_in, 1);
	assert_int_equal(virtq_push(&r.q, &r.c), 0);
	assert_used(77, 0);
	/* As many as the ring has entries, and one more. */
	assert_int_equal(virtq_pdriver_indirect(
				 &d, TABLE,
				 (struct virtq_buf[]){
					 {DATA, 1, 0}, {DATA, 1, 0}, {DATA, 1, 0}, {DATA, 1, 0}},
				 4, 1),
			 0);
	assert_int_equal(next(&r), 1);
	assert_int_equal(r.c.nr_out, 4);
	assert_int_equal(virtq_push(&r.q, &r.c), 0);
	assert_used(1, 0);
	assert_int_equal(virtq_pdriver_indirect(&d, TABLE,
						(struct virtq_buf[]){{DATA, 1, 0},
								     {DATA, 1, 0},
								     {DATA, 1, 0},
								     {DATA, 1, 0},
								     {DATA, 1, 0}},
						5, 2),
			 0);
	assert_int_equal(next(&r), 1);
	assert_int_equal(r.c.error, VIRTQ_E_INDIRECT_SIZE);
	assert_int_equal(virtq_push(&r.q, &r.c), 0);
	assert_used(2, 0);
	r.q.indirect = false;
	assert_int_equal(virtq_pdriver_indirect(&d, TABLE, b, 1, 3), 0);
	assert_int_equal(next(&r), 1);
	assert_int_equal(r.c.error, VIRTQ_E_INDIRECT);
	rig_free(&r);
}

/* A bad list is handed over with its error, whole, and the queue goes on behind it. */
static void bad_lists(void **state)
{
	const struct {
		struct virtq_buf b[3];
		enum virtq_error want;
	} lists[] = {
		{{{DATA, 4, true}, {DATA, 4, false}, {DATA, 4, true}}, VIRTQ_E_ORDER},
		{{{RAM_END - 4, 8, false}, {DATA, 4, false}, {DATA, 4, true}}, VIRTQ_E_ADDR},
		{{{UINT64_MAX - 3, 8, false}, {DATA, 4, false}, {DATA, 4, true}}, VIRTQ_E_ADDR},
		{{{DATA, 4, false}, {DATA, 4, false}, {ROM_AT, 4, true}}, VIRTQ_E_ADDR},
	};
	struct rig r;
	(void)state;

	begin(&r, 5, false);
	for (unsigned i = 0; i < ARRAY_SIZE(lists); i++) {
		put((struct virtq_buf *)lists[i].b, 3, 9);
		put(&(struct virtq_buf){DATA, 8, true}, 1, 4);
		assert_int_equal(next(&r), 1);
		assert_int_equal(r.c.error, lists[i].want);
		assert_int_equal(r.c.nr_out + r.c.nr_in, 0);
		assert_int_equal(r.c.slots, 3);
		assert_int_equal(virtq_push(&r.q, &r.c), 0);
		assert_used(9, 0);
		assert_int_equal(next(&r), 1);
		assert_int_equal(r.c.error, VIRTQ_OK);
		assert_int_equal(virtq_push(&r.q, &r.c), 0);
		assert_used(4, 0);
	}
	/* An indirect one in a list, or with NEXT. */
	for (unsigned at = 0; at < 2; at++) {
		uint16_t slot = d.next, other = (uint16_t)((slot + 1) % 5);

		put((struct virtq_buf[]){{DATA, 16, false}, {DATA, 16, false}}, 2, 11);
		slot = at ? other : slot;
		assert_int_equal(
			virtq_pdriver_desc(&d, slot, TABLE, 16, 11,
					   (uint16_t)(VIRTQ_DESC_F_INDIRECT |
						      (at ? 0 : VIRTQ_DESC_F_NEXT) |
						      (r.q.avail_wrap != (slot < r.q.last_avail)
							       ? VIRTQ_DESC_F_AVAIL
							       : VIRTQ_DESC_F_USED))),
			0);
		assert_int_equal(next(&r), 1);
		assert_int_equal(r.c.error, VIRTQ_E_INDIRECT);
		assert_int_equal(r.c.slots, 2);
		assert_int_equal(virtq_push(&r.q, &r.c), 0);
		assert_used(11, 0);
	}
	rig_free(&r);
}

static void queue_breaks(void **state)
{
	struct virtq_chain c;
	struct rig r;
	(void)state;

	/* NEXT all round. */
	begin(&r, 4, false);
	for (uint16_t i = 0; i < 4; i++)
		virtq_pdriver_desc(&d, i, DATA, 4, i, VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_NEXT);
	assert_int_equal(next(&r), -EIO);
	assert_int_equal(r.q.broken, VIRTQ_E_ENDLESS);
	assert_int_equal(next(&r), -EIO);
	rig_free(&r);
	/* More made available than there are entries. */
	begin(&r, 4, false);
	for (uint16_t i = 0; i < 3; i++)
		put(&(struct virtq_buf){DATA, 8, true}, 1, i);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(next(&r), 1);
	c = r.c;
	virtq_pdriver_desc(&d, 3, DATA, 4, 3, VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_NEXT);
	virtq_pdriver_desc(&d, 0, DATA, 4, 3, VIRTQ_DESC_F_USED);
	assert_int_equal(next(&r), -EIO);
	assert_int_equal(r.q.broken, VIRTQ_E_AVAIL);
	/* What is in flight may be given back. */
	assert_int_equal(virtq_push(&r.q, &c), 0);
	rig_free(&r);
	/* The ring goes away. */
	begin(&r, 4, false);
	put(&(struct virtq_buf){RAM_C, 8, true}, 1, 0);
	assert_int_equal(next(&r), 1);
	r.q.desc = C_END;
	assert_int_equal(virtq_push(&r.q, &r.c), -EIO);
	assert_int_equal(r.q.broken, VIRTQ_E_RING);
	rig_free(&r);
	begin(&r, 4, false);
	r.q.desc = C_END;
	assert_int_equal(next(&r), -EIO);
	rig_free(&r);
	begin(&r, 4, true);
	put(&(struct virtq_buf){DATA, 8, true}, 1, 0);
	assert_int_equal(next(&r), 1);
	assert_int_equal(virtq_push(&r.q, &r.c), 0);
	r.q.avail = C_END;
	assert_false(virtq_needs_interrupt(&r.q));
	assert_int_equal(r.q.broken, VIRTQ_E_RING);
	rig_free(&r);
	begin(&r, 4, true);
	r.q.used = C_END;
	assert_int_equal(next(&r), -EIO);
	rig_free(&r);
}

/* 2.8.10.1 */
static void set_up(void **state)
{
	struct err err;
	struct rig r;
	(void)state;

	begin(&r, 5, false);
	virtq_reset(&r.q);
	assert_false(r.q.packed);
	virtq_pdriver_attach(&d, &r.q);
	r.q.num = 0;
	assert_int_equal(virtq_enable(&r.q, &err), -EINVAL);
	r.q.num = VIRTQ_NUM_MAX + 1;
	assert_int_equal(virtq_enable(&r.q, &err), -EINVAL);
	r.q.num = 5;
	r.q.avail += 2;
	assert_int_equal(virtq_enable(&r.q, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "driver event"));
	r.q.avail -= 2;
	r.q.used += 2;
	assert_int_equal(virtq_enable(&r.q, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "device event"));
	r.q.used = RAM_END - 4;
	assert_int_equal(virtq_enable(&r.q, &err), 0);
	virtq_reset(&r.q);
	virtq_pdriver_attach(&d, &r.q);
	r.q.used = RAM_END;
	assert_int_equal(virtq_enable(&r.q, &err), -EINVAL);
	rig_free(&r);
}

static void serve(struct rig *r, unsigned n)
{
	uint16_t id;
	uint32_t len;

	while (n--) {
		put(&(struct virtq_buf){DATA, 8, true}, 1, 0);
		assert_int_equal(next(r), 1);
		assert_int_equal(virtq_push(&r->q, &r->c), 0);
		assert_true(virtq_pdriver_used(&d, &id, &len));
	}
}

/* 2.8.9 */
static void interrupts(void **state)
{
	struct rig r;
	(void)state;

	begin(&r, 4, false);
	assert_false(virtq_needs_interrupt(&r.q));
	serve(&r, 1);
	assert_true(virtq_needs_interrupt(&r.q));
	assert_false(virtq_needs_interrupt(&r.q)); /* once */
	virtq_pdriver_event(&d, 0, VIRTQ_EVENT_DISABLE);
	serve(&r, 1);
	assert_false(virtq_needs_interrupt(&r.q));
	/* DESC without EVENT_IDX, and the reserved value. */
	virtq_pdriver_event(&d, 0, VIRTQ_EVENT_DESC);
	serve(&r, 1);
	assert_true(virtq_needs_interrupt(&r.q));
	virtq_pdriver_event(&d, 0, 3);
	serve(&r, 1);
	assert_true(virtq_needs_interrupt(&r.q));

	/* Each entry of two rounds is the one that is waited for, and is met once. */
	for (uint32_t num = 1; num <= 5; num++) {
		for (uint32_t event = 0; event < 2 * num; event++) {
			start(&r, num, true);
			virtq_pdriver_event(
				&d, (uint16_t)(event % num | (event < num ? VIRTQ_EVENT_WRAP : 0)),
				VIRTQ_EVENT_DESC);
			for (uint32_t i = 0; i < 2 * num; i++) {
				serve(&r, 1);
				assert_int_equal(virtq_needs_interrupt(&r.q),
						 i == event || num == 1);
			}
		}
	}
	/* Several at once: met if it is among them. */
	start(&r, 8, true);
	virtq_pdriver_event(&d, 5 | VIRTQ_EVENT_WRAP, VIRTQ_EVENT_DESC);
	serve(&r, 5);
	assert_false(virtq_needs_interrupt(&r.q));
	serve(&r, 3);
	assert_true(virtq_needs_interrupt(&r.q));
	virtq_pdriver_event(&d, 7, VIRTQ_EVENT_DESC);
	serve(&r, 7);
	assert_false(virtq_needs_interrupt(&r.q));
	serve(&r, 9);
	assert_true(virtq_needs_interrupt(&r.q)); /* a whole round and more */
	rig_free(&r);
}

static void doorbells(void **state)
{
	struct rig r;
	(void)state;

	begin(&r, 3, true);
	for (unsigned i = 0; i < 20; i++) {
		/* Nothing more is there: the next entry rings. */
		assert_int_equal(next(&r), 0);
		put(&(struct virtq_buf){DATA, 8, true}, 1, 0);
		assert_true(virtq_pdriver_needs_kick(&d, 1));
		assert_int_equal(next(&r), 1);
		assert_int_equal(virtq_push(&r.q, &r.c), 0);
		assert_used(0, 0);
		/* It has not looked again, so the last wish stands: that entry is over. */
		put(&(struct virtq_buf){DATA, 8, true}, 1, 0);
		assert_false(virtq_pdriver_needs_kick(&d, 1));
		assert_int_equal(next(&r), 1);
		assert_int_equal(virtq_push(&r.q, &r.c), 0);
		assert_used(0, 0);
	}
	virtq_want_kicks(&r.q, false);
	assert_int_equal(next(&r), 0);
	put(&(struct virtq_buf){DATA, 8, true}, 1, 0);
	assert_false(virtq_pdriver_needs_kick(&d, 1));
	virtq_want_kicks(&r.q, true);
	assert_true(virtq_pdriver_needs_kick(&d, 1));
	/* No more than num for one doorbell. */
	start(&r, 3, true);
	for (uint16_t i = 0; i < 3; i++)
		put(&(struct virtq_buf){DATA, 8, true}, 1, i);
	virtq_kick_begin(&r.q);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pop(&r), 1);
		assert_int_equal(virtq_push(&r.q, &r.c), 0);
		assert_used((uint16_t)i, 0);
	}
	put(&(struct virtq_buf){DATA, 8, true}, 1, 7);
	assert_int_equal(pop(&r), 0);
	assert_true(virtq_pdriver_needs_kick(&d, 1));
	start(&r, 3, false);
	virtq_want_kicks(&r.q, false);
	put(&(struct virtq_buf){DATA, 8, true}, 1, 7);
	assert_false(virtq_pdriver_needs_kick(&d, 1));
	virtq_want_kicks(&r.q, true);
	assert_true(virtq_pdriver_needs_kick(&d, 1));
	rig_free(&r);
}

static void saved(void **state)
{
	struct virtq_buf b[2] = {{DATA, 4, false}, {DATA + 64, 4, true}};
	struct buf bytes = {0};
	struct virtq_chain c;
	struct err err = {0};
	struct rig r;
	size_t used;
	(void)state;

	begin(&r, 5, true);
	for (unsigned i = 0; i < 2; i++) {
		put(b, 2, 3);
		assert_int_equal(next(&r), 1);
		assert_int_equal(virtq_push(&r.q, &r.c), 0);
		assert_used(3, 0);
	}
	put(b, 2, 3);
	assert_int_equal(next(&r), 1);
	c = r.c;
	assert_int_equal(state_save(&virtq_state, &r.q, &bytes), 0);
	virtq_reset(&r.q);
	assert_int_equal(state_load(&virtq_state, &r.q, bytes.p, bytes.len, &used, &err), 0);
	assert_int_equal(virtq_post_load(&r.q, &err), 0);
	assert_int_equal(virtq_push(&r.q, &c), 0);
	assert_used(3, 0);
	assert_int_equal(next(&r), 0);

	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(state_load(&virtq_state, &r.q, bytes.p, bytes.len, &used, &err),
				 0);
		switch (i) {
		case 0:
			r.q.last_avail = 5;
			break;
		case 1:
			r.q.used_idx = 5;
			break;
		case 2:
			r.q.slots_out = 6;
			break;
		case 3:
			r.q.slots_out = 0;
			break;
		default:
			r.q.used_idx ^= 1;
		}
		assert_int_equal(virtq_post_load(&r.q, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "apart"));
		assert_false(r.q.ready);
	}
	buf_free(&bytes);
	rig_free(&r);
}

static void driver(void **state)
{
	struct virtq_buf b = {DATA, 4, true};
	struct rig r;
	(void)state;

	begin(&r, 4, false);
	assert_int_equal(virtq_pdriver_init(&d, r.mem, 4, RINGS + 8, false), -EINVAL);
	assert_int_equal(virtq_pdriver_init(&d, r.mem, 0, RINGS, false), -EINVAL);
	assert_int_equal(virtq_pdriver_init(&d, r.mem, 4, RAM_END - 16, false), -EFAULT);
	assert_int_equal(virtq_pdriver_init(&d, r.mem, 4, UINT64_MAX & ~15ull, false), -EFAULT);
	assert_int_equal(virtq_pdriver_init(&d, r.mem, 4, RINGS, false), 0);
	assert_int_equal(virtq_pdriver_put(&d, &b, 0, 0), -EINVAL);
	assert_int_equal(virtq_pdriver_put(&d, &b, 5, 0), -EINVAL);
	assert_int_equal(virtq_pdriver_indirect(&d, TABLE, &b, 0, 0), -EINVAL);
	assert_int_equal(virtq_pdriver_indirect(&d, UINT64_MAX - 8, &b, 1, 0), -EFAULT);
	assert_int_equal(virtq_pdriver_indirect(&d, RAM_END, &b, 1, 0), -EFAULT);
	d.desc = RAM_END;
	assert_int_equal(virtq_pdriver_put(&d, &b, 1, 0), -EFAULT);
	assert_int_equal(virtq_pdriver_indirect(&d, TABLE, &b, 1, 0), -EFAULT);
	assert_none_used();
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounds),
		cmocka_unit_test(nothing_stored),
		cmocka_unit_test(out_of_order),
		cmocka_unit_test(indirect),
		cmocka_unit_test(numbers_are_unique),
		cmocka_unit_test(bad_lists),
		cmocka_unit_test(queue_breaks),
		cmocka_unit_test(set_up),
		cmocka_unit_test(interrupts),
		cmocka_unit_test(doorbells),
		cmocka_unit_test(saved),
		cmocka_unit_test(driver),
	};

	return cmocka_run_group_tests_name("virtq packed", tests, NULL, NULL);
}
