/* SPDX-License-Identifier: MIT */
/*
 * load_seed: what the seed generators of the loader targets share: an input that is built up and
 * written to a file, and ELF images. For fuzz/seeds/load_*.gen.c only; header-only.
 */
#ifndef FUZZ_ENGINE_LOAD_SEED_H
#define FUZZ_ENGINE_LOAD_SEED_H

#include <stdio.h>

#include <vmm/base.h>

#define SEED_HEAD 8u /* load_model.h: LM_HEAD */
#define SEED_MAX  8448u

struct seed {
	uint8_t head[SEED_HEAD];
	uint8_t img[SEED_MAX];
	size_t len;
};

struct seed_dir {
	const char *path;
	int failed;
};

/* As load_model.h has them. */
enum { RAM_3_REGIONS, RAM_2M, RAM_6_REGIONS, RAM_NO_INFO };
enum { SEED_OWN_KIND = 4, SEED_NAME = 8, SEED_RSDP = 0x40 };
/* As enum load_boot. */
enum {
	SEED_BOOT_DIRECT = 1,
	SEED_BOOT_GUEST,
	SEED_BOOT_64,
	SEED_BOOT_32,
	SEED_BOOT_16,
	SEED_BOOT_PVH
};

/* An image of (len) bytes that tell places apart, nothing else asked for. */
static inline void seed_begin(struct seed *s, unsigned ram, size_t len)
{
	memset(s, 0, sizeof(*s));
	s->head[0] = (uint8_t)ram;
	s->len = len;
	for (size_t i = 0; i < len; i++)
		s->img[i] = (uint8_t)(1 + i % 251);
}

static inline void seed_cmdline(struct seed *s, size_t len)
{
	st_le16(s->head + 2, (uint16_t)(len < 0x8000 ? len : 0x8000 | len / 2));
}

static inline void seed_boot(struct seed *s, unsigned boot)
{
	s->head[5] = (uint8_t)((s->head[5] & 31) | boot << 5);
}

static inline void seed_mods(struct seed *s, unsigned n, unsigned unit, unsigned text)
{
	s->head[5] = (uint8_t)((s->head[5] & 0xe0) | n);
	s->head[6] = (uint8_t)unit;
	s->head[7] = (uint8_t)text;
}

static inline void seed_write(struct seed_dir *d, const char *name, const struct seed *s)
{
	uint8_t all[SEED_HEAD + SEED_MAX];
	char path[4096];
	struct err err;

	memcpy(all, s->head, SEED_HEAD);
	memcpy(all + SEED_HEAD, s->img, s->len);
	if (snprintf(path, sizeof(path), "%s/%s", d->path, name) >= (int)sizeof(path) ||
	    file_write(path, all, SEED_HEAD + s->len, &err)) {
		fprintf(stderr, "%s/%s: cannot write\n", d->path, name);
		d->failed = 1;
	}
}

/* ---- ELF ------------------------------------------------------------------------------------ */

struct seed_seg {
	uint32_t type;
	uint64_t off, vaddr, paddr, filesz, memsz;
};

static inline void seed_word(uint8_t *p, int is64, uint64_t v)
{
	st_le(p, is64 ? 8 : 4, v);
}

static inline void seed_elf(struct seed *s, int is64, uint64_t entry, const struct seed_seg *seg,
			    unsigned n)
{
	static const uint8_t ident[16] = {0x7f, 'E', 'L', 'F', 1, 1, 1};
	uint8_t *b = s->img;
	unsigned eh = is64 ? 64 : 52, ph = is64 ? 56 : 32;

	memset(b, 0, eh + (size_t)n * ph);
	memcpy(b, ident, sizeof(ident));
	b[4] = is64 ? 2 : 1;
	st_le16(b + 16, 2);
	st_le16(b + 18, is64 ? 62 : 3);
	st_le32(b + 20, 1);
	seed_word(b + 24, is64, entry);
	seed_word(b + (is64 ? 32 : 28), is64, eh);
	st_le16(b + (is64 ? 54 : 42), (uint16_t)ph);
	st_le16(b + (is64 ? 56 : 44), (uint16_t)n);
	for (unsigned i = 0; i < n; i++) {
		uint8_t *p = b + eh + (size_t)i * ph;

		st_le32(p, seg[i].type);
		seed_word(p + (is64 ? 8 : 4), is64, seg[i].off);
		seed_word(p + (is64 ? 16 : 8), is64, seg[i].vaddr);
		seed_word(p + (is64 ? 24 : 12), is64, seg[i].paddr);
		seed_word(p + (is64 ? 32 : 16), is64, seg[i].filesz);
		seed_word(p + (is64 ? 40 : 20), is64, seg[i].memsz);
	}
}

#endif
