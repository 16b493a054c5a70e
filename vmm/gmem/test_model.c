/* SPDX-License-Identifier: MIT */
/*
 * Random operations on guest memory beside a model of plain arrays: contents, dirty pages, code
 * marks, what the stale hook was told, and two snapshots must agree after each step.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <vmm/gmem.h>

#define P     GMEM_PAGE
#define PAGES 80
#define TOP   (PAGES * P)

/* Adjacent RAM and RAM, a hole, ROM, RAM beside it that is longer than a word of the bitmap. */
static const struct {
	unsigned first, n;
	enum gmem_kind kind;
} layout[] = {{0, 2, GMEM_RAM}, {2, 1, GMEM_RAM}, {4, 2, GMEM_ROM}, {6, 70, GMEM_RAM}};

struct model {
	uint8_t mem[TOP], snap[2][TOP];
	bool dirty[PAGES], code[PAGES], told[PAGES];
	struct gmem_snap *taken[2];
	struct gmem *g;
	struct rng rng;
};

static int kind_of(unsigned page)
{
	for (unsigned i = 0; i < ARRAY_SIZE(layout); i++) {
		if (page - layout[i].first < layout[i].n)
			return (int)layout[i].kind;
	}
	return -1;
}

static void on_stale(void *ctx, uint64_t gpa)
{
	struct model *m = ctx;

	assert_false(m->told[gpa / P]);
	m->told[gpa / P] = true;
}

static unsigned pick(struct model *m, unsigned n)
{
	return (unsigned)(rng_next(&m->rng) % n);
}

/* All of it there, and RAM where (ram)? */
static bool there(uint64_t gpa, uint64_t len, bool ram)
{
	for (uint64_t p = gpa / P; len && p <= (gpa + len - 1) / P; p++) {
		if (p >= PAGES || kind_of((unsigned)p) < 0)
			return false;
		if (ram && kind_of((unsigned)p) != GMEM_RAM)
			return false;
	}
	return true;
}

/* The model's part of a write: what must be told is in want[] afterwards. */
static void wrote(struct model *m, uint64_t gpa, uint64_t len, bool *want)
{
	for (uint64_t p = gpa / P; len && p <= (gpa + len - 1) / P; p++) {
		m->dirty[p] = true;
		want[p] = m->code[p];
		m->code[p] = false;
	}
}

static void step_access(struct model *m, bool *want)
{
	uint64_t gpa = pick(m, TOP + P), len = pick(m, 3) ? pick(m, 40) : pick(m, 5 * P);
	uint8_t buf[5 * P], val = pick(m, 2) ? (uint8_t)pick(m, 256) : 0;
	unsigned how = pick(m, 6);
	bool ok;
	int rc;

	if (pick(m, 3) == 0)
		gpa = align_down(gpa, P) - pick(m, 20); /* near borders; wraps below 0 too */
	ok = gpa < TOP && there(gpa, len, how == 0 || how == 3 || how == 5);
	memset(buf, val, sizeof(buf));
	switch (how) {
	case 0:
		rc = gmem_write(m->g, gpa, buf, len);
		break;
	case 1:
		rc = gmem_place(m->g, gpa, buf, len);
		break;
	case 2:
		rc = gmem_set(m->g, gpa, val, len);
		break;
	case 3: {
		uint8_t *p = gmem_rw(m->g, gpa, len);

		if (p)
			memset(p, val, len);
		else if (ok)
			return; /* in two regions */
		rc = p ? 0 : -EFAULT;
		ok = ok || !len;
		break;
	}
	case 4:
		rc = gmem_read(m->g, gpa, buf, len);
		if (!rc && len)
			assert_memory_equal(buf, m->mem + gpa, len);
		assert_int_equal(rc, ok || !len ? 0 : -EFAULT);
		return;
	default:
		gmem_mark_dirty(m->g, gpa, len);
		for (uint64_t i = 0; i < len; i++) {
			if (gpa + i < TOP && gpa + i >= gpa && there(gpa + i, 1, true)) {
				m->dirty[(gpa + i) / P] = true;
				want[(gpa + i) / P] |= m->code[(gpa + i) / P];
				m->code[(gpa + i) / P] = false;
			}
		}
		return;
	}
	if (!len)
		return;
	assert_int_equal(rc, ok ? 0 : -EFAULT);
	if (ok) {
		memset(m->mem + gpa, val, len);
		wrote(m, gpa, len, want);
	}
}

static void step_snapshot(struct model *m, bool *want)
{
	unsigned i = pick(m, 2);

	if (pick(m, 4) == 0) {
		gmem_snap_free(m->taken[i]);
		assert_int_equal(gmem_snap(m->g, &m->taken[i], NULL), 0);
		memcpy(m->snap[i], m->mem, TOP);
	} else if (m->taken[i]) {
		assert_int_equal(gmem_restore(m->g, m->taken[i]), 0);
		/* Which clean pages' marks go is the implementation's choice; changed ones must. */
		for (unsigned p = 0; p < PAGES; p++) {
			if (m->told[p])
				m->code[p] = false;
			want[p] = m->told[p];
			if (memcmp(m->mem + p * P, m->snap[i] + p * P, P) != 0)
				assert_false(m->code[p]);
		}
		memcpy(m->mem, m->snap[i], TOP);
	} else {
		return;
	}
	memset(m->dirty, 0, sizeof(m->dirty));
}

static void check(struct model *m, const bool *want)
{
	unsigned dirty = 0;

	for (unsigned p = 0; p < PAGES; p++) {
		const uint8_t *now = gmem_ro(m->g, (uint64_t)p * P, P);

		assert_int_equal(m->told[p], want[p]);
		m->told[p] = false;
		assert_int_equal(gmem_is_dirty(m->g, (uint64_t)p * P), m->dirty[p]);
		dirty += m->dirty[p];
		if (now)
			assert_memory_equal(now, m->mem + p * P, P);
		else
			assert_int_equal(kind_of(p), -1);
	}
	assert_int_equal(gmem_dirty_count(m->g), dirty);
}

static void random_steps(void **state)
{
	struct model *m = calloc(1, sizeof(*m));

	(void)state;
	assert_non_null(m);
	m->rng.s = 2024;
	assert_int_equal(gmem_new(&m->g, NULL), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(layout); i++)
		assert_int_equal(gmem_add(m->g, (uint64_t)layout[i].first * P,
					  (uint64_t)layout[i].n * P, layout[i].kind, NULL),
				 0);
	gmem_set_stale_hook(m->g, on_stale, m);
	for (unsigned n = 0; n < 6000; n++) {
		bool want[PAGES + 8] = {0};
		unsigned what = pick(m, 20), page;

		if (what == 0) {
			step_snapshot(m, want);
		} else if (what == 1 && !pick(m, 5)) {
			gmem_clear_dirty(m->g);
			memset(m->dirty, 0, sizeof(m->dirty));
		} else if (what < 5) {
			page = pick(m, PAGES);
			gmem_mark_code(m->g, (uint64_t)page * P + pick(m, P));
			m->code[page] = kind_of(page) >= 0;
		} else {
			step_access(m, want);
		}
		check(m, want);
	}
	gmem_snap_free(m->taken[0]);
	gmem_free(m->g);
	gmem_snap_free(m->taken[1]);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps),
	};

	return cmocka_run_group_tests_name("gmem/model", tests, NULL, NULL);
}
