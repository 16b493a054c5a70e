/* SPDX-License-Identifier: MIT */
/* vise run: boot a guest and say how it ended. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "edges.h"

struct run_opts {
	struct guest_opts g;
	const char *edges, *metrics;
	bool metrics_time;
	bool qemu_status;
};

static const struct opt opts[] = {
	GUEST_OPTS(struct run_opts),
	{"qemu-status", 0, OPT_FLAG, offsetof(struct run_opts, qemu_status), NULL,
	 "exit as QEMU's isa-debug-exit does: twice what the guest wrote to port 0xf4, plus 1", 0,
	 0},
	{"edges", 0, OPT_STR, offsetof(struct run_opts, edges), "FILE",
	 "soft: write which branch went where how often: FROM TO COUNT a line, sorted", 0, 0},
	{"metrics", 0, OPT_STR, offsetof(struct run_opts, metrics), "FILE",
	 "write what was counted, as JSON lines; `help` lists the names", 0, 0},
	{"metrics-time", 0, OPT_FLAG, offsetof(struct run_opts, metrics_time), NULL,
	 "with --metrics: the host's time for each exit too, which does not repeat", 0, 0},
	{NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0},
};

/* What the guest sends, as it comes. `last` is its last byte: JSON begins on a line of its own. */
struct tee {
	char last;
};

static void tee_put(void *ctx, const void *p, size_t len)
{
	struct tee *t = ctx;

	if (!len)
		return;
	fwrite(p, 1, len, stdout);
	fflush(stdout);
	t->last = ((const char *)p)[len - 1];
}

/* The machine cannot be stopped from a handler, but the terminal can be told. */
static void on_interrupt(int sig)
{
	static const char msg[] = "\nvise: interrupted\n";
	ssize_t n = write(STDERR_FILENO, msg, sizeof(msg) - 1);

	(void)n;
	_exit(128 + sig);
}

static int fail(const struct run_opts *o, int status, const struct err *err)
{
	cli_fail(status, "%s", err->msg);
	if (o->g.json)
		cli_error_json(&o->g, status, err->msg, stdout);
	return status;
}

/* Where everything else went well; a file that cannot be written is said, and is the status. */
static int write_edges(const struct run_opts *o, struct cli_edges *edges, int st)
{
	struct err err = {0};

	if (edges && cli_edges_write(edges, o->edges, &err))
		st = cli_fail(ST_START, "%s", err.msg);
	cli_edges_free(edges);
	return st;
}

/* The same for what was counted. */
static int write_metrics(const struct run_opts *o, struct vm *vm, int st)
{
	struct buf out = {0};
	struct err err = {0};
	int r;

	if (!o->metrics)
		return st;
	vm_metrics(vm, &out);
	r = out.failed ? err_set(&err, -ENOMEM, "no memory for what was counted")
		       : file_write(o->metrics, out.p, out.len, &err);
	buf_free(&out);
	return r ? cli_fail(ST_START, "--metrics: %s", err.msg) : st;
}

static int list_metrics(void)
{
	struct buf out = {0};
	int st = ST_PASS;

	vm_metrics_list(&out);
	if (out.failed)
		st = cli_fail(ST_START, "no memory for the list");
	else
		fputs(buf_str(&out), stdout);
	buf_free(&out);
	return st;
}

static void show_machine(const struct cli_guest *g, struct vm *vm)
{
	const struct load_result *l = vm_loaded(vm);

	if (g->has_header)
		fprintf(stderr, "vise: %s: %s\n", g->name, g->header.summary);
	if (!l || !g->spec.load.image.data)
		return;
	fprintf(stderr, "vise: %s%s%s, entry 0x%llx\n", load_kind_name(l->kind),
		l->boot ? " by way of " : "", l->boot ? load_boot_name(l->boot) : "",
		(unsigned long long)l->entry);
	for (unsigned i = 0; i < l->nr_ranges; i++)
		fprintf(stderr, "vise: placed 0x%llx bytes at 0x%llx\n",
			(unsigned long long)l->range[i].len, (unsigned long long)l->range[i].gpa);
}

/* How to reach what is on the other end, before the guest waits for it. */
static void say_where(const char *name, const struct chr *c)
{
	if (c && c->where)
		fprintf(stderr, "vise: %s is %s\n", name, c->where);
}

static void say_chrs(struct vm *vm)
{
	char name[16];

	say_where("serial", vm_serial(vm));
	for (unsigned i = 0; vm_chr(vm, i); i++) {
		(void)snprintf(name, sizeof(name), "chr%u", i);
		say_where(name, vm_chr(vm, i));
	}
}

static void say_lost(const char *name, const struct chr *c)
{
	if (c && c->lost)
		fprintf(stderr, "vise: %s: %llu bytes of output were lost%s%s\n", name,
			(unsigned long long)c->lost, c->error ? ": " : "",
			c->error ? strerror(-c->error) : "");
}

static void say_losses(struct vm *vm)
{
	char name[16];

	say_lost("serial", vm_serial(vm));
	for (unsigned i = 0; vm_chr(vm, i); i++) {
		(void)snprintf(name, sizeof(name), "chr%u", i);
		say_lost(name, vm_chr(vm, i));
	}
}

/* With input from outside a run may wait for ever: Ctrl-C ends it in order, the second one at once. */
static void catch_signals(struct cli_guest *g, struct vm *vm)
{
	if (input_asks_host(vm_input(vm))) {
		cli_catch_stop();
		g->lim.stop = &cli_stop;
		return;
	}
	signal(SIGINT, on_interrupt);
	signal(SIGTERM, on_interrupt);
}

static int run(void *opt, int argc, char **argv)
{
	const struct run_opts *o = opt;
	struct tee tee = {0};
	struct vm_result res = {0};
	struct cli_edges *edges = NULL;
	struct cli_guest g;
	struct err err = {0};
	struct vm *vm;
	int st;

	if (o->metrics && !strcmp(o->metrics, "help"))
		return list_metrics();
	st = cli_guest_open(&g, &o->g, argc, argv, &err);
	if (!st && o->edges && g.spec.cpu != VM_CPU_SOFT) {
		st = ST_USAGE;
		err_set(&err, -ENOTSUP, "--edges: only --cpu soft counts edges");
		cli_guest_close(&g);
	}
	if (st)
		return fail(o, st, &err);
	if (!o->g.serial) {
		g.spec.tee = tee_put;
		g.spec.tee_ctx = &tee;
	}
	g.spec.time_exits = o->metrics && o->metrics_time;
	st = cli_guest_start(&g, &vm, &err);
	if (!st && o->edges && cli_edges_new(&edges, vm, &err)) {
		st = ST_START;
		vm_free(vm);
	}
	if (st) {
		cli_guest_close(&g);
		return fail(o, st, &err);
	}
	vm_console(vm)->tee = tee_put;
	vm_console(vm)->tee_ctx = &tee;
	if (o->g.verbose)
		show_machine(&g, vm);
	cli_guest_loaded(&g);
	if (!o->g.quiet)
		say_chrs(vm);
	catch_signals(&g, vm);
	cli_guest_run(&g, vm, &res);
	if (tee.last && tee.last != '\n' && (o->g.json || isatty(STDOUT_FILENO)))
		putchar('\n');
	fflush(stdout);
	if (!o->g.quiet)
		say_losses(vm);
	if (!o->g.quiet)
		cli_result_line(&g, &res, stderr);
	if (o->g.json)
		cli_result_json(&g, vm, &res, stdout);
	/* 8 bits are left of it, there as here. */
	st = o->qemu_status && res.guest >= 0 ? (res.guest << 1 | 1) & 0xff : res.status;
	st = write_edges(o, edges, st);
	st = write_metrics(o, vm, st);
	vm_free(vm);
	cli_guest_close(&g);
	return st;
}

const struct cmd cmd_run = {
	.name = "run",
	.args = "[GUEST]",
	.summary = "boot a guest and say how it ended",
	.text = "GUEST is a .asm (assembled into a cache; its header says which memory, devices,\n"
		"input and exit it wants), a built flat image, or a kernel: multiboot 1 or 2, ELF\n"
		"(by its PVH entry if it has one) or bzImage, whose kernel is unpacked on the host\n"
		"unless --boot says otherwise. What it sends to its serial port and to port 0xe9 goes to standard output\n"
		"as it comes; how it ended is said on standard error.\n"
		"\n"
		"With --json the last line of standard output is one object with the keys verdict,\n"
		"status, guest, cpu, icount, exits, deterministic, hash and reason.\n"
		"\n"
		"--edges FILE lists the guest's edge coverage, which the software CPU counts exactly:\n"
		"a line for each edge that was taken, `FROM TO COUNT`, sorted: the linear addresses of\n"
		"a branch and of what ran next, and how often. A conditional branch has two edges.\n"
		"Interrupts, exceptions, INT n and IRET are none.\n"
		"\n"
		"What comes from outside (--serial and --chr with pty, stdio, fd or pipe, live networks)\n"
		"makes a run one that does not repeat, and says so; --record FILE writes it down with its\n"
		"virtual time, and --replay FILE gives the same run again, with nothing of that opened.\n"
		"\n"
		"--metrics FILE has one object a line: {\"metric\":NAME,\"value\":N}, and for histograms count,\n"
		"sum, max and buckets, pairs of least value and count. --metrics help lists the names.\n"
		"\n"
		"It runs on the software CPU, the same on every host, unless --cpu kvm asks for KVM.\n"
		"With --cpu script:FILE nobody runs: the exits come from the file, a line\n"
		"each as `vise trace` prints them.",
	.opts = opts,
	.max_args = 1,
	.size = sizeof(struct run_opts),
	.run = run,
};
