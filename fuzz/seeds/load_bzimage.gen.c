/* SPDX-License-Identifier: MIT */
/* Seeds of load_bzimage: a setup header of protocol 2.15 with one sector of setup code. */
#include "load_seed.h"

#define SETUP 1024u
#define CODE  0x240u

static void kernel(struct seed *s, unsigned ram, uint64_t pref, uint32_t align)
{
	uint8_t *b = s->img;

	seed_begin(s, ram, SETUP + CODE);
	memset(b + 0x1f1, 0, 0x26c - 0x1f1);
	b[0x1f1] = SETUP / 512 - 1;
	st_le32(b + 0x1f4, CODE / 16);
	st_le16(b + 0x1fe, 0xaa55);
	b[0x200] = 0xeb;
	b[0x201] = 0x6a;
	st_le32(b + 0x202, 0x53726448); /* "HdrS" */
	st_le16(b + 0x206, 0x20f);
	b[0x211] = 1;
	st_le32(b + 0x22c, 0x7fffffff);
	st_le32(b + 0x230, align);
	b[0x234] = 1;
	st_le16(b + 0x236, 3);
	st_le32(b + 0x238, 2047);
	st_le64(b + 0x258, pref);
	st_le32(b + 0x260, 0x8000);
}

int main(int argc, char **argv)
{
	struct seed_dir d = {argc > 1 ? argv[1] : ".", 0};
	struct seed s;

	kernel(&s, RAM_6_REGIONS, 0x1000000, 0x200000);
	seed_write(&d, "preferred", &s);
	s.head[4] = 60;
	seed_cmdline(&s, 50);
	seed_write(&d, "initrd-cmdline", &s);
	seed_cmdline(&s, 2048);
	seed_write(&d, "cmdline-too-long", &s);
	kernel(&s, RAM_2M, 0x1000000, 0x1000);
	seed_write(&d, "moved", &s);
	s.head[4] = 100;
	st_le32(s.img + 0x22c, 0x120000);
	seed_write(&d, "initrd-max", &s);
	s.head[4] = 8; /* 64 bytes, to the last that is allowed, and one more */
	st_le32(s.img + 0x22c, 0x11003f);
	seed_write(&d, "initrd-last-byte", &s);
	st_le32(s.img + 0x22c, 0x11003e);
	seed_write(&d, "initrd-past-last", &s);
	st_le32(s.img + 0x22c, 0x100000);
	seed_write(&d, "initrd-no-room", &s);
	kernel(&s, RAM_2M, 0x110000, 0);
	s.img[0x234] = 0;
	seed_write(&d, "not-relocatable", &s);
	kernel(&s, RAM_3_REGIONS, 0x100000000, 0x1000);
	seed_write(&d, "above-4g", &s);
	st_le32(s.img + 0x260, 0x1000000);
	seed_write(&d, "too-big", &s);
	kernel(&s, RAM_2M, 0, 0x300000);
	seed_write(&d, "bad-alignment", &s);
	kernel(&s, RAM_2M, 0, 0x1000);
	s.img[0x1f1] = 255;
	seed_write(&d, "setup-past-end", &s);
	s.img[0x1f1] = 1;
	st_le32(s.img + 0x1f4, 0xffffffff);
	seed_write(&d, "syssize-past-end", &s);
	kernel(&s, RAM_2M, 0, 0x1000);
	st_le16(s.img + 0x206, 0x20b);
	seed_write(&d, "old", &s);
	kernel(&s, RAM_NO_INFO, 0, 0x1000);
	seed_write(&d, "no-info-area", &s);
	kernel(&s, RAM_2M, 0, 0x1000);
	seed_mods(&s, 1, 1, 1);
	seed_write(&d, "with-module", &s);
	s.img[0x202] = 0;
	seed_write(&d, "flat", &s);
	return d.failed;
}
