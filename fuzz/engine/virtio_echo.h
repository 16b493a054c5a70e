/* SPDX-License-Identifier: MIT */
/*
 * virtio_echo: a virtio device that lives in fuzz targets only, made as any foreign device is: what is
 * readable in a chain is copied to what is writable of it, and its configuration is bytes that the driver
 * reads and writes. That the transport asks for no byte beyond the configuration is judged here.
 *
 * Included once a target, behind its depth counters. Before it the target defines
 *	ECHO_QUEUES, ECHO_QUEUE_MAX, ECHO_CONFIG (bytes), ECHO_FEATURES, ECHO_BASE (of its registers),
 *	ECHO_LINE
 * and may define ECHO_ON_READ(v), ECHO_ON_WRITE(v): what else is done where the configuration is read or
 * was written. The class is echo_class; the instance is the target's to free.
 */
#ifndef FUZZ_ENGINE_VIRTIO_ECHO_H
#define FUZZ_ENGINE_VIRTIO_ECHO_H

#include <vmm/virtio.h>

#include "oracle.h"

#ifndef ECHO_ON_READ
#define ECHO_ON_READ(v) ((void)(v))
#endif
#ifndef ECHO_ON_WRITE
#define ECHO_ON_WRITE(v) ((void)(v))
#endif

#define ECHO_REQUEST 4096u /* bytes that are copied of one chain, at most */
#define ECHO_STEP    64u   /* at a time: read, then stored */

struct echo {
	struct virtio v;
	uint8_t config[ECHO_CONFIG]; /* last: the instance ends with it, then poison */
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
		if (virtio_complete(v, queue, &c))
			return;
	}
}

static void echo_config_range(uint32_t off, uint32_t len)
{
	FUZZ_ORACLE(len && range_within(off, len, 0, ECHO_CONFIG), "config-range",
		    "the model is asked for %u bytes at %u of %u", len, off, ECHO_CONFIG);
}

static void echo_config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
	echo_config_range(off, len);
	ECHO_ON_READ(v);
	memcpy(buf, container_of(v, struct echo, v)->config + off, len);
}

static void echo_config_write(struct virtio *v, uint32_t off, const void *buf, uint32_t len)
{
	echo_config_range(off, len);
	memcpy(container_of(v, struct echo, v)->config + off, buf, len);
	ECHO_ON_WRITE(v);
}

static const struct virtio_class echo_virtio = {
	.device_id = 63,
	.features = ECHO_FEATURES,
	.nr_queues = ECHO_QUEUES,
	.queue_max = ECHO_QUEUE_MAX,
	.config_len = ECHO_CONFIG,
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

static const struct dev_range echo_ranges[] = {{"registers", BUS_MMIO, ECHO_BASE, VIRTIO_MMIO_LEN},
					       {0}};
static const struct dev_opt echo_opts[] = {
	{"irq", "line", offsetof(struct dev, irq_line), ECHO_LINE, 0, 15}, VIRTIO_OPTS, {0}};
static const struct state_field echo_state[] = {VIRTIO_STATE_FIELDS, STATE_RAW(struct echo, config),
						STATE_END};
static const struct dev_class echo_class = {
	.name = "echo",
	.size = offsetof(struct echo, config) + ECHO_CONFIG,
	.version = 1,
	.ranges = echo_ranges,
	.opts = echo_opts,
	.state = echo_state,
	.init = echo_init,
	.reset = virtio_reset,
	VIRTIO_MMIO_CLASS_HOOKS,
};

#endif
