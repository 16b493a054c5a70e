/* SPDX-License-Identifier: MIT */
/*
 * load: Linux bzImage: the setup header, where the kernel goes, its 64-bit and 32-bit entries.
 * Documentation/arch/x86/boot.rst.
 *
 * Every version since 2.00 (Linux 1.3.73) is read; what came later is 0 or its default where the
 * version has not got it. A later version only appends to the header.
 */
#include "load_priv.h"

#define SECTOR	    512u
#define SECTS_IF_0  4u
#define ENTRY_64    0x200u /* from the start of the protected-mode code */
#define PARAGRAPH   16u	   /* the unit of syssize */
#define HDR_MIN	    0x268u /* of a file: up to where 2.12 has its fields */
#define HDR_END_ALL 0x264u /* where the fields end that are read here */

/* When what came. */
enum version {
	V_FIRST = 0x0200,
	V_HEAP = 0x0201,
	V_INITRD_MAX = 0x0203,
	V_SYSSIZE_32 = 0x0204, /* syssize had 16 bits before */
	V_RELOCATABLE = 0x0205,
	V_CMDLINE_SIZE = 0x0206,
	V_PAYLOAD = 0x0208,
	V_PREF_ADDRESS = 0x020a,
	V_XLOADFLAGS = 0x020c,
};
#define INITRD_MAX_OLD 0x37ffffffull /* what boot.rst says of kernels that say nothing */
#define CMDLINE_OLD    255u

/* Where the header of a version ends at least. */
static unsigned header_end(unsigned version)
{
	static const struct {
		unsigned version, end;
	} ends[] = {
		{V_PREF_ADDRESS, HDR_END_ALL},
		{0x0209, 0x258},
		{V_PAYLOAD, 0x250},
		{0x0207, 0x248},
		{V_CMDLINE_SIZE, 0x23c},
		{V_RELOCATABLE, 0x235},
		{V_INITRD_MAX, 0x230},
		{0x0202, 0x22c},
		{V_HEAP, 0x226},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		if (version >= ends[i].version)
			return ends[i].end;
	}
	return 0x224;
}

static int check_magic(struct load_plan *p, const uint8_t *b, size_t len, struct bzimage *k)
{
	if (len < HDR_MIN)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: %zu bytes are too few for a setup header (0x%x): the file "
			       "is cut short",
			       len, HDR_MIN);
	if (ld_le32(b + HDR_MAGIC) != HDR_MAGIC_HDRS)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: no \"HdrS\" at 0x202 but 0x%08x: this is no bzImage",
			       ld_le32(b + HDR_MAGIC));
	if (ld_le16(b + HDR_BOOT_FLAG) != HDR_BOOT_MAGIC)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: boot_flag 0x%04x is not 0xaa55: a damaged file?",
			       ld_le16(b + HDR_BOOT_FLAG));
	k->version = ld_le16(b + HDR_VERSION);
	if (k->version < V_FIRST)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: boot protocol version %u.%02u is not 2.00 or later: a "
			       "damaged file?",
			       k->version >> 8, k->version & 0xff);
	if (!(b[HDR_LOADFLAGS] & HDR_LOADED_HIGH))
		return err_set(p->err, -ENOEXEC,
			       "bzImage: loadflags 0x%02x lacks LOADED_HIGH: this is a zImage, use "
			       "a bzImage",
			       b[HDR_LOADFLAGS]);
	return 0;
}

/* The header ends at 0x202 + the byte at 0x201: where its short jump goes. */
static int check_jump(struct load_plan *p, const uint8_t *b, size_t len, struct bzimage *k)
{
	unsigned least = header_end(k->version);

	k->hdr_end = HDR_MAGIC + b[HDR_JUMP + 1];
	if (b[HDR_JUMP] != HDR_JUMP_SHORT)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: jump opcode 0x%02x at 0x200 is not 0xeb: a damaged file?",
			       b[HDR_JUMP]);
	if (k->hdr_end < least || k->hdr_end > HDR_END_MAX || k->hdr_end > len)
		return err_set(
			p->err, -ENOEXEC,
			"bzImage: the jump at 0x200 ends the header at 0x%llx, not from 0x%x "
			"to 0x%x and in the file: a damaged file?",
			(unsigned long long)k->hdr_end, least, HDR_END_MAX);
	return 0;
}

/*
 * setup_sects splits the file; syssize says how much of the rest is kernel (a signature may
 * follow), rounded up to a paragraph.
 */
static int check_sizes(struct load_plan *p, const uint8_t *b, size_t len, struct bzimage *k)
{
	unsigned sects = b[HDR_SETUP_SECTS] ? b[HDR_SETUP_SECTS] : SECTS_IF_0;
	uint64_t syssize, rest;

	syssize = k->version >= V_SYSSIZE_32 ? ld_le32(b + HDR_SYSSIZE) : ld_le16(b + HDR_SYSSIZE);
	syssize *= PARAGRAPH;
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
	/* 16 bits of it say little: an old kernel may be larger */
	k->size = k->version >= V_SYSSIZE_32 && syssize < rest ? syssize : rest;
	if (k->size <= ENTRY_64)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: 0x%llx bytes of kernel (syssize) end before its entry at "
			       "0x200: a damaged file?",
			       (unsigned long long)k->size);
	k->total = k->version >= V_PREF_ADDRESS ? ld_le32(b + HDR_INIT_SIZE) : 0;
	if (k->total < k->size)
		k->total = k->size;
	return 0;
}

static int check_placement(struct load_plan *p, const uint8_t *b, struct bzimage *k)
{
	bool can_move = k->version >= V_RELOCATABLE;

	k->pref = k->version >= V_PREF_ADDRESS ? ld_le64(b + HDR_PREF_ADDRESS) : 0;
	k->align = can_move ? ld_le32(b + HDR_KERNEL_ALIGNMENT) : 0;
	k->relocatable = can_move && b[HDR_RELOCATABLE];
	k->xflags = k->version >= V_XLOADFLAGS ? ld_le16(b + HDR_XLOADFLAGS) : 0;
	k->cmdline_max = k->version >= V_CMDLINE_SIZE ? ld_le32(b + HDR_CMDLINE_SIZE) : CMDLINE_OLD;
	k->initrd_max =
		k->version >= V_INITRD_MAX ? ld_le32(b + HDR_INITRD_ADDR_MAX) : INITRD_MAX_OLD;
	if (k->relocatable && (!k->align || (k->align & (k->align - 1))))
		return err_set(p->err, -ENOEXEC,
			       "bzImage: kernel_alignment 0x%llx is not a power of two: a damaged "
			       "file?",
			       (unsigned long long)k->align);
	return 0;
}

/* The payload lies in the protected-mode code. */
static int check_payload(struct load_plan *p, const uint8_t *b, struct bzimage *k)
{
	uint64_t off, len;

	if (k->version < V_PAYLOAD)
		return 0;
	off = ld_le32(b + HDR_PAYLOAD_OFFSET);
	len = ld_le32(b + HDR_PAYLOAD_LENGTH);
	if (!len)
		return 0;
	if (!range_within(off, len, 0, k->size))
		return err_set(p->err, -ENOEXEC,
			       "bzImage: payload_offset 0x%llx + payload_length 0x%llx lies past "
			       "the kernel's 0x%llx bytes: a damaged file?",
			       (unsigned long long)off, (unsigned long long)len,
			       (unsigned long long)k->size);
	k->payload = k->setup + off;
	k->payload_len = len;
	return 0;
}

/* Would the kernel find all of [at, at + total) in RAM there, and can it be started there? */
static bool fits(const struct load_plan *p, const struct bzimage *k, uint64_t at)
{
	bool high = p->boot == LOAD_BOOT_64 && k->xflags & XLF_ABOVE_4G;
	uint64_t limit = high ? LOAD_64G : LOAD_4G;

	return at >= LOAD_1M && range_within(at, k->total, 0, limit) &&
	       load_in_ram(p->mem, at, k->total);
}

/*
 * pref_address where it fits; else, for a relocatable kernel, the lowest aligned place from 1 MiB
 * up. A kernel that is not relocatable moves itself to pref_address whatever we do.
 */
static int pick_address(struct load_plan *p, const struct bzimage *k, uint64_t *at)
{
	struct gmem_region r;

	*at = k->pref ? k->pref : LOAD_1M;
	if (!k->relocatable && p->boot != LOAD_BOOT_64 && !range_within(*at, k->total, 0, LOAD_4G))
		return err_set(p->err, -E2BIG,
			       "bzImage: pref_address 0x%llx is out of protected mode's reach, and "
			       "the kernel cannot be moved: use its 64-bit entry",
			       (unsigned long long)*at);
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

/* Which way it is to be, from what was asked for and what the kernel has. */
static int pick_boot(struct load_plan *p, const struct bzimage *k)
{
	bool has_64 = k->xflags & XLF_KERNEL_64;

	if (p->boot == LOAD_BOOT_AUTO)
		p->boot = k->payload_len ? LOAD_BOOT_DIRECT : LOAD_BOOT_GUEST;
	/*
	 * What has no payload and no 64-bit entry is an old kernel or, with an old version, something else
	 * in this format (iPXE, memdisk): the real-mode entry is the one that all of them have.
	 */
	if (p->boot == LOAD_BOOT_GUEST)
		p->boot = has_64					 ? LOAD_BOOT_64
			  : k->payload_len || k->version >= V_XLOADFLAGS ? LOAD_BOOT_32
									 : LOAD_BOOT_16;
	if ((p->boot == LOAD_BOOT_DIRECT || p->boot == LOAD_BOOT_PVH) && !k->payload_len)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: protocol %u.%02u, payload_length 0: there is no payload "
			       "to unpack: boot it by way of 'guest'",
			       k->version >> 8, k->version & 0xff);
	if (p->boot == LOAD_BOOT_64 && k->version < V_XLOADFLAGS)
		return err_set(
			p->err, -ENOEXEC,
			"bzImage: boot protocol version %u.%02u has no 64-bit entry: boot it "
			"by way of '32'",
			k->version >> 8, k->version & 0xff);
	if (p->boot == LOAD_BOOT_64 && !has_64)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: xloadflags 0x%04x lacks XLF_KERNEL_64: boot it by way of "
			       "'32', or use a 64-bit kernel",
			       k->xflags);
	return 0;
}

/* The kernel as it is in the file, where it finds itself; it unpacks itself from there. */
static int claim_packed(struct load_plan *p, const struct bzimage *k, uint64_t *at)
{
	const uint8_t *b = p->req->image.data;
	int rc = pick_address(p, k, at);

	/* past the file's bytes the kernel clears its own memory: it is claimed, not written */
	return rc ? rc
		  : load_claim_image(p, "bzImage kernel (init_size)", *at, k->total, b + k->setup,
				     k->size, LOAD_KEEP);
}

/* The vmlinux inside, where it was linked to. */
static int claim_unpacked(struct load_plan *p, const struct bzimage *k)
{
	bool is32;
	int rc = load_payload(p, k);

	if (rc)
		return rc;
	is32 = load_is_elf32(p);
	p->res->mode = is32 ? X86_PROT : X86_LONG;
	rc = load_elf_segments(p, "bzImage: the kernel inside", is32 ? LOAD_4G : LOAD_64G);
	return rc ? rc : load_elf_entry(p, "bzImage: the kernel inside");
}

static int by_pvh(struct load_plan *p, const struct bzimage *k)
{
	int rc = load_payload(p, k);

	return rc ? rc : load_start_info(p, "bzImage: the kernel inside", k->cmdline_max);
}

static int check_header(struct load_plan *p, struct bzimage *k)
{
	const uint8_t *b = p->req->image.data;
	size_t len = p->req->image.len;
	int rc;

	rc = check_magic(p, b, len, k);
	if (!rc)
		rc = check_jump(p, b, len, k);
	if (!rc)
		rc = check_sizes(p, b, len, k);
	if (!rc)
		rc = check_placement(p, b, k);
	if (!rc)
		rc = check_payload(p, b, k);
	return rc ? rc : pick_boot(p, k);
}

int load_bzimage(struct load_plan *p)
{
	const uint8_t *b = p->req->image.data;
	struct bzimage k = {0};
	uint64_t at = 0;
	int rc;

	rc = check_header(p, &k);
	if (rc)
		return rc;
	if (p->boot == LOAD_BOOT_PVH)
		return by_pvh(p, &k);
	rc = p->boot == LOAD_BOOT_DIRECT ? claim_unpacked(p, &k) : claim_packed(p, &k, &at);
	if (rc)
		return rc;
	if (p->boot == LOAD_BOOT_16)
		return load_setup16(p, &k, at);
	if (p->boot != LOAD_BOOT_DIRECT) {
		p->res->mode = p->boot == LOAD_BOOT_64 ? X86_LONG : X86_PROT;
		p->res->entry = p->boot == LOAD_BOOT_64 ? at + ENTRY_64 : at;
	}
	at = p->res->image.gpa;

	/* the header from the file, and what a loader writes into it */
	memcpy(p->page + HDR_START, b + HDR_START, k.hdr_end - HDR_START);
	st_le32(p->page + HDR_CODE32_START, at < LOAD_4G ? (uint32_t)at : 0);
	return load_zeropage(p, "bzImage", k.cmdline_max, k.initrd_max);
}
