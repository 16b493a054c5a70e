/* SPDX-License-Identifier: MIT */
/* Seeds of load_flat: every mode at every place that matters, and a byte beside; ROMs of every size. */
#include <stdio.h>

#include <vmm/base.h>

enum { REAL, PROT, LONG, NO_MODE };
enum { ROM = 0x100, AUTO = 8, CMDLINE = 0x10, INITRD = 0x20, MODULE = 0x40, RSDP = 0x80 };
enum { SMALL_2M, HOLES, NO_INFO, LOW_ROM, TINY, RAMS };

struct out {
	const char *dir;
	unsigned n;
	int failed;
};

/* Base and length count in bytes or, where they are too large for that, in pages and 64 KiB. */
static void put(struct out *o, unsigned ram, unsigned how, unsigned boot, uint64_t base,
		uint64_t len)
{
	uint64_t pages = (base + 128) >> 12, blocks = (len + 32768) >> 16;
	char path[4096];
	uint8_t h[12] = {(uint8_t)(ram | (how & ROM ? 0xe0 : 0)), (uint8_t)how, (uint8_t)boot};
	FILE *f;

	if (base > UINT32_MAX) {
		h[2] |= 2 << 4;
		st_le32(h + 4, (uint32_t)pages);
		h[8] = (uint8_t)(base - (pages << 12));
	} else {
		st_le32(h + 4, (uint32_t)base);
	}
	if (len > UINT16_MAX && (int64_t)(len - (blocks << 16)) != (int8_t)(len - (blocks << 16))) {
		h[3] = 2;
		st_le16(h + 10, (uint16_t)((len + 128) >> 12));
		h[9] = (uint8_t)(len - ((len + 128) >> 12 << 12));
	} else if (len > UINT16_MAX) {
		h[3] = 3;
		st_le16(h + 10, (uint16_t)blocks);
		h[9] = (uint8_t)(len - (blocks << 16));
	} else {
		st_le16(h + 10, (uint16_t)len);
	}
	(void)snprintf(path, sizeof(path), "%s/%03u", o->dir, o->n++);
	f = fopen(path, "wb");
	if (!f || fwrite(h, sizeof(h), 1, f) != 1)
		o->failed = 1;
	if (f && fclose(f))
		o->failed = 1;
}

static void flat(struct out *o)
{
	static const uint64_t at[] = {0x500,	  0x668,       0x1000,	    0x2000,	0x3000,
				      0x7000,	  0x7c00,      0x10000,	    0x43000,	0x44000,
				      0x45000,	  0x8ff00,     0x90000,	    0x9f000,	0x9fc00,
				      0xa0000,	  0xdff00,     0xe0000,	    0xff000,	0x100000,
				      0x101000,	  0x110000,    0x120000,    0x13ff00,	0x140000,
				      0xfffff000, 0x100000000, 0x100001000, 0x10001ff00};

	for (unsigned mode = REAL; mode <= LONG; mode++)
		for (unsigned i = 0; i < ARRAY_SIZE(at); i++)
			for (int by = -1; by <= 1; by++) {
				put(o, HOLES, mode, 0, at[i] + (uint64_t)by, 0x100);
				if (!by)
					put(o, SMALL_2M, mode | (i & 1 ? AUTO : 0), 0, at[i],
					    0x100);
			}
	/* to the last byte and a byte beyond: a region's end, another one's start, the info area */
	for (unsigned by = 0; by <= 1; by++) {
		put(o, SMALL_2M, PROT, 0, 0x1f0000, 0x10000 + by);
		put(o, LOW_ROM, PROT, 0, 0x110000, 0x30000 + by);
		put(o, LOW_ROM, LONG, 0, 0xf0000, 0x100 + by);
		put(o, HOLES, LONG, 0, 0x80000, 0x10000 + by);
		put(o, SMALL_2M, REAL, 0, 0x700, 0x100 + by);
		put(o, SMALL_2M, PROT | RSDP, 0, 0xd0000, 0x10000 + by);
		put(o, SMALL_2M, PROT | RSDP, 0, 0x100000 - by, 0x100);
		put(o, NO_INFO, PROT, 0, 0x10000 + by, 0x100);
		put(o, NO_INFO, LONG, 0, 0x100000, 0x100 + by);
		put(o, TINY, PROT, 0, 0x1000, 0x2000 + by);
		put(o, TINY, LONG, 0, 0x100000, 0x1000);
		put(o, TINY, REAL, 0, 0x668 - by, 0x10);
	}
	put(o, SMALL_2M, NO_MODE, 0, 0x10000, 0x100);
	put(o, SMALL_2M, PROT, 0, 0x10000, 0);
	put(o, SMALL_2M, PROT | CMDLINE, 0, 0x10000, 0x100);
	put(o, SMALL_2M, PROT | INITRD, 0, 0x10000, 0x100);
	put(o, SMALL_2M, PROT | MODULE, 0, 0x10000, 0x100);
	for (unsigned boot = 1; boot < 8; boot++)
		put(o, SMALL_2M, PROT, boot, 0x10000, 0x100);
	for (unsigned by = 0; by < 20; by++) /* the stack is on 16 bytes */
		put(o, SMALL_2M, by % 3, 0, 0xff00 + 0xf8 + by, 0x40);
	put(o, HOLES, LONG, 0, 0x1000000000, 0x100);
	put(o, HOLES, LONG, 0, 0xfffffff000, 0x1000);
}

static void rom(struct out *o)
{
	static const uint64_t len[] = {0x1000,	 0x2000,   0x8000,   0x9000,   0x10000,
				       0x1f000,	 0x20000,  0x21000,  0x40000,  0x100000,
				       0x1ff000, 0x200000, 0x7ff000, 0x800000, 0x801000};

	for (unsigned i = 0; i < ARRAY_SIZE(len); i++)
		for (unsigned r = 0; r < RAMS; r++)
			put(o, r, ROM, 0, 0, len[i]);
	for (unsigned i = 0; i < 7; i++) {
		put(o, HOLES, ROM, 0, 0, len[i] - 1);
		put(o, HOLES, ROM, 0, 0, len[i] + 1);
	}
	put(o, HOLES, ROM, 0, 0, 0);
	put(o, HOLES, ROM | CMDLINE, 0, 0, 0x1000);
	put(o, HOLES, ROM | INITRD, 0, 0, 0x1000);
	put(o, HOLES, ROM | MODULE, 0, 0, 0x1000);
	put(o, HOLES, ROM, 1, 0, 0x1000);
	put(o, HOLES, ROM, 7, 0, 0x1000);
}

int main(int argc, char **argv)
{
	struct out o = {argc > 1 ? argv[1] : ".", 0, 0};

	flat(&o);
	rom(&o);
	return o.failed;
}
