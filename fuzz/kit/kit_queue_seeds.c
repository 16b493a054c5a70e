/* SPDX-License-Identifier: MIT */
/* kit_queue_seeds: seeds of kit_queue that fit any virtio model. */
#include <dev_queue_seed.h>

static const struct dq_seed seeds[] = {
	DQ_COMMON_SEEDS,
	DQ_SEED("kit-request", DQ_HEAD(0, 0), DQ_REQ(0, 0x48, 1, 0, 0, 0, 4, 0, 0, 0, 64),
		DQ_REQ(0, 0x48, 2, 0, 0, 0, 4, 0, 0, 0, 64),
		DQ_REQ(0, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 100), DQ_ACK),
	DQ_SEED("kit-request-packed", DQ_HEAD(0, DQ_H_PACKED),
		DQ_REQ(0, 0x48, 1, 0, 0, 0, 4, 0, 0, 0, 64), DQ_REQ(0, 0xc4, 3, 0, 0, 0, 16, 32),
		DQ_REQ(0, 0x64, 3, 0, 0, 0, 0, 64, 32), DQ_ACK),
	DQ_SEED("kit-changes", DQ_HEAD(0, 0), DQ_HOOK, 2, 4, 0xff,
		DQ_REQ(0, 0x48, 1, 0, 0, 0, 4, 0, 0, 0, 64), DQ_HOOK, 3, 4, 0xff,
		DQ_REQ(0, 0x48, 1, 0, 0, 0, 4, 0, 0, 0, 64), DQ_HOOK, 4, 4, 0xff,
		DQ_REQ(0, 0x48, 1, 0, 0, 0, 4, 0, 0, 0, 64), DQ_HOOK, 5, 4, 0xff,
		DQ_REQ(0, 0x48, 1, 0, 0, 0, 4, 0, 0, 0, 64)),
	DQ_SEED("kit-event", DQ_HEAD(0, 0), DQ_EVENT, 1, DQ_PAIR(0), DQ_EVENT, 0x41, DQ_CLOCK, 20,
		DQ_SAVE),
};

int main(int argc, char **argv)
{
	return dq_seed_main(argc, argv, seeds, ARRAY_SIZE(seeds));
}
