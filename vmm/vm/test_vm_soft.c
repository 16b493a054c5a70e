/* SPDX-License-Identifier: MIT */
/* Unit tests: machines on the software CPU: exact counts and times, snapshots, two at once. */
#include "test_vm.h"

/* mov ecx, 50; loop: add eax, ecx; out 0xe9, al; dec ecx; jnz loop; mov al, 0; out 0xf4, al */
static const uint8_t work[] = {0xb9, 0x32, 0x00, 0x00, 0x00, 0x01, 0xc8, 0xe6, 0xe9,
			       0xff, 0xc9, 0x75, 0xf8, 0xb0, 0x00, 0xe6, 0xf4, 0xf4};
#define WORK_INSNS (1 + 50 * 4 + 2)
#define WORK_EXITS 51

static const uint8_t spin[] = {0xeb, 0xfe};

static struct vm_spec soft_spec(const void *code, size_t len, enum x86_mode mode)
{
	struct vm_spec spec = flat_spec(code, len, mode);

	spec.cpu = VM_CPU_SOFT;
	return spec;
}

static uint64_t hash_of(struct vm *vm)
{
	uint64_t h = 0;

	assert_int_equal(vm_hash(vm, &h, NULL), 0);
	return h;
}

static void counts(void **state)
{
	static const uint8_t pass[] = {0xb0, 0x00, 0xe6, 0xf4, 0xf4};

	(void)state;
	for (int mode = X86_REAL; mode <= X86_LONG; mode++) {
		struct vm_spec spec = soft_spec(pass, sizeof(pass), (enum x86_mode)mode);
		struct vm *vm = make_vm(&spec);
		struct vm_result res = run_vm(vm, 0, 0);

		assert_int_equal(res.verdict, VM_PASS);
		assert_true(res.has_icount && res.deterministic);
		assert_int_equal(res.icount, 2);
		assert_int_equal(res.exits, 1);
		/* an instruction is a nanosecond, an exit is none */
		assert_int_equal(clock_now(vm_clock(vm)), 2);
		vm_free(vm);
	}
}

/* However a run is cut into pieces, nothing but the pieces' ends shows it. */
static void limits_are_exact(void **state)
{
	struct vm_spec spec = soft_spec(work, sizeof(work), X86_PROT);
	uint64_t whole;
	struct vm_result res;
	struct vm *vm;

	(void)state;
	vm = make_vm(&spec);
	res = run_vm(vm, 0, 0);
	assert_int_equal(res.verdict, VM_PASS);
	assert_int_equal(res.icount, WORK_INSNS);
	assert_int_equal(res.exits, WORK_EXITS);
	whole = hash_of(vm);
	vm_free(vm);
	for (unsigned n = 1; n < 8; n++) {
		struct buf text = {0};
		uint64_t count = 0;

		vm = make_vm(&spec);
		stream_to(vm, &text);
		do {
			res = run_vm(vm, n, 0);
			count += n;
			if (res.verdict == VM_LIMIT)
				assert_int_equal(res.icount, count);
		} while (res.verdict == VM_LIMIT);
		assert_int_equal(res.verdict, VM_PASS);
		assert_int_equal(res.icount, WORK_INSNS);
		assert_true(hash_of(vm) == whole);
		vm_free(vm);
		buf_free(&text);
	}
	/* and by exits */
	vm = make_vm(&spec);
	for (unsigned i = 1; i < WORK_EXITS; i++) {
		struct vm_limits lim = {.exits = 1};

		assert_int_equal(vm_run(vm, &lim, &res), 0);
		assert_int_equal(res.verdict, VM_LIMIT);
		assert_int_equal(res.exits, i);
		assert_string_equal(res.reason, "limit: 1 exits");
	}
	res = run_vm(vm, 0, 0);
	assert_int_equal(res.verdict, VM_PASS);
	assert_true(hash_of(vm) == whole);
	vm_free(vm);
}

static void host_time_only_ends(void **state)
{
	struct vm_spec spec = soft_spec(spin, sizeof(spin), X86_LONG);
	struct vm *vm = make_vm(&spec);
	struct vm_result res = run_vm(vm, 0, 30);

	(void)state;
	assert_int_equal(res.verdict, VM_LIMIT);
	assert_false(res.deterministic);
	assert_non_null(strstr(res.reason, "30 ms of host time"));
	assert_true(res.icount > 0);
	vm_free(vm);
}

/* ---- time and interrupts ------------------------------------------------------------------------ */

#define HANDLER 0x40
/*
 * Real mode. The vector table has the handler at 0x8040 for IRQ 10 (vector 0x72 with the second
 * controller at 0x70), whose ax tells where the loop was interrupted.
 */
static const uint8_t irq[] = {
	0xc7, 0x06, 0xc8, 0x01, 0x40, 0x80,		/* mov word [0x72 * 4], 0x8040 */
	0xc7, 0x06, 0xca, 0x01, 0x00, 0x00,		/* mov word [0x72 * 4 + 2], 0 */
	0xb0, 0x11, 0xe6, 0x20, 0xe6, 0xa0,		/* ICW1 */
	0xb0, 0x08, 0xe6, 0x21, 0xb0, 0x70, 0xe6, 0xa1, /* ICW2 */
	0xb0, 0x04, 0xe6, 0x21, 0xb0, 0x02, 0xe6, 0xa1, /* ICW3 */
	0xb0, 0x01, 0xe6, 0x21, 0xe6, 0xa1,		/* ICW4 */
	0xb0, 0xfb, 0xe6, 0x21, 0xe6, 0xa1,		/* mask all but 2 and 10 */
	0x31, 0xc0, 0xfb,				/* xor ax, ax; sti */
	0x40, 0xeb, 0xfd,				/* inc ax; jmp */
	0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
	0x90, /* HANDLER: out 0xe9, al; mov al, ah; out 0xe9, al; mov al, 0; out 0xf4, al */
	0xe6, 0xe9, 0x88, 0xe0, 0xe6, 0xe9, 0xb0, 0x00, 0xe6, 0xf4, 0xf4};

struct alarm {
	struct vm *vm;
	struct clock_timer timer;
	uint64_t at_count, at_time;
	unsigned fired;
};

static void ring(void *ctx, uint64_t now)
{
	struct alarm *a = ctx;

	a->fired++;
	a->at_time = now;
	a->at_count = a->vm->cpu->ops->icount(a->vm->cpu);
	pic_set(a->vm->pic, 10, 1);
}

static uint64_t interrupted_at(uint64_t deadline, uint64_t piece, uint64_t *hash)
{
	struct vm_spec spec = soft_spec(irq, sizeof(irq), X86_REAL);
	struct alarm a = {.vm = make_vm(&spec)};
	struct vm_result res;
	const uint8_t *out;
	uint64_t ax;

	assert_true(irq[HANDLER] == 0xe6 && irq[HANDLER - 1] == 0x90);
	clock_timer_init(&a.timer, ring, &a);
	clock_arm(vm_clock(a.vm), &a.timer, deadline);
	do
		res = run_vm(a.vm, piece ? piece : 100000, 0);
	while (piece && res.verdict == VM_LIMIT);
	assert_int_equal(res.verdict, VM_PASS);
	assert_int_equal(a.fired, 1);
	assert_int_equal(a.at_time, deadline);
	assert_int_equal(a.at_count, deadline); /* exactly that many instructions before it */
	out = (const uint8_t *)buf_str(&vm_console(a.vm)->out);
	assert_int_equal(vm_console(a.vm)->out.len, 2);
	ax = out[0] | (uint64_t)out[1] << 8;
	*hash = hash_of(a.vm);
	vm_free(a.vm);
	return ax;
}

static void timers_fire_at_their_instruction(void **state)
{
	uint64_t h, h2, first = interrupted_at(1001, 0, &h);

	(void)state;
	/* inc and jmp: two more instructions are one more turn */
	assert_int_equal(interrupted_at(1003, 0, &h2), first + 1);
	assert_int_equal(interrupted_at(1101, 0, &h2), first + 50);
	for (unsigned piece = 1; piece < 30; piece += 4) {
		assert_int_equal(interrupted_at(1001, piece, &h2), first);
		assert_true(h2 == h);
	}
}

static void endless_timer(void *ctx, uint64_t now)
{
	struct alarm *a = ctx;

	clock_arm(vm_clock(a->vm), &a->timer, now);
}

static void timer_without_end(void **state)
{
	struct vm_spec spec = soft_spec(spin, sizeof(spin), X86_LONG);
	struct alarm a = {.vm = make_vm(&spec)};
	struct vm_result res;

	(void)state;
	clock_timer_init(&a.timer, endless_timer, &a);
	clock_arm(vm_clock(a.vm), &a.timer, 10);
	res = run_vm(a.vm, 1000, 0);
	assert_int_equal(res.verdict, VM_ERROR);
	assert_non_null(strstr(res.reason, "re-arms itself"));
	vm_free(a.vm);
}

/* ---- ends ---------------------------------------------------------------------------------------- */

static void ends(void **state)
{
	static const uint8_t ud[] = {0x0f, 0x0b};  /* no IDT: triple fault */
	static const uint8_t hlt[] = {0xfa, 0xf4}; /* interrupts are off */
	/*
	 * Real mode: ss = 0x2000, #UD's handler is #UD: mov ax, 0x2000; mov ss, ax; xor sp, sp;
	 * mov word [24], 0x8012; mov word [26], 0; ud2
	 */
	static const uint8_t loop[] = {0xb8, 0x00, 0x20, 0x8e, 0xd0, 0x31, 0xe4,
				       0xc7, 0x06, 0x18, 0x00, 0x13, 0x80, 0xc7,
				       0x06, 0x1a, 0x00, 0x00, 0x00, 0x0f, 0x0b};
	const struct {
		const uint8_t *code;
		size_t len;
		enum x86_mode mode;
		const char *end;
	} cases[] = {
		{ud, sizeof(ud), X86_LONG, "shutdown"},
		{hlt, sizeof(hlt), X86_PROT, "hlt"},
		{loop, sizeof(loop), X86_REAL, "faults"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vm_spec spec = soft_spec(cases[i].code, cases[i].len, cases[i].mode);
		struct vm *vm = make_vm(&spec);
		struct vm_result res = run_vm(vm, 1000000, 0);

		assert_string_equal(res.end, cases[i].end);
		assert_int_equal(res.verdict, VM_FAIL);
		vm_free(vm);
	}
}

/* HLT that nothing wakes goes on where the machine was made so. */
static void hlt_resumes(void **state)
{
	static const uint8_t code[] = {0xf4, 0xf4, 0xb0, 0x00, 0xe6, 0xf4, 0xf4};
	struct vm_spec spec = soft_spec(code, sizeof(code), X86_LONG);
	struct vm_result res;
	struct vm *vm;

	(void)state;
	spec.hlt_resumes = true;
	vm = make_vm(&spec);
	res = run_vm(vm, 100, 0);
	assert_int_equal(res.verdict, VM_PASS);
	assert_int_equal(res.icount, 4);
	assert_int_equal(res.exits, 3);
	vm_free(vm);
}

/* ---- snapshots, and two of them -------------------------------------------------------------------- */

static void snapshots(void **state)
{
	struct vm_spec spec = soft_spec(work, sizeof(work), X86_LONG);
	struct vm_snap *fresh, *mid;
	uint64_t h_fresh, h_mid, h_end;
	struct err err = {0};
	struct vm_result res;
	struct vm *vm;

	(void)state;
	spec.track_dirty = true;
	vm = make_vm(&spec);
	h_fresh = hash_of(vm);
	assert_int_equal(vm_snap(vm, &fresh, &err), 0);
	run_vm(vm, 77, 0);
	h_mid = hash_of(vm);
	assert_int_equal(vm_snap(vm, &mid, &err), 0);
	run_vm(vm, 0, 0);
	h_end = hash_of(vm);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(vm_restore(vm, mid, &err), 0);
		assert_true(hash_of(vm) == h_mid);
		res = run_vm(vm, 0, 0);
		assert_int_equal(res.verdict, VM_PASS);
		assert_int_equal(res.icount, WORK_INSNS); /* the snapshot's count went on */
		assert_int_equal(res.exits, WORK_EXITS);
		assert_true(hash_of(vm) == h_end);
		assert_int_equal(vm_restore(vm, fresh, &err), 0);
		assert_true(hash_of(vm) == h_fresh);
		res = run_vm(vm, 0, 0);
		assert_int_equal(res.icount, WORK_INSNS);
		assert_true(hash_of(vm) == h_end);
	}
	vm_snap_free(fresh);
	vm_snap_free(mid);
	vm_free(vm);
}

static void two_at_once(void **state)
{
	struct vm_spec spec[2] = {soft_spec(work, sizeof(work), X86_LONG),
				  soft_spec(work, sizeof(work), X86_PROT)};
	uint64_t alone[2];
	struct vm *vm[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		vm[i] = make_vm(&spec[i]);
		run_vm(vm[i], 0, 0);
		alone[i] = hash_of(vm[i]);
		vm_free(vm[i]);
		vm[i] = make_vm(&spec[i]);
	}
	for (unsigned n = 0; n < 100; n++)
		for (unsigned i = 0; i < 2; i++)
			run_vm(vm[i], 3, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(run_vm(vm[i], 0, 0).verdict, VM_PASS);
		assert_true(hash_of(vm[i]) == alone[i]);
		vm_free(vm[i]);
	}
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(vm_cpu_name(VM_CPU_SOFT), "soft");
	assert_string_equal(vm_cpu_name(VM_CPU_KVM), "kvm");
	assert_string_equal(vm_cpu_name(VM_CPU_SCRIPT), "script");
	assert_true(vm_probe_of_kvm("kvm") && vm_probe_of_kvm("kvm-nmi"));
	assert_false(vm_probe_of_kvm("nasm") || vm_probe_of_kvm("kvmx"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(limits_are_exact),
		cmocka_unit_test(host_time_only_ends),
		cmocka_unit_test(timers_fire_at_their_instruction),
		cmocka_unit_test(timer_without_end),
		cmocka_unit_test(ends),
		cmocka_unit_test(hlt_resumes),
		cmocka_unit_test(snapshots),
		cmocka_unit_test(two_at_once),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("vm_soft", tests, NULL, NULL);
}
