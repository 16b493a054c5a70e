/* SPDX-License-Identifier: MIT */
/* vise test: run guest tests. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

struct test_cli {
	const char *cpu, *junit, *out;
	uint64_t jobs, seed;
	bool list, build, bless, json;
};

static const struct opt opts[] = {
	{"list", 0, OPT_FLAG, offsetof(struct test_cli, list), NULL, "only list the tests", 0, 0},
	{"build", 0, OPT_FLAG, offsetof(struct test_cli, build), NULL,
	 "only assemble, into the cache; needs no KVM", 0, 0},
	{"cpu", 0, OPT_STR, offsetof(struct test_cli, cpu), "BACKEND",
	 "soft or kvm; else soft, and kvm where the host has it", 0, 0},
	{"jobs", 'j', OPT_U64, offsetof(struct test_cli, jobs), "N",
	 "tests at a time; one a processor unless said", 1, 64},
	{"junit", 0, OPT_STR, offsetof(struct test_cli, junit), "FILE", "write JUnit XML as well",
	 0, 0},
	{"json", 0, OPT_FLAG, offsetof(struct test_cli, json), NULL,
	 "one JSON object a line instead of KTAP", 0, 0},
	{"seed", 's', OPT_U64, offsetof(struct test_cli, seed), "N",
	 "the seed of all that is random", 0, 0},
	{"bless", 0, OPT_FLAG, offsetof(struct test_cli, bless), NULL,
	 "write golden exit streams that differ anew", 0, 0},
	{"out", 'o', OPT_STR, offsetof(struct test_cli, out), "DIR",
	 "where built guests are cached", 0, 0},
	{NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0},
};

#define PATHS_MAX 4096

/* Without paths: the tree's own tests. The string is the caller's to free. */
static int default_path(char **path, struct err *err)
{
	char *tree;

	if (!access("guests", R_OK) && !access("vmm/base", R_OK)) {
		*path = strdup("guests");
		return *path ? 0 : err_set(err, -ENOMEM, "no memory");
	}
	if (guest_tree_dir(&tree, NULL))
		return err_set(err, -ENOENT, "no tests here: give files or folders of guest tests");
	if (asprintf(path, "%s/guests", tree) < 0)
		*path = NULL;
	free(tree);
	return *path ? 0 : err_set(err, -ENOMEM, "no memory");
}

static int run(void *opt, int argc, char **argv)
{
	const struct test_cli *o = opt;
	char *own = NULL, *lib = NULL, *cache = NULL;
	const char *paths[1];
	struct test_totals totals;
	struct err err = {0};
	struct test_opts t = {.cpu = -1,
			      .jobs = (unsigned)o->jobs,
			      .seed = o->seed,
			      .list = o->list,
			      .build = o->build,
			      .bless = o->bless,
			      .junit = o->junit,
			      .stop = &cli_stop};
	int rc = 0, st;

	if (o->cpu && !strcmp(o->cpu, "soft"))
		t.cpu = GUEST_SOFT;
	else if (o->cpu && !strcmp(o->cpu, "kvm"))
		t.cpu = GUEST_KVM;
	else if (o->cpu)
		return cli_fail(ST_USAGE, "--cpu '%.40s': tests run on: soft kvm", o->cpu);
	if (!argc) {
		rc = default_path(&own, &err);
		paths[0] = own;
	}
	t.paths = argc ? (const char *const *)argv : paths;
	t.nr_paths = argc ? (unsigned)argc : 1;
	if (o->json)
		t.json = stdout;
	else
		t.ktap = stdout;
	if (isatty(STDERR_FILENO))
		t.status = stderr;
	if (!rc && !o->list)
		rc = guest_lib_dir(&lib, &err);
	if (!rc && !o->list && !o->out)
		rc = guest_cache_dir(&cache, &err);
	t.lib_dir = lib;
	t.cache_dir = o->out ? o->out : cache;
	cli_catch_stop();
	if (!rc)
		rc = harness_test(&t, &totals, &err);
	if (rc == -EINTR)
		st = cli_fail(128 + SIGINT, "stopped; what is above stands");
	else
		st = rc ? cli_fail(ST_START, "%s", err.msg) : totals.exit_status;
	free(own);
	free(lib);
	free(cache);
	return st;
}

const struct cmd cmd_test = {
	.name = "test",
	.args = "[FILE|FOLDER...]",
	.summary = "run guest tests",
	.text = "Runs every .asm below the folders, and the files named; without any, the tree's\n"
		"guests/. Each says in its header comment (`;@ key: value`) what it is about, what\n"
		"it needs and what is expected; see guests/ and the README.\n"
		"\n"
		"Where both soft and kvm run a test, their exits and final states must be the same.\n"
		"\n"
		"Prints KTAP, the last line being `N passed, N failed, N skipped`. A test file that\n"
		"is bad is an error and counts as failed; an expected failure counts as skipped; an\n"
		"expected failure that passes is a failure.\n"
		"\n"
		"Exit status: 1 any test failed, else 3 any test file was bad, else 4 all were\n"
		"skipped, else 0.",
	.opts = opts,
	.max_args = PATHS_MAX,
	.size = sizeof(struct test_cli),
	.run = run,
};
