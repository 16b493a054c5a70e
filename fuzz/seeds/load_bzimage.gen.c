/* SPDX-License-Identifier: MIT */
/* Seeds of load_bzimage: a setup header of protocol 2.15 with one sector of setup code. */
#include "../../vmm/unpack/test_pack.h"
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

/* A vmlinux with PVH's note, to be packed: its bytes at (b), their number. */
static size_t vmlinux(uint8_t *b, int is64)
{
	static const struct seed_seg seg[] = {
		{1, 0x100, 0xc0100000, 0x100000, 0x80, 0x100},
		{4, 0x180, 0, 0, 0x18, 0x18},
	};
	struct seed s;

	seed_begin(&s, 0, 0x1a0);
	seed_elf(&s, is64, 0x100010, seg, 2);
	st_le32(s.img + 0x180, 4);
	st_le32(s.img + 0x184, 8);
	st_le32(s.img + 0x188, 18);
	memcpy(s.img + 0x18c, "Xen", 4);
	st_le64(s.img + 0x190, 0x100020);
	memcpy(b, s.img, s.len);
	return s.len;
}

/* (len) bytes as the payload of the kernel in (s). */
static void payload(struct seed *s, const uint8_t *p, size_t len)
{
	size_t at = CODE + 0x10, end = (at + len + 15) & ~(size_t)15;

	memset(s->img + SETUP + CODE, 0, end - CODE);
	memcpy(s->img + SETUP + at, p, len);
	s->len = SETUP + end;
	st_le32(s->img + 0x1f4, (uint32_t)(end / 16));
	st_le32(s->img + 0x248, (uint32_t)at);
	st_le32(s->img + 0x24c, (uint32_t)len);
}

static void direct(struct seed_dir *d)
{
	uint8_t inner[4096], packed[4096];
	size_t len = vmlinux(inner, 1);
	struct seed s;

	kernel(&s, RAM_2M, 0x100000, 0x1000);
	payload(&s, inner, len);
	seed_write(d, "direct", &s);
	s.head[4] = 60;
	s.head[0] |= SEED_RSDP;
	seed_cmdline(&s, 50);
	seed_write(d, "direct-initrd", &s);
	seed_boot(&s, SEED_BOOT_PVH);
	seed_write(d, "inner-pvh", &s);
	seed_boot(&s, SEED_BOOT_GUEST);
	seed_write(d, "unpacks-itself", &s);
	seed_boot(&s, 7);
	seed_write(d, "no-such-way", &s);
	seed_boot(&s, SEED_BOOT_DIRECT);
	st_le32(s.img + 0x24c, 0x10000);
	seed_write(d, "payload-past-end", &s);
	st_le32(s.img + 0x248, 0);
	st_le32(s.img + 0x24c, (uint32_t)(s.len - SETUP));
	seed_write(d, "payload-is-all", &s);
	st_le32(s.img + 0x24c, (uint32_t)(s.len - SETUP + 1));
	seed_write(d, "payload-is-more", &s);
	for (enum unpack_format f = UNPACK_GZIP; f <= UNPACK_ZSTD; f++) {
		size_t n = pack(f, inner, len, packed, sizeof(packed) - 4);
		char name[32];

		if (!n)
			continue;
		kernel(&s, RAM_2M, 0x100000, 0x1000);
		st_le32(packed + n, (uint32_t)len);
		payload(&s, packed, n + (f == UNPACK_GZIP ? 0 : 4));
		(void)snprintf(name, sizeof(name), "direct-%s", unpack_name(f));
		seed_write(d, name, &s);
		if (f != UNPACK_ZSTD)
			continue;
		st_le32(s.img + SETUP + CODE + 0x10 + n, (uint32_t)len + 1);
		seed_write(d, "wrong-length", &s);
		st_le32(s.img + SETUP + CODE + 0x10 + n, 0x7fffffff);
		seed_write(d, "length-over-ram", &s);
		s.img[SETUP + CODE + 0x10 + n / 2] ^= 1;
		seed_write(d, "damaged-payload", &s);
	}
	kernel(&s, RAM_2M, 0x100000, 0x1000);
	payload(&s, inner, vmlinux(inner, 0));
	seed_write(d, "direct-32", &s);
	payload(&s, (const uint8_t *)"\x89LZO\0\r\n\x1a\n....", 13);
	seed_write(d, "payload-lzo", &s);
	payload(&s, (const uint8_t *)"nothing that is known", 21);
	seed_write(d, "payload-unknown", &s);
}

static void ways(struct seed_dir *d)
{
	static const unsigned versions[] = {0x200, 0x201, 0x202, 0x203, 0x204, 0x205,
					    0x206, 0x207, 0x208, 0x209, 0x20a, 0x20b};
	struct seed s;
	char name[32];

	for (unsigned i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		kernel(&s, RAM_2M, 0x100000, 0x1000);
		st_le16(s.img + 0x206, (uint16_t)versions[i]);
		seed_cmdline(&s, 20);
		s.head[4] = 20;
		seed_boot(&s, i & 1 ? SEED_BOOT_16 : SEED_BOOT_32);
		(void)snprintf(name, sizeof(name), "protocol-%x", versions[i]);
		seed_write(d, name, &s);
	}
	kernel(&s, RAM_2M, 0x100000, 0x1000);
	seed_boot(&s, SEED_BOOT_16);
	seed_write(d, "by-16", &s);
	st_le32(s.img + 0x238, 0xffff);
	seed_cmdline(&s, 4095);
	seed_write(d, "by-16-cmdline", &s);
	seed_cmdline(&s, 4096);
	seed_write(d, "by-16-cmdline-too-long", &s);
	kernel(&s, RAM_NO_INFO, 0x100000, 0x1000);
	seed_boot(&s, SEED_BOOT_16);
	seed_write(d, "by-16-no-info-area", &s);
	kernel(&s, RAM_2M, 0x100000000, 0x1000);
	s.img[0x234] = 0;
	seed_boot(&s, SEED_BOOT_32);
	seed_write(d, "by-32-too-high", &s);
	kernel(&s, RAM_2M, 0x100000, 0x1000);
	seed_boot(&s, SEED_BOOT_DIRECT);
	seed_write(d, "no-payload", &s);
	st_le16(s.img + 0x236, 0);
	seed_boot(&s, SEED_BOOT_64);
	seed_write(d, "no-64-bit-entry", &s);
}

/* Headers as short and as long as they may be, and one byte beyond; files that end within one. */
static void edges(struct seed_dir *d)
{
	static const struct {
		unsigned version, end; /* boot.rst: behind the last field that it has */
	} ends[] = {{0x200, 0x224}, {0x201, 0x226}, {0x202, 0x22c}, {0x203, 0x230},
		    {0x205, 0x235}, {0x206, 0x23c}, {0x207, 0x248}, {0x208, 0x250},
		    {0x209, 0x258}, {0x20a, 0x264}, {0x20f, 0x290}};
	static const unsigned cuts[] = {0x1f0, 0x1f1, 0x1ff, 0x200, 0x201, 0x202,
					0x205, 0x206, 0x208, 0x20f, 0x210, 0x22c,
					0x263, 0x264, 0x268, 0x400, 0x401};
	struct seed s;
	char name[32];

	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		for (unsigned more = 0; more < 3; more++) {
			kernel(&s, RAM_2M, 0x100000, 0x1000);
			st_le16(s.img + 0x206, (uint16_t)ends[i].version);
			s.img[0x201] = (uint8_t)(ends[i].end + more - 1 - 0x202);
			seed_boot(&s, i & 1 ? SEED_BOOT_32 : SEED_BOOT_16);
			(void)snprintf(name, sizeof(name), "header-%x-%x", ends[i].version,
				       ends[i].end + more - 1);
			seed_write(d, name, &s);
		}
	}
	/* something stands where the loader writes */
	for (unsigned way = SEED_BOOT_64; way <= SEED_BOOT_16; way++) {
		kernel(&s, RAM_2M, 0x100000, 0x1000);
		memset(s.img + 0x1fa, 0x5a, 2);
		memset(s.img + 0x210, 0x5b, 1);
		memset(s.img + 0x214, 0x5c, 12);
		memset(s.img + 0x224, 0x5d, 8);
		memset(s.img + 0x250, 0x5e, 8);
		s.img[0x211] = 3;
		seed_boot(&s, way);
		(void)snprintf(name, sizeof(name), "overwritten-%u", way);
		seed_write(d, name, &s);
	}
	/* each byte of the header one more and one less */
	for (unsigned at = 0x1f1; at < 0x268; at++) {
		for (unsigned less = 0; less < 2; less++) {
			kernel(&s, RAM_2M | SEED_OWN_KIND, 0x100000, 0x1000);
			s.img[at] = (uint8_t)(s.img[at] + (less ? -1 : 1));
			(void)snprintf(name, sizeof(name), "byte-%x-%s", at,
				       less ? "less" : "more");
			seed_write(d, name, &s);
		}
	}
	/* what each protocol says of the command line's length, and of the kernel's */
	for (unsigned version = 0x203; version < 0x209; version++) {
		for (unsigned len = 254; len < 258; len++) {
			kernel(&s, RAM_2M, 0x100000, 0x1000);
			st_le16(s.img + 0x206, (uint16_t)version);
			seed_cmdline(&s, len);
			seed_boot(&s, len & 1 ? SEED_BOOT_32 : SEED_BOOT_16);
			s.img[0x1f6] = len == 254;
			(void)snprintf(name, sizeof(name), "cmdline-%x-%u", version, len);
			seed_write(d, name, &s);
		}
	}
	for (unsigned i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		kernel(&s, RAM_2M | SEED_OWN_KIND, 0x100000, 0x1000);
		s.len = cuts[i];
		(void)snprintf(name, sizeof(name), "cut-%x", cuts[i]);
		seed_write(d, name, &s);
	}
	for (unsigned flags = 0; flags < 4; flags++) {
		kernel(&s, RAM_3_REGIONS, 0x100000000, 0x1000);
		st_le16(s.img + 0x236, (uint16_t)flags);
		(void)snprintf(name, sizeof(name), "high-xloadflags-%u", flags);
		seed_write(d, name, &s);
	}
}

/* Every version, where each field that came with one would make a difference. */
static void versions(struct seed_dir *d)
{
	static const char *const what[] = {"pref",    "move",	 "cmdline", "initrd",
					   "syssize", "payload", "plain"};
	static const unsigned boots[] = {0, SEED_BOOT_32, SEED_BOOT_16, SEED_BOOT_64};
	uint8_t inner[4096];
	size_t len = vmlinux(inner, 1);
	char name[48];
	struct seed s;

	for (unsigned v = 0x200; v < 0x210; v++)
		for (unsigned i = 0; i < 7; i++)
			for (unsigned b = 0; b < 4; b++) {
				if (b == 3 && v < 0x20b)
					continue;
				kernel(&s, i ? RAM_2M : RAM_6_REGIONS,
				       i == 0	? 0x1000000
				       : i == 1 ? 0x40000000
						: 0x100000,
				       0x1000);
				st_le16(s.img + 0x206, (uint16_t)v);
				seed_boot(&s, boots[b]);
				if (i == 2) {
					st_le32(s.img + 0x238, 100);
					seed_cmdline(&s, 150 + v % 2 * 105);
				}
				if (i == 3) {
					st_le32(s.img + 0x22c, 0x13ffff);
					s.head[4] = 20;
				}
				if (i == 4) {
					memset(s.img + s.len, 0x55, 0x200);
					s.len += 0x200;
				}
				if (i == 5)
					payload(&s, inner, len);
				(void)snprintf(name, sizeof(name), "v%x-%s-%u", v, what[i],
					       boots[b]);
				seed_write(d, name, &s);
			}
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
	direct(&d);
	versions(&d);
	ways(&d);
	edges(&d);
	return d.failed;
}
