/* SPDX-License-Identifier: MIT */
/*
 * soft: the software x86-64 CPU: one system CPU in C, bit-exact on every host, that counts
 * instructions exactly. [hostile: fuzz/targets/soft_insn.c]
 *
 * Guarantees
 * - The same start state, memory, inputs and interrupt times give the same registers, memory and
 *   exits, whatever the host's CPU, FPU mode, compiler or optimisation level.
 * - soft_icount() counts retired instructions. REP: one per iteration (an iteration count of zero
 *   is one). An instruction that ends in a fault is not counted; delivering an interrupt or an
 *   exception is not an instruction.
 * - soft_run() stops after exactly the number asked for, at an instruction boundary.
 * - Interrupts are taken at the boundary where INTR is up and the guest can take them, never later.
 * - The TSC is the virtual clock in ns: 1 GHz.
 * - Any guest state and code is defined behaviour or a clear stop: no crash, no hang beyond the
 *   budget, no unbounded allocation.
 * The caller promises: one thread a CPU; mem, clock and host outlive it; no call into it from
 * host.exit but those said there.
 * Who frees: soft_free().
 *
 * Code is fetched from RAM and ROM alone: what lies elsewhere reads as ones, which is #UD.
 *
 * What is undefined or differs between vendors is computed by our own rules, written at the
 * operation: undefined flags keep their old value unless the table in soft_flags.h says otherwise.
 */
#ifndef VMM_SOFT_H
#define VMM_SOFT_H

#include <vmm/base.h>
#include <vmm/clock.h>
#include <vmm/gmem.h>
#include <vmm/x86.h>

struct soft;

enum soft_stop {
	SOFT_STOP_BUDGET, /* as many instructions as asked for */
	SOFT_STOP_HOST,	  /* soft_stop() was called */
	SOFT_STOP_HLT, /* halted: nothing runs until INTR, NMI or a reset; reported once by exit too */
	SOFT_STOP_SHUTDOWN, /* triple fault; reported by exit too */
	SOFT_STOP_FAULTS, /* 4096 faults or interrupts in a row and nothing retired between: a loop */
};

struct soft_host {
	void *ctx;
	/*
	 * An access leaves RAM (PIO, MMIO, MSRs of the machine's range and those that the CPU
	 * refuses), HLT, SHUTDOWN or DEBUG: handle it and
	 * fill in read data, as cpu_host.exit does. Called inside the instruction: icount is that of
	 * the instructions before it. It may call soft_stop(), soft_intr(), soft_nmi(), soft_icount().
	 */
	void (*exit)(void *ctx, struct cpu_exit *e);
	/* The vector at the moment of delivery; -1: spurious. */
	int (*ack)(void *ctx);
	/* Virtual time now in ns, for the TSC: exact at an instruction. */
	uint64_t (*now)(void *ctx);
};

struct soft_config {
	struct gmem *mem;
	const struct x86_cpuid *cpuid; /* the template: what it does not offer is #UD */
	size_t nr_cpuid;
	uint64_t seed;			/* of RDRAND and RDSEED */
	uint32_t msr_user, nr_msr_user; /* MSR numbers that go to host.exit */
	struct soft_host host;
};

int soft_new(struct soft **out, const struct soft_config *cfg, struct err *err);
void soft_free(struct soft *s);

/* Run at most (insns) instructions, at least 1. */
enum soft_stop soft_run(struct soft *s, uint64_t insns);
/* The same, one instruction at a time by the reference path: no traces, no TLB, no lazy flags. */
enum soft_stop soft_run_reference(struct soft *s, uint64_t insns);

/* End soft_run() at the next instruction boundary: from host.exit or a signal-free other place. */
void soft_stop(struct soft *s);

uint64_t soft_icount(const struct soft *s);
void soft_get(struct soft *s, struct cpu_state *st);
/* -EINVAL with the rule that is broken (x86_state_check); the state is then unchanged. */
int soft_set(struct soft *s, const struct cpu_state *st, struct err *err);
void soft_intr(struct soft *s, bool line);
void soft_nmi(struct soft *s);
/* CR8 as the local APIC's task priority has it now: from host.exit or between runs. */
void soft_set_cr8(struct soft *s, unsigned cr8);
/* INIT: as at reset, but for what INIT keeps (SDM 3A table 9-1). */
void soft_init(struct soft *s);

/* Report every instruction (step), and execution at up to 4 addresses, as CPU_EXIT_DEBUG. */
int soft_debug(struct soft *s, bool step, const uint64_t *bp, unsigned nr_bp);

/* gmem's regions changed: drop what was cached about them. */
void soft_memory_changed(struct soft *s);

/*
 * Data watchpoints of the host, up to 4: an instruction that has touched one is reported as
 * CPU_EXIT_DEBUG when it is complete. Its dr6 has bit n for watchpoint n, its dr7 is what DR7 would
 * have for those that were hit (SDM 3B 17.2.4), by which they are told from breakpoints. What the
 * instruction reads of descriptor tables counts too; page tables and the delivery of exceptions do not.
 */
struct soft_watchpoint {
	uint64_t la;  /* linear */
	unsigned len; /* 1, 2, 4 or 8; la is a multiple of it */
	bool write;   /* writes alone; else reads and writes */
};
/* -E2BIG, -EINVAL. NULL, 0: off. */
int soft_watchpoints(struct soft *s, const struct soft_watchpoint *w, unsigned nr);

/*
 * Guest edge coverage: how often each branch went where. A conditional branch has two edges, taken or
 * not. JMP, CALL, RET, Jcc, JCXZ, LOOP, SYSCALL, SYSRET, SYSENTER and SYSEXIT have edges; interrupts,
 * exceptions, INT n and IRET have none. A branch that faults has not gone anywhere. Addresses are
 * linear: of the branch, and of what runs next.
 *
 * The counts are exact and the same however the run is sliced, and by soft_run_reference() too,
 * while the table has room: what found none within SOFT_EDGE_PROBES places is in (lost).
 */
struct soft_edge {
	uint64_t from, to;
	uint64_t count; /* 0: it may be, but has not been */
	uint64_t used;	/* 0: this place is free */
};
#define SOFT_EDGE_PROBES 32
struct soft_edges {
	struct soft_edge
		*table;	  /* the caller's; zeros at the start. Counts may be cleared between runs */
	size_t nr;	  /* a power of two */
	uint64_t lo, len; /* the branches that are counted: from lo on, len bytes */
	uint64_t lost;
};
/*
 * Count into (e) from now on, which must live until it is taken away (NULL) or the CPU freed.
 * -EINVAL: nr is no power of two. What runs without is not slower for it.
 */
int soft_count_edges(struct soft *s, struct soft_edges *e);

/* How handlers follow each other in this build: "musttail", "sibling calls" or "a loop". */
const char *soft_dispatch(void);

#endif
