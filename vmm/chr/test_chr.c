/* SPDX-License-Identifier: MIT */
/* The character back end: what is kept, what is counted, what is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <vmm/chr.h>

struct tee {
	struct buf seen;
	unsigned calls;
};

static void tee(void *ctx, const void *p, size_t len)
{
	struct tee *t = ctx;

	t->calls++;
	buf_put(&t->seen, p, len);
}

static void output_is_kept(void **state)
{
	struct chr c;
	struct tee t = {.seen = {.max = SIZE_MAX}};

	(void)state;
	chr_init(&c, NULL, 0);
	assert_string_equal(buf_str(&c.out), "");
	chr_put(&c, "no tee yet ", 11);
	c.tee = tee;
	c.tee_ctx = &t;
	chr_put(&c, "a\0b", 3);
	chr_put(&c, "", 0);
	chr_put(&c, NULL, 0);
	assert_int_equal(c.written, 14);
	assert_int_equal(c.out.len, 14);
	assert_memory_equal(c.out.p, "no tee yet a\0b", 14);
	assert_int_equal(t.calls, 1);
	assert_int_equal(t.seen.len, 3);
	buf_free(&t.seen);
	chr_fini(&c);
	assert_null(c.out.p);
}

static void output_is_bounded(void **state)
{
	const size_t run = CHR_KEEP / 4 + 1;
	struct chr c;
	struct tee t = {.seen = {.max = SIZE_MAX}};
	char *p = malloc(run);

	(void)state;
	assert_non_null(p);
	memset(p, 'r', run);
	chr_init(&c, NULL, 0);
	c.tee = tee;
	c.tee_ctx = &t;
	for (int i = 0; i < 4; i++)
		chr_put(&c, p, run);
	/* The last run was cut to what had room; the buffer is full, not failed. */
	assert_int_equal(c.out.len, CHR_KEEP);
	assert_false(c.out.failed);
	assert_int_equal(c.written, CHR_KEEP + 4);
	chr_put(&c, "more", 4);
	assert_int_equal(c.out.len, CHR_KEEP);
	assert_false(c.out.failed);
	assert_int_equal(c.out.p[CHR_KEEP - 1], 'r');
	assert_int_equal(c.written, CHR_KEEP + 8);
	/* The tee misses nothing. */
	assert_int_equal(t.seen.len, CHR_KEEP + 8);
	assert_memory_equal(t.seen.p + CHR_KEEP + 4, "more", 4);
	free(p);
	buf_free(&t.seen);
	chr_fini(&c);
}

static void input_is_taken_once(void **state)
{
	static const uint8_t in[] = {'x', 0x00, 0xff};
	struct chr c;

	(void)state;
	chr_init(&c, in, sizeof(in));
	assert_int_equal(chr_peek(&c), 'x');
	assert_int_equal(chr_peek(&c), 'x');
	assert_int_equal(chr_get(&c), 'x');
	assert_int_equal(chr_get(&c), 0);
	assert_int_equal(chr_peek(&c), 0xff); /* a byte, never -1 */
	assert_int_equal(chr_get(&c), 0xff);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(chr_peek(&c), -1);
		assert_int_equal(chr_get(&c), -1);
	}
	assert_int_equal(c.in_pos, 3);
	chr_fini(&c);
	chr_init(&c, NULL, 0);
	assert_int_equal(chr_get(&c), -1);
	chr_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_is_kept),
		cmocka_unit_test(output_is_bounded),
		cmocka_unit_test(input_is_taken_once),
	};

	return cmocka_run_group_tests_name("chr", tests, NULL, NULL);
}
