/* SPDX-License-Identifier: MIT */
/* The UART against the PC16550D data sheet. */
#include "test_machine.h"

#define COM1 0x3f8u
enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR, THR = RBR, FCR = IIR };
#define LINE (1u << 4)

static struct dev *uart_with(struct machine *m, const char *input)
{
	chr_init(&m->serial, input, input ? strlen(input) : 0);
	return machine_add(m, "uart");
}

static uint8_t get(struct machine *m, unsigned reg)
{
	return inb(m, (uint16_t)(COM1 + reg));
}

static void set(struct machine *m, unsigned reg, uint8_t val)
{
	outb(m, (uint16_t)(COM1 + reg), val);
}

/* Table III. */
static void reset_values(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, NULL);

	assert_int_equal(get(m, IER), 0);
	assert_int_equal(get(m, IIR), 1);
	assert_int_equal(get(m, LCR), 0);
	assert_int_equal(get(m, MCR), 0);
	assert_int_equal(get(m, LSR), 0x60);
	assert_int_equal(get(m, MSR), 0xb0);
	assert_int_equal(m->lines, 0);
	dev_free(d);
}

static void registers_hold_their_bits(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, NULL);

	for (unsigned v = 0; v < 256; v++) {
		set(m, SCR, (uint8_t)v);
		assert_int_equal(get(m, SCR), v);
		set(m, LCR, (uint8_t)v & 0x7f);
		assert_int_equal(get(m, LCR), v & 0x7f);
		set(m, IER, (uint8_t)v);
		assert_int_equal(get(m, IER), v & 0x0f);
		set(m, MCR, (uint8_t)v);
		assert_int_equal(get(m, MCR), v & 0x1f);
	}
	/* Status registers do not take writes. */
	set(m, LSR, 0xff);
	assert_true(last_is_guest_error(m));
	assert_int_equal(get(m, LSR), 0x60);
	dev_free(d);
}

static void divisor_latch(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, NULL);

	set(m, IER, 0x0f);
	set(m, LCR, 0x83);
	set(m, RBR, 0x34);
	set(m, IER, 0x12);
	assert_int_equal(get(m, RBR), 0x34);
	assert_int_equal(get(m, IER), 0x12);
	assert_int_equal(m->serial.written, 0);
	set(m, LCR, 0x03);
	assert_int_equal(get(m, IER), 0x0f);
	set(m, THR, 'x');
	assert_int_equal(m->serial.written, 1);
	set(m, LCR, 0x83);
	assert_int_equal(get(m, RBR), 0x34);
	dev_free(d);
}

static void output_goes_out(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, NULL);

	set(m, THR, 'h');
	set(m, THR, 'i');
	assert_string_equal(buf_str(&m->serial.out), "hi");
	assert_int_equal(get(m, LSR), 0x60);
	set(m, LCR, 0x43); /* break: the line is held */
	set(m, THR, '!');
	set(m, LCR, 0x03);
	set(m, THR, '?');
	assert_string_equal(buf_str(&m->serial.out), "hi?");
	dev_free(d);
}

static void input_by_polling(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, "abc");

	/* Nothing is taken before anybody looks: set-up does not lose input. */
	set(m, FCR, 0x07);
	assert_int_equal(m->serial.in_pos, 0);
	for (const char *p = "abc"; *p; p++) {
		assert_int_equal(get(m, LSR), 0x61);
		assert_int_equal(get(m, RBR), *p);
	}
	assert_int_equal(get(m, LSR), 0x60);
	dev_free(d);
}

static void input_without_fifo(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, "ab");

	assert_int_equal(get(m, LSR), 0x61);
	assert_int_equal(m->serial.in_pos, 1); /* one buffer */
	assert_int_equal(get(m, RBR), 'a');
	assert_int_equal(get(m, RBR), 'b');
	assert_int_equal(get(m, RBR), 'b'); /* the buffer keeps what was last */
	assert_int_equal(get(m, LSR), 0x60);
	dev_free(d);
}

static void input_by_interrupt(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, "ab");

	set(m, IER, 0x01);
	assert_int_equal(m->lines, LINE);
	assert_int_equal(get(m, IIR), 0x04);
	assert_int_equal(get(m, RBR), 'a');
	assert_int_equal(m->lines, LINE); /* the next one is there */
	assert_int_equal(get(m, RBR), 'b');
	assert_int_equal(m->lines, 0);
	assert_int_equal(get(m, IIR), 0x01);
	dev_free(d);
}

/* Section 8.4: the trigger levels, and what is below one waits for the timeout. */
static void trigger_levels(void **state)
{
	static const uint8_t levels[] = {1, 4, 8, 14};
	struct machine *m = *state;
	struct dev *d = uart_with(m, NULL);

	set(m, MCR, 0x10);
	set(m, LCR, 0x03);
	set(m, IER, 0x01);
	for (unsigned i = 0; i < 4; i++) {
		set(m, FCR, (uint8_t)(i << 6 | 0x07));
		for (unsigned n = 1; n < levels[i]; n++) {
			set(m, THR, (uint8_t)n);
			assert_int_equal(get(m, IIR), 0xc1);
			assert_int_equal(m->lines, 0);
		}
		set(m, THR, 0x55);
		assert_int_equal(get(m, IIR), 0xc4);
		assert_int_equal(m->lines, LINE);
		(void)get(m, RBR); /* below the level again */
		assert_int_equal(get(m, IIR), 0xc1);
	}
	dev_free(d);
}

static void character_timeout(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, NULL);
	/* 115200 baud, 8N1: ten bits a character, four characters */
	uint64_t four = 4 * 10 * 16 * 1000000000ull / 1843200;

	set(m, LCR, 0x83);
	set(m, RBR, 1);
	set(m, IER, 0);
	set(m, LCR, 0x03);
	set(m, MCR, 0x10);
	set(m, FCR, 0xc7);
	set(m, IER, 0x01);
	set(m, THR, 'a');
	set(m, THR, 'b');
	assert_int_equal(clock_advance(&m->clock, four - 8), 0);
	assert_int_equal(get(m, IIR), 0xc1);
	set(m, THR, 'c'); /* starts it anew */
	assert_int_equal(clock_advance(&m->clock, four - 8), 0);
	assert_int_equal(get(m, IIR), 0xc1);
	assert_int_equal(clock_advance(&m->clock, 8), 0);
	assert_int_equal(m->lines, LINE);
	assert_int_equal(get(m, IIR), 0xcc);
	assert_int_equal(get(m, IIR), 0xcc); /* stays until a character is taken */
	assert_int_equal(get(m, RBR), 'a');
	assert_int_equal(get(m, IIR), 0xc1);
	assert_int_equal(m->lines, 0);
	assert_int_equal(clock_advance(&m->clock, four), 0);
	assert_int_equal(get(m, IIR), 0xcc);
	assert_int_equal(get(m, RBR), 'b');
	assert_int_equal(get(m, RBR), 'c');
	assert_true(clock_next(&m->clock) == CLOCK_NEVER); /* empty: none */
	dev_free(d);
}

static void thre_interrupt(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, NULL);

	set(m, IER, 0x02); /* empty already: at once */
	assert_int_equal(m->lines, LINE);
	assert_int_equal(get(m, IIR), 0x02);
	assert_int_equal(m->lines, 0); /* reading it clears it */
	assert_int_equal(get(m, IIR), 0x01);
	set(m, THR, 'x');
	assert_int_equal(m->lines, LINE);
	/* Without reading IIR each character is an edge of its own. */
	m->rises = 0;
	set(m, THR, 'y');
	assert_int_equal(m->rises, 1);
	set(m, IER, 0x00);
	assert_int_equal(m->lines, 0);
	set(m, IER, 0x02);
	assert_int_equal(m->lines, LINE);
	dev_free(d);
}

/* Table IV: the higher one hides the lower, reading IIR clears THRE only when it shows. */
static void priorities(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, NULL);

	set(m, MCR, 0x10);
	(void)get(m, MSR);
	set(m, LCR, 0x03);
	set(m, IER, 0x0f);
	(void)get(m, IIR);
	set(m, MCR, 0x11); /* DSR changes */
	set(m, THR, 'a');
	set(m, THR, 'b'); /* overrun */
	assert_int_equal(get(m, IIR), 0x06);
	assert_int_equal(get(m, LSR), 0x63);
	assert_int_equal(get(m, IIR), 0x04);
	assert_int_equal(get(m, RBR), 'b');
	assert_int_equal(get(m, IIR), 0x02);
	assert_int_equal(get(m, IIR), 0x00);
	assert_int_equal(get(m, MSR), 0x22);
	assert_int_equal(get(m, IIR), 0x01);
	assert_int_equal(m->lines, 0);
	dev_free(d);
}

static void overrun(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, NULL);

	set(m, MCR, 0x10);
	set(m, LCR, 0x03);
	/* One buffer: the newcomer replaces what was there. */
	set(m, THR, 1);
	set(m, THR, 2);
	assert_int_equal(get(m, LSR), 0x63);
	assert_int_equal(get(m, LSR), 0x61); /* OE is cleared by reading */
	assert_int_equal(get(m, RBR), 2);
	/* FIFO: the seventeenth is lost. */
	set(m, FCR, 0x07);
	for (uint8_t i = 0; i < 16; i++)
		set(m, THR, i);
	assert_int_equal(get(m, LSR), 0x61);
	set(m, THR, 99);
	assert_int_equal(get(m, LSR), 0x63);
	for (uint8_t i = 0; i < 16; i++)
		assert_int_equal(get(m, RBR), i);
	assert_int_equal(get(m, LSR), 0x60);
	dev_free(d);
}

static void fifo_control(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, NULL);

	set(m, MCR, 0x10);
	set(m, LCR, 0x03);
	set(m, FCR, 0xc0); /* bit 0 is clear: the rest is not programmed */
	assert_int_equal(get(m, IIR), 0x01);
	set(m, IER, 0x01);
	set(m, THR, 9);
	assert_int_equal(get(m, IIR), 0x04); /* one character is enough */
	set(m, FCR, 0x81);
	assert_int_equal(get(m, IIR), 0xc1);
	set(m, THR, 1);
	set(m, THR, 2);
	set(m, FCR, 0x81); /* no reset: they stay */
	assert_int_equal(get(m, RBR), 1);
	set(m, FCR, 0x83);
	assert_int_equal(get(m, LSR), 0x60);
	set(m, THR, 3);
	set(m, FCR, 0x00); /* the mode changes: cleared */
	assert_int_equal(get(m, LSR), 0x60);
	assert_int_equal(get(m, IIR), 0x01);
	dev_free(d);
}

static void loopback(void **state)
{
	static const uint8_t word_mask[] = {0x1f, 0x3f, 0x7f, 0xff};
	static const uint8_t inputs[16] = {0x00, 0x20, 0x10, 0x30, 0x40, 0x60, 0x50, 0x70,
					   0x80, 0xa0, 0x90, 0xb0, 0xc0, 0xe0, 0xd0, 0xf0};
	struct machine *m = *state;
	struct dev *d = uart_with(m, "outside");

	set(m, MCR, 0x10);
	for (unsigned i = 0; i < 4; i++) {
		set(m, LCR, (uint8_t)i);
		set(m, THR, 0xa5);
		assert_int_equal(get(m, LSR), 0x61);
		assert_int_equal(get(m, RBR), 0xa5 & word_mask[i]);
	}
	assert_int_equal(m->serial.written, 0);
	assert_int_equal(m->serial.in_pos, 0);
	/* DTR, RTS, OUT1, OUT2 come back as DSR, CTS, RI, DCD. */
	for (unsigned i = 0; i < 16; i++) {
		set(m, MCR, (uint8_t)(0x10 | i));
		assert_int_equal(get(m, MSR) & 0xf0, inputs[i]);
	}
	set(m, MCR, 0x00);
	assert_int_equal(get(m, LSR), 0x61);
	assert_int_equal(get(m, RBR), 'o');
	dev_free(d);
}

static void modem_deltas(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, NULL);

	set(m, MCR, 0x1f);
	(void)get(m, MSR);
	set(m, IER, 0x08);
	assert_int_equal(m->lines, 0);
	set(m, MCR, 0x1b); /* RI falls: its trailing edge counts */
	assert_int_equal(m->lines, LINE);
	assert_int_equal(get(m, IIR), 0x00);
	assert_int_equal(get(m, MSR), 0xb4);
	assert_int_equal(m->lines, 0);
	set(m, MCR, 0x1f); /* RI rises: does not */
	assert_int_equal(get(m, MSR), 0xf0);
	set(m, MCR, 0x10);
	assert_int_equal(get(m, MSR), 0x0f); /* all fall */
	assert_int_equal(get(m, MSR), 0x00);
	dev_free(d);
}

static void wide_access_is_bytes(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, NULL);
	uint64_t v;

	bus_write(m->bus, BUS_PIO, COM1 + LCR, 2, 0x1f03);
	assert_int_equal(get(m, LCR), 0x03);
	assert_int_equal(get(m, MCR), 0x1f);
	bus_write(m->bus, BUS_PIO, COM1 + SCR, 1, 0x77);
	bus_read(m->bus, BUS_PIO, COM1 + LCR, 2, &v);
	assert_int_equal(v, 0x1f03);
	dev_free(d);
}

static void bad_states_are_refused(void **state)
{
	struct machine *m = *state;
	struct dev *d = uart_with(m, NULL), *e;
	struct buf a = {0};
	size_t used;
	bool refused = false;

	/* Set rx_count, wherever the table has it, to 200. */
	assert_int_equal(dev_save(d, &a), 0);
	for (size_t i = 0; i + 8 < a.len; i++) {
		if (memcmp(a.p + i, "rx_count", 8) != 0)
			continue;
		for (size_t k = i + 8; k < a.len && k < i + 32 && !refused; k++) {
			char old = a.p[k];

			a.p[k] = (char)200;
			refused = dev_load(d, a.p, a.len, &used, NULL) != 0;
			a.p[k] = old;
		}
	}
	assert_true(refused);
	assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), 0);
	buf_free(&a);
	dev_free(d);
	m->env.clock = NULL;
	assert_true(dev_new(&e, "uart", &m->env, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(reset_values),
		machine_test(registers_hold_their_bits),
		machine_test(divisor_latch),
		machine_test(output_goes_out),
		machine_test(input_by_polling),
		machine_test(input_without_fifo),
		machine_test(input_by_interrupt),
		machine_test(trigger_levels),
		machine_test(character_timeout),
		machine_test(thre_interrupt),
		machine_test(priorities),
		machine_test(overrun),
		machine_test(fifo_control),
		machine_test(loopback),
		machine_test(modem_deltas),
		machine_test(wide_access_is_bytes),
		machine_test(bad_states_are_refused),
	};

	return cmocka_run_group_tests_name("uart", tests, NULL, NULL);
}
