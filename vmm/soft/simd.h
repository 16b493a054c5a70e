/* SPDX-License-Identifier: MIT */
/*
 * soft: what the MMX and SSE operations share: the checks before them, their operands, and what
 * follows a floating-point exception. Operations load all operands, compute on copies, judge the
 * exceptions and store last.
 */
#ifndef SOFT_SIMD_H
#define SOFT_SIMD_H

#include "fp.h"
#include "soft_priv.h"

#define SOFT_OP(name, fn) void fn(struct soft *s, const struct insn *i);
#include "ops_mmx.h"
#include "ops_sse.h"
#undef SOFT_OP
/* MOVSD and CMPSD of map 1: the string operations of the same name call them. */
void soft_op_sse_movsd(struct soft *s, const struct insn *i);
void soft_op_sse_cmpsd(struct soft *s, const struct insn *i);

#define CR0_EM	   (1ull << 2)
#define CR0_TS	   (1ull << 3)
#define MXCSR_DAZ  (1u << 6)
#define MXCSR_MASK 0xffffu /* every bit that there is */
#define MXCSR_INIT 0x1f80u

/* #UD, #NM and, where an MMX register is an operand, #MF: SDM 2, 2.7 and SDM 3A, 13.1. */
void soft_simd_enter(struct soft *s, const struct insn *i);
/* The same for what has no vector operand in sight: LDMXCSR, STMXCSR. */
void soft_sse_enter(struct soft *s);

/* Has operand 0 or 1 MMX registers, so that vectors are 8 bytes? */
static inline bool soft_simd_mmx(const struct insn *i)
{
	return i->o[0].cls == INSN_MM || i->o[1].cls == INSN_MM;
}
static inline unsigned soft_simd_len(const struct insn *i)
{
	return i->o[0].cls == INSN_MM ? 8 : 16;
}

/*
 * Operand n: a register whole, memory in its size with zeros above; a memory operand of 16 bytes
 * must be aligned, but for soft_simd_load_any().
 */
union soft_xmm soft_simd_load(struct soft *s, const struct insn *i, unsigned n);
union soft_xmm soft_simd_load_any(struct soft *s, const struct insn *i, unsigned n);
/* To a register (an XMM whole, an MM its 8 bytes), or to memory in the operand's size. */
void soft_simd_store(struct soft *s, const struct insn *i, unsigned n, union soft_xmm v);
void soft_simd_store_any(struct soft *s, const struct insn *i, unsigned n, union soft_xmm v);
/*
 * The end of an operation: with an MMX register among the operands the x87 unit is in MMX state.
 * Called by soft_simd_store() for a register destination.
 */
/* Its first half: an MMX store that faults has done that. */
void soft_mmx_top(struct soft *s);
void soft_mmx_used(struct soft *s);

/* The fp_env that MXCSR asks for. */
struct fp_env soft_sse_env(const struct soft *s);
/*
 * Exceptions of one packed operation, element by element: soft_sse_flags() after each, then
 * soft_sse_raise() before anything is stored.
 */
struct simd_exc {
	uint8_t flags;
};
static inline void soft_sse_flags(struct simd_exc *x, struct fp_env *e)
{
	x->flags |= e->flags;
	e->flags = 0;
}
void soft_sse_raise(struct soft *s, const struct simd_exc *x);

/* The low (bytes) of an immediate operand n. */
static inline unsigned soft_simd_imm(const struct insn *i, unsigned n)
{
	return (unsigned)i->o[n].disp & 0xff;
}

#endif
