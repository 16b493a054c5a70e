/* SPDX-License-Identifier: MIT */
/* ELF64 by program headers, each field at its extremes; Linux's state and zero page with it. */
#include "test_util.h"

enum { LOAD_T = 1, NOTE_T = 4 };
#define BASE 0x200000ull

/* Two segments: text with bss at BASE, data at BASE + 0x10000. */
static struct fix *elf(void)
{
	static const struct elf_seg segs[] = {
		{LOAD_T, 0x1000, 0xffffffff80000000, BASE, 0x800, 0x1800},
		{NOTE_T, UINT64_MAX, 0, 0, UINT64_MAX, UINT64_MAX}, /* not looked at: LD7 */
		{LOAD_T, 0x2000, 0xffffffff80010000, BASE + 0x10000, 0x345, 0x345},
		{LOAD_T, 0, 0, 0, 0, 0}, /* nothing: passed over */
	};
	struct fix *f = fix_new(16 * MIB);

	pattern(f->img, 0x3000, 5);
	put_elf(f->img, true, BASE + 0x10, segs, 4);
	f->req.image.len = 0x3000;
	return f;
}

/* Program header (i)'s bytes. */
static uint8_t *ph(struct fix *f, unsigned i)
{
	return f->img + 64 + i * 56;
}

enum { P_OFFSET = 8, P_VADDR = 16, P_PADDR = 24, P_FILESZ = 32, P_MEMSZ = 40 };

static void test_loads(void **state)
{
	struct fix *f = elf();

	(void)state;
	assert_int_equal(gmem_set(f->mem, BASE, 0xee, 0x20000), 0); /* dirt from before */
	fix_ok(f);
	assert_int_equal(f->res.kind, LOAD_ELF);
	assert_int_equal(f->res.mode, X86_LONG);
	assert_int_equal(f->res.entry, BASE + 0x10);
	assert_int_equal(f->cpu.rip, BASE + 0x10);
	want_bytes(f, BASE, f->img + 0x1000, 0x800);
	want_zero(f, BASE + 0x800, 0x1000);
	assert_int_equal(peek(f, BASE + 0x1800, 1), 0xee);
	want_bytes(f, BASE + 0x10000, f->img + 0x2000, 0x345);
	assert_int_equal(f->res.image.gpa, BASE);
	assert_int_equal(f->res.image.len, 0x10345);
	fix_free(f);
}

/* Linux's 64-bit protocol: what CPU and zero page must say. */
static void test_linux_state(void **state)
{
	struct fix *f = elf();
	uint64_t z, gpa;

	(void)state;
	f->req.cmdline = "console=ttyS0 quiet";
	fix_ok(f);
	z = f->res.info;
	assert_int_equal(f->cpu.gpr[X86_RSI], z);
	assert_int_equal(f->cpu.seg[X86_CS].sel, 0x10);
	assert_int_equal(f->cpu.seg[X86_CS].attr, X86_SEG_CODE64);
	assert_int_equal(f->cpu.seg[X86_DS].sel, 0x18);
	assert_int_equal(f->cpu.seg[X86_ES].sel, 0x18);
	assert_int_equal(f->cpu.seg[X86_SS].sel, 0x18);
	assert_int_equal(peek(f, f->cpu.gdt.base + 0x10, 8), 0x00af9b000000ffff);
	assert_int_equal(peek(f, f->cpu.gdt.base + 0x18, 8), 0x00cf93000000ffff);
	assert_int_equal(peek(f, f->cpu.gdt.base + X86_SEL_TSS, 8),
			 0x00008b0000000067 | X86_BOOT_TSS << 16);
	assert_true(f->cpu.gdt.limit >= X86_SEL_TSS + 15);
	assert_int_equal(x86_translate(f->mem, &f->cpu, z, &gpa), 0);
	assert_int_equal(gpa, z);
	assert_int_equal(x86_code_bits(&f->cpu), 64);

	assert_int_equal(peek(f, z + 0x1ef, 1), 0); /* sentinel */
	assert_int_equal(peek(f, z + 0x1fe, 2), 0xaa55);
	assert_int_equal(peek(f, z + 0x202, 4), 0x53726448);
	assert_int_equal(peek(f, z + 0x210, 1), 0xff);
	assert_int_equal(peek(f, z + 0x228, 4), f->res.cmdline.gpa);
	assert_int_equal(f->res.cmdline.len, 20);
	want_bytes(f, f->res.cmdline.gpa, "console=ttyS0 quiet", 20);
	assert_int_equal(peek(f, z + 0x218, 4), 0);
	assert_int_equal(peek(f, z + 0x21c, 4), 0);

	/* E820: RAM, the hole, RAM */
	assert_int_equal(peek(f, z + 0x1e8, 1), 3);
	assert_int_equal(peek(f, z + 0x2d0, 8), 0);
	assert_int_equal(peek(f, z + 0x2d8, 8), 0x9fc00);
	assert_int_equal(peek(f, z + 0x2e0, 4), 1);
	assert_int_equal(peek(f, z + 0x2e4, 8), 0x9fc00);
	assert_int_equal(peek(f, z + 0x2ec, 8), 0x60400);
	assert_int_equal(peek(f, z + 0x2f4, 4), 2);
	assert_int_equal(peek(f, z + 0x2f8, 8), MIB);
	assert_int_equal(peek(f, z + 0x300, 8), 15 * MIB);
	assert_int_equal(peek(f, z + 0x308, 4), 1);
	fix_free(f);
}

/* The memory map over a hole below 4 GiB, ROM, and RAM above. */
static void test_map(void **state)
{
	struct fix *f = elf();
	struct load_map m[LOAD_MAPS];

	(void)state;
	fix_add(f, LOAD_4G - 0x10000, 0x10000, GMEM_ROM);
	fix_add(f, LOAD_4G, 64 * MIB, GMEM_RAM);
	assert_int_equal(load_memory_map(f->mem, LOAD_EBDA, m), 5);
	assert_int_equal(m[2].gpa, MIB);
	assert_int_equal(m[2].len, 15 * MIB);
	assert_int_equal(m[3].gpa, LOAD_4G - 0x10000);
	assert_int_equal(m[3].type, LOAD_MAP_RESERVED);
	assert_int_equal(m[4].gpa, LOAD_4G);
	assert_int_equal(m[4].len, 64 * MIB);
	assert_int_equal(m[4].type, LOAD_MAP_RAM);
	fix_ok(f);
	assert_int_equal(peek(f, f->res.info + 0x1e8, 1), 5);
	fix_free(f);

	/* less than the hole, all in it, as many as there can be */
	f = fix_new(0x80000);
	assert_int_equal(load_memory_map(f->mem, LOAD_EBDA, m), 2);
	assert_int_equal(m[0].len, 0x80000);
	assert_int_equal(m[1].type, LOAD_MAP_RESERVED);
	fix_add(f, 0xa0000, 0x60000, GMEM_RAM);
	assert_int_equal(load_memory_map(f->mem, LOAD_EBDA, m), 2);
	for (unsigned i = 2; i < GMEM_REGIONS; i++)
		fix_add(f, i * MIB, 0x1000, GMEM_RAM);
	assert_int_equal(load_memory_map(f->mem, LOAD_EBDA, m), 2 + 14);
	fix_free(f);
	f = fix_new(2 * MIB);
	for (unsigned i = 1; i < GMEM_REGIONS; i++)
		fix_add(f, (2 + i) * MIB, 0x1000, GMEM_RAM);
	assert_int_equal(load_memory_map(f->mem, LOAD_EBDA, m), LOAD_MAPS);
	fix_free(f);
}

/* LD6: the entry, physical, virtual, and in no segment. */
static void test_entry(void **state)
{
	struct fix *f = elf();

	(void)state;
	st_le64(f->img + 24, BASE + 0x17ff); /* the last byte, in bss */
	fix_ok(f);
	assert_int_equal(f->res.entry, BASE + 0x17ff);
	st_le64(f->img + 24, BASE + 0x1800);
	fix_bad(f, -ENOEXEC, "e_entry 0x201800");
	st_le64(f->img + 24, 0xffffffff80010344);
	fix_ok(f);
	assert_int_equal(f->res.entry, BASE + 0x10344);
	st_le64(f->img + 24, 0xffffffff80010345);
	fix_bad(f, -ENOEXEC, "e_entry");
	st_le64(f->img + 24, UINT64_MAX);
	fix_bad(f, -ENOEXEC, "e_entry");
	st_le64(f->img + 24, 0); /* the empty segment has it, which does not count */
	fix_bad(f, -ENOEXEC, "e_entry");

	/* physical goes before virtual: an image with a segment at virtual 0, as SMP kernels have
	 */
	st_le64(ph(f, 2) + P_VADDR, BASE);
	st_le64(f->img + 24, BASE + 4);
	fix_ok(f);
	assert_int_equal(f->res.entry, BASE + 4);
	/* a virtual range that wraps has nothing past its wrap */
	st_le64(ph(f, 2) + P_VADDR, UINT64_MAX - 0x10);
	st_le64(f->img + 24, UINT64_MAX);
	fix_ok(f);
	assert_int_equal(f->res.entry, BASE + 0x10010);
	st_le64(f->img + 24, 0x20);
	fix_bad(f, -ENOEXEC, "e_entry");
	fix_free(f);
}

static void test_ident(void **state)
{
	struct fix *f = elf();

	(void)state;
	f->req.kind = LOAD_ELF;
	f->img[0] = 0;
	fix_bad(f, -ENOEXEC, "magic");
	f->img[0] = 0x7f;
	f->img[4] = 1; /* its fields are elsewhere then */
	fix_bad(f, -ENOEXEC, "e_machine");
	f->img[4] = 0;
	fix_bad(f, -ENOEXEC, "class 0");
	f->img[4] = 2;
	f->img[5] = 2;
	fix_bad(f, -ENOEXEC, "data 2");
	f->img[5] = 1;
	f->img[6] = 0;
	fix_bad(f, -ENOEXEC, "version 0");
	f->img[6] = 1;
	for (size_t len = 1; len < 64 + 4 * 56; len += len < 70 ? 1 : 17) {
		f->req.image.len = len;
		fix_bad(f, -ENOEXEC, "");
	}
	f->req.image.len = 0x3000;
	fix_ok(f);
	fix_free(f);
}

static void test_header(void **state)
{
	static const struct {
		unsigned off, size;
		uint64_t val;
		const char *word;
	} rows[] = {
		{16, 2, 1, "e_type 1"},
		{16, 2, 0xffff, "e_type 65535"},
		{18, 2, 3, "e_machine 3"},
		{18, 2, 183, "e_machine 183"},
		{20, 4, 0, "e_version 0"},
		{20, 4, 2, "e_version 2"},
		{32, 8, UINT64_MAX, "e_phoff"},
		{32, 8, UINT64_MAX - 4 * 56 + 1, "e_phoff"},
		{32, 8, 0x3000 - 4 * 56 + 1, "e_phoff"},
		{54, 2, 0, "e_phentsize 0"},
		{54, 2, 55, "e_phentsize 55"},
		{54, 2, 57, "e_phentsize 57"},
		{54, 2, 0xffff, "e_phentsize 65535"},
		{56, 2, 0, "e_phnum 0"},
		{56, 2, 0xffff, "e_phnum 65535"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fix *f = elf();

		st_le(f->img + rows[i].off, rows[i].size, rows[i].val);
		fix_bad(f, -ENOEXEC, rows[i].word);
		fix_free(f);
	}
}

/* LD11, LD4: sizes and places of a segment. */
static void test_segment(void **state)
{
	static const struct {
		unsigned ph, off;
		uint64_t val;
		int code;
		const char *word;
	} rows[] = {
		{0, P_FILESZ, 0x1801, -ENOEXEC, "ELF segment 0: p_filesz 0x1801 is over"},
		{0, P_FILESZ, UINT64_MAX, -ENOEXEC, "p_filesz"},
		{2, P_MEMSZ, 0x344, -ENOEXEC, "ELF segment 2: p_filesz 0x345 is over"},
		{2, P_MEMSZ, 0, -ENOEXEC, "p_memsz 0x0"},
		{0, P_OFFSET, 0x2801, -ENOEXEC, "p_offset 0x2801"},
		{0, P_OFFSET, UINT64_MAX, -ENOEXEC, "p_offset"},
		{0, P_OFFSET, UINT64_MAX - 0x7ff, -ENOEXEC, "p_offset"},
		{0, P_PADDR, UINT64_MAX, -E2BIG, "p_paddr"},
		{0, P_PADDR, UINT64_MAX - 0x17ff, -E2BIG, "p_paddr"},
		{0, P_PADDR, LOAD_64G - 0x17ff, -E2BIG, "p_paddr"},
		{0, P_PADDR, LOAD_64G - 0x1800, -E2BIG, "not all in RAM"},
		{0, P_PADDR, 16 * MIB - 0x17ff, -E2BIG, "not all in RAM"},
		{0, P_PADDR, 0x4ff, -ENOEXEC, "reserved"},
		{0, P_PADDR, 0x500, -ENOEXEC, "page tables"},
		{0, P_PADDR, 0x6fff, -ENOEXEC, "page tables"},
		{0, P_PADDR, LOAD_INFO - 0x17ff, -ENOEXEC, "info area"},
		{0, P_PADDR, LOAD_INFO_END - 1, -ENOEXEC, "info area"},
		{0, P_PADDR, BASE + 0x10344, -ENOEXEC, "overlaps"},
		{2, P_PADDR, BASE, -ENOEXEC, "overlaps"},
		{2, P_PADDR, BASE + 0x17ff, -ENOEXEC, "overlaps"},
		{2, P_PADDR, BASE - 0x344, -ENOEXEC, "overlaps"},
		{0, P_MEMSZ, UINT64_MAX, -E2BIG, "p_memsz"},
		{0, P_MEMSZ, UINT64_MAX - BASE + 1, -E2BIG, "p_memsz"},
		{0, P_MEMSZ, 14 * MIB + 1, -E2BIG, "not all in RAM"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fix *f = elf();

		st_le64(ph(f, rows[i].ph) + rows[i].off, rows[i].val);
		if (rows[i].off == P_PADDR && rows[i].ph == 0)
			st_le64(f->img + 24, rows[i].val);
		fix_bad(f, rows[i].code, rows[i].word);
		fix_free(f);
	}
}

/* The last good value beside each bad one above. */
static void test_segment_good(void **state)
{
	static const struct {
		unsigned ph, off;
		uint64_t val;
	} rows[] = {
		{0, P_FILESZ, 0x1800},	     {0, P_FILESZ, 0},
		{0, P_OFFSET, 0x2800},	     {0, P_PADDR, 16 * MIB - 0x1800},
		{0, P_PADDR, 0x7000},	     {0, P_PADDR, LOAD_INFO - 0x1800},
		{0, P_PADDR, LOAD_INFO_END}, {2, P_PADDR, BASE + 0x1800},
		{2, P_PADDR, BASE - 0x345},  {0, P_VADDR, UINT64_MAX},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fix *f = elf();

		st_le64(ph(f, rows[i].ph) + rows[i].off, rows[i].val);
		if (rows[i].off == P_PADDR && rows[i].ph == 0)
			st_le64(f->img + 24, rows[i].val);
		fix_ok(f);
		fix_free(f);
	}
}

static void test_counts(void **state)
{
	struct fix *f = fix_new(16 * MIB);
	struct elf_seg s[LOAD_SEGMENTS + 1];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(s); i++)
		s[i] = (struct elf_seg){LOAD_T, 0x1000, 0, BASE + i * 0x100, 0x80, 0x100};
	f->req.image.len = 0x2000;
	put_elf(f->img, true, BASE, s, LOAD_SEGMENTS);
	f->req.initrd = (struct load_blob){"initrd", 6, NULL};
	fix_ok(f);
	assert_int_equal(f->res.image.len, LOAD_SEGMENTS * 0x100);
	put_elf(f->img, true, BASE, s, LOAD_SEGMENTS + 1);
	fix_bad(f, -ENOEXEC, "more than 40");

	/* none at all, among many that are not PT_LOAD */
	for (unsigned i = 0; i < ARRAY_SIZE(s); i++)
		s[i].type = NOTE_T;
	put_elf(f->img, true, BASE, s, ARRAY_SIZE(s));
	fix_bad(f, -ENOEXEC, "no PT_LOAD");

	/* the table may end where the file does, and hold 65,535 entries if the file does */
	memset(f->img, 0, sizeof(f->img));
	s[0].type = LOAD_T;
	s[0].off = 0;
	put_elf(f->img, true, BASE, s, 1);
	st_le16(f->img + 56, (sizeof(f->img) - 64) / 56);
	f->req.image.len = 64 + (sizeof(f->img) - 64) / 56 * 56;
	fix_ok(f);
	fix_free(f);
}

static void test_initrd(void **state)
{
	struct fix *f = elf();
	uint8_t rd[0x1801];
	uint64_t z;

	(void)state;
	pattern(rd, sizeof(rd), 9);
	f->req.initrd = (struct load_blob){rd, sizeof(rd), NULL};
	fix_ok(f);
	z = f->res.info;
	assert_int_equal(f->res.initrd.gpa, 16 * MIB - 0x2000);
	assert_int_equal(f->res.initrd.len, sizeof(rd));
	assert_int_equal(peek(f, z + 0x218, 4), 16 * MIB - 0x2000);
	assert_int_equal(peek(f, z + 0x21c, 4), sizeof(rd));
	want_bytes(f, f->res.initrd.gpa, rd, sizeof(rd));

	/* below an image at the top of RAM */
	st_le64(ph(f, 0) + P_PADDR, 16 * MIB - 0x1800);
	st_le64(f->img + 24, 16 * MIB - 0x1800);
	fix_ok(f);
	assert_int_equal(f->res.initrd.gpa, 16 * MIB - 0x1800 - 0x2000 - 0x800);

	/* no room: the image takes all above 1 MiB but a page */
	st_le64(ph(f, 0) + P_PADDR, MIB + 0x1000);
	st_le64(ph(f, 0) + P_MEMSZ, 15 * MIB - 0x1000);
	st_le64(ph(f, 2) + P_PADDR, 0x10000);
	st_le64(f->img + 24, MIB + 0x1000);
	fix_bad(f, -E2BIG, "initrd");
	f->req.initrd.len = 0x1000;
	fix_ok(f);
	assert_int_equal(f->res.initrd.gpa, MIB);
	f->req.initrd.data = NULL;
	fix_bad(f, -EINVAL, "initrd");
	fix_free(f);
}

static void test_cmdline(void **state)
{
	struct fix *f = elf();
	size_t room = INFO_STRINGS_END - INFO_STRINGS;
	char *long_line = malloc(LOAD_CMDLINE_MAX + 10);

	(void)state;
	assert_non_null(long_line);
	memset(long_line, 'x', LOAD_CMDLINE_MAX + 9);
	long_line[LOAD_CMDLINE_MAX + 9] = 0;
	f->req.cmdline = long_line;
	fix_bad(f, -ENAMETOOLONG, "command line");
	long_line[room] = 0;
	fix_bad(f, -ENAMETOOLONG, "command line");
	long_line[room - 1] = 0;
	fix_ok(f);
	want_bytes(f, f->res.cmdline.gpa, long_line, room);
	f->req.cmdline = NULL; /* an empty one is there all the same */
	fix_ok(f);
	assert_int_equal(f->res.cmdline.len, 1);
	assert_int_equal(peek(f, f->res.cmdline.gpa, 1), 0);
	free(long_line);
	fix_free(f);
}

static void test_small_ram(void **state)
{
	struct fix *f = fix_new(0x9f000);
	struct elf_seg s = {LOAD_T, 0, 0, 0x10000, 0x100, 0x100};

	(void)state;
	put_elf(f->img, true, 0x10000, &s, 1);
	f->req.image.len = 0x200;
	fix_bad(f, -E2BIG, "info area");
	fix_add(f, 0x9f000, 0x1000, GMEM_RAM);
	fix_ok(f);
	fix_free(f);
}

/* Position-independent files go to their p_paddr as well. */
static void test_dyn(void **state)
{
	struct fix *f = elf();

	(void)state;
	st_le16(f->img + 16, 3);
	fix_ok(f);
	assert_int_equal(f->res.entry, BASE + 0x10);
	f->req.nr_mods = 1;
	fix_bad(f, -EINVAL, "modules");
	fix_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loads),	cmocka_unit_test(test_linux_state),
		cmocka_unit_test(test_map),	cmocka_unit_test(test_entry),
		cmocka_unit_test(test_ident),	cmocka_unit_test(test_header),
		cmocka_unit_test(test_segment), cmocka_unit_test(test_segment_good),
		cmocka_unit_test(test_counts),	cmocka_unit_test(test_initrd),
		cmocka_unit_test(test_cmdline), cmocka_unit_test(test_small_ram),
		cmocka_unit_test(test_dyn),
	};

	return cmocka_run_group_tests_name("load elf", tests, NULL, NULL);
}
