/* SPDX-License-Identifier: MIT */
/*
 * depth: named counters that say how far a fuzz target's inputs got ("chain walked", "kernel
 * placed"). A counter at zero after all seeds means that the target does not reach what it is named
 * after. For fuzz targets only; header-only, no engine needed.
 *
 * In the target's file, once, at file scope:
 *
 *	DEPTH_COUNTERS(chain_walked, indirect_entered);
 *
 * and where the path is: depth_hit(chain_walked);
 *
 * Whoever drives the target (the replay program) defines DEPTH_READER before including this file:
 * the symbols are then weak, so that a target without counters links too; &fuzz_depth_n is then
 *NULL.
 */
#ifndef FUZZ_ENGINE_DEPTH_H
#define FUZZ_ENGINE_DEPTH_H

#include <stdint.h>

#ifdef DEPTH_READER
#define DEPTH_LINK __attribute__((weak))
#else
#define DEPTH_LINK
#endif

extern const char *const fuzz_depth_names[] DEPTH_LINK; /* fuzz_depth_n of them */
extern uint64_t fuzz_depth_counts[] DEPTH_LINK;		/* summed over all inputs of this run */
extern const unsigned fuzz_depth_n DEPTH_LINK;

/* DEPTH_EACH(f, a, b, c) is f(a) f(b) f(c), for up to 80 names. */
#define DEPTH_PARENS	      ()
#define DEPTH_EXPAND(...)     DEPTH_EXPAND3(DEPTH_EXPAND3(DEPTH_EXPAND3(__VA_ARGS__)))
#define DEPTH_EXPAND3(...)    DEPTH_EXPAND2(DEPTH_EXPAND2(DEPTH_EXPAND2(__VA_ARGS__)))
#define DEPTH_EXPAND2(...)    DEPTH_EXPAND1(DEPTH_EXPAND1(DEPTH_EXPAND1(__VA_ARGS__)))
#define DEPTH_EXPAND1(...)    DEPTH_EXPAND0(DEPTH_EXPAND0(DEPTH_EXPAND0(__VA_ARGS__)))
#define DEPTH_EXPAND0(...)    __VA_ARGS__
#define DEPTH_EACH(f, ...)    __VA_OPT__(DEPTH_EXPAND(DEPTH_STEP(f, __VA_ARGS__)))
#define DEPTH_STEP(f, a, ...) f(a) __VA_OPT__(DEPTH_AGAIN DEPTH_PARENS(f, __VA_ARGS__))
#define DEPTH_AGAIN()	      DEPTH_STEP

#define DEPTH_ENUM(name) DEPTH_##name,
#define DEPTH_NAME(name) #name,

#define DEPTH_COUNTERS(...)                                                                        \
	enum { DEPTH_EACH(DEPTH_ENUM, __VA_ARGS__) DEPTH_N_ };                                     \
	const char *const fuzz_depth_names[] = {DEPTH_EACH(DEPTH_NAME, __VA_ARGS__)};              \
	uint64_t fuzz_depth_counts[DEPTH_N_];                                                      \
	const unsigned fuzz_depth_n = DEPTH_N_

#define depth_hit(name) ((void)fuzz_depth_counts[DEPTH_##name]++)

#endif
