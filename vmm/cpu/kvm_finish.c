/* SPDX-License-Identifier: MIT */
/*
 * cpu: what KVM's emulator cannot run, soft does: the vCPU's state goes over, one instruction is
 * stepped (with the delivery of what it raises), and the state goes back. Its accesses go through
 * the same host.exit. The CPU is made when it is needed for the first time.
 *
 * The TSC is the vCPU's, so that RDTSCP is in line with the RDTSC that KVM runs by itself.
 */
#include <errno.h>

#include "cpu_kvm.h"

#define MSR_TSC 0x10u

static void finish_exit(void *ctx, struct cpu_exit *e)
{
	struct cpu_kvm *k = ctx;

	k->cpu.rip = e->rip;
	if (k->cpu.host.exit(k->cpu.host.ctx, e) != CPU_HALT)
		return;
	k->stop = true;
	soft_stop(k->soft);
}

/* INTR is KVM's to deliver, between two runs of ours. */
static int finish_ack(void *ctx)
{
	(void)ctx;
	return -1;
}

static uint64_t finish_now(void *ctx)
{
	struct cpu_kvm *k = ctx;
	struct kvm_msr_entry m = {.index = MSR_TSC};

	return kvm_get_msrs(&k->vcpu, &m, 1, NULL) == 1 ? m.data : 0;
}

static int make(struct cpu_kvm *k, struct err *err)
{
	struct soft_config cfg = {
		.mem = k->cpu.mem,
		.cpuid = k->cpuid,
		.nr_cpuid = k->nr_cpuid,
		.seed = k->seed,
		.msr_user = CPU_MSR_USER,
		.nr_msr_user = CPU_MSR_USER_NR,
		.host = {.ctx = k, .exit = finish_exit, .ack = finish_ack, .now = finish_now},
	};

	return k->soft ? 0 : soft_new(&k->soft, &cfg, err);
}

int cpu_kvm_finish(struct cpu_kvm *k)
{
	struct cpu_state s;
	struct err *err = &k->cpu.error;
	enum soft_stop why;
	int r = make(k, err);

	if (!r)
		r = cpu_kvm_get(&k->cpu, &s, err);
	if (!r)
		r = soft_set(k->soft, &s, err);
	if (r)
		return err_prefix(err, "finishing what KVM cannot emulate");
	soft_debug(k->soft, k->debug_step, k->debug_bp, k->debug_nr_bp);
	why = soft_run_reference(k->soft, 1);
	if (why == SOFT_STOP_FAULTS)
		return err_set(err, -ELOOP, "faults without end at 0x%llx: no instruction runs",
			       (unsigned long long)s.rip);
	soft_get(k->soft, &s);
	r = cpu_kvm_set(&k->cpu, &s, err);
	return r ? err_prefix(err, "going back to KVM with what it could not emulate") : 0;
}
