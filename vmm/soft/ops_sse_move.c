/* SPDX-License-Identifier: MIT */
/* soft: moves of SSE to SSE4.1 and MMX, and MXCSR. SDM volume 2. */
#include "simd.h"

/* MOVAPS, MOVAPD, MOVDQA and the non-temporal ones: aligned, all of it. */
void soft_op_sse_mova(struct soft *s, const struct insn *i)
{
	soft_simd_enter(s, i);
	soft_simd_store(s, i, 0, soft_simd_load(s, i, 1));
}

/* MOVUPS, MOVUPD, MOVDQU, LDDQU */
void soft_op_sse_movu(struct soft *s, const struct insn *i)
{
	soft_simd_enter(s, i);
	soft_simd_store_any(s, i, 0, soft_simd_load_any(s, i, 1));
}

/*
 * MOVD and MOVQ between general, MMX and XMM registers and memory, MOVDQ2Q, MOVQ2DQ: 4 or 8 bytes,
 * zeros above.
 */
static void move_low(struct soft *s, const struct insn *i, unsigned size)
{
	union soft_xmm v;

	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, 1);
	v.q[0] &= size_mask(size);
	v.q[1] = 0;
	soft_simd_store(s, i, 0, v);
}

void soft_op_sse_movd(struct soft *s, const struct insn *i)
{
	move_low(s, i, 4);
}

void soft_op_sse_movq(struct soft *s, const struct insn *i)
{
	move_low(s, i, 8);
}

/* MOVSS, MOVSD: from a register the rest of the destination stays, from memory it is zeroed. */
static void move_scalar(struct soft *s, const struct insn *i, unsigned size)
{
	union soft_xmm v, d;

	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, 1);
	if (i->o[0].kind == INSN_REG && i->o[1].kind == INSN_REG) {
		d = soft_simd_load(s, i, 0);
		memcpy(d.b, v.b, size);
		v = d;
	}
	soft_simd_store(s, i, 0, v);
}

void soft_op_sse_movss(struct soft *s, const struct insn *i)
{
	move_scalar(s, i, 4);
}

void soft_op_sse_movsd(struct soft *s, const struct insn *i)
{
	move_scalar(s, i, 8);
}

/* MOVLPS, MOVLPD, MOVHPS, MOVHPD between a half and memory; MOVHLPS, MOVLHPS between halves. */
void soft_op_sse_movhalf(struct soft *s, const struct insn *i)
{
	bool high = i->op == INSN_MOVHPS || i->op == INSN_MOVHPD;
	union soft_xmm v, d;

	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, 1);
	if (i->o[0].kind == INSN_MEM) {
		v.q[0] = v.q[high];
		soft_simd_store(s, i, 0, v);
		return;
	}
	d = soft_simd_load(s, i, 0);
	if (i->op == INSN_MOVHLPS)
		d.q[0] = v.q[1];
	else if (i->op == INSN_MOVLHPS)
		d.q[1] = v.q[0];
	else
		d.q[high] = v.q[0];
	soft_simd_store(s, i, 0, d);
}

void soft_op_sse_movdup(struct soft *s, const struct insn *i)
{
	union soft_xmm v;

	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, 1);
	if (i->op == INSN_MOVDDUP) {
		v.q[1] = v.q[0];
	} else if (i->op == INSN_MOVSLDUP) {
		v.d[1] = v.d[0];
		v.d[3] = v.d[2];
	} else {
		v.d[0] = v.d[1];
		v.d[2] = v.d[3];
	}
	soft_simd_store(s, i, 0, v);
}

/* A result of at most 32 bits in a general register: zero-extended whatever the operand size. */
static void store_mask(struct soft *s, const struct insn *i, uint32_t mask)
{
	s->gpr[i->o[0].num & 15] = mask;
	if (soft_simd_mmx(i))
		soft_mmx_used(s);
}

/* MOVMSKPS, MOVMSKPD, PMOVMSKB: the sign of each element. */
void soft_op_sse_movmsk(struct soft *s, const struct insn *i)
{
	unsigned len = i->o[1].cls == INSN_MM ? 8 : 16;
	unsigned size = i->op == INSN_MOVMSKPS ? 4 : i->op == INSN_MOVMSKPD ? 8 : 1;
	uint32_t mask = 0;
	union soft_xmm v;

	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, 1);
	for (unsigned k = 0; k < len / size; k++)
		mask |= (uint32_t)(v.b[k * size + size - 1] >> 7) << k;
	store_mask(s, i, mask);
}

/*
 * MASKMOVDQU, MASKMOVQ: the chosen bytes to [rDI]. All are looked at for faults, whatever the mask, the
 * high half of 16 before the low one: so do Intel's CPUs (SDM 2A leaves it to them).
 */
void soft_op_sse_maskmov(struct soft *s, const struct insn *i)
{
	unsigned len = soft_simd_len(i);
	uint64_t rdi = s->gpr[X86_RDI];
	union soft_xmm v, m;

	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, i->nr - 2u);
	m = soft_simd_load(s, i, i->nr - 1u);
	if (len == 8)
		soft_mmx_used(s);
	for (unsigned at = len; at > 0; at -= 8)
		soft_probe_write(s, i->seg, (rdi + at - 8) & size_mask(i->addrsize), 8);
	for (unsigned k = 0; k < len; k++)
		if (m.b[k] >> 7)
			soft_write(s, i->seg, (rdi + k) & size_mask(i->addrsize), 1, v.b[k]);
}

/* ---- one element ---------------------------------------------------------------------------------- */

static unsigned element_size(unsigned op)
{
	switch (op) {
	case INSN_PEXTRB:
	case INSN_PINSRB:
		return 1;
	case INSN_PEXTRW:
	case INSN_PINSRW:
		return 2;
	case INSN_PEXTRQ:
	case INSN_PINSRQ:
		return 8;
	default:
		return 4;
	}
}

/* PEXTRB, PEXTRW, PEXTRD, PEXTRQ, EXTRACTPS */
void soft_op_sse_pextr(struct soft *s, const struct insn *i)
{
	unsigned size = element_size(i->op), len = i->o[1].cls == INSN_MM ? 8 : 16;
	union soft_xmm v, r = {.q = {0, 0}};

	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, 1);
	memcpy(r.b, v.b + size * (soft_simd_imm(i, 2) & (len / size - 1)), size);
	if (i->o[0].kind == INSN_MEM)
		soft_simd_store(s, i, 0, r);
	else
		s->gpr[i->o[0].num & 15] = r.q[0];
	if (soft_simd_mmx(i))
		soft_mmx_used(s);
}

/* PINSRB, PINSRW, PINSRD, PINSRQ: memory is read in the element's size alone. */
void soft_op_sse_pinsr(struct soft *s, const struct insn *i)
{
	unsigned size = element_size(i->op), len = soft_simd_len(i);
	const struct insn_operand *o = &i->o[1];
	union soft_xmm d;
	uint64_t v;

	soft_simd_enter(s, i);
	if (o->kind == INSN_MEM)
		v = soft_read(s, o->seg, soft_ea(s, i, o), size);
	else
		v = s->gpr[o->num & 15];
	d = soft_simd_load(s, i, 0);
	memcpy(d.b + size * (soft_simd_imm(i, 2) & (len / size - 1)), &v, size);
	soft_simd_store(s, i, 0, d);
}

void soft_op_sse_insertps(struct soft *s, const struct insn *i)
{
	unsigned imm = soft_simd_imm(i, 2);
	union soft_xmm v, d;

	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, 1);
	d = soft_simd_load(s, i, 0);
	d.d[imm >> 4 & 3] = v.d[i->o[1].kind == INSN_MEM ? 0 : imm >> 6];
	for (unsigned k = 0; k < 4; k++)
		if (imm >> k & 1)
			d.d[k] = 0;
	soft_simd_store(s, i, 0, d);
}

/* ---- MXCSR ------------------------------------------------------------------------------------------ */

void soft_op_ldmxcsr(struct soft *s, const struct insn *i)
{
	uint32_t v;

	soft_sse_enter(s);
	v = (uint32_t)soft_get_operand(s, i, 0);
	if (v & ~MXCSR_MASK)
		soft_gp0(s);
	s->mxcsr = v;
}

void soft_op_stmxcsr(struct soft *s, const struct insn *i)
{
	soft_sse_enter(s);
	soft_put_operand(s, i, 0, s->mxcsr);
}
