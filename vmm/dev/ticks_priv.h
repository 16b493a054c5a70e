/* SPDX-License-Identifier: MIT */
/*
 * ticks: an oscillator of (num) ticks in (den) ns on virtual time, in exact integer arithmetic: tick
 * 0 is at 0 ns, and there is no drift however long it runs. Rates are under 1 GHz, so a number of
 * ticks always fits.
 */
#ifndef VMM_DEV_TICKS_PRIV_H
#define VMM_DEV_TICKS_PRIV_H

#include <vmm/clock.h>

#define TICKS_NS_PER_S 1000000000u

struct ticks {
	uint64_t num, den;
};

/* How many ticks are over at (ns). */
static inline uint64_t ticks_at(const struct ticks *t, uint64_t ns)
{
	return (uint64_t)((unsigned __int128)ns * t->num / t->den);
}

/* The first ns at which (tick) is over; CLOCK_NEVER when time ends before it. */
static inline uint64_t ticks_ns(const struct ticks *t, uint64_t tick)
{
	unsigned __int128 ns = ((unsigned __int128)tick * t->den + t->num - 1) / t->num;

	return ns < CLOCK_NEVER ? (uint64_t)ns : CLOCK_NEVER;
}

#endif
