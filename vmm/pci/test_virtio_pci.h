/* SPDX-License-Identifier: MIT */
/* What the unit tests of virtio-pci share: a model with three queues, and a driver that does all right. */
#ifndef VMM_PCI_TEST_VIRTIO_PCI_H
#define VMM_PCI_TEST_VIRTIO_PCI_H

#include "test_pci.h"

#include <vmm/virtq_driver.h>

#define REGS	   0xf0000000ull
#define MSIX	   0xf1000000ull
#define RINGS	   0x10000u
#define BUFS	   0x40000u
#define ACK_DRIVER (VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER)
#define AGREED	   (ACK_DRIVER | VIRTIO_S_FEATURES_OK)
#define UP	   (AGREED | VIRTIO_S_DRIVER_OK)
#define F_BASE	   (1ull << VIRTIO_F_VERSION_1)

/* Three queues of at most 64; a configuration of 6 bytes; what is asked for is completed at once. */
struct odd {
	struct virtio v;
	uint8_t config[6];
	unsigned notified[3];
};

static inline void odd_notify(struct virtio *v, unsigned queue)
{
	struct virtq_chain c;

	container_of(v, struct odd, v)->notified[queue]++;
	while (virtq_next(&v->q[queue], &c) == 1) {
		if (!c.error)
			(void)virtq_write(&v->q[queue], &c, 0, "pci!", 4);
		if (virtio_complete(v, queue, &c))
			return;
	}
}

static inline void odd_config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
	assert_true(off + len <= 6);
	memcpy(buf, container_of(v, struct odd, v)->config + off, len);
}

static inline void odd_config_write(struct virtio *v, uint32_t off, const void *buf, uint32_t len)
{
	assert_true(off + len <= 6);
	memcpy(container_of(v, struct odd, v)->config + off, buf, len);
}

static const struct virtio_class odd_virtio = {
	.device_id = 42,
	.features = 1u << 5,
	.nr_queues = 3,
	.queue_max = 64,
	.config_len = 6,
	.notify = odd_notify,
	.config_read = odd_config_read,
	.config_write = odd_config_write,
};

static inline int odd_init(struct dev *d, struct err *err)
{
	int rc = virtio_init(d, &odd_virtio, err);

	if (!rc)
		virtio_reset(d);
	return rc;
}

static const struct dev_range odd_ranges[] = {{"registers", BUS_MMIO, 0xd0000000, VIRTIO_MMIO_LEN},
					      {0}};
static const struct dev_opt odd_opts[] = {
	{"irq", "line", offsetof(struct dev, irq_line), 5, 0, 15}, VIRTIO_OPTS, {0}};
static const struct state_field odd_state[] = {VIRTIO_STATE_FIELDS, STATE_RAW(struct odd, config),
					       STATE_END};
static const struct dev_class odd_class = {
	.name = "virtio-odd",
	.size = sizeof(struct odd),
	.version = 1,
	.ranges = odd_ranges,
	.opts = odd_opts,
	.state = odd_state,
	.init = odd_init,
	.reset = virtio_reset,
	VIRTIO_MMIO_CLASS_HOOKS,
};

struct rig {
	struct machine *m;
	struct dev *host, *d;
	struct pci_func *f;
	struct virtio *v;
	struct odd *odd;
	struct virtq_driver q;
};

static inline void rig_init(struct rig *r, struct machine *m, const char *opts)
{
	memset(r, 0, sizeof(*r));
	r->m = m;
	r->host = add_host(m, NULL);
	assert_int_equal(virtio_pci_new_class(&r->d, &odd_class, opts, &m->env, NULL), 0);
	assert_int_equal(dev_attach(r->d, m->bus, NULL), 0);
	r->f = pci_func_of(r->d);
	assert_int_equal(pci_plug(r->host, r->f, NULL), 0);
	r->v = virtio_pci_model(r->d);
	r->odd = container_of(r->v, struct odd, v);
	pci_config_write(r->host, AT(1, PCI_BAR0 + 16), 4, REGS);
	pci_config_write(r->host, AT(1, PCI_BAR0 + 4), 4, MSIX);
	pci_config_write(r->host, AT(1, PCI_COMMAND), 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static inline void rig_fini(struct rig *r)
{
	dev_free(r->d);
	dev_free(r->host);
}

static inline uint64_t rd(struct rig *r, uint64_t off, unsigned size)
{
	return mmio_r(r->m, REGS + off, size);
}

static inline void wr(struct rig *r, uint64_t off, unsigned size, uint64_t val)
{
	mmio_w(r->m, REGS + off, size, val);
}

#define get(r, reg, size)      rd(r, VIRTIO_PCI_##reg, size)
#define put(r, reg, size, val) wr(r, VIRTIO_PCI_##reg, size, val)

static inline void accept_features(struct rig *r, uint64_t f)
{
	put(r, DEVICE_STATUS, 1, 0);
	put(r, DEVICE_STATUS, 1, VIRTIO_S_ACKNOWLEDGE);
	put(r, DEVICE_STATUS, 1, ACK_DRIVER);
	put(r, DRIVER_FEATURE_SELECT, 4, 0);
	put(r, DRIVER_FEATURE, 4, (uint32_t)f);
	put(r, DRIVER_FEATURE_SELECT, 4, 1);
	put(r, DRIVER_FEATURE, 4, f >> 32);
	put(r, DEVICE_STATUS, 1, AGREED);
}

static inline void half_pair(struct rig *r, uint64_t reg, uint64_t val)
{
	wr(r, reg, 4, (uint32_t)val);
	wr(r, reg + 4, 4, val >> 32);
}

static inline void set_up_queue(struct rig *r, unsigned queue, uint32_t num)
{
	assert_int_equal(virtq_driver_init(&r->q, r->m->env.mem, num, RINGS, false), 0);
	put(r, QUEUE_SELECT, 2, queue);
	put(r, QUEUE_SIZE, 2, num);
	half_pair(r, VIRTIO_PCI_QUEUE_DESC, r->q.desc);
	half_pair(r, VIRTIO_PCI_QUEUE_DRIVER, r->q.avail);
	half_pair(r, VIRTIO_PCI_QUEUE_DEVICE, r->q.used);
}

static inline void bring_up(struct rig *r, unsigned queue)
{
	accept_features(r, F_BASE);
	assert_int_equal(get(r, DEVICE_STATUS, 1), AGREED);
	set_up_queue(r, queue, 8);
	put(r, QUEUE_ENABLE, 2, 1);
	assert_int_equal(get(r, QUEUE_ENABLE, 2), 1);
	put(r, DEVICE_STATUS, 1, UP);
}

/* Offer a chain of one writable buffer; the caller rings. */
static inline void offer_one(struct rig *r)
{
	struct virtq_buf buf = {BUFS, 16, true};
	int head = virtq_driver_chain(&r->q, &buf, 1);

	assert_true(head >= 0);
	virtq_driver_offer(&r->q, (uint16_t)head);
	virtq_driver_publish(&r->q);
}

static inline bool used_one(struct rig *r)
{
	uint32_t id, len;

	if (!virtq_driver_used(&r->q, &id, &len))
		return false;
	assert_int_equal(len, 4);
	return true;
}

static inline void ring(struct rig *r, unsigned queue)
{
	wr(r, VIRTIO_PCI_NOTIFY_OFF + 4ull * queue, 2, queue);
}

static inline void msix_on(struct rig *r, unsigned vectors)
{
	pci_config_write(r->host, AT(1, r->f->msix_cap + PCI_MSIX_CONTROL), 2, PCI_MSIX_ENABLE);
	for (unsigned i = 0; i < vectors; i++) {
		mmio_w(r->m, MSIX + 16ull * i, 8, 0xfee00000);
		mmio_w(r->m, MSIX + 16ull * i + 8, 8, 0x40 + i);
	}
}

#endif
