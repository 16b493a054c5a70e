/* SPDX-License-Identifier: MIT */
/* initramfs: archives and compressed ones, one after the other, cut and damaged. */
#include <stdio.h>

#include "test_util.h"

#include "../unpack/test_pack.h"

#define MAX 65536u

/* A file of an archive at (b); bytes used. */
static size_t put_file(uint8_t *b, const char *name, size_t size)
{
	size_t n = strlen(name) + 1, at;
	char head[128];

	(void)snprintf(head, sizeof(head),
		       "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1u, 0100644u,
		       0u, 0u, 1u, 0u, (unsigned)size, 0u, 0u, 0u, 0u, (unsigned)n, 0u);
	memcpy(b, head, 110);
	memset(b + 110, 0, n + 8);
	memcpy(b + 110, name, n);
	at = align_up(110 + n, 4);
	memset(b + at, 'x', size);
	memset(b + at + size, 0, 4);
	return align_up(at + size, 4);
}

static size_t archive(uint8_t *b)
{
	size_t n = put_file(b, "init", 77);

	n += put_file(b + n, "bin/a-longer-name", 300);
	return n + put_file(b + n, "TRAILER!!!", 0);
}

static int check(const uint8_t *p, size_t len, uint64_t max, const char *word)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct err err = {0};
	int rc;

	assert_non_null(copy);
	memcpy(copy, p, len);
	rc = load_check_initramfs(copy, len, max, &err);
	free(copy);
	assert_int_equal(err.code, rc);
	if (rc && word && !strstr(err.msg, word))
		print_message("wanted \"%s\": %s\n", word, err.msg);
	assert_true(!rc || !word || strstr(err.msg, word));
	return rc;
}

static void test_whole(void **state)
{
	uint8_t b[8192] = {0};
	size_t n = archive(b), all;

	(void)state;
	assert_int_equal(check(b, n, MAX, NULL), 0);
	assert_int_equal(check(b, 0, MAX, NULL), 0);
	assert_int_equal(check(b, n + 512, MAX, NULL), 0); /* zeroes after it */
	all = n + 100;
	all += archive(b + all);
	assert_int_equal(check(b, all, MAX, NULL), 0); /* zeroes between two */
	/* not on 4 bytes the kernel would not take it, were it whole for all that */
	memset(b + n, 0, 2);
	assert_int_equal(check(b, n + 2 + put_file(b + n + 2, "TRAILER!!!", 0), MAX, "neither"),
			 -ENOEXEC);
	n = archive(b);
	memset(b + n, 0, 100);
	all = n + 100 + archive(b + n + 100);
	b[all] = 1;
	assert_int_equal(check(b, all + 1, MAX, "neither an archive"), -ENOEXEC);
	b[5] = '2';
	assert_int_equal(check(b, n, MAX, NULL), 0);
	/* what is none at all is not judged */
	b[5] = '3';
	assert_int_equal(check(b, n, MAX, NULL), 0);
	assert_int_equal(check((const uint8_t *)"0707 not really", 15, MAX, NULL), 0);
	assert_int_equal(check((const uint8_t *)"\x89LZO\0\r\n\x1a\n", 9, MAX, NULL), 0);
}

static void test_cut(void **state)
{
	uint8_t b[8192];
	size_t first = put_file(b, "init", 77), n = archive(b);

	(void)state;
	for (size_t len = 6; len < n; len++) {
		int rc = check(b, len, MAX, "cut short");

		/* between files, or in the padding after one, it is a shorter archive */
		if (len + 3 >= first && len <= first)
			assert_int_equal(rc, 0);
		else if (len < first)
			assert_int_equal(rc, -ENOEXEC);
	}
	assert_int_equal(check(b, first + 1, MAX, "neither an archive"), -ENOEXEC);
}

static void test_damage(void **state)
{
	uint8_t b[8192], good[8192];
	size_t n = archive(good);

	(void)state;
	memcpy(b, good, n);
	b[6 + 6 * 8] = 'g'; /* the size */
	assert_int_equal(check(b, n, MAX, "no number"), -ENOEXEC);
	memset(b + 6 + 6 * 8, 'F', 8);
	assert_int_equal(check(b, n, MAX, "contents"), -ENOEXEC);
	memcpy(b, good, n);
	memset(b + 6 + 11 * 8, 'f', 8); /* the name's length */
	assert_int_equal(check(b, n, MAX, "name"), -ENOEXEC);
	memset(b + 6 + 11 * 8, '0', 8);
	assert_int_equal(check(b, n, MAX, "no number"), -ENOEXEC);
	memcpy(b, good, n);
	b[114] = 'x'; /* its NUL */
	assert_int_equal(check(b, n, MAX, "does not end"), -ENOEXEC);
	for (size_t at = 6; at < n; at++) {
		int rc;

		memcpy(b, good, n);
		b[at] ^= 0x13;
		rc = check(b, n, MAX, NULL);
		assert_true(!rc || rc == -ENOEXEC);
	}
}

static void test_packed(void **state)
{
	uint8_t b[8192], z[8192];
	size_t n = archive(b);

	(void)state;
	for (enum unpack_format f = UNPACK_GZIP; f <= UNPACK_ZSTD; f++) {
		size_t m = pack(f, b, n, z, sizeof(z) / 2), all;

		if (!m)
			continue;
		memset(z + m, 0, 64);
		assert_int_equal(check(z, m, MAX, NULL), 0);
		assert_int_equal(check(z, m + 33, MAX, NULL), 0);
		assert_int_equal(check(z, m, n - 1, NULL), f == UNPACK_LZ4 ? -ENOEXEC : -E2BIG);
		assert_int_equal(check(z, m - 3, MAX, NULL), -ENOEXEC);
		/* an archive before it, as microcode is, and one after */
		all = archive(z);
		all += pack(f, b, n, z + all, sizeof(z) / 2);
		assert_int_equal(check(z, all, MAX, NULL), 0);
		if (f != UNPACK_LZ4) {
			memset(z + all, 0, 4);
			all = align_up(all, 4);
			all += archive(z + all);
			assert_int_equal(check(z, all, MAX, NULL), 0);
		}
		/* what is in it must be an archive */
		m = pack(f, (const uint8_t *)"something else", 14, z, sizeof(z) / 2);
		assert_int_equal(check(z, m, MAX, unpack_name(f)), -ENOEXEC);
		b[6 + 6 * 8] = 'f';
		m = pack(f, b, n, z, sizeof(z) / 2);
		assert_int_equal(check(z, m, MAX, "cut short"), -ENOEXEC);
		b[6 + 6 * 8] = '0';
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_packed),
	};

	return cmocka_run_group_tests_name("load initramfs", tests, NULL, NULL);
}
