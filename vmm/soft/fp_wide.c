/* SPDX-License-Identifier: MIT */
/* soft/fp: 128-bit significands. */
#include "fp_wide.h"

struct fp_wide fp_wide_int(bool sign, fp_u128 v, int exp)
{
	uint64_t hi = (uint64_t)(v >> 64);
	int shift;

	if (!v)
		return (struct fp_wide){.sign = sign};
	shift = hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)v);
	return (struct fp_wide){.sign = sign, .exp = exp + 127 - shift, .sig = v << shift};
}

struct fp_wide fp_wide_of(struct fp_num n)
{
	if (n.kind != FP_KFINITE)
		return (struct fp_wide){.sign = n.sign};
	return (struct fp_wide){.sign = n.sign, .exp = n.exp, .sig = (fp_u128)n.sig << 64};
}

struct fp_wide fp_wide_add(struct fp_wide a, struct fp_wide b)
{
	struct fp_wide t;
	fp_u128 y;
	int d;

	if (!a.sig || !b.sig)
		return a.sig ? a : b;
	if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
		t = a;
		a = b;
		b = t;
	}
	d = a.exp - b.exp;
	/* What is shifted out still counts as one in the last place. */
	y = d > 127 ? 0 : b.sig >> d;
	if (d > 127 || (d && b.sig << (128 - d)))
		y |= 1;
	if (a.sign != b.sign)
		return fp_wide_int(a.sign, a.sig - y, a.exp - 127);
	a.sig += y;
	if (a.sig < y) {
		a.sig = a.sig >> 1 | (a.sig & 1) | (fp_u128)1 << 127;
		a.exp++;
	}
	return a;
}

struct fp_wide fp_wide_sub(struct fp_wide a, struct fp_wide b)
{
	b.sign = !b.sign;
	return fp_wide_add(a, b);
}

struct fp_wide fp_wide_mul(struct fp_wide a, struct fp_wide b)
{
	uint64_t a1 = (uint64_t)(a.sig >> 64), a0 = (uint64_t)a.sig;
	uint64_t b1 = (uint64_t)(b.sig >> 64), b0 = (uint64_t)b.sig;
	fp_u128 low = (fp_u128)a0 * b0, m1 = (fp_u128)a1 * b0, m2 = (fp_u128)a0 * b1;
	fp_u128 mid = (low >> 64) + (uint64_t)m1 + (uint64_t)m2;
	fp_u128 hi = (fp_u128)a1 * b1 + (m1 >> 64) + (m2 >> 64) + (mid >> 64);
	struct fp_wide r = {.sign = a.sign != b.sign, .exp = a.exp + b.exp + 1, .sig = hi};

	if (!a.sig || !b.sig)
		return (struct fp_wide){.sign = r.sign};
	if (!(hi >> 127)) {
		r.sig = hi << 1 | (mid >> 63 & 1);
		r.exp--;
	}
	return r;
}

/* b is not zero. */
struct fp_wide fp_wide_div(struct fp_wide a, struct fp_wide b)
{
	struct fp_wide r = {.sign = a.sign != b.sign, .exp = a.exp - b.exp};
	fp_u128 rem = a.sig, q = 0;
	bool carry = false;

	if (!a.sig)
		return (struct fp_wide){.sign = r.sign};
	if (rem < b.sig) {
		r.exp--;
		carry = rem >> 127;
		rem <<= 1;
	}
	for (int n = 127; n >= 0; n--) {
		if (carry || rem >= b.sig) {
			rem -= b.sig;
			q |= (fp_u128)1 << n;
		}
		carry = rem >> 127;
		rem <<= 1;
	}
	r.sig = q;
	return r;
}

struct fp_wide fp_wide_div_small(struct fp_wide a, unsigned n)
{
	int shift = 31 - __builtin_clz(n);
	fp_u128 q = a.sig / n, rem = a.sig % n;

	/* The quotient has lost (shift) bits or one more; they are got from the remainder. */
	q = (q << shift) + ((rem << shift) / n);
	rem = (rem << shift) % n;
	if (!(q >> 127) && q) {
		q = q << 1 | (rem * 2 >= n);
		shift++;
	}
	a.sig = q;
	a.exp -= shift;
	return a;
}

struct fp_num fp_wide_round(struct fp_env *e, struct fp_wide a)
{
	e->prec = 64;
	if (!a.sig)
		return fp_make_zero(a.sign);
	return fp_round_num(e, &fp_f80, a.sign, a.exp, (uint64_t)(a.sig >> 64),
			    (uint64_t)a.sig | 1);
}
