/* SPDX-License-Identifier: MIT */
/* What a run of tests says: KTAP, JSON lines, JUnit XML, a status line, the totals. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "harness_priv.h"

#define STATUS_EVERY_NS 100000000ull

void report_begin(struct report *rep, const struct test_opts *o, unsigned planned)
{
	*rep = (struct report){.o = o, .planned = planned};
	if (o->ktap)
		fprintf(o->ktap, "KTAP version 1\n1..%u\n", planned);
}

static void clear_status(struct report *rep)
{
	if (!rep->status_up)
		return;
	fputs("\r\033[K", rep->o->status);
	fflush(rep->o->status);
	rep->status_up = false;
}

void report_status(struct report *rep, unsigned running, const char *newest)
{
	const struct test_totals *t = &rep->totals;
	struct timespec ts;
	uint64_t now;

	if (!rep->o->status)
		return;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	if (rep->status_up && now - rep->status_ns < STATUS_EVERY_NS)
		return;
	rep->status_ns = now;
	rep->status_up = true;
	fprintf(rep->o->status, "\r\033[K[%u/%u] %u failed, %u running  %.50s", rep->shown,
		rep->planned, t->failed, running, newest ? newest : "");
	fflush(rep->o->status);
}

/* ---- one result ---------------------------------------------------------------------------------- */

static void count(struct test_totals *t, enum test_verdict v)
{
	t->errors += v == TEST_ERROR;
	t->xfails += v == TEST_XFAIL;
	t->xpasses += v == TEST_XPASS;
	t->passed += v == TEST_PASS;
	t->skipped += v == TEST_SKIP || v == TEST_XFAIL;
	t->failed += v == TEST_FAIL || v == TEST_ERROR || v == TEST_XPASS;
}

static void put_comment(FILE *f, const char *text)
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");

		fprintf(f, "#   %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
}

static void put_ktap(struct report *rep, const struct test_result *r)
{
	FILE *f = rep->o->ktap;
	const char *why = r->reason ? r->reason : "";
	bool ok = r->verdict == TEST_PASS || r->verdict == TEST_SKIP || r->verdict == TEST_XFAIL;

	fprintf(f, "%s %u %s", ok ? "ok" : "not ok", rep->shown, r->test);
	if (r->cpu != GUEST_ANY)
		fprintf(f, " (%s)", guest_cpu_name(r->cpu));
	if (r->verdict == TEST_SKIP)
		fprintf(f, " # SKIP %s", why);
	else if (r->verdict == TEST_XFAIL)
		fprintf(f, " # XFAIL %s", why);
	fputc('\n', f);
	if (!ok)
		fprintf(f, "# %s: %s\n",
			r->verdict == TEST_ERROR   ? "ERROR"
			: r->verdict == TEST_XPASS ? "UNEXPECTED PASS"
						   : "FAIL",
			why);
	else if (r->verdict == TEST_PASS && *why)
		fprintf(f, "# %s\n", why);
	if (!ok && r->detail)
		put_comment(f, r->detail);
	fflush(f);
}

static void put_json(struct report *rep, const struct test_result *r)
{
	struct buf b = {0};

	buf_printf(&b, "{\"test\":");
	buf_put_json(&b, r->test, strlen(r->test));
	buf_printf(&b, ",\"cpu\":\"%s\",\"verdict\":\"%s\",\"reason\":", guest_cpu_name(r->cpu),
		   test_verdict_name(r->verdict));
	if (r->reason)
		buf_put_json(&b, r->reason, strlen(r->reason));
	else
		buf_printf(&b, "null");
	buf_printf(&b, ",\"ms\":%.1f}", r->ms);
	fprintf(rep->o->json, "%s\n", buf_str(&b));
	fflush(rep->o->json);
	buf_free(&b);
}

/* Text inside XML 1.0: what may not stand there at all (2.2) becomes '?'. */
void report_xml(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		switch (c) {
		case '<':
			buf_put(out, "&lt;", 4);
			break;
		case '>':
			buf_put(out, "&gt;", 4);
			break;
		case '&':
			buf_put(out, "&amp;", 5);
			break;
		case '"':
			buf_put(out, "&quot;", 6);
			break;
		default:
			/* Bytes over 0x7f may be cut UTF-8. */
			if ((c < 0x20 && c != '\n' && c != '\t') || c >= 0x7f)
				buf_put(out, "?", 1);
			else
				buf_put(out, text, 1);
		}
	}
}

static void put_junit(struct report *rep, const struct test_result *r)
{
	static const char *const tags[] = {
		[TEST_FAIL] = "failure", [TEST_XPASS] = "failure", [TEST_ERROR] = "error",
		[TEST_SKIP] = "skipped", [TEST_XFAIL] = "skipped", [TEST_PASS] = NULL,
	};
	const char *tag = tags[r->verdict];
	struct buf *b = &rep->junit;

	buf_printf(b, "    <testcase classname=\"%s\" name=\"", guest_cpu_name(r->cpu));
	report_xml(b, r->test);
	buf_printf(b, "\" time=\"%.3f\"", r->ms / 1e3);
	if (!tag) {
		buf_printf(b, "/>\n");
		return;
	}
	buf_printf(b, ">\n      <%s message=\"%s", tag,
		   r->verdict == TEST_XFAIL ? "expected failure: " : "");
	report_xml(b, r->reason ? r->reason : "");
	buf_printf(b, "\">");
	if (r->detail)
		report_xml(b, r->detail);
	buf_printf(b, "</%s>\n    </testcase>\n", tag);
}

void report_result(struct report *rep, const struct test_result *r)
{
	clear_status(rep);
	rep->shown++;
	rep->ms += r->ms;
	count(&rep->totals, r->verdict);
	if (rep->o->ktap)
		put_ktap(rep, r);
	if (rep->o->json)
		put_json(rep, r);
	if (rep->o->junit)
		put_junit(rep, r);
}

/* ---- the end ------------------------------------------------------------------------------------- */

static int write_junit(struct report *rep, struct err *err)
{
	const struct test_totals *t = &rep->totals;
	struct buf b = {0};
	int rc;

	buf_printf(&b,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		   "  <testsuite name=\"vise\" tests=\"%u\" failures=\"%u\" errors=\"%u\" "
		   "skipped=\"%u\" time=\"%.3f\">\n",
		   rep->shown, t->failed - t->errors, t->errors, t->skipped, rep->ms / 1e3);
	buf_put(&b, buf_str(&rep->junit), rep->junit.len);
	buf_printf(&b, "  </testsuite>\n</testsuites>\n");
	if (b.failed || rep->junit.failed)
		rc = err_set(err, -ENOMEM, "%s: the report is too long", rep->o->junit);
	else
		rc = file_write(rep->o->junit, buf_str(&b), b.len, err);
	buf_free(&b);
	return rc;
}

int report_end(struct report *rep, struct err *err)
{
	struct test_totals *t = &rep->totals;
	unsigned plain = t->failed - t->errors;
	int rc = 0;

	clear_status(rep);
	t->exit_status = plain ? 1 : t->errors ? 3 : t->skipped && !t->passed ? 4 : 0;
	if (rep->o->json) {
		fprintf(rep->o->json, "{\"passed\":%u,\"failed\":%u,\"skipped\":%u}\n", t->passed,
			t->failed, t->skipped);
		fflush(rep->o->json);
	}
	if (rep->o->junit)
		rc = write_junit(rep, err);
	if (rep->o->ktap && t->guests)
		fprintf(rep->o->ktap,
			"# %u of %u guests: the same exits and final state on soft and kvm\n",
			t->compared, t->guests);
	if (rep->o->ktap) {
		fprintf(rep->o->ktap, "%u passed, %u failed, %u skipped\n", t->passed, t->failed,
			t->skipped);
		fflush(rep->o->ktap);
	}
	buf_free(&rep->junit);
	return rc;
}
