/* SPDX-License-Identifier: MIT */
/* soft: branches. The far forms of JMP, CALL and RET go on to far.c. SDM volume 2. */
#include "ops.h"

#define OPCODE_RETF_IMM 0xca
#define OPCODE_RETF	0xcb

/* The width of a near branch's target: 64 in long mode whatever the prefixes say, else the operand's. */
static unsigned near_size(const struct soft *s, const struct insn *i)
{
	return s->bits == 64 ? 8 : i->opsize;
}

/* A target beyond the limit of CS, or non-canonical, is #GP(0) with RIP at the branch. */
static void check_target(struct soft *s, uint64_t target)
{
	if (s->bits == 64 ? !soft_canonical(target) : target > s->seg[X86_CS].limit)
		soft_gp0(s);
}

static uint64_t relative(struct soft *s, const struct insn *i)
{
	uint64_t target = (s->next_rip + (uint64_t)i->o[0].disp) & size_mask(near_size(s, i));

	check_target(s, target);
	return target;
}

static bool is_far_pointer(const struct insn *i)
{
	/* FF /3 and FF /5 take m16:16, m16:32, m16:64. */
	return i->o[0].kind == INSN_MEM && ((i->modrm >> 3 & 7) == 3 || (i->modrm >> 3 & 7) == 5);
}

static void read_far(struct soft *s, const struct insn *i, uint16_t *sel, uint64_t *off)
{
	const struct insn_operand *o = &i->o[0];
	uint64_t ea;

	if (o->kind == INSN_FAR) {
		*sel = o->sel;
		*off = (uint64_t)o->disp & size_mask(i->opsize);
		return;
	}
	ea = soft_ea(s, i, o);
	*off = soft_read(s, o->seg, ea, i->opsize);
	*sel = (uint16_t)soft_read(s, o->seg, (ea + i->opsize) & size_mask(i->addrsize), 2);
}

/* Where a near JMP or CALL goes. */
static uint64_t near_target(struct soft *s, const struct insn *i)
{
	uint64_t mask = size_mask(near_size(s, i));

	if (i->flags & INSN_F_REL)
		return (s->next_rip + (uint64_t)i->o[0].disp) & mask;
	return soft_get_operand(s, i, 0) & mask;
}

void soft_op_jmp(struct soft *s, const struct insn *i)
{
	uint64_t target;

	if (i->o[0].kind == INSN_FAR || is_far_pointer(i)) {
		uint16_t sel;
		uint64_t off;

		read_far(s, i, &sel, &off);
		soft_far_jmp(s, sel, off, i->opsize);
		return;
	}
	target = near_target(s, i);
	check_target(s, target);
	s->next_rip = target;
}

void soft_op_call(struct soft *s, const struct insn *i)
{
	uint64_t target, sp, after;

	if (i->o[0].kind == INSN_FAR || is_far_pointer(i)) {
		uint16_t sel;
		uint64_t off;

		read_far(s, i, &sel, &off);
		soft_far_call(s, sel, off, i->opsize);
		return;
	}
	/* The return address is in memory before the target is found bad: so do Intel's CPUs. */
	target = near_target(s, i);
	sp = s->gpr[X86_RSP];
	soft_push(s, s->next_rip, near_size(s, i));
	after = s->gpr[X86_RSP];
	s->gpr[X86_RSP] = sp;
	check_target(s, target);
	s->gpr[X86_RSP] = after;
	s->next_rip = target;
}

void soft_op_ret(struct soft *s, const struct insn *i)
{
	unsigned size = near_size(s, i), pop = i->nr ? (uint16_t)i->o[0].disp : 0;
	uint64_t sp = s->gpr[X86_RSP], target;

	if (i->opcode == OPCODE_RETF || i->opcode == OPCODE_RETF_IMM) {
		soft_far_ret(s, i->opsize, pop);
		return;
	}
	target = soft_pop(s, size);
	if (s->bits == 64 ? !soft_canonical(target) : target > s->seg[X86_CS].limit) {
		s->gpr[X86_RSP] = sp;
		soft_gp0(s);
	}
	soft_set_sp(s, soft_sp(s) + pop);
	s->next_rip = target;
}

void soft_op_jcc(struct soft *s, const struct insn *i)
{
	if (soft_insn_cond(s, i))
		s->next_rip = relative(s, i);
}

void soft_op_jcxz(struct soft *s, const struct insn *i)
{
	if (!(s->gpr[X86_RCX] & size_mask(i->addrsize)))
		s->next_rip = relative(s, i);
}

/* The count is rCX by the address size; a count of 32 bits clears the high half. */
void soft_op_loop(struct soft *s, const struct insn *i)
{
	const struct insn_operand cx = {
		.kind = INSN_REG, .cls = INSN_GPR, .size = i->addrsize, .num = X86_RCX};
	uint64_t count = (s->gpr[X86_RCX] - 1) & size_mask(i->addrsize);
	bool taken = count != 0;
	uint64_t target = s->next_rip;

	if (i->op == INSN_LOOPE)
		taken = taken && (s->rflags & X86_FLAG_ZF);
	else if (i->op == INSN_LOOPNE)
		taken = taken && !(s->rflags & X86_FLAG_ZF);
	if (taken)
		target = relative(s, i);
	soft_gpr_write(s, &cx, count);
	s->next_rip = target;
}
