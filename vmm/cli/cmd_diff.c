/* SPDX-License-Identifier: MIT */
/* vise diff: one guest on two back ends in lockstep, up to the first thing that differs. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include <vmm/insn.h>

#include "cli.h"

#define LINE   160
#define AHEAD  4096 /* events of one exit: KVM's longest batch of string I/O has 1024 elements */
#define RECENT 8    /* events that are shown from before the difference */
#define INSNS  4    /* instructions shown at RIP */

struct diff_opts {
	struct guest_opts g;
};

static const struct opt opts[] = {
	GUEST_OPTS(struct diff_opts),
	{NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0},
};

/* One of the two machines, and what it has done that the other has not yet. */
struct side {
	const char *name;
	struct cli_guest g;
	bool opened;
	struct vm *vm;
	struct vm_result res;
	bool ended;
	char (*ahead)[LINE]; /* a ring */
	unsigned first, n;
	bool overrun;
};

struct diff {
	struct side side[2];
	uint64_t events;
	char recent[RECENT][LINE];
};

/* ---- one side -------------------------------------------------------------------------------- */

static void on_event(void *ctx, const struct trace_event *ev)
{
	struct side *s = ctx;

	/* "end limit" is only where we stopped it. */
	if (!trace_is_canonical(ev) ||
	    (ev->kind == TRACE_END && ev->text && !strcmp(ev->text, "limit")))
		return;
	if (s->n == AHEAD) {
		s->overrun = true;
		return;
	}
	(void)trace_format(ev, s->ahead[(s->first + s->n++) % AHEAD], LINE);
}

static int open_side(struct side *s, const struct guest_opts *o, int argc, char **argv,
		     struct err *err)
{
	struct guest_opts own = *o;
	int st;

	own.cpu = s->name;
	st = cli_guest_open(&s->g, &own, argc, argv, err);
	if (st)
		return st;
	s->opened = true;
	s->ahead = calloc(AHEAD, sizeof(*s->ahead));
	if (!s->ahead) {
		err_set(err, -ENOMEM, "no memory");
		return ST_START;
	}
	st = cli_guest_start(&s->g, &s->vm, err);
	if (st)
		return st;
	trace_set_sink(vm_trace(s->vm), on_event, s);
	return 0;
}

static void close_side(struct side *s)
{
	vm_free(s->vm);
	free(s->ahead);
	if (s->opened)
		cli_guest_close(&s->g);
}

/* One exit further; the limits are those of the whole run. */
static void step(struct side *s)
{
	struct vm_limits lim = s->g.lim;
	uint64_t before = s->res.exits;

	if (lim.budget) {
		const struct cpu *c = vm_cpu(s->vm);
		uint64_t used = c->ops->icount(vm_cpu(s->vm));

		if (used >= lim.budget) {
			s->ended = true;
			return;
		}
		lim.budget -= used;
	}
	lim.exits = 1;
	vm_run(s->vm, &lim, &s->res);
	/* Another limit than ours ends it as well. */
	s->ended = s->res.verdict != VM_LIMIT || s->res.exits == before;
}

/* Until it has an event to be compared, or is at its end. */
static void fill(struct side *s)
{
	while (!s->n && !s->ended)
		step(s);
}

/* ---- what is shown ---------------------------------------------------------------------------- */

static void show_code(struct vm *vm, const struct cpu_state *s)
{
	unsigned bits = x86_code_bits(s);
	uint64_t rip = s->rip;

	for (unsigned i = 0; i < INSNS; i++) {
		uint64_t la = rip + (bits == 64 ? 0 : s->seg[X86_CS].base), gpa;
		uint8_t code[INSN_MAX];
		unsigned have = 0;
		char text[96];
		int n;

		for (; have < sizeof(code); have++)
			if (x86_translate(vm_mem(vm), s, la + have, &gpa) ||
			    gmem_read(vm_mem(vm), gpa, code + have, 1))
				break;
		n = insn_format(code, have, bits, rip, text, sizeof(text));
		if (n <= 0)
			return;
		printf("    0x%-8" PRIx64 " %s\n", rip, text);
		rip += (uint64_t)n;
	}
}

struct differing {
	unsigned n;
	const char *name[2];
};

static void show_field(void *ctx, const char *field, uint32_t index, uint64_t a, uint64_t b)
{
	struct differing *d = ctx;

	(void)index;
	if (d->n++ < 40)
		printf("    %-14s %-4s 0x%-18" PRIx64 " %-4s 0x%" PRIx64 "\n", field, d->name[0], a,
		       d->name[1], b);
}

static bool get_states(struct diff *d, struct cpu_state st[2])
{
	for (unsigned i = 0; i < 2; i++)
		if (vm_cpu(d->side[i].vm)->ops->get(vm_cpu(d->side[i].vm), &st[i], NULL))
			return false;
	return true;
}

static void show_states(struct diff *d)
{
	struct differing what = {.name = {d->side[0].name, d->side[1].name}};
	struct cpu_state st[2];

	if (!get_states(d, st))
		return;
	printf("registers that differ:\n");
	state_diff(&cpu_state_table, &st[0], &st[1], show_field, &what);
	if (!what.n)
		printf("    none\n");
	for (unsigned i = 0; i < 2; i++) {
		printf("next on %s:\n", d->side[i].name);
		show_code(d->side[i].vm, &st[i]);
	}
}

static void show_recent(const struct diff *d)
{
	uint64_t from = d->events < RECENT ? 0 : d->events - RECENT;

	printf("the last events that both had:\n");
	if (!d->events)
		printf("    none\n");
	for (uint64_t i = from; i < d->events; i++)
		printf("    %6" PRIu64 "  %s\n", i + 1, d->recent[i % RECENT]);
}

static const char *head(const struct side *s)
{
	return s->n ? s->ahead[s->first] : s->res.reason;
}

static int differ(struct diff *d)
{
	printf("event %" PRIu64 " differs:\n", d->events + 1);
	for (unsigned i = 0; i < 2; i++)
		printf("    %-6s %s%s\n", d->side[i].name,
		       d->side[i].n ? "" : "nothing: ", head(&d->side[i]));
	show_recent(d);
	show_states(d);
	return ST_FAIL;
}

/* ---- the end ---------------------------------------------------------------------------------- */

/* The first byte of RAM that is not the same, and how many are not. */
static uint64_t memory_differs(struct diff *d, uint64_t *first)
{
	struct gmem *mem[2] = {vm_mem(d->side[0].vm), vm_mem(d->side[1].vm)};
	struct gmem_region r, other;
	uint64_t n = 0;

	for (unsigned i = 0; gmem_region(mem[0], i, &r); i++) {
		if (!gmem_region(mem[1], i, &other) || other.gpa != r.gpa || other.len != r.len) {
			*first = r.gpa;
			return r.len;
		}
		for (uint64_t page = 0; page < r.len; page += GMEM_PAGE) {
			if (!memcmp(r.host + page, other.host + page, GMEM_PAGE))
				continue;
			for (uint64_t at = page; at < page + GMEM_PAGE; at++)
				if (r.host[at] != other.host[at] && !n++)
					*first = r.gpa + at;
		}
	}
	return n;
}

static int compare_ends(struct diff *d)
{
	uint64_t hash[2] = {0}, first = 0, n;

	for (unsigned i = 0; i < 2; i++)
		(void)vm_state_hash(d->side[i].vm, &hash[i], NULL);
	if (hash[0] == hash[1]) {
		printf("same: %" PRIu64 " events, and the same registers and memory at the end\n",
		       d->events);
		return d->side[0].res.verdict == VM_LIMIT ? ST_LIMIT : ST_PASS;
	}
	printf("the same %" PRIu64 " events, but the final states differ\n", d->events);
	n = memory_differs(d, &first);
	if (n)
		printf("memory: %" PRIu64 " bytes, the first at 0x%" PRIx64 "\n", n, first);
	show_recent(d);
	show_states(d);
	return ST_FAIL;
}

/* ---- lockstep --------------------------------------------------------------------------------- */

static int lockstep(struct diff *d)
{
	struct side *a = &d->side[0], *b = &d->side[1];

	for (;;) {
		fill(a);
		fill(b);
		if (a->overrun || b->overrun)
			return cli_fail(ST_START, "one exit has more than %d events", AHEAD);
		if (!a->n && !b->n)
			return compare_ends(d);
		if (!a->n || !b->n || strcmp(head(a), head(b)) != 0)
			return differ(d);
		memcpy(d->recent[d->events++ % RECENT], head(a), LINE);
		for (unsigned i = 0; i < 2; i++) {
			d->side[i].first = (d->side[i].first + 1) % AHEAD;
			d->side[i].n--;
		}
	}
}

/* "soft,kvm" */
static int split(const char *cpus, char names[2][PATH_MAX], struct err *err)
{
	const char *comma = strchr(cpus, ',');
	size_t n = comma ? (size_t)(comma - cpus) : 0;

	if (!n || !comma[1] || n >= PATH_MAX || strlen(comma + 1) >= PATH_MAX) {
		err_set(err, -EINVAL, "--cpu '%.40s': give two back ends, as soft,kvm", cpus);
		return ST_USAGE;
	}
	memcpy(names[0], cpus, n);
	names[0][n] = '\0';
	memcpy(names[1], comma + 1, strlen(comma + 1) + 1);
	return 0;
}

static int run(void *opt, int argc, char **argv)
{
	const struct diff_opts *o = opt;
	char names[2][PATH_MAX];
	struct diff *d;
	struct err err = {0};
	int st = split(o->g.cpu ? o->g.cpu : "soft,kvm", names, &err);

	if (st)
		return cli_fail(st, "%s", err.msg);
	d = calloc(1, sizeof(*d));
	if (!d)
		return cli_fail(ST_START, "no memory");
	for (unsigned i = 0; i < 2 && !st; i++) {
		d->side[i].name = names[i];
		st = open_side(&d->side[i], &o->g, argc, argv, &err);
	}
	st = st ? cli_fail(st, "%s", err.msg) : lockstep(d);
	for (unsigned i = 0; i < 2; i++)
		close_side(&d->side[i]);
	free(d);
	return st;
}

const struct cmd cmd_diff = {
	.name = "diff",
	.args = "GUEST",
	.summary = "run a guest on two back ends and show where they part",
	.text = "Runs GUEST on both back ends in lockstep, an exit at a time, and compares their\n"
		"canonical streams event by event. At the first event that differs it stops and\n"
		"shows both, the last ones before, the registers that differ and the instructions\n"
		"that come next on either. When the streams are the same, the general registers,\n"
		"RIP, RFLAGS and memory at the end are compared.\n"
		"\n"
		"--cpu names the two back ends: soft,kvm unless said otherwise; script:FILE can be\n"
		"one of them.\n"
		"\n"
		"Exit status: 0 all is the same, 1 something differs, 5 a limit was reached before.",
	.opts = opts,
	.max_args = 1,
	.size = sizeof(struct diff_opts),
	.run = run,
};
