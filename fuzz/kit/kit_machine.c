/* SPDX-License-Identifier: MIT */
/* kit_machine: a foreign device in a machine: interrupt controllers, timers, other devices at work. */
#define KIT_OTHERS                                                                                 \
	"pic", "ioapic", "lapic", "pit", "rtc", "uart", "virtio-rng,base=0xfd000000,irq=10",       \
		"virtio-blk,base=0xfd000200,irq=11,delay=2000",
#define KIT_DEPTH , pic, ioapic, lapic, pit, rtc, uart, virtio_rng, virtio_blk
#include "kit_machine.h"
