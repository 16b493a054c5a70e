/* SPDX-License-Identifier: MIT */
/* bzImage by the 16-bit protocol: setup code, what the loader writes into it, the BIOS. */
#include <stdio.h>

#include "test_util.h"

#define SETUP 0x90000u
#define CMD   0x9d000u
#define BIOS  0x9e000u

static struct fix *by16(uint64_t ram)
{
	struct fix *f = fix_bzimage(ram);

	f->req.boot = LOAD_BOOT_16;
	return f;
}

static void test_entry(void **state)
{
	static const enum x86_sreg data[] = {X86_ES, X86_SS, X86_DS, X86_FS, X86_GS};
	struct fix *f = by16(32 * MIB);

	(void)state;
	f->req.cmdline = "console=ttyS0";
	fix_ok(f);
	assert_int_equal(f->res.boot, LOAD_BOOT_16);
	assert_int_equal(f->res.mode, X86_REAL);
	assert_int_equal(f->res.entry, SETUP + 0x200);
	assert_int_equal(f->cpu.seg[X86_CS].sel, 0x9020);
	assert_int_equal(f->cpu.seg[X86_CS].base, SETUP + 0x200);
	assert_int_equal(f->cpu.rip, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(data); i++) {
		assert_int_equal(f->cpu.seg[data[i]].sel, 0x9000);
		assert_int_equal(f->cpu.seg[data[i]].base, SETUP);
	}
	assert_int_equal(f->cpu.gpr[X86_RSP], 0xd000);
	assert_int_equal(x86_code_bits(&f->cpu), 16);
	assert_false(f->cpu.cr0 & X86_CR0_PE);
	/* all of the setup code but its header, and the kernel */
	want_bytes(f, SETUP, f->img, 0x1f1);
	want_bytes(f, SETUP + BZ_HDR_LEN, f->img + BZ_HDR_LEN, BZ_SETUP - BZ_HDR_LEN);
	want_bytes(f, BZ_PREF, f->img + BZ_SETUP, BZ_KERNEL);
	assert_int_equal(peek(f, SETUP + 0x1fa, 2), 0xf04);
	assert_int_equal(peek(f, SETUP + 0x210, 1), 0xff);
	assert_int_equal(peek(f, SETUP + 0x211, 1), 0x81);
	assert_int_equal(peek(f, SETUP + 0x214, 4), BZ_PREF);
	assert_int_equal(peek(f, SETUP + 0x224, 2), 0xd000 - 0x200);
	assert_int_equal(peek(f, SETUP + 0x228, 4), CMD);
	assert_int_equal(f->res.cmdline.gpa, CMD);
	want_bytes(f, CMD, "console=ttyS0", 14);
	fix_free(f);
}

static void test_initrd(void **state)
{
	struct fix *f = by16(32 * MIB);
	uint8_t rd[100];

	(void)state;
	pattern(rd, sizeof(rd), 9);
	memset(f->img + 0x218, 0xff, 8);
	memset(f->img + 0x250, 0xff, 8); /* setup_data: a file may not choose it */
	fix_ok(f);
	want_zero(f, SETUP + 0x218, 8);
	want_zero(f, SETUP + 0x250, 8);
	f->req.initrd = (struct load_blob){rd, sizeof(rd), NULL};
	fix_ok(f);
	assert_int_equal(peek(f, SETUP + 0x218, 4), 32 * MIB - 0x1000);
	assert_int_equal(peek(f, SETUP + 0x21c, 4), sizeof(rd));
	want_bytes(f, 32 * MIB - 0x1000, rd, sizeof(rd));
	st_le32(f->img + 0x22c, MIB - 1);
	fix_bad(f, -E2BIG, "initrd");
	fix_free(f);
}

/* Before 2.01 there is no heap, before 2.02 the command line is said in the boot sector. */
static void test_old(void **state)
{
	struct fix *f = by16(32 * MIB);

	(void)state;
	f->req.cmdline = "mem=8M";
	st_le16(f->img + 0x206, 0x200);
	fix_ok(f);
	assert_int_equal(peek(f, SETUP + 0x20, 2), 0xa33f);
	assert_int_equal(peek(f, SETUP + 0x22, 2), CMD - SETUP);
	assert_int_equal(peek(f, SETUP + 0x211, 1), 1);
	want_bytes(f, SETUP + 0x222, f->img + 0x222, 0x290 - 0x222);
	want_bytes(f, CMD, "mem=8M", 7);
	assert_int_equal(f->res.image.gpa, SETUP);
	assert_int_equal(peek(f, SETUP + 0x214, 4), MIB);
	st_le16(f->img + 0x206, 0x201);
	fix_ok(f);
	assert_int_equal(peek(f, SETUP + 0x20, 2), 0xa33f);
	assert_int_equal(peek(f, SETUP + 0x211, 1), 0x81);
	fix_free(f);
}

static void test_limits(void **state)
{
	struct fix *f = by16(32 * MIB);
	char *cmd = malloc(5000);

	(void)state;
	assert_non_null(cmd);
	memset(cmd, 'c', 5000);
	f->req.cmdline = cmd;
	cmd[2048] = 0;
	fix_bad(f, -ENAMETOOLONG, "2047");
	cmd[2048] = 'c';
	st_le32(f->img + 0x238, 0xffffffff);
	cmd[4096] = 0;
	fix_bad(f, -ENAMETOOLONG, "4095");
	cmd[4095] = 0;
	fix_ok(f);
	want_bytes(f, CMD, cmd, 4096);
	f->req.cmdline = NULL;
	/* setup code up to its heap */
	f->img[0x1f1] = 0x9000 / 512 - 1;
	f->req.image.len = 0x9000 + 0x400;
	st_le32(f->img + 0x1f4, 0x400 / 16);
	fix_ok(f);
	want_bytes(f, SETUP + 0x8e00, f->img + 0x8e00, 0x200);
	f->img[0x1f1]++;
	f->req.image.len += 512;
	fix_bad(f, -ENOEXEC, "setup_sects");
	fix_free(f);
	f = by16(0x9f000);
	fix_add(f, MIB, 31 * MIB, GMEM_RAM);
	fix_bad(f, -E2BIG, "info area");
	fix_free(f);
	free(cmd);
}

static void test_bios(void **state)
{
	static const struct {
		unsigned vector, slot;
	} rows[] = {
		{0x00, 0}, {0x08, 0},  {0x10, 4},  {0x11, 8},  {0x12, 12}, {0x13, 16},
		{0x14, 0}, {0x15, 20}, {0x16, 24}, {0x1a, 28}, {0xff, 0},
	};
	struct fix *f = by16(32 * MIB);

	(void)state;
	fix_ok(f);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(peek(f, rows[i].vector * 4, 2), rows[i].slot);
		assert_int_equal(peek(f, rows[i].vector * 4 + 2, 2), BIOS >> 4);
		/* each slot is a jump to a handler inside */
		assert_int_equal(peek(f, BIOS + rows[i].slot, 1), 0xe9);
		assert_true(rows[i].slot + 3 + peek(f, BIOS + rows[i].slot + 1, 2) <
			    load_bios16_len);
	}
	assert_true(load_bios16_len <= BIOS_E820);
	assert_int_equal(peek(f, 0x400, 2), 0x3f8);
	assert_int_equal(peek(f, 0x413, 2), 632);
	assert_int_equal(peek(f, 0x44a, 2), 80);
	/* 31 MiB from 1 MiB on */
	assert_int_equal(peek(f, BIOS + 32, 2), 31 * 1024);
	assert_int_equal(peek(f, BIOS + 34, 2), 15 * 1024);
	assert_int_equal(peek(f, BIOS + 36, 2), 16 * 16);
	assert_int_equal(peek(f, BIOS + 38, 2), 3);
	assert_int_equal(peek(f, BIOS + 0x400, 8), 0);
	assert_int_equal(peek(f, BIOS + 0x408, 8), BIOS);
	assert_int_equal(peek(f, BIOS + 0x410, 4), 1);
	assert_int_equal(peek(f, BIOS + 0x414, 8), BIOS);
	assert_int_equal(peek(f, BIOS + 0x41c, 8), MIB - BIOS);
	assert_int_equal(peek(f, BIOS + 0x424, 4), 2);
	assert_int_equal(peek(f, BIOS + 0x428, 8), MIB);
	assert_int_equal(peek(f, BIOS + 0x430, 8), 31 * MIB);
	fix_free(f);
	/* what does not fit 16 bits is the most that does */
	f = by16(4095 * MIB);
	fix_ok(f);
	assert_int_equal(peek(f, BIOS + 32, 2), 0xffff);
	assert_int_equal(peek(f, BIOS + 34, 2), 15 * 1024);
	assert_int_equal(peek(f, BIOS + 36, 2), (4095 - 16) * 16);
	fix_free(f);
}

/* The bytes are what nasm makes of the source. */
static void test_source(void **state)
{
	uint8_t got[1024];
	size_t n;
	FILE *p;

	(void)state;
	if (system("command -v nasm > /dev/null 2>&1 && test -f vmm/load/bios16.asm") != 0)
		skip();
	p = popen("nasm -f bin -o /dev/stdout vmm/load/bios16.asm", "r");
	assert_non_null(p);
	n = fread(got, 1, sizeof(got), p);
	assert_int_equal(pclose(p), 0);
	assert_int_equal(n, load_bios16_len);
	assert_memory_equal(got, load_bios16, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry), cmocka_unit_test(test_initrd),
		cmocka_unit_test(test_old),   cmocka_unit_test(test_limits),
		cmocka_unit_test(test_bios),  cmocka_unit_test(test_source),
	};

	return cmocka_run_group_tests_name("load setup16", tests, NULL, NULL);
}
