/* SPDX-License-Identifier: MIT */
/*
 * The float library against the host's own FPU and SSE unit: results and flags of random and corner
 * operands in every rounding mode. Where the host is no x86 there is nothing to compare with.
 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "fp.h"

#ifdef __x86_64__

static uint64_t seed = 0x9e3779b97f4a7c15;
static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1d;
}

/* Exponents near the ends, near one another; fractions of few bits, all ones, one at the end. */
static uint64_t pick_frac(unsigned bits)
{
	uint64_t all = (1ull << bits) - 1, r = rnd();

	switch (rnd() % 7) {
	case 0:
		return 0;
	case 1:
		return 1ull << (r % bits);
	case 2:
		return all;
	case 3:
		return all << (r % bits) & all;
	case 4:
		return (1ull << (r % bits)) - 1;
	default:
		return r & all;
	}
}

static uint64_t pick_exp(unsigned bits)
{
	uint64_t max = (1ull << bits) - 1, bias = max / 2, r = rnd();

	switch (rnd() % 8) {
	case 0:
		return 0;
	case 1:
		return r % 3;
	case 2:
		return max - r % 3;
	case 3:
		return bias + r % 70 - 35;
	case 4:
		return bias + r % 8 - 4;
	case 5:
		return bias / 2 + r % 8;
	default:
		return r & max;
	}
}

static uint64_t pick(unsigned size)
{
	if (size == 4)
		return (rnd() & 1) << 31 | pick_exp(8) << 23 | pick_frac(23);
	return rnd() << 63 | pick_exp(11) << 52 | pick_frac(52);
}

static struct soft_f80 pick80(void)
{
	struct soft_f80 v = {.exp = (uint16_t)((rnd() & 1) << 15 | pick_exp(15)),
			     .sig = pick_frac(63) | FP_SIG_ONE};

	if (!(v.exp & 0x7fff) || rnd() % 64 == 0)
		v.sig &= rnd() % 8 ? ~FP_SIG_ONE : ~0ull;
	return v;
}

static struct fp_env env_of(uint32_t mxcsr)
{
	return (struct fp_env){.round = mxcsr >> 13 & 3,
			       .masks = FP_ALL,
			       .daz = mxcsr >> 6 & 1,
			       .ftz = mxcsr >> 15 & 1,
			       .prec = 64};
}

#define SSE2OP(insn, a, b)                                                                         \
	__asm__ volatile("movq %1, %%xmm0\n\tmovq %2, %%xmm1\n\tldmxcsr %4\n\t" insn               \
			 " %%xmm1, %%xmm0\n\tstmxcsr %3\n\tmovq %%xmm0, %0\n\tldmxcsr %5"          \
			 : "=r"(r), "+r"(a), "+r"(b), "=m"(out)                                    \
			 : "m"(in), "m"(std)                                                       \
			 : "xmm0", "xmm1")

static uint64_t host_sse(const char *op, unsigned size, uint64_t a, uint64_t b, uint32_t in,
			 uint8_t *flags)
{
	const uint32_t std = 0x1f80;
	uint32_t out = 0;
	uint64_t r = 0;

	switch (op[0] << 8 | size) {
#define CASE(c, name)                                                                              \
	case c << 8 | 4:                                                                           \
		SSE2OP(name "ss", a, b);                                                           \
		break;                                                                             \
	case c << 8 | 8:                                                                           \
		SSE2OP(name "sd", a, b);                                                           \
		break;
		CASE('+', "add")
		CASE('-', "sub")
		CASE('*', "mul")
		CASE('/', "div")
		CASE('r', "sqrt")
		CASE('<', "min")
		CASE('>', "max")
		CASE('=', "cmpeq")
		CASE('l', "cmplt")
		CASE('u', "cmpunord")
#undef CASE
	case 'c' << 8 | 4:
		SSE2OP("cvtss2sd", a, b);
		break;
	case 'c' << 8 | 8:
		SSE2OP("cvtsd2ss", a, b);
		break;
	case 'i' << 8 | 4:
		SSE2OP("roundss $4,", a, b);
		break;
	case 'i' << 8 | 8:
		SSE2OP("roundsd $4,", a, b);
		break;
	default:
		fail();
	}
	*flags = out & FP_ALL;
	return r;
}

static uint64_t ours_sse(const char *op, unsigned size, uint64_t a, uint64_t b, struct fp_env *e)
{
	const struct fp_fmt *f = fp_fmt_of(size);
	struct fp_num x = fp_unpack(e, size, a), y = fp_unpack(e, size, b), r;

	switch (op[0]) {
	case '+':
		return fp_pack(size, fp_add(e, f, x, y));
	case '-':
		return fp_pack(size, fp_sub(e, f, x, y));
	case '*':
		return fp_pack(size, fp_mul(e, f, x, y));
	case '/':
		return fp_pack(size, fp_div(e, f, x, y));
	case 'r':
		return fp_pack(size, fp_sqrt(e, f, y));
	case '<':
		return fp_min(e, size, a, b);
	case '>':
		return fp_max(e, size, a, b);
	case '=':
		return fp_compare(e, x, y, true) == FP_EQUAL ? size_mask(size) : 0;
	case 'l':
		return fp_compare(e, x, y, false) == FP_LESS ? size_mask(size) : 0;
	case 'u':
		return fp_compare(e, x, y, true) == FP_UNORDERED ? size_mask(size) : 0;
	case 'c':
		return fp_pack(12 - size, fp_convert(e, fp_fmt_of(12 - size), y));
	default:
		/* ROUNDSS raises no DE, and quiets. */
		if (fp_is_nan(y))
			return (void)fp_nan1(e, y, &r), fp_pack(size, r);
		return fp_pack(size, fp_round_int(e, y, false));
	}
}

static void test_sse(void **state)
{
	static const char *const ops[] = {"+", "-", "*", "/", "r", "<",
					  ">", "=", "l", "u", "c", "i"};
	unsigned bad = 0;

	(void)state;
	for (unsigned n = 0; n < 6000000 && bad < 20; n++) {
		const char *op = ops[n % ARRAY_SIZE(ops)];
		unsigned size = n & 64 ? 4 : 8, dsize = op[0] == 'c' ? 12 - size : size;
		uint32_t in = 0x1f80 | (uint32_t)(rnd() & 3) << 13 | (rnd() & 3 ? 0 : 1u << 6) |
			      (rnd() & 3 ? 0 : 1u << 15);
		struct fp_env e = env_of(in);
		uint64_t a = pick(size), b = rnd() % 16 ? pick(size) : a, want, got;
		uint8_t flags;

		want = host_sse(op, size, a, b, in, &flags) & size_mask(dsize);
		got = ours_sse(op, size, a, b, &e) & size_mask(dsize);
		if (got != want || e.flags != flags) {
			print_error("%s%u %#llx %#llx mxcsr %#x: %#llx flags %#x, host %#llx %#x\n",
				    op, size, (unsigned long long)a, (unsigned long long)b, in,
				    (unsigned long long)got, e.flags, (unsigned long long)want,
				    flags);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

/* To and from integers. */
static void test_sse_int(void **state)
{
	const uint32_t std = 0x1f80;
	unsigned bad = 0;

	(void)state;
	for (unsigned n = 0; n < 2000000 && bad < 20; n++) {
		uint32_t in = 0x1f80 | (uint32_t)(rnd() & 3) << 13, out;
		struct fp_env e = env_of(in);
		unsigned size = n & 64 ? 4 : 8;
		uint64_t a = pick(size), i = rnd() >> (rnd() & 63), r = 0, got;
		struct fp_num x = fp_unpack(&e, size, a);

#define TO(insn, dst)                                                                              \
	__asm__ volatile("movq %3, %%xmm0\n\tldmxcsr %2\n\t" insn " %%xmm0, %" dst                 \
			 "0\n\tstmxcsr %1\n\tldmxcsr %4"                                           \
			 : "=r"(r), "=m"(out)                                                      \
			 : "m"(in), "r"(a), "m"(std)                                               \
			 : "xmm0")
#define FROM(insn, src)                                                                            \
	__asm__ volatile("ldmxcsr %2\n\t" insn " %" src "3, %%xmm0\n\tstmxcsr %1\n\t"              \
			 "ldmxcsr %4\n\tmovq %%xmm0, %0"                                           \
			 : "=r"(r), "=m"(out)                                                      \
			 : "m"(in), "r"(i), "m"(std)                                               \
			 : "xmm0")
		if (size == 4)
			r = 0;
		switch (n % 6 << 4 | size) {
		case 0x04:
			TO("cvtss2si", "k");
			break;
		case 0x08:
			TO("cvtsd2si", "k");
			break;
		case 0x14:
			TO("cvttss2si", "k");
			break;
		case 0x18:
			TO("cvttsd2si", "k");
			break;
		case 0x24:
			TO("cvtss2si", "q");
			break;
		case 0x28:
			TO("cvtsd2si", "q");
			break;
		case 0x34:
			TO("cvttss2si", "q");
			break;
		case 0x38:
			TO("cvttsd2si", "q");
			break;
		case 0x44:
			FROM("cvtsi2ssl", "k");
			break;
		case 0x48:
			FROM("cvtsi2sdl", "k");
			break;
		case 0x54:
			FROM("cvtsi2ssq", "q");
			break;
		default:
			FROM("cvtsi2sdq", "q");
			break;
		}
		if (n % 6 < 2) {
			got = (uint32_t)fp_to_int(&e, x, 32, n % 6 & 1);
			r = (uint32_t)r;
		} else if (n % 6 < 4) {
			got = (uint64_t)fp_to_int(&e, x, 64, n % 6 & 1);
		} else {
			int64_t v = n % 6 == 4 ? (int32_t)i : (int64_t)i;

			got = fp_pack(size, fp_from_int(&e, fp_fmt_of(size), v));
			r &= size_mask(size);
		}
		if (got != r || e.flags != (out & FP_ALL)) {
			print_error(
				"case %u size %u a %#llx i %#llx rc %u: %#llx %#x, host %#llx %#x\n",
				n % 6, size, (unsigned long long)a, (unsigned long long)i, e.round,
				(unsigned long long)got, e.flags, (unsigned long long)r,
				out & FP_ALL);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

struct ten {
	uint8_t b[16];
};

static struct ten to_ten(struct soft_f80 v)
{
	struct ten t = {{0}};

	st_le64(t.b, v.sig);
	st_le16(t.b + 8, v.exp);
	return t;
}

static void test_x87(void **state)
{
	static const uint8_t precs[] = {24, 24, 53, 64};
	unsigned bad = 0;

	(void)state;
	for (unsigned n = 0; n < 4000000 && bad < 20; n++) {
		struct soft_f80 va = pick80(), vb = rnd() % 16 ? pick80() : va, want, got;
		struct ten a = to_ten(va), b = to_ten(vb), r = {{0}};
		unsigned pc = rnd() & 3, rc = rnd() & 3, cw, hostflags;
		struct fp_env e = {
			.round = (uint8_t)rc, .prec = precs[pc], .x87 = true, .masks = FP_ALL};
		struct fp_num x = fp_unpack80(va), y = fp_unpack80(vb), z;
		uint16_t sw = 0;

		if (pc == 1)
			pc = 3, e.prec = 64;
		cw = 0x7f | pc << 8 | rc << 10;
		if (n & 1) { /* unmasked overflow and underflow wrap the exponent */
			e.masks = FP_ALL & ~(FP_OE | FP_UE);
			cw &= ~(FP_OE | FP_UE);
		}
		/* An unmasked exception is pending after the operation: read the register as is. */
#define RUN(insn)                                                                                  \
	do {                                                                                       \
		uint8_t env[108];                                                                  \
		__asm__ volatile("fninit\n\tfldt %2\n\tfldt %1\n\tfldcw %3\n\t" insn               \
				 "\n\tfnsave %0"                                                   \
				 : "=m"(env)                                                       \
				 : "m"(a), "m"(b), "m"(cw));                                       \
		sw = ld_le16(env + 4);                                                             \
		memcpy(r.b, env + 28, 10);                                                         \
	} while (0)
		switch (n % 14 / 2) {
		case 0:
			RUN("fadd %%st(1), %%st");
			z = fp_add(&e, &fp_f80, x, y);
			break;
		case 1:
			RUN("fsub %%st(1), %%st");
			z = fp_sub(&e, &fp_f80, x, y);
			break;
		case 2:
			RUN("fmul %%st(1), %%st");
			z = fp_mul(&e, &fp_f80, x, y);
			break;
		case 3:
			RUN("fdiv %%st(1), %%st");
			z = fp_div(&e, &fp_f80, x, y);
			break;
		case 4:
			RUN("fsqrt");
			z = fp_sqrt(&e, &fp_f80, x);
			break;
		case 5:
			RUN("frndint");
			if (!fp_nan1(&e, x, &z))
				z = fp_round_int(&e, x, false);
			break;
		default:
			RUN("fscale");
			e.prec = 64;
			z = fp_scale(&e, x, y);
			break;
		}
		want = (struct soft_f80){.sig = ld_le64(r.b), .exp = ld_le16(r.b + 8)};
		got = fp_pack80(z);
		hostflags = sw & FP_ALL;
		if (got.sig != want.sig || got.exp != want.exp || e.flags != hostflags ||
		    e.up != (sw >> 9 & 1)) {
			print_error(
				"op %u %04x:%016llx %04x:%016llx cw %#x: %04x:%016llx %#x up %d, "
				"host %04x:%016llx %#x up %d\n",
				n % 14 / 2, va.exp, (unsigned long long)va.sig, vb.exp,
				(unsigned long long)vb.sig, cw, got.exp,
				(unsigned long long)got.sig, e.flags, e.up, want.exp,
				(unsigned long long)want.sig, hostflags, sw >> 9 & 1);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

#else

static void test_sse(void **state)
{
	(void)state;
	skip();
}
#define test_sse_int test_sse
#define test_x87     test_sse

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sse),
		cmocka_unit_test(test_sse_int),
		cmocka_unit_test(test_x87),
	};

	return cmocka_run_group_tests_name("fp", tests, NULL, NULL);
}
