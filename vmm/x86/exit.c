/* SPDX-License-Identifier: MIT */
/* x86: exits as one line for a person. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <vmm/x86.h>

const char *cpu_exit_name(enum cpu_exit_kind kind)
{
	static const char *const names[CPU_EXIT_KINDS] = {
		[CPU_EXIT_PIO] = "pio",
		[CPU_EXIT_MMIO] = "mmio",
		[CPU_EXIT_MSR] = "msr",
		[CPU_EXIT_HLT] = "hlt",
		[CPU_EXIT_SHUTDOWN] = "shutdown",
		[CPU_EXIT_DEBUG] = "debug",
		[CPU_EXIT_INTR] = "intr",
		[CPU_EXIT_IRQ_WINDOW] = "irq-window",
		[CPU_EXIT_EMULATION] = "emulation",
		[CPU_EXIT_INTERNAL] = "internal",
		[CPU_EXIT_FAIL_ENTRY] = "fail-entry",
		[CPU_EXIT_SYSTEM_EVENT] = "system-event",
		[CPU_EXIT_HYPERCALL] = "hypercall",
		[CPU_EXIT_SET_TPR] = "set-tpr",
		[CPU_EXIT_TPR_ACCESS] = "tpr-access",
		[CPU_EXIT_IOAPIC_EOI] = "ioapic-eoi",
		[CPU_EXIT_NOTIFY] = "notify",
		[CPU_EXIT_BUS_LOCK] = "bus-lock",
		[CPU_EXIT_MEMORY_FAULT] = "memory-fault",
		[CPU_EXIT_DIRTY_FULL] = "dirty-full",
		[CPU_EXIT_UNKNOWN] = "unknown",
		[CPU_EXIT_BAD] = "bad",
	};

	return (unsigned)kind < CPU_EXIT_KINDS ? names[kind] : "?";
}

/* A line that grows within (len); what does not fit is counted and dropped. */
struct line {
	char *out;
	size_t len, at;
};

__attribute__((format(printf, 2, 3))) static void put(struct line *l, const char *fmt, ...)
{
	size_t room = l->at < l->len ? l->len - l->at : 0;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? l->out + l->at : NULL, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->at += (size_t)n;
}

#define BYTES_MAX 32u /* of one dump */

/* "d9 e8": a printf() for each byte would cost more than all the rest. */
static void put_bytes(struct line *l, const uint8_t *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	char text[3 * BYTES_MAX];

	if (!n)
		return;
	if (n > BYTES_MAX)
		n = BYTES_MAX;
	for (size_t i = 0; i < n; i++) {
		text[3 * i] = hex[p[i] >> 4];
		text[3 * i + 1] = hex[p[i] & 15];
		text[3 * i + 2] = ' ';
	}
	text[3 * n - 1] = 0;
	put(l, "%s", text);
}

static void put_words(struct line *l, const uint64_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n && i < 16; i++)
		put(l, " 0x%" PRIx64, p[i]);
}

static void put_pio(struct line *l, const struct cpu_exit *e)
{
	put(l, "pio %s port 0x%x size %u", e->pio.write ? "write" : "read", e->pio.port,
	    e->pio.size);
	if (e->pio.count != 1)
		put(l, " times %" PRIu32, e->pio.count);
	if (e->pio.write && e->pio.data && e->pio.count)
		put(l, " value 0x%" PRIx64, ld_le(e->pio.data, e->pio.size));
}

static void put_internal(struct line *l, const struct cpu_exit *e)
{
	if (e->kind == CPU_EXIT_EMULATION)
		put(l, "emulation failure");
	else
		put(l, "internal error, suberror %" PRIu32, e->internal.suberror);
	if (e->rip)
		put(l, " at 0x%" PRIx64, e->rip);
	if (e->internal.insn_len) {
		put(l, ": (");
		put_bytes(l, e->internal.insn,
			  e->internal.insn_len <= 15 ? e->internal.insn_len : 15);
		put(l, ")");
	} else if (e->internal.ndata) {
		put(l, ": data");
		put_words(l, e->internal.data, e->internal.ndata);
	}
}

static void put_system(struct line *l, const struct cpu_exit *e)
{
	static const char *const names[] = {"",	       "shutdown", "reset",  "crash",
					    "wake-up", "suspend",  "SEV end"};
	uint32_t type = e->system_event.type;

	put(l, "system event %" PRIu32, type);
	if (type && type < ARRAY_SIZE(names))
		put(l, " (%s)", names[type]);
	if (e->system_event.ndata) {
		put(l, ": data");
		put_words(l, e->system_event.data, e->system_event.ndata);
	}
}

static void put_other(struct line *l, const struct cpu_exit *e)
{
	switch (e->kind) {
	case CPU_EXIT_FAIL_ENTRY:
		put(l, "entry failed, hardware reason 0x%" PRIx64 ", cpu %" PRIu32,
		    e->fail_entry.reason, e->fail_entry.cpu);
		break;
	case CPU_EXIT_HYPERCALL:
		put(l, "hypercall %" PRIu64 ":", e->hypercall.nr);
		put_words(l, e->hypercall.args, 6);
		break;
	case CPU_EXIT_TPR_ACCESS:
		put(l, "TPR %s at 0x%" PRIx64, e->tpr_access.write ? "write" : "read",
		    e->tpr_access.rip);
		break;
	case CPU_EXIT_IOAPIC_EOI:
		put(l, "IOAPIC end of interrupt, vector %u", e->eoi.vector);
		break;
	case CPU_EXIT_NOTIFY:
		put(l, "notify: no event window, flags 0x%" PRIx32 "%s", e->notify.flags,
		    e->notify.flags & 1 ? " (the guest's context is lost)" : "");
		break;
	case CPU_EXIT_MEMORY_FAULT:
		put(l, "memory fault at 0x%" PRIx64 " size 0x%" PRIx64 " flags 0x%" PRIx64,
		    e->memory_fault.gpa, e->memory_fault.size, e->memory_fault.flags);
		break;
	case CPU_EXIT_UNKNOWN:
		put(l, "exit reason %" PRIu32 ", ", e->raw);
		put(l,
		    e->text[0] ? "%.95s, which this machine has no use for" : "known to no header",
		    e->text);
		put(l, ": bytes ");
		put_bytes(l, e->unknown.bytes, sizeof(e->unknown.bytes));
		break;
	case CPU_EXIT_BAD:
		put(l, "exit reason %" PRIu32 " makes no sense: %.95s", e->raw, e->text);
		break;
	default:
		put(l, "%s", cpu_exit_name(e->kind));
		break;
	}
}

int cpu_exit_format(const struct cpu_exit *e, char *out, size_t len)
{
	struct line l = {out, len, 0};

	if (len)
		out[0] = 0;
	switch (e->kind) {
	case CPU_EXIT_PIO:
		put_pio(&l, e);
		break;
	case CPU_EXIT_MMIO:
		put(&l, "mmio %s 0x%" PRIx64 " size %u", e->mmio.write ? "write" : "read",
		    e->mmio.gpa, e->mmio.size);
		if (e->mmio.write)
			put(&l, " value 0x%" PRIx64,
			    ld_le(e->mmio.data, e->mmio.size <= 8 ? e->mmio.size : 8));
		break;
	case CPU_EXIT_MSR:
		put(&l, "msr %s 0x%" PRIx32, e->msr.write ? "write" : "read", e->msr.num);
		if (e->msr.write)
			put(&l, " value 0x%" PRIx64, e->msr.val);
		put(&l, " (%s)",
		    e->msr.why & 4   ? "filtered"
		    : e->msr.why & 2 ? "unknown"
		    : e->msr.why & 1 ? "invalid"
				     : "no reason given");
		break;
	case CPU_EXIT_SHUTDOWN:
		put(&l, "triple fault");
		if (e->rip)
			put(&l, " at 0x%" PRIx64, e->rip);
		break;
	case CPU_EXIT_DEBUG:
		put(&l, "debug: exception %" PRIu32 " at 0x%" PRIx64 ", dr6 0x%" PRIx64,
		    e->debug.exception, e->debug.pc, e->debug.dr6);
		break;
	case CPU_EXIT_EMULATION:
	case CPU_EXIT_INTERNAL:
		put_internal(&l, e);
		break;
	case CPU_EXIT_SYSTEM_EVENT:
		put_system(&l, e);
		break;
	default:
		put_other(&l, e);
		break;
	}
	return (int)l.at;
}
