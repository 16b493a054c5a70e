/* SPDX-License-Identifier: MIT */
/*
 * vm_probe, private: the throw-away KVM machine that probes run a few instructions in, straight on
 * the kvm module, so that what is measured is the host's KVM and nothing of ours.
 *
 * Each vector's handler is one HLT at an address of its own: where the machine halts says which
 * exception came, and the frame on its stack says from where. The end of the code is a HLT too; at
 * CPL3 it is the #GP which that HLT raises.
 */
#ifndef VM_PROBE_PRIV_H
#define VM_PROBE_PRIV_H

#include <time.h>
#include <vmm/kvm.h>
#include <vmm/vm.h>

enum probe_mode { PROBE_REAL, PROBE_PROT, PROBE_LONG, PROBE_USER /* long mode, CPL3 */ };

enum probe_kind {
	PROBE_DONE,    /* the code ran to its end */
	PROBE_VECTOR,  /* an exception or interrupt was delivered */
	PROBE_EMU,     /* KVM could not run an instruction */
	PROBE_TIMEOUT, /* no exit within the limit */
	PROBE_EXIT,    /* another exit: raw says which */
	PROBE_HOST,    /* KVM_RUN itself failed */
};

struct probe_seen {
	enum probe_kind kind;
	uint32_t raw; /* KVM_EXIT_* */
	unsigned vector;
	uint64_t rip;		    /* of a vector: the pushed one */
	uint64_t error, cs, rflags; /* of a vector: as pushed; long mode only */
	struct kvm_regs regs;	    /* at the exit */
	uint8_t insn[15];	    /* PROBE_EMU: where KVM gave them */
	unsigned insn_len;
};

#define PROBE_CPUIDS 64u
struct probe_vm {
	struct kvm kvm;
	struct kvm_vm vm;
	struct kvm_vcpu cpu;
	uint8_t *mem;
	enum probe_mode mode;
	uint64_t end; /* the address after the code */
	struct kvm_cpuid_entry2 cpuid[PROBE_CPUIDS];
	unsigned nr_cpuid;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	timer_t timer;
	bool has_timer, masked;
	sigset_t old;
	char *why;
	size_t why_len;
	struct err err;
};

/* Guest-physical layout; all of it below 64 KiB, so that real mode reaches it. */
#define PROBE_MEM    (2u << 20)
#define PROBE_PML4   0x1000u /* also the page directory of 32-bit paging, the PDPT of PAE */
#define PROBE_PDPT   0x2000u
#define PROBE_PD     0x3000u
#define PROBE_IDT    0x4000u
#define PROBE_GDT    0x5000u
#define PROBE_GATES  0x6000u /* 16 bytes a vector, a HLT each */
#define PROBE_STACK  0x7c00u /* at CPL0, and RSP0 */
#define PROBE_CODE   0x8000u
#define PROBE_OTHER  0x8800u /* a HLT: the SYSCALL entry */
#define PROBE_USTACK 0x9ff0u
#define PROBE_TSS    0xa000u   /* and its I/O bitmap of 8 KiB */
#define PROBE_DATA   0xd000u   /* RBX points here */
#define PROBE_MMIO   0x200000u /* mapped in long mode, nothing is there */

#define PROBE_SEL_CODE32 0x08u
#define PROBE_SEL_DATA	 0x10u
#define PROBE_SEL_CODE64 0x18u
#define PROBE_SEL_UDATA	 0x23u
#define PROBE_SEL_UCODE	 0x2bu
#define PROBE_SEL_TSS	 0x30u

#define PROBE_MS 500u /* what a few instructions may take on a busy host */

/* One of the private tables: the function behind a name. 1, or 0 with (p)->why. */
struct probe_impl {
	const char *name;
	int (*fn)(struct probe_vm *p);
};
/* Code, how it should end, and what RAX should then hold under a mask. */
struct probe_insn {
	const char *name;
	enum probe_mode mode;
	const char *code;
	unsigned len;
	enum probe_kind want;
	unsigned vector;
	uint64_t rax, mask; /* mask 0: RAX does not matter */
	const char *text;   /* the instructions, for people */
};

extern const struct probe_insn probe_insns[];
extern const struct probe_impl probe_debugs[];
extern const struct probe_impl probe_exits[];
int probe_insn_run(struct probe_vm *p, const struct probe_insn *in);

/* 0, with the VM and its memory made, or -errno with (p)->why. probe_close() in either case. */
int probe_open(struct probe_vm *p);
void probe_close(struct probe_vm *p);
/* The CPU, tables and registers of (mode), with the code; the caller may change p->regs, p->sregs.
 */
int probe_cpu(struct probe_vm *p, enum probe_mode mode, const void *code, unsigned len);
/* Registers go to KVM. */
int probe_start(struct probe_vm *p);
/* Until the next exit, at most (ms). Signals that are not ours are passed over. */
void probe_next(struct probe_vm *p, unsigned ms, struct probe_seen *seen);
/* The three in one. 0, or -errno with (p)->why. */
int probe_play(struct probe_vm *p, enum probe_mode mode, const void *code, unsigned len,
	       struct probe_seen *seen);

/* Put down why not, and return 0, for `return probe_no(p, ...)`. */
int probe_no(struct probe_vm *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same with what was seen behind it. */
int probe_not(struct probe_vm *p, const struct probe_seen *s, const char *what);
/* The same with the last error of kvm. */
int probe_host(struct probe_vm *p);

#endif
