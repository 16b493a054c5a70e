/* SPDX-License-Identifier: MIT */
/* pci: configuration space by ports and ECAM, slots, the host bridge, lines, load. */
#include <errno.h>

#include "test_pci.h"

static void select_reg(struct machine *m, unsigned slot, unsigned reg)
{
	assert_int_equal(bus_write(m->bus, BUS_PIO, PCI_CONFIG_PORT, 4,
				   0x80000000u | slot << 11 | (reg & 0xfc)),
			 0);
}

static void identity(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, NULL);
	struct plain *p = add_plain(m, host, NULL);

	assert_int_equal(p->f.slot, 1);
	assert_ptr_equal(pci_func_at(host, 1), &p->f);
	assert_null(pci_func_at(host, 0));
	assert_null(pci_func_at(host, 2));
	assert_null(pci_func_at(host, PCI_SLOTS));
	assert_null(pci_func_of(host));
	assert_int_equal(cfg_r(host, AT(1, PCI_VENDOR), 4), 0x56781234);
	assert_int_equal(cfg_r(host, AT(1, PCI_REVISION), 4), 0xff010242);
	assert_int_equal(cfg_r(host, AT(1, PCI_SUBSYSTEM_VENDOR), 4), 0xdef09abc);
	assert_int_equal(cfg_r(host, AT(1, PCI_PIN), 1), 2);
	assert_int_equal(cfg_r(host, AT(1, PCI_BAR0), 4), 1);
	assert_int_equal(cfg_r(host, AT(1, PCI_BAR0 + 4), 4), 0);
	assert_int_equal(cfg_r(host, AT(1, PCI_BAR0 + 16), 4), 0xc);
	assert_int_equal(cfg_r(host, AT(1, PCI_CAPABILITIES), 1), PCI_FIRST_CAPABILITY);
	assert_int_equal(cfg_r(host, AT(0, PCI_VENDOR), 4), 0x00081b36);
	assert_int_equal(cfg_r(host, AT(0, 8), 4), 0x06000000);
	dev_free(&p->f.dev);
	assert_null(pci_func_at(host, 1));
	assert_int_equal(cfg_r(host, AT(1, PCI_VENDOR), 4), UINT32_MAX);
	dev_free(host);
}

/* Every offset and width by both mechanisms: the bytes of the function, ones elsewhere. */
static void all_widths(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, NULL);
	struct plain *p = add_plain(m, host, NULL);

	for (unsigned off = 0; off < 0x110; off++) {
		for (unsigned size = 1; size <= 8; size++) {
			uint64_t want = 0, ecam;

			for (unsigned i = 0; i < size; i++) {
				uint8_t byte = off + i < 256 ? p->f.config[off + i] : 0xff;

				want |= (uint64_t)byte << (8 * i);
			}
			assert_int_equal(pci_config_read(host, AT(1, off), size), want);
			assert_int_equal(
				bus_read(m->bus, BUS_MMIO, PCI_ECAM + AT(1, off), size, &ecam), 0);
			assert_int_equal(ecam, want);
			if (off < 256 && (off & 3) + size <= 4) {
				select_reg(m, 1, off);
				assert_int_equal(
					any_r(m, BUS_PIO, PCI_CONFIG_PORT + 4 + (off & 3), size),
					want);
			}
		}
	}
	/* Nothing above the end of ECAM, and nothing in it that is not there. */
	assert_int_equal(pci_config_read(host, PCI_ECAM_LEN - 2, 8), UINT64_MAX);
	pci_config_write(host, PCI_ECAM_LEN - 2, 8, 0);
	for (uint32_t off = 0; off < PCI_ECAM_LEN; off += 0x1000)
		assert_int_equal(cfg_r(host, off, 4) == UINT32_MAX, off && off != AT(1, 0));
	dev_free(&p->f.dev);
	dev_free(host);
}

static void address_port(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, NULL);
	struct plain *p = add_plain(m, host, NULL);
	uint64_t v;

	assert_int_equal(any_r(m, BUS_PIO, PCI_CONFIG_PORT, 4), 0);
	assert_int_equal(bus_write(m->bus, BUS_PIO, PCI_CONFIG_PORT, 4, UINT32_MAX), 0);
	assert_int_equal(any_r(m, BUS_PIO, PCI_CONFIG_PORT, 4), 0x80fffffc);
	for (unsigned off = 0; off < 4; off++) {
		for (unsigned size = 1; size <= 3; size++) {
			assert_int_equal(bus_write(m->bus, BUS_PIO, PCI_CONFIG_PORT + off, size, 0),
					 0);
			assert_int_equal(any_r(m, BUS_PIO, PCI_CONFIG_PORT, 4), 0x80fffffc);
			v = any_r(m, BUS_PIO, PCI_CONFIG_PORT + off, size);
			if (off + size <= 4)
				assert_int_equal(v, size_mask(size));
		}
	}
	/* Another bus, and no enable bit. */
	assert_int_equal(any_r(m, BUS_PIO, PCI_CONFIG_PORT + 4, 4), UINT32_MAX);
	bus_write(m->bus, BUS_PIO, PCI_CONFIG_PORT, 4, 0x80000000u | 1u << 16 | 1u << 11);
	assert_int_equal(any_r(m, BUS_PIO, PCI_CONFIG_PORT + 4, 4), UINT32_MAX);
	bus_write(m->bus, BUS_PIO, PCI_CONFIG_PORT, 4, 0x80000000u | 1u << 11);
	assert_int_equal(any_r(m, BUS_PIO, PCI_CONFIG_PORT + 4, 4), 0x56781234);
	bus_write(m->bus, BUS_PIO, PCI_CONFIG_PORT, 4, 1u << 11);
	assert_int_equal(any_r(m, BUS_PIO, PCI_CONFIG_PORT + 4, 4), UINT32_MAX);
	bus_write(m->bus, BUS_PIO, PCI_CONFIG_PORT + 4, 4, 0);
	/* Eight bytes are both ports, as a fuzzer makes them. */
	bus_write(m->bus, BUS_PIO, PCI_CONFIG_PORT, 8, (0x80000000u | 1u << 11 | PCI_LINE));
	bus_write(m->bus, BUS_PIO, PCI_CONFIG_PORT, 8,
		  (0x80000000u | 1u << 11 | PCI_LINE) | 0x77ull << 32);
	assert_int_equal(p->f.config[PCI_LINE], 0x77);
	assert_int_equal(bus_read(m->bus, BUS_PIO, PCI_CONFIG_PORT, 8, &v), 0);
	assert_int_equal(v, (0x80000000u | 1u << 11 | PCI_LINE) | 0x0277ull << 32);
	dev_free(host);
	/* Without its host a function is in no slot. */
	assert_null(p->f.host);
	dev_free(&p->f.dev);
}

/* Whatever is written, only what may change changes. */
static void masks(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, NULL);
	struct plain *p = add_plain(m, host, NULL);
	struct rng rng = {7};

	for (unsigned n = 0; n < 20000; n++) {
		uint64_t r = rng_next(&rng);
		unsigned off = r & 0xff, size = 1 + (r >> 8 & 7);

		pci_config_write(host, AT(1, off), size, rng_next(&rng));
		for (unsigned i = 0; i < PCI_CONFIG_LEN; i++)
			assert_int_equal((p->f.config[i] ^ p->f.initial[i]) & ~p->f.writable[i], 0);
	}
	pci_config_write(host, AT(1, PCI_COMMAND), 2, UINT16_MAX);
	assert_int_equal(cfg_r(host, AT(1, PCI_COMMAND), 2), 0x547);
	assert_int_equal(cfg_r(host, AT(1, PCI_CACHE_LINE), 4) & 0xffff0000, 0);
	dev_free(&p->f.dev);
	dev_free(host);
}

static void hooks(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, NULL);
	struct plain *p = add_plain(m, host, NULL);

	(void)cfg_r(host, AT(1, 1), 4);
	assert_int_equal(p->config_reads, 3); /* 1, 2, 1 bytes */
	(void)pci_config_read(host, AT(1, 0), 8);
	assert_int_equal(p->config_reads, 5);
	pci_config_write(host, AT(1, PCI_LINE), 1, 9);
	assert_int_equal(p->config_writes, 1);
	assert_int_equal(p->last_off, PCI_LINE);
	assert_int_equal(p->last_size, 1);
	pci_config_write(host, AT(1, PCI_COMMAND), 2, PCI_COMMAND_MASTER);
	assert_int_equal(p->masters, 1);
	assert_true(p->master);
	pci_config_write(host, AT(1, PCI_COMMAND), 1, PCI_COMMAND_MASTER);
	assert_int_equal(p->masters, 1);
	pci_config_write(host, AT(1, PCI_COMMAND), 2, 0);
	assert_int_equal(p->masters, 2);
	assert_false(p->master);
	dev_free(&p->f.dev);
	dev_free(host);
}

/* Bits that writing 1 clears. */
static void write_one_clears(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, NULL);
	struct plain *p = add_plain(m, host, NULL);

	p->f.clears[PCI_STATUS + 1] = 0xf9;
	p->f.config[PCI_STATUS + 1] = 0x48;
	pci_config_write(host, AT(1, PCI_STATUS), 2, 0);
	assert_int_equal(p->f.config[PCI_STATUS + 1], 0x48);
	pci_config_write(host, AT(1, PCI_STATUS), 2, 0x0800);
	assert_int_equal(p->f.config[PCI_STATUS + 1], 0x40);
	pci_config_write(host, AT(1, PCI_STATUS + 1), 1, 0xff);
	assert_int_equal(p->f.config[PCI_STATUS + 1], 0);
	dev_free(&p->f.dev);
	dev_free(host);
}

static void slots(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, NULL), *d;
	struct plain *p[PCI_SLOTS];
	struct err err = {0};

	p[0] = add_plain(m, host, "slot=2");
	assert_int_equal(p[0]->f.slot, 2);
	p[1] = add_plain(m, host, NULL);
	p[2] = add_plain(m, host, NULL);
	assert_int_equal(p[1]->f.slot, 1);
	assert_int_equal(p[2]->f.slot, 3);
	assert_int_equal(dev_new_class(&d, &plain_class, "slot=2", &m->env, NULL), 0);
	assert_int_equal(pci_plug(host, pci_func_of(d), &err), -EEXIST);
	assert_non_null(strstr(err.msg, "slot 2"));
	dev_free(d);
	assert_int_equal(dev_new_class(&d, &plain_class, "slot=32", &m->env, NULL), -EINVAL);
	for (unsigned i = 3; i < PCI_SLOTS - 1; i++)
		p[i] = add_plain(m, host, NULL);
	assert_int_equal(dev_new_class(&d, &plain_class, NULL, &m->env, NULL), 0);
	assert_int_equal(pci_plug(host, pci_func_of(d), NULL), -ENOSPC);
	dev_free(d);
	for (unsigned i = 0; i < PCI_SLOTS - 1; i++)
		dev_free(&p[i]->f.dev);
	dev_free(host);
	assert_int_equal(dev_new_class(&d, &dev_class_pci_host, "lines=2", &m->env, &err), -EINVAL);
}

static void lines(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, "irq=16,lines=4");
	struct plain *a = add_plain(m, host, NULL), *b = add_plain(m, host, "slot=5");

	/* INTB# of slots 1 and 5: the same line, PCI-to-PCI Bridge 1.2, table 9-1. */
	assert_int_equal(pci_line_of(host, 1, 2), 18);
	assert_int_equal(pci_line_of(host, 5, 2), 18);
	assert_int_equal(pci_line_of(host, 4, 1), 16);
	pci_intx(&a->f, true);
	assert_int_equal(m->lines, 1u << 18);
	assert_int_equal(cfg_r(host, AT(1, PCI_STATUS), 2),
			 PCI_STATUS_CAPABILITIES | PCI_STATUS_INTX);
	pci_intx(&b->f, true);
	assert_int_equal(m->rises, 1);
	pci_intx(&a->f, false);
	assert_int_equal(m->lines, 1u << 18);
	pci_config_write(host, AT(5, PCI_COMMAND), 2, PCI_COMMAND_NO_INTX);
	assert_int_equal(m->lines, 0);
	assert_int_equal(cfg_r(host, AT(5, PCI_STATUS), 2),
			 PCI_STATUS_CAPABILITIES | PCI_STATUS_INTX);
	pci_config_write(host, AT(5, PCI_COMMAND), 2, 0);
	assert_int_equal(m->lines, 1u << 18);
	/* MSI-X takes the pin out of use. */
	pci_config_write(host, AT(5, b->f.msix_cap + PCI_MSIX_CONTROL), 2, PCI_MSIX_ENABLE);
	assert_int_equal(m->lines, 0);
	assert_int_equal(cfg_r(host, AT(5, PCI_STATUS), 2), PCI_STATUS_CAPABILITIES);
	pci_config_write(host, AT(5, b->f.msix_cap + PCI_MSIX_CONTROL), 2, 0);
	assert_int_equal(m->lines, 1u << 18);
	/* The host alone is reset: who asks still asks. */
	dev_reset(host);
	assert_int_equal(m->lines, 1u << 18);
	dev_free(&b->f.dev);
	assert_int_equal(m->lines, 0);
	pci_intx(&a->f, true);
	dev_reset(&a->f.dev);
	assert_int_equal(m->lines, 0);
	dev_free(&a->f.dev);
	dev_free(host);
}

static void assign(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, "irq=10");
	struct plain *a = add_plain(m, host, NULL), *b = add_plain(m, host, NULL);
	struct pci_windows w = {
		.io = 0xc008, .io_len = 0x1000, .memory = 0xf0000000, .memory_len = 4ull << 34};
	struct err err = {0};

	assert_int_equal(pci_assign(host, &w, &err), 0);
	assert_int_equal(pci_bar_base(&a->f, PLAIN_IO), 0xc040);
	assert_int_equal(pci_bar_base(&b->f, PLAIN_IO), 0xc080);
	assert_int_equal(pci_bar_base(&a->f, PLAIN_MEMORY), 0xf0000000);
	assert_int_equal(pci_bar_base(&a->f, PLAIN_MSIX), 0xf0001000);
	assert_int_equal(pci_bar_base(&a->f, PLAIN_HIGH), 1ull << 34);
	assert_int_equal(a->f.decoded,
			 1u << PLAIN_IO | 1u << PLAIN_MEMORY | 1u << PLAIN_MSIX | 1u << PLAIN_HIGH);
	assert_int_equal(a->f.config[PCI_LINE], 10);
	bus_write(m->bus, BUS_PIO, 0xc084, 4, 0x12345678);
	assert_int_equal(ld_le32(b->io + 4), 0x12345678);
	w.memory_len = 0x1000;
	assert_int_equal(pci_assign(host, &w, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "BAR 2"));
	dev_free(&a->f.dev);
	dev_free(&b->f.dev);
	dev_free(host);
}

static void host_state(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, NULL);
	struct plain *p = add_plain(m, host, NULL);
	struct buf fresh = saved(host), b, bad;
	size_t used;

	select_reg(m, 1, PCI_LINE);
	pci_intx(&p->f, true);
	b = saved(host);
	assert_int_not_equal(memcmp(b.p, fresh.p, b.len), 0);
	pci_intx(&p->f, false);
	dev_reset(host);
	assert_saved(host, &fresh);
	assert_int_equal(dev_load(host, b.p, b.len, &used, NULL), 0);
	assert_saved(host, &b);
	assert_int_equal(any_r(m, BUS_PIO, PCI_CONFIG_PORT, 4), 0x80000000u | 1u << 11 | PCI_LINE);
	/* What it cannot be is refused, and it stays as it was. */
	bad = saved(host);
	for (size_t i = 0; i + 4 < bad.len; i++) {
		if (ld_le32(bad.p + i) == (0x80000000u | 1u << 11 | PCI_LINE)) {
			bad.p[i] |= 1;
			break;
		}
	}
	assert_int_equal(dev_load(host, bad.p, bad.len, &used, NULL), -EINVAL);
	assert_saved(host, &b);
	buf_free(&bad);
	buf_free(&b);
	buf_free(&fresh);
	dev_free(&p->f.dev);
	dev_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(identity),	  machine_test(all_widths), machine_test(address_port),
		machine_test(masks),	  machine_test(hooks),	    machine_test(write_one_clears),
		machine_test(slots),	  machine_test(lines),	    machine_test(assign),
		machine_test(host_state),
	};

	return cmocka_run_group_tests_name("pci config", tests, NULL, NULL);
}
