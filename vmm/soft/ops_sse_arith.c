/* SPDX-License-Identifier: MIT */
/* soft: SSE to SSE4.1 arithmetic on floats. SDM volume 2. */
#include "simd.h"

enum fn {
	FN_NONE,
	FN_ADD,
	FN_SUB,
	FN_MUL,
	FN_DIV,
	FN_MIN,
	FN_MAX,
	FN_SQRT,
	FN_ROUND,
	FN_RCP,
	FN_RSQRT
};

struct form {
	uint8_t fn, size, count; /* enum fn, bytes of an element, elements */
};

#define SINGLE(name, fn) [INSN_##name##PS] = {fn, 4, 4}, [INSN_##name##SS] = {fn, 4, 1}
#define BOTH(name, fn)                                                                             \
	SINGLE(name, fn), [INSN_##name##PD] = {fn, 8, 2}, [INSN_##name##SD] = {fn, 8, 1}

static const struct form forms[INSN_OPS] = {
	BOTH(ADD, FN_ADD),   BOTH(SUB, FN_SUB),	      BOTH(MUL, FN_MUL),   BOTH(DIV, FN_DIV),
	BOTH(MIN, FN_MIN),   BOTH(MAX, FN_MAX),	      BOTH(SQRT, FN_SQRT), BOTH(ROUND, FN_ROUND),
	SINGLE(RCP, FN_RCP), SINGLE(RSQRT, FN_RSQRT),
};

static uint64_t get(const union soft_xmm *v, unsigned size, unsigned k)
{
	return size == 4 ? v->d[k] : v->q[k];
}

static void put(union soft_xmm *v, unsigned size, unsigned k, uint64_t val)
{
	if (size == 4)
		v->d[k] = (uint32_t)val;
	else
		v->q[k] = val;
}

static uint64_t compute(struct fp_env *e, enum fn fn, unsigned size, uint64_t a, uint64_t b)
{
	const struct fp_fmt *f = fp_fmt_of(size);
	struct fp_num x, y;

	if (fn == FN_MIN)
		return fp_min(e, size, a, b);
	if (fn == FN_MAX)
		return fp_max(e, size, a, b);
	if (fn == FN_RCP)
		return fp_rcp32((uint32_t)b);
	if (fn == FN_RSQRT)
		return fp_rsqrt32((uint32_t)b);
	x = fp_unpack(e, size, a);
	y = fp_unpack(e, size, b);
	switch (fn) {
	case FN_ADD:
		return fp_pack(size, fp_add(e, f, x, y));
	case FN_SUB:
		return fp_pack(size, fp_sub(e, f, x, y));
	case FN_MUL:
		return fp_pack(size, fp_mul(e, f, x, y));
	case FN_DIV:
		return fp_pack(size, fp_div(e, f, x, y));
	default:
		return fp_pack(size, fp_sqrt(e, f, y));
	}
}

/* ADD, SUB, MUL, DIV, MIN, MAX, SQRT, RCP, RSQRT of PS, PD, SS, SD */
void soft_op_sse_arith(struct soft *s, const struct insn *i)
{
	struct form f = forms[i->op];
	struct fp_env e = soft_sse_env(s);
	struct simd_exc x = {0};
	union soft_xmm a, b;

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	a = soft_simd_load(s, i, 0);
	for (unsigned k = 0; k < f.count; k++) {
		put(&a, f.size, k,
		    compute(&e, f.fn, f.size, get(&a, f.size, k), get(&b, f.size, k)));
		soft_sse_flags(&x, &e);
	}
	soft_sse_raise(s, &x);
	soft_simd_store(s, i, 0, a);
}

/* ROUNDPS and the like: the mode is in the immediate; no DE. */
void soft_op_sse_round(struct soft *s, const struct insn *i)
{
	struct form f = forms[i->op];
	unsigned imm = soft_simd_imm(i, 2);
	struct fp_env e = soft_sse_env(s);
	struct simd_exc x = {0};
	union soft_xmm a, b;
	struct fp_num n, r;

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	a = soft_simd_load(s, i, 0);
	if (!(imm & 4))
		e.round = imm & 3;
	for (unsigned k = 0; k < f.count; k++) {
		n = fp_unpack(&e, f.size, get(&b, f.size, k));
		n.denormal = false;
		if (!fp_nan1(&e, n, &r))
			r = fp_round_int(&e, n, imm & 8);
		put(&a, f.size, k, fp_pack(f.size, r));
		soft_sse_flags(&x, &e);
	}
	soft_sse_raise(s, &x);
	soft_simd_store(s, i, 0, a);
}

/* ---- SSE3 ----------------------------------------------------------------------------------------- */

/* HADDPS, HADDPD, HSUBPS, HSUBPD: neighbours, first of the destination, then of the source. */
void soft_op_sse_horizontal(struct soft *s, const struct insn *i)
{
	unsigned size = i->op == INSN_HADDPS || i->op == INSN_HSUBPS ? 4 : 8, half = 8 / size;
	enum fn fn = i->op == INSN_HADDPS || i->op == INSN_HADDPD ? FN_ADD : FN_SUB;
	struct fp_env e = soft_sse_env(s);
	struct simd_exc x = {0};
	union soft_xmm v[2], r;

	soft_simd_enter(s, i);
	v[1] = soft_simd_load(s, i, 1);
	v[0] = soft_simd_load(s, i, 0);
	for (unsigned k = 0; k < 2 * half; k++) {
		const union soft_xmm *from = &v[k / half];
		unsigned at = k % half * 2;

		put(&r, size, k,
		    compute(&e, fn, size, get(from, size, at), get(from, size, at + 1)));
		soft_sse_flags(&x, &e);
	}
	soft_sse_raise(s, &x);
	soft_simd_store(s, i, 0, r);
}

/* ADDSUBPS, ADDSUBPD: even elements are subtracted, odd ones added. */
void soft_op_sse_addsub(struct soft *s, const struct insn *i)
{
	unsigned size = i->op == INSN_ADDSUBPS ? 4 : 8;
	struct fp_env e = soft_sse_env(s);
	struct simd_exc x = {0};
	union soft_xmm a, b;

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	a = soft_simd_load(s, i, 0);
	for (unsigned k = 0; k < 16 / size; k++) {
		put(&a, size, k,
		    compute(&e, k & 1 ? FN_ADD : FN_SUB, size, get(&a, size, k), get(&b, size, k)));
		soft_sse_flags(&x, &e);
	}
	soft_sse_raise(s, &x);
	soft_simd_store(s, i, 0, a);
}

/* ---- SSE4.1 dot products ---------------------------------------------------------------------------- */

/*
 * DPPS, DPPD: the steps of SDM 2: products, then sums of pairs, then the sum of those. An unmasked
 * exception of a step ends the instruction before the next is done. Every element of the result has
 * sums of its own, which differ in the order of operands alone: as on Intel's CPUs, that is which of
 * two NaNs is chosen.
 */
void soft_op_sse_dot(struct soft *s, const struct insn *i)
{
	unsigned size = i->op == INSN_DPPS ? 4 : 8, count = 16 / size, imm = soft_simd_imm(i, 2);
	struct fp_env e = soft_sse_env(s);
	struct simd_exc x = {0};
	union soft_xmm a, b, r = {.q = {0, 0}};
	uint64_t t[4] = {0}, sum[4] = {0};

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	a = soft_simd_load(s, i, 0);
	for (unsigned k = 0; k < count; k++) {
		if (imm >> (4 + k) & 1)
			t[k] = compute(&e, FN_MUL, size, get(&a, size, k), get(&b, size, k));
		soft_sse_flags(&x, &e);
	}
	soft_sse_raise(s, &x);
	for (unsigned step = 1; step < count; step *= 2) {
		/* DPPD and the second step of DPPS begin with the element itself. */
		bool other = count == 4 && step == 1;

		for (unsigned k = 0; k < count; k++) {
			unsigned first = other ? k ^ step : k;

			sum[k] = compute(&e, FN_ADD, size, t[first], t[first ^ step]);
			soft_sse_flags(&x, &e);
		}
		memcpy(t, sum, sizeof(t));
		soft_sse_raise(s, &x);
	}
	for (unsigned k = 0; k < count; k++)
		if (imm >> k & 1)
			put(&r, size, k, t[k]);
	soft_simd_store(s, i, 0, r);
}
