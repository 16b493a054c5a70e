/* SPDX-License-Identifier: MIT */
/* silicon: cases: one instruction of a form, several, random bytes. */
#include "gen.h"

#define FLAG_RF (1ull << 16)

/* Locked accesses across cache lines: the kernel's split lock detection slows or ends the child. */
static bool splits_lock(const struct sil_case *c, const struct insn *i)
{
	const struct insn_operand *o = &i->o[0];
	uint64_t la;
	unsigned size;

	if (i->nr > 1 && i->op == INSN_XCHG && i->o[1].kind == INSN_MEM)
		o = &i->o[1];
	if (o->kind != INSN_MEM || (!(i->flags & INSN_F_LOCK) && i->op != INSN_XCHG))
		return false;
	la = sil_gen_linear(c, i, o);
	size = o->size;
	if ((i->op == INSN_BTS || i->op == INSN_BTR || i->op == INSN_BTC) &&
	    i->o[1].kind == INSN_REG) {
		int64_t bit = (int64_t)(c->in.gpr[i->o[1].num & 15] << (64 - 8 * i->opsize)) >>
			      (64 - 8 * i->opsize);

		la += (uint64_t)(bit >> (i->opsize == 2 ? 4 : i->opsize == 4 ? 5 : 6)) * i->opsize;
		size = i->opsize;
	}
	return (la & 63) + size > 64;
}

/* A 16-bit stack's ESP points into the child's own pages: 32-bit addresses from it are not for us. */
static bool touches_child(const struct sil_case *c, const struct insn *i)
{
	static const uint8_t pointers[] = {X86_RSI, X86_RDI, X86_RBX, X86_RBP, X86_RSP};
	/* A far call to 64-bit code pushes by RSP. */
	size_t n = ARRAY_SIZE(pointers) - (i->op != INSN_CALL);

	for (unsigned k = 0; k < i->nr; k++)
		if (i->o[k].kind == INSN_MEM &&
		    sil_gen_linear(c, i, &i->o[k]) - (SIL_LOW - 0x1000) < 0x4000)
			return true;
	for (size_t k = 0; k < n; k++)
		if (c->in.gpr[pointers[k]] - (SIL_LOW - 0x1000) < 0x4000)
			return true;
	return false;
}

static void place(struct sil_build *g)
{
	struct sil_case *c = g->c;
	uint64_t base = c->bits == 16 ? 0 : SIL_CODE + (uint64_t)c->slot * SIL_SLOT_SIZE;

	c->code_off = (uint16_t)(0x400 + sil_below(&g->r, 0x400));
	if (!g->plain && sil_one_in(&g->r, 24)) /* the end of the page */
		c->code_off = (uint16_t)(0x1000 - 1 - sil_below(&g->r, 16));
	c->in.rip = g->rip = base + c->code_off;
}

static void finish(struct sil_case *c)
{
	uint8_t out[SIL_EXIT_MAX];
	uint64_t linear = SIL_CODE + (uint64_t)c->slot * SIL_SLOT_SIZE;
	unsigned n;
	uint64_t *sp = &c->in.gpr[X86_RSP];
	struct x86_seg ss;

	/* IRETQ to a stack of 16 bits leaves the bits above as its own stack had them. */
	if (c->bits != 64 && sil_descriptor(c->in.ss, &ss) && !(ss.attr & 0x4000))
		*sp = (*sp & 0xffff) | SIL_LOW;

	/* Code beyond the page is not there. */
	if (c->code_off + c->code_len > 0x1000)
		c->code_len = (uint16_t)(0x1000 - c->code_off);
	n = sil_exit_code(c->bits, linear + c->code_off + c->code_len, out);
	c->exit_len = c->code_off + c->code_len + n <= 0x1000 ? (uint8_t)n : 0;
	memcpy(c->code + c->code_len, out, c->exit_len);
}

static void start(struct sil_build *g, const struct sil_gen *gen, struct sil_case *c, uint64_t what,
		  uint64_t index)
{
	*g = (struct sil_build){.c = c, .has_ldt = gen->has16};
	g->r.s = hash64(gen->seed, &what, sizeof(what)) + index * 0x2545f4914f6cdd1dull;
	rng_next(&g->r);
	c->index = index;
	c->nr_insns = 1;
	c->nr_patches = 0;
}

bool sil_gen_form(const struct sil_gen *gen, struct sil_case *c, uint32_t form, uint64_t index)
{
	const struct sil_form *f = &gen->forms[form];
	struct sil_build g;
	int len;

	if (f->left_out || (f->bits == 16 && !gen->has16))
		return false;
	start(&g, gen, c, hash64(0, f->name, strlen(f->name)), index);
	g.f = f;
	c->form = form;
	c->bits = f->bits;
	sil_gen_start(&g);
	place(&g);
	len = sil_gen_insn(&g);
	if (len <= 0)
		return false;
	sil_gen_fix(&g);
	c->code_len = (uint16_t)len;
	memcpy(c->code, g.b, (size_t)len);
	finish(c);
	return !splits_lock(c, &g.i) && !touches_child(c, &g.i);
}

static bool pops_flags(const struct insn *i)
{
	return i->op == INSN_IRET || i->op == INSN_IRETD || i->op == INSN_IRETQ ||
	       i->op == INSN_POPF || i->op == INSN_POPFD || i->op == INSN_POPFQ;
}

/* LAR and the like of any selector tell of the host's own descriptors. */
static bool straight_selector(const struct insn *i)
{
	if (i->nr && i->o[0].kind == INSN_REG && i->o[0].cls == INSN_SREG)
		return false;
	return i->op != INSN_LAR && i->op != INSN_LSL && i->op != INSN_VERR && i->op != INSN_VERW;
}

/* What would leave the straight way, or end the case in another mode. */
static bool straight(const struct insn *i)
{
	switch (i->op) {
	case INSN_CALL:
	case INSN_RET:
	case INSN_INT:
	case INSN_INT1:
	case INSN_INT3:
	case INSN_INTO:
		return false;
	default:
		/* A short branch may land in the middle of what follows or of the way out. */
		if (i->flags & INSN_F_REL)
			return i->o[0].disp > 64 || i->o[0].disp < -64;
		if (i->op == INSN_JMP)
			return false;
		return !pops_flags(i) && straight_selector(i) && !sil_approximate(i) &&
		       !(i->nr && i->o[0].kind == INSN_REG && i->o[0].cls == INSN_SREG);
	}
}

bool sil_gen_sequence(const struct sil_gen *gen, struct sil_case *c, unsigned bits, uint64_t index)
{
	struct sil_build g;
	unsigned want;

	start(&g, gen, c, 0x5e90 + bits, index);
	g.plain = true;
	c->form = ~0u;
	c->bits = (uint16_t)bits;
	sil_gen_start(&g);
	place(&g);
	c->nr_insns = 0;
	c->code_len = 0;
	want = 2 + sil_below(&g.r, 4);
	for (unsigned tries = 0; c->nr_insns < want && tries < 64u; tries++) {
		g.f = &gen->forms[sil_below(&g.r, (unsigned)gen->nr_forms)];
		if (g.f->bits != bits || g.f->left_out ||
		    c->code_len + (unsigned)INSN_MAX > SIL_CODE_MAX)
			continue;
		if (sil_gen_insn(&g) <= 0 || !straight(&g.i) || (g.i.flags & INSN_F_LOCK) ||
		    g.i.op == INSN_XCHG)
			continue;
		memcpy(c->code + c->code_len, g.b, g.i.len);
		c->code_len += g.i.len;
		g.rip += g.i.len;
		c->nr_insns++;
	}
	finish(c);
	return c->nr_insns;
}

bool sil_gen_bytes(const struct sil_gen *gen, struct sil_case *c, unsigned bits, uint64_t index)
{
	struct sil_build g;
	int rc;

	start(&g, gen, c, 0xb17e5 + bits, index);
	c->form = ~0u;
	c->bits = (uint16_t)bits;
	sil_gen_start(&g);
	place(&g);
	for (unsigned i = 0; i < INSN_MAX; i++)
		c->code[i] = (uint8_t)rng_next(&g.r);
	if (sil_one_in(&g.r, 2)) /* half of them behind prefixes or escapes */
		for (unsigned n = 1 + sil_below(&g.r, 3), i = 0; i < n; i++) {
			static const uint8_t first[] = {0x0f, 0x66, 0xf2, 0xf3, 0x67, 0x2e,
							0x64, 0xf0, 0x48, 0x0f, 0x38, 0x3a};

			c->code[i] = first[sil_below(&g.r, ARRAY_SIZE(first))];
		}
	rc = insn_decode(c->code, INSN_MAX, bits, &g.i);
	/* What no template has would be run by the host. */
	if (rc > 0 && (g.i.op == INSN_BAD || g.i.cpuid == INSN_C_OTHER))
		return false;
	c->code_len = rc > 0 ? (uint16_t)rc : INSN_MAX;
	if (rc > 0 && (sil_left_out(&g.i, c->code) || splits_lock(c, &g.i) ||
		       (g.i.op == INSN_INT && g.i.o[0].disp == (int8_t)0x80)))
		return false;
	/* POPF and IRET that set TF trap in the way out; into it jumps nothing. */
	if (rc > 0 && (pops_flags(&g.i) ||
		       ((g.i.flags & INSN_F_REL) && g.i.o[0].disp >= -16 && g.i.o[0].disp < 16)))
		return false;
	/* The host may want more bytes than the decoder to find out that there is no instruction. */
	if (rc < 0 && c->code_off + (unsigned)INSN_MAX > 0x1000)
		return false;
	if (rc > 0 && (touches_child(c, &g.i) || !straight_selector(&g.i)))
		return false;
	if (rc < 0 && !sil_surely_bad(c->code, bits))
		return false;
	c->in.rflags &= ~(X86_FLAG_TF | FLAG_RF);
	finish(c);
	return true;
}
