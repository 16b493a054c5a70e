/* SPDX-License-Identifier: MIT */
/*
 * cpu: the soft back end: the software CPU, run in slices that end where a timer falls due, so that
 * its handler runs between the same two instructions every time. One instruction is 1 ns of the
 * machine's clock, which is brought up to the count before anything outside of the CPU is asked.
 *
 * Host time can end a run and nothing else: it is looked at between slices.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include <linux/kvm.h>
#include <vmm/soft.h>

#include "cpu_priv.h"

/* Instructions between two looks at the host's time, where there is a limit of it. */
#define SLICE (1ull << 16)

struct cpu_soft {
	struct cpu cpu;
	struct soft *soft;
	struct clock *clock;
	uint64_t synced; /* the count that the clock stands at */
	bool stop;	 /* the host asked for it */
	bool looping;	 /* a timer has no end: cpu.error says so */
	bool halt_told, down_told;
	bool track_dirty;
	unsigned generation;
};

static struct cpu_soft *soft_of(struct cpu *c)
{
	return container_of(c, struct cpu_soft, cpu);
}

/* ---- time ----------------------------------------------------------------------------------- */

/* The clock to the count; timers fall due on the way only where no slice ended before: none. */
static void sync_clock(struct cpu_soft *k)
{
	uint64_t count = soft_icount(k->soft), ns = count - k->synced;

	k->synced = count;
	if (!clock_advance(k->clock, ns))
		return;
	k->looping = true;
	err_set(&k->cpu.error, -ELOOP,
		"a device timer re-arms itself for the same instant for ever, at %" PRIu64 " ns",
		clock_now(k->clock));
}

static uint64_t host_now(void *ctx)
{
	struct cpu_soft *k = ctx;

	return clock_now(k->clock) + (soft_icount(k->soft) - k->synced);
}

static uint64_t host_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- exits ---------------------------------------------------------------------------------- */

/* The number that the same exit has on kvm: a guest that is told of it sees one and the same. */
static uint32_t raw_of(const struct cpu_exit *e)
{
	switch (e->kind) {
	case CPU_EXIT_PIO:
		return KVM_EXIT_IO;
	case CPU_EXIT_MMIO:
		return KVM_EXIT_MMIO;
	case CPU_EXIT_MSR:
		return e->msr.write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	case CPU_EXIT_HLT:
		return KVM_EXIT_HLT;
	case CPU_EXIT_SHUTDOWN:
		return KVM_EXIT_SHUTDOWN;
	case CPU_EXIT_DEBUG:
		return KVM_EXIT_DEBUG;
	default:
		return e->raw;
	}
}

static void host_exit(void *ctx, struct cpu_exit *e)
{
	struct cpu_soft *k = ctx;
	uint64_t due;

	sync_clock(k);
	due = clock_next(k->clock);
	e->raw = raw_of(e);
	k->cpu.rip = e->rip;
	k->halt_told |= e->kind == CPU_EXIT_HLT;
	k->down_told |= e->kind == CPU_EXIT_SHUTDOWN;
	if (k->cpu.host.exit(k->cpu.host.ctx, e) == CPU_HALT)
		k->stop = true;
	/* A timer that is due earlier now: the slice was made for the other one. */
	if (k->stop || k->looping || clock_next(k->clock) < due)
		soft_stop(k->soft);
}

static int host_ack(void *ctx)
{
	struct cpu_soft *k = ctx;
	int vec = k->cpu.host.ack ? k->cpu.host.ack(k->cpu.host.ctx) : -1;

	if (vec >= 0)
		trace_note(k->cpu.trace, TRACE_INJECT, 0, (uint64_t)vec, 0, NULL);
	return vec;
}

/* ---- running -------------------------------------------------------------------------------- */

/* Halted, and the host says to go on all the same: as kvm does when it is entered again. */
static int wake(struct cpu_soft *k)
{
	struct cpu_state s;

	if (!k->halt_told) {
		/* It was halted before this run: the host has to be told now. */
		struct cpu_exit e = {.kind = CPU_EXIT_HLT};

		soft_get(k->soft, &s);
		e.rip = s.rip;
		host_exit(k, &e);
		if (k->stop)
			return 0;
	}
	k->halt_told = false;
	soft_get(k->soft, &s);
	s.halted = false;
	return soft_set(k->soft, &s, &k->cpu.error);
}

/* How many instructions may be run until something else has to be looked at; 0: none now. */
static uint64_t slice(const struct cpu_soft *k, uint64_t end, uint64_t wall_ms)
{
	uint64_t n = end - k->synced, due = clock_next(k->clock);

	if (due != CLOCK_NEVER && due - clock_now(k->clock) < n)
		n = due - clock_now(k->clock);
	return wall_ms && n > SLICE ? SLICE : n;
}

static enum cpu_stop run_loop(struct cpu_soft *k, uint64_t end, uint64_t wall_ms)
{
	uint64_t start = wall_ms ? host_ms() : 0;
	enum soft_stop why;

	for (;;) {
		sync_clock(k); /* fires what is due */
		if (k->looping)
			return CPU_STOP_ERROR;
		if (k->stop || k->cpu.stop)
			return CPU_STOP_HOST;
		if (k->synced >= end)
			return CPU_STOP_BUDGET;
		if (wall_ms && host_ms() - start >= wall_ms)
			return CPU_STOP_TIME;
		why = soft_run(k->soft, slice(k, end, wall_ms));
		if (why == SOFT_STOP_FAULTS)
			return CPU_STOP_FAULTS;
		if (why == SOFT_STOP_HLT && wake(k))
			return CPU_STOP_ERROR;
		if (why == SOFT_STOP_SHUTDOWN && !k->stop) {
			err_set(&k->cpu.error, -EIO, "the CPU is shut down%s",
				k->down_told ? " and the host does not end the run" : "");
			return CPU_STOP_ERROR;
		}
	}
}

static enum cpu_stop back_end_run(struct cpu *c, uint64_t budget, uint64_t wall_ms)
{
	struct cpu_soft *k = soft_of(c);
	enum cpu_stop why;
	uint64_t end;

	c->error = (struct err){0};
	k->stop = k->looping = k->halt_told = k->down_told = false;
	if (k->generation != gmem_generation(c->mem)) {
		soft_memory_changed(k->soft);
		k->generation = gmem_generation(c->mem);
	}
	k->synced = soft_icount(k->soft);
	if (!budget || add_wraps(k->synced, budget, &end))
		end = UINT64_MAX;
	why = run_loop(k, end, wall_ms);
	c->stop = false;
	sync_clock(k);
	return k->looping ? CPU_STOP_ERROR : why;
}

/* ---- the rest ------------------------------------------------------------------------------- */

static int back_end_get(struct cpu *c, struct cpu_state *s, struct err *err)
{
	(void)err;
	soft_get(soft_of(c)->soft, s);
	return 0;
}

static int back_end_set(struct cpu *c, const struct cpu_state *s, struct err *err)
{
	return soft_set(soft_of(c)->soft, s, err);
}

static int back_end_intr(struct cpu *c, bool line)
{
	soft_intr(soft_of(c)->soft, line);
	return 0;
}

static int back_end_nmi(struct cpu *c)
{
	soft_nmi(soft_of(c)->soft);
	trace_note(c->trace, TRACE_INJECT, 1, X86_NMI, 0, NULL);
	return 0;
}

static void back_end_cr8(struct cpu *c, unsigned cr8)
{
	soft_set_cr8(soft_of(c)->soft, cr8);
}

static int back_end_debug(struct cpu *c, bool step, const uint64_t *bp, unsigned nr_bp,
			  struct err *err)
{
	if (soft_debug(soft_of(c)->soft, step, bp, nr_bp))
		return err_set(err, -E2BIG, "%u breakpoints: the CPU has 4", nr_bp);
	return 0;
}

static int back_end_memory(struct cpu *c, struct err *err)
{
	struct cpu_soft *k = soft_of(c);

	(void)err;
	soft_memory_changed(k->soft);
	k->generation = gmem_generation(c->mem);
	return 0;
}

/* What soft writes, it writes through gmem: there is nothing to be brought. */
static int back_end_sync_dirty(struct cpu *c, struct err *err)
{
	if (!soft_of(c)->track_dirty)
		return err_set(err, -EINVAL, "this CPU was made without track_dirty");
	return 0;
}

static uint64_t back_end_icount(struct cpu *c)
{
	return soft_icount(soft_of(c)->soft);
}

static void back_end_free(struct cpu *c)
{
	struct cpu_soft *k = soft_of(c);

	soft_free(k->soft);
	free(k);
}

static const struct cpu_ops ops = {
	.name = "soft",
	.exact_count = true,
	.run = back_end_run,
	.get = back_end_get,
	.set = back_end_set,
	.intr = back_end_intr,
	.nmi = back_end_nmi,
	.cr8 = back_end_cr8,
	.debug = back_end_debug,
	.memory = back_end_memory,
	.sync_dirty = back_end_sync_dirty,
	.icount = back_end_icount,
	.free = back_end_free,
};

struct soft *cpu_soft(struct cpu *c)
{
	return c->ops == &ops ? soft_of(c)->soft : NULL;
}

int cpu_soft_new(struct cpu **out, const struct cpu_config *cfg, struct err *err)
{
	struct soft_config sc = {
		.mem = cfg->mem,
		.cpuid = cfg->cpuid,
		.nr_cpuid = cfg->nr_cpuid,
		.seed = cfg->seed,
		.msr_user = CPU_MSR_USER,
		.nr_msr_user = CPU_MSR_USER_NR,
		.host = {.exit = host_exit, .ack = host_ack, .now = host_now},
	};
	struct cpu_soft *k;
	int r;

	*out = NULL;
	if (!cfg->clock)
		return err_set(err, -EINVAL, "the soft CPU needs a clock");
	k = calloc(1, sizeof(*k));
	if (!k)
		return err_set(err, -ENOMEM, "cpu: no memory");
	cpu_init(&k->cpu, &ops, cfg);
	k->clock = cfg->clock;
	k->track_dirty = cfg->track_dirty;
	k->generation = gmem_generation(cfg->mem);
	sc.host.ctx = k;
	r = soft_new(&k->soft, &sc, err);
	if (r) {
		free(k);
		return r;
	}
	*out = &k->cpu;
	return 0;
}
