/* SPDX-License-Identifier: MIT */
/*
 * soft: FXSAVE, FXRSTOR and the XSAVE family, for the state that a template may offer: x87, SSE and
 * PKRU. SDM 1, chapter 13 and 10.5; SDM 2, table 3-43.
 *
 * XINUSE is decided by value: a component that holds its initial values is not in use. XSAVEOPT and
 * XSAVES look at that alone, never at what was last restored.
 */
#include "simd.h"
#include "x87.h"

#define SOFT_OP(name, fn) void fn(struct soft *s, const struct insn *i);
#include "ops_xsave.h"
#undef SOFT_OP

#define CR4_OSXSAVE (1ull << 18)

/* Legacy region, SDM 2, table 3-43 */
#define FX_CW	      0
#define FX_SW	      2
#define FX_TAG	      4
#define FX_OP	      6
#define FX_IP	      8
#define FX_DP	      16
#define FX_MXCSR      24
#define FX_MXCSR_MASK 28
#define FX_ST	      32
#define FX_XMM	      160
#define FX_SIZE	      512

/* Header, SDM 1, 13.4.2 */
#define XH_BV	    0
#define XH_COMP	    8
#define XH_SIZE	    64
#define XH_COMPACT  (1ull << 63)
#define XS_EXTENDED (FX_SIZE + XH_SIZE) /* where the compacted components begin */

#define XC_X87	     1ull
#define XC_SSE	     2ull
#define XC_AVX	     4ull
#define XC_PKRU	     (1ull << 9)
#define XC_PKRU_LEN  8u
#define XSAVE_ALIGN  64u
#define FXSAVE_ALIGN 16u

struct area {
	unsigned seg;
	uint64_t off, last; /* byte of an FXSAVE image */
	bool wide;	    /* REX.W: 64-bit pointers */
	unsigned xmms;	    /* registers that the mode has */
};

static struct area area_of(struct soft *s, const struct insn *i, unsigned align)
{
	const struct insn_operand *o = soft_x87_mem(i);
	struct area a = {.seg = o->seg, .off = soft_ea(s, i, o), .xmms = s->bits == 64 ? 16 : 8};

	switch (i->op) {
	case INSN_FXSAVE64:
	case INSN_FXRSTOR64:
	case INSN_XSAVE64:
	case INSN_XSAVEOPT64:
	case INSN_XSAVEC64:
	case INSN_XSAVES64:
	case INSN_XRSTOR64:
	case INSN_XRSTORS64:
		a.wide = true;
		break;
	default:
		break;
	}
	/* The segment fault of the first access, the alignment; touch() has the rest of FXSAVE's. */
	if (align == FXSAVE_ALIGN)
		soft_linear(s, a.seg, a.off, s->bits == 64 ? 1 : 4, SOFT_READ);
	soft_check_aligned(s, a.seg, a.off, align);
	a.last = (a.off + FX_SIZE - 1) & size_mask(i->addrsize);
	return a;
}

/* ---- components in an image ------------------------------------------------------------------------- */

static void put_x87(const struct soft *s, const struct area *a, uint8_t *b)
{
	const struct soft_x87 *f = &s->x87;

	st_le16(b + FX_CW, f->cw);
	st_le16(b + FX_SW, f->sw);
	st_le16(b + FX_TAG, f->tag);
	st_le16(b + FX_OP, f->op);
	st_le64(b + FX_IP, a->wide ? f->ip : (uint32_t)f->ip | (uint64_t)f->cs << 32);
	st_le64(b + FX_DP, a->wide ? f->dp : (uint32_t)f->dp | (uint64_t)f->ds << 32);
	for (unsigned st = 0; st < 8; st++) {
		struct soft_f80 v = soft_x87_get(s, st);

		st_le64(b + FX_ST + 16 * (size_t)st, v.sig);
		st_le64(b + FX_ST + 16 * (size_t)st + 8, v.exp);
	}
}

static void take_x87(struct soft *s, const struct area *a, const uint8_t *b)
{
	struct soft_x87 *f = &s->x87;

	f->cw = (uint16_t)((ld_le16(b + FX_CW) & X87_CW_MASK) | X87_CW_FIXED);
	f->sw = ld_le16(b + FX_SW);
	f->tag = b[FX_TAG];
	f->op = ld_le16(b + FX_OP) & X87_OP_MASK;
	f->ip = a->wide ? ld_le64(b + FX_IP) : ld_le32(b + FX_IP);
	f->dp = a->wide ? ld_le64(b + FX_DP) : ld_le32(b + FX_DP);
	f->cs = f->ds = 0;
	for (unsigned st = 0; st < 8; st++)
		f->reg[soft_x87_phys(s, st)] =
			(struct soft_f80){.sig = ld_le64(b + FX_ST + 16 * (size_t)st),
					  .exp = ld_le16(b + FX_ST + 16 * (size_t)st + 8)};
	soft_x87_update_es(s);
}

static void put_mxcsr(const struct soft *s, uint8_t *b)
{
	st_le32(b + FX_MXCSR, s->mxcsr);
	st_le32(b + FX_MXCSR_MASK, MXCSR_MASK);
}

static void put_xmm(const struct soft *s, const struct area *a, uint8_t *b)
{
	for (unsigned k = 0; k < a->xmms; k++) {
		st_le64(b + FX_XMM + 16 * (size_t)k, s->xmm[k].q[0]);
		st_le64(b + FX_XMM + 16 * (size_t)k + 8, s->xmm[k].q[1]);
	}
}

static void take_xmm(struct soft *s, const struct area *a, const uint8_t *b)
{
	for (unsigned k = 0; k < a->xmms; k++) {
		s->xmm[k].q[0] = ld_le64(b + FX_XMM + 16 * (size_t)k);
		s->xmm[k].q[1] = ld_le64(b + FX_XMM + 16 * (size_t)k + 8);
	}
}

static void init_x87(struct soft *s)
{
	soft_x87_init(s);
	memset(s->x87.reg, 0, sizeof(s->x87.reg));
}

static void init_xmm(struct soft *s, const struct area *a)
{
	memset(s->xmm, 0, a->xmms * sizeof(s->xmm[0]));
}

/* ---- FXSAVE, FXRSTOR ------------------------------------------------------------------------------------ */

/* Without CR4.OSFXSR MXCSR and XMM are left out, which the manual allows. */
static bool with_sse(const struct soft *s)
{
	return s->cr4 & X86_CR4_OSFXSR;
}

/*
 * Intel's CPUs look at the last byte of the image first, at all 512 of them also where less is used;
 * then at the first. The last one lies where the address size says, before the limit is looked at.
 */
static void touch(struct soft *s, const struct area *a, enum soft_access acc)
{
	soft_translate(s, soft_linear(s, a->seg, a->last, 1, acc), acc, s->cpl);
	soft_translate(s, soft_linear(s, a->seg, a->off, 1, acc), acc, s->cpl);
	soft_linear(s, a->seg, a->off, FX_SIZE, acc);
}

void soft_op_fxsave(struct soft *s, const struct insn *i)
{
	uint8_t b[FX_SIZE] = {0};
	struct area a;
	unsigned len;

	soft_x87_enter_nowait(s);
	a = area_of(s, i, FXSAVE_ALIGN);
	touch(s, &a, SOFT_WRITE);
	put_x87(s, &a, b);
	if (with_sse(s)) {
		put_mxcsr(s, b);
		put_xmm(s, &a, b);
	}
	/* What lies behind the last register is the program's. */
	len = with_sse(s) ? FX_XMM + 16 * a.xmms : FX_XMM;
	soft_write_bytes(s, a.seg, a.off, b, len);
}

void soft_op_fxrstor(struct soft *s, const struct insn *i)
{
	uint8_t b[FX_SIZE];
	struct area a;

	soft_x87_enter_nowait(s);
	a = area_of(s, i, FXSAVE_ALIGN);
	touch(s, &a, SOFT_READ);
	soft_read_bytes(s, a.seg, a.off, b, sizeof(b));
	if (with_sse(s)) {
		if (ld_le32(b + FX_MXCSR) & ~MXCSR_MASK)
			soft_gp0(s);
		s->mxcsr = ld_le32(b + FX_MXCSR);
		take_xmm(s, &a, b);
	}
	take_x87(s, &a, b);
}

/* ---- XSAVE ------------------------------------------------------------------------------------------------- */

static void xsave_enter(struct soft *s, bool supervisor)
{
	if (!(s->cr4 & CR4_OSXSAVE))
		soft_ud(s);
	if (supervisor && s->cpl)
		soft_gp0(s);
	if (s->cr0 & CR0_TS)
		soft_fault(s, X86_NM);
}

/* Requested by EDX:EAX and enabled. No template has supervisor components: IA32_XSS is zero. */
static uint64_t requested(const struct soft *s)
{
	return ((uint64_t)(uint32_t)s->gpr[X86_RDX] << 32 | (uint32_t)s->gpr[X86_RAX]) & s->xcr0 &
	       (XC_X87 | XC_SSE | XC_PKRU);
}

static uint64_t in_use(const struct soft *s)
{
	const struct soft_x87 *f = &s->x87;
	uint64_t use = s->pkru ? XC_PKRU : 0, any = 0;

	if (f->cw != X87_CW_INIT || f->sw || f->tag || f->op || f->ip || f->dp)
		use |= XC_X87;
	for (unsigned k = 0; k < 8; k++)
		if (f->reg[k].sig || f->reg[k].exp)
			use |= XC_X87;
	for (unsigned k = 0; k < 16; k++)
		any |= s->xmm[k].q[0] | s->xmm[k].q[1];
	return any ? use | XC_SSE : use;
}

/* Where PKRU is in the standard format: CPUID.(0DH,9).EBX. */
static uint64_t pkru_offset(const struct soft *s)
{
	struct x86_cpuid c;

	x86_cpuid_lookup(s->cfg.cpuid, s->cfg.nr_cpuid, 0xd, 9, &c);
	return c.ebx ? c.ebx : XS_EXTENDED;
}

/*
 * Write (what) of the components, MXCSR where (mxcsr), and the header. Every piece is probed before
 * the first is written.
 */
static void xsave_write(struct soft *s, const struct area *a, uint64_t what, bool mxcsr,
			const uint8_t *header, unsigned header_len, uint64_t pkru_at)
{
	uint8_t b[FX_SIZE] = {0}, pkru[XC_PKRU_LEN] = {0};
	uint64_t head = a->off + FX_SIZE;

	soft_probe_write(s, a->seg, a->off, XS_EXTENDED);
	if (what & XC_PKRU)
		soft_probe_write(s, a->seg, a->off + pkru_at, XC_PKRU_LEN);
	put_x87(s, a, b);
	put_mxcsr(s, b);
	put_xmm(s, a, b);
	st_le32(pkru, s->pkru);
	if (what & XC_X87) {
		soft_write_bytes(s, a->seg, a->off, b, FX_MXCSR);
		soft_write_bytes(s, a->seg, a->off + FX_ST, b + FX_ST, FX_XMM - FX_ST);
	}
	if (mxcsr)
		soft_write_bytes(s, a->seg, a->off + FX_MXCSR, b + FX_MXCSR, 8);
	if (what & XC_SSE)
		soft_write_bytes(s, a->seg, a->off + FX_XMM, b + FX_XMM, 16 * a->xmms);
	if (what & XC_PKRU)
		soft_write_bytes(s, a->seg, a->off + pkru_at, pkru, XC_PKRU_LEN);
	soft_write_bytes(s, a->seg, head, header, header_len);
}

/* XSAVE, XSAVEOPT: the standard format; XSTATE_BV keeps the bits that were not asked for. */
void soft_op_xsave(struct soft *s, const struct insn *i)
{
	bool opt = i->op == INSN_XSAVEOPT || i->op == INSN_XSAVEOPT64;
	uint64_t rfbm = requested(s), use = in_use(s), bv;
	uint8_t header[8];
	struct area a;

	xsave_enter(s, false);
	a = area_of(s, i, XSAVE_ALIGN);
	bv = soft_read(s, a.seg, a.off + FX_SIZE, 8);
	st_le64(header, (bv & ~rfbm) | (use & rfbm));
	xsave_write(s, &a, opt ? rfbm & use : rfbm, rfbm & (XC_SSE | XC_AVX), header,
		    sizeof(header), pkru_offset(s));
}

/* XSAVEC, XSAVES: compacted; the only component beyond the legacy region comes first there. */
void soft_op_xsavec(struct soft *s, const struct insn *i)
{
	uint64_t rfbm = requested(s), save = rfbm & in_use(s);
	uint8_t header[16];
	struct area a;

	xsave_enter(s, i->op == INSN_XSAVES || i->op == INSN_XSAVES64);
	a = area_of(s, i, XSAVE_ALIGN);
	if ((rfbm & XC_SSE) && s->mxcsr != MXCSR_INIT)
		save |= XC_SSE;
	st_le64(header + XH_BV, save);
	st_le64(header + XH_COMP, rfbm | XH_COMPACT);
	xsave_write(s, &a, save, save & XC_SSE, header, sizeof(header), XS_EXTENDED);
}

/* ---- XRSTOR -------------------------------------------------------------------------------------------------- */

/* The checks of SDM 1, 13.8 and 13.12: #GP. True: compacted. */
static bool check_header(struct soft *s, const uint8_t *h, bool supervisor)
{
	uint64_t bv = ld_le64(h + XH_BV), comp = ld_le64(h + XH_COMP);
	unsigned zero_from = comp & XH_COMPACT ? 16 : 8;

	if (comp & XH_COMPACT) {
		if ((comp & ~XH_COMPACT & ~s->xcr0) || (bv & ~comp) || !soft_has(s, INSN_C_XSAVEC))
			soft_gp0(s);
	} else if (supervisor || (bv & ~s->xcr0)) {
		soft_gp0(s);
	}
	/* The standard form looks at bytes 8 to 23 only. */
	for (unsigned k = zero_from; k < (comp & XH_COMPACT ? XH_SIZE : 24u); k++)
		if (h[k])
			soft_gp0(s);
	return comp & XH_COMPACT;
}

void soft_op_xrstor(struct soft *s, const struct insn *i)
{
	bool supervisor = i->op == INSN_XRSTORS || i->op == INSN_XRSTORS64, compact, mxcsr;
	uint8_t b[FX_SIZE], header[XH_SIZE], pkru[XC_PKRU_LEN] = {0};
	uint64_t rfbm = requested(s), bv;
	struct area a;

	xsave_enter(s, supervisor);
	a = area_of(s, i, XSAVE_ALIGN);
	soft_read_bytes(s, a.seg, a.off + FX_SIZE, header, sizeof(header));
	compact = check_header(s, header, supervisor);
	bv = ld_le64(header + XH_BV) & rfbm;
	soft_read_bytes(s, a.seg, a.off, b, sizeof(b));
	if (bv & XC_PKRU)
		soft_read_bytes(s, a.seg, a.off + (compact ? XS_EXTENDED : pkru_offset(s)), pkru,
				sizeof(pkru));
	/* The standard form loads MXCSR also where the XMM registers are initialised. */
	mxcsr = compact ? bv & XC_SSE : rfbm & (XC_SSE | XC_AVX);
	if (mxcsr && (ld_le32(b + FX_MXCSR) & ~MXCSR_MASK))
		soft_gp0(s);
	if (mxcsr)
		s->mxcsr = ld_le32(b + FX_MXCSR);
	else if (rfbm & XC_SSE)
		s->mxcsr = MXCSR_INIT;
	if (bv & XC_X87)
		take_x87(s, &a, b);
	else if (rfbm & XC_X87)
		init_x87(s);
	if (bv & XC_SSE)
		take_xmm(s, &a, b);
	else if (rfbm & XC_SSE)
		init_xmm(s, &a);
	if (rfbm & XC_PKRU)
		soft_set_pkru(s, ld_le32(pkru));
}
