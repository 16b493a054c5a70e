/* SPDX-License-Identifier: MIT */
/* One guest test on one back end: what it needs, build, run, judge. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "harness_priv.h"

#define STREAM_MAX ((size_t)8 << 20)	 /* bytes of stream kept for the comparison */
#define IMAGE_MAX  ((uint64_t)256 << 20) /* bytes of a built image */
#define TRACE_LINE 256

/* ---- probes -------------------------------------------------------------------------------------- */

int test_probes_init(struct test_probes *p)
{
	p->n = 0;
	while (vm_probes[p->n].name)
		p->n++;
	p->p = calloc(p->n ? p->n : 1, sizeof(*p->p));
	if (!p->p)
		return -ENOMEM;
	for (unsigned i = 0; i < p->n; i++)
		p->p[i].holds = -1;
	return 0;
}

void test_probes_free(struct test_probes *p)
{
	free(p->p);
	*p = (struct test_probes){0};
}

int test_probes_get(struct test_probes *p, const char *name, const char **why)
{
	for (unsigned i = 0; i < p->n; i++) {
		if (strcmp(vm_probes[i].name, name) != 0)
			continue;
		if (p->p[i].holds < 0) {
			int rc = vm_probe_run(name, p->p[i].why, sizeof(p->p[i].why));

			if (rc < 0)
				snprintf(p->p[i].why, sizeof(p->p[i].why),
					 "the probe could not be run: %s", strerror(-rc));
			p->p[i].holds = rc > 0;
		}
		if (why)
			*why = p->p[i].why;
		return p->p[i].holds;
	}
	return -ENOENT;
}

/* ---- the environment ----------------------------------------------------------------------------- */

/* False: *r says why it is skipped. */
static bool environment(const struct guest_spec *s, const struct test_opts *o,
			struct test_result *r)
{
	const char *why = "";

	r->verdict = TEST_SKIP;
	if (s->only && s->only != s->cpu) {
		test_reason(r, "runs on %s only", guest_cpu_name(s->only));
		return false;
	}
	if (s->cpu == GUEST_KVM && test_probes_get(o->probes, "kvm", &why) == 0) {
		test_reason(r, "no KVM: %s", why);
		return false;
	}
	for (unsigned i = 0; i < s->nr_needs; i++) {
		/* What is asked of KVM does not concern soft. */
		if (s->cpu == GUEST_SOFT && vm_probe_of_kvm(s->needs[i]))
			continue;
		if (test_probes_get(o->probes, s->needs[i], &why) <= 0) {
			test_reason(r, "needs %s: %s", s->needs[i], why);
			return false;
		}
	}
	return true;
}

/* The xfail line that counts here, or NULL. */
static const struct guest_xfail *expected(const struct guest_spec *s, const struct test_opts *o)
{
	for (unsigned i = 0; i < s->nr_xfail; i++) {
		if (s->xfail[i].cpu == s->cpu &&
		    test_probes_get(o->probes, s->xfail[i].probe, NULL) == 0)
			return &s->xfail[i];
	}
	return NULL;
}

/* ---- the run ------------------------------------------------------------------------------------- */

/* The canonical stream as it comes: always as a hash, as text where somebody will read it. */
struct keep {
	struct buf *text; /* NULL: the hash alone */
	uint64_t hash;
};

static void keep_canonical(void *ctx, const struct trace_event *ev)
{
	struct keep *k = ctx;
	char line[TRACE_LINE];
	int n;

	if (!trace_is_canonical(ev))
		return;
	n = trace_format(ev, line, sizeof(line) - 1);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n] = '\n';
	k->hash = hash64(k->hash, line, (size_t)n + 1);
	if (k->text)
		buf_put(k->text, line, (size_t)n + 1);
}

/* With --bless a golden that differs is written anew, but only from a run that passes otherwise. */
static void judge_or_bless(const struct guest_spec *s, const struct test_opts *o,
			   const struct judge_run *run, struct test_result *r)
{
	const struct buf *stream = run->stream;
	struct guest_spec view = *s;
	struct err err;

	if (o->bless)
		view.exits = (struct buf){0};
	judge(&view, run, r);
	if (!o->bless || !s->exits.p || r->verdict != TEST_PASS)
		return;
	if (stream->len == s->exits.len && !memcmp(buf_str(stream), s->exits.p, stream->len))
		return;
	if (bless_golden(s, stream, &err)) {
		r->verdict = TEST_ERROR;
		test_reason(r, "%s", err.msg);
	} else {
		test_reason(r, "golden written anew");
	}
}

static int run_machine(const struct guest_spec *s, const struct test_opts *o, const void *image,
		       size_t len, struct test_result *r)
{
	struct buf stream = {.max = STREAM_MAX};
	struct keep keep = {.text = s->exits.p || o->bless ? &stream : NULL};
	const char *dev[GUEST_DEVICES];
	struct vm_limits lim = {0};
	struct judge_run run = {0};
	struct vm_result res = {0};
	struct vm_spec spec;
	struct err err = {0};
	struct vm *vm;
	int rc;

	guest_vm_spec(s, dev, &spec);
	spec.load.image.data = image;
	spec.load.image.len = len;
	spec.seed = o->seed;
	rc = vm_new(&vm, &spec, &err);
	if (rc) {
		r->verdict = TEST_ERROR;
		test_reason(r, "%s: %s", s->path, err.msg);
		return rc == -ENOMEM ? rc : 0;
	}
	trace_set_sink(vm_trace(vm), keep_canonical, &keep);
	vm_set_pass_code(vm, s->exit);
	if (s->cpu == GUEST_SOFT) {
		lim.budget = s->timeout ? s->timeout : GUEST_TIMEOUT_SOFT;
	} else {
		lim.wall_ms = s->timeout ? s->timeout : GUEST_TIMEOUT_KVM;
		/* One more than allowed: a guest that goes on for ever is stopped and judged. */
		if (s->has_budget && s->exit_budget < UINT64_MAX)
			lim.budget = s->exit_budget + 1;
	}
	vm_run(vm, &lim, &res);
	r->ran = !vm_state_hash(vm, &r->state, &err);
	r->stream = keep.hash;
	run.res = &res;
	run.stream = &stream;
	run.serial = buf_str(&vm_serial(vm)->out);
	run.serial_len = vm_serial(vm)->out.len;
	run.serial_cut = vm_serial(vm)->out.failed;
	r->exits = res.exits;
	judge_or_bless(s, o, &run, r);
	vm_free(vm);
	buf_free(&stream);
	return 0;
}

static int build_and_run(const struct guest_spec *s, const struct test_opts *o,
			 struct test_result *r)
{
	struct err err = {0};
	void *image = NULL;
	char *path = NULL;
	size_t len;
	int rc;

	rc = guest_assemble(s, o->cache_dir, o->lib_dir, &path, &err);
	if (!rc)
		rc = file_read(path, IMAGE_MAX, &image, &len, &err);
	free(path);
	if (!rc && o->build)
		r->verdict = TEST_PASS;
	if (rc) {
		/* A tool that is not there is the host's lack, all else the test's fault. */
		r->verdict = rc == -ENOENT ? TEST_SKIP : TEST_ERROR;
		test_reason(r, "%s", err.msg);
		return rc == -ENOMEM ? rc : 0;
	}
	if (!o->build)
		rc = run_machine(s, o, image, len, r);
	free(image);
	return rc;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int run_with_probes(const struct guest_spec *s, const struct test_opts *o,
			   struct test_result *r)
{
	const struct guest_xfail *x;
	int rc;

	if (o->build)
		return build_and_run(s, o, r);
	if (!environment(s, o, r))
		return 0;
	rc = build_and_run(s, o, r);
	x = expected(s, o);
	if (rc || !x)
		return rc;
	if (r->verdict == TEST_FAIL) {
		r->verdict = TEST_XFAIL;
		test_reason(r, "%s (without %s)", x->reason, x->probe);
	} else if (r->verdict == TEST_PASS) {
		r->verdict = TEST_XPASS;
		test_reason(r, "passes, though without %s a failure is expected: %s", x->probe,
			    x->reason);
	}
	return 0;
}

int harness_run_one(const struct guest_spec *s, const struct test_opts *o, struct test_result *r)
{
	struct test_probes own = {0};
	struct test_opts opts = *o;
	size_t len = strlen(s->path);
	double start = now_ms();
	int rc;

	*r = (struct test_result){.cpu = s->cpu};
	if (len > 4 && !strcmp(s->path + len - 4, ".asm"))
		len -= 4;
	r->test = strndup(s->path, len);
	if (!r->test)
		return -ENOMEM;
	if (!opts.probes) {
		rc = test_probes_init(&own);
		if (rc)
			return rc;
		opts.probes = &own;
	}
	rc = run_with_probes(s, &opts, r);
	test_probes_free(&own);
	r->ms = now_ms() - start;
	return rc;
}
