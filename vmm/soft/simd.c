/* SPDX-License-Identifier: MIT */
/* soft: checks, operands and exceptions of MMX and SSE operations. */
#include "simd.h"
#include "x87.h"

void soft_sse_enter(struct soft *s)
{
	if ((s->cr0 & CR0_EM) || !(s->cr4 & X86_CR4_OSFXSR))
		soft_ud(s);
	if (s->cr0 & CR0_TS)
		soft_fault(s, X86_NM);
}

void soft_simd_enter(struct soft *s, const struct insn *i)
{
	bool mm = false, xmm = false;

	for (unsigned n = 0; n < i->nr; n++) {
		if (i->o[n].kind != INSN_REG)
			continue;
		mm = mm || i->o[n].cls == INSN_MM;
		xmm = xmm || i->o[n].cls == INSN_XMM;
	}
	if ((s->cr0 & CR0_EM) || (xmm && !(s->cr4 & X86_CR4_OSFXSR)))
		soft_ud(s);
	if (s->cr0 & CR0_TS)
		soft_fault(s, X86_NM);
	if (mm)
		soft_x87_check_pending(s);
}

void soft_mmx_top(struct soft *s)
{
	s->x87.sw &= (uint16_t) ~(7u << 11);
}

void soft_mmx_used(struct soft *s)
{
	soft_mmx_top(s);
	s->x87.tag = 0xff;
}

static union soft_xmm load(struct soft *s, const struct insn *i, unsigned n, bool aligned)
{
	const struct insn_operand *o = &i->o[n];
	union soft_xmm v = {.q = {0, 0}};
	uint64_t ea;

	if (o->kind == INSN_MEM) {
		ea = soft_ea(s, i, o);
		if (aligned && o->size == 16)
			soft_check_aligned(s, o->seg, ea, 16);
		if (o->size <= 8) /* of these alone #AC is asked for */
			v.q[0] = soft_read(s, o->seg, ea, o->size);
		else
			soft_read_bytes(s, o->seg, ea, v.b, 16);
	} else if (o->cls == INSN_XMM) {
		v = s->xmm[o->num & 15];
	} else if (o->cls == INSN_MM) {
		v.q[0] = s->x87.reg[o->num & 7].sig;
	} else {
		v.q[0] = soft_gpr_read(s, o);
	}
	return v;
}

union soft_xmm soft_simd_load(struct soft *s, const struct insn *i, unsigned n)
{
	return load(s, i, n, true);
}

union soft_xmm soft_simd_load_any(struct soft *s, const struct insn *i, unsigned n)
{
	return load(s, i, n, false);
}

static void store(struct soft *s, const struct insn *i, unsigned n, union soft_xmm v, bool aligned)
{
	const struct insn_operand *o = &i->o[n];
	uint64_t ea;

	if (o->kind == INSN_MEM) {
		ea = soft_ea(s, i, o);
		if (aligned && o->size == 16)
			soft_check_aligned(s, o->seg, ea, 16);
		if (soft_simd_mmx(i))
			soft_mmx_top(s);
		if (o->size <= 8)
			soft_write(s, o->seg, ea, o->size, v.q[0]);
		else
			soft_write_bytes(s, o->seg, ea, v.b, 16);
	} else if (o->cls == INSN_XMM) {
		s->xmm[o->num & 15] = v;
	} else if (o->cls == INSN_MM) {
		s->x87.reg[o->num & 7] = (struct soft_f80){.sig = v.q[0], .exp = 0xffff};
	} else {
		soft_gpr_write(s, o, v.q[0]);
	}
	if (soft_simd_mmx(i))
		soft_mmx_used(s);
}

void soft_simd_store(struct soft *s, const struct insn *i, unsigned n, union soft_xmm v)
{
	store(s, i, n, v, true);
}

void soft_simd_store_any(struct soft *s, const struct insn *i, unsigned n, union soft_xmm v)
{
	store(s, i, n, v, false);
}

/* ---- floating-point exceptions: SDM 1, 11.5 ----------------------------------------------------- */

struct fp_env soft_sse_env(const struct soft *s)
{
	return (struct fp_env){.round = s->mxcsr >> 13 & 3,
			       .masks = s->mxcsr >> 7 & FP_ALL,
			       .prec = 64,
			       .daz = s->mxcsr & MXCSR_DAZ,
			       .ftz = s->mxcsr >> 15 & 1};
}

void soft_sse_raise(struct soft *s, const struct simd_exc *x)
{
	uint8_t masks = s->mxcsr >> 7 & FP_ALL, flags = x->flags;

	/* What is found before computing, in any element, keeps the rest from being found. */
	if (flags & FP_PRE & ~masks)
		flags &= FP_PRE;
	s->mxcsr |= flags;
	if (!(flags & ~masks))
		return;
	if (!(s->cr4 & X86_CR4_OSXMMEXCPT))
		soft_ud(s);
	soft_fault(s, X86_XM);
}
