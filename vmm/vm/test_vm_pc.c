/* SPDX-License-Identifier: MIT */
/* Unit tests: the PC: which machine is chosen, how its lines run, power, panics, what firmware leaves. */
#include "test_vm.h"

static struct vm_spec pc_spec(const void *code, size_t len, enum x86_mode mode)
{
	struct vm_spec spec = flat_spec(code, len, mode);

	spec.cpu = VM_CPU_SOFT;
	spec.machine = VM_MACHINE_PC;
	return spec;
}

static const uint8_t halt[] = {0xf4};

static void chosen(void **state)
{
	struct vm_spec spec = pc_spec(halt, sizeof(halt), X86_LONG);
	static const char *const parts[] = {"lapic0", "ioapic0",   "pic0",	 "pit0",
					    "rtc0",   "i80420",	   "acpi-pm0",	 "fw-cfg0",
					    "uart0",  "debugcon0", "debug-exit0"};
	struct err err = {0};
	struct vm *vm;

	(void)state;
	vm = make_vm(&spec);
	assert_int_equal(vm_machine(vm), VM_MACHINE_PC);
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
		assert_ptr_equal(vm_device(vm, parts[i]), vm_device_at(vm, i));
	assert_null(vm_device_at(vm, ARRAY_SIZE(parts)));
	assert_null(vm_device(vm, "testdev0"));
	vm_free(vm);
	/* The other one by default: it is no Linux kernel. */
	spec.machine = VM_MACHINE_AUTO;
	vm = make_vm(&spec);
	assert_int_equal(vm_machine(vm), VM_MACHINE_TEST);
	assert_null(vm_device(vm, "lapic0"));
	assert_non_null(vm_device(vm, "testdev0"));
	vm_free(vm);
	/* A PC has a local APIC. */
	spec.machine = VM_MACHINE_PC;
	spec.cpu_model = "base";
	assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "no local APIC"));
	spec.cpu_model = NULL;
	spec.machine = (enum vm_machine)VM_MACHINES;
	assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
	assert_int_equal(vm_machine_find("pc"), VM_MACHINE_PC);
	assert_int_equal(vm_machine_find("atari"), -1);
	assert_string_equal(vm_machine_name(VM_MACHINE_TEST), "test");
	assert_string_equal(vm_machine_name((enum vm_machine)17), "?");
}

static void kernels(void **state)
{
	/* An ELF64 header that says so, and no more: refused, but by the loader of the PC. */
	uint8_t elf[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
	struct vm_spec spec = {.cpu = VM_CPU_SOFT};
	struct err err = {0};
	struct vm *vm;

	(void)state;
	st_le16(elf + 16, 2);
	st_le16(elf + 18, 62);
	spec.load.image.data = elf;
	spec.load.image.len = sizeof(elf);
	spec.cpu_model = "base"; /* which tells the two apart before the image is looked at */
	assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "machine pc"));
	spec.machine = VM_MACHINE_TEST;
	assert_int_equal(vm_new(&vm, &spec, &err), -ENOEXEC);
}

static uint32_t io_entry(struct vm *vm, unsigned pin)
{
	dev_write(vm->ioapic, 0, 0, 4, 0x10 + 2 * pin);
	return (uint32_t)dev_read(vm->ioapic, 0, 0x10, 4);
}

static void wires(void **state)
{
	struct vm_spec spec = pc_spec(halt, sizeof(halt), X86_LONG);
	struct vm *vm = make_vm(&spec);

	(void)state;
	/* Firmware: vectors 8 and 0x70, all masked; the ID; the APIC enabled. */
	assert_int_equal(dev_read(vm->pic, 0, 1, 1), 0xff);
	assert_int_equal(dev_read(vm->pic, 1, 1, 1), 0xff);
	dev_write(vm->lapic, 0, 0xf0, 4, 0x1ff);
	/* An ISA line: to the 8259s and LINT0, and to the pin of its number. */
	dev_write(vm->pic, 0, 1, 1, 0xfb);
	dev_write(vm->pic, 1, 1, 1, 0xfb);
	assert_false(vm->r.intr);
	vm_line(vm, 10, 1);
	assert_true(vm->r.intr);
	assert_int_equal(vm_ack(vm), 0x72);
	vm_line(vm, 10, 0);
	dev_write(vm->pic, 1, 0, 1, 0x20);
	dev_write(vm->pic, 0, 0, 1, 0x20);
	/* Level by the I/O APIC; its end comes back. */
	dev_write(vm->pic, 0, 1, 1, 0xff);
	dev_write(vm->ioapic, 0, 0, 4, 0x10 + 2 * 17);
	dev_write(vm->ioapic, 0, 0x10, 4, 0x8051);
	vm_line(vm, 17, 1);
	assert_int_equal(io_entry(vm, 17), 0xc051);
	assert_int_equal(vm_ack(vm), 0x51);
	vm_line(vm, 17, 0);
	dev_write(vm->lapic, 0, 0xb0, 4, 0);
	assert_int_equal(io_entry(vm, 17), 0x8051);
	/* IRQ 0 is pin 2, and 2 nothing. */
	dev_write(vm->ioapic, 0, 0, 4, 0x10 + 2 * 2);
	dev_write(vm->ioapic, 0, 0x10, 4, 0x52);
	vm_line(vm, 2, 1);
	assert_int_equal(vm_ack(vm), -1);
	vm_line(vm, 0, 1);
	assert_int_equal(vm_ack(vm), 0x52);
	/* The 8259's output is on pin 0 too. */
	dev_write(vm->lapic, 0, 0xb0, 4, 0);
	dev_write(vm->lapic, 0, 0x350, 4, 0x10700);
	dev_write(vm->ioapic, 0, 0, 4, 0x10);
	dev_write(vm->ioapic, 0, 0x10, 4, 0x700);
	dev_write(vm->pic, 0, 1, 1, 0xef);
	assert_false(vm->r.intr);
	vm_line(vm, 4, 1);
	assert_true(vm->r.intr);
	assert_int_equal(vm_ack(vm), 0x0c);
	vm_free(vm);
}

/* ---- power ------------------------------------------------------------------------------------------ */

/* mov dx, PORT; mov ax, VALUE; out dx, ax (or al); hlt */
static struct vm_result write_port(uint16_t port, uint16_t val, bool word, bool wants_code)
{
	uint8_t code[] = {0x66, 0xba, 0, 0, 0x66, 0xb8, 0, 0, 0x66, 0xef, 0xf4};
	struct vm_spec spec = pc_spec(code, sizeof(code), X86_LONG);
	struct vm_result res;
	struct vm *vm;

	st_le16(code + 2, port);
	st_le16(code + 6, val);
	if (!word) {
		code[8] = 0x90;
		code[9] = 0xee;
	}
	vm = make_vm(&spec);
	if (wants_code)
		vm_set_pass_code(vm, 0);
	res = run_vm(vm, 1000, 0);
	/* It has ended, for good. */
	assert_string_equal(run_vm(vm, 1000, 0).reason, res.reason);
	vm_free(vm);
	return res;
}

static void power(void **state)
{
	struct vm_result res = write_port(VM_PM1_CNT, 1u << 13 | VM_SLEEP_S5 << 10, true, false);

	(void)state;
	assert_int_equal(res.verdict, VM_PASS);
	assert_int_equal(res.status, 0);
	assert_string_equal(res.end, "power-off");
	assert_string_equal(res.reason, "power off");
	/* Who is to write a byte has not. */
	res = write_port(VM_PM1_CNT, 1u << 13 | VM_SLEEP_S5 << 10, true, true);
	assert_int_equal(res.verdict, VM_FAIL);
	assert_string_equal(res.end, "power-off");
	/* All ways to reset. */
	res = write_port(VM_PM_RESET, 6, false, false);
	assert_int_equal(res.verdict, VM_FAIL);
	assert_string_equal(res.end, "reset");
	assert_string_equal(res.reason, "guest reset the machine");
	assert_string_equal(write_port(0x64, 0xfe, false, false).end, "reset");
	assert_string_equal(write_port(0x92, 1, false, false).end, "reset");
}

/* The first of several counts: here the exit. */
static void first_counts(void **state)
{
	struct vm_spec spec = pc_spec(halt, sizeof(halt), X86_LONG);
	struct vm *vm = make_vm(&spec);

	(void)state;
	vm_guest_exit(vm, 3);
	vm_power(vm, DEV_POWER_OFF);
	assert_int_equal(vm->pending, VM_P_EXIT);
	vm->pending = 0;
	vm_power(vm, DEV_POWER_RESET);
	vm_power(vm, DEV_POWER_OFF);
	assert_int_equal(vm->pending, VM_P_RESET);
	vm_free(vm);
}

/* ---- panics ----------------------------------------------------------------------------------------- */

struct heard {
	size_t len;
};

static void hear(void *ctx, const void *p, size_t len)
{
	struct heard *h = ctx;

	(void)p;
	h->len += len;
}

#define PANIC "[    1.5] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n"

static struct vm *panicking(struct heard *h, const char *more)
{
	struct vm_spec spec = pc_spec(halt, sizeof(halt), X86_LONG);
	struct vm *vm;

	spec.tee = hear;
	spec.tee_ctx = h;
	vm = make_vm(&spec);
	chr_put(&vm->serial, PANIC, strlen(PANIC));
	for (; *more; more++) /* a UART's bytes come one by one */
		chr_put(&vm->serial, more, 1);
	return vm;
}

static void panics(void **state)
{
	static const char stays[] = "---[ end Kernel panic - not syncing: VFS ]---\r\n";
	struct heard h = {0};
	struct vm *vm = panicking(&h, "");
	struct vm_result res;

	(void)state;
	assert_int_equal(h.len, strlen(PANIC));
	assert_int_equal(vm->pending, 0); /* it may reset */
	vm_power(vm, DEV_POWER_RESET);
	res = run_vm(vm, 1, 0);
	assert_int_equal(res.verdict, VM_FAIL);
	assert_string_equal(res.end, "reset");
	assert_string_equal(res.reason,
			    "guest reset the machine; it said: Kernel panic - not syncing: "
			    "VFS: Unable to mount root fs");
	vm_free(vm);

	vm = panicking(&h, stays);
	res = run_vm(vm, 1, 0);
	assert_int_equal(res.verdict, VM_FAIL);
	assert_string_equal(res.end, "panic");
	assert_non_null(strstr(res.reason, "VFS: Unable"));
	vm_free(vm);

	/* A limit says it too; a line of any length is none of ours. */
	vm = panicking(&h, "");
	for (unsigned i = 0; i < 1000; i++)
		chr_put(&vm->serial, "-", 1);
	res = run_vm(vm, 1, 0);
	assert_non_null(strstr(res.reason, "VFS: Unable"));
	vm_free(vm);
}

/* ---- firmware --------------------------------------------------------------------------------------- */

static uint64_t rd(struct vm *vm, uint64_t gpa, unsigned size)
{
	uint8_t b[8] = {0};

	assert_int_equal(gmem_read(vm->mem, gpa, b, size), 0);
	return ld_le(b, size);
}

/* A multiboot kernel of one HLT; see 3.1.1 of its specification. */
static const uint8_t multiboot[] = {0x02, 0xb0, 0xad, 0x1b, 0,	 0, 1,	  0, 0xfe,
				    0x4f, 0x51, 0xe4, /* magic, flag 16, sum */
				    0,	  0,	0x10, 0,    0,	 0, 0x10, 0, 0,
				    0,	  0,	0,    0,    0,	 0, 0, /* header, load, end, bss */
				    0x20, 0,	0x10, 0,    0xf4};

static void bios(void **state)
{
	struct vm_spec spec = {.cpu = VM_CPU_SOFT, .machine = VM_MACHINE_PC};
	struct vm *vm;

	(void)state;
	spec.load.image.data = multiboot;
	spec.load.image.len = sizeof(multiboot);
	vm = make_vm(&spec);
	assert_int_equal(vm_loaded(vm)->kind, LOAD_MULTIBOOT);
	/* Each vector is a handler that ends what it is for. */
	assert_int_equal(rd(vm, 0x10 * 4, 4), 0xf000ff53);
	assert_int_equal(rd(vm, 0xfff53, 1), 0xcf);
	assert_int_equal(rd(vm, 8 * 4, 4), rd(vm, 15 * 4, 4));
	assert_int_equal(rd(vm, 0x70 * 4, 4), rd(vm, 0x77 * 4, 4));
	assert_int_not_equal(rd(vm, 8 * 4, 4), rd(vm, 0x77 * 4, 4));
	/* The tick: line 0 alone is open. */
	assert_int_equal(dev_read(vm->pic, 0, 1, 1), 0xfe);
	assert_true(clock_next(&vm->clock) < 55000000);
	vm_free(vm);
	/* For no other image. */
	spec = pc_spec(halt, sizeof(halt), X86_LONG);
	vm = make_vm(&spec);
	assert_int_equal(rd(vm, 0x10 * 4, 4), 0);
	assert_true(clock_next(&vm->clock) == CLOCK_NEVER);
	vm_free(vm);
}

static uint64_t selected(struct vm *vm, unsigned key, unsigned n)
{
	struct dev *d = vm_device(vm, "fw-cfg0");
	uint64_t v = 0;

	dev_write(d, 0, 0, 2, key);
	for (unsigned i = 0; i < n; i++)
		v |= dev_read(d, 0, 1, 1) << (8 * i);
	return v;
}

static void told(void **state)
{
	struct vm_spec spec = {.cpu = VM_CPU_SOFT, .machine = VM_MACHINE_PC, .mem = 32 << 20};
	struct vm *vm;

	(void)state;
	spec.load.image.data = multiboot;
	spec.load.image.len = sizeof(multiboot);
	spec.load.cmdline = "abc";
	vm = make_vm(&spec);
	assert_int_equal(selected(vm, 0x05, 2), 1);
	assert_int_equal(selected(vm, 0x03, 8), 32 << 20);
	assert_int_equal(selected(vm, 0x14, 4), 4);
	assert_int_equal(selected(vm, 0x15, 4), 'a' | 'b' << 8 | 'c' << 16);
	vm_free(vm);
}

/* The whole machine goes through a snapshot. */
static void snapshots(void **state)
{
	/* mov ecx, 1000; loop: in al, 0x40; out 0xe9, al; dec ecx; jnz loop; hlt */
	static const uint8_t code[] = {0xb9, 0xe8, 3,	 0,    0,    0xe4, 0x40,
				       0xe6, 0xe9, 0xff, 0xc9, 0x75, 0xf8, 0xf4};
	struct vm_spec spec = pc_spec(code, sizeof(code), X86_LONG);
	uint64_t end[2], h;
	struct vm_snap *s;
	struct vm *vm;

	(void)state;
	spec.track_dirty = true;
	vm = make_vm(&spec);
	(void)run_vm(vm, 1234, 0);
	assert_int_equal(vm_snap(vm, &s, NULL), 0);
	assert_int_equal(vm_hash(vm, &h, NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t again;

		assert_string_equal(run_vm(vm, 100000, 0).end, "hlt");
		assert_int_equal(vm_hash(vm, &end[i], NULL), 0);
		assert_int_equal(vm_restore(vm, s, NULL), 0);
		assert_int_equal(vm_hash(vm, &again, NULL), 0);
		assert_true(again == h);
	}
	assert_true(end[0] == end[1]);
	vm_snap_free(s);
	vm_free(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chosen),	cmocka_unit_test(kernels),
		cmocka_unit_test(wires),	cmocka_unit_test(power),
		cmocka_unit_test(first_counts), cmocka_unit_test(panics),
		cmocka_unit_test(bios),		cmocka_unit_test(told),
		cmocka_unit_test(snapshots),
	};

	return cmocka_run_group_tests_name("vm/pc", tests, NULL, NULL);
}
