/* SPDX-License-Identifier: MIT */
/* The option tables: parsing, help, man pages, completion. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

#include "opt.h"

#define NAMES_MAX 64
#define WORD_MAX  40 /* longer words are like no option */

/* Every verb has these; opt_parse() acts on them itself. */
static const struct opt always[] = {
	{"help", 'h', OPT_FLAG, 0, NULL, "this text", 0, 0},
	{"help-man", 0, OPT_FLAG, 0, NULL, "the man page (roff) on standard output", 0, 0},
	{NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0},
};

/* ---- what might be meant ------------------------------------------------------------------------- */

/* Levenshtein's distance. */
static unsigned distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	unsigned row[WORD_MAX + 1];

	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned diag = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = diag + (a[i - 1] != b[j - 1]);

			diag = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

const char *opt_nearest(const char *word, const char *const *names)
{
	const char *best = NULL;
	unsigned least = WORD_MAX;

	for (; *names; names++) {
		unsigned d = distance(word, *names);
		size_t len = strlen(word);

		/* The beginning of a name is near to it, however long the rest. */
		if (len >= 2 && !strncmp(word, *names, len))
			d = 1;
		if (d < least) {
			least = d;
			best = *names;
		}
	}
	return least <= 1 + strlen(word) / 4 ? best : NULL;
}

/* ---- parsing ------------------------------------------------------------------------------------- */

static const struct opt *find(const struct opt *o, const char *name, size_t len, char letter)
{
	for (; o && o->name; o++) {
		if (letter && o->letter == letter)
			return o;
		if (!letter && name && strlen(o->name) == len && !memcmp(o->name, name, len))
			return o;
	}
	return NULL;
}

static int unknown(const struct cmd *cmd, const char *arg, struct err *err)
{
	const char *names[NAMES_MAX], *near = NULL;
	unsigned n = 0;
	char word[WORD_MAX + 1];
	size_t len = strcspn(arg, "=");

	for (const struct opt *o = cmd->opts; o && o->name && n < NAMES_MAX - 3; o++)
		names[n++] = o->name;
	names[n++] = "help";
	names[n++] = "help-man";
	names[n] = NULL;
	if (!strncmp(arg, "--", 2) && len - 2 <= WORD_MAX) {
		snprintf(word, sizeof(word), "%.*s", (int)(len - 2), arg + 2);
		near = opt_nearest(word, names);
	}
	if (near)
		return err_set(err, -EINVAL,
			       "unknown option %.40s: is --%s meant? `vise %s --help` lists all",
			       arg, near, cmd->name);
	return err_set(err, -EINVAL, "unknown option %.40s: `vise %s --help` lists all", arg,
		       cmd->name);
}

static int set(const struct opt *o, void *to, const char *value, struct err *err)
{
	void *p = (char *)to + o->off;
	struct opt_strs *many = p;
	uint64_t n;
	int rc;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)p = true;
		return 0;
	case OPT_STR:
		*(const char **)p = value;
		return 0;
	case OPT_STRS:
		if (many->n == OPT_MANY)
			return err_set(err, -E2BIG, "--%s is given more than %d times", o->name,
				       OPT_MANY);
		many->v[many->n++] = value;
		return 0;
	case OPT_U64:
		break;
	}
	rc = parse_u64(value, &n);
	if (rc == -ERANGE || (!rc && (n < o->min || (o->max && n > o->max)))) {
		if (o->max)
			return err_set(err, -ERANGE,
				       "--%s %.40s: out of range, %" PRIu64 " to %" PRIu64
				       " is allowed",
				       o->name, value, o->min, o->max);
		return err_set(err, -ERANGE, "--%s %.40s: out of range, %" PRIu64 " is the least",
			       o->name, value, o->min);
	}
	if (rc)
		return err_set(err, -EINVAL,
			       "--%s '%.40s': not a number (decimal or 0x hex, then K, M, G or T)",
			       o->name, value);
	*(uint64_t *)p = n;
	return 0;
}

struct parse {
	const struct cmd *cmd;
	void *to;
	int argc, i;
	char **argv;
	struct err *err;
	enum opt_found found;
};

/* Handle one option whose value, if it was given in the same word, is (value). */
static int take(struct parse *p, const struct opt *o, const char *value)
{
	if (o == &always[0] || o == &always[1]) {
		p->found = o == &always[0] ? OPT_HELP : OPT_MAN;
		return 0;
	}
	if (o->kind == OPT_FLAG && value)
		return err_set(p->err, -EINVAL, "--%s takes no value", o->name);
	if (o->kind != OPT_FLAG && !value) {
		if (p->i + 1 >= p->argc)
			return err_set(p->err, -EINVAL, "--%s needs a value: --%s %s", o->name,
				       o->name, o->arg);
		value = p->argv[++p->i];
	}
	return set(o, p->to, value, p->err);
}

static int take_long(struct parse *p, const char *arg)
{
	const char *eq = strchr(arg, '=');
	size_t len = eq ? (size_t)(eq - arg) - 2 : strlen(arg) - 2;
	const struct opt *o = find(p->cmd->opts, arg + 2, len, 0);

	if (!o)
		o = find(always, arg + 2, len, 0);
	return o ? take(p, o, eq ? eq + 1 : NULL) : unknown(p->cmd, arg, p->err);
}

/* -j4, -j 4, -qv */
static int take_short(struct parse *p, const char *arg)
{
	for (const char *c = arg + 1; *c; c++) {
		const struct opt *o = find(p->cmd->opts, NULL, 0, *c);
		int rc;

		if (!o)
			o = find(always, NULL, 0, *c);
		if (!o)
			return unknown(p->cmd, arg, p->err);
		if (o->kind != OPT_FLAG)
			return take(p, o, c[1] ? c + 1 : NULL);
		rc = take(p, o, NULL);
		if (rc)
			return rc;
	}
	return 0;
}

enum opt_found opt_parse(const struct cmd *cmd, void *o, int argc, char **argv, int *words,
			 struct err *err)
{
	struct parse p = {.cmd = cmd, .to = o, .argc = argc, .argv = argv, .err = err};
	bool only_words = false;
	unsigned n = 0;
	int rc = 0;

	for (p.i = 0; p.i < argc && !rc; p.i++) {
		char *arg = argv[p.i];

		if (only_words || arg[0] != '-' || !arg[1])
			argv[n++] = arg;
		else if (!strcmp(arg, "--"))
			only_words = true;
		else
			rc = arg[1] == '-' ? take_long(&p, arg) : take_short(&p, arg);
	}
	*words = (int)n;
	if (rc)
		return OPT_BAD;
	if (p.found == OPT_RUN && n > cmd->max_args) {
		if (cmd->max_args)
			err_set(err, -E2BIG, "too many words, from '%.40s' on: vise %s %s",
				argv[cmd->max_args], cmd->name, cmd->args);
		else
			err_set(err, -E2BIG, "'%.40s': vise %s takes options only", argv[0],
				cmd->name);
		return OPT_BAD;
	}
	return p.found;
}

/* ---- help ---------------------------------------------------------------------------------------- */

static void help_opts(const struct opt *o, FILE *f)
{
	for (; o && o->name; o++) {
		char left[64], letter[8] = "    ";

		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name, o->arg ? " " : "",
			 o->arg ? o->arg : "");
		fprintf(f, "  %-28s %s\n", left, o->help);
	}
}

void opt_help(const struct cmd *cmd, FILE *f)
{
	fprintf(f, "usage: vise %s [options]%s%s\n%s.\n\n%s\n\noptions:\n", cmd->name,
		*cmd->args ? " " : "", cmd->args, cmd->summary, cmd->text);
	help_opts(cmd->opts, f);
	help_opts(always, f);
}

/* roff: a dash is \-, a backslash \e, and no line may begin with a dot or quote by accident. */
static void roff(const char *s, FILE *f)
{
	bool start = true;

	for (; *s; s++) {
		if (start && (*s == '.' || *s == '\''))
			fputs("\\&", f);
		if (*s == '-')
			fputs("\\-", f);
		else if (*s == '\\')
			fputs("\\e", f);
		else
			fputc(*s, f);
		start = *s == '\n';
		if (start && s[1] == '\n') {
			fputs(".PP", f);
		}
	}
}

static void man_opts(const struct opt *o, FILE *f)
{
	for (; o && o->name; o++) {
		fputs(".TP\n.B ", f);
		if (o->letter)
			fprintf(f, "\\-%c, ", o->letter);
		fputs("\\-\\-", f);
		roff(o->name, f);
		if (o->arg)
			fprintf(f, " \\fI%s\\fR", o->arg);
		fputc('\n', f);
		roff(o->help, f);
		fputc('\n', f);
	}
}

void opt_man(const struct cmd *cmd, FILE *f)
{
	char upper[32];
	size_t i;

	for (i = 0; i < sizeof(upper) - 1 && cmd->name[i]; i++)
		upper[i] = (char)toupper((unsigned char)cmd->name[i]);
	upper[i] = '\0';
	fprintf(f, ".TH VISE\\-%s 1\n.SH NAME\nvise\\-%s \\- ", upper, cmd->name);
	roff(cmd->summary, f);
	fprintf(f, "\n.SH SYNOPSIS\n.B vise %s\n[options] ", cmd->name);
	roff(cmd->args, f);
	fputs("\n.SH DESCRIPTION\n", f);
	roff(cmd->text, f);
	fputs("\n.SH OPTIONS\n", f);
	man_opts(cmd->opts, f);
	man_opts(always, f);
	fputs(".SH EXIT STATUS\n0 pass; 1 the guest failed, or a finding; 2 usage; 3 it could not "
	      "start; 4 everything was skipped; 5 a limit was reached.\n.SH SEE ALSO\n.BR vise (1)\n",
	      f);
}

void opt_complete(const struct cmd *const *cmds, FILE *f)
{
	fputs("_vise() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} words=\n"
	      "\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\twords=\"",
	      f);
	for (unsigned i = 0; cmds[i]; i++)
		fprintf(f, "%s ", cmds[i]->name);
	fputs("help\"\n\telse\n\t\tcase ${COMP_WORDS[1]} in\n", f);
	for (unsigned i = 0; cmds[i]; i++) {
		fprintf(f, "\t\t%s) words=\"", cmds[i]->name);
		for (const struct opt *o = cmds[i]->opts; o && o->name; o++)
			fprintf(f, "--%s ", o->name);
		fputs("--help\" ;;\n", f);
	}
	fputs("\t\tesac\n\tfi\n\tcase $cur in\n"
	      "\t-*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
	      "\t*) if [ \"$COMP_CWORD\" = 1 ]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	      "\telse\n\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n\tfi ;;\n\tesac\n}\n"
	      "complete -o filenames -F _vise vise\n",
	      f);
}
