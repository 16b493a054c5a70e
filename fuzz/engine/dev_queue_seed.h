/* SPDX-License-Identifier: MIT */
/*
 * dev_queue_seed: what the seed generators of the dev_* targets share: operations of dev_queue_prog.h as
 * bytes, seeds that fit every device and leave none of the frame's depth counters at zero, and a main().
 *
 *	static const struct dq_seed seeds[] = {DQ_SEED("read", DQ_HEAD(0, 0), REQ(0, 1, 2, 3)), ...};
 *	int main(int argc, char **argv) { return dq_seed_main(argc, argv, seeds, ARRAY_SIZE(seeds)); }
 */
#ifndef FUZZ_ENGINE_DEV_QUEUE_SEED_H
#define FUZZ_ENGINE_DEV_QUEUE_SEED_H

#include <stdio.h>

#include <vmm/virtq.h>

#include "dev_queue_prog.h"

struct dq_seed {
	const char *name;
	const uint8_t *p;
	size_t len;
};
#define DQ_SEED(file, ...)                                                                         \
	{                                                                                          \
		.name = (file), .p = (const uint8_t[]){__VA_ARGS__},                               \
		.len = sizeof((const uint8_t[]){__VA_ARGS__})                                      \
	}

/* variant, DQ_H_*; all of the device's features. */
#define DQ_HEAD(variant, how)	       (variant), (how), 0, 0
#define DQ_HEAD_IN_ORDER(variant, how) (variant), (how), 0, DQ_H_IN_ORDER
#define DQ_REQ(sel, ...)	       DQ_REQUEST, (sel), 0, __VA_ARGS__
/* One readable buffer of 16 bytes and a writable one of 64. */
#define DQ_PAIR(sel)		     DQ_CHAIN, (sel), 0x11, 0, 16, 8, 64
#define DQ_KICK_OF(queue)	     DQ_KICK, (queue)
#define DQ_READ(op, size, off)	     (op), (size)-1, (off)
#define DQ_WRITE(op, size, off, val) (op), (DQ_A_WRITE | ((size)-1)), (off), (val)
#define DQ_LATER		     DQ_S_NO_KICK

#define DQ_COMMON_SEEDS                                                                            \
	DQ_SEED("common-split", DQ_HEAD(0, 0), DQ_PAIR(0), DQ_ACK, DQ_PAIR(DQ_S_INDIRECT), DQ_ACK, \
		DQ_SUPPRESS, 0, 1, 0, DQ_PAIR(0), DQ_CLOCK, 10),                                   \
		DQ_SEED("common-packed", DQ_HEAD(0, DQ_H_PACKED), DQ_PAIR(0), DQ_ACK,              \
			DQ_PAIR(DQ_S_INDIRECT), DQ_SUPPRESS, 0, 0, 1, DQ_PAIR(0), DQ_PAIR(0),      \
			DQ_PAIR(0), DQ_PAIR(0)),                                                   \
		DQ_SEED("common-in-order", DQ_HEAD_IN_ORDER(0, 0), DQ_PAIR(DQ_LATER),              \
			DQ_PAIR(DQ_LATER), DQ_PAIR(0), DQ_ACK),                                    \
		DQ_SEED("common-in-order-packed", DQ_HEAD_IN_ORDER(0, DQ_H_PACKED),                \
			DQ_PAIR(DQ_LATER), DQ_PAIR(0), DQ_PAIR(0), DQ_ACK),                        \
		DQ_SEED("common-event", DQ_HEAD(0, DQ_H_EVENT_IDX), DQ_PAIR(0), DQ_SUPPRESS, 0, 0, \
			2, DQ_PAIR(0), DQ_PAIR(0)),                                                \
		DQ_SEED("common-notify-data", 0, 0, 0, DQ_H_NOTIFY_DATA | DQ_H_RING_RESET,         \
			DQ_PAIR(0), DQ_RESET, DQ_R_QUEUE | 0x20, DQ_PAIR(0)),                      \
		DQ_SEED("common-config", DQ_HEAD(0, 0), DQ_READ(DQ_CONFIG, 4, 0),                  \
			DQ_READ(DQ_CONFIG, 8, 60), DQ_WRITE(DQ_CONFIG, 1, 32, 1),                  \
			DQ_WRITE(DQ_CONFIG, 4, 254, 1), DQ_READ(DQ_REG, 2, 1),                     \
			DQ_WRITE(DQ_REG, 8, 0x70, 0), DQ_READ(DQ_REG, 4, 0), DQ_PAIR(0)),          \
		DQ_SEED("common-resets", DQ_HEAD(0, 0), DQ_PAIR(DQ_LATER), DQ_RESET, DQ_R_DEVICE,  \
			DQ_PAIR(0), DQ_RESET, DQ_R_QUEUE, DQ_PAIR(0), DQ_RESET, DQ_R_STATUS,       \
			DQ_PAIR(0), DQ_RESET, DQ_R_OTHER, DQ_H_PACKED | DQ_H_NUM(3), DQ_PAIR(0)),  \
		DQ_SEED("common-refused", DQ_HEAD(0, DQ_H_BAD_FEATURE), DQ_PAIR(0), DQ_RESET,      \
			DQ_R_OTHER, DQ_H_NO_DRIVER_OK, DQ_PAIR(0)),                                \
		DQ_SEED("common-broken", DQ_HEAD(0, 0), DQ_PAIR(0), DQ_AVAIL_IDX, 0, 100,          \
			DQ_KICK_OF(0), DQ_KICK_OF(0), DQ_PAIR(0), DQ_KICK_OF(9)),                  \
		DQ_SEED("common-malformed", DQ_HEAD(0, DQ_H_NUM(1)), DQ_DESC, 0, 0, 0, 16,         \
			VIRTQ_DESC_F_NEXT, 0, DQ_CHAIN, 0, 0x11, 0, 16, DQ_P_BAD + 1, 64,          \
			DQ_CHAIN, 0, 0x10, 0, DQ_N_HUGE, DQ_DESC, DQ_S_IN_THE_TABLE, 0, 0, 16,     \
			VIRTQ_DESC_F_WRITE, 0, DQ_DESC, 0, 1, DQ_P_BAD + 6, 16,                    \
			VIRTQ_DESC_F_INDIRECT, 0, DQ_DESC, 0, 1, DQ_P_BAD + 6, 17,                 \
			VIRTQ_DESC_F_INDIRECT, 0),                                                 \
		DQ_SEED("common-malformed-packed", DQ_HEAD(0, DQ_H_PACKED), DQ_CHAIN, 0, 0x11, 0,  \
			16, DQ_P_BAD + 1, 64, DQ_DESC, DQ_S_IN_THE_TABLE, 0, 0, 16, 0, 0, DQ_DESC, \
			0, 1, DQ_P_BAD + 6, 16, VIRTQ_DESC_F_INDIRECT, 0, DQ_DESC, 0, 1,           \
			DQ_P_BAD + 6, 17, VIRTQ_DESC_F_INDIRECT, 0),                               \
		DQ_SEED("common-double-fetch", DQ_HEAD(0, 0), DQ_HOOK, 2, 0, 0xff, DQ_HOOK, 3, 9,  \
			0x7f, DQ_HOOK, 5, 3, 0x80, DQ_PAIR(0), DQ_HOOK, 3, 9, 2,                   \
			DQ_PAIR(DQ_S_INDIRECT)),                                                   \
		DQ_SEED("common-save", DQ_HEAD(0, DQ_H_PACKED), DQ_PAIR(DQ_LATER), DQ_SAVE,        \
			DQ_PAIR(0), DQ_POKE, 0, 1, 1, 0, DQ_BYTES, 0, 3, 1, 2, 3, 4, DQ_PAIR(0))

static inline int dq_seed_main(int argc, char **argv, const struct dq_seed *seeds, size_t n)
{
	char path[4096];

	if (argc != 2) {
		fprintf(stderr, "usage: %s OUTDIR\n", argv[0]);
		return 2;
	}
	for (size_t i = 0; i < n; i++) {
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

#endif
