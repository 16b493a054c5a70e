/* SPDX-License-Identifier: MIT */
/* The seeds of fuzz/targets/input_log.c: lists of records, and a file as it is. */
#include <stdio.h>
#include <string.h>

#include <vmm/input.h>

enum { SOURCE = 1, VALUE, START, DATA, END, FINISH, CUT };
#define R(kind, source, dt) ((kind) | (source) << 3 | (dt) << 5)
#define EIGHT		    1, 2, 3, 4, 5, 6, 7, 8
#define SET_UP                                                                                     \
	R(SOURCE, 0, 0), 0, R(VALUE, 0, 0), 8, EIGHT, R(SOURCE, 1, 0), 0, R(SOURCE, 2, 0), 0,      \
		R(VALUE, 1, 0), 8, EIGHT, R(START, 0, 0), 8, EIGHT
#define RUN                                                                                        \
	R(DATA, 0, 3), 2, 'h', 'i', R(DATA, 1, 0), 1, 'x', R(END, 1, 7), 0, R(DATA, 2, 0), 3, 'a', \
		'b', 'c', R(DATA, 0, 7), 1, '!'

static const struct {
	const char *name;
	unsigned len;
	uint8_t bytes[120];
} seeds[] = {
#define SEED(n, ...)                                                                               \
	{                                                                                          \
		n, sizeof((const uint8_t[]){__VA_ARGS__}),                                         \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
	SEED("run", 1, 9, SET_UP, RUN, R(FINISH, 0, 2), 8, EIGHT),
	SEED("goes-on", 1, 10, SET_UP, RUN, R(FINISH, 0, 2), 8, EIGHT),
	SEED("cut", 1, 30, SET_UP, RUN, R(CUT, 0, 2), 0),
	SEED("other-machine", 1, 0xf7, SET_UP, RUN, R(CUT, 0, 2), 0),
	SEED("flipped", 3, 77, SET_UP, RUN, R(CUT, 0, 2), 0),
	SEED("two-sources", 1, 1, R(SOURCE, 0, 0), 0, R(START, 0, 0), 8, EIGHT, R(CUT, 0, 0), 0),
	SEED("no-source", 1, 1, R(START, 0, 0), 8, EIGHT, R(DATA, 0, 0), 1, 9, R(CUT, 0, 0), 0),
	SEED("twice", 1, 1, R(SOURCE, 0, 0), 0, R(SOURCE, 0, 0), 0),
	SEED("not-closed", 1, 1, SET_UP, RUN),
	SEED("beyond", 1, 1, SET_UP, R(CUT, 0, 0), 0, RUN),
	SEED("file", 0, 'V', 'I', 'S', 'E', 'I', 'N', 'P', 'T', 1, 0, 0, 0, 0, 0, 0, 0),
};

int main(int argc, char **argv)
{
	char path[4096];

	if (argc != 2) {
		fprintf(stderr, "usage: input_log OUTDIR\n");
		return 2;
	}
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		FILE *f;

		(void)snprintf(path, sizeof(path), "%s/%s", argv[1], seeds[i].name);
		f = fopen(path, "wb");
		if (!f || fwrite(seeds[i].bytes, 1, seeds[i].len, f) != seeds[i].len || fclose(f)) {
			perror(path);
			return 1;
		}
	}
	return 0;
}
