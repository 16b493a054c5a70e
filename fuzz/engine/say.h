/* SPDX-License-Identifier: MIT */
/*
 * say: an input in words. A target says each step that it takes, `FUZZ_SAY("mmio w 0x%" PRIx64 " %u
 * 0x%" PRIx64, gpa, size, val)`, and where it is, for whoever looks at a finding: a replay program that
 * was given --trace prints the steps; where a target is when an input fails is printed always. In a
 * fuzzer's build both are nothing.
 *
 * Steps in these words can be made into a guest that takes them on a machine (vise triage):
 *	device SPEC, disk SPEC, net SPEC	what the machine has, as for `vise run`; the first lines
 *	mmio r|w GPA SIZE [VALUE], pio r|w PORT SIZE [VALUE], msr r|w NUM [VALUE]
 *	mem GPA HEXBYTES			the driver writes memory
 *	wait NS					virtual time goes by
 * Any other says that there is no such guest. Numbers have 0x in front, sizes none.
 */
#ifndef FUZZ_ENGINE_SAY_H
#define FUZZ_ENGINE_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef VISE_FUZZ
#define FUZZ_SAYING	  false
#define FUZZ_SAY(...)	  ((void)0)
#define FUZZ_WHERE(...)	  ((void)0)
#define FUZZ_SAY_MEM(...) ((void)0)
#else
/* replay.c has both; set once, before the first input. */
extern bool fuzz_saying;
extern char fuzz_where[160];
#define FUZZ_SAYING __builtin_expect(fuzz_saying, 0)
#define FUZZ_SAY(...)                                                                              \
	do {                                                                                       \
		if (FUZZ_SAYING) {                                                                 \
			printf("> " __VA_ARGS__);                                                  \
			printf("\n");                                                              \
		}                                                                                  \
	} while (0)
/* "device virtio-blk0 register QueueNotify", "loader elf" */
#define FUZZ_WHERE(...) ((void)snprintf(fuzz_where, sizeof(fuzz_where), __VA_ARGS__))
#define FUZZ_SAY_MEM(gpa, p, len)                                                                  \
	do {                                                                                       \
		const uint8_t *say_p = (const void *)(p);                                          \
		if (FUZZ_SAYING) {                                                                 \
			printf("> mem 0x%llx ", (unsigned long long)(gpa));                        \
			for (size_t say_i = 0; say_i < (len); say_i++)                             \
				printf("%02x", say_p[say_i]);                                      \
			printf("\n");                                                              \
		}                                                                                  \
	} while (0)
#endif
#endif
