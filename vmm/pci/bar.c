/* SPDX-License-Identifier: MIT */
/* pci: base address registers (PCI Local Bus 3.0, 6.2.5): where they are, what they decode. */
#include <assert.h>

#include "pci_priv.h"

#define BAR_OFF(n) (PCI_BAR0 + 4 * (n))

void pci_bar_add(struct pci_func *f, unsigned bar, uint64_t len, unsigned flags)
{
	const unsigned n = flags & PCI_BAR_64 ? 2 : 1, off = BAR_OFF(bar);
	uint64_t mask = ~(len - 1);

	assert(bar + n <= PCI_BARS && len && !(len & (len - 1)) && !f->bar[bar].len);
	assert(flags & PCI_BAR_IO ? len >= 4 && len <= 256 && n == 1
				  : len >= 16 && (n == 2 || len <= 1u << 31));
	f->bar[bar].len = len;
	f->bar[bar].flags = flags;
	f->initial[off] = (uint8_t)flags;
	st_le(f->writable + off, 4 * n, mask);
	f->writable[PCI_COMMAND] |= flags & PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
}

uint64_t pci_bar_base(const struct pci_func *f, unsigned bar)
{
	const struct pci_bar *b = &f->bar[bar];

	return ld_le(f->config + BAR_OFF(bar), b->flags & PCI_BAR_64 ? 8 : 4) & ~(b->len - 1);
}

bool pci_bar_wanted(const struct pci_func *f, unsigned bar, enum bus_space *space, uint64_t *base)
{
	const struct pci_bar *b = &f->bar[bar];
	const bool io = b->flags & PCI_BAR_IO;

	if (!b->len || !(pci_command(f) & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)))
		return false;
	*space = io ? BUS_PIO : BUS_MMIO;
	*base = pci_bar_base(f, bar);
	return true;
}

/* ---- on the bus ------------------------------------------------------------------------------------ */

static uint64_t piece_read(struct pci_func *f, unsigned bar, uint64_t off, unsigned size)
{
	if (f->nr_vectors && bar == f->msix_bar)
		return pci_msix_read(f, off, size);
	return f->ops->bar_read ? f->ops->bar_read(f, bar, off, size) & size_mask(size)
				: size_mask(size);
}

static void piece_write(struct pci_func *f, unsigned bar, uint64_t off, unsigned size, uint64_t val)
{
	if (f->nr_vectors && bar == f->msix_bar)
		pci_msix_write(f, off, size, val);
	else if (f->ops->bar_write)
		f->ops->bar_write(f, bar, off, size, val);
}

static uint64_t bar_read(void *ctx, uint64_t off, unsigned size)
{
	const struct pci_bar *b = ctx;

	return piece_read(b->func, (unsigned)(b - b->func->bar), off, size);
}

static void bar_write(void *ctx, uint64_t off, unsigned size, uint64_t val)
{
	const struct pci_bar *b = ctx;

	piece_write(b->func, (unsigned)(b - b->func->bar), off, size, val);
}

static const struct bus_ops bar_ops = {bar_read, bar_write};

static void unmap(struct pci_func *f, unsigned bar)
{
	if (f->bar[bar].id >= 0)
		(void)bus_remove(f->bar[bar].bus, f->bar[bar].id);
	f->bar[bar].id = -1;
	f->decoded = (uint8_t)(f->decoded & ~(1u << bar));
}

void pci_func_unmap_all(struct pci_func *f)
{
	for (unsigned i = 0; i < PCI_BARS; i++)
		unmap(f, i);
}

void pci_func_unmap_changed(struct pci_func *f)
{
	for (unsigned i = 0; i < PCI_BARS; i++) {
		struct pci_bar *b = &f->bar[i];
		enum bus_space space;
		uint64_t base;

		if (b->id >= 0 && (!pci_bar_wanted(f, i, &space, &base) || base != b->base))
			unmap(f, i);
	}
}

static void tell_ram(struct pci_func *f, uint64_t base, uint64_t len)
{
	struct gmem_region g;

	for (unsigned i = 0; f->dev.env.mem && gmem_region(f->dev.env.mem, i, &g); i++) {
		if (range_overlaps(base, len, g.gpa, g.len)) {
			dev_guest_error(&f->dev, "pci: a BAR lies under RAM", base, len);
			return;
		}
	}
}

static void map(struct pci_func *f, unsigned bar, bool tell, bool restore)
{
	struct pci_bar *b = &f->bar[bar];
	enum bus_space space;
	uint64_t base;

	if (b->id >= 0 || !b->len || !f->dev.bus || !pci_bar_wanted(f, bar, &space, &base))
		return;
	b->bus = f->dev.bus;
	b->base = base;
	b->id = bus_add(b->bus, space, base, b->len, &bar_ops, b, NULL);
	if (b->id >= 0)
		f->decoded = (uint8_t)(f->decoded | 1u << bar);
	else
		b->id = -1;
	if (b->id < 0 && !restore)
		f->decoded = (uint8_t)(f->decoded & ~(1u << bar));
	if (!tell)
		return;
	if (b->id < 0)
		dev_guest_error(&f->dev, "pci: a BAR is where something else is", base, b->len);
	else if (space == BUS_MMIO)
		tell_ram(f, base, b->len);
}

void pci_func_map(struct pci_func *f, bool tell)
{
	for (unsigned i = 0; i < PCI_BARS; i++)
		map(f, i, tell, false);
}

/*
 * What is said to be decoded comes onto the bus. Functions are loaded one by one, so the place may
 * still be another's: it is tried again when that one is loaded.
 */
void pci_func_restore(struct pci_func *f)
{
	for (unsigned i = 0; i < PCI_BARS; i++)
		if (f->decoded >> i & 1)
			map(f, i, false, true);
}

/* ---- accesses without a bus --------------------------------------------------------------------------- */

static unsigned bytes_in(const struct pci_bar *b, uint64_t off, unsigned size)
{
	assert(size >= 1 && size <= 8);
	if (off >= b->len)
		return 0;
	return b->len - off < size ? (unsigned)(b->len - off) : size;
}

static unsigned piece_size(unsigned left)
{
	return left == 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

uint64_t pci_bar_read(struct pci_func *f, unsigned bar, uint64_t off, unsigned size)
{
	unsigned in = bytes_in(&f->bar[bar], off, size), n;
	uint64_t val = size_mask(size);

	for (unsigned done = 0; done < in && done < 8; done += n) {
		n = piece_size(in - done);
		val &= ~(size_mask(n) << (8 * done));
		val |= piece_read(f, bar, off + done, n) << (8 * done);
	}
	return val;
}

void pci_bar_write(struct pci_func *f, unsigned bar, uint64_t off, unsigned size, uint64_t val)
{
	unsigned in = bytes_in(&f->bar[bar], off, size), n;

	for (unsigned done = 0; done < in && done < 8; done += n) {
		n = piece_size(in - done);
		piece_write(f, bar, off + done, n, val >> (8 * done) & size_mask(n));
	}
}

uint64_t pci_func_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	struct pci_func *f = container_of(d, struct pci_func, dev);

	return range < PCI_BARS ? pci_bar_read(f, range, off, size) : size_mask(size);
}

void pci_func_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	struct pci_func *f = container_of(d, struct pci_func, dev);

	if (range < PCI_BARS)
		pci_bar_write(f, range, off, size, val);
}
