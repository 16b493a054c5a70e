/* SPDX-License-Identifier: MIT */
/*
 * Seeds of soft_diff: forms from all over the list, with and without an overlay, sequences and bytes
 * in each mode. Usage: soft_diff FOLDER
 */
#include <stdio.h>
#include <stdlib.h>

#include <diff_prog.h>
#include <vmm/base.h>

#define FILES 48u

int main(int argc, char **argv)
{
	uint32_t k = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	for (unsigned i = 0; i < FILES; i++) {
		uint8_t b[DIFF_CASES * DIFF_RECORD];
		char path[512];
		FILE *f;

		for (unsigned n = 0; n < DIFF_CASES; n++, k++) {
			uint8_t *p = b + (size_t)n * DIFF_RECORD;

			p[0] = (uint8_t)((i % 4) | (n % 3) << 2 | (n & 4 ? DIFF_VECTOR : 0));
			st_le16(p + 1, (uint16_t)(k * 83)); /* a prime: far apart, all in the end */
			st_le32(p + 3, k);
			p[7] = (uint8_t)(k * 29);
		}
		snprintf(path, sizeof(path), "%s/%02u", argv[1], i);
		f = fopen(path, "wb");
		if (!f || fwrite(b, 1, sizeof(b), f) != sizeof(b) || fclose(f)) {
			perror(path);
			return 1;
		}
	}
	return 0;
}
