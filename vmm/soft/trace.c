/* SPDX-License-Identifier: MIT */
/*
 * soft: the traces: finding, running, leaving and forgetting them. trace_build.c makes them.
 *
 * Traces lie in one arena that only grows; when it is full, or gmem's regions change, all are
 * forgotten at once, between two of them. A write to their page takes them out of the hash and makes
 * every link void (s->fgen); the running one is left after the instruction that wrote.
 */
#include <errno.h>
#include <stdlib.h>

#include "trace.h"

static void stale(void *ctx, uint64_t gpa);

int soft_fast_new(struct soft *s, struct err *err)
{
	struct soft_fast *f = calloc(1, sizeof(*f));

	if (!f)
		return err_set(err, -ENOMEM, "soft: no memory for traces (%zu bytes)", sizeof(*f));
	f->arena = malloc(SOFT_ARENA);
	if (!f->arena) {
		free(f);
		return err_set(err, -ENOMEM, "soft: no memory for traces (%u bytes)", SOFT_ARENA);
	}
	s->fast = f;
	gmem_set_stale_hook(s->mem, stale, s);
	return 0;
}

void soft_fast_free(struct soft *s)
{
	gmem_set_stale_hook(s->mem, NULL, NULL);
	free(s->fast->arena);
	free(s->fast);
}

const char *soft_dispatch(void)
{
#if !SOFT_DISPATCH
	return "a loop";
#elif defined(__clang__)
	return "musttail";
#else
	return "sibling calls";
#endif
}

void soft_fast_flush(struct soft *s)
{
	struct soft_fast *f = s->fast;

	memset(f->hash, 0, sizeof(f->hash));
	memset(f->pages, 0, sizeof(f->pages));
	memset(f->slow, 0, sizeof(f->slow));
	f->used = 0;
	f->pending = NULL;
	s->fgen++;
}

/* ---- flags ------------------------------------------------------------------------------------- */

void soft_flags_load(struct soft *s)
{
	uint64_t f = s->rflags, res;
	bool zf = f & X86_FLAG_ZF, sf = f & X86_FLAG_SF, pf = f & X86_FLAG_PF;

	/* A result with these: its low byte is 0 (even parity) or 1 (odd). */
	res = zf ? 0 : (sf ? 1ull << 63 : 1ull << 62) | !pf;
	s->lazy.result = res;
	s->lazy.aux = (f & X86_FLAG_CF ? 1ull << 63 : 0) |
		      (!(f & X86_FLAG_CF) != !(f & X86_FLAG_OF) ? 1ull << 62 : 0) |
		      (f & X86_FLAG_AF ? AUX_AF : 0) | (zf && sf ? AUX_SF : 0) |
		      (zf && !pf ? AUX_PF : 0);
	s->lazy.on = true;
}

void soft_flags_sync(struct soft *s)
{
	if (!s->lazy.on)
		return;
	s->lazy.on = false;
	soft_flags_put(s, SOFT_FLAGS_ARITH,
		       (lazy_cf(s) ? X86_FLAG_CF : 0) | (lazy_pf(s) ? X86_FLAG_PF : 0) |
			       (lazy_af(s) ? X86_FLAG_AF : 0) | (lazy_zf(s) ? X86_FLAG_ZF : 0) |
			       (lazy_sf(s) ? X86_FLAG_SF : 0) | (lazy_of(s) ? X86_FLAG_OF : 0));
}

/* ---- finding ------------------------------------------------------------------------------------- */

static uint32_t mode_of(const struct soft *s)
{
	return (s->bits == 64	? 2u
		: s->bits == 32 ? 1u
				: 0u) |
	       (s->cpl == 3 ? 4u : 0) | (s->stack32 ? 8u : 0) | (s->stack64 ? 16u : 0);
}

static uint64_t key_of(const struct soft *s)
{
	return s->fgen << 20 | s->space << 8 | (soft_tlb_of(s, s->cpl) == SOFT_TLB_AC ? 32u : 0) |
	       mode_of(s);
}

static uint64_t linear_rip(const struct soft *s)
{
	return s->bits == 64 ? s->rip : (uint32_t)(s->seg[X86_CS].base + s->rip);
}

static struct soft_trace **bucket(struct soft_fast *f, uint64_t gpa)
{
	return &f->hash[(gpa ^ gpa >> 12) % SOFT_HASH];
}

static struct soft_trace *find(struct soft *s, uint64_t gpa)
{
	uint32_t mode = mode_of(s);

	for (struct soft_trace *t = *bucket(s->fast, gpa); t; t = t->hash_next)
		if (t->gpa == gpa && t->rip == s->rip && t->mode == mode &&
		    (s->bits == 64 ||
		     (t->cs_base == s->seg[X86_CS].base && t->cs_limit == s->seg[X86_CS].limit)))
			return t;
	return NULL;
}

/* The trace at s->rip where nothing has to be translated or made; else NULL. */
static struct soft_trace *find_quick(struct soft *s)
{
	uint64_t la = linear_rip(s);
	const struct soft_tlb_entry *e = TLB_AT(la);

	if (e->ex != (la & ~0xfffull))
		return NULL;
	return find(s, e->gpa | (la & 0xfff));
}

/* ---- pages that hold code -------------------------------------------------------------------------- */

static struct soft_page *page_of(const struct soft_fast *f, uint64_t gpa)
{
	struct soft_page *p = f->pages[(gpa >> 12) % SOFT_PAGES];

	while (p && p->gpa != (gpa & ~0xfffull))
		p = p->next;
	return p;
}

static uint64_t chunks_of(uint64_t gpa, unsigned len)
{
	unsigned first = gpa >> 6 & 63, last = (gpa + len - 1) >> 6 & 63;

	return ~0ull >> (63 - last) & ~0ull << first;
}

static bool is_ram(const struct gmem *g, uint64_t gpa)
{
	struct gmem_region r;

	for (unsigned i = 0; gmem_region(g, i, &r); i++)
		if (range_within(gpa, 1, r.gpa, r.len))
			return r.kind == GMEM_RAM;
	return false;
}

/* SOFT_TRACE_ROOM has counted the page in. */
static void add_to_page(struct soft *s, struct soft_trace *t)
{
	struct soft_fast *f = s->fast;
	struct soft_page *p = page_of(f, t->gpa);

	if (!p) {
		struct soft_page **b = &f->pages[(t->gpa >> 12) % SOFT_PAGES];

		p = (struct soft_page *)(f->arena + f->used);
		f->used += align_up(sizeof(*p), 64);
		*p = (struct soft_page){.next = *b, .gpa = t->gpa & ~0xfffull};
		p->ram = is_ram(s->mem, t->gpa);
		*b = p;
	}
	if (!p->chunks) {
		gmem_mark_code(s->mem, t->gpa);
		soft_tlb_protect(s, t->gpa);
	}
	p->chunks |= chunks_of(t->gpa, t->bytes);
	t->page_next = p->traces;
	p->traces = t;
}

/*
 * Forget the traces of (p) that have bytes in (chunks). By chunks, not by bytes: what is forgotten is
 * counted and its chunks are free, so that a page of many traces is not searched for every write.
 */
static void forget(struct soft *s, struct soft_page *p, uint64_t chunks)
{
	struct soft_trace **at = &p->traces, *t, **h;

	if (!(p->chunks & chunks))
		return;
	p->chunks = 0;
	while ((t = *at)) {
		uint64_t own = chunks_of(t->gpa, t->bytes);

		if (!(own & chunks)) {
			p->chunks |= own;
			at = &t->page_next;
			continue;
		}
		for (h = bucket(s->fast, t->gpa); *h != t; h = &(*h)->hash_next)
			;
		*h = t->hash_next;
		*at = t->page_next;
		s->fgen++;
		p->kills++;
	}
}

/* gmem's hook: somebody writes to the page at (gpa). */
static void stale(void *ctx, uint64_t gpa)
{
	struct soft *s = ctx;
	struct soft_page *p = page_of(s->fast, gpa);

	if (p)
		forget(s, p, ~0ull);
	soft_xlat_stale(s, gpa);
}

bool soft_page_watched(const struct soft *s, uint64_t gpa)
{
	const struct soft_page *p = page_of(s->fast, gpa);

	return (p && p->chunks) || soft_xlat_page(s, gpa);
}

uint8_t *soft_watched_write(struct soft *s, uint64_t gpa, unsigned len, bool walks)
{
	struct soft_page *p = page_of(s->fast, gpa);
	bool code = p && p->chunks && p->ram, tables = soft_xlat_page(s, gpa);
	uint8_t *host;

	/* A page that is not dirty yet gets so by gmem's way, once. */
	if ((!code && !tables) || !gmem_is_dirty(s->mem, gpa))
		return NULL;
	host = (uint8_t *)gmem_ro(s->mem, gpa, len);
	if (code)
		forget(s, p, chunks_of(gpa, len));
	if (tables && !walks)
		soft_xlat_write(s, gpa, host, len);
	return host;
}

/*
 * How many instructions a trace of (p) may have. Code that is written again and again is not worth long
 * traces: they are made anew each time; in the end it is left to the reference path for a while.
 */
static unsigned longest(struct soft_page *p)
{
	if (!p || p->kills < SOFT_KILLS / 16)
		return SOFT_TRACE_MAX;
	if (p->kills < SOFT_KILLS)
		return 4;
	if (++p->rests == SOFT_RESTS) {
		p->rests = 0;
		p->kills = SOFT_KILLS / 2;
	}
	return 0;
}

/* The trace at s->rip: found or made. NULL: none can be; the reference path has to look. */
static struct soft_trace *lookup(struct soft *s)
{
	struct soft_fast *f = s->fast;
	uint64_t la = linear_rip(s), gpa;
	const struct soft_tlb_entry *e = TLB_AT(la);
	struct soft_trace *t;
	unsigned max;

	s->insn_rip = s->rip;
	if (s->bits == 64 ? !soft_canonical(la) : s->rip > s->seg[X86_CS].limit)
		return NULL;
	if (e->ex == (la & ~0xfffull))
		gpa = e->gpa | (la & 0xfff);
	else
		gpa = soft_translate(s, la, SOFT_EXEC, s->cpl);
	t = find(s, gpa);
	if (t)
		return t;
	if (SOFT_ARENA - f->used < SOFT_TRACE_ROOM)
		soft_fast_flush(s);
	max = longest(page_of(f, gpa));
	if (!max)
		return NULL;
	t = soft_trace_build(s, (struct soft_trace *)(f->arena + f->used), gpa, max);
	if (!t)
		return NULL;
	f->used += soft_trace_size(t);
	t->hash_next = *bucket(f, gpa);
	*bucket(f, gpa) = t;
	add_to_page(s, t);
	return t;
}

/* ---- running --------------------------------------------------------------------------------------- */

static void exec(struct soft *s, const struct soft_uop *u)
{
#if SOFT_DISPATCH
	u->h(s, u);
#else
	while (u)
		u = u->h(s, u);
#endif
}

static void note_mode(struct soft *s)
{
	struct soft_fast *f = s->fast;
	const struct x86_seg *cs = &s->seg[X86_CS];

	/* Links don't look at CS: outside of 64-bit code they hold for one. */
	if (s->bits != 64 && (f->cs_base != cs->base || f->cs_limit != cs->limit)) {
		f->cs_base = cs->base;
		f->cs_limit = cs->limit;
		s->fgen++;
	}
	s->tlbp = s->tlb[soft_tlb_of(s, s->cpl)];
	s->fkey = key_of(s);
}

void soft_fast_run(struct soft *s)
{
	struct soft_fast *f = s->fast;
	struct soft_link *pending;
	struct soft_trace *t;

	note_mode(s);
	/* Before the target is looked up: should that fault, the link does not lead to the handler. */
	pending = f->pending;
	f->pending = NULL;
	t = lookup(s); /* or forgets all: then the key is another one */
	if (!t || s->icount_end - s->icount < t->n) {
		soft_step(s);
		return;
	}
	s->fkey = key_of(s);
	if (pending && f->pending_key == s->fkey) {
		pending->to = t->u;
		pending->key = s->fkey;
	}
	s->deadline = s->icount_end > SOFT_TRACE_MAX ? s->icount_end - SOFT_TRACE_MAX : 0;
	soft_flags_load(s);
	exec(s, t->u);
	soft_flags_sync(s);
}

const struct soft_uop *soft_relink(struct soft *s, const struct soft_uop *u)
{
	struct soft_link *l = s->link;
	struct soft_trace *t;

	(void)u;

	if (s->icount >= s->deadline)
		return NULL;
	t = find_quick(s);
	if (!t) {
		s->fast->pending = l;
		s->fast->pending_key = s->fkey;
		return NULL;
	}
	l->to = t->u;
	l->key = s->fkey;
	u = t->u;
	NEXT(u);
}

const struct soft_uop *soft_indirect(struct soft *s, const struct soft_uop *u)
{
	struct soft_ibtc *b = &s->fast->ibtc[(s->rip ^ s->rip >> 12) % SOFT_IBTC];
	struct soft_trace *t;

	if (s->icount >= s->deadline)
		return NULL;
	if (likely(b->rip == s->rip && b->key == s->fkey))
		NEXT(b->to);
	t = find_quick(s);
	if (!t)
		return NULL;
	b->rip = s->rip;
	b->key = s->fkey;
	u = b->to = t->u;
	NEXT(u);
}

const struct soft_uop *soft_trace_end(struct soft *s, const struct soft_uop *u)
{
	const struct soft_link *l = &((const struct soft_exits *)(u + 1))->next;

	s->icount += u->n;
	if (likely(l->key == s->fkey && s->icount < s->deadline))
		NEXT(l->to);
	s->rip = soft_trace_of(u)->rip + u->off;
	s->link = (struct soft_link *)l;
	TAIL(soft_relink(s, u));
}

/* ---- leaving for an operation ------------------------------------------------------------------------ */

static void settle(struct soft *s, const struct soft_uop *u)
{
	s->rip = s->insn_rip = soft_trace_of(u)->rip + u->off;
	s->icount += u->n;
	soft_flags_sync(s);
}

/* A branch is the last of its trace, even if it goes to what lies behind it. */
static bool is_branch(const struct insn *i)
{
	return (i->flags & INSN_F_REL) || i->op == INSN_CALL || i->op == INSN_JMP ||
	       i->op == INSN_RET;
}

/* May the trace go on behind (u), whose instruction was (i)? */
static bool goes_on(const struct soft *s, const struct soft_uop *u, uint64_t start,
		    const struct insn *i)
{
	return !s->events && !is_branch(i) && s->rip == start + i->len && u->len == i->len &&
	       !s->stop && !s->halted && s->fkey == key_of(s) && soft_fast_ok(s);
}

static bool repeated(const struct insn *i)
{
	return i->flags & (INSN_F_REP | INSN_F_REPNE);
}

/* Where to go on; NULL: not in this trace. Not inlined: gcc makes no sibling calls beside locals. */
static __attribute__((noinline)) const struct soft_uop *run_op(struct soft *s,
							       const struct soft_uop *u,
							       const struct insn *i)
{
	uint64_t start = s->rip, count = s->icount;

	soft_execute(s, i);
	if (repeated(i)) {
		while (s->rip == start && !s->events && s->icount < s->icount_end &&
		       s->fkey == key_of(s))
			soft_execute(s, i);
		if (s->icount != count + 1)
			return NULL;
	}
	if (!goes_on(s, u, start, i))
		return NULL;
	s->icount = count - u->n;
	soft_flags_load(s);
	return u + 1;
}

static __attribute__((noinline)) const struct soft_uop *run_slow(struct soft *s,
								 const struct soft_uop *u)
{
	struct soft_slow_insn *d = &s->fast->slow[(uintptr_t)u / sizeof(*u) % SOFT_SLOW];

	settle(s, u);
	if (d->u != u) {
		/* Not yet (u): the fetch may fault. */
		d->u = NULL;
		soft_fetch_decode(s, &d->i);
		d->u = u;
	}
	return run_op(s, u, &d->i);
}

const struct soft_uop *soft_slow(struct soft *s, const struct soft_uop *u)
{
	u = run_slow(s, u);
	if (!u)
		return NULL;
	NEXT(u);
}

const struct soft_uop *soft_generic(struct soft *s, const struct soft_uop *u)
{
	settle(s, u);
	u = run_op(s, u, u->insn);
	if (!u)
		return NULL;
	NEXT(u);
}

/* ---- memory --------------------------------------------------------------------------------------------- */

const struct soft_uop *soft_miss_read(struct soft *s, const struct soft_uop *u)
{
	uint64_t la = s->miss_la, page = la & ~0xfffull;

	/* An entry that is there: the access crosses into the next page. */
	if (TLB_AT(la)->rd != page && soft_translate_try(s, la, SOFT_READ) &&
	    TLB_AT(la)->rd == page)
		NEXT(u);
	TAIL(soft_slow(s, u));
}

const struct soft_uop *soft_miss_write(struct soft *s, const struct soft_uop *u)
{
	uint64_t la = s->miss_la, page = la & ~0xfffull, gen = s->fgen;

	/* Filling for a write makes code in that page stale: then the operation takes over. */
	if (TLB_AT(la)->wr != page && soft_translate_try(s, la, SOFT_WRITE) &&
	    TLB_AT(la)->wr == page && s->fgen == gen)
		NEXT(u);
	TAIL(soft_slow(s, u));
}

/* The checks of mem.c's soft_linear() without its faults. */
uint64_t soft_ea_any(const struct soft *s, const struct soft_uop *u, unsigned size, bool write)
{
	const struct x86_seg *d = &s->seg[u->seg];
	uint64_t off = s->gpr[u->base] + (s->gpr[u->index] << u->scale) + (uint64_t)u->disp;
	bool code = d->attr & 8;

	off &= size_mask(u->asz);
	if (s->bits == 64)
		return off + (u->seg >= X86_FS ? d->base : 0);
	if (soft_prot(s) && !soft_v86(s) &&
	    (d->unusable || (write && (code || !(d->attr & 2))) || (code && !(d->attr & 2))))
		return SOFT_NO_EA;
	if ((!code && (d->attr & 4)) || off + size - 1 > d->limit)
		return SOFT_NO_EA;
	return (uint32_t)(d->base + off);
}
