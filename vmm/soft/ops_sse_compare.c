/* SPDX-License-Identifier: MIT */
/* soft: comparisons of SSE and SSE2 floats. SDM volume 2. */
#include "flags.h"
#include "simd.h"

/* The eight predicates of CMPPS and the like, SDM 2, table 3-1. */
static bool predicate(struct fp_env *e, unsigned imm, struct fp_num a, struct fp_num b)
{
	/* EQ, UNORD, NEQ and ORD do not mind a QNaN. */
	enum fp_order o = fp_compare(e, a, b, (imm & 3) == 0 || (imm & 3) == 3);
	bool yes;

	switch (imm & 3) {
	case 0:
		yes = o == FP_EQUAL;
		break;
	case 1:
		yes = o == FP_LESS;
		break;
	case 2:
		yes = o == FP_LESS || o == FP_EQUAL;
		break;
	default:
		yes = o == FP_UNORDERED;
		break;
	}
	return yes != (imm >> 2 & 1);
}

static void compare(struct soft *s, const struct insn *i, unsigned size, unsigned count)
{
	unsigned imm = soft_simd_imm(i, 2);
	struct fp_env e = soft_sse_env(s);
	struct simd_exc x = {0};
	union soft_xmm a, b;

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	a = soft_simd_load(s, i, 0);
	for (unsigned k = 0; k < count; k++) {
		uint64_t va = size == 4 ? a.d[k] : a.q[k], vb = size == 4 ? b.d[k] : b.q[k];
		bool yes = predicate(&e, imm, fp_unpack(&e, size, va), fp_unpack(&e, size, vb));

		memset(a.b + k * size, yes ? 0xff : 0, size);
		soft_sse_flags(&x, &e);
	}
	soft_sse_raise(s, &x);
	soft_simd_store(s, i, 0, a);
}

void soft_op_sse_cmp(struct soft *s, const struct insn *i)
{
	if (i->op == INSN_CMPPS)
		compare(s, i, 4, 4);
	else if (i->op == INSN_CMPPD)
		compare(s, i, 8, 2);
	else
		compare(s, i, 4, 1);
}

void soft_op_sse_cmpsd(struct soft *s, const struct insn *i)
{
	compare(s, i, 8, 1);
}

/* COMISS, COMISD, UCOMISS, UCOMISD: ZF, PF and CF say the order, the other three are cleared. */
void soft_op_sse_comi(struct soft *s, const struct insn *i)
{
	static const uint64_t says[] = {
		[FP_LESS] = X86_FLAG_CF,
		[FP_EQUAL] = X86_FLAG_ZF,
		[FP_GREATER] = 0,
		[FP_UNORDERED] = X86_FLAG_ZF | X86_FLAG_PF | X86_FLAG_CF,
	};
	unsigned size = i->op == INSN_COMISS || i->op == INSN_UCOMISS ? 4 : 8;
	struct fp_env e = soft_sse_env(s);
	struct simd_exc x = {0};
	union soft_xmm a, b;
	enum fp_order o;

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	a = soft_simd_load(s, i, 0);
	o = fp_compare(&e, fp_unpack(&e, size, a.q[0] & size_mask(size)),
		       fp_unpack(&e, size, b.q[0] & size_mask(size)),
		       i->op == INSN_UCOMISS || i->op == INSN_UCOMISD);
	soft_sse_flags(&x, &e);
	soft_sse_raise(s, &x);
	soft_flags_put(s, SOFT_FLAGS_ARITH, says[o]);
}
