/* SPDX-License-Identifier: MIT */
/* Judging a run: exit, then serial output, then the stream; the first mismatch is shown. */
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness_priv.h"

#define DIFF_CONTEXT 3	 /* lines before the first difference */
#define DIFF_LINES   5	 /* lines of each side from there */
#define QUOTE_MAX    160 /* bytes shown of one line */

const char *test_verdict_name(enum test_verdict v)
{
	static const char *const names[] = {"pass", "fail", "skip", "error", "xfail", "xpass"};

	return (unsigned)v < ARRAY_SIZE(names) ? names[v] : "?";
}

void test_reason(struct test_result *r, const char *fmt, ...)
{
	/* Through an err: that cleans what it quotes. */
	struct err e = {0};
	char text[sizeof(e.msg)];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	err_set(&e, -1, "%s", text);
	free(r->reason);
	r->reason = strdup(e.msg);
}

void test_result_free(struct test_result *r)
{
	free(r->test);
	free(r->reason);
	free(r->detail);
	*r = (struct test_result){0};
}

/* ---- texts --------------------------------------------------------------------------------------- */

/* One line for a person: what would disturb a terminal or a report as \xNN. */
static void put_line(struct buf *out, const char *prefix, const char *p, size_t len)
{
	size_t shown = len > QUOTE_MAX ? QUOTE_MAX : len;

	buf_printf(out, "%s", prefix);
	for (size_t i = 0; i < shown; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '\r')
			buf_put(out, "\\r", 2);
		else if ((c < 0x20 && c != '\t') || c >= 0x7f)
			buf_printf(out, "\\x%02x", c);
		else
			buf_put(out, p + i, 1);
	}
	if (shown < len)
		buf_printf(out, "... (%zu more bytes)", len - shown);
	buf_put(out, "\n", 1);
}

/* The line at *p, its newline not counted, and step past it. */
static size_t take_line(const char **p, const char *end, const char **line)
{
	const char *nl = memchr(*p, '\n', (size_t)(end - *p));

	*line = *p;
	*p = nl ? nl + 1 : end;
	return (size_t)((nl ? nl : end) - *line);
}

static void put_some(struct buf *out, const char *prefix, const char *p, const char *end)
{
	const char *line;
	size_t len;

	for (unsigned i = 0; i < DIFF_LINES && p < end; i++) {
		len = take_line(&p, end, &line);
		put_line(out, prefix, line, len);
	}
}

bool judge_diff(const char *what, const char *want, size_t want_len, const char *got,
		size_t got_len, struct buf *out)
{
	const char *w = want ? want : "", *wend = w + want_len, *g = got ? got : "",
		   *gend = g + got_len;
	struct {
		const char *p;
		size_t len;
	} context[DIFF_CONTEXT];
	unsigned line = 1;

	if (want_len == got_len && (!want_len || !memcmp(w, g, want_len)))
		return false;
	while (w < wend && g < gend) {
		const char *wl, *gl, *wn = w, *gn = g;
		size_t wlen = take_line(&wn, wend, &wl), glen = take_line(&gn, gend, &gl);

		/* The newline is compared too: the last line may lack it. */
		if (wn - w != gn - g || memcmp(w, g, (size_t)(wn - w)) != 0)
			break;
		context[(line - 1) % DIFF_CONTEXT].p = wl;
		context[(line - 1) % DIFF_CONTEXT].len = wlen < glen ? wlen : glen;
		line++;
		w = wn;
		g = gn;
	}
	buf_printf(out, "--- %s expected\n+++ %s seen\n@@ line %u @@\n", what, what, line);
	for (unsigned i = line > DIFF_CONTEXT ? line - DIFF_CONTEXT : 1; i < line; i++)
		put_line(out, " ", context[(i - 1) % DIFF_CONTEXT].p,
			 context[(i - 1) % DIFF_CONTEXT].len);
	put_some(out, "-", w, wend);
	put_some(out, "+", g, gend);
	if (w == wend)
		buf_printf(out, "(nothing more is expected)\n");
	if (g == gend)
		buf_printf(out, "(nothing more was seen)\n");
	/* Two last lines that look alike differ in the newline. */
	if (w < wend && g < gend && (wend[-1] == '\n') != (gend[-1] == '\n'))
		buf_printf(out, "(the newline at the end of what is %s is missing)\n",
			   wend[-1] == '\n' ? "seen" : "expected");
	return true;
}

void judge_quote(const char *text, size_t len, const char *prefix, unsigned max, struct buf *out)
{
	const char *p = text, *end = text + len, *line, *start = end;
	unsigned n = 0;
	size_t llen;

	/* Back over (max) line ends; the one that ends the text is no line of its own. */
	while (start > text && n < max) {
		start--;
		while (start > text && start[-1] != '\n')
			start--;
		n++;
	}
	if (start > text)
		buf_printf(out, "%s...\n", prefix);
	for (p = start; p < end;) {
		llen = take_line(&p, end, &line);
		put_line(out, prefix, line, llen);
	}
}

/* ---- the three judgements ------------------------------------------------------------------------ */

static void show_serial(const struct judge_run *run, struct buf *detail)
{
	if (!run->serial_len)
		return;
	buf_printf(detail, "serial output%s:\n", run->serial_cut ? " (its beginning)" : "");
	judge_quote(run->serial, run->serial_len, "  ", 20, detail);
}

static bool judge_exit(const struct guest_spec *s, const struct judge_run *run,
		       struct test_result *r, struct buf *detail)
{
	const struct vm_result *res = run->res;

	if (res->verdict == VM_ERROR || res->verdict == VM_SKIP) {
		r->verdict = res->verdict == VM_SKIP ? TEST_SKIP : TEST_ERROR;
		test_reason(r, "%s", res->reason);
		return false;
	}
	/*
	 * A failed assertion tells most, and counts also where the guest went on after it; a test
	 * that wants another byte than 0 may want to see one fail.
	 */
	if (res->assert_line && !(s->exit && !s->end && res->guest == s->exit)) {
		test_reason(r, "%s:%" PRIu32 ": got 0x%" PRIx64 ", want 0x%" PRIx64, s->path,
			    res->assert_line, res->assert_got, res->assert_want);
	} else if (s->end) {
		if (res->end && !strcmp(res->end, s->end))
			return true;
		test_reason(r, "it ended by %s (%s), want %s", res->end ? res->end : "nothing",
			    res->reason, s->end);
	} else if (res->guest == s->exit) {
		return true;
	} else if (res->guest >= 0) {
		test_reason(r, "exit %d, want %u", res->guest, s->exit);
	} else {
		test_reason(r, "%s", res->reason[0] ? res->reason : "it did not end by debug-exit");
	}
	show_serial(run, detail);
	return false;
}

/* 0 matches, 1 not, -1 cannot say. */
static int match_regex(const struct guest_spec *s, const struct judge_run *run)
{
	regmatch_t all = {0, (regoff_t)run->serial_len};
	regex_t re;
	int rc;

	if (regcomp(&re, s->serial.p, REG_EXTENDED | REG_NEWLINE))
		return -1;
	/* By length: the guest may send NUL bytes. */
	rc = regexec(&re, run->serial ? run->serial : "", 1, &all, REG_STARTEND);
	regfree(&re);
	return rc == 0 ? 0 : rc == REG_NOMATCH ? 1 : -1;
}

static bool judge_serial(const struct guest_spec *s, const struct judge_run *run,
			 struct test_result *r, struct buf *detail)
{
	int rc;

	if (!s->has_serial)
		return true;
	if (!s->serial_re) {
		if (!judge_diff("serial", s->serial.p, s->serial.len, run->serial, run->serial_len,
				detail))
			return true;
		test_reason(r, "serial output differs: %zu bytes, want %zu", run->serial_len,
			    s->serial.len);
		return false;
	}
	rc = match_regex(s, run);
	if (rc == 0)
		return true;
	if (rc < 0) {
		r->verdict = TEST_ERROR;
		test_reason(r, "%s: no memory to match the regex of serial", s->path);
		return false;
	}
	test_reason(r, "serial output has no match for ~%.100s", s->serial.p);
	show_serial(run, detail);
	return false;
}

static bool judge_stream(const struct guest_spec *s, const struct judge_run *run,
			 struct test_result *r, struct buf *detail)
{
	if (s->exits.p && judge_diff("exits", s->exits.p, s->exits.len, run->stream->p,
				     run->stream->len, detail)) {
		test_reason(r, "the exit stream differs from the golden one%s",
			    run->stream->failed ? " (and is too long to be kept)" : "");
		return false;
	}
	if (s->has_budget && run->res->exits > s->exit_budget) {
		test_reason(r, "%" PRIu64 " exits, want at most %" PRIu64, run->res->exits,
			    s->exit_budget);
		return false;
	}
	return true;
}

void judge(const struct guest_spec *s, const struct judge_run *run, struct test_result *r)
{
	struct buf detail = {.max = (size_t)64 << 10};

	r->verdict = TEST_FAIL;
	if (judge_exit(s, run, r, &detail) && judge_serial(s, run, r, &detail) &&
	    judge_stream(s, run, r, &detail))
		r->verdict = TEST_PASS;
	free(r->detail);
	r->detail = detail.p;
}
