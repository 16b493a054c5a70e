/* SPDX-License-Identifier: MIT */
/*
 * virtio-rng: the entropy device (virtio 1.2 section 5.4), seeded, so that runs repeat: the
 * machine's seed and the option `seed` decide every byte; a reset starts the sequence anew.
 *
 * A request's device-writable bytes are filled, at most RNG_REQUEST_MAX of them (5.4.6.1 allows
 * less than the whole): a chain may name the same 4 GiB again and again. Whatever is
 * device-readable in it is left alone. A malformed chain is completed with nothing written.
 */
#include <vmm/virtio.h>

#define RNG_DEVICE_ID	4u /* section 5 */
#define RNG_QUEUE_MAX	256u
#define RNG_REQUEST_MAX (64u << 10)
#define RNG_BASE	0xd0000000u
#define RNG_IRQ		5u

struct virtio_rng {
	struct virtio v;
	struct rng rng;
	uint64_t seed; /* option */
};

static struct virtio_rng *rng_of(struct dev *d)
{
	return container_of(d, struct virtio_rng, v.dev);
}

static void fill(struct virtio_rng *r, struct virtq *q, struct virtq_chain *c)
{
	uint64_t total = c->in_bytes < RNG_REQUEST_MAX ? c->in_bytes : RNG_REQUEST_MAX;
	uint8_t buf[512];

	total = virtio_short(&r->v, total);
	for (uint64_t done = 0; done < total;) {
		uint64_t n = total - done < sizeof(buf) ? total - done : sizeof(buf);

		for (unsigned i = 0; i < n; i += 8)
			st_le64(&buf[i], rng_next(&r->rng));
		if (virtq_write(q, c, done, buf, n) != (int64_t)n)
			return; /* the memory went away */
		done += n;
	}
}

static void rng_notify(struct virtio *v, unsigned queue)
{
	struct virtq *q = &v->q[queue];
	struct virtq_chain c;

	while (virtq_next(q, &c) == 1) {
		if (!c.error)
			fill(rng_of(&v->dev), q, &c);
		if (virtio_complete(v, queue, &c))
			return;
	}
}

static void rng_reset(struct dev *d)
{
	struct virtio_rng *r = rng_of(d);

	virtio_reset(d);
	/* Two seeds, neither of which may cancel the other. */
	r->rng.s = d->env.seed;
	r->rng.s = rng_next(&r->rng) + r->seed;
}

static const struct virtio_class rng_class = {
	.device_id = RNG_DEVICE_ID,
	.nr_queues = 1,
	.queue_max = RNG_QUEUE_MAX,
	.notify = rng_notify,
};

static int rng_init(struct dev *d, struct err *err)
{
	int rc = virtio_init(d, &rng_class, err);

	if (!rc)
		rng_reset(d);
	return rc;
}

static const struct dev_range rng_ranges[] = {
	{"registers", BUS_MMIO, RNG_BASE, VIRTIO_MMIO_LEN},
	{0},
};

static const struct dev_opt rng_opts[] = {
	{"irq", "interrupt line", offsetof(struct dev, irq_line), RNG_IRQ, 0, IOAPIC_PINS - 1},
	{"seed", "of the sequence, beside the machine's", offsetof(struct virtio_rng, seed), 0, 0,
	 UINT64_MAX},
	VIRTIO_OPTS,
	VIRTIO_OPT_SHORT,
	{0},
};

static const struct state_field rng_state[] = {
	VIRTIO_STATE_FIELDS,
	STATE_U(struct virtio_rng, rng.s, 0),
	STATE_END,
};

const struct dev_class dev_class_virtio_rng = {
	.name = "virtio-rng",
	.help = "virtio entropy device over virtio-mmio, seeded",
	.size = sizeof(struct virtio_rng),
	.version = 3,
	.ranges = rng_ranges,
	.opts = rng_opts,
	.state = rng_state,
	.init = rng_init,
	.reset = rng_reset,
	VIRTIO_MMIO_CLASS_HOOKS,
};
