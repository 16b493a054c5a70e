/* SPDX-License-Identifier: MIT */
/*
 * virtio_host: what the host may ask of single virtio models, beside what every device does: the
 * guest's address on a socket device, the size that a balloon should have, a console's ports and size.
 *
 * Guarantees: each is told to the driver as the specification says, at once if it is up.
 * The caller promises: (d) is of the class named; it is called between two instructions. Nothing is
 * to be freed.
 */
#ifndef VMM_VIRTIO_HOST_H
#define VMM_VIRTIO_HOST_H

#include <vmm/dev.h>

/*
 * "virtio-vsock": the guest's CID is now (cid) (3 to 2^32 - 2; -EINVAL else), as after a migration:
 * all connections are gone and VIRTIO_VSOCK_EVENT_TRANSPORT_RESET is sent (virtio 1.2, 5.10.6.7).
 */
#define VSOCK_CID_MIN 3u
#define VSOCK_CID_MAX 0xfffffffeu
int vsock_set_cid(struct dev *d, uint64_t cid);

/*
 * "virtio-balloon": it should hold (pages) pages of 4 KiB; a configuration interrupt tells the driver
 * (5.5.6). -EINVAL: more than 2^32 - 1. And what it holds, and what the driver told last.
 */
int balloon_set_target(struct dev *d, uint64_t pages);
uint64_t balloon_pages(const struct dev *d);
/* The last value of statistics (tag), 5.5.6.3: false, it was never told. */
#define BALLOON_STATS 16u
bool balloon_stat(const struct dev *d, unsigned tag, uint64_t *val);
/* Ask for new statistics, if the driver gave a buffer for them; and for hints of free pages, 5.5.6.6. */
void balloon_ask_stats(struct dev *d);
void balloon_ask_hints(struct dev *d);

/*
 * "virtio-console": port (port) is plugged in or taken away: the driver hears of it, 5.3.6.2. -EINVAL:
 * it has no such port, or MULTIPORT was not negotiated. And the size of its consoles: -EINVAL, the
 * driver did not take SIZE; it reads the new one all the same.
 */
int console_plug(struct dev *d, unsigned port, bool there);
int console_resize(struct dev *d, uint16_t cols, uint16_t rows);

#endif
