/* SPDX-License-Identifier: MIT */
/* The script back end: every kind of line, every parse error, answers compared, the binary form. */
#include "test_util.h"
#include "script.h"

static int setup(void **state)
{
	*state = rig_new();
	return 0;
}

static int teardown(void **state)
{
	rig_free(*state);
	return 0;
}

static void make(struct rig *r, const char *text)
{
	struct cpu_config cfg = rig_config(r);
	struct err err = {0};

	cpu_free(r->cpu);
	r->cpu = NULL;
	r->n = 0;
	if (cpu_script_new(&r->cpu, &cfg, text, strlen(text), &err))
		fail_msg("%s", err.msg);
}

static enum cpu_stop go(struct rig *r)
{
	return r->cpu->ops->run(r->cpu, 0, 0);
}

static void accesses(void **state)
{
	struct rig *r = *state;
	struct cpu_exit *e;

	make(r, "# a comment\n"
		"pio w 0x3f8 1 0x41\n"
		"\n"
		"  pio r 0x60 2 0x100   # trailing\r\n"
		"pio r 96 4 *\n"
		"mmio w 0xd0000000 8 0x0102030405060708\n"
		"mmio r 0xd0000001 3 0x102\n"
		"msr r 0x1b 0x103\n"
		"msr w 0xc0000080 0x500\n"
		"hlt\n"
		"pio w 0x80 1 0");
	r->answer = 0x100;
	assert_int_equal(go(r), CPU_STOP_HOST); /* at hlt */
	assert_int_equal(r->n, 8);
	e = &r->log[0].e;
	assert_int_equal(e->kind, CPU_EXIT_PIO);
	assert_int_equal(e->raw, 2);
	assert_int_equal(e->pio.port, 0x3f8);
	assert_int_equal(e->pio.size, 1);
	assert_int_equal(e->pio.count, 1);
	assert_true(e->pio.write);
	assert_int_equal(r->log[0].val, 0x41);
	assert_int_equal(r->log[2].e.pio.port, 0x60);
	assert_int_equal(r->log[3].e.kind, CPU_EXIT_MMIO);
	assert_int_equal(r->log[3].val, 0x0102030405060708);
	assert_int_equal(r->log[4].e.mmio.size, 3);
	assert_int_equal(r->log[5].e.msr.num, 0x1b);
	assert_int_equal(r->log[6].val, 0x500);
	assert_true(rig_state(r).halted);
	assert_int_equal(go(r), CPU_STOP_END);
	assert_int_equal(r->n, 9);
	assert_false(rig_state(r).halted);
	assert_int_equal(go(r), CPU_STOP_END);
	assert_int_equal(r->cpu->ops->icount(r->cpu), 9);
}

static void faults(void **state)
{
	static const struct {
		const char *line;
		enum cpu_exit_kind kind;
		uint32_t raw;
	} rows[] = {
		{"shutdown", CPU_EXIT_SHUTDOWN, 8},
		{"fail-entry 0x80000021", CPU_EXIT_FAIL_ENTRY, 9},
		{"internal 3", CPU_EXIT_INTERNAL, 17},
		{"internal 1 d9 e8", CPU_EXIT_EMULATION, 17},
		{"internal 1 D9E8", CPU_EXIT_EMULATION, 17},
		{"unknown 77", CPU_EXIT_UNKNOWN, 77},
		{"intr", CPU_EXIT_INTR, 10},
		{"irq-window", CPU_EXIT_IRQ_WINDOW, 7},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make(r, rows[i].line);
		assert_int_equal(go(r), CPU_STOP_HOST);
		assert_int_equal(r->n, 1);
		assert_int_equal(r->log[0].e.kind, rows[i].kind);
		assert_int_equal(r->log[0].e.raw, rows[i].raw);
		if (rows[i].kind == CPU_EXIT_FAIL_ENTRY)
			assert_int_equal(r->log[0].e.fail_entry.reason, 0x80000021);
		if (rows[i].kind != CPU_EXIT_EMULATION)
			continue;
		assert_int_equal(r->log[0].e.internal.insn_len, 2);
		assert_memory_equal(r->log[0].e.internal.insn, "\xd9\xe8", 2);
	}
}

static void end_line(void **state)
{
	struct rig *r = *state;

	make(r, "pio w 1 1 1\nend exit 0\n# nothing more\n");
	assert_int_equal(go(r), CPU_STOP_END);
	assert_int_equal(r->n, 1);
	make(r, "");
	assert_int_equal(go(r), CPU_STOP_END);
}

/* Line, want and got are named; the run can go on after it. */
static void wrong_answers(void **state)
{
	static const struct {
		const char *script, *msg;
		bool gp;
	} rows[] = {
		{"\npio r 0x60 1 0x12\n", "line 2: pio r 0x60: want 0x12, got 0x55", false},
		{"mmio r 0x1000 8 1", "line 1: mmio r 0x1000: want 0x1, got 0x55", false},
		{"msr r 0x10 1", "line 1: msr r 0x10: want 0x1, got 0x55", false},
		{"msr r 0x10 1", "line 1: msr r 0x10: want no fault, got #GP", true},
		{"msr w 0x10 1 gp", "line 1: msr w 0x10: want #GP, got no fault", false},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make(r, rows[i].script);
		r->answer = 0x55;
		r->gp = rows[i].gp;
		assert_int_equal(go(r), CPU_STOP_ERROR);
		assert_string_equal(r->cpu->error.msg, rows[i].msg);
		assert_int_equal(r->cpu->error.code, -EBADMSG);
		assert_int_equal(go(r), CPU_STOP_END);
		assert_int_equal(r->cpu->error.code, 0);
	}
	r->gp = true;
	make(r, "msr r 0x10 0 gp\nmsr w 0x10 5 gp\n");
	assert_int_equal(go(r), CPU_STOP_END);
}

static void interrupts(void **state)
{
	struct rig *r = *state;

	make(r, "pio w 0x80 1 0\nexpect-int 0x20\npio w 0x81 1 0\n");
	r->raise_at = 0x80;
	assert_int_equal(go(r), CPU_STOP_END);
	assert_int_equal(r->acks, 1);
	assert_int_equal(trace_last(r->trace, 0)->kind, TRACE_INJECT);
	make(r, "expect-int 0x20");
	assert_int_equal(go(r), CPU_STOP_ERROR);
	assert_non_null(strstr(r->cpu->error.msg, "want the interrupt line up"));
	make(r, "pio w 0x80 1 0\nexpect-int 0x21");
	assert_int_equal(go(r), CPU_STOP_ERROR);
	assert_string_equal(r->cpu->error.msg, "line 2: expect-int: want vector 0x21, got 32");
	make(r, "hlt");
	assert_int_equal(r->cpu->ops->nmi(r->cpu), 0);
	assert_int_equal(trace_last(r->trace, 0)->aux, 1);
}

static void budget_and_halt(void **state)
{
	struct rig *r = *state;

	make(r, "pio w 1 1 1\npio w 2 1 1\npio w 3 1 1\npio w 4 1 1\n");
	assert_int_equal(r->cpu->ops->run(r->cpu, 2, 0), CPU_STOP_BUDGET);
	assert_int_equal(r->n, 2);
	r->halt_at = 3;
	assert_int_equal(go(r), CPU_STOP_HOST);
	assert_int_equal(r->n, 3);
	assert_int_equal(r->cpu->ops->run(r->cpu, 1, 0), CPU_STOP_END);
}

static void kept_state(void **state)
{
	struct cpu_state s, t, fresh;
	struct rig *r = *state;
	struct err err = {0};

	make(r, "hlt");
	s = rig_state(r);
	x86_state_reset(&fresh);
	assert_memory_equal(&s, &fresh, sizeof(s));
	s.gpr[X86_RBX] = 5;
	assert_int_equal(r->cpu->ops->set(r->cpu, &s, NULL), 0);
	t = s;
	t.cr0 = X86_CR0_PG;
	assert_int_equal(r->cpu->ops->set(r->cpu, &t, &err), -EINVAL);
	t = rig_state(r);
	assert_memory_equal(&s, &t, sizeof(s));
	assert_int_equal(r->cpu->ops->memory(r->cpu, NULL), 0);
	assert_int_equal(r->cpu->ops->sync_dirty(r->cpu, NULL), 0);
	assert_int_equal(r->cpu->ops->debug(r->cpu, false, NULL, 0, NULL), 0);
	assert_int_equal(r->cpu->ops->debug(r->cpu, true, NULL, 0, &err), -EOPNOTSUPP);
}

static void parse_errors(void **state)
{
	static const struct {
		const char *text, *msg;
	} rows[] = {
		{"nonsense", "line 1: 'nonsense' is no kind of line"},
		{"hlt\nhlt 1", "line 2: want `hlt`"},
		{"pio r 0x60 1", "want `pio r|w PORT SIZE VALUE`"},
		{"pio r 0x60 1 1 1", "want `pio"},
		{"pio x 0x60 1 1", "r or w"},
		{"pio r 0x10000 1 1", "address '0x10000' is no number up to 0xffff"},
		{"pio r -1 1 1", "address '-1'"},
		{"pio r 1 3 1", "size is 1, 2 or 4"},
		{"pio r 1 0 1", "size is 1, 2 or 4"},
		{"pio r 1 8 1", "size '8' is no number up to 0x4"},
		{"pio r 1 1 0x100", "value '0x100' is no number up to 0xff"},
		{"pio w 1 1 *", "a write needs a value"},
		{"mmio r 1 0 1", "size is 1 to 8"},
		{"mmio r 1 9 1", "size '9'"},
		{"mmio r 0x10000000000000000 1 1", "address"},
		{"mmio w 1 2 0x10000", "value"},
		{"msr r 1", "want `msr r|w NUMBER VALUE [gp]`"},
		{"msr r 0x100000000 1", "number '0x100000000'"},
		{"msr r 1 1 ud", "after the value comes gp"},
		{"msr q 1 1", "r or w"},
		{"shutdown now", "want `shutdown`"},
		{"fail-entry", "want `fail-entry REASON`"},
		{"fail-entry x", "reason 'x'"},
		{"internal", "want `internal SUBERROR [BYTES]`"},
		{"internal x", "suberror 'x'"},
		{"internal 1 d9 e", "pairs of hex digits"},
		{"internal 1 zz", "pairs of hex digits"},
		{"internal 1 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f", "15 bytes at most"},
		{"unknown 0x100000000", "reason"},
		{"expect-int 256", "vector '256'"},
		{"expect-int", "want `expect-int VECTOR`"},
		{"end\nhlt", "line 2: hlt: nothing may follow the end line"},
		{"pio a a a a a a a a a a a a a a a a a a a a a", "too many words"},
		{"pio r 0x00000000000000000000000000000000000000000000001 1 1",
		 "a word is too long"},
	};
	struct rig *r = *state;
	struct cpu_config cfg = rig_config(r);
	char *big;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cpu *c = (struct cpu *)&cfg;
		struct err err = {0};

		assert_int_equal(cpu_script_new(&c, &cfg, rows[i].text, strlen(rows[i].text), &err),
				 -EINVAL);
		assert_null(c);
		if (!strstr(err.msg, rows[i].msg))
			fail_msg("'%s' gives \"%s\"", rows[i].text, err.msg);
		assert_non_null(strstr(err.msg, "line "));
	}
	{
		struct cpu *c;

		assert_int_equal(cpu_script_new(&c, &cfg, "hlt\0", 4, NULL), -EINVAL);
		/* no newline, no NUL at the end: nothing beyond (len) is read */
		big = malloc(3);
		assert_non_null(big);
		memcpy(big, "hlt", 3);
		assert_int_equal(cpu_script_new(&c, &cfg, big, 3, NULL), 0);
		cpu_free(c);
		free(big);
		assert_int_equal(cpu_script_new(&c, &cfg, "", CPU_SCRIPT_MAX + 1, NULL), -E2BIG);
		assert_int_equal(cpu_script_new_raw(&c, &cfg, "", CPU_SCRIPT_MAX + 1, NULL),
				 -E2BIG);
	}
}

/* Many lines: the list grows. */
static void long_script(void **state)
{
	struct rig *r = *state;
	struct buf b = {0};

	for (unsigned i = 0; i < 5000; i++)
		buf_printf(&b, "pio w 0x%x 1 0x%x\n", i, i & 0xff);
	make(r, buf_str(&b));
	assert_int_equal(go(r), CPU_STOP_END);
	assert_int_equal(r->n, 5000);
	assert_int_equal(r->log[4999].e.pio.port, 4999);
	buf_free(&b);
}

/* Any bytes are a script; what it promises holds for each exit, and every kind can be said. */
static enum cpu_answer check_promises(void *ctx, struct cpu_exit *e)
{
	uint64_t *kinds = ctx;

	assert_true((unsigned)e->kind < CPU_EXIT_KINDS);
	*kinds |= 1ull << e->kind;
	switch (e->kind) {
	case CPU_EXIT_PIO:
		assert_true(e->pio.size == 1 || e->pio.size == 2 || e->pio.size == 4);
		assert_true(e->pio.count && e->pio.count * e->pio.size <= CPU_RAW_DATA);
		memset(e->pio.data, 0xee, (size_t)e->pio.count * e->pio.size);
		break;
	case CPU_EXIT_MMIO:
		assert_in_range(e->mmio.size, 1, 8);
		break;
	case CPU_EXIT_EMULATION:
		assert_int_equal(e->internal.suberror, 1);
		assert_true(e->internal.insn_len <= 15 && e->internal.ndata <= 16);
		break;
	case CPU_EXIT_INTERNAL:
		assert_int_not_equal(e->internal.suberror, 1);
		break;
	case CPU_EXIT_SYSTEM_EVENT:
		assert_true(e->system_event.ndata <= 16);
		break;
	default:
		break;
	}
	return CPU_GO;
}

static void raw_form(void **state)
{
	struct rig *r = *state;
	struct cpu_config cfg = rig_config(r);
	struct rng rng = {7};
	uint8_t bytes[16 * 512 + 5];
	uint64_t kinds = 0;
	struct cpu *c;

	cfg.host.ctx = &kinds;
	cfg.host.exit = check_promises;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)rng_next(&rng);
	assert_int_equal(cpu_script_new_raw(&c, &cfg, bytes, sizeof(bytes), NULL), 0);
	assert_int_equal(c->ops->run(c, 0, 0), CPU_STOP_END);
	assert_int_equal(c->ops->icount(c), 512);
	assert_true(kinds == (1ull << CPU_EXIT_KINDS) - 1);
	cpu_free(c);
	assert_int_equal(cpu_script_new_raw(&c, &cfg, NULL, 0, NULL), 0);
	assert_int_equal(c->ops->run(c, 0, 0), CPU_STOP_END);
	cpu_free(c);
	/* the answer may stop it, and a budget too */
	cfg.host = (struct cpu_host){r, rig_exit, rig_ack};
	bytes[0] = bytes[16] = bytes[32] = 0;
	assert_int_equal(cpu_script_new_raw(&r->cpu, &cfg, bytes, 48, NULL), 0);
	r->halt_at = 1;
	assert_int_equal(go(r), CPU_STOP_HOST);
	assert_int_equal(r->cpu->ops->run(r->cpu, 1, 0), CPU_STOP_BUDGET);
	assert_int_equal(go(r), CPU_STOP_END);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(accesses),   T(faults),	   T(end_line),	  T(wrong_answers),
		T(interrupts), T(budget_and_halt), T(kept_state), T(parse_errors),
		T(raw_form),   T(long_script),
	};

	return cmocka_run_group_tests_name("cpu/script", tests, NULL, NULL);
}
