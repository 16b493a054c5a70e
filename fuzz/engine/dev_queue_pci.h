/* SPDX-License-Identifier: MIT */
/*
 * dev_queue_pci: the transport of dev_queue.h that reaches a device over virtio-pci: registers by its BAR,
 * or by the configuration access capability where the input says so; interrupts by the pin. The target
 * links module pci, and gives &dq_pci where dq_mmio would be.
 */
#ifndef FUZZ_ENGINE_DEV_QUEUE_PCI_H
#define FUZZ_ENGINE_DEV_QUEUE_PCI_H

#include <vmm/virtio_pci.h>

/* Where the offsets of REG are: common configuration, ISR, notifications, the window. */
#define DQ_PCI_ISR     0x40u
#define DQ_PCI_NOTIFY  0x80u
#define DQ_PCI_WINDOW  0xc0u
#define DQ_PCI_SLOT    1u
#define DQ_PCI_AT(reg) (DQ_PCI_SLOT << 15 | (reg))

static struct dq_pci {
	struct dev *host, *d;
	struct pci_func *f;
	struct virtio *v;
	unsigned window; /* the capability */
} dq_pci_of[DQ_VARIANTS];

static struct dq_pci *dq_pci_find(const struct virtio *v)
{
	unsigned i = 0;

	while (dq_pci_of[i].v != v)
		i++;
	return &dq_pci_of[i];
}

static void dq_pci_wire(struct virtio *v)
{
	struct dq_pci *p = &dq_pci_of[W.nr_variants];
	struct dev_env env = v->dev.env;
	struct err err = {0};
	int bad;

	env.irq = (struct irq){dq_on_line, v, 0};
	p->v = v;
	bad = dev_new_class(&p->host, &dev_class_pci_host, NULL, &env, &err) ||
	      virtio_pci_wrap(&p->d, &v->dev, W.nr_variants & 1 ? "vectors=0,bar64=0" : NULL, &env,
			      &err) ||
	      pci_plug(p->host, pci_func_of(p->d), &err);
	FUZZ_ORACLE(!bad, "set-up", "%s", err.msg);
	p->f = pci_func_of(p->d);
	for (unsigned at = p->f->config[PCI_CAPABILITIES]; at; at = p->f->config[at + 1])
		if (p->f->config[at] == PCI_CAP_VENDOR &&
		    p->f->config[at + VIRTIO_PCI_CAP_TYPE] == VIRTIO_PCI_CAP_PCI_CFG)
			p->window = at;
}

static struct dev *dq_pci_whole(struct virtio *v)
{
	return dq_pci_find(v)->d;
}

static void dq_pci_write(struct virtio *v, uint64_t off, unsigned size, uint64_t val)
{
	pci_bar_write(dq_pci_find(v)->f, VIRTIO_PCI_BAR, off, size, val & size_mask(size));
}

/* A driver that begins makes the function a bus master. */
static void dq_pci_status(struct virtio *v, uint32_t val)
{
	struct dq_pci *p = dq_pci_find(v);

	if (!pci_is_master(p->f))
		pci_config_write(p->host, DQ_PCI_AT(PCI_COMMAND), 2, PCI_COMMAND_MASTER);
	dq_pci_write(v, VIRTIO_PCI_DEVICE_STATUS, 1, val);
}

static void dq_pci_features(struct virtio *v, uint64_t accepted)
{
	for (unsigned i = 0; i < 2; i++) {
		dq_pci_write(v, VIRTIO_PCI_DRIVER_FEATURE_SELECT, 4, i);
		dq_pci_write(v, VIRTIO_PCI_DRIVER_FEATURE, 4, accepted >> (32 * i));
	}
}

static void dq_pci_set_up(struct virtio *v, unsigned queue, uint32_t num, uint64_t desc,
			  uint64_t avail, uint64_t used)
{
	const uint64_t area[3] = {desc, avail, used};

	dq_pci_write(v, VIRTIO_PCI_QUEUE_SELECT, 2, queue);
	dq_pci_write(v, VIRTIO_PCI_QUEUE_SIZE, 2, num);
	for (unsigned i = 0; i < 3; i++) {
		dq_pci_write(v, VIRTIO_PCI_QUEUE_DESC + 8 * i, 4, area[i]);
		dq_pci_write(v, VIRTIO_PCI_QUEUE_DESC + 8 * i + 4, 4, area[i] >> 32);
	}
	dq_pci_write(v, VIRTIO_PCI_QUEUE_ENABLE, 2, 1);
}

static void dq_pci_reset_queue(struct virtio *v, unsigned queue)
{
	dq_pci_write(v, VIRTIO_PCI_QUEUE_SELECT, 2, queue);
	dq_pci_write(v, VIRTIO_PCI_QUEUE_RESET, 2, 1);
}

static void dq_pci_kick(struct virtio *v, uint32_t val)
{
	dq_pci_write(v, VIRTIO_PCI_NOTIFY_OFF + 4ull * (val & 0xffff),
		     virtio_has(v, VIRTIO_F_NOTIFICATION_DATA) ? 4 : 2, val);
}

static uint32_t dq_pci_ack(struct virtio *v)
{
	uint64_t was = pci_bar_read(dq_pci_find(v)->f, VIRTIO_PCI_BAR, VIRTIO_PCI_ISR_OFF, 1);

	FUZZ_ORACLE(!v->interrupt_status, "isr", "ISR is %#x after its read", v->interrupt_status);
	return (uint32_t)was;
}

static uint64_t dq_pci_access(struct virtio *v, bool write, uint64_t off, unsigned size,
			      uint64_t val)
{
	if (!write)
		return pci_bar_read(dq_pci_find(v)->f, VIRTIO_PCI_BAR, off, size);
	dq_pci_write(v, off, size, val);
	return 0;
}

/* Through the configuration access capability, any length. */
static uint64_t dq_pci_by_window(struct virtio *v, bool write, uint32_t off, unsigned size,
				 uint64_t val)
{
	struct dq_pci *p = dq_pci_find(v);
	uint32_t at = DQ_PCI_AT(p->window);

	pci_config_write(p->host, at + VIRTIO_PCI_CAP_BAR, 1, VIRTIO_PCI_BAR);
	pci_config_write(p->host, at + VIRTIO_PCI_CAP_OFFSET, 4, off);
	pci_config_write(p->host, at + VIRTIO_PCI_CAP_LENGTH, 4, size);
	if (!write)
		return pci_config_read(p->host, at + VIRTIO_PCI_CAP_EXTRA, 4) & size_mask(size);
	pci_config_write(p->host, at + VIRTIO_PCI_CAP_EXTRA, 4, val & UINT32_MAX);
	return 0;
}

static uint64_t dq_pci_reg(struct virtio *v, bool write, uint32_t off, unsigned size, uint64_t val)
{
	if (off < DQ_PCI_ISR)
		return dq_pci_access(v, write, off, size, val);
	if (off < DQ_PCI_NOTIFY)
		return dq_pci_access(v, write, VIRTIO_PCI_ISR_OFF + off - DQ_PCI_ISR, size, val);
	if (off < DQ_PCI_WINDOW)
		return dq_pci_access(v, write, VIRTIO_PCI_NOTIFY_OFF + off - DQ_PCI_NOTIFY, size,
				     val);
	return dq_pci_by_window(v, write, off - DQ_PCI_WINDOW, size, val);
}

static uint64_t dq_pci_config(struct virtio *v, bool write, uint32_t off, unsigned size,
			      uint64_t val)
{
	return dq_pci_access(v, write, VIRTIO_PCI_DEVICE_OFF + off, size, val);
}

__attribute__((unused)) static const struct dq_transport dq_pci = {
	.wire = dq_pci_wire,
	.whole = dq_pci_whole,
	.status = dq_pci_status,
	.features = dq_pci_features,
	.set_up = dq_pci_set_up,
	.reset_queue = dq_pci_reset_queue,
	.kick = dq_pci_kick,
	.ack = dq_pci_ack,
	.reg = dq_pci_reg,
	.config = dq_pci_config,
};

#endif
