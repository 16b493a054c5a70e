/* SPDX-License-Identifier: MIT */
/*
 * XXH64, from its specification (xxHash fast digest algorithm, version 0.1.1, "XXH64 Algorithm
 * Description"): four lanes of 64 bits over stripes of 32 bytes, then the rest, then a final mix.
 */
#include <vmm/base.h>

#define PRIME_1 0x9e3779b185ebca87ull
#define PRIME_2 0xc2b2ae3d27d4eb4full
#define PRIME_3 0x165667b19e3779f9ull
#define PRIME_4 0x85ebca77c2b2ae63ull
#define PRIME_5 0x27d4eb2f165667c5ull

#define STRIPE 32

/* One load at every optimisation level, where ld_le64() is eight in the unoptimised ones. */
static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

static inline uint64_t rotl(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static inline uint64_t round1(uint64_t acc, uint64_t lane)
{
	return rotl(acc + lane * PRIME_2, 31) * PRIME_1;
}

static inline uint64_t merge(uint64_t acc, uint64_t lane)
{
	return (acc ^ round1(0, lane)) * PRIME_1 + PRIME_4;
}

uint64_t hash64(uint64_t seed, const void *p, size_t len)
{
	const uint8_t *b = p;
	size_t left = len;
	uint64_t h;

	if (left >= STRIPE) {
		uint64_t v1 = seed + PRIME_1 + PRIME_2;
		uint64_t v2 = seed + PRIME_2;
		uint64_t v3 = seed;
		uint64_t v4 = seed - PRIME_1;

		for (; left >= STRIPE; left -= STRIPE, b += STRIPE) {
			v1 = round1(v1, load64(b));
			v2 = round1(v2, load64(b + 8));
			v3 = round1(v3, load64(b + 16));
			v4 = round1(v4, load64(b + 24));
		}
		h = rotl(v1, 1) + rotl(v2, 7) + rotl(v3, 12) + rotl(v4, 18);
		h = merge(merge(merge(merge(h, v1), v2), v3), v4);
	} else {
		h = seed + PRIME_5;
	}
	h += len;
	for (; left >= 8; left -= 8, b += 8)
		h = rotl(h ^ round1(0, load64(b)), 27) * PRIME_1 + PRIME_4;
	if (left >= 4) {
		h = rotl(h ^ ld_le32(b) * PRIME_1, 23) * PRIME_2 + PRIME_3;
		b += 4;
		left -= 4;
	}
	for (; left; left--, b++)
		h = rotl(h ^ *b * PRIME_5, 11) * PRIME_1;
	h = (h ^ h >> 33) * PRIME_2;
	h = (h ^ h >> 29) * PRIME_3;
	return h ^ h >> 32;
}
