/* SPDX-License-Identifier: MIT */
/* The kvm back end: registers in and out, refused states, and KVM's rules against ours. */
#include "test_kvm.h"

static struct cpu_state boot_state(struct rig *r, enum x86_mode mode)
{
	static const uint8_t code[] = {0xf4};

	rig_boot(r, mode, code, sizeof(code));
	return rig_state(r);
}

static void print_diff(void *ctx, const char *field, uint32_t index, uint64_t a, uint64_t b)
{
	(void)ctx;
	print_message("# %s[%u]: 0x%llx, 0x%llx\n", field, index, (unsigned long long)a,
		      (unsigned long long)b);
}

static void assert_same(const struct cpu_state *a, const struct cpu_state *b)
{
	assert_int_equal(state_diff(&cpu_state_table, a, b, print_diff, NULL), 0);
}

/* Boot states come back as they were set. */
static void boot_states(void **state)
{
	struct rig *r = KVM_RIG(state);

	for (int m = X86_REAL; m <= X86_LONG; m++) {
		struct cpu_state want, got;

		assert_int_equal(x86_boot(&want, r->mem, (enum x86_mode)m, ENTRY, 0x8000, 0, NULL),
				 0);
		assert_int_equal(r->cpu->ops->set(r->cpu, &want, NULL), 0);
		got = rig_state(r);
		assert_same(&want, &got);
	}
	{
		struct cpu_state want, got;

		x86_state_reset(&want);
		assert_int_equal(r->cpu->ops->set(r->cpu, &want, NULL), 0);
		got = rig_state(r);
		assert_same(&want, &got);
	}
}

/* Every field with a value of its own. */
static void full_round_trip(void **state)
{
	struct rig *r = KVM_RIG(state);
	struct cpu_state s = boot_state(r, X86_LONG), got;

	for (unsigned i = 0; i < X86_GPRS; i++)
		s.gpr[i] = 0x0101010101010101ull * (i + 1);
	s.rip = 0x123456;
	s.rflags = X86_FLAG_FIXED | X86_FLAG_CF | X86_FLAG_DF | X86_FLAG_IF;
	s.cr2 = 0xfeedface;
	s.cr8 = 5;
	s.cr4 |= X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	for (unsigned i = 0; i < 4; i++)
		s.dr[i] = 0x1000 * i;
	s.seg[X86_FS].base = 0x7000;
	s.seg[X86_GS].base = 0xffff800000001000;
	s.gdt.limit = 0x77;
	s.idt = (struct x86_table){0x5000, 0xfff};
	s.msr[x86_msr_index(0x174)] = 0x10;
	s.msr[x86_msr_index(0x176)] = 0x401000;
	s.msr[x86_msr_index(0xc0000081)] = 0x0023001000000000;
	s.msr[x86_msr_index(0xc0000082)] = 0xffffffff81000000;
	s.msr[x86_msr_index(0xc0000084)] = 0x47700;
	s.msr[x86_msr_index(0xc0000102)] = 0xffff888000000000;
	st_le16(s.fpu, 0x27f);
	st_le32(s.fpu + 24, 0x1fa0);
	for (unsigned i = 0; i < 256; i++)
		s.fpu[160 + i] = (uint8_t)i;
	for (unsigned i = 0; i < 8; i++)
		memset(s.fpu + 32 + (size_t)i * 16, (int)i + 1, 10);
	s.fpu[4] = 0xff;
	s.shadow = 1;
	s.nmi_masked = true;
	s.halted = true;
	assert_int_equal(r->cpu->ops->set(r->cpu, &s, NULL), 0);
	got = rig_state(r);
	/* SVM has one shadow only, and KVM says that it is both. */
	assert_int_equal(got.shadow & 1, 1);
	got.shadow = 1;
	assert_same(&s, &got);
	/* pending events */
	s.shadow = 0;
	s.int_injected = true;
	s.int_nr = 0x31;
	assert_int_equal(r->cpu->ops->set(r->cpu, &s, NULL), 0);
	got = rig_state(r);
	assert_same(&s, &got);
	s.int_injected = false;
	s.int_nr = 0;
	s.exc_injected = s.exc_has_error = true;
	s.exc_nr = X86_GP;
	s.exc_error = 0x18;
	assert_int_equal(r->cpu->ops->set(r->cpu, &s, NULL), 0);
	got = rig_state(r);
	assert_same(&s, &got);
}

/* CR8 lives in struct kvm_run as well: it must survive a run. */
static void cr8_survives(void **state)
{
	static const uint8_t code[] = {0xe6, 0x80, 0xf4};
	struct rig *r = KVM_RIG(state);
	struct cpu_state s;

	rig_boot(r, X86_LONG, code, sizeof(code));
	s = rig_state(r);
	s.cr8 = 7;
	assert_int_equal(r->cpu->ops->set(r->cpu, &s, NULL), 0);
	kvm_go(r);
	assert_int_equal(rig_state(r).cr8, 7);
}

/* ---- states that are none ------------------------------------------------------------------- */

static void pg_without_pe(struct cpu_state *s)
{
	s->cr0 = X86_CR0_PG | X86_CR0_ET;
}
static void nw_without_cd(struct cpu_state *s)
{
	s->cr0 |= X86_CR0_NW;
}
static void cr0_high(struct cpu_state *s)
{
	s->cr0 |= 1ull << 40;
}
static void cr4_reserved(struct cpu_state *s)
{
	s->cr4 |= 1ull << 30;
}
static void cr4_not_in_cpuid(struct cpu_state *s)
{
	s->cr4 |= 1ull << 13; /* VMXE */
}
static void efer_reserved(struct cpu_state *s)
{
	s->efer |= 1ull << 3;
}
static void lma_without_pg(struct cpu_state *s)
{
	s->cr0 &= ~X86_CR0_PG;
}
static void long_without_pae(struct cpu_state *s)
{
	s->cr4 &= ~X86_CR4_PAE;
}
static void lme_pg_without_lma(struct cpu_state *s)
{
	s->efer &= ~X86_EFER_LMA;
}
static void cs_l_outside(struct cpu_state *s)
{
	s->efer = 0;
	s->cr0 &= ~X86_CR0_PG;
}

static const struct {
	const char *name;
	void (*break_it)(struct cpu_state *s);
	bool may_take; /* KVM_SET_SREGS does not check it on every kernel: what it does is said */
} rules[] = {
	{"PG without PE", pg_without_pe, false},
	{"NW without CD", nw_without_cd, false},
	{"CR0 bits 32 and up", cr0_high, false},
	{"CR4 reserved", cr4_reserved, false},
	{"CR4 feature not in CPUID", cr4_not_in_cpuid, false},
	{"EFER reserved", efer_reserved, true},
	{"LMA without PG", lma_without_pg, false},
	{"long mode without PAE", long_without_pae, false},
	{"LME and PG without LMA", lme_pg_without_lma, false},
	{"64-bit CS outside of long mode", cs_l_outside, false},
};

static void refused_states(void **state)
{
	struct rig *r = KVM_RIG(state);
	struct cpu_state good = boot_state(r, X86_LONG);

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct cpu_state bad = good, now;
		struct err err = {0};
		int ret;

		rules[i].break_it(&bad);
		bad.gpr[X86_RBX] = 0xbad;
		assert_int_equal(x86_state_check(&bad, NULL), -EINVAL);
		ret = r->cpu->ops->set(r->cpu, &bad, &err);
		if (!ret && rules[i].may_take) {
			print_message("# this KVM takes: %s\n", rules[i].name);
			assert_int_equal(r->cpu->ops->set(r->cpu, &good, NULL), 0);
			continue;
		}
		if (ret != -EINVAL)
			fail_msg("%s: set gives %d", rules[i].name, ret);
		assert_non_null(strstr(err.msg, "KVM_SET_SREGS"));
		now = rig_state(r);
		assert_same(&good, &now);
	}
	assert_int_equal(x86_state_check(&good, NULL), 0);
	kvm_go(r);
	assert_int_equal(r->log[0].e.kind, CPU_EXIT_HLT);
}

/* What is refused after the segment registers are in: everything goes back. */
static void refused_late(void **state)
{
	struct rig *r = KVM_RIG(state);
	struct cpu_state good = boot_state(r, X86_LONG), bad, now;
	struct err err = {0};

	good.gpr[X86_RSI] = 77;
	good.msr[x86_msr_index(0xc0000082)] = 0x1000;
	assert_int_equal(r->cpu->ops->set(r->cpu, &good, NULL), 0);
	for (unsigned i = 0; i < 6; i++) {
		bad = good;
		bad.cr3 = 0x2000;
		bad.gpr[X86_RSI] = 78;
		bad.seg[X86_FS].base = 0x1234;
		switch (i) {
		case 0:
			bad.msr[x86_msr_index(0xc0000082)] = 0x8000000000000000; /* no address */
			break;
		case 1:
			bad.msr[x86_msr_index(0x277)] = 0x0202020202020202; /* no memory type */
			break;
		case 2:
			bad.dr[7] = 1ull << 40;
			break;
		case 3:
			bad.exc_injected = true;
			bad.exc_nr = 40;
			break;
		case 4:
			st_le32(bad.fpu + 24, 0xffffffff); /* MXCSR */
			break;
		default:
			bad.cr8 = 16;
			break;
		}
		if (!r->cpu->ops->set(r->cpu, &bad, &err)) {
			if (i != 1)
				fail_msg("case %u is taken", i);
			print_message("# this KVM takes: PAT with a reserved memory type\n");
			assert_int_equal(r->cpu->ops->set(r->cpu, &good, NULL), 0);
		} else {
			assert_int_equal(err.code, -EINVAL);
		}
		now = rig_state(r);
		assert_same(&good, &now);
	}
	bad = good;
	bad.xcr0 = 7;
	assert_int_equal(r->cpu->ops->set(r->cpu, &bad, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "XSAVE"));
}

/* ---- making one ----------------------------------------------------------------------------- */

static void cpuid_template(void **state)
{
	/* mov eax, 0x40000000; cpuid; hlt */
	struct rig *r = KVM_RIG(state);
	struct cpu_state s;

	rig_boot_bytes(r, X86_LONG, 0xb8, 0, 0, 0, 0x40, 0x0f, 0xa2, 0xf4);
	kvm_go(r);
	s = rig_state(r);
	assert_int_equal(s.gpr[X86_RAX], 0x40000000);
	assert_int_equal(s.gpr[X86_RBX], ld_le32("Vise"));
}

static void without_dirty_log(void **state)
{
	struct rig *r = KVM_RIG(state);
	struct cpu_config cfg = rig_config(r);
	struct err err = {0};
	struct cpu *c;

	cfg.track_dirty = false;
	assert_int_equal(cpu_kvm_new(&c, &cfg, NULL), 0);
	assert_int_equal(c->ops->sync_dirty(c, &err), -EINVAL);
	cpu_free(c);
	cfg.nr_cpuid = 65;
	assert_int_equal(cpu_kvm_new(&c, &cfg, &err), -E2BIG);
	assert_null(c);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, kvm_setup, kvm_teardown)
	const struct CMUnitTest tests[] = {
		T(boot_states),	 T(full_round_trip), T(cr8_survives),	   T(refused_states),
		T(refused_late), T(cpuid_template),  T(without_dirty_log),
	};

	return cmocka_run_group_tests_name("cpu/kvm state", tests, NULL, NULL);
}
