/* SPDX-License-Identifier: MIT */
/* cpu: what a KVM guest is told of its CPU: the template less what the host's KVM lacks. */
#include "cpu_kvm.h"
#include "test_kvm.h"

#include <cpuid.h>

#define MAX 64

static unsigned entries(const char *model, struct kvm_cpuid_entry2 *ents)
{
	size_t n;
	const struct x86_cpuid *t = x86_cpuid_template(model, &n);

	memset(ents, 0, MAX * sizeof(*ents));
	for (size_t i = 0; i < n; i++)
		ents[i] = (struct kvm_cpuid_entry2){
			.function = t[i].leaf,
			.index = t[i].sub,
			.flags = t[i].has_sub ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
			.eax = t[i].eax,
			.ebx = t[i].ebx,
			.ecx = t[i].ecx,
			.edx = t[i].edx,
		};
	return (unsigned)n;
}

static struct kvm_cpuid_entry2 *at(struct kvm_cpuid_entry2 *e, unsigned n, uint32_t leaf,
				   uint32_t sub)
{
	for (unsigned i = 0; i < n; i++)
		if (e[i].function == leaf && e[i].index == sub)
			return &e[i];
	fail_msg("no leaf %x.%x", leaf, sub);
	return NULL;
}

/* A host that has all: nothing changes. */
static void all_there(void **state)
{
	struct kvm_cpuid_entry2 e[MAX], before[MAX], has[MAX];
	unsigned n = entries("v2", e);
	struct buf text = {0};

	(void)state;
	memcpy(before, e, sizeof(e));
	entries("v2", has);
	assert_int_equal(cpu_kvm_mask(e, n, has, n, &text), 0);
	assert_memory_equal(e, before, sizeof(e));
	assert_string_equal(buf_str(&text), "");
	buf_free(&text);
}

/* Each of some: it goes, with its name, and nothing else does. */
static void some_lacking(void **state)
{
	struct kvm_cpuid_entry2 e[MAX], before[MAX], has[MAX];
	unsigned n = entries("v2", e);
	struct buf text = {0};

	(void)state;
	memcpy(before, e, sizeof(e));
	entries("v2", has);
	at(has, n, 1, 0)->ecx &= ~(1u << 17);
	at(has, n, 7, 0)->ebx &= ~(1u << 10);
	at(has, n, 0x80000007, 0)->edx = 0;
	assert_int_equal(cpu_kvm_mask(e, n, has, n, &text), 3);
	assert_string_equal(buf_str(&text), "PCID INVPCID INVARIANT_TSC");
	assert_int_equal(at(e, n, 1, 0)->ecx, at(before, n, 1, 0)->ecx & ~(1u << 17));
	assert_int_equal(at(e, n, 7, 0)->ebx, at(before, n, 7, 0)->ebx & ~(1u << 10));
	assert_int_equal(at(e, n, 0x80000007, 0)->edx, 0);
	at(e, n, 1, 0)->ecx = at(before, n, 1, 0)->ecx;
	at(e, n, 7, 0)->ebx = at(before, n, 7, 0)->ebx;
	at(e, n, 0x80000007, 0)->edx = at(before, n, 0x80000007, 0)->edx;
	assert_memory_equal(e, before, sizeof(e));
	buf_free(&text);
}

/* The machine's own: the APIC, x2APIC, its deadline, a hypervisor, a timer that never stops. */
static void ours_stay(void **state)
{
	struct kvm_cpuid_entry2 e[MAX], has[MAX];
	unsigned n = entries("v2", e);
	struct buf text = {0};

	(void)state;
	memset(has, 0, sizeof(has));
	assert_true(cpu_kvm_mask(e, n, has, 0, &text) > 40);
	assert_int_equal(at(e, n, 1, 0)->ecx, 1u << 21 | 1u << 24 | 1u << 31);
	assert_int_equal(at(e, n, 1, 0)->edx, 1u << 9);
	assert_int_equal(at(e, n, 6, 0)->eax, 1u << 2);
	assert_int_equal(at(e, n, 7, 0)->ebx, 0);
	assert_int_equal(at(e, n, 7, 0)->ecx, 0);
	assert_int_equal(at(e, n, 7, 0)->edx, 0);
	/* Not words of features: the model, the topology, the frequency. */
	assert_int_equal(at(e, n, 1, 0)->eax, 0x906e9);
	assert_int_equal(at(e, n, 11, 1)->ebx, 1);
	assert_int_equal(at(e, n, 21, 0)->ecx, 1000000000);
	/* What has no name has a place. */
	assert_non_null(strstr(buf_str(&text), "1.edx.0 "));
	buf_free(&text);
}

/* Leaf 13 follows: without PKRU it is smaller, without XSAVE it is empty. */
static void xstate(void **state)
{
	struct kvm_cpuid_entry2 e[MAX], has[MAX];
	unsigned n = entries("v2", e);
	struct buf text = {0};

	(void)state;
	entries("v2", has);
	at(has, n, 7, 0)->ecx &= ~(1u << 3);
	at(has, n, 13, 0)->eax = 3;
	assert_int_equal(cpu_kvm_mask(e, n, has, n, &text), 2);
	assert_string_equal(buf_str(&text), "PKU");
	assert_int_equal(at(e, n, 13, 0)->eax, 3);
	assert_int_equal(at(e, n, 13, 0)->ecx, 576);
	assert_int_equal(at(e, n, 13, 1)->eax, 7);
	assert_int_equal(at(e, n, 13, 9)->eax, 0);
	assert_int_equal(at(e, n, 13, 9)->ebx, 0);
	buf_free(&text);

	entries("v2", e);
	entries("v2", has);
	at(has, n, 1, 0)->ecx &= ~(1u << 26);
	assert_int_equal(cpu_kvm_mask(e, n, has, n, NULL), 1);
	for (unsigned i = 0; i < n; i++)
		if (e[i].function == 13)
			assert_int_equal(e[i].eax | e[i].ebx | e[i].ecx | e[i].edx, 0);
}

/* The sizes stay where PKRU does. */
static void xstate_kept(void **state)
{
	struct kvm_cpuid_entry2 e[MAX], has[MAX];
	unsigned n = entries("v2", e);

	(void)state;
	entries("v2", has);
	at(has, n, 1, 0)->ecx &= ~(1u << 30);
	assert_int_equal(cpu_kvm_mask(e, n, has, n, NULL), 1);
	assert_int_equal(at(e, n, 13, 0)->ecx, 2688 + 8);
	assert_int_equal(at(e, n, 13, 9)->eax, 8);
}

static void check_ratio(uint32_t khz, uint32_t crystal)
{
	uint32_t num, den, got;

	cpu_kvm_ratio(khz, crystal, &num, &den);
	assert_true(num && den);
	/* What native_calibrate_tsc() in Linux computes, in 32 bits. */
	got = crystal * num / den;
	assert_true((uint64_t)crystal * num <= UINT32_MAX);
	if (got < khz * 0.99988 - 1 || got > khz * 1.00012 + 1)
		fail_msg("%u of %u: %u / %u", khz, crystal, num, den);
}

static void ratios(void **state)
{
	uint32_t num, den;

	(void)state;
	cpu_kvm_ratio(1000000, 1000000, &num, &den);
	assert_int_equal(num, 1);
	assert_int_equal(den, 1);
	cpu_kvm_ratio(2000000, 1000000, &num, &den);
	assert_int_equal(num, 2);
	assert_int_equal(den, 1);
	for (uint32_t khz = 800003; khz < 4294000; khz += 100003)
		check_ratio(khz, 1000000);
	check_ratio(3192747, 24000);
	/* Too slow and too fast to be said. */
	cpu_kvm_ratio(0, 1000000, &num, &den);
	assert_int_equal(num, 0);
	cpu_kvm_ratio(UINT32_MAX, UINT32_MAX, &num, &den);
	assert_int_equal(num, 1);
}

static void asked_of_the_host(void **state)
{
	struct err err = {0};
	struct buf text = {0};
	const struct x86_cpuid *t;
	size_t n;
	int r;

	(void)state;
	t = x86_cpuid_template("v1", &n);
	r = cpu_kvm_lacks(t, n, &text, &err);
	if (r == -ENOENT || r == -EACCES)
		skip();
	assert_int_equal(r, 0);
	t = x86_cpuid_template("v2", &n);
	r = cpu_kvm_lacks(t, n, &text, &err);
	assert_true(r >= 0);
	assert_int_equal(!r, !text.len);
	buf_free(&text);
	assert_int_equal(cpu_kvm_lacks(t, MAX + 1, NULL, &err), -E2BIG);
}

/* All of it where it is asked for: then CR4 takes what KVM else refuses. */
static int v2_setup(void **state, bool all)
{
	struct rig *r = rig_new();
	struct cpu_config cfg = rig_config(r);

	cfg.cpuid = x86_cpuid_template("v2", &cfg.nr_cpuid);
	cfg.all_of_cpuid = all;
	return kvm_setup_with(state, r, &cfg);
}

static int masked_setup(void **state)
{
	return v2_setup(state, false);
}

static int all_setup(void **state)
{
	return v2_setup(state, true);
}

/* mov eax, 1; cpuid; mov eax, ecx; out 0x10, eax; hlt */
static const uint8_t ask_code[] = {0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0x89, 0xc8, 0xe7, 0x10, 0xf4};

#define PCID (1u << 17)

static uint32_t ask(void **state)
{
	struct rig *r = KVM_RIG(state);

	rig_boot(r, X86_LONG, ask_code, sizeof(ask_code));
	kvm_go(r);
	assert_int_equal(r->log[0].e.kind, CPU_EXIT_PIO);
	return (uint32_t)r->log[0].val;
}

static void guest_sees_masked(void **state)
{
	uint32_t ecx = ask(state);
	struct buf text = {0};
	struct err err = {0};
	const struct x86_cpuid *t;
	size_t n;

	t = x86_cpuid_template("v2", &n);
	assert_true(cpu_kvm_lacks(t, n, &text, &err) >= 0);
	if (strstr(buf_str(&text), "PCID"))
		assert_false(ecx & PCID);
	else
		assert_true(ecx & PCID);
	assert_true(ecx & 1u << 21);
	buf_free(&text);
}

static void guest_sees_all(void **state)
{
	assert_true(ask(state) & PCID);
}

/* xor ecx, ecx; xor edx, edx; mov eax, 3; xsetbv; mov eax, 13; cpuid; mov eax, ebx; out 0x10, eax; hlt */
static const uint8_t xcr_code[] = {0x31, 0xc9, 0x31, 0xd2, 0xb8, 3,    0,    0,
				   0,	 0x0f, 0x01, 0xd1, 0xb8, 13,   0,    0,
				   0,	 0x0f, 0xa2, 0x89, 0xd8, 0xe7, 0x10, 0xf4};

/* QEMU's emulated CPU (TCG 7.2): its SVM lets a guest's XSETBV through. */
static bool emulated_host(void)
{
	unsigned r[4];

	__cpuid(0x40000000, r[0], r[1], r[2], r[3]);
	return !memcmp(&r[1], "TCGTCGTCGTCG", 12);
}

#define CR4_OSXSAVE (1ull << 18)

/* KVM hears of XSETBV and has XCR0 as the guest has it. */
static void xsetbv_is_seen(void **state)
{
	struct rig *r = KVM_RIG(state);
	struct err err = {0};
	struct cpu_state s;

	if (!container_of(r->cpu, struct cpu_kvm, cpu)->has_xsave)
		skip();
	rig_boot(r, X86_LONG, xcr_code, sizeof(xcr_code));
	assert_int_equal(r->cpu->ops->get(r->cpu, &s, &err), 0);
	s.cr4 |= CR4_OSXSAVE;
	assert_int_equal(r->cpu->ops->set(r->cpu, &s, &err), 0);
	kvm_go(r);
	assert_pio(r->log[0], true, 0x10, 4, 576);
	assert_int_equal(r->cpu->ops->get(r->cpu, &s, &err), 0);
	if (s.xcr0 == 1 && emulated_host()) {
		print_message("# SKIP: the emulated CPU below KVM does not intercept XSETBV\n");
		skip();
	}
	assert_int_equal(s.xcr0, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_there),
		cmocka_unit_test(some_lacking),
		cmocka_unit_test(ours_stay),
		cmocka_unit_test(xstate),
		cmocka_unit_test(xstate_kept),
		cmocka_unit_test(ratios),
		cmocka_unit_test(asked_of_the_host),
		cmocka_unit_test_setup_teardown(guest_sees_masked, masked_setup, kvm_teardown),
		cmocka_unit_test_setup_teardown(xsetbv_is_seen, masked_setup, kvm_teardown),
		cmocka_unit_test_setup_teardown(guest_sees_all, all_setup, kvm_teardown),
	};

	return cmocka_run_group_tests_name("cpu/kvm_cpuid", tests, NULL, NULL);
}
