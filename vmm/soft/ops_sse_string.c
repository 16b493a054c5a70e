/* SPDX-License-Identifier: MIT */
/* soft: SSE4.2 string comparison: PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM. SDM 1, 4.1 of vol. 2. */
#include "flags.h"
#include "simd.h"

/* The control byte, SDM 2, 4.1 */
#define FORMAT_WORDS 1u
#define FORMAT_SIGN  2u
#define AGGREGATION  12u
#define EQUAL_ANY    0u
#define RANGES	     4u
#define EQUAL_EACH   8u
#define EQUAL_ORDER  12u
#define NEGATIVE     16u
#define MASKED	     32u
#define LAST	     64u /* the index is that of the last one; the mask is one of elements */

struct str {
	union soft_xmm v;
	unsigned len; /* valid elements */
};

static int element(const struct str *x, unsigned imm, unsigned k)
{
	switch (imm & 3) {
	case 0:
		return x->v.b[k];
	case FORMAT_WORDS:
		return x->v.w[k];
	case FORMAT_SIGN:
		return (int8_t)x->v.b[k];
	default:
		return (int16_t)x->v.w[k];
	}
}

static bool any_or_range(const struct str *a, const struct str *b, unsigned imm, unsigned j)
{
	unsigned step = (imm & AGGREGATION) == RANGES ? 2 : 1;
	int e = element(b, imm, j);

	if (j >= b->len)
		return false;
	for (unsigned k = 0; k + step <= a->len; k += step) {
		int lo = element(a, imm, k);

		if (step == 2 ? e >= lo && e <= element(a, imm, k + 1) : e == lo)
			return true;
	}
	return false;
}

/* a begins at element j of b, as far as b's register reaches. */
static bool ordered(const struct str *a, const struct str *b, unsigned imm, unsigned j, unsigned n)
{
	for (unsigned k = 0; k < a->len && j + k < n; k++)
		if (j + k >= b->len || element(a, imm, k) != element(b, imm, j + k))
			return false;
	return true;
}

/* IntRes2 */
static unsigned aggregate(const struct str *a, const struct str *b, unsigned imm)
{
	unsigned n = imm & FORMAT_WORDS ? 8 : 16, res = 0;

	for (unsigned j = 0; j < n; j++) {
		bool va = j < a->len, vb = j < b->len, yes;

		switch (imm & AGGREGATION) {
		case EQUAL_EACH:
			yes = va && vb ? element(a, imm, j) == element(b, imm, j) : va == vb;
			break;
		case EQUAL_ORDER:
			yes = ordered(a, b, imm, j, n);
			break;
		default:
			yes = any_or_range(a, b, imm, j);
			break;
		}
		if ((imm & NEGATIVE) && (!(imm & MASKED) || vb))
			yes = !yes;
		res |= (unsigned)yes << j;
	}
	return res;
}

/* Implicit length: up to the first zero. */
static unsigned until_zero(const union soft_xmm *v, unsigned imm)
{
	unsigned n = 0;

	if (imm & FORMAT_WORDS) {
		while (n < 8 && v->w[n])
			n++;
	} else {
		while (n < 16 && v->b[n])
			n++;
	}
	return n;
}

/* Explicit length: the magnitude of rAX or rDX, which REX.W widens. */
static unsigned from_register(const struct soft *s, const struct insn *i, unsigned reg,
			      unsigned imm)
{
	int64_t v = i->opsize == 8 ? (int64_t)s->gpr[reg] : (int32_t)s->gpr[reg];
	uint64_t mag = v < 0 ? 0 - (uint64_t)v : (uint64_t)v, most = imm & FORMAT_WORDS ? 8 : 16;

	return (unsigned)(mag < most ? mag : most);
}

static void store_mask(struct soft *s, unsigned imm, unsigned res)
{
	union soft_xmm r = {.q = {res, 0}};

	if (imm & LAST) {
		for (unsigned k = 0; k < 16; k++)
			r.b[k] = res >> (imm & FORMAT_WORDS ? k / 2 : k) & 1 ? 0xff : 0;
	}
	s->xmm[0] = r;
}

/* All four; memory need not be aligned. */
void soft_op_sse_pcmpstr(struct soft *s, const struct insn *i)
{
	unsigned imm = soft_simd_imm(i, 2), n = imm & FORMAT_WORDS ? 8 : 16, res;
	bool explicit = i->op == INSN_PCMPESTRI || i->op == INSN_PCMPESTRM;
	bool index = i->op == INSN_PCMPESTRI || i->op == INSN_PCMPISTRI;
	struct str a, b;
	uint64_t f = 0;

	soft_simd_enter(s, i);
	b.v = soft_simd_load_any(s, i, 1);
	a.v = soft_simd_load_any(s, i, 0);
	a.len = explicit ? from_register(s, i, X86_RAX, imm) : until_zero(&a.v, imm);
	b.len = explicit ? from_register(s, i, X86_RDX, imm) : until_zero(&b.v, imm);
	res = aggregate(&a, &b, imm);
	if (res)
		f |= X86_FLAG_CF;
	if (b.len < n)
		f |= X86_FLAG_ZF;
	if (a.len < n)
		f |= X86_FLAG_SF;
	if (res & 1)
		f |= X86_FLAG_OF;
	soft_flags_put(s, SOFT_FLAGS_ARITH, f);
	if (!index)
		store_mask(s, imm, res);
	else if (!res)
		s->gpr[X86_RCX] = n;
	else
		s->gpr[X86_RCX] = imm & LAST ? 31u - (unsigned)__builtin_clz(res)
					     : (unsigned)__builtin_ctz(res);
}
