/* SPDX-License-Identifier: MIT */
/* Walking chains and copying their bytes. */
#include "test_priv.h"

#define NEXT VIRTQ_DESC_F_NEXT
#define WR   VIRTQ_DESC_F_WRITE
#define IND  VIRTQ_DESC_F_INDIRECT

static void put_table(struct rig *r, uint64_t at, const struct raw *raw, unsigned n)
{
	uint8_t b[16];

	for (unsigned i = 0; i < n; i++) {
		st_le64(b, raw[i].addr);
		st_le32(b + 8, raw[i].len);
		st_le16(b + 12, raw[i].flags);
		st_le16(b + 14, raw[i].next);
		assert_int_equal(gmem_write(r->mem, at + 16ull * i, b, 16), 0);
	}
}
#define PUT_TABLE(r, at, ...)                                                                      \
	put_table(r, at, (const struct raw[]){__VA_ARGS__},                                        \
		  sizeof((const struct raw[]){__VA_ARGS__}) / sizeof(struct raw))

static void test_direct(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	give(&r, virtq_driver_chain(&r.d,
				    (struct virtq_buf[]){{DATA, 10, false},
							 {DATA + 0x100, 20, false},
							 {DATA + 0x200, 30, true}},
				    3));
	assert_int_equal(pop(&r), 1);
	assert_int_equal(r.c.error, VIRTQ_OK);
	assert_int_equal(r.c.nr_out, 2);
	assert_int_equal(r.c.nr_in, 1);
	assert_int_equal(r.c.out_bytes, 30);
	assert_int_equal(r.c.in_bytes, 30);
	assert_int_equal(r.c.seg[0].gpa, DATA);
	assert_int_equal(r.c.seg[1].gpa, DATA + 0x100);
	assert_int_equal(r.c.seg[1].len, 20);
	assert_int_equal(r.c.seg[2].gpa, DATA + 0x200);
	assert_int_equal(pop(&r), 0);
	rig_free(&r);
}

static void test_bytes(void **state)
{
	struct rig r;
	char buf[64];
	(void)state;

	rig_new(&r, 8, false);
	assert_int_equal(gmem_write(r.mem, DATA, "abcdef", 6), 0);
	assert_int_equal(gmem_write(r.mem, DATA + 0x100, "ghij", 4), 0);
	give(&r, virtq_driver_chain(&r.d,
				    (struct virtq_buf[]){{DATA, 6, false},
							 {DATA + 0x50, 0, false},
							 {DATA + 0x100, 4, false},
							 {DATA + 0x200, 3, true},
							 {DATA + 0x50, 0, true},
							 {DATA + 0x300, 3, true}},
				    6));
	assert_int_equal(pop(&r), 1);
	assert_int_equal(virtq_read(&r.q, &r.c, 0, buf, sizeof(buf)), 10);
	assert_memory_equal(buf, "abcdefghij", 10);
	assert_int_equal(virtq_read(&r.q, &r.c, 4, buf, 4), 4);
	assert_memory_equal(buf, "efgh", 4);
	assert_int_equal(virtq_read(&r.q, &r.c, 9, buf, 4), 1);
	assert_int_equal(virtq_read(&r.q, &r.c, 10, buf, 4), 0);
	assert_int_equal(virtq_read(&r.q, &r.c, UINT64_MAX, buf, 4), 0);
	assert_int_equal(virtq_read(&r.q, &r.c, 0, NULL, 0), 0);

	assert_int_equal(r.c.written, 0);
	assert_int_equal(virtq_write(&r.q, &r.c, 0, "12", 2), 2);
	assert_int_equal(r.c.written, 2);
	assert_int_equal(virtq_write(&r.q, &r.c, 2, "3456789", 7), 4);
	assert_int_equal(r.c.written, 6);
	assert_int_equal(virtq_write(&r.q, &r.c, 1, "B", 1), 1);
	assert_int_equal(r.c.written, 6); /* going back does not lower it */
	assert_int_equal(virtq_write(&r.q, &r.c, 6, "x", 1), 0);
	assert_int_equal(virtq_write(&r.q, &r.c, UINT64_MAX, "x", 1), 0);
	assert_int_equal(r.c.written, 6);
	assert_int_equal(gmem_read(r.mem, DATA + 0x200, buf, 4), 0);
	assert_memory_equal(buf, "1B3\0", 4);
	assert_int_equal(gmem_read(r.mem, DATA + 0x300, buf, 4), 0);
	assert_memory_equal(buf, "456\0", 4);
	rig_free(&r);
}

/* Payload in a region that goes away between pop and copy. */
static void test_bytes_gone(void **state)
{
	struct rig r;
	char buf[8];
	(void)state;

	rig_new(&r, 8, false);
	give(&r, virtq_driver_chain(
			 &r.d,
			 (struct virtq_buf[]){{RAM_C, 8, false}, {DATA, 3, true}, {RAM_C, 8, true}},
			 3));
	assert_int_equal(pop(&r), 1);
	assert_int_equal(r.c.error, VIRTQ_OK);
	assert_int_equal(gmem_remove(r.mem, RAM_C), 0);
	assert_int_equal(virtq_read(&r.q, &r.c, 0, buf, 8), -EFAULT);
	assert_int_equal(virtq_write(&r.q, &r.c, 0, "abcdefgh", 8), -EFAULT);
	assert_int_equal(r.c.written, 3);
	assert_int_equal(virtq_push(&r.q, &r.c), 0);
	/* The next chain sees that the region is gone. */
	give(&r, virtq_driver_chain(&r.d, &(struct virtq_buf){RAM_C, 8, false}, 1));
	assert_int_equal(pop(&r), 1);
	assert_int_equal(r.c.error, VIRTQ_E_ADDR);
	rig_free(&r);
}

static void test_addresses(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	/* Ends at the last byte; one more does not. */
	assert_int_equal(WALK(&r, {RAM_END - 16, 16, 0, 0}), VIRTQ_OK);
	assert_int_equal(WALK(&r, {RAM_END - 16, 17, 0, 0}), VIRTQ_E_ADDR);
	assert_int_equal(WALK(&r, {C_END - 1, 1, WR, 0}), VIRTQ_OK);
	assert_int_equal(WALK(&r, {C_END, 1, WR, 0}), VIRTQ_E_ADDR);
	assert_int_equal(WALK(&r, {RAM_C, MIB, 0, 0}), VIRTQ_OK);
	assert_int_equal(WALK(&r, {RAM_C, MIB + 1, 0, 0}), VIRTQ_E_ADDR);
	/* Adjacent regions are one piece, a hole is not. */
	assert_int_equal(WALK(&r, {RAM_B - 8, 16, WR, 0}), VIRTQ_OK);
	assert_int_equal(WALK(&r, {0, 2 * MIB, 0, 0}), VIRTQ_OK);
	assert_int_equal(WALK(&r, {RAM_END - 8, 2 * MIB + 16, 0, 0}), VIRTQ_E_ADDR);
	assert_int_equal(WALK(&r, {3 * MIB, 1, 0, 0}), VIRTQ_E_ADDR);
	/* ROM is no RAM, not even to read from. */
	assert_int_equal(WALK(&r, {ROM_AT, 1, 0, 0}), VIRTQ_E_ADDR);
	assert_int_equal(WALK(&r, {ROM_AT, 1, WR, 0}), VIRTQ_E_ADDR);
	/* Near 2^64. */
	assert_int_equal(WALK(&r, {UINT64_MAX, 1, 0, 0}), VIRTQ_E_ADDR);
	assert_int_equal(WALK(&r, {UINT64_MAX - 7, 16, WR, 0}), VIRTQ_E_ADDR);
	assert_int_equal(WALK(&r, {0xffffffffffffff00, 512, WR, 0}), VIRTQ_E_ADDR);
	assert_int_equal(WALK(&r, {0, UINT32_MAX, 0, 0}), VIRTQ_E_ADDR);
	/* Nothing to access: any address. */
	assert_int_equal(WALK(&r, {UINT64_MAX, 0, WR, 0}), VIRTQ_OK);
	assert_int_equal(r.c.nr_in, 1);
	rig_free(&r);
}

/* A copy over the border of adjacent regions. */
static void test_span(void **state)
{
	struct rig r;
	char buf[16];
	(void)state;

	rig_new(&r, 8, false);
	give(&r,
	     virtq_driver_chain(
		     &r.d, (struct virtq_buf[]){{RAM_B - 4, 8, false}, {RAM_B - 4, 8, true}}, 2));
	assert_int_equal(pop(&r), 1);
	assert_int_equal(virtq_write(&r.q, &r.c, 0, "hi there", 8), 8);
	assert_int_equal(virtq_read(&r.q, &r.c, 0, buf, 8), 8);
	assert_memory_equal(buf, "hi there", 8);
	rig_free(&r);
}

static void test_next(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	assert_int_equal(WALK(&r, {DATA, 1, NEXT, 8}), VIRTQ_E_NEXT);
	assert_int_equal(WALK(&r, {DATA, 1, NEXT, 0xffff}), VIRTQ_E_NEXT);
	assert_int_equal(WALK(&r, {DATA, 1, 0, 0xffff}), VIRTQ_OK); /* no NEXT: not looked at */
	assert_int_equal(WALK(&r, {DATA, 1, NEXT, 0}), VIRTQ_E_LOOP);
	assert_int_equal(WALK(&r, {DATA, 0, NEXT, 0}), VIRTQ_E_LOOP);
	assert_int_equal(WALK(&r, {DATA, 1, NEXT, 1}, {DATA, 1, NEXT, 0}), VIRTQ_E_LOOP);
	assert_int_equal(WALK(&r, {DATA, 1, NEXT, 1}, {DATA, 1, NEXT, 2}, {0, 1, NEXT, 1}),
			 VIRTQ_E_LOOP);
	assert_int_equal(WALK(&r, {DATA, 1, NEXT | 0xfff8, 1}, {DATA, 1, 0xfff8, 0}), VIRTQ_OK);
	rig_free(&r);
}

static void test_order(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	assert_int_equal(WALK(&r, {DATA, 1, NEXT | WR, 1}, {DATA, 1, 0, 0}), VIRTQ_E_ORDER);
	assert_int_equal(WALK(&r, {DATA, 0, NEXT | WR, 1}, {DATA, 1, 0, 0}), VIRTQ_E_ORDER);
	assert_int_equal(WALK(&r, {DATA, 1, NEXT, 1}, {DATA, 1, WR, 0}), VIRTQ_OK);
	/* Across the border into an indirect table, too. */
	PUT_TABLE(&r, TABLE, {DATA, 1, 0, 0});
	assert_int_equal(WALK(&r, {DATA, 1, NEXT | WR, 1}, {TABLE, 16, IND, 0}), VIRTQ_E_ORDER);
	rig_free(&r);
}

/* The order in which faults of one descriptor are judged. */
static void test_precedence(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	assert_int_equal(WALK(&r, {DATA, 1, NEXT | WR, 1}, {UINT64_MAX, 9, NEXT, 99}),
			 VIRTQ_E_ORDER);
	assert_int_equal(WALK(&r, {UINT64_MAX, 9, NEXT, 99}), VIRTQ_E_ADDR);
	assert_int_equal(WALK(&r, {UINT64_MAX, 7, IND | NEXT, 99}), VIRTQ_E_INDIRECT);
	rig_free(&r);
}

static void test_indirect(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 4, false);
	PUT_TABLE(&r, TABLE, {DATA, 1, NEXT, 2}, {DATA + 64, 4, WR, 0}, {DATA + 16, 2, NEXT, 1});
	assert_int_equal(WALK(&r, {TABLE, 48, IND, 0}), VIRTQ_OK);
	assert_int_equal(r.c.nr_out, 2);
	assert_int_equal(r.c.nr_in, 1);
	assert_int_equal(r.c.seg[1].gpa, DATA + 16);
	/* WRITE beside INDIRECT is ignored, 2.7.5.3.2. */
	assert_int_equal(WALK(&r, {TABLE, 48, IND | WR, 0}), VIRTQ_OK);
	/* Behind a direct descriptor. */
	assert_int_equal(WALK(&r, {DATA, 9, NEXT, 1}, {TABLE, 48, IND, 0}), VIRTQ_OK);
	assert_int_equal(r.c.nr_out, 3);
	assert_int_equal(r.c.out_bytes, 12);
	/* One too many together. */
	assert_int_equal(WALK(&r, {DATA, 9, NEXT, 1}, {DATA, 9, NEXT, 2}, {TABLE, 48, IND, 0}),
			 VIRTQ_E_LOOP);
	/* next is judged against the table, not the queue. */
	assert_int_equal(WALK(&r, {TABLE, 32, IND, 0}), VIRTQ_E_NEXT);
	/* An indirect loop. */
	PUT_TABLE(&r, TABLE, {DATA, 1, NEXT, 0});
	assert_int_equal(WALK(&r, {TABLE, 16, IND, 0}), VIRTQ_E_LOOP);
	/* Unaligned, and ending with RAM. */
	PUT_TABLE(&r, C_END - 17, {DATA, 1, 0, 0});
	assert_int_equal(WALK(&r, {C_END - 17, 16, IND, 0}), VIRTQ_OK);
	PUT_TABLE(&r, RAM_B - 24, {DATA, 1, NEXT, 1}, {DATA, 1, 0, 0});
	assert_int_equal(WALK(&r, {RAM_B - 24, 32, IND, 0}), VIRTQ_OK);
	assert_int_equal(r.c.nr_out, 2);
	rig_free(&r);
}

static void test_indirect_bad(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 4, false);
	PUT_TABLE(&r, TABLE, {DATA, 1, 0, 0}, {0}, {0}, {0}, {0});
	assert_int_equal(WALK(&r, {TABLE, 64, IND, 0}), VIRTQ_OK);
	assert_int_equal(WALK(&r, {TABLE, 80, IND, 0}), VIRTQ_E_INDIRECT_SIZE);
	assert_int_equal(WALK(&r, {TABLE, 0, IND, 0}), VIRTQ_E_INDIRECT_SIZE);
	assert_int_equal(WALK(&r, {TABLE, 15, IND, 0}), VIRTQ_E_INDIRECT_SIZE);
	assert_int_equal(WALK(&r, {TABLE, 17, IND, 0}), VIRTQ_E_INDIRECT_SIZE);
	assert_int_equal(WALK(&r, {TABLE, 0xfffffff0, IND, 0}), VIRTQ_E_INDIRECT_SIZE);
	assert_int_equal(WALK(&r, {C_END - 16, 32, IND, 0}), VIRTQ_E_INDIRECT_SIZE);
	assert_int_equal(WALK(&r, {UINT64_MAX - 7, 16, IND, 0}), VIRTQ_E_INDIRECT_SIZE);
	assert_int_equal(WALK(&r, {ROM_AT, 16, IND, 0}), VIRTQ_E_INDIRECT_SIZE);
	assert_int_equal(WALK(&r, {TABLE, 16, IND | NEXT, 1}), VIRTQ_E_INDIRECT);
	/* A table that points to itself. */
	PUT_TABLE(&r, TABLE, {TABLE, 16, IND, 0});
	assert_int_equal(WALK(&r, {TABLE, 16, IND, 0}), VIRTQ_E_INDIRECT);
	PUT_TABLE(&r, TABLE, {DATA, 1, NEXT, 1}, {TABLE, 16, IND, 0});
	assert_int_equal(WALK(&r, {TABLE, 32, IND, 0}), VIRTQ_E_INDIRECT);
	/* Not negotiated. */
	PUT_TABLE(&r, TABLE, {DATA, 1, 0, 0});
	r.q.indirect = false;
	assert_int_equal(WALK(&r, {TABLE, 16, IND, 0}), VIRTQ_E_INDIRECT);
	rig_free(&r);
}

/* Chains of exactly num, and of one more; direct and indirect; every size. */
static void test_full_length(void **state)
{
	static struct virtq_buf bufs[VIRTQ_NUM_MAX + 1];
	struct rig r;
	int head;
	(void)state;

	rig_new(&r, 1, false);
	for (uint32_t i = 0; i < ARRAY_SIZE(bufs); i++)
		bufs[i] = (struct virtq_buf){RAM_C + i, 1, i > 2};
	for (uint32_t num = 1; num <= VIRTQ_NUM_MAX; num *= 2) {
		rig_start(&r, num, false);
		r.d.free_head = (uint16_t)(num - 1); /* so that it wraps */
		give(&r, virtq_driver_chain(&r.d, bufs, num));
		assert_int_equal(pop(&r), 1);
		assert_int_equal(r.c.error, VIRTQ_OK);
		assert_int_equal(r.c.nr_out + r.c.nr_in, num);
		assert_true(r.c.seg[num - 1].gpa == RAM_C + num - 1);
		assert_int_equal(virtq_push(&r.q, &r.c), 0);

		give(&r, virtq_driver_indirect(&r.d, RAM_B, bufs, num));
		assert_int_equal(pop(&r), 1);
		assert_int_equal(r.c.error, VIRTQ_OK);
		assert_int_equal(r.c.nr_out + r.c.nr_in, num);
		assert_int_equal(virtq_push(&r.q, &r.c), 0);

		head = virtq_driver_indirect(&r.d, RAM_B, bufs, num + 1);
		give(&r, head);
		assert_int_equal(pop(&r), 1);
		assert_int_equal(r.c.error, VIRTQ_E_INDIRECT_SIZE);
		assert_int_equal(virtq_push(&r.q, &r.c), 0);
		assert_int_equal(r.q.broken, VIRTQ_OK);
	}
	rig_free(&r);
}

/* 2^32 - 1 bytes are a chain, 2^32 are not. */
static void test_total(void **state)
{
	const uint32_t g = 1u << 30;
	struct rig r;
	char buf[4];
	(void)state;

	rig_new(&r, 8, false);
	assert_int_equal(gmem_add(r.mem, 1ull << 32, g, GMEM_RAM, NULL), 0);
#define BIG (1ull << 32)
	assert_int_equal(WALK(&r, {BIG, g, NEXT, 1}, {BIG, g, NEXT, 2}, {BIG, g, NEXT | WR, 3},
			      {BIG, g - 1, WR, 0}),
			 VIRTQ_OK);
	assert_true(r.c.out_bytes + r.c.in_bytes == UINT32_MAX);
	assert_int_equal(WALK(&r, {BIG, g, NEXT, 1}, {BIG, g, NEXT, 2}, {BIG, g, NEXT | WR, 3},
			      {BIG, g, WR, 0}),
			 VIRTQ_E_TOTAL);
	assert_int_equal(WALK(&r, {BIG, g, NEXT, 0}), VIRTQ_E_TOTAL);
	/* Addresses above 4 GiB stay there. */
	give(&r,
	     virtq_driver_chain(
		     &r.d, (struct virtq_buf[]){{BIG + DATA, 4, false}, {BIG + DATA, 4, true}}, 2));
	assert_int_equal(pop(&r), 1);
	assert_int_equal(virtq_write(&r.q, &r.c, 0, "high", 4), 4);
	assert_int_equal(virtq_read(&r.q, &r.c, 0, buf, 4), 4);
	assert_memory_equal(buf, "high", 4);
	assert_int_equal(gmem_read(r.mem, DATA, buf, 4), 0);
	assert_memory_equal(buf, "\0\0\0\0", 4);
#undef BIG
	rig_free(&r);
}

/* Each word that is judged is read once: memory that changes after a read changes nothing. */
struct tamper {
	uint64_t gpa;
	unsigned reads, hits;
};

static void tamper_hook(void *ctx, struct gmem *g, uint64_t gpa, uint64_t len)
{
	static const uint8_t ff[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct tamper *t = ctx;

	t->reads++;
	if (range_overlaps(gpa, len, t->gpa, 16)) {
		t->hits++;
		assert_int_equal(gmem_write(g, t->gpa, ff, 16), 0);
	}
}

static void test_read_once(void **state)
{
	static const uint64_t offs[] = {0, 16}; /* in the table: the first, the second descriptor */
	struct tamper t;
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	for (unsigned i = 0; i < ARRAY_SIZE(offs); i++) {
		t = (struct tamper){.gpa = r.d.desc + offs[i]};
		virtq_driver_desc(&r.d, 0, DATA, 4, NEXT, 1);
		virtq_driver_desc(&r.d, 1, DATA, 4, WR, 0);
		give(&r, 0);
		gmem_set_read_hook(r.mem, tamper_hook, &t);
		assert_int_equal(pop(&r), 1);
		gmem_set_read_hook(r.mem, NULL, NULL);
		assert_int_equal(t.hits, 1);
		assert_int_equal(t.reads, 4); /* idx, ring entry, two descriptors */
		assert_int_equal(r.c.error, VIRTQ_OK);
		assert_int_equal(r.c.out_bytes, 4);
		assert_int_equal(r.c.in_bytes, 4);
		assert_int_equal(r.c.seg[0].len, 4);
		assert_int_equal(r.c.seg[1].len, 4);
		assert_int_equal(virtq_push(&r.q, &r.c), 0);
	}
	/* An indirect table is copied once, whole. */
	t = (struct tamper){.gpa = TABLE + 16};
	give(&r, virtq_driver_indirect(&r.d, TABLE,
				       (struct virtq_buf[]){{DATA, 4, false}, {DATA, 5, true}}, 2));
	gmem_set_read_hook(r.mem, tamper_hook, &t);
	assert_int_equal(pop(&r), 1);
	gmem_set_read_hook(r.mem, NULL, NULL);
	assert_int_equal(t.hits, 1);
	assert_int_equal(t.reads, 4); /* idx, ring entry, descriptor, table */
	assert_int_equal(r.c.error, VIRTQ_OK);
	assert_int_equal(r.c.in_bytes, 5);
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_direct),	    cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_bytes_gone),  cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_span),	    cmocka_unit_test(test_next),
		cmocka_unit_test(test_order),	    cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_indirect),    cmocka_unit_test(test_indirect_bad),
		cmocka_unit_test(test_full_length), cmocka_unit_test(test_total),
		cmocka_unit_test(test_read_once),
	};

	return cmocka_run_group_tests_name("virtq_chain", tests, NULL, NULL);
}
