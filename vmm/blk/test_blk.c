/* SPDX-License-Identifier: MIT */
/* Disks: what is read is what was written, on every back end; the checks; marks; files. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include <vmm/blk.h>

#define SIZE (3 * BLK_CHUNK + 4 * BLK_SECTOR) /* the last chunk is not a whole one */

static char dir[] = "/tmp/vise-blk-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/disk", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static void make_file(uint64_t size)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (uint64_t i = 0; i < size; i++)
		assert_int_not_equal(fputc((int)(i / BLK_SECTOR % 251), f), EOF);
	assert_int_equal(fclose(f), 0);
}

/*
 * Random reads, writes and zeroes against an array, with marks and rewinds in between where the back
 * end has them.
 */
static void against_array(struct blk *b, uint8_t *model, unsigned steps)
{
	uint8_t *buf = malloc(SIZE), *kept = malloc(SIZE);
	struct rng rng = {7};
	bool marked = false;

	assert_non_null(buf);
	assert_non_null(kept);
	for (unsigned i = 0; i < steps; i++) {
		uint64_t off = rng_next(&rng) % SIZE, len = rng_next(&rng) % (SIZE - off + 1);

		/* Whole chunks and short pieces are where the paths part. */
		if (i % 3 == 0)
			off = align_down(off, BLK_CHUNK);
		if (i % 5 == 0)
			len = SIZE - off;
		else if (i % 2)
			len = len % 700;
		len = len > SIZE - off ? SIZE - off : len;
		switch (rng_next(&rng) % 6) {
		case 0:
			assert_int_equal(blk_zero(b, off, len), 0);
			memset(model + off, 0, len);
			break;
		case 1:
		case 2:
			for (uint64_t k = 0; k < len; k++)
				model[off + k] = buf[k] = (uint8_t)rng_next(&rng);
			assert_int_equal(blk_write(b, off, buf, len), 0);
			break;
		case 3:
			if (!blk_mark(b)) {
				marked = true;
				memcpy(kept, model, SIZE);
			}
			break;
		case 4:
			if (marked) {
				assert_int_equal(blk_rewind(b), 0);
				memcpy(model, kept, SIZE);
			}
			break;
		default:
			break;
		}
		assert_int_equal(blk_read(b, off, buf, len), 0);
		assert_memory_equal(buf, model + off, len);
	}
	assert_int_equal(blk_read(b, 0, buf, SIZE), 0);
	assert_memory_equal(buf, model, SIZE);
	free(buf);
	free(kept);
}

static void memory_disk(void **state)
{
	uint8_t *model = calloc(1, SIZE);
	struct blk *b;

	(void)state;
	assert_non_null(model);
	assert_int_equal(blk_mem_new(&b, SIZE, NULL), 0);
	assert_int_equal(b->size, SIZE);
	assert_int_equal(blk_rewind(b), -EINVAL);
	against_array(b, model, 400);
	blk_close(b);
	free(model);
}

static void file_and_overlay(void **state)
{
	uint8_t *model = malloc(SIZE), *file = malloc(SIZE);
	struct blk *b;

	(void)state;
	assert_non_null(model);
	assert_non_null(file);
	make_file(SIZE + 100); /* the rest is no sector */
	for (unsigned i = 0; i < SIZE; i++)
		model[i] = file[i] = (uint8_t)(i / BLK_SECTOR % 251);

	/* Without an option the file is not written to. */
	assert_int_equal(blk_open(&b, path, NULL), 0);
	assert_int_equal(b->size, SIZE);
	assert_false(b->read_only);
	against_array(b, model, 300);
	blk_close(b);
	assert_int_equal(blk_raw_open(&b, path, true, NULL), 0);
	assert_int_equal(blk_read(b, 0, model, SIZE), 0);
	assert_memory_equal(model, file, SIZE);
	assert_int_equal(blk_write(b, 0, model, 1), -EROFS);
	assert_int_equal(blk_zero(b, 0, 1), -EROFS);
	assert_int_equal(blk_discard(b, 0, 1), -EROFS);
	assert_int_equal(blk_flush(b), 0);
	assert_int_equal(blk_mark(b), -ENOTSUP);
	assert_int_equal(blk_rewind(b), -ENOTSUP);
	blk_close(b);

	/* With rw it is. */
	(void)snprintf((char *)model, 100, "raw:%s,rw", path);
	assert_int_equal(blk_open(&b, (char *)model, NULL), 0);
	memcpy(model, file, SIZE);
	against_array(b, model, 200);
	assert_int_equal(blk_flush(b), 0);
	blk_close(b);
	assert_int_equal(blk_raw_open(&b, path, true, NULL), 0);
	assert_int_equal(blk_read(b, 0, file, SIZE), 0);
	assert_memory_equal(model, file, SIZE);
	blk_close(b);
	free(model);
	free(file);
}

/* What nobody wants any more may be gone or not, but its neighbours are there. */
static void discard(void **state)
{
	uint8_t buf[BLK_SECTOR];
	struct blk *b;
	char spec[100];

	(void)state;
	make_file(SIZE);
	(void)snprintf(spec, sizeof(spec), "%s,rw", path);
	assert_int_equal(blk_open(&b, spec, NULL), 0);
	assert_int_equal(blk_discard(b, BLK_SECTOR, 2 * BLK_CHUNK), 0);
	assert_int_equal(blk_read(b, 0, buf, sizeof(buf)), 0);
	assert_int_equal(buf[5], 0);
	assert_int_equal(blk_read(b, BLK_SECTOR + 2 * BLK_CHUNK, buf, sizeof(buf)), 0);
	assert_int_equal(buf[5], (BLK_SECTOR + 2 * BLK_CHUNK) / BLK_SECTOR % 251);
	blk_close(b);
}

static void a_file_that_shrinks(void **state)
{
	uint8_t buf[BLK_SECTOR];
	struct blk *b;

	(void)state;
	make_file(SIZE);
	assert_int_equal(blk_open(&b, path, NULL), 0);
	assert_int_equal(truncate(path, BLK_CHUNK), 0);
	assert_int_equal(blk_read(b, 0, buf, sizeof(buf)), 0);
	assert_int_equal(blk_read(b, BLK_CHUNK, buf, sizeof(buf)), -EIO);
	/* A write of a part needs the rest of its chunk. */
	assert_int_equal(blk_write(b, BLK_CHUNK, buf, sizeof(buf)), -EIO);
	/* After which the disk is as it was. */
	assert_int_equal(blk_read(b, BLK_CHUNK, buf, sizeof(buf)), -EIO);
	blk_close(b);
}

static void ranges(void **state)
{
	uint8_t buf[8] = {0};
	struct blk *b;

	(void)state;
	assert_int_equal(blk_mem_new(&b, BLK_SECTOR, NULL), 0);
	assert_int_equal(blk_read(b, BLK_SECTOR - 8, buf, 8), 0);
	assert_int_equal(blk_read(b, BLK_SECTOR - 7, buf, 8), -EINVAL);
	assert_int_equal(blk_write(b, BLK_SECTOR - 7, buf, 8), -EINVAL);
	assert_int_equal(blk_write(b, UINT64_MAX, buf, 2), -EINVAL);
	assert_int_equal(blk_zero(b, 1, UINT64_MAX), -EINVAL);
	assert_int_equal(blk_discard(b, 8, BLK_SECTOR), -EINVAL);
	assert_int_equal(blk_read(b, BLK_SECTOR, buf, 0), 0);
	blk_close(b);
	/* The largest takes no memory for what is not written. */
	assert_int_equal(blk_mem_new(&b, BLK_MAX, NULL), 0);
	assert_int_equal(blk_write(b, BLK_MAX - 8, "12345678", 8), 0);
	for (uint64_t off = 0; off < BLK_MAX; off += BLK_MAX / 16)
		assert_int_equal(blk_zero(b, off, BLK_MAX / 1024), 0);
	assert_int_equal(blk_read(b, BLK_MAX - 8, buf, 8), 0);
	assert_memory_equal(buf, "12345678", 8);
	assert_int_equal(blk_read(b, BLK_MAX - 8, buf, 8), 0);
	assert_memory_equal(buf, "12345678", 8);
	blk_close(b);
	blk_close(NULL);
}

static void refused(const char *spec, int code, const char *text)
{
	struct err err = {0};
	struct blk *b = (struct blk *)&err;

	assert_int_equal(blk_open(&b, spec, &err), code);
	assert_null(b);
	if (!strstr(err.msg, text))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, text);
}

static void bad_disks(void **state)
{
	char spec[200];
	struct blk *a, *b;

	(void)state;
	refused("mem:", -EINVAL, "give its size");
	refused("mem:1x", -EINVAL, "give its size");
	refused("mem:0", -EINVAL, "0 bytes");
	refused("mem:513", -EINVAL, "multiple of 512");
	refused("mem:17T", -EINVAL, "16 TiB");
	refused("mem:1M,ro,rw", -EINVAL, "contradict");
	refused("/nonexistent/x", -ENOENT, "/nonexistent/x");
	refused("raw:/nonexistent/x,rw", -ENOENT, "/nonexistent/x");
	refused(dir, -EINVAL, "regular file");
	refused("/dev/null", -EINVAL, "regular file");
	make_file(BLK_SECTOR - 1);
	refused(path, -EINVAL, "511 bytes");

	make_file(BLK_SECTOR);
	(void)snprintf(spec, sizeof(spec), "%s,rw", path);
	assert_int_equal(blk_open(&a, spec, NULL), 0);
	refused(path, -EAGAIN, "in use");
	blk_close(a);
	/* Many may read. */
	assert_int_equal(blk_open(&a, path, NULL), 0);
	assert_int_equal(blk_open(&b, path, NULL), 0);
	refused(spec, -EAGAIN, "in use");
	blk_close(a);
	blk_close(b);
	(void)snprintf(spec, sizeof(spec), "%s,ro", path);
	assert_int_equal(blk_open(&a, spec, NULL), 0);
	assert_true(a->read_only);
	blk_close(a);
	assert_int_equal(blk_open(&a, "mem:1M,ro", NULL), 0);
	assert_int_equal(blk_write(a, 0, "x", 1), -EROFS);
	blk_close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_disk), cmocka_unit_test(file_and_overlay),
		cmocka_unit_test(discard),     cmocka_unit_test(a_file_that_shrinks),
		cmocka_unit_test(ranges),      cmocka_unit_test(bad_disks),
	};

	return cmocka_run_group_tests_name("blk", tests, make_dir, remove_dir);
}
