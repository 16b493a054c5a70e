/* SPDX-License-Identifier: MIT */
/*
 * virtio-pci: the registers in its BAR: common configuration (virtio 1.2 section 4.1.4.3), notifications
 * (4.1.4.4), ISR (4.1.4.5), device configuration (4.1.4.6); and shared memory (4.1.4.7). What a driver
 * must not do is listed in virtio_pci.h.
 */
#include "virtio_pci_priv.h"

#define R(name, reg, width, access)                                                                \
	{                                                                                          \
		name, VIRTIO_PCI_BAR, width, VIRTIO_PCI_##reg, access                              \
	}

const struct dev_reg virtio_pci_regs[] = {
	R("device_feature_select", DEVICE_FEATURE_SELECT, 4, "rw"),
	R("device_feature", DEVICE_FEATURE, 4, "r"),
	R("driver_feature_select", DRIVER_FEATURE_SELECT, 4, "rw"),
	R("driver_feature", DRIVER_FEATURE, 4, "rw"),
	R("config_msix_vector", CONFIG_MSIX_VECTOR, 2, "rw"),
	R("num_queues", NUM_QUEUES, 2, "r"),
	R("device_status", DEVICE_STATUS, 1, "rw"),
	R("config_generation", CONFIG_GENERATION, 1, "r"),
	R("queue_select", QUEUE_SELECT, 2, "rw"),
	R("queue_size", QUEUE_SIZE, 2, "rw"),
	R("queue_msix_vector", QUEUE_MSIX_VECTOR, 2, "rw"),
	R("queue_enable", QUEUE_ENABLE, 2, "rw"),
	R("queue_notify_off", QUEUE_NOTIFY_OFF, 2, "r"),
	R("queue_desc", QUEUE_DESC, 8, "rw"),
	R("queue_driver", QUEUE_DRIVER, 8, "rw"),
	R("queue_device", QUEUE_DEVICE, 8, "rw"),
	R("queue_notify_data", QUEUE_NOTIFY_DATA, 2, "r"),
	R("queue_reset", QUEUE_RESET, 2, "rw"),
	R("isr", ISR_OFF, 1, "rc"),
	{0},
};

static void guest_error(struct virtio_pci *p, const char *text, uint64_t off, uint64_t val)
{
	dev_guest_error(&p->f.dev, text, off, val);
}

/* The register that an access of (size) at (off) is for, by 4.1.3.1's widths; NULL: none. */
static const struct dev_reg *find(uint64_t off, unsigned size)
{
	/* In order of their offsets; the last two are the ISR and the end. */
	unsigned lo = 0, hi = ARRAY_SIZE(virtio_pci_regs) - 2;
	const struct dev_reg *r;

	if (off >= VIRTIO_PCI_COMMON_LEN)
		return NULL;
	while (hi - lo > 1) {
		unsigned mid = (lo + hi) / 2;

		if (virtio_pci_regs[mid].off <= off)
			lo = mid;
		else
			hi = mid;
	}
	r = &virtio_pci_regs[lo];
	if (off == r->off && size == (r->width == 8 ? 4 : r->width))
		return r;
	return r->width == 8 && off == r->off + 4 && size == 4 ? r : NULL;
}

static uint32_t half(uint64_t v, uint32_t sel)
{
	return sel > 1 ? 0 : (uint32_t)(v >> (32 * sel));
}

static uint64_t *area(struct virtq *q, unsigned reg)
{
	return reg == VIRTIO_PCI_QUEUE_DESC	? &q->desc
	       : reg == VIRTIO_PCI_QUEUE_DRIVER ? &q->avail
						: &q->used;
}

/* ---- common configuration: reads ---------------------------------------------------------------- */

static uint8_t generation(struct virtio_pci *p)
{
	if (p->v->config_generation != p->generation_seen) {
		p->generation_seen = p->v->config_generation;
		if (p->generation_read)
			p->generation++;
		p->generation_read = false;
	}
	return p->generation;
}

static uint32_t queue_read(const struct virtio_pci *p, unsigned reg, bool high, struct virtq *q)
{
	if (!q)
		return reg == VIRTIO_PCI_QUEUE_MSIX_VECTOR ? VIRTIO_PCI_NO_VECTOR : 0;
	switch (reg) {
	case VIRTIO_PCI_QUEUE_SIZE:
		return q->num;
	case VIRTIO_PCI_QUEUE_MSIX_VECTOR:
		return p->queue_vector[q - p->v->q];
	case VIRTIO_PCI_QUEUE_ENABLE:
		return q->ready;
	case VIRTIO_PCI_QUEUE_NOTIFY_OFF:
		return (uint32_t)(q - p->v->q);
	case VIRTIO_PCI_QUEUE_DESC:
	case VIRTIO_PCI_QUEUE_DRIVER:
	case VIRTIO_PCI_QUEUE_DEVICE:
		return half(*area(q, reg), high);
	default:
		return 0; /* queue_notify_data is not offered; a queue's reset is over at once */
	}
}

static uint32_t common_read(struct virtio_pci *p, uint64_t off, unsigned size)
{
	const struct dev_reg *r = find(off, size);
	struct virtio *v = p->v;

	if (!r) {
		guest_error(p, "virtio-pci: read of no register, or of a wrong width", off, size);
		return 0;
	}
	switch (r->off) {
	case VIRTIO_PCI_DEVICE_FEATURE_SELECT:
		return v->device_features_sel;
	case VIRTIO_PCI_DEVICE_FEATURE:
		return half(virtio_offered(v), v->device_features_sel);
	case VIRTIO_PCI_DRIVER_FEATURE_SELECT:
		return v->driver_features_sel;
	case VIRTIO_PCI_DRIVER_FEATURE:
		return half(v->driver_features, v->driver_features_sel);
	case VIRTIO_PCI_CONFIG_MSIX_VECTOR:
		return p->config_vector;
	case VIRTIO_PCI_NUM_QUEUES:
		return v->nr_queues;
	case VIRTIO_PCI_DEVICE_STATUS:
		return v->status;
	case VIRTIO_PCI_CONFIG_GENERATION:
		return generation(p);
	case VIRTIO_PCI_QUEUE_SELECT:
		return v->queue_sel;
	default:
		return queue_read(p, r->off, off != r->off, virtio_selected(v));
	}
}

/* ---- common configuration: writes ---------------------------------------------------------------- */

static uint16_t vector(struct virtio_pci *p, uint32_t val)
{
	/* 4.1.5.1.2.1: what cannot be mapped reads back as NO_VECTOR. */
	if (val < p->f.nr_vectors || val == VIRTIO_PCI_NO_VECTOR)
		return (uint16_t)val;
	guest_error(p, "virtio-pci: a vector that is not there", val, p->f.nr_vectors);
	return VIRTIO_PCI_NO_VECTOR;
}

static void write_size(struct virtio_pci *p, struct virtq *q, uint32_t val)
{
	bool packed = virtio_has(p->v, VIRTIO_F_RING_PACKED);

	/*
	 * 4.1.4.3.1: queue_size reads 0 or a power of two. What is neither is 0, which queue_enable
	 * refuses: the queue never has another size than the driver believes.
	 */
	if (!val || val > q->num_max || (!packed && (val & (val - 1)))) {
		guest_error(p, "virtio-pci: queue_size is no size for it", val, q->num_max);
		val = 0;
	}
	q->num = val;
}

static void set_half(uint64_t *to, bool high, uint32_t val)
{
	*to = high ? (*to & UINT32_MAX) | (uint64_t)val << 32 : (*to & ~(uint64_t)UINT32_MAX) | val;
}

/* Set-up, frozen while the queue is enabled. */
static void write_set_up(struct virtio_pci *p, unsigned reg, bool high, struct virtq *q,
			 uint32_t val)
{
	if (!q || q->ready)
		guest_error(p, "virtio-pci: set-up of a queue that is enabled or missing", reg,
			    val);
	else if (reg == VIRTIO_PCI_QUEUE_SIZE)
		write_size(p, q, val);
	else
		set_half(area(q, reg), high, val);
}

static void write_queue(struct virtio_pci *p, unsigned reg, bool high, uint32_t val)
{
	struct virtq *q = virtio_selected(p->v);

	switch (reg) {
	case VIRTIO_PCI_QUEUE_MSIX_VECTOR:
		if (q)
			p->queue_vector[q - p->v->q] = vector(p, val);
		else
			guest_error(p, "virtio-pci: a vector for no queue", p->v->queue_sel, val);
		break;
	case VIRTIO_PCI_QUEUE_ENABLE:
		/* 4.1.4.3.2: the driver must not write 0. */
		if (val == 1)
			virtio_queue_ready(p->v, q, 1);
		else
			guest_error(p, "virtio-pci: queue_enable is written with no 1",
				    p->v->queue_sel, val);
		break;
	case VIRTIO_PCI_QUEUE_RESET:
		virtio_queue_reset(p->v, q, val);
		break;
	default:
		write_set_up(p, reg, high, q, val);
	}
}

static void common_write(struct virtio_pci *p, uint64_t off, unsigned size, uint32_t val)
{
	const struct dev_reg *r = find(off, size);
	struct virtio *v = p->v;

	if (!r || r->access[0] != 'r' || r->access[1] != 'w') {
		guest_error(p, "virtio-pci: write of no writable register, or of a wrong width",
			    off, val);
		return;
	}
	switch (r->off) {
	case VIRTIO_PCI_DEVICE_FEATURE_SELECT:
		v->device_features_sel = val;
		break;
	case VIRTIO_PCI_DRIVER_FEATURE_SELECT:
		v->driver_features_sel = val;
		break;
	case VIRTIO_PCI_DRIVER_FEATURE:
		virtio_write_features(v, v->driver_features_sel, val);
		break;
	case VIRTIO_PCI_CONFIG_MSIX_VECTOR:
		p->config_vector = vector(p, val);
		break;
	case VIRTIO_PCI_DEVICE_STATUS:
		virtio_write_status(v, val);
		break;
	case VIRTIO_PCI_QUEUE_SELECT:
		v->queue_sel = val;
		break;
	default:
		write_queue(p, r->off, off != r->off, val);
	}
}

/* ---- notifications, ISR, device configuration ------------------------------------------------------ */

static void notify(struct virtio_pci *p, uint64_t off, unsigned size, uint32_t val)
{
	const bool data = virtio_has(p->v, VIRTIO_F_NOTIFICATION_DATA);
	const uint64_t m = p->multiplier;

	/* 4.1.5.2: the queue's number in 16 bits or, with NOTIFICATION_DATA, 2.9 in 32. */
	if (size != (data ? 4 : 2) || (m ? off % m : off)) {
		guest_error(p, "virtio-pci: notification of a wrong width or at no queue's address",
			    off, size);
		return;
	}
	if (m && off / m != (val & UINT16_MAX)) {
		guest_error(p, "virtio-pci: notification of another queue than its address is for",
			    off, val);
		return;
	}
	virtio_notify_data(p->v, val); /* refused while bus mastering is off: virtio_stop() */
}

static uint64_t isr_read(struct virtio_pci *p, uint64_t off, unsigned size)
{
	uint32_t status = p->v->interrupt_status;

	if (off || size != 1) {
		guest_error(p, "virtio-pci: ISR is one byte", off, size);
		return 0;
	}
	virtio_interrupt_ack(p->v, status);
	return status;
}

/* The shared memory region that [off, off + size) of its BAR is in, and *off there; -1: none. */
static int shm_at(struct virtio_pci *p, uint64_t *off, unsigned size)
{
	for (unsigned i = 0; i < p->v->vc->nr_shm; i++) {
		if (range_within(*off, size, p->shm_off[i], p->shm_off[i + 1] - p->shm_off[i])) {
			*off -= p->shm_off[i];
			return (int)i;
		}
	}
	return -1;
}

static uint64_t shm_read(struct virtio_pci *p, uint64_t off, unsigned size)
{
	int region = shm_at(p, &off, size);

	if (region >= 0)
		return virtio_shm_read(p->v, (unsigned)region, off, size);
	guest_error(p, "virtio-pci: read beyond the shared memory regions", off, size);
	return 0;
}

static void shm_write(struct virtio_pci *p, uint64_t off, unsigned size, uint64_t val)
{
	int region = shm_at(p, &off, size);

	if (region >= 0)
		virtio_shm_write(p->v, (unsigned)region, off, size, val);
	else
		guest_error(p, "virtio-pci: write beyond the shared memory regions", off, val);
}

uint64_t virtio_pci_bar_read(struct pci_func *f, unsigned bar, uint64_t off, unsigned size)
{
	struct virtio_pci *p = container_of(f, struct virtio_pci, f);
	const struct virtio *v = p->v;

	if (bar == VIRTIO_PCI_SHM_BAR)
		return shm_read(p, off, size);
	if (off < VIRTIO_PCI_ISR_OFF)
		return common_read(p, off, size);
	if (off < VIRTIO_PCI_DEVICE_OFF)
		return isr_read(p, off - VIRTIO_PCI_ISR_OFF, size);
	if (off < VIRTIO_PCI_NOTIFY_OFF && v->vc->config_len) {
		/* From here on another generation tells of a change (4.1.4.3.1). */
		(void)generation(p);
		p->generation_read = true;
		return virtio_config_read(p->v, off - VIRTIO_PCI_DEVICE_OFF, size);
	}
	guest_error(p, "virtio-pci: read where there is nothing to be read", off, size);
	return 0;
}

void virtio_pci_bar_write(struct pci_func *f, unsigned bar, uint64_t off, unsigned size,
			  uint64_t val)
{
	struct virtio_pci *p = container_of(f, struct virtio_pci, f);

	if (bar == VIRTIO_PCI_SHM_BAR)
		shm_write(p, off, size, val);
	else if (off < VIRTIO_PCI_ISR_OFF)
		common_write(p, off, size, (uint32_t)val);
	else if (off >= VIRTIO_PCI_NOTIFY_OFF && off - VIRTIO_PCI_NOTIFY_OFF < p->notify_len)
		notify(p, off - VIRTIO_PCI_NOTIFY_OFF, size, (uint32_t)val);
	else if (off >= VIRTIO_PCI_DEVICE_OFF && off < VIRTIO_PCI_NOTIFY_OFF &&
		 p->v->vc->config_len)
		virtio_config_write(p->v, off - VIRTIO_PCI_DEVICE_OFF, size, val);
	else
		guest_error(p, "virtio-pci: write where there is nothing to be written", off, val);
}
