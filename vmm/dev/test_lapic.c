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

/* Saved and loaded into another one it is the same. */
static void round_trip(struct machine *m, struct dev *d)
{
	struct buf b = {0};
	struct dev *e;
	size_t used;

	assert_int_equal(dev_new(&e, "lapic", &m->env, NULL), 0);
	assert_int_equal(dev_save(d, &b), 0);
	assert_int_equal(dev_load(e, b.p, b.len, &used, NULL), 0);
	assert_true(dev_hash(d, 0) == dev_hash(e, 0));
	buf_free(&b);
	dev_free(e);
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
	/* To another pace in the middle: what is left goes on, also if it would have begun before time 0. */
	wr(d, TIMER, PERIODIC | 0x41);
	wr(d, INITIAL, 100);
	(void)clock_advance(&m->clock, 60);
	wr(d, DIVIDE, 0xa); /* by 128 */
	assert_int_equal(rd(d, CURRENT), 40);
	round_trip(m, d);
	(void)clock_advance(&m->clock, 40 * 128 - 1);
	assert_int_equal(rd(d, CURRENT), 1);
	assert_int_equal(lapic_ack(d), -1);
	(void)clock_advance(&m->clock, 1);
	assert_int_equal(lapic_ack(d), 0x41);
	assert_int_equal(rd(d, CURRENT), 100);
	wr(d, EOI, 0);
	/* Periodic to one-shot goes on to its end; back to periodic it stands at 0 until it is written. */
	wr(d, DIVIDE, 0xb);
	wr(d, INITIAL, 100);
	(void)clock_advance(&m->clock, 30);
	wr(d, TIMER, 0x41);
	assert_int_equal(rd(d, CURRENT), 70);
	(void)clock_advance(&m->clock, 70);
	assert_int_equal(lapic_ack(d), 0x41);
	wr(d, EOI, 0);
	wr(d, TIMER, PERIODIC | 0x41);
	assert_int_equal(rd(d, CURRENT), 0);
	assert_int_equal(rd(d, INITIAL), 100);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	wr(d, INITIAL, 100);
	assert_int_equal(rd(d, CURRENT), 100);
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

#define LDR	  0xd0
#define DFR	  0xe0
#define ICR_HIGH  0x310
#define ERROR_LVT 0x370
#define LOGICAL	  0x800u
#define NMI_MODE  0x400u
#define TO_ALL	  0x80000u
#define TO_OTHERS 0xc0000u
#define MASKED	  0x10000u
#define NOTHING	  (-1)

/* Send (icr) to (dest): does vector 0x60 arrive? It is taken and ended. */
static bool arrives(struct dev *d, uint32_t dest, uint32_t icr)
{
	bool got;

	wr(d, ICR_HIGH, dest);
	wr(d, ICR, icr | 0x60);
	got = lapic_ack(d) == 0x60;
	if (got)
		wr(d, EOI, 0);
	return got;
}

/* SDM 3A 10.6.2: physical, logical flat, logical cluster, broadcast, shorthands. */
static void destinations(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	assert_true(arrives(d, 0, 0));
	assert_false(arrives(d, 1u << 24, 0));
	assert_true(arrives(d, 0xffu << 24, 0));
	wr(d, LDR, 2u << 24);
	assert_true(arrives(d, 3u << 24, LOGICAL));
	assert_false(arrives(d, 1u << 24, LOGICAL));
	wr(d, DFR, 0x0fffffff);
	wr(d, LDR, 0x12u << 24);
	assert_true(arrives(d, 0x12u << 24, LOGICAL));
	assert_false(arrives(d, 0x22u << 24, LOGICAL));
	assert_false(arrives(d, 0x11u << 24, LOGICAL));
	assert_true(arrives(d, 0, TO_ALL));
	assert_false(arrives(d, 0, TO_OTHERS));
	assert_true(arrives(d, 0, 0x100)); /* lowest priority: there is one CPU */
	dev_free(d);
}

/* NMIs by the ICR and by LINT0; SMI, INIT and start-up do nothing to the one CPU. */
static void other_modes(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	wr(d, ICR, SELF | NMI_MODE);
	assert_int_equal(m->nmis, 1);
	wr(d, LINT0, NMI_MODE);
	lapic_lint0(d, 1);
	assert_int_equal(m->nmis, 2);
	lapic_lint0(d, 1); /* no edge */
	assert_int_equal(m->nmis, 2);
	lapic_lint0(d, 0);
	wr(d, LINT0, NMI_MODE | MASKED);
	lapic_lint0(d, 1);
	assert_int_equal(m->nmis, 2);
	lapic_lint0(d, 0);
	wr(d, LINT0, 0x200); /* SMI */
	lapic_lint0(d, 1);
	lapic_lint0(d, 0);
	wr(d, LINT0, 0x45); /* fixed */
	lapic_lint0(d, 1);
	assert_int_equal(lapic_ack(d), 0x45);
	wr(d, EOI, 0);
	for (uint32_t mode = 0x200; mode <= 0x700; mode += 0x100)
		if (mode != NMI_MODE)
			wr(d, ICR, SELF | mode | 0x60);
	assert_int_equal(lapic_ack(d), NOTHING);
	assert_int_equal(m->nmis, 2);
	dev_free(d);
}

/* A bad vector is an error, which has an interrupt of its own (10.5.3); software-disabled: nothing. */
static void errors(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	wr(d, ERROR_LVT, 0x51);
	wr(d, ICR, SELF | 0x0f);
	assert_int_equal(lapic_ack(d), 0x51);
	wr(d, EOI, 0);
	wr(d, ESR, 0);
	assert_int_equal(rd(d, ESR), 1u << 5);
	wr(d, ESR, 0);
	assert_int_equal(rd(d, ESR), 0);
	wr(d, ERROR_LVT, 3); /* its own vector is bad */
	wr(d, ICR, SELF | 0x0f);
	assert_int_equal(lapic_ack(d), NOTHING);
	wr(d, SVR, 0xff); /* 10.4.7.2: software-disabled */
	assert_false(arrives(d, 0, TO_ALL));
	wr(d, TIMER, 0x41);
	assert_int_equal(rd(d, TIMER) & MASKED, MASKED);
	dev_free(d);
}

/* Table 10-6: what x2APIC mode has no register for, or no bit, is #GP, and so is mode off. */
static void x2apic_refusals(void **state)
{
	static const unsigned no_read[] = {DFR, EOI, ICR_HIGH, 0x90, 0xc0, 0x10, 0x3f0};
	static const unsigned no_write[] = {ID, LDR, DFR, ICR_HIGH, 0x10, PPR, ISR, IRR, CURRENT};
	struct machine *m = *state;
	struct dev *d = ready(m);
	unsigned before;

	dev_write(d, RANGE_BASE, 0, 8, BASE | X2);
	for (unsigned i = 0; i < ARRAY_SIZE(no_read); i++) {
		before = refused;
		assert_int_equal(dev_read(d, RANGE_X2, no_read[i] >> 4, 8), 0);
		assert_int_equal(refused, before + 1);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(no_write); i++) {
		before = refused;
		dev_write(d, RANGE_X2, no_write[i] >> 4, 8, 0);
		assert_int_equal(refused, before + 1);
	}
	before = refused;
	dev_write(d, RANGE_X2, TPR >> 4, 8, 1ull << 32);
	dev_write(d, RANGE_X2, SVR >> 4, 8, 1u << 20);
	dev_write(d, RANGE_X2, TIMER >> 4, 8, 1u << 20);
	assert_int_equal(refused, before + 3);
	/* Logical: cluster 0, bit 0 is this CPU's. */
	dev_write(d, RANGE_X2, SVR >> 4, 8, 0x1ff);
	dev_write(d, RANGE_X2, ICR >> 4, 8, 0x0000000100000000ull | LOGICAL | 0x61);
	assert_int_equal(lapic_ack(d), 0x61);
	dev_write(d, RANGE_X2, EOI >> 4, 8, 0);
	dev_write(d, RANGE_X2, ICR >> 4, 8, 0x0001000100000000ull | LOGICAL | 0x61);
	dev_write(d, RANGE_X2, ICR >> 4, 8, 0x0000000200000000ull | LOGICAL | 0x61);
	assert_int_equal(lapic_ack(d), NOTHING);
	dev_free(d);
}

/* Figure 10-27: the mode changes that IA32_APIC_BASE takes, and reserved bits. */
static void base_changes(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	dev_write(d, RANGE_BASE, 0, 8, BASE | 1);
	dev_write(d, RANGE_BASE, 0, 8, 0xfee00500); /* x2APIC without the enable */
	assert_int_equal(refused, 2);
	dev_write(d, RANGE_BASE, 0, 8, 0xfee00100); /* off */
	dev_write(d, RANGE_BASE, 0, 8, BASE | X2);  /* not from off */
	assert_int_equal(refused, 3);
	assert_int_equal(rd(d, ID), UINT32_MAX);
	dev_write(d, RANGE_BASE, 0, 8, 0xfec10900);
	assert_int_equal(d->range[0].base, 0xfec10000);
	assert_int_equal(refused, 3);
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
		cmocka_unit_test_setup_teardown(destinations, machine_set_up, machine_tear_down),
		cmocka_unit_test_setup_teardown(other_modes, machine_set_up, machine_tear_down),
		cmocka_unit_test_setup_teardown(errors, machine_set_up, machine_tear_down),
		cmocka_unit_test_setup_teardown(x2apic_refusals, machine_set_up, machine_tear_down),
		cmocka_unit_test_setup_teardown(base_changes, machine_set_up, machine_tear_down),
	};

	return cmocka_run_group_tests_name("dev/lapic", tests, NULL, NULL);
}
