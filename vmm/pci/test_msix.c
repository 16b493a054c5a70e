/* SPDX-License-Identifier: MIT */
/* pci: MSI-X: the table, masks, pending bits, messages, and the bus master bit. */
#include <errno.h>

#include "test_pci.h"

#define CONTROL(p) AT(1, (p)->f.msix_cap + PCI_MSIX_CONTROL)

static struct plain *set_up(struct machine *m, struct dev **host)
{
	struct plain *p;

	*host = add_host(m, NULL);
	p = add_plain(m, *host, NULL);
	pci_config_write(*host, AT(1, PCI_COMMAND), 2, PCI_COMMAND_MASTER);
	return p;
}

static void entry(struct plain *p, unsigned n, uint64_t addr, uint32_t data, uint32_t control)
{
	pci_bar_write(&p->f, PLAIN_MSIX, (uint64_t)n * 16, 8, addr);
	pci_bar_write(&p->f, PLAIN_MSIX, (uint64_t)n * 16 + 8, 4, data);
	pci_bar_write(&p->f, PLAIN_MSIX, (uint64_t)n * 16 + 12, 4, control);
}

static uint64_t pending(struct plain *p)
{
	return pci_bar_read(&p->f, PLAIN_MSIX, PCI_MSIX_PBA_OFF, 8);
}

static void tear_down(struct plain *p, struct dev *host)
{
	dev_free(&p->f.dev);
	dev_free(host);
}

static void messages(void **state)
{
	struct machine *m = *state;
	struct dev *host;
	struct plain *p = set_up(m, &host);

	entry(p, 3, 0x1fee00000, 0x4041, 0);
	pci_msix_send(&p->f, 3); /* MSI-X is off */
	assert_int_equal(heard.msis, 0);
	assert_int_equal(p->f.msix_pending, 0);
	pci_config_write(host, CONTROL(p), 2, PCI_MSIX_ENABLE);
	pci_msix_send(&p->f, 3);
	assert_int_equal(heard.msis, 1);
	assert_int_equal(heard.addr, 0x1fee00000);
	assert_int_equal(heard.data, 0x4041);
	pci_msix_send(&p->f, 16); /* not there */
	pci_msix_send(&p->f, UINT32_MAX);
	assert_int_equal(heard.msis, 1);
	trace_clear(m->env.trace);
	heard.deaf = true;
	pci_msix_send(&p->f, 3);
	assert_true(last_is_guest_error(m));
	p->f.dev.env.host.msi = NULL;
	pci_msix_send(&p->f, 3);
	assert_int_equal(heard.msis, 2);
	tear_down(p, host);
}

static void masks(void **state)
{
	struct machine *m = *state;
	struct dev *host;
	struct plain *p = set_up(m, &host);

	pci_config_write(host, CONTROL(p), 2, PCI_MSIX_ENABLE);
	pci_msix_send(&p->f, 15); /* masked since reset */
	pci_msix_send(&p->f, 15);
	assert_int_equal(heard.msis, 0);
	assert_int_equal(pending(p), 1u << 15);
	entry(p, 15, 0xfee00000, 1, 0);
	assert_int_equal(heard.msis, 1);
	assert_int_equal(heard.data, 1);
	assert_int_equal(pending(p), 0);
	/* The function's mask: each vector waits once; they go in order. */
	entry(p, 0, 0xfee00000, 100, 0);
	entry(p, 1, 0xfee00000, 101, 1);
	pci_config_write(host, CONTROL(p), 2, PCI_MSIX_ENABLE | PCI_MSIX_MASK_ALL);
	pci_msix_send(&p->f, 15);
	pci_msix_send(&p->f, 0);
	pci_msix_send(&p->f, 1);
	assert_int_equal(heard.msis, 1);
	assert_int_equal(pending(p), 0x8003);
	pci_config_write(host, CONTROL(p) + 1, 1, PCI_MSIX_ENABLE >> 8);
	assert_int_equal(heard.msis, 3);
	assert_int_equal(heard.data, 1);
	assert_int_equal(pending(p), 2);
	/* What waits is forgotten when MSI-X is switched off. */
	pci_config_write(host, CONTROL(p), 2, 0);
	assert_int_equal(pending(p), 0);
	tear_down(p, host);
}

static void bus_master(void **state)
{
	struct machine *m = *state;
	struct dev *host;
	struct plain *p = set_up(m, &host);

	pci_config_write(host, CONTROL(p), 2, PCI_MSIX_ENABLE);
	entry(p, 2, 0xfee00000, 7, 0);
	pci_config_write(host, AT(1, PCI_COMMAND), 2, 0);
	pci_msix_send(&p->f, 2);
	assert_int_equal(heard.msis, 0);
	assert_int_equal(pending(p), 4);
	pci_config_write(host, AT(1, PCI_COMMAND), 2, PCI_COMMAND_MASTER);
	assert_int_equal(heard.msis, 1);
	assert_int_equal(pending(p), 0);
	pci_config_write(host, AT(1, PCI_COMMAND), 2, 0);
	pci_msix_send(&p->f, 2);
	pci_msix_forget(&p->f);
	pci_config_write(host, AT(1, PCI_COMMAND), 2, PCI_COMMAND_MASTER);
	assert_int_equal(heard.msis, 1);
	tear_down(p, host);
}

/* Every offset, 1 to 8 bytes: reads give the bytes, writes count where 6.8.2 allows them. */
static void table(void **state)
{
	struct machine *m = *state;
	struct dev *host;
	struct plain *p = set_up(m, &host);

	for (unsigned i = 0; i < 16; i++)
		entry(p, i, 0x1122334400000000ull + (i << 8), 0x55660000 + i, i & 1);
	p->f.msix_pending = 0xa5a5;
	for (unsigned off = 0; off < PCI_MSIX_BAR_LEN; off++) {
		for (unsigned size = 1; size <= 8; size++) {
			uint64_t v = pci_bar_read(&p->f, PLAIN_MSIX, off, size);

			assert_int_equal(v & ~size_mask(size), 0);
			for (unsigned i = 0; i < size; i++) {
				unsigned at = off + i;
				uint8_t want = at < 256 ? p->f.msix_table[at] : 0;

				if (at >= PCI_MSIX_BAR_LEN)
					want = 0xff;
				else if (at == PCI_MSIX_PBA_OFF || at == PCI_MSIX_PBA_OFF + 1)
					want = 0xa5;
				assert_int_equal(v >> (8 * i) & 0xff, want);
			}
		}
	}
	for (unsigned off = 0; off < PCI_MSIX_BAR_LEN; off++) {
		for (unsigned size = 1; size <= 8; size++) {
			uint8_t before[sizeof(p->f.msix_table)];
			/* The pieces that the bus makes. */
			bool counts = (size == 8 && off % 8 == 0) || (size >= 4 && off % 4 == 0);

			memcpy(before, p->f.msix_table, sizeof(before));
			if (size == 8 && off % 8)
				counts = false;
			pci_bar_write(&p->f, PLAIN_MSIX, off, size, ~0ull << 3);
			if (off >= 256 || !counts) {
				assert_memory_equal(before, p->f.msix_table, sizeof(before));
				continue;
			}
			assert_int_equal(p->f.msix_table[off] & 0xf8, off % 16 == 12 ? 0 : 0xf8);
			memcpy(p->f.msix_table, before, sizeof(before));
		}
	}
	assert_int_equal(p->f.msix_pending, 0xa5a5);
	/* Reserved bits stay 0. */
	pci_bar_write(&p->f, PLAIN_MSIX, 0, 4, UINT32_MAX);
	assert_int_equal(pci_bar_read(&p->f, PLAIN_MSIX, 0, 4), 0xfffffffc);
	pci_bar_write(&p->f, PLAIN_MSIX, 8, 8, UINT64_MAX);
	assert_int_equal(pci_bar_read(&p->f, PLAIN_MSIX, 8, 8), 0x1ffffffff);
	assert_int_equal(cfg_r(host, AT(1, p->f.msix_cap + PCI_MSIX_TABLE), 4), PLAIN_MSIX);
	assert_int_equal(cfg_r(host, AT(1, p->f.msix_cap + PCI_MSIX_PBA), 4),
			 PCI_MSIX_PBA_OFF | PLAIN_MSIX);
	tear_down(p, host);
}

static void state_kept(void **state)
{
	struct machine *m = *state;
	struct dev *host;
	struct plain *p = set_up(m, &host);
	struct buf b;
	size_t used;

	pci_config_write(host, CONTROL(p), 2, PCI_MSIX_ENABLE);
	entry(p, 4, 0xfee01000, 9, 1);
	pci_msix_send(&p->f, 4);
	b = saved(&p->f.dev);
	dev_reset(&p->f.dev);
	assert_int_equal(pending(p), 0);
	assert_int_equal(pci_bar_read(&p->f, PLAIN_MSIX, 4 * 16 + 12, 4), PCI_MSIX_ENTRY_MASK);
	assert_false(pci_msix_enabled(&p->f));
	assert_int_equal(dev_load(&p->f.dev, b.p, b.len, &used, NULL), 0);
	assert_int_equal(heard.msis, 0);
	assert_int_equal(pending(p), 1u << 4);
	pci_bar_write(&p->f, PLAIN_MSIX, 4 * 16 + 12, 4, 0);
	assert_int_equal(heard.msis, 1);
	assert_int_equal(heard.addr, 0xfee01000);
	buf_free(&b);
	tear_down(p, host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(messages), machine_test(masks),	  machine_test(bus_master),
		machine_test(table),	machine_test(state_kept),
	};

	return cmocka_run_group_tests_name("pci msix", tests, NULL, NULL);
}
