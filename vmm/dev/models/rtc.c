/* SPDX-License-Identifier: MIT */
/*
 * rtc: the MC146818 clock (Motorola data sheet, ADI-856; "DS" below) with the AT's 128 bytes of
 * CMOS memory at ports 0x70 and 0x71.
 *
 * Time is virtual: at 0 ns it is the option `time`, Unix seconds, by default 1 January 2026, 00:00:00
 * UTC. The divider chain is not counted: it is computed from virtual time, and what happened since
 * anybody looked (updates, flags) is made up for before each access. A clock timer is armed only for an
 * interrupt that is enabled and not there yet.
 *
 * An update ends exactly on its second; UIP is up for the 244 + 1984 us before (DS table 6, 32 kHz). The
 * time's bytes keep their old values until then, so that reading in an update does no harm. Time is
 * kept in the bytes, as the chip does it: what is written there counts on, and after a change of format
 * (DM, 24/12) it must be written anew. Bytes that are no time give some time. The daylight saving bit
 * is stored and has no effect, as in the chipsets since. Dividers other than 11x (reset) run at 32 kHz.
 * The century is byte 0x32. A reset is a power-on with a fresh battery: time is that of the option.
 *
 * The NMI mask (bit 7 of port 0x70) is stored; NMIs of this machine come from the test device and are
 * not gated by it.
 */
#include <errno.h>

#include <vmm/dev.h>

#include "ticks_priv.h"

#define RTC_BASE     0x70u
#define RTC_LEN	     2u
#define RTC_IRQ	     8u
#define RTC_TIME     1767225600u   /* 2026-01-01 00:00:00 UTC */
#define RTC_TIME_MAX 253402300799u /* 9999-12-31 23:59:59 */
#define RTC_MEM	     (16ull << 20) /* the machine's default */
#define CMOS_SIZE    128u
#define DIVIDER_HZ   32768u
#define HALF_SECOND  (DIVIDER_HZ / 2)
#define UIP_TICKS    73u /* 2228 us */
#define DAY	     86400u
#define NO_TICK	     UINT64_MAX

/* Bytes of the memory: DS figure 10; the AT's use of the rest. */
enum {
	SECONDS,
	SECONDS_ALARM,
	MINUTES,
	MINUTES_ALARM,
	HOURS,
	HOURS_ALARM,
	WEEKDAY, /* Sunday is 1 */
	DATE,
	MONTH,
	YEAR,
	REG_A,
	REG_B,
	REG_C,
	REG_D,
	EQUIPMENT = 0x14,
	BASE_KIB = 0x15,  /* 2 bytes, as those below */
	EXT_KIB = 0x17,	  /* above 1 MiB, at most 63 MiB and some */
	SUM_FIRST = 0x10, /* the BIOS's checksum is over these */
	SUM_LAST = 0x2d,
	SUM = 0x2e,	     /* high byte first */
	EXT_KIB_POST = 0x30, /* the same as EXT_KIB */
	CENTURY = 0x32,
	ABOVE_16M = 0x34, /* in units of 64 KiB */
	ABOVE_4G = 0x5b,  /* 3 bytes, likewise */
};

#define A_UIP	       0x80u
#define A_DV_RESET     0x60u /* both bits: the divider chain is held in reset */
#define A_RS	       0x0fu
#define A_POWER_ON     0x26u /* 32 kHz, 1024 Hz: as a BIOS leaves it */
#define B_SET	       0x80u
#define B_UIE	       0x10u
#define B_DM	       0x04u
#define B_24	       0x02u
#define C_IRQF	       0x80u
#define C_FLAGS	       0x70u /* PF, AF, UF: in the places of PIE, AIE, UIE in B */
#define C_PF	       0x40u
#define C_AF	       0x20u
#define C_UF	       0x10u
#define D_VRT	       0x80u
#define SECONDS_ALL    0x7fu /* the top bit is not to be written */
#define HOURS_PM       0x80u
#define ANY	       0xc0u /* both bits in an alarm byte: whatever the time */
#define INDEX	       0x7fu
#define INDEX_NMI_MASK 0x80u
#define EQUIPMENT_FPU  0x02u
#define FLOATING       0xff

enum { REG_INDEX, REG_DATA };

static const struct ticks clk = {DIVIDER_HZ, TICKS_NS_PER_S};

struct rtc {
	struct dev dev;
	uint64_t time, mem, highmem; /* options */
	uint8_t cmos[CMOS_SIZE];
	uint8_t index;
	bool nmi_masked, irq_level;
	/* The divider chain: (start) at (since), made up for until (seen). */
	uint64_t since, seen;
	uint32_t start;
	struct clock_timer timer;
};

static struct rtc *rtc_of(struct dev *d)
{
	return container_of(d, struct rtc, dev);
}

/* ---- the format of the bytes ------------------------------------------------------------------- */

static uint32_t decode(const struct rtc *r, uint8_t b)
{
	return r->cmos[REG_B] & B_DM ? b : (b >> 4) * 10u + (b & 15);
}

static uint8_t encode(const struct rtc *r, uint32_t n)
{
	return (uint8_t)(r->cmos[REG_B] & B_DM ? n : n / 10 % 10 << 4 | n % 10);
}

static uint32_t decode_hour(const struct rtc *r, uint8_t b)
{
	if (r->cmos[REG_B] & B_24)
		return decode(r, b);
	return decode(r, b & (uint8_t)~HOURS_PM) % 12 + (b & HOURS_PM ? 12 : 0);
}

static uint8_t encode_hour(const struct rtc *r, uint32_t hour)
{
	if (r->cmos[REG_B] & B_24)
		return encode(r, hour);
	return encode(r, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOURS_PM : 0);
}

/* ---- the calendar ------------------------------------------------------------------------------ */

/*
 * Years of this calendar begin in March, so that the leap day is the last; they are counted from 400
 * years before the year 0, a whole cycle, so that January of the year 0 is in one of them.
 */
#define CYCLE_YEARS 400u
#define CYCLE_DAYS  146097u

static uint64_t first_day(uint64_t year)
{
	return year * 365 + year / 4 - year / 100 + year / 400;
}

/* Days from 1 March to the first of month (m), March being 0. */
static uint32_t days_before(uint32_t m)
{
	return (m * 153 + 2) / 5;
}

static uint64_t day_number(uint32_t year, uint32_t month, uint32_t date)
{
	uint64_t y = CYCLE_YEARS + year - (month <= 2 ? 1 : 0);

	return first_day(y) + days_before((month + 9) % 12) + date - 1;
}

static void set_date(struct rtc *r, uint64_t day)
{
	uint64_t y = day * CYCLE_YEARS / CYCLE_DAYS + 1; /* or one or two less */
	uint32_t in_year, m;

	while (first_day(y) > day)
		y--;
	in_year = (uint32_t)(day - first_day(y));
	m = (in_year * 5 + 2) / 153;
	y = y - CYCLE_YEARS + (m >= 10 ? 1 : 0);
	r->cmos[DATE] = encode(r, in_year - days_before(m) + 1);
	r->cmos[MONTH] = encode(r, (m + 2) % 12 + 1);
	r->cmos[YEAR] = encode(r, (uint32_t)(y % 100));
	r->cmos[CENTURY] = encode(r, (uint32_t)(y / 100 % 100));
}

static uint32_t within(uint32_t n, uint32_t min, uint32_t max)
{
	return n < min ? min : n > max ? max : n;
}

static void add_days(struct rtc *r, uint64_t days)
{
	uint32_t year = decode(r, r->cmos[CENTURY]) * 100 + decode(r, r->cmos[YEAR]);
	uint32_t month = within(decode(r, r->cmos[MONTH]), 1, 12);
	uint32_t date = within(decode(r, r->cmos[DATE]), 1, 31);

	set_date(r, day_number(year, month, date) + days);
	r->cmos[WEEKDAY] = encode(r, (uint32_t)((decode(r, r->cmos[WEEKDAY]) + 6 + days) % 7) + 1);
}

static uint32_t second_of_day(const struct rtc *r)
{
	return decode_hour(r, r->cmos[HOURS]) * 3600 + decode(r, r->cmos[MINUTES]) * 60 +
	       decode(r, r->cmos[SECONDS]);
}

static void add_seconds(struct rtc *r, uint64_t n)
{
	uint64_t t = second_of_day(r) + n;
	uint32_t s = (uint32_t)(t % DAY);

	r->cmos[SECONDS] = encode(r, s % 60);
	r->cmos[MINUTES] = encode(r, s / 60 % 60);
	r->cmos[HOURS] = encode_hour(r, s / 3600);
	if (t >= DAY)
		add_days(r, t / DAY);
}

/* ---- alarms ------------------------------------------------------------------------------------ */

static bool matches(uint8_t alarm, uint8_t is)
{
	return (alarm & ANY) == ANY || alarm == is;
}

/* Is there any minute or second that matches? */
static bool ever_matches(const struct rtc *r, uint8_t alarm)
{
	for (uint32_t n = 0; n < 60; n++)
		if (matches(alarm, encode(r, n)))
			return true;
	return false;
}

/* Seconds from the time in the bytes to the next alarm, 1 to a day; 0: never. Some 150 steps at most. */
static uint32_t until_alarm(const struct rtc *r)
{
	uint32_t now = second_of_day(r) % DAY, s;

	if (!ever_matches(r, r->cmos[SECONDS_ALARM]) || !ever_matches(r, r->cmos[MINUTES_ALARM]))
		return 0;
	for (uint32_t t = 1; t <= DAY;) {
		s = (now + t) % DAY;
		if (!matches(r->cmos[HOURS_ALARM], encode_hour(r, s / 3600)))
			t += 3600 - s % 3600;
		else if (!matches(r->cmos[MINUTES_ALARM], encode(r, s / 60 % 60)))
			t += 60 - s % 60;
		else if (!matches(r->cmos[SECONDS_ALARM], encode(r, s % 60)))
			t++;
		else
			return t;
	}
	return 0;
}

/* ---- the divider chain ------------------------------------------------------------------------- */

static bool is_held(const struct rtc *r)
{
	return (r->cmos[REG_A] & A_DV_RESET) == A_DV_RESET;
}

static bool counts_time(const struct rtc *r)
{
	return !is_held(r) && !(r->cmos[REG_B] & B_SET);
}

/* In ticks of 32768 Hz; seconds are its multiples. */
static uint64_t divider(const struct rtc *r)
{
	return is_held(r) ? r->seen
			  : r->start + ticks_at(&clk, clock_now(r->dev.env.clock) - r->since);
}

/* DS table 5: ticks of the periodic interrupt, 0: none. */
static uint32_t period(const struct rtc *r)
{
	unsigned rs = r->cmos[REG_A] & A_RS;

	if (!rs)
		return 0;
	return 1u << (rs <= 2 ? rs + 6 : rs - 1);
}

/* Make up for what happened until now. */
static void catch_up(struct rtc *r)
{
	uint64_t now = divider(r), updates = now / DIVIDER_HZ - r->seen / DIVIDER_HZ;
	uint32_t p = period(r), alarm;

	if (p && now / p != r->seen / p)
		r->cmos[REG_C] |= C_PF;
	if (updates && counts_time(r)) {
		alarm = until_alarm(r);
		if (alarm && alarm <= updates)
			r->cmos[REG_C] |= C_AF;
		r->cmos[REG_C] |= C_UF;
		add_seconds(r, updates);
	}
	r->seen = now;
}

/* The divider's tick of the next interrupt that is enabled. */
static uint64_t next_interrupt(const struct rtc *r)
{
	uint64_t next = NO_TICK, second = r->seen / DIVIDER_HZ;
	uint32_t p = period(r), alarm;

	if ((r->cmos[REG_B] & C_PF) && p)
		next = (r->seen / p + 1) * p;
	if (!counts_time(r))
		return next;
	if ((r->cmos[REG_B] & C_UF) && (second + 1) * DIVIDER_HZ < next)
		next = (second + 1) * DIVIDER_HZ;
	alarm = r->cmos[REG_B] & C_AF ? until_alarm(r) : 0;
	if (alarm && (second + alarm) * DIVIDER_HZ < next)
		next = (second + alarm) * DIVIDER_HZ;
	return next;
}

static bool irqf(const struct rtc *r)
{
	return r->cmos[REG_C] & r->cmos[REG_B] & C_FLAGS;
}

static void arm(struct rtc *r)
{
	uint64_t next = irqf(r) || is_held(r) ? NO_TICK : next_interrupt(r), at = CLOCK_NEVER;

	if (next != NO_TICK && add_wraps(r->since, ticks_ns(&clk, next - r->start), &at))
		at = CLOCK_NEVER;
	clock_arm(r->dev.env.clock, &r->timer, at);
}

static void update(struct rtc *r)
{
	bool level = irqf(r);

	if (level != r->irq_level) {
		r->irq_level = level;
		irq_set(&r->dev.irq, level);
	}
	arm(r);
}

static void timer_fire(void *ctx, uint64_t now)
{
	(void)now;
	catch_up(ctx);
	update(ctx);
}

/* ---- registers --------------------------------------------------------------------------------- */

static uint8_t read_a(const struct rtc *r)
{
	bool uip = counts_time(r) && DIVIDER_HZ - r->seen % DIVIDER_HZ <= UIP_TICKS;

	return r->cmos[REG_A] | (uip ? A_UIP : 0);
}

/* Reading clears it: DS "Register C". */
static uint8_t read_c(struct rtc *r)
{
	uint8_t val = r->cmos[REG_C] | (irqf(r) ? C_IRQF : 0);

	r->cmos[REG_C] = 0;
	return val;
}

static uint8_t read_data(struct rtc *r)
{
	switch (r->index) {
	case REG_A:
		return read_a(r);
	case REG_C:
		return read_c(r);
	case REG_D:
		return D_VRT;
	default:
		return r->cmos[r->index];
	}
}

static void write_a(struct rtc *r, uint8_t val)
{
	bool was_held = is_held(r);

	r->cmos[REG_A] = val & (uint8_t)~A_UIP;
	if (is_held(r)) {
		r->seen = 0;
	} else if (was_held) {
		/* DS "Divider control": the first update is half a second later. */
		r->since = clock_now(r->dev.env.clock);
		r->start = HALF_SECOND;
		r->seen = HALF_SECOND;
	}
}

static void write_data(struct rtc *r, uint8_t val)
{
	switch (r->index) {
	case SECONDS:
		r->cmos[SECONDS] = val & SECONDS_ALL;
		break;
	case REG_A:
		write_a(r, val);
		break;
	case REG_B: /* SET clears UIE */
		r->cmos[REG_B] = val & B_SET ? val & (uint8_t)~B_UIE : val;
		break;
	case REG_C:
	case REG_D:
		break;
	default:
		r->cmos[r->index] = val;
	}
}

/* An 8-bit chip: a wider access is as many cycles, low address first. */
static uint64_t rtc_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	struct rtc *r = rtc_of(d);
	uint64_t val = 0;

	(void)range;
	catch_up(r);
	for (unsigned i = 0; i < size; i++) {
		uint8_t byte = off + i == REG_DATA ? read_data(r) : FLOATING;

		val |= (uint64_t)byte << (8 * i);
	}
	update(r);
	return val;
}

static void rtc_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	struct rtc *r = rtc_of(d);

	(void)range;
	catch_up(r);
	for (unsigned i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)(val >> (8 * i));

		if (off + i == REG_DATA) {
			write_data(r, byte);
			continue;
		}
		r->index = byte & INDEX;
		r->nmi_masked = byte & INDEX_NMI_MASK;
	}
	update(r);
}

/* ---- the class --------------------------------------------------------------------------------- */

static uint64_t at_most(uint64_t n, uint64_t max)
{
	return n < max ? n : max;
}

static void put_sizes(struct rtc *r)
{
	uint64_t ext = r->mem > (1u << 20) ? r->mem - (1u << 20) : 0;
	uint64_t above = r->mem > (16u << 20) ? r->mem - (16u << 20) : 0;
	uint16_t sum = 0;

	st_le16(r->cmos + BASE_KIB, (uint16_t)at_most(r->mem >> 10, 640));
	st_le16(r->cmos + EXT_KIB, (uint16_t)at_most(ext >> 10, UINT16_MAX));
	st_le16(r->cmos + EXT_KIB_POST, (uint16_t)at_most(ext >> 10, UINT16_MAX));
	st_le16(r->cmos + ABOVE_16M, (uint16_t)at_most(above >> 16, UINT16_MAX));
	st_le(r->cmos + ABOVE_4G, 3, at_most(r->highmem >> 16, 0xffffff));
	for (unsigned i = SUM_FIRST; i <= SUM_LAST; i++)
		sum += r->cmos[i];
	r->cmos[SUM] = (uint8_t)(sum >> 8);
	r->cmos[SUM + 1] = (uint8_t)sum;
}

static void power_on(struct rtc *r)
{
	uint64_t days = r->time / DAY;
	uint32_t s = (uint32_t)(r->time % DAY);

	r->cmos[REG_A] = A_POWER_ON;
	r->cmos[REG_B] = B_24;
	set_date(r, day_number(1970, 1, 1) + days);
	r->cmos[WEEKDAY] = encode(r, (uint32_t)((days + 4) % 7) + 1); /* the first was a Thursday */
	r->cmos[HOURS] = encode_hour(r, s / 3600);
	r->cmos[MINUTES] = encode(r, s / 60 % 60);
	r->cmos[SECONDS] = encode(r, s % 60);
	r->cmos[EQUIPMENT] = EQUIPMENT_FPU;
	put_sizes(r);
}

static int rtc_init(struct dev *d, struct err *err)
{
	struct rtc *r = rtc_of(d);

	if (!d->env.clock)
		return err_set(err, -EINVAL, "device rtc: it needs a clock");
	clock_timer_init(&r->timer, timer_fire, r);
	power_on(r);
	return 0;
}

static void rtc_reset(struct dev *d)
{
	clock_cancel(d->env.clock, &rtc_of(d)->timer);
	power_on(rtc_of(d));
	irq_set(&d->irq, 0);
}

static int rtc_post_load(struct dev *d, struct err *err)
{
	struct rtc *r = rtc_of(d);

	if (r->index > INDEX || (r->cmos[REG_A] & A_UIP) || (r->cmos[REG_C] & ~C_FLAGS) ||
	    r->irq_level != irqf(r))
		return err_set(err, -EINVAL, "rtc: saved registers are in no possible state");
	if (r->since > clock_now(d->env.clock) || r->start > HALF_SECOND ||
	    (is_held(r) ? r->seen != 0 : r->seen < r->start || r->seen > divider(r)))
		return err_set(err, -EINVAL, "rtc: the saved divider chain is ahead of time");
	arm(r);
	return 0;
}

static void rtc_fini(struct dev *d)
{
	struct rtc *r = rtc_of(d);

	if (r->timer.fn) /* else init went wrong before */
		clock_cancel(d->env.clock, &r->timer);
}

static const struct dev_range rtc_ranges[] = {
	{"rtc", BUS_PIO, RTC_BASE, RTC_LEN},
	{0},
};

static const struct dev_opt rtc_opts[] = {
	{"irq", "interrupt line", offsetof(struct dev, irq_line), RTC_IRQ, 0, 15},
	{"time", "Unix seconds at virtual time 0", offsetof(struct rtc, time), RTC_TIME, 0,
	 RTC_TIME_MAX},
	{"mem", "bytes of RAM below 4 GiB, for its memory sizes", offsetof(struct rtc, mem),
	 RTC_MEM, 0, 1ull << 32},
	{"highmem", "bytes of RAM above 4 GiB", offsetof(struct rtc, highmem), 0, 0, 1ull << 40},
	{0},
};

static const struct dev_reg rtc_regs[] = {
	{"INDEX", 0, 1, REG_INDEX, "w"},
	{"DATA", 0, 1, REG_DATA, "rw"},
	{0},
};

static const struct state_field rtc_state[] = {
	STATE_RAW(struct rtc, cmos),	    STATE_U(struct rtc, index, 0),
	STATE_B(struct rtc, nmi_masked, 0), STATE_B(struct rtc, irq_level, 0),
	STATE_U(struct rtc, since, 0),	    STATE_U(struct rtc, seen, 0),
	STATE_U(struct rtc, start, 0),	    STATE_END,
};

const struct dev_class dev_class_rtc = {
	.name = "rtc",
	.help = "MC146818 real-time clock and CMOS memory",
	.size = sizeof(struct rtc),
	.version = 1,
	.ranges = rtc_ranges,
	.opts = rtc_opts,
	.regs = rtc_regs,
	.state = rtc_state,
	.init = rtc_init,
	.reset = rtc_reset,
	.read = rtc_read,
	.write = rtc_write,
	.post_load = rtc_post_load,
	.fini = rtc_fini,
};
