/* SPDX-License-Identifier: MIT */
/* The seeds of fuzz/targets/dev_blk.c. */
#include <dev_queue_seed.h>

/* What, as an index into the target's types; 8: without room for the status. */
enum { IN, OUT, FLUSH, GET_ID, DISCARD = 5, ZEROES };
#define BLK(sel, what, sector, much) DQ_REQ(sel, what, sector, much)

static const struct dq_seed seeds[] = {
	DQ_COMMON_SEEDS,
	DQ_SEED("read", DQ_HEAD(0, 0), BLK(0, IN, 3, 1), DQ_ACK, BLK(0, IN, 0, 3)),
	DQ_SEED("write", DQ_HEAD(0, 0), BLK(0, OUT, 3, 1), BLK(0, IN, 3, 1), BLK(0, FLUSH, 0, 0)),
	DQ_SEED("cut", DQ_HEAD(0, 0), DQ_REQUEST, 0, 7, OUT, 5, 2, DQ_REQUEST, 0, 1, IN, 5, 2),
	DQ_SEED("packed", DQ_HEAD(0, DQ_H_PACKED), BLK(0, OUT, 1, 1), BLK(0, IN, 1, 1),
		BLK(DQ_S_INDIRECT, GET_ID, 0, 0), BLK(DQ_S_INDIRECT, IN, 2, 1)),
	DQ_SEED("id", DQ_HEAD(0, 0), BLK(0, GET_ID, 0, 0), BLK(0, GET_ID, 0, 0x41)),
	DQ_SEED("segments", DQ_HEAD(0, 0), BLK(0, DISCARD, 2, 0x04), BLK(0, ZEROES, 4, 0x09),
		BLK(0, ZEROES, 4, 0x25), BLK(0, DISCARD, 2, 0x24), BLK(0, DISCARD, 2, 0x84)),
	DQ_SEED("beyond", DQ_HEAD(0, 0), BLK(0, IN, 15, 2), BLK(0, IN, 16, 1), BLK(0, OUT, 17, 1),
		BLK(0, IN, 0xff, 0xff), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
	DQ_SEED("segments-beyond", DQ_HEAD(0, 0), BLK(0, DISCARD, 14, 0x09), BLK(0, IN, 14, 2),
		BLK(0, ZEROES, 13, 0x0f), BLK(0, IN, 13, 3)),
	DQ_SEED("not-known", DQ_HEAD(0, 0), BLK(0, 0xf2, 0, 1), BLK(0, 0xff, 0, 1)),
	DQ_SEED("no-status", DQ_HEAD(0, 0), BLK(0, IN | 8, 0, 1), BLK(0, FLUSH | 8, 0, 0)),
	DQ_SEED("odd-length", DQ_HEAD(0, 0), BLK(0, IN, 0, 0x44), BLK(0, OUT, 0, 0xc1)),
	DQ_SEED("late", DQ_HEAD(1, 0), BLK(DQ_LATER, IN, 0, 1), BLK(0, IN, 1, 1), BLK(1, OUT, 2, 1),
		DQ_CLOCK, 13, BLK(2, FLUSH, 0, 0), DQ_SAVE, DQ_CLOCK, 20),
	DQ_SEED("late-in-order", DQ_HEAD_IN_ORDER(1, 0), BLK(DQ_LATER, IN, 0, 1), BLK(0, IN, 1, 1),
		BLK(1, OUT, 2, 1), DQ_CLOCK, 13, DQ_CLOCK, 20),
	DQ_SEED("read-only", DQ_HEAD(2, 0), BLK(0, IN, 0, 1), BLK(0, OUT, 0, 1),
		BLK(0, ZEROES, 0, 4), BLK(0, FLUSH, 0, 0)),
	DQ_SEED("errors", DQ_HEAD(3, 0), BLK(0, IN, 0, 1), BLK(0, IN, 1, 1), BLK(0, OUT, 0, 1),
		BLK(0, OUT, 1, 1), BLK(0, FLUSH, 0, 0), BLK(0, GET_ID, 0, 0)),
	DQ_SEED("cache-off", DQ_HEAD(0, 0), DQ_WRITE(DQ_CONFIG, 1, 32, 0), BLK(0, OUT, 0, 1),
		DQ_READ(DQ_CONFIG, 1, 32), DQ_WRITE(DQ_CONFIG, 1, 32, 2)),
	DQ_SEED("start", DQ_HEAD(4, 0), BLK(0, IN, 0, 1), DQ_CLOCK, 9, BLK(0, OUT, 1, 1), DQ_SAVE,
		DQ_CLOCK, 20),
	DQ_SEED("limits", DQ_HEAD(5, 0), BLK(DQ_LATER, IN, 0, 1), BLK(DQ_LATER, IN, 1, 1),
		BLK(DQ_LATER, IN, 2, 1), BLK(0, FLUSH, 0, 0), DQ_CLOCK, 12, DQ_SAVE, DQ_CLOCK, 20),
	DQ_SEED("limits-of-writes", DQ_HEAD(5, DQ_H_PACKED), BLK(0, OUT, 0, 3), BLK(0, OUT, 3, 3),
		BLK(0, OUT, 6, 3), DQ_CLOCK, 17, BLK(0, IN, 3, 3), DQ_CLOCK, 20, DQ_CLOCK, 20),
	DQ_SEED("limits-reset", DQ_HEAD(5, 0), BLK(DQ_LATER, OUT, 0, 3), BLK(DQ_LATER, OUT, 3, 3),
		BLK(0, OUT, 6, 3), DQ_RESET, 0, BLK(0, IN, 3, 3), DQ_RESET, 1, BLK(0, IN, 3, 3),
		DQ_CLOCK, 20),
};

int main(int argc, char **argv)
{
	return dq_seed_main(argc, argv, seeds, ARRAY_SIZE(seeds));
}
