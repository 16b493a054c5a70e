/* SPDX-License-Identifier: MIT */
/* soft: PUSH and POP in all forms, ENTER and LEAVE, the flags by the stack. SDM volume 2. */
#include "ops.h"

#define IOPL(s) ((unsigned)((s)->rflags >> 12) & 3)

/* RFLAGS bits that have no constant in x86.h. */
#define FLAG_IOPL (3ull << 12)
#define FLAG_NT	  (1ull << 14)
#define FLAG_VM	  (1ull << 17)
#define FLAG_VIF  (1ull << 19)
#define FLAG_VIP  (1ull << 20)
#define FLAG_ID	  (1ull << 21)
#define CR4_VME	  (1ull << 0)

/* In 64-bit mode the stack moves 8 bytes, or 2 with an operand-size prefix, never 4. */
static unsigned stack_size(const struct soft *s, const struct insn *i)
{
	return s->bits == 64 && i->opsize == 4 ? 8 : i->opsize;
}

void soft_op_push(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o = &i->o[0];
	unsigned size = stack_size(s, i);
	uint64_t val;

	if (o->kind == INSN_REG && o->cls == INSN_SREG) {
		/* Of 4 bytes Intel's CPUs write the selector's 2 (SDM 2B, PUSH). */
		if (size == 4) {
			uint64_t sp = (soft_sp(s) - 4) & (s->stack32 ? UINT32_MAX : 0xffff);

			soft_write(s, X86_SS, sp, 2, s->seg[o->num].sel);
			soft_set_sp(s, sp);
			return;
		}
		val = s->seg[o->num].sel;
	} else if (o->kind == INSN_IMM)
		val = (uint64_t)o->disp;
	else
		val = soft_get_operand(s, i, 0);
	soft_push(s, val, size);
}

/*
 * POP to memory computes the address with RSP already moved (SDM 2B, POP); on a fault RSP is as it
 * was.
 */
void soft_op_pop(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o = &i->o[0];
	unsigned size = stack_size(s, i);
	uint64_t old = s->gpr[X86_RSP], val, after;

	if (o->kind == INSN_REG && o->cls == INSN_SREG) {
		/* Of the element 2 bytes are read. */
		val = soft_read(s, X86_SS, soft_sp(s), 2);
		soft_set_sp(s, soft_sp(s) + size);
		after = s->gpr[X86_RSP];
		s->gpr[X86_RSP] = old;
		soft_load_seg(s, o->num, (uint16_t)val);
		s->gpr[X86_RSP] = after;
		if (o->num == X86_SS)
			s->shadow_new = 2;
		return;
	}
	val = soft_pop(s, size);
	after = s->gpr[X86_RSP];
	if (o->kind == INSN_MEM) {
		uint64_t off = soft_ea(s, i, o);

		s->gpr[X86_RSP] = old;
		soft_write(s, o->seg, off, size, val);
		s->gpr[X86_RSP] = after;
		return;
	}
	soft_put_operand(s, i, 0, val);
}

void soft_op_pusha(struct soft *s, const struct insn *i)
{
	uint64_t mask = s->stack32 ? UINT32_MAX : UINT16_MAX, sp = soft_sp(s);

	/*
	 * rAX rCX rDX rBX rSP rBP rSI rDI, as encoded, one by one: a fault on the way leaves the stack
	 * pointer as it was, but what is below it written.
	 */
	for (unsigned n = 0; n < 8; n++)
		soft_write(s, X86_SS, (sp - (n + 1) * (uint64_t)i->opsize) & mask, i->opsize,
			   s->gpr[n]);
	soft_set_sp(s, sp - 8 * (uint64_t)i->opsize);
}

/* The registers change one by one, rDI first, as CPUs do it: a fault leaves those before it loaded. */
void soft_op_popa(struct soft *s, const struct insn *i)
{
	for (unsigned n = 8; n-- > 0;) {
		const struct insn_operand o = {
			.kind = INSN_REG, .cls = INSN_GPR, .size = i->opsize, .num = (uint8_t)n};
		uint64_t off = (soft_sp(s) + (uint64_t)(7 - n) * i->opsize) &
			       (s->stack32 ? UINT32_MAX : 0xffff);
		uint64_t val;

		val = soft_read(s, X86_SS, off, i->opsize);
		if (n != X86_RSP)
			soft_gpr_write(s, &o, val);
	}
	soft_set_sp(s, soft_sp(s) + 8 * i->opsize);
}

void soft_op_pushf(struct soft *s, const struct insn *i)
{
	unsigned size = stack_size(s, i);
	uint64_t f = s->rflags & ~(FLAG_VM | X86_FLAG_RF);

	if (soft_v86(s) && IOPL(s) < 3) {
		/* SDM 3B 21.3: with VME a 16-bit PUSHF shows VIF as IF and IOPL 3. */
		if (!(s->cr4 & CR4_VME) || size != 2)
			soft_gp0(s);
		f = (f & ~X86_FLAG_IF) | FLAG_IOPL | (f & FLAG_VIF ? X86_FLAG_IF : 0);
	}
	soft_push(s, f, size);
}

void soft_op_popf(struct soft *s, const struct insn *i)
{
	unsigned size = stack_size(s, i);
	uint64_t mask = SOFT_FLAGS_ARITH | X86_FLAG_TF | X86_FLAG_DF | FLAG_NT, val;
	uint64_t old = s->gpr[X86_RSP];

	if (size > 2)
		mask |= X86_FLAG_AC | FLAG_ID | X86_FLAG_RF; /* RF is cleared */
	if (soft_v86(s)) {
		if (IOPL(s) == 3) {
			mask |= X86_FLAG_IF;
		} else {
			if (!(s->cr4 & CR4_VME) || size != 2)
				soft_gp0(s);
			val = soft_pop(s, size);
			if ((val & X86_FLAG_TF) ||
			    ((val & X86_FLAG_IF) && (s->rflags & FLAG_VIP))) {
				s->gpr[X86_RSP] = old;
				soft_gp0(s);
			}
			val = (val & ~FLAG_VIF) | (val & X86_FLAG_IF ? FLAG_VIF : 0);
			soft_set_rflags(s, val, mask | FLAG_VIF);
			return;
		}
	} else {
		if (s->cpl == 0)
			mask |= FLAG_IOPL;
		if (s->cpl <= IOPL(s))
			mask |= X86_FLAG_IF;
		if (size > 2)
			mask |= FLAG_VIF | FLAG_VIP; /* both are cleared */
	}
	val = soft_pop(s, size) & ~(X86_FLAG_RF | FLAG_VIF | FLAG_VIP);
	soft_set_rflags(s, val, mask);
}

/*
 * SDM 2A, ENTER: copy (level) frame pointers, at most 31, and make room. The pushes are made one by
 * one as CPUs do: a fault leaves those before it in memory, the registers as they were.
 */
void soft_op_enter(struct soft *s, const struct insn *i)
{
	unsigned size = stack_size(s, i), room = (uint16_t)i->o[0].disp, level = i->o[1].disp & 31;
	uint64_t stack_mask = s->stack64 ? ~0ull : s->stack32 ? UINT32_MAX : 0xffff;
	uint64_t old = s->gpr[X86_RSP], bp = s->gpr[X86_RBP], frame, after;
	uint64_t sp = (soft_sp(s) - size) & stack_mask;
	const struct insn_operand rbp = {
		.kind = INSN_REG, .cls = INSN_GPR, .size = (uint8_t)size, .num = X86_RBP};

	soft_write(s, X86_SS, sp, size, bp);
	/* The whole of the register, also where the stack pointer is a part of it. */
	frame = (old & ~stack_mask) | sp;
	for (unsigned n = 1; n < level; n++) {
		uint64_t v = soft_read(s, X86_SS, (bp - n * size) & stack_mask, size);

		sp = (sp - size) & stack_mask;
		soft_write(s, X86_SS, sp, size, v);
	}
	if (level) {
		sp = (sp - size) & stack_mask;
		soft_write(s, X86_SS, sp, size, frame);
	}
	sp = (sp - room) & stack_mask;
	soft_probe_write(s, X86_SS, sp, size);
	soft_set_sp(s, sp);
	after = s->gpr[X86_RSP];
	s->gpr[X86_RSP] = old;
	soft_gpr_write(s, &rbp, frame);
	s->gpr[X86_RSP] = after;
}

void soft_op_leave(struct soft *s, const struct insn *i)
{
	unsigned size = stack_size(s, i);
	uint64_t val;
	const struct insn_operand rbp = {
		.kind = INSN_REG, .cls = INSN_GPR, .size = (uint8_t)size, .num = X86_RBP};
	uint64_t stack_mask = s->stack64 ? ~0ull : s->stack32 ? UINT32_MAX : 0xffff;
	uint64_t bp = s->gpr[X86_RBP] & stack_mask;

	val = soft_read(s, X86_SS, bp, size);
	soft_set_sp(s, bp + size);
	soft_gpr_write(s, &rbp, val);
}
