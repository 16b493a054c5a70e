/* SPDX-License-Identifier: MIT */
/* silicon: the state a case starts from, and what single operations want of it. */
#include "gen.h"

#define FX_FCW	 0
#define FX_FSW	 2
#define FX_FTW	 4
#define FX_FOP	 6
#define FX_FIP	 8
#define FX_FDP	 16
#define FX_MXCSR 24
#define FX_MASK	 28
#define FX_ST	 32
#define FX_XMM	 160

#define FLAGS_ARITH 0x8d5u
#define FLAG_NT	    (1ull << 14)
#define FLAG_ID	    (1ull << 21)

uint64_t sil_gen_seg_base(const struct sil_case *c, unsigned seg)
{
	const struct sil_state *s = &c->in;
	uint16_t sel[6] = {s->es, s->cs, s->ss, s->ds, s->fs, s->gs};
	struct x86_seg d;

	if (c->bits == 64) {
		if (seg == X86_FS && !s->fs)
			return s->fs_base;
		if (seg == X86_GS && !s->gs)
			return s->gs_base;
		if (seg != X86_FS && seg != X86_GS)
			return 0;
	}
	return seg < 6 && sil_descriptor(sel[seg], &d) ? d.base : 0;
}

uint64_t sil_gen_linear(const struct sil_case *c, const struct insn *i,
			const struct insn_operand *o)
{
	uint64_t a = (uint64_t)o->disp;

	if (o->base < 16)
		a += c->in.gpr[o->base];
	else if (o->base == INSN_RIP)
		a += c->in.rip + i->len;
	if (o->index < 16)
		a += c->in.gpr[o->index] * o->scale;
	a &= size_mask(i->addrsize);
	return a + sil_gen_seg_base(c, o->seg);
}

uint64_t sil_gen_target(struct sil_build *g)
{
	uint64_t a = SIL_RW + sil_below(&g->r, SIL_RW_SIZE - 512);

	switch (sil_below(&g->r, g->plain ? 24 : 50)) {
	case 0 ... 14:
		return a & ~15ull;
	case 15 ... 17:
		return a & ~63ull;
	case 18 ... 32:
		return a;
	case 33 ... 35: /* across pages */
		return SIL_RW + 0x1000 * (1ull + sil_below(&g->r, 3)) - 1 - sil_below(&g->r, 15);
	case 36 ... 38: /* out of what is there */
		return SIL_RW + SIL_RW_SIZE - 1 - sil_below(&g->r, 15);
	case 39: /* into it */
		return SIL_RW - 1 - sil_below(&g->r, 15);
	case 40 ... 41:
		return SIL_RW + SIL_RW_SIZE + (sil_below(&g->r, 0x1000) & ~15u);
	case 42 ... 43:
		return SIL_RO + sil_below(&g->r, SIL_RO_SIZE - 16);
	case 44:
		return SIL_RO + (sil_below(&g->r, SIL_RO_SIZE - 16) & ~15u);
	case 45:
		return SIL_RO - 1 - sil_below(&g->r, 15);
	case 46:
		return SIL_RO + SIL_RO_SIZE - 1 - sil_below(&g->r, 15);
	case 47:
		return SIL_DATA + sil_below(&g->r, 0x10000);
	case 48:
		return sil_val_int(&g->r, 8);
	default: /* about where canonical addresses end */
		return (sil_one_in(&g->r, 2) ? 0x800000000000ull : 0xffff800000000000ull) - 8 +
		       sil_below(&g->r, 16);
	}
}

uint64_t sil_gen_landing(struct sil_build *g)
{
	uint64_t page = g->rip & ~0xfffull;

	switch (sil_below(&g->r, 24)) {
	case 0: /* no code there */
		return page + 0x1000 + sil_below(&g->r, 0x1000);
	case 1:
		return sil_val_int(&g->r, g->c->bits / 8);
	default:
		return page + 0x900 + sil_below(&g->r, 0x600);
	}
}

uint16_t sil_gen_selector(struct sil_build *g)
{
	static const uint16_t known[] = {0,    1,    2,	   3,	 SIL_CS64, SIL_CS32, SIL_DS, 0x28,
					 0x2a, 0x30, 0x10, 0x13, 0x18,	   0x1b,     0x0b};
	uint16_t sel;

	do {
		if (sil_one_in(&g->r, 2)) {
			sel = known[sil_below(&g->r, ARRAY_SIZE(known))];
		} else if (sil_one_in(&g->r, 8)) {
			sel = (uint16_t)rng_next(&g->r);
		} else {
			sel = SIL_SEL(sil_below(&g->r, SIL_L_NR));
			if (sil_one_in(&g->r, 8))
				sel &= 0xfffc;
		}
		/* Linux' entry 15 tells the CPU's number. */
	} while ((sel & ~3) == 0x78);
	return sel;
}

static void start_fpu(struct sil_build *g)
{
	uint8_t *fx = g->c->in.fx;
	struct rng *r = &g->r;
	uint16_t cw = 0x037f, sw;
	uint32_t mx = 0x1f80;

	memset(fx, 0, 512);
	cw |= (uint16_t)(sil_below(r, 4) << 10);
	if (sil_one_in(r, 3))
		cw = (uint16_t)((cw & ~0x300u) | sil_below(r, 4) << 8);
	if (sil_one_in(r, 5))
		cw &= (uint16_t)~sil_below(r, 64);
	/* TOP, condition codes; flags that are masked, so that nothing is pending. */
	sw = (uint16_t)(rng_next(r) & 0x7f7f);
	if (!sil_one_in(r, 32))
		sw &= (uint16_t)(~0x3fu | (cw & 0x3f));
	if (!(sw & 0x3f))
		sw &= (uint16_t)~0x40u;
	if (sw & ~cw & 0x3f)
		sw |= 0x8080;
	st_le16(fx + FX_FCW, cw);
	st_le16(fx + FX_FSW, sw);
	fx[FX_FTW] = (uint8_t)(sil_one_in(r, 3) ? rng_next(r) : 0xff);
	st_le16(fx + FX_FOP, (uint16_t)(rng_next(r) & 0x7ff));
	st_le64(fx + FX_FIP, rng_next(r) & 0x7fffffffffff);
	st_le64(fx + FX_FDP, rng_next(r) & 0x7fffffffffff);
	mx |= (uint32_t)(rng_next(r) & 0x603f);
	if (sil_one_in(r, 4))
		mx |= (uint32_t)(rng_next(r) & 0x8040);
	if (sil_one_in(r, 6))
		mx &= (uint32_t) ~(rng_next(r) & 0x1f80);
	st_le32(fx + FX_MXCSR, mx);
	st_le32(fx + FX_MASK, 0xffff);
	for (size_t i = 0; i < 8; i++) {
		sil_val_f80(r, fx + FX_ST + 16 * i);
		if (sil_one_in(r, 2) && g->f && g->f->op >= INSN_PABSB && g->f->op <= INSN_PXOR) {
			sil_val_vec(r, fx + FX_ST + 16 * i);
			st_le64(fx + FX_ST + 16 * i + 8, 0xffff);
		}
	}
	for (size_t i = 0; i < 16; i++)
		sil_val_vec(r, fx + FX_XMM + 16 * i);
}

static void start_segments(struct sil_build *g)
{
	static const uint16_t few[] = {SIL_SEL(SIL_L_SHORT16),
				       SIL_SEL(SIL_L_DOWN16),
				       SIL_SEL(SIL_L_SHORT32),
				       SIL_SEL(SIL_L_DOWN32),
				       SIL_SEL(SIL_L_RO16),
				       SIL_SEL(SIL_L_CODE),
				       SIL_SEL(SIL_L_DATA16),
				       SIL_DS,
				       0};
	struct sil_state *s = &g->c->in;
	struct rng *r = &g->r;

	if (g->c->bits == 64) {
		s->cs = SIL_CS64;
		s->ss = SIL_DS;
		s->ds = s->es = SIL_DS;
		s->fs = s->gs = 0;
		s->fs_base = sil_one_in(r, 2) ? SIL_DATA : sil_below(r, 0x10000);
		s->gs_base = sil_one_in(r, 8) ? rng_next(r) & 0x7fffffffffff : SIL_DATA;
		return;
	}
	s->cs = g->c->bits == 32 ? SIL_CS32 : SIL_LDT(g->c->slot);
	s->ss = s->ds = s->es = g->c->bits == 32 ? SIL_DS : SIL_SEL(SIL_L_DATA16);
	if (sil_one_in(r, 16))
		s->ss = g->c->bits == 16 ? SIL_DS : SIL_SEL(SIL_L_DATA16);
	if (sil_one_in(r, 8))
		s->ds = few[sil_below(r, ARRAY_SIZE(few))];
	if (sil_one_in(r, 8))
		s->es = few[sil_below(r, ARRAY_SIZE(few))];
	s->fs = few[sil_below(r, ARRAY_SIZE(few))];
	s->gs = few[sil_below(r, ARRAY_SIZE(few))];
	if (!g->has_ldt) {
		uint16_t *p[] = {&s->ss, &s->ds, &s->es, &s->fs, &s->gs};

		for (size_t i = 0; i < ARRAY_SIZE(p); i++)
			if (*p[i] & 4)
				*p[i] = SIL_DS;
	}
}

void sil_gen_start(struct sil_build *g)
{
	struct sil_state *s = &g->c->in;
	struct rng *r = &g->r;
	uint64_t mask = g->c->bits == 64 ? ~0ull : 0xffffffff;
	static const uint8_t pointers[] = {X86_RBX, X86_RBP, X86_RSI, X86_RDI};
	static const uint8_t segs[] = {X86_DS, X86_SS, X86_DS, X86_ES};

	memset(s, 0, sizeof(*s));
	g->c->nr_patches = 0;
	start_segments(g);
	start_fpu(g);
	for (unsigned i = 0; i < 16; i++)
		s->gpr[i] = sil_val_int(r, 8) & mask;
	for (unsigned i = 0; i < ARRAY_SIZE(pointers); i++)
		if (!sil_one_in(r, 4))
			s->gpr[pointers[i]] =
				(sil_gen_target(g) - sil_gen_seg_base(g->c, segs[i])) & mask;
	s->gpr[X86_RSP] = SIL_RW + 0x800 + (sil_below(r, SIL_RW_SIZE - 0x1000) & ~7u);
	if (sil_one_in(r, 4))
		s->gpr[X86_RSP] = sil_gen_target(g);
	s->gpr[X86_RSP] = (s->gpr[X86_RSP] - sil_gen_seg_base(g->c, X86_SS)) & mask;
	s->rflags = X86_FLAG_FIXED | X86_FLAG_IF | (rng_next(r) & FLAGS_ARITH);
	if (sil_one_in(r, 6))
		s->rflags |= X86_FLAG_DF;
	if (g->plain)
		return;
	if (sil_one_in(r, 24))
		s->rflags |= X86_FLAG_AC;
	if (sil_one_in(r, 16))
		s->rflags |= FLAG_ID;
	if (sil_one_in(r, 64))
		s->rflags |= X86_FLAG_TF;
	if (sil_one_in(r, 64))
		s->rflags |= FLAG_NT;
}

void sil_gen_patch(struct sil_build *g, uint64_t la, const void *bytes, unsigned len)
{
	struct sil_case *c = g->c;
	struct sil_patch *p;

	if (c->nr_patches == SIL_PATCHES || len > SIL_PATCH ||
	    !range_within(la, len, SIL_RW, SIL_RW_SIZE))
		return;
	p = &c->patch[c->nr_patches++];
	p->off = (uint32_t)(la - SIL_RW);
	p->len = len;
	memcpy(p->bytes, bytes, len);
}
