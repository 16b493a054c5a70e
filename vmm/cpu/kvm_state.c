/* SPDX-License-Identifier: MIT */
/* cpu: struct cpu_state from and into a KVM vCPU. */
#include <errno.h>

#include "cpu_kvm.h"

/* ---- pieces: from KVM's form into ours and back --------------------------------------------- */

static struct x86_seg seg_from(const struct kvm_segment *k)
{
	struct x86_seg s = {
		.sel = k->selector,
		.limit = k->limit,
		.base = k->base,
		.unusable = k->unusable,
	};

	s.attr = (uint16_t)((k->type & 15) | (k->s & 1) << 4 | (k->dpl & 3) << 5 |
			    (k->present & 1) << 7 | (k->avl & 1) << 12 | (k->l & 1) << 13 |
			    (k->db & 1) << 14 | (k->g & 1) << 15);
	/* VMX and SVM keep no P for it. */
	if (s.unusable)
		s.attr &= (uint16_t)~X86_SEG_P;
	return s;
}

static struct kvm_segment seg_to(const struct x86_seg *s)
{
	struct kvm_segment k = kvm_segment_of(s->sel, s->base, s->limit, s->attr);

	k.unusable = s->unusable;
	return k;
}

/* One list for both directions, in x86_gpr's order. */
static void regs_from(const struct kvm_regs *k, struct cpu_state *s)
{
	const uint64_t v[X86_GPRS] = {k->rax, k->rcx, k->rdx, k->rbx, k->rsp, k->rbp,
				      k->rsi, k->rdi, k->r8,  k->r9,  k->r10, k->r11,
				      k->r12, k->r13, k->r14, k->r15};

	memcpy(s->gpr, v, sizeof(v));
	s->rip = k->rip;
	s->rflags = k->rflags;
}

static void regs_to(const struct cpu_state *s, struct kvm_regs *k)
{
	const uint64_t *g = s->gpr;

	*k = (struct kvm_regs){
		.rax = g[X86_RAX],
		.rcx = g[X86_RCX],
		.rdx = g[X86_RDX],
		.rbx = g[X86_RBX],
		.rsp = g[X86_RSP],
		.rbp = g[X86_RBP],
		.rsi = g[X86_RSI],
		.rdi = g[X86_RDI],
		.r8 = g[X86_R8],
		.r9 = g[X86_R9],
		.r10 = g[X86_R10],
		.r11 = g[X86_R11],
		.r12 = g[X86_R12],
		.r13 = g[X86_R13],
		.r14 = g[X86_R14],
		.r15 = g[X86_R15],
		.rip = s->rip,
		.rflags = s->rflags,
	};
}

static void sregs_from(const struct kvm_sregs *k, struct cpu_state *s)
{
	s->seg[X86_ES] = seg_from(&k->es);
	s->seg[X86_CS] = seg_from(&k->cs);
	s->seg[X86_SS] = seg_from(&k->ss);
	s->seg[X86_DS] = seg_from(&k->ds);
	s->seg[X86_FS] = seg_from(&k->fs);
	s->seg[X86_GS] = seg_from(&k->gs);
	s->seg[X86_LDTR] = seg_from(&k->ldt);
	s->seg[X86_TR] = seg_from(&k->tr);
	s->gdt = (struct x86_table){k->gdt.base, k->gdt.limit};
	s->idt = (struct x86_table){k->idt.base, k->idt.limit};
	s->cr0 = k->cr0;
	s->cr2 = k->cr2;
	s->cr3 = k->cr3;
	s->cr4 = k->cr4;
	s->cr8 = k->cr8;
	s->efer = k->efer;
	s->apic_base = k->apic_base;
}

static void sregs_to(const struct cpu_state *s, struct kvm_sregs *k)
{
	/* interrupt_bitmap stays empty: KVM_SET_VCPU_EVENTS says what is being delivered. */
	*k = (struct kvm_sregs){
		.es = seg_to(&s->seg[X86_ES]),
		.cs = seg_to(&s->seg[X86_CS]),
		.ss = seg_to(&s->seg[X86_SS]),
		.ds = seg_to(&s->seg[X86_DS]),
		.fs = seg_to(&s->seg[X86_FS]),
		.gs = seg_to(&s->seg[X86_GS]),
		.ldt = seg_to(&s->seg[X86_LDTR]),
		.tr = seg_to(&s->seg[X86_TR]),
		.gdt = {.base = s->gdt.base, .limit = s->gdt.limit},
		.idt = {.base = s->idt.base, .limit = s->idt.limit},
		.cr0 = s->cr0,
		.cr2 = s->cr2,
		.cr3 = s->cr3,
		.cr4 = s->cr4,
		.cr8 = s->cr8,
		.efer = s->efer,
		.apic_base = s->apic_base,
	};
}

/*
 * The FXSAVE image (SDM volume 1, table 10-2) is the start of the XSAVE image; XSTATE_BV (13.4.2)
 * follows it. What FXSAVE has as reserved, and MXCSR_MASK, are no state: zero.
 */
#define FX_FTW_PAD    5
#define FX_MXCSR      24
#define FX_MXCSR_MASK 28
#define FX_XMM_END    416
#define XSTATE_BV     512
#define XSTATE_X87    (1ull << 0)
#define XSTATE_SSE    (1ull << 1)

static void fpu_from(const struct kvm_xsave *k, uint8_t *fx)
{
	memcpy(fx, k->region, FX_XMM_END);
	fx[FX_FTW_PAD] = 0;
	st_le32(fx + FX_MXCSR_MASK, 0);
	for (unsigned i = 0; i < 8; i++) /* a register has 80 bits of its 16 bytes */
		memset(fx + 32 + (size_t)i * 16 + 10, 0, 6);
}

static void fpu_to(const uint8_t *fx, struct kvm_xsave *k)
{
	uint8_t *p = (uint8_t *)k->region;

	memset(k, 0, sizeof(*k));
	memcpy(p, fx, FX_XMM_END);
	st_le32(p + FX_MXCSR_MASK, 0);
	st_le64(p + XSTATE_BV, XSTATE_X87 | XSTATE_SSE);
}

static void events_from(const struct kvm_vcpu_events *k, struct cpu_state *s)
{
	s->exc_injected = k->exception.injected || k->exception.pending;
	s->exc_has_error = k->exception.has_error_code;
	s->exc_nr = k->exception.nr;
	s->exc_error = k->exception.error_code;
	if (!s->exc_injected) {
		s->exc_has_error = false; /* left over from the last one */
		s->exc_nr = 0;
		s->exc_error = 0;
	}
	s->int_injected = k->interrupt.injected;
	s->int_nr = s->int_injected ? k->interrupt.nr : 0;
	s->nmi_pending = k->nmi.pending || k->nmi.injected;
	s->nmi_masked = k->nmi.masked;
	s->shadow = 0;
	if (k->interrupt.shadow & KVM_X86_SHADOW_INT_STI)
		s->shadow |= 1;
	if (k->interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS)
		s->shadow |= 2;
}

static void events_to(const struct cpu_state *s, struct kvm_vcpu_events *k)
{
	memset(k, 0, sizeof(*k));
	k->exception.injected = s->exc_injected;
	k->exception.nr = s->exc_nr;
	k->exception.has_error_code = s->exc_has_error;
	k->exception.error_code = s->exc_error;
	k->interrupt.injected = s->int_injected;
	k->interrupt.nr = s->int_nr;
	k->interrupt.shadow = (uint8_t)((s->shadow & 1 ? KVM_X86_SHADOW_INT_STI : 0) |
					(s->shadow & 2 ? KVM_X86_SHADOW_INT_MOV_SS : 0));
	k->nmi.pending = s->nmi_pending;
	k->nmi.masked = s->nmi_masked;
	k->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
}

static unsigned msrs_to(const struct cpu_state *s, struct kvm_msr_entry *m)
{
	unsigned n = 0;

	for (; n < X86_MSRS && x86_msr_list[n]; n++)
		m[n] = (struct kvm_msr_entry){.index = x86_msr_list[n], .data = s->msr[n]};
	return n;
}

/* ---- get ------------------------------------------------------------------------------------ */

static int get_msrs(struct cpu_kvm *k, struct cpu_state *s, struct err *err)
{
	struct kvm_msr_entry m[X86_MSRS];
	unsigned n = msrs_to(s, m);
	int r = kvm_get_msrs(&k->vcpu, m, n, err);

	if (r < 0)
		return r;
	if ((unsigned)r < n)
		return err_set(err, -EIO, "KVM_GET_MSRS: KVM does not know MSR 0x%x", m[r].index);
	for (unsigned i = 0; i < n; i++)
		s->msr[i] = m[i].data;
	return 0;
}

int cpu_kvm_get(struct cpu *c, struct cpu_state *s, struct err *err)
{
	struct cpu_kvm *k = container_of(c, struct cpu_kvm, cpu);
	union {
		struct kvm_regs regs;
		struct kvm_sregs sregs;
		struct kvm_xsave xsave;
		struct kvm_debugregs dr;
		struct kvm_vcpu_events ev;
		struct kvm_xcrs xcrs;
	} u;
	int r;

	memset(s, 0, sizeof(*s)); /* padding too: states are compared as bytes */
	s->misc_enable = X86_MISC_FAST_STRINGS;
	r = kvm_get_regs(&k->vcpu, &u.regs, err);
	if (r)
		return r;
	regs_from(&u.regs, s);
	r = kvm_get_sregs(&k->vcpu, &u.sregs, err);
	if (r)
		return r;
	sregs_from(&u.sregs, s);
	/* It may be the machine's APIC that has written it. */
	if (k->has_apic)
		s->cr8 = k->vcpu.run->cr8;
	r = kvm_get_xsave(&k->vcpu, &u.xsave, err);
	if (r)
		return r;
	fpu_from(&u.xsave, s->fpu);
	r = kvm_get_debugregs(&k->vcpu, &u.dr, err);
	if (r)
		return r;
	memcpy(s->dr, u.dr.db, sizeof(u.dr.db));
	s->dr[6] = u.dr.dr6;
	s->dr[7] = u.dr.dr7;
	r = kvm_get_events(&k->vcpu, &u.ev, err);
	if (r)
		return r;
	events_from(&u.ev, s);
	r = get_msrs(k, s, err);
	if (r)
		return r;
	/* A template without XSAVE leaves XCR0 at its reset value for ever. */
	s->xcr0 = 1;
	if (k->has_xsave) {
		r = kvm_get_xcrs(&k->vcpu, &u.xcrs, err);
		if (r)
			return r;
		if (u.xcrs.nr_xcrs && !u.xcrs.xcrs[0].xcr)
			s->xcr0 = u.xcrs.xcrs[0].value;
	}
	s->halted = k->halted;
	return 0;
}

/* ---- set ------------------------------------------------------------------------------------ */

/* All but the segment and control registers. */
static int set_rest(struct cpu_kvm *k, const struct cpu_state *s, struct err *err)
{
	struct kvm_msr_entry m[X86_MSRS];
	unsigned n = msrs_to(s, m);
	union {
		struct kvm_regs regs;
		struct kvm_xsave xsave;
		struct kvm_debugregs dr;
		struct kvm_vcpu_events ev;
		struct kvm_xcrs xcrs;
	} u;
	int r;

	memset(&u.dr, 0, sizeof(u.dr));
	memcpy(u.dr.db, s->dr, sizeof(u.dr.db));
	u.dr.dr6 = s->dr[6];
	u.dr.dr7 = s->dr[7];
	r = kvm_set_debugregs(&k->vcpu, &u.dr, err);
	if (r)
		return r;
	r = kvm_set_msrs(&k->vcpu, m, n, err);
	if (r < 0)
		return r;
	if ((unsigned)r < n)
		return err_set(err, -EINVAL, "KVM_SET_MSRS: MSR 0x%x may not be 0x%llx", m[r].index,
			       (unsigned long long)m[r].data);
	if (k->has_xsave) {
		memset(&u.xcrs, 0, sizeof(u.xcrs));
		u.xcrs.nr_xcrs = 1;
		u.xcrs.xcrs[0].value = s->xcr0;
		r = kvm_set_xcrs(&k->vcpu, &u.xcrs, err);
		if (r)
			return r;
	}
	events_to(s, &u.ev);
	r = kvm_set_events(&k->vcpu, &u.ev, err);
	if (r)
		return r;
	fpu_to(s->fpu, &u.xsave);
	r = kvm_set_xsave(&k->vcpu, &u.xsave, err);
	if (r)
		return r;
	regs_to(s, &u.regs);
	r = kvm_set_regs(&k->vcpu, &u.regs, err);
	if (r)
		return r;
	/* Without an in-kernel APIC, KVM_RUN takes CR8 from here each time. */
	k->vcpu.run->cr8 = s->cr8;
	k->cr8 = (uint8_t)s->cr8;
	k->vcpu.run->ready_for_interrupt_injection = 0;
	k->rearm = true;
	k->halted = s->halted;
	return 0;
}

static int set_all(struct cpu_kvm *k, const struct cpu_state *s, bool *touched, struct err *err)
{
	struct kvm_sregs sregs;
	int r;

	*touched = false;
	sregs_to(s, &sregs);
	/* First, since this is what KVM may refuse; it then has changed nothing. */
	r = kvm_set_sregs(&k->vcpu, &sregs, err);
	if (r)
		return r;
	*touched = true;
	return set_rest(k, s, err);
}

/*
 * Nothing here that KVM could refuse beside the segment and control registers? Then there is no
 * need to read the old state first.
 */
static bool rest_is_plain(const struct cpu_state *s)
{
	struct cpu_state fresh;

	x86_state_reset(&fresh);
	return !memcmp(s->msr, fresh.msr, sizeof(s->msr)) && !(s->dr[6] >> 32) &&
	       !(s->dr[7] >> 32) && !s->exc_injected && s->xcr0 == 1 &&
	       !(ld_le32(s->fpu + FX_MXCSR) >> 16);
}

int cpu_kvm_set(struct cpu *c, const struct cpu_state *s, struct err *err)
{
	struct cpu_kvm *k = container_of(c, struct cpu_kvm, cpu);
	/* As bytes: where only padding differs, the long way is taken. */
	const void *new = s, *accepted = &k->accepted;
	bool known = k->has_accepted && !memcmp(accepted, new, sizeof(*s)), saved, touched;
	struct cpu_state old;
	int r;

	if (s->cr8 > 15) /* KVM takes it here and then refuses to run */
		return err_set(err, -EINVAL, "cr8 0x%llx: only bits 0 to 3 exist",
			       (unsigned long long)s->cr8);
	if (!k->has_xsave && s->xcr0 != 1)
		return err_set(err, -EINVAL, "xcr0 0x%llx: this CPU has no XSAVE",
			       (unsigned long long)s->xcr0);
	saved = !known && !rest_is_plain(s);
	if (saved) {
		r = cpu_kvm_get(c, &old, err);
		if (r)
			return r;
	}
	r = set_all(k, s, &touched, err);
	if (!r) {
		if (!known)
			memcpy(&k->accepted, s, sizeof(*s));
		k->has_accepted = true;
		return 0;
	}
	if (touched) {
		bool dummy;

		k->has_accepted = false;
		if (!saved)
			return err_prefix(err, "half of the state is set");
		if (set_all(k, &old, &dummy, NULL))
			return err_prefix(err, "the old state is lost");
	}
	return r;
}
