/* SPDX-License-Identifier: MIT */
/* The seeds of fuzz/targets/dev_balloon.c. */
#include <dev_queue_seed.h>

enum { INFLATE, DEFLATE, STATS, HINT, REPORT };
#define POISON 12

static const struct dq_seed seeds[] = {
	DQ_COMMON_SEEDS,
	DQ_SEED("inflate", DQ_HEAD(0, 0), DQ_REQ(INFLATE, 1, 1, 2), DQ_REQ(DEFLATE, 1, 1, 2),
		DQ_ACK, DQ_REQ(INFLATE, 3, 0, 1, 2, 0xf3)),
	DQ_SEED("inflate-packed", DQ_HEAD(0, DQ_H_PACKED), DQ_REQ(INFLATE, 1, 1, 2), DQ_SAVE,
		DQ_REQ(DEFLATE, 1, 1, 2)),
	DQ_SEED("inflate-rings", DQ_HEAD(0, 0), DQ_REQ(INFLATE, 0, 0xe0), DQ_REQ(INFLATE, 0, 1)),
	DQ_SEED("odd-list", DQ_HEAD(0, 0), DQ_REQ(INFLATE, 0xc1, 1, 2)),
	DQ_SEED("stats", DQ_HEAD(0, 0), DQ_REQ(STATS, 3, 0, 1, 1, 2, 2, 3, 200, 4), DQ_EVENT, 1,
		DQ_REQ(STATS, 0, 1, 1), DQ_REQ(STATS, 0, 1, 1), DQ_SAVE),
	DQ_SEED("stats-by-time", DQ_HEAD(2, 0), DQ_REQ(STATS, 0, 0, 1), DQ_CLOCK, 14,
		DQ_REQ(STATS, 0, 0, 1), DQ_RESET, DQ_R_QUEUE | STATS << 2, DQ_CLOCK, 14),
	DQ_SEED("hints", DQ_HEAD(0, 0), DQ_EVENT, 2, DQ_REQ(HINT, 1), DQ_REQ(HINT, 0),
		DQ_REQ(HINT, 10), DQ_REQ(HINT, 3), DQ_REQ(HINT, 0)),
	DQ_SEED("reports", DQ_HEAD(0, 0), DQ_REQ(REPORT, 0), DQ_REQ(REPORT, 3),
		DQ_WRITE(DQ_CONFIG, 4, POISON, 0x5a), DQ_REQ(REPORT, 1)),
	DQ_SEED("target", DQ_HEAD(0, 0), DQ_EVENT, 0, DQ_READ(DQ_CONFIG, 4, 0),
		DQ_WRITE(DQ_CONFIG, 4, 4, 5), DQ_WRITE(DQ_CONFIG, 4, 0, 5)),
	DQ_SEED("late", DQ_HEAD(1, 0), DQ_REQ(INFLATE, 0, 1), DQ_CLOCK, 12, DQ_REQ(STATS, 0, 0, 1)),
	DQ_SEED("late-start", DQ_HEAD(3, 0), DQ_REQ(INFLATE, 0, 1), DQ_CLOCK, 12, DQ_SAVE),
	/* A list of zeroes names the page of the rings: the frame's seeds, on the other queue. */
	DQ_SEED("deflate-in-order", DQ_HEAD_IN_ORDER(0, 0), DQ_PAIR(DEFLATE | DQ_LATER),
		DQ_PAIR(DEFLATE), DQ_ACK),
	DQ_SEED("deflate-split", DQ_HEAD(0, 0), DQ_PAIR(DEFLATE), DQ_SUPPRESS, DEFLATE, 1, 0,
		DQ_PAIR(DEFLATE), DQ_PAIR(DEFLATE | DQ_S_INDIRECT)),
	DQ_SEED("without", 0, 0, 0xff, 0, DQ_REQ(STATS, 0, 0, 1), DQ_REQ(HINT, 0),
		DQ_REQ(REPORT, 0)),
};

int main(int argc, char **argv)
{
	return dq_seed_main(argc, argv, seeds, ARRAY_SIZE(seeds));
}
