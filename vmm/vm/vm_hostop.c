/* SPDX-License-Identifier: MIT */
/*
 * vm: the host operations that a guest asks for through the test device: what it wants the machine
 * to do with its CPU and memory between two instructions. Arguments are the guest's: any value is
 * answered with a negative errno at worst.
 */
#include <errno.h>

#include <vmm/testdev.h>

#include "vm_priv.h"

#define OP_MEM_MAX  (64ull << 20) /* bytes that one VM_OP_MEM_ADD gives */
#define STEPS_MAX   65536u	  /* pairs that VM_OP_STEP and VM_OP_BREAK report */
#define WINDOWS_MAX 1024u
#define REAL_STACK  0xfff0u
#define DR6_B0	    1ull /* SDM 17.2.3 */
#define DR6_BS	    (1ull << 14)
#define INSN_BYTES  15u

/* RIP and RFLAGS as VM_OP_SET_REG and VM_OP_GET_REG number them, after the general ones. */
#define REG_RIP	   16u
#define REG_RFLAGS 17u

static uint64_t *reg_of(struct cpu_state *s, uint64_t n)
{
	if (n < X86_GPRS)
		return &s->gpr[n];
	if (n == REG_RIP)
		return &s->rip;
	return n == REG_RFLAGS ? &s->rflags : NULL;
}

static int64_t op_reg(struct vm *vm, bool set, const uint64_t a[4])
{
	struct cpu_state s;
	uint64_t *reg;
	int r = vm->cpu->ops->get(vm->cpu, &s, NULL);

	if (r)
		return r;
	reg = reg_of(&s, a[0]);
	if (!reg)
		return -EINVAL;
	if (!set)
		return (int64_t)*reg;
	*reg = a[1];
	return vm->cpu->ops->set(vm->cpu, &s, NULL);
}

/* ---- states that no CPU can be in ---------------------------------------------------------------
 */

static bool break_rule(struct cpu_state *s, uint64_t rule)
{
	switch (rule) {
	case VM_BAD_PG_WITHOUT_PE:
		s->cr0 = (s->cr0 | X86_CR0_PG) & ~X86_CR0_PE;
		return true;
	case VM_BAD_NW_WITHOUT_CD:
		s->cr0 = (s->cr0 | X86_CR0_NW) & ~X86_CR0_CD;
		return true;
	case VM_BAD_CR0_HIGH:
		s->cr0 |= 1ull << 32;
		return true;
	case VM_BAD_CR4_RESERVED:
		s->cr4 |= 1ull << 63;
		return true;
	case VM_BAD_EFER_RESERVED:
		s->efer |= 1ull << 63;
		return true;
	case VM_BAD_LMA_WITHOUT_PG:
		s->efer |= X86_EFER_LMA;
		s->cr0 &= ~X86_CR0_PG;
		return true;
	default:
		return false;
	}
}

static int64_t op_bad_state(struct vm *vm, const uint64_t a[4])
{
	struct cpu_state before, bad, after;
	int r = vm->cpu->ops->get(vm->cpu, &before, NULL);

	if (r)
		return r;
	bad = before;
	if (!break_rule(&bad, a[0]))
		return -ERANGE;
	r = vm->cpu->ops->set(vm->cpu, &bad, NULL);
	if (!r) {
		(void)vm->cpu->ops->set(vm->cpu, &before, NULL);
		return 0;
	}
	if (vm->cpu->ops->get(vm->cpu, &after, NULL) ||
	    state_diff(&cpu_state_table, &before, &after, NULL, NULL)) {
		(void)vm->cpu->ops->set(vm->cpu, &before, NULL);
		return -EIO; /* refused, but not unchanged */
	}
	return r;
}

static int64_t op_zero_state(struct vm *vm)
{
	struct cpu_state s;

	memset(&s, 0, sizeof(s));
	return vm->cpu->ops->set(vm->cpu, &s, NULL);
}

/* ---- stepping and breaking ----------------------------------------------------------------------
 */

/*
 * A breakpoint is reported before its instruction and would be again: that one instruction is
 * stepped over with the breakpoint off.
 */
int vm_hostop_arm_debug(struct vm *vm, struct err *err)
{
	const struct vm_run_state *r = &vm->r;

	return vm->cpu->ops->debug(vm->cpu, r->step_left || r->brk_over, &r->brk_addr,
				   r->brk_armed && !r->brk_over, err);
}

static int64_t op_step(struct vm *vm, const uint64_t a[4])
{
	int r;

	if (a[0] > STEPS_MAX)
		return -E2BIG;
	vm->r.step_left = a[0];
	vm->r.step_gpa = a[1];
	vm->r.step_count = 0;
	r = vm_hostop_arm_debug(vm, NULL);
	if (r)
		vm->r.step_left = 0;
	return r;
}

/* Taking a breakpoint away tells how often it was met. */
static int64_t op_break(struct vm *vm, const uint64_t a[4])
{
	uint64_t met = vm->r.brk_count;
	int r;

	if (a[2] > STEPS_MAX)
		return -E2BIG;
	vm->r.brk_armed = a[0] && a[2];
	vm->r.brk_over = false;
	vm->r.brk_addr = a[0];
	vm->r.brk_gpa = a[1];
	vm->r.brk_left = a[2];
	vm->r.brk_count = 0;
	r = vm_hostop_arm_debug(vm, NULL);
	if (r)
		vm->r.brk_armed = false;
	return r ? r : vm->r.brk_armed ? 0 : (int64_t)met;
}

/* One pair of pc and dr6; -EFAULT where the guest gave no RAM for it. */
static int report(struct vm *vm, uint64_t gpa, uint64_t *count, const struct cpu_exit *e)
{
	uint8_t pair[16];
	uint64_t at;

	st_le64(pair, e->debug.pc);
	st_le64(pair + 8, e->debug.dr6);
	if (add_wraps(gpa, *count * sizeof(pair), &at) ||
	    gmem_write(vm->mem, at, pair, sizeof(pair)))
		return -EFAULT;
	++*count;
	return 0;
}

static void tell(struct vm *vm, int64_t result)
{
	if (vm->testdev)
		testdev_set_result(vm->testdev, result);
}

void vm_hostop_debug(struct vm *vm, const struct cpu_exit *e)
{
	struct vm_run_state *r = &vm->r;
	bool over = r->brk_over;
	bool broke = r->brk_armed && !over && (!r->step_left || (e->debug.dr6 & DR6_B0));
	bool stepped = r->step_left && (!broke || (e->debug.dr6 & DR6_BS));

	if (over) {
		r->brk_over = false;
		vm->pending |= VM_P_DEBUG;
	}
	if (stepped) {
		int bad = report(vm, r->step_gpa, &r->step_count, e);

		tell(vm, bad ? bad : (int64_t)r->step_count);
		r->step_left = bad ? 0 : r->step_left - 1;
		if (!r->step_left)
			vm->pending |= VM_P_DEBUG;
	}
	if (broke) {
		int bad = report(vm, r->brk_gpa, &r->brk_count, e);

		r->brk_left = bad ? 0 : r->brk_left - 1;
		r->brk_armed = r->brk_left != 0;
		r->brk_over = r->brk_armed;
		vm->pending |= VM_P_DEBUG;
	}
}

/* ---- memory -------------------------------------------------------------------------------------
 */

static int64_t op_mem_remove(struct vm *vm, const uint64_t a[4])
{
	int r = gmem_remove(vm->mem, a[0]);

	return r ? r : vm->cpu->ops->memory(vm->cpu, NULL);
}

static int64_t op_mem_add(struct vm *vm, const uint64_t a[4])
{
	int r;

	if (a[1] > OP_MEM_MAX)
		return -E2BIG;
	if (a[2] > 1)
		return -EINVAL;
	r = gmem_add(vm->mem, a[0], a[1], a[2] ? GMEM_ROM : GMEM_RAM, NULL);
	if (r)
		return r;
	r = vm->cpu->ops->memory(vm->cpu, NULL);
	if (r) {
		(void)gmem_remove(vm->mem, a[0]);
		(void)vm->cpu->ops->memory(vm->cpu, NULL);
	}
	return r;
}

/* ---- failures that the guest waits for ----------------------------------------------------------
 */

static int64_t op_on_shutdown(struct vm *vm, const uint64_t a[4])
{
	if (a[1] > X86_LONG)
		return -EINVAL;
	vm->r.restart_armed = true;
	vm->r.restart_entry = a[0];
	vm->r.restart_mode = (enum x86_mode)a[1];
	return 0;
}

static int64_t op_skip(struct vm *vm, const uint64_t a[4])
{
	if (a[0] > INSN_BYTES)
		return -EINVAL;
	vm->r.skip = (unsigned)a[0];
	return 0;
}

static bool skip_insn(struct vm *vm)
{
	struct cpu_state s;
	unsigned n = vm->r.skip;

	vm->r.skip = 0;
	if (vm->cpu->ops->get(vm->cpu, &s, NULL))
		return false;
	s.rip += n;
	return !vm->cpu->ops->set(vm->cpu, &s, NULL);
}

/* AX: the back end's exit reason; DX: its suberror, of INTERNAL_ERROR. */
static bool restart(struct vm *vm, const struct cpu_exit *e)
{
	bool internal = e->kind == CPU_EXIT_EMULATION || e->kind == CPU_EXIT_INTERNAL;
	uint64_t stack = vm->boot_stack;
	struct cpu_state s;
	struct err err = {0};
	int r;

	vm->r.restart_armed = false;
	if (vm->r.restart_mode == X86_REAL && stack > REAL_STACK)
		stack = REAL_STACK;
	r = x86_boot(&s, vm->mem, vm->r.restart_mode, vm->r.restart_entry, stack, X86_BOOT_MAP,
		     &err);
	if (!r) {
		s.gpr[X86_RAX] = e->raw;
		s.gpr[X86_RDX] = internal ? e->internal.suberror : 0;
		r = vm->cpu->ops->set(vm->cpu, &s, &err);
	}
	if (r)
		vm_end(vm, VM_FAIL, "shutdown", "no restart after %s: %.180s",
		       cpu_exit_name(e->kind), err.msg);
	return true;
}

bool vm_hostop_wants_failure(const struct vm *vm)
{
	return vm->r.skip || vm->r.restart_armed;
}

bool vm_hostop_fault(struct vm *vm, const struct cpu_exit *e)
{
	bool failed = e->kind == CPU_EXIT_EMULATION || e->kind == CPU_EXIT_INTERNAL ||
		      e->kind == CPU_EXIT_FAIL_ENTRY;

	if (e->kind == CPU_EXIT_EMULATION && vm->r.skip)
		return skip_insn(vm);
	if (vm->r.restart_armed && (failed || e->kind == CPU_EXIT_SHUTDOWN))
		return restart(vm, e);
	return false;
}

/* ---- interrupts ---------------------------------------------------------------------------------
 */

/*
 * The controller holds the line's request until the guest can take it, which is what a back end
 * needs its interrupt window for. The level goes down when it was taken, and up again for the next.
 */
static int64_t op_irq_window(struct vm *vm, const uint64_t a[4])
{
	if (!vm->pic)
		return -ENXIO;
	if (a[0] > WINDOWS_MAX)
		return -E2BIG;
	vm->r.window_left = a[0] ? a[0] : 1;
	pic_set(vm->pic, VM_TESTDEV_IRQ, 0);
	pic_set(vm->pic, VM_TESTDEV_IRQ, 1);
	return 0;
}

void vm_hostop_acked(struct vm *vm, int vector)
{
	if (vector < 0 || (vector & 7) != (VM_TESTDEV_IRQ & 7))
		return;
	pic_set(vm->pic, VM_TESTDEV_IRQ, 0);
	if (--vm->r.window_left)
		pic_set(vm->pic, VM_TESTDEV_IRQ, 1);
}

/* ---- save and load ------------------------------------------------------------------------------
 */

static int device_round_trip(struct dev *d)
{
	struct buf b = {0};
	size_t used = 0;
	int r = dev_save(d, &b);

	if (!r)
		r = dev_load(d, b.p, b.len, &used, NULL);
	if (!r && used != b.len)
		r = -EIO;
	buf_free(&b);
	return r;
}

static int64_t op_save_load(struct vm *vm)
{
	struct cpu_state s, loaded;
	struct buf b = {0};
	size_t used;
	int r = 0;

	for (unsigned i = 0; i < vm->nr_dev && !r; i++)
		r = device_round_trip(vm->dev[i]);
	if (!r)
		r = vm->cpu->ops->get(vm->cpu, &s, NULL);
	if (!r)
		r = state_save(&cpu_state_table, &s, &b);
	memset(&loaded, 0, sizeof(loaded));
	if (!r)
		r = state_load(&cpu_state_table, &loaded, b.p, b.len, &used, NULL);
	if (!r)
		r = vm->cpu->ops->set(vm->cpu, &loaded, NULL);
	buf_free(&b);
	return r;
}

/* ---- one by number ------------------------------------------------------------------------------
 */

static int64_t op_probe(struct vm *vm, const uint64_t a[4])
{
	char why[64];

	for (const struct vm_probe *p = vm_probes; p->name; p++) {
		if (hash64(0, p->name, strlen(p->name)) != a[0])
			continue;
		if (vm->kind == VM_CPU_SOFT && vm_probe_of_kvm(p->name))
			return 1;
		vm->r.host_seen = true;
		return vm_probe_run(p->name, why, sizeof(why));
	}
	return -ENOENT;
}

static int64_t run_op(struct vm *vm, uint32_t op, const uint64_t a[4])
{
	switch (op) {
	case VM_OP_NONE:
		return 0;
	case VM_OP_SET_REG:
		return op_reg(vm, true, a);
	case VM_OP_GET_REG:
		return op_reg(vm, false, a);
	case VM_OP_BAD_STATE:
		return op_bad_state(vm, a);
	case VM_OP_STEP:
		return op_step(vm, a);
	case VM_OP_BREAK:
		return op_break(vm, a);
	case VM_OP_MEM_REMOVE:
		return op_mem_remove(vm, a);
	case VM_OP_MEM_ADD:
		return op_mem_add(vm, a);
	case VM_OP_ON_SHUTDOWN:
		return op_on_shutdown(vm, a);
	case VM_OP_ZERO_STATE:
		return op_zero_state(vm);
	case VM_OP_NMI:
		return vm->cpu->ops->nmi(vm->cpu);
	case VM_OP_IRQ_WINDOW:
		return op_irq_window(vm, a);
	case VM_OP_SKIP:
		return op_skip(vm, a);
	case VM_OP_SAVE_LOAD:
		return op_save_load(vm);
	case VM_OP_PROBE:
		return op_probe(vm, a);
	default:
		return -ENOSYS;
	}
}

void vm_hostop_run(struct vm *vm)
{
	int64_t r = run_op(vm, vm->op, vm->op_arg);

	trace_note(vm->trace, TRACE_HOSTOP, 0, vm->op, (uint64_t)r, NULL);
	tell(vm, r);
}
