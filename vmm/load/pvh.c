/* SPDX-License-Identifier: MIT */
/*
 * load: PVH: an ELF kernel with the note XEN_ELFNOTE_PHYS32_ENTRY, entered in protected mode with
 * a start info structure in EBX. Xen's docs/misc/pvh.pandoc, xen/include/public/arch-x86/hvm/start_info.h.
 */
#include "load_priv.h"

enum start_info {
	SI_MAGIC = 0,
	SI_VERSION = 4,
	SI_FLAGS = 8,
	SI_NR_MODULES = 12,
	SI_MODLIST = 16,
	SI_CMDLINE = 24,
	SI_RSDP = 32,
	SI_MEMMAP = 40,
	SI_MEMMAP_ENTRIES = 48,
	SI_SIZE = 56,
};
#define SI_START_MAGIC 0x336ec578u
#define SI_VERSION_1   1u
#define MOD_SIZE       32u /* address, size, command line, reserved: 8 bytes each */
#define MAP_SIZE       24u /* address and size, 8 bytes each, type, reserved: 4 */

/* They share the plan's page. */
#define AT_MODS	  0x40u
#define AT_MAP	  (AT_MODS + MOD_SIZE)
#define INFO_USED (AT_MAP + LOAD_MAPS * MAP_SIZE)
_Static_assert(SI_SIZE <= AT_MODS && INFO_USED <= LOAD_PAGE, "the info page is too small");

#define PVH_INITRD_MAX 0x7fffffffull /* as for ELF: what header.S of a bzImage says of its kernel */

static void put_map(struct load_plan *p)
{
	struct load_map map[LOAD_MAPS];
	unsigned n = load_memory_map(p->mem, p->low_end, map);

	for (unsigned i = 0; i < n; i++) {
		uint8_t *e = p->page + AT_MAP + (size_t)i * MAP_SIZE;

		st_le64(e, map[i].gpa);
		st_le64(e + 8, map[i].len);
		st_le32(e + 16, map[i].type);
	}
	st_le64(p->page + SI_MEMMAP, INFO_PAGE + AT_MAP);
	st_le32(p->page + SI_MEMMAP_ENTRIES, n);
}

static int put_initrd(struct load_plan *p)
{
	const struct load_blob *rd = &p->req->initrd;
	uint64_t gpa;
	int rc;

	if (!rd->len)
		return 0;
	rc = load_claim_high(p, "initrd", rd, PVH_INITRD_MAX + 1, &gpa);
	if (rc)
		return rc;
	st_le64(p->page + AT_MODS, gpa);
	st_le64(p->page + AT_MODS + 8, rd->len);
	st_le32(p->page + SI_NR_MODULES, 1);
	st_le64(p->page + SI_MODLIST, INFO_PAGE + AT_MODS);
	p->res->initrd = (struct load_range){gpa, rd->len};
	return 0;
}

int load_start_info(struct load_plan *p, const char *fmt, uint64_t cmdline_max)
{
	uint64_t entry, len, gpa;
	int rc;

	p->boot = LOAD_BOOT_PVH;
	p->state = STATE_PVH;
	p->res->mode = X86_PROT;
	rc = load_elf_segments(p, fmt, LOAD_4G);
	if (rc)
		return rc;
	if (!load_elf_pvh(&p->elf, &entry))
		return err_set(p->err, -ENOEXEC,
			       "%s: it has no note XEN_ELFNOTE_PHYS32_ENTRY, so no PVH entry: "
			       "build it with CONFIG_PVH",
			       fmt);
	if (!load_in_image(p, entry))
		return err_set(p->err, -ENOEXEC,
			       "%s: XEN_ELFNOTE_PHYS32_ENTRY 0x%llx lies in no loaded segment: fix "
			       "the note",
			       fmt, (unsigned long long)entry);
	p->res->entry = entry;

	st_le32(p->page + SI_MAGIC, SI_START_MAGIC);
	st_le32(p->page + SI_VERSION, SI_VERSION_1);
	st_le32(p->page + SI_FLAGS, 0);
	st_le64(p->page + SI_RSDP, p->req->rsdp);
	put_map(p);
	rc = load_check_cmdline(p, fmt, cmdline_max, &len);
	if (!rc)
		rc = load_string(p, fmt, p->req->cmdline ? p->req->cmdline : "", 0, &gpa);
	if (rc)
		return rc;
	st_le64(p->page + SI_CMDLINE, gpa);
	p->res->cmdline = (struct load_range){gpa, len + 1};
	rc = load_claim_info(p, INFO_USED);
	return rc ? rc : put_initrd(p);
}

int load_pvh(struct load_plan *p)
{
	return load_start_info(p, "PVH", LOAD_CMDLINE_MAX - 1);
}
