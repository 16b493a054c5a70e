/* SPDX-License-Identifier: MIT */
/*
 * Every MMX and SSE instruction against the host's CPU: all opcodes of maps 1 to 3 that decode to
 * one, with registers and memory, random and corner operands, every rounding mode, masked and
 * unmasked exceptions.
 */
#include "simd.h"
#include "test_diff.h"

#if NATIVE

#define RUNS 96u /* of each opcode and form */

static const bool is_simd[INSN_OPS] = {
#define SOFT_OP(name, fn) [INSN_##name] = true,
#include "ops_mmx.h"
#include "ops_sse.h"
#undef SOFT_OP
	[INSN_MOVSD] = true,
	[INSN_CMPSD] = true,
};

/* Floats of both sizes near the corners, small integers, bytes. */
static uint64_t pick(void)
{
	static const uint32_t f32[] = {0,	   0x80000000, 1,	   0x007fffff, 0x00800000,
				       0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00001, 0x7f800001,
				       0xffa00000, 0x3f800000, 0xbf800000, 0x4f000000, 0xcf000000,
				       0x3effffff, 0x3f000000, 0x00800001, 0x34000000, 0x5f000000};
	static const uint64_t f64[] = {1,
				       0x000fffffffffffff,
				       0x0010000000000000,
				       0x7fefffffffffffff,
				       0x7ff0000000000000,
				       0xfff8000000000001,
				       0x7ff0000000000001,
				       0x3ff0000000000000,
				       0x41e0000000000000,
				       0xc1e0000000200000,
				       0x3690000000000000,
				       0x47efffffffffffff,
				       0x36a0000000000001,
				       0x380fffffffffffff};
	uint64_t r = rnd();

	switch (rnd() % 8) {
	case 0:
		return f32[r % ARRAY_SIZE(f32)] | (uint64_t)f32[(r >> 8) % ARRAY_SIZE(f32)] << 32;
	case 1:
		return f64[r % ARRAY_SIZE(f64)];
	case 2:
		return r & 0x0f0f0f0f0f0f0f0f;
	case 3:
		return (r & 0x8fffffff8fffffff) | 0x3800000038000000;
	case 4:
		return (r & 0x800fffffffffffff) | (0x3f0 + (r >> 20 & 31)) << 52;
	case 5:
		return (r & 0x01ffffff01ffffff) | 0x4b0000004a000000;
	case 6:
		return r >> (rnd() & 63);
	default:
		return r;
	}
}

static void pick_state(struct native *n)
{
	static const uint64_t counts[] = {0, 1, 7, 8, 15, 16, 31, 32, 63, 64, 255, 1ull << 32};
	uint32_t mxcsr = 0x1f80 | (uint32_t)(rnd() & 3) << 13 | (rnd() & 7 ? 0 : 1u << 6) |
			 (rnd() & 7 ? 0 : 1u << 15);

	if (!(rnd() & 3))
		mxcsr &= ~(uint32_t)(rnd() & 0x1f80);
	if (!(rnd() & 3))
		mxcsr |= rnd() & 63;
	memset(n, 0, sizeof(*n));
	st_le16(n->fx, 0x37f);
	n->fx[3] = (uint8_t)((rnd() & 7) << 3); /* TOP */
	n->fx[4] = (uint8_t)rnd();
	st_le32(n->fx + 24, mxcsr);
	for (unsigned k = 0; k < 8; k++) {
		st_le64(n->fx + 32 + 16 * k, rnd() & 3 ? pick() : counts[rnd() % 12]);
		st_le16(n->fx + 40 + 16 * k, (uint16_t)rnd());
	}
	for (unsigned k = 0; k < 32; k++)
		st_le64(n->fx + 160 + 8 * k,
			k && !(rnd() & 7) ? ld_le64(n->fx + 160 + 8 * (rnd() % k)) : pick());
	if (!(rnd() & 3))
		st_le64(n->fx + 160 + 16 * (rnd() & 15), counts[rnd() % 12]);
	for (unsigned k = 0; k < 16; k++)
		n->gpr[k] = pick();
	n->gpr[X86_RAX] = rnd() & 1 ? rnd() % 20 - 2 : pick();
	n->gpr[X86_RDX] = rnd() & 1 ? rnd() % 20 - 2 : pick();
	n->flags = 0x202 | (rnd() & 0x8d5);
}

/* Our own rule for the approximations is not the host's: only their place is compared. */
static bool approximates(unsigned op)
{
	return op == INSN_RCPPS || op == INSN_RCPSS || op == INSN_RSQRTPS || op == INSN_RSQRTSS;
}

static void run_case(struct diff *d, const struct insn *i, const uint8_t *code, unsigned len)
{
	struct diff_rules rules = {.no_vectors = approximates(i->op), .flags = 0x8d5};

	pick_state(&d->start);
	for (unsigned k = 0; k < DATA_LEN; k += 8)
		st_le64(d->soft_data + k, pick());
	d->start.gpr[X86_RDI] = TEST_DATA + 0x800;
	d->start.gpr[X86_RSI] = TEST_DATA + 0x400 + (rnd() % 8 ? 0 : rnd() % 16);
	if (i->op == INSN_LDMXCSR)
		st_le32(&d->soft_data[d->start.gpr[X86_RSI] - TEST_DATA], rnd() & 0x1ffff);
	diff_run(d, code, len, &rules);
}

/* One opcode with one prefix: registers and memory, with and without REX bits. */
static void run_opcode(struct diff *d, unsigned prefix, unsigned map, unsigned opcode)
{
	unsigned seen = 0;

	for (unsigned n = 0; n < RUNS && d->bad < 25; n++) {
		uint8_t code[16], *p = code;
		struct insn i;
		int len;

		if (prefix)
			*p++ = (uint8_t)prefix;
		if (rnd() & 1)
			*p++ = (uint8_t)(0x40 | (rnd() & 13));
		*p++ = 0x0f;
		if (map > 1)
			*p++ = map == 2 ? 0x38 : 0x3a;
		*p++ = (uint8_t)opcode;
		/* [rsi] or a register */
		*p++ = (uint8_t)(n & 1 ? (rnd() & 0x38) | 6 : 0xc0 | (rnd() & 0x3f));
		*p++ = (uint8_t)rnd();
		len = insn_decode(code, sizeof(code), 64, &i);
		if (len < 0 || !is_simd[i.op] || i.map != map)
			continue;
		for (unsigned k = 0; k < i.nr; k++) {
			if (i.o[k].kind == INSN_MEM &&
			    (i.o[k].base != X86_RSI || i.o[k].index != INSN_NO_REG))
				len = 0;
			if (i.o[k].kind == INSN_REG && i.o[k].cls <= INSN_GPRH &&
			    (i.o[k].num == X86_RSP || i.o[k].num == X86_RSI ||
			     i.o[k].num == X86_RDI))
				len = 0;
		}
		if (!len)
			continue;
		if (i.op == INSN_MASKMOVDQU || i.op == INSN_MASKMOVQ)
			assert_int_equal(i.addrsize, 8);
		run_case(d, &i, code, (unsigned)len);
		seen |= 1u << (n & 1);
	}
	d->forms += (seen & 1) + (seen >> 1);
}

static void test_against_host(void **state)
{
	static const uint8_t prefixes[] = {0, 0x66, 0xf3, 0xf2};
	struct diff *d = diff_open();

	(void)state;
	if (!d)
		skip();
	for (unsigned map = 1; map <= 3; map++)
		for (unsigned opcode = 0; opcode < 256; opcode++)
			for (unsigned k = 0; k < 4; k++)
				run_opcode(d, prefixes[k], map, opcode);
	print_message("%u forms, %u cases, %u of them faulted\n", d->forms, d->cases, d->fault);
	assert_int_equal(d->bad, 0);
	assert_true(d->forms > 500);
	diff_close(d);
}

#else

static void test_against_host(void **state)
{
	(void)state;
	skip();
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_host),
	};

	return cmocka_run_group_tests_name("simd", tests, NULL, NULL);
}
