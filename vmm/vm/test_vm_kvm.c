/* SPDX-License-Identifier: MIT */
/* The whole machine on this host's KVM: hand-assembled guests of a few bytes. */
#include "test_vm.h"

#define WALL 10000u

static struct vm_result play(const struct vm_spec *spec, struct buf *b, uint64_t budget,
			     uint64_t wall)
{
	struct vm *vm = make_vm(spec);
	struct vm_result res;

	if (b)
		stream_to(vm, b);
	res = run_vm(vm, budget, wall);
	vm_free(vm);
	return res;
}

/* mov al, 0; out 0xf4, al; hlt: the same bytes in every mode */
static const uint8_t pass[] = {0xb0, 0x00, 0xe6, 0xf4, 0xf4};

static void every_mode_passes(void **state)
{
	(void)state;
	NEED_KVM();
	for (int mode = X86_REAL; mode <= X86_LONG; mode++) {
		struct vm_spec spec = flat_spec(pass, sizeof(pass), (enum x86_mode)mode);
		struct buf b = {0};
		struct vm_result res = play(&spec, &b, 0, WALL);

		assert_int_equal(res.verdict, VM_PASS);
		assert_int_equal(res.guest, 0);
		assert_int_equal(res.exits, 1);
		assert_string_equal(buf_str(&b), "pio w 0xf4 1 0x0\nend exit\n");
		buf_free(&b);
	}
}

static void outs_to_the_console(void **state)
{
	/* mov si, data; mov cx, 3; mov dx, 0xe9; rep outsb; xor al, al; out 0xf4, al; hlt; "ab\n" */
	static const uint8_t code[] = {0xbe, 0x10, 0x80, 0xb9, 0x03, 0x00, 0xba, 0xe9, 0x00, 0xf3,
				       0x6e, 0x30, 0xc0, 0xe6, 0xf4, 0xf4, 'a',	 'b',  '\n'};
	struct vm_spec spec = flat_spec(code, sizeof(code), X86_REAL);
	struct buf b = {0};

	(void)state;
	NEED_KVM();
	assert_int_equal(play(&spec, &b, 0, WALL).verdict, VM_PASS);
	assert_string_equal(buf_str(&b), "pio w 0xe9 1 0x61\npio w 0xe9 1 0x62\npio w 0xe9 1 0xa\n"
					 "pio w 0xf4 1 0x0\nend exit\n");
	buf_free(&b);
}

static void mmio_across_a_page(void **state)
{
	/* mov ebx, 0xfeb00ffe; mov eax, 0xaabbccdd; mov [rbx], eax; mov ecx, [rbx]; mov ebx, 0xfeb00000;
	 * mov [rbx], eax; lock inc dword [rbx]; xor eax, eax; out 0xf4, al */
	static const uint8_t code[] = {0xbb, 0xfe, 0x0f, 0xb0, 0xfe, 0xb8, 0xdd, 0xcc, 0xbb, 0xaa,
				       0x89, 0x03, 0x8b, 0x0b, 0xbb, 0x00, 0x00, 0xb0, 0xfe, 0x89,
				       0x03, 0xf0, 0xff, 0x03, 0x31, 0xc0, 0xe6, 0xf4, 0xf4};
	struct vm_spec spec = flat_spec(code, sizeof(code), X86_LONG);
	struct buf b = {0};

	(void)state;
	NEED_KVM();
	assert_int_equal(play(&spec, &b, 0, WALL).verdict, VM_PASS);
	assert_string_equal(buf_str(&b),
			    "mmio w 0xfeb00ffe 2 0xccdd\nmmio w 0xfeb01000 2 0xaabb\n"
			    "mmio r 0xfeb00ffe 2 0x0\nmmio r 0xfeb01000 2 0xffff\n"
			    "mmio w 0xfeb00000 4 0xaabbccdd\n"
			    "mmio r 0xfeb00000 4 0xaabbccdd\nmmio w 0xfeb00000 4 0xaabbccde\n"
			    "pio w 0xf4 1 0x0\nend exit\n");
	buf_free(&b);
}

static void msrs(void **state)
{
	/* mov ecx, 0x4b564d80; mov eax, 0x1234; xor edx, edx; wrmsr; xor eax, eax; rdmsr; out 0xf4, al;
	 * hlt */
	static const uint8_t code[] = {0xb9, 0x80, 0x4d, 0x56, 0x4b, 0xb8, 0x34,
				       0x12, 0x00, 0x00, 0x31, 0xd2, 0x0f, 0x30,
				       0x31, 0xc0, 0x0f, 0x32, 0xe6, 0xf4, 0xf4};
	/* mov ecx, 0x4b564d88; rdmsr: #GP, and no IDT */
	static const uint8_t fault[] = {0xb9, 0x88, 0x4d, 0x56, 0x4b, 0x0f, 0x32, 0xf4};
	struct vm_spec spec = flat_spec(code, sizeof(code), X86_LONG);
	struct buf b = {0};
	struct vm_result res;

	(void)state;
	NEED_KVM();
	res = play(&spec, &b, 0, WALL);
	assert_int_equal(res.guest, 0x34);
	assert_string_equal(buf_str(&b), "msr w 0x4b564d80 0x1234\nmsr r 0x4b564d80 0x1234\n"
					 "pio w 0xf4 1 0x34\nend exit\n");
	buf_free(&b);
	b = (struct buf){0};
	spec = flat_spec(fault, sizeof(fault), X86_LONG);
	assert_int_equal(play(&spec, &b, 0, WALL).verdict, VM_FAIL);
	assert_string_equal(buf_str(&b), "msr r 0x4b564d88 0x0 gp\nshutdown\nend shutdown\n");
	buf_free(&b);
}

static void triple_fault(void **state)
{
	static const uint8_t code[] = {0x90, 0x0f, 0x0b}; /* nop; ud2 */
	struct vm_spec spec = flat_spec(code, sizeof(code), X86_LONG);
	struct buf b = {0};
	char why[200];
	struct vm_result res;

	(void)state;
	NEED_KVM();
	res = play(&spec, &b, 0, WALL);
	assert_int_equal(res.verdict, VM_FAIL);
	assert_string_equal(res.end, "shutdown");
	assert_string_equal(buf_str(&b), "shutdown\nend shutdown\n");
	assert_non_null(strstr(res.reason, "triple fault at 0x"));
	if (vm_probe_run("kvm-triple-keeps-state", why, sizeof(why)) == 1)
		assert_string_equal(res.reason, "triple fault at 0x100001");
	buf_free(&b);
}

static void halts(void **state)
{
	/* cli or sti, then hlt; nothing is armed */
	static const uint8_t off[] = {0xfa, 0xf4}, on[] = {0xfb, 0xf4};
	struct vm_spec spec = flat_spec(off, sizeof(off), X86_LONG);
	struct vm_result res;

	(void)state;
	NEED_KVM();
	res = play(&spec, NULL, 0, WALL);
	assert_int_equal(res.verdict, VM_FAIL);
	assert_string_equal(res.end, "hlt");
	assert_non_null(strstr(res.reason, "halted with nothing to wake it"));
	assert_non_null(strstr(res.reason, "interrupts are off"));
	spec = flat_spec(on, sizeof(on), X86_LONG);
	res = play(&spec, NULL, 0, WALL);
	assert_string_equal(res.end, "hlt");
	assert_non_null(strstr(res.reason, "no interrupt can come"));
}

/* PIC set up, the test device's timer armed for 1 ms, sti; hlt; the handler sets bl to 0x33. */
static const uint8_t irq[] = {
	0xfa, 0xc7, 0x06, 0xa8, 0x00, 0x57, 0x80, 0xc7, 0x06, 0xaa, 0x00, 0x00, 0x00, 0xb0, 0x11,
	0xe6, 0x20, 0xe6, 0xa0, 0xb0, 0x20, 0xe6, 0x21, 0xb0, 0x28, 0xe6, 0xa1, 0xb0, 0x04, 0xe6,
	0x21, 0xb0, 0x02, 0xe6, 0xa1, 0xb0, 0x01, 0xe6, 0x21, 0xe6, 0xa1, 0xb0, 0xfb, 0xe6, 0x21,
	0xe6, 0xa1, 0xba, 0x18, 0x07, 0xb8, 0x64, 0x01, 0xef, 0xba, 0x1c, 0x07, 0x66, 0x31, 0xc0,
	0x66, 0xef, 0xba, 0x18, 0x07, 0xb8, 0x60, 0x01, 0xef, 0xba, 0x1c, 0x07, 0x66, 0xb8, 0x40,
	0x42, 0x0f, 0x00, 0x66, 0xef, 0xfb, 0xf4, 0x88, 0xd8, 0xe6, 0xf4, 0xf4, 0xb3, 0x33, 0xcf};

static void timer_wakes_hlt(void **state)
{
	struct vm_spec spec = flat_spec(irq, sizeof(irq), X86_REAL);
	struct buf b = {0};
	struct vm *vm;
	struct vm_result res;

	(void)state;
	NEED_KVM();
	vm = make_vm(&spec);
	stream_to(vm, &b);
	res = run_vm(vm, 0, WALL);
	assert_int_equal(res.guest, 0x33);
	assert_non_null(strstr(buf_str(&b), "hlt\npio w 0xf4 1 0x33\nend exit\n"));
	/* armed before the line of its own was counted */
	assert_in_range(clock_now(vm_clock(vm)), 1000000, 1100000);
	vm_free(vm);
	buf_free(&b);
}

static void failed_emulation(void **state)
{
	static const uint8_t code[] = {0xd9, 0xe8, 0xb0, 0x00, 0xe6, 0xf4}; /* fld1; pass */
	struct vm_spec spec = flat_spec(code, sizeof(code), X86_LONG);
	struct vm_result res;
	char why[200];

	(void)state;
	NEED_KVM();
	spec.no_finish = true;
	res = play(&spec, NULL, 0, WALL);
	assert_int_equal(res.finished, 0);
	if (vm_probe_run("kvm-x87-cpl0", why, sizeof(why)) == 1) {
		assert_int_equal(res.verdict, VM_PASS);
		return;
	}
	assert_int_equal(res.verdict, VM_FAIL);
	assert_string_equal(res.end, "emulation");
	assert_non_null(strstr(res.reason, "emulation failure at 0x100000: fld1 (d9 e8"));
}

/* What KVM cannot emulate is run by soft: the state goes over and back, accesses are exits. */
static void finished_instructions(void **state)
{
	/*
	 * mov ebx, TESTDEV; mov dword [rbx], 3.5f; fld dword [rbx]; fld st0; faddp; fistp dword [rbx + 4];
	 * mov eax, [rbx + 4]; out 0xe9, al; mov al, 0; out 0xf4, al
	 */
	static const uint8_t code[] = {0xbb, 0x00, 0x00, 0xb0, 0xfe, 0xc7, 0x03, 0x00, 0x00, 0x60,
				       0x40, 0xd9, 0x03, 0xd9, 0xc0, 0xde, 0xc1, 0xdb, 0x5b, 0x04,
				       0x8b, 0x43, 0x04, 0xe6, 0xe9, 0xb0, 0x00, 0xe6, 0xf4};
	struct vm_spec spec = flat_spec(code, sizeof(code), X86_LONG);
	struct buf soft = {0}, kvm = {0};
	struct vm_result res;

	(void)state;
	NEED_KVM();
	spec.cpu = VM_CPU_SOFT;
	res = play(&spec, &soft, 0, 0);
	assert_int_equal(res.verdict, VM_PASS);
	assert_int_equal(res.finished, 0);
	assert_non_null(strstr(buf_str(&soft), "mmio r 0xfeb00000 4 0x40600000\n"));
	assert_non_null(strstr(buf_str(&soft), "pio w 0xe9 1 0x7\n"));
	spec.cpu = VM_CPU_KVM;
	res = play(&spec, &kvm, 0, WALL);
	assert_int_equal(res.verdict, VM_PASS);
	assert_string_equal(buf_str(&kvm), buf_str(&soft));
	assert_int_equal(res.exits, 6);
	buf_free(&soft);
	buf_free(&kvm);
}

static void limits(void **state)
{
	static const uint8_t spin[] = {0xeb, 0xfe};	       /* jmp $ */
	static const uint8_t out[] = {0xe6, 0x80, 0xeb, 0xfc}; /* out 0x80, al; jmp */
	struct vm_spec spec = flat_spec(spin, sizeof(spin), X86_LONG);
	struct vm_result res;
	struct buf b = {0};
	struct vm *vm;

	(void)state;
	NEED_KVM();
	res = play(&spec, NULL, 0, 50);
	assert_int_equal(res.verdict, VM_LIMIT);
	assert_int_equal(res.status, 5);
	assert_string_equal(res.reason, "limit: 50 ms of host time");
	assert_false(res.deterministic);

	spec = flat_spec(out, sizeof(out), X86_LONG);
	vm = make_vm(&spec);
	stream_to(vm, &b);
	res = run_vm(vm, 3, WALL);
	assert_int_equal(res.verdict, VM_LIMIT);
	assert_int_equal(res.exits, 3);
	assert_true(res.deterministic);
	res = run_vm(vm, 2, WALL);
	assert_int_equal(res.exits, 5);
	assert_string_equal(buf_str(&b), "pio w 0x80 1 0x0\npio w 0x80 1 0x0\npio w 0x80 1 0x0\n"
					 "end limit\npio w 0x80 1 0x0\npio w 0x80 1 0x0\n"
					 "end limit\n");
	vm_free(vm);
	buf_free(&b);
}

/* Without an image the CPU starts at reset, where no RAM is: it must end, not hang. */
static void no_image(void **state)
{
	struct vm_spec spec = {.cpu = VM_CPU_KVM};
	struct vm_result res;

	(void)state;
	NEED_KVM();
	res = play(&spec, NULL, 1000, 2000);
	assert_true(res.verdict == VM_FAIL || res.verdict == VM_LIMIT);
}

static void runs_repeat(void **state)
{
	struct vm_spec spec = flat_spec(irq, sizeof(irq), X86_REAL);
	uint64_t hash[3], stream[3];

	(void)state;
	NEED_KVM();
	for (unsigned i = 0; i < 3; i++) {
		struct vm *vm = make_vm(&spec);

		run_vm(vm, 0, WALL);
		stream[i] = trace_hash(vm_trace(vm));
		assert_int_equal(vm_hash(vm, &hash[i], NULL), 0);
		vm_free(vm);
	}
	assert_true(hash[0] == hash[1] && hash[1] == hash[2]);
	assert_true(stream[0] == stream[1] && stream[1] == stream[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mode_passes),
		cmocka_unit_test(outs_to_the_console),
		cmocka_unit_test(mmio_across_a_page),
		cmocka_unit_test(msrs),
		cmocka_unit_test(triple_fault),
		cmocka_unit_test(halts),
		cmocka_unit_test(timer_wakes_hlt),
		cmocka_unit_test(failed_emulation),
		cmocka_unit_test(finished_instructions),
		cmocka_unit_test(limits),
		cmocka_unit_test(no_image),
		cmocka_unit_test(runs_repeat),
	};

	return cmocka_run_group_tests_name("vm_kvm", tests, NULL, NULL);
}
