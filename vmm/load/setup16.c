/* SPDX-License-Identifier: MIT */
/*
 * load: the 16-bit boot protocol: the kernel's real-mode code where boot loaders always put it, the
 * command line behind its heap, and a BIOS (bios16.asm) that tells it of memory.
 * Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header" and "Running the Kernel".
 */
#include "load_priv.h"

#define V_HEAP	       0x0201u
#define V_CMD_LINE_PTR 0x0202u
#define HEAP_GAP       0x200u /* heap_end_ptr is so much below the heap's end */

/* The BIOS's data: IBM's names, offsets from address 0. */
enum bda {
	BDA_COM1 = 0x400,
	BDA_EQUIPMENT = 0x410,
	BDA_MEMORY_KB = 0x413,
	BDA_VIDEO_MODE = 0x449,
	BDA_COLUMNS = 0x44a,
	BDA_ROWS = 0x484, /* less one */
	BDA_CHAR_HEIGHT = 0x485,
};
#define COM1	     0x3f8u
#define EQUIPMENT    0x0202u /* an FPU, one serial port */
#define TEXT_MODE    3u
#define TEXT_COLUMNS 80u
#define TEXT_ROWS    25u
#define CHAR_HEIGHT  16u

#define VECTORS 256u

static void put_low(struct load_plan *p)
{
	static const uint8_t vectors[] = {0x10, 0x11, 0x12, 0x13, 0x15, 0x16, 0x1a};

	memset(p->low, 0, sizeof(p->low));
	for (unsigned v = 0; v < VECTORS; v++)
		st_le32(p->low + (size_t)v * 4, REAL_BIOS >> 4 << 16);
	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++)
		st_le16(p->low + (size_t)vectors[i] * 4, (uint16_t)((i + 1) * BIOS_SLOT));
	st_le16(p->low + BDA_COM1, COM1);
	st_le16(p->low + BDA_EQUIPMENT, EQUIPMENT);
	st_le16(p->low + BDA_MEMORY_KB, REAL_BIOS >> 10);
	p->low[BDA_VIDEO_MODE] = TEXT_MODE;
	st_le16(p->low + BDA_COLUMNS, TEXT_COLUMNS);
	p->low[BDA_ROWS] = TEXT_ROWS - 1;
	p->low[BDA_CHAR_HEIGHT] = CHAR_HEIGHT;
}

static uint16_t at_most_16(uint64_t v)
{
	return v > 0xffff ? 0xffff : (uint16_t)v;
}

/* What INT 15h answers: E820's map, E801's and 88h's sizes of RAM from 1 MiB to the first hole. */
static void put_bios(struct load_plan *p)
{
	struct load_map map[LOAD_MAPS];
	unsigned n = load_memory_map(p->mem, p->low_end, map);
	uint64_t end = gmem_low_end(p->mem, LOAD_4G), sixteen = 16 * LOAD_1M;
	uint64_t low = end > LOAD_1M ? (end < sixteen ? end : sixteen) - LOAD_1M : 0;
	uint64_t high = end > sixteen ? end - sixteen : 0;

	_Static_assert(BIOS_E820 + LOAD_MAPS * E820_ENTRY_SIZE <= REAL_BIOS_SIZE,
		       "its map is too long");
	memset(p->bios, 0, sizeof(p->bios));
	memcpy(p->bios, load_bios16, load_bios16_len);
	st_le16(p->bios + BIOS_EXT_KB, at_most_16((low + high) >> 10));
	st_le16(p->bios + BIOS_E801_LOW, at_most_16(low >> 10));
	st_le16(p->bios + BIOS_E801_HIGH, at_most_16(high >> 16));
	st_le16(p->bios + BIOS_E820_COUNT, (uint16_t)n);
	for (unsigned i = 0; i < n; i++) {
		uint8_t *e = p->bios + BIOS_E820 + (size_t)i * E820_ENTRY_SIZE;

		st_le64(e, map[i].gpa);
		st_le64(e + 8, map[i].len);
		st_le32(e + 16, map[i].type);
	}
}

/* The setup code's first page is the plan's: the loader writes into the header in it. */
static int put_setup(struct load_plan *p, const struct bzimage *k, uint64_t at)
{
	const uint8_t *b = p->req->image.data;
	size_t first = k->setup < LOAD_PAGE ? k->setup : LOAD_PAGE;
	struct load_item head = {REAL_SETUP, first, p->page, first, LOAD_KEEP};
	struct load_item rest = {REAL_SETUP + first, k->setup - first, b + first, k->setup - first,
				 LOAD_KEEP};
	uint8_t *h = p->page;
	int rc;

	memcpy(h, b, first);
	/* no adapter is looked for, so there is no menu that waits for a key */
	st_le16(h + HDR_VID_MODE, HDR_VID_CURRENT);
	h[HDR_TYPE_OF_LOADER] = HDR_LOADER_UNKNOWN;
	st_le32(h + HDR_CODE32_START, (uint32_t)at);
	if (k->version >= V_HEAP) {
		st_le16(h + HDR_HEAP_END_PTR, REAL_STACK - HEAP_GAP);
		h[HDR_LOADFLAGS] |= HDR_CAN_USE_HEAP;
	}
	if (k->version >= V_CMD_LINE_PTR) {
		h[HDR_EXT_LOADER_VER] = 0;
		h[HDR_EXT_LOADER_TYPE] = 0;
		st_le32(h + HDR_CMD_LINE_PTR, REAL_CMDLINE);
	} else {
		st_le16(h + ZP_CL_MAGIC, CL_MAGIC);
		st_le16(h + ZP_CL_OFFSET, REAL_CMDLINE - REAL_SETUP);
	}
	if (k->hdr_end >= HDR_SETUP_DATA + 8)
		st_le64(h + HDR_SETUP_DATA, 0);
	rc = load_initrd(p, h, k->initrd_max);
	if (!rc)
		rc = load_put_piece(p, "setup code", &head);
	if (!rc && rest.len)
		rc = load_put_piece(p, "setup code", &rest);
	return rc ? rc : load_declare(p, "setup code", REAL_SETUP, k->setup);
}

static int put_cmdline(struct load_plan *p, const struct bzimage *k)
{
	const uint64_t room = REAL_BIOS - REAL_CMDLINE - 1;
	uint64_t len;
	struct load_item it;
	int rc = load_check_cmdline(p, "bzImage", k->cmdline_max < room ? k->cmdline_max : room,
				    &len);

	if (rc)
		return rc;
	it = (struct load_item){REAL_CMDLINE, len + 1, p->req->cmdline, len, 0};
	p->res->cmdline = (struct load_range){REAL_CMDLINE, len + 1};
	rc = load_put_piece(p, "command line", &it);
	return rc ? rc : load_declare(p, "command line", REAL_CMDLINE, len + 1);
}

int load_setup16(struct load_plan *p, const struct bzimage *k, uint64_t at)
{
	int rc;

	if (k->setup > REAL_SETUP_MAX)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: setup_sects makes 0x%llx bytes of setup code, over the "
			       "0x%x that real mode has room for: boot it by way of '64' or '32'",
			       (unsigned long long)k->setup, REAL_SETUP_MAX);
	if (!load_in_ram(p->mem, LOAD_INFO, LOAD_INFO_END - LOAD_INFO))
		return load_claim_info(p, 0);
	p->res->mode = X86_REAL;
	p->res->entry = REAL_SETUP + HDR_JUMP;
	p->state = STATE_SETUP;
	p->low_end = REAL_BIOS;
	p->stack = REAL_STACK;
	put_bios(p);
	put_low(p);
	rc = put_setup(p, k, at);
	if (!rc)
		rc = put_cmdline(p, k);
	if (!rc)
		rc = load_put(p, "BIOS", REAL_BIOS, p->bios, sizeof(p->bios));
	if (!rc)
		rc = load_put(p, "interrupt vectors", 0, p->low, sizeof(p->low));
	if (rc)
		return rc;
	/* the setup code is part of the image */
	p->res->image.len += p->res->image.gpa - REAL_SETUP;
	p->res->image.gpa = REAL_SETUP;
	return 0;
}
