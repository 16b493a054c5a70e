/* SPDX-License-Identifier: MIT */
/* The keyboard controller and its keyboard against IBM's technical reference ("TR"); port 0x92. */
#include <errno.h>

#include "test_power.h"

enum { DATA = 0x60, CMD = 0x64, P92 = 0x92 };
#define OBF	 0x01
#define SYS	 0x04
#define COMMAND	 0x08
#define UNLOCKED 0x10
#define AUX	 0x20
#define TIMEOUT	 0x40
#define IRQ1	 (1u << 1)
#define IRQ12	 (1u << 12)

static struct dev *ready(struct machine *m)
{
	return power_device(m, "i8042");
}

/* The next byte; there must be one. */
static uint8_t next(struct machine *m)
{
	assert_true(inb(m, CMD) & OBF);
	return inb(m, DATA);
}

static uint8_t ask(struct machine *m, uint8_t cmd)
{
	outb(m, CMD, cmd);
	return next(m);
}

static void set_config(struct machine *m, uint8_t val)
{
	outb(m, CMD, 0x60);
	outb(m, DATA, val);
}

/* The keyboard answers (byte) with what is in (want), and nothing more. */
static void kbd(struct machine *m, uint8_t byte, const char *want)
{
	outb(m, DATA, byte);
	for (; *want; want++) {
		if (next(m) != (uint8_t)*want)
			fail_msg("to 0x%02x comes another answer than 0x%02x", byte,
				 (uint8_t)*want);
	}
	assert_false(inb(m, CMD) & OBF);
}

static void fresh(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	assert_int_equal(inb(m, CMD), UNLOCKED | COMMAND | SYS);
	assert_int_equal(inb(m, DATA), 0);
	assert_int_equal(ask(m, 0x20), 0x65);
	assert_int_equal(inb(m, P92), 0x02);
	assert_int_equal(m->lines, 0);
	dev_free(d);
}

static void controller_commands(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	assert_int_equal(ask(m, 0xaa), 0x55);
	assert_int_equal(ask(m, 0xab), 0x00);
	assert_int_equal(ask(m, 0xc0), 0xa0);
	/* Its command byte: the reserved bits stay 0, the missing device stays off. */
	set_config(m, 0xff);
	assert_int_equal(ask(m, 0x20), 0x77);
	set_config(m, 0x00);
	assert_int_equal(ask(m, 0x20), 0x20);
	assert_int_equal(inb(m, CMD) & SYS, 0);
	assert_int_equal(ask(m, 0xaa), 0x55);
	assert_int_equal(inb(m, CMD) & SYS, SYS);
	outb(m, CMD, 0xad);
	assert_int_equal(ask(m, 0x20), 0x34);
	outb(m, CMD, 0xae);
	assert_int_equal(ask(m, 0x20), 0x24);
	/* The other bytes of its RAM are only kept. */
	outb(m, CMD, 0x7f);
	outb(m, DATA, 0xa5);
	outb(m, CMD, 0x61);
	outb(m, DATA, 0x5a);
	assert_int_equal(ask(m, 0x3f), 0xa5);
	assert_int_equal(ask(m, 0x21), 0x5a);
	assert_int_equal(ask(m, 0x20), 0x24);
	/* Which port was written last. */
	assert_int_equal(inb(m, CMD) & COMMAND, COMMAND);
	set_config(m, 0x65);
	assert_int_equal(inb(m, CMD) & COMMAND, 0);
	/* A command in place of data: it is taken as a command. */
	outb(m, CMD, 0x60);
	assert_int_equal(ask(m, 0xaa), 0x55);
	kbd(m, 0xee, "\xee");
	/* There is no such command; it answers nothing. */
	outb(m, CMD, 0x00);
	assert_true(last_is_guest_error(m));
	assert_false(inb(m, CMD) & OBF);
	/* What stands in the buffer is read again, and an answer takes its place. */
	outb(m, CMD, 0xaa);
	outb(m, CMD, 0xab);
	assert_int_equal(next(m), 0x00);
	assert_int_equal(ask(m, 0xaa), 0x55);
	assert_int_equal(inb(m, DATA), 0x55);
	dev_free(d);
}

static void no_auxiliary_device(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	assert_int_equal(ask(m, 0xa9), 0x01);
	outb(m, CMD, 0xa8);
	assert_int_equal(ask(m, 0x20) & 0x20, 0x20);
	outb(m, CMD, 0xa7);
	/* The loop is not one: the byte is not the auxiliary device's. */
	outb(m, CMD, 0xd3);
	outb(m, DATA, 0x5a);
	assert_int_equal(inb(m, CMD) & (OBF | AUX), OBF);
	assert_int_equal(next(m), 0x5a);
	/* Nobody takes what is sent to it: at once, and as its answer. */
	set_config(m, 0x67);
	outb(m, CMD, 0xd4);
	outb(m, DATA, 0xff);
	assert_int_equal(m->lines, IRQ12);
	assert_int_equal(ask(m, 0xd0) & 0x30, 0x20);
	outb(m, CMD, 0xd4);
	outb(m, DATA, 0xff);
	assert_int_equal(inb(m, CMD) & (OBF | AUX | TIMEOUT), OBF | AUX | TIMEOUT);
	assert_int_equal(next(m), 0xfe);
	assert_int_equal(inb(m, CMD) & (OBF | AUX | TIMEOUT), 0);
	assert_int_equal(m->lines, 0);
	dev_free(d);
}

static void keyboard_commands(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	kbd(m, 0xf0, "\xfa");
	kbd(m, 0, "\xfa\x41");
	kbd(m, 0xff, "\xfa\xaa");
	kbd(m, 0xf2, "\xfa\xab\x41"); /* translated */
	set_config(m, 0x25);
	kbd(m, 0xf2, "\xfa\xab\x83");
	kbd(m, 0xfe, "\x83"); /* the last one again */
	kbd(m, 0xee, "\xee");
	for (unsigned c = 0xf4; c <= 0xfd; c++)
		kbd(m, (uint8_t)c, "\xfa");
	kbd(m, 0xed, "\xfa");
	kbd(m, 0x07, "\xfa");
	kbd(m, 0xf3, "\xfa");
	kbd(m, 0x20, "\xfa");
	kbd(m, 0x20, "\xfe"); /* no command */
	kbd(m, 0xef, "\xfe");
	/* A command in place of a parameter. */
	kbd(m, 0xed, "\xfa");
	kbd(m, 0xee, "\xee");
	kbd(m, 0x07, "\xfe");
	/* Scan sets. */
	kbd(m, 0xf0, "\xfa");
	outb(m, DATA, 0);
	assert_int_equal(next(m), 0xfa);
	assert_int_equal(next(m), 2);
	kbd(m, 0xf0, "\xfa");
	kbd(m, 3, "\xfa");
	kbd(m, 0xf0, "\xfa");
	kbd(m, 4, "\xfe");
	kbd(m, 0xf0, "\xfa");
	kbd(m, 0, "\xfa\x03");
	set_config(m, 0x65);
	kbd(m, 0xf0, "\xfa");
	kbd(m, 0, "\xfa\x3f");
	kbd(m, 0xf0, "\xfa");
	kbd(m, 1, "\xfa");
	kbd(m, 0xf0, "\xfa");
	kbd(m, 0, "\xfa\x43");
	kbd(m, 0xff, "\xfa\xaa");
	kbd(m, 0xf0, "\xfa");
	kbd(m, 0, "\xfa\x41");
	dev_free(d);
}

static void keyboard_queue(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	/* One in the buffer, 16 in the queue; what is over is lost. */
	for (unsigned i = 0; i < 20; i++)
		outb(m, DATA, 0xee);
	for (unsigned i = 0; i < 17; i++)
		assert_int_equal(next(m), 0xee);
	assert_false(inb(m, CMD) & OBF);
	/* A reset forgets what waits, not what is in the buffer. */
	outb(m, DATA, 0xf2);
	kbd(m, 0xff, "\xfa\xfa\xaa");
	/* Disabled, it waits; what is sent to it enables it. */
	outb(m, DATA, 0xf2);
	outb(m, CMD, 0xad);
	assert_int_equal(next(m), 0xfa);
	assert_false(inb(m, CMD) & OBF);
	assert_int_equal(ask(m, 0xab), 0);
	outb(m, CMD, 0xae);
	assert_int_equal(next(m), 0xab);
	outb(m, CMD, 0xad);
	(void)next(m);
	outb(m, DATA, 0xee);
	assert_int_equal(next(m), 0xee);
	assert_int_equal(ask(m, 0x20) & 0x10, 0);
	/* The system writes as if it was the keyboard. */
	outb(m, CMD, 0xd2);
	outb(m, DATA, 0x1e);
	assert_int_equal(m->lines, IRQ1);
	assert_int_equal(next(m), 0x1e);
	dev_free(d);
}

static void interrupts(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	/* An edge for each byte. */
	outb(m, DATA, 0xf2);
	assert_int_equal(m->lines, IRQ1);
	assert_int_equal(m->rises, 1);
	assert_int_equal(next(m), 0xfa);
	assert_int_equal(m->lines, IRQ1);
	assert_int_equal(m->rises, 2);
	(void)next(m);
	assert_int_equal(m->rises, 3);
	(void)next(m);
	assert_int_equal(m->lines, 0);
	/* The controller's answers, too; not without the enable. */
	outb(m, CMD, 0xaa);
	assert_int_equal(m->lines, IRQ1);
	assert_int_equal(ask(m, 0xd0) & 0x30, 0x10);
	set_config(m, 0x64);
	outb(m, CMD, 0xaa);
	assert_int_equal(m->lines, 0);
	set_config(m, 0x65);
	assert_int_equal(m->lines, IRQ1);
	set_config(m, 0x41);
	dev_reset(d);
	assert_int_equal(m->lines, 0);
	assert_int_equal(ask(m, 0x20), 0x65);
	dev_free(d);
	d = machine_add(m, "i8042,irq=3,aux-irq=4");
	outb(m, DATA, 0xee);
	assert_int_equal(m->lines, 1u << 3);
	(void)next(m);
	set_config(m, 0x02);
	outb(m, CMD, 0xd4);
	outb(m, DATA, 0xff);
	assert_int_equal(m->lines, 1u << 4);
	dev_free(d);
}

static void a20_and_reset(void **state)
{
	struct machine *m = *state;
	struct dev *d = ready(m);

	assert_int_equal(ask(m, 0xd0), 0xcf);
	outb(m, CMD, 0xd1);
	outb(m, DATA, 0xcd);
	assert_int_equal(ask(m, 0xd0), 0xcd);
	outb(m, CMD, 0xdf);
	assert_int_equal(ask(m, 0xd0), 0xcf);
	outb(m, CMD, 0xdd);
	assert_int_equal(ask(m, 0xd0), 0xcd);
	assert_int_equal(resets, 0);
	/* Reset: by the output port, by a pulse of its bit 0. */
	outb(m, CMD, 0xd1);
	outb(m, DATA, 0x02);
	assert_int_equal(resets, 1);
	outb(m, CMD, 0xfe);
	assert_int_equal(resets, 2);
	outb(m, CMD, 0xff);
	outb(m, CMD, 0xfd);
	assert_int_equal(resets, 2);
	outb(m, CMD, 0xf0);
	assert_int_equal(resets, 3);
	/* Port 0x92: by a rise. */
	outb(m, P92, 0xfc);
	assert_int_equal(inb(m, P92), 0);
	outb(m, P92, 0x03);
	assert_int_equal(resets, 4);
	assert_int_equal(inb(m, P92), 3);
	outb(m, P92, 0x01);
	assert_int_equal(resets, 4);
	outb(m, P92, 0x02);
	outb(m, P92, 0x03);
	assert_int_equal(resets, 5);
	assert_int_equal(offs, 0);
	d->env.host.power = NULL;
	outb(m, CMD, 0xfe);
	dev_free(d);
}

static void saved(void **state)
{
	static const struct {
		const char *field;
		uint8_t val;
	} bad[] = {{"queued", 17},   {"head", 16},    {"scan_set", 0}, {"scan_set", 4},
		   {"expects", 1},   {"ram", 0xa5},   {"ram", 0x45},   {"port92", 4},
		   {"kbd_level", 0}, {"aux_level", 1}};
	struct machine *m = *state;
	struct dev *d = ready(m);
	struct buf a = {0}, b = {0};
	size_t used;

	outb(m, DATA, 0xf2);
	outb(m, CMD, 0xd1);
	assert_int_equal(dev_save(d, &a), 0);
	dev_reset(d);
	assert_int_equal(inb(m, CMD) & OBF, 0);
	assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), 0);
	assert_int_equal(dev_save(d, &b), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.p, b.p, a.len);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		char key[16], *p, was;
		size_t n = strlen(bad[i].field);

		/* Its name follows its length. */
		st_le16(key, (uint16_t)n);
		memcpy(key + 2, bad[i].field, n);
		p = memmem(a.p, a.len, key, n + 2);
		assert_non_null(p);
		p += n + 2 + 10; /* kind, 0, size, count */
		was = *p;
		*p = (char)bad[i].val;
		if (dev_load(d, a.p, a.len, &used, NULL) != -EINVAL)
			fail_msg("%s %u is taken", bad[i].field, bad[i].val);
		*p = was;
	}
	assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), 0);
	outb(m, DATA, 0xcf);
	assert_int_equal(next(m), 0xfa);
	assert_int_equal(next(m), 0xab);
	assert_int_equal(next(m), 0x41);
	buf_free(&a);
	buf_free(&b);
	dev_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(fresh),
		machine_test(controller_commands),
		machine_test(no_auxiliary_device),
		machine_test(keyboard_commands),
		machine_test(keyboard_queue),
		machine_test(interrupts),
		machine_test(a20_and_reset),
		machine_test(saved),
	};

	return cmocka_run_group_tests_name("i8042", tests, NULL, NULL);
}
