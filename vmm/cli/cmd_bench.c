/* SPDX-License-Identifier: MIT */
/* vise bench: the figures of the README. */
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>

#include "bench.h"

static const struct opt opts[] = {
	{"rounds", 'r', OPT_U64, offsetof(struct bench_opts, rounds), "N",
	 "rounds, of which the median counts (exits 15, start 41, cpu 5, fuzz 1, bugs 10, boot 5, virtio 5)",
	 1, BENCH_ROUNDS_MAX},
	{"seconds", 't', OPT_U64, offsetof(struct bench_opts, seconds), "S",
	 "fuzz: for each target in each round; bugs: CPU seconds for each bug in each; 60", 1,
	 36000},
	{"only", 0, OPT_STR, offsetof(struct bench_opts, only), "NAME",
	 "fuzz: this target alone; bugs: this bug, or those of this target, or some (A,B); virtio: this work",
	 0, 0},
	{"engine", 'e', OPT_STR, offsetof(struct bench_opts, engine), "ENGINE",
	 "fuzz: libfuzzer, plain (without sanitizers) or afl; all unless said", 0, 0},
	{"out", 'o', OPT_STR, offsetof(struct bench_opts, out), "DIR",
	 "where corpora and helper programs go; else a temporary folder", 0, 0},
	{"json", 0, OPT_FLAG, offsetof(struct bench_opts, json), NULL, "one JSON object a figure",
	 0, 0},
	{NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0},
};

static const struct {
	const char *name, *what;
	int (*run)(const struct bench_opts *o);
	bool asked; /* runs only where it is named: it takes hours */
} benches[] = {
	{"exits", "a PIO, MMIO and HLT round trip; Vise's own work per exit", bench_exits, false},
	{"start", "from a process's start to the end of a three-instruction guest", bench_start,
	 false},
	{"cpu", "instructions a second on the software CPU, beside QEMU and Bochs", bench_cpu,
	 false},
	{"fuzz", "executions a second of each target against an empty one", bench_fuzz, false},
	{"virtio", "requests a second to virtio devices, beside QEMU's", bench_virtio, false},
	{"boot", "Linux from a process's start to /init's first line, CPU time", bench_boot, false},
	{"bugs", "known bugs put back into a copy of the tree, until they are found", bench_bugs,
	 true},
};

void bench_figure(const struct bench_opts *o, const char *bench, const char *what, double value,
		  const char *unit, double ratio, const char *of)
{
	struct buf b = {0};

	if (o->json) {
		buf_printf(&b, "{\"bench\":\"%s\",\"case\":", bench);
		buf_put_json(&b, what, strlen(what));
		buf_printf(&b, ",\"value\":%.6g,\"unit\":\"%s\",\"ratio\":", value, unit);
		if (of)
			buf_printf(&b, "%.4g,\"of\":", ratio);
		else
			buf_printf(&b, "null,\"of\":");
		if (of)
			buf_put_json(&b, of, strlen(of));
		else
			buf_printf(&b, "null");
		buf_printf(&b, "}\n");
	} else {
		buf_printf(&b, "%-6s %-22s %12.4g %-7s", bench, what, value, unit);
		if (of)
			buf_printf(&b, " %6.3f of %s", ratio, of);
		buf_printf(&b, "\n");
	}
	fputs(buf_str(&b), stdout);
	fflush(stdout);
	buf_free(&b);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *v, unsigned n)
{
	if (!n)
		return 0;
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

int bench_folder(const struct bench_opts *o, char *dir, struct err *err)
{
	if (o->out)
		return file_mkdirs(o->out, err);
	return mkdtemp(dir) ? 0 : err_set(err, -errno, "cannot make %s: %s", dir, strerror(errno));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void bench_remove(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int run(void *opt, int argc, char **argv)
{
	const struct bench_opts *o = opt;
	int worst = ST_PASS;

	for (int i = 0; i < argc; i++) {
		bool known = false;

		for (unsigned b = 0; b < ARRAY_SIZE(benches); b++)
			known |= !strcmp(argv[i], benches[b].name);
		if (!known)
			return cli_fail(ST_USAGE,
					"no bench is called '%.40s'; there are: exits start "
					"cpu virtio fuzz boot bugs",
					argv[i]);
	}
	for (unsigned b = 0; b < ARRAY_SIZE(benches); b++) {
		bool wanted = !argc && !benches[b].asked;
		int st;

		for (int i = 0; i < argc; i++)
			wanted |= !strcmp(argv[i], benches[b].name);
		if (!wanted)
			continue;
		if (!o->json)
			printf("%s: %s\n", benches[b].name, benches[b].what);
		st = benches[b].run(o);
		/* What lacks its Linux is no failure of those that were measured. */
		if (!worst && (st != ST_SKIP || argc))
			worst = st;
	}
	return worst;
}

const struct cmd cmd_bench = {
	.name = "bench",
	.args = "[exits|start|cpu|virtio|fuzz|boot|bugs...]",
	.summary = "measure Vise against the least that could do the same",
	.text = "exits: a PIO, an MMIO and an HLT round trip through Vise against a bare KVM_RUN\n"
		"loop in the same process, in turns; and Vise's own work per exit, measured on the\n"
		"script back end. start: from a process's start to the end of a three-instruction\n"
		"guest, against a minimal static C program that does the same ioctls. cpu: the three\n"
		"guests of guests/bench on the software CPU, with and without --edges, in millions of\n"
		"instructions a second of CPU time without start-up, beside QEMU's TCG with -icount\n"
		"shift=0 and Bochs where they are installed; and the memory that all of the process\n"
		"took. virtio: blocks, frames and random bytes by each kind of ring, through the device\n"
		"alone, and from a guest that does nothing else on soft and kvm, beside QEMU's devices.\n"
		"fuzz: each\n"
		"target against an empty one on the same engine, on one core. boot: Debian's kernel and a\n"
		"tiny one (make linux) from a process's start to /init's first line, on soft and on QEMU's\n"
		"TCG; then the instructions of it, and how many are user space's.\n"
		"\n"
		"bugs, which runs only where it is named: each bug of fuzz/bugs put back into a copy of the\n"
		"tree and looked for by its target from the public seeds: CPU seconds until it is found.\n"
		"\n"
		"Figures are medians. Use the release build (make bench).",
	.opts = opts,
	.max_args = 7,
	.size = sizeof(struct bench_opts),
	.run = run,
};
