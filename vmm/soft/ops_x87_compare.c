/* SPDX-License-Identifier: MIT */
/* soft: x87 comparisons and FXAM. SDM volume 2. */
#include "flags.h"
#include "x87.h"

static const uint16_t codes[] = {
	[FP_LESS] = X87_C0,
	[FP_EQUAL] = X87_C3,
	[FP_GREATER] = 0,
	[FP_UNORDERED] = X87_C0 | X87_C2 | X87_C3,
};

static void compare(struct soft *s, const struct insn *i, bool quiet, unsigned pops)
{
	struct x87_run x = soft_x87_run(s);
	struct fp_env exact = {.prec = 64, .masks = FP_ALL};
	enum fp_order o = FP_UNORDERED;
	struct fp_num b = fp_make_zero(false);
	unsigned sti = 0;

	soft_x87_enter(s);
	if (i->op == INSN_FICOM || i->op == INSN_FICOMP) {
		unsigned size = soft_x87_mem(i)->size;

		b = fp_from_int(&exact, &fp_f80, soft_sext(soft_x87_read(s, i), size));
	} else if (soft_x87_is_mem(i)) {
		b = fp_unpack(&x.e, soft_x87_mem(i)->size, soft_x87_read(s, i));
	} else if (i->op != INSN_FTST) {
		sti = soft_x87_sti(i);
		b = fp_unpack80(soft_x87_get(s, sti));
	}
	if (!soft_x87_underflow(s, &x, 1u | 1u << sti))
		o = fp_compare(&x.e, fp_unpack80(soft_x87_get(s, 0)), b, quiet);
	/* The codes are set even where the exception is unmasked, as Intel's CPUs do. */
	soft_x87_set_cc(s, X87_C0 | X87_C2 | X87_C3, codes[o]);
	soft_x87_finish_pop(s, i, &x, pops);
}

/* FCOM, FICOM, FTST, and popping FCOMP, FICOMP, FCOMPP: a QNaN is invalid too. */
void soft_op_fcom(struct soft *s, const struct insn *i)
{
	unsigned pops = i->op == INSN_FCOMP || i->op == INSN_FICOMP ? 1 : 0;

	compare(s, i, false, i->op == INSN_FCOMPP ? 2 : pops);
}

void soft_op_fucom(struct soft *s, const struct insn *i)
{
	compare(s, i, true, i->op == INSN_FUCOMPP ? 2 : i->op == INSN_FUCOMP);
}

/* FCOMI, FCOMIP, FUCOMI, FUCOMIP: the order in ZF, PF, CF; OF, SF and AF are cleared. */
void soft_op_fcomi(struct soft *s, const struct insn *i)
{
	static const uint64_t says[] = {
		[FP_LESS] = X86_FLAG_CF,
		[FP_EQUAL] = X86_FLAG_ZF,
		[FP_GREATER] = 0,
		[FP_UNORDERED] = X86_FLAG_ZF | X86_FLAG_PF | X86_FLAG_CF,
	};
	bool quiet = i->op == INSN_FUCOMI || i->op == INSN_FUCOMIP;
	bool pop = i->op == INSN_FCOMIP || i->op == INSN_FUCOMIP;
	struct x87_run x = soft_x87_run(s);
	enum fp_order o = FP_UNORDERED;
	unsigned sti = soft_x87_sti(i);

	soft_x87_enter(s);
	x.keep_c1 = true;
	if (!soft_x87_underflow(s, &x, 1u | 1u << sti))
		o = fp_compare(&x.e, fp_unpack80(soft_x87_get(s, 0)),
			       fp_unpack80(soft_x87_get(s, sti)), quiet);
	soft_flags_put(s, SOFT_FLAGS_ARITH, says[o]);
	soft_x87_finish_pop(s, i, &x, pop);
}

/* FXAM: what ST(0) is, SDM 2, table 3-42; C1 is its sign. No exceptions. */
void soft_op_fxam(struct soft *s, const struct insn *i)
{
	static const uint16_t classes[] = {
		[FP_KZERO] = X87_C3, [FP_KFINITE] = X87_C2, [FP_KINF] = X87_C2 | X87_C0,
		[FP_KNAN] = X87_C0,  [FP_KBAD] = 0,
	};
	struct soft_f80 v;
	struct x87_run x = soft_x87_run(s);
	struct fp_num n;
	unsigned cc;

	soft_x87_enter(s);
	v = soft_x87_get(s, 0);
	n = fp_unpack80(v);
	cc = classes[n.kind];
	if (soft_x87_empty(s, 0))
		cc = X87_C3 | X87_C0;
	else if (n.denormal)
		cc = X87_C3 | X87_C2;
	(void)soft_x87_finish(s, i, &x);
	soft_x87_set_cc(s, X87_CC, cc | (v.exp >> 15 ? X87_C1 : 0));
}
