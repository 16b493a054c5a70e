/* SPDX-License-Identifier: MIT */
/*
 * soft: the six arithmetic flags (SDM 1, 3.4.3.1), eager: what the operations use. Sizes are in
 * bytes: 1, 2, 4, 8; operands may have rubbish above their size.
 */
#ifndef SOFT_FLAGS_H
#define SOFT_FLAGS_H

#include "soft_priv.h"

#define SOFT_FLAGS_ARITH                                                                           \
	(X86_FLAG_CF | X86_FLAG_PF | X86_FLAG_AF | X86_FLAG_ZF | X86_FLAG_SF | X86_FLAG_OF)

static inline uint64_t soft_sign_bit(unsigned size)
{
	return 1ull << (8 * size - 1);
}

static inline int64_t soft_sext(uint64_t v, unsigned size)
{
	unsigned shift = 64 - 8 * size;

	return (int64_t)(v << shift) >> shift;
}

/* PF, ZF and SF of a result. */
static inline uint64_t soft_flags_pzs(uint64_t res, unsigned size)
{
	uint64_t f = 0;

	res &= size_mask(size);
	if (!(__builtin_popcount((unsigned)(res & 0xff)) & 1))
		f |= X86_FLAG_PF;
	if (!res)
		f |= X86_FLAG_ZF;
	if (res & soft_sign_bit(size))
		f |= X86_FLAG_SF;
	return f;
}

/* Put flags (val) where (mask) has ones. */
static inline void soft_flags_put(struct soft *s, uint64_t mask, uint64_t val)
{
	s->rflags = (s->rflags & ~mask) | (val & mask);
}

/* AND, OR, XOR, TEST: CF and OF clear; AF, which is undefined, is cleared as Intel's CPUs do. */
static inline void soft_flags_logic(struct soft *s, uint64_t res, unsigned size)
{
	soft_flags_put(s, SOFT_FLAGS_ARITH, soft_flags_pzs(res, size));
}

/* a + b + carry, with its flags; the sum is cut to size. */
static inline uint64_t soft_flags_add(struct soft *s, uint64_t a, uint64_t b, unsigned carry,
				      unsigned size)
{
	uint64_t mask = size_mask(size), res, carries;

	a &= mask;
	b &= mask;
	res = (a + b + carry) & mask;
	/* The carry out of each bit: both ones, or one and no sum. */
	carries = (a & b) | ((a | b) & ~res);
	soft_flags_put(s, SOFT_FLAGS_ARITH,
		       soft_flags_pzs(res, size) |
			       (carries & soft_sign_bit(size) ? X86_FLAG_CF : 0) |
			       (carries & 8 ? X86_FLAG_AF : 0) |
			       ((a ^ res) & (b ^ res) & soft_sign_bit(size) ? X86_FLAG_OF : 0));
	return res;
}

/* a - b - borrow. */
static inline uint64_t soft_flags_sub(struct soft *s, uint64_t a, uint64_t b, unsigned borrow,
				      unsigned size)
{
	uint64_t mask = size_mask(size), res, borrows;

	a &= mask;
	b &= mask;
	res = (a - b - borrow) & mask;
	borrows = (~a & b) | ((~a | b) & res);
	soft_flags_put(s, SOFT_FLAGS_ARITH,
		       soft_flags_pzs(res, size) |
			       (borrows & soft_sign_bit(size) ? X86_FLAG_CF : 0) |
			       (borrows & 8 ? X86_FLAG_AF : 0) |
			       ((a ^ b) & (a ^ res) & soft_sign_bit(size) ? X86_FLAG_OF : 0));
	return res;
}

/* INC and DEC: as ADD and SUB of 1, but CF stays. */
static inline uint64_t soft_flags_inc(struct soft *s, uint64_t a, unsigned size)
{
	uint64_t cf = s->rflags & X86_FLAG_CF, res = soft_flags_add(s, a, 1, 0, size);

	soft_flags_put(s, X86_FLAG_CF, cf);
	return res;
}

static inline uint64_t soft_flags_dec(struct soft *s, uint64_t a, unsigned size)
{
	uint64_t cf = s->rflags & X86_FLAG_CF, res = soft_flags_sub(s, a, 1, 0, size);

	soft_flags_put(s, X86_FLAG_CF, cf);
	return res;
}

/* A condition by its code, 0 to 15 as in Jcc, SETcc, CMOVcc (SDM 1, appendix B.1). */
static inline bool soft_cond(uint64_t f, unsigned cc)
{
	bool r;

	switch (cc >> 1 & 7) {
	case 0:
		r = f & X86_FLAG_OF;
		break;
	case 1:
		r = f & X86_FLAG_CF;
		break;
	case 2:
		r = f & X86_FLAG_ZF;
		break;
	case 3:
		r = f & (X86_FLAG_CF | X86_FLAG_ZF);
		break;
	case 4:
		r = f & X86_FLAG_SF;
		break;
	case 5:
		r = f & X86_FLAG_PF;
		break;
	case 6:
		r = !(f & X86_FLAG_SF) != !(f & X86_FLAG_OF);
		break;
	default:
		r = (f & X86_FLAG_ZF) || !(f & X86_FLAG_SF) != !(f & X86_FLAG_OF);
		break;
	}
	return r != (cc & 1);
}

#endif
