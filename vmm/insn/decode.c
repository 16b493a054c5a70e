/* SPDX-License-Identifier: MIT */
/* insn: an instruction as struct insn: Zydis' decode in this project's own terms. */
#include <errno.h>
#include <Zydis/Zydis.h>

#include <vmm/insn.h>

#include "insn_priv.h"

static const uint16_t ops[ZYDIS_MNEMONIC_MAX_VALUE + 1] = {
#define INSN_OP(name) [ZYDIS_MNEMONIC_##name] = INSN_##name,
#include <vmm/insn_ops.h>
#undef INSN_OP
};

static const char *const names[INSN_OPS] = {
	[INSN_BAD] = "(bad)",
#define INSN_OP(name) [INSN_##name] = #name,
#include <vmm/insn_ops.h>
#undef INSN_OP
};

const char *insn_op_name(unsigned op)
{
	return op < INSN_OPS ? names[op] : names[INSN_BAD];
}

/* Zydis' sets that some template has; every other one is INSN_C_OTHER. Stored plus 1: 0 is other. */
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a designator is no expression */
#define SET(set, feature) [ZYDIS_ISA_SET_##set] = (feature) + 1
static const uint8_t features[ZYDIS_ISA_SET_MAX_VALUE + 1] = {
	SET(I86, INSN_C_BASE),
	SET(I186, INSN_C_BASE),
	SET(I286PROTECTED, INSN_C_BASE),
	SET(I286REAL, INSN_C_BASE),
	SET(I386, INSN_C_BASE),
	SET(I486, INSN_C_BASE),
	SET(I486REAL, INSN_C_BASE),
	SET(PENTIUMREAL, INSN_C_BASE),
	SET(PPRO, INSN_C_BASE),
	SET(CMOV, INSN_C_BASE),
	SET(LONGMODE, INSN_C_BASE),
	SET(FAT_NOP, INSN_C_BASE),
	SET(PREFETCH_NOP, INSN_C_BASE),
	SET(PREFETCHWT1, INSN_C_BASE),
	SET(SSE_PREFETCH, INSN_C_SSE),
	SET(PAUSE, INSN_C_BASE),
	SET(CLFSH, INSN_C_BASE),
	SET(RDPMC, INSN_C_BASE),
	SET(CET, INSN_C_BASE), /* ENDBR32 and ENDBR64: NOPs on a CPU without CET */
	SET(AMD, INSN_C_SYSCALL),
	SET(X87, INSN_C_X87),
	SET(FCMOV, INSN_C_X87),
	SET(SSE3X87, INSN_C_SSE3),
	SET(PENTIUMMMX, INSN_C_MMX),
	SET(SSE, INSN_C_SSE),
	SET(SSEMXCSR, INSN_C_SSE),
	SET(SSE2, INSN_C_SSE2),
	SET(SSE2MMX, INSN_C_SSE2),
	SET(SSE3, INSN_C_SSE3),
	SET(SSSE3, INSN_C_SSSE3),
	SET(SSSE3MMX, INSN_C_SSSE3),
	SET(SSE4, INSN_C_SSE41),
	SET(SSE42, INSN_C_SSE42),
	SET(POPCNT, INSN_C_POPCNT),
	SET(LZCNT, INSN_C_LZCNT),
	SET(BMI1, INSN_C_BMI1),
	SET(BMI2, INSN_C_BMI2),
	SET(ADOX_ADCX, INSN_C_ADX),
	SET(MOVBE, INSN_C_MOVBE),
	SET(CMPXCHG16B, INSN_C_CX16),
	SET(AES, INSN_C_AES),
	SET(PCLMULQDQ, INSN_C_PCLMUL),
	SET(FXSAVE, INSN_C_FXSR),
	SET(FXSAVE64, INSN_C_FXSR),
	SET(XSAVE, INSN_C_XSAVE),
	SET(XSAVEOPT, INSN_C_XSAVEOPT),
	SET(XSAVEC, INSN_C_XSAVEC),
	SET(XSAVES, INSN_C_XSAVES),
	SET(RDRAND, INSN_C_RDRAND),
	SET(RDSEED, INSN_C_RDSEED),
	SET(RDWRFSGS, INSN_C_FSGSBASE),
	SET(RDTSCP, INSN_C_RDTSCP),
	SET(RDPRU, INSN_C_RDPRU),
	SET(PKU, INSN_C_PKU),
	SET(SMAP, INSN_C_SMAP),
	SET(INVPCID, INSN_C_INVPCID),
	SET(CLFLUSHOPT, INSN_C_CLFLUSHOPT),
	SET(CLWB, INSN_C_CLWB),
	SET(MONITOR, INSN_C_MONITOR),
	SET(LAHF, INSN_C_LAHF),
};
#undef SET

/* A general register's number, whichever its size; INSN_RIP, or INSN_NO_REG. */
static uint8_t address_reg(ZydisRegister r)
{
	ZydisRegisterClass cls = ZydisRegisterGetClass(r);

	switch (cls) {
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		return (uint8_t)ZydisRegisterGetId(r);
	case ZYDIS_REGCLASS_IP:
		return INSN_RIP;
	default:
		return INSN_NO_REG;
	}
}

static bool set_reg(struct insn_operand *o, ZydisRegister r)
{
	uint8_t num = (uint8_t)ZydisRegisterGetId(r);

	o->kind = INSN_REG;
	o->num = num;
	switch (ZydisRegisterGetClass(r)) {
	case ZYDIS_REGCLASS_GPR8:
		/* Zydis counts AL CL DL BL AH CH DH BH SPL BPL SIL DIL R8B ... */
		o->cls = INSN_GPR;
		if (r >= ZYDIS_REGISTER_AH && r <= ZYDIS_REGISTER_BH) {
			o->cls = INSN_GPRH;
			o->num = (uint8_t)(r - ZYDIS_REGISTER_AH);
		} else if (r >= ZYDIS_REGISTER_SPL) {
			o->num = (uint8_t)(r - ZYDIS_REGISTER_SPL + 4);
		} else {
			o->num = (uint8_t)(r - ZYDIS_REGISTER_AL);
		}
		return true;
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		o->cls = INSN_GPR;
		return true;
	case ZYDIS_REGCLASS_SEGMENT:
		o->cls = INSN_SREG;
		return true;
	case ZYDIS_REGCLASS_CONTROL:
		o->cls = INSN_CR;
		return true;
	case ZYDIS_REGCLASS_DEBUG:
		o->cls = INSN_DR;
		return true;
	case ZYDIS_REGCLASS_X87:
		o->cls = INSN_ST;
		return true;
	case ZYDIS_REGCLASS_MMX:
		o->cls = INSN_MM;
		return true;
	case ZYDIS_REGCLASS_XMM:
		o->cls = INSN_XMM;
		return true;
	default:
		return false;
	}
}

static bool set_operand(struct insn_operand *o, const ZydisDecodedOperand *z, uint8_t *flags)
{
	o->size = z->size / 8 <= UINT8_MAX ? (uint8_t)(z->size / 8) : 0;
	switch (z->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		return set_reg(o, z->reg.value);
	case ZYDIS_OPERAND_TYPE_MEMORY:
		o->kind = INSN_MEM;
		o->seg = (uint8_t)ZydisRegisterGetId(z->mem.segment);
		o->base = address_reg(z->mem.base);
		o->index = address_reg(z->mem.index);
		o->scale = z->mem.scale ? z->mem.scale : 1;
		o->disp = z->mem.disp.has_displacement ? z->mem.disp.value : 0;
		return z->mem.type == ZYDIS_MEMOP_TYPE_MEM || z->mem.type == ZYDIS_MEMOP_TYPE_AGEN;
	case ZYDIS_OPERAND_TYPE_POINTER:
		o->kind = INSN_FAR;
		o->sel = z->ptr.segment;
		o->disp = z->ptr.offset;
		return true;
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		o->kind = INSN_IMM;
		o->disp = z->imm.value.s;
		if (z->imm.is_relative)
			*flags |= INSN_F_REL;
		return true;
	default:
		return false;
	}
}

static uint8_t prefix_flags(const ZydisDecodedInstruction *z)
{
	uint8_t f = 0;

	if (z->attributes & ZYDIS_ATTRIB_HAS_LOCK)
		f |= INSN_F_LOCK;
	if (z->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE))
		f |= INSN_F_REP;
	if (z->attributes & ZYDIS_ATTRIB_HAS_REPNE)
		f |= INSN_F_REPNE;
	if (z->attributes & ZYDIS_ATTRIB_HAS_SEGMENT)
		f |= INSN_F_SEG;
	if (z->attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE)
		f |= INSN_F_OPSIZE;
	if (z->raw.rex.offset || (z->attributes & ZYDIS_ATTRIB_HAS_REX))
		f |= INSN_F_REX;
	return f;
}

static uint8_t override(const ZydisDecodedInstruction *z)
{
	static const struct {
		ZydisInstructionAttributes attr;
		uint8_t seg;
	} segs[] = {
		{ZYDIS_ATTRIB_HAS_SEGMENT_ES, 0}, {ZYDIS_ATTRIB_HAS_SEGMENT_CS, 1},
		{ZYDIS_ATTRIB_HAS_SEGMENT_SS, 2}, {ZYDIS_ATTRIB_HAS_SEGMENT_DS, 3},
		{ZYDIS_ATTRIB_HAS_SEGMENT_FS, 4}, {ZYDIS_ATTRIB_HAS_SEGMENT_GS, 5},
	};

	for (size_t i = 0; i < ARRAY_SIZE(segs); i++)
		if (z->attributes & segs[i].attr)
			return segs[i].seg;
	return 3;
}

/* SDM 2A table 2-3: no base in SIB with mod 0. Zydis 4.0 forgets that of R13D (67h and REX.B). */
static void sib_without_base(struct insn_operand *o, const ZydisDecodedInstruction *z)
{
	if (o->kind != INSN_MEM || !(z->attributes & ZYDIS_ATTRIB_HAS_SIB) || z->raw.modrm.mod ||
	    (z->raw.sib.base & 7) != 5)
		return;
	o->base = INSN_NO_REG;
	o->disp = z->raw.disp.value;
}

static int decode(const void *bytes, size_t len, unsigned bits, struct insn *out)
{
	ZydisDecodedOperand z_ops[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction z;
	ZydisDecoder dec;
	ZyanStatus st;

	*out = (struct insn){.op = INSN_BAD, .bits = (uint8_t)bits, .cpuid = INSN_C_OTHER};
	if (!insn_decoder_init(&dec, bits))
		return -EINVAL;
	if (len > INSN_MAX)
		len = INSN_MAX;
	st = len ? ZydisDecoderDecodeFull(&dec, bytes, len, &z, z_ops) : ZYDIS_STATUS_NO_MORE_DATA;
	if (st == ZYDIS_STATUS_INSTRUCTION_TOO_LONG)
		return -E2BIG;
	if (!ZYAN_SUCCESS(st))
		return insn_status_code(st, len);
	out->len = z.length;
	out->opsize = z.operand_width / 8;
	out->addrsize = z.address_width / 8;
	out->flags = prefix_flags(&z);
	out->seg = override(&z);
	out->opcode = z.opcode;
	out->map = (uint8_t)z.opcode_map;
	if (z.attributes & ZYDIS_ATTRIB_HAS_MODRM)
		out->modrm =
			(uint8_t)(z.raw.modrm.mod << 6 | z.raw.modrm.reg << 3 | z.raw.modrm.rm);
	if (z.mnemonic > ZYDIS_MNEMONIC_MAX_VALUE || z.opcode_map > ZYDIS_OPCODE_MAP_0F3A)
		return z.length;
	/* VEX is for the BMI instructions alone: no template has AVX. */
	if (z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
	    z.encoding != ZYDIS_INSTRUCTION_ENCODING_VEX)
		return z.length;
	if (!features[z.meta.isa_set] || z.operand_count_visible > INSN_OPERANDS)
		return z.length;
	for (unsigned i = 0; i < z.operand_count_visible; i++) {
		if (!set_operand(&out->o[i], &z_ops[i], &out->flags))
			return z.length;
		sib_without_base(&out->o[i], &z);
	}
	/* 3Eh at an indirect branch is NOTRACK to Zydis; to a CPU it is DS all the same. */
	if ((z.attributes & ZYDIS_ATTRIB_HAS_NOTRACK) && out->o[0].kind == INSN_MEM && bits != 64)
		out->o[0].seg = 3;
	out->nr = z.operand_count_visible;
	out->op = ops[z.mnemonic];
	if (out->op != INSN_BAD)
		out->cpuid = features[z.meta.isa_set] - 1;
	return z.length;
}

static bool is_prefix(uint8_t b, unsigned bits)
{
	static const uint8_t legacy[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
					 0x66, 0x67, 0xf0, 0xf2, 0xf3};

	return memchr(legacy, b, sizeof(legacy)) || (bits == 64 && (b & 0xf0) == 0x40);
}

int insn_decode(const void *bytes, size_t len, unsigned bits, struct insn *out)
{
	uint8_t nop[INSN_MAX];
	int rc = decode(bytes, len, bits, out);
	size_t i = 0, n = len < INSN_MAX ? len : INSN_MAX;

	if ((rc < 0 && rc != -EILSEQ) || (rc > 0 && (out->op || out->map != 1)))
		return rc;
	/*
	 * 0F 18 to 0F 1F are NOPs with a ModRM byte where no feature has taken them (SDM 2D, table
	 * Zydis knows the features: MPX, CET.
	 */
	memcpy(nop, bytes, n);
	while (i < n && is_prefix(nop[i], bits))
		i++;
	if (i + 1 >= n || nop[i] != 0x0f || (nop[i + 1] & 0xf8) != 0x18)
		return rc;
	nop[i + 1] = 0x1f;
	rc = decode(nop, n, bits, out);
	if (rc > 0)
		out->opcode = ((const uint8_t *)bytes)[i + 1];
	return rc;
}
