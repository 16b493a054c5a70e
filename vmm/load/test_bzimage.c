/* SPDX-License-Identifier: MIT */
/* bzImage: the setup header's fields at their extremes, where the kernel goes, the zero page. */
#include "test_util.h"

#define SETUP	BZ_SETUP
#define KERNEL	BZ_KERNEL
#define PREF	BZ_PREF
#define HDR_LEN BZ_HDR_LEN
#define bz(ram) fix_bzimage(ram)

static void test_loads(void **state)
{
	struct fix *f = bz(32 * MIB);
	uint64_t z;

	(void)state;
	f->req.cmdline = "console=ttyS0";
	fix_ok(f);
	assert_int_equal(f->res.kind, LOAD_BZIMAGE);
	assert_int_equal(f->res.mode, X86_LONG);
	assert_int_equal(f->res.entry, PREF + 0x200);
	assert_int_equal(f->cpu.rip, PREF + 0x200);
	assert_int_equal(f->cpu.gpr[X86_RSI], f->res.info);
	assert_int_equal(f->cpu.seg[X86_CS].sel, 0x10);
	assert_int_equal(f->cpu.seg[X86_DS].sel, 0x18);
	assert_int_equal(x86_code_bits(&f->cpu), 64);
	want_bytes(f, PREF, f->img + SETUP, KERNEL);
	assert_int_equal(f->res.image.gpa, PREF);
	assert_int_equal(f->res.image.len, 0x10000);

	z = f->res.info;
	want_zero(f, z, 0x1e8);
	assert_int_equal(peek(f, z + 0x1e8, 1), 3);
	want_zero(f, z + 0x1e9, 8); /* sentinel and what is before it */
	assert_int_equal(peek(f, z + 0x1f1, 1), 4);
	assert_int_equal(peek(f, z + 0x1fa, 2), 0xffff);
	assert_int_equal(peek(f, z + 0x206, 2), 0x20f);
	assert_int_equal(peek(f, z + 0x210, 1), 0xff);
	assert_int_equal(peek(f, z + 0x211, 1), 1);
	assert_int_equal(peek(f, z + 0x214, 4), PREF);
	assert_int_equal(peek(f, z + 0x228, 4), f->res.cmdline.gpa);
	assert_int_equal(peek(f, z + 0x238, 4), 2047);
	assert_int_equal(peek(f, z + 0x258, 8), PREF);
	want_zero(f, z + HDR_LEN, 0x2d0 - HDR_LEN);
	want_bytes(f, f->res.cmdline.gpa, "console=ttyS0", 14);
	assert_int_equal(peek(f, z + 0x2f8, 8), MIB);
	assert_int_equal(peek(f, z + 0x300, 8), 31 * MIB);
	fix_free(f);
}

static void test_magics(void **state)
{
	static const struct {
		unsigned off, size;
		uint64_t val;
		const char *word;
	} rows[] = {
		{0x1fe, 2, 0xaa54, "boot_flag"},     {0x202, 4, 0, "HdrS"},
		{0x206, 2, 0x20b, "version 2.11"},   {0x206, 2, 0, "version 0.00"},
		{0x206, 2, 0x0100, "version 1.00"},  {0x211, 1, 0xfe, "LOADED_HIGH"},
		{0x236, 2, 0xfffe, "XLF_KERNEL_64"}, {0x236, 2, 0, "XLF_KERNEL_64"},
		{0x200, 1, 0xe9, "jump opcode"},     {0x201, 1, 0, "jump at 0x200"},
		{0x201, 1, 0x61, "jump at 0x200"},   {0x201, 1, 0x8f, "jump at 0x200"},
		{0x201, 1, 0xff, "jump at 0x200"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fix *f = bz(32 * MIB);

		f->req.kind = LOAD_BZIMAGE;
		f->req.boot = LOAD_BOOT_64; /* without it the 32-bit entry would do */
		st_le(f->img + rows[i].off, rows[i].size, rows[i].val);
		fix_bad(f, -ENOEXEC, rows[i].word);
		fix_free(f);
	}
}

static void test_magics_good(void **state)
{
	static const struct {
		unsigned off, size;
		uint64_t val;
	} rows[] = {
		{0x206, 2, 0x20c},  {0x206, 2, 0xffff}, {0x211, 1, 0xff}, {0x236, 2, 1},
		{0x236, 2, 0xffff}, {0x201, 1, 0x62},	{0x201, 1, 0x8e},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fix *f = bz(32 * MIB);

		st_le(f->img + rows[i].off, rows[i].size, rows[i].val);
		fix_ok(f);
		/* the header ends where its jump says, and nothing after it is copied */
		want_bytes(f, f->res.info + 0x258, f->img + 0x258, 0x202u + f->img[0x201] - 0x258);
		want_zero(f, f->res.info + 0x202 + f->img[0x201], 0x2d0 - 0x202u - f->img[0x201]);
		fix_free(f);
	}
}

/* LD5: setup_sects and syssize against the file. */
static void test_sizes(void **state)
{
	struct fix *f = bz(32 * MIB);

	(void)state;
	f->img[0x1f1] = 0; /* 0 means 4 */
	fix_ok(f);
	want_bytes(f, PREF, f->img + SETUP, KERNEL);
	f->img[0x1f1] = 3;
	st_le32(f->img + 0x1f4, (KERNEL + 512) / 16);
	fix_ok(f);
	want_bytes(f, PREF, f->img + SETUP - 512, KERNEL + 512);
	f->img[0x1f1] = 255;
	fix_bad(f, -ENOEXEC, "setup_sects 255");
	f->img[0x1f1] = (SETUP + KERNEL) / 512;
	fix_bad(f, -ENOEXEC, "setup_sects");
	f->img[0x1f1]--; /* the file's last bytes are too few to hold the entry */
	st_le32(f->img + 0x1f4, 3);
	fix_bad(f, -ENOEXEC, "before its entry");
	f->img[0x1f1] = 4;

	st_le32(f->img + 0x1f4, KERNEL / 16 + 1);
	fix_bad(f, -ENOEXEC, "syssize");
	st_le32(f->img + 0x1f4, 0xffffffff);
	fix_bad(f, -ENOEXEC, "syssize says 0xffffffff0 bytes");
	st_le32(f->img + 0x1f4, 0);
	fix_bad(f, -ENOEXEC, "before its entry");
	st_le32(f->img + 0x1f4, 0x20);
	fix_bad(f, -ENOEXEC, "before its entry");
	st_le32(f->img + 0x1f4, 0x21); /* less than the file: the rest is a signature */
	assert_int_equal(gmem_set(f->mem, PREF, 0xee, 0x1000), 0);
	fix_ok(f);
	want_bytes(f, PREF, f->img + SETUP, 0x210);
	assert_int_equal(peek(f, PREF + 0x210, 1), 0xee);

	/* rounded up to a paragraph: up to 15 bytes short are fine */
	st_le32(f->img + 0x1f4, KERNEL / 16);
	f->req.image.len -= 15;
	fix_ok(f);
	f->req.image.len -= 1;
	fix_bad(f, -ENOEXEC, "syssize");
	for (size_t len = 0x206; len <= SETUP; len += 13) {
		f->req.image.len = len;
		fix_bad(f, -ENOEXEC, "cut short");
	}
	fix_free(f);
}

static void test_init_size(void **state)
{
	struct fix *f = bz(32 * MIB);

	(void)state;
	st_le32(f->img + 0x260, 16 * MIB); /* to the last byte of RAM */
	fix_ok(f);
	assert_int_equal(f->res.image.gpa, PREF);
	st_le32(f->img + 0x260, 16 * MIB + 1); /* then it must move down */
	fix_ok(f);
	assert_int_equal(f->res.image.gpa, 2 * MIB);
	st_le32(f->img + 0x260, 30 * MIB);
	fix_ok(f);
	st_le32(f->img + 0x260, 30 * MIB + 1);
	fix_bad(f, -E2BIG, "init_size");
	st_le32(f->img + 0x260, 0xffffffff);
	fix_bad(f, -E2BIG, "init_size");
	st_le32(f->img + 0x260, 0); /* never less than the kernel itself */
	fix_ok(f);
	assert_int_equal(f->res.image.len, KERNEL);
	fix_free(f);
}

static void test_placement(void **state)
{
	static const struct {
		uint64_t pref;
		uint32_t align;
		uint64_t at;
	} rows[] = {
		{PREF, 1, PREF},
		{PREF, 0x80000000, 0},
		{0, 0x200000, 0x200000},
		{0, 0x1000, 0x100000},
		{PREF + 1, 0x1000, 0x100000},
		{UINT64_MAX, 1, 0x100000},
		{UINT64_MAX - 0xffff, 0x1000, 0x100000},
		{0x8000, 0x1000, 0x100000},
		{64 * MIB, 0x200000, 0x200000},
		{0x90000, 0x1000, 0x100000},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fix *f = bz(32 * MIB);

		st_le64(f->img + 0x258, rows[i].pref);
		st_le32(f->img + 0x230, rows[i].align);
		if (rows[i].at) {
			fix_ok(f);
			assert_int_equal(f->res.image.gpa, rows[i].at);
			assert_int_equal(f->res.entry, rows[i].at + 0x200);
			assert_int_equal(peek(f, f->res.info + 0x214, 4), rows[i].at);
		} else {
			fix_bad(f, -E2BIG, "init_size");
		}
		fix_free(f);
	}
}

static void test_alignment(void **state)
{
	static const uint32_t bad[] = {0, 3, 0x300000, 0xffffffff, 0x80000001};
	struct fix *f = bz(32 * MIB);

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		st_le32(f->img + 0x230, bad[i]);
		fix_bad(f, -ENOEXEC, "kernel_alignment");
	}
	/* a kernel that is not relocatable has no use for it */
	f->img[0x234] = 0;
	fix_ok(f);
	assert_int_equal(f->res.image.gpa, PREF);
	fix_free(f);
}

static void test_not_relocatable(void **state)
{
	struct fix *f = bz(32 * MIB);

	(void)state;
	f->img[0x234] = 0;
	st_le64(f->img + 0x258, PREF + 8);
	fix_ok(f);
	assert_int_equal(f->res.image.gpa, PREF + 8);
	st_le64(f->img + 0x258, 0); /* where a bzImage always went */
	fix_ok(f);
	assert_int_equal(f->res.image.gpa, MIB);
	st_le64(f->img + 0x258, 32 * MIB - 0xffff);
	fix_bad(f, -E2BIG, "not all in RAM");
	st_le64(f->img + 0x258, UINT64_MAX - 8);
	fix_bad(f, -ENOEXEC, "wrap");
	st_le64(f->img + 0x258, 0x8000);
	st_le32(f->img + 0x260, 0x90000);
	fix_bad(f, -ENOEXEC, "info area");
	st_le64(f->img + 0x258, 0x1000);
	st_le32(f->img + 0x260, 0);
	fix_bad(f, -ENOEXEC, "page tables");
	fix_free(f);
}

/* Above 4 GiB only with XLF_CAN_BE_LOADED_ABOVE_4G, and then mapped. */
static void test_above_4g(void **state)
{
	struct fix *f = bz(2 * MIB);
	uint64_t gpa;

	(void)state;
	fix_add(f, LOAD_4G, 64 * MIB, GMEM_RAM);
	st_le16(f->img + 0x236, 1);
	fix_bad(f, -E2BIG, "init_size");
	st_le16(f->img + 0x236, 3);
	fix_ok(f);
	assert_int_equal(f->res.image.gpa, LOAD_4G);
	assert_int_equal(f->res.entry, LOAD_4G + 0x200);
	assert_int_equal(peek(f, f->res.info + 0x214, 4), 0);
	assert_int_equal(x86_translate(f->mem, &f->cpu, LOAD_4G + 0xffff, &gpa), 0);
	assert_int_equal(gpa, LOAD_4G + 0xffff);
	st_le64(f->img + 0x258, LOAD_4G + PREF);
	fix_ok(f);
	assert_int_equal(f->res.image.gpa, LOAD_4G + PREF);
	fix_free(f);
}

static void test_cmdline(void **state)
{
	struct fix *f = bz(32 * MIB);
	size_t room = INFO_STRINGS_END - INFO_STRINGS;
	char *s = malloc(room + 1);

	(void)state;
	assert_non_null(s);
	memset(s, 'z', room);
	s[room] = 0;
	f->req.cmdline = s;
	fix_bad(f, -ENAMETOOLONG, "2047");
	s[2047] = 0;
	fix_ok(f);
	assert_int_equal(f->res.cmdline.len, 2048);
	want_bytes(f, f->res.cmdline.gpa, s, 2048);
	st_le32(f->img + 0x238, 2046);
	fix_bad(f, -ENAMETOOLONG, "2046");
	st_le32(f->img + 0x238, 0);
	fix_bad(f, -ENAMETOOLONG, "cmdline_size");
	s[0] = 0;
	fix_ok(f);
	s[0] = s[2047] = 'z';
	st_le32(f->img + 0x238, 0xffffffff); /* the area's end then limits it */
	fix_bad(f, -ENAMETOOLONG, "strings");
	s[room - 1] = 0;
	fix_ok(f);
	free(s);
	fix_free(f);
}

static void test_initrd(void **state)
{
	struct fix *f = bz(32 * MIB);
	size_t big = 16 * MIB;
	uint8_t *rd = malloc(big);
	uint64_t z;

	(void)state;
	assert_non_null(rd);
	pattern(rd, big, 6);
	f->req.initrd = (struct load_blob){rd, 0x2345, NULL};
	fix_ok(f);
	z = f->res.info;
	assert_int_equal(f->res.initrd.gpa, 32 * MIB - 0x3000);
	assert_int_equal(f->res.initrd.len, 0x2345);
	assert_int_equal(peek(f, z + 0x218, 4), 32 * MIB - 0x3000);
	assert_int_equal(peek(f, z + 0x21c, 4), 0x2345);
	assert_int_equal(peek(f, z + 0xc0, 8), 0);
	want_bytes(f, f->res.initrd.gpa, rd, 0x2345);

	/* initrd_addr_max is the last byte that may be used */
	st_le32(f->img + 0x22c, 20 * MIB + 0x2344);
	fix_ok(f);
	assert_int_equal(f->res.initrd.gpa, 20 * MIB);
	st_le32(f->img + 0x22c, 20 * MIB + 0x2343);
	fix_ok(f);
	assert_int_equal(f->res.initrd.gpa, 20 * MIB - 0x1000);
	/* in the kernel's memory: it goes below */
	st_le32(f->img + 0x22c, PREF + 0x4000);
	fix_ok(f);
	assert_int_equal(f->res.initrd.gpa, PREF - 0x3000);
	st_le32(f->img + 0x22c, MIB + 0x2343);
	fix_bad(f, -E2BIG, "initrd");
	st_le32(f->img + 0x22c, 0);
	fix_bad(f, -E2BIG, "initrd");
	st_le32(f->img + 0x22c, 0xffffffff);
	fix_ok(f);

	/* as large as fits; one page more does not */
	f->req.initrd.len = big - 0x10000;
	fix_ok(f);
	want_bytes(f, f->res.initrd.gpa, rd, f->req.initrd.len);
	f->req.initrd.len = big;
	fix_bad(f, -E2BIG, "initrd");
	free(rd);
	fix_free(f);
}

/* What a file must not choose: pointers into guest memory, the loader's own fields. */
static void test_written_fields(void **state)
{
	struct fix *f = bz(32 * MIB);
	uint64_t z;

	(void)state;
	memset(f->img + 0x208, 0xff, 8);
	f->img[0x210] = 0x77;
	memset(f->img + 0x214, 0xff, 12);
	memset(f->img + 0x226, 0xff, 6);
	memset(f->img + 0x250, 0xff, 8);
	fix_ok(f);
	z = f->res.info;
	assert_int_equal(peek(f, z + 0x210, 1), 0xff);
	assert_int_equal(peek(f, z + 0x214, 4), PREF);
	assert_int_equal(peek(f, z + 0x218, 8), 0);
	assert_int_equal(peek(f, z + 0x226, 2), 0);
	assert_int_equal(peek(f, z + 0x228, 4), f->res.cmdline.gpa);
	assert_int_equal(peek(f, z + 0x250, 8), 0);
	fix_free(f);
}

static void test_small_ram(void **state)
{
	struct fix *f = bz(0x9f000);

	(void)state;
	fix_bad(f, -E2BIG, "init_size");
	fix_add(f, 2 * MIB, 2 * MIB, GMEM_RAM);
	fix_bad(f, -E2BIG, "info area");
	fix_add(f, 0x9f000, 0x1000, GMEM_RAM);
	fix_ok(f); /* in the second region */
	assert_int_equal(f->res.image.gpa, 2 * MIB);
	f->req.nr_mods = 1;
	fix_bad(f, -EINVAL, "modules");
	fix_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loads),	    cmocka_unit_test(test_magics),
		cmocka_unit_test(test_magics_good), cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_init_size),   cmocka_unit_test(test_placement),
		cmocka_unit_test(test_alignment),   cmocka_unit_test(test_not_relocatable),
		cmocka_unit_test(test_above_4g),    cmocka_unit_test(test_cmdline),
		cmocka_unit_test(test_initrd),	    cmocka_unit_test(test_written_fields),
		cmocka_unit_test(test_small_ram),
	};

	return cmocka_run_group_tests_name("load bzimage", tests, NULL, NULL);
}
