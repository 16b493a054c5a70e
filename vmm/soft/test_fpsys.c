/* SPDX-License-Identifier: MIT */
/*
 * x87, MMX and SSE where the host cannot be asked: control registers, deferred #MF, the real-mode
 * and 16-bit environments, the approximations, PKRU in an XSAVE area.
 */
#include "simd.h"
#include "test_soft.h"
#include "x87.h"

static int vector_of(struct test_soft *t, const char *code, size_t len)
{
	t->s->halted = false;
	t->s->gpr[X86_RSP] = t->mode == X86_REAL ? 0xfff0 : TEST_STACK;
	test_soft_code(t, code, len);
	(void)test_soft_run(t, 1);
	return test_soft_fault(t);
}
#define VECTOR(t, code) vector_of(t, code, sizeof(code) - 1)

#define ADDPS  "\x0f\x58\xc1"
#define PADDB  "\x0f\xfc\xc1"
#define FADD   "\xd8\xc1"
#define FNSTSW "\xdf\xe0"
#define FWAIT  "\x9b"
#define EMMS   "\x0f\x77"
#define STMX   "\x0f\xae\x1e" /* [rsi] */
#define FXSAVE "\x0f\xae\x06"
#define XSAVE  "\x0f\xae\x26"

#define CR0_MP X86_CR0_MP

static void test_control(void **state)
{
	struct test_soft t;
	uint64_t cr0, cr4;

	(void)state;
	test_soft_open(&t, X86_LONG);
	cr0 = t.s->cr0 | X86_CR0_NE;
	cr4 = t.s->cr4 | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	t.s->cr0 = cr0;
	t.s->cr4 = cr4;
	t.s->gpr[X86_RSI] = TEST_DATA;
	assert_int_equal(VECTOR(&t, ADDPS), -1);
	assert_int_equal(VECTOR(&t, PADDB), -1);
	t.s->cr4 = cr4 & ~X86_CR4_OSFXSR;
	assert_int_equal(VECTOR(&t, ADDPS), X86_UD);
	assert_int_equal(VECTOR(&t, STMX), X86_UD);
	assert_int_equal(VECTOR(&t, PADDB), -1);
	t.s->cr4 = cr4;
	t.s->cr0 = cr0 | CR0_TS;
	assert_int_equal(VECTOR(&t, ADDPS), X86_NM);
	assert_int_equal(VECTOR(&t, PADDB), X86_NM);
	assert_int_equal(VECTOR(&t, EMMS), X86_NM);
	assert_int_equal(VECTOR(&t, FADD), X86_NM);
	assert_int_equal(VECTOR(&t, FNSTSW), X86_NM);
	assert_int_equal(VECTOR(&t, FXSAVE), X86_NM);
	t.s->cr0 = (cr0 | CR0_TS) & ~CR0_MP;
	assert_int_equal(VECTOR(&t, FWAIT), -1);
	t.s->cr0 = cr0 | CR0_TS | CR0_MP;
	assert_int_equal(VECTOR(&t, FWAIT), X86_NM);
	t.s->cr0 = cr0 | CR0_EM;
	assert_int_equal(VECTOR(&t, ADDPS), X86_UD);
	assert_int_equal(VECTOR(&t, PADDB), X86_UD);
	assert_int_equal(VECTOR(&t, FADD), X86_NM);
	assert_int_equal(VECTOR(&t, FWAIT), -1);
	t.s->cr0 = cr0;
	/* XSAVE needs CR4.OSXSAVE. */
	assert_int_equal(VECTOR(&t, XSAVE), X86_UD);
	t.s->cr4 = cr4 | 1ull << 18;
	assert_int_equal(VECTOR(&t, XSAVE), -1);
	/* 16-byte operands are aligned; FXSAVE's too. */
	t.s->gpr[X86_RSI] = TEST_DATA + 8;
	assert_int_equal(VECTOR(&t, "\x0f\x58\x0e"), X86_GP);
	assert_int_equal(VECTOR(&t, "\x0f\x10\x0e"), -1);
	assert_int_equal(VECTOR(&t, FXSAVE), X86_GP);
	test_soft_close(&t);
}

static void test_exceptions(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_LONG);
	t.s->cr0 |= X86_CR0_NE;
	/* 0 / 0, unmasked: #XM, the flag set, the register as it was. */
	t.s->mxcsr = 0x1f80 & ~(FP_IE << 7);
	memset(t.s->xmm, 0, sizeof(t.s->xmm));
	assert_int_equal(VECTOR(&t, "\x0f\x5e\xc1"), X86_XM);
	assert_int_equal(t.s->mxcsr & FP_ALL, FP_IE);
	assert_int_equal(t.s->xmm[0].q[0], 0);
	t.s->cr4 &= ~X86_CR4_OSXMMEXCPT;
	assert_int_equal(VECTOR(&t, "\x0f\x5e\xc1"), X86_UD);
	/* x87: fldz, fld1, fdivrp with ZE unmasked; the next waiting instruction gets #MF. */
	soft_x87_init(t.s);
	t.s->x87.cw &= (uint16_t)~FP_ZE;
	assert_int_equal(VECTOR(&t, "\xd9\xee"), -1);
	assert_int_equal(VECTOR(&t, "\xd9\xe8"), -1);
	assert_int_equal(VECTOR(&t, "\xde\xf1"), -1);
	assert_int_equal(t.s->x87.sw & (X87_ES | X87_B | FP_ALL), X87_ES | X87_B | FP_ZE);
	assert_int_equal(t.s->x87.op, 0x6f1);
	assert_int_equal(VECTOR(&t, FNSTSW), -1);
	assert_int_equal(VECTOR(&t, FWAIT), X86_MF);
	assert_int_equal(VECTOR(&t, FADD), X86_MF);
	assert_int_equal(VECTOR(&t, PADDB), X86_MF);
	/* Without CR0.NE it is as if IGNNE# were up. */
	t.s->cr0 &= ~X86_CR0_NE;
	assert_int_equal(VECTOR(&t, FWAIT), -1);
	test_soft_close(&t);
}

/* FNSTENV [si] in real mode: SDM 1, figure 8-11 and 8-12; and back by FLDENV. */
static void test_real_env(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_REAL);
	soft_x87_init(t.s);
	t.s->x87.ip = 0x54321;
	t.s->x87.dp = 0xabcde;
	t.s->x87.op = 0x123;
	t.s->gpr[X86_RSI] = 0x9000;
	assert_int_equal(VECTOR(&t, "\xd9\x34"), -1);
	assert_int_equal(test_soft_look(&t, 0x9000, 2), 0x37f);
	assert_int_equal(test_soft_look(&t, 0x9004, 2), 0xffff);
	assert_int_equal(test_soft_look(&t, 0x9006, 2), 0x4321);
	assert_int_equal(test_soft_look(&t, 0x9008, 2), 0x5123);
	assert_int_equal(test_soft_look(&t, 0x900a, 2), 0xbcde);
	assert_int_equal(test_soft_look(&t, 0x900c, 2), 0xa000);
	t.s->x87.ip = t.s->x87.dp = t.s->x87.op = 0;
	assert_int_equal(VECTOR(&t, "\xd9\x24"), -1);
	assert_int_equal(t.s->x87.ip, 0x54321);
	assert_int_equal(t.s->x87.dp, 0xabcde);
	assert_int_equal(t.s->x87.op, 0x123);
	assert_int_equal(VECTOR(&t, "\x66\xd9\x34"), -1);
	assert_int_equal(test_soft_look(&t, 0x900c, 4), 0xffff4321);
	assert_int_equal(test_soft_look(&t, 0x9010, 4), 0x5123);
	assert_int_equal(test_soft_look(&t, 0x9018, 4), 0xa000);
	test_soft_close(&t);
}

static void test_approximations(void **state)
{
	(void)state;
	assert_int_equal(fp_rcp32(0x3f800000), 0x3f800000);
	assert_int_equal(fp_rcp32(0x40400000), 0x3eaab000); /* 1/3 */
	assert_int_equal(fp_rcp32(0x00000001), 0x7f800000);
	assert_int_equal(fp_rcp32(0x80000000), 0xff800000);
	assert_int_equal(fp_rcp32(0x7f800000), 0);
	assert_int_equal(fp_rcp32(0x7f000000), 0); /* 2^-127 would be denormal */
	assert_int_equal(fp_rcp32(0x7f800001), 0x7fc00001);
	assert_int_equal(fp_rsqrt32(0x40800000), 0x3f000000);
	assert_int_equal(fp_rsqrt32(0x40000000), 0x3f350000); /* 0.7071 */
	assert_int_equal(fp_rsqrt32(0xbf800000), 0xffc00000);
	assert_int_equal(fp_rsqrt32(0x80000000), 0xff800000);
	assert_int_equal(fp_rsqrt32(0x7f800000), 0);
}

/* PKRU goes where CPUID says, or right behind the header when compacted. */
static void test_pkru(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_LONG);
	t.s->cr4 |= 1ull << 18;
	t.s->xcr0 = 0x203;
	t.s->pkru = 0x12345678;
	t.s->gpr[X86_RAX] = 0x200;
	t.s->gpr[X86_RDX] = 0;
	t.s->gpr[X86_RSI] = TEST_DATA;
	assert_int_equal(VECTOR(&t, "\x0f\xc7\x26"), -1); /* xsavec */
	assert_int_equal(test_soft_look(&t, TEST_DATA + 512, 8), 0x200);
	assert_int_equal(test_soft_look(&t, TEST_DATA + 520, 8), 1ull << 63 | 0x200);
	assert_int_equal(test_soft_look(&t, TEST_DATA + 576, 4), 0x12345678);
	t.s->pkru = 0;
	assert_int_equal(VECTOR(&t, "\x0f\xae\x2e"), -1); /* xrstor */
	assert_int_equal(t.s->pkru, 0x12345678);
	/* In its initial state: restored to zero. */
	t.s->pkru = 0;
	assert_int_equal(VECTOR(&t, "\x0f\xc7\x26"), -1);
	assert_int_equal(test_soft_look(&t, TEST_DATA + 512, 8), 0);
	t.s->pkru = 5;
	assert_int_equal(VECTOR(&t, "\x0f\xae\x2e"), -1);
	assert_int_equal(t.s->pkru, 0);
	/* A component that XCR0 has not. */
	test_soft_put(&t, TEST_DATA + 520, "\x04\2\0\0\0\0\0\x80", 8);
	assert_int_equal(VECTOR(&t, "\x0f\xae\x2e"), X86_GP);
	test_soft_close(&t);
}

/* MASKMOVDQU writes only what is asked for. */
static void test_maskmov(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_LONG);
	memset(&t.s->xmm[0], 0x11, 16);
	memset(&t.s->xmm[1], 0, 16);
	t.s->xmm[1].b[3] = 0x80;
	t.s->gpr[X86_RDI] = 1ull << 63; /* not canonical */
	assert_int_equal(VECTOR(&t, "\x66\x0f\xf7\xc1"), X86_GP);
	t.s->gpr[X86_RDI] = TEST_DATA;
	assert_int_equal(VECTOR(&t, "\x66\x0f\xf7\xc1"), -1);
	assert_int_equal(test_soft_look(&t, TEST_DATA, 8), 0x11000000);
	test_soft_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_control),	       cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_real_env),       cmocka_unit_test(test_pkru),
		cmocka_unit_test(test_approximations), cmocka_unit_test(test_maskmov),
	};

	return cmocka_run_group_tests_name("fpsys", tests, NULL, NULL);
}
