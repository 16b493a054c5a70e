/* SPDX-License-Identifier: MIT */
/*
 * silicon: the program. silicon --cases N --seed S --form F: compare the software CPU with this one
 * and print what differs and a table of forms, cases, differences. Status 1: something differs.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "silicon.h"

static void put(void *ctx, const char *text)
{
	(void)ctx;
	fputs(text, stdout);
}

static void usage(FILE *f)
{
	fputs("Usage: silicon [OPTION]...\n"
	      "Compare the software CPU with the one of this host.\n"
	      "  --cases N    run N cases (default 100000)\n"
	      "  --seconds N  stop after N seconds\n"
	      "  --seed S     another seed makes other cases (default 1)\n"
	      "  --case I     start with case I of each form: with --form, the one that differed\n"
	      "  --form F     only forms with F in their names\n"
	      "  --kinds K    of: forms sequences bytes (default all; with --form: forms)\n"
	      "  --show N     describe N differences a form (default 1)\n"
	      "  --no-fast    the reference path alone\n"
	      "  --table      print every form\n"
	      "  --tally FILE go on with the counts in FILE, the forms with the fewest first; add to it\n"
	      "  --summary    print the table of them by mnemonic (with --cases 0: and run nothing)\n"
	      "  --left-out   print the forms that are left out, and why\n"
	      "  --help       this\n",
	      f);
}

static void row(const char *name, const struct sil_tally *t)
{
	printf("%-44s %9" PRIu64 " %9" PRIu64 " %8" PRIu64 " %9" PRIu64 " %8" PRIu64 " %7" PRIu64
	       "\n",
	       name, t->cases, t->faults, t->diffs, t->explained, t->fast_diffs, t->dropped);
}

static void table(const struct sil_report *rep, bool whole)
{
	uint64_t least = UINT64_MAX;
	size_t run = 0, out = 0, bad = 0, few = 0;

	printf("%-44s %9s %9s %8s %9s %8s %7s\n", "form", "cases", "faults", "differ", "explained",
	       "fast", "dropped");
	for (size_t i = 0; i < rep->nr_forms; i++) {
		const struct sil_tally *t = &rep->by_form[i];

		if (rep->forms[i].left_out || (rep->forms[i].bits == 16 && !rep->has16)) {
			out++;
			continue;
		}
		if (t->cases) {
			run++;
			least = t->cases < least ? t->cases : least;
			few += t->cases < 1000;
		}
		bad += t->diffs || t->fast_diffs;
		if (whole || t->diffs || t->fast_diffs)
			row(rep->forms[i].name, t);
	}
	for (unsigned i = 0; i < SIL_EXTRA; i++)
		if (rep->by_form[rep->nr_forms + i].cases)
			row(sil_extra_names[i], &rep->by_form[rep->nr_forms + i]);
	row("all", &rep->all);
	printf("%zu forms, %zu run, %zu left out, %zu with differences, %zu of less than 1000 cases, "
	       "the least has %" PRIu64 "; %u children lost\n",
	       rep->nr_forms, run, out, bad, few, run ? least : 0, rep->lost);
	for (int i = 0; i < SIL_EXPLAINED; i++)
		if (rep->explained[i])
			printf("explained, %" PRIu64 ": %s\n", rep->explained[i],
			       sil_explanation(i));
}

static int list_left_out(void)
{
	struct sil_form *f;
	size_t n;

	if (sil_forms(&f, &n))
		return 2;
	for (size_t i = 0; i < n; i++)
		if (f[i].left_out)
			printf("%-44s %s\n", f[i].name, f[i].left_out);
	free(f);
	return 0;
}

static unsigned kinds(const char *s)
{
	return (strstr(s, "forms") ? 1u << SIL_K_FORMS : 0) |
	       (strstr(s, "seq") ? 1u << SIL_K_SEQUENCES : 0) |
	       (strstr(s, "bytes") ? 1u << SIL_K_BYTES : 0);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"cases", 1, NULL, 'n'},    {"seed", 1, NULL, 's'},
		{"form", 1, NULL, 'f'},	    {"case", 1, NULL, 'i'},
		{"kinds", 1, NULL, 'k'},    {"show", 1, NULL, 'v'},
		{"table", 0, NULL, 't'},    {"no-fast", 0, NULL, 'r'},
		{"left-out", 0, NULL, 'l'}, {"seconds", 1, NULL, 'S'},
		{"tally", 1, NULL, 'T'},    {"summary", 0, NULL, 'm'},
		{"help", 0, NULL, 'h'},	    {0}};
	struct sil_options o = {.cases = 100000, .seed = 1, .show = 1, .fast = true, .put = put};
	struct sil_report rep;
	struct err err = {0};
	bool whole = false, summary = false;
	struct buf b = {0};
	int c, rc;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'n':
			o.cases = strtoull(optarg, NULL, 0);
			break;
		case 's':
			o.seed = strtoull(optarg, NULL, 0);
			break;
		case 'S':
			o.seconds = (unsigned)strtoul(optarg, NULL, 0);
			break;
		case 'f':
			o.form = optarg;
			break;
		case 'i':
			o.first = strtoull(optarg, NULL, 0);
			break;
		case 'k':
			o.kinds = kinds(optarg);
			break;
		case 'v':
			o.show = (unsigned)strtoul(optarg, NULL, 0);
			break;
		case 't':
			whole = true;
			break;
		case 'r':
			o.fast = false;
			break;
		case 'l':
			return list_left_out();
		case 'T':
			o.tally = optarg;
			break;
		case 'm':
			summary = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (!o.kinds)
		o.kinds = o.form ? 1u << SIL_K_FORMS : 7;
	rc = sil_compare_many(&o, &rep, &err);
	if (rc) {
		fprintf(stderr, "silicon: %s\n", err.msg);
		return 2;
	}
	if (!summary) {
		table(&rep, whole);
	} else if (!sil_summary(&b, &rep)) {
		fputs(buf_str(&b), stdout);
	}
	buf_free(&b);
	rc = rep.all.diffs || rep.all.fast_diffs;
	sil_report_free(&rep);
	return rc;
}
