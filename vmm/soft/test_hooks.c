/* SPDX-License-Identifier: MIT */
/*
 * What a host can watch of a guest: edges, by both paths and in every slicing, and data watchpoints.
 * test_paths.c compares edges of random programs too.
 */
#include <errno.h>

#include "test_soft.h"

#define TABLE 64

struct counted {
	struct test_soft t;
	struct soft_edge table[TABLE];
	struct soft_edges e;
};

static void open_counted(struct counted *c, enum x86_mode mode)
{
	memset(c, 0, sizeof(*c));
	test_soft_open(&c->t, mode);
	c->e = (struct soft_edges){.table = c->table, .nr = TABLE, .len = UINT64_MAX};
	assert_int_equal(soft_count_edges(c->t.s, &c->e), 0);
}

/* The count of (from, to) as offsets from the code. */
static uint64_t count(const struct counted *c, uint64_t from, uint64_t to)
{
	for (unsigned i = 0; i < TABLE; i++)
		if (c->table[i].used && c->table[i].from == c->t.code + from &&
		    c->table[i].to == c->t.code + to)
			return c->table[i].count;
	return 0;
}

static uint64_t sum(const struct counted *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < TABLE; i++)
		n += c->table[i].count;
	return n;
}

/* Branches of every kind that has a handler, and some that have none. */
static const uint8_t program[] = {
	0xb9, 10,   0,	  0, 0,		 /* 00 mov ecx, 10 */
	0xe8, 20,   0,	  0, 0,		 /* 05 again: call 1e */
	0x83, 0xf9, 4,			 /* 0a cmp ecx, 4 */
	0x74, 0x02,			 /* 0d je 11 */
	0xeb, 0x00,			 /* 0f jmp 11 */
	0xff, 0xc9,			 /* 11 dec ecx */
	0x75, 0xf0,			 /* 13 jnz again */
	0x6a, 3,			 /* 15 push 3 */
	0x59,				 /* 17 pop rcx */
	0xe2, 0xfe,			 /* 18 loop 18 */
	0xff, 0xe3,			 /* 1a jmp rbx */
	0xf4, 0xf4,			 /* 1c hlt */
	0x85, 0xc9,			 /* 1e test ecx, ecx */
	0x78, 0x00,			 /* 20 js 22 */
	0xc3,				 /* 22 ret */
	0xff, 0x24, 0x25, 0, 0x00, 9, 0, /* 23 jmp [0x90000] */
};

static void run_program(struct counted *c, uint64_t slice, bool reference)
{
	uint8_t to[8];

	test_soft_code(&c->t, program, sizeof(program));
	c->t.s->gpr[X86_RBX] = c->t.code + 0x23;
	st_le64(to, c->t.code + 0x1c);
	test_soft_put(&c->t, TEST_DATA, to, 8);
	while ((reference ? soft_run_reference(c->t.s, slice) : soft_run(c->t.s, slice)) ==
	       SOFT_STOP_BUDGET)
		;
	assert_true(c->t.s->halted);
}

static void check_program(const struct counted *c)
{
	assert_int_equal(count(c, 0x05, 0x1e), 10);
	assert_int_equal(count(c, 0x22, 0x0a), 10);
	assert_int_equal(count(c, 0x20, 0x22), 10); /* not taken and taken lead to the same */
	assert_int_equal(count(c, 0x0d, 0x11), 1);
	assert_int_equal(count(c, 0x0d, 0x0f), 9);
	assert_int_equal(count(c, 0x0f, 0x11), 9);
	assert_int_equal(count(c, 0x13, 0x05), 9);
	assert_int_equal(count(c, 0x13, 0x15), 1);
	assert_int_equal(count(c, 0x18, 0x18), 2);
	assert_int_equal(count(c, 0x18, 0x1a), 1);
	assert_int_equal(count(c, 0x1a, 0x23), 1);
	assert_int_equal(count(c, 0x23, 0x1c), 1);
	assert_int_equal(sum(c), 64);
	assert_int_equal(c->e.lost, 0);
}

static void edges_are_exact(void **state)
{
	static const uint64_t slices[] = {1, 2, 7, 65, 100, 100000};
	struct counted c;

	(void)state;
	open_counted(&c, X86_LONG);
	run_program(&c, 1000, true);
	check_program(&c);
	test_soft_close(&c.t);
	for (unsigned i = 0; i < ARRAY_SIZE(slices); i++) {
		open_counted(&c, X86_LONG);
		run_program(&c, slices[i], false);
		check_program(&c);
		test_soft_close(&c.t);
	}
}

/* Loops are long enough for links to be taken. */
static void edges_of_a_hot_loop(void **state)
{
	static const uint8_t loop[] = {0xff, 0xc9, 0x75, 0xfc, 0xf4}; /* dec ecx; jnz; hlt */
	struct counted c;

	(void)state;
	open_counted(&c, X86_LONG);
	test_soft_code(&c.t, loop, sizeof(loop));
	c.t.s->gpr[X86_RCX] = 100000;
	while (soft_run(c.t.s, 333) == SOFT_STOP_BUDGET)
		;
	assert_int_equal(count(&c, 2, 0), 99999);
	assert_int_equal(count(&c, 2, 4), 1);
	test_soft_close(&c.t);
}

/* Counted in a range alone, and no more when it is taken away. */
static void edges_in_a_range(void **state)
{
	struct counted c;

	(void)state;
	open_counted(&c, X86_LONG);
	c.e.lo = c.t.code + 0x0d;
	c.e.len = 0x14 - 0x0d;
	assert_int_equal(soft_count_edges(c.t.s, &c.e), 0);
	run_program(&c, 100000, false);
	assert_int_equal(count(&c, 0x05, 0x1e), 0);
	assert_int_equal(count(&c, 0x18, 0x18), 0);
	assert_int_equal(count(&c, 0x13, 0x05), 9);
	assert_int_equal(sum(&c), 29);
	c.t.s->halted = false;
	assert_int_equal(soft_count_edges(c.t.s, NULL), 0);
	run_program(&c, 100000, false);
	run_program(&c, 100000, true);
	assert_int_equal(sum(&c), 29);
	test_soft_close(&c.t);
}

static void edges_without_room(void **state)
{
	struct counted c;

	(void)state;
	open_counted(&c, X86_LONG);
	c.e.nr = 4;
	assert_int_equal(soft_count_edges(c.t.s, &c.e), 0);
	run_program(&c, 100000, true);
	assert_true(c.e.lost > 0);
	assert_int_equal(sum(&c) + c.e.lost, 64);
	c.e.nr = 3;
	assert_int_equal(soft_count_edges(c.t.s, &c.e), -EINVAL);
	c.e.nr = 0;
	assert_int_equal(soft_count_edges(c.t.s, &c.e), -EINVAL);
	c.e.nr = TABLE;
	c.e.table = NULL;
	assert_int_equal(soft_count_edges(c.t.s, &c.e), -EINVAL);
	test_soft_close(&c.t);
}

/* Linear addresses, with the base of CS; a branch that faults is none. */
static void edges_of_segments_and_faults(void **state)
{
	static const uint8_t real[] = {0xb9, 2,	   0,	0x49,
				       0x75, 0xfd, 0xf4}; /* mov cx, 2; dec; jnz */
	static const uint8_t bad[] = {0xff, 0xe3};	  /* jmp rbx */
	struct counted c;

	(void)state;
	open_counted(&c, X86_REAL);
	test_soft_code(&c.t, real, sizeof(real));
	c.t.s->seg[X86_CS].base = 0x7f00;
	c.t.s->rip = 0x100;
	while (soft_run(c.t.s, 100) == SOFT_STOP_BUDGET)
		;
	assert_int_equal(count(&c, 4, 3), 1);
	assert_int_equal(count(&c, 4, 6), 1);
	assert_int_equal(sum(&c), 2);
	test_soft_close(&c.t);
	open_counted(&c, X86_LONG);
	test_soft_code(&c.t, bad, sizeof(bad));
	c.t.s->gpr[X86_RBX] = 1ull << 63;
	while (soft_run(c.t.s, 100) == SOFT_STOP_BUDGET)
		;
	assert_int_equal(test_soft_fault(&c.t), X86_GP);
	assert_int_equal(sum(&c), 0);
	test_soft_close(&c.t);
}

/* ---- watchpoints ---------------------------------------------------------------------------------- */

static unsigned debug_exits(const struct test_soft *t, uint64_t *dr6, uint64_t *dr7, uint64_t *pc)
{
	unsigned n = 0;

	for (unsigned i = 0; i < t->nr_exits && i < TEST_MAX_EXITS; i++) {
		if (t->exits[i].kind != CPU_EXIT_DEBUG)
			continue;
		n++;
		*dr6 = t->exits[i].debug.dr6;
		*dr7 = t->exits[i].debug.dr7;
		*pc = t->exits[i].debug.pc;
	}
	return n;
}

static void watchpoints(void **state)
{
	/* mov al, [rbx]; mov [rbx + 3], al; mov [rbx + 4], al; push rax; hlt */
	static const uint8_t code[] = {0x8a, 0x03, 0x88, 0x43, 3, 0x88, 0x43, 4, 0x50, 0xf4};
	struct soft_watchpoint w[5] = {{.la = TEST_DATA, .len = 4, .write = true},
				       {.la = TEST_DATA, .len = 1},
				       {.la = TEST_STACK - 8, .len = 8, .write = true}};
	uint64_t dr6 = 0, dr7 = 0, pc = 0;
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_LONG);
	for (unsigned which = 0; which < 3; which++) {
		static const unsigned ends[] = {5, 2, 9};
		/* G0, R/W0 writes, LEN0 4; R/W0 both, LEN0 1; writes, LEN0 8 */
		static const uint64_t want[] = {0xd0402, 0x30402, 0x90402};

		assert_int_equal(soft_watchpoints(t.s, &w[which], 1), 0);
		t.nr_exits = 0;
		t.s->halted = false;
		test_soft_code(&t, code, sizeof(code));
		t.s->gpr[X86_RBX] = TEST_DATA;
		t.s->gpr[X86_RSP] = TEST_STACK;
		soft_run(t.s, 100);
		assert_int_equal(debug_exits(&t, &dr6, &dr7, &pc), 1);
		assert_int_equal(dr6 & 15, 1);
		assert_int_equal(dr7, want[which]);
		assert_int_equal(pc, t.code + ends[which]);
	}
	/* All of them: a bit each; then none. */
	assert_int_equal(soft_watchpoints(t.s, w, 3), 0);
	for (unsigned n = 3, turn = 0; turn < 2; turn++, n = 0) {
		t.nr_exits = 0;
		t.s->halted = false;
		test_soft_code(&t, code, sizeof(code));
		t.s->gpr[X86_RSP] = TEST_STACK;
		soft_run(t.s, 100);
		assert_int_equal(debug_exits(&t, &dr6, &dr7, &pc), n);
		if (n)
			assert_int_equal(dr6 & 15, 4);
		assert_int_equal(soft_watchpoints(t.s, NULL, 0), 0);
	}
	assert_int_equal(soft_watchpoints(t.s, w, 5), -E2BIG);
	w[0].la++;
	assert_int_equal(soft_watchpoints(t.s, w, 1), -EINVAL);
	w[0] = (struct soft_watchpoint){.len = 3};
	assert_int_equal(soft_watchpoints(t.s, w, 1), -EINVAL);
	w[0].len = 0;
	assert_int_equal(soft_watchpoints(t.s, w, 1), -EINVAL);
	test_soft_close(&t);
}

/* With single steps: one report an instruction, with both. */
static void watch_and_step(void **state)
{
	static const uint8_t code[] = {0x88, 0x03, 0x90, 0xf4}; /* mov [rbx], al; nop; hlt */
	struct soft_watchpoint w = {.la = TEST_DATA, .len = 1, .write = true};
	struct test_soft t;

	(void)state;
	test_soft_open(&t, X86_LONG);
	assert_int_equal(soft_watchpoints(t.s, &w, 1), 0);
	assert_int_equal(soft_debug(t.s, true, NULL, 0), 0);
	test_soft_code(&t, code, sizeof(code));
	t.s->gpr[X86_RBX] = TEST_DATA;
	soft_run(t.s, 2);
	assert_int_equal(t.nr_exits, 2);
	assert_int_equal(t.exits[0].debug.dr6 & 0x400f, 0x4001);
	assert_int_equal(t.exits[1].debug.dr6 & 0x400f, 0x4000);
	test_soft_close(&t);
}

static void dispatch_has_a_name(void **state)
{
	(void)state;
#ifdef __clang__
	assert_string_equal(soft_dispatch(), "musttail");
#else
	assert_true(!strcmp(soft_dispatch(), "a loop") ||
		    !strcmp(soft_dispatch(), "sibling calls"));
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges_are_exact),
		cmocka_unit_test(edges_of_a_hot_loop),
		cmocka_unit_test(edges_in_a_range),
		cmocka_unit_test(edges_without_room),
		cmocka_unit_test(edges_of_segments_and_faults),
		cmocka_unit_test(watchpoints),
		cmocka_unit_test(watch_and_step),
		cmocka_unit_test(dispatch_has_a_name),
	};

	return cmocka_run_group_tests_name("soft_hooks", tests, NULL, NULL);
}
