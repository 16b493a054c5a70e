/* SPDX-License-Identifier: MIT */
/* Dirty pages and code marks: what marks, what counts, what is told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <vmm/gmem.h>

#define P GMEM_PAGE

/* RAM of 200 pages at 0, ROM of 2 behind it, RAM of 70 at 16 MiB. */
#define LOW  200
#define HIGH 0x1000000ull

static int setup(void **state)
{
	struct gmem *g;

	assert_int_equal(gmem_new(&g, NULL), 0);
	assert_int_equal(gmem_add(g, HIGH, 70 * P, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(g, 0, LOW * P, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(g, LOW * P, 2 * P, GMEM_ROM, NULL), 0);
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	gmem_free(*state);
	return 0;
}

struct list {
	unsigned n;
	uint64_t gpa[400];
};

static void note(void *ctx, uint64_t gpa)
{
	struct list *l = ctx;

	assert_true(l->n < ARRAY_SIZE(l->gpa));
	assert_int_equal(gpa % P, 0);
	l->gpa[l->n++] = gpa;
}

/* The dirty pages are (n), those of the array, in its order. */
static void dirty_are(struct gmem *g, unsigned n, const uint64_t *gpa)
{
	struct list l = {0};

	assert_int_equal(gmem_dirty_count(g), n);
	gmem_dirty_each(g, note, &l);
	assert_int_equal(l.n, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(l.gpa[i], gpa[i]);
		assert_true(gmem_is_dirty(g, gpa[i]));
		assert_true(gmem_is_dirty(g, gpa[i] + P - 1));
	}
}

#define DIRTY_ARE(g, ...)                                                                          \
	dirty_are(g, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t),                         \
		  (uint64_t[]){__VA_ARGS__})

static void writers_mark(void **state)
{
	struct gmem *g = *state;
	uint8_t b[2] = {1, 2};

	dirty_are(g, 0, NULL);
	assert_int_equal(gmem_write(g, HIGH + 69 * P, b, 1), 0);
	assert_int_equal(gmem_write(g, 3 * P - 1, b, 2), 0);
	assert_non_null(gmem_rw(g, 64 * P, 1));
	assert_int_equal(gmem_place(g, (LOW + 1) * P, b, 2), 0);
	assert_int_equal(gmem_set(g, 127 * P + 5, 9, P), 0);
	DIRTY_ARE(g, 2 * P, 3 * P, 64 * P, 127 * P, 128 * P, (LOW + 1) * P, HIGH + 69 * P);
	/* Again: nothing new. */
	assert_int_equal(gmem_write(g, 2 * P, b, 2), 0);
	assert_int_equal(gmem_dirty_count(g), 7);
	/* Reading marks nothing. */
	assert_int_equal(gmem_read(g, 5 * P, b, 2), 0);
	assert_non_null(gmem_ro(g, 5 * P, P));
	assert_int_equal(gmem_dirty_count(g), 7);
	assert_false(gmem_is_dirty(g, P));
	assert_false(gmem_is_dirty(g, (LOW + 5) * P)); /* a hole */
	assert_false(gmem_is_dirty(g, UINT64_MAX));
	gmem_clear_dirty(g);
	dirty_are(g, 0, NULL);
	assert_int_equal(gmem_write(g, 3 * P - 1, b, 2), 0);
	DIRTY_ARE(g, 2 * P, 3 * P);
}

static void mark_dirty_is_clipped(void **state)
{
	struct gmem *g = *state;
	const uint64_t top = UINT64_MAX;

	gmem_mark_dirty(g, 0, 0);
	gmem_mark_dirty(g, LOW * P, 2 * P); /* ROM */
	gmem_mark_dirty(g, (LOW + 2) * P, HIGH - (LOW + 2) * P);
	gmem_mark_dirty(g, HIGH + 70 * P, top);
	gmem_mark_dirty(g, top, top);
	gmem_mark_dirty(g, top, 1);
	assert_int_equal(gmem_dirty_count(g), 0);
	/* From inside the first over ROM and hole into the last. */
	gmem_mark_dirty(g, LOW * P - 1, HIGH - LOW * P + 2);
	DIRTY_ARE(g, (LOW - 1) * P, HIGH);
	gmem_clear_dirty(g);
	gmem_mark_dirty(g, HIGH + 68 * P + 1, top); /* wraps: up to the end, not from 0 */
	DIRTY_ARE(g, HIGH + 68 * P, HIGH + 69 * P);
	gmem_clear_dirty(g);
	gmem_mark_dirty(g, 0, top);
	assert_int_equal(gmem_dirty_count(g), LOW + 70);
	gmem_clear_dirty(g);
	gmem_mark_dirty(g, 63 * P + 7, 1);
	gmem_mark_dirty(g, 64 * P - 1, 1);
	DIRTY_ARE(g, 63 * P);
	gmem_mark_dirty(g, 64 * P - 1, 2);
	DIRTY_ARE(g, 63 * P, 64 * P);
}

static unsigned id_of(struct gmem *g, uint64_t gpa)
{
	struct gmem_region r;

	for (unsigned i = 0; gmem_region(g, i, &r); i++) {
		if (r.gpa == gpa)
			return r.id;
	}
	fail();
	return 0;
}

static void log_is_merged(void **state)
{
	struct gmem *g = *state;
	uint64_t log[5] = {0};
	struct list l = {0};

	gmem_merge_log(g, id_of(g, 0), log, 5);
	assert_int_equal(gmem_dirty_count(g), 0);
	log[0] = 1 | 1ull << 63;
	log[2] = 1ull << 5;
	log[4] = ~0ull; /* beyond the region's 200 pages */
	log[3] = ~0ull; /* of which 8 bits count */
	gmem_mark_dirty(g, 63 * P, 1);
	gmem_set_stale_hook(g, note, &l);
	gmem_mark_code(g, 133 * P);
	gmem_mark_code(g, 134 * P);
	gmem_merge_log(g, id_of(g, 0), log, 5);
	DIRTY_ARE(g, 0, 63 * P, 133 * P, 192 * P, 193 * P, 194 * P, 195 * P, 196 * P, 197 * P,
		  198 * P, 199 * P);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.gpa[0], 133 * P);
	/* Fewer words than the region has, none, and regions that are not there. */
	gmem_clear_dirty(g);
	log[0] = log[1] = log[2] = log[3] = ~0ull;
	gmem_merge_log(g, id_of(g, HIGH), log, 1);
	assert_int_equal(gmem_dirty_count(g), 64);
	gmem_merge_log(g, id_of(g, HIGH), log, 4);
	assert_int_equal(gmem_dirty_count(g), 70);
	gmem_merge_log(g, id_of(g, 0), log, 0);
	gmem_merge_log(g, GMEM_REGIONS - 1, log, 4);
	gmem_merge_log(g, GMEM_REGIONS, log, 4);
	gmem_merge_log(g, UINT32_MAX, log, 4);
	assert_int_equal(gmem_dirty_count(g), 70);
}

/* All levels of the bitmap: pages far apart in the largest region, and in order. */
static void sparse_pages_of_a_large_region(void **state)
{
	const uint64_t pages[] = {0,	  1,	  63,	   64,	    4095,     4096,    262143,
				  262144, 262145, 1000000, 8000000, 16777214, 16777215};
	uint64_t want[ARRAY_SIZE(pages)];
	struct gmem *g;
	uint8_t b = 1;

	(void)state;
	assert_int_equal(gmem_new(&g, NULL), 0);
	assert_int_equal(gmem_add(g, 0, GMEM_MAX, GMEM_RAM, NULL), 0);
	for (unsigned i = ARRAY_SIZE(pages); i--;) {
		want[i] = pages[i] * P;
		assert_int_equal(gmem_write(g, want[i] + 17, &b, 1), 0);
	}
	dirty_are(g, ARRAY_SIZE(pages), want);
	gmem_clear_dirty(g);
	dirty_are(g, 0, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		gmem_mark_dirty(g, want[i], P);
		DIRTY_ARE(g, want[i]);
		gmem_clear_dirty(g);
	}
	gmem_free(g);
}

static void code_marks_go_stale_once(void **state)
{
	struct gmem *g = *state;
	struct list l = {0};
	uint8_t b[2] = {0};

	gmem_set_stale_hook(g, note, &l);
	gmem_mark_code(g, 5 * P + 123);
	gmem_mark_code(g, 6 * P);
	gmem_mark_code(g, LOW * P);	  /* ROM holds code too */
	gmem_mark_code(g, (LOW + 9) * P); /* a hole: nothing */
	assert_int_equal(gmem_write(g, 4 * P, b, 2), 0);
	assert_int_equal(l.n, 0);
	assert_int_equal(gmem_read(g, 5 * P, b, 2), 0);
	assert_int_equal(l.n, 0);
	/* A write over both; in order, each once. */
	assert_int_equal(gmem_write(g, 6 * P - 1, b, 2), 0);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.gpa[0], 5 * P);
	assert_int_equal(l.gpa[1], 6 * P);
	assert_int_equal(gmem_write(g, 6 * P - 1, b, 2), 0);
	assert_int_equal(l.n, 2);
	/* Marked again on a page that is dirty already: told again, by every kind of write. */
	gmem_mark_code(g, 5 * P);
	assert_int_equal(gmem_write(g, 5 * P, b, 1), 0);
	gmem_mark_code(g, 5 * P);
	assert_non_null(gmem_rw(g, 5 * P, 1));
	gmem_mark_code(g, 5 * P);
	assert_int_equal(gmem_place(g, 5 * P, b, 1), 0);
	gmem_mark_code(g, 5 * P);
	assert_int_equal(gmem_set(g, 5 * P, 0, 1), 0);
	gmem_mark_code(g, 5 * P);
	gmem_mark_dirty(g, 5 * P, 1);
	assert_int_equal(l.n, 7);
	assert_int_equal(gmem_write(g, LOW * P, b, 1), -EFAULT);
	assert_int_equal(l.n, 7);
	assert_int_equal(gmem_place(g, LOW * P, b, 1), 0);
	assert_int_equal(l.n, 8);
	assert_int_equal(l.gpa[7], LOW * P);
	/* No hook: the marks go all the same. */
	gmem_mark_code(g, 7 * P);
	gmem_set_stale_hook(g, NULL, NULL);
	assert_int_equal(gmem_write(g, 7 * P, b, 1), 0);
	gmem_set_stale_hook(g, note, &l);
	assert_int_equal(gmem_write(g, 7 * P, b, 1), 0);
	assert_int_equal(l.n, 8);
}

struct looks {
	struct gmem *g;
	uint8_t seen;
	unsigned n;
};

static void look(void *ctx, uint64_t gpa)
{
	struct looks *l = ctx;

	l->n++;
	assert_int_equal(gmem_read(l->g, gpa, &l->seen, 1), 0);
	gmem_mark_code(l->g, gpa); /* decoded anew: must be told the next time */
}

static void stale_hook_sees_the_new_bytes(void **state)
{
	struct gmem *g = *state;
	struct looks l = {.g = g};
	uint8_t b = 0x90;

	gmem_set_stale_hook(g, look, &l);
	gmem_mark_code(g, 9 * P);
	assert_int_equal(gmem_write(g, 9 * P, &b, 1), 0);
	assert_int_equal(l.seen, 0x90);
	b = 0xcc;
	assert_int_equal(gmem_write(g, 9 * P, &b, 1), 0);
	assert_int_equal(l.seen, 0xcc);
	assert_int_equal(l.n, 2);
}

static void removal_makes_code_stale(void **state)
{
	struct gmem *g = *state;
	struct list l = {0};

	gmem_set_stale_hook(g, note, &l);
	gmem_mark_code(g, HIGH + 2 * P);
	gmem_mark_code(g, HIGH + 69 * P);
	gmem_mark_code(g, P);
	assert_int_equal(gmem_remove(g, HIGH), 0);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.gpa[0], HIGH + 2 * P);
	assert_int_equal(l.gpa[1], HIGH + 69 * P);
	assert_int_equal(gmem_add(g, HIGH, 70 * P, GMEM_RAM, NULL), 0);
	gmem_mark_dirty(g, HIGH, 70 * P);
	assert_int_equal(l.n, 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(writers_mark),
		T(mark_dirty_is_clipped),
		T(log_is_merged),
		T(sparse_pages_of_a_large_region),
		T(code_marks_go_stale_once),
		T(stale_hook_sees_the_new_bytes),
		T(removal_makes_code_stale),
	};

	return cmocka_run_group_tests_name("gmem/dirty", tests, NULL, NULL);
}
