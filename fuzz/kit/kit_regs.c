/* SPDX-License-Identifier: MIT */
/* kit_regs: a foreign device alone: registers, and its driver where it is a virtio device. */
#define KIT_OTHERS
#define KIT_DEPTH
#include "kit_machine.h"
