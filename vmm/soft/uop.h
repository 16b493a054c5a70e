/* SPDX-License-Identifier: MIT */
/*
 * soft: the fast path's inside: traces of uops.
 *
 * A trace is a run of decoded instructions within one physical page, up to a branch that always
 * leaves it, made for one mode (code size, stack width, user or not, CS). Each instruction is a uop: a
 * handler that was chosen by operand form and size, and its operands. While a trace runs
 * - s->icount is the count at the trace's start: an instruction's own is that plus u->n;
 * - s->rip is stale: an instruction's own is the trace's plus u->off;
 * - the arithmetic flags are in s->lazy.
 * A handler runs to its end or changes nothing and tail-calls soft_slow(), which puts all of that in
 * order and runs the whole instruction by its operation: faults, devices, page crossings, writes to
 * code are seen by the operations alone. So a handler never calls anything that may longjmp.
 */
#ifndef SOFT_UOP_H
#define SOFT_UOP_H

#include "fast.h"
#include "flags.h"
#include "tlb.h"

/*
 * How handlers follow each other: by tail calls, or by returning to a loop. clang keeps the promise
 * of musttail in every build; gcc makes sibling calls where it optimises, unless it counts coverage:
 * -DSOFT_DISPATCH=1 (tail) or 0 (loop) decides, else only clang has tail calls.
 */
#ifndef SOFT_DISPATCH
#ifdef __clang__
#define SOFT_DISPATCH 1
#else
#define SOFT_DISPATCH 0
#endif
#endif
#if SOFT_DISPATCH && defined(__clang__)
#define TAIL(call) __attribute__((musttail)) return call
#else
#define TAIL(call) return call
#endif
#if SOFT_DISPATCH
#define NEXT(u_) TAIL((u_)->h(s, (u_)))
#else
#define NEXT(u_) return (u_)
#endif

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

struct soft_uop;
/* NULL: the run loop has to look. */
typedef const struct soft_uop *(*soft_handler)(struct soft *s, const struct soft_uop *u);

/* A register number that reads as 0: bases and indexes that are not there. */
#define SOFT_ZERO 16

struct soft_uop {
	soft_handler h;
	uint8_t dst, src;    /* general registers */
	uint8_t base, index; /* likewise, or SOFT_ZERO */
	uint8_t scale;	     /* shift of the index */
	uint8_t seg;	     /* for what is not flat */
	uint8_t n;	     /* instructions before this one in its trace */
	uint8_t idx;	     /* its own place among the uops */
	uint16_t off;	     /* bytes from the trace's start */
	uint8_t len;	     /* of the instruction (two, where a branch is fused in: both) */
	uint8_t asz;	     /* address size in bytes */
	int32_t imm;
	union {
		int64_t disp; /* displacement; RIP and absolute addresses are folded in */
		uint64_t imm64;
		const struct insn *insn; /* of a generic uop */
	};
};

/* Behind a branch: where it goes. The key says whether (to) still holds. */
struct soft_link {
	const struct soft_uop *to;
	uint64_t key;
};
struct soft_exits {
	struct soft_link taken, next;
};
_Static_assert(sizeof(struct soft_exits) == sizeof(struct soft_uop), "exits take a uop's place");
/* Behind those of a branch whose edges are counted: where. */
struct soft_counts {
	uint64_t *taken, *next;
	uint64_t pad[2];
};
_Static_assert(sizeof(struct soft_counts) == sizeof(struct soft_uop), "counts take a uop's place");

#define SOFT_TRACE_MAX 64 /* instructions in one */

struct soft_trace {
	struct soft_trace *hash_next, *page_next;
	uint64_t gpa, rip;
	uint64_t cs_base;
	uint32_t cs_limit;
	uint32_t mode;
	uint16_t n, bytes; /* instructions; bytes of code */
	uint32_t size;	   /* of all this */
	struct soft_uop u[];
};

static inline const struct soft_trace *soft_trace_of(const struct soft_uop *u)
{
	return (const struct soft_trace *)((const char *)(u - u->idx) -
					   offsetof(struct soft_trace, u));
}

/* ---- the run loop's (trace.c) ---------------------------------------------------------------- */

/* Run this instruction by its operation, whatever it needs. */
const struct soft_uop *soft_slow(struct soft *s, const struct soft_uop *u);
/* The same for an instruction that has no handler: it is kept decoded. */
const struct soft_uop *soft_generic(struct soft *s, const struct soft_uop *u);
/* A TLB miss at s->miss_la: fill and try the handler again, or soft_slow(). */
const struct soft_uop *soft_miss_read(struct soft *s, const struct soft_uop *u);
const struct soft_uop *soft_miss_write(struct soft *s, const struct soft_uop *u);
/* The link s->link does not hold: s->icount counts the branch, s->rip is the target. */
const struct soft_uop *soft_relink(struct soft *s, const struct soft_uop *u);
/* Go to s->rip, which no link leads to; s->icount is right. */
const struct soft_uop *soft_indirect(struct soft *s, const struct soft_uop *u);
/* The end of a trace that is no branch. */
const struct soft_uop *soft_trace_end(struct soft *s, const struct soft_uop *u);

/*
 * Choosing a handler: each of these fills in u->h and operands and returns true if it has one for (i);
 * else the instruction is left to its operation.
 */
struct soft_pick {
	const struct insn *i;
	uint64_t rip; /* of the instruction */
	uint64_t cs_limit;
	uint8_t bits; /* of the code */
	struct soft_uop *u;
	struct soft_uop *prev; /* the uop of the instruction before, if it has a handler; or NULL */
	const struct insn *before; /* that instruction */
	bool edges;		   /* they are counted here: the handler that does */
	bool two;		   /* out: struct soft_exits follows; then, if edges, soft_counts */
	uint64_t to;		   /* out, with two: the target */
	bool ends;		   /* out: nothing follows in this trace */
	bool fused;		   /* out: it became part of prev */
	bool opaque;		   /* out: it may leave the trace, or looks at the flags */
	bool sets_flags;	   /* out: all six */
	soft_handler no_flags;	   /* out: the same without flags */
};
bool soft_pick_alu(struct soft_pick *p);
bool soft_pick_mov(struct soft_pick *p);
bool soft_pick_shift(struct soft_pick *p);
bool soft_pick_branch(struct soft_pick *p);
bool soft_pick_string(struct soft_pick *p);

/* A memory operand into u: which EA form it takes; -1: none. */
int soft_pick_mem(struct soft_pick *p, const struct insn_operand *o);
/* 0 to 3 for sizes 1, 2, 4, 8. */
static inline unsigned soft_size_index(unsigned size)
{
	return (unsigned)__builtin_ctz(size);
}
/* A general register whose low (size) bytes are it. */
static inline bool soft_is_gpr(const struct insn_operand *o)
{
	return o->kind == INSN_REG && o->cls == INSN_GPR;
}

/* ---- flags: result and carries --------------------------------------------------------------- */
/*
 * ZF: result is 0. SF: its top bit, turned over by aux bit 0. PF: parity of its low byte, turned over
 * by aux bit 1. CF: aux bit 63. OF: bits 63 and 62 differ. AF: bit 3. The two that turn over are for
 * flags that no result has, as POPF may load them. Other bits of aux mean nothing.
 */
#define AUX_SF 1ull
#define AUX_PF 2ull
#define AUX_AF 8ull

static inline bool lazy_cf(const struct soft *s)
{
	return s->lazy.aux >> 63;
}
static inline bool lazy_zf(const struct soft *s)
{
	return !s->lazy.result;
}
static inline bool lazy_of(const struct soft *s)
{
	return (s->lazy.aux ^ s->lazy.aux << 1) >> 63;
}
static inline bool lazy_sf(const struct soft *s)
{
	return (s->lazy.result ^ s->lazy.aux << 63) >> 63;
}
static inline bool lazy_pf(const struct soft *s)
{
	return !(__builtin_parity(s->lazy.result & 0xff) ^ (s->lazy.aux >> 1 & 1));
}
static inline bool lazy_af(const struct soft *s)
{
	return s->lazy.aux & AUX_AF;
}

/* Condition (cc) as in Jcc's opcode; (cc) is constant where this is used. */
static inline __attribute__((always_inline)) bool lazy_cond(const struct soft *s, unsigned cc)
{
	bool r;

	switch (cc >> 1) {
	case 0:
		r = lazy_of(s);
		break;
	case 1:
		r = lazy_cf(s);
		break;
	case 2:
		r = lazy_zf(s);
		break;
	case 3:
		r = (unsigned)lazy_cf(s) | lazy_zf(s);
		break;
	case 4:
		r = lazy_sf(s);
		break;
	case 5:
		r = lazy_pf(s);
		break;
	case 6:
		r = lazy_sf(s) ^ lazy_of(s);
		break;
	default:
		r = (unsigned)(lazy_sf(s) ^ lazy_of(s)) | lazy_zf(s);
		break;
	}
	return r ^ (cc & 1);
}

static inline void lazy_set(struct soft *s, int64_t result, bool cf, bool of, bool af)
{
	s->lazy.result = (uint64_t)result;
	s->lazy.aux = (cf ? 1ull << 63 : 0) | (cf != of ? 1ull << 62 : 0) | (af ? AUX_AF : 0);
}

/* Into lazy, and back into s->rflags. */
void soft_flags_load(struct soft *s);

/* ---- registers ------------------------------------------------------------------------------------ */

static inline __attribute__((always_inline)) uint64_t reg_get(const struct soft *s, unsigned r,
							      unsigned size)
{
	switch (size) {
	case 1:
		return (uint8_t)s->gpr[r];
	case 2:
		return (uint16_t)s->gpr[r];
	case 4:
		return (uint32_t)s->gpr[r];
	default:
		return s->gpr[r];
	}
}

static inline __attribute__((always_inline)) void reg_put(struct soft *s, unsigned r, unsigned size,
							  uint64_t v)
{
	switch (size) {
	case 1:
		s->gpr[r] = (s->gpr[r] & ~0xffull) | (uint8_t)v;
		break;
	case 2:
		s->gpr[r] = (s->gpr[r] & ~0xffffull) | (uint16_t)v;
		break;
	case 4:
		s->gpr[r] = (uint32_t)v;
		break;
	default:
		s->gpr[r] = v;
		break;
	}
}

/* ---- memory ----------------------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) uint64_t host_get(const uint8_t *p, unsigned size)
{
	switch (size) {
	case 1:
		return *p;
	case 2:
		return ld_le16(p);
	case 4:
		return ld_le32(p);
	default:
		return ld_le64(p);
	}
}

static inline __attribute__((always_inline)) void host_put(uint8_t *p, unsigned size, uint64_t v)
{
	switch (size) {
	case 1:
		*p = (uint8_t)v;
		break;
	case 2:
		st_le16(p, (uint16_t)v);
		break;
	case 4:
		st_le32(p, (uint32_t)v);
		break;
	default:
		st_le64(p, v);
		break;
	}
}

/* Forms of an address: base + disp; with an index; any (segment base, smaller address sizes). */
enum { EA_BASE, EA_INDEX, EA_ANY };

/* The linear address by segmentation's rules; SOFT_NO_EA, which no TLB has: it faults. */
#define SOFT_NO_EA (1ull << 63)
uint64_t soft_ea_any(const struct soft *s, const struct soft_uop *u, unsigned size, bool write);

static inline __attribute__((always_inline)) uint64_t uop_ea(const struct soft *s,
							     const struct soft_uop *u,
							     unsigned form, unsigned size,
							     bool write)
{
	if (form == EA_BASE)
		return s->gpr[u->base] + (uint64_t)u->disp;
	if (form == EA_INDEX)
		return s->gpr[u->base] + (s->gpr[u->index] << u->scale) + (uint64_t)u->disp;
	return soft_ea_any(s, u, size, write);
}

/*
 * A pointer (p) to (size) bytes at (la), or on to the miss. The tag is that of the last byte's page: an
 * access across pages never matches.
 */
#define TLB_AT(la_)	   (&s->tlbp[(la_) >> 12 & (SOFT_TLB - 1)])
#define TLB_TAG(la_, size) (((la_) + (size)-1) & ~0xfffull)
/* NOLINTBEGIN(bugprone-macro-parentheses): (p) is a name that is declared */
#define MEM_READ(p, la_, size)                                                                     \
	const struct soft_tlb_entry *e_##p = TLB_AT(la_);                                          \
	if (unlikely(e_##p->rd != TLB_TAG(la_, size))) {                                           \
		s->miss_la = (la_);                                                                \
		TAIL(soft_miss_read(s, u));                                                        \
	}                                                                                          \
	const uint8_t *p = (const uint8_t *)(uintptr_t)((la_) + e_##p->addend)
#define MEM_WRITE(p, la_, size)                                                                    \
	const struct soft_tlb_entry *e_##p = TLB_AT(la_);                                          \
	if (unlikely(e_##p->wr != TLB_TAG(la_, size))) {                                           \
		s->miss_la = (la_);                                                                \
		TAIL(soft_miss_write(s, u));                                                       \
	}                                                                                          \
	uint8_t *p = (uint8_t *)(uintptr_t)((la_) + e_##p->addend)
/* NOLINTEND(bugprone-macro-parentheses) */

/* ---- going on --------------------------------------------------------------------------------------- */

#define HANDLER(name)                                                                              \
	static const struct soft_uop *name(__attribute__((unused)) struct soft *s,                 \
					   const struct soft_uop *u)

//* As is after (count) instructions, take link (l_), to (rip_) when the link does not hold. */
#define GO(l_, rip_, count)                                                                        \
	do {                                                                                       \
		const struct soft_link *go_ = (l_);                                                \
                                                                                                   \
		s->icount += u->n + (count);                                                       \
		if (likely(go_->key == s->fkey && s->icount < s->deadline))                        \
			NEXT(go_->to);                                                             \
		s->rip = (rip_);                                                                   \
		s->link = (struct soft_link *)go_;                                                 \
		TAIL(soft_relink(s, u));                                                           \
	} while (0)

#endif
