/* SPDX-License-Identifier: MIT */
/*
 * soft: raising faults, and delivering exceptions and interrupts: SDM 3A chapter 6, 20.3 for
 * virtual-8086 mode, SDM 2A "INT n" for the order of the checks.
 *
 * Delivery reads and checks all it needs, pushes, then changes registers: a fault inside leaves the
 * CPU as it was before, but for a task switch that went through (7.3), whose faults are the new task's.
 */
#include <assert.h>

#include "soft_sys.h"

/* ---- raising -------------------------------------------------------------------------------------- */

static _Noreturn void raise_fault(struct soft *s, unsigned vec, bool has_error, uint32_t error)
{
	s->fault.vec = (uint8_t)vec;
	s->fault.has_error = has_error;
	s->fault.error = error;
	s->fault.is_trap = false;
	s->fault.soft_int = false;
	assert(s->fault_jmp);
	longjmp(*s->fault_jmp, 1);
}

void soft_fault(struct soft *s, unsigned vec)
{
	raise_fault(s, vec, false, 0);
}

void soft_fault_code(struct soft *s, unsigned vec, uint32_t error)
{
	/* 6.13: EXT is a bit of the codes that name a selector, #AC's and #PF's have other ones. */
	if (vec >= X86_TS && vec <= X86_GP)
		error |= s->ext;
	raise_fault(s, vec, true, error);
}

void soft_page_fault(struct soft *s, uint64_t la, uint32_t error)
{
	s->cr2 = soft_long(s) ? la : (uint32_t)la;
	raise_fault(s, X86_PF, true, error);
}

void soft_trap(struct soft *s, unsigned vec, bool soft_int)
{
	s->fault.vec = (uint8_t)vec;
	s->fault.has_error = false;
	s->fault.error = 0;
	s->fault.is_trap = true;
	s->fault.soft_int = soft_int;
	assert(s->fault_jmp);
	longjmp(*s->fault_jmp, 1);
}

/* ---- what is delivered ------------------------------------------------------------------------------ */

struct event {
	uint8_t vec;
	bool exception; /* not INTR, NMI, INT n: table 6-5's classes are of exceptions */
	bool soft_int;	/* INT n, INT3, INTO: the gate's DPL is checked */
	bool has_error;
	uint32_t error;
	uint64_t rip;	 /* to be saved */
	uint64_t rflags; /* likewise */
};

/* 17.3.1.1: RF as pushed. Faults set it, so that a breakpoint on the instruction is not hit again. */
static uint64_t flags_image(const struct soft *s, const struct event *ev)
{
	bool fault = ev->exception && ev->vec != X86_DB && ev->vec != X86_BP && ev->vec != X86_OF;

	/* Between two iterations of REP too. */
	if (s->rep_mark == s->icount + 1)
		fault = true;
	return s->rflags | (fault ? X86_FLAG_RF : 0);
}

static uint16_t idt_error(const struct event *ev)
{
	return (uint16_t)(ev->vec * 8u | SOFT_ERR_IDT);
}

/* 20.1.4: the interrupt vector table: IP and CS; FLAGS, CS, IP are pushed, an error code never. */
static void deliver_real(struct soft *s, const struct event *ev)
{
	const uint64_t frame[] = {ev->rflags, s->seg[X86_CS].sel, ev->rip};
	struct soft_stack st;
	uint32_t entry;

	if (ev->vec * 4u + 3 > s->idt.limit)
		soft_fault_code(s, X86_GP, idt_error(ev));
	entry = (uint32_t)soft_lin_read(s, (uint32_t)(s->idt.base + ev->vec * 4u), 4,
					SOFT_IMPLICIT);
	soft_stack_now(s, &st);
	soft_stack_push(s, &st, frame, 3, 2);
	s->gpr[X86_RSP] = st.sp;
	soft_seg_real(s, X86_CS, (uint16_t)(entry >> 16));
	s->rip = entry & 0xffff;
	s->rflags &= ~(X86_FLAG_IF | X86_FLAG_TF | X86_FLAG_RF | X86_FLAG_AC);
}

struct gate {
	unsigned type, ist, size; /* size of what is pushed */
	uint16_t sel;
	uint64_t off;
};

/* 6.11, 6.14.1. Error codes name the vector. */
static void read_gate(struct soft *s, const struct event *ev, struct gate *g)
{
	bool wide = soft_long(s);
	unsigned at = ev->vec * (wide ? 16u : 8u), attr;
	uint64_t la = s->idt.base + at, lo, hi = 0;

	if (at + (wide ? 15 : 7) > s->idt.limit)
		soft_fault_code(s, X86_GP, idt_error(ev));
	if (!wide)
		la = (uint32_t)la;
	lo = soft_lin_read(s, la, 8, SOFT_IMPLICIT);
	if (wide)
		hi = soft_lin_read(s, la + 8, 8, SOFT_IMPLICIT);
	attr = lo >> 40 & 0xff;
	g->type = attr & 0x1f; /* with S, which must be 0 */
	g->sel = (uint16_t)(lo >> 16);
	g->off = (lo & 0xffff) | (lo >> 32 & 0xffff0000);
	g->ist = wide ? lo >> 32 & 7 : 0;
	g->size = 0;
	switch (g->type) {
	case SOFT_INT32:
	case SOFT_TRAP32:
		g->size = wide ? 8 : 4;
		g->off |= hi << 32;
		break;
	case SOFT_INT16:
	case SOFT_TRAP16:
		g->size = 2;
		g->off &= 0xffff;
		break;
	case SOFT_TASK_GATE:
		break;
	default:
		g->type = 0;
		break;
	}
	if (!g->type || (wide && g->size != 8) ||
	    (ev->soft_int && soft_attr_dpl((uint16_t)attr) < s->cpl))
		soft_fault_code(s, X86_GP, idt_error(ev));
	if (!(attr & SOFT_ATTR_P))
		soft_fault_code(s, X86_NP, idt_error(ev));
}

/* The handler's code segment; its DPL or, where it conforms, the CPL is the new privilege. */
static unsigned handler_code(struct soft *s, const struct gate *g, struct soft_desc *code)
{
	unsigned dpl;

	if (!(g->sel & ~3u))
		soft_gp0(s);
	soft_desc_get(s, g->sel, X86_GP, code);
	dpl = soft_attr_dpl(code->attr);
	if (!soft_attr_is_code(code->attr) || dpl > s->cpl)
		soft_sel_fault(s, X86_GP, g->sel);
	if (soft_long(s) && (code->attr & (SOFT_ATTR_L | SOFT_ATTR_DB)) != SOFT_ATTR_L)
		soft_sel_fault(s, X86_GP, g->sel);
	if (!(code->attr & SOFT_ATTR_P))
		soft_sel_fault(s, X86_NP, g->sel);
	if (soft_attr_conforming(code->attr))
		dpl = s->cpl;
	/* From virtual-8086 mode to CPL 0 alone. */
	if (soft_v86(s) && dpl != 0)
		soft_sel_fault(s, X86_GP, g->sel);
	return dpl;
}

static void deliver_task(struct soft *s, const struct event *ev, const struct gate *g)
{
	struct soft_desc tss;
	struct soft_stack st;
	uint64_t error = ev->error;

	soft_task_desc(s, g->sel, false, X86_GP, &tss);
	s->rflags = ev->rflags;
	soft_task_switch(s, &tss, SOFT_TASK_EVENT, ev->rip);
	if (!ev->has_error)
		return;
	soft_stack_now(s, &st);
	soft_stack_push(s, &st, &error, 1, soft_attr_type(tss.attr) & 8 ? 4 : 2);
	s->gpr[X86_RSP] = st.sp;
}

static unsigned fill_frame(const struct soft *s, const struct event *ev, bool outer,
			   uint64_t *frame)
{
	unsigned n = 0;

	if (outer && soft_v86(s)) {
		frame[n++] = s->seg[X86_GS].sel;
		frame[n++] = s->seg[X86_FS].sel;
		frame[n++] = s->seg[X86_DS].sel;
		frame[n++] = s->seg[X86_ES].sel;
	}
	if (outer || soft_long(s)) {
		frame[n++] = s->seg[X86_SS].sel;
		/* What is above ESP in compatibility mode is not saved. */
		frame[n++] = s->bits == 64 ? s->gpr[X86_RSP] : (uint32_t)s->gpr[X86_RSP];
	}
	frame[n++] = ev->rflags;
	frame[n++] = s->seg[X86_CS].sel;
	frame[n++] = ev->rip;
	if (ev->has_error)
		frame[n++] = ev->error;
	return n;
}

static void deliver_prot(struct soft *s, const struct event *ev)
{
	static const uint8_t data[] = {X86_ES, X86_DS, X86_FS, X86_GS};
	bool v86 = soft_v86(s), outer;
	uint64_t frame[SOFT_PUSH_MAX];
	struct soft_stack st;
	struct soft_desc code;
	struct gate g;
	unsigned cpl;

	read_gate(s, ev, &g);
	if (g.type == SOFT_TASK_GATE) {
		deliver_task(s, ev, &g);
		return;
	}
	cpl = handler_code(s, &g, &code);
	outer = cpl != s->cpl;
	if (outer || g.ist)
		soft_stack_tss(s, cpl, g.ist, &st);
	else
		soft_stack_now(s, &st);
	if (soft_long(s)) {
		st.width = 8;
		st.sp &= ~15ull; /* 6.14.2 */
	}
	soft_stack_push(s, &st, frame, fill_frame(s, ev, outer, frame), g.size);
	soft_check_rip(s, &code, g.off);
	soft_desc_accessed(s, &code);
	s->gpr[X86_RSP] = st.sp;
	if (outer && soft_long(s))
		soft_ss_null(s, cpl);
	else if (outer)
		soft_seg_from_desc(s, X86_SS, &st.ss);
	for (unsigned i = 0; v86 && i < ARRAY_SIZE(data); i++)
		soft_seg_null(s, data[i], 0);
	soft_set_cs(s, &code, cpl, g.off);
	s->rip = s->next_rip;
	s->rflags &= ~(X86_FLAG_TF | X86_FLAG_RF | SOFT_FLAG_NT | SOFT_FLAG_VM);
	if (g.type == SOFT_INT16 || g.type == SOFT_INT32)
		s->rflags &= ~X86_FLAG_IF;
	soft_mode_changed(s);
}

/* False: a fault came in between; it is in s->fault. */
static bool try_deliver(struct soft *s, const struct event *ev)
{
	jmp_buf here, *outer = s->fault_jmp;
	bool done;

	s->fault_jmp = &here;
	s->ext = ev->soft_int ? 0 : SOFT_ERR_EXT;
	if (!setjmp(here)) {
		if (soft_prot(s))
			deliver_prot(s, ev);
		else
			deliver_real(s, ev);
		done = true;
	} else {
		done = false;
	}
	s->fault_jmp = outer;
	s->ext = 0;
	return done;
}

/* ---- faults while delivering, 6.15 vector 8 ------------------------------------------------------- */

enum class { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT };

static enum class class_of(unsigned vec) {
	switch (vec){
		case X86_DE : case X86_TS : case X86_NP : case X86_SS_FAULT : case
		X86_GP : return CONTRIBUTORY;
		case X86_PF : return PAGE_FAULT;
		case X86_DF : return DOUBLE_FAULT;
		default : return BENIGN;
	}
}

/* Table 6-5: what follows a fault (s->fault) while delivering (ev). False: shutdown. */
static bool next_event(struct soft *s, struct event *ev)
{
	enum class first = ev->exception ? class_of(ev->vec) : BENIGN;
	enum class second = class_of(s->fault.vec);

	if (first == DOUBLE_FAULT && second != BENIGN)
		return false;
	*ev = (struct event){.vec = s->fault.vec,
			     .exception = true,
			     .has_error = s->fault.has_error,
			     .error = s->fault.error};
	if ((first == CONTRIBUTORY && second == CONTRIBUTORY) ||
	    (first == PAGE_FAULT && (second == CONTRIBUTORY || second == PAGE_FAULT))) {
		ev->vec = X86_DF;
		ev->has_error = true;
		ev->error = 0;
	}
	return true;
}

/*
 * No chain of benign faults is known to be endless; this ends one that is. A chain of others has at
 * most three before the shutdown.
 */
#define NESTED_MAX 8

/* True: as asked. False: another exception in its place, or shutdown. */
static bool deliver(struct soft *s, struct event *ev)
{
	bool plain = true;

	s->in_delivery = true;
	s->halted = false;
	s->db_new = 0;
	/* Traps that a MOV SS held back come with any #DB, be it INT1's, not after it. */
	if (ev->exception && ev->vec == X86_DB) {
		s->dr[6] |= s->db_pending;
		s->db_pending = 0;
	}
	for (unsigned n = 0;; n++) {
		s->delivering = ev->vec;
		ev->rflags = flags_image(s, ev);
		if (try_deliver(s, ev))
			break;
		plain = false;
		if (n == NESTED_MAX || !next_event(s, ev)) {
			s->shutdown = true;
			s->reported = false; /* a HLT that it came out of may have been */
			break;
		}
		/* What was interrupted is as before, or a new task at its first instruction. */
		ev->rip = s->rip;
	}
	/* 17.2.4: the debug handler may use the debug registers. */
	if (ev->exception && ev->vec == X86_DB) {
		s->dr[7] &= ~SOFT_DR7_GD;
		s->debugctl = 0;
	}
	s->in_delivery = false;
	s->next_rip = s->rip;
	/* Data breakpoints on what was pushed are traps before the handler's first instruction. */
	s->db_pending |= s->db_new;
	s->db_new = 0;
	s->events = s->events || s->db_pending;
	return plain;
}

void soft_deliver(struct soft *s, unsigned vec, bool soft_int, bool has_error, uint32_t error)
{
	struct event ev = {.vec = (uint8_t)vec,
			   .exception = !soft_int,
			   .soft_int = soft_int,
			   .has_error = has_error,
			   .error = error,
			   .rip = s->rip};
	bool insn = s->fault.is_trap;

	s->fault.is_trap = false;
	if (!insn) {
		deliver(s, &ev);
		return;
	}
	/*
	 * Of an instruction that was counted: its successor is saved, but a fault while delivering is
	 * the instruction's own, and then it has not retired.
	 */
	s->rip = s->insn_rip;
	if (!deliver(s, &ev))
		s->icount--;
}

/* ---- between instructions ---------------------------------------------------------------------------- */

static void deliver_event(struct soft *s, unsigned vec, bool exception, bool has_error,
			  uint32_t error)
{
	struct event ev = {.vec = (uint8_t)vec,
			   .exception = exception,
			   .has_error = has_error,
			   .error = error,
			   .rip = s->rip};

	deliver(s, &ev);
}

/* #DB traps of the instruction before: DR6 collects, B0 to B3 are of this one alone (17.2.3). */
static void deliver_db(struct soft *s)
{
	s->dr[6] = (s->dr[6] & ~15ull) | s->db_pending | SOFT_DR6_FIXED;
	s->db_pending = 0;
	deliver_event(s, X86_DB, true, false, 0);
}

bool soft_events(struct soft *s)
{
	bool ready;
	int vec;

	if (s->inject.kind) {
		bool exception = s->inject.kind == 1;

		s->inject.kind = 0;
		deliver_event(s, s->inject.vec, exception, s->inject.has_error, s->inject.error);
		return true;
	}
	if (s->db_pending && s->shadow != 2) {
		deliver_db(s);
		return true;
	}
	/* STI's shadow holds NMIs back too, as 3C 25.3 allows and Intel's CPUs do. */
	if (s->nmi_pending && !s->nmi_masked && !s->shadow) {
		s->nmi_pending = false;
		s->nmi_masked = true;
		deliver_event(s, X86_NMI, false, false, 0);
		return true;
	}
	if (s->intr && (s->rflags & X86_FLAG_IF) && !s->shadow) {
		vec = s->cfg.host.ack(s->cfg.host.ctx);
		if (vec >= 0) {
			deliver_event(s, (unsigned)vec & 0xff, false, false, 0);
			return true;
		}
	}
	ready = s->intr && (s->rflags & X86_FLAG_IF);
	s->events = s->db_pending || (s->nmi_pending && !s->nmi_masked) || ready;
	return false;
}
