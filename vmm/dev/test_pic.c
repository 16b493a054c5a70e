/* SPDX-License-Identifier: MIT */
/* The 8259A pair against Intel's data sheet. */
#include "test_machine.h"

enum { MCMD = 0x20, MDATA = 0x21, SCMD = 0xa0, SDATA = 0xa1, ELCR1 = 0x4d0, ELCR2 = 0x4d1 };
#define EOI	  0x20
#define EOI_OF(n) (0x60 | (n))

static void init_words(struct machine *m, uint8_t icw1, uint8_t icw4)
{
	outb(m, MCMD, icw1);
	outb(m, SCMD, icw1);
	outb(m, MDATA, 0x20);
	outb(m, SDATA, 0x28);
	outb(m, MDATA, 0x04);
	outb(m, SDATA, 0x02);
	outb(m, MDATA, icw4);
	outb(m, SDATA, icw4);
}

static struct dev *pic_ready(struct machine *m)
{
	struct dev *d = machine_add(m, "pic");

	init_words(m, 0x11, 0x01);
	return d;
}

static void pulse(struct dev *d, unsigned line)
{
	pic_set(d, line, 0);
	pic_set(d, line, 1);
}

static void silent_before_initialisation(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pic");

	pic_set(d, 0, 1);
	assert_int_equal(m->intr, 0);
	assert_int_equal(pic_ack(d), -1);
	/* Data writes and commands before ICW1 do nothing. */
	outb(m, MDATA, 0x00);
	outb(m, MCMD, EOI);
	outb(m, MCMD, 0x11);
	outb(m, MDATA, 0x20);
	outb(m, MDATA, 0x04);
	pulse(d, 1);
	assert_int_equal(m->intr, 0); /* ICW4 is still missing */
	outb(m, MDATA, 0x01);
	/* The edge sense was reset: 0 is high, but must rise anew. 1 rose after it. */
	assert_int_equal(m->intr, 1);
	assert_int_equal(pic_ack(d), 0x21);
	outb(m, MCMD, EOI);
	assert_int_equal(m->intr, 0);
	pulse(d, 0);
	assert_int_equal(pic_ack(d), 0x20);
	dev_free(d);
}

static void every_line_has_its_vector(void **state)
{
	struct machine *m = *state;
	struct dev *d = pic_ready(m);

	for (unsigned n = 0; n < 16; n++) {
		if (n == 2)
			continue;
		pic_set(d, n, 1);
		assert_int_equal(m->intr, 1);
		assert_int_equal(pic_ack(d), 0x20 + n);
		assert_int_equal(m->intr, 0);
		pic_set(d, n, 0);
		if (n >= 8)
			outb(m, SCMD, EOI);
		outb(m, MCMD, EOI);
		assert_int_equal(m->intr, 0);
	}
	/* The cascade is nobody else's, and there are 16 lines. */
	pic_set(d, 2, 1);
	pic_set(d, 16, 1);
	pic_set(d, UINT32_MAX, 1);
	assert_int_equal(m->intr, 0);
	dev_free(d);
}

static void registers_read_back(void **state)
{
	struct machine *m = *state;
	struct dev *d = pic_ready(m);

	outb(m, MDATA, 0x5a);
	assert_int_equal(inb(m, MDATA), 0x5a);
	outb(m, MDATA, 0x00);
	pic_set(d, 3, 1);
	pic_set(d, 5, 1);
	assert_int_equal(inb(m, MCMD), 0x28); /* IRR */
	assert_int_equal(pic_ack(d), 0x23);
	assert_int_equal(inb(m, MCMD), 0x20);
	outb(m, MCMD, 0x0b); /* ISR */
	assert_int_equal(inb(m, MCMD), 0x08);
	assert_int_equal(inb(m, MCMD), 0x08); /* stays chosen */
	outb(m, MCMD, 0x08);		      /* RR is clear: no choice is made */
	assert_int_equal(inb(m, MCMD), 0x08);
	outb(m, MCMD, 0x0a);
	assert_int_equal(inb(m, MCMD), 0x20);
	dev_free(d);
}

static void fully_nested(void **state)
{
	struct machine *m = *state;
	struct dev *d = pic_ready(m);

	pic_set(d, 4, 1);
	assert_int_equal(pic_ack(d), 0x24);
	pic_set(d, 6, 1); /* lower: waits */
	assert_int_equal(m->intr, 0);
	pulse(d, 4); /* the same: waits */
	assert_int_equal(m->intr, 0);
	pic_set(d, 1, 1); /* higher: at once */
	assert_int_equal(m->intr, 1);
	assert_int_equal(pic_ack(d), 0x21);
	outb(m, MCMD, EOI); /* ends 1, the highest in service */
	assert_int_equal(m->intr, 0);
	outb(m, MCMD, EOI);
	assert_int_equal(pic_ack(d), 0x24);
	outb(m, MCMD, EOI_OF(4));
	assert_int_equal(pic_ack(d), 0x26);
	dev_free(d);
}

static void masks(void **state)
{
	struct machine *m = *state;
	struct dev *d = pic_ready(m);

	outb(m, MDATA, 0x08);
	pic_set(d, 3, 1);
	assert_int_equal(m->intr, 0);
	assert_int_equal(inb(m, MCMD), 0x08); /* requested all the same */
	outb(m, MDATA, 0x00);
	assert_int_equal(m->intr, 1);
	outb(m, MDATA, 0x08); /* taken back before it was acknowledged */
	assert_int_equal(m->intr, 0);
	assert_int_equal(pic_ack(d), -1);
	pic_set(d, 3, 0);
	/* A slave's line behind a masked cascade. */
	outb(m, MDATA, 0x04);
	pic_set(d, 12, 1);
	assert_int_equal(m->intr, 0);
	outb(m, MDATA, 0x00);
	assert_int_equal(pic_ack(d), 0x2c);
	dev_free(d);
}

static void edge_and_level(void **state)
{
	struct machine *m = *state;
	struct dev *d = pic_ready(m);

	/* Which lines may be level-triggered. */
	outb(m, ELCR1, 0xff);
	outb(m, ELCR2, 0xff);
	assert_int_equal(inb(m, ELCR1), 0xf8);
	assert_int_equal(inb(m, ELCR2), 0xde);
	outb(m, ELCR1, 0x20);
	outb(m, ELCR2, 0x08);

	/* An edge counts once, however long the line is high. */
	pic_set(d, 3, 1);
	assert_int_equal(pic_ack(d), 0x23);
	outb(m, MCMD, EOI);
	assert_int_equal(m->intr, 0);
	/* A level comes back until it falls. */
	pic_set(d, 5, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pic_ack(d), 0x25);
		assert_int_equal(m->intr, 0);
		outb(m, MCMD, EOI);
		assert_int_equal(m->intr, 1);
	}
	pic_set(d, 5, 0); /* and when it falls nothing is left */
	assert_int_equal(m->intr, 0);
	pic_set(d, 11, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pic_ack(d), 0x2b);
		outb(m, SCMD, EOI);
		outb(m, MCMD, EOI);
	}
	pic_set(d, 11, 0);
	outb(m, MCMD, EOI);
	dev_free(d);
}

static void level_mode_of_icw1(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pic");

	pic_set(d, 1, 1);
	init_words(m, 0x19, 0x01);
	assert_int_equal(m->intr, 1); /* a level needs no edge */
	assert_int_equal(pic_ack(d), 0x21);
	outb(m, MCMD, EOI);
	assert_int_equal(m->intr, 1);
	pic_set(d, 1, 0);
	assert_int_equal(m->intr, 0);
	dev_free(d);
}

static void automatic_eoi(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pic");

	init_words(m, 0x11, 0x03);
	pulse(d, 4);
	pulse(d, 6);
	assert_int_equal(pic_ack(d), 0x24);
	assert_int_equal(m->intr, 1); /* nothing is in service */
	assert_int_equal(pic_ack(d), 0x26);
	outb(m, MCMD, 0x0b);
	assert_int_equal(inb(m, MCMD), 0);
	/* Two of the slave's at once: each is an edge at the master. */
	pulse(d, 8);
	pulse(d, 9);
	assert_int_equal(pic_ack(d), 0x28);
	assert_int_equal(pic_ack(d), 0x29);
	assert_int_equal(m->intr, 0);
	/* Rotation in this mode. */
	outb(m, MCMD, 0x80);
	pulse(d, 0);
	assert_int_equal(pic_ack(d), 0x20); /* now 0 is the lowest */
	pulse(d, 0);
	pulse(d, 7);
	assert_int_equal(pic_ack(d), 0x27);
	assert_int_equal(pic_ack(d), 0x20);
	outb(m, MCMD, 0x00);
	pulse(d, 3);
	assert_int_equal(pic_ack(d), 0x23); /* rotates no more */
	pulse(d, 3);
	pulse(d, 4);
	assert_int_equal(pic_ack(d), 0x23);
	dev_free(d);
}

static void rotation(void **state)
{
	struct machine *m = *state;
	struct dev *d = pic_ready(m);

	/* Set priority: 4 is the lowest, so 5 the highest. */
	outb(m, MCMD, 0xc4);
	pulse(d, 0);
	pulse(d, 5);
	assert_int_equal(pic_ack(d), 0x25);
	outb(m, MCMD, 0xa0); /* rotate on non-specific EOI: 5 is the lowest */
	pulse(d, 5);
	assert_int_equal(pic_ack(d), 0x20);
	outb(m, MCMD, 0xe6); /* rotate on specific EOI of 6: 0 stays in service, 6 is the lowest */
	pulse(d, 7);
	assert_int_equal(pic_ack(d), 0x27);
	outb(m, MCMD, 0x40); /* no operation */
	outb(m, MCMD, EOI);
	outb(m, MCMD, EOI);
	assert_int_equal(pic_ack(d), 0x25);
	dev_free(d);
}

static void special_mask(void **state)
{
	struct machine *m = *state;
	struct dev *d = pic_ready(m);

	pulse(d, 2 + 1);
	assert_int_equal(pic_ack(d), 0x23);
	pulse(d, 6);
	assert_int_equal(m->intr, 0);
	outb(m, MCMD, 0x68); /* set special mask mode */
	assert_int_equal(m->intr, 0);
	outb(m, MDATA, 0x08); /* mask what is in service: lower ones come */
	assert_int_equal(m->intr, 1);
	assert_int_equal(pic_ack(d), 0x26);
	outb(m, MCMD, EOI); /* ends 6, not the masked 3 */
	outb(m, MCMD, 0x0b);
	assert_int_equal(inb(m, MCMD), 0x08);
	outb(m, MCMD, EOI_OF(3));
	assert_int_equal(inb(m, MCMD), 0);
	outb(m, MCMD, 0x48); /* reset it */
	outb(m, MCMD, 0x28); /* ESMM is clear: not changed */
	outb(m, MDATA, 0);
	pulse(d, 3);
	assert_int_equal(pic_ack(d), 0x23);
	outb(m, MDATA, 0x08);
	pulse(d, 6);
	assert_int_equal(m->intr, 0);
	dev_free(d);
}

static void special_fully_nested(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pic");

	init_words(m, 0x11, 0x11);
	pulse(d, 14);
	assert_int_equal(pic_ack(d), 0x2e);
	pulse(d, 9); /* higher in the slave: comes through although 2 is in service */
	assert_int_equal(m->intr, 1);
	pulse(d, 5); /* not lower ones of the master */
	assert_int_equal(pic_ack(d), 0x29);
	assert_int_equal(m->intr, 0);
	dev_free(d);
	d = pic_ready(m);
	pulse(d, 14);
	assert_int_equal(pic_ack(d), 0x2e);
	pulse(d, 9); /* without the mode it waits */
	assert_int_equal(m->intr, 0);
	outb(m, MCMD, EOI);
	assert_int_equal(m->intr, 1);
	assert_int_equal(pic_ack(d), 0x29);
	dev_free(d);
}

static void poll_command(void **state)
{
	struct machine *m = *state;
	struct dev *d = pic_ready(m);

	outb(m, MCMD, 0x0c);
	assert_int_equal(inb(m, MCMD), 0x00); /* nothing */
	pulse(d, 5);
	outb(m, MCMD, 0x0c);
	assert_int_equal(inb(m, MCMD), 0x85);
	assert_int_equal(m->intr, 0);
	outb(m, MCMD, 0x0b);
	assert_int_equal(inb(m, MCMD), 0x20); /* in service */
	outb(m, MCMD, EOI);
	/* A slave is polled by itself, at either port. */
	pulse(d, 10);
	outb(m, MCMD, 0x0c);
	assert_int_equal(inb(m, MDATA), 0x82);
	outb(m, SCMD, 0x0c);
	assert_int_equal(inb(m, SCMD), 0x82);
	outb(m, SCMD, EOI);
	outb(m, MCMD, EOI);
	assert_int_equal(m->intr, 0);
	dev_free(d);
}

static void spurious(void **state)
{
	struct machine *m = *state;
	struct dev *d = pic_ready(m);

	/* An edge that is gone: vector 7, nothing in service, once. */
	pic_set(d, 3, 1);
	pic_set(d, 3, 0);
	assert_int_equal(m->intr, 1);
	assert_int_equal(inb(m, MCMD), 0);
	assert_int_equal(pic_ack(d), 0x27);
	assert_int_equal(m->intr, 0);
	outb(m, MCMD, 0x0b);
	assert_int_equal(inb(m, MCMD), 0);
	assert_int_equal(pic_ack(d), -1);
	/* At the slave: 15, and the master does have the cascade in service. */
	pic_set(d, 12, 1);
	pic_set(d, 12, 0);
	assert_int_equal(pic_ack(d), 0x2f);
	assert_int_equal(inb(m, MCMD), 0x04);
	outb(m, SCMD, 0x0b);
	assert_int_equal(inb(m, SCMD), 0);
	outb(m, MCMD, EOI);
	/* A real one in the meantime takes its place. */
	pic_set(d, 3, 1);
	pic_set(d, 3, 0);
	pic_set(d, 6, 1);
	assert_int_equal(pic_ack(d), 0x26);
	outb(m, MCMD, EOI);
	assert_int_equal(m->intr, 0);
	/* It rises again: a request like any other. Masking takes a gone one back. */
	pic_set(d, 3, 1);
	pic_set(d, 3, 0);
	pic_set(d, 3, 1);
	assert_int_equal(pic_ack(d), 0x23);
	outb(m, MCMD, EOI);
	pulse(d, 4);
	pic_set(d, 4, 0);
	outb(m, MDATA, 0x10);
	assert_int_equal(m->intr, 0);
	outb(m, MDATA, 0x00);
	assert_int_equal(m->intr, 0);
	dev_free(d);
}

static void other_wirings(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pic");

	/* Single: no ICW3, no cascade. */
	outb(m, MCMD, 0x13);
	outb(m, MDATA, 0x40);
	outb(m, MDATA, 0x01);
	outb(m, SCMD, 0x12); /* and no ICW4 */
	outb(m, SDATA, 0x57);
	pic_set(d, 8, 1);
	assert_int_equal(pic_ack(d), 0x42); /* input 2 like any other */
	outb(m, MCMD, EOI);
	/* The slave is not the one that the master asks for. */
	dev_reset(d);
	outb(m, MCMD, 0x11);
	outb(m, MDATA, 0x20);
	outb(m, MDATA, 0x04);
	outb(m, MDATA, 0x01);
	outb(m, SCMD, 0x11);
	outb(m, SDATA, 0x28);
	outb(m, SDATA, 0x05);
	outb(m, SDATA, 0x01);
	pulse(d, 8);
	assert_int_equal(pic_ack(d), 0xff);
	/* A slave is promised where there is none. */
	dev_reset(d);
	outb(m, MCMD, 0x11);
	outb(m, MDATA, 0x20);
	outb(m, MDATA, 0x24);
	outb(m, MDATA, 0x01);
	pulse(d, 5);
	assert_int_equal(pic_ack(d), 0xff);
	dev_free(d);
}

static void reset_and_load_tell_the_cpu(void **state)
{
	struct machine *m = *state;
	struct dev *d = pic_ready(m);
	struct buf a = {0};
	size_t used;

	pulse(d, 1);
	assert_int_equal(m->intr, 1);
	assert_int_equal(dev_save(d, &a), 0);
	dev_reset(d);
	assert_int_equal(m->intr, 0);
	assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), 0);
	assert_int_equal(m->intr, 1);
	assert_int_equal(pic_ack(d), 0x21);
	buf_free(&a);
	/* Wide accesses are two of 8 bits. */
	bus_write(m->bus, BUS_PIO, MCMD, 2, 0xfe20);
	assert_int_equal(inb(m, MDATA), 0xfe);
	dev_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(silent_before_initialisation),
		machine_test(every_line_has_its_vector),
		machine_test(registers_read_back),
		machine_test(fully_nested),
		machine_test(masks),
		machine_test(edge_and_level),
		machine_test(level_mode_of_icw1),
		machine_test(automatic_eoi),
		machine_test(rotation),
		machine_test(special_mask),
		machine_test(special_fully_nested),
		machine_test(poll_command),
		machine_test(spurious),
		machine_test(other_wirings),
		machine_test(reset_and_load_tell_the_cpu),
	};

	return cmocka_run_group_tests_name("pic", tests, NULL, NULL);
}
