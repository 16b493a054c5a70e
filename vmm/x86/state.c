/* SPDX-License-Identifier: MIT */
/*
 * x86: the field table of struct cpu_state with its power-on values (SDM volume 3, table 9-1), the
 * MSR list, and the rules that a state must keep.
 */
#include <errno.h>

#include <vmm/x86.h>

/* clang-format off */
#define MSR_SYSENTER_CS	   0x174u
#define MSR_SYSENTER_ESP   0x175u
#define MSR_SYSENTER_EIP   0x176u
#define MSR_PAT		   0x277u
#define MSR_STAR	   0xc0000081u
#define MSR_LSTAR	   0xc0000082u
#define MSR_CSTAR	   0xc0000083u
#define MSR_FMASK	   0xc0000084u
#define MSR_KERNEL_GS_BASE 0xc0000102u
/* clang-format on */

const uint32_t x86_msr_list[X86_MSRS] = {
	MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,   MSR_PAT, MSR_STAR, MSR_LSTAR,
	MSR_CSTAR,	 MSR_FMASK,	   MSR_KERNEL_GS_BASE,
};

int x86_msr_index(uint32_t num)
{
	for (int i = 0; i < X86_MSRS && num && x86_msr_list[i]; i++)
		if (x86_msr_list[i] == num)
			return i;
	return -1;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* One member by a name of its own, so that a diff reads "rax" and "cs.base". */
#define FIELD(label, member, rst)                                                                  \
	{                                                                                          \
		label, STATE_UINT, offsetof(struct cpu_state, member),                             \
			sizeof(((struct cpu_state *)0)->member), 1, rst, 0                         \
	}
#define FLAG(label, member, rst)                                                                   \
	{                                                                                          \
		label, STATE_BOOL, offsetof(struct cpu_state, member), sizeof(bool), 1, rst, 0     \
	}
/* A part of the FXSAVE image, 10.5.1. */
#define FPU_UINT(label, at, width, rst)                                                            \
	{                                                                                          \
		label, STATE_UINT, offsetof(struct cpu_state, fpu) + (at), width, 1, rst, 0        \
	}
#define FPU_BYTES(label, at, n)                                                                    \
	{                                                                                          \
		label, STATE_BYTES, offsetof(struct cpu_state, fpu) + (at), 1, n, 0, 0             \
	}
#define SEG(label, n, sel_, attr_, base_)                                                          \
	FIELD(label ".sel", seg[n].sel, sel_), FIELD(label ".attr", seg[n].attr, attr_),           \
		FIELD(label ".limit", seg[n].limit, 0xffff),                                       \
		FIELD(label ".base", seg[n].base, base_),                                          \
		FLAG(label ".unusable", seg[n].unusable, 0)

#define RESET_SIGNATURE 0x6fb /* RDX is the processor signature: leaf 1's EAX of "base" */

static const struct state_field fields[] = {
	FIELD("rax", gpr[X86_RAX], 0),
	FIELD("rcx", gpr[X86_RCX], 0),
	FIELD("rdx", gpr[X86_RDX], RESET_SIGNATURE),
	FIELD("rbx", gpr[X86_RBX], 0),
	FIELD("rsp", gpr[X86_RSP], 0),
	FIELD("rbp", gpr[X86_RBP], 0),
	FIELD("rsi", gpr[X86_RSI], 0),
	FIELD("rdi", gpr[X86_RDI], 0),
	FIELD("r8", gpr[X86_R8], 0),
	FIELD("r9", gpr[X86_R9], 0),
	FIELD("r10", gpr[X86_R10], 0),
	FIELD("r11", gpr[X86_R11], 0),
	FIELD("r12", gpr[X86_R12], 0),
	FIELD("r13", gpr[X86_R13], 0),
	FIELD("r14", gpr[X86_R14], 0),
	FIELD("r15", gpr[X86_R15], 0),
	FIELD("rip", rip, 0xfff0),
	FIELD("rflags", rflags, X86_FLAG_FIXED),
	SEG("es", X86_ES, 0, X86_SEG_DATA16, 0),
	SEG("cs", X86_CS, 0xf000, X86_SEG_CODE16, 0xffff0000),
	SEG("ss", X86_SS, 0, X86_SEG_DATA16, 0),
	SEG("ds", X86_DS, 0, X86_SEG_DATA16, 0),
	SEG("fs", X86_FS, 0, X86_SEG_DATA16, 0),
	SEG("gs", X86_GS, 0, X86_SEG_DATA16, 0),
	SEG("ldtr", X86_LDTR, 0, X86_SEG_LDT, 0),
	SEG("tr", X86_TR, 0, X86_SEG_TSS, 0),
	FIELD("gdt.base", gdt.base, 0),
	FIELD("gdt.limit", gdt.limit, 0xffff),
	FIELD("idt.base", idt.base, 0),
	FIELD("idt.limit", idt.limit, 0xffff),
	FIELD("cr0", cr0, X86_CR0_CD | X86_CR0_NW | X86_CR0_ET),
	FIELD("cr2", cr2, 0),
	FIELD("cr3", cr3, 0),
	FIELD("cr4", cr4, 0),
	FIELD("cr8", cr8, 0),
	FIELD("efer", efer, 0),
	/* The boot processor; its local APIC is off, since the machine has none (10.4.4). */
	FIELD("apic_base", apic_base, 0xfee00100),
	FIELD("xcr0", xcr0, 1),
	FIELD("dr0", dr[0], 0),
	FIELD("dr1", dr[1], 0),
	FIELD("dr2", dr[2], 0),
	FIELD("dr3", dr[3], 0),
	FIELD("dr6", dr[6], 0xffff0ff0),
	FIELD("dr7", dr[7], 0x400),
	FIELD("msr.sysenter_cs", msr[0], 0),
	FIELD("msr.sysenter_esp", msr[1], 0),
	FIELD("msr.sysenter_eip", msr[2], 0),
	FIELD("msr.pat", msr[3], 0x0007040600070406),
	FIELD("msr.star", msr[4], 0),
	FIELD("msr.lstar", msr[5], 0),
	FIELD("msr.cstar", msr[6], 0),
	FIELD("msr.fmask", msr[7], 0),
	FIELD("msr.kernel_gs_base", msr[8], 0),
	FPU_UINT("fpu.fcw", 0, 2, 0x40),
	FPU_UINT("fpu.fsw", 2, 2, 0),
	FPU_UINT("fpu.ftw", 4, 1, 0xff), /* abridged: all registers hold +0, none is empty */
	FPU_UINT("fpu.fop", 6, 2, 0),
	FPU_UINT("fpu.fip", 8, 8, 0),
	FPU_UINT("fpu.fdp", 16, 8, 0),
	FPU_UINT("fpu.mxcsr", 24, 4, 0x1f80),
	FPU_BYTES("fpu.st", 32, 128),
	FPU_BYTES("fpu.xmm", 160, 256),
	FLAG("exc_injected", exc_injected, 0),
	FLAG("exc_has_error", exc_has_error, 0),
	FIELD("exc_nr", exc_nr, 0),
	FIELD("exc_error", exc_error, 0),
	FLAG("int_injected", int_injected, 0),
	FIELD("int_nr", int_nr, 0),
	FLAG("nmi_pending", nmi_pending, 0),
	FLAG("nmi_masked", nmi_masked, 0),
	FIELD("shadow", shadow, 0),
	FLAG("halted", halted, 0),
	FIELD("pkru", pkru, 0),
	FIELD("tsc_aux", tsc_aux, 0),
	FIELD("misc_enable", misc_enable, X86_MISC_FAST_STRINGS),
	FIELD("tsc_offset", tsc_offset, 0),
	FIELD("debugctl", debugctl, 0),
	STATE_END,
};

const struct state_table cpu_state_table = {"cpu", 1, fields};

void x86_state_reset(struct cpu_state *s)
{
	memset(s, 0, sizeof(*s));
	state_reset(&cpu_state_table, s);
}

/* ---- what hardware refuses ------------------------------------------------------------------ */

/* Bits of CR4 and EFER that exist on the CPU of some template (2.5, 2.2.1). */
#define CR4_TSD	     (1ull << 2)
#define CR4_DE	     (1ull << 3)
#define CR4_PSE	     (1ull << 4)
#define CR4_PCE	     (1ull << 8)
#define CR4_UMIP     (1ull << 11)
#define CR4_FSGSBASE (1ull << 16)
#define CR4_PCIDE    (1ull << 17)
#define CR4_OSXSAVE  (1ull << 18)
#define CR4_SMEP     (1ull << 20)
#define CR4_SMAP     (1ull << 21)
#define CR4_PKE	     (1ull << 22)
#define CR4_KNOWN                                                                                  \
	(CR4_TSD | CR4_DE | CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | CR4_PCE | X86_CR4_OSFXSR |       \
	 X86_CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE | CR4_SMEP |       \
	 CR4_SMAP | CR4_PKE)
#define EFER_KNOWN (X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE)
#define ATTR_L	   (1u << 13)

int x86_state_check(const struct cpu_state *s, struct err *err)
{
	bool paging = s->cr0 & X86_CR0_PG, lme = s->efer & X86_EFER_LME;
	bool lma = s->efer & X86_EFER_LMA;

	if (s->cr0 >> 32)
		return err_set(err, -EINVAL, "cr0 0x%llx: bits 32 and up are reserved",
			       (unsigned long long)s->cr0);
	if (paging && !(s->cr0 & X86_CR0_PE))
		return err_set(err, -EINVAL, "cr0 0x%llx: PG is set without PE",
			       (unsigned long long)s->cr0);
	if ((s->cr0 & X86_CR0_NW) && !(s->cr0 & X86_CR0_CD))
		return err_set(err, -EINVAL, "cr0 0x%llx: NW is set without CD",
			       (unsigned long long)s->cr0);
	if (s->cr4 & ~CR4_KNOWN)
		return err_set(err, -EINVAL, "cr4 0x%llx: reserved bits 0x%llx are set",
			       (unsigned long long)s->cr4,
			       (unsigned long long)(s->cr4 & ~CR4_KNOWN));
	if (s->efer & ~EFER_KNOWN)
		return err_set(err, -EINVAL, "efer 0x%llx: reserved bits 0x%llx are set",
			       (unsigned long long)s->efer,
			       (unsigned long long)(s->efer & ~EFER_KNOWN));
	if (lme && paging && !(s->cr4 & X86_CR4_PAE))
		return err_set(err, -EINVAL, "efer.LME and cr0.PG are set without cr4.PAE");
	if (lma != (lme && paging))
		return err_set(err, -EINVAL, "efer.LMA is %d but LME and PG together are %d", lma,
			       lme && paging);
	if (!lma && (s->seg[X86_CS].attr & ATTR_L))
		return err_set(err, -EINVAL, "cs is a 64-bit segment outside of long mode");
	return 0;
}

unsigned x86_code_bits(const struct cpu_state *s)
{
	uint16_t attr = s->seg[X86_CS].attr;

	if ((s->efer & X86_EFER_LMA) && (attr & ATTR_L))
		return 64;
	return attr & (1u << 14) ? 32 : 16; /* D */
}
