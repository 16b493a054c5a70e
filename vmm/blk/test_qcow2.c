/* SPDX-License-Identifier: MIT */
/* qcow2: images made here by hand and by qemu-img, read, written, cut short at every write. */
#include <fcntl.h>
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

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) && !chdir(dir) ? 0 : -1;
}

static int run(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd); // NOLINT: commands of this file
}

static bool have_qemu(void)
{
	return !run("command -v qemu-img > /dev/null");
}

static int remove_dir(void **state)
{
	(void)state;
	return chdir("/") || run("rm -rf %s", dir) ? -1 : 0;
}

static uint8_t pattern(uint64_t at, unsigned seed)
{
	return (uint8_t)(at / 512 * 7 + at % 512 / 16 + seed);
}

static void fill(uint8_t *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = pattern(i, seed);
}

/* The disk below: a pattern, shorter than SIZE. */
#define BELOW (100 * 512u)

static int open_below(void *ctx, const char *name, const char *format, struct blk **out,
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

static int try_image(struct blk **out, struct image *m, bool ro, const char *snapshot,
		     struct err *err)
{
	struct qcow2_opts o = {
		.name = "test", .read_only = ro, .snapshot = snapshot, .backing = open_below};

	m->file.len = m->len;
	return qcow2_open(out, &m->file, &o, err);
}

static struct blk *open_image(struct image *m, bool ro)
{
	struct err err = {0};
	struct blk *b;

	if (try_image(&b, m, ro, NULL, &err))
		fail_msg("%s", err.msg);
	return b;
}

static void check(struct blk *b, uint64_t want_leaks)
{
	struct err err = {0};
	uint64_t leaks;

	if (qcow2_check(b, &leaks, &err))
		fail_msg("%s", err.msg);
	if (want_leaks != UINT64_MAX)
		assert_int_equal(leaks, want_leaks);
}

static void same(struct blk *b, const uint8_t *model, size_t n)
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
static void step(struct blk *b, uint8_t *model, size_t size, struct rng *rng)
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

static void against_array(struct image *m, uint8_t *model, size_t size, unsigned steps)
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

/* An image with a bit of all, and the array. */
static void make_mixed(struct image *m, const struct image_spec *s, uint8_t *model, bool snapshot)
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

/* ---- cut after every write ------------------------------------------------------------------------ */

#define PAGE 4096u

struct cut {
	const uint8_t *before, *after; /* what a byte may be */
	struct image copy;
	uint64_t states, torn;
	bool qemu; /* is there a qemu-img? */
};

/* What Vise left when it ended here: no error, and each byte is as it was or as it is to be. */
static void judge_state(struct cut *k)
{
	struct blk *b = open_image(&k->copy, false);
	uint8_t buf[SIZE];

	assert_int_equal(blk_read(b, 0, buf, SIZE), 0);
	for (size_t i = 0; i < SIZE; i++)
		if (buf[i] != k->before[i] && buf[i] != k->after[i])
			fail_msg("byte %zu is %#x: was %#x, shall be %#x", i, buf[i], k->before[i],
				 k->after[i]);
	blk_close(b);
	if (k->qemu && k->states++ % 16 == 0) {
		int r;

		assert_int_equal(file_write("cut.qcow2", k->copy.p, k->copy.len, NULL), 0);
		r = run("qemu-img check -q cut.qcow2 > check.out 2>&1");
		/* 3: leaks only. */
		if (r && (!WIFEXITED(r) || WEXITSTATUS(r) != 3))
			fail_msg("qemu-img check: %#x, see %s/check.out", r, dir);
	}
}

static void copy_of(struct cut *k, const struct image *m)
{
	memcpy(k->copy.p, m->p, m->len);
	k->copy.len = m->len;
}

static void cut_here(struct image *m, uint64_t off, const void *buf, size_t len)
{
	struct cut *k = m->ctx;
	uint64_t page = align_down(off, PAGE) + PAGE;

	copy_of(k, m);
	judge_state(k);
	/* The kernel copies page by page: a part of a write ends with one. */
	if (page < off + len) {
		copy_of(k, m);
		if (off > k->copy.len)
			memset(k->copy.p + k->copy.len, 0, off - k->copy.len);
		memcpy(k->copy.p + off, buf, page - off);
		if (page > k->copy.len)
			k->copy.len = page;
		judge_state(k);
		k->torn++;
	}
}

static void cut_steps(struct image *m, struct cut *k, uint8_t *model, uint8_t *after,
		      unsigned steps)
{
	struct rng rng = {11};
	struct blk *b;
	uint8_t *buf = malloc(SIZE);

	assert_non_null(buf);
	m->seen = cut_here;
	m->ctx = k;
	b = open_image(m, false);
	for (unsigned i = 0; i < steps; i++) {
		uint64_t off = rng_next(&rng) % SIZE, len = 1 + rng_next(&rng) % 3000;
		unsigned what = rng_next(&rng) % 4;

		len = len > SIZE - off ? SIZE - off : len;
		memcpy(after, model, SIZE);
		for (uint64_t j = 0; j < len; j++)
			after[off + j] = buf[j] = what < 2 ? (uint8_t)rng_next(&rng) : 0;
		if (what < 2)
			assert_int_equal(blk_write(b, off, buf, len), 0);
		else if (what == 2)
			assert_int_equal(blk_zero(b, off, len), 0);
		else
			assert_int_equal(blk_discard(b, off, len), 0);
		assert_int_equal(blk_read(b, 0, buf, SIZE), 0);
		for (uint64_t j = 0; j < SIZE; j++)
			assert_true(buf[j] == after[j] || (what == 3 && buf[j] == model[j]));
		memcpy(model, buf, SIZE);
	}
	check(b, 0);
	blk_close(b);
	free(buf);
}

static void cut_after_every_write(void **state)
{
	static const struct image_spec specs[] = {
		{2, 9, 4, SIZE, NULL, NULL},	  {3, 9, 1, SIZE, "below", "raw"},
		{3, 9, 6, SIZE, "below", "raw"},  {3, 13, 4, SIZE, NULL, NULL},
		{2, 10, 4, SIZE, "below", "raw"},
	};
	uint8_t *model = malloc(SIZE), *after = malloc(SIZE);
	uint64_t torn = 0, states = 0;
	struct cut k = {0};

	(void)state;
	assert_non_null(model);
	assert_non_null(after);
	k.before = model;
	k.after = after;
	k.copy.file.ops = &image_ops;
	k.copy.max = IMAGE_MAX;
	k.copy.p = malloc(IMAGE_MAX);
	assert_non_null(k.copy.p);
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct image m = {0};

		make_mixed(&m, &specs[i], model, i != 3);
		k.qemu = !specs[i].backing && have_qemu();
		cut_steps(&m, &k, model, after, 40);
		free(m.p);
	}
	torn = k.torn;
	states = k.states;
	assert_true(torn > 5);
	if (!have_qemu())
		print_message("qemu-img was not asked: there is none\n");
	else
		assert_true(states > 100);
	free(k.copy.p);
	free(model);
	free(after);
}

/* ---- no room ---------------------------------------------------------------------------------------- */

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
		cmocka_unit_test(every_width),
		cmocka_unit_test(mixed),
		cmocka_unit_test(cut_after_every_write),
		cmocka_unit_test(no_room_at_any_write),
		cmocka_unit_test(unsure_at_any_write),
		cmocka_unit_test(table_grows),
		cmocka_unit_test(table_cannot_grow),
		cmocka_unit_test(refused_images),
		cmocka_unit_test(table_is_refused_once),
		cmocka_unit_test(feature_by_name),
		cmocka_unit_test(bad_entries),
		cmocka_unit_test(damaged_data),
		cmocka_unit_test(zstd_clusters),
		cmocka_unit_test(zstd_of_another_size),
		cmocka_unit_test(auto_clear),
	};

	return cmocka_run_group_tests_name("qcow2", tests, make_dir, remove_dir);
}
