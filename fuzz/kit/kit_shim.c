/* SPDX-License-Identifier: MIT */
/* kit_shim: a dev_class made of the struct vise_shim that KIT_SHIM names. */
#include <errno.h>

#include <vmm/virtio.h>

#include "kit_class.h"
#include "kit_shim.h"

#define CONFIG_LEN 256u /* of a virtio device: all that the transport can reach */

extern const struct vise_shim KIT_SHIM;

struct vise_shim_host {
	struct dev *dev;
};

/* Begins as a virtio device whether it is one or not: both begin with their struct dev. */
struct shim_dev {
	struct virtio v;
	struct vise_shim_host host;
	void *lifted;
};

static struct shim_dev *shim_of(struct dev *d)
{
	return container_of(d, struct shim_dev, v.dev);
}

int vise_dma_read(struct vise_shim_host *h, uint64_t gpa, void *buf, size_t len)
{
	return gmem_read(h->dev->env.mem, gpa, buf, len) ? -1 : 0;
}

int vise_dma_write(struct vise_shim_host *h, uint64_t gpa, const void *buf, size_t len)
{
	return gmem_write(h->dev->env.mem, gpa, buf, len) ? -1 : 0;
}

void vise_irq(struct vise_shim_host *h, int level)
{
	struct virtio *v = &shim_of(h->dev)->v;

	if (!KIT_SHIM.virtio_id) {
		irq_set(&h->dev->irq, level);
	} else if (level && !(v->interrupt_status & VIRTIO_INT_QUEUE)) {
		v->interrupt_status |= VIRTIO_INT_QUEUE;
		v->irq_level = true;
		irq_set(&h->dev->irq, 1);
	}
}

void vise_broken(struct vise_shim_host *h, const char *why)
{
	if (KIT_SHIM.virtio_id)
		virtio_broken(&shim_of(h->dev)->v, why);
	else
		dev_guest_error(h->dev, why, 0, 0);
}

static int make_lifted(struct dev *d, struct err *err)
{
	struct shim_dev *s = shim_of(d);

	s->host.dev = d;
	s->lifted = KIT_SHIM.create(&s->host);
	return s->lifted ? 0 : err_set(err, -ENOMEM, "%s: create() gave nothing", KIT_SHIM.name);
}

static void free_lifted(struct dev *d)
{
	if (shim_of(d)->lifted && KIT_SHIM.destroy)
		KIT_SHIM.destroy(shim_of(d)->lifted);
}

static void reset_lifted(struct dev *d)
{
	if (shim_of(d)->lifted)
		KIT_SHIM.reset(shim_of(d)->lifted);
}

/* ---- plain ----------------------------------------------------------------------------------------- */

static void plain_reset(struct dev *d)
{
	irq_set(&d->irq, 0);
	reset_lifted(d);
}

static uint64_t plain_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	(void)range;
	return KIT_SHIM.read ? KIT_SHIM.read(shim_of(d)->lifted, off, size) : UINT64_MAX;
}

static void plain_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	(void)range;
	if (KIT_SHIM.write)
		KIT_SHIM.write(shim_of(d)->lifted, off, size, val);
}

/* ---- virtio ---------------------------------------------------------------------------------------- */

static void shim_notify(struct virtio *v, unsigned queue)
{
	const struct virtq *q = &v->q[queue];
	const struct vise_shim_queue at = {q->num, q->desc, q->avail, q->used};

	KIT_SHIM.notify(shim_of(&v->dev)->lifted, queue, &at);
}

static void shim_queue_reset(struct virtio *v, unsigned queue)
{
	if (KIT_SHIM.queue_reset)
		KIT_SHIM.queue_reset(shim_of(&v->dev)->lifted, queue);
	else
		reset_lifted(&v->dev);
}

/* Cut as a bus cuts: 1, 2, 4 or 8 bytes. */
static unsigned piece(uint32_t len)
{
	return len >= 8 ? 8 : len >= 4 ? 4 : len >= 2 ? 2 : 1;
}

static void shim_config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
	uint8_t *p = buf, le[8];

	for (unsigned n; len; off += n, p += n, len -= n) {
		n = piece(len);
		st_le64(le, KIT_SHIM.read ? KIT_SHIM.read(shim_of(&v->dev)->lifted, off, n) : 0);
		memcpy(p, le, n);
	}
}

static void shim_config_write(struct virtio *v, uint32_t off, const void *buf, uint32_t len)
{
	const uint8_t *p = buf;

	for (unsigned n; len; off += n, p += n, len -= n) {
		uint8_t le[8] = {0};

		n = piece(len);
		memcpy(le, p, n);
		if (KIT_SHIM.write)
			KIT_SHIM.write(shim_of(&v->dev)->lifted, off, n, ld_le64(le));
	}
}

static struct virtio_class shim_virtio = {.config_len = CONFIG_LEN,
					  .notify = shim_notify,
					  .queue_reset = shim_queue_reset,
					  .config_read = shim_config_read,
					  .config_write = shim_config_write};

static void virtio_shim_reset(struct dev *d)
{
	virtio_reset(d);
	reset_lifted(d);
}

static int virtio_shim_init(struct dev *d, struct err *err)
{
	int rc = virtio_init(d, &shim_virtio, err);

	if (!rc)
		rc = make_lifted(d, err);
	if (!rc)
		virtio_shim_reset(d);
	return rc;
}

static void virtio_shim_fini(struct dev *d)
{
	free_lifted(d);
	virtio_fini(d);
}

/* ---- the class --------------------------------------------------------------------------------------- */

static const struct dev_opt shim_opts[] = {
	{"irq", "interrupt line", offsetof(struct dev, irq_line), 5, 0, 23}, {0}};
static const struct state_field plain_state[] = {STATE_END};
static const struct state_field virtio_state[] = {VIRTIO_STATE_FIELDS, STATE_END};

const struct dev_class *kit_shim_class(void)
{
	static struct dev_range ranges[2];
	static struct dev_class plain = {.size = sizeof(struct shim_dev),
					 .version = 1,
					 .ranges = ranges,
					 .opts = shim_opts,
					 .state = plain_state,
					 .init = make_lifted,
					 .reset = plain_reset,
					 .read = plain_read,
					 .write = plain_write,
					 .fini = free_lifted};
	static struct dev_class virtio = {.size = sizeof(struct shim_dev),
					  .version = 1,
					  .ranges = ranges,
					  .opts = shim_opts,
					  .state = virtio_state,
					  .init = virtio_shim_init,
					  .reset = virtio_shim_reset,
					  VIRTIO_MMIO_CLASS_HOOKS};
	struct dev_class *cls = KIT_SHIM.virtio_id ? &virtio : &plain;

	virtio.fini = virtio_shim_fini;
	cls->name = KIT_SHIM.name;
	ranges[0] = (struct dev_range){"registers", KIT_SHIM.ports ? BUS_PIO : BUS_MMIO,
				       KIT_SHIM.base, KIT_SHIM.len};
	if (KIT_SHIM.virtio_id)
		ranges[0] = (struct dev_range){"registers", BUS_MMIO, 0xd0000000u, VIRTIO_MMIO_LEN};
	shim_virtio.device_id = KIT_SHIM.virtio_id;
	shim_virtio.features = KIT_SHIM.features;
	shim_virtio.nr_queues = KIT_SHIM.queues;
	shim_virtio.queue_max = KIT_SHIM.queue_max;
	return cls;
}
