/* SPDX-License-Identifier: MIT */
/*
 * load_model_linux: Linux's boot protocols: command line and initrd, the state, the zero page. Part of
 * load_model.h.
 */
#ifndef FUZZ_ENGINE_LOAD_MODEL_LINUX_H
#define FUZZ_ENGINE_LOAD_MODEL_LINUX_H

#include "load_model_check.h"
#include "load_model_kind.h"

LM_QUIET_BEGIN
/* Command line and initrd of a Linux image. */
#define LM_STRINGS (LOAD_INFO_END - LOAD_INFO - 0x4000) /* two pages before, two after */
static inline bool lm_linux(const struct lm_case *c, struct lm_plan *pl, lm_wide cmdline_max,
			    lm_wide initrd_max)
{
	lm_wide limit = initrd_max + 1 < (lm_wide)1 << 32 ? initrd_max + 1 : (lm_wide)1 << 32;

	if (c->req.nr_mods || c->cmdline > cmdline_max || c->cmdline + 1 > LM_STRINGS)
		return false;
	if (c->req.initrd.len && !lm_high(c, pl, c->req.initrd.len, limit, &pl->initrd))
		return false;
	return lm_finish(c, pl);
}

/*
 * All of the zero page: what a loader must write (boot.rst), what the image's header has, and no other
 * byte. Judged elsewhere, so taken as it is: the memory map and where the command line lies.
 */
static inline void lm_check_zero_page(const struct lm_case *c, struct gmem *mem,
				      const struct lm_plan *pl, uint64_t at)
{
	const uint8_t *z = gmem_ro(mem, at, 4096);
	static uint8_t want[4096];
	unsigned i, map;

	FUZZ_ORACLE(z && z[0x1e8] <= 128, "zero-page", "e820_entries or not in RAM");
	memset(want, 0, sizeof(want));
	if (lm.res.kind == LOAD_BZIMAGE) { /* an ELF file may have "HdrS" there, too */
		memcpy(want + 0x1f1, c->img + 0x1f1, 0x202u + c->img[0x201] - 0x1f1);
		st_le32(want + 0x214, (uint32_t)lm.res.image.gpa * (lm.res.image.gpa >> 32 == 0));
	} else {
		st_le16(want + 0x1fe, 0xaa55);
		st_le32(want + 0x202, 0x53726448); /* "HdrS" */
		st_le16(want + 0x206, 0x020c);
		want[0x211] = 1; /* LOADED_HIGH */
	}
	st_le64(want + 0x70, c->req.rsdp);
	st_le16(want + 0x1fa, 0xffff);
	want[0x210] = 0xff;
	want[0x211] &= 0xfd; /* KASLR_FLAG */
	st_le16(want + 0x226, 0);
	st_le32(want + 0x218, (uint32_t)pl->initrd);
	st_le32(want + 0x21c, (uint32_t)c->req.initrd.len);
	st_le64(want + 0x250, 0);
	memcpy(want + 0x228, z + 0x228, 4);
	if (lm_le16(want + 0x206) < 0x0202) {
		st_le16(want + 0x20, 0xa33f);
		memcpy(want + 0x22, z + 0x22, 2);
	}
	map = z[0x1e8];
	want[0x1e8] = (uint8_t)map;
	memcpy(want + 0x2d0, z + 0x2d0, 20u * map);
	if (lm_same(want, z, 4096))
		return;
	for (i = 0; i < 4096 && want[i] == z[i]; i++)
		;
	FUZZ_ORACLE(i == 4096, "zero-page", "0x%x has 0x%02x, not 0x%02x", i, z[i], want[i]);
}

/* The state of the boot protocols and the zero page's parts that all have. */
static inline void lm_check_linux(const struct lm_case *c, struct gmem *mem,
				  const struct lm_plan *pl)
{
	uint64_t z = lm.res.info, gpa;
	struct lm_map m = {0, 0, 0};
	unsigned n = (unsigned)lm_peek(mem, z + 0x1e8, 1);

	FUZZ_ORACLE(lm.cpu.gpr[X86_RSI] == z && lm.cpu.seg[X86_CS].sel == 0x10 &&
			    lm.cpu.seg[X86_DS].sel == 0x18,
		    "state", "RSI or selectors");
	FUZZ_ORACLE(lm_peek(mem, lm.cpu.gdt.base + 0x10, 8) ==
				    (pl->mode == X86_LONG ? 0xaf9b000000ffff : 0xcf9b000000ffff) &&
			    lm_peek(mem, lm.cpu.gdt.base + 0x18, 8) == 0xcf93000000ffff &&
			    !lm_peek(mem, lm.cpu.gdt.base, 8) &&
			    lm.cpu.gdt.limit >= (lm.cpu.seg[X86_TR].sel | 15u),
		    "state", "the GDT");
	for (unsigned i = X86_ES; i <= X86_GS; i++)
		FUZZ_ORACLE(lm.cpu.seg[i].sel == (i == X86_CS ? 0x10 : 0x18), "state", "segment %u",
			    i);
	for (unsigned i = 0; i < lm.res.nr_ranges; i++) {
		const struct load_range *r = &lm.res.range[i];

		/* pages are of 2 MiB, and a range's end lies mostly in that of the one before */
		if (i && (r->gpa + r->len - 1) >> 21 == gpa >> 21)
			continue;
		FUZZ_ORACLE(!x86_translate(mem, &lm.cpu, r->gpa + r->len - 1, &gpa) &&
				    gpa == r->gpa + r->len - 1,
			    "identity-map", "0x%llx", (unsigned long long)r->gpa);
	}
	FUZZ_ORACLE(!lm_peek(mem, z + 0x1ef, 1) && lm_peek(mem, z + 0x210, 1) == 0xff, "zero-page",
		    "sentinel or type_of_loader");
	FUZZ_ORACLE(lm_peek(mem, z + 0x70, 8) == c->req.rsdp, "zero-page", "acpi_rsdp_addr");
	lm_check_cmdline(c, mem, lm_peek(mem, z + 0x228, 4));
	FUZZ_ORACLE(lm_peek(mem, z + 0x218, 4) == pl->initrd &&
			    lm_peek(mem, z + 0x21c, 4) == c->req.initrd.len,
		    "zero-page", "ramdisk_image or ramdisk_size");
	lm_check_zero_page(c, mem, pl, z);
	for (uint64_t i = 0; i < n; i++)
		lm_map_entry(c, &m, lm_peek(mem, z + 0x2d0 + 20 * i, 8),
			     lm_peek(mem, z + 0x2d8 + 20 * i, 8),
			     (uint32_t)lm_peek(mem, z + 0x2e0 + 20 * i, 4));
	lm_map_end(c, &m);
}
LM_QUIET_END

#endif
