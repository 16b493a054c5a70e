/* SPDX-License-Identifier: MIT */
/*
 * soft: fast system calls and the bases of FS and GS: SDM volume 2; APM volume 3 for SYSCALL.
 *
 * SYSCALL works in long mode: in 64-bit mode as everywhere, in compatibility mode as AMD has it (to
 * CSTAR), which Intel's CPUs refuse. SYSRET works in 64-bit mode, and judges RCX before it does
 * anything, as Intel's do. Outside of long mode both are #UD.
 */
#include "ops.h"
#include "system.h"

#define MSR_SYSENTER_CS	   0x174u
#define MSR_SYSENTER_ESP   0x175u
#define MSR_SYSENTER_EIP   0x176u
#define MSR_STAR	   0xc0000081u
#define MSR_LSTAR	   0xc0000082u
#define MSR_CSTAR	   0xc0000083u
#define MSR_FMASK	   0xc0000084u
#define MSR_KERNEL_GS_BASE 0xc0000102u

#define CPUID_1_EDX_SEP (1u << 11)
#define SYSRET_FLAGS	0x3c7fd7ull /* RF and VM are cleared */

static uint64_t *msr(struct soft *s, uint32_t num)
{
	return &s->msr[x86_msr_index(num)];
}

/* The flat segments that these instructions load without looking at any table. */
static void flat(struct soft *s, unsigned seg, uint16_t sel, uint16_t attr)
{
	s->seg[seg] = (struct x86_seg){
		.sel = sel, .attr = (uint16_t)(attr | (sel & 3u) << 5), .limit = UINT32_MAX};
}

static void flat_code(struct soft *s, uint16_t sel, bool is64)
{
	flat(s, X86_CS, sel, is64 ? X86_SEG_CODE64 : X86_SEG_CODE32);
}

/* ---- SYSCALL ----------------------------------------------------------------------------------------- */

static void check_syscall(struct soft *s)
{
	if (!soft_long(s) || !(s->efer & X86_EFER_SCE))
		soft_ud(s);
}

void soft_op_syscall(struct soft *s, const struct insn *i)
{
	uint16_t cs;

	(void)i;
	check_syscall(s);
	cs = *msr(s, MSR_STAR) >> 32 & 0xfffc;
	s->gpr[X86_RCX] = s->next_rip;
	s->gpr[X86_R11] = s->rflags;
	s->next_rip = *msr(s, s->bits == 64 ? MSR_LSTAR : MSR_CSTAR);
	flat_code(s, cs, true);
	flat(s, X86_SS, (uint16_t)(cs + 8), X86_SEG_DATA);
	soft_set_rflags(s, s->rflags & ~*msr(s, MSR_FMASK), SOFT_FLAGS_ALL);
	soft_mode_changed(s);
}

void soft_op_sysret(struct soft *s, const struct insn *i)
{
	bool is64 = i->opsize == 8;
	uint16_t base;

	if (s->bits != 64)
		soft_ud(s);
	check_syscall(s);
	if (s->cpl || (is64 && !soft_canonical(s->gpr[X86_RCX])))
		soft_gp0(s);
	base = (uint16_t)(*msr(s, MSR_STAR) >> 48);
	s->next_rip = is64 ? s->gpr[X86_RCX] : (uint32_t)s->gpr[X86_RCX];
	flat_code(s, (uint16_t)((base + (is64 ? 16 : 0)) | 3), is64);
	flat(s, X86_SS, (uint16_t)((base + 8) | 3), X86_SEG_DATA);
	soft_set_rflags(s, s->gpr[X86_R11] & SYSRET_FLAGS, SOFT_FLAGS_ALL);
	soft_mode_changed(s);
}

/* ---- SYSENTER ------------------------------------------------------------------------------------------ */

static uint16_t sysenter_cs(struct soft *s)
{
	uint16_t cs = *msr(s, MSR_SYSENTER_CS) & 0xfffc;

	if (!(soft_cpuid_reg(s, 1, 0, 3) & CPUID_1_EDX_SEP))
		soft_ud(s);
	if (!soft_prot(s) || !cs)
		soft_gp0(s);
	return cs;
}

void soft_op_sysenter(struct soft *s, const struct insn *i)
{
	bool is64 = soft_long(s);
	uint16_t cs = sysenter_cs(s);
	uint64_t rip = *msr(s, MSR_SYSENTER_EIP), rsp = *msr(s, MSR_SYSENTER_ESP);

	(void)i;
	soft_set_rflags(s, 0, SOFT_FLAG_VM | X86_FLAG_IF);
	flat_code(s, cs, is64);
	flat(s, X86_SS, (uint16_t)(cs + 8), X86_SEG_DATA);
	s->gpr[X86_RSP] = is64 ? rsp : (uint32_t)rsp;
	s->next_rip = is64 ? rip : (uint32_t)rip;
	soft_mode_changed(s);
}

void soft_op_sysexit(struct soft *s, const struct insn *i)
{
	bool is64 = i->opsize == 8;
	uint16_t cs = sysenter_cs(s);
	uint64_t rip = s->gpr[X86_RDX], rsp = s->gpr[X86_RCX];

	if (s->cpl || (is64 && (!soft_canonical(rip) || !soft_canonical(rsp))))
		soft_gp0(s);
	cs = (uint16_t)((cs + (is64 ? 32 : 16)) | 3);
	flat_code(s, cs, is64);
	flat(s, X86_SS, (uint16_t)(cs + 8), X86_SEG_DATA);
	s->gpr[X86_RSP] = is64 ? rsp : (uint32_t)rsp;
	s->next_rip = is64 ? rip : (uint32_t)rip;
	soft_mode_changed(s);
}

/* ---- FS and GS ----------------------------------------------------------------------------------------- */

void soft_op_swapgs(struct soft *s, const struct insn *i)
{
	uint64_t *kernel = msr(s, MSR_KERNEL_GS_BASE), old = *kernel;

	(void)i;
	if (s->bits != 64)
		soft_ud(s);
	if (s->cpl)
		soft_gp0(s);
	*kernel = s->seg[X86_GS].base;
	s->seg[X86_GS].base = old;
}

static unsigned base_segment(struct soft *s, const struct insn *i)
{
	if (s->bits != 64 || !(s->cr4 & SOFT_CR4_FSGSBASE))
		soft_ud(s);
	return i->op == INSN_RDFSBASE || i->op == INSN_WRFSBASE ? X86_FS : X86_GS;
}

void soft_op_rdbase(struct soft *s, const struct insn *i)
{
	unsigned seg = base_segment(s, i);

	soft_put_operand(s, i, 0, s->seg[seg].base);
}

void soft_op_wrbase(struct soft *s, const struct insn *i)
{
	unsigned seg = base_segment(s, i);
	uint64_t val = soft_get_operand(s, i, 0);

	if (!soft_canonical(val))
		soft_gp0(s);
	s->seg[seg].base = val;
}
