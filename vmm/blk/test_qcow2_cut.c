/* SPDX-License-Identifier: MIT */
/* qcow2: cut after every write: the image is consistent, and what was flushed is in it. */
#include "test_qcow2_disk.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_after_every_write),
	};

	return cmocka_run_group_tests_name("qcow2-cut", tests, make_dir, remove_dir);
}
