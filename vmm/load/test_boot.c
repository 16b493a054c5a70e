/* SPDX-License-Identifier: MIT */
/* bzImage: the ways to boot it: the kernel inside, its other entries, old protocols. */
#include "test_util.h"

#include "../unpack/test_pack.h"

#define INNER	0x3000u /* bytes of the kernel inside */
#define TEXT	0x1000u /* its segment's offset in the file */
#define AT	0x300000u
#define PAYLOAD 0x300u /* from the protected-mode code on */
#define FIRST	UNPACK_GZIP
#define LAST	UNPACK_ZSTD

/* A vmlinux with bss and PVH's note at the file's 0x200. */
static void inner(uint8_t *b, bool is64)
{
	const struct elf_seg segs[] = {
		{1, TEXT, 0xffffffff80000000ull + AT, AT, INNER - TEXT, 0x4000},
		{4, 0x200, 0, 0, 20, 20},
	};

	pattern(b, INNER, 3);
	memset(b, 0, 0x300);
	put_elf(b, is64, AT + 0x40, segs, 2);
	st_le32(b + 0x200, 4);
	st_le32(b + 0x204, 4);
	st_le32(b + 0x208, 18);
	memcpy(b + 0x20c, "Xen", 4);
	st_le32(b + 0x210, AT + 0x80);
}

/* (len) bytes become the payload. */
static void put_payload(struct fix *f, const uint8_t *p, size_t len)
{
	size_t end = (PAYLOAD + len + 15) & ~(size_t)15;

	assert_true(BZ_SETUP + end <= sizeof(f->img));
	memset(f->img + BZ_SETUP + PAYLOAD, 0, end - PAYLOAD);
	memcpy(f->img + BZ_SETUP + PAYLOAD, p, len);
	st_le32(f->img + 0x1f4, (uint32_t)(end / 16));
	st_le32(f->img + 0x248, PAYLOAD);
	st_le32(f->img + 0x24c, (uint32_t)len);
	f->req.image.len = BZ_SETUP + end;
}

/* The kernel inside, packed by (how), with the length that kernels put after it. NULL: no library. */
static struct fix *packed(enum unpack_format how, bool is64)
{
	struct fix *f = fix_bzimage(32 * MIB);
	uint8_t raw[INNER], out[2 * INNER];
	size_t n;

	inner(raw, is64);
	n = pack(how, raw, sizeof(raw), out, sizeof(out) - 4);
	if (!n) {
		fix_free(f);
		return NULL;
	}
	st_le32(out + n, INNER);
	put_payload(f, out, n + (how == UNPACK_GZIP ? 0 : 4));
	return f;
}

static struct fix *stored(bool is64)
{
	struct fix *f = fix_bzimage(32 * MIB);
	uint8_t raw[INNER];

	inner(raw, is64);
	put_payload(f, raw, sizeof(raw));
	return f;
}

static void check_direct(struct fix *f)
{
	uint8_t raw[INNER];

	inner(raw, true);
	fix_ok(f);
	assert_int_equal(f->res.kind, LOAD_BZIMAGE);
	assert_int_equal(f->res.boot, LOAD_BOOT_DIRECT);
	assert_int_equal(f->res.mode, X86_LONG);
	assert_int_equal(f->cpu.rip, AT + 0x40);
	assert_int_equal(f->cpu.gpr[X86_RSI], f->res.info);
	assert_int_equal(f->res.image.gpa, AT);
	assert_int_equal(f->res.image.len, 0x4000);
	want_bytes(f, AT, raw + TEXT, INNER - TEXT);
	want_zero(f, AT + INNER - TEXT, 0x4000 - (INNER - TEXT));
}

static void test_direct(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (enum unpack_format how = FIRST; how <= LAST; how++) {
		struct fix *f = packed(how, true);

		if (!f)
			continue;
		seen++;
		assert_int_equal(gmem_set(f->mem, AT, 0xee, 0x4000), 0);
		check_direct(f);
		/* asked for by its name, and not asked for */
		f->req.boot = LOAD_BOOT_DIRECT;
		check_direct(f);
		f->req.boot = LOAD_BOOT_GUEST;
		fix_ok(f);
		assert_int_equal(f->res.boot, LOAD_BOOT_64);
		assert_int_equal(f->res.entry, BZ_PREF + 0x200);
		want_bytes(f, BZ_PREF, f->img + BZ_SETUP, f->req.image.len - BZ_SETUP);
		fix_free(f);
	}
	if (!seen)
		skip();
}

/* What the file's header says goes to the zero page, but for what the loader writes. */
static void test_direct_zeropage(void **state)
{
	static const uint8_t rd[] = "0707 an archive";
	struct fix *f = stored(true);
	uint64_t z;

	(void)state;
	f->img[0x211] |= 2; /* KASLR_FLAG: the kernel is where it was linked to */
	f->req.cmdline = "root=none";
	f->req.rsdp = 0xe0010;
	f->req.initrd = (struct load_blob){rd, sizeof(rd), NULL};
	check_direct(f);
	z = f->res.info;
	assert_int_equal(peek(f, z + 0x206, 2), 0x20f);
	assert_int_equal(peek(f, z + 0x211, 1), 1);
	assert_int_equal(peek(f, z + 0x214, 4), AT);
	assert_int_equal(peek(f, z + 0x258, 8), BZ_PREF);
	assert_int_equal(peek(f, z + 0x70, 8), 0xe0010);
	assert_int_equal(peek(f, z + 0x218, 4), f->res.initrd.gpa);
	want_bytes(f, f->res.initrd.gpa, rd, sizeof(rd));
	want_bytes(f, f->res.cmdline.gpa, "root=none", 10);
	f->req.cmdline = NULL;
	st_le32(f->img + 0x238, 3);
	f->req.cmdline = "1234";
	fix_bad(f, -ENAMETOOLONG, "cmdline_size");
	fix_free(f);
}

/* A 32-bit kernel inside: as the 32-bit protocol enters one. */
static void test_direct_32(void **state)
{
	struct fix *f = stored(false);

	(void)state;
	fix_ok(f);
	assert_int_equal(f->res.boot, LOAD_BOOT_DIRECT);
	assert_int_equal(f->res.mode, X86_PROT);
	assert_int_equal(f->cpu.rip, AT + 0x40);
	assert_int_equal(f->cpu.gpr[X86_RSI], f->res.info);
	assert_int_equal(f->cpu.seg[X86_CS].sel, 0x10);
	assert_int_equal(peek(f, f->cpu.gdt.base + 0x10, 8), 0x00cf9b000000ffff);
	assert_int_equal(x86_code_bits(&f->cpu), 32);
	fix_free(f);
}

static void test_inner_pvh(void **state)
{
	struct fix *f = stored(true);

	(void)state;
	f->req.boot = LOAD_BOOT_PVH;
	f->req.cmdline = "quiet";
	fix_ok(f);
	assert_int_equal(f->res.kind, LOAD_BZIMAGE);
	assert_int_equal(f->res.boot, LOAD_BOOT_PVH);
	assert_int_equal(f->cpu.rip, AT + 0x80);
	assert_int_equal(f->cpu.gpr[X86_RBX], f->res.info);
	assert_int_equal(peek(f, f->res.info, 4), 0x336ec578);
	st_le32(f->img + 0x238, 4); /* the setup header's limit holds here too */
	fix_bad(f, -ENAMETOOLONG, "cmdline_size");
	f->img[BZ_SETUP + PAYLOAD + 0x208] = 17;
	fix_bad(f, -ENOEXEC, "XEN_ELFNOTE_PHYS32_ENTRY");
	fix_free(f);
}

static void test_payload_fields(void **state)
{
	struct fix *f = stored(true);
	size_t room = f->req.image.len - BZ_SETUP;

	(void)state;
	st_le32(f->img + 0x24c, (uint32_t)(room - PAYLOAD + 1));
	fix_bad(f, -ENOEXEC, "payload_length");
	st_le32(f->img + 0x248, 0xffffffff);
	fix_bad(f, -ENOEXEC, "payload_offset");
	st_le32(f->img + 0x24c, 0xffffffff);
	fix_bad(f, -ENOEXEC, "payload_offset");
	/* it counts whatever way was asked for: the file is damaged */
	f->req.boot = LOAD_BOOT_GUEST;
	fix_bad(f, -ENOEXEC, "payload_offset");
	f->req.boot = LOAD_BOOT_DIRECT;
	st_le32(f->img + 0x24c, 0);
	fix_bad(f, -ENOEXEC, "no payload");
	f->req.boot = LOAD_BOOT_PVH;
	fix_bad(f, -ENOEXEC, "no payload");
	f->req.boot = LOAD_BOOT_AUTO;
	fix_ok(f);
	assert_int_equal(f->res.boot, LOAD_BOOT_64);
	/* before 2.08 there was no payload */
	st_le32(f->img + 0x24c, INNER);
	st_le16(f->img + 0x206, 0x207);
	fix_ok(f);
	assert_int_equal(f->res.boot, LOAD_BOOT_16);
	st_le16(f->img + 0x206, 0x208);
	st_le32(f->img + 0x248, PAYLOAD);
	f->req.boot = LOAD_BOOT_GUEST;
	fix_ok(f);
	assert_int_equal(f->res.boot, LOAD_BOOT_32);
	fix_free(f);
}

static void test_payload_length(void **state)
{
	static const struct {
		uint32_t len;
		int rc;
		const char *word;
	} rows[] = {
		{0, -ENOEXEC, "length says 0"},
		{INNER - 1, -E2BIG, "more than"},
		{INNER + 1, -ENOEXEC, "its length says 0x3001"},
		{32 * MIB, -ENOEXEC, "its length says"},
		{32 * MIB + 1, -E2BIG, "give more memory"},
		{0xffffffff, -E2BIG, "give more memory"},
	};
	struct fix *f = packed(UNPACK_ZSTD, true);
	size_t at;

	(void)state;
	if (!f) {
		skip();
		return;
	}
	at = BZ_SETUP + PAYLOAD + ld_le32(f->img + 0x24c) - 4;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		st_le32(f->img + at, rows[i].len);
		fix_bad(f, rows[i].rc, rows[i].word);
	}
	fix_free(f);
}

/* Any byte of any packed kernel wrong: refused in one line, or loaded as a whole; never more. */
static void test_damage(void **state)
{
	(void)state;
	for (enum unpack_format how = FIRST; how <= LAST; how++) {
		struct fix *f = packed(how, true);
		size_t len;
		unsigned bad = 0, all = 0;

		if (!f)
			continue;
		len = f->req.image.len;
		for (size_t at = 0x1f1; at < len; at += at < BZ_SETUP + PAYLOAD + 64 ? 7 : 61) {
			int rc;

			f->img[at] ^= 0x55;
			rc = fix_run(f, f->img, len);
			assert_true(!rc || rc == -ENOEXEC || rc == -E2BIG || rc == -EINVAL);
			assert_true(!rc || (f->err.msg[0] && !f->res.touched));
			bad += at >= BZ_SETUP + PAYLOAD + 16 && rc;
			all += at >= BZ_SETUP + PAYLOAD + 16;
			f->img[at] ^= 0x55;
		}
		assert_true(how == UNPACK_LZ4 || bad + 2 >= all);
		/* cut anywhere: said to be cut short, or that its sizes do not fit */
		for (f->req.image.len = 0; f->req.image.len < len - 15; f->req.image.len += 97) {
			int rc = fix_run(f, f->img, f->req.image.len);

			assert_true(rc == -ENOEXEC || (!rc && f->res.kind == LOAD_FLAT) ||
				    (rc == -EINVAL && f->res.kind == LOAD_FLAT));
		}
		fix_free(f);
	}
}

static void test_unknown(void **state)
{
	struct fix *f = fix_bzimage(32 * MIB);

	(void)state;
	put_payload(f, (const uint8_t *)"what this is nobody knows", 25);
	fix_bad(f, -ENOEXEC, "no compression that is known");
	put_payload(f, (const uint8_t *)"\x89LZO\0\r\n\x1a\n\0\0\1\0", 13);
	fix_bad(f, -ENOTSUP, "lzo");
	put_payload(f, (const uint8_t *)"\x1f\x8b\x08", 3);
	fix_bad(f, -ENOEXEC, "no compression that is known");
	f->req.boot = LOAD_BOOT_GUEST;
	fix_ok(f);
	/* a kernel that is no ELF, one that lies over itself, one that does not fit */
	f->req.boot = LOAD_BOOT_AUTO;
	fix_free(f);
	f = stored(true);
	f->img[BZ_SETUP + PAYLOAD + 5] = 2;
	fix_bad(f, -ENOEXEC, "the kernel inside");
	fix_free(f);
	f = stored(true);
	st_le64(f->img + BZ_SETUP + PAYLOAD + 64 + 40, 31 * MIB);
	fix_bad(f, -E2BIG, "give more memory");
	fix_free(f);
}

static void test_by_32(void **state)
{
	struct fix *f = fix_bzimage(32 * MIB);

	(void)state;
	f->req.boot = LOAD_BOOT_32;
	f->req.cmdline = "quiet";
	fix_ok(f);
	assert_int_equal(f->res.boot, LOAD_BOOT_32);
	assert_int_equal(f->res.mode, X86_PROT);
	assert_int_equal(f->res.entry, BZ_PREF);
	assert_int_equal(f->cpu.rip, BZ_PREF);
	assert_int_equal(f->cpu.gpr[X86_RSI], f->res.info);
	assert_int_equal(f->cpu.gpr[X86_RBP] | f->cpu.gpr[X86_RDI] | f->cpu.gpr[X86_RBX], 0);
	assert_int_equal(f->cpu.seg[X86_CS].sel, 0x10);
	assert_int_equal(f->cpu.seg[X86_SS].sel, 0x18);
	assert_int_equal(peek(f, f->cpu.gdt.base + 0x10, 8), 0x00cf9b000000ffff);
	assert_int_equal(peek(f, f->cpu.gdt.base + 0x18, 8), 0x00cf93000000ffff);
	assert_int_equal(peek(f, f->res.info + 0x214, 4), BZ_PREF);
	want_bytes(f, f->res.cmdline.gpa, "quiet", 6);
	/* a 32-bit kernel has no other */
	st_le16(f->img + 0x236, 0);
	f->req.boot = LOAD_BOOT_AUTO;
	fix_ok(f);
	assert_int_equal(f->res.boot, LOAD_BOOT_32);
	f->req.boot = LOAD_BOOT_64;
	fix_bad(f, -ENOEXEC, "XLF_KERNEL_64");
	/* protected mode reaches 4 GiB */
	f->req.boot = LOAD_BOOT_32;
	st_le16(f->img + 0x236, 3);
	f->img[0x234] = 0;
	st_le64(f->img + 0x258, LOAD_4G);
	fix_add(f, LOAD_4G, MIB, GMEM_RAM);
	fix_bad(f, -E2BIG, "protected mode's reach");
	f->img[0x234] = 1;
	fix_ok(f);
	assert_true(f->res.image.gpa < LOAD_4G);
	fix_free(f);
}

/* Every version since the first: what it has not is not read. */
static void test_versions(void **state)
{
	static const struct {
		unsigned version, end;
	} rows[] = {
		{0x200, 0x224}, {0x201, 0x226}, {0x202, 0x22c}, {0x203, 0x230},
		{0x204, 0x230}, {0x205, 0x235}, {0x206, 0x23c}, {0x207, 0x248},
		{0x208, 0x250}, {0x209, 0x258}, {0x20a, 0x264}, {0x20b, 0x264},
	};
	static const enum load_boot ways[] = {LOAD_BOOT_AUTO, LOAD_BOOT_32, LOAD_BOOT_16};
	char cmd[300];

	(void)state;
	memset(cmd, 'c', sizeof(cmd));
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned k = 0; k < ARRAY_SIZE(ways); k++) {
			struct fix *f = fix_bzimage(32 * MIB);
			unsigned end = rows[i].end;

			st_le16(f->img + 0x206, (uint16_t)rows[i].version);
			memset(f->img + end, 0xff, BZ_HDR_LEN - end);
			f->img[0x201] = (uint8_t)(end - 0x202);
			f->req.boot = ways[k];
			f->req.cmdline = cmd;
			cmd[rows[i].version < 0x206 ? 255 : 299] = 0;
			fix_ok(f);
			assert_int_equal(f->res.boot,
					 ways[k] == LOAD_BOOT_32 ? LOAD_BOOT_32 : LOAD_BOOT_16);
			if (rows[i].version < 0x206) {
				cmd[255] = 'c';
				cmd[256] = 0;
				fix_bad(f, -ENAMETOOLONG, "255");
			}
			memset(cmd, 'c', sizeof(cmd));
			f->req.cmdline = NULL;
			f->img[0x201]--;
			fix_bad(f, -ENOEXEC, "jump at 0x200");
			f->img[0x201]++;
			f->req.boot = LOAD_BOOT_64;
			fix_bad(f, -ENOEXEC, "no 64-bit entry");
			fix_free(f);
		}
	}
}

/* Before 2.00 there was another header. */
static void test_too_old(void **state)
{
	struct fix *f = fix_bzimage(32 * MIB);

	(void)state;
	f->req.boot = LOAD_BOOT_16;
	st_le16(f->img + 0x206, 0x1ff);
	fix_bad(f, -ENOEXEC, "not 2.00 or later");
	st_le16(f->img + 0x206, 0x200);
	fix_ok(f);
	fix_free(f);
}

/* Before 2.02 the zero page says where the command line is in another way. */
static void test_old_cmdline(void **state)
{
	struct fix *f = fix_bzimage(32 * MIB);

	(void)state;
	f->req.cmdline = "mem=8M";
	f->req.boot = LOAD_BOOT_32;
	st_le16(f->img + 0x206, 0x201);
	fix_ok(f);
	assert_int_equal(peek(f, f->res.info + 0x20, 2), 0xa33f);
	want_bytes(f, f->res.info + peek(f, f->res.info + 0x22, 2), "mem=8M", 7);
	st_le16(f->img + 0x206, 0x202);
	fix_ok(f);
	want_zero(f, f->res.info + 0x20, 4);
	fix_free(f);
}

/* syssize had 16 bits before 2.04, and says nothing then about where the kernel ends. */
static void test_old_sizes(void **state)
{
	struct fix *f = fix_bzimage(32 * MIB);

	(void)state;
	f->req.boot = LOAD_BOOT_32;
	st_le16(f->img + 0x206, 0x203);
	st_le32(f->img + 0x1f4, 0x00010021);
	fix_ok(f);
	assert_int_equal(f->res.image.len, BZ_KERNEL);
	st_le32(f->img + 0x1f4, BZ_KERNEL / 16 + 1);
	fix_bad(f, -ENOEXEC, "syssize");
	st_le16(f->img + 0x206, 0x204);
	st_le32(f->img + 0x1f4, 0x00010021);
	fix_bad(f, -ENOEXEC, "syssize");
	fix_free(f);
}

static void test_names(void **state)
{
	static const char *const kinds[] = {"auto",    "flat",	     "multiboot", "elf",
					    "bzimage", "multiboot2", "pvh"};
	enum load_boot boot = LOAD_BOOT_AUTO;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		assert_string_equal(load_kind_name((enum load_kind)i), kinds[i]);
	assert_string_equal(load_kind_name(LOAD_KINDS), "unknown");
	for (unsigned i = 0; i < LOAD_BOOTS; i++) {
		assert_int_equal(load_boot_parse(load_boot_name((enum load_boot)i), &boot), 0);
		assert_int_equal(boot, i);
	}
	assert_string_equal(load_boot_name(LOAD_BOOTS), "unknown");
	assert_int_equal(load_boot_parse("fast", &boot), -EINVAL);
	assert_int_equal(load_boot_parse("", &boot), -EINVAL);
}

/* A way that the image has not. */
static void test_wrong_way(void **state)
{
	struct fix *f = fix_bzimage(32 * MIB);

	(void)state;
	f->req.boot = LOAD_BOOTS;
	fix_bad(f, -EINVAL, "by way of");
	f->req.kind = LOAD_FLAT;
	f->req.base = 0x8000;
	f->req.boot = LOAD_BOOT_32;
	fix_bad(f, -EINVAL, "one entry only");
	f->req.kind = LOAD_ELF;
	fix_bad(f, -EINVAL, "64 and pvh");
	f->req.kind = LOAD_PVH;
	f->req.boot = LOAD_BOOT_64;
	fix_bad(f, -EINVAL, "64 and pvh");
	f->req.kind = LOAD_MULTIBOOT2;
	fix_bad(f, -EINVAL, "one entry only");
	fix_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_direct),	       cmocka_unit_test(test_direct_zeropage),
		cmocka_unit_test(test_direct_32),      cmocka_unit_test(test_inner_pvh),
		cmocka_unit_test(test_payload_fields), cmocka_unit_test(test_payload_length),
		cmocka_unit_test(test_damage),	       cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_by_32),	       cmocka_unit_test(test_versions),
		cmocka_unit_test(test_too_old),	       cmocka_unit_test(test_old_cmdline),
		cmocka_unit_test(test_old_sizes),      cmocka_unit_test(test_names),
		cmocka_unit_test(test_wrong_way),
	};

	return cmocka_run_group_tests_name("load boot", tests, NULL, NULL);
}
