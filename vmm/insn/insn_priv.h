/* SPDX-License-Identifier: MIT */
/* insn: what its files share about Zydis. */
#ifndef INSN_PRIV_H
#define INSN_PRIV_H

#include <Zydis/Zydis.h>
#include <vmm/insn.h>

/* A decoder for code of (bits) 16, 32 or 64; false for others. */
bool insn_decoder_init(ZydisDecoder *d, unsigned bits);
/* -EILSEQ or -ENODATA for a failed decode of (len) bytes. */
int insn_status_code(ZyanStatus st, size_t len);

#endif
