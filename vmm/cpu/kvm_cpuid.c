/* SPDX-License-Identifier: MIT */
/*
 * cpu: the CPUID that a KVM guest gets: the template, less what this host's KVM cannot keep, with the
 * frequency of the TSC as it is here. A bit that the template promises and KVM has not would end in
 * the guest's #GP or #UD where it takes us at our word.
 *
 * What the machine answers for itself is left as it is, for KVM_GET_SUPPORTED_CPUID speaks of KVM's own
 * APIC: the APIC and x2APIC, its deadline timer, and that the timer never stops.
 */
#include <errno.h>

#include "cpu_kvm.h"

#define LEAF_FEATURES 0x1u
#define LEAF_POWER    0x6u
#define LEAF_EXTENDED 0x7u
#define LEAF_XSTATE   0xdu
#define LEAF_TSC      0x15u
#define LEAF_MHZ      0x16u
#define LEAF_AMD      0x80000001u
#define LEAF_AMD_PM   0x80000007u
#define LEAF_AMD_EXT  0x80000008u

#define BIT(n) (1u << (n))
#define KHZ    1000u

#define MSR_MISC_ENABLE 0x1a0u

#define XSAVE BIT(26) /* leaf 1 ECX */

enum reg { EAX, EBX, ECX, EDX };

/*
 * The registers that hold a bit a feature. (plain): what each CPU has that KVM's 64-bit guests run on, so
 * that nobody needs to be asked for it. (ours): what the machine answers for.
 */
static const struct word {
	uint32_t leaf, sub, plain, ours;
	enum reg reg;
} words[] = {
	{LEAF_FEATURES, 0, 0, BIT(21) | BIT(24) | BIT(31) /* a hypervisor */, ECX},
	{LEAF_FEATURES, 0, 0x0789a97d, BIT(9) /* APIC */, EDX}, /* FPU to SSE2: x86-64-v1 */
	{LEAF_POWER, 0, 0, BIT(2), EAX},
	{LEAF_EXTENDED, 0, 0, 0, EBX},
	{LEAF_EXTENDED, 0, 0, 0, ECX},
	{LEAF_EXTENDED, 0, 0, 0, EDX},
	{LEAF_XSTATE, 0, 0, 0, EAX}, /* XCR0's bits */
	{LEAF_XSTATE, 1, 0, 0, EAX},
	{LEAF_AMD, 0, BIT(0) /* LAHF */, 0, ECX},
	{LEAF_AMD, 0, BIT(11) | BIT(20) | BIT(29) /* SYSCALL, NX, long mode */, 0, EDX},
	{LEAF_AMD_PM, 0, 0, 0, EDX},
	{LEAF_AMD_EXT, 0, 0, 0, EBX},
};

/* Names as CPU vendors have them; what is not here is told as leaf, register and bit. */
static const struct name {
	uint32_t leaf, sub;
	enum reg reg;
	uint8_t bit;
	const char *name;
} names[] = {
	{LEAF_FEATURES, 0, ECX, 0, "SSE3"},	   {LEAF_FEATURES, 0, ECX, 1, "PCLMULQDQ"},
	{LEAF_FEATURES, 0, ECX, 9, "SSSE3"},	   {LEAF_FEATURES, 0, ECX, 13, "CMPXCHG16B"},
	{LEAF_FEATURES, 0, ECX, 17, "PCID"},	   {LEAF_FEATURES, 0, ECX, 19, "SSE4.1"},
	{LEAF_FEATURES, 0, ECX, 20, "SSE4.2"},	   {LEAF_FEATURES, 0, ECX, 22, "MOVBE"},
	{LEAF_FEATURES, 0, ECX, 23, "POPCNT"},	   {LEAF_FEATURES, 0, ECX, 25, "AES"},
	{LEAF_FEATURES, 0, ECX, 26, "XSAVE"},	   {LEAF_FEATURES, 0, ECX, 30, "RDRAND"},
	{LEAF_EXTENDED, 0, EBX, 0, "FSGSBASE"},	   {LEAF_EXTENDED, 0, EBX, 1, "TSC_ADJUST"},
	{LEAF_EXTENDED, 0, EBX, 3, "BMI1"},	   {LEAF_EXTENDED, 0, EBX, 7, "SMEP"},
	{LEAF_EXTENDED, 0, EBX, 8, "BMI2"},	   {LEAF_EXTENDED, 0, EBX, 10, "INVPCID"},
	{LEAF_EXTENDED, 0, EBX, 18, "RDSEED"},	   {LEAF_EXTENDED, 0, EBX, 19, "ADX"},
	{LEAF_EXTENDED, 0, EBX, 20, "SMAP"},	   {LEAF_EXTENDED, 0, EBX, 23, "CLFLUSHOPT"},
	{LEAF_EXTENDED, 0, EBX, 24, "CLWB"},	   {LEAF_EXTENDED, 0, ECX, 2, "UMIP"},
	{LEAF_EXTENDED, 0, ECX, 3, "PKU"},	   {LEAF_EXTENDED, 0, EDX, 29, "ARCH_CAPABILITIES"},
	{LEAF_XSTATE, 1, EAX, 0, "XSAVEOPT"},	   {LEAF_XSTATE, 1, EAX, 1, "XSAVEC"},
	{LEAF_XSTATE, 1, EAX, 2, "XGETBV1"},	   {LEAF_AMD, 0, ECX, 5, "LZCNT"},
	{LEAF_AMD, 0, EDX, 26, "1GIB_PAGES"},	   {LEAF_AMD, 0, EDX, 27, "RDTSCP"},
	{LEAF_AMD_PM, 0, EDX, 8, "INVARIANT_TSC"}, {LEAF_AMD_EXT, 0, EBX, 4, "RDPRU"},
	{LEAF_AMD_EXT, 0, EBX, 29, "BTC_NO"},
};

static uint32_t *reg_of(struct kvm_cpuid_entry2 *e, enum reg reg)
{
	uint32_t *const regs[] = {&e->eax, &e->ebx, &e->ecx, &e->edx};

	return regs[reg];
}

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid_entry2 *ents, unsigned n, uint32_t leaf,
				     uint32_t sub)
{
	for (unsigned i = 0; i < n; i++) {
		bool indexed = ents[i].flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX;

		if (ents[i].function == leaf && (!indexed || ents[i].index == sub))
			return &ents[i];
	}
	return NULL;
}

/* ---- what KVM lacks ----------------------------------------------------------------------------- */

static bool all_plain(struct kvm_cpuid_entry2 *ents, unsigned n)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct kvm_cpuid_entry2 *e = find(ents, n, words[i].leaf, words[i].sub);

		if (e && (*reg_of(e, words[i].reg) & ~(words[i].plain | words[i].ours)))
			return false;
	}
	return true;
}

static void say(struct buf *text, const struct word *w, unsigned bit)
{
	static const char *const regs[] = {"eax", "ebx", "ecx", "edx"};

	if (w->leaf == LEAF_XSTATE && w->sub == 0)
		return; /* goes with a feature that has a name */
	if (text->len)
		buf_printf(text, " ");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct name *n = &names[i];

		if (n->leaf == w->leaf && n->sub == w->sub && n->reg == w->reg && n->bit == bit) {
			buf_printf(text, "%s", n->name);
			return;
		}
	}
	buf_printf(text, "%x.%s.%u", w->leaf, regs[w->reg], bit);
}

/* SDM 1, 13.2: leaf 13's sizes follow from the parts that are left; those that are not, are zero. */
static void fit_xstate(struct kvm_cpuid_entry2 *ents, unsigned n)
{
	struct kvm_cpuid_entry2 *f = find(ents, n, LEAF_FEATURES, 0);
	struct kvm_cpuid_entry2 *x = find(ents, n, LEAF_XSTATE, 0);
	uint32_t size = 576; /* the legacy region and the header */

	if (!f || !x)
		return;
	if (!(f->ecx & XSAVE))
		x->eax = 0;
	for (unsigned i = 0; i < n; i++) {
		struct kvm_cpuid_entry2 *e = &ents[i];

		if (e->function != LEAF_XSTATE || !e->index)
			continue;
		if (!x->eax || (e->index >= 2 && (e->index > 31 || !(x->eax & BIT(e->index)))))
			e->eax = e->ebx = e->ecx = e->edx = 0;
		else if (e->index >= 2 && e->eax + e->ebx > size)
			size = e->eax + e->ebx;
	}
	if (x->eax)
		x->ecx = size;
	else
		x->ebx = x->ecx = x->edx = 0;
}

unsigned cpu_kvm_mask(struct kvm_cpuid_entry2 *ents, unsigned n, struct kvm_cpuid_entry2 *has,
		      unsigned nr_has, struct buf *text)
{
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const struct word *w = &words[i];
		struct kvm_cpuid_entry2 *e = find(ents, n, w->leaf, w->sub);
		struct kvm_cpuid_entry2 *h = find(has, nr_has, w->leaf, w->sub);
		uint32_t lost;

		if (!e)
			continue;
		lost = *reg_of(e, w->reg) & ~(w->ours | (h ? *reg_of(h, w->reg) : 0));
		*reg_of(e, w->reg) &= ~lost;
		for (unsigned bit = 0; bit < 32; bit++) {
			if (!(lost & BIT(bit)))
				continue;
			count++;
			if (text)
				say(text, w, bit);
		}
	}
	if (count)
		fit_xstate(ents, n);
	return count;
}

#define HOST_MAX 256 /* leaves: KVM_MAX_CPUID_ENTRIES in Linux */

static int mask(const struct kvm *kvm, struct kvm_cpuid_entry2 *ents, unsigned n, struct buf *text,
		struct err *err)
{
	struct kvm_cpuid_entry2 has[HOST_MAX];
	unsigned nr = HOST_MAX;
	int r;

	if (all_plain(ents, n))
		return 0;
	r = kvm_supported_cpuid(kvm, has, &nr, err);
	return r ? r : (int)cpu_kvm_mask(ents, n, has, nr, text);
}

/* ---- the TSC's frequency: leaves 15H and 16H, SDM volume 2, CPUID -------------------------------- */

/*
 * khz / crystal as a ratio of which Linux can make the frequency again: it multiplies the numerator
 * with the crystal's kHz in 32 bits (native_calibrate_tsc()). With a crystal of 1 GHz it is off by
 * 0.012 % at the worst.
 */
void cpu_kvm_ratio(uint32_t khz, uint32_t crystal, uint32_t *num, uint32_t *den)
{
	const uint32_t most = UINT32_MAX / crystal;
	uint64_t best = UINT64_MAX, of = 1;

	*num = 0;
	*den = 1;
	for (uint32_t d = 1; d <= most; d++) {
		uint64_t n = ((uint64_t)khz * d + crystal / 2) / crystal;
		uint64_t a = n * crystal, b = (uint64_t)khz * d, off = a > b ? a - b : b - a;

		if (n > most)
			return;
		/* off / d is the error, in kHz times the crystal: compared crosswise */
		if (n && (best == UINT64_MAX || off * of < best * d)) {
			best = off;
			of = d;
			*num = (uint32_t)n;
			*den = d;
		}
	}
}

/* The TSC as the template's leaves have it, where KVM can, else the leaves as the TSC is. */
static void fit_tsc(struct cpu_kvm *k, struct kvm_cpuid_entry2 *ents, unsigned n)
{
	struct kvm_cpuid_entry2 *e = find(ents, n, LEAF_TSC, 0), *mhz;
	int is = kvm_get_tsc_khz(&k->vcpu, NULL);
	uint64_t khz;

	if (!e || !e->eax || !e->ebx || e->ecx < KHZ)
		return;
	khz = (uint64_t)e->ecx * e->ebx / e->eax / KHZ;
	if (!kvm_set_tsc_khz(&k->vcpu, (unsigned)khz, NULL) || is <= 0)
		return;
	/* Linux 6.1 says from then on that it has what it has refused: take it back. */
	kvm_set_tsc_khz(&k->vcpu, (unsigned)is, NULL);
	/* The crystal's frequency is the APIC timer's too: it stays, the ratio changes. */
	cpu_kvm_ratio((uint32_t)is, e->ecx / KHZ, &e->ebx, &e->eax);
	mhz = find(ents, n, LEAF_MHZ, 0);
	if (mhz)
		mhz->eax = mhz->ebx = (uint32_t)is / KHZ;
}

/*
 * A family that Intel has makes Linux read IA32_MISC_ENABLE, of which KVM leaves out at a reset what the
 * CPU's state of ours has: fast strings.
 */
static void fit_misc(struct cpu_kvm *k)
{
	struct kvm_msr_entry m = {.index = MSR_MISC_ENABLE};

	if (kvm_get_msrs(&k->vcpu, &m, 1, NULL) != 1)
		return;
	m.data |= X86_MISC_FAST_STRINGS;
	kvm_set_msrs(&k->vcpu, &m, 1, NULL);
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static unsigned from_template(struct kvm_cpuid_entry2 *ents, const struct cpu_config *cfg)
{
	unsigned n = 0;

	for (size_t i = 0; i < cfg->nr_cpuid; i++) {
		const struct x86_cpuid *t = &cfg->cpuid[i];

		/*
		 * The TSC is the host's here: without host time the guest is not told how fast it is.
		 */
		if (!cfg->host_time && (t->leaf == LEAF_TSC || t->leaf == LEAF_MHZ))
			continue;
		ents[n++] = (struct kvm_cpuid_entry2){
			.function = t->leaf,
			.index = t->sub,
			.flags = t->has_sub ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
			.eax = t->eax,
			.ebx = t->ebx,
			.ecx = t->ecx,
			.edx = t->edx,
		};
	}
	return n;
}

#define CPUID_MAX 64

int cpu_kvm_set_cpuid(struct cpu_kvm *k, const struct cpu_config *cfg, struct err *err)
{
	struct kvm_cpuid_entry2 ents[CPUID_MAX], *f;
	unsigned n;
	int r;

	if (cfg->nr_cpuid > CPUID_MAX)
		return err_set(err, -E2BIG, "CPUID template of %zu leaves, at most %d",
			       cfg->nr_cpuid, CPUID_MAX);
	memset(ents, 0, sizeof(ents));
	n = from_template(ents, cfg);
	r = cfg->all_of_cpuid ? 0 : mask(&k->kvm, ents, n, NULL, err);
	if (r < 0)
		return r;
	f = find(ents, n, LEAF_FEATURES, 0);
	k->has_xsave = f && (f->ecx & XSAVE);
	fit_tsc(k, ents, n);
	if (k->has_apic) /* a PC */
		fit_misc(k);
	return n ? kvm_set_cpuid(&k->vcpu, ents, n, err) : 0;
}

int cpu_kvm_lacks(const struct x86_cpuid *t, size_t nr, struct buf *text, struct err *err)
{
	struct cpu_config cfg = {.cpuid = t, .nr_cpuid = nr, .host_time = true};
	struct kvm_cpuid_entry2 ents[CPUID_MAX];
	struct kvm kvm = {0};
	int r;

	if (nr > CPUID_MAX)
		return err_set(err, -E2BIG, "CPUID template of %zu leaves, at most %d", nr,
			       CPUID_MAX);
	r = kvm_open(&kvm, NULL, err);
	if (r)
		return r;
	r = mask(&kvm, ents, from_template(ents, &cfg), text, err);
	kvm_close(&kvm);
	return r;
}
