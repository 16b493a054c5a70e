/* SPDX-License-Identifier: MIT */
/*
 * cpu: the kvm back end: one vCPU, all of the machine in user space.
 *
 * Where an exit's rip is: PIO and MMIO reads at the instruction; MMIO writes past it; PIO writes at
 * it or past it, as the host's KVM likes. After run() has come back it is always the next
 * instruction's, since a pending access is completed by a KVM_RUN with immediate_exit.
 */
#include <errno.h>
#include <stdlib.h>

#include "cpu_kvm.h"
#include "cpu_priv.h"

/* Newer than the oldest headers that we build with. */
#ifndef KVM_CAP_DISABLE_QUIRKS2
#define KVM_CAP_DISABLE_QUIRKS2 213
#endif
#ifndef KVM_CAP_EXIT_ON_EMULATION_FAILURE
#define KVM_CAP_EXIT_ON_EMULATION_FAILURE 204
#endif
#ifndef KVM_X86_QUIRK_FIX_HYPERCALL_INSN
#define KVM_X86_QUIRK_FIX_HYPERCALL_INSN (1u << 5)
#endif

/* Three pages below the firmware's, as other VMMs have it: VMX without unrestricted guest. */
#define TSS_ADDR 0xfffbd000u

/*
 * Exits that completing one instruction may raise: an access at a page's edge has 2, a locked
 * 16-byte one 4; KVM's emulator takes up to 1024 rounds of a REP in one go, of 2 accesses with 2
 * pieces each.
 */
#define COMPLETE_MAX 8192

#define EAGAIN_MAX 1000 /* KVM_RUN in a row: the vCPU waits for something that nobody sends */

/* The result of a hypercall that nobody knows, KVM_ENOSYS in Linux's kvm_para.h. */
#define HYPERCALL_ENOSYS (-1000ll)

/* ---- exits ---------------------------------------------------------------------------------- */

static enum cpu_answer ask(struct cpu_kvm *k, struct cpu_exit *e)
{
	enum cpu_answer answer = k->cpu.host.exit(k->cpu.host.ctx, e);

	if (answer == CPU_HALT)
		k->stop = true;
	return answer;
}

/* Where the rip has not come with the exit: worth an ioctl only for what is rare. */
static void find_rip(struct cpu_kvm *k, struct cpu_exit *e)
{
	struct kvm_regs regs;

	if (!e->rip && !kvm_get_regs(&k->vcpu, &regs, NULL))
		e->rip = regs.rip;
}

/*
 * After a triple fault KVM on AMD clears the VMCB and gives the vCPU an INIT (shutdown_interception
 * in Linux's svm.c), and where paging was off it leaves the nested page table's root empty: the next
 * run would fault for ever. A CR0 that changes makes KVM load the root, so change it and change it
 * back. Elsewhere it does no harm.
 */
static void reload_root(struct cpu_kvm *k)
{
	struct kvm_sregs s;

	if (kvm_get_sregs(&k->vcpu, &s, NULL))
		return;
	s.cr0 ^= X86_CR0_NE;
	if (kvm_set_sregs(&k->vcpu, &s, NULL))
		return;
	s.cr0 ^= X86_CR0_NE;
	kvm_set_sregs(&k->vcpu, &s, NULL);
}

/* KVM_RUN came back with an exit: tell the host, and KVM what the host said. 0 or -errno. */
static int handle_exit(struct cpu_kvm *k)
{
	struct kvm_run *run = k->vcpu.run;
	enum cpu_answer answer;
	struct cpu_exit e;

	cpu_kvm_decode(run, (size_t)k->kvm.mmap_size, &e);
	k->pending = false;
	switch (e.kind) {
	case CPU_EXIT_IRQ_WINDOW:
		trace_note(k->cpu.trace, TRACE_IRQ_WINDOW, 0, 0, 0, NULL);
		return 0;
	case CPU_EXIT_PIO:
	case CPU_EXIT_MMIO:
	case CPU_EXIT_MSR:
	case CPU_EXIT_HYPERCALL:
		k->pending = true;
		break;
	case CPU_EXIT_HLT:
		k->halted = true;
		break;
	case CPU_EXIT_DEBUG:
		k->rearm = true;
		find_rip(k, &e);
		break;
	case CPU_EXIT_SHUTDOWN:
		find_rip(k, &e);
		reload_root(k);
		break;
	default:
		find_rip(k, &e);
		break;
	}
	k->cpu.rip = e.rip;
	k->exits++;
	if (e.kind == CPU_EXIT_SET_TPR)
		k->cr8 = e.tpr.cr8;
	cpu_kvm_tell_cr8(k);
	if (e.kind == CPU_EXIT_MSR)
		cpu_kvm_before_msr(k, &e);
	answer = ask(k, &e);
	switch (e.kind) {
	case CPU_EXIT_MMIO:
		if (!e.mmio.write)
			memcpy(run->mmio.data, e.mmio.data, sizeof(run->mmio.data));
		break;
	case CPU_EXIT_MSR:
		run->msr.error = e.msr.fault;
		if (cpu_kvm_after_msr(k, &e))
			return -EIO;
		if (!e.msr.write)
			run->msr.data = e.msr.val;
		break;
	case CPU_EXIT_HYPERCALL:
		run->hypercall.ret = (uint64_t)HYPERCALL_ENOSYS;
		break;
	case CPU_EXIT_EMULATION:
		return answer == CPU_FINISH ? cpu_kvm_finish(k) : 0;
	default:
		break;
	}
	return 0;
}

/* KVM_RUN once. 0: there is an exit to handle. -EINTR; another -errno is in cpu.error. */
static int enter(struct cpu_kvm *k)
{
	struct kvm_run *run = k->vcpu.run;
	int r = 0;

	/* KVM loses TF where it has emulated the instruction that was stepped over. */
	if (k->rearm && (k->debug.control & KVM_GUESTDBG_SINGLESTEP)) {
		r = kvm_set_guest_debug(&k->vcpu, &k->debug, &k->cpu.error);
		if (r)
			return r;
	}
	k->rearm = false;
	k->halted = false;
	run->exit_reason = KVM_EXIT_UNKNOWN; /* an old one must not be taken for a new one */
	for (unsigned i = 0; i < EAGAIN_MAX; i++) {
		r = kvm_run(&k->vcpu, &k->cpu.error);
		if (r != -EAGAIN)
			break;
	}
	if (!r)
		return 0;
	if (r == -EINTR) {
		k->pending = false;
		return r;
	}
	/* This reason comes with -EFAULT or -EHWPOISON (api.rst, KVM_EXIT_MEMORY_FAULT). */
	if ((r == -EFAULT || r == -EHWPOISON) && run->exit_reason == KVM_EXIT_MEMORY_FAULT)
		return 0;
	if (r == -EAGAIN)
		err_set(&k->cpu.error, r,
			"KVM_RUN: EAGAIN %d times: the vCPU waits for a start-up IPI", EAGAIN_MAX);
	return r;
}

/* Bring a pending access to its end, without running anything further. 0 or -errno. */
static int complete(struct cpu_kvm *k)
{
	struct kvm_run *run = k->vcpu.run;

	for (unsigned i = 0; k->pending; i++) {
		int r;

		if (i == COMPLETE_MAX)
			return err_set(&k->cpu.error, -ELOOP,
				       "one instruction has caused %d exits and has no end",
				       COMPLETE_MAX);
		run->immediate_exit = 1;
		r = enter(k);
		run->immediate_exit = 0;
		if (r == -EINTR)
			return 0;
		if (!r)
			r = handle_exit(k);
		if (r)
			return r;
	}
	return 0;
}

/* ---- interrupts ----------------------------------------------------------------------------- */

static bool can_inject(const struct kvm_run *run)
{
	/* KVM_INTERRUPT itself does not look at IF. */
	return run->ready_for_interrupt_injection && run->if_flag;
}

/*
 * INTR is up. Deliver now, where the guest can take it, at an instruction's boundary: a window
 * asked for is not always exact. Else ask for a window.
 */
static int inject(struct cpu_kvm *k)
{
	struct kvm_run *run = k->vcpu.run;
	int vec, r;

	run->request_interrupt_window = 0;
	if (can_inject(run)) {
		r = complete(k);
		if (r || k->stop)
			return r;
	}
	if (!k->line)
		return 0;
	if (!can_inject(run)) {
		run->request_interrupt_window = 1;
		return 0;
	}
	cpu_kvm_tell_cr8(k);
	if (!k->line || k->stop)
		return 0;
	vec = k->cpu.host.ack ? k->cpu.host.ack(k->cpu.host.ctx) : -1;
	if (vec < 0) {
		k->line = false; /* until intr() says it anew */
		return 0;
	}
	r = kvm_interrupt(&k->vcpu, (uint32_t)vec, &k->cpu.error);
	if (r)
		return r;
	run->ready_for_interrupt_injection = 0;
	run->request_interrupt_window = k->line;
	trace_note(k->cpu.trace, TRACE_INJECT, 0, (uint64_t)vec, 0, NULL);
	return 0;
}

static int back_end_intr(struct cpu *c, bool line)
{
	struct cpu_kvm *k = container_of(c, struct cpu_kvm, cpu);

	k->line = line;
	if (!line)
		k->vcpu.run->request_interrupt_window = 0;
	return 0;
}

/* KVM_RUN takes it from there. */
static void back_end_cr8(struct cpu *c, unsigned cr8)
{
	struct cpu_kvm *k = container_of(c, struct cpu_kvm, cpu);

	k->cr8 = cr8 & 15;
	k->vcpu.run->cr8 = k->cr8;
}

static int back_end_nmi(struct cpu *c)
{
	struct cpu_kvm *k = container_of(c, struct cpu_kvm, cpu);
	int r = kvm_nmi(&k->vcpu, &c->error);

	if (!r)
		trace_note(c->trace, TRACE_INJECT, 1, X86_NMI, 0, NULL);
	return r;
}

/* ---- running -------------------------------------------------------------------------------- */

static void handle_signal(struct cpu_kvm *k)
{
	struct cpu_exit e = {.kind = CPU_EXIT_INTR, .raw = KVM_EXIT_INTR};

	ask(k, &e); /* not counted: signals come at any time */
}

static enum cpu_stop run_loop(struct cpu_kvm *k, uint64_t end)
{
	for (;;) {
		int r;

		if (k->stop)
			return CPU_STOP_HOST;
		if (k->exits >= end)
			return CPU_STOP_BUDGET;
		if (k->line) {
			if (inject(k))
				return CPU_STOP_ERROR;
			if (k->stop || k->exits >= end)
				continue;
		}
		r = enter(k);
		if (!r) {
			if (handle_exit(k))
				return CPU_STOP_ERROR;
			continue;
		}
		if (r != -EINTR)
			return CPU_STOP_ERROR;
		if (cpu_kick_due(k))
			return CPU_STOP_TIME;
		handle_signal(k);
	}
}

static int back_end_memory(struct cpu *c, struct err *err);

static enum cpu_stop back_end_run(struct cpu *c, uint64_t budget, uint64_t wall_ms)
{
	struct cpu_kvm *k = container_of(c, struct cpu_kvm, cpu);
	enum cpu_stop why;
	uint64_t end;

	c->error = (struct err){0};
	k->stop = false;
	if (!budget || add_wraps(k->exits, budget, &end))
		end = UINT64_MAX;
	if ((!k->mapped || k->generation != gmem_generation(c->mem)) &&
	    back_end_memory(c, &c->error))
		return CPU_STOP_ERROR;
	if (wall_ms && cpu_kick_start(k, wall_ms, &c->error))
		return CPU_STOP_ERROR;
	why = run_loop(k, end);
	if (why != CPU_STOP_ERROR && complete(k))
		why = CPU_STOP_ERROR;
	cpu_kick_end(k);
	return why;
}

static uint64_t back_end_icount(struct cpu *c)
{
	return container_of(c, struct cpu_kvm, cpu)->exits;
}

static int back_end_debug(struct cpu *c, bool step, const uint64_t *bp, unsigned nr_bp,
			  struct err *err)
{
	struct cpu_kvm *k = container_of(c, struct cpu_kvm, cpu);
	struct kvm_guest_debug d = {0};

	if (nr_bp > 4)
		return err_set(err, -E2BIG, "%u breakpoints: the CPU has 4", nr_bp);
	if (step)
		d.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
	if (nr_bp) {
		d.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
		d.arch.debugreg[7] = 1u << 10; /* always set; R/W and LEN 0: execution, 17.2.4 */
	}
	for (unsigned i = 0; i < nr_bp; i++) {
		d.arch.debugreg[i] = bp[i];
		d.arch.debugreg[7] |= 2ull << (2 * i); /* G0 to G3 */
	}
	k->debug_step = step;
	k->debug_nr_bp = nr_bp;
	if (nr_bp)
		memcpy(k->debug_bp, bp, nr_bp * sizeof(*bp));
	k->debug = d;
	return kvm_set_guest_debug(&k->vcpu, &d, err);
}

/* ---- memory --------------------------------------------------------------------------------- */

static uint32_t slot_flags(const struct cpu_kvm *k, enum gmem_kind kind)
{
	if (kind == GMEM_ROM)
		return KVM_MEM_READONLY;
	return k->track_dirty ? KVM_MEM_LOG_DIRTY_PAGES : 0;
}

static bool slot_is(const struct cpu_slot *s, const struct gmem_region *r)
{
	return s->len == r->len && s->gpa == r->gpa && s->host == r->host && s->kind == r->kind;
}

static int back_end_memory(struct cpu *c, struct err *err)
{
	struct cpu_kvm *k = container_of(c, struct cpu_kvm, cpu);
	bool keep[GMEM_REGIONS] = {false};
	struct gmem_region r;
	int ret;

	for (unsigned i = 0; gmem_region(c->mem, i, &r); i++)
		keep[r.id] = slot_is(&k->slots[r.id], &r);
	/* What has gone first, for what has come may lie where it was. */
	for (unsigned id = 0; id < GMEM_REGIONS; id++) {
		struct cpu_slot *s = &k->slots[id];

		if (!s->len || keep[id])
			continue;
		ret = kvm_set_memory(&k->vm, id, 0, s->gpa, 0, NULL, err);
		if (ret)
			return ret;
		s->len = 0;
	}
	for (unsigned i = 0; gmem_region(c->mem, i, &r); i++) {
		if (keep[r.id])
			continue;
		ret = kvm_set_memory(&k->vm, r.id, slot_flags(k, r.kind), r.gpa, r.len, r.host,
				     err);
		if (ret)
			return ret;
		k->slots[r.id] = (struct cpu_slot){r.gpa, r.len, r.host, r.kind};
	}
	k->generation = gmem_generation(c->mem);
	k->mapped = true;
	return 0;
}

static int back_end_sync_dirty(struct cpu *c, struct err *err)
{
	struct cpu_kvm *k = container_of(c, struct cpu_kvm, cpu);

	if (!k->track_dirty)
		return err_set(err, -EINVAL, "this CPU was made without track_dirty");
	for (unsigned id = 0; id < GMEM_REGIONS; id++) {
		const struct cpu_slot *s = &k->slots[id];
		size_t words = (size_t)((s->len / GMEM_PAGE + 63) / 64);
		int r;

		if (!s->len || s->kind != GMEM_RAM)
			continue;
		if (words > k->log_words) {
			uint64_t *log = realloc(k->log, words * sizeof(*log));

			if (!log)
				return err_set(err, -ENOMEM, "dirty log: no memory");
			k->log = log;
			k->log_words = words;
		}
		r = kvm_get_dirty_log(&k->vm, id, k->log, err);
		if (r)
			return r;
		gmem_merge_log(c->mem, id, k->log, words);
	}
	return 0;
}

/* ---- making it ------------------------------------------------------------------------------ */

static void back_end_free(struct cpu *c)
{
	struct cpu_kvm *k = container_of(c, struct cpu_kvm, cpu);

	cpu_kick_free(k);
	kvm_vcpu_close(&k->vcpu);
	kvm_vm_close(&k->vm);
	kvm_close(&k->kvm);
	soft_free(k->soft);
	free(k->log);
	free(k);
}

static const struct cpu_ops ops = {
	.name = "kvm",
	.exact_count = false,
	.run = back_end_run,
	.get = cpu_kvm_get,
	.set = cpu_kvm_set,
	.intr = back_end_intr,
	.nmi = back_end_nmi,
	.cr8 = back_end_cr8,
	.debug = back_end_debug,
	.memory = back_end_memory,
	.sync_dirty = back_end_sync_dirty,
	.icount = back_end_icount,
	.free = back_end_free,
};

/*
 * What is asked for where there is it: to ask first would cost as much, and a host without one of
 * these runs most guests all the same (`vise doctor` tells).
 */
static void enable_caps(struct cpu_kvm *k)
{
	/* A filter makes KVM wait for a grace period, on a busy host for milliseconds. */
	if (!kvm_vm_enable_cap(&k->vm, KVM_CAP_X86_USER_SPACE_MSR,
			       KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN |
				       KVM_MSR_EXIT_REASON_FILTER,
			       NULL) &&
	    cpu_kvm_needs_filter(k))
		cpu_kvm_msr_filter(k);
	/* Without it, an instruction that cannot be emulated at CPL 3 is #UD to the guest. */
	kvm_vm_enable_cap(&k->vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1, NULL);
	/* VMCALL and VMMCALL of the other vendor are #UD and not patched in guest memory. */
	kvm_vm_enable_cap(&k->vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_FIX_HYPERCALL_INSN, NULL);
	kvm_set_tss_addr(&k->vm, TSS_ADDR, NULL);
}

#define CPUID_1_EDX_APIC (1u << 9)

static bool has_apic(const struct cpu_config *cfg)
{
	struct x86_cpuid c;

	x86_cpuid_lookup(cfg->cpuid, cfg->nr_cpuid, 1, 0, &c);
	return cfg->clock && (c.edx & CPUID_1_EDX_APIC);
}

int cpu_kvm_new(struct cpu **out, const struct cpu_config *cfg, struct err *err)
{
	struct cpu_kvm *k = calloc(1, sizeof(*k));
	int r;

	*out = NULL;
	if (!k)
		return err_set(err, -ENOMEM, "cpu: no memory");
	cpu_init(&k->cpu, &ops, cfg);
	k->track_dirty = cfg->track_dirty;
	k->cpuid = cfg->cpuid;
	k->nr_cpuid = cfg->nr_cpuid;
	k->has_apic = has_apic(cfg);
	k->clock = cfg->clock;
	k->seed = cfg->seed;
	r = kvm_open(&k->kvm, NULL, err);
	if (!r)
		r = kvm_vm_create(&k->kvm, &k->vm, err);
	if (!r) {
		enable_caps(k);
		r = kvm_vcpu_create(&k->vm, 0, &k->vcpu, err);
	}
	if (!r)
		r = cpu_kvm_set_cpuid(k, cfg, err);
	if (!r)
		r = back_end_memory(&k->cpu, err);
	if (r) {
		back_end_free(&k->cpu);
		return r;
	}
	if (cfg->want_rip) {
		int can = kvm_check(&k->kvm, KVM_CAP_SYNC_REGS);

		if (can > 0 && (can & (int)KVM_SYNC_X86_REGS))
			k->vcpu.run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	}
	*out = &k->cpu;
	return 0;
}
