/* SPDX-License-Identifier: MIT */
/* Boot states, the state table, the rules of a state, CPUID. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <vmm/x86.h>

static struct gmem *mem_of(uint64_t len)
{
	struct gmem *g;

	assert_int_equal(gmem_new(&g, NULL), 0);
	if (len)
		assert_int_equal(gmem_add(g, 0, len, GMEM_RAM, NULL), 0);
	return g;
}

static uint64_t load64(struct gmem *g, uint64_t gpa)
{
	uint8_t b[8];

	assert_int_equal(gmem_read(g, gpa, b, 8), 0);
	return ld_le64(b);
}

/* ---- states to start from ------------------------------------------------------------------- */

static void reset_values(void **state)
{
	struct cpu_state s;

	(void)state;
	memset(&s, 0xff, sizeof(s));
	x86_state_reset(&s);
	assert_int_equal(s.rip, 0xfff0);
	assert_int_equal(s.rflags, 2);
	assert_int_equal(s.cr0, 0x60000010);
	assert_int_equal(s.seg[X86_CS].sel, 0xf000);
	assert_int_equal(s.seg[X86_CS].base, 0xffff0000);
	assert_int_equal(s.seg[X86_DS].limit, 0xffff);
	assert_int_equal(s.seg[X86_TR].attr, X86_SEG_TSS);
	assert_int_equal(s.dr[6], 0xffff0ff0);
	assert_int_equal(s.dr[7], 0x400);
	assert_int_equal(s.msr[x86_msr_index(0x277)], 0x0007040600070406);
	assert_int_equal(ld_le16(s.fpu), 0x40);
	assert_int_equal(ld_le32(s.fpu + 24), 0x1f80);
	assert_int_equal(s.xcr0, 1);
	assert_int_equal(x86_state_check(&s, NULL), 0);
	assert_int_equal(x86_code_bits(&s), 16);
	assert_int_equal(x86_msr_index(0), -1);
	assert_int_equal(x86_msr_index(0x10), -1);
}

/* attr in the form of a descriptor's bits: what is meant by each name. */
static void segment_attributes(void **state)
{
	static const struct {
		uint16_t attr;
		unsigned type, s, dpl, p, l, d, g;
	} rows[] = {
		{X86_SEG_CODE64, 11, 1, 0, 1, 1, 0, 1}, {X86_SEG_CODE32, 11, 1, 0, 1, 0, 1, 1},
		{X86_SEG_DATA, 3, 1, 0, 1, 0, 1, 1},	{X86_SEG_CODE16, 11, 1, 0, 1, 0, 0, 0},
		{X86_SEG_DATA16, 3, 1, 0, 1, 0, 0, 0},	{X86_SEG_TSS, 11, 0, 0, 1, 0, 0, 0},
		{X86_SEG_LDT, 2, 0, 0, 1, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint16_t a = rows[i].attr;

		assert_int_equal(a & 15, rows[i].type);
		assert_int_equal(a >> 4 & 1, rows[i].s);
		assert_int_equal(a >> 5 & 3, rows[i].dpl);
		assert_int_equal(a >> 7 & 1, rows[i].p);
		assert_int_equal(a >> 8 & 15, 0);
		assert_int_equal(a >> 13 & 1, rows[i].l);
		assert_int_equal(a >> 14 & 1, rows[i].d);
		assert_int_equal(a >> 15, rows[i].g);
	}
}

static void boot_real(void **state)
{
	struct gmem *g = mem_of(1 << 20);
	struct cpu_state s;

	(void)state;
	assert_int_equal(x86_boot(&s, g, X86_REAL, 0x7c00, 0x7000, 0, NULL), 0);
	assert_int_equal(s.seg[X86_CS].sel, 0);
	assert_int_equal(s.rip, 0x7c00);
	assert_int_equal(s.gpr[X86_RSP], 0x7000);
	assert_int_equal(s.cr0 & X86_CR0_PE, 0);
	assert_int_equal(s.idt.limit, 0x3ff);
	assert_int_equal(s.rflags & X86_FLAG_IF, 0);
	assert_int_equal(x86_code_bits(&s), 16);
	assert_int_equal(x86_boot(&s, g, X86_REAL, 0x5abcd, 0x10000, 0, NULL), 0);
	assert_int_equal(s.seg[X86_CS].sel, 0x5000);
	assert_int_equal(s.seg[X86_CS].base, 0x50000);
	assert_int_equal(s.rip, 0xabcd);
	assert_int_equal(s.seg[X86_DS].base, 0);
	assert_int_equal(x86_state_check(&s, NULL), 0);
	gmem_free(g);
}

static void boot_prot(void **state)
{
	struct gmem *g = mem_of(1 << 20);
	struct cpu_state s;

	(void)state;
	assert_int_equal(x86_boot(&s, g, X86_PROT, 0xfff00000, 0x9000, 0, NULL), 0);
	assert_int_equal(s.rip, 0xfff00000);
	assert_int_equal(s.cr0 & (X86_CR0_PE | X86_CR0_PG), X86_CR0_PE);
	assert_int_equal(s.seg[X86_CS].sel, X86_SEL_CODE32);
	assert_int_equal(s.seg[X86_CS].limit, 0xffffffff);
	assert_int_equal(s.seg[X86_SS].attr, X86_SEG_DATA);
	assert_int_equal(s.idt.limit, 0);
	assert_int_equal(s.gdt.base, X86_BOOT_GDT);
	assert_int_equal(s.gdt.limit, 63);
	assert_int_equal(x86_code_bits(&s), 32);
	/* the table in memory, by the SDM's layout */
	assert_int_equal(load64(g, X86_BOOT_GDT), 0);
	assert_int_equal(load64(g, X86_BOOT_GDT + X86_SEL_CODE32), 0x00cf9b000000ffff);
	assert_int_equal(load64(g, X86_BOOT_GDT + X86_SEL_DATA), 0x00cf93000000ffff);
	assert_int_equal(load64(g, X86_BOOT_GDT + X86_SEL_CODE64), 0x00af9b000000ffff);
	assert_int_equal(load64(g, X86_BOOT_GDT + X86_SEL_CODE16), 0x00009b000000ffff);
	assert_int_equal(load64(g, X86_BOOT_GDT + X86_SEL_DATA16), 0x000093000000ffff);
	assert_int_equal(load64(g, X86_BOOT_GDT + X86_SEL_TSS), 0x00008b0006000067);
	assert_int_equal(load64(g, X86_BOOT_GDT + X86_SEL_TSS + 8), 0);
	assert_int_equal(x86_state_check(&s, NULL), 0);
	gmem_free(g);
}

static void boot_long(void **state)
{
	static const uint64_t maps[] = {2 << 20,	  3 << 20,	1ull << 30,
					(1ull << 30) + 1, X86_BOOT_MAP, 64ull << 30};
	struct gmem *g = mem_of(1 << 20);
	struct cpu_state s;
	uint64_t gpa;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		uint64_t end = align_up(maps[i], 2 << 20);

		assert_int_equal(x86_boot(&s, g, X86_LONG, 0x10000, 0x9000, maps[i], NULL), 0);
		assert_int_equal(x86_code_bits(&s), 64);
		assert_int_equal(x86_state_check(&s, NULL), 0);
		assert_int_equal(s.seg[X86_CS].sel, X86_SEL_CODE64);
		for (uint64_t va = 0; va < end; va += (end / 7) | 1) {
			assert_int_equal(x86_translate(g, &s, va, &gpa), 0);
			assert_int_equal(gpa, va);
		}
		assert_int_equal(x86_translate(g, &s, end - 1, &gpa), 0);
		assert_int_equal(gpa, end - 1);
		assert_int_equal(x86_translate(g, &s, end, &gpa), -EFAULT);
	}
	/* 0 is the default */
	assert_int_equal(x86_boot(&s, g, X86_LONG, 0x10000, 0x9000, 0, NULL), 0);
	assert_int_equal(x86_translate(g, &s, X86_BOOT_MAP - 1, &gpa), 0);
	gmem_free(g);
}

static void boot_refusals(void **state)
{
	struct gmem *none = mem_of(0), *small = mem_of(0x1000), *g = mem_of(1 << 20);
	struct cpu_state s, before;
	struct err err = {0};

	(void)state;
	memset(&s, 0x5a, sizeof(s));
	before = s;
	assert_int_equal(x86_boot(&s, g, X86_REAL, 0x100000, 0, 0, &err), -EINVAL);
	assert_int_equal(x86_boot(&s, g, X86_REAL, 0x1000, 0x10001, 0, &err), -EINVAL);
	assert_int_equal(x86_boot(&s, g, X86_PROT, 1ull << 32, 0, 0, &err), -EINVAL);
	assert_int_equal(x86_boot(&s, g, X86_PROT, 0, 1ull << 32, 0, &err), -EINVAL);
	assert_int_equal(x86_boot(&s, g, X86_LONG, 0x1000, 0, (64ull << 30) + 1, &err), -EINVAL);
	assert_int_equal(x86_boot(&s, g, X86_LONG, 2 << 20, 0, 2 << 20, &err), -EINVAL);
	assert_int_equal(x86_boot(&s, g, X86_LONG, UINT64_MAX, 0, 0, &err), -EINVAL);
	assert_int_equal(x86_boot(&s, g, (enum x86_mode)7, 0, 0, 0, &err), -EINVAL);
	assert_int_equal(x86_boot(&s, none, X86_REAL, 0x1000, 0, 0, &err), -EFAULT);
	assert_int_equal(x86_boot(&s, small, X86_LONG, 0x1000, 0, 0, &err), -EFAULT);
	assert_non_null(strstr(err.msg, "page tables"));
	assert_memory_equal(&s, &before, sizeof(s));
	gmem_free(none);
	gmem_free(small);
	gmem_free(g);
}

/* ---- the table, the rules --------------------------------------------------------------------- */

/* Every named MSR has its field, and each field changes the hash. */
static void table_is_complete(void **state)
{
	struct cpu_state a, b;
	struct buf out = {0};
	size_t used;
	unsigned n = 0;

	(void)state;
	x86_state_reset(&a);
	for (const struct state_field *f = cpu_state_table.fields; f->name; f++, n++) {
		b = a;
		((uint8_t *)&b)[f->off] ^= 1;
		assert_int_equal(state_diff(&cpu_state_table, &a, &b, NULL, NULL), 1);
		assert_true(state_hash(&cpu_state_table, &a, 0) !=
			    state_hash(&cpu_state_table, &b, 0));
	}
	assert_true(n > 100);
	for (int i = 0; i < X86_MSRS && x86_msr_list[i]; i++) {
		b = a;
		b.msr[i] ^= 1;
		assert_int_equal(state_diff(&cpu_state_table, &a, &b, NULL, NULL), 1);
	}
	for (unsigned i = 0; i < X86_GPRS; i++)
		a.gpr[i] = i + 100;
	assert_int_equal(state_save(&cpu_state_table, &a, &out), 0);
	memset(&b, 0, sizeof(b));
	assert_int_equal(state_load(&cpu_state_table, &b, out.p, out.len, &used, NULL), 0);
	assert_int_equal(used, out.len);
	assert_int_equal(state_diff(&cpu_state_table, &a, &b, NULL, NULL), 0);
	buf_free(&out);
}

static void state_rules(void **state)
{
	struct gmem *g = mem_of(1 << 20);
	struct cpu_state good, s;

	(void)state;
	assert_int_equal(x86_boot(&good, g, X86_LONG, 0x10000, 0, 0, NULL), 0);
#define REFUSED(change, text)                                                                      \
	do {                                                                                       \
		struct err err = {0};                                                              \
		s = good;                                                                          \
		change;                                                                            \
		assert_int_equal(x86_state_check(&s, &err), -EINVAL);                              \
		if (!strstr(err.msg, text))                                                        \
			fail_msg("\"%s\" does not say %s", err.msg, text);                         \
	} while (0)
	REFUSED(s.cr0 |= 1ull << 32, "bits 32 and up");
	REFUSED(s.cr0 &= ~X86_CR0_PE, "PG is set without PE");
	REFUSED(s.cr0 |= X86_CR0_NW, "NW is set without CD");
	REFUSED(s.cr4 |= 1ull << 30, "cr4");
	REFUSED(s.cr4 |= 1ull << 13, "cr4"); /* VMXE: not in the template */
	REFUSED(s.efer |= 1ull << 3, "efer");
	REFUSED(s.cr4 &= ~X86_CR4_PAE, "without cr4.PAE");
	REFUSED(s.efer &= ~X86_EFER_LMA, "efer.LMA is 0");
	REFUSED(s.cr0 &= ~X86_CR0_PG, "efer.LMA is 1");
	REFUSED(s.efer &= ~X86_EFER_LME, "efer.LMA is 1");
	REFUSED(s.efer = 0, "64-bit segment outside");
#undef REFUSED
	s = good;
	s.cr0 |= X86_CR0_NW | X86_CR0_CD;
	assert_int_equal(x86_state_check(&s, NULL), 0);
	gmem_free(g);
}

/* ---- CPUID ----------------------------------------------------------------------------------- */

static void cpuid(void **state)
{
	struct x86_cpuid r;
	struct cpu_state s;
	size_t n;
	const struct x86_cpuid *t = x86_cpuid_template("base", &n);

	(void)state;
	assert_non_null(t);
	assert_null(x86_cpuid_template("nothing", &n));
	assert_null(x86_cpuid_template(NULL, &n));
	t = x86_cpuid_template("base", &n);
	x86_cpuid_lookup(t, n, 0, 0, &r);
	assert_int_equal(r.eax, 7);
	assert_int_equal(r.ebx, ld_le32("Genu"));
	assert_int_equal(r.edx, ld_le32("ineI"));
	assert_int_equal(r.ecx, ld_le32("ntel"));
	x86_cpuid_lookup(t, n, 1, 99, &r);
	assert_int_equal(r.eax, 0x6fb);
	assert_int_equal(r.edx, 0x0789a97d); /* the features of x86-64-v1, fixed for ever */
	assert_int_equal(r.ecx, 0x80000000);
	assert_int_equal(r.sub, 99);
	x86_state_reset(&s);
	assert_int_equal(s.gpr[X86_RDX], r.eax);
	x86_cpuid_lookup(t, n, 0x80000001, 0, &r);
	assert_int_equal(r.edx, 0x20100800);
	x86_cpuid_lookup(t, n, 7, 1, &r); /* only subleaf 0 is there */
	assert_int_equal(r.eax | r.ebx | r.ecx | r.edx, 0);
	x86_cpuid_lookup(t, n, 0x12345678, 2, &r);
	assert_int_equal(r.leaf, 0x12345678);
	assert_int_equal(r.eax | r.ebx | r.ecx | r.edx, 0);
	x86_cpuid_lookup(NULL, 0, 0, 0, &r);
	assert_int_equal(r.eax, 0);
	/* v1: the same and an APIC. */
	t = x86_cpuid_template("v1", &n);
	x86_cpuid_lookup(t, n, 1, 0, &r);
	assert_int_equal(r.edx, 0x0789ab7d);
	assert_int_equal(r.ecx, 0x80000000);
}

/* What a kernel makes of "v2" for its clocks, and what it is not to look for. */
static void cpuid_v2(void **state)
{
	size_t n;
	const struct x86_cpuid *t = x86_cpuid_template("v2", &n);
	struct x86_cpuid r;

	(void)state;
	x86_cpuid_lookup(t, n, 0, 0, &r);
	assert_int_equal(r.eax, 0x16);
	x86_cpuid_lookup(t, n, 1, 0, &r);
	assert_int_equal(r.edx & (1u << 12 | 1u << 14 | 1u << 7), 0); /* MTRR, MCA, MCE */
	assert_int_equal(r.ecx & (1u << 24 | 1u << 21), 1u << 24 | 1u << 21);
	assert_int_equal(r.ecx & (1u << 15 | 1u << 3 | 1u << 28), 0); /* PDCM, MONITOR, AVX */
	x86_cpuid_lookup(t, n, 6, 0, &r);
	assert_int_equal(r.eax, 4); /* ARAT */
	x86_cpuid_lookup(t, n, 10, 0, &r);
	assert_int_equal(r.eax, 0); /* no counters */
	x86_cpuid_lookup(t, n, 0x15, 0, &r);
	assert_int_equal((uint64_t)r.ecx * r.ebx / r.eax, 1000000000);
	x86_cpuid_lookup(t, n, 0x16, 0, &r);
	assert_int_equal(r.eax, 1000);
	x86_cpuid_lookup(t, n, 0x80000007, 0, &r);
	assert_int_equal(r.edx, 0x100);
	x86_cpuid_lookup(t, n, 0x80000008, 0, &r);
	assert_int_equal(r.ebx >> 29 & 1, 1); /* else Linux warns of RETBleed */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reset_values), cmocka_unit_test(segment_attributes),
		cmocka_unit_test(boot_real),	cmocka_unit_test(boot_prot),
		cmocka_unit_test(boot_long),	cmocka_unit_test(boot_refusals),
		cmocka_unit_test(state_rules),	cmocka_unit_test(table_is_complete),
		cmocka_unit_test(cpuid),	cmocka_unit_test(cpuid_v2),
	};

	return cmocka_run_group_tests_name("x86", tests, NULL, NULL);
}
