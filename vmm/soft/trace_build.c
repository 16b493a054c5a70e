/* SPDX-License-Identifier: MIT */
/* soft: making a trace: decode, choose handlers, leave out flags that nobody can see. */
#include "trace.h"

/* What the builder knows of a uop beside its handler. */
struct note {
	soft_handler no_flags; /* the twin that leaves the flags alone */
	bool opaque;	       /* may leave the trace or look at the flags */
	bool sets_flags;       /* all six */
};

struct build {
	struct soft *s;
	struct soft_trace *t;
	struct note notes[SOFT_TRACE_UOPS];
	struct insn insns[SOFT_TRACE_MAX];
	uint8_t generic[SOFT_TRACE_MAX]; /* uops that take insns[] */
	unsigned nu, ngeneric;
	bool may_fuse; /* the uop before is one instruction with a handler */
};

/* Operations behind which it makes no sense to go on decoding. */
static bool ends_trace(const struct insn *i)
{
	switch (i->op) {
	case INSN_JMP:
	case INSN_CALL:
	case INSN_RET:
	case INSN_IRET:
	case INSN_IRETD:
	case INSN_IRETQ:
	case INSN_INT:
	case INSN_INT1:
	case INSN_INT3:
	case INSN_HLT:
	case INSN_SYSCALL:
	case INSN_SYSRET:
	case INSN_SYSENTER:
	case INSN_SYSEXIT:
	case INSN_UD0:
	case INSN_UD1:
	case INSN_UD2:
	case INSN_BAD:
	case INSN_RSM:
		return true;
	default:
		return i->flags & (INSN_F_REP | INSN_F_REPNE);
	}
}

static struct soft_uop *add_uop(struct build *b, unsigned n, unsigned off)
{
	struct soft_uop *u = &b->t->u[b->nu];

	*u = (struct soft_uop){.n = (uint8_t)n,
			       .idx = (uint8_t)b->nu,
			       .off = (uint16_t)off,
			       .base = SOFT_ZERO,
			       .index = SOFT_ZERO};
	b->notes[b->nu] = (struct note){.opaque = true};
	b->nu++;
	return u;
}

static uint64_t linear(const struct build *b, uint64_t rip)
{
	return b->s->bits == 64 ? rip : (uint32_t)(b->t->cs_base + rip);
}

static void add_exits(struct build *b)
{
	memset(&b->t->u[b->nu], 0, sizeof(struct soft_exits));
	/* No key is ever all ones. */
	((struct soft_exits *)&b->t->u[b->nu])->taken.key = ~0ull;
	((struct soft_exits *)&b->t->u[b->nu])->next.key = ~0ull;
	b->notes[b->nu] = (struct note){.opaque = true};
	b->nu++;
}

/* Where the edges of the branch (p) are counted: its address is (from). */
static void add_counts(struct build *b, const struct soft_pick *p, uint64_t from)
{
	struct soft_counts *c = (struct soft_counts *)&b->t->u[b->nu];

	memset(c, 0, sizeof(*c));
	c->taken = soft_edge(b->s->edges, from, linear(b, p->to));
	if (!p->ends)
		c->next = soft_edge(b->s->edges, from, linear(b, p->rip + p->i->len));
	b->notes[b->nu] = (struct note){.opaque = true};
	b->nu++;
}

static bool pick(struct soft_pick *p)
{
	/* LOCK matters to nobody here, but its memory forms alone may have it: decoding saw to that. */
	return soft_pick_branch(p) || soft_pick_mov(p) || soft_pick_alu(p) || soft_pick_shift(p) ||
	       soft_pick_string(p);
}

/* One instruction; false: the trace ends behind it. */
static bool add_insn(struct build *b, const struct insn *i, const struct insn *before, unsigned n,
		     unsigned off)
{
	struct soft_pick p = {.i = i, .rip = b->t->rip + off, .bits = b->s->bits};
	bool is_call = i->op < INSN_OPS && soft_has(b->s, i->cpuid);
	struct soft_uop *u;

	p.cs_limit = b->t->cs_limit;
	p.edges = soft_edge_wanted(b->s->edges, linear(b, p.rip));
	if (b->may_fuse) {
		p.prev = &b->t->u[b->nu - 1];
		p.before = before;
	}
	b->may_fuse = false;
	u = add_uop(b, n, off);
	u->len = i->len;
	p.u = u;
	if (is_call && pick(&p)) {
		if (p.fused)
			b->nu--;
		b->notes[b->nu - 1] = (struct note){
			.opaque = p.opaque, .sets_flags = p.sets_flags, .no_flags = p.no_flags};
		b->may_fuse = !p.two && !p.ends;
		if (p.two)
			add_exits(b);
		if (p.two && p.edges)
			add_counts(b, &p, linear(b, p.rip));
		return !p.ends;
	}
	*u = (struct soft_uop){
		.h = soft_generic, .n = u->n, .idx = u->idx, .off = u->off, .len = i->len};
	b->generic[b->ngeneric] = u->idx;
	b->insns[b->ngeneric++] = *i;
	return !ends_trace(i);
}

/* Flags that the next writer replaces before anybody can look are not made. */
static void drop_flags(struct build *b)
{
	bool seen = true; /* by what follows */

	for (unsigned k = b->nu; k-- > 0;) {
		const struct note *o = &b->notes[k];

		if (o->no_flags && !seen)
			b->t->u[k].h = o->no_flags;
		if (o->opaque)
			seen = true;
		else if (o->sets_flags)
			seen = false;
	}
}

/* Decoded instructions of generic uops go behind the uops. */
static void place_insns(struct build *b)
{
	struct insn *at = (struct insn *)&b->t->u[b->nu];

	memcpy(at, b->insns, b->ngeneric * sizeof(*at));
	for (unsigned k = 0; k < b->ngeneric; k++)
		b->t->u[b->generic[k]].insn = &at[k];
	b->t->size = (uint32_t)((char *)&at[b->ngeneric] - (char *)b->t);
	b->t->size = (uint32_t)align_up(b->t->size, 64);
}

size_t soft_trace_size(const struct soft_trace *t)
{
	return t->size;
}

static void start(struct build *b, struct soft *s, struct soft_trace *t, uint64_t gpa)
{
	b->s = s;
	b->t = t;
	*t = (struct soft_trace){.gpa = gpa, .rip = s->rip, .mode = s->fkey & 31};
	t->cs_limit = UINT32_MAX;
	if (s->bits != 64) {
		t->cs_base = s->seg[X86_CS].base;
		t->cs_limit = s->seg[X86_CS].limit;
	}
	b->nu = b->ngeneric = 0;
	b->may_fuse = false;
}

struct soft_trace *soft_trace_build(struct soft *s, struct soft_trace *t, uint64_t gpa,
				    unsigned max)
{
	unsigned room = (unsigned)(GMEM_PAGE - (gpa & 0xfff)), n = 0, off = 0;
	const uint8_t *code = gmem_ro(s->mem, gpa, room);
	struct insn in[2]; /* this one and the one before */
	struct build b;
	bool more = true;

	if (!code)
		return NULL;
	start(&b, s, t, gpa);
	if (s->bits != 64 && room > t->cs_limit - t->rip + 1)
		room = (unsigned)(t->cs_limit - t->rip + 1);
	while (more && n < max && off < room) {
		struct insn *i = &in[n & 1];

		if (insn_decode(code + off, room - off, s->bits, i) < 0)
			break;
		soft_without_feature(s, i);
		more = add_insn(&b, i, &in[~n & 1], n, off);
		off += i->len;
		n++;
	}
	if (!n)
		return NULL;
	t->n = (uint16_t)n;
	t->bytes = (uint16_t)off;
	add_uop(&b, n, off)->h = soft_trace_end;
	add_exits(&b);
	drop_flags(&b);
	place_insns(&b);
	return t;
}
