/* SPDX-License-Identifier: MIT */
/* dev: the I/O APIC by itself, and with a local APIC: levels, their end, ExtINT. */
#include "test_machine.h"

#define SELECT 0x00
#define WINDOW 0x10
#define EOI    0x40

#define MASKED	 0x10000u
#define LEVEL	 0x8000u
#define LOW	 0x2000u
#define REMOTE	 0x4000u
#define LOGICAL	 0x800u
#define NMI_MODE 0x400u
#define EXTINT	 0x700u

/* What came out. */
static struct {
	unsigned n;
	uint64_t addr;
	uint32_t data;
	bool refuse;
} sent;

static bool heard_msi(void *ctx, uint64_t addr, uint32_t data)
{
	(void)ctx;
	sent.n++;
	sent.addr = addr;
	sent.data = data;
	return !sent.refuse;
}

static struct dev *alone(struct machine *m)
{
	struct dev *d;

	memset(&sent, 0, sizeof(sent));
	m->env.host.msi = heard_msi;
	assert_int_equal(dev_new(&d, "ioapic", &m->env, NULL), 0);
	return d;
}

static uint32_t rd(struct dev *d, unsigned reg)
{
	dev_write(d, 0, SELECT, 4, reg);
	return (uint32_t)dev_read(d, 0, WINDOW, 4);
}

static void wr(struct dev *d, unsigned reg, uint32_t val)
{
	dev_write(d, 0, SELECT, 4, reg);
	dev_write(d, 0, WINDOW, 4, val);
}

static void redirect(struct dev *d, unsigned pin, uint32_t high, uint32_t low)
{
	wr(d, 0x11 + 2 * pin, high);
	wr(d, 0x10 + 2 * pin, low);
}

static void pulse(struct dev *d, unsigned pin)
{
	ioapic_set(d, pin, 1);
	ioapic_set(d, pin, 0);
}

static void registers(void **state)
{
	struct machine *m = *state;
	struct dev *d = alone(m);

	assert_int_equal(rd(d, 0), 0);
	assert_int_equal(rd(d, 1), 0x00170020);
	wr(d, 0, 0xffffffff);
	assert_int_equal(rd(d, 0), 0x0f000000);
	assert_int_equal(rd(d, 2), 0x0f000000); /* the arbitration ID follows */
	wr(d, 1, 0);
	assert_true(last_is_guest_error(m));
	assert_int_equal(rd(d, 1), 0x00170020);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		assert_int_equal(rd(d, 0x10 + 2 * pin), MASKED);
		redirect(d, pin, 0xffffffff, 0xffffffff);
		/* neither the delivery status nor remote IRR is software's */
		assert_int_equal(rd(d, 0x10 + 2 * pin), 0x1afff);
		assert_int_equal(rd(d, 0x11 + 2 * pin), 0xff000000);
	}
	assert_int_equal(rd(d, 0x40), 0);
	assert_int_equal(rd(d, 0x0f), 0);
	assert_int_equal(dev_read(d, 0, 0x20, 4), 0);
	/* Parts of registers: read, but not written; the selector's byte is. */
	dev_write(d, 0, SELECT, 1, 1);
	assert_int_equal(dev_read(d, 0, SELECT, 1), 1);
	assert_int_equal(dev_read(d, 0, WINDOW + 2, 1), 0x17);
	dev_write(d, 0, SELECT, 4, 0x10);
	dev_write(d, 0, WINDOW, 2, 0);
	assert_int_equal(rd(d, 0x10), 0x1afff);
	assert_int_equal(sent.n, 0);
	dev_free(d);
}

static void edges(void **state)
{
	struct machine *m = *state;
	struct dev *d = alone(m);

	ioapic_set(d, 4, 1); /* masked: ignored, not kept */
	redirect(d, 4, 0x03000000, LOGICAL | 0x34);
	assert_int_equal(sent.n, 0);
	ioapic_set(d, 4, 1); /* no edge */
	assert_int_equal(sent.n, 0);
	ioapic_set(d, 4, 0);
	ioapic_set(d, 4, 1);
	assert_int_equal(sent.n, 1);
	assert_int_equal(sent.addr, 0xfee03004);
	assert_int_equal(sent.data, 0x4034);
	/* Nothing waits for an end. */
	ioapic_set(d, 4, 0);
	pulse(d, 4);
	assert_int_equal(sent.n, 2);
	assert_int_equal(rd(d, 0x18) & REMOTE, 0);
	/* Active low: the falling edge. */
	redirect(d, 5, 0, LOW | 0x35);
	assert_int_equal(sent.n, 2);
	ioapic_set(d, 5, 1);
	assert_int_equal(sent.n, 2);
	ioapic_set(d, 5, 0);
	assert_int_equal(sent.n, 3);
	assert_int_equal(sent.data, 0x4035);
	/* NMI and ExtINT are edges, whatever bit 15 says. */
	redirect(d, 6, 0, LEVEL | NMI_MODE);
	pulse(d, 6);
	assert_int_equal(sent.data, 0x4400);
	assert_int_equal(rd(d, 0x1c) & REMOTE, 0);
	/* There are no more pins. */
	ioapic_set(d, 24, 1);
	assert_int_equal(sent.n, 4);
	dev_free(d);
}

static void levels(void **state)
{
	struct machine *m = *state;
	struct dev *d = alone(m);

	ioapic_set(d, 9, 1);
	redirect(d, 9, 0, LEVEL | 0x49);
	assert_int_equal(sent.n, 1); /* it was there */
	assert_int_equal(sent.data, 0xc049);
	assert_int_equal(rd(d, 0x22), LEVEL | REMOTE | 0x49);
	ioapic_set(d, 9, 0);
	ioapic_set(d, 9, 1);
	assert_int_equal(sent.n, 1); /* until it ends */
	ioapic_eoi(d, 0x48);
	assert_int_equal(sent.n, 1);
	ioapic_eoi(d, 0x49);
	assert_int_equal(sent.n, 2); /* still up */
	ioapic_set(d, 9, 0);
	dev_write(d, 0, EOI, 4, 0x49);
	assert_int_equal(sent.n, 2);
	assert_int_equal(rd(d, 0x22), LEVEL | 0x49);
	/* Masked when it rises: sent when unmasked. Remote IRR is not software's. */
	wr(d, 0x22, MASKED | LEVEL | REMOTE | 0x49);
	assert_int_equal(rd(d, 0x22), MASKED | LEVEL | 0x49);
	ioapic_set(d, 9, 1);
	assert_int_equal(sent.n, 2);
	wr(d, 0x22, LEVEL | 0x49);
	assert_int_equal(sent.n, 3);
	/* Made an edge, masked, and a level again: how remote IRR was cleared before there was EOI. */
	wr(d, 0x22, MASKED | 0x49);
	assert_int_equal(rd(d, 0x22) & REMOTE, 0);
	wr(d, 0x22, LEVEL | 0x49);
	assert_int_equal(sent.n, 4);
	/* Active low. */
	redirect(d, 10, 0, LEVEL | LOW | 0x50);
	assert_int_equal(sent.n, 5);
	assert_int_equal(sent.data, 0xc050);
	dev_free(d);
}

/* Nobody takes it: it is not on its way. */
static void refused(void **state)
{
	struct machine *m = *state;
	struct dev *d = alone(m);

	sent.refuse = true;
	redirect(d, 9, 0, LEVEL | 0x49);
	ioapic_set(d, 9, 1);
	assert_int_equal(sent.n, 1);
	assert_int_equal(rd(d, 0x22) & REMOTE, 0);
	sent.refuse = false;
	wr(d, 0x23, 0);
	assert_int_equal(sent.n, 2);
	assert_int_equal(rd(d, 0x22) & REMOTE, REMOTE);
	dev_free(d);
}

static void saved(void **state)
{
	struct machine *m = *state;
	struct dev *d = alone(m), *e;
	struct buf b = {0};
	uint8_t *p;
	size_t used;

	assert_int_equal(dev_new(&e, "ioapic", &m->env, NULL), 0);
	redirect(d, 9, 0x01000000, LEVEL | 0x49);
	ioapic_set(d, 9, 1);
	assert_int_equal(dev_save(d, &b), 0);
	assert_int_equal(dev_load(e, b.p, b.len, &used, NULL), 0);
	assert_int_equal(used, b.len);
	assert_true(dev_hash(d, 0) == dev_hash(e, 0));
	ioapic_eoi(e, 0x49);
	assert_int_equal(sent.n, 2);
	/* Every byte of it changed: refused, or a state that saves as it was loaded. */
	p = (uint8_t *)b.p;
	for (size_t i = 0; i < b.len; i++) {
		struct buf again = {0};

		p[i] ^= 0xff;
		if (!dev_load(e, b.p, b.len, &used, NULL)) {
			assert_int_equal(dev_save(e, &again), 0);
			assert_int_equal(again.len, b.len);
			assert_memory_equal(again.p, b.p, b.len);
		}
		buf_free(&again);
		p[i] ^= 0xff;
	}
	buf_free(&b);
	dev_free(d);
	dev_free(e);
}

/* ---- with a local APIC ----------------------------------------------------------------------------- */

static struct dev *lapic, *ioapic;

static bool to_lapic(void *ctx, uint64_t addr, uint32_t data)
{
	(void)ctx;
	return lapic_msi(lapic, addr, data);
}

static void to_ioapic(void *ctx, unsigned vector)
{
	(void)ctx;
	ioapic_eoi(ioapic, vector);
}

static void both(struct machine *m)
{
	m->env.host.msi = to_lapic;
	m->env.host.eoi = to_ioapic;
	assert_int_equal(dev_new(&lapic, "lapic", &m->env, NULL), 0);
	assert_int_equal(dev_new(&ioapic, "ioapic", &m->env, NULL), 0);
	dev_write(lapic, 0, 0xf0, 4, 0x1ff);
}

static void free_both(void)
{
	dev_free(lapic);
	dev_free(ioapic);
}

#define TMR 0x180

static void ends(void **state)
{
	struct machine *m = *state;

	both(m);
	redirect(ioapic, 9, 0, LEVEL | 0x49);
	redirect(ioapic, 4, 0, 0x44);
	ioapic_set(ioapic, 9, 1);
	assert_int_equal(m->intr, 1);
	assert_int_equal(dev_read(lapic, 0, TMR + 0x20, 4), 1u << 9);
	assert_int_equal(lapic_ack(lapic), 0x49);
	assert_int_equal(m->intr, 0);
	/* Ended while it is still up: again. */
	dev_write(lapic, 0, 0xb0, 4, 0);
	assert_int_equal(m->intr, 1);
	assert_int_equal(lapic_ack(lapic), 0x49);
	ioapic_set(ioapic, 9, 0);
	dev_write(lapic, 0, 0xb0, 4, 0);
	assert_int_equal(m->intr, 0);
	assert_int_equal(rd(ioapic, 0x22) & REMOTE, 0);
	/* An edge's end is nobody's business; its TMR bit is clear, also where a level used the vector. */
	pulse(ioapic, 4);
	assert_int_equal(lapic_ack(lapic), 0x44);
	assert_int_equal(dev_read(lapic, 0, TMR + 0x20, 4), 1u << 9);
	dev_write(lapic, 0, 0xb0, 4, 0);
	redirect(ioapic, 4, 0, 0x49);
	pulse(ioapic, 4);
	assert_int_equal(dev_read(lapic, 0, TMR + 0x20, 4), 0);
	free_both();
}

static void messages(void **state)
{
	struct machine *m = *state;

	both(m);
	assert_false(lapic_msi(lapic, 0xfed00000, 0x4051)); /* not there */
	assert_false(lapic_msi(lapic, 0xfee01000, 0x4051)); /* for CPU 1 */
	assert_true(lapic_msi(lapic, 0xfeeff000, 0x4051));  /* for all */
	assert_int_equal(lapic_ack(lapic), 0x51);
	dev_write(lapic, 0, 0xb0, 4, 0);
	assert_false(lapic_msi(lapic, 0xfee01004, 0x4051)); /* logical: no ID yet */
	dev_write(lapic, 0, 0xd0, 4, 1u << 24);
	assert_true(lapic_msi(lapic, 0xfee01004, 0x4151)); /* lowest priority */
	assert_int_equal(lapic_ack(lapic), 0x51);
	dev_write(lapic, 0, 0xb0, 4, 0);
	assert_true(lapic_msi(lapic, 0xfee00000, 0x4400));
	assert_int_equal(m->nmis, 1);
	assert_true(lapic_msi(lapic, 0xfee00000, 0x4200)); /* SMI: there is none */
	assert_int_equal(m->intr, 0);
	assert_true(lapic_msi(lapic, 0xfee00000, 0x4005)); /* a bad vector is an error */
	dev_write(lapic, 0, 0x280, 4, 0);
	assert_int_equal(dev_read(lapic, 0, 0x280, 4), 1u << 6);
	/* x2APIC: the same messages. */
	dev_write(lapic, 1, 0, 8, 0xfee00d00);
	assert_true(lapic_msi(lapic, 0xfeeff000, 0x4052));
	assert_int_equal(lapic_ack(lapic), 0x52);
	/* Software-disabled, then off. */
	dev_write(lapic, 2, 0xf, 8, 0xff);
	assert_false(lapic_msi(lapic, 0xfee00000, 0x4051));
	dev_write(lapic, 1, 0, 8, 0xfee00100);
	assert_false(lapic_msi(lapic, 0xfee00000, 0x4400));
	free_both();
}

/* The 8259 on an I/O APIC's pin: its vector is asked for once a message. */
static void external(void **state)
{
	struct machine *m = *state;

	both(m);
	dev_write(lapic, 0, 0x350, 4, 0x10700); /* LINT0 masked */
	redirect(ioapic, 0, 0, EXTINT);
	ioapic_set(ioapic, 0, 1);
	assert_int_equal(m->intr, 1);
	assert_int_equal(lapic_ack(lapic), LAPIC_EXTINT);
	assert_int_equal(m->intr, 0);
	assert_int_equal(lapic_ack(lapic), -1);
	free_both();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(registers), machine_test(edges),	 machine_test(levels),
		machine_test(refused),	 machine_test(saved),	 machine_test(ends),
		machine_test(messages),	 machine_test(external),
	};

	return cmocka_run_group_tests_name("dev/ioapic", tests, NULL, NULL);
}
