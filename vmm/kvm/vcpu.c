/* SPDX-License-Identifier: MIT */
/* kvm: what belongs to a vCPU. */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <vmm/kvm.h>
#include "kvm_priv.h"

/* What the kernel calls a signal set: 64 bits, the first 8 bytes of glibc's sigset_t. */
#define KERNEL_SIGSET 8u

int kvm_run(struct kvm_vcpu *vcpu, struct err *err)
{
	int code;

	if (ioctl(vcpu->fd, KVM_RUN, 0) >= 0)
		return 0;
	code = -errno;
	if (code == -EINTR || code == -EAGAIN)
		return code;
	return err_set(err, code, "KVM_RUN: %s", strerror(-code));
}

/* The plain ones: one struct in or out. */
static int get(const struct kvm_vcpu *vcpu, unsigned long req, void *p, const char *name,
	       struct err *err)
{
	int r = kvm_ioctl(vcpu->fd, req, p, name, err);

	return r < 0 ? r : 0;
}

static int set(const struct kvm_vcpu *vcpu, unsigned long req, const void *p, const char *name,
	       struct err *err)
{
	/* ioctl() takes no const, KVM_SET_* change nothing. */
	return get(vcpu, req, (void *)(uintptr_t)p, name, err);
}

#define GET(req) get(vcpu, req, out, #req, err)
#define SET(req) set(vcpu, req, in, #req, err)

struct kvm_segment kvm_segment_of(uint16_t selector, uint64_t base, uint32_t limit, uint16_t attr)
{
	return (struct kvm_segment){
		.selector = selector,
		.base = base,
		.limit = limit,
		.type = attr & 15,
		.s = attr >> 4 & 1,
		.dpl = attr >> 5 & 3,
		.present = attr >> 7 & 1,
		.avl = attr >> 12 & 1,
		.l = attr >> 13 & 1,
		.db = attr >> 14 & 1,
		.g = attr >> 15 & 1,
	};
}

int kvm_get_regs(const struct kvm_vcpu *vcpu, struct kvm_regs *out, struct err *err)
{
	return GET(KVM_GET_REGS);
}

int kvm_set_regs(const struct kvm_vcpu *vcpu, const struct kvm_regs *in, struct err *err)
{
	return SET(KVM_SET_REGS);
}

int kvm_get_sregs(const struct kvm_vcpu *vcpu, struct kvm_sregs *out, struct err *err)
{
	return GET(KVM_GET_SREGS);
}

int kvm_set_sregs(const struct kvm_vcpu *vcpu, const struct kvm_sregs *in, struct err *err)
{
	return SET(KVM_SET_SREGS);
}

int kvm_get_fpu(const struct kvm_vcpu *vcpu, struct kvm_fpu *out, struct err *err)
{
	return GET(KVM_GET_FPU);
}

int kvm_set_fpu(const struct kvm_vcpu *vcpu, const struct kvm_fpu *in, struct err *err)
{
	return SET(KVM_SET_FPU);
}

int kvm_get_xsave(const struct kvm_vcpu *vcpu, struct kvm_xsave *out, struct err *err)
{
	return GET(KVM_GET_XSAVE);
}

int kvm_set_xsave(const struct kvm_vcpu *vcpu, const struct kvm_xsave *in, struct err *err)
{
	return SET(KVM_SET_XSAVE);
}

int kvm_get_xcrs(const struct kvm_vcpu *vcpu, struct kvm_xcrs *out, struct err *err)
{
	return GET(KVM_GET_XCRS);
}

int kvm_set_xcrs(const struct kvm_vcpu *vcpu, const struct kvm_xcrs *in, struct err *err)
{
	return SET(KVM_SET_XCRS);
}

int kvm_get_debugregs(const struct kvm_vcpu *vcpu, struct kvm_debugregs *out, struct err *err)
{
	return GET(KVM_GET_DEBUGREGS);
}

int kvm_set_debugregs(const struct kvm_vcpu *vcpu, const struct kvm_debugregs *in, struct err *err)
{
	return SET(KVM_SET_DEBUGREGS);
}

int kvm_get_events(const struct kvm_vcpu *vcpu, struct kvm_vcpu_events *out, struct err *err)
{
	return GET(KVM_GET_VCPU_EVENTS);
}

int kvm_set_events(const struct kvm_vcpu *vcpu, const struct kvm_vcpu_events *in, struct err *err)
{
	return SET(KVM_SET_VCPU_EVENTS);
}

int kvm_get_mp_state(const struct kvm_vcpu *vcpu, uint32_t *state, struct err *err)
{
	struct kvm_mp_state mp = {0}, *out = &mp;
	int r = GET(KVM_GET_MP_STATE);

	if (!r)
		*state = mp.mp_state;
	return r;
}

int kvm_set_mp_state(const struct kvm_vcpu *vcpu, uint32_t state, struct err *err)
{
	struct kvm_mp_state mp = {.mp_state = state}, *in = &mp;

	return SET(KVM_SET_MP_STATE);
}

int kvm_get_tsc_khz(const struct kvm_vcpu *vcpu, struct err *err)
{
	return kvm_ioctl(vcpu->fd, KVM_GET_TSC_KHZ, NULL, "KVM_GET_TSC_KHZ", err);
}

int kvm_set_tsc_khz(const struct kvm_vcpu *vcpu, unsigned khz, struct err *err)
{
	return kvm_ioctl(vcpu->fd, KVM_SET_TSC_KHZ, (void *)(uintptr_t)khz, "KVM_SET_TSC_KHZ", err);
}

int kvm_interrupt(const struct kvm_vcpu *vcpu, uint32_t vector, struct err *err)
{
	struct kvm_interrupt irq = {.irq = vector}, *in = &irq;

	return SET(KVM_INTERRUPT);
}

int kvm_nmi(const struct kvm_vcpu *vcpu, struct err *err)
{
	const void *in = NULL;

	return SET(KVM_NMI);
}

int kvm_set_guest_debug(const struct kvm_vcpu *vcpu, const struct kvm_guest_debug *in,
			struct err *err)
{
	return SET(KVM_SET_GUEST_DEBUG);
}

/* ---- those with a list ---------------------------------------------------------------------- */

#define MSRS_STACK 32 /* more than any state has; more go through the heap */
#define MSRS_MAX   4096

static int msrs(const struct kvm_vcpu *vcpu, unsigned long req, struct kvm_msr_entry *get_into,
		const struct kvm_msr_entry *from, unsigned n, const char *name, struct err *err)
{
	union {
		struct kvm_msrs m;
		uint8_t room[sizeof(struct kvm_msrs) + MSRS_STACK * sizeof(struct kvm_msr_entry)];
	} small;
	struct kvm_msrs *m = &small.m;
	int r;

	if (n > MSRS_MAX)
		return err_set(err, -E2BIG, "%s: %u MSRs, at most %d", name, n, MSRS_MAX);
	if (n > MSRS_STACK) {
		m = malloc(sizeof(*m) + n * sizeof(m->entries[0]));
		if (!m)
			return err_set(err, -ENOMEM, "%s: no memory", name);
	}
	m->nmsrs = n;
	m->pad = 0;
	if (n)
		memcpy(m->entries, from, n * sizeof(m->entries[0]));
	r = kvm_ioctl(vcpu->fd, req, m, name, err);
	if (r > 0 && get_into)
		memcpy(get_into, m->entries, (size_t)r * sizeof(m->entries[0]));
	if (m != &small.m)
		free(m);
	return r;
}

int kvm_get_msrs(const struct kvm_vcpu *vcpu, struct kvm_msr_entry *m, unsigned n, struct err *err)
{
	return msrs(vcpu, KVM_GET_MSRS, m, m, n, "KVM_GET_MSRS", err);
}

int kvm_set_msrs(const struct kvm_vcpu *vcpu, const struct kvm_msr_entry *m, unsigned n,
		 struct err *err)
{
	return msrs(vcpu, KVM_SET_MSRS, NULL, m, n, "KVM_SET_MSRS", err);
}

int kvm_set_cpuid(const struct kvm_vcpu *vcpu, const struct kvm_cpuid_entry2 *ents, unsigned n,
		  struct err *err)
{
	struct kvm_cpuid2 *c;
	int r;

	if (n > 256) /* KVM's own limit */
		return err_set(err, -E2BIG, "KVM_SET_CPUID2: %u entries, at most 256", n);
	c = malloc(sizeof(*c) + n * sizeof(c->entries[0]));
	if (!c)
		return err_set(err, -ENOMEM, "KVM_SET_CPUID2: no memory");
	c->nent = n;
	c->padding = 0;
	if (n)
		memcpy(c->entries, ents, n * sizeof(c->entries[0]));
	r = set(vcpu, KVM_SET_CPUID2, c, "KVM_SET_CPUID2", err);
	free(c);
	return r;
}

int kvm_set_signal_mask(const struct kvm_vcpu *vcpu, const sigset_t *mask, struct err *err)
{
	union {
		struct kvm_signal_mask m;
		uint8_t room[sizeof(struct kvm_signal_mask) + KERNEL_SIGSET];
	} u = {.m.len = KERNEL_SIGSET};
	const void *in = &u;

	if (!mask)
		in = NULL;
	else
		memcpy(u.m.sigset, mask, KERNEL_SIGSET);
	return SET(KVM_SET_SIGNAL_MASK);
}
