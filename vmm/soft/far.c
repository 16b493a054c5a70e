/* SPDX-License-Identifier: MIT */
/*
 * soft: far JMP, CALL and RET in all modes: SDM 2, JMP, CALL, RET, and 3A 5.8. IRET is in iret.c.
 *
 * Everything is read and checked first; registers change last, so a fault leaves the CPU as it was.
 */
#include "soft_sys.h"

/* Offsets and selectors in gates, 3A figures 5-8 and 5-9. */
static uint16_t gate_sel(const struct soft_desc *g)
{
	return (uint16_t)(g->raw >> 16);
}

static uint64_t gate_offset(const struct soft *s, const struct soft_desc *g)
{
	uint64_t off = g->raw & 0xffff;

	if (soft_attr_type(g->attr) == SOFT_CALL32)
		off |= g->raw >> 32 & 0xffff0000;
	return soft_long(s) ? off | (uint64_t)g->raw_hi << 32 : off;
}

static bool real_like(const struct soft *s)
{
	return !soft_prot(s) || soft_v86(s);
}

/* Real and virtual-8086 mode: CS is the selector times 16. */
static void real_transfer(struct soft *s, uint16_t sel, uint64_t off)
{
	if (off > s->seg[X86_CS].limit)
		soft_gp0(s);
	soft_seg_real(s, X86_CS, sel);
	s->next_rip = off;
}

static void far_desc(struct soft *s, uint16_t sel, struct soft_desc *d)
{
	if (!(sel & ~3u))
		soft_gp0(s);
	soft_desc_get(s, sel, X86_GP, d);
}

/* 5.8.1: a code segment that is named directly. */
static void check_code(struct soft *s, const struct soft_desc *d)
{
	unsigned dpl = soft_attr_dpl(d->attr);

	if (soft_desc_bad_l(s, d))
		soft_sel_fault(s, X86_GP, d->sel);
	if (soft_attr_conforming(d->attr) ? dpl > s->cpl : (d->sel & 3u) > s->cpl || dpl != s->cpl)
		soft_sel_fault(s, X86_GP, d->sel);
	if (!(d->attr & SOFT_ATTR_P))
		soft_sel_fault(s, X86_NP, d->sel);
}

/* DPL of a gate or TSS against CPL and RPL, then presence. */
static void check_gate(struct soft *s, const struct soft_desc *d)
{
	unsigned dpl = soft_attr_dpl(d->attr);

	if (dpl < s->cpl || dpl < (d->sel & 3u))
		soft_sel_fault(s, X86_GP, d->sel);
	if (!(d->attr & SOFT_ATTR_P))
		soft_sel_fault(s, X86_NP, d->sel);
}

/* The system descriptors that JMP and CALL take: task gates and TSSs, call gates. */
static bool is_call_gate(const struct soft *s, const struct soft_desc *d)
{
	unsigned type = soft_attr_type(d->attr);

	return type == SOFT_CALL32 || (type == SOFT_CALL16 && !soft_long(s));
}

static void far_task(struct soft *s, struct soft_desc *d, enum soft_task_how how)
{
	unsigned type = soft_attr_type(d->attr);
	struct soft_desc tss;

	if (soft_long(s) || (type != SOFT_TASK_GATE && type != SOFT_TSS16 && type != SOFT_TSS32))
		soft_sel_fault(s, X86_GP, d->sel);
	check_gate(s, d);
	if (type == SOFT_TASK_GATE)
		soft_task_desc(s, gate_sel(d), false, X86_GP, &tss);
	else
		tss = *d;
	soft_task_switch(s, &tss, how, s->next_rip);
}

/* The code segment that a call gate names; jumps may not change the privilege. */
static void gate_code(struct soft *s, const struct soft_desc *gate, struct soft_desc *code,
		      bool jump)
{
	unsigned dpl;

	if (!(gate_sel(gate) & ~3u))
		soft_gp0(s);
	soft_desc_get(s, gate_sel(gate), X86_GP, code);
	dpl = soft_attr_dpl(code->attr);
	if (!soft_attr_is_code(code->attr) || dpl > s->cpl)
		soft_sel_fault(s, X86_GP, code->sel);
	if (jump && !soft_attr_conforming(code->attr) && dpl != s->cpl)
		soft_sel_fault(s, X86_GP, code->sel);
	if (soft_long(s) && (code->attr & (SOFT_ATTR_L | SOFT_ATTR_DB)) != SOFT_ATTR_L)
		soft_sel_fault(s, X86_GP, code->sel);
	if (!(code->attr & SOFT_ATTR_P))
		soft_sel_fault(s, X86_NP, code->sel);
}

/* Read the high half of a 64-bit call gate: its type field must be 0 (5.8.3.1). */
static void gate_high(struct soft *s, struct soft_desc *gate)
{
	if (!soft_long(s))
		return;
	soft_desc_high(s, X86_GP, gate);
	if (soft_lin_read(s, gate->la + 12, 4, SOFT_IMPLICIT) >> 8 & 0x1f)
		soft_sel_fault(s, X86_GP, gate->sel);
}

/* An m16:64 to compatibility code: EIP is the low half, as Intel's CPUs do. */
uint64_t soft_cut_offset(const struct soft *s, const struct soft_desc *code, uint64_t off)
{
	return soft_desc_is_64(s, code) ? off : (uint32_t)off;
}

void soft_far_jmp(struct soft *s, uint16_t sel, uint64_t off, unsigned opsize)
{
	struct soft_desc d, code;

	(void)opsize; /* the offset was cut to it */
	if (real_like(s)) {
		real_transfer(s, sel, off);
		return;
	}
	far_desc(s, sel, &d);
	if (soft_attr_is_code(d.attr)) {
		check_code(s, &d);
		code = d;
	} else if (!(d.attr & SOFT_ATTR_S) && is_call_gate(s, &d)) {
		check_gate(s, &d);
		gate_high(s, &d);
		gate_code(s, &d, &code, true);
		off = gate_offset(s, &d);
	} else if (!(d.attr & SOFT_ATTR_S)) {
		far_task(s, &d, SOFT_TASK_JMP);
		return;
	} else {
		soft_sel_fault(s, X86_GP, sel);
	}
	off = soft_cut_offset(s, &code, off);
	soft_check_rip(s, &code, off);
	soft_desc_accessed(s, &code);
	soft_set_cs(s, &code, s->cpl, off);
	soft_mode_changed(s);
}

/* ---- CALL ------------------------------------------------------------------------------------------ */

static void real_call(struct soft *s, uint16_t sel, uint64_t off, unsigned opsize)
{
	const uint64_t frame[] = {s->seg[X86_CS].sel, s->next_rip};
	struct soft_stack st;

	if (off > s->seg[X86_CS].limit)
		soft_gp0(s);
	soft_stack_now(s, &st);
	soft_stack_push(s, &st, frame, 2, opsize);
	s->gpr[X86_RSP] = st.sp;
	real_transfer(s, sel, off);
}

static void call_same(struct soft *s, struct soft_desc *code, uint64_t off, unsigned size)
{
	const uint64_t frame[] = {s->seg[X86_CS].sel, s->next_rip};
	struct soft_stack st;

	soft_stack_now(s, &st);
	/* The frame goes to the stack as the new code sees it. */
	if (soft_long(s))
		st.width = soft_desc_is_64(s, code) ? 8 : st.ss.attr & SOFT_ATTR_DB ? 4 : 2;
	soft_stack_push(s, &st, frame, 2, size);
	off = soft_cut_offset(s, code, off);
	soft_check_rip(s, code, off);
	soft_desc_accessed(s, code);
	s->gpr[X86_RSP] = st.sp;
	soft_set_cs(s, code, s->cpl, off);
	soft_mode_changed(s);
}

/* 5.8.5: to a more privileged code segment: the stack of the TSS, with the parameters copied. */
static void call_inner(struct soft *s, const struct soft_desc *gate, struct soft_desc *code,
		       uint64_t off, unsigned size)
{
	unsigned cpl = soft_attr_dpl(code->attr), params = soft_long(s) ? 0 : gate->raw >> 32 & 31;
	uint64_t frame[SOFT_PUSH_MAX], param[32];
	struct soft_stack st;
	unsigned n = 0;

	soft_stack_tss(s, cpl, 0, &st);
	soft_check_rip(s, code, off);
	soft_stack_peek(s, param, 0, params, size);
	frame[n++] = s->seg[X86_SS].sel;
	frame[n++] = s->gpr[X86_RSP];
	while (params)
		frame[n++] = param[--params];
	frame[n++] = s->seg[X86_CS].sel;
	frame[n++] = s->next_rip;
	soft_stack_push(s, &st, frame, n, size);
	soft_desc_accessed(s, code);
	s->gpr[X86_RSP] = st.sp;
	if (soft_long(s))
		soft_ss_null(s, cpl);
	else
		soft_seg_from_desc(s, X86_SS, &st.ss);
	soft_set_cs(s, code, cpl, off);
	soft_mode_changed(s);
}

static void call_gate(struct soft *s, struct soft_desc *gate)
{
	unsigned size = soft_attr_type(gate->attr) == SOFT_CALL16 ? 2 : soft_long(s) ? 8 : 4;
	struct soft_desc code;

	check_gate(s, gate);
	gate_high(s, gate);
	gate_code(s, gate, &code, false);
	if (!soft_attr_conforming(code.attr) && soft_attr_dpl(code.attr) < s->cpl)
		call_inner(s, gate, &code, gate_offset(s, gate), size);
	else
		call_same(s, &code, gate_offset(s, gate), size);
}

void soft_far_call(struct soft *s, uint16_t sel, uint64_t off, unsigned opsize)
{
	struct soft_desc d;

	if (real_like(s)) {
		real_call(s, sel, off, opsize);
		return;
	}
	far_desc(s, sel, &d);
	if (soft_attr_is_code(d.attr)) {
		check_code(s, &d);
		call_same(s, &d, off, opsize);
	} else if (d.attr & SOFT_ATTR_S) {
		soft_sel_fault(s, X86_GP, sel);
	} else if (is_call_gate(s, &d)) {
		call_gate(s, &d);
	} else {
		far_task(s, &d, SOFT_TASK_CALL);
	}
}

/* ---- RET ------------------------------------------------------------------------------------------- */

void soft_return_cs(struct soft *s, uint16_t sel, struct soft_desc *d)
{
	unsigned rpl = sel & 3, dpl;

	far_desc(s, sel, d);
	dpl = soft_attr_dpl(d->attr);
	if (!soft_attr_is_code(d->attr) || rpl < s->cpl || soft_desc_bad_l(s, d))
		soft_sel_fault(s, X86_GP, sel);
	if (soft_attr_conforming(d->attr) ? dpl > rpl : dpl != rpl)
		soft_sel_fault(s, X86_GP, sel);
	if (!(d->attr & SOFT_ATTR_P))
		soft_sel_fault(s, X86_NP, sel);
}

bool soft_return_ss(struct soft *s, uint16_t sel, const struct soft_desc *code, unsigned cpl,
		    struct soft_desc *d)
{
	if (!(sel & ~3u)) {
		/* Back to 64-bit code of CPL 0 to 2 a null SS is fine. */
		if (!soft_desc_is_64(s, code) || cpl == 3 || (sel & 3u) != cpl)
			soft_gp0(s);
		return false;
	}
	soft_desc_get(s, sel, X86_GP, d);
	if ((sel & 3u) != cpl || !soft_attr_writable_data(d->attr) || soft_attr_dpl(d->attr) != cpl)
		soft_sel_fault(s, X86_GP, sel);
	if (!(d->attr & SOFT_ATTR_P))
		soft_sel_fault(s, X86_SS_FAULT, sel);
	return true;
}

/* The base stays, unlike with a null selector that is loaded: 64-bit code goes on using it. */
static void take_away(struct x86_seg *seg)
{
	seg->sel = 0;
	seg->attr = 0;
	seg->unusable = true;
}

void soft_return_outer(struct soft *s, struct soft_desc *code, struct soft_desc *ss,
		       uint16_t ss_sel, uint64_t rsp, uint64_t rip)
{
	static const uint8_t data[] = {X86_ES, X86_DS, X86_FS, X86_GS};
	unsigned cpl = code->sel & 3u, old = s->cpl;

	if (ss)
		soft_seg_from_desc(s, X86_SS, ss);
	else
		soft_ss_null(s, ss_sel & 3u);
	soft_set_cs(s, code, cpl, rip);
	soft_mode_changed(s);
	/* By the new stack's width: a 16-bit one keeps the high half. */
	soft_set_sp(s, rsp);
	/* 5.8.6: what the outer code could not have loaded is taken away. */
	for (size_t i = 0; i < ARRAY_SIZE(data) && cpl != old; i++) {
		struct x86_seg *seg = &s->seg[data[i]];

		if (!seg->unusable && soft_attr_dpl(seg->attr) < cpl &&
		    !(soft_attr_is_code(seg->attr) && soft_attr_conforming(seg->attr)))
			take_away(seg);
	}
}

void soft_far_ret(struct soft *s, unsigned opsize, unsigned pop)
{
	uint64_t frame[2], outer[2], rip;
	struct soft_desc code, ss;
	bool has_ss;
	uint16_t sel;

	soft_stack_peek_far(s, frame, 0, opsize);
	rip = frame[0];
	sel = (uint16_t)frame[1];
	if (real_like(s)) {
		uint64_t sp = soft_sp_after(s, 2 * (uint64_t)opsize + pop);

		real_transfer(s, sel, rip);
		s->gpr[X86_RSP] = sp;
		return;
	}
	soft_return_cs(s, sel, &code);
	rip = soft_cut_offset(s, &code, rip);
	if ((sel & 3u) == s->cpl) {
		uint64_t by = 2 * (uint64_t)opsize + pop, sp = soft_sp_after(s, by);

		/* Into 64-bit code RSP moves as a whole, by what a 16-bit stack has cut. */
		if (soft_desc_is_64(s, &code))
			sp = s->gpr[X86_RSP] + (s->stack64 || s->stack32 ? by : by & 0xffff);

		soft_check_rip(s, &code, rip);
		soft_desc_accessed(s, &code);
		s->gpr[X86_RSP] = sp;
		soft_set_cs(s, &code, s->cpl, rip);
		soft_mode_changed(s);
		return;
	}
	soft_stack_peek_far(s, outer, 2 * opsize + pop, opsize);
	has_ss = soft_return_ss(s, (uint16_t)outer[1], &code, sel & 3u, &ss);
	soft_check_rip(s, &code, rip);
	soft_desc_accessed(s, &code);
	if (has_ss)
		soft_desc_accessed(s, &ss);
	soft_return_outer(s, &code, has_ss ? &ss : NULL, (uint16_t)outer[1], outer[0], rip);
	soft_set_sp(s, soft_sp(s) + pop);
}
