/* SPDX-License-Identifier: MIT */
/* PVH: the note in every form, the start info, and that 32-bit kernels start in protected mode. */
#include "test_util.h"

#define NOTES 0x200u
#define TEXT  0x1000u
#define AT    0x200000u
#define LEN   0x2000u

static size_t put_note(uint8_t *b, const char *name, uint32_t type, uint64_t desc, unsigned size)
{
	uint32_t n = (uint32_t)strlen(name) + 1;
	size_t at = 12 + (n + 3) / 4 * 4;

	memset(b, 0, at + 8);
	st_le32(b, n);
	st_le32(b + 4, size);
	st_le32(b + 8, type);
	memcpy(b + 12, name, n);
	st_le(b + at, size, desc);
	return at + (size + 3) / 4 * 4;
}

/* A kernel at 2 MiB whose e_entry is not where PVH starts; other notes are before it. */
static struct fix *pvh(bool is64)
{
	struct fix *f = fix_new(16 * MIB);
	size_t end = NOTES;

	pattern(f->img, LEN, 5);
	end += put_note(f->img + end, "GNU", 3, 0x1234, 5);
	end += put_note(f->img + end, "Xen", 6, 7, 8);
	end += put_note(f->img + end, "Xen", 18, AT + 0x123, is64 ? 8 : 4);
	{
		const struct elf_seg segs[] = {
			{1, TEXT, 0xc0000000u + AT, AT, LEN - TEXT, 0x3000},
			{4, NOTES, 0, 0, end - NOTES, end - NOTES},
		};

		put_elf(f->img, is64, AT + 0x10, segs, 2);
	}
	f->req.image.len = LEN;
	return f;
}

static void test_start_info(void **state)
{
	static const uint8_t rd[] = "an initrd";
	uint64_t i, map, mod;

	(void)state;
	for (unsigned is64 = 0; is64 < 2; is64++) {
		struct fix *f = pvh(is64);

		f->req.cmdline = "console=ttyS0";
		f->req.rsdp = 0xf0000;
		f->req.initrd = (struct load_blob){rd, sizeof(rd), NULL};
		fix_ok(f);
		assert_int_equal(f->res.kind, LOAD_PVH);
		assert_int_equal(f->res.boot, LOAD_BOOT_PVH);
		assert_int_equal(f->res.mode, X86_PROT);
		assert_int_equal(f->cpu.rip, AT + 0x123);
		i = f->res.info;
		assert_int_equal(f->cpu.gpr[X86_RBX], i);
		assert_int_equal(f->cpu.cr0, X86_CR0_PE | X86_CR0_ET);
		assert_int_equal(f->cpu.cr4, 0);
		assert_int_equal(x86_code_bits(&f->cpu), 32);
		assert_int_equal(f->cpu.seg[X86_TR].base, 0);
		assert_int_equal(f->cpu.seg[X86_TR].limit, 0x67);
		want_bytes(f, AT, f->img + TEXT, LEN - TEXT);
		want_zero(f, AT + LEN - TEXT, 0x3000 - (LEN - TEXT));

		assert_int_equal(peek(f, i, 4), 0x336ec578);
		assert_int_equal(peek(f, i + 4, 4), 1);
		assert_int_equal(peek(f, i + 8, 4), 0);
		assert_int_equal(peek(f, i + 12, 4), 1);
		mod = peek(f, i + 16, 8);
		assert_int_equal(peek(f, mod, 8), f->res.initrd.gpa);
		assert_int_equal(peek(f, mod + 8, 8), sizeof(rd));
		want_zero(f, mod + 16, 16);
		want_bytes(f, f->res.initrd.gpa, rd, sizeof(rd));
		assert_int_equal(peek(f, i + 24, 8), f->res.cmdline.gpa);
		want_bytes(f, f->res.cmdline.gpa, "console=ttyS0", 14);
		assert_int_equal(peek(f, i + 32, 8), 0xf0000);
		map = peek(f, i + 40, 8);
		assert_int_equal(peek(f, i + 48, 4), 3);
		assert_int_equal(peek(f, map, 8), 0);
		assert_int_equal(peek(f, map + 8, 8), 0x9fc00);
		assert_int_equal(peek(f, map + 16, 4), 1);
		assert_int_equal(peek(f, map + 24 + 16, 4), 2);
		assert_int_equal(peek(f, map + 48, 8), MIB);
		assert_int_equal(peek(f, map + 56, 8), 15 * MIB);

		/* with nothing asked for: no module, an empty command line */
		f->req.cmdline = NULL;
		f->req.rsdp = 0;
		f->req.initrd.len = 0;
		fix_ok(f);
		assert_int_equal(peek(f, i + 12, 4), 0);
		assert_int_equal(peek(f, i + 16, 8), 0);
		assert_int_equal(peek(f, i + 32, 8), 0);
		assert_int_equal(peek(f, peek(f, i + 24, 8), 1), 0);
		fix_free(f);
	}
}

/* The same file by its other entry. */
static void test_ways(void **state)
{
	struct fix *f = pvh(true);

	(void)state;
	f->req.boot = LOAD_BOOT_64;
	fix_ok(f);
	assert_int_equal(f->res.kind, LOAD_ELF);
	assert_int_equal(f->res.boot, LOAD_BOOT_64);
	assert_int_equal(f->res.mode, X86_LONG);
	assert_int_equal(f->res.entry, AT + 0x10);
	f->req.boot = LOAD_BOOT_PVH;
	fix_ok(f);
	assert_int_equal(f->res.entry, AT + 0x123);
	f->req.boot = LOAD_BOOT_DIRECT;
	fix_bad(f, -EINVAL, "by way of 'direct'");
	f->req.boot = LOAD_BOOT_16;
	fix_bad(f, -EINVAL, "by way of '16'");
	fix_free(f);

	f = pvh(false); /* 32 bits: by PVH, or as the 32-bit protocol has it */
	f->req.boot = LOAD_BOOT_64;
	fix_bad(f, -ENOEXEC, "32-bit kernel");
	f->req.boot = LOAD_BOOT_AUTO;
	f->req.kind = LOAD_ELF;
	f->req.rsdp = 0xe0000;
	fix_ok(f);
	assert_int_equal(f->res.boot, LOAD_BOOT_32);
	assert_int_equal(f->res.mode, X86_PROT);
	assert_int_equal(f->cpu.rip, AT + 0x10);
	assert_int_equal(f->cpu.gpr[X86_RSI], f->res.info);
	assert_int_equal(f->cpu.seg[X86_CS].sel, 0x10);
	assert_int_equal(peek(f, f->res.info + 0x70, 8), 0xe0000);
	fix_free(f);

	f = pvh(true); /* asked for where it is not */
	memset(f->img + NOTES, 0, 0x100);
	assert_int_equal(load_detect(f->img, LEN), LOAD_ELF);
	f->req.boot = LOAD_BOOT_PVH;
	fix_bad(f, -ENOEXEC, "CONFIG_PVH");
	fix_free(f);
}

/* What is taken for the note, and what is not. */
static void test_notes(void **state)
{
	static const struct {
		const char *name;
		uint32_t type;
		unsigned size;
		bool is;
	} rows[] = {
		{"Xen", 18, 4, true},	{"Xen", 18, 8, true},  {"Xen", 17, 4, false},
		{"Xen", 18, 2, false},	{"Xen", 18, 5, false}, {"XeN", 18, 4, false},
		{"Xenn", 18, 4, false}, {"Xe", 18, 4, false},  {"", 18, 4, false},
		{"Xen", 18, 0, false},
	};
	struct fix *f = pvh(true);
	struct load_blob elf = {f->img, LEN, NULL};
	uint64_t entry;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t end = NOTES;

		memset(f->img + NOTES, 0, 0x100);
		end += put_note(f->img + end, "any", 1, 0, 3);
		(void)put_note(f->img + end, rows[i].name, rows[i].type, AT + 4, rows[i].size);
		assert_int_equal(load_elf_pvh(&elf, &entry), rows[i].is);
		if (rows[i].is)
			assert_int_equal(entry, AT + 4);
	}
	fix_free(f);
}

/* Notes that end too soon, lie elsewhere, or say lengths that are none. */
static void test_bad_notes(void **state)
{
	static const struct {
		unsigned off;
		uint32_t val;
	} rows[] = {
		{NOTES, 0xffffffff},	 {NOTES, 0xfffffffc}, {NOTES + 4, 0xffffffff},
		{NOTES + 4, 0xfffffffd}, {NOTES, 0x7fffffff}, {64 + 56 + 8, 0xffffffff},
		{64 + 56 + 8, LEN},	 {64 + 56 + 32, 11},  {64 + 56 + 32, 0},
		{64 + 56 + 36, 1},	 {64 + 56 + 12, 1},
	};
	struct fix *f;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		f = pvh(true);
		f->req.kind = LOAD_PVH;
		st_le32(f->img + rows[i].off, rows[i].val);
		assert_int_equal(load_detect(f->img, LEN), LOAD_ELF);
		fix_bad(f, -ENOEXEC, "XEN_ELFNOTE_PHYS32_ENTRY");
		fix_free(f);
	}
	/* cut in the note itself */
	f = pvh(true);
	f->req.kind = LOAD_PVH;
	for (uint32_t len = 12; len < 72; len++) {
		st_le32(f->img + 64 + 56 + 32, len);
		assert_int_equal(fix_run(f, f->img, LEN), -ENOEXEC);
	}
	st_le32(f->img + 64 + 56 + 32, 72);
	fix_ok(f);
	fix_free(f);
}

static void test_entry(void **state)
{
	static const uint64_t bad[] = {0, AT - 1, AT + 0x3000, 0xffffffff, UINT64_MAX};
	struct fix *f = pvh(true);
	size_t at = NOTES + 12 + 4 + 8 + 12 + 4 + 8 + 16;

	(void)state;
	assert_int_equal(ld_le64(f->img + at), AT + 0x123);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		st_le64(f->img + at, bad[i]);
		fix_bad(f, -ENOEXEC, "lies in no loaded segment");
	}
	st_le64(f->img + at, AT + 0x2fff); /* its last byte */
	fix_ok(f);
	/* e_entry is of no interest */
	st_le64(f->img + 24, 7);
	fix_ok(f);
	/* protected mode reaches 4 GiB */
	st_le64(f->img + 64 + 24, LOAD_4G);
	fix_bad(f, -E2BIG, "beyond 0x100000000");
	fix_free(f);
}

static void test_refused(void **state)
{
	struct fix *f = pvh(true);
	char *big = malloc(LOAD_CMDLINE_MAX + 1);

	(void)state;
	assert_non_null(big);
	memset(big, 'c', LOAD_CMDLINE_MAX);
	big[LOAD_CMDLINE_MAX] = 0;
	f->req.cmdline = big;
	fix_bad(f, -ENAMETOOLONG, "command line");
	big[60000] = 0;
	fix_bad(f, -ENAMETOOLONG, "strings");
	f->req.cmdline = NULL;
	f->req.initrd = (struct load_blob){big, 16 * MIB, NULL};
	fix_bad(f, -E2BIG, "initrd");
	f->req.initrd.len = 0;
	f->req.nr_mods = 1;
	fix_bad(f, -EINVAL, "modules");
	f->req.nr_mods = 0;
	fix_free(f);
	f = pvh(true);
	st_le64(f->img + 64 + 24, 0xe0000);
	st_le64(f->img + 64 + 40, 0x2000);
	st_le64(f->img + NOTES + 64, 0xe0000);
	fix_ok(f);
	f->req.rsdp = 0xf0000; /* firmware's tables are there then */
	fix_bad(f, -ENOEXEC, "firmware's tables");
	fix_free(f);
	free(big);
}

/* Any byte wrong, and any length: an answer in one line, never more. */
static void test_damage(void **state)
{
	struct fix *f = pvh(true);

	(void)state;
	f->req.kind = LOAD_PVH;
	for (size_t at = 0; at < 0x300; at++) {
		for (unsigned bit = 0; bit < 8; bit += 3) {
			int rc;

			f->img[at] ^= (uint8_t)(1u << bit);
			rc = fix_run(f, f->img, LEN);
			assert_true(!rc || rc == -ENOEXEC || rc == -E2BIG);
			assert_true(!rc || (f->err.msg[0] && !f->res.touched));
			f->img[at] ^= (uint8_t)(1u << bit);
		}
	}
	for (size_t len = 0; len < LEN; len += len < 0x300 ? 1 : 77)
		assert_int_equal(fix_run(f, f->img, len), -ENOEXEC);
	fix_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_info), cmocka_unit_test(test_ways),
		cmocka_unit_test(test_notes),	   cmocka_unit_test(test_bad_notes),
		cmocka_unit_test(test_entry),	   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests_name("load pvh", tests, NULL, NULL);
}
