/* SPDX-License-Identifier: MIT */
/* Seeds of initramfs: archives, compressed ones, both; cut and damaged. */
#include <stdio.h>

#include "../../vmm/unpack/test_pack.h"

#define HEAD 2u
#define ROOM 4096u

static int failed;

static void put(const char *dir, const char *name, const char *what, unsigned units,
		const uint8_t *p, size_t len)
{
	uint8_t all[HEAD + 2 * ROOM];
	char path[4096];
	struct err err;

	st_le16(all, (uint16_t)units);
	memcpy(all + HEAD, p, len);
	if (snprintf(path, sizeof(path), "%s/%s-%s", dir, name, what) >= (int)sizeof(path) ||
	    file_write(path, all, HEAD + len, &err)) {
		fprintf(stderr, "%s/%s-%s: cannot write\n", dir, name, what);
		failed = 1;
	}
}

/* A file of an archive at (b); bytes used. */
static size_t put_file(uint8_t *b, const char *name, unsigned size)
{
	unsigned n = (unsigned)strlen(name) + 1;
	char head[128];
	size_t at;

	(void)snprintf(head, sizeof(head),
		       "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1u, 0100644u,
		       0u, 0u, 1u, 0u, size, 0u, 0u, 0u, 0u, n, 0u);
	memcpy(b, head, 110);
	memset(b + 110, 0, n + 8);
	memcpy(b + 110, name, n);
	at = (110 + (size_t)n + 3) & ~(size_t)3;
	memset(b + at, 'x', size + 4);
	return (at + size + 3) & ~(size_t)3;
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : ".";
	uint8_t b[ROOM], z[2 * ROOM];
	size_t n = put_file(b, "init", 77);

	n += put_file(b + n, "TRAILER!!!", 0);
	put(dir, "cpio", "whole", 16, b, n);
	put(dir, "cpio", "cut", 16, b, n - 20);
	/* where the first file's header, name and contents end, and the last one's */
	for (size_t len = 106; len <= n; len++) {
		char what[32];

		if (len > 120 && len + 18 < n && !(len > 190 && len < 200))
			continue;
		(void)snprintf(what, sizeof(what), "cut-%zu", len);
		put(dir, "cpio", what, 16, b, len);
	}
	/* zeros in front, which may be any number, and the next one's magic cut short or moved */
	for (size_t zeros = 1; zeros <= 8; zeros++) {
		char what[32];

		memset(z, 0, zeros);
		memcpy(z + zeros, b, n);
		(void)snprintf(what, sizeof(what), "after-%zu", zeros);
		put(dir, "cpio", what, 16, z, zeros + n);
		memcpy(z, b, n);
		memcpy(z + n, b, zeros);
		(void)snprintf(what, sizeof(what), "and-%zu", zeros);
		put(dir, "cpio", what, 16, z, n + zeros);
	}
	/* sizes in all digits, of either case, and beside them */
	for (const char *c = "09afAF/:`gG@"; *c; c++) {
		char what[32];
		uint8_t was = b[61];

		b[61] = (uint8_t)*c;
		(void)snprintf(what, sizeof(what), "digit-%02x", (unsigned)*c);
		memcpy(z, b, n);
		memset(z + n, 0, 512);
		put(dir, "cpio", what, 16, z, n + 512);
		b[61] = was;
	}
	for (size_t i = 0; i < 6; i++) {
		char what[32];

		b[i]++;
		(void)snprintf(what, sizeof(what), "magic-%zu", i);
		put(dir, "cpio", what, 16, b, n);
		b[i]--;
	}
	b[60] = 'z';
	put(dir, "cpio", "damaged", 16, b, n);
	b[60] = '4';
	put(dir, "other", "text", 16, (const uint8_t *)"0707 not really", 15);
	for (enum unpack_format f = UNPACK_GZIP; f <= UNPACK_ZSTD; f++) {
		size_t m = pack(f, b, n, z, ROOM);

		if (!m)
			continue;
		put(dir, unpack_name(f), "whole", 16, z, m);
		put(dir, unpack_name(f), "big", 2, z, m);
		put(dir, unpack_name(f), "cut", 16, z, m - 3);
		memcpy(z, b, n);
		m = pack(f, b, n, z + n, ROOM);
		put(dir, unpack_name(f), "after-cpio", 16, z, n + m);
	}
	return failed;
}
