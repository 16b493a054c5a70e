/* SPDX-License-Identifier: MIT */
/* soft: integer arithmetic with lazy flags, for handlers. Sizes and operations are constants there. */
#ifndef SOFT_FAST_ALU_H
#define SOFT_FAST_ALU_H

#include "uop.h"

#define ALU_EACH(X)  X(ADD) X(OR) X(ADC) X(SBB) X(AND) X(SUB) X(XOR) X(CMP) X(TEST)
#define ONE_EACH(X)  X(INC) X(DEC) X(NEG) X(NOT)
#define ENUM_ALU(op) ALU_##op,
#define ENUM_ONE(op) ONE_##op,
enum { ALU_EACH(ENUM_ALU) ALU_OPS };
enum { ONE_EACH(ENUM_ONE) ONE_OPS };

/* The carry (or borrow) out of every bit, so that the operand's top one is bit 63. */
static inline __attribute__((always_inline)) uint64_t aux_of(uint64_t carries, unsigned size)
{
	if (size == 8)
		return carries & ~(AUX_SF | AUX_PF);
	return carries << (64 - 8 * size) | (carries & AUX_AF);
}

static inline __attribute__((always_inline)) void set_add(struct soft *s, uint64_t a, uint64_t b,
							  uint64_t r, unsigned size)
{
	s->lazy.result = (uint64_t)soft_sext(r, size);
	s->lazy.aux = aux_of((a & b) | ((a | b) & ~r), size);
}

static inline __attribute__((always_inline)) void set_sub(struct soft *s, uint64_t a, uint64_t b,
							  uint64_t r, unsigned size)
{
	s->lazy.result = (uint64_t)soft_sext(r, size);
	s->lazy.aux = aux_of((~a & b) | ((~a | b) & r), size);
}

static inline __attribute__((always_inline)) void set_logic(struct soft *s, uint64_t r,
							    unsigned size)
{
	s->lazy.result = (uint64_t)soft_sext(r, size);
	s->lazy.aux = 0;
}

static inline __attribute__((always_inline)) uint64_t alu(struct soft *s, unsigned op, uint64_t a,
							  uint64_t b, unsigned size, bool no_flags)
{
	uint64_t r;

	switch (op) {
	case ALU_ADD:
	case ALU_ADC:
		r = a + b + (op == ALU_ADC ? lazy_cf(s) : 0);
		if (!no_flags)
			set_add(s, a, b, r, size);
		return r;
	case ALU_SUB:
	case ALU_SBB:
	case ALU_CMP:
		r = a - b - (op == ALU_SBB ? lazy_cf(s) : 0);
		if (!no_flags)
			set_sub(s, a, b, r, size);
		return r;
	case ALU_OR:
		r = a | b;
		break;
	case ALU_XOR:
		r = a ^ b;
		break;
	default:
		r = a & b;
		break;
	}
	if (!no_flags)
		set_logic(s, r, size);
	return r;
}

static inline __attribute__((always_inline)) uint64_t one(struct soft *s, unsigned op, uint64_t a,
							  unsigned size, bool no_flags)
{
	uint64_t r, sign = soft_sign_bit(size);

	switch (op) {
	case ONE_INC:
		r = a + 1;
		if (!no_flags)
			lazy_set(s, soft_sext(r, size), lazy_cf(s), (r & size_mask(size)) == sign,
				 !(r & 15));
		return r;
	case ONE_DEC:
		r = a - 1;
		if (!no_flags)
			lazy_set(s, soft_sext(r, size), lazy_cf(s),
				 (r & size_mask(size)) == sign - 1, (r & 15) == 15);
		return r;
	case ONE_NEG:
		r = -a;
		if (!no_flags)
			set_sub(s, 0, a, r, size);
		return r;
	default:
		return ~a;
	}
}

#endif
