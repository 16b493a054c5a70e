/* SPDX-License-Identifier: MIT */
/* Reading and writing: spans, holes, wraps, ROM, hooks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include <vmm/gmem.h>

static int no_madvise;

int madvise(void *addr, size_t len, int advice)
{
	if (no_madvise) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_madvise, addr, len, advice);
}

/*
 * RAM 0x0000-0x1fff, RAM 0x2000-0x2fff beside it, ROM 0x3000-0x3fff beside that, a hole of a page,
 * RAM 0x5000-0x5fff; and RAM that ends at GMEM_TOP.
 */
static int setup(void **state)
{
	struct gmem *g;

	assert_int_equal(gmem_new(&g, NULL), 0);
	assert_int_equal(gmem_add(g, 0, 0x2000, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(g, 0x5000, 0x1000, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(g, 0x2000, 0x1000, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(g, 0x3000, 0x1000, GMEM_ROM, NULL), 0);
	assert_int_equal(gmem_add(g, GMEM_TOP - 0x1000, 0x1000, GMEM_RAM, NULL), 0);
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	no_madvise = 0;
	gmem_free(*state);
	return 0;
}

static void no_regions(void **state)
{
	struct gmem *g;
	uint8_t b = 0;

	(void)state;
	assert_int_equal(gmem_new(&g, NULL), 0);
	assert_int_equal(gmem_read(g, 0, &b, 1), -EFAULT);
	assert_int_equal(gmem_write(g, 0, &b, 1), -EFAULT);
	assert_int_equal(gmem_place(g, 0, &b, 1), -EFAULT);
	assert_int_equal(gmem_set(g, 0, 0, 1), -EFAULT);
	assert_int_equal(gmem_read(g, 0, NULL, 0), 0);
	assert_null(gmem_ro(g, 0, 0));
	assert_null(gmem_rw(g, 0, 0));
	gmem_mark_dirty(g, 0, UINT64_MAX);
	gmem_mark_code(g, 0);
	assert_false(gmem_is_dirty(g, 0));
	assert_int_equal(gmem_hash(g, 5), 5);
	gmem_free(g);
}

/* Each size of the fast path and those around it, aligned and not. */
static void sizes_round_trip(void **state)
{
	struct gmem *g = *state;
	uint8_t in[40], out[42];

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7 + 1);
	for (unsigned len = 1; len <= sizeof(in); len++) {
		for (unsigned at = 0x100; at < 0x109; at++) {
			assert_int_equal(gmem_set(g, 0x80, 0xee, 0x100), 0);
			assert_int_equal(gmem_write(g, at, in, len), 0);
			memset(out, 0x55, sizeof(out));
			assert_int_equal(gmem_read(g, at, out + 1, len), 0);
			assert_memory_equal(out + 1, in, len);
			assert_int_equal(out[0], 0x55);
			assert_int_equal(out[len + 1], 0x55);
			assert_int_equal(*(const uint8_t *)gmem_ro(g, at - 1, 1), 0xee);
			assert_int_equal(*(const uint8_t *)gmem_ro(g, at + len, 1), 0xee);
		}
	}
}

static void spans_adjacent_regions(void **state)
{
	struct gmem *g = *state;
	uint8_t in[0x1200], out[0x1200];

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 31 + (i >> 8));
	/* From the first through the second; and the same seen from the other side. */
	assert_int_equal(gmem_write(g, 0x1e00, in, sizeof(in)), 0);
	assert_int_equal(gmem_read(g, 0x1e00, out, sizeof(out)), 0);
	assert_memory_equal(in, out, sizeof(in));
	assert_memory_equal(gmem_ro(g, 0x1e00, 0x200), in, 0x200);
	assert_memory_equal(gmem_ro(g, 0x2000, 0x1000), in + 0x200, 0x1000);
	assert_null(gmem_ro(g, 0x1e00, 0x201));
	assert_null(gmem_rw(g, 0x1e00, 0x201));
	/* Into the ROM: reading yes, writing no. */
	assert_int_equal(gmem_read(g, 0x2fff, out, 2), 0);
	assert_int_equal(gmem_write(g, 0x2fff, in, 2), -EFAULT);
	assert_int_equal(gmem_place(g, 0x2fff, in, 2), 0);
	assert_int_equal(gmem_read(g, 0x2fff, out, 2), 0);
	assert_memory_equal(in, out, 2);
	/* Three regions at once. */
	assert_int_equal(gmem_set(g, 0x1fff, 0x77, 0x1002), 0);
	assert_int_equal(gmem_read(g, 0x1fff, out, 0x1002), 0);
	for (unsigned i = 0; i < 0x1002; i++)
		assert_int_equal(out[i], 0x77);
}

/* Fails, and nothing changed: neither memory nor (buf). */
static void all_or_nothing(struct gmem *g, uint64_t gpa, uint64_t len)
{
	uint64_t before = gmem_hash(g, 0);
	uint8_t buf[64];

	memset(buf, 0x99, sizeof(buf));
	assert_int_equal(gmem_read(g, gpa, buf, len), -EFAULT);
	for (unsigned i = 0; i < sizeof(buf); i++)
		assert_int_equal(buf[i], 0x99);
	assert_int_equal(gmem_write(g, gpa, buf, len), -EFAULT);
	assert_int_equal(gmem_place(g, gpa, buf, len), -EFAULT);
	assert_int_equal(gmem_set(g, gpa, 0x99, len), -EFAULT);
	assert_null(gmem_ro(g, gpa, len));
	assert_null(gmem_rw(g, gpa, len));
	assert_int_equal(gmem_hash(g, 0), before);
	assert_int_equal(gmem_dirty_count(g), 0);
}

static void holes_and_wraps(void **state)
{
	struct gmem *g = *state;
	const uint64_t top = UINT64_MAX;

	/* The last hit is each region in turn: the fast path judges too. */
	static const uint64_t hits[] = {0, 0x2000, 0x5000, GMEM_TOP - 1};

	for (unsigned i = 0; i < ARRAY_SIZE(hits); i++) {
		assert_non_null(gmem_ro(g, hits[i], 1));
		all_or_nothing(g, 0x4000, 1);
		all_or_nothing(g, 0x3fff, 2);
		all_or_nothing(g, 0x4fff, 2);
		all_or_nothing(g, 0x3ff0, 0x1020); /* over the hole: ends there again */
		all_or_nothing(g, 0x6000, 1);
		all_or_nothing(g, 0x5fff, 2);
		all_or_nothing(g, 0, top);
		all_or_nothing(g, 1, top);
		all_or_nothing(g, 0x1000, top - 0xfff);
		all_or_nothing(g, 0x5000, top - 0x4fff);
		all_or_nothing(g, top, 1);
		all_or_nothing(g, top, 2); /* wraps to 0, where RAM is */
		all_or_nothing(g, top, top);
		all_or_nothing(g, top - 15, 32);
		all_or_nothing(g, GMEM_TOP - 1, 2);
		all_or_nothing(g, GMEM_TOP, 1);
		all_or_nothing(g, GMEM_TOP - 1, top);
		all_or_nothing(g, GMEM_TOP - 0x1000, top - GMEM_TOP + 0x1001);
		all_or_nothing(g, 1ull << 63, 1ull << 63);
	}
}

static void length_zero(void **state)
{
	struct gmem *g = *state;

	assert_int_equal(gmem_read(g, 0x4000, NULL, 0), 0);
	assert_int_equal(gmem_write(g, UINT64_MAX, NULL, 0), 0);
	assert_int_equal(gmem_write(g, 0, NULL, 0), 0);
	assert_int_equal(gmem_place(g, 0x4000, NULL, 0), 0);
	assert_int_equal(gmem_set(g, 0x4000, 1, 0), 0);
	assert_non_null(gmem_ro(g, 0, 0));
	assert_non_null(gmem_ro(g, 0x3fff, 0));
	assert_null(gmem_ro(g, 0x4000, 0));
	assert_non_null(gmem_rw(g, 0x2fff, 0));
	assert_null(gmem_rw(g, 0x3000, 0)); /* ROM */
	assert_null(gmem_rw(g, 0x4000, 0));
	gmem_mark_dirty(g, 0, 0);
	assert_int_equal(gmem_dirty_count(g), 0);
}

static void rom(void **state)
{
	struct gmem *g = *state;
	uint32_t v = 0xfee1dead, got = 0;

	assert_non_null(gmem_ro(g, 0x3000, 0x1000));
	assert_int_equal(gmem_write(g, 0x3000, &v, 4), -EFAULT); /* last hit: the ROM */
	assert_null(gmem_rw(g, 0x3000, 4));
	assert_int_equal(gmem_dirty_count(g), 0);
	assert_int_equal(gmem_place(g, 0x3000, &v, 4), 0);
	assert_int_equal(gmem_read(g, 0x3000, &got, 4), 0);
	assert_int_equal(got, v);
	assert_int_equal(gmem_set(g, 0x3002, 0, 1), 0);
	assert_int_equal(gmem_read(g, 0x3000, &got, 4), 0);
	assert_int_equal(got, 0xfe00dead);
	assert_int_equal(gmem_dirty_count(g), 1);
}

static void pointers(void **state)
{
	struct gmem *g = *state;
	uint8_t *p = gmem_rw(g, 0x0ffe, 4), b[4];

	assert_non_null(p);
	memcpy(p, "wxyz", 4);
	assert_int_equal(gmem_read(g, 0x0ffe, b, 4), 0);
	assert_memory_equal(b, "wxyz", 4);
	assert_true(gmem_is_dirty(g, 0));
	assert_true(gmem_is_dirty(g, 0x1000));
	assert_int_equal(gmem_dirty_count(g), 2);
	assert_ptr_equal(gmem_ro(g, 0x0ffe, 4), p);
	assert_non_null(gmem_rw(g, 0, 0x2000));
	assert_null(gmem_rw(g, 0, 0x2001));
	assert_null(gmem_rw(g, 1, UINT64_MAX));
}

/* A guest may name overlapping source and target; the copy is as if through a buffer. */
static void overlap(void **state)
{
	struct gmem *g = *state;
	char text[32], want[32];

	memcpy(text, "0123456789abcdefghijklmnopqrstuv", 32);
	for (int by = -7; by <= 7; by++) {
		for (unsigned len = 1; len <= 17; len++) {
			const uint8_t *from = gmem_ro(g, 0x1008, len);

			assert_int_equal(gmem_write(g, 0x1000, text, 32), 0);
			memcpy(want, text, 32);
			memmove(want + 8 + by, text + 8, len);
			assert_int_equal(gmem_write(g, 0x1008 + (uint64_t)by, from, len), 0);
			assert_memory_equal(gmem_ro(g, 0x1000, 32), want, 32);
		}
	}
}

static void set_large_runs_of_zero(void **state)
{
	const uint64_t size = 1 << 20, base = 0x100000;
	struct gmem *g = *state;
	uint8_t *p;

	assert_int_equal(gmem_add(g, base, size, GMEM_RAM, NULL), 0);
	for (int pass = 0; pass < 2; pass++) {
		static const uint64_t heads[] = {0, 1, 4095}, tails[] = {0, 1, 4095};

		no_madvise = pass;
		for (unsigned i = 0; i < 9; i++) {
			uint64_t from = 0x2000 + heads[i % 3], to = 0x22000 + tails[i / 3];

			p = gmem_rw(g, base, size);
			memset(p, 0xaa, size);
			assert_int_equal(gmem_set(g, base + from, 0, to - from), 0);
			for (uint64_t at = 0; at < size; at++) {
				if (p[at] != (at >= from && at < to ? 0 : 0xaa))
					fail_msg("byte %#lx is %#x", (unsigned long)at, p[at]);
			}
		}
	}
	gmem_clear_dirty(g);
	assert_int_equal(gmem_set(g, base + 0x1800, 0, 0x10000), 0);
	assert_int_equal(gmem_dirty_count(g), 17);
	assert_true(gmem_is_dirty(g, base + 0x1000));
	assert_true(gmem_is_dirty(g, base + 0x11000));
	assert_false(gmem_is_dirty(g, base + 0x12000));
}

struct hooked {
	unsigned n;
	uint64_t gpa, len;
	int change;
};

static void on_read(void *ctx, struct gmem *g, uint64_t gpa, uint64_t len)
{
	struct hooked *h = ctx;
	uint8_t b = 0x5a;

	h->n++;
	h->gpa = gpa;
	h->len = len;
	if (h->change)
		assert_int_equal(gmem_write(g, gpa, &b, 1), 0);
}

static void read_hook(void **state)
{
	struct gmem *g = *state;
	struct hooked h = {0};
	uint8_t b[4] = {1, 2, 3, 4}, got[4];

	assert_int_equal(gmem_write(g, 0x1ffe, b, 4), 0);
	gmem_set_read_hook(g, on_read, &h);
	assert_int_equal(gmem_read(g, 0x10, got, 3), 0);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.gpa, 0x10);
	assert_int_equal(h.len, 3);
	/* What fails and what reads nothing has no hook; a span has one. */
	assert_int_equal(gmem_read(g, 0x4000, got, 1), -EFAULT);
	assert_int_equal(gmem_read(g, 0x10, got, 0), 0);
	assert_non_null(gmem_ro(g, 0x10, 4));
	assert_int_equal(h.n, 1);
	h.change = 1;
	assert_int_equal(gmem_read(g, 0x1ffe, got, 4), 0);
	assert_int_equal(h.n, 2);
	assert_int_equal(h.gpa, 0x1ffe);
	assert_int_equal(h.len, 4);
	/* This read is as before the change, the next sees it. */
	assert_memory_equal(got, b, 4);
	gmem_set_read_hook(g, NULL, NULL);
	assert_int_equal(gmem_read(g, 0x1ffe, got, 4), 0);
	assert_int_equal(got[0], 0x5a);
	assert_int_equal(h.n, 2);
}

static void on_write(void *ctx, struct gmem *g, uint64_t gpa, uint64_t len)
{
	struct hooked *h = ctx;
	uint8_t b = 0;

	h->n++;
	h->gpa = gpa;
	h->len = len;
	/* What was stored is there already. */
	assert_int_equal(gmem_read(g, gpa, &b, 1), 0);
	assert_int_equal(b, h->change);
}

static void write_hook(void **state)
{
	struct gmem *g = *state;
	struct hooked h = {.change = 1};
	uint8_t b[4] = {1, 2, 3, 4};

	gmem_set_write_hook(g, on_write, &h);
	assert_int_equal(gmem_write(g, 0x10, b, 3), 0);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.gpa, 0x10);
	assert_int_equal(h.len, 3);
	assert_int_equal(gmem_write(g, 0x1ffe, b, 4), 0); /* a span: one call */
	assert_int_equal(h.n, 2);
	assert_int_equal(h.gpa, 0x1ffe);
	assert_int_equal(h.len, 4);
	/* What fails and what stores nothing has none; a pointer for writing counts as a store. */
	assert_int_equal(gmem_write(g, 0x4000, b, 1), -EFAULT);
	assert_int_equal(gmem_write(g, 0x10, b, 0), 0);
	assert_non_null(gmem_rw(g, 0x10, 0));
	assert_null(gmem_rw(g, 0x4000, 1));
	assert_int_equal(h.n, 2);
	assert_non_null(gmem_rw(g, 0x10, 2));
	assert_int_equal(h.n, 3);
	assert_int_equal(h.len, 2);
	gmem_set_write_hook(g, NULL, NULL);
	assert_int_equal(gmem_write(g, 0x10, b, 3), 0);
	assert_int_equal(h.n, 3);
}

/* Pages that go back to the host read as zero, are dirty, and hold no decoded code any more. */
static void count_stale(void *ctx, uint64_t gpa)
{
	*(uint64_t *)ctx += gpa + 1;
}

static void discard(void **state)
{
	struct gmem *g = *state;
	const uint64_t base = 0x100000;
	struct hooked h = {0}; /* what it finds is zero */
	uint64_t stale = 0;
	uint8_t b;

	assert_int_equal(gmem_add(g, base, 0x8000, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(g, base + 0x8000, 0x8000, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(g, base + 0x10000, 0x1000, GMEM_ROM, NULL), 0);
	assert_int_equal(gmem_set(g, base, 0x5a, 0x10000), 0);
	gmem_clear_dirty(g);
	gmem_mark_code(g, base + 0x8000);
	gmem_set_stale_hook(g, count_stale, &stale);
	gmem_set_write_hook(g, on_write, &h);
	assert_int_equal(gmem_discard(g, base + 0x7000, 0x2000), 0);
	assert_int_equal(stale, base + 0x8001);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.gpa, base + 0x7000);
	assert_int_equal(h.len, 0x2000);
	for (uint64_t off = 0; off < 0x10000; off += 0x800) {
		bool gone = off >= 0x7000 && off < 0x9000;

		assert_int_equal(gmem_read(g, base + off, &b, 1), 0);
		assert_int_equal(b, gone ? 0 : 0x5a);
		assert_int_equal(gmem_is_dirty(g, base + off), gone);
	}
	/* All or nothing. */
	assert_int_equal(gmem_discard(g, base + 0x800, 0x1000), -EINVAL);
	assert_int_equal(gmem_discard(g, base, 0x800), -EINVAL);
	assert_int_equal(gmem_discard(g, base + 0xf000, 0x2000), -EFAULT);
	assert_int_equal(gmem_discard(g, base + 0x10000, 0x1000), -EFAULT);
	assert_int_equal(gmem_discard(g, UINT64_MAX - 0xfff, 0x1000), -EFAULT);
	assert_int_equal(gmem_discard(g, base, UINT64_MAX - 0xfff), -EFAULT);
	assert_int_equal(gmem_discard(g, base, 0), 0);
	assert_int_equal(h.n, 1);
	assert_int_equal(gmem_read(g, base + 0xf000, &b, 1), 0);
	assert_int_equal(b, 0x5a);
	assert_int_equal(gmem_dirty_count(g), 2);
	gmem_set_stale_hook(g, NULL, NULL);
	gmem_set_write_hook(g, NULL, NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(no_regions),	    T(sizes_round_trip), T(spans_adjacent_regions),
		T(holes_and_wraps), T(length_zero),	 T(rom),
		T(pointers),	    T(overlap),		 T(set_large_runs_of_zero),
		T(read_hook),	    T(write_hook),	 T(discard),
	};

	return cmocka_run_group_tests_name("gmem/access", tests, NULL, NULL);
}
