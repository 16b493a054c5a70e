/* SPDX-License-Identifier: MIT */
/* insn: the calls into Zydis. Nothing else in the tree includes its headers. */
#include <errno.h>
#include <stdio.h>

#include "insn_priv.h"

#define TEXT_MAX 160 /* longer than any text that Zydis makes of one instruction */

/* 16 bits is the legacy mode, not real mode: code segments of 16 bits exist in both. */
bool insn_decoder_init(ZydisDecoder *d, unsigned bits)
{
	ZyanStatus st;

	switch (bits) {
	case 16:
		st = ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
		break;
	case 32:
		st = ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
		break;
	case 64:
		st = ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
		break;
	default:
		return false;
	}
	return ZYAN_SUCCESS(st);
}

int insn_status_code(ZyanStatus st, size_t len)
{
	/* With 15 bytes at hand more of them would not help: the instruction is too long. */
	return st == ZYDIS_STATUS_NO_MORE_DATA && len < INSN_MAX ? -ENODATA : -EILSEQ;
}

int insn_format(const void *bytes, size_t len, unsigned bits, uint64_t rip, char *out,
		size_t out_len)
{
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction in;
	ZydisFormatter fmt;
	ZydisDecoder dec;
	char text[TEXT_MAX];
	ZyanStatus st;

	if (!insn_decoder_init(&dec, bits)) {
		snprintf(out, out_len, "(bad)");
		return -EINVAL;
	}
	if (len > INSN_MAX)
		len = INSN_MAX;
	st = len ? ZydisDecoderDecodeFull(&dec, bytes, len, &in, ops) : ZYDIS_STATUS_NO_MORE_DATA;
	if (!ZYAN_SUCCESS(st)) {
		int code = insn_status_code(st, len);

		snprintf(out, out_len, code == -ENODATA ? "(cut short)" : "(bad)");
		return code;
	}
	st = ZydisFormatterInit(&fmt, ZYDIS_FORMATTER_STYLE_INTEL);
	if (ZYAN_SUCCESS(st))
		st = ZydisFormatterSetProperty(&fmt, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE,
					       ZYAN_FALSE);
	if (ZYAN_SUCCESS(st))
		st = ZydisFormatterFormatInstruction(&fmt, &in, ops, in.operand_count_visible, text,
						     sizeof(text), rip, NULL);
	snprintf(out, out_len, "%s", ZYAN_SUCCESS(st) ? text : "(bad)");
	return in.length;
}

int insn_length(const void *bytes, size_t len, unsigned bits)
{
	ZydisDecodedInstruction in;
	ZydisDecoder dec;
	ZyanStatus st;

	if (!insn_decoder_init(&dec, bits))
		return -EINVAL;
	if (len > INSN_MAX)
		len = INSN_MAX;
	st = len ? ZydisDecoderDecodeInstruction(&dec, NULL, bytes, len, &in)
		 : ZYDIS_STATUS_NO_MORE_DATA;
	return ZYAN_SUCCESS(st) ? in.length : insn_status_code(st, len);
}
