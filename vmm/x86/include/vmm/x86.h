/* SPDX-License-Identifier: MIT */
/*
 * x86: the state of one x86-64 CPU, what a CPU back end reports at an exit, states to boot from,
 * page tables, descriptor tables, CPUID templates, the list of MSRs.
 *
 * Guarantees: pure functions on the caller's structs and gmem; guest page tables may be hostile.
 * The caller promises: pointers are valid; a struct cpu_state came from x86_state_reset(), a back
 * end or a load of its table.
 * Who frees: nobody, nothing is allocated.
 * Section numbers are of the Intel SDM unless said otherwise.
 */
#ifndef VMM_X86_H
#define VMM_X86_H

#include <vmm/base.h>
#include <vmm/gmem.h>
#include <vmm/state.h>

enum x86_mode { X86_REAL, X86_PROT, X86_LONG };

/* clang-format off */
enum x86_gpr {
	X86_RAX, X86_RCX, X86_RDX, X86_RBX, X86_RSP, X86_RBP, X86_RSI, X86_RDI,
	X86_R8, X86_R9, X86_R10, X86_R11, X86_R12, X86_R13, X86_R14, X86_R15,
	X86_GPRS
};
enum x86_sreg { X86_ES, X86_CS, X86_SS, X86_DS, X86_FS, X86_GS, X86_LDTR, X86_TR, X86_SREGS };
/* clang-format on */

/* RFLAGS, 3.4.3 */
#define X86_FLAG_CF    (1ull << 0)
#define X86_FLAG_FIXED (1ull << 1)
#define X86_FLAG_PF    (1ull << 2)
#define X86_FLAG_AF    (1ull << 4)
#define X86_FLAG_ZF    (1ull << 6)
#define X86_FLAG_SF    (1ull << 7)
#define X86_FLAG_TF    (1ull << 8)
#define X86_FLAG_IF    (1ull << 9)
#define X86_FLAG_DF    (1ull << 10)
#define X86_FLAG_OF    (1ull << 11)
#define X86_FLAG_RF    (1ull << 16)
#define X86_FLAG_AC    (1ull << 18)
/* CR0, CR4, EFER: 2.5, 2.2.1 */
#define X86_CR0_PE	   (1ull << 0)
#define X86_CR0_MP	   (1ull << 1)
#define X86_CR0_ET	   (1ull << 4)
#define X86_CR0_NE	   (1ull << 5)
#define X86_CR0_WP	   (1ull << 16)
#define X86_CR0_AM	   (1ull << 18)
#define X86_CR0_NW	   (1ull << 29)
#define X86_CR0_CD	   (1ull << 30)
#define X86_CR0_PG	   (1ull << 31)
#define X86_CR4_PAE	   (1ull << 5)
#define X86_CR4_PGE	   (1ull << 7)
#define X86_CR4_OSFXSR	   (1ull << 9)
#define X86_CR4_OSXMMEXCPT (1ull << 10)
#define X86_EFER_SCE	   (1ull << 0)
#define X86_EFER_LME	   (1ull << 8)
#define X86_EFER_LMA	   (1ull << 10)
#define X86_EFER_NXE	   (1ull << 11)

/* Exceptions, 6.3.1 */
/* clang-format off */
enum x86_vector {
	X86_DE, X86_DB, X86_NMI, X86_BP, X86_OF, X86_BR, X86_UD, X86_NM, X86_DF, X86_CSO,
	X86_TS, X86_NP, X86_SS_FAULT, X86_GP, X86_PF, X86_VEC15, X86_MF, X86_AC, X86_MC, X86_XM
};
/* clang-format on */

struct x86_seg {
	uint16_t sel;
	uint16_t attr; /* descriptor bits 40-47 and 52-55: type, S, DPL, P | AVL, L, D/B, G << 12 */
	uint32_t limit; /* in bytes, already scaled by G */
	uint64_t base;
	bool unusable; /* VMX's notion; a null selector */
};
/* attr of the usual segments */
#define X86_SEG_CODE64 0xa09bu
#define X86_SEG_CODE32 0xc09bu
#define X86_SEG_DATA   0xc093u
#define X86_SEG_CODE16 0x009bu
#define X86_SEG_DATA16 0x0093u
#define X86_SEG_TSS    0x008bu /* busy 32/64-bit TSS */
#define X86_SEG_LDT    0x0082u
#define X86_SEG_P      0x0080u /* present; 0 in a segment that is unusable */

struct x86_table {
	uint64_t base;
	uint16_t limit;
};

/* MSRs that are part of the state: x86_msr_list says which number each entry of msr[] is. */
#define X86_MSRS 16
extern const uint32_t x86_msr_list[X86_MSRS]; /* unused entries at the end are 0 */
/* The index in x86_msr_list and msr[] of MSR (num), or -1. */
int x86_msr_index(uint32_t num);

/* IA32_MISC_ENABLE after a reset: SDM 4, table 2-2. */
#define X86_MISC_FAST_STRINGS 1ull

struct cpu_state {
	uint64_t gpr[X86_GPRS];
	uint64_t rip, rflags;
	struct x86_seg seg[X86_SREGS];
	struct x86_table gdt, idt;
	uint64_t cr0, cr2, cr3, cr4, cr8, efer, apic_base, xcr0;
	uint64_t dr[8]; /* 0-3, 6, 7 are used */
	uint64_t msr[X86_MSRS];
	uint8_t fpu[512]; /* FXSAVE image, 64-bit form */
	/* pending events, as KVM_GET_VCPU_EVENTS has them */
	bool exc_injected, exc_has_error;
	uint8_t exc_nr;
	uint32_t exc_error;
	bool int_injected;
	uint8_t int_nr;
	bool nmi_pending, nmi_masked;
	uint8_t shadow; /* interrupt shadow: 1 STI, 2 MOV SS */
	bool halted;
	/* What soft has beside, and kvm keeps to itself: there all are as after a reset. */
	uint32_t pkru, tsc_aux;
	uint64_t misc_enable; /* what was written to IA32_MISC_ENABLE */
	uint64_t tsc_offset;  /* the TSC is the time plus this: IA32_TSC_ADJUST */
	uint64_t debugctl;    /* IA32_DEBUGCTL: BTF */
};

/* Every field by name, for save, load, diff, JSON and hash. */
extern const struct state_table cpu_state_table;

/* ---- what a back end reports ---------------------------------------------------------------- */

enum cpu_exit_kind {
	CPU_EXIT_PIO,
	CPU_EXIT_MMIO,
	CPU_EXIT_MSR,
	CPU_EXIT_HLT,
	CPU_EXIT_SHUTDOWN, /* triple fault */
	CPU_EXIT_DEBUG,	   /* single-step, breakpoint */
	CPU_EXIT_INTR,	   /* a signal, immediate_exit or the wall-clock limit */
	CPU_EXIT_IRQ_WINDOW,
	CPU_EXIT_EMULATION, /* an instruction the back end cannot run (INTERNAL_ERROR 1) */
	CPU_EXIT_INTERNAL,  /* INTERNAL_ERROR, other suberrors */
	CPU_EXIT_FAIL_ENTRY,
	CPU_EXIT_SYSTEM_EVENT,
	CPU_EXIT_HYPERCALL,
	CPU_EXIT_SET_TPR,
	CPU_EXIT_TPR_ACCESS,
	CPU_EXIT_IOAPIC_EOI,
	CPU_EXIT_NOTIFY,
	CPU_EXIT_BUS_LOCK,
	CPU_EXIT_MEMORY_FAULT,
	CPU_EXIT_DIRTY_FULL,
	CPU_EXIT_UNKNOWN, /* listed by no header we know, or not for x86: raw and bytes say what */
	CPU_EXIT_BAD,	  /* a known reason with contents that make no sense: text says what */
	CPU_EXIT_KINDS
};
const char *cpu_exit_name(enum cpu_exit_kind kind);

struct cpu_exit {
	enum cpu_exit_kind kind;
	uint32_t raw; /* the back end's own number (KVM_EXIT_*) */
	uint64_t rip; /* where known; see the back end for at/after; 0 unknown */
	union {
		struct { /* count elements of size bytes at data; a read fills data in */
			uint16_t port;
			uint8_t size; /* 1, 2, 4 */
			bool write;
			uint32_t count;
			uint8_t *data;
		} pio;
		struct {
			uint64_t gpa;
			uint8_t size; /* 1 to 8 */
			bool write;
			uint8_t data[8];
		} mmio;
		struct {
			uint32_t num;
			bool write;
			uint8_t why; /* KVM_MSR_EXIT_REASON_* */
			bool fault;  /* answer: raise #GP */
			uint64_t val;
		} msr;
		struct {
			uint64_t pc, dr6, dr7;
			uint32_t exception;
		} debug;
		struct { /* EMULATION and INTERNAL */
			uint32_t suberror, ndata;
			uint64_t data[16];
			uint8_t insn_len; /* 0: no bytes given */
			uint8_t insn[15];
		} internal;
		struct {
			uint64_t reason;
			uint32_t cpu;
		} fail_entry;
		struct {
			uint32_t type, ndata;
			uint64_t data[16];
		} system_event;
		struct {
			uint64_t nr, args[6], flags;
		} hypercall;
		struct {
			uint8_t cr8;
		} tpr; /* SET_TPR */
		struct {
			uint64_t rip;
			bool write;
		} tpr_access;
		struct {
			uint8_t vector;
		} eoi;
		struct {
			uint32_t flags;
		} notify;
		struct {
			uint64_t flags, gpa, size;
		} memory_fault;
		struct {
			uint8_t bytes[32]; /* what stood where the exit's data would be */
		} unknown;
	};
	char text[96]; /* BAD: what made no sense; UNKNOWN: the reason's name where it has one */
};

/* One line for a person: "emulation failure at 0x1003: fld1 (d9 e8)". Needs no back end. */
int cpu_exit_format(const struct cpu_exit *e, char *out, size_t len);

/* ---- states to start from ------------------------------------------------------------------- */

/* Power-on or INIT values (table 9-1), CS:RIP f000:fff0. The base of every other. */
void x86_state_reset(struct cpu_state *s);

/*
 * Ready to run at (entry) in (mode):
 * X86_REAL: CS = entry >> 4 & 0xf000 and IP the rest; DS, ES, SS, FS, GS are 0 with base 0, SP is
 *   (stack), at most 64 KiB; IDT at 0 with limit 0x3ff (the interrupt vector table).
 * X86_PROT: flat 4 GiB segments, paging off.
 * X86_LONG: flat, 4-level paging, the first (map) bytes identity-mapped by 2 MiB pages.
 * GDT (null, code32, data, code64, code16, data16, TSS of 2 slots) is written at X86_BOOT_GDT, page
 * tables from X86_BOOT_PT on, in (mem); the state points to them. Interrupts are off; IDT limit 0
 * (real mode: above). (map) 0 is X86_BOOT_MAP; it is rounded up to 2 MiB and must hold (entry).
 * -EFAULT (that memory is not there), -EINVAL (entry or map out of range: real mode starts below
 * 1 MiB; map at most 64 GiB).
 */
#define X86_BOOT_GDT 0x500u
#define X86_BOOT_TSS 0x600u  /* 104 bytes, zeroed; TR points to it */
#define X86_BOOT_PT  0x1000u /* PML4, PDPT, then a PD a GiB, at most 64: below 0x44000 */
#define X86_BOOT_MAP (4ull << 30)
/* Selectors of that GDT. */
#define X86_SEL_CODE32 0x08u
#define X86_SEL_DATA   0x10u
#define X86_SEL_CODE64 0x18u
#define X86_SEL_CODE16 0x20u
#define X86_SEL_DATA16 0x28u
#define X86_SEL_TSS    0x30u
int x86_boot(struct cpu_state *s, struct gmem *mem, enum x86_mode mode, uint64_t entry,
	     uint64_t stack, uint64_t map, struct err *err);

/*
 * Would hardware accept it (set_sregs rules: CR0.PG needs PE, NW needs CD, LME+PG needs PAE, no
 * reserved bits of CR0, CR4, EFER, LMA consistent)? 0, or -EINVAL with the rule that is broken.
 */
int x86_state_check(const struct cpu_state *s, struct err *err);

/*
 * Walk the guest's page tables for (va) as a supervisor read: 0 and *gpa, or -EFAULT. All paging
 * modes (off, 32-bit, PAE, 4-level). Never more than 4 steps.
 */
int x86_translate(struct gmem *mem, const struct cpu_state *s, uint64_t va, uint64_t *gpa);

/* 16, 32 or 64: the size code at CS has. */
unsigned x86_code_bits(const struct cpu_state *s);

/* ---- CPUID ---------------------------------------------------------------------------------- */

struct x86_cpuid {
	uint32_t leaf, sub;
	bool has_sub; /* sub matters */
	uint32_t eax, ebx, ecx, edx;
};

/* The named, versioned template ("base", "v1", "v2"): same CPU on every host. NULL: no such name. */
const struct x86_cpuid *x86_cpuid_template(const char *name, size_t *count);
/* What CPUID returns with that template for any leaf; unknown leaves are zero. */
void x86_cpuid_lookup(const struct x86_cpuid *t, size_t count, uint32_t leaf, uint32_t sub,
		      struct x86_cpuid *out);

#endif
