/* SPDX-License-Identifier: MIT */
/* Numbers from text. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <vmm/base.h>

static void good(void **state)
{
	static const struct {
		const char *s;
		uint64_t want;
	} v[] = {
		{"0", 0},
		{"7", 7},
		{"007", 7},
		{"18446744073709551615", UINT64_MAX},
		{"0x0", 0},
		{"0XfF", 255},
		{"0xffffffffffffffff", UINT64_MAX},
		{"0x00000000000000000001", 1},
		{"1K", 1024},
		{"1KiB", 1024},
		{"3M", 3ull << 20},
		{"3MiB", 3ull << 20},
		{"2G", 2ull << 30},
		{"0x10GiB", 16ull << 30},
		{"1T", 1ull << 40},
		{"16777215T", 16777215ull << 40},
		{"0TiB", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		uint64_t got = 99;

		assert_int_equal(parse_u64(v[i].s, &got), 0);
		assert_int_equal(got, v[i].want);
	}
}

static void bad(void **state)
{
	static const char *const v[] = {
		"",	" ",   " 1",  "1 ",  "+1",    "-1",  "x",   "0x",   "0xg",
		"0x-1", "1k",  "1KB", "1Ki", "1KiBx", "1KK", "1iB", "K",    "KiB",
		"1.5",	"1e3", "0b1", "1P",  "a",     "1a",  "1\n", "\xff", "99999999999999999999z",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		uint64_t got = 99;

		assert_int_equal(parse_u64(v[i], &got), -EINVAL);
		assert_int_equal(got, 99);
	}
}

static void too_large(void **state)
{
	static const char *const v[] = {
		"18446744073709551616",
		"18446744073709551620",
		"99999999999999999999999999",
		"0x10000000000000000",
		"16777216T",
		"0xffffffffffffffffK",
		"18014398509481984KiB",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		uint64_t got = 99;

		assert_int_equal(parse_u64(v[i], &got), -ERANGE);
		assert_int_equal(got, 99);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
		cmocka_unit_test(too_large),
	};

	return cmocka_run_group_tests_name("base/parse", tests, NULL, NULL);
}
