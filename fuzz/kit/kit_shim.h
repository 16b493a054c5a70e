/* SPDX-License-Identifier: MIT */
/*
 * kit_shim: a device lifted out of another VMM, as it is, under the kit's fuzz targets. Needs nothing but
 * this header: fill in a struct vise_shim, name it in the makefile (SHIM = mydev_shim), see kit.mk.
 *
 *	plain	registers in MMIO or ports: base, len, ports; read() and write() get offsets in them
 *	virtio	virtio_id is not 0: the transport is ours (virtio-mmio), the device gets its driver's
 *		notifications with the queue's addresses and walks the split rings by itself, by
 *		vise_dma_read() and vise_dma_write(); read() and write() are of the device configuration,
 *		any offset below 256: what is beyond its own it has to refuse
 *
 * Guarantees: accesses are 1, 2, 4 or 8 bytes within [0, len); notify() comes only for a queue below
 * `queues` that the driver made ready, after DRIVER_OK; num is a power of two up to queue_max; one thread;
 * no call while another one is at work.
 * The caller promises: reset() gives the state that create() gave. What create() returned is destroy()'s
 * to free.
 */
#ifndef VISE_KIT_SHIM_H
#define VISE_KIT_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is around a device; it gets this pointer from create() and hands it back. */
struct vise_shim_host;

/* Guest memory, all or nothing: 0, or -1: some of it is not RAM. */
int vise_dma_read(struct vise_shim_host *h, uint64_t gpa, void *buf, size_t len);
int vise_dma_write(struct vise_shim_host *h, uint64_t gpa, const void *buf, size_t len);
/* plain: the line's level; virtio: 1, there are used buffers. */
void vise_irq(struct vise_shim_host *h, int level);
/* virtio: the device cannot go on, DEVICE_NEEDS_RESET. (why) is a static string. */
void vise_broken(struct vise_shim_host *h, const char *why);

/* A queue as the driver set it up. */
struct vise_shim_queue {
	uint32_t num;
	uint64_t desc, avail, used;
};

struct vise_shim {
	const char *name;
	/* plain */
	uint64_t base, len;
	bool ports; /* len is of I/O ports, else of MMIO */
	/* virtio */
	uint32_t virtio_id;
	unsigned queues;
	uint32_t queue_max;
	uint64_t features; /* of the device's own type */

	void *(*create)(struct vise_shim_host *h); /* NULL: no memory */
	void (*destroy)(void *dev);		   /* may be NULL */
	void (*reset)(void *dev);
	uint64_t (*read)(void *dev, uint64_t off, unsigned size); /* may be NULL */
	void (*write)(void *dev, uint64_t off, unsigned size, uint64_t val);
	void (*notify)(void *dev, unsigned queue, const struct vise_shim_queue *q);
	/* The driver took one queue back alone; NULL: the whole device is reset in its stead. */
	void (*queue_reset)(void *dev, unsigned queue);
};

#endif
