/* SPDX-License-Identifier: MIT */
/* virtio_priv: what virtio.c, virtio_late.c and virtio_shm.c share. */
#ifndef VMM_DEV_VIRTIO_PRIV_H
#define VMM_DEV_VIRTIO_PRIV_H

#include <vmm/virtio.h>

/* The device works on (queue) now, whose doorbell rang; the driver is told. */
void virtio_serve(struct virtio *v, unsigned queue);

/* ---- virtio_late.c: what takes its time ---------------------------------------------------------- */

extern const struct state_table virtio_late_state;

void virtio_late_init(struct virtio *v);
void virtio_late_fini(struct virtio *v);
/* Nothing is under way, and the seed's sequence begins anew. */
void virtio_late_reset(struct virtio *v);
/* The timer, for what is due next; none while the device is stopped. */
void virtio_late_arm(struct virtio *v);
/* The driver takes (queue) back. */
void virtio_late_forget(struct virtio *v, unsigned queue);
/* Is the doorbell of (queue) to be answered later? Then it will be. */
bool virtio_late_start(struct virtio *v, unsigned queue);
int virtio_late_post_load(struct virtio *v, struct err *err);

/* ---- virtio_shm.c: shared memory ------------------------------------------------------------------ */

int virtio_shm_init(struct virtio *v, struct err *err);
void virtio_shm_fini(struct virtio *v);
void virtio_shm_reset(struct virtio *v);
const struct state_table *virtio_shm_part(const struct virtio *v, unsigned i, const void **obj);

#endif
