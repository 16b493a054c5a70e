/* SPDX-License-Identifier: MIT */
/* The test device against its header. */
#include "test_machine.h"

#define PIO  0x700u
#define REG  0xfeb00000ull
#define LINE (1u << 10)

static uint64_t reg32(struct machine *m, uint64_t off)
{
	return mmio_r(m, REG + off, 4);
}

static void scratch_is_memory(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "testdev");
	static const unsigned sizes[] = {1, 2, 4, 8};

	for (unsigned i = 0; i < 4; i++) {
		for (uint64_t off = 0; off + sizes[i] <= TESTDEV_SCRATCH_LEN; off++) {
			uint64_t v = 0x1122334455667788ull * (off + 1) & size_mask(sizes[i]), got;

			mmio_w(m, REG + off, sizes[i], v);
			assert_true(mmio_r(m, REG + off, sizes[i]) == v);
			if (off + sizes[i] > TESTDEV_PIO_SCRATCH_LEN)
				continue;
			assert_int_equal(bus_write(m->bus, BUS_PIO, PIO + off, sizes[i], v ^ 0x55),
					 0);
			assert_int_equal(bus_read(m->bus, BUS_PIO, PIO + off, sizes[i], &got), 0);
			assert_true(got == (v ^ 0x55));
			assert_true(mmio_r(m, REG + off, sizes[i]) == v);
		}
	}
	dev_free(d);
}

static void log_shows_widths(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "testdev");
	uint64_t v;

	assert_int_equal(reg32(m, TESTDEV_LOG_COUNT), 0);
	assert_int_equal(reg32(m, TESTDEV_LOG_LAST), 0);
	mmio_w(m, REG + 8, 4, 1);
	assert_int_equal(reg32(m, TESTDEV_LOG_LAST), 0x03040008);
	(void)mmio_r(m, REG + 0x10, 8);
	assert_int_equal(reg32(m, TESTDEV_LOG_LAST), 0x02080010);
	(void)inb(m, PIO + 3);
	assert_int_equal(reg32(m, TESTDEV_LOG_LAST), 0x00010003);
	bus_write(m->bus, BUS_MSR, TESTDEV_MSR + 7, 8, 1);
	assert_int_equal(reg32(m, TESTDEV_LOG_LAST), 0x05080007);
	assert_int_equal(reg32(m, TESTDEV_LOG_COUNT), 4);
	bus_read(m->bus, BUS_PIO, PIO + TESTDEV_PIO_LOG_COUNT, 4, &v);
	assert_int_equal(v, 4);
	bus_read(m->bus, BUS_PIO, PIO + TESTDEV_PIO_LOG_LAST, 4, &v);
	assert_int_equal(v, 0x05080007);
	/* In order; only the first 16. */
	mmio_w(m, REG + TESTDEV_LOG_COUNT, 4, 0);
	assert_int_equal(reg32(m, TESTDEV_LOG), 0);
	for (unsigned i = 0; i < 20; i++)
		(void)mmio_r(m, REG + i, 1);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(reg32(m, TESTDEV_LOG + 4 * i), 0x02010000 + i);
	assert_int_equal(reg32(m, TESTDEV_LOG_COUNT), 20);
	assert_int_equal(bus_write(m->bus, BUS_PIO, PIO + TESTDEV_PIO_LOG_COUNT, 4, 0), 0);
	assert_int_equal(reg32(m, TESTDEV_LOG_COUNT), 0);
	/* A read of 7 bytes, as the bus cuts it. */
	(void)mmio_r(m, REG + 1, 7);
	assert_int_equal(reg32(m, TESTDEV_LOG_COUNT), 3);
	assert_int_equal(reg32(m, TESTDEV_LOG), 0x02040001);
	assert_int_equal(reg32(m, TESTDEV_LOG + 4), 0x02020005);
	assert_int_equal(reg32(m, TESTDEV_LOG + 8), 0x02010007);
	dev_free(d);
}

static void interrupt_and_nmi(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "testdev");

	mmio_w(m, REG + TESTDEV_CTRL, 4, TESTDEV_CTRL_IRQ);
	assert_int_equal(m->lines, LINE);
	assert_int_equal(reg32(m, TESTDEV_CTRL), 1);
	assert_int_equal(inb(m, PIO + TESTDEV_PIO_CTRL), 1);
	mmio_w(m, REG + TESTDEV_CTRL, 4, 0);
	assert_int_equal(m->lines, 0);
	outb(m, PIO + TESTDEV_PIO_CTRL, TESTDEV_CTRL_NMI | TESTDEV_CTRL_IRQ);
	assert_int_equal(m->nmis, 1);
	assert_int_equal(m->lines, LINE);
	assert_int_equal(inb(m, PIO + TESTDEV_PIO_CTRL), 1);
	dev_reset(d);
	assert_int_equal(m->lines, 0);
	dev_free(d);
}

static void assertions(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "testdev");

	mmio_w(m, REG + TESTDEV_ASSERT_GOT, 8, 0x1122334455667788);
	mmio_w(m, REG + TESTDEV_ASSERT_WANT, 4, 0x55);
	mmio_w(m, REG + TESTDEV_ASSERT_WANT + 4, 4, 0x66);
	assert_int_equal(m->asserts, 0);
	mmio_w(m, REG + TESTDEV_ASSERT_LINE, 4, 42);
	assert_int_equal(m->asserts, 1);
	assert_int_equal(m->assert_line, 42);
	assert_true(m->assert_got == 0x1122334455667788);
	assert_true(m->assert_want == 0x6600000055);
	assert_int_equal(reg32(m, TESTDEV_ASSERT_LINE), 42);
	assert_int_equal(mmio_r(m, REG + TESTDEV_ASSERT_GOT + 4, 4), 0x11223344);
	dev_free(d);
}

static void put_by_window(struct machine *m, uint16_t off, uint32_t val)
{
	assert_int_equal(bus_write(m->bus, BUS_PIO, PIO + TESTDEV_PIO_INDEX, 2, off), 0);
	assert_int_equal(bus_write(m->bus, BUS_PIO, PIO + TESTDEV_PIO_DATA, 4, val), 0);
}

static uint64_t get_by_window(struct machine *m, uint16_t off)
{
	uint64_t v;

	assert_int_equal(bus_write(m->bus, BUS_PIO, PIO + TESTDEV_PIO_INDEX, 2, off), 0);
	assert_int_equal(bus_read(m->bus, BUS_PIO, PIO + TESTDEV_PIO_DATA, 4, &v), 0);
	return v;
}

static void host_operations(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "testdev");
	uint64_t v;

	for (unsigned i = 0; i < 4; i++) {
		mmio_w(m, REG + TESTDEV_A0 + 8 * i, 8, 0x100000000ull * (i + 1) + i);
		assert_true(mmio_r(m, REG + TESTDEV_A0 + 8 * i, 8) == 0x100000000ull * (i + 1) + i);
	}
	mmio_w(m, REG + TESTDEV_OP, 4, 5);
	assert_int_equal(m->hostops, 1);
	assert_int_equal(m->op, 5);
	for (unsigned i = 0; i < 4; i++)
		assert_true(m->arg[i] == 0x100000000ull * (i + 1) + i);
	testdev_set_result(d, -22);
	assert_true(mmio_r(m, REG + TESTDEV_RESULT, 8) == (uint64_t)-22);
	mmio_w(m, REG + TESTDEV_RESULT, 8, 1); /* read-only */
	assert_true(last_is_guest_error(m));
	assert_true(mmio_r(m, REG + TESTDEV_RESULT, 8) == (uint64_t)-22);
	/* The same by ports. */
	put_by_window(m, TESTDEV_A2, 0x33);
	put_by_window(m, TESTDEV_A2 + 4, 0x44);
	put_by_window(m, TESTDEV_OP, 6);
	assert_int_equal(m->hostops, 2);
	assert_true(m->arg[2] == 0x4400000033);
	assert_int_equal(get_by_window(m, TESTDEV_RESULT), 0xffffffea);
	assert_int_equal(get_by_window(m, TESTDEV_RESULT + 4), 0xffffffff);
	/* The index is a register's offset whatever is written. */
	bus_write(m->bus, BUS_PIO, PIO + TESTDEV_PIO_INDEX, 2, 0xffff);
	bus_read(m->bus, BUS_PIO, PIO + TESTDEV_PIO_INDEX, 2, &v);
	assert_int_equal(v, 0x0ffc);
	dev_free(d);
}

static void msr_scratch(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "testdev");
	uint64_t v;

	for (unsigned i = 0; i < TESTDEV_MSR_SCRATCH; i++)
		assert_int_equal(bus_write(m->bus, BUS_MSR, TESTDEV_MSR + i, 8, ~0ull - i), 0);
	for (unsigned i = 0; i < TESTDEV_MSR_SCRATCH; i++) {
		assert_int_equal(bus_read(m->bus, BUS_MSR, TESTDEV_MSR + i, 8, &v), 0);
		assert_true(v == ~0ull - i);
	}
	for (unsigned i = 0; i < TESTDEV_MSR_FAULT_NR; i++) {
		assert_true(bus_write(m->bus, BUS_MSR, TESTDEV_MSR_FAULT + i, 8, 0) < 0);
		assert_true(bus_read(m->bus, BUS_MSR, TESTDEV_MSR_FAULT + i, 8, &v) < 0);
	}
	dev_free(d);
}

static void reads_are_counted(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "testdev");

	mmio_w(m, REG + TESTDEV_RMW, 8, 0x0102030405060708);
	assert_int_equal(mmio_r(m, REG + TESTDEV_RMW + 1, 2), 0x0607);
	mmio_w(m, REG + TESTDEV_RMW + 1, 2, 0xffff);
	assert_true(mmio_r(m, REG + TESTDEV_RMW, 8) == 0x0102030405ffff08);
	assert_int_equal(reg32(m, TESTDEV_RMW_READS), 2);
	assert_int_equal(reg32(m, TESTDEV_RMW_WRITES), 2);
	mmio_w(m, REG + TESTDEV_RMW_READS, 4, 0);
	assert_int_equal(reg32(m, TESTDEV_RMW_READS), 0);
	assert_int_equal(reg32(m, TESTDEV_LOG_COUNT), 0);
	/* A register that every read changes. */
	mmio_w(m, REG + TESTDEV_NEXT, 4, 0xfffffffe);
	assert_int_equal(reg32(m, TESTDEV_NEXT), 0xfffffffe);
	assert_int_equal(reg32(m, TESTDEV_NEXT), 0xffffffff);
	assert_int_equal(reg32(m, TESTDEV_NEXT), 0);
	dev_free(d);
}

static void timer(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "testdev");
	struct buf a = {0};
	size_t used;

	assert_int_equal(mmio_r(m, REG + TESTDEV_TIMER, 8), 0);
	mmio_w(m, REG + TESTDEV_TIMER, 8, 1000);
	assert_int_equal(clock_next(&m->clock), 1000);
	clock_advance(&m->clock, 400);
	assert_int_equal(mmio_r(m, REG + TESTDEV_TIMER, 8), 600);
	assert_int_equal(mmio_r(m, REG + TESTDEV_TIME, 8), 400);
	clock_advance(&m->clock, 599);
	assert_int_equal(m->lines, 0);
	clock_advance(&m->clock, 1);
	assert_int_equal(m->lines, LINE);
	assert_int_equal(reg32(m, TESTDEV_TIMER_STATUS), 1);
	assert_int_equal(mmio_r(m, REG + TESTDEV_TIMER, 8), 0);
	mmio_w(m, REG + TESTDEV_TIMER_STATUS, 4, 0);
	assert_int_equal(m->lines, LINE);
	mmio_w(m, REG + TESTDEV_TIMER_STATUS, 4, 1);
	assert_int_equal(m->lines, 0);
	/* By halves, as ports do: nothing happens before the low one. */
	put_by_window(m, TESTDEV_TIMER + 4, 1);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	put_by_window(m, TESTDEV_TIMER, 5);
	assert_true(clock_next(&m->clock) == 1000 + 0x100000005ull);
	put_by_window(m, TESTDEV_TIMER, 7); /* the high half was used up */
	assert_int_equal(clock_next(&m->clock), 1007);
	/* Saved while it runs, cancelled by reset, running again after load. */
	assert_int_equal(dev_save(d, &a), 0);
	dev_reset(d);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), 0);
	assert_int_equal(clock_next(&m->clock), 1007);
	mmio_w(m, REG + TESTDEV_TIMER, 8, 0);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	mmio_w(m, REG + TESTDEV_TIMER, 8, UINT64_MAX); /* beyond the end of time */
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	mmio_w(m, REG + TESTDEV_TIMER, 8, 5);
	buf_free(&a);
	dev_free(d);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
}

static void wrong_widths_do_nothing(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "testdev");
	uint64_t v;

	for (unsigned size = 1; size <= 8; size *= 2) {
		for (uint64_t off = TESTDEV_SCRATCH_LEN; off < 0x200; off++) {
			const struct dev_reg *r = dev_reg_find(d->cls, 1, off);
			bool ok = r && ((size == 4 && !(off & 3)) ||
					(size == 8 && r->width == 8 && off == r->off));

			if (off >= TESTDEV_RMW - 7 && off < TESTDEV_RMW + TESTDEV_RMW_LEN)
				continue;
			trace_clear(m->env.trace);
			v = mmio_r(m, REG + off, size);
			if (!ok)
				assert_int_equal(v, 0);
			assert_int_equal(last_is_guest_error(m), !ok);
			if (ok)
				continue;
			mmio_w(m, REG + off, size, UINT64_MAX);
			assert_true(last_is_guest_error(m));
		}
	}
	assert_int_equal(m->asserts + m->hostops + m->nmis, 0);
	bus_read(m->bus, BUS_PIO, PIO + TESTDEV_PIO_DATA, 2, &v);
	assert_int_equal(v, 0);
	bus_write(m->bus, BUS_PIO, PIO + TESTDEV_PIO_DATA, 1, 1);
	assert_true(last_is_guest_error(m));
	dev_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(scratch_is_memory),       machine_test(log_shows_widths),
		machine_test(interrupt_and_nmi),       machine_test(assertions),
		machine_test(host_operations),	       machine_test(msr_scratch),
		machine_test(reads_are_counted),       machine_test(timer),
		machine_test(wrong_widths_do_nothing),
	};

	return cmocka_run_group_tests_name("testdev", tests, NULL, NULL);
}
