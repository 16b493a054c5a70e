/* SPDX-License-Identifier: MIT */
/*
 * insn: decoding and disassembly of x86 instructions. The only user of Zydis.
 *
 * Guarantees: bounded work and no allocation a call; any bytes are fine. Nothing is kept.
 * The caller promises: (len) bytes can be read, (bits) is 16, 32 or 64.
 * Who frees: nobody, nothing is allocated.
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

/* ---- full decode ------------------------------------------------------------------------------ */

/* What an instruction does, by its mnemonic: INSN_ADD, ... from insn_ops.h. INSN_BAD: none of them. */
enum insn_op {
	INSN_BAD,
#define INSN_OP(name) INSN_##name,
#include <vmm/insn_ops.h>
#undef INSN_OP
	INSN_OPS
};

enum insn_reg_class {
	INSN_GPR,  /* num 0 to 15, size says how much of it */
	INSN_GPRH, /* AH, CH, DH, BH: num 0 to 3 */
	INSN_SREG, /* ES CS SS DS FS GS */
	INSN_CR,
	INSN_DR,
	INSN_ST, /* x87 stack position */
	INSN_MM,
	INSN_XMM,
};

enum insn_operand_kind { INSN_NONE, INSN_REG, INSN_MEM, INSN_IMM, INSN_FAR };

#define INSN_NO_REG 0xff
#define INSN_RIP    16 /* as mem.base: relative to the next instruction */

struct insn_operand {
	uint8_t kind;	  /* enum insn_operand_kind */
	uint8_t size;	  /* bytes it moves; MEM of no size (LEA, INVLPG): 0; above 255 never */
	uint8_t cls, num; /* REG */
	/* MEM: seg:[base + index * scale + disp], truncated to the address size */
	uint8_t seg;	     /* enum x86_sreg's numbers: 0 ES to 5 GS */
	uint8_t base, index; /* GPR numbers, INSN_RIP, INSN_NO_REG */
	uint8_t scale;	     /* 1, 2, 4, 8 */
	int64_t disp;	     /* MEM; IMM: the value, sign-extended; FAR: the offset */
	uint16_t sel;	     /* FAR */
};

#define INSN_F_LOCK   1u
#define INSN_F_REP    2u /* F3, where it means REP or REPE */
#define INSN_F_REPNE  4u /* F2 likewise */
#define INSN_F_SEG    8u /* a segment override is there */
#define INSN_F_OPSIZE 16u
#define INSN_F_REL                                                                                 \
	32u /* o[0] is a relative branch: disp is the distance from the next instruction */
#define INSN_F_REX 64u

#define INSN_OPERANDS 4

struct insn {
	uint16_t op;	  /* enum insn_op */
	uint8_t len;	  /* 1 to 15 */
	uint8_t bits;	  /* 16, 32, 64: what it was decoded as */
	uint8_t opsize;	  /* effective operand size: 1, 2, 4, 8 */
	uint8_t addrsize; /* 2, 4, 8 */
	uint8_t flags;	  /* INSN_F_* */
	uint8_t nr;	  /* explicit operands (as a disassembler shows them), Intel order */
	uint8_t opcode;	  /* last opcode byte, and which map (0 one-byte, 1 0F, 2 0F38, 3 0F3A) */
	uint8_t map;
	uint8_t modrm; /* 0 where there is none */
	uint8_t seg;   /* of string operations' and XLAT's source: 3 DS, or the override */
	uint8_t cpuid; /* enum insn_cpuid: the CPUID feature it needs */
	struct insn_operand o[INSN_OPERANDS];
};

/* The feature bit in CPUID that an instruction stands or falls with. */
enum insn_cpuid {
	INSN_C_BASE, /* always there in this project's templates */
	INSN_C_X87,
	INSN_C_MMX,
	INSN_C_SSE,
	INSN_C_SSE2,
	INSN_C_SSE3,
	INSN_C_SSSE3,
	INSN_C_SSE41,
	INSN_C_SSE42,
	INSN_C_POPCNT,
	INSN_C_LZCNT,
	INSN_C_BMI1,
	INSN_C_BMI2,
	INSN_C_ADX,
	INSN_C_MOVBE,
	INSN_C_CX16,
	INSN_C_AES,
	INSN_C_PCLMUL,
	INSN_C_FXSR,
	INSN_C_XSAVE,
	INSN_C_XSAVEOPT,
	INSN_C_XSAVEC,
	INSN_C_XSAVES,
	INSN_C_RDRAND,
	INSN_C_RDSEED,
	INSN_C_FSGSBASE,
	INSN_C_RDTSCP,
	INSN_C_RDPRU,
	INSN_C_PKU,
	INSN_C_SMAP,
	INSN_C_INVPCID,
	INSN_C_CLFLUSHOPT,
	INSN_C_CLWB,
	INSN_C_MONITOR,
	INSN_C_SYSCALL,
	INSN_C_LAHF,
	INSN_C_OTHER /* none that a template has: always #UD */
};

/*
 * Decode one instruction. Its length; -EILSEQ: no instruction (#UD, also for LOCK where it may not
 * be); -E2BIG: over 15 bytes (#GP); -ENODATA: more bytes are needed. An instruction that
 * Zydis knows and this list does not is INSN_BAD with its length and cpuid INSN_C_OTHER.
 */
int insn_decode(const void *bytes, size_t len, unsigned bits, struct insn *out);

/* "add", ...; "(bad)" */
const char *insn_op_name(unsigned op);

#endif
