/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <vmm/trace.h>

static const struct {
	struct trace_event ev;
	const char *text;
} lines[] = {
	{{.kind = TRACE_PIO, .size = 1, .addr = 0x60, .val = 0x12}, "pio r 0x60 1 0x12"},
	{{.kind = TRACE_PIO, .size = 4, .write = true, .addr = 0xcf8}, "pio w 0xcf8 4 0x0"},
	{{.kind = TRACE_MMIO, .size = 8, .write = true, .addr = 0xFEB00000, .val = UINT64_MAX},
	 "mmio w 0xfeb00000 8 0xffffffffffffffff"},
	{{.kind = TRACE_MSR, .size = 8, .addr = 0x1b, .val = 5}, "msr r 0x1b 0x5"},
	{{.kind = TRACE_MSR, .size = 8, .write = true, .addr = 0x1b, .aux = 1},
	 "msr w 0x1b 0x0 gp"},
	{{.kind = TRACE_HLT}, "hlt"},
	{{.kind = TRACE_SHUTDOWN}, "shutdown"},
	{{.kind = TRACE_END, .text = "exit"}, "end exit"},
	{{.kind = TRACE_END}, "end ?"},
	{{.kind = TRACE_INTR}, "intr"},
	{{.kind = TRACE_IRQ_WINDOW}, "irq-window"},
	{{.kind = TRACE_IRQ, .addr = 4, .val = 1}, "irq 4 1"},
	{{.kind = TRACE_INJECT, .addr = 0x20}, "inject 0x20"},
	{{.kind = TRACE_INJECT, .aux = 1}, "inject nmi"},
	{{.kind = TRACE_UNMAPPED, .aux = 0, .size = 2, .addr = 0x80, .val = 0xffff},
	 "unmapped pio r 0x80 2 0xffff"},
	{{.kind = TRACE_UNMAPPED, .aux = 1, .size = 1, .write = true, .addr = 0x1000, .val = 1},
	 "unmapped mmio w 0x1000 1 0x1"},
	{{.kind = TRACE_UNMAPPED, .aux = 2, .size = 8, .addr = 0x10}, "unmapped msr r 0x10 8 0x0"},
	{{.kind = TRACE_UNMAPPED, .aux = 3, .size = 8}, "unmapped unknown r 0x0 8 0x0"},
	{{.kind = TRACE_EMULATE, .addr = 0x1003}, "emulate 0x1003"},
	{{.kind = TRACE_DEBUG, .addr = 0x1003, .val = 0x4000}, "debug 0x1003 dr6 0x4000"},
	{{.kind = TRACE_HOSTOP, .addr = 7, .val = 2}, "hostop 7 0x2"},
	{{.kind = TRACE_VQ, .aux = TRACE_VQ_POP, .addr = 1, .val = 3}, "vq 1 pop 3"},
	{{.kind = TRACE_VQ, .aux = TRACE_VQ_PUSH, .val = 3 | 64ull << 32}, "vq 0 push 3 len 64"},
	{{.kind = TRACE_VQ, .aux = TRACE_VQ_NOTIFY}, "vq 0 notify"},
	{{.kind = TRACE_VQ, .aux = TRACE_VQ_BAD, .val = 3 | 2ull << 32}, "vq 0 bad 3 reason 2"},
	{{.kind = TRACE_VQ, .aux = TRACE_VQ_BROKEN, .val = 9}, "vq 0 broken reason 9"},
	{{.kind = TRACE_VQ, .aux = 77, .val = 9}, "vq 0 event 77 0x9"},
	{{.kind = TRACE_DEV, .addr = 1, .val = 2, .text = "uart: bad"}, "dev 0x1 0x2 uart: bad"},
	{{.kind = TRACE_OTHER, .aux = 41}, "other 41"},
	{{.kind = TRACE_KINDS}, "unknown 17"},
};

static void formats_every_kind(void **state)
{
	bool seen[TRACE_KINDS + 1] = {false};
	char out[128];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
		int n = trace_format(&lines[i].ev, out, sizeof(out));

		assert_string_equal(out, lines[i].text);
		assert_int_equal(n, strlen(lines[i].text));
		seen[lines[i].ev.kind] = true;
	}
	for (unsigned i = 0; i <= TRACE_KINDS; i++)
		assert_true(seen[i]);
}

static void formats_into_any_room(void **state)
{
	struct trace_event ev = {
		.kind = TRACE_MMIO, .size = 4, .addr = 0x1000, .val = 7, .time = 12, .rip = 0x7c00};
	char whole[128], out[128];
	int n;

	(void)state;
	n = trace_format_verbose(&ev, whole, sizeof(whole));
	assert_int_equal(n, strlen(whole));
	assert_non_null(strstr(whole, "12 ns"));
	assert_non_null(strstr(whole, "0x7c00"));
	assert_non_null(strstr(whole, "mmio r 0x1000 4 0x7"));
	assert_int_equal(trace_format_verbose(&ev, NULL, 0), n);
	for (size_t len = 1; len < (size_t)n + 4; len++) {
		memset(out, '#', sizeof(out));
		assert_int_equal(trace_format_verbose(&ev, out, len), n);
		assert_int_equal(strlen(out), len > (size_t)n ? (size_t)n : len - 1);
		assert_memory_equal(out, whole, strlen(out));
		assert_int_equal(out[len], '#');
	}
}

static void names_are_bare(void **state)
{
	(void)state;
	assert_string_equal(trace_kind_name(TRACE_PIO), "pio");
	assert_string_equal(trace_kind_name(TRACE_IRQ_WINDOW), "irq-window");
	assert_string_equal(trace_kind_name(TRACE_KINDS), "unknown");
	for (unsigned i = 0; i < TRACE_KINDS; i++)
		assert_non_null(trace_kind_name(i));
}

static void ring_wraps(void **state)
{
	struct trace *t = trace_new(5); /* rounded up to 8 */

	(void)state;
	assert_non_null(t);
	assert_null(trace_last(t, 0));
	for (uint64_t i = 0; i < 20; i++) {
		trace_access(t, TRACE_PIO, false, 1, i, 0);
		assert_int_equal(trace_count(t), i + 1);
		assert_int_equal(trace_last(t, 0)->addr, i);
		assert_int_equal(trace_last(t, i < 7 ? i : 7)->addr, i < 7 ? 0 : i - 7);
		assert_null(trace_last(t, i < 7 ? i + 1 : 8));
	}
	trace_clear(t);
	assert_int_equal(trace_count(t), 0);
	assert_null(trace_last(t, 0));
	trace_free(t);
}

static void size_is_bounded(void **state)
{
	struct trace *t = trace_new(0);

	(void)state;
	trace_note(t, TRACE_HLT, 0, 0, 0, NULL);
	trace_note(t, TRACE_SHUTDOWN, 0, 0, 0, NULL);
	assert_int_equal(trace_last(t, 0)->kind, TRACE_SHUTDOWN);
	assert_null(trace_last(t, 1));
	trace_free(t);
	t = trace_new(UINT32_MAX); /* cut to 1 << 20 */
	assert_non_null(t);
	trace_free(t);
	trace_free(NULL);
}

static void values_are_masked_and_stamped(void **state)
{
	struct trace *t = trace_new(4);
	uint64_t time = 77, rip = 0x1000;

	(void)state;
	trace_set_sources(t, &time, &rip);
	trace_access(t, TRACE_PIO, true, 2, 0x3f8, 0x12345678);
	assert_int_equal(trace_last(t, 0)->val, 0x5678);
	assert_int_equal(trace_last(t, 0)->time, 77);
	assert_int_equal(trace_last(t, 0)->rip, 0x1000);
	time = 78;
	trace_put(t, &(struct trace_event){.kind = TRACE_HLT, .time = 5, .rip = 6});
	assert_int_equal(trace_last(t, 0)->time, 78);
	trace_set_sources(t, NULL, NULL);
	trace_note(t, TRACE_HLT, 0, 0, 0, NULL);
	assert_int_equal(trace_last(t, 0)->time, 0);
	assert_int_equal(trace_last(t, 0)->rip, 0);
	trace_free(t);
	/* No ring: nothing happens. */
	trace_put(NULL, &(struct trace_event){.kind = TRACE_HLT});
	trace_access(NULL, TRACE_PIO, true, 2, 0, 0);
	trace_note(NULL, TRACE_HLT, 0, 0, 0, NULL);
}

struct seen {
	uint64_t n, addr_sum;
};

static void on_event(void *ctx, const struct trace_event *ev)
{
	struct seen *s = ctx;

	s->n++;
	s->addr_sum += ev->addr;
}

static void sink_sees_all(void **state)
{
	struct trace *t = trace_new(2);
	struct seen s = {0};

	(void)state;
	trace_set_sink(t, on_event, &s);
	for (uint64_t i = 1; i <= 10; i++)
		trace_note(t, i & 1 ? TRACE_HLT : TRACE_DEV, 0, i, 0, "x");
	assert_int_equal(s.n, 10);
	assert_int_equal(s.addr_sum, 55);
	trace_clear(t);
	trace_note(t, TRACE_HLT, 0, 1, 0, NULL);
	assert_int_equal(s.n, 11);
	trace_set_sink(t, NULL, NULL);
	trace_note(t, TRACE_HLT, 0, 1, 0, NULL);
	assert_int_equal(s.n, 11);
	trace_free(t);
}

static uint64_t hash_of(const struct trace_event *ev, unsigned n)
{
	struct trace *t = trace_new(1);
	uint64_t h;

	for (unsigned i = 0; i < n; i++)
		trace_put(t, &ev[i]);
	h = trace_hash(t);
	trace_free(t);
	return h;
}

static void hash_covers_content_only(void **state)
{
	const struct trace_event base = {.kind = TRACE_PIO, .size = 1, .addr = 1, .val = 2};
	struct trace_event v[8];
	uint64_t time = 5, h[8];
	struct trace *t;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		v[i] = base;
	v[1].kind = TRACE_MMIO;
	v[2].write = true;
	v[3].size = 2;
	v[4].addr = 3;
	v[5].val = 3;
	v[6].aux = 1;
	v[7].text = "a";
	for (unsigned i = 0; i < 8; i++) {
		h[i] = hash_of(&v[i], 1);
		for (unsigned j = 0; j < i; j++)
			assert_true(h[i] != h[j]);
	}
	/* Order and number count. */
	assert_true(hash_of((struct trace_event[]){v[0], v[1]}, 2) !=
		    hash_of((struct trace_event[]){v[1], v[0]}, 2));
	assert_true(hash_of((struct trace_event[]){v[0], v[0]}, 2) != h[0]);
	/* What is not canonical does not count, and neither do time and rip. */
	v[1].kind = TRACE_IRQ;
	assert_true(hash_of(v, 2) == h[0]);
	t = trace_new(1);
	trace_set_sources(t, &time, &time);
	trace_put(t, &base);
	assert_true(trace_hash(t) == h[0]);
	trace_clear(t);
	assert_true(trace_hash(t) == hash_of(NULL, 0));
	trace_free(t);
}

/* Goldens hold hashes: the value may not change by itself. */
static void hash_is_stable(void **state)
{
	struct trace_event ev[ARRAY_SIZE(lines)];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
		ev[i] = lines[i].ev;
	assert_int_equal(hash_of(NULL, 0), 0x5669736554726163ull);
	assert_int_equal(hash_of(ev, ARRAY_SIZE(lines)), 0xf237b541d84a000cull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_every_kind),
		cmocka_unit_test(formats_into_any_room),
		cmocka_unit_test(names_are_bare),
		cmocka_unit_test(ring_wraps),
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(values_are_masked_and_stamped),
		cmocka_unit_test(sink_sees_all),
		cmocka_unit_test(hash_covers_content_only),
		cmocka_unit_test(hash_is_stable),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
