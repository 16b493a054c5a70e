/* SPDX-License-Identifier: MIT */
/*
 * vm: the exit handler and the run loop. The handler runs inside the CPU's exit, so it is short and
 * touches no register; what needs the CPU (host operations, HLT, faults) is noted in vm->pending
 * and seen to at the instruction's boundary, when the CPU has stopped.
 *
 * On soft, virtual time is the instruction count and the CPU's back end moves it. Elsewhere it goes
 * together with the canonical stream: each line adds VM_EXIT_NS, so that time does not depend on how
 * a back end batches string I/O or how often it is interrupted.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmm/testdev.h>

#include "vm_leak.h"
#include "vm_priv.h"

/* Timers that may fire during one HLT without an interrupt coming of it. */
#define HLT_TIMERS 100000u

/* ---- what devices and the CPU call --------------------------------------------------------------
 */

void vm_guest_exit(void *ctx, uint8_t code)
{
	struct vm *vm = ctx;

	if (vm->pending & VM_P_EXIT)
		return; /* the first byte counts, also of a string */
	vm->r.guest = code;
	vm->pending |= VM_P_EXIT;
}

void vm_guest_assert(void *ctx, uint32_t line, uint64_t got, uint64_t want)
{
	struct vm *vm = ctx;

	if (vm->r.assert_line || !line)
		return;
	vm->r.assert_line = line;
	vm->r.assert_got = got;
	vm->r.assert_want = want;
}

void vm_want_hostop(void *ctx, uint32_t op, const uint64_t arg[4])
{
	struct vm *vm = ctx;

	/* One instruction can ask several times (a string): the last one is done. */
	vm->op = op;
	memcpy(vm->op_arg, arg, sizeof(vm->op_arg));
	vm->pending |= VM_P_OP;
}

void vm_intr(void *ctx, int level)
{
	struct vm *vm = ctx;

	vm->r.intr = level;
	if (vm->cpu)
		(void)vm->cpu->ops->intr(vm->cpu, level);
}

void vm_refuse(void *ctx)
{
	struct vm *vm = ctx;

	vm->msr_refused = true;
}

void vm_power(void *ctx, enum dev_power what)
{
	struct vm *vm = ctx;

	/* The first counts, as with the exit. */
	if (!(vm->pending & (VM_P_EXIT | VM_P_RESET | VM_P_OFF)))
		vm->pending |= what == DEV_POWER_OFF ? VM_P_OFF : VM_P_RESET;
}

void vm_cr8(void *ctx, unsigned cr8)
{
	struct vm *vm = ctx;

	if (vm->cpu && vm->cpu->ops->cr8)
		vm->cpu->ops->cr8(vm->cpu, cr8);
}

void vm_send_nmi(void *ctx)
{
	struct vm *vm = ctx;

	if (vm->cpu)
		(void)vm->cpu->ops->nmi(vm->cpu);
}

int vm_ack(void *ctx)
{
	struct vm *vm = ctx;
	int vector = LAPIC_EXTINT;

	if (vm->lapic)
		vector = lapic_ack(vm->lapic);
	if (vector == LAPIC_EXTINT)
		vector = vm->pic ? pic_ack(vm->pic) : -1;
	if (vm->r.window_left)
		vm_hostop_acked(vm, vector);
	return vector;
}

/* ---- the exit handler ---------------------------------------------------------------------------
 */

static inline void tick(struct vm *vm)
{
	if (vm->exit_ns && clock_advance(&vm->clock, vm->exit_ns))
		vm->pending |= VM_P_CLOCK;
}

static inline void handle_pio(struct vm *vm, struct cpu_exit *e)
{
	const unsigned size = e->pio.size;
	uint8_t *p = e->pio.data;

	/* One line an element, whatever the back end made of the string. */
	for (uint32_t n = e->pio.count; n; n--, p += size) {
		uint64_t val;

		if (e->pio.write) {
			val = ld_le(p, size);
			trace_access(vm->trace, TRACE_PIO, true, size, e->pio.port, val);
			(void)bus_write(vm->bus, BUS_PIO, e->pio.port, size, val);
		} else {
			(void)bus_read(vm->bus, BUS_PIO, e->pio.port, size, &val);
			vm_leak(vm, e->pio.port, &val);
			st_le(p, size, val);
			trace_access(vm->trace, TRACE_PIO, false, size, e->pio.port, val);
		}
		tick(vm);
	}
}

static inline void mmio_piece(struct vm *vm, bool write, uint64_t gpa, uint8_t *p, unsigned size)
{
	uint64_t val;

	if (write) {
		val = ld_le(p, size);
		trace_access(vm->trace, TRACE_MMIO, true, size, gpa, val);
		(void)bus_write(vm->bus, BUS_MMIO, gpa, size, val);
	} else {
		(void)bus_read(vm->bus, BUS_MMIO, gpa, size, &val);
		st_le(p, size, val);
		trace_access(vm->trace, TRACE_MMIO, false, size, gpa, val);
	}
	tick(vm);
}

static inline void handle_mmio(struct vm *vm, struct cpu_exit *e)
{
	const uint64_t gpa = e->mmio.gpa;
	const unsigned size = e->mmio.size;
	const unsigned room = (unsigned)(GMEM_PAGE - (gpa & (GMEM_PAGE - 1)));

	/* KVM cuts at page borders; a script need not. */
	if (__builtin_expect(size > room, 0)) {
		mmio_piece(vm, e->mmio.write, gpa, e->mmio.data, room);
		mmio_piece(vm, e->mmio.write, gpa + room, e->mmio.data + room, size - room);
		return;
	}
	mmio_piece(vm, e->mmio.write, gpa, e->mmio.data, size);
}

static void handle_msr(struct vm *vm, struct cpu_exit *e)
{
	struct trace_event ev = {
		.kind = TRACE_MSR, .size = 8, .write = e->msr.write, .addr = e->msr.num};
	int r;

	vm->msr_refused = false;
	if (e->msr.write)
		r = bus_write(vm->bus, BUS_MSR, e->msr.num, 8, e->msr.val);
	else
		r = bus_read(vm->bus, BUS_MSR, e->msr.num, 8, &e->msr.val);
	e->msr.fault = r || vm->msr_refused;
	if (e->msr.fault && !e->msr.write)
		e->msr.val = 0; /* the guest gets none */
	ev.val = e->msr.val;
	ev.aux = e->msr.fault;
	trace_put(vm->trace, &ev);
	tick(vm);
}

/* Let time pass until an interrupt or NMI is there to be taken. False: it never will be. */
static bool sleep_until_woken(struct vm *vm)
{
	if (vm->host_time)
		return vm_time_sleep(vm);
	for (unsigned i = 0; i < HLT_TIMERS && !vm->r.intr;) {
		uint64_t next, now, other = input_next_other(vm->input);

		if (!vm_wait_input(vm))
			return false;
		if (vm->pending & VM_P_INPUT)
			return true;
		next = clock_next(&vm->clock);
		now = clock_now(&vm->clock);
		if (next == CLOCK_NEVER)
			return false;
		i += next == other; /* not counted: how often the host was asked */
		if (clock_advance(&vm->clock, next > now ? next - now : 0)) {
			vm->pending |= VM_P_CLOCK;
			return true; /* ends the run in its own way */
		}
		if (vm->pending & VM_P_INPUT)
			return true;
	}
	return vm->r.intr;
}

static inline void handle_hlt(struct vm *vm)
{
	trace_note(vm->trace, TRACE_HLT, 0, 0, 0, NULL);
	tick(vm);
	if (!vm->hlt_resumes) {
		vm->pending |= VM_P_HLT;
		return;
	}
	if (!vm->r.intr && clock_next(&vm->clock) != CLOCK_NEVER)
		(void)sleep_until_woken(vm);
}

/* Exits that end the run unless the guest asked for something else: kept for the boundary. */
static void handle_fault(struct vm *vm, const struct cpu_exit *e)
{
	if (e->kind == CPU_EXIT_SHUTDOWN)
		trace_note(vm->trace, TRACE_SHUTDOWN, 0, 0, 0, NULL);
	else if (e->kind == CPU_EXIT_EMULATION)
		trace_note(vm->trace, TRACE_EMULATE, 0, e->rip, 0, NULL);
	else
		trace_note(vm->trace, TRACE_OTHER, e->raw, e->rip, 0, cpu_exit_name(e->kind));
	tick(vm);
	vm->fault = *e;
	vm->pending |= VM_P_FAULT;
}

static void handle_rare(struct vm *vm, struct cpu_exit *e)
{
	switch (e->kind) {
	case CPU_EXIT_INTR:
		/* How often is the host's business: not counted, no time, not in the stream. */
		vm->r.exits--;
		trace_note(vm->trace, TRACE_INTR, 0, e->rip, 0, NULL);
		return;
	case CPU_EXIT_IRQ_WINDOW:
		vm->r.exits--;
		trace_note(vm->trace, TRACE_IRQ_WINDOW, 0, e->rip, 0, NULL);
		return;
	case CPU_EXIT_DEBUG:
		trace_note(vm->trace, TRACE_DEBUG, 0, e->debug.pc, e->debug.dr6, NULL);
		vm_hostop_debug(vm, e);
		return;
	case CPU_EXIT_SET_TPR:
		if (vm->lapic)
			lapic_set_cr8(vm->lapic, e->tpr.cr8);
		/* fall through */
	case CPU_EXIT_BUS_LOCK:
		/* Told for information: the instruction is done or will be. */
		trace_note(vm->trace, TRACE_OTHER, e->raw, e->rip, 0, cpu_exit_name(e->kind));
		return;
	default:
		handle_fault(vm, e);
	}
}

/* KVM cannot emulate an instruction: soft shall, unless somebody waits for the failure. */
static bool finish(struct vm *vm, const struct cpu_exit *e)
{
	if (!vm->finishes || vm_hostop_wants_failure(vm))
		return false;
	vm->r.exits--;
	vm->r.finished++;
	trace_note(vm->trace, TRACE_EMULATE, 1, e->rip, 0, NULL);
	return true;
}

static enum cpu_answer handle_exit(struct vm *vm, struct cpu_exit *e)
{
	vm->r.exits++;
	vm->stats.exit[e->kind]++;
	if (vm->host_time)
		vm_time_follow(vm);
	switch (e->kind) {
	case CPU_EXIT_PIO:
		vm->stats.pio_size[e->pio.size & 7]++;
		handle_pio(vm, e);
		break;
	case CPU_EXIT_MMIO:
		vm->stats.mmio_size[e->mmio.size & 15]++;
		handle_mmio(vm, e);
		break;
	case CPU_EXIT_HLT:
		handle_hlt(vm);
		break;
	case CPU_EXIT_MSR:
		handle_msr(vm, e);
		break;
	case CPU_EXIT_EMULATION:
		if (finish(vm, e))
			return CPU_FINISH;
		handle_fault(vm, e);
		break;
	default:
		handle_rare(vm, e);
		break;
	}
	if (vm->r.exits >= vm->exits_end)
		vm->pending |= VM_P_EXITS;
	if (vm->host_time && clock_next(&vm->clock) < vm->back_at)
		vm->pending |= VM_P_TIMER;
	return vm->pending ? CPU_HALT : CPU_GO;
}

enum cpu_answer vm_exit(void *ctx, struct cpu_exit *e)
{
	struct vm *vm = ctx;
	enum cpu_answer answer;
	uint64_t from;

	if (!vm->time_exits)
		return handle_exit(vm, e);
	from = vm_host_ns();
	answer = handle_exit(vm, e);
	stats_hist_add(&vm->stats.ns, vm_host_ns() - from);
	return answer;
}

/* ---- how it ends --------------------------------------------------------------------------------
 */

void vm_end(struct vm *vm, enum vm_verdict verdict, const char *end, const char *fmt, ...)
{
	va_list ap;

	if (vm->r.ended)
		return;
	vm->r.ended = true;
	vm->r.verdict = verdict;
	vm->r.end = end;
	va_start(ap, fmt);
	(void)vsnprintf(vm->r.reason, sizeof(vm->r.reason), fmt, ap);
	va_end(ap);
	if (verdict == VM_FAIL)
		vm_add_panic(vm, vm->r.reason, sizeof(vm->r.reason));
	trace_note(vm->trace, TRACE_END, 0, 0, 0, end);
}

static void end_by_guest(struct vm *vm)
{
	const struct vm_run_state *r = &vm->r;
	enum vm_verdict v = r->guest == vm->pass_code ? VM_PASS : VM_FAIL;

	if (r->assert_line && v != VM_PASS)
		vm_end(vm, v, "exit",
		       "debug-exit %d: assertion in line %u: got 0x%" PRIx64 ", want 0x%" PRIx64,
		       r->guest, r->assert_line, r->assert_got, r->assert_want);
	else if (v == VM_FAIL && vm->pass_code)
		vm_end(vm, v, "exit", "debug-exit %d, not %u", r->guest, vm->pass_code);
	else
		vm_end(vm, v, "exit", "debug-exit %d", r->guest);
}

static void end_by_power(struct vm *vm, unsigned todo)
{
	if (todo & VM_P_RESET)
		vm_end(vm, VM_FAIL, "reset", "guest reset the machine");
	else if (vm->wants_code)
		vm_end(vm, VM_FAIL, "power-off", "power off, no byte to debug-exit: %u is wanted",
		       vm->pass_code);
	else
		vm_end(vm, VM_PASS, "power-off", "power off");
}

/* Where the CPU is, for a person: the exit's own RIP, or what the CPU still says. */
static uint64_t where(struct vm *vm, const struct cpu_exit *e, unsigned *bits)
{
	struct cpu_state s;

	*bits = 64;
	if (vm->cpu->ops->get(vm->cpu, &s, NULL))
		return e->rip;
	*bits = x86_code_bits(&s);
	return e->rip ? e->rip : s.rip;
}

static void end_by_fault(struct vm *vm)
{
	struct cpu_exit *e = &vm->fault;
	unsigned bits;
	char text[200];

	e->rip = where(vm, e, &bits);
	switch (e->kind) {
	case CPU_EXIT_SHUTDOWN:
		vm_end(vm, VM_FAIL, "shutdown", "triple fault at 0x%" PRIx64, e->rip);
		return;
	case CPU_EXIT_EMULATION:
		(void)cpu_exit_describe(e, bits, text, sizeof(text));
		vm_end(vm, VM_FAIL, "emulation", "%s", text);
		return;
	case CPU_EXIT_INTERNAL:
	case CPU_EXIT_FAIL_ENTRY:
	case CPU_EXIT_SYSTEM_EVENT:
	case CPU_EXIT_HYPERCALL:
	case CPU_EXIT_NOTIFY:
	case CPU_EXIT_MEMORY_FAULT:
		/* The guest, or the host under it, did what this machine does not go on from. */
		(void)cpu_exit_format(e, text, sizeof(text));
		vm_end(vm, VM_FAIL, cpu_exit_name(e->kind), "%s", text);
		return;
	default:
		/* Features that Vise never turns on, reasons nobody knows. */
		(void)cpu_exit_format(e, text, sizeof(text));
		vm_end(vm, VM_ERROR, cpu_exit_name(e->kind), "no way to go on from this exit: %s",
		       text);
	}
}

/* ---- the boundary -------------------------------------------------------------------------------
 */

static void see_to_hlt(struct vm *vm)
{
	struct cpu_state s;
	struct err err = {0};

	if (vm->cpu->ops->get(vm->cpu, &s, &err)) {
		vm_end(vm, VM_ERROR, "error", "cannot read the CPU's state at HLT: %.180s",
		       err.msg);
		return;
	}
	if (s.nmi_pending)
		return;
	if (!(s.rflags & X86_FLAG_IF))
		vm_end(vm, VM_FAIL, "hlt",
		       "halted with nothing to wake it at 0x%" PRIx64 ": interrupts are off",
		       s.rip);
	else if (!sleep_until_woken(vm))
		vm_end(vm, VM_FAIL, "hlt",
		       "halted with nothing to wake it at 0x%" PRIx64 ": no interrupt can come",
		       s.rip);
	if (vm->pending & VM_P_INPUT) {
		vm->pending &= ~VM_P_INPUT;
		vm_see_to_input(vm);
	}
}

/* The CPU stands between two instructions. */
static void boundary(struct vm *vm)
{
	unsigned todo = vm->pending;
	struct err err = {0};

	vm->pending = 0;
	if (todo & VM_P_CLOCK) {
		vm_end(vm, VM_ERROR, "error",
		       "a device timer re-arms itself for the same instant for ever, at %" PRIu64
		       " ns",
		       clock_now(&vm->clock));
		return;
	}
	if (todo & VM_P_EXIT) {
		end_by_guest(vm);
		return;
	}
	if (todo & (VM_P_RESET | VM_P_OFF)) {
		end_by_power(vm, todo);
		return;
	}
	if (todo & VM_P_PANIC) {
		vm_end(vm, VM_FAIL, "panic", "the kernel waits for ever");
		return;
	}
	if (todo & VM_P_FAULT) {
		if (!vm_hostop_fault(vm, &vm->fault))
			end_by_fault(vm);
		return;
	}
	if (todo & VM_P_INPUT)
		vm_see_to_input(vm);
	if (vm->r.ended)
		return;
	if (todo & VM_P_OP)
		vm_hostop_run(vm);
	if (todo & VM_P_DEBUG && vm_hostop_arm_debug(vm, &err))
		vm_end(vm, VM_ERROR, "error", "cannot change what is stepped: %.180s", err.msg);
	if (todo & VM_P_HLT)
		see_to_hlt(vm);
}

/* ---- the loop -----------------------------------------------------------------------------------
 */

static uint64_t host_ms(void)
{
	return vm_host_ns() / 1000000;
}

struct run_limits {
	uint64_t budget, count0; /* count0: the CPU's count at the start */
	uint64_t wall_ms, ms0;
	uint64_t exits; /* more of them */
};

/* Not an end: the next vm_run() goes on. */
enum limit { LIMIT_BUDGET, LIMIT_WALL, LIMIT_EXITS };

static void stop_by_limit(struct vm *vm, const struct run_limits *l, enum limit which)
{
	vm->r.verdict = VM_LIMIT;
	vm->r.end = "limit";
	if (which == LIMIT_EXITS) {
		(void)snprintf(vm->r.reason, sizeof(vm->r.reason), "limit: %" PRIu64 " exits",
			       l->exits);
	} else if (which == LIMIT_WALL) {
		vm->r.host_seen = true;
		(void)snprintf(vm->r.reason, sizeof(vm->r.reason),
			       "limit: %" PRIu64 " ms of host time", l->wall_ms);
	} else {
		(void)snprintf(vm->r.reason, sizeof(vm->r.reason), "limit: %" PRIu64 " %s",
			       l->budget, vm->cpu->ops->exact_count ? "instructions" : "exits");
	}
	vm_add_panic(vm, vm->r.reason, sizeof(vm->r.reason));
	trace_note(vm->trace, TRACE_END, 0, 0, 0, "limit");
}

/* What is left of both limits; false: nothing, and the run has been stopped. */
static bool limits_left(struct vm *vm, const struct run_limits *l, uint64_t *budget, uint64_t *ms)
{
	uint64_t used;

	*budget = *ms = 0;
	if (vm->r.exits >= vm->exits_end) {
		stop_by_limit(vm, l, LIMIT_EXITS);
		return false;
	}
	if (l->budget) {
		used = vm->cpu->ops->icount(vm->cpu) - l->count0;
		if (used >= l->budget) {
			stop_by_limit(vm, l, LIMIT_BUDGET);
			return false;
		}
		*budget = l->budget - used;
	}
	if (l->wall_ms) {
		used = host_ms() - l->ms0;
		if (used >= l->wall_ms) {
			stop_by_limit(vm, l, LIMIT_WALL);
			return false;
		}
		*ms = l->wall_ms - used;
	}
	return true;
}

static void end_by_error(struct vm *vm)
{
	const char *msg = vm->cpu->error.msg;

	/* A script's complaint is about the devices' answers: a finding. Else the host failed. */
	if (vm->kind == VM_CPU_SCRIPT)
		vm_end(vm, VM_FAIL, "mismatch", "%s", msg);
	else
		vm_end(vm, VM_ERROR, "error", "%s", msg[0] ? msg : "the CPU back end failed");
}

/* kvm goes on until a limit is reached; there is nothing to wait for. */
static void end_by_faults(struct vm *vm)
{
	struct cpu_state s;

	memset(&s, 0, sizeof(s));
	(void)vm->cpu->ops->get(vm->cpu, &s, NULL);
	vm_end(vm, VM_FAIL, "faults",
	       "faults without end at 0x%" PRIx64 ": no instruction runs between them", s.rip);
}

static void run_loop(struct vm *vm, const struct run_limits *l)
{
	uint64_t budget, ms;

	while (!vm->r.ended && limits_left(vm, l, &budget, &ms)) {
		enum cpu_stop stop;

		if (vm->host_time) {
			vm_time_follow(vm);
			ms = vm_time_slice(vm, ms);
		}
		stop = vm->cpu->ops->run(vm->cpu, budget, ms);
		if (stop == CPU_STOP_ERROR) {
			end_by_error(vm);
			return;
		}
		if (vm->pending)
			boundary(vm);
		if (vm->r.ended)
			return;
		if (stop == CPU_STOP_END)
			vm_end(vm, VM_PASS, "script", "the script is at its end");
		else if (stop == CPU_STOP_FAULTS)
			end_by_faults(vm);
		else if (stop == CPU_STOP_TIME && !vm->host_time) {
			stop_by_limit(vm, l, LIMIT_WALL);
			return;
		}
		/* HOST: seen to; BUDGET: limits_left() finds it used up */
	}
}

static void fill_result(const struct vm *vm, struct vm_result *res)
{
	static const int status[] = {
		[VM_PASS] = 0, [VM_FAIL] = 1, [VM_ERROR] = 3, [VM_SKIP] = 4, [VM_LIMIT] = 5};
	const struct vm_run_state *r = &vm->r;

	memset(res, 0, sizeof(*res));
	res->verdict = r->verdict;
	res->status = status[r->verdict];
	res->guest = r->guest;
	res->exits = r->exits;
	res->finished = r->finished;
	res->has_icount = vm->cpu->ops->exact_count;
	if (res->has_icount)
		res->icount = vm->cpu->ops->icount(vm->cpu) - vm->icount_extra;
	res->deterministic = !r->host_seen;
	res->assert_line = r->assert_line;
	res->assert_got = r->assert_got;
	res->assert_want = r->assert_want;
	memcpy(res->reason, r->reason, sizeof(res->reason));
	res->end = r->end;
}

int vm_run(struct vm *vm, const struct vm_limits *lim, struct vm_result *res)
{
	struct run_limits l = {0};

	vm->exits_end = UINT64_MAX;
	if (lim && lim->exits && !vm->r.ended) {
		l.exits = lim->exits;
		if (add_wraps(vm->r.exits, lim->exits, &vm->exits_end))
			vm->exits_end = UINT64_MAX;
	}
	if (lim && !vm->r.ended) {
		l.budget = lim->budget;
		l.wall_ms = lim->wall_ms;
		l.count0 = l.budget ? vm->cpu->ops->icount(vm->cpu) : 0;
		l.ms0 = l.wall_ms ? host_ms() : 0;
	}
	vm->wall_end = l.wall_ms ? vm_host_ns() + l.wall_ms * 1000000 : 0;
	vm->stop = lim ? lim->stop : NULL;
	if (vm->host_time && !vm->r.ended)
		vm_time_start(vm, l.wall_ms);
	if (input_is_live(vm->input))
		vm->r.host_seen = true;
	run_loop(vm, &l);
	if (vm->r.ended)
		vm_finish_input(vm);
	vm->stop = NULL;
	fill_result(vm, res);
	return 0;
}
