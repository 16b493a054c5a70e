/* SPDX-License-Identifier: MIT */
/*
 * pci: a function's configuration space (PCI Local Bus 3.0, chapter 6): bytes, and masks that say who
 * may change which bits. The header's registers, capabilities, COMMAND's effects, reset and load.
 */
#include <assert.h>
#include <errno.h>

#include "pci_priv.h"

/* 6.2: what software may write in the header beside the BARs, which bring their own bits */
static const struct header_field {
	uint8_t off, width;
	uint32_t writable;
} header[] = {
	{PCI_COMMAND, 2,
	 PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_NO_INTX},
	{PCI_CACHE_LINE, 1, 0xff},
	{PCI_LATENCY, 1, 0xff},
	{PCI_LINE, 1, 0xff},
};

/* ---- building ------------------------------------------------------------------------------------ */

void pci_func_init(struct pci_func *f, const struct pci_ident *id, const struct pci_func_ops *ops)
{
	uint8_t *c = f->initial;

	assert(id->pin <= PCI_LINES);
	f->ops = ops;
	f->next_cap = PCI_FIRST_CAPABILITY;
	st_le16(c + PCI_VENDOR, id->vendor);
	st_le16(c + PCI_DEVICE, id->device);
	c[PCI_REVISION] = id->revision;
	st_le(c + PCI_CLASS, 3, id->class_code);
	st_le16(c + PCI_SUBSYSTEM_VENDOR, id->subsystem_vendor);
	st_le16(c + PCI_SUBSYSTEM, id->subsystem);
	c[PCI_PIN] = id->pin;
	for (unsigned i = 0; i < ARRAY_SIZE(header); i++)
		st_le(f->writable + header[i].off, header[i].width, header[i].writable);
	if (!id->pin)
		f->writable[PCI_LINE] = 0;
	f->changes[PCI_STATUS] = PCI_STATUS_INTX;
	for (unsigned i = 0; i < PCI_BARS; i++) {
		f->bar[i].func = f;
		f->bar[i].id = -1;
	}
}

unsigned pci_cap_add(struct pci_func *f, uint8_t id, const void *body, const void *writable,
		     unsigned len)
{
	unsigned at = f->next_cap;

	assert(len >= 2);
	if (len > PCI_CONFIG_LEN - at)
		return 0;
	f->initial[at] = id;
	memcpy(f->initial + at + 2, body, len - 2);
	if (writable)
		memcpy(f->writable + at + 2, writable, len - 2);
	f->initial[f->last_cap ? f->last_cap + 1 : PCI_CAPABILITIES] = (uint8_t)at;
	f->initial[PCI_STATUS] |= PCI_STATUS_CAPABILITIES;
	f->last_cap = at;
	f->next_cap = (unsigned)align_up(at + len, 4);
	return at;
}

/* ---- INTx ------------------------------------------------------------------------------------------ */

void pci_func_line(struct pci_func *f)
{
	/* 6.8.2: with MSI-X on the function does not use its pin; so says 4.1.4.5.1 of virtio 1.2. */
	bool status = f->intx && !pci_msix_enabled(f);
	bool line = status && !(pci_command(f) & PCI_COMMAND_NO_INTX);

	f->config[PCI_STATUS] = (uint8_t)((f->config[PCI_STATUS] & ~PCI_STATUS_INTX) |
					  (status ? PCI_STATUS_INTX : 0));
	if (line == f->line)
		return;
	f->line = line;
	if (f->host)
		pci_host_line(f->host, f);
}

void pci_intx(struct pci_func *f, bool level)
{
	f->intx = level;
	pci_func_line(f);
}

/* ---- configuration space ----------------------------------------------------------------------------- */

uint32_t pci_func_config_read(struct pci_func *f, unsigned off, unsigned size)
{
	if (f->ops->config_read)
		f->ops->config_read(f, off, size);
	return (uint32_t)ld_le(f->config + off, size);
}

static void command_written(struct pci_func *f, uint16_t old)
{
	uint16_t now = pci_command(f);

	pci_func_line(f);
	if ((old ^ now) & PCI_COMMAND_MASTER) {
		if (f->ops->master)
			f->ops->master(f, now & PCI_COMMAND_MASTER);
		pci_msix_flush(f);
	}
}

static void control_written(struct pci_func *f, bool was_enabled)
{
	if (was_enabled && !pci_msix_enabled(f))
		f->msix_pending = 0;
	pci_func_line(f);
	pci_msix_flush(f);
}

void pci_func_config_write(struct pci_func *f, unsigned off, unsigned size, uint32_t val)
{
	uint16_t command = pci_command(f);
	bool enabled = pci_msix_enabled(f);

	assert(f->host && off + size <= PCI_CONFIG_LEN && (off & 3) + size <= 4);
	for (unsigned i = off; i < off + size; i++, val >>= 8) {
		uint8_t w = f->writable[i], old = f->config[i];

		f->config[i] = (uint8_t)(((old & ~w) | (val & w)) & ~(val & f->clears[i]));
	}
	if (range_overlaps(off, size, PCI_COMMAND, 2) ||
	    range_overlaps(off, size, PCI_BAR0, 4ull * PCI_BARS)) {
		pci_func_unmap_changed(f);
		pci_host_map(f->host, f);
	}
	if (range_overlaps(off, size, PCI_COMMAND, 2))
		command_written(f, command);
	if (f->nr_vectors && range_overlaps(off, size, f->msix_cap + PCI_MSIX_CONTROL, 2))
		control_written(f, enabled);
	if (f->ops->config_written)
		f->ops->config_written(f, off, size);
}

/* ---- hooks of dev_class -------------------------------------------------------------------------------- */

void pci_func_reset(struct dev *d)
{
	struct pci_func *f = container_of(d, struct pci_func, dev);

	pci_func_unmap_all(f);
	memcpy(f->config, f->initial, sizeof(f->config));
	pci_msix_reset(f);
	f->intx = false;
	f->line = false;
	if (f->host) {
		pci_host_line(f->host, f);
		pci_host_map(f->host, NULL);
	}
}

int pci_func_post_load(struct dev *d, struct err *err)
{
	struct pci_func *f = container_of(d, struct pci_func, dev);
	bool status = f->intx && !pci_msix_enabled(f);
	uint8_t decoded;
	int rc;

	for (unsigned i = 0; i < PCI_CONFIG_LEN; i++) {
		uint8_t free_bits = f->writable[i] | f->clears[i] | f->changes[i];

		if ((f->config[i] ^ f->initial[i]) & ~free_bits)
			return err_set(err, -EINVAL,
				       "pci: saved configuration space: byte 0x%x is "
				       "not this function's",
				       i);
	}
	if (!!(f->config[PCI_STATUS] & PCI_STATUS_INTX) != status ||
	    f->line != (status && !(pci_command(f) & PCI_COMMAND_NO_INTX)))
		return err_set(err, -EINVAL, "pci: saved interrupt line contradicts itself");
	for (unsigned i = 0; i < 8; i++) {
		enum bus_space space;
		uint64_t base;

		if ((f->decoded >> i & 1) &&
		    (i >= PCI_BARS || !pci_bar_wanted(f, i, &space, &base)))
			return err_set(err, -EINVAL, "pci: saved BAR %u is decoded but not enabled",
				       i);
	}
	rc = pci_msix_post_load(f, err);
	if (rc)
		return rc;
	decoded = f->decoded;
	pci_func_unmap_all(f); /* where it was */
	f->decoded = decoded;
	if (f->host)
		pci_host_restore(f->host);
	else
		pci_func_restore(f);
	return 0;
}

void pci_func_fini(struct dev *d)
{
	struct pci_func *f = container_of(d, struct pci_func, dev);

	if (!f->ops)
		return; /* never built */
	pci_func_unmap_all(f);
	if (f->host)
		pci_host_unplug(f->host, f);
}

struct pci_func *pci_func_of(struct dev *d)
{
	return d->cls->read == pci_func_read ? container_of(d, struct pci_func, dev) : NULL;
}
