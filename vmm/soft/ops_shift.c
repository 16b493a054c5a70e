/* SPDX-License-Identifier: MIT */
/*
 * soft: shifts and rotates. SDM 2B.
 *
 * Our rules where the manual says "undefined", as Intel's CPUs have it (silicon/): OF is that of the
 * first of the single bits, whatever the count; but ROL and ROR of a register by an immediate other
 * than 1 leave OF as it was. AF of a shift is 0, CF 0 when a shift of 8 or 16 bits counts beyond the operand. RCL and
 * RCR by a whole turn leave both flags.
 */
#include "ops.h"

/* Counts are taken modulo 32, or 64 for 64-bit operands. */
static unsigned shift_count(struct soft *s, const struct insn *i, unsigned n)
{
	return (unsigned)soft_get_operand(s, i, n) & (i->o[0].size == 8 ? 63 : 31);
}

static bool top(uint64_t v, unsigned size)
{
	return v & soft_sign_bit(size);
}

/* The bit below the top. */
static bool second(uint64_t v, unsigned size)
{
	return v & (soft_sign_bit(size) >> 1);
}

static void flags_shift(struct soft *s, uint64_t res, unsigned size, bool cf, bool of)
{
	soft_flags_put(s, SOFT_FLAGS_ARITH,
		       soft_flags_pzs(res, size) | (cf ? X86_FLAG_CF : 0) | (of ? X86_FLAG_OF : 0));
}

static void flags_rotate(struct soft *s, bool cf, bool of)
{
	soft_flags_put(s, X86_FLAG_CF | X86_FLAG_OF,
		       (cf ? X86_FLAG_CF : 0) | (of ? X86_FLAG_OF : 0));
}

void soft_op_shl(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size, n = shift_count(s, i, 1);
	uint64_t v = soft_rmw_operand(s, i, 0) & size_mask(size), res = v << n;
	bool cf;

	soft_put_operand(s, i, 0, res);
	if (!n)
		return;
	cf = size == 8 ? v >> (64 - n) & 1 : res >> (8 * size) & 1;
	flags_shift(s, res, size, cf, top(v, size) != second(v, size));
}

void soft_op_shr(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size, n = shift_count(s, i, 1);
	uint64_t v = soft_rmw_operand(s, i, 0) & size_mask(size), res = v >> n;

	soft_put_operand(s, i, 0, res);
	if (n)
		flags_shift(s, res, size, v >> (n - 1) & 1, top(v, size));
}

void soft_op_sar(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size, n = shift_count(s, i, 1);
	int64_t v = soft_sext(soft_rmw_operand(s, i, 0), size);

	soft_put_operand(s, i, 0, (uint64_t)(v >> n));
	if (n)
		flags_shift(s, (uint64_t)(v >> n), size, v >> (n - 1) & 1, false);
}

static uint64_t rotate_left(uint64_t v, unsigned n, unsigned bits)
{
	n %= bits;
	v &= size_mask(bits / 8);
	return n ? (v << n | v >> (bits - n)) & size_mask(bits / 8) : v;
}

/* ROL and ROR of a register by an immediate: only a count of 1 sets OF. */
static bool keeps_of(const struct insn *i, unsigned n)
{
	return n != 1 && i->o[0].kind == INSN_REG && (i->opcode == 0xc0 || i->opcode == 0xc1);
}

void soft_op_rol(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size, n = shift_count(s, i, 1);
	uint64_t v = soft_rmw_operand(s, i, 0), res = rotate_left(v, n, 8 * size);

	soft_put_operand(s, i, 0, res);
	if (n)
		flags_rotate(s, res & 1,
			     keeps_of(i, n) ? s->rflags & X86_FLAG_OF
					    : top(v, size) != second(v, size));
}

void soft_op_ror(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size, bits = 8 * size, n = shift_count(s, i, 1);
	uint64_t v = soft_rmw_operand(s, i, 0), res = rotate_left(v, bits - n % bits, bits);

	soft_put_operand(s, i, 0, res);
	if (n)
		flags_rotate(s, top(res, size),
			     keeps_of(i, n) ? s->rflags & X86_FLAG_OF : top(v, size) != (v & 1));
}

/* One bit at a time: the carry is a bit of the circle. */
void soft_op_rcl(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size, n = shift_count(s, i, 1);
	uint64_t v = soft_rmw_operand(s, i, 0) & size_mask(size);
	bool cf = s->rflags & X86_FLAG_CF, of = top(v, size) != second(v, size);

	if (size < 4)
		n %= 8 * size + 1;
	for (unsigned k = 0; k < n; k++) {
		bool out = top(v, size);

		v = (v << 1 | cf) & size_mask(size);
		cf = out;
	}
	soft_put_operand(s, i, 0, v);
	if (n)
		flags_rotate(s, cf, of);
}

void soft_op_rcr(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size, n = shift_count(s, i, 1);
	uint64_t v = soft_rmw_operand(s, i, 0) & size_mask(size);
	bool cf = s->rflags & X86_FLAG_CF, of = top(v, size) != cf;

	if (size < 4)
		n %= 8 * size + 1;
	for (unsigned k = 0; k < n; k++) {
		bool out = v & 1;

		v = v >> 1 | (cf ? soft_sign_bit(size) : 0);
		cf = out;
	}
	soft_put_operand(s, i, 0, v);
	if (n)
		flags_rotate(s, cf, of);
}

/*
 * SHLD and SHRD. With 16 bits and a count over 16 the result is undefined; Intel's CPUs shift
 * through dst:src:dst.
 */
void soft_op_shld(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size, bits = 8 * size, n = shift_count(s, i, 2);
	uint64_t src = soft_get_operand(s, i, 1) & size_mask(size);
	uint64_t dst = soft_rmw_operand(s, i, 0) & size_mask(size), res = dst;
	bool cf = false;

	if (n && size == 2) {
		uint64_t circle = dst << 32 | src << 16 | dst;

		res = circle << n >> 32 & 0xffff;
		cf = circle << n >> 48 & 1;
	} else if (n) {
		res = (dst << n | src >> (bits - n)) & size_mask(size);
		cf = dst >> (bits - n) & 1;
	}
	soft_put_operand(s, i, 0, res);
	if (n)
		flags_shift(s, res, size, cf, top(dst, size) != second(dst, size));
}

void soft_op_shrd(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size, bits = 8 * size, n = shift_count(s, i, 2);
	uint64_t src = soft_get_operand(s, i, 1) & size_mask(size);
	uint64_t dst = soft_rmw_operand(s, i, 0) & size_mask(size), res = dst;
	bool cf = false;

	if (n && size == 2) {
		uint64_t circle = dst << 32 | src << 16 | dst;

		res = circle >> n & 0xffff;
		cf = circle >> (n - 1) & 1;
	} else if (n) {
		res = (dst >> n | src << (bits - n)) & size_mask(size);
		cf = dst >> (n - 1) & 1;
	}
	soft_put_operand(s, i, 0, res);
	if (n)
		flags_shift(s, res, size, cf, top(dst, size) != (src & 1));
}

/* ---- BMI2: no flags --------------------------------------------------------------------------- */

static unsigned count_x(struct soft *s, const struct insn *i)
{
	return (unsigned)soft_get_operand(s, i, 2) & (i->o[0].size == 8 ? 63 : 31);
}

void soft_op_shlx(struct soft *s, const struct insn *i)
{
	uint64_t v = soft_get_operand(s, i, 1);

	soft_put_operand(s, i, 0, v << count_x(s, i));
}

void soft_op_shrx(struct soft *s, const struct insn *i)
{
	uint64_t v = soft_get_operand(s, i, 1) & size_mask(i->o[0].size);

	soft_put_operand(s, i, 0, v >> count_x(s, i));
}

void soft_op_sarx(struct soft *s, const struct insn *i)
{
	int64_t v = soft_sext(soft_get_operand(s, i, 1), i->o[0].size);

	soft_put_operand(s, i, 0, (uint64_t)(v >> count_x(s, i)));
}

void soft_op_rorx(struct soft *s, const struct insn *i)
{
	unsigned bits = 8 * i->o[0].size;
	uint64_t v = soft_get_operand(s, i, 1);

	soft_put_operand(s, i, 0, rotate_left(v, bits - count_x(s, i) % bits, bits));
}
