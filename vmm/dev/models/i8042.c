/* SPDX-License-Identifier: MIT */
/*
 * i8042: the AT's keyboard controller at ports 0x60 and 0x64 with a keyboard that nobody types on
 * (IBM Personal System/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device
 * Controller" and "Keyboards"; "TR" below), and port 0x92, the other way to A20 and reset.
 *
 * Answers take no time, so that probing takes none: each is in the output buffer at once, or in the
 * keyboard's queue of 16 until the buffer is read. An answer of the controller takes the place of what
 * is in the buffer. After power-on it is as a BIOS leaves it: keyboard on, interrupt and translation too.
 *
 * There is no auxiliary device and no connector for one: its interface stays disabled, its test fails,
 * what is sent to it comes back as a time-out, and the loopback command's byte comes as the keyboard's.
 *
 * A20 is kept by both ports and masks nothing: memory above 1 MiB is always there.
 */
#include <errno.h>

#include <vmm/dev.h>

#define DATA_PORT    0x60u
#define COMMAND_PORT 0x64u
#define PORT92	     0x92u
#define KBD_IRQ	     1u
#define AUX_IRQ	     12u
#define QUEUE	     16u
#define RAM	     32u

/* TR "Status register". */
#define STATUS_OBF     0x01u
#define STATUS_SYS     0x04u
#define STATUS_COMMAND 0x08u
#define STATUS_UNLOCK  0x10u
#define STATUS_AUX     0x20u
#define STATUS_TIMEOUT 0x40u

/* TR "Controller command byte": byte 0 of its RAM. */
#define CFG_KBD_INT 0x01u
#define CFG_AUX_INT 0x02u
#define CFG_SYS	    0x04u
#define CFG_KBD_OFF 0x10u
#define CFG_AUX_OFF 0x20u
#define CFG_XLATE   0x40u
#define CFG_ALL	    0x77u
#define CFG_BIOS    (CFG_KBD_INT | CFG_SYS | CFG_AUX_OFF | CFG_XLATE)

/* TR "Controller commands". */
enum command {
	CMD_READ_RAM = 0x20,  /* to 0x3f */
	CMD_WRITE_RAM = 0x60, /* to 0x7f */
	CMD_AUX_DISABLE = 0xa7,
	CMD_AUX_ENABLE = 0xa8,
	CMD_AUX_TEST = 0xa9,
	CMD_SELF_TEST = 0xaa,
	CMD_KBD_TEST = 0xab,
	CMD_KBD_DISABLE = 0xad,
	CMD_KBD_ENABLE = 0xae,
	CMD_READ_INPUT = 0xc0,
	CMD_READ_OUTPUT = 0xd0,
	CMD_WRITE_OUTPUT = 0xd1,
	CMD_WRITE_KBD_BUFFER = 0xd2,
	CMD_WRITE_AUX_BUFFER = 0xd3,
	CMD_WRITE_AUX = 0xd4,
	CMD_A20_OFF = 0xdd,
	CMD_A20_ON = 0xdf,
	CMD_PULSE = 0xf0, /* to 0xff: low bits are the lines that are not pulsed */
};

#define SELF_TEST_GOOD 0x55
#define KBD_TEST_GOOD  0x00
#define AUX_TEST_CLOCK 0x01  /* its clock line is stuck low */
#define INPUT_PORT     0xa0  /* keyboard not locked, no jumper */
#define OUT_RESET      0x01u /* output port; reset is low-active */
#define OUT_A20	       0x02u
#define OUT_KBD_FULL   0x10u
#define OUT_AUX_FULL   0x20u
#define OUT_ONES       0xccu
#define P92_RESET      0x01u
#define P92_A20	       0x02u

/* TR "Keyboards": commands to it and its answers. */
enum kbd {
	KBD_LEDS = 0xed,
	KBD_ECHO = 0xee,
	KBD_SCAN_SET = 0xf0,
	KBD_ID = 0xf2,
	KBD_RATE = 0xf3,
	KBD_FIRST_PLAIN = 0xf4, /* enable, disable, defaults, key types: acknowledged */
	KBD_LAST_PLAIN = 0xfd,
	KBD_RESEND = 0xfe,
	KBD_RESET = 0xff,
};
#define KBD_ACK	     0xfa
#define KBD_BAT_GOOD 0xaa
#define KBD_ID_LOW   0xab
#define KBD_ID_HIGH  0x83

enum { RANGE_DATA, RANGE_COMMAND, RANGE_92 };

struct i8042 {
	struct dev dev;
	uint64_t aux_line; /* option */
	uint8_t ram[RAM];
	uint8_t expects; /* the command that the next data byte belongs to, 0: the keyboard */
	uint8_t out;	 /* the output buffer */
	bool full, aux, timed_out, command_last, a20;
	uint8_t port92;
	bool kbd_level, aux_level; /* of the interrupt lines */
	uint8_t queue[QUEUE], head, queued;
	uint8_t kbd_expects, scan_set, last_sent;
};

static struct i8042 *i8042_of(struct dev *d)
{
	return container_of(d, struct i8042, dev);
}

/* ---- the output buffer ------------------------------------------------------------------------- */

static void set_line(struct i8042 *k, bool *level, uint64_t line, bool now)
{
	struct irq irq = k->dev.env.irq;

	if (now == *level)
		return;
	*level = now;
	irq.line = (unsigned)line;
	irq_set(&irq, now);
}

static void update(struct i8042 *k)
{
	set_line(k, &k->kbd_level, k->dev.irq_line,
		 k->full && !k->aux && (k->ram[0] & CFG_KBD_INT));
	set_line(k, &k->aux_level, k->aux_line, k->full && k->aux && (k->ram[0] & CFG_AUX_INT));
}

static void fill(struct i8042 *k, uint8_t val, bool aux)
{
	k->out = val;
	k->full = true;
	k->aux = aux;
	k->timed_out = false;
}

/* What of the keyboard's bytes is a code of scan set 2 becomes that of set 1. */
static uint8_t translated(const struct i8042 *k, uint8_t val)
{
	if (!(k->ram[0] & CFG_XLATE))
		return val;
	switch (val) {
	case 1:
		return 0x43;
	case 2:
	case KBD_ID_HIGH:
		return 0x41;
	case 3:
		return 0x3f;
	default:
		return val;
	}
}

/* The keyboard sends its next byte when there is room and it is let. */
static void pump(struct i8042 *k)
{
	if (!k->full && k->queued && !(k->ram[0] & CFG_KBD_OFF)) {
		k->last_sent = k->queue[k->head];
		k->head = (uint8_t)((k->head + 1) % QUEUE);
		k->queued--;
		fill(k, translated(k, k->last_sent), false);
	}
	update(k);
}

/* ---- the keyboard ------------------------------------------------------------------------------ */

static void kbd_send(struct i8042 *k, uint8_t val)
{
	if (k->queued == QUEUE) /* TR "Overrun": it is lost */
		return;
	k->queue[(k->head + k->queued) % QUEUE] = val;
	k->queued++;
}

static void kbd_parameter(struct i8042 *k, uint8_t val)
{
	uint8_t cmd = k->kbd_expects;

	k->kbd_expects = 0;
	if (cmd == KBD_SCAN_SET && val > 3) {
		kbd_send(k, KBD_RESEND);
		return;
	}
	kbd_send(k, KBD_ACK);
	if (cmd == KBD_SCAN_SET && !val)
		kbd_send(k, k->scan_set);
	else if (cmd == KBD_SCAN_SET)
		k->scan_set = val;
}

static void kbd_write(struct i8042 *k, uint8_t val)
{
	if (k->kbd_expects && val < KBD_LEDS) {
		kbd_parameter(k, val);
		return;
	}
	k->kbd_expects = 0;
	switch (val) {
	case KBD_LEDS:
	case KBD_SCAN_SET:
	case KBD_RATE:
		k->kbd_expects = val;
		kbd_send(k, KBD_ACK);
		return;
	case KBD_ECHO:
		kbd_send(k, KBD_ECHO);
		return;
	case KBD_ID:
		kbd_send(k, KBD_ACK);
		kbd_send(k, KBD_ID_LOW);
		kbd_send(k, KBD_ID_HIGH);
		return;
	case KBD_RESEND:
		kbd_send(k, k->last_sent);
		return;
	case KBD_RESET:
		k->queued = 0;
		k->scan_set = 2;
		kbd_send(k, KBD_ACK);
		kbd_send(k, KBD_BAT_GOOD);
		return;
	default:
		kbd_send(k, val >= KBD_FIRST_PLAIN && val <= KBD_LAST_PLAIN ? KBD_ACK : KBD_RESEND);
		return;
	}
}

/* ---- the controller ---------------------------------------------------------------------------- */

static void power_reset(struct i8042 *k)
{
	struct dev_host *host = &k->dev.env.host;

	if (host->power)
		host->power(host->ctx, DEV_POWER_RESET);
}

static void write_output_port(struct i8042 *k, uint8_t val)
{
	k->a20 = val & OUT_A20;
	if (!(val & OUT_RESET))
		power_reset(k);
}

static uint8_t output_port(const struct i8042 *k)
{
	return (uint8_t)(OUT_ONES | OUT_RESET | (k->a20 ? OUT_A20 : 0) |
			 (k->full ? k->aux ? OUT_AUX_FULL : OUT_KBD_FULL : 0));
}

static void write_ram(struct i8042 *k, unsigned i, uint8_t val)
{
	k->ram[i] = i ? val : (val & CFG_ALL) | CFG_AUX_OFF;
}

/* A command without a parameter. */
static void simple_command(struct i8042 *k, uint8_t cmd)
{
	switch ((enum command)cmd) {
	case CMD_AUX_TEST:
		fill(k, AUX_TEST_CLOCK, false);
		break;
	case CMD_SELF_TEST:
		k->ram[0] |= CFG_SYS;
		fill(k, SELF_TEST_GOOD, false);
		break;
	case CMD_KBD_TEST:
		fill(k, KBD_TEST_GOOD, false);
		break;
	case CMD_KBD_DISABLE:
		k->ram[0] |= CFG_KBD_OFF;
		break;
	case CMD_KBD_ENABLE:
		k->ram[0] &= (uint8_t)~CFG_KBD_OFF;
		break;
	case CMD_READ_INPUT:
		fill(k, INPUT_PORT, false);
		break;
	case CMD_READ_OUTPUT:
		fill(k, output_port(k), false);
		break;
	case CMD_A20_OFF:
	case CMD_A20_ON:
		k->a20 = cmd == CMD_A20_ON;
		break;
	case CMD_AUX_DISABLE: /* it stays so */
	case CMD_AUX_ENABLE:
		break;
	default:
		dev_guest_error(&k->dev, "i8042: no such command", COMMAND_PORT, cmd);
	}
}

static bool takes_data(uint8_t cmd)
{
	return (cmd >= CMD_WRITE_RAM && cmd < CMD_WRITE_RAM + RAM) ||
	       (cmd >= CMD_WRITE_OUTPUT && cmd <= CMD_WRITE_AUX);
}

static void write_command(struct i8042 *k, uint8_t cmd)
{
	k->command_last = true;
	k->expects = 0;
	if (cmd >= CMD_READ_RAM && cmd < CMD_READ_RAM + RAM)
		fill(k, k->ram[cmd - CMD_READ_RAM], false);
	else if (takes_data(cmd))
		k->expects = cmd;
	else if (cmd < CMD_PULSE)
		simple_command(k, cmd);
	else if (!(cmd & OUT_RESET))
		power_reset(k);
}

static void write_data(struct i8042 *k, uint8_t val)
{
	uint8_t cmd = k->expects;

	k->command_last = false;
	k->expects = 0;
	switch (cmd) {
	case 0: /* what is sent to it turns the keyboard on */
		k->ram[0] &= (uint8_t)~CFG_KBD_OFF;
		kbd_write(k, val);
		return;
	case CMD_WRITE_OUTPUT:
		write_output_port(k, val);
		return;
	case CMD_WRITE_KBD_BUFFER:
	case CMD_WRITE_AUX_BUFFER:
		fill(k, val, false);
		return;
	case CMD_WRITE_AUX:
		fill(k, KBD_RESEND, true);
		k->timed_out = true;
		return;
	default:
		write_ram(k, cmd - CMD_WRITE_RAM, val);
		return;
	}
}

static void write_port92(struct i8042 *k, uint8_t val)
{
	bool rises = (val & P92_RESET) && !(k->port92 & P92_RESET);

	k->port92 = val & (P92_RESET | P92_A20);
	if (rises)
		power_reset(k);
}

static uint8_t read_data(struct i8042 *k)
{
	uint8_t val = k->out;

	k->full = false;
	k->aux = false;
	k->timed_out = false;
	update(k); /* the line falls, so that the next byte is an edge */
	pump(k);
	return val;
}

static uint8_t status(const struct i8042 *k)
{
	return (uint8_t)(STATUS_UNLOCK | (k->full ? STATUS_OBF : 0) |
			 (k->ram[0] & CFG_SYS ? STATUS_SYS : 0) |
			 (k->command_last ? STATUS_COMMAND : 0) | (k->aux ? STATUS_AUX : 0) |
			 (k->timed_out ? STATUS_TIMEOUT : 0));
}

/* Its ranges are of one byte each. */
static uint64_t i8042_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	struct i8042 *k = i8042_of(d);

	(void)off, (void)size;
	if (range == RANGE_DATA)
		return read_data(k);
	return range == RANGE_COMMAND ? status(k) : k->port92;
}

static void i8042_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	struct i8042 *k = i8042_of(d);

	(void)off, (void)size;
	if (range == RANGE_92) {
		write_port92(k, (uint8_t)val);
		return;
	}
	if (range == RANGE_DATA)
		write_data(k, (uint8_t)val);
	else
		write_command(k, (uint8_t)val);
	pump(k);
}

/* ---- the class --------------------------------------------------------------------------------- */

/* What state_reset() cannot say: one byte of an array. */
static int i8042_init(struct dev *d, struct err *err)
{
	(void)err;
	i8042_of(d)->ram[0] = CFG_BIOS;
	return 0;
}

static void i8042_reset(struct dev *d)
{
	struct irq aux = d->env.irq;

	(void)i8042_init(d, NULL);
	irq_set(&d->irq, 0);
	aux.line = (unsigned)i8042_of(d)->aux_line;
	irq_set(&aux, 0);
}

static int i8042_post_load(struct dev *d, struct err *err)
{
	struct i8042 *k = i8042_of(d);
	bool kbd = k->full && !k->aux && (k->ram[0] & CFG_KBD_INT);
	bool aux = k->full && k->aux && (k->ram[0] & CFG_AUX_INT);

	if (k->queued > QUEUE || k->head >= QUEUE || k->scan_set < 1 || k->scan_set > 3 ||
	    (k->expects && !takes_data(k->expects)) || (k->ram[0] & ~CFG_ALL) ||
	    !(k->ram[0] & CFG_AUX_OFF) || (k->port92 & ~(P92_RESET | P92_A20)) ||
	    k->kbd_level != kbd || k->aux_level != aux)
		return err_set(err, -EINVAL, "i8042: saved registers are in no possible state");
	return 0;
}

static const struct dev_range i8042_ranges[] = {
	{"data", BUS_PIO, DATA_PORT, 1},
	{"command", BUS_PIO, COMMAND_PORT, 1},
	{"port-92", BUS_PIO, PORT92, 1},
	{0},
};

static const struct dev_opt i8042_opts[] = {
	{"irq", "interrupt line of the keyboard", offsetof(struct dev, irq_line), KBD_IRQ, 0, 15},
	{"aux-irq", "interrupt line of the auxiliary device", offsetof(struct i8042, aux_line),
	 AUX_IRQ, 0, 15},
	{0},
};

static const struct dev_reg i8042_regs[] = {
	{"DATA", RANGE_DATA, 1, 0, "rw"},
	{"COMMAND", RANGE_COMMAND, 1, 0, "rw"},
	{"PORT_92", RANGE_92, 1, 0, "rw"},
	{0},
};

#define F(member, rst) STATE_U(struct i8042, member, rst)
#define B(member, rst) STATE_B(struct i8042, member, rst)
static const struct state_field i8042_state[] = {
	STATE_RAW(struct i8042, ram),
	F(expects, 0),
	F(out, 0),
	B(full, 0),
	B(aux, 0),
	B(timed_out, 0),
	B(command_last, 1),
	B(a20, 1),
	F(port92, P92_A20),
	B(kbd_level, 0),
	B(aux_level, 0),
	STATE_RAW(struct i8042, queue),
	F(head, 0),
	F(queued, 0),
	F(kbd_expects, 0),
	F(scan_set, 2),
	F(last_sent, 0),
	STATE_END,
};

const struct dev_class dev_class_i8042 = {
	.name = "i8042",
	.help = "keyboard controller with a silent keyboard, and port 0x92",
	.size = sizeof(struct i8042),
	.version = 1,
	.ranges = i8042_ranges,
	.opts = i8042_opts,
	.regs = i8042_regs,
	.state = i8042_state,
	.init = i8042_init,
	.reset = i8042_reset,
	.read = i8042_read,
	.write = i8042_write,
	.post_load = i8042_post_load,
};
