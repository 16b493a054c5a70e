/* SPDX-License-Identifier: MIT */
/*
 * soft: handlers of near branches. A conditional one in the middle of a trace falls through to the next
 * uop; where a comparison or a decrement stands before it, both are one uop.
 */
#include "fast_alu.h"

#define EXITS(u) ((const struct soft_exits *)((u) + 1))
/*
 * Every branch has two handlers: (e) 1 is the one that counts edges. It exists in traces that are made
 * while somebody wants them counted, so that nobody else pays.
 */
#define COUNTS(u) ((const struct soft_counts *)((u) + 2))
#define COUNT(e, way)                                                                              \
	do {                                                                                       \
		if (e)                                                                             \
			++*COUNTS(u)->way;                                                         \
	} while (0)

static uint64_t uop_rip(const struct soft_uop *u)
{
	return soft_trace_of(u)->rip + u->off;
}

/* ---- JMP, Jcc -------------------------------------------------------------------------------------- */

#define DEF_JMP(e)                                                                                 \
	HANDLER(jmp_##e)                                                                           \
	{                                                                                          \
		COUNT(e, taken);                                                                   \
		GO(&EXITS(u)->taken, (uint64_t)u->disp, 1u);                                       \
	}
DEF_JMP(0)
DEF_JMP(1)
static const soft_handler jmp[2] = {jmp_0, jmp_1};

#define CC_EACH(X)                                                                                 \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define JUMP_IF(cond, count, e)                                                                    \
	do {                                                                                       \
		if (cond) {                                                                        \
			COUNT(e, taken);                                                           \
			GO(&EXITS(u)->taken, (uint64_t)u->disp, count);                            \
		}                                                                                  \
		COUNT(e, next);                                                                    \
		u += 2 + (e);                                                                      \
		NEXT(u);                                                                           \
	} while (0)

#define DEF_JCC(cc)                                                                                \
	HANDLER(jcc_##cc##_0)                                                                      \
	{                                                                                          \
		JUMP_IF(lazy_cond(s, cc), 1u, 0);                                                  \
	}                                                                                          \
	HANDLER(jcc_##cc##_1)                                                                      \
	{                                                                                          \
		JUMP_IF(lazy_cond(s, cc), 1u, 1);                                                  \
	}
CC_EACH(DEF_JCC)
#define JCC(cc) {jcc_##cc##_0, jcc_##cc##_1},
static const soft_handler jcc[16][2] = {CC_EACH(JCC)};

/* ---- a comparison and Jcc ---------------------------------------------------------------------------- */

/* The condition of a - b without its flags, where there is a shorter way. */
static inline __attribute__((always_inline)) bool sub_cond(const struct soft *s, uint64_t a,
							   uint64_t b, unsigned size, unsigned cc)
{
	int64_t sa = soft_sext(a, size), sb = soft_sext(b, size);

	/* Sign-extending both keeps the order of unsigned numbers too. */
	switch (cc) {
	case 2:
		return (uint64_t)sa < (uint64_t)sb;
	case 3:
		return (uint64_t)sa >= (uint64_t)sb;
	case 4:
		return sa == sb;
	case 5:
		return sa != sb;
	case 6:
		return (uint64_t)sa <= (uint64_t)sb;
	case 7:
		return (uint64_t)sa > (uint64_t)sb;
	case 12:
		return sa < sb;
	case 13:
		return sa >= sb;
	case 14:
		return sa <= sb;
	case 15:
		return sa > sb;
	default:
		return lazy_cond(s, cc);
	}
}

/* Of AND: CF and OF are 0. */
static inline __attribute__((always_inline)) bool and_cond(const struct soft *s, uint64_t r,
							   unsigned size, unsigned cc)
{
	int64_t v = soft_sext(r, size);

	switch (cc) {
	case 4:
	case 6:
		return !v;
	case 5:
	case 7:
		return v;
	case 8:
	case 12:
		return v < 0;
	case 9:
	case 13:
		return v >= 0;
	case 14:
		return v <= 0;
	case 15:
		return v > 0;
	default:
		return lazy_cond(s, cc);
	}
}

#define DEF_FUSED(size, cc, e)                                                                     \
	HANDLER(cmp_rr_##size##_##cc##_##e)                                                        \
	{                                                                                          \
		uint64_t a = reg_get(s, u->dst, size), b = reg_get(s, u->src, size);               \
                                                                                                   \
		alu(s, ALU_CMP, a, b, size, false);                                                \
		JUMP_IF(sub_cond(s, a, b, size, cc), 2u, e);                                       \
	}                                                                                          \
	HANDLER(cmp_ri_##size##_##cc##_##e)                                                        \
	{                                                                                          \
		uint64_t a = reg_get(s, u->dst, size), b = (uint64_t)u->imm;                       \
                                                                                                   \
		alu(s, ALU_CMP, a, b, size, false);                                                \
		JUMP_IF(sub_cond(s, a, b, size, cc), 2u, e);                                       \
	}                                                                                          \
	HANDLER(sub_ri_##size##_##cc##_##e)                                                        \
	{                                                                                          \
		uint64_t a = reg_get(s, u->dst, size), b = (uint64_t)u->imm;                       \
                                                                                                   \
		reg_put(s, u->dst, size, alu(s, ALU_SUB, a, b, size, false));                      \
		JUMP_IF(sub_cond(s, a, b, size, cc), 2u, e);                                       \
	}                                                                                          \
	HANDLER(sub_rr_##size##_##cc##_##e)                                                        \
	{                                                                                          \
		uint64_t a = reg_get(s, u->dst, size), b = reg_get(s, u->src, size);               \
                                                                                                   \
		reg_put(s, u->dst, size, alu(s, ALU_SUB, a, b, size, false));                      \
		JUMP_IF(sub_cond(s, a, b, size, cc), 2u, e);                                       \
	}                                                                                          \
	HANDLER(test_rr_##size##_##cc##_##e)                                                       \
	{                                                                                          \
		uint64_t r = reg_get(s, u->dst, size) & reg_get(s, u->src, size);                  \
                                                                                                   \
		set_logic(s, r, size);                                                             \
		JUMP_IF(and_cond(s, r, size, cc), 2u, e);                                          \
	}                                                                                          \
	HANDLER(test_ri_##size##_##cc##_##e)                                                       \
	{                                                                                          \
		uint64_t r = reg_get(s, u->dst, size) & (uint64_t)u->imm;                          \
                                                                                                   \
		set_logic(s, r, size);                                                             \
		JUMP_IF(and_cond(s, r, size, cc), 2u, e);                                          \
	}                                                                                          \
	HANDLER(dec_##size##_##cc##_##e)                                                           \
	{                                                                                          \
		uint64_t r = one(s, ONE_DEC, reg_get(s, u->dst, size), size, false);               \
                                                                                                   \
		reg_put(s, u->dst, size, r);                                                       \
		JUMP_IF((cc) == 4   ? !soft_sext(r, size)                                          \
			: (cc) == 5 ? soft_sext(r, size) != 0                                      \
				    : lazy_cond(s, cc),                                            \
			2u, e);                                                                    \
	}
#define DEF_FUSED_CC(cc)                                                                           \
	DEF_FUSED(1, cc, 0)                                                                        \
	DEF_FUSED(4, cc, 0)                                                                        \
	DEF_FUSED(8, cc, 0)                                                                        \
	DEF_FUSED(1, cc, 1)                                                                        \
	DEF_FUSED(4, cc, 1)                                                                        \
	DEF_FUSED(8, cc, 1)
CC_EACH(DEF_FUSED_CC)

enum { F_CMP_RR, F_CMP_RI, F_SUB_RI, F_SUB_RR, F_TEST_RR, F_TEST_RI, F_DEC, F_KINDS };
#define FUSED_ROW(size, cc, e)                                                                     \
	{                                                                                          \
		cmp_rr_##size##_##cc##_##e, cmp_ri_##size##_##cc##_##e,                            \
			sub_ri_##size##_##cc##_##e, sub_rr_##size##_##cc##_##e,                    \
			test_rr_##size##_##cc##_##e, test_ri_##size##_##cc##_##e,                  \
			dec_##size##_##cc##_##e                                                    \
	}
#define FUSED_ROWS(cc, e)                                                                          \
	{                                                                                          \
		FUSED_ROW(1, cc, e), FUSED_ROW(4, cc, e), FUSED_ROW(8, cc, e)                      \
	}
#define FUSED_CC(cc) {FUSED_ROWS(cc, 0), FUSED_ROWS(cc, 1)},
static const soft_handler fused[16][2][3][F_KINDS] = {CC_EACH(FUSED_CC)};

/* The kind of a uop that a Jcc may join, and its size's place in the table; -1: none. */
static int fusible(const struct soft_pick *p, unsigned *size)
{
	const struct insn *i = p->before;
	const struct insn_operand *a, *b;
	bool imm;

	if (!i || !p->prev)
		return -1;
	a = &i->o[0];
	b = &i->o[1];
	if (!soft_is_gpr(a) || a->size == 2)
		return -1;
	*size = a->size == 1 ? 0 : a->size == 4 ? 1 : 2;
	if (i->op == INSN_DEC)
		return F_DEC;
	imm = b->kind == INSN_IMM;
	if (!imm && !soft_is_gpr(b))
		return -1;
	switch (i->op) {
	case INSN_CMP:
		return imm ? F_CMP_RI : F_CMP_RR;
	case INSN_TEST:
		return imm ? F_TEST_RI : F_TEST_RR;
	case INSN_SUB:
		return imm ? F_SUB_RI : F_SUB_RR;
	default:
		return -1;
	}
}

/* Where a relative branch goes; false: to a fault, which its operation raises. */
static bool target(const struct soft_pick *p, uint64_t *to)
{
	uint64_t next = p->rip + p->i->len;

	*to = next + (uint64_t)p->i->o[0].disp;
	if (p->bits == 64)
		return soft_canonical(*to);
	*to &= size_mask(p->i->opsize);
	return *to <= p->cs_limit;
}

static bool pick_jcc(struct soft_pick *p)
{
	unsigned cc = p->i->opcode & 15, size;
	uint64_t to;
	int kind = fusible(p, &size);

	if (!target(p, &to))
		return false;
	p->two = true;
	p->to = to;
	if (kind >= 0) {
		p->prev->h = fused[cc][p->edges][size][kind];
		p->prev->disp = (int64_t)to;
		p->prev->len += p->i->len;
		p->fused = true;
		return true;
	}
	p->u->h = jcc[cc][p->edges];
	p->u->disp = (int64_t)to;
	return true;
}

/* ---- CALL, RET and indirect ones, of 64-bit code ------------------------------------------------------ */

/* Go to (rip_), which is canonical; only now is it known which edge that is. */
#define GO_INDIRECT(rip_, e)                                                                       \
	do {                                                                                       \
		s->icount += u->n + 1u;                                                            \
		s->rip = (rip_);                                                                   \
		if (e)                                                                             \
			++*soft_edge(s->edges, uop_rip(u), s->rip);                                \
		TAIL(soft_indirect(s, u));                                                         \
	} while (0)

#define DEF_CALLS(e)                                                                               \
	HANDLER(call_##e)                                                                          \
	{                                                                                          \
		uint64_t la = s->gpr[X86_RSP] - 8;                                                 \
                                                                                                   \
		MEM_WRITE(p, la, 8);                                                               \
		st_le64(p, uop_rip(u) + u->len);                                                   \
		s->gpr[X86_RSP] = la;                                                              \
		COUNT(e, taken);                                                                   \
		GO(&EXITS(u)->taken, (uint64_t)u->disp, 1u);                                       \
	}                                                                                          \
	HANDLER(call_r_##e)                                                                        \
	{                                                                                          \
		uint64_t la = s->gpr[X86_RSP] - 8, to = s->gpr[u->src];                            \
                                                                                                   \
		MEM_WRITE(p, la, 8);                                                               \
		if (unlikely(!soft_canonical(to)))                                                 \
			TAIL(soft_slow(s, u));                                                     \
		st_le64(p, uop_rip(u) + u->len);                                                   \
		s->gpr[X86_RSP] = la;                                                              \
		GO_INDIRECT(to, e);                                                                \
	}                                                                                          \
	HANDLER(jmp_r_##e)                                                                         \
	{                                                                                          \
		uint64_t to = s->gpr[u->src];                                                      \
                                                                                                   \
		if (unlikely(!soft_canonical(to)))                                                 \
			TAIL(soft_slow(s, u));                                                     \
		GO_INDIRECT(to, e);                                                                \
	}                                                                                          \
	HANDLER(ret_##e)                                                                           \
	{                                                                                          \
		uint64_t la = s->gpr[X86_RSP], to;                                                 \
                                                                                                   \
		MEM_READ(p, la, 8);                                                                \
		to = ld_le64(p);                                                                   \
		if (unlikely(!soft_canonical(to)))                                                 \
			TAIL(soft_slow(s, u));                                                     \
		s->gpr[X86_RSP] = la + 8 + (uint64_t)u->imm;                                       \
		GO_INDIRECT(to, e);                                                                \
	}
DEF_CALLS(0)
DEF_CALLS(1)
static const soft_handler call[] = {call_0, call_1}, call_r[] = {call_r_0, call_r_1};
static const soft_handler jmp_r[] = {jmp_r_0, jmp_r_1}, ret[] = {ret_0, ret_1};

#define DEF_JMP_M(form, e)                                                                         \
	HANDLER(jmp_m_##form##_##e)                                                                \
	{                                                                                          \
		uint64_t la = uop_ea(s, u, form, 8, false), to;                                    \
                                                                                                   \
		MEM_READ(p, la, 8);                                                                \
		to = ld_le64(p);                                                                   \
		if (unlikely(!soft_canonical(to)))                                                 \
			TAIL(soft_slow(s, u));                                                     \
		GO_INDIRECT(to, e);                                                                \
	}
DEF_JMP_M(EA_BASE, 0)
DEF_JMP_M(EA_INDEX, 0)
DEF_JMP_M(EA_ANY, 0)
DEF_JMP_M(EA_BASE, 1)
DEF_JMP_M(EA_INDEX, 1)
DEF_JMP_M(EA_ANY, 1)
static const soft_handler jmp_m[][2] = {{jmp_m_EA_BASE_0, jmp_m_EA_BASE_1},
					{jmp_m_EA_INDEX_0, jmp_m_EA_INDEX_1},
					{jmp_m_EA_ANY_0, jmp_m_EA_ANY_1}};

static bool pick_ret(struct soft_pick *p)
{
	/* C2 and C3 alone are near. */
	if (p->bits != 64 || (p->i->opcode != 0xc3 && p->i->opcode != 0xc2))
		return false;
	p->u->imm = p->i->nr ? (uint16_t)p->i->o[0].disp : 0;
	p->u->h = ret[p->edges];
	p->ends = true;
	return true;
}

static bool pick_jmp_call(struct soft_pick *p)
{
	const struct insn_operand *o = &p->i->o[0];
	bool is_call = p->i->op == INSN_CALL;
	uint64_t to;

	if (p->i->flags & INSN_F_REL) {
		if ((is_call && p->bits != 64) || !target(p, &to))
			return false;
		p->u->disp = (int64_t)to;
		p->to = to;
		p->u->h = is_call ? call[p->edges] : jmp[p->edges];
		p->two = p->ends = true;
		return true;
	}
	/* FF /2 and FF /4 are near. */
	if (p->bits != 64 || p->i->opcode != 0xff || (p->i->modrm >> 3 & 7) > 4 ||
	    (p->i->modrm >> 3 & 7) == 3)
		return false;
	p->ends = true;
	if (soft_is_gpr(o)) {
		p->u->src = o->num;
		p->u->h = is_call ? call_r[p->edges] : jmp_r[p->edges];
		return o->size == 8;
	}
	if (o->kind != INSN_MEM || is_call || o->size != 8)
		return p->ends = false;
	p->u->h = jmp_m[soft_pick_mem(p, o)][p->edges];
	return true;
}

bool soft_pick_branch(struct soft_pick *p)
{
	p->opaque = true;
	switch (p->i->op) {
	case INSN_JMP:
	case INSN_CALL:
		return pick_jmp_call(p);
	case INSN_RET:
		return pick_ret(p);
	case INSN_JB:
	case INSN_JBE:
	case INSN_JL:
	case INSN_JLE:
	case INSN_JNB:
	case INSN_JNBE:
	case INSN_JNL:
	case INSN_JNLE:
	case INSN_JNO:
	case INSN_JNP:
	case INSN_JNS:
	case INSN_JNZ:
	case INSN_JO:
	case INSN_JP:
	case INSN_JS:
	case INSN_JZ:
		return pick_jcc(p);
	default:
		return false;
	}
}
