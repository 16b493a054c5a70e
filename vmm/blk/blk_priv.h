/* SPDX-License-Identifier: MIT */
/* blk_priv: what disks from text need of the back ends beside blk.h. */
#ifndef VMM_BLK_PRIV_H
#define VMM_BLK_PRIV_H

#include <vmm/blk.h>

/* Does the file begin as a qcow2 image does? false too where it cannot be read. */
bool blk_is_qcow2(const char *path);

/*
 * From now on a write that would make a raw file begin as an image does is refused with -EPERM: opened
 * by its first bytes the next time, it could name any file of the host for the guest to read.
 */
void blk_raw_stay_raw(struct blk *b);

/* All of it to a file at (off). 0 or -errno. */
int blk_fd_write(int fd, uint64_t off, const void *buf, size_t len);

#endif
