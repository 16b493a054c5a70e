/* SPDX-License-Identifier: MIT */
/* soft: x87 loads, stores, constants, exchanges. SDM volume 2. */
#include "flags.h"
#include "x87.h"

static void push(struct soft *s, const struct insn *i, struct x87_run *x, struct soft_f80 v)
{
	if (x->sf || soft_x87_overflow(s, x))
		v = fp_pack80(fp_default_nan());
	if (soft_x87_finish(s, i, x))
		soft_x87_push(s, v);
}

static struct soft_f80 read80(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o = soft_x87_mem(i);
	uint8_t b[10];

	soft_read_bytes(s, o->seg, soft_ea(s, i, o), b, sizeof(b));
	return (struct soft_f80){.sig = ld_le64(b), .exp = ld_le16(b + 8)};
}

/* FLD m32, m64, m80, ST(i) */
void soft_op_fld(struct soft *s, const struct insn *i)
{
	struct x87_run x = soft_x87_run(s);
	struct soft_f80 v;
	struct fp_num n;
	uint64_t bits;

	soft_x87_enter(s);
	if (!soft_x87_is_mem(i)) {
		v = soft_x87_get(s, soft_x87_sti(i));
		(void)soft_x87_underflow(s, &x, 1u << soft_x87_sti(i));
	} else if (soft_x87_mem(i)->size == 10) {
		v = read80(s, i);
	} else {
		bits = soft_x87_read(s, i);
		if (soft_x87_overflow(s, &x)) {
			push(s, i, &x, fp_pack80(fp_default_nan()));
			return;
		}
		n = fp_unpack(&x.e, soft_x87_mem(i)->size, bits);
		x.e.prec = 64;
		x.allow_de = true; /* a denormal is loaded, and reported behind */
		v = fp_pack80(fp_convert(&x.e, &fp_f80, n));
	}
	push(s, i, &x, v);
}

void soft_op_fild(struct soft *s, const struct insn *i)
{
	struct x87_run x = soft_x87_run(s);
	uint64_t v;

	soft_x87_enter(s);
	v = soft_x87_read(s, i);
	x.e.prec = 64;
	push(s, i, &x, fp_pack80(fp_from_int(&x.e, &fp_f80, soft_sext(v, soft_x87_mem(i)->size))));
}

void soft_op_fbld(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o;
	struct x87_run x = soft_x87_run(s);
	uint8_t b[10];

	soft_x87_enter(s);
	o = soft_x87_mem(i);
	soft_read_bytes(s, o->seg, soft_ea(s, i, o), b, sizeof(b));
	push(s, i, &x, fp_pack80(fp_from_bcd(b)));
}

/* FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ: the constants rounded by the mode, without PE. */
void soft_op_x87_const(struct soft *s, const struct insn *i)
{
	/* By the low bits of the opcode: exponent, 64 bits, and 64 bits more. */
	static const struct {
		int exp;
		uint64_t hi, lo;
	} c[] = {
		{0, FP_SIG_ONE, 0},
		{1, 0xd49a784bcd1b8afe, 0x492bf6ff4dafdb4c},  /* log2 10 */
		{0, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88},  /* log2 e */
		{1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1},  /* pi */
		{-2, 0x9a209a84fbcff798, 0x8f8959ac0b7c9178}, /* log10 2 */
		{-1, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af}, /* ln 2 */
	};
	struct x87_run x = soft_x87_run(s);
	unsigned n = soft_x87_sti(i);
	struct fp_num v = fp_make_zero(false);
	struct fp_env e = x.e;

	soft_x87_enter(s);
	e.prec = 64;
	if (n < ARRAY_SIZE(c))
		v = fp_round_num(&e, &fp_f80, false, c[n].exp, c[n].hi, c[n].lo);
	push(s, i, &x, fp_pack80(v));
}

/* ---- stores ------------------------------------------------------------------------------------------- */

/* FST, FSTP to ST(i). FSTPNCE, undocumented, is FSTP that with an empty ST(0) only pops. */
static void store_sti(struct soft *s, const struct insn *i, bool pop)
{
	struct soft_f80 v = fp_pack80(fp_default_nan());
	struct x87_run x = soft_x87_run(s);

	if (i->op == INSN_FSTPNCE && soft_x87_empty(s, 0)) {
		soft_x87_finish_pop(s, i, &x, 1);
		return;
	}
	if (!soft_x87_underflow(s, &x, 1))
		v = soft_x87_get(s, 0);
	if (!soft_x87_finish(s, i, &x))
		return;
	soft_x87_put(s, soft_x87_sti(i), v);
	if (pop)
		soft_x87_pop(s);
}

/* FST, FSTP, FSTPNCE */
void soft_op_fst(struct soft *s, const struct insn *i)
{
	struct fp_num a, r = fp_default_nan();
	struct x87_run x = soft_x87_run(s);
	bool pop = i->op != INSN_FST;
	unsigned size;

	soft_x87_enter(s);
	if (!soft_x87_is_mem(i)) {
		store_sti(s, i, pop);
		return;
	}
	x.store = true;
	size = soft_x87_mem(i)->size;
	if (size == 10) {
		const struct insn_operand *o = soft_x87_mem(i);
		struct soft_f80 v = fp_pack80(fp_default_nan());
		uint8_t b[10];

		if (!soft_x87_underflow(s, &x, 1))
			v = soft_x87_get(s, 0);
		st_le64(b, v.sig);
		st_le16(b + 8, v.exp);
		if (soft_x87_may_store(&x))
			soft_write_bytes(s, o->seg, soft_ea(s, i, o), b, sizeof(b));
		soft_x87_finish_pop(s, i, &x, pop);
		return;
	}
	if (!soft_x87_underflow(s, &x, 1)) {
		a = fp_unpack80(soft_x87_get(s, 0));
		a.denormal = false; /* DE is not for stores */
		r = fp_convert(&x.e, fp_fmt_of(size), a);
	}
	if (soft_x87_may_store(&x)) {
		soft_x87_write(s, i, fp_pack(size, r));
		soft_x87_finish_pop(s, i, &x, pop);
	} else {
		(void)soft_x87_finish(s, i, &x);
	}
}

/* FIST, FISTP, FISTTP */
void soft_op_fist(struct soft *s, const struct insn *i)
{
	struct x87_run x = soft_x87_run(s);
	unsigned bits;
	int64_t v;

	soft_x87_enter(s);
	bits = 8u * soft_x87_mem(i)->size;
	v = -(int64_t)((1ull << (bits - 1)) - 1) - 1;
	if (!soft_x87_underflow(s, &x, 1))
		v = fp_to_int(&x.e, fp_unpack80(soft_x87_get(s, 0)), bits, i->op == INSN_FISTTP);
	if (soft_x87_may_store(&x))
		soft_x87_write(s, i, (uint64_t)v);
	soft_x87_finish_pop(s, i, &x, i->op != INSN_FIST);
}

void soft_op_fbstp(struct soft *s, const struct insn *i)
{
	const struct insn_operand *o;
	struct x87_run x = soft_x87_run(s);
	uint8_t b[10];

	soft_x87_enter(s);
	o = soft_x87_mem(i);
	if (soft_x87_underflow(s, &x, 1)) {
		struct fp_env quiet = x.e;

		fp_to_bcd(&quiet, fp_default_nan(), b);
	} else {
		fp_to_bcd(&x.e, fp_unpack80(soft_x87_get(s, 0)), b);
	}
	if (soft_x87_may_store(&x))
		soft_write_bytes(s, o->seg, soft_ea(s, i, o), b, sizeof(b));
	soft_x87_finish_pop(s, i, &x, 1);
}

/* ---- within the stack ------------------------------------------------------------------------------------ */

/* An empty register counts as the default NaN where the stack fault is masked. */
static struct soft_f80 get_or_nan(const struct soft *s, unsigned st)
{
	return soft_x87_empty(s, st) ? fp_pack80(fp_default_nan()) : soft_x87_get(s, st);
}

void soft_op_fxch(struct soft *s, const struct insn *i)
{
	struct x87_run x = soft_x87_run(s);
	unsigned sti = soft_x87_sti(i);
	struct soft_f80 a, b;

	soft_x87_enter(s);
	(void)soft_x87_underflow(s, &x, 1u | 1u << sti);
	if (!soft_x87_finish(s, i, &x))
		return;
	a = get_or_nan(s, 0);
	b = get_or_nan(s, sti);
	soft_x87_put(s, 0, b);
	soft_x87_put(s, sti, a);
}

/* FCMOVcc: DA: B, E, BE, U; DB: not those. */
void soft_op_fcmov(struct soft *s, const struct insn *i)
{
	static const uint64_t flags[] = {X86_FLAG_CF, X86_FLAG_ZF, X86_FLAG_CF | X86_FLAG_ZF,
					 X86_FLAG_PF};
	bool set = s->rflags & flags[i->modrm >> 3 & 3], yes = set != (i->opcode & 1);
	struct x87_run x = soft_x87_run(s);
	struct soft_f80 v = fp_pack80(fp_default_nan());

	soft_x87_enter(s);
	x.keep_c1 = true;
	if (soft_x87_underflow(s, &x, 1u | 1u << soft_x87_sti(i)))
		yes = true;
	else
		v = soft_x87_get(s, soft_x87_sti(i));
	if (soft_x87_finish(s, i, &x) && yes)
		soft_x87_put(s, 0, v);
}
