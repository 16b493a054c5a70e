/* SPDX-License-Identifier: MIT */
/*
 * soft: the hardware task switch, SDM 3A chapter 7: by JMP, CALL, IRET and task gates, with 16- and
 * 32-bit TSSs in any mix.
 *
 * Up to the commit nothing is changed and faults are the old task's; from there on they are the new
 * task's, at its first instruction (7.3, step 12 on).
 */
#include "soft_sys.h"

/* Fields, figures 7-2 and 7-10. Selector fields of 32-bit TSSs are 2 bytes in 4. */
#define TSS_LINK     0u
#define TSS32_CR3    0x1cu
#define TSS32_EIP    0x20u
#define TSS32_EFLAGS 0x24u
#define TSS32_GPR    0x28u
#define TSS32_SEG    0x48u
#define TSS32_LDT    0x60u
#define TSS32_T	     0x64u
#define TSS32_LIMIT  0x67u
#define TSS16_IP     0x0eu
#define TSS16_FLAGS  0x10u
#define TSS16_GPR    0x12u
#define TSS16_SEG    0x22u
#define TSS16_LDT    0x2au
#define TSS16_LIMIT  0x2bu
#define TSS_SEGS     6u /* ES CS SS DS FS GS: the order of enum x86_sreg */
#define TSS16_SEGS   4u /* no FS, no GS */

struct tss {
	uint32_t cr3, eip, eflags, gpr[8];
	uint16_t seg[TSS_SEGS], ldt;
	bool trap;
};

static bool is_wide(uint16_t attr)
{
	return soft_attr_type(attr) & 8;
}

static uint64_t field(struct soft *s, uint64_t base, uint32_t off, unsigned size)
{
	return soft_lin_read(s, (uint32_t)(base + off), size, SOFT_IMPLICIT);
}

static void put(struct soft *s, uint64_t base, uint32_t off, unsigned size, uint64_t val)
{
	soft_lin_write(s, (uint32_t)(base + off), size, val, SOFT_IMPLICIT);
}

static void read_tss(struct soft *s, uint64_t base, bool wide, struct tss *t)
{
	unsigned size = wide ? 4 : 2;

	memset(t, 0, sizeof(*t));
	t->eip = (uint32_t)field(s, base, wide ? TSS32_EIP : TSS16_IP, size);
	t->eflags = (uint32_t)field(s, base, wide ? TSS32_EFLAGS : TSS16_FLAGS, size);
	for (unsigned i = 0; i < 8; i++)
		t->gpr[i] =
			(uint32_t)field(s, base, (wide ? TSS32_GPR : TSS16_GPR) + i * size, size);
	for (unsigned i = 0; i < (wide ? TSS_SEGS : TSS16_SEGS); i++)
		t->seg[i] = (uint16_t)field(s, base, (wide ? TSS32_SEG : TSS16_SEG) + i * size, 2);
	t->ldt = (uint16_t)field(s, base, wide ? TSS32_LDT : TSS16_LDT, 2);
	if (wide) {
		t->cr3 = (uint32_t)field(s, base, TSS32_CR3, 4);
		t->trap = field(s, base, TSS32_T, 2) & 1;
	}
}

static void save_tss(struct soft *s, bool wide, uint64_t rip, uint64_t rflags)
{
	uint64_t base = s->seg[X86_TR].base;
	unsigned size = wide ? 4 : 2;

	put(s, base, wide ? TSS32_EIP : TSS16_IP, size, rip);
	put(s, base, wide ? TSS32_EFLAGS : TSS16_FLAGS, size, rflags);
	for (unsigned i = 0; i < 8; i++)
		put(s, base, (wide ? TSS32_GPR : TSS16_GPR) + i * size, size, s->gpr[i]);
	for (unsigned i = 0; i < (wide ? TSS_SEGS : TSS16_SEGS); i++)
		put(s, base, (wide ? TSS32_SEG : TSS16_SEG) + i * size, 2, s->seg[i].sel);
}

/* Raise now what saving would raise later. */
static void probe_tss(struct soft *s, bool wide)
{
	const struct x86_seg *tr = &s->seg[X86_TR];
	uint32_t first = wide ? TSS32_EIP : TSS16_IP;
	uint32_t last = wide ? TSS32_SEG + TSS_SEGS * 4 : TSS16_SEG + TSS16_SEGS * 2;

	if (tr->unusable || tr->limit < (wide ? TSS32_LIMIT : TSS16_LIMIT))
		soft_sel_fault(s, X86_TS, tr->sel);
	soft_lin_probe_write(s, (uint32_t)(tr->base + first), last - first, SOFT_IMPLICIT);
}

void soft_task_desc(struct soft *s, uint16_t sel, bool busy, unsigned vec, struct soft_desc *d)
{
	unsigned type, want = busy ? SOFT_TYPE_BUSY : 0;

	if (!(sel & ~3u) || (sel & 4)) /* the GDT alone has TSSs */
		soft_sel_fault(s, vec, sel);
	soft_desc_get(s, sel, vec, d);
	type = soft_attr_type(d->attr);
	if ((d->attr & SOFT_ATTR_S) || (type != (SOFT_TSS16 | want) && type != (SOFT_TSS32 | want)))
		soft_sel_fault(s, vec, sel);
	if (!(d->attr & SOFT_ATTR_P))
		soft_sel_fault(s, X86_NP, sel);
}

/* ---- the new task's own checks, table 7-1 -------------------------------------------------------- */

static void load_ldt(struct soft *s, uint16_t sel)
{
	struct soft_desc d;

	if (!(sel & ~3u))
		return;
	if (sel & 4)
		soft_sel_fault(s, X86_TS, sel);
	soft_desc_get(s, sel, X86_TS, &d);
	if ((d.attr & SOFT_ATTR_S) || soft_attr_type(d.attr) != SOFT_LDT || !(d.attr & SOFT_ATTR_P))
		soft_sel_fault(s, X86_TS, sel);
	soft_seg_from_desc(s, X86_LDTR, &d);
}

static void load_cs(struct soft *s, uint16_t sel)
{
	unsigned rpl = sel & 3, dpl;
	struct soft_desc d;

	if (!(sel & ~3u))
		soft_sel_fault(s, X86_TS, sel);
	soft_desc_get(s, sel, X86_TS, &d);
	dpl = soft_attr_dpl(d.attr);
	if (!soft_attr_is_code(d.attr) || (soft_attr_conforming(d.attr) ? dpl > rpl : dpl != rpl))
		soft_sel_fault(s, X86_TS, sel);
	if (!(d.attr & SOFT_ATTR_P))
		soft_sel_fault(s, X86_NP, sel);
	soft_desc_accessed(s, &d);
	soft_seg_from_desc(s, X86_CS, &d);
}

static void load_ss(struct soft *s, uint16_t sel, unsigned cpl)
{
	struct soft_desc d;

	if (!(sel & ~3u))
		soft_sel_fault(s, X86_TS, sel);
	soft_desc_get(s, sel, X86_TS, &d);
	if ((sel & 3u) != cpl || soft_attr_dpl(d.attr) != cpl || !soft_attr_writable_data(d.attr))
		soft_sel_fault(s, X86_TS, sel);
	if (!(d.attr & SOFT_ATTR_P))
		soft_sel_fault(s, X86_SS_FAULT, sel);
	soft_desc_accessed(s, &d);
	soft_seg_from_desc(s, X86_SS, &d);
}

static void load_data(struct soft *s, unsigned seg, uint16_t sel, unsigned cpl)
{
	struct soft_desc d;

	if (!(sel & ~3u))
		return;
	soft_desc_get(s, sel, X86_TS, &d);
	soft_check_data(s, &d, sel & 3, cpl, X86_TS);
	soft_desc_accessed(s, &d);
	soft_seg_from_desc(s, seg, &d);
}

static void load_segments(struct soft *s, const struct tss *t)
{
	static const uint8_t data[] = {X86_ES, X86_DS, X86_FS, X86_GS};
	unsigned cpl = t->seg[X86_CS] & 3;

	load_ldt(s, t->ldt);
	if (soft_v86(s)) {
		for (unsigned i = 0; i < TSS_SEGS; i++)
			soft_seg_real(s, i, t->seg[i]);
		soft_mode_changed(s);
	} else {
		load_cs(s, t->seg[X86_CS]);
		soft_mode_changed(s);
		load_ss(s, t->seg[X86_SS], cpl);
		soft_mode_changed(s);
		for (unsigned i = 0; i < ARRAY_SIZE(data); i++)
			load_data(s, data[i], t->seg[data[i]], cpl);
	}
	if (t->eip > s->seg[X86_CS].limit)
		soft_gp0(s);
}

/* ---- the switch --------------------------------------------------------------------------------- */

/* Registers of the new task; segment registers hold selectors alone until they are checked. */
static void commit(struct soft *s, const struct soft_desc *d, const struct tss *t, uint32_t eflags)
{
	bool wide = is_wide(d->attr);

	soft_seg_from_desc(s, X86_TR, d);
	s->seg[X86_TR].attr |= SOFT_TYPE_BUSY;
	s->cr0 |= SOFT_CR0_TS;
	if (wide && (s->cr0 & X86_CR0_PG)) {
		s->cr3 = t->cr3;
		soft_tlb_space(s);
	}
	/* A 16-bit TSS leaves ones in the high halves, as Intel's CPUs do. */
	for (unsigned i = 0; i < 8; i++)
		s->gpr[i] = wide ? t->gpr[i] : t->gpr[i] | 0xffff0000u;
	s->rflags = (eflags & SOFT_FLAGS_ALL) | X86_FLAG_FIXED;
	s->lazy.on = false;
	s->dr[7] &= ~SOFT_DR7_LOCAL;
	s->dr7_on = s->dr[7] & 0xff;
	s->rip = s->insn_rip = s->next_rip = t->eip;
	for (unsigned i = 0; i < TSS_SEGS; i++)
		soft_seg_null(s, i, t->seg[i]);
	s->seg[X86_SS].attr = (uint16_t)((t->seg[X86_CS] & 3) << 5);
	soft_seg_null(s, X86_LDTR, t->ldt);
	s->seg[X86_LDTR].attr = X86_SEG_LDT;
	soft_mode_changed(s);
	s->events = true;
}

void soft_task_switch(struct soft *s, const struct soft_desc *d, enum soft_task_how how,
		      uint64_t rip)
{
	bool wide = is_wide(d->attr), nest = how == SOFT_TASK_CALL || how == SOFT_TASK_EVENT;
	uint64_t rflags = how == SOFT_TASK_IRET ? s->rflags & ~SOFT_FLAG_NT : s->rflags;
	const struct x86_seg *tr = &s->seg[X86_TR];
	struct soft_desc old = {.sel = tr->sel};
	struct tss t;

	if (d->limit < (wide ? TSS32_LIMIT : TSS16_LIMIT))
		soft_sel_fault(s, X86_TS, d->sel);
	read_tss(s, d->base, wide, &t);
	probe_tss(s, is_wide(tr->attr));
	if (nest)
		soft_lin_probe_write(s, (uint32_t)d->base, 2, SOFT_IMPLICIT);
	else
		soft_desc_get(s, tr->sel, X86_TS, &old);
	if (!nest)
		soft_lin_probe_write(s, old.la + 5, 1, SOFT_IMPLICIT);
	if (how != SOFT_TASK_IRET)
		soft_lin_probe_write(s, d->la + 5, 1, SOFT_IMPLICIT);
	if (wide && soft_uses_pdptes(s->cr0, s->cr4, s->efer) && !soft_load_pdptes(s, t.cr3))
		soft_gp0(s);
	/* Nothing faults any more. */
	if (!nest)
		soft_desc_busy(s, &old, false);
	if (how != SOFT_TASK_IRET)
		soft_desc_busy(s, d, true);
	save_tss(s, is_wide(tr->attr), rip, rflags);
	if (nest)
		put(s, d->base, TSS_LINK, 2, tr->sel);
	commit(s, d, &t, t.eflags | (nest ? (uint32_t)SOFT_FLAG_NT : 0));
	if (t.trap)
		s->db_pending |= SOFT_DR6_BT;
	load_segments(s, &t);
}
