/* SPDX-License-Identifier: MIT */
/*
 * lapic: what the local APIC's parts share: models/lapic.c is the device (registers, x2APIC,
 * IA32_APIC_BASE), lapic_irq.c decides which interrupt is next, lapic_timer.c is the timer, lapic_msg.c
 * what it sends itself and is sent.
 * Section numbers are of SDM volume 3A ("3A").
 */
#ifndef VMM_LAPIC_PRIV_H
#define VMM_LAPIC_PRIV_H

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

static inline struct lapic *lapic_of(struct dev *d)
{
	return container_of(d, struct lapic, dev);
}

static inline bool is_on(const struct lapic *a)
{
	return a->base & BASE_ENABLE;
}

static inline bool is_x2(const struct lapic *a)
{
	return is_on(a) && (a->base & BASE_X2APIC);
}

/* lapic_irq.c. The highest vector of a set or -1; the processor's priority; is INTR to be up? */
int lapic_highest(const uint32_t *set);
uint32_t lapic_ppr(const struct lapic *a);
bool lapic_asks(const struct lapic *a);
/* INTR to the CPU follows what there is: after every change. */
void lapic_update(struct lapic *a);
/* A vector comes in; (level): its end is to be told. */
void lapic_accept(struct lapic *a, unsigned vec, bool level);
/* A local source asks: 3A 10.5.1. */
void lapic_local(struct lapic *a, enum lvt which);
/* An error, ESR_*: 3A 10.5.3. */
void lapic_error(struct lapic *a, uint32_t bit);

/* lapic_timer.c, 3A 10.5.4: the clock's callback; set the clock anew; the current count. */
void lapic_timer_fired(void *lapic, uint64_t now);
void lapic_timer_arm(struct lapic *a);
uint32_t lapic_timer_count(const struct lapic *a);
/* The driver wrote the timer's entry of the local vector table, the divide configuration. */
void lapic_timer_mode(struct lapic *a, uint32_t val);
void lapic_timer_divide(struct lapic *a, uint32_t val);

/* lapic_msg.c, 3A 10.6: the driver wrote ICR; the logical destination register as it is read. */
void lapic_send(struct lapic *a);
uint32_t lapic_ldr(const struct lapic *a);

#endif
