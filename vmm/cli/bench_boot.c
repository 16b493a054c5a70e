/* SPDX-License-Identifier: MIT */
/*
 * bench boot: what Linux costs from a process's start to /init's first line, on soft and on QEMU's
 * TCG beside it: CPU time, instructions and where they go, memory. The guests are `make linux`'s.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "fuzz.h"

#define ROUNDS	 5u
#define MARK	 "VISE: init"
#define PATIENCE 120000 /* ms of the clock for a run */
#define STEP	 9973u	/* instructions between looks at where the CPU is: a prime */
#define LIMIT	 20000000000ull
#define BIG	 (128ull << 10) /* KiB: a mapping as large is the guest's RAM */

enum who { SOFT, QEMU, ICOUNT, WHO };

struct boot {
	const char *name, *kernel, *cmdline, *machine; /* machine: of QEMU */
	char kernel_path[PATH_MAX], initrd_path[PATH_MAX];
};

struct sample {
	double cpu;  /* seconds */
	double over; /* MiB resident beside the guest's RAM */
};

/* ---- one run in a process of its own ----------------------------------------------------------- */

static pid_t start(const char *const *argv, int *out)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, 0);
		dup2(fds[1], 1);
		dup2(null, 2);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

/* Read until the mark has come. False: it did not. */
static bool wait_for_mark(int fd)
{
	const uint64_t end = cli_now_ns() / 1000000 + PATIENCE;
	char tail[sizeof(MARK)] = "", chunk[4096];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t have = 0;

	for (;;) {
		uint64_t now = cli_now_ns() / 1000000;
		ssize_t n;

		if (now >= end || poll(&p, 1, (int)(end - now)) <= 0)
			return false;
		n = read(fd, chunk, sizeof(chunk));
		if (n <= 0)
			return false;
		for (ssize_t i = 0; i < n; i++) {
			if (have == sizeof(MARK) - 1)
				memmove(tail, tail + 1, --have);
			tail[have++] = chunk[i];
			if (have == sizeof(MARK) - 1 && !memcmp(tail, MARK, have))
				return true;
		}
	}
}

/* What is resident but for mappings as large as the guest's RAM, in MiB. */
static double resident_over(pid_t pid)
{
	char path[64], line[256];
	uint64_t size = 0, rss, sum = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Size: %" SCNu64, &size) == 1)
			continue;
		if (sscanf(line, "Rss: %" SCNu64, &rss) == 1 && size < BIG)
			sum += rss;
	}
	fclose(f);
	return (double)sum / 1024;
}

static int boot_once(const char *const *argv, struct sample *s)
{
	struct timespec t = {0};
	clockid_t clock;
	int fd, rc = 0;
	pid_t pid = start(argv, &fd);

	if (pid < 0)
		return -errno;
	if (!wait_for_mark(fd) || clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		rc = -EIO;
	s->cpu = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	s->over = rc ? 0 : resident_over(pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
	return rc;
}

static int run_who(const struct boot *b, enum who who, const char *self, struct sample *s)
{
	const char *const soft[] = {self,	    "run",	 "-q",		 "--kernel",
				    b->kernel_path, "--initrd",	 b->initrd_path, "--mem",
				    "256M",	    "--cmdline", b->cmdline,	 NULL};
	const char *const qemu[] = {"qemu-system-x86_64",
				    "-M",
				    b->machine,
				    "-nodefaults",
				    "-no-user-config",
				    "-serial",
				    "stdio",
				    "-display",
				    "none",
				    "-accel",
				    "tcg,thread=single",
				    "-m",
				    "256",
				    "-no-reboot",
				    "-kernel",
				    b->kernel_path,
				    "-initrd",
				    b->initrd_path,
				    "-append",
				    b->cmdline,
				    who == ICOUNT ? "-icount" : NULL,
				    "shift=0",
				    NULL};

	return boot_once(who == SOFT ? soft : qemu, s);
}

/* ---- where the instructions go ------------------------------------------------------------------ */

struct watch {
	struct vm *vm;
	char tail[sizeof(MARK)];
	size_t have;
	uint64_t first; /* instructions to the mark; 0: it has not come */
};

static void on_output(void *ctx, const void *p, size_t len)
{
	struct watch *w = ctx;
	const char *c = p;

	for (size_t i = 0; i < len && !w->first; i++) {
		if (w->have == sizeof(MARK) - 1)
			memmove(w->tail, w->tail + 1, --w->have);
		w->tail[w->have++] = c[i];
		if (w->have == sizeof(MARK) - 1 && !memcmp(w->tail, MARK, w->have))
			w->first = vm_cpu(w->vm)->ops->icount(vm_cpu(w->vm));
	}
}

struct shares {
	uint64_t first, all; /* instructions to the mark, and in all */
	uint64_t looks, user;
};

/* Looks at the CPU every STEP instructions: which share of them is user space. */
static void count(struct vm *vm, struct watch *w, struct shares *sh)
{
	struct vm_limits lim = {.budget = STEP};
	struct vm_result res = {0};

	do {
		struct cpu_state s;

		vm_run(vm, &lim, &res);
		memset(&s, 0, sizeof(s));
		if (vm_cpu(vm)->ops->get(vm_cpu(vm), &s, NULL))
			break;
		sh->looks++;
		sh->user += (s.seg[X86_CS].sel & 3) == 3;
	} while (res.verdict == VM_LIMIT && res.icount < LIMIT);
	sh->first = w->first;
	sh->all = res.icount;
}

static int count_boot(const struct bench_opts *o, const struct boot *b, struct err *err)
{
	struct guest_opts g = {.kernel = b->kernel_path, .cmdline = b->cmdline, .mem_text = "256M"};
	struct cli_guest guest;
	struct watch w = {0};
	struct shares sh = {0};
	char what[64];
	int st;

	g.initrds.v[g.initrds.n++] = b->initrd_path;
	st = cli_guest_open(&guest, &g, 0, NULL, err);
	if (st)
		return -EIO;
	guest.spec.tee = on_output;
	guest.spec.tee_ctx = &w;
	st = cli_guest_start(&guest, &w.vm, err);
	if (!st) {
		count(w.vm, &w, &sh);
		vm_free(w.vm);
	}
	cli_guest_close(&guest);
	if (st || !sh.first)
		return st ? -EIO : err_set(err, -EIO, "%s did not reach /init", b->name);
	(void)snprintf(what, sizeof(what), "%s/to-init", b->name);
	bench_figure(o, "boot", what, (double)sh.first / 1e6, "Minsn", 0, NULL);
	(void)snprintf(what, sizeof(what), "%s/to-the-end", b->name);
	bench_figure(o, "boot", what, (double)sh.all / 1e6, "Minsn", 0, NULL);
	(void)snprintf(what, sizeof(what), "%s/in-user-space", b->name);
	bench_figure(o, "boot", what, (double)sh.all / 1e6 * (double)sh.user / (double)sh.looks,
		     "Minsn", (double)sh.user / (double)sh.looks, "all instructions");
	return 0;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static int measure(const struct bench_opts *o, const struct boot *b, const char *self, bool qemu,
		   struct err *err)
{
	static const char *const of[WHO] = {"QEMU TCG", NULL, "QEMU TCG"};
	static const char *const names[WHO] = {"soft", "qemu", "qemu-icount"};
	unsigned rounds = o->rounds ? (unsigned)o->rounds : ROUNDS;
	double cpu[WHO][BENCH_ROUNDS_MAX], over[BENCH_ROUNDS_MAX], med[WHO];
	struct sample s = {0};
	char what[64];

	for (unsigned i = 0; i < rounds; i++) {
		for (unsigned who = 0; who < (qemu ? WHO : 1u); who++) {
			if (run_who(b, (enum who)who, self, &s))
				return err_set(err, -EIO, "%s on %s did not reach /init", b->name,
					       names[who]);
			cpu[who][i] = s.cpu;
			if (who == SOFT)
				over[i] = s.over;
		}
	}
	for (unsigned who = 0; who < (qemu ? WHO : 1u); who++)
		med[who] = bench_median(cpu[who], rounds);
	for (unsigned who = 0; who < (qemu ? WHO : 1u); who++) {
		bool compared = qemu && of[who];

		(void)snprintf(what, sizeof(what), "%s/%s", b->name, names[who]);
		bench_figure(o, "boot", what, med[who], "s", compared ? med[who] / med[QEMU] : 0,
			     compared ? of[who] : NULL);
	}
	(void)snprintf(what, sizeof(what), "%s/beside-ram", b->name);
	bench_figure(o, "boot", what, bench_median(over, rounds), "MiB", 0, NULL);
	return count_boot(o, b, err);
}

static bool have_qemu(void)
{
	const char *argv[] = {"qemu-system-x86_64", "--version", NULL};
	struct spawn s = {.argv = argv, .err_fd = -1, .log = "/dev/null"};

	return cli_spawn_wait(&s, NULL) == 0;
}

int bench_boot(const struct bench_opts *o)
{
	struct boot boots[] = {
		{.name = "stock",
		 .kernel = "vmlinuz",
		 .machine = "pc",
		 .cmdline = "console=ttyS0 panic=-1"},
		{.name = "tiny",
		 .kernel = "vmlinux",
		 .machine = "microvm,acpi=off",
		 .cmdline = "console=ttyS0 panic=-1"},
	};
	bool qemu = have_qemu();
	char self[PATH_MAX], *tree = NULL;
	struct err err = {0};
	int st = ST_SKIP;

	if (cli_self(self, sizeof(self), &err) || guest_tree_dir(&tree, &err))
		return cli_fail(ST_START, "bench boot: %s", err.msg);
	if (!qemu)
		fprintf(stderr,
			"vise: bench boot: no qemu-system-x86_64 here: nothing to compare with\n");
	for (unsigned i = 0; i < ARRAY_SIZE(boots); i++) {
		struct boot *b = &boots[i];

		cli_path(b->kernel_path, "%s/build/linux/%s/%s", tree, b->name, b->kernel);
		cli_path(b->initrd_path, "%s/build/linux/%s/initrd.cpio", tree, b->name);
		if (access(b->kernel_path, R_OK) || access(b->initrd_path, R_OK)) {
			cli_fail(ST_SKIP, "bench boot: there is no %s Linux here: make linux",
				 b->name);
			continue;
		}
		st = st == ST_SKIP ? ST_PASS : st;
		if (measure(o, b, self, qemu, &err))
			st = cli_fail(ST_START, "bench boot: %s", err.msg);
	}
	free(tree);
	return st;
}
