/* SPDX-License-Identifier: MIT */
/* Multiboot 1: images by program headers and by address fields, the information structure. */
#include "test_util.h"

#define BASE  0x400000ull
#define MAGIC 0x1badb002u

/* Header at (off) with the sum right. */
static void put_header(struct fix *f, size_t off, uint32_t flags)
{
	st_le32(f->img + off, MAGIC);
	st_le32(f->img + off + 4, flags);
	st_le32(f->img + off + 8, -(MAGIC + flags));
}

static void put_fields(struct fix *f, size_t off, uint32_t header, uint32_t load, uint32_t load_end,
		       uint32_t bss_end, uint32_t entry)
{
	put_header(f, off, 1u << 16);
	st_le32(f->img + off + 12, header);
	st_le32(f->img + off + 16, load);
	st_le32(f->img + off + 20, load_end);
	st_le32(f->img + off + 24, bss_end);
	st_le32(f->img + off + 28, entry);
}

/* As kvm-unit-tests are: ELF32 at 4 MiB, flags 0, 12 MiB of bss. */
static struct fix *mb_elf(bool is64)
{
	static const struct elf_seg segs[] = {
		{1, 0x1000, BASE, BASE, 0x900, 12 * MIB},
		{1, 0x2000, BASE + 12 * MIB, BASE + 12 * MIB, 0x10, 0x10},
	};
	struct fix *f = fix_new(32 * MIB);

	pattern(f->img, 0x2100, 1);
	put_elf(f->img, is64, BASE + 0x40, segs, 2);
	put_header(f, 0x1000, 0);
	f->req.image.len = 0x2100;
	return f;
}

/* A file of 0x1000 bytes with its header at 0x40, loaded whole to BASE by its address fields. */
static struct fix *mb_fields(void)
{
	struct fix *f = fix_new(32 * MIB);

	pattern(f->img, 0x1000, 2);
	put_fields(f, 0x40, BASE + 0x40, BASE, BASE + 0x1000, BASE + 0x3000, BASE + 0x80);
	f->req.image.len = 0x1000;
	return f;
}

/* Section 3.2 */
static void want_entry_state(struct fix *f)
{
	assert_int_equal(f->res.kind, LOAD_MULTIBOOT);
	assert_int_equal(f->res.mode, X86_PROT);
	assert_int_equal(f->cpu.gpr[X86_RAX], 0x2badb002);
	assert_int_equal(f->cpu.gpr[X86_RBX], f->res.info);
	assert_int_equal(f->cpu.rip, f->res.entry);
	assert_true(f->cpu.cr0 & X86_CR0_PE);
	assert_false(f->cpu.cr0 & X86_CR0_PG);
	assert_false(f->cpu.rflags & (X86_FLAG_IF | 1u << 17));
	for (unsigned i = X86_ES; i <= X86_GS; i++) {
		assert_int_equal(f->cpu.seg[i].base, 0);
		assert_int_equal(f->cpu.seg[i].limit, 0xffffffff);
	}
	assert_int_equal(x86_code_bits(&f->cpu), 32);
}

static void test_elf(void **state)
{
	(void)state;
	for (unsigned is64 = 0; is64 < 2; is64++) {
		struct fix *f = mb_elf(is64);

		assert_int_equal(gmem_set(f->mem, BASE, 0xee, 13 * MIB), 0);
		fix_ok(f);
		want_entry_state(f);
		assert_int_equal(f->res.entry, BASE + 0x40);
		want_bytes(f, BASE, f->img + 0x1000, 0x900);
		want_zero(f, BASE + 0x900, 12 * MIB - 0x900);
		want_bytes(f, BASE + 12 * MIB, f->img + 0x2000, 0x10);
		assert_int_equal(f->res.image.gpa, BASE);
		assert_int_equal(f->res.image.len, 12 * MIB + 0x10);
		fix_free(f);
	}
}

/* An ELF image's own faults are found as in test_elf.c; here what is multiboot's alone. */
static void test_elf_bad(void **state)
{
	struct fix *f = mb_elf(false);
	struct elf_seg s = {1, 0x1000, 0, 0xfffff000, 0x900, 0x1000};

	(void)state;
	st_le32(f->img + 24, (uint32_t)(BASE - 1));
	fix_bad(f, -ENOEXEC, "e_entry");
	st_le16(f->img + 18, 62);
	fix_bad(f, -ENOEXEC, "e_machine 62");
	fix_add(f, 0xfff00000, 2 * MIB, GMEM_RAM);
	put_elf(f->img, false, 0xfffff000, &s, 1);
	fix_ok(f); /* up to the last byte below 4 GiB */
	s.memsz = 0x1001;
	put_elf(f->img, false, 0xfffff000, &s, 1);
	fix_bad(f, -E2BIG, "p_paddr");
	put_elf(f->img, true, 0xfffff000, &s, 1);
	fix_bad(f, -E2BIG, "p_paddr");
	s.paddr = LOAD_4G;
	put_elf(f->img, true, LOAD_4G, &s, 1);
	fix_bad(f, -E2BIG, "p_paddr");
	f->img[0] = 0;
	fix_bad(f, -ENOEXEC, "no ELF magic");
	fix_free(f);
}

static void test_header(void **state)
{
	struct fix *f = mb_elf(false);

	(void)state;
	for (unsigned bit = 0; bit < 32; bit++) {
		put_header(f, 0x1000, 1u << bit);
		if (bit == 16)
			continue; /* other tests */
		if (bit < 3 || bit > 16)
			fix_ok(f);
		else
			fix_bad(f, -ENOEXEC, "header flags");
	}
	put_header(f, 0x1000, 0xffff);
	fix_bad(f, -ENOEXEC, "0x0000ffff");

	f->req.kind = LOAD_MULTIBOOT;
	put_header(f, 0x1000, 0);
	f->img[0x1008]++;
	fix_bad(f, -ENOEXEC, "checksum");
	memset(f->img + 0x1000, 0, 12);
	fix_bad(f, -ENOEXEC, "no header magic");
	st_le32(f->img + 0x500, MAGIC); /* a stray magic, then the real one */
	put_header(f, 0x1000, 0);
	fix_ok(f);
	f->req.image.len = 11;
	fix_bad(f, -ENOEXEC, "no header magic");
	fix_free(f);
}

static void test_fields(void **state)
{
	struct fix *f = mb_fields();

	(void)state;
	assert_int_equal(gmem_set(f->mem, BASE, 0xee, 0x4000), 0);
	fix_ok(f);
	want_entry_state(f);
	assert_int_equal(f->res.entry, BASE + 0x80);
	want_bytes(f, BASE, f->img, 0x1000);
	want_zero(f, BASE + 0x1000, 0x2000);
	assert_int_equal(peek(f, BASE + 0x3000, 1), 0xee);
	assert_int_equal(f->res.image.gpa, BASE);
	assert_int_equal(f->res.image.len, 0x3000);

	/* only from the header on, and not to the file's end */
	put_fields(f, 0x40, BASE, BASE, BASE + 0x100, 0, BASE + 0xff);
	fix_ok(f);
	want_bytes(f, BASE, f->img + 0x40, 0x100);
	assert_int_equal(f->res.image.len, 0x100);

	/* both ends 0: all of the rest of the file, no bss */
	put_fields(f, 0x40, BASE + 0x20, BASE, 0, 0, BASE + 0xfdf);
	fix_ok(f);
	want_bytes(f, BASE, f->img + 0x20, 0xfe0);
	assert_int_equal(f->res.image.len, 0xfe0);

	/* flag 16 goes before an ELF header */
	put_elf(f->img, false, 0, NULL, 0);
	put_fields(f, 0x40, BASE + 0x40, BASE, 0, 0, BASE);
	fix_ok(f);
	want_bytes(f, BASE, f->img, 0x1000);

	/* bss alone */
	put_fields(f, 0x40, BASE, BASE, BASE, BASE + 0x10, BASE);
	fix_ok(f);
	want_zero(f, BASE, 0x10);
	fix_free(f);
}

/* LD1 (load_end < load), LD2 (bss_end < load_end), LD3 (outside the file) and the others. */
static void test_fields_bad(void **state)
{
	static const uint32_t b = BASE;
	static const struct {
		uint32_t header, load, load_end, bss_end, entry;
		int code;
		const char *word;
	} rows[] = {
		{b + 0x40, b + 0x41, b + 0x1000, 0, b + 0x80, -ENOEXEC, "load_addr"},
		{b + 0x41, b, b + 0x1000, 0, b + 0x80, -ENOEXEC, "load_addr"},
		{0xffffffff, b, b + 0x1000, 0, b + 0x80, -ENOEXEC, "load_addr"},
		{0, 0xffffffff, 0, 0, 0xffffffff, -ENOEXEC, "load_addr"},
		{b + 0x40, b, b - 1, 0, b + 0x80, -ENOEXEC, "load_end_addr"},
		{b + 0x40, b, 1, 0, b + 0x80, -ENOEXEC, "load_end_addr"},
		{b + 0x40, b, b + 0x1001, 0, b + 0x80, -ENOEXEC, "load_end_addr"},
		{b + 0x40, b, 0xffffffff, 0xffffffff, b + 0x80, -ENOEXEC, "load_end_addr"},
		{b, b, b + 0xfc1, 0, b + 0x80, -ENOEXEC, "load_end_addr"},
		{b + 0x40, b, b + 0x1000, b + 0xfff, b + 0x80, -ENOEXEC, "bss_end_addr"},
		{b + 0x40, b, b + 0x1000, b, b, -ENOEXEC, "bss_end_addr"},
		{b + 0x40, b, 0, b + 0xfff, b, -ENOEXEC, "bss_end_addr"},
		{b + 0x40, b, b + 0x1000, 1, b, -ENOEXEC, "bss_end_addr"},
		{b + 0x40, b, b + 0x1000, 0, b - 1, -ENOEXEC, "entry_addr"},
		{b + 0x40, b, b + 0x1000, 0, b + 0x1000, -ENOEXEC, "entry_addr"},
		{b + 0x40, b, b + 0x1000, 0, 0xffffffff, -ENOEXEC, "entry_addr"},
		{b + 0x40, b, b, 0, b, -ENOEXEC, "entry_addr"}, /* nothing at all */
		{b + 0x40, b, 0, 32 * MIB + 1, b, -E2BIG, "not all in RAM"},
		{b + 0x40, b, 0, 0xffffffff, b, -E2BIG, "not all in RAM"},
		{0xfffff800, 0xfffff800, 0, 0, 0xfffff800, -E2BIG, "beyond 4 GiB"},
		{0x90f00, 0x90f00, 0, 0, 0x90f00, -ENOEXEC, "info area"},
		{0x8f041, 0x8f041, 0, 0, 0x8f041, -ENOEXEC, "info area"},
		{0x4ff, 0x4ff, 0, 0, 0x4ff, -ENOEXEC, "reserved"},
		{0, 0, 0, 0, 0, -ENOEXEC, "reserved"},
		{0x667, 0x667, 0, 0, 0x667, -ENOEXEC, "boot GDT"},
	};
	struct fix *f = mb_fields();

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		put_fields(f, 0x40, rows[i].header, rows[i].load, rows[i].load_end, rows[i].bss_end,
			   rows[i].entry);
		fix_bad(f, rows[i].code, rows[i].word);
	}
	put_fields(f, 0x40, 0x668, 0x668, 0, 0, 0x668);
	fix_ok(f);
	put_fields(f, 0x40, 0x8f040, 0x8f040, 0, 0, 0x8f040);
	fix_ok(f);
	put_fields(f, 0x40, b, b, 0, 32 * MIB, b);
	fix_ok(f);
	fix_free(f);
}

/* The address fields must be in the file and in the first 8 KiB. */
static void test_fields_cut(void **state)
{
	struct fix *f = mb_fields();

	(void)state;
	put_fields(f, 0x40, BASE, BASE, 0, 0, BASE);
	f->req.image.len = 0x40 + 31;
	fix_bad(f, -ENOEXEC, "no room for the address fields");
	f->req.image.len = 0x40 + 32;
	fix_ok(f);
	memset(f->img, 0, sizeof(f->img));
	f->req.image.len = 0x4000;
	put_fields(f, 8192 - 28, BASE, BASE, 0, 0, BASE);
	fix_bad(f, -ENOEXEC, "no room for the address fields");
	memset(f->img, 0, sizeof(f->img));
	put_fields(f, 8192 - 32, BASE, BASE, 0, 0, BASE);
	fix_ok(f);
	fix_free(f);
}

/* Section 3.3; what is read whatever the flags say: mem_upper, cmdline, mods_count, mods_addr. */
static void test_info(void **state)
{
	struct fix *f = mb_elf(false);
	uint64_t i, map;

	(void)state;
	fix_add(f, LOAD_4G, MIB, GMEM_RAM);
	fix_ok(f);
	i = f->res.info;
	assert_true(i >= 0x1000 && i + 116 <= LOAD_INFO_END);
	assert_int_equal(peek(f, i, 4), 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9);
	assert_int_equal(peek(f, i + 4, 4), 639);
	assert_int_equal(peek(f, i + 8, 4), 31 * 1024);
	assert_int_equal(peek(f, i + 16, 4), f->res.cmdline.gpa);
	assert_int_equal(peek(f, f->res.cmdline.gpa, 1), 0);
	assert_int_equal(f->res.cmdline.len, 1);
	assert_int_equal(peek(f, i + 20, 4), 0);
	assert_true(peek(f, i + 24, 4) > i);
	want_bytes(f, peek(f, i + 64, 4), "vise", 5);

	assert_int_equal(peek(f, i + 44, 4), 4 * 24);
	map = peek(f, i + 48, 4);
	for (unsigned k = 0; k < 4; k++)
		assert_int_equal(peek(f, map + k * 24, 4), 20);
	assert_int_equal(peek(f, map + 4, 8), 0);
	assert_int_equal(peek(f, map + 12, 8), 0x9fc00);
	assert_int_equal(peek(f, map + 20, 4), 1);
	assert_int_equal(peek(f, map + 24 + 4, 8), 0x9fc00);
	assert_int_equal(peek(f, map + 24 + 20, 4), 2);
	assert_int_equal(peek(f, map + 48 + 4, 8), MIB);
	assert_int_equal(peek(f, map + 48 + 12, 8), 31 * MIB);
	assert_int_equal(peek(f, map + 72 + 4, 8), LOAD_4G);
	assert_int_equal(peek(f, map + 72 + 12, 8), MIB);
	fix_free(f);
}

static void test_cmdline(void **state)
{
	struct fix *f = mb_elf(false);
	size_t room = INFO_STRINGS_END - INFO_STRINGS;
	char *s = malloc(room + 1);

	(void)state;
	assert_non_null(s);
	f->req.cmdline = "one two";
	fix_ok(f);
	want_bytes(f, f->res.cmdline.gpa, "one two", 8);
	assert_int_equal(f->res.cmdline.len, 8);
	f->req.image.cmdline = "test.flat"; /* argv[0] */
	fix_ok(f);
	want_bytes(f, f->res.cmdline.gpa, "test.flat one two", 18);
	assert_int_equal(f->res.cmdline.len, 18);
	assert_int_equal(peek(f, f->res.info + 16, 4), f->res.cmdline.gpa);
	f->req.cmdline = "";
	fix_ok(f);
	want_bytes(f, f->res.cmdline.gpa, "test.flat", 10);
	assert_int_equal(f->res.cmdline.len, 10);

	memset(s, 'y', room);
	s[room] = 0;
	f->req.cmdline = s;
	fix_bad(f, -ENAMETOOLONG, "cmdline");
	f->req.image.cmdline = NULL;
	fix_bad(f, -ENAMETOOLONG, "cmdline");
	s[room - 1] = 0;
	fix_ok(f);
	want_bytes(f, f->res.cmdline.gpa, s, room);
	free(s);
	fix_free(f);
}

static void test_modules(void **state)
{
	struct fix *f = mb_elf(false);
	uint8_t data[0x1800];
	uint64_t mods, last = UINT64_MAX;
	char name[LOAD_MODULES][8];

	(void)state;
	pattern(data, sizeof(data), 4);
	for (unsigned k = 0; k < LOAD_MODULES; k++) {
		name[k][0] = 'm';
		name[k][1] = (char)('a' + k);
		name[k][2] = 0;
		f->req.mods[k] = (struct load_blob){data, k * 0x180, k & 1 ? name[k] : NULL};
	}
	f->req.nr_mods = LOAD_MODULES;
	f->req.cmdline = "c";
	fix_ok(f);
	assert_int_equal(peek(f, f->res.info + 20, 4), LOAD_MODULES);
	mods = peek(f, f->res.info + 24, 4);
	for (unsigned k = 0; k < LOAD_MODULES; k++) {
		uint64_t start = peek(f, mods + k * 16, 4), end = peek(f, mods + k * 16 + 4, 4);
		uint64_t str = peek(f, mods + k * 16 + 8, 4);

		assert_int_equal(start % 4096, 0);
		assert_int_equal(end - start, k * 0x180);
		if (k) {
			want_bytes(f, start, data, k * 0x180);
			assert_true(end <= last);
			last = start;
		}
		want_bytes(f, str, k & 1 ? name[k] : "", k & 1 ? 3 : 1);
		assert_int_equal(peek(f, mods + k * 16 + 12, 4), 0);
	}

	f->req.mods[3].data = NULL;
	fix_bad(f, -EINVAL, "module 3");
	f->req.mods[3] = (struct load_blob){data, 0, NULL};
	fix_ok(f);
	fix_free(f);
}

static void test_modules_bad(void **state)
{
	struct fix *f = mb_elf(false);
	size_t big = 16 * MIB + 1, room = INFO_STRINGS_END - INFO_STRINGS;
	uint8_t *data = calloc(1, big);
	char *s = malloc(room);

	(void)state;
	assert_non_null(data);
	assert_non_null(s);
	memset(s, 'y', room);
	s[room - 1] = 0;
	f->req.nr_mods = 1;
	f->req.mods[0] = (struct load_blob){data, big, NULL};
	fix_bad(f, -E2BIG, "mods[0]: multiboot module");
	f->req.mods[0].len = 16 * MIB - 0x1000;
	fix_ok(f);
	f->req.mods[0].cmdline = s; /* with the command line's NUL it is one byte over */
	fix_bad(f, -ENAMETOOLONG, "mods[0]");
	f->req.mods[0].cmdline++;
	fix_ok(f);
	f->req.nr_mods = 0;
	f->req.initrd = (struct load_blob){data, 1, NULL};
	fix_bad(f, -EINVAL, "as a module");
	free(s);
	free(data);
	fix_free(f);
}

/* mod_end is a 32-bit field: at the very end of the first 4 GiB it would read 0. */
static void test_module_below_4g(void **state)
{
	struct fix *f = mb_elf(false);
	uint64_t mods;

	(void)state;
	fix_add(f, LOAD_4G - 0x4000, 0x4000, GMEM_RAM);
	f->req.nr_mods = 2;
	f->req.mods[0] = (struct load_blob){f->img, 0x1000, NULL};
	f->req.mods[1] = (struct load_blob){NULL, 0, NULL};
	fix_ok(f);
	mods = peek(f, f->res.info + 24, 4);
	assert_int_equal(peek(f, mods, 4), LOAD_4G - 0x2000);
	assert_int_equal(peek(f, mods + 4, 4), LOAD_4G - 0x1000);
	assert_int_equal(peek(f, mods + 16, 4), peek(f, mods + 20, 4));
	assert_true(gmem_ro(f->mem, peek(f, mods + 16, 4), 1));
	fix_free(f);
}

/* mem_lower and mem_upper where there is little RAM, and up to the hole at 3 GiB and more. */
static void test_small_ram(void **state)
{
	struct fix *f = fix_new(0xa0000);

	(void)state;
	f->req.image.len = 0x1000;
	put_fields(f, 0x40, 0x10000, 0x10000, 0, 0, 0x10000);
	fix_ok(f);
	assert_int_equal(peek(f, f->res.info + 4, 4), 639);
	assert_int_equal(peek(f, f->res.info + 8, 4), 0);
	f->req.nr_mods = 1;
	f->req.mods[0] = (struct load_blob){"x", 1, NULL};
	fix_bad(f, -E2BIG, "no free place");
	fix_free(f);

	f = fix_new(0x9f000);
	f->req.image.len = 0x1000;
	put_fields(f, 0x40, 0x10000, 0x10000, 0, 0, 0x10000);
	fix_bad(f, -E2BIG, "info area");
	fix_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elf),	   cmocka_unit_test(test_elf_bad),
		cmocka_unit_test(test_header),	   cmocka_unit_test(test_fields),
		cmocka_unit_test(test_fields_bad), cmocka_unit_test(test_fields_cut),
		cmocka_unit_test(test_info),	   cmocka_unit_test(test_cmdline),
		cmocka_unit_test(test_modules),	   cmocka_unit_test(test_modules_bad),
		cmocka_unit_test(test_small_ram),  cmocka_unit_test(test_module_below_4g),
	};

	return cmocka_run_group_tests_name("load multiboot", tests, NULL, NULL);
}
