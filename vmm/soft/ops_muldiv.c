/* SPDX-License-Identifier: MIT */
/*
 * soft: multiplication and division. SDM volume 2.
 *
 * Our rules for undefined flags, as Intel's CPUs have it: after a multiplication SF and PF are of the
 * low half, ZF and AF are 0; a division changes no flag.
 */
#include "ops.h"

static struct insn_operand gpr(unsigned num, unsigned size)
{
	return (struct insn_operand){
		.kind = INSN_REG, .cls = INSN_GPR, .size = (uint8_t)size, .num = (uint8_t)num};
}

/* A double-width result: AX, or rDX:rAX. */
static void put_wide(struct soft *s, uint64_t lo, uint64_t hi, unsigned size)
{
	struct insn_operand a = gpr(X86_RAX, size == 1 ? 2 : size), d = gpr(X86_RDX, size);

	if (size == 1) {
		soft_gpr_write(s, &a, (lo & 0xff) | hi << 8);
		return;
	}
	soft_gpr_write(s, &a, lo);
	soft_gpr_write(s, &d, hi);
}

static void flags_mul(struct soft *s, uint64_t lo, unsigned size, bool over)
{
	soft_flags_put(s, SOFT_FLAGS_ARITH,
		       (soft_flags_pzs(lo, size) & ~X86_FLAG_ZF) |
			       (over ? X86_FLAG_CF | X86_FLAG_OF : 0));
}

void soft_op_mul(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size;
	uint64_t mask = size_mask(size), b = soft_get_operand(s, i, 0) & mask;
	unsigned __int128 res = (unsigned __int128)(s->gpr[X86_RAX] & mask) * b;
	uint64_t lo = (uint64_t)res & mask, hi = (uint64_t)(res >> (8 * size)) & mask;

	put_wide(s, lo, hi, size);
	flags_mul(s, lo, size, hi != 0);
}

void soft_op_imul(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size;
	int64_t a, b;
	__int128 res;
	uint64_t lo;

	if (i->nr == 1) {
		a = soft_sext(s->gpr[X86_RAX], size);
		b = soft_sext(soft_get_operand(s, i, 0), size);
	} else if (i->nr == 2) {
		a = soft_sext(soft_get_operand(s, i, 0), size);
		b = soft_sext(soft_get_operand(s, i, 1), size);
	} else {
		a = soft_sext(soft_get_operand(s, i, 1), size);
		b = i->o[2].disp;
	}
	res = (__int128)a * b;
	lo = (uint64_t)res & size_mask(size);
	if (i->nr == 1)
		put_wide(s, lo, (uint64_t)(res >> (8 * size)), size);
	else
		soft_put_operand(s, i, 0, lo);
	flags_mul(s, lo, size, res != soft_sext(lo, size));
}

/* MULX hi, lo, src: rDX times src, no flags; when both are one register it has the high half. */
void soft_op_mulx(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size;
	uint64_t mask = size_mask(size), b = soft_get_operand(s, i, 2) & mask;
	unsigned __int128 res = (unsigned __int128)(s->gpr[X86_RDX] & mask) * b;

	soft_put_operand(s, i, 1, (uint64_t)res & mask);
	soft_put_operand(s, i, 0, (uint64_t)(res >> (8 * size)) & mask);
}

static unsigned __int128 dividend(const struct soft *s, unsigned size)
{
	if (size == 1)
		return s->gpr[X86_RAX] & 0xffff;
	return (unsigned __int128)(s->gpr[X86_RDX] & size_mask(size)) << (8 * size) |
	       (s->gpr[X86_RAX] & size_mask(size));
}

/* Quotient to AL or rAX, remainder to AH or rDX. */
static void put_quotient(struct soft *s, uint64_t q, uint64_t r, unsigned size)
{
	put_wide(s, q, r & size_mask(size), size);
}

void soft_op_div(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size;
	uint64_t b = soft_get_operand(s, i, 0) & size_mask(size);
	unsigned __int128 a = dividend(s, size), q;

	if (!b)
		soft_fault(s, X86_DE);
	q = a / b;
	if (q > size_mask(size))
		soft_fault(s, X86_DE);
	put_quotient(s, (uint64_t)q, (uint64_t)(a % b), size);
}

void soft_op_idiv(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size, shift = 128 - 16 * size;
	int64_t b = soft_sext(soft_get_operand(s, i, 0), size);
	__int128 a = (__int128)(dividend(s, size) << shift) >> shift;
	unsigned __int128 ua = a < 0 ? -(unsigned __int128)a : (unsigned __int128)a;
	uint64_t ub = b < 0 ? -(uint64_t)b : (uint64_t)b, r;
	unsigned __int128 q;
	bool neg = (a < 0) != (b < 0);

	if (!b)
		soft_fault(s, X86_DE);
	q = ua / ub;
	r = (uint64_t)(ua % ub);
	/* The quotient reaches from -2^(n-1) to 2^(n-1) - 1. */
	if (q > soft_sign_bit(size) - (neg ? 0 : 1))
		soft_fault(s, X86_DE);
	put_quotient(s, (neg ? -(uint64_t)q : (uint64_t)q) & size_mask(size), a < 0 ? -r : r, size);
}
