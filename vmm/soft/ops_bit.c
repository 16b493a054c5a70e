/* SPDX-License-Identifier: MIT */
/* soft: bit tests, scans and counts, BMI1, BMI2, CRC32. SDM volume 2. */
#include "ops.h"

/*
 * BT, BTS, BTR, BTC. A bit offset in a register reaches memory beyond the operand, either way; an
 * immediate one does not. ZF stays; the undefined flags stay too.
 */
void soft_op_bt(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o = &i->o[0];
	unsigned size = o->size, bits = 8 * size;
	uint64_t bit = soft_get_operand(s, i, 1), off = 0, v;

	if (o->kind == INSN_MEM) {
		off = soft_ea(s, i, o);
		if (i->o[1].kind == INSN_REG) {
			int64_t n = soft_sext(bit, i->o[1].size);

			/* whole operands away, rounded down */
			n = (n - (int64_t)((uint64_t)n & (bits - 1))) / 8;
			off = (off + (uint64_t)n) & size_mask(i->addrsize);
		}
		if (i->op != INSN_BT)
			soft_probe_write(s, o->seg, off, size);
		v = soft_read(s, o->seg, off, size);
	} else {
		v = soft_gpr_read(s, o);
	}
	bit &= bits - 1;
	soft_flags_put(s, X86_FLAG_CF, v >> bit & 1);
	if (i->op == INSN_BT)
		return;
	if (i->op == INSN_BTS)
		v |= 1ull << bit;
	else if (i->op == INSN_BTR)
		v &= ~(1ull << bit);
	else
		v ^= 1ull << bit;
	if (o->kind == INSN_MEM)
		soft_write(s, o->seg, off, size, v);
	else
		soft_gpr_write(s, o, v);
}

/*
 * BSF, BSR: a zero source sets ZF and leaves the destination as it was, all 64 bits of it. Our rule
 * for undefined flags, as Intel's CPUs have it: PF of the result, of 0 where there is none; the others
 * are cleared.
 */
static void flags_scan(struct soft *s, bool none, uint64_t res)
{
	soft_flags_put(s, SOFT_FLAGS_ARITH,
		       none ? X86_FLAG_ZF | X86_FLAG_PF : soft_flags_pzs(res, 8) & X86_FLAG_PF);
}

void soft_op_bsf(struct soft *s, const struct insn *i)
{
	uint64_t v = soft_get_operand(s, i, 1) & size_mask(i->o[0].size);

	flags_scan(s, !v, v ? (uint64_t)__builtin_ctzll(v) : 0);
	if (v)
		soft_put_operand(s, i, 0, (uint64_t)__builtin_ctzll(v));
}

void soft_op_bsr(struct soft *s, const struct insn *i)
{
	uint64_t v = soft_get_operand(s, i, 1) & size_mask(i->o[0].size);

	flags_scan(s, !v, v ? 63 - (uint64_t)__builtin_clzll(v) : 0);
	if (v)
		soft_put_operand(s, i, 0, 63 - (uint64_t)__builtin_clzll(v));
}

/* TZCNT, LZCNT: the undefined flags are cleared, as Intel's CPUs do. */
static void flags_count(struct soft *s, bool none, uint64_t res)
{
	soft_flags_put(s, SOFT_FLAGS_ARITH, (none ? X86_FLAG_CF : 0) | (res ? 0 : X86_FLAG_ZF));
}

void soft_op_tzcnt(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size;
	uint64_t v = soft_get_operand(s, i, 1) & size_mask(size);
	uint64_t res = v ? (uint64_t)__builtin_ctzll(v) : 8 * size;

	soft_put_operand(s, i, 0, res);
	flags_count(s, !v, res);
}

void soft_op_lzcnt(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size;
	uint64_t v = soft_get_operand(s, i, 1) & size_mask(size);
	uint64_t res = v ? (uint64_t)__builtin_clzll(v) - (64 - 8 * size) : 8 * size;

	soft_put_operand(s, i, 0, res);
	flags_count(s, !v, res);
}

void soft_op_popcnt(struct soft *s, const struct insn *i)
{
	uint64_t v = soft_get_operand(s, i, 1) & size_mask(i->o[0].size);

	soft_put_operand(s, i, 0, (uint64_t)__builtin_popcountll(v));
	soft_flags_put(s, SOFT_FLAGS_ARITH, v ? 0 : X86_FLAG_ZF);
}

/* ---- BMI1 and BMI2 -------------------------------------------------------------------------------- */

/* SF and ZF by the result, OF clear; CF as given; AF and PF, which are undefined, clear. */
static void flags_bmi(struct soft *s, uint64_t res, unsigned size, bool cf)
{
	soft_flags_put(s, SOFT_FLAGS_ARITH,
		       (soft_flags_pzs(res, size) & ~X86_FLAG_PF) | (cf ? X86_FLAG_CF : 0));
}

void soft_op_andn(struct soft *s, const struct insn *i)
{
	uint64_t res = ~soft_get_operand(s, i, 1) & soft_get_operand(s, i, 2);

	soft_put_operand(s, i, 0, res);
	flags_bmi(s, res, i->o[0].size, false);
}

void soft_op_blsi(struct soft *s, const struct insn *i)
{
	uint64_t v = soft_get_operand(s, i, 1) & size_mask(i->o[0].size), res = v & -v;

	soft_put_operand(s, i, 0, res);
	flags_bmi(s, res, i->o[0].size, v != 0);
}

void soft_op_blsmsk(struct soft *s, const struct insn *i)
{
	uint64_t v = soft_get_operand(s, i, 1) & size_mask(i->o[0].size), res = v ^ (v - 1);

	soft_put_operand(s, i, 0, res);
	flags_bmi(s, res, i->o[0].size, v == 0);
}

void soft_op_blsr(struct soft *s, const struct insn *i)
{
	uint64_t v = soft_get_operand(s, i, 1) & size_mask(i->o[0].size), res = v & (v - 1);

	soft_put_operand(s, i, 0, res);
	flags_bmi(s, res, i->o[0].size, v == 0);
}

void soft_op_bextr(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size;
	uint64_t v = soft_get_operand(s, i, 1) & size_mask(size), ctl = soft_get_operand(s, i, 2);
	unsigned start = ctl & 0xff, len = ctl >> 8 & 0xff;
	uint64_t res = start < 64 ? v >> start : 0;

	if (len < 64)
		res &= (1ull << len) - 1;
	soft_put_operand(s, i, 0, res);
	flags_bmi(s, res, size, false);
	soft_flags_put(s, X86_FLAG_SF, 0);
}

void soft_op_bzhi(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size, n = soft_get_operand(s, i, 2) & 0xff;
	uint64_t v = soft_get_operand(s, i, 1) & size_mask(size), res = v;

	if (n < 8 * size)
		res &= (1ull << n) - 1;
	soft_put_operand(s, i, 0, res);
	flags_bmi(s, res, size, n >= 8 * size);
}

void soft_op_pdep(struct soft *s, const struct insn *i)
{
	uint64_t src = soft_get_operand(s, i, 1), res = 0;
	uint64_t mask = soft_get_operand(s, i, 2) & size_mask(i->o[0].size);

	for (; mask; mask &= mask - 1, src >>= 1)
		if (src & 1)
			res |= mask & -mask;
	soft_put_operand(s, i, 0, res);
}

void soft_op_pext(struct soft *s, const struct insn *i)
{
	uint64_t src = soft_get_operand(s, i, 1), res = 0;
	uint64_t mask = soft_get_operand(s, i, 2) & size_mask(i->o[0].size);

	for (unsigned n = 0; mask; mask &= mask - 1, n++)
		if (src & mask & -mask)
			res |= 1ull << n;
	soft_put_operand(s, i, 0, res);
}

/* CRC-32C, reflected polynomial 82f63b78h. */
void soft_op_crc32(struct soft *s, const struct insn *i)
{
	uint64_t v = soft_get_operand(s, i, 1);
	uint32_t crc = (uint32_t)soft_get_operand(s, i, 0);

	for (unsigned n = 0; n < i->o[1].size; n++) {
		crc ^= v >> (8 * n) & 0xff;
		for (unsigned k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	soft_put_operand(s, i, 0, crc);
}
