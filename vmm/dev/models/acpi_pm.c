/* SPDX-License-Identifier: MIT */
/*
 * acpi-pm: the fixed hardware of ACPI (specification 6.5, chapter 4; "4.8" below are its sections):
 * PM1a event and control blocks, the power management timer, a GPE block, and a reset register.
 *
 *   base + 0x0  PM1a_STS  2 bytes      base + 0x8  PM_TMR    4 bytes, 32 bits wide, 3.579545 MHz
 *   base + 0x2  PM1a_EN   2            base + 0xc  GPE0_STS  2
 *   base + 0x4  PM1a_CNT  2            base + 0xe  GPE0_EN   2
 *   base1       RESET     1: writing 0x06 resets the machine
 *
 * For the FADT: PM1_EVT_LEN 4, PM1_CNT_LEN 2, PM_TMR_LEN 4, GPE0_BLK_LEN 4 or none; TMR_VAL_EXT; SMI_CMD
 * 0, because the machine is in ACPI mode always and SCI_EN cannot be cleared; RESET_VALUE 6. S5 is the
 * only sleeping state, so any SLP_TYP written with SLP_EN switches the machine off; that also serves
 * guests which know no ACPI but the port 0x604 of QEMU's machine.
 *
 * Nothing presses the power button and no GPE has a source: of the status bits only that of the timer
 * (its top bit changed) is ever set. It is the one cause of SCI, and a clock timer is armed only while
 * it is enabled and not there yet.
 */
#include <errno.h>

#include <vmm/dev.h>

#include "ticks_priv.h"

#define PM_BASE	   0x600u
#define PM_LEN	   0x10u
#define RESET_PORT 0x610u
#define PM_SCI	   9u
#define PM_HZ	   3579545u
#define TOP_BIT	   31

enum { RANGE_PM, RANGE_RESET };
enum { PM1_STS = 0, PM1_EN = 2, PM1_CNT = 4, PM_TMR = 8, GPE0_STS = 12, GPE0_EN = 14 };

/* PM1 status and enable: 4.8.3.1. What is not here has no hardware, and is 0. */
#define PM1_TMR	   0x0001u
#define PM1_EN_ALL 0x0721u /* timer, global lock, both buttons, RTC: may be enabled */
/* PM1 control: 4.8.3.2. GBL_RLS and SLP_EN are written only. */
#define CNT_SCI_EN 0x0001u
#define CNT_SLP_EN 0x2000u
#define CNT_STORED 0x1c02u /* SLP_TYP, BM_RLD */
/* The reset register, as the chipsets' 0xcf9. */
#define RESET_SYS 0x02u
#define RESET_CPU 0x04u

static const struct ticks clk = {PM_HZ, TICKS_NS_PER_S};

struct acpi_pm {
	struct dev dev;
	uint16_t en, cnt, gpe_en;
	uint8_t reset;
	bool tmr_sts, irq_level;
	uint64_t seen; /* changes of the timer's top bit that TMR_STS knows of */
	struct clock_timer timer;
};

static struct acpi_pm *acpi_pm_of(struct dev *d)
{
	return container_of(d, struct acpi_pm, dev);
}

static uint64_t tick_now(const struct acpi_pm *a)
{
	return ticks_at(&clk, clock_now(a->dev.env.clock));
}

/* 4.8.3.1.1: TMR_STS is set whenever the top bit of the timer changes. */
static void catch_up(struct acpi_pm *a)
{
	uint64_t changes = tick_now(a) >> TOP_BIT;

	if (changes != a->seen)
		a->tmr_sts = true;
	a->seen = changes;
}

static bool sci(const struct acpi_pm *a)
{
	return a->tmr_sts && (a->en & PM1_TMR);
}

static void arm(struct acpi_pm *a)
{
	bool wanted = (a->en & PM1_TMR) && !a->tmr_sts;

	clock_arm(a->dev.env.clock, &a->timer,
		  wanted ? ticks_ns(&clk, (a->seen + 1) << TOP_BIT) : CLOCK_NEVER);
}

static void update(struct acpi_pm *a)
{
	bool level = sci(a);

	if (level != a->irq_level) {
		a->irq_level = level;
		irq_set(&a->dev.irq, level);
	}
	arm(a);
}

static void timer_fire(void *ctx, uint64_t now)
{
	(void)now;
	catch_up(ctx);
	update(ctx);
}

static void power(struct acpi_pm *a, enum dev_power what)
{
	struct dev_host *host = &a->dev.env.host;

	if (host->power)
		host->power(host->ctx, what);
}

/* ---- registers --------------------------------------------------------------------------------- */

/* Registers may be accessed in any width, a byte too: they are bytes here. */
static uint8_t read_byte(const struct acpi_pm *a, uint64_t off)
{
	uint8_t block[PM_LEN] = {0};

	st_le16(block + PM1_STS, a->tmr_sts ? PM1_TMR : 0);
	st_le16(block + PM1_EN, a->en);
	st_le16(block + PM1_CNT, a->cnt | CNT_SCI_EN);
	st_le32(block + PM_TMR, (uint32_t)tick_now(a));
	st_le16(block + GPE0_EN, a->gpe_en);
	return block[off];
}

/* (reg) with its byte (i) written, of which (mask) are bits that can be. */
static uint16_t merged(uint16_t reg, uint64_t i, uint8_t val, uint16_t mask)
{
	uint16_t lane = (uint16_t)(0xff << (8 * i));

	return (uint16_t)((reg & ~lane) | (val << (8 * i) & lane & mask));
}

static void write_byte(struct acpi_pm *a, uint64_t off, uint8_t val)
{
	uint64_t i = off & 1;

	switch (off & ~1ull) {
	case PM1_STS: /* writing 1 clears */
		if (!i && (val & PM1_TMR))
			a->tmr_sts = false;
		break;
	case PM1_EN:
		a->en = merged(a->en, i, val, PM1_EN_ALL);
		break;
	case PM1_CNT:
		a->cnt = merged(a->cnt, i, val, CNT_STORED);
		if (i && (val & CNT_SLP_EN >> 8))
			power(a, DEV_POWER_OFF);
		break;
	case GPE0_EN:
		a->gpe_en = merged(a->gpe_en, i, val, UINT16_MAX);
		break;
	default: /* the timer is read-only, GPE0_STS never set, between them is nothing */
		break;
	}
}

/* A reset when RESET_CPU rises; of one kind only: all of the machine. */
static void write_reset(struct acpi_pm *a, uint8_t val)
{
	bool rises = (val & RESET_CPU) && !(a->reset & RESET_CPU);

	a->reset = val & (RESET_SYS | RESET_CPU);
	if (rises)
		power(a, DEV_POWER_RESET);
}

static uint64_t acpi_pm_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	struct acpi_pm *a = acpi_pm_of(d);
	uint64_t val = 0;

	if (range == RANGE_RESET)
		return a->reset;
	catch_up(a);
	for (unsigned i = 0; i < size; i++)
		val |= (uint64_t)read_byte(a, off + i) << (8 * i);
	update(a);
	return val;
}

static void acpi_pm_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	struct acpi_pm *a = acpi_pm_of(d);

	if (range == RANGE_RESET) {
		write_reset(a, (uint8_t)val);
		return;
	}
	catch_up(a);
	for (unsigned i = 0; i < size; i++)
		write_byte(a, off + i, (uint8_t)(val >> (8 * i)));
	update(a);
}

/* ---- the class --------------------------------------------------------------------------------- */

static int acpi_pm_init(struct dev *d, struct err *err)
{
	struct acpi_pm *a = acpi_pm_of(d);

	if (!d->env.clock)
		return err_set(err, -EINVAL, "device acpi-pm: it needs a clock for its timer");
	clock_timer_init(&a->timer, timer_fire, a);
	return 0;
}

static void acpi_pm_reset(struct dev *d)
{
	clock_cancel(d->env.clock, &acpi_pm_of(d)->timer);
	irq_set(&d->irq, 0);
}

static int acpi_pm_post_load(struct dev *d, struct err *err)
{
	struct acpi_pm *a = acpi_pm_of(d);

	if ((a->en & ~PM1_EN_ALL) || (a->cnt & ~CNT_STORED) ||
	    (a->reset & ~(RESET_SYS | RESET_CPU)) || a->irq_level != sci(a) ||
	    a->seen > tick_now(a) >> TOP_BIT)
		return err_set(err, -EINVAL, "acpi-pm: saved registers are in no possible state");
	arm(a);
	return 0;
}

static void acpi_pm_fini(struct dev *d)
{
	struct acpi_pm *a = acpi_pm_of(d);

	if (a->timer.fn) /* else init went wrong before */
		clock_cancel(d->env.clock, &a->timer);
}

static const struct dev_range acpi_pm_ranges[] = {
	{"pm", BUS_PIO, PM_BASE, PM_LEN},
	{"reset", BUS_PIO, RESET_PORT, 1},
	{0},
};

static const struct dev_opt acpi_pm_opts[] = {
	{"irq", "SCI's line", offsetof(struct dev, irq_line), PM_SCI, 0, 15},
	{0},
};

static const struct dev_reg acpi_pm_regs[] = {
	{"PM1_STS", RANGE_PM, 2, PM1_STS, "w1c"},   {"PM1_EN", RANGE_PM, 2, PM1_EN, "rw"},
	{"PM1_CNT", RANGE_PM, 2, PM1_CNT, "rw"},    {"PM_TMR", RANGE_PM, 4, PM_TMR, "r"},
	{"GPE0_STS", RANGE_PM, 2, GPE0_STS, "w1c"}, {"GPE0_EN", RANGE_PM, 2, GPE0_EN, "rw"},
	{"RESET", RANGE_RESET, 1, 0, "rw"},	    {0},
};

static const struct state_field acpi_pm_state[] = {
	STATE_U(struct acpi_pm, en, 0),	     STATE_U(struct acpi_pm, cnt, 0),
	STATE_U(struct acpi_pm, gpe_en, 0),  STATE_U(struct acpi_pm, reset, 0),
	STATE_B(struct acpi_pm, tmr_sts, 0), STATE_B(struct acpi_pm, irq_level, 0),
	STATE_U(struct acpi_pm, seen, 0),    STATE_END,
};

const struct dev_class dev_class_acpi_pm = {
	.name = "acpi-pm",
	.help = "ACPI's PM1, timer, sleep control and reset register",
	.size = sizeof(struct acpi_pm),
	.version = 1,
	.ranges = acpi_pm_ranges,
	.opts = acpi_pm_opts,
	.regs = acpi_pm_regs,
	.state = acpi_pm_state,
	.init = acpi_pm_init,
	.reset = acpi_pm_reset,
	.read = acpi_pm_read,
	.write = acpi_pm_write,
	.post_load = acpi_pm_post_load,
	.fini = acpi_pm_fini,
};
