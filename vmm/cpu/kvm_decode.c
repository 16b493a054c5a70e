/* SPDX-License-Identifier: MIT */
/*
 * cpu: what KVM_RUN left in struct kvm_run, as struct cpu_exit. One table with a row for every exit
 * reason known; the names are kvm's (a unit test holds the two together).
 * The layout is that of Linux's Documentation/virt/kvm/api.rst, section 5.
 */
#include <errno.h>
#include <stdio.h>

#include <linux/kvm.h>
#include <vmm/cpu.h>
#include <vmm/insn.h>
#include <vmm/kvm.h>

/* KVM_INTERNAL_ERROR_EMULATION: data[0] is flags, then the instruction's size and bytes. */
#define EMULATION_HAS_BYTES 1ull
#define EMULATION_NDATA	    3u

/* Newer than the oldest headers that we build with. */
struct memory_fault {
	uint64_t flags, gpa, size;
};

typedef void (*decode_fn)(struct kvm_run *run, size_t size, struct cpu_exit *e);

__attribute__((format(printf, 2, 3))) static void bad(struct cpu_exit *e, const char *fmt, ...)
{
	va_list ap;

	e->kind = CPU_EXIT_BAD;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
}

static void decode_io(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	uint8_t width = run->io.size, dir = run->io.direction;
	uint64_t at = run->io.data_offset, bytes;
	uint32_t count = run->io.count;

	if (width != 1 && width != 2 && width != 4) {
		bad(e, "port access of %u bytes", width);
		return;
	}
	if (dir != KVM_EXIT_IO_IN && dir != KVM_EXIT_IO_OUT) {
		bad(e, "port access of direction %u", dir);
		return;
	}
	if (!count) {
		bad(e, "port access of no elements");
		return;
	}
	bytes = (uint64_t)count * width; /* 34 bits at most */
	/* The header is ours: data that overlaps it would be control fields. */
	if (at < sizeof(*run) || !range_within(at, bytes, 0, size)) {
		bad(e, "port data at 0x%llx, %llu bytes: outside of the mapping",
		    (unsigned long long)at, (unsigned long long)bytes);
		return;
	}
	e->kind = CPU_EXIT_PIO;
	e->pio.port = run->io.port;
	e->pio.size = width;
	e->pio.write = dir == KVM_EXIT_IO_OUT;
	e->pio.count = count;
	e->pio.data = (uint8_t *)run + at;
}

static void decode_mmio(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	uint32_t len = run->mmio.len;

	(void)size;
	if (!len || len > 8) {
		bad(e, "memory access of %u bytes", len);
		return;
	}
	e->kind = CPU_EXIT_MMIO;
	e->mmio.gpa = run->mmio.phys_addr;
	e->mmio.size = (uint8_t)len;
	e->mmio.write = run->mmio.is_write;
	memcpy(e->mmio.data, run->mmio.data, sizeof(e->mmio.data));
}

static void decode_msr(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	(void)size;
	e->kind = CPU_EXIT_MSR;
	e->msr.num = run->msr.index;
	e->msr.write = e->raw == KVM_EXIT_X86_WRMSR;
	e->msr.why = (uint8_t)run->msr.reason;
	e->msr.fault = false;
	e->msr.val = e->msr.write ? run->msr.data : 0;
}

static void decode_debug(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	(void)size;
	e->kind = CPU_EXIT_DEBUG;
	e->debug.pc = run->debug.arch.pc;
	e->debug.dr6 = run->debug.arch.dr6;
	e->debug.dr7 = run->debug.arch.dr7;
	e->debug.exception = run->debug.arch.exception;
	e->rip = e->debug.pc;
}

static void decode_internal(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	uint32_t ndata = run->internal.ndata;

	(void)size;
	if (ndata > ARRAY_SIZE(run->internal.data)) {
		bad(e, "internal error with %u words of data", ndata);
		return;
	}
	e->internal.suberror = run->internal.suberror;
	e->internal.ndata = ndata;
	memset(e->internal.data, 0, sizeof(e->internal.data));
	memcpy(e->internal.data, run->internal.data, ndata * sizeof(e->internal.data[0]));
	e->internal.insn_len = 0;
	memset(e->internal.insn, 0, sizeof(e->internal.insn));
	e->kind = CPU_EXIT_INTERNAL;
	if (e->internal.suberror != KVM_INTERNAL_ERROR_EMULATION)
		return;
	e->kind = CPU_EXIT_EMULATION;
	if (ndata >= EMULATION_NDATA && (e->internal.data[0] & EMULATION_HAS_BYTES)) {
		uint8_t len = run->emulation_failure.insn_size;

		if (len > sizeof(e->internal.insn)) {
			bad(e, "emulation failure with an instruction of %u bytes", len);
			return;
		}
		e->internal.insn_len = len;
		memcpy(e->internal.insn, run->emulation_failure.insn_bytes, len);
	}
}

static void decode_fail_entry(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	(void)size;
	e->kind = CPU_EXIT_FAIL_ENTRY;
	e->fail_entry.reason = run->fail_entry.hardware_entry_failure_reason;
	e->fail_entry.cpu = run->fail_entry.cpu;
}

static void decode_system_event(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	uint32_t ndata = run->system_event.ndata;

	(void)size;
	if (ndata > ARRAY_SIZE(run->system_event.data)) {
		bad(e, "system event with %u words of data", ndata);
		return;
	}
	e->kind = CPU_EXIT_SYSTEM_EVENT;
	e->system_event.type = run->system_event.type;
	e->system_event.ndata = ndata;
	memset(e->system_event.data, 0, sizeof(e->system_event.data));
	memcpy(e->system_event.data, run->system_event.data,
	       ndata * sizeof(e->system_event.data[0]));
}

static void decode_hypercall(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	(void)size;
	e->kind = CPU_EXIT_HYPERCALL;
	e->hypercall.nr = run->hypercall.nr;
	memcpy(e->hypercall.args, run->hypercall.args, sizeof(e->hypercall.args));
	/* Called longmode and 32 bits wide in older headers; flags of 64 bits now. */
	memcpy(&e->hypercall.flags, &run->hypercall.longmode, sizeof(e->hypercall.flags));
}

/* CR8 is one of the fields that every exit has; bits 63:4 of it are reserved. */
static void decode_set_tpr(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	(void)size;
	e->kind = CPU_EXIT_SET_TPR;
	e->tpr.cr8 = run->cr8 & 15;
}

static void decode_tpr_access(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	(void)size;
	e->kind = CPU_EXIT_TPR_ACCESS;
	e->tpr_access.rip = run->tpr_access.rip;
	e->tpr_access.write = run->tpr_access.is_write;
	e->rip = e->tpr_access.rip;
}

static void decode_eoi(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	(void)size;
	e->kind = CPU_EXIT_IOAPIC_EOI;
	e->eoi.vector = run->eoi.vector;
}

static void decode_notify(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	(void)size;
	e->kind = CPU_EXIT_NOTIFY;
	memcpy(&e->notify.flags, run->padding, sizeof(e->notify.flags));
}

static void decode_memory_fault(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	struct memory_fault f;

	(void)size;
	memcpy(&f, run->padding, sizeof(f));
	e->kind = CPU_EXIT_MEMORY_FAULT;
	e->memory_fault.flags = f.flags;
	e->memory_fault.gpa = f.gpa;
	e->memory_fault.size = f.size;
}

/* No name of its own here, or none at all: the bytes must do. */
static void decode_other(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	const char *name = kvm_exit_reason_name(e->raw);

	(void)size;
	e->kind = CPU_EXIT_UNKNOWN;
	memcpy(e->unknown.bytes, run->padding, sizeof(e->unknown.bytes));
	snprintf(e->text, sizeof(e->text), "%s", name ? name : "");
}

/*
 * A row: either a function, or the kind alone where there is nothing to decode. Reasons of other
 * architectures, and those that need a feature that nobody turns on here, go to decode_other.
 */
static const struct row {
	decode_fn fn;
	enum cpu_exit_kind kind;
} table[] = {
	[KVM_EXIT_UNKNOWN] = {decode_other, 0},
	[KVM_EXIT_EXCEPTION] = {decode_other, 0}, /* PowerPC */
	[KVM_EXIT_IO] = {decode_io, 0},
	[KVM_EXIT_HYPERCALL] = {decode_hypercall, 0},
	[KVM_EXIT_DEBUG] = {decode_debug, 0},
	[KVM_EXIT_HLT] = {NULL, CPU_EXIT_HLT},
	[KVM_EXIT_MMIO] = {decode_mmio, 0},
	[KVM_EXIT_IRQ_WINDOW_OPEN] = {NULL, CPU_EXIT_IRQ_WINDOW},
	[KVM_EXIT_SHUTDOWN] = {NULL, CPU_EXIT_SHUTDOWN},
	[KVM_EXIT_FAIL_ENTRY] = {decode_fail_entry, 0},
	[KVM_EXIT_INTR] = {NULL, CPU_EXIT_INTR},
	[KVM_EXIT_SET_TPR] = {decode_set_tpr, 0},
	[KVM_EXIT_TPR_ACCESS] = {decode_tpr_access, 0},
	[KVM_EXIT_S390_SIEIC] = {decode_other, 0},
	[KVM_EXIT_S390_RESET] = {decode_other, 0},
	[KVM_EXIT_DCR] = {decode_other, 0}, /* PowerPC */
	[KVM_EXIT_NMI] = {decode_other, 0},
	[KVM_EXIT_INTERNAL_ERROR] = {decode_internal, 0},
	[KVM_EXIT_OSI] = {decode_other, 0}, /* PowerPC */
	[KVM_EXIT_PAPR_HCALL] = {decode_other, 0},
	[KVM_EXIT_S390_UCONTROL] = {decode_other, 0},
	[KVM_EXIT_WATCHDOG] = {decode_other, 0}, /* PowerPC */
	[KVM_EXIT_S390_TSCH] = {decode_other, 0},
	[KVM_EXIT_EPR] = {decode_other, 0}, /* PowerPC */
	[KVM_EXIT_SYSTEM_EVENT] = {decode_system_event, 0},
	[KVM_EXIT_S390_STSI] = {decode_other, 0},
	[KVM_EXIT_IOAPIC_EOI] = {decode_eoi, 0},
	[KVM_EXIT_HYPERV] = {decode_other, 0},
	[KVM_EXIT_ARM_NISV] = {decode_other, 0},
	[KVM_EXIT_X86_RDMSR] = {decode_msr, 0},
	[KVM_EXIT_X86_WRMSR] = {decode_msr, 0},
	[KVM_EXIT_DIRTY_RING_FULL] = {NULL, CPU_EXIT_DIRTY_FULL},
	[KVM_EXIT_AP_RESET_HOLD] = {decode_other, 0}, /* SEV-ES */
	[KVM_EXIT_X86_BUS_LOCK] = {NULL, CPU_EXIT_BUS_LOCK},
	[KVM_EXIT_XEN] = {decode_other, 0},
	[KVM_EXIT_RISCV_SBI] = {decode_other, 0},
	[KVM_EXIT_RISCV_CSR] = {decode_other, 0},
	[KVM_EXIT_NOTIFY] = {decode_notify, 0},
	[KVM_EXIT_LOONGARCH_IOCSR] = {decode_other, 0},
	[KVM_EXIT_MEMORY_FAULT] = {decode_memory_fault, 0},
	[KVM_EXIT_TDX] = {decode_other, 0},
	[KVM_EXIT_ARM_SEA] = {decode_other, 0},
};

void cpu_kvm_decode(struct kvm_run *run, size_t size, struct cpu_exit *e)
{
	const struct row *row;

	e->rip = 0;
	e->text[0] = 0;
	if (size < sizeof(*run)) {
		e->raw = 0;
		bad(e, "a mapping of %zu bytes is smaller than struct kvm_run", size);
		return;
	}
	e->raw = run->exit_reason;
	if (run->kvm_valid_regs & KVM_SYNC_X86_REGS)
		e->rip = run->s.regs.regs.rip;
	if (e->raw >= ARRAY_SIZE(table)) {
		decode_other(run, size, e);
		return;
	}
	row = &table[e->raw];
	if (row->fn)
		row->fn(run, size, e);
	else
		e->kind = row->kind;
}

int cpu_exit_describe(const struct cpu_exit *e, unsigned bits, char *out, size_t len)
{
	struct cpu_exit cut;
	char text[96], where[32] = "";
	char bytes[INSN_MAX * 3 + 1] = "";
	int n, at = 0;

	if (e->kind != CPU_EXIT_EMULATION || !e->internal.insn_len)
		return cpu_exit_format(e, out, len);
	cut = *e;
	if (cut.internal.insn_len > sizeof(cut.internal.insn))
		cut.internal.insn_len = sizeof(cut.internal.insn);
	n = insn_format(cut.internal.insn, cut.internal.insn_len, bits, e->rip, text, sizeof(text));
	if (n <= 0)
		return cpu_exit_format(&cut, out, len);
	if (e->rip)
		snprintf(where, sizeof(where), " at 0x%llx", (unsigned long long)e->rip);
	for (int i = 0; i < n && i < INSN_MAX; i++)
		at += snprintf(bytes + at, sizeof(bytes) - (size_t)at, "%s%02x", i ? " " : "",
			       cut.internal.insn[i]);
	return snprintf(out, len, "emulation failure%s: %s (%s)", where, text, bytes);
}
