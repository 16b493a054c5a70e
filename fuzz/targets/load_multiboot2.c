/* SPDX-License-Identifier: MIT */
/*
 * load_multiboot2: a multiboot 2 image (ELF32, ELF64 or the address tag), its command line, modules and
 * one of four small memories, made from the input, through load_image(). A slow model says which
 * images must be accepted and what then lies where; the information is read tag by tag as a kernel would.
 * The input's format: fuzz/engine/load_model.h.
 * @format 2
 * @modules load
 */
#include "load_model.h"

DEPTH_COUNTERS(LM_COUNTERS, segment_placed, fields_placed, bss_zeroed, module_placed, entry_tag,
	       requests_met, relocatable, rsdp_copied, from_file_start);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

LM_QUIET_BEGIN
struct tags {
	size_t off, address, entry;
	bool relocatable, requests;
};

/* Is information of this type to be had? */
static bool known(const struct lm_case *c, const struct tags *t, uint32_t type)
{
	return (type >= 1 && type <= 4) || type == 6 ||
	       ((type == 14 || type == 15) && c->req.rsdp) || (type == 21 && t->relocatable);
}

static bool requests(const struct lm_case *c, const struct tags *t, size_t at, uint32_t size)
{
	for (size_t i = 8; i + 4 <= size; i += 4) {
		if (!known(c, t, lm_le32(c->img + at + i)))
			return false;
	}
	return true;
}

/* One header tag; false: it cannot be met. */
static bool tag(const struct lm_case *c, struct tags *t, size_t at, uint32_t size)
{
	bool optional = c->img[at + 2] & 1;

	switch (lm_le16(c->img + at)) {
	case 1:
		t->requests |= !optional;
		return true;
	case 2:
		t->address = at;
		return size >= 24;
	case 3:
		t->entry = at;
		return size >= 12;
	case 4:
		return size >= 12 && (optional || !(c->img[at + 8] & 1));
	case 6:
	case 8:
	case 9:
		return true;
	case 10:
		t->relocatable = true;
		return true;
	default:
		return optional;
	}
}

/* All tags, twice: what is asked for may be told of later. */
static bool parse(const struct lm_case *c, struct tags *t)
{
	size_t end, all = c->len < 32768 ? c->len : 32768;

	for (t->off = 0;; t->off += 8) {
		if (t->off + 16 > all)
			return false;
		if (lm_le32(c->img + t->off) == 0xe85250d6 &&
		    (uint32_t)(0xe85250d6 + lm_le32(c->img + t->off + 4) +
			       lm_le32(c->img + t->off + 8) + lm_le32(c->img + t->off + 12)) == 0)
			break;
	}
	if (lm_le32(c->img + t->off + 4) || lm_le32(c->img + t->off + 8) < 16 ||
	    (lm_wide)t->off + lm_le32(c->img + t->off + 8) > all)
		return false;
	end = t->off + lm_le32(c->img + t->off + 8);
	for (unsigned round = 0; round < 2; round++) {
		lm_wide at = t->off + 16;

		for (;;) {
			uint32_t size;
			size_t i = (size_t)at;

			if (at + 8 > end)
				return false;
			if (!lm_le16(c->img + i))
				break;
			size = lm_le32(c->img + i + 4);
			if (size < 8 || at + size > end)
				return false;
			if (!round && !tag(c, t, i, size))
				return false;
			if (round && lm_le16(c->img + i) == 1 && !(c->img[i + 2] & 1) &&
			    !requests(c, t, i, size))
				return false;
			at += ((lm_wide)size + 7) / 8 * 8;
		}
	}
	return true;
}

static bool by_fields(const struct lm_case *c, struct lm_plan *pl, const struct tags *t)
{
	const uint8_t *b = c->img + t->address;
	lm_wide header = lm_le32(b + 8), load = lm_le32(b + 12), load_end = lm_le32(b + 16);
	lm_wide bss_end = lm_le32(b + 20), start;

	if (load == 0xffffffff && header >= t->off)
		load = header - t->off;
	if (load > header || t->off + load < header || !t->entry)
		return false;
	start = t->off + load - header;
	if (!load_end)
		load_end = load + (c->len - start);
	if (!bss_end)
		bss_end = load_end;
	if (load_end < load || start + (load_end - load) > c->len || bss_end < load_end ||
	    bss_end > (lm_wide)1 << 32 || bss_end == load)
		return false;
	return lm_image(c, pl, load, bss_end - load, c->img + (size_t)start,
			(uint64_t)(load_end - load), false);
}

static bool image(const struct lm_case *c, struct lm_plan *pl, const struct tags *t)
{
	struct lm_elf e;

	if (t->address) {
		if (!by_fields(c, pl, t))
			return false;
	} else if (!lm_elf_header(c->img, c->len, &e) ||
		   !lm_segments(c, pl, &e, (lm_wide)1 << 32)) {
		return false;
	}
	if (!t->entry)
		return lm_elf_entry(pl, &e);
	pl->entry = lm_le32(c->img + t->entry + 8);
	return true; /* lm_finish() asks whether it is in there */
}

static size_t padded(size_t n)
{
	return (n + 7) / 8 * 8;
}

/* Modules, and whether the information has room. */
static bool information(const struct lm_case *c, struct lm_plan *pl, const struct tags *t)
{
	size_t name = c->req.image.cmdline ? strlen(LM_NAME) : 0, maps = 0;
	size_t all = 8 + 16 + (t->relocatable ? 16 : 0) + (c->req.rsdp ? padded(8 + 36) : 0) + 16;
	struct load_range rows[] = {{0, 0x9fc00}, {0x100000, UINT64_MAX - 0x100000}};

	if (c->req.nr_mods > LOAD_MODULES || c->req.initrd.len)
		return false;
	/* map entries: the hole, and every region's part on either side of it */
	for (unsigned i = 0; i < 6 && lm_ram[c->ram][i].len; i++) {
		for (unsigned k = 0; k < 2; k++)
			maps += lm_share(lm_ram[c->ram][i].gpa, lm_ram[c->ram][i].len, rows[k].gpa,
					 rows[k].len);
	}
	all += 16 + 24 * (maps + 1);
	all += padded(8 + name + c->cmdline + (name && c->cmdline ? 2 : 1));
	for (unsigned i = 0; i < c->req.nr_mods; i++) {
		if (!lm_high(c, pl, c->req.mods[i].len, ((lm_wide)1 << 32) - 1, &pl->mod[i]))
			return false;
		all += padded(16 + strlen(c->req.mods[i].cmdline) + 1);
	}
	if (c->req.rsdp && !gmem_ro(lm.mem[c->ram], LM_RSDP, LM_RSDP_LEN))
		return false;
	return all + 8 <= 0xe000;
}

/* The first header that is right, or that is none but for its sum, or (len). */
static size_t find(const uint8_t *b, size_t len)
{
	size_t bad = len;

	for (size_t i = 0; i + 16 <= len && i + 16 <= 32768; i += 8) {
		if (lm_le32(b + i) != 0xe85250d6)
			continue;
		if (!(0xe85250d6 + lm_le32(b + i + 4) + lm_le32(b + i + 8) + lm_le32(b + i + 12)))
			return i;
		if (bad == len)
			bad = i;
	}
	return bad;
}

/* One tag as it can be met: what is not known or not to be had is optional, what is too short is none. */
static void mend_tag(struct lm_mend *m, struct tags *t, uint8_t *b)
{
	unsigned type = lm_le16(b), size = lm_le32(b + 4);

	if (!lm_mends(m, LM_MEND_TYPE))
		return;
	if ((type == 2 && size < 24) || ((type == 3 || type == 4) && size < 12))
		st_le16(b, (uint16_t)(type = 6));
	if (type == 2)
		t->address = (size_t)(b - m->b);
	if (type == 3)
		t->entry = (size_t)(b - m->b);
	if (type == 10)
		t->relocatable = true;
	if (type == 4 || type == 5 || type == 7 || type > 10)
		b[2] |= 1;
	for (size_t i = 8; type == 1 && i + 4 <= size; i += 4) {
		if (!known(m->c, t, lm_le32(b + i)))
			b[2] |= 1;
	}
}

/* All of them, up to one that ends them, for which the header and the file are made longer. */
static void mend_tags(struct lm_mend *m, struct tags *t)
{
	size_t end = t->off + lm_le32(m->b + t->off + 8), at = t->off + 16;

	while (at + 8 <= end && lm_le16(m->b + at)) {
		uint32_t size = lm_le32(m->b + at + 4);

		if (size < 8 || size > end - at) {
			if (!lm_mends(m, LM_MEND_COUNT))
				return;
			st_le32(m->b + at, 0);
			st_le32(m->b + at + 4, 8);
			break;
		}
		mend_tag(m, t, m->b + at);
		at += ((size_t)size + 7) / 8 * 8;
	}
	if (at + 8 <= end || !lm_mends(m, LM_MEND_COUNT) || at + 8 > 32768)
		return;
	lm_grow(m, at + 8);
	if (at + 8 > m->len)
		return;
	st_le64(m->b + at, (uint64_t)8 << 32);
	st_le32(m->b + t->off + 8, (uint32_t)(at + 8 - t->off));
}

/* Where the header is or shall be, behind an ELF file's own. False: nothing more can be done. */
static bool mend_header(struct lm_mend *m, struct tags *t)
{
	uint8_t *b = m->b + t->off;

	if (lm_mends(m, LM_MEND_SIZE))
		lm_grow(m, t->off + 24);
	if (t->off + 24 > m->len || t->off + 24 > 32768)
		return false;
	if (lm_mends(m, LM_MEND_MAGIC))
		st_le32(b, 0xe85250d6);
	if (lm_mends(m, LM_MEND_MACHINE))
		st_le32(b + 4, 0);
	if (lm_mends(m, LM_MEND_TABLE) &&
	    (lm_le32(b + 8) < 24 || lm_le32(b + 8) > m->len - t->off ||
	     lm_le32(b + 8) > 32768 - t->off))
		st_le32(b + 8, 24);
	return t->off + (lm_wide)lm_le32(b + 8) <= m->len && lm_le32(b + 8) >= 16;
}

static void mend(struct lm_mend *m)
{
	struct tags t = {find(m->b, m->len), 0, 0, false, false};
	bool none = t.off == m->len, elf = none || lm_is_elf(m->b, m->len);
	struct lm_elf e;
	uint8_t *b;

	m->least = lm_boot_end(X86_PROT, 0);
	if (elf) {
		size_t table;

		if (!lm_mend_elf(m, (uint64_t)1 << 32, &e))
			return;
		lm_mend_entry(m, &e);
		table = (size_t)e.phoff + (size_t)e.phnum * e.phsize;
		if (none || t.off < table)
			t.off = padded(table);
	}
	if (!mend_header(m, &t))
		return;
	mend_tags(m, &t);
	b = m->b + t.off;
	if (t.address && lm_mends(m, LM_MEND_ENTRY) && (!t.entry || elf)) {
		st_le16(m->b + t.address, 6);
	} else if (t.address && !elf) {
		if (lm_le32(m->b + t.address + 12) != 0xffffffff)
			lm_mend_fields(m, m->b + t.address + 8, t.off);
	}
	if (t.entry && m->n)
		lm_mend_entry32(m, m->b + t.entry + 8);
	if (lm_mends(m, LM_MEND_CHECKSUM))
		st_le32(b + 12, -(lm_le32(b) + lm_le32(b + 4) + lm_le32(b + 8)));
}

static void model(const struct lm_case *c, struct lm_plan *pl)
{
	struct tags t = {0};

	pl->mode = X86_PROT;
	if (!parse(c, &t))
		return;
	pl->header = true;
	pl->accept = image(c, pl, &t) && information(c, pl, &t) && lm_finish(c, pl);
}

struct seen {
	unsigned modules;
	uint32_t types; /* a bit each */
};

static void check_tag(const struct lm_case *c, struct gmem *mem, const struct lm_plan *pl,
		      struct seen *s, uint64_t at, uint32_t type, uint32_t size)
{
	uint64_t low = gmem_low_end(mem, (uint64_t)1 << 32);
	struct lm_map m = {0, 0, 0};

	FUZZ_ORACLE(type < 32 && (type == 3 || !(s->types >> type & 1)), "info", "tag %u twice",
		    type);
	s->types |= 1u << type;
	switch (type) {
	case 1:
		lm_check_cmdline(c, mem, at + 8);
		FUZZ_ORACLE(size == 8 + lm.res.cmdline.len, "cmdline", "the tag's size");
		break;
	case 3: {
		const struct load_blob *mod = &c->req.mods[s->modules];
		size_t len = strlen(mod->cmdline);

		FUZZ_ORACLE(lm_peek(mem, at + 8, 4) == pl->mod[s->modules] &&
				    lm_peek(mem, at + 12, 4) == pl->mod[s->modules] + mod->len,
			    "module", "%u is not where it should be", s->modules);
		FUZZ_ORACLE(size == 16 + len + 1 &&
				    !memcmp(lm_at(mem, at + 16), mod->cmdline, len + 1),
			    "module", "%u: its string", s->modules);
		s->modules++;
		break;
	}
	case 4:
		FUZZ_ORACLE(lm_peek(mem, at + 12, 4) ==
				    (low > 0x100000 ? (low - 0x100000) >> 10 : 0),
			    "info", "mem_upper");
		FUZZ_ORACLE(lm_peek(mem, at + 8, 4) == (low < 0x9fc00 ? low : 0x9fc00) >> 10,
			    "info", "mem_lower");
		break;
	case 6:
		FUZZ_ORACLE(lm_peek(mem, at + 8, 4) == 24 && !lm_peek(mem, at + 12, 4) &&
				    (size - 16) % 24 == 0,
			    "memory-map", "sizes");
		for (uint32_t i = 16; i < size; i += 24)
			lm_map_entry(c, &m, lm_peek(mem, at + i, 8), lm_peek(mem, at + i + 8, 8),
				     (uint32_t)lm_peek(mem, at + i + 16, 4));
		lm_map_end(c, &m);
		break;
	case 15:
		FUZZ_ORACLE(size == 8 + LM_RSDP_LEN &&
				    !memcmp(lm_at(mem, at + 8), lm.rsdp, LM_RSDP_LEN),
			    "info", "the RSDP's copy");
		break;
	case 21:
		FUZZ_ORACLE(lm_peek(mem, at + 8, 4) == lm.res.image.gpa, "info", "load base");
		break;
	default:
		FUZZ_ORACLE(type == 2, "info", "tag %u", type);
		break;
	}
}

static void check(const struct lm_case *c, struct gmem *mem, const struct lm_plan *pl)
{
	uint64_t i = lm.res.info, at = i + 8, end = i + lm_peek(mem, i, 4);
	struct seen s = {0, 0};
	struct tags t = {0};

	(void)parse(c, &t);
	FUZZ_ORACLE((uint32_t)lm.cpu.gpr[X86_RAX] == 0x36d76289 && lm.cpu.gpr[X86_RBX] == i,
		    "state", "EAX or EBX");
	FUZZ_ORACLE(!(lm.cpu.cr0 & X86_CR0_PG) && lm.cpu.cr0 & X86_CR0_PE, "state", "CR0");
	FUZZ_ORACLE(i % 8 == 0 && i >= 0x1000 && end <= LOAD_INFO + 0xe000, "info", "where it is");
	for (;;) {
		uint32_t type, size;

		FUZZ_ORACLE(at + 8 <= end, "info", "no tag ends it");
		type = (uint32_t)lm_peek(mem, at, 4);
		size = (uint32_t)lm_peek(mem, at + 4, 4);
		FUZZ_ORACLE(size >= 8 && at + size <= end, "info", "tag %u of %u bytes", type,
			    size);
		if (!type)
			break;
		check_tag(c, mem, pl, &s, at, type, size);
		at += padded(size);
	}
	FUZZ_ORACLE(at + 8 == end, "info", "total_size");
	FUZZ_ORACLE(s.modules == c->req.nr_mods, "info", "%u modules", s.modules);
	FUZZ_ORACLE((s.types & 0x56) == 0x56 && (s.types >> 21 & 1) == t.relocatable &&
			    (s.types >> 15 & 1) == !!c->req.rsdp,
		    "info", "tags 0x%x", s.types);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_verdict v;
	struct tags t = {0};

	if (!lm_judge(data, size, LOAD_MULTIBOOT2, mend, model, check, &v))
		return 0;
	LM_COUNT(&v);
	if (v.rc || !v.modelled)
		return 0;
	(void)parse(&v.c, &t);
	for (unsigned i = 0; i < v.plan.image; i++) {
		if (t.address)
			depth_hit(fields_placed);
		else
			depth_hit(segment_placed);
		if (v.plan.piece[i].filled < v.plan.piece[i].len)
			depth_hit(bss_zeroed);
	}
	if (v.plan.n > v.plan.image)
		depth_hit(module_placed);
	if (t.entry)
		depth_hit(entry_tag);
	if (t.requests)
		depth_hit(requests_met);
	if (t.relocatable)
		depth_hit(relocatable);
	if (v.c.req.rsdp)
		depth_hit(rsdp_copied);
	if (t.address && lm_le32(v.c.img + t.address + 12) == 0xffffffff)
		depth_hit(from_file_start);
	return 0;
}
LM_QUIET_END
