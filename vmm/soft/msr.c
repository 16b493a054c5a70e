/* SPDX-License-Identifier: MIT */
/*
 * soft: RDMSR and WRMSR: SDM volume 4, with the rules of each register. The machine's own range
 * (soft_config) goes to host.exit; what no line here names is #GP(0).
 */
#include "ops.h"
#include "system.h"

#define MSR_TSC		   0x10u
#define MSR_PLATFORM_ID	   0x17u
#define MSR_TSC_ADJUST	   0x3bu
#define MSR_APIC_BASE	   0x1bu
#define MSR_UCODE_REV	   0x8bu
#define MSR_SYSENTER_ESP   0x175u
#define MSR_SYSENTER_EIP   0x176u
#define MSR_MCG_CAP	   0x179u
#define MSR_MCG_STATUS	   0x17au
#define MSR_MISC_ENABLE	   0x1a0u
#define MSR_DEBUGCTL	   0x1d9u
#define MSR_PAT		   0x277u
#define MSR_PLATFORM_INFO  0xceu
#define MSR_MPERF	   0xe7u
#define MSR_APERF	   0xe8u
#define MSR_ARCH_CAPS	   0x10au
#define MSR_TSC_DEADLINE   0x6e0u
#define MSR_EFER	   0xc0000080u
#define MSR_STAR	   0xc0000081u
#define MSR_LSTAR	   0xc0000082u
#define MSR_CSTAR	   0xc0000083u
#define MSR_FMASK	   0xc0000084u
#define MSR_FS_BASE	   0xc0000100u
#define MSR_GS_BASE	   0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_TSC_AUX	   0xc0000103u

#define MISC_FIXED     0x1880ull /* performance monitoring off; BTS, PEBS not there: read-only */
#define MISC_WRITABLE  0x400c50809ull /* volume 4, table 2-2 */
#define APIC_BASE_LOW  0x900ull	      /* BSP, enable */
#define APIC_BASE_X2   0x400ull
#define DEBUGCTL_KNOWN SOFT_DEBUGCTL_BTF /* no LBR: there is no MSR to look at */
#define PLATFORM_RATIO (10ull << 8)	 /* times 100 MHz: the 1 GHz of CPUID leaf 22 */
/*
 * RDCL, L1D flush at VM entry, SSB, MDS, page size change, TAA, SBDR, FBSDP, PSDP, GDS, RFDS, ITS: none of
 * them is here, where nothing is done but what the program says.
 */
#define ARCH_CAPS      0x400000000c00e179ull
#define CPUID_ADJUST   (1u << 1)  /* leaf 7, EBX */
#define CPUID_ARCHCAPS (1u << 29) /* leaf 7, EDX */
#define CPUID_X2APIC   (1u << 21) /* leaf 1, ECX */
#define CPUID_DEADLINE (1u << 24)
#define CPUID_APERF    1u /* leaf 6, ECX */
enum { EAX, EBX, ECX, EDX };

/* How the value is judged when it is written. */
enum rule { ANY, CANONICAL, LOW32, PAT };

static const struct plain { /* those that live in msr[] and do nothing */
	uint32_t num;
	enum rule rule;
} plain[] = {
	{0x174, ANY},
	{MSR_SYSENTER_ESP, CANONICAL},
	{MSR_SYSENTER_EIP, CANONICAL},
	{MSR_PAT, PAT},
	{MSR_STAR, ANY},
	{MSR_LSTAR, CANONICAL},
	{MSR_CSTAR, CANONICAL},
	{MSR_FMASK, LOW32},
	{MSR_KERNEL_GS_BASE, CANONICAL},
};

static const struct plain *find_plain(uint32_t num)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (plain[i].num == num && x86_msr_index(num) >= 0)
			return &plain[i];
	return NULL;
}

static bool follows(enum rule rule, uint64_t val)
{
	switch (rule) {
	case CANONICAL:
		return soft_canonical(val);
	case LOW32:
		return !(val >> 32);
	case PAT: /* 11.12.2: types 0, 1, 4 to 7 */
		for (unsigned i = 0; i < 8; i++) {
			unsigned type = val >> (8 * i) & 0xff;

			if (type > 7 || type == 2 || type == 3)
				return false;
		}
		return true;
	default:
		return true;
	}
}

uint64_t soft_tsc(struct soft *s)
{
	return s->cfg.host.now(s->cfg.host.ctx) + s->tsc_offset;
}

static bool has_aperf(const struct soft *s)
{
	return soft_cpuid_reg(s, 6, 0, ECX) & CPUID_APERF;
}

/* ---- EFER ---------------------------------------------------------------------------------------------- */

#define CPUID_EXT1_NX (1u << 20)
#define CPUID_EXT1_LM (1u << 29)

static bool write_efer(struct soft *s, uint64_t val)
{
	uint64_t known = X86_EFER_LMA, changed;
	uint32_t ext = soft_cpuid_reg(s, 0x80000001, 0, EDX);

	if (soft_has(s, INSN_C_SYSCALL))
		known |= X86_EFER_SCE;
	if (ext & CPUID_EXT1_NX)
		known |= X86_EFER_NXE;
	if (ext & CPUID_EXT1_LM)
		known |= X86_EFER_LME;
	if (val & ~known)
		return false;
	changed = s->efer ^ val;
	if ((changed & X86_EFER_LME) && (s->cr0 & X86_CR0_PG))
		return false;
	/* LMA is the CPU's to write. */
	s->efer = (val & ~X86_EFER_LMA) | (s->efer & X86_EFER_LMA);
	if (changed & X86_EFER_NXE)
		soft_tlb_flush(s);
	soft_mode_changed(s);
	return true;
}

/*
 * The machine's own, and those that the CPU refuses: the machine has the last word, as it has on
 * KVM. It may refuse too.
 */
enum { WHY_REFUSED = 1, WHY_UNKNOWN = 2, WHY_FILTER = 4 }; /* KVM_MSR_EXIT_REASON_* */

static bool user_msr(struct soft *s, uint32_t num, bool write, uint8_t why, uint64_t *val)
{
	struct cpu_exit e = {.kind = CPU_EXIT_MSR, .rip = s->insn_rip};

	e.msr.num = num;
	e.msr.write = write;
	e.msr.why = why;
	e.msr.val = write ? *val : 0;
	s->cfg.host.exit(s->cfg.host.ctx, &e);
	if (!write)
		*val = e.msr.val;
	return !e.msr.fault;
}

static bool write_apic_base(struct soft *s, uint64_t val)
{
	uint64_t low = APIC_BASE_LOW;

	/* Without x2APIC bits 10 and 9, and all below 8, are reserved (10.4.4). */
	if (soft_cpuid_reg(s, 1, 0, ECX) & CPUID_X2APIC)
		low |= APIC_BASE_X2;
	/* The machine's APIC judges it too, and is asked whatever it is, as by KVM's filter. */
	if (soft_has_apic(s) && !user_msr(s, MSR_APIC_BASE, true, WHY_FILTER, &val))
		return false;
	if ((val & 0xfff & ~low) || val >> s->maxphyaddr)
		return false;
	s->apic_base = val;
	return true;
}

/* The machine's APIC counts the machine's time: the offset of the TSC is the CPU's. 0 disarms. */
static bool deadline(struct soft *s, bool write, uint64_t *val)
{
	uint64_t v = *val;

	if (!(soft_cpuid_reg(s, 1, 0, ECX) & CPUID_DEADLINE))
		return false;
	if (write && v)
		v = v > s->tsc_offset || (int64_t)s->tsc_offset < 0 ? v - s->tsc_offset : 1;
	if (!user_msr(s, MSR_TSC_DEADLINE, write, WHY_FILTER, &v))
		return false;
	if (!write)
		*val = v ? v + s->tsc_offset : 0;
	return true;
}

/* ---- the rest -------------------------------------------------------------------------------------------- */

static bool read_special(struct soft *s, uint32_t num, uint64_t *val)
{
	*val = 0;
	switch (num) {
	case MSR_TSC:
		*val = soft_tsc(s);
		return true;
	case MSR_APIC_BASE:
		*val = s->apic_base;
		return true;
	case MSR_PLATFORM_ID:
	case MSR_UCODE_REV:
	case MSR_MCG_CAP: /* no banks */
	case MSR_MCG_STATUS:
		return true;
	case MSR_DEBUGCTL:
		*val = s->debugctl;
		return true;
	case MSR_TSC_ADJUST: /* 17.17.3: what all writes to the TSC have added up to */
		*val = s->tsc_offset;
		return soft_cpuid_reg(s, 7, 0, EBX) & CPUID_ADJUST;
	case MSR_PLATFORM_INFO:
		*val = PLATFORM_RATIO;
		return true;
	case MSR_ARCH_CAPS:
		*val = ARCH_CAPS;
		return soft_cpuid_reg(s, 7, 0, EDX) & CPUID_ARCHCAPS;
	case MSR_MISC_ENABLE:
		*val = s->misc_enable | MISC_FIXED;
		return true;
	case MSR_MPERF:
	case MSR_APERF:
		*val = soft_tsc(s);
		return has_aperf(s);
	case MSR_TSC_DEADLINE:
		return deadline(s, false, val);
	case MSR_EFER:
		*val = s->efer;
		return true;
	case MSR_FS_BASE:
		*val = s->seg[X86_FS].base;
		return true;
	case MSR_GS_BASE:
		*val = s->seg[X86_GS].base;
		return true;
	case MSR_TSC_AUX:
		*val = s->tsc_aux;
		return soft_has(s, INSN_C_RDTSCP);
	default:
		return false;
	}
}

static bool write_base(struct soft *s, unsigned seg, uint64_t val)
{
	if (!soft_canonical(val))
		return false;
	s->seg[seg].base = val;
	return true;
}

static bool write_special(struct soft *s, uint32_t num, uint64_t val)
{
	switch (num) {
	case MSR_TSC:
		s->tsc_offset = val - s->cfg.host.now(s->cfg.host.ctx);
		return true;
	case MSR_APIC_BASE:
		return write_apic_base(s, val);
	case MSR_UCODE_REV: /* asked for by a write before CPUID and the read */
	case MSR_MCG_STATUS:
		return val == 0;
	case MSR_DEBUGCTL:
		if (val & ~DEBUGCTL_KNOWN)
			return false;
		s->debugctl = val;
		return true;
	case MSR_TSC_ADJUST:
		if (!(soft_cpuid_reg(s, 7, 0, EBX) & CPUID_ADJUST))
			return false;
		s->tsc_offset = val;
		return true;
	case MSR_MISC_ENABLE:
		if (val & ~(MISC_WRITABLE | MISC_FIXED))
			return false;
		s->misc_enable = val & MISC_WRITABLE;
		return true;
	case MSR_TSC_DEADLINE:
		return deadline(s, true, &val);
	case MSR_EFER:
		return write_efer(s, val);
	case MSR_FS_BASE:
		return write_base(s, X86_FS, val);
	case MSR_GS_BASE:
		return write_base(s, X86_GS, val);
	case MSR_TSC_AUX:
		if (!soft_has(s, INSN_C_RDTSCP) || val >> 32)
			return false;
		s->tsc_aux = (uint32_t)val;
		return true;
	default:
		return false;
	}
}

static bool is_user(const struct soft *s, uint32_t num)
{
	return num - s->cfg.msr_user < s->cfg.nr_msr_user;
}

/* One that the machine's APIC has been asked about already: its answer stands. */
static bool is_apics(const struct soft *s, uint32_t num)
{
	return (num == MSR_APIC_BASE || num == MSR_TSC_DEADLINE) && soft_has_apic(s);
}

void soft_op_rdmsr(struct soft *s, const struct insn *i)
{
	uint32_t num = (uint32_t)s->gpr[X86_RCX];
	uint64_t val = 0;
	bool ok;

	(void)i;
	if (s->cpl)
		soft_gp0(s);
	if (is_user(s, num)) {
		ok = user_msr(s, num, false, WHY_FILTER, &val);
	} else if (find_plain(num)) {
		val = s->msr[x86_msr_index(num)];
		ok = true;
	} else {
		ok = read_special(s, num, &val) ||
		     (!is_apics(s, num) && user_msr(s, num, false, WHY_UNKNOWN, &val));
	}
	if (!ok)
		soft_gp0(s);
	s->gpr[X86_RAX] = (uint32_t)val;
	s->gpr[X86_RDX] = val >> 32;
}

void soft_op_wrmsr(struct soft *s, const struct insn *i)
{
	uint32_t num = (uint32_t)s->gpr[X86_RCX];
	uint64_t val = (uint32_t)s->gpr[X86_RAX] | s->gpr[X86_RDX] << 32;
	const struct plain *p = find_plain(num);
	bool ok;

	(void)i;
	if (s->cpl)
		soft_gp0(s);
	if (is_user(s, num)) {
		ok = user_msr(s, num, true, WHY_FILTER, &val);
	} else if (p) {
		ok = follows(p->rule, val);
		if (ok)
			s->msr[x86_msr_index(num)] = val;
		else
			ok = user_msr(s, num, true, WHY_REFUSED, &val);
	} else {
		ok = write_special(s, num, val) ||
		     (!is_apics(s, num) && user_msr(s, num, true, WHY_REFUSED, &val));
	}
	if (!ok)
		soft_gp0(s);
}
