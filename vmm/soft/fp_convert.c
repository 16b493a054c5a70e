/* SPDX-License-Identifier: MIT */
/* soft/fp: conversions between formats and integers, rounding to integers, RCPPS and RSQRTPS. */
#include "fp.h"

struct fp_num fp_convert(struct fp_env *e, const struct fp_fmt *f, struct fp_num a)
{
	struct fp_num out;

	e->up = false;
	if (fp_nan1(e, a, &out))
		return out;
	if (a.kind != FP_KFINITE)
		return a;
	return fp_round_num(e, f, a.sign, a.exp, a.sig, 0);
}

/* |a| as an integer: rounded by the mode (or cut). False: it does not fit 64 bits. */
static bool to_magnitude(struct fp_env *e, struct fp_num a, bool truncate, uint64_t *out,
			 bool *inexact)
{
	uint64_t v, rest; /* rest: what lies behind the point, in 2^-64 */
	bool up = false;

	*inexact = false;
	if (a.kind == FP_KZERO) {
		*out = 0;
		return true;
	}
	if (a.exp > 63)
		return false;
	if (a.exp == 63) {
		*out = a.sig;
		return true;
	}
	if (a.exp >= 0) {
		v = a.sig >> (63 - a.exp);
		rest = a.sig << (a.exp + 1);
	} else {
		v = 0;
		rest = a.exp == -1 ? a.sig : 1; /* a half or more; or less than a half */
	}
	if (!truncate) {
		if (e->round == FP_NEAR)
			up = rest > FP_SIG_ONE || (rest == FP_SIG_ONE && (v & 1));
		else if (e->round == FP_DOWN)
			up = a.sign && rest;
		else if (e->round == FP_UP)
			up = !a.sign && rest;
	}
	*inexact = rest;
	e->up = up;
	*out = v + up;
	return true;
}

int64_t fp_to_int(struct fp_env *e, struct fp_num a, unsigned bits, bool truncate)
{
	uint64_t limit = 1ull << (bits - 1), v;
	bool inexact, fits;

	e->up = false;
	fits = a.kind <= FP_KFINITE && to_magnitude(e, a, truncate, &v, &inexact);
	if (!fits || v > limit || (v == limit && !a.sign)) {
		e->up = false;
		e->flags |= FP_IE;
		return -(int64_t)(limit - 1) - 1;
	}
	if (inexact)
		e->flags |= FP_PE;
	return a.sign ? (int64_t)(0 - v) : (int64_t)v;
}

struct fp_num fp_from_int(struct fp_env *e, const struct fp_fmt *f, int64_t v)
{
	uint64_t mag = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	int shift;

	e->up = false;
	if (!v)
		return fp_make_zero(false);
	shift = __builtin_clzll(mag);
	return fp_round_num(e, f, v < 0, 63 - shift, mag << shift, 0);
}

struct fp_num fp_round_int(struct fp_env *e, struct fp_num a, bool quiet)
{
	bool inexact;
	uint64_t v;
	int shift;

	e->up = false;
	if (a.kind != FP_KFINITE || a.exp >= 63)
		return a;
	(void)to_magnitude(e, a, false, &v, &inexact);
	if (inexact && !quiet)
		e->flags |= FP_PE;
	if (!v)
		return fp_make_zero(a.sign);
	shift = __builtin_clzll(v);
	return (struct fp_num){
		.kind = FP_KFINITE, .sign = a.sign, .exp = 63 - shift, .sig = v << shift};
}

/* ---- RCPPS, RSQRTPS ------------------------------------------------------------------------------ */

/* A 12-bit format with f32's exponents: what the approximations are rounded to. */
static const struct fp_fmt fp_approx = {12, -126, 127};

static uint32_t approx(uint32_t v, bool root)
{
	struct fp_env e = {.masks = FP_ALL, .daz = true, .ftz = true};
	const struct fp_num one = {.kind = FP_KFINITE, .sig = FP_SIG_ONE};
	struct fp_num a = fp_unpack(&e, 4, v), r;

	if (root) {
		if (a.kind == FP_KZERO)
			return (uint32_t)fp_pack(4, fp_make_inf(a.sign));
		if (!fp_is_nan(a) && a.sign)
			return (uint32_t)fp_pack(4, fp_default_nan());
		/* 64 bits of the root first: the quotient is then rounded a second time, which is
		 * part of the rule. */
		e.prec = 64;
		a = fp_sqrt(&e, &fp_f80, a);
	}
	r = fp_div(&e, &fp_approx, one, a);
	return (uint32_t)fp_pack(4, r);
}

uint32_t fp_rcp32(uint32_t v)
{
	return approx(v, false);
}

uint32_t fp_rsqrt32(uint32_t v)
{
	return approx(v, true);
}
