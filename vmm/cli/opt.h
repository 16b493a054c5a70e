/* SPDX-License-Identifier: MIT */
/*
 * opt: one table of options a verb gives parsing, --help, the man page and bash completion.
 * Values go into the verb's own struct, zeroed or filled with defaults by the caller.
 */
#ifndef CLI_OPT_H
#define CLI_OPT_H

#include <stdio.h>
#include <vmm/base.h>

enum opt_kind {
	OPT_FLAG, /* bool: set */
	OPT_STR,  /* const char * */
	OPT_STRS, /* struct opt_strs: may be given again */
	OPT_U64,  /* uint64_t: parse_u64(), then min and max */
};

#define OPT_MANY 16
struct opt_strs {
	const char *v[OPT_MANY];
	unsigned n;
};

struct opt {
	const char *name; /* without the dashes */
	char letter;	  /* 0: none */
	enum opt_kind kind;
	size_t off;
	const char *arg; /* "FILE"; NULL for flags */
	const char *help;
	uint64_t min, max; /* OPT_U64; max 0: no upper limit */
};

/* One subcommand: vmm/cli/cmd_NAME.c defines cmd_NAME. */
struct cmd {
	const char *name;
	const char *args;	/* "GUEST", "[TARGET [FILE...]]" */
	const char *summary;	/* one line */
	const char *text;	/* what it does, for --help and the man page; paragraphs, wrapped */
	const struct opt *opts; /* ends with name NULL */
	unsigned max_args;	/* words beside options */
	size_t size;		/* of the struct that options go into */
	/* (o) is that struct, (argv) the words: the process's exit status. */
	int (*run)(void *o, int argc, char **argv);
};

/* The statuses of ARCHITECTURE section 6. */
enum { ST_PASS, ST_FAIL, ST_USAGE, ST_START, ST_SKIP, ST_LIMIT };

/* What opt_parse() found instead of work to do. */
enum opt_found { OPT_RUN, OPT_HELP, OPT_MAN, OPT_BAD };

/*
 * Parse argv[0..argc) (the verb left out) into (o); words are moved to the front of argv, *words
 * says how many. OPT_BAD: (err) says what is wrong and what might be meant.
 */
enum opt_found opt_parse(const struct cmd *cmd, void *o, int argc, char **argv, int *words,
			 struct err *err);

void opt_help(const struct cmd *cmd, FILE *f);
/* A man page in roff, section 1. */
void opt_man(const struct cmd *cmd, FILE *f);
/* A bash completion for all verbs; (cmds) ends with NULL. */
void opt_complete(const struct cmd *const *cmds, FILE *f);

/* The nearest of (names) to (word), or NULL if none is near; ends with NULL. */
const char *opt_nearest(const char *word, const char *const *names);

#endif
