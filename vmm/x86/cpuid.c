/* SPDX-License-Identifier: MIT */
/*
 * x86: CPUID templates. A template is fixed for ever once published: a change is a new name.
 *
 * "base" is an x86-64-v1 CPU: what every 64-bit CPU has and no more, so that it is the same on
 * every host that KVM runs on. No APIC (the machine has none yet), no MTRR, no XSAVE, no RDTSCP.
 */
#include <vmm/x86.h>

#define BIT(n) (1u << (n))

/* Leaf 1 EDX, SDM volume 2, table 3-11 */
#define BASE_1_EDX                                                                                 \
	(BIT(0) /* FPU */ | BIT(2) /* DE */ | BIT(3) /* PSE */ | BIT(4) /* TSC */ |                \
	 BIT(5) /* MSR */ | BIT(6) /* PAE */ | BIT(8) /* CX8 */ | BIT(11) /* SEP */ |              \
	 BIT(13) /* PGE */ | BIT(15) /* CMOV */ | BIT(16) /* PAT */ | BIT(19) /* CLFSH */ |        \
	 BIT(23) /* MMX */ | BIT(24) /* FXSR */ | BIT(25) /* SSE */ | BIT(26) /* SSE2 */)
#define BASE_1_ECX     BIT(31) /* a hypervisor is present */
#define BASE_EXT_1_EDX (BIT(11) /* SYSCALL */ | BIT(20) /* NX */ | BIT(29) /* LM */)
#define BASE_EXT_1_ECX BIT(0) /* LAHF and SAHF in 64-bit mode */

/* Four bytes of text as a register holds them. */
#define TXT(a, b, c, d)                                                                            \
	((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

static const struct x86_cpuid base[] = {
	/* GenuineIntel; nothing above leaf 7, which is empty */
	{0, 0, false, 7, TXT('G', 'e', 'n', 'u'), TXT('n', 't', 'e', 'l'), TXT('i', 'n', 'e', 'I')},
	/* family 6, model 15, stepping 11; CLFLUSH of 64 bytes */
	{1, 0, false, 0x000006fb, 8 << 8, BASE_1_ECX, BASE_1_EDX},
	{7, 0, true, 0, 0, 0, 0},
	{0x40000000, 0, false, 0x40000000, TXT('V', 'i', 's', 'e'), TXT('V', 'i', 's', 'e'),
	 TXT('V', 'i', 's', 'e')},
	{0x80000000, 0, false, 0x80000008, 0, 0, 0},
	{0x80000001, 0, false, 0, 0, BASE_EXT_1_ECX, BASE_EXT_1_EDX},
	{0x80000002, 0, false, TXT('V', 'i', 's', 'e'), TXT(' ', 'b', 'a', 's'),
	 TXT('e', ' ', 'C', 'P'), TXT('U', ' ', '1', 0)},
	{0x80000003, 0, false, 0, 0, 0, 0},
	{0x80000004, 0, false, 0, 0, 0, 0},
	/* 39 physical address bits, which is what the smallest KVM hosts have; 48 linear */
	{0x80000008, 0, false, 0x3027, 0, 0, 0},
};

const struct x86_cpuid *x86_cpuid_template(const char *name, size_t *count)
{
	if (!name || strcmp(name, "base") != 0)
		return NULL;
	*count = ARRAY_SIZE(base);
	return base;
}

void x86_cpuid_lookup(const struct x86_cpuid *t, size_t count, uint32_t leaf, uint32_t sub,
		      struct x86_cpuid *out)
{
	for (size_t i = 0; i < count; i++) {
		if (t[i].leaf == leaf && (!t[i].has_sub || t[i].sub == sub)) {
			*out = t[i];
			out->sub = sub;
			return;
		}
	}
	*out = (struct x86_cpuid){.leaf = leaf, .sub = sub};
}
