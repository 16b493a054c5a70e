/* SPDX-License-Identifier: MIT */
/*
 * The seeds of fuzz/targets/virtq.c: `virtq OUTDIR` writes one file for each subject. Together they
 * leave none of the target's depth counters at zero.
 */
#include <stdio.h>

#include <vmm/virtq.h>

#include <virtq_prog.h>

#define NEXT	  VIRTQ_DESC_F_NEXT
#define WR	  VIRTQ_DESC_F_WRITE
#define IND	  VIRTQ_DESC_F_INDIRECT
#define OP	  (PROG_C_OFFER | PROG_C_PUBLISH) /* offered and published at once */
#define HUGE_1GIB (PROG_LEN_HUGE + 3)

/* The last descriptor written is offered, published, and the device rings it through. */
#define GO(how, ...) PROG_OFFER, 0, PROG_PUBLISH, PROG_KICK, how, __VA_ARGS__

/* log2 of the size, features, layout, distance of the start from 65536 */
#define HEAD(num, features, layout, start) num, features, layout, start

#define SEED(file, ...)                                                                            \
	{                                                                                          \
		.name = (file), .p = (const uint8_t[]){__VA_ARGS__},                               \
		.len = sizeof((const uint8_t[]){__VA_ARGS__})                                      \
	}

static const struct {
	const char *name;
	const uint8_t *p;
	size_t len;
} seeds[] = {
	/* One readable and one writable buffer, read, filled, pushed, interrupt wanted. */
	SEED("request", HEAD(3, 0, PROG_L_COMPACT, 0), PROG_CHAIN, OP | 1, 1, 0, 16, 1, 32,
	     PROG_KICK, PROG_K_INTERRUPT, PROG_ACT_FULL | PROG_ACT_READ, 0, 8),
	SEED("pieces", HEAD(4, 0, PROG_L_USED_R2, 0), PROG_SUPPRESS, 1, 0, PROG_CHAIN, OP | 3, 3, 0,
	     16, 1, 7, 2, 9, 3, 100, PROG_KICK, PROG_K_INTERRUPT | PROG_K_QUIET,
	     PROG_ACT_PIECES | PROG_ACT_READ, 3, 2, 5, 60, PROG_INTERRUPT, PROG_WANT_KICKS, 0,
	     PROG_WANT_KICKS, 1),
	/* Both indices go round; used_event hit, then far away. */
	SEED("event", HEAD(2, PROG_W_EVENT_IDX, PROG_L_AVAIL_BORDER, 2), PROG_SUPPRESS, 0, 0,
	     PROG_CHAIN, OP | 0, 1, 4, 8, PROG_KICK, PROG_K_INTERRUPT, PROG_ACT_FULL, PROG_CHAIN,
	     OP | 1, 1, 4, 8, 5, 8, PROG_KICK, PROG_K_INTERRUPT | PROG_K_QUIET, PROG_ACT_FULL,
	     PROG_SUPPRESS, 0, 50, PROG_CHAIN, OP | 0, 0, 4, 8, PROG_KICK, PROG_K_INTERRUPT,
	     PROG_ACT_EMPTY, PROG_WANT_KICKS, 0, PROG_WANT_KICKS, 1),
	SEED("wrap", HEAD(0, 0, PROG_L_USED_BORDER, 1), PROG_CHAIN, OP | 0, 1, 4, 8, PROG_KICK, 1,
	     PROG_ACT_FULL, PROG_CHAIN, OP | 0, 1, 4, 8, PROG_KICK, 1, PROG_ACT_FULL),
	/* Tables: alone, behind direct descriptors, of one entry. */
	SEED("tables", HEAD(4, 0, PROG_L_COMPACT, 0), PROG_INDIRECT, PROG_A_TABLE, 0, OP | 2, 1, 0,
	     16, 1, 16, 2, 16, PROG_KICK, 0, PROG_ACT_FULL, PROG_INDIRECT, PROG_A_TABLE | 3, 2,
	     OP | 1, 1, 7, 40, 8, 41, PROG_KICK, 0, PROG_ACT_PIECES, 9, 9, PROG_INDIRECT,
	     PROG_A_R2_END | 2, 0, OP | 0, 0, 7, 40, PROG_KICK, 0, PROG_ACT_READ, 0, 10),
	SEED("whole-queue", HEAD(2, 0, PROG_L_DESC_END, 0), PROG_CHAIN, OP | 3, 2, 0, 8, 1, 8, 2, 8,
	     3, 8, PROG_KICK, 0, PROG_ACT_FULL, PROG_INDIRECT, PROG_A_TABLE, 0, OP | 3, 2, 0, 8, 1,
	     8, 2, 8, 3, 8, PROG_KICK, 0, PROG_ACT_FULL),
	SEED("edges", HEAD(3, 0, PROG_L_AVAIL_R1, 0), PROG_CHAIN, OP | 4, 2, PROG_A_R0_END, 16,
	     PROG_A_BORDER | 6, 16, PROG_A_TOP, 0, PROG_A_R2_END | 4, PROG_LEN_TO_END,
	     PROG_A_R1 | 4, PROG_LEN_TO_END, PROG_KICK, 0, PROG_ACT_FULL | PROG_ACT_READ, 0, 8,
	     PROG_CHAIN, OP | 0, 1, PROG_A_R0_END, PROG_LEN_PAST_END, PROG_KICK, 0, 0, PROG_CHAIN,
	     OP | 0, 1, PROG_A_R0_END, HUGE_1GIB, PROG_KICK, 0, PROG_ACT_FULL, PROG_CHAIN, OP | 0,
	     1, PROG_A_ROM, 16, PROG_KICK, 0, PROG_ACT_FULL, PROG_CHAIN, OP | 0, 1, PROG_A_BIG | 15,
	     PROG_LEN_TO_END, PROG_KICK, 0, PROG_ACT_FULL),
	/* The device writes into the rings that it reads. */
	SEED("own-rings", HEAD(2, 0, PROG_L_COMPACT, 0), PROG_CHAIN, OP | 2, 3, PROG_A_DESC, 20,
	     PROG_A_AVAIL, 8, PROG_A_USED, 8, PROG_KICK, 0, PROG_ACT_FULL, PROG_KICK, 0),
	/* One fault in each chain; the queue stays healthy. */
	SEED("faults", HEAD(4, 0, PROG_L_COMPACT, 0), PROG_DESC, 0, 0, 8, NEXT, 0, GO(0, 0),
	     PROG_DESC, 0, 0, 0, NEXT, 0, GO(0, 0), PROG_DESC, 0, 0, 8, NEXT, 0xf5, GO(0, 0)),
	SEED("buffer-faults", HEAD(4, 0, PROG_L_COMPACT, 0), PROG_DESC, 0, PROG_A_TOP, 16, 0, 0,
	     GO(0, 0), PROG_DESC, 1, 0, 8, 0, 0, PROG_DESC, 0, 0, 8, NEXT | WR, 1, GO(0, 0)),
	SEED("huge-total", HEAD(4, 0, PROG_L_COMPACT, 0), PROG_DESC, 0, PROG_A_BIG, HUGE_1GIB, NEXT,
	     0, GO(0, 0)),
	SEED("table-faults", HEAD(3, 0, PROG_L_COMPACT, 0), PROG_DESC, 0, PROG_A_TABLE, 16,
	     IND | NEXT, 0, GO(0, 0), PROG_DESC, 0, PROG_A_TABLE, 15, IND, 0, GO(0, 0), PROG_DESC,
	     0, PROG_A_TABLE, 0, IND, 0, GO(0, 0), PROG_DESC, 0, PROG_A_DESC, 16, IND, 0, GO(0, 0),
	     PROG_INDIRECT, PROG_A_TABLE, 0, OP | 8, 0, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0,
	     8, PROG_KICK, 0, 0),
	SEED("no-tables", HEAD(3, PROG_W_NO_INDIRECT, PROG_L_COMPACT, 0), PROG_INDIRECT,
	     PROG_A_TABLE, 0, OP | 0, 0, 0, 8, PROG_KICK, 0, 0),
	/* Several in flight, completed in another order. */
	SEED("in-flight", HEAD(3, 0, PROG_L_COMPACT, 0), PROG_CHAIN, OP | 0, 1, 0, 16, PROG_CHAIN,
	     OP | 0, 1, 1, 16, PROG_CHAIN, OP | 0, 1, 2, 16, PROG_KICK, 0, PROG_ACT_HOLD,
	     PROG_ACT_HOLD, PROG_ACT_HOLD, PROG_PUSH_HELD, 2, PROG_ACT_FULL, PROG_PUSH_HELD, 0,
	     PROG_ACT_PIECES, 3, 9, PROG_PUSH_HELD, 0, PROG_ACT_EMPTY, PROG_INTERRUPT, PROG_NEXT,
	     0),
	SEED("same-head", HEAD(3, 0, PROG_L_COMPACT, 0), PROG_CHAIN, OP | 0, 1, 0, 16, PROG_KICK, 0,
	     PROG_ACT_HOLD, PROG_OFFER, 0, PROG_PUBLISH, PROG_KICK, 0, PROG_PUSH_HELD, 0,
	     PROG_ACT_FULL),
	SEED("no-such-head", HEAD(3, 0, PROG_L_COMPACT, 0), PROG_OFFER, 0xff, 0x34, 0x12,
	     PROG_PUBLISH, PROG_KICK, 0),
	SEED("index-jumps", HEAD(3, 0, PROG_L_COMPACT, 0), PROG_CHAIN, OP | 0, 1, 0, 16, PROG_KICK,
	     0, PROG_ACT_FULL, PROG_AVAIL_IDX, 9, PROG_KICK, 0),
	/* Offered again as soon as pushed: the bound for one doorbell. */
	SEED("refill", HEAD(1, 0, PROG_L_COMPACT, 0), PROG_CHAIN, OP | 0, 1, 0, 16, PROG_KICK,
	     PROG_K_REFILL, PROG_ACT_FULL, PROG_ACT_FULL, PROG_ACT_FULL),
	SEED("regions-go", HEAD(3, PROG_W_REGIONS_GO, PROG_L_USED_R2, 0), PROG_CHAIN, OP | 1, 1,
	     PROG_A_R1 | 8, 16, 3, 16, PROG_CHAIN, OP | 0, 1, PROG_A_R1 | 8, 16, PROG_KICK, 0,
	     PROG_ACT_HOLD, PROG_ACT_HOLD, PROG_REGION, 1, PROG_PUSH_HELD, 1, PROG_ACT_FULL,
	     PROG_REGION, 2, PROG_PUSH_HELD, 0, PROG_ACT_READ, 0, 4, PROG_REGION, 2, PROG_RECONF, 3,
	     0, 0, PROG_CHAIN, OP | 0, 1, 0, 16, PROG_KICK, 0, PROG_ACT_FULL),
	/* Memory changes behind each read: index, ring entry, descriptor, table. */
	SEED("double-fetch", HEAD(3, 0, PROG_L_COMPACT, 0), PROG_CHAIN, OP | 1, 1, 0, 16, 1, 16,
	     PROG_HOOK, 2, 8, 0xff, PROG_HOOK, 3, 9, 0x7f, PROG_KICK, 0, PROG_ACT_FULL,
	     PROG_INDIRECT, PROG_A_TABLE, 0, OP | 1, 1, 2, 24, 3, 24, PROG_HOOK, 3, 11, 0xff,
	     PROG_HOOK, 2, 12, 0x04, PROG_KICK, 0, PROG_ACT_FULL),
	SEED("set-up", HEAD(3, 0, PROG_L_CUSTOM, 0), PROG_A_DESC, PROG_A_TOP, PROG_A_HOLE,
	     PROG_RECONF, 10, 0, PROG_L_CUSTOM, PROG_A_BIG, PROG_A_BIG | 2, PROG_A_BIG | 4,
	     PROG_RECONF, 6, 0, PROG_L_CUSTOM, PROG_A_TOP | 15, 4, 8, PROG_RECONF, 7, 0, 0,
	     PROG_RECONF, 8, 0, 0, PROG_RECONF, 9, 0, 0, PROG_RECONF, 3, 0, PROG_L_CUSTOM,
	     PROG_A_R2_END | 8, 4, 8, PROG_RECONF, 5, PROG_W_EVENT_IDX, 0, PROG_CHAIN, OP | 1, 1, 0,
	     16, 1, 32, PROG_KICK, PROG_K_INTERRUPT, PROG_ACT_FULL | PROG_ACT_READ, 0, 8),
	SEED("overlap", HEAD(3, PROG_W_EVENT_IDX, PROG_L_OVERLAP, 0), PROG_CHAIN, OP | 1, 1, 0, 16,
	     1, 32, PROG_KICK, PROG_K_INTERRUPT, PROG_ACT_FULL, PROG_POKE, 0x40, 2, 2, 0, PROG_KICK,
	     0),
};

int main(int argc, char **argv)
{
	char path[4096];

	if (argc != 2) {
		fprintf(stderr, "usage: %s OUTDIR\n", argv[0]);
		return 2;
	}
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", argv[1], seeds[i].name);
		f = fopen(path, "wb");
		if (!f || fwrite(seeds[i].p, 1, seeds[i].len, f) != seeds[i].len || fclose(f)) {
			perror(path);
			return 1;
		}
	}
	return 0;
}
