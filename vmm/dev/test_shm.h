/* SPDX-License-Identifier: MIT */
/* A virtio device with two shared memory regions, IDs 7 and 1, for the tests of both transports. */
#ifndef VMM_DEV_TEST_SHM_H
#define VMM_DEV_TEST_SHM_H

#include <vmm/virtio.h>

#define SHM_A	  0xd2000000ull
#define SHM_B	  0x500000000ull
#define SHM_A_LEN 0x3000u
#define SHM_B_LEN 0x2000u

static inline void shm_notify(struct virtio *v, unsigned queue)
{
	(void)v;
	(void)queue;
}

static const struct virtio_class shm_virtio = {
	.device_id = 42,
	.nr_queues = 1,
	.queue_max = 8,
	.notify = shm_notify,
	.nr_shm = 2,
	.shm_id = {7, 1},
};

static inline int shm_init(struct dev *d, struct err *err)
{
	return virtio_init(d, &shm_virtio, err);
}

static const struct dev_range shm_ranges[] = {
	{"registers", BUS_MMIO, 0xd0000000, VIRTIO_MMIO_LEN},
	{"a", BUS_MMIO, SHM_A, SHM_A_LEN},
	{"b", BUS_MMIO, SHM_B, SHM_B_LEN},
	{0},
};
static const struct dev_opt shm_opts[] = {
	{"irq", "line", offsetof(struct dev, irq_line), 5, 0, 15}, VIRTIO_OPTS, {0}};
static const struct state_field shm_state[] = {VIRTIO_STATE_FIELDS, STATE_END};
static const struct dev_class shm_class = {
	.name = "virtio-shm",
	.size = sizeof(struct virtio),
	.version = 1,
	.ranges = shm_ranges,
	.opts = shm_opts,
	.state = shm_state,
	.init = shm_init,
	.reset = virtio_reset,
	VIRTIO_MMIO_CLASS_HOOKS,
};

#endif
