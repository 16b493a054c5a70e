/* SPDX-License-Identifier: MIT */
/* soft/fp: packing, rounding and the rules of NaNs. */
#include <assert.h>

#include "fp.h"

const struct fp_fmt fp_f32 = {24, -126, 127};
const struct fp_fmt fp_f64 = {53, -1022, 1023};
const struct fp_fmt fp_f80 = {64, -16382, 16383};

#define F80_BIAS    16383
#define F80_EXP_MAX 0x7fff
/* What an unmasked overflow or underflow of x87 moves the exponent by: SDM 1, 8.5.4 and 8.5.5. */
#define X87_WRAP 24576

/* ---- packing --------------------------------------------------------------------------------- */

struct fp_num fp_make_zero(bool sign)
{
	return (struct fp_num){.kind = FP_KZERO, .sign = sign};
}

struct fp_num fp_make_inf(bool sign)
{
	return (struct fp_num){.kind = FP_KINF, .sign = sign, .sig = FP_SIG_ONE};
}

struct fp_num fp_default_nan(void)
{
	return (struct fp_num){.kind = FP_KNAN, .sign = true, .sig = FP_SIG_ONE | FP_SIG_QUIET};
}

/* A denormal: sig is not zero and stands at (exp). */
static struct fp_num from_denormal(bool sign, int exp, uint64_t sig)
{
	int shift = __builtin_clzll(sig);

	return (struct fp_num){.kind = FP_KFINITE,
			       .sign = sign,
			       .denormal = true,
			       .exp = exp - shift,
			       .sig = sig << shift};
}

struct fp_num fp_unpack(const struct fp_env *e, unsigned size, uint64_t v)
{
	const struct fp_fmt *f = fp_fmt_of(size);
	int exp = (int)(v >> (f->prec - 1)) & (f->emax * 2 + 1);
	bool sign = v >> (8 * size - 1) & 1;
	/* The fraction behind an integer bit of 0. */
	uint64_t frac = v << (64 - f->prec) & ~FP_SIG_ONE;

	if (exp == f->emax * 2 + 1) {
		if (!frac)
			return fp_make_inf(sign);
		return (struct fp_num){.kind = FP_KNAN, .sign = sign, .sig = FP_SIG_ONE | frac};
	}
	if (exp)
		return (struct fp_num){.kind = FP_KFINITE,
				       .sign = sign,
				       .exp = exp - f->emax,
				       .sig = FP_SIG_ONE | frac};
	if (!frac || e->daz)
		return fp_make_zero(sign);
	return from_denormal(sign, f->emin, frac);
}

uint64_t fp_pack(unsigned size, struct fp_num n)
{
	const struct fp_fmt *f = fp_fmt_of(size);
	uint64_t sign = (uint64_t)n.sign << (8 * size - 1);
	uint64_t exp = (uint64_t)f->emax * 2 + 1, sig = n.sig;

	switch (n.kind) {
	case FP_KZERO:
		return sign;
	case FP_KINF:
	case FP_KNAN:
		break;
	default:
		if (n.exp < f->emin) {
			assert(f->emin - n.exp < f->prec);
			sig >>= f->emin - n.exp;
			exp = 0;
		} else {
			exp = (uint64_t)n.exp + (uint64_t)f->emax; /* above 0 */
		}
		break;
	}
	return sign | exp << (f->prec - 1) | (sig & ~FP_SIG_ONE) >> (64 - f->prec);
}

struct fp_num fp_unpack80(struct soft_f80 v)
{
	int exp = v.exp & F80_EXP_MAX;
	bool sign = v.exp >> 15;

	if (!exp)
		return v.sig ? from_denormal(sign, fp_f80.emin, v.sig) : fp_make_zero(sign);
	if (!(v.sig & FP_SIG_ONE))
		return (struct fp_num){.kind = FP_KBAD, .sign = sign, .sig = v.sig};
	if (exp < F80_EXP_MAX)
		return (struct fp_num){
			.kind = FP_KFINITE, .sign = sign, .exp = exp - F80_BIAS, .sig = v.sig};
	if (v.sig == FP_SIG_ONE)
		return fp_make_inf(sign);
	return (struct fp_num){.kind = FP_KNAN, .sign = sign, .sig = v.sig};
}

struct soft_f80 fp_pack80(struct fp_num n)
{
	uint16_t sign = (uint16_t)(n.sign << 15);

	switch (n.kind) {
	case FP_KZERO:
		return (struct soft_f80){.exp = sign};
	case FP_KINF:
	case FP_KNAN:
		return (struct soft_f80){.exp = sign | F80_EXP_MAX, .sig = n.sig};
	default:
		if (n.exp < fp_f80.emin)
			return (struct soft_f80){.exp = sign,
						 .sig = n.sig >> (fp_f80.emin - n.exp)};
		return (struct soft_f80){.exp = sign | (uint16_t)(n.exp + F80_BIAS), .sig = n.sig};
	}
}

/* ---- rounding --------------------------------------------------------------------------------- */

struct cut {
	uint64_t sig;
	bool inexact, up, carry; /* carry: sig wrapped, it is 2^64 */
};

/* hi + lo / 2^64 to a multiple of (unit), a power of two. */
static struct cut cut_at(const struct fp_env *e, bool sign, uint64_t hi, uint64_t lo, uint64_t unit)
{
	/* What is cut off, as a fraction of unit, at the top of 64 bits and a sticky bit below. */
	uint64_t low = hi & (unit - 1);
	struct cut c = {.sig = hi & ~(unit - 1), .inexact = low || lo};
	uint64_t half = unit >> 1;
	bool above, tie;

	if (unit == 1) {
		tie = lo == FP_SIG_ONE;
		above = lo > FP_SIG_ONE;
	} else {
		tie = low == half && !lo;
		above = low >= half && !tie;
	}
	switch (e->round) {
	case FP_NEAR:
		c.up = above || (tie && (hi & unit));
		break;
	case FP_DOWN:
		c.up = sign && c.inexact;
		break;
	case FP_UP:
		c.up = !sign && c.inexact;
		break;
	default:
		break;
	}
	if (c.up) {
		c.sig += unit;
		c.carry = !c.sig;
	}
	return c;
}

/* hi:lo shifted right, what falls off kept as a sticky bit. */
static void shift_sticky(uint64_t *hi, uint64_t *lo, int n)
{
	bool sticky;

	if (n >= 128) {
		*lo = (*hi || *lo);
		*hi = 0;
		return;
	}
	if (n >= 64) {
		sticky = *lo;
		*lo = *hi;
		*hi = 0;
		n -= 64;
		*lo |= sticky;
	}
	if (!n)
		return;
	sticky = *lo << (64 - n);
	*lo = *lo >> n | *hi << (64 - n) | sticky;
	*hi >>= n;
}

/* Too small for a normal number, and underflow is masked: SDM 1, 4.9.1.5. */
static struct fp_num round_tiny(struct fp_env *e, const struct fp_fmt *f, bool sign, int exp,
				uint64_t hi, uint64_t lo, uint64_t unit)
{
	struct fp_num n;
	struct cut c;

	if (e->ftz) {
		e->flags |= FP_UE | FP_PE;
		return fp_make_zero(sign);
	}
	shift_sticky(&hi, &lo, f->emin - exp);
	c = cut_at(e, sign, hi, lo, unit);
	e->up = c.up;
	if (c.inexact)
		e->flags |= FP_UE | FP_PE;
	if (!c.sig)
		return fp_make_zero(sign);
	n = from_denormal(sign, f->emin, c.sig);
	n.denormal = false;
	return n;
}

/* Too large, and overflow is masked: infinity or the largest number, by rounding mode. */
static struct fp_num round_huge(struct fp_env *e, const struct fp_fmt *f, bool sign, uint64_t unit)
{
	bool inf = e->round == FP_NEAR || e->round == (sign ? FP_DOWN : FP_UP);

	e->flags |= FP_OE | FP_PE;
	e->up = inf;
	if (inf)
		return fp_make_inf(sign);
	return (struct fp_num){
		.kind = FP_KFINITE, .sign = sign, .exp = f->emax, .sig = ~(unit - 1)};
}

struct fp_num fp_round_num(struct fp_env *e, const struct fp_fmt *f, bool sign, int exp,
			   uint64_t hi, uint64_t lo)
{
	int prec = f == &fp_f80 ? e->prec : f->prec;
	uint64_t unit = 1ull << (64 - prec);
	struct cut c = cut_at(e, sign, hi, lo, unit);
	int rexp = exp + c.carry, wrap = 0;

	/* Tininess is found after rounding, as if the exponent had no bound. */
	if (rexp < f->emin) {
		if (e->masks & FP_UE)
			return round_tiny(e, f, sign, exp, hi, lo, unit);
		e->flags |= FP_UE;
		wrap = X87_WRAP;
	} else if (rexp > f->emax) {
		if (e->masks & FP_OE)
			return round_huge(e, f, sign, unit);
		e->flags |= FP_OE;
		wrap = -X87_WRAP;
	}
	e->up = c.up;
	if (c.inexact)
		e->flags |= FP_PE;
	if (wrap && f != &fp_f80)
		return fp_make_zero(sign); /* nobody stores it */
	return (struct fp_num){.kind = FP_KFINITE,
			       .sign = sign,
			       .exp = rexp + wrap,
			       .sig = c.carry ? FP_SIG_ONE : c.sig};
}

/* ---- NaNs -------------------------------------------------------------------------------------- */

struct fp_num fp_invalid(struct fp_env *e)
{
	e->flags |= FP_IE;
	return fp_default_nan();
}

static struct fp_num quieted(struct fp_num n)
{
	n.sig |= FP_SIG_QUIET;
	return n;
}

bool fp_nan1(struct fp_env *e, struct fp_num a, struct fp_num *out)
{
	if (a.kind == FP_KBAD) {
		*out = fp_invalid(e);
		return true;
	}
	if (a.kind == FP_KNAN) {
		if (fp_is_snan(a))
			e->flags |= FP_IE;
		*out = quieted(a);
		return true;
	}
	if (a.denormal)
		e->flags |= FP_DE;
	return false;
}

/* SDM 1, table 4-7: x87 takes the larger significand, but a QNaN before an SNaN. */
static struct fp_num choose_nan(const struct fp_env *e, struct fp_num a, struct fp_num b)
{
	if (!fp_is_nan(b))
		return a;
	if (!fp_is_nan(a))
		return b;
	if (!e->x87)
		return a;
	if (fp_is_snan(a) != fp_is_snan(b))
		return fp_is_snan(a) ? b : a;
	if (a.sig != b.sig)
		return a.sig > b.sig ? a : b;
	return a.sign ? b : a;
}

bool fp_nan2(struct fp_env *e, struct fp_num a, struct fp_num b, struct fp_num *out)
{
	if (a.kind == FP_KBAD || b.kind == FP_KBAD) {
		*out = fp_invalid(e);
		return true;
	}
	if (fp_is_nan(a) || fp_is_nan(b)) {
		if (fp_is_snan(a) || fp_is_snan(b))
			e->flags |= FP_IE;
		*out = quieted(choose_nan(e, a, b));
		return true;
	}
	if (a.denormal || b.denormal)
		e->flags |= FP_DE;
	return false;
}
