/* SPDX-License-Identifier: MIT */
/* What the unit tests of devices put around them: memory, a clock, a bus, and ears on all sides. */
#ifndef VMM_DEV_TEST_MACHINE_H
#define VMM_DEV_TEST_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <vmm/dev.h>
#include <vmm/net.h>

#define TEST_RAM  (1u << 20)
#define TEST_DISK (1u << 16)
#define TEST_CHRS 4

struct machine {
	struct dev_env env;
	struct clock clock;
	struct chr serial, console;
	struct bus *bus;
	struct blk *disk[1];
	struct net *net[1];
	struct chr chr[TEST_CHRS], *chrs[TEST_CHRS]; /* they loop */
	/* heard from dev_host */
	uint8_t exit_code;
	unsigned exits, asserts, hostops, nmis, intr_edges;
	uint32_t assert_line, op;
	uint64_t assert_got, assert_want, arg[4];
	int intr;
	/* heard from irq lines: one bit each, and how often any rose */
	uint32_t lines;
	unsigned rises;
};

static inline void heard_exit(void *ctx, uint8_t code)
{
	struct machine *m = ctx;

	m->exit_code = code;
	m->exits++;
}

static inline void heard_assert(void *ctx, uint32_t line, uint64_t got, uint64_t want)
{
	struct machine *m = ctx;

	m->asserts++;
	m->assert_line = line;
	m->assert_got = got;
	m->assert_want = want;
}

static inline void heard_hostop(void *ctx, uint32_t op, const uint64_t arg[4])
{
	struct machine *m = ctx;

	m->hostops++;
	m->op = op;
	memcpy(m->arg, arg, sizeof(m->arg));
}

static inline void heard_intr(void *ctx, int level)
{
	struct machine *m = ctx;

	m->intr_edges += level && !m->intr;
	m->intr = level;
}

static inline void heard_nmi(void *ctx)
{
	((struct machine *)ctx)->nmis++;
}

static inline void heard_irq(void *ctx, unsigned line, int level)
{
	struct machine *m = ctx;
	uint32_t bit = 1u << line;

	m->rises += level && !(m->lines & bit);
	m->lines = level ? m->lines | bit : m->lines & ~bit;
}

static inline int machine_set_up(void **state)
{
	static struct machine m;

	m = (struct machine){0};
	clock_init(&m.clock);
	chr_init(&m.serial, NULL, 0);
	chr_init(&m.console, NULL, 0);
	assert_int_equal(gmem_new(&m.env.mem, NULL), 0);
	assert_int_equal(gmem_add(m.env.mem, 0, TEST_RAM, GMEM_RAM, NULL), 0);
	m.env.trace = trace_new(16);
	assert_non_null(m.env.trace);
	m.bus = bus_new(m.env.trace);
	assert_non_null(m.bus);
	assert_int_equal(blk_mem_new(&m.disk[0], TEST_DISK, NULL), 0);
	assert_int_equal(net_open(&m.net[0], "loop", &(struct net_env){.clock = &m.clock}, NULL),
			 0);
	for (unsigned i = 0; i < TEST_CHRS; i++) {
		assert_int_equal(chr_open(&m.chr[i], "loop", "", NULL, NULL), 0);
		m.chrs[i] = &m.chr[i];
	}
	m.env.chr = m.chrs;
	m.env.nr_chrs = TEST_CHRS;
	m.env.net = m.net;
	m.env.nr_nets = ARRAY_SIZE(m.net);
	m.env.disk = m.disk;
	m.env.nr_disks = ARRAY_SIZE(m.disk);
	m.env.clock = &m.clock;
	m.env.serial = &m.serial;
	m.env.console = &m.console;
	m.env.irq = (struct irq){heard_irq, &m, 0};
	m.env.host = (struct dev_host){.ctx = &m,
				       .guest_exit = heard_exit,
				       .guest_assert = heard_assert,
				       .hostop = heard_hostop,
				       .intr = heard_intr,
				       .nmi = heard_nmi};
	m.env.seed = 1;
	*state = &m;
	return 0;
}

static inline int machine_tear_down(void **state)
{
	struct machine *m = *state;

	bus_free(m->bus);
	blk_close(m->disk[0]);
	net_close(m->net[0]);
	trace_free(m->env.trace);
	gmem_free(m->env.mem);
	for (unsigned i = 0; i < TEST_CHRS; i++)
		chr_fini(&m->chr[i]);
	chr_fini(&m->serial);
	chr_fini(&m->console);
	return 0;
}

#define machine_test(f) cmocka_unit_test_setup_teardown(f, machine_set_up, machine_tear_down)

/* A device on the bus. */
static inline struct dev *machine_add(struct machine *m, const char *spec)
{
	struct dev *d;

	assert_int_equal(dev_new(&d, spec, &m->env, NULL), 0);
	assert_int_equal(dev_attach(d, m->bus, NULL), 0);
	return d;
}

static inline uint8_t inb(struct machine *m, uint16_t port)
{
	uint64_t v;

	assert_int_equal(bus_read(m->bus, BUS_PIO, port, 1, &v), 0);
	return (uint8_t)v;
}

static inline void outb(struct machine *m, uint16_t port, uint8_t v)
{
	assert_int_equal(bus_write(m->bus, BUS_PIO, port, 1, v), 0);
}

static inline uint64_t mmio_r(struct machine *m, uint64_t gpa, unsigned size)
{
	uint64_t v;

	assert_int_equal(bus_read(m->bus, BUS_MMIO, gpa, size, &v), 0);
	return v;
}

static inline void mmio_w(struct machine *m, uint64_t gpa, unsigned size, uint64_t v)
{
	assert_int_equal(bus_write(m->bus, BUS_MMIO, gpa, size, v), 0);
}

/* Did the last event tell of a guest error? */
static inline bool last_is_guest_error(struct machine *m)
{
	const struct trace_event *ev = trace_last(m->env.trace, 0);

	return ev && ev->kind == TRACE_DEV;
}

#endif
