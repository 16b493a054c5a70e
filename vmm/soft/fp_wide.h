/* SPDX-License-Identifier: MIT */
/*
 * soft/fp: numbers of 128 bits of significand, for the transcendentals. Each operation cuts what it
 * cannot hold, so a result is within 2^-126 of exact, relative; nothing is rounded to zero.
 */
#ifndef SOFT_FP_WIDE_H
#define SOFT_FP_WIDE_H

#include "fp.h"

struct fp_wide { /* (-1)^sign * sig / 2^127 * 2^exp; sig 0: zero; else bit 127 is set */
	bool sign;
	int exp;
	fp_u128 sig;
};

struct fp_wide fp_wide_of(struct fp_num n); /* finite or zero */
/* v * 2^exp */
struct fp_wide fp_wide_int(bool sign, fp_u128 v, int exp);
struct fp_wide fp_wide_add(struct fp_wide a, struct fp_wide b);
struct fp_wide fp_wide_sub(struct fp_wide a, struct fp_wide b);
struct fp_wide fp_wide_mul(struct fp_wide a, struct fp_wide b);
struct fp_wide fp_wide_div(struct fp_wide a, struct fp_wide b);
struct fp_wide fp_wide_div_small(struct fp_wide a, unsigned n);
/* Rounded to an f80 of 64 bits; it is taken for inexact. */
struct fp_num fp_wide_round(struct fp_env *e, struct fp_wide a);

#endif
