/* SPDX-License-Identifier: MIT */
/*
 * soft: decimal adjustments, which 64-bit code does not have (the decoder refuses them). SDM 2A.
 * Undefined flags: PF, ZF and SF are those of AL everywhere; OF is cleared. AAD's are those of its
 * addition, as Intel's CPUs have it.
 */
#include "ops.h"

static uint8_t al(const struct soft *s)
{
	return (uint8_t)s->gpr[X86_RAX];
}

static void put_ax(struct soft *s, uint16_t ax)
{
	s->gpr[X86_RAX] = (s->gpr[X86_RAX] & ~0xffffull) | ax;
}

static void put_al(struct soft *s, uint8_t v)
{
	s->gpr[X86_RAX] = (s->gpr[X86_RAX] & ~0xffull) | v;
}

static void flags_bcd(struct soft *s, uint8_t res, bool af, bool cf)
{
	soft_flags_put(s, SOFT_FLAGS_ARITH,
		       soft_flags_pzs(res, 1) | (af ? X86_FLAG_AF : 0) | (cf ? X86_FLAG_CF : 0));
}

static bool adjust(const struct soft *s)
{
	return (al(s) & 15) > 9 || (s->rflags & X86_FLAG_AF);
}

void soft_op_aaa(struct soft *s, const struct insn *i)
{
	bool a = adjust(s);
	uint16_t ax = (uint16_t)s->gpr[X86_RAX];

	(void)i;
	if (a)
		ax = (uint16_t)(ax + 0x106);
	put_ax(s, ax & 0xff0f);
	flags_bcd(s, al(s), a, a);
}

void soft_op_aas(struct soft *s, const struct insn *i)
{
	bool a = adjust(s);
	uint16_t ax = (uint16_t)s->gpr[X86_RAX];

	(void)i;
	if (a)
		ax = (uint16_t)(ax - 0x106);
	put_ax(s, ax & 0xff0f);
	flags_bcd(s, al(s), a, a);
}

void soft_op_aam(struct soft *s, const struct insn *i)
{
	uint8_t base = (uint8_t)i->o[0].disp, v = al(s);

	if (!base)
		soft_fault(s, X86_DE);
	/* soft_fault() does not return. */
	/* cppcheck-suppress zerodivcond */
	put_ax(s, (uint16_t)(v / base << 8 | v % base));
	flags_bcd(s, al(s), false, false);
}

void soft_op_aad(struct soft *s, const struct insn *i)
{
	uint8_t base = (uint8_t)i->o[0].disp, ah = (uint8_t)(s->gpr[X86_RAX] >> 8);

	put_ax(s, (uint8_t)soft_flags_add(s, al(s), (uint8_t)(ah * base), 0, 1));
}

void soft_op_daa(struct soft *s, const struct insn *i)
{
	uint8_t v = al(s), res = v;
	bool af = adjust(s), cf = v > 0x99 || (s->rflags & X86_FLAG_CF);

	(void)i;
	if (af)
		res = (uint8_t)(res + 6);
	if (cf)
		res = (uint8_t)(res + 0x60);
	put_al(s, res);
	flags_bcd(s, res, af, cf);
}

void soft_op_das(struct soft *s, const struct insn *i)
{
	uint8_t v = al(s), res = v;
	bool af = adjust(s), high = v > 0x99 || (s->rflags & X86_FLAG_CF);
	/* CF is also what the subtraction of 6 borrows. */
	bool cf = high || (af && v < 6);

	(void)i;
	if (af)
		res = (uint8_t)(res - 6);
	if (high)
		res = (uint8_t)(res - 0x60);
	put_al(s, res);
	flags_bcd(s, res, af, cf);
}
