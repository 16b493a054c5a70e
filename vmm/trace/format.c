/* SPDX-License-Identifier: MIT */
/* Events as text: the canonical line of goldens, and the verbose one. */
#include <inttypes.h>
#include <stdio.h>

#include <vmm/trace.h>

static const char *const kind_names[TRACE_KINDS] = {
	[TRACE_PIO] = "pio",
	[TRACE_MMIO] = "mmio",
	[TRACE_MSR] = "msr",
	[TRACE_HLT] = "hlt",
	[TRACE_SHUTDOWN] = "shutdown",
	[TRACE_END] = "end",
	[TRACE_INTR] = "intr",
	[TRACE_IRQ_WINDOW] = "irq-window",
	[TRACE_IRQ] = "irq",
	[TRACE_INJECT] = "inject",
	[TRACE_UNMAPPED] = "unmapped",
	[TRACE_EMULATE] = "emulate",
	[TRACE_DEBUG] = "debug",
	[TRACE_HOSTOP] = "hostop",
	[TRACE_VQ] = "vq",
	[TRACE_DEV] = "dev",
	[TRACE_OTHER] = "other",
};

/* aux of TRACE_UNMAPPED: enum bus_space, which lies above this module. */
static const char *const space_names[] = {"pio", "mmio", "msr"};

const char *trace_kind_name(enum trace_kind kind)
{
	return (unsigned)kind < TRACE_KINDS ? kind_names[kind] : "unknown";
}

static int format_access(const struct trace_event *ev, const char *prefix, const char *name,
			 char *out, size_t len)
{
	return snprintf(out, len, "%s%s %c 0x%" PRIx64 " %u 0x%" PRIx64, prefix, name,
			ev->write ? 'w' : 'r', ev->addr, ev->size, ev->val);
}

static int format_vq(const struct trace_event *ev, char *out, size_t len)
{
	uint32_t head = (uint32_t)ev->val, high = (uint32_t)(ev->val >> 32);

	switch ((enum trace_vq)ev->aux) {
	case TRACE_VQ_POP:
		return snprintf(out, len, "vq %" PRIu64 " pop %u", ev->addr, head);
	case TRACE_VQ_PUSH:
		return snprintf(out, len, "vq %" PRIu64 " push %u len %u", ev->addr, head, high);
	case TRACE_VQ_NOTIFY:
		return snprintf(out, len, "vq %" PRIu64 " notify", ev->addr);
	case TRACE_VQ_BAD:
		return snprintf(out, len, "vq %" PRIu64 " bad %u reason %u", ev->addr, head, high);
	case TRACE_VQ_BROKEN:
		return snprintf(out, len, "vq %" PRIu64 " broken reason %" PRIu64, ev->addr,
				ev->val);
	}
	return snprintf(out, len, "vq %" PRIu64 " event %u 0x%" PRIx64, ev->addr, ev->aux, ev->val);
}

int trace_format(const struct trace_event *ev, char *out, size_t len)
{
	const char *name = trace_kind_name(ev->kind);

	switch ((enum trace_kind)ev->kind) {
	case TRACE_PIO:
	case TRACE_MMIO:
		return format_access(ev, "", name, out, len);
	case TRACE_MSR:
		return snprintf(out, len, "msr %c 0x%" PRIx64 " 0x%" PRIx64 "%s",
				ev->write ? 'w' : 'r', ev->addr, ev->val, ev->aux ? " gp" : "");
	case TRACE_HLT:
	case TRACE_SHUTDOWN:
	case TRACE_INTR:
	case TRACE_IRQ_WINDOW:
		return snprintf(out, len, "%s", name);
	case TRACE_END:
		return snprintf(out, len, "end %s", ev->text ? ev->text : "?");
	case TRACE_IRQ:
		return snprintf(out, len, "irq %" PRIu64 " %" PRIu64, ev->addr, ev->val);
	case TRACE_INJECT:
		if (ev->aux)
			return snprintf(out, len, "inject nmi");
		return snprintf(out, len, "inject 0x%" PRIx64, ev->addr);
	case TRACE_UNMAPPED:
		return format_access(ev, "unmapped ",
				     ev->aux < ARRAY_SIZE(space_names) ? space_names[ev->aux]
								       : "unknown",
				     out, len);
	case TRACE_EMULATE:
		return snprintf(out, len, "emulate 0x%" PRIx64, ev->addr);
	case TRACE_DEBUG:
		return snprintf(out, len, "debug 0x%" PRIx64 " dr6 0x%" PRIx64, ev->addr, ev->val);
	case TRACE_HOSTOP:
		return snprintf(out, len, "hostop %" PRIu64 " 0x%" PRIx64, ev->addr, ev->val);
	case TRACE_VQ:
		return format_vq(ev, out, len);
	case TRACE_DEV:
		return snprintf(out, len, "dev 0x%" PRIx64 " 0x%" PRIx64 " %s", ev->addr, ev->val,
				ev->text ? ev->text : "?");
	case TRACE_OTHER:
		return snprintf(out, len, "other %u", ev->aux);
	case TRACE_KINDS:
		break;
	}
	return snprintf(out, len, "%s %u", name, ev->kind);
}

int trace_format_verbose(const struct trace_event *ev, char *out, size_t len)
{
	int n = snprintf(out, len, "%12" PRIu64 " ns  0x%-16" PRIx64 "  ", ev->time, ev->rip), m;

	if (n < 0)
		return n;
	if ((size_t)n < len)
		m = trace_format(ev, out + n, len - (size_t)n);
	else
		m = trace_format(ev, NULL, 0);
	return m < 0 ? m : n + m;
}
