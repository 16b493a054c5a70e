/* SPDX-License-Identifier: MIT */
/* silicon: operand values from the corners: integers, singles, doubles, 80-bit, vectors. */
#include "silicon.h"

uint64_t sil_val_int(struct rng *r, unsigned size)
{
	uint64_t mask = size_mask(size), v = rng_next(r);
	unsigned bits = 8 * size;

	switch (sil_below(r, 12)) {
	case 0:
		return sil_below(r, 4);
	case 1:
		return mask - sil_below(r, 4);
	case 2: /* around the sign bit */
		return ((1ull << (bits - 1)) - 2 + sil_below(r, 4)) & mask;
	case 3: /* a single bit, or all but one */
		v = 1ull << sil_below(r, bits);
		return (sil_one_in(r, 2) ? v : ~v) & mask;
	case 4: /* around a power of two */
		return ((1ull << sil_below(r, bits)) + sil_below(r, 3) - 1) & mask;
	case 5:
		return (sil_one_in(r, 2) ? 0x5555555555555555ull : 0xaaaaaaaaaaaaaaaaull) & mask;
	case 6: /* small */
		return sil_below(r, 256) & mask;
	case 7: /* sign-extended from less */
		return (uint64_t)(int64_t)(sil_one_in(r, 2) ? (int64_t)(int8_t)v
							    : (int64_t)(int32_t)v) &
		       mask;
	case 8: /* a run of ones */
		v = (~0ull >> sil_below(r, 64)) << sil_below(r, 64);
		return v & mask;
	case 9: /* packed BCD */
		for (unsigned i = 0; i < 16; i++)
			v = v << 4 | sil_below(r, 10);
		return v & mask;
	default:
		return v & mask;
	}
}

static uint64_t val_float(struct rng *r, unsigned mant, unsigned expbits)
{
	uint64_t frac = rng_next(r) & ((1ull << mant) - 1), max = (1ull << expbits) - 1;
	uint64_t bias = max >> 1, exp, sign = (uint64_t)sil_below(r, 2) << (mant + expbits);

	/* Fractions that make ties and carries in rounding. */
	switch (sil_below(r, 6)) {
	case 0:
		frac = 0;
		break;
	case 1:
		frac = (1ull << mant) - 1;
		break;
	case 2:
		frac = 1ull << sil_below(r, mant);
		break;
	case 3:
		frac &= ~0ull << sil_below(r, mant);
		break;
	default:
		break;
	}
	switch (sil_below(r, 12)) {
	case 0: /* zero or denormal */
		exp = 0;
		frac = sil_one_in(r, 2) ? 0 : frac;
		break;
	case 1: /* infinity */
		exp = max;
		frac = 0;
		break;
	case 2: /* NaN */
		exp = max;
		frac |= 1ull << (sil_one_in(r, 2) ? mant - 1 : sil_below(r, mant - 1));
		break;
	case 3: /* near the top or the bottom */
		exp = sil_one_in(r, 2) ? max - 1 - sil_below(r, 3) : 1 + sil_below(r, 3);
		break;
	case 4: /* near what fits in integers */
		exp = bias + (sil_one_in(r, 2) ? 30 : 62) + sil_below(r, 3);
		break;
	case 5: /* anything */
		exp = rng_next(r) & max;
		break;
	default: /* near 1 */
		exp = bias - 4 + sil_below(r, 9);
		break;
	}
	return sign | exp << mant | frac;
}

void sil_val_f80(struct rng *r, uint8_t *p)
{
	uint64_t sig = rng_next(r) | 1ull << 63;
	uint16_t exp, sign = (uint16_t)(sil_below(r, 2) << 15);

	switch (sil_below(r, 5)) {
	case 0:
		sig = 1ull << 63;
		break;
	case 1: /* few digits: exact results, ties */
		sig &= ~0ull << sil_below(r, 64);
		break;
	case 2:
		sig = sil_one_in(r, 2) ? ~0ull : 1ull << 63 | 1ull << sil_below(r, 63);
		break;
	default:
		break;
	}
	switch (sil_below(r, 14)) {
	case 0:
		exp = 0;
		sig = 0;
		break;
	case 1: /* denormal */
		exp = 0;
		sig &= ~(1ull << 63);
		break;
	case 2:
		exp = 0x7fff;
		sig = 1ull << 63;
		break;
	case 3: /* NaN, quiet or signalling */
		exp = 0x7fff;
		break;
	case 4: /* unnormal, pseudo-denormal, pseudo-NaN */
		exp = (uint16_t)(rng_next(r) & 0x7fff);
		if (sil_one_in(r, 2))
			exp = sil_one_in(r, 2) ? 0 : 0x7fff;
		else
			sig &= ~(1ull << 63);
		break;
	case 5:
		exp = (uint16_t)(sil_one_in(r, 2) ? 0x7ffe - sil_below(r, 3) : 1 + sil_below(r, 3));
		break;
	case 6: /* near what fits in integers, doubles, singles */
	{
		static const uint16_t near[] = {0x3fff + 15,   0x3fff + 31,  0x3fff + 63,
						0x3fff + 127,  0x3fff - 126, 0x3fff + 1023,
						0x3fff - 1022, 0x3fff - 149, 0x3fff - 1074};

		exp = (uint16_t)(near[sil_below(r, ARRAY_SIZE(near))] + sil_below(r, 4) - 2);
		break;
	}
	case 7:
		exp = (uint16_t)(rng_next(r) & 0x7fff);
		break;
	default:
		exp = (uint16_t)(0x3fff - 6 + sil_below(r, 13));
		break;
	}
	st_le64(p, sig);
	st_le16(p + 8, sign | exp);
}

void sil_val_vec(struct rng *r, uint8_t *p)
{
	unsigned kind = sil_below(r, 4);

	for (unsigned i = 0; i < 2; i++) {
		uint64_t v;

		if (kind == 0) {
			v = sil_val_int(r, 4) | sil_val_int(r, 4) << 32;
		} else if (kind == 1) {
			v = val_float(r, 23, 8) | val_float(r, 23, 8) << 32;
		} else if (kind == 2) {
			v = val_float(r, 52, 11);
		} else {
			v = 0;
			for (unsigned k = 0; k < 64; k += 16)
				v |= (sil_one_in(r, 2) ? sil_val_int(r, 2)
						       : sil_val_int(r, 1) | sil_val_int(r, 1) << 8)
				     << k;
		}
		st_le64(p + 8 * (size_t)i, v);
	}
}
