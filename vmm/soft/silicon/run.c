/* SPDX-License-Identifier: MIT */
/* silicon: many cases in batches; what came of each form. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "silicon.h"

struct run {
	const struct sil_options *opt;
	struct sil_report *rep;
	struct sil_gen gen;
	struct sil o;
	struct sil_model *m;
	uint8_t *shown;
	size_t tally[SIL_SLOTS]; /* row of by_form of each slot */
	unsigned n;		 /* cases in the batch */
	uint64_t left;		 /* cases to go */
};

static const unsigned modes[3] = {64, 32, 16};

static void say(struct run *r, const struct sil_result *soft, unsigned i, const struct sil_diff *d,
		const char *how)
{
	const struct sil_case *c = &r->o.sh->cases[i];
	size_t row = r->tally[i];
	struct buf b = {0};

	if (!r->opt->put || r->shown[row] >= r->opt->show)
		return;
	r->shown[row]++;
	if (row < r->rep->nr_forms)
		buf_printf(&b, "%s: case %llu: %s\n  ", r->rep->forms[row].name,
			   (unsigned long long)c->index, how);
	else
		buf_printf(&b, "%s %u: case %llu: %s\n  ",
			   row < r->rep->nr_forms + 3 ? "sequence" : "bytes", c->bits,
			   (unsigned long long)c->index, how);
	sil_describe(&b, c, &r->o.sh->results[i], soft, d);
	r->opt->put(r->opt->ctx, buf_str(&b));
	buf_free(&b);
}

/*
 * The child has a few pages beside the world of a case. Where soft faults on one of these it is the
 * environment that differs and not the CPU: no case.
 */
static bool met_the_child(const struct sil_result *soft)
{
	return soft->vector == X86_PF && (soft->cr2 - SIL_LOW < SIL_LOW_SIZE ||
					  soft->cr2 - SIL_HIGH < SIL_HIGH_END - SIL_HIGH);
}

static void judge(struct run *r, unsigned i)
{
	const struct sil_case *c = &r->o.sh->cases[i];
	const struct sil_result *silicon = &r->o.sh->results[i];
	struct sil_tally *t = &r->rep->by_form[r->tally[i]];
	struct sil_result soft, fast;
	struct sil_diff d;
	int row;

	memset(&soft, 0, sizeof(soft));
	if (silicon->vector < SIL_OK) {
		t->dropped++;
		if (r->opt->show > 8) { /* asked for much: also what no comparison came of */
			sil_compare(c, silicon, &soft, &d);
			say(r, &soft, i, &d, "dropped");
		}
		return;
	}
	sil_model_run(r->m, c, &soft, false);
	if (soft.vector == SIL_TIMEOUT || met_the_child(&soft)) {
		t->dropped++;
		return;
	}
	t->cases++;
	if (silicon->vector >= 0)
		t->faults++;
	sil_compare(c, silicon, &soft, &d);
	if (d.fields) {
		row = sil_explained(c, silicon, &soft, &d);
		if (row >= 0) {
			t->explained++;
			r->rep->explained[row]++;
		} else {
			t->diffs++;
			say(r, &soft, i, &d, "differs");
		}
	}
	if (!r->opt->fast)
		return;
	memset(&fast, 0, sizeof(fast));
	sil_model_run(r->m, c, &fast, true);
	sil_compare(c, &soft, &fast, &d);
	if (d.fields) {
		t->fast_diffs++;
		r->o.sh->results[i] = soft; /* it stands for silicon in the text */
		say(r, &fast, i, &d,
		    "the fast path (\"soft\") differs from the reference (\"silicon\")");
	}
}

static int flush(struct run *r, struct err *err)
{
	int rc = sil_run(&r->o, r->n, err);

	for (unsigned i = 0; !rc && i < r->n; i++)
		judge(r, i);
	r->n = 0;
	return rc;
}

/* The case in slot r->n is made: count it in. */
static int take(struct run *r, size_t row, struct err *err)
{
	r->tally[r->n] = row;
	r->n++;
	if (r->left)
		r->left--;
	return r->n == SIL_SLOTS ? flush(r, err) : 0;
}

static struct sil_case *slot(struct run *r)
{
	struct sil_case *c = &r->o.sh->cases[r->n];

	c->slot = (uint16_t)r->n;
	return c;
}

static bool wanted(const struct run *r, const struct sil_form *f)
{
	return !r->opt->form || strstr(f->name, r->opt->form);
}

static bool runnable(const struct run *r, size_t f)
{
	const struct sil_tally *t = &r->rep->by_form[f];

	return wanted(r, &r->rep->forms[f]) && !r->rep->forms[f].left_out &&
	       (r->rep->forms[f].bits != 16 || r->o.has16) &&
	       t->next < 4096 + 64 * t->cases; /* else nothing comes of it */
}

/* A case each of the forms that have the fewest; how many. */
static unsigned forms(struct run *r, struct err *err, int *rc)
{
	uint64_t least = UINT64_MAX;
	unsigned n = 0;

	for (size_t f = 0; f < r->rep->nr_forms; f++)
		if (runnable(r, f) && r->rep->by_form[f].cases < least)
			least = r->rep->by_form[f].cases;
	for (size_t f = 0; !*rc && f < r->rep->nr_forms && r->left; f++) {
		struct sil_tally *t = &r->rep->by_form[f];

		if (!runnable(r, f) || t->cases > least)
			continue;
		for (unsigned tries = 0; tries < 8; tries++)
			if (sil_gen_form(&r->gen, slot(r), (uint32_t)f, t->next++)) {
				*rc = take(r, f, err);
				n++;
				break;
			}
	}
	return n;
}

static int others(struct run *r, unsigned kind, unsigned n, struct err *err)
{
	int rc = 0;

	for (unsigned k = 0; !rc && k < n && r->left; k++) {
		size_t row = r->rep->nr_forms + 3 * (size_t)(kind - 1) + k % 3;
		struct sil_tally *t = &r->rep->by_form[row];
		unsigned bits = modes[k % 3];
		bool ok;

		if (bits == 16 && !r->o.has16)
			continue;
		if (kind == SIL_K_SEQUENCES)
			ok = sil_gen_sequence(&r->gen, slot(r), bits, t->next++);
		else
			ok = sil_gen_bytes(&r->gen, slot(r), bits, t->next++);
		if (ok)
			rc = take(r, row, err);
	}
	return rc;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int all(struct run *r, struct err *err)
{
	double end = now() + r->opt->seconds;
	unsigned dry = 0;
	int rc = 0;

	while (!rc && r->left) {
		uint64_t before = r->left;
		unsigned n = (unsigned)r->rep->nr_forms;

		if (r->opt->kinds & 1 << SIL_K_FORMS)
			n = forms(r, err, &rc);
		/* As many of the others as an eighth of the forms. */
		if (!rc && (r->opt->kinds & 1 << SIL_K_SEQUENCES))
			rc = others(r, SIL_K_SEQUENCES, n / 8 + 3, err);
		if (!rc && (r->opt->kinds & 1 << SIL_K_BYTES))
			rc = others(r, SIL_K_BYTES, n / 8 + 3, err);
		if (r->opt->seconds && now() >= end)
			break;
		dry = before == r->left ? dry + 1 : 0;
		if (dry > 10000) /* nothing can be made of what is wanted */
			break;
	}
	if (!rc)
		rc = flush(r, err);
	return rc;
}

/* Where each form goes on. */
static int take_up(const struct sil_options *opt, struct sil_report *rep, struct err *err)
{
	int rc = opt->tally ? sil_tally_load(opt->tally, rep, err) : 0;

	for (size_t i = 0; i < rep->nr_forms + SIL_EXTRA; i++)
		if (rep->by_form[i].next < opt->first)
			rep->by_form[i].next = opt->first;
	return rc;
}

int sil_compare_many(const struct sil_options *opt, struct sil_report *rep, struct err *err)
{
	struct run *r = calloc(1, sizeof(*r));
	int rc;

	memset(rep, 0, sizeof(*rep));
	if (!r)
		return err_set(err, -ENOMEM, "silicon: no memory");
	r->opt = opt;
	r->rep = rep;
	r->left = opt->cases;
	rc = sil_forms(&rep->forms, &rep->nr_forms);
	if (!rc) {
		rep->by_form = calloc(rep->nr_forms + SIL_EXTRA, sizeof(*rep->by_form));
		r->shown = calloc(rep->nr_forms + SIL_EXTRA, 1);
	}
	if (rc || !rep->by_form || !r->shown)
		rc = err_set(err, -ENOMEM, "silicon: no memory for %zu forms", rep->nr_forms);
	else
		rc = take_up(opt, rep, err);
	if (!rc)
		rc = sil_open(&r->o, opt->seed, err);
	if (!rc) {
		r->gen = (struct sil_gen){opt->seed, rep->forms, rep->nr_forms, r->o.has16};
		rc = sil_model_open(&r->m, r->o.sh, err);
		if (!rc)
			rc = all(r, err);
		rep->lost = r->o.lost;
		rep->has16 = r->o.has16;
		sil_model_close(r->m);
		sil_close(&r->o);
	}
	for (size_t i = 0; !rc && i < rep->nr_forms + SIL_EXTRA; i++) {
		const struct sil_tally *t = &rep->by_form[i];

		rep->all.cases += t->cases;
		rep->all.faults += t->faults;
		rep->all.diffs += t->diffs;
		rep->all.explained += t->explained;
		rep->all.fast_diffs += t->fast_diffs;
		rep->all.dropped += t->dropped;
	}
	if (!rc && opt->tally)
		rc = sil_tally_save(opt->tally, rep, err);
	free(r->shown);
	free(r);
	if (rc)
		sil_report_free(rep);
	return rc;
}

void sil_report_free(struct sil_report *rep)
{
	free(rep->forms);
	free(rep->by_form);
	memset(rep, 0, sizeof(*rep));
}
