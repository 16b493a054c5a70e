/* SPDX-License-Identifier: MIT */
/*
 * What every virtio device does whatever its transport: status, features, queues, interrupts
 * (virtio 1.2 sections 2.1, 2.2, 2.3, 3.1).
 */
#include <assert.h>
#include <errno.h>

#include "virtio_priv.h"

/* Bits of the status that the driver sets (2.1); the device alone sets NEEDS_RESET. */
#define STATUS_DRIVERS                                                                             \
	(VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER | VIRTIO_S_DRIVER_OK | VIRTIO_S_FEATURES_OK |      \
	 VIRTIO_S_FAILED)
#define INTERRUPTS (VIRTIO_INT_QUEUE | VIRTIO_INT_CONFIG)

#define BIT(n) (1ull << (n))

static struct virtio *virtio_of(struct dev *d)
{
	return container_of(d, struct virtio, dev);
}

uint64_t virtio_offered(const struct virtio *v)
{
	return v->vc->features | BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_INDIRECT_DESC) |
	       BIT(VIRTIO_F_EVENT_IDX);
}

/* ---- interrupts -------------------------------------------------------------------------------
 */

static void update_irq(struct virtio *v)
{
	bool level = v->interrupt_status != 0;

	if (level == v->irq_level)
		return;
	v->irq_level = level;
	irq_set(&v->dev.irq, level);
}

void virtio_interrupt_ack(struct virtio *v, uint32_t bits)
{
	if (bits & ~INTERRUPTS)
		dev_guest_error(&v->dev, "virtio: acknowledge of no interrupt", bits,
				v->interrupt_status);
	v->interrupt_status &= ~bits;
	update_irq(v);
}

void virtio_signal(struct virtio *v, unsigned queue)
{
	if (!virtq_needs_interrupt(&v->q[queue]))
		return;
	v->interrupt_status |= VIRTIO_INT_QUEUE;
	update_irq(v);
}

void virtio_broken(struct virtio *v, const char *why)
{
	if (v->status & VIRTIO_S_NEEDS_RESET)
		return;
	dev_guest_error(&v->dev, why, v->status, 0);
	v->status |= VIRTIO_S_NEEDS_RESET;
	/* 2.1.2: a driver that is up is told. */
	if (v->status & VIRTIO_S_DRIVER_OK) {
		v->interrupt_status |= VIRTIO_INT_CONFIG;
		update_irq(v);
	}
}

/* ---- status and features ----------------------------------------------------------------------
 */

static bool features_agree(struct virtio *v)
{
	uint64_t unknown = v->driver_features & ~virtio_offered(v);

	if (unknown || v->features_beyond) {
		dev_guest_error(&v->dev, "virtio: a feature was accepted that is not offered",
				unknown, 0);
		return false;
	}
	/* 6.1: without VERSION_1 the driver means the legacy interface, which we have not. */
	if (!virtio_has(v, VIRTIO_F_VERSION_1)) {
		dev_guest_error(&v->dev, "virtio: VERSION_1 was not accepted", v->driver_features,
				0);
		return false;
	}
	return true;
}

void virtio_write_status(struct virtio *v, uint32_t val)
{
	uint32_t set;

	if (!val) {
		dev_reset(&v->dev);
		return;
	}
	/* 2.1.1: the driver never clears a bit but by a reset, and owns not all of them. */
	if ((val & ~(STATUS_DRIVERS | VIRTIO_S_NEEDS_RESET)) || (v->status & ~val & STATUS_DRIVERS))
		dev_guest_error(&v->dev, "virtio: status clears or sets what it must not",
				v->status, val);
	set = val & ~v->status & STATUS_DRIVERS;
	if ((set & VIRTIO_S_FEATURES_OK) && !features_agree(v))
		set &= ~VIRTIO_S_FEATURES_OK;
	if ((set & VIRTIO_S_DRIVER_OK) && !((v->status | set) & VIRTIO_S_FEATURES_OK)) {
		dev_guest_error(&v->dev, "virtio: DRIVER_OK without FEATURES_OK", v->status, val);
		set &= ~VIRTIO_S_DRIVER_OK;
	}
	v->status |= set;
}

/* ---- queues -----------------------------------------------------------------------------------
 */

void virtio_queue_ready(struct virtio *v, struct virtq *q, uint32_t val)
{
	struct err err = {0};

	if (!q || val > 1) {
		dev_guest_error(&v->dev, "virtio: QueueReady of no queue or no value for it",
				v->queue_sel, val);
		return;
	}
	if (!val) {
		virtq_reset(q);
		return;
	}
	/* 3.1.1: queues are set up after the features are settled, which they depend on. */
	if (!(v->status & VIRTIO_S_FEATURES_OK)) {
		dev_guest_error(&v->dev, "virtio: queue made ready before FEATURES_OK",
				v->queue_sel, v->status);
		return;
	}
	if (q->ready)
		return;
	q->event_idx = virtio_has(v, VIRTIO_F_EVENT_IDX);
	q->indirect = virtio_has(v, VIRTIO_F_INDIRECT_DESC);
	if (virtq_enable(q, &err)) {
		q->event_idx = false;
		q->indirect = false;
		dev_guest_error(&v->dev, "virtio: queue refused: size, alignment or not in RAM",
				v->queue_sel, q->num);
	}
}

void virtio_notify(struct virtio *v, uint32_t queue)
{
	struct virtq *q;

	if (queue >= v->vc->nr_queues || !(v->status & VIRTIO_S_DRIVER_OK) ||
	    (v->status & VIRTIO_S_NEEDS_RESET)) {
		dev_guest_error(&v->dev, "virtio: notified for no queue or at the wrong time",
				queue, v->status);
		return;
	}
	q = &v->q[queue];
	if (!q->ready) {
		dev_guest_error(&v->dev, "virtio: notified for a queue that is not ready", queue,
				v->status);
		return;
	}
	virtq_kick_begin(q);
	v->vc->notify(v, queue);
	if (q->broken)
		virtio_broken(v, virtq_error_name(q->broken));
	else
		virtio_signal(v, queue);
}

/* ---- the hooks of dev_class -------------------------------------------------------------------
 */

int virtio_init(struct dev *d, const struct virtio_class *vc, struct err *err)
{
	struct virtio *v = virtio_of(d);
	int rc = 0;

	assert(vc->nr_queues <= VIRTIO_QUEUES && vc->notify &&
	       vc->config_len <= VIRTIO_MMIO_LEN - VIRTIO_MMIO_CONFIG);
	v->vc = vc;
	if (!d->env.mem)
		return err_set(err, -EINVAL, "device %s: it needs memory for its queues",
			       d->cls->name);
	for (unsigned i = 0; i < vc->nr_queues && !rc; i++)
		rc = virtq_init(&v->q[i], d->env.mem, d->env.trace, i, vc->queue_max, err);
	return rc;
}

void virtio_reset(struct dev *d)
{
	struct virtio *v = virtio_of(d);

	for (unsigned i = 0; i < v->vc->nr_queues; i++)
		virtq_reset(&v->q[i]);
	irq_set(&d->irq, 0);
}

const struct state_table *virtio_part(const struct dev *d, unsigned i, const void **obj)
{
	const struct virtio *v = container_of(d, const struct virtio, dev);

	if (i >= v->vc->nr_queues)
		return NULL;
	*obj = &v->q[i];
	return &virtq_state;
}

int virtio_post_load(struct dev *d, struct err *err)
{
	struct virtio *v = virtio_of(d);
	int rc = 0;

	if ((v->status & ~(STATUS_DRIVERS | VIRTIO_S_NEEDS_RESET)) ||
	    (v->interrupt_status & ~INTERRUPTS) || v->irq_level != (v->interrupt_status != 0))
		return err_set(err, -EINVAL, "virtio: saved status or interrupts are impossible");
	if ((v->status & VIRTIO_S_FEATURES_OK) &&
	    ((v->driver_features & ~virtio_offered(v)) || !virtio_has(v, VIRTIO_F_VERSION_1)))
		return err_set(err, -EINVAL, "virtio: saved features were never offered");
	if ((v->status & VIRTIO_S_DRIVER_OK) && !(v->status & VIRTIO_S_FEATURES_OK))
		return err_set(err, -EINVAL, "virtio: saved DRIVER_OK without FEATURES_OK");
	for (unsigned i = 0; i < v->vc->nr_queues && !rc; i++) {
		const struct virtq *q = &v->q[i];

		if (q->ready && (!(v->status & VIRTIO_S_FEATURES_OK) ||
				 q->event_idx != virtio_has(v, VIRTIO_F_EVENT_IDX) ||
				 q->indirect != virtio_has(v, VIRTIO_F_INDIRECT_DESC)))
			return err_set(err, -EINVAL,
				       "virtio: saved queue %u contradicts the features", i);
		rc = virtq_post_load(&v->q[i], err);
	}
	return rc;
}

void virtio_fini(struct dev *d)
{
	struct virtio *v = virtio_of(d);

	for (unsigned i = 0; v->vc && i < v->vc->nr_queues; i++)
		virtq_fini(&v->q[i]);
}
