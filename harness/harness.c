/* SPDX-License-Identifier: MIT */
/* A run of guest tests: find them, read their headers, run them, report. */
#include <errno.h>
#include <stdlib.h>

#include "harness_priv.h"

#define HARD_EXTRA_MS 60000u /* beyond the test's own limit: assembling on a busy machine */
#define SOFT_PER_MS   5000u  /* instructions that the slowest build on a busy machine makes */

struct run {
	const struct test_opts *o;
	struct test_list list;
	struct guest_spec *specs;
	struct pool_task *tasks;
	unsigned n;
	bool both; /* soft and kvm: a guest's task on kvm comes right after that on soft */
	unsigned guests, compared;
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

/* Longer than the test's own limit can take. */
static unsigned hard_ms(const struct guest_spec *s)
{
	uint64_t ms = s->timeout;

	if (s->cpu == GUEST_KVM)
		ms = ms ? ms : GUEST_TIMEOUT_KVM;
	else
		ms = (ms ? ms : GUEST_TIMEOUT_SOFT) / SOFT_PER_MS;
	return ms < UINT32_MAX - HARD_EXTRA_MS ? (unsigned)ms + HARD_EXTRA_MS : UINT32_MAX;
}

/*
 * One test on one back end. A file that cannot be read as a test is an ERROR in its place. (told):
 * this back end was asked for; else a test that is meant for another is left out.
 */
static int add_task(struct run *r, const struct test_path *p, enum guest_cpu cpu, bool told)
{
	struct guest_spec *s = &r->specs[r->n];
	struct pool_task *t = &r->tasks[r->n];
	struct err e = {0};

	t->path = p->path;

	if (p->missing || guest_spec_read(s, p->path, cpu, &e)) {
		r->n++;
		return settle(t, p->path, cpu, TEST_ERROR, p->missing ? p->missing : e.msg);
	}
	if (!told && s->only && s->only != cpu) {
		guest_spec_free(s);
		return 0;
	}
	r->n++;
	t->spec = s;
	t->hard_ms = hard_ms(s);
	return 0;
}

static int make_tasks(struct run *r, struct test_probes *probes, struct err *err)
{
	const bool told = r->o->cpu > 0;
	size_t max = 2 * (size_t)r->list.n + 1;
	int rc = 0;

	r->both = !told && !r->o->bless && !r->o->list && test_probes_get(probes, "kvm", NULL) > 0;
	r->specs = calloc(max, sizeof(*r->specs));
	r->tasks = calloc(max, sizeof(*r->tasks));
	if (!r->specs || !r->tasks)
		return err_set(err, -ENOMEM, "no memory for the list of tests");
	for (unsigned i = 0; i < r->list.n && !rc; i++) {
		const struct test_path *p = &r->list.p[i];
		unsigned before = r->n;

		rc = add_task(r, p, told ? (enum guest_cpu)r->o->cpu : GUEST_SOFT, told);
		if (rc || told || (r->n > before && !r->tasks[before].spec))
			continue; /* a bad file is bad once */
		/* A test for kvm alone is there to be skipped where there is none. */
		if (r->both || r->n == before)
			rc = add_task(r, p, GUEST_KVM, false);
	}
	r->guests = r->list.n;
	return rc ? err_set(err, rc, "no memory for the list of tests") : 0;
}

/* All that the tests ask for, before the workers are forked: each probe runs once. */
static void run_probes(const struct run *r, struct test_probes *probes)
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct guest_spec *s = r->tasks[i].spec;

		if (!s || (s->only && s->only != s->cpu))
			continue;
		/* Without KVM everything is skipped on it; no other probe can say more. */
		if (s->cpu == GUEST_KVM && test_probes_get(probes, "kvm", NULL) == 0)
			continue;
		for (unsigned j = 0; j < s->nr_needs; j++)
			if (s->cpu == GUEST_KVM || !vm_probe_of_kvm(s->needs[j]))
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
		const char *name = task->path;
		const char *what = task->spec ? task->spec->summary : task->result.reason;
		struct buf b = {0};

		t->errors += !task->spec;
		if (r->o->ktap)
			fprintf(r->o->ktap, "%s%s: %s\n", task->spec ? "" : "ERROR ", name,
				what ? what : "");
		if (r->o->json) {
			buf_printf(&b, "{\"test\":");
			buf_put_json(&b, name ? name : "", name ? strlen(name) : 0);
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

/* Both back ends are done with a guest: they must have done the same. */
static void compare(struct run *r, const struct guest_spec *s, const struct test_result *soft,
		    struct test_result *kvm)
{
	bool streams = soft->stream == kvm->stream;

	if (soft->verdict != TEST_PASS || kvm->verdict != TEST_PASS || !soft->ran || !kvm->ran)
		return;
	if (s->compare_reason &&
	    (!s->compare_probe || test_probes_get(r->o->probes, s->compare_probe, NULL) <= 0))
		return;
	if (streams && soft->state == kvm->state) {
		r->compared++;
		return;
	}
	kvm->verdict = TEST_FAIL;
	test_reason(kvm, "%s differs from soft's: `vise diff %s.asm` shows where",
		    streams ? "the final state" : "the stream of exits", kvm->test);
}

static void show_done(void *ctx, const struct pool_task *t)
{
	struct run *r = ctx;
	size_t i = (size_t)(t - r->tasks);

	if (r->both && i && t->spec && r->tasks[i - 1].spec && t->spec->cpu == GUEST_KVM &&
	    r->tasks[i - 1].spec->cpu == GUEST_SOFT &&
	    !strcmp(t->spec->path, r->tasks[i - 1].spec->path))
		compare(r, t->spec, &r->tasks[i - 1].result, &r->tasks[i].result);
	report_result(&r->report, &t->result);
}

static void show_tick(void *ctx, unsigned running, const char *newest)
{
	report_status(&((struct run *)ctx)->report, running, newest);
}

static int run_tests(struct run *r, struct err *err)
{
	struct err first = {0};
	int rc, rc2;

	if (!r->o->build)
		run_probes(r, r->o->probes);
	report_begin(&r->report, r->o, r->n);
	rc = pool_run(r->tasks, r->n, r->o, show_done, show_tick, r, &first);
	if (r->both) {
		r->report.totals.guests = r->guests;
		r->report.totals.compared = r->compared;
	}
	rc2 = report_end(&r->report, err);
	if (rc)
		return err_set(err, rc, "%s", first.msg);
	return rc2;
}

int harness_test(const struct test_opts *o, struct test_totals *t, struct err *err)
{
	struct test_probes own = {0};
	struct test_opts opts = *o;
	struct run r = {.o = &opts};
	int rc;

	*t = (struct test_totals){0};
	if (!opts.probes) {
		if (test_probes_init(&own))
			return err_set(err, -ENOMEM, "no memory for the probes");
		opts.probes = &own;
	}
	rc = test_list_find(&r.list, o->paths, o->nr_paths, err);
	if (!rc)
		rc = make_tasks(&r, opts.probes, err);
	if (!rc && o->list) {
		list_tests(&r, t);
	} else if (!rc) {
		rc = run_tests(&r, err);
		*t = r.report.totals;
	}
	for (unsigned i = 0; i < r.n; i++) {
		test_result_free(&r.tasks[i].result);
		guest_spec_free(&r.specs[i]);
	}
	free(r.specs);
	free(r.tasks);
	test_list_free(&r.list);
	test_probes_free(&own);
	return rc;
}
