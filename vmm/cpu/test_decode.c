/* SPDX-License-Identifier: MIT */
/* The exit decoder: each reason, hostile values, no reason by a wrong name. No KVM needed. */
#include <linux/kvm.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmm/kvm.h>
#include "test_util.h"

#define SIZE 0x3000u /* as KVM maps it: the struct, port data, coalesced accesses */

/* The mapping lies against a page that may not be touched. */
static struct kvm_run *run;

static int setup(void **state)
{
	uint8_t *p = mmap(NULL, SIZE + 0x1000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	(void)state;
	if (p == MAP_FAILED || mprotect(p + SIZE, 0x1000, PROT_NONE))
		return -1;
	run = (struct kvm_run *)p;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return munmap(run, SIZE + 0x1000);
}

static struct cpu_exit decode(uint32_t reason)
{
	struct cpu_exit e;

	memset(&e, 0xcc, sizeof(e));
	run->exit_reason = reason;
	cpu_kvm_decode(run, SIZE, &e);
	assert_int_equal(e.raw, reason);
	return e;
}

static void fresh(void)
{
	memset(run, 0, SIZE);
}

static struct cpu_exit io(uint8_t dir, uint8_t size, uint32_t count, uint64_t offset)
{
	fresh();
	run->io.direction = dir;
	run->io.size = size;
	run->io.port = 0x3f8;
	run->io.count = count;
	run->io.data_offset = offset;
	return decode(KVM_EXIT_IO);
}

static void assert_bad(struct cpu_exit e, const char *text)
{
	assert_int_equal(e.kind, CPU_EXIT_BAD);
	if (!strstr(e.text, text))
		fail_msg("\"%s\" has no \"%s\"", e.text, text);
}

static void pio(void **state)
{
	struct cpu_exit e = io(KVM_EXIT_IO_OUT, 4, 3, 0x1000);

	(void)state;
	assert_int_equal(e.kind, CPU_EXIT_PIO);
	assert_int_equal(e.pio.port, 0x3f8);
	assert_int_equal(e.pio.size, 4);
	assert_int_equal(e.pio.count, 3);
	assert_true(e.pio.write);
	assert_ptr_equal(e.pio.data, (uint8_t *)run + 0x1000);
	assert_int_equal(e.rip, 0);
	assert_false(io(KVM_EXIT_IO_IN, 1, 1, 0x1000).pio.write);
	/* up to the last byte, and not one beyond */
	assert_int_equal(io(0, 1, 0x2000, 0x1000).kind, CPU_EXIT_PIO);
	assert_int_equal(io(0, 2, 1, SIZE - 2).kind, CPU_EXIT_PIO);
	assert_int_equal(io(0, 1, 1, sizeof(*run)).kind, CPU_EXIT_PIO);
	assert_bad(io(0, 1, 0x2001, 0x1000), "outside of the mapping");
	assert_bad(io(0, 2, 1, SIZE - 1), "outside");
	assert_bad(io(0, 1, 1, SIZE), "outside");
	assert_bad(io(0, 1, 1, sizeof(*run) - 1), "outside");
	assert_bad(io(0, 1, 1, 0), "outside");
	/* sums and products that wrap */
	assert_bad(io(0, 1, 1, UINT64_MAX), "outside");
	assert_bad(io(0, 4, 0x40000001, 0x1000), "outside");
	assert_bad(io(0, 4, UINT32_MAX, UINT64_MAX - 3), "outside");
	for (unsigned s = 0; s < 256; s++)
		if (s != 1 && s != 2 && s != 4)
			assert_bad(io(0, (uint8_t)s, 1, 0x1000), "port access of");
	assert_bad(io(2, 1, 1, 0x1000), "direction 2");
	assert_bad(io(0, 1, 0, 0x1000), "no elements");
}

static void mmio(void **state)
{
	struct cpu_exit e;

	(void)state;
	for (uint32_t len = 0; len < 300; len++) {
		fresh();
		run->mmio.phys_addr = 0xfeb00000;
		run->mmio.len = len;
		run->mmio.is_write = len & 1;
		memcpy(run->mmio.data, "\1\2\3\4\5\6\7\10", 8);
		e = decode(KVM_EXIT_MMIO);
		if (!len || len > 8) {
			assert_bad(e, "memory access of");
			continue;
		}
		assert_int_equal(e.kind, CPU_EXIT_MMIO);
		assert_int_equal(e.mmio.gpa, 0xfeb00000);
		assert_int_equal(e.mmio.size, len);
		assert_int_equal(e.mmio.write, len & 1);
		assert_memory_equal(e.mmio.data, run->mmio.data, 8);
	}
	run->mmio.len = UINT32_MAX;
	assert_bad(decode(KVM_EXIT_MMIO), "4294967295 bytes");
}

static void msr(void **state)
{
	struct cpu_exit e;

	(void)state;
	fresh();
	run->msr.index = 0xc0000080;
	run->msr.reason = KVM_MSR_EXIT_REASON_FILTER;
	run->msr.data = 0x1234;
	e = decode(KVM_EXIT_X86_RDMSR);
	assert_int_equal(e.kind, CPU_EXIT_MSR);
	assert_int_equal(e.msr.num, 0xc0000080);
	assert_false(e.msr.write);
	assert_false(e.msr.fault);
	assert_int_equal(e.msr.why, 4);
	assert_int_equal(e.msr.val, 0);
	e = decode(KVM_EXIT_X86_WRMSR);
	assert_true(e.msr.write);
	assert_int_equal(e.msr.val, 0x1234);
}

static void internal(void **state)
{
	struct cpu_exit e;

	(void)state;
	fresh();
	run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->internal.ndata = 8;
	run->emulation_failure.flags = 1;
	run->emulation_failure.insn_size = 15;
	memcpy(run->emulation_failure.insn_bytes, "\xd9\xe8\x90", 3);
	e = decode(KVM_EXIT_INTERNAL_ERROR);
	assert_int_equal(e.kind, CPU_EXIT_EMULATION);
	assert_int_equal(e.internal.insn_len, 15);
	assert_memory_equal(e.internal.insn, "\xd9\xe8\x90", 3);
	assert_int_equal(e.internal.ndata, 8);
	/* no flag, or no room for the bytes: none */
	run->emulation_failure.flags = 2;
	assert_int_equal(decode(KVM_EXIT_INTERNAL_ERROR).internal.insn_len, 0);
	run->emulation_failure.flags = 1;
	run->internal.ndata = 2;
	assert_int_equal(decode(KVM_EXIT_INTERNAL_ERROR).internal.insn_len, 0);
	run->internal.ndata = 3;
	run->emulation_failure.insn_size = 16;
	assert_bad(decode(KVM_EXIT_INTERNAL_ERROR), "instruction of 16 bytes");
	run->internal.ndata = 17;
	assert_bad(decode(KVM_EXIT_INTERNAL_ERROR), "17 words");
	run->internal.ndata = UINT32_MAX;
	assert_bad(decode(KVM_EXIT_INTERNAL_ERROR), "words");
	/* another suberror has no instruction, whatever its data say */
	run->internal.suberror = 3;
	run->internal.ndata = 16;
	run->internal.data[15] = 0x77;
	e = decode(KVM_EXIT_INTERNAL_ERROR);
	assert_int_equal(e.kind, CPU_EXIT_INTERNAL);
	assert_int_equal(e.internal.suberror, 3);
	assert_int_equal(e.internal.insn_len, 0);
	assert_int_equal(e.internal.data[15], 0x77);
	/* words beyond ndata are not looked at */
	run->internal.ndata = 15;
	assert_int_equal(decode(KVM_EXIT_INTERNAL_ERROR).internal.data[15], 0);
}

static void others(void **state)
{
	struct cpu_exit e;

	(void)state;
	fresh();
	run->fail_entry.hardware_entry_failure_reason = 0x80000021;
	run->fail_entry.cpu = 3;
	e = decode(KVM_EXIT_FAIL_ENTRY);
	assert_int_equal(e.kind, CPU_EXIT_FAIL_ENTRY);
	assert_int_equal(e.fail_entry.reason, 0x80000021);
	assert_int_equal(e.fail_entry.cpu, 3);

	fresh();
	run->debug.arch.exception = 1;
	run->debug.arch.pc = 0x1234;
	run->debug.arch.dr6 = 0xffff4ff0;
	run->debug.arch.dr7 = 0x400;
	e = decode(KVM_EXIT_DEBUG);
	assert_int_equal(e.kind, CPU_EXIT_DEBUG);
	assert_int_equal(e.debug.exception, 1);
	assert_int_equal(e.debug.dr6, 0xffff4ff0);
	assert_int_equal(e.rip, 0x1234);

	fresh();
	run->system_event.type = KVM_SYSTEM_EVENT_RESET;
	run->system_event.ndata = 2;
	run->system_event.data[1] = 9;
	run->system_event.data[2] = 10;
	e = decode(KVM_EXIT_SYSTEM_EVENT);
	assert_int_equal(e.kind, CPU_EXIT_SYSTEM_EVENT);
	assert_int_equal(e.system_event.type, 2);
	assert_int_equal(e.system_event.data[1], 9);
	assert_int_equal(e.system_event.data[2], 0);
	run->system_event.ndata = 17;
	assert_bad(decode(KVM_EXIT_SYSTEM_EVENT), "system event with 17");

	fresh();
	run->hypercall.nr = 12;
	run->hypercall.args[5] = 6;
	run->hypercall.longmode = 1;
	e = decode(KVM_EXIT_HYPERCALL);
	assert_int_equal(e.kind, CPU_EXIT_HYPERCALL);
	assert_int_equal(e.hypercall.nr, 12);
	assert_int_equal(e.hypercall.args[5], 6);
	assert_int_equal(e.hypercall.flags, 1);

	fresh();
	run->tpr_access.rip = 0x99;
	run->tpr_access.is_write = 1;
	e = decode(KVM_EXIT_TPR_ACCESS);
	assert_int_equal(e.kind, CPU_EXIT_TPR_ACCESS);
	assert_int_equal(e.tpr_access.rip, 0x99);
	assert_true(e.tpr_access.write);

	fresh();
	run->eoi.vector = 0x31;
	assert_int_equal(decode(KVM_EXIT_IOAPIC_EOI).eoi.vector, 0x31);

	fresh();
	run->padding[0] = 1;
	e = decode(KVM_EXIT_NOTIFY);
	assert_int_equal(e.kind, CPU_EXIT_NOTIFY);
	assert_int_equal(e.notify.flags, 1);

	fresh();
	st_le64(run->padding, 8);
	st_le64(run->padding + 8, 0x1000);
	st_le64(run->padding + 16, 0x2000);
	e = decode(KVM_EXIT_MEMORY_FAULT);
	assert_int_equal(e.kind, CPU_EXIT_MEMORY_FAULT);
	assert_int_equal(e.memory_fault.flags, 8);
	assert_int_equal(e.memory_fault.gpa, 0x1000);
	assert_int_equal(e.memory_fault.size, 0x2000);

	assert_int_equal(decode(KVM_EXIT_HLT).kind, CPU_EXIT_HLT);
	assert_int_equal(decode(KVM_EXIT_SHUTDOWN).kind, CPU_EXIT_SHUTDOWN);
	assert_int_equal(decode(KVM_EXIT_INTR).kind, CPU_EXIT_INTR);
	assert_int_equal(decode(KVM_EXIT_IRQ_WINDOW_OPEN).kind, CPU_EXIT_IRQ_WINDOW);
	run->cr8 = 0x105;
	assert_int_equal(decode(KVM_EXIT_SET_TPR).kind, CPU_EXIT_SET_TPR);
	assert_int_equal(decode(KVM_EXIT_SET_TPR).tpr.cr8, 5);
	assert_int_equal(decode(KVM_EXIT_X86_BUS_LOCK).kind, CPU_EXIT_BUS_LOCK);
	assert_int_equal(decode(KVM_EXIT_DIRTY_RING_FULL).kind, CPU_EXIT_DIRTY_FULL);
}

/* The table and kvm's names: a name for each row, and none where there is no row. */
static void unknown_reasons(void **state)
{
	char text[256];

	(void)state;
	for (uint32_t reason = 0; reason < 2000; reason++) {
		const char *name = kvm_exit_reason_name(reason);
		struct cpu_exit e;

		fresh();
		memset(run->padding, 0xa5, 32);
		e = decode(reason);
		if (!name)
			assert_int_equal(e.kind, CPU_EXIT_UNKNOWN);
		if (e.kind != CPU_EXIT_UNKNOWN)
			continue;
		assert_memory_equal(e.unknown.bytes, run->padding, 32);
		assert_string_equal(e.text, name ? name : "");
		cpu_exit_format(&e, text, sizeof(text));
		assert_non_null(strstr(text, "bytes a5 a5"));
		assert_int_equal(strstr(text, "KVM_EXIT_") != NULL, name != NULL);
	}
	assert_int_equal(decode(UINT32_MAX).kind, CPU_EXIT_UNKNOWN);
	assert_string_equal(decode(KVM_EXIT_S390_SIEIC).text, "KVM_EXIT_S390_SIEIC");
}

static void sizes(void **state)
{
	struct cpu_exit e;

	(void)state;
	for (size_t size = 0; size < sizeof(*run); size += 7) {
		cpu_kvm_decode((struct kvm_run *)((uint8_t *)run + SIZE - size), size, &e);
		assert_bad(e, "smaller than struct kvm_run");
	}
	fresh();
	run->io = (typeof(run->io)){.size = 1, .count = 1, .data_offset = sizeof(*run)};
	run->exit_reason = KVM_EXIT_IO;
	cpu_kvm_decode(run, sizeof(*run), &e);
	assert_bad(e, "outside");
	run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	run->s.regs.regs.rip = 0x4321;
	cpu_kvm_decode(run, SIZE, &e);
	assert_int_equal(e.rip, 0x4321);
}

/* Random bytes: pure, and the pointer stays inside. */
static void any_bytes(void **state)
{
	struct rng rng = {3};
	struct cpu_exit a, b;

	(void)state;
	for (unsigned n = 0; n < 20000; n++) {
		fresh();
		for (size_t i = 0; i < 64; i += 8)
			st_le64((uint8_t *)run + i,
				n % 3 ? rng_next(&rng) & 0x3f00ff07ff0f : rng_next(&rng));
		run->exit_reason &= 63;
		memset(&a, 0, sizeof(a));
		memset(&b, 0, sizeof(b));
		cpu_kvm_decode(run, SIZE, &a);
		cpu_kvm_decode(run, SIZE, &b);
		assert_memory_equal(&a, &b, sizeof(a));
		if (a.kind == CPU_EXIT_PIO)
			memset(a.pio.data, 1, (size_t)a.pio.count * a.pio.size);
	}
}

static void described(void **state)
{
	struct cpu_exit e = {.kind = CPU_EXIT_EMULATION, .rip = 0x1003};
	char text[128], small[8];

	(void)state;
	e.internal.suberror = 1;
	e.internal.insn_len = 15;
	memcpy(e.internal.insn, "\xd9\xe8\x90", 3);
	cpu_exit_describe(&e, 64, text, sizeof(text));
	assert_string_equal(text, "emulation failure at 0x1003: fld1 (d9 e8)");
	assert_int_equal(cpu_exit_describe(&e, 64, small, sizeof(small)), strlen(text));
	assert_string_equal(small, "emulati");
	e.internal.insn_len = 1;
	cpu_exit_describe(&e, 64, text, sizeof(text));
	assert_string_equal(text, "emulation failure at 0x1003: (d9)");
	e.internal.insn_len = 0;
	cpu_exit_describe(&e, 64, text, sizeof(text));
	assert_string_equal(text, "emulation failure at 0x1003");
	e.kind = CPU_EXIT_HLT;
	cpu_exit_describe(&e, 64, text, sizeof(text));
	assert_string_equal(text, "hlt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pio),	     cmocka_unit_test(mmio),
		cmocka_unit_test(msr),	     cmocka_unit_test(internal),
		cmocka_unit_test(others),    cmocka_unit_test(unknown_reasons),
		cmocka_unit_test(sizes),     cmocka_unit_test(any_bytes),
		cmocka_unit_test(described),
	};

	return cmocka_run_group_tests_name("cpu/decode", tests, setup, teardown);
}
