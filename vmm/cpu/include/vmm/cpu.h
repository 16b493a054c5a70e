/* SPDX-License-Identifier: MIT */
/*
 * cpu: one CPU and the back ends that run it: soft, kvm and script.
 *
 * Guarantees: every exit is reported through cpu_host.exit, in order, as struct cpu_exit; every
 * stop is at an instruction boundary, with pending I/O completed, so that get(), set(), snapshots
 * and reset are right at any stop. Runs repeat for guests that read no time.
 * The caller promises: one thread; (host) and (mem) outlive the cpu; registers are read and written
 * between runs, or inside host.exit only where a back end says so (none does today).
 * Who frees: cpu_free().
 *
 * Decoding what KVM reports and parsing scripts judge bytes from outside:
 * [hostile: fuzz/targets/exits.c]
 */
#ifndef VMM_CPU_H
#define VMM_CPU_H

#include <vmm/base.h>
#include <vmm/clock.h>
#include <vmm/gmem.h>
#include <vmm/trace.h>
#include <vmm/x86.h>

/* Why run() came back. */
enum cpu_stop {
	CPU_STOP_HOST,	 /* host.exit asked for it */
	CPU_STOP_BUDGET, /* the budget is used up: instructions (soft), exits (kvm, script) */
	CPU_STOP_TIME,	 /* the wall-clock limit passed (kvm) */
	CPU_STOP_END,	 /* the script is at its end */
	CPU_STOP_ERROR,	 /* the back end failed: cpu.error says how */
	CPU_STOP_FAULTS, /* faults without end and not one instruction between them (soft) */
};

/* What host.exit answers. */
enum cpu_answer {
	CPU_GO,	    /* handled: go on */
	CPU_HALT,   /* stop at this instruction's boundary */
	CPU_FINISH, /* of CPU_EXIT_EMULATION on kvm: run that instruction on soft and go on */
};

/* What a CPU back end calls out to; one implementation, in vm. */
struct cpu_host {
	void *ctx;
	/* Handle the exit: fill in read data (pio.data, mmio.data, msr.val or msr.fault). */
	enum cpu_answer (*exit)(void *ctx, struct cpu_exit *e);
	/* The vector at the moment of delivery, -1: spurious, nothing is delivered. */
	int (*ack)(void *ctx);
};

struct cpu;
struct cpu_ops {
	const char *name;
	bool exact_count; /* icount() counts instructions */
	/* Run for at most (budget) units and (wall_ms) of host time; 0: no limit. */
	enum cpu_stop (*run)(struct cpu *c, uint64_t budget, uint64_t wall_ms);
	int (*get)(struct cpu *c, struct cpu_state *s, struct err *err);
	/* -EINVAL: refused, the state is unchanged. */
	int (*set)(struct cpu *c, const struct cpu_state *s, struct err *err);
	/* The level of INTR: the vector comes from host.ack when the guest takes it. */
	int (*intr)(struct cpu *c, bool line);
	int (*nmi)(struct cpu *c);
	/* The local APIC's task priority was written, in an exit: CR8 follows it. May be NULL. */
	void (*cr8)(struct cpu *c, unsigned cr8);
	/* Report every instruction as CPU_EXIT_DEBUG (steps), and execution at up to 4 addresses.
	 */
	int (*debug)(struct cpu *c, bool step, const uint64_t *bp, unsigned nr_bp, struct err *err);
	/* Regions changed (gmem_generation): map them anew. */
	int (*memory)(struct cpu *c, struct err *err);
	/* Bring what the guest wrote into gmem's dirty bitmap. */
	int (*sync_dirty)(struct cpu *c, struct err *err);
	/* Instructions retired, or exits taken where exact_count is false. */
	uint64_t (*icount)(struct cpu *c);
	void (*free)(struct cpu *c);
};

struct cpu {
	const struct cpu_ops *ops;
	struct cpu_host host;
	struct gmem *mem;
	struct trace *trace;
	struct err error; /* of the last CPU_STOP_ERROR */
	/* The guest's rip as last seen by an exit; for traces. */
	uint64_t rip;
	/* soft: set by a timer's handler: the run stops there, with CPU_STOP_HOST, and clears it. */
	bool stop;
};

/* What every back end is made from. (trace) may be NULL. */
struct cpu_config {
	struct gmem *mem;
	struct trace *trace;
	struct cpu_host host;
	const struct x86_cpuid *cpuid; /* the template */
	size_t nr_cpuid;
	struct clock *clock; /* the machine's; soft alone moves it */
	uint64_t seed;	     /* of what the CPU itself draws: RDRAND on soft */
	bool track_dirty;    /* keep a dirty log: snapshots need it; off costs less */
	/* cpu.rip and cpu_exit.rip at every exit, for traces; without it only at the rare ones. */
	bool want_rip;
	/* kvm: all of the template, also what KVM says that it has not (cpu_kvm_lacks()). */
	bool all_of_cpuid;
	/* kvm: where the TSC cannot have the frequency that the template names, CPUID names the host's. */
	bool host_time;
};

/*
 * soft: the software CPU (vmm/soft.h). Instructions are counted exactly and each is 1 ns of (clock):
 * the clock stands at the count whenever host.exit or a timer's handler is called. Timers fire at
 * their instruction. host.exit is called from inside the instruction; a wall-clock limit ends a run
 * late by at most 65,536 instructions. A CPU that is halted goes on when host.exit says so, as on kvm.
 */
int cpu_soft_new(struct cpu **out, const struct cpu_config *cfg, struct err *err);
/* What runs behind it, for what soft alone can do (vmm/soft.h); NULL: (c) is another back end's. */
struct soft;
struct soft *cpu_soft(struct cpu *c);

/*
 * kvm: no in-kernel irqchip. MSRs that KVM does not know, and those that (cfg) wants in user space
 * (CPU_MSR_USER to CPU_MSR_USER + CPU_MSR_USER_NR - 1), exit as CPU_EXIT_MSR.
 * An instruction that KVM cannot emulate is run by soft where the host answers CPU_FINISH: its state
 * is carried over and back, its accesses are exits like others. cfg.cpuid is kept until the end.
 * -ENOENT, -EACCES: no usable /dev/kvm, the message says what to do.
 */
#define CPU_MSR_USER	0x4b564d80u /* inside KVM's paravirtual range, used by no one */
#define CPU_MSR_USER_NR 16u
int cpu_kvm_new(struct cpu **out, const struct cpu_config *cfg, struct err *err);
/*
 * What a guest of this host's KVM is not told of (template), since KVM cannot keep it: how many features,
 * their names in (text), a space between two. -errno: there is no usable KVM.
 */
int cpu_kvm_lacks(const struct x86_cpuid *template, size_t nr, struct buf *text, struct err *err);

/*
 * script: nobody runs; the exits come from (text, len): one canonical line each
 * (`pio r 0x60 1 0x12`: the value of a read is what the host is expected to answer; `*` for any),
 * `#` comments, and these for faults: `shutdown`, `fail-entry REASON`, `internal SUBERROR [BYTES]`,
 * `unknown REASON`, `intr`, `irq-window`, `expect-int VECTOR` (INTR must be up and ack gives it).
 * A line that does not parse is -EINVAL with its number. A read that is answered otherwise than
 * the script says ends the run with CPU_STOP_ERROR and both values.
 * The binary form (cpu_script_new_raw) decodes from any bytes: 16 bytes an exit, see script.c.
 */
int cpu_script_new(struct cpu **out, const struct cpu_config *cfg, const char *text, size_t len,
		   struct err *err);
int cpu_script_new_raw(struct cpu **out, const struct cpu_config *cfg, const void *bytes,
		       size_t len, struct err *err);

static inline void cpu_free(struct cpu *c)
{
	if (c)
		c->ops->free(c);
}

/*
 * The KVM exit decoder, a pure function over the (size) bytes of a struct kvm_run mapping: fills in
 * kind, raw, rip, text and the member of that kind for any contents whatever. Data pointers of PIO
 * point into the mapping and never outside it: a data_offset or count that does would give
 * CPU_EXIT_BAD.
 */
struct kvm_run;
void cpu_kvm_decode(struct kvm_run *run, size_t size, struct cpu_exit *e);

/*
 * cpu_exit_format() with the instruction that could not be run disassembled, as code of (bits) 16,
 * 32 or 64: "emulation failure at 0x1003: fld1 (d9 e8)". Returns what snprintf would.
 */
int cpu_exit_describe(const struct cpu_exit *e, unsigned bits, char *out, size_t len);

#endif
