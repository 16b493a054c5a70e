/* SPDX-License-Identifier: MIT */
/*
 * soft: segment registers and descriptors, SDM 3A chapters 3 and 5: reading descriptors, loading
 * DS, ES, FS, GS and SS, the widths that follow from CS and SS.
 *
 * Descriptor tables are read as the CPU does: by linear address, as supervisor. Where they lie in
 * device memory the machine is asked; where they end is their limit: nothing wraps.
 */
#include "soft_sys.h"

/* ---- descriptors -------------------------------------------------------------------------------- */

#define SEL_TI 4u

bool soft_desc_read(struct soft *s, uint16_t sel, struct soft_desc *d)
{
	uint64_t base = s->gdt.base;
	uint32_t limit = s->gdt.limit, index = sel & 0xfff8u;

	if (sel & SEL_TI) {
		if (s->seg[X86_LDTR].unusable)
			return false;
		base = s->seg[X86_LDTR].base;
		limit = s->seg[X86_LDTR].limit;
	}
	if (index + 7 > limit)
		return false;
	d->sel = sel;
	d->la = base + index;
	if (!soft_long(s))
		d->la = (uint32_t)d->la;
	d->raw = soft_lin_read(s, d->la, 8, SOFT_IMPLICIT);
	d->raw_hi = 0;
	d->attr = (uint16_t)((d->raw >> 40 & 0xff) | (d->raw >> 52 & 0xf) << 12);
	d->limit = (uint32_t)((d->raw & 0xffff) | (d->raw >> 32 & 0xf0000));
	if (d->attr & SOFT_ATTR_G)
		d->limit = d->limit << 12 | 0xfff;
	d->base = (d->raw >> 16 & 0xffffff) | (d->raw >> 56) << 24;
	return true;
}

void soft_desc_get(struct soft *s, uint16_t sel, unsigned vec, struct soft_desc *d)
{
	if (!soft_desc_read(s, sel, d))
		soft_sel_fault(s, vec, sel);
}

void soft_desc_high(struct soft *s, unsigned vec, struct soft_desc *d)
{
	uint32_t limit = d->sel & SEL_TI ? s->seg[X86_LDTR].limit : s->gdt.limit;
	uint64_t high;

	if ((d->sel & 0xfff8u) + 15 > limit)
		soft_sel_fault(s, vec, d->sel);
	high = soft_lin_read(s, d->la + 8, 8, SOFT_IMPLICIT);
	d->raw_hi = (uint32_t)high;
	d->base |= high << 32;
}

void soft_desc_accessed(struct soft *s, struct soft_desc *d)
{
	if (d->attr & SOFT_ATTR_ACCESSED)
		return;
	d->attr |= SOFT_ATTR_ACCESSED;
	soft_lin_write(s, d->la + 5, 1, d->attr & 0xff, SOFT_IMPLICIT);
}

void soft_desc_busy(struct soft *s, const struct soft_desc *d, bool busy)
{
	uint8_t access =
		(uint8_t)((d->attr & 0xff & ~SOFT_TYPE_BUSY) | (busy ? SOFT_TYPE_BUSY : 0));

	soft_lin_write(s, d->la + 5, 1, access, SOFT_IMPLICIT);
}

/* ---- registers ----------------------------------------------------------------------------------- */

void soft_seg_from_desc(struct soft *s, unsigned seg, const struct soft_desc *d)
{
	s->seg[seg] = (struct x86_seg){
		.sel = d->sel, .attr = d->attr, .limit = d->limit, .base = d->base};
}

/*
 * Real mode sets selector and base, makes the access byte that of accessed read/write data or code,
 * and leaves limit and width alone ("unreal" mode lives on that). Virtual-8086 mode sets all (20.1).
 */
void soft_seg_real(struct soft *s, unsigned seg, uint16_t sel)
{
	struct x86_seg *d = &s->seg[seg];

	d->sel = sel;
	d->base = (uint32_t)sel << 4;
	d->unusable = false;
	if (soft_v86(s)) {
		d->attr = X86_SEG_DATA16 | 3u << 5;
		d->limit = 0xffff;
	} else {
		d->attr = (d->attr & 0xff00u) | (seg == X86_CS ? X86_SEG_CODE16 : X86_SEG_DATA16);
	}
}

/* Attributes are clear but for the DPL, which for SS is the CPL. The base becomes 0, as Intel does. */
void soft_seg_null(struct soft *s, unsigned seg, uint16_t sel)
{
	s->seg[seg] = (struct x86_seg){.sel = sel, .unusable = true};
}

void soft_ss_null(struct soft *s, unsigned cpl)
{
	soft_seg_null(s, X86_SS, (uint16_t)cpl);
	s->seg[X86_SS].attr = (uint16_t)(cpl << 5);
}

void soft_mode_changed(struct soft *s)
{
	uint16_t cs = s->seg[X86_CS].attr;

	if (soft_long(s) && (cs & SOFT_ATTR_L))
		s->bits = 64;
	else
		s->bits = cs & SOFT_ATTR_DB ? 32 : 16;
	s->stack64 = s->bits == 64;
	s->stack32 = s->seg[X86_SS].attr & SOFT_ATTR_DB;
	if (!soft_prot(s))
		s->cpl = 0;
	else if (soft_v86(s))
		s->cpl = 3;
	else
		s->cpl = (uint8_t)soft_attr_dpl(s->seg[X86_SS].attr);
}

/* ---- MOV to a segment register, SDM 2B MOV ------------------------------------------------------- */

static void load_ss(struct soft *s, uint16_t sel)
{
	struct soft_desc d;

	if (!(sel & ~3u)) {
		/* Long mode alone has a null SS, not at CPL 3. */
		if (s->bits != 64 || s->cpl == 3 || (sel & 3) != s->cpl)
			soft_gp0(s);
		soft_ss_null(s, s->cpl);
		return;
	}
	soft_desc_get(s, sel, X86_GP, &d);
	if ((sel & 3) != s->cpl || !soft_attr_writable_data(d.attr) ||
	    soft_attr_dpl(d.attr) != s->cpl)
		soft_sel_fault(s, X86_GP, sel);
	if (!(d.attr & SOFT_ATTR_P))
		soft_sel_fault(s, X86_SS_FAULT, sel);
	soft_desc_accessed(s, &d);
	soft_seg_from_desc(s, X86_SS, &d);
}

void soft_check_data(struct soft *s, const struct soft_desc *d, unsigned rpl, unsigned cpl,
		     unsigned vec)
{
	bool code = soft_attr_is_code(d->attr);

	if (!(d->attr & SOFT_ATTR_S) || (code && !(d->attr & SOFT_ATTR_RW)))
		soft_sel_fault(s, vec, d->sel);
	if ((!code || !soft_attr_conforming(d->attr)) &&
	    (rpl > soft_attr_dpl(d->attr) || cpl > soft_attr_dpl(d->attr)))
		soft_sel_fault(s, vec, d->sel);
	if (!(d->attr & SOFT_ATTR_P))
		soft_sel_fault(s, X86_NP, d->sel);
}

void soft_load_seg(struct soft *s, unsigned seg, uint16_t sel)
{
	struct soft_desc d;

	if (!soft_prot(s) || soft_v86(s)) {
		soft_seg_real(s, seg, sel);
	} else if (seg == X86_SS) {
		load_ss(s, sel);
	} else if (!(sel & ~3u)) {
		soft_seg_null(s, seg, sel);
	} else {
		soft_desc_get(s, sel, X86_GP, &d);
		soft_check_data(s, &d, sel & 3, s->cpl, X86_GP);
		soft_desc_accessed(s, &d);
		soft_seg_from_desc(s, seg, &d);
	}
	if (seg == X86_SS)
		soft_mode_changed(s);
}

/* ---- CS ------------------------------------------------------------------------------------------- */

void soft_check_rip(struct soft *s, const struct soft_desc *d, uint64_t rip)
{
	if (soft_desc_is_64(s, d) ? !soft_canonical(rip) : rip > d->limit)
		soft_gp0(s);
}

void soft_set_cs(struct soft *s, const struct soft_desc *d, unsigned cpl, uint64_t rip)
{
	soft_seg_from_desc(s, X86_CS, d);
	s->seg[X86_CS].sel = (uint16_t)((d->sel & ~3u) | cpl);
	s->next_rip = rip;
}
