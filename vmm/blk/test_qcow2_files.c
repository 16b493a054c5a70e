/* SPDX-License-Identifier: MIT */
/* qcow2 in files: disks from text, images that stand on others, and what qemu-img says of ours. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "test_qcow2.h"

#define SIZE (64 * 512u)

static char dir[] = "/tmp/vise-qcow2f-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) && !chdir(dir) ? 0 : -1;
}

__attribute__((format(printf, 1, 2))) static int run(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd); // NOLINT: commands of this file
}

static int remove_dir(void **state)
{
	(void)state;
	return chdir("/") || run("rm -rf %s", dir) ? -1 : 0;
}

/* An image with one cluster of its own: sector (own), all bytes (own). */
static void make_file(const char *path, const char *backing, const char *format, unsigned own)
{
	const struct image_spec spec = {3, 9, 4, SIZE, backing, format};
	struct image m = {0};
	uint8_t data[512];

	image_make(&m, &spec);
	memset(data, (int)own, sizeof(data));
	image_put(&m, own, data);
	assert_int_equal(file_write(path, m.p, m.len, NULL), 0);
	free(m.p);
}

static void refused(const char *spec, int code, const char *text)
{
	struct err err = {0};
	struct blk *b;

	if (blk_open(&b, spec, &err) != code)
		fail_msg("%s: %d, not %d: %s", spec, err.code, code, err.msg);
	assert_null(b);
	if (!strstr(err.msg, text))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, text);
}

static struct blk *opened(const char *spec)
{
	struct err err = {0};
	struct blk *b;

	if (blk_open(&b, spec, &err))
		fail_msg("%s", err.msg);
	return b;
}

static unsigned sector_of(struct blk *b, unsigned at)
{
	uint8_t buf[512];

	assert_int_equal(blk_read(b, at * 512, buf, sizeof(buf)), 0);
	for (unsigned i = 1; i < sizeof(buf); i++)
		assert_int_equal(buf[i], buf[0]);
	return buf[0];
}

static void from_text(void **state)
{
	uint8_t data[512];
	struct blk *a, *b;

	(void)state;
	make_file("a.qcow2", NULL, NULL, 3);
	memset(data, 7, sizeof(data));
	/* By its first bytes, and by name; changes stay in memory. */
	for (unsigned i = 0; i < 2; i++) {
		b = opened(i ? "qcow2:a.qcow2" : "a.qcow2");
		assert_int_equal(b->size, SIZE);
		assert_int_equal(sector_of(b, 3), 3);
		assert_int_equal(blk_write(b, 512, data, 512), 0);
		assert_int_equal(blk_mark(b), 0);
		blk_close(b);
	}
	b = opened("qcow2:a.qcow2,ro");
	assert_true(b->read_only);
	assert_string_equal(b->ops->name, "qcow2");
	assert_int_equal(sector_of(b, 1), 0);
	assert_int_equal(blk_flush(b), 0);
	assert_int_equal(blk_mark(b), -ENOTSUP);
	a = opened("a.qcow2,ro"); /* many may read */
	refused("a.qcow2,rw", -EAGAIN, "in use");
	blk_close(a);
	blk_close(b);
	b = opened("a.qcow2,rw");
	assert_int_equal(blk_write(b, 512, data, 512), 0);
	assert_int_equal(blk_discard(b, 3 * 512, 512), 0);
	assert_int_equal(blk_flush(b), 0);
	refused("a.qcow2", -EAGAIN, "in use");
	blk_close(b);
	b = opened("a.qcow2");
	assert_int_equal(sector_of(b, 1), 7);
	assert_int_equal(sector_of(b, 3), 0);
	blk_close(b);
	/* A guest makes no image of a raw file, unless it is always called raw. */
	assert_int_equal(file_write("r", data, 512, NULL), 0);
	b = opened("r,rw");
	assert_int_equal(blk_write(b, 0, "QF", 2), 0);
	assert_int_equal(blk_write(b, 2, "I\xfb..", 4), -EPERM);
	assert_int_equal(blk_write(b, 0, "QFI\xfb", 4), -EPERM);
	assert_int_equal(blk_write(b, 4, "QFI\xfb", 4), 0);
	assert_int_equal(blk_write(b, 0, "QFI\xfa", 4), 0);
	blk_close(b);
	b = opened("raw:r,rw");
	assert_int_equal(blk_write(b, 0, "QFI\xfb", 4), 0);
	blk_close(b);
	/* As a raw file it is bytes. */
	b = opened("raw:a.qcow2,ro");
	assert_string_equal(b->ops->name, "raw");
	blk_close(b);
	refused("qcow2:none", -ENOENT, "none");
	refused("qcow2:.", -EINVAL, "regular file");
	refused("qcow2:/dev/null", -EINVAL, "regular file");
	refused("a.qcow2,snapshot=x", -ENOENT, "no snapshot x");
	refused("a.qcow2,snapshot=x,rw", -EINVAL, "contradict");
	refused("raw:a.qcow2,snapshot=x", -EINVAL, "only a qcow2 image");
	refused("mem:1M,snapshot=x", -EINVAL, "only a qcow2 image");
	assert_int_equal(file_write("short", "QFI\xfb", 4, NULL), 0);
	refused("short", -EINVAL, "no qcow2 image");
	assert_int_equal(truncate("short", 1024), 0);
	refused("short", -ENOTSUP, "version 0");
	assert_int_equal(truncate("short", 3), 0);
	refused("qcow2:short", -EINVAL, "no qcow2 image");
}

static void standing_on_others(void **state)
{
	char name[64], below[64];
	uint8_t raw[4096];
	struct blk *b;

	(void)state;
	assert_int_equal(file_mkdirs("sub/deep", NULL), 0);
	memset(raw, 0xaa, sizeof(raw));
	assert_int_equal(file_write("sub/base.raw", raw, sizeof(raw), NULL), 0);
	make_file("sub/one", "base.raw", "raw", 1);
	make_file("sub/deep/two", "../one", NULL, 2);
	make_file("three", "file:sub/deep/two", "qcow2", 3);
	b = opened("three,rw");
	assert_int_equal(sector_of(b, 0), 0xaa);
	assert_int_equal(sector_of(b, 1), 1);
	assert_int_equal(sector_of(b, 2), 2);
	assert_int_equal(sector_of(b, 3), 3);
	assert_int_equal(sector_of(b, 7), 0xaa);
	assert_int_equal(sector_of(b, 8), 0); /* the raw file ends */
	assert_int_equal(blk_write(b, 100, "x", 1), 0);
	assert_int_equal(blk_zero(b, 512, 512), 0);
	assert_int_equal(sector_of(b, 1), 0);
	blk_close(b);
	/* A path from the root. */
	(void)snprintf(below, sizeof(below), "%s/sub/one", dir);
	make_file("sub/four", below, "qcow2", 4);
	b = opened("sub/four");
	assert_int_equal(sector_of(b, 1), 1);
	blk_close(b);
	/* The one below becomes shorter. */
	b = opened("three");
	assert_int_equal(truncate("sub/base.raw", 512), 0);
	assert_int_equal(blk_read(b, 7 * 512, raw, 512), -EIO);
	blk_close(b);

	make_file("self", "self", "qcow2", 0);
	refused("self", -ELOOP, "stands on itself");
	refused("self,rw", -ELOOP, "stands on itself");
	make_file("ping", "pong", NULL, 0);
	make_file("pong", "ping", NULL, 0);
	refused("ping,rw", -ELOOP, "stands on itself");
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "c%u", i);
		(void)snprintf(below, sizeof(below), "c%u", i + 1);
		make_file(name, i < 19 ? below : NULL, NULL, i);
	}
	refused("c0", -ELOOP, "over 16");
	b = opened("c4");
	assert_int_equal(sector_of(b, 19), 19);
	blk_close(b);

	make_file("bad", "nowhere", NULL, 0);
	refused("bad", -ENOENT, "nowhere");
	make_file("bad", "one", "vmdk", 0);
	refused("bad", -ENOTSUP, "format vmdk");
	make_file("bad", "json:{}", NULL, 0);
	refused("bad", -ENOTSUP, "no file");
	make_file("bad", "nbd://x", NULL, 0);
	refused("bad", -ENOTSUP, "no file");
	make_file("bad", "sub/base.raw", "qcow2", 0);
	refused("bad", -EINVAL, "no qcow2 image");
}

/* ---- and qemu-img ------------------------------------------------------------------------------------- */

static void qemu_compares(const char *image, const uint8_t *model, size_t size)
{
	void *raw;
	size_t len;

	if (run("qemu-img check -q %s > check.out 2>&1", image))
		fail_msg("qemu-img check of %s: see check.out", image);
	assert_int_equal(run("qemu-img convert -t unsafe -O raw %s out.raw", image), 0);
	assert_int_equal(file_read("out.raw", size, &raw, &len, NULL), 0);
	assert_int_equal(len, size);
	assert_memory_equal(raw, model, size);
	free(raw);
}

static void change(const char *spec, uint8_t *model, size_t size, unsigned steps, unsigned seed)
{
	struct rng rng = {seed};
	struct blk *b = opened(spec);
	uint8_t *buf = malloc(size);

	assert_non_null(buf);
	assert_int_equal(b->size, size);
	assert_int_equal(blk_read(b, 0, buf, size), 0);
	assert_memory_equal(buf, model, size);
	for (unsigned i = 0; i < steps; i++) {
		uint64_t off = rng_next(&rng) % size, len = 1 + rng_next(&rng) % 100000;

		len = len > size - off ? size - off : len;
		if (i % 4 < 2) {
			for (uint64_t k = 0; k < len; k++)
				model[off + k] = (uint8_t)(rng_next(&rng) >> 60);
			assert_int_equal(blk_write(b, off, model + off, len), 0);
		} else if (i % 4 == 2) {
			memset(model + off, 0, len);
			assert_int_equal(blk_zero(b, off, len), 0);
		} else {
			assert_int_equal(blk_discard(b, off, len), 0);
			assert_int_equal(blk_read(b, off, model + off, len), 0);
		}
	}
	assert_int_equal(blk_flush(b), 0);
	assert_int_equal(blk_read(b, 0, buf, size), 0);
	assert_memory_equal(buf, model, size);
	blk_close(b);
	free(buf);
}

static void images_of_qemu(void **state)
{
	static const char *const options[] = {
		"compat=0.10",
		"compat=1.1",
		"compat=1.1,cluster_size=512",
		"compat=1.1,cluster_size=2M",
		"compat=1.1,cluster_size=4096,refcount_bits=64",
		"compat=1.1,cluster_size=1024,refcount_bits=2",
		"compat=1.1,preallocation=metadata",
		"compat=1.1,lazy_refcounts=on",
	};
	const size_t size = 3u << 20;
	uint8_t *model = malloc(size), *old = malloc(size);

	(void)state;
	if (run("command -v qemu-img > /dev/null")) {
		print_message("SKIP: there is no qemu-img here (qemu-utils)\n");
		skip();
	}
	assert_non_null(model);
	assert_non_null(old);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct blk *b;

		assert_int_equal(run("qemu-img create -q -f qcow2 -o %s q.qcow2 3M", options[i]),
				 0);
		memset(model, 0, size);
		change("q.qcow2,rw", model, size, 40, 1);
		qemu_compares("q.qcow2", model, size);
		memcpy(old, model, size);
		assert_int_equal(run("qemu-img snapshot -c then q.qcow2"), 0);
		change("q.qcow2,rw", model, size, 40, 2);
		qemu_compares("q.qcow2", model, size);
		b = opened("q.qcow2,ro,snapshot=then");
		assert_int_equal(b->size, size);
		blk_close(b);
		change("q.qcow2,snapshot=then", old, size, 0, 0);
		/* Compressed, and over an image below. */
		assert_int_equal(run("qemu-img convert -t unsafe -c -O qcow2 q.qcow2 c.qcow2 && "
				     "qemu-img create -q -f qcow2 -o %s -b c.qcow2 -F qcow2 "
				     "o.qcow2 2> /dev/null",
				     i == 6 ? options[1] : options[i]),
				 0);
		if (UNPACK_WITH_ZLIB) {
			change("o.qcow2,rw", model, size, 40, 3);
			qemu_compares("o.qcow2", model, size);
			assert_int_equal(run("qemu-img convert -t unsafe -O raw c.qcow2 c.raw"), 0);
			assert_int_equal(blk_raw_open(&b, "c.raw", true, NULL), 0);
			assert_int_equal(blk_read(b, 0, model, size), 0);
			blk_close(b);
			change("c.qcow2,rw", model, size, 40, 4);
			qemu_compares("c.qcow2", model, size);
		}
	}
	free(model);
	free(old);
}

static void features_of_qemu(void **state)
{
	static const char *const refusals[][2] = {
		{"compat=1.1,extended_l2=on", "extended L2"},
		{"compat=1.1,data_file=ext.raw", "external data"},
	};

	(void)state;
	if (run("command -v qemu-img > /dev/null")) {
		print_message("SKIP: there is no qemu-img here (qemu-utils)\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		/* An older one, or one built with less, cannot make it: nothing to refuse. */
		if (!run("rm -f f.qcow2; qemu-img create -q -f qcow2 -o %s f.qcow2 1M "
			 "> /dev/null 2>&1",
			 refusals[i][0]))
			refused("f.qcow2", -ENOTSUP, refusals[i][1]);
}

/* Clusters that qemu-img compressed by zstd, read, written over, read again by qemu-img. */
static void zstd_of_qemu(void **state)
{
	struct err err = {0};
	uint8_t data[512];
	struct blk *b;

	(void)state;
	if (run("command -v qemu-img > /dev/null")) {
		print_message("SKIP: there is no qemu-img here (qemu-utils)\n");
		skip();
	}
	/* A text of 1 MiB: it becomes smaller, and no cluster is like another one. */
	assert_int_equal(run("seq 1 200000 | head -c 1048576 > z.raw"), 0);
	if (run("qemu-img convert -q -c -O qcow2 -o compression_type=zstd z.raw z.qcow2 "
		"> /dev/null 2>&1")) {
		print_message("SKIP: this qemu-img cannot compress by zstd\n");
		skip();
	}
	if (!UNPACK_WITH_ZSTD) {
		refused("z.qcow2", -ENOTSUP, "libzstd");
		return;
	}
	assert_int_equal(blk_open(&b, "z.qcow2,rw", &err), 0);
	for (unsigned i = 0; i < 2048; i++) {
		uint8_t want[512];
		FILE *f = fopen("z.raw", "r");

		assert_non_null(f);
		assert_int_equal(fseek(f, (long)i * 512, SEEK_SET), 0);
		assert_int_equal(fread(want, 1, 512, f), 512);
		fclose(f);
		assert_int_equal(blk_read(b, i * 512ull, data, 512), 0);
		assert_memory_equal(data, want, 512);
	}
	assert_int_equal(blk_write(b, 512 * 700, "written", 7), 0);
	blk_close(b);
	assert_int_equal(
		run("printf written | dd of=z.raw bs=512 seek=700 conv=notrunc 2> /dev/null"), 0);
	assert_int_equal(run("qemu-img check -q z.qcow2"), 0);
	assert_int_equal(run("qemu-img compare -q z.raw z.qcow2"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_text),	  cmocka_unit_test(standing_on_others),
		cmocka_unit_test(images_of_qemu), cmocka_unit_test(features_of_qemu),
		cmocka_unit_test(zstd_of_qemu),
	};

	return cmocka_run_group_tests_name("qcow2_files", tests, make_dir, remove_dir);
}
