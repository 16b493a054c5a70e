/* SPDX-License-Identifier: MIT */
/* The run loop and the reference path: counts, stops, faults, exits, breakpoints. */
#include <errno.h>

#include "test_soft.h"

#define CODE(t, ...)                                                                               \
	do {                                                                                       \
		static const uint8_t bytes_[] = {__VA_ARGS__};                                     \
		test_soft_code(t, bytes_, sizeof(bytes_));                                         \
	} while (0)

static const enum x86_mode modes[] = {X86_REAL, X86_PROT, X86_LONG};

static void counts(void **state)
{
	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
		struct test_soft t;

		test_soft_open(&t, modes[m]);
		/* mov al, 5; add al, 3; jmp $ */
		CODE(&t, 0xb0, 5, 0x04, 3, 0xeb, 0xfe);
		assert_int_equal(test_soft_run(&t, 1), SOFT_STOP_BUDGET);
		assert_int_equal(soft_icount(t.s), 1);
		assert_int_equal(t.s->gpr[X86_RAX] & 0xff, 5);
		assert_int_equal(test_soft_run(&t, 1000), SOFT_STOP_BUDGET);
		assert_int_equal(soft_icount(t.s), 1001);
		assert_int_equal(t.s->gpr[X86_RAX] & 0xff, 8);
		assert_int_equal(t.s->rip + t.s->seg[X86_CS].base, t.code + 4);
		test_soft_close(&t);
	}
}

static void undefined(void **state)
{
	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
		struct test_soft t;

		test_soft_open(&t, modes[m]);
		CODE(&t, 0x90, 0x0f, 0x0b);
		assert_int_equal(test_soft_run(&t, 100), SOFT_STOP_HLT);
		assert_int_equal(test_soft_fault(&t), X86_UD);
		assert_int_equal(soft_icount(t.s),
				 2); /* nop and hlt: the fault is no instruction */
		assert_int_equal(t.nr_exits, 1);
		assert_int_equal(t.exits[0].kind, CPU_EXIT_HLT);
		/* Nothing more happens and nothing is said again. */
		assert_int_equal(test_soft_run(&t, 100), SOFT_STOP_HLT);
		assert_int_equal(t.nr_exits, 1);
		test_soft_close(&t);
	}
}

/* 15 prefixes and an opcode are 16 bytes: #GP; 14 and an opcode are fine. */
static void too_long(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_LONG);
	CODE(&t, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	     0x90, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	     0x66, 0x66, 0x90);
	assert_int_equal(test_soft_run(&t, 100), SOFT_STOP_HLT);
	assert_int_equal(test_soft_fault(&t), X86_GP);
	assert_int_equal(soft_icount(t.s), 2);
	test_soft_close(&t);
}

static void mmio(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_PROT);
	t.answer = 0x1122334455667788;
	/* mov eax, [0x40000000]; mov [0x40000ffe], eax; mov [0x1ffffe], eax */
	CODE(&t, 0xa1, 0, 0, 0, 0x40, 0xa3, 0xfe, 0x0f, 0, 0x40, 0xa3, 0xfe, 0xff, 0x1f, 0);
	assert_int_equal(test_soft_run(&t, 3), SOFT_STOP_BUDGET);
	assert_int_equal(t.s->gpr[X86_RAX], 0x55667788);
	assert_int_equal(t.nr_exits, 4);
	assert_int_equal(t.exits[0].kind, CPU_EXIT_MMIO);
	assert_int_equal(t.exits[0].mmio.gpa, 0x40000000);
	assert_int_equal(t.exits[0].mmio.size, 4);
	assert_false(t.exits[0].mmio.write);
	/* cut at the page */
	assert_int_equal(t.exits[1].mmio.gpa, 0x40000ffe);
	assert_int_equal(t.exits[1].mmio.size, 2);
	assert_int_equal(t.val[1], 0x7788);
	assert_int_equal(t.exits[2].mmio.gpa, 0x40001000);
	assert_int_equal(t.val[2], 0x5566);
	/* half in memory */
	assert_int_equal(test_soft_look(&t, 0x1ffffe, 2), 0x7788);
	assert_int_equal(t.exits[3].mmio.gpa, 0x200000);
	assert_int_equal(t.val[3], 0x5566);
	test_soft_close(&t);
}

static void ports(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_REAL);
	t.answer = 0x5a;
	CODE(&t, 0xe4, 0x71, 0xe6, 0x70); /* in al, 0x71; out 0x70, al */
	assert_int_equal(test_soft_run(&t, 2), SOFT_STOP_BUDGET);
	assert_int_equal(t.nr_exits, 2);
	assert_int_equal(t.exits[0].pio.port, 0x71);
	assert_int_equal(t.exits[1].pio.port, 0x70);
	assert_int_equal(t.val[1], 0x5a);
	test_soft_close(&t);
}

static void interrupts(void **state)
{
	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
		struct test_soft t;

		test_soft_open(&t, modes[m]);
		/* nop; sti; nop; nop: taken behind the instruction that follows sti */
		CODE(&t, 0x90, 0xfb, 0x90, 0x90);
		soft_intr(t.s, true);
		assert_int_equal(test_soft_run(&t, 100), SOFT_STOP_HLT);
		assert_int_equal(test_soft_fault(&t), 0x20);
		assert_int_equal(soft_icount(t.s), 4); /* nop, sti, nop, hlt */
		test_soft_close(&t);
	}
}

static void single_step_flag(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_LONG);
	CODE(&t, 0x90, 0x90);
	t.s->rflags |= X86_FLAG_TF;
	assert_int_equal(test_soft_run(&t, 100), SOFT_STOP_HLT);
	assert_int_equal(test_soft_fault(&t), X86_DB);
	assert_int_equal(soft_icount(t.s), 2);
	assert_int_equal(t.s->dr[6] & 0x4000, 0x4000);
	/* It is a trap: the next instruction's address is on the stack. */
	assert_int_equal(test_soft_look(&t, t.s->gpr[X86_RSP], 8), t.code + 1);
	test_soft_close(&t);
}

static void host_debug(void **state)
{
	struct test_soft t;
	uint64_t bp;

	(void)state;
	test_soft_open(&t, X86_LONG);
	CODE(&t, 0x90, 0x90, 0x90, 0xf4);
	bp = t.code + 1;
	assert_int_equal(soft_debug(t.s, false, &bp, 1), 0);
	assert_int_equal(soft_run(t.s, 100), SOFT_STOP_HLT);
	assert_int_equal(t.nr_exits, 2);
	assert_int_equal(t.exits[0].kind, CPU_EXIT_DEBUG);
	assert_int_equal(t.exits[0].debug.pc, bp);
	assert_int_equal(soft_icount(t.s), 4);
	assert_int_equal(soft_debug(t.s, true, NULL, 0), 0);
	CODE(&t, 0x90, 0x90, 0x90);
	t.s->halted = false;
	t.nr_exits = 0;
	assert_int_equal(soft_run(t.s, 3), SOFT_STOP_BUDGET);
	assert_int_equal(t.nr_exits, 3);
	assert_int_equal(t.exits[2].debug.pc, t.code + 3);
	assert_int_equal(soft_debug(t.s, true, &bp, 5), -E2BIG);
	test_soft_close(&t);
}

static void fault_loop(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_REAL);
	/* The handler of #UD is a #UD; frames go round and round in a stack segment of their own. */
	t.s->seg[X86_SS].base = 0x100000;
	test_soft_put(&t, t.handlers + X86_UD, "\x0f\x0b", 2);
	CODE(&t, 0x0f, 0x0b);
	assert_int_equal(test_soft_run(&t, 100), SOFT_STOP_FAULTS);
	assert_int_equal(soft_icount(t.s), 0);
	test_soft_close(&t);
}

static void triple_fault(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_PROT);
	t.s->idt.limit = 0;
	CODE(&t, 0x0f, 0x0b);
	assert_int_equal(test_soft_run(&t, 100), SOFT_STOP_SHUTDOWN);
	assert_int_equal(test_soft_run(&t, 100), SOFT_STOP_SHUTDOWN);
	assert_int_equal(t.nr_exits, 1);
	assert_int_equal(t.exits[0].kind, CPU_EXIT_SHUTDOWN);
	test_soft_close(&t);
}

/* What is no memory reads as ones when fetched, without an exit. */
static void fetch_outside(void **state)
{
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_PROT);
	t.s->rip = 0x40000000;
	assert_int_equal(test_soft_run(&t, 100), SOFT_STOP_HLT);
	assert_int_equal(test_soft_fault(&t), X86_UD);
	assert_int_equal(t.nr_exits, 1);
	test_soft_close(&t);
}

static void state_round(void **state)
{
	struct test_soft t;
	struct cpu_state a, b;

	(void)state;
	test_soft_open(&t, X86_LONG);
	soft_get(t.s, &a);
	for (unsigned i = 0; i < sizeof(a.gpr) / 8; i++)
		a.gpr[i] = 0x0101010101010101 * i;
	for (unsigned i = 0; i < 512; i++)
		a.fpu[i] = (uint8_t)(i * 7);
	a.fpu[3] = 0x28; /* TOP is 5 */
	a.fpu[5] = 0;
	a.exc_injected = a.exc_has_error = true;
	a.exc_nr = 13;
	a.exc_error = 0x18;
	a.nmi_masked = true;
	assert_int_equal(soft_set(t.s, &a, NULL), 0);
	soft_get(t.s, &b);
	for (const struct state_field *f = cpu_state_table.fields; f->name; f++) {
		if (!strcmp(f->name, "fpu.fop") || !strcmp(f->name, "fpu.st") ||
		    !strcmp(f->name, "fpu.mxcsr"))
			continue;
		if (memcmp((char *)&a + f->off, (char *)&b + f->off, f->size))
			fail_msg("%s differs", f->name);
	}
	a.cr0 |= 1ull << 40;
	assert_int_equal(soft_set(t.s, &a, NULL), -EINVAL);
	test_soft_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(undefined),
		cmocka_unit_test(too_long),
		cmocka_unit_test(mmio),
		cmocka_unit_test(ports),
		cmocka_unit_test(interrupts),
		cmocka_unit_test(single_step_flag),
		cmocka_unit_test(host_debug),
		cmocka_unit_test(fault_loop),
		cmocka_unit_test(triple_fault),
		cmocka_unit_test(fetch_outside),
		cmocka_unit_test(state_round),
	};

	return cmocka_run_group_tests_name("soft_step", tests, NULL, NULL);
}
