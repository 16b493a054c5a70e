/* SPDX-License-Identifier: MIT */
/* vise: pick the subcommand, parse its options, run it. */
#include <signal.h>
#include <stdlib.h>

#include "cli.h"

#define CMD(name) &cmd_##name,
static const struct cmd *const cmds[] = {
#include <cmd_list.h>
	NULL};
#undef CMD

static void usage(FILE *f)
{
	fputs("usage: vise VERB [options] ...\n\n", f);
	for (unsigned i = 0; cmds[i]; i++)
		fprintf(f, "  %-10s %s\n", cmds[i]->name, cmds[i]->summary);
	fputs("\n`vise VERB --help` says more. `vise --bash` prints a completion for bash.\n"
	      "Exit status: 0 pass, 1 the guest failed or a finding, 2 usage, 3 could not start,\n"
	      "4 everything was skipped, 5 a limit was reached.\n",
	      f);
}

static const struct cmd *find(const char *name)
{
	for (unsigned i = 0; cmds[i]; i++) {
		if (!strcmp(cmds[i]->name, name))
			return cmds[i];
	}
	return NULL;
}

static int unknown_verb(const char *word)
{
	const char *names[ARRAY_SIZE(cmds)], *near;
	unsigned n = 0;

	for (; cmds[n]; n++)
		names[n] = cmds[n]->name;
	names[n] = NULL;
	near = opt_nearest(word, names);
	if (near)
		return cli_fail(ST_USAGE,
				"unknown verb '%.40s': is '%s' meant? `vise --help` lists all",
				word, near);
	return cli_fail(ST_USAGE, "unknown verb '%.40s': `vise --help` lists all", word);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	void *o = calloc(1, cmd->size ? cmd->size : 1);
	struct err err = {0};
	int words, status;

	if (!o)
		return cli_fail(ST_START, "no memory");
	switch (opt_parse(cmd, o, argc, argv, &words, &err)) {
	case OPT_HELP:
		opt_help(cmd, stdout);
		status = ST_PASS;
		break;
	case OPT_MAN:
		opt_man(cmd, stdout);
		status = ST_PASS;
		break;
	case OPT_BAD:
		status = cli_fail(ST_USAGE, "%s", err.msg);
		break;
	default:
		status = cmd->run(o, words, argv);
	}
	free(o);
	return status;
}

int main(int argc, char **argv)
{
	const struct cmd *cmd;
	int status;

	/* A reader that goes away is seen as a failed write, not as a death. */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		usage(stderr);
		return ST_USAGE;
	}
	if (!strcmp(argv[1], "help") && argc > 2) {
		cmd = find(argv[2]);
		if (!cmd)
			return unknown_verb(argv[2]);
		opt_help(cmd, stdout);
		status = ST_PASS;
	} else if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
		   !strcmp(argv[1], "help")) {
		usage(stdout);
		status = ST_PASS;
	} else if (!strcmp(argv[1], "--bash")) {
		opt_complete(cmds, stdout);
		status = ST_PASS;
	} else {
		cmd = find(argv[1]);
		if (!cmd)
			return unknown_verb(argv[1]);
		status = run(cmd, argc - 2, argv + 2);
	}
	if ((fflush(stdout) || ferror(stdout)) && status == ST_PASS)
		return cli_fail(ST_START, "cannot write to standard output");
	return status;
}
