/* SPDX-License-Identifier: MIT */
/*
 * mmio_devices: two devices that live in fuzz/targets/mmio.c only, made as any foreign device is:
 * echo, a virtio device with two queues and a configuration, and edges, bytes at the ends of the
 * address spaces. Included once, behind the target's depth counters.
 */
#ifndef FUZZ_ENGINE_MMIO_DEVICES_H
#define FUZZ_ENGINE_MMIO_DEVICES_H

#include <vmm/virtio.h>

#include "depth.h"
#include "mmio_prog.h"
#include "oracle.h"

#define ECHO_LINE    6u
#define ECHO_REQUEST 4096u
#define ECHO_STEP    64u

/* Echo: what is readable in a chain is copied to what is writable. It has a configuration. */
struct echo {
	struct virtio v;
	uint8_t config[MMIO_ECHO_CONFIG]; /* last: the instance ends with it, then poison */
};

static void echo_notify(struct virtio *v, unsigned queue)
{
	struct virtq *q = &v->q[queue];
	struct virtq_chain c;
	uint8_t buf[ECHO_STEP];

	while (virtq_next(q, &c) == 1) {
		for (uint64_t off = 0; off < ECHO_REQUEST && !c.error; off += ECHO_STEP) {
			int64_t n = virtq_read(q, &c, off, buf, ECHO_STEP);

			if (n <= 0 || virtq_write(q, &c, off, buf, (uint64_t)n) != n)
				break;
		}
		if (virtq_push(q, &c))
			return;
	}
}

static void config_range(uint32_t off, uint32_t len)
{
	FUZZ_ORACLE(len && range_within(off, len, 0, MMIO_ECHO_CONFIG), "config-range",
		    "the model is asked for %u bytes at %u of %u", len, off, MMIO_ECHO_CONFIG);
}

static void echo_config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
	config_range(off, len);
	depth_hit(config_read);
	memcpy(buf, container_of(v, struct echo, v)->config + off, len);
}

static void echo_config_write(struct virtio *v, uint32_t off, const void *buf, uint32_t len)
{
	config_range(off, len);
	depth_hit(config_written);
	memcpy(container_of(v, struct echo, v)->config + off, buf, len);
	v->config_generation++;
}

static const struct virtio_class echo_virtio = {
	.device_id = 63,
	.features = 1u << 3,
	.nr_queues = MMIO_ECHO_QUEUES,
	.queue_max = MMIO_ECHO_QUEUE_MAX,
	.config_len = MMIO_ECHO_CONFIG,
	.notify = echo_notify,
	.config_read = echo_config_read,
	.config_write = echo_config_write,
};

static int echo_init(struct dev *d, struct err *err)
{
	int rc = virtio_init(d, &echo_virtio, err);

	if (!rc)
		virtio_reset(d);
	return rc;
}

static const struct dev_range echo_ranges[] = {{"registers", BUS_MMIO, MMIO_ECHO, VIRTIO_MMIO_LEN},
					       {0}};
static const struct dev_opt echo_opts[] = {
	{"irq", "line", offsetof(struct dev, irq_line), ECHO_LINE, 0, 15}, {0}};
static const struct state_field echo_state[] = {VIRTIO_STATE_FIELDS, STATE_RAW(struct echo, config),
						STATE_END};
static const struct dev_class echo_class = {
	.name = "echo",
	.size = offsetof(struct echo, config) + MMIO_ECHO_CONFIG,
	.version = 1,
	.ranges = echo_ranges,
	.opts = echo_opts,
	.state = echo_state,
	.init = echo_init,
	.reset = virtio_reset,
	VIRTIO_MMIO_CLASS_HOOKS,
};

/* Edges: bytes at the top of MMIO and PIO and at the bottom of PIO; it checks what the bus does. */
struct edges {
	struct dev dev;
	uint8_t bytes[2 * MMIO_TOP_LEN + MMIO_PIO_TOP_LEN];
};

static uint8_t *edge(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	FUZZ_ORACLE(range < 3 && (size == 1 || size == 2 || size == 4 || size == 8) &&
			    range_within(off, size, 0, d->cls->ranges[range].len),
		    "bus-piece", "range %u is asked for %u bytes at %#llx", range, size,
		    (unsigned long long)off);
	return container_of(d, struct edges, dev)->bytes + (uint64_t)range * MMIO_TOP_LEN + off;
}

static uint64_t edges_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	/* Above its size the value is dirty: the bus masks it. */
	return ld_le(edge(d, range, off, size), size) | ~size_mask(size);
}

static void edges_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	FUZZ_ORACLE((val & ~size_mask(size)) == 0, "bus-mask", "%u bytes are %#llx", size,
		    (unsigned long long)val);
	st_le(edge(d, range, off, size), size, val);
}

static const struct dev_range edges_ranges[] = {
	{"top of mmio", BUS_MMIO, UINT64_MAX - (MMIO_TOP_LEN - 1), MMIO_TOP_LEN},
	{"top of pio", BUS_PIO, 0x10000 - MMIO_PIO_TOP_LEN, MMIO_PIO_TOP_LEN},
	{"bottom of pio", BUS_PIO, 0, MMIO_PIO_TOP_LEN},
	{0},
};
static const struct state_field edges_state[] = {STATE_RAW(struct edges, bytes), STATE_END};
static const struct dev_class edges_class = {
	.name = "edges",
	.size = sizeof(struct edges),
	.version = 1,
	.ranges = edges_ranges,
	.state = edges_state,
	.read = edges_read,
	.write = edges_write,
};

#endif
