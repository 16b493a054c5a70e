/* SPDX-License-Identifier: MIT */
/*
 * ioapic: the I/O APIC of a PC: 82093AA data sheet (290566, "DS"), with the EOI register that came
 * with version 0x20 (ICH data sheets).
 *
 * 24 pins. Each has a redirection entry: what message to send, to whom, and when. An edge is sent
 * when it comes, or never if the pin is masked (DS 3.2.4). A level is sent while the pin is active and
 * the message before has not ended: remote IRR is set when the local APIC takes it and cleared by an
 * EOI of its vector. A level that nobody takes is tried again when its pin or its entry changes.
 *
 * A pin is a wire: a pin programmed active-low is active while its line is down.
 * Messages are on their way for no time, so the delivery status is idle always.
 */
#include <assert.h>
#include <errno.h>

#include <vmm/dev.h>

#define IOAPIC_BASE 0xfec00000u
#define IOAPIC_LEN  0x1000u

/* In memory: DS table 1 */
#define REGSEL 0x00u
#define WINDOW 0x10u
#define EOI    0x40u

/* Behind the window: DS table 2 */
#define REG_ID	    0x00u
#define REG_VERSION 0x01u
#define REG_ARB	    0x02u
#define REG_TABLE   0x10u /* two registers a pin, the low half first */

#define VERSION	 (0x20u | (IOAPIC_PINS - 1) << 16)
#define ID_SHIFT 24
#define ID_ALL	 0x0fu

/* DS 3.2.4 */
#define RED_VECTOR     0xffull
#define RED_MODE_SHIFT 8
#define RED_LOGICAL    (1ull << 11)
#define RED_LOW	       (1ull << 13) /* polarity: active low */
#define RED_REMOTE     (1ull << 14)
#define RED_LEVEL      (1ull << 15)
#define RED_MASKED     (1ull << 16)
#define RED_DEST_SHIFT 56
#define RED_WRITABLE   0xff0000000001afffull

enum mode { MODE_FIXED, MODE_LOWEST };

/* A message to local APICs: SDM 3A figures 10-14 and 10-15 */
#define MSI_ADDR	0xfee00000u
#define MSI_DEST_SHIFT	12
#define MSI_LOGICAL	(1u << 2)
#define MSI_MODE_SHIFT	8
#define MSI_ASSERT	(1u << 14)
#define MSI_TRIGGER_LVL (1u << 15)

extern const struct dev_class dev_class_ioapic;

struct ioapic {
	struct dev dev;
	uint8_t select, id;
	uint32_t lines; /* as they are on the wires, a bit a pin */
	uint64_t redir[IOAPIC_PINS];
};

static struct ioapic *ioapic_of(struct dev *d)
{
	return container_of(d, struct ioapic, dev);
}

/* Modes but the two are edge-triggered whatever the entry says (DS 3.2.4, delivery mode). */
static bool is_level(uint64_t red)
{
	return (red & RED_LEVEL) && (red >> RED_MODE_SHIFT & 7) <= MODE_LOWEST;
}

static bool is_active(const struct ioapic *a, unsigned pin)
{
	return (a->lines >> pin & 1) != !!(a->redir[pin] & RED_LOW);
}

static bool send(struct ioapic *a, uint64_t red)
{
	struct dev_host *host = &a->dev.env.host;
	uint64_t addr = MSI_ADDR | (red >> RED_DEST_SHIFT) << MSI_DEST_SHIFT;
	uint32_t data = (uint32_t)(red & RED_VECTOR) | MSI_ASSERT;

	if (red & RED_LOGICAL)
		addr |= MSI_LOGICAL;
	data |= (uint32_t)(red >> RED_MODE_SHIFT & 7) << MSI_MODE_SHIFT;
	if (is_level(red))
		data |= MSI_TRIGGER_LVL;
	return host->msi && host->msi(host->ctx, addr, data);
}

/* A level that is there and not on its way yet. */
static void see_to_level(struct ioapic *a, unsigned pin)
{
	uint64_t red = a->redir[pin];

	if (!is_level(red) || (red & (RED_MASKED | RED_REMOTE)) || !is_active(a, pin))
		return;
	if (send(a, red))
		a->redir[pin] |= RED_REMOTE;
}

void ioapic_set(void *dev, unsigned pin, int level)
{
	struct ioapic *a = ioapic_of(dev);
	bool was;

	assert(a->dev.cls == &dev_class_ioapic);
	if (pin >= IOAPIC_PINS || !!level == (a->lines >> pin & 1))
		return;
	trace_note(a->dev.env.trace, TRACE_IRQ, 1, pin, level ? 1 : 0, NULL);
	was = is_active(a, pin);
	a->lines ^= 1u << pin;
	if (is_level(a->redir[pin]))
		see_to_level(a, pin);
	else if (!was && !(a->redir[pin] & RED_MASKED))
		(void)send(a, a->redir[pin]);
}

void ioapic_eoi(struct dev *d, unsigned vector)
{
	struct ioapic *a = ioapic_of(d);

	assert(d->cls == &dev_class_ioapic);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		uint64_t *red = &a->redir[pin];

		if (!(*red & RED_REMOTE) || (*red & RED_VECTOR) != vector)
			continue;
		*red &= ~RED_REMOTE;
		see_to_level(a, pin);
	}
}

/* ---- registers --------------------------------------------------------------------------------- */

static void write_redir(struct ioapic *a, unsigned pin, bool high, uint32_t val)
{
	uint64_t *red = &a->redir[pin], mask = high ? 0xffffffffull << 32 : 0xffffffffull;

	mask &= RED_WRITABLE;
	*red = (*red & ~mask) | ((high ? (uint64_t)val << 32 : val) & mask);
	/* An edge has no remote IRR: this is how software clears it where there is no EOI register. */
	if (!is_level(*red))
		*red &= ~RED_REMOTE;
	see_to_level(a, pin);
}

static uint32_t read_reg(const struct ioapic *a)
{
	unsigned n = a->select - REG_TABLE;

	switch (a->select) {
	case REG_ID:
	case REG_ARB: /* loaded with the ID whenever that is written (DS 3.2.3) */
		return (uint32_t)a->id << ID_SHIFT;
	case REG_VERSION:
		return VERSION;
	default:
		break;
	}
	if (a->select < REG_TABLE || n >= 2 * IOAPIC_PINS)
		return 0;
	return (uint32_t)(a->redir[n / 2] >> (n % 2 ? 32 : 0));
}

static void write_reg(struct ioapic *a, uint32_t val)
{
	unsigned n = a->select - REG_TABLE;

	if (a->select == REG_ID)
		a->id = val >> ID_SHIFT & ID_ALL;
	else if (a->select >= REG_TABLE && n < 2 * IOAPIC_PINS)
		write_redir(a, n / 2, n % 2, val);
	else
		dev_guest_error(&a->dev, "ioapic: no such register to write", a->select, val);
}

static uint64_t ioapic_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	struct ioapic *a = ioapic_of(d);
	uint64_t val = 0;

	(void)range;
	if ((off & ~3ull) == REGSEL)
		val = a->select;
	else if ((off & ~3ull) == WINDOW)
		val = read_reg(a);
	/* Parts of a register are read as they are. */
	return val >> (8 * (off & 3)) & size_mask(size);
}

static void ioapic_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	struct ioapic *a = ioapic_of(d);

	(void)range;
	/* All registers are to be written as 32 bits; the selector's low byte has always worked alone. */
	if (off == REGSEL)
		a->select = (uint8_t)val;
	else if (size >= 4 && off == WINDOW)
		write_reg(a, (uint32_t)val);
	else if (size >= 4 && off == EOI)
		ioapic_eoi(d, (unsigned)val & 0xff);
	else
		dev_guest_error(d, "ioapic: not a write of a register", off, val);
}

/* ---- the class --------------------------------------------------------------------------------- */

static int ioapic_post_load(struct dev *d, struct err *err)
{
	struct ioapic *a = ioapic_of(d);

	if (a->id > ID_ALL || a->lines >> IOAPIC_PINS)
		return err_set(err, -EINVAL, "ioapic: saved registers are in no possible state");
	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		if ((a->redir[i] & ~(RED_WRITABLE | RED_REMOTE)) ||
		    ((a->redir[i] & RED_REMOTE) && !is_level(a->redir[i])))
			return err_set(err, -EINVAL,
				       "ioapic: saved entry %u is in no possible state", i);
	return 0;
}

static const struct dev_range ioapic_ranges[] = {
	{"mmio", BUS_MMIO, IOAPIC_BASE, IOAPIC_LEN},
	{0},
};

static const struct dev_reg ioapic_regs[] = {
	{"IOREGSEL", 0, 4, REGSEL, "rw"},
	{"IOWIN", 0, 4, WINDOW, "rw"},
	{"EOI", 0, 4, EOI, "w"},
	{0},
};

static const struct state_field ioapic_state[] = {
	STATE_U(struct ioapic, select, 0),
	STATE_U(struct ioapic, id, 0),
	STATE_U(struct ioapic, lines, 0),
	STATE_ARR(struct ioapic, redir, RED_MASKED),
	STATE_END,
};

const struct dev_class dev_class_ioapic = {
	.name = "ioapic",
	.help = "I/O APIC with 24 pins",
	.size = sizeof(struct ioapic),
	.version = 1,
	.ranges = ioapic_ranges,
	.regs = ioapic_regs,
	.state = ioapic_state,
	.read = ioapic_read,
	.write = ioapic_write,
	.post_load = ioapic_post_load,
};
