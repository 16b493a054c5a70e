/* SPDX-License-Identifier: MIT */
/*
 * pci: the host bridge: configuration mechanism #1 (PCI Local Bus 3.0, 3.2.2.3.2) and ECAM (PCI Express
 * 3.0, 7.2.2) to the same functions, and the interrupt lines that they share.
 */
#include <assert.h>
#include <errno.h>

#include "pci_priv.h"

enum { RANGE_PORTS, RANGE_ECAM };
#define PORTS_LEN 8u
#define DATA	  4u /* CONFIG_DATA's offset in the ports */

/* CONFIG_ADDRESS, figure 3-2 */
#define ADDRESS_ENABLE	 (1u << 31)
#define ADDRESS_BUS	 0x00ff0000u
#define ADDRESS_REGISTER 0x000000fcu
#define ADDRESS_BITS	 (ADDRESS_ENABLE | ADDRESS_BUS | 0xff00u | ADDRESS_REGISTER)
/* An offset in ECAM, table 7-1: bus 20, device 15, function 12 */
#define ECAM_SLOT(off)	   ((off) >> 15 & 31)
#define ECAM_FUNCTION(off) ((off) >> 12 & 7)
#define ECAM_REGISTER(off) ((off)&0xfff)

/* Device 0 is the bridge itself, the IDs of QEMU's generic one; it has no registers to write. */
#define BRIDGE_VENDOR 0x1b36u
#define BRIDGE_DEVICE 0x0008u
#define BRIDGE_CLASS  0x060000u

static struct pci_host *host_of(struct dev *d)
{
	return container_of(d, struct pci_host, dev);
}

/* ---- configuration space ---------------------------------------------------------------------------- */

static uint32_t bridge_read(unsigned reg, unsigned size)
{
	uint8_t c[PCI_CONFIG_LEN] = {0};

	st_le16(c + PCI_VENDOR, BRIDGE_VENDOR);
	st_le16(c + PCI_DEVICE, BRIDGE_DEVICE);
	st_le(c + PCI_CLASS, 3, BRIDGE_CLASS);
	st_le16(c + PCI_SUBSYSTEM_VENDOR, BRIDGE_VENDOR);
	st_le16(c + PCI_SUBSYSTEM, BRIDGE_DEVICE);
	return (uint32_t)ld_le(c + reg, size);
}

static uint32_t piece_read(struct pci_host *h, uint32_t off, unsigned size)
{
	struct pci_func *f = h->func[ECAM_SLOT(off)];

	if (ECAM_FUNCTION(off) || ECAM_REGISTER(off) >= PCI_CONFIG_LEN)
		return UINT32_MAX;
	if (!ECAM_SLOT(off))
		return bridge_read(ECAM_REGISTER(off), size);
	return f ? pci_func_config_read(f, ECAM_REGISTER(off), size) : UINT32_MAX;
}

static void piece_write(struct pci_host *h, uint32_t off, unsigned size, uint32_t val)
{
	struct pci_func *f = h->func[ECAM_SLOT(off)];

	if (f && !ECAM_FUNCTION(off) && ECAM_REGISTER(off) < PCI_CONFIG_LEN)
		pci_func_config_write(f, ECAM_REGISTER(off), size, val);
}

/* How much of (left) bytes at (off) one access of a function is: 1, 2 or 4, aligned. */
static unsigned piece_size(uint32_t off, unsigned left)
{
	return !(off & 3) && left >= 4 ? 4 : !(off & 1) && left >= 2 ? 2 : 1;
}

uint64_t pci_config_read(struct dev *host, uint32_t off, unsigned size)
{
	struct pci_host *h = host_of(host);
	uint64_t val = size_mask(size);
	unsigned n;

	for (unsigned done = 0; done < size && done < 8 && off < PCI_ECAM_LEN;
	     done += n, off += n) {
		n = piece_size(off, size - done);
		val &= ~(size_mask(n) << (8 * done));
		val |= (piece_read(h, off, n) & size_mask(n)) << (8 * done);
	}
	return val;
}

void pci_config_write(struct dev *host, uint32_t off, unsigned size, uint64_t val)
{
	struct pci_host *h = host_of(host);
	unsigned n;

	for (unsigned done = 0; done < size && off < PCI_ECAM_LEN; done += n, off += n) {
		n = piece_size(off, size - done);
		piece_write(h, off, n, (uint32_t)(val & size_mask(n)));
		val = n < size ? val >> (8 * n) : 0;
	}
}

/* ---- the ports ------------------------------------------------------------------------------------------ */

/* Where CONFIG_DATA's bytes from (off) on are in ECAM; false: nowhere. */
static bool data_at(const struct pci_host *h, uint64_t off, uint32_t *at)
{
	*at = (h->address & 0xff00) << 4 | (h->address & ADDRESS_REGISTER) | (uint32_t)(off - DATA);
	return (h->address & ADDRESS_ENABLE) && !(h->address & ADDRESS_BUS);
}

static uint64_t ports_read(struct pci_host *h, uint64_t off, unsigned size)
{
	uint32_t at;

	if (off >= DATA)
		return data_at(h, off, &at) ? pci_config_read(&h->dev, at, size) : size_mask(size);
	if (off == 0 && size == 4)
		return h->address;
	if (off == 0 && size == 8)
		return h->address | ports_read(h, DATA, 4) << 32;
	return size_mask(size);
}

static void ports_write(struct pci_host *h, uint64_t off, unsigned size, uint64_t val)
{
	uint32_t at;

	if (off >= DATA) {
		if (data_at(h, off, &at))
			pci_config_write(&h->dev, at, size, val);
		return;
	}
	if (off == 0 && size >= 4)
		h->address = (uint32_t)val & ADDRESS_BITS;
	if (off == 0 && size == 8)
		ports_write(h, DATA, 4, val >> 32);
}

static uint64_t host_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	if (range == RANGE_PORTS)
		return ports_read(host_of(d), off, size);
	return pci_config_read(d, (uint32_t)off, size);
}

static void host_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	if (range == RANGE_PORTS)
		ports_write(host_of(d), off, size, val);
	else
		pci_config_write(d, (uint32_t)off, size, val);
}

/* ---- functions ---------------------------------------------------------------------------------------------- */

int pci_plug(struct dev *host, struct pci_func *f, struct err *err)
{
	struct pci_host *h = host_of(host);
	unsigned slot = (unsigned)f->slot_wanted;

	assert(!f->host && f->ops);
	if (slot && h->func[slot])
		return err_set(err, -EEXIST, "device %s: PCI slot %u has %s: choose another",
			       f->dev.name, slot, h->func[slot]->dev.name);
	for (unsigned i = 1; !slot && i < PCI_SLOTS; i++)
		if (!h->func[i])
			slot = i;
	if (!slot)
		return err_set(err, -ENOSPC, "device %s: no PCI slot is free", f->dev.name);
	h->func[slot] = f;
	h->used |= 1u << slot;
	f->host = h;
	f->slot = slot;
	return 0;
}

void pci_host_unplug(struct pci_host *h, struct pci_func *f)
{
	f->line = false;
	pci_host_line(h, f);
	h->func[f->slot] = NULL;
	h->used &= ~(1u << f->slot);
	f->host = NULL;
	pci_host_map(h, NULL);
}

struct pci_func *pci_func_at(const struct dev *host, unsigned slot)
{
	const struct pci_host *h = container_of(host, const struct pci_host, dev);

	return slot < PCI_SLOTS ? h->func[slot] : NULL;
}

void pci_host_map(struct pci_host *h, struct pci_func *f)
{
	for (uint32_t m = h->used; m; m &= m - 1) {
		struct pci_func *at = h->func[__builtin_ctz(m)];

		pci_func_map(at, at == f);
	}
}

void pci_host_restore(struct pci_host *h)
{
	for (uint32_t m = h->used; m; m &= m - 1)
		pci_func_restore(h->func[__builtin_ctz(m)]);
}

/* ---- lines ---------------------------------------------------------------------------------------------------- */

/* PCI-to-PCI Bridge 1.2, table 9-1: the pins of neighbours are on lines of their own. */
static unsigned line_index(const struct pci_host *h, unsigned slot, unsigned pin)
{
	return (slot + pin - 1) % (unsigned)h->nr_lines;
}

unsigned pci_line_of(const struct dev *host, unsigned slot, unsigned pin)
{
	const struct pci_host *h = container_of(host, const struct pci_host, dev);

	return (unsigned)host->irq_line + line_index(h, slot, pin);
}

static void drive(const struct pci_host *h, unsigned n, int level)
{
	struct irq irq = h->dev.irq;

	irq.line += n;
	irq_set(&irq, level);
}

static void update_line(struct pci_host *h, unsigned n)
{
	uint8_t level = 0;

	for (uint32_t m = h->used; m; m &= m - 1) {
		const struct pci_func *f = h->func[__builtin_ctz(m)];

		if (f->line && line_index(h, f->slot, f->initial[PCI_PIN]) == n)
			level = 1;
	}
	if (level == h->level[n])
		return;
	h->level[n] = level;
	drive(h, n, level);
}

void pci_host_line(struct pci_host *h, const struct pci_func *f)
{
	if (f->initial[PCI_PIN])
		update_line(h, line_index(h, f->slot, f->initial[PCI_PIN]));
}

/* ---- firmware's work -------------------------------------------------------------------------------------------- */

static int assign_bar(struct dev *host, struct pci_func *f, unsigned i, struct pci_windows *w,
		      struct err *err)
{
	const struct pci_bar *b = &f->bar[i];
	uint64_t *base = b->flags & PCI_BAR_IO ? &w->io : &w->memory;
	uint64_t *left = b->flags & PCI_BAR_IO ? &w->io_len : &w->memory_len;
	uint64_t at = align_up(*base, b->len), used = at - *base + b->len;

	if (used > *left)
		return err_set(err, -ENOSPC, "device %s: no room for its BAR %u", f->dev.name, i);
	*base += used;
	*left -= used;
	pci_config_write(host, f->slot << 15 | (PCI_BAR0 + 4 * i), b->flags & PCI_BAR_64 ? 8 : 4,
			 at | b->flags);
	return 0;
}

int pci_assign(struct dev *host, const struct pci_windows *w, struct err *err)
{
	struct pci_windows left = *w;

	for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
		struct pci_func *f = pci_func_at(host, slot);
		int rc = 0;

		for (unsigned i = 0; f && i < PCI_BARS && !rc; i++)
			if (f->bar[i].len)
				rc = assign_bar(host, f, i, &left, err);
		if (rc)
			return rc;
		if (!f)
			continue;
		pci_config_write(host, slot << 15 | PCI_COMMAND, 2,
				 PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
		if (f->initial[PCI_PIN])
			pci_config_write(host, slot << 15 | PCI_LINE, 1,
					 pci_line_of(host, slot, f->initial[PCI_PIN]));
	}
	return 0;
}

/* ---- the class ----------------------------------------------------------------------------------------------------- */

static int host_init(struct dev *d, struct err *err)
{
	const struct pci_host *h = host_of(d);

	if (h->nr_lines != 1 && h->nr_lines != PCI_LINES)
		return err_set(err, -EINVAL, "device pci-host: option lines: 1 or %u", PCI_LINES);
	return 0;
}

static void host_reset(struct dev *d)
{
	struct pci_host *h = host_of(d);

	for (unsigned i = 0; i < h->nr_lines; i++) {
		drive(h, i, 0);
		update_line(h, i);
	}
}

static int host_post_load(struct dev *d, struct err *err)
{
	const struct pci_host *h = host_of(d);

	if (h->address & ~ADDRESS_BITS)
		return err_set(err, -EINVAL, "pci-host: saved CONFIG_ADDRESS is impossible");
	for (unsigned i = 0; i < PCI_LINES; i++)
		if (h->level[i] > (i < h->nr_lines))
			return err_set(err, -EINVAL, "pci-host: saved line %u is impossible", i);
	return 0;
}

static void host_fini(struct dev *d)
{
	struct pci_host *h = host_of(d);

	for (uint32_t m = h->used; m; m &= m - 1) {
		struct pci_func *f = h->func[__builtin_ctz(m)];

		pci_func_unmap_all(f);
		f->host = NULL;
	}
}

static const struct dev_range host_ranges[] = {
	{"ports", BUS_PIO, PCI_CONFIG_PORT, PORTS_LEN},
	{"ECAM", BUS_MMIO, PCI_ECAM, PCI_ECAM_LEN},
	{0},
};

static const struct dev_opt host_opts[] = {
	{"irq", "interrupt line, the first one", offsetof(struct dev, irq_line), 15, 0,
	 IOAPIC_PINS - PCI_LINES},
	{"lines", "how many lines INTA# to INTD# have: 1 or 4", offsetof(struct pci_host, nr_lines),
	 1, 1, PCI_LINES},
	{0},
};

static const struct dev_reg host_regs[] = {
	{"CONFIG_ADDRESS", RANGE_PORTS, 4, 0, "rw"},
	{"CONFIG_DATA", RANGE_PORTS, 4, DATA, "rw"},
	{0},
};

static const struct state_field host_state[] = {
	STATE_U(struct pci_host, address, 0),
	STATE_ARR(struct pci_host, level, 0),
	STATE_END,
};

const struct dev_class dev_class_pci_host = {
	.name = "pci-host",
	.help = "PCI host bridge: ports 0xcf8 and 0xcfc, ECAM, bus 0",
	.size = sizeof(struct pci_host),
	.version = 1,
	.ranges = host_ranges,
	.opts = host_opts,
	.regs = host_regs,
	.state = host_state,
	.init = host_init,
	.reset = host_reset,
	.read = host_read,
	.write = host_write,
	.post_load = host_post_load,
	.fini = host_fini,
};
