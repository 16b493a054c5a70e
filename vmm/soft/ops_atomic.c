/* SPDX-License-Identifier: MIT */
/* soft: exchanges. With one CPU every instruction is atomic, LOCK or not. SDM volume 2. */
#include "ops.h"

void soft_op_xchg(struct soft *s, const struct insn *i)
{
	/* Memory may be either operand; it is written before the register, so a fault changes nothing. */
	unsigned m = i->o[1].kind == INSN_MEM ? 1 : 0, r = 1 - m;
	uint64_t mem = soft_rmw_operand(s, i, m), reg = soft_get_operand(s, i, r);

	soft_put_operand(s, i, m, reg);
	soft_put_operand(s, i, r, mem);
}

void soft_op_xadd(struct soft *s, const struct insn *i)
{
	uint64_t dst = soft_rmw_operand(s, i, 0), src = soft_get_operand(s, i, 1);
	uint64_t sum = soft_flags_add(s, dst, src, 0, i->o[0].size);

	/* XADD of a register with itself leaves the sum in it. */
	if (i->o[0].kind == INSN_MEM) {
		soft_put_operand(s, i, 0, sum);
		soft_put_operand(s, i, 1, dst);
	} else {
		soft_put_operand(s, i, 1, dst);
		soft_put_operand(s, i, 0, sum);
	}
}

/*
 * Memory is written in either case: with what it had when the comparison fails. A register is then
 * left alone, with the high half of a 32-bit one.
 */
void soft_op_cmpxchg(struct soft *s, const struct insn *i)
{
	unsigned size = i->o[0].size;
	const struct insn_operand acc = {.kind = INSN_REG, .cls = INSN_GPR, .size = (uint8_t)size};
	uint64_t dst = soft_rmw_operand(s, i, 0), src = soft_get_operand(s, i, 1);

	soft_flags_sub(s, s->gpr[X86_RAX], dst, 0, size);
	if (s->rflags & X86_FLAG_ZF) {
		soft_put_operand(s, i, 0, src);
	} else {
		if (i->o[0].kind == INSN_MEM)
			soft_put_operand(s, i, 0, dst);
		soft_gpr_write(s, &acc, dst);
	}
}

void soft_op_cmpxchg8b(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o = &i->o[0];
	uint64_t off = soft_ea(s, i, o), old;
	uint64_t want = s->gpr[X86_RDX] << 32 | (s->gpr[X86_RAX] & UINT32_MAX);

	soft_probe_write(s, o->seg, off, 8);
	old = soft_read(s, o->seg, off, 8);
	if (old == want) {
		soft_write(s, o->seg, off, 8,
			   s->gpr[X86_RCX] << 32 | (s->gpr[X86_RBX] & UINT32_MAX));
		s->rflags |= X86_FLAG_ZF;
		return;
	}
	soft_write(s, o->seg, off, 8, old);
	s->gpr[X86_RAX] = old & UINT32_MAX;
	s->gpr[X86_RDX] = old >> 32;
	s->rflags &= ~X86_FLAG_ZF;
}

/* The operand is aligned to 16, else #GP(0). */
void soft_op_cmpxchg16b(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o = &i->o[0];
	uint64_t off = soft_ea(s, i, o), old[2], new[2] = {s->gpr[X86_RBX], s->gpr[X86_RCX]};
	bool equal;

	soft_check_aligned(s, o->seg, off, 16);
	soft_probe_write(s, o->seg, off, 16);
	soft_read_bytes(s, o->seg, off, old, 16);
	equal = old[0] == s->gpr[X86_RAX] && old[1] == s->gpr[X86_RDX];
	soft_write_bytes(s, o->seg, off, equal ? new : old, 16);
	if (!equal) {
		s->gpr[X86_RAX] = old[0];
		s->gpr[X86_RDX] = old[1];
	}
	soft_flags_put(s, X86_FLAG_ZF, equal ? X86_FLAG_ZF : 0);
}
