/* SPDX-License-Identifier: MIT */
/* Positions in the rings, queue-level faults, notifications, the driver's side. */
#include "test_priv.h"

static const struct virtq_buf one = {DATA, 8, true};

static uint16_t get16(struct rig *r, uint64_t gpa)
{
	uint8_t b[2];

	assert_int_equal(gmem_read(r->mem, gpa, b, 2), 0);
	return ld_le16(b);
}

static void put16(struct rig *r, uint64_t gpa, uint16_t v)
{
	uint8_t b[2];

	st_le16(b, v);
	assert_int_equal(gmem_write(r->mem, gpa, b, 2), 0);
}

static void test_empty(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	assert_int_equal(pop(&r), 0);
	virtq_reset(&r.q);
	assert_int_equal(pop(&r), -EAGAIN);
	rig_free(&r);
}

/* Both 16-bit indices go round, in the smallest and a common size. */
static void test_wrap(void **state)
{
	static const uint32_t sizes[] = {1, 8};
	struct rig r;
	uint32_t id, len;
	(void)state;

	rig_new(&r, 1, false);
	for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
		rig_start(&r, sizes[s], false);
		for (uint32_t i = 0; i < 65536 + 100; i++) {
			int head = virtq_driver_chain(&r.d, &one, 1);

			give(&r, head);
			assert_int_equal(pop(&r), 1);
			assert_int_equal(r.c.head, head);
			assert_int_equal(virtq_write(&r.q, &r.c, 0, "abc", 1 + i % 3), 1 + i % 3);
			assert_int_equal(virtq_push(&r.q, &r.c), 0);
			assert_true(virtq_driver_used(&r.d, &id, &len));
			assert_int_equal(id, (uint32_t)head);
			assert_int_equal(len, 1 + i % 3);
			assert_false(virtq_driver_used(&r.d, &id, &len));
		}
		assert_int_equal(r.q.used_idx, 100);
		assert_int_equal(r.q.popped, 65636);
		assert_int_equal(r.q.pushed, 65636);
		assert_int_equal(get16(&r, r.d.used + 2), 100);
	}
	rig_free(&r);
}

/* All in flight, completed out of order. */
static void test_in_flight(void **state)
{
	struct virtq_chain c[8];
	struct rig r;
	uint32_t id, len;
	(void)state;

	rig_new(&r, 8, false);
	for (unsigned i = 0; i < 8; i++)
		virtq_driver_offer(&r.d, (uint16_t)virtq_driver_chain(&r.d, &one, 1));
	assert_int_equal(pop(&r), 0); /* not published yet */
	virtq_driver_publish(&r.d);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(virtq_next(&r.q, &c[i]), 1);
	assert_int_equal(pop(&r), 0);
	assert_int_equal(r.q.in_flight, 8);
	for (unsigned i = 0; i < 8; i++) {
		unsigned k = i * 3 % 8;

		c[k].written = k;
		assert_int_equal(virtq_push(&r.q, &c[k]), 0);
		assert_int_equal(r.q.in_flight, 7 - i);
		assert_true(virtq_driver_used(&r.d, &id, &len));
		assert_int_equal(id, c[k].head);
		assert_int_equal(len, k);
	}
	rig_free(&r);
}

static void test_duplicate_head(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	give(&r, virtq_driver_chain(&r.d, &one, 1));
	assert_int_equal(pop(&r), 1);
	give(&r, r.c.head);
	assert_int_equal(virtq_next(&r.q, &(struct virtq_chain){0}), -EIO);
	assert_int_equal(r.q.broken, VIRTQ_E_INFLIGHT);
	assert_int_equal(r.q.in_flight, 1);
	assert_int_equal(pop(&r), -EIO); /* and stays so */
	assert_int_equal(trace_last(r.trace, 0)->aux, TRACE_VQ_BROKEN);
	assert_int_equal(trace_last(r.trace, 0)->addr, 3);
	assert_int_equal(trace_last(r.trace, 0)->val, VIRTQ_E_INFLIGHT);
	/* What was handed out can still be completed. */
	assert_int_equal(virtq_push(&r.q, &r.c), 0);
	assert_int_equal(r.q.in_flight, 0);
	rig_start(&r, 8, false);
	turn(&r);
	rig_free(&r);
}

static void test_head(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	give(&r, 8);
	assert_int_equal(pop(&r), -EIO);
	assert_int_equal(r.q.broken, VIRTQ_E_HEAD);
	rig_start(&r, 8, false);
	give(&r, 0xffff);
	assert_int_equal(pop(&r), -EIO);
	assert_int_equal(r.q.broken, VIRTQ_E_HEAD);
	assert_int_equal(r.q.popped, 0);
	rig_free(&r);
}

/* avail.idx may be num ahead, no more; going back is a jump, too. */
static void test_avail_jump(void **state)
{
	static const uint16_t bad[] = {9, 0x8000, 0xffff};
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	for (unsigned i = 0; i < 8; i++) {
		virtq_driver_desc(&r.d, (uint16_t)i, DATA, 1, 0, 0);
		virtq_driver_offer(&r.d, (uint16_t)i);
	}
	virtq_driver_publish(&r.d);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(pop(&r), 1);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		rig_start(&r, 8, false);
		put16(&r, r.d.avail + 2, bad[i]);
		assert_int_equal(pop(&r), -EIO);
		assert_int_equal(r.q.broken, VIRTQ_E_AVAIL);
	}
	/* The same with a position that is about to wrap. */
	rig_start(&r, 8, false);
	r.q.last_avail = 0xfffe;
	put16(&r, r.d.avail + 2, 6);
	assert_int_equal(pop(&r), 1);
	rig_start(&r, 8, false);
	r.q.last_avail = 0xfffe;
	put16(&r, r.d.avail + 2, 7);
	assert_int_equal(pop(&r), -EIO);
	rig_free(&r);
}

/* The biggest queue: 32768 on offer at once are no jump, 32769 are. */
static void test_biggest(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, VIRTQ_NUM_MAX, true);
	for (uint32_t i = 0; i < VIRTQ_NUM_MAX; i++) {
		assert_int_equal(virtq_driver_desc(&r.d, (uint16_t)i, DATA, 1, 0, 0), 0);
		virtq_driver_offer(&r.d, (uint16_t)i);
	}
	virtq_driver_publish(&r.d);
	for (uint32_t i = 0; i < VIRTQ_NUM_MAX; i++) {
		assert_int_equal(pop(&r), 1);
		assert_int_equal(r.c.head, i);
	}
	assert_int_equal(r.q.in_flight, VIRTQ_NUM_MAX);
	assert_int_equal(pop(&r), 0);
	put16(&r, r.d.avail + 2, VIRTQ_NUM_MAX + 1);
	virtq_kick_begin(&r.q);
	assert_int_equal(pop(&r), -EIO); /* entry 0 again: in flight */
	assert_int_equal(r.q.broken, VIRTQ_E_INFLIGHT);
	rig_start(&r, VIRTQ_NUM_MAX, false);
	put16(&r, r.d.avail + 2, VIRTQ_NUM_MAX + 1);
	assert_int_equal(pop(&r), -EIO);
	assert_int_equal(r.q.broken, VIRTQ_E_AVAIL);
	rig_free(&r);
}

/* At most num chains for one doorbell, although the driver goes on offering. */
static void test_kick_bound(void **state)
{
	struct rig r;
	unsigned n = 0;
	(void)state;

	rig_new(&r, 4, false);
	virtq_driver_desc(&r.d, 0, DATA, 1, 0, 0);
	for (;;) {
		virtq_driver_offer(&r.d, 0);
		virtq_driver_publish(&r.d);
		if (pop(&r) != 1)
			break;
		assert_int_equal(virtq_push(&r.q, &r.c), 0);
		assert_in_range(++n, 1, 4);
	}
	assert_int_equal(n, 4);
	assert_int_equal(r.q.broken, VIRTQ_OK);
	virtq_kick_begin(&r.q);
	assert_int_equal(pop(&r), 1);
	rig_free(&r);
}

/* Each area in turn is in a region that goes away under the queue. */
static void test_ring_gone(void **state)
{
	struct rig r;
	(void)state;

	for (unsigned area = 0; area < 4; area++) {
		rig_new(&r, 8, true);
		virtq_driver_chain(&r.d, &one, 1);
		virtq_reset(&r.q);
		virtq_driver_attach(&r.d, &r.q);
		if (area == 0)
			r.q.desc = RAM_C;
		if (area == 1)
			r.q.avail = RAM_C;
		if (area >= 2)
			r.q.used = RAM_C;
		assert_int_equal(virtq_enable(&r.q, NULL), 0);
		give(&r, 0);
		if (area == 2)
			assert_int_equal(pop(&r), 1);
		assert_int_equal(gmem_remove(r.mem, RAM_C), 0);
		if (area == 2) {
			assert_int_equal(virtq_push(&r.q, &r.c), -EIO);
			assert_int_equal(r.q.in_flight, 1);
		} else if (area == 3) {
			virtq_want_kicks(&r.q, true);
		} else {
			assert_int_equal(pop(&r), -EIO);
			assert_int_equal(r.q.popped, 0);
		}
		assert_int_equal(r.q.broken, VIRTQ_E_RING);
		assert_int_equal(virtq_next(&r.q, &r.c), -EIO);
		rig_free(&r);
	}
	/* The avail ring goes between push and the question for the interrupt. */
	rig_new(&r, 8, false);
	r.q.ready = false;
	r.q.avail = RAM_C;
	assert_int_equal(virtq_enable(&r.q, NULL), 0);
	virtq_driver_chain(&r.d, &one, 1);
	put16(&r, RAM_C + 2, 1);
	assert_int_equal(pop(&r), 1);
	assert_int_equal(virtq_push(&r.q, &r.c), 0);
	assert_int_equal(gmem_remove(r.mem, RAM_C), 0);
	assert_false(virtq_needs_interrupt(&r.q));
	assert_int_equal(r.q.broken, VIRTQ_E_RING);
	rig_free(&r);
}

/* A used ring in ROM: loading or a region swap can bring it there. */
static void test_used_in_rom(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	give(&r, virtq_driver_chain(&r.d, &one, 1));
	assert_int_equal(pop(&r), 1);
	r.q.used = ROM_AT;
	assert_int_equal(virtq_push(&r.q, &r.c), -EIO);
	assert_int_equal(r.q.broken, VIRTQ_E_RING);
	rig_free(&r);
}

static void test_interrupt_flag(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	assert_false(virtq_needs_interrupt(&r.q)); /* nothing was pushed */
	turn(&r);
	assert_true(virtq_needs_interrupt(&r.q));
	assert_false(virtq_needs_interrupt(&r.q)); /* once */
	turn(&r);
	turn(&r);
	assert_true(virtq_needs_interrupt(&r.q));
	assert_false(virtq_needs_interrupt(&r.q));
	virtq_driver_suppress(&r.d, true, 0);
	turn(&r);
	assert_false(virtq_needs_interrupt(&r.q));
	virtq_driver_suppress(&r.d, false, 0);
	assert_false(virtq_needs_interrupt(&r.q)); /* was answered */
	turn(&r);
	assert_true(virtq_needs_interrupt(&r.q));
	rig_free(&r);
}

/* Every distance between the indices, round the 16-bit corner. */
static void test_interrupt_event(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, true);
	/* Flags are not looked at with an event index (2.7.7.2). */
	put16(&r, r.d.avail, VIRTQ_AVAIL_F_NO_INTERRUPT);
	for (uint32_t base = 0xfff0; base < 0x10010; base++) {
		for (int event = -4; event < 8; event++) {
			for (unsigned pushes = 1; pushes < 6; pushes++) {
				bool want = event >= 0 && event < (int)pushes;

				r.q.used_idx = (uint16_t)base;
				r.q.signalled = (uint16_t)base;
				r.q.signalled_valid = true;
				for (unsigned i = 0; i < pushes; i++)
					turn(&r);
				virtq_driver_suppress(&r.d, false, (uint16_t)(base + event));
				assert_int_equal(virtq_needs_interrupt(&r.q), want);
				assert_false(virtq_needs_interrupt(&r.q));
			}
		}
	}
	rig_free(&r);
}

/* 65536 pushes without asking: idx is where it was, yet there is news. */
static void test_interrupt_full_turn(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, true);
	virtq_driver_suppress(&r.d, false, 0x4000);
	for (unsigned i = 0; i < 65536; i++)
		turn(&r);
	assert_int_equal(r.q.used_idx, r.q.signalled);
	assert_true(virtq_needs_interrupt(&r.q));
	assert_false(virtq_needs_interrupt(&r.q));
	rig_free(&r);
}

static void test_kicks_flag(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	assert_true(virtq_driver_needs_kick(&r.d, 0));
	virtq_want_kicks(&r.q, false);
	assert_int_equal(get16(&r, r.d.used), VIRTQ_USED_F_NO_NOTIFY);
	assert_false(virtq_driver_needs_kick(&r.d, 0));
	virtq_want_kicks(&r.q, true);
	assert_int_equal(get16(&r, r.d.used), 0);
	assert_true(virtq_driver_needs_kick(&r.d, 0));
	virtq_reset(&r.q);
	virtq_want_kicks(&r.q, false); /* not ready: nothing */
	assert_int_equal(get16(&r, r.d.used), 0);
	rig_free(&r);
}

/* With the event index a driver that asks needs_kick never stalls, round the 16-bit corner too. */
static void test_kicks_event(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, true);
	for (unsigned i = 0; i < 70000; i++) {
		unsigned n = 1 + i % 3;
		bool off = i % 7 == 0;
		uint16_t old = r.d.avail_idx;

		if (off)
			virtq_want_kicks(&r.q, false);
		for (unsigned k = 0; k < n; k++)
			virtq_driver_offer(&r.d, (uint16_t)virtq_driver_chain(&r.d, &one, 1));
		virtq_driver_publish(&r.d);
		assert_int_equal(virtq_driver_needs_kick(&r.d, old), !off);
		virtq_kick_begin(&r.q);
		for (unsigned k = 0; k < n; k++) {
			assert_int_equal(pop(&r), 1);
			assert_int_equal(virtq_push(&r.q, &r.c), 0);
		}
		if (off)
			virtq_want_kicks(&r.q, true);
		assert_int_equal(pop(&r), 0); /* empty: avail_event follows */
		/* More while the device is still at it needs no second doorbell. */
		assert_int_equal(get16(&r, r.d.used + 4 + 64), r.d.avail_idx);
	}
	rig_free(&r);
}

/* A doorbell's share used up exactly: what comes next must ring all the same (2.7.10). */
static void test_kicks_after_budget(void **state)
{
	uint64_t event;
	struct rig r;
	(void)state;

	rig_new(&r, 8, true);
	event = r.d.used + 4 + 64;
	for (unsigned i = 0; i < 8; i++)
		give(&r, virtq_driver_chain(&r.d, &one, 1));
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(pop(&r), 1);
		assert_int_equal(virtq_push(&r.q, &r.c), 0);
	}
	assert_int_equal(get16(&r, event), 0); /* not before the device asks for more */
	assert_int_equal(pop(&r), 0);
	assert_int_equal(get16(&r, event), 8);
	virtq_driver_offer(&r.d, (uint16_t)virtq_driver_chain(&r.d, &one, 1));
	virtq_driver_publish(&r.d);
	assert_true(virtq_driver_needs_kick(&r.d, 8));
	/* Not where doorbells are unwanted, and a ring that went away breaks the queue. */
	virtq_kick_begin(&r.q);
	r.q.budget = 0;
	r.q.last_avail = 9;
	r.q.kicks_off = true;
	assert_int_equal(pop(&r), 0);
	assert_int_equal(get16(&r, event), 8);
	r.q.kicks_off = false;
	r.q.used = ROM_AT;
	assert_int_equal(pop(&r), -EIO);
	assert_int_equal(r.q.broken, VIRTQ_E_RING);
	rig_free(&r);
}

static void test_trace(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	give(&r, virtq_driver_chain(&r.d, &one, 1));
	assert_int_equal(pop(&r), 1);
	assert_int_equal(trace_last(r.trace, 0)->aux, TRACE_VQ_POP);
	assert_int_equal(virtq_write(&r.q, &r.c, 0, "abc", 3), 3);
	assert_int_equal(virtq_push(&r.q, &r.c), 0);
	assert_int_equal(trace_last(r.trace, 0)->aux, TRACE_VQ_PUSH);
	assert_true(trace_last(r.trace, 0)->val == (r.c.head | 3ull << 32));
	assert_true(virtq_needs_interrupt(&r.q));
	assert_int_equal(trace_last(r.trace, 0)->aux, TRACE_VQ_NOTIFY);
	virtq_driver_desc(&r.d, 2, UINT64_MAX, 5, 0, 0);
	give(&r, 2);
	assert_int_equal(pop(&r), 1);
	assert_int_equal(trace_last(r.trace, 0)->aux, TRACE_VQ_BAD);
	assert_true(trace_last(r.trace, 0)->val == (2 | (uint64_t)VIRTQ_E_ADDR << 32));
	rig_free(&r);
}

/* The driver's side on a queue that was taken away, and with bad arguments. */
static void test_driver(void **state)
{
	struct virtq_driver d;
	struct rig r;
	uint32_t id, len;
	(void)state;

	rig_new(&r, 8, false);
	assert_int_equal(virtq_driver_init(&d, r.mem, 0, RAM_C, false), -EINVAL);
	assert_int_equal(virtq_driver_init(&d, r.mem, 65536, RAM_C, false), -EINVAL);
	assert_int_equal(virtq_driver_init(&d, r.mem, 8, RAM_C + 8, false), -EINVAL);
	assert_int_equal(virtq_driver_init(&d, r.mem, 8, 3 * MIB, false), -EFAULT);
	assert_int_equal(virtq_driver_init(&d, r.mem, 8, UINT64_MAX - 15, false), -EFAULT);
	assert_int_equal(virtq_driver_init(&d, r.mem, 8, ROM_AT, false), -EFAULT);
	assert_int_equal(virtq_driver_init(&d, r.mem, 5, C_END - 208, false), 0);
	assert_int_equal(virtq_driver_bytes(5), 80 + 16 + 46);
	assert_int_equal(virtq_driver_chain(&d, &one, 0), -EINVAL);
	assert_int_equal(virtq_driver_chain(&d, &one, 6), -EINVAL);
	assert_int_equal(virtq_driver_indirect(&d, TABLE, &one, 0), -EINVAL);
	assert_int_equal(virtq_driver_indirect(&d, 3 * MIB, &one, 1), -EFAULT);
	assert_int_equal(virtq_driver_indirect(&d, UINT64_MAX, &one, 1), -EFAULT);
	assert_int_equal(gmem_remove(r.mem, RAM_C), 0);
	assert_int_equal(virtq_driver_chain(&d, &one, 1), -EFAULT);
	virtq_driver_offer(&d, 0);
	virtq_driver_publish(&d);
	assert_true(virtq_driver_needs_kick(&d, 0));
	assert_false(virtq_driver_used(&d, &id, &len));
	virtq_driver_suppress(&d, true, 0);
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_in_flight),
		cmocka_unit_test(test_duplicate_head),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_avail_jump),
		cmocka_unit_test(test_biggest),
		cmocka_unit_test(test_kick_bound),
		cmocka_unit_test(test_ring_gone),
		cmocka_unit_test(test_used_in_rom),
		cmocka_unit_test(test_interrupt_flag),
		cmocka_unit_test(test_interrupt_event),
		cmocka_unit_test(test_interrupt_full_turn),
		cmocka_unit_test(test_kicks_flag),
		cmocka_unit_test(test_kicks_event),
		cmocka_unit_test(test_kicks_after_budget),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_driver),
	};

	return cmocka_run_group_tests_name("virtq_rings", tests, NULL, NULL);
}
