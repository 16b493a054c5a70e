/* SPDX-License-Identifier: MIT */
/* virtio-pci: identity, capabilities, common configuration, notifications, options. */
#include <errno.h>

#include "test_virtio_pci.h"

static unsigned find_cap(struct rig *r, uint8_t id, unsigned type)
{
	unsigned at = cfg_r(r->host, AT(1, PCI_CAPABILITIES), 1), n = 0;

	while (at) {
		assert_true(n++ < 48 && at >= PCI_FIRST_CAPABILITY && !(at & 3));
		if (cfg_r(r->host, AT(1, at), 1) == id &&
		    (id != PCI_CAP_VENDOR ||
		     cfg_r(r->host, AT(1, at + VIRTIO_PCI_CAP_TYPE), 1) == type))
			return at;
		at = cfg_r(r->host, AT(1, at + 1), 1);
	}
	return 0;
}

static void identity(void **state)
{
	struct rig r;
	static const struct {
		unsigned type;
		uint32_t off, len, cap_len;
	} caps[] = {{VIRTIO_PCI_CAP_COMMON, 0, 0x3c, 16},
		    {VIRTIO_PCI_CAP_ISR, 0x1000, 1, 16},
		    {VIRTIO_PCI_CAP_DEVICE, 0x2000, 6, 16},
		    {VIRTIO_PCI_CAP_NOTIFY, 0x3000, 12, 20}};

	rig_init(&r, *state, NULL);
	assert_string_equal(r.d->name, "virtio-odd-pci0");
	assert_string_equal(r.d->table.name, "virtio-odd-pci");
	assert_int_equal(cfg_r(r.host, AT(1, 0), 4), (VIRTIO_PCI_DEVICE + 42) << 16 | 0x1af4);
	assert_int_equal(cfg_r(r.host, AT(1, PCI_REVISION), 4), 0x00ff0001);
	for (unsigned i = 0; i < ARRAY_SIZE(caps); i++) {
		unsigned at = find_cap(&r, PCI_CAP_VENDOR, caps[i].type);

		assert_int_not_equal(at, 0);
		assert_int_equal(cfg_r(r.host, AT(1, at + 2), 1), caps[i].cap_len);
		assert_int_equal(cfg_r(r.host, AT(1, at + VIRTIO_PCI_CAP_BAR), 1), VIRTIO_PCI_BAR);
		assert_int_equal(cfg_r(r.host, AT(1, at + VIRTIO_PCI_CAP_OFFSET), 4), caps[i].off);
		assert_int_equal(cfg_r(r.host, AT(1, at + VIRTIO_PCI_CAP_LENGTH), 4), caps[i].len);
	}
	assert_int_not_equal(find_cap(&r, PCI_CAP_VENDOR, VIRTIO_PCI_CAP_PCI_CFG), 0);
	assert_int_equal(find_cap(&r, PCI_CAP_VENDOR, VIRTIO_PCI_CAP_SHARED), 0);
	assert_int_equal(cfg_r(r.host, AT(1, find_cap(&r, PCI_CAP_MSIX, 0) + 2), 2), 3);
	assert_int_equal(r.f->bar[VIRTIO_PCI_BAR].len, 0x4000);
	rig_fini(&r);
}

static void options(void **state)
{
	struct machine *m = *state;
	struct err err = {0};
	struct dev *d;
	static const struct {
		const char *spec;
		int rc;
		const char *words;
	} bad[] = {
		{"virtio-none-pci", -ENOENT, "virtio-none"},
		{"uart-pci", -EINVAL, "no virtio device"},
		{"-pci", -EINVAL, "no CLASS"},
		{"virtio-rng", -EINVAL, "no CLASS"},
		{"virtio-rng-pci,", -EINVAL, "comma"},
		{"virtio-rng-pci,slot=1,", -EINVAL, "comma"},
		{"virtio-rng-pci,slot=32", -EINVAL, "slot"},
		{"virtio-rng-pci,irq=5", -EINVAL, "irq"},
		{"virtio-rng-pci,base=0", -EINVAL, "base"},
		{"virtio-rng-pci,multiplier=2", -EINVAL, "multiplier"},
		{"virtio-rng-pci,multiplier=12", -EINVAL, "multiplier"},
		{"virtio-rng-pci,multiplier=8192", -EINVAL, "multiplier"},
		{"virtio-rng-pci,vectors=65", -EINVAL, "vectors"},
		{"virtio-rng-pci,what=1", -EINVAL, "what"},
		{"virtio-rng-pci,slot", -EINVAL, "slot"},
		{"virtio-blk-pci,disk=9", -EINVAL, "disk"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		err.msg[0] = '\0';
		assert_int_equal(virtio_pci_new(&d, bad[i].spec, &m->env, &err), bad[i].rc);
		assert_null(d);
		if (!strstr(err.msg, bad[i].words))
			fail_msg("%s: %s", bad[i].spec, err.msg);
	}
	assert_true(virtio_pci_is_spec("virtio-rng-pci,slot=1"));
	assert_false(virtio_pci_is_spec("virtio-rng,x=a-pci"));
	assert_false(virtio_pci_is_spec("-pci"));
	assert_int_equal(virtio_pci_new(&d, "virtio-blk-pci,disk=0,bar64=0,queues=4,vectors=64",
					&m->env, NULL),
			 0);
	assert_int_equal(pci_func_of(d)->bar[VIRTIO_PCI_BAR].flags, 0);
	assert_int_equal(pci_func_of(d)->nr_vectors, 64);
	assert_int_equal(virtio_pci_model(d)->nr_queues, 4);
	assert_string_equal(virtio_pci_model(d)->dev.cls->name, "virtio-blk");
	dev_free(d);
	assert_int_equal(virtio_pci_new(&d, "virtio-rng-pci,vectors=0,seed=4", &m->env, NULL), 0);
	assert_int_equal(pci_func_of(d)->nr_vectors, 0);
	assert_int_equal(pci_func_of(d)->bar[VIRTIO_PCI_MSIX_BAR].len, 0);
	dev_free(d);
	assert_int_equal(dev_new(&d, "virtio-rng", &m->env, NULL), 0);
	assert_null(virtio_pci_model(d));
	dev_free(d);
}

/* Whatever models there are: each can be had over PCI, and a reset gives the fresh state. */
static void every_model(void **state)
{
	struct machine *m = *state;
	unsigned made = 0;

	for (const struct dev_class *const *c = dev_classes; *c; c++) {
		struct buf fresh, now;
		struct err err = {0};
		struct virtio *v;
		struct dev *d;
		int rc = virtio_pci_new_class(&d, *c, NULL, &m->env, &err);

		if ((*c)->read != virtio_mmio_read) {
			assert_int_equal(rc, -EINVAL);
			continue;
		}
		/* One that wants a back end which this machine has not says so. */
		if (rc) {
			assert_int_equal(rc, -EINVAL);
			assert_true(err.msg[0]);
			continue;
		}
		made++;
		v = virtio_pci_model(d);
		assert_ptr_equal(v->dev.cls, *c);
		assert_int_equal(ld_le16(pci_func_of(d)->config + PCI_DEVICE),
				 VIRTIO_PCI_DEVICE + v->vc->device_id);
		assert_int_equal(pci_func_of(d)->nr_vectors, v->nr_queues + 1);
		fresh = saved(d);
		pci_bar_write(pci_func_of(d), VIRTIO_PCI_BAR, VIRTIO_PCI_DEVICE_STATUS, 1, 3);
		pci_bar_write(pci_func_of(d), VIRTIO_PCI_BAR, VIRTIO_PCI_CONFIG_MSIX_VECTOR, 2, 0);
		now = saved(d);
		assert_true(now.len != fresh.len || memcmp(now.p, fresh.p, now.len) != 0);
		buf_free(&now);
		dev_reset(d);
		assert_saved(d, &fresh);
		buf_free(&fresh);
		dev_free(d);
	}
	assert_true(made >= 2);
}

/* Every register at every offset and width (4.1.3.1): its own width gives its value, others 0. */
static void widths(void **state)
{
	struct rig r;
	uint8_t image[VIRTIO_PCI_COMMON_LEN];

	rig_init(&r, *state, NULL);
	bring_up(&r, 1);
	put(&r, DEVICE_FEATURE_SELECT, 4, 1);
	for (unsigned off = 0; off < 0x40; off++) {
		for (unsigned size = 1; size <= 8; size *= 2) {
			const struct dev_reg *own = NULL;
			uint64_t v;

			for (const struct dev_reg *g = r.d->cls->regs; g->name; g++)
				if (g->off < VIRTIO_PCI_COMMON_LEN && off >= g->off &&
				    off < g->off + g->width)
					own = g;
			trace_clear(r.m->env.trace);
			v = rd(&r, off, size);
			if (own && ((own->width == size && own->off == off && size < 8) ||
				    (own->width == 8 && size == 4 && off % 4 == 0))) {
				st_le(image + off, size, v);
				assert_false(last_is_guest_error(r.m));
			} else {
				assert_int_equal(v, 0);
				assert_true(last_is_guest_error(r.m));
			}
		}
	}
	assert_int_equal(ld_le32(image + VIRTIO_PCI_DEVICE_FEATURE) & 1, 1);
	assert_int_equal(ld_le32(image + VIRTIO_PCI_DRIVER_FEATURE), 1);
	assert_int_equal(ld_le16(image + VIRTIO_PCI_NUM_QUEUES), 3);
	assert_int_equal(image[VIRTIO_PCI_DEVICE_STATUS], UP);
	assert_int_equal(ld_le16(image + VIRTIO_PCI_QUEUE_SELECT), 1);
	assert_int_equal(ld_le16(image + VIRTIO_PCI_QUEUE_SIZE), 8);
	assert_int_equal(ld_le16(image + VIRTIO_PCI_QUEUE_ENABLE), 1);
	assert_int_equal(ld_le16(image + VIRTIO_PCI_QUEUE_NOTIFY_OFF), 1);
	assert_int_equal(ld_le64(image + VIRTIO_PCI_QUEUE_DESC), r.q.desc);
	assert_int_equal(ld_le64(image + VIRTIO_PCI_QUEUE_DRIVER), r.q.avail);
	assert_int_equal(ld_le64(image + VIRTIO_PCI_QUEUE_DEVICE), r.q.used);
	rig_fini(&r);
}

/* Every offset of the whole BAR, 1 to 8 bytes, returns, and changes nothing that is frozen. */
static void anywhere(void **state)
{
	struct rig r;
	struct rng rng = {1};

	rig_init(&r, *state, NULL);
	for (uint64_t off = 0; off < 0x4010; off++) {
		for (unsigned size = 1; size <= 8; size++) {
			uint64_t v = pci_bar_read(r.f, VIRTIO_PCI_BAR, off, size);

			assert_int_equal(v & ~size_mask(size), 0);
			pci_bar_write(r.f, VIRTIO_PCI_BAR, off, size, rng_next(&rng));
		}
	}
	for (unsigned i = 0; i < 3; i++)
		assert_true(r.v->q[i].num <= 64);
	rig_fini(&r);
}

/* What the driver must not write (4.1.4.3.2) changes nothing at all. */
static void read_only(void **state)
{
	struct rig r;
	struct buf before;

	rig_init(&r, *state, NULL);
	bring_up(&r, 1);
	put(&r, QUEUE_SELECT, 2, 0);
	before = saved(r.d);
	for (const struct dev_reg *g = r.d->cls->regs; g->name; g++) {
		if (g->access[1] == 'w')
			continue;
		trace_clear(r.m->env.trace);
		wr(&r, g->off, g->width, size_mask(g->width));
		assert_true(last_is_guest_error(r.m));
		assert_saved(r.d, &before);
	}
	buf_free(&before);
	rig_fini(&r);
}

static void halves(void **state)
{
	struct rig r;

	rig_init(&r, *state, NULL);
	wr(&r, VIRTIO_PCI_QUEUE_DESC + 4, 4, 0x11223344);
	wr(&r, VIRTIO_PCI_QUEUE_DESC, 4, 0x55667788);
	assert_int_equal(r.v->q[0].desc, 0x1122334455667788);
	wr(&r, VIRTIO_PCI_QUEUE_DESC, 8, 0); /* not as one */
	wr(&r, VIRTIO_PCI_QUEUE_DESC, 2, 0);
	assert_int_equal(r.v->q[0].desc, 0x1122334455667788);
	assert_int_equal(rd(&r, VIRTIO_PCI_QUEUE_DESC, 4), 0x55667788);
	assert_int_equal(rd(&r, VIRTIO_PCI_QUEUE_DESC + 4, 4), 0x11223344);
	rig_fini(&r);
}

static void queue_rules(void **state)
{
	struct rig r;

	rig_init(&r, *state, NULL);
	accept_features(&r, F_BASE);
	/* Sizes: 0 or a power of two is shown, what is none cannot be enabled. */
	set_up_queue(&r, 2, 8);
	for (uint32_t n = 0; n < 200; n++) {
		bool good = n && n <= 64 && !(n & (n - 1));

		put(&r, QUEUE_SIZE, 2, n);
		assert_int_equal(get(&r, QUEUE_SIZE, 2), good ? n : 0);
		assert_int_equal(last_is_guest_error(r.m), !good);
		trace_clear(r.m->env.trace);
	}
	put(&r, QUEUE_ENABLE, 2, 1);
	assert_int_equal(get(&r, QUEUE_ENABLE, 2), 0);
	put(&r, QUEUE_SIZE, 2, 8);
	put(&r, QUEUE_ENABLE, 2, 0);
	put(&r, QUEUE_ENABLE, 2, 3);
	assert_int_equal(get(&r, QUEUE_ENABLE, 2), 0);
	put(&r, QUEUE_ENABLE, 2, 1);
	assert_int_equal(get(&r, QUEUE_ENABLE, 2), 1);
	/* Frozen while enabled (MM1). */
	put(&r, QUEUE_SIZE, 2, 16);
	half_pair(&r, VIRTIO_PCI_QUEUE_DRIVER, 0);
	assert_int_equal(get(&r, QUEUE_SIZE, 2), 8);
	assert_int_equal(r.v->q[2].avail, r.q.avail);
	put(&r, QUEUE_ENABLE, 2, 0);
	assert_int_equal(get(&r, QUEUE_ENABLE, 2), 1);
	/* A queue that does not exist (MM7). */
	put(&r, QUEUE_SELECT, 2, 0xffff);
	assert_int_equal(get(&r, QUEUE_SELECT, 2), 0xffff);
	assert_int_equal(get(&r, QUEUE_SIZE, 2), 0);
	assert_int_equal(get(&r, QUEUE_MSIX_VECTOR, 2), VIRTIO_PCI_NO_VECTOR);
	put(&r, QUEUE_MSIX_VECTOR, 2, 0);
	assert_int_equal(get(&r, QUEUE_MSIX_VECTOR, 2), VIRTIO_PCI_NO_VECTOR);
	put(&r, QUEUE_ENABLE, 2, 1);
	put(&r, QUEUE_RESET, 2, 1);
	put(&r, QUEUE_SIZE, 2, 8);
	assert_int_equal(get(&r, QUEUE_ENABLE, 2), 0);
	rig_fini(&r);
}

static void packed_size(void **state)
{
	struct rig r;

	rig_init(&r, *state, "packed=1");
	accept_features(&r, F_BASE | 1ull << VIRTIO_F_RING_PACKED);
	put(&r, QUEUE_SIZE, 2, 24);
	assert_int_equal(get(&r, QUEUE_SIZE, 2), 24);
	put(&r, QUEUE_SIZE, 2, 65);
	assert_int_equal(get(&r, QUEUE_SIZE, 2), 0);
	rig_fini(&r);
}

static void queue_reset(void **state)
{
	struct rig r;

	rig_init(&r, *state, NULL);
	bring_up(&r, 0);
	put(&r, QUEUE_RESET, 2, 1); /* not negotiated */
	assert_int_equal(get(&r, QUEUE_ENABLE, 2), 1);
	accept_features(&r, F_BASE | 1ull << VIRTIO_F_RING_RESET);
	set_up_queue(&r, 0, 8);
	put(&r, QUEUE_ENABLE, 2, 1);
	put(&r, QUEUE_RESET, 2, 2);
	assert_int_equal(get(&r, QUEUE_ENABLE, 2), 1);
	put(&r, QUEUE_RESET, 2, 1);
	assert_int_equal(get(&r, QUEUE_RESET, 2), 0);
	assert_int_equal(get(&r, QUEUE_ENABLE, 2), 0);
	assert_int_equal(get(&r, QUEUE_SIZE, 2), 64);
	rig_fini(&r);
}

static void features(void **state)
{
	struct rig r;

	rig_init(&r, *state, NULL);
	assert_int_equal(get(&r, DEVICE_FEATURE, 4) >> 5 & 1, 1);
	put(&r, DEVICE_FEATURE_SELECT, 4, 2);
	assert_int_equal(get(&r, DEVICE_FEATURE, 4), 0);
	put(&r, DEVICE_FEATURE_SELECT, 4, UINT32_MAX);
	assert_int_equal(get(&r, DEVICE_FEATURE, 4), 0);
	accept_features(&r, F_BASE | 1u << 5);
	assert_int_equal(get(&r, DEVICE_STATUS, 1), AGREED);
	put(&r, DRIVER_FEATURE_SELECT, 4, 0);
	assert_int_equal(get(&r, DRIVER_FEATURE, 4), 1u << 5);
	put(&r, DRIVER_FEATURE, 4, 0);
	assert_int_equal(get(&r, DRIVER_FEATURE, 4), 1u << 5);
	accept_features(&r, F_BASE | 1u << 6);
	assert_int_equal(get(&r, DEVICE_STATUS, 1), ACK_DRIVER);
	accept_features(&r, 0);
	assert_int_equal(get(&r, DEVICE_STATUS, 1), ACK_DRIVER);
	put(&r, DEVICE_STATUS, 1, 0);
	put(&r, DRIVER_FEATURE_SELECT, 4, 7);
	put(&r, DRIVER_FEATURE, 4, 1);
	assert_int_equal(get(&r, DRIVER_FEATURE, 4), 0);
	put(&r, DRIVER_FEATURE_SELECT, 4, 1);
	put(&r, DRIVER_FEATURE, 4, 1);
	put(&r, DEVICE_STATUS, 1, AGREED);
	assert_int_equal(get(&r, DEVICE_STATUS, 1), ACK_DRIVER);
	rig_fini(&r);
}

static void notifications(void **state)
{
	struct rig r;

	rig_init(&r, *state, NULL);
	bring_up(&r, 1);
	offer_one(&r);
	wr(&r, VIRTIO_PCI_NOTIFY_OFF + 4, 1, 1);
	wr(&r, VIRTIO_PCI_NOTIFY_OFF + 4, 4, 1);
	wr(&r, VIRTIO_PCI_NOTIFY_OFF + 4, 8, 1);
	wr(&r, VIRTIO_PCI_NOTIFY_OFF + 5, 2, 1);
	wr(&r, VIRTIO_PCI_NOTIFY_OFF + 4, 2, 0);
	wr(&r, VIRTIO_PCI_NOTIFY_OFF, 2, 1);
	wr(&r, VIRTIO_PCI_NOTIFY_OFF + 12, 2, 3);
	wr(&r, VIRTIO_PCI_NOTIFY_OFF, 2, 0); /* not enabled */
	assert_int_equal(r.odd->notified[0] + r.odd->notified[1] + r.odd->notified[2], 0);
	assert_false(used_one(&r));
	ring(&r, 1);
	assert_int_equal(r.odd->notified[1], 1);
	assert_true(used_one(&r));
	assert_memory_equal(gmem_ro(r.m->env.mem, BUFS, 4), "pci!", 4);
	rig_fini(&r);

	rig_init(&r, *state, "multiplier=4096,notify_data=1");
	assert_int_equal(r.f->bar[VIRTIO_PCI_BAR].len, 0x8000);
	accept_features(&r, F_BASE | 1ull << VIRTIO_F_NOTIFICATION_DATA);
	set_up_queue(&r, 2, 8);
	put(&r, QUEUE_ENABLE, 2, 1);
	put(&r, DEVICE_STATUS, 1, UP);
	offer_one(&r);
	wr(&r, VIRTIO_PCI_NOTIFY_OFF + 0x2000, 2, 2);
	assert_false(used_one(&r));
	wr(&r, VIRTIO_PCI_NOTIFY_OFF + 0x2000, 4, 2 | 1u << 16);
	assert_true(used_one(&r));
	rig_fini(&r);

	rig_init(&r, *state, "multiplier=0");
	bring_up(&r, 2);
	offer_one(&r);
	wr(&r, VIRTIO_PCI_NOTIFY_OFF, 2, 3);
	wr(&r, VIRTIO_PCI_NOTIFY_OFF + 2, 2, 2);
	assert_false(used_one(&r));
	wr(&r, VIRTIO_PCI_NOTIFY_OFF, 2, 2);
	assert_true(used_one(&r));
	rig_fini(&r);
}

static void device_config(void **state)
{
	struct rig r;

	rig_init(&r, *state, NULL);
	memcpy(r.odd->config, "\1\2\3\4\5\6", 6);
	assert_int_equal(rd(&r, VIRTIO_PCI_DEVICE_OFF, 4), 0x04030201);
	assert_int_equal(rd(&r, VIRTIO_PCI_DEVICE_OFF + 4, 4), 0x0605);
	assert_true(last_is_guest_error(r.m));
	assert_int_equal(rd(&r, VIRTIO_PCI_DEVICE_OFF + 5, 1), 6);
	assert_int_equal(rd(&r, VIRTIO_PCI_DEVICE_OFF + 0xff8, 8), 0);
	wr(&r, VIRTIO_PCI_DEVICE_OFF + 1, 1, 9);
	assert_int_equal(r.odd->config[1], 9);
	wr(&r, VIRTIO_PCI_DEVICE_OFF + 4, 4, UINT32_MAX);
	assert_int_equal(r.odd->config[4], 5);
	/* 4.1.4.3.1: another generation once a value that was read has changed, and it does not wrap to the same. */
	assert_int_equal(get(&r, CONFIG_GENERATION, 1), 0);
	for (unsigned i = 0; i < 256; i++)
		virtio_config_changed(r.v);
	assert_int_equal(get(&r, CONFIG_GENERATION, 1), 1);
	virtio_config_changed(r.v);
	assert_int_equal(get(&r, CONFIG_GENERATION, 1), 1); /* nothing was read since */
	(void)rd(&r, VIRTIO_PCI_DEVICE_OFF, 1);
	virtio_config_changed(r.v);
	assert_int_equal(get(&r, CONFIG_GENERATION, 1), 2);
	put(&r, DEVICE_STATUS, 1, 0);
	assert_int_equal(get(&r, CONFIG_GENERATION, 1), 0);
	rig_fini(&r);
}

static void cfg_put(struct rig *r, unsigned cap, uint32_t off, uint32_t len)
{
	pci_config_write(r->host, AT(1, cap + VIRTIO_PCI_CAP_BAR), 1, VIRTIO_PCI_BAR);
	pci_config_write(r->host, AT(1, cap + VIRTIO_PCI_CAP_OFFSET), 4, off);
	pci_config_write(r->host, AT(1, cap + VIRTIO_PCI_CAP_LENGTH), 4, len);
}

static void config_access(void **state)
{
	struct rig r;
	unsigned cap, data;

	rig_init(&r, *state, NULL);
	cap = find_cap(&r, PCI_CAP_VENDOR, VIRTIO_PCI_CAP_PCI_CFG);
	data = cap + VIRTIO_PCI_CAP_EXTRA;
	/* Its type and length are no business of the driver's. */
	pci_config_write(r.host, AT(1, cap), 4, 0);
	assert_int_equal(cfg_r(r.host, AT(1, cap + 2), 2), VIRTIO_PCI_CAP_PCI_CFG << 8 | 20);
	/* BARs decode nothing, this does. */
	pci_config_write(r.host, AT(1, PCI_COMMAND), 2, PCI_COMMAND_MASTER);
	cfg_put(&r, cap, VIRTIO_PCI_NUM_QUEUES, 2);
	assert_int_equal(cfg_r(r.host, AT(1, data), 2), 3);
	cfg_put(&r, cap, VIRTIO_PCI_DEVICE_STATUS, 1);
	pci_config_write(r.host, AT(1, data), 1, ACK_DRIVER);
	assert_int_equal(r.v->status, ACK_DRIVER);
	pci_config_write(r.host, AT(1, data), 4, 0xffffff00);
	assert_int_equal(r.v->status, 0);
	cfg_put(&r, cap, VIRTIO_PCI_QUEUE_DESC, 4);
	pci_config_write(r.host, AT(1, data), 4, 0x12345678);
	assert_int_equal(r.v->q[0].desc, 0x12345678);
	memcpy(r.odd->config, "abcdef", 6);
	cfg_put(&r, cap, VIRTIO_PCI_DEVICE_OFF, 4);
	assert_int_equal(cfg_r(r.host, AT(1, data), 4), ld_le32("abcd"));
	/* Refused: lengths, alignment, the end, other BARs. */
	for (uint32_t len = 0; len < 10; len++) {
		cfg_put(&r, cap, VIRTIO_PCI_DEVICE_OFF, len);
		assert_int_equal(cfg_r(r.host, AT(1, data), 4) != 0,
				 len == 1 || len == 2 || len == 4);
	}
	for (uint32_t len = 1; len <= 4; len *= 2) {
		cfg_put(&r, cap, VIRTIO_PCI_DEVICE_OFF + 1, len);
		assert_int_equal(cfg_r(r.host, AT(1, data), 4) != 0, len == 1);
		cfg_put(&r, cap, 0x4000, len);
		assert_int_equal(cfg_r(r.host, AT(1, data), 4), 0);
		cfg_put(&r, cap, UINT32_MAX & ~3u, len);
		assert_int_equal(cfg_r(r.host, AT(1, data), 4), 0);
		pci_config_write(r.host, AT(1, data), 4, UINT32_MAX);
	}
	for (unsigned bar = 0; bar < 256; bar++) {
		cfg_put(&r, cap, VIRTIO_PCI_DEVICE_OFF, 4);
		pci_config_write(r.host, AT(1, cap + VIRTIO_PCI_CAP_BAR), 1, bar);
		assert_int_equal(cfg_r(r.host, AT(1, data), 4) != 0, bar == VIRTIO_PCI_BAR);
	}
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(identity),	     machine_test(options),
		machine_test(every_model),   machine_test(widths),
		machine_test(anywhere),	     machine_test(read_only),
		machine_test(halves),	     machine_test(queue_rules),
		machine_test(packed_size),   machine_test(queue_reset),
		machine_test(features),	     machine_test(notifications),
		machine_test(device_config), machine_test(config_access),
	};

	return cmocka_run_group_tests_name("virtio-pci", tests, NULL, NULL);
}
