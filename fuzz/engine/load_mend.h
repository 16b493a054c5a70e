/* SPDX-License-Identifier: MIT */
/*
 * load_mend: an input of the loader targets put right, so that most of what a fuzzer makes of an image
 * is still one. What is right already stays as it is, so an image that can be loaded is not changed; what
 * is wrong becomes something right that is made of the same bytes. One rule can be left alone, by its
 * number: the image is then right but for that. Part of load_model.h.
 */
#ifndef FUZZ_ENGINE_LOAD_MEND_H
#define FUZZ_ENGINE_LOAD_MEND_H

#include "load_model_pvh.h"

/* What can be left alone; the order is the input's format. */
enum lm_rule {
	LM_MEND_NONE,
	LM_MEND_REQUEST, /* memory, way to boot, command line, modules, initrd */
	LM_MEND_SIZE,	 /* the file is as long as its headers */
	LM_MEND_MAGIC,
	LM_MEND_VERSION, /* what says which variant of a format it is */
	LM_MEND_TYPE,	 /* ELF: e_type; multiboot: flags; bzImage: loadflags */
	LM_MEND_MACHINE,
	LM_MEND_CHECKSUM,
	LM_MEND_TABLE, /* ELF: e_phentsize, e_phoff; bzImage: where header and setup code end */
	LM_MEND_COUNT, /* ELF: e_phnum and at least one segment; multiboot 2: the tags */
	LM_MEND_FILE,  /* what is copied lies in the file */
	LM_MEND_BSS,   /* memory is no less than what is copied, and little more */
	LM_MEND_PLACE, /* in RAM, nothing over another */
	LM_MEND_ENTRY,
	LM_MEND_NOTE,
	LM_MEND_NOTE_ENTRY,
	LM_MEND_BOOT,	 /* bzImage: the way to boot is one that the image has */
	LM_MEND_ALIGN,	 /* bzImage: kernel_alignment */
	LM_MEND_PAYLOAD, /* bzImage: it lies in the kernel and can be unpacked */
	LM_MEND_RULES
};

struct lm_mend {
	struct lm_case *c;
	uint8_t *b; /* the image; there is room up to LM_IMAGE, zero beyond len */
	size_t len;
	unsigned leave; /* a rule's number */
	uint64_t least; /* nothing is placed below */
	struct {
		uint64_t gpa, end;
	} at[LM_ELF_SEGMENTS + 1]; /* what was placed so far */
	unsigned n;
};

/* A bss is no larger: what is cleared costs time, and the loader does with 2 MiB what it does with 32 KiB. */
#define LM_BSS 0x8000u

LM_QUIET_BEGIN
static inline bool lm_mends(const struct lm_mend *m, enum lm_rule rule)
{
	return m->leave != rule;
}

/* As long as (len) at least. */
static inline void lm_grow(struct lm_mend *m, size_t len)
{
	if (len <= m->len || len > LM_IMAGE)
		return;
	LM_UNPOISON(m->b + m->len, len - m->len);
	memset(m->b + m->len, 0, len - m->len);
	m->len = len;
}

static inline bool lm_room(const struct lm_mend *m, lm_wide gpa, lm_wide len)
{
	if (gpa < m->least || gpa + len > (lm_wide)1 << 36 ||
	    lm_share(gpa, len, LOAD_INFO, LOAD_INFO_END - LOAD_INFO) ||
	    (m->c->req.rsdp && lm_share(gpa, len, 0xe0000, 0x20000)) ||
	    !lm_is_ram(m->c->ram, gpa, len))
		return false;
	for (unsigned i = 0; i < m->n; i++) {
		if (lm_share(gpa, len, m->at[i].gpa, m->at[i].end - m->at[i].gpa))
			return false;
	}
	return true;
}

static inline bool lm_took(struct lm_mend *m, uint64_t gpa, uint64_t len)
{
	if (m->n < LM_ELF_SEGMENTS + 1) {
		m->at[m->n].gpa = gpa;
		m->at[m->n++].end = gpa + len;
	}
	return true;
}

/*
 * A place for *len bytes, at least (least) of them: as asked for, else in a stretch of RAM which its
 * bits say, else from 1 MiB up behind what is placed. Below (limit). False: there is none.
 */
static inline bool lm_settle(struct lm_mend *m, uint64_t *gpa, uint64_t *len, uint64_t least,
			     uint64_t limit)
{
	const struct lm_run *r = &lm.run[m->c->ram][(*gpa >> 20) % lm.nr_runs[m->c->ram]];
	uint64_t end = 0x100000, at;

	if (lm_room(m, *gpa, *len) && *gpa + *len <= limit)
		return lm_took(m, *gpa, *len);
	if (*len > 0x8000)
		*len = least + *len % 0x2000 + 1;
	at = r->gpa + *gpa % (r->end - r->gpa);
	if (!lm_room(m, at, *len) || at + *len > limit) {
		for (unsigned i = 0; i < m->n; i++) {
			if (m->at[i].end > end && m->at[i].gpa < 0x200000)
				end = m->at[i].end;
		}
		at = end + *gpa % 0x40;
	}
	if (!lm_room(m, at, *len) || at + *len > limit)
		return false;
	*gpa = at;
	return lm_took(m, at, *len);
}

/* (at) where it is in what was placed, which is something; else an address there. */
static inline uint64_t lm_inside(const struct lm_mend *m, uint64_t at)
{
	uint64_t len = m->at[0].end - m->at[0].gpa;

	for (unsigned i = 0; i < m->n; i++) {
		if (at >= m->at[i].gpa && at < m->at[i].end)
			return at;
	}
	return m->at[0].gpa + at % (len ? len : 1);
}

/* ---- the request ------------------------------------------------------------------------------- */

/* As lm_parse() made it, for an image of (kind). */
static inline void lm_mend_request(struct lm_mend *m, enum load_kind kind)
{
	struct load_req *r = &m->c->req;
	bool modules = kind == LOAD_MULTIBOOT || kind == LOAD_MULTIBOOT2;

	if (!lm_mends(m, LM_MEND_REQUEST))
		return;
	if (m->c->ram == LM_RAMS - 1) /* which has no info area */
		m->c->ram = 1;
	if (kind == LOAD_MULTIBOOT2 && r->rsdp && m->c->ram == 2)
		r->rsdp = 0;
	if (!lm_boot_fits(kind, r->boot))
		r->boot = LOAD_BOOT_AUTO;
	if (!modules)
		r->nr_mods = 0;
	else if (r->nr_mods > LOAD_MODULES)
		r->nr_mods %= LOAD_MODULES;
	if (modules)
		r->initrd.len = 0;
	if (m->c->cmdline > 0x1000)
		m->c->cmdline %= 0x400;
	r->cmdline = m->c->cmdline ? lm.text + sizeof(lm.text) - 1 - m->c->cmdline : NULL;
}

/* ---- ELF ---------------------------------------------------------------------------------------- */

static inline void lm_put_word(uint8_t *b, bool is64, unsigned o32, unsigned o64, uint64_t v)
{
	memcpy(b + (is64 ? o64 : o32), &v, is64 ? 8 : 4);
}

/* One PT_LOAD. False: it cannot be placed. */
static inline bool lm_mend_segment(struct lm_mend *m, bool is64, uint8_t *h, uint64_t limit)
{
	uint64_t off = lm_word(h, is64, 4, 8), size = lm_word(h, is64, 16, 32);
	uint64_t mem = lm_word(h, is64, 20, 40), gpa = lm_word(h, is64, 12, 24);

	if (!size && !mem)
		return false;
	if (lm_mends(m, LM_MEND_FILE) && (lm_wide)off + size > m->len) {
		off %= m->len;
		if (size > m->len - off)
			size %= m->len - off + 1;
	}
	if (lm_mends(m, LM_MEND_BSS) && (mem < size || mem - size > LM_BSS))
		mem = size + mem % 0x1000 + 1;
	if (lm_mends(m, LM_MEND_PLACE) && mem && !lm_settle(m, &gpa, &mem, size, limit))
		return false;
	lm_put_word(h, is64, 4, 8, off);
	lm_put_word(h, is64, 16, 32, size);
	lm_put_word(h, is64, 20, 40, mem);
	lm_put_word(h, is64, 12, 24, gpa);
	return size || mem;
}

static inline bool lm_mend_segments(struct lm_mend *m, const struct lm_elf *e, uint64_t limit)
{
	unsigned loads = 0;
	uint8_t *table = m->b + (size_t)e->phoff;

	for (unsigned i = 0; i < e->phnum; i++) {
		uint8_t *h = table + (size_t)i * e->phsize;

		if (lm_le32(h) != 1)
			continue;
		if (loads < LM_ELF_SEGMENTS && lm_mend_segment(m, e->is64, h, limit))
			loads++;
		else if (lm_mends(m, LM_MEND_COUNT))
			st_le32(h, 0);
	}
	return loads;
}

static inline void lm_mend_ehdr(struct lm_mend *m)
{
	uint8_t *b = m->b;
	bool is64;
	uint64_t off;
	unsigned n, size, room;

	if (lm_mends(m, LM_MEND_SIZE))
		lm_grow(m, 0x40 + 0x38 + 8);
	if (m->len < 0x40 + 0x38)
		return;
	if (lm_mends(m, LM_MEND_MAGIC))
		st_le32(b, 0x464c457f);
	if (lm_mends(m, LM_MEND_VERSION)) {
		if (b[4] != 1 && b[4] != 2)
			b[4] = 1 + (b[4] & 1);
		b[5] = b[6] = 1;
		st_le32(b + 20, 1);
	}
	is64 = b[4] == 2;
	size = is64 ? 56 : 32;
	if (lm_mends(m, LM_MEND_TYPE) && lm_half(b, 16) != 2 && lm_half(b, 16) != 3)
		st_le16(b + 16, 2);
	if (lm_mends(m, LM_MEND_MACHINE))
		st_le16(b + 18, is64 ? 62 : 3);
	off = lm_word(b, is64, 28, 32);
	if (lm_mends(m, LM_MEND_TABLE)) {
		st_le16(b + (is64 ? 54 : 42), (uint16_t)size);
		if (off > m->len || m->len - off < size)
			off = is64 ? 64 : 52;
		/* not over the header, which would change again */
		lm_put_word(b, is64, 28, 32, off < 64 ? (is64 ? 64 : 52) : off);
		off = lm_word(b, is64, 28, 32);
	}
	n = lm_half(b, is64 ? 56 : 44);
	room = off < m->len ? (unsigned)((m->len - off) / size) : 0;
	if (lm_mends(m, LM_MEND_COUNT) && (!n || n > room))
		st_le16(b + (is64 ? 56 : 44), (uint16_t)(room ? 1 + n % (room < 6 ? room : 6) : 0));
}

/* Header and segments of an ELF all below (limit); false: no more can be done. */
static inline bool lm_mend_elf(struct lm_mend *m, uint64_t limit, struct lm_elf *e)
{
	uint8_t *h;

	lm_mend_ehdr(m);
	if (!lm_elf_header(m->b, m->len, e))
		return false;
	if (lm_mend_segments(m, e, limit) || !lm_mends(m, LM_MEND_COUNT))
		return true;
	h = m->b + (size_t)e->phoff;
	m->n = 0;
	st_le32(h, 1);
	if (!lm_word(h, e->is64, 20, 40))
		lm_put_word(h, e->is64, 20, 40, 0x10);
	return lm_mend_segments(m, e, limit);
}

static inline void lm_mend_entry(struct lm_mend *m, const struct lm_elf *e)
{
	struct lm_plan none;
	uint64_t entry = lm_word(m->b, e->is64, 24, 24);

	if (!lm_mends(m, LM_MEND_ENTRY) || !m->n || lm_elf_entry(&none, e))
		return;
	lm_put_word(m->b, e->is64, 24, 24, lm_inside(m, entry));
}

static inline void lm_mend_vmlinux(struct lm_mend *m)
{
	bool is32 = m->len > 4 && m->b[4] == 1;
	struct lm_elf e;

	m->least = lm_boot_end(is32 ? X86_PROT : X86_LONG, 0);
	if (!lm_mend_elf(m, (uint64_t)(is32 ? 4 : 64) << 30, &e))
		return;
	lm_mend_entry(m, &e);
	if (!e.is64 && m->c->req.boot == LOAD_BOOT_64 && lm_mends(m, LM_MEND_BOOT))
		m->c->req.boot = LOAD_BOOT_AUTO;
}

/* ---- PVH's note ------------------------------------------------------------------------------- */

#define LM_NOTE_SIZE 20u

/* A note at the file's end, in the header of another that is no good, or in the last one. */
static inline void lm_add_note(struct lm_mend *m, struct lm_elf *e)
{
	size_t at = (m->len + 3) & ~(size_t)3;
	uint8_t *h = NULL;

	for (unsigned i = 0; i < e->phnum; i++) {
		h = m->b + (size_t)e->phoff + (size_t)i * e->phsize;
		if (lm_le32(h) != 1)
			break;
	}
	/* there is none but PT_LOADs: one more, over what follows the table */
	if (h && lm_le32(h) == 1 && m->len - (size_t)e->phoff >= (e->phnum + 1ul) * e->phsize) {
		h += e->phsize;
		e->phnum++;
		st_le16(m->b + (e->is64 ? 56 : 44), (uint16_t)e->phnum);
	}
	if (!h || at + LM_NOTE_SIZE > LM_IMAGE)
		return;
	lm_grow(m, at + LM_NOTE_SIZE);
	e->len = m->len;
	memset(h, 0, e->phsize);
	st_le32(h, 4);
	lm_put_word(h, e->is64, 4, 8, at);
	lm_put_word(h, e->is64, 16, 32, LM_NOTE_SIZE);
	st_le32(m->b + at, 4);
	st_le32(m->b + at + 4, 4);
	st_le32(m->b + at + 8, 18);
	memcpy(m->b + at + 12, "Xen", 4);
	st_le32(m->b + at + 16, m->n ? (uint32_t)m->at[0].gpa : 0);
}

static inline void lm_mend_pvh(struct lm_mend *m)
{
	uint64_t entry;
	struct lm_elf e;
	uint8_t *at;
	unsigned size;

	m->least = lm_boot_end(X86_PROT, 0);
	if (!lm_mend_elf(m, (uint64_t)4 << 30, &e))
		return;
	if (lm_mends(m, LM_MEND_NOTE) && !lm_note(m->b, m->len, &entry))
		lm_add_note(m, &e);
	at = m->b + lm_note_at(m->b, m->len, &size);
	if (!lm_mends(m, LM_MEND_NOTE_ENTRY) || !m->n || at == m->b)
		return;
	entry = ld_le(at, size);
	st_le(at, size, lm_inside(m, entry));
}

/* ---- multiboot's address fields ----------------------------------------------------------------- */

/* At (f): header, load, load end, bss end; the header is at (off). Their image's place and length. */
static inline void lm_mend_fields(struct lm_mend *m, uint8_t *f, size_t off)
{
	uint64_t header = lm_le32(f), load = lm_le32(f + 4), end = lm_le32(f + 8);
	uint64_t bss = lm_le32(f + 12), size, all, gpa;

	if (lm_mends(m, LM_MEND_TABLE) && (load > header || header - load > off))
		header = load + off;
	size = m->len - (off + load - header);
	if (lm_mends(m, LM_MEND_FILE) && end && (end < load || end - load > size))
		end = load + end % (size + 1);
	if (end)
		size = end - load;
	if (lm_mends(m, LM_MEND_BSS) && bss && (bss < load + size || bss - load - size > LM_BSS))
		bss = load + size + bss % 0x1000 + 1;
	all = bss ? bss - load : size;
	gpa = load;
	if (lm_mends(m, LM_MEND_PLACE) && size <= m->len && all >= size) {
		if (!all)
			all = 0x10;
		if (lm_settle(m, &gpa, &all, size, (uint64_t)4 << 30)) {
			header += gpa - load;
			end += end ? gpa - load : 0;
			bss = bss || all != size ? gpa + all : 0;
			load = gpa;
		}
	}
	st_le32(f, (uint32_t)header);
	st_le32(f + 4, (uint32_t)load);
	st_le32(f + 8, (uint32_t)end);
	st_le32(f + 12, (uint32_t)bss);
}

/* An entry in what was placed. */
static inline void lm_mend_entry32(struct lm_mend *m, uint8_t *at)
{
	uint32_t entry = lm_le32(at);

	if (!lm_mends(m, LM_MEND_ENTRY) || !m->n)
		return;
	st_le32(at, (uint32_t)lm_inside(m, entry));
}
LM_QUIET_END

#endif
