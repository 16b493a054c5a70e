/* SPDX-License-Identifier: MIT */
/*
 * x87 against the host's FPU: every opcode from D8 to DF with registers and memory, over random and
 * corner values, stack states, control words, masked and unmasked exceptions, pending ones too.
 */
#include "test_diff.h"
#include "x87.h"

#if NATIVE
#include <cpuid.h>

#define RUNS 300u /* of each opcode and form */

static struct soft_f80 pick80(void)
{
	static const uint16_t exps[] = {0,	0,	1,	2,	0x3fff, 0x3ffe,
					0x4000, 0x3fc0, 0x403e, 0x403d, 0x403f, 0x7ffe,
					0x7fff, 0x7fff, 0x3f80, 0x3f69, 0x407e, 0x407f,
					0x3c00, 0x43fe, 0x43ff, 0x3bcd, 0x400e, 0x401e};
	static const uint64_t sigs[] = {FP_SIG_ONE,
					FP_SIG_ONE,
					~0ull,
					FP_SIG_ONE | FP_SIG_QUIET,
					FP_SIG_ONE | 1,
					0xffffff0000000000,
					0xfffffffffffff800,
					0xffffff8000000000,
					0xfffffffffffffc00,
					FP_SIG_ONE | 1 << 11,
					0xc90fdaa22168c235,
					0xa000000000000000};
	struct soft_f80 v = {.exp = (uint16_t)((rnd() & 1) << 15 | exps[rnd() % ARRAY_SIZE(exps)]),
			     .sig = rnd() % 3 ? rnd() | FP_SIG_ONE
					      : sigs[rnd() % ARRAY_SIZE(sigs)]};

	switch (rnd() % 8) {
	case 0:
		v.exp = (uint16_t)((v.exp & 0x8000) | (0x3fff + rnd() % 40 - 20));
		break;
	case 1:
		v.exp = (uint16_t)rnd();
		break;
	default:
		break;
	}
	if (!(v.exp & 0x7fff))
		v.sig = rnd() & 3 ? v.sig >> (rnd() & 63) & ~FP_SIG_ONE : rnd() & 1 ? v.sig : 0;
	if (!(rnd() & 31))
		v.sig &= ~FP_SIG_ONE;
	return v;
}

static void pick_memory(uint8_t *p)
{
	static const uint32_t f32[] = {0,	   0x80000000, 1,	   0x807fffff, 0x00800000,
				       0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00001, 0x7f800001,
				       0xffa00000, 0x3f800000, 0xbf800000, 0x4f000000, 0x3f000000};
	static const uint64_t f64[] = {1,
				       0x800fffffffffffff,
				       0x0010000000000000,
				       0x7fefffffffffffff,
				       0x7ff0000000000000,
				       0xfff8000000000001,
				       0x7ff0000000000001,
				       0x3ff0000000000000,
				       0xffffffffffffffff};
	struct soft_f80 v = pick80();

	st_le64(p, v.sig);
	st_le64(p + 8, v.exp);
	switch (rnd() % 6) {
	case 0:
		st_le32(p, f32[rnd() % ARRAY_SIZE(f32)]);
		break;
	case 1:
		st_le64(p, f64[rnd() % ARRAY_SIZE(f64)]);
		break;
	case 2:
		for (unsigned k = 0; k < 9; k++)
			p[k] = (uint8_t)(rnd() % 10 | rnd() % 10 << 4);
		break;
	case 3:
		st_le64(p, rnd() >> (rnd() & 63));
		break;
	default:
		break;
	}
}

static void pick_state(struct native *n)
{
	unsigned cw = 0x7f | (unsigned)(rnd() & 3) << 10, sw = (unsigned)(rnd() & 7) << 11;

	memset(n, 0, sizeof(*n));
	cw |= rnd() & 1 ? 0x300 : (unsigned)(rnd() & 3) << 8;
	if (!(rnd() & 3))
		cw &= ~(unsigned)(rnd() & 63);
	sw |= (unsigned)rnd() & (X87_CC);
	if (!(rnd() & 7))
		sw |= (unsigned)rnd() & 0x7f;
	if (sw & ~cw & 63) {
		if (rnd() & 1)
			sw &= cw | ~63u;
		else
			sw |= X87_ES | X87_B;
	}
	st_le16(n->fx, (uint16_t)cw);
	st_le16(n->fx + 2, (uint16_t)sw);
	n->fx[4] = (uint8_t)(rnd() & 3 ? rnd() | rnd() << 1 | rnd() << 2 : 0x7fu >> (rnd() & 3));
	if (!(rnd() & 1)) /* ST(7) free, the rest full */
		n->fx[4] = (uint8_t) ~(1u << ((sw / 0x800 + 7) & 7));
	st_le16(n->fx + 6, rnd() & X87_OP_MASK);
	st_le64(n->fx + 8, rnd() & 0xffffffff);
	st_le64(n->fx + 16, rnd() & 0xffffffff);
	st_le32(n->fx + 24, 0x1f80);
	for (unsigned k = 0; k < 8; k++) {
		struct soft_f80 v = pick80();

		st_le64(n->fx + 32 + 16 * k, v.sig);
		st_le16(n->fx + 40 + 16 * k, v.exp);
	}
	for (unsigned k = 0; k < 16; k++)
		n->gpr[k] = rnd();
	n->flags = 0x202 | (rnd() & 0x8d5);
}

/* The transcendentals: only the flags and stack are the host's; the last bits are our own. */
static bool is_own(unsigned op)
{
	switch (op) {
	case INSN_F2XM1:
	case INSN_FSIN:
	case INSN_FCOS:
	case INSN_FSINCOS:
	case INSN_FPTAN:
	case INSN_FPATAN:
	case INSN_FYL2X:
	case INSN_FYL2XP1:
		return true;
	default:
		return false;
	}
}

static bool host_has_xsave(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c >> 27 & 1) &&
	       __get_cpuid_count(0xd, 1, &a, &b, &c, &d) && (a & 3) == 3;
}

static void run_opcode(struct diff *d, unsigned opcode, unsigned modrm, unsigned runs)
{
	struct diff_rules rules = {.flags = 0x8d5};

	unsigned bad = d->bad;

	for (unsigned n = 0; n < runs && d->bad < bad + 3; n++) {
		uint8_t code[16] = {(uint8_t)opcode, (uint8_t)modrm}, prefixed[16] = {0x66};
		const uint8_t *use = code;
		struct insn i;
		int len;

		if (modrm < 0xc0 && n % 8 == 0) {
			memcpy(prefixed + 1, code, 2);
			use = prefixed;
		}
		len = insn_decode(use, 15, 64, &i);
		if (len < 0 || i.op == INSN_BAD)
			return;
		rules.own_ulp = is_own(i.op);
		pick_state(&d->start);
		for (unsigned k = 0; k < DATA_LEN; k += 16)
			pick_memory(d->soft_data + k);
		d->start.gpr[X86_RSI] = TEST_DATA + 0x400;
		if (i.op == INSN_FLDENV || i.op == INSN_FRSTOR) {
			/* FCS and FDS are not kept; a status word that a CPU could have. */
			memset(d->soft_data + 0x400 + 16, 0, 12);
			st_le16(d->soft_data + 0x400 + (use == code ? 4 : 2), rnd() & 0x7f7f);
			if (use != code)
				memset(d->soft_data + 0x400 + 8, 0, 6);
		}
		diff_run(d, use, (unsigned)len, &rules);
	}
	d->forms++;
}

static void test_against_host(void **state)
{
	struct diff *d = diff_open();

	(void)state;
	if (!d)
		skip();
	for (unsigned opcode = 0xd8; opcode < 0xe0; opcode++) {
		for (unsigned modrm = 6; modrm < 0x40; modrm += 8) /* [rsi] */
			run_opcode(d, opcode, modrm, RUNS);
		for (unsigned modrm = 0xc0; modrm < 0x100; modrm++)
			run_opcode(d, opcode, modrm, RUNS / 4);
	}
	run_opcode(d, 0x9b, 0x90, RUNS);
	print_message("%u forms, %u cases, %u of them faulted\n", d->forms, d->cases, d->fault);
	assert_int_equal(d->bad, 0);
	diff_close(d);
}

/* FXSAVE, FXRSTOR, XSAVE, XSAVEOPT, XSAVEC, XRSTOR with and without REX.W: x87 and SSE. */
static void test_images(void **state)
{
	static const uint8_t forms[][4] = {
		{0x0f, 0xae, 0x06},	  {0x48, 0x0f, 0xae, 0x06}, {0x0f, 0xae, 0x0e},
		{0x48, 0x0f, 0xae, 0x0e}, {0x0f, 0xae, 0x26},	    {0x48, 0x0f, 0xae, 0x26},
		{0x0f, 0xae, 0x2e},	  {0x48, 0x0f, 0xae, 0x2e}, {0x0f, 0xc7, 0x26},
		{0x48, 0x0f, 0xc7, 0x26},
	};
	struct diff_rules rules = {.flags = 0x8d5};
	struct diff *d = diff_open();

	(void)state;
	if (!d)
		skip();
	d->t.s->xcr0 = 3;
	d->t.s->cr4 |= 1ull << 18;
	for (unsigned n = 0; n < 20000 && d->bad < 10; n++) {
		unsigned form = n % (unsigned)ARRAY_SIZE(forms), len = forms[form][3] ? 4 : 3;
		uint8_t *area = d->soft_data + 0x400;

		if (form >= 4 && !host_has_xsave())
			continue;
		pick_state(&d->start);
		for (unsigned k = 160; k < 416; k += 8)
			st_le64(d->start.fx + k, rnd());
		st_le32(d->start.fx + 24, rnd() & 3 ? (uint32_t)rnd() & 0xffff : 0x1f80);
		for (unsigned k = 0; k < DATA_LEN; k += 16)
			pick_memory(d->soft_data + k);
		st_le32(area + 24, (uint32_t)rnd() & (rnd() & 7 ? 0xffff : 0x1ffff));
		memset(area + 12, 0, 4); /* FCS, FDS */
		memset(area + 20, 0, 4);
		memset(area + 512, 0, 64);
		area[512] = (uint8_t)(rnd() & 3);
		if (!(rnd() & 15))
			area[512 + rnd() % 64] ^= (uint8_t)(1u << (rnd() & 7));
		if (rnd() & 1 && (form == 6 || form == 7)) {
			area[512 + 8] = (uint8_t)(rnd() & 3 ? 3 : rnd() & 3);
			area[512 + 15] = 0x80;
		}
		/* The host has components that we have not. */
		area[512] &= 3;
		area[513] = 0;
		memset(area + 514, 0, 6);
		area[520] &= 3;
		memset(area + 521, 0, 6);
		area[527] &= 0x80;
		/* An XRSTOR that faults for MXCSR may have loaded a part before: SDM 1, 13.8.2. */
		rules.no_vectors = (form == 6 || form == 7) && ld_le32(area + 24) > 0xffff;
		d->start.gpr[X86_RAX] = rnd() & 3;
		d->start.gpr[X86_RDX] = 0;
		d->start.gpr[X86_RSI] = TEST_DATA + 0x400 + (rnd() % 32 ? 0 : 16);
		diff_run(d, forms[form], len, &rules);
	}
	print_message("%u cases, %u of them faulted\n", d->cases, d->fault);
	assert_int_equal(d->bad, 0);
	diff_close(d);
}

#else

static void test_against_host(void **state)
{
	(void)state;
	skip();
}
#define test_images test_against_host

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_host),
		cmocka_unit_test(test_images),
	};

	return cmocka_run_group_tests_name("x87", tests, NULL, NULL);
}
