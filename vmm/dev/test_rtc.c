/* SPDX-License-Identifier: MIT */
/* The MC146818 against Motorola's data sheet ("DS"), and the AT's CMOS bytes. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "test_machine.h"

enum { INDEX = 0x70, DATA = 0x71 };
enum { SEC, SEC_AL, MIN, MIN_AL, HOUR, HOUR_AL, WDAY, DATE, MONTH, YEAR, A, B, C, D };
#define CENTURY 0x32
#define LINE	(1u << 8)
#define S	1000000000ull
#define DEFAULT 1767225600	      /* 2026-01-01 00:00:00, a Thursday */
#define FEB_28	"rtc,time=1709164799" /* 2024-02-28 23:59:59, a Wednesday */

static uint8_t rd(struct machine *m, uint8_t i)
{
	outb(m, INDEX, i);
	return inb(m, DATA);
}

static void wr(struct machine *m, uint8_t i, uint8_t v)
{
	outb(m, INDEX, i);
	outb(m, DATA, v);
}

static void pass(struct machine *m, uint64_t ns)
{
	assert_int_equal(clock_advance(&m->clock, ns), 0);
}

/* "2026-01-01 00:00:00 5" of BCD bytes and 24 hours. */
static void assert_time(struct machine *m, const char *want)
{
	char is[64];

	(void)snprintf(is, sizeof(is), "%02x%02x-%02x-%02x %02x:%02x:%02x %x", rd(m, CENTURY),
		       rd(m, YEAR), rd(m, MONTH), rd(m, DATE), rd(m, HOUR), rd(m, MIN), rd(m, SEC),
		       rd(m, WDAY));
	assert_string_equal(is, want);
}

static void fresh(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "rtc");

	assert_time(m, "2026-01-01 00:00:00 5");
	assert_int_equal(rd(m, A), 0x26);
	assert_int_equal(rd(m, B), 0x02);
	assert_int_equal(rd(m, C), 0x00);
	assert_int_equal(rd(m, D), 0x80);
	assert_int_equal(inb(m, INDEX), 0xff);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	/* Read-only ones. */
	wr(m, D, 0);
	wr(m, C, 0x70);
	wr(m, A, 0xa6);
	wr(m, SEC, 0xd0);
	assert_int_equal(rd(m, D), 0x80);
	assert_int_equal(rd(m, C), 0x00);
	assert_int_equal(rd(m, A), 0x26);
	assert_int_equal(rd(m, SEC), 0x50);
	/* The rest is memory, and bit 7 of the index is not of it. */
	wr(m, 0x7f, 0x5a);
	wr(m, 0x0e, 0xa5);
	assert_int_equal(rd(m, 0xff), 0x5a);
	assert_int_equal(rd(m, 0x8e), 0xa5);
	dev_free(d);
	assert_int_equal(dev_new(&d, "rtc", &(struct dev_env){0}, NULL), -EINVAL);
}

static void nmi_mask(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "rtc");
	struct buf json = {0};

	outb(m, INDEX, 0x80);
	dev_json(d, &json);
	assert_non_null(strstr(buf_str(&json), "\"nmi_masked\":true"));
	buf_free(&json);
	outb(m, INDEX, 0x00);
	json = (struct buf){0};
	dev_json(d, &json);
	assert_non_null(strstr(buf_str(&json), "\"nmi_masked\":false"));
	buf_free(&json);
	dev_free(d);
}

static void time_passes(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, FEB_28);

	assert_time(m, "2024-02-28 23:59:59 4");
	pass(m, S - 1);
	assert_time(m, "2024-02-28 23:59:59 4");
	pass(m, 1);
	assert_time(m, "2024-02-29 00:00:00 5");
	pass(m, 86400 * S);
	assert_time(m, "2024-03-01 00:00:00 6");
	pass(m, 365 * 86400 * S);
	assert_time(m, "2025-03-01 00:00:00 7");
	pass(m, 365 * 86400 * S - S);
	assert_time(m, "2026-02-28 23:59:59 7");
	pass(m, S);
	assert_time(m, "2026-03-01 00:00:00 1");
	/* A machine that is reset goes on with the clock's own time. */
	dev_reset(d);
	assert_time(m, "2026-03-01 00:00:00 1");
	dev_free(d);
	m->clock.now = 0;
	d = machine_add(m, "rtc,time=4102444799");
	assert_time(m, "2099-12-31 23:59:59 5");
	pass(m, S);
	assert_time(m, "2100-01-01 00:00:00 6");
	pass(m, 59 * 86400 * S);
	assert_time(m, "2100-03-01 00:00:00 2"); /* no leap year */
	dev_free(d);
	m->clock.now = 0;
	d = machine_add(m, "rtc,time=253402300799");
	assert_time(m, "9999-12-31 23:59:59 6");
	pass(m, S);
	assert_time(m, "0000-01-01 00:00:00 7");
	dev_free(d);
}

/* Against the C library, all over the range. */
static void every_date(void **state)
{
	struct machine *m = *state;
	uint64_t t = 0;

	for (unsigned i = 0; i < 400; i++, t += 631139040 + i * 7919) {
		time_t tt = (time_t)(t %= 253402300799);
		char spec[64], want[64];
		struct dev *d;
		struct tm tm;

		(void)snprintf(spec, sizeof(spec), "rtc,time=%llu", (unsigned long long)t);
		d = machine_add(m, spec);
		assert_non_null(gmtime_r(&tt, &tm));
		assert_true(strftime(want, sizeof(want), "%Y-%m-%d %H:%M:%S ", &tm));
		(void)snprintf(want + strlen(want), 12, "%d", tm.tm_wday + 1);
		assert_time(m, want);
		dev_free(d);
	}
}

static void formats(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "rtc");

	/* Set in binary and 12 hours: 11:59:58 PM on 31 December 1999, a Friday. */
	wr(m, B, 0x84);
	wr(m, SEC, 58);
	wr(m, MIN, 59);
	wr(m, HOUR, 0x80 | 11);
	wr(m, WDAY, 6);
	wr(m, DATE, 31);
	wr(m, MONTH, 12);
	wr(m, YEAR, 99);
	wr(m, CENTURY, 19);
	pass(m, 10 * S); /* SET: it stands */
	assert_int_equal(rd(m, SEC), 58);
	wr(m, B, 0x04);
	pass(m, S);
	assert_int_equal(rd(m, SEC), 59);
	assert_int_equal(rd(m, HOUR), 0x80 | 11);
	pass(m, S);
	assert_int_equal(rd(m, SEC), 0);
	assert_int_equal(rd(m, MIN), 0);
	assert_int_equal(rd(m, HOUR), 12); /* midnight is 12 AM */
	assert_int_equal(rd(m, DATE), 1);
	assert_int_equal(rd(m, MONTH), 1);
	assert_int_equal(rd(m, YEAR), 0);
	assert_int_equal(rd(m, CENTURY), 20);
	assert_int_equal(rd(m, WDAY), 7);
	pass(m, 12 * 3600 * S);
	assert_int_equal(rd(m, HOUR), 0x80 | 12); /* noon is 12 PM */
	pass(m, 3600 * S);
	assert_int_equal(rd(m, HOUR), 0x80 | 1);
	/* BCD and 12 hours. */
	wr(m, B, 0x80);
	wr(m, HOUR, 0x91);
	wr(m, MIN, 0x59);
	wr(m, SEC, 0x59);
	wr(m, B, 0x00);
	pass(m, S);
	assert_int_equal(rd(m, HOUR), 0x12);
	pass(m, 12 * 3600 * S);
	assert_int_equal(rd(m, HOUR), 0x92);
	dev_free(d);
}

/* Bytes that are no time: it goes on all the same, and gets to be one. */
static void nonsense(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "rtc");

	for (unsigned v = 0; v < 256; v++) {
		wr(m, B, v & 1 ? 0x86 : 0x80);
		for (uint8_t i = 0; i < 10; i += 1 + !(i & 1) * (i < 5))
			wr(m, i, (uint8_t)(v * (i + 1)));
		wr(m, CENTURY, (uint8_t)v);
		wr(m, B, v & 1 ? 0x06 : 0x00);
		pass(m, S);
		(void)rd(m, SEC);
		pass(m, 40 * 86400 * S);
		(void)rd(m, SEC);
		wr(m, B, v & 1 ? 0x26 : 0x20);
		pass(m, 2 * 86400 * S);
		if (v & 1) {
			assert_in_range(rd(m, SEC), 0, 59);
			assert_in_range(rd(m, HOUR), 0, 23);
			assert_in_range(rd(m, DATE), 1, 31);
			assert_in_range(rd(m, MONTH), 1, 12);
			assert_in_range(rd(m, WDAY), 1, 7);
		}
	}
	/* The 0th of the month 0, and the 40th of the 15th. */
	wr(m, B, 0x82);
	wr(m, CENTURY, 0x20);
	wr(m, YEAR, 0x25);
	wr(m, MONTH, 0x00);
	wr(m, DATE, 0x00);
	wr(m, HOUR, 0x23);
	wr(m, MIN, 0x59);
	wr(m, SEC, 0x59);
	wr(m, WDAY, 0x01);
	wr(m, B, 0x02);
	pass(m, S);
	assert_time(m, "2025-01-02 00:00:00 2");
	wr(m, MONTH, 0x15);
	wr(m, DATE, 0x40);
	pass(m, 86400 * S);
	assert_time(m, "2026-01-01 00:00:00 3");
	dev_free(d);
}

static void update_in_progress(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "rtc");

	assert_int_equal(rd(m, A) & 0x80, 0);
	pass(m, S - 2300000);
	assert_int_equal(rd(m, A) & 0x80, 0);
	pass(m, 100000); /* 2200 us before */
	assert_int_equal(rd(m, A) & 0x80, 0x80);
	assert_int_equal(rd(m, SEC), 0x00);
	wr(m, B, 0x82);
	assert_int_equal(rd(m, A) & 0x80, 0); /* SET: no update */
	wr(m, B, 0x02);
	pass(m, 2199999);
	assert_int_equal(rd(m, A) & 0x80, 0x80);
	pass(m, 1);
	assert_int_equal(rd(m, A) & 0x80, 0);
	assert_int_equal(rd(m, SEC), 0x01);
	dev_free(d);
}

static void update_interrupt(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "rtc");

	pass(m, S);
	assert_int_equal(m->lines, 0);
	assert_int_equal(rd(m, C) & 0x90, 0x10); /* the flag comes though nobody enabled it */
	wr(m, B, 0x12);
	assert_true(clock_next(&m->clock) == 2 * S);
	pass(m, S - 1);
	assert_int_equal(m->lines, 0);
	pass(m, 1);
	assert_int_equal(m->lines, LINE);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER); /* it is up already */
	pass(m, 5 * S);
	assert_int_equal(m->rises, 1);
	assert_int_equal(rd(m, C) & 0xb0, 0x90);
	assert_int_equal(m->lines, 0);
	assert_int_equal(rd(m, C), 0);
	assert_true(clock_next(&m->clock) == 8 * S);
	/* SET takes the interrupt's enable away. */
	wr(m, B, 0x92);
	assert_int_equal(rd(m, B), 0x82);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	pass(m, 3 * S);
	assert_int_equal(rd(m, C) & 0x10, 0);
	/* A flag that is there interrupts as soon as it is enabled. */
	wr(m, B, 0x02);
	pass(m, 2 * S);
	wr(m, B, 0x12);
	assert_int_equal(m->lines, LINE);
	wr(m, B, 0x02);
	assert_int_equal(m->lines, 0);
	dev_free(d);
}

static void periodic_interrupt(void **state)
{
	/* DS table 5, Hz. */
	static const unsigned hz[] = {0,   256, 128, 8192, 4096, 2048, 1024, 512,
				      256, 128, 64,  32,   16,	 8,    4,    2};
	struct machine *m = *state;
	struct dev *d = machine_add(m, "rtc");

	wr(m, B, 0x42);
	for (unsigned rs = 0; rs < 16; rs++) {
		unsigned n = 0;

		wr(m, A, 0x20);
		(void)rd(m, C);
		pass(m, 2 * S - clock_now(&m->clock) % S);
		(void)rd(m, C);
		wr(m, A, (uint8_t)(0x20 | rs));
		for (uint64_t end = clock_now(&m->clock) + S; clock_next(&m->clock) <= end; n++) {
			pass(m, clock_next(&m->clock) - clock_now(&m->clock));
			assert_int_equal(m->lines, LINE);
			assert_int_equal(rd(m, C) & 0xc0, 0xc0);
			assert_int_equal(m->lines, 0);
		}
		assert_int_equal(n, hz[rs]);
	}
	/* The flag without the enable. */
	wr(m, B, 0x02);
	(void)rd(m, C);
	pass(m, S / 2);
	assert_int_equal(rd(m, C), 0x40);
	assert_int_equal(rd(m, C), 0x00);
	dev_free(d);
}

static void alarms(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "rtc");

	/* 03:02:01, each day. */
	wr(m, SEC_AL, 0x01);
	wr(m, MIN_AL, 0x02);
	wr(m, HOUR_AL, 0x03);
	wr(m, B, 0x22);
	assert_true(clock_next(&m->clock) == (3 * 3600 + 2 * 60 + 1) * S);
	pass(m, (3 * 3600 + 2 * 60 + 1) * S - 1);
	assert_int_equal(m->lines, 0);
	pass(m, 1);
	assert_int_equal(m->lines, LINE);
	assert_int_equal(rd(m, C) & 0xa0, 0xa0);
	assert_true(clock_next(&m->clock) == (27 * 3600 + 2 * 60 + 1) * S);
	/* Each hour; each minute; each second. */
	wr(m, HOUR_AL, 0xff);
	assert_true(clock_next(&m->clock) == (4 * 3600 + 2 * 60 + 1) * S);
	wr(m, MIN_AL, 0xc0);
	assert_true(clock_next(&m->clock) == (3 * 3600 + 3 * 60 + 1) * S);
	wr(m, SEC_AL, 0xc5);
	assert_true(clock_next(&m->clock) == (3 * 3600 + 2 * 60 + 2) * S);
	/* The next minute, from the middle of this one. */
	wr(m, SEC_AL, 0x00);
	wr(m, MIN_AL, 0x05);
	assert_true(clock_next(&m->clock) == (3 * 3600 + 5 * 60) * S);
	/* In an hour that is over for today; in one that there is not. */
	wr(m, SEC_AL, 0x00);
	wr(m, MIN_AL, 0x00);
	wr(m, HOUR_AL, 0x02);
	assert_true(clock_next(&m->clock) == 26 * 3600 * S);
	wr(m, HOUR_AL, 0x24);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	wr(m, HOUR_AL, 0xff);
	wr(m, MIN_AL, 0x60);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	wr(m, MIN_AL, 0xff);
	wr(m, SEC_AL, 0x7f);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	/* Nobody looks for days: the flag says that there was one, or not. */
	wr(m, B, 0x02);
	(void)rd(m, C);
	pass(m, 2 * 86400 * S);
	assert_int_equal(rd(m, C) & 0x20, 0);
	wr(m, SEC_AL, 0x05);
	pass(m, 10 * S);
	assert_int_equal(rd(m, C) & 0x20, 0x20);
	pass(m, 10 * S);
	assert_int_equal(rd(m, C) & 0x20, 0);
	/* SET: no update, no alarm. */
	wr(m, SEC_AL, 0xff);
	wr(m, B, 0xa2);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	dev_free(d);
}

static void alarm_in_twelve_hours(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "rtc");

	wr(m, B, 0x80);
	wr(m, HOUR, 0x12);    /* 00:00:00 */
	wr(m, HOUR_AL, 0x83); /* 3 PM */
	wr(m, MIN_AL, 0x00);
	wr(m, SEC_AL, 0x00);
	wr(m, B, 0x20);
	assert_true(clock_next(&m->clock) == 15 * 3600 * S);
	dev_free(d);
}

static void divider_reset(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "rtc");

	pass(m, S / 3);
	wr(m, A, 0x66);
	wr(m, B, 0x52);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	(void)rd(m, C);
	pass(m, 10 * S);
	assert_int_equal(rd(m, SEC), 0x00);
	assert_int_equal(rd(m, A), 0x66);
	assert_int_equal(rd(m, C), 0x00);
	/* The first update is half a second behind the end of the reset. */
	wr(m, B, 0x12);
	wr(m, A, 0x26);
	assert_true(clock_next(&m->clock) == S / 3 + 10 * S + S / 2);
	pass(m, S / 2 - 1);
	assert_int_equal(rd(m, SEC), 0x00);
	pass(m, 1);
	assert_int_equal(rd(m, SEC), 0x01);
	pass(m, S);
	assert_int_equal(rd(m, SEC), 0x02);
	dev_free(d);
}

static void memory_sizes(void **state)
{
	static const struct {
		const char *spec;
		unsigned base, ext, above16, above4g;
	} cases[] = {
		{"rtc", 640, 15360, 0, 0},
		{"rtc,mem=512K", 512, 0, 0, 0},
		{"rtc,mem=1M", 640, 0, 0, 0},
		{"rtc,mem=256M", 640, 65535, 240 * 16, 0},
		{"rtc,mem=3G,highmem=1G", 640, 65535, 3056 * 16, 16384},
		{"rtc,mem=0,highmem=1024G", 0, 0, 0, 0xffffff},
	};
	struct machine *m = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dev *d = machine_add(m, cases[i].spec);
		unsigned sum = 0;

		assert_int_equal(rd(m, 0x15) | rd(m, 0x16) << 8, cases[i].base);
		assert_int_equal(rd(m, 0x17) | rd(m, 0x18) << 8, cases[i].ext);
		assert_int_equal(rd(m, 0x30) | rd(m, 0x31) << 8, cases[i].ext);
		assert_int_equal(rd(m, 0x34) | rd(m, 0x35) << 8, cases[i].above16);
		assert_int_equal(rd(m, 0x5b) | rd(m, 0x5c) << 8 | rd(m, 0x5d) << 16,
				 cases[i].above4g);
		for (uint8_t at = 0x10; at <= 0x2d; at++)
			sum += rd(m, at);
		assert_int_equal(rd(m, 0x2e) << 8 | rd(m, 0x2f), sum);
		dev_free(d);
	}
}

static void end_of_time(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "rtc,time=253402300799");

	m->clock.now = UINT64_MAX - 10;
	wr(m, SEC_AL, 0xff);
	wr(m, MIN_AL, 0xff);
	wr(m, HOUR_AL, 0xff);
	wr(m, B, 0x72);
	(void)rd(m, C);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	/* The divider chain started late. */
	wr(m, A, 0x66);
	wr(m, A, 0x26);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	dev_free(d);
}

static void wide_accesses(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "rtc");

	dev_write(d, 0, 0, 2, 0x3350);
	assert_int_equal(dev_read(d, 0, 0, 2), 0x33ff);
	assert_int_equal(rd(m, 0x50), 0x33);
	dev_free(d);
}

static void saved(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "rtc");
	struct buf a = {0}, b = {0};
	size_t used;

	wr(m, B, 0x12);
	pass(m, S + S / 2);
	(void)rd(m, C);
	assert_int_equal(dev_save(d, &a), 0);
	dev_reset(d);
	assert_true(clock_next(&m->clock) == CLOCK_NEVER);
	assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), 0);
	assert_true(clock_next(&m->clock) == 2 * S);
	assert_int_equal(dev_save(d, &b), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.p, b.p, a.len);
	/* Time was turned back to before it was saved. */
	m->clock.now = 0;
	assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), -EINVAL);
	m->clock.now = 2 * S;
	for (unsigned i = 0; i < 4; i++) {
		static const struct {
			const char *field;
			unsigned at;
			uint8_t val;
		} bad[] = {
			{"index", 0, 0x80}, {"irq_level", 0, 1}, {"since", 7, 1}, {"start", 2, 1}};
		char *p = memmem(a.p, a.len, bad[i].field, strlen(bad[i].field));
		char was;

		assert_non_null(p);
		p += strlen(bad[i].field) + 10 + bad[i].at; /* kind, 0, size, count */
		was = *p;
		*p = (char)bad[i].val;
		assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), -EINVAL);
		*p = was;
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
		machine_test(nmi_mask),
		machine_test(time_passes),
		machine_test(every_date),
		machine_test(formats),
		machine_test(nonsense),
		machine_test(update_in_progress),
		machine_test(update_interrupt),
		machine_test(periodic_interrupt),
		machine_test(alarms),
		machine_test(alarm_in_twelve_hours),
		machine_test(divider_reset),
		machine_test(memory_sizes),
		machine_test(end_of_time),
		machine_test(wide_accesses),
		machine_test(saved),
	};

	return cmocka_run_group_tests_name("rtc", tests, NULL, NULL);
}
