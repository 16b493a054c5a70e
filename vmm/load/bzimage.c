/* SPDX-License-Identifier: MIT */
/*
 * load: Linux bzImage by the 64-bit boot protocol: Documentation/arch/x86/boot.rst.
 *
 * Versions 2.12 and later: from 2.12 on (Linux 3.8) xloadflags says whether there is a 64-bit
 * entry, the only one used here; init_size and pref_address came with 2.10. A later version only
 * appends to the header.
 */
#include "load_priv.h"

#define VERSION_MIN 0x020cu
#define SECTOR	    512u
#define SECTS_IF_0  4u
#define ENTRY_64    0x200u /* from the start of the protected-mode code */
#define PARAGRAPH   16u	   /* the unit of syssize */

struct bz {
	uint64_t setup; /* bytes of boot sector and setup code: where the kernel starts */
	uint64_t size;	/* of the protected-mode code */
	uint64_t total; /* memory from the load address on that the kernel needs to itself */
	uint64_t hdr_end;
	uint64_t pref, align;
	unsigned xflags;
	bool relocatable;
};

static int check_magic(struct load_plan *p, const uint8_t *b, size_t len)
{
	unsigned version;

	if (len < HDR_END_2_12)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: %zu bytes are too few for a setup header (0x%x): the file "
			       "is cut short",
			       len, HDR_END_2_12);
	if (ld_le32(b + HDR_MAGIC) != HDR_MAGIC_HDRS)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: no \"HdrS\" at 0x202 but 0x%08x: this is no bzImage",
			       ld_le32(b + HDR_MAGIC));
	if (ld_le16(b + HDR_BOOT_FLAG) != HDR_BOOT_MAGIC)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: boot_flag 0x%04x is not 0xaa55: a damaged file?",
			       ld_le16(b + HDR_BOOT_FLAG));
	version = ld_le16(b + HDR_VERSION);
	if (version < VERSION_MIN)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: boot protocol version %u.%02u has no 64-bit entry: use a "
			       "kernel with 2.12 or later (Linux 3.8)",
			       version >> 8, version & 0xff);
	if (!(b[HDR_LOADFLAGS] & HDR_LOADED_HIGH))
		return err_set(p->err, -ENOEXEC,
			       "bzImage: loadflags 0x%02x lacks LOADED_HIGH: this is a zImage, use "
			       "a bzImage",
			       b[HDR_LOADFLAGS]);
	if (!(ld_le16(b + HDR_XLOADFLAGS) & XLF_KERNEL_64))
		return err_set(p->err, -ENOEXEC,
			       "bzImage: xloadflags 0x%04x lacks XLF_KERNEL_64: use a 64-bit "
			       "kernel",
			       ld_le16(b + HDR_XLOADFLAGS));
	return 0;
}

/* The header ends at 0x202 + the byte at 0x201: where its short jump goes. */
static int check_jump(struct load_plan *p, const uint8_t *b, size_t len, struct bz *k)
{
	k->hdr_end = HDR_MAGIC + b[HDR_JUMP + 1];
	if (b[HDR_JUMP] != HDR_JUMP_SHORT)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: jump opcode 0x%02x at 0x200 is not 0xeb: a damaged file?",
			       b[HDR_JUMP]);
	if (k->hdr_end < HDR_INIT_SIZE + 4 || k->hdr_end > HDR_END_MAX || k->hdr_end > len)
		return err_set(
			p->err, -ENOEXEC,
			"bzImage: the jump at 0x200 ends the header at 0x%llx, not from 0x%x "
			"to 0x%x and in the file: a damaged file?",
			(unsigned long long)k->hdr_end, HDR_INIT_SIZE + 4, HDR_END_MAX);
	return 0;
}

/*
 * setup_sects splits the file; syssize says how much of the rest is kernel (a signature may
 * follow), rounded up to a paragraph.
 */
static int check_sizes(struct load_plan *p, const uint8_t *b, size_t len, struct bz *k)
{
	unsigned sects = b[HDR_SETUP_SECTS] ? b[HDR_SETUP_SECTS] : SECTS_IF_0;
	uint64_t syssize = (uint64_t)ld_le32(b + HDR_SYSSIZE) * PARAGRAPH, rest;

	k->setup = (uint64_t)(sects + 1) * SECTOR;
	if (k->setup >= len)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: setup_sects %u puts the kernel at 0x%llx, past the file's "
			       "end 0x%zx: the file is cut short",
			       b[HDR_SETUP_SECTS], (unsigned long long)k->setup, len);
	rest = len - k->setup;
	if (syssize >= rest + PARAGRAPH)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: syssize says 0x%llx bytes of kernel, the file has 0x%llx: "
			       "it is cut short",
			       (unsigned long long)syssize, (unsigned long long)rest);
	k->size = syssize < rest ? syssize : rest;
	if (k->size <= ENTRY_64)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: 0x%llx bytes of kernel (syssize) end before its entry at "
			       "0x200: a damaged file?",
			       (unsigned long long)k->size);
	k->total = ld_le32(b + HDR_INIT_SIZE);
	if (k->total < k->size)
		k->total = k->size;
	return 0;
}

static int check_placement(struct load_plan *p, const uint8_t *b, struct bz *k)
{
	k->pref = ld_le64(b + HDR_PREF_ADDRESS);
	k->align = ld_le32(b + HDR_KERNEL_ALIGNMENT);
	k->relocatable = b[HDR_RELOCATABLE];
	k->xflags = ld_le16(b + HDR_XLOADFLAGS);
	if (k->relocatable && (!k->align || (k->align & (k->align - 1))))
		return err_set(p->err, -ENOEXEC,
			       "bzImage: kernel_alignment 0x%llx is not a power of two: a damaged "
			       "file?",
			       (unsigned long long)k->align);
	return 0;
}

/* Would the kernel find all of [at, at + total) in RAM there, and can it be started there? */
static bool fits(const struct load_plan *p, const struct bz *k, uint64_t at)
{
	uint64_t limit = k->xflags & XLF_ABOVE_4G ? LOAD_64G : LOAD_4G;

	return at >= LOAD_1M && range_within(at, k->total, 0, limit) &&
	       load_in_ram(p->mem, at, k->total);
}

/*
 * pref_address where it fits; else, for a relocatable kernel, the lowest aligned place from 1 MiB
 * up. A kernel that is not relocatable moves itself to pref_address whatever we do.
 */
static int pick_address(struct load_plan *p, const struct bz *k, uint64_t *at)
{
	struct gmem_region r;

	*at = k->pref ? k->pref : LOAD_1M;
	if (!k->relocatable || (!(*at & (k->align - 1)) && fits(p, k, *at)))
		return 0;
	for (unsigned i = 0; gmem_region(p->mem, i, &r); i++) {
		if (r.kind != GMEM_RAM)
			continue;
		*at = align_up(r.gpa > LOAD_1M ? r.gpa : LOAD_1M, k->align);
		if (fits(p, k, *at))
			return 0;
	}
	return err_set(p->err, -E2BIG,
		       "bzImage: init_size: no room for 0x%llx bytes in RAM at pref_address "
		       "0x%llx, nor elsewhere from 1 MiB aligned to 0x%llx: give more memory",
		       (unsigned long long)k->total, (unsigned long long)k->pref,
		       (unsigned long long)k->align);
}

int load_bzimage(struct load_plan *p)
{
	const uint8_t *b = p->req->image.data;
	size_t len = p->req->image.len;
	struct bz k = {0};
	uint64_t at;
	int rc;

	rc = check_magic(p, b, len);
	if (!rc)
		rc = check_jump(p, b, len, &k);
	if (!rc)
		rc = check_sizes(p, b, len, &k);
	if (!rc)
		rc = check_placement(p, b, &k);
	if (!rc)
		rc = pick_address(p, &k, &at);
	if (rc)
		return rc;
	/* past the file's bytes the kernel clears its own memory: it is claimed, not written */
	rc = load_claim_image(p, "bzImage kernel (init_size)", at, k.total, b + k.setup, k.size,
			      LOAD_KEEP);
	if (rc)
		return rc;
	p->res->mode = X86_LONG;
	p->res->entry = at + ENTRY_64;

	/* the header from the file, and what a loader writes into it */
	memcpy(p->page + HDR_START, b + HDR_START, k.hdr_end - HDR_START);
	st_le32(p->page + HDR_CODE32_START, at < LOAD_4G ? (uint32_t)at : 0);
	return load_zeropage(p, "bzImage", ld_le32(b + HDR_CMDLINE_SIZE),
			     ld_le32(b + HDR_INITRD_ADDR_MAX));
}
