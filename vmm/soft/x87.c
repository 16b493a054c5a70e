/* SPDX-License-Identifier: MIT */
/* soft: the x87 stack, its checks and exceptions. SDM 1, chapter 8. */
#include <assert.h>

#include "simd.h"
#include "x87.h"

#define CR0_MP_TS_EM (CR0_EM | CR0_TS)

void soft_x87_enter_nowait(struct soft *s)
{
	if (s->cr0 & CR0_MP_TS_EM)
		soft_fault(s, X86_NM);
}

void soft_x87_check_pending(struct soft *s)
{
	if ((s->x87.sw & X87_ES) && (s->cr0 & X86_CR0_NE))
		soft_fault(s, X86_MF);
}

void soft_x87_enter(struct soft *s)
{
	soft_x87_enter_nowait(s);
	soft_x87_check_pending(s);
}

struct x87_run soft_x87_run(const struct soft *s)
{
	static const uint8_t precision[] = {24, 64, 53, 64}; /* 1 is reserved */
	struct x87_run x = {
		.e = {.round = s->x87.cw >> 10 & 3,
		      .masks = s->x87.cw & FP_ALL,
		      .prec = precision[s->x87.cw >> 8 & 3],
		      .x87 = true},
	};

	return x;
}

bool soft_x87_may_store(const struct x87_run *x)
{
	return !(x->e.flags & ~x->e.masks & (FP_PRE | FP_OE | FP_UE));
}

void soft_x87_update_es(struct soft *s)
{
	s->x87.sw &= (uint16_t) ~(X87_ES | X87_B);
	if (s->x87.sw & ~s->x87.cw & FP_ALL)
		s->x87.sw |= X87_ES | X87_B;
}

bool soft_x87_finish(struct soft *s, const struct insn *i, const struct x87_run *x)
{
	struct soft_x87 *f = &s->x87;
	uint8_t flags = x->e.flags, unmasked = flags & (uint8_t)~x->e.masks;
	bool up = x->e.up;

	/* What is found before computing, unmasked, keeps the rest from being found. */
	if (unmasked & FP_PRE)
		flags &= FP_PRE;
	else if (x->store && (unmasked & (FP_OE | FP_UE)))
		flags &= (uint8_t)~FP_PE;
	if (flags != x->e.flags)
		up = false;
	if (x->sf)
		soft_x87_set_cc(s, X87_C1, x->over ? X87_C1 : 0);
	else if (!x->keep_c1)
		soft_x87_set_cc(s, X87_C1, up ? X87_C1 : 0);
	f->sw |= flags | (x->sf ? X87_SF : 0);
	f->ip = s->insn_rip;
	f->cs = 0;
	f->ds = 0;
	if (unmasked) {
		soft_x87_update_es(s);
		f->op = (uint16_t)((i->opcode & 7u) << 8 | i->modrm);
		if (soft_x87_is_mem(i))
			f->dp = soft_ea(s, i, soft_x87_mem(i));
	}
	return !(unmasked & (x->allow_de ? FP_IE | FP_ZE : FP_PRE));
}

void soft_x87_finish_pop(struct soft *s, const struct insn *i, const struct x87_run *x,
			 unsigned pops)
{
	if (!soft_x87_finish(s, i, x))
		return;
	while (pops--)
		soft_x87_pop(s);
}

bool soft_x87_underflow(const struct soft *s, struct x87_run *x, unsigned st_mask)
{
	for (unsigned st = 0; st < 8; st++) {
		if (!(st_mask >> st & 1) || !soft_x87_empty(s, st))
			continue;
		x->sf = true;
		x->e.flags |= FP_IE;
		return true;
	}
	return false;
}

bool soft_x87_overflow(const struct soft *s, struct x87_run *x)
{
	if (soft_x87_empty(s, 7))
		return false;
	x->sf = x->over = true;
	x->e.flags |= FP_IE;
	return true;
}

void soft_x87_init(struct soft *s)
{
	struct soft_x87 *f = &s->x87;

	f->cw = X87_CW_INIT;
	f->sw = 0;
	f->tag = 0;
	f->op = 0;
	f->ip = f->dp = 0;
	f->cs = f->ds = 0;
}

const struct insn_operand *soft_x87_mem(const struct insn *i)
{
	for (unsigned n = 0; n < i->nr; n++)
		if (i->o[n].kind == INSN_MEM)
			return &i->o[n];
	assert(0); /* a modrm byte below c0 is a memory operand */
	return &i->o[0];
}

uint64_t soft_x87_read(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o = soft_x87_mem(i);

	return soft_read(s, o->seg, soft_ea(s, i, o), o->size);
}

void soft_x87_write(struct soft *s, const struct insn *i, uint64_t v)
{
	const struct insn_operand *o = soft_x87_mem(i);

	soft_write(s, o->seg, soft_ea(s, i, o), o->size, v);
}
