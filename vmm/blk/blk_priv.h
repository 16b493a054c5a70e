/* SPDX-License-Identifier: MIT */
/* blk_priv: what disks from text need of the back ends beside blk.h. */
#ifndef VMM_BLK_PRIV_H
#define VMM_BLK_PRIV_H

#include <stdbool.h>

/* Does the file begin as a qcow2 image does? false too where it cannot be read. */
bool blk_is_qcow2(const char *path);

#endif
