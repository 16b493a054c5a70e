/* SPDX-License-Identifier: MIT */
/*
 * silicon: the part of the child that runs in the bare address space: it takes signals, runs cases,
 * looks at memory. child.h says what it may not do, which is nearly all.
 */
#include "child.h"

#ifdef __x86_64__

#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Behind the last page of a program. */
#define TASK_END 0x7ffffffff000ull

/* What a compiler would make a call of. */
static BARE void copy(void *to, const void *from, size_t n)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static BARE void fill(void *to, size_t n)
{
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(SIL_FILL) : "memory");
}

static BARE bool same(const void *a, const void *b, size_t n)
{
	const uint64_t *x = a, *y = b;
	uint64_t d = 0;

	for (size_t i = 0; i < n / 8; i++)
		d |= x[i] ^ y[i];
	return !d;
}

/* ---- signals ----------------------------------------------------------------------------------- */

static BARE void take_frame(struct sil_state *o, const ucontext_t *uc)
{
	const greg_t *g = uc->uc_mcontext.gregs;
	uint16_t ds, es, fs, gs;

	o->gpr[0] = (uint64_t)g[REG_RAX];
	o->gpr[1] = (uint64_t)g[REG_RCX];
	o->gpr[2] = (uint64_t)g[REG_RDX];
	o->gpr[3] = (uint64_t)g[REG_RBX];
	o->gpr[4] = (uint64_t)g[REG_RSP];
	o->gpr[5] = (uint64_t)g[REG_RBP];
	o->gpr[6] = (uint64_t)g[REG_RSI];
	o->gpr[7] = (uint64_t)g[REG_RDI];
	o->gpr[8] = (uint64_t)g[REG_R8];
	o->gpr[9] = (uint64_t)g[REG_R9];
	o->gpr[10] = (uint64_t)g[REG_R10];
	o->gpr[11] = (uint64_t)g[REG_R11];
	o->gpr[12] = (uint64_t)g[REG_R12];
	o->gpr[13] = (uint64_t)g[REG_R13];
	o->gpr[14] = (uint64_t)g[REG_R14];
	o->gpr[15] = (uint64_t)g[REG_R15];
	o->rip = (uint64_t)g[REG_RIP];
	o->rflags = (uint64_t)g[REG_EFL];
	o->cs = (uint16_t)g[REG_CSGSFS];
	o->ss = (uint16_t)((uint64_t)g[REG_CSGSFS] >> 48);
	__asm__("mov %%ds, %0" : "=r"(ds));
	__asm__("mov %%es, %0" : "=r"(es));
	__asm__("mov %%fs, %0" : "=r"(fs));
	__asm__("mov %%gs, %0" : "=r"(gs));
	o->ds = ds;
	o->es = es;
	o->fs = fs;
	o->gs = gs;
	o->fs_base = CTX->sig_fs;
	o->gs_base = CTX->sig_gs;
	copy(o->fx, uc->uc_mcontext.fpregs, sizeof(o->fx));
}

BARE int sil_bare_handler(int sig, siginfo_t *info, ucontext_t *uc)
{
	struct context *x = CTX;

	(void)info;
	if (sig == SIGVTALRM) {
		if (!x->in_test || x->last_seen != x->sh->cur) {
			x->last_seen = x->sh->cur;
			/* Going back restores neither ID nor NT: what was interrupted counts not. */
			x->ticked = x->in_test;
			return 0;
		}
		x->vector = SIL_TIMEOUT;
	} else {
		if (!x->in_test) /* a fault of the child's own: lost */
			x->syscall(3, 0, 0, SYS_exit_group);
		x->vector = sig == SIGSYS ? SIL_SYSCALL : (int)uc->uc_mcontext.gregs[REG_TRAPNO];
		x->error = (uint32_t)uc->uc_mcontext.gregs[REG_ERR];
		x->cr2 = (uint64_t)uc->uc_mcontext.gregs[REG_CR2];
	}
	take_frame(&x->out, uc);
	return 1;
}

/* ---- the address space -------------------------------------------------------------------------- */

static BARE long call6(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
		       uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	long rc;

	__asm__ volatile("syscall"
			 : "=a"(rc)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return rc;
}

static BARE long unmap(uint64_t from, uint64_t to)
{
	return call6(SYS_munmap, from, to - from, 0, 0, 0, 0);
}

static BARE bool map(uint64_t at, uint64_t len, int prot, int fd, uint64_t off)
{
	uint64_t how = fd < 0 ? MAP_ANONYMOUS | MAP_PRIVATE : MAP_SHARED;

	return call6(SYS_mmap, at, len, (uint64_t)prot, how | MAP_FIXED, (uint64_t)fd, off) ==
	       (long)at;
}

static BARE bool make_world(void)
{
	const struct sil_shared *sh = CTX->sh;

	if (unmap(0, SIL_LOW) || unmap(SIL_LOW + SIL_LOW_SIZE, SIL_HIGH) ||
	    unmap(SIL_HIGH_END, TASK_END))
		return false;
	for (unsigned i = 0; i < SIL_SLOTS; i++)
		if (!map(SIL_CODE + (uint64_t)i * SIL_SLOT_SIZE, 0x1000, PROT_READ | PROT_EXEC,
			 CTX->code_fd, (uint64_t)i * 0x1000))
			return false;
	if (!map(HIGH_PAGES, SIL_SLOTS * 0x1000ull, PROT_READ | PROT_WRITE, CTX->code_fd, 0) ||
	    !map(SIL_RW, SIL_RW_SIZE, PROT_READ | PROT_WRITE, -1, 0) ||
	    !map(SIL_RO, SIL_RO_SIZE, PROT_READ | PROT_WRITE, -1, 0))
		return false;
	fill((void *)HIGH_PAGES, SIL_SLOTS * 0x1000ull);
	call6(SYS_close, 2, 0, 0, 0, 0, 0);
	call6(SYS_close, (uint64_t)CTX->code_fd, 0, 0, 0, 0, 0);
	copy((void *)SIL_RW, sh->rw, SIL_RW_SIZE);
	copy((void *)SIL_RO, sh->ro, SIL_RO_SIZE);
	return !call6(SYS_mprotect, SIL_RO, SIL_RO_SIZE, PROT_READ, 0, 0, 0);
}

/* ---- running ------------------------------------------------------------------------------------- */

static BARE void keep_line(const struct sil_shared *sh, struct sil_result *r, unsigned line)
{
	uint8_t *mem = (uint8_t *)SIL_RW + (size_t)line * SIL_LINE;

	if (r->nr_lines < SIL_KEEP) {
		r->line[r->nr_lines] = (uint16_t)line;
		copy(r->bytes[r->nr_lines], mem, SIL_LINE);
	}
	r->nr_lines++;
	copy(mem, sh->rw + (size_t)line * SIL_LINE, SIL_LINE);
}

/* What changed goes to the result, and memory back to what it was. */
static BARE void take_memory(const struct sil_shared *sh, struct sil_result *r)
{
	r->nr_lines = 0;
	for (unsigned page = 0; page < SIL_RW_SIZE; page += 0x1000) {
		if (same((uint8_t *)SIL_RW + page, sh->rw + page, 0x1000))
			continue;
		for (unsigned off = page; off < page + 0x1000; off += SIL_LINE)
			if (!same((uint8_t *)SIL_RW + off, sh->rw + off, SIL_LINE))
				keep_line(sh, r, off / SIL_LINE);
	}
}

static BARE void run_case(struct sil_shared *sh, unsigned i)
{
	struct sil_case *c = &sh->cases[i];
	struct sil_result *r = &sh->results[i];
	uint8_t *code = (uint8_t *)HIGH_PAGES + (size_t)i * 0x1000 + c->code_off;
	int fault;

	/* IRETQ to it serializes, so it is seen. The pages of the other cases hold nothing. */
	copy(code, c->code, (size_t)c->code_len + c->exit_len);

	for (unsigned k = 0; k < c->nr_patches; k++)
		copy((uint8_t *)SIL_RW + c->patch[k].off, c->patch[k].bytes, c->patch[k].len);
	CTX->error = 0;
	CTX->cr2 = 0;
	CTX->last_seen = ~0u;
	CTX->ticked = 0;
	CTX->in_test = 1;
	fault = CTX->enter(&c->in);
	CTX->in_test = 0;
	fill(code, (size_t)c->code_len + c->exit_len);
	copy(&r->out, &CTX->out, sizeof(r->out));
	r->vector = fault ? CTX->vector : SIL_OK;
	r->error = CTX->error;
	r->cr2 = CTX->cr2;
	if (!fault) {
		r->out.cs = c->in.cs;
		r->out.rip = c->in.rip + c->code_len;
		if (c->bits == 16)
			r->out.rip &= 0xffff;
	}
	take_memory(sh, r);
}

BARE _Noreturn void sil_bare_main(void)
{
	struct sil_shared *sh = CTX->sh;
	uint8_t byte = 0;

	if (!make_world() || call6(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
				   (uint64_t)(uintptr_t)&CTX->door, 0, 0, 0))
		call6(SYS_exit_group, 2, 0, 0, 0, 0, 0);
	while (CTX->syscall(CTX->from, (long)&byte, 1, SYS_read) == 1) {
		for (unsigned i = sh->first; i < sh->count; i++) {
			sh->cur = i;
			__asm__ volatile("" ::: "memory");
			/* What the timer ticked into is run again. */
			for (unsigned tries = 0; tries < 4; tries++) {
				run_case(sh, i);
				if (!CTX->ticked || sh->results[i].vector == SIL_TIMEOUT)
					break;
				sh->results[i].vector = SIL_TIMEOUT;
			}
		}
		if (CTX->syscall(CTX->to, (long)&byte, 1, SYS_write) != 1)
			break;
	}
	for (;;)
		CTX->syscall(0, 0, 0, SYS_exit_group);
}

#endif
