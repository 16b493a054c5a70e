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
#include <assert.h>
#include <errno.h>

#include <vmm/dev.h>

#define LAPIC_BASE    0xfee00000u
#define LAPIC_LEN     0x1000u
#define MSR_APIC_BASE 0x1bu
#define MSR_DEADLINE  0x6e0u
#define MSR_X2APIC    0x800u
#define X2APIC_LEN    0x40u

#define BASE_BSP    (1ull << 8)
#define BASE_X2APIC (1ull << 10)
#define BASE_ENABLE (1ull << 11)
#define BASE_ADDR   0xffffff000ull

/* 3A table 10-1 and 10-6: number of the register, which is offset / 16 and MSR - 0x800. */
enum reg {
	REG_ID = 0x02,
	REG_VERSION = 0x03,
	REG_TPR = 0x08,
	REG_APR = 0x09,
	REG_PPR = 0x0a,
	REG_EOI = 0x0b,
	REG_RRD = 0x0c,
	REG_LDR = 0x0d,
	REG_DFR = 0x0e,
	REG_SVR = 0x0f,
	REG_ISR = 0x10,
	REG_TMR = 0x18,
	REG_IRR = 0x20,
	REG_ESR = 0x28,
	REG_ICR = 0x30,
	REG_ICR_HIGH = 0x31,
	REG_LVT = 0x32,
	REG_INITIAL = 0x38,
	REG_CURRENT = 0x39,
	REG_DIVIDE = 0x3e,
	REG_SELF = 0x3f, /* x2APIC alone */
};

enum lvt { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVTS };

#define VERSION		    0x00050014u /* integrated, entries 0 to 5 */
#define VECTORS		    256u
#define VECTOR_MIN	    16u
#define WORDS		    (VECTORS / 32u)
#define SVR_ENABLE	    (1u << 8)
#define SVR_ALL		    0x1ffu
#define DFR_FLAT	    0xfu
#define DFR_FIXED	    0x0fffffffu
#define LVT_MASKED	    (1u << 16)
#define LVT_MODE_SHIFT	    8
#define TIMER_MODE	    (3u << 17)
#define TIMER_PERIODIC	    (1u << 17)
#define TIMER_DEADLINE	    (2u << 17)
#define ESR_SEND_VECTOR	    (1u << 5)
#define ESR_RECEIVE_VECTOR  (1u << 6)
#define ESR_REGISTER	    (1u << 7)
#define ICR_LOGICAL	    (1u << 11)
#define ICR_WRITABLE	    0x000ccfffu
#define ICR_SHORTHAND_SHIFT 18
#define DIVIDE_ALL	    0x0bu
#define MSI_DEST_SHIFT	    12
#define MSI_LOGICAL	    (1u << 2)
#define MSI_LEVEL	    (1u << 15)

enum mode { MODE_FIXED, MODE_LOWEST, MODE_SMI, MODE_NMI = 4, MODE_INIT, MODE_SIPI, MODE_EXTINT };
enum shorthand { TO_DESTINATION, TO_SELF, TO_ALL, TO_OTHERS };
enum { RANGE_MMIO, RANGE_BASE, RANGE_X2APIC, RANGE_DEADLINE };

/* What may be written of each local vector table entry: 3A figure 10-8. */
static const uint32_t lvt_writable[LVTS] = {
	[LVT_TIMER] = 0x000700ff, [LVT_THERMAL] = 0x000107ff, [LVT_PERF] = 0x000107ff,
	[LVT_LINT0] = 0x0001a7ff, [LVT_LINT1] = 0x0001a7ff,   [LVT_ERROR] = 0x000100ff,
};

extern const struct dev_class dev_class_lapic;

struct lapic {
	struct dev dev;
	uint64_t base, deadline, start; /* start: when the timer's count began */
	uint32_t tpr, ldr, dfr, svr, esr, esr_new, icr, icr_high, lvt[LVTS], initial, divide;
	uint32_t isr[WORDS], tmr[WORDS], irr[WORDS];
	bool lint0, ext, out; /* ext: a message asks for the 8259's vector */
	bool spent;	      /* a one-shot count is over: 0 until another one is written */
	struct clock_timer timer;
};

static struct lapic *lapic_of(struct dev *d)
{
	return container_of(d, struct lapic, dev);
}

static bool is_on(const struct lapic *a)
{
	return a->base & BASE_ENABLE;
}

static bool is_x2(const struct lapic *a)
{
	return is_on(a) && (a->base & BASE_X2APIC);
}

/* ---- priorities: 3A 10.8.3 ----------------------------------------------------------------------- */

static int highest(const uint32_t *set)
{
	for (int i = WORDS - 1; i >= 0; i--)
		if (set[i])
			return i * 32 + 31 - __builtin_clz(set[i]);
	return -1;
}

static uint32_t ppr(const struct lapic *a)
{
	int serving = highest(a->isr);
	uint32_t isrv = serving < 0 ? 0 : (uint32_t)serving;

	return a->tpr >> 4 >= isrv >> 4 ? a->tpr : isrv & 0xf0;
}

/* The vector to be delivered now, or -1. */
static int deliverable(const struct lapic *a)
{
	int vec = highest(a->irr);

	if (!is_on(a) || !(a->svr & SVR_ENABLE) || vec < 0)
		return -1;
	return (uint32_t)vec >> 4 > ppr(a) >> 4 ? vec : -1;
}

static bool extint(const struct lapic *a)
{
	uint32_t l = a->lvt[LVT_LINT0];

	/* Switched off, it is as if it was not there: the 8259 has the pin (3A 10.4.3). */
	if (!is_on(a))
		return a->lint0;
	if (a->ext)
		return true;
	return a->lint0 && !(l & LVT_MASKED) && (l >> LVT_MODE_SHIFT & 7) == MODE_EXTINT;
}

static void update(struct lapic *a)
{
	struct dev_host *host = &a->dev.env.host;
	bool out = extint(a) || deliverable(a) >= 0;

	if (out == a->out)
		return;
	a->out = out;
	if (host->intr)
		host->intr(host->ctx, out);
}

static void error(struct lapic *a, uint32_t bit);

static void accept(struct lapic *a, unsigned vec, bool level)
{
	uint32_t bit = 1u << (vec % 32);

	if (vec < VECTOR_MIN) {
		error(a, ESR_RECEIVE_VECTOR);
		return;
	}
	a->irr[vec / 32] |= bit;
	if (level)
		a->tmr[vec / 32] |= bit;
	else
		a->tmr[vec / 32] &= ~bit;
}

/* A local source asks: 3A 10.5.1. */
static void local(struct lapic *a, enum lvt which)
{
	uint32_t l = a->lvt[which];
	struct dev_host *host = &a->dev.env.host;

	if ((l & LVT_MASKED) || !is_on(a))
		return;
	switch (which == LVT_TIMER || which == LVT_ERROR ? MODE_FIXED : l >> LVT_MODE_SHIFT & 7) {
	case MODE_FIXED:
		accept(a, l & 0xff, false);
		break;
	case MODE_NMI:
		if (host->nmi)
			host->nmi(host->ctx);
		break;
	default: /* SMI and INIT: nothing here has them */
		break;
	}
}

static void error(struct lapic *a, uint32_t bit)
{
	uint32_t l = a->lvt[LVT_ERROR];
	bool first = !(a->esr_new & bit);

	a->esr_new |= bit;
	/* A bad vector in the error entry itself: once is enough. */
	if (first && !((l & 0xff) < VECTOR_MIN))
		local(a, LVT_ERROR);
}

int lapic_ack(struct dev *d)
{
	struct lapic *a = lapic_of(d);
	int vec;

	assert(d->cls == &dev_class_lapic);
	if (extint(a)) {
		a->ext = false;
		update(a);
		return LAPIC_EXTINT;
	}
	vec = deliverable(a);
	if (vec >= 0) {
		a->irr[vec / 32] &= ~(1u << (vec % 32));
		a->isr[vec / 32] |= 1u << (vec % 32);
	}
	update(a);
	return vec;
}

void lapic_lint0(struct dev *d, int level)
{
	struct lapic *a = lapic_of(d);
	bool rises = level && !a->lint0;

	assert(d->cls == &dev_class_lapic);
	a->lint0 = level != 0;
	if (rises && (a->lvt[LVT_LINT0] >> LVT_MODE_SHIFT & 7) != MODE_EXTINT)
		local(a, LVT_LINT0);
	update(a);
}

void lapic_set_cr8(struct dev *d, unsigned cr8)
{
	struct lapic *a = lapic_of(d);

	assert(d->cls == &dev_class_lapic);
	a->tpr = (cr8 & 15) << 4;
	update(a);
}

/* ---- the timer: 3A 10.5.4 ---------------------------------------------------------------------------- */

static uint64_t divisor(const struct lapic *a)
{
	uint32_t code = (a->divide & 3) | (a->divide >> 1 & 4);

	return 1ull << ((code + 1) & 7);
}

/* When the count is 0 the next time, after (now). */
static uint64_t next_zero(const struct lapic *a, uint64_t now)
{
	uint64_t period = a->initial * divisor(a);

	return a->start + (now - a->start) / period * period + period;
}

static void arm(struct lapic *a)
{
	struct clock *c = a->dev.env.clock;
	uint32_t mode = a->lvt[LVT_TIMER] & TIMER_MODE;
	uint64_t at = CLOCK_NEVER;

	if (mode == TIMER_DEADLINE)
		at = a->deadline ? a->deadline : CLOCK_NEVER;
	else if (a->initial && !a->spent)
		at = next_zero(a, clock_now(c));
	clock_arm(c, &a->timer, at);
}

static void fired(void *ctx, uint64_t now)
{
	struct lapic *a = ctx;
	uint32_t mode = a->lvt[LVT_TIMER] & TIMER_MODE;

	if (mode == TIMER_DEADLINE)
		a->deadline = 0;
	else if (mode != TIMER_PERIODIC)
		a->spent = true;
	local(a, LVT_TIMER);
	if (mode == TIMER_PERIODIC) {
		a->start = now;
		arm(a);
	}
	update(a);
}

static uint32_t current_count(const struct lapic *a)
{
	uint64_t gone;

	if (!a->initial || a->spent || (a->lvt[LVT_TIMER] & TIMER_MODE) == TIMER_DEADLINE)
		return 0;
	gone = (clock_now(a->dev.env.clock) - a->start) / divisor(a);
	if ((a->lvt[LVT_TIMER] & TIMER_MODE) == TIMER_PERIODIC)
		gone %= a->initial;
	return gone >= a->initial ? 0 : a->initial - (uint32_t)gone;
}

static void write_timer(struct lapic *a, uint32_t val)
{
	uint32_t was = a->lvt[LVT_TIMER] & TIMER_MODE;

	a->lvt[LVT_TIMER] = val;
	if (was == (val & TIMER_MODE))
		return;
	/* To and from the deadline mode disarms. */
	if (was == TIMER_DEADLINE || (val & TIMER_MODE) == TIMER_DEADLINE) {
		a->initial = 0;
		a->deadline = 0;
	}
	arm(a);
}

/* The count goes on from where it is, at another pace; its start may be before time 0 then: it wraps. */
static void write_divide(struct lapic *a, uint32_t val)
{
	uint32_t left = current_count(a);

	a->divide = val & DIVIDE_ALL;
	a->start = clock_now(a->dev.env.clock) - (a->initial - left) * divisor(a);
	arm(a);
}

/* ---- interrupts to itself: 3A 10.6 --------------------------------------------------------------------- */

static uint32_t own_ldr(const struct lapic *a)
{
	return is_x2(a) ? 1u : a->ldr; /* of ID 0: 3A 10.12.10.2 */
}

static bool logical_match(const struct lapic *a, uint32_t dest)
{
	uint32_t ldr = own_ldr(a);

	if (is_x2(a))
		return dest >> 16 == ldr >> 16 && (dest & ldr & 0xffff);
	ldr >>= 24;
	if (a->dfr >> 28 == DFR_FLAT)
		return ldr & dest;
	return ldr >> 4 == dest >> 4 && (ldr & dest & 15);
}

static bool dest_is_us(const struct lapic *a, uint32_t dest, bool logical)
{
	uint32_t everyone = is_x2(a) ? UINT32_MAX : 0xff;

	if (dest == everyone)
		return true;
	return logical ? logical_match(a, dest) : dest == 0;
}

static bool is_for_us(const struct lapic *a)
{
	uint32_t dest = is_x2(a) ? a->icr_high : a->icr_high >> 24;

	switch ((enum shorthand)(a->icr >> ICR_SHORTHAND_SHIFT & 3)) {
	case TO_SELF:
	case TO_ALL:
		return true;
	case TO_OTHERS:
		return false;
	case TO_DESTINATION:
		break;
	}
	return dest_is_us(a, dest, a->icr & ICR_LOGICAL);
}

static void send(struct lapic *a)
{
	struct dev_host *host = &a->dev.env.host;
	unsigned vec = a->icr & 0xff, mode = a->icr >> LVT_MODE_SHIFT & 7;

	if ((mode == MODE_FIXED || mode == MODE_LOWEST) && vec < VECTOR_MIN) {
		error(a, ESR_SEND_VECTOR);
		return;
	}
	if (!is_for_us(a))
		return;
	switch (mode) {
	case MODE_FIXED:
	case MODE_LOWEST:
		if (a->svr & SVR_ENABLE)
			accept(a, vec, false);
		break;
	case MODE_NMI:
		if (host->nmi)
			host->nmi(host->ctx);
		break;
	default: /* the one CPU does not restart itself */
		break;
	}
}

/*
 * 3A 10.11. A message's destination has 8 bits: in x2APIC mode 0xff is everyone all the same, and a
 * logical one is of cluster 0.
 */
bool lapic_msi(struct dev *d, uint64_t addr, uint32_t data)
{
	struct lapic *a = lapic_of(d);
	struct dev_host *host = &d->env.host;
	uint32_t dest = (uint32_t)(addr >> MSI_DEST_SHIFT & 0xff);
	unsigned mode = data >> LVT_MODE_SHIFT & 7;

	assert(d->cls == &dev_class_lapic);
	if (is_x2(a) && dest == 0xff)
		dest = UINT32_MAX;
	if (addr >> 20 != LAPIC_BASE >> 20 || !is_on(a) || !dest_is_us(a, dest, addr & MSI_LOGICAL))
		return false;
	switch (mode) {
	case MODE_FIXED:
	case MODE_LOWEST:
		if (!(a->svr & SVR_ENABLE))
			return false;
		accept(a, data & 0xff, data & MSI_LEVEL);
		break;
	case MODE_NMI:
		if (host->nmi)
			host->nmi(host->ctx);
		break;
	case MODE_EXTINT:
		a->ext = true;
		break;
	default: /* SMI and INIT: nothing here has them */
		break;
	}
	update(a);
	return true;
}

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
		write_timer(a, val);
	else
		a->lvt[which] = val;
}

static void end_of_interrupt(struct lapic *a)
{
	struct dev_host *host = &a->dev.env.host;
	int vec = highest(a->isr);
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
		*val = ppr(a);
		return true;
	case REG_LDR:
		*val = own_ldr(a);
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
		*val = current_count(a);
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
		send(a);
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
		arm(a);
		return true;
	case REG_DIVIDE:
		write_divide(a, val);
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
		send(a);
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
		error(a, ESR_REGISTER);
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
		error(a, ESR_REGISTER);
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
	update(a);
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
			arm(a);
		}
		break;
	}
	update(a);
}

static int lapic_init(struct dev *d, struct err *err)
{
	struct lapic *a = lapic_of(d);

	if (!d->env.clock)
		return err_set(err, -EINVAL, "device lapic: it needs a clock for its timer");
	clock_timer_init(&a->timer, fired, a);
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
	    a->out != (extint(a) || deliverable(a) >= 0))
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
