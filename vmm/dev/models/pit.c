/* SPDX-License-Identifier: MIT */
/*
 * pit: the 8254 interval timer (Intel 82C54 data sheet, 231244; "DS" below) and the PC's port 0x61
 * beside it, which has the gate of counter 2 and reads its output.
 *
 * Counters are not counted: a counter is when it was loaded and with what, and its value is computed
 * from virtual time when somebody looks. CLK is 1.193182 MHz from time 0 on, in exact arithmetic.
 * Counts load at the next CLK pulse, as DS says, so a time below is the number of a pulse.
 *
 * OUT of counter 0 is the interrupt line. A clock timer is armed for its next edge alone: counters
 * that have no count, or are at their end, wake nobody. OUT is low at power-on, where DS has it
 * undefined.
 *
 * Gates of counters 0 and 1 are high always. The refresh bit of port 0x61 toggles each 18 pulses (15
 * us), whatever counter 1 does: nothing is refreshed. Its bits 2 and 3 (NMI sources) are only stored,
 * and nothing is heard of the speaker.
 */
#include <errno.h>

#include <vmm/dev.h>

#include "ticks_priv.h"

#define PIT_BASE  0x40u
#define PIT_LEN	  4u
#define PORT_B	  0x61u
#define PIT_HZ	  1193182u
#define PIT_IRQ	  0u
#define COUNTERS  3u
#define REFRESH	  18u /* pulses */
#define MAX_BIN	  0x10000u
#define MAX_BCD	  10000u
#define NO_LOAD	  UINT64_MAX
#define NO_EVENT  UINT64_MAX
#define TRISTATED 0xff /* reading the control word's address: DS table 3 */

/* A control word: DS figure 7. Its low six bits are those of the status byte. */
#define CTRL_BCD	0x01u
#define CTRL_MODE_SHIFT 1
#define CTRL_MODE	7u
#define CTRL_RW_SHIFT	4
#define CTRL_RW		3u
#define CTRL_SC_SHIFT	6
#define CTRL_PROGRAM	0x3fu
#define SC_READ_BACK	3u
enum rw { RW_LATCH, RW_LOW, RW_HIGH, RW_BOTH };
/* The read-back command: DS figure 10. */
#define READ_BACK_NO_COUNT   0x20u
#define READ_BACK_NO_STATUS  0x10u
#define READ_BACK_FIRST_UNIT 1
/* The status byte: DS figure 11. */
#define STATUS_OUT  0x80u
#define STATUS_NULL 0x40u

/* Port 0x61. */
#define PORT_B_GATE2   0x01u
#define PORT_B_STORED  0x0fu
#define PORT_B_REFRESH 0x10u
#define PORT_B_OUT2    0x20u

enum { RANGE_PIT, RANGE_PORT_B };
enum { REG_CONTROL = 3 };

/* DS "Mode definitions". */
enum mode { TERMINAL_COUNT, ONE_SHOT, RATE, SQUARE, STROBE, HW_STROBE };

static const struct ticks clk = {PIT_HZ, TICKS_NS_PER_S};

struct counter {
	uint8_t control;	    /* as in the status byte */
	uint16_t cr;		    /* the count register */
	uint8_t cr_low;		    /* of a count that is half written */
	bool write_high, read_high; /* the next byte of two is the high one */
	bool has_count;		    /* a whole count came behind the control word */
	bool null_count;	    /* it is not in the counting element yet */
	bool gate, running;
	bool spent;	  /* the terminal count was before (from) */
	uint32_t from;	  /* the counting element at (start), all the time when it stands */
	uint32_t phase;	  /* SQUARE: where in the wave (start) is */
	uint64_t start;	  /* pulse */
	uint64_t load_at; /* the pulse that loads the count register, NO_LOAD */
	bool latched, status_latched;
	uint16_t latch;
	uint8_t status;
};

struct pit {
	struct dev dev;
	struct counter c[COUNTERS];
	uint8_t port_b;
	bool irq_level;
	struct clock_timer timer;
};

static struct pit *pit_of(struct dev *d)
{
	return container_of(d, struct pit, dev);
}

static uint64_t pulse_now(const struct pit *p)
{
	return ticks_at(&clk, clock_now(p->dev.env.clock));
}

/* ---- a counter's fields ------------------------------------------------------------------------ */

static enum mode mode_of(const struct counter *c)
{
	unsigned m = c->control >> CTRL_MODE_SHIFT & CTRL_MODE;

	return (enum mode)(m > HW_STROBE ? m & 3 : m); /* 6 and 7 are 2 and 3 */
}

static enum rw rw_of(const struct counter *c)
{
	return (enum rw)(c->control >> CTRL_RW_SHIFT & CTRL_RW);
}

static uint32_t modulus(const struct counter *c)
{
	return c->control & CTRL_BCD ? MAX_BCD : MAX_BIN;
}

/* The count register as a number: 0 is the largest count. No decimal digit: it counts as it is. */
static uint32_t count_of(const struct counter *c)
{
	uint32_t n = c->cr;

	if (c->control & CTRL_BCD)
		n = ((n >> 12) * 1000 + (n >> 8 & 15) * 100 + (n >> 4 & 15) * 10 + (n & 15)) %
		    MAX_BCD;
	return n ? n : modulus(c);
}

static uint16_t coded(const struct counter *c, uint32_t n)
{
	if (c->control & CTRL_BCD)
		n = (n / 1000 % 10) << 12 | (n / 100 % 10) << 8 | (n / 10 % 10) << 4 | n % 10;
	return (uint16_t)n;
}

/* SQUARE: the wave is high for so many of its (from) pulses, and where in it the counter is. */
static uint32_t high_part(uint32_t from)
{
	return (from + 1) / 2;
}

static uint32_t in_wave(const struct counter *c, uint64_t now)
{
	return (uint32_t)((now - c->start + c->phase) % c->from);
}

/* The counting element. */
static uint32_t element(const struct counter *c, uint64_t now)
{
	uint64_t gone = now - c->start;
	uint32_t m = modulus(c), k, high;

	if (!c->running)
		return c->from % m;
	switch (mode_of(c)) {
	case RATE:
		return (c->from - (uint32_t)(gone % c->from)) % m;
	case SQUARE: /* by two, an odd count less one; from the start again in each half */
		high = high_part(c->from);
		k = in_wave(c, now);
		return ((c->from & ~1u) - 2 * (k < high ? k : k - high)) % m;
	default: /* wraps below 0 and goes on */
		return (c->from + m - (uint32_t)(gone % m)) % m;
	}
}

static bool out(const struct counter *c, uint64_t now)
{
	uint64_t gone = now - c->start;

	switch (mode_of(c)) {
	case TERMINAL_COUNT:
		return c->spent || (c->running && gone >= c->from);
	case ONE_SHOT:
		return !c->running || c->spent || gone >= c->from;
	case RATE:
		return !c->running || gone % c->from != c->from - 1;
	case SQUARE:
		return !c->running || in_wave(c, now) < high_part(c->from);
	default: /* low for the one pulse at 0; it ends even when the gate stops the counter there */
		return c->spent || !(c->running || !c->from) || gone != c->from;
	}
}

/* ---- what happens to it ------------------------------------------------------------------------ */

/* The pulse that loads the count register may be over. */
static void settle(struct counter *c, uint64_t now)
{
	bool low;

	if (c->load_at > now)
		return;
	/* A square wave takes a new count at the end of either half (DS "Mode 3"). */
	low = mode_of(c) == SQUARE && c->running && !out(c, c->load_at);
	c->from = count_of(c);
	c->phase = low ? high_part(c->from) : 0;
	c->start = c->load_at;
	c->load_at = NO_LOAD;
	c->spent = false;
	c->null_count = false;
	c->running = c->gate || mode_of(c) == ONE_SHOT || mode_of(c) == HW_STROBE;
	if (!c->running && mode_of(c) == SQUARE)
		c->from &= ~1u; /* what element() says of a running one */
}

/* It stands from now on, with what it has. */
static void stop(struct counter *c, uint64_t now)
{
	c->from = element(c, now);
	c->phase = 0;
	c->start = now;
	c->running = false;
}

/* DS "Write operations" and "Programming": all control logic is reset, OUT goes to its start. */
static void program(struct counter *c, uint64_t now, uint8_t val)
{
	stop(c, now);
	c->control = val & CTRL_PROGRAM;
	c->spent = mode_of(c) != TERMINAL_COUNT;
	c->cr = 0;
	c->cr_low = 0;
	c->write_high = false;
	c->read_high = false;
	c->has_count = false;
	c->null_count = true;
	c->load_at = NO_LOAD;
	c->latched = false;
	c->status_latched = false;
}

/* The end of the period, or half of it, that (now) is in: a new count waits for it. */
static uint64_t period_end(const struct counter *c, uint64_t now)
{
	uint32_t k, high = high_part(c->from);

	if (mode_of(c) == RATE)
		return now + c->from - (now - c->start) % c->from;
	k = in_wave(c, now);
	return now + (k < high ? high - k : c->from - k);
}

/* A whole count was written: when does it count? */
static void take_count(struct counter *c, uint64_t now, uint16_t val)
{
	bool first = !c->has_count;

	c->cr = val;
	c->has_count = true;
	c->null_count = true;
	switch (mode_of(c)) {
	case TERMINAL_COUNT:
	case STROBE:
		c->load_at = now + 1;
		break;
	case RATE:
	case SQUARE:
		if (first)
			c->load_at = now + 1;
		else if (c->running && c->load_at == NO_LOAD)
			c->load_at = period_end(c, now);
		break;
	case ONE_SHOT:
	case HW_STROBE: /* at the next trigger */
		break;
	}
}

static void write_count(struct counter *c, uint64_t now, uint8_t val)
{
	/* DS "Mode 0": the first byte stops the counter and sets OUT low at once. */
	if (mode_of(c) == TERMINAL_COUNT && !c->write_high) {
		stop(c, now);
		c->spent = false;
		c->has_count = false;
		c->load_at = NO_LOAD;
	}
	if (rw_of(c) == RW_BOTH && !c->write_high) {
		c->cr_low = val;
		c->write_high = true;
		return;
	}
	if (rw_of(c) == RW_BOTH)
		take_count(c, now, (uint16_t)(val << 8 | c->cr_low));
	else
		take_count(c, now, rw_of(c) == RW_HIGH ? (uint16_t)(val << 8) : val);
	c->write_high = false;
}

static void gate_falls(struct counter *c, uint64_t now)
{
	uint64_t gone = now - c->start;

	switch (mode_of(c)) {
	case TERMINAL_COUNT:
	case STROBE:
		if (!c->running)
			return;
		if (c->spent || gone > c->from ||
		    (mode_of(c) == TERMINAL_COUNT && gone == c->from)) {
			stop(c, now);
			c->spent = true;
			return;
		}
		/* By subtraction: the largest count reads as 0, and 0 is the end. */
		c->from -= (uint32_t)gone;
		c->start = now;
		c->running = false;
		return;
	case RATE:
	case SQUARE:
		if (c->running)
			c->load_at = NO_LOAD; /* a new count waits for a period that does not end */
		stop(c, now);
		return;
	default:
		return;
	}
}

static void gate_rises(struct counter *c, uint64_t now)
{
	if (!c->has_count)
		return;
	switch (mode_of(c)) {
	case TERMINAL_COUNT:
	case STROBE:
		if (c->running || c->load_at != NO_LOAD)
			return;
		c->spent = c->spent || !c->from;
		c->start = now;
		c->running = true;
		return;
	default: /* the trigger: DS "Gate pin operations" */
		c->load_at = now + 1;
		return;
	}
}

static void set_gate(struct counter *c, uint64_t now, bool level)
{
	if (level == c->gate)
		return;
	c->gate = level;
	if (level)
		gate_rises(c, now);
	else
		gate_falls(c, now);
}

/* The pulse of the next change of OUT, NO_EVENT: nothing changes any more by itself. */
static uint64_t next_edge(const struct counter *c, uint64_t now)
{
	uint64_t end = c->start + c->from;
	uint32_t k;

	if (!c->running)
		return NO_EVENT;
	switch (mode_of(c)) {
	case TERMINAL_COUNT:
	case ONE_SHOT:
		return !c->spent && now < end ? end : NO_EVENT;
	case RATE: /* a count of 1 is illegal: it does not change (DS "Mode 2") */
		if (c->from == 1)
			return NO_EVENT;
		k = (uint32_t)((now - c->start) % c->from);
		return k < c->from - 1 ? now + (c->from - 1 - k) : now + 1;
	case SQUARE:
		return c->from == 1 ? NO_EVENT : period_end(c, now);
	default:
		if (c->spent || now > end)
			return NO_EVENT;
		return now == end ? now + 1 : end;
	}
}

/* ---- the chip ---------------------------------------------------------------------------------- */

static void arm(struct pit *p)
{
	const struct counter *c = &p->c[0];
	uint64_t now = pulse_now(p), next = next_edge(c, now);

	if (c->load_at < next)
		next = c->load_at;
	if (out(c, now) != p->irq_level) /* time went on between save and load */
		next = now;
	clock_arm(p->dev.env.clock, &p->timer,
		  next == NO_EVENT ? CLOCK_NEVER : ticks_ns(&clk, next));
}

static void update(struct pit *p)
{
	bool level;

	settle(&p->c[0], pulse_now(p));
	level = out(&p->c[0], pulse_now(p));
	if (level != p->irq_level) {
		p->irq_level = level;
		irq_set(&p->dev.irq, level);
	}
	arm(p);
}

static void timer_fire(void *ctx, uint64_t now)
{
	(void)now;
	update(ctx);
}

static void latch_count(struct counter *c, uint64_t now)
{
	if (c->latched) /* the first one stays until it is read */
		return;
	c->latched = true;
	c->latch = coded(c, element(c, now));
}

static void latch_status(struct counter *c, uint64_t now)
{
	if (c->status_latched)
		return;
	c->status_latched = true;
	c->status = (uint8_t)(c->control | (c->null_count ? STATUS_NULL : 0) |
			      (out(c, now) ? STATUS_OUT : 0));
}

static void write_control(struct pit *p, uint64_t now, uint8_t val)
{
	unsigned sc = val >> CTRL_SC_SHIFT;

	if (sc != SC_READ_BACK) {
		if ((val >> CTRL_RW_SHIFT & CTRL_RW) == RW_LATCH)
			latch_count(&p->c[sc], now);
		else
			program(&p->c[sc], now, val);
		return;
	}
	for (unsigned i = 0; i < COUNTERS; i++) {
		if (!(val >> READ_BACK_FIRST_UNIT >> i & 1))
			continue;
		if (!(val & READ_BACK_NO_COUNT))
			latch_count(&p->c[i], now);
		if (!(val & READ_BACK_NO_STATUS))
			latch_status(&p->c[i], now);
	}
}

static uint8_t read_count(struct counter *c, uint64_t now)
{
	uint16_t n = c->latched ? c->latch : coded(c, element(c, now));
	bool high = rw_of(c) == RW_BOTH ? c->read_high : rw_of(c) == RW_HIGH;

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	if (rw_of(c) == RW_BOTH)
		c->read_high = !high;
	if (rw_of(c) != RW_BOTH || high)
		c->latched = false;
	return (uint8_t)(high ? n >> 8 : n);
}

static uint8_t read_port_b(const struct pit *p, uint64_t now)
{
	return (uint8_t)(p->port_b | (now / REFRESH & 1 ? PORT_B_REFRESH : 0) |
			 (out(&p->c[2], now) ? PORT_B_OUT2 : 0));
}

static void write_port_b(struct pit *p, uint64_t now, uint8_t val)
{
	p->port_b = val & PORT_B_STORED;
	set_gate(&p->c[2], now, val & PORT_B_GATE2);
}

/* An 8-bit chip: a wider access is as many cycles, low address first. */
static uint64_t pit_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	struct pit *p = pit_of(d);
	uint64_t val = 0, now = pulse_now(p);

	for (unsigned i = 0; i < COUNTERS; i++)
		settle(&p->c[i], now);
	for (unsigned i = 0; i < size; i++) {
		uint8_t byte;

		if (range == RANGE_PORT_B)
			byte = read_port_b(p, now);
		else if (off + i == REG_CONTROL)
			byte = TRISTATED;
		else
			byte = read_count(&p->c[off + i], now);
		val |= (uint64_t)byte << (8 * i);
	}
	return val;
}

static void pit_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	struct pit *p = pit_of(d);
	uint64_t now = pulse_now(p);

	for (unsigned i = 0; i < COUNTERS; i++)
		settle(&p->c[i], now);
	for (unsigned i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)(val >> (8 * i));

		if (range == RANGE_PORT_B)
			write_port_b(p, now, byte);
		else if (off + i == REG_CONTROL)
			write_control(p, now, byte);
		else
			write_count(&p->c[off + i], now, byte);
	}
	update(p);
}

/* ---- the class --------------------------------------------------------------------------------- */

static int pit_init(struct dev *d, struct err *err)
{
	struct pit *p = pit_of(d);

	if (!d->env.clock)
		return err_set(err, -EINVAL, "device pit: it needs a clock to count");
	clock_timer_init(&p->timer, timer_fire, p);
	return 0;
}

static void pit_reset(struct dev *d)
{
	clock_cancel(d->env.clock, &pit_of(d)->timer);
	irq_set(&d->irq, 0);
}

static bool possible(const struct counter *c, uint64_t now)
{
	bool periodic = mode_of(c) == RATE || mode_of(c) == SQUARE;

	if (c->control > CTRL_PROGRAM || c->from > MAX_BIN || c->phase > MAX_BIN)
		return false;
	return !c->running || (c->start <= now && (c->from || !periodic));
}

static int pit_post_load(struct dev *d, struct err *err)
{
	struct pit *p = pit_of(d);
	uint64_t now = pulse_now(p);

	for (unsigned i = 0; i < COUNTERS; i++) {
		bool gate = i < 2 || (p->port_b & PORT_B_GATE2);

		if (!possible(&p->c[i], now) || p->c[i].gate != gate)
			return err_set(err, -EINVAL,
				       "pit: the saved counter %u is in no possible state", i);
	}
	if (p->port_b & ~PORT_B_STORED)
		return err_set(err, -EINVAL, "pit: the saved port 0x61 has bits that it has not");
	arm(p);
	return 0;
}

static void pit_fini(struct dev *d)
{
	struct pit *p = pit_of(d);

	if (p->timer.fn) /* else init went wrong before */
		clock_cancel(d->env.clock, &p->timer);
}

static const struct dev_range pit_ranges[] = {
	{"pit", BUS_PIO, PIT_BASE, PIT_LEN},
	{"port-b", BUS_PIO, PORT_B, 1},
	{0},
};

static const struct dev_opt pit_opts[] = {
	{"irq", "interrupt line of counter 0", offsetof(struct dev, irq_line), PIT_IRQ, 0, 15},
	{0},
};

static const struct dev_reg pit_regs[] = {
	{"COUNTER0", RANGE_PIT, 1, 0, "rw"},  {"COUNTER1", RANGE_PIT, 1, 1, "rw"},
	{"COUNTER2", RANGE_PIT, 1, 2, "rw"},  {"CONTROL", RANGE_PIT, 1, REG_CONTROL, "w"},
	{"PORT_B", RANGE_PORT_B, 1, 0, "rw"}, {0},
};

#define F(member, rst) STATE_U(struct pit, member, rst)
#define B(member, rst) STATE_B(struct pit, member, rst)
#define COUNTER_FIELDS(i, gate_is)                                                                 \
	F(c[i].control, RW_BOTH << CTRL_RW_SHIFT), F(c[i].cr, 0), F(c[i].cr_low, 0),               \
		B(c[i].write_high, 0), B(c[i].read_high, 0), B(c[i].has_count, 0),                 \
		B(c[i].null_count, 1), B(c[i].gate, gate_is), B(c[i].running, 0),                  \
		B(c[i].spent, 0), F(c[i].from, 0), F(c[i].phase, 0), F(c[i].start, 0),             \
		F(c[i].load_at, NO_LOAD), B(c[i].latched, 0), B(c[i].status_latched, 0),           \
		F(c[i].latch, 0), F(c[i].status, 0)

static const struct state_field pit_state[] = {
	COUNTER_FIELDS(0, 1), COUNTER_FIELDS(1, 1), COUNTER_FIELDS(2, 0),
	F(port_b, 0),	      B(irq_level, 0),	    STATE_END,
};

const struct dev_class dev_class_pit = {
	.name = "pit",
	.help = "8254 interval timer and port 0x61",
	.size = sizeof(struct pit),
	.version = 1,
	.ranges = pit_ranges,
	.opts = pit_opts,
	.regs = pit_regs,
	.state = pit_state,
	.init = pit_init,
	.reset = pit_reset,
	.read = pit_read,
	.write = pit_write,
	.post_load = pit_post_load,
	.fini = pit_fini,
};
