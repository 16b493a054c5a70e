/* SPDX-License-Identifier: MIT */
/* soft: conversions of SSE and SSE2. SDM volume 2. */
#include "simd.h"

static uint64_t convert_float(struct fp_env *e, unsigned to, unsigned from, uint64_t v)
{
	return fp_pack(to, fp_convert(e, fp_fmt_of(to), fp_unpack(e, from, v)));
}

/* CVTPS2PD, CVTPD2PS, CVTSS2SD, CVTSD2SS */
void soft_op_sse_cvt_float(struct soft *s, const struct insn *i)
{
	struct fp_env e = soft_sse_env(s);
	struct simd_exc x = {0};
	union soft_xmm v, d;

	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, 1);
	d = soft_simd_load(s, i, 0);
	switch (i->op) {
	case INSN_CVTSS2SD:
		d.q[0] = convert_float(&e, 8, 4, v.d[0]);
		break;
	case INSN_CVTSD2SS:
		d.d[0] = (uint32_t)convert_float(&e, 4, 8, v.q[0]);
		break;
	case INSN_CVTPS2PD:
		d.q[0] = convert_float(&e, 8, 4, v.d[0]);
		d.q[1] = convert_float(&e, 8, 4, v.d[1]);
		break;
	default:
		d.d[0] = (uint32_t)convert_float(&e, 4, 8, v.q[0]);
		d.d[1] = (uint32_t)convert_float(&e, 4, 8, v.q[1]);
		d.q[1] = 0;
		break;
	}
	soft_sse_flags(&x, &e);
	soft_sse_raise(s, &x);
	soft_simd_store(s, i, 0, d);
}

/* The x87 unit is in MMX state even where #XM follows; not where memory could not be read. */
static void enter_mmx(struct soft *s, const struct insn *i)
{
	if (soft_simd_mmx(i))
		soft_mmx_used(s);
}

/* Packed integers to floats: CVTDQ2PS, CVTDQ2PD, CVTPI2PS, CVTPI2PD */
void soft_op_sse_cvt_from_int(struct soft *s, const struct insn *i)
{
	bool wide = i->op == INSN_CVTDQ2PD || i->op == INSN_CVTPI2PD;
	unsigned size = wide ? 8 : 4, count = i->op == INSN_CVTDQ2PS ? 4 : 2;
	struct fp_env e = soft_sse_env(s);
	struct simd_exc x = {0};
	union soft_xmm v, d;

	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, 1);
	d = soft_simd_load(s, i, 0); /* CVTPI2PS keeps the high half */
	for (unsigned k = 0; k < count; k++) {
		uint64_t r = fp_pack(size, fp_from_int(&e, fp_fmt_of(size), (int32_t)v.d[k]));

		if (wide)
			d.q[k] = r;
		else
			d.d[k] = (uint32_t)r;
	}
	enter_mmx(s, i);
	soft_sse_flags(&x, &e);
	soft_sse_raise(s, &x);
	soft_simd_store(s, i, 0, d);
}

/* Floats to packed integers; what the source does not fill is zero. */
void soft_op_sse_cvt_to_int(struct soft *s, const struct insn *i)
{
	bool trunc = false;
	unsigned size = 4, count = 4;
	struct fp_env e = soft_sse_env(s);
	union soft_xmm v, d = {.q = {0, 0}};
	struct simd_exc x = {0};

	switch (i->op) {
	case INSN_CVTTPS2DQ:
		trunc = true;
		break;
	case INSN_CVTTPS2PI:
	case INSN_CVTPS2PI:
		trunc = i->op == INSN_CVTTPS2PI;
		count = 2;
		break;
	case INSN_CVTTPD2DQ:
	case INSN_CVTTPD2PI:
	case INSN_CVTPD2DQ:
	case INSN_CVTPD2PI:
		trunc = i->op == INSN_CVTTPD2DQ || i->op == INSN_CVTTPD2PI;
		size = 8;
		count = 2;
		break;
	default:
		break;
	}
	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, 1);
	for (unsigned k = 0; k < count; k++) {
		struct fp_num n = fp_unpack(&e, size, size == 4 ? v.d[k] : v.q[k]);

		d.d[k] = (uint32_t)fp_to_int(&e, n, 32, trunc);
	}
	enter_mmx(s, i);
	soft_sse_flags(&x, &e);
	soft_sse_raise(s, &x);
	soft_simd_store(s, i, 0, d);
}

/* CVTSS2SI, CVTSD2SI, CVTTSS2SI, CVTTSD2SI to a general register of 32 or 64 bits */
void soft_op_sse_cvt_to_gpr(struct soft *s, const struct insn *i)
{
	unsigned size = i->op == INSN_CVTSS2SI || i->op == INSN_CVTTSS2SI ? 4 : 8;
	bool trunc = i->op == INSN_CVTTSS2SI || i->op == INSN_CVTTSD2SI;
	struct fp_env e = soft_sse_env(s);
	struct simd_exc x = {0};
	union soft_xmm v;
	int64_t r;

	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, 1);
	r = fp_to_int(&e, fp_unpack(&e, size, v.q[0] & size_mask(size)), 8u * i->o[0].size, trunc);
	soft_sse_flags(&x, &e);
	soft_sse_raise(s, &x);
	soft_gpr_write(s, &i->o[0], (uint64_t)r);
}

/* CVTSI2SS, CVTSI2SD */
void soft_op_sse_cvt_from_gpr(struct soft *s, const struct insn *i)
{
	struct fp_env e = soft_sse_env(s);
	struct simd_exc x = {0};
	union soft_xmm d;
	int64_t v;

	soft_simd_enter(s, i);
	v = (int64_t)soft_get_operand(s, i, 1);
	if (i->o[1].size == 4)
		v = (int32_t)v;
	d = soft_simd_load(s, i, 0);
	if (i->op == INSN_CVTSI2SS)
		d.d[0] = (uint32_t)fp_pack(4, fp_from_int(&e, &fp_f32, v));
	else
		d.q[0] = fp_pack(8, fp_from_int(&e, &fp_f64, v));
	soft_sse_flags(&x, &e);
	soft_sse_raise(s, &x);
	soft_simd_store(s, i, 0, d);
}
