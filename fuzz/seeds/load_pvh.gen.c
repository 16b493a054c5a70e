/* SPDX-License-Identifier: MIT */
/* Seeds of load_pvh: ELF32 and ELF64 with the note in several forms, and ways to be refused. */
#include "load_seed.h"

enum { LOAD = 1, NOTE = 4 };
#define AT 0x200u /* of the notes */

/* A note at (at); the offset after it. */
static size_t note(struct seed *s, size_t at, const char *name, uint32_t type, uint64_t desc,
		   unsigned size)
{
	uint32_t n = (uint32_t)strlen(name) + 1;

	st_le32(s->img + at, n);
	st_le32(s->img + at + 4, size);
	st_le32(s->img + at + 8, type);
	memset(s->img + at + 12, 0, (n + 3) / 4 * 4);
	memcpy(s->img + at + 12, name, n);
	at += 12 + (n + 3) / 4 * 4;
	st_le(s->img + at, size, desc);
	return at + (size + 3) / 4 * 4;
}

static void good(struct seed *s, int is64, unsigned ram, uint64_t entry)
{
	struct seed_seg seg[] = {
		{LOAD, 0x100, 0xc0000000, 0x100000, 0x40, 0x40},
		{NOTE, AT, 0, 0, 0, 0},
		{LOAD, 0x140, 0xc0002000, 0x102000, 0x30, 0x1234},
	};
	size_t end;

	seed_begin(s, ram, 0x300);
	end = note(s, AT, "Linux", 1, 7, 2);
	end = note(s, end, "Xen", 6, 1, 8);
	end = note(s, end, "Xen", 18, entry, is64 ? 8 : 4);
	seg[1].filesz = end - AT;
	seed_elf(s, is64, 0x100000, seg, 3);
}

int main(int argc, char **argv)
{
	struct seed_dir d = {argc > 1 ? argv[1] : ".", 0};
	struct seed s;

	good(&s, 0, RAM_2M, 0x100010);
	seed_write(&d, "elf32", &s);
	good(&s, 1, RAM_2M, 0x102004);
	seed_write(&d, "elf64", &s);
	s.head[4] = 40;
	s.head[0] |= SEED_RSDP;
	seed_cmdline(&s, 33);
	seed_write(&d, "all", &s);
	s.head[4] = 255;
	seed_cmdline(&s, 60000);
	seed_write(&d, "cmdline-too-long", &s);
	seed_cmdline(&s, 0);
	seed_mods(&s, 1, 1, 1);
	seed_write(&d, "with-module", &s);
	good(&s, 1, RAM_2M, 0x100000);
	seed_boot(&s, SEED_BOOT_64);
	seed_write(&d, "as-elf", &s);
	seed_boot(&s, SEED_BOOT_PVH);
	seed_write(&d, "asked-for", &s);
	s.img[AT] = 9;
	seed_write(&d, "no-note", &s);
	good(&s, 1, RAM_2M, 0x1000);
	seed_write(&d, "entry-outside", &s);
	good(&s, 1, RAM_NO_INFO, 0x100000);
	seed_write(&d, "no-info-area", &s);
	good(&s, 1, RAM_2M, 0x100000);
	st_le32(s.img + 64 + 56 + 32, 0x7fffffff); /* the notes' size */
	seed_write(&d, "notes-past-end", &s);
	st_le32(s.img + 64 + 56 + 32, 0x60);
	st_le32(s.img + AT + 4, 0xffffffff);
	seed_write(&d, "note-too-long", &s);
	for (unsigned cut = 1; cut <= 21; cut += 4) {
		char name[32];

		good(&s, 1, RAM_2M, 0x100000);
		st_le64(s.img + 64 + 56 + 32, ld_le64(s.img + 64 + 56 + 32) - cut);
		(void)snprintf(name, sizeof(name), "notes-%u-less", cut);
		seed_write(&d, name, &s);
	}
	return d.failed;
}
