/* SPDX-License-Identifier: MIT */
/*
 * Code that changes: by its own instructions, in the same trace too, through another mapping, by a
 * device; and data beside code, which changes none.
 */
#include "test_soft.h"

#define CODE(t, ...)                                                                               \
	do {                                                                                       \
		static const uint8_t bytes_[] = {__VA_ARGS__};                                     \
		test_soft_code(t, bytes_, sizeof(bytes_));                                         \
	} while (0)

/* mov byte [rip + 1], 7: the immediate of the instruction behind it; mov al, 0 */
static void next_instruction(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_LONG);
	for (unsigned k = 0; k < 100; k++) {
		CODE(&t, 0xc6, 0x05, 1, 0, 0, 0, 7, 0xb0, 0);
		assert_int_equal(soft_run(t.s, 2), SOFT_STOP_BUDGET);
		assert_int_equal(t.s->gpr[X86_RAX] & 0xff, 7);
	}
	test_soft_close(&t);
}

/* A loop that counts up the immediate of one of its instructions. */
static void own_loop(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_LONG);
	t.s->gpr[X86_RCX] = 200;
	/* add edx, 0 (its immediate counts); inc byte [rip - 7]; dec ecx; jnz; hlt */
	CODE(&t, 0x83, 0xc2, 0, 0xfe, 0x05, 0xf9, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x75, 0xf3, 0xf4);
	assert_int_equal(soft_run(t.s, 10000), SOFT_STOP_HLT);
	assert_int_equal(soft_icount(t.s), 801);
	/* 0 to 127, then -128 to -57 */
	assert_int_equal((int32_t)t.s->gpr[X86_RDX], 127 * 128 / 2 - (128 * 129 - 56 * 57) / 2);
	test_soft_close(&t);
}

/* A device writes between two runs, and during one. */
static void from_outside(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_LONG);
	CODE(&t, 0xb0, 1, 0xeb, 0xfc); /* mov al, 1; jmp back */
	assert_int_equal(soft_run(t.s, 1000), SOFT_STOP_BUDGET);
	assert_int_equal(t.s->gpr[X86_RAX] & 0xff, 1);
	test_soft_put(&t, t.code + 1, "\x05", 1);
	assert_int_equal(soft_run(t.s, 1000), SOFT_STOP_BUDGET);
	assert_int_equal(t.s->gpr[X86_RAX] & 0xff, 5);
	test_soft_close(&t);
}

/* The same page by another linear address: no longer the page that the code runs at. */
static void other_mapping(void **state)
{
	struct test_soft t;
	uint8_t pde[8];

	(void)state;
	test_soft_open(&t, X86_LONG);
	/* 2 MiB at 0x40000000 are the first 2 MiB too: the page directory of the second GiB. */
	assert_int_equal(gmem_read(t.mem, X86_BOOT_PT + 0x2000, pde, 8), 0);
	test_soft_put(&t, X86_BOOT_PT + 0x3000, pde, 8);
	t.s->gpr[X86_RBX] = 0x40000000 + TEST_CODE + 8;
	t.s->gpr[X86_RCX] = 100;
	/* loop: inc byte [rbx]; nop x 5; mov al, 0; dec ecx; jnz; hlt: [rbx] is mov's immediate */
	CODE(&t, 0xfe, 0x03, 0x90, 0x90, 0x90, 0x90, 0x90, 0xb0, 0, 0xff, 0xc9, 0x75, 0xf3, 0xf4);
	assert_int_equal(soft_run(t.s, 100000), SOFT_STOP_HLT);
	assert_int_equal(t.s->gpr[X86_RAX] & 0xff, 100);
	test_soft_close(&t);
}

/* Data in the page of the code; it must be seen as dirty once more after a snapshot. */
static void data_beside(void **state)
{
	struct test_soft t;
	struct gmem_snap *snap;

	(void)state;
	test_soft_open(&t, X86_LONG);
	t.s->gpr[X86_RCX] = 1000;
	/* inc dword [rip + 0x200 - 6]; dec ecx; jnz; hlt */
	CODE(&t, 0xff, 0x05, 0xfa, 1, 0, 0, 0xff, 0xc9, 0x75, 0xf6, 0xf4);
	assert_int_equal(soft_run(t.s, 100), SOFT_STOP_BUDGET);
	assert_int_equal(gmem_snap(t.mem, &snap, NULL), 0);
	assert_false(gmem_is_dirty(t.mem, TEST_CODE));
	assert_int_equal(soft_run(t.s, 100000), SOFT_STOP_HLT);
	assert_true(gmem_is_dirty(t.mem, TEST_CODE));
	assert_int_equal(test_soft_look(&t, TEST_CODE + 0x200, 4), 1000);
	assert_int_equal(gmem_restore(t.mem, snap), 0);
	assert_int_equal(test_soft_look(&t, TEST_CODE + 0x200, 4), 34);
	gmem_snap_free(snap);
	test_soft_close(&t);
}

/* Dirty bits that a snapshot cleared: what the TLB knew as writable must be told to gmem again. */
static void dirty_again(void **state)
{
	struct test_soft t;
	struct gmem_snap *snap;

	(void)state;
	test_soft_open(&t, X86_LONG);
	CODE(&t, 0x48, 0xff, 0x03, 0xeb, 0xfb); /* inc qword [rbx]; jmp back */
	t.s->gpr[X86_RBX] = TEST_DATA;
	assert_int_equal(soft_run(t.s, 1000), SOFT_STOP_BUDGET);
	assert_int_equal(gmem_snap(t.mem, &snap, NULL), 0);
	assert_int_equal(soft_run(t.s, 1000), SOFT_STOP_BUDGET);
	assert_true(gmem_is_dirty(t.mem, TEST_DATA));
	assert_int_equal(gmem_restore(t.mem, snap), 0);
	assert_int_equal(test_soft_look(&t, TEST_DATA, 8), 500);
	gmem_snap_free(snap);
	test_soft_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_instruction), cmocka_unit_test(own_loop),
		cmocka_unit_test(from_outside),	    cmocka_unit_test(other_mapping),
		cmocka_unit_test(data_beside),	    cmocka_unit_test(dirty_again),
	};

	return cmocka_run_group_tests_name("soft_smc", tests, NULL, NULL);
}
