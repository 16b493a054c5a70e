/* SPDX-License-Identifier: MIT */
/* Counters and histograms by their tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <vmm/stats.h>

struct thing {
	uint64_t not_ours;
	uint64_t reads, bytes;
	uint64_t most;
	struct stats_hist size;
	uint64_t kind[3];
	uint64_t behind;
};

static const char *kind_name(unsigned i)
{
	static const char *const names[] = {"odd", NULL, "even"};

	return names[i];
}

static const struct stats_entry table[] = {
	STATS_C(struct thing, reads, "reads", ""),
	STATS_C(struct thing, bytes, "bytes that were read", "bytes"),
	STATS_M(struct thing, most, "at once", ""),
	STATS_H(struct thing, size, "of each read", "bytes"),
	{"kind", "by kind", "", STATS_COUNT, offsetof(struct thing, kind), 3, kind_name},
	STATS_END,
};

static void buckets(void **state)
{
	struct stats_hist h = {0};

	(void)state;
	for (unsigned i = 0; i < STATS_BUCKETS; i++) {
		assert_int_equal(stats_bucket(stats_bucket_from(i)), i);
		if (i)
			assert_int_equal(stats_bucket(stats_bucket_from(i) - 1), i - 1);
	}
	assert_int_equal(stats_bucket(UINT64_MAX), STATS_BUCKETS - 1);
	stats_hist_add(&h, 0);
	stats_hist_add(&h, 1);
	stats_hist_add(&h, 4096);
	stats_hist_add(&h, 8191);
	assert_int_equal(stats_hist_count(&h), 4);
	assert_int_equal(h.sum, 12288);
	assert_int_equal(h.max, 8191);
	assert_int_equal(h.bucket[0], 1);
	assert_int_equal(h.bucket[1], 1);
	assert_int_equal(h.bucket[13], 2);
}

static void json(void **state)
{
	struct thing t = {.reads = 3, .bytes = 12, .most = 2, .kind = {7, 8, 9}};
	struct buf b = {0};

	(void)state;
	stats_hist_add(&t.size, 0);
	stats_hist_add(&t.size, 5);
	stats_hist_add(&t.size, 7);
	stats_json(table, "disk.0.", &t, &b);
	assert_string_equal(
		buf_str(&b),
		"{\"metric\":\"disk.0.reads\",\"value\":3}\n"
		"{\"metric\":\"disk.0.bytes\",\"unit\":\"bytes\",\"value\":12}\n"
		"{\"metric\":\"disk.0.most\",\"value\":2}\n"
		"{\"metric\":\"disk.0.size\",\"unit\":\"bytes\",\"count\":3,\"sum\":12,\"max\":7,"
		"\"buckets\":[[0,1],[4,2]]}\n"
		"{\"metric\":\"disk.0.kind.odd\",\"value\":7}\n"
		"{\"metric\":\"disk.0.kind.even\",\"value\":9}\n");
	buf_free(&b);
}

static void reset_and_merge(void **state)
{
	struct thing a = {.not_ours = 1, .reads = 3, .most = 9, .kind = {1, 2, 3}, .behind = 5};
	struct thing b = {.not_ours = 2, .reads = 4, .most = 7, .kind = {10, 20, 30}, .behind = 6};

	(void)state;
	stats_hist_add(&a.size, 3);
	stats_hist_add(&b.size, 3);
	stats_hist_add(&b.size, 100);
	stats_merge(table, &a, &b);
	assert_int_equal(a.reads, 7);
	assert_int_equal(a.most, 9);
	assert_int_equal(a.kind[0], 11);
	assert_int_equal(a.kind[2], 33);
	assert_int_equal(a.size.sum, 106);
	assert_int_equal(a.size.max, 100);
	assert_int_equal(a.size.bucket[2], 2);
	assert_int_equal(a.not_ours, 1);
	assert_int_equal(a.behind, 5);
	stats_merge(table, &b, &a);
	assert_int_equal(b.most, 9);
	stats_reset(table, &a);
	assert_int_equal(a.reads, 0);
	assert_int_equal(a.most, 0);
	assert_int_equal(a.kind[2], 0);
	assert_int_equal(stats_hist_count(&a.size), 0);
	assert_int_equal(a.size.sum, 0);
	assert_int_equal(a.not_ours, 1);
	assert_int_equal(a.behind, 5);
}

static void list(void **state)
{
	struct buf b = {0};

	(void)state;
	stats_list(table, "disk.N.", &b);
	assert_non_null(strstr(buf_str(&b), "disk.N.bytes "));
	assert_non_null(strstr(buf_str(&b), "bytes that were read (bytes)\n"));
	assert_non_null(strstr(buf_str(&b), "the most: at once\n"));
	assert_non_null(strstr(buf_str(&b), "histogram: of each read (bytes)\n"));
	assert_non_null(strstr(buf_str(&b), "disk.N.kind.even "));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets),
		cmocka_unit_test(json),
		cmocka_unit_test(reset_and_merge),
		cmocka_unit_test(list),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
