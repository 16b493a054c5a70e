/* SPDX-License-Identifier: MIT */
/*
 * load: multiboot 1, specification 0.6.96. Section numbers are of that text.
 *
 * The image is ELF32 or ELF64 by its program headers, or, with flag 16, whatever the header's
 * address fields say. Every field of the information structure that we know is valid whatever its
 * flags say: test kernels read mem_upper, cmdline and mods_* without looking at them.
 */
#include "load_priv.h"

/* 3.1.1, 3.1.2: the header lies in the first 8 KiB, aligned to 4 bytes. */
#define MB_SEARCH	8192u
#define MB_HEADER_MAGIC 0x1badb002u
#define MB_BOOT_MAGIC	0x2badb002u

enum mb_header {
	MBH_FLAGS = 4,
	MBH_CHECKSUM = 8,
	MBH_SIZE = 12,
	MBH_HEADER_ADDR = 12,
	MBH_LOAD_ADDR = 16,
	MBH_LOAD_END_ADDR = 20,
	MBH_BSS_END_ADDR = 24,
	MBH_ENTRY_ADDR = 28,
	MBH_ADDR_SIZE = 32, /* with the address fields */
};
/*
 * 3.1.2: of bits 0 to 15 those not known must be refused. 0: modules page-aligned (always are);
 * 1: memory fields (always there); 2: a video mode is wanted, which is a wish: there is none.
 */
#define MBH_FLAGS_KNOWN 0x0007u
#define MBH_FLAGS_MUST	0xffffu
#define MBH_FLAG_ADDR	(1u << 16)

/* 3.3 */
enum mb_info {
	MBI_FLAGS = 0,
	MBI_MEM_LOWER = 4,
	MBI_MEM_UPPER = 8,
	MBI_CMDLINE = 16,
	MBI_MODS_COUNT = 20,
	MBI_MODS_ADDR = 24,
	MBI_MMAP_LENGTH = 44,
	MBI_MMAP_ADDR = 48,
	MBI_LOADER_NAME = 64,
	MBI_SIZE = 116,
};
#define MBI_FLAG_MEM	(1u << 0)
#define MBI_FLAG_CMD	(1u << 2)
#define MBI_FLAG_MODS	(1u << 3)
#define MBI_FLAG_MMAP	(1u << 6)
#define MBI_FLAG_LOADER (1u << 9)

#define MB_MOD_SIZE  16u
#define MB_MMAP_SIZE 24u /* its own size field counts the 20 bytes after it */

/* The information structure and its tables share the plan's page. */
#define AT_MMAP	  0x100u
#define AT_MODS	  (AT_MMAP + LOAD_MAPS * MB_MMAP_SIZE)
#define AT_NAME	  (AT_MODS + LOAD_MODULES * MB_MOD_SIZE)
#define MB_LOADER "vise"
#define INFO_USED (AT_NAME + sizeof(MB_LOADER))
_Static_assert(MBI_SIZE <= AT_MMAP && INFO_USED <= LOAD_PAGE, "the info page is too small");

long load_multiboot_find(const uint8_t *image, size_t len, long *bad)
{
	size_t end = len < MB_SEARCH ? len : MB_SEARCH;

	if (bad)
		*bad = -1;
	for (size_t i = 0; i + MBH_SIZE <= end; i += 4) {
		if (ld_le32(image + i) != MB_HEADER_MAGIC)
			continue;
		if (MB_HEADER_MAGIC + ld_le32(image + i + MBH_FLAGS) +
			    ld_le32(image + i + MBH_CHECKSUM) ==
		    0)
			return (long)i;
		if (bad && *bad < 0)
			*bad = (long)i;
	}
	return -1;
}

static int find_header(struct load_plan *p, size_t *off, uint32_t *flags)
{
	const uint8_t *b = p->req->image.data;
	long bad, at = load_multiboot_find(b, p->req->image.len, &bad);

	if (at < 0 && bad >= 0)
		return err_set(p->err, -ENOEXEC,
			       "multiboot: the header at 0x%lx has checksum 0x%08x, with its flags "
			       "0x%08x and magic the sum is not 0: fix it",
			       bad, ld_le32(b + bad + MBH_CHECKSUM), ld_le32(b + bad + MBH_FLAGS));
	if (at < 0)
		return err_set(p->err, -ENOEXEC,
			       "multiboot: no header magic 0x1badb002 on 4 bytes in the first 8 "
			       "KiB: this is no multiboot image");
	*off = (size_t)at;
	*flags = ld_le32(b + at + MBH_FLAGS);
	if (*flags & MBH_FLAGS_MUST & ~MBH_FLAGS_KNOWN)
		return err_set(p->err, -ENOEXEC,
			       "multiboot: header flags 0x%08x ask for something unknown (known: "
			       "bits 0, 1, 2, 16): clear it",
			       *flags);
	return 0;
}

/* 3.1.3, the address fields. All sums are of 32-bit values in 64 bits: they cannot wrap. */
static int claim_by_fields(struct load_plan *p, size_t off)
{
	const struct load_blob *im = &p->req->image;
	const uint8_t *b = (const uint8_t *)im->data + off;
	uint64_t header, load, load_end, bss_end, entry;
	struct load_mb_fields f;
	int rc;

	if (im->len - off < MBH_ADDR_SIZE || off + MBH_ADDR_SIZE > MB_SEARCH)
		return err_set(p->err, -ENOEXEC,
			       "multiboot: flag 16 is set, but the header at 0x%zx has no room for "
			       "the address fields: the file is cut short",
			       off);
	header = ld_le32(b + MBH_HEADER_ADDR);
	load = ld_le32(b + MBH_LOAD_ADDR);
	load_end = ld_le32(b + MBH_LOAD_END_ADDR);
	bss_end = ld_le32(b + MBH_BSS_END_ADDR);
	entry = ld_le32(b + MBH_ENTRY_ADDR);

	f = (struct load_mb_fields){"multiboot", "header", off, header, load,
				    load_end,	 bss_end,  0,	0};
	rc = load_mb_fields(p, &f);
	if (rc)
		return rc;
	bss_end = f.bss_end;
	if (!range_within(entry, 1, load, bss_end - load))
		return err_set(p->err, -ENOEXEC,
			       "multiboot: entry_addr 0x%llx lies outside of the image, 0x%llx to "
			       "0x%llx: fix the header",
			       (unsigned long long)entry, (unsigned long long)load,
			       (unsigned long long)bss_end);
	p->res->entry = entry;
	return load_claim_image(p, "multiboot image", load, bss_end - load,
				(const uint8_t *)im->data + f.start, f.size, 0);
}

/* 3.3, mem_* in KiB: lower from 0, upper from 1 MiB to the first hole; and the memory map. */
static void put_memory(struct load_plan *p)
{
	struct load_map map[LOAD_MAPS];
	unsigned n = load_memory_map(p->mem, p->low_end, map);
	uint64_t end = gmem_low_end(p->mem, LOAD_4G);
	uint8_t *i = p->page;

	st_le32(i + MBI_MEM_LOWER, (uint32_t)((end < LOAD_EBDA ? end : LOAD_EBDA) >> 10));
	st_le32(i + MBI_MEM_UPPER, (uint32_t)(end > LOAD_1M ? (end - LOAD_1M) >> 10 : 0));
	for (unsigned k = 0; k < n; k++) {
		uint8_t *e = i + AT_MMAP + (size_t)k * MB_MMAP_SIZE;

		st_le32(e, MB_MMAP_SIZE - 4);
		st_le64(e + 4, map[k].gpa);
		st_le64(e + 12, map[k].len);
		st_le32(e + 20, map[k].type);
	}
	st_le32(i + MBI_MMAP_LENGTH, n * MB_MMAP_SIZE);
	st_le32(i + MBI_MMAP_ADDR, INFO_PAGE + AT_MMAP);
}

/* The image's name, when the request has one, is the first word. */
static int put_cmdline(struct load_plan *p)
{
	const char *name = p->req->image.cmdline;
	const char *cmd = p->req->cmdline ? p->req->cmdline : "";
	bool has_name = name && name[0];
	uint64_t gpa, at;
	int rc = 0;

	if (has_name)
		rc = load_string(p, "multiboot: cmdline", name, cmd[0] ? ' ' : 0, &gpa);
	if (!rc && (!has_name || cmd[0])) {
		rc = load_string(p, "multiboot: cmdline", cmd, 0, &at);
		if (!has_name)
			gpa = at;
	}
	if (rc)
		return rc;
	st_le32(p->page + MBI_CMDLINE, (uint32_t)gpa);
	p->res->cmdline = (struct load_range){gpa, p->strings - gpa};
	return 0;
}

static int put_modules(struct load_plan *p)
{
	const struct load_req *req = p->req;

	for (unsigned k = 0; k < req->nr_mods; k++) {
		const struct load_blob *m = &req->mods[k];
		uint8_t *e = p->page + AT_MODS + (size_t)k * MB_MOD_SIZE;
		uint64_t gpa, str;
		int rc;

		/* mod_end has 32 bits: a module may not end at 4 GiB */
		rc = load_claim_high(p, "multiboot module", m, LOAD_4G - 1, &gpa);
		if (!rc)
			rc = load_string(p, "multiboot module", m->cmdline ? m->cmdline : "", 0,
					 &str);
		if (rc)
			return err_prefix(p->err, "mods[%u]", k);
		st_le32(e, (uint32_t)gpa);
		st_le32(e + 4, (uint32_t)(gpa + m->len));
		st_le32(e + 8, (uint32_t)str);
	}
	st_le32(p->page + MBI_MODS_COUNT, req->nr_mods);
	st_le32(p->page + MBI_MODS_ADDR, INFO_PAGE + AT_MODS);
	return 0;
}

int load_multiboot(struct load_plan *p)
{
	uint32_t flags = 0;
	size_t off = 0;
	int rc;

	p->res->mode = X86_PROT;
	p->state = STATE_MULTIBOOT;
	p->mb_magic = MB_BOOT_MAGIC;
	rc = find_header(p, &off, &flags);
	if (rc)
		return rc;
	if (flags & MBH_FLAG_ADDR)
		rc = claim_by_fields(p, off);
	else
		rc = load_elf_segments(p, "multiboot", LOAD_4G);
	if (!rc && !(flags & MBH_FLAG_ADDR))
		rc = load_elf_entry(p, "multiboot");
	if (rc)
		return rc;

	put_memory(p);
	rc = put_cmdline(p);
	if (!rc)
		rc = put_modules(p);
	if (rc)
		return rc;
	memcpy(p->page + AT_NAME, MB_LOADER, sizeof(MB_LOADER));
	st_le32(p->page + MBI_LOADER_NAME, INFO_PAGE + AT_NAME);
	st_le32(p->page + MBI_FLAGS,
		MBI_FLAG_MEM | MBI_FLAG_CMD | MBI_FLAG_MODS | MBI_FLAG_MMAP | MBI_FLAG_LOADER);
	return load_claim_info(p, INFO_USED);
}
