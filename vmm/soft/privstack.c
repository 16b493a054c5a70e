/* SPDX-License-Identifier: MIT */
/*
 * soft: stacks that are switched to: the privileged stacks of the TSS (SDM 3A 5.8.5, 6.12, 7.7), and
 * pushing a frame onto a stack before it is the one in SS.
 */
#include <assert.h>

#include "soft_sys.h"

/* Offsets in a TSS: figures 7-2, 7-10, 7-11. */
#define TSS16_SP0 2u
#define TSS32_SP0 4u
#define TSS64_SP0 4u
#define TSS64_IST 36u

static uint64_t width_mask(const struct soft_stack *st)
{
	return st->width == 8 ? ~0ull : st->width == 4 ? UINT32_MAX : UINT16_MAX;
}

static uint8_t width_now(const struct soft *s)
{
	return s->stack64 ? 8 : s->stack32 ? 4 : 2;
}

void soft_stack_now(struct soft *s, struct soft_stack *st)
{
	const struct x86_seg *ss = &s->seg[X86_SS];

	*st = (struct soft_stack){
		.ss = {.sel = ss->sel, .attr = ss->attr, .limit = ss->limit, .base = ss->base},
		.sp = s->gpr[X86_RSP],
		.width = width_now(s),
		.cpl = s->cpl};
}

uint64_t soft_stack_linear(struct soft *s, const struct soft_stack *st, uint64_t sp, unsigned size)
{
	uint64_t last = sp + size - 1;
	bool ok;

	if (st->width == 8) {
		ok = soft_canonical(sp) && soft_canonical(last);
	} else if (!(st->ss.attr & SOFT_ATTR_CODE) && (st->ss.attr & SOFT_ATTR_EC)) {
		uint64_t top = st->ss.attr & SOFT_ATTR_DB ? UINT32_MAX : UINT16_MAX;

		ok = sp > st->ss.limit && last <= top;
	} else {
		/* In a segment of 4 GiB a push wraps, as every access does (SDM 3A 5.3). */
		ok = last <= st->ss.limit || st->ss.limit == UINT32_MAX;
	}
	if (!ok)
		soft_fault_code(s, X86_SS_FAULT, st->error & 0xfffcu);
	return st->width == 8 ? sp : (uint32_t)(st->ss.base + sp);
}

void soft_stack_push(struct soft *s, struct soft_stack *st, const uint64_t *val, unsigned n,
		     unsigned size)
{
	uint64_t la[SOFT_PUSH_MAX], mask = width_mask(st), sp = st->sp & mask;

	assert(n <= SOFT_PUSH_MAX);
	for (unsigned i = 0; i < n; i++) {
		sp = (sp - size) & mask;
		la[i] = soft_stack_linear(s, st, sp, size);
		if (st->cpl == 3)
			soft_check_ac(s, la[i], size);
		soft_lin_probe_write(s, la[i], size, st->cpl);
	}
	for (unsigned i = 0; i < n; i++)
		soft_lin_write(s, la[i], size, val[i], st->cpl);
	/* A 16-bit stack keeps the high half of ESP. */
	st->sp = st->width == 2 ? (st->sp & ~mask) | sp : sp;
}

void soft_stack_peek(struct soft *s, uint64_t *val, unsigned skip, unsigned n, unsigned size)
{
	struct soft_stack now;
	uint64_t mask;

	soft_stack_now(s, &now);
	mask = width_mask(&now);
	/* From the last one on: what faults of two tells. */
	for (unsigned i = n; i-- > 0;)
		val[i] = soft_read(s, X86_SS, (now.sp + skip + (uint64_t)i * size) & mask, size);
}

void soft_stack_peek_far(struct soft *s, uint64_t *val, unsigned skip, unsigned size)
{
	struct soft_stack now;
	uint64_t mask;

	soft_stack_now(s, &now);
	mask = width_mask(&now);
	val[1] = soft_read(s, X86_SS, (now.sp + skip + size) & mask, 2);
	val[0] = soft_read(s, X86_SS, (now.sp + skip) & mask, size);
}

uint64_t soft_sp_after(const struct soft *s, uint64_t by)
{
	uint64_t sp = s->gpr[X86_RSP];

	switch (width_now(s)) {
	case 8:
		return sp + by;
	case 4:
		return (uint32_t)(sp + by);
	default:
		return (sp & ~0xffffull) | ((sp + by) & 0xffff);
	}
}

/* A field of the present TSS; beyond its limit is #TS(TR). */
static uint64_t tss_read(struct soft *s, uint32_t off, unsigned size)
{
	const struct x86_seg *tr = &s->seg[X86_TR];

	if (tr->unusable || (uint64_t)off + size - 1 > tr->limit)
		soft_sel_fault(s, X86_TS, tr->sel);
	return soft_lin_read(s, soft_long(s) ? tr->base + off : (uint32_t)(tr->base + off), size,
			     SOFT_IMPLICIT);
}

static void stack_tss64(struct soft *s, unsigned cpl, unsigned ist, struct soft_stack *st)
{
	uint32_t off = ist ? TSS64_IST + (ist - 1) * 8 : TSS64_SP0 + cpl * 8;

	st->sp = tss_read(s, off, 8);
	st->width = 8;
	if (!soft_canonical(st->sp))
		soft_fault_code(s, X86_SS_FAULT, 0);
}

void soft_stack_tss(struct soft *s, unsigned cpl, unsigned ist, struct soft_stack *st)
{
	bool wide = soft_attr_type(s->seg[X86_TR].attr) & 8;
	uint16_t sel;

	memset(st, 0, sizeof(*st));
	st->cpl = (uint8_t)cpl;
	if (soft_long(s)) {
		stack_tss64(s, cpl, ist, st);
		return;
	}
	/* Both fields must lie in the TSS before one is read. */
	if (wide) {
		sel = (uint16_t)tss_read(s, TSS32_SP0 + cpl * 8 + 4, 2);
		st->sp = tss_read(s, TSS32_SP0 + cpl * 8, 4);
	} else {
		sel = (uint16_t)tss_read(s, TSS16_SP0 + cpl * 4 + 2, 2);
		st->sp = tss_read(s, TSS16_SP0 + cpl * 4, 2);
	}
	if (!(sel & ~3u))
		soft_fault_code(s, X86_TS, 0);
	soft_desc_get(s, sel, X86_TS, &st->ss);
	if ((sel & 3) != cpl || soft_attr_dpl(st->ss.attr) != cpl ||
	    !soft_attr_writable_data(st->ss.attr))
		soft_sel_fault(s, X86_TS, sel);
	if (!(st->ss.attr & SOFT_ATTR_P))
		soft_sel_fault(s, X86_SS_FAULT, sel);
	st->width = st->ss.attr & SOFT_ATTR_DB ? 4 : 2;
	st->error = sel;
	soft_desc_accessed(s, &st->ss);
}
