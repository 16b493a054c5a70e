/* SPDX-License-Identifier: MIT */
/*
 * load: the guest's memory map, and Linux's zero page (struct boot_params) with the CPU state that
 * goes with it. Linux Documentation/arch/x86/boot.rst and zero-page.rst.
 */
#include "load_priv.h"

static void add_map(struct load_map *map, unsigned *n, uint64_t gpa, uint64_t end,
		    enum load_map_type type)
{
	if (gpa < end)
		map[(*n)++] = (struct load_map){gpa, end - gpa, type};
}

unsigned load_memory_map(struct gmem *mem, uint64_t low_end, struct load_map map[LOAD_MAPS])
{
	struct gmem_region r;
	unsigned n = 0;
	bool hole = false;

	for (unsigned i = 0; gmem_region(mem, i, &r); i++) {
		uint64_t end = r.gpa + r.len;
		enum load_map_type type = r.kind == GMEM_RAM ? LOAD_MAP_RAM : LOAD_MAP_RESERVED;

		add_map(map, &n, r.gpa, end < low_end ? end : low_end, type);
		if (end > LOAD_1M && !hole) {
			add_map(map, &n, low_end, LOAD_1M, LOAD_MAP_RESERVED);
			hole = true;
		}
		add_map(map, &n, r.gpa > LOAD_1M ? r.gpa : LOAD_1M, end, type);
	}
	if (!hole)
		add_map(map, &n, low_end, LOAD_1M, LOAD_MAP_RESERVED);
	return n;
}

static void put_e820(struct load_plan *p)
{
	struct load_map map[LOAD_MAPS];
	unsigned n = load_memory_map(p->mem, p->low_end, map);

	for (unsigned i = 0; i < n; i++) {
		uint8_t *e = p->page + ZP_E820_TABLE + (size_t)i * E820_ENTRY_SIZE;

		st_le64(e, map[i].gpa);
		st_le64(e + 8, map[i].len);
		st_le32(e + 16, map[i].type);
	}
	p->page[ZP_E820_ENTRIES] = (uint8_t)n;
}

int load_check_cmdline(struct load_plan *p, const char *fmt, uint64_t max, uint64_t *len)
{
	*len = strnlen(p->req->cmdline ? p->req->cmdline : "", LOAD_CMDLINE_MAX);
	if (*len > max)
		return err_set(p->err, -ENAMETOOLONG,
			       "%s: the command line is over the %llu characters that the kernel's "
			       "cmdline_size allows: shorten it",
			       fmt, (unsigned long long)max);
	return 0;
}

static int put_cmdline(struct load_plan *p, const char *fmt, uint64_t max)
{
	uint64_t len, gpa;
	int rc = load_check_cmdline(p, fmt, max, &len);

	if (!rc)
		rc = load_string(p, fmt, p->req->cmdline ? p->req->cmdline : "", 0, &gpa);
	if (rc)
		return rc;
	st_le32(p->page + HDR_CMD_LINE_PTR, (uint32_t)gpa);
	/* Kernels before protocol 2.02 look here, and the zero page is where they have theirs. */
	if (ld_le16(p->page + HDR_VERSION) < 0x0202) {
		st_le16(p->page + ZP_CL_MAGIC, CL_MAGIC);
		st_le16(p->page + ZP_CL_OFFSET, (uint16_t)(gpa - INFO_PAGE));
	}
	p->res->cmdline = (struct load_range){gpa, len + 1};
	return 0;
}

int load_initrd(struct load_plan *p, uint8_t *hdr, uint64_t max)
{
	const struct load_blob *rd = &p->req->initrd;
	uint64_t limit = max >= LOAD_4G - 1 ? LOAD_4G : max + 1, gpa;
	int rc;

	st_le32(hdr + HDR_RAMDISK_IMAGE, 0);
	st_le32(hdr + HDR_RAMDISK_SIZE, 0);
	if (!rd->len)
		return 0;
	rc = load_claim_high(p, "initrd", rd, limit, &gpa);
	if (rc)
		return rc;
	/* both below 4 GiB: the ext_ramdisk fields stay 0 */
	st_le32(hdr + HDR_RAMDISK_IMAGE, (uint32_t)gpa);
	st_le32(hdr + HDR_RAMDISK_SIZE, (uint32_t)rd->len);
	p->res->initrd = (struct load_range){gpa, rd->len};
	return 0;
}

/*
 * "A GDT must be loaded with the descriptors for selectors __BOOT_CS (0x10) and __BOOT_DS (0x18)":
 * flat code of the mode's size and flat data. The TSS stays at the selector that x86_boot() gave it.
 */
#define BOOT_CS 0x10u
#define BOOT_DS 0x18u

static uint64_t descriptor(uint32_t base, uint32_t limit, uint16_t attr)
{
	return (limit & 0xffffu) | (uint64_t)(base & 0xffffffu) << 16 | (uint64_t)attr << 40 |
	       (uint64_t)(limit >> 16 & 0xfu) << 48 | (uint64_t)(base >> 24) << 56;
}

static int put_gdt(struct load_plan *p)
{
	uint16_t code = p->res->mode == X86_LONG ? X86_SEG_CODE64 : X86_SEG_CODE32;

	memset(p->gdt, 0, sizeof(p->gdt));
	st_le64(p->gdt + BOOT_CS, descriptor(0, 0xfffff, code));
	st_le64(p->gdt + BOOT_DS, descriptor(0, 0xfffff, X86_SEG_DATA));
	st_le64(p->gdt + X86_SEL_TSS, descriptor(X86_BOOT_TSS, 103, X86_SEG_TSS));
	return load_put(p, "GDT", INFO_GDT, p->gdt, sizeof(p->gdt));
}

int load_zeropage(struct load_plan *p, const char *fmt, uint64_t cmdline_max, uint64_t initrd_max)
{
	uint8_t *z = p->page;
	int rc;

	st_le16(z + HDR_VID_MODE, HDR_VID_NORMAL);
	z[HDR_TYPE_OF_LOADER] = HDR_LOADER_UNKNOWN;
	z[HDR_LOADFLAGS] &= (uint8_t)~HDR_KASLR_FLAG;
	z[HDR_EXT_LOADER_VER] = 0;
	z[HDR_EXT_LOADER_TYPE] = 0;
	st_le64(z + HDR_SETUP_DATA, 0); /* a list in guest memory: none is given */
	st_le64(z + ZP_ACPI_RSDP_ADDR, p->req->rsdp);
	put_e820(p);
	rc = put_cmdline(p, fmt, cmdline_max);
	if (!rc)
		rc = load_claim_info(p, LOAD_PAGE);
	if (!rc)
		rc = put_gdt(p);
	if (!rc)
		rc = load_initrd(p, z, initrd_max);
	p->state = STATE_LINUX;
	return rc;
}

void load_linux_state(struct load_plan *p, struct cpu_state *s)
{
	static const enum x86_sreg data[] = {X86_ES, X86_SS, X86_DS, X86_FS, X86_GS};

	s->gdt.base = INFO_GDT;
	s->gdt.limit = sizeof(p->gdt) - 1;
	s->seg[X86_CS].sel = BOOT_CS;
	for (unsigned i = 0; i < ARRAY_SIZE(data); i++)
		s->seg[data[i]].sel = BOOT_DS;
	s->gpr[X86_RSI] = p->res->info;
}
