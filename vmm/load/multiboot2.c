/* SPDX-License-Identifier: MIT */
/*
 * load: multiboot 2, specification 2.0. Section numbers are of that text.
 *
 * The image is ELF32 or ELF64 by its program headers or, with the address tag, what that says. It goes
 * where it is linked to, a relocatable one too. A tag or a request that must be met and cannot be is
 * refused.
 */
#include "load_priv.h"

/* 3.1.1: the header lies in the first 32 KiB, aligned to 8 bytes. */
#define MB2_SEARCH	 32768u
#define MB2_HEADER_MAGIC 0xe85250d6u
#define MB2_BOOT_MAGIC	 0x36d76289u
#define MB2_HEADER_SIZE	 16u
#define MB2_ARCH_I386	 0u

/* 3.1.3 and on: type, flags, size; the next one is aligned to 8 bytes. */
enum header_tag {
	HT_END = 0,
	HT_INFO_REQUEST = 1,
	HT_ADDRESS = 2,
	HT_ENTRY = 3,
	HT_CONSOLE = 4,
	HT_FRAMEBUFFER = 5,
	HT_MODULE_ALIGN = 6,
	HT_EFI_SERVICES = 7,
	HT_ENTRY_EFI32 = 8,
	HT_ENTRY_EFI64 = 9,
	HT_RELOCATABLE = 10,
};
#define HT_HEAD		 8u
#define HT_OPTIONAL	 1u
#define HT_ADDRESS_SIZE	 24u
#define HT_ENTRY_SIZE	 12u
#define HT_CONSOLE_SIZE	 12u
#define CONSOLE_REQUIRED 1u

/* 3.6 */
enum info_tag {
	IT_END = 0,
	IT_CMDLINE = 1,
	IT_LOADER_NAME = 2,
	IT_MODULE = 3,
	IT_MEMINFO = 4,
	IT_MMAP = 6,
	IT_ACPI_OLD = 14,
	IT_ACPI_NEW = 15,
	IT_LOAD_BASE = 21,
};
#define IT_HEAD	   8u
#define MODULE_AT  16u /* of a module's tag: where its string is */
#define MMAP_AT	   16u
#define MMAP_SIZE  24u
#define LOADER	   "vise"
#define LOADER_LEN sizeof(LOADER)

/* Revision 0 of the RSDP has 20 bytes, later ones 36: ACPI 5.2.5.3. */
#define RSDP_OLD      20u
#define RSDP_NEW      36u
#define RSDP_REVISION 15u

struct header {
	size_t off, end;
	size_t address, entry; /* offsets of these tags, 0: none */
	bool relocatable;
	uint64_t base; /* where the image was loaded to */
};

/* The information is built from pieces: fixed ones in the plan's page, strings where they are. */
struct info {
	struct load_plan *p;
	uint64_t gpa; /* of the next byte */
	size_t used;  /* of the page */
};

/* ---- the header ------------------------------------------------------------------------------ */

long load_multiboot2_find(const uint8_t *image, size_t len, long *bad)
{
	size_t end = len < MB2_SEARCH ? len : MB2_SEARCH;

	if (bad)
		*bad = -1;
	for (size_t i = 0; i + MB2_HEADER_SIZE <= end; i += 8) {
		if (ld_le32(image + i) != MB2_HEADER_MAGIC)
			continue;
		if (ld_le32(image + i) + ld_le32(image + i + 4) + ld_le32(image + i + 8) +
			    ld_le32(image + i + 12) ==
		    0)
			return (long)i;
		if (bad && *bad < 0)
			*bad = (long)i;
	}
	return -1;
}

static int find_header(struct load_plan *p, struct header *h)
{
	const uint8_t *b = p->req->image.data;
	size_t len = p->req->image.len, room;
	long bad, at = load_multiboot2_find(b, len, &bad);

	if (at < 0 && bad >= 0)
		return err_set(p->err, -ENOEXEC,
			       "multiboot2: the header at 0x%lx has checksum 0x%08x, the sum of "
			       "its four words is not 0: fix it",
			       bad, ld_le32(b + bad + 12));
	if (at < 0)
		return err_set(p->err, -ENOEXEC,
			       "multiboot2: no header magic 0xe85250d6 on 8 bytes in the first 32 "
			       "KiB: this is no multiboot 2 image");
	h->off = (size_t)at;
	if (ld_le32(b + at + 4) != MB2_ARCH_I386)
		return err_set(p->err, -ENOEXEC,
			       "multiboot2: architecture %u in the header is not i386 (0): build "
			       "for x86",
			       ld_le32(b + at + 4));
	room = (len < MB2_SEARCH ? len : MB2_SEARCH) - h->off;
	if (ld_le32(b + at + 8) < MB2_HEADER_SIZE || ld_le32(b + at + 8) > room)
		return err_set(p->err, -ENOEXEC,
			       "multiboot2: header_length 0x%x is not from 16 to the 0x%zx bytes "
			       "that there are: the file is cut short",
			       ld_le32(b + at + 8), room);
	h->end = h->off + ld_le32(b + at + 8);
	return 0;
}

/* 3.1.4: what is given of the information that may be asked for. */
static bool gives(const struct load_plan *p, const struct header *h, uint32_t type)
{
	switch (type) {
	case IT_CMDLINE:
	case IT_LOADER_NAME:
	case IT_MODULE:
	case IT_MEMINFO:
	case IT_MMAP:
		return true;
	case IT_ACPI_OLD:
	case IT_ACPI_NEW:
		return p->req->rsdp;
	case IT_LOAD_BASE:
		return h->relocatable;
	default:
		return false;
	}
}

static int check_requests(struct load_plan *p, const struct header *h, const uint8_t *tag,
			  uint32_t size)
{
	for (uint32_t at = HT_HEAD; size - at >= 4; at += 4) {
		if (!gives(p, h, ld_le32(tag + at)))
			return err_set(p->err, -ENOEXEC,
				       "multiboot2: the image requires information of type %u, "
				       "which there is none of: make the request optional",
				       ld_le32(tag + at));
	}
	return 0;
}

static int bad_tag(struct load_plan *p, unsigned type, uint32_t size)
{
	return err_set(p->err, -ENOEXEC,
		       "multiboot2: header tag of type %u with size %u: too small, or past the "
		       "header's end: fix the header",
		       type, size);
}

/* One tag; the requests are looked at when all tags are known. */
static int take_tag(struct load_plan *p, struct header *h, size_t at)
{
	const uint8_t *t = (const uint8_t *)p->req->image.data + at;
	unsigned type = ld_le16(t);
	uint32_t size = ld_le32(t + 4);
	bool optional = ld_le16(t + 2) & HT_OPTIONAL;

	switch (type) {
	case HT_ADDRESS:
		h->address = at;
		return size < HT_ADDRESS_SIZE ? bad_tag(p, type, size) : 0;
	case HT_ENTRY:
		h->entry = at;
		return size < HT_ENTRY_SIZE ? bad_tag(p, type, size) : 0;
	case HT_CONSOLE:
		if (size < HT_CONSOLE_SIZE)
			return bad_tag(p, type, size);
		if (!optional && ld_le32(t + HT_HEAD) & CONSOLE_REQUIRED)
			break;
		return 0;
	case HT_RELOCATABLE:
		h->relocatable = true;
		return 0;
	case HT_INFO_REQUEST:
	case HT_MODULE_ALIGN:
	case HT_ENTRY_EFI32: /* these two count where there is EFI */
	case HT_ENTRY_EFI64:
		return 0;
	default:
		if (optional)
			return 0;
		break;
	}
	return err_set(p->err, -ENOEXEC,
		       "multiboot2: the image requires header tag %u (%s), which cannot be met: "
		       "make it optional",
		       type,
		       type == HT_CONSOLE	 ? "a console"
		       : type == HT_FRAMEBUFFER	 ? "a framebuffer"
		       : type == HT_EFI_SERVICES ? "EFI boot services"
						 : "not known");
}

typedef int (*tag_fn)(struct load_plan *p, struct header *h, size_t at);

static int each_tag(struct load_plan *p, struct header *h, tag_fn fn)
{
	const uint8_t *b = p->req->image.data;
	size_t at = h->off + MB2_HEADER_SIZE;

	while (h->end - at >= HT_HEAD) {
		uint32_t size = ld_le32(b + at + 4);
		int rc;

		if (ld_le16(b + at) == HT_END)
			return 0;
		if (size < HT_HEAD || size > h->end - at)
			return bad_tag(p, ld_le16(b + at), size);
		rc = fn(p, h, at);
		if (rc)
			return rc;
		at += align_up(size, 8);
		if (at > h->end)
			break;
	}
	return err_set(p->err, -ENOEXEC,
		       "multiboot2: the header at 0x%zx ends without a tag of type 0: fix it",
		       h->off);
}

static int take_request(struct load_plan *p, struct header *h, size_t at)
{
	const uint8_t *t = (const uint8_t *)p->req->image.data + at;

	if (ld_le16(t) != HT_INFO_REQUEST || ld_le16(t + 2) & HT_OPTIONAL)
		return 0;
	return check_requests(p, h, t, ld_le32(t + 4));
}

/* ---- the image ------------------------------------------------------------------------------- */

/* 3.1.5. All sums are of 32-bit values in 64 bits: they cannot wrap. */
static int claim_by_fields(struct load_plan *p, struct header *h)
{
	const struct load_blob *im = &p->req->image;
	const uint8_t *t = (const uint8_t *)im->data + h->address;
	uint64_t header = ld_le32(t + 8), load = ld_le32(t + 12), load_end = ld_le32(t + 16);
	uint64_t bss_end = ld_le32(t + 20);
	struct load_mb_fields f;
	int rc;

	/* -1: from the file's start on, whatever address that is */
	if (load == UINT32_MAX && header >= h->off)
		load = header - h->off;
	f = (struct load_mb_fields){"multiboot2", "address tag", h->off, header, load,
				    load_end,	  bss_end,	 0,	 0};
	rc = load_mb_fields(p, &f);
	if (rc)
		return rc;
	if (!h->entry)
		return err_set(p->err, -ENOEXEC,
			       "multiboot2: an address tag without an entry tag: add one");
	return load_claim_image(p, "multiboot2 image", load, f.bss_end - load,
				(const uint8_t *)im->data + f.start, f.size, 0);
}

static int claim_image(struct load_plan *p, struct header *h)
{
	const uint8_t *b = p->req->image.data;
	int rc;

	rc = h->address ? claim_by_fields(p, h) : load_elf_segments(p, "multiboot2", LOAD_4G);
	if (rc)
		return rc;
	h->base = p->res->image.gpa;
	if (!h->entry)
		return load_elf_entry(p, "multiboot2");
	p->res->entry = ld_le32(b + h->entry + HT_HEAD);
	if (load_in_image(p, p->res->entry))
		return 0;
	return err_set(p->err, -ENOEXEC,
		       "multiboot2: the entry tag's 0x%llx lies outside of the image: fix it",
		       (unsigned long long)p->res->entry);
}

/* ---- the information ------------------------------------------------------------------------- */

/*
 * A tag of (size) bytes, of which (fixed) are here and the rest is a string's; padded to 8. NULL: no
 * room, which the plan's error says.
 */
static uint8_t *put_tag(struct info *i, enum info_tag type, size_t fixed, uint32_t size)
{
	struct load_plan *p = i->p;
	uint8_t *t = p->page + i->used;
	size_t len = fixed == size ? align_up(size, 8) : fixed;
	struct load_item it = {i->gpa, len, t, len, LOAD_KEEP};

	if (len > sizeof(p->page) - i->used || i->gpa + size > INFO_STRINGS_END) {
		err_set(p->err, -ENAMETOOLONG,
			"multiboot2: command line and module strings take more than %u bytes: "
			"shorten them",
			INFO_STRINGS_END - INFO_PAGE);
		return NULL;
	}
	if (load_put_piece(p, "multiboot2 information", &it))
		return NULL;
	st_le32(t, type);
	st_le32(t + 4, size);
	i->gpa += len;
	i->used += len;
	return t;
}

/* The string of the tag before, (len) bytes, with (end) after it. */
static int put_string(struct info *i, const char *s, size_t len, char end)
{
	struct load_item it = {i->gpa, len + 1, s, len, end};

	i->gpa += len + 1;
	return load_put_piece(i->p, "multiboot2 information", &it);
}

/* Up to the next tag. */
static int put_padding(struct info *i)
{
	uint64_t end = align_up(i->gpa, 8);
	struct load_item it = {i->gpa, end - i->gpa, NULL, 0, 0};

	i->gpa = end;
	return it.len ? load_put_piece(i->p, "multiboot2 information", &it) : 0;
}

static size_t length(const char *s)
{
	return s ? strnlen(s, LOAD_CMDLINE_MAX) : 0;
}

/* The image's name, when the request has one, is the first word. */
static int put_cmdline(struct info *i)
{
	const char *name = i->p->req->image.cmdline, *cmd = i->p->req->cmdline;
	size_t n = length(name), c = length(cmd), all = n + c + (n && c ? 2 : 1);
	uint64_t at;
	int rc = 0;

	if (!put_tag(i, IT_CMDLINE, IT_HEAD, (uint32_t)(IT_HEAD + all)))
		return -ENAMETOOLONG;
	at = i->gpa;
	if (n)
		rc = put_string(i, name, n, c ? ' ' : 0);
	if (!rc && (c || !n))
		rc = put_string(i, cmd, c, 0);
	i->p->res->cmdline = (struct load_range){at, all};
	return rc ? rc : put_padding(i);
}

static int put_module(struct info *i, const struct load_blob *m)
{
	size_t len = length(m->cmdline);
	uint64_t gpa;
	uint8_t *t;
	int rc;

	/* mod_end has 32 bits: a module may not end at 4 GiB */
	rc = load_claim_high(i->p, "multiboot2 module", m, LOAD_4G - 1, &gpa);
	if (rc)
		return rc;
	t = put_tag(i, IT_MODULE, MODULE_AT, (uint32_t)(MODULE_AT + len + 1));
	if (!t)
		return -ENAMETOOLONG;
	st_le32(t + 8, (uint32_t)gpa);
	st_le32(t + 12, (uint32_t)(gpa + m->len));
	rc = put_string(i, m->cmdline, len, 0);
	return rc ? rc : put_padding(i);
}

/* 3.6.3 in KiB: lower from 0, upper from 1 MiB to the first hole; 3.6.8. */
static int put_memory(struct info *i)
{
	struct load_plan *p = i->p;
	struct load_map map[LOAD_MAPS];
	unsigned n = load_memory_map(p->mem, p->low_end, map);
	uint64_t end = gmem_low_end(p->mem, LOAD_4G);
	uint8_t *t = put_tag(i, IT_MEMINFO, 16, 16);

	if (!t)
		return -ENAMETOOLONG;
	st_le32(t + 8, (uint32_t)((end < p->low_end ? end : p->low_end) >> 10));
	st_le32(t + 12, (uint32_t)(end > LOAD_1M ? (end - LOAD_1M) >> 10 : 0));
	t = put_tag(i, IT_MMAP, MMAP_AT + n * MMAP_SIZE, MMAP_AT + n * MMAP_SIZE);
	if (!t)
		return -ENAMETOOLONG;
	st_le32(t + 8, MMAP_SIZE);
	st_le32(t + 12, 0); /* entry_version */
	for (unsigned k = 0; k < n; k++) {
		uint8_t *e = t + MMAP_AT + (size_t)k * MMAP_SIZE;

		st_le64(e, map[k].gpa);
		st_le64(e + 8, map[k].len);
		st_le32(e + 16, map[k].type);
	}
	return 0;
}

/* 3.6.15, 3.6.16: a copy, if there is one where it was said to be. */
static int put_rsdp(struct info *i)
{
	uint8_t r[RSDP_NEW] = {0}, *t;
	struct load_plan *p = i->p;
	uint32_t size;

	if (!p->req->rsdp)
		return 0;
	if (gmem_read(p->mem, p->req->rsdp, r, RSDP_OLD) || memcmp(r, "RSD PTR ", 8) != 0)
		return err_set(p->err, -EINVAL,
			       "multiboot2: no RSDP at 0x%llx to copy: put it there first",
			       (unsigned long long)p->req->rsdp);
	size = r[RSDP_REVISION] ? RSDP_NEW : RSDP_OLD;
	if (gmem_read(p->mem, p->req->rsdp, r, size))
		return err_set(p->err, -EINVAL,
			       "multiboot2: the RSDP at 0x%llx is cut off by RAM's end",
			       (unsigned long long)p->req->rsdp);
	t = put_tag(i, r[RSDP_REVISION] ? IT_ACPI_NEW : IT_ACPI_OLD, IT_HEAD + size,
		    IT_HEAD + size);
	if (!t)
		return -ENAMETOOLONG;
	memcpy(t + IT_HEAD, r, size);
	return 0;
}

static int put_rest(struct info *i, const struct header *h)
{
	uint8_t *t = put_tag(i, IT_LOADER_NAME, IT_HEAD + LOADER_LEN, IT_HEAD + LOADER_LEN);

	if (!t)
		return -ENAMETOOLONG;
	memcpy(t + IT_HEAD, LOADER, LOADER_LEN);
	if (h->relocatable) {
		t = put_tag(i, IT_LOAD_BASE, 12, 12);
		if (!t)
			return -ENAMETOOLONG;
		st_le32(t + IT_HEAD, (uint32_t)h->base);
	}
	return put_rsdp(i);
}

/* 3.6.1: total size, reserved, tags, a tag that ends them. */
static int put_info(struct load_plan *p, const struct header *h)
{
	struct info i = {p, INFO_PAGE + 8, 8};
	struct load_item head = {INFO_PAGE, 8, p->page, 8, LOAD_KEEP};
	int rc = load_put_piece(p, "multiboot2 information", &head);

	if (!rc)
		rc = put_rest(&i, h);
	if (!rc)
		rc = put_memory(&i);
	if (!rc)
		rc = put_cmdline(&i);
	for (unsigned k = 0; k < p->req->nr_mods && !rc; k++) {
		rc = put_module(&i, &p->req->mods[k]);
		if (rc)
			(void)err_prefix(p->err, "mods[%u]", k);
	}
	if (!rc && !put_tag(&i, IT_END, 8, 8))
		rc = -ENAMETOOLONG;
	if (rc)
		return rc;
	st_le32(p->page, (uint32_t)(i.gpa - INFO_PAGE));
	if (!load_in_ram(p->mem, LOAD_INFO, LOAD_INFO_END - LOAD_INFO))
		return load_claim_info(p, 0);
	p->res->info = INFO_PAGE;
	return load_declare(p, "multiboot2 information", INFO_PAGE, i.gpa - INFO_PAGE);
}

int load_multiboot2(struct load_plan *p)
{
	struct header h = {0};
	int rc;

	p->res->mode = X86_PROT;
	p->state = STATE_MULTIBOOT;
	p->mb_magic = MB2_BOOT_MAGIC;
	rc = find_header(p, &h);
	if (!rc)
		rc = each_tag(p, &h, take_tag);
	if (!rc)
		rc = each_tag(p, &h, take_request);
	if (!rc)
		rc = claim_image(p, &h);
	return rc ? rc : put_info(p, &h);
}
