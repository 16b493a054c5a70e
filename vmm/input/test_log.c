/* SPDX-License-Identifier: MIT */
/* The recording's form: whole or refused, in every way in which a file can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "input_priv.h"
#include "test_input.h"

/* A recording by hand: its sums are right, whatever else is wrong. */
struct made {
	struct buf b;
	uint64_t sum;
};

static void put(struct made *l, const void *p, size_t len)
{
	if (!len)
		return;
	l->sum = hash64(l->sum, p, len);
	buf_put(&l->b, p, len);
}

static void put_sum(struct made *l)
{
	uint8_t sum[LOG_SUM];

	st_le64(sum, l->sum);
	buf_put(&l->b, sum, sizeof(sum));
}

static void head(struct made *l, uint32_t version)
{
	uint8_t h[LOG_HEADER - LOG_SUM] = LOG_MAGIC;

	*l = (struct made){0};
	st_le32(h + 8, version);
	put(l, h, sizeof(h));
	put_sum(l);
}

static void rec(struct made *l, unsigned kind, uint64_t time, const char *name, size_t len)
{
	static const uint8_t data[INPUT_MSG + 1];
	uint8_t h[LOG_RECORD] = {0};

	st_le32(h, (uint32_t)len);
	h[4] = (uint8_t)kind;
	h[5] = (uint8_t)strlen(name);
	st_le64(h + 8, time);
	put(l, h, sizeof(h));
	put(l, name, strlen(name));
	put(l, data, len);
	put_sum(l);
}

static int try_it(struct made *l, struct err *err)
{
	struct clock c;
	struct input *in;
	int rc;

	clock_init(&c);
	*err = (struct err){0};
	rc = input_replay_bytes(&in, &c, l->b.p, l->b.len, err);
	assert_true(rc ? !in : in != NULL);
	input_free(in);
	return rc;
}

static void refused(struct made *l, const char *why)
{
	struct err err;

	assert_int_equal(try_it(l, &err), -EINVAL);
	if (!strstr(err.msg, why))
		fail_msg("'%s' is not in: %s", why, err.msg);
	buf_free(&l->b);
}

static void begin(struct made *l)
{
	head(l, LOG_VERSION);
	rec(l, LOG_SOURCE, 0, "a", 0);
	rec(l, LOG_START, 0, "", 8);
}

static void a_whole_one_is_taken(void **state)
{
	struct made l;
	struct err err;

	(void)state;
	head(&l, LOG_VERSION);
	rec(&l, LOG_SOURCE, 0, "a", 0);
	rec(&l, LOG_VALUE, 0, "a", 8); /* a value may have a source's name */
	rec(&l, LOG_SOURCE, 0, "b", 0);
	rec(&l, LOG_START, 5, "", 8);
	rec(&l, LOG_DATA, 5, "b", 1);
	rec(&l, LOG_DATA, 5, "a", INPUT_MSG);
	rec(&l, LOG_END, 5, "b", 0);
	rec(&l, LOG_FINISH, 6, "", 8);
	assert_int_equal(try_it(&l, &err), 0);
	/* Every byte counts: changed or left out, it is refused. */
	for (size_t i = 0; i < l.b.len; i = i < 400 || i + 100 > l.b.len ? i + 1 : i + 1009) {
		l.b.p[i] ^= 0x10;
		assert_int_equal(try_it(&l, &err), -EINVAL);
		l.b.p[i] ^= 0x10;
	}
	for (size_t full = l.b.len, i = 0; i < full;
	     i = i < 400 || i + 100 > full ? i + 1 : i + 997) {
		l.b.len = i;
		assert_int_equal(try_it(&l, &err), -EINVAL);
		l.b.len = full;
	}
	buf_free(&l.b);
}

static void what_is_wrong_is_said(void **state)
{
	uint8_t odd[LOG_RECORD] = {[4] = LOG_CUT, [6] = 1};
	struct made l = {0};

	(void)state;
	begin(&l);
	put(&l, odd, sizeof(odd));
	put_sum(&l);
	refused(&l, "is 0 is not");
	refused(&l, "no recording");
	head(&l, 2);
	refused(&l, "version 2");
	head(&l, LOG_VERSION);
	refused(&l, "never closed");
	begin(&l);
	refused(&l, "never closed");
	begin(&l);
	rec(&l, LOG_CUT, 0, "", 0);
	rec(&l, LOG_CUT, 0, "", 0);
	refused(&l, "behind its end");
	begin(&l);
	rec(&l, 0, 0, "", 0);
	refused(&l, "no known kind");
	begin(&l);
	rec(&l, LOG_KINDS, 0, "", 0);
	refused(&l, "no known kind");
	begin(&l);
	rec(&l, LOG_DATA, 0, "", 1);
	refused(&l, "impossible name");
	begin(&l);
	rec(&l, LOG_CUT, 0, "a", 0);
	refused(&l, "impossible name");
	begin(&l);
	rec(&l, LOG_DATA, 0, "a b", 1);
	refused(&l, "impossible name");
	begin(&l);
	rec(&l, LOG_DATA, 0, "01234567890123456789012345678901", 1);
	refused(&l, "impossible name");
	begin(&l);
	rec(&l, LOG_DATA, 0, "b", 1);
	refused(&l, "not named at the start");
	begin(&l);
	rec(&l, LOG_DATA, 0, "a", 0);
	refused(&l, "impossible length");
	begin(&l);
	rec(&l, LOG_DATA, 0, "a", INPUT_MSG + 1);
	refused(&l, "impossible length");
	begin(&l);
	rec(&l, LOG_END, 0, "a", 1);
	refused(&l, "impossible length");
	begin(&l);
	rec(&l, LOG_END, 0, "a", 0);
	rec(&l, LOG_DATA, 0, "a", 1);
	refused(&l, "after its end");
	begin(&l);
	rec(&l, LOG_DATA, 9, "a", 1);
	rec(&l, LOG_DATA, 8, "a", 1);
	refused(&l, "time goes back");
	begin(&l);
	rec(&l, LOG_FINISH, 0, "", 7);
	refused(&l, "impossible length");
	begin(&l);
	rec(&l, LOG_CUT, 0, "", 1);
	refused(&l, "impossible length");
	begin(&l);
	rec(&l, LOG_SOURCE, 0, "b", 0);
	refused(&l, "after the start");
	begin(&l);
	rec(&l, LOG_START, 0, "", 8);
	refused(&l, "after the start");
}

static void the_set_up_is_judged(void **state)
{
	struct made l;
	char name[8];

	(void)state;
	head(&l, LOG_VERSION);
	rec(&l, LOG_SOURCE, 0, "a", 1);
	refused(&l, "source with data");
	head(&l, LOG_VERSION);
	rec(&l, LOG_SOURCE, 0, "a", 0);
	rec(&l, LOG_SOURCE, 0, "a", 0);
	refused(&l, "source twice");
	head(&l, LOG_VERSION);
	rec(&l, LOG_VALUE, 0, "a", 7);
	refused(&l, "not of 8 bytes");
	head(&l, LOG_VERSION);
	rec(&l, LOG_VALUE, 0, "a", 8);
	rec(&l, LOG_VALUE, 0, "a", 8);
	refused(&l, "value twice");
	head(&l, LOG_VERSION);
	rec(&l, LOG_START, 0, "", 9);
	refused(&l, "not of 8 bytes");
	head(&l, LOG_VERSION);
	rec(&l, LOG_DATA, 0, "a", 1);
	refused(&l, "before the start");
	for (unsigned kind = LOG_SOURCE; kind <= LOG_VALUE; kind++) {
		head(&l, LOG_VERSION);
		for (unsigned i = 0; i <= INPUT_SOURCES; i++) {
			(void)snprintf(name, sizeof(name), "s%u", i);
			rec(&l, kind, 0, name, kind == LOG_VALUE ? 8 : 0);
		}
		refused(&l, kind == LOG_VALUE ? "too many values" : "too many sources");
	}
}

static void a_file_is_there_when_it_is_whole(void **state)
{
	char dir[] = "/tmp/test_log.XXXXXX", path[64], link_[64];
	struct world w;
	struct err err;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/log", dir);
	(void)snprintf(link_, sizeof(link_), "%s/link", dir);
	/* Never started, never closed: nothing is left. */
	world_new(&w, path);
	assert_int_equal(input_close(w.in, &err), 0);
	world_free(&w);
	world_new(&w, path);
	assert_int_equal(input_start(w.in, 1, NULL), 0);
	world_free(&w);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	/* Through a link, over what was there. */
	assert_int_equal(file_write(path, "old", 3, NULL), 0);
	assert_int_equal(symlink("log", link_), 0);
	world_new(&w, link_);
	assert_int_equal(input_start(w.in, 1, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(input_close(w.in, &err), 0);
	world_free(&w);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, LOG_HEADER + 2 * (LOG_RECORD + LOG_SUM) + 8);
	assert_int_equal(lstat(link_, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(unlink(link_), 0);
	assert_int_equal(unlink(path), 0);
	/* What cannot be: a folder, a place that is not there. */
	clock_init(&w.clock);
	assert_int_equal(input_new(&w.in, &w.clock, dir, &err), -EISDIR);
	assert_int_equal(input_new(&w.in, &w.clock, "/no/such/place", &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/no/such/place"));
	assert_int_equal(input_replay(&w.in, &w.clock, path, &err), -ENOENT);
	assert_int_equal(file_write(path, "old", 3, NULL), 0);
	assert_int_equal(input_replay(&w.in, &w.clock, path, &err), -EINVAL);
	assert_non_null(strstr(err.msg, path));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void a_full_disk_is_a_fault(void **state)
{
	uint8_t *big = calloc(1, INPUT_MSG);
	struct world w;
	struct err err;

	(void)state;
	assert_non_null(big);
	world_new(&w, "/dev/full");
	end_open(&w, &w.a, "a");
	w.a.count_only = true;
	input_set_hook(w.in, count_hook, &w);
	assert_int_equal(input_start(w.in, 1, NULL), 0);
	assert_int_equal(input_put(w.a.s, big, INPUT_MSG), 0);
	assert_int_equal(clock_advance(&w.clock, INPUT_TICK), 0);
	assert_non_null(input_fault(w.in));
	assert_non_null(strstr(input_fault(w.in), "cannot write the recording"));
	assert_true(w.hooks > 0);
	assert_int_equal(input_wait(w.in, CLOCK_NEVER, 0), 0); /* not waited for */
	assert_int_equal(input_close(w.in, &err), -ENOSPC);
	free(big);
	world_free(&w);
}

/* A file that cannot grow: it never gets its name, and nothing is left beside it. */
static void what_was_not_written_is_no_file(void **state)
{
	char dir[] = "/tmp/test_log.XXXXXX", path[64];
	uint8_t *big = calloc(1, INPUT_MSG);
	struct rlimit old, small;
	struct world w;
	struct err err;

	(void)state;
	assert_non_null(big);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/log", dir);
	world_new(&w, path);
	end_open(&w, &w.a, "a");
	w.a.count_only = true;
	assert_int_equal(input_start(w.in, 1, NULL), 0);
	assert_int_equal(input_put(w.a.s, big, INPUT_MSG), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 1000;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(clock_advance(&w.clock, INPUT_TICK), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_non_null(input_fault(w.in));
	assert_int_equal(input_close(w.in, &err), -EFBIG);
	world_free(&w);
	assert_int_equal(rmdir(dir), 0);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_one_is_taken),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(the_set_up_is_judged),
		cmocka_unit_test(a_file_is_there_when_it_is_whole),
		cmocka_unit_test(a_full_disk_is_a_fault),
		cmocka_unit_test(what_was_not_written_is_no_file),
	};

	return cmocka_run_group_tests_name("input_log", tests, NULL, NULL);
}
