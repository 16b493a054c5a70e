/* SPDX-License-Identifier: MIT */
/* soft: shuffles, packs, blends, extensions and tests of vectors, MMX to SSE4.1. SDM volume 2. */
#include <assert.h>

#include "flags.h"
#include "simd.h"

/* ---- by immediate ------------------------------------------------------------------------------------ */

/* PSHUFD, PSHUFHW, PSHUFLW, PSHUFW */
void soft_op_simd_pshuf(struct soft *s, const struct insn *i)
{
	unsigned imm = soft_simd_imm(i, 2), base = i->op == INSN_PSHUFHW ? 4 : 0;
	union soft_xmm v, r;

	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, 1);
	r = v;
	for (unsigned k = 0; k < 4; k++) {
		unsigned from = imm >> (2 * k) & 3;

		if (i->op == INSN_PSHUFD)
			r.d[k] = v.d[from];
		else
			r.w[base + k] = v.w[base + from];
	}
	soft_simd_store(s, i, 0, r);
}

void soft_op_sse_shufps(struct soft *s, const struct insn *i)
{
	unsigned imm = soft_simd_imm(i, 2);
	union soft_xmm a, b, r;

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	a = soft_simd_load(s, i, 0);
	for (unsigned k = 0; k < 4; k++)
		r.d[k] = (k < 2 ? a : b).d[imm >> (2 * k) & 3];
	soft_simd_store(s, i, 0, r);
}

void soft_op_sse_shufpd(struct soft *s, const struct insn *i)
{
	unsigned imm = soft_simd_imm(i, 2);
	union soft_xmm a, b;

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	a = soft_simd_load(s, i, 0);
	a.q[0] = a.q[imm & 1];
	a.q[1] = b.q[imm >> 1 & 1];
	soft_simd_store(s, i, 0, a);
}

void soft_op_simd_palignr(struct soft *s, const struct insn *i)
{
	unsigned imm = soft_simd_imm(i, 2), len = soft_simd_len(i);
	union soft_xmm a, b, r = {.q = {0, 0}};

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	a = soft_simd_load(s, i, 0);
	for (unsigned k = 0; k < len; k++) {
		unsigned from = k + imm;

		if (from < 2 * len)
			r.b[k] = from < len ? b.b[from] : a.b[from - len];
	}
	soft_simd_store(s, i, 0, r);
}

/* ---- by a vector --------------------------------------------------------------------------------------- */

void soft_op_simd_pshufb(struct soft *s, const struct insn *i)
{
	unsigned len = soft_simd_len(i);
	union soft_xmm a, b, r = {.q = {0, 0}};

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	a = soft_simd_load(s, i, 0);
	for (unsigned k = 0; k < len; k++)
		if (!(b.b[k] >> 7))
			r.b[k] = a.b[b.b[k] & (len - 1)];
	soft_simd_store(s, i, 0, r);
}

/* Bytes of an element, for interleaving and blending. */
static unsigned element(unsigned op)
{
	switch (op) {
	case INSN_PUNPCKLBW:
	case INSN_PUNPCKHBW:
	case INSN_PBLENDVB:
		return 1;
	case INSN_PUNPCKLWD:
	case INSN_PUNPCKHWD:
	case INSN_PBLENDW:
		return 2;
	case INSN_PUNPCKLQDQ:
	case INSN_PUNPCKHQDQ:
	case INSN_UNPCKLPD:
	case INSN_UNPCKHPD:
	case INSN_BLENDPD:
	case INSN_BLENDVPD:
		return 8;
	default:
		return 4;
	}
}

static bool takes_high(unsigned op)
{
	return op == INSN_PUNPCKHBW || op == INSN_PUNPCKHWD || op == INSN_PUNPCKHDQ ||
	       op == INSN_PUNPCKHQDQ || op == INSN_UNPCKHPS || op == INSN_UNPCKHPD;
}

/* PUNPCKx, UNPCKxPS, UNPCKxPD: elements of both, in turn, from the low or high halves. */
void soft_op_simd_unpack(struct soft *s, const struct insn *i)
{
	unsigned size = element(i->op), len = soft_simd_len(i);
	unsigned from = takes_high(i->op) ? len / 2 : 0;
	union soft_xmm a, b, r = {.q = {0, 0}};

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	a = soft_simd_load(s, i, 0);
	for (unsigned k = 0; k < len / 2; k += size) {
		memcpy(r.b + 2 * k, a.b + from + k, size);
		memcpy(r.b + 2 * k + size, b.b + from + k, size);
	}
	soft_simd_store(s, i, 0, r);
}

/* BLENDPS, BLENDPD, PBLENDW by immediate; BLENDVPS, BLENDVPD, PBLENDVB by the signs in XMM0 */
void soft_op_sse_blend(struct soft *s, const struct insn *i)
{
	unsigned size = element(i->op), imm = soft_simd_imm(i, 2);
	bool by_xmm0 = i->op == INSN_BLENDVPS || i->op == INSN_BLENDVPD || i->op == INSN_PBLENDVB;
	union soft_xmm a, b, m = s->xmm[0];

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	a = soft_simd_load(s, i, 0);
	for (unsigned k = 0; k < 16 / size; k++)
		if (by_xmm0 ? m.b[k * size + size - 1] >> 7 : imm >> k & 1)
			memcpy(a.b + k * size, b.b + k * size, size);
	soft_simd_store(s, i, 0, a);
}

/* ---- narrower and wider ---------------------------------------------------------------------------------- */

/* PACKSSWB, PACKUSWB, PACKSSDW, PACKUSDW: with saturation; the destination's elements come first. */
void soft_op_simd_pack(struct soft *s, const struct insn *i)
{
	bool to_bytes = i->op == INSN_PACKSSWB || i->op == INSN_PACKUSWB;
	bool is_signed = i->op == INSN_PACKSSWB || i->op == INSN_PACKSSDW;
	unsigned size = to_bytes ? 2 : 4, half = soft_simd_len(i) / size;
	int64_t hi = (to_bytes ? 255 : 65535) >> is_signed, lo = is_signed ? -hi - 1 : 0;
	union soft_xmm v[2], r = {.q = {0, 0}};

	soft_simd_enter(s, i);
	v[1] = soft_simd_load(s, i, 1);
	v[0] = soft_simd_load(s, i, 0);
	for (unsigned k = 0; k < 2 * half; k++) {
		const union soft_xmm *from = &v[k / half];
		int64_t e = to_bytes ? (int16_t)from->w[k % half] : (int32_t)from->d[k % half];

		e = e < lo ? lo : e > hi ? hi : e;
		if (to_bytes)
			r.b[k] = (uint8_t)e;
		else
			r.w[k] = (uint16_t)e;
	}
	soft_simd_store(s, i, 0, r);
}

/* PMOVSXxx and PMOVZXxx: (from) bytes to (to) bytes an element. */
void soft_op_sse_pmovx(struct soft *s, const struct insn *i)
{
	static const struct {
		uint8_t from, to;
		bool sx;
	} forms[INSN_OPS] = {
		[INSN_PMOVSXBW] = {1, 2, true},	 [INSN_PMOVSXBD] = {1, 4, true},
		[INSN_PMOVSXBQ] = {1, 8, true},	 [INSN_PMOVSXWD] = {2, 4, true},
		[INSN_PMOVSXWQ] = {2, 8, true},	 [INSN_PMOVSXDQ] = {4, 8, true},
		[INSN_PMOVZXBW] = {1, 2, false}, [INSN_PMOVZXBD] = {1, 4, false},
		[INSN_PMOVZXBQ] = {1, 8, false}, [INSN_PMOVZXWD] = {2, 4, false},
		[INSN_PMOVZXWQ] = {2, 8, false}, [INSN_PMOVZXDQ] = {4, 8, false},
	};
	unsigned from = forms[i->op].from, to = forms[i->op].to;
	union soft_xmm v, r;

	assert(from && to);
	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, 1);
	for (unsigned k = 0; k < 16 / to; k++) {
		uint64_t e = 0;

		memcpy(&e, v.b + k * from, from);
		if (forms[i->op].sx)
			e = (uint64_t)soft_sext(e, from);
		memcpy(r.b + k * to, &e, to);
	}
	soft_simd_store(s, i, 0, r);
}

/* PTEST: ZF: no bit in common; CF: all bits of the source are in the destination. */
void soft_op_sse_ptest(struct soft *s, const struct insn *i)
{
	union soft_xmm a, b;
	uint64_t f = 0;

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	a = soft_simd_load(s, i, 0);
	if (!((a.q[0] & b.q[0]) | (a.q[1] & b.q[1])))
		f |= X86_FLAG_ZF;
	if (!((~a.q[0] & b.q[0]) | (~a.q[1] & b.q[1])))
		f |= X86_FLAG_CF;
	soft_flags_put(s, SOFT_FLAGS_ARITH, f);
}
