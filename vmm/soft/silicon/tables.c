/* SPDX-License-Identifier: MIT */
/*
 * silicon: what is left out and why, what differs and why, the segments. Tables to be read.
 */
#include "silicon.h"

/* ---- left out: instructions whose result is not a function of the state, or that the kernel meets */

static const struct {
	uint16_t op;
	const char *why;
} left_out[] = {
	{INSN_SYSCALL, "enters the host's kernel"},
	{INSN_SYSENTER, "enters the host's kernel"},
	{INSN_CPUID, "the host's own answer, not the template's"},
	{INSN_RDTSC, "time"},
	{INSN_RDTSCP, "time"},
	{INSN_RDPMC, "counters"},
	{INSN_RDRAND, "random"},
	{INSN_RDSEED, "random"},
	{INSN_SGDT, "UMIP: the kernel emulates it"},
	{INSN_SIDT, "UMIP: the kernel emulates it"},
	{INSN_SLDT, "UMIP: the kernel emulates it"},
	{INSN_STR, "UMIP: the kernel emulates it"},
	{INSN_SMSW, "UMIP: the kernel emulates it"},
	{INSN_XGETBV, "XCR0 of the host has AVX, XINUSE is its own affair"},
	{INSN_XSAVE, "writes the host's AVX state and XCR0's size"},
	{INSN_XSAVE64, "writes the host's AVX state and XCR0's size"},
	{INSN_XSAVEC, "writes the host's AVX state and XCR0's size"},
	{INSN_XSAVEC64, "writes the host's AVX state and XCR0's size"},
	{INSN_XSAVEOPT, "what it leaves out is the host's own affair"},
	{INSN_XSAVEOPT64, "what it leaves out is the host's own affair"},
	{INSN_XRSTOR, "loads the host's AVX state"},
	{INSN_XRSTOR64, "loads the host's AVX state"},
	{INSN_WRPKRU, "may lock the child out of its own memory"},
	{INSN_RDPKRU, "the kernel's default, and signals reset it"},
	{INSN_RDPRU, "another vendor's"},
	{INSN_MONITOR, "depends on a machine register at CPL 3"},
	{INSN_MWAIT, "depends on a machine register at CPL 3"},
};

const char *sil_left_out(const struct insn *i, const uint8_t *bytes)
{
	(void)bytes;
	for (size_t k = 0; k < ARRAY_SIZE(left_out); k++)
		if (left_out[k].op == i->op)
			return left_out[k].why;
	return NULL;
}

/* ---- explained differences ------------------------------------------------------------------------- */

enum near { ANY_RESULT, NEAR_SINGLES, NEAR_F80, SAME_IN_57_BITS, FETCH };

#define ST_ALL (SIL_D_ST | SIL_D_FPU)
#define FAULT_ALL                                                                                  \
	(SIL_D_VECTOR | SIL_D_ERROR | SIL_D_CR2 | SIL_D_RIP | SIL_D_FLAGS | SIL_D_MEM |            \
	 SIL_D_XMM | SIL_D_MXCSR | SIL_D_ST | SIL_D_FPU | SIL_D_FPTR)
#define RCP_TEXT                                                                                   \
	"an approximation, relative error at most 1.5 * 2^-12: SDM 2B, RCPPS, RSQRTPS; ours is "   \
	"computed, the vendors' are tables of their own"
#define TRANS_TEXT                                                                                 \
	"a transcendental, good to one unit in the last place: SDM 1, 8.3.10; ours is rounded by " \
	"rules of our own, C1 with it"
#define RANGE_TEXT                                                                                 \
	"the operand is outside of what the instruction takes: SDM 2A, F2XM1, FYL2XP1: the "       \
	"result is undefined"
#define FX_TEXT                                                                                    \
	"#AC or #GP of a misaligned image with RFLAGS.AC varies with the implementation: SDM 2A, " \
	"FXSAVE, FXRSTOR"

#define FIP_TEXT                                                                                   \
	"the image is not one that FXSAVE can have written, its pointers are not canonical: SDM "  \
	"2A, FXRSTOR (what is restored is incorrect) and SDM 1, 3.3.7.1; silicon extends them "    \
	"from its linear addresses' width, ours has all 64 bits"

#define FETCH_TEXT                                                                                 \
	"no instruction, at the end of a page: faults of fetching come before those of decoding, " \
	"SDM 3A table 6-2, and how many bytes of an invalid opcode are fetched is nowhere said; "  \
	"ours are those that the decoder needs"

static const struct explained {
	uint16_t op;
	uint8_t near;	 /* how far apart the results may be */
	int8_t vector;	 /* on silicon, -1: none */
	unsigned fields; /* those that may differ */
	const char *why; /* with a place in a manual */
} explained[] = {
	{INSN_RCPPS, NEAR_SINGLES, -1, SIL_D_XMM, RCP_TEXT},
	{INSN_RCPSS, NEAR_SINGLES, -1, SIL_D_XMM, RCP_TEXT},
	{INSN_RSQRTPS, NEAR_SINGLES, -1, SIL_D_XMM, RCP_TEXT},
	{INSN_RSQRTSS, NEAR_SINGLES, -1, SIL_D_XMM, RCP_TEXT},
	{INSN_F2XM1, NEAR_F80, -1, ST_ALL, TRANS_TEXT},
	{INSN_FYL2X, NEAR_F80, -1, ST_ALL, TRANS_TEXT},
	{INSN_FYL2XP1, NEAR_F80, -1, ST_ALL, TRANS_TEXT},
	{INSN_FSIN, NEAR_F80, -1, ST_ALL, TRANS_TEXT},
	{INSN_FCOS, NEAR_F80, -1, ST_ALL, TRANS_TEXT},
	{INSN_FSINCOS, NEAR_F80, -1, ST_ALL, TRANS_TEXT},
	{INSN_FPTAN, NEAR_F80, -1, ST_ALL, TRANS_TEXT},
	{INSN_FPATAN, NEAR_F80, -1, ST_ALL, TRANS_TEXT},
	{INSN_F2XM1, ANY_RESULT, -1, ST_ALL, RANGE_TEXT},
	{INSN_FYL2XP1, ANY_RESULT, -1, ST_ALL, RANGE_TEXT},
	{INSN_FXSAVE, ANY_RESULT, X86_AC, FAULT_ALL, FX_TEXT},
	{INSN_FXSAVE64, ANY_RESULT, X86_AC, FAULT_ALL, FX_TEXT},
	{INSN_FXRSTOR, ANY_RESULT, X86_AC, FAULT_ALL, FX_TEXT},
	{INSN_FXRSTOR64, ANY_RESULT, X86_AC, FAULT_ALL, FX_TEXT},
	{INSN_BAD, FETCH, X86_PF, SIL_D_VECTOR, FETCH_TEXT},
	{INSN_FXRSTOR64, SAME_IN_57_BITS, -1, SIL_D_FPTR, FIP_TEXT},
};

bool sil_approximate(const struct insn *i)
{
	for (size_t k = 0; k < ARRAY_SIZE(explained); k++)
		if (explained[k].op == i->op)
			return true;
	return false;
}

#define FX_SW  2
#define FX_OP  6
#define FX_IP  8
#define FX_DP  16
#define FX_ST  32
#define FX_XMM 160
#define SW_C1  0x200u
#define SW_UE  0x10u
#define SW_PE  0x20u

/* Singles a and b that both lie within 1.5 * 2^-12 of the same value: 2^13 steps apart at most. */
static bool near_singles(const uint8_t *a, const uint8_t *b)
{
	for (size_t i = 0; i < 256; i += 4) {
		int64_t d = (int64_t)ld_le32(a + FX_XMM + i) - (int64_t)ld_le32(b + FX_XMM + i);

		/* About the least normal number: it or 0 (SDM 2B, RCPPS). */
		if (!((ld_le32(a + FX_XMM + i) & 0x7fffffff) &&
		      (ld_le32(b + FX_XMM + i) & 0x7fffffff)) &&
		    (d == 0x800000 || d == -0x800000))
			continue;
		if (d > 1 << 13 || d < -(1 << 13))
			return false;
	}
	return true;
}

/* Two units in the last place, over the ends of a binade too. */
static bool near_f80(const uint8_t *a, const uint8_t *b)
{
	for (size_t i = 0; i < 8; i++) {
		const uint8_t *x = a + FX_ST + 16 * i, *y = b + FX_ST + 16 * i;
		__int128 m = (__int128)(ld_le16(x + 8) & 0x7fff) << 63 | (ld_le64(x) & INT64_MAX);
		__int128 n = (__int128)(ld_le16(y + 8) & 0x7fff) << 63 | (ld_le64(y) & INT64_MAX);

		if ((x[9] ^ y[9]) >> 7 || m - n > 2 || n - m > 2)
			return false;
	}
	return !memcmp(a, b, FX_SW) && a[4] == b[4] &&
	       !((ld_le16(a + FX_SW) ^ ld_le16(b + FX_SW)) & ~(SW_C1 | SW_UE | SW_PE));
}

/* FIP and FDP of soft, extended as a CPU with 57-bit or 48-bit linear addresses does it. */
static bool extended(const uint8_t *a, const uint8_t *b)
{
	for (size_t i = FX_IP; i <= FX_DP; i += 8) {
		uint64_t x = ld_le64(a + i), y = ld_le64(b + i);

		if (x != y && x != (uint64_t)((int64_t)(y << 7) >> 7) &&
		    x != (uint64_t)((int64_t)(y << 16) >> 16))
			return false;
	}
	return ld_le16(a + FX_OP) == ld_le16(b + FX_OP);
}

/* Silicon wanted the byte behind the page; soft had seen enough. */
static bool fetched(const struct sil_case *c, const struct sil_result *silicon,
		    const struct sil_result *soft)
{
	uint64_t page = SIL_CODE + (uint64_t)c->slot * SIL_SLOT_SIZE;

	return soft->vector == X86_UD && silicon->cr2 == page + 0x1000;
}

/* F2XM1 takes -1 to 1, FYL2XP1 less than 1 - sqrt(2) / 2 about 0: exponents from there on are outside. */
static bool outside(const struct sil_case *c, unsigned op)
{
	unsigned exp = ld_le16(c->in.fx + FX_ST + 8) & 0x7fff;
	bool unnormal = exp && !(c->in.fx[FX_ST + 7] >> 7);

	return unnormal || exp >= (op == INSN_F2XM1 ? 0x3fff : 0x3ffd);
}

int sil_explained(const struct sil_case *c, const struct sil_result *silicon,
		  const struct sil_result *soft, const struct sil_diff *d)
{
	const uint8_t *a = silicon->out.fx, *b = soft->out.fx;
	struct insn i;

	if (insn_decode(c->code, c->code_len, c->bits, &i) < 0)
		i.op = INSN_BAD;
	for (size_t k = 0; k < ARRAY_SIZE(explained); k++) {
		const struct explained *e = &explained[k];

		if (e->op != i.op || (d->fields & ~e->fields) ||
		    (e->vector >= 0 && silicon->vector != e->vector))
			continue;
		if ((e->near == NEAR_SINGLES && !near_singles(a, b)) ||
		    (e->near == NEAR_F80 && !near_f80(a, b)) ||
		    (e->near == FETCH && !fetched(c, silicon, soft)) ||
		    (e->near == SAME_IN_57_BITS && !extended(a, b)) ||
		    (e->near == ANY_RESULT && e->vector < 0 && !outside(c, i.op)))
			continue;
		/* Rows of one reason count together. */
		while (k && explained[k - 1].why == e->why)
			k--;
		return (int)k;
	}
	return -1;
}

const char *sil_explanation(int row)
{
	return row >= 0 && (size_t)row < ARRAY_SIZE(explained) ? explained[row].why : NULL;
}

/* ---- segments: Linux' GDT (arch/x86 asm/segment.h) and the child's LDT ------------------------------ */

bool sil_descriptor(uint16_t sel, struct x86_seg *seg)
{
	/* attr as the kernel's fill_ldt() makes it: accessed, DPL 3, AVL from "useable". */
	static const struct {
		uint32_t limit;
		uint16_t attr;
	} ldt[SIL_L_NR] = {
		[SIL_L_DATA16] = {0xffff, 0x10f3}, [SIL_L_SHORT16] = {0x2fff, 0x10f3},
		[SIL_L_DOWN16] = {0x1fff, 0x10f7}, [SIL_L_SHORT32] = {0x2fff, 0x50f3},
		[SIL_L_DOWN32] = {0x1fff, 0x50f7}, [SIL_L_RO16] = {0xffff, 0x10f1},
		[SIL_L_ABSENT] = {0xffff, 0x1073}, [SIL_L_EXEC] = {0xffff, 0x50f9},
		[SIL_L_CODE] = {0xffff, 0x50fb},
	};
	unsigned n = sel >> 3;

	*seg = (struct x86_seg){.sel = sel, .limit = 0xffffffff};
	if (sel & 4) {
		if (n < SIL_SLOTS) {
			seg->base = SIL_CODE + (uint64_t)n * SIL_SLOT_SIZE;
			seg->limit = 0xffff;
			seg->attr = 0x10fb;
			return true;
		}
		n -= SIL_LDT_DATA;
		if (n >= SIL_L_NR)
			return false;
		seg->base = SIL_DATA;
		seg->limit = ldt[n].limit;
		seg->attr = ldt[n].attr;
		return true;
	}
	switch (n) {
	case 15: /* the kernel's place for the number of the CPU, which is the limit: see sil_gen_selector */
		seg->attr = 0x40f5;
		seg->limit = 0;
		return true;
	case 1:
		seg->attr = X86_SEG_CODE32;
		return true;
	case 2:
		seg->attr = X86_SEG_CODE64;
		return true;
	case 3:
		seg->attr = X86_SEG_DATA;
		return true;
	case SIL_CS32 >> 3:
		seg->attr = X86_SEG_CODE32 | 0x60;
		return true;
	case SIL_DS >> 3:
		seg->attr = X86_SEG_DATA | 0x60;
		return true;
	case SIL_CS64 >> 3:
		seg->attr = X86_SEG_CODE64 | 0x60;
		return true;
	default:
		return false;
	}
}

/* VEX, EVEX, XOP: the host may have what no template has. The calls into the kernel are elsewhere. */
bool sil_surely_bad(const uint8_t *code, unsigned bits)
{
	for (unsigned i = 0; i + 1 < INSN_MAX; i++) {
		if ((code[i] == 0x0f && (code[i + 1] == 0x05 || code[i + 1] == 0x34)) ||
		    (code[i] == 0xcd && code[i + 1] == 0x80))
			return false;
		/* MPX, which the decoder knows: on CPUs without it a NOP of any form. */
		if (code[i] == 0x0f && (code[i + 1] == 0x1a || code[i + 1] == 0x1b))
			return false;
		if (code[i] == 0xc4 || code[i] == 0xc5 || code[i] == 0x62 || code[i] == 0x8f)
			return false;
	}
	(void)bits;
	return true;
}
