/* SPDX-License-Identifier: MIT */
/* Seeds of load_elf: small ELF64 images, good ones and one for each way to be refused. */
#include "load_seed.h"

enum { LOAD = 1, NOTE = 4 };
#define VIRT 0xffffffff80000000ull

/* As many PT_LOADs as there may be, and one more. */
static void many_segments(struct seed_dir *d)
{
	struct seed_seg seg[41];
	struct seed s;

	for (unsigned i = 0; i < 41; i++)
		seg[i] = (struct seed_seg){LOAD, 0, 0, 0x100000 + i * 16, 8, 16};
	seed_begin(&s, RAM_2M, 0x980);
	seed_elf(&s, 1, 0x100000, seg, 40);
	seed_write(d, "40-segments", &s);
	seed_elf(&s, 1, 0x100000, seg, 41);
	seed_write(d, "41-segments", &s);
}

/* A 32-bit kernel, which has no 64-bit entry. */
static void entered_32(struct seed_dir *d)
{
	static const struct seed_seg seg[] = {{LOAD, 0x80, 0xc0100000, 0x100000, 0x40, 0x80}};
	struct seed s;

	seed_begin(&s, RAM_2M | SEED_RSDP, 0x100);
	seed_elf(&s, 0, 0x100000, seg, 1);
	seed_cmdline(&s, 9);
	seed_write(d, "elf32", &s);
	seed_elf(&s, 0, 0xc0100010, seg, 1);
	seed_write(d, "elf32-virtual-entry", &s);
	seed_boot(&s, SEED_BOOT_64);
	seed_write(d, "elf32-as-64", &s);
	seed_boot(&s, SEED_BOOT_16);
	seed_write(d, "elf32-as-16", &s);
}

/* Each field of the headers one more and one less. */
static void fields(struct seed_dir *d, const struct seed_seg *seg, int is64)
{
	const unsigned end = is64 ? 64 + 56 : 52 + 32;
	struct seed s;
	char name[32];

	for (unsigned at = 0; at < end; at += at < 8 ? 1 : 2) {
		if (at >= 8 && at < 16)
			continue;
		for (unsigned less = 0; less < 2; less++) {
			seed_begin(&s, RAM_2M | SEED_OWN_KIND, 0x180);
			seed_elf(&s, is64, 0x100010, seg, 1);
			s.img[at] = (uint8_t)(s.img[at] + (less ? -1 : 1));
			(void)snprintf(name, sizeof(name), "%u-byte-%u-%s", is64 ? 64 : 32, at,
				       less ? "less" : "more");
			seed_write(d, name, &s);
		}
	}
}

int main(int argc, char **argv)
{
	static const struct seed_seg two[] = {
		{LOAD, 0x100, VIRT, 0x100000, 0x40, 0x40},
		{LOAD, 0x140, VIRT + 0x2000, 0x102000, 0x30, 0x1234},
	};
	static const struct seed_seg mixed[] = {
		{NOTE, 0, 0, 0, 0x20, 0x20},
		{LOAD, 0x1c0, 0x400000, 0x400000, 0x11, 0x11},
		{LOAD, 0, 0, 0, 0, 0},
		{LOAD, 0x1c0, 0x100000000, 0x100000000, 0x20, 0x400},
	};
	static const struct seed_seg over[] = {
		{LOAD, 0x100, 0, 0x100000, 0x40, 0x40},
		{LOAD, 0x100, 0, 0x10003f, 0x40, 0x40},
	};
	static const struct seed_seg low[] = {{LOAD, 0x80, 0, 0x7000, 0x40, 0x80}};
	static const struct seed_seg top[] = {{LOAD, 0x80, 0, 0x1fff00, 0x40, 0x100}};
	static const struct seed_seg big[] = {{LOAD, 0x80, 0, 0x100000, 0x40, 0x10000000}};
	static const struct seed_seg wrap[] = {
		{LOAD, 0x80, 0, 0xfffffffffffff000, 0x40, 0x2000},
		{LOAD, 0x80, 0, 0x100000, 0x40, 0xffffffffffff0000},
	};
	struct seed_dir d = {argc > 1 ? argv[1] : ".", 0};
	struct seed s;

	seed_begin(&s, RAM_2M, 0x180);
	seed_elf(&s, 1, 0x100010, two, 2);
	seed_write(&d, "two-segments", &s);
	s.head[4] = 40;
	seed_cmdline(&s, 33);
	seed_write(&d, "initrd-cmdline", &s);
	seed_cmdline(&s, 60000);
	seed_write(&d, "cmdline-too-long", &s);
	seed_cmdline(&s, 0);
	seed_mods(&s, 1, 1, 1);
	seed_write(&d, "with-module", &s);
	seed_begin(&s, RAM_2M, 0x180);
	seed_elf(&s, 1, VIRT + 0x2004, two, 2);
	seed_write(&d, "virtual-entry", &s);
	seed_elf(&s, 1, 0x1000, two, 2);
	seed_write(&d, "entry-outside", &s);
	seed_elf(&s, 1, 0x100000, over, 2);
	seed_write(&d, "overlap", &s);
	seed_elf(&s, 1, 0x100000, big, 1);
	seed_write(&d, "bss-too-big", &s);
	seed_elf(&s, 1, 0xfffffffffffff000, wrap, 1);
	seed_write(&d, "paddr-wraps", &s);
	seed_elf(&s, 1, 0x100000, wrap + 1, 1);
	seed_write(&d, "memsz-wraps", &s);
	seed_elf(&s, 1, 0x1fff00, top, 1);
	seed_write(&d, "ram-end", &s);
	seed_elf(&s, 1, 0x7000, low, 1);
	seed_write(&d, "low", &s);
	s.head[0] |= SEED_OWN_KIND;
	memset(s.img, 0, 4);
	seed_write(&d, "no-magic", &s);
	seed_begin(&s, RAM_3_REGIONS, 0x200);
	seed_elf(&s, 1, 0x400000, mixed, 4);
	seed_write(&d, "three-regions", &s);
	s.head[0] = RAM_6_REGIONS;
	seed_write(&d, "not-there", &s);
	s.head[0] = RAM_NO_INFO;
	seed_elf(&s, 1, 0x100000, two, 1);
	seed_write(&d, "no-info-area", &s);
	seed_begin(&s, RAM_2M, 0x100);
	s.head[1] = 0x80;
	seed_write(&d, "flat", &s);
	/* round what is reserved: the first pages, the info area, RAM's end */
	for (unsigned i = 0; i < 5 * 3; i++) {
		static const uint64_t edge[] = {0x7000, 0x90000, 0xa0000, 0x100000, 0x200000};
		struct seed_seg at = {LOAD, 0x80, 0, edge[i / 3] + i % 3 - 1, 1, 1};
		char name[32];

		seed_begin(&s, RAM_2M, 0x100);
		seed_elf(&s, 1, at.paddr, &at, 1);
		(void)snprintf(name, sizeof(name), "one-byte-at-%llx",
			       (unsigned long long)at.paddr);
		seed_write(&d, name, &s);
	}
	/* cut in the header of either class */
	for (unsigned len = 20; len < 64; len += 20) {
		char name[32];

		seed_begin(&s, RAM_2M | SEED_OWN_KIND, 0x180);
		seed_elf(&s, 1, 0x100010, two, 1);
		s.len = len;
		(void)snprintf(name, sizeof(name), "header-cut-%u", len);
		seed_write(&d, name, &s);
	}
	fields(&d, two, 1);
	fields(&d, (const struct seed_seg[]){{LOAD, 0x100, 0xc0100000, 0x100000, 0x40, 0x80}}, 0);
	many_segments(&d);
	entered_32(&d);
	return d.failed;
}
