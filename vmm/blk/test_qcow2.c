/* SPDX-License-Identifier: MIT */
/* qcow2: images made here by hand and by qemu-img, read, written, refused. */
#include "test_qcow2_disk.h"

static void every_width(void **state)
{
	static const struct image_spec specs[] = {
		{2, 9, 4, SIZE, NULL, NULL},	  {3, 9, 0, SIZE, NULL, NULL},
		{3, 9, 1, SIZE, NULL, NULL},	  {3, 9, 2, SIZE, "below", "raw"},
		{3, 9, 3, SIZE, "below", "raw"},  {3, 10, 4, SIZE, "below", "raw"},
		{3, 12, 5, SIZE, NULL, NULL},	  {3, 9, 6, SIZE, "below", "raw"},
		{2, 10, 4, SIZE, "below", "raw"}, {3, 16, 4, SIZE, "below", "raw"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct image m = {0};
		uint8_t *model = calloc(1, SIZE);

		assert_non_null(model);
		image_make(&m, &specs[i]);
		if (specs[i].backing)
			fill(model, BELOW, 99);
		against_array(&m, model, SIZE, 200);
		free(model);
		free(m.p);
	}
}

/* ---- snapshots, compressed and zero clusters ------------------------------------------------------ */

static void mixed(void **state)
{
	static const struct image_spec specs[] = {
		{2, 9, 4, SIZE, NULL, NULL},
		{3, 9, 4, SIZE, "below", "raw"},
		{3, 10, 1, SIZE, "below", "raw"},
	};
	uint8_t *model = malloc(SIZE), *before = malloc(SIZE);

	(void)state;
	assert_non_null(model);
	assert_non_null(before);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(specs); i++) {
		struct image m = {0};
		struct qcow2_snapshot s;
		uint64_t cursor = 0;
		struct blk *b;

		make_mixed(&m, &specs[i / 2], model, i % 2);
		memcpy(before, model, SIZE);
		against_array(&m, model, SIZE, 200);
		b = open_image(&m, true);
		assert_int_equal(qcow2_next_snapshot(b, &cursor, &s), i % 2);
		if (i % 2) {
			assert_string_equal(s.name, "before");
			assert_string_equal(s.id, "1");
			assert_int_equal(s.size, SIZE);
			assert_int_equal(s.seconds, 1000000000);
			assert_int_equal(qcow2_next_snapshot(b, &cursor, &s), 0);
			blk_close(b);
			assert_int_equal(try_image(&b, &m, true, "before", NULL), 0);
			same(b, before, SIZE);
			blk_close(b);
			assert_int_equal(try_image(&b, &m, false, "1", NULL), -EINVAL);
		} else {
			blk_close(b);
		}
		assert_int_equal(try_image(&b, &m, true, "after", NULL), -ENOENT);
		free(m.p);
	}
	free(model);
	free(before);
}

/* ---- refused ------------------------------------------------------------------------------------------- */

struct patch {
	uint32_t at, n;
	uint64_t v;
	int code; /* opened for writing */
	bool ro;  /* opens for reading */
	const char *text;
};

static void refused_images(void **state)
{
	static const struct patch patches[] = {
		{0, 1, 'q', -EINVAL, false, "no qcow2 image"},
		{4, 4, 1, -ENOTSUP, false, "version 1"},
		{20, 4, 8, -EINVAL, false, "512 bytes to 2 MiB"},
		{20, 4, 22, -EINVAL, false, "512 bytes to 2 MiB"},
		{24, 8, 0, -EINVAL, false, "0 bytes"},
		{24, 8, UINT64_MAX, -EINVAL, false, "16 TiB"},
		{24, 8, BLK_MAX, -EINVAL, false, "L1 table"},
		{32, 4, 1, -ENOTSUP, false, "AES"},
		{32, 4, 2, -ENOTSUP, false, "LUKS"},
		{36, 4, 2, -EINVAL, false, "L1 table"},
		{36, 4, UINT32_MAX, -EINVAL, false, "L1 table"},
		{36, 4, 4u << 20, -EINVAL, false, "L1 table"},
		{40, 8, 513, -EINVAL, false, "start with a cluster"},
		{40, 8, 0, -EINVAL, false, "L1 table"},
		{40, 8, UINT64_MAX << 9, -EINVAL, false, "L1 table"},
		{48, 8, 1, -EINVAL, false, "start with a cluster"},
		{48, 8, UINT64_MAX << 9, -EINVAL, true, "refcount table"},
		{56, 4, 0, -EINVAL, false, "refcount table"},
		{56, 4, UINT32_MAX, -EINVAL, false, "refcount table"},
		{60, 4, 65537, -EINVAL, false, "snapshots"},
		{60, 4, 60, -EUCLEAN, true, "snapshots"},
		{64, 8, 1ull << 40, -EUCLEAN, true, "snapshots"},
		{72, 8, 1, -EROFS, true, "dirty"},
		{72, 8, 2, -EROFS, true, "corrupt"},
		{72, 8, 4, -ENOTSUP, false, "external data"},
		{72, 8, 8, -EINVAL, false, "feature bit without one"},
		{72, 8, 16, -ENOTSUP, false, "extended L2"},
		{72, 8, 1ull << 63, -ENOTSUP, false, "feature 63 \"\""},
		{96, 4, 7, -EINVAL, false, "refcount order"},
		{96, 4, 3, -EUCLEAN, true, "counted"},
		{100, 4, 96, -EINVAL, false, "length of its header"},
		{100, 4, 1024, -EINVAL, false, "length of its header"},
		{100, 4, 108, -EINVAL, false, "length of its header"},
		{8, 8, 505, -EINVAL, false, "backing file"},
		{16, 4, 1024, -EINVAL, false, "backing file"},
		{512, 8, 513, -EUCLEAN, true, "used more often"},
		{512, 8, 0, -EUCLEAN, true, "more often"},
		{520, 8, 1024, -EUCLEAN, true, "share"},
		{1024, 2, 0, -EUCLEAN, true, "more often"},
	};
	static const struct image_spec spec = {3, 9, 4, SIZE, "below", "raw"};
	struct image m = {0};
	uint8_t model[SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patches); i++) {
		const struct patch *p = &patches[i];
		struct err err = {0};
		struct blk *b;

		make_mixed(&m, &spec, model, true);
		be(m.p + p->at, p->n, p->v);
		if (try_image(&b, &m, false, NULL, &err) != p->code)
			fail_msg("patch at %u: %d, not %d: %s", p->at, err.code, p->code, err.msg);
		assert_null(b);
		if (!strstr(err.msg, p->text))
			fail_msg("patch at %u: \"%s\" does not say \"%s\"", p->at, err.msg,
				 p->text);
		assert_int_equal(try_image(&b, &m, true, NULL, &err) == 0, p->ro);
		if (p->ro)
			same(b, model, SIZE);
		blk_close(b);
		assert_int_equal(m.writes, 0);
	}
	free(m.p);
}

/* An unknown feature has the name that the image gives it. */
static void feature_by_name(void **state)
{
	static const struct image_spec spec = {3, 9, 4, SIZE, NULL, NULL};
	struct image m = {0};
	struct err err = {0};
	struct blk *b;

	(void)state;
	image_make(&m, &spec);
	be(m.p + 72, 8, 1ull << 40);
	be(m.p + 104, 4, 0x6803f857);
	be(m.p + 108, 4, 96);
	m.p[112 + 1] = 3;
	m.p[160 + 1] = 40;
	memcpy(m.p + 162, "time travel", 11);
	assert_int_equal(try_image(&b, &m, true, NULL, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "feature 40 \"time travel\""));
	free(m.p);
}

/* Entries that break the format: -EIO where they are met, and no writing. */
static void bad_entries(void **state)
{
	static const uint64_t entries[] = {
		1ull << 63,		 /* its own, but none */
		1ull << 63 | 0x100000,	 /* beyond the end */
		513ull << 0 | 1ull << 1, /* reserved bits */
		1ull << 56 | 2048,
		1ull << 62,	       /* compressed, in the header */
		1ull << 62 | 0x100000, /* and beyond the end */
		3ull << 62 | 2048,
	};
	static const struct image_spec spec = {3, 10, 4, SIZE, NULL, NULL};
	struct image m = {0};
	uint8_t buf[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		struct err err = {0};
		struct blk *b;

		image_make(&m, &spec);
		be(m.p + image_entry(&m, 0), 8, entries[i]);
		b = open_image(&m, true);
		assert_int_equal(blk_read(b, 0, buf, 1024), -EIO);
		assert_int_equal(blk_read(b, 1024, buf, 1024), 0);
		blk_close(b);
		assert_int_equal(try_image(&b, &m, false, NULL, &err), -EUCLEAN);
		/* And so of an L1 entry. */
		be(m.p + from_be(m.p + 40, 8), 8, 1ull << 63 | 0x400 | 0x200);
		b = open_image(&m, true);
		assert_int_equal(blk_read(b, 0, buf, 1024), -EIO);
		blk_close(b);
		assert_int_equal(try_image(&b, &m, false, NULL, &err), -EUCLEAN);
		assert_non_null(strstr(err.msg, "L1 table"));
	}
	free(m.p);
}

/* Data that does not unpack is an error of those bytes, and may be written over only as a whole. */
static void damaged_data(void **state)
{
	static const struct image_spec spec = {3, 9, 4, SIZE, NULL, NULL};
	struct image m = {0};
	uint8_t buf[512] = {0};
	struct blk *b;

	(void)state;
	if (!UNPACK_WITH_ZLIB)
		skip();
	image_make(&m, &spec);
	assert_true(image_put_compressed(&m, 1, buf));
	m.p[m.len - 512] = 0xff;
	b = open_image(&m, false);
	assert_int_equal(blk_read(b, 512, buf, 512), -EIO);
	assert_int_equal(blk_write(b, 600, buf, 8), -EIO);
	check(b, 0);
	assert_int_equal(blk_write(b, 512, buf, 512), 0);
	assert_int_equal(blk_read(b, 512, buf, 512), 0);
	check(b, 0);
	/* The file becomes shorter: an error too. */
	m.len -= 512;
	assert_int_equal(blk_read(b, 512, buf, 512), -EIO);
	blk_close(b);
	free(m.p);
}

/* The other compression: frames until the cluster is whole; a method that nobody knows. */
static void zstd_clusters(void **state)
{
	static const struct image_spec spec = {3, 12, 4, SIZE, NULL, NULL};
	struct image m = {0};
	uint8_t data[4096], buf[4096], *frame;
	struct err err = {0};
	struct blk *b;

	(void)state;
	image_make(&m, &spec);
	image_compression(&m, 2);
	assert_int_equal(try_image(&b, &m, true, NULL, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "method 2"));
	image_make(&m, &spec);
	m.p[104] = 1;
	be(m.p + 100, 4, 112);
	assert_int_equal(try_image(&b, &m, true, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "without its feature bit"));
	image_make(&m, &spec);
	image_compression(&m, 1);
	if (!UNPACK_WITH_ZSTD) {
		assert_int_equal(try_image(&b, &m, true, NULL, &err), -ENOTSUP);
		assert_non_null(strstr(err.msg, "libzstd"));
		free(m.p);
		skip();
	}
	fill(data, sizeof(data), 5);
	assert_true(image_put_zstd(&m, 1, data, 1));
	assert_true(image_put_zstd(&m, 3, data, 4));
	frame = m.p + m.len - 4096;
	b = open_image(&m, false);
	for (unsigned i = 1; i < 4; i += 2) {
		assert_int_equal(blk_read(b, i * 4096, buf, 4096), 0);
		assert_memory_equal(buf, data, 4096);
	}
	/* Written over in part: it is a plain cluster then. */
	assert_int_equal(blk_write(b, 4096 + 100, "here", 4), 0);
	memcpy(data + 100, "here", 4);
	assert_int_equal(blk_read(b, 4096, buf, 4096), 0);
	assert_memory_equal(buf, data, 4096);
	check(b, 0);
	blk_close(b);
	/* Damaged: a frame that is none. */
	b = open_image(&m, true);
	*frame ^= 0xff;
	assert_int_equal(blk_read(b, 3 * 4096, buf, 4096), -EIO);
	*frame ^= 0xff;
	assert_int_equal(blk_read(b, 3 * 4096, buf, 4096), 0);
	blk_close(b);
	free(m.p);
}

static void zstd_of_another_size(void **state)
{
	static const struct image_spec spec = {3, 12, 4, SIZE, NULL, NULL};
	uint8_t data[4096] = {0}, buf[4096];
	struct image m = {0};
	struct blk *b;

	(void)state;
	if (!UNPACK_WITH_ZSTD)
		skip();
	image_make(&m, &spec);
	image_compression(&m, 1);
	/* Half a cluster in one frame, and nothing behind it but zeroes. */
	assert_true(image_put_zstd(&m, 1, data, 2));
#if UNPACK_WITH_ZSTD
	{
		size_t n = ZSTD_compress(m.p + m.len - 4096, 4096, data, 2048, 3);
		uint8_t big[8192] = {0};

		memset(m.p + m.len - 4096 + n, 0, 4096 - n);
		b = open_image(&m, true);
		assert_int_equal(blk_read(b, 4096, buf, 4096), -EIO);
		blk_close(b);
		n = ZSTD_compress(m.p + m.len - 4096, 4096, big, sizeof(big), 3);
		assert_true(n < 512);
		b = open_image(&m, true);
		assert_int_equal(blk_read(b, 4096, buf, 4096), -EIO);
		blk_close(b);
	}
#else
	(void)b, (void)buf;
#endif
	free(m.p);
}

/* What others keep up beside the disk is marked as not kept up, once something changes. */
static void auto_clear(void **state)
{
	static const struct image_spec spec = {3, 9, 4, SIZE, NULL, NULL};
	struct image m = {0};
	struct blk *b;

	(void)state;
	image_make(&m, &spec);
	be(m.p + 88, 8, 0x8001);
	b = open_image(&m, false);
	assert_int_equal(m.writes, 0);
	assert_int_equal(blk_write(b, 0, "x", 1), 0);
	assert_int_equal(from_be(m.p + 88, 8), 0);
	blk_close(b);
	free(m.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_width),	  cmocka_unit_test(mixed),
		cmocka_unit_test(refused_images), cmocka_unit_test(feature_by_name),
		cmocka_unit_test(bad_entries),	  cmocka_unit_test(damaged_data),
		cmocka_unit_test(zstd_clusters),  cmocka_unit_test(zstd_of_another_size),
		cmocka_unit_test(auto_clear),
	};

	return cmocka_run_group_tests_name("qcow2", tests, make_dir, remove_dir);
}
