/* SPDX-License-Identifier: MIT */
/*
 * load: ELF (System V gABI, chapters 4 and 5): PT_LOAD segments by p_paddr, PVH's note. Sections,
 * dynamic linking and p_align do not matter to what is placed and are not read.
 */
#include "load_priv.h"

enum elf {
	EI_CLASS = 4,
	EI_DATA = 5,
	EI_VERSION = 6,
	ELFCLASS32 = 1,
	ELFCLASS64 = 2,
	ELFDATA2LSB = 1,
	EV_CURRENT = 1,
	ET_EXEC = 2,
	ET_DYN = 3,
	EM_386 = 3,
	EM_X86_64 = 62,
	PT_LOAD = 1,
	PT_NOTE = 4,
	EHDR32_SIZE = 52,
	EHDR64_SIZE = 64,
	PHDR32_SIZE = 32,
	PHDR64_SIZE = 56,
};

struct ehdr {
	bool is64;
	uint64_t entry, phoff;
	unsigned type, machine, version, phentsize, phnum;
};

struct phdr {
	uint32_t type;
	uint64_t off, vaddr, paddr, filesz, memsz;
};

bool load_is_elf(const uint8_t *image, size_t len)
{
	static const uint8_t magic[4] = {0x7f, 'E', 'L', 'F'};

	return len >= sizeof(magic) && !memcmp(image, magic, sizeof(magic));
}

static void get_ehdr(const uint8_t *b, bool is64, struct ehdr *h)
{
	h->is64 = is64;
	h->type = ld_le16(b + 16);
	h->machine = ld_le16(b + 18);
	h->version = ld_le32(b + 20);
	h->entry = is64 ? ld_le64(b + 24) : ld_le32(b + 24);
	h->phoff = is64 ? ld_le64(b + 32) : ld_le32(b + 28);
	h->phentsize = ld_le16(b + (is64 ? 54 : 42));
	h->phnum = ld_le16(b + (is64 ? 56 : 44));
}

static void get_phdr(const uint8_t *b, bool is64, struct phdr *h)
{
	h->type = ld_le32(b);
	h->off = is64 ? ld_le64(b + 8) : ld_le32(b + 4);
	h->vaddr = is64 ? ld_le64(b + 16) : ld_le32(b + 8);
	h->paddr = is64 ? ld_le64(b + 24) : ld_le32(b + 12);
	h->filesz = is64 ? ld_le64(b + 32) : ld_le32(b + 16);
	h->memsz = is64 ? ld_le64(b + 40) : ld_le32(b + 20);
}

static int check_ident(const struct load_blob *im, struct err *err, const char *fmt, bool *is64)
{
	const uint8_t *b = im->data;

	if (!load_is_elf(b, im->len))
		return err_set(err, -ENOEXEC, "%s: no ELF magic at its start: this is no ELF file",
			       fmt);
	if (im->len < EHDR32_SIZE)
		return err_set(err, -ENOEXEC,
			       "%s: %zu bytes are too few for an ELF header: the file is cut short",
			       fmt, im->len);
	*is64 = b[EI_CLASS] == ELFCLASS64;
	if (!*is64 && b[EI_CLASS] != ELFCLASS32)
		return err_set(err, -ENOEXEC, "%s: e_ident class %u is neither ELF32 nor ELF64",
			       fmt, b[EI_CLASS]);
	if (*is64 && im->len < EHDR64_SIZE)
		return err_set(err, -ENOEXEC,
			       "%s: %zu bytes are too few for an ELF64 header: the file is cut "
			       "short",
			       fmt, im->len);
	if (b[EI_DATA] != ELFDATA2LSB || b[EI_VERSION] != EV_CURRENT)
		return err_set(err, -ENOEXEC,
			       "%s: e_ident data %u, version %u: only little-endian (1), version 1",
			       fmt, b[EI_DATA], b[EI_VERSION]);
	return 0;
}

static int check_ehdr(const struct load_blob *im, struct err *err, const char *fmt,
		      const struct ehdr *h)
{
	unsigned machine = h->is64 ? EM_X86_64 : EM_386;
	unsigned phentsize = h->is64 ? PHDR64_SIZE : PHDR32_SIZE;

	if (h->machine != machine)
		return err_set(err, -ENOEXEC, "%s: e_machine %u is not x86 (%u): build for x86",
			       fmt, h->machine, machine);
	if (h->type != ET_EXEC && h->type != ET_DYN)
		return err_set(err, -ENOEXEC,
			       "%s: e_type %u is not an executable (2 or 3): link the file", fmt,
			       h->type);
	if (h->version != EV_CURRENT)
		return err_set(err, -ENOEXEC, "%s: e_version %u is not 1: a damaged file?", fmt,
			       h->version);
	if (!h->phnum)
		return err_set(err, -ENOEXEC,
			       "%s: e_phnum 0: no program headers, nothing to load: link the file",
			       fmt);
	if (h->phentsize != phentsize)
		return err_set(err, -ENOEXEC, "%s: e_phentsize %u is not %u: a damaged file?", fmt,
			       h->phentsize, phentsize);
	if (!range_within(h->phoff, (uint64_t)h->phnum * phentsize, 0, im->len))
		return err_set(err, -ENOEXEC,
			       "%s: e_phoff 0x%llx with e_phnum %u lies past the file's end 0x%zx: "
			       "the file is cut short",
			       fmt, (unsigned long long)h->phoff, h->phnum, im->len);
	return 0;
}

static int claim_segment(struct load_plan *p, const char *fmt, unsigned i, const struct phdr *ph,
			 uint64_t limit)
{
	const struct load_blob *im = &p->elf;
	char what[40] = "ELF segment ";
	unsigned at = 12;

	for (unsigned div = 10000; div; div /= 10) /* i is at most 65534 */
		if (i >= div || div == 1)
			what[at++] = (char)('0' + i / div % 10);
	what[at] = 0;
	if (ph->filesz > ph->memsz)
		return err_set(p->err, -ENOEXEC,
			       "%s: %s: p_filesz 0x%llx is over p_memsz 0x%llx: a damaged file?",
			       fmt, what, (unsigned long long)ph->filesz,
			       (unsigned long long)ph->memsz);
	if (!range_within(ph->off, ph->filesz, 0, im->len))
		return err_set(p->err, -ENOEXEC,
			       "%s: %s: p_offset 0x%llx + p_filesz 0x%llx lies past the file's end "
			       "0x%zx: the file is cut short",
			       fmt, what, (unsigned long long)ph->off,
			       (unsigned long long)ph->filesz, im->len);
	if (!range_within(ph->paddr, ph->memsz, 0, limit))
		return err_set(p->err, -E2BIG,
			       "%s: %s: p_paddr 0x%llx + p_memsz 0x%llx lies beyond 0x%llx: link "
			       "it lower",
			       fmt, what, (unsigned long long)ph->paddr,
			       (unsigned long long)ph->memsz, (unsigned long long)limit);
	return load_claim_image(p, what, ph->paddr, ph->memsz, (const uint8_t *)im->data + ph->off,
				ph->filesz, 0);
}

static int get_checked(const struct load_blob *im, struct err *err, const char *fmt, struct ehdr *h)
{
	bool is64 = false;
	int rc = check_ident(im, err, fmt, &is64);

	if (rc)
		return rc;
	get_ehdr(im->data, is64, h);
	return check_ehdr(im, err, fmt, h);
}

bool load_is_elf32(const struct load_plan *p)
{
	const uint8_t *b = p->elf.data;

	return load_is_elf(b, p->elf.len) && p->elf.len > EI_CLASS && b[EI_CLASS] == ELFCLASS32;
}

/*
 * e_entry as a physical address when a segment is there, which is what vmlinux and multiboot images
 * have; else as a virtual one. A segment may have both, so physical goes first.
 */
int load_elf_entry(struct load_plan *p, const char *fmt)
{
	const uint8_t *table;
	struct ehdr h;
	int rc = get_checked(&p->elf, p->err, fmt, &h);

	if (rc)
		return rc;
	table = (const uint8_t *)p->elf.data + h.phoff;
	for (unsigned virt = 0; virt < 2; virt++) {
		for (unsigned i = 0; i < h.phnum; i++) {
			struct phdr ph;

			get_phdr(table + (size_t)i * h.phentsize, h.is64, &ph);
			if (ph.type != PT_LOAD ||
			    !range_within(h.entry, 1, virt ? ph.vaddr : ph.paddr, ph.memsz))
				continue;
			p->res->entry = virt ? h.entry - ph.vaddr + ph.paddr : h.entry;
			return 0;
		}
	}
	return err_set(p->err, -ENOEXEC,
		       "%s: e_entry 0x%llx lies in no loaded segment: set the entry symbol", fmt,
		       (unsigned long long)h.entry);
}

int load_elf_segments(struct load_plan *p, const char *fmt, uint64_t limit)
{
	const uint8_t *b = p->elf.data;
	struct ehdr h;
	unsigned loads = 0;
	int rc = get_checked(&p->elf, p->err, fmt, &h);

	if (rc)
		return rc;
	for (unsigned i = 0; i < h.phnum; i++) {
		struct phdr ph;

		if (ld_le32(b + h.phoff + (size_t)i * h.phentsize) != PT_LOAD)
			continue;
		get_phdr(b + h.phoff + (size_t)i * h.phentsize, h.is64, &ph);
		if (!ph.memsz && !ph.filesz)
			continue;
		if (++loads > LOAD_SEGMENTS)
			return err_set(p->err, -ENOEXEC,
				       "%s: more than %d PT_LOAD segments: link with fewer", fmt,
				       LOAD_SEGMENTS);
		rc = claim_segment(p, fmt, i, &ph, limit);
		if (rc)
			return rc;
	}
	if (!loads)
		return err_set(p->err, -ENOEXEC,
			       "%s: e_phnum %u, but no PT_LOAD segment: nothing to load", fmt,
			       h.phnum);
	return 0;
}

/* ---- PVH's note ------------------------------------------------------------------------------- */

/*
 * A note: lengths of name and contents, type, name, contents; each of both padded to 4 bytes, which
 * is what Linux and Xen do whatever p_align says.
 */
#define NOTE_HEAD  12u
#define XEN_PHYS32 18u /* XEN_ELFNOTE_PHYS32_ENTRY, xen/include/public/elfnote.h */

static bool find_note(const uint8_t *b, uint64_t len, uint64_t *entry)
{
	uint64_t at = 0;

	while (len - at >= NOTE_HEAD) {
		uint64_t name = ld_le32(b + at), desc = ld_le32(b + at + 4);
		uint64_t body = at + NOTE_HEAD + align_up(name, 4), end = body + align_up(desc, 4);

		if (body + desc > len)
			return false;
		if (ld_le32(b + at + 8) == XEN_PHYS32 && name == 4 &&
		    !memcmp(b + at + NOTE_HEAD, "Xen", 4) && (desc == 4 || desc == 8)) {
			*entry = ld_le(b + body, (unsigned)desc);
			return true;
		}
		if (end > len)
			return false;
		at = end;
	}
	return false;
}

bool load_elf_pvh(const struct load_blob *elf, uint64_t *entry)
{
	const uint8_t *b = elf->data;
	struct ehdr h;

	if (get_checked(elf, NULL, "", &h))
		return false;
	for (unsigned i = 0; i < h.phnum; i++) {
		struct phdr ph;

		if (ld_le32(b + h.phoff + (size_t)i * h.phentsize) != PT_NOTE)
			continue;
		get_phdr(b + h.phoff + (size_t)i * h.phentsize, h.is64, &ph);
		if (range_within(ph.off, ph.filesz, 0, elf->len) &&
		    find_note(b + ph.off, ph.filesz, entry))
			return true;
	}
	return false;
}

/* ---- vmlinux ---------------------------------------------------------------------------------- */

/*
 * A vmlinux has no setup header. The kernel's own limits then: COMMAND_LINE_SIZE of x86 is 2048
 * with its NUL, but test kernels have theirs, so the string area alone limits it; the initrd lies
 * below 2 GiB as header.S of bzImage says of every kernel.
 */
#define ELF_INITRD_MAX 0x7fffffffull

int load_elf(struct load_plan *p)
{
	bool is32 = load_is_elf32(p);
	int rc;

	if (is32 && p->boot == LOAD_BOOT_64)
		return err_set(p->err, -ENOEXEC,
			       "ELF: a 32-bit kernel has no 64-bit entry: leave --boot away");
	p->res->mode = is32 ? X86_PROT : X86_LONG;
	rc = load_elf_segments(p, "ELF", is32 ? LOAD_4G : LOAD_64G);
	if (!rc)
		rc = load_elf_entry(p, "ELF");
	if (rc)
		return rc;
	st_le16(p->page + HDR_BOOT_FLAG, HDR_BOOT_MAGIC);
	st_le32(p->page + HDR_MAGIC, HDR_MAGIC_HDRS);
	st_le16(p->page + HDR_VERSION, 0x020c);
	p->page[HDR_LOADFLAGS] = HDR_LOADED_HIGH;
	p->boot = is32 ? LOAD_BOOT_32 : LOAD_BOOT_64;
	return load_zeropage(p, "ELF", LOAD_CMDLINE_MAX - 1, ELF_INITRD_MAX);
}
