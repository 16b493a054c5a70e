/* SPDX-License-Identifier: MIT */
/* soft: x87 arithmetic. SDM volume 2. */
#include "x87.h"

/* The memory operand as a number: m32, m64 (D8, DC), m32int, m16int (DA, DE). */
static struct fp_num read_mem(struct soft *s, const struct insn *i, const struct x87_run *x)
{
	uint64_t v = soft_x87_read(s, i);
	unsigned size = soft_x87_mem(i)->size;
	struct fp_env exact = {.prec = 64, .masks = FP_ALL};

	if (i->opcode & 2)
		return fp_from_int(&exact, &fp_f80, size == 2 ? (int16_t)v : (int32_t)v);
	return fp_unpack(&x->e, size, v);
}

enum fn { ADD, SUB, SUBR, MUL, DIV, DIVR };

static const struct {
	uint8_t fn;
	bool pop;
} forms[INSN_OPS] = {
	[INSN_FADD] = {ADD, false},   [INSN_FIADD] = {ADD, false},   [INSN_FADDP] = {ADD, true},
	[INSN_FSUB] = {SUB, false},   [INSN_FISUB] = {SUB, false},   [INSN_FSUBP] = {SUB, true},
	[INSN_FSUBR] = {SUBR, false}, [INSN_FISUBR] = {SUBR, false}, [INSN_FSUBRP] = {SUBR, true},
	[INSN_FMUL] = {MUL, false},   [INSN_FIMUL] = {MUL, false},   [INSN_FMULP] = {MUL, true},
	[INSN_FDIV] = {DIV, false},   [INSN_FIDIV] = {DIV, false},   [INSN_FDIVP] = {DIV, true},
	[INSN_FDIVR] = {DIVR, false}, [INSN_FIDIVR] = {DIVR, false}, [INSN_FDIVRP] = {DIVR, true},
};

static struct fp_num compute(struct fp_env *e, unsigned fn, struct fp_num dst, struct fp_num src)
{
	switch (fn) {
	case ADD:
		return fp_add(e, &fp_f80, dst, src);
	case SUB:
		return fp_sub(e, &fp_f80, dst, src);
	case SUBR:
		return fp_sub(e, &fp_f80, src, dst);
	case MUL:
		return fp_mul(e, &fp_f80, dst, src);
	case DIV:
		return fp_div(e, &fp_f80, dst, src);
	default:
		return fp_div(e, &fp_f80, src, dst);
	}
}

/* FADD, FSUB, FMUL, FDIV and their reversed, popping and integer forms */
void soft_op_x87_arith(struct soft *s, const struct insn *i)
{
	struct x87_run x = soft_x87_run(s);
	/* D8: ST(0) with ST(i); DC, DE: ST(i) with ST(0). */
	unsigned sti = soft_x87_sti(i), dst = i->opcode & 4 ? sti : 0,
		 src = i->opcode & 4 ? 0 : sti;
	struct fp_num b = {0}, r = fp_default_nan();
	bool mem = soft_x87_is_mem(i);

	soft_x87_enter(s);
	if (mem) {
		b = read_mem(s, i, &x);
		dst = src = 0;
	}
	if (!soft_x87_underflow(s, &x, 1u << dst | 1u << src)) {
		if (!mem)
			b = fp_unpack80(soft_x87_get(s, src));
		r = compute(&x.e, forms[i->op].fn, fp_unpack80(soft_x87_get(s, dst)), b);
	}
	if (!soft_x87_finish(s, i, &x))
		return;
	soft_x87_put(s, dst, fp_pack80(r));
	if (forms[i->op].pop)
		soft_x87_pop(s);
}

/* FSQRT, FRNDINT, F2XM1: ST(0) alone */
void soft_op_x87_unary(struct soft *s, const struct insn *i)
{
	struct x87_run x = soft_x87_run(s);
	struct fp_num a, r = fp_default_nan();

	soft_x87_enter(s);
	if (!soft_x87_underflow(s, &x, 1)) {
		a = fp_unpack80(soft_x87_get(s, 0));
		if (i->op == INSN_FSQRT)
			r = fp_sqrt(&x.e, &fp_f80, a);
		else if (i->op == INSN_F2XM1)
			r = fp_2xm1(&x.e, a);
		else if (!fp_nan1(&x.e, a, &r))
			r = fp_round_int(&x.e, a, false);
	}
	if (soft_x87_finish(s, i, &x))
		soft_x87_put(s, 0, fp_pack80(r));
}

/* FABS, FCHS: the sign bit, whatever the rest is. */
void soft_op_x87_sign(struct soft *s, const struct insn *i)
{
	struct x87_run x = soft_x87_run(s);
	struct soft_f80 v = fp_pack80(fp_default_nan());

	soft_x87_enter(s);
	if (!soft_x87_underflow(s, &x, 1)) {
		v = soft_x87_get(s, 0);
		v.exp = i->op == INSN_FABS ? v.exp & 0x7fff : v.exp ^ 0x8000;
	}
	if (soft_x87_finish(s, i, &x))
		soft_x87_put(s, 0, v);
}

/* FSCALE: ST(0) by ST(1); FPATAN, FYL2X, FYL2XP1: into ST(1), and pop */
void soft_op_x87_binary(struct soft *s, const struct insn *i)
{
	struct x87_run x = soft_x87_run(s);
	struct fp_num a, b, r = fp_default_nan();
	bool pop = i->op != INSN_FSCALE;

	soft_x87_enter(s);
	if (!soft_x87_underflow(s, &x, 3)) {
		a = fp_unpack80(soft_x87_get(s, 0));
		b = fp_unpack80(soft_x87_get(s, 1));
		if (i->op == INSN_FSCALE)
			r = fp_scale(&x.e, a, b);
		else if (i->op == INSN_FPATAN)
			r = fp_atan2(&x.e, b, a);
		else if (i->op == INSN_FYL2X)
			r = fp_yl2x(&x.e, b, a);
		else
			r = fp_yl2xp1(&x.e, b, a);
	}
	if (!soft_x87_finish(s, i, &x))
		return;
	soft_x87_put(s, pop, fp_pack80(r));
	if (pop)
		soft_x87_pop(s);
}

/*
 * FPREM, FPREM1: C2 says whether more is to be done, C0 C3 C1 are bits 2, 1, 0 of the quotient. Where
 * there is no quotient (NaN, invalid) C0 and C3 stay, as on Intel's CPUs; C2 is cleared even
 * when an exception is unmasked.
 */
void soft_op_x87_rem(struct soft *s, const struct insn *i)
{
	struct x87_run x = soft_x87_run(s);
	struct fp_num a, b, r = fp_default_nan();
	bool partial = false, divided = false;
	unsigned q = 0;

	soft_x87_enter(s);
	if (!soft_x87_underflow(s, &x, 3)) {
		a = fp_unpack80(soft_x87_get(s, 0));
		b = fp_unpack80(soft_x87_get(s, 1));
		divided = (a.kind == FP_KFINITE || a.kind == FP_KZERO) &&
			  (b.kind == FP_KFINITE || b.kind == FP_KINF);
		r = fp_rem(&x.e, a, b, i->op == INSN_FPREM1, &partial, &q);
	}
	soft_x87_set_cc(s, X87_C2, 0);
	if (!soft_x87_finish(s, i, &x))
		return;
	if (divided)
		soft_x87_set_cc(s, X87_CC,
				(q & 4 ? X87_C0 : 0) | (q & 2 ? X87_C3 : 0) | (q & 1 ? X87_C1 : 0) |
					(partial ? X87_C2 : 0));
	soft_x87_put(s, 0, fp_pack80(r));
}

/* FXTRACT: the exponent in the place of ST(0), then the significand on top of it. */
void soft_op_x87_extract(struct soft *s, const struct insn *i)
{
	struct x87_run x = soft_x87_run(s);
	struct fp_num exp = fp_default_nan(), sig = fp_default_nan();

	soft_x87_enter(s);
	if (!soft_x87_underflow(s, &x, 1) && !soft_x87_overflow(s, &x))
		exp = fp_extract(&x.e, fp_unpack80(soft_x87_get(s, 0)), &sig);
	if (!soft_x87_finish(s, i, &x))
		return;
	soft_x87_put(s, 0, fp_pack80(exp));
	soft_x87_push(s, fp_pack80(sig));
}

/* ---- trigonometry ----------------------------------------------------------------------------------- */

/* FSIN, FCOS; FPTAN pushes 1.0 and FSINCOS the cosine. C2: the operand is 2^63 or more: untouched. */
void soft_op_x87_trig(struct soft *s, const struct insn *i)
{
	struct x87_run x = soft_x87_run(s);
	bool pushes = i->op == INSN_FPTAN || i->op == INSN_FSINCOS, range = false;
	struct fp_num a, r = fp_default_nan(), second = fp_default_nan();

	soft_x87_enter(s);
	if (!soft_x87_underflow(s, &x, 1) && !(pushes && soft_x87_overflow(s, &x))) {
		a = fp_unpack80(soft_x87_get(s, 0));
		if (i->op == INSN_FCOS)
			r = fp_cos(&x.e, a, &range);
		else if (i->op == INSN_FPTAN)
			r = fp_tan(&x.e, a, &range);
		else
			r = fp_sin(&x.e, a, &range);
		second = r;
		if (i->op == INSN_FSINCOS)
			second = fp_cos(&x.e, a, &range);
		else if (r.kind != FP_KNAN)
			second = (struct fp_num){.kind = FP_KFINITE, .sig = FP_SIG_ONE};
	}
	soft_x87_set_cc(s, X87_C2, range ? X87_C2 : 0);
	if (!soft_x87_finish(s, i, &x))
		return;
	if (range)
		return;
	soft_x87_put(s, 0, fp_pack80(r));
	if (pushes)
		soft_x87_push(s, fp_pack80(second));
}
