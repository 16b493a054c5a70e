/* SPDX-License-Identifier: MIT */
/* soft: IRET in all modes, SDM 2A IRET; the effects of writing RFLAGS. */
#include "soft_sys.h"

#define FLAGS_ARITH                                                                                \
	(X86_FLAG_CF | X86_FLAG_PF | X86_FLAG_AF | X86_FLAG_ZF | X86_FLAG_SF | X86_FLAG_OF)
#define FLAGS_PLAIN (FLAGS_ARITH | X86_FLAG_TF | X86_FLAG_DF | SOFT_FLAG_NT)

void soft_set_rflags(struct soft *s, uint64_t val, uint64_t mask)
{
	uint64_t old = s->rflags;

	mask &= SOFT_FLAGS_ALL;
	s->lazy.on = false;
	s->rflags = (old & ~mask) | (val & mask) | X86_FLAG_FIXED;
	if ((old ^ s->rflags) & SOFT_FLAG_VM)
		soft_mode_changed(s);
	if ((s->rflags & X86_FLAG_IF) && s->intr)
		s->events = true;
}

/* The flags that IRET of (size) bytes may write at this privilege. */
static uint64_t iret_mask(const struct soft *s, unsigned size)
{
	uint64_t m = FLAGS_PLAIN;

	if (size > 2)
		m |= X86_FLAG_RF | X86_FLAG_AC | SOFT_FLAG_ID;
	if (s->cpl <= soft_iopl(s))
		m |= X86_FLAG_IF;
	if (s->cpl == 0) {
		m |= SOFT_FLAG_IOPL;
		if (size > 2)
			m |= SOFT_FLAG_VIF | SOFT_FLAG_VIP;
	}
	return m;
}

static void iret_real(struct soft *s, unsigned size)
{
	uint64_t f[3], sp = soft_sp_after(s, 3 * (uint64_t)size), mask = SOFT_FLAGS_ALL;

	soft_stack_peek(s, f, 0, 3, size);
	if (f[0] > s->seg[X86_CS].limit)
		soft_gp0(s);
	/* VM, VIF and VIP stay; of 16 bits only the low half is there. */
	mask &= ~(SOFT_FLAG_VM | SOFT_FLAG_VIF | SOFT_FLAG_VIP);
	if (size == 2)
		mask &= 0xffff;
	soft_seg_real(s, X86_CS, (uint16_t)f[1]);
	s->gpr[X86_RSP] = sp;
	s->next_rip = f[0];
	soft_set_rflags(s, f[2], mask);
}

/* 20.2.2 and 20.3: with IOPL 3 as in real mode without IOPL; with VME and 16 bits, IF is VIF. */
static void iret_v86(struct soft *s, unsigned size)
{
	uint64_t f[3], sp = soft_sp_after(s, 3 * (uint64_t)size), mask = FLAGS_PLAIN, val;
	bool vme = soft_iopl(s) < 3;

	if (vme && (!(s->cr4 & SOFT_CR4_VME) || size != 2))
		soft_gp0(s);
	soft_stack_peek(s, f, 0, 3, size);
	if (f[0] > s->seg[X86_CS].limit)
		soft_gp0(s);
	val = f[2];
	if (vme) {
		if ((val & X86_FLAG_TF) || ((val & X86_FLAG_IF) && (s->rflags & SOFT_FLAG_VIP)))
			soft_gp0(s);
		mask |= SOFT_FLAG_VIF;
		val = val & X86_FLAG_IF ? val | SOFT_FLAG_VIF : val & ~SOFT_FLAG_VIF;
	} else {
		mask |= X86_FLAG_IF;
		if (size > 2)
			mask |= X86_FLAG_RF | X86_FLAG_AC | SOFT_FLAG_ID;
	}
	soft_seg_real(s, X86_CS, (uint16_t)f[1]);
	s->gpr[X86_RSP] = sp;
	s->next_rip = f[0];
	soft_set_rflags(s, val, mask);
}

/* From CPL 0 to virtual-8086 mode: EIP CS EFLAGS ESP SS ES DS FS GS. */
static void iret_to_v86(struct soft *s)
{
	static const uint8_t order[] = {X86_SS, X86_ES, X86_DS, X86_FS, X86_GS};
	uint64_t f[9];

	soft_stack_peek(s, f, 0, 9, 4);
	if (f[0] > 0xffff)
		soft_gp0(s);
	soft_set_rflags(s, f[2], SOFT_FLAGS_ALL); /* VM too: what follows is its way of loading */
	soft_seg_real(s, X86_CS, (uint16_t)f[1]);
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
		soft_seg_real(s, order[i], (uint16_t)f[4 + i]);
	s->gpr[X86_RSP] = (uint32_t)f[3];
	s->next_rip = f[0];
	soft_mode_changed(s);
}

static void iret_nested(struct soft *s)
{
	struct soft_desc tss;
	const struct x86_seg *tr = &s->seg[X86_TR];
	uint16_t link;

	if (soft_long(s))
		soft_gp0(s);
	link = (uint16_t)soft_lin_read(s, (uint32_t)tr->base, 2, SOFT_IMPLICIT);
	soft_task_desc(s, link, true, X86_TS, &tss);
	soft_task_switch(s, &tss, SOFT_TASK_IRET, s->next_rip);
}

static void iret_prot(struct soft *s, unsigned size)
{
	uint64_t f[3], outer[2] = {0, 0}, mask = iret_mask(s, size), sp;
	struct soft_desc code, ss;
	bool has_ss, leave;
	uint16_t sel;

	soft_stack_peek(s, f, 0, 3, size);
	sel = (uint16_t)f[1];
	if (size == 4 && (f[2] & SOFT_FLAG_VM) && s->cpl == 0 && !soft_long(s)) {
		iret_to_v86(s);
		return;
	}
	soft_return_cs(s, sel, &code);
	f[0] = soft_cut_offset(s, &code, f[0]);
	leave = (sel & 3u) != s->cpl;
	/* 64-bit mode pops SS:RSP in any case (6.14.3). */
	if (!leave && s->bits != 64) {
		sp = soft_sp_after(s, 3 * (uint64_t)size);
		soft_check_rip(s, &code, f[0]);
		soft_desc_accessed(s, &code);
		s->gpr[X86_RSP] = sp;
		soft_set_cs(s, &code, s->cpl, f[0]);
		soft_mode_changed(s);
		soft_set_rflags(s, f[2], mask);
		return;
	}
	soft_stack_peek(s, outer, 3 * size, 2, size);
	has_ss = soft_return_ss(s, (uint16_t)outer[1], &code, sel & 3u, &ss);
	soft_check_rip(s, &code, f[0]);
	soft_desc_accessed(s, &code);
	if (has_ss)
		soft_desc_accessed(s, &ss);
	soft_return_outer(s, &code, has_ss ? &ss : NULL, (uint16_t)outer[1], outer[0], f[0]);
	soft_set_rflags(s, f[2], mask);
}

void soft_iret(struct soft *s, unsigned opsize)
{
	/* NMIs are let in again even where IRET faults (3C 25.3, "NMI unblocking due to IRET"). */
	s->nmi_masked = false;
	s->events = true;
	if (!soft_prot(s))
		iret_real(s, opsize);
	else if (soft_v86(s))
		iret_v86(s, opsize);
	else if (s->rflags & SOFT_FLAG_NT)
		iret_nested(s);
	else
		iret_prot(s, opsize);
}
