/* SPDX-License-Identifier: MIT */
/* fw_cfg against QEMU's specification of it. */
#include <errno.h>

#include "test_machine.h"

enum { SELECTOR = 0x510, DATA = 0x511 };

static void select_key(struct machine *m, uint16_t key)
{
	assert_int_equal(bus_write(m->bus, BUS_PIO, SELECTOR, 2, key), 0);
}

/* (key) reads as these bytes and zeros behind them. */
static void assert_bytes(struct machine *m, uint16_t key, const void *want, size_t len)
{
	select_key(m, key);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(inb(m, DATA), ((const uint8_t *)want)[i]);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(inb(m, DATA), 0);
}

static void always_there(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "fw-cfg");

	assert_bytes(m, 0x00, "QEMU", 4);
	assert_bytes(m, 0x01, "\1\0\0\0", 4);
	assert_bytes(m, 0x05, "\1\0", 2);
	assert_bytes(m, 0x0f, "\1\0", 2);
	assert_bytes(m, 0x03, "", 0);
	assert_bytes(m, 0x14, "", 0);
	assert_bytes(m, 0x15, "", 0);
	assert_bytes(m, 0x19, "\0\0\0\0", 4);
	assert_bytes(m, 0x77, "", 0);
	assert_bytes(m, 0xffff, "", 0);
	dev_free(d);
	d = machine_add(m, "fw-cfg,cpus=3,ram=0x123456789ab");
	assert_bytes(m, 0x05, "\3\0", 2);
	assert_bytes(m, 0x0f, "\3\0", 2);
	assert_bytes(m, 0x03, "\xab\x89\x67\x45\x23\x01\0\0", 8);
	dev_free(d);
}

static void selecting_starts_anew(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "fw-cfg");

	assert_int_equal(inb(m, DATA), 'Q');
	assert_int_equal(inb(m, DATA), 'E');
	select_key(m, 0);
	assert_int_equal(inb(m, DATA), 'Q');
	select_key(m, 0x4000); /* "write", which is ignored */
	assert_int_equal(inb(m, DATA), 'Q');
	/* Half a selector, and data: neither is written. */
	outb(m, SELECTOR, 1);
	assert_true(last_is_guest_error(m));
	outb(m, DATA, 1);
	assert_int_equal(inb(m, DATA), 'E');
	/* The selector is not read; a wide read is of two registers. */
	assert_int_equal(inb(m, SELECTOR), 0);
	assert_int_equal(dev_read(d, 0, 0, 2), 'M' << 8);
	/* A doubleword reaches over the end. */
	assert_int_equal(dev_read(d, 0, 1, 4), 0xffffff00 | 'U');
	dev_reset(d);
	assert_int_equal(inb(m, DATA), 'Q');
	assert_string_equal(dev_reg_find(d->cls, 0, 1)->name, "DATA");
	assert_string_equal(dev_reg_find(d->cls, 0, 0)->name, "SELECTOR");
	dev_free(d);
}

static void items(void **state)
{
	static const char cmdline[] = "console=ttyS0";
	struct machine *m = *state;
	struct dev *d = machine_add(m, "fw-cfg");

	assert_int_equal(fw_cfg_add(d, 0x15, cmdline, sizeof(cmdline)), 0);
	assert_bytes(m, 0x15, cmdline, sizeof(cmdline));
	assert_bytes(m, 0x14, "\x0e\0\0\0", 4);
	assert_int_equal(fw_cfg_add(d, 0x14, "\x0d\0\0\0", 4), 0);
	assert_bytes(m, 0x14, "\x0d\0\0\0", 4);
	assert_int_equal(fw_cfg_add(d, 0x03, "\0\0\0\1\0\0\0\0", 8), 0);
	assert_bytes(m, 0x03, "\0\0\0\1", 4);
	assert_int_equal(fw_cfg_add(d, 0x05, "\4\7", 1), 0);
	assert_bytes(m, 0x05, "\4", 1);
	assert_bytes(m, 0x0f, "\1", 1);
	/* Only once, and not what is its own. */
	assert_int_equal(fw_cfg_add(d, 0x15, "", 0), -EEXIST);
	assert_int_equal(fw_cfg_add(d, 0x00, "ABCD", 4), -EEXIST);
	assert_int_equal(fw_cfg_add(d, 0x01, "\3", 1), -EEXIST);
	assert_int_equal(fw_cfg_add(d, 0x19, "", 0), -EEXIST);
	/* The machine's things outlive a reset. */
	dev_reset(d);
	assert_bytes(m, 0x15, cmdline, sizeof(cmdline));
	for (uint16_t key = 0x100; key < 0x100 + 28; key++)
		assert_int_equal(fw_cfg_add(d, key, "x", 1), 0);
	assert_int_equal(fw_cfg_add(d, 0x200, "x", 1), -ENOSPC);
	assert_int_equal(fw_cfg_add_file(d, "etc/more", "x", 1), -ENOSPC);
	assert_bytes(m, 0x19, "\0\0\0\0", 4);
	dev_free(d);
}

static void files(void **state)
{
	static const char long_name[] = "0123456789012345678901234567890123456789012345678901234";
	uint8_t want[4 + 2 * 64] = {0, 0, 0, 2};
	struct machine *m = *state;
	struct dev *d = machine_add(m, "fw-cfg");
	char name[64];

	assert_int_equal(fw_cfg_add(d, 0x41, "taken", 5), 0);
	assert_int_equal(fw_cfg_add_file(d, "etc/e820", "abc", 3), 0);
	assert_int_equal(fw_cfg_add_file(d, long_name, "defgh", 5), 0);
	memcpy(want + 4, "\0\0\0\3\0\x40\0\0", 8);
	memcpy(want + 12, "etc/e820", 8);
	memcpy(want + 68, "\0\0\0\5\0\x42\0\0", 8);
	memcpy(want + 76, long_name, 55);
	assert_bytes(m, 0x19, want, sizeof(want));
	assert_bytes(m, 0x40, "abc", 3);
	assert_bytes(m, 0x41, "taken", 5);
	assert_bytes(m, 0x42, "defgh", 5);
	assert_int_equal(fw_cfg_add_file(d, "etc/e820", "x", 1), -EEXIST);
	assert_int_equal(fw_cfg_add_file(d, "", "x", 1), -EINVAL);
	(void)snprintf(name, sizeof(name), "%s6", long_name);
	assert_int_equal(fw_cfg_add_file(d, name, "x", 1), -EINVAL);
	assert_int_equal(fw_cfg_add_file(d, "huge", "x", 1ull << 32), -EINVAL);
	/* As many as there is room for: the directory holds all. */
	for (unsigned i = 3; i < 32; i++) {
		(void)snprintf(name, sizeof(name), "file%u", i);
		assert_int_equal(fw_cfg_add_file(d, name, "x", 1), 0);
	}
	assert_int_equal(fw_cfg_add_file(d, "one more", "x", 1), -ENOSPC);
	select_key(m, 0x19);
	for (unsigned i = 0; i < 3; i++)
		(void)inb(m, DATA);
	assert_int_equal(inb(m, DATA), 31);
	for (unsigned i = 0; i < 30 * 64 + 8; i++)
		(void)inb(m, DATA);
	assert_int_equal(inb(m, DATA), 'f');
	dev_free(d);
}

static void saved(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "fw-cfg");
	struct buf a = {0};
	size_t used;
	char *p;

	(void)inb(m, DATA);
	assert_int_equal(dev_save(d, &a), 0);
	select_key(m, 5);
	assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), 0);
	assert_int_equal(inb(m, DATA), 'E');
	/* Any key and offset will do; the offset does not wrap. */
	p = memmem(a.p, a.len, "offset", 6);
	assert_non_null(p);
	st_le32(p + 6 + 10, UINT32_MAX);
	assert_int_equal(dev_load(d, a.p, a.len, &used, NULL), 0);
	assert_int_equal(inb(m, DATA), 0);
	assert_int_equal(inb(m, DATA), 0);
	buf_free(&a);
	dev_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(always_there), machine_test(selecting_starts_anew),
		machine_test(items),	    machine_test(files),
		machine_test(saved),
	};

	return cmocka_run_group_tests_name("fw-cfg", tests, NULL, NULL);
}
