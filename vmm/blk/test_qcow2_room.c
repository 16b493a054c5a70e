/* SPDX-License-Identifier: MIT */
/* qcow2: no room at any write; the refcount table grows, or cannot. */
#include "test_qcow2_disk.h"

static void no_room_at_any_write(void **state)
{
	static const struct image_spec spec = {3, 9, 4, SIZE, "below", "raw"};
	uint8_t *model = malloc(SIZE), *buf = malloc(SIZE);
	struct image first = {0}, m = {0};
	unsigned failed = 0;

	(void)state;
	assert_non_null(model);
	assert_non_null(buf);
	make_mixed(&first, &spec, model, true);
	image_make(&m, &spec);
	for (uint64_t at = 1; at < 60; at++) {
		struct blk *b;
		int r = 0;

		memcpy(m.p, first.p, first.len);
		m.len = first.len;
		m.writes = 0;
		m.fail = at;
		b = open_image(&m, false);
		memset(buf, 0x55, SIZE);
		for (unsigned i = 0; i < 12 && !r; i++)
			r = i % 4 == 3 ? blk_zero(b, i * 3000, 1500)
				       : blk_write(b, i * 3000, buf, 700);
		failed += r == -ENOSPC;
		assert_true(!r || r == -ENOSPC);
		blk_close(b);
		m.fail = 0;
		b = open_image(&m, false);
		check(b, UINT64_MAX);
		/* And where it goes on although the file is full. */
		m.fail = m.writes + at;
		for (unsigned i = 0; i < 12; i++)
			(void)blk_write(b, i * 3000 + 1000, buf, 700);
		m.fail = 0;
		for (unsigned i = 0; i < 12; i++)
			(void)blk_write(b, i * 3000 + 1000, buf, 700);
		check(b, UINT64_MAX);
		blk_close(b);
		b = open_image(&m, false);
		check(b, UINT64_MAX);
		blk_close(b);
	}
	assert_true(failed > 30);
	free(first.p);
	free(m.p);
	free(model);
	free(buf);
}

/*
 * One write fails, and is made or not; the operation is tried again. All is there when the image is
 * opened again.
 */
static void unsure_at_any_write(void **state)
{
	static const struct image_spec spec = {3, 9, 6, SIZE, NULL, NULL};
	static const unsigned far[] = {0, 70, 140, 1, 71, 141, 2, 72};
	uint8_t *model = malloc(SIZE), buf[512];
	struct image first = {0}, m = {0};
	unsigned failed = 0;

	(void)state;
	assert_non_null(model);
	make_mixed(&first, &spec, model, true);
	image_make(&m, &spec);
	for (uint64_t at = 2; at < 100; at++) {
		struct blk *b;

		memcpy(m.p, first.p, first.len);
		m.len = first.len;
		m.writes = 0;
		m.unsure = at / 2;
		m.made = at % 2;
		b = open_image(&m, false);
		for (unsigned i = 0; i < ARRAY_SIZE(far); i++) {
			memset(buf, 0x40 + (int)i, sizeof(buf));
			if (!blk_write(b, far[i] * 512, buf, sizeof(buf)))
				continue;
			failed++;
			assert_int_equal(blk_write(b, far[i] * 512, buf, sizeof(buf)), 0);
		}
		blk_close(b);
		b = open_image(&m, false);
		check(b, 0); /* nothing is lost by one write that fails */
		for (unsigned i = 0; i < ARRAY_SIZE(far); i++) {
			assert_int_equal(blk_read(b, far[i] * 512, buf, sizeof(buf)), 0);
			assert_int_equal(buf[7], 0x40 + i);
		}
		blk_close(b);
	}
	assert_true(failed > 20);
	free(first.p);
	free(m.p);
	free(model);
}

/* ---- the refcount table grows --------------------------------------------------------------------------- */

static void table_grows(void **state)
{
	/* A table of 64 blocks of 64 counts: 4096 clusters of 512 bytes. */
	static const struct image_spec spec = {3, 9, 6, 3u << 20, NULL, NULL};
	struct image m = {0};
	uint8_t *model = malloc(spec.size);
	struct blk *b;

	(void)state;
	assert_non_null(model);
	image_make(&m, &spec);
	fill(model, spec.size, 3);
	b = open_image(&m, false);
	for (uint64_t off = 0; off < spec.size; off += 48 * 512)
		assert_int_equal(blk_write(b, off, model + off, 48 * 512), 0);
	assert_true(from_be(m.p + 56, 4) > 1);
	check(b, 0);
	same(b, model, spec.size);
	blk_close(b);
	b = open_image(&m, false);
	same(b, model, spec.size);
	/* All of it goes and comes again in the same place. */
	assert_int_equal(blk_zero(b, 0, spec.size), 0);
	check(b, 0);
	m.max = m.len;
	assert_int_equal(blk_write(b, 0, model, spec.size), 0);
	check(b, 0);
	same(b, model, spec.size);
	blk_close(b);
	free(m.p);
	free(model);
}

/* The table grows where the file is full: it is as it was. */
static void table_cannot_grow(void **state)
{
	static const struct image_spec spec = {3, 9, 6, 3u << 20, NULL, NULL};
	struct image m = {0};
	uint8_t buf[512] = {1};
	struct blk *b;

	(void)state;
	image_make(&m, &spec);
	b = open_image(&m, false);
	m.max = 4097 * 512;
	for (uint64_t off = 0; off < spec.size; off += 512)
		if (blk_write(b, off, buf, 512))
			break;
	assert_int_equal(blk_write(b, spec.size - 512, buf, 512), -ENOSPC);
	check(b, UINT64_MAX);
	m.max = IMAGE_MAX;
	assert_int_equal(blk_write(b, spec.size - 512, buf, 512), 0);
	check(b, UINT64_MAX);
	blk_close(b);
	b = open_image(&m, false);
	blk_close(b);
	free(m.p);
}

static void see_header(struct image *m, uint64_t off, const void *buf, size_t len)
{
	(void)buf;
	if (off == 48 && len == 12)
		*(uint64_t *)m->ctx = m->writes;
}

/* Write until it fails or the disk is full: how far it came. */
static uint64_t write_all(struct image *m, const struct image_spec *spec, struct blk **b)
{
	const uint8_t buf[512] = {1};
	uint64_t off = 0;

	image_make(m, spec);
	m->writes = 0;
	*b = open_image(m, false);
	while (off < spec->size && !blk_write(*b, off, buf, sizeof(buf)))
		off += sizeof(buf);
	return off;
}

/* The write that says where the new table is fails: made or not, it is as it was and nothing is lost. */
static void table_is_refused_once(void **state)
{
	static const struct image_spec spec = {3, 9, 6, 3u << 20, NULL, NULL};
	uint64_t header = 0, off;
	struct image m = {0};
	struct blk *b;

	(void)state;
	m.seen = see_header;
	m.ctx = &header;
	assert_int_equal(write_all(&m, &spec, &b), spec.size);
	blk_close(b);
	assert_true(header);
	for (unsigned made = 0; made < 2; made++) {
		m.seen = NULL;
		m.unsure = header;
		m.made = made;
		off = write_all(&m, &spec, &b);
		assert_true(off < spec.size);
		check(b, 0);
		assert_int_equal(blk_write(b, off, "x", 1), 0);
		check(b, 0);
		blk_close(b);
	}
	/* It and what takes it back: only an image that is opened anew can be written to. */
	m.unsure = 0;
	m.fail = header;
	off = write_all(&m, &spec, &b);
	assert_true(off < spec.size);
	m.fail = 0;
	assert_int_equal(blk_write(b, off, "x", 1), -EIO);
	assert_int_equal(blk_zero(b, 0, 512), -EIO);
	assert_int_equal(blk_read(b, off, &(char){0}, 1), 0);
	blk_close(b);
	b = open_image(&m, false);
	assert_int_equal(blk_write(b, off, "x", 1), 0);
	check(b, 0);
	blk_close(b);
	free(m.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_room_at_any_write),	 cmocka_unit_test(unsure_at_any_write),
		cmocka_unit_test(table_grows),		 cmocka_unit_test(table_cannot_grow),
		cmocka_unit_test(table_is_refused_once),
	};

	return cmocka_run_group_tests_name("qcow2-room", tests, make_dir, remove_dir);
}
