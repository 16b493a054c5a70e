/* SPDX-License-Identifier: MIT */
/* soft: x87 control: words, environments, whole states, stack pointer. SDM volume 2; SDM 1, 8.1.10. */
#include "simd.h"
#include "x87.h"

/* ---- words ---------------------------------------------------------------------------------------------- */

static void set_cw(struct soft *s, unsigned cw)
{
	s->x87.cw = (uint16_t)((cw & X87_CW_MASK) | X87_CW_FIXED);
	soft_x87_update_es(s);
}

void soft_op_fldcw(struct soft *s, const struct insn *i)
{
	unsigned cw;

	soft_x87_enter(s);
	cw = (unsigned)soft_x87_read(s, i);
	set_cw(s, cw);
}

void soft_op_fnstcw(struct soft *s, const struct insn *i)
{
	soft_x87_enter_nowait(s);
	soft_x87_write(s, i, s->x87.cw);
}

/* To AX or memory. */
void soft_op_fnstsw(struct soft *s, const struct insn *i)
{
	soft_x87_enter_nowait(s);
	if (soft_x87_is_mem(i))
		soft_x87_write(s, i, s->x87.sw);
	else
		s->gpr[X86_RAX] = (s->gpr[X86_RAX] & ~0xffffull) | s->x87.sw;
}

void soft_op_fnclex(struct soft *s, const struct insn *i)
{
	(void)i;
	soft_x87_enter_nowait(s);
	s->x87.sw &= (uint16_t) ~(FP_ALL | X87_SF | X87_ES | X87_B);
}

void soft_op_fninit(struct soft *s, const struct insn *i)
{
	(void)i;
	soft_x87_enter_nowait(s);
	soft_x87_init(s);
}

void soft_op_fwait(struct soft *s, const struct insn *i)
{
	(void)i;
	if ((s->cr0 & X86_CR0_MP) && (s->cr0 & CR0_TS))
		soft_fault(s, X86_NM);
	soft_x87_check_pending(s);
}

/* FNOP counts as an instruction that FIP may point to. */
void soft_op_fnop(struct soft *s, const struct insn *i)
{
	(void)i;
	soft_x87_enter(s);
	s->x87.ip = s->insn_rip;
}

/* FENI, FDISI, FSETPM: of the 8087 and 287; nothing since the 387. */
void soft_op_x87_old_nop(struct soft *s, const struct insn *i)
{
	(void)i;
	soft_x87_enter_nowait(s);
}

/* ---- the stack pointer -------------------------------------------------------------------------------------- */

void soft_op_fincstp(struct soft *s, const struct insn *i)
{
	struct x87_run x = soft_x87_run(s);

	soft_x87_enter(s);
	(void)soft_x87_finish(s, i, &x);
	soft_x87_set_top(s, soft_x87_phys(s, i->op == INSN_FINCSTP ? 1 : 7));
}

/* FFREE; FFREEP, undocumented, pops too. */
void soft_op_ffree(struct soft *s, const struct insn *i)
{
	soft_x87_enter(s);
	s->x87.ip = s->insn_rip;
	soft_x87_set_cc(s, X87_C1, 0);
	soft_x87_free(s, soft_x87_sti(i));
	if (i->op == INSN_FFREEP)
		soft_x87_pop(s);
}

/* ---- environment: SDM 1, figures 8-9 to 8-12 ------------------------------------------------------------------ */

#define TAG_VALID   0u
#define TAG_ZERO    1u
#define TAG_SPECIAL 2u
#define TAG_EMPTY   3u

/* Tags of two bits a physical register, from what it holds. */
static uint16_t full_tags(const struct soft *s)
{
	unsigned tags = 0;

	for (unsigned p = 0; p < 8; p++) {
		struct soft_f80 v = s->x87.reg[p];
		unsigned exp = v.exp & 0x7fff, t = TAG_VALID;

		if (!(s->x87.tag >> p & 1))
			t = TAG_EMPTY;
		else if (!exp && !v.sig)
			t = TAG_ZERO;
		else if (!exp || exp == 0x7fff || !(v.sig & FP_SIG_ONE))
			t = TAG_SPECIAL;
		tags |= t << (2 * p);
	}
	return (uint16_t)tags;
}

static bool is_wide(const struct insn *i)
{
	return i->opsize != 2; /* 66h has no say beside REX.W */
}

static unsigned env_size(const struct insn *i)
{
	return is_wide(i) ? 28 : 14;
}

/* In real and virtual-8086 mode pointers are 20 or 32-bit linear, with the opcode beside FIP. */
static bool real_format(const struct soft *s)
{
	return !soft_prot(s) || soft_v86(s);
}

static void put_env(const struct soft *s, const struct insn *i, uint8_t *b)
{
	const struct soft_x87 *f = &s->x87;
	uint32_t ip = (uint32_t)f->ip, dp = (uint32_t)f->dp;
	uint32_t w[7] = {f->cw, f->sw, full_tags(s), ip, f->cs, dp, f->ds};
	bool wide = is_wide(i);

	if (real_format(s)) {
		w[3] &= 0xffff;
		w[4] = (ip >> 16) << 12 | (f->op & X87_OP_MASK);
		w[5] &= 0xffff;
		w[6] = (dp >> 16) << 12;
	} else if (wide) {
		w[4] |= (uint32_t)(f->op & X87_OP_MASK) << 16;
	}
	for (unsigned k = 0; k < 7; k++) {
		if (!wide) {
			st_le16(b + 2 * (size_t)k, (uint16_t)w[k]);
			continue;
		}
		/* What is reserved reads as ones: beside the three words, the selector of data, and
		 * in real mode beside the low halves of the pointers. */
		if (k < 3 || (k == 6 && !real_format(s)) || ((k & 1) && real_format(s)))
			w[k] |= 0xffff0000u;
		st_le32(b + 4 * (size_t)k, w[k]);
	}
}

static void take_env(struct soft *s, const struct insn *i, const uint8_t *b)
{
	struct soft_x87 *f = &s->x87;
	bool wide = is_wide(i);
	uint32_t w[7];

	for (unsigned k = 0; k < 7; k++)
		w[k] = wide ? ld_le32(b + 4 * (size_t)k) : ld_le16(b + 2 * (size_t)k);
	f->sw = (uint16_t)w[1];
	f->tag = 0;
	for (unsigned p = 0; p < 8; p++)
		if ((w[2] >> (2 * p) & 3) != TAG_EMPTY)
			f->tag |= (uint8_t)(1u << p);
	f->cs = f->ds = 0;
	if (real_format(s)) {
		f->ip = (w[3] & 0xffff) | (w[4] >> 12) << 16;
		f->dp = (w[5] & 0xffff) | (w[6] >> 12) << 16;
		f->op = w[4] & X87_OP_MASK;
	} else {
		f->ip = w[3];
		f->dp = w[5];
		f->op = wide ? w[4] >> 16 & X87_OP_MASK : 0;
	}
	set_cw(s, w[0]);
}

/* Intel's CPUs look at the first word of an image, then at its last byte, then at all of it. */
static void touch(struct soft *s, const struct insn *i, const struct insn_operand *o, unsigned len,
		  enum soft_access acc)
{
	unsigned first = is_wide(i) ? 4 : 2;
	uint64_t ea = soft_ea(s, i, o), la = soft_linear(s, o->seg, ea, first, acc);

	soft_check_ac(s, la, first);
	soft_translate(s, la, acc, s->cpl);
	if ((la & (GMEM_PAGE - 1)) + first > GMEM_PAGE)
		soft_translate(s, (la | (GMEM_PAGE - 1)) + 1, acc, s->cpl);
	la = soft_linear(s, o->seg, ea + len - 1, 1, acc);
	soft_translate(s, la, acc, s->cpl);
}

void soft_op_fnstenv(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o;
	uint8_t b[28];

	soft_x87_enter_nowait(s);
	o = soft_x87_mem(i);
	put_env(s, i, b);
	touch(s, i, o, env_size(i), SOFT_WRITE);
	soft_write_bytes(s, o->seg, soft_ea(s, i, o), b, env_size(i));
	set_cw(s, s->x87.cw | FP_ALL);
}

void soft_op_fldenv(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o;
	uint8_t b[28];

	soft_x87_enter(s);
	o = soft_x87_mem(i);
	touch(s, i, o, env_size(i), SOFT_READ);
	soft_read_bytes(s, o->seg, soft_ea(s, i, o), b, env_size(i));
	take_env(s, i, b);
}

void soft_op_fnsave(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o;
	unsigned at = env_size(i);
	uint8_t b[28 + 80];

	soft_x87_enter_nowait(s);
	o = soft_x87_mem(i);
	put_env(s, i, b);
	for (unsigned st = 0; st < 8; st++) {
		struct soft_f80 v = soft_x87_get(s, st);

		st_le64(b + at + 10 * (size_t)st, v.sig);
		st_le16(b + at + 10 * (size_t)st + 8, v.exp);
	}
	touch(s, i, o, at + 80, SOFT_WRITE);
	soft_write_bytes(s, o->seg, soft_ea(s, i, o), b, at + 80);
	soft_x87_init(s);
}

void soft_op_frstor(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o;
	unsigned at = env_size(i);
	uint8_t b[28 + 80];

	soft_x87_enter(s);
	o = soft_x87_mem(i);
	touch(s, i, o, at + 80, SOFT_READ);
	soft_read_bytes(s, o->seg, soft_ea(s, i, o), b, at + 80);
	take_env(s, i, b);
	for (unsigned st = 0; st < 8; st++)
		s->x87.reg[soft_x87_phys(s, st)] =
			(struct soft_f80){.sig = ld_le64(b + at + 10 * (size_t)st),
					  .exp = ld_le16(b + at + 10 * (size_t)st + 8)};
}
