/* SPDX-License-Identifier: MIT */
/* bench start: from a process's start to the end of a three-instruction guest. */
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "fuzz.h"

#define ROUNDS 41u

/* mov al, 0; out 0xf4, al; hlt: vmm/examples/bare_start.c has the same. */
static const unsigned char guest[] = {0xb0, 0x00, 0xe6, 0xf4, 0xf4};

/* Start to end in seconds, or -1 where the status is not 0. */
static double timed(const char *const *argv)
{
	posix_spawn_file_actions_t fa;
	uint64_t start;
	int status = -1;
	pid_t pid;

	if (posix_spawn_file_actions_init(&fa))
		return -1;
	start = cli_now_ns();
	if (!posix_spawn(&pid, argv[0], &fa, NULL, (char *const *)argv, environ)) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	posix_spawn_file_actions_destroy(&fa);
	return status ? -1 : (double)(cli_now_ns() - start) / 1e9;
}

/* The minimal program, compiled here: static, with the compiler that is there. */
static int make_bare(const char *tree, const char *bare, struct err *err)
{
	char src[PATH_MAX], log[PATH_MAX];
	const char *argv[] = {"cc", "-O2", "-static", "-o", bare, src, NULL};
	struct spawn s = {.argv = argv, .err_fd = -1, .log = log};
	int rc;

	cli_path(src, "%s/vmm/examples/bare_start.c", tree);
	cli_path(log, "%s.log", bare);
	rc = cli_spawn_wait(&s, err);
	if (rc > 0)
		rc = err_set(err, -EIO, "cc -static does not build %s: see %s", src, log);
	else if (!rc)
		unlink(log);
	return rc;
}

static int measure(const struct bench_opts *o, const char *dir, const char *bare, struct err *err)
{
	unsigned rounds = o->rounds ? (unsigned)o->rounds : ROUNDS;
	char self[PATH_MAX], image[PATH_MAX];
	const char *const vise_argv[] = {self,	   "run",    "--cpu", "kvm", "-q",
					 "--base", "0x8000", image,   NULL};
	const char *const bare_argv[] = {bare, NULL};
	double v[BENCH_ROUNDS_MAX], b[BENCH_ROUNDS_MAX], vise_ms, bare_ms;
	int rc = cli_self(self, sizeof(self), err);

	if (rc)
		return rc;
	cli_path(image, "%s/three.bin", dir);
	rc = file_write(image, guest, sizeof(guest), err);
	if (rc)
		return rc;
	if (timed(bare_argv) < 0)
		rc = err_set(err, -EIO, "%s does not run here: is there a usable /dev/kvm?", bare);
	else if (timed(vise_argv) < 0)
		rc = err_set(err, -EIO, "vise run does not run the guest here");
	for (unsigned i = 0; i < rounds && !rc; i++) {
		b[i] = timed(bare_argv);
		v[i] = timed(vise_argv);
		if (b[i] < 0 || v[i] < 0)
			rc = err_set(err, -EIO, "a run failed");
	}
	if (!rc) {
		vise_ms = bench_median(v, rounds);
		bare_ms = bench_median(b, rounds);
		bench_figure(o, "start", "three-insn/kvm", vise_ms * 1e6, "us", vise_ms / bare_ms,
			     "minimal static C program");
		bench_figure(o, "start", "three-insn/bare", bare_ms * 1e6, "us", 0, NULL);
	}
	unlink(image);
	return rc;
}

int bench_start(const struct bench_opts *o)
{
	char dir[] = "/tmp/vise-bench.XXXXXX", bare[PATH_MAX];
	struct err err = {0};
	char *tree = NULL;
	int rc;

	rc = guest_tree_dir(&tree, &err);
	if (!rc && !mkdtemp(dir))
		rc = err_set(&err, -errno, "cannot make %s: %s", dir, strerror(errno));
	else if (!rc) {
		cli_path(bare, "%s/bare_start", dir);
		rc = make_bare(tree, bare, &err);
		if (!rc)
			rc = measure(o, dir, bare, &err);
		unlink(bare);
		rmdir(dir);
	}
	free(tree);
	return rc ? cli_fail(ST_START, "bench start: %s", err.msg) : ST_PASS;
}
