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
#include <stdio.h>
#include <stdlib.h>

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

#define FUZZ_ORACLE(cond, name, ...)                                                               \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			fuzz_oracle_fail(name, __VA_ARGS__);                                       \
	} while (0)

#endif
