/* SPDX-License-Identifier: MIT */
/* soft: descriptor tables, LDTR and TR, looking at descriptors, far pointers: SDM volume 2. */
#include "ops.h"
#include "system.h"

uint16_t soft_sys_read16(struct soft *s, const struct insn *i, unsigned n)
{
	const struct insn_operand *o = &i->o[n];

	if (o->kind == INSN_MEM)
		return (uint16_t)soft_read(s, o->seg, soft_ea(s, i, o), 2);
	return (uint16_t)s->gpr[o->num & 15];
}

void soft_sys_store(struct soft *s, const struct insn *i, uint64_t val)
{
	struct insn_operand o = i->o[0];

	if (o.kind == INSN_MEM) {
		soft_write(s, o.seg, soft_ea(s, i, &o), 2, val & 0xffff);
		return;
	}
	o.size = i->opsize;
	soft_gpr_write(s, &o, val);
}

void soft_check_umip(struct soft *s)
{
	if (s->cpl && (s->cr4 & SOFT_CR4_UMIP))
		soft_gp0(s);
}

void soft_need_prot(struct soft *s)
{
	if (!soft_prot(s) || soft_v86(s))
		soft_ud(s);
}

/* ---- GDTR, IDTR -------------------------------------------------------------------------------- */

#define TABLE_SHORT 6u /* limit and 32 bits of base */
#define TABLE_LONG  10u

static void load_table(struct soft *s, const struct insn *i, struct x86_table *t)
{
	const struct insn_operand *o = &i->o[0];
	unsigned len = s->bits == 64 ? TABLE_LONG : TABLE_SHORT;
	uint8_t b[TABLE_LONG];
	uint64_t base;

	if (s->cpl)
		soft_gp0(s);
	soft_read_bytes(s, o->seg, soft_ea(s, i, o), b, len);
	base = s->bits == 64 ? ld_le64(b + 2) : ld_le32(b + 2);
	/* With 16-bit operands the base has 24 bits. */
	if (s->bits != 64 && i->opsize == 2)
		base &= 0xffffff;
	if (s->bits == 64 && !soft_canonical(base))
		soft_gp0(s);
	t->limit = ld_le16(b);
	t->base = base;
}

static void store_table(struct soft *s, const struct insn *i, const struct x86_table *t)
{
	const struct insn_operand *o = &i->o[0];
	unsigned len = s->bits == 64 ? TABLE_LONG : TABLE_SHORT;
	uint8_t b[TABLE_LONG];

	soft_check_umip(s);
	st_le16(b, t->limit);
	st_le64(b + 2, t->base);
	/* The base is stored whole by 16-bit operands too, as every CPU since the 386 does. */
	soft_write_bytes(s, o->seg, soft_ea(s, i, o), b, len);
}

void soft_op_lgdt(struct soft *s, const struct insn *i)
{
	load_table(s, i, &s->gdt);
}

void soft_op_lidt(struct soft *s, const struct insn *i)
{
	load_table(s, i, &s->idt);
}

void soft_op_sgdt(struct soft *s, const struct insn *i)
{
	store_table(s, i, &s->gdt);
}

void soft_op_sidt(struct soft *s, const struct insn *i)
{
	store_table(s, i, &s->idt);
}

/* ---- LDTR, TR -------------------------------------------------------------------------------------- */

/* A system descriptor in the GDT, by type; in long mode whole and with a canonical base. */
static void system_desc(struct soft *s, uint16_t sel, struct soft_desc *d, unsigned type,
			unsigned type16)
{
	unsigned have;

	if (sel & 4)
		soft_sel_fault(s, X86_GP, sel);
	soft_desc_get(s, sel, X86_GP, d);
	have = soft_attr_type(d->attr);
	if ((d->attr & SOFT_ATTR_S) || (have != type && (have != type16 || soft_long(s))))
		soft_sel_fault(s, X86_GP, sel);
	if (!(d->attr & SOFT_ATTR_P))
		soft_sel_fault(s, X86_NP, sel);
	if (!soft_long(s))
		return;
	soft_desc_high(s, X86_GP, d);
	if (!soft_canonical(d->base))
		soft_sel_fault(s, X86_GP, sel);
}

void soft_op_lldt(struct soft *s, const struct insn *i)
{
	struct soft_desc d;
	uint16_t sel;

	soft_need_prot(s);
	if (s->cpl)
		soft_gp0(s);
	sel = soft_sys_read16(s, i, 0);
	if (!(sel & ~3u)) {
		soft_seg_null(s, X86_LDTR, sel);
		s->seg[X86_LDTR].attr = X86_SEG_LDT;
		return;
	}
	system_desc(s, sel, &d, SOFT_LDT, SOFT_LDT);
	soft_seg_from_desc(s, X86_LDTR, &d);
}

void soft_op_ltr(struct soft *s, const struct insn *i)
{
	struct soft_desc d;
	uint16_t sel;

	soft_need_prot(s);
	if (s->cpl)
		soft_gp0(s);
	sel = soft_sys_read16(s, i, 0);
	if (!(sel & ~3u))
		soft_gp0(s);
	system_desc(s, sel, &d, SOFT_TSS32, SOFT_TSS16);
	soft_desc_busy(s, &d, true);
	soft_seg_from_desc(s, X86_TR, &d);
	s->seg[X86_TR].attr |= SOFT_TYPE_BUSY;
}

void soft_op_sldt(struct soft *s, const struct insn *i)
{
	soft_need_prot(s);
	soft_check_umip(s);
	soft_sys_store(s, i, s->seg[X86_LDTR].sel);
}

void soft_op_str(struct soft *s, const struct insn *i)
{
	soft_need_prot(s);
	soft_check_umip(s);
	soft_sys_store(s, i, s->seg[X86_TR].sel);
}

/* ---- looking at descriptors: ZF says whether they may be seen ------------------------------------ */

#define TYPES(a) (1u << (a))
/* Tables in SDM 2A LAR, LSL. */
#define LAR_TYPES                                                                                  \
	(TYPES(SOFT_TSS16) | TYPES(SOFT_LDT) | TYPES(SOFT_TSS16_BUSY) | TYPES(SOFT_CALL16) |       \
	 TYPES(SOFT_TASK_GATE) | TYPES(SOFT_TSS32) | TYPES(SOFT_TSS32_BUSY) | TYPES(SOFT_CALL32))
#define LAR_TYPES_LONG                                                                             \
	(TYPES(SOFT_LDT) | TYPES(SOFT_TSS32) | TYPES(SOFT_TSS32_BUSY) | TYPES(SOFT_CALL32))
#define LSL_TYPES                                                                                  \
	(TYPES(SOFT_TSS16) | TYPES(SOFT_LDT) | TYPES(SOFT_TSS16_BUSY) | TYPES(SOFT_TSS32) |        \
	 TYPES(SOFT_TSS32_BUSY))
#define LSL_TYPES_LONG (TYPES(SOFT_LDT) | TYPES(SOFT_TSS32) | TYPES(SOFT_TSS32_BUSY))

static void set_zf(struct soft *s, bool on)
{
	soft_flags_put(s, X86_FLAG_ZF, on ? X86_FLAG_ZF : 0);
}

/* (types): of system descriptors that count. */
static bool may_see(struct soft *s, uint16_t sel, unsigned types, struct soft_desc *d)
{
	unsigned dpl;

	if (!(sel & ~3u) || !soft_desc_read(s, sel, d))
		return false;
	dpl = soft_attr_dpl(d->attr);
	if (!(d->attr & SOFT_ATTR_S) && !(types >> soft_attr_type(d->attr) & 1))
		return false;
	if (soft_attr_is_code(d->attr) && soft_attr_conforming(d->attr))
		return true;
	return dpl >= s->cpl && dpl >= (sel & 3u);
}

void soft_op_lar(struct soft *s, const struct insn *i)
{
	struct soft_desc d;
	bool ok;

	soft_need_prot(s);
	ok = may_see(s, soft_sys_read16(s, i, 1), soft_long(s) ? LAR_TYPES_LONG : LAR_TYPES, &d);
	set_zf(s, ok);
	/* The four limit bits between are undefined in the manual: here they are the descriptor's. */
	if (ok)
		soft_put_operand(s, i, 0, d.raw >> 32 & 0xffff00);
}

void soft_op_lsl(struct soft *s, const struct insn *i)
{
	struct soft_desc d;
	bool ok;

	soft_need_prot(s);
	ok = may_see(s, soft_sys_read16(s, i, 1), soft_long(s) ? LSL_TYPES_LONG : LSL_TYPES, &d);
	set_zf(s, ok);
	if (ok)
		soft_put_operand(s, i, 0, d.limit);
}

void soft_op_verr(struct soft *s, const struct insn *i)
{
	struct soft_desc d;

	soft_need_prot(s);
	set_zf(s, may_see(s, soft_sys_read16(s, i, 0), 0, &d) &&
			  (!soft_attr_is_code(d.attr) || (d.attr & SOFT_ATTR_RW)));
}

void soft_op_verw(struct soft *s, const struct insn *i)
{
	struct soft_desc d;

	soft_need_prot(s);
	set_zf(s, may_see(s, soft_sys_read16(s, i, 0), 0, &d) && soft_attr_writable_data(d.attr));
}

void soft_op_arpl(struct soft *s, const struct insn *i)
{
	uint64_t dst, rpl;

	soft_need_prot(s);
	/* Memory is read, and written only where it changes: so do Intel's CPUs. */
	dst = soft_get_operand(s, i, 0);
	rpl = soft_get_operand(s, i, 1) & 3;
	if ((dst & 3) < rpl)
		soft_put_operand(s, i, 0, (dst & ~3ull) | rpl);
	set_zf(s, (dst & 3) < rpl);
}

/* ---- LDS, LES, LFS, LGS, LSS ------------------------------------------------------------------------ */

static unsigned far_segment(const struct insn *i)
{
	switch (i->op) {
	case INSN_LES:
		return X86_ES;
	case INSN_LDS:
		return X86_DS;
	case INSN_LFS:
		return X86_FS;
	case INSN_LGS:
		return X86_GS;
	default:
		return X86_SS;
	}
}

void soft_op_load_far(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o = &i->o[1];
	uint64_t ea = soft_ea(s, i, o), off = soft_read(s, o->seg, ea, i->opsize);
	uint16_t sel;

	sel = (uint16_t)soft_read(s, o->seg, (ea + i->opsize) & size_mask(i->addrsize), 2);
	soft_load_seg(s, far_segment(i), sel);
	soft_put_operand(s, i, 0, off);
}
