/* SPDX-License-Identifier: MIT */
/* soft: moves, arithmetic and logic on integers, and the flag instructions. SDM volume 2. */
#include "ops.h"

/* ---- moves --------------------------------------------------------------------------------- */

/* General registers, memory, immediates and segment registers; MOV CR and DR are system's. */
void soft_op_mov(struct soft *s, const struct insn *i)
{
	const struct insn_operand *dst = &i->o[0], *src = &i->o[1];

	if (dst->kind == INSN_REG && (dst->cls == INSN_CR || dst->cls == INSN_DR)) {
		soft_mov_to_control(s, dst, soft_gpr_read(s, src));
		return;
	}
	if (src->kind == INSN_REG && (src->cls == INSN_CR || src->cls == INSN_DR)) {
		soft_gpr_write(s, dst, soft_mov_from_control(s, src));
		return;
	}
	if (dst->kind == INSN_REG && dst->cls == INSN_SREG) {
		uint16_t sel;

		if (dst->num == X86_CS || dst->num > X86_GS)
			soft_ud(s);
		sel = (uint16_t)soft_get_operand(s, i, 1);
		soft_load_seg(s, dst->num, sel);
		if (dst->num == X86_SS)
			s->shadow_new = 2;
		return;
	}
	if (src->kind == INSN_REG && src->cls == INSN_SREG) {
		if (src->num > X86_GS)
			soft_ud(s);
		/* To a register the selector is zero-extended; to memory it is always 16 bits. */
		soft_put_operand(s, i, 0, s->seg[src->num].sel);
		return;
	}
	soft_put_operand(s, i, 0, soft_get_operand(s, i, 1));
}

void soft_op_movzx(struct soft *s, const struct insn *i)
{
	soft_put_operand(s, i, 0, soft_get_operand(s, i, 1));
}

void soft_op_movsx(struct soft *s, const struct insn *i)
{
	struct insn_operand src = i->o[1];
	uint64_t v;

	/* MOVSXD to 16 bits reads no more than those (SDM 2B). */
	if (src.kind == INSN_MEM && src.size > i->o[0].size) {
		src.size = i->o[0].size;
		v = soft_read(s, src.seg, soft_ea(s, i, &src), src.size);
	} else {
		v = soft_get_operand(s, i, 1);
	}
	soft_put_operand(s, i, 0, (uint64_t)soft_sext(v, src.size));
}

void soft_op_movnti(struct soft *s, const struct insn *i)
{
	soft_put_operand(s, i, 0, soft_get_operand(s, i, 1));
}

static uint64_t swap_bytes(uint64_t v, unsigned size)
{
	return __builtin_bswap64(v) >> (64 - 8 * size);
}

void soft_op_movbe(struct soft *s, const struct insn *i)
{
	soft_put_operand(s, i, 0, swap_bytes(soft_get_operand(s, i, 1), i->o[0].size));
}

/* BSWAP of 16 bits is undefined; Intel's CPUs give 0. */
void soft_op_bswap(struct soft *s, const struct insn *i)
{
	uint64_t v = soft_get_operand(s, i, 0);

	soft_put_operand(s, i, 0, i->o[0].size == 2 ? 0 : swap_bytes(v, i->o[0].size));
}

void soft_op_lea(struct soft *s, const struct insn *i)
{
	if (i->o[1].kind != INSN_MEM)
		soft_ud(s);
	soft_put_operand(s, i, 0, soft_ea(s, i, &i->o[1]));
}

void soft_op_cmov(struct soft *s, const struct insn *i)
{
	/* The source is read, and may fault, in any case; a 32-bit destination is always written. */
	uint64_t src = soft_get_operand(s, i, 1);

	soft_put_operand(s, i, 0, soft_insn_cond(s, i) ? src : soft_get_operand(s, i, 0));
}

void soft_op_setcc(struct soft *s, const struct insn *i)
{
	soft_put_operand(s, i, 0, soft_insn_cond(s, i));
}

void soft_op_xlat(struct soft *s, const struct insn *i)
{
	uint64_t off = s->gpr[X86_RBX] + (s->gpr[X86_RAX] & 0xff);

	s->gpr[X86_RAX] = (s->gpr[X86_RAX] & ~0xffull) |
			  soft_read(s, i->seg, off & size_mask(i->addrsize), 1);
}

/* ---- two operands ----------------------------------------------------------------------------- */

/*
 * A memory destination was probed by soft_rmw_operand(), so the write cannot fault any more and the
 * flags may be computed on the way.
 */
#define CARRY(s) ((unsigned)((s)->rflags & X86_FLAG_CF))

void soft_op_add(struct soft *s, const struct insn *i)
{
	uint64_t b = soft_get_operand(s, i, 1), a = soft_rmw_operand(s, i, 0);

	soft_put_operand(s, i, 0, soft_flags_add(s, a, b, 0, i->o[0].size));
}

void soft_op_adc(struct soft *s, const struct insn *i)
{
	uint64_t b = soft_get_operand(s, i, 1), a = soft_rmw_operand(s, i, 0);

	soft_put_operand(s, i, 0, soft_flags_add(s, a, b, CARRY(s), i->o[0].size));
}

void soft_op_sub(struct soft *s, const struct insn *i)
{
	uint64_t b = soft_get_operand(s, i, 1), a = soft_rmw_operand(s, i, 0);

	soft_put_operand(s, i, 0, soft_flags_sub(s, a, b, 0, i->o[0].size));
}

void soft_op_sbb(struct soft *s, const struct insn *i)
{
	uint64_t b = soft_get_operand(s, i, 1), a = soft_rmw_operand(s, i, 0);

	soft_put_operand(s, i, 0, soft_flags_sub(s, a, b, CARRY(s), i->o[0].size));
}

void soft_op_cmp(struct soft *s, const struct insn *i)
{
	uint64_t b = soft_get_operand(s, i, 1), a = soft_get_operand(s, i, 0);

	soft_flags_sub(s, a, b, 0, i->o[0].size);
}

void soft_op_and(struct soft *s, const struct insn *i)
{
	uint64_t b = soft_get_operand(s, i, 1), res = soft_rmw_operand(s, i, 0) & b;

	soft_put_operand(s, i, 0, res);
	soft_flags_logic(s, res, i->o[0].size);
}

void soft_op_or(struct soft *s, const struct insn *i)
{
	uint64_t b = soft_get_operand(s, i, 1), res = soft_rmw_operand(s, i, 0) | b;

	soft_put_operand(s, i, 0, res);
	soft_flags_logic(s, res, i->o[0].size);
}

void soft_op_xor(struct soft *s, const struct insn *i)
{
	uint64_t b = soft_get_operand(s, i, 1), res = soft_rmw_operand(s, i, 0) ^ b;

	soft_put_operand(s, i, 0, res);
	soft_flags_logic(s, res, i->o[0].size);
}

void soft_op_test(struct soft *s, const struct insn *i)
{
	uint64_t b = soft_get_operand(s, i, 1);

	soft_flags_logic(s, soft_get_operand(s, i, 0) & b, i->o[0].size);
}

/* ADCX and ADOX: an addition that carries by CF or OF alone and leaves the other flags. */
static void add_by(struct soft *s, const struct insn *i, uint64_t flag)
{
	unsigned size = i->o[0].size;
	uint64_t mask = size_mask(size), b = soft_get_operand(s, i, 1) & mask;
	uint64_t a = soft_get_operand(s, i, 0) & mask, c = s->rflags & flag ? 1 : 0;
	uint64_t sum = (a + b + c) & mask;
	bool carry = sum < a || (c && sum == a);

	soft_put_operand(s, i, 0, sum);
	soft_flags_put(s, flag, carry ? flag : 0);
}

void soft_op_adcx(struct soft *s, const struct insn *i)
{
	add_by(s, i, X86_FLAG_CF);
}

void soft_op_adox(struct soft *s, const struct insn *i)
{
	add_by(s, i, X86_FLAG_OF);
}

/* ---- one operand --------------------------------------------------------------------------------- */

void soft_op_inc(struct soft *s, const struct insn *i)
{
	uint64_t a = soft_rmw_operand(s, i, 0);

	soft_put_operand(s, i, 0, soft_flags_inc(s, a, i->o[0].size));
}

void soft_op_dec(struct soft *s, const struct insn *i)
{
	uint64_t a = soft_rmw_operand(s, i, 0);

	soft_put_operand(s, i, 0, soft_flags_dec(s, a, i->o[0].size));
}

void soft_op_neg(struct soft *s, const struct insn *i)
{
	uint64_t a = soft_rmw_operand(s, i, 0);

	soft_put_operand(s, i, 0, soft_flags_sub(s, 0, a, 0, i->o[0].size));
}

void soft_op_not(struct soft *s, const struct insn *i)
{
	soft_put_operand(s, i, 0, ~soft_rmw_operand(s, i, 0));
}

/* CBW, CWDE, CDQE: the low half of the accumulator, sign-extended to the operand size. */
void soft_op_cbw(struct soft *s, const struct insn *i)
{
	const struct insn_operand acc = {.kind = INSN_REG, .cls = INSN_GPR, .size = i->opsize};

	soft_gpr_write(s, &acc, (uint64_t)soft_sext(s->gpr[X86_RAX], i->opsize / 2));
}

/* CWD, CDQ, CQO: the accumulator's sign all over rDX. */
void soft_op_cwd(struct soft *s, const struct insn *i)
{
	const struct insn_operand dx = {
		.kind = INSN_REG, .cls = INSN_GPR, .size = i->opsize, .num = X86_RDX};

	soft_gpr_write(s, &dx, soft_sext(s->gpr[X86_RAX], i->opsize) < 0 ? ~0ull : 0);
}

/* ---- flags ------------------------------------------------------------------------------------------ */

void soft_op_clc(struct soft *s, const struct insn *i)
{
	(void)i;
	s->rflags &= ~X86_FLAG_CF;
}

void soft_op_stc(struct soft *s, const struct insn *i)
{
	(void)i;
	s->rflags |= X86_FLAG_CF;
}

void soft_op_cmc(struct soft *s, const struct insn *i)
{
	(void)i;
	s->rflags ^= X86_FLAG_CF;
}

void soft_op_cld(struct soft *s, const struct insn *i)
{
	(void)i;
	s->rflags &= ~X86_FLAG_DF;
}

void soft_op_std(struct soft *s, const struct insn *i)
{
	(void)i;
	s->rflags |= X86_FLAG_DF;
}

#define LAHF_FLAGS (X86_FLAG_CF | X86_FLAG_PF | X86_FLAG_AF | X86_FLAG_ZF | X86_FLAG_SF)

/* In 64-bit mode both need CPUID's LAHF bit (SDM 2A); elsewhere they are always there. */
static void need_lahf(struct soft *s)
{
	if (s->bits == 64 && !soft_has(s, INSN_C_LAHF))
		soft_ud(s);
}

void soft_op_lahf(struct soft *s, const struct insn *i)
{
	(void)i;
	need_lahf(s);
	s->gpr[X86_RAX] =
		(s->gpr[X86_RAX] & ~0xff00ull) | ((s->rflags & LAHF_FLAGS) | X86_FLAG_FIXED) << 8;
}

void soft_op_sahf(struct soft *s, const struct insn *i)
{
	(void)i;
	need_lahf(s);
	soft_flags_put(s, LAHF_FLAGS, s->gpr[X86_RAX] >> 8);
}

/* SALC, undocumented: AL = CF ? 0xff : 0. */
void soft_op_salc(struct soft *s, const struct insn *i)
{
	(void)i;
	s->gpr[X86_RAX] = (s->gpr[X86_RAX] & ~0xffull) | (s->rflags & X86_FLAG_CF ? 0xff : 0);
}

void soft_op_nop(struct soft *s, const struct insn *i)
{
	(void)s;
	(void)i;
}
