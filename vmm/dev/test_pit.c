/* SPDX-License-Identifier: MIT */
/* The 8254 against Intel's data sheet (82C54, 231244: "DS"), and port 0x61. */
#include <errno.h>

#include "test_pit.h"

/* OUT of (counter) is, from pulse (from) on, what (wave) says: 0 or 1 a pulse. */
static void wave(struct machine *m, unsigned counter, uint64_t from, const char *wave)
{
	for (; *wave; wave++, from++) {
		until(m, from);
		if (out(m, counter) != (*wave == '1'))
			fail_msg("OUT is not %c at pulse %u, where '%s' is left", *wave,
				 (unsigned)from, wave);
	}
}

/* The same for its value, in single digits. */
static void counts(struct machine *m, unsigned counter, uint64_t from, const char *digits)
{
	for (; *digits; digits++, from++) {
		until(m, from);
		if (value(m, counter) != (uint16_t)(*digits - '0'))
			fail_msg("the count is %u at pulse %u, where '%s' is left",
				 value(m, counter), (unsigned)from, digits);
	}
}

static void fresh_wakes_nobody(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	assert_int_equal(m->lines, 0);
	assert_int_equal(inb(m, CTRL), 0xff);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(status(m, i), 0x70);
	/* A mode alone arms nothing either; OUT goes to where the mode has it. */
	program(m, 0, BOTH, 2, 0);
	assert_int_equal(m->lines, 1);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	program(m, 0, BOTH, 0, 0);
	assert_int_equal(m->lines, 0);
	outb(m, C0, 5);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	outb(m, C0, 0);
	assert_true(clock_next(&m->clock) != CLOCK_NEVER);
	/* Counters 1 and 2 have no line to drive. */
	dev_reset(d);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	program(m, 1, BOTH, 2, 0);
	count16(m, 1, 18);
	outb(m, PORT_B, 1);
	program(m, 2, BOTH, 3, 0);
	count16(m, 2, 18);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	dev_free(d);
	assert_int_equal(dev_new(&d, "pit", &(struct dev_env){0}, NULL), -EINVAL);
}

/* DS figure 15: OUT rises N + 1 pulses after the count was written. */
static void terminal_count(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	until(m, 100);
	program(m, 0, BOTH, 0, 0);
	count16(m, 0, 4);
	assert_true(null_count(m, 0));
	counts(m, 0, 101, "43210");
	assert_false(null_count(m, 0));
	assert_int_equal(value(m, 0), 0);
	assert_int_equal(m->lines, 1);
	assert_int_equal(m->rises, 1);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER); /* it stays so */
	until(m, 106);
	assert_int_equal(value(m, 0), 0xffff); /* and counts on */
	until(m, 105 + 65536 + 3);
	assert_int_equal(value(m, 0), 0xfffd);
	assert_int_equal(m->rises, 1);

	/* The first byte of a new count sets OUT low and stops; the second starts anew. */
	until(m, 70000);
	outb(m, C0, 3);
	assert_int_equal(m->lines, 0);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	until(m, 70010);
	assert_false(out(m, 0));
	outb(m, C0, 0);
	wave(m, 0, 70010, "00001111");
	/* A new count while it counts. */
	program(m, 0, LSB, 0, 0);
	outb(m, C0, 4);
	until(m, 70019);
	outb(m, C0, 4);
	wave(m, 0, 70019, "0000011");
	dev_free(d);
}

static void terminal_count_gated(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	/* Written with the gate low it is loaded, and waits. */
	program(m, 2, BOTH, 0, 0);
	count16(m, 2, 4);
	counts(m, 2, 1, "444");
	assert_false(null_count(m, 2));
	outb(m, PORT_B, 1);
	counts(m, 2, 3, "43");
	outb(m, PORT_B, 0);
	counts(m, 2, 4, "333");
	assert_false(out(m, 2));
	outb(m, PORT_B, 1);
	wave(m, 2, 6, "000111");
	outb(m, PORT_B, 0); /* over: OUT stays */
	wave(m, 2, 11, "111");
	outb(m, PORT_B, 1);
	wave(m, 2, 13, "11");
	/* The largest count is stopped at its first pulse: it is not at its end. */
	program(m, 2, BOTH, 0, 0);
	count16(m, 2, 0);
	until(m, 15);
	outb(m, PORT_B, 0);
	outb(m, PORT_B, 1);
	until(m, 20);
	assert_false(out(m, 2));
	assert_int_equal(value(m, 2), 65536 - 5);
	/* Half a count in: the gate starts nothing. */
	outb(m, C2, 9);
	outb(m, PORT_B, 0);
	outb(m, PORT_B, 1);
	until(m, 30);
	assert_int_equal(value(m, 2), 65536 - 5);
	assert_false(out(m, 2));
	dev_free(d);
}

/* DS figure 16. */
static void one_shot(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	program(m, 2, LSB, 1, 0);
	outb(m, PORT_B, 1); /* no count yet: no trigger */
	outb(m, PORT_B, 0);
	outb(m, C2, 3);
	wave(m, 2, 0, "111");
	assert_true(null_count(m, 2));
	outb(m, PORT_B, 1);
	wave(m, 2, 2, "10001");
	assert_false(null_count(m, 2));
	until(m, 10);
	/* Triggered again while it is low; the gate's level does not matter. */
	outb(m, PORT_B, 0);
	outb(m, PORT_B, 1);
	outb(m, PORT_B, 0);
	wave(m, 2, 10, "100");
	outb(m, PORT_B, 1);
	wave(m, 2, 12, "00001");
	/* A new count does not touch the shot, but the next one. */
	until(m, 20);
	outb(m, PORT_B, 0);
	outb(m, PORT_B, 1);
	until(m, 21);
	outb(m, C2, 5);
	wave(m, 2, 21, "00011");
	assert_true(null_count(m, 2));
	outb(m, PORT_B, 0);
	outb(m, PORT_B, 1);
	wave(m, 2, 26, "0000011");
	/* Counter 0 has no trigger. */
	program(m, 0, LSB, 1, 0);
	outb(m, C0, 3);
	until(m, 100);
	assert_int_equal(m->lines, 1);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	dev_free(d);
}

/* DS figure 17. */
static void rate_generator(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	program(m, 0, LSB, 2, 0);
	m->rises = 0;
	outb(m, C0, 3);
	wave(m, 0, 0, "1110110110");
	program(m, 0, BOTH, 2, 0);
	count16(m, 0, 4);
	until(m, 9);
	counts(m, 0, 10, "43214321");
	/* A new count waits for the end of the period. */
	until(m, 18);
	count16(m, 0, 5);
	assert_true(null_count(m, 0));
	counts(m, 0, 18, "43215432154");
	assert_false(null_count(m, 0));
	/* Another before that: the last one counts. */
	count16(m, 0, 7);
	count16(m, 0, 3);
	counts(m, 0, 28, "4321321");
	/* A count of 1 is illegal, and does no harm. */
	program(m, 0, LSB, 2, 0);
	outb(m, C0, 1);
	until(m, 100);
	assert_int_equal(m->lines, 0);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	/* Mode 6 is mode 2; status tells what was written. */
	program(m, 0, LSB, 6, 0);
	outb(m, C0, 3);
	assert_int_equal(status(m, 0) & 0x3f, 0x1c);
	wave(m, 0, 101, "110110");
	dev_free(d);
}

static void rate_generator_gated(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	outb(m, PORT_B, 1);
	program(m, 2, LSB, 2, 0);
	outb(m, C2, 3);
	wave(m, 2, 1, "110");
	/* The gate sets OUT high at once, the count stands, and its rise loads anew. */
	outb(m, PORT_B, 0);
	wave(m, 2, 3, "111");
	program(m, 2, BOTH, 2, 0); /* to read two bytes */
	outb(m, PORT_B, 1);
	count16(m, 2, 6);
	until(m, 8);
	outb(m, PORT_B, 0);
	counts(m, 2, 8, "444");
	count16(m, 2, 5);
	counts(m, 2, 10, "44");
	assert_true(null_count(m, 2));
	outb(m, PORT_B, 1);
	counts(m, 2, 12, "5432154");
	assert_false(null_count(m, 2));
	/* A new count is on its way when the gate falls: it comes with the trigger. */
	count16(m, 2, 3);
	outb(m, PORT_B, 0);
	counts(m, 2, 18, "44444444");
	outb(m, PORT_B, 1);
	counts(m, 2, 26, "3213");
	/* The first count loads though the gate is low. */
	outb(m, PORT_B, 0);
	program(m, 2, BOTH, 2, 0);
	count16(m, 2, 7);
	counts(m, 2, 30, "777");
	assert_true(out(m, 2));
	assert_false(null_count(m, 2));
	/* It does so when the gate falls in between. */
	outb(m, PORT_B, 1);
	program(m, 2, BOTH, 2, 0);
	count16(m, 2, 9);
	outb(m, PORT_B, 0);
	counts(m, 2, 33, "999");
	dev_free(d);
}

/* DS figure 18. */
static void square_wave(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	program(m, 0, BOTH, 3, 0);
	count16(m, 0, 4);
	wave(m, 0, 0, "11100110011");
	counts(m, 0, 11, "42424242");
	program(m, 0, BOTH, 3, 0);
	count16(m, 0, 5);
	wave(m, 0, 18, "11110011100");
	counts(m, 0, 29, "4204242042");
	/* A new count comes at the end of the half: behind a high one, a low one. */
	until(m, 39); /* at the high half's start */
	count16(m, 0, 8);
	wave(m, 0, 39, "1110000111100001111");
	/* ... and behind a low one, a high one. */
	until(m, 58); /* its low half's start */
	assert_false(out(m, 0));
	count16(m, 0, 2);
	wave(m, 0, 58, "000010101");
	program(m, 0, LSB, 7, 0);
	outb(m, C0, 1);
	until(m, 100);
	assert_int_equal(m->lines, 1);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	dev_free(d);
}

static void square_wave_gated(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	outb(m, PORT_B, 1);
	program(m, 2, LSB, 3, 0);
	outb(m, C2, 4);
	wave(m, 2, 1, "110");
	outb(m, PORT_B, 0);
	wave(m, 2, 3, "1111");
	outb(m, PORT_B, 1);
	wave(m, 2, 6, "11100110");
	dev_free(d);
}

/* DS figure 19. */
static void strobe(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	program(m, 0, LSB, 4, 0);
	outb(m, C0, 3);
	wave(m, 0, 0, "11110111");
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	outb(m, C0, 3);
	until(m, 9);
	outb(m, C0, 3); /* again: from the start */
	wave(m, 0, 9, "111101");
	program(m, 0, BOTH, 4, 0);
	count16(m, 0, 3);
	counts(m, 0, 15, "321");
	outb(m, C0, 2); /* half a count changes nothing */
	wave(m, 0, 17, "101");
	outb(m, C0, 0);
	wave(m, 0, 19, "11101");

	/* The gate stops the count, not the strobe. */
	program(m, 2, LSB, 4, 0);
	outb(m, PORT_B, 1);
	outb(m, C2, 3);
	until(m, 25);
	outb(m, PORT_B, 0);
	wave(m, 2, 25, "11111");
	outb(m, PORT_B, 1);
	wave(m, 2, 29, "110");
	outb(m, PORT_B, 0);
	wave(m, 2, 31, "011");
	outb(m, PORT_B, 1);
	wave(m, 2, 33, "111111");
	outb(m, PORT_B, 0);
	outb(m, PORT_B, 1);
	wave(m, 2, 38, "111111");
	dev_free(d);
}

/* DS figure 20. */
static void hardware_strobe(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	program(m, 2, LSB, 5, 0);
	outb(m, C2, 3);
	wave(m, 2, 0, "111");
	outb(m, PORT_B, 1);
	wave(m, 2, 2, "11110111");
	outb(m, PORT_B, 0);
	outb(m, PORT_B, 1);
	outb(m, PORT_B, 0);
	wave(m, 2, 9, "11");
	outb(m, PORT_B, 1); /* anew */
	wave(m, 2, 10, "111101");
	dev_free(d);
}

static void decimal(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	program(m, 0, BOTH, 0, BCD);
	count16(m, 0, 0x1001);
	until(m, 2);
	assert_int_equal(value(m, 0), 0x1000);
	until(m, 3);
	assert_int_equal(value(m, 0), 0x0999);
	until(m, 1003);
	assert_int_equal(value(m, 0), 0x9999);
	assert_int_equal(m->lines, 1);
	/* 0 is 10000. */
	program(m, 0, BOTH, 0, BCD);
	count16(m, 0, 0);
	until(m, 1004);
	assert_int_equal(value(m, 0), 0);
	until(m, 1004 + 9999);
	assert_int_equal(value(m, 0), 1);
	assert_int_equal(m->lines, 0);
	until(m, 1004 + 10000);
	assert_int_equal(m->lines, 1);
	/* Digits that are none: any count but nothing bad. */
	program(m, 0, BOTH, 2, BCD);
	count16(m, 0, 0xffff);
	until(m, 11006);
	(void)value(m, 0);
	assert_true(clock_next(&m->clock) != CLOCK_NEVER);
	dev_free(d);
}

static void bytes_and_latches(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	/* One byte of the count: the other is 0. */
	program(m, 0, MSB, 0, 0);
	outb(m, C0, 0x12);
	until(m, 1);
	assert_int_equal(inb(m, C0), 0x12);
	until(m, 2);
	assert_int_equal(inb(m, C0), 0x11);
	program(m, 0, LSB, 0, 0);
	outb(m, C0, 0x12);
	until(m, 3);
	assert_int_equal(inb(m, C0), 0x12);
	assert_int_equal(inb(m, C0), 0x12);
	/* Two bytes, low first; unlatched they go on between the two. */
	program(m, 0, BOTH, 2, 0);
	count16(m, 0, 0x300);
	until(m, 4);
	assert_int_equal(inb(m, C0), 0x00);
	until(m, 5);
	assert_int_equal(inb(m, C0), 0x02);
	/* The latch holds until both are read; a second command is ignored. */
	outb(m, CTRL, 0x00);
	until(m, 10);
	outb(m, CTRL, 0x00);
	assert_int_equal(inb(m, C0), 0xff);
	assert_int_equal(inb(m, C0), 0x02);
	assert_int_equal(inb(m, C0), 0xfa);
	assert_int_equal(inb(m, C0), 0x02);
	/* Reads and writes of two bytes do not disturb each other (DS "Read operations"). */
	assert_int_equal(inb(m, C0), 0xfa);
	outb(m, C0, 0x10);
	assert_int_equal(inb(m, C0), 0x02);
	outb(m, C0, 0x00);
	until(m, 4 + 0x300);
	assert_int_equal(value(m, 0), 0x10);
	/* Programming forgets what is latched. */
	outb(m, CTRL, 0x00);
	outb(m, CTRL, 0xc2);
	program(m, 0, LSB, 0, 0);
	outb(m, C0, 0x55);
	until(m, 0x310);
	assert_int_equal(inb(m, C0) & 0xf0, 0x40);
	dev_free(d);
}

static void read_back(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	program(m, 0, BOTH, 2, 0);
	program(m, 1, LSB, 3, BCD);
	program(m, 2, MSB, 4, 0);
	count16(m, 0, 0x100);
	outb(m, C1, 0x40);
	outb(m, C2, 0x20);
	until(m, 1);
	outb(m, CTRL, 0xce); /* counts and status of all three */
	until(m, 50);
	outb(m, CTRL, 0xce); /* ignored: all is latched */
	assert_int_equal(inb(m, C0), 0x80 | BOTH | 2 << 1);
	assert_int_equal(inb(m, C0), 0x00);
	assert_int_equal(inb(m, C0), 0x01);
	assert_int_equal(inb(m, C1), 0x80 | LSB | 3 << 1 | BCD);
	assert_int_equal(inb(m, C1), 0x40);
	assert_int_equal(inb(m, C2), 0x80 | MSB | 4 << 1);
	assert_int_equal(inb(m, C2), 0x20);
	/* Counts alone; one counter alone. */
	outb(m, CTRL, 0xd2);
	assert_int_equal(inb(m, C0), 0x100 - 49);
	assert_int_equal(inb(m, C0), 0x00);
	outb(m, CTRL, 0xe4);
	assert_int_equal(inb(m, C1) & 0x7f, LSB | 3 << 1 | BCD);
	assert_int_equal(inb(m, C0), 0x100 - 49); /* was not asked */
	(void)inb(m, C0);
	/* A null count: written, not loaded. */
	count16(m, 0, 0x80);
	assert_int_equal(status(m, 0), 0xc0 | BOTH | 2 << 1);
	until(m, 257);
	assert_int_equal(status(m, 0), 0x80 | BOTH | 2 << 1);
	dev_free(d);
}

static void port_b(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");
	unsigned toggles = 0;
	uint8_t was = inb(m, PORT_B), is;

	assert_int_equal(was, 0);
	outb(m, PORT_B, 0xff);
	assert_int_equal(inb(m, PORT_B), 0x0f);
	outb(m, PORT_B, 0x0e);
	assert_int_equal(inb(m, PORT_B), 0x0e);
	/* The refresh bit: 18 pulses each way. */
	for (unsigned i = 0; i < 180; i++) {
		until(m, i);
		is = inb(m, PORT_B);
		toggles += (is ^ was) >> 4 & 1;
		was = is;
	}
	assert_int_equal(toggles, 9);
	dev_free(d);
}

static void no_drift(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	/* 100 Hz for 1000 s: 11932 pulses each, the last when exactly so many are over. */
	program(m, 0, BOTH, 2, 0);
	count16(m, 0, 11932);
	m->rises = 0;
	assert_int_equal(clock_advance(&m->clock, 1000ull * 1000000000), 0);
	assert_int_equal(m->rises, (1193182000ull - 1) / 11932);
	/* 1 s is 1193182 pulses, to the ns. */
	dev_reset(d);
	m->clock.now = 0;
	program(m, 0, BOTH, 0, 0);
	count16(m, 0, 1193181 & 0xffff); /* and 18 times 65536 more */
	clock_advance(&m->clock, 999999999);
	assert_int_equal(value(m, 0), 1);
	clock_advance(&m->clock, 1);
	assert_int_equal(value(m, 0), 0);
	/* Time ends: nothing wraps. */
	program(m, 0, BOTH, 2, 0);
	count16(m, 0, 0);
	m->clock.now = UINT64_MAX - 100;
	(void)value(m, 0);
	outb(m, C0, 1);
	outb(m, C0, 1);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	dev_free(d);
}

static void wide_accesses(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	dev_write(d, 0, 0, 4, 0x34000000); /* control comes last: counts of the old mode */
	dev_write(d, 0, 0, 2, 0x0007);
	assert_int_equal(dev_read(d, 0, 3, 1), 0xff);
	outb(m, C0, 0);
	until(m, 1);
	assert_int_equal(dev_read(d, 0, 0, 4) >> 24, 0xff);
	assert_int_equal(value(m, 0) >> 8, 7); /* the wide read was of the low byte */
	dev_free(d);
}

static void saved_in_mid_count(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");
	struct buf a = {0}, b = {0};
	uint64_t due;
	size_t used;

	program(m, 0, BOTH, 2, 0);
	count16(m, 0, 1000);
	until(m, 500);
	count16(m, 0, 2000);
	due = clock_next(&m->clock);
	assert_int_equal(dev_save(d, &a), 0);
	dev_reset(d);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), 0);
	assert_true(clock_next(&m->clock) == due);
	assert_int_equal(dev_save(d, &b), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.p, b.p, a.len);
	until(m, 1001 + 300);
	assert_int_equal(value(m, 0), 1700);
	/* Loaded later than it was saved, the line follows as soon as time goes on. */
	program(m, 0, BOTH, 0, 0);
	count16(m, 0, 100);
	buf_free(&a);
	a = (struct buf){0};
	assert_int_equal(dev_save(d, &a), 0);
	until(m, 2000);
	dev_reset(d);
	assert_int_equal(m->lines, 0);
	assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), 0);
	assert_int_equal(clock_advance(&m->clock, 1), 0);
	assert_int_equal(m->lines, 1);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	buf_free(&a);
	buf_free(&b);
	dev_free(d);
}

/* Change the saved (field)'s only element and load it: what does the device say? */
static void refused(struct machine *m, struct dev *d, const char *field, uint64_t val)
{
	struct buf a = {0};
	struct err err = {0};
	size_t used, n = strlen(field);
	unsigned char *p;

	assert_int_equal(dev_save(d, &a), 0);
	p = memmem(a.p, a.len, field, n);
	assert_non_null(p);
	p += n;
	st_le(p + 10, ld_le32(p + 2), val); /* kind, 0, size, count */
	assert_int_equal(dev_load(d, a.p, a.len, &used, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "pit"));
	buf_free(&a);
	(void)m;
}

static void impossible_states(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "pit");

	outb(m, PORT_B, 1);
	program(m, 2, BOTH, 3, 0);
	count16(m, 2, 10);
	program(m, 0, BOTH, 2, 0);
	count16(m, 0, 10);
	until(m, 5);
	(void)value(m, 0);
	refused(m, d, "c[0].control", 0x40);
	refused(m, d, "c[0].from", 0x10001);
	refused(m, d, "c[0].from", 0);
	refused(m, d, "c[2].from", 0);
	refused(m, d, "c[2].phase", 0x20000);
	refused(m, d, "c[0].start", 6);
	refused(m, d, "c[0].gate", 0);
	refused(m, d, "c[2].gate", 0);
	refused(m, d, "port_b", 0x11);
	assert_int_equal(value(m, 0), 6);
	dev_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(fresh_wakes_nobody),
		machine_test(terminal_count),
		machine_test(terminal_count_gated),
		machine_test(one_shot),
		machine_test(rate_generator),
		machine_test(rate_generator_gated),
		machine_test(square_wave),
		machine_test(square_wave_gated),
		machine_test(strobe),
		machine_test(hardware_strobe),
		machine_test(decimal),
		machine_test(bytes_and_latches),
		machine_test(read_back),
		machine_test(port_b),
		machine_test(no_drift),
		machine_test(wide_accesses),
		machine_test(saved_in_mid_count),
		machine_test(impossible_states),
	};

	return cmocka_run_group_tests_name("pit", tests, NULL, NULL);
}
