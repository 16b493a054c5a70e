/* SPDX-License-Identifier: MIT */
/*
 * soft/fp: floating point in integer arithmetic alone: f32, f64 and x87's f80, with every rounding
 * mode, exception flag and NaN rule of SSE and x87 (SDM 1, chapters 4.8, 4.9, 8.5, 11.5).
 *
 * Values are unpacked to struct fp_num, worked on, and packed again. An operation raises flags in
 * its fp_env; whether an unmasked one stops the instruction is its caller's to judge.
 * Guarantees: pure functions; the same result on every host. Nothing is allocated.
 */
#ifndef SOFT_FP_H
#define SOFT_FP_H

#include "soft_priv.h"

__extension__ typedef unsigned __int128 fp_u128;

/* Rounding control as MXCSR.RC and the x87 control word's RC have it. */
enum fp_round { FP_NEAR, FP_DOWN, FP_UP, FP_ZERO };

/* Exceptions: the bits of MXCSR and of the x87 status word; masks in the same order. */
#define FP_IE  1u
#define FP_DE  2u
#define FP_ZE  4u
#define FP_OE  8u
#define FP_UE  16u
#define FP_PE  32u
#define FP_ALL 63u
/* Found before a result is computed: unmasked, nothing is computed at all. */
#define FP_PRE (FP_IE | FP_DE | FP_ZE)

struct fp_env {
	uint8_t round; /* enum fp_round */
	uint8_t masks; /* which exceptions are masked */
	uint8_t flags; /* raised so far: only ever set */
	uint8_t prec;  /* bits of an f80 result: 24, 53, 64 */
	bool daz, ftz; /* MXCSR's */
	bool x87;      /* NaNs, and unmasked overflow and underflow, as x87 has them */
	bool up;       /* the last rounding made the magnitude larger: x87's C1 */
};

enum fp_kind { FP_KZERO, FP_KFINITE, FP_KINF, FP_KNAN, FP_KBAD };

/* A value: (-1)^sign * sig / 2^63 * 2^exp. */
struct fp_num {
	uint8_t kind; /* enum fp_kind; BAD: an f80 that x87 does not support */
	bool sign;
	bool denormal; /* it was stored as a denormal */
	int exp;
	uint64_t sig; /* FINITE: bit 63 is set; NAN: as f80, bit 62 is set in a quiet one */
};

/* A format: bits of precision, least and largest exponent of a normal number. */
struct fp_fmt {
	int prec, emin, emax;
};
extern const struct fp_fmt fp_f32, fp_f64, fp_f80;
/* f32 and f64 by their size in bytes, 4 and 8. */
static inline const struct fp_fmt *fp_fmt_of(unsigned size)
{
	return size == 4 ? &fp_f32 : &fp_f64;
}

#define FP_SIG_ONE   (1ull << 63)
#define FP_SIG_QUIET (1ull << 62)

/* ---- packing (fp_core.c) ---------------------------------------------------------------------- */

/* (size) is 4 or 8. With env->daz a denormal is a zero; no flag is raised. */
struct fp_num fp_unpack(const struct fp_env *e, unsigned size, uint64_t v);
uint64_t fp_pack(unsigned size, struct fp_num n);
struct fp_num fp_unpack80(struct soft_f80 v);
struct soft_f80 fp_pack80(struct fp_num n);

struct fp_num fp_default_nan(void);
static inline bool fp_is_nan(struct fp_num n)
{
	return n.kind == FP_KNAN;
}
static inline bool fp_is_snan(struct fp_num n)
{
	return n.kind == FP_KNAN && !(n.sig & FP_SIG_QUIET);
}
struct fp_num fp_make_zero(bool sign);
struct fp_num fp_make_inf(bool sign);

/*
 * Round hi + lo / 2^64, bit 63 of hi set, at exponent exp, to the format, with overflow, underflow
 * and inexact; lo's lowest bits may be sticky. x87: to env->prec bits when the format is f80.
 */
struct fp_num fp_round_num(struct fp_env *e, const struct fp_fmt *f, bool sign, int exp,
			   uint64_t hi, uint64_t lo);

/*
 * What NaNs, unsupported operands and denormals do to an operation of one or two operands: true
 * when *out is the result already. Raises IE for an SNaN or an unsupported operand.
 */
bool fp_nan1(struct fp_env *e, struct fp_num a, struct fp_num *out);
bool fp_nan2(struct fp_env *e, struct fp_num a, struct fp_num b, struct fp_num *out);
/* Raise IE and give the default NaN. */
struct fp_num fp_invalid(struct fp_env *e);

/* ---- arithmetic (fp_arith.c) ------------------------------------------------------------------- */

struct fp_num fp_add(struct fp_env *e, const struct fp_fmt *f, struct fp_num a, struct fp_num b);
struct fp_num fp_sub(struct fp_env *e, const struct fp_fmt *f, struct fp_num a, struct fp_num b);
struct fp_num fp_mul(struct fp_env *e, const struct fp_fmt *f, struct fp_num a, struct fp_num b);
struct fp_num fp_div(struct fp_env *e, const struct fp_fmt *f, struct fp_num a, struct fp_num b);
struct fp_num fp_sqrt(struct fp_env *e, const struct fp_fmt *f, struct fp_num a);

enum fp_order { FP_LESS, FP_EQUAL, FP_GREATER, FP_UNORDERED };
/* (quiet): a QNaN does not raise IE. */
enum fp_order fp_compare(struct fp_env *e, struct fp_num a, struct fp_num b, bool quiet);
/* MIN and MAX of SSE on packed values of (size) bytes: the second operand where in doubt. */
uint64_t fp_min(struct fp_env *e, unsigned size, uint64_t a, uint64_t b);
uint64_t fp_max(struct fp_env *e, unsigned size, uint64_t a, uint64_t b);

/* ---- conversion (fp_convert.c) ------------------------------------------------------------------ */

/* To another format. A NaN is quieted. */
struct fp_num fp_convert(struct fp_env *e, const struct fp_fmt *f, struct fp_num a);
/*
 * To a signed integer of (bits) 16, 32 or 64; what does not fit raises IE alone and gives the
 * integer indefinite, the most negative one. Denormals raise no DE.
 */
int64_t fp_to_int(struct fp_env *e, struct fp_num a, unsigned bits, bool truncate);
struct fp_num fp_from_int(struct fp_env *e, const struct fp_fmt *f, int64_t v);
/* To an integral value; (quiet) raises no PE. */
struct fp_num fp_round_int(struct fp_env *e, struct fp_num a, bool quiet);

/*
 * RCPPS, RSQRTPS on an f32. Our own rule: denormals are zeros of their sign; the result is 1/x and
 * 1/sqrt(x) rounded to nearest even at 12 bits of significand; results that would be denormal are
 * zeros of the sign. NaNs are quieted, -x under the root gives the default NaN. No flags.
 */
uint32_t fp_rcp32(uint32_t v);
uint32_t fp_rsqrt32(uint32_t v);

/* ---- x87's own (fp_x87.c, fp_trig.c, fp_log.c) --------------------------------------------------- */

/* One step of FPREM (nearest false) and FPREM1: *partial: C2; *q: the quotient's low bits. */
struct fp_num fp_rem(struct fp_env *e, struct fp_num a, struct fp_num b, bool nearest,
		     bool *partial, unsigned *q);
struct fp_num fp_scale(struct fp_env *e, struct fp_num a, struct fp_num b);
/* The exponent as a number, and the significand in *sig. */
struct fp_num fp_extract(struct fp_env *e, struct fp_num a, struct fp_num *sig);
/* 18 packed digits and a sign. to: false when IE was raised; out is then the indefinite. */
struct fp_num fp_from_bcd(const uint8_t in[10]);
void fp_to_bcd(struct fp_env *e, struct fp_num a, uint8_t out[10]);

/*
 * The transcendentals, by our own integer algorithms: the exact value is within 2^-100 relative of
 * what is rounded, by env->round, to 64 bits. sin, cos and tan reduce by the 66-bit pi of SDM 1,
 * 8.3.8. Their *range: |a| was 2^63 or more and nothing was done (C2).
 */
struct fp_num fp_sin(struct fp_env *e, struct fp_num a, bool *range);
struct fp_num fp_cos(struct fp_env *e, struct fp_num a, bool *range);
struct fp_num fp_tan(struct fp_env *e, struct fp_num a, bool *range);
struct fp_num fp_atan2(struct fp_env *e, struct fp_num y, struct fp_num x);
struct fp_num fp_2xm1(struct fp_env *e, struct fp_num a);
struct fp_num fp_yl2x(struct fp_env *e, struct fp_num y, struct fp_num x);
struct fp_num fp_yl2xp1(struct fp_env *e, struct fp_num y, struct fp_num x);

#endif
