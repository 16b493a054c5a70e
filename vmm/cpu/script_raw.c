/* SPDX-License-Identifier: MIT */
/*
 * cpu: the binary form of a script: any bytes are one, 16 of them an exit.
 *
 *	0	what: the kind is kinds[byte % 32] below
 *	1	bits 0-2: width; bit 3: write; bit 4: the MSR's reason is FILTER, else UNKNOWN; bit 5: a
 *		string instruction's port access
 *	2-3	port; string and repeat count (with 4-5); length of instruction bytes (low 4 bits)
 *	4-7	MSR number, suberror, type, flags, exit reason
 *	8-15	value, guest-physical address, data
 *
 * Multi-byte fields are little-endian. A string has (bytes 4-5) % 1025 elements, but one at least and
 * 4096 bytes at most; the data of a write repeat bytes 8-15. An MMIO write's value is bytes 2-7, then 2-3
 * again. A rest of fewer than 16 bytes is dropped.
 */
#include <vmm/kvm.h>

#include "script.h"

static const uint8_t kinds[32] = {
	CPU_EXIT_PIO,	       CPU_EXIT_PIO,	   CPU_EXIT_PIO,      CPU_EXIT_PIO,
	CPU_EXIT_MMIO,	       CPU_EXIT_MMIO,	   CPU_EXIT_MMIO,     CPU_EXIT_MMIO,
	CPU_EXIT_MSR,	       CPU_EXIT_MSR,	   CPU_EXIT_HLT,      CPU_EXIT_HLT,
	CPU_EXIT_SHUTDOWN,     CPU_EXIT_DEBUG,	   CPU_EXIT_INTR,     CPU_EXIT_IRQ_WINDOW,
	CPU_EXIT_EMULATION,    CPU_EXIT_EMULATION, CPU_EXIT_INTERNAL, CPU_EXIT_FAIL_ENTRY,
	CPU_EXIT_SYSTEM_EVENT, CPU_EXIT_HYPERCALL, CPU_EXIT_SET_TPR,  CPU_EXIT_TPR_ACCESS,
	CPU_EXIT_IOAPIC_EOI,   CPU_EXIT_NOTIFY,	   CPU_EXIT_BUS_LOCK, CPU_EXIT_MEMORY_FAULT,
	CPU_EXIT_DIRTY_FULL,   CPU_EXIT_UNKNOWN,   CPU_EXIT_UNKNOWN,  CPU_EXIT_BAD,
};

/* What KVM would have said; reasons that share a kind, or have none, are settled elsewhere. */
static const uint8_t reasons[CPU_EXIT_KINDS] = {
	[CPU_EXIT_PIO] = KVM_EXIT_IO,
	[CPU_EXIT_MMIO] = KVM_EXIT_MMIO,
	[CPU_EXIT_HLT] = KVM_EXIT_HLT,
	[CPU_EXIT_SHUTDOWN] = KVM_EXIT_SHUTDOWN,
	[CPU_EXIT_DEBUG] = KVM_EXIT_DEBUG,
	[CPU_EXIT_INTR] = KVM_EXIT_INTR,
	[CPU_EXIT_IRQ_WINDOW] = KVM_EXIT_IRQ_WINDOW_OPEN,
	[CPU_EXIT_EMULATION] = KVM_EXIT_INTERNAL_ERROR,
	[CPU_EXIT_INTERNAL] = KVM_EXIT_INTERNAL_ERROR,
	[CPU_EXIT_FAIL_ENTRY] = KVM_EXIT_FAIL_ENTRY,
	[CPU_EXIT_SYSTEM_EVENT] = KVM_EXIT_SYSTEM_EVENT,
	[CPU_EXIT_HYPERCALL] = KVM_EXIT_HYPERCALL,
	[CPU_EXIT_SET_TPR] = KVM_EXIT_SET_TPR,
	[CPU_EXIT_TPR_ACCESS] = KVM_EXIT_TPR_ACCESS,
	[CPU_EXIT_IOAPIC_EOI] = KVM_EXIT_IOAPIC_EOI,
	[CPU_EXIT_NOTIFY] = KVM_EXIT_NOTIFY,
	[CPU_EXIT_BUS_LOCK] = KVM_EXIT_X86_BUS_LOCK,
	[CPU_EXIT_MEMORY_FAULT] = KVM_EXIT_MEMORY_FAULT,
	[CPU_EXIT_DIRTY_FULL] = KVM_EXIT_DIRTY_RING_FULL,
	[CPU_EXIT_BAD] = KVM_EXIT_IO,
};

static void fill_pio(const uint8_t *b, uint8_t *data, struct cpu_exit *e)
{
	static const uint8_t widths[4] = {1, 2, 4, 1};
	uint32_t count = b[1] & 32 ? ld_le16(b + 4) % (CPU_RAW_DATA / 4 + 1) : 1;
	size_t bytes;

	e->pio.port = ld_le16(b + 2);
	e->pio.size = widths[b[1] & 3];
	e->pio.write = b[1] & 8;
	e->pio.count = count ? count : 1;
	e->pio.data = data;
	bytes = (size_t)e->pio.count * e->pio.size;
	if (!e->pio.write) {
		memset(data, 0, bytes);
		return;
	}
	for (size_t i = 0; i < bytes; i += 8)
		memcpy(data + i, b + 8, 8); /* CPU_RAW_DATA is a multiple of it */
}

static void fill_internal(const uint8_t *b, struct cpu_exit *e)
{
	uint32_t sub = ld_le32(b + 4);

	if (e->kind == CPU_EXIT_EMULATION)
		sub = KVM_INTERNAL_ERROR_EMULATION;
	else if (sub == KVM_INTERNAL_ERROR_EMULATION)
		sub++;
	e->internal.suberror = sub;
	e->internal.ndata = b[1] & 15;
	for (unsigned i = 0; i < e->internal.ndata; i++)
		e->internal.data[i] = ld_le64(b + 8) + i;
	if (e->kind == CPU_EXIT_EMULATION) {
		e->internal.insn_len = b[2] & 15;
		for (unsigned i = 0; i < e->internal.insn_len; i++)
			e->internal.insn[i] = b[3 + i % 13];
	}
}

/* The kinds that are no access and no error. */
static void fill_other(const uint8_t *b, struct cpu_exit *e)
{
	uint64_t v = ld_le64(b + 8);
	uint32_t n = ld_le32(b + 4);

	switch (e->kind) {
	case CPU_EXIT_DEBUG:
		e->debug.pc = v;
		e->debug.dr6 = n;
		e->debug.exception = X86_DB;
		e->rip = v;
		break;
	case CPU_EXIT_FAIL_ENTRY:
		e->fail_entry.reason = v;
		e->fail_entry.cpu = n;
		break;
	case CPU_EXIT_SYSTEM_EVENT:
		e->system_event.type = n;
		e->system_event.ndata = b[1] & 15;
		for (unsigned i = 0; i < e->system_event.ndata; i++)
			e->system_event.data[i] = v + i;
		break;
	case CPU_EXIT_HYPERCALL:
		e->hypercall.nr = v;
		e->hypercall.args[0] = n;
		break;
	case CPU_EXIT_TPR_ACCESS:
		e->tpr_access.rip = v;
		e->tpr_access.write = b[1] & 8;
		e->rip = v;
		break;
	case CPU_EXIT_IOAPIC_EOI:
		e->eoi.vector = b[8];
		break;
	case CPU_EXIT_NOTIFY:
		e->notify.flags = n;
		break;
	case CPU_EXIT_MEMORY_FAULT:
		e->memory_fault.gpa = v;
		e->memory_fault.size = ld_le16(b + 2);
		e->memory_fault.flags = n;
		break;
	case CPU_EXIT_UNKNOWN:
		e->raw = n;
		memcpy(e->unknown.bytes, b, CPU_RAW_BYTES);
		break;
	case CPU_EXIT_BAD:
		memcpy(e->text, "from a script", sizeof("from a script"));
		break;
	default:
		break;
	}
}

void cpu_script_decode_raw(const uint8_t *b, uint8_t *data, struct cpu_exit *e)
{
	memset(e, 0, sizeof(*e));
	e->kind = kinds[b[0] % ARRAY_SIZE(kinds)];
	e->raw = reasons[e->kind];
	switch (e->kind) {
	case CPU_EXIT_PIO:
		fill_pio(b, data, e);
		break;
	case CPU_EXIT_MMIO:
		e->mmio.gpa = ld_le64(b + 8);
		e->mmio.size = (b[1] & 7) + 1;
		e->mmio.write = b[1] & 8;
		if (e->mmio.write) {
			uint64_t v = ld_le(b + 2, 6) | (uint64_t)ld_le16(b + 2) << 48;

			st_le(e->mmio.data, e->mmio.size, v);
		}
		break;
	case CPU_EXIT_MSR:
		e->msr.num = ld_le32(b + 4);
		e->msr.write = b[1] & 8;
		e->msr.why = b[1] & 16 ? KVM_MSR_EXIT_REASON_FILTER : KVM_MSR_EXIT_REASON_UNKNOWN;
		e->msr.val = e->msr.write ? ld_le64(b + 8) : 0;
		e->raw = e->msr.write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
		break;
	case CPU_EXIT_EMULATION:
	case CPU_EXIT_INTERNAL:
		fill_internal(b, e);
		break;
	default:
		fill_other(b, e);
		break;
	}
}
