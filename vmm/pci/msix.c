/* SPDX-License-Identifier: MIT */
/*
 * pci: MSI-X (PCI Local Bus 3.0, 6.8.2 and 6.8.3). A vector's message goes out at once, or when nothing
 * masks it any more: the vector's own mask, the function's, or the bus master bit.
 */
#include <assert.h>
#include <errno.h>

#include "pci_priv.h"

/* 6.8.2.7 to 6.8.2.9: offsets in an entry */
enum entry { E_ADDRESS = 0, E_ADDRESS_HIGH = 4, E_DATA = 8, E_CONTROL = 12 };
#define ADDRESS_RESERVED 3u

void pci_msix_add(struct pci_func *f, unsigned bar, unsigned vectors)
{
	uint8_t body[PCI_MSIX_CAP_LEN - 2] = {0}, writable[sizeof(body)] = {0};
	unsigned cap;

	assert(vectors >= 1 && vectors <= PCI_VECTORS && !f->nr_vectors);
	pci_bar_add(f, bar, PCI_MSIX_BAR_LEN, 0);
	st_le16(body, (uint16_t)(vectors - 1));
	st_le16(writable, PCI_MSIX_ENABLE | PCI_MSIX_MASK_ALL);
	st_le32(body + PCI_MSIX_TABLE - 2, bar);
	st_le32(body + PCI_MSIX_PBA - 2, PCI_MSIX_PBA_OFF | bar);
	cap = pci_cap_add(f, PCI_CAP_MSIX, body, writable, PCI_MSIX_CAP_LEN);
	assert(cap);
	f->msix_cap = cap;
	f->msix_bar = bar;
	f->nr_vectors = vectors;
}

static uint16_t control(const struct pci_func *f)
{
	return f->nr_vectors ? ld_le16(f->config + f->msix_cap + PCI_MSIX_CONTROL) : 0;
}

bool pci_msix_enabled(const struct pci_func *f)
{
	return control(f) & PCI_MSIX_ENABLE;
}

static uint8_t *entry_of(struct pci_func *f, unsigned vector)
{
	return f->msix_table + (size_t)vector * PCI_MSIX_ENTRY;
}

static bool masked(struct pci_func *f, unsigned vector)
{
	return (control(f) & PCI_MSIX_MASK_ALL) || !pci_is_master(f) ||
	       (entry_of(f, vector)[E_CONTROL] & PCI_MSIX_ENTRY_MASK);
}

static void send(struct pci_func *f, unsigned vector)
{
	const struct dev_host *host = &f->dev.env.host;
	const uint8_t *e = entry_of(f, vector);
	uint64_t addr = ld_le64(e + E_ADDRESS);
	uint32_t data = ld_le32(e + E_DATA);

	f->msix_pending &= ~(1ull << vector);
	if (!host->msi || !host->msi(host->ctx, addr, data))
		dev_guest_error(&f->dev, "pci: an interrupt message that nobody takes", addr, data);
}

void pci_msix_send(struct pci_func *f, unsigned vector)
{
	if (vector >= f->nr_vectors || !pci_msix_enabled(f))
		return;
	if (masked(f, vector))
		f->msix_pending |= 1ull << vector;
	else
		send(f, vector);
}

void pci_msix_flush(struct pci_func *f)
{
	if (!f->msix_pending || !pci_msix_enabled(f))
		return;
	for (unsigned i = 0; i < f->nr_vectors; i++)
		if ((f->msix_pending >> i & 1) && !masked(f, i))
			send(f, i);
}

void pci_msix_forget(struct pci_func *f)
{
	f->msix_pending = 0;
}

void pci_msix_reset(struct pci_func *f)
{
	memset(f->msix_table, 0, sizeof(f->msix_table));
	f->msix_pending = 0;
	for (unsigned i = 0; i < f->nr_vectors; i++)
		entry_of(f, i)[E_CONTROL] = PCI_MSIX_ENTRY_MASK; /* 6.8.2.9 */
}

/* ---- the BAR ------------------------------------------------------------------------------------------ */

uint64_t pci_msix_read(struct pci_func *f, uint64_t off, unsigned size)
{
	uint64_t table = (uint64_t)f->nr_vectors * PCI_MSIX_ENTRY, val = 0;
	uint8_t pba[8];

	st_le64(pba, f->msix_pending);
	for (unsigned i = 0; i < size; i++) {
		uint64_t at = off + i, byte = 0;

		if (at < table)
			byte = f->msix_table[at];
		else if (at >= PCI_MSIX_PBA_OFF && at - PCI_MSIX_PBA_OFF < sizeof(pba))
			byte = pba[at - PCI_MSIX_PBA_OFF];
		val |= byte << (8 * i);
	}
	return val;
}

void pci_msix_write(struct pci_func *f, uint64_t off, unsigned size, uint64_t val)
{
	if (size < 4 || (off & (size - 1)) || off >= (uint64_t)f->nr_vectors * PCI_MSIX_ENTRY) {
		dev_guest_error(&f->dev,
				"pci: MSI-X write of a wrong width or outside of the table", off,
				size);
		return;
	}
	for (; size; size -= 4, off += 4, val >>= 32) {
		uint32_t word = (uint32_t)val;

		if (off % PCI_MSIX_ENTRY == E_ADDRESS)
			word &= ~ADDRESS_RESERVED;
		if (off % PCI_MSIX_ENTRY == E_CONTROL)
			word &= PCI_MSIX_ENTRY_MASK;
		st_le32(f->msix_table + off, word);
	}
	pci_msix_flush(f);
}

int pci_msix_post_load(const struct pci_func *f, struct err *err)
{
	uint64_t vectors = f->nr_vectors == 64 ? UINT64_MAX : (1ull << f->nr_vectors) - 1;
	uint8_t bad = 0;

	for (unsigned i = 0; i < PCI_VECTORS; i++) {
		const uint8_t *e = f->msix_table + (size_t)i * PCI_MSIX_ENTRY;

		for (unsigned j = 0; i >= f->nr_vectors && j < PCI_MSIX_ENTRY; j++)
			bad |= e[j];
		bad |= e[E_ADDRESS] & ADDRESS_RESERVED;
		bad |= e[E_CONTROL] & ~PCI_MSIX_ENTRY_MASK;
		bad |= e[E_CONTROL + 1] | e[E_CONTROL + 2] | e[E_CONTROL + 3];
	}
	if (bad || (f->msix_pending & ~vectors) || (f->msix_pending && !pci_msix_enabled(f)))
		return err_set(err, -EINVAL, "pci: saved MSI-X vectors are not this function's");
	return 0;
}
