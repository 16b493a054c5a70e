/* SPDX-License-Identifier: MIT */
/* soft: which features the CPUID template offers, by enum insn_cpuid. SDM 2A, CPUID; APM 3, E. */
#include "soft_priv.h"

enum { EAX, EBX, ECX, EDX };

#define EXT	       0x80000000u
#define EXT_1_EDX_1GIB (1u << 26)

static const struct feature {
	uint8_t feature; /* enum insn_cpuid */
	uint32_t leaf;
	uint8_t sub, reg, bit;
} features[] = {
	{INSN_C_X87, 1, 0, EDX, 0},
	{INSN_C_MMX, 1, 0, EDX, 23},
	{INSN_C_FXSR, 1, 0, EDX, 24},
	{INSN_C_SSE, 1, 0, EDX, 25},
	{INSN_C_SSE2, 1, 0, EDX, 26},
	{INSN_C_SSE3, 1, 0, ECX, 0},
	{INSN_C_PCLMUL, 1, 0, ECX, 1},
	{INSN_C_MONITOR, 1, 0, ECX, 3},
	{INSN_C_SSSE3, 1, 0, ECX, 9},
	{INSN_C_CX16, 1, 0, ECX, 13},
	{INSN_C_SSE41, 1, 0, ECX, 19},
	{INSN_C_SSE42, 1, 0, ECX, 20},
	{INSN_C_MOVBE, 1, 0, ECX, 22},
	{INSN_C_POPCNT, 1, 0, ECX, 23},
	{INSN_C_AES, 1, 0, ECX, 25},
	{INSN_C_XSAVE, 1, 0, ECX, 26},
	{INSN_C_RDRAND, 1, 0, ECX, 30},
	{INSN_C_FSGSBASE, 7, 0, EBX, 0},
	{INSN_C_BMI1, 7, 0, EBX, 3},
	{INSN_C_BMI2, 7, 0, EBX, 8},
	{INSN_C_INVPCID, 7, 0, EBX, 10},
	{INSN_C_RDSEED, 7, 0, EBX, 18},
	{INSN_C_ADX, 7, 0, EBX, 19},
	{INSN_C_SMAP, 7, 0, EBX, 20},
	{INSN_C_CLFLUSHOPT, 7, 0, EBX, 23},
	{INSN_C_CLWB, 7, 0, EBX, 24},
	{INSN_C_PKU, 7, 0, ECX, 3},
	{INSN_C_XSAVEOPT, 13, 1, EAX, 0},
	{INSN_C_XSAVEC, 13, 1, EAX, 1},
	{INSN_C_XSAVES, 13, 1, EAX, 3},
	{INSN_C_LAHF, EXT + 1, 0, ECX, 0},
	{INSN_C_LZCNT, EXT + 1, 0, ECX, 5},
	{INSN_C_SYSCALL, EXT + 1, 0, EDX, 11},
	{INSN_C_RDTSCP, EXT + 1, 0, EDX, 27},
	{INSN_C_RDPRU, EXT + 8, 0, EBX, 4},
};

static uint32_t leaf_reg(const struct x86_cpuid *c, unsigned reg)
{
	switch (reg) {
	case EAX:
		return c->eax;
	case EBX:
		return c->ebx;
	case ECX:
		return c->ecx;
	default:
		return c->edx;
	}
}

static void offer(struct soft *s, unsigned feature)
{
	if (feature < 32)
		s->cpuid_has |= 1u << feature;
	else
		s->cpuid_has_hi |= 1u << (feature - 32);
}

void soft_features(struct soft *s)
{
	struct x86_cpuid c;

	s->cpuid_has = s->cpuid_has_hi = 0;
	offer(s, INSN_C_BASE);
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *f = &features[i];

		x86_cpuid_lookup(s->cfg.cpuid, s->cfg.nr_cpuid, f->leaf, f->sub, &c);
		if (leaf_reg(&c, f->reg) >> f->bit & 1)
			offer(s, f->feature);
	}
	x86_cpuid_lookup(s->cfg.cpuid, s->cfg.nr_cpuid, EXT + 1, 0, &c);
	s->pages_1gib = c.edx & EXT_1_EDX_1GIB;
	/* Long mode is always there; LAHF in other modes needs no bit: the operation looks. */
	x86_cpuid_lookup(s->cfg.cpuid, s->cfg.nr_cpuid, EXT + 8, 0, &c);
	s->maxphyaddr = c.eax & 0xff;
	if (s->maxphyaddr < 32 || s->maxphyaddr > 52)
		s->maxphyaddr = 36;
}
