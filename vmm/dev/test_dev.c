/* SPDX-License-Identifier: MIT */
/* What holds for every class: options, wiring, state, accesses; the two debug ports. */
#include <errno.h>

#include "test_machine.h"

/* ---- a foreign class with an option of each kind ---------------------------------------------- */

struct toy {
	struct dev dev;
	uint64_t small, big;
	uint32_t reg;
};

static unsigned toy_fini_calls;

static uint64_t toy_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	assert_true(size == 1 || size == 2 || size == 4 || size == 8);
	assert_true(off + size <= 6 + range);
	(void)d;
	return 0x0807060504030201ull >> (8 * off);
}

static void toy_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	(void)range, (void)off, (void)size;
	container_of(d, struct toy, dev)->reg += (uint32_t)val;
}

static int toy_init(struct dev *d, struct err *err)
{
	if (container_of(d, struct toy, dev)->small == 13)
		return err_set(err, -EIO, "toy: no 13 please");
	return 0;
}

static void toy_fini(struct dev *d)
{
	(void)d;
	toy_fini_calls++;
}

static const struct dev_range toy_ranges[] = {
	{"ports", BUS_PIO, 0x100, 6}, {"regs", BUS_MMIO, 0x1000, 7}, {0}};
static const struct dev_opt toy_opts[] = {
	{"irq", "line", offsetof(struct dev, irq_line), 3, 0, 15},
	{"small", "a small one", offsetof(struct toy, small), 7, 1, 100},
	{"big", "a big one", offsetof(struct toy, big), 0, 0, UINT64_MAX},
	{0},
};
static const struct dev_reg toy_regs[] = {{"A", 0, 2, 0, "r"}, {"B", 1, 4, 2, "rw"}, {0}};
static const struct state_field toy_state[] = {STATE_U(struct toy, reg, 9), STATE_END};
static const struct dev_class toy_class = {
	.name = "toy",
	.help = "for this test",
	.size = sizeof(struct toy),
	.version = 1,
	.ranges = toy_ranges,
	.opts = toy_opts,
	.regs = toy_regs,
	.state = toy_state,
	.init = toy_init,
	.read = toy_read,
	.write = toy_write,
	.fini = toy_fini,
};

static void options_are_set(void **state)
{
	struct machine *m = *state;
	struct dev *d;
	struct toy *t;

	assert_int_equal(dev_new_class(&d, &toy_class, NULL, &m->env, NULL), 0);
	t = container_of(d, struct toy, dev);
	assert_string_equal(d->name, "toy0");
	assert_int_equal(t->small, 7);
	assert_int_equal(t->big, 0);
	assert_int_equal(t->reg, 9);
	assert_int_equal(d->irq_line, 3);
	assert_int_equal(d->irq.line, 3);
	assert_int_equal(d->range[0].base, 0x100);
	assert_int_equal(d->range[1].base, 0x1000);
	dev_free(d);

	assert_int_equal(
		dev_new_class(&d, &toy_class,
			      "base=0x200,small=100,base1=1M,big=0xffffffffffffffff,irq=15",
			      &m->env, NULL),
		0);
	t = container_of(d, struct toy, dev);
	assert_int_equal(t->small, 100);
	assert_true(t->big == UINT64_MAX);
	assert_int_equal(d->irq.line, 15);
	assert_int_equal(d->range[0].base, 0x200);
	assert_int_equal(d->range[1].base, 1 << 20);
	irq_set(&d->irq, 1);
	assert_int_equal(m->lines, 1u << 15);
	dev_free(d);
}

static void options_are_refused(void **state)
{
	static const struct {
		const char *opts, *says;
	} cases[] = {
		{"colour=1", "no option 'colour'"},
		{"colour=1", "base base1 irq small big"},
		{"base2=1", "no option 'base2'"},
		{"small=0", "option small: 0x0 is not from 0x1 to 0x64"},
		{"small=101", "small"},
		{"irq=16", "irq"},
		{"small=abc", "'abc' is not a number"},
		{"small=", "not a number"},
		{"small=-1", "not a number"},
		{"small", "do not parse"},
		{"small=2,", "do not parse"},
		{",small=2", "do not parse"},
		{"small=2,,big=1", "do not parse"},
		{"=2", "do not parse"},
		{"big=99999999999999999999", "not a number"},
		{"big=00000000000000000000000000000000000000001", "do not parse"},
		{"a_name_that_is_longer_than_any_name_could_be=1", "do not parse"},
	};
	struct machine *m = *state;
	struct dev *d;
	struct err err;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		err = (struct err){0};
		d = (struct dev *)m;
		assert_int_equal(dev_new_class(&d, &toy_class, cases[i].opts, &m->env, &err),
				 -EINVAL);
		assert_null(d);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("'%s' does not say '%s'", err.msg, cases[i].says);
		assert_non_null(strstr(err.msg, "toy"));
	}
	/* init's own error comes through, and what was made is freed. */
	toy_fini_calls = 0;
	err = (struct err){0};
	assert_int_equal(dev_new_class(&d, &toy_class, "small=13", &m->env, &err), -EIO);
	assert_string_equal(err.msg, "toy: no 13 please");
	assert_int_equal(toy_fini_calls, 1);
}

static void specs_name_a_class(void **state)
{
	struct machine *m = *state;
	struct err err = {0};
	struct dev *d;

	assert_int_equal(dev_new(&d, "uart,base=0x2f8,irq=3", &m->env, &err), 0);
	assert_string_equal(d->cls->name, "uart");
	assert_int_equal(d->range[0].base, 0x2f8);
	dev_free(d);
	assert_int_equal(dev_new(&d, "floppy,irq=6", &m->env, &err), -ENOENT);
	assert_null(d);
	assert_non_null(strstr(err.msg, "floppy"));
	assert_non_null(strstr(err.msg, "virtio-rng"));
	assert_int_equal(dev_new(&d, "", &m->env, &err), -ENOENT);
	assert_int_equal(dev_new(&d, "uart,", &m->env, &err), -EINVAL);
	assert_int_equal(dev_new(&d, "uart,colour=1", &m->env, &err), -EINVAL);
	assert_int_equal(
		dev_new(&d, "a-class-name-that-is-much-too-long-for-a-class", &m->env, &err),
		-ENOENT);
	dev_free(NULL);
}

static void list_is_sorted_and_found(void **state)
{
	unsigned n = 0;

	(void)state;
	for (; dev_classes[n]; n++) {
		if (n)
			assert_true(strcmp(dev_classes[n - 1]->name, dev_classes[n]->name) < 0);
		assert_ptr_equal(dev_class_find(dev_classes[n]->name), dev_classes[n]);
		assert_non_null(dev_classes[n]->help);
	}
	assert_true(n >= 6);
	assert_null(dev_class_find("uar"));
}

static void ranges_go_on_the_bus(void **state)
{
	struct machine *m = *state;
	struct dev *d, *e;
	struct err err = {0};
	uint64_t val;

	assert_int_equal(dev_new_class(&d, &toy_class, NULL, &m->env, NULL), 0);
	assert_int_equal(dev_new_class(&e, &toy_class, "base=0x110,base1=0x1006", &m->env, NULL),
			 0);
	assert_int_equal(dev_attach(d, m->bus, &err), 0);
	assert_int_equal(bus_read(m->bus, BUS_PIO, 0x102, 2, &val), 0);
	assert_int_equal(val, 0x0403);
	assert_int_equal(bus_write(m->bus, BUS_MMIO, 0x1000, 1, 5), 0);
	assert_int_equal(container_of(d, struct toy, dev)->reg, 14);
	/* The second range is in the way: the first is taken off again. */
	assert_int_equal(dev_attach(e, m->bus, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "toy0, range regs"));
	assert_int_equal(bus_read(m->bus, BUS_PIO, 0x110, 1, &val), -ENXIO);
	dev_detach(d, m->bus);
	assert_int_equal(bus_read(m->bus, BUS_PIO, 0x102, 2, &val), -ENXIO);
	assert_int_equal(dev_attach(e, m->bus, &err), 0);
	dev_free(e); /* leaves the bus */
	assert_int_equal(bus_read(m->bus, BUS_PIO, 0x110, 1, &val), -ENXIO);
	dev_free(d);
}

/* dev_read() without a bus and the bus agree on every offset and size. */
static void direct_access_is_the_bus(void **state)
{
	struct machine *m = *state;
	struct dev *d;

	assert_int_equal(dev_new_class(&d, &toy_class, NULL, &m->env, NULL), 0);
	assert_int_equal(dev_attach(d, m->bus, NULL), 0);
	for (uint64_t off = 0; off < 10; off++) {
		for (unsigned size = 1; size <= 8; size++) {
			uint64_t a, b;

			bus_read(m->bus, BUS_MMIO, 0x1000 + off, size, &a);
			b = dev_read(d, 1, off, size);
			assert_true(a == b);
			bus_read(m->bus, BUS_PIO, 0x100 + off, size, &a);
			b = dev_read(d, 0, off, size);
			assert_true(a == b);
			dev_write(d, 1, off, size, UINT64_MAX);
		}
	}
	assert_true(dev_read(d, 1, UINT64_MAX, 4) == UINT32_MAX);
	dev_free(d);
}

static void registers_are_found(void **state)
{
	(void)state;
	assert_string_equal(dev_reg_find(&toy_class, 0, 1)->name, "A");
	assert_null(dev_reg_find(&toy_class, 0, 2));
	assert_null(dev_reg_find(&toy_class, 1, 0));
	assert_string_equal(dev_reg_find(&toy_class, 1, 5)->name, "B");
	assert_null(dev_reg_find(&toy_class, 1, 6));
}

/* ---- every class ------------------------------------------------------------------------------ */

static int set_up_with_input(void **state)
{
	static const char input[] = "input for the serial port";
	int rc = machine_set_up(state);

	chr_init(&((struct machine *)*state)->serial, input, sizeof(input) - 1);
	return rc;
}

/* Many accesses of all kinds, decided by a seed. */
static void stir(struct machine *m, struct dev *d, uint64_t seed, unsigned n)
{
	struct rng rng = {seed};

	while (n--) {
		unsigned range = d->nr_ranges ? (unsigned)(rng_next(&rng) % d->nr_ranges) : 0;
		uint64_t off = rng_next(&rng) % d->cls->ranges[range].len;
		unsigned size = 1 + (unsigned)(rng_next(&rng) % 8);

		/* Most registers are at the beginning. */
		if (rng_next(&rng) & 1)
			off %= 0x100;
		off %= d->cls->ranges[range].len;
		if (rng_next(&rng) & 1) {
			off &= ~3ull;
			size = 4;
		}
		if (rng_next(&rng) & 1)
			dev_write(d, range, off, size, rng_next(&rng) >> (rng_next(&rng) % 64));
		else
			(void)dev_read(d, range, off, size);
		if (!(rng_next(&rng) & 15))
			(void)clock_advance(&m->clock, rng_next(&rng) % 1000000);
	}
}

static void same_text(struct buf *a, struct buf *b)
{
	assert_false(a->failed || b->failed);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->p, b->p, a->len);
}

static void state_round_trips(void **state)
{
	struct machine *m = *state;

	for (unsigned i = 0; dev_classes[i]; i++) {
		struct dev *d;

		assert_int_equal(dev_new(&d, dev_classes[i]->name, &m->env, NULL), 0);
		for (uint64_t seed = 0; seed < 50; seed++) {
			struct buf a = {0}, b = {0};
			uint64_t hash;
			size_t used;

			stir(m, d, seed, 200);
			assert_int_equal(dev_save(d, &a), 0);
			hash = dev_hash(d, 5);
			dev_reset(d);
			assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), 0);
			assert_int_equal(used, a.len);
			assert_int_equal(dev_save(d, &b), 0);
			same_text(&a, &b);
			assert_true(dev_hash(d, 5) == hash);
			buf_free(&a);
			buf_free(&b);
		}
		dev_free(d);
	}
}

static void reset_is_fresh(void **state)
{
	struct machine *m = *state;

	for (unsigned i = 0; dev_classes[i]; i++) {
		struct buf fresh = {0}, text = {0};
		struct dev *d;

		assert_int_equal(dev_new(&d, dev_classes[i]->name, &m->env, NULL), 0);
		dev_json(d, &fresh);
		for (uint64_t seed = 100; seed < 150; seed++) {
			stir(m, d, seed, 200);
			dev_reset(d);
			buf_free(&text);
			text = (struct buf){0};
			dev_json(d, &text);
			assert_string_equal(buf_str(&text), buf_str(&fresh));
			assert_int_equal(m->lines, 0);
			assert_true(clock_next(&m->clock) == CLOCK_NEVER);
		}
		buf_free(&text);
		buf_free(&fresh);
		dev_free(d);
	}
}

static void every_access_returns(void **state)
{
	struct machine *m = *state;

	for (unsigned i = 0; dev_classes[i]; i++) {
		struct dev *d;

		assert_int_equal(dev_new(&d, dev_classes[i]->name, &m->env, NULL), 0);
		for (unsigned r = 0; r < d->nr_ranges; r++) {
			uint64_t len = d->cls->ranges[r].len;

			for (uint64_t off = 0; off < len + 8; off++) {
				for (unsigned size = 1; size <= 8; size++) {
					uint64_t v = dev_read(d, r, off, size);

					if (d->cls->ranges[r].space != BUS_MSR)
						assert_true((v & ~size_mask(size)) == 0);
					dev_write(d, r, off, size, 0x0101010101010101ull * size);
				}
			}
		}
		dev_free(d);
	}
}

/* Saved bytes that are cut or bent: an error or a state that works, and on an error no change. */
static void bad_state_changes_nothing(void **state)
{
	struct machine *m = *state;

	for (unsigned i = 0; dev_classes[i]; i++) {
		struct buf good = {0};
		struct dev *d;
		size_t used;
		struct err err;

		assert_int_equal(dev_new(&d, dev_classes[i]->name, &m->env, NULL), 0);
		stir(m, d, 7, 300);
		assert_int_equal(dev_save(d, &good), 0);
		for (size_t n = 0; n < good.len; n += n < 512 ? 1 : 97) {
			uint64_t hash = dev_hash(d, 0);

			err = (struct err){0};
			assert_true(dev_load(d, good.p, n, &used, &err) < 0);
			assert_int_equal(used, 0);
			assert_non_null(strstr(err.msg, d->name));
			assert_true(dev_hash(d, 0) == hash);
			good.p[n] ^= 0x41;
			if (dev_load(d, good.p, good.len, &used, NULL))
				assert_true(dev_hash(d, 0) == hash);
			else
				stir(m, d, n, 20);
			good.p[n] ^= 0x41;
			assert_int_equal(dev_load(d, good.p, good.len, &used, NULL), 0);
		}
		buf_free(&good);
		dev_free(d);
	}
}

/* Two of a kind do the same on the same accesses. */
static void runs_repeat(void **state)
{
	struct machine *m = *state;

	for (unsigned i = 0; dev_classes[i]; i++) {
		uint64_t hash[2];

		for (unsigned k = 0; k < 2; k++) {
			struct dev *d;

			clock_init(&m->clock);
			m->serial.in_pos = 0;
			assert_int_equal(dev_new(&d, dev_classes[i]->name, &m->env, NULL), 0);
			stir(m, d, 3, 1000);
			hash[k] = dev_hash(d, 0);
			dev_free(d);
		}
		assert_true(hash[0] == hash[1]);
	}
}

/* ---- the debug ports -------------------------------------------------------------------------- */

static void debug_console_prints(void **state)
{
	struct machine *m = *state;
	uint64_t val;
	struct dev *d;

	assert_int_equal(dev_new(&d, "debugcon", &m->env, NULL), 0);
	assert_int_equal(dev_attach(d, m->bus, NULL), 0);
	assert_int_equal(bus_read(m->bus, BUS_PIO, 0xe9, 1, &val), 0);
	assert_int_equal(val, 0xe9);
	bus_write(m->bus, BUS_PIO, 0xe9, 1, 'h');
	bus_write(m->bus, BUS_PIO, 0xe9, 2, 'i' | '!' << 8);
	assert_string_equal(buf_str(&m->console.out), "hi");
	d->env.console = NULL;
	bus_write(m->bus, BUS_PIO, 0xe9, 1, 'x');
	assert_int_equal(m->console.written, 2);
	dev_free(d);
}

static void debug_exit_ends(void **state)
{
	struct machine *m = *state;
	uint64_t val;
	struct dev *d;

	assert_int_equal(dev_new(&d, "debug-exit", &m->env, NULL), 0);
	assert_int_equal(dev_attach(d, m->bus, NULL), 0);
	for (unsigned size = 1; size <= 4; size *= 2) {
		bus_write(m->bus, BUS_PIO, 0xf4, size, 0xaabbcc10 + size);
		assert_int_equal(m->exit_code, 0x10 + size);
	}
	assert_int_equal(m->exits, 3);
	bus_write(m->bus, BUS_PIO, 0xf5, 1, 1);
	assert_int_equal(m->exits, 3);
	assert_int_equal(trace_last(m->env.trace, 0)->kind, TRACE_DEV);
	assert_int_equal(bus_read(m->bus, BUS_PIO, 0xf4, 4, &val), 0);
	assert_int_equal(val, 0);
	d->env.host.guest_exit = NULL;
	bus_write(m->bus, BUS_PIO, 0xf4, 1, 1);
	assert_int_equal(m->exits, 3);
	dev_free(d);
}

int main(void)
{
#define every_class(f) cmocka_unit_test_setup_teardown(f, set_up_with_input, machine_tear_down)
	const struct CMUnitTest tests[] = {
		machine_test(options_are_set),
		machine_test(options_are_refused),
		machine_test(specs_name_a_class),
		machine_test(list_is_sorted_and_found),
		machine_test(ranges_go_on_the_bus),
		machine_test(direct_access_is_the_bus),
		machine_test(registers_are_found),
		every_class(state_round_trips),
		every_class(reset_is_fresh),
		every_class(every_access_returns),
		every_class(bad_state_changes_nothing),
		every_class(runs_repeat),
		machine_test(debug_console_prints),
		machine_test(debug_exit_ends),
	};

	return cmocka_run_group_tests_name("dev", tests, NULL, NULL);
}
