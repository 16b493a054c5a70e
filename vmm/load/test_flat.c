/* SPDX-License-Identifier: MIT */
/* Flat images, and what holds for requests of every format. */
#include "test_util.h"

static struct fix *flat(uint64_t ram, uint64_t base, size_t len, enum x86_mode mode)
{
	struct fix *f = fix_new(ram);

	pattern(f->img, len, 3);
	f->req.kind = LOAD_FLAT;
	f->req.image.len = len;
	f->req.base = base;
	f->req.mode = mode;
	return f;
}

static void test_modes(void **state)
{
	static const struct {
		enum x86_mode mode;
		uint64_t base;
		unsigned bits;
	} rows[] = {
		{X86_REAL, 0x7c00, 16},	  {X86_REAL, 0x10000, 16}, {X86_PROT, 0x1000, 32},
		{X86_PROT, 0x8000, 32},	  {X86_LONG, 0x8000, 64},  {X86_LONG, 0x100000, 64},
		{X86_LONG, 0x200000, 64},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fix *f = flat(4 * MIB, rows[i].base, 777, rows[i].mode);

		fix_ok(f);
		assert_int_equal(f->res.kind, LOAD_FLAT);
		assert_int_equal(f->res.mode, rows[i].mode);
		assert_int_equal(f->res.entry, rows[i].base);
		assert_int_equal(f->res.info, 0);
		assert_int_equal(f->res.nr_ranges, 1);
		assert_int_equal(f->res.image.gpa, rows[i].base);
		assert_int_equal(f->res.image.len, 777);
		assert_int_equal(f->cpu.seg[X86_CS].base + f->cpu.rip, rows[i].base);
		assert_int_equal(x86_code_bits(&f->cpu), rows[i].bits);
		assert_false(f->cpu.rflags & X86_FLAG_IF);
		want_bytes(f, rows[i].base, f->img, 777);
		want_zero(f, rows[i].base + 777, 64);
		fix_free(f);
	}
}

/* The stack: below the image, never over it, the page tables or firmware's part of memory. */
static void test_stack(void **state)
{
	static const struct {
		enum x86_mode mode;
		uint64_t base, sp;
	} rows[] = {
		{X86_REAL, 0x7c00, 0x7c00},	{X86_REAL, 0x7c05, 0x7c00},
		{X86_REAL, 0x20000, 0xfff0},	{X86_PROT, 0x8008, 0x8000},
		{X86_PROT, 0x1000, INFO_STACK}, {X86_LONG, 0x8000, INFO_STACK},
		{X86_LONG, 0x50000, 0x50000},	{X86_LONG, 0x100000, INFO_STACK},
		{X86_LONG, 0x101000, 0x101000}, {X86_LONG, 0xa0000, INFO_STACK},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fix *f = flat(4 * MIB, rows[i].base, 100, rows[i].mode);

		fix_ok(f);
		assert_int_equal(f->cpu.gpr[X86_RSP], rows[i].sp);
		fix_free(f);
	}
}

static void test_edges(void **state)
{
	struct fix *f = flat(2 * MIB, 2 * MIB - 777, 777, X86_PROT);

	(void)state;
	fix_ok(f); /* the last byte of RAM */
	f->req.base++;
	fix_bad(f, -E2BIG, "flat image");
	f->req.base = 2 * MIB;
	fix_bad(f, -E2BIG, "not all in RAM");
	f->req.base = 0xfffff000;
	fix_bad(f, -E2BIG, "flat image");

	f->req.base = LOAD_LOW_RESERVED;
	fix_bad(f, -ENOEXEC, "boot GDT");
	f->req.base = LOAD_LOW_RESERVED - 1;
	fix_bad(f, -ENOEXEC, "reserved");
	f->req.base = 0;
	fix_bad(f, -ENOEXEC, "reserved");
	f->req.base = LOAD_INFO - 777;
	fix_ok(f);
	f->req.base = LOAD_INFO - 776;
	fix_bad(f, -ENOEXEC, "info area");
	f->req.base = LOAD_INFO_END - 1;
	fix_bad(f, -ENOEXEC, "info area");
	f->req.base = LOAD_INFO_END;
	fix_ok(f);

	/* page tables are in the way in long mode alone */
	f->req.base = 0x1000;
	fix_ok(f);
	f->req.mode = X86_LONG;
	fix_bad(f, -ENOEXEC, "page tables");
	f->req.base = X86_BOOT_PT + 6 * 0x1000 - 1;
	fix_bad(f, -ENOEXEC, "page tables");
	f->req.base = X86_BOOT_PT + 6 * 0x1000;
	fix_ok(f);
	f->req.base = UINT64_MAX;
	fix_bad(f, -ENOEXEC, "wrap");
	f->req.base = UINT64_MAX - 776;
	fix_bad(f, -ENOEXEC, "wrap");
	f->req.base = UINT64_MAX - 777;
	fix_bad(f, -E2BIG, "flat image");
	fix_free(f);
}

static void test_reach(void **state)
{
	struct fix *f = flat(2 * MIB, 0xfffff, 1, X86_REAL);

	(void)state;
	fix_ok(f);
	f->req.base = 0x100000;
	fix_bad(f, -EINVAL, "real mode");
	f->req.mode = X86_PROT;
	f->req.base = LOAD_4G;
	fix_bad(f, -EINVAL, "protected mode");
	f->req.mode = (enum x86_mode)17;
	fix_bad(f, -EINVAL, "mode 17");
	fix_free(f);
}

/* Above 4 GiB the page tables grow with it, up to 64 GiB. */
static void test_high(void **state)
{
	struct fix *f = flat(MIB, LOAD_4G + 0x1000, 100, X86_LONG);
	uint64_t gpa;

	(void)state;
	fix_add(f, LOAD_4G, MIB, GMEM_RAM);
	fix_add(f, LOAD_64G - 0x1000, 0x2000, GMEM_RAM);
	fix_ok(f);
	assert_int_equal(x86_translate(f->mem, &f->cpu, LOAD_4G + 0x1000, &gpa), 0);
	assert_int_equal(gpa, LOAD_4G + 0x1000);
	f->req.base = LOAD_64G - 100;
	fix_ok(f);
	assert_int_equal(x86_translate(f->mem, &f->cpu, LOAD_64G - 1, &gpa), 0);
	assert_int_equal(gpa, LOAD_64G - 1);
	f->req.base++;
	fix_bad(f, -E2BIG, "64 GiB");
	fix_free(f);
}

/* An image may span regions that touch; ROM and holes are no RAM. */
static void test_regions(void **state)
{
	struct fix *f = flat(MIB, MIB - 10, 20, X86_PROT);

	(void)state;
	fix_add(f, MIB, 0x1000, GMEM_RAM);
	fix_add(f, MIB + 0x1000, 0x1000, GMEM_ROM);
	fix_add(f, 4 * MIB, 0x1000, GMEM_RAM);
	fix_ok(f);
	want_bytes(f, MIB - 10, f->img, 20);
	f->req.base = MIB + 0x1000 - 20;
	fix_ok(f);
	f->req.base++;
	fix_bad(f, -E2BIG, "not all in RAM");
	f->req.base = MIB + 0x1800;
	fix_bad(f, -E2BIG, "not all in RAM");
	f->req.base = 4 * MIB - 1;
	fix_bad(f, -E2BIG, "not all in RAM");
	f->req.base = 4 * MIB;
	fix_ok(f);
	fix_free(f);
}

/* RAM that the boot structures do not fit. */
static void test_tiny_ram(void **state)
{
	struct fix *f = flat(0x5000, 0x4000, 0x1000, X86_PROT);

	(void)state;
	fix_ok(f);
	f->req.mode = X86_REAL;
	fix_ok(f);
	fix_add(f, 0x100000, 0x1000, GMEM_RAM);
	f->req.base = 0x100000;
	f->req.mode = X86_LONG; /* page tables to 0x7000 */
	fix_bad(f, -E2BIG, "boot structures");
	fix_free(f);
}

static void test_requests(void **state)
{
	struct fix *f = flat(2 * MIB, 0x8000, 16, X86_PROT);

	(void)state;
	f->req.cmdline = "";
	fix_ok(f); /* none asked for */
	f->req.cmdline = "x";
	fix_bad(f, -EINVAL, "command line");
	f->req.cmdline = NULL;
	f->req.initrd = (struct load_blob){"x", 1, NULL};
	fix_bad(f, -EINVAL, "initrd");
	f->req.initrd.len = 0;
	fix_ok(f);
	f->req.nr_mods = 1;
	fix_bad(f, -EINVAL, "modules");
	f->req.nr_mods = LOAD_MODULES + 1;
	fix_bad(f, -EINVAL, "17 modules");
	f->req.nr_mods = 0;
	f->req.kind = (enum load_kind)9;
	fix_bad(f, -EINVAL, "kind 9");
	f->req.kind = LOAD_AUTO;
	fix_ok(f);
	assert_int_equal(f->res.kind, LOAD_FLAT);
	f->req.image.len = 0;
	fix_bad(f, -ENOEXEC, "empty");
	fix_free(f);
}

/* A message is wanted by nobody: NULL is fine, success and failure. */
static void test_no_err(void **state)
{
	struct fix *f = flat(2 * MIB, 0x8000, 16, X86_PROT);

	(void)state;
	assert_int_equal(load_image(f->mem, &f->req, &f->res, &f->cpu, NULL), 0);
	f->req.base = 0;
	assert_int_equal(load_image(f->mem, &f->req, &f->res, &f->cpu, NULL), -ENOEXEC);
	fix_free(f);
}

static void test_detect(void **state)
{
	uint8_t b[8200];

	(void)state;
	memset(b, 0x90, sizeof(b));
	assert_int_equal(load_detect(b, sizeof(b)), LOAD_FLAT);
	assert_int_equal(load_detect(b, 0), LOAD_FLAT);
	assert_int_equal(load_detect(NULL, 0), LOAD_FLAT);
	memcpy(b, "\177ELF", 4);
	assert_int_equal(load_detect(b, sizeof(b)), LOAD_ELF);
	assert_int_equal(load_detect(b, 4), LOAD_ELF);
	assert_int_equal(load_detect(b, 3), LOAD_FLAT);
	memcpy(b + 0x202, "HdrS", 4);
	assert_int_equal(load_detect(b, sizeof(b)), LOAD_BZIMAGE);
	assert_int_equal(load_detect(b, 0x206), LOAD_BZIMAGE);
	assert_int_equal(load_detect(b, 0x205), LOAD_ELF);

	/* the header: aligned, whole, its sum 0, within 8 KiB */
	for (unsigned at = 8192 - 20; at <= 8192 - 4; at += 2) {
		memset(b, 0, sizeof(b));
		st_le32(b + at, 0x1badb002);
		st_le32(b + at + 4, 0x00010003);
		st_le32(b + at + 8, -(0x1badb002u + 0x00010003));
		assert_int_equal(load_detect(b, sizeof(b)),
				 at % 4 == 0 && at <= 8192 - 12 ? LOAD_MULTIBOOT : LOAD_FLAT);
	}
	memset(b, 0, sizeof(b));
	st_le32(b + 64, 0x1badb002); /* the magic alone */
	assert_int_equal(load_detect(b, sizeof(b)), LOAD_FLAT);
	st_le32(b + 72, -0x1badb002u);
	assert_int_equal(load_detect(b, 76), LOAD_MULTIBOOT);
	assert_int_equal(load_detect(b, 75), LOAD_FLAT);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(load_kind_name(LOAD_AUTO), "auto");
	assert_string_equal(load_kind_name(LOAD_FLAT), "flat");
	assert_string_equal(load_kind_name(LOAD_MULTIBOOT), "multiboot");
	assert_string_equal(load_kind_name(LOAD_ELF), "elf");
	assert_string_equal(load_kind_name(LOAD_BZIMAGE), "bzimage");
	assert_string_equal(load_kind_name((enum load_kind)77), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),	 cmocka_unit_test(test_stack),
		cmocka_unit_test(test_edges),	 cmocka_unit_test(test_reach),
		cmocka_unit_test(test_high),	 cmocka_unit_test(test_regions),
		cmocka_unit_test(test_tiny_ram), cmocka_unit_test(test_requests),
		cmocka_unit_test(test_no_err),	 cmocka_unit_test(test_detect),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("load flat", tests, NULL, NULL);
}
