/* SPDX-License-Identifier: MIT */
/* vise fuzz: what engines write, counted and sorted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define BAD (77 << 8) /* a wait status */

static void findings_by_cause(void **state)
{
	struct fuzz_stats s = {0};

	(void)state;
	fuzz_bucket(&s,
		    "#1\tINITED\noracle used-len: 4, stored 5\nERROR: libFuzzer: deadly signal\n",
		    BAD);
	fuzz_bucket(&s, "oracle used-len: 17, stored 9\n", BAD);
	fuzz_bucket(&s, "ERROR: libFuzzer: timeout after 20 seconds\n", BAD);
	fuzz_bucket(&s, "oracle fresh: it is not\n", BAD);
	fuzz_bucket(&s, "ERROR: libFuzzer: out-of-memory (used: 2049Mb)\n", BAD);
	/* It ended well: nothing was found. */
	fuzz_bucket(&s, "#2\tDONE\n", 0);
	assert_int_equal(s.nr_buckets, 4);
	assert_int_equal(s.bucket[0].findings, 2);
	assert_non_null(strstr(s.bucket[0].cause, "used-len"));
	assert_string_equal(s.bucket[1].cause, "timeout");
	assert_non_null(strstr(s.bucket[2].cause, "fresh"));
	assert_string_equal(s.bucket[3].cause, "memory limit");
	for (unsigned i = 0; i < 2 * FUZZ_BUCKETS; i++) {
		char log[64];

		/* Letters, for numbers are all one. */
		snprintf(log, sizeof(log), "oracle of-%c%c: x\n", 'a' + i % 26, 'a' + i / 26);
		fuzz_bucket(&s, log, BAD);
	}
	assert_int_equal(s.nr_buckets, FUZZ_BUCKETS);
	assert_int_equal(s.unsorted, 4 + 2 * FUZZ_BUCKETS - FUZZ_BUCKETS);
}

static void stability(void **state)
{
	/* Three inputs twice: 2 is set up by its first run, 0 reaches more the second time, 1 does not. */
	static const char control[] = "6\n0\n/t/2-1\n/t/2-0\n/t/0-0\n/t/0-1\n/t/1-1\n/t/1-0\n"
				      "STARTED 0 4\nFT 0 1 2\nCOV 0\nSTARTED 1 4\nFT 1 7\nCOV 1 1\n"
				      "STARTED 2 4\nFT 2 3\nCOV 2\nSTARTED 3 4\nFT 3 9\nCOV 3\n"
				      "STARTED 4 4\nFT 4 5\nCOV 4\nSTARTED 5 4\nFT 5\nCOV 5\n";
	unsigned same, all;

	(void)state;
	assert_int_equal(fuzz_stability_parse(control, &same, &all), 0);
	assert_int_equal(all, 2);
	assert_int_equal(same, 1);
	assert_int_equal(fuzz_stability_parse("", &same, &all), -EINVAL);
	assert_int_equal(fuzz_stability_parse("999999\n0\nx\n", &same, &all), -EINVAL);
	/* It ended in its first input; an index that is none. */
	assert_int_equal(fuzz_stability_parse("2\n0\na-0\na-1\nSTARTED 0 1\n", &same, &all),
			 -ENODATA);
	assert_int_equal(fuzz_stability_parse("2\n0\na-0\nFT 7 1", &same, &all), -ENODATA);
	assert_int_equal(fuzz_stability_parse("2\n0", &same, &all), -ENODATA);
}

static void afl_stats(void **state)
{
	static const char text[] = "start_time        : 1000\nlast_find         : 1012\n"
				   "execs_done        : 500\ncorpus_count      : 9\n"
				   "stability         : 98.50%\nedges_found       : 77\n";
	struct fuzz_line l = {.execs = 600};

	(void)state;
	fuzz_parse_stats(text, &l);
	assert_int_equal(l.execs, 600); /* the other file knew more */
	assert_int_equal(l.corpus, 9);
	assert_int_equal(l.coverage, 77);
	assert_true(l.stability > 98.4 && l.stability < 98.6);
	assert_true(l.last_find > 11.9 && l.last_find < 12.1);
	l = (struct fuzz_line){0};
	fuzz_parse_stats("start_time        : 1000\nlast_find         : 0\n", &l);
	assert_true(l.last_find <= 0 && l.stability <= 0);
}

static void interface_slots(void **state)
{
	char path[] = "/tmp/vise-test-iface.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fuzz_interface(path), 0);
	assert_int_equal(write(fd, "\1\0\0\1\377", 5), 5);
	assert_int_equal(fuzz_interface(path), 3);
	close(fd);
	unlink(path);
	assert_int_equal(fuzz_interface(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(findings_by_cause),
		cmocka_unit_test(stability),
		cmocka_unit_test(afl_stats),
		cmocka_unit_test(interface_slots),
	};

	return cmocka_run_group_tests_name("fuzz", tests, NULL, NULL);
}
