/* SPDX-License-Identifier: MIT */
/*
 * x86: CPUID templates. A template is fixed for ever once published: a change is a new name.
 *
 * "base" is an x86-64-v1 CPU: what every 64-bit CPU has and no more, so that it is the same on
 * every host that KVM runs on. No APIC (the machine has none with it), no MTRR, no XSAVE, no RDTSCP.
 *
 * "v1" is that with a local APIC (no x2APIC, no deadline), for what insists on one: the CPU that
 * others call qemu64.
 *
 * "v2" is an x86-64-v2 CPU with the system features of the years after it: local APIC with x2APIC and
 * TSC deadline, SMEP, SMAP, UMIP, PKU, PCID, INVPCID, FSGSBASE, XSAVE (x87, SSE, PKRU), BMI1 and BMI2,
 * MOVBE, ADX, AES, PCLMULQDQ, RDRAND, RDSEED, RDTSCP, RDPRU, 1 GiB pages. The TSC is said to be
 * invariant and to count with the 1 GHz that the local APIC's timer counts with. No AVX, no MTRRs, no
 * machine check, no performance counters. It speculates nothing, and says so. All of it is on soft
 * everywhere; on KVM what the host's lacks is left out, and the leaves that give the TSC's frequency give
 * the host's or are left away (vmm/cpu/kvm_cpuid.c).
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

#define V1_1_EDX (BASE_1_EDX | BIT(9) /* APIC */)

static const struct x86_cpuid v1[] = {
	{0, 0, false, 7, TXT('G', 'e', 'n', 'u'), TXT('n', 't', 'e', 'l'), TXT('i', 'n', 'e', 'I')},
	/* as "base", one logical CPU, APIC ID 0 */
	{1, 0, false, 0x000006fb, 1 << 16 | 8 << 8, BASE_1_ECX, V1_1_EDX},
	{7, 0, true, 0, 0, 0, 0},
	{0x40000000, 0, false, 0x40000000, TXT('V', 'i', 's', 'e'), TXT('V', 'i', 's', 'e'),
	 TXT('V', 'i', 's', 'e')},
	{0x80000000, 0, false, 0x80000008, 0, 0, 0},
	{0x80000001, 0, false, 0, 0, BASE_EXT_1_ECX, BASE_EXT_1_EDX},
	{0x80000002, 0, false, TXT('V', 'i', 's', 'e'), TXT(' ', 'v', '1', ' '),
	 TXT('C', 'P', 'U', ' '), TXT('1', 0, 0, 0)},
	{0x80000003, 0, false, 0, 0, 0, 0},
	{0x80000004, 0, false, 0, 0, 0, 0},
	{0x80000008, 0, false, 0x3027, 0, 0, 0},
};

#define V2_1_EDX V1_1_EDX
#define V2_1_ECX                                                                                   \
	(BIT(0) /* SSE3 */ | BIT(1) /* PCLMULQDQ */ | BIT(9) /* SSSE3 */ | BIT(13) /* CX16 */ |    \
	 BIT(17) /* PCID */ | BIT(19) /* SSE4.1 */ | BIT(20) /* SSE4.2 */ | BIT(21) /* x2APIC */ | \
	 BIT(22) /* MOVBE */ | BIT(23) /* POPCNT */ | BIT(24) /* TSC deadline */ |                 \
	 BIT(25) /* AES */ | BIT(26) /* XSAVE */ | BIT(30) /* RDRAND */ | BASE_1_ECX)
#define V2_7_EBX                                                                                   \
	(BIT(0) /* FSGSBASE */ | BIT(1) /* TSC_ADJUST */ | BIT(3) /* BMI1 */ | BIT(7) /* SMEP */ | \
	 BIT(8) /* BMI2 */ | BIT(10) /* INVPCID */ | BIT(18) /* RDSEED */ | BIT(19) /* ADX */ |    \
	 BIT(20) /* SMAP */ | BIT(23) /* CLFLUSHOPT */ | BIT(24) /* CLWB */)
#define V2_7_EDX     BIT(29) /* IA32_ARCH_CAPABILITIES */
#define V2_7_ECX     (BIT(2) /* UMIP */ | BIT(3) /* PKU */)
#define V2_EXT_1_EDX (BASE_EXT_1_EDX | BIT(26) /* 1 GiB pages */ | BIT(27) /* RDTSCP */)
#define V2_EXT_1_ECX (BASE_EXT_1_ECX | BIT(5) /* LZCNT */)
#define V2_EXT_7_EDX BIT(8) /* invariant TSC */
#define V2_EXT_8_EBX (BIT(4) /* RDPRU */ | BIT(29) /* BTC_NO: returns are not speculated on */)
#define V2_MHZ	     1000u /* of the TSC and the APIC's timer */
/* SDM 1, 13.2: what XCR0 may hold and where its parts lie in the standard form */
#define V2_XCR0	    (BIT(0) /* x87 */ | BIT(1) /* SSE */ | BIT(9) /* PKRU */)
#define V2_PKRU_AT  2688u /* as on CPUs with AVX-512: after its room */
#define V2_PKRU_LEN 8u

static const struct x86_cpuid v2[] = {
	{0, 0, false, 22, TXT('G', 'e', 'n', 'u'), TXT('n', 't', 'e', 'l'),
	 TXT('i', 'n', 'e', 'I')},
	/* family 6, model 158, stepping 9; one logical CPU, CLFLUSH of 64 bytes, APIC ID 0 */
	{1, 0, false, 0x000906e9, 1 << 16 | 8 << 8, V2_1_ECX, V2_1_EDX},
	{6, 0, false, BIT(2) /* the APIC timer runs always */, 0, 0, 0},
	{7, 0, true, 0, V2_7_EBX, V2_7_ECX, V2_7_EDX},
	/* topology: one thread, one core */
	{11, 0, true, 0, 1, 0x100, 0},
	{11, 1, true, 0, 1, 0x201, 0},
	{13, 0, true, V2_XCR0, 576, V2_PKRU_AT + V2_PKRU_LEN, 0},
	{13, 1, true, BIT(0) /* XSAVEOPT */ | BIT(1) /* XSAVEC */ | BIT(2) /* XGETBV 1 */, 0, 0, 0},
	{13, 9, true, V2_PKRU_LEN, V2_PKRU_AT, 0, 0},
	/* TSC to crystal 1 to 1, the crystal's Hz; base, highest and bus frequency in MHz */
	{21, 0, false, 1, 1, V2_MHZ * 1000000, 0},
	{22, 0, false, V2_MHZ, V2_MHZ, V2_MHZ, 0},
	{0x40000000, 0, false, 0x40000000, TXT('V', 'i', 's', 'e'), TXT('V', 'i', 's', 'e'),
	 TXT('V', 'i', 's', 'e')},
	{0x80000000, 0, false, 0x80000008, 0, 0, 0},
	{0x80000001, 0, false, 0, 0, V2_EXT_1_ECX, V2_EXT_1_EDX},
	{0x80000002, 0, false, TXT('V', 'i', 's', 'e'), TXT(' ', 'v', '2', ' '),
	 TXT('C', 'P', 'U', ' '), TXT('1', 0, 0, 0)},
	{0x80000003, 0, false, 0, 0, 0, 0},
	{0x80000004, 0, false, 0, 0, 0, 0},
	{0x80000007, 0, false, 0, 0, 0, V2_EXT_7_EDX},
	{0x80000008, 0, false, 0x3027, V2_EXT_8_EBX, 0, 0},
};

const struct x86_cpuid *x86_cpuid_template(const char *name, size_t *count)
{
	static const struct {
		const char *name;
		const struct x86_cpuid *leaves;
		size_t count;
	} templates[] = {
		{"base", base, ARRAY_SIZE(base)},
		{"v1", v1, ARRAY_SIZE(v1)},
		{"v2", v2, ARRAY_SIZE(v2)},
	};

	for (size_t i = 0; name && i < ARRAY_SIZE(templates); i++) {
		if (!strcmp(name, templates[i].name)) {
			*count = templates[i].count;
			return templates[i].leaves;
		}
	}
	return NULL;
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
