/* SPDX-License-Identifier: MIT */
/* soft: handlers of moves: MOV, MOVZX, MOVSX, LEA, CMOVcc, SETcc, PUSH, POP, LEAVE and the like. */
#include "uop.h"

#define MEM_FORMS(kind) kind##_EA_BASE, kind##_EA_INDEX, kind##_EA_ANY

int soft_pick_mem(struct soft_pick *p, const struct insn_operand *o)
{
	struct soft_uop *u = p->u;

	u->disp = o->disp;
	u->seg = o->seg;
	u->asz = p->i->addrsize;
	u->base = o->base <= 15 ? o->base : SOFT_ZERO;
	u->index = o->index <= 15 ? o->index : SOFT_ZERO;
	u->scale = (uint8_t)__builtin_ctz(o->scale ? o->scale : 1);
	if (o->base == INSN_RIP)
		u->disp += (int64_t)(p->rip + p->i->len);
	if (p->bits != 64 || o->seg >= X86_FS || u->asz != 8)
		return EA_ANY;
	return u->index == SOFT_ZERO ? EA_BASE : EA_INDEX;
}

/* ---- MOV ------------------------------------------------------------------------------------------ */

#define DEF_MOV(size)                                                                              \
	HANDLER(mov_rr_##size)                                                                     \
	{                                                                                          \
		reg_put(s, u->dst, size, s->gpr[u->src]);                                          \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}                                                                                          \
	HANDLER(mov_ri_##size)                                                                     \
	{                                                                                          \
		reg_put(s, u->dst, size, u->imm64);                                                \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}
DEF_MOV(1)
DEF_MOV(2)
DEF_MOV(4)
DEF_MOV(8)

#define DEF_MOV_MEM(size, form)                                                                    \
	HANDLER(mov_rm_##size##_##form)                                                            \
	{                                                                                          \
		uint64_t la = uop_ea(s, u, form, size, false);                                     \
                                                                                                   \
		MEM_READ(p, la, size);                                                             \
		reg_put(s, u->dst, size, host_get(p, size));                                       \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}                                                                                          \
	HANDLER(mov_mr_##size##_##form)                                                            \
	{                                                                                          \
		uint64_t la = uop_ea(s, u, form, size, true);                                      \
                                                                                                   \
		MEM_WRITE(p, la, size);                                                            \
		host_put(p, size, s->gpr[u->src]);                                                 \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}                                                                                          \
	HANDLER(mov_mi_##size##_##form)                                                            \
	{                                                                                          \
		uint64_t la = uop_ea(s, u, form, size, true);                                      \
                                                                                                   \
		MEM_WRITE(p, la, size);                                                            \
		host_put(p, size, (uint64_t)u->imm);                                               \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}
#define DEF_MOV_FORMS(size)                                                                        \
	DEF_MOV_MEM(size, EA_BASE) DEF_MOV_MEM(size, EA_INDEX) DEF_MOV_MEM(size, EA_ANY)
DEF_MOV_FORMS(1)
DEF_MOV_FORMS(2)
DEF_MOV_FORMS(4)
DEF_MOV_FORMS(8)

static const soft_handler mov_rr[] = {mov_rr_1, mov_rr_2, mov_rr_4, mov_rr_8};
static const soft_handler mov_ri[] = {mov_ri_1, mov_ri_2, mov_ri_4, mov_ri_8};
#define SIZES(kind)                                                                                \
	{                                                                                          \
		{MEM_FORMS(kind##_1)}, {MEM_FORMS(kind##_2)}, {MEM_FORMS(kind##_4)},               \
		{                                                                                  \
			MEM_FORMS(kind##_8)                                                        \
		}                                                                                  \
	}
static const soft_handler mov_rm[4][3] = SIZES(mov_rm);
static const soft_handler mov_mr[4][3] = SIZES(mov_mr);
static const soft_handler mov_mi[4][3] = SIZES(mov_mi);

static bool pick_mov(struct soft_pick *p)
{
	const struct insn_operand *a = &p->i->o[0], *b = &p->i->o[1];
	unsigned size = soft_size_index(a->size ? a->size : 1);
	struct soft_uop *u = p->u;

	u->dst = a->num;
	u->src = b->num;
	if (soft_is_gpr(a) && soft_is_gpr(b)) {
		u->h = mov_rr[size];
		p->opaque = false;
	} else if (soft_is_gpr(a) && b->kind == INSN_IMM) {
		u->imm64 = (uint64_t)b->disp;
		u->h = mov_ri[size];
		p->opaque = false;
	} else if (soft_is_gpr(a) && b->kind == INSN_MEM) {
		u->h = mov_rm[size][soft_pick_mem(p, b)];
	} else if (a->kind == INSN_MEM && soft_is_gpr(b)) {
		u->h = mov_mr[size][soft_pick_mem(p, a)];
	} else if (a->kind == INSN_MEM && b->kind == INSN_IMM) {
		u->imm = (int32_t)b->disp;
		u->h = mov_mi[size][soft_pick_mem(p, a)];
	} else {
		return false;
	}
	return true;
}

/* ---- MOVZX, MOVSX, MOVSXD ----------------------------------------------------------------------- */

#define ZX(v, from) (v)
#define SX(v, from) ((uint64_t)soft_sext(v, from))
#define DEF_EXT(how, from, to)                                                                     \
	HANDLER(ext_rr_##how##_##from##_##to)                                                      \
	{                                                                                          \
		reg_put(s, u->dst, to, how(reg_get(s, u->src, from), from));                       \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}                                                                                          \
	DEF_EXT_MEM(how, from, to, EA_BASE)                                                        \
	DEF_EXT_MEM(how, from, to, EA_INDEX)                                                       \
	DEF_EXT_MEM(how, from, to, EA_ANY)
#define DEF_EXT_MEM(how, from, to, form)                                                           \
	HANDLER(ext_rm_##how##_##from##_##to##_##form)                                             \
	{                                                                                          \
		uint64_t la = uop_ea(s, u, form, from, false);                                     \
                                                                                                   \
		MEM_READ(p, la, from);                                                             \
		reg_put(s, u->dst, to, how(host_get(p, from), from));                              \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}
#define EXT_EACH(X, how)                                                                           \
	X(how, 1, 2) X(how, 1, 4) X(how, 1, 8) X(how, 2, 4) X(how, 2, 8) X(how, 4, 8)
EXT_EACH(DEF_EXT, ZX)
EXT_EACH(DEF_EXT, SX)

struct ext {
	uint8_t sign, from, to;
	soft_handler h[4];
};
#define EXT_ROW(how, from, to)                                                                     \
	{#how[0] == 'S',                                                                           \
	 from,                                                                                     \
	 to,                                                                                       \
	 {ext_rr_##how##_##from##_##to, MEM_FORMS(ext_rm_##how##_##from##_##to)}},
static const struct ext exts[] = {EXT_EACH(EXT_ROW, ZX) EXT_EACH(EXT_ROW, SX)};

static bool pick_ext(struct soft_pick *p, bool sign)
{
	const struct insn_operand *a = &p->i->o[0], *b = &p->i->o[1];

	for (size_t k = 0; k < ARRAY_SIZE(exts); k++) {
		const struct ext *x = &exts[k];

		if (x->sign != sign || x->from != b->size || x->to != a->size)
			continue;
		p->u->dst = a->num;
		p->u->src = b->num;
		if (soft_is_gpr(b)) {
			p->u->h = x->h[0];
			p->opaque = false;
			return true;
		}
		if (b->kind != INSN_MEM)
			return false;
		p->u->h = x->h[1 + soft_pick_mem(p, b)];
		return true;
	}
	return false;
}

/* ---- LEA: 64-bit addresses ---------------------------------------------------------------------- */

#define DEF_LEA(size, form)                                                                        \
	HANDLER(lea_##size##_##form)                                                               \
	{                                                                                          \
		reg_put(s, u->dst, size, uop_ea(s, u, form, 1, false));                            \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}
DEF_LEA(4, EA_BASE)
DEF_LEA(8, EA_BASE)
DEF_LEA(4, EA_INDEX)
DEF_LEA(8, EA_INDEX)
HANDLER(lea_4_32)
{
	s->gpr[u->dst] = (uint32_t)uop_ea(s, u, EA_INDEX, 1, false);
	u++;
	NEXT(u);
}

static bool pick_lea(struct soft_pick *p)
{
	const struct insn_operand *a = &p->i->o[0];
	bool big = a->size == 8;

	if (p->i->o[1].kind != INSN_MEM || a->size < 4)
		return false;
	p->opaque = false;
	p->u->dst = a->num;
	soft_pick_mem(p, &p->i->o[1]);
	/* 32 bits of an address are its own, however many were asked for. */
	if (p->i->addrsize == 4)
		p->u->h = lea_4_32;
	else if (p->i->addrsize != 8)
		return false;
	else if (p->u->index == SOFT_ZERO)
		p->u->h = big ? lea_8_EA_BASE : lea_4_EA_BASE;
	else
		p->u->h = big ? lea_8_EA_INDEX : lea_4_EA_INDEX;
	return true;
}

/* ---- by condition ------------------------------------------------------------------------------- */

#define CC_EACH(X)                                                                                 \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define DEF_CC(cc)                                                                                 \
	HANDLER(set_r_##cc)                                                                        \
	{                                                                                          \
		reg_put(s, u->dst, 1, lazy_cond(s, cc));                                           \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}                                                                                          \
	HANDLER(cmov_4_##cc)                                                                       \
	{                                                                                          \
		s->gpr[u->dst] = (uint32_t)s->gpr[lazy_cond(s, cc) ? u->src : u->dst];             \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}                                                                                          \
	HANDLER(cmov_8_##cc)                                                                       \
	{                                                                                          \
		s->gpr[u->dst] = s->gpr[lazy_cond(s, cc) ? u->src : u->dst];                       \
		u++;                                                                               \
		NEXT(u);                                                                           \
	}
CC_EACH(DEF_CC)
#define CC_SET(cc)   set_r_##cc,
#define CC_CMOV4(cc) cmov_4_##cc,
#define CC_CMOV8(cc) cmov_8_##cc,
static const soft_handler set_r[16] = {CC_EACH(CC_SET)};
static const soft_handler cmov[2][16] = {{CC_EACH(CC_CMOV4)}, {CC_EACH(CC_CMOV8)}};

static bool pick_cc(struct soft_pick *p)
{
	const struct insn_operand *a = &p->i->o[0], *b = &p->i->o[1];
	unsigned cc = p->i->opcode & 15;

	if (p->i->map != 1 || !soft_is_gpr(a))
		return false;
	p->u->dst = a->num;
	if (p->i->opcode >> 4 == 9) {
		p->u->h = set_r[cc];
		return true;
	}
	if (p->i->opcode >> 4 != 4 || !soft_is_gpr(b) || a->size < 4)
		return false;
	p->u->src = b->num;
	p->u->h = cmov[a->size == 8][cc];
	return true;
}

/* ---- the stack of 64-bit code -------------------------------------------------------------------- */

HANDLER(push_r)
{
	uint64_t la = s->gpr[X86_RSP] - 8;

	MEM_WRITE(p, la, 8);
	st_le64(p, s->gpr[u->src]);
	s->gpr[X86_RSP] = la;
	u++;
	NEXT(u);
}

HANDLER(push_i)
{
	uint64_t la = s->gpr[X86_RSP] - 8;

	MEM_WRITE(p, la, 8);
	st_le64(p, (uint64_t)(int64_t)u->imm);
	s->gpr[X86_RSP] = la;
	u++;
	NEXT(u);
}

HANDLER(pop_r)
{
	uint64_t la = s->gpr[X86_RSP];

	MEM_READ(p, la, 8);
	s->gpr[X86_RSP] = la + 8;
	s->gpr[u->dst] = ld_le64(p);
	u++;
	NEXT(u);
}

HANDLER(leave)
{
	uint64_t la = s->gpr[X86_RBP];

	MEM_READ(p, la, 8);
	s->gpr[X86_RSP] = la + 8;
	s->gpr[X86_RBP] = ld_le64(p);
	u++;
	NEXT(u);
}

static bool pick_stack(struct soft_pick *p)
{
	const struct insn_operand *a = &p->i->o[0];

	if (p->bits != 64 || p->i->opsize != 8)
		return false;
	if (p->i->op == INSN_LEAVE) {
		p->u->h = leave;
	} else if (p->i->op == INSN_POP && soft_is_gpr(a)) {
		p->u->dst = a->num;
		p->u->h = pop_r;
	} else if (p->i->op == INSN_PUSH && soft_is_gpr(a)) {
		p->u->src = a->num;
		p->u->h = push_r;
	} else if (p->i->op == INSN_PUSH && a->kind == INSN_IMM) {
		p->u->imm = (int32_t)a->disp;
		p->u->h = push_i;
	} else {
		return false;
	}
	return true;
}

/* ---- odds and ends --------------------------------------------------------------------------------- */

HANDLER(nop)
{
	u++;
	NEXT(u);
}

HANDLER(xchg_4)
{
	uint64_t a = (uint32_t)s->gpr[u->dst], b = (uint32_t)s->gpr[u->src];

	s->gpr[u->src] = a;
	s->gpr[u->dst] = b;
	u++;
	NEXT(u);
}

HANDLER(xchg_8)
{
	uint64_t a = s->gpr[u->dst], b = s->gpr[u->src];

	s->gpr[u->src] = a;
	s->gpr[u->dst] = b;
	u++;
	NEXT(u);
}

HANDLER(bswap_4)
{
	s->gpr[u->dst] = __builtin_bswap32((uint32_t)s->gpr[u->dst]);
	u++;
	NEXT(u);
}

HANDLER(bswap_8)
{
	s->gpr[u->dst] = __builtin_bswap64(s->gpr[u->dst]);
	u++;
	NEXT(u);
}

HANDLER(cwde)
{
	s->gpr[X86_RAX] = (uint32_t)(int16_t)s->gpr[X86_RAX];
	u++;
	NEXT(u);
}

HANDLER(cdqe)
{
	s->gpr[X86_RAX] = (uint64_t)(int32_t)s->gpr[X86_RAX];
	u++;
	NEXT(u);
}

HANDLER(cdq)
{
	s->gpr[X86_RDX] = (int32_t)s->gpr[X86_RAX] < 0 ? UINT32_MAX : 0;
	u++;
	NEXT(u);
}

HANDLER(cqo)
{
	s->gpr[X86_RDX] = (int64_t)s->gpr[X86_RAX] < 0 ? UINT64_MAX : 0;
	u++;
	NEXT(u);
}

static bool simple(struct soft_pick *p, soft_handler h)
{
	p->u->h = h;
	p->u->dst = p->i->o[0].num;
	p->u->src = p->i->o[1].num;
	p->opaque = false;
	return true;
}

static bool pick_xchg(struct soft_pick *p)
{
	const struct insn_operand *a = &p->i->o[0], *b = &p->i->o[1];

	if (!soft_is_gpr(a) || !soft_is_gpr(b) || a->size < 4)
		return false;
	return simple(p, a->size == 8 ? xchg_8 : xchg_4);
}

bool soft_pick_mov(struct soft_pick *p)
{
	unsigned size = p->i->o[0].size;

	p->opaque = true;
	switch (p->i->op) {
	case INSN_MOV:
		return pick_mov(p);
	case INSN_MOVZX:
		return pick_ext(p, false);
	case INSN_MOVSX:
	case INSN_MOVSXD:
		return pick_ext(p, true);
	case INSN_LEA:
		return pick_lea(p);
	case INSN_PUSH:
	case INSN_POP:
	case INSN_LEAVE:
		return pick_stack(p);
	case INSN_NOP:
	case INSN_ENDBR32:
	case INSN_ENDBR64:
		return simple(p, nop);
	case INSN_XCHG:
		return pick_xchg(p);
	case INSN_BSWAP:
		return size >= 4 && simple(p, size == 8 ? bswap_8 : bswap_4);
	case INSN_CWDE:
		return simple(p, cwde);
	case INSN_CDQE:
		return simple(p, cdqe);
	case INSN_CDQ:
		return simple(p, cdq);
	case INSN_CQO:
		return simple(p, cqo);
	default:
		return pick_cc(p);
	}
}
