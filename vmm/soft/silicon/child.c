/* SPDX-License-Identifier: MIT */
/*
 * silicon: the child: it loads a state into the host's CPU, runs the code under test, takes what is
 * there afterwards. It knows nothing but struct sil_shared and runs until its pipe ends.
 *
 * Into the code goes IRETQ, which loads CS, RIP, RFLAGS, SS and RSP of any mode at once. Out of it
 * comes a jump to sil_exit at a fixed low address, which saves all registers by absolute addresses:
 * it needs no free register. From 32-bit and 16-bit code that jump is a far one to the 64-bit code
 * segment; what mode switches leave of the high halves is not touched by the CPUs we know. Whatever
 * ends otherwise is a signal, whose frame has the state.
 *
 * Code under test may change FS and GS bases, segments, AC, DF, the FPU's modes: nothing may be
 * assumed of them before sil_leave or in the first instructions of sil_signal.
 */
#include "silicon.h"

#ifdef __x86_64__

#include <asm/ldt.h>
#include <cpuid.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define HWCAP2_FSGSBASE_BIT 2u

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

#define CTX ((struct context *)(SIL_LOW + 0x1000))

/*
 * Copied to SIL_LOW: position independent but for the absolute addresses of the context, 0x0f001000.
 * sil_enter(in): 0 when the code came to its end, 1 when a signal ended it; CTX->out has the state.
 */
extern const uint8_t sil_low_begin[], sil_low_end[], sil_low_exit[], sil_low_enter[],
	sil_low_signal[], sil_low_syscall[];
__asm__(".text\n"
	".balign 16\n"
	".set CTX, 0x0f001000\n"
	"sil_low_begin:\n"
	"sil_low_enter:\n"
	"	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n"
	"	push %r14\n	push %r15\n"
	"	mov %rsp, CTX+704\n"
	"	movzwl 164(%rdi), %eax\n	mov %eax, %ds\n"
	"	movzwl 166(%rdi), %eax\n	mov %eax, %es\n"
	"	movzwl 168(%rdi), %eax\n	mov %eax, %fs\n"
	"	test %eax, %eax\n	jnz 1f\n"
	"	mov 144(%rdi), %rcx\n	wrfsbase %rcx\n"
	"1:	movzwl 170(%rdi), %eax\n	mov %eax, %gs\n"
	"	test %eax, %eax\n	jnz 2f\n"
	"	mov 152(%rdi), %rcx\n	wrgsbase %rcx\n"
	"2:	fxrstor64 192(%rdi)\n"
	"	mov $(CTX+1024), %esp\n"
	"	movzwl 162(%rdi), %eax\n	push %rax\n"
	"	push 32(%rdi)\n	push 136(%rdi)\n"
	"	movzwl 160(%rdi), %eax\n	push %rax\n	push 128(%rdi)\n"
	"	mov 0(%rdi), %rax\n	mov 8(%rdi), %rcx\n"
	"	mov 16(%rdi), %rdx\n	mov 24(%rdi), %rbx\n"
	"	mov 40(%rdi), %rbp\n	mov 48(%rdi), %rsi\n"
	"	mov 64(%rdi), %r8\n	mov 72(%rdi), %r9\n"
	"	mov 80(%rdi), %r10\n	mov 88(%rdi), %r11\n"
	"	mov 96(%rdi), %r12\n	mov 104(%rdi), %r13\n"
	"	mov 112(%rdi), %r14\n	mov 120(%rdi), %r15\n"
	"	mov 56(%rdi), %rdi\n"
	"	iretq\n"
	".balign 16\n"
	"sil_low_exit:\n"
	"	mov %rax, CTX+0\n	mov %rcx, CTX+8\n	mov %rdx, CTX+16\n"
	"	mov %rbx, CTX+24\n	mov %rsp, CTX+32\n	mov %rbp, CTX+40\n"
	"	mov %rsi, CTX+48\n	mov %rdi, CTX+56\n	mov %r8, CTX+64\n"
	"	mov %r9, CTX+72\n	mov %r10, CTX+80\n	mov %r11, CTX+88\n"
	"	mov %r12, CTX+96\n	mov %r13, CTX+104\n	mov %r14, CTX+112\n"
	"	mov %r15, CTX+120\n"
	"	mov $(CTX+1024), %esp\n"
	"	pushfq\n	popq CTX+136\n"
	"	pushq $2\n	popfq\n"
	"	mov %ss, %eax\n	mov %ax, CTX+162\n"
	"	mov %ds, %eax\n	mov %ax, CTX+164\n"
	"	mov %es, %eax\n	mov %ax, CTX+166\n"
	"	mov %fs, %eax\n	mov %ax, CTX+168\n"
	"	mov %gs, %eax\n	mov %ax, CTX+170\n"
	"	rdfsbase %rax\n	mov %rax, CTX+144\n"
	"	rdgsbase %rax\n	mov %rax, CTX+152\n"
	"	fxsave64 CTX+192\n"
	"	xor %eax, %eax\n"
	"3:\n" /* leave, with %eax */
	"	mov $0x2b, %ecx\n	mov %ecx, %ds\n	mov %ecx, %es\n	mov %ecx, %ss\n"
	"	xor %ecx, %ecx\n	mov %ecx, %fs\n	mov %ecx, %gs\n"
	"	mov CTX+712, %rcx\n	wrfsbase %rcx\n"
	"	mov CTX+720, %rcx\n	wrgsbase %rcx\n"
	"	fninit\n	movl $0x1f80, CTX+760\n	ldmxcsr CTX+760\n"
	"	mov CTX+704, %rsp\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n"
	"	pop %rbp\n	pop %rbx\n"
	"	ret\n"
	".balign 16\n"
	"sil_low_signal:\n"
	"	pushq $2\n	popfq\n"
	"	rdfsbase %rax\n	mov %rax, CTX+728\n"
	"	rdgsbase %rax\n	mov %rax, CTX+736\n"
	"	mov CTX+712, %rax\n	wrfsbase %rax\n"
	"	mov CTX+720, %rax\n	wrgsbase %rax\n"
	"	sub $8, %rsp\n"
	"	call *CTX+744\n"
	"	add $8, %rsp\n"
	"	test %eax, %eax\n	jnz 3b\n"
	"	mov CTX+728, %rax\n	wrfsbase %rax\n"
	"	mov CTX+736, %rax\n	wrgsbase %rax\n"
	"	ret\n"
	".balign 16\n"
	"sil_low_syscall:\n" /* (a, b, c, number) */
	"	mov %ecx, %eax\n	syscall\n	ret\n"
	"sil_low_end:\n");

static uint64_t low(const uint8_t *label)
{
	return SIL_LOW + (uint64_t)(label - sil_low_begin);
}

static long low_syscall(long nr, long a, long b, long c)
{
	return ((long (*)(long, long, long, long))low(sil_low_syscall))(a, b, c, nr);
}

unsigned sil_exit_code(unsigned bits, uint64_t at, uint8_t *out)
{
	unsigned n = 0;

	if (bits == 64) {
		out[0] = 0xe9; /* JMP rel32 */
		st_le32(out + 1, (uint32_t)(low(sil_low_exit) - (at + 5)));
		return 5;
	}
	if (bits == 16)
		out[n++] = 0x66;
	out[n++] = 0xea; /* JMP ptr16:32 */
	st_le32(out + n, (uint32_t)low(sil_low_exit));
	st_le16(out + n + 4, SIL_CS64);
	return n + 6;
}

/* ---- signals ----------------------------------------------------------------------------------- */

static void take_frame(struct sil_state *o, const ucontext_t *uc)
{
	static const uint8_t order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
					  REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
					  REG_R12, REG_R13, REG_R14, REG_R15};
	const greg_t *g = uc->uc_mcontext.gregs;
	uint16_t ds, es, fs, gs;

	for (unsigned i = 0; i < 16; i++)
		o->gpr[i] = (uint64_t)g[order[i]];
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
	memcpy(o->fx, uc->uc_mcontext.fpregs, sizeof(o->fx));
}

/* 1: leave the case; 0: go on where it was. */
static int handler(int sig, siginfo_t *info, ucontext_t *uc)
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
			low_syscall(SYS_exit_group, 3, 0, 0);
		x->vector = sig == SIGSYS ? SIL_SYSCALL : (int)uc->uc_mcontext.gregs[REG_TRAPNO];
		x->error = (uint32_t)uc->uc_mcontext.gregs[REG_ERR];
		x->cr2 = (uint64_t)uc->uc_mcontext.gregs[REG_CR2];
	}
	take_frame(&x->out, uc);
	return 1;
}

/* ---- setting up -------------------------------------------------------------------------------- */

bool sil_child_possible(const char **why)
{
	if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT)) {
		*why = "the kernel does not offer WRFSBASE to programs";
		return false;
	}
	return true;
}

static bool set_entry(unsigned entry, uint64_t base, unsigned limit, unsigned contents, bool b32,
		      bool read_only, bool absent)
{
	struct user_desc d = {
		.entry_number = entry,
		.base_addr = (unsigned)base,
		.limit = limit,
		.seg_32bit = b32,
		.contents = contents,
		.read_exec_only = read_only,
		.seg_not_present = absent,
		.useable = 1,
	};

	return !syscall(SYS_modify_ldt, 0x11, &d, sizeof(d));
}

/* The kernel's rule for a descriptor out of struct user_desc is mirrored in model.c. */
bool sil_child_try16(void)
{
	for (unsigned i = 0; i < SIL_SLOTS; i++)
		if (!set_entry(i, SIL_CODE + (uint64_t)i * SIL_SLOT_SIZE, 0xffff, 2, false, false,
			       false))
			return false;
	for (unsigned l = 0; l < SIL_L_NR; l++) {
		struct x86_seg seg;

		sil_descriptor(SIL_SEL(l), &seg);
		if (!set_entry(SIL_LDT_DATA + l, seg.base, seg.limit, seg.attr >> 2 & 3,
			       seg.attr >> 14 & 1, !(seg.attr & 2), !(seg.attr & 0x80)))
			return false;
	}
	return true;
}

static void die(const char *what)
{
	fprintf(stderr, "silicon: the child: %s: %s\n", what, strerror(errno));
	_exit(2);
}

static void *map_at(uint64_t at, size_t len, int prot, int fd, off_t off)
{
	void *p = mmap((void *)at, len, prot,
		       (fd < 0 ? MAP_ANONYMOUS | MAP_PRIVATE : MAP_SHARED) | MAP_FIXED_NOREPLACE,
		       fd, off);

	if (p != (void *)at)
		die("the fixed addresses are taken");
	return p;
}

static void map_world(struct sil_shared *sh, int code_fd)
{
	void *p = map_at(SIL_LOW, 0x2000, PROT_READ | PROT_WRITE, -1, 0);

	/* The linker puts both at the ends of one piece of code. */
	/* cppcheck-suppress comparePointers */
	memcpy(p, sil_low_begin, (size_t)(sil_low_end - sil_low_begin));
	if (mprotect(p, 0x1000, PROT_READ | PROT_EXEC))
		die("mprotect");
	for (unsigned i = 0; i < SIL_SLOTS; i++)
		map_at(SIL_CODE + (uint64_t)i * SIL_SLOT_SIZE, 0x1000, PROT_READ | PROT_EXEC,
		       code_fd, (off_t)i * 0x1000);
	memcpy(map_at(SIL_RW, SIL_RW_SIZE, PROT_READ | PROT_WRITE, -1, 0), sh->rw, SIL_RW_SIZE);
	p = map_at(SIL_RO, SIL_RO_SIZE, PROT_READ | PROT_WRITE, -1, 0);
	memcpy(p, sh->ro, SIL_RO_SIZE);
	if (mprotect(p, SIL_RO_SIZE, PROT_READ))
		die("mprotect");
}

static void take_signals(void)
{
	static const int sigs[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGVTALRM};
	struct itimerval tick = {{0, 10000}, {0, 10000}};
	size_t size = 256 << 10;
	stack_t ss = {.ss_size = size};
	struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART};

	ss.ss_sp = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ss.ss_sp == MAP_FAILED || sigaltstack(&ss, NULL))
		die("sigaltstack");
	sa.sa_sigaction = (void (*)(int, siginfo_t *, void *))low(sil_low_signal);
	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++)
		if (sigaction(sigs[i], &sa, NULL))
			die("sigaction");
	if (setitimer(ITIMER_VIRTUAL, &tick, NULL))
		die("setitimer");
}

/* From here on the kernel answers the instruction at sil_low_syscall alone. */
static void close_door(void)
{
#define SD(field) ((uint32_t)offsetof(struct seccomp_data, field))
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SD(arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 10),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SD(nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 9, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SD(instruction_pointer) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SD(instruction_pointer)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfffff000),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)SIL_LOW, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
#undef SD
	struct sock_fprog prog = {ARRAY_SIZE(f), f};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		die("seccomp");
}

/* ---- running ------------------------------------------------------------------------------------- */

static void keep_line(const struct sil_shared *sh, struct sil_result *r, unsigned line)
{
	uint8_t *mem = (uint8_t *)SIL_RW + (size_t)line * SIL_LINE;

	if (r->nr_lines < SIL_KEEP) {
		r->line[r->nr_lines] = (uint16_t)line;
		memcpy(r->bytes[r->nr_lines], mem, SIL_LINE);
	}
	r->nr_lines++;
	memcpy(mem, sh->rw + (size_t)line * SIL_LINE, SIL_LINE);
}

/* What changed goes to the result, and memory back to what it was. */
static void take_memory(const struct sil_shared *sh, struct sil_result *r)
{
	r->nr_lines = 0;
	for (unsigned page = 0; page < SIL_RW_SIZE; page += 0x1000) {
		if (!memcmp((uint8_t *)SIL_RW + page, sh->rw + page, 0x1000))
			continue;
		for (unsigned off = page; off < page + 0x1000; off += SIL_LINE)
			if (memcmp((uint8_t *)SIL_RW + off, sh->rw + off, SIL_LINE))
				keep_line(sh, r, off / SIL_LINE);
	}
}

static void run_case(struct sil_shared *sh, unsigned i)
{
	struct sil_case *c = &sh->cases[i];
	struct sil_result *r = &sh->results[i];
	int fault;

	for (unsigned k = 0; k < c->nr_patches; k++)
		memcpy((uint8_t *)SIL_RW + c->patch[k].off, c->patch[k].bytes, c->patch[k].len);
	CTX->error = 0;
	CTX->cr2 = 0;
	CTX->last_seen = ~0u;
	CTX->ticked = 0;
	CTX->in_test = 1;
	fault = ((int (*)(struct sil_state *))low(sil_low_enter))(&c->in);
	CTX->in_test = 0;
	r->out = CTX->out;
	r->vector = fault ? CTX->vector : SIL_OK;
	if (CTX->ticked)
		r->vector = SIL_TIMEOUT;
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

_Noreturn void sil_child_main(struct sil_shared *sh, int code_fd, int from, int to, bool has16)
{
	struct rlimit none = {0, 0};
	uint8_t byte = 0;

	map_world(sh, code_fd);
	setrlimit(RLIMIT_CORE, &none);
	if (has16 && !sil_child_try16())
		die("modify_ldt");
	CTX->sh = sh;
	CTX->handler = (uint64_t)(uintptr_t)handler;
	__asm__ volatile("rdfsbase %0" : "=r"(CTX->host_fs));
	__asm__ volatile("rdgsbase %0" : "=r"(CTX->host_gs));
	take_signals();
	close_door();
	while (low_syscall(SYS_read, from, (long)&byte, 1) == 1) {
		for (unsigned i = sh->first; i < sh->count; i++) {
			sh->cur = i;
			__asm__ volatile("" ::: "memory");
			run_case(sh, i);
		}
		if (low_syscall(SYS_write, to, (long)&byte, 1) != 1)
			break;
	}
	low_syscall(SYS_exit_group, 0, 0, 0);
	__builtin_unreachable();
}

#else /* another architecture: nothing to compare with */

bool sil_child_possible(const char **why)
{
	*why = "the host is no x86-64";
	return false;
}

bool sil_child_try16(void)
{
	return false;
}

unsigned sil_exit_code(unsigned bits, uint64_t at, uint8_t *out)
{
	(void)at;
	memset(out, SIL_FILL, 8);
	return bits == 64 ? 5 : 8;
}

_Noreturn void sil_child_main(struct sil_shared *sh, int code_fd, int from, int to, bool has16)
{
	(void)sh;
	(void)code_fd;
	(void)from;
	(void)to;
	(void)has16;
	__builtin_trap();
}

#endif
