/* SPDX-License-Identifier: MIT */
/* Host operations: asked for through the test device, done at the instruction's boundary. */
#include <linux/kvm.h>
#include <vmm/testdev.h>

#include "test_vm.h"

#define WALL   10000u
#define REG(r) (VM_TESTDEV_MMIO + (r))

/* The exits by which a guest asks for (op) and reads the result: list[5] has it. */
static unsigned ask(struct cpu_exit *list, uint32_t op, uint64_t a0, uint64_t a1, uint64_t a2)
{
	list[0] = mmio_write(REG(TESTDEV_A0), 8, a0);
	list[1] = mmio_write(REG(TESTDEV_A1), 8, a1);
	list[2] = mmio_write(REG(TESTDEV_A2), 8, a2);
	list[3] = mmio_write(REG(TESTDEV_OP), 4, op);
	list[4] = mmio_read(REG(TESTDEV_RESULT), 8);
	return 5;
}

static int64_t result(const struct cpu_exit *list)
{
	return (int64_t)ld_le64(list[4].mmio.data);
}

/* One operation on a machine that is made for it. */
static int64_t once(uint32_t op, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct cpu_exit e[5];
	struct mock m;
	struct vm *vm = make_mock(&m, e, ask(e, op, a0, a1, a2));
	struct vm_result res = run_vm(vm, 0, 0);

	assert_string_equal(res.end, "script");
	vm_free(vm);
	return result(e);
}

static void registers(void **state)
{
	struct cpu_exit e[25];
	struct mock m;
	struct vm *vm;

	(void)state;
	ask(e, VM_OP_SET_REG, X86_R9, 0x1122334455667788, 0);
	ask(e + 5, VM_OP_GET_REG, X86_R9, 0, 0);
	ask(e + 10, VM_OP_SET_REG, 16, 0x2000, 0);
	ask(e + 15, VM_OP_GET_REG, 16, 0, 0);
	ask(e + 20, VM_OP_GET_REG, 17, 0, 0);
	vm = make_mock(&m, e, 25);
	run_vm(vm, 0, 0);
	assert_int_equal(result(e), 0);
	assert_int_equal(result(e + 5), 0x1122334455667788);
	assert_int_equal(result(e + 15), 0x2000);
	assert_int_equal(result(e + 20), X86_FLAG_FIXED);
	assert_int_equal(m.state.gpr[X86_R9], 0x1122334455667788);
	vm_free(vm);
	assert_int_equal(once(VM_OP_SET_REG, 18, 0, 0), -EINVAL);
	assert_int_equal(once(VM_OP_GET_REG, UINT64_MAX, 0, 0), -EINVAL);
}

static void bad_states(void **state)
{
	(void)state;
	for (unsigned rule = 0; rule < VM_BAD_STATES; rule++)
		assert_int_equal(once(VM_OP_BAD_STATE, rule, 0, 0), -EINVAL);
	assert_int_equal(once(VM_OP_BAD_STATE, VM_BAD_STATES, 0, 0), -ERANGE);
}

static void nothing_and_unknown(void **state)
{
	(void)state;
	assert_int_equal(once(VM_OP_NONE, 0, 0, 0), 0);
	assert_int_equal(once(VM_OPS, 0, 0, 0), -ENOSYS);
	assert_int_equal(once(UINT32_MAX, 0, 0, 0), -ENOSYS);
}

static struct cpu_exit debug_exit(uint64_t pc, uint64_t dr6)
{
	struct cpu_exit e = just(CPU_EXIT_DEBUG);

	e.debug.pc = pc;
	e.debug.dr6 = dr6;
	return e;
}

static void stepping(void **state)
{
	struct cpu_exit e[16];
	unsigned n = ask(e, VM_OP_STEP, 2, 0x70000, 0);
	uint64_t pairs[6] = {0};
	struct mock m;
	struct vm *vm;

	(void)state;
	e[n++] = debug_exit(0x100001, 0xffff4ff0);
	e[n++] = mmio_read(REG(TESTDEV_RESULT), 8);
	e[n++] = debug_exit(0x100003, 0xffff4ff0);
	e[n++] = mmio_read(REG(TESTDEV_RESULT), 8);
	e[n++] = debug_exit(0x100005, 0xffff4ff0); /* one too many: not reported */
	vm = make_mock(&m, e, n);
	run_vm(vm, 5, 0);
	assert_int_equal(result(e), 0);
	assert_true(m.step);
	run_vm(vm, 0, 0);
	assert_false(m.step);
	assert_int_equal(ld_le64(e[6].mmio.data), 1);
	assert_int_equal(ld_le64(e[8].mmio.data), 2);
	assert_int_equal(gmem_read(vm->mem, 0x70000, pairs, sizeof(pairs)), 0);
	assert_int_equal(pairs[0], 0x100001);
	assert_int_equal(pairs[1], 0xffff4ff0);
	assert_int_equal(pairs[2], 0x100003);
	assert_int_equal(pairs[4], 0);
	vm_free(vm);
	assert_int_equal(once(VM_OP_STEP, 1 << 20, 0x70000, 0), -E2BIG);
	assert_int_equal(once(VM_OP_STEP, 0, 0x70000, 0), 0);
}

static void stepping_to_no_memory(void **state)
{
	static const uint64_t where[] = {0xfeb00000, UINT64_MAX - 7, 1ull << 40};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(where); i++) {
		struct cpu_exit e[8];
		unsigned n = ask(e, VM_OP_STEP, 2, where[i], 0);
		struct mock m;
		struct vm *vm;

		e[n++] = debug_exit(0x100001, 0);
		e[n++] = mmio_read(REG(TESTDEV_RESULT), 8);
		vm = make_mock(&m, e, n);
		run_vm(vm, 0, 0);
		assert_int_equal((int64_t)ld_le64(e[6].mmio.data), -EFAULT);
		assert_false(m.step);
		vm_free(vm);
	}
}

static void breaking(void **state)
{
	struct cpu_exit e[20];
	unsigned n = ask(e, VM_OP_BREAK, 0x100010, 0x70000, 3);
	uint64_t pair[4];
	struct mock m;
	struct vm *vm;

	(void)state;
	e[n++] = debug_exit(0x100010, 0xffff0ff1);
	e[n++] = debug_exit(0x100012, 0xffff4ff0); /* the step over it: not reported */
	e[n++] = debug_exit(0x100010, 0xffff0ff1);
	e[n++] = debug_exit(0x100012, 0xffff4ff0);
	n += ask(e + n, VM_OP_BREAK, 0, 0, 0);
	vm = make_mock(&m, e, n);
	run_vm(vm, 5, 0);
	assert_int_equal(m.nr_bp, 1);
	assert_int_equal(m.bp, 0x100010);
	assert_false(m.step);
	run_vm(vm, 1, 0);
	assert_int_equal(m.nr_bp, 0);
	assert_true(m.step);
	run_vm(vm, 1, 0);
	assert_int_equal(m.nr_bp, 1);
	assert_false(m.step);
	run_vm(vm, 0, 0);
	assert_int_equal(m.nr_bp, 0);
	assert_int_equal(result(e + 9), 2);
	assert_int_equal(gmem_read(vm->mem, 0x70000, pair, sizeof(pair)), 0);
	assert_int_equal(pair[0], 0x100010);
	assert_int_equal(pair[1], 0xffff0ff1);
	assert_int_equal(pair[2], 0x100010);
	vm_free(vm);

	/* at most as many as asked for */
	n = ask(e, VM_OP_BREAK, 0x100010, 0x70000, 1);
	e[n++] = debug_exit(0x100010, 0xffff0ff1);
	e[n++] = debug_exit(0x100010, 0xffff0ff1);
	vm = make_mock(&m, e, n);
	run_vm(vm, 0, 0);
	assert_int_equal(vm->r.brk_count, 1);
	assert_int_equal(m.nr_bp, 0);
	vm_free(vm);
	assert_int_equal(once(VM_OP_BREAK, 0x1000, 0, 1 << 20), -E2BIG);
}

static void debugging_refused(void **state)
{
	struct cpu_exit e[16];
	unsigned n = ask(e, VM_OP_STEP, 2, 0x70000, 0);
	struct vm_result res;
	struct mock m;
	struct vm *vm;

	(void)state;
	n += ask(e + n, VM_OP_BREAK, 0x1000, 0x70000, 1);
	vm = make_mock(&m, e, n);
	m.debug_error = -EOPNOTSUPP;
	run_vm(vm, 0, 0);
	assert_int_equal(result(e), -EOPNOTSUPP);
	assert_int_equal(result(e + 5), -EOPNOTSUPP);
	vm_free(vm);

	n = ask(e, VM_OP_STEP, 1, 0x70000, 0);
	e[n++] = debug_exit(0x100001, 0);
	vm = make_mock(&m, e, n);
	run_vm(vm, 5, 0);
	m.debug_error = -EIO;
	res = run_vm(vm, 0, 0);
	assert_int_equal(res.verdict, VM_ERROR);
	assert_non_null(strstr(res.reason, "stepped"));
	vm_free(vm);
}

static void memory(void **state)
{
	struct cpu_exit e[15];
	struct mock m;
	struct vm *vm;

	(void)state;
	ask(e, VM_OP_MEM_ADD, 0x40000000, 0x2000, 0);
	ask(e + 5, VM_OP_MEM_ADD, 0x50000000, 0x1000, 1);
	ask(e + 10, VM_OP_MEM_REMOVE, 0x40000000, 0, 0);
	vm = make_mock(&m, e, 15);
	run_vm(vm, 10, 0);
	assert_int_equal(result(e), 0);
	assert_int_equal(result(e + 5), 0);
	assert_non_null(gmem_rw(vm->mem, 0x40000000, 0x2000));
	assert_non_null(gmem_ro(vm->mem, 0x50000000, 0x1000));
	assert_null(gmem_rw(vm->mem, 0x50000000, 0x1000));
	run_vm(vm, 0, 0);
	assert_int_equal(result(e + 10), 0);
	assert_null(gmem_ro(vm->mem, 0x40000000, 1));
	vm_free(vm);

	/* the back end refuses: the region goes again */
	vm = make_mock(&m, e, ask(e, VM_OP_MEM_ADD, 0x40000000, 0x2000, 0));
	m.memory_error = -EEXIST;
	run_vm(vm, 0, 0);
	assert_int_equal(result(e), -EEXIST);
	assert_null(gmem_ro(vm->mem, 0x40000000, 1));
	vm_free(vm);

	assert_int_equal(once(VM_OP_MEM_REMOVE, 0x1000, 0, 0), -ENOENT);
	assert_int_equal(once(VM_OP_MEM_ADD, 0x40000000, 1ull << 32, 0), -E2BIG);
	assert_int_equal(once(VM_OP_MEM_ADD, 0x40000000, 4096, 2), -EINVAL);
	assert_int_equal(once(VM_OP_MEM_ADD, 0x40000001, 4096, 0), -EINVAL);
	assert_int_equal(once(VM_OP_MEM_ADD, 0, 4096, 0), -EEXIST);
	assert_int_equal(once(VM_OP_MEM_ADD, ~0xfffull, 4096, 0), -EINVAL);
	/* all of memory gone: nothing here falls over */
	assert_int_equal(once(VM_OP_MEM_REMOVE, 0, 0, 0), 0);
}

static void restart_after_shutdown(void **state)
{
	struct cpu_exit e[16];
	unsigned n = ask(e, VM_OP_ON_SHUTDOWN, 0x7000, X86_REAL, 0);
	struct vm_result res;
	struct mock m;
	struct vm *vm;

	(void)state;
	e[n] = just(CPU_EXIT_SHUTDOWN);
	e[n++].raw = KVM_EXIT_SHUTDOWN;
	e[n++] = just(CPU_EXIT_SHUTDOWN);
	vm = make_mock(&m, e, n);
	res = run_vm(vm, 6, 0);
	assert_int_equal(res.verdict, VM_LIMIT);
	assert_int_equal(result(e), 0);
	assert_int_equal(m.state.rip, 0x7000);
	assert_int_equal(m.state.cr0 & X86_CR0_PE, 0);
	assert_int_equal(m.state.gpr[X86_RAX], KVM_EXIT_SHUTDOWN);
	assert_int_equal(m.state.gpr[X86_RDX], 0);
	/* once */
	res = run_vm(vm, 0, 0);
	assert_string_equal(res.reason, "triple fault at 0x7000");
	vm_free(vm);

	n = ask(e, VM_OP_ON_SHUTDOWN, 0x100000, X86_LONG, 0);
	e[n] = just(CPU_EXIT_EMULATION);
	e[n].raw = KVM_EXIT_INTERNAL_ERROR;
	e[n++].internal.suberror = 1;
	vm = make_mock(&m, e, n);
	run_vm(vm, 0, 0);
	assert_int_equal(m.state.gpr[X86_RAX], KVM_EXIT_INTERNAL_ERROR);
	assert_int_equal(m.state.gpr[X86_RDX], 1);
	vm_free(vm);

	assert_int_equal(once(VM_OP_ON_SHUTDOWN, 0x7000, 3, 0), -EINVAL);
	/* an entry that the mode cannot have is seen when it is needed */
	n = ask(e, VM_OP_ON_SHUTDOWN, 1ull << 40, X86_PROT, 0);
	e[n++] = just(CPU_EXIT_SHUTDOWN);
	vm = make_mock(&m, e, n);
	res = run_vm(vm, 0, 0);
	assert_int_equal(res.verdict, VM_FAIL);
	assert_non_null(strstr(res.reason, "no restart after shutdown"));
	vm_free(vm);
}

static void skipping(void **state)
{
	struct cpu_exit e[8];
	unsigned n = ask(e, VM_OP_SKIP, 2, 0, 0);
	struct vm_result res;
	struct mock m;
	struct vm *vm;

	(void)state;
	e[n++] = just(CPU_EXIT_EMULATION);
	e[n++] = just(CPU_EXIT_EMULATION);
	vm = make_mock(&m, e, n);
	run_vm(vm, 6, 0);
	assert_int_equal(m.state.rip, 0x100002);
	res = run_vm(vm, 0, 0);
	assert_string_equal(res.end, "emulation");
	vm_free(vm);
	assert_int_equal(once(VM_OP_SKIP, 16, 0, 0), -EINVAL);
}

static void interrupts_and_nmi(void **state)
{
	struct cpu_exit e[5];
	struct mock m;
	struct vm *vm = make_mock(&m, e, ask(e, VM_OP_NMI, 0, 0, 0));

	(void)state;
	run_vm(vm, 0, 0);
	assert_int_equal(m.nmis, 1);
	vm_free(vm);

	/* two in a row: the second waits for the first to be taken and ended */
	vm = make_mock(&m, e, ask(e, VM_OP_IRQ_WINDOW, 2, 0, 0));
	static const uint8_t set_up[][2] = {{0x20, 0x11}, {0xa0, 0x11}, {0x21, 0x20}, {0xa1, 0x28},
					    {0x21, 4},	  {0xa1, 2},	{0x21, 1},    {0xa1, 1},
					    {0x21, 0xfb}, {0xa1, 0xfb}};
	for (size_t i = 0; i < ARRAY_SIZE(set_up); i++)
		(void)bus_write(vm->bus, BUS_PIO, set_up[i][0], 1, set_up[i][1]);
	run_vm(vm, 0, 0);
	assert_int_equal(result(e), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(m.line);
		assert_int_equal(vm_ack(vm), 0x2a);
		assert_false(m.line);
		(void)bus_write(vm->bus, BUS_PIO, 0xa0, 1, 0x20);
		(void)bus_write(vm->bus, BUS_PIO, 0x20, 1, 0x20);
	}
	assert_false(m.line);
	assert_int_equal(vm->r.window_left, 0);
	vm_free(vm);
	assert_int_equal(once(VM_OP_IRQ_WINDOW, 1 << 20, 0, 0), -E2BIG);
}

static void save_and_load(void **state)
{
	struct cpu_exit e[6];
	struct cpu_state before;
	struct mock m;
	struct vm *vm;

	(void)state;
	e[0] = mmio_write(REG(TESTDEV_SCRATCH8), 8, 0x123456789);
	ask(e + 1, VM_OP_SAVE_LOAD, 0, 0, 0);
	vm = make_mock(&m, e, 6);
	m.state.gpr[X86_RBX] = 0x55;
	before = m.state;
	run_vm(vm, 0, 0);
	assert_int_equal(result(e + 1), 0);
	assert_memory_equal(&before, &m.state, sizeof(before));
	assert_int_equal(dev_read(vm->testdev, 1, TESTDEV_SCRATCH8, 8), 0x123456789);
	vm_free(vm);
}

static void probing(void **state)
{
	static const char name[] = "nasm";
	char why[200];

	(void)state;
	assert_int_equal(once(VM_OP_PROBE, hash64(0, name, sizeof(name) - 1), 0, 0),
			 vm_probe_run(name, why, sizeof(why)));
	assert_int_equal(once(VM_OP_PROBE, 12345, 0, 0), -ENOENT);
}

static void result_says_host_was_seen(void **state)
{
	static const char name[] = "nasm";
	struct cpu_exit e[5];
	struct mock m;
	struct vm *vm =
		make_mock(&m, e, ask(e, VM_OP_PROBE, hash64(0, name, sizeof(name) - 1), 0, 0));

	(void)state;
	assert_false(run_vm(vm, 0, 0).deterministic);
	vm_free(vm);
}

static void zero_state(void **state)
{
	struct cpu_exit e[5];
	struct mock m;
	struct vm *vm = make_mock(&m, e, ask(e, VM_OP_ZERO_STATE, 0, 0, 0));

	(void)state;
	run_vm(vm, 0, 0);
	assert_true(result(e) == 0 || result(e) == -EINVAL);
	if (!result(e))
		assert_int_equal(m.state.cr0, 0);
	vm_free(vm);
}

/* ---- on KVM -------------------------------------------------------------------------------------- */

/*
 * Real mode: asks by the window of ports (index 0x718, data 0x71c) for a restart at 0x8100 when the
 * machine shuts down, loads an IDT of no limit and executes ud2; at 0x8100 it passes AL on.
 */
static const uint8_t restart[] = {
	/* mov eax, 0x8100 -> A0 */
	0xba, 0x18, 0x07, 0xb8, 0xc0, 0x00, 0xef, 0xba, 0x1c, 0x07, 0x66, 0xb8, 0x00, 0x81, 0x00,
	0x00, 0x66, 0xef,
	/* 8 (VM_OP_ON_SHUTDOWN) -> OP; A1 is 0: real mode */
	0xba, 0x18, 0x07, 0xb8, 0xe0, 0x00, 0xef, 0xba, 0x1c, 0x07, 0x66, 0xb8, 0x08, 0x00, 0x00,
	0x00, 0x66, 0xef,
	/* lidt [zero]; ud2 (of which KVM may think as a failed emulation: 0x11) */
	0x0f, 0x01, 0x1e, 0x80, 0x80, 0x0f, 0x0b};

static void restart_on_kvm(void **state)
{
	static const uint8_t there[] = {0xe6, 0xf4, 0xeb, 0xfe}; /* out 0xf4, al; jmp $ */
	uint8_t image[0x104] = {0};
	struct vm_spec spec = flat_spec(image, sizeof(image), X86_REAL);
	struct vm_result res;
	struct vm *vm;

	(void)state;
	NEED_KVM();
	memcpy(image, restart, sizeof(restart));
	memcpy(image + 0x100, there, sizeof(there));
	vm = make_vm(&spec);
	res = run_vm(vm, 0, WALL);
	if (res.guest != KVM_EXIT_SHUTDOWN && res.guest != KVM_EXIT_INTERNAL_ERROR)
		fail_msg("%s", res.reason);
	vm_free(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers),
		cmocka_unit_test(bad_states),
		cmocka_unit_test(nothing_and_unknown),
		cmocka_unit_test(stepping),
		cmocka_unit_test(stepping_to_no_memory),
		cmocka_unit_test(breaking),
		cmocka_unit_test(debugging_refused),
		cmocka_unit_test(memory),
		cmocka_unit_test(restart_after_shutdown),
		cmocka_unit_test(skipping),
		cmocka_unit_test(interrupts_and_nmi),
		cmocka_unit_test(save_and_load),
		cmocka_unit_test(probing),
		cmocka_unit_test(result_says_host_was_seen),
		cmocka_unit_test(zero_state),
		cmocka_unit_test(restart_on_kvm),
	};

	return cmocka_run_group_tests_name("vm_hostop", tests, NULL, NULL);
}
