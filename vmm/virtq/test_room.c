/* SPDX-License-Identifier: MIT */
/* Looking ahead on both rings: how much room the driver offers, and its next chain, without taking any of it. */
#include "test_priv.h"

static struct virtq_pdriver p;

/* (n) chains of (len) writable bytes, each with a readable one in front. */
static void offer_split(struct rig *r, unsigned n, uint32_t len)
{
	for (unsigned i = 0; i < n; i++) {
		struct virtq_buf b[] = {{DATA, 4, false}, {DATA + 64, len, true}};

		virtq_driver_offer(&r->d, (uint16_t)virtq_driver_chain(&r->d, b, 2));
	}
	virtq_driver_publish(&r->d);
}

static uint64_t state(const struct rig *r)
{
	return state_hash(&virtq_state, &r->q, 0);
}

static void split(void **s)
{
	uint64_t before;
	struct rig r;
	uint16_t old;
	(void)s;

	rig_new(&r, 16, true);
	assert_int_equal(virtq_has_room(&r.q, 1), 0);
	offer_split(&r, 3, 100);
	before = state(&r);
	assert_int_equal(virtq_has_room(&r.q, 1), 1);
	assert_int_equal(virtq_has_room(&r.q, 300), 1);
	assert_true(state(&r) == before);
	/* Not enough: nothing is taken, and the next chain rings. */
	old = r.d.avail_idx;
	assert_int_equal(virtq_has_room(&r.q, 301), 0);
	assert_true(state(&r) == before);
	offer_split(&r, 1, 1);
	assert_true(virtq_driver_needs_kick(&r.d, old));
	assert_int_equal(virtq_has_room(&r.q, 301), 1);
	for (unsigned i = 0; i < 4; i++) {
		virtq_kick_begin(&r.q);
		assert_int_equal(pop(&r), 1);
		assert_int_equal(r.c.in_bytes, i < 3 ? 100 : 1);
	}
	assert_int_equal(pop(&r), 0);
	assert_int_equal(virtq_has_room(&r.q, 1), 0);
	rig_free(&r);
}

/* What virtq_next() would find is for it to find; a malformed chain has no room. */
static void split_faults(void **s)
{
	struct virtq_buf wild = {1ull << 40, 8, true};
	struct rig r;
	(void)s;

	rig_new(&r, 4, false);
	give(&r, virtq_driver_chain(&r.d, &wild, 1));
	assert_int_equal(virtq_has_room(&r.q, 1), 0);
	virtq_driver_offer(&r.d, 9);
	virtq_driver_publish(&r.d);
	assert_int_equal(virtq_has_room(&r.q, 1), 1);
	assert_int_equal(r.q.broken, VIRTQ_OK);
	virtq_kick_begin(&r.q);
	assert_int_equal(pop(&r), 1);
	assert_int_equal(r.c.error, VIRTQ_E_ADDR);
	assert_int_equal(pop(&r), -EIO);
	assert_int_equal(virtq_has_room(&r.q, 1), 0);

	/* All entries are on offer. */
	rig_start(&r, 4, false);
	for (unsigned i = 0; i < 4; i++) {
		struct virtq_buf b = {DATA, 10, true};

		assert_int_equal(virtq_has_room(&r.q, 41), 0);
		give(&r, virtq_driver_chain(&r.d, &b, 1));
	}
	assert_int_equal(virtq_has_room(&r.q, 40), 1);
	assert_int_equal(virtq_has_room(&r.q, 41), -ENOSPC);
	assert_int_equal(pop(&r), 1);
	assert_int_equal(virtq_has_room(&r.q, 31), -ENOSPC);

	rig_start(&r, 4, false);
	assert_int_equal(gmem_write(r.mem, r.d.avail + 2, "\x09", 2), 0);
	assert_int_equal(virtq_has_room(&r.q, 1), 1);
	virtq_reset(&r.q);
	assert_int_equal(virtq_has_room(&r.q, 1), 0);
	rig_free(&r);
}

static void packed(void **s)
{
	struct virtq_buf b[2] = {{DATA, 4, false}, {DATA + 64, 50, true}};
	struct rig r;
	uint8_t event[4];
	(void)s;

	rig_new(&r, 4, false);
	assert_int_equal(virtq_pdriver_init(&p, r.mem, 5, RINGS, true), 0);
	virtq_reset(&r.q);
	virtq_pdriver_attach(&p, &r.q);
	assert_int_equal(virtq_enable(&r.q, NULL), 0);
	assert_int_equal(virtq_has_room(&r.q, 1), 0);
	for (unsigned turn = 0; turn < 20; turn++) {
		uint64_t before;

		assert_int_equal(virtq_pdriver_put(&p, b, 2, 7), 0);
		assert_int_equal(virtq_pdriver_put(&p, b, 2, 8), 0);
		before = state(&r);
		assert_int_equal(virtq_has_room(&r.q, 100), 1);
		assert_int_equal(virtq_has_room(&r.q, 101), 0);
		/* One entry more, and there is none left. */
		if (turn % 2) {
			assert_int_equal(virtq_pdriver_put(&p, b + 1, 1, 9), 0);
			assert_int_equal(virtq_has_room(&r.q, 150), 1);
			assert_int_equal(virtq_has_room(&r.q, 151), -ENOSPC);
		}
		assert_true(state(&r) == before);
		/* The doorbell is wanted for what comes behind the two. */
		assert_int_equal(gmem_read(r.mem, p.used, event, 4), 0);
		assert_int_equal(ld_le16(event), p.next | (p.wrap ? VIRTQ_EVENT_WRAP : 0));
		virtq_kick_begin(&r.q);
		for (unsigned i = 0; i < 2 + turn % 2; i++) {
			uint16_t id;
			uint32_t len;

			assert_int_equal(pop(&r), 1);
			assert_int_equal(r.c.id, 7 + i);
			assert_int_equal(virtq_push(&r.q, &r.c), 0);
			assert_true(virtq_pdriver_used(&p, &id, &len));
		}
	}
	/* Round and round without an end, and more than there are entries. */
	for (uint16_t i = 0; i < 5; i++)
		assert_int_equal(virtq_pdriver_desc(&p, i, DATA, 4, 1,
						    VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE |
							    (r.q.avail_wrap ? VIRTQ_DESC_F_AVAIL
									    : VIRTQ_DESC_F_USED)),
				 0);
	assert_int_equal(virtq_has_room(&r.q, 1000), 1);
	assert_int_equal(r.q.broken, VIRTQ_E_ENDLESS);
	assert_int_equal(virtq_has_room(&r.q, 1), 0);
	rig_free(&r);
}

/* Thousands of chains without room are not all looked at, for each packet that comes. */
static void looks_at_so_many(void **s)
{
	struct virtq_buf out = {DATA, 8, false}, in = {DATA, 8, true};
	struct rig r;
	(void)s;

	rig_new(&r, 1024, false);
	for (unsigned i = 0; i < VIRTQ_LOOK; i++)
		give(&r, virtq_driver_chain(&r.d, &out, 1));
	assert_int_equal(virtq_has_room(&r.q, 1), 0);
	give(&r, virtq_driver_chain(&r.d, &out, 1));
	assert_int_equal(virtq_has_room(&r.q, 1), 1);
	assert_int_equal(virtq_pdriver_init(&p, r.mem, 1024, RINGS, false), 0);
	virtq_reset(&r.q);
	virtq_pdriver_attach(&p, &r.q);
	assert_int_equal(virtq_enable(&r.q, NULL), 0);
	for (unsigned i = 0; i < VIRTQ_LOOK - 1; i++)
		assert_int_equal(virtq_pdriver_put(&p, &out, 1, 1), 0);
	assert_int_equal(virtq_has_room(&r.q, 1), 0);
	assert_int_equal(virtq_pdriver_put(&p, &in, 1, 1), 0);
	assert_int_equal(virtq_has_room(&r.q, 8), 1);
	assert_int_equal(virtq_has_room(&r.q, 9), 1); /* who knows */
	rig_free(&r);
}

/* The next chain can be read without being taken; virtq_next() hands it out afterwards. */
static void peek_split(void **s)
{
	struct virtq_buf b[] = {{DATA, 4, false}, {DATA + 64, 9, true}},
			 wild = {1ull << 40, 8, true};
	struct virtq_chain c;
	uint64_t before;
	char got[4];
	struct rig r;
	(void)s;

	rig_new(&r, 4, true);
	assert_int_equal(virtq_peek(&r.q, &c), 0);
	assert_int_equal(gmem_write(r.mem, DATA, "head", 4), 0);
	give(&r, virtq_driver_chain(&r.d, b, 2));
	give(&r, virtq_driver_chain(&r.d, &wild, 1));
	before = state(&r);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(virtq_peek(&r.q, &c), 1);
		assert_int_equal(c.out_bytes, 4);
		assert_int_equal(c.in_bytes, 9);
		assert_int_equal(virtq_read(&r.q, &c, 0, got, 4), 4);
		assert_memory_equal(got, "head", 4);
	}
	assert_true(state(&r) == before);
	assert_int_equal(r.q.stats.popped, 0);
	assert_int_equal(pop(&r), 1);
	assert_int_equal(r.c.in_bytes, 9);
	/* A malformed one says so. */
	assert_int_equal(virtq_peek(&r.q, &c), 1);
	assert_int_equal(c.error, VIRTQ_E_ADDR);
	assert_int_equal(pop(&r), 1);
	assert_int_equal(virtq_peek(&r.q, &c), 0);
	/* What breaks the queue is found when it is taken. */
	virtq_driver_offer(&r.d, r.c.head);
	virtq_driver_publish(&r.d);
	assert_int_equal(virtq_peek(&r.q, &c), 0);
	assert_int_equal(r.q.broken, VIRTQ_OK);
	assert_int_equal(pop(&r), -EIO);
	assert_int_equal(r.q.broken, VIRTQ_E_INFLIGHT);
	assert_int_equal(virtq_peek(&r.q, &c), 0);
	virtq_reset(&r.q);
	assert_int_equal(virtq_peek(&r.q, &c), 0);

	/* No more than virtq_next() would hand out for this doorbell. */
	rig_start(&r, 1, false);
	give(&r, virtq_driver_chain(&r.d, b + 1, 1));
	assert_int_equal(pop(&r), 1);
	assert_int_equal(virtq_push(&r.q, &r.c), 0);
	virtq_driver_offer(&r.d, r.c.head);
	virtq_driver_publish(&r.d);
	assert_int_equal(virtq_peek(&r.q, &c), 0);
	virtq_kick_begin(&r.q);
	assert_int_equal(virtq_peek(&r.q, &c), 1);
	rig_free(&r);
}

static void peek_packed(void **s)
{
	struct virtq_buf b[2] = {{DATA, 4, false}, {DATA + 64, 50, true}};
	struct virtq_chain c;
	uint64_t before;
	struct rig r;
	(void)s;

	rig_new(&r, 4, false);
	assert_int_equal(virtq_pdriver_init(&p, r.mem, 5, RINGS, true), 0);
	virtq_reset(&r.q);
	virtq_pdriver_attach(&p, &r.q);
	assert_int_equal(virtq_enable(&r.q, NULL), 0);
	for (unsigned turn = 0; turn < 7; turn++) {
		uint32_t len;
		uint16_t id;

		virtq_kick_begin(&r.q);
		assert_int_equal(virtq_peek(&r.q, &c), 0);
		assert_int_equal(virtq_pdriver_put(&p, b, 2, 7), 0);
		before = state(&r);
		assert_int_equal(virtq_peek(&r.q, &c), 1);
		assert_int_equal(c.in_bytes, 50);
		assert_true(state(&r) == before);
		assert_int_equal(pop(&r), 1);
		assert_int_equal(virtq_push(&r.q, &r.c), 0);
		assert_true(virtq_pdriver_used(&p, &id, &len));
	}
	/* Without an end: virtq_next() breaks the queue, this does not. */
	for (uint16_t i = 0; i < 5; i++)
		assert_int_equal(virtq_pdriver_desc(&p, i, DATA, 4, 1,
						    VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE |
							    (r.q.avail_wrap ? VIRTQ_DESC_F_AVAIL
									    : VIRTQ_DESC_F_USED)),
				 0);
	virtq_kick_begin(&r.q);
	assert_int_equal(virtq_peek(&r.q, &c), 0);
	assert_int_equal(r.q.broken, VIRTQ_OK);
	assert_int_equal(pop(&r), -EIO);
	assert_int_equal(r.q.broken, VIRTQ_E_ENDLESS);
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split),      cmocka_unit_test(split_faults),
		cmocka_unit_test(packed),     cmocka_unit_test(looks_at_so_many),
		cmocka_unit_test(peek_split), cmocka_unit_test(peek_packed),
	};

	return cmocka_run_group_tests_name("virtq-room", tests, NULL, NULL);
}
