/* SPDX-License-Identifier: MIT */
/*
 * cpu: the kvm back end's parts: kvm.c runs, kvm_state.c has the registers, kvm_cpuid.c what the guest
 * is told of its CPU, kvm_kick.c the time, kvm_finish.c what KVM cannot emulate.
 */
#ifndef VMM_CPU_KVM_H
#define VMM_CPU_KVM_H

#include <signal.h>
#include <sys/types.h>
#include <time.h>

#include <vmm/cpu.h>
#include <vmm/kvm.h>
#include <vmm/soft.h>

/* A wall-clock limit: a timer whose signal is blocked everywhere but inside KVM_RUN. */
struct cpu_kick {
	bool have, armed;
	bool foreign; /* somebody else's signal by that number was taken: give it back */
	timer_t timer;
	pid_t tid; /* the thread that the timer kicks */
	sigset_t outside;
	bool mask_set;
	sigset_t inside; /* the mask that KVM_RUN has been told */
};

struct cpu_slot {
	uint64_t gpa, len; /* len 0: empty */
	void *host;
	enum gmem_kind kind;
};

struct cpu_kvm {
	struct cpu cpu;
	struct kvm kvm;
	struct kvm_vm vm;
	struct kvm_vcpu vcpu;
	bool line;    /* INTR is up */
	bool pending; /* the last exit's instruction is not complete yet */
	bool stop;    /* the host asked for it */
	bool halted;  /* the last exit was HLT */
	bool rearm;   /* single steps must be asked for anew */
	struct kvm_guest_debug debug;
	bool track_dirty, has_xsave, has_apic;
	uint8_t cr8; /* what the host knows of it */
	struct clock *clock;
	uint64_t exits;
	struct cpu_kick kick;
	/* memory slots by region id */
	bool mapped;
	unsigned generation;
	struct cpu_slot slots[GMEM_REGIONS];
	uint64_t *log;
	size_t log_words;
	/* the last state that KVM took: it will not refuse it another time */
	bool has_accepted;
	struct cpu_state accepted;
	/* what finishes instructions: made when it is needed */
	struct soft *soft;
	const struct x86_cpuid *cpuid;
	size_t nr_cpuid;
	uint64_t seed;
	bool debug_step;
	uint64_t debug_bp[4];
	unsigned debug_nr_bp;
};

/*
 * kvm_apic.c: the machine's local APIC beside a KVM that has none. Before an exit goes to the host, and
 * behind it; both do nothing where the CPU has no APIC.
 */
void cpu_kvm_msr_filter(struct cpu_kvm *k);
void cpu_kvm_tell_cr8(struct cpu_kvm *k); /* the guest may raise it without an exit */
void cpu_kvm_before_msr(struct cpu_kvm *k, struct cpu_exit *e);
int cpu_kvm_after_msr(struct cpu_kvm *k, struct cpu_exit *e);
/* Else what KVM does not know exits all the same. */
bool cpu_kvm_needs_filter(const struct cpu_kvm *k);

/* kvm_cpuid.c: the template less what KVM cannot keep, and the TSC as it is. Sets has_xsave. */
int cpu_kvm_set_cpuid(struct cpu_kvm *k, const struct cpu_config *cfg, struct err *err);
/* Clear in (ents) what (has), the host's, has not: how many bits, their names in (text) unless NULL. */
unsigned cpu_kvm_mask(struct kvm_cpuid_entry2 *ents, unsigned n, struct kvm_cpuid_entry2 *has,
		      unsigned nr_has, struct buf *text);

/* khz / crystal as (num) / (den), such that crystal * num fits into 32 bits; num 0: there is none. */
void cpu_kvm_ratio(uint32_t khz, uint32_t crystal, uint32_t *num, uint32_t *den);

/* Run the instruction that KVM has just failed to emulate. 0, or -errno in cpu.error. */
int cpu_kvm_finish(struct cpu_kvm *k);

int cpu_kvm_get(struct cpu *c, struct cpu_state *s, struct err *err);
int cpu_kvm_set(struct cpu *c, const struct cpu_state *s, struct err *err);

/* Start the limit for this thread. cpu_kick_end() goes with every cpu_kick_start() that was fine.
 */
int cpu_kick_start(struct cpu_kvm *k, uint64_t ms, struct err *err);
/* KVM_RUN was interrupted: was it the limit? */
bool cpu_kick_due(struct cpu_kvm *k);
void cpu_kick_end(struct cpu_kvm *k);
void cpu_kick_free(struct cpu_kvm *k);

#endif
