/* SPDX-License-Identifier: MIT */
/* Seeds of unpack: each format, whole, with a tail, cut, damaged, and too large. */
#include <stdio.h>

#include "../../vmm/unpack/test_pack.h"

#define HEAD 3u
#define ROOM 8192u

static int failed;

static void put(const char *dir, const char *name, const char *what, unsigned units,
		const uint8_t *p, size_t len)
{
	uint8_t all[HEAD + ROOM + 16];
	char path[4096];
	struct err err;

	all[0] = 0;
	st_le16(all + 1, (uint16_t)units);
	memcpy(all + HEAD, p, len);
	if (snprintf(path, sizeof(path), "%s/%s-%s", dir, name, what) >= (int)sizeof(path) ||
	    file_write(path, all, HEAD + len, &err)) {
		fprintf(stderr, "%s/%s-%s: cannot write\n", dir, name, what);
		failed = 1;
	}
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : ".";
	uint8_t plain[1024], packed[ROOM + 16];

	for (unsigned i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(i % 97 < 64 ? i : i * i >> 3);
	for (enum unpack_format f = UNPACK_GZIP; f <= UNPACK_ZSTD; f++) {
		size_t n = pack(f, plain, sizeof(plain), packed, ROOM);
		const char *name = unpack_name(f);

		if (!n)
			continue;
		put(dir, name, "whole", 16, packed, n);
		put(dir, name, "room", 999, packed, n);
		put(dir, name, "big", 15, packed, n);
		put(dir, name, "none", 0, packed, n);
		put(dir, name, "cut", 16, packed, n - 5);
		memset(packed + n, 0, 16);
		put(dir, name, "tail", 16, packed, n + 16);
		packed[n / 2] ^= 8;
		put(dir, name, "damaged", 16, packed, n);
	}
	put(dir, "lzo", "whole", 16, (const uint8_t *)"\x89LZO\0\r\n\x1a\n", 9);
	put(dir, "none", "whole", 16, plain, 64);
	return failed;
}
