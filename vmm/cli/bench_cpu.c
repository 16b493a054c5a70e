/* SPDX-License-Identifier: MIT */
/*
 * bench cpu: how many instructions a second of CPU time the software CPU runs, beside QEMU's TCG that
 * counts instructions too, and Debian's Bochs.
 *
 * Each guest of guests/bench is built in three lengths. A figure is the difference between two of them,
 * in instructions and in CPU time, so that start-up is in none. The instructions are those that soft
 * counts: it is the same code everywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm/soft.h>

#include "bench.h"
#include "fuzz.h"

#define ROUNDS	   5u
#define RUN_MAX	   600u /* seconds that one run may take */
#define OUTPUT_MAX ((uint64_t)16 << 20)

#ifndef VISE_FLAVOUR
#define VISE_FLAVOUR "unknown"
#endif
#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* A short one, about a tenth of a billion instructions for who is slow, and about a billion. */
enum length { SHORT, TENTH, LONG, LENGTHS };
static const struct {
	const char *name;
	unsigned rounds[LENGTHS];
} guests[] = {
	{"integer", {3000000, 6250000, 62500000}},
	{"memory", {160, 330, 3300}},
	{"calls", {31, 33, 38}},
};
#define GUESTS ARRAY_SIZE(guests)

enum config { SOFT, EDGES, QEMU, BOCHS, CONFIGS };
static const char *const config_names[CONFIGS] = {"soft", "soft-edges", "qemu-icount", "bochs"};

struct cpu_bench {
	const struct bench_opts *o;
	char dir[PATH_MAX], log[PATH_MAX], rom[PATH_MAX], rc[PATH_MAX], go[PATH_MAX];
	char edges[PATH_MAX], self[PATH_MAX];
	char *image[GUESTS][LENGTHS];
	uint64_t insns[GUESTS][LENGTHS]; /* that soft counted */
	char *tool[CONFIGS];		 /* NULL: it is left out */
	double peak;			 /* MiB of the last run */
};

/* ---- what is run ------------------------------------------------------------------------------ */

/*
 * The guest with its length, and an end that Bochs understands too: it writes "Shutdown" to port
 * 0x8900 behind what ends the others.
 */
static int build_one(struct cpu_bench *b, unsigned g, enum length l, const struct bench_folders *f,
		     struct err *err)
{
	struct buf text = {0};

	buf_printf(&text,
		   ";@ summary: bench\n%%define ROUNDS %u\n%%include \"test.inc\"\n"
		   "%%unmacro end_with 1.nolist\n%%macro end_with 1.nolist\n\tmov al, %%1\n"
		   "\tout DEBUG_EXIT, al\n\tmov dx, 0x8900\n",
		   guests[g].rounds[l]);
	for (const char *c = "Shutdown"; *c; c++)
		buf_printf(&text, "\tmov al, '%c'\n\tout dx, al\n", *c);
	buf_printf(&text,
		   "%%%%stop:\thlt\n\tjmp %%%%stop\n%%endmacro\n%%include "
		   "\"%s/guests/bench/%s.asm\"\n",
		   f->tree, guests[g].name);
	return bench_assemble(f, b->dir, &text, &b->image[g][l], err);
}

static int build_all(struct cpu_bench *b, struct err *err)
{
	struct bench_folders f = {0};
	int rc = bench_folders_find(&f, err);

	for (unsigned g = 0; g < GUESTS && !rc; g++)
		for (unsigned l = 0; l < LENGTHS && !rc; l++)
			rc = build_one(b, g, (enum length)l, &f, err);
	bench_folders_free(&f);
	return rc;
}

static int write_rc(const struct cpu_bench *b, const char *image, struct err *err)
{
	struct buf t = {0};
	int rc;

	buf_printf(&t,
		   "romimage: file=%s\noptramimage1: file=%s, address=0x%x\n"
		   "display_library: term\nmegs: 32\nlog: %s\npanic: action=fatal\n"
		   "error: action=ignore\ninfo: action=ignore\n",
		   b->rom, image, GUEST_BASE, b->log);
	rc = file_write(b->rc, buf_str(&t), t.len, err);
	buf_free(&t);
	return rc;
}

/* ---- one run -------------------------------------------------------------------------------------- */

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Did the guest come to its good end? soft says in its JSON, Bochs in its log. */
static bool good_end(const struct cpu_bench *b, enum config c, int status, uint64_t *insns)
{
	void *text;
	size_t len;
	char *at;
	bool good;

	if (c == QEMU)
		return WIFEXITED(status) && WEXITSTATUS(status) == 1; /* 0 << 1 | 1 */
	if (file_read(b->log, OUTPUT_MAX, &text, &len, NULL))
		return false;
	if (c == BOCHS) {
		good = memmem(text, len, "shutdown requested", 18);
		free(text);
		return good;
	}
	at = len ? memmem(text, len, "\"icount\":", 9) : NULL;
	good = at && !status;
	if (good) /* file_read() has put a NUL behind it */
		*insns = strtoull(at + 9, NULL, 10);
	free(text);
	return good;
}

/* CPU seconds of one run, user's and system's, or -1 with (err). */
static double run_once(struct cpu_bench *b, enum config c, unsigned g, enum length l,
		       struct err *err)
{
	const char *image = b->image[g][l];
	char loader[PATH_MAX];
	const char *const soft[] = {
		b->self,  "run",     "-q",	   "--json", "--base",
		"0x8000", "--limit", "4000000000", image,    c == EDGES ? "--edges" : NULL,
		b->edges, NULL};
	const char *const qemu[] = {b->tool[QEMU],
				    "-display",
				    "none",
				    "-nodefaults",
				    "-no-reboot",
				    "-machine",
				    "accel=tcg",
				    "-icount",
				    "shift=0",
				    "-m",
				    "32",
				    "-device",
				    "isa-debug-exit,iobase=0xf4,iosize=1",
				    "-bios",
				    b->rom,
				    "-device",
				    loader,
				    NULL};
	const char *const bochs[] = {b->tool[BOCHS], "-q", "-f", b->rc, "-rc", b->go, NULL};
	const char *const env[] = {"TERM=xterm", NULL};
	struct spawn s = {.err_fd = -1, .env = env, .log = b->log};
	struct rusage ru = {0};
	uint64_t insns = 0;
	pid_t pid;
	int status;

	cli_path(loader, "loader,file=%s,addr=0x%x,force-raw=on", image, GUEST_BASE);
	s.argv = c == QEMU ? qemu : c == BOCHS ? bochs : soft;
	unlink(b->log);
	if (c == BOCHS && write_rc(b, image, err))
		return -1;
	pid = cli_spawn(&s, err);
	if (pid < 0)
		return -1;
	status = cli_reap(pid, RUN_MAX, &ru, err);
	if (status < 0)
		return -1;
	if (!good_end(b, c, status, &insns)) {
		err_set(err, -EIO,
			"%s does not bring guests/bench/%s.asm to its end (wait status %#x)",
			config_names[c], guests[g].name, (unsigned)status);
		return -1;
	}
	b->peak = (double)ru.ru_maxrss / 1024;
	if (insns && b->insns[g][l] && b->insns[g][l] != insns) {
		err_set(err, -EIO, "%s: two runs of the same guest count differently",
			guests[g].name);
		return -1;
	}
	if (insns)
		b->insns[g][l] = insns;
	return seconds(ru.ru_utime) + seconds(ru.ru_stime);
}

/* ---- figures ---------------------------------------------------------------------------------------- */

/* Millions of instructions a second by one pair of runs, or -1. */
static double speed(struct cpu_bench *b, enum config c, unsigned g, struct err *err)
{
	enum length l = c == BOCHS ? TENTH : LONG;
	double brief = run_once(b, c, g, SHORT, err), full;

	if (brief < 0)
		return -1;
	full = run_once(b, c, g, l, err);
	if (full < 0)
		return -1;
	if (full <= brief) {
		err_set(err, -EIO, "%s: a longer run took less time: is the machine busy?",
			guests[g].name);
		return -1;
	}
	return (double)(b->insns[g][l] - b->insns[g][SHORT]) / (full - brief) / 1e6;
}

/* One that is installed and does not run is left out, with the reason. */
static int try_tools(struct cpu_bench *b, struct err *err)
{
	static const char *const names[CONFIGS] = {NULL, NULL, "qemu-system-x86_64", "bochs"};
	static const char *const packages[CONFIGS] = {NULL, NULL, "qemu-system-x86",
						      "bochs bochs-term"};

	for (unsigned c = QEMU; c < CONFIGS; c++) {
		struct err why = {0};

		if (guest_find_tool(names[c], packages[c], &b->tool[c], &why)) {
			fprintf(stderr, "vise: bench cpu: skipped %s: %s\n", config_names[c],
				why.msg);
		} else if (run_once(b, (enum config)c, 0, SHORT, &why) < 0) {
			if (why.code == -EINTR)
				return err_set(err, why.code, "%s", why.msg);
			fprintf(stderr, "vise: bench cpu: skipped %s: %s\n", config_names[c],
				why.msg);
			free(b->tool[c]);
			b->tool[c] = NULL;
		}
	}
	return 0;
}

static void figures(const struct cpu_bench *b, unsigned g, double v[CONFIGS][BENCH_ROUNDS_MAX],
		    double peak[BENCH_ROUNDS_MAX], unsigned rounds)
{
	double median[CONFIGS] = {0};
	char name[48];

	for (unsigned c = 0; c < CONFIGS; c++)
		if (b->tool[c])
			median[c] = bench_median(v[c], rounds);
	for (unsigned c = 0; c < CONFIGS; c++) {
		/* Edges compare with the same without, the rest with QEMU. */
		enum config of = c == EDGES ? SOFT : QEMU;

		if (!b->tool[c])
			continue;
		snprintf(name, sizeof(name), "%s/%s", guests[g].name, config_names[c]);
		if (c != of && median[of] > 0)
			bench_figure(b->o, "cpu", name, median[c], "Minsn/s",
				     median[c] / median[of], config_names[of]);
		else
			bench_figure(b->o, "cpu", name, median[c], "Minsn/s", 0, NULL);
	}
	/* All of the process at its peak: what the guest has touched of its memory is in it. */
	snprintf(name, sizeof(name), "%s/soft-memory", guests[g].name);
	bench_figure(b->o, "cpu", name, bench_median(peak, rounds), "MiB", 0, NULL);
}

static int measure(struct cpu_bench *b, unsigned g, struct err *err)
{
	unsigned rounds = b->o->rounds ? (unsigned)b->o->rounds : ROUNDS;
	double v[CONFIGS][BENCH_ROUNDS_MAX], peak[BENCH_ROUNDS_MAX];

	/* The counts first: nobody else has them. */
	for (unsigned l = 0; l < LENGTHS; l++)
		if (run_once(b, SOFT, g, (enum length)l, err) < 0)
			return err->code;
	/* In turns, so that what else the host does meets all of them. */
	for (unsigned i = 0; i < rounds; i++) {
		for (unsigned c = 0; c < CONFIGS; c++) {
			if (!b->tool[c])
				continue;
			v[c][i] = speed(b, (enum config)c, g, err);
			if (v[c][i] < 0)
				return err->code;
			if (c == EDGES)
				peak[i] = b->peak;
		}
	}
	figures(b, g, v, peak, rounds);
	return 0;
}

static int prepare(struct cpu_bench *b, struct err *err)
{
	int rc = cli_self(b->self, sizeof(b->self), err);

	cli_path(b->log, "%s/log", b->dir);
	cli_path(b->rom, "%s/rom", b->dir);
	cli_path(b->rc, "%s/bochsrc", b->dir);
	cli_path(b->go, "%s/bochs.go", b->dir);
	cli_path(b->edges, "%s/edges", b->dir);
	b->tool[SOFT] = b->tool[EDGES] = b->self;
	rc = rc ? rc : bench_write_rom(b->rom, err);
	if (!rc)
		rc = file_write(b->go, "c\n", 2, err);
	if (!rc)
		rc = build_all(b, err);
	return rc ? rc : try_tools(b, err);
}

static void clean_up(struct cpu_bench *b)
{
	unlink(b->log);
	unlink(b->rom);
	unlink(b->rc);
	unlink(b->go);
	unlink(b->edges);
	rmdir(b->dir);
	for (unsigned g = 0; g < GUESTS; g++)
		for (unsigned l = 0; l < LENGTHS; l++)
			free(b->image[g][l]);
	free(b->tool[QEMU]);
	free(b->tool[BOCHS]);
	free(b);
}

int bench_cpu(const struct bench_opts *o)
{
	struct cpu_bench *b = calloc(1, sizeof(*b));
	struct err err = {0};
	int rc;

	if (!b)
		return cli_fail(ST_START, "bench cpu: no memory");
	fprintf(stderr, "vise: bench cpu: this is the %s build, by %s; handlers follow by %s%s\n",
		VISE_FLAVOUR, COMPILER, soft_dispatch(),
		strcmp(VISE_FLAVOUR, "release") ? "; the figures are those of the release build"
						: "");
	cli_catch_stop();
	b->o = o;
	cli_path(b->dir, "/tmp/vise-cpu.XXXXXX");
	if (!mkdtemp(b->dir)) {
		err_set(&err, -errno, "cannot make %s: %s", b->dir, strerror(errno));
		free(b);
		return cli_fail(ST_START, "bench cpu: %s", err.msg);
	}
	rc = prepare(b, &err);
	for (unsigned g = 0; g < GUESTS && !rc; g++)
		rc = measure(b, g, &err);
	clean_up(b);
	return rc ? cli_fail(ST_START, "bench cpu: %s", err.msg) : ST_PASS;
}
