/* SPDX-License-Identifier: MIT */
/* Snapshots, restoring what is dirty and no more, and the hash that proves it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include <vmm/gmem.h>

#include "../base/test_alloc.h"

#define P     GMEM_PAGE
#define PAGES 300
#define HIGH  0x1000000ull

/* ---- host calls that fail on request ---- */

static int mmaps_left = -1; /* so many succeed; -1: all */
static int no_pagemap, no_madvise;
static int scans_left = -1; /* so many PAGEMAP_SCANs succeed; -1: all */

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	if (mmaps_left >= 0 && mmaps_left-- == 0) {
		mmaps_left = 0;
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, off);
}

int madvise(void *addr, size_t len, int advice)
{
	if (no_madvise) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_madvise, addr, len, advice);
}

/* 1: can't be opened; 2: opens, but gives nothing. */
int open(const char *path, int flags, ...)
{
	if (no_pagemap && !strcmp(path, "/proc/self/pagemap")) {
		if (no_pagemap == 2)
			path = "/dev/null";
		else
			path = "/proc/self/absent";
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (scans_left >= 0 && scans_left-- == 0) {
		scans_left = 0;
		errno = ENOTTY;
		return -1;
	}
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

/* ---- */

static int setup(void **state)
{
	struct gmem *g;

	assert_int_equal(gmem_new(&g, NULL), 0);
	assert_int_equal(gmem_add(g, 0, PAGES * P, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(g, PAGES * P, 2 * P, GMEM_ROM, NULL), 0);
	assert_int_equal(gmem_add(g, HIGH, PAGES * P, GMEM_RAM, NULL), 0);
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	mmaps_left = -1;
	no_pagemap = no_madvise = 0;
	scans_left = -1;
	gmem_free(*state);
	return 0;
}

static void put(struct gmem *g, uint64_t gpa, const char *text)
{
	assert_int_equal(gmem_place(g, gpa, text, strlen(text)), 0);
}

static void expect(struct gmem *g, uint64_t gpa, const char *text)
{
	char got[64] = {0};

	assert_int_equal(gmem_read(g, gpa, got, strlen(text)), 0);
	assert_string_equal(got, text);
}

static void restore_undoes(void **state)
{
	struct gmem *g = *state;
	struct gmem_snap *s;
	uint64_t h;

	put(g, 0x10, "kernel");
	put(g, PAGES * P, "rom");
	put(g, HIGH + 5 * P - 2, "span");
	assert_int_equal(gmem_snap(g, &s, NULL), 0);
	assert_int_equal(gmem_dirty_count(g), 0);
	h = gmem_hash(g, 1);
	for (int i = 0; i < 3; i++) {
		put(g, 0x10, "broken");
		put(g, PAGES * P, "RAM");
		put(g, 17 * P, "was zero");
		put(g, HIGH + 299 * P, "the last");
		assert_int_equal(gmem_set(g, HIGH + 4 * P, 0, 2 * P), 0);
		assert_int_not_equal(gmem_hash(g, 1), h);
		assert_int_equal(gmem_restore(g, s), 0);
		assert_int_equal(gmem_hash(g, 1), h);
		assert_int_equal(gmem_dirty_count(g), 0);
		expect(g, 0x10, "kernel");
		expect(g, PAGES * P, "rom");
		expect(g, HIGH + 5 * P - 2, "span");
	}
	assert_int_equal(gmem_restore(g, s), 0); /* nothing dirty: nothing to do */
	assert_int_equal(gmem_hash(g, 1), h);
	gmem_snap_free(s);
	gmem_snap_free(NULL);
}

/* Only dirty pages are written: a change behind the bitmap's back stays. */
static void restore_leaves_clean_pages(void **state)
{
	struct gmem *g = *state;
	struct gmem_snap *s;
	char *behind;

	put(g, 3 * P, "three");
	put(g, 4 * P, "four");
	assert_int_equal(gmem_snap(g, &s, NULL), 0);
	behind = (char *)(uintptr_t)gmem_ro(g, 3 * P, 5);
	memcpy(behind, "THREE", 5);
	put(g, 4 * P, "FOUR");
	assert_int_equal(gmem_restore(g, s), 0);
	expect(g, 3 * P, "THREE");
	expect(g, 4 * P, "four");
	/* Marked, it is put back. */
	gmem_mark_dirty(g, 3 * P, 1);
	assert_int_equal(gmem_restore(g, s), 0);
	expect(g, 3 * P, "three");
	gmem_snap_free(s);
}

static void two_snapshots(void **state)
{
	struct gmem *g = *state;
	struct gmem_snap *a, *b;
	uint64_t ha, hb;

	put(g, 0, "a");
	put(g, 70 * P, "only in a");
	assert_int_equal(gmem_snap(g, &a, NULL), 0);
	ha = gmem_hash(g, 0);
	put(g, 0, "b");
	assert_int_equal(gmem_set(g, 70 * P, 0, P), 0);
	put(g, HIGH + 80 * P, "only in b");
	assert_int_equal(gmem_snap(g, &b, NULL), 0);
	hb = gmem_hash(g, 0);
	assert_int_not_equal(ha, hb);
	for (int i = 0; i < 3; i++) {
		put(g, 200 * P, "in neither");
		assert_int_equal(gmem_restore(g, a), 0);
		assert_int_equal(gmem_hash(g, 0), ha);
		put(g, 0, "dirty");
		assert_int_equal(gmem_restore(g, a), 0); /* now a is the base */
		assert_int_equal(gmem_hash(g, 0), ha);
		assert_int_equal(gmem_restore(g, b), 0);
		assert_int_equal(gmem_hash(g, 0), hb);
	}
	gmem_snap_free(b);
	assert_int_equal(gmem_restore(g, a), 0);
	assert_int_equal(gmem_hash(g, 0), ha);
	gmem_snap_free(a);
}

/* A new snapshot where a freed one was is not taken for it. */
static void freed_base_is_not_mistaken(void **state)
{
	struct gmem *g = *state;
	struct gmem_snap *a, *b;
	uint64_t h;

	put(g, 0, "first");
	assert_int_equal(gmem_snap(g, &a, NULL), 0);
	put(g, P, "second");
	assert_int_equal(gmem_snap(g, &b, NULL), 0); /* the base is b now */
	h = gmem_hash(g, 0);
	gmem_snap_free(a);
	put(g, 2 * P, "third");
	gmem_clear_dirty(g); /* forgets the base: b is copied whole */
	assert_int_equal(gmem_restore(g, b), 0);
	assert_int_equal(gmem_hash(g, 0), h);
	gmem_snap_free(b);
	for (int i = 0; i < 20; i++) {
		put(g, 3 * P, "x");
		assert_int_equal(gmem_snap(g, &a, NULL), 0);
		h = gmem_hash(g, 0);
		put(g, (uint64_t)(i + 4) * P, "y");
		assert_int_equal(gmem_restore(g, a), 0);
		assert_int_equal(gmem_hash(g, 0), h);
		gmem_snap_free(a);
	}
}

static void clear_without_dirty_pages_keeps_the_base(void **state)
{
	struct gmem *g = *state;
	struct gmem_snap *s;
	char *behind;

	put(g, 0, "base");
	assert_int_equal(gmem_snap(g, &s, NULL), 0);
	gmem_clear_dirty(g);
	behind = (char *)(uintptr_t)gmem_ro(g, 0, 1);
	*behind = 'B';
	assert_int_equal(gmem_restore(g, s), 0);
	expect(g, 0, "Base"); /* had the base been forgotten, all was copied */
	gmem_snap_free(s);
}

static void snapshot_outlives_its_memory(void **state)
{
	struct gmem *g = *state, *other;
	struct gmem_snap *s;
	uint64_t h;

	put(g, 9 * P, "moved");
	put(g, PAGES * P, "rom");
	assert_int_equal(gmem_snap(g, &s, NULL), 0);
	h = gmem_hash(g, 0);
	gmem_free(g);
	assert_int_equal(setup((void **)&other), 0);
	put(other, 10 * P, "goes away");
	assert_int_equal(gmem_restore(other, s), 0);
	assert_int_equal(gmem_hash(other, 0), h);
	gmem_snap_free(s);
	put(other, 10 * P, "the base may be gone");
	*state = other;
}

static void other_regions_are_refused(void **state)
{
	struct gmem *g = *state;
	struct gmem_snap *s;
	uint64_t h;

	put(g, 0, "same");
	put(g, HIGH + P, "comes back");
	assert_int_equal(gmem_snap(g, &s, NULL), 0);
	h = gmem_hash(g, 0);
	assert_int_equal(gmem_add(g, 0x9000000, P, GMEM_RAM, NULL), 0);
	put(g, 0, "SAME");
	assert_int_equal(gmem_restore(g, s), -EINVAL);
	expect(g, 0, "SAME");
	assert_int_equal(gmem_remove(g, HIGH), 0); /* as many, elsewhere */
	assert_int_equal(gmem_restore(g, s), -EINVAL);
	assert_int_equal(gmem_remove(g, 0x9000000), 0);
	assert_int_equal(gmem_add(g, HIGH, P, GMEM_RAM, NULL), 0); /* shorter */
	assert_int_equal(gmem_restore(g, s), -EINVAL);
	assert_int_equal(gmem_remove(g, HIGH), 0);
	assert_int_equal(gmem_add(g, HIGH, PAGES * P, GMEM_ROM, NULL), 0); /* of another kind */
	assert_int_equal(gmem_restore(g, s), -EINVAL);
	assert_int_equal(gmem_remove(g, HIGH), 0);
	/* As they were: allowed, and nothing of the past is believed. */
	assert_int_equal(gmem_add(g, HIGH, PAGES * P, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_restore(g, s), 0);
	assert_int_equal(gmem_hash(g, 0), h);
	gmem_snap_free(s);
}

struct list {
	unsigned n;
	uint64_t gpa[16];
	struct gmem *g;
	char first; /* byte of page 0 when the hook was called */
};

static void note(void *ctx, uint64_t gpa)
{
	struct list *l = ctx;

	assert_true(l->n < 16);
	l->gpa[l->n++] = gpa;
	assert_int_equal(gmem_read(l->g, 0, &l->first, 1), 0);
}

static void restore_makes_code_stale(void **state)
{
	struct gmem *g = *state;
	struct list l = {.g = g};
	struct gmem_snap *a, *b;

	gmem_set_stale_hook(g, note, &l);
	put(g, 0, "old");
	assert_int_equal(gmem_snap(g, &a, NULL), 0);
	put(g, 0, "new");
	put(g, 70 * P, "new");
	gmem_mark_code(g, 0);
	gmem_mark_code(g, P); /* clean: its code stays good */
	gmem_mark_code(g, 70 * P);
	assert_int_equal(gmem_restore(g, a), 0);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.gpa[0], 0);
	assert_int_equal(l.gpa[1], 70 * P);
	assert_int_equal(l.first, 'o'); /* the hook sees memory as restored */
	/* Another than the base: every mark. */
	assert_int_equal(gmem_snap(g, &b, NULL), 0);
	assert_int_equal(gmem_restore(g, a), 0);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.gpa[2], P);
	gmem_snap_free(a);
	gmem_snap_free(b);
}

/* Long and short runs of pages that were zero, with and without the kernel's help. */
static void zero_runs(void **state)
{
	struct gmem *g = *state;
	struct gmem_snap *s;
	uint64_t h;

	put(g, 100 * P, "not zero");
	assert_int_equal(gmem_snap(g, &s, NULL), 0);
	h = gmem_hash(g, 0);
	for (int pass = 0; pass < 2; pass++) {
		no_madvise = pass;
		assert_int_equal(gmem_set(g, 5 * P, 1, P), 0);	      /* alone */
		assert_int_equal(gmem_set(g, 7 * P, 2, 3 * P), 0);    /* few */
		assert_int_equal(gmem_set(g, 80 * P, 3, 40 * P), 0);  /* around one that was not */
		assert_int_equal(gmem_set(g, 280 * P, 4, 20 * P), 0); /* to the end */
		assert_int_equal(gmem_set(g, HIGH, 5, PAGES * P), 0);
		assert_int_equal(gmem_restore(g, s), 0);
		assert_int_equal(gmem_hash(g, 0), h);
		expect(g, 100 * P, "not zero");
	}
	gmem_snap_free(s);
}

static void hash_is_of_contents(void **state)
{
	struct gmem *g = *state, *other;
	uint64_t empty = gmem_hash(g, 0), h;

	assert_int_not_equal(gmem_hash(g, 1), empty);
	/* Touched, but zero: no difference. */
	assert_int_equal(gmem_set(g, 5 * P, 0, P), 0);
	assert_int_equal(gmem_hash(g, 0), empty);
	put(g, 5 * P + 4095, "x");
	h = gmem_hash(g, 0);
	assert_int_not_equal(h, empty);
	/* The address counts. */
	assert_int_equal(gmem_set(g, 5 * P, 0, P), 0);
	put(g, 6 * P + 4095, "x");
	assert_int_not_equal(gmem_hash(g, 0), h);
	assert_int_equal(gmem_set(g, 6 * P, 0, P), 0);
	assert_int_equal(gmem_hash(g, 0), empty);
	/* Each byte of a page counts, also alone. */
	for (unsigned i = 0; i < P; i++) {
		put(g, 7 * P + i, "\x80");
		assert_int_not_equal(gmem_hash(g, 0), empty);
		assert_int_equal(gmem_set(g, 7 * P + i, 0, 1), 0);
	}
	assert_int_equal(gmem_hash(g, 0), empty);
	/* Length, address and kind of the regions count. */
	assert_int_equal(gmem_new(&other, NULL), 0);
	assert_int_equal(gmem_hash(other, 0), 0);
	assert_int_equal(gmem_add(other, 0, 2 * P, GMEM_RAM, NULL), 0);
	h = gmem_hash(other, 0);
	assert_int_equal(gmem_remove(other, 0), 0);
	assert_int_equal(gmem_add(other, 0, 2 * P, GMEM_ROM, NULL), 0);
	assert_int_not_equal(gmem_hash(other, 0), h);
	assert_int_equal(gmem_remove(other, 0), 0);
	assert_int_equal(gmem_add(other, 0, 3 * P, GMEM_RAM, NULL), 0);
	assert_int_not_equal(gmem_hash(other, 0), h);
	assert_int_equal(gmem_remove(other, 0), 0);
	assert_int_equal(gmem_add(other, P, 2 * P, GMEM_RAM, NULL), 0);
	assert_int_not_equal(gmem_hash(other, 0), h);
	gmem_free(other);
}

/* The value itself, by the rule in the header; no host gives another. */
static void hash_is_pinned(void **state)
{
	uint8_t head[24] = {0}, page[P];
	struct gmem *g;
	uint64_t h;

	(void)state;
	assert_int_equal(gmem_new(&g, NULL), 0);
	assert_int_equal(gmem_add(g, 0x10000, 4 * P, GMEM_RAM, NULL), 0);
	put(g, 0x12000, "vise");
	st_le64(head, 0x10000);
	st_le64(head + 8, 4 * P);
	h = hash64(42, head, 24);
	st_le64(head, 0x12000);
	h = hash64(h, head, 8);
	memset(page, 0, sizeof(page));
	memcpy(page, "vise", 4);
	h = hash64(h, page, sizeof(page));
	assert_int_equal(gmem_hash(g, 42), h);
	gmem_free(g);
}

/* Every other page of many, so that one answer of the kernel is not enough. */
static void scatter(struct gmem *g, const char *text)
{
	for (uint64_t p = 0; p < PAGES; p += 2) {
		put(g, p * P, text);
		put(g, HIGH + p * P + P - 1, text);
	}
	put(g, 100 * P + P - 1, text); /* and a run of two */
}

/*
 * Old kernels have no PAGEMAP_SCAN, sandboxes no page map: the same result by reading it, or by
 * looking at everything; also where that turns out half way.
 */
static void ways_to_ask_the_kernel(void **state)
{
	struct gmem *g = *state;
	struct gmem_snap *s, *other;
	uint64_t h;

	assert_int_equal(gmem_set(g, 0, 0, PAGES * P), 0);
	scatter(g, "x");
	h = gmem_hash(g, 0);
	for (int way = 0; way < 6; way++) {
		no_pagemap = way < 4 ? 0 : way - 3;
		scans_left = way < 3 ? way : way == 3 ? -1 : 0;
		assert_int_equal(gmem_hash(g, 0), h);
		scans_left = way < 3 ? way : way == 3 ? -1 : 0;
		assert_int_equal(gmem_snap(g, &s, NULL), 0);
		assert_int_equal(gmem_snap(g, &other, NULL), 0);
		scatter(g, "y");
		put(g, 151 * P, "there");
		assert_int_not_equal(gmem_hash(g, 0), h);
		assert_int_equal(gmem_restore(g, s), 0);
		assert_int_equal(gmem_hash(g, 0), h);
		gmem_snap_free(s);
		gmem_snap_free(other);
	}
}

/* Hash and snapshot of memory that nobody touched leave it untouched, and are quick. */
static void untouched_memory_stays_untouched(void **state)
{
	const uint64_t size = 8ull << 30;
	struct gmem_region r;
	struct gmem_snap *s;
	struct gmem *g;
	unsigned char *vec = malloc(size / P);
	uint64_t in = 0, h;

	(void)state;
	assert_non_null(vec);
	assert_int_equal(gmem_new(&g, NULL), 0);
	assert_int_equal(gmem_add(g, 0, size, GMEM_RAM, NULL), 0);
	put(g, size - 8, "the end");
	h = gmem_hash(g, 0);
	assert_int_equal(gmem_snap(g, &s, NULL), 0);
	put(g, size / 2, "more");
	assert_int_equal(gmem_restore(g, s), 0);
	assert_int_equal(gmem_hash(g, 0), h);
	assert_true(gmem_region(g, 0, &r));
	assert_int_equal(mincore(r.host, size, vec), 0);
	for (uint64_t i = 0; i < size / P; i++)
		in += vec[i] & 1;
	assert_true(in <= 1024); /* with huge pages each of two touches brings in 512 */
	gmem_snap_free(s);
	gmem_free(g);
	free(vec);
}

static void poor_host(void **state)
{
	struct gmem *g = *state;
	struct gmem_snap *s = NULL;
	struct err e = {0};
	uint64_t h;

	put(g, 0, "x");
	h = gmem_hash(g, 0);
	for (int ok = 0; ok < 3; ok++) {
		mmaps_left = ok;
		assert_int_equal(gmem_snap(g, &s, &e), -ENOMEM);
		mmaps_left = -1;
		assert_null(s);
		assert_int_equal(e.code, -ENOMEM);
		/* The dirty pages are still known. */
		assert_int_equal(gmem_dirty_count(g), 1);
	}
#if TEST_ALLOC
	for (int ok = 0; ok < 5; ok++) {
		test_alloc_after = ok;
		assert_int_equal(gmem_snap(g, &s, &e), -ENOMEM);
		assert_int_equal(test_alloc_after, -1);
		assert_null(s);
	}
#endif
	assert_int_equal(gmem_hash(g, 0), h);
	assert_int_equal(gmem_snap(g, &s, &e), 0);
	gmem_snap_free(s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(restore_undoes),
		T(restore_leaves_clean_pages),
		T(two_snapshots),
		T(freed_base_is_not_mistaken),
		T(clear_without_dirty_pages_keeps_the_base),
		T(snapshot_outlives_its_memory),
		T(other_regions_are_refused),
		T(restore_makes_code_stale),
		T(zero_runs),
		T(hash_is_of_contents),
		T(hash_is_pinned),
		T(ways_to_ask_the_kernel),
		T(untouched_memory_stays_untouched),
		T(poor_host),
	};

	return cmocka_run_group_tests_name("gmem/snap", tests, NULL, NULL);
}
