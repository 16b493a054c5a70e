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
	return v->features | BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_INDIRECT_DESC) |
	       BIT(VIRTIO_F_EVENT_IDX) | BIT(VIRTIO_F_RING_RESET);
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

static void tell(struct virtio *v, uint32_t what)
{
	v->dev.stats.interrupts++;
	if (v->transport && v->transport->message(v->transport_ctx, what))
		return;
	v->interrupt_status |= what == VIRTIO_CONFIG_CHANGED ? VIRTIO_INT_CONFIG : VIRTIO_INT_QUEUE;
	update_irq(v);
}

void virtio_set_transport(struct virtio *v, const struct virtio_transport *t, void *ctx)
{
	v->transport = t;
	v->transport_ctx = ctx;
}

void virtio_signal(struct virtio *v, unsigned queue)
{
	struct virtq *q = &v->q[queue];

	if (virtq_needs_interrupt(q))
		tell(v, queue);
	if (q->broken)
		virtio_broken(v, virtq_error_name(q->broken));
}

void virtio_config_changed(struct virtio *v)
{
	v->config_generation++;
	/* 3.1.1: a driver that is not up yet reads it anyway. */
	if (v->status & VIRTIO_S_DRIVER_OK)
		tell(v, VIRTIO_CONFIG_CHANGED);
}

void virtio_broken(struct virtio *v, const char *why)
{
	if (v->status & VIRTIO_S_NEEDS_RESET)
		return;
	dev_guest_error(&v->dev, why, v->status, 0);
	v->status |= VIRTIO_S_NEEDS_RESET;
	/* 2.1.2: a driver that is up is told. */
	if (v->status & VIRTIO_S_DRIVER_OK)
		tell(v, VIRTIO_CONFIG_CHANGED);
}

/* ---- device configuration, 2.5: any width; what is beyond it reads 0 ----------------------------
 */

uint64_t virtio_config_read(struct virtio *v, uint64_t off, unsigned size)
{
	uint32_t len = v->vc->config_len;
	uint8_t buf[8] = {0};

	if (!range_within(off, size, 0, len))
		dev_guest_error(&v->dev, "virtio: read beyond the configuration", off, size);
	if (off < len && v->vc->config_read)
		v->vc->config_read(v, (uint32_t)off, buf,
				   len - off < size ? (uint32_t)(len - off) : size);
	return ld_le(buf, size);
}

void virtio_config_write(struct virtio *v, uint64_t off, unsigned size, uint64_t val)
{
	uint32_t len = v->vc->config_len;
	uint8_t buf[8];

	if (!range_within(off, size, 0, len)) {
		dev_guest_error(&v->dev, "virtio: write beyond the configuration", off, val);
		return;
	}
	st_le(buf, size, val);
	if (v->vc->config_write)
		v->vc->config_write(v, (uint32_t)off, buf, size);
}

/* ---- status and features ----------------------------------------------------------------------
 */

void virtio_write_features(struct virtio *v, uint32_t sel, uint32_t val)
{
	uint64_t *f = &v->driver_features;

	/* 2.2.1, 3.1.1: after FEATURES_OK nothing more is negotiated. */
	if (v->status & VIRTIO_S_FEATURES_OK)
		dev_guest_error(&v->dev, "virtio: features written after FEATURES_OK", sel, val);
	else if (sel == 0)
		*f = (*f & ~(uint64_t)UINT32_MAX) | val;
	else if (sel == 1)
		*f = (*f & UINT32_MAX) | (uint64_t)val << 32;
	else if (val) /* bits that nobody offered, and that we have no place for */
		v->features_beyond = true;
}

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

struct virtq *virtio_selected(struct virtio *v)
{
	return v->queue_sel < v->nr_queues ? &v->q[v->queue_sel] : NULL;
}

/* The driver has (q) for itself: nothing comes of what it offered (2.6.1). */
static void take_back(struct virtio *v, struct virtq *q)
{
	unsigned queue = (unsigned)(q - v->q);

	if (v->vc->queue_reset)
		v->vc->queue_reset(v, queue);
	virtio_late_forget(v, queue);
	virtq_reset(q);
}

void virtio_queue_reset(struct virtio *v, struct virtq *q, uint32_t val)
{
	if (!q || val != 1 || !(v->status & VIRTIO_S_FEATURES_OK) ||
	    !virtio_has(v, VIRTIO_F_RING_RESET)) {
		dev_guest_error(&v->dev,
				"virtio: reset of no queue, or one that was not negotiated",
				v->queue_sel, val);
		return;
	}
	take_back(v, q);
}

void virtio_queue_ready(struct virtio *v, struct virtq *q, uint32_t val)
{
	struct err err = {0};

	if (!q || val > 1) {
		dev_guest_error(&v->dev, "virtio: QueueReady of no queue or no value for it",
				v->queue_sel, val);
		return;
	}
	if (!val) {
		take_back(v, q);
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
	q->packed = virtio_has(v, VIRTIO_F_RING_PACKED);
	q->in_order = virtio_has(v, VIRTIO_F_IN_ORDER);
	if (virtq_enable(q, &err)) {
		q->packed = false;
		q->in_order = false;
		q->event_idx = false;
		q->indirect = false;
		dev_guest_error(&v->dev, "virtio: queue refused: size, alignment or not in RAM",
				v->queue_sel, q->num);
	}
}

void virtio_serve(struct virtio *v, unsigned queue)
{
	struct virtq *q = &v->q[queue];

	assert(!v->serving && "virtio: a device was re-entered while it worked");
	v->serving = true;
	virtq_kick_begin(q);
	v->vc->notify(v, queue);
	v->serving = false;
	(void)virtq_flush(q);
	if (q->broken)
		virtio_broken(v, virtq_error_name(q->broken));
	else
		virtio_signal(v, queue);
}

void virtio_notify(struct virtio *v, uint32_t queue)
{

	if (queue >= v->nr_queues || !(v->status & VIRTIO_S_DRIVER_OK) ||
	    (v->status & VIRTIO_S_NEEDS_RESET)) {
		dev_guest_error(&v->dev, "virtio: notified for no queue or at the wrong time",
				queue, v->status);
		return;
	}
	if (!v->q[queue].ready) {
		dev_guest_error(&v->dev, "virtio: notified for a queue that is not ready", queue,
				v->status);
		return;
	}
	if (v->stopped) {
		dev_guest_error(&v->dev, "virtio: notified while the device may not touch RAM",
				queue, v->status);
		return;
	}
	v->q[queue].stats.kicks++;
	if (!virtio_late_start(v, queue))
		virtio_serve(v, queue);
}

void virtio_stop(struct virtio *v, bool stopped)
{
	v->stopped = stopped;
	virtio_late_arm(v);
}

/* 2.9 */
#define NOTIFY_QUEUE 0xffffu
#define NOTIFY_DATA  16

void virtio_notify_data(struct virtio *v, uint32_t val)
{
	uint32_t queue = val & NOTIFY_QUEUE;

	if (!virtio_has(v, VIRTIO_F_NOTIFICATION_DATA)) {
		virtio_notify(v, val);
		return;
	}
	if (queue < v->nr_queues && v->q[queue].ready &&
	    !virtq_kick_is_right(&v->q[queue], (uint16_t)(val >> NOTIFY_DATA)))
		dev_guest_error(&v->dev, "virtio: the driver is not where its notification says",
				queue, val >> NOTIFY_DATA);
	virtio_notify(v, queue);
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
	v->features = vc->features | (v->packed ? BIT(VIRTIO_F_RING_PACKED) : 0) |
		      (v->in_order ? BIT(VIRTIO_F_IN_ORDER) : 0) |
		      (v->notify_data ? BIT(VIRTIO_F_NOTIFICATION_DATA) : 0);
	v->nr_queues = vc->nr_queues;
	virtio_late_init(v);
	if (!d->env.mem)
		return err_set(err, -EINVAL, "device %s: it needs memory for its queues",
			       d->cls->name);
	for (unsigned i = 0; i < vc->nr_queues && !rc; i++)
		rc = virtq_init(&v->q[i], d->env.mem, d->env.trace, i,
				v->queue_max ? (uint32_t)v->queue_max : vc->queue_max, err);
	return rc ? rc : virtio_shm_init(v, err);
}

void virtio_reset(struct dev *d)
{
	struct virtio *v = virtio_of(d);

	for (unsigned i = 0; i < v->nr_queues; i++)
		virtq_reset(&v->q[i]);
	virtio_late_reset(v);
	virtio_shm_reset(v);
	irq_set(&d->irq, 0);
	if (v->transport && v->transport->reset)
		v->transport->reset(v->transport_ctx);
}

const struct state_table *virtio_part(const struct dev *d, unsigned i, const void **obj)
{
	const struct virtio *v = container_of(d, const struct virtio, dev);

	/* Each queue, and behind it what waits in it for its turn. */
	for (unsigned n = 0; n < v->nr_queues; n++) {
		const struct virtq *q = &v->q[n];
		const struct virtq_held *h;

		if (!i) {
			*obj = q;
			return &virtq_state;
		}
		h = virtq_held(q, i - 1);
		if (h) {
			*obj = h;
			return &virtq_held_state;
		}
		i -= 1 + (q->nr_held < q->num_max ? q->nr_held : q->num_max);
	}
	/* What was loaded may say any number: post_load() judges it. */
	if (i >= v->nr_late || i >= VIRTIO_LATE)
		return virtio_shm_part(v, i - (v->nr_late < VIRTIO_LATE ? v->nr_late : VIRTIO_LATE),
				       obj);
	*obj = &v->late[i];
	return &virtio_late_state;
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
	for (unsigned i = 0; i < v->nr_queues && !rc; i++) {
		const struct virtq *q = &v->q[i];

		if (q->ready && (!(v->status & VIRTIO_S_FEATURES_OK) ||
				 q->event_idx != virtio_has(v, VIRTIO_F_EVENT_IDX) ||
				 q->indirect != virtio_has(v, VIRTIO_F_INDIRECT_DESC) ||
				 q->in_order != virtio_has(v, VIRTIO_F_IN_ORDER) ||
				 q->packed != virtio_has(v, VIRTIO_F_RING_PACKED)))
			return err_set(err, -EINVAL,
				       "virtio: saved queue %u contradicts the features", i);
		rc = virtq_post_load(&v->q[i], err);
	}
	return rc ? rc : virtio_late_post_load(v, err);
}

void virtio_fini(struct dev *d)
{
	struct virtio *v = virtio_of(d);

	if (v->vc)
		virtio_late_fini(v);
	virtio_shm_fini(v);
	for (unsigned i = 0; v->vc && i < v->vc->nr_queues; i++)
		virtq_fini(&v->q[i]);
}
