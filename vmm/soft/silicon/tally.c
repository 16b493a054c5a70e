/* SPDX-License-Identifier: MIT */
/*
 * silicon: what many runs came to together: a file of counts by form that a run takes up and goes on
 * with, and the table of it that lies in the tree.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "silicon.h"

#define TALLY_MAX (16u << 20)

const char *const sil_extra_names[SIL_EXTRA] = {"sequences 64", "sequences 32", "sequences 16",
						"bytes 64",	"bytes 32",	"bytes 16"};

static const char *row_name(const struct sil_report *rep, size_t row)
{
	return row < rep->nr_forms ? rep->forms[row].name : sil_extra_names[row - rep->nr_forms];
}

/* ---- the file: name, tab, counts ------------------------------------------------------------------- */

static void take_line(struct sil_report *rep, char *line, size_t *guess)
{
	size_t rows = rep->nr_forms + SIL_EXTRA;
	char *tab = strchr(line, '\t');
	uint64_t v[7] = {0};

	if (!tab)
		return;
	*tab = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(v) && tab; i++) {
		v[i] = strtoull(tab + 1, NULL, 10);
		tab = strchr(tab + 1, '\t');
	}
	for (int i = 0; i < SIL_EXPLAINED; i++)
		if (sil_explanation(i) && !strcmp(line, sil_explanation(i))) {
			rep->explained[i] = v[0];
			return;
		}
	/* They are in the order of the list, unless that changed. */
	for (size_t k = 0; k < rows; k++) {
		size_t row = (*guess + k) % rows;

		if (strcmp(line, row_name(rep, row)) != 0)
			continue;
		rep->by_form[row] =
			(struct sil_tally){v[0], v[1], v[2], v[3], v[4], v[5], .next = v[6]};
		*guess = row + 1;
		return;
	}
}

int sil_tally_load(const char *path, struct sil_report *rep, struct err *err)
{
	size_t len, guess = 0;
	void *text;
	char *line, *next;
	int rc = file_read(path, TALLY_MAX, &text, &len, err);

	if (rc == -ENOENT)
		return 0;
	if (rc)
		return rc;
	line = text;
	while (line && (size_t)(line - (char *)text) < len) {
		next = memchr(line, '\n', len - (size_t)(line - (char *)text));
		if (!next)
			break;
		*next = '\0';
		take_line(rep, line, &guess);
		line = next + 1;
	}
	free(text);
	return 0;
}

int sil_tally_save(const char *path, const struct sil_report *rep, struct err *err)
{
	struct buf b = {.max = TALLY_MAX};
	int rc;

	for (size_t i = 0; i < rep->nr_forms + SIL_EXTRA; i++) {
		const struct sil_tally *t = &rep->by_form[i];

		if (!t->next)
			continue;
		buf_printf(&b,
			   "%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
			   "\t%" PRIu64 "\t%" PRIu64 "\n",
			   row_name(rep, i), t->cases, t->faults, t->diffs, t->explained,
			   t->fast_diffs, t->dropped, t->next);
	}
	for (int i = 0; i < SIL_EXPLAINED; i++)
		if (rep->explained[i])
			buf_printf(&b, "%s\t%" PRIu64 "\n", sil_explanation(i), rep->explained[i]);
	if (b.failed)
		rc = err_set(err, -ENOMEM, "silicon: no memory for the tally");
	else
		rc = file_write(path, b.p, b.len, err);
	buf_free(&b);
	return rc;
}

/* ---- the table: a line a mnemonic -------------------------------------------------------------------- */

static const char *const features[] = {
	[INSN_C_BASE] = "base",		[INSN_C_X87] = "x87",
	[INSN_C_MMX] = "mmx",		[INSN_C_SSE] = "sse",
	[INSN_C_SSE2] = "sse2",		[INSN_C_SSE3] = "sse3",
	[INSN_C_SSSE3] = "ssse3",	[INSN_C_SSE41] = "sse4.1",
	[INSN_C_SSE42] = "sse4.2",	[INSN_C_POPCNT] = "popcnt",
	[INSN_C_LZCNT] = "lzcnt",	[INSN_C_BMI1] = "bmi1",
	[INSN_C_BMI2] = "bmi2",		[INSN_C_ADX] = "adx",
	[INSN_C_MOVBE] = "movbe",	[INSN_C_CX16] = "cx16",
	[INSN_C_AES] = "aes",		[INSN_C_PCLMUL] = "pclmul",
	[INSN_C_FXSR] = "fxsr",		[INSN_C_XSAVE] = "xsave",
	[INSN_C_XSAVEOPT] = "xsaveopt", [INSN_C_XSAVEC] = "xsavec",
	[INSN_C_XSAVES] = "xsaves",	[INSN_C_RDRAND] = "rdrand",
	[INSN_C_RDSEED] = "rdseed",	[INSN_C_FSGSBASE] = "fsgsbase",
	[INSN_C_RDTSCP] = "rdtscp",	[INSN_C_RDPRU] = "rdpru",
	[INSN_C_PKU] = "pku",		[INSN_C_SMAP] = "smap",
	[INSN_C_INVPCID] = "invpcid",	[INSN_C_CLFLUSHOPT] = "clflushopt",
	[INSN_C_CLWB] = "clwb",		[INSN_C_MONITOR] = "monitor",
	[INSN_C_SYSCALL] = "syscall",	[INSN_C_LAHF] = "lahf",
	[INSN_C_OTHER] = "other",
};

/* What differs in a condition, a size of elements or a constant alone is one line. */
static void group_name(char *out, size_t len, const struct sil_form *f)
{
	static const char *const families[] = {
		"CMOV",	   "FCMOV", "FLDL",   "FLDP",	"PABS",	 "PACK", "PADD",     "PCMPEQ",
		"PCMPGT",  "PEXTR", "PHADD",  "PHSUB",	"PINSR", "PMAX", "PMIN",     "PMOVSX",
		"PMOVZX",  "PSIGN", "PSLL",   "PSRA",	"PSRL",	 "PSUB", "PREFETCH", "PUNPCKH",
		"PUNPCKL", "BLEND", "PBLEND", "UNPCKH", "UNPCKL"};
	const char *name = insn_op_name(f->op);
	size_t n = strlen(name);

	snprintf(out, len, "%s", name);
	if (name[0] == 'J' && strcmp(name, "JMP") != 0 && !(n > 3 && !strcmp(name + n - 3, "CXZ")))
		snprintf(out, len, "Jcc");
	if (!strncmp(name, "SET", 3) && f->map == 1 && (f->opcode & 0xf0) == 0x90)
		snprintf(out, len, "SETcc");
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (!strncmp(name, families[i], strlen(families[i])))
			snprintf(out, len, "%s*", families[i]);
}

struct group {
	char name[24];
	uint8_t feature;
	unsigned forms[3]; /* 64, 32, 16 bits */
	unsigned left;
	const char *why; /* left out */
	uint64_t least;
	struct sil_tally sum;
};

static struct group *group_of(struct group *g, size_t *n, const struct sil_form *f)
{
	char name[24];

	group_name(name, sizeof(name), f);
	for (size_t i = *n; i-- > 0;)
		if (g[i].feature == f->feature && !strcmp(g[i].name, name))
			return &g[i];
	g[*n] = (struct group){.feature = f->feature, .least = UINT64_MAX};
	memcpy(g[*n].name, name, sizeof(name));
	return &g[(*n)++];
}

static int by_name(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return x->feature != y->feature ? x->feature - y->feature : strcmp(x->name, y->name);
}

static void add(struct sil_tally *sum, const struct sil_tally *t)
{
	sum->cases += t->cases;
	sum->faults += t->faults;
	sum->diffs += t->diffs;
	sum->explained += t->explained;
	sum->fast_diffs += t->fast_diffs;
	sum->dropped += t->dropped;
}

static void put_counts(struct buf *b, const struct sil_tally *t)
{
	buf_printf(b, "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64, t->cases,
		   t->faults, t->explained, t->diffs, t->fast_diffs);
}

static void put_head(struct buf *b)
{
	buf_printf(
		b,
		"# The software CPU against the host's, by mnemonic: `silicon --tally FILE "
		"--summary` made this.\n"
		"# A form is an opcode with its mandatory prefix, REX.W, ModRM digit, register or "
		"memory, in a mode.\n"
		"# cases: compared with silicon (registers, flags, memory, x87, SSE, faults), and "
		"soft's two paths with each other.\n"
		"# least: of the form that has the fewest. faults: cases that ended in one. "
		"explained: different by a rule below.\n"
		"# differ: anything else. paths: the fast path gave something else than the "
		"reference path.\n"
		"feature\tmnemonic\tforms64\tforms32\tforms16\tleast\tcases\tfaults\texplained\t"
		"differ\tpaths\tleft out because\n");
}

static void put_group(struct buf *b, const struct group *g)
{
	buf_printf(b, "%s\t%s\t%u\t%u\t%u\t%" PRIu64, features[g->feature], g->name, g->forms[0],
		   g->forms[1], g->forms[2], g->least == UINT64_MAX ? 0 : g->least);
	put_counts(b, &g->sum);
	buf_printf(b, "\t%s\n", g->why ? g->why : "-");
}

int sil_summary(struct buf *b, const struct sil_report *rep)
{
	struct group *g = calloc(rep->nr_forms, sizeof(*g));
	struct sil_tally all = {0};
	uint64_t least = UINT64_MAX;
	size_t n = 0, left = 0;

	if (!g)
		return -ENOMEM;
	for (size_t i = 0; i < rep->nr_forms; i++) {
		const struct sil_form *f = &rep->forms[i];
		const struct sil_tally *t = &rep->by_form[i];
		struct group *x = group_of(g, &n, f);

		x->forms[f->bits == 64 ? 0 : f->bits == 32 ? 1 : 2]++;
		if (f->left_out) {
			x->why = f->left_out;
			left++;
			continue;
		}
		add(&x->sum, t);
		add(&all, t);
		x->least = t->cases < x->least ? t->cases : x->least;
		least = t->cases < least ? t->cases : least;
	}
	qsort(g, n, sizeof(*g), by_name);
	put_head(b);
	for (size_t i = 0; i < n; i++)
		put_group(b, &g[i]);
	for (unsigned i = 0; i < SIL_EXTRA; i++) {
		buf_printf(b, "-\t%s\t\t\t\t", sil_extra_names[i]);
		put_counts(b, &rep->by_form[rep->nr_forms + i]);
		buf_printf(b, "\t-\n");
		add(&all, &rep->by_form[rep->nr_forms + i]);
	}
	buf_printf(b, "-\tall\t\t\t\t%" PRIu64, least);
	put_counts(b, &all);
	buf_printf(b, "\t%zu of %zu forms\n", left, rep->nr_forms);
	for (int i = 0; i < SIL_EXPLAINED; i++)
		if (rep->explained[i])
			buf_printf(b, "# explained: %s\n", sil_explanation(i));
	free(g);
	return b->failed ? -ENOMEM : 0;
}
