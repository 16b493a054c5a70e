/* SPDX-License-Identifier: MIT */
/* pci: BARs: sizing, decoding, moving, overlap, accesses of all widths; and what a load brings back. */
#include <errno.h>

#include "test_pci.h"

#define BAR(n)	  (PCI_BAR0 + 4 * (n))
#define COMMAND	  (PCI_COMMAND_IO | PCI_COMMAND_MEMORY)
#define PLACE	  0xf0000000ull
#define PLACE_TOO 0xf4000000ull

static void put_bar(struct dev *host, unsigned slot, unsigned bar, uint64_t at, unsigned size)
{
	pci_config_write(host, AT(slot, BAR(bar)), size, at);
}

static void enable(struct dev *host, unsigned slot, uint16_t command)
{
	pci_config_write(host, AT(slot, PCI_COMMAND), 2, command);
}

static void sizing(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, NULL);
	struct plain *p = add_plain(m, host, NULL);
	static const struct {
		unsigned bar;
		uint32_t ones;
	} want[] = {{PLAIN_IO, 0xffffffc1},   {PLAIN_MEMORY, 0xfffff000},
		    {PLAIN_MSIX, 0xfffff000}, {3, 0},
		    {PLAIN_HIGH, 0x0000000c}, {5, 0xfffffffc}};

	for (unsigned i = 0; i < ARRAY_SIZE(want); i++) {
		put_bar(host, 1, want[i].bar, UINT32_MAX, 4);
		assert_int_equal(cfg_r(host, AT(1, BAR(want[i].bar)), 4), want[i].ones);
		put_bar(host, 1, want[i].bar, 0, 4);
		assert_int_equal(cfg_r(host, AT(1, BAR(want[i].bar)), 4),
				 want[i].bar == 5 ? 0 : want[i].ones & 0xf);
	}
	/* A byte at a time too. */
	for (unsigned i = 0; i < 4; i++)
		pci_config_write(host, AT(1, BAR(PLAIN_MEMORY) + i), 1, 0xff);
	assert_int_equal(cfg_r(host, AT(1, BAR(PLAIN_MEMORY)), 4), 0xfffff000);
	pci_config_write(host, AT(1, PCI_ROM), 4, UINT32_MAX);
	assert_int_equal(cfg_r(host, AT(1, PCI_ROM), 4), 0);
	dev_free(&p->f.dev);
	dev_free(host);
}

static void decoding(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, NULL);
	struct plain *p = add_plain(m, host, NULL);

	put_bar(host, 1, PLAIN_IO, 0xc000, 4);
	put_bar(host, 1, PLAIN_MEMORY, PLACE, 4);
	put_bar(host, 1, PLAIN_HIGH, 1ull << 40, 8);
	p->memory[8] = 0x5a;
	p->io[8] = 0xa5;
	p->high[0] = 0x11;
	assert_int_equal(any_r(m, BUS_MMIO, PLACE + 8, 1), 0xff);
	enable(host, 1, PCI_COMMAND_IO);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE + 8, 1), 0xff);
	assert_int_equal(any_r(m, BUS_PIO, 0xc008, 1), 0xa5);
	enable(host, 1, PCI_COMMAND_MEMORY);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE + 8, 1), 0x5a);
	assert_int_equal(any_r(m, BUS_MMIO, 1ull << 40, 1), 0x11);
	assert_int_equal(any_r(m, BUS_MMIO, (1ull << 40) + (1ull << 34) - 8, 1), 0x11);
	assert_int_equal(any_r(m, BUS_MMIO, (1ull << 40) + (1ull << 34), 1), 0xff);
	assert_int_equal(any_r(m, BUS_PIO, 0xc008, 1), 0xff);
	/* Moved with decoding on; a BAR at the very top does not wrap. */
	put_bar(host, 1, PLAIN_MEMORY, PLACE_TOO, 4);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE + 8, 1), 0xff);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE_TOO + 8, 1), 0x5a);
	put_bar(host, 1, PLAIN_HIGH, UINT64_MAX, 8);
	assert_int_equal(any_r(m, BUS_MMIO, UINT64_MAX - 7, 1), 0x11);
	/* An I/O BAR above 64 KiB is nowhere. */
	enable(host, 1, COMMAND);
	put_bar(host, 1, PLAIN_IO, 0x1c000, 4);
	assert_true(last_is_guest_error(m));
	assert_int_equal(p->f.decoded >> PLAIN_IO & 1, 0);
	dev_reset(&p->f.dev);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE_TOO + 8, 1), 0xff);
	assert_int_equal(p->f.decoded, 0);
	dev_free(&p->f.dev);
	dev_free(host);
}

static void overlap(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, NULL);
	struct plain *a = add_plain(m, host, NULL), *b = add_plain(m, host, NULL);

	a->memory[0] = 1;
	b->memory[0] = 2;
	put_bar(host, 1, PLAIN_HIGH, 1ull << 40, 8);
	put_bar(host, 2, PLAIN_HIGH, 1ull << 41, 8);
	put_bar(host, 1, PLAIN_MSIX, PLACE + 0x10000, 4);
	put_bar(host, 2, PLAIN_MSIX, PLACE + 0x20000, 4);
	put_bar(host, 1, PLAIN_MEMORY, PLACE, 4);
	put_bar(host, 2, PLAIN_MEMORY, PLACE, 4);
	/* The first to decode stays, and the later one is told. */
	enable(host, 2, PCI_COMMAND_MEMORY);
	trace_clear(m->env.trace);
	enable(host, 1, PCI_COMMAND_MEMORY);
	assert_true(last_is_guest_error(m));
	assert_int_equal(any_r(m, BUS_MMIO, PLACE, 1), 2);
	assert_int_equal(a->f.decoded >> PLAIN_MEMORY & 1, 0);
	/* It comes as soon as there is room: the other one moved, was disabled, was reset. */
	put_bar(host, 2, PLAIN_MEMORY, PLACE_TOO, 4);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE, 1), 1);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE_TOO, 1), 2);
	put_bar(host, 1, PLAIN_MEMORY, PLACE_TOO, 4);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE, 1), 0xff);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE_TOO, 1), 2);
	enable(host, 2, 0);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE_TOO, 1), 1);
	/* A reset makes room too. */
	put_bar(host, 2, PLAIN_MEMORY, PLACE, 4);
	enable(host, 2, PCI_COMMAND_MEMORY);
	put_bar(host, 1, PLAIN_MEMORY, PLACE, 4);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE, 1), 2);
	dev_reset(&b->f.dev);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE, 1), 1);
	/* Over ECAM: not decoded, and configuration goes on. */
	put_bar(host, 1, PLAIN_MEMORY, PCI_ECAM + 0x8000, 4);
	assert_int_equal(any_r(m, BUS_MMIO, PCI_ECAM + 0x8000, 2), 0x1234);
	/* Under RAM: told, and RAM wins at the CPU, which looks there first. */
	trace_clear(m->env.trace);
	put_bar(host, 1, PLAIN_MEMORY, 0x10000, 4);
	assert_true(last_is_guest_error(m));
	dev_free(&a->f.dev);
	dev_free(&b->f.dev);
	assert_int_equal(any_r(m, BUS_MMIO, 0x10000, 1), 0xff);
	dev_free(host);
}

/* A BAR as the bus and as a test calls it: cut at its end, nothing beyond. */
static void accesses(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, NULL);
	struct plain *p = add_plain(m, host, NULL);

	put_bar(host, 1, PLAIN_MEMORY, PLACE, 4);
	enable(host, 1, PCI_COMMAND_MEMORY);
	for (unsigned i = 0; i < sizeof(p->memory); i++)
		p->memory[i] = (uint8_t)(i * 7 + 1);
	for (unsigned size = 1; size <= 8; size++) {
		for (uint64_t off = 4096 - 20; off < 4096 + 4; off++) {
			uint64_t want = size_mask(size),
				 bus = any_r(m, BUS_MMIO, PLACE + off, size);

			for (unsigned i = 0; i < size && off + i < 4096; i++) {
				want &= ~(0xffull << (8 * i));
				want |= (uint64_t)p->memory[off + i] << (8 * i);
			}
			assert_int_equal(bus, want);
			assert_int_equal(pci_bar_read(&p->f, PLAIN_MEMORY, off, size), want);
			assert_int_equal(pci_func_read(&p->f.dev, PLAIN_MEMORY, off, size), want);
		}
	}
	memset(p->memory, 0, sizeof(p->memory));
	pci_bar_write(&p->f, PLAIN_MEMORY, 4093, 8, 0x1122334455667788);
	assert_int_equal(ld_le32(p->memory + 4092), 0x66778800);
	pci_func_write(&p->f.dev, PLAIN_MEMORY, 3, 7, 0x11223344556677);
	assert_int_equal(ld_le64(p->memory + 3), 0x11223344556677);
	pci_func_write(&p->f.dev, PCI_BARS, 0, 4, 0);
	assert_int_equal(pci_func_read(&p->f.dev, PCI_BARS, 0, 4), UINT32_MAX);
	/* There is no BAR 3. */
	assert_int_equal(pci_func_read(&p->f.dev, 3, 0, 4), UINT32_MAX);
	pci_func_write(&p->f.dev, 3, 0, 4, 0);
	dev_free(&p->f.dev);
	dev_free(host);
}

/* Save, reset, load, save: the same bytes, and the BARs decode again. */
static void load(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, NULL);
	struct plain *a = add_plain(m, host, NULL), *b = add_plain(m, host, NULL);
	struct buf fresh = saved(&a->f.dev), at_place, swapped;
	size_t used;

	a->memory[0] = 1;
	b->memory[0] = 2;
	put_bar(host, 1, PLAIN_MEMORY, PLACE, 4);
	put_bar(host, 2, PLAIN_MEMORY, PLACE_TOO, 4);
	enable(host, 1, PCI_COMMAND_MEMORY);
	enable(host, 2, PCI_COMMAND_MEMORY);
	put_bar(host, 1, PLAIN_HIGH, 1ull << 40, 8);
	put_bar(host, 2, PLAIN_HIGH, 1ull << 41, 8);
	put_bar(host, 2, PLAIN_MSIX, PLACE + 0x20000, 4);
	put_bar(host, 1, PLAIN_MSIX, PLACE + 0x10000, 4);
	at_place = saved(&a->f.dev);
	swapped = saved(&b->f.dev);
	/* They change places, one by one, and come back by a load, one by one. */
	put_bar(host, 1, PLAIN_MEMORY, PLACE + 0x100000, 4);
	put_bar(host, 2, PLAIN_MEMORY, PLACE, 4);
	put_bar(host, 1, PLAIN_MEMORY, PLACE_TOO, 4);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE, 1), 2);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE_TOO, 1), 1);
	assert_int_equal(dev_load(&a->f.dev, at_place.p, at_place.len, &used, NULL), 0);
	assert_int_equal(dev_load(&b->f.dev, swapped.p, swapped.len, &used, NULL), 0);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE, 1), 1);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE_TOO, 1), 2);
	assert_saved(&a->f.dev, &at_place);
	dev_reset(&a->f.dev);
	assert_saved(&a->f.dev, &fresh);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE, 1), 0xff);
	assert_int_equal(dev_load(&a->f.dev, at_place.p, at_place.len, &used, NULL), 0);
	assert_saved(&a->f.dev, &at_place);
	assert_int_equal(any_r(m, BUS_MMIO, PLACE, 1), 1);
	buf_free(&fresh);
	buf_free(&at_place);
	buf_free(&swapped);
	dev_free(&a->f.dev);
	dev_free(&b->f.dev);
	dev_free(host);
}

/* What no function can be is refused, and it is as before. */
static void load_hostile(void **state)
{
	struct machine *m = *state;
	struct dev *host = add_host(m, NULL);
	struct plain *p = add_plain(m, host, NULL);
	struct buf good;
	struct rng rng = {3};
	unsigned refused = 0, taken = 0;

	put_bar(host, 1, PLAIN_MEMORY, PLACE, 4);
	enable(host, 1, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	pci_config_write(host, AT(1, p->f.msix_cap + PCI_MSIX_CONTROL), 2, PCI_MSIX_ENABLE);
	good = saved(&p->f.dev);
	for (unsigned n = 0; n < 3000; n++) {
		struct buf bad = saved(&p->f.dev);
		uint64_t r = rng_next(&rng);
		size_t used;
		int rc;

		bad.p[r % bad.len] ^= (char)(1 << (r >> 32 & 7));
		rc = dev_load(&p->f.dev, bad.p, bad.len, &used, NULL);
		if (rc) {
			assert_int_equal(rc, -EINVAL);
			refused++;
			assert_saved(&p->f.dev, &good);
			assert_int_equal(any_r(m, BUS_MMIO, PLACE, 1), 0);
		} else {
			taken++;
			assert_saved(&p->f.dev, &bad);
			for (unsigned i = 0; i < PCI_CONFIG_LEN; i++)
				assert_int_equal((p->f.config[i] ^ p->f.initial[i]) &
							 ~(p->f.writable[i] | p->f.changes[i]),
						 0);
			assert_int_equal(dev_load(&p->f.dev, good.p, good.len, &used, NULL), 0);
		}
		buf_free(&bad);
	}
	assert_true(refused > 500 && taken > 100);
	buf_free(&good);
	dev_free(&p->f.dev);
	dev_free(host);
}

/* A function that nobody plugged in keeps to itself. */
static void alone(void **state)
{
	struct machine *m = *state;
	struct dev *d;
	struct plain *p;
	struct buf b;
	size_t used;

	assert_int_equal(dev_new_class(&d, &plain_class, NULL, &m->env, NULL), 0);
	p = container_of(d, struct plain, f.dev);
	pci_intx(&p->f, true);
	assert_true(p->f.line);
	assert_int_equal(m->lines, 0);
	b = saved(d);
	assert_int_equal(dev_load(d, b.p, b.len, &used, NULL), 0);
	dev_reset(d);
	assert_false(p->f.line);
	buf_free(&b);
	dev_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(sizing),	machine_test(decoding), machine_test(overlap),
		machine_test(accesses), machine_test(load),	machine_test(load_hostile),
		machine_test(alone),
	};

	return cmocka_run_group_tests_name("pci bars", tests, NULL, NULL);
}
