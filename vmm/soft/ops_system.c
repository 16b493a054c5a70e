/* SPDX-License-Identifier: MIT */
/*
 * soft: CPUID, time, random numbers, HLT, TLB and cache control, protection keys, SMAP's switch: SDM
 * volume 2.
 */
#include "ops.h"
#include "system.h"

enum { EAX, EBX, ECX, EDX };

/* ---- CPUID -------------------------------------------------------------------------------------------- */

#define CPUID_1_EDX_APIC    (1u << 9)
#define CPUID_1_ECX_OSXSAVE (1u << 27)
#define CPUID_7_ECX_OSPKE   (1u << 4)
#define APIC_BASE_ENABLE    (1ull << 11)
#define XSAVEC_XSAVES	    0xau /* leaf 13, subleaf 1, EAX: either has the compacted form */
#define XSAVE_LEGACY	    576u /* the legacy region and the header: SDM 1, 13.4 */

/* Leaf 13: how large the XSAVE area is for the components of XCR0. */
static uint32_t xsave_size(const struct soft *s)
{
	uint32_t size = XSAVE_LEGACY;

	for (unsigned n = 2; n < 63; n++) {
		uint32_t end;

		if (!(s->xcr0 >> n & 1))
			continue;
		end = soft_cpuid_reg(s, 13, n, EAX) + soft_cpuid_reg(s, 13, n, EBX);
		if (end > size)
			size = end;
	}
	return size;
}

/* The same in the compacted form, where each follows the one before: subleaf 1, EBX. */
static uint32_t xsave_compact_size(const struct soft *s)
{
	const uint32_t align = 2; /* ECX of a component's subleaf */
	uint32_t size = XSAVE_LEGACY;

	for (unsigned n = 2; n < 63; n++) {
		if (!(s->xcr0 >> n & 1))
			continue;
		if (soft_cpuid_reg(s, 13, n, ECX) & align)
			size = (size + 63) & ~63u;
		size += soft_cpuid_reg(s, 13, n, EAX);
	}
	return size;
}

void soft_op_cpuid(struct soft *s, const struct insn *i)
{
	uint32_t leaf = (uint32_t)s->gpr[X86_RAX], sub = (uint32_t)s->gpr[X86_RCX];
	struct x86_cpuid c;

	(void)i;
	x86_cpuid_lookup(s->cfg.cpuid, s->cfg.nr_cpuid, leaf, sub, &c);
	/* What follows the registers. */
	switch (leaf) {
	case 1:
		if (!(s->apic_base & APIC_BASE_ENABLE))
			c.edx &= ~CPUID_1_EDX_APIC;
		c.ecx &= ~CPUID_1_ECX_OSXSAVE;
		if (s->cr4 & SOFT_CR4_OSXSAVE)
			c.ecx |= CPUID_1_ECX_OSXSAVE;
		break;
	case 7:
		if (sub)
			break;
		c.ecx &= ~CPUID_7_ECX_OSPKE;
		if (s->cr4 & SOFT_CR4_PKE)
			c.ecx |= CPUID_7_ECX_OSPKE;
		break;
	case 13:
		if (soft_has(s, INSN_C_XSAVE) && sub == 0)
			c.ebx = xsave_size(s);
		else if (soft_has(s, INSN_C_XSAVE) && sub == 1 && (c.eax & XSAVEC_XSAVES))
			c.ebx = xsave_compact_size(s);
		break;
	default:
		break;
	}
	s->gpr[X86_RAX] = c.eax;
	s->gpr[X86_RBX] = c.ebx;
	s->gpr[X86_RCX] = c.ecx;
	s->gpr[X86_RDX] = c.edx;
}

/* ---- time ------------------------------------------------------------------------------------------------- */

static void put_edx_eax(struct soft *s, uint64_t val)
{
	s->gpr[X86_RAX] = (uint32_t)val;
	s->gpr[X86_RDX] = val >> 32;
}

static void check_tsd(struct soft *s)
{
	if (s->cpl && (s->cr4 & SOFT_CR4_TSD))
		soft_gp0(s);
}

void soft_op_rdtsc(struct soft *s, const struct insn *i)
{
	(void)i;
	check_tsd(s);
	put_edx_eax(s, soft_tsc(s));
}

void soft_op_rdtscp(struct soft *s, const struct insn *i)
{
	(void)i;
	check_tsd(s);
	put_edx_eax(s, soft_tsc(s));
	s->gpr[X86_RCX] = s->tsc_aux;
}

/* There are no counters, so every number is out of range. */
void soft_op_rdpmc(struct soft *s, const struct insn *i)
{
	(void)i;
	soft_gp0(s);
}

/* APM 3, RDPRU: MPERF and APERF, both the TSC; other numbers read as 0. */
void soft_op_rdpru(struct soft *s, const struct insn *i)
{
	uint32_t num = (uint32_t)s->gpr[X86_RCX];

	(void)i;
	if (s->cpl && (s->cr4 & SOFT_CR4_TSD))
		soft_ud(s);
	put_edx_eax(s, num <= 1 ? soft_tsc(s) : 0);
}

/* ---- RDRAND, RDSEED: seeded, always ready ----------------------------------------------------------------- */

/* Of the seed and the time, which is another at each instruction: nothing has to be saved. */
void soft_op_rdrand(struct soft *s, const struct insn *i)
{
	uint8_t now[8];

	st_le64(now, s->cfg.host.now(s->cfg.host.ctx));
	soft_put_operand(s, i, 0, hash64(s->cfg.seed, now, sizeof(now)));
	soft_flags_put(s, SOFT_FLAGS_ARITH, X86_FLAG_CF);
}

/* ---- HLT, MONITOR, MWAIT ------------------------------------------------------------------------------------ */

void soft_op_hlt(struct soft *s, const struct insn *i)
{
	(void)i;
	if (s->cpl)
		soft_gp0(s);
	s->halted = true;
	s->events = true;
}

void soft_op_monitor(struct soft *s, const struct insn *i)
{
	uint64_t la, ea = s->gpr[X86_RAX] & size_mask(i->addrsize);

	if (s->cpl)
		soft_ud(s);
	if ((uint32_t)s->gpr[X86_RCX])
		soft_gp0(s);
	la = soft_linear(s, i->seg, ea, 1, SOFT_READ);
	(void)soft_translate(s, la, SOFT_READ, s->cpl);
}

/* MWAIT may wake at any time (SDM 2B): here at once, since nothing tells of a device's store. */
void soft_op_mwait(struct soft *s, const struct insn *i)
{
	(void)i;
	if (s->cpl)
		soft_ud(s);
	if ((uint32_t)s->gpr[X86_RCX] & ~1u)
		soft_gp0(s);
}

/* ---- caches and TLB ------------------------------------------------------------------------------------------ */

/* There are no caches. */
void soft_op_wbinvd(struct soft *s, const struct insn *i)
{
	(void)i;
	if (s->cpl)
		soft_gp0(s);
}

/* A load as far as faults go, of code segments too that can't be read. */
void soft_op_clflush(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o = &i->o[0];
	uint64_t la = soft_linear(s, o->seg, soft_ea(s, i, o), 1, SOFT_EXEC);

	(void)soft_translate(s, la, SOFT_READ, s->cpl);
}

/*
 * Nothing that is remembered of page tables is ever stale (tlb.h), so there is nothing to drop. No
 * segment checks; a non-canonical address is a NOP.
 */
void soft_op_invlpg(struct soft *s, const struct insn *i)
{
	(void)i;
	if (s->cpl)
		soft_gp0(s);
}

enum invpcid_type { INVPCID_PAGE, INVPCID_PCID, INVPCID_ALL_GLOBAL, INVPCID_ALL };

void soft_op_invpcid(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o = &i->o[1];
	uint64_t type, pcid, la;
	uint8_t d[16];

	if (!soft_prot(s))
		type = (uint32_t)s->gpr[i->o[0].num & 15];
	else
		type = soft_gpr_read(s, &i->o[0]);
	if (s->cpl)
		soft_gp0(s);
	soft_read_bytes(s, o->seg, soft_ea(s, i, o), d, sizeof(d));
	pcid = ld_le64(d);
	la = ld_le64(d + 8);
	if (type > INVPCID_ALL || pcid >> 12)
		soft_gp0(s);
	if (type <= INVPCID_PCID && pcid && !(s->cr4 & SOFT_CR4_PCIDE))
		soft_gp0(s);
	if (type == INVPCID_PAGE && !soft_canonical(la))
		soft_gp0(s);
}

/* ---- protection keys, SMAP ------------------------------------------------------------------------------------ */

static void check_pkru(struct soft *s)
{
	if (!(s->cr4 & SOFT_CR4_PKE))
		soft_ud(s);
	if ((uint32_t)s->gpr[X86_RCX])
		soft_gp0(s);
}

void soft_op_rdpkru(struct soft *s, const struct insn *i)
{
	(void)i;
	check_pkru(s);
	put_edx_eax(s, s->pkru);
}

void soft_op_wrpkru(struct soft *s, const struct insn *i)
{
	(void)i;
	check_pkru(s);
	if ((uint32_t)s->gpr[X86_RDX])
		soft_gp0(s);
	soft_set_pkru(s, (uint32_t)s->gpr[X86_RAX]);
}

void soft_op_stac(struct soft *s, const struct insn *i)
{
	(void)i;
	if (s->cpl)
		soft_ud(s);
	s->rflags |= X86_FLAG_AC;
}

void soft_op_clac(struct soft *s, const struct insn *i)
{
	(void)i;
	if (s->cpl)
		soft_ud(s);
	s->rflags &= ~X86_FLAG_AC;
}
