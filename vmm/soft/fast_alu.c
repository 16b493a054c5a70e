/* SPDX-License-Identifier: MIT */
/*
 * soft: handlers of ADD OR ADC SBB AND SUB XOR CMP TEST, INC DEC NEG NOT: by operand form, size, and
 * for registers with a twin that makes no flags.
 */
#include "fast_alu.h"

/* ---- two operands -------------------------------------------------------------------------------- */

#define STORES(op) ((op) != ALU_CMP && (op) != ALU_TEST)

#define DEF_REG(op, size, nf)                                                                      \
	HANDLER(rr_##op##_##size##_##nf)                                                           \
	{                                                                                          \
		uint64_t r = alu(s, ALU_##op, reg_get(s, u->dst, size), reg_get(s, u->src, size),  \
				 size, nf);                                                        \
                                                                                                   \
		if (STORES(ALU_##op))                                                              \
			reg_put(s, u->dst, size, r);                                               \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}                                                                                          \
	HANDLER(ri_##op##_##size##_##nf)                                                           \
	{                                                                                          \
		uint64_t r =                                                                       \
			alu(s, ALU_##op, reg_get(s, u->dst, size), (uint64_t)u->imm, size, nf);    \
                                                                                                   \
		if (STORES(ALU_##op))                                                              \
			reg_put(s, u->dst, size, r);                                               \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}

#define DEF_MEM(op, size, form)                                                                    \
	HANDLER(rm_##op##_##size##_##form)                                                         \
	{                                                                                          \
		uint64_t la = uop_ea(s, u, form, size, false), r;                                  \
                                                                                                   \
		MEM_READ(p, la, size);                                                             \
		r = alu(s, ALU_##op, reg_get(s, u->dst, size), host_get(p, size), size, 0);        \
		if (STORES(ALU_##op))                                                              \
			reg_put(s, u->dst, size, r);                                               \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}                                                                                          \
	HANDLER(mr_##op##_##size##_##form)                                                         \
	{                                                                                          \
		uint64_t la = uop_ea(s, u, form, size, STORES(ALU_##op));                          \
                                                                                                   \
		if (STORES(ALU_##op)) {                                                            \
			MEM_WRITE(p, la, size);                                                    \
			host_put(p, size,                                                          \
				 alu(s, ALU_##op, host_get(p, size), reg_get(s, u->src, size),     \
				     size, 0));                                                    \
		} else {                                                                           \
			MEM_READ(p, la, size);                                                     \
			alu(s, ALU_##op, host_get(p, size), reg_get(s, u->src, size), size, 0);    \
		}                                                                                  \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}                                                                                          \
	HANDLER(mi_##op##_##size##_##form)                                                         \
	{                                                                                          \
		uint64_t la = uop_ea(s, u, form, size, STORES(ALU_##op));                          \
                                                                                                   \
		if (STORES(ALU_##op)) {                                                            \
			MEM_WRITE(p, la, size);                                                    \
			host_put(p, size,                                                          \
				 alu(s, ALU_##op, host_get(p, size), (uint64_t)u->imm, size, 0));  \
		} else {                                                                           \
			MEM_READ(p, la, size);                                                     \
			alu(s, ALU_##op, host_get(p, size), (uint64_t)u->imm, size, 0);            \
		}                                                                                  \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}

#define DEF_SIZE(op, size)                                                                         \
	DEF_REG(op, size, 0)                                                                       \
	DEF_REG(op, size, 1)                                                                       \
	DEF_MEM(op, size, EA_BASE)                                                                 \
	DEF_MEM(op, size, EA_INDEX)                                                                \
	DEF_MEM(op, size, EA_ANY)
#define DEF_OP(op) DEF_SIZE(op, 1) DEF_SIZE(op, 2) DEF_SIZE(op, 4) DEF_SIZE(op, 8)
ALU_EACH(DEF_OP)

/* By operation, size, and what the operands are. */
enum { RR, RR_NF, RI, RI_NF, RM, MR = RM + 3, MI = MR + 3, FORMS = MI + 3 };
#define MEM_FORMS(kind, op, size)                                                                  \
	kind##_##op##_##size##_EA_BASE, kind##_##op##_##size##_EA_INDEX,                           \
		kind##_##op##_##size##_EA_ANY
#define ROW(op, size)                                                                              \
	{                                                                                          \
		rr_##op##_##size##_0, rr_##op##_##size##_1, ri_##op##_##size##_0,                  \
			ri_##op##_##size##_1, MEM_FORMS(rm, op, size), MEM_FORMS(mr, op, size),    \
			MEM_FORMS(mi, op, size)                                                    \
	}
#define ROWS(op) [ALU_##op] = {ROW(op, 1), ROW(op, 2), ROW(op, 4), ROW(op, 8)},
static const soft_handler table[ALU_OPS][4][FORMS] = {ALU_EACH(ROWS)};

/* ---- one operand ----------------------------------------------------------------------------------- */

#define DEF_ONE_REG(op, size, nf)                                                                  \
	HANDLER(r_##op##_##size##_##nf)                                                            \
	{                                                                                          \
		reg_put(s, u->dst, size, one(s, ONE_##op, reg_get(s, u->dst, size), size, nf));    \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}
#define DEF_ONE_MEM(op, size, form)                                                                \
	HANDLER(m_##op##_##size##_##form)                                                          \
	{                                                                                          \
		uint64_t la = uop_ea(s, u, form, size, true);                                      \
                                                                                                   \
		MEM_WRITE(p, la, size);                                                            \
		host_put(p, size, one(s, ONE_##op, host_get(p, size), size, 0));                   \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}
#define DEF_ONE_SIZE(op, size)                                                                     \
	DEF_ONE_REG(op, size, 0)                                                                   \
	DEF_ONE_REG(op, size, 1)                                                                   \
	DEF_ONE_MEM(op, size, EA_BASE)                                                             \
	DEF_ONE_MEM(op, size, EA_INDEX)                                                            \
	DEF_ONE_MEM(op, size, EA_ANY)
#define DEF_ONE(op) DEF_ONE_SIZE(op, 1) DEF_ONE_SIZE(op, 2) DEF_ONE_SIZE(op, 4) DEF_ONE_SIZE(op, 8)
ONE_EACH(DEF_ONE)

#define ONE_ROW(op, size)                                                                          \
	{                                                                                          \
		r_##op##_##size##_0, r_##op##_##size##_1, MEM_FORMS(m, op, size)                   \
	}
#define ONE_ROWS(op) [ONE_##op] = {ONE_ROW(op, 1), ONE_ROW(op, 2), ONE_ROW(op, 4), ONE_ROW(op, 8)},
static const soft_handler one_table[ONE_OPS][4][5] = {ONE_EACH(ONE_ROWS)};

/* ---- choosing ---------------------------------------------------------------------------------------- */

static int alu_op(unsigned op)
{
	switch (op) {
#define CASE(name)                                                                                 \
	case INSN_##name:                                                                          \
		return ALU_##name;
		ALU_EACH(CASE)
	default:
		return -1;
	}
}

static int one_op(unsigned op)
{
	switch (op) {
	case INSN_INC:
		return ONE_INC;
	case INSN_DEC:
		return ONE_DEC;
	case INSN_NEG:
		return ONE_NEG;
	case INSN_NOT:
		return ONE_NOT;
	default:
		return -1;
	}
}

static bool pick_one(struct soft_pick *p, unsigned op)
{
	const struct insn_operand *o = &p->i->o[0];
	const soft_handler *row = one_table[op][soft_size_index(o->size)];

	if (soft_is_gpr(o)) {
		p->u->dst = o->num;
		p->u->h = row[0];
		p->no_flags = row[1];
		/* INC and DEC hand CF on, so they look at it. */
		p->opaque = op == ONE_INC || op == ONE_DEC;
		p->sets_flags = op == ONE_NEG;
		return true;
	}
	if (o->kind == INSN_MEM) {
		p->u->h = row[2 + soft_pick_mem(p, o)];
		return true;
	}
	return false;
}

bool soft_pick_alu(struct soft_pick *p)
{
	const struct insn_operand *a = &p->i->o[0], *b = &p->i->o[1];
	int op = alu_op(p->i->op), single = one_op(p->i->op);
	const soft_handler *row;

	p->opaque = true;
	if (single >= 0)
		return pick_one(p, (unsigned)single);
	if (op < 0)
		return false;
	row = table[op][soft_size_index(a->size)];
	if (b->kind == INSN_IMM)
		p->u->imm = (int32_t)b->disp;
	if (soft_is_gpr(a) && (soft_is_gpr(b) || b->kind == INSN_IMM)) {
		unsigned form = b->kind == INSN_IMM ? RI : RR;

		p->u->dst = a->num;
		p->u->src = b->num;
		p->u->h = row[form];
		p->no_flags = STORES(op) ? row[form + 1] : NULL;
		p->opaque = op == ALU_ADC || op == ALU_SBB;
		p->sets_flags = true;
		return true;
	}
	if (soft_is_gpr(a) && b->kind == INSN_MEM) {
		p->u->dst = a->num;
		p->u->h = row[RM + soft_pick_mem(p, b)];
		return true;
	}
	if (a->kind == INSN_MEM && (soft_is_gpr(b) || b->kind == INSN_IMM)) {
		p->u->src = b->num;
		p->u->h = row[(b->kind == INSN_IMM ? MI : MR) + soft_pick_mem(p, a)];
		return true;
	}
	return false;
}
