/* SPDX-License-Identifier: MIT */
/* Virtual time: order, ties, handlers that arm and cancel, the cut-off. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <vmm/clock.h>

#define MAX_FIRED 64

struct bed {
	struct clock c;
	struct clock_timer t[6];
	char who[MAX_FIRED]; /* which timers fired, in order */
	uint64_t when[MAX_FIRED];
	unsigned n;
	void (*more)(struct bed *b, unsigned i); /* what a handler does besides */
};

static struct bed *bed_of; /* of the running test: a timer's ctx is the timer */

static void fire(void *ctx, uint64_t now)
{
	struct clock_timer *t = ctx;
	struct bed *b = bed_of;
	unsigned i = (unsigned)(t - b->t);

	assert_int_equal(now, clock_now(&b->c));
	assert_int_equal(t->deadline, CLOCK_NEVER);
	if (b->n < MAX_FIRED - 1) {
		b->who[b->n] = (char)('0' + i);
		b->when[b->n] = now;
		b->n++;
	}
	if (b->more)
		b->more(b, i);
}

static void lay(struct bed *b)
{
	memset(b, 0, sizeof(*b));
	memset(&b->c, 0xff, sizeof(b->c)); /* clock_init() leaves nothing as it was */
	clock_init(&b->c);
	for (unsigned i = 0; i < ARRAY_SIZE(b->t); i++)
		clock_timer_init(&b->t[i], fire, &b->t[i]);
	bed_of = b;
}

static void time_moves_when_told(void **state)
{
	struct bed b;

	(void)state;
	lay(&b);
	assert_int_equal(clock_now(&b.c), 0);
	assert_int_equal(clock_next(&b.c), CLOCK_NEVER);
	assert_int_equal(clock_advance(&b.c, 0), 0);
	assert_int_equal(clock_now(&b.c), 0);
	assert_int_equal(clock_advance(&b.c, 5), 0);
	assert_int_equal(clock_advance(&b.c, 7), 0);
	assert_int_equal(clock_now(&b.c), 12);
}

static void order_of_deadline(void **state)
{
	struct bed b;

	(void)state;
	lay(&b);
	clock_arm(&b.c, &b.t[0], 30);
	clock_arm(&b.c, &b.t[1], 10);
	clock_arm(&b.c, &b.t[2], 20);
	clock_arm(&b.c, &b.t[3], 31);
	assert_int_equal(clock_next(&b.c), 10);
	assert_int_equal(clock_advance(&b.c, 9), 0);
	assert_int_equal(b.n, 0);
	assert_int_equal(clock_advance(&b.c, 21), 0);
	assert_string_equal(b.who, "120");
	assert_int_equal(b.when[0], 10);
	assert_int_equal(b.when[1], 20);
	assert_int_equal(b.when[2], 30);
	assert_int_equal(clock_next(&b.c), 31);
	assert_int_equal(clock_now(&b.c), 30);
}

static void ties_in_order_of_arming(void **state)
{
	struct bed b;

	(void)state;
	lay(&b);
	clock_arm(&b.c, &b.t[3], 10);
	clock_arm(&b.c, &b.t[1], 10);
	clock_arm(&b.c, &b.t[2], 10);
	clock_arm(&b.c, &b.t[3], 10); /* armed anew: now the last */
	clock_arm(&b.c, &b.t[0], 9);
	assert_int_equal(clock_advance(&b.c, 10), 0);
	assert_string_equal(b.who, "0123");
}

static void cancel_and_re_arm(void **state)
{
	struct bed b;

	(void)state;
	lay(&b);
	clock_cancel(&b.c, &b.t[0]); /* not armed: nothing */
	for (unsigned i = 0; i < 4; i++)
		clock_arm(&b.c, &b.t[i], 10 + i);
	clock_cancel(&b.c, &b.t[0]);	       /* the first */
	clock_cancel(&b.c, &b.t[2]);	       /* one in the middle */
	clock_arm(&b.c, &b.t[3], CLOCK_NEVER); /* the last, the other way */
	assert_int_equal(b.t[3].deadline, CLOCK_NEVER);
	clock_arm(&b.c, &b.t[1], 40);
	assert_int_equal(clock_next(&b.c), 40);
	assert_int_equal(clock_advance(&b.c, 39), 0);
	assert_int_equal(b.n, 0);
	assert_int_equal(clock_advance(&b.c, 1), 0);
	assert_string_equal(b.who, "1");
	assert_int_equal(clock_next(&b.c), CLOCK_NEVER);
}

/* A deadline that its owner overwrote (a load, a reset) is still found and taken off. */
static void overwritten_deadline(void **state)
{
	struct bed b;

	(void)state;
	lay(&b);
	clock_arm(&b.c, &b.t[0], 10);
	b.t[0].deadline = CLOCK_NEVER;
	clock_cancel(&b.c, &b.t[0]);
	assert_null(b.c.head);
	clock_arm(&b.c, &b.t[0], 10);
	b.t[0].deadline = 50;
	clock_arm(&b.c, &b.t[0], 50);
	assert_int_equal(clock_advance(&b.c, 49), 0);
	assert_int_equal(b.n, 0);
	assert_int_equal(clock_advance(&b.c, 1), 0);
	assert_string_equal(b.who, "0");
}

static void the_past_fires_at_the_next_advance(void **state)
{
	struct bed b;

	(void)state;
	lay(&b);
	assert_int_equal(clock_advance(&b.c, 100), 0);
	clock_arm(&b.c, &b.t[0], 100);
	clock_arm(&b.c, &b.t[1], 3);
	assert_int_equal(b.n, 0);
	assert_int_equal(clock_next(&b.c), 3);
	assert_int_equal(clock_advance(&b.c, 0), 0);
	assert_string_equal(b.who, "10");
	assert_int_equal(b.when[0], 100);
	assert_int_equal(b.when[1], 100);
	assert_int_equal(clock_now(&b.c), 100);
}

static void saturates(void **state)
{
	struct bed b;

	(void)state;
	lay(&b);
	assert_int_equal(clock_advance(&b.c, 10), 0);
	clock_arm(&b.c, &b.t[0], UINT64_MAX - 1);
	assert_int_equal(clock_advance(&b.c, UINT64_MAX - 2), 0);
	assert_int_equal(clock_now(&b.c), UINT64_MAX);
	assert_string_equal(b.who, "0");
	assert_int_equal(b.when[0], UINT64_MAX - 1);
	assert_int_equal(clock_advance(&b.c, UINT64_MAX), 0);
	assert_int_equal(clock_now(&b.c), UINT64_MAX);
}

static void meddle(struct bed *b, unsigned i)
{
	switch (i) {
	case 0: /* its own timer, at the same instant, once */
		if (b->n == 1)
			clock_arm(&b->c, &b->t[0], clock_now(&b->c));
		break;
	case 1: /* another that is due at the same time, and one later */
		clock_cancel(&b->c, &b->t[2]);
		clock_arm(&b->c, &b->t[3], clock_now(&b->c) + 5);
		clock_arm(&b->c, &b->t[4], clock_now(&b->c) + 500);
		break;
	default:
		break;
	}
}

static void handlers_arm_and_cancel(void **state)
{
	struct bed b;

	(void)state;
	lay(&b);
	b.more = meddle;
	clock_arm(&b.c, &b.t[0], 10);
	clock_arm(&b.c, &b.t[1], 10);
	clock_arm(&b.c, &b.t[2], 10);
	clock_arm(&b.c, &b.t[5], 12);
	assert_int_equal(clock_advance(&b.c, 100), 0);
	/* 0, then 1 (which takes 2 away), then 0 again: it was armed after 1. */
	assert_string_equal(b.who, "01053");
	assert_int_equal(b.when[2], 10);
	assert_int_equal(b.when[4], 15);
	assert_int_equal(clock_next(&b.c), 510);
}

static uint64_t calls;

static void again_now(struct bed *b, unsigned i)
{
	calls++;
	clock_arm(&b->c, &b->t[i], clock_now(&b->c));
}

static void again_later(struct bed *b, unsigned i)
{
	calls++;
	clock_arm(&b->c, &b->t[i], clock_now(&b->c) + 1);
}

static void endless_handlers_are_cut_off(void **state)
{
	struct bed b;

	(void)state;
	lay(&b);
	b.more = again_now;
	clock_arm(&b.c, &b.t[0], 10);
	clock_arm(&b.c, &b.t[1], 10);
	clock_arm(&b.c, &b.t[2], 11);
	calls = 0;
	assert_int_equal(clock_advance(&b.c, 100), -ELOOP);
	assert_int_equal(calls, CLOCK_FIRE_MAX);
	assert_int_equal(clock_now(&b.c), 10);
	assert_int_equal(b.t[0].deadline, 10);
	assert_int_equal(b.t[1].deadline, 10);
	assert_int_equal(b.t[2].deadline, 11);
	/* Once it stops doing that, time goes on from there. */
	b.more = NULL;
	b.n = 0;
	assert_int_equal(clock_advance(&b.c, 1), 0);
	assert_int_equal(b.n, 3);
	assert_int_equal(clock_now(&b.c), 11);
}

/* As many calls as one likes where each has its own instant. */
static void periodic_timers_are_not(void **state)
{
	struct bed b;

	(void)state;
	lay(&b);
	b.more = again_later;
	clock_arm(&b.c, &b.t[0], 1);
	calls = 0;
	assert_int_equal(clock_advance(&b.c, 3ull * CLOCK_FIRE_MAX), 0);
	assert_int_equal(calls, 3ull * CLOCK_FIRE_MAX);
	assert_int_equal(clock_now(&b.c), 3ull * CLOCK_FIRE_MAX);
}

static void saved_state_is_now(void **state)
{
	struct bed b;
	struct buf out = {0};
	size_t used;

	(void)state;
	lay(&b);
	assert_int_equal(clock_advance(&b.c, 12345), 0);
	assert_int_equal(state_save(&clock_state, &b.c, &out), 0);
	lay(&b);
	clock_arm(&b.c, &b.t[0], 20000);
	assert_int_equal(state_load(&clock_state, &b.c, out.p, out.len, &used, NULL), 0);
	assert_int_equal(clock_now(&b.c), 12345);
	assert_ptr_equal(b.c.head, &b.t[0]);
	state_reset(&clock_state, &b.c);
	assert_int_equal(clock_now(&b.c), 0);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_moves_when_told),
		cmocka_unit_test(order_of_deadline),
		cmocka_unit_test(ties_in_order_of_arming),
		cmocka_unit_test(cancel_and_re_arm),
		cmocka_unit_test(overwritten_deadline),
		cmocka_unit_test(the_past_fires_at_the_next_advance),
		cmocka_unit_test(saturates),
		cmocka_unit_test(handlers_arm_and_cancel),
		cmocka_unit_test(endless_handlers_are_cut_off),
		cmocka_unit_test(periodic_timers_are_not),
		cmocka_unit_test(saved_state_is_now),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
