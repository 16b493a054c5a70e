/* SPDX-License-Identifier: MIT */
/* Multiboot 2: header and its tags, the address tag, the information. */
#include "test_util.h"

#define HDR 0x40u
#define AT  0x200000u
#define LEN 0x2000u
#define OPT 1u

/* A flat image whose header is built tag by tag. */
static void tag(struct fix *f, size_t *at, unsigned type, unsigned flags, unsigned n,
		const uint32_t *words)
{
	uint8_t *t = f->img + *at;

	memset(t, 0, 8 + 4 * (size_t)n + 8);
	st_le16(t, (uint16_t)type);
	st_le16(t + 2, (uint16_t)flags);
	st_le32(t + 4, 8 + 4 * n);
	for (unsigned i = 0; i < n; i++)
		st_le32(t + 8 + 4 * (size_t)i, words[i]);
	*at += align_up(8 + 4 * (size_t)n, 8);
}

static void seal(struct fix *f, uint32_t len)
{
	st_le32(f->img + HDR, 0xe85250d6);
	st_le32(f->img + HDR + 4, 0);
	st_le32(f->img + HDR + 8, len);
	st_le32(f->img + HDR + 12, -(0xe85250d6u + len));
}

static void finish(struct fix *f, size_t *at)
{
	tag(f, at, 0, 0, 0, NULL);
	seal(f, (uint32_t)(*at - HDR));
}

/* Placed by its address tag: all of the file to 2 MiB, bss to 0x4000. */
static struct fix *by_fields(size_t *at)
{
	static const uint32_t address[] = {AT + HDR, AT, 0, AT + 0x4000}, entry[] = {AT + 0x200};
	struct fix *f = fix_new(16 * MIB);

	pattern(f->img, LEN, 7);
	f->req.image.len = LEN;
	*at = HDR + 16;
	tag(f, at, 2, 0, 4, address);
	tag(f, at, 3, 0, 1, entry);
	return f;
}

static struct fix *mb2(void)
{
	size_t at;
	struct fix *f = by_fields(&at);

	finish(f, &at);
	return f;
}

/* The information's tag of a type, the (n)th; 0: none. All of it is walked. */
static uint64_t info(struct fix *f, unsigned type, unsigned n)
{
	uint64_t i = f->res.info, at = i + 8, end = i + peek(f, i, 4), found = 0;

	assert_int_equal(i % 8, 0);
	for (;;) {
		uint64_t t = peek(f, at, 4), size = peek(f, at + 4, 4);

		assert_true(size >= 8 && at + size <= end);
		if (t == type && !found && !n--)
			found = at;
		if (!t)
			break;
		at += align_up(size, 8);
	}
	assert_int_equal(at + 8, end);
	return found;
}

static void test_entry(void **state)
{
	struct fix *f = mb2();

	(void)state;
	fix_ok(f);
	assert_int_equal(f->res.kind, LOAD_MULTIBOOT2);
	assert_int_equal(f->res.boot, LOAD_BOOT_AUTO);
	assert_int_equal(f->res.mode, X86_PROT);
	assert_int_equal(f->cpu.rip, AT + 0x200);
	assert_int_equal(f->cpu.gpr[X86_RAX], 0x36d76289);
	assert_int_equal(f->cpu.gpr[X86_RBX], f->res.info);
	assert_int_equal(x86_code_bits(&f->cpu), 32);
	assert_false(f->cpu.cr0 & X86_CR0_PG);
	want_bytes(f, AT, f->img, LEN);
	want_zero(f, AT + LEN, 0x4000 - LEN);
	fix_free(f);
}

static void test_info(void **state)
{
	static const uint8_t data[0x1234] = "module";
	struct fix *f = mb2();
	uint64_t t;

	(void)state;
	f->req.image.cmdline = "kernel";
	f->req.cmdline = "one two";
	f->req.mods[0] = (struct load_blob){data, sizeof(data), "first=1"};
	f->req.mods[1] = (struct load_blob){data, 5, NULL};
	f->req.nr_mods = 2;
	fix_ok(f);
	t = info(f, 1, 0);
	want_bytes(f, t + 8, "kernel one two", 15);
	assert_int_equal(peek(f, t + 4, 4), 8 + 15);
	assert_int_equal(f->res.cmdline.gpa, t + 8);
	assert_int_equal(f->res.cmdline.len, 15);
	t = info(f, 2, 0);
	want_bytes(f, t + 8, "vise", 5);
	t = info(f, 3, 0);
	assert_int_equal(peek(f, t + 8, 4), 16 * MIB - 0x2000);
	assert_int_equal(peek(f, t + 12, 4), 16 * MIB - 0x2000 + sizeof(data));
	want_bytes(f, t + 16, "first=1", 8);
	want_bytes(f, 16 * MIB - 0x2000, data, sizeof(data));
	t = info(f, 3, 1);
	assert_int_equal(peek(f, t + 8, 4), 16 * MIB - 0x3000);
	assert_int_equal(peek(f, t + 16, 1), 0);
	assert_int_equal(info(f, 3, 2), 0);
	t = info(f, 4, 0);
	assert_int_equal(peek(f, t + 8, 4), 639);
	assert_int_equal(peek(f, t + 12, 4), 15 * 1024);
	t = info(f, 6, 0);
	assert_int_equal(peek(f, t + 4, 4), 16 + 3 * 24);
	assert_int_equal(peek(f, t + 8, 4), 24);
	assert_int_equal(peek(f, t + 12, 4), 0);
	assert_int_equal(peek(f, t + 16 + 48, 8), MIB);
	assert_int_equal(peek(f, t + 16 + 56, 8), 15 * MIB);
	assert_int_equal(peek(f, t + 16 + 64, 4), 1);
	assert_int_equal(info(f, 14, 0), 0);
	assert_int_equal(info(f, 21, 0), 0);

	/* the forms of the command line */
	f->req.cmdline = NULL;
	fix_ok(f);
	want_bytes(f, info(f, 1, 0) + 8, "kernel", 7);
	f->req.image.cmdline = NULL;
	fix_ok(f);
	assert_int_equal(peek(f, info(f, 1, 0) + 8, 1), 0);
	assert_int_equal(peek(f, info(f, 1, 0) + 4, 4), 9);
	f->req.cmdline = "x";
	fix_ok(f);
	want_bytes(f, info(f, 1, 0) + 8, "x", 2);
	fix_free(f);
}

static void test_rsdp(void **state)
{
	uint8_t rsdp[36];
	struct fix *f = mb2();
	uint64_t t;

	(void)state;
	pattern(rsdp, sizeof(rsdp), 4);
	f->req.rsdp = 0xf0000;
	fix_bad(f, -EINVAL, "no RSDP at 0xf0000");
	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[15] = 0;
	assert_int_equal(gmem_write(f->mem, 0xf0000, rsdp, sizeof(rsdp)), 0);
	fix_ok(f);
	t = info(f, 14, 0);
	assert_int_equal(peek(f, t + 4, 4), 28);
	want_bytes(f, t + 8, rsdp, 20);
	assert_int_equal(info(f, 15, 0), 0);
	rsdp[15] = 2;
	assert_int_equal(gmem_write(f->mem, 0xf0000, rsdp, sizeof(rsdp)), 0);
	fix_ok(f);
	t = info(f, 15, 0);
	assert_int_equal(peek(f, t + 4, 4), 44);
	want_bytes(f, t + 8, rsdp, 36);
	/* at the end of memory */
	assert_int_equal(gmem_write(f->mem, 16 * MIB - 36, rsdp, 36), 0);
	f->req.rsdp = 16 * MIB - 36;
	fix_ok(f);
	assert_int_equal(gmem_write(f->mem, 16 * MIB - 30, rsdp, 30), 0);
	f->req.rsdp = 16 * MIB - 30;
	fix_bad(f, -EINVAL, "cut off");
	f->req.rsdp = UINT64_MAX - 3;
	fix_bad(f, -EINVAL, "no RSDP");
	fix_free(f);
}

static void test_elf(void **state)
{
	static const struct elf_seg segs[] = {{1, 0x1000, 0xc0000000u + AT, AT, 0x1000, 0x2000}};
	static const uint32_t entry[] = {AT + 0x1fff}, out[] = {AT + 0x2000};

	(void)state;
	for (unsigned is64 = 0; is64 < 2; is64++) {
		struct fix *f = fix_new(16 * MIB);
		size_t at = 0x800 + 16;

		pattern(f->img, LEN, 2);
		put_elf(f->img, is64, AT + 8, segs, 1);
		f->req.image.len = LEN;
		tag(f, &at, 0, 0, 0, NULL);
		st_le32(f->img + 0x800, 0xe85250d6);
		st_le32(f->img + 0x804, 0);
		st_le32(f->img + 0x808, 24);
		st_le32(f->img + 0x80c, -(0xe85250d6u + 24));
		fix_ok(f);
		assert_int_equal(f->res.kind, LOAD_MULTIBOOT2);
		assert_int_equal(f->res.entry, AT + 8);
		want_bytes(f, AT, f->img + 0x1000, 0x1000);
		want_zero(f, AT + 0x1000, 0x1000);
		/* the entry tag goes before e_entry, and must lie in the image */
		at = 0x800 + 16;
		tag(f, &at, 3, 0, 1, entry);
		tag(f, &at, 0, 0, 0, NULL);
		st_le32(f->img + 0x808, 40);
		st_le32(f->img + 0x80c, -(0xe85250d6u + 40));
		fix_ok(f);
		assert_int_equal(f->res.entry, AT + 0x1fff);
		st_le32(f->img + 0x818, out[0]);
		fix_bad(f, -ENOEXEC, "entry tag");
		f->img[0] = 0;
		fix_bad(f, -ENOEXEC, "no ELF magic");
		fix_free(f);
	}
}

/* What must be met, and what may be left out. */
static void test_tags(void **state)
{
	static const uint32_t known[] = {1, 2, 3, 4, 6}, vbe[] = {4, 7}, acpi[] = {14, 15},
			      base[] = {21}, must[] = {3}, may[] = {2}, screen[] = {80, 25, 0},
			      place[] = {0, 0xffffffff, 0x1000, 0};
	static const struct {
		unsigned type, n;
		const uint32_t *words;
		const char *word; /* NULL: fine */
	} rows[] = {
		{1, 5, known, NULL},
		{1, 2, vbe, "information of type 7"},
		{1, 2, acpi, "type 14"},
		{1, 1, base, "type 21"},
		{1, 0, NULL, NULL},
		{4, 1, must, "a console"},
		{4, 1, may, NULL},
		{4, 0, NULL, "type 4 with size 8"},
		{5, 3, screen, "tag 5"},
		{6, 0, NULL, NULL},
		{7, 0, NULL, "EFI"},
		{8, 1, must, NULL},
		{9, 1, must, NULL},
		{10, 4, place, NULL},
		{11, 0, NULL, "tag 11"},
		{0xffff, 0, NULL, "tag 65535 (not known)"},
		{2, 1, must, "type 2 with size 12"},
		{3, 0, NULL, "type 3 with size 8"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned flags = 0; flags < 2; flags++) {
			size_t at;
			struct fix *f = by_fields(&at);
			bool small = rows[i].word && strstr(rows[i].word, "with size");

			tag(f, &at, rows[i].type, flags, rows[i].n, rows[i].words);
			finish(f, &at);
			if (rows[i].word && (!flags || small))
				fix_bad(f, -ENOEXEC, rows[i].word);
			else
				fix_ok(f);
			fix_free(f);
		}
	}
}

/* Relocatable: it stays where it is linked to, and is told so. A request may come before that tag. */
static void test_relocatable(void **state)
{
	static const uint32_t base[] = {21}, place[] = {0, 0xffffffff, 0x1000, 0};
	size_t at;
	struct fix *f = by_fields(&at);

	(void)state;
	tag(f, &at, 1, 0, 1, base);
	tag(f, &at, 10, 0, 4, place);
	finish(f, &at);
	fix_ok(f);
	assert_int_equal(peek(f, info(f, 21, 0) + 4, 4), 12);
	assert_int_equal(peek(f, info(f, 21, 0) + 8, 4), AT);
	fix_free(f);
}

static void test_header(void **state)
{
	struct fix *f = mb2();
	uint32_t len = ld_le32(f->img + HDR + 8);

	(void)state;
	/* found up to the end of 32 KiB, on 8 bytes */
	assert_int_equal(load_multiboot2_find(f->img, LEN, NULL), HDR);
	assert_int_equal(load_multiboot2_find(f->img, HDR + 16, NULL), HDR);
	assert_int_equal(load_multiboot2_find(f->img, HDR + 15, NULL), -1);
	memmove(f->img + 32768 - 16, f->img + HDR, 16);
	memset(f->img + HDR, 0, 16);
	assert_int_equal(load_multiboot2_find(f->img, sizeof(f->img), NULL), 32768 - 16);
	memmove(f->img + 32768 - 8, f->img + 32768 - 16, 16);
	memset(f->img + 32768 - 16, 0, 8);
	assert_int_equal(load_multiboot2_find(f->img, sizeof(f->img), NULL), -1);
	memset(f->img + 32768 - 16, 0, 32);
	seal(f, len);
	memmove(f->img + HDR + 4, f->img + HDR, 16);
	assert_int_equal(load_multiboot2_find(f->img, LEN, NULL), -1);
	fix_free(f);

	f = mb2();
	f->req.kind = LOAD_MULTIBOOT2;
	f->img[HDR + 12] ^= 1;
	fix_bad(f, -ENOEXEC, "checksum");
	f->img[HDR] = 0;
	fix_bad(f, -ENOEXEC, "no header magic");
	seal(f, 15);
	fix_bad(f, -ENOEXEC, "header_length");
	seal(f, LEN - HDR + 1);
	fix_bad(f, -ENOEXEC, "header_length");
	seal(f, 0xffffffff);
	fix_bad(f, -ENOEXEC, "header_length");
	seal(f, 16);
	fix_bad(f, -ENOEXEC, "without a tag of type 0");
	seal(f, len - 8);
	fix_bad(f, -ENOEXEC, "without a tag of type 0");
	seal(f, len - 1);
	fix_bad(f, -ENOEXEC, "without a tag of type 0");
	seal(f, len);
	st_le32(f->img + HDR + 16 + 4, 7);
	fix_bad(f, -ENOEXEC, "size 7");
	st_le32(f->img + HDR + 16 + 4, len - 15);
	fix_bad(f, -ENOEXEC, "too small, or past");
	st_le32(f->img + HDR + 16 + 4, 0xffffffff);
	fix_bad(f, -ENOEXEC, "too small, or past");
	st_le32(f->img + HDR + 16 + 4, 24);
	st_le32(f->img + HDR + 4, 4); /* MIPS */
	st_le32(f->img + HDR + 12, -(0xe85250d6u + 4 + len));
	fix_bad(f, -ENOEXEC, "architecture 4");
	fix_free(f);
}

static void test_fields(void **state)
{
	static const struct {
		uint32_t header, load, load_end, bss_end;
		int rc;
		const char *word;
	} rows[] = {
		{AT + HDR, AT, 0, 0, 0, NULL},
		{AT + HDR, AT + HDR, AT + HDR + 0x300, 0, 0, NULL},
		{AT + HDR, 0xffffffff, 0, 0, 0, NULL},
		{AT + HDR, AT, AT + LEN, AT + LEN, 0, NULL},
		{AT + HDR, AT + HDR + 1, 0, 0, -ENOEXEC, "load_addr"},
		{AT + HDR, AT - 1, 0, 0, -ENOEXEC, "load_addr"},
		{HDR - 1, 0xffffffff, 0, 0, -ENOEXEC, "load_addr"},
		{AT + HDR, AT, AT - 1, 0, -ENOEXEC, "load_end_addr"},
		{AT + HDR, AT, AT + LEN + 1, 0, -ENOEXEC, "load_end_addr"},
		{AT + HDR, AT, AT + LEN, AT + LEN - 1, -ENOEXEC, "bss_end_addr"},
		{AT + HDR, AT, 0, 0xffffffff, -E2BIG, "not all in RAM"},
		{0xfffff000, 0xfffff000 - HDR, 0, 0, -E2BIG, "beyond 4 GiB"},
		{0x90000, 0x90000 - HDR, 0, 0, -ENOEXEC, "info area"},
		{HDR, 0, 0, 0, -ENOEXEC, "reserved"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fix *f = mb2();
		uint8_t *t = f->img + HDR + 16 + 8;

		st_le32(t, rows[i].header);
		st_le32(t + 4, rows[i].load);
		st_le32(t + 8, rows[i].load_end);
		st_le32(t + 12, rows[i].bss_end);
		if (rows[i].word)
			fix_bad(f, rows[i].rc, rows[i].word);
		else
			fix_ok(f);
		fix_free(f);
	}
	{
		struct fix *f = mb2();

		st_le32(f->img + HDR + 16 + 24 + 8, AT + 0x4000);
		fix_bad(f, -ENOEXEC, "outside of the image");
		st_le16(f->img + HDR + 16 + 24, 6); /* the entry tag is none any more */
		fix_bad(f, -ENOEXEC, "without an entry tag");
		fix_free(f);
	}
}

static void test_limits(void **state)
{
	struct fix *f = mb2();
	size_t room = INFO_STRINGS_END - LOAD_INFO, fixed;
	char *s = malloc(room + 1);

	(void)state;
	assert_non_null(s);
	memset(s, 'm', room);
	s[room] = 0;
	fix_ok(f);
	fixed = peek(f, f->res.info, 4) - 16; /* an empty command line's tag has 16 bytes */
	f->req.cmdline = s;
	fix_bad(f, -ENAMETOOLONG, "shorten");
	s[room - fixed - 9 + 1] = 0;
	fix_bad(f, -ENAMETOOLONG, "shorten");
	s[room - fixed - 9] = 0;
	fix_ok(f);
	assert_int_equal(peek(f, f->res.info, 4), room);
	f->req.nr_mods = 1;
	f->req.mods[0] = (struct load_blob){"x", 1, "y"};
	fix_bad(f, -ENAMETOOLONG, "mods[0]");
	f->req.cmdline = NULL;
	f->req.mods[0].len = 16 * MIB;
	fix_bad(f, -E2BIG, "multiboot2 module");
	f->req.nr_mods = LOAD_MODULES + 1;
	fix_bad(f, -EINVAL, "modules");
	f->req.nr_mods = 0;
	f->req.initrd = (struct load_blob){"x", 1, NULL};
	fix_bad(f, -EINVAL, "pass it as a module");
	fix_free(f);
	/* as many modules as there may be */
	f = mb2();
	f->req.nr_mods = LOAD_MODULES;
	for (unsigned i = 0; i < LOAD_MODULES; i++)
		f->req.mods[i] = (struct load_blob){"x", 1, "name"};
	fix_ok(f);
	assert_true(info(f, 3, LOAD_MODULES - 1));
	fix_free(f);
	f = fix_new(0x90000);
	fix_add(f, MIB, 15 * MIB, GMEM_RAM);
	{
		struct fix *g = mb2();

		memcpy(f->img, g->img, LEN);
		f->req.image.len = LEN;
		fix_free(g);
	}
	fix_bad(f, -E2BIG, "info area");
	fix_free(f);
	free(s);
}

/* Any byte wrong, and any length: an answer in one line, never more. */
static void test_damage(void **state)
{
	struct fix *f = mb2();

	(void)state;
	f->req.kind = LOAD_MULTIBOOT2;
	for (size_t at = HDR; at < HDR + 80; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			uint8_t old = f->img[at];
			int rc;

			f->img[at] ^= (uint8_t)(1u << bit);
			if (at >= HDR + 16)
				seal(f, ld_le32(f->img + HDR + 8));
			rc = fix_run(f, f->img, LEN);
			assert_true(!rc || rc == -ENOEXEC || rc == -E2BIG);
			assert_true(!rc || (f->err.msg[0] && !f->res.touched));
			assert_true(at >= HDR + 16 || rc == -ENOEXEC);
			f->img[at] = old;
		}
	}
	for (size_t len = 0; len < 0x200; len++) /* behind the header all may be bss */
		assert_int_equal(fix_run(f, f->img, len), len < HDR + 64 ? -ENOEXEC : 0);
	fix_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry),  cmocka_unit_test(test_info),
		cmocka_unit_test(test_rsdp),   cmocka_unit_test(test_elf),
		cmocka_unit_test(test_tags),   cmocka_unit_test(test_relocatable),
		cmocka_unit_test(test_header), cmocka_unit_test(test_fields),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests_name("load multiboot2", tests, NULL, NULL);
}
