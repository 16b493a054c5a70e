/* SPDX-License-Identifier: MIT */
/*
 * iface: interface coverage: which register was read or written in which width, and what the chains looked
 * like that a device took. For libFuzzer these are counters beside the edges of the code, so that an
 * access that reaches no new line may still be new; a replay program counts over all inputs and, asked by
 * --interface, lists what was touched and what never was.
 *
 * A slot is a number below IFACE_SLOTS: registers first (iface_reg()), chains behind them.
 */
#ifndef FUZZ_ENGINE_IFACE_H
#define FUZZ_ENGINE_IFACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "iface_ever.h"

#define IFACE_REGS   128u /* registers, by offset / 4 */
#define IFACE_CHAINS 1024u
/* A target that counts something else has slots of its own: it defines how many. */
#ifndef IFACE_SLOTS
#define IFACE_SLOTS (IFACE_REGS * 16 + IFACE_CHAINS)
#endif

_Static_assert(IFACE_SLOTS <= IFACE_EVER, "all slots are counted");

#if defined(VISE_FUZZ) && defined(__clang__)
__attribute__((section("__libfuzzer_extra_counters")))
#endif
static uint8_t fuzz_iface[IFACE_SLOTS];

static inline void iface_hit(unsigned slot)
{
	uint8_t *c = &fuzz_iface[slot % IFACE_SLOTS];

	*c = (uint8_t)(*c + (*c != UINT8_MAX));
	fuzz_iface_ever[slot % IFACE_SLOTS] = 1;
}

/* An access of 1 to 8 bytes to the register at (off). */
static inline unsigned iface_reg(uint64_t off, bool write, unsigned size)
{
	return (unsigned)(off / 4 % IFACE_REGS) << 4 | (unsigned)write << 3 | ((size - 1) & 7);
}

static inline unsigned iface_few(uint64_t n)
{
	return n < 3 ? (unsigned)n : 3;
}

/* A chain: the ring, how many buffers each way, whether by a table, whether it is malformed. */
static inline unsigned iface_chain(bool packed, bool indirect, bool error, uint64_t out,
				   uint64_t in)
{
	return IFACE_REGS * 16 + (iface_few(out) | iface_few(in) << 2 | (unsigned)packed << 4 |
				  (unsigned)indirect << 5 | (unsigned)error << 6);
}

/* One that came back: nothing was stored, a part of the room, all of it. */
static inline unsigned iface_used(bool packed, uint64_t len, uint64_t room)
{
	return IFACE_REGS * 16 + 512 +
	       (!len	     ? 0u
		: len < room ? 1u
			     : 2u) +
	       4 * (unsigned)packed + 8 * (unsigned)(room != 0);
}

/* For replay.c: what a target has to report; how many registers were never touched. */
#ifndef VISE_FUZZ
unsigned fuzz_report_interface(void);
#endif

#endif
