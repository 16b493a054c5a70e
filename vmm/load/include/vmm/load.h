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
#define LOAD_INFO	  0x90000u /* multiboot info, zero page, strings, a stack */
#define LOAD_INFO_END	  0xa0000u

struct load_blob {
	const void *data;
	size_t len;
	/*
	 * A multiboot module's string; a multiboot image's name, without blanks, which then is the
	 * first word of the command line, as kernels expect it. May be NULL.
	 */
	const char *cmdline;
};

struct load_req {
	enum load_kind kind; /* LOAD_AUTO: load_detect() */
	struct load_blob image;
	const char *cmdline;		     /* may be NULL */
	struct load_blob initrd;	     /* bzImage, ELF: the initramfs; len 0: none */
	struct load_blob mods[LOAD_MODULES]; /* multiboot */
	unsigned nr_mods;
	/*
	 * What firmware would have said: the ACPI RSDP's address for the zero page and PVH's start
	 * info, 0: none. The tables themselves lie below 1 MiB, from 0xe0000 on, where the memory map
	 * given to the guest has no RAM.
	 */
	uint64_t rsdp;
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
	uint64_t info; /* multiboot info or zero page; 0: none */
	/* what was placed: segments (bzImage: with all of init_size), info, strings, modules, ...
	 */
	struct load_range range[LOAD_RANGES];
	unsigned nr_ranges;
	struct load_range image;	   /* hull of the image itself, bss included */
	struct load_range initrd, cmdline; /* cmdline with its NUL */
	bool touched;			   /* guest memory was written to, also after an error */
};

/*
 * What the bytes are: multiboot (a header whose magic and checksum hold, in the first 8 KiB),
 * bzImage ("HdrS" at 0x202), ELF of any kind (which load_image may yet refuse); else flat.
 */
enum load_kind load_detect(const void *image, size_t len);
const char *load_kind_name(enum load_kind kind);

/*
 * Place everything and fill in the CPU state to start with. 0, or -ENOEXEC (bad format), -E2BIG
 * (does not fit RAM), -EINVAL (request contradicts itself), -ENAMETOOLONG (command line), with one
 * line that names the field and the reason.
 *
 * Nothing may lie below LOAD_LOW_RESERVED, in the info area, over what x86_boot() writes in the
 * mode used, or over anything else that is placed. An option that the format cannot pass on (a
 * command line for a flat image, an initrd for a multiboot one) is -EINVAL.
 *
 * Flat: base + len in RAM, any mode; the stack ends at the image's start where the page below is
 *   free RAM (in real mode at 0xfff0 at most), else in the info area.
 * Multiboot 1 (spec 0.6.96): ELF32, ELF64 or the header's address fields; flags 0-2 and 16 (2, a
 *   wish for a video mode, is not met); entry state of section 3.2; info of section 3.3: mem,
 *   cmdline, mods, mmap, loader name, all valid. Modules lie high, page-aligned, below 4 GiB.
 * ELF64: PT_LOAD by p_paddr, at most 40; entry in long mode (e_entry as physical or, when it lies
 *   in no segment there, in a segment's virtual range, translated), zero page in RSI as Linux
 *   expects.
 * bzImage: the 64-bit boot protocol (Documentation/arch/x86/boot.rst), version 2.12 and later, the
 *   first that says whether there is a 64-bit entry: header checked, zero page with E820, command
 *   line, initramfs; at pref_address or, when relocatable, where it fits; entry at load address +
 *   0x200.
 * Linux's state (ELF64, bzImage): selectors 0x10 and 0x18 with a GDT of their own, 4 GiB or all
 *   that was placed identity-mapped, a stack in the info area.
 */
int load_image(struct gmem *mem, const struct load_req *req, struct load_result *res,
	       struct cpu_state *cpu, struct err *err);

#endif
