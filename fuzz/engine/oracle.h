/* SPDX-License-Identifier: MIT */
/*
 * oracle: checks of fuzz targets that are more than "it did not crash". A failed one prints one
 * line, `oracle NAME: what was seen`, to stderr and aborts, which every engine records as a finding
 * and which triage groups by NAME. For fuzz targets only: libraries never print or abort.
 *
 *	FUZZ_ORACLE(len == stored, "used-len", "used.len %u, stored %u", len, stored);
 *
 * NAME is short, lower-case and stable: one for each property.
 */
#ifndef FUZZ_ENGINE_ORACLE_H
#define FUZZ_ENGINE_ORACLE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noreturn, cold, unused, format(printf, 2, 3))) static void fuzz_oracle_fail(
	const char *name, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "oracle %s: ", name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	fflush(stderr);
	abort();
}

/* Code of the harness that neither guides a fuzzer nor is checked. gcc knows no such "coverage". */
#ifdef __clang__
#define FUZZ_BARE __attribute__((no_sanitize("coverage", "address", "undefined")))
#else
#define FUZZ_BARE __attribute__((no_sanitize("address", "undefined")))
#endif

#define FUZZ_ORACLE(cond, name, ...)                                                               \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			fuzz_oracle_fail(name, __VA_ARGS__);                                       \
	} while (0)

/*
 * Are the 4096 bytes at (now) those at (want)? Then those are made zero in the same pass. Without the
 * sanitizers' memcmp() and memset(), which look at the shadow of a page first.
 */
__attribute__((unused)) FUZZ_BARE static bool fuzz_page_take(const void *now, void *want)
{
	const uint64_t *a = now;
	uint64_t *b = want, differ = 0;

	for (unsigned i = 0; i < 4096 / sizeof(*a); i++)
		differ |= a[i] ^ b[i];
	if (differ)
		return false;
	for (unsigned i = 0; i < 4096 / sizeof(*a); i += 4) {
		b[i] = b[i + 1] = b[i + 2] = b[i + 3] = 0;
		__asm__ volatile("" ::: "memory"); /* no call of memset() is made of this */
	}
	return true;
}

/* memcmp() == 0 and memset() to 0 of harness memory, without the sanitizers' look at its shadow. */
__attribute__((unused)) FUZZ_BARE static bool fuzz_same(const void *a, const void *b, size_t n)
{
	const uint8_t *p = a, *q = b;
	uint64_t differ = 0, v, w;

	for (; n >= sizeof(v); p += sizeof(v), q += sizeof(w), n -= sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		memcpy(&w, q, sizeof(w));
		differ |= v ^ w;
	}
	for (; n; n--)
		differ |= *p++ ^ *q++;
	return !differ;
}

__attribute__((unused)) FUZZ_BARE static void fuzz_zero(void *at, size_t n)
{
	const uint64_t zero = 0;
	uint8_t *p = at;

	for (; n >= sizeof(zero); p += sizeof(zero), n -= sizeof(zero)) {
		memcpy(p, &zero, sizeof(zero));
		__asm__ volatile("" ::: "memory"); /* no call of memset() is made of this */
	}
	for (; n; n--) {
		*p++ = 0;
		__asm__ volatile("" ::: "memory");
	}
}

/*
 * Is this an input for checks that are dear (run twice, save and load all)? Where a fuzzer drives, one
 * in 64 by its contents, so that a finding repeats; in a replay program every one.
 */
__attribute__((unused)) FUZZ_BARE static bool fuzz_dear(const uint8_t *data, size_t size)
{
#ifdef VISE_FUZZ
	uint64_t h = size, w;

	/* Eight bytes at a time: images are some kilobytes. */
	for (; size >= sizeof(w); data += sizeof(w), size -= sizeof(w)) {
		memcpy(&w, data, sizeof(w));
		h = (h ^ w) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	for (; size; data++, size--)
		h = (h ^ *data) * 0x9e3779b97f4a7c15ull;
	return h >> 58 == 0;
#else
	(void)data;
	(void)size;
	return true;
#endif
}

#endif
