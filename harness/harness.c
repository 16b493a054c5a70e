/* SPDX-License-Identifier: MIT */
/* A run of guest tests: find them, read their headers, run them, report. */
#include <errno.h>
#include <stdlib.h>

#include "harness_priv.h"

#define HARD_EXTRA_MS 60000u /* beyond the test's own limit: assembling on a busy machine */
#define HARD_KVM_MS   10000u /* the limit where the header names none */

struct run {
	const struct test_opts *o;
	struct test_list list;
	struct guest_spec *specs;
	struct pool_task *tasks;
	unsigned n;
	struct report report;
};

/* A result that is known before anything runs. */
static int settle(struct pool_task *t, const char *test, enum guest_cpu cpu,
		  enum test_verdict verdict, const char *why)
{
	size_t len = strlen(test);

	if (len > 4 && !strcmp(test + len - 4, ".asm"))
		len -= 4;
	t->result = (struct test_result){.cpu = cpu, .verdict = verdict};
	t->result.test = strndup(test, len);
	test_reason(&t->result, "%s", why);
	t->done = true;
	return t->result.test ? 0 : -ENOMEM;
}

/*
 * One task a test: kvm is the back end that this build has. A file that cannot be read as a test
 * is an ERROR in its place.
 */
static int make_tasks(struct run *r, struct err *err)
{
	enum guest_cpu cpu = r->o->cpu > 0 ? (enum guest_cpu)r->o->cpu : GUEST_KVM;
	int rc = 0;

	r->specs = calloc(r->list.n ? r->list.n : 1, sizeof(*r->specs));
	r->tasks = calloc(r->list.n ? r->list.n : 1, sizeof(*r->tasks));
	if (!r->specs || !r->tasks)
		return err_set(err, -ENOMEM, "no memory for the list of tests");
	for (unsigned i = 0; i < r->list.n && !rc; i++) {
		struct test_path *p = &r->list.p[i];
		struct pool_task *t = &r->tasks[r->n++];
		struct err e = {0};

		if (p->missing) {
			rc = settle(t, p->path, cpu, TEST_ERROR, p->missing);
		} else if (guest_spec_read(&r->specs[i], p->path, cpu, &e)) {
			rc = settle(t, p->path, cpu, TEST_ERROR, e.msg);
		} else {
			const struct guest_spec *s = &r->specs[i];

			t->spec = s;
			t->hard_ms = HARD_EXTRA_MS;
			t->hard_ms += s->timeout ? (unsigned)s->timeout : HARD_KVM_MS;
			if (t->hard_ms < HARD_EXTRA_MS)
				t->hard_ms = UINT32_MAX;
		}
	}
	return rc ? err_set(err, rc, "no memory for the list of tests") : 0;
}

/* All that the tests ask for, before the workers are forked: each probe runs once. */
static void run_probes(const struct run *r, struct test_probes *probes)
{
	if (test_probes_get(probes, "kvm", NULL) == 0)
		return; /* everything is skipped; no other probe can say more */
	for (unsigned i = 0; i < r->n; i++) {
		const struct guest_spec *s = r->tasks[i].spec;

		if (!s || (s->only && s->only != s->cpu))
			continue;
		for (unsigned j = 0; j < s->nr_needs; j++)
			test_probes_get(probes, s->needs[j], NULL);
		for (unsigned j = 0; j < s->nr_xfail; j++) {
			if (s->xfail[j].cpu == s->cpu)
				test_probes_get(probes, s->xfail[j].probe, NULL);
		}
	}
}

static void list_tests(struct run *r, struct test_totals *t)
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct pool_task *task = &r->tasks[i];
		const char *name = task->spec ? task->spec->path : r->list.p[i].path;
		const char *what = task->spec ? task->spec->summary : task->result.reason;
		struct buf b = {0};

		t->errors += !task->spec;
		if (r->o->ktap)
			fprintf(r->o->ktap, "%s%s: %s\n", task->spec ? "" : "ERROR ", name,
				what ? what : "");
		if (r->o->json) {
			buf_printf(&b, "{\"test\":");
			buf_put_json(&b, name, strlen(name));
			buf_printf(&b, ",\"summary\":");
			if (task->spec && what)
				buf_put_json(&b, what, strlen(what));
			else
				buf_printf(&b, "null");
			buf_printf(&b, ",\"error\":");
			if (!task->spec && what)
				buf_put_json(&b, what, strlen(what));
			else
				buf_printf(&b, "null");
			fprintf(r->o->json, "%s}\n", buf_str(&b));
			buf_free(&b);
		}
	}
	t->exit_status = t->errors ? 3 : 0;
}

static void show_done(void *ctx, const struct pool_task *t)
{
	report_result(&((struct run *)ctx)->report, &t->result);
}

static void show_tick(void *ctx, unsigned running, const char *newest)
{
	report_status(&((struct run *)ctx)->report, running, newest);
}

static int run_tests(struct run *r, const struct test_opts *o, struct err *err)
{
	struct test_probes own = {0};
	struct test_opts opts = *o;
	struct err first = {0};
	int rc, rc2;

	if (!opts.probes) {
		if (test_probes_init(&own))
			return err_set(err, -ENOMEM, "no memory for the probes");
		opts.probes = &own;
	}
	run_probes(r, opts.probes);
	report_begin(&r->report, o, r->n);
	rc = pool_run(r->tasks, r->n, &opts, show_done, show_tick, r, &first);
	rc2 = report_end(&r->report, err);
	test_probes_free(&own);
	if (rc)
		return err_set(err, rc, "%s", first.msg);
	return rc2;
}

int harness_test(const struct test_opts *o, struct test_totals *t, struct err *err)
{
	struct run r = {.o = o};
	int rc;

	*t = (struct test_totals){0};
	rc = test_list_find(&r.list, o->paths, o->nr_paths, err);
	if (!rc)
		rc = make_tasks(&r, err);
	if (!rc && o->list) {
		list_tests(&r, t);
	} else if (!rc) {
		rc = run_tests(&r, o, err);
		*t = r.report.totals;
	}
	for (unsigned i = 0; i < r.n; i++) {
		test_result_free(&r.tasks[i].result);
		guest_spec_free(&r.specs[i]);
	}
	free(r.specs);
	free(r.tasks);
	test_list_free(&r.list);
	return rc;
}
