/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <vmm/bus.h>

/* A range that is memory and writes down what it is asked. */
struct probe {
	uint8_t mem[64];
	struct {
		uint64_t off, val;
		unsigned size;
		bool write;
	} log[16];
	unsigned n;
	/* what the handler does to the bus in its next call */
	struct bus *bus;
	int remove, move;
	uint64_t move_to;
};

static void act(struct probe *p)
{
	if (!p->bus)
		return;
	if (p->remove >= 0)
		assert_int_equal(bus_remove(p->bus, p->remove), 0);
	if (p->move >= 0)
		assert_int_equal(bus_move(p->bus, p->move, p->move_to, NULL), 0);
	p->bus = NULL;
}

static void note(struct probe *p, bool write, uint64_t off, unsigned size, uint64_t val)
{
	assert_true(size == 1 || size == 2 || size == 4 || size == 8);
	assert_true(p->n < ARRAY_SIZE(p->log));
	p->log[p->n].off = off;
	p->log[p->n].val = val;
	p->log[p->n].size = size;
	p->log[p->n++].write = write;
}

static uint64_t probe_read(void *ctx, uint64_t off, unsigned size)
{
	struct probe *p = ctx;

	note(p, false, off, size, 0);
	act(p);
	/* Dirt above the size, which the bus must cut off. */
	return ld_le(&p->mem[off], size) | ~size_mask(size);
}

static void probe_write(void *ctx, uint64_t off, unsigned size, uint64_t val)
{
	struct probe *p = ctx;

	assert_true((val & ~size_mask(size)) == 0);
	note(p, true, off, size, val);
	act(p);
	st_le(&p->mem[off], size, val);
}

static const struct bus_ops ops = {probe_read, probe_write};

static void fresh(struct probe *p)
{
	*p = (struct probe){.remove = -1, .move = -1};
	for (unsigned i = 0; i < sizeof(p->mem); i++)
		p->mem[i] = (uint8_t)(0x40 + i);
}

/*
 * Every offset and size around a range [100, 116) and its neighbour [116, 124), against what a byte
 * at a time gives, and against the cutting rule.
 */
static void cuts_at_every_edge(void **state)
{
	struct bus *b = bus_new(NULL);
	struct probe a, c;

	(void)state;
	fresh(&a);
	fresh(&c);
	assert_int_equal(bus_add(b, BUS_MMIO, 100, 16, &ops, &a, NULL) >= 0, 1);
	assert_int_equal(bus_add(b, BUS_MMIO, 116, 8, &ops, &c, NULL) >= 0, 1);
	for (uint64_t addr = 88; addr < 130; addr++) {
		for (unsigned size = 1; size <= 8; size++) {
			uint64_t val = 0, want = 0;
			unsigned mapped = 0;
			int rc;

			for (unsigned i = 0; i < size; i++) {
				uint64_t x = addr + i, byte = 0xff;

				if (x >= 100 && x < 116)
					byte = 0x40 + (x - 100);
				else if (x >= 116 && x < 124)
					byte = 0x40 + (x - 116);
				mapped += x >= 100 && x < 124;
				want |= byte << (8 * i);
			}
			a.n = 0;
			c.n = 0;
			rc = bus_read(b, BUS_MMIO, addr, size, &val);
			assert_int_equal(rc, mapped ? 0 : -ENXIO);
			assert_true(val == want);
			/* Whole and a power of two: one piece; else pieces of 4, 2, 1. */
			if (addr >= 100 && addr + size <= 116 && (size & (size - 1)) == 0) {
				assert_int_equal(a.n, 1);
				assert_int_equal(a.log[0].size, size);
			}
			for (unsigned i = 1; i < a.n; i++) {
				assert_true(a.log[i].off == a.log[i - 1].off + a.log[i - 1].size);
				assert_true(a.log[i].size < a.log[i - 1].size ||
					    a.log[i].size == 4);
			}
			for (unsigned i = 0; i < a.n; i++)
				assert_true(a.log[i].off + a.log[i].size <= 16);
			for (unsigned i = 0; i < c.n; i++)
				assert_true(c.log[i].off + c.log[i].size <= 8);
		}
	}
	bus_free(b);
}

static void odd_sizes_low_first(void **state)
{
	static const struct {
		unsigned size, n, piece[3];
	} cases[] = {{3, 2, {2, 1}}, {5, 2, {4, 1}}, {6, 2, {4, 2}}, {7, 3, {4, 2, 1}}};
	struct bus *b = bus_new(NULL);
	struct probe p;
	uint64_t val;

	(void)state;
	fresh(&p);
	bus_add(b, BUS_PIO, 0x100, 64, &ops, &p, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t off = 1;

		p.n = 0;
		assert_int_equal(bus_write(b, BUS_PIO, 0x101, cases[i].size, UINT64_MAX), 0);
		assert_int_equal(p.n, cases[i].n);
		for (unsigned j = 0; j < p.n; j++) {
			assert_int_equal(p.log[j].off, off);
			assert_int_equal(p.log[j].size, cases[i].piece[j]);
			assert_true(p.log[j].val == size_mask(cases[i].piece[j]));
			off += p.log[j].size;
		}
		fresh(&p);
	}
	/* 8 bytes over an end: 4 + 1 here, the rest is nobody's. */
	p.n = 0;
	assert_int_equal(bus_read(b, BUS_PIO, 0x100 + 59, 8, &val), 0);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.log[0].size, 4);
	assert_int_equal(p.log[1].size, 1);
	assert_true(val >> 40 == 0xffffff);
	bus_free(b);
}

static void unmapped_leaves_events(void **state)
{
	struct trace *t = trace_new(16);
	struct bus *b = bus_new(t);
	struct probe p;
	char line[80];
	uint64_t val = 0;

	(void)state;
	fresh(&p);
	assert_int_equal(bus_read(b, BUS_PIO, 0x80, 1, &val), -ENXIO);
	assert_int_equal(val, 0xff);
	trace_format(trace_last(t, 0), line, sizeof(line));
	assert_string_equal(line, "unmapped pio r 0x80 1 0xff");
	assert_int_equal(bus_write(b, BUS_MMIO, 0x1000, 4, 0x123456789a), -ENXIO);
	trace_format(trace_last(t, 0), line, sizeof(line));
	assert_string_equal(line, "unmapped mmio w 0x1000 4 0x3456789a");
	/* 8 bytes of nothing are one event. */
	assert_int_equal(bus_read(b, BUS_MMIO, 0x1000, 8, &val), -ENXIO);
	assert_true(val == UINT64_MAX);
	assert_int_equal(trace_count(t), 3);
	/* Half of it is there: no error, an event for the rest. */
	bus_add(b, BUS_MMIO, 0x2000, 4, &ops, &p, NULL);
	assert_int_equal(bus_read(b, BUS_MMIO, 0x1ffe, 4, &val), 0);
	assert_int_equal(val, 0x4140ffff);
	assert_int_equal(trace_count(t), 4);
	assert_int_equal(trace_last(t, 0)->size, 2);
	/* A mapped access leaves none. */
	assert_int_equal(bus_read(b, BUS_MMIO, 0x2000, 4, &val), 0);
	assert_int_equal(trace_count(t), 4);
	bus_free(b);
	trace_free(t);
}

static void ports_wrap_memory_does_not(void **state)
{
	struct bus *b = bus_new(NULL);
	struct probe top, low;
	uint64_t val;

	(void)state;
	fresh(&top);
	fresh(&low);
	assert_true(bus_add(b, BUS_PIO, 0xfffe, 2, &ops, &top, NULL) >= 0);
	assert_true(bus_add(b, BUS_PIO, 0, 4, &ops, &low, NULL) >= 0);
	assert_int_equal(bus_read(b, BUS_PIO, 0xfffe, 4, &val), 0);
	assert_int_equal(val, 0x41404140);
	assert_int_equal(bus_read(b, BUS_PIO, 0x10000, 1, &val), 0);
	assert_int_equal(val, 0x40);

	fresh(&top);
	fresh(&low);
	assert_true(bus_add(b, BUS_MMIO, UINT64_MAX - 1, 2, &ops, &top, NULL) >= 0);
	assert_true(bus_add(b, BUS_MMIO, 0, 4, &ops, &low, NULL) >= 0);
	assert_int_equal(bus_read(b, BUS_MMIO, UINT64_MAX - 1, 4, &val), 0);
	assert_int_equal(val, 0xffff4140);
	assert_int_equal(bus_write(b, BUS_MMIO, UINT64_MAX - 1, 8, 0), 0);
	assert_int_equal(low.n, 0);
	assert_int_equal(bus_read(b, BUS_MMIO, UINT64_MAX - 5, 8, &val), 0);
	assert_true(val == 0xffff0000ffffffffull);
	assert_int_equal(low.n, 0);
	bus_free(b);
}

static void msrs_are_whole(void **state)
{
	struct trace *t = trace_new(4);
	struct bus *b = bus_new(t);
	struct probe p;
	uint64_t val;

	(void)state;
	fresh(&p);
	assert_true(bus_add(b, BUS_MSR, 0x4b564d80, 8, &ops, &p, NULL) >= 0);
	/* Off is the number of the MSR; two neighbours are no access. */
	assert_int_equal(bus_read(b, BUS_MSR, 0x4b564d87, 8, &val), 0);
	assert_int_equal(p.log[0].off, 7);
	assert_int_equal(p.log[0].size, 8);
	assert_int_equal(bus_write(b, BUS_MSR, 0x4b564d80, 8, UINT64_MAX), 0);
	assert_true(p.log[1].val == UINT64_MAX);
	assert_int_equal(bus_read(b, BUS_MSR, 0x4b564d88, 8, &val), -ENXIO);
	assert_int_equal(bus_write(b, BUS_MSR, 0x4b564d7f, 8, 0), -ENXIO);
	assert_int_equal(p.n, 2);
	assert_int_equal(trace_count(t), 2);
	bus_free(b);
	trace_free(t);
}

static void refuses_bad_ranges(void **state)
{
	struct bus *b = bus_new(NULL);
	struct probe p;
	struct err err = {0};
	int id;

	(void)state;
	fresh(&p);
	assert_int_equal(bus_add(b, BUS_PIO, 0x100, 0, &ops, &p, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "0x100"));
	assert_int_equal(bus_add(b, BUS_PIO, 0xffff, 2, &ops, &p, NULL), -EINVAL);
	assert_int_equal(bus_add(b, BUS_PIO, 0x10000, 1, &ops, &p, NULL), -EINVAL);
	assert_int_equal(bus_add(b, BUS_PIO, 1, UINT64_MAX, &ops, &p, NULL), -EINVAL);
	assert_int_equal(bus_add(b, BUS_MMIO, 1, UINT64_MAX, &ops, &p, NULL) >= 0, 1);
	assert_int_equal(bus_add(b, BUS_MMIO, 0, 1, &ops, &p, NULL) >= 0, 1);
	assert_int_equal(bus_add(b, BUS_MMIO, 2, UINT64_MAX, &ops, &p, NULL), -EINVAL);
	assert_int_equal(bus_add(b, BUS_MSR, 0xffffffff, 1, &ops, &p, NULL) >= 0, 1);
	assert_int_equal(bus_add(b, BUS_MSR, 0x100000000, 1, &ops, &p, NULL), -EINVAL);

	id = bus_add(b, BUS_PIO, 0x100, 0x10, &ops, &p, NULL);
	assert_true(id >= 0);
	assert_int_equal(bus_add(b, BUS_PIO, 0x10f, 1, &ops, &p, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "0x10f"));
	assert_int_equal(bus_add(b, BUS_PIO, 0xf0, 0x11, &ops, &p, NULL), -EEXIST);
	assert_int_equal(bus_add(b, BUS_PIO, 0x90, 0x100, &ops, &p, NULL), -EEXIST);
	assert_int_equal(bus_add(b, BUS_PIO, 0x108, 1, &ops, &p, NULL), -EEXIST);
	assert_true(bus_add(b, BUS_PIO, 0x110, 1, &ops, &p, NULL) >= 0);
	assert_true(bus_add(b, BUS_PIO, 0xff, 1, &ops, &p, NULL) >= 0);
	/* The same numbers elsewhere are something else. */
	assert_int_equal(bus_move(b, id, 0x101, NULL), -EEXIST);
	assert_int_equal(bus_move(b, id, 0xfff8, NULL), -EINVAL);
	assert_int_equal(bus_move(b, 9999, 0, &err), -ENOENT);
	assert_int_equal(bus_remove(b, -1), -ENOENT);
	assert_int_equal(bus_remove(b, id), 0);
	assert_int_equal(bus_remove(b, id), -ENOENT);
	bus_free(b);
}

static void lists_in_order_and_fills_up(void **state)
{
	struct bus *b = bus_new(NULL);
	struct probe p;
	uint64_t base, len, val;
	void *ctx;
	int id[BUS_RANGES];

	(void)state;
	fresh(&p);
	/* In a scattered order. */
	for (unsigned i = 0; i < BUS_RANGES; i++) {
		unsigned at = i * 37 % BUS_RANGES;

		id[at] = bus_add(b, BUS_MMIO, at * 0x100, 0x10, &ops, &p, NULL);
		assert_true(id[at] >= 0);
	}
	assert_int_equal(bus_add(b, BUS_MMIO, 0xf0000, 0x10, &ops, &p, NULL), -E2BIG);
	for (unsigned i = 0; i < BUS_RANGES; i++) {
		assert_true(bus_range(b, BUS_MMIO, i, &base, &len, &ctx));
		assert_int_equal(base, i * 0x100);
		assert_int_equal(len, 0x10);
		assert_ptr_equal(ctx, &p);
		p.n = 0;
		assert_int_equal(bus_read(b, BUS_MMIO, base + 15, 1, &val), 0);
		assert_int_equal(p.log[0].off, 15);
		assert_int_equal(bus_read(b, BUS_MMIO, base + 16, 1, &val), -ENXIO);
	}
	assert_false(bus_range(b, BUS_MMIO, BUS_RANGES, &base, &len, &ctx));
	assert_false(bus_range(b, BUS_PIO, 0, &base, &len, &ctx));
	for (unsigned i = 0; i < BUS_RANGES; i += 2)
		assert_int_equal(bus_remove(b, id[i]), 0);
	for (unsigned i = 0; i < BUS_RANGES; i++) {
		p.n = 0;
		assert_int_equal(bus_read(b, BUS_MMIO, i * 0x100, 4, &val), i & 1 ? 0 : -ENXIO);
	}
	bus_free(b);
}

static void handlers_may_move_and_remove(void **state)
{
	struct bus *b = bus_new(NULL);
	struct probe p, q;
	uint64_t val;
	int ip, iq;

	(void)state;
	fresh(&p);
	fresh(&q);
	ip = bus_add(b, BUS_MMIO, 0x100, 16, &ops, &p, NULL);
	iq = bus_add(b, BUS_MMIO, 0x110, 16, &ops, &q, NULL);
	/* 5 bytes from 0x10c: 4 here, then 1 in the neighbour, which this handler removes. */
	p.bus = b;
	p.remove = iq;
	assert_int_equal(bus_read(b, BUS_MMIO, 0x10c, 5, &val), 0);
	assert_true(val == 0xff4f4e4d4cull);
	assert_int_equal(q.n, 0);
	/* It moves itself between two pieces: the second is looked up anew. */
	p.n = 0;
	p.bus = b;
	p.remove = -1;
	p.move = ip;
	p.move_to = 0x104;
	assert_int_equal(bus_write(b, BUS_MMIO, 0x100, 5, 0x1122334455), 0);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.log[1].off, 0); /* 0x104 is its first byte now */
	assert_int_equal(p.log[1].size, 1);
	assert_int_equal(p.mem[0], 0x11);
	/* It removes itself. */
	p.n = 0;
	p.bus = b;
	p.move = -1;
	p.remove = ip;
	assert_int_equal(bus_read(b, BUS_MMIO, 0x104, 4, &val), 0);
	assert_int_equal(bus_read(b, BUS_MMIO, 0x104, 4, &val), -ENXIO);
	assert_int_equal(p.n, 1);
	bus_free(b);
}

static void values_as_bytes(void **state)
{
	struct bus *b = bus_new(NULL);
	uint8_t data[5] = {1, 2, 3, 4, 5};
	struct probe p;

	(void)state;
	fresh(&p);
	assert_true(bus_add(b, BUS_MMIO, 0x100, 16, &ops, &p, NULL) >= 0);
	assert_int_equal(bus_access(b, BUS_MMIO, 0x100, data, 2, true), 0);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.log[0].val, 0x201);
	assert_int_equal(p.mem[0], 1);
	assert_int_equal(p.mem[1], 2);
	p.mem[2] = 0x77;
	assert_int_equal(bus_access(b, BUS_MMIO, 0x100, data + 1, 3, false), 0);
	assert_memory_equal(data, "\x01\x01\x02\x77\x05", 5);
	/* Where nothing is: all ones, and no byte more than was asked for. */
	assert_int_equal(bus_access(b, BUS_MMIO, 0x200, data, 4, false), -ENXIO);
	assert_memory_equal(data, "\xff\xff\xff\xff\x05", 5);
	assert_int_equal(bus_access(b, BUS_MMIO, 0x200, data, 4, true), -ENXIO);
	bus_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_at_every_edge),
		cmocka_unit_test(odd_sizes_low_first),
		cmocka_unit_test(unmapped_leaves_events),
		cmocka_unit_test(ports_wrap_memory_does_not),
		cmocka_unit_test(msrs_are_whole),
		cmocka_unit_test(values_as_bytes),
		cmocka_unit_test(refuses_bad_ranges),
		cmocka_unit_test(lists_in_order_and_fills_up),
		cmocka_unit_test(handlers_may_move_and_remove),
	};

	return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
