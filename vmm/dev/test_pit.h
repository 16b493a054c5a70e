/* SPDX-License-Identifier: MIT */
/* What the tests of the PIT share: its ports, pulses of its clock, its answers. */
#ifndef VMM_DEV_TEST_PIT_H
#define VMM_DEV_TEST_PIT_H

#include "test_machine.h"
#include "ticks_priv.h"

enum { C0 = 0x40, C1 = 0x41, C2 = 0x42, CTRL = 0x43, PORT_B = 0x61 };
#define BOTH 0x30u
#define LSB  0x10u
#define MSB  0x20u
#define BCD  1u

static const struct ticks clk = {1193182, 1000000000};

/* Time goes on to the middle of pulse (n) from 0. */
static inline void until(struct machine *m, uint64_t n)
{
	uint64_t to = ticks_ns(&clk, n) + 100;

	assert_true(to >= clock_now(&m->clock));
	assert_int_equal(clock_advance(&m->clock, to - clock_now(&m->clock)), 0);
}

static inline void program(struct machine *m, unsigned counter, unsigned rw, unsigned mode,
			   unsigned bcd)
{
	outb(m, CTRL, (uint8_t)(counter << 6 | rw | mode << 1 | bcd));
}

static inline void count16(struct machine *m, unsigned counter, uint16_t n)
{
	outb(m, (uint16_t)(C0 + counter), (uint8_t)n);
	outb(m, (uint16_t)(C0 + counter), (uint8_t)(n >> 8));
}

/* The counting element by the latch command. */
static inline uint16_t value(struct machine *m, unsigned counter)
{
	uint8_t low;

	outb(m, CTRL, (uint8_t)(counter << 6));
	low = inb(m, (uint16_t)(C0 + counter));
	return (uint16_t)(low | inb(m, (uint16_t)(C0 + counter)) << 8);
}

static inline uint8_t status(struct machine *m, unsigned counter)
{
	outb(m, CTRL, (uint8_t)(0xe0 | 2u << counter));
	return inb(m, (uint16_t)(C0 + counter));
}

static inline bool out(struct machine *m, unsigned counter)
{
	bool level = status(m, counter) & 0x80;

	if (counter == 0)
		assert_int_equal(level, m->lines & 1);
	if (counter == 2)
		assert_int_equal(level, inb(m, PORT_B) >> 5 & 1);
	return level;
}

static inline bool null_count(struct machine *m, unsigned counter)
{
	return status(m, counter) & 0x40;
}

#endif
