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

static const struct explained {
	uint16_t op;	 /* INSN_BAD: any */
	unsigned fields; /* those that may differ */
	uint64_t flags;	 /* with SIL_D_FLAGS: those that may differ */
	const char *why; /* with a place in a manual */
} explained[] = {
	{INSN_BAD, 0, 0, ""},
};

int sil_explained(const struct sil_case *c, const struct sil_result *silicon,
		  const struct sil_result *soft, const struct sil_diff *d)
{
	struct insn i;

	(void)silicon;
	(void)soft;
	if (insn_decode(c->code, c->code_len, c->bits, &i) < 0)
		return -1;
	for (size_t k = 0; k < ARRAY_SIZE(explained); k++) {
		const struct explained *e = &explained[k];

		if ((e->op == INSN_BAD || e->op == i.op) && !(d->fields & ~e->fields) &&
		    !(d->flags & ~e->flags))
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
		[SIL_L_DATA16] = {0xffff, 0x10f3},  [SIL_L_SHORT16] = {0x2fff, 0x10f3},
		[SIL_L_DOWN16] = {0x1fff, 0x10f7},  [SIL_L_SHORT32] = {0x2fff, 0x50f3},
		[SIL_L_DOWN32] = {0x1fff, 0x50f7},  [SIL_L_RO16] = {0xffff, 0x10f1},
		[SIL_L_ABSENT] = {0xffff, 0x1073},  [SIL_L_EXEC] = {0xffff, 0x50f9},
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
		if (code[i] == 0xc4 || code[i] == 0xc5 || code[i] == 0x62 || code[i] == 0x8f)
			return false;
	}
	(void)bits;
	return true;
}
