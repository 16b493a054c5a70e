/* SPDX-License-Identifier: MIT */
/* What the tests of qcow2 share: a folder to work in, qemu-img, disks held against an array, mixed images. */
#ifndef VMM_BLK_TEST_QCOW2_DISK_H
#define VMM_BLK_TEST_QCOW2_DISK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "test_qcow2.h"

#define SIZE (150 * 512u) /* of most disks: three L2 tables of the smallest clusters */

static char dir[] = "/tmp/vise-qcow2-XXXXXX";

static inline int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) && !chdir(dir) ? 0 : -1;
}

static inline int run(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd); // NOLINT: commands of this file
}

static inline bool have_qemu(void)
{
	return !run("command -v qemu-img > /dev/null");
}

static inline int remove_dir(void **state)
{
	(void)state;
	return chdir("/") || run("rm -rf %s", dir) ? -1 : 0;
}

static inline uint8_t pattern(uint64_t at, unsigned seed)
{
	return (uint8_t)(at / 512 * 7 + at % 512 / 16 + seed);
}

static inline void fill(uint8_t *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = pattern(i, seed);
}

/* The disk below: a pattern, shorter than SIZE. */
#define BELOW (100 * 512u)

static inline int open_below(void *ctx, const char *name, const char *format, struct blk **out,
			     struct err *err)
{
	uint8_t *p = malloc(BELOW);

	(void)ctx;
	assert_string_equal(name, "below");
	assert_string_equal(format, "raw");
	assert_non_null(p);
	fill(p, BELOW, 99);
	assert_int_equal(blk_mem_new(out, BELOW, err), 0);
	assert_int_equal(blk_write(*out, 0, p, BELOW), 0);
	(*out)->read_only = true;
	free(p);
	return 0;
}

static inline int try_image(struct blk **out, struct image *m, bool ro, const char *snapshot,
			    struct err *err)
{
	struct qcow2_opts o = {
		.name = "test", .read_only = ro, .snapshot = snapshot, .backing = open_below};

	m->file.len = m->len;
	return qcow2_open(out, &m->file, &o, err);
}

static inline struct blk *open_image(struct image *m, bool ro)
{
	struct err err = {0};
	struct blk *b;

	if (try_image(&b, m, ro, NULL, &err))
		fail_msg("%s", err.msg);
	return b;
}

static inline void check(struct blk *b, uint64_t want_leaks)
{
	struct err err = {0};
	uint64_t leaks;

	if (qcow2_check(b, &leaks, &err))
		fail_msg("%s", err.msg);
	if (want_leaks != UINT64_MAX)
		assert_int_equal(leaks, want_leaks);
}

static inline void same(struct blk *b, const uint8_t *model, size_t n)
{
	uint8_t *buf = malloc(n);

	assert_non_null(buf);
	assert_int_equal(blk_read(b, 0, buf, n), 0);
	for (size_t i = 0; i < n; i++)
		if (buf[i] != model[i])
			fail_msg("byte %zu is %#x, not %#x", i, buf[i], model[i]);
	free(buf);
}

/* One random operation on the disk and on the array. */
static inline void step(struct blk *b, uint8_t *model, size_t size, struct rng *rng)
{
	uint64_t off = rng_next(rng) % size, len = 1 + rng_next(rng) % (size - off);
	uint64_t what = rng_next(rng) % 8;
	uint8_t *buf = malloc(size);

	assert_non_null(buf);
	if (rng_next(rng) % 3)
		off = align_down(off, 512);
	if (rng_next(rng) % 4)
		len = len % 2000 + 1;
	len = len > size - off ? size - off : len;
	if (what < 5) {
		for (uint64_t i = 0; i < len; i++)
			model[off + i] = buf[i] = (uint8_t)rng_next(rng);
		assert_int_equal(blk_write(b, off, buf, len), 0);
	} else if (what < 7) {
		memset(model + off, 0, len);
		assert_int_equal(blk_zero(b, off, len), 0);
	} else {
		assert_int_equal(blk_discard(b, off, len), 0);
		assert_int_equal(blk_read(b, off, buf, len), 0);
		for (uint64_t i = 0; i < len; i++) {
			assert_true(!buf[i] || buf[i] == model[off + i]);
			model[off + i] = buf[i];
		}
	}
	assert_int_equal(blk_read(b, off, buf, len), 0);
	assert_memory_equal(buf, model + off, len);
	free(buf);
}

static inline void against_array(struct image *m, uint8_t *model, size_t size, unsigned steps)
{
	struct blk *b = open_image(m, false);
	struct rng rng = {5};

	same(b, model, size);
	for (unsigned i = 0; i < steps; i++) {
		step(b, model, size, &rng);
		if (i % 16 == 0)
			check(b, 0);
	}
	assert_int_equal(blk_flush(b), 0);
	check(b, 0);
	same(b, model, size);
	blk_close(b);
	b = open_image(m, false);
	same(b, model, size);
	blk_close(b);
	b = open_image(m, true);
	same(b, model, size);
	assert_int_equal(blk_write(b, 0, model, 1), -EROFS);
	assert_int_equal(qcow2_check(b, NULL, NULL), -EROFS);
	blk_close(b);
}

/* An image with a bit of all, and the array. */
static inline void make_mixed(struct image *m, const struct image_spec *s, uint8_t *model,
			      bool snapshot)
{
	uint32_t cluster = 1u << s->cluster_bits;

	image_make(m, s);
	memset(model, 0, SIZE);
	if (s->backing)
		fill(model, BELOW, 99);
	for (unsigned i = 0; i < 12; i++) {
		uint8_t *p = model + (size_t)i * 5 * cluster;

		if ((i * 5 + 1) * cluster > SIZE)
			break;
		memset(p, i % 3 == 1 && s->version >= 3 ? 0 : (int)i, cluster);
		if (i % 3 == 1 && s->version >= 3)
			image_put_zero(m, i * 5, i & 1);
		else if (i % 3 == 2 && UNPACK_WITH_ZLIB)
			assert_true(image_put_compressed(m, i * 5, p));
		else
			image_put(m, i * 5, p);
	}
	if (snapshot)
		image_snapshot(m, "1", "before");
}

#endif
