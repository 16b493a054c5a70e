/* SPDX-License-Identifier: MIT */
/*
 * soft: handlers of shifts and rotates of registers, multiplication and division. Their undefined
 * flags follow ops_shift.c and ops_muldiv.c.
 */
#include "uop.h"

/* ---- shifts ------------------------------------------------------------------------------------ */

#define SHIFT_EACH(X)  X(SHL) X(SHR) X(SAR) X(ROL) X(ROR)
#define SHIFT_ENUM(op) SHIFT_##op,
enum { SHIFT_EACH(SHIFT_ENUM) SHIFT_OPS };

/* CF and OF alone. */
static inline void set_rotate(struct soft *s, bool cf, bool of)
{
	s->lazy.aux =
		(s->lazy.aux & ~(3ull << 62)) | (uint64_t)cf << 63 | (uint64_t)(cf ^ of) << 62;
}

/* By 1 to 63 (31); (a) has nothing above its size. */
static inline __attribute__((always_inline)) uint64_t shift(struct soft *s, unsigned op, uint64_t a,
							    unsigned n, unsigned size,
							    bool no_flags, bool imm)
{
	unsigned bits = 8 * size, count = n;
	uint64_t r;
	bool cf, of, top = a >> (bits - 1) & 1, second = a >> (bits - 2) & 1;

	switch (op) {
	case SHIFT_SHL:
		r = a << n;
		cf = size == 8 ? a >> (64 - n) & 1 : r >> (bits & 63) & 1;
		break;
	case SHIFT_SHR:
		r = a >> n;
		cf = a >> (n - 1) & 1;
		break;
	case SHIFT_SAR:
		r = (uint64_t)(soft_sext(a, size) >> n);
		cf = soft_sext(a, size) >> (n - 1) & 1;
		break;
	case SHIFT_ROL:
		n %= bits;
		r = n ? a << n | a >> (bits - n) : a;
		cf = r & 1;
		break;
	default:
		n %= bits;
		r = n ? a >> n | a << (bits - n) : a;
		cf = r >> (bits - 1) & 1;
		break;
	}
	if (no_flags)
		return r;
	/* OF is that of the first bit; a rotate by an immediate other than 1 leaves it. */
	switch (op) {
	case SHIFT_SHL:
		lazy_set(s, soft_sext(r, size), cf, top ^ second, false);
		break;
	case SHIFT_SHR:
		lazy_set(s, soft_sext(r, size), cf, top, false);
		break;
	case SHIFT_SAR:
		lazy_set(s, soft_sext(r, size), cf, false, false);
		break;
	default:
		if (imm && count != 1)
			of = (s->lazy.aux >> 63 ^ s->lazy.aux >> 62) & 1;
		else
			of = top ^ (op == SHIFT_ROL ? second : a & 1);
		set_rotate(s, cf, of);
		break;
	}
	return r;
}

#define DEF_SHIFT(op, size)                                                                        \
	DEF_SHIFT_I(op, size, 0)                                                                   \
	DEF_SHIFT_I(op, size, 1)                                                                   \
	HANDLER(rc_##op##_##size)                                                                  \
	{                                                                                          \
		unsigned n = (unsigned)s->gpr[X86_RCX] & ((size) == 8 ? 63 : 31);                  \
		uint64_t a = reg_get(s, u->dst, size);                                             \
                                                                                                   \
		reg_put(s, u->dst, size, n ? shift(s, SHIFT_##op, a, n, size, false, false) : a);  \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}
#define DEF_SHIFT_I(op, size, nf)                                                                  \
	HANDLER(ri_##op##_##size##_##nf)                                                           \
	{                                                                                          \
		uint64_t a = reg_get(s, u->dst, size);                                             \
                                                                                                   \
		reg_put(s, u->dst, size,                                                           \
			shift(s, SHIFT_##op, a, (unsigned)u->imm, size, nf, true));                \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}
#define DEF_SHIFT_OP(op) DEF_SHIFT(op, 1) DEF_SHIFT(op, 2) DEF_SHIFT(op, 4) DEF_SHIFT(op, 8)
SHIFT_EACH(DEF_SHIFT_OP)

#define SHIFT_ROW(op, size)                                                                        \
	{                                                                                          \
		ri_##op##_##size##_0, ri_##op##_##size##_1, rc_##op##_##size                       \
	}
#define SHIFT_ROWS(op)                                                                             \
	[SHIFT_##op] = {SHIFT_ROW(op, 1), SHIFT_ROW(op, 2), SHIFT_ROW(op, 4), SHIFT_ROW(op, 8)},
static const soft_handler shifts[SHIFT_OPS][4][3] = {SHIFT_EACH(SHIFT_ROWS)};

static bool pick_shift(struct soft_pick *p, unsigned op)
{
	const struct insn_operand *a = &p->i->o[0], *b = &p->i->o[1];
	const soft_handler *row = shifts[op][soft_size_index(a->size ? a->size : 1)];
	unsigned n = (unsigned)b->disp & (a->size == 8 ? 63 : 31);

	if (!soft_is_gpr(a))
		return false;
	p->u->dst = a->num;
	if (b->kind != INSN_IMM) {
		/* CL: a count of 0 leaves the flags, so it looks at them. */
		p->u->h = row[2];
		return true;
	}
	if (!n)
		return false;
	p->u->imm = (int32_t)n;
	p->u->h = row[0];
	p->no_flags = row[1];
	p->opaque = op == SHIFT_ROL || op == SHIFT_ROR;
	p->sets_flags = !p->opaque;
	return true;
}

/* ---- multiplication ------------------------------------------------------------------------------ */

/* ZF is always clear: 100h is not 0 and has the same SF and PF. */
static inline void flags_mul(struct soft *s, int64_t low, bool over)
{
	lazy_set(s, low ? low : 0x100, over, over, false);
}

static inline __attribute__((always_inline)) uint64_t imul(struct soft *s, int64_t a, int64_t b,
							   unsigned size)
{
	int64_t r;
	bool over;

	if (size == 8) {
		over = __builtin_mul_overflow(a, b, &r);
	} else {
		r = a * b;
		over = r != soft_sext((uint64_t)r, size);
	}
	flags_mul(s, soft_sext((uint64_t)r, size), over);
	return (uint64_t)r;
}

#define DEF_IMUL(size)                                                                             \
	HANDLER(imul_rr_##size)                                                                    \
	{                                                                                          \
		reg_put(s, u->dst, size,                                                           \
			imul(s, soft_sext(s->gpr[u->dst], size), soft_sext(s->gpr[u->src], size),  \
			     size));                                                               \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}                                                                                          \
	HANDLER(imul_rri_##size)                                                                   \
	{                                                                                          \
		reg_put(s, u->dst, size, imul(s, soft_sext(s->gpr[u->src], size), u->imm, size));  \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}                                                                                          \
	DEF_IMUL_M(size, EA_BASE)                                                                  \
	DEF_IMUL_M(size, EA_INDEX)                                                                 \
	DEF_IMUL_M(size, EA_ANY)
#define DEF_IMUL_M(size, form)                                                                     \
	HANDLER(imul_rm_##size##_##form)                                                           \
	{                                                                                          \
		uint64_t la = uop_ea(s, u, form, size, false);                                     \
                                                                                                   \
		MEM_READ(p, la, size);                                                             \
		reg_put(s, u->dst, size,                                                           \
			imul(s, soft_sext(s->gpr[u->dst], size),                                   \
			     soft_sext(host_get(p, size), size), size));                           \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}
DEF_IMUL(4)
DEF_IMUL(8)

HANDLER(mul_4)
{
	uint64_t r = (uint64_t)(uint32_t)s->gpr[X86_RAX] * (uint32_t)s->gpr[u->dst];
	bool over = r >> 32;

	s->gpr[X86_RAX] = (uint32_t)r;
	s->gpr[X86_RDX] = r >> 32;
	flags_mul(s, (int32_t)r, over);
	u++;
	NEXT(u);
}

HANDLER(mul_8)
{
	unsigned __int128 r = (unsigned __int128)s->gpr[X86_RAX] * s->gpr[u->dst];
	bool over = r >> 64;

	s->gpr[X86_RAX] = (uint64_t)r;
	s->gpr[X86_RDX] = (uint64_t)(r >> 64);
	flags_mul(s, (int64_t)r, over);
	u++;
	NEXT(u);
}

/* What does not fit or divides by 0 is the operation's. */
HANDLER(div_4)
{
	uint64_t a = s->gpr[X86_RDX] << 32 | (uint32_t)s->gpr[X86_RAX];
	uint32_t b = (uint32_t)s->gpr[u->dst];

	if (unlikely((uint32_t)s->gpr[X86_RDX] >= b))
		TAIL(soft_slow(s, u));
	s->gpr[X86_RAX] = (uint32_t)(a / b);
	s->gpr[X86_RDX] = (uint32_t)(a % b);
	u++;
	NEXT(u);
}

HANDLER(div_8)
{
	uint64_t a = s->gpr[X86_RAX], b = s->gpr[u->dst];

	if (unlikely(s->gpr[X86_RDX] || !b))
		TAIL(soft_slow(s, u));
	s->gpr[X86_RAX] = a / b;
	s->gpr[X86_RDX] = a % b;
	u++;
	NEXT(u);
}

static const soft_handler imul_rm[2][3] = {
	{imul_rm_4_EA_BASE, imul_rm_4_EA_INDEX, imul_rm_4_EA_ANY},
	{imul_rm_8_EA_BASE, imul_rm_8_EA_INDEX, imul_rm_8_EA_ANY},
};

static bool pick_imul(struct soft_pick *p)
{
	const struct insn_operand *a = &p->i->o[0], *b = &p->i->o[1];
	bool big = a->size == 8;

	if (p->i->nr < 2 || a->size < 4)
		return false;
	p->u->dst = a->num;
	p->u->src = b->num;
	if (p->i->nr == 3) {
		p->u->imm = (int32_t)p->i->o[2].disp;
		p->u->h = big ? imul_rri_8 : imul_rri_4;
	} else if (soft_is_gpr(b)) {
		p->u->h = big ? imul_rr_8 : imul_rr_4;
	} else {
		p->u->h = imul_rm[big][soft_pick_mem(p, b)];
		return true;
	}
	if (!soft_is_gpr(b))
		return false;
	p->opaque = false;
	p->sets_flags = true;
	return true;
}

static bool pick_wide(struct soft_pick *p, soft_handler four, soft_handler eight)
{
	const struct insn_operand *a = &p->i->o[0];

	if (!soft_is_gpr(a) || a->size < 4)
		return false;
	p->u->dst = a->num;
	p->u->h = a->size == 8 ? eight : four;
	return true;
}

bool soft_pick_shift(struct soft_pick *p)
{
	p->opaque = true;
	switch (p->i->op) {
	case INSN_SHL:
		return pick_shift(p, SHIFT_SHL);
	case INSN_SHR:
		return pick_shift(p, SHIFT_SHR);
	case INSN_SAR:
		return pick_shift(p, SHIFT_SAR);
	case INSN_ROL:
		return pick_shift(p, SHIFT_ROL);
	case INSN_ROR:
		return pick_shift(p, SHIFT_ROR);
	case INSN_IMUL:
		return pick_imul(p);
	case INSN_MUL:
		return pick_wide(p, mul_4, mul_8);
	case INSN_DIV:
		return pick_wide(p, div_4, div_8);
	default:
		return false;
	}
}
