/* SPDX-License-Identifier: MIT */
/* Field tables: one list that saves, loads, resets, compares, prints and hashes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <vmm/state.h>

struct thing {
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	char gap; /* in no table: never touched */
	uint16_t arr16[3];
	uint64_t arr64[40]; /* more than one chunk */
	bool flag;
	bool flags[2];
	uint8_t raw[300]; /* more than one chunk */
	uint32_t strap;	  /* no reset */
	uint32_t host;	  /* no hash */
};

static const struct state_field fields[] = {
	STATE_U(struct thing, u8, 0x11),
	STATE_U(struct thing, u16, 0x2222),
	STATE_U(struct thing, u32, 0x33333333),
	STATE_U(struct thing, u64, 0x4444444444444444ull),
	STATE_ARR(struct thing, arr16, 0x5555),
	STATE_ARR(struct thing, arr64, 6),
	STATE_B(struct thing, flag, true),
	{"flags", STATE_BOOL, offsetof(struct thing, flags), sizeof(bool), 2, false, 0},
	STATE_RAW(struct thing, raw),
	{"strap", STATE_UINT, offsetof(struct thing, strap), 4, 1, 7, STATE_F_NORESET},
	{"host", STATE_UINT, offsetof(struct thing, host), 4, 1, 8, STATE_F_NOHASH},
	STATE_END,
};
static const struct state_table table = {"thing", 3, fields};

static const struct state_field no_fields[] = {STATE_END};
static const struct state_table empty = {"", 0, no_fields};

/* Fill with something that differs in each byte; (seed) picks which. */
static void fill(struct thing *t, uint64_t seed)
{
	struct rng r = {seed};

	memset(t, 0, sizeof(*t)); /* padding too: objects are compared whole */
	t->u8 = (uint8_t)rng_next(&r);
	t->u16 = (uint16_t)rng_next(&r);
	t->u32 = (uint32_t)rng_next(&r);
	t->u64 = rng_next(&r);
	for (size_t i = 0; i < ARRAY_SIZE(t->arr16); i++)
		t->arr16[i] = (uint16_t)rng_next(&r);
	for (size_t i = 0; i < ARRAY_SIZE(t->arr64); i++)
		t->arr64[i] = rng_next(&r);
	t->flag = rng_next(&r) & 1;
	t->flags[1] = !t->flag;
	for (size_t i = 0; i < sizeof(t->raw); i++)
		t->raw[i] = (uint8_t)rng_next(&r);
	t->strap = (uint32_t)rng_next(&r);
	t->host = (uint32_t)rng_next(&r);
	t->gap = 'g';
}

static void save_then_load(void **state)
{
	struct thing a, b;
	struct buf out = {0};
	struct err e = {0};
	size_t used = 0, len;

	(void)state;
	fill(&a, 1);
	fill(&b, 2);
	assert_int_equal(state_save(&table, &a, &out), 0);
	len = out.len;
	buf_put(&out, "tail", 4); /* the next table's form: not ours to read */
	assert_int_equal(state_load(&table, &b, out.p, out.len, &used, &e), 0);
	assert_int_equal(used, len);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(e.code, 0);
	buf_free(&out);
}

static void saved_form_is_fixed(void **state)
{
	struct small {
		uint16_t v;
		bool b;
		uint8_t raw[2];
	} s = {0x1234, true, {0xaa, 0xbb}};
	static const struct state_field f[] = {
		STATE_U(struct small, v, 0),
		STATE_B(struct small, b, 0),
		STATE_RAW(struct small, raw),
		STATE_END,
	};
	const struct state_table t = {"sm", 0x01020304, f};
	static const char want[] = "VST1\4\3\2\1\3\0\0\0\2\0sm"
				   "\1\0v\0\0\2\0\0\0\1\0\0\0\x34\x12"
				   "\1\0b\1\0\1\0\0\0\1\0\0\0\1"
				   "\3\0raw\2\0\1\0\0\0\2\0\0\0\xaa\xbb";
	struct buf out = {0};
	uint64_t h;

	(void)state;
	assert_int_equal(state_save(&t, &s, &out), 0);
	assert_int_equal(out.len, sizeof(want) - 1);
	assert_memory_equal(out.p, want, sizeof(want) - 1);
	h = hash64(0, "sm", 2);
	h = hash64(h, "\4\3\2\1", 4);
	h = hash64(h, "\x34\x12", 2);
	h = hash64(h, "\1", 1);
	h = hash64(h, "\xaa\xbb", 2);
	assert_int_equal(state_hash(&t, &s, 0), h);
	/* Pinned: hashes of recordings and goldens rest on it. */
	assert_int_equal(state_hash(&t, &s, 0), 0x007c691b0f1a11e7ull);
	buf_free(&out);
}

/* Names around the length up to which a field's head is put at once. */
static void names_of_any_length(void **state)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
	const size_t most = sizeof(letters) - 1;

	(void)state;
	for (size_t n = 0; n <= most; n++) {
		const struct state_field f[] = {{letters + most - n, STATE_UINT, 0, 2, 1, 0, 0},
						STATE_END};
		const struct state_table t = {"t", 1, f};
		static const char tail[] = "\0\0\2\0\0\0\1\0\0\0\x34\x12";
		uint16_t v = 0x1234, loaded = 0;
		struct buf out = {0};
		size_t used;

		assert_int_equal(state_save(&t, &v, &out), 0);
		assert_int_equal(out.len, 15 + 2 + n + sizeof(tail) - 1);
		assert_int_equal(out.p[15] & 0xff, n);
		assert_memory_equal(out.p + 17, letters + most - n, n);
		assert_memory_equal(out.p + 17 + n, tail, sizeof(tail) - 1);
		assert_int_equal(state_load(&t, &loaded, out.p, out.len, &used, NULL), 0);
		assert_int_equal(used, out.len);
		assert_int_equal(loaded, v);
		buf_free(&out);
	}
}

static void save_without_room(void **state)
{
	struct thing a;
	struct buf out = {0};
	size_t len;

	(void)state;
	fill(&a, 1);
	assert_int_equal(state_save(&table, &a, &out), 0);
	len = out.len;
	for (size_t max = 1; max <= len; max++) {
		buf_free(&out);
		out.max = max;
		assert_int_equal(state_save(&table, &a, &out), max < len ? -ENOMEM : 0);
		assert_int_equal(out.failed, max < len);
	}
	buf_free(&out);
}

/* Load from an allocation of exactly (len): a sanitizer sees a byte too many. */
static int load_copy(struct thing *t, const void *p, size_t len, size_t *used, struct err *e)
{
	void *copy = malloc(len ? len : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, p, len);
	rc = state_load(&table, t, copy, len, used, e);
	free(copy);
	return rc;
}

static void every_truncation_is_refused(void **state)
{
	struct thing a, b, before;
	struct buf out = {0};

	(void)state;
	fill(&a, 1);
	fill(&before, 2);
	b = before;
	assert_int_equal(state_save(&table, &a, &out), 0);
	for (size_t len = 0; len < out.len; len++) {
		struct err e = {0};
		size_t used = 99;

		assert_int_equal(load_copy(&b, out.p, len, &used, &e), -EINVAL);
		assert_int_equal(used, 99);
		assert_memory_equal(&b, &before, sizeof(b));
		assert_int_equal(e.code, -EINVAL);
		assert_non_null(strstr(e.msg, "thing: cut off at "));
	}
	assert_int_equal(state_load(&table, &b, out.p, 0, &(size_t){0}, NULL), -EINVAL);
	buf_free(&out);
}

/*
 * Each bit flipped alone: refused, and the object is as it was; or taken, and then saving gives
 * the flipped bytes.
 */
static void every_flip_is_judged(void **state)
{
	struct thing a, b, before;
	struct buf out = {0}, again = {0};
	unsigned refused = 0, taken = 0;

	(void)state;
	fill(&a, 1);
	fill(&before, 2);
	assert_int_equal(state_save(&table, &a, &out), 0);
	for (size_t bit = 0; bit < out.len * 8; bit++) {
		size_t used = 0;
		int rc;

		out.p[bit / 8] = (char)(out.p[bit / 8] ^ 1 << bit % 8);
		b = before;
		rc = load_copy(&b, out.p, out.len, &used, NULL);
		if (rc) {
			refused++;
			assert_int_equal(rc, -EINVAL);
			assert_memory_equal(&b, &before, sizeof(b));
		} else {
			taken++;
			assert_int_equal(used, out.len);
			assert_int_equal(b.gap, 'g');
			again.len = 0;
			assert_int_equal(state_save(&table, &b, &again), 0);
			assert_int_equal(again.len, out.len);
			assert_memory_equal(again.p, out.p, out.len);
		}
		out.p[bit / 8] = (char)(out.p[bit / 8] ^ 1 << bit % 8);
	}
	/* Payload bits are taken, of the bools the lowest alone; all others are refused. */
	assert_int_equal(taken, 8 * (1 + 2 + 4 + 8 + 6 + 320 + 300 + 4 + 4) + 3);
	assert_int_equal(taken + refused, out.len * 8);
	buf_free(&out);
	buf_free(&again);
}

static void refused_with(const struct state_table *t, const struct buf *b, const char *why)
{
	struct thing obj, before;
	struct err e = {0};
	size_t used;

	fill(&obj, 2);
	before = obj;
	assert_int_equal(state_load(t, &obj, b->p, b->len, &used, &e), -EINVAL);
	assert_memory_equal(&obj, &before, sizeof(obj));
	if (!strstr(e.msg, why))
		fail_msg("'%s' does not say '%s'", e.msg, why);
}

static void reasons_are_named(void **state)
{
	static const struct state_field fewer[] = {STATE_U(struct thing, u8, 0), STATE_END};
	static const struct state_field other[] = {STATE_U(struct thing, u16, 0), STATE_END};
	static const struct state_field kind[] = {
		{"u8", STATE_BYTES, 0, 1, 1, 0, 0},
		STATE_END,
	};
	static const struct state_field count[] = {
		{"u8", STATE_UINT, 0, 1, 2, 0, 0},
		STATE_END,
	};
	static const struct state_field flag[] = {STATE_B(struct thing, flag, 0), STATE_END};
	const struct state_table v4 = {"thing", 4, fields}, name = {"thong", 3, fields},
				 lng = {"things", 3, fields}, t_fewer = {"thing", 3, fewer},
				 t_other = {"thing", 3, other}, t_kind = {"thing", 3, kind},
				 t_count = {"thing", 3, count}, t_flag = {"thing", 3, flag};
	struct buf b = {0};
	struct thing a;

	(void)state;
	fill(&a, 1);
	assert_int_equal(state_save(&table, &a, &b), 0);
	refused_with(&v4, &b, "version 3, this program has 4");
	refused_with(&name, &b, "thong: is of something else");
	refused_with(&lng, &b, "things: is of something else");
	refused_with(&t_fewer, &b, "11 fields, 1 are needed");
	b.p[0] = 'X';
	refused_with(&table, &b, "does not begin with VST1");
	b.len = 0;
	assert_int_equal(state_save(&t_fewer, &a, &b), 0);
	refused_with(&t_other, &b, "another field where u16 belongs");
	refused_with(&t_kind, &b, "u8 is of another kind");
	refused_with(&t_count, &b, "u8 has 1 elements of 1 bytes, 2 of 1 are needed");
	/* A count and size whose product would wrap in 32 bits. */
	st_le32(b.p + 14 + 5 + 4 + 2, 0x10000);
	st_le32(b.p + 14 + 5 + 4 + 6, 0x10000);
	refused_with(&t_fewer, &b, "u8 has 65536 elements of 65536 bytes");
	b.len = 0;
	assert_int_equal(state_save(&t_flag, &a, &b), 0);
	b.p[b.len - 1] = 2;
	refused_with(&t_flag, &b, "flag[0] is 2, no truth value");
	buf_free(&b);
}

static void reset_gives_the_table(void **state)
{
	struct thing a, before;

	(void)state;
	fill(&a, 3);
	before = a;
	state_reset(&table, &a);
	assert_int_equal(a.u8, 0x11);
	assert_int_equal(a.u16, 0x2222);
	assert_int_equal(a.u32, 0x33333333);
	assert_int_equal(a.u64, 0x4444444444444444ull);
	for (size_t i = 0; i < ARRAY_SIZE(a.arr16); i++)
		assert_int_equal(a.arr16[i], 0x5555);
	for (size_t i = 0; i < ARRAY_SIZE(a.arr64); i++)
		assert_int_equal(a.arr64[i], 6);
	assert_true(a.flag);
	assert_false(a.flags[0] || a.flags[1]);
	for (size_t i = 0; i < sizeof(a.raw); i++)
		assert_int_equal(a.raw[i], 0);
	assert_int_equal(a.strap, before.strap);
	assert_int_equal(a.host, 8);
	assert_int_equal(a.gap, 'g');
}

/* save, reset, load, save gives the same bytes. */
static void reset_is_undone_by_load(void **state)
{
	struct thing a;
	struct buf one = {0}, two = {0};
	size_t used;

	(void)state;
	fill(&a, 4);
	assert_int_equal(state_save(&table, &a, &one), 0);
	state_reset(&table, &a);
	assert_int_equal(state_load(&table, &a, one.p, one.len, &used, NULL), 0);
	assert_int_equal(state_save(&table, &a, &two), 0);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.p, two.p, one.len);
	buf_free(&one);
	buf_free(&two);
}

struct diffs {
	unsigned n;
	char field[8][16];
	uint32_t index[8];
	uint64_t a[8], b[8];
};

static void on_diff(void *ctx, const char *field, uint32_t index, uint64_t a, uint64_t b)
{
	struct diffs *d = ctx;

	assert_true(d->n < 8);
	strcpy(d->field[d->n], field);
	d->index[d->n] = index;
	d->a[d->n] = a;
	d->b[d->n] = b;
	d->n++;
}

static void diff_and_hash_agree(void **state)
{
	struct thing a, b;
	struct diffs d = {0};
	uint64_t h;

	(void)state;
	fill(&a, 5);
	b = a;
	h = state_hash(&table, &a, 1);
	assert_int_equal(state_hash(&table, &b, 1), h);
	assert_int_not_equal(state_hash(&table, &b, 2), h);
	assert_int_equal(state_diff(&table, &a, &b, on_diff, &d), 0);
	b.gap = 0;
	b.host++; /* neither is in hash and diff */
	assert_int_equal(state_hash(&table, &b, 1), h);
	assert_int_equal(state_diff(&table, &a, &b, NULL, NULL), 0);
	b.arr64[39] = ~a.arr64[39];
	assert_int_not_equal(state_hash(&table, &b, 1), h);
	b.flags[1] = !a.flags[1];
	b.raw[298] = (uint8_t)~a.raw[298];
	b.raw[299] = (uint8_t)~a.raw[299];
	assert_int_equal(state_diff(&table, &a, &b, NULL, NULL), 3);
	assert_int_equal(state_diff(&table, &a, &b, on_diff, &d), 3);
	assert_int_equal(d.n, 3);
	assert_string_equal(d.field[0], "arr64");
	assert_int_equal(d.index[0], 39);
	assert_int_equal(d.a[0], a.arr64[39]);
	assert_int_equal(d.b[0], b.arr64[39]);
	assert_string_equal(d.field[1], "flags");
	assert_int_equal(d.index[1], 1);
	assert_int_equal(d.a[1], a.flags[1]);
	assert_string_equal(d.field[2], "raw");
	assert_int_equal(d.index[2], 298);
	assert_int_equal(d.b[2], b.raw[298]);
}

/* Every element of every hashed field is in the hash. */
static void hash_sees_every_byte(void **state)
{
	struct thing a;
	uint64_t h;

	(void)state;
	fill(&a, 6);
	h = state_hash(&table, &a, 0);
	for (const struct state_field *f = fields; f->name; f++) {
		for (uint32_t i = 0; i < f->count; i++) {
			uint8_t *p = (uint8_t *)&a + f->off + (size_t)i * f->size;

			*p ^= 1;
			if (f->flags & STATE_F_NOHASH)
				assert_int_equal(state_hash(&table, &a, 0), h);
			else
				assert_int_not_equal(state_hash(&table, &a, 0), h);
			*p ^= 1;
		}
	}
	assert_int_not_equal(state_hash(&(struct state_table){"thing", 4, fields}, &a, 0), h);
	assert_int_not_equal(state_hash(&(struct state_table){"thin", 3, fields}, &a, 0), h);
}

static void json(void **state)
{
	struct small {
		uint64_t big;
		uint8_t arr[3];
		bool t, f;
		bool fs[2];
		uint8_t raw[3];
	} s = {UINT64_MAX, {1, 2, 255}, true, false, {false, true}, {0, 0x5a, 0xff}};
	static const struct state_field f[] = {
		STATE_U(struct small, big, 0),
		STATE_ARR(struct small, arr, 0),
		STATE_B(struct small, t, 0),
		STATE_B(struct small, f, 0),
		{"a \"b\"", STATE_BOOL, offsetof(struct small, fs), sizeof(bool), 2, 0, 0},
		STATE_RAW(struct small, raw),
		STATE_END,
	};
	const struct state_table t = {"small", 1, f};
	struct buf b = {0};

	(void)state;
	state_json(&t, &s, &b);
	assert_string_equal(buf_str(&b), "{\"big\":18446744073709551615,\"arr\":[1,2,255],"
					 "\"t\":true,\"f\":false,\"a \\\"b\\\"\":[false,true],"
					 "\"raw\":\"005aff\"}");
	buf_free(&b);
	state_json(&empty, &s, &b);
	assert_string_equal(buf_str(&b), "{}");
	buf_free(&b);
}

static void table_without_fields(void **state)
{
	struct buf b = {0};
	size_t used = 0;
	char obj = 'x';

	(void)state;
	assert_int_equal(state_save(&empty, &obj, &b), 0);
	assert_int_equal(b.len, 14);
	assert_int_equal(state_load(&empty, &obj, b.p, b.len, &used, NULL), 0);
	assert_int_equal(used, 14);
	state_reset(&empty, &obj);
	assert_int_equal(obj, 'x');
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(save_then_load),
		cmocka_unit_test(saved_form_is_fixed),
		cmocka_unit_test(names_of_any_length),
		cmocka_unit_test(save_without_room),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_flip_is_judged),
		cmocka_unit_test(reasons_are_named),
		cmocka_unit_test(reset_gives_the_table),
		cmocka_unit_test(reset_is_undone_by_load),
		cmocka_unit_test(diff_and_hash_agree),
		cmocka_unit_test(hash_sees_every_byte),
		cmocka_unit_test(json),
		cmocka_unit_test(table_without_fields),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
