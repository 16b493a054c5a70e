/* SPDX-License-Identifier: MIT */
/*
 * load: guest images into guest memory, and the CPU state they start from: flat, multiboot 1 and 2,
 * ELF vmlinux, PVH, bzImage, whose compressed kernel is unpacked here unless the guest shall do it,
 * ROM from the reset vector.
 * [hostile: fuzz/targets/load_elf.c] [hostile: fuzz/targets/load_multiboot.c]
 * [hostile: fuzz/targets/load_bzimage.c] [hostile: fuzz/targets/load_pvh.c]
 * [hostile: fuzz/targets/load_multiboot2.c] [hostile: fuzz/targets/initramfs.c]
 * [hostile: fuzz/targets/load_flat.c]
 *
 * Guarantees: image bytes are hostile: no read outside the image, no write outside RAM or into
 * reserved areas (below), work linear in it. Nothing is allocated but what is unpacked, which is
 * no larger than the guest's RAM (and what vmm/unpack.h says its decoder takes). The entry lies
 * inside what was placed. After an error guest memory may have been written to ("declared dirty"):
 * `touched` says so, and the registers are as they were.
 * The caller promises: the image's memory outlives the call only; mem has RAM at 0.
 */
#ifndef VMM_LOAD_H
#define VMM_LOAD_H

#include <vmm/base.h>
#include <vmm/gmem.h>
#include <vmm/x86.h>

enum load_kind {
	LOAD_AUTO,
	LOAD_FLAT,
	LOAD_MULTIBOOT,
	LOAD_ELF,
	LOAD_BZIMAGE,
	LOAD_MULTIBOOT2,
	LOAD_PVH,
	LOAD_ROM,
	LOAD_KINDS
};

/* How a kernel is entered, where there is a choice. */
enum load_boot {
	LOAD_BOOT_AUTO, /* bzImage: direct, or guest if there is nothing to unpack; ELF: PVH if it can */
	LOAD_BOOT_DIRECT, /* bzImage: the kernel inside is unpacked here and entered itself */
	/*
	 * bzImage: it unpacks itself: the 64-bit entry, without one the 32-bit, and the 16-bit one of
	 * images before 2.12 with no payload, which need not be Linux
	 */
	LOAD_BOOT_GUEST,
	LOAD_BOOT_64,  /* bzImage, ELF64: the 64-bit entry */
	LOAD_BOOT_32,  /* bzImage: the 32-bit entry */
	LOAD_BOOT_16,  /* bzImage: its real-mode code, with a small BIOS of ours */
	LOAD_BOOT_PVH, /* ELF with the note, also one inside a bzImage */
	LOAD_BOOTS
};

#define LOAD_MODULES	 16    /* at most */
#define LOAD_CMDLINE_MAX 65536 /* bytes with its NUL; formats have lower limits of their own */

/* Where the loaders keep what they hand over; images may not be placed over it. */
#define LOAD_LOW_RESERVED 0x500u   /* IVT and BIOS data area */
#define LOAD_INFO	  0x90000u /* multiboot info, zero page, strings, a stack */
#define LOAD_INFO_END	  0xa0000u
/* With an ACPI root pointer: firmware's tables, up to 1 MiB. */
#define LOAD_TABLES 0xe0000u

#define LOAD_ROM_MAX (8u << 20)
/* How many bytes of a ROM of (len) are below 1 MiB too: its end, the last one at 0xfffff. */
static inline size_t load_rom_low(size_t len)
{
	return len < 0x20000 ? len : 0x20000;
}

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
	enum load_boot boot;
	struct load_blob image;
	const char *cmdline;		     /* may be NULL */
	struct load_blob initrd;	     /* bzImage, ELF, PVH: the initramfs; len 0: none */
	struct load_blob mods[LOAD_MODULES]; /* multiboot */
	unsigned nr_mods;
	/*
	 * What firmware would have said: the ACPI RSDP's address for the zero page and PVH's start
	 * info, 0: none. The tables themselves lie below 1 MiB, from LOAD_TABLES on, where the memory
	 * map given to the guest has no RAM; nothing is placed there then. Multiboot 2 hands over a copy:
	 * the RSDP must be in memory before.
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
	enum load_boot boot; /* the way taken; LOAD_BOOT_AUTO: the format has one only */
	enum x86_mode mode;
	uint64_t entry;
	uint64_t info; /* multiboot info, start info or zero page; 0: none */
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
 * multiboot 2 (likewise, 32 KiB), bzImage ("HdrS" at 0x202), ELF with PVH's note, ELF of any other
 * kind (which load_image may yet refuse); else flat.
 */
enum load_kind load_detect(const void *image, size_t len);
const char *load_kind_name(enum load_kind kind);
/* "auto", "direct", "guest", "64", "32", "16", "pvh". */
const char *load_boot_name(enum load_boot boot);
/* The way by its name; -EINVAL: none has it. */
int load_boot_parse(const char *name, enum load_boot *boot);

/*
 * Place everything and fill in the CPU state to start with. 0, or -ENOEXEC (bad format), -E2BIG
 * (does not fit RAM), -EINVAL (request contradicts itself), -ENAMETOOLONG (command line), -ENOTSUP
 * (a compression that this build cannot unpack), -ENOMEM (to unpack), with one line that names the
 * field and the reason.
 *
 * Nothing may lie below LOAD_LOW_RESERVED, in the info area, over firmware's tables, over what
 * x86_boot() writes in the mode used, or over anything else that is placed. An option that the format
 * cannot pass on (a command line for a flat image, an initrd for a multiboot one, a way to boot that
 * it has not) is -EINVAL.
 *
 * Flat: base + len in RAM, any mode; the stack ends at the image's start where the page below is
 *   free RAM (in real mode at 0xfff0 at most), else in the info area.
 * Multiboot 1 (spec 0.6.96): ELF32, ELF64 or the header's address fields; flags 0-2 and 16 (2, a
 *   wish for a video mode, is not met); entry state of section 3.2; info of section 3.3: mem,
 *   cmdline, mods, mmap, loader name, all valid. Modules lie high, page-aligned, below 4 GiB.
 * Multiboot 2 (spec 2.0): ELF32, ELF64 or the address tag, at the address it is linked to; the entry
 *   tag; i386 entry state; info tags 1, 2, 3, 4, 6, with an RSDP 14 or 15, for a relocatable image 21.
 *   A tag that is required and not known, and a request for information that is not given, are
 *   refused.
 * ELF: PT_LOAD by p_paddr, at most 40; entry (e_entry as physical or, when it lies in no segment
 *   there, in a segment's virtual range, translated) with the zero page in RSI as Linux expects: ELF64
 *   in long mode, ELF32 by the 32-bit boot protocol.
 * PVH (Xen's docs/misc/pvh.pandoc): ELF32 or ELF64, entered in protected mode where the note
 *   XEN_ELFNOTE_PHYS32_ENTRY says, start info of version 1 in EBX: command line, memory map, the
 *   initrd as its one module, RSDP.
 * bzImage (Documentation/arch/x86/boot.rst), protocol 2.00 and later. Directly: the payload (2.08) is
 *   unpacked and the vmlinux in it entered as ELF is, zero page with the file's setup header: the
 *   kernel runs at the address it is linked for, as with nokaslr. By 64 (2.12, XLF_KERNEL_64) and 32:
 *   header checked; at pref_address or, when relocatable, where it fits; entry at load address + 0x200
 *   or at it. By 16: the setup code at LOAD_INFO, entered in real mode; from LOAD_INFO + 0xe000 up
 *   a BIOS (INT 10h, 11h, 12h, 13h, 15h, 16h, 1Ah: no disk, no keyboard, text to port 0xe9), its
 *   interrupt table and data area below 0x500.
 * Linux's state: zero page with E820, command line, initramfs, RSDP; selectors 0x10 and 0x18 with a
 *   GDT of their own; in long mode 4 GiB or all that was placed identity-mapped; a stack in the info
 *   area.
 * ROM, never detected: 4 KiB to LOAD_ROM_MAX, a multiple of 4 KiB: its last byte is the last one below
 *   4 GiB, its end is below 1 MiB too; both as regions of ROM, for which (mem) must have left room
 *   (load_rom_low()). The state is that after a reset: f000:fff0, where the last 16 bytes are.
 */
int load_image(struct gmem *mem, const struct load_req *req, struct load_result *res,
	       struct cpu_state *cpu, struct err *err);

/*
 * Is an initramfs whole: cpio archives in the newc format, compressed ones of at most (max) bytes
 * unpacked, zeroes between? What does not begin like one is no business of ours, nor is a compression
 * that this build has not: 0. -ENOEXEC (cut short, damaged), -E2BIG, -ENOMEM, with one line.
 */
int load_check_initramfs(const void *p, size_t len, uint64_t max, struct err *err);

#endif
