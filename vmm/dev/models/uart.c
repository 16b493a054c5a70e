/* SPDX-License-Identifier: MIT */
/*
 * uart: the 16550A, after the PC16550D data sheet (National Semiconductor, 1995; "DS" below).
 *
 * Time. A character takes no time to send or to receive: the transmitter is always empty again
 * after a write, and what the other end has to say is in the receiver as soon as there is room and
 * somebody looks (LSR, IIR, RBR are read or its interrupt is enabled), so that bytes are not lost
 * to a FIFO reset in a driver's set-up. Only the character timeout (DS 8.4) passes in virtual time:
 * four characters at the divisor and format that are set.
 *
 * The other end (env.serial) has its modem lines up: CTS, DSR and DCD are set, RI is not. It never
 * sends breaks or bad characters, so PE, FE, BI stay 0; overruns come in loopback only. INTR is not
 * gated by OUT2, which is a matter of the PC's board. Output is 8 bits wide whatever the format
 * says; looped back characters are cut to it.
 */
#include <errno.h>

#include <vmm/dev.h>

#define UART_BASE     0x3f8u
#define UART_LEN      8u
#define UART_IRQ      4u
#define UART_FIFO     16u
#define UART_CLOCK_HZ 1843200u /* of the PC's crystal; 16 clocks a bit at divisor 1 */

enum uart_reg {
	UART_RBR_THR, /* DLL while DLAB is set */
	UART_IER,     /* DLM while DLAB is set */
	UART_IIR_FCR,
	UART_LCR,
	UART_MCR,
	UART_LSR,
	UART_MSR,
	UART_SCR,
};

/* DS 8.6 */
#define IER_RDA	 0x01u
#define IER_THRE 0x02u
#define IER_RLS	 0x04u
#define IER_MS	 0x08u
#define IER_ALL	 0x0fu
/* DS table IV; the order of the names is the order of priority */
#define IIR_RLS	    0x06u
#define IIR_RDA	    0x04u
#define IIR_TIMEOUT 0x0cu
#define IIR_THRE    0x02u
#define IIR_MS	    0x00u
#define IIR_NONE    0x01u
#define IIR_FIFOS   0xc0u
/* DS 8.5 */
#define FCR_ENABLE	  0x01u
#define FCR_RESET_RX	  0x02u
#define FCR_DMA		  0x08u
#define FCR_TRIGGER	  0xc0u
#define FCR_TRIGGER_SHIFT 6
/* DS 8.1 */
#define LCR_WORD   0x03u
#define LCR_STOP   0x04u
#define LCR_PARITY 0x08u
#define LCR_BREAK  0x40u
#define LCR_DLAB   0x80u
/* DS 8.8 */
#define MCR_DTR	 0x01u
#define MCR_RTS	 0x02u
#define MCR_OUT1 0x04u
#define MCR_OUT2 0x08u
#define MCR_LOOP 0x10u
#define MCR_ALL	 0x1fu
/* DS 8.3 */
#define LSR_DR	 0x01u
#define LSR_OE	 0x02u
#define LSR_THRE 0x20u
#define LSR_TEMT 0x40u
/* DS 8.9 */
#define MSR_DCTS   0x01u
#define MSR_DDSR   0x02u
#define MSR_TERI   0x04u
#define MSR_DDCD   0x08u
#define MSR_DELTAS 0x0fu
#define MSR_CTS	   0x10u
#define MSR_DSR	   0x20u
#define MSR_RI	   0x40u
#define MSR_DCD	   0x80u

#define MSR_PEER (MSR_CTS | MSR_DSR | MSR_DCD)
/* The data sheet leaves the divisor unknown after reset: 9600 baud, what a PC's firmware leaves. */
#define DIVISOR_RESET 12u

struct uart {
	struct dev dev;
	uint8_t ier, fcr, lcr, mcr, msr, scr;
	uint16_t divisor;
	uint8_t rx[UART_FIFO], rx_head, rx_count;
	bool overrun, thre_pending, timed_out, irq_level;
	struct clock_timer timer; /* of the character timeout */
};

static struct uart *uart_of(struct dev *d)
{
	return container_of(d, struct uart, dev);
}

/* ---- interrupts -------------------------------------------------------------------------------
 */

static unsigned trigger_level(const struct uart *u)
{
	static const uint8_t levels[] = {1, 4, 8, 14};

	/* Without the FIFOs FCR is 0: one character. */
	return levels[(u->fcr & FCR_TRIGGER) >> FCR_TRIGGER_SHIFT];
}

/* The identification of what is pending and enabled, by priority (DS table IV). */
static unsigned pending(const struct uart *u)
{
	if ((u->ier & IER_RLS) && u->overrun)
		return IIR_RLS;
	if ((u->ier & IER_RDA) && u->rx_count >= trigger_level(u))
		return IIR_RDA;
	if ((u->ier & IER_RDA) && u->timed_out)
		return IIR_TIMEOUT;
	if ((u->ier & IER_THRE) && u->thre_pending)
		return IIR_THRE;
	if ((u->ier & IER_MS) && (u->msr & MSR_DELTAS))
		return IIR_MS;
	return IIR_NONE;
}

static void update_irq(struct uart *u)
{
	bool level = pending(u) != IIR_NONE;

	if (level == u->irq_level)
		return;
	u->irq_level = level;
	irq_set(&u->dev.irq, level);
}

/* Virtual ns of one character: a start bit, the word, parity, one or two stop bits. */
static uint64_t char_ns(const struct uart *u)
{
	uint64_t bits = 1 + 5 + (u->lcr & LCR_WORD) + (u->lcr & LCR_PARITY ? 1 : 0) +
			(u->lcr & LCR_STOP ? 2 : 1);
	uint64_t divisor = u->divisor ? u->divisor : 1;

	return bits * 16 * divisor * 1000000000ull / UART_CLOCK_HZ;
}

/*
 * A character came or was taken: the timeout starts anew (DS 8.4). It exists with the FIFOs only,
 * and while there is something in them.
 */
static void restart_timeout(struct uart *u)
{
	struct clock *c = u->dev.env.clock;
	uint64_t deadline;

	u->timed_out = false;
	if (!(u->fcr & FCR_ENABLE) || !u->rx_count ||
	    add_wraps(clock_now(c), 4 * char_ns(u), &deadline))
		deadline = CLOCK_NEVER;
	clock_arm(c, &u->timer, deadline);
}

static void timeout(void *ctx, uint64_t now)
{
	struct uart *u = ctx;

	(void)now;
	u->timed_out = true;
	update_irq(u);
}

/* ---- the receiver -----------------------------------------------------------------------------
 */

static unsigned rx_room(const struct uart *u)
{
	unsigned size = u->fcr & FCR_ENABLE ? UART_FIFO : 1;

	return size - u->rx_count;
}

static void rx_put(struct uart *u, uint8_t byte)
{
	if (rx_room(u)) {
		u->rx[(u->rx_head + u->rx_count) % UART_FIFO] = byte;
		u->rx_count++;
	} else {
		/*
		 * DS 8.3: the FIFO keeps what it has, the newcomer is lost; a single receiver
		 * buffer is overwritten.
		 */
		u->overrun = true;
		if (!(u->fcr & FCR_ENABLE))
			u->rx[u->rx_head] = byte;
	}
	restart_timeout(u);
}

/* Let the other end send what fits. In loopback it is cut off (DS 8.8). */
static void rx_fill(struct uart *u)
{
	struct chr *peer = u->dev.env.serial;
	int byte;

	if (!peer || (u->mcr & MCR_LOOP))
		return;
	while (rx_room(u) && (byte = chr_get(peer)) >= 0)
		rx_put(u, (uint8_t)byte);
}

/* The same when the guest has no other way to notice than an interrupt. */
static void rx_fill_if_enabled(struct uart *u)
{
	if (u->ier & IER_RDA)
		rx_fill(u);
}

static void rx_clear(struct uart *u)
{
	u->rx_head = 0;
	u->rx_count = 0;
	memset(u->rx, 0, sizeof(u->rx));
	restart_timeout(u);
}

static uint8_t read_rbr(struct uart *u)
{
	uint8_t byte;

	rx_fill(u);
	byte = u->rx[u->rx_head];
	if (u->rx_count) {
		/* One buffer keeps its last character; a slot of the FIFO is left clean. */
		if (u->fcr & FCR_ENABLE) {
			u->rx[u->rx_head] = 0;
			u->rx_head = (u->rx_head + 1) % UART_FIFO;
		}
		u->rx_count--;
		restart_timeout(u);
		rx_fill_if_enabled(u);
	}
	return byte;
}

/* ---- the transmitter and the modem lines ------------------------------------------------------
 */

static void write_thr(struct uart *u, uint8_t byte)
{
	static const uint8_t word_mask[] = {0x1f, 0x3f, 0x7f, 0xff};

	if (u->mcr & MCR_LOOP)
		rx_put(u, byte & word_mask[u->lcr & LCR_WORD]);
	else if (!(u->lcr & LCR_BREAK) && u->dev.env.serial) /* a break holds SOUT at spacing */
		chr_put(u->dev.env.serial, &byte, 1);
	/* Full, then empty again: an edge, which the interrupt controller must see. */
	u->thre_pending = false;
	update_irq(u);
	u->thre_pending = true;
}

/* The modem inputs: the other end's, or our own outputs in loopback (DS 8.8). */
static uint8_t modem_inputs(const struct uart *u)
{
	if (!(u->mcr & MCR_LOOP))
		return MSR_PEER;
	return (uint8_t)((u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
			 (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0));
}

static void write_mcr(struct uart *u, uint8_t val)
{
	uint8_t now, changed;

	u->mcr = val & MCR_ALL;
	now = modem_inputs(u);
	changed = now ^ (u->msr & (uint8_t)~MSR_DELTAS);
	u->msr = now | (u->msr & MSR_DELTAS);
	if (changed & MSR_CTS)
		u->msr |= MSR_DCTS;
	if (changed & MSR_DSR)
		u->msr |= MSR_DDSR;
	if ((changed & MSR_RI) && !(now & MSR_RI)) /* the trailing edge only */
		u->msr |= MSR_TERI;
	if (changed & MSR_DCD)
		u->msr |= MSR_DDCD;
	rx_fill_if_enabled(u); /* loopback may be off now */
}

/* ---- the other registers ----------------------------------------------------------------------
 */

static void write_ier(struct uart *u, uint8_t val)
{
	/* The transmitter is empty: enabling its interrupt raises it, disabling forgets it. */
	if ((val ^ u->ier) & IER_THRE)
		u->thre_pending = val & IER_THRE;
	u->ier = val & IER_ALL;
	rx_fill_if_enabled(u);
}

static void write_fcr(struct uart *u, uint8_t val)
{
	bool change = (val ^ u->fcr) & FCR_ENABLE;

	/* DS 8.5: the other bits are programmed only while bit 0 is written as 1. */
	if (!(val & FCR_ENABLE))
		val = 0;
	u->fcr = val & (FCR_ENABLE | FCR_DMA | FCR_TRIGGER);
	if (change || (val & FCR_RESET_RX))
		rx_clear(u);
	rx_fill_if_enabled(u);
}

static uint8_t read_iir(struct uart *u)
{
	unsigned id;

	rx_fill_if_enabled(u);
	id = pending(u);
	if (id == IIR_THRE)
		u->thre_pending = false;
	return (uint8_t)(id | (u->fcr & FCR_ENABLE ? IIR_FIFOS : 0));
}

static uint8_t read_lsr(struct uart *u)
{
	uint8_t lsr = LSR_THRE | LSR_TEMT;

	rx_fill(u);
	if (u->rx_count)
		lsr |= LSR_DR;
	if (u->overrun)
		lsr |= LSR_OE;
	u->overrun = false;
	return lsr;
}

static uint8_t read_msr(struct uart *u)
{
	uint8_t msr = u->msr;

	u->msr &= (uint8_t)~MSR_DELTAS;
	return msr;
}

static uint8_t read_reg(struct uart *u, uint64_t reg)
{
	switch ((enum uart_reg)reg) {
	case UART_RBR_THR:
		return u->lcr & LCR_DLAB ? (uint8_t)u->divisor : read_rbr(u);
	case UART_IER:
		return u->lcr & LCR_DLAB ? (uint8_t)(u->divisor >> 8) : u->ier;
	case UART_IIR_FCR:
		return read_iir(u);
	case UART_LCR:
		return u->lcr;
	case UART_MCR:
		return u->mcr;
	case UART_LSR:
		return read_lsr(u);
	case UART_MSR:
		return read_msr(u);
	case UART_SCR:
		break;
	}
	return u->scr;
}

static void write_reg(struct uart *u, uint64_t reg, uint8_t val)
{
	switch ((enum uart_reg)reg) {
	case UART_RBR_THR:
		if (u->lcr & LCR_DLAB)
			u->divisor = (u->divisor & 0xff00) | val;
		else
			write_thr(u, val);
		break;
	case UART_IER:
		if (u->lcr & LCR_DLAB)
			u->divisor = (uint16_t)((u->divisor & 0xff) | val << 8);
		else
			write_ier(u, val);
		break;
	case UART_IIR_FCR:
		write_fcr(u, val);
		break;
	case UART_LCR:
		u->lcr = val;
		break;
	case UART_MCR:
		write_mcr(u, val);
		break;
	case UART_LSR:
	case UART_MSR:
		/* DS 8.3: writing is for the factory's tests. */
		dev_guest_error(&u->dev, "uart: write of a status register", reg, val);
		break;
	case UART_SCR:
		u->scr = val;
		break;
	}
}

/* The data bus has 8 bits: a wider access is as many cycles, low address first. */
static uint64_t uart_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	struct uart *u = uart_of(d);
	uint64_t val = 0;

	(void)range;
	for (unsigned i = 0; i < size; i++)
		val |= (uint64_t)read_reg(u, off + i) << (8 * i);
	update_irq(u);
	return val;
}

static void uart_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	struct uart *u = uart_of(d);

	(void)range;
	for (unsigned i = 0; i < size; i++)
		write_reg(u, off + i, (uint8_t)(val >> (8 * i)));
	update_irq(u);
}

/* There is more from outside: the guest is told by an interrupt, or finds it when it looks. */
static void uart_wake(void *ctx)
{
	struct uart *u = ctx;

	rx_fill_if_enabled(u);
	update_irq(u);
}

/* ---- the class --------------------------------------------------------------------------------
 */

static int uart_init(struct dev *d, struct err *err)
{
	struct uart *u = uart_of(d);

	if (!d->env.clock)
		return err_set(err, -EINVAL, "device uart: it needs a clock for its timeout");
	clock_timer_init(&u->timer, timeout, u);
	if (d->env.serial)
		chr_set_wake(d->env.serial, uart_wake, u);
	return 0;
}

static void uart_reset(struct dev *d)
{
	clock_cancel(d->env.clock, &uart_of(d)->timer);
	irq_set(&d->irq, 0);
}

static int uart_post_load(struct dev *d, struct err *err)
{
	struct uart *u = uart_of(d);

	if ((u->ier & ~IER_ALL) || (u->mcr & ~MCR_ALL) || u->rx_head >= UART_FIFO ||
	    (u->fcr && !(u->fcr & FCR_ENABLE)) ||
	    u->rx_count > (u->fcr & FCR_ENABLE ? UART_FIFO : 1) ||
	    (u->msr & ~MSR_DELTAS) != modem_inputs(u))
		return err_set(err, -EINVAL, "uart: saved registers are in no possible state");
	if (u->irq_level != (pending(u) != IIR_NONE))
		return err_set(err, -EINVAL, "uart: saved interrupt level contradicts its causes");
	clock_arm(d->env.clock, &u->timer, u->timer.deadline);
	return 0;
}

static void uart_fini(struct dev *d)
{
	struct uart *u = uart_of(d);

	if (u->timer.fn) /* else init went wrong before */
		clock_cancel(d->env.clock, &u->timer);
	if (d->env.serial)
		chr_set_wake(d->env.serial, NULL, u);
}

static const struct dev_range uart_ranges[] = {{"ports", BUS_PIO, UART_BASE, UART_LEN}, {0}};

static const struct dev_opt uart_opts[] = {
	{"irq", "interrupt line", offsetof(struct dev, irq_line), UART_IRQ, 0, 15},
	{0},
};

static const struct dev_reg uart_regs[] = {
	{"RBR/THR", 0, 1, UART_RBR_THR, "rw"},
	{"IER", 0, 1, UART_IER, "rw"},
	{"IIR/FCR", 0, 1, UART_IIR_FCR, "rw"},
	{"LCR", 0, 1, UART_LCR, "rw"},
	{"MCR", 0, 1, UART_MCR, "rw"},
	{"LSR", 0, 1, UART_LSR, "rc"},
	{"MSR", 0, 1, UART_MSR, "rc"},
	{"SCR", 0, 1, UART_SCR, "rw"},
	{0},
};

/* DS table III: reset values. */
#define F(member, rst) STATE_U(struct uart, member, rst)
static const struct state_field uart_state[] = {
	F(ier, 0),
	F(fcr, 0),
	F(lcr, 0),
	F(mcr, 0),
	F(msr, MSR_PEER),
	F(scr, 0),
	F(divisor, DIVISOR_RESET),
	STATE_RAW(struct uart, rx),
	F(rx_head, 0),
	F(rx_count, 0),
	STATE_B(struct uart, overrun, 0),
	STATE_B(struct uart, thre_pending, 0),
	STATE_B(struct uart, timed_out, 0),
	STATE_B(struct uart, irq_level, 0),
	F(timer.deadline, CLOCK_NEVER),
	STATE_END,
};

const struct dev_class dev_class_uart = {
	.name = "uart",
	.help = "16550A serial port",
	.size = sizeof(struct uart),
	.version = 1,
	.ranges = uart_ranges,
	.opts = uart_opts,
	.regs = uart_regs,
	.state = uart_state,
	.init = uart_init,
	.reset = uart_reset,
	.read = uart_read,
	.write = uart_write,
	.post_load = uart_post_load,
	.fini = uart_fini,
};
