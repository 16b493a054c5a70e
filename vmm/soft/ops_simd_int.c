/* SPDX-License-Identifier: MIT */
/*
 * soft: packed integers, MMX to SSE4.2: what takes two vectors element by element. One operation
 * serves MMX (8 bytes) and SSE (16). SDM volume 2.
 */
#include "simd.h"

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static uint8_t sat_s8(int v)
{
	return (uint8_t)clamp(v, INT8_MIN, INT8_MAX);
}
static uint8_t sat_u8(int v)
{
	return (uint8_t)clamp(v, 0, UINT8_MAX);
}
static uint16_t sat_s16(int64_t v)
{
	return (uint16_t)clamp(v, INT16_MIN, INT16_MAX);
}
static uint16_t sat_u16(int v)
{
	return (uint16_t)clamp(v, 0, UINT16_MAX);
}

/* The elements of a and b as signed numbers, in the loops below. */
#define A8	  ((int8_t)a.b[k])
#define B8	  ((int8_t)b.b[k])
#define A16	  ((int16_t)a.w[k])
#define B16	  ((int16_t)b.w[k])
#define A32	  ((int32_t)a.d[k])
#define B32	  ((int32_t)b.d[k])
#define MIN(x, y) ((x) < (y) ? (x) : (y))
#define MAX(x, y) ((x) > (y) ? (x) : (y))

#define EACH(name, field, expr)                                                                    \
	case INSN_##name:                                                                          \
		for (unsigned k = 0; k < sizeof(a) / sizeof(a.field[0]); k++)                      \
			r.field[k] = (expr);                                                       \
		break

/* Bytes. All 16 are computed; with MMX the high 8 are thrown away. */
static union soft_xmm bytes(unsigned op, union soft_xmm a, union soft_xmm b)
{
	union soft_xmm r = a;

	switch (op) {
		EACH(PADDB, b, (uint8_t)(a.b[k] + b.b[k]));
		EACH(PSUBB, b, (uint8_t)(a.b[k] - b.b[k]));
		EACH(PADDSB, b, sat_s8(A8 + B8));
		EACH(PSUBSB, b, sat_s8(A8 - B8));
		EACH(PADDUSB, b, sat_u8(a.b[k] + b.b[k]));
		EACH(PSUBUSB, b, sat_u8(a.b[k] - b.b[k]));
		EACH(PAVGB, b, (uint8_t)((a.b[k] + b.b[k] + 1) >> 1));
		EACH(PCMPEQB, b, a.b[k] == b.b[k] ? 0xff : 0);
		EACH(PCMPGTB, b, A8 > B8 ? 0xff : 0);
		EACH(PMAXSB, b, (uint8_t)MAX(A8, B8));
		EACH(PMINSB, b, (uint8_t)MIN(A8, B8));
		EACH(PMAXUB, b, MAX(a.b[k], b.b[k]));
		EACH(PMINUB, b, MIN(a.b[k], b.b[k]));
		EACH(PABSB, b, (uint8_t)(B8 < 0 ? -B8 : B8));
		EACH(PSIGNB, b, (uint8_t)(B8 < 0 ? -A8 : B8 ? A8 : 0));
	default:
		break;
	}
	return r;
}

static union soft_xmm words(unsigned op, union soft_xmm a, union soft_xmm b)
{
	union soft_xmm r = a;

	switch (op) {
		EACH(PADDW, w, (uint16_t)(a.w[k] + b.w[k]));
		EACH(PSUBW, w, (uint16_t)(a.w[k] - b.w[k]));
		EACH(PADDSW, w, sat_s16(A16 + B16));
		EACH(PSUBSW, w, sat_s16(A16 - B16));
		EACH(PADDUSW, w, sat_u16(a.w[k] + b.w[k]));
		EACH(PSUBUSW, w, sat_u16(a.w[k] - b.w[k]));
		EACH(PAVGW, w, (uint16_t)((a.w[k] + b.w[k] + 1) >> 1));
		EACH(PCMPEQW, w, a.w[k] == b.w[k] ? 0xffff : 0);
		EACH(PCMPGTW, w, A16 > B16 ? 0xffff : 0);
		EACH(PMAXSW, w, (uint16_t)MAX(A16, B16));
		EACH(PMINSW, w, (uint16_t)MIN(A16, B16));
		EACH(PMAXUW, w, MAX(a.w[k], b.w[k]));
		EACH(PMINUW, w, MIN(a.w[k], b.w[k]));
		EACH(PABSW, w, (uint16_t)(B16 < 0 ? -B16 : B16));
		EACH(PSIGNW, w, (uint16_t)(B16 < 0 ? -A16 : B16 ? A16 : 0));
		EACH(PMULLW, w, (uint16_t)(A16 * B16));
		EACH(PMULHW, w, (uint16_t)((uint32_t)(A16 * B16) >> 16));
		EACH(PMULHUW, w, (uint16_t)((uint32_t)a.w[k] * b.w[k] >> 16));
		/* The one sum that does not fit, of two products 0x40000000, keeps its low 16 bits. */
		EACH(PMULHRSW, w, (uint16_t)(((A16 * B16 >> 14) + 1) >> 1));
		EACH(PMADDUBSW, w,
		     sat_s16(a.b[2 * k] * (int8_t)b.b[2 * k] +
			     a.b[2 * k + 1] * (int8_t)b.b[2 * k + 1]));
	default:
		break;
	}
	return r;
}

static union soft_xmm dwords(unsigned op, union soft_xmm a, union soft_xmm b)
{
	union soft_xmm r = a;

	switch (op) {
		EACH(PADDD, d, a.d[k] + b.d[k]);
		EACH(PSUBD, d, a.d[k] - b.d[k]);
		EACH(PCMPEQD, d, a.d[k] == b.d[k] ? ~0u : 0);
		EACH(PCMPGTD, d, A32 > B32 ? ~0u : 0);
		EACH(PMAXSD, d, (uint32_t)MAX(A32, B32));
		EACH(PMINSD, d, (uint32_t)MIN(A32, B32));
		EACH(PMAXUD, d, MAX(a.d[k], b.d[k]));
		EACH(PMINUD, d, MIN(a.d[k], b.d[k]));
		EACH(PABSD, d, B32 < 0 ? 0 - b.d[k] : b.d[k]);
		EACH(PSIGND, d, B32 < 0 ? 0 - a.d[k] : B32 ? a.d[k] : 0);
		EACH(PMULLD, d, a.d[k] * b.d[k]);
		EACH(PMADDWD, d,
		     (uint32_t)((int16_t)a.w[2 * k] * (int16_t)b.w[2 * k]) +
			     (uint32_t)((int16_t)a.w[2 * k + 1] * (int16_t)b.w[2 * k + 1]));
	default:
		break;
	}
	return r;
}

static uint64_t distance(const uint8_t *a, const uint8_t *b, unsigned len)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < len; k++)
		sum += a[k] > b[k] ? a[k] - b[k] : b[k] - a[k];
	return sum;
}

static union soft_xmm qwords(unsigned op, union soft_xmm a, union soft_xmm b)
{
	union soft_xmm r = a;

	switch (op) {
		EACH(PADDQ, q, a.q[k] + b.q[k]);
		EACH(PSUBQ, q, a.q[k] - b.q[k]);
		EACH(PCMPEQQ, q, a.q[k] == b.q[k] ? ~0ull : 0);
		EACH(PCMPGTQ, q, (int64_t)a.q[k] > (int64_t)b.q[k] ? ~0ull : 0);
		EACH(PMULUDQ, q, (uint64_t)a.d[2 * k] * b.d[2 * k]);
		EACH(PMULDQ, q, (uint64_t)((int64_t)(int32_t)a.d[2 * k] * (int32_t)b.d[2 * k]));
		EACH(PSADBW, q, distance(a.b + 8 * k, b.b + 8 * k, 8));
		EACH(PAND, q, a.q[k] & b.q[k]);
		EACH(PANDN, q, ~a.q[k] & b.q[k]);
		EACH(POR, q, a.q[k] | b.q[k]);
		EACH(PXOR, q, a.q[k] ^ b.q[k]);
		EACH(ANDPS, q, a.q[k] & b.q[k]);
		EACH(ANDPD, q, a.q[k] & b.q[k]);
		EACH(ANDNPS, q, ~a.q[k] & b.q[k]);
		EACH(ANDNPD, q, ~a.q[k] & b.q[k]);
		EACH(ORPS, q, a.q[k] | b.q[k]);
		EACH(ORPD, q, a.q[k] | b.q[k]);
		EACH(XORPS, q, a.q[k] ^ b.q[k]);
		EACH(XORPD, q, a.q[k] ^ b.q[k]);
	default:
		break;
	}
	return r;
}

static void two(struct soft *s, const struct insn *i,
		union soft_xmm (*fn)(unsigned op, union soft_xmm a, union soft_xmm b))
{
	union soft_xmm b;

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	soft_simd_store(s, i, 0, fn(i->op, soft_simd_load(s, i, 0), b));
}

void soft_op_simd_bytes(struct soft *s, const struct insn *i)
{
	two(s, i, bytes);
}

void soft_op_simd_words(struct soft *s, const struct insn *i)
{
	two(s, i, words);
}

void soft_op_simd_dwords(struct soft *s, const struct insn *i)
{
	two(s, i, dwords);
}

void soft_op_simd_qwords(struct soft *s, const struct insn *i)
{
	two(s, i, qwords);
}

/* ---- shifts ---------------------------------------------------------------------------------------- */

static union soft_xmm shift(unsigned op, union soft_xmm a, uint64_t n)
{
	/* PSRA fills with the sign where the count is too large; the others give zero. */
	unsigned n16 = n > 15 ? 15 : (unsigned)n, n32 = n > 31 ? 31 : (unsigned)n;
	union soft_xmm r = a;

	switch (op) {
		EACH(PSLLW, w, n > 15 ? 0 : (uint16_t)(a.w[k] << n));
		EACH(PSRLW, w, n > 15 ? 0 : (uint16_t)(a.w[k] >> n));
		EACH(PSRAW, w, (uint16_t)(A16 >> n16));
		EACH(PSLLD, d, n > 31 ? 0 : a.d[k] << n);
		EACH(PSRLD, d, n > 31 ? 0 : a.d[k] >> n);
		EACH(PSRAD, d, (uint32_t)(A32 >> n32));
		EACH(PSLLQ, q, n > 63 ? 0 : a.q[k] << n);
		EACH(PSRLQ, q, n > 63 ? 0 : a.q[k] >> n);
		EACH(PSLLDQ, b, k < n ? 0 : a.b[k - n]);
		EACH(PSRLDQ, b, k + n > 15 ? 0 : a.b[k + n]);
	default:
		break;
	}
	return r;
}

/* PSLLx, PSRLx, PSRAx by an immediate or by the low 64 bits of a vector; PSLLDQ, PSRLDQ */
void soft_op_simd_shift(struct soft *s, const struct insn *i)
{
	uint64_t n;

	soft_simd_enter(s, i);
	n = i->o[1].kind == INSN_IMM ? soft_simd_imm(i, 1) : soft_simd_load(s, i, 1).q[0];
	if (n > 255)
		n = 255;
	soft_simd_store(s, i, 0, shift(i->op, soft_simd_load(s, i, 0), n));
}

/* ---- SSSE3, SSE4.1: across elements ------------------------------------------------------------------ */

static uint32_t pair(unsigned op, const union soft_xmm *v, unsigned at)
{
	int w0 = (int16_t)v->w[(2 * at) & 7], w1 = (int16_t)v->w[(2 * at + 1) & 7];

	switch (op) {
	case INSN_PHADDW:
		return (uint16_t)(w0 + w1);
	case INSN_PHADDSW:
		return sat_s16(w0 + w1);
	case INSN_PHSUBW:
		return (uint16_t)(w0 - w1);
	case INSN_PHSUBSW:
		return sat_s16(w0 - w1);
	case INSN_PHADDD:
		return v->d[(2 * at) & 3] + v->d[(2 * at + 1) & 3];
	default:
		return v->d[(2 * at) & 3] - v->d[(2 * at + 1) & 3];
	}
}

/* PHADDW, PHADDSW, PHADDD, PHSUBW, PHSUBSW, PHSUBD */
void soft_op_simd_horizontal(struct soft *s, const struct insn *i)
{
	unsigned size = i->op == INSN_PHADDD || i->op == INSN_PHSUBD ? 4 : 2;
	unsigned half = soft_simd_len(i) / size / 2;
	union soft_xmm v[2], r = {.q = {0, 0}};

	soft_simd_enter(s, i);
	v[1] = soft_simd_load(s, i, 1);
	v[0] = soft_simd_load(s, i, 0);
	for (unsigned k = 0; k < 2 * half; k++) {
		uint32_t sum = pair(i->op, &v[k / half], k % half);

		if (size == 4)
			r.d[k] = sum;
		else
			r.w[k] = (uint16_t)sum;
	}
	soft_simd_store(s, i, 0, r);
}

/* The smallest word and where it is. */
void soft_op_sse_phminposuw(struct soft *s, const struct insn *i)
{
	union soft_xmm v, r = {.q = {0, 0}};
	unsigned at = 0;

	soft_simd_enter(s, i);
	v = soft_simd_load(s, i, 1);
	for (unsigned k = 1; k < 8; k++)
		if (v.w[k] < v.w[at])
			at = k;
	r.w[0] = v.w[at];
	r.w[1] = (uint16_t)at;
	soft_simd_store(s, i, 0, r);
}

/* Eight distances of a block of four source bytes to blocks of the destination. */
void soft_op_sse_mpsadbw(struct soft *s, const struct insn *i)
{
	unsigned imm = soft_simd_imm(i, 2);
	union soft_xmm a, b, r;

	soft_simd_enter(s, i);
	b = soft_simd_load(s, i, 1);
	a = soft_simd_load(s, i, 0);
	for (unsigned k = 0; k < 8; k++)
		r.w[k] = (uint16_t)distance(a.b + (imm >> 2 & 1) * 4 + k, b.b + (imm & 3) * 4, 4);
	soft_simd_store(s, i, 0, r);
}
