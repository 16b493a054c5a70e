/* SPDX-License-Identifier: MIT */
/*
 * silicon: the child: it loads a state into the host's CPU, runs the code under test, takes what is
 * there afterwards. It knows nothing but struct sil_shared and runs until its pipe ends. Here it is
 * set up, and here is what goes into the cases and out of them; bare.c has the rest.
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

#include "child.h"

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
#define RSEQ_SIGNATURE	    0x53053053u /* the C library's */
#define RSEQ_UNREGISTER	    1
#define SIGNAL_RESTORER	    0x04000000u /* SA_RESTORER, the kernel's */

/*
 * Copied to SIL_LOW: position independent but for the absolute addresses of the context, 0x0f001000.
 * sil_enter(in): 0 when the code came to its end, 1 when a signal ended it; CTX->out has the state.
 */
extern const uint8_t sil_low_begin[], sil_low_end[], sil_low_exit[], sil_low_enter[],
	sil_low_signal[], sil_low_syscall[], sil_low_restorer[], sil_low_start[];
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
	"sil_low_restorer:\n"
	"	mov $15, %eax\n	syscall\n" /* rt_sigreturn */
	"sil_low_start:\n"		   /* (stack, function) */
	"	mov %rdi, %rsp\n	xor %ebp, %ebp\n	jmp *%rsi\n"
	"sil_low_end:\n");

static uint64_t low(const uint8_t *label)
{
	return SIL_LOW + (uint64_t)(label - sil_low_begin);
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

/* ---- setting up -------------------------------------------------------------------------------- */

/* QEMU's TCG says in CPUID what it is. */
static bool emulated(void)
{
	uint32_t a, b, c, d;

	__cpuid(1, a, b, c, d);
	if (!(c >> 31)) /* no hypervisor */
		return false;
	__cpuid(0x40000000, a, b, c, d);
	return b == 0x54474354 && c == 0x43544743 && d == 0x47435447; /* "TCGTCGTCGTCG" */
}

bool sil_child_possible(const char **why)
{
	if (emulated()) {
		*why = "the host's CPU is emulated by QEMU: no silicon";
		return false;
	}
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

static void *map_at(uint64_t at, size_t len)
{
	void *p = mmap((void *)at, len, PROT_READ | PROT_WRITE,
		       MAP_ANONYMOUS | MAP_PRIVATE | MAP_FIXED_NOREPLACE, -1, 0);

	if (p != (void *)at)
		die("the fixed addresses are taken");
	return p;
}

/* The two pages at SIL_LOW, and all at SIL_HIGH. */
static void map_own(struct sil_shared *sh)
{
	/* The linker puts these at the ends of a section. */
	/* cppcheck-suppress comparePointers */
	size_t bare = (size_t)(__stop_sil_bare - __start_sil_bare);
	void *p = map_at(SIL_LOW, SIL_LOW_SIZE);

	/* The linker puts both at the ends of one piece of code. */
	/* cppcheck-suppress comparePointers */
	memcpy(p, sil_low_begin, (size_t)(sil_low_end - sil_low_begin));
	if (mprotect(p, 0x1000, PROT_READ | PROT_EXEC))
		die("mprotect");
	p = map_at(SIL_HIGH, SIL_HIGH_END - SIL_HIGH);
	if (bare > HIGH_CODE_SIZE)
		die("too much code");
	memcpy(p, __start_sil_bare, bare);
	if (mprotect(p, HIGH_CODE_SIZE, PROT_READ | PROT_EXEC))
		die("mprotect");
	if (mremap(sh, sizeof(*sh), sizeof(*sh), MREMAP_MAYMOVE | MREMAP_FIXED, HIGH_SHARED) !=
	    (void *)HIGH_SHARED)
		die("mremap");
}

/* The C library's handlers return through the library, so these are the kernel's own calls. */
static void take_signals(void)
{
	static const int sigs[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGVTALRM};
	struct itimerval tick = {{0, 10000}, {0, 10000}};
	stack_t ss = {.ss_sp = (void *)HIGH_ALT, .ss_size = HIGH_ALT_SIZE};
	struct {
		uint64_t handler, flags, restorer, mask;
	} sa = {.flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART | SIGNAL_RESTORER,
		.handler = low(sil_low_signal),
		.restorer = low(sil_low_restorer)};

	if (sigaltstack(&ss, NULL))
		die("sigaltstack");
	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++)
		if (syscall(SYS_rt_sigaction, sigs[i], &sa, NULL, sizeof(sa.mask)))
			die("sigaction");
	if (setitimer(ITIMER_VIRTUAL, &tick, NULL))
		die("setitimer");
}

/*
 * The kernel writes to the C library's restartable-sequences area, which is about to go: give it
 * back. How long the library says it is differs from version to version.
 */
static void leave_rseq(void)
{
	extern const ptrdiff_t __rseq_offset __attribute__((weak));
	uint64_t fs;

	if (!&__rseq_offset)
		return;
	__asm__ volatile("rdfsbase %0" : "=r"(fs));
	for (unsigned len = 20; len < 1024; len += 4)
		if (!syscall(SYS_rseq, fs + (uint64_t)__rseq_offset, len, RSEQ_UNREGISTER,
			     RSEQ_SIGNATURE))
			return;
}

/* Through it the kernel answers the instruction at sil_low_syscall alone. bare.c closes it. */
static void make_door(void)
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

	_Static_assert(sizeof(f) <= sizeof(CTX->filter), "it fits");
	memcpy(CTX->filter, f, sizeof(f));
	CTX->door = (struct sock_fprog){ARRAY_SIZE(f), CTX->filter};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die("prctl");
}

/* Where code of bare.c is in the end. */
static uint64_t high(const void *function)
{
	/* cppcheck-suppress comparePointers */
	return HIGH_CODE + (uint64_t)((const uint8_t *)function - __start_sil_bare);
}

_Noreturn void sil_child_main(struct sil_shared *sh, int code_fd, int from, int to, bool has16)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	for (int fd = 0; fd < 1024; fd++)
		if (fd != 2 && fd != code_fd && fd != from && fd != to)
			close(fd);
	if (has16 && !sil_child_try16())
		die("modify_ldt");
	map_own(sh);
	CTX->sh = (struct sil_shared *)HIGH_SHARED;
	CTX->handler = high((const void *)sil_bare_handler);
	CTX->enter = (int (*)(const struct sil_state *))low(sil_low_enter);
	CTX->syscall = (long (*)(long, long, long, long))low(sil_low_syscall);
	CTX->code_fd = code_fd;
	CTX->from = from;
	CTX->to = to;
	make_door();
	take_signals();
	leave_rseq();
	((void (*)(uint64_t, uint64_t))low(sil_low_start))(HIGH_STACK_TOP - 8,
							   high((const void *)sil_bare_main));
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
