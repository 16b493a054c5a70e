/* SPDX-License-Identifier: MIT */
/*
 * The seeds of fuzz/targets/virtq_packed.c: `virtq_packed OUTDIR` writes one file for each subject.
 * Together they leave none of the target's depth counters at zero.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The first two bytes, and the operations as the target numbers them. */
#define EVENT_IDX		     1
#define INDIRECT		     2
#define HEAD(features, num)	     (features), (num)
#define DESC(where, how, kind, id)   0, (where), (how), (kind), (id)
#define LIST(count, ahead, writable) 2, ((count)-1) | (ahead) << 3, (writable)
#define KICK			     4
#define NEXT			     5
#define WRITE(len)		     6, (len), 0
#define PUSH(which)		     7, (which)
#define EVENT(off, fl)		     8, (off), (fl)
#define INTERRUPT		     9
#define KICKS(on)		     10, (on)
#define SAVE			     11

#define TABLE	    0x40 /* DESC's where: in the table, not in the ring */
#define F_NEXT	    1
#define F_WRITE	    2
#define F_INDIRECT  4
#define TO_TABLE(n) (0x20 | ((n)-1))
#define TO_END	    0x5f /* beyond the end of memory */
#define TO_WILD	    0x60 /* two bytes more say where */
#define TO_DATA	    0xa0
#define ROUND	    0x80 /* an event's wrap counter */
#define ON_DESC	    2

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
	SEED("request", HEAD(0, 4), LIST(2, 0, 2), KICK, WRITE(2), PUSH(0), INTERRUPT),
	SEED("rounds", HEAD(0, 3), LIST(2, 0, 2), KICK, PUSH(0), LIST(2, 0, 2), KICK, PUSH(0),
	     LIST(2, 0, 2), KICK, WRITE(2), PUSH(0), LIST(1, 0, 0), KICK, SAVE, PUSH(0), NEXT),
	SEED("out-of-order", HEAD(0, 4), LIST(2, 0, 2), KICK, LIST(1, 0, 1), KICK, PUSH(1),
	     LIST(2, 0, 0), KICK, SAVE, PUSH(1), PUSH(0)),
	SEED("table", HEAD(INDIRECT, 4), DESC(TABLE, 0, TO_DATA, 0),
	     DESC(TABLE | 1, F_WRITE, TO_DATA | 4, 0), DESC(0, F_INDIRECT, TO_TABLE(2), 9), KICK,
	     WRITE(8), PUSH(0)),
	SEED("table-in-list", HEAD(INDIRECT, 4), LIST(2, 0, 0), DESC(1, F_INDIRECT, TO_TABLE(1), 9),
	     KICK, PUSH(0)),
	SEED("table-too-long", HEAD(INDIRECT, 4), DESC(0, F_INDIRECT, TO_TABLE(5), 9), KICK,
	     PUSH(0)),
	SEED("order", HEAD(0, 4), LIST(2, 0, 1), KICK, PUSH(0)),
	SEED("outside", HEAD(0, 4), DESC(0, 0, TO_END, 1), KICK, PUSH(0), DESC(1, 0, TO_WILD, 0x55),
	     0x55, 2, KICK, PUSH(0)),
	SEED("endless", HEAD(0, 2), DESC(0, F_NEXT, TO_DATA, 0), DESC(1, F_NEXT, TO_DATA, 1), KICK,
	     NEXT),
	SEED("too-many", HEAD(0, 2), LIST(1, 0, 0), KICK, LIST(2, 0, 0), KICK, PUSH(0)),
	SEED("event", HEAD(EVENT_IDX, 4), EVENT(ROUND | 0, ON_DESC), LIST(1, 0, 0), KICK, PUSH(0),
	     INTERRUPT, EVENT(ROUND | 3, ON_DESC), LIST(1, 0, 0), KICK, PUSH(0), INTERRUPT,
	     EVENT(0, ON_DESC), LIST(2, 0, 0), KICK, PUSH(0), INTERRUPT, NEXT),
	SEED("suppressed", HEAD(0, 4), EVENT(0, 1), LIST(1, 0, 0), KICK, PUSH(0), INTERRUPT,
	     KICKS(0), NEXT, KICKS(1), EVENT(0, 3), LIST(1, 0, 0), KICK, PUSH(0), INTERRUPT),
	SEED("no-size", HEAD(0, 0)),
	SEED("one-entry", HEAD(EVENT_IDX, 1), LIST(1, 0, 1), KICK, WRITE(1), PUSH(0), INTERRUPT,
	     LIST(1, 0, 1), KICK, WRITE(1), PUSH(0), INTERRUPT, NEXT),
};

int main(int argc, char **argv)
{
	char path[512];

	if (argc != 2) {
		fprintf(stderr, "usage: virtq_packed OUTDIR\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		FILE *f;
		int n = snprintf(path, sizeof(path), "%s/%s", argv[1], seeds[i].name);

		f = n > 0 && (size_t)n < sizeof(path) ? fopen(path, "wb") : NULL;
		if (!f || fwrite(seeds[i].p, 1, seeds[i].len, f) != seeds[i].len || fclose(f)) {
			perror(path);
			return 1;
		}
	}
	return 0;
}
