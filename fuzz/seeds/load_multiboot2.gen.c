/* SPDX-License-Identifier: MIT */
/* Seeds of load_multiboot2: ELF32, ELF64 and address tag; requests, modules; ways to be refused. */
#include "load_seed.h"

#define MAGIC	 0xe85250d6u
#define OPTIONAL 1u

/* A header that is built tag by tag. */
struct header {
	struct seed *s;
	size_t off, at;
};

static void begin(struct header *h, struct seed *s, size_t off)
{
	*h = (struct header){s, off, off + 16};
}

static void tag(struct header *h, unsigned type, unsigned flags, const uint32_t *words, unsigned n)
{
	uint8_t *t = h->s->img + h->at;

	st_le16(t, (uint16_t)type);
	st_le16(t + 2, (uint16_t)flags);
	st_le32(t + 4, 8 + 4 * n);
	for (unsigned i = 0; i < n; i++)
		st_le32(t + 8 + 4 * (size_t)i, words[i]);
	h->at += (8 + 4 * (size_t)n + 7) & ~(size_t)7;
}

static void finish(struct header *h)
{
	uint32_t len;

	tag(h, 0, 0, NULL, 0);
	len = (uint32_t)(h->at - h->off);
	st_le32(h->s->img + h->off, MAGIC);
	st_le32(h->s->img + h->off + 4, 0);
	st_le32(h->s->img + h->off + 8, len);
	st_le32(h->s->img + h->off + 12, -(MAGIC + len));
}

static void elf(struct seed *s, struct header *h, int is64, unsigned ram)
{
	static const struct seed_seg segs[] = {
		{1, 0x180, 0x100000, 0x100000, 0x60, 0x3000},
		{1, 0x1e0, 0x104000, 0x104000, 0x10, 0x10},
	};

	seed_begin(s, ram, 0x200);
	seed_elf(s, is64, 0x100020, segs, 2);
	begin(h, s, 0x100);
}

static void by_elf(struct seed_dir *d)
{
	static const uint32_t known[] = {1, 2, 3, 4, 6}, all[] = {6, 15, 21}, vbe[] = {4, 7};
	static const uint32_t entry[] = {0x104008}, out[] = {0x200000}, console[] = {1};
	static const uint32_t place[] = {0x100000, 0x1000000, 0x1000, 1};
	struct header h;
	struct seed s;

	elf(&s, &h, 0, RAM_3_REGIONS);
	finish(&h);
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
	seed_cmdline(&s, 53000);
	seed_write(d, "strings-too-long", &s);
	seed_mods(&s, 0, 0, 0);
	seed_cmdline(&s, 60000);
	seed_write(d, "cmdline-too-long", &s);
	elf(&s, &h, 0, RAM_6_REGIONS); /* RAM's last page ends at 4 GiB */
	finish(&h);
	seed_mods(&s, 1, 255, 5);
	seed_write(d, "module-at-the-top", &s);
	seed_mods(&s, 2, 0, 5);
	seed_write(d, "empty-modules-at-the-top", &s);
	seed_mods(&s, 0, 0, 0);
	s.head[4] = 3;
	seed_write(d, "with-initrd", &s);
	s.head[4] = 0;
	s.head[0] |= SEED_RSDP; /* where there is no memory */
	seed_write(d, "no-rsdp", &s);
	elf(&s, &h, 1, RAM_2M | SEED_RSDP);
	tag(&h, 1, 0, known, 5);
	tag(&h, 6, 0, NULL, 0);
	tag(&h, 1, 0, all, 3);
	tag(&h, 10, 0, place, 4);
	tag(&h, 3, 0, entry, 1);
	finish(&h);
	seed_write(d, "elf64-all", &s);
	s.head[0] = RAM_NO_INFO | SEED_RSDP;
	seed_write(d, "no-rsdp", &s);
	elf(&s, &h, 1, RAM_2M);
	tag(&h, 1, OPTIONAL, vbe, 2);
	tag(&h, 4, OPTIONAL, console, 1);
	tag(&h, 5, OPTIONAL, place, 3);
	tag(&h, 77, OPTIONAL, NULL, 0);
	finish(&h);
	seed_write(d, "optional", &s);
	for (unsigned i = 0; i < 6; i++) {
		static const char *const names[] = {"wants-vbe", "wants-console", "wants-screen",
						    "wants-efi", "wants-unknown", "entry-outside"};

		elf(&s, &h, 1, RAM_2M);
		tag(&h, (const unsigned[]){1, 4, 5, 7, 77, 3}[i], 0,
		    (const uint32_t *[]){vbe, console, place, NULL, NULL, out}[i],
		    (const unsigned[]){2, 1, 3, 0, 0, 1}[i]);
		finish(&h);
		seed_write(d, names[i], &s);
	}
	elf(&s, &h, 1, RAM_2M);
	finish(&h);
	st_le32(s.img + 0x108, 16); /* no tag ends it */
	st_le32(s.img + 0x10c, -(MAGIC + 16));
	seed_write(d, "no-end", &s);
	st_le32(s.img + 0x108, 0x10000);
	st_le32(s.img + 0x10c, -(MAGIC + 0x10000));
	seed_write(d, "header-past-end", &s);
	st_le32(s.img + 0x104, 4);
	st_le32(s.img + 0x10c, -(MAGIC + 0x10000 + 4));
	seed_write(d, "mips", &s);
}

/* Each type of tag in sizes round those it has; information that fills its area to the last bytes. */
static void sizes(struct seed_dir *d)
{
	static const uint32_t words[8] = {0x100100, 0x100000, 0x100200, 0, 0x100000, 0, 0, 0};
	static const uint32_t place[] = {0x100000, 0x1000000, 0x1000, 1};
	static const unsigned size[] = {8, 11, 12, 15, 16, 19, 20, 23, 24, 25};
	struct header h;
	struct seed s;
	char name[32];

	for (unsigned type = 1; type <= 10; type++) {
		for (unsigned i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
			size_t at;

			elf(&s, &h, 1, RAM_2M);
			at = h.at;
			tag(&h, type, 0, words, (size[i] - 8 + 3) / 4);
			st_le32(s.img + at + 4, size[i]);
			finish(&h);
			(void)snprintf(name, sizeof(name), "tag-%u-size-%u", type, size[i]);
			seed_write(d, name, &s);
		}
	}
	for (unsigned left = 0; left < 400; left += 8) {
		elf(&s, &h, 1, RAM_2M | SEED_RSDP);
		tag(&h, 10, 0, place, 4);
		finish(&h);
		seed_mods(&s, 2, 1, 5);
		seed_cmdline(&s, 57344 - left);
		(void)snprintf(name, sizeof(name), "area-less-%u", left);
		seed_write(d, name, &s);
	}
}

static void by_fields(struct seed *s, uint32_t head, uint32_t load, uint32_t load_end,
		      uint32_t bss_end, uint32_t entry)
{
	const uint32_t address[] = {head, load, load_end, bss_end}, start[] = {entry};
	struct header h;

	seed_begin(s, RAM_2M, 0x100);
	begin(&h, s, 0x20);
	tag(&h, 2, 0, address, 4);
	if (entry)
		tag(&h, 3, 0, start, 1);
	finish(&h);
}

int main(int argc, char **argv)
{
	struct seed_dir d = {argc > 1 ? argv[1] : ".", 0};
	struct seed s;

	by_elf(&d);
	sizes(&d);
	by_fields(&s, 0x100020, 0x100000, 0x100100, 0x100800, 0x100040);
	seed_write(&d, "fields", &s);
	seed_mods(&s, 3, 200, 9);
	seed_cmdline(&s, 7);
	seed_write(&d, "fields-modules", &s);
	by_fields(&s, 0x100010, 0x100000, 0, 0, 0x100000);
	seed_write(&d, "fields-to-end", &s);
	by_fields(&s, 0x100020, 0xffffffff, 0, 0, 0x100000);
	seed_write(&d, "file-start", &s);
	by_fields(&s, 0x10, 0xffffffff, 0, 0, 0x100000);
	seed_write(&d, "file-start-low", &s);
	by_fields(&s, 0x100020, 0x100000, 0xfffff, 0, 0x100000);
	seed_write(&d, "load-end-low", &s);
	by_fields(&s, 0x100020, 0x100000, 0x100100, 0x100080, 0x100000);
	seed_write(&d, "bss-end-low", &s);
	by_fields(&s, 0x100020, 0x100000, 0x100100, 0x400000, 0x100000);
	seed_write(&d, "bss-too-big", &s);
	by_fields(&s, 0x100020, 0x100000, 0, 0, 0);
	seed_write(&d, "no-entry-tag", &s);
	by_fields(&s, 0xe0020, 0xe0000, 0, 0, 0xe0000);
	seed_write(&d, "at-tables", &s);
	s.head[0] |= SEED_RSDP;
	seed_write(&d, "over-tables", &s);
	by_fields(&s, 0x100020, 0x100000, 0, 0, 0x100000);
	s.head[0] = RAM_NO_INFO;
	seed_write(&d, "no-info-area", &s);
	/* a sum that is wrong, once and twice */
	seed_begin(&s, RAM_2M | SEED_OWN_KIND, 0x200);
	st_le32(s.img + 0x20, 0xe85250d6);
	seed_write(&d, "bad-sum", &s);
	st_le32(s.img + 0x80, 0xe85250d6);
	seed_write(&d, "bad-sum-twice", &s);
	seed_begin(&s, RAM_2M | SEED_OWN_KIND, 0x40);
	seed_write(&d, "no-header", &s);
	s.head[0] = RAM_2M;
	s.head[1] = 0x10;
	seed_write(&d, "flat", &s);
	return d.failed;
}
