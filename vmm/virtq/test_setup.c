/* SPDX-License-Identifier: MIT */
/* Set-up, reset, save and load. */
#include "test_priv.h"

static void test_init(void **state)
{
	static const uint32_t bad[] = {0, 3, 65536, 0x80000000, UINT32_MAX};
	struct virtq q;
	struct err err;
	(void)state;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(virtq_init(&q, NULL, NULL, 0, bad[i], &err), -EINVAL);
		assert_non_null(strstr(err.msg, "power of two"));
		virtq_fini(&q);
	}
	for (uint32_t n = 1; n <= VIRTQ_NUM_MAX; n *= 2) {
		assert_int_equal(virtq_init(&q, NULL, NULL, 0, n, NULL), 0);
		assert_int_equal(q.num, n);
		assert_false(q.ready);
		virtq_fini(&q);
		virtq_fini(&q);
	}
}

static void test_enable_num(void **state)
{
	static const uint32_t bad[] = {0, 3, 6, 512, 0x10000, 0x10008, UINT32_MAX};
	struct virtq q;
	struct rig r;
	struct err err;
	(void)state;

	rig_new(&r, 8, false);
	assert_int_equal(virtq_init(&q, r.mem, NULL, 0, 256, NULL), 0);
	virtq_driver_attach(&r.d, &q);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		q.num = bad[i];
		memset(&err, 0, sizeof(err));
		assert_int_equal(virtq_enable(&q, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "size"));
		assert_false(q.ready);
		assert_int_equal(virtq_next(&q, &r.c), -EAGAIN);
	}
	q.num = 256;
	assert_int_equal(virtq_enable(&q, &err), 0);
	assert_true(q.ready);
	assert_int_equal(virtq_enable(&q, &err), 0);
	virtq_fini(&q);
	rig_free(&r);
}

/* Each area: misaligned, in a hole, in ROM, past the end, wrapping; and where it just fits. */
static void test_enable_areas(void **state)
{
	static const struct {
		size_t off;
		uint64_t align, size;
	} areas[] = {
		{offsetof(struct virtq, desc), 16, VIRTQ_DESC_BYTES(8)},
		{offsetof(struct virtq, avail), 2, VIRTQ_AVAIL_BYTES(8)},
		{offsetof(struct virtq, used), 4, VIRTQ_USED_BYTES(8)},
	};
	struct rig r;
	struct err err;
	(void)state;

	rig_new(&r, 8, false);
	for (unsigned i = 0; i < ARRAY_SIZE(areas); i++) {
		uint64_t al = areas[i].align;
		uint64_t last = (C_END - areas[i].size) & ~(al - 1);
		const struct {
			uint64_t addr;
			bool ok;
		} cases[] = {
			{last, true},	     {last + al, false},
			{RAM_C, true},	     {RAM_C + al / 2, false},
			{RAM_C - al, false}, {3 * MIB, false},
			{ROM_AT, false},     {RAM_B - al, true},
			{0, true},	     {align_down(UINT64_MAX, al), false},
			{1ull << 63, false}, {align_down(UINT64_MAX - areas[i].size, al), false},
		};

		for (unsigned k = 0; k < ARRAY_SIZE(cases); k++) {
			virtq_reset(&r.q);
			virtq_driver_attach(&r.d, &r.q);
			memcpy((char *)&r.q + areas[i].off, &cases[k].addr, sizeof(uint64_t));
			memset(&err, 0, sizeof(err));
			assert_int_equal(virtq_enable(&r.q, &err), cases[k].ok ? 0 : -EINVAL);
			assert_int_equal(r.q.ready, cases[k].ok);
			assert_int_equal(err.msg[0] != 0, !cases[k].ok);
		}
	}
	rig_free(&r);
}

static void test_reset(void **state)
{
	struct virtq fresh;
	struct rig r;
	(void)state;

	rig_new(&r, 8, true);
	assert_int_equal(virtq_init(&fresh, r.mem, NULL, 0, VIRTQ_NUM_MAX, NULL), 0);
	turn(&r);
	assert_true(virtq_needs_interrupt(&r.q));
	virtq_want_kicks(&r.q, false);
	give(&r, virtq_driver_chain(&r.d, &(struct virtq_buf){DATA, 1, false}, 1));
	assert_int_equal(pop(&r), 1);
	give(&r, 100);
	assert_int_equal(virtq_next(&r.q, &r.c), -EIO);
	assert_true(state_hash(&virtq_state, &r.q, 0) != state_hash(&virtq_state, &fresh, 0));
	virtq_reset(&r.q);
	assert_int_equal(state_diff(&virtq_state, &r.q, &fresh, NULL, NULL), 0);
	assert_true(state_hash(&virtq_state, &r.q, 0) == state_hash(&virtq_state, &fresh, 0));
	assert_int_equal(virtq_next(&r.q, &r.c), -EAGAIN);
	rig_start(&r, 8, false);
	turn(&r);
	virtq_fini(&fresh);
	rig_free(&r);
}

/* Saved with two chains in flight, loaded into another queue, completed there. */
static void test_save_load(void **state)
{
	struct buf saved = {0}, again = {0};
	struct virtq_chain c[2];
	struct virtq q;
	struct rig r;
	struct err err;
	uint32_t id, len;
	size_t used;
	(void)state;

	rig_new(&r, 8, true);
	turn(&r);
	assert_true(virtq_driver_used(&r.d, &id, &len));
	for (unsigned i = 0; i < 2; i++) {
		give(&r, virtq_driver_chain(&r.d, &(struct virtq_buf){DATA, 1, true}, 1));
		assert_int_equal(virtq_next(&r.q, &c[i]), 1);
	}
	assert_int_equal(state_save(&virtq_state, &r.q, &saved), 0);
	assert_int_equal(virtq_init(&q, r.mem, NULL, 0, VIRTQ_NUM_MAX, NULL), 0);
	assert_int_equal(state_load(&virtq_state, &q, saved.p, saved.len, &used, &err), 0);
	assert_int_equal(used, saved.len);
	assert_int_equal(virtq_post_load(&q, &err), 0);
	assert_int_equal(state_save(&virtq_state, &q, &again), 0);
	assert_int_equal(again.len, saved.len);
	assert_memory_equal(again.p, saved.p, saved.len);

	/* Still in flight there: the same head again breaks it. */
	assert_int_equal(q.in_flight, 2);
	assert_int_equal(virtq_push(&q, &c[1]), 0);
	assert_int_equal(virtq_push(&q, &c[0]), 0);
	assert_true(virtq_driver_used(&r.d, &id, &len));
	assert_int_equal(id, c[1].head);
	assert_true(virtq_driver_used(&r.d, &id, &len));
	assert_int_equal(id, c[0].head);
	give(&r, virtq_driver_chain(&r.d, &(struct virtq_buf){DATA, 1, true}, 1));
	virtq_kick_begin(&q);
	assert_int_equal(virtq_next(&q, &c[0]), 1);
	give(&r, c[0].head);
	assert_int_equal(virtq_next(&q, &c[1]), -EIO);
	assert_int_equal(q.broken, VIRTQ_E_INFLIGHT);
	buf_free(&saved);
	buf_free(&again);
	virtq_fini(&q);
	rig_free(&r);
}

static void expect_bad(struct virtq *good, void (*damage)(struct virtq *q))
{
	struct virtq q = *good, fresh = *good;
	struct err err = {0};

	assert_int_equal(virtq_post_load(&q, &err), 0);
	damage(&q);
	assert_int_equal(virtq_post_load(&q, &err), -EINVAL);
	assert_true(err.msg[0]);
	virtq_reset(&fresh);
	assert_int_equal(state_diff(&virtq_state, &q, &fresh, NULL, NULL), 0);
}

static void bad_num(struct virtq *q)
{
	q->num = 65536;
}

static void bad_num_odd(struct virtq *q)
{
	q->num = 7;
}

static void bad_align(struct virtq *q)
{
	q->used += 2;
}

static void bad_wrap(struct virtq *q)
{
	q->desc = UINT64_MAX - 15;
}

static void bad_count(struct virtq *q)
{
	q->in_flight++;
}

static void bad_map(struct virtq *q)
{
	q->in_flight_map[0] |= 1 << 5;
}

static void bad_map_beyond(struct virtq *q)
{
	q->in_flight_map[0] |= 1 << 8;
}

static void bad_map_far(struct virtq *q)
{
	q->in_flight_map[511] |= 1ull << 63;
}

static void bad_sum(struct virtq *q)
{
	q->popped++;
}

static void bad_reason(struct virtq *q)
{
	q->broken = VIRTQ_E_LOOP;
}

static void bad_reason_far(struct virtq *q)
{
	q->broken = (enum virtq_error)99;
}

static void test_load_hostile(void **state)
{
	static void (*const damage[])(struct virtq *) = {
		bad_num,	bad_num_odd, bad_align, bad_wrap,   bad_count,	    bad_map,
		bad_map_beyond, bad_map_far, bad_sum,	bad_reason, bad_reason_far,
	};
	struct rig r;
	(void)state;

	rig_new(&r, 8, true);
	turn(&r);
	give(&r, virtq_driver_chain(&r.d, &(struct virtq_buf){DATA, 1, true}, 1));
	assert_int_equal(pop(&r), 1);
	for (unsigned i = 0; i < ARRAY_SIZE(damage); i++)
		expect_bad(&r.q, damage[i]);
	/* Not in RAM: accepted, found at the first access. */
	r.q.avail = 3 * MIB;
	assert_int_equal(virtq_post_load(&r.q, NULL), 0);
	virtq_kick_begin(&r.q);
	assert_int_equal(pop(&r), -EIO);
	assert_int_equal(r.q.broken, VIRTQ_E_RING);
	/* Not ready: num is what the driver wrote, whatever it is. */
	virtq_reset(&r.q);
	r.q.num = 3;
	assert_int_equal(virtq_post_load(&r.q, NULL), 0);
	assert_int_equal(r.q.num, 3);
	rig_free(&r);
}

static void test_names(void **state)
{
	(void)state;

	for (int e = VIRTQ_OK; e <= VIRTQ_E_RING; e++) {
		assert_non_null(virtq_error_name((enum virtq_error)e));
		for (int k = 0; k < e; k++)
			assert_string_not_equal(virtq_error_name((enum virtq_error)e),
						virtq_error_name((enum virtq_error)k));
	}
	assert_string_equal(virtq_error_name((enum virtq_error)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),	     cmocka_unit_test(test_enable_num),
		cmocka_unit_test(test_enable_areas), cmocka_unit_test(test_reset),
		cmocka_unit_test(test_save_load),    cmocka_unit_test(test_load_hostile),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("virtq_setup", tests, NULL, NULL);
}
