/* SPDX-License-Identifier: MIT */
/*
 * load_priv: what the loaders share: a plan of everything that will be placed. A loader only
 * claims; every claim is checked against RAM, the reserved areas and the claims before it. Memory
 * is written by load_commit() alone, when nothing can fail any more, so an image that is refused
 * leaves memory as it was. Nothing is allocated but an unpacked kernel.
 */
#ifndef VMM_LOAD_PRIV_H
#define VMM_LOAD_PRIV_H

#include <errno.h>

#include <vmm/load.h>
#include <vmm/unpack.h>

/*
 * PT_LOADs of one image. With a module list and the info area there is always room in
 * load_result.range: 40 + LOAD_MODULES + info, tables, strings, initrd.
 */
#define LOAD_SEGMENTS 40
#define LOAD_ITEMS    (LOAD_SEGMENTS + 4 * LOAD_MODULES + 12)

#define LOAD_PAGE 0x1000u
#define LOAD_1M	  0x100000ull
#define LOAD_4G	  0x100000000ull
#define LOAD_64G  0x1000000000ull

/* The info area, LOAD_INFO to LOAD_INFO_END. */
#define INFO_PAGE	 LOAD_INFO	       /* multiboot info with its tables, or zero page */
#define INFO_GDT	 (LOAD_INFO + 0x1000u) /* the GDT that Linux's boot protocol asks for */
#define INFO_STRINGS	 (LOAD_INFO + 0x2000u) /* command line, module strings */
#define INFO_STRINGS_END (LOAD_INFO + 0xe000u)
#define INFO_STACK	 (LOAD_INFO + 0xf000u) /* stack top: a page down to the strings' end */

/* Where a PC has its extended BIOS data area; up to 1 MiB nothing is usable RAM for the guest. */
#define LOAD_EBDA 0x9fc00ull

/*
 * The same area by the 16-bit boot protocol: setup code, its heap and stack, command line, BIOS. For the
 * guest RAM ends where the BIOS begins.
 */
#define REAL_SETUP     LOAD_INFO
#define REAL_SETUP_MAX 0x9000u
#define REAL_STACK     0xd000u /* SP, from REAL_SETUP on */
#define REAL_CMDLINE   (LOAD_INFO + 0xd000u)
#define REAL_BIOS      (LOAD_INFO + 0xe000u)
#define REAL_BIOS_SIZE 0x800u
#define REAL_LOW_SIZE  0x500u /* interrupt vectors and the BIOS's data */

/* One piece to write: `filled` bytes of data, then (unless LOAD_KEEP) `fill` up to len. */
#define LOAD_KEEP (-1)
struct load_item {
	uint64_t gpa, len;
	const void *data;
	uint64_t filled;
	int fill;
};

/* What the CPU's state looks like beside what x86_boot() made of the mode. */
enum load_state {
	STATE_PLAIN,
	STATE_MULTIBOOT, /* magic in EAX, info in EBX */
	STATE_PVH,	 /* info in EBX, CR0 as bare as can be */
	STATE_LINUX,	 /* selectors, GDT, zero page in (R|E)SI, by mode */
	STATE_SETUP,	 /* real mode at REAL_SETUP: segments, stack */
};

struct load_plan {
	struct gmem *mem;
	const struct load_req *req;
	struct load_result *res;
	struct err *err;
	struct load_blob elf; /* what elf.c reads: the image, or what was unpacked from it */
	void *unpacked;	      /* to be freed */
	enum load_boot boot;
	struct load_item item[LOAD_ITEMS];
	unsigned nr, nr_image; /* the first nr_image of them are the image's */
	uint64_t strings;      /* the next free byte of the string area */
	uint64_t low_end;      /* for the guest RAM below 1 MiB ends here */
	uint64_t stack;
	uint8_t page[LOAD_PAGE];      /* what INFO_PAGE will hold */
	uint8_t gdt[8 * 8];	      /* what INFO_GDT will hold */
	uint8_t bios[REAL_BIOS_SIZE]; /* what REAL_BIOS will hold */
	uint8_t low[REAL_LOW_SIZE];   /* what address 0 will hold, likewise */
	enum load_state state;
	uint32_t mb_magic; /* STATE_MULTIBOOT: EAX */
};

/* ---- mb_fields.c: the address fields of multiboot 1 and 2 --------------------------------------- */

struct load_mb_fields {
	const char *who, *where; /* for messages: the format, what holds the fields */
	uint64_t off;		 /* the header's, in the file */
	uint64_t header, load, load_end, bss_end; /* as they are there */
	uint64_t start, size;			  /* found: the image's part of the file */
};

/* Check them against the file and each other; fills in bss_end where it was 0. */
int load_mb_fields(struct load_plan *p, struct load_mb_fields *f);

/* ---- place.c: claims and the commit -----------------------------------------------------------
 */

/* Is all of [gpa, gpa + len) RAM? May span adjacent regions. */
bool load_in_ram(struct gmem *mem, uint64_t gpa, uint64_t len);

/*
 * Claim [gpa, gpa + len) for (what): `filled` bytes of data, then `fill`. -E2BIG: not RAM;
 * -ENOEXEC: wraps, lies in a reserved area, or shares a byte with an earlier claim.
 */
int load_claim(struct load_plan *p, const char *what, uint64_t gpa, uint64_t len, const void *data,
	       uint64_t filled, int fill);

/* As load_claim, and the range becomes part of the image's hull. */
int load_claim_image(struct load_plan *p, const char *what, uint64_t gpa, uint64_t len,
		     const void *data, uint64_t filled, int fill);

/* Is (addr) in something that was claimed by load_claim_image()? */
bool load_in_image(const struct load_plan *p, uint64_t addr);

/* (data) to an own area at (gpa), which nobody claims: as it is, and declared. */
int load_put(struct load_plan *p, const char *what, uint64_t gpa, const void *data, uint64_t len);
/* As load_put, but for the range: a piece of an area that is declared as a whole. */
int load_put_piece(struct load_plan *p, const char *what, const struct load_item *it);
int load_declare(struct load_plan *p, const char *what, uint64_t gpa, uint64_t len);

/* Claim the highest free page-aligned place in RAM, from 1 MiB up and below (limit), for a blob. */
int load_claim_high(struct load_plan *p, const char *what, const struct load_blob *blob,
		    uint64_t limit, uint64_t *gpa);

/*
 * Put (s) with one byte (end) after it into the string area; *gpa is where. -ENAMETOOLONG when the
 * area is full.
 */
int load_string(struct load_plan *p, const char *what, const char *s, uint8_t end, uint64_t *gpa);

/* Claim the info area: RAM must be there. The plan's page goes to INFO_PAGE, `used` bytes of it. */
int load_claim_info(struct load_plan *p, uint64_t used);

/* Boot state, then every item. The last step: *cpu is set only when all went well. */
int load_commit(struct load_plan *p, struct cpu_state *cpu);

/* rom.c: all of it: nothing is claimed in RAM. */
int load_rom(struct gmem *mem, const struct load_req *req, struct load_result *res,
	     struct cpu_state *cpu, struct err *err);

/* ---- zeropage.c: memory map and Linux's zero page -----------------------------------------------
 */

enum load_map_type { LOAD_MAP_RAM = 1, LOAD_MAP_RESERVED = 2 }; /* E820's and multiboot's numbers */
struct load_map {
	uint64_t gpa, len;
	enum load_map_type type;
};
#define LOAD_MAPS (GMEM_REGIONS + 2)

/* The guest's memory map by ascending address, RAM below 1 MiB up to (low_end); how many entries. */
unsigned load_memory_map(struct gmem *mem, uint64_t low_end, struct load_map map[LOAD_MAPS]);

/*
 * Setup header fields as offsets into the file and the zero page alike: boot.rst, "The real-mode
 * kernel header"; the others: zero-page.rst.
 */
enum zeropage {
	ZP_CL_MAGIC = 0x020,  /* before 2.02: there is a command line */
	ZP_CL_OFFSET = 0x022, /* and where, from the zero page on */
	ZP_ACPI_RSDP_ADDR = 0x070,
	ZP_EXT_RAMDISK_IMAGE = 0x0c0,
	ZP_EXT_RAMDISK_SIZE = 0x0c4,
	ZP_E820_ENTRIES = 0x1e8,
	HDR_START = 0x1f1,
	HDR_SETUP_SECTS = 0x1f1,
	HDR_SYSSIZE = 0x1f4,
	HDR_VID_MODE = 0x1fa,
	HDR_BOOT_FLAG = 0x1fe,
	HDR_JUMP = 0x200,
	HDR_MAGIC = 0x202,
	HDR_VERSION = 0x206,
	HDR_TYPE_OF_LOADER = 0x210,
	HDR_LOADFLAGS = 0x211,
	HDR_CODE32_START = 0x214,
	HDR_RAMDISK_IMAGE = 0x218,
	HDR_RAMDISK_SIZE = 0x21c,
	HDR_HEAP_END_PTR = 0x224,
	HDR_EXT_LOADER_VER = 0x226,
	HDR_EXT_LOADER_TYPE = 0x227,
	HDR_CMD_LINE_PTR = 0x228,
	HDR_INITRD_ADDR_MAX = 0x22c,
	HDR_KERNEL_ALIGNMENT = 0x230,
	HDR_RELOCATABLE = 0x234,
	HDR_XLOADFLAGS = 0x236,
	HDR_CMDLINE_SIZE = 0x238,
	HDR_PAYLOAD_OFFSET = 0x248,
	HDR_PAYLOAD_LENGTH = 0x24c,
	HDR_SETUP_DATA = 0x250,
	HDR_PREF_ADDRESS = 0x258,
	HDR_INIT_SIZE = 0x260,
	HDR_END_MAX = 0x290, /* edd_mbr_sig_buffer follows in the zero page */
	ZP_E820_TABLE = 0x2d0,
};
#define HDR_MAGIC_HDRS	   0x53726448u /* "HdrS" */
#define HDR_BOOT_MAGIC	   0xaa55u
#define HDR_JUMP_SHORT	   0xebu
#define HDR_VID_NORMAL	   0xffffu
#define HDR_VID_CURRENT	   0x0f04u /* the setup code looks for no adapter then */
#define HDR_LOADER_UNKNOWN 0xffu
#define HDR_LOADED_HIGH	   (1u << 0)
#define HDR_KASLR_FLAG	   (1u << 1)
#define HDR_CAN_USE_HEAP   (1u << 7)
#define CL_MAGIC	   0xa33fu
#define XLF_KERNEL_64	   (1u << 0)
#define XLF_ABOVE_4G	   (1u << 1)
#define E820_ENTRY_SIZE	   20u

/*
 * Complete the zero page in the plan's page (the setup header is there already): memory map,
 * command line of at most (cmdline_max) characters, initrd with its last byte at most at
 * (initrd_max); claim it all and ask for the protocol's CPU state.
 */
int load_zeropage(struct load_plan *p, const char *fmt, uint64_t cmdline_max, uint64_t initrd_max);
/* What of that the 16-bit protocol has in the setup header, too. */
int load_check_cmdline(struct load_plan *p, const char *fmt, uint64_t max, uint64_t *len);
int load_initrd(struct load_plan *p, uint8_t *hdr, uint64_t max);

/* Linux's selectors, GDT and RSI. */
void load_linux_state(struct load_plan *p, struct cpu_state *s);

/* ---- the formats ----------------------------------------------------------------------------- */

int load_flat(struct load_plan *p);
int load_multiboot(struct load_plan *p);
int load_multiboot2(struct load_plan *p);
int load_elf(struct load_plan *p);
int load_pvh(struct load_plan *p);
int load_bzimage(struct load_plan *p);

/* elf.c, all of the plan's elf. */
bool load_is_elf(const uint8_t *image, size_t len);
bool load_is_elf32(const struct load_plan *p);
/* Claim every PT_LOAD by p_paddr, all below (limit). (fmt) opens messages. */
int load_elf_segments(struct load_plan *p, const char *fmt, uint64_t limit);
/* After that: e_entry becomes the entry. */
int load_elf_entry(struct load_plan *p, const char *fmt);
/* Does an ELF image have PVH's note? Then *entry is its contents. False too where it is no good ELF. */
bool load_elf_pvh(const struct load_blob *elf, uint64_t *entry);

/* bzimage.c: the setup header, checked. Fields that the version has not are 0 or their default. */
struct bzimage {
	unsigned version;
	uint64_t setup; /* bytes of boot sector and setup code: where the kernel starts */
	uint64_t size;	/* of the protected-mode code */
	uint64_t total; /* memory from the load address on that the kernel needs to itself */
	uint64_t hdr_end;
	uint64_t pref, align;
	uint64_t payload, payload_len; /* from the file's start on; len 0: none */
	uint64_t cmdline_max, initrd_max;
	unsigned xflags;
	bool relocatable;
};
/* payload.c: unpack the kernel and make it the plan's elf. */
int load_payload(struct load_plan *p, const struct bzimage *k);
/* setup16.c: setup code, command line, BIOS; the kernel was placed at (at). */
int load_setup16(struct load_plan *p, const struct bzimage *k, uint64_t at);

/* pvh.c: start info for an ELF that was claimed. */
int load_start_info(struct load_plan *p, const char *fmt, uint64_t cmdline_max);

/* bios16.c: the BIOS's code, and where in it things are. */
extern const uint8_t load_bios16[];
extern const size_t load_bios16_len;
enum bios16 {
	BIOS_SLOT = 4, /* bytes of a handler's entry; the first ends what no other handles */
	BIOS_EXT_KB = 32,
	BIOS_E801_LOW = 34,
	BIOS_E801_HIGH = 36,
	BIOS_E820_COUNT = 38,
	BIOS_E820 = 0x400, /* entries as in the zero page */
};

/*
 * multiboot.c, multiboot2.c: the offset of the first header whose magic and checksum hold, or -1.
 * *bad, which may be NULL, is the offset of the first magic with a wrong checksum before it, or -1.
 */
long load_multiboot_find(const uint8_t *image, size_t len, long *bad);
long load_multiboot2_find(const uint8_t *image, size_t len, long *bad);

#endif
