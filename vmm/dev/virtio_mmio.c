/* SPDX-License-Identifier: MIT */
/*
 * The registers of virtio-mmio version 2 (virtio 1.2 section 4.2.2). What a driver must not do is
 * given a result all the same: a read gives 0, a write changes nothing, and a guest error is left
 * in the trace.
 */
#include <vmm/virtio.h>

#define R(name, reg, access)                                                                       \
	{                                                                                          \
		name, 0, 4, VIRTIO_MMIO_##reg, access                                              \
	}

const struct dev_reg virtio_mmio_regs[] = {
	R("MagicValue", MAGIC, "r"),
	R("Version", VERSION, "r"),
	R("DeviceID", DEVICE_ID, "r"),
	R("VendorID", VENDOR_ID, "r"),
	R("DeviceFeatures", DEVICE_FEATURES, "r"),
	R("DeviceFeaturesSel", DEVICE_FEATURES_SEL, "w"),
	R("DriverFeatures", DRIVER_FEATURES, "w"),
	R("DriverFeaturesSel", DRIVER_FEATURES_SEL, "w"),
	R("QueueSel", QUEUE_SEL, "w"),
	R("QueueNumMax", QUEUE_NUM_MAX, "r"),
	R("QueueNum", QUEUE_NUM, "w"),
	R("QueueReady", QUEUE_READY, "rw"),
	R("QueueNotify", QUEUE_NOTIFY, "w"),
	R("InterruptStatus", INTERRUPT_STATUS, "r"),
	R("InterruptACK", INTERRUPT_ACK, "w"),
	R("Status", STATUS, "rw"),
	R("QueueDescLow", QUEUE_DESC_LOW, "w"),
	R("QueueDescHigh", QUEUE_DESC_HIGH, "w"),
	R("QueueDriverLow", QUEUE_DRIVER_LOW, "w"),
	R("QueueDriverHigh", QUEUE_DRIVER_HIGH, "w"),
	R("QueueDeviceLow", QUEUE_DEVICE_LOW, "w"),
	R("QueueDeviceHigh", QUEUE_DEVICE_HIGH, "w"),
	R("SHMSel", SHM_SEL, "w"),
	R("SHMLenLow", SHM_LEN_LOW, "r"),
	R("SHMLenHigh", SHM_LEN_HIGH, "r"),
	R("SHMBaseLow", SHM_BASE_LOW, "r"),
	R("SHMBaseHigh", SHM_BASE_HIGH, "r"),
	R("QueueReset", QUEUE_RESET, "rw"),
	R("ConfigGeneration", CONFIG_GENERATION, "r"),
	{"Config", 0, VIRTIO_MMIO_LEN - VIRTIO_MMIO_CONFIG - 1, VIRTIO_MMIO_CONFIG, "rw"},
	{0},
};

/* The device's interface version (4.2.2): 2 is virtio 1.0 and later. */
#define MMIO_VERSION 2u
/* The length and base of a shared memory region that does not exist (4.2.2). */
#define SHM_NONE UINT64_MAX

static uint32_t half(uint64_t v, uint32_t sel)
{
	return sel > 1 ? 0 : (uint32_t)(v >> (32 * sel));
}

/* ---- shared memory ---------------------------------------------------------------------------- */

static uint64_t shm_length(struct virtio *v)
{
	int region = virtio_shm_find(v, v->shm_sel);
	uint64_t len = SHM_NONE;

	if (region >= 0)
		(void)virtio_shm(v, (unsigned)region, &len);
	return len;
}

static uint64_t shm_base(const struct virtio *v)
{
	int region = virtio_shm_find(v, v->shm_sel);

	return region >= 0 ? v->dev.range[1 + region].base : SHM_NONE;
}

/* ---- registers --------------------------------------------------------------------------------
 */

uint64_t virtio_mmio_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	struct virtio *v = container_of(d, struct virtio, dev);
	const struct virtq *q = virtio_selected(v);

	if (range)
		return virtio_shm_read(v, range - 1, off, size);
	if (off >= VIRTIO_MMIO_CONFIG)
		return virtio_config_read(v, off - VIRTIO_MMIO_CONFIG, size);
	/* 4.2.2.2: the driver uses 32-bit wide, aligned accesses. */
	if (size != 4 || (off & 3)) {
		dev_guest_error(d, "virtio-mmio: read not 32 bits wide and aligned", off, size);
		return 0;
	}
	switch ((enum virtio_mmio_reg)off) {
	case VIRTIO_MMIO_MAGIC:
		return VIRTIO_MMIO_MAGIC_VALUE;
	case VIRTIO_MMIO_VERSION:
		return MMIO_VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return v->vc->device_id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VIRTIO_VENDOR_VISE;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return half(virtio_offered(v), v->device_features_sel);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return q ? q->num_max : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return q ? q->ready : 0;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return v->interrupt_status;
	case VIRTIO_MMIO_STATUS:
		return v->status;
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
		return half(shm_length(v), off == VIRTIO_MMIO_SHM_LEN_HIGH);
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return half(shm_base(v), off == VIRTIO_MMIO_SHM_BASE_HIGH);
	case VIRTIO_MMIO_QUEUE_RESET:
		return 0; /* it is done when the write is */
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return v->config_generation;
	default:
		dev_guest_error(d, "virtio-mmio: read of no readable register", off, size);
		return 0;
	}
}

static void set_half(uint64_t *addr, bool high, uint32_t val)
{
	*addr = high ? (*addr & UINT32_MAX) | (uint64_t)val << 32
		     : (*addr & ~(uint64_t)UINT32_MAX) | val;
}

/* The registers that set a queue up; frozen while it is ready (4.2.2.2). */
static void write_queue(struct virtio *v, uint64_t off, uint32_t val)
{
	struct virtq *q = virtio_selected(v);

	if (!q || q->ready) {
		dev_guest_error(&v->dev, "virtio-mmio: set-up of a queue that is ready or missing",
				off, val);
		return;
	}
	switch (off) {
	case VIRTIO_MMIO_QUEUE_NUM:
		/*
		 * 2.7: a power of two (2.8: any), at most QueueNumMax. Kept whatever it is, all 32 bits of it:
		 * QueueReady refuses a wrong one. Ignoring it would leave a queue of another size than
		 * the driver believes.
		 */
		if (!val || val > q->num_max ||
		    (!virtio_has(v, VIRTIO_F_RING_PACKED) && (val & (val - 1))))
			dev_guest_error(&v->dev, "virtio-mmio: QueueNum is no size for it", off,
					val);
		q->num = val;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_half(&q->desc, off == VIRTIO_MMIO_QUEUE_DESC_HIGH, val);
		break;
	case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
	case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
		set_half(&q->avail, off == VIRTIO_MMIO_QUEUE_DRIVER_HIGH, val);
		break;
	default:
		set_half(&q->used, off == VIRTIO_MMIO_QUEUE_DEVICE_HIGH, val);
		break;
	}
}

static void write_reg(struct virtio *v, uint64_t off, uint32_t val)
{
	switch ((enum virtio_mmio_reg)off) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		v->device_features_sel = val;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		virtio_write_features(v, v->driver_features_sel, val);
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		v->driver_features_sel = val;
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		v->queue_sel = val;
		break;
	case VIRTIO_MMIO_QUEUE_NUM:
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
	case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
	case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
	case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
	case VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
		write_queue(v, off, val);
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		virtio_queue_ready(v, virtio_selected(v), val);
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		virtio_notify_data(v, val);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		virtio_interrupt_ack(v, val);
		break;
	case VIRTIO_MMIO_STATUS:
		virtio_write_status(v, val);
		break;
	case VIRTIO_MMIO_QUEUE_RESET:
		virtio_queue_reset(v, virtio_selected(v), val);
		break;
	case VIRTIO_MMIO_SHM_SEL:
		if (v->vc->nr_shm) /* else every region is one that does not exist */
			v->shm_sel = val;
		break;
	default:
		dev_guest_error(&v->dev, "virtio-mmio: write of no writable register", off, val);
	}
}

void virtio_mmio_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	struct virtio *v = container_of(d, struct virtio, dev);

	if (range)
		virtio_shm_write(v, range - 1, off, size, val);
	else if (off >= VIRTIO_MMIO_CONFIG)
		virtio_config_write(v, off - VIRTIO_MMIO_CONFIG, size, val);
	else if (size != 4 || (off & 3))
		dev_guest_error(d, "virtio-mmio: write not 32 bits wide and aligned", off, val);
	else
		write_reg(v, off, (uint32_t)val);
}
