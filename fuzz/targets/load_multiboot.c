/* SPDX-License-Identifier: MIT */
/*
 * load_multiboot: a multiboot 1 image (ELF32, ELF64 or address fields), its command line, modules
 * and one of four small memories, made from the input, through load_image(). A slow model says
 * which images must be accepted and what then lies where; the information structure is read as a
 * kernel would. The input's format: fuzz/engine/load_model.h.
 * @format 2
 * @modules load
 */
#include "load_model.h"

DEPTH_COUNTERS(LM_COUNTERS, segment_placed, fields_placed, bss_zeroed, module_placed);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

LM_QUIET_BEGIN
static bool by_fields(const struct lm_case *c, struct lm_plan *pl, size_t off)
{
	lm_wide header, load, load_end, bss_end, start;

	if (off + 32 > c->len || off + 32 > 8192)
		return false;
	header = lm_le32(c->img + off + 12);
	load = lm_le32(c->img + off + 16);
	load_end = lm_le32(c->img + off + 20);
	bss_end = lm_le32(c->img + off + 24);
	pl->entry = lm_le32(c->img + off + 28);
	pl->header = true;
	if (load > header || off + load < header)
		return false;
	start = off + load - header;
	if (!load_end)
		load_end = load + (c->len - start);
	if (!bss_end)
		bss_end = load_end;
	if (load_end < load || start + (load_end - load) > c->len || bss_end < load_end ||
	    bss_end == load || bss_end > (lm_wide)1 << 32)
		return false;
	return lm_image(c, pl, load, bss_end - load, c->img + (size_t)start,
			(uint64_t)(load_end - load), false);
}

/* Modules in order, each with its string; the strings share their room with the command line. */
static bool modules(const struct lm_case *c, struct lm_plan *pl)
{
	size_t strings = c->cmdline + 1;

	if (c->req.image.cmdline)
		strings = strlen(LM_NAME) + 1 + (c->cmdline ? c->cmdline + 1 : 0);
	if (c->req.nr_mods > LOAD_MODULES || c->req.initrd.len)
		return false;
	for (unsigned i = 0; i < c->req.nr_mods; i++) {
		if (!lm_high(c, pl, c->req.mods[i].len, ((lm_wide)1 << 32) - 1, &pl->mod[i]))
			return false;
		strings += strlen(c->req.mods[i].cmdline) + 1;
	}
	return strings <= LM_STRINGS;
}

/* The first header that is right, or that is none but for its sum, or (len). */
static size_t find(const uint8_t *b, size_t len)
{
	size_t bad = len;

	for (size_t i = 0; i + 12 <= len && i + 12 <= 8192; i += 4) {
		if (lm_le32(b + i) != 0x1badb002)
			continue;
		if (!(0x1badb002 + lm_le32(b + i + 4) + lm_le32(b + i + 8)))
			return i;
		if (bad == len)
			bad = i;
	}
	return bad;
}

static void mend(struct lm_mend *m)
{
	size_t off = find(m->b, m->len), table;
	bool none = off == m->len;
	uint32_t flags = none ? 0 : lm_le32(m->b + off + 4);
	struct lm_elf e;

	m->least = lm_boot_end(X86_PROT, 0);
	if (!(flags & 0x10000)) {
		if (!lm_mend_elf(m, (uint64_t)1 << 32, &e))
			return;
		lm_mend_entry(m, &e);
		table = (size_t)e.phoff + (size_t)e.phnum * e.phsize;
		if (none || off < table) /* under the headers' bytes it was overwritten */
			off = (table + 3) & ~(size_t)3;
	}
	if (lm_mends(m, LM_MEND_SIZE))
		lm_grow(m, off + 32);
	if (off + 32 > m->len)
		return;
	if (lm_mends(m, LM_MEND_MAGIC))
		st_le32(m->b + off, 0x1badb002);
	if (lm_mends(m, LM_MEND_TYPE))
		flags &= ~0xfff8u;
	st_le32(m->b + off + 4, flags);
	if (lm_mends(m, LM_MEND_CHECKSUM))
		st_le32(m->b + off + 8, -(0x1badb002 + flags));
	if (flags & 0x10000) {
		lm_mend_fields(m, m->b + off + 12, off);
		lm_mend_entry32(m, m->b + off + 28);
	}
}

static void model(const struct lm_case *c, struct lm_plan *pl)
{
	size_t off;
	uint32_t flags;

	pl->mode = X86_PROT;
	for (off = 0;; off += 4) {
		if (off + 12 > c->len || off + 12 > 8192)
			return;
		flags = lm_le32(c->img + off + 4);
		if (lm_le32(c->img + off) == 0x1badb002 &&
		    (uint32_t)(0x1badb002 + flags + lm_le32(c->img + off + 8)) == 0)
			break;
	}
	if (flags & 0xfff8)
		return;
	pl->accept = (flags & 0x10000 ? by_fields(c, pl, off)
				      : lm_elf(c, pl, c->img, c->len, (lm_wide)1 << 32)) &&
		     modules(c, pl) && lm_finish(c, pl);
}

/* As a kernel reads it, that does not look at the flags. */
static void check(const struct lm_case *c, struct gmem *mem, const struct lm_plan *pl)
{
	uint64_t i = lm.res.info, mods = lm_peek(mem, i + 24, 4), at = lm_peek(mem, i + 48, 4);
	uint64_t end = at + lm_peek(mem, i + 44, 4), low = gmem_low_end(mem, (uint64_t)1 << 32);
	struct lm_map m = {0, 0, 0};

	FUZZ_ORACLE((uint32_t)lm.cpu.gpr[X86_RAX] == 0x2badb002 && lm.cpu.gpr[X86_RBX] == i,
		    "state", "EAX or EBX");
	FUZZ_ORACLE(!(lm.cpu.cr0 & X86_CR0_PG) && lm.cpu.cr0 & X86_CR0_PE, "state", "CR0");
	FUZZ_ORACLE(i >= 0x1000, "info", "it lies on page 0");
	FUZZ_ORACLE(lm_peek(mem, i, 4) == 0x24d, "info", "flags");
	FUZZ_ORACLE(lm_peek(mem, i + 4, 4) == (low < 0x9fc00 ? low : 0x9fc00) >> 10, "info",
		    "mem_lower");
	/* boot_device, syms, drives, config_table, apm_table, vbe: what no flag tells of */
	FUZZ_ORACLE(!lm_peek(mem, i + 12, 4) && !lm_peek(mem, i + 28, 8) &&
			    !lm_peek(mem, i + 36, 8) && !lm_peek(mem, i + 52, 8) &&
			    !lm_peek(mem, i + 60, 4) && !lm_peek(mem, i + 68, 8),
		    "info", "a field that no flag tells of");
	FUZZ_ORACLE(!memcmp(lm_at(mem, lm_peek(mem, i + 64, 4)), "vise", 4), "info",
		    "boot_loader_name");
	FUZZ_ORACLE(lm_peek(mem, i + 8, 4) == (low > 0x100000 ? (low - 0x100000) >> 10 : 0), "info",
		    "mem_upper");
	lm_check_cmdline(c, mem, lm_peek(mem, i + 16, 4));
	FUZZ_ORACLE(lm_peek(mem, i + 20, 4) == c->req.nr_mods, "info", "mods_count");
	for (unsigned k = 0; k < c->req.nr_mods; k++, mods += 16) {
		uint64_t start = lm_peek(mem, mods, 4), str = lm_peek(mem, mods + 8, 4);
		size_t len = strlen(c->req.mods[k].cmdline);

		FUZZ_ORACLE(start == pl->mod[k] &&
				    lm_peek(mem, mods + 4, 4) - start == c->req.mods[k].len,
			    "module", "%u is not where it should be", k);
		FUZZ_ORACLE(!(start & 0xfff), "module", "%u is not aligned", k);
		FUZZ_ORACLE(!lm_peek(mem, mods + 12, 4), "module", "%u: reserved", k);
		FUZZ_ORACLE(!memcmp(lm_at(mem, str), c->req.mods[k].cmdline, len + 1), "module",
			    "%u: its string", k);
	}
	while (at < end) {
		uint64_t size = lm_peek(mem, at, 4);

		FUZZ_ORACLE(size >= 20 && size <= end - at - 4, "memory-map", "size field");
		lm_map_entry(c, &m, lm_peek(mem, at + 4, 8), lm_peek(mem, at + 12, 8),
			     (uint32_t)lm_peek(mem, at + 20, 4));
		at += size + 4;
	}
	lm_map_end(c, &m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_verdict v;
	bool elf;

	if (!lm_judge(data, size, LOAD_MULTIBOOT, mend, model, check, &v))
		return 0;
	LM_COUNT(&v);
	if (v.rc || !v.modelled)
		return 0;
	elf = lm_is_elf(v.c.img, v.c.len);
	for (unsigned i = 0; i < v.plan.image; i++) {
		if (elf)
			depth_hit(segment_placed);
		else
			depth_hit(fields_placed);
		if (v.plan.piece[i].filled < v.plan.piece[i].len)
			depth_hit(bss_zeroed);
	}
	if (v.plan.n > v.plan.image)
		depth_hit(module_placed);
	return 0;
}
LM_QUIET_END
