/* SPDX-License-Identifier: MIT */
/* Unit tests: a clock that follows the host's, on a CPU of given exits. */
#include "test_vm.h"

#define MS 1000000ull

struct alarm {
	struct vm *vm;
	struct clock_timer timer;
	unsigned fired;
	uint64_t at;
};

static void ring(void *ctx, uint64_t now)
{
	struct alarm *a = ctx;

	a->fired++;
	a->at = now;
	vm_intr(a->vm, 1);
}

static struct vm *follower(struct mock *m, struct cpu_exit *e, unsigned n, struct alarm *a)
{
	struct vm *vm = make_mock(m, e, n);

	vm->host_time = true;
	vm->exit_ns = 0;
	m->state.rflags |= X86_FLAG_IF;
	*a = (struct alarm){.vm = vm};
	clock_timer_init(&a->timer, ring, a);
	return vm;
}

static struct cpu_exit out_f4(uint8_t *code)
{
	struct cpu_exit e = {.kind = CPU_EXIT_PIO};

	e.pio.port = 0xf4;
	e.pio.size = 1;
	e.pio.count = 1;
	e.pio.write = true;
	e.pio.data = code;
	return e;
}

/* HLT sleeps as long as the guest wanted, and not the whole limit. */
static void sleeps(void **state)
{
	uint8_t code = 0;
	struct cpu_exit e[] = {just(CPU_EXIT_HLT), out_f4(&code)};
	uint64_t start = vm_host_ns();
	struct vm_result res;
	struct alarm a;
	struct mock m;
	struct vm *vm = follower(&m, e, ARRAY_SIZE(e), &a);

	(void)state;
	clock_arm(&vm->clock, &a.timer, 20 * MS);
	res = run_vm(vm, 0, 60000);
	assert_int_equal(res.verdict, VM_PASS);
	assert_false(res.deterministic);
	assert_int_equal(a.fired, 1);
	assert_int_equal(a.at, 20 * MS);
	assert_true(vm_host_ns() - start >= 20 * MS);
	assert_true(vm_host_ns() - start < 60000 * MS);
	assert_true(clock_now(&vm->clock) >= 20 * MS);
	vm_free(vm);
}

/* The limit of host time ends a sleep; between two runs no time passes for the guest. */
static void limits(void **state)
{
	uint8_t code = 0;
	struct cpu_exit e[] = {just(CPU_EXIT_HLT), out_f4(&code)};
	struct vm_result res;
	struct alarm a;
	struct mock m;
	struct vm *vm = follower(&m, e, ARRAY_SIZE(e), &a);
	uint64_t now;

	(void)state;
	clock_arm(&vm->clock, &a.timer, 3600000 * MS);
	res = run_vm(vm, 0, 30);
	assert_int_equal(res.verdict, VM_LIMIT);
	assert_int_equal(a.fired, 0);
	now = clock_now(&vm->clock);
	assert_true(now >= 29 * MS);
	usleep(50000);
	vm_time_start(vm, 0);
	vm_time_follow(vm);
	assert_true(clock_now(&vm->clock) - now < 50 * MS);
	vm_free(vm);
}

static void nothing_to_wake(void **state)
{
	struct cpu_exit e[] = {just(CPU_EXIT_HLT)};
	struct alarm a;
	struct mock m;
	struct vm *vm = follower(&m, e, ARRAY_SIZE(e), &a);
	struct vm_result res = run_vm(vm, 0, 0);

	(void)state;
	assert_int_equal(res.verdict, VM_FAIL);
	assert_string_equal(res.end, "hlt");
	vm_free(vm);
}

/* How long the CPU may run: to the next timer, in whole ms upwards, at most to the limit. */
static void slices(void **state)
{
	struct alarm a;
	struct mock m;
	struct vm *vm = follower(&m, NULL, 0, &a);

	(void)state;
	assert_int_equal(vm_time_slice(vm, 0), 0);
	assert_int_equal(vm_time_slice(vm, 7), 7);
	assert_true(vm->back_at == CLOCK_NEVER);
	clock_arm(&vm->clock, &a.timer, 5 * MS / 2);
	assert_int_equal(vm_time_slice(vm, 0), 3);
	assert_int_equal(vm_time_slice(vm, 2), 2);
	assert_true(vm->back_at == 5 * MS / 2);
	clock_arm(&vm->clock, &a.timer, 0);
	assert_int_equal(vm_time_slice(vm, 0), 1);
	vm_free(vm);
}

static struct alarm *armed;

static void arms_one(struct mock *m)
{
	if (m->at == 1) /* one exit is over, and a slice without end was begun */
		clock_arm(&armed->vm->clock, &armed->timer,
			  clock_now(&armed->vm->clock) + 3600000 * MS);
}

/* A timer that an exit arms brings the CPU back, though nobody was to come for one. */
static void comes_back(void **state)
{
	uint8_t code = 0;
	struct cpu_exit e[] = {mmio_read(0x40000000, 4), mmio_read(0x40000000, 4),
			       mmio_read(0x40000000, 4), out_f4(&code)};
	struct alarm a;
	struct mock m;
	struct vm *vm = follower(&m, e, ARRAY_SIZE(e), &a);

	(void)state;
	armed = &a;
	m.guest = arms_one;
	vm->exits_end = UINT64_MAX;
	vm_time_start(vm, 0);
	(void)vm_time_slice(vm, 0);
	assert_int_equal(m.cpu.ops->run(&m.cpu, 0, 0), CPU_STOP_HOST);
	assert_int_equal(m.at, 2);
	assert_int_equal(vm->pending, VM_P_TIMER);
	/* Once: from now on it is known when to come back. */
	assert_int_equal(run_vm(vm, 0, 0).verdict, VM_PASS);
	assert_int_equal(m.at, 4);
	vm_free(vm);
}

/* Who has it: a Linux kernel on the PC, on kvm, and who asks for it there. Nobody on soft. */
static void who(void **state)
{
	static const uint8_t hlt[] = {0xf4};
	struct vm_spec spec = flat_spec(hlt, sizeof(hlt), X86_LONG);
	struct vm *vm;

	(void)state;
	spec.cpu = VM_CPU_SOFT;
	spec.host_time = true;
	vm = make_vm(&spec);
	assert_false(vm->host_time);
	vm_free(vm);
	NEED_KVM();
	spec.cpu = VM_CPU_KVM;
	vm = make_vm(&spec);
	assert_true(vm->host_time);
	vm_free(vm);
	spec.host_time = false;
	vm = make_vm(&spec);
	assert_false(vm->host_time);
	vm_free(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sleeps),	   cmocka_unit_test(limits),
		cmocka_unit_test(nothing_to_wake), cmocka_unit_test(slices),
		cmocka_unit_test(comes_back),	   cmocka_unit_test(who),
	};

	return cmocka_run_group_tests_name("vm/time", tests, NULL, NULL);
}
