/* SPDX-License-Identifier: MIT */
/*
 * cpu: the kvm back end and a local APIC that is a device of the machine. KVM has none here: its CR8 is
 * a field of struct kvm_run, the APIC's MSRs go to user space, and CPUID follows IA32_APIC_BASE.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cpu_kvm.h"

#define MSR_TSC	      0x10u
#define MSR_APIC_BASE 0x1bu
#define MSR_DEADLINE  0x6e0u
#define KHZ_NS	      1000000u /* ns of a tick at 1 kHz */

/* A bit an MSR: 0 goes to user space. KVM lets nobody filter x2APIC's, and refuses them by itself. */
void cpu_kvm_msr_filter(struct cpu_kvm *k)
{
	uint8_t deny[8] = {0};
	struct kvm_msr_filter_range range[] = {
		{.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
		 .base = CPU_MSR_USER,
		 .nmsrs = CPU_MSR_USER_NR,
		 .bitmap = deny},
		{.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
		 .base = MSR_DEADLINE,
		 .nmsrs = 1,
		 .bitmap = deny},
		/* KVM itself has what is read of it. */
		{.flags = KVM_MSR_FILTER_WRITE, .base = MSR_APIC_BASE, .nmsrs = 1, .bitmap = deny},
	};

	kvm_set_msr_filter(&k->vm, KVM_MSR_FILTER_DEFAULT_ALLOW, range,
			   k->has_apic ? ARRAY_SIZE(range) : 1, NULL);
}

/*
 * KVM knows none of the CPU_MSR_USER ones, so they exit without a filter: but not where KVM was loaded
 * to ignore what it does not know, or does not say whether it was.
 */
bool cpu_kvm_needs_filter(const struct cpu_kvm *k)
{
	char ignores = 'Y';
	int fd;

	if (k->has_apic)
		return true;
	fd = open("/sys/module/kvm/parameters/ignore_msrs", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	if (read(fd, &ignores, 1) != 1)
		ignores = 'Y';
	close(fd);
	return ignores != 'N';
}

void cpu_kvm_tell_cr8(struct cpu_kvm *k)
{
	struct cpu_exit e = {.kind = CPU_EXIT_SET_TPR, .raw = KVM_EXIT_SET_TPR};

	if (!k->has_apic || k->vcpu.run->cr8 == k->cr8)
		return;
	k->cr8 = (uint8_t)k->vcpu.run->cr8;
	e.tpr.cr8 = k->cr8;
	k->exits++;
	if (k->cpu.host.exit(k->cpu.host.ctx, &e) == CPU_HALT)
		k->stop = true;
}

/* ---- MSRs ---------------------------------------------------------------------------------------- */

/* The guest's TSC now, and its kHz; false: KVM does not say. */
static bool read_tsc(struct cpu_kvm *k, uint64_t *tsc, uint64_t *khz)
{
	struct kvm_msr_entry m = {.index = MSR_TSC};
	int r = kvm_get_tsc_khz(&k->vcpu, NULL);

	if (r <= 0 || kvm_get_msrs(&k->vcpu, &m, 1, NULL) != 1)
		return false;
	*tsc = m.data;
	*khz = (uint64_t)r;
	return true;
}

/* The guest's deadline is on the host's TSC, the machine's on its own clock: as far ahead of each. */
static uint64_t to_machine(struct cpu_kvm *k, uint64_t deadline)
{
	uint64_t tsc, khz, now = clock_now(k->clock), ns;

	if (!deadline || !read_tsc(k, &tsc, &khz))
		return deadline;
	if (deadline <= tsc)
		return now ? now : 1;
	ns = (uint64_t)((unsigned __int128)(deadline - tsc) * KHZ_NS / khz);
	return add_wraps(now, ns, &ns) ? UINT64_MAX - 1 : ns;
}

static uint64_t to_guest(struct cpu_kvm *k, uint64_t at)
{
	uint64_t tsc, khz, now = clock_now(k->clock), t;

	if (!at || !read_tsc(k, &tsc, &khz))
		return at;
	if (at <= now)
		return tsc;
	t = (uint64_t)((unsigned __int128)(at - now) * khz / KHZ_NS);
	return add_wraps(tsc, t, &t) ? UINT64_MAX : t;
}

void cpu_kvm_before_msr(struct cpu_kvm *k, struct cpu_exit *e)
{
	/* Filtered or not known: to the host they are the same. */
	if (e->msr.num - CPU_MSR_USER < CPU_MSR_USER_NR)
		e->msr.why = KVM_MSR_EXIT_REASON_FILTER;
	if (k->has_apic && e->msr.num == MSR_DEADLINE && e->msr.write)
		e->msr.val = to_machine(k, e->msr.val);
}

int cpu_kvm_after_msr(struct cpu_kvm *k, struct cpu_exit *e)
{
	struct kvm_sregs s;
	int r;

	if (!k->has_apic || e->msr.fault)
		return 0;
	if (e->msr.num == MSR_DEADLINE && !e->msr.write)
		e->msr.val = to_guest(k, e->msr.val);
	if (e->msr.num != MSR_APIC_BASE || !e->msr.write)
		return 0;
	/* The device has taken it: now KVM, for what RDMSR and CPUID say. */
	r = kvm_get_sregs(&k->vcpu, &s, &k->cpu.error);
	if (r)
		return r;
	s.apic_base = e->msr.val;
	return kvm_set_sregs(&k->vcpu, &s, &k->cpu.error);
}
