/* SPDX-License-Identifier: MIT */
/* unpack: what was packed comes out again; every damage and every cut is found; bounds hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>

#include "test_pack.h"

#define LEN   40000u
#define ROOM  (2 * LEN)
#define FIRST UNPACK_GZIP
#define LAST  UNPACK_ZSTD

/* Text and noise: compressible, but not to nothing. */
static uint8_t *plain(size_t len)
{
	uint8_t *p = malloc(len ? len : 1);
	struct rng r = {7};

	assert_non_null(p);
	for (size_t i = 0; i < len; i++)
		p[i] = i % 64 < 48 ? (uint8_t)(i / 64 + i) : (uint8_t)rng_next(&r);
	return p;
}

/* Input and output in memory of just their size, so that a sanitizer sees a step outside. */
static int run(enum unpack_format f, const uint8_t *in, size_t len, uint8_t **out, size_t cap,
	       size_t *made, size_t *used, struct err *err)
{
	uint8_t *copy = malloc(len ? len : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, in, len);
	*out = malloc(cap ? cap : 1);
	assert_non_null(*out);
	*err = (struct err){0};
	rc = unpack(f, copy, len, *out, cap, made, used, err);
	free(copy);
	if (rc) {
		assert_int_equal(err->code, rc);
		assert_true(err->msg[0] && !strchr(err->msg, '\n'));
		assert_int_equal(*made, 0);
		assert_int_equal(*used, 0);
	}
	return rc;
}

static int run_free(enum unpack_format f, const uint8_t *in, size_t len, size_t cap, struct err *e)
{
	size_t made, used;
	uint8_t *out;
	int rc = run(f, in, len, &out, cap, &made, &used, e);

	free(out);
	return rc;
}

static void test_round(void **state)
{
	static const size_t lens[] = {1, 100, LEN};
	uint8_t *packed = malloc(ROOM), *out;

	(void)state;
	assert_non_null(packed);
	for (enum unpack_format f = FIRST; f <= LAST; f++) {
		for (unsigned i = 0; i < ARRAY_SIZE(lens) && unpack_has(f); i++) {
			uint8_t *p = plain(lens[i]);
			size_t n = pack(f, p, lens[i], packed, ROOM), made, used;
			struct err err;

			assert_true(n);
			assert_int_equal(unpack_detect(packed, n), f);
			memset(packed + n, 0, 8); /* what follows is not looked at */
			assert_int_equal(run(f, packed, n + 8, &out, lens[i], &made, &used, &err),
					 0);
			assert_int_equal(made, lens[i]);
			assert_int_equal(used, n);
			assert_memory_equal(out, p, lens[i]);
			free(out);
			/* one byte of room too few, and none */
			if (f == UNPACK_LZ4)
				assert_int_equal(run_free(f, packed, n, lens[i] - 1, &err),
						 lens[i] > 1 ? -ENOEXEC : -E2BIG);
			else
				assert_int_equal(run_free(f, packed, n, lens[i] - 1, &err), -E2BIG);
			assert_int_equal(run_free(f, packed, n, 0, &err), -E2BIG);
			/* room to spare */
			assert_int_equal(run_free(f, packed, n, ROOM, &err), 0);
			free(p);
		}
	}
	free(packed);
}

/* Cut anywhere. A legacy lz4 frame has no end: between blocks it can be cut unseen. */
static void test_cut(void **state)
{
	uint8_t *packed = malloc(ROOM), *p = plain(LEN);

	(void)state;
	assert_non_null(packed);
	for (enum unpack_format f = FIRST; f <= LAST; f++) {
		size_t n = pack(f, p, LEN, packed, ROOM);

		for (size_t len = 0; len < n; len += len < 64 || n - len < 64 ? 1 : 331) {
			struct err err;
			int rc = run_free(f, packed, len, LEN, &err);

			if (f == UNPACK_LZ4 && len >= 4 && len < 8)
				assert_int_equal(rc, len == 4 ? 0 : -ENOEXEC);
			else
				assert_int_equal(rc, -ENOEXEC);
		}
	}
	free(p);
	free(packed);
}

/* Damage: refused, or (where the format has no check sum there) other bytes of the same bound. */
static void test_damage(void **state)
{
	uint8_t *packed = malloc(ROOM), *p = plain(LEN), *out;

	(void)state;
	assert_non_null(packed);
	for (enum unpack_format f = FIRST; f <= LAST; f++) {
		bool checked = f != UNPACK_LZ4 && f != UNPACK_LZMA;
		size_t n = pack(f, p, LEN, packed, ROOM), made, used;
		unsigned bad = 0, all = 0;

		for (size_t at = 0; at < n; at += at < 64 || n - at < 64 ? 1 : 997) {
			struct err err;
			int rc;

			packed[at] ^= 0x41;
			rc = run(f, packed, n, &out, LEN, &made, &used, &err);
			all++;
			bad += rc != 0;
			assert_true(!rc || rc == -ENOEXEC || rc == -E2BIG);
			if (!rc && checked) {
				assert_int_equal(made, LEN);
				assert_memory_equal(out, p, LEN);
			}
			free(out);
			packed[at] ^= 0x41;
		}
		/* gzip's header has bytes that say nothing about the contents */
		if (unpack_has(f))
			assert_true(checked ? bad + 10 >= all : bad > 4);
	}
	free(p);
	free(packed);
}

/* A dictionary of 4 GiB is asked for and not given. */
static void test_dictionary(void **state)
{
	uint8_t *packed = malloc(ROOM), *p = plain(LEN), *out;
	size_t n, made, used;
	struct err err;

	(void)state;
	assert_non_null(packed);
	n = pack(UNPACK_LZMA, p, LEN, packed, ROOM);
	if (!n)
		skip();
	st_le32(packed + 1, 0xffffffff);
	assert_int_equal(run(UNPACK_LZMA, packed, n, &out, LEN, &made, &used, &err), 0);
	assert_int_equal(made, LEN);
	assert_memory_equal(out, p, LEN);
	free(out);
	free(p);
	free(packed);
}

/* xz: a footer that is right by itself, but of another stream. */
static void test_xz_footer(void **state)
{
#if UNPACK_WITH_LZMA
	uint8_t packed[4096], other[LZMA_STREAM_HEADER_SIZE], *p = plain(100), *foot;
	size_t n = pack(UNPACK_XZ, p, 100, packed, sizeof(packed));
	lzma_stream_flags flags;
	struct err err;

	(void)state;
	foot = packed + n - LZMA_STREAM_HEADER_SIZE;
	assert_int_equal(lzma_stream_footer_decode(&flags, foot), LZMA_OK);
	memcpy(other, foot, sizeof(other));
	flags.backward_size += 4;
	assert_int_equal(lzma_stream_footer_encode(&flags, foot), LZMA_OK);
	assert_int_equal(run_free(UNPACK_XZ, packed, n, 100, &err), -ENOEXEC);
	flags.backward_size -= 4;
	flags.check = LZMA_CHECK_CRC64;
	assert_int_equal(lzma_stream_footer_encode(&flags, foot), LZMA_OK);
	assert_int_equal(run_free(UNPACK_XZ, packed, n, 100, &err), -ENOEXEC);
	memcpy(foot, other, sizeof(other));
	assert_int_equal(run_free(UNPACK_XZ, packed, n, 100, &err), 0);
	free(p);
#else
	(void)state;
	skip();
#endif
}

/* lz4: frames one after the other, padding, sizes that cannot be. */
static void test_lz4(void **state)
{
	uint8_t *packed = malloc(ROOM), *p = plain(LEN), *out;
	size_t n, made, used;
	struct err err;

	(void)state;
	assert_non_null(packed);
	n = pack(UNPACK_LZ4, p, 100, packed, ROOM);
	if (!n)
		skip();
	memcpy(packed + n, packed, n);
	memset(packed + 2 * n, 0, 5);
	assert_int_equal(run(UNPACK_LZ4, packed, 2 * n + 5, &out, 200, &made, &used, &err), 0);
	assert_int_equal(made, 200);
	assert_int_equal(used, 2 * n);
	assert_memory_equal(out + 100, p, 100);
	free(out);
	st_le32(packed + 4, 0x7fffffff);
	assert_int_equal(run_free(UNPACK_LZ4, packed, n, LEN, &err), -ENOEXEC);
	assert_non_null(strstr(err.msg, "size"));
	st_le32(packed + 4, (uint32_t)n);
	assert_int_equal(run_free(UNPACK_LZ4, packed, n, LEN, &err), -ENOEXEC);
	assert_non_null(strstr(err.msg, "cut short"));
	packed[0] = 3;
	assert_int_equal(run_free(UNPACK_LZ4, packed, n, LEN, &err), -ENOEXEC);
	assert_non_null(strstr(err.msg, "magic"));
	free(p);
	free(packed);
}

/* More than one block of 8 MiB, which all but gzip's limits see too. */
static void test_large(void **state)
{
	size_t len = ((size_t)9 << 20) + 77, cap = 2 * len;
	uint8_t *packed = malloc(cap), *p = plain(len), *out;

	(void)state;
	assert_non_null(packed);
	for (enum unpack_format f = FIRST; f <= LAST; f++) {
		size_t n, made, used;
		struct err err;

		if (f != UNPACK_LZ4 && f != UNPACK_GZIP && f != UNPACK_ZSTD)
			continue;
		n = pack(f, p, len, packed, cap);
		if (!n)
			continue;
		assert_int_equal(run(f, packed, n, &out, len, &made, &used, &err), 0);
		assert_int_equal(made, len);
		assert_memory_equal(out, p, len);
		free(out);
	}
	free(p);
	free(packed);
}

static void test_detect(void **state)
{
	static const uint8_t lzma[13] = {0x5d, 0,    0,	   0x80, 0,    0xff, 0xff,
					 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint8_t b[13];

	(void)state;
	assert_int_equal(unpack_detect(NULL, 0), UNPACK_NONE);
	assert_int_equal(unpack_detect("\x1f\x8b", 2), UNPACK_NONE);
	assert_int_equal(unpack_detect("\x1f\x8b\x08", 3), UNPACK_GZIP);
	assert_int_equal(unpack_detect("\x89LZO\0\r\n\x1a\n", 9), UNPACK_LZO);
	assert_int_equal(unpack_detect("\177ELF", 4), UNPACK_NONE);
	assert_int_equal(unpack_detect(lzma, 13), UNPACK_LZMA);
	assert_int_equal(unpack_detect(lzma, 12), UNPACK_NONE);
	memcpy(b, lzma, 13);
	b[12] = 0; /* a length that is not known is all ones, else it is below 2^40 */
	assert_int_equal(unpack_detect(b, 13), UNPACK_NONE);
	memset(b + 5, 0, 8);
	assert_int_equal(unpack_detect(b, 13), UNPACK_LZMA);
	b[1] = 1;
	assert_int_equal(unpack_detect(b, 13), UNPACK_NONE);
}

static void test_refused(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(run_free(UNPACK_LZO, (const uint8_t *)"x", 1, 1, &err), -ENOTSUP);
	assert_int_equal(run_free(UNPACK_NONE, (const uint8_t *)"x", 1, 1, &err), -EINVAL);
	assert_int_equal(run_free(UNPACK_FORMATS, (const uint8_t *)"x", 1, 1, &err), -EINVAL);
	for (enum unpack_format f = UNPACK_NONE; f < UNPACK_FORMATS; f++) {
		assert_true(unpack_name(f)[0]);
		if (f < FIRST || f > LAST) {
			assert_false(unpack_has(f));
			continue;
		}
		assert_true(unpack_library(f)[0] && unpack_package(f)[0]);
		/* Without its library: said so, with both names. */
		if (unpack_has(f))
			continue;
		assert_int_equal(run_free(f, (const uint8_t *)"x", 1, 1, &err), -ENOTSUP);
		assert_non_null(strstr(err.msg, unpack_library(f)));
		assert_non_null(strstr(err.msg, unpack_package(f)));
	}
	assert_string_equal(unpack_name((enum unpack_format)99), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),	  cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damage),	  cmocka_unit_test(test_dictionary),
		cmocka_unit_test(test_xz_footer), cmocka_unit_test(test_lz4),
		cmocka_unit_test(test_large),	  cmocka_unit_test(test_detect),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
