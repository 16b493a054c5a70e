/* SPDX-License-Identifier: MIT */
/*
 * What every virtio device does whatever its transport: status, features, queues, interrupts
 * (virtio 1.2 sections 2.1, 2.2, 2.3, 3.1).
 */
#include <assert.h>
#include <errno.h>

#include <vmm/virtio.h>

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

static void tell(struct virtio *v, uint32_t what)
{
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
	if (virtq_needs_interrupt(&v->q[queue]))
		tell(v, queue);
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

/* ---- completions that take time -----------------------------------------------------------------
 */

static void late_arm(struct virtio *v)
{
	clock_arm(v->dev.env.clock, &v->late_timer, v->nr_late ? v->late_due[0] : CLOCK_NEVER);
}

static void late_take(struct virtio *v, unsigned i)
{
	unsigned n = --v->nr_late - i;

	memmove(&v->late_due[i], &v->late_due[i + 1], n * sizeof(v->late_due[0]));
	memmove(&v->late_written[i], &v->late_written[i + 1], n * sizeof(v->late_written[0]));
	memmove(&v->late_head[i], &v->late_head[i + 1], n * sizeof(v->late_head[0]));
	memmove(&v->late_id[i], &v->late_id[i + 1], n * sizeof(v->late_id[0]));
	memmove(&v->late_slots[i], &v->late_slots[i + 1], n * sizeof(v->late_slots[0]));
	memmove(&v->late_queue[i], &v->late_queue[i + 1], n * sizeof(v->late_queue[0]));
	/* What is not in use is 0, so that equal states have equal bytes. */
	v->late_due[v->nr_late] = 0;
	v->late_written[v->nr_late] = 0;
	v->late_head[v->nr_late] = 0;
	v->late_id[v->nr_late] = 0;
	v->late_slots[v->nr_late] = 0;
	v->late_queue[v->nr_late] = 0;
}

static void late_put(struct virtio *v, unsigned queue, const struct virtq_chain *c, uint64_t due)
{
	unsigned i = v->nr_late, n;

	while (i && v->late_due[i - 1] > due)
		i--;
	n = v->nr_late++ - i;
	memmove(&v->late_due[i + 1], &v->late_due[i], n * sizeof(v->late_due[0]));
	memmove(&v->late_written[i + 1], &v->late_written[i], n * sizeof(v->late_written[0]));
	memmove(&v->late_head[i + 1], &v->late_head[i], n * sizeof(v->late_head[0]));
	memmove(&v->late_id[i + 1], &v->late_id[i], n * sizeof(v->late_id[0]));
	memmove(&v->late_slots[i + 1], &v->late_slots[i], n * sizeof(v->late_slots[0]));
	memmove(&v->late_queue[i + 1], &v->late_queue[i], n * sizeof(v->late_queue[0]));
	v->late_due[i] = due;
	v->late_written[i] = c->written;
	v->late_head[i] = c->head;
	v->late_id[i] = c->id;
	v->late_slots[i] = c->slots;
	v->late_queue[i] = (uint8_t)queue;
}

/* The driver takes (queue) back, or all of them if it is none. */
static void late_forget(struct virtio *v, unsigned queue)
{
	for (unsigned i = v->nr_late; i-- > 0;)
		if (queue >= v->nr_queues || v->late_queue[i] == queue)
			late_take(v, i);
	if (v->dev.env.clock)
		late_arm(v);
}

static void late_due(void *ctx, uint64_t now)
{
	struct virtio *v = ctx;

	while (v->nr_late && v->late_due[0] <= now) {
		struct virtq_chain c = {.head = v->late_head[0],
					.id = v->late_id[0],
					.slots = v->late_slots[0],
					.written = v->late_written[0]};
		unsigned queue = v->late_queue[0];

		late_take(v, 0);
		if (virtq_push(&v->q[queue], &c))
			virtio_broken(v, virtq_error_name(v->q[queue].broken));
		else
			virtio_signal(v, queue);
	}
	late_arm(v);
}

int virtio_complete(struct virtio *v, unsigned queue, const struct virtq_chain *c)
{
	uint64_t due;

	if (!v->delay || !v->dev.env.clock || v->nr_late == VIRTIO_LATE)
		return virtq_push(&v->q[queue], c);
	due = clock_now(v->dev.env.clock) + v->delay / 2 + rng_next(&v->late_rng) % (v->delay + 1);
	late_put(v, queue, c, due);
	late_arm(v);
	return 0;
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

void virtio_queue_ready(struct virtio *v, struct virtq *q, uint32_t val)
{
	struct err err = {0};

	if (!q || val > 1) {
		dev_guest_error(&v->dev, "virtio: QueueReady of no queue or no value for it",
				v->queue_sel, val);
		return;
	}
	if (!val) {
		late_forget(v, (unsigned)(q - v->q));
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
	q->packed = virtio_has(v, VIRTIO_F_RING_PACKED);
	if (virtq_enable(q, &err)) {
		q->packed = false;
		q->event_idx = false;
		q->indirect = false;
		dev_guest_error(&v->dev, "virtio: queue refused: size, alignment or not in RAM",
				v->queue_sel, q->num);
	}
}

void virtio_notify(struct virtio *v, uint32_t queue)
{
	struct virtq *q;

	if (queue >= v->nr_queues || !(v->status & VIRTIO_S_DRIVER_OK) ||
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

/* Not the sequence that a model takes from its seed. */
static uint64_t late_seed(const struct dev *d)
{
	return ~d->env.seed;
}

int virtio_init(struct dev *d, const struct virtio_class *vc, struct err *err)
{
	struct virtio *v = virtio_of(d);
	int rc = 0;

	assert(vc->nr_queues <= VIRTIO_QUEUES && vc->notify &&
	       vc->config_len <= VIRTIO_MMIO_LEN - VIRTIO_MMIO_CONFIG);
	v->vc = vc;
	v->features = vc->features | (v->packed ? BIT(VIRTIO_F_RING_PACKED) : 0);
	v->nr_queues = vc->nr_queues;
	clock_timer_init(&v->late_timer, late_due, v);
	v->late_rng.s = late_seed(d);
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

	for (unsigned i = 0; i < v->nr_queues; i++)
		virtq_reset(&v->q[i]);
	late_forget(v, VIRTIO_QUEUES);
	v->late_rng.s = late_seed(d);
	irq_set(&d->irq, 0);
	if (v->transport && v->transport->reset)
		v->transport->reset(v->transport_ctx);
}

const struct state_table *virtio_part(const struct dev *d, unsigned i, const void **obj)
{
	const struct virtio *v = container_of(d, const struct virtio, dev);

	if (i >= v->nr_queues)
		return NULL;
	*obj = &v->q[i];
	return &virtq_state;
}

/* Each is in flight, once, and they are in order. */
static int late_post_load(struct virtio *v, struct err *err)
{
	unsigned n = v->nr_late;

	if (n > VIRTIO_LATE)
		return err_set(err, -EINVAL,
			       "virtio: saved completions are more than there can be");
	for (unsigned i = 0; i < n; i++) {
		const struct virtq *q = &v->q[v->late_queue[i] % VIRTIO_QUEUES];
		uint16_t head = v->late_head[i];
		bool twice = false;

		for (unsigned j = 0; j < i; j++)
			twice |= v->late_head[j] == head && v->late_queue[j] == v->late_queue[i];
		if (v->late_queue[i] >= v->nr_queues || !q->ready || head >= q->num || twice ||
		    !(q->in_flight_map[head / 64] >> (head % 64) & 1) || !v->late_slots[i] ||
		    v->late_slots[i] > (q->packed ? q->slots_out : 1) ||
		    (i && v->late_due[i - 1] > v->late_due[i]))
			return err_set(err, -EINVAL,
				       "virtio: saved completion %u is of no request in flight", i);
	}
	if (v->dev.env.clock)
		late_arm(v);
	return 0;
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
				 q->packed != virtio_has(v, VIRTIO_F_RING_PACKED)))
			return err_set(err, -EINVAL,
				       "virtio: saved queue %u contradicts the features", i);
		rc = virtq_post_load(&v->q[i], err);
	}
	return rc ? rc : late_post_load(v, err);
}

void virtio_fini(struct dev *d)
{
	struct virtio *v = virtio_of(d);

	if (v->vc && d->env.clock)
		clock_cancel(d->env.clock, &v->late_timer);
	for (unsigned i = 0; v->vc && i < v->vc->nr_queues; i++)
		virtq_fini(&v->q[i]);
}
