/* SPDX-License-Identifier: MIT */
/* stats: the sums, and the file with them: "cases deep ops median-ops" in one line. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "oracle.h"
#include "stats.h"

#define MANY  256u    /* operations a case that are told apart */
#define EVERY 0x4000u /* cases between two writes: an engine may end a target without a word */

static struct {
	uint64_t cases, deep, ops, by_ops[MANY];
	const char *path;
	bool asked;
} s;

static void put(void)
{
	uint64_t half = 0;
	unsigned median = 0;
	FILE *f = fopen(s.path, "w");

	if (!f)
		return;
	while (median + 1 < MANY && (half += s.by_ops[median]) * 2 < s.cases)
		median++;
	fprintf(f, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %u\n", s.cases, s.deep, s.ops, median);
	fclose(f);
}

FUZZ_BARE void fuzz_case(unsigned ops, bool deep)
{
	if (!s.asked) {
		s.asked = true;
		s.path = getenv("VISE_STATS");
		if (s.path)
			atexit(put);
	}
	if (!s.path)
		return;
	s.cases++;
	s.deep += deep;
	s.ops += ops;
	s.by_ops[ops < MANY ? ops : MANY - 1]++;
	if (s.cases % EVERY == 0)
		put();
}
