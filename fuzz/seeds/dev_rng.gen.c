/* SPDX-License-Identifier: MIT */
/* The seeds of fuzz/targets/dev_rng.c. */
#include <dev_queue_seed.h>

static const struct dq_seed seeds[] = {
	DQ_COMMON_SEEDS,
	DQ_SEED("fill", DQ_HEAD(0, 0), DQ_REQ(0, 0, 64), DQ_REQ(0, 2, 8, 0, 100), DQ_ACK),
	DQ_SEED("fill-packed", DQ_HEAD(0, DQ_H_PACKED), DQ_REQ(0, 0, 64), DQ_REQ(0, 1, 7, 9)),
	DQ_SEED("readable-too", DQ_HEAD(0, 0), DQ_REQ(0, 0x90, 64)),
	DQ_SEED("most", DQ_HEAD(0, 0), DQ_CHAIN, 0, 0x70, 0, DQ_N_HUGE + 6, 0, DQ_N_HUGE + 6, 0,
		DQ_N_HUGE + 6, 0, DQ_N_HUGE + 6, 0, DQ_N_HUGE + 6, 0, DQ_N_HUGE + 6, 0,
		DQ_N_HUGE + 6),
	DQ_SEED("late", DQ_HEAD(1, 0), DQ_REQ(DQ_LATER, 0, 64), DQ_REQ(0, 0, 32), DQ_CLOCK, 12,
		DQ_REQ(0, 0, 16), DQ_CLOCK, 20),
	DQ_SEED("late-start", DQ_HEAD(2, 0), DQ_REQ(0, 0, 64), DQ_CLOCK, 12, DQ_SAVE),
};

int main(int argc, char **argv)
{
	return dq_seed_main(argc, argv, seeds, ARRAY_SIZE(seeds));
}
