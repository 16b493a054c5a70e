/* SPDX-License-Identifier: MIT */
/*
 * stats: how much work a target's cases are, for `vise bench fuzz`: a rate of executions says little
 * where most inputs are refused at once. For fuzz targets only.
 *
 * At the end of each case: fuzz_case(operations, deep). An operation is an access, a descriptor, an
 * exit or a piece placed; (deep): the case came to what the target is named after.
 */
#ifndef FUZZ_ENGINE_STATS_H
#define FUZZ_ENGINE_STATS_H

#include <stdbool.h>

/* Adds up; where VISE_STATS names a file the sums are written there at times and at the end. */
void fuzz_case(unsigned ops, bool deep);

#endif
