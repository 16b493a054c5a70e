/* SPDX-License-Identifier: MIT */
/* What comes from outside: when it is delivered live, that a replay is the same, and waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "test_input.h"

/* ---- live ------------------------------------------------------------------------------------------ */

static void nothing_is_delivered_before_a_tick(void **state)
{
	struct world w;

	(void)state;
	world_new(&w, NULL);
	end_open(&w, &w.a, "a");
	assert_int_equal(input_mode(w.in), INPUT_LIVE);
	assert_true(input_is_live(w.in));
	assert_int_equal(input_start(w.in, 1, NULL), 0);
	assert_int_equal(write(w.a.w, "hello", 5), 5);
	assert_int_equal(clock_advance(&w.clock, INPUT_TICK - 1), 0);
	assert_string_equal(buf_str(&w.heard), "");
	assert_int_equal(clock_advance(&w.clock, 1), 0);
	assert_string_equal(buf_str(&w.heard), "100000 a hello\n");
	/* Only what is new. */
	assert_int_equal(clock_advance(&w.clock, 10 * INPUT_TICK), 0);
	assert_string_equal(buf_str(&w.heard), "100000 a hello\n");
	/* The end, told once; with no source left nothing ticks. */
	end_close(&w.a);
	assert_int_equal(clock_advance(&w.clock, INPUT_TICK), 0);
	assert_string_equal(buf_str(&w.heard), "100000 a hello\n1200000 a end\n");
	assert_int_equal(clock_next(&w.clock), CLOCK_NEVER);
	world_free(&w);
}

static void a_tick_comes_last_at_its_instant(void **state)
{
	struct world w;

	(void)state;
	world_new(&w, NULL);
	end_open(&w, &w.a, "a");
	assert_int_equal(input_start(w.in, 1, NULL), 0);
	/* Armed after it, and one by that one's handler. */
	timer_at(&w, 0, INPUT_TICK);
	w.again = 1;
	assert_int_equal(write(w.a.w, "x", 1), 1);
	assert_int_equal(clock_advance(&w.clock, INPUT_TICK), 0);
	assert_string_equal(buf_str(&w.heard), "100000 timer\n100000 timer\n100000 a x\n");
	world_free(&w);
}

static void messages_keep_their_order_and_borders(void **state)
{
	struct world w;

	(void)state;
	world_new(&w, NULL);
	end_open(&w, &w.a, "a");
	end_open(&w, &w.b, "b");
	assert_int_equal(input_start(w.in, 1, NULL), 0);
	/* Put outside of a tick: at the next. */
	assert_int_equal(input_put(w.b.s, "one", 3), 0);
	assert_int_equal(input_put(w.b.s, "two", 3), 0);
	assert_int_equal(input_put(w.a.s, "three", 5), 0);
	assert_int_equal(input_wait(w.in, CLOCK_NEVER, 0), 0); /* there is something already */
	/* What is put while it is delivered waits for the next tick. */
	w.a.echo = true;
	assert_int_equal(clock_advance(&w.clock, INPUT_TICK), 0);
	assert_string_equal(buf_str(&w.heard), "100000 a three\n100000 b one\n100000 b two\n");
	w.a.echo = false;
	assert_int_equal(clock_advance(&w.clock, INPUT_TICK), 0);
	assert_string_equal(buf_str(&w.heard),
			    "100000 a three\n100000 b one\n100000 b two\n200000 a echo\n");
	world_free(&w);
}

static void what_waits_is_bounded(void **state)
{
	struct world w;
	uint8_t *big = calloc(1, INPUT_MSG + 1);
	unsigned n = 0;

	(void)state;
	assert_non_null(big);
	world_new(&w, NULL);
	end_open(&w, &w.a, "a");
	w.a.count_only = true;
	assert_int_equal(input_start(w.in, 1, NULL), 0);
	assert_int_equal(input_put(w.a.s, big, 0), -EMSGSIZE);
	assert_int_equal(input_put(w.a.s, big, INPUT_MSG + 1), -EMSGSIZE);
	while (!input_put(w.a.s, big, INPUT_MSG))
		n++;
	assert_int_equal(n, INPUT_QUEUE / INPUT_MSG - 1); /* their lengths take room too */
	assert_int_equal(input_put(w.a.s, big, INPUT_MSG), -ENOBUFS);
	assert_int_equal(input_put(w.a.s, big, 1), 0);
	input_end(w.a.s);
	assert_int_equal(input_put(w.a.s, big, 1), -EPIPE);
	assert_int_equal(clock_advance(&w.clock, INPUT_TICK), 0);
	assert_int_equal(w.a.bytes, n * INPUT_MSG + 1);
	assert_string_equal(buf_str(&w.heard), "100000 a end\n");
	free(big);
	world_free(&w);
}

static void names_and_numbers_of_sources_are_judged(void **state)
{
	struct world w;
	struct input_source *s;
	char name[16];
	struct err err;
	uint64_t val = 1;

	(void)state;
	world_new(&w, NULL);
	assert_false(input_is_live(w.in));
	assert_int_equal(input_add(w.in, &s, "", &end_ops, &w.a, &err), -EINVAL);
	assert_int_equal(input_add(w.in, &s, "a b", &end_ops, &w.a, &err), -EINVAL);
	assert_int_equal(
		input_add(w.in, &s, "0123456789012345678901234567890", &end_ops, &w.a, &err), 0);
	assert_int_equal(
		input_add(w.in, &s, "01234567890123456789012345678901", &end_ops, &w.a, &err),
		-EINVAL);
	assert_int_equal(input_value(w.in, "a\n", &val, &err), -EINVAL);
	for (unsigned i = 1; i < INPUT_SOURCES; i++) {
		(void)snprintf(name, sizeof(name), "s%u", i);
		assert_int_equal(input_add(w.in, &s, name, &end_ops, &w.a, &err), 0);
	}
	assert_int_equal(input_add(w.in, &s, "s1", &end_ops, &w.a, &err), -EEXIST);
	assert_int_equal(input_add(w.in, &s, "more", &end_ops, &w.a, &err), -E2BIG);
	assert_non_null(strstr(err.msg, "24 sources"));
	world_free(&w);
}

static void every_tick_is_told(void **state)
{
	struct world w;

	(void)state;
	world_new(&w, NULL);
	end_open(&w, &w.a, "a");
	input_set_tick(w.in, 1); /* cut to what is sane */
	input_set_hook(w.in, count_hook, &w);
	assert_int_equal(input_start(w.in, 1, NULL), 0);
	assert_int_equal(clock_advance(&w.clock, 5000), 0);
	assert_int_equal(w.hooks, 5);
	world_free(&w);
}

/* ---- waiting --------------------------------------------------------------------------------------- */

static void a_waiting_cpu_waits_for_the_host(void **state)
{
	struct world w;
	uint64_t next;

	(void)state;
	world_new(&w, NULL);
	assert_int_equal(input_wait(w.in, CLOCK_NEVER, 0), -ENODATA);
	assert_int_equal(input_wait(w.in, 5, 0), 0);
	end_open(&w, &w.a, "a");
	assert_int_equal(input_wait(w.in, CLOCK_NEVER, 0), -ENODATA); /* it has not begun */
	assert_int_equal(input_start(w.in, 1, NULL), 0);
	assert_int_equal(input_next_other(w.in), CLOCK_NEVER);
	assert_int_equal(input_wait(w.in, CLOCK_NEVER, 5), -ETIME);
	/* A timer 2 ms ahead: that long the host is waited for, and no tick is before it. */
	timer_at(&w, 0, 2000000);
	assert_int_equal(input_next_other(w.in), 2000000);
	assert_int_equal(input_wait(w.in, 2000000, 5000), 0);
	assert_int_equal(clock_next(&w.clock), 2000000);
	/* Something is there: a tick comes as late as was waited, the timer at the latest. */
	assert_int_equal(write(w.a.w, "x", 1), 1);
	assert_int_equal(input_wait(w.in, 2000000, 5000), 0);
	next = clock_next(&w.clock);
	assert_true(next <= 2000000);
	assert_int_equal(clock_advance(&w.clock, next), 0);
	assert_non_null(strstr(buf_str(&w.heard), " a x\n"));
	/* One that cannot take more is not waited for. */
	w.a.full = true;
	assert_int_equal(input_wait(w.in, CLOCK_NEVER, 0), -ENODATA);
	w.a.full = false;
	/* The end is something, too. */
	end_close(&w.a);
	assert_int_equal(input_wait(w.in, CLOCK_NEVER, 0), 0);
	assert_int_equal(clock_advance(&w.clock, INPUT_TICK), 0);
	assert_non_null(strstr(buf_str(&w.heard), " a end\n"));
	assert_int_equal(input_wait(w.in, CLOCK_NEVER, 0), -ENODATA);
	world_free(&w);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void a_signal_ends_the_waiting(void **state)
{
	struct sigaction act = {.sa_handler = on_alarm}, old;
	struct itimerval t = {.it_value.tv_usec = 20000, .it_interval.tv_usec = 20000}, none = {0};
	struct world w;

	(void)state;
	world_new(&w, NULL);
	end_open(&w, &w.a, "a");
	assert_int_equal(input_start(w.in, 1, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &act, &old), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &t, NULL), 0);
	assert_int_equal(input_wait(w.in, CLOCK_NEVER, 0), -EINTR);
	assert_int_equal(setitimer(ITIMER_REAL, &none, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
	world_free(&w);
}

/* ---- recording and replay ---------------------------------------------------------------------------- */

/* A run with two sources, a value and a timer; what was heard of it. */
static void play(struct world *w, bool live)
{
	uint64_t seed = live ? 77 : 5;

	end_open(w, &w->a, "a");
	end_open(w, &w->b, "b");
	assert_int_equal(input_value(w->in, "seed", &seed, NULL), 0);
	assert_int_equal(seed, 77);
	assert_int_equal(input_start(w->in, 1234, NULL), 0);
	timer_at(w, 0, 3 * INPUT_TICK);
	for (unsigned i = 0; i < 10; i++) {
		if (live && i == 1)
			assert_int_equal(write(w->b.w, "bb", 2), 2);
		if (live && i == 2)
			assert_int_equal(write(w->a.w, "a\0a", 3), 3);
		if (live && i == 7)
			end_close(&w->b);
		/* The steps need not be the same. */
		assert_int_equal(clock_advance(&w->clock, 123457), 0);
	}
}

#define HEARD "200000 b bb\n300000 timer\n300000 a a\\0a\n900000 b end\n"

static void a_replay_is_the_same(void **state)
{
	char path[] = "/tmp/test_input.XXXXXX";
	struct world w;

	(void)state;
	temp_name(path);
	world_new(&w, path);
	assert_int_equal(input_mode(w.in), INPUT_RECORD);
	play(&w, true);
	assert_false(input_is_live(w.in)); /* it will repeat */
	assert_string_equal(buf_str(&w.heard), HEARD);
	assert_int_equal(input_finish(w.in, 0x99, NULL), 0);
	assert_int_equal(access(path, F_OK), -1); /* not before it is whole */
	assert_int_equal(input_close(w.in, NULL), 0);
	assert_int_equal(input_close(w.in, NULL), 0);
	world_free(&w);
	assert_int_equal(access(path, F_OK), 0);

	world_replay(&w, path);
	assert_int_equal(input_mode(w.in), INPUT_REPLAY);
	play(&w, false);
	assert_false(input_is_live(w.in));
	assert_string_equal(buf_str(&w.heard), HEARD);
	assert_int_equal(w.a.asked + w.b.asked, 0); /* nobody looked at the host */
	assert_int_equal(input_put(w.a.s, "no", 2), 0);
	assert_int_equal(input_finish(w.in, 0x99, NULL), 0);
	assert_null(input_fault(w.in));
	assert_int_equal(input_close(w.in, NULL), 0);
	world_free(&w);
	unlink(path);
}

/* A finished recording of play(), ended at its 1234570 ns. */
static void record(char *path)
{
	struct world w;

	temp_name(path);
	world_new(&w, path);
	play(&w, true);
	assert_int_equal(input_finish(w.in, 0x99, NULL), 0);
	assert_int_equal(input_close(w.in, NULL), 0);
	world_free(&w);
}

static void a_replay_that_diverges_is_told(void **state)
{
	char path[] = "/tmp/test_input.XXXXXX";
	struct world w;
	struct err err;

	(void)state;
	record(path);
	/* It ends with something else. */
	world_replay(&w, path);
	play(&w, false);
	assert_int_equal(input_finish(w.in, 0x98, &err), -EILSEQ);
	assert_non_null(strstr(err.msg, "0000000000000098"));
	/* It goes on. */
	input_set_hook(w.in, count_hook, &w);
	assert_int_equal(input_wait(w.in, CLOCK_NEVER, 0), -ENODATA); /* that wakes nobody */
	assert_int_equal(clock_advance(&w.clock, 5), 0);
	assert_non_null(input_fault(w.in));
	assert_non_null(strstr(input_fault(w.in), "ended at 1234570 ns"));
	assert_int_equal(w.hooks, 1);
	assert_int_equal(input_finish(w.in, 0x99, &err), -EILSEQ);
	assert_non_null(strstr(err.msg, "1234575"));
	world_free(&w);
	/* It ends early. */
	world_replay(&w, path);
	end_open(&w, &w.a, "a");
	end_open(&w, &w.b, "b");
	assert_int_equal(input_start(w.in, 1234, NULL), 0);
	assert_int_equal(clock_advance(&w.clock, 250000), 0);
	assert_int_equal(input_finish(w.in, 0x99, &err), -EILSEQ);
	assert_non_null(strstr(err.msg, "input is left"));
	world_free(&w);
	unlink(path);
}

static void a_replay_is_of_the_same_machine(void **state)
{
	char path[] = "/tmp/test_input.XXXXXX";
	struct input_source *s;
	struct world w;
	struct err err;
	uint64_t val;

	(void)state;
	record(path);
	world_replay(&w, path);
	assert_int_equal(input_add(w.in, &s, "other", &end_ops, &w.a, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "'other' is not in the recording"));
	assert_int_equal(input_value(w.in, "other", &val, &err), -EINVAL);
	end_open(&w, &w.b, "b");
	assert_int_equal(input_start(w.in, 1234, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "has input 'a'"));
	end_open(&w, &w.a, "a");
	assert_int_equal(input_start(w.in, 1235, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "another machine"));
	w.clock.now = 1;
	assert_int_equal(input_start(w.in, 1234, &err), -EINVAL);
	w.clock.now = 0;
	/* The order in which sources are added is not the recording's business. */
	assert_int_equal(input_start(w.in, 1234, &err), 0);
	timer_at(&w, 0, 3 * INPUT_TICK);
	assert_int_equal(clock_advance(&w.clock, 1234570), 0);
	assert_string_equal(buf_str(&w.heard), HEARD);
	world_free(&w);
	unlink(path);
}

static void a_run_that_was_cut_ends_there_in_replay(void **state)
{
	char path[] = "/tmp/test_input.XXXXXX";
	struct world w;
	struct err err;

	(void)state;
	temp_name(path);
	world_new(&w, path);
	play(&w, true);
	assert_int_equal(input_close(w.in, NULL), 0);
	world_free(&w);
	world_replay(&w, path);
	input_set_hook(w.in, count_hook, &w);
	play(&w, false);
	assert_true(input_over(w.in));
	assert_int_equal(w.hooks, 1);
	assert_null(input_fault(w.in));
	assert_int_equal(input_finish(w.in, 1, &err), -EILSEQ);
	assert_non_null(strstr(err.msg, "went on"));
	world_free(&w);
	unlink(path);
}

static void replay_waits_for_nobody(void **state)
{
	char path[] = "/tmp/test_input.XXXXXX";
	struct world w;

	(void)state;
	record(path);
	world_replay(&w, path);
	end_open(&w, &w.a, "a");
	end_open(&w, &w.b, "b");
	assert_int_equal(input_start(w.in, 1234, NULL), 0);
	/* What comes next is what time goes to. */
	assert_int_equal(input_wait(w.in, CLOCK_NEVER, 0), 0);
	assert_int_equal(clock_next(&w.clock), 200000);
	assert_int_equal(input_next_other(w.in), CLOCK_NEVER);
	assert_int_equal(clock_advance(&w.clock, 900000), 0);
	assert_int_equal(input_wait(w.in, CLOCK_NEVER, 0), -ENODATA);
	assert_int_equal(input_wait(w.in, 5000000, 0), 0);
	world_free(&w);
	unlink(path);
}

static void a_replay_goes_back(void **state)
{
	char path[] = "/tmp/test_input.XXXXXX";
	struct world w;

	(void)state;
	record(path);
	world_replay(&w, path);
	input_rearm(w.in); /* before the start: nothing to do */
	play(&w, false);
	assert_int_equal(clock_advance(&w.clock, 5), 0);
	assert_non_null(input_fault(w.in));
	buf_free(&w.heard);
	w.clock.now = 200000; /* what is due then was delivered then */
	input_rearm(w.in);
	assert_null(input_fault(w.in));
	assert_int_equal(clock_advance(&w.clock, 1034570), 0);
	assert_string_equal(buf_str(&w.heard), "300000 a a\\0a\n900000 b end\n");
	assert_int_equal(input_finish(w.in, 0x99, NULL), 0);
	world_free(&w);
	unlink(path);
}

static void a_live_clock_that_was_set_ticks_on(void **state)
{
	struct world w;

	(void)state;
	world_new(&w, NULL);
	end_open(&w, &w.a, "a");
	assert_int_equal(input_start(w.in, 1, NULL), 0);
	w.clock.now = 5000000;
	input_rearm(w.in);
	assert_int_equal(clock_next(&w.clock), 5000000 + INPUT_TICK);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_delivered_before_a_tick),
		cmocka_unit_test(a_tick_comes_last_at_its_instant),
		cmocka_unit_test(messages_keep_their_order_and_borders),
		cmocka_unit_test(what_waits_is_bounded),
		cmocka_unit_test(names_and_numbers_of_sources_are_judged),
		cmocka_unit_test(every_tick_is_told),
		cmocka_unit_test(a_waiting_cpu_waits_for_the_host),
		cmocka_unit_test(a_signal_ends_the_waiting),
		cmocka_unit_test(a_replay_is_the_same),
		cmocka_unit_test(a_replay_that_diverges_is_told),
		cmocka_unit_test(a_replay_is_of_the_same_machine),
		cmocka_unit_test(a_run_that_was_cut_ends_there_in_replay),
		cmocka_unit_test(replay_waits_for_nobody),
		cmocka_unit_test(a_replay_goes_back),
		cmocka_unit_test(a_live_clock_that_was_set_ticks_on),
	};

	return cmocka_run_group_tests_name("input", tests, NULL, NULL);
}
