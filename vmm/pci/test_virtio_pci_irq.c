/* SPDX-License-Identifier: MIT */
/* virtio-pci: interrupts by pin and by MSI-X, bus mastering, reset, save and load, requests under way. */
#include <errno.h>

#include "test_virtio_pci.h"
#include "virtio_pci_priv.h"

#define LINE (1u << 15)

static unsigned isr(struct rig *r)
{
	return (unsigned)rd(r, VIRTIO_PCI_ISR_OFF, 1);
}

static void by_pin(void **state)
{
	struct rig r;

	rig_init(&r, *state, NULL);
	bring_up(&r, 0);
	offer_one(&r);
	ring(&r, 0);
	assert_int_equal(r.m->lines, LINE);
	assert_int_equal(cfg_r(r.host, AT(1, PCI_STATUS), 2) & PCI_STATUS_INTX, PCI_STATUS_INTX);
	/* Other widths are not the register. */
	assert_int_equal(rd(&r, VIRTIO_PCI_ISR_OFF, 2), 0);
	assert_int_equal(rd(&r, VIRTIO_PCI_ISR_OFF + 1, 1), 0);
	wr(&r, VIRTIO_PCI_ISR_OFF, 1, 0xff);
	assert_int_equal(r.m->lines, LINE);
	assert_int_equal(isr(&r), VIRTIO_INT_QUEUE);
	assert_int_equal(r.m->lines, 0);
	assert_int_equal(isr(&r), 0);
	virtio_config_changed(r.v);
	assert_int_equal(isr(&r), VIRTIO_INT_CONFIG);
	rig_fini(&r);
}

static void by_message(void **state)
{
	struct rig r;

	rig_init(&r, *state, NULL);
	msix_on(&r, 4);
	bring_up(&r, 1);
	put(&r, QUEUE_MSIX_VECTOR, 2, 2);
	put(&r, CONFIG_MSIX_VECTOR, 2, 3);
	offer_one(&r);
	ring(&r, 1);
	assert_int_equal(heard.msis, 1);
	assert_int_equal(heard.data, 0x42);
	assert_int_equal(r.v->interrupt_status, 0);
	virtio_config_changed(r.v);
	assert_int_equal(heard.msis, 2);
	assert_int_equal(heard.data, 0x43);
	/* 4.1.4.5.1: ISR says so too; the pin stays down until MSI-X is off. */
	assert_int_equal(r.m->lines, 0);
	assert_int_equal(cfg_r(r.host, AT(1, PCI_STATUS), 2) & PCI_STATUS_INTX, 0);
	pci_config_write(r.host, AT(1, r.f->msix_cap + PCI_MSIX_CONTROL), 2, 0);
	assert_int_equal(r.m->lines, LINE);
	assert_int_equal(isr(&r), VIRTIO_INT_CONFIG);
	assert_int_equal(r.m->lines, 0);
	rig_fini(&r);
}

/* MM9: whatever number is written, only a vector that is there is ever used. */
static void vectors(void **state)
{
	struct rig r;

	rig_init(&r, *state, "vectors=2");
	msix_on(&r, 2);
	bring_up(&r, 0);
	for (uint32_t n = 0; n < 0x10000; n += n < 0x100 || n >= 0xff00 ? 1 : 0x101) {
		put(&r, QUEUE_MSIX_VECTOR, 2, n);
		assert_int_equal(get(&r, QUEUE_MSIX_VECTOR, 2), n < 2 ? n : VIRTIO_PCI_NO_VECTOR);
		put(&r, CONFIG_MSIX_VECTOR, 2, n);
		assert_int_equal(get(&r, CONFIG_MSIX_VECTOR, 2), n < 2 ? n : VIRTIO_PCI_NO_VECTOR);
	}
	offer_one(&r);
	ring(&r, 0);
	virtio_config_changed(r.v);
	assert_int_equal(heard.msis, 0);
	/* A vector that is masked waits; a reset of the device forgets it. */
	put(&r, QUEUE_MSIX_VECTOR, 2, 1);
	mmio_w(r.m, MSIX + 16 + 12, 4, 1);
	offer_one(&r);
	ring(&r, 0);
	assert_int_equal(r.f->msix_pending, 2);
	put(&r, DEVICE_STATUS, 1, 0);
	assert_int_equal(r.f->msix_pending, 0);
	put(&r, QUEUE_SELECT, 2, 0);
	assert_int_equal(get(&r, QUEUE_MSIX_VECTOR, 2), VIRTIO_PCI_NO_VECTOR);
	assert_int_equal(get(&r, CONFIG_MSIX_VECTOR, 2), VIRTIO_PCI_NO_VECTOR);
	rig_fini(&r);
}

static void no_master(void **state)
{
	struct rig r;

	rig_init(&r, *state, "delay=1000");
	bring_up(&r, 0);
	pci_config_write(r.host, AT(1, PCI_COMMAND), 2, PCI_COMMAND_MEMORY);
	offer_one(&r);
	ring(&r, 0);
	assert_int_equal(r.odd->notified[0], 0);
	assert_true(last_is_guest_error(r.m));
	pci_config_write(r.host, AT(1, PCI_COMMAND), 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ring(&r, 0);
	assert_int_equal(r.odd->notified[0], 1);
	/* What is under way waits for the bus. */
	pci_config_write(r.host, AT(1, PCI_COMMAND), 2, PCI_COMMAND_MEMORY);
	assert_int_equal(clock_advance(r.m->env.clock, 10000), 0);
	assert_false(used_one(&r));
	assert_int_equal(clock_next(r.m->env.clock), CLOCK_NEVER);
	pci_config_write(r.host, AT(1, PCI_COMMAND), 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(clock_advance(r.m->env.clock, 1), 0);
	assert_true(used_one(&r));
	assert_int_equal(r.m->lines, LINE);
	rig_fini(&r);
}

static void reset_is_fresh(void **state)
{
	struct rig r;
	struct buf fresh, used_state, driver_reset;

	rig_init(&r, *state, NULL);
	dev_reset(r.d);
	fresh = saved(r.d);
	pci_config_write(r.host, AT(1, PCI_BAR0 + 16), 4, REGS);
	pci_config_write(r.host, AT(1, PCI_BAR0 + 4), 4, MSIX);
	pci_config_write(r.host, AT(1, PCI_COMMAND), 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	driver_reset = saved(r.d);
	bring_up(&r, 0);
	put(&r, QUEUE_MSIX_VECTOR, 2, 1);
	virtio_config_changed(r.v);
	offer_one(&r);
	ring(&r, 0);
	used_state = saved(r.d);
	assert_int_equal(r.m->lines, LINE);
	put(&r, DEVICE_STATUS, 1, 0);
	assert_saved(r.d, &driver_reset);
	assert_int_equal(r.m->lines, 0);
	assert_int_not_equal(
		used_state.len == fresh.len && !memcmp(used_state.p, fresh.p, fresh.len), 1);
	dev_reset(r.d);
	assert_saved(r.d, &fresh);
	assert_int_equal(any_r(r.m, BUS_MMIO, REGS, 4), UINT32_MAX);
	buf_free(&fresh);
	buf_free(&used_state);
	buf_free(&driver_reset);
	rig_fini(&r);
}

/* Save, reset, load, save; the queue goes on where it was, in another machine too. */
static void load(void **state)
{
	struct rig r;
	struct buf b;
	size_t used;

	rig_init(&r, *state, NULL);
	msix_on(&r, 4);
	bring_up(&r, 2);
	put(&r, QUEUE_MSIX_VECTOR, 2, 1);
	mmio_w(r.m, MSIX + 16 + 12, 4, 1);
	offer_one(&r);
	ring(&r, 2);
	assert_true(used_one(&r));
	b = saved(r.d);
	assert_int_equal(dev_hash(r.d, 1), dev_hash(r.d, 1));
	dev_reset(r.d);
	assert_int_equal(dev_load(r.d, b.p, b.len, &used, NULL), 0);
	assert_int_equal(used, b.len);
	assert_saved(r.d, &b);
	assert_int_equal(heard.msis, 0);
	offer_one(&r);
	ring(&r, 2);
	assert_true(used_one(&r));
	mmio_w(r.m, MSIX + 16 + 12, 4, 0);
	assert_int_equal(heard.msis, 1);
	/* Bus mastering off is remembered by what follows from it. */
	buf_free(&b);
	pci_config_write(r.host, AT(1, PCI_COMMAND), 2, PCI_COMMAND_MEMORY);
	b = saved(r.d);
	pci_config_write(r.host, AT(1, PCI_COMMAND), 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_false(r.v->stopped);
	assert_int_equal(dev_load(r.d, b.p, b.len, &used, NULL), 0);
	assert_true(r.v->stopped);
	buf_free(&b);
	rig_fini(&r);
}

/* Vectors that are not there, and one of a queue that is not. */
static void impossible_vectors(struct rig *r)
{
	struct virtio_pci *p = container_of(r->f, struct virtio_pci, f);
	uint16_t *const vector[] = {&p->config_vector, &p->queue_vector[0], &p->queue_vector[2],
				    &p->queue_vector[3]};

	for (unsigned i = 0; i < ARRAY_SIZE(vector); i++) {
		uint16_t was = *vector[i];
		struct buf bad;
		size_t used;

		*vector[i] = i == 3 ? 0 : (uint16_t)r->f->nr_vectors;
		bad = saved(r->d);
		*vector[i] = was;
		assert_int_equal(dev_load(r->d, bad.p, bad.len, &used, NULL), -EINVAL);
		assert_int_equal(*vector[i], was);
		buf_free(&bad);
	}
}

static void load_hostile(void **state)
{
	struct rig r;
	struct buf good;
	struct rng rng = {5};
	unsigned refused = 0, taken = 0;

	rig_init(&r, *state, NULL);
	msix_on(&r, 4);
	bring_up(&r, 2);
	put(&r, QUEUE_MSIX_VECTOR, 2, 1);
	good = saved(r.d);
	for (unsigned n = 0; n < 3000; n++) {
		struct buf bad = saved(r.d);
		uint64_t v = rng_next(&rng);
		size_t used;
		int rc;

		/* The function's own table is the first 2 KiB or so; the rest is the model's. */
		bad.p[v % (n & 1 ? 2000 : bad.len)] ^= (char)(1 << (v >> 32 & 7));
		rc = dev_load(r.d, bad.p, bad.len, &used, NULL);
		if (rc) {
			refused++;
			assert_saved(r.d, &good);
		} else {
			taken++;
			assert_int_equal(dev_load(r.d, good.p, good.len, &used, NULL), 0);
		}
		buf_free(&bad);
	}
	assert_true(refused > 500 && taken > 50);
	impossible_vectors(&r);
	offer_one(&r);
	ring(&r, 2);
	assert_int_equal(heard.msis, 1);
	buf_free(&good);
	rig_fini(&r);
}

static void json(void **state)
{
	struct rig r;
	struct buf b = {0};

	rig_init(&r, *state, NULL);
	dev_json(r.d, &b);
	assert_non_null(strstr(buf_str(&b), "{\"virtio-odd-pci\":{"));
	assert_non_null(strstr(buf_str(&b), "\"virtio-odd0\":{"));
	assert_non_null(strstr(buf_str(&b), "\"virtq1\":{"));
	buf_free(&b);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(by_pin),	    machine_test(by_message),	  machine_test(vectors),
		machine_test(no_master),    machine_test(reset_is_fresh), machine_test(load),
		machine_test(load_hostile), machine_test(json),
	};

	return cmocka_run_group_tests_name("virtio-pci interrupts and state", tests, NULL, NULL);
}
