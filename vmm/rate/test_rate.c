/* SPDX-License-Identifier: MIT */
/* The token bucket against arithmetic by hand, over years, at its borders, and from the state table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include <vmm/rate.h>

#define S    1000000000ull
#define YEAR (365ull * 86400 * S)

static void a_bucket_empties_and_refills(void **state)
{
	struct rate r;

	(void)state;
	rate_init(&r, 1000, S, 0); /* a token a millisecond */
	assert_true(rate_limits(&r));
	assert_true(rate_take(&r, 0, 400));
	assert_true(rate_take(&r, 0, 600));
	assert_false(rate_take(&r, 0, 1));
	assert_int_equal(rate_when(&r, 0, 1), S / 1000);
	assert_int_equal(rate_when(&r, 0, 1000), S);
	assert_int_equal(rate_when(&r, 0, 0), 0);
	assert_true(rate_take(&r, 0, 0));
	assert_false(rate_take(&r, S / 1000 - 1, 1));
	assert_true(rate_take(&r, S / 1000, 1));
	/* No more than it holds, however long it was left alone. */
	assert_true(rate_take(&r, 100 * S, 1000));
	assert_false(rate_take(&r, 100 * S, 1));
	rate_reset(&r, 100 * S);
	assert_true(rate_take(&r, 100 * S, 1000));
	/* Nor a part of one that has flowed over. */
	rate_init(&r, 10, 7, 0);
	assert_true(rate_take(&r, 0, 10));
	assert_true(rate_take(&r, 100, 10));
	assert_int_equal(rate_when(&r, 100, 10), 107);
}

static void no_limit_is_none(void **state)
{
	struct rate r;

	(void)state;
	rate_init(&r, 0, S, 5);
	assert_false(rate_limits(&r));
	assert_true(rate_take(&r, 0, UINT64_MAX));
	assert_int_equal(rate_when(&r, 7, UINT64_MAX), 7);
	rate_init_per_s(&r, 0, 100, 5);
	assert_false(rate_limits(&r));
	assert_int_equal(rate_post_load(&r, NULL), 0);
}

static void a_burst_is_given_once(void **state)
{
	struct rate r;

	(void)state;
	rate_init(&r, 100, S, 50);
	assert_true(rate_take(&r, 0, 30));
	assert_int_equal(r.burst, 20);
	assert_int_equal(r.tokens, 100);
	assert_int_equal(rate_when(&r, 0, 120), 0);
	assert_true(rate_take(&r, 0, 120));
	assert_false(rate_take(&r, 0, 1));
	assert_true(rate_take(&r, YEAR, 100));
	assert_false(rate_take(&r, YEAR, 1)); /* it does not come back */
	rate_reset(&r, YEAR);
	assert_int_equal(r.burst, 50);
}

static void what_is_too_large_is_paid_later(void **state)
{
	struct rate r;

	(void)state;
	rate_init(&r, 100, S, 0);
	assert_true(rate_take(&r, 0, 1));
	/* Over the size: when the bucket is full. */
	assert_false(rate_take(&r, 0, 350));
	assert_int_equal(rate_when(&r, 0, 350), S / 100);
	assert_true(rate_take(&r, S / 100, 350));
	assert_int_equal(r.debt, 250);
	/* The debt and the one token. */
	assert_int_equal(rate_when(&r, S / 100, 1), S / 100 + 251 * (S / 100));
	assert_false(rate_take(&r, S / 100 + 251 * (S / 100) - 1, 1));
	assert_true(rate_take(&r, S / 100 + 251 * (S / 100), 1));
	assert_int_equal(r.debt, 0);
	assert_int_equal(r.tokens, 0);
}

static void per_second_is_exact(void **state)
{
	struct rate r;

	(void)state;
	rate_init_per_s(&r, 3, 0, 0); /* a third of a second is no whole number of ns */
	assert_int_equal(r.size, 1);
	assert_true(rate_take(&r, 0, 1));
	assert_int_equal(rate_when(&r, 0, 1), 333333334);
	rate_init_per_s(&r, 1000000, 0, 0);
	assert_int_equal(r.size, 100000);
	rate_init_per_s(&r, 7, 1000, 0);
	assert_int_equal(r.size, 1000);
	assert_true(rate_take(&r, 0, 1000));
	/* Looked at every ns or never: after three years less than the thousandth of a token apart: none. */
	for (uint64_t t = 1; t < 100000; t++)
		assert_false(rate_take(&r, t, 1000));
	assert_int_equal(rate_when(&r, 100000, 1000), 142857142858);
}

/* One token a (period) ns, taken as soon as it is there, for ever: not one too many or too few. */
static void years_do_not_drift(void **state)
{
	static const uint64_t periods[] = {3, 7, 999999937, 1000000007, 86399999999989};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(periods); i++) {
		struct rate r;
		uint64_t now = 0, taken = 0;

		rate_init(&r, 10, 10 * periods[i] + 1,
			  0); /* 10 tokens in a period that 10 does not divide */
		assert_true(rate_take(&r, 0, 10));
		while (taken < 100000 && now < 300 * YEAR) {
			now = rate_when(&r, now, 1);
			assert_true(rate_take(&r, now, 1));
			taken++;
		}
		/* The first ns at which so many tokens have come. */
		assert_true(now == ((unsigned __int128)taken * (10 * periods[i] + 1) + 9) / 10);
	}
}

/* However often it is looked at, the same is left. */
static void looking_changes_nothing(void **state)
{
	struct rng rng = {5};

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct rate a, b;
		uint64_t size = 1 + rng_next(&rng) % 100000, refill = 1 + rng_next(&rng) % S,
			 now = 0;

		rate_init(&a, size, refill, 0);
		b = a;
		for (unsigned k = 0; k < 50; k++) {
			uint64_t n = rng_next(&rng) % (2 * size), when;
			uint64_t end = now + rng_next(&rng) % refill;

			for (; now < end; now += 1 + rng_next(&rng) % (refill / 3 + 1))
				(void)rate_take(&a, now, UINT64_MAX / 2); /* looks; full: takes */
			if (a.debt) {					  /* it did: begin anew */
				rate_reset(&a, end);
				b = a;
			}
			now = end;
			assert_int_equal(rate_when(&a, now, n), rate_when(&b, now, n));
			when = rate_when(&b, now, n);
			if (when > now)
				assert_false(rate_take(&b, when - 1, n));
			now = when;
			assert_true(rate_take(&a, now, n));
			assert_true(rate_take(&b, now, n));
			assert_int_equal(a.tokens, b.tokens);
			assert_int_equal(a.part, b.part);
			assert_int_equal(a.debt, b.debt);
		}
	}
}

static void nothing_wraps(void **state)
{
	static const uint64_t big[] = {RATE_MAX, RATE_MAX - 1, UINT64_MAX, 1};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(big); i++) {
		for (unsigned k = 0; k < ARRAY_SIZE(big); k++) {
			struct rate r;

			rate_init(&r, big[i], big[k], UINT64_MAX);
			assert_true(r.size <= RATE_MAX && r.period <= RATE_MAX &&
				    r.once <= RATE_MAX);
			assert_true(rate_take(&r, 0, UINT64_MAX));
			assert_true(rate_when(&r, 0, UINT64_MAX) >= 1);
			(void)rate_take(&r, UINT64_MAX - 1, UINT64_MAX);
			assert_true(rate_when(&r, UINT64_MAX - 1, 1) >= UINT64_MAX - 1);
			assert_int_equal(rate_post_load(&r, NULL), 0);
		}
	}
	{
		struct rate r;

		rate_init(&r, 1, RATE_MAX, 0);
		assert_true(rate_take(&r, 0, 10));
		assert_int_equal(rate_when(&r, 0, 1), CLOCK_NEVER); /* beyond the end of time */
		rate_init(&r, 5, 0, 0);
		assert_int_equal(r.period, 1);
		/* Back in time: nothing is refilled, and nothing is lost. */
		rate_init(&r, 10, 10, 0);
		assert_true(rate_take(&r, 100, 10));
		assert_false(rate_take(&r, 50, 1));
		assert_int_equal(rate_when(&r, 50, 1), 101);
		assert_true(rate_take(&r, 101, 1));
	}
}

static void a_pair_takes_from_both_or_none(void **state)
{
	struct rate_pair p;

	(void)state;
	rate_init(&p.ops, 2, 2 * S, 0);
	rate_init(&p.bytes, 1000, S, 0);
	assert_true(rate_pair_take(&p, 0, 900));
	assert_false(rate_pair_take(&p, 0, 200)); /* bytes; the operation is not spent */
	assert_int_equal(p.ops.tokens, 1);
	assert_int_equal(rate_pair_when(&p, 0, 200), S / 10);
	assert_true(rate_pair_take(&p, 0, 100));
	assert_int_equal(rate_pair_when(&p, 0, 0), S); /* operations */
	rate_pair_reset(&p, 0);
	assert_true(rate_pair_take(&p, 0, 1000));
}

static void what_is_charged_afterwards_is_paid(void **state)
{
	struct rate_pair p;
	struct rate r;

	(void)state;
	rate_init(&r, 100, S, 10);
	rate_charge(&r, 0, 5);
	assert_int_equal(r.burst, 5);
	rate_charge(&r, 0, 255);
	assert_int_equal(r.tokens, 0);
	assert_int_equal(r.debt, 150);
	rate_charge(&r, 0, 50);
	assert_int_equal(rate_when(&r, 0, 1), 201 * (S / 100));
	rate_charge(&r, 0, UINT64_MAX);
	assert_int_equal(r.debt, UINT64_MAX);
	assert_int_equal(rate_post_load(&r, NULL), 0);
	rate_init(&p.ops, 1, S, 0);
	rate_init(&p.bytes, 0, 0, 0);
	assert_true(rate_pair_limits(&p));
	rate_pair_charge(&p, 0, UINT64_MAX);
	assert_int_equal(rate_pair_when(&p, 0, 1), S);
	assert_int_equal(rate_pair_post_load(&p, NULL), 0);
	p.ops.part = S;
	assert_int_equal(rate_pair_post_load(&p, NULL), -EINVAL);
	rate_init(&p.ops, 0, 0, 0);
	assert_false(rate_pair_limits(&p));
	rate_charge(&p.ops, 0, 5);
	assert_int_equal(p.ops.debt, 0);
}

static void state_is_saved(void **state)
{
	struct rate r, s;
	struct buf b = {0};
	struct err err;
	size_t used;

	(void)state;
	rate_init(&r, 100, 7, 9);
	assert_true(rate_take(&r, 3, 150));
	assert_false(rate_take(&r, 5, 1));
	assert_int_equal(state_save(&rate_state, &r, &b), 0);
	rate_init(&s, 100, 7, 9);
	assert_int_equal(state_load(&rate_state, &s, b.p, b.len, &used, NULL), 0);
	assert_int_equal(rate_post_load(&s, NULL), 0);
	for (uint64_t t = 5; t < 20; t++)
		assert_int_equal(rate_when(&s, t, 60), rate_when(&r, t, 60));
	/* What no bucket comes to. */
	s = r;
	s.tokens = 101;
	assert_int_equal(rate_post_load(&s, &err), -EINVAL);
	s = r;
	s.burst = 10;
	assert_int_equal(rate_post_load(&s, &err), -EINVAL);
	s = r;
	s.part = 7;
	assert_int_equal(rate_post_load(&s, &err), -EINVAL);
	s = r;
	s.tokens = 1;
	s.debt = 1;
	assert_int_equal(rate_post_load(&s, &err), -EINVAL);
	s.tokens = 100;
	s.debt = 0;
	s.part = 1;
	assert_int_equal(rate_post_load(&s, &err), -EINVAL);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_empties_and_refills),
		cmocka_unit_test(no_limit_is_none),
		cmocka_unit_test(a_burst_is_given_once),
		cmocka_unit_test(what_is_too_large_is_paid_later),
		cmocka_unit_test(per_second_is_exact),
		cmocka_unit_test(years_do_not_drift),
		cmocka_unit_test(looking_changes_nothing),
		cmocka_unit_test(nothing_wraps),
		cmocka_unit_test(a_pair_takes_from_both_or_none),
		cmocka_unit_test(what_is_charged_afterwards_is_paid),
		cmocka_unit_test(state_is_saved),
	};

	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
