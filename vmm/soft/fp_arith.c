/* SPDX-License-Identifier: MIT */
/* soft/fp: sums, products, quotients, roots, comparisons. */
#include "fp.h"

/* hi:lo of any height, not zero, standing at exp: normalised and rounded. */
static struct fp_num round_wide(struct fp_env *e, const struct fp_fmt *f, bool sign, int exp,
				fp_u128 v)
{
	uint64_t hi = (uint64_t)(v >> 64);
	int shift = hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)v);

	v <<= shift;
	return fp_round_num(e, f, sign, exp - shift, (uint64_t)(v >> 64), (uint64_t)v);
}

/* A finite number or zero, rounded to the format: x + 0, x * 1. */
static struct fp_num round_same(struct fp_env *e, const struct fp_fmt *f, struct fp_num a)
{
	if (a.kind != FP_KFINITE)
		return a;
	return fp_round_num(e, f, a.sign, a.exp, a.sig, 0);
}

static fp_u128 shift_right_sticky(fp_u128 v, int n)
{
	if (n > 127)
		return v != 0;
	return v >> n | ((v & (((fp_u128)1 << n) - 1)) != 0);
}

struct fp_num fp_add(struct fp_env *e, const struct fp_fmt *f, struct fp_num a, struct fp_num b)
{
	fp_u128 x, y;
	struct fp_num out;

	e->up = false;
	if (fp_nan2(e, a, b, &out))
		return out;
	if (a.kind == FP_KINF || b.kind == FP_KINF) {
		if (a.kind == b.kind && a.sign != b.sign)
			return fp_invalid(e);
		return fp_make_inf(a.kind == FP_KINF ? a.sign : b.sign);
	}
	if (a.kind == FP_KZERO || b.kind == FP_KZERO) {
		if (a.kind != b.kind)
			return round_same(e, f, a.kind == FP_KZERO ? b : a);
		return fp_make_zero(a.sign == b.sign ? a.sign : e->round == FP_DOWN);
	}
	if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
		out = a;
		a = b;
		b = out;
	}
	/* One bit is left free above for the carry, 63 below for guard and sticky. */
	x = (fp_u128)a.sig << 63;
	y = shift_right_sticky((fp_u128)b.sig << 63, a.exp - b.exp);
	x = a.sign == b.sign ? x + y : x - y;
	if (!x)
		return fp_make_zero(e->round == FP_DOWN);
	return round_wide(e, f, a.sign, a.exp + 1, x);
}

struct fp_num fp_sub(struct fp_env *e, const struct fp_fmt *f, struct fp_num a, struct fp_num b)
{
	if (b.kind != FP_KNAN)
		b.sign = !b.sign;
	return fp_add(e, f, a, b);
}

struct fp_num fp_mul(struct fp_env *e, const struct fp_fmt *f, struct fp_num a, struct fp_num b)
{
	bool sign = a.sign != b.sign;
	struct fp_num out;

	e->up = false;
	if (fp_nan2(e, a, b, &out))
		return out;
	if (a.kind == FP_KINF || b.kind == FP_KINF) {
		if (a.kind == FP_KZERO || b.kind == FP_KZERO)
			return fp_invalid(e);
		return fp_make_inf(sign);
	}
	if (a.kind == FP_KZERO || b.kind == FP_KZERO)
		return fp_make_zero(sign);
	return round_wide(e, f, sign, a.exp + b.exp + 1, (fp_u128)a.sig * b.sig);
}

struct fp_num fp_div(struct fp_env *e, const struct fp_fmt *f, struct fp_num a, struct fp_num b)
{
	bool sign = a.sign != b.sign;
	struct fp_num out;
	uint64_t q, rem;
	fp_u128 n;
	int exp;

	e->up = false;
	if (fp_nan2(e, a, b, &out))
		return out;
	if (a.kind == b.kind && a.kind != FP_KFINITE)
		return fp_invalid(e); /* 0/0, inf/inf */
	if (a.kind == FP_KINF)
		return fp_make_inf(sign);
	if (b.kind == FP_KINF || a.kind == FP_KZERO)
		return fp_make_zero(sign);
	if (b.kind == FP_KZERO) {
		/* Division by zero goes before a denormal operand: SDM 1, 4.9.2. */
		e->flags = (e->flags & (uint8_t)~FP_DE) | FP_ZE;
		return fp_make_inf(sign);
	}
	exp = a.exp - b.exp;
	n = (fp_u128)a.sig << 63;
	if (a.sig < b.sig) {
		n <<= 1;
		exp--;
	}
	q = (uint64_t)(n / b.sig);
	rem = (uint64_t)(n % b.sig);
	n = (fp_u128)rem << 64;
	return fp_round_num(e, f, sign, exp, q, (uint64_t)(n / b.sig) | (n % b.sig != 0));
}

/* The root of v, at least 2^126, rounded down; *rem is v - root^2. */
static uint64_t root128(fp_u128 v, fp_u128 *rem)
{
	fp_u128 left = v, root = 0;

	for (int bit = 63; bit >= 0; bit--) {
		/* (root + 2^bit)^2 = root^2 + 2^(bit+1) root + 2^2bit; left is v - root^2 */
		fp_u128 more = (root << (bit + 1)) + ((fp_u128)1 << (2 * bit));

		if (more <= left) {
			left -= more;
			root |= (fp_u128)1 << bit;
		}
	}
	*rem = left;
	return (uint64_t)root;
}

struct fp_num fp_sqrt(struct fp_env *e, const struct fp_fmt *f, struct fp_num a)
{
	struct fp_num out;
	fp_u128 rem;
	uint64_t root, lo = 0;

	e->up = false;
	if (a.kind == FP_KFINITE && a.sign)
		return fp_invalid(e);
	if (fp_nan1(e, a, &out))
		return out;
	if (a.kind == FP_KZERO)
		return a;
	if (a.kind == FP_KINF)
		return a.sign ? fp_invalid(e) : a;
	root = root128((fp_u128)a.sig << (a.exp & 1 ? 64 : 63), &rem);
	/* Above a half of the last place when the remainder is over root: it cannot be just a half. */
	if (rem)
		lo = rem > root ? FP_SIG_ONE | 1 : 1;
	return fp_round_num(e, f, false, (a.exp - (a.exp & 1)) / 2, root, lo);
}

/* ---- comparison -------------------------------------------------------------------------------- */

static enum fp_order order_magnitude(struct fp_num a, struct fp_num b)
{
	if (a.kind != b.kind)
		/* ZERO, FINITE, INF rise */
		return a.kind < b.kind ? FP_LESS : FP_GREATER;
	if (a.kind != FP_KFINITE)
		return FP_EQUAL;
	if (a.exp != b.exp)
		return a.exp < b.exp ? FP_LESS : FP_GREATER;
	if (a.sig != b.sig)
		return a.sig < b.sig ? FP_LESS : FP_GREATER;
	return FP_EQUAL;
}

enum fp_order fp_compare(struct fp_env *e, struct fp_num a, struct fp_num b, bool quiet)
{
	struct fp_num nan;
	enum fp_order o;

	e->up = false;
	if (fp_nan2(e, a, b, &nan)) {
		if (!quiet)
			e->flags |= FP_IE;
		return FP_UNORDERED;
	}
	if (a.kind == FP_KZERO && b.kind == FP_KZERO)
		return FP_EQUAL;
	if (a.sign != b.sign)
		return a.sign ? FP_LESS : FP_GREATER;
	o = order_magnitude(a, b);
	if (o == FP_EQUAL || !a.sign)
		return o;
	return o == FP_LESS ? FP_GREATER : FP_LESS;
}

/* With DAZ what is given back was taken in as a zero. */
static uint64_t min_max(struct fp_env *e, unsigned size, uint64_t a, uint64_t b, enum fp_order want)
{
	struct fp_num x = fp_unpack(e, size, a), y = fp_unpack(e, size, b);

	return fp_pack(size, fp_compare(e, x, y, false) == want ? x : y);
}

uint64_t fp_min(struct fp_env *e, unsigned size, uint64_t a, uint64_t b)
{
	return min_max(e, size, a, b, FP_LESS);
}

uint64_t fp_max(struct fp_env *e, unsigned size, uint64_t a, uint64_t b)
{
	return min_max(e, size, a, b, FP_GREATER);
}
