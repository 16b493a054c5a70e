/* SPDX-License-Identifier: MIT */
/* silicon: encoding an instruction of a form: prefixes, ModRM, SIB, displacement, immediate. */
#include "gen.h"

static void put(struct sil_build *g, uint8_t byte)
{
	g->b[g->n++] = byte;
}

static void put_le(struct sil_build *g, unsigned size, uint64_t v)
{
	st_le(g->b + g->n, size, v);
	g->n += size;
}

struct mem {
	unsigned addr_bits;
	unsigned base, index; /* 16: none */
	unsigned scale;
	unsigned disp_size;
	uint8_t mod, rm;
	bool sib, rip;
};

/* Give base and index such values that the operand is at g->target. The displacement. */
static uint64_t solve(struct sil_build *g, const struct mem *m)
{
	uint64_t off = g->target - sil_gen_seg_base(g->c, g->seg), *gpr = g->c->in.gpr;
	uint64_t keep = m->addr_bits == 64 ? 0 : ~size_mask(m->addr_bits / 8);
	uint64_t mask = ~keep, disp = 0, rest;

	if (m->disp_size == 1)
		disp = (uint64_t)(int64_t)(int8_t)rng_next(&g->r);
	else if (m->disp_size && (m->base < 16 || m->index < 16))
		disp = sil_one_in(&g->r, 4) ? (uint64_t)(int64_t)(int32_t)rng_next(&g->r)
					    : (uint64_t)(int64_t)(int16_t)rng_next(&g->r);
	if (m->addr_bits == 16)
		disp = (uint64_t)(int64_t)(int16_t)disp;
	if (m->index < 16 && m->index != m->base) {
		rest = sil_one_in(&g->r, 4) ? sil_val_int(&g->r, m->addr_bits / 8)
					    : sil_below(&g->r, 64);
		gpr[m->index] = (gpr[m->index] & keep) | (rest & mask);
	}
	rest = off - disp;
	if (m->base < 16) {
		if (m->index < 16 && m->index != m->base)
			rest -= gpr[m->index] * m->scale;
		/* Base and index the same: the sum is what it is, the displacement may help. */
		if (m->index == m->base) {
			rest = sil_below(&g->r, 1 << 20) & mask;
			gpr[m->base] = (gpr[m->base] & keep) | rest;
			return m->disp_size > 1 ? off - rest * (1 + m->scale) : disp;
		}
		gpr[m->base] = (gpr[m->base] & keep) | (rest & mask);
		return disp;
	}
	if (m->index < 16)
		return off - gpr[m->index] * m->scale;
	return off;
}

static void put_mem16(struct sil_build *g, uint8_t reg)
{
	static const uint8_t base[8] = {X86_RBX, X86_RBX, X86_RBP, X86_RBP,
					X86_RSI, X86_RDI, X86_RBP, X86_RBX};
	static const uint8_t index[8] = {X86_RSI, X86_RDI, X86_RSI, X86_RDI, 16, 16, 16, 16};
	struct mem m = {.addr_bits = 16, .scale = 1};
	uint64_t disp;

	m.mod = (uint8_t)(g->plain ? 0 : sil_below(&g->r, 3));
	m.rm = (uint8_t)(g->plain ? 6 : sil_below(&g->r, 8));
	m.base = base[m.rm];
	m.index = index[m.rm];
	m.disp_size = m.mod;
	if (m.mod == 0 && m.rm == 6) {
		m.base = 16;
		m.disp_size = 2;
	}
	if (g->seg == X86_SREGS)
		g->seg = m.base == X86_RBP ? X86_SS : X86_DS;
	disp = solve(g, &m);
	put(g, (uint8_t)(m.mod << 6 | reg << 3 | m.rm));
	put_le(g, m.disp_size, disp);
}

static void choose_mem(struct sil_build *g, struct mem *m)
{
	bool b64 = g->c->bits == 64;
	unsigned regs = b64 ? 16 : 8;

	*m = (struct mem){.base = sil_below(&g->r, regs), .index = 16, .scale = 1};
	m->mod = (uint8_t)sil_below(&g->r, 3);
	if (g->plain || sil_one_in(&g->r, 8)) { /* displacement alone, or RIP-relative */
		m->mod = 0;
		m->base = 16;
		m->disp_size = 4;
		m->rip = b64 && sil_one_in(&g->r, 2);
		m->sib = b64 && !m->rip;
	} else {
		m->sib = sil_one_in(&g->r, 2) || (m->base & 7) == X86_RSP;
		if (m->sib && !sil_one_in(&g->r, 4)) {
			m->index = sil_below(&g->r, regs);
			if (m->index == X86_RSP)
				m->index = 16;
			m->scale = 1u << sil_below(&g->r, 4);
		}
		m->disp_size = m->mod == 2 ? 4 : m->mod;
		if (m->mod == 0 && m->sib && sil_one_in(&g->r, 6)) { /* no base in SIB */
			m->base = 16;
			m->disp_size = 4;
		} else if (m->mod == 0 && (m->base & 7) == X86_RBP) {
			m->mod = 1;
			m->disp_size = 1;
		}
	}
	m->rm = (uint8_t)(m->sib ? 4 : m->base == 16 ? 5 : m->base & 7);
}

/* The rest of a memory operand, with the REX or VEX bits R, X, B set where it needs them. */
static void put_mem(struct sil_build *g, uint8_t reg, const struct mem *m)
{
	uint64_t disp;

	if (g->seg == X86_SREGS)
		g->seg = m->base == X86_RBP || m->base == X86_RSP ? X86_SS : X86_DS;
	disp = solve(g, m);
	put(g, (uint8_t)(m->mod << 6 | reg << 3 | m->rm));
	if (m->sib)
		put(g, (uint8_t)(__builtin_ctz(m->scale) << 6 |
				 (m->index == 16 ? 4 : m->index & 7) << 3 |
				 (m->base == 16 ? 5 : m->base & 7)));
	if (m->rip)
		g->rip_disp = g->n;
	put_le(g, m->disp_size, disp);
}

/* An override, or SREGS: the default one. */
static unsigned override(struct sil_build *g)
{
	static const uint8_t byte[6] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
	unsigned seg;

	if (!sil_one_in(&g->r, 6))
		return X86_SREGS;
	seg = g->c->bits == 64 && !sil_one_in(&g->r, 8) ? 4 + sil_below(&g->r, 2)
							: sil_below(&g->r, 6);
	put(g, byte[seg]);
	/* 64-bit mode ignores all but FS and GS. */
	return g->c->bits == 64 && seg < 4 ? X86_SREGS : seg;
}

static void put_prefixes(struct sil_build *g, unsigned *addr_bits)
{
	const struct sil_form *f = g->f;

	if (f->modrm != SIL_MODRM_REG || sil_one_in(&g->r, 16))
		g->seg = override(g);
	else
		g->seg = X86_SREGS;
	*addr_bits = g->c->bits;
	if (sil_one_in(&g->r, 10)) {
		put(g, 0x67);
		*addr_bits = g->c->bits == 32 ? 16 : 32;
	}
	if (!g->plain && !f->vex && sil_one_in(&g->r, f->modrm == SIL_MODRM_MEM ? 10 : 200))
		put(g, 0xf0);
	if (f->vex)
		return;
	for (unsigned i = 0; i < f->nr_prefix; i++)
		put(g, f->prefix[i]);
	/* REX.W has the word, unless 66h makes another instruction: then no case comes of it. */
	if (f->w && !f->nr_prefix && sil_one_in(&g->r, 24))
		put(g, 0x66);
}

static void put_opcode(struct sil_build *g, unsigned rxb)
{
	const struct sil_form *f = g->f;
	unsigned pp = 0;

	if (f->vex) {
		if (f->nr_prefix)
			pp = f->prefix[0] == 0x66 ? 1 : f->prefix[0] == 0xf3 ? 2 : 3;
		put(g, 0xc4);
		put(g, (uint8_t)((~rxb & 7) << 5 | f->map));
		put(g, (uint8_t)(f->w << 7 |
				 (sil_one_in(&g->r, 8) ? 15 : sil_below(&g->r, 16)) << 3 | pp));
		put(g, f->opcode);
		return;
	}
	if (g->c->bits == 64 && (f->w || rxb || sil_one_in(&g->r, 8)))
		put(g, (uint8_t)(0x40 | f->w << 3 | rxb));
	if (f->map)
		put(g, 0x0f);
	if (f->map > 1)
		put(g, f->map == 2 ? 0x38 : 0x3a);
	put(g, f->opcode);
}

static void put_immediate(struct sil_build *g)
{
	unsigned size = g->i.len - g->n;
	uint8_t *p = g->b + g->n;

	if (!size || size > 8)
		return;
	if (g->i.flags & INSN_F_REL) {
		uint64_t rel = sil_gen_landing(g) - (g->rip + g->i.len);

		if (size > 1 && !sil_one_in(&g->r, 8))
			st_le(p, size, rel);
		else if (size == 1 && sil_one_in(&g->r, 2))
			*p &= 0x7f;
		if (size == 1 && (uint8_t)(*p + 16) < 32) /* not into itself or the way out */
			*p = (uint8_t)(*p + 32);
		return;
	}
	if (g->i.nr && g->i.o[0].kind == INSN_FAR) {
		st_le(p, size - 2, sil_gen_landing(g));
		st_le16(p + size - 2, sil_gen_selector(g));
		return;
	}
	if (!g->f->map && (g->f->opcode & 0xfc) == 0xa0) { /* MOV with an offset */
		g->seg = g->seg == X86_SREGS ? X86_DS : g->seg;
		st_le(p, size, g->target - sil_gen_seg_base(g->c, g->seg));
		return;
	}
	st_le(p, size, sil_val_int(&g->r, size));
	if (g->i.op == INSN_ENTER) {
		st_le16(p, (uint16_t)sil_below(&g->r, 256));
		p[2] = (uint8_t)(sil_one_in(&g->r, 4) ? p[2] : sil_below(&g->r, 4));
	}
	if (g->i.op == INSN_INT && *p == 0x80)
		*p = 0x81;
}

static int decode(struct sil_build *g)
{
	int rc = insn_decode(g->b, INSN_MAX, g->c->bits, &g->i);

	if (rc > 0 && (g->i.op != g->f->op || sil_left_out(&g->i, g->b)))
		return -1;
	return rc;
}

int sil_gen_insn(struct sil_build *g)
{
	const struct sil_form *f = g->f;
	uint8_t reg = (uint8_t)(f->digit >= 0 ? f->digit : (int)sil_below(&g->r, 8));
	unsigned rxb = 0, addr_bits;
	struct mem m = {0};
	int rc;

	g->n = g->rip_disp = 0;
	g->target = sil_gen_target(g);
	put_prefixes(g, &addr_bits);
	if (g->c->bits == 64) {
		/* R of a digit and X of a register are ignored: now and then. */
		rxb = sil_below(&g->r, 8);
		if (f->digit >= 0 && !sil_one_in(&g->r, 16))
			rxb &= 3;
	}
	if (f->modrm == SIL_MODRM_MEM && addr_bits != 16) {
		choose_mem(g, &m);
		m.addr_bits = addr_bits;
		rxb &= 4;
		if (m.index < 16)
			rxb |= (m.index >> 3) << 1;
		if (m.base < 16)
			rxb |= m.base >> 3;
	} else if (f->modrm == SIL_MODRM_MEM && f->vex) {
		rxb = 0;
	}
	put_opcode(g, rxb);
	if (f->modrm == SIL_MODRM_MEM && addr_bits != 16)
		put_mem(g, reg, &m);
	else if (f->modrm == SIL_MODRM_MEM)
		put_mem16(g, reg);
	else if (f->modrm == SIL_MODRM_REG)
		put(g, (uint8_t)(0xc0 | reg << 3 |
				 (f->rm >= 0 ? (unsigned)f->rm : sil_below(&g->r, 8))));
	for (unsigned i = g->n; i < sizeof(g->b); i++)
		g->b[i] = (uint8_t)rng_next(&g->r);
	rc = decode(g);
	if (rc < 0) {
		/* #UD by a prefix: worth a try if the rest is an instruction of no other kind. */
		g->i.len = (uint8_t)(g->n < INSN_MAX ? g->n : INSN_MAX);
		return !g->plain && rc == -84 /* EILSEQ */ && sil_one_in(&g->r, 4) ? g->i.len : -1;
	}
	put_immediate(g);
	if (g->rip_disp)
		st_le32(g->b + g->rip_disp,
			(uint32_t)(g->target - sil_gen_seg_base(g->c, g->seg) - g->rip - g->i.len));
	rc = decode(g);
	if (rc <= 0)
		return -1;
	return rc;
}
