/* SPDX-License-Identifier: MIT */
/*
 * vm, private: ACPI machine language (ACPI 6.5, chapter 20), as much as a machine's description needs.
 * Each function appends one term to the buffer; what fails is the buffer. A package's or a device's
 * contents are put between aml_open() and aml_close().
 */
#ifndef VM_AML_H
#define VM_AML_H

#include <vmm/base.h>

/* A term with a length that is not known yet. At most 64 KiB of contents. */
struct aml_mark {
	size_t at; /* of its length */
};

struct aml_mark aml_scope(struct buf *b, const char *path);  /* "\\_SB" */
struct aml_mark aml_device(struct buf *b, const char *name); /* four characters */
struct aml_mark aml_package(struct buf *b, unsigned elements);
void aml_close(struct buf *b, struct aml_mark m);

void aml_name(struct buf *b, const char *path); /* Name (path, the next term) */
void aml_int(struct buf *b, uint64_t val);
void aml_string(struct buf *b, const char *s);
void aml_eisa_id(struct buf *b, const char *id); /* "PNP0501" */

/* Name (_CRS, ResourceTemplate): what a device takes (6.4). Address 0 or line NONE: nothing. */
#define AML_NO_LINE UINT32_MAX
struct aml_resources {
	uint32_t mem, mem_len; /* 32-bit fixed memory, read and write */
	uint16_t io, io_len;
	uint32_t level_line; /* a GSI, level, active high */
	bool shared;	     /* it is others' too */
	uint32_t isa_line;   /* an ISA interrupt: edge, active high */
};
void aml_crs(struct buf *b, const struct aml_resources *r);
void aml_prs(struct buf *b,
	     const struct aml_resources *r); /* Name (_PRS, ...): what it could take */

/*
 * Name (_CRS, ...) of a PCI root: bus 0, the ports of its configuration mechanism (8 from (config) on), all
 * other ports, and a window of memory below 4 GiB.
 */
void aml_crs_pci(struct buf *b, uint16_t config, uint32_t mem, uint32_t mem_len);

/* Method (path, (args) arguments), and in it: Return (its argument number (arg), counted from 0). */
struct aml_mark aml_method(struct buf *b, const char *path, unsigned args);
void aml_return_arg(struct buf *b, unsigned arg);
/* A name as a reference: four characters, found in this scope or one above. */
void aml_reference(struct buf *b, const char *name);

#endif
