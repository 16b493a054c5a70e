/* SPDX-License-Identifier: MIT */
/* soft: software interrupts, IRET, CLI and STI: SDM volume 2, 3A 6.4 and 20.3. */
#include "ops.h"
#include "system.h"

/* ---- INT ---------------------------------------------------------------------------------------------- */

#define TSS_IOMAP      0x66u
#define REDIRECT_BYTES 32u

/*
 * 20.3.3.1: with CR4.VME, is INT n of virtual-8086 code for the 8086 program's own table? The bitmap
 * lies below the I/O bitmap of the TSS; a set bit, or no bitmap, is for the monitor.
 */
static bool redirected(struct soft *s, unsigned vec)
{
	const struct x86_seg *tr = &s->seg[X86_TR];
	uint32_t at, map;

	if (!(s->cr4 & SOFT_CR4_VME) || tr->unusable || tr->limit < TSS_IOMAP + 1)
		return false;
	map = (uint32_t)soft_lin_read(s, (uint32_t)(tr->base + TSS_IOMAP), 2, SOFT_IMPLICIT);
	at = map - REDIRECT_BYTES + vec / 8;
	if (map < REDIRECT_BYTES || at > tr->limit)
		return false;
	return !(soft_lin_read(s, (uint32_t)(tr->base + at), 1, SOFT_IMPLICIT) >> (vec % 8) & 1);
}

/* 20.3.3.4 and 20.3.3.5: through the table at linear 0, without leaving virtual-8086 mode. */
static void int_8086(struct soft *s, unsigned vec)
{
	uint64_t image = s->rflags, clear = X86_FLAG_TF | X86_FLAG_RF;
	struct soft_stack st;
	uint64_t frame[3];
	uint32_t entry;

	if (soft_iopl(s) < 3) {
		image &= ~X86_FLAG_IF;
		image |= SOFT_FLAG_IOPL | (s->rflags & SOFT_FLAG_VIF ? X86_FLAG_IF : 0);
		clear |= SOFT_FLAG_VIF;
	} else {
		clear |= X86_FLAG_IF;
	}
	entry = (uint32_t)soft_lin_read(s, vec * 4, 4, s->cpl);
	frame[0] = image;
	frame[1] = s->seg[X86_CS].sel;
	frame[2] = s->next_rip;
	soft_stack_now(s, &st);
	soft_stack_push(s, &st, frame, 3, 2);
	s->gpr[X86_RSP] = st.sp;
	soft_seg_real(s, X86_CS, (uint16_t)(entry >> 16));
	s->next_rip = entry & 0xffff;
	soft_set_rflags(s, 0, clear);
}

void soft_op_int(struct soft *s, const struct insn *i)
{
	unsigned vec = i->o[0].disp & 0xff;

	if (soft_v86(s)) {
		if (redirected(s, vec)) {
			int_8086(s, vec);
			return;
		}
		if (soft_iopl(s) < 3)
			soft_gp0(s);
	}
	soft_trap(s, vec, true);
}

void soft_op_int1(struct soft *s, const struct insn *i)
{
	(void)i;
	soft_trap(s, X86_DB, false);
}

void soft_op_int3(struct soft *s, const struct insn *i)
{
	(void)i;
	soft_trap(s, X86_BP, true);
}

void soft_op_into(struct soft *s, const struct insn *i)
{
	(void)i;
	if (s->rflags & X86_FLAG_OF)
		soft_trap(s, X86_OF, true);
}

void soft_op_bound(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o = &i->o[1];
	uint64_t ea = soft_ea(s, i, o), mask = size_mask(i->addrsize);
	int64_t index = soft_sext(soft_get_operand(s, i, 0), i->opsize);
	int64_t low = soft_sext(soft_read(s, o->seg, ea, i->opsize), i->opsize), high;

	/* The upper bound is read only if the lower one holds. */
	if (index < low)
		soft_fault(s, X86_BR);
	high = soft_sext(soft_read(s, o->seg, (ea + i->opsize) & mask, i->opsize), i->opsize);
	if (index > high)
		soft_fault(s, X86_BR);
}

void soft_op_iret(struct soft *s, const struct insn *i)
{
	soft_iret(s, i->opsize);
}

void soft_op_ud(struct soft *s, const struct insn *i)
{
	(void)i;
	soft_ud(s);
}

/* ---- CLI, STI ------------------------------------------------------------------------------------------- */

/* IF, or VIF where the mode's extensions give the guest that one; else #GP(0). */
static uint64_t interrupt_flag(struct soft *s)
{
	if (!soft_prot(s) || s->cpl <= soft_iopl(s))
		return X86_FLAG_IF;
	if (soft_v86(s) ? s->cr4 & SOFT_CR4_VME : s->cpl == 3 && (s->cr4 & SOFT_CR4_PVI))
		return SOFT_FLAG_VIF;
	soft_gp0(s);
}

void soft_op_cli(struct soft *s, const struct insn *i)
{
	uint64_t flag = interrupt_flag(s);

	(void)i;
	s->rflags &= ~flag;
}

void soft_op_sti(struct soft *s, const struct insn *i)
{
	uint64_t flag = interrupt_flag(s);

	(void)i;
	if (flag == SOFT_FLAG_VIF && (s->rflags & SOFT_FLAG_VIP))
		soft_gp0(s);
	/* The instruction behind an STI that opened the door still runs (3A 6.8.1). */
	if (flag == X86_FLAG_IF && !(s->rflags & X86_FLAG_IF))
		s->shadow_new = 1;
	s->rflags |= flag;
	s->events = true;
}
