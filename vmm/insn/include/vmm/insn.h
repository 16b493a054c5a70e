/* SPDX-License-Identifier: MIT */
/*
 * insn: decoding and disassembly of x86 instructions. The only user of Zydis.
 *
 * Guarantees: bounded work and no allocation a call; any bytes are fine. Nothing is kept.
 */
#ifndef VMM_INSN_H
#define VMM_INSN_H

#include <vmm/base.h>

#define INSN_MAX 15 /* bytes of one instruction, SDM volume 2, 2.3.11 */

/*
 * Disassemble one instruction of (bits) 16, 32 or 64 at (rip) into (out) in Intel syntax.
 * Returns its length, or -EILSEQ (no instruction: out gets "(bad)"), or -ENODATA (cut short).
 */
int insn_format(const void *bytes, size_t len, unsigned bits, uint64_t rip, char *out,
		size_t out_len);

/* Its length alone: 1 to 15, -EILSEQ or -ENODATA. */
int insn_length(const void *bytes, size_t len, unsigned bits);

#endif
