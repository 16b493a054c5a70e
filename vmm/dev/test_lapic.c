/* SPDX-License-Identifier: MIT */
/* dev: the local APIC: priorities, interrupts to itself, LINT0, the timer, x2APIC. */
#include "test_machine.h"

#define ID	0x20
#define TPR	0x80
#define PPR	0xa0
#define EOI	0xb0
#define SVR	0xf0
#define ISR	0x100
#define IRR	0x200
#define ESR	0x280
#define ICR	0x300
#define TIMER	0x320
#define LINT0	0x350
#define INITIAL 0x380
#define CURRENT 0x390
#define DIVIDE	0x3e0

#define SELF	   0x40000u
#define PERIODIC   0x20000u
#define DEADLINE   0x40000u
#define BASE	   0xfee00900ull
#define X2	   0x400ull
#define RANGE_BASE 1
#define RANGE_X2   2
#define RANGE_TSC  3

static unsigned refused;
static unsigned cr8;

static void heard_refuse(void *ctx)
{
	(void)ctx;
	refused++;
}

static void heard_cr8(void *ctx, unsigned val)
{
	(void)ctx;
	cr8 = val;
}

static struct dev *ready(struct machine *m)
{
	struct dev *d;

	m->env.host.refuse = heard_refuse;
	m->env.host.cr8 = heard_cr8;
	refused = 0;
	assert_int_equal(dev_new(&d, "lapic", &m->env, NULL), 0);
	dev_write(d, 0, SVR, 4, 0x1ff);
	return d;
}

static uint32_t rd(struct dev *d, unsigned reg)
{
	return (uint32_t)dev_read(d, 0, reg, 4);
}

static void wr(struct dev *d, unsigned reg, uint32_t val)
{
	dev_write(d, 0, reg, 4, val);
}

static void priorities(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	wr(d, ICR, SELF | 0x31);
	assert_int_equal(m->intr, 1);
	wr(d, ICR, SELF | 0x52);
	assert_int_equal(rd(d, IRR + 0x20), 1u << 18);
	assert_int_equal(lapic_ack(d), 0x52);
	assert_int_equal(m->intr, 0); /* 0x31 has to wait */
	assert_int_equal(rd(d, PPR), 0x50);
	wr(d, EOI, 0);
	assert_int_equal(m->intr, 1);
	/* The task's priority holds back its own class and those below. */
	wr(d, TPR, 0x3f);
	assert_int_equal(cr8, 3);
	assert_int_equal(m->intr, 0);
	assert_int_equal(lapic_ack(d), -1);
	lapic_set_cr8(d, 2);
	assert_int_equal(m->intr, 1);
	assert_int_equal(rd(d, TPR), 0x20);
	assert_int_equal(lapic_ack(d), 0x31);
	assert_int_equal(rd(d, ISR + 0x10), 1u << 17);
	/* Not enabled: nothing is accepted. */
	wr(d, EOI, 0);
	wr(d, SVR, 0xff);
	wr(d, ICR, SELF | 0x31);
	assert_int_equal(m->intr, 0);
	dev_free(d);
}

static void bad_vectors(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	wr(d, ICR, SELF | 5);
	assert_int_equal(rd(d, ESR), 0); /* latched by a write */
	wr(d, ESR, 0);
	assert_int_equal(rd(d, ESR), 1u << 5);
	(void)rd(d, 0x40);
	wr(d, ESR, 0);
	assert_int_equal(rd(d, ESR), 1u << 7);
	/* An NMI to itself; INIT reaches nobody; to all but itself neither. */
	wr(d, ICR, SELF | 0x400);
	assert_int_equal(m->nmis, 1);
	wr(d, ICR, 0xc0000 | 0x400);
	wr(d, ICR, SELF | 0x500);
	assert_int_equal(m->nmis, 1);
	assert_int_equal(m->intr, 0);
	dev_free(d);
}

static void the_8259(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	lapic_lint0(d, 1); /* as a BIOS leaves it: through */
	assert_int_equal(m->intr, 1);
	assert_int_equal(lapic_ack(d), LAPIC_EXTINT);
	wr(d, LINT0, 0x10700);
	assert_int_equal(m->intr, 0);
	/* Switched off, it is not there. */
	dev_write(d, RANGE_BASE, 0, 8, 0xfee00100);
	assert_int_equal(m->intr, 1);
	assert_int_equal(lapic_ack(d), LAPIC_EXTINT);
	assert_int_equal(rd(d, ID), UINT32_MAX);
	lapic_lint0(d, 0);
	assert_int_equal(m->intr, 0);
	dev_free(d);
}

static void timer(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	wr(d, DIVIDE, 0); /* by 2 */
	wr(d, TIMER, 0x40);
	wr(d, INITIAL, 1000);
	(void)clock_advance(&m->clock, 500);
	assert_int_equal(rd(d, CURRENT), 750);
	(void)clock_advance(&m->clock, 1499);
	assert_int_equal(m->intr, 0);
	(void)clock_advance(&m->clock, 1);
	assert_int_equal(lapic_ack(d), 0x40);
	assert_int_equal(rd(d, CURRENT), 0);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	wr(d, EOI, 0);
	wr(d, DIVIDE, 0xb); /* by 1 */
	wr(d, TIMER, PERIODIC | 0x41);
	wr(d, INITIAL, 100);
	for (unsigned i = 0; i < 3; i++) {
		(void)clock_advance(&m->clock, 100);
		assert_int_equal(lapic_ack(d), 0x41);
		wr(d, EOI, 0);
	}
	wr(d, INITIAL, 0);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	wr(d, TIMER, DEADLINE | 0x42);
	dev_write(d, RANGE_TSC, 0, 8, clock_now(&m->clock) + 10);
	(void)clock_advance(&m->clock, 10);
	assert_int_equal(lapic_ack(d), 0x42);
	assert_int_equal(dev_read(d, RANGE_TSC, 0, 8), 0);
	dev_free(d);
}

static void x2apic(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	(void)dev_read(d, RANGE_X2, ID >> 4, 8);
	assert_int_equal(refused, 1);
	dev_write(d, RANGE_BASE, 0, 8, BASE | X2);
	assert_int_equal(refused, 1);
	assert_int_equal(rd(d, ID), UINT32_MAX); /* not in memory any more */
	assert_int_equal(dev_read(d, RANGE_X2, 0xd, 8), 1);
	dev_write(d, RANGE_X2, 0x3f, 8, 0x77);
	assert_int_equal(lapic_ack(d), 0x77);
	dev_write(d, RANGE_X2, EOI >> 4, 8, 0);
	dev_write(d, RANGE_X2, ICR >> 4, 8, 0xffffffff00000078ull);
	assert_int_equal(lapic_ack(d), 0x78);
	assert_int_equal(refused, 1);
	dev_write(d, RANGE_X2, EOI >> 4, 8, 1);
	dev_write(d, RANGE_X2, TPR >> 4, 8, 0x100);
	dev_write(d, RANGE_X2, 0xe, 8, 0);
	dev_write(d, RANGE_BASE, 0, 8, BASE); /* not back but through off */
	assert_int_equal(refused, 5);
	assert_int_equal(dev_read(d, RANGE_BASE, 0, 8), BASE | X2);
	dev_write(d, RANGE_BASE, 0, 8, 0xfee00100);
	dev_write(d, RANGE_BASE, 0, 8, BASE);
	assert_int_equal(refused, 5);
	assert_int_equal(rd(d, SVR), 0xff); /* forgotten */
	dev_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(priorities, machine_set_up, machine_tear_down),
		cmocka_unit_test_setup_teardown(bad_vectors, machine_set_up, machine_tear_down),
		cmocka_unit_test_setup_teardown(the_8259, machine_set_up, machine_tear_down),
		cmocka_unit_test_setup_teardown(timer, machine_set_up, machine_tear_down),
		cmocka_unit_test_setup_teardown(x2apic, machine_set_up, machine_tear_down),
	};

	return cmocka_run_group_tests_name("dev/lapic", tests, NULL, NULL);
}
