/* SPDX-License-Identifier: MIT */
/* The seeds of fuzz/targets/virtio_pci.c. */
#include <dev_queue_seed.h>

#define EVENT(kind, n) DQ_EVENT, ((kind) | (n) << 2)

static const struct dq_seed seeds[] = {
	DQ_COMMON_SEEDS,
	DQ_SEED("echo", DQ_HEAD(0, 0), DQ_REQ(0, 9, 64), DQ_REQ(1, 31, 16), DQ_REQ(2, 0, 0xc1),
		DQ_ACK),
	DQ_SEED("echo-packed", DQ_HEAD(1, DQ_H_PACKED), DQ_REQ(0, 9, 64), DQ_REQ(2, 31, 16),
		DQ_ACK),
	DQ_SEED("vectors", DQ_HEAD(0, 0), EVENT(1, 0), EVENT(1, 3), EVENT(1, 4), EVENT(1, 63),
		EVENT(0, 2), EVENT(2, 0), DQ_REQ(0, 1, 8)),
	DQ_SEED("no-vectors", DQ_HEAD(1, 0), EVENT(1, 0), DQ_REQ(0, 1, 8)),
	DQ_SEED("registers", DQ_HEAD(0, 0), DQ_WRITE(DQ_REG, 2, 0x16, 1), DQ_READ(DQ_REG, 2, 0x18),
		DQ_WRITE(DQ_REG, 2, 0x16, 9), DQ_READ(DQ_REG, 8, 0x20), DQ_READ(DQ_REG, 1, 0x40),
		DQ_WRITE(DQ_REG, 2, 0x84, 1), DQ_READ(DQ_REG, 4, 0xc4),
		DQ_WRITE(DQ_REG, 1, 0xd4, 0), DQ_RESET, DQ_R_DEVICE, DQ_PAIR(0)),
	DQ_SEED("sizes", DQ_HEAD(0, 0), DQ_RESET, DQ_R_STATUS, DQ_WRITE(DQ_REG, 2, 0x18, 24),
		DQ_RESET, DQ_R_DEVICE, DQ_PAIR(0)),
	DQ_SEED("late", DQ_HEAD(2, 0), DQ_REQ(DQ_LATER, 0, 64), DQ_REQ(0, 0, 32), DQ_CLOCK, 12,
		DQ_REQ(1, 0, 16), DQ_CLOCK, 20),
	DQ_SEED("late-start", DQ_HEAD(3, 0), DQ_REQ(0, 0, 64), DQ_CLOCK, 12, DQ_SAVE),
};

int main(int argc, char **argv)
{
	return dq_seed_main(argc, argv, seeds, ARRAY_SIZE(seeds));
}
