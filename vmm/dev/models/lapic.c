/* SPDX-License-Identifier: MIT */
/*
 * lapic: the local APIC of the machine's one CPU, SDM volume 3A chapter 10 ("3A" below): xAPIC
 * registers in memory, x2APIC's as MSRs, whichever IA32_APIC_BASE asks for.
 *
 * The CPU tells of writes to IA32_APIC_BASE, CR8 (lapic_set_cr8) and takes vectors by lapic_ack();
 * the 8259's output comes to LINT0 (lapic_lint0). INTR to the CPU is this device's to drive: it is up
 * while an interrupt is above the processor's priority, or the 8259 asks and LINT0 lets it through.
 *
 * There is no BIOS, so reset leaves what one would: LINT0 delivers ExtINT, LINT1 NMI ("virtual wire"),
 * and it does so though software has not enabled the APIC yet, as chipsets' do.
 *
 * Messages of I/O APICs come by lapic_msi(). The end of a vector that came as a level is told to them
 * (dev_host.eoi); an ExtINT message asks the 8259 once.
 *
 * There is one CPU: INIT and SIPI reach nobody. The delivery status is idle always. The timer counts
 * virtual ns; IA32_TSC_DEADLINE is in the machine's time: the CPU has taken the TSC's offset out.
 */
#include <errno.h>

#include "lapic_priv.h"

/* What may be written of each local vector table entry: 3A figure 10-8. */
static const uint32_t lvt_writable[LVTS] = {
	[LVT_TIMER] = 0x000700ff, [LVT_THERMAL] = 0x000107ff, [LVT_PERF] = 0x000107ff,
	[LVT_LINT0] = 0x0001a7ff, [LVT_LINT1] = 0x0001a7ff,   [LVT_ERROR] = 0x000100ff,
};

/* ---- registers ----------------------------------------------------------------------------------------- */

static void set_tpr(struct lapic *a, uint32_t val)
{
	struct dev_host *host = &a->dev.env.host;

	a->tpr = val & 0xff;
	if (host->cr8)
		host->cr8(host->ctx, a->tpr >> 4);
}

static void write_svr(struct lapic *a, uint32_t val)
{
	a->svr = val & SVR_ALL;
	if (a->svr & SVR_ENABLE)
		return;
	/* 3A 10.4.7.2: all entries are masked, and stay so. */
	for (unsigned i = 0; i < LVTS; i++)
		a->lvt[i] |= LVT_MASKED;
}

static void write_lvt(struct lapic *a, unsigned which, uint32_t val)
{
	val &= lvt_writable[which];
	if (!(a->svr & SVR_ENABLE))
		val |= LVT_MASKED;
	if (which == LVT_TIMER)
		lapic_timer_mode(a, val);
	else
		a->lvt[which] = val;
}

static void end_of_interrupt(struct lapic *a)
{
	struct dev_host *host = &a->dev.env.host;
	int vec = lapic_highest(a->isr);
	uint32_t bit;

	if (vec < 0)
		return;
	bit = 1u << (vec % 32);
	a->isr[vec / 32] &= ~bit;
	/* 3A 10.8.5: those that sent it as a level wait for this. */
	if ((a->tmr[vec / 32] & bit) && host->eoi)
		host->eoi(host->ctx, (unsigned)vec);
}

static bool is_lvt(unsigned reg)
{
	return reg >= REG_LVT && reg < REG_LVT + LVTS;
}

/* False: no such register. */
static bool read_reg(const struct lapic *a, unsigned reg, uint32_t *val)
{
	*val = 0;
	if (is_lvt(reg)) {
		*val = a->lvt[reg - REG_LVT];
		return true;
	}
	if (reg >= REG_ISR && reg < REG_ESR) {
		if (reg < REG_TMR)
			*val = a->isr[reg - REG_ISR];
		else if (reg < REG_IRR)
			*val = a->tmr[reg - REG_TMR];
		else
			*val = a->irr[reg - REG_IRR];
		return true;
	}
	switch ((enum reg)reg) {
	case REG_ID:
	case REG_APR:
	case REG_RRD:
	case REG_EOI:
		return true;
	case REG_VERSION:
		*val = VERSION;
		return true;
	case REG_TPR:
		*val = a->tpr;
		return true;
	case REG_PPR:
		*val = lapic_ppr(a);
		return true;
	case REG_LDR:
		*val = lapic_ldr(a);
		return true;
	case REG_DFR:
		*val = a->dfr;
		return true;
	case REG_SVR:
		*val = a->svr;
		return true;
	case REG_ESR:
		*val = a->esr;
		return true;
	case REG_ICR:
		*val = a->icr;
		return true;
	case REG_ICR_HIGH:
		*val = a->icr_high;
		return true;
	case REG_INITIAL:
		*val = (a->lvt[LVT_TIMER] & TIMER_MODE) == TIMER_DEADLINE ? 0 : a->initial;
		return true;
	case REG_CURRENT:
		*val = lapic_timer_count(a);
		return true;
	case REG_DIVIDE:
		*val = a->divide;
		return true;
	default:
		return false;
	}
}

/* False: none to be written. */
static bool write_reg(struct lapic *a, unsigned reg, uint32_t val)
{
	if (is_lvt(reg)) {
		write_lvt(a, reg - REG_LVT, val);
		return true;
	}
	switch ((enum reg)reg) {
	case REG_ID: /* there is one CPU, and it is number 0 */
		return true;
	case REG_TPR:
		set_tpr(a, val);
		return true;
	case REG_EOI:
		end_of_interrupt(a);
		return true;
	case REG_LDR:
		a->ldr = val & 0xff000000u;
		return true;
	case REG_DFR:
		a->dfr = val | DFR_FIXED;
		return true;
	case REG_SVR:
		write_svr(a, val);
		return true;
	case REG_ESR:
		a->esr = a->esr_new;
		a->esr_new = 0;
		return true;
	case REG_ICR:
		a->icr = val & ICR_WRITABLE;
		lapic_send(a);
		return true;
	case REG_ICR_HIGH:
		a->icr_high = val & 0xff000000u;
		return true;
	case REG_INITIAL:
		if ((a->lvt[LVT_TIMER] & TIMER_MODE) == TIMER_DEADLINE)
			return true;
		a->initial = val;
		a->start = clock_now(a->dev.env.clock);
		a->spent = false;
		lapic_timer_arm(a);
		return true;
	case REG_DIVIDE:
		lapic_timer_divide(a, val);
		return true;
	default:
		return false;
	}
}

/* ---- x2APIC: 3A 10.12 ------------------------------------------------------------------------------------ */

static void refuse(struct lapic *a)
{
	struct dev_host *host = &a->dev.env.host;

	if (host->refuse)
		host->refuse(host->ctx);
}

/* Bits of each register that are not reserved. */
static uint32_t x2_writable(unsigned reg)
{
	if (is_lvt(reg))
		return lvt_writable[reg - REG_LVT] | 1u << 12;
	switch ((enum reg)reg) {
	case REG_TPR:
	case REG_SELF:
		return 0xff;
	case REG_SVR:
		return 0x1fff;
	case REG_ICR:
		return ICR_WRITABLE;
	case REG_INITIAL:
		return UINT32_MAX;
	case REG_DIVIDE:
		return DIVIDE_ALL;
	default: /* EOI and ESR take 0 alone */
		return 0;
	}
}

static uint64_t x2_read(struct lapic *a, unsigned reg)
{
	uint32_t val;

	if (!is_x2(a) || reg == REG_DFR || reg == REG_EOI || reg == REG_ICR_HIGH ||
	    reg == REG_APR || reg == REG_RRD || !read_reg(a, reg, &val)) {
		refuse(a);
		return 0;
	}
	return reg == REG_ICR ? val | (uint64_t)a->icr_high << 32 : val;
}

static void x2_write(struct lapic *a, unsigned reg, uint64_t val)
{
	if (!is_x2(a) || reg == REG_ID || reg == REG_LDR || reg == REG_DFR || reg == REG_ICR_HIGH ||
	    (reg != REG_ICR && val >> 32) || ((uint32_t)val & ~x2_writable(reg))) {
		refuse(a);
		return;
	}
	if (reg == REG_SELF) {
		a->icr = ((uint32_t)val & 0xff) | TO_SELF << ICR_SHORTHAND_SHIFT;
		lapic_send(a);
		return;
	}
	if (reg == REG_ICR)
		a->icr_high = (uint32_t)(val >> 32);
	if (!write_reg(a, reg, (uint32_t)val))
		refuse(a);
}

/* ---- IA32_APIC_BASE: 3A 10.4.4, 10.12.5 -------------------------------------------------------------------- */

static void forget(struct lapic *a)
{
	uint64_t base = a->base;
	bool lint0 = a->lint0, out = a->out;

	clock_cancel(a->dev.env.clock, &a->timer);
	state_reset(&a->dev.table, a);
	a->base = base;
	a->lint0 = lint0;
	a->out = out;
}

/* The registers in memory go where the base says. */
static int place(struct lapic *a, struct err *err)
{
	struct dev_range_ref *r = &a->dev.range[RANGE_MMIO];
	uint64_t to = a->base & BASE_ADDR;

	if (r->base == to)
		return 0;
	if (a->dev.bus && r->id >= 0 && bus_move(a->dev.bus, r->id, to, err))
		return -EINVAL;
	r->base = to;
	return 0;
}

static void write_base(struct lapic *a, uint64_t val)
{
	uint64_t was = a->base & (BASE_ENABLE | BASE_X2APIC);
	uint64_t now = val & (BASE_ENABLE | BASE_X2APIC);

	/* Figure 10-27: not x2APIC without the enable, not back from it but through off, not from off. */
	if ((val & ~(BASE_ADDR | BASE_BSP | BASE_ENABLE | BASE_X2APIC)) || now == BASE_X2APIC ||
	    (was == (BASE_ENABLE | BASE_X2APIC) && now == BASE_ENABLE) ||
	    (!was && now == (BASE_ENABLE | BASE_X2APIC))) {
		refuse(a);
		return;
	}
	a->base = val;
	if (place(a, NULL))
		dev_guest_error(&a->dev, "lapic: its registers cannot be moved there", val, 0);
	if (was && !now)
		forget(a);
}

/* ---- the class --------------------------------------------------------------------------------------------- */

/* 3A 10.4.1: registers are 32 bits at 16-byte borders; other accesses are the guest's fault. */
static uint64_t mmio_read(struct lapic *a, uint64_t off, unsigned size)
{
	uint32_t val;

	if (!is_on(a) || is_x2(a))
		return UINT64_MAX;
	if (!read_reg(a, (unsigned)(off >> 4), &val)) {
		lapic_error(a, ESR_REGISTER);
		dev_guest_error(&a->dev, "lapic: no such register", off, 0);
	}
	/* Parts of one are read as they are, beyond it zeros. */
	return (off & 15) >= 4 ? 0 : (uint64_t)val >> (8 * (off & 15)) & size_mask(size);
}

static void mmio_write(struct lapic *a, uint64_t off, unsigned size, uint64_t val)
{
	if (!is_on(a) || is_x2(a))
		return;
	if ((off & 15) || size < 4) {
		dev_guest_error(&a->dev, "lapic: not a write of a register", off, val);
		return;
	}
	if (!write_reg(a, (unsigned)(off >> 4), (uint32_t)val)) {
		lapic_error(a, ESR_REGISTER);
		dev_guest_error(&a->dev, "lapic: no such register to write", off, val);
	}
}

static uint64_t lapic_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	struct lapic *a = lapic_of(d);
	uint64_t val;

	switch (range) {
	case RANGE_MMIO:
		val = mmio_read(a, off, size);
		break;
	case RANGE_BASE:
		return a->base;
	case RANGE_X2APIC:
		val = x2_read(a, (unsigned)off);
		break;
	default:
		return (a->lvt[LVT_TIMER] & TIMER_MODE) == TIMER_DEADLINE ? a->deadline : 0;
	}
	lapic_update(a);
	return val;
}

static void lapic_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	struct lapic *a = lapic_of(d);

	switch (range) {
	case RANGE_MMIO:
		mmio_write(a, off, size, val);
		break;
	case RANGE_BASE:
		write_base(a, val);
		break;
	case RANGE_X2APIC:
		x2_write(a, (unsigned)off, val);
		break;
	default:
		if ((a->lvt[LVT_TIMER] & TIMER_MODE) == TIMER_DEADLINE) {
			a->deadline = val;
			lapic_timer_arm(a);
		}
		break;
	}
	lapic_update(a);
}

static int lapic_init(struct dev *d, struct err *err)
{
	struct lapic *a = lapic_of(d);

	if (!d->env.clock)
		return err_set(err, -EINVAL, "device lapic: it needs a clock for its timer");
	clock_timer_init(&a->timer, lapic_timer_fired, a);
	return 0;
}

static void lapic_reset(struct dev *d)
{
	struct lapic *a = lapic_of(d);

	clock_cancel(d->env.clock, &a->timer);
	(void)place(a, NULL); /* where it has been before: there is room */
	if (d->env.host.intr)
		d->env.host.intr(d->env.host.ctx, 0);
}

static int lapic_post_load(struct dev *d, struct err *err)
{
	struct lapic *a = lapic_of(d);

	for (unsigned i = 0; i < LVTS; i++)
		if (a->lvt[i] & ~lvt_writable[i])
			return err_set(err, -EINVAL, "lapic: saved entry %u has reserved bits", i);
	if (a->tpr > 0xff || (a->svr & ~SVR_ALL) || (a->divide & ~DIVIDE_ALL) ||
	    (a->icr & ~ICR_WRITABLE) || (a->irr[0] & 0xffff) || (a->isr[0] & 0xffff) ||
	    a->out != lapic_asks(a))
		return err_set(err, -EINVAL, "lapic: saved registers are in no possible state");
	if (place(a, err))
		return -EINVAL;
	clock_arm(d->env.clock, &a->timer, a->timer.deadline);
	if (d->env.host.intr)
		d->env.host.intr(d->env.host.ctx, a->out);
	return 0;
}

static void lapic_fini(struct dev *d)
{
	struct lapic *a = lapic_of(d);

	if (a->timer.fn) /* else init went wrong before */
		clock_cancel(d->env.clock, &a->timer);
}

static const struct dev_range lapic_ranges[] = {
	{"mmio", BUS_MMIO, LAPIC_BASE, LAPIC_LEN},
	{"apic-base", BUS_MSR, MSR_APIC_BASE, 1},
	{"x2apic", BUS_MSR, MSR_X2APIC, X2APIC_LEN},
	{"deadline", BUS_MSR, MSR_DEADLINE, 1},
	{0},
};

#define R(name, reg, access)                                                                       \
	{                                                                                          \
		name, RANGE_MMIO, 4, (reg)*16u, access                                             \
	}
static const struct dev_reg lapic_regs[] = {
	R("ID", REG_ID, "rw"),
	R("VERSION", REG_VERSION, "r"),
	R("TPR", REG_TPR, "rw"),
	R("PPR", REG_PPR, "r"),
	R("EOI", REG_EOI, "w"),
	R("LDR", REG_LDR, "rw"),
	R("DFR", REG_DFR, "rw"),
	R("SVR", REG_SVR, "rw"),
	R("ESR", REG_ESR, "rw"),
	R("ICR", REG_ICR, "rw"),
	R("ICR_HIGH", REG_ICR_HIGH, "rw"),
	R("LVT_TIMER", REG_LVT + LVT_TIMER, "rw"),
	R("LVT_THERMAL", REG_LVT + LVT_THERMAL, "rw"),
	R("LVT_PERF", REG_LVT + LVT_PERF, "rw"),
	R("LVT_LINT0", REG_LVT + LVT_LINT0, "rw"),
	R("LVT_LINT1", REG_LVT + LVT_LINT1, "rw"),
	R("LVT_ERROR", REG_LVT + LVT_ERROR, "rw"),
	R("INITIAL", REG_INITIAL, "rw"),
	R("CURRENT", REG_CURRENT, "r"),
	R("DIVIDE", REG_DIVIDE, "rw"),
	{0},
};

#define F(member, rst) STATE_U(struct lapic, member, rst)
static const struct state_field lapic_state[] = {
	F(base, LAPIC_BASE | BASE_BSP | BASE_ENABLE),
	F(deadline, 0),
	F(start, 0),
	F(tpr, 0),
	F(ldr, 0),
	F(dfr, UINT32_MAX),
	F(svr, 0xff),
	F(esr, 0),
	F(esr_new, 0),
	F(icr, 0),
	F(icr_high, 0),
	F(lvt[LVT_TIMER], LVT_MASKED),
	F(lvt[LVT_THERMAL], LVT_MASKED),
	F(lvt[LVT_PERF], LVT_MASKED),
	F(lvt[LVT_LINT0], MODE_EXTINT << LVT_MODE_SHIFT),
	F(lvt[LVT_LINT1], MODE_NMI << LVT_MODE_SHIFT),
	F(lvt[LVT_ERROR], LVT_MASKED),
	F(initial, 0),
	F(divide, 0),
	STATE_ARR(struct lapic, isr, 0),
	STATE_ARR(struct lapic, tmr, 0),
	STATE_ARR(struct lapic, irr, 0),
	STATE_B(struct lapic, lint0, 0),
	STATE_B(struct lapic, ext, 0),
	STATE_B(struct lapic, out, 0),
	STATE_B(struct lapic, spent, 0),
	F(timer.deadline, CLOCK_NEVER),
	STATE_END,
};

const struct dev_class dev_class_lapic = {
	.name = "lapic",
	.help = "local APIC of the CPU: xAPIC and x2APIC",
	.size = sizeof(struct lapic),
	.version = 2,
	.ranges = lapic_ranges,
	.regs = lapic_regs,
	.state = lapic_state,
	.init = lapic_init,
	.reset = lapic_reset,
	.read = lapic_read,
	.write = lapic_write,
	.post_load = lapic_post_load,
	.fini = lapic_fini,
};
