/* SPDX-License-Identifier: MIT */
/* Unit tests: judging a run, the diffs, and the shapes of the reports. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness_priv.h"

static struct guest_spec spec;
static struct vm_result res;
static struct buf stream;
static struct test_result result;
static const char *serial = "";

static enum test_verdict judged(const char *header)
{
	struct err err = {0};
	struct judge_run run = {&res, serial, strlen(serial), false, &stream};

	assert_int_equal(guest_spec_parse(&spec, "t.asm", GUEST_KVM, header, strlen(header), &err),
			 0);
	test_result_free(&result);
	judge(&spec, &run, &result);
	guest_spec_free(&spec);
	return result.verdict;
}

static int fresh(void **state)
{
	(void)state;
	res = (struct vm_result){.verdict = VM_PASS, .guest = 0, .end = "exit", .exits = 3};
	snprintf(res.reason, sizeof(res.reason), "debug-exit 0");
	serial = "";
	buf_free(&stream);
	return 0;
}

static int done(void **state)
{
	(void)state;
	test_result_free(&result);
	buf_free(&stream);
	return 0;
}

#define S ";@ summary: s\n"
#define assert_says(part)                                                                          \
	do {                                                                                       \
		assert_non_null(result.reason);                                                    \
		if (!strstr(result.reason, part))                                                  \
			fail_msg("'%s' has no '%s'", result.reason, part);                         \
	} while (0)
#define assert_shows(part)                                                                         \
	do {                                                                                       \
		assert_non_null(result.detail);                                                    \
		if (!strstr(result.detail, part))                                                  \
			fail_msg("'%s' has no '%s'", result.detail, part);                         \
	} while (0)

static void by_exit(void **state)
{
	(void)state;
	assert_int_equal(judged(S), TEST_PASS);
	assert_int_equal(judged(S ";@ exit: 7\n"), TEST_FAIL);
	assert_says("exit 0, want 7");
	res.guest = 7;
	assert_int_equal(judged(S ";@ exit: 7\n"), TEST_PASS);
	assert_int_equal(judged(S), TEST_FAIL);
	assert_says("exit 7, want 0");
	res.guest = -1;
	res.verdict = VM_FAIL;
	res.end = "shutdown";
	snprintf(res.reason, sizeof(res.reason), "triple fault at 0x8000");
	assert_int_equal(judged(S), TEST_FAIL);
	assert_says("triple fault at 0x8000");
	assert_int_equal(judged(S ";@ exit: shutdown\n"), TEST_PASS);
	assert_int_equal(judged(S ";@ exit: hlt\n"), TEST_FAIL);
	assert_says("it ended by shutdown (triple fault at 0x8000), want hlt");
}

static void by_assertion(void **state)
{
	(void)state;
	res.assert_line = 12;
	res.assert_got = 0x5b;
	res.assert_want = 0x5a;
	assert_int_equal(judged(S), TEST_FAIL); /* also where it went on and "passed" */
	assert_string_equal(result.reason, "t.asm:12: got 0x5b, want 0x5a");
	res.guest = 1;
	serial = "so far\n";
	assert_int_equal(judged(S), TEST_FAIL);
	assert_shows("serial output:\n  so far\n");
	/* a test of assertions themselves */
	assert_int_equal(judged(S ";@ exit: 1\n"), TEST_PASS);
}

static void by_environment(void **state)
{
	(void)state;
	res.verdict = VM_ERROR;
	snprintf(res.reason, sizeof(res.reason), "a bad\nthing");
	assert_int_equal(judged(S), TEST_ERROR);
	assert_string_equal(result.reason, "a bad?thing");
	res.verdict = VM_SKIP;
	assert_int_equal(judged(S), TEST_SKIP);
}

static void by_serial(void **state)
{
	(void)state;
	serial = "one\ntwo\n";
	assert_int_equal(judged(S ";@ serial: one\\ntwo\\n\n"), TEST_PASS);
	assert_int_equal(judged(S ";@ serial: one\\ntwo\n"), TEST_FAIL);
	assert_shows("@@ line 2 @@\n one\n-two\n+two\n");
	assert_shows("newline");
	assert_int_equal(judged(S ";@ serial: one\\nthree\\n\n"), TEST_FAIL);
	assert_says("serial output differs: 8 bytes, want 10");
	assert_shows("-three\n+two\n");
	assert_int_equal(judged(S ";@ serial:\n"), TEST_FAIL);
	assert_int_equal(judged(S ";@ serial: ~^t[a-w]+$\n"), TEST_PASS);
	assert_int_equal(judged(S ";@ serial: ~^x\n"), TEST_FAIL);
	assert_says("no match for ~^x");
	/* exit is judged before serial */
	res.guest = 3;
	assert_int_equal(judged(S ";@ serial: x\n"), TEST_FAIL);
	assert_says("exit 3");
}

static void by_stream(void **state)
{
	(void)state;
	buf_printf(&stream, "pio w 0x500 1 0x1\nhlt\nend exit\n");
	assert_int_equal(
		judged(S ";@ exits: pio w 0x500 1 0x1\n;@ exits: hlt\n;@ exits: end exit\n"),
		TEST_PASS);
	assert_int_equal(
		judged(S ";@ exits: pio w 0x500 1 0x2\n;@ exits: hlt\n;@ exits: end exit\n"),
		TEST_FAIL);
	assert_says("the exit stream differs");
	assert_shows("--- exits expected\n+++ exits seen\n@@ line 1 @@\n-pio w 0x500 1 0x2\n");
	assert_int_equal(judged(S ";@ exits: pio w 0x500 1 0x1\n"), TEST_FAIL);
	assert_shows("+hlt\n+end exit\n(nothing more is expected)\n");
	assert_int_equal(judged(S ";@ exits: <= 3\n"), TEST_PASS);
	assert_int_equal(judged(S ";@ exits: <= 2\n"), TEST_FAIL);
	assert_says("3 exits, want at most 2");
}

static void diff_of_hostile_text(void **state)
{
	char *big = malloc(100001);
	struct buf out = {0};

	(void)state;
	assert_non_null(big);
	memset(big, 'x', 100000);
	big[100000] = '\0';
	assert_false(judge_diff("a", NULL, 0, NULL, 0, &out));
	assert_false(judge_diff("a", "x\n", 2, "x\n", 2, &out));
	assert_int_equal(out.len, 0);
	assert_true(judge_diff("a", big, 100000, "\x1b[31m\0\r", 7, &out));
	assert_non_null(strstr(out.p, "(99840 more bytes)"));
	assert_non_null(strstr(out.p, "+\\x1b[31m\\x00\\r\n"));
	assert_null(strchr(out.p, '\x1b'));
	assert_true(out.len < 1000);
	buf_free(&out);
	judge_quote("1\n2\n3\n", 6, "> ", 2, &out);
	assert_string_equal(out.p, "> ...\n> 2\n> 3\n");
	buf_free(&out);
	free(big);
}

/* ---- reports ---- */

static char *text;
static size_t text_len;

static void report_all(bool json, const char *junit, struct test_totals *t)
{
	struct test_result r[] = {
		{"a/pass", GUEST_KVM, TEST_PASS, NULL, NULL, 1.25, 3, false, 0, 0},
		{"a/fail", GUEST_KVM, TEST_FAIL, "exit <1>", "-x\n+\"y\"\n", 2, 3, false, 0, 0},
		{"a/skip", GUEST_KVM, TEST_SKIP, "needs kvm", NULL, 0, 0, false, 0, 0},
		{"a/error", GUEST_KVM, TEST_ERROR, "t.asm:1: bad", NULL, 0, 0, false, 0, 0},
		{"a/xfail", GUEST_KVM, TEST_XFAIL, "known", "hidden", 0, 0, false, 0, 0},
		{"a/xpass", GUEST_KVM, TEST_XPASS, "passes", NULL, 0, 0, false, 0, 0},
	};
	struct test_opts o = {.junit = junit};
	struct err err = {0};
	struct report rep;
	FILE *f;

	free(text);
	f = open_memstream(&text, &text_len);
	assert_non_null(f);
	if (json)
		o.json = f;
	else
		o.ktap = f;
	report_begin(&rep, &o, ARRAY_SIZE(r));
	for (unsigned i = 0; i < ARRAY_SIZE(r); i++)
		report_result(&rep, &r[i]);
	assert_int_equal(report_end(&rep, &err), 0);
	*t = rep.totals;
	fclose(f);
}

static void ktap(void **state)
{
	struct test_totals t;

	(void)state;
	report_all(false, NULL, &t);
	assert_string_equal(text, "KTAP version 1\n1..6\n"
				  "ok 1 a/pass (kvm)\n"
				  "not ok 2 a/fail (kvm)\n# FAIL: exit <1>\n#   -x\n#   +\"y\"\n"
				  "ok 3 a/skip (kvm) # SKIP needs kvm\n"
				  "not ok 4 a/error (kvm)\n# ERROR: t.asm:1: bad\n"
				  "ok 5 a/xfail (kvm) # XFAIL known\n"
				  "not ok 6 a/xpass (kvm)\n# UNEXPECTED PASS: passes\n"
				  "1 passed, 3 failed, 2 skipped\n");
	assert_int_equal(t.exit_status, 1);
	free(text);
	text = NULL;
}

static void json(void **state)
{
	struct test_totals t;

	(void)state;
	report_all(true, NULL, &t);
	assert_non_null(strstr(text, "{\"test\":\"a/pass\",\"cpu\":\"kvm\",\"verdict\":\"pass\","
				     "\"reason\":null,\"ms\":1.2}\n"));
	assert_non_null(strstr(text, "\"verdict\":\"xpass\",\"reason\":\"passes\""));
	assert_non_null(strstr(text, "\n{\"passed\":1,\"failed\":3,\"skipped\":2}\n"));
	free(text);
	text = NULL;
}

static void junit(void **state)
{
	char path[] = "/tmp/vise-junit.XXXXXX";
	int fd = mkstemp(path);
	struct test_totals t;
	struct err err;
	void *xml;
	size_t len;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	report_all(false, path, &t);
	assert_int_equal(file_read(path, 1 << 20, &xml, &len, &err), 0);
	assert_non_null(strstr(xml, "tests=\"6\" failures=\"2\" errors=\"1\" skipped=\"2\""));
	assert_non_null(
		strstr(xml, "<failure message=\"exit &lt;1&gt;\">-x\n+&quot;y&quot;\n</failure>"));
	assert_non_null(strstr(xml, "<error message=\"t.asm:1: bad\">"));
	assert_non_null(strstr(xml, "<skipped message=\"expected failure: known\">"));
	assert_non_null(strstr(xml, "</testsuites>\n"));
	free(xml);
	unlink(path);
	free(text);
	text = NULL;
}

static void xml_takes_any_bytes(void **state)
{
	struct buf b = {0};

	(void)state;
	report_xml(&b, "a\x01\x7f\xff&<\n");
	assert_string_equal(b.p, "a???&amp;&lt;\n");
	buf_free(&b);
}

static int status_of(const enum test_verdict *v, unsigned n)
{
	struct test_opts o = {0};
	struct report rep;

	report_begin(&rep, &o, n);
	for (unsigned i = 0; i < n; i++)
		report_result(&rep, &(struct test_result){.test = (char *)"t", .verdict = v[i]});
	assert_int_equal(report_end(&rep, NULL), 0);
	return rep.totals.exit_status;
}

static void statuses(void **state)
{
#define V(...)                                                                                     \
	((enum test_verdict[]){__VA_ARGS__}),                                                      \
		sizeof((enum test_verdict[]){__VA_ARGS__}) / sizeof(enum test_verdict)
	(void)state;
	assert_int_equal(status_of(V(TEST_PASS)), 0);
	assert_int_equal(status_of(V(TEST_PASS, TEST_SKIP)), 0);
	assert_int_equal(status_of(V(TEST_SKIP, TEST_XFAIL)), 4);
	assert_int_equal(status_of(V(TEST_PASS, TEST_ERROR, TEST_SKIP)), 3);
	assert_int_equal(status_of(V(TEST_ERROR, TEST_FAIL)), 1);
	assert_int_equal(status_of(V(TEST_ERROR, TEST_XPASS)), 1);
}

static void results_cross_a_pipe(void **state)
{
	struct test_result r = {(char *)"t", GUEST_KVM, TEST_FAIL, (char *)"why", NULL, 1.5, 9,
				true,	     77,	88},
			   got;
	struct buf b = {0};

	(void)state;
	result_pack(&r, &b);
	assert_int_equal(result_unpack(b.p, b.len, &got), 0);
	assert_string_equal(got.test, "t");
	assert_string_equal(got.reason, "why");
	assert_null(got.detail);
	assert_int_equal(got.exits, 9);
	assert_true(got.ran);
	assert_int_equal(got.stream, 77);
	assert_int_equal(got.state, 88);
	assert_int_equal(got.verdict, TEST_FAIL);
	test_result_free(&got);
	/* a worker that died in between, and one that went mad */
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(result_unpack(b.p, n, &got), -EINVAL);
	for (size_t i = 0; i < b.len * 8; i++) {
		b.p[i / 8] ^= (char)(1 << i % 8);
		if (!result_unpack(b.p, b.len, &got))
			test_result_free(&got);
		b.p[i / 8] ^= (char)(1 << i % 8);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(by_exit, fresh),
		cmocka_unit_test_setup(by_assertion, fresh),
		cmocka_unit_test_setup(by_environment, fresh),
		cmocka_unit_test_setup(by_serial, fresh),
		cmocka_unit_test_setup_teardown(by_stream, fresh, done),
		cmocka_unit_test(diff_of_hostile_text),
		cmocka_unit_test(ktap),
		cmocka_unit_test(json),
		cmocka_unit_test(junit),
		cmocka_unit_test(xml_takes_any_bytes),
		cmocka_unit_test(statuses),
		cmocka_unit_test(results_cross_a_pipe),
	};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
