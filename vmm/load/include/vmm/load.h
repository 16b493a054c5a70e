/* SPDX-License-Identifier: MIT */
/*
 * load: guest images into guest memory, and the CPU state they start from: flat, multiboot 1,
 * ELF64 vmlinux, bzImage.
 * [hostile: fuzz/targets/load_elf.c] [hostile: fuzz/targets/load_multiboot.c]
 * [hostile: fuzz/targets/load_bzimage.c]
 *
 * Guarantees: image bytes are hostile: no read outside the image, no write outside RAM or into
 * reserved areas (below), no allocation beyond the image's size, work linear in it. The entry lies
 * inside what was placed. After an error guest memory may have been written to ("declared dirty"):
 * `touched` says so, and the registers are as they were.
 * The caller promises: the image's memory outlives the call only; mem has RAM at 0.
 */
#ifndef VMM_LOAD_H
#define VMM_LOAD_H

#include <vmm/base.h>
#include <vmm/gmem.h>
#include <vmm/x86.h>

enum load_kind { LOAD_AUTO, LOAD_FLAT, LOAD_MULTIBOOT, LOAD_ELF, LOAD_BZIMAGE };

#define LOAD_MODULES	 16    /* at most */
#define LOAD_CMDLINE_MAX 65536 /* bytes with its NUL; formats have lower limits of their own */

/* Where the loaders keep what they hand over; images may not be placed over it. */
#define LOAD_LOW_RESERVED 0x500u   /* IVT and BIOS data area */
#define LOAD_INFO	  0x90000u /* multiboot info, zero page, E820: up to LOAD_INFO_END */
#define LOAD_INFO_END	  0xa0000u

struct load_blob {
	const void *data;
	size_t len;
	const char *cmdline; /* a multiboot module's string; may be NULL */
};

struct load_req {
	enum load_kind kind; /* LOAD_AUTO: load_detect() */
	struct load_blob image;
	const char *cmdline;		     /* may be NULL */
	struct load_blob initrd;	     /* bzImage, ELF: the initramfs; len 0: none */
	struct load_blob mods[LOAD_MODULES]; /* multiboot */
	unsigned nr_mods;
	/* flat only */
	uint64_t base;
	enum x86_mode mode;
};

struct load_range {
	uint64_t gpa, len;
};

#define LOAD_RANGES 64
struct load_result {
	enum load_kind kind;
	enum x86_mode mode;
	uint64_t entry;
	uint64_t info;			      /* multiboot info or zero page; 0: none */
	struct load_range range[LOAD_RANGES]; /* what was placed: segments, info, cmdline, initrd */
	unsigned nr_ranges;
	struct load_range image; /* hull of the image itself, bss included */
	struct load_range initrd, cmdline;
	bool touched; /* guest memory was written to, also after an error */
};

/*
 * What the bytes are: multiboot (header magic in the first 8 KiB), bzImage ("HdrS" at 0x202),
 * ELF64; else flat.
 */
enum load_kind load_detect(const void *image, size_t len);
const char *load_kind_name(enum load_kind kind);

/*
 * Place everything and fill in the CPU state to start with. 0, or -ENOEXEC (bad format), -E2BIG
 * (does not fit RAM), -EINVAL (request contradicts itself), -ENAMETOOLONG (command line), with one
 * line that names the field and the reason.
 *
 * Flat: base + len in RAM, any mode; stack ends below the image.
 * Multiboot 1 (spec 0.6.96): ELF32, ELF64 or the header's address fields; flags 0-2 and 16;
 *   entry state of section 3.2; info of section 3.3: mem, cmdline, mods, mmap, loader name.
 * ELF64: PT_LOAD by p_paddr, entry in long mode (e_entry as physical or, when it lies in a
 *   segment's virtual range, translated), zero page in RSI as Linux expects.
 * bzImage: the 64-bit boot protocol (Documentation/arch/x86/boot.rst): header checked, zero page
 *   with E820, command line, initramfs; entry at load address + 0x200.
 */
int load_image(struct gmem *mem, const struct load_req *req, struct load_result *res,
	       struct cpu_state *cpu, struct err *err);

#endif
