/* SPDX-License-Identifier: MIT */
/* Unit tests: the option tables, and what engines' lines say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fuzz.h"

struct values {
	bool flag, other;
	const char *text;
	uint64_t n;
	struct opt_strs many;
};

static const struct opt table[] = {
	{"flag", 'f', OPT_FLAG, offsetof(struct values, flag), NULL, "a flag", 0, 0},
	{"other", 'o', OPT_FLAG, offsetof(struct values, other), NULL, "another", 0, 0},
	{"text", 't', OPT_STR, offsetof(struct values, text), "TEXT", "a text", 0, 0},
	{"num", 'n', OPT_U64, offsetof(struct values, n), "N", "a number", 2, 4096},
	{"item", 'i', OPT_STRS, offsetof(struct values, many), "ITEM", "an item", 0, 0},
	{NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0},
};

static const struct cmd cmd_try = {.name = "try",
				   .args = "[A [B]]",
				   .summary = "to be tried",
				   .text = "First.\n\n.dots stay text, and - dashes.",
				   .opts = table,
				   .max_args = 2,
				   .size = sizeof(struct values)};

static struct values v;
static struct err err;
static int words;
static char *args[64];

/* Blanks part the words. */
static enum opt_found parse(const char *line)
{
	static char text[512];
	char *save = NULL;
	int n = 0;

	snprintf(text, sizeof(text), "%s", line);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		args[n++] = w;
	v = (struct values){0};
	err = (struct err){0};
	return opt_parse(&cmd_try, &v, n, args, &words, &err);
}

static void good(void **state)
{
	(void)state;
	assert_int_equal(parse("a --flag --text=x=y --num 0x10 b"), OPT_RUN);
	assert_true(v.flag);
	assert_false(v.other);
	assert_string_equal(v.text, "x=y");
	assert_int_equal(v.n, 16);
	assert_int_equal(words, 2);
	assert_string_equal(args[0], "a");
	assert_string_equal(args[1], "b");
	assert_int_equal(parse("-fo -n2K -t x -i 1 -i2 --item=3"), OPT_RUN);
	assert_true(v.flag && v.other);
	assert_int_equal(v.n, 2048);
	assert_int_equal(v.many.n, 3);
	assert_string_equal(v.many.v[1], "2");
	assert_int_equal(words, 0);
	/* behind --, and a lone dash, are words */
	assert_int_equal(parse("- -- --flag"), OPT_RUN);
	assert_false(v.flag);
	assert_int_equal(words, 2);
	assert_string_equal(args[1], "--flag");
	assert_int_equal(parse("--help"), OPT_HELP);
	assert_int_equal(parse("-h"), OPT_HELP);
	assert_int_equal(parse("--help-man x y z"), OPT_MAN);
}

static void refused(const char *line, const char *want)
{
	assert_int_equal(parse(line), OPT_BAD);
	if (!strstr(err.msg, want))
		fail_msg("'%s': '%s' has no '%s'", line, err.msg, want);
}

static void bad(void **state)
{
	char many[256] = "";

	(void)state;
	refused("--flga", "is --flag meant?");
	refused("--tex", "is --text meant?");
	refused("--zzzzzz", "unknown option --zzzzzz: `vise try --help`");
	refused("-z", "unknown option -z");
	refused("-fz", "unknown option -fz");
	refused("--flag=1", "--flag takes no value");
	refused("--text", "--text needs a value: --text TEXT");
	refused("-n", "--num needs a value");
	refused("--num x", "--num 'x': not a number");
	refused("--num 1", "--num 1: out of range, 2 to 4096");
	refused("--num 4097", "out of range");
	refused("--num 99999999999999999999", "out of range");
	refused("--num=", "not a number");
	refused("a b c", "too many words, from 'c' on: vise try [A [B]]");
	for (size_t i = 0; i <= OPT_MANY; i++)
		snprintf(many + 5 * i, sizeof(many) - 5 * i, "-i x ");
	refused(many, "more than 16 times");
	refused("--a-very-long-option-that-is-longer-than-any-word-that-could-be-meant-here",
		"unknown");
}

static void nearest(void **state)
{
	static const char *const names[] = {"run", "test", "trace", NULL};

	(void)state;
	assert_string_equal(opt_nearest("tset", names), "test");
	assert_string_equal(opt_nearest("tes", names), "test");
	assert_string_equal(opt_nearest("tracee", names), "trace");
	assert_null(opt_nearest("xyzzy", names));
}

static char *output(void (*fn)(const struct cmd *, FILE *))
{
	char *p;
	size_t n;
	FILE *f = open_memstream(&p, &n);

	assert_non_null(f);
	fn(&cmd_try, f);
	fclose(f);
	return p;
}

static void help_and_man(void **state)
{
	static const struct cmd *const cmds[] = {&cmd_try, NULL};
	char *p = output(opt_help);
	size_t n;
	FILE *f;

	(void)state;
	assert_non_null(strstr(p, "usage: vise try [options] [A [B]]\n"));
	assert_non_null(strstr(p, "-n, --num N"));
	assert_non_null(strstr(p, "--help"));
	free(p);
	p = output(opt_man);
	assert_non_null(strstr(p, ".TH VISE\\-TRY 1\n"));
	assert_non_null(strstr(p, "\\-\\-text \\fITEXT\\fR\na text\n"));
	assert_non_null(strstr(p, "\n.PP\n\\&.dots stay text, and \\- dashes."));
	free(p);
	f = open_memstream(&p, &n);
	assert_non_null(f);
	opt_complete(cmds, f);
	fclose(f);
	assert_non_null(strstr(p, "try) words=\"--flag --other --text --num --item --help\""));
	free(p);
}

static void engine_lines(void **state)
{
	struct fuzz_line l = {0};

	(void)state;
	assert_true(fuzz_parse_libfuzzer(
		"#1024\tNEW    cov: 17 ft: 40 corp: 9/120b lim: 4096 exec/s: 0 rss: 31Mb", &l));
	assert_int_equal(l.execs, 1024);
	assert_int_equal(l.coverage, 17);
	assert_int_equal(l.corpus, 9);
	assert_true(fuzz_parse_libfuzzer("stat::number_of_executed_units: 2000", &l));
	assert_int_equal(l.execs, 2000);
	assert_int_equal(l.coverage, 17);
	assert_false(fuzz_parse_libfuzzer("    #0 0x55 in main", &l));
	assert_false(fuzz_parse_libfuzzer("#", &l));
	assert_true(fuzz_parse_plot("5, 1, 2, 90, 3, 4, 1.5%, 0, 0, 7, 6673.92, 33423, 603", &l));
	assert_int_equal(l.execs, 33423);
	assert_int_equal(l.coverage, 603);
	assert_int_equal(l.corpus, 90);
	assert_false(fuzz_parse_plot("# relative_time, cycles_done", &l));
	assert_false(fuzz_parse_plot("1, 2, 3", &l));
	assert_true(fuzz_is_finding("crash-12"));
	assert_false(fuzz_is_finding("README"));
	assert_false(fuzz_is_finding("slow-unit-1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),		cmocka_unit_test(bad),
		cmocka_unit_test(nearest),	cmocka_unit_test(help_and_man),
		cmocka_unit_test(engine_lines),
	};

	return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
