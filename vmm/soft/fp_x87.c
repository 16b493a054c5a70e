/* SPDX-License-Identifier: MIT */
/* soft/fp: what only x87 has: remainders, scaling, parting, packed decimal. */
#include "fp.h"

/*
 * SDM 2, FPREM: with exponents less than 64 apart the quotient is whole. Else a step may take 32 to
 * 63 from the difference; as Intel's CPUs do, it takes what leaves a multiple of 32.
 */
struct fp_num fp_rem(struct fp_env *e, struct fp_num a, struct fp_num b, bool nearest,
		     bool *partial, unsigned *q)
{
	fp_u128 rem = a.sig, whole = b.sig;
	int d = a.exp - b.exp, steps, exp = a.exp, shift;
	bool sign = a.sign;
	uint64_t quot = 0;
	struct fp_num out;

	*partial = false;
	*q = 0;
	e->up = false;
	e->prec = 64;
	if (fp_nan2(e, a, b, &out))
		return out;
	if (a.kind == FP_KINF || b.kind == FP_KZERO) {
		e->flags &= (uint8_t)~FP_DE;
		return fp_invalid(e);
	}
	if (a.kind == FP_KZERO)
		return a;
	if (b.kind == FP_KINF) /* it stays as it is: not even a denormal one underflows */
		return a;
	if (d < -1 || (d < 0 && !nearest))
		return fp_round_num(e, &fp_f80, a.sign, a.exp, a.sig, 0);
	*partial = d > 63;
	steps = *partial ? (d & 31) + 32 : d;
	if (d < 0)
		whole <<= 1; /* |a| is below |b|: only FPREM1 may still take one b away */
	/* Long division, a bit of the quotient a step; rem stays below 2 * b.sig. */
	for (int n = 0; n <= steps; n++) {
		rem <<= n != 0;
		exp -= n != 0;
		quot <<= 1;
		if (rem >= whole) {
			rem -= whole;
			quot |= 1;
		}
	}
	if (nearest && !*partial && (2 * rem > whole || (2 * rem == whole && (quot & 1)))) {
		rem = whole - rem;
		sign = !sign;
		quot++;
	}
	if (!*partial)
		*q = (unsigned)quot & 7;
	if (!rem)
		return fp_make_zero(a.sign);
	shift = __builtin_clzll((uint64_t)rem);
	return fp_round_num(e, &fp_f80, sign, exp - shift, (uint64_t)rem << shift, 0);
}

struct fp_num fp_scale(struct fp_env *e, struct fp_num a, struct fp_num b)
{
	struct fp_num out;
	int n;

	e->up = false;
	if (fp_nan2(e, a, b, &out))
		return out;
	if (b.kind == FP_KINF) {
		if ((a.kind == FP_KINF && b.sign) || (a.kind == FP_KZERO && !b.sign))
			return fp_invalid(e);
		if (b.sign)
			return fp_make_zero(a.sign);
		return fp_make_inf(a.sign);
	}
	if (a.kind != FP_KFINITE)
		return a;
	/* The scale is cut towards zero; anything over 2^16 has the same effect. */
	n = 0;
	if (b.kind == FP_KFINITE && b.exp >= 0)
		n = b.exp > 16 ? 1 << 17 : (int)(b.sig >> (63 - b.exp));
	if (b.kind == FP_KZERO)
		return a;
	e->prec = 64;
	out = fp_round_num(e, &fp_f80, a.sign, a.exp + (b.sign ? -n : n), a.sig, 0);
	/* Unmasked, and so far off that the wrapped exponent does not fit: SDM 1, 8.5.4 and 8.5.5. */
	if (out.kind == FP_KFINITE && out.exp > fp_f80.emax) {
		e->flags |= FP_PE;
		e->up = true;
		return fp_make_inf(a.sign);
	}
	if (out.kind == FP_KFINITE && (e->flags & ~e->masks & FP_UE) && out.exp < fp_f80.emin) {
		e->flags |= FP_PE;
		return fp_make_zero(a.sign);
	}
	return out;
}

struct fp_num fp_extract(struct fp_env *e, struct fp_num a, struct fp_num *sig)
{
	struct fp_num out;

	e->up = false;
	if (fp_nan1(e, a, &out)) {
		*sig = out;
		return out;
	}
	*sig = a;
	if (a.kind == FP_KZERO) {
		e->flags |= FP_ZE;
		return fp_make_inf(true);
	}
	if (a.kind == FP_KINF)
		return fp_make_inf(false);
	sig->exp = 0;
	return fp_from_int(e, &fp_f80, a.exp);
}

#define BCD_DIGITS 18
#define BCD_LIMIT  1000000000000000000ull

struct fp_num fp_from_bcd(const uint8_t in[10])
{
	struct fp_env e = {.prec = 64, .masks = FP_ALL};
	struct fp_num n;
	uint64_t v = 0;

	/* Digits over 9 are undefined: they count as what they are. */
	for (int k = 8; k >= 0; k--)
		v = v * 100 + (in[k] >> 4) * 10 + (in[k] & 15);
	n = fp_from_int(&e, &fp_f80, (int64_t)v);
	n.sign = in[9] >> 7;
	return n;
}

void fp_to_bcd(struct fp_env *e, struct fp_num a, uint8_t out[10])
{
	static const uint8_t indefinite[10] = {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff};
	uint8_t flags = e->flags;
	int64_t n;
	uint64_t v;

	n = fp_to_int(e, a, 64, false);
	v = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	if ((e->flags & ~flags & FP_IE) || v >= BCD_LIMIT) {
		e->flags = flags | FP_IE;
		e->up = false;
		memcpy(out, indefinite, 10);
		return;
	}
	for (unsigned k = 0; k < BCD_DIGITS / 2; k++) {
		out[k] = (uint8_t)(v % 10 | v / 10 % 10 << 4);
		v /= 100;
	}
	out[9] = a.sign ? 0x80 : 0;
}
