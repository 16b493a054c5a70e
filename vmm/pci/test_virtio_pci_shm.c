/* SPDX-License-Identifier: MIT */
/* Shared memory regions over virtio-pci (virtio 1.2 section 4.1.4.7): capabilities, BAR, state. */
#include "test_pci.h"

#include "../dev/test_shm.h"

#define BAR    0x800000000ull /* above 4 GiB: it is 64 bits wide */
#define BARLEN 0x8000u

struct rig {
	struct machine *m;
	struct dev *host, *d;
	struct virtio *v;
};

static void rig_init(struct rig *r, struct machine *m)
{
	r->m = m;
	r->host = add_host(m, NULL);
	assert_int_equal(virtio_pci_new_class(&r->d, &shm_class, NULL, &m->env, NULL), 0);
	assert_int_equal(dev_attach(r->d, m->bus, NULL), 0);
	assert_int_equal(pci_plug(r->host, pci_func_of(r->d), NULL), 0);
	r->v = virtio_pci_model(r->d);
	pci_config_write(r->host, AT(1, PCI_BAR0 + 4 * VIRTIO_PCI_SHM_BAR), 4, (uint32_t)BAR);
	pci_config_write(r->host, AT(1, PCI_BAR0 + 4 * VIRTIO_PCI_SHM_BAR + 4), 4, BAR >> 32);
	pci_config_write(r->host, AT(1, PCI_BAR0 + 4 * VIRTIO_PCI_BAR), 4, 0xf0000000);
	pci_config_write(r->host, AT(1, PCI_BAR0 + 4 * VIRTIO_PCI_MSIX_BAR), 4, 0xf1000000);
	pci_config_write(r->host, AT(1, PCI_COMMAND), 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void rig_fini(struct rig *r)
{
	dev_free(r->d);
	dev_free(r->host);
}

/* The (n)-th capability of this type; 0: there are less. */
static unsigned nth_cap(struct rig *r, unsigned type, unsigned n)
{
	unsigned at = cfg_r(r->host, AT(1, PCI_CAPABILITIES), 1);

	for (unsigned i = 0; at && i < 48; i++) {
		if (cfg_r(r->host, AT(1, at), 1) == PCI_CAP_VENDOR &&
		    cfg_r(r->host, AT(1, at + VIRTIO_PCI_CAP_TYPE), 1) == type && !n--)
			return at;
		at = cfg_r(r->host, AT(1, at + 1), 1);
	}
	return 0;
}

static void capabilities(void **state)
{
	static const struct {
		uint8_t id;
		uint32_t off, len;
	} want[] = {{7, 0, SHM_A_LEN}, {1, SHM_A_LEN, SHM_B_LEN}};
	struct rig r;
	const struct pci_bar *bar;

	rig_init(&r, *state);
	bar = &pci_func_of(r.d)->bar[VIRTIO_PCI_SHM_BAR];
	for (unsigned i = 0; i < ARRAY_SIZE(want); i++) {
		unsigned at = nth_cap(&r, VIRTIO_PCI_CAP_SHARED, i);

		assert_int_not_equal(at, 0);
		assert_int_equal(cfg_r(r.host, AT(1, at + 2), 1), VIRTIO_PCI_CAP64_LEN);
		assert_int_equal(cfg_r(r.host, AT(1, at + VIRTIO_PCI_CAP_BAR), 1),
				 VIRTIO_PCI_SHM_BAR);
		assert_int_equal(cfg_r(r.host, AT(1, at + VIRTIO_PCI_CAP_ID), 1), want[i].id);
		assert_int_equal(cfg_r(r.host, AT(1, at + VIRTIO_PCI_CAP_OFFSET), 4), want[i].off);
		assert_int_equal(cfg_r(r.host, AT(1, at + VIRTIO_PCI_CAP_LENGTH), 4), want[i].len);
		assert_int_equal(cfg_r(r.host, AT(1, at + VIRTIO_PCI_CAP_OFFSET_HI), 4), 0);
		assert_int_equal(cfg_r(r.host, AT(1, at + VIRTIO_PCI_CAP_LENGTH_HI), 4), 0);
		/* All of it is read-only. */
		for (unsigned k = 0; k < VIRTIO_PCI_CAP64_LEN; k += 4) {
			uint32_t was = cfg_r(r.host, AT(1, at + k), 4);

			pci_config_write(r.host, AT(1, at + k), 4, ~was);
			assert_int_equal(cfg_r(r.host, AT(1, at + k), 4), was);
		}
	}
	assert_int_equal(nth_cap(&r, VIRTIO_PCI_CAP_SHARED, 2), 0);
	assert_int_equal(bar->len, BARLEN);
	assert_int_equal(bar->flags, PCI_BAR_64 | PCI_BAR_PREFETCH);
	/* The others are where they are without regions. */
	assert_int_not_equal(nth_cap(&r, VIRTIO_PCI_CAP_PCI_CFG, 0), 0);
	rig_fini(&r);
}

static void memory(void **state)
{
	struct machine *m = *state;
	uint64_t len;
	struct rig r;
	uint8_t *a, *b;

	rig_init(&r, m);
	a = virtio_shm(r.v, 0, &len);
	b = virtio_shm(r.v, 1, &len);
	mmio_w(m, BAR + 2, 2, 0x1234);
	mmio_w(m, BAR + SHM_A_LEN, 8, 0x0102030405060708);
	assert_memory_equal(a, "\0\0\x34\x12", 4);
	assert_memory_equal(b, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
	a[SHM_A_LEN - 1] = 0x55;
	assert_int_equal(mmio_r(m, BAR + SHM_A_LEN - 1, 1), 0x55);
	assert_int_equal(mmio_r(m, BAR + SHM_A_LEN + SHM_B_LEN - 1, 1), 0);
	assert_int_equal(r.d->stats.guest_errors, 0);
	rig_fini(&r);
}

/* A BAR is a power of two, and the regions are not: what is left reads 0, and is a guest error. */
static void beyond_the_regions(void **state)
{
	const uint64_t end = SHM_A_LEN + SHM_B_LEN;
	struct pci_func *f;
	struct rig r;

	rig_init(&r, *state);
	f = pci_func_of(r.d);
	assert_int_equal(pci_bar_read(f, VIRTIO_PCI_SHM_BAR, end, 4), 0);
	assert_int_equal(r.d->stats.guest_errors, 1);
	pci_bar_write(f, VIRTIO_PCI_SHM_BAR, end, 4, 5);
	assert_int_equal(r.d->stats.guest_errors, 2);
	assert_int_equal(pci_bar_read(f, VIRTIO_PCI_SHM_BAR, BARLEN, 4), UINT32_MAX);
	assert_int_equal(r.d->stats.guest_errors, 2);
	rig_fini(&r);
}

/* 4.1.4.9: the configuration access capability reaches this BAR too. */
static void by_configuration_access(void **state)
{
	struct rig r;
	unsigned cap;
	uint64_t len;

	rig_init(&r, *state);
	cap = nth_cap(&r, VIRTIO_PCI_CAP_PCI_CFG, 0);
	pci_config_write(r.host, AT(1, cap + VIRTIO_PCI_CAP_BAR), 1, VIRTIO_PCI_SHM_BAR);
	pci_config_write(r.host, AT(1, cap + VIRTIO_PCI_CAP_OFFSET), 4, SHM_A_LEN + 4);
	pci_config_write(r.host, AT(1, cap + VIRTIO_PCI_CAP_LENGTH), 4, 4);
	pci_config_write(r.host, AT(1, cap + VIRTIO_PCI_CAP_EXTRA), 4, 0xcafe);
	assert_int_equal(ld_le32(virtio_shm(r.v, 1, &len) + 4), 0xcafe);
	st_le32(virtio_shm(r.v, 1, &len) + 4, 0xf00d);
	assert_int_equal(cfg_r(r.host, AT(1, cap + VIRTIO_PCI_CAP_EXTRA), 4), 0xf00d);
	assert_int_equal(r.d->stats.guest_errors, 0);
	pci_config_write(r.host, AT(1, cap + VIRTIO_PCI_CAP_OFFSET), 4, BARLEN);
	assert_int_equal(cfg_r(r.host, AT(1, cap + VIRTIO_PCI_CAP_EXTRA), 4), 0);
	assert_int_not_equal(r.d->stats.guest_errors, 0);
	rig_fini(&r);
}

static void reset_save_and_load(void **state)
{
	struct machine *m = *state;
	struct buf saved = {0};
	uint64_t now;
	size_t used;
	struct rig r;

	rig_init(&r, m);
	mmio_w(m, BAR + SHM_A_LEN, 4, 3);
	now = dev_hash(r.d, 0);
	assert_int_equal(dev_save(r.d, &saved), 0);
	dev_reset(r.d);
	assert_int_equal(pci_bar_read(pci_func_of(r.d), VIRTIO_PCI_SHM_BAR, SHM_A_LEN, 4), 0);
	assert_int_equal(dev_load(r.d, saved.p, saved.len, &used, NULL), 0);
	assert_true(dev_hash(r.d, 0) == now);
	assert_int_equal(mmio_r(m, BAR + SHM_A_LEN, 4), 3);
	buf_free(&saved);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(capabilities),	   machine_test(memory),
		machine_test(beyond_the_regions),  machine_test(by_configuration_access),
		machine_test(reset_save_and_load),
	};

	return cmocka_run_group_tests_name("virtio_pci_shm", tests, NULL, NULL);
}
