/* SPDX-License-Identifier: MIT */
/* Exits as text: each kind, buffers that are too short, contents that are out of range. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <vmm/x86.h>

static uint8_t data[8] = {0x41, 0x42, 0x43, 0x44};

static void is(const struct cpu_exit *e, const char *want)
{
	char text[400];
	int n = cpu_exit_format(e, text, sizeof(text));

	assert_string_equal(text, want);
	assert_int_equal(n, strlen(want));
}

#define EXIT(k, ...) (&(struct cpu_exit){.kind = CPU_EXIT_##k, __VA_ARGS__})

static void each_kind(void **state)
{
	(void)state;
	is(EXIT(PIO, .pio = {.port = 0x3f8, .size = 1, .write = true, .count = 1, .data = data}),
	   "pio write port 0x3f8 size 1 value 0x41");
	is(EXIT(PIO, .pio = {.port = 0x60, .size = 2, .count = 7, .data = data}),
	   "pio read port 0x60 size 2 times 7");
	is(EXIT(MMIO, .mmio = {.gpa = 0xfeb00000, .size = 4, .write = true, .data = {1, 2, 3, 4}}),
	   "mmio write 0xfeb00000 size 4 value 0x4030201");
	is(EXIT(MMIO, .mmio = {.gpa = 0x10, .size = 8}), "mmio read 0x10 size 8");
	is(EXIT(MSR, .msr = {.num = 0x1b, .write = true, .val = 5, .why = 4}),
	   "msr write 0x1b value 0x5 (filtered)");
	is(EXIT(MSR, .msr = {.num = 0x1b, .why = 2}), "msr read 0x1b (unknown)");
	is(EXIT(MSR, .msr = {.num = 0x1b, .why = 1}), "msr read 0x1b (invalid)");
	is(EXIT(MSR, .msr = {.num = 0x1b}), "msr read 0x1b (no reason given)");
	is(EXIT(HLT, .raw = 5), "hlt");
	is(EXIT(SHUTDOWN, .raw = 8), "triple fault");
	is(EXIT(SHUTDOWN, .rip = 0x1003), "triple fault at 0x1003");
	is(EXIT(DEBUG, .debug = {.pc = 0x10, .dr6 = 0x4ff0, .exception = 1}),
	   "debug: exception 1 at 0x10, dr6 0x4ff0");
	is(EXIT(INTR, .raw = 10), "intr");
	is(EXIT(IRQ_WINDOW, .raw = 7), "irq-window");
	is(EXIT(EMULATION, .rip = 0x1003,
		.internal = {.suberror = 1, .insn_len = 2, .insn = {0xd9, 0xe8}}),
	   "emulation failure at 0x1003: (d9 e8)");
	is(EXIT(INTERNAL, .internal = {.suberror = 3, .ndata = 2, .data = {1, 0xff}}),
	   "internal error, suberror 3: data 0x1 0xff");
	is(EXIT(FAIL_ENTRY, .fail_entry = {.reason = 0x80000021, .cpu = 1}),
	   "entry failed, hardware reason 0x80000021, cpu 1");
	is(EXIT(SYSTEM_EVENT, .system_event = {.type = 2}), "system event 2 (reset)");
	is(EXIT(SYSTEM_EVENT, .system_event = {.type = 99, .ndata = 1, .data = {7}}),
	   "system event 99: data 0x7");
	is(EXIT(HYPERCALL, .hypercall = {.nr = 12, .args = {1, 2}}),
	   "hypercall 12: 0x1 0x2 0x0 0x0 0x0 0x0");
	is(EXIT(SET_TPR, .raw = 11), "set-tpr");
	is(EXIT(TPR_ACCESS, .tpr_access = {.rip = 0x10, .write = true}), "TPR write at 0x10");
	is(EXIT(IOAPIC_EOI, .eoi = {.vector = 0x31}), "IOAPIC end of interrupt, vector 49");
	is(EXIT(NOTIFY, .notify = {.flags = 0}), "notify: no event window, flags 0x0");
	is(EXIT(NOTIFY, .notify = {.flags = 1}),
	   "notify: no event window, flags 0x1 (the guest's context is lost)");
	is(EXIT(BUS_LOCK, .raw = 33), "bus-lock");
	is(EXIT(MEMORY_FAULT, .memory_fault = {.flags = 8, .gpa = 0x1000, .size = 0x2000}),
	   "memory fault at 0x1000 size 0x2000 flags 0x8");
	is(EXIT(DIRTY_FULL, .raw = 31), "dirty-full");
	is(EXIT(UNKNOWN, .raw = 77, .unknown = {.bytes = {0xab}}),
	   "exit reason 77, known to no header: bytes ab 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
	   "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00");
	is(EXIT(UNKNOWN, .raw = 13, .text = "KVM_EXIT_S390_SIEIC"),
	   "exit reason 13, KVM_EXIT_S390_SIEIC, which this machine has no use for: bytes 00 00 00 00 "
	   "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00");
	is(EXIT(BAD, .raw = 2, .text = "port access of 3 bytes"),
	   "exit reason 2 makes no sense: port access of 3 bytes");
}

static void names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CPU_EXIT_KINDS; i++) {
		assert_non_null(cpu_exit_name((enum cpu_exit_kind)i));
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(cpu_exit_name((enum cpu_exit_kind)i),
						cpu_exit_name((enum cpu_exit_kind)j));
	}
	assert_string_equal(cpu_exit_name(CPU_EXIT_KINDS), "?");
	assert_string_equal(cpu_exit_name((enum cpu_exit_kind) - 1), "?");
}

/* Whatever the struct holds, whatever the room: a NUL inside, and the same length every time. */
static void any_contents(void **state)
{
	struct rng rng = {5};

	(void)state;
	for (unsigned n = 0; n < 20000; n++) {
		size_t len = rng_next(&rng) % 120;
		char *out = malloc(len + !len), whole[2048];
		struct cpu_exit e;
		int a, b;

		assert_non_null(out);
		for (size_t i = 0; i < sizeof(e); i += 8) {
			uint64_t v = rng_next(&rng);

			memcpy((uint8_t *)&e + i, &v, sizeof(e) - i < 8 ? sizeof(e) - i : 8);
		}
		e.kind = (enum cpu_exit_kind)(n % (CPU_EXIT_KINDS + 1));
		/* what its maker promises: port data that are there, one bool, a text with its end */
		if (e.kind == CPU_EXIT_PIO) {
			e.pio.data = data;
			e.pio.size = 4;
			e.pio.write = true;
		}
		if (e.kind == CPU_EXIT_MMIO)
			e.mmio.write = true;
		if (e.kind == CPU_EXIT_MSR)
			e.msr.write = e.msr.fault = true;
		if (e.kind == CPU_EXIT_TPR_ACCESS)
			e.tpr_access.write = false;
		e.text[95] = 0;
		a = cpu_exit_format(&e, out, len);
		b = cpu_exit_format(&e, whole, sizeof(whole));
		assert_int_equal(a, b);
		assert_int_equal(a, strlen(whole));
		if (len) {
			assert_int_equal(strlen(out), (size_t)a < len ? (size_t)a : len - 1);
			assert_memory_equal(out, whole, strlen(out));
		}
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind),
		cmocka_unit_test(names),
		cmocka_unit_test(any_contents),
	};

	return cmocka_run_group_tests_name("x86/exit", tests, NULL, NULL);
}
