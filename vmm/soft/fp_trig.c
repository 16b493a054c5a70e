/* SPDX-License-Identifier: MIT */
/* soft/fp: sine, cosine, tangent and arctangent of x87. */
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

static const struct constant pi = {false, 1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1};

static struct fp_wide one(void)
{
	return (struct fp_wide){.sig = (fp_u128)1 << 127};
}

/* ---- sine and cosine ------------------------------------------------------------------------------ */

/* Sum of (-1)^k x^(2k+n) / (2k+n)!, from n = 0 or 1: Taylor's series, for |x| < 0.8. */
static struct fp_wide series(struct fp_wide x, unsigned n)
{
	struct fp_wide x2 = fp_wide_mul(x, x), term = n ? x : one(), sum = term;

	/* 0.8^34 / 34! is below 2^-138. */
	for (unsigned k = n; k < 34; k += 2) {
		term = fp_wide_div_small(fp_wide_mul(term, x2), (k + 1) * (k + 2));
		term.sign = !term.sign;
		sum = fp_wide_add(sum, term);
	}
	return sum;
}

/* Half of the 66-bit pi of SDM 1, 8.3.8, in units of 2^-65. */
#define HALF_PI ((fp_u128)0x3 << 64 | 0x243f6a8885a308d3)

/* x = quadrant * pi/2 + r, exactly, by that pi; |r| is at most pi/4. x is finite, |x| < 2^63. */
static unsigned reduce(struct fp_num x, struct fp_wide *r)
{
	fp_u128 rem = x.sig;
	unsigned quadrant = 0;
	bool sign = x.sign;

	if (x.exp < -1) {
		*r = fp_wide_of(x);
		return 0;
	}
	for (int k = 0; k < x.exp + 2; k++) {
		rem <<= 1;
		quadrant <<= 1;
		if (rem >= HALF_PI) {
			rem -= HALF_PI;
			quadrant |= 1;
		}
	}
	if (rem > HALF_PI >> 1) {
		rem = HALF_PI - rem;
		sign = !sign;
		quadrant++;
	}
	*r = fp_wide_int(sign, rem, -65);
	return (x.sign ? 0 - quadrant : quadrant) & 3;
}

/* sin(r + quadrant * pi/2) */
static struct fp_wide sine(struct fp_wide r, unsigned quadrant)
{
	struct fp_wide v = quadrant & 1 ? series(r, 0) : series(r, 1);

	if (quadrant & 2)
		v.sign = !v.sign;
	return v;
}

/* What sin, cos and tan have in common: true when *out is the answer. */
static bool special(struct fp_env *e, struct fp_num a, bool *range, struct fp_num *out)
{
	e->up = false;
	*range = false;
	*out = a;
	if (fp_nan1(e, a, out))
		return true;
	if (a.kind == FP_KINF) {
		*out = fp_invalid(e);
		return true;
	}
	if (a.kind == FP_KFINITE && a.exp >= 63) {
		*range = true;
		return true;
	}
	return false;
}

struct fp_num fp_sin(struct fp_env *e, struct fp_num a, bool *range)
{
	struct fp_wide r;
	struct fp_num out;
	unsigned q;

	if (special(e, a, range, &out) || a.kind == FP_KZERO)
		return out;
	/* Of the least normal number it is the number, inexact, whatever the rounding: not tiny. */
	if (a.exp == fp_f80.emin && a.sig == FP_SIG_ONE) {
		e->flags |= FP_PE;
		e->up = false;
		return a;
	}
	q = reduce(a, &r);
	return fp_wide_round(e, sine(r, q));
}

struct fp_num fp_cos(struct fp_env *e, struct fp_num a, bool *range)
{
	struct fp_wide r;
	struct fp_num out;
	unsigned q;

	if (special(e, a, range, &out))
		return out;
	if (a.kind == FP_KZERO)
		return (struct fp_num){.kind = FP_KFINITE, .sig = FP_SIG_ONE};
	q = reduce(a, &r);
	return fp_wide_round(e, sine(r, q + 1));
}

struct fp_num fp_tan(struct fp_env *e, struct fp_num a, bool *range)
{
	struct fp_wide r;
	struct fp_num out;
	unsigned q;

	if (special(e, a, range, &out) || a.kind == FP_KZERO)
		return out;
	q = reduce(a, &r);
	return fp_wide_round(e, fp_wide_div(sine(r, q), sine(r, q + 1)));
}

/* ---- arctangent ------------------------------------------------------------------------------------ */

/* atan(k / 16) */
static const struct constant atans[17] = {
	{false, 0, 0, 0},
	{false, -5, 0xffaaddb967ef4e36, 0xcb2792dc0e2e0d51},
	{false, -4, 0xfeadd4d5617b6e32, 0xc897989f3e888ef7},
	{false, -3, 0xbdcbda5e72d81134, 0x7b0b4f881c9c7487},
	{false, -3, 0xfadbafc96406eb15, 0x6dc79ef5f7a217e5},
	{false, -2, 0x9b13b9b83f5e5e69, 0xc5abb498d27af328},
	{false, -2, 0xb7b0ca0f26f78473, 0x8aa32122dcfe4483},
	{false, -2, 0xd327761e611fe5b6, 0x427c95e9001e7136},
	{false, -2, 0xed63382b0dda7b45, 0x6fe445ecbc3a8d03},
	{false, -1, 0x832bf4a6d9867e2a, 0x4b6a09cb61a515c0},
	{false, -1, 0x8f005d5ef7f59f9b, 0x5c835e1665c43747},
	{false, -1, 0x9a2f80e671bdda20, 0x4226f8e2204ff3bc},
	{false, -1, 0xa4bc7d1934f70924, 0x19a87f2a457dac9e},
	{false, -1, 0xaeac4c38b4d8c080, 0x14725e2f3e52070a},
	{false, -1, 0xb8053e2bc2319e73, 0xcb2da55210a4443d},
	{false, -1, 0xc0ce85b8ac526640, 0x89dd62c46e92fa24},
	{false, -1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1},
};

/* atan t for 0 < t <= 1: atan c + atan((t - c) / (1 + t c)), c the nearest k / 16. */
static struct fp_wide arctan(struct fp_wide t)
{
	struct fp_wide c, u, u2, power, sum;
	unsigned k = 0;

	if (t.exp >= -5)
		k = (unsigned)(((t.sig >> (122 - t.exp)) + 1) >> 1);
	if (k) {
		c = fp_wide_int(false, k, -4);
		u = fp_wide_div(fp_wide_sub(t, c), fp_wide_add(one(), fp_wide_mul(t, c)));
	} else {
		u = t;
	}
	u2 = fp_wide_mul(u, u);
	u2.sign = true;
	power = sum = u;
	/* |u| <= 1/32: u^27 is 2^-135. */
	for (unsigned n = 3; n < 29 && u.sig; n += 2) {
		power = fp_wide_mul(power, u2);
		sum = fp_wide_add(sum, fp_wide_div_small(power, n));
	}
	return k ? fp_wide_add(wide(atans[k]), sum) : sum;
}

/* (quarters) * pi/4, with y's sign */
static struct fp_num pi_quarters(struct fp_env *e, bool sign, unsigned quarters)
{
	struct fp_wide v = fp_wide_mul(wide(pi), fp_wide_int(sign, quarters, -2));

	return fp_wide_round(e, v);
}

/* The cases without a quotient, SDM 2, table 3-40. */
static bool atan_special(struct fp_env *e, struct fp_num y, struct fp_num x, struct fp_num *out)
{
	if (y.kind == FP_KINF) {
		*out = pi_quarters(e, y.sign, x.kind != FP_KINF ? 2 : x.sign ? 3 : 1);
		return true;
	}
	if (y.kind == FP_KZERO || x.kind == FP_KINF) {
		*out = x.sign ? pi_quarters(e, y.sign, 4) : fp_make_zero(y.sign);
		return true;
	}
	if (x.kind == FP_KZERO) {
		*out = pi_quarters(e, y.sign, 2);
		return true;
	}
	return false;
}

/* The angle of (x, y). */
struct fp_num fp_atan2(struct fp_env *e, struct fp_num y, struct fp_num x)
{
	struct fp_wide wy, wx, v;
	struct fp_num out;

	e->up = false;
	if (fp_nan2(e, y, x, &out) || atan_special(e, y, x, &out))
		return out;
	wy = fp_wide_of(y);
	wx = fp_wide_of(x);
	wy.sign = wx.sign = false;
	if (y.exp < x.exp || (y.exp == x.exp && y.sig <= x.sig)) {
		v = arctan(fp_wide_div(wy, wx));
		if (x.sign)
			v = fp_wide_sub(wide(pi), v);
	} else {
		struct fp_wide half = wide(pi);

		half.exp--;
		v = arctan(fp_wide_div(wx, wy));
		v = x.sign ? fp_wide_add(half, v) : fp_wide_sub(half, v);
	}
	v.sign = y.sign;
	return fp_wide_round(e, v);
}
