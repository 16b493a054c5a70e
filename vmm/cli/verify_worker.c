/* SPDX-License-Identifier: MIT */
/* One run of vise verify, in a process of its own: hashes at fixed instruction counts. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include <vmm/insn.h>

#include "verify.h"

#define LINE   200
#define EVENTS 8
#define BATCH  1024u
/* After so many marks they come half as often: a long run takes no memory without bound. */
#define MARKS_EACH 1024u

struct worker {
	struct verify_plan plan;
	struct cli_guest g;
	struct vm *vm;
	struct vm_result res;
	struct verify_head head;
	struct verify_mark mark[BATCH];
	unsigned nr; /* of them not written yet */
	uint64_t stream, mem, events;
	char event[EVENTS][LINE];
	struct buf dump;
	bool soft;
	int rc; /* of the first write that failed */
};

static void put(struct worker *w, const void *p, size_t len)
{
	const char *c = p;

	while (len && !w->rc) {
		ssize_t n = write(w->plan.fd, c, len);

		if (n < 0 && errno != EINTR)
			w->rc = -errno;
		else if (n > 0) {
			c += n;
			len -= (size_t)n;
		}
	}
}

static void put_marks(struct worker *w)
{
	put(w, w->mark, w->nr * sizeof(w->mark[0]));
	w->nr = 0;
}

/* ---- what is hashed --------------------------------------------------------------------------- */

static void on_event(void *ctx, const struct trace_event *ev)
{
	struct worker *w = ctx;
	char *line;

	/* "end limit" is only where we stopped it. */
	if (!trace_is_canonical(ev) ||
	    (ev->kind == TRACE_END && ev->text && !strcmp(ev->text, "limit")))
		return;
	line = w->event[w->events++ % EVENTS];
	memset(line, 0, LINE);
	(void)trace_format(ev, line, LINE);
	w->stream = hash64(w->stream, line, strlen(line));
}

struct pages {
	struct worker *w;
	bool dump;
};

static void dump_page(struct worker *w, uint64_t gpa, const uint8_t *p)
{
	buf_printf(&w->dump, "page\t0x%" PRIx64 "\t", gpa);
	for (unsigned i = 0; i < GMEM_PAGE; i++)
		buf_printf(&w->dump, "%02x", p[i]);
	buf_printf(&w->dump, "\n");
}

static void hash_page(void *ctx, uint64_t gpa)
{
	struct pages *pages = ctx;
	struct worker *w = pages->w;
	const uint8_t *p = gmem_ro(vm_mem(w->vm), gpa, GMEM_PAGE);
	uint8_t addr[8];

	if (!p)
		return;
	st_le64(addr, gpa);
	w->mem = hash64(hash64(w->mem, addr, sizeof(addr)), p, GMEM_PAGE);
	if (pages->dump)
		dump_page(w, gpa, p);
}

static uint64_t hash_devices(struct vm *vm)
{
	uint64_t h = state_hash(&clock_state, vm_clock(vm), 0);
	struct dev *d;

	for (unsigned i = 0; (d = vm_device_at(vm, i)); i++)
		h = dev_hash(d, h);
	return h;
}

/* ---- the dump --------------------------------------------------------------------------------- */

struct fields {
	struct buf *out;
	const char *kind, *prefix;
};

static void dump_field(void *ctx, const char *field, uint32_t index, uint64_t zero, uint64_t val)
{
	struct fields *f = ctx;

	(void)zero;
	buf_printf(f->out, "%s\t%s%s[%" PRIu32 "]\t0x%" PRIx64 "\n", f->kind, f->prefix, field,
		   index, val);
}

/* What is not zero in (obj). */
static void dump_table(struct buf *out, const char *kind, const char *prefix,
		       const struct state_table *t, const void *obj)
{
	struct fields f = {out, kind, prefix};
	size_t size = 0;
	void *zero;

	for (const struct state_field *s = t->fields; s->name; s++) {
		size_t end = s->off + (size_t)s->size * s->count;

		size = end > size ? end : size;
	}
	zero = calloc(1, size ? size : 1);
	if (zero)
		state_diff(t, zero, obj, dump_field, &f);
	else
		buf_printf(out, "%s\tno memory\t0\n", kind);
	free(zero);
}

static void dump_device(struct buf *out, const struct dev *d)
{
	const struct state_table *t;
	const void *obj;
	char prefix[64];

	(void)snprintf(prefix, sizeof(prefix), "%s.", d->name);
	dump_table(out, "dev", prefix, &d->table, d);
	for (unsigned i = 0; d->cls->part && (t = d->cls->part(d, i, &obj)); i++) {
		(void)snprintf(prefix, sizeof(prefix), "%s.%s%u.", d->name, t->name, i);
		dump_table(out, "dev", prefix, t, obj);
	}
}

/* The instruction that comes next. */
static void dump_next(struct worker *w)
{
	uint8_t code[INSN_MAX];
	struct cpu_state s;
	unsigned have = 0, bits;
	uint64_t la, gpa;
	char text[96];

	if (vm_cpu(w->vm)->ops->get(vm_cpu(w->vm), &s, NULL))
		return;
	bits = x86_code_bits(&s);
	la = s.rip + (bits == 64 ? 0 : s.seg[X86_CS].base);
	for (; have < sizeof(code); have++)
		if (x86_translate(vm_mem(w->vm), &s, la + have, &gpa) ||
		    gmem_read(vm_mem(w->vm), gpa, code + have, 1))
			break;
	if (insn_format(code, have, bits, s.rip, text, sizeof(text)) <= 0)
		(void)snprintf(text, sizeof(text), "(not an instruction)");
	buf_printf(&w->dump, "insn\t0x%" PRIx64 "\t%s\n", s.rip, text);
}

static void dump_state(struct worker *w, const struct cpu_state *s)
{
	struct dev *d;

	for (uint64_t i = 0; i < EVENTS && i < w->events; i++)
		buf_printf(&w->dump, "event\t%" PRIu64 "\t%s\n", i + 1,
			   w->event[(w->events - 1 - i) % EVENTS]);
	dump_table(&w->dump, "cpu", "", &cpu_state_table, s);
	for (unsigned i = 0; (d = vm_device_at(w->vm, i)); i++)
		dump_device(&w->dump, d);
	dump_table(&w->dump, "clock", "", &clock_state, vm_clock(w->vm));
}

/* ---- the run ---------------------------------------------------------------------------------- */

static uint64_t position(const struct worker *w)
{
	return w->soft ? w->res.icount : w->res.exits;
}

static void mark(struct worker *w, bool dump)
{
	struct verify_mark *m = &w->mark[w->nr++];
	struct pages pages = {w, dump};
	struct cpu_state s;

	*m = (struct verify_mark){.at = position(w), .stream = w->stream};
	if (w->soft) {
		memset(&s, 0, sizeof(s));
		(void)vm_cpu(w->vm)->ops->get(vm_cpu(w->vm), &s, NULL);
		m->regs = state_hash(&cpu_state_table, &s, 0);
		gmem_dirty_each(vm_mem(w->vm), hash_page, &pages);
		gmem_clear_dirty(vm_mem(w->vm));
		m->mem = w->mem;
		m->dev = hash_devices(w->vm);
		if (dump)
			dump_state(w, &s);
	} else if (dump) {
		for (uint64_t i = 0; i < EVENTS && i < w->events; i++)
			buf_printf(&w->dump, "event\t%" PRIu64 "\t%s\n", i + 1,
				   w->event[(w->events - 1 - i) % EVENTS]);
	}
	w->head.nr_marks++;
	if (w->nr == BATCH)
		put_marks(w);
}

/* As far as instruction (or exit) number (to). False: the run is over. */
static bool go(struct worker *w, uint64_t to)
{
	struct vm_limits lim = w->g.lim;

	lim.budget = to - position(w);
	vm_run(w->vm, &lim, &w->res);
	return w->res.verdict == VM_LIMIT;
}

static void run_marked(struct worker *w)
{
	const struct verify_plan *p = &w->plan;
	uint64_t until = p->until, every = p->every, next, marks = 0;

	if (w->g.lim.budget && w->g.lim.budget < until)
		until = w->g.lim.budget;
	if (p->from && !go(w, p->from < until ? p->from : until))
		goto end;
	mark(w, false);
	for (next = p->from; next < until;) {
		if (++marks % MARKS_EACH == 0)
			every *= 2;
		next = until - next > every ? next + every : until;
		if (p->dump && next == until)
			dump_next(w);
		if (!go(w, next))
			goto end;
		mark(w, p->dump && next == until);
	}
	return;
end:
	w->head.ended = true;
	mark(w, p->dump);
}

static int parse_plan(const char *text, struct verify_plan *p)
{
	unsigned dump;

	if (sscanf(text, "%d:%" SCNu64 ":%" SCNu64 ":%" SCNu64 ":%" SCNu64 ":%u", &p->fd, &p->host,
		   &p->from, &p->every, &p->until, &dump) != 6 ||
	    p->fd < 0 || !p->every || p->until < p->from)
		return -EINVAL;
	p->dump = dump != 0;
	return 0;
}

static void finish(struct worker *w)
{
	struct verify_head *h = &w->head;

	put_marks(w);
	put(w, w->dump.p, w->dump.len);
	h->dump_len = w->dump.len;
	h->magic = VERIFY_MAGIC;
	h->icount = w->res.icount;
	h->exits = w->res.exits;
	h->verdict = w->res.verdict;
	h->status = w->res.status;
	h->deterministic = w->res.deterministic;
	memcpy(h->reason, w->res.reason, sizeof(h->reason));
	(void)vm_hash(w->vm, &h->hash, NULL);
	if (w->dump.failed)
		w->rc = -ENOMEM;
	if (!w->rc && pwrite(w->plan.fd, h, sizeof(*h), 0) != (ssize_t)sizeof(*h))
		w->rc = -EIO;
}

int verify_work(const struct verify_opts *o, int argc, char **argv)
{
	struct worker *w = calloc(1, sizeof(*w));
	struct verify_host host;
	struct err err = {0};
	int st;

	if (!w)
		return cli_fail(ST_START, "no memory");
	if (parse_plan(o->worker, &w->plan)) {
		free(w);
		return cli_fail(ST_USAGE, "--worker '%.40s': verify itself uses that", o->worker);
	}
	verify_host_draw(&host, w->plan.host);
	if (w->plan.host)
		verify_host_inside(&host);
	st = cli_guest_open(&w->g, &o->g, argc, argv, &err);
	if (st) {
		free(w);
		return cli_fail(st, "%s", err.msg);
	}
	w->soft = w->g.spec.cpu == VM_CPU_SOFT;
	w->g.spec.track_dirty = w->soft;
	st = cli_guest_start(&w->g, &w->vm, &err);
	if (!st) {
		trace_set_sink(vm_trace(w->vm), on_event, w);
		put(w, &w->head, sizeof(w->head));
		run_marked(w);
		finish(w);
		vm_free(w->vm);
	}
	cli_guest_close(&w->g);
	st = st	     ? cli_fail(st, "%s", err.msg)
	     : w->rc ? cli_fail(ST_START, "the notes cannot be written: %s", strerror(-w->rc))
		     : ST_PASS;
	buf_free(&w->dump);
	free(w);
	return st;
}
