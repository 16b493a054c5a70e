/* SPDX-License-Identifier: MIT */
/*
 * virtio_priv: what a transport asks of the part of a virtio device that is the same on every one.
 */
#ifndef VMM_VIRTIO_PRIV_H
#define VMM_VIRTIO_PRIV_H

#include <vmm/virtio.h>

/* The features that the device offers. */
uint64_t virtio_offered(const struct virtio *v);

/* The driver wrote the status: 0 resets, the rest is 2.1 and 3.1.1. */
void virtio_write_status(struct virtio *v, uint32_t val);

/* The driver wrote 1 (use it) or 0 (stop it) for a queue; NULL: it chose one that is not there. */
void virtio_queue_ready(struct virtio *v, struct virtq *q, uint32_t val);

/* The driver rang for a queue, any number. */
void virtio_notify(struct virtio *v, uint32_t queue);

/* The driver has seen the interrupts in (bits). */
void virtio_interrupt_ack(struct virtio *v, uint32_t bits);

#endif
