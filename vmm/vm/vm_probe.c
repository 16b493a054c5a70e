/* SPDX-License-Identifier: MIT */
/*
 * The list of probes, and running one by its name. Every name is in exactly one of the private
 * tables: probe_insns (vm_probe_guests.c), probe_debugs, probe_exits, or the host ones here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "vm_probe_priv.h"

#define MEND "run it where KVM uses VMX or SVM, or mark the test `xfail: kvm PROBE`"

/* clang-format off */
const struct vm_probe vm_probes[] = {
	{ "kvm", "/dev/kvm is there and runs code", "load kvm_intel or kvm_amd, or join the kvm group" },
	{ "kvm-ac-cpl3", "an unaligned access at CPL3 with AC set raises #AC", NULL },
	{ "kvm-bound-prot", "BOUND works in 32-bit code", MEND },
	{ "kvm-bus-lock-exit", "a locked access across cache lines exits", NULL },
	{ "kvm-clac-cpl0", "CLAC works at CPL0", MEND },
	{ "kvm-cmpxchg16b-cpl0", "CMPXCHG16B works at CPL0", MEND },
	{ "kvm-cpuid-cpl0", "CPUID leaf 1 at CPL0 gives exactly what was set", MEND },
	{ "kvm-cpuid-cpl3", "CPUID leaf 1 at CPL3 gives exactly what was set", MEND },
	{ "kvm-crc32-cpl0", "CRC32 works at CPL0", MEND },
	{ "kvm-daa-prot", "DAA works in 32-bit code", MEND },
	{ "kvm-dirty-log", "the dirty log has the pages that the guest wrote to", NULL },
	{ "kvm-emulation-exit", "an instruction KVM cannot emulate exits with its bytes", NULL },
	{ "kvm-enter-level1", "ENTER with a nesting level works at CPL0", MEND },
	{ "kvm-fsbase-canonical", "WRMSR refuses a non-canonical FS base", NULL },
	{ "kvm-guest-tf", "the guest's own trap flag raises #DB at CPL0", NULL },
	{ "kvm-guest-tf-cpl3", "the guest's own trap flag raises #DB at CPL3", NULL },
	{ "kvm-hw-break", "an execution breakpoint exits at CPL0", NULL },
	{ "kvm-hw-break-cpl3", "an execution breakpoint exits at CPL3", NULL },
	{ "kvm-hw-watch", "a data watchpoint exits at CPL0", NULL },
	{ "kvm-hypercall-ud", "VMCALL and VMMCALL end in an answer, #UD or an exit and do not hang", NULL },
	{ "kvm-icebp-cpl0", "INT1 raises #DB at CPL0", MEND },
	{ "kvm-inject-exception", "an exception set by KVM_SET_VCPU_EVENTS is delivered", NULL },
	{ "kvm-ins-batch", "REP INS exits with several elements at once", NULL },
	{ "kvm-int-n-cpl0", "INT n is delivered at CPL0 in long mode", MEND },
	{ "kvm-int-n-cpl3", "INT n at CPL3 goes through a gate of DPL 3", MEND },
	{ "kvm-int3-cpl0", "INT3 is delivered at CPL0 in long mode", MEND },
	{ "kvm-int3-cpl3", "INT3 is delivered at CPL3", MEND },
	{ "kvm-int3-prot", "INT3 is delivered in 32-bit protected mode", MEND },
	{ "kvm-int3-real", "INT3 is delivered in real mode", MEND },
	{ "kvm-int80-prot", "INT 0x80 is delivered in 32-bit protected mode", MEND },
	{ "kvm-int80-real", "INT n with n from 0x80 on is delivered in real mode", MEND },
	{ "kvm-interrupt", "KVM_INTERRUPT delivers a vector", NULL },
	{ "kvm-io-bitmap", "the TSS's I/O bitmap lets CPL3 use a port", MEND },
	{ "kvm-iopl", "IOPL 3 lets CPL3 use ports", MEND },
	{ "kvm-iret-prot", "IRETD works at CPL0 in 32-bit code", MEND },
	{ "kvm-lar-cpl0", "LAR (and with it LSL, VERR, VERW) works at CPL0", MEND },
	{ "kvm-lzcnt-cpl0", "LZCNT at CPL0 gives the right result", MEND },
	{ "kvm-mmx-cpl0", "MMX works at CPL0", MEND },
	{ "kvm-msr-exits", "an MSR that KVM does not know exits, and can be answered with #GP", NULL },
	{ "kvm-msr-filter", "a filtered MSR exits, and can be answered with #GP", NULL },
	{ "kvm-nmi", "KVM_NMI delivers an NMI", NULL },
	{ "kvm-paging-pae", "32-bit PAE paging can be turned on", MEND },
	{ "kvm-paging32", "32-bit paging without PAE can be turned on", MEND },
	{ "kvm-pf-reserved", "a reserved bit in a page table entry raises #PF with P and RSVD", NULL },
	{ "kvm-popcnt-cpl0", "POPCNT works at CPL0", MEND },
	{ "kvm-readonly-slots", "a store to a read-only slot exits as MMIO", NULL },
	{ "kvm-rf-pushed", "a fault pushes RFLAGS with RF set", NULL },
	{ "kvm-shadow", "an interrupt shadow lasts for an instruction, also across an exit", NULL },
	{ "kvm-sregs-checks", "KVM_SET_SREGS refuses states that no CPU can be in", NULL },
	{ "kvm-ss-noncanonical", "a non-canonical stack address raises #SS", NULL },
	{ "kvm-sse-cpl0", "SSE arithmetic works at CPL0", MEND },
	{ "kvm-step", "single-stepping works at CPL0", NULL },
	{ "kvm-step-cpl3", "single-stepping works at CPL3", NULL },
	{ "kvm-step-hlt", "HLT exits as such under single-step", NULL },
	{ "kvm-step-out", "a step over OUT stops behind it", NULL },
	{ "kvm-sw-break", "INT3 exits when software breakpoints are on", NULL },
	{ "kvm-sync-regs", "registers can be read and set through the shared page", NULL },
	{ "kvm-sync-regs-in", "setting registers while IN waits keeps its data", NULL },
	{ "kvm-syscall", "SYSCALL enters CPL0", MEND },
	{ "kvm-triple-keeps-state", "after a triple fault the CPU's state can still be read", NULL },
	{ "kvm-tsc-settable", "the guest's TSC can be set", NULL },
	{ "kvm-tsd-cpl3", "CR4.TSD forbids RDTSC at CPL3", NULL },
	{ "kvm-tzcnt-cpl0", "TZCNT at CPL0 gives the right result", MEND },
	{ "kvm-ud1-cpl0", "UD1 raises #UD at CPL0", MEND },
	{ "kvm-ud2-real", "UD2 raises #UD in real mode", MEND },
	{ "kvm-window-exact", "the interrupt window is reported at the first possible instruction", NULL },
	{ "kvm-x87-cpl0", "x87 arithmetic works at CPL0", MEND },
	{ "kvm-xgetbv-cpl0", "XGETBV works at CPL0", MEND },
	{ "ld", "a linker for ELF (ld) is in PATH", "install binutils" },
	{ "libslirp", "libslirp 4.7 is built in and can be loaded: --net user", "install libslirp0 and libslirp-dev, and build Vise again" },
	{ "nasm", "the assembler nasm is in PATH", "install nasm" },
	{ "objcopy", "objcopy is in PATH", "install binutils" },
	{ "silicon-cpl0", "64-bit CPL0 code runs natively: over 100 million instructions a second", NULL },
	{ "silicon-cpl3", "64-bit CPL3 code runs natively: over 100 million instructions a second", NULL },
	{ "svm", "the host's CPU shows AMD's SVM", NULL },
	{ "vmx", "the host's CPU shows Intel's VMX", NULL },
	{ NULL, NULL, NULL },
};
/* clang-format on */

/* ---- the host ----------------------------------------------------------------------------------
 */

static int in_path(struct probe_vm *p, const char *tool)
{
	const char *path = getenv("PATH"), *end;
	char file[512];

	for (; path && *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		if (end - path > 256 || end == path)
			continue;
		snprintf(file, sizeof(file), "%.*s/%s", (int)(end - path), path, tool);
		if (!access(file, X_OK))
			return 1;
	}
	return probe_no(p, "%s is not in PATH", tool);
}

static int nasm(struct probe_vm *p)
{
	return in_path(p, "nasm");
}

static int ld(struct probe_vm *p)
{
	return in_path(p, "ld");
}

static int objcopy(struct probe_vm *p)
{
	return in_path(p, "objcopy");
}

static int host_flag(struct probe_vm *p, unsigned leaf, unsigned bit, const char *name)
{
#if defined(__x86_64__) || defined(__i386__)
	unsigned a, b, c, d;

	if (__get_cpuid(leaf, &a, &b, &c, &d) && c >> bit & 1)
		return 1;
	return probe_no(p, "CPUID 0x%x.ecx bit %u (%s) is clear", leaf, bit, name);
#else
	return probe_no(p, "the host is no x86: leaf 0x%x bit %u (%s)", leaf, bit, name);
#endif
}

static int libslirp(struct probe_vm *p)
{
	int r = net_has_user();

	if (r > 0)
		return 1;
	return probe_no(p, "%s",
			r ? "libslirp.so.0 is not there" : "this program was built without it");
}

static int svm(struct probe_vm *p)
{
	return host_flag(p, 0x80000001, 2, "SVM");
}

static int vmx(struct probe_vm *p)
{
	return host_flag(p, 1, 5, "VMX");
}

static const struct probe_impl hosts[] = {
	{"ld", ld},   {"libslirp", libslirp}, {"nasm", nasm}, {"objcopy", objcopy},
	{"svm", svm}, {"vmx", vmx},	      {NULL, NULL},
};

/* ---- one by name -------------------------------------------------------------------------------
 */

static const struct probe_impl *find(const struct probe_impl *t, const char *name)
{
	for (; t->name; t++)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

bool vm_probe_of_kvm(const char *name)
{
	return !strcmp(name, "kvm") || !strncmp(name, "kvm-", 4);
}

int vm_probe_run(const char *name, char *why, size_t why_len)
{
	struct probe_vm p = {.why = why, .why_len = why ? why_len : 0};
	const struct probe_impl *im = find(hosts, name);
	const struct probe_insn *in = probe_insns;
	int r;

	if (p.why_len)
		why[0] = '\0';
	if (im)
		return im->fn(&p);
	while (in->name && strcmp(in->name, name) != 0)
		in++;
	if (!in->name) {
		im = find(probe_exits, name);
		if (!im)
			im = find(probe_debugs, name);
		if (!im)
			return -ENOENT;
	}
	p.kvm.fd = p.vm.fd = p.cpu.fd = -1;
	r = probe_open(&p);
	r = r ? 0 : im ? im->fn(&p) : probe_insn_run(&p, in);
	probe_close(&p);
	return r;
}
