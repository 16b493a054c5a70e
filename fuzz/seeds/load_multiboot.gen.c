/* SPDX-License-Identifier: MIT */
/* Seeds of load_multiboot: ELF32, ELF64 and address fields; modules; ways to be refused. */
#include "load_seed.h"

#define MAGIC 0x1badb002u

static void header(struct seed *s, size_t off, uint32_t flags)
{
	st_le32(s->img + off, MAGIC);
	st_le32(s->img + off + 4, flags);
	st_le32(s->img + off + 8, -(MAGIC + flags));
}

static void fields(struct seed *s, size_t off, uint32_t head, uint32_t load, uint32_t load_end,
		   uint32_t bss_end, uint32_t entry)
{
	header(s, off, 0x10003);
	st_le32(s->img + off + 12, head);
	st_le32(s->img + off + 16, load);
	st_le32(s->img + off + 20, load_end);
	st_le32(s->img + off + 24, bss_end);
	st_le32(s->img + off + 28, entry);
}

static void by_elf(struct seed_dir *d)
{
	static const struct seed_seg segs[] = {
		{1, 0x100, 0x400000, 0x400000, 0x60, 0x3000},
		{1, 0x160, 0x404000, 0x404000, 0x10, 0x10},
	};
	static const struct seed_seg high[] = {{1, 0x100, 0x1000000, 0x1000000, 0x60, 0x3000}};
	struct seed s;

	seed_begin(&s, RAM_3_REGIONS, 0x180);
	seed_elf(&s, 0, 0x400020, segs, 2);
	header(&s, 0x100, 0);
	seed_write(d, "elf32", &s);
	seed_mods(&s, 2, 40, 5);
	seed_cmdline(&s, 20);
	s.head[0] |= SEED_NAME;
	seed_write(d, "elf32-modules", &s);
	seed_mods(&s, 16, 255, 255);
	seed_write(d, "all-modules", &s);
	seed_mods(&s, 17, 1, 1);
	seed_write(d, "too-many-modules", &s);
	seed_mods(&s, 16, 0, 255);
	seed_cmdline(&s, 48000);
	seed_write(d, "strings-too-long", &s);
	seed_mods(&s, 0, 0, 0);
	seed_cmdline(&s, 60000);
	seed_write(d, "cmdline-too-long", &s);
	seed_begin(&s, RAM_6_REGIONS, 0x180); /* RAM's last page ends at 4 GiB */
	seed_elf(&s, 0, 0x1000020, high, 1);
	header(&s, 0x100, 0);
	seed_mods(&s, 1, 255, 5);
	seed_write(d, "module-at-the-top", &s);
	seed_mods(&s, 2, 0, 5);
	seed_write(d, "empty-modules-at-the-top", &s);
	seed_begin(&s, RAM_3_REGIONS, 0x180);
	seed_elf(&s, 1, 0x400020, segs, 2);
	header(&s, 0x100, 2);
	seed_write(d, "elf64", &s);
	for (uint32_t flags = 1; flags < 8; flags++) {
		char name[32];

		header(&s, 0x100, flags);
		(void)snprintf(name, sizeof(name), "elf64-flags-%u", flags);
		seed_write(d, name, &s);
	}
	header(&s, 0x100, 8);
	seed_write(d, "unknown-flag", &s);
	s.head[4] = 3;
	header(&s, 0x100, 0);
	seed_write(d, "with-initrd", &s);
	s.head[0] = RAM_2M;
	s.head[4] = 0;
	seed_write(d, "not-there", &s);
}

int main(int argc, char **argv)
{
	struct seed_dir d = {argc > 1 ? argv[1] : ".", 0};
	struct seed s;

	by_elf(&d);
	seed_begin(&s, RAM_2M, 0x100);
	fields(&s, 0x20, 0x100020, 0x100000, 0x100100, 0x100800, 0x100040);
	seed_write(&d, "fields", &s);
	seed_mods(&s, 3, 200, 9);
	seed_cmdline(&s, 7);
	seed_write(&d, "fields-modules", &s);
	seed_begin(&s, RAM_2M, 0x100);
	fields(&s, 0x20, 0x100010, 0x100000, 0, 0, 0x100000);
	seed_write(&d, "fields-to-end", &s);
	fields(&s, 0x20, 0x100020, 0x100000, 0xfffff, 0, 0x100000);
	seed_write(&d, "load-end-low", &s);
	fields(&s, 0x20, 0x100020, 0x100000, 0x100100, 0x100080, 0x100000);
	seed_write(&d, "bss-end-low", &s);
	fields(&s, 0x20, 0x100020, 0x100000, 0x100100, 0x400000, 0x100000);
	seed_write(&d, "bss-too-big", &s);
	fields(&s, 0x20, 0x8ff20, 0x8ff00, 0, 0, 0x8ff00);
	seed_write(&d, "below-info", &s);
	s.head[0] = RAM_NO_INFO;
	seed_write(&d, "no-info-area", &s);
	for (uint32_t len = 0x20 + 10; len <= 0x20 + 33; len++) {
		char name[32];

		seed_begin(&s, RAM_2M | SEED_OWN_KIND, len);
		fields(&s, 0x20, 0x100020, 0x100000, 0, 0, 0x100000);
		(void)snprintf(name, sizeof(name), "cut-%u", len);
		seed_write(&d, name, &s);
	}
	/* the header lies within the first 8192 bytes (3.1) */
	for (uint32_t at = 8192 - 36; at <= 8192; at += 4) {
		char name[32];

		seed_begin(&s, RAM_2M | SEED_OWN_KIND, at + 32);
		fields(&s, at, 0x100000 + at, 0x100000, 0, 0, 0x100000);
		(void)snprintf(name, sizeof(name), "header-at-%u", at);
		seed_write(&d, name, &s);
	}
	/* a sum that is wrong, once and twice; an entry behind the image; an end beyond 4 GiB */
	seed_begin(&s, RAM_2M | SEED_OWN_KIND, 0x200);
	fields(&s, 0x20, 0x100020, 0x100000, 0, 0, 0x100000);
	s.img[0x20 + 8]++;
	seed_write(&d, "bad-sum", &s);
	memcpy(s.img + 0x80, s.img + 0x20, 32);
	seed_write(&d, "bad-sum-twice", &s);
	seed_begin(&s, RAM_2M, 0x200);
	fields(&s, 0x20, 0x100020, 0x100000, 0, 0, 0x100200);
	seed_write(&d, "entry-behind", &s);
	fields(&s, 0x20, 0xffffff20, 0xffffff00, 0, 0, 0xffffff00);
	seed_write(&d, "beyond-4g", &s);
	seed_begin(&s, RAM_2M | SEED_OWN_KIND, 0x40);
	seed_write(&d, "no-header", &s);
	s.head[0] = RAM_2M;
	s.head[1] = 0x10;
	seed_write(&d, "flat", &s);
	return d.failed;
}
