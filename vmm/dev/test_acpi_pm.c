/* SPDX-License-Identifier: MIT */
/* ACPI's fixed hardware against chapter 4 of its specification. */
#include <errno.h>

#include "test_power.h"
#include "ticks_priv.h"

enum { STS = 0x600, EN = 0x602, CNT = 0x604, TMR = 0x608, GPE_STS = 0x60c, GPE_EN = 0x60e };
#define RESET 0x610
#define LINE  (1u << 9)

static const struct ticks clk = {3579545, 1000000000};

static struct dev *ready(struct machine *m)
{
	return power_device(m, "acpi-pm");
}

static uint32_t in(struct machine *m, uint16_t port, unsigned size)
{
	uint64_t v;

	assert_int_equal(bus_read(m->bus, BUS_PIO, port, size, &v), 0);
	return (uint32_t)v;
}

static void out(struct machine *m, uint16_t port, unsigned size, uint32_t v)
{
	assert_int_equal(bus_write(m->bus, BUS_PIO, port, size, v), 0);
}

static void until(struct machine *m, uint64_t ns)
{
	assert_int_equal(clock_advance(&m->clock, ns - clock_now(&m->clock)), 0);
}

static void fresh(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	assert_int_equal(in(m, STS, 4), 0);
	assert_int_equal(in(m, CNT, 2), 1); /* ACPI mode */
	assert_int_equal(in(m, GPE_STS, 4), 0);
	assert_int_equal(in(m, RESET, 1), 0);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	dev_free(d);
	assert_int_equal(dev_new(&d, "acpi-pm", &(struct dev_env){0}, NULL), -EINVAL);
}

static void timer_counts(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	until(m, 1000000000);
	assert_int_equal(in(m, TMR, 4), 3579545);
	assert_int_equal(in(m, TMR + 1, 1), 3579545 >> 8 & 0xff);
	assert_int_equal(in(m, TMR + 2, 2), 3579545 >> 16);
	out(m, TMR, 4, 0);
	assert_int_equal(in(m, TMR, 4), 3579545);
	/* 32 bits, and no drift in a year. */
	until(m, 365 * 86400 * 1000000000ull);
	assert_int_equal(in(m, TMR, 4), (uint32_t)(365 * 86400 * 3579545ull));
	dev_free(d);
}

static void timer_interrupts(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);
	uint64_t half = ticks_ns(&clk, 1ull << 31);

	/* The status comes without the enable. */
	until(m, half - 1);
	assert_int_equal(in(m, TMR, 4), 0x7fffffff);
	assert_int_equal(in(m, STS, 2), 0);
	until(m, half);
	assert_int_equal(in(m, STS, 2), 1);
	assert_int_equal(m->lines, 0);
	out(m, EN, 2, 1);
	assert_int_equal(m->lines, LINE);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	out(m, STS, 2, 0xfffe); /* only ones clear */
	assert_int_equal(m->lines, LINE);
	out(m, STS + 1, 1, 1);
	assert_int_equal(m->lines, LINE);
	out(m, STS, 2, 1);
	assert_int_equal(m->lines, 0);
	assert_int_equal(in(m, STS, 4), 0x10000);
	/* When the bit falls it has changed too. */
	assert_true(clock_next(&m->clock) == ticks_ns(&clk, 2ull << 31));
	until(m, ticks_ns(&clk, 2ull << 31) - 1);
	assert_int_equal(m->lines, 0);
	until(m, ticks_ns(&clk, 2ull << 31));
	assert_int_equal(m->lines, LINE);
	assert_int_equal(m->rises, 2);
	out(m, EN, 2, 0);
	assert_int_equal(m->lines, 0);
	out(m, STS, 2, 1);
	out(m, EN, 2, 1);
	assert_true(clock_next(&m->clock) != CLOCK_NEVER);
	dev_reset(d);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	/* Near the end of time there is no next one. */
	m->clock.now = UINT64_MAX - 5;
	out(m, EN, 2, 1);
	out(m, STS, 2, 1);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	dev_free(d);
}

static void enables_and_control(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	out(m, EN, 2, 0xffff);
	assert_int_equal(in(m, EN, 2), 0x0721);
	out(m, EN + 1, 1, 0);
	assert_int_equal(in(m, EN, 2), 0x0021);
	out(m, GPE_EN, 2, 0x8421);
	assert_int_equal(in(m, GPE_STS, 4), 0x84210000);
	out(m, GPE_STS, 4, 0x0042ffff);
	assert_int_equal(in(m, GPE_STS, 4), 0x00420000);
	out(m, CNT, 2, 0xdffe); /* all but SLP_EN */
	assert_int_equal(in(m, CNT, 2), 0x1c03);
	assert_int_equal(in(m, CNT, 4), 0x1c03);
	out(m, CNT, 2, 0);
	assert_int_equal(in(m, CNT, 2), 0x0001);
	assert_int_equal(offs + resets, 0);
	dev_free(d);
}

static void sleep_is_off(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	out(m, CNT, 2, 0x2000);
	assert_int_equal(offs, 1);
	assert_int_equal(in(m, CNT, 2), 1);
	out(m, CNT + 1, 1, 0x34);
	assert_int_equal(offs, 2);
	assert_int_equal(in(m, CNT, 2), 0x1401);
	out(m, CNT, 1, 0x20);
	assert_int_equal(offs, 2);
	assert_int_equal(resets, 0);
	/* Nobody hears it. */
	d->env.host.power = NULL;
	out(m, CNT, 2, 0x2000);
	dev_free(d);
}

static void reset_register(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	out(m, RESET, 1, 0xf2);
	assert_int_equal(resets, 0);
	assert_int_equal(in(m, RESET, 1), 2);
	out(m, RESET, 1, 0x06);
	assert_int_equal(resets, 1);
	out(m, RESET, 1, 0x06); /* it must rise */
	assert_int_equal(resets, 1);
	out(m, RESET, 1, 0x00);
	out(m, RESET, 1, 0x04);
	assert_int_equal(resets, 2);
	assert_int_equal(offs, 0);
	dev_free(d);
}

static void saved(void **state)
{
	static const struct {
		const char *field;
		uint64_t val;
	} bad[] = {{"en", 2}, {"cnt", 1}, {"reset", 1}, {"irq_level", 1}, {"seen", 1}};
	struct machine *m = *state;
	struct dev *d = ready(m);
	struct buf a = {0}, b = {0};
	size_t used;

	out(m, EN, 2, 1);
	assert_int_equal(dev_save(d, &a), 0);
	dev_reset(d);
	assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), 0);
	assert_true(clock_next(&m->clock) == ticks_ns(&clk, 1ull << 31));
	assert_int_equal(dev_save(d, &b), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.p, b.p, a.len);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		char key[16], *p, was[8];
		size_t n = strlen(bad[i].field), size;

		/* Its name follows its length. */
		st_le16(key, (uint16_t)n);
		memcpy(key + 2, bad[i].field, n);
		p = memmem(a.p, a.len, key, n + 2);
		assert_non_null(p);
		p += n + 2;
		size = ld_le32(p + 2);
		p += 10; /* kind, 0, size, count */
		memcpy(was, p, size);
		st_le(p, (unsigned)size, bad[i].val);
		assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), -EINVAL);
		memcpy(p, was, size);
	}
	assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), 0);
	buf_free(&a);
	buf_free(&b);
	dev_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(fresh),
		machine_test(timer_counts),
		machine_test(timer_interrupts),
		machine_test(enables_and_control),
		machine_test(sleep_is_off),
		machine_test(reset_register),
		machine_test(saved),
	};

	return cmocka_run_group_tests_name("acpi-pm", tests, NULL, NULL);
}
