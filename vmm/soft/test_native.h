/* SPDX-License-Identifier: MIT */
/*
 * soft: for its unit tests: one instruction run by the host's own CPU, with its registers, flags,
 * x87 and SSE state set before and read after, faults included. x86-64 Linux hosts only: elsewhere
 * NATIVE is 0.
 */
#ifndef TEST_NATIVE_H
#define TEST_NATIVE_H

#if defined(__x86_64__) && defined(__linux__)
#define NATIVE 1

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

struct native {
	_Alignas(16) uint8_t fx[512]; /* FXSAVE64 image */
	uint64_t gpr[16];	      /* RSP is left alone */
	uint64_t flags;
	int vec; /* out: the vector of the fault, or -1 */
};

struct native_cpu {
	uint8_t *code; /* where code may be put: a page, executable */
	uint8_t *insn; /* where the instruction is in it */
	sigjmp_buf back;
	struct native *run;
};

static struct native_cpu native_cpu;

/* From REG_* of the signal frame to the order of x86_gpr. */
static const uint8_t native_greg[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
					REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
					REG_R12, REG_R13, REG_R14, REG_R15};

static void native_signal(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;
	struct native *r = native_cpu.run;

	(void)sig;
	(void)info;
	if (!r)
		_exit(99);
	memcpy(r->fx, uc->uc_mcontext.fpregs, 464);
	for (unsigned k = 0; k < 16; k++)
		r->gpr[k] = (uint64_t)uc->uc_mcontext.gregs[native_greg[k]];
	r->flags = (uint64_t)uc->uc_mcontext.gregs[REG_EFL];
	r->vec = (int)uc->uc_mcontext.gregs[REG_TRAPNO];
	siglongjmp(native_cpu.back, 1);
}

static size_t native_emit(uint8_t *p, const uint8_t *insn, size_t len)
{
	static const uint8_t order[] = {0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 7};
	static const uint8_t enter[] = {0x53, 0x55, 0x41, 0x54, 0x41, 0x55,
					0x41, 0x56, 0x41, 0x57, 0x57,	    /* pushes; push rdi */
					0x48, 0x0f, 0xae, 0x0f,		    /* fxrstor64 [rdi] */
					0xff, 0xb7, 0x80, 0x02, 0x00, 0x00, /* push [rdi + 640] */
					0x9d};				    /* popfq */
	static const uint8_t leave[] = {0x57, 0x48, 0x8b,
					0x7c, 0x24, 0x08}; /* push rdi; mov rdi, [rsp + 8] */
	static const uint8_t end[] = {0x8f, 0x87, 0x38, 0x02, 0x00, 0x00, /* pop [rdi + 568] */
				      0x9c, 0x8f, 0x87, 0x80, 0x02, 0x00, 0x00, /* pushfq; pop */
				      0x48, 0x0f, 0xae, 0x07,			/* fxsave64 [rdi] */
				      0x5f, 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d,
				      0x41, 0x5c, 0x5d, 0x5b, 0xfc, 0xc3};
	uint8_t *q = p;

	memcpy(q, enter, sizeof(enter));
	q += sizeof(enter);
	for (int out = 0; out < 2; out++) {
		for (unsigned k = 0; k < sizeof(order) - (unsigned)out; k++) {
			unsigned r = order[k];
			uint32_t off = 512 + 8 * r;

			*q++ = r >= 8 ? 0x4c : 0x48;
			*q++ = out ? 0x89 : 0x8b;
			*q++ = (uint8_t)(0x87 | (r & 7) << 3); /* [rdi + disp32] */
			memcpy(q, &off, 4);
			q += 4;
		}
		if (out)
			break;
		native_cpu.insn = q;
		memcpy(q, insn, len);
		q += len;
		memcpy(q, leave, sizeof(leave));
		q += sizeof(leave);
	}
	memcpy(q, end, sizeof(end));
	q += sizeof(end);
	return (size_t)(q - p);
}

/* Data at (addr) as the tests' guests see it. False: this host does not let us. */
static inline int native_open(uint64_t addr, size_t len)
{
	static uint8_t stack[65536];
	struct sigaction sa = {.sa_sigaction = native_signal,
			       .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	const stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
	void *want = (void *)(uintptr_t)addr;

	/* cmocka sets handlers of its own for each test. */
	sigaltstack(&ss, NULL);
	sigaction(SIGFPE, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	if (native_cpu.code)
		return 1;
	if (mmap(want, len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != want)
		return 0;
	native_cpu.code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (native_cpu.code == MAP_FAILED)
		return 0;
	return 1;
}

static inline void native_run(struct native *r, const uint8_t *insn, size_t len)
{
	const uint32_t std = 0x1f80;

	r->vec = -1;
	native_emit(native_cpu.code, insn, len);
	native_cpu.run = r;
	if (!sigsetjmp(native_cpu.back, 0))
		((void (*)(struct native *))(uintptr_t)native_cpu.code)(r);
	native_cpu.run = NULL;
	__asm__ volatile("fninit\n\tldmxcsr %0" ::"m"(std) : "memory");
}

#else
#define NATIVE 0
#endif
#endif
