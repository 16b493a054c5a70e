/* SPDX-License-Identifier: MIT */
/* Disassembly: known instructions in each mode, every error, any bytes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <vmm/insn.h>

static void known(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		unsigned bits;
		const char *text;
		int want;
	} rows[] = {
		{"\x90", 1, 16, "nop", 1},
		{"\xd9\xe8\x90", 3, 64, "fld1", 2},
		{"\xe6\xf4", 2, 16, "out 0xf4, al", 2},
		{"\x89\xd8", 2, 16, "mov ax, bx", 2},
		{"\x89\xd8", 2, 32, "mov eax, ebx", 2},
		{"\x48\x89\xd8", 3, 64, "mov rax, rbx", 3},
		{"\x48", 1, 32, "dec eax", 1},
		{"\xeb\xfe", 2, 16, "jmp 0x0000000000001000", 2},
		/* protected-mode instructions exist in 16-bit code segments */
		{"\x0f\x00\xc0", 3, 16, "sldt ax", 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char out[96];

		assert_int_equal(insn_format(rows[i].bytes, rows[i].len, rows[i].bits, 0x1000, out,
					     sizeof(out)),
				 rows[i].want);
		if (rows[i].text[0] != 'j')
			assert_string_equal(out, rows[i].text);
		else
			assert_non_null(strstr(out, "1000"));
		assert_int_equal(insn_length(rows[i].bytes, rows[i].len, rows[i].bits),
				 rows[i].want);
	}
}

static void errors(void **state)
{
	static const uint8_t long_one[20] = {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
					     0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
					     0x66, 0x66, 0x66, 0x66, 0x66, 0x90};
	char out[32];

	(void)state;
	assert_int_equal(insn_format("\x0f\x0b", 1, 64, 0, out, sizeof(out)), -ENODATA);
	assert_string_equal(out, "(cut short)");
	assert_int_equal(insn_length("\x0f", 1, 64), -ENODATA);
	assert_int_equal(insn_format("", 0, 64, 0, out, sizeof(out)), -ENODATA);
	assert_int_equal(insn_length("", 0, 16), -ENODATA);
	/* 06 is PUSH ES, which 64-bit code has not */
	assert_int_equal(insn_format("\x06", 1, 64, 0, out, sizeof(out)), -EILSEQ);
	assert_string_equal(out, "(bad)");
	assert_int_equal(insn_length("\x06", 1, 64), -EILSEQ);
	assert_int_equal(insn_length("\x06", 1, 32), 1);
	/* more than 15 bytes is no instruction, however many bytes there are */
	assert_int_equal(insn_length(long_one, sizeof(long_one), 64), -EILSEQ);
	assert_int_equal(insn_format(long_one, 15, 64, 0, out, sizeof(out)), -EILSEQ);
	assert_int_equal(insn_length(long_one, 14, 64), -ENODATA);
	assert_int_equal(insn_length("\x90", 1, 8), -EINVAL);
	assert_int_equal(insn_format("\x90", 1, 0, 0, out, sizeof(out)), -EINVAL);
}

/* A short buffer gets what fits, with its NUL; the length is right all the same. */
static void short_buffer(void **state)
{
	char out[8] = "xxxxxxx";

	(void)state;
	assert_int_equal(insn_format("\x48\x89\xd8", 3, 64, 0, out, 5), 3);
	assert_string_equal(out, "mov ");
	assert_int_equal(out[5], 'x');
	assert_int_equal(insn_format("\x48\x89\xd8", 3, 64, 0, NULL, 0), 3);
}

/* Any bytes: both calls agree, the length is in range, nothing beyond (len) is read (ASan). */
static void any_bytes(void **state)
{
	static const unsigned modes[] = {16, 32, 64};
	struct rng rng = {1};

	(void)state;
	for (unsigned n = 0; n < 30000; n++) {
		size_t len = rng_next(&rng) % 18;
		uint8_t *p = malloc(len + !len);
		char out[64];
		int a, b;

		assert_non_null(p);
		for (size_t i = 0; i < len; i++)
			p[i] = (uint8_t)rng_next(&rng);
		a = insn_format(p, len, modes[n % 3], rng_next(&rng), out, sizeof(out));
		b = insn_length(p, len, modes[n % 3]);
		assert_int_equal(a, b);
		assert_true(a == -EILSEQ || a == -ENODATA ||
			    (a > 0 && a <= 15 && (size_t)a <= len));
		assert_non_null(memchr(out, 0, sizeof(out)));
		free(p);
	}
}

static void decoded(const char *bytes, size_t len, struct insn *i)
{
	assert_int_equal(insn_decode(bytes, len, 64, i), (int)len);
}

/* With mod 0 and base 5 in SIB there is no base, with REX.B and 67h neither. */
static void no_base(void **state)
{
	struct insn i;

	(void)state;
	decoded("\x67\x47\x33\x14\x05\x98\x98\x64\x7d", 9, &i);
	assert_int_equal(i.o[1].base, INSN_NO_REG);
	assert_int_equal(i.o[1].index, 8);
	assert_int_equal(i.o[1].disp, 0x7d649898);
	decoded("\x67\x47\x33\x54\x05\x12", 6, &i);
	assert_int_equal(i.o[1].base, 13);
	assert_int_equal(i.o[1].disp, 0x12);
}

/* 0F 18 to 0F 1F are NOPs where no feature that we know has taken them. */
static void reserved_nops(void **state)
{
	struct insn i;

	(void)state;
	decoded("\x0f\x1a\xc0", 3, &i);
	assert_int_equal(i.op, INSN_NOP);
	assert_int_equal(i.opcode, 0x1a);
	decoded("\x66\x0f\x1b\x04\x25\x01\x02\x03\x04", 9, &i);
	assert_int_equal(i.op, INSN_NOP);
	decoded("\xf3\x48\x0f\x1e\xc8", 5, &i);
	assert_int_equal(i.op, INSN_NOP);
	decoded("\xf3\x0f\x1e\xfa", 4, &i);
	assert_int_equal(i.op, INSN_ENDBR64);
	assert_int_equal(insn_decode("\xf0\x0f\x1a\xc0", 4, 64, &i), -EILSEQ);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),	 cmocka_unit_test(errors),
		cmocka_unit_test(short_buffer),	 cmocka_unit_test(no_base),
		cmocka_unit_test(reserved_nops), cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests_name("insn", tests, NULL, NULL);
}
