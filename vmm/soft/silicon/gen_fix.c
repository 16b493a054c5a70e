/* SPDX-License-Identifier: MIT */
/* silicon: what single operations want for operands, so that more happens than one fault. */
#include "gen.h"

#define FLAG_NT (1ull << 14)

static uint64_t stack(const struct sil_case *c)
{
	uint64_t sp = c->in.gpr[X86_RSP];
	struct x86_seg ss;

	if (c->bits != 64 && sil_descriptor(c->in.ss, &ss) && !(ss.attr & 0x4000))
		sp &= 0xffff;
	return sp + sil_gen_seg_base(c, X86_SS);
}

/* (n) values of (size) bytes on the stack. */
static void put_stack(struct sil_build *g, const uint64_t *v, unsigned n, unsigned size)
{
	uint8_t b[SIL_PATCH];

	for (unsigned i = 0; i < n; i++)
		st_le(b + (size_t)i * size, size, v[i]);
	sil_gen_patch(g, stack(g->c), b, n * size);
}

static uint64_t flags_image(struct sil_build *g)
{
	uint64_t f = rng_next(&g->r);

	/* TF is tried by itself; a trap behind POPF would be one in the way out. */
	return f & ~(X86_FLAG_TF | (sil_one_in(&g->r, 16) ? 0 : FLAG_NT));
}

static uint16_t code_selector(struct sil_build *g)
{
	switch (sil_below(&g->r, 4)) {
	case 0:
		return sil_gen_selector(g);
	case 1:
		return SIL_CS32;
	case 2:
		return SIL_CS64;
	default:
		return g->c->in.cs;
	}
}

static void fix_far(struct sil_build *g)
{
	uint64_t v[5] = {sil_gen_landing(g), code_selector(g), flags_image(g),
			 g->c->in.gpr[X86_RSP],
			 sil_one_in(&g->r, 3) ? sil_gen_selector(g) : g->c->in.ss};
	unsigned size = g->i.opsize;

	if (g->i.op == INSN_RET) { /* offset, selector; the new stack if RPL says so */
		v[2] = v[3];
		v[3] = v[4];
		put_stack(g, v, 4, size);
		return;
	}
	put_stack(g, v, 5, size);
}

static void fix_branch(struct sil_build *g)
{
	const struct insn_operand *o = &g->i.o[0];
	uint64_t to = sil_gen_landing(g);
	uint8_t b[10];
	bool far = g->i.map == 0 && g->i.opcode == 0xff && (g->i.modrm >> 3 & 7) % 2 == 1;

	if (g->i.nr && o->kind == INSN_REG) {
		if (!sil_one_in(&g->r, 8))
			g->c->in.gpr[o->num & 15] = to;
		return;
	}
	if (!g->i.nr || o->kind != INSN_MEM)
		return;
	st_le64(b, to);
	if (far)
		st_le16(b + g->i.opsize, code_selector(g));
	sil_gen_patch(g, sil_gen_linear(g->c, &g->i, o), b, g->i.opsize + (far ? 2 : 0));
}

static void fix_string(struct sil_build *g)
{
	uint64_t *gpr = g->c->in.gpr;

	if (g->i.flags & (INSN_F_REP | INSN_F_REPNE)) {
		uint64_t n = sil_below(&g->r, sil_one_in(&g->r, 8) ? 200 : 12);

		/* Address size cuts RCX. */
		gpr[X86_RCX] =
			sil_one_in(&g->r, 4) ? (gpr[X86_RCX] & ~size_mask(g->i.addrsize)) | n : n;
	}
	/* Something to find and to be equal. */
	if (sil_one_in(&g->r, 2)) {
		uint8_t b[32];

		memset(b, (int)(gpr[X86_RAX] & 0xff), sizeof(b));
		b[sil_below(&g->r, 32)] ^= 1;
		sil_gen_patch(g, gpr[X86_RSI] & ~31ull, b, sizeof(b));
		sil_gen_patch(g, gpr[X86_RDI] & ~31ull, b, sizeof(b));
	}
}

static void fix_divide(struct sil_build *g)
{
	uint64_t *gpr = g->c->in.gpr, divisor = 0;
	unsigned bits = 8u * g->i.o[0].size;

	if (sil_one_in(&g->r, 4))
		return;
	if (g->i.o[0].kind == INSN_REG)
		divisor = gpr[g->i.o[0].num & 15] & size_mask(g->i.o[0].size);
	if (bits == 8) {
		gpr[X86_RAX] = (gpr[X86_RAX] & ~0xffffull) |
			       (sil_one_in(&g->r, 2) ? sil_val_int(&g->r, 1)
						     : sil_val_int(&g->r, 2) & 0x1fff);
		return;
	}
	if (sil_one_in(&g->r, 2) && divisor > 1)
		gpr[X86_RDX] = rng_next(&g->r) % divisor >> (g->i.op == INSN_IDIV);
	else if (g->i.op == INSN_DIV || sil_one_in(&g->r, 2))
		gpr[X86_RDX] = sil_below(&g->r, 3);
	else
		gpr[X86_RDX] = gpr[X86_RAX] >> (bits - 1) & 1 ? ~0ull : 0;
	if (g->c->bits != 64)
		gpr[X86_RDX] = (uint32_t)gpr[X86_RDX];
}

/* The old value is there, half of the time. */
static void fix_cmpxchg(struct sil_build *g)
{
	const struct insn_operand *o = &g->i.o[0];
	uint64_t *gpr = g->c->in.gpr;
	uint8_t b[16];

	if (sil_one_in(&g->r, 2))
		return;
	if (o->kind == INSN_REG) {
		gpr[o->num & 15] = gpr[X86_RAX];
		return;
	}
	st_le64(b, gpr[X86_RAX]);
	st_le64(b + (o->size == 8 && g->i.op == INSN_CMPXCHG8B ? 4 : 8), gpr[X86_RDX]);
	sil_gen_patch(g, sil_gen_linear(g->c, &g->i, o), b, o->size);
}

static void fix_selector(struct sil_build *g)
{
	const struct insn_operand *o = &g->i.o[g->i.nr > 1 ? 1 : 0];
	uint16_t sel = sil_gen_selector(g);
	uint8_t b[16];
	uint64_t la;

	switch (g->i.op) {
	case INSN_POP: {
		uint64_t v[1] = {(rng_next(&g->r) & ~0xffffull) | sel};

		put_stack(g, v, 1, g->i.opsize);
		return;
	}
	case INSN_LDS:
	case INSN_LES:
	case INSN_LFS:
	case INSN_LGS:
	case INSN_LSS:
		la = sil_gen_linear(g->c, &g->i, o);
		st_le64(b, rng_next(&g->r));
		st_le16(b + g->i.opsize, sel);
		sil_gen_patch(g, la, b, g->i.opsize + 2u);
		return;
	default:
		break;
	}
	if (o->kind == INSN_REG && o->cls == INSN_GPR) {
		g->c->in.gpr[o->num & 15] = (g->c->in.gpr[o->num & 15] & ~0xffffull) | sel;
	} else if (o->kind == INSN_MEM) {
		st_le16(b, sel);
		sil_gen_patch(g, sil_gen_linear(g->c, &g->i, o), b, 2);
	}
}

static void fix_fpu_image(struct sil_build *g)
{
	uint64_t la = sil_gen_linear(g->c, &g->i, &g->i.o[0]);
	uint8_t b[SIL_PATCH];

	switch (g->i.op) {
	case INSN_LDMXCSR:
		st_le32(b, (uint32_t)(rng_next(&g->r) & (sil_one_in(&g->r, 8) ? 0x1ffff : 0xffff)));
		sil_gen_patch(g, la, b, 4);
		return;
	case INSN_FLDCW:
		st_le16(b, (uint16_t)(sil_one_in(&g->r, 4) ? rng_next(&g->r)
							   : 0x37f | (rng_next(&g->r) & 0xc00)));
		sil_gen_patch(g, la, b, 2);
		return;
	default: /* FXRSTOR */
		memcpy(b, g->c->in.fx, sizeof(b));
		st_le32(b + 24, (uint32_t)(rng_next(&g->r) & 0xffff));
		sil_gen_patch(g, la, b, sizeof(b));
		return;
	}
}

/* Numbers in memory of the kind that the operation reads. */
static void fix_memory(struct sil_build *g)
{
	for (unsigned k = 0; k < g->i.nr; k++) {
		const struct insn_operand *o = &g->i.o[k];
		uint8_t b[16];
		uint64_t la;

		if (o->kind != INSN_MEM || !o->size || o->size > 16 || sil_one_in(&g->r, 4))
			continue;
		la = sil_gen_linear(g->c, &g->i, o);
		if (o->size == 10)
			sil_val_f80(&g->r, b);
		else if (o->size <= 8 && sil_one_in(&g->r, 2))
			st_le64(b, sil_val_int(&g->r, o->size));
		else
			sil_val_vec(&g->r, b);
		sil_gen_patch(g, la, b, o->size);
	}
}

static bool loads_selector(const struct insn *i)
{
	switch (i->op) {
	case INSN_LDS:
	case INSN_LES:
	case INSN_LFS:
	case INSN_LGS:
	case INSN_LSS:
	case INSN_LAR:
	case INSN_LSL:
	case INSN_VERR:
	case INSN_VERW:
	case INSN_ARPL:
		return true;
	case INSN_MOV:
	case INSN_POP:
		return i->o[0].kind == INSN_REG && i->o[0].cls == INSN_SREG;
	default:
		return false;
	}
}

/* What is popped into the flags is to be ours. */
static void leave_read_only(struct sil_build *g)
{
	if (stack(g->c) - (SIL_RO - 64) < SIL_RO_SIZE + 64)
		g->c->in.gpr[X86_RSP] -= SIL_RO - SIL_RW;
}

void sil_gen_fix(struct sil_build *g)
{
	uint64_t *gpr = g->c->in.gpr;

	fix_memory(g);
	if (loads_selector(&g->i)) {
		fix_selector(g);
		/* The shadow of SS hides the trap until the way out. */
		g->c->in.rflags &= ~X86_FLAG_TF;
		return;
	}
	switch (g->i.op) {
	case INSN_JMP:
	case INSN_CALL:
		fix_branch(g);
		break;
	case INSN_RET:
		if (g->i.opcode == 0xca || g->i.opcode == 0xcb) {
			fix_far(g);
		} else {
			uint64_t v[1] = {sil_gen_landing(g)};

			put_stack(g, v, 1, g->i.opsize);
		}
		break;
	case INSN_IRET:
	case INSN_IRETD:
	case INSN_IRETQ:
		leave_read_only(g);
		fix_far(g);
		g->c->in.rflags &= ~(X86_FLAG_TF | FLAG_NT);
		break;
	case INSN_POPF:
	case INSN_POPFD:
	case INSN_POPFQ: {
		uint64_t v[1] = {flags_image(g)};

		leave_read_only(g);
		put_stack(g, v, 1, g->i.opsize);
		g->c->in.rflags &= ~X86_FLAG_TF;
		break;
	}
	case INSN_LOOP:
	case INSN_LOOPE:
	case INSN_LOOPNE:
	case INSN_JCXZ:
	case INSN_JECXZ:
	case INSN_JRCXZ:
		if (sil_one_in(&g->r, 2))
			gpr[X86_RCX] =
				(gpr[X86_RCX] & ~size_mask(g->i.addrsize)) | sil_below(&g->r, 3);
		break;
	case INSN_DIV:
	case INSN_IDIV:
		fix_divide(g);
		break;
	case INSN_CMPXCHG:
	case INSN_CMPXCHG8B:
	case INSN_CMPXCHG16B:
		fix_cmpxchg(g);
		break;
	case INSN_LDMXCSR:
	case INSN_FLDCW:
	case INSN_FXRSTOR:
	case INSN_FXRSTOR64:
		fix_fpu_image(g);
		break;
	case INSN_PCMPESTRI:
	case INSN_PCMPESTRM:
		if (!sil_one_in(&g->r, 3)) {
			gpr[X86_RAX] = sil_below(&g->r, 20);
			gpr[X86_RDX] = sil_below(&g->r, 20);
		}
		break;
	default:
		if (!g->i.map &&
		    ((g->i.opcode & 0xfc) == 0xa4 || (g->i.opcode & 0xfe) == 0xa6 ||
		     (g->i.opcode >= 0xaa && g->i.opcode <= 0xaf) || (g->i.opcode & 0xfc) == 0x6c))
			fix_string(g);
		break;
	}
}
