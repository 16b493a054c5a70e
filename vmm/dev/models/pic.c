/* SPDX-License-Identifier: MIT */
/*
 * pic: the PC's pair of 8259A interrupt controllers (Intel 8259A data sheet, 231468; "DS" below),
 * the second on input 2 of the first, with the edge/level registers of EISA and the PIIX.
 *
 * Nothing is delivered before a chip's initialization sequence is complete. The MCS-80 mode has no
 * meaning on a PC: with ICW4's uPM bit clear the chip still answers with a vector.
 *
 * Spurious interrupts (DS "Interrupt request register", edge mode): an edge whose line falls again
 * before the CPU acknowledges leaves INT up and its request forgotten; the acknowledge then gives
 * vector 7 of that chip and sets no in-service bit. Masking the line takes such a request back.
 *
 * A chip that (by its ICW3) is not where the PC has it answers no acknowledge: the bus floats,
 * 0xff.
 */
#include <assert.h>
#include <errno.h>

#include <vmm/dev.h>

#define PIC_MASTER_BASE 0x20u
#define PIC_SLAVE_BASE	0xa0u
#define PIC_ELCR_BASE	0x4d0u
#define PIC_LINES	16u
#define CASCADE_LINE	2u
#define CASCADE_BIT	(1u << CASCADE_LINE)
#define SPURIOUS_LINE	7u
#define VECTOR_FLOATING 0xff
/* Lines 0, 1, 2, 8 and 13 are edge-triggered for ever (PIIX, ELCR1 and ELCR2). */
#define ELCR_MASTER 0xf8u
#define ELCR_SLAVE  0xdeu

/* A command at the even port: DS "Initialization command words", "Operation command words" */
#define ICW1	    0x10u
#define ICW1_LTIM   0x08u
#define ICW1_SNGL   0x02u
#define ICW1_IC4    0x01u
#define ICW2_VECTOR 0xf8u
#define ICW3_ID	    0x07u
#define ICW4_SFNM   0x10u
#define ICW4_AEOI   0x02u
#define ICW4_ALL    0x1fu
#define OCW3	    0x08u
#define OCW3_ESMM   0x40u
#define OCW3_SMM    0x20u
#define OCW3_POLL   0x04u
#define OCW3_RR	    0x02u
#define OCW3_RIS    0x01u
#define OCW2_LEVEL  0x07u
#define OCW2_SHIFT  5

/* R, SL, EOI of OCW2 */
enum ocw2 {
	OCW2_ROTATE_AEOI_CLEAR = 0,
	OCW2_EOI = 1,
	OCW2_NOP = 2,
	OCW2_EOI_SPECIFIC = 3,
	OCW2_ROTATE_AEOI_SET = 4,
	OCW2_EOI_ROTATE = 5,
	OCW2_SET_PRIORITY = 6,
	OCW2_EOI_SPECIFIC_ROTATE = 7,
};

#define POLL_PENDING 0x80u

enum { MASTER, SLAVE, ELCR };

/* What the odd port takes next. */
enum step { STEP_RESET, STEP_ICW2, STEP_ICW3, STEP_ICW4, STEP_READY };

struct chip {
	uint8_t step; /* enum step */
	uint8_t icw1, icw2, icw3, icw4;
	uint8_t irr, imr, isr, lines, elcr;
	uint8_t ghost;	/* edges that are gone but still hold INT up */
	uint8_t lowest; /* the input of lowest priority: 7 is the fixed order */
	bool special_mask, rotate_aeoi, read_isr, poll, out;
};

extern const struct dev_class dev_class_pic;

struct pic {
	struct dev dev;
	struct chip chip[2];
};

static struct pic *pic_of(struct dev *d)
{
	return container_of(d, struct pic, dev);
}

/* ---- one chip ---------------------------------------------------------------------------------
 */

static uint8_t level_mode(const struct chip *c)
{
	return c->icw1 & ICW1_LTIM ? 0xff : c->elcr;
}

/* Is (line) of (p)'s chip (which) an input that another 8259A drives? */
static bool is_cascade(const struct chip *c, unsigned which, unsigned line)
{
	return which == MASTER && !(c->icw1 & ICW1_SNGL) && (c->icw3 >> line & 1);
}

/*
 * The input of highest priority among (requests) that nothing in service holds back, or -1
 * (DS "Fully nested mode", "Special mask mode", "Special fully nested mode").
 */
static int resolve(const struct chip *c, unsigned which, uint8_t requests)
{
	uint8_t pending = requests & (uint8_t)~c->imr;
	uint8_t blocking = c->special_mask ? c->isr & (uint8_t)~c->imr : c->isr;

	if (c->step != STEP_READY || !pending)
		return -1;
	for (unsigned i = 1; i <= 8; i++) {
		unsigned n = (c->lowest + i) & 7;
		bool nested = (c->icw4 & ICW4_SFNM) && is_cascade(c, which, n);

		if ((blocking >> n & 1) && !nested)
			return -1;
		if (pending >> n & 1)
			return (int)n;
		if (blocking >> n & 1)
			return -1;
	}
	return -1;
}

static bool int_pin(const struct chip *c, unsigned which)
{
	return resolve(c, which, c->irr | c->ghost) >= 0;
}

static void end_of_interrupt(struct chip *c, unsigned n, bool rotate)
{
	c->isr &= (uint8_t) ~(1u << n);
	if (rotate)
		c->lowest = (uint8_t)n;
}

/* The acknowledge's first half: the input it is for, -1 if its request is gone. */
static int take(struct chip *c, unsigned which)
{
	int n = resolve(c, which, c->irr);

	c->ghost = 0;
	if (n < 0)
		return -1;
	c->isr |= (uint8_t)(1u << n);
	if (!(level_mode(c) >> n & 1))
		c->irr &= (uint8_t) ~(1u << n);
	if (c->icw4 & ICW4_AEOI)
		end_of_interrupt(c, (unsigned)n, c->rotate_aeoi);
	return n;
}

static void chip_line(struct chip *c, unsigned which, unsigned n, bool level)
{
	uint8_t bit = (uint8_t)(1u << n);

	if (level == !!(c->lines & bit))
		return;
	if (level) {
		c->lines |= bit;
		c->ghost &= (uint8_t)~bit;
		c->irr |= bit;
		return;
	}
	/* Seen by the CPU already: the pin was up for it, so it stays up. */
	if ((c->irr & bit) && !(level_mode(c) & bit) && resolve(c, which, bit) >= 0)
		c->ghost |= bit;
	c->irr &= (uint8_t)~bit;
	c->lines &= (uint8_t)~bit;
}

/* ---- the pair ---------------------------------------------------------------------------------
 */

/* Something changed: the slave's pin goes to the master, the master's to the CPU. */
static void update(struct pic *p)
{
	struct chip *m = &p->chip[MASTER], *s = &p->chip[SLAVE];
	struct dev_host *host = &p->dev.env.host;
	bool out;

	s->out = int_pin(s, SLAVE);
	chip_line(m, MASTER, CASCADE_LINE, s->out);
	out = int_pin(m, MASTER);
	if (out == m->out)
		return;
	m->out = out;
	if (host->intr)
		host->intr(host->ctx, out);
}

/* The slave's pin falls with each acknowledge, so that the next request is an edge again. */
static void drop_cascade(struct pic *p)
{
	struct chip *m = &p->chip[MASTER];

	p->chip[SLAVE].out = false;
	m->lines &= (uint8_t)~CASCADE_BIT;
	m->irr &= (uint8_t)~CASCADE_BIT;
}

static int acknowledge(struct pic *p)
{
	struct chip *m = &p->chip[MASTER], *s = &p->chip[SLAVE];
	int n = take(m, MASTER);

	if (n < 0)
		return m->icw2 | (int)SPURIOUS_LINE;
	if (!is_cascade(m, MASTER, (unsigned)n))
		return m->icw2 | n;
	if (n != (int)CASCADE_LINE || s->step != STEP_READY || (s->icw3 & ICW3_ID) != CASCADE_LINE)
		return VECTOR_FLOATING;
	n = take(s, SLAVE);
	drop_cascade(p);
	return s->icw2 | (n < 0 ? (int)SPURIOUS_LINE : n);
}

int pic_ack(struct dev *d)
{
	struct pic *p = pic_of(d);
	int vector;

	assert(d->cls == &dev_class_pic);
	if (!p->chip[MASTER].out)
		return -1;
	vector = acknowledge(p);
	update(p);
	return vector;
}

void pic_set(void *dev, unsigned line, int level)
{
	struct pic *p = pic_of(dev);
	unsigned which = line / 8;

	assert(p->dev.cls == &dev_class_pic);
	/* Input 2 of the master has the slave on it. */
	if (line >= PIC_LINES || line == CASCADE_LINE)
		return;
	if (!!level == (p->chip[which].lines >> (line % 8) & 1))
		return;
	trace_note(p->dev.env.trace, TRACE_IRQ, 0, line, level ? 1 : 0, NULL);
	chip_line(&p->chip[which], which, line % 8, level != 0);
	update(p);
}

/* ---- registers --------------------------------------------------------------------------------
 */

/* DS "Initialization command words 1 and 2": what ICW1 does by itself. */
static void write_icw1(struct chip *c, uint8_t val)
{
	c->icw1 = val & (ICW1_LTIM | ICW1_SNGL | ICW1_IC4);
	c->icw2 = 0;
	c->icw3 = 0;
	c->icw4 = 0;
	c->imr = 0;
	c->isr = 0;
	c->ghost = 0;
	/* The edge sense is reset: a line that is high must rise anew. */
	c->irr = c->lines & level_mode(c);
	c->lowest = SPURIOUS_LINE;
	c->special_mask = false;
	c->rotate_aeoi = false;
	c->read_isr = false;
	c->poll = false;
	c->step = STEP_ICW2;
}

static void write_ocw2(struct chip *c, unsigned which, uint8_t val)
{
	unsigned level = val & OCW2_LEVEL;
	uint8_t keep = c->special_mask ? c->imr : 0;
	struct chip isr_only = *c;
	int top;

	switch ((enum ocw2)(val >> OCW2_SHIFT)) {
	case OCW2_ROTATE_AEOI_CLEAR:
		c->rotate_aeoi = false;
		break;
	case OCW2_ROTATE_AEOI_SET:
		c->rotate_aeoi = true;
		break;
	case OCW2_EOI:
	case OCW2_EOI_ROTATE:
		/*
		 * The highest in service; not one that is masked in special mask mode (DS "End of
		 * interrupt").
		 */
		isr_only.isr = 0;
		isr_only.imr = keep;
		top = resolve(&isr_only, which, c->isr);
		if (top >= 0)
			end_of_interrupt(c, (unsigned)top, val >> OCW2_SHIFT == OCW2_EOI_ROTATE);
		break;
	case OCW2_EOI_SPECIFIC:
	case OCW2_EOI_SPECIFIC_ROTATE:
		end_of_interrupt(c, level, val >> OCW2_SHIFT == OCW2_EOI_SPECIFIC_ROTATE);
		break;
	case OCW2_SET_PRIORITY:
		c->lowest = (uint8_t)level;
		break;
	case OCW2_NOP:
		break;
	}
}

static void write_ocw3(struct chip *c, uint8_t val)
{
	if (val & OCW3_ESMM)
		c->special_mask = val & OCW3_SMM;
	if (val & OCW3_POLL)
		c->poll = true;
	else if (val & OCW3_RR)
		c->read_isr = val & OCW3_RIS;
}

static void write_even(struct chip *c, unsigned which, uint8_t val)
{
	if (val & ICW1)
		write_icw1(c, val);
	else if (c->step != STEP_READY)
		return; /* no operation before initialization is complete */
	else if (val & OCW3)
		write_ocw3(c, val);
	else
		write_ocw2(c, which, val);
}

static void write_odd(struct chip *c, uint8_t val)
{
	bool icw4 = c->icw1 & ICW1_IC4;

	switch ((enum step)c->step) {
	case STEP_RESET:
		return;
	case STEP_ICW2:
		c->icw2 = val & ICW2_VECTOR;
		c->step = !(c->icw1 & ICW1_SNGL) ? STEP_ICW3 : icw4 ? STEP_ICW4 : STEP_READY;
		return;
	case STEP_ICW3:
		c->icw3 = val;
		c->step = icw4 ? STEP_ICW4 : STEP_READY;
		return;
	case STEP_ICW4:
		c->icw4 = val & ICW4_ALL;
		c->step = STEP_READY;
		return;
	case STEP_READY:
		c->imr = val;
		c->ghost &= (uint8_t)~val;
		return;
	}
}

/* DS "Poll command": the read is the acknowledge. */
static uint8_t read_poll(struct pic *p, unsigned which)
{
	struct chip *c = &p->chip[which];
	bool out = c->out;
	int n = out ? take(c, which) : -1;

	c->poll = false;
	if (which == SLAVE && out)
		drop_cascade(p);
	return n < 0 ? 0 : (uint8_t)(POLL_PENDING | (unsigned)n);
}

static uint8_t read_reg(struct pic *p, unsigned range, uint64_t reg)
{
	const struct chip *c;

	if (range == ELCR)
		return p->chip[reg].elcr;
	c = &p->chip[range];
	if (c->poll)
		return read_poll(p, range);
	if (reg)
		return c->imr;
	return c->read_isr ? c->isr : c->irr;
}

static void write_elcr(struct chip *c, uint8_t val)
{
	uint8_t changed = c->elcr ^ val;

	c->elcr = val;
	/* To level: the line decides. To edge: what is high must rise anew. */
	c->irr &= (uint8_t)~changed;
	c->irr |= c->lines & changed & level_mode(c);
	c->ghost &= (uint8_t)~changed;
}

/* 8-bit chips: a wider access is as many cycles, low address first. */
static uint64_t pic_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	struct pic *p = pic_of(d);
	uint64_t val = 0;

	for (unsigned i = 0; i < size; i++)
		val |= (uint64_t)read_reg(p, range, off + i) << (8 * i);
	update(p);
	return val;
}

static void pic_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	struct pic *p = pic_of(d);

	for (unsigned i = 0; i < size; i++) {
		uint64_t reg = off + i;
		uint8_t byte = (uint8_t)(val >> (8 * i));

		if (range == ELCR)
			write_elcr(&p->chip[reg], byte & (reg ? ELCR_SLAVE : ELCR_MASTER));
		else if (reg)
			write_odd(&p->chip[range], byte);
		else
			write_even(&p->chip[range], range, byte);
		update(p);
	}
}

/* ---- the class --------------------------------------------------------------------------------
 */

static void pic_reset(struct dev *d)
{
	if (d->env.host.intr)
		d->env.host.intr(d->env.host.ctx, 0);
}

static int pic_post_load(struct dev *d, struct err *err)
{
	struct pic *p = pic_of(d);

	for (unsigned i = 0; i < ARRAY_SIZE(p->chip); i++) {
		struct chip *c = &p->chip[i];

		if (c->step > STEP_READY || c->lowest > SPURIOUS_LINE ||
		    (c->elcr & ~(i == MASTER ? ELCR_MASTER : ELCR_SLAVE)) ||
		    (c->icw2 & ~ICW2_VECTOR) || c->out != int_pin(c, i))
			return err_set(err, -EINVAL,
				       "pic: saved registers of chip %u are in no possible state",
				       i);
	}
	if (!!(p->chip[MASTER].lines & CASCADE_BIT) != p->chip[SLAVE].out)
		return err_set(err, -EINVAL, "pic: the saved chips disagree about the cascade");
	if (d->env.host.intr)
		d->env.host.intr(d->env.host.ctx, p->chip[MASTER].out);
	return 0;
}

static const struct dev_range pic_ranges[] = {
	{"master", BUS_PIO, PIC_MASTER_BASE, 2},
	{"slave", BUS_PIO, PIC_SLAVE_BASE, 2},
	{"elcr", BUS_PIO, PIC_ELCR_BASE, 2},
	{0},
};

static const struct dev_reg pic_regs[] = {
	{"MASTER_CMD", MASTER, 1, 0, "rw"},
	{"MASTER_DATA", MASTER, 1, 1, "rw"},
	{"SLAVE_CMD", SLAVE, 1, 0, "rw"},
	{"SLAVE_DATA", SLAVE, 1, 1, "rw"},
	{"ELCR1", ELCR, 1, 0, "rw"},
	{"ELCR2", ELCR, 1, 1, "rw"},
	{0},
};

#define CHIP_FIELDS(i)                                                                             \
	STATE_U(struct pic, chip[i].step, STEP_RESET), STATE_U(struct pic, chip[i].icw1, 0),       \
		STATE_U(struct pic, chip[i].icw2, 0), STATE_U(struct pic, chip[i].icw3, 0),        \
		STATE_U(struct pic, chip[i].icw4, 0), STATE_U(struct pic, chip[i].irr, 0),         \
		STATE_U(struct pic, chip[i].imr, 0), STATE_U(struct pic, chip[i].isr, 0),          \
		STATE_U(struct pic, chip[i].lines, 0), STATE_U(struct pic, chip[i].elcr, 0),       \
		STATE_U(struct pic, chip[i].ghost, 0),                                             \
		STATE_U(struct pic, chip[i].lowest, SPURIOUS_LINE),                                \
		STATE_B(struct pic, chip[i].special_mask, 0),                                      \
		STATE_B(struct pic, chip[i].rotate_aeoi, 0),                                       \
		STATE_B(struct pic, chip[i].read_isr, 0), STATE_B(struct pic, chip[i].poll, 0),    \
		STATE_B(struct pic, chip[i].out, 0)

static const struct state_field pic_state[] = {
	CHIP_FIELDS(MASTER),
	CHIP_FIELDS(SLAVE),
	STATE_END,
};

const struct dev_class dev_class_pic = {
	.name = "pic",
	.help = "pair of 8259A interrupt controllers",
	.size = sizeof(struct pic),
	.version = 1,
	.ranges = pic_ranges,
	.regs = pic_regs,
	.state = pic_state,
	.reset = pic_reset,
	.read = pic_read,
	.write = pic_write,
	.post_load = pic_post_load,
};
