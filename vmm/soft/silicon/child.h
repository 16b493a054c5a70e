/* SPDX-License-Identifier: MIT */
/*
 * silicon: what the two halves of the child share: child.c sets it up in an ordinary process, bare.c
 * is all that is left of it afterwards.
 *
 * The child's address space while cases run: the world of the cases (silicon.h), the two pages at
 * SIL_LOW, and SIL_HIGH to SIL_HIGH_END. Nothing else: no program, no library, no stack, no vDSO. So
 * an address that no page of the world has is not there for the CPU either.
 */
#ifndef SILICON_CHILD_H
#define SILICON_CHILD_H

#ifdef __x86_64__

#include <linux/filter.h>
#include <signal.h>
#include <ucontext.h>

#include "silicon.h"

/*
 * At SIL_HIGH: the code of bare.c, its stack, the signals' stack, the code pages of the cases as they
 * can be written, struct sil_shared.
 */
#define HIGH_CODE      SIL_HIGH
#define HIGH_CODE_SIZE 0x10000u
#define HIGH_STACK     (HIGH_CODE + HIGH_CODE_SIZE)
#define HIGH_STACK_TOP (HIGH_STACK + 0x10000u)
#define HIGH_ALT       HIGH_STACK_TOP
#define HIGH_ALT_SIZE  0x40000u
#define HIGH_PAGES     (HIGH_ALT + HIGH_ALT_SIZE)
#define HIGH_SHARED    (HIGH_PAGES + SIL_SLOTS * 0x1000ull)
_Static_assert(HIGH_SHARED + sizeof(struct sil_shared) <= SIL_HIGH_END, "it fits");

/* The child's context, at SIL_LOW + 0x1000; offsets are in the assembly. */
struct context {
	struct sil_state out; /* 0 */
	uint64_t host_rsp;    /* 704 */
	uint64_t host_fs, host_gs;
	uint64_t sig_fs, sig_gs; /* 728 */
	uint64_t handler;	 /* 744 */
	uint64_t in_test;	 /* 752 */
	uint8_t pad[8];
	uint8_t stack[256]; /* 768: IRETQ's frame; its top is 1024 */
	uint8_t top[0];
	/* the handler's own */
	int vector;
	uint32_t error;
	uint64_t cr2;
	uint32_t last_seen;
	uint64_t ticked;
	struct sil_shared *sh;
	/* code in the page below: see child.c */
	int (*enter)(const struct sil_state *in);
	long (*syscall)(long a, long b, long c, long nr);
	int code_fd, from, to;
	struct sock_filter filter[16]; /* what the kernel still does, from then on */
	struct sock_fprog door;
};
_Static_assert(offsetof(struct sil_state, rip) == 128, "known to the assembly");
_Static_assert(offsetof(struct sil_state, rflags) == 136, "known to the assembly");
_Static_assert(offsetof(struct sil_state, fs_base) == 144, "known to the assembly");
_Static_assert(offsetof(struct sil_state, cs) == 160, "known to the assembly");
_Static_assert(offsetof(struct sil_state, fx) == 192, "known to the assembly");
_Static_assert(offsetof(struct context, host_rsp) == 704, "known to the assembly");
_Static_assert(offsetof(struct context, sig_fs) == 728, "known to the assembly");
_Static_assert(offsetof(struct context, handler) == 744, "known to the assembly");
_Static_assert(offsetof(struct context, top) == 1024, "known to the assembly");
_Static_assert(sizeof(struct context) <= 0x1000, "it is a page");

#define CTX ((struct context *)(SIL_LOW + 0x1000))

/*
 * Code of bare.c lies in a section of its own and is copied to SIL_HIGH. It may call nothing but
 * itself and use no data but what is mapped there: no constants in memory, no library, no
 * instrumentation, no thread's own (FS is the cases').
 */
#if defined(__clang__)
#define BARE_ATTR no_sanitize("address", "undefined", "coverage"), no_profile_instrument_function
#else
#define BARE_ATTR no_sanitize_address, no_sanitize_undefined, no_profile_instrument_function
#endif
#define BARE __attribute__((section("sil_bare"), noinline, no_stack_protector, BARE_ATTR))

extern const uint8_t __start_sil_bare[], __stop_sil_bare[];

/* A signal came; the answer is 1: leave the case, or 0: go on where it was. */
BARE int sil_bare_handler(int sig, siginfo_t *info, ucontext_t *uc);
/* Unmap all but SIL_LOW and SIL_HIGH, map the world, close the door, run batches until the pipe ends. */
BARE _Noreturn void sil_bare_main(void);

#endif
#endif
