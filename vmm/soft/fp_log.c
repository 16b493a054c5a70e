/* SPDX-License-Identifier: MIT */
/* soft/fp: exponential and logarithms of x87. */
#include "fp_wide.h"

/* A constant of 128 bits. */
struct constant {
	bool sign;
	int exp;
	uint64_t hi, lo;
};

static struct fp_wide wide(struct constant c)
{
	return (struct fp_wide){.sign = c.sign, .exp = c.exp, .sig = (fp_u128)c.hi << 64 | c.lo};
}

static const struct constant ln2 = {false, -1, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af};
static const struct constant log2e = {false, 0, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88};

/* Is |a| just 1? */
static bool is_one(struct fp_num a)
{
	return a.kind == FP_KFINITE && a.exp == 0 && a.sig == FP_SIG_ONE;
}

/* ---- 2^x - 1 ------------------------------------------------------------------------------------------ */

/* For |x| <= 1; beyond, where SDM 2 leaves it undefined, the operand is given back. */
struct fp_num fp_2xm1(struct fp_env *e, struct fp_num a)
{
	struct fp_wide t, term, sum;
	struct fp_num out;

	e->up = false;
	if (fp_nan1(e, a, &out))
		return out;
	if (a.kind == FP_KINF)
		return a.sign ? (struct fp_num){.kind = FP_KFINITE, .sign = true, .sig = FP_SIG_ONE}
			      : a;
	if (a.kind == FP_KZERO)
		return a;
	/* Intel's CPUs raise PE for every number, also where the result is exact. */
	e->flags |= FP_PE;
	if (a.exp > 0 || (a.exp == 0 && a.sig != FP_SIG_ONE))
		return a;
	if (is_one(a)) {
		a.exp = a.sign ? -1 : 0;
		return a;
	}
	/* e^t - 1 by Taylor's series; 0.7^33 / 33! is below 2^-139. */
	t = fp_wide_mul(fp_wide_of(a), wide(ln2));
	term = sum = t;
	for (unsigned n = 2; n < 34; n++) {
		term = fp_wide_div_small(fp_wide_mul(term, t), n);
		sum = fp_wide_add(sum, term);
	}
	return fp_wide_round(e, sum);
}

/* ---- logarithms ------------------------------------------------------------------------------------------ */

/* ln(k / 32), from k = 22 */
#define LNS_FIRST 22
static const struct constant lns[25] = {
	{true, -2, 0xbfd7d1dec0a8df6f, 0x37eda996244bccaf},
	{true, -2, 0xa9157039c51ebe70, 0x8164c759686a2208},
	{true, -2, 0x934b1089a6dc93c1, 0xdf5bb3b60554e151},
	{true, -3, 0xfcc8e3659d9bcbec, 0xca0cdf301431b60e},
	{true, -3, 0xd49f69e456cf1b79, 0x5f53bd2e406e66e7},
	{true, -3, 0xadfa035aa1ed8fdc, 0x149767e410316d2c},
	{true, -3, 0x88bc74113f23def1, 0x9c5a0fe396f40f1d},
	{true, -4, 0xc99af2eaca4c4570, 0xeaf51f66692844b9},
	{true, -4, 0x842cc5acf1d03445, 0x1fecdfa819b96097},
	{true, -5, 0x820aec4f3a222380, 0xb9e3aea6c444ef07},
	{false, 0, 0, 0},
	{false, -6, 0xfc14d873c1980267, 0xc7e09e3de453f5d5},
	{false, -5, 0xf85186008b15330b, 0xe64b8b775997898d},
	{false, -4, 0xb78694572b5a5cdf, 0x24cdcf68cdb20672},
	{false, -4, 0xf1383b7157972f4f, 0x543fff0ff4f0aaed},
	{false, -3, 0x94aa97c0ffa91a60, 0x2ee3880fb7d34427},
	{false, -3, 0xaff983853c9e9e43, 0x9f105039091dd7f3},
	{false, -3, 0xca92d4e7a2b5a3b2, 0x0983a9c5c4b3b132},
	{false, -3, 0xe47fbe3cd4d10d61, 0x2ec0f797fdcd1257},
	{false, -3, 0xfdc8c36af1f1546a, 0xaa3361bca6965049},
	{false, -2, 0x8b3ae55d5d30701c, 0xe63eab883717047e},
	{false, -2, 0x974715d708e984e1, 0x6648d42840d9e6f6},
	{false, -2, 0xa30c5e10e2f613e8, 0x5bd9bd99e39a20ae},
	{false, -2, 0xae8dedfac04e5284, 0x6c707b8ffc22b3e7},
	{false, -2, 0xb9cebfb5de8034e7, 0x12629fd69f7bcb55},
};

/* ln((1 + u) / (1 - u)) = 2 (u + u^3/3 + ...), for |u| below 1/40: u^23 is 2^-122 of u. */
static struct fp_wide two_atanh(struct fp_wide u)
{
	struct fp_wide u2 = fp_wide_mul(u, u), power = u, sum = u;

	for (unsigned n = 3; n < 27 && u.sig; n += 2) {
		power = fp_wide_mul(power, u2);
		sum = fp_wide_add(sum, fp_wide_div_small(power, n));
	}
	if (sum.sig)
		sum.exp++;
	return sum;
}

/* log2 of x > 0: 2^n m with m from 0.7 to 1.42; ln m = ln c + ln(m / c), c the nearest k / 32. */
static struct fp_wide log2_of(struct fp_wide x)
{
	int n = x.exp;
	struct fp_wide c, ln;
	unsigned k;

	x.exp = 0;
	/* 1.4142 or more counts as less than one */
	if ((uint64_t)(x.sig >> 64) >= 0xb504f333f9de6484) {
		x.exp = -1;
		n++;
	}
	k = (unsigned)(((x.sig >> (121 - x.exp)) + 1) >> 1);
	c = fp_wide_int(false, k, -5);
	ln = two_atanh(fp_wide_div(fp_wide_sub(x, c), fp_wide_add(x, c)));
	ln = fp_wide_add(wide(lns[k - LNS_FIRST]), ln);
	return fp_wide_add(fp_wide_int(n < 0, (fp_u128)(n < 0 ? -n : n), 0),
			   fp_wide_mul(ln, wide(log2e)));
}

/* y times the logarithm (l), which is infinite or zero. */
static struct fp_num times(struct fp_env *e, struct fp_num y, struct fp_num l)
{
	if ((y.kind == FP_KINF && l.kind == FP_KZERO) ||
	    (y.kind == FP_KZERO && l.kind == FP_KINF)) {
		e->flags &= (uint8_t)~FP_DE;
		return fp_invalid(e);
	}
	l.sign = l.sign != y.sign;
	if (y.kind == FP_KINF)
		l.kind = FP_KINF, l.sig = FP_SIG_ONE;
	else if (y.kind == FP_KZERO)
		l.kind = FP_KZERO;
	return l;
}

/* y * log2(x): SDM 2, table 3-62 */
struct fp_num fp_yl2x(struct fp_env *e, struct fp_num y, struct fp_num x)
{
	struct fp_num out, l;

	e->up = false;
	if (fp_nan2(e, y, x, &out))
		return out;
	if (x.sign && x.kind != FP_KZERO) {
		e->flags &= (uint8_t)~FP_DE;
		return fp_invalid(e);
	}
	if (x.kind == FP_KINF)
		return times(e, y, fp_make_inf(false));
	if (x.kind == FP_KZERO) {
		if (y.kind == FP_KFINITE)
			e->flags = (e->flags & (uint8_t)~FP_DE) | FP_ZE;
		return times(e, y, fp_make_inf(true));
	}
	if (is_one(x))
		return times(e, y, fp_make_zero(false));
	if (y.kind != FP_KFINITE) {
		l = x;
		l.sign = x.exp < 0;
		return times(e, y, l);
	}
	if (x.sig == FP_SIG_ONE) {
		/* A power of two: the product is exact but for rounding; PE as for all others. */
		e->prec = 64;
		e->flags |= FP_PE;
		return fp_mul(e, &fp_f80, y, fp_from_int(e, &fp_f80, x.exp));
	}
	return fp_wide_round(e, fp_wide_mul(fp_wide_of(y), log2_of(fp_wide_of(x))));
}

/*
 * y * log2(x + 1). SDM 2 wants |x| below 1 - sqrt(1/2); beyond, where it leaves the result undefined,
 * it is the logarithm all the same, and x itself for x <= -1, as on Intel's CPUs.
 */
struct fp_num fp_yl2xp1(struct fp_env *e, struct fp_num y, struct fp_num x)
{
	const struct fp_wide one = {.sig = (fp_u128)1 << 127};
	struct fp_wide wx, l;
	struct fp_num out;

	e->up = false;
	if (fp_nan2(e, y, x, &out))
		return out;
	if (x.sign && x.kind == FP_KINF) {
		e->flags &= (uint8_t)~FP_DE;
		return fp_invalid(e);
	}
	if (x.kind != FP_KFINITE || y.kind != FP_KFINITE)
		return times(e, y, x);
	if (x.sign && x.exp >= 0) {
		e->flags |= FP_PE;
		return x;
	}
	wx = fp_wide_of(x);
	if (x.exp < -5) {
		struct fp_wide two = one;

		two.exp = 1;
		l = fp_wide_mul(two_atanh(fp_wide_div(wx, fp_wide_add(two, wx))), wide(log2e));
	} else {
		l = log2_of(fp_wide_add(one, wx));
	}
	return fp_wide_round(e, fp_wide_mul(fp_wide_of(y), l));
}
