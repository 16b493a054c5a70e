/* SPDX-License-Identifier: MIT */
/* Errors, the log, checked arithmetic and little-endian access. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>
#include <cmocka.h>

#include <vmm/base.h>

static void set_fills_in(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(err_set(&e, -EINVAL, "%s: %d", "what", 7), -EINVAL);
	assert_int_equal(e.code, -EINVAL);
	assert_string_equal(e.msg, "what: 7");
	assert_int_equal(err_set(NULL, -EIO, "nobody listens"), -EIO);
}

static void set_cuts_and_cleans(void **state)
{
	struct err e = {0};
	char lng[1000];

	(void)state;
	memset(lng, 'x', sizeof(lng));
	lng[sizeof(lng) - 1] = '\0';
	err_set(&e, -EIO, "%s", lng);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_memory_equal(e.msg, lng, sizeof(e.msg) - 1);
	err_set(&e, -EIO, "a\nb\x1b[2J\x7f\t\xc3\xa4");
	assert_string_equal(e.msg, "a?b?[2J??\xc3\xa4");
	/* The old message as an argument of the new one. */
	err_set(&e, -EIO, "old");
	err_set(&e, -EPERM, "new, was %s", e.msg);
	assert_string_equal(e.msg, "new, was old");
	/* A wide character that the C locale can't show: the C library gives up. */
	err_set(&e, -EDOM, "%ls", L"\x20ac");
	assert_int_equal(e.code, -EDOM);
	assert_string_equal(e.msg, "");
}

static void prefix_goes_in_front(void **state)
{
	struct err e = {0};
	char lng[1000];

	(void)state;
	err_set(&e, -ENOENT, "no such region");
	assert_int_equal(err_prefix(&e, "device %d", 3), -ENOENT);
	assert_string_equal(e.msg, "device 3: no such region");
	assert_int_equal(err_prefix(NULL, "x"), -EINVAL);
	/* A message that is full loses its end, a prefix that is too long its own. */
	memset(lng, 'm', sizeof(lng));
	lng[sizeof(lng) - 1] = '\0';
	err_set(&e, -EIO, "%s", lng);
	err_prefix(&e, "pre");
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_memory_equal(e.msg, "pre: mmm", 8);
	err_set(&e, -EIO, "tail");
	err_prefix(&e, "%s", lng);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_int_equal(e.msg[sizeof(e.msg) - 2], 'm');
	err_set(&e, -EIO, "tail");
	err_prefix(&e, "%.*s", (int)sizeof(e.msg) - 3, lng);
	assert_string_equal(e.msg + sizeof(e.msg) - 4, "m: ");
	err_set(&e, -EIO, "tail");
	assert_int_equal(err_prefix(&e, "%ls", L"\x20ac"), -EIO);
	assert_string_equal(e.msg, ": tail");
}

struct seen {
	enum log_level level;
	char msg[LOG_MAX];
	int n;
};

static void keep(void *ctx, enum log_level level, const char *msg)
{
	struct seen *s = ctx;

	s->level = level;
	strcpy(s->msg, msg);
	s->n++;
}

static void log_reaches_its_sink(void **state)
{
	struct seen s = {0};
	struct log log = {keep, &s}, none = {0};
	char lng[1000];

	(void)state;
	log_put(NULL, LOG_ERR, "dropped");
	log_put(&none, LOG_ERR, "dropped");
	log_put(&log, LOG_WARN, "port 0x%x", 0x3f8);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.level, LOG_WARN);
	assert_string_equal(s.msg, "port 0x3f8");
	memset(lng, '\r', sizeof(lng));
	lng[sizeof(lng) - 1] = '\0';
	log_put(&log, LOG_DEBUG, "%s", lng);
	assert_int_equal(strlen(s.msg), LOG_MAX - 1);
	assert_int_equal(s.msg[LOG_MAX - 2], '?');
	log_put(&log, LOG_INFO, "%ls", L"\x20ac");
	assert_string_equal(s.msg, "");
	assert_int_equal(s.n, 3);
}

static void arithmetic_is_checked(void **state)
{
	uint64_t r;

	(void)state;
	assert_false(add_wraps(UINT64_MAX, 0, &r));
	assert_int_equal(r, UINT64_MAX);
	assert_true(add_wraps(UINT64_MAX, 1, &r));
	assert_int_equal(r, 0);
	assert_false(mul_wraps(1ull << 32, UINT32_MAX, &r));
	assert_int_equal(r, 0xffffffff00000000ull);
	assert_true(mul_wraps(1ull << 32, 1ull << 32, &r));
	assert_int_equal(align_up(1, 4096), 4096);
	assert_int_equal(align_up(4096, 4096), 4096);
	assert_int_equal(align_up(UINT64_MAX, 4096), 0);
	assert_int_equal(align_down(8191, 4096), 4096);
	assert_int_equal(size_mask(1), 0xff);
	assert_int_equal(size_mask(7), 0x00ffffffffffffffull);
	assert_int_equal(size_mask(8), UINT64_MAX);
}

static void ranges(void **state)
{
	const uint64_t top = UINT64_MAX;

	(void)state;
	assert_true(range_within(0x1000, 0x1000, 0x1000, 0x1000));
	assert_true(range_within(0x2000, 0, 0x1000, 0x1000)); /* nothing, at the end */
	assert_false(range_within(0x2001, 0, 0x1000, 0x1000));
	assert_false(range_within(0xfff, 1, 0x1000, 0x1000));
	assert_false(range_within(0x1001, 0x1000, 0x1000, 0x1000));
	assert_false(range_within(0x1001, top, 0x1000, 0x1000));
	assert_true(range_within(top, 1, top, 1));
	assert_false(range_within(top, 2, top, 1));
	assert_false(range_within(0, 1, top, 1));
	assert_true(range_overlaps(0, 2, 1, 1));
	assert_true(range_overlaps(1, 1, 0, 2));
	assert_true(range_overlaps(5, 1, 5, 1));
	assert_false(range_overlaps(0, 1, 1, 1));
	assert_false(range_overlaps(1, 1, 0, 1));
	assert_false(range_overlaps(3, 0, 0, 9));
	assert_false(range_overlaps(0, 9, 3, 0));
	/* Both end at 2^64, none wraps. */
	assert_true(range_overlaps(top, 1, top - 3, 4));
	assert_false(range_overlaps(0, 1, top, 1));
	assert_false(range_overlaps(top, 1, 0, 1));
	assert_false(range_overlaps(0, top, top, 1));
}

static void little_endian(void **state)
{
	const uint8_t in[9] = {0xff, 0xf1, 0xe2, 0xd3, 0xc4, 0xb5, 0xa6, 0x97, 0x88};
	uint8_t out[10];

	(void)state;
	assert_int_equal(ld_le16(in + 1), 0xe2f1);
	assert_int_equal(ld_le32(in + 1), 0xc4d3e2f1);
	assert_int_equal(ld_le64(in + 1), 0x8897a6b5c4d3e2f1ull);
	for (unsigned size = 1; size <= 8; size++) {
		uint64_t want = 0x8897a6b5c4d3e2f1ull & size_mask(size);

		assert_int_equal(ld_le(in + 1, size), want);
		memset(out, 0xff, sizeof(out));
		st_le(out + 1, size, 0x8897a6b5c4d3e2f1ull);
		assert_memory_equal(out + 1, in + 1, size);
		assert_int_equal(out[0], 0xff);
		assert_int_equal(out[1 + size], 0xff);
	}
	st_le16(out + 1, 0xe2f1);
	assert_memory_equal(out + 1, in + 1, 2);
	st_le32(out + 1, 0xc4d3e2f1);
	assert_memory_equal(out + 1, in + 1, 4);
	st_le64(out + 1, 0x8897a6b5c4d3e2f1ull);
	assert_memory_equal(out + 1, in + 1, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_fills_in),		 cmocka_unit_test(set_cuts_and_cleans),
		cmocka_unit_test(prefix_goes_in_front),	 cmocka_unit_test(log_reaches_its_sink),
		cmocka_unit_test(arithmetic_is_checked), cmocka_unit_test(ranges),
		cmocka_unit_test(little_endian),
	};

	return cmocka_run_group_tests_name("base/err", tests, NULL, NULL);
}
