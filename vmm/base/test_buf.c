/* SPDX-License-Identifier: MIT */
/* The text buffer and JSON strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>
#include <cmocka.h>

#include <vmm/base.h>

#include "test_alloc.h"

static void empty(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_string_equal(buf_str(&b), "");
	buf_put(&b, NULL, 0);
	assert_int_equal(b.len, 0);
	assert_false(b.failed);
	assert_string_equal(buf_str(&b), "");
	buf_free(&b);
	buf_free(&b);
	assert_null(b.p);
}

static void grows(void **state)
{
	struct buf b = {0};

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		buf_put(&b, "x", 1);
		assert_int_equal(b.len, i + 1);
		assert_int_equal(b.p[b.len], '\0');
	}
	buf_put(&b, "\0z", 2);
	assert_int_equal(b.len, 5002);
	assert_int_equal(b.p[5001], 'z');
	buf_free(&b);
	assert_int_equal(b.len, 0);
}

static void prints(void **state)
{
	struct buf b = {0};
	char lng[700];

	(void)state;
	memset(lng, 'l', sizeof(lng));
	lng[sizeof(lng) - 1] = '\0';
	buf_printf(&b, "%d,", 42);
	/* At, below and above the size that is formatted on the stack. */
	for (int n = 250; n < 260; n++) {
		size_t before = b.len;

		buf_printf(&b, "%.*s", n, lng);
		assert_int_equal(b.len, before + (size_t)n);
		assert_int_equal(strlen(b.p), b.len);
	}
	buf_printf(&b, "%s", lng);
	assert_memory_equal(b.p, "42,lll", 6);
	assert_false(b.failed);
	buf_printf(&b, "%ls", L"\x20ac"); /* can't be shown in the C locale */
	assert_true(b.failed);
	buf_free(&b);
}

static void stops_at_max(void **state)
{
	struct buf b = {.max = 10};
	char lng[400];

	(void)state;
	buf_put(&b, "0123456789", 10);
	assert_false(b.failed);
	buf_put(&b, "", 0);
	assert_false(b.failed);
	buf_put(&b, "a", 1);
	assert_true(b.failed);
	assert_string_equal(buf_str(&b), "0123456789");
	buf_put(&b, "", 0);
	buf_printf(&b, "more");
	buf_put_json(&b, "more", 4);
	assert_string_equal(buf_str(&b), "0123456789");
	buf_free(&b);
	assert_false(b.failed);
	assert_int_equal(b.max, 10);
	memset(lng, 'l', sizeof(lng));
	buf_printf(&b, "%.*s", (int)sizeof(lng), lng);
	assert_true(b.failed);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void default_bound(void **state)
{
	struct buf b = {0};
	char c = 'x';

	(void)state;
	buf_put(&b, &c, BUF_MAX + 1); /* refused before a byte of it is read */
	assert_true(b.failed);
	assert_null(b.p);
	b = (struct buf){.max = SIZE_MAX};
	buf_put(&b, &c, SIZE_MAX);
	assert_true(b.failed);
	assert_null(b.p);
}

static void no_memory(void **state)
{
#if TEST_ALLOC
	struct buf b = {0};

	(void)state;
	test_alloc_after = 0;
	buf_put(&b, "x", 1);
	assert_true(b.failed);
	assert_string_equal(buf_str(&b), "");
	buf_free(&b);
	/* When growing fails, what was there stays. */
	buf_put(&b, "kept", 4);
	test_alloc_after = 0;
	for (int i = 0; i < 40; i++)
		buf_put(&b, "0123", 4);
	assert_true(b.failed);
	assert_int_equal(b.len, 60);
	assert_memory_equal(b.p, "kept0123", 8);
	buf_free(&b);
	/* Far beyond what there is: the size neither wraps nor is rounded to something small. */
	b = (struct buf){.max = SIZE_MAX};
	buf_put(&b, "x", (size_t)PTRDIFF_MAX + 2);
	assert_true(b.failed);
	buf_free(&b);
	test_alloc_after = -1;
#else
	(void)state;
	skip();
#endif
}

static void check_json(const char *in, size_t len, const char *want)
{
	struct buf b = {0};

	buf_put_json(&b, in, len);
	assert_false(b.failed);
	assert_string_equal(buf_str(&b), want);
	buf_free(&b);
}

#define JSON(in, want) check_json(in, sizeof(in) - 1, want)

static void json_text(void **state)
{
	(void)state;
	JSON("", "\"\"");
	JSON("plain /text", "\"plain /text\"");
	JSON("q\"b\\", "\"q\\\"b\\\\\"");
	JSON("a\nb\tc\r\x1b\x7f", "\"a\\nb\\u0009c\\u000d\\u001b\\u007f\"");
	JSON("a\0b", "\"a\\u0000b\"");
	/* UTF-8 of each length passes. */
	JSON("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
	JSON("\xf4\x8f\xbf\xbf\xed\x9f\xbf", "\"\xf4\x8f\xbf\xbf\xed\x9f\xbf\"");
}

static void json_bad_utf8(void **state)
{
	(void)state;
	JSON("\xff", "\"\\u00ff\"");
	JSON("\x80", "\"\\u0080\"");
	JSON("\xc3", "\"\\u00c3\"");			   /* cut off */
	JSON("\xe2\x82", "\"\\u00e2\\u0082\"");		   /* cut off */
	JSON("\xc3(", "\"\\u00c3(\"");			   /* no continuation */
	JSON("\xc0\xaf", "\"\\u00c0\\u00af\"");		   /* overlong */
	JSON("\xe0\x80\xaf", "\"\\u00e0\\u0080\\u00af\""); /* overlong */
	JSON("\xf0\x80\x80\xaf", "\"\\u00f0\\u0080\\u0080\\u00af\"");
	JSON("\xed\xa0\x80", "\"\\u00ed\\u00a0\\u0080\"");	      /* surrogate */
	JSON("\xf4\x90\x80\x80", "\"\\u00f4\\u0090\\u0080\\u0080\""); /* above U+10FFFF */
	JSON("\xf5\x80\x80\x80", "\"\\u00f5\\u0080\\u0080\\u0080\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),	 cmocka_unit_test(grows),
		cmocka_unit_test(prints),	 cmocka_unit_test(stops_at_max),
		cmocka_unit_test(default_bound), cmocka_unit_test(no_memory),
		cmocka_unit_test(json_text),	 cmocka_unit_test(json_bad_utf8),
	};

	return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
