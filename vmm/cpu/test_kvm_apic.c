/* SPDX-License-Identifier: MIT */
/* cpu: KVM beside a local APIC of the machine's: CR8, IA32_APIC_BASE, the TSC deadline. */
#include "test_kvm.h"

static struct clock the_clock;

static int apic_setup(void **state)
{
	struct rig *r = rig_new();
	struct cpu_config cfg = rig_config(r);

	clock_init(&the_clock);
	cfg.clock = &the_clock;
	cfg.cpuid = x86_cpuid_template("v1", &cfg.nr_cpuid);
	return kvm_setup_with(state, r, &cfg);
}

/* mov eax, 9; mov cr8, rax; out 0x10, al; mov eax, 2; mov cr8, rax; hlt */
static const uint8_t cr8_code[] = {0xb8, 9, 0, 0, 0, 0x44, 0x0f, 0x22, 0xc0, 0xe6, 0x10,
				   0xb8, 2, 0, 0, 0, 0x44, 0x0f, 0x22, 0xc0, 0xf4};

/* KVM has no exit where CR8 rises: it is told before the next one. */
static void cr8_is_told(void **state)
{
	struct rig *r = KVM_RIG(state);
	unsigned told = 0;

	rig_boot(r, X86_LONG, cr8_code, sizeof(cr8_code));
	/* An exit of this kind ends the run of a rig: go on until HLT. */
	for (unsigned i = 0; i < 4 && (!r->n || r->log[r->n - 1].e.kind != CPU_EXIT_HLT); i++)
		kvm_go(r);
	for (unsigned i = 0; i < r->n; i++) {
		if (r->log[i].e.kind == CPU_EXIT_PIO)
			assert_int_equal(told, 1);
		if (r->log[i].e.kind != CPU_EXIT_SET_TPR)
			continue;
		assert_int_equal(r->log[i].e.tpr.cr8, told++ ? 2 : 9);
	}
	assert_int_equal(told, 2);
}

/* And the other way: the machine's APIC sets it. */
static void cr8_is_set(void **state)
{
	static const uint8_t code[] = {0x44, 0x0f, 0x20, 0xc0,
				       0xe6, 0x10, 0xf4}; /* mov rax, cr8; out */
	struct rig *r = KVM_RIG(state);
	struct cpu_state s;

	rig_boot(r, X86_LONG, code, sizeof(code));
	r->cpu->ops->cr8(r->cpu, 6);
	assert_int_equal(r->cpu->ops->get(r->cpu, &s, NULL), 0);
	assert_int_equal(s.cr8, 6);
	kvm_go(r);
	assert_pio(r->log[0], true, 0x10, 1, 6);
}

/* mov ecx, MSR; mov eax, LOW; mov edx, HIGH; wrmsr; rdmsr; hlt */
static void write_msr(struct rig *r, uint32_t num, uint64_t val)
{
	uint8_t code[] = {0xb9, 0, 0, 0, 0, 0xb8, 0,	0,    0,    0,
			  0xba, 0, 0, 0, 0, 0x0f, 0x30, 0x0f, 0x32, 0xf4};

	st_le32(code + 1, num);
	st_le32(code + 6, (uint32_t)val);
	st_le32(code + 11, (uint32_t)(val >> 32));
	r->n = 0;
	rig_boot(r, X86_LONG, code, sizeof(code));
	kvm_go(r);
}

/* The machine is asked, then KVM has it as well. */
static void apic_base(void **state)
{
	struct rig *r = KVM_RIG(state);
	struct cpu_state s;

	write_msr(r, 0x1b, 0xfee00900);
	assert_int_equal(r->log[0].e.kind, CPU_EXIT_MSR);
	assert_int_equal(r->log[0].e.msr.num, 0x1b);
	assert_true(r->log[0].e.msr.write);
	assert_int_equal(r->log[0].val, 0xfee00900);
	assert_int_equal(r->log[1].e.kind, CPU_EXIT_HLT); /* what is read is KVM's */
	assert_int_equal(r->cpu->ops->get(r->cpu, &s, NULL), 0);
	assert_int_equal(s.gpr[X86_RAX], 0xfee00900);
	assert_int_equal(s.apic_base, 0xfee00900);
}

/* A deadline on the guest's TSC is as far ahead on the machine's clock; past, it is now; 0 is 0. */
static void deadline(void **state)
{
	struct rig *r = KVM_RIG(state);
	struct cpu_state s;
	uint64_t at;

	(void)clock_advance(&the_clock, 1000);
	write_msr(r, 0x6e0, 1);
	assert_int_equal(r->log[0].e.msr.num, 0x6e0);
	assert_int_equal(r->log[0].val, 1000);
	assert_int_equal(r->log[1].e.msr.num, 0x6e0);
	assert_false(r->log[1].e.msr.write);
	write_msr(r, 0x6e0, 0);
	assert_int_equal(r->log[0].val, 0);
	/* Far ahead: it comes back as written, but for the time between. */
	at = 1ull << 60;
	r->answer = 0;
	write_msr(r, 0x6e0, at);
	assert_true(r->log[0].val > 1ull << 55 && r->log[0].val < UINT64_MAX);
	assert_int_equal(r->cpu->ops->get(r->cpu, &s, NULL), 0);
	assert_int_equal(s.gpr[X86_RAX] | s.gpr[X86_RDX], 0); /* the rig said 0 */
	/* A refusal is #GP, which nobody catches here. */
	r->gp = true;
	r->n = 0;
	write_msr(r, 0x6e0, 5);
	assert_int_equal(r->log[r->n - 1].e.kind, CPU_EXIT_SHUTDOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cr8_is_told, apic_setup, kvm_teardown),
		cmocka_unit_test_setup_teardown(cr8_is_set, apic_setup, kvm_teardown),
		cmocka_unit_test_setup_teardown(apic_base, apic_setup, kvm_teardown),
		cmocka_unit_test_setup_teardown(deadline, apic_setup, kvm_teardown),
	};

	return cmocka_run_group_tests_name("cpu/kvm_apic", tests, NULL, NULL);
}
