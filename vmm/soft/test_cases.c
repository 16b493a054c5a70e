/* SPDX-License-Identifier: MIT */
/*
 * Cases that the software CPU once had different from silicon, each named by what was wrong. They run
 * on soft alone, by both of its paths, in the world of vmm/soft/silicon; and on the host's CPU where
 * that is one of Intel's, which shows that the table is right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include <silicon.h>

#ifdef __x86_64__
#include <cpuid.h>
#endif

/* What a case sets or changes; from SIL_RW on: 8 bytes of memory there. */
enum field {
	END,
	AX,
	CX,
	DX,
	BX,
	SP,
	BP,
	SI,
	DI,
	R8,
	FLAGS, /* IF and the fixed one are always there */
	RIP,
	CS,
	SS,
	DS,
	ES,
	FS,
	GS,
	CW,
	SW,
	TAG,
	FOP,
	FIP,
	FDP,
	ST0,  /* the significand, */
	ST0E, /* the exponent with the sign */
	ST1,
	ST1E,
	VECTOR, /* of the result */
	ERROR,
	CR2,
};

struct set {
	uint64_t field, value;
};

#define CODE(s) sizeof(s) - 1, s
#define AT	(SIL_RW + 0x800)
#define SHORT16 SIL_SEL(SIL_L_SHORT16)
#define RF	0x10000u

/*
 * At first all is 0 but: RSP is AT, the segments are Linux', 16-bit code has 16-bit ones at SIL_DATA;
 * FCW is 37f. Memory is 0. Behind its code a case goes on to its end.
 */
static const struct test {
	const char *name;
	uint8_t bits, len;
	char code[12];
	struct set in[11], out[9];
} tests[] = {
	/* clang-format off */
	{"rol al, 9: a register by an immediate keeps OF", 64, CODE("\xc0\xc0\x09"), {{AX, 0x81}, {FLAGS, 0x800}}, {{AX, 0x3}, {FLAGS, 0x801}}},
	{"rol al, cl: OF of the first bit", 64, CODE("\xd2\xc0"), {{AX, 0x40}, {CX, 0x9}}, {{AX, 0x80}, {FLAGS, 0x800}}},
	{"ror ax, 17 keeps OF", 64, CODE("\x66\xc1\xc8\x11"), {{AX, 0x8001}, {FLAGS, 0x800}}, {{AX, 0xc000}, {FLAGS, 0x801}}},
	{"ror eax, cl", 64, CODE("\xd3\xc8"), {{AX, 0x80000000}, {CX, 0x5}}, {{AX, 0x4000000}, {FLAGS, 0x800}}},
	{"rcl eax, 3", 64, CODE("\xc1\xd0\x03"), {{AX, 0x40000000}}, {{AX, 0x1}, {FLAGS, 0x800}}},
	{"rcr eax, 3", 64, CODE("\xc1\xd8\x03"), {{AX, 0x80000000}}, {{AX, 0x10000000}, {FLAGS, 0x800}}},
	{"rcl al, 9: a whole turn keeps both", 64, CODE("\xc0\xd0\x09"), {{AX, 0x80}, {FLAGS, 0x801}}, {}},
	{"shl eax, 5", 64, CODE("\xc1\xe0\x05"), {{AX, 0x40000000}}, {{AX, 0x0}, {FLAGS, 0x844}}},
	{"shr eax, 5", 64, CODE("\xc1\xe8\x05"), {{AX, 0x80000000}}, {{AX, 0x4000000}, {FLAGS, 0x804}}},
	{"sar eax, 5", 64, CODE("\xc1\xf8\x05"), {{AX, 0x80000000}, {FLAGS, 0x800}}, {{AX, 0xfc000000}, {FLAGS, 0x84}}},
	{"shld eax, edx, 5", 64, CODE("\x0f\xa4\xd0\x05"), {{AX, 0x40000000}, {DX, 0x12345678}}, {{AX, 0x2}, {FLAGS, 0x800}}},
	{"shrd eax, edx, 5", 64, CODE("\x0f\xac\xd0\x05"), {{AX, 0x80000000}, {DX, 0x12345678}}, {{AX, 0xc4000000}, {FLAGS, 0x884}}},
	{"shrd eax, edx, 5, low bit", 64, CODE("\x0f\xac\xd0\x05"), {{AX, 0x80000000}, {DX, 0x12345679}}, {{AX, 0xcc000000}, {FLAGS, 0x84}}},
	{"shld ax, dx, 20", 64, CODE("\x66\x0f\xa4\xd0\x14"), {{AX, 0x1234}, {DX, 0x5678}}, {{AX, 0x6781}, {FLAGS, 0x5}}},
	{"mul dl of 0: ZF clear", 64, CODE("\xf6\xe2"), {{DX, 0x7}, {FLAGS, 0x40}}, {{FLAGS, 0x4}}},
	{"mul edx: low half 0, ZF clear", 64, CODE("\xf7\xe2"), {{AX, 0x10000}, {DX, 0x10000}, {FLAGS, 0x40}}, {{AX, 0x0}, {DX, 0x1}, {FLAGS, 0x805}}},
	{"imul eax, edx of 0", 64, CODE("\x0f\xaf\xc2"), {{DX, 0x5}, {FLAGS, 0x51}}, {{FLAGS, 0x4}}},
	{"bsf eax, edx: PF of the result, the rest clear", 64, CODE("\x0f\xbc\xc2"), {{DX, 0x8}, {FLAGS, 0x8d5}}, {{AX, 0x3}, {FLAGS, 0x4}}},
	{"bsr rax, rdx", 64, CODE("\x48\x0f\xbd\xc2"), {{DX, 0x10}, {FLAGS, 0x8d5}}, {{AX, 0x4}, {FLAGS, 0x0}}},
	{"bsf eax, edx of 0 keeps all 64 bits", 64, CODE("\x0f\xbc\xc2"), {{AX, 0x1122334455667788}, {FLAGS, 0x891}}, {{FLAGS, 0x44}}},
	{"lzcnt eax, edx clears the rest", 64, CODE("\xf3\x0f\xbd\xc2"), {{DX, 0x8}, {FLAGS, 0x8d5}}, {{AX, 0x1c}, {FLAGS, 0x0}}},
	{"tzcnt eax, edx", 64, CODE("\xf3\x0f\xbc\xc2"), {{DX, 0x8}, {FLAGS, 0x8d5}}, {{AX, 0x3}, {FLAGS, 0x0}}},
	{"andn eax, edx, ebx clears AF and PF", 64, CODE("\xc4\xe2\x68\xf2\xc3"), {{DX, 0x3}, {BX, 0xc}, {FLAGS, 0x14}}, {{AX, 0xc}, {FLAGS, 0x0}}},
	{"blsi eax, edx", 64, CODE("\xc4\xe2\x78\xf3\xda"), {{DX, 0xc}, {FLAGS, 0x14}}, {{AX, 0x4}, {FLAGS, 0x1}}},
	{"bzhi eax, edx, ebx", 64, CODE("\xc4\xe2\x60\xf5\xc2"), {{DX, 0xff}, {BX, 0x4}, {FLAGS, 0x14}}, {{AX, 0xf}, {FLAGS, 0x0}}},
	{"bextr eax, edx, ebx", 64, CODE("\xc4\xe2\x60\xf7\xc2"), {{DX, 0xff0}, {BX, 0x404}, {FLAGS, 0x94}}, {{AX, 0xf}, {FLAGS, 0x0}}},
	{"cmpxchg edx, ebx, unequal: RDX keeps its high half", 64, CODE("\x0f\xb1\xda"), {{AX, 0x1}, {DX, 0x1122334400000002}, {BX, 0x3}}, {{AX, 0x2}, {FLAGS, 0x95}}},
	{"cmpxchg edx, ebx, equal", 64, CODE("\x0f\xb1\xda"), {{AX, 0x2}, {DX, 0x1122334400000002}, {BX, 0x3}}, {{DX, 0x3}, {FLAGS, 0x44}}},
	{"a32 rep movsb of 0: the high halves go", 64, CODE("\x67\xf3\xa4"), {{CX, 0xffffffff00000000}}, {{CX, 0x0}}},
	{"nop of 0f 1a and 0f 1b, which MPX had", 64, CODE("\x0f\x1a\xc0"), {{AX, 5}}, {{END, 0}}},
	{"rdsspd without shadow stacks is a nop", 64, CODE("\xf3\x0f\x1e\xc8"), {{AX, 5}}, {{END, 0}}},
	{"a SIB without base has none with REX.B and 67h", 64, CODE("\x67\x47\x8b\x04\x05\x00\x20\x00\x20"),
	 {{0x20002000, 0x1234}}, {{R8, 0x1234}}},
	{"fldenv with REX.W and 66h has the long image", 64, CODE("\x66\x48\xd9\x26"),
	 {{SI, AT}, {AT, 0x37f}, {AT + 8, 0xffff}, {AT + 16, 0x5550000000}},
	 {{TAG, 0}, {FDP, 0x55}}},
	{"push ds of 4 bytes writes 2", 32, CODE("\x1e"), {{AT - 8, ~0ull}},
	 {{SP, AT - 4}, {AT - 8, 0xffff002bffffffff}}},
	{"repne scasb that faults has the flags from before", 64, CODE("\xf2\xae"),
	 {{AX, 1}, {CX, 4}, {DI, SIL_RW + SIL_RW_SIZE - 2}, {FLAGS, 0x804}},
	 {{CX, 2}, {DI, SIL_RW + SIL_RW_SIZE}, {FLAGS, RF | 0x804}, {RIP, 0}, {VECTOR, X86_PF}, {ERROR, 4},
	  {CR2, SIL_RW + SIL_RW_SIZE}}},
	{"pushad writes one by one: what is above a fault is written", 32, CODE("\x60"),
	 {{AX, 0xa}, {CX, 0xc}, {DX, 0xd}, {BX, 0xb}, {SP, SIL_RW + 16}},
	 {{SIL_RW, 0xd0000000b}, {SIL_RW + 8, 0xa0000000c}, {FLAGS, RF}, {RIP, 0}, {VECTOR, X86_PF},
	  {ERROR, 6}, {CR2, SIL_RW - 4}}},
	{"iretq to compatibility code cuts RIP", 64, CODE("\x48\xcf"),
	 {{AT, 0x20000000000001}, {AT + 8, SIL_CS32}, {AT + 16, 0x246}, {AT + 24, 0x200028f0},
	  {AT + 32, SIL_DS}},
	 {{RIP, 1}, {CS, SIL_CS32}, {SP, 0x200028f0}, {FLAGS, RF | 0x44}, {VECTOR, X86_PF}, {ERROR, 0x14},
	  {CR2, 1}}},
	{"retf of 10000h bytes from a 16-bit stack to 64-bit code moves RSP by 0", 16, CODE("\xca\xfc\xff"),
	 {{SP, SIL_LOW + 0x3000}, {SIL_DATA + 0x3000, 0x330909}},
	 {{RIP, 0x909}, {CS, SIL_CS64}, {FLAGS, RF}, {VECTOR, X86_PF}, {ERROR, 0x14}, {CR2, 0x909}}},
	{"retf of less moves it over the end of 64 KiB", 16, CODE("\xca\x00\xe0"),
	 {{SP, SIL_LOW + 0x3000}, {SIL_DATA + 0x3000, 0x330909}},
	 {{RIP, 0x909}, {CS, SIL_CS64}, {SP, SIL_LOW + 0x11004}, {FLAGS, RF}, {VECTOR, X86_PF},
	  {ERROR, 0x14}, {CR2, 0x909}}},
	{"a far call pushes over the end of 4 GiB", 32, CODE("\x9a\x00\x09\x00\x10\x23\x00"), {{SP, 2}},
	 {{FLAGS, RF}, {RIP, 0}, {VECTOR, X86_PF}, {ERROR, 6}, {CR2, 0xfffffffe}}},
	{"fprem of a denormal by infinity has no underflow", 64, CODE("\xd9\xf8"),
	 {{CW, 0x36f}, {TAG, 0xff}, {ST0, 0x4f5f58fca5823539}, {ST1, 1ull << 63}, {ST1E, 0xffff}},
	 {{SW, 2}, {FIP, 1}}},
	{"fsin of the least normal number, cut, is no underflow", 64, CODE("\xd9\xfe"),
	 {{CW, 0xf6f}, {TAG, 0xff}, {ST0, 1ull << 63}, {ST0E, 1}}, {{SW, 0x20}, {FIP, 1}}},
	{"fld of 80 bits: the page of the first 8 comes before the limit of the rest", 16,
	 CODE("\xdb\x2e\xf8\xff"), {{TAG, 0}},
	 {{FLAGS, RF}, {RIP, 0}, {VECTOR, X86_PF}, {ERROR, 4}, {CR2, SIL_DATA + 0xfff8}}},
	{"fstp of 80 bits: the first 8 are written when the rest is beyond the limit", 32,
	 CODE("\x64\xdb\x3d\xf8\x2f\x00\x00"),
	 {{FS, SHORT16}, {TAG, 0xff}, {ST0, 0xc000000000000001}, {ST0E, 0x3fff}},
	 {{SIL_DATA + 0x2ff8, 0xc000000000000001}, {FLAGS, RF}, {RIP, 0}, {VECTOR, X86_GP}}},
	{"fxsave: the last byte wraps and comes before the limit", 16, CODE("\x0f\xae\x06\xf0\xff"), {{END, 0}},
	 {{FLAGS, RF}, {RIP, 0}, {VECTOR, X86_PF}, {ERROR, 6}, {CR2, SIL_DATA + 0x1ef}}},
	{"fxsave: alignment comes before the limit of the rest", 16, CODE("\x0f\xae\x46\x00"), {{BP, 0xfff8}},
	 {{FLAGS, RF}, {RIP, 0}, {VECTOR, X86_GP}}},
	{"fxsave: the limit of the first 4 bytes comes before alignment", 16, CODE("\x0f\xae\x46\x00"),
	 {{BP, 0xfffd}}, {{FLAGS, RF}, {RIP, 0}, {VECTOR, X86_SS_FAULT}}},
	{"fxrstor of a 32-bit address wraps at 4 GiB", 64, CODE("\x67\x0f\xae\x0f"), {{DI, 0xffffffd0}},
	 {{FLAGS, RF}, {RIP, 0}, {VECTOR, X86_PF}, {ERROR, 4}, {CR2, 0x1cf}}},
	/* clang-format on */
};

static void set(struct sil_state *s, const struct set *f)
{
	uint16_t *const seg[] = {&s->cs, &s->ss, &s->ds, &s->es, &s->fs, &s->gs};
	uint64_t v = f->value;

	switch (f->field) {
	case AX ... R8:
		s->gpr[f->field - AX] = v;
		break;
	case FLAGS:
		s->rflags = v | X86_FLAG_FIXED | X86_FLAG_IF;
		break;
	case RIP:
		s->rip = v;
		break;
	case CS ... GS:
		*seg[f->field - CS] = (uint16_t)v;
		break;
	case CW:
	case SW:
		st_le16(s->fx + 2 * (f->field - CW), (uint16_t)v);
		break;
	case TAG:
		s->fx[4] = (uint8_t)v;
		break;
	case FOP:
		st_le16(s->fx + 6, (uint16_t)v);
		break;
	case FIP:
	case FDP:
		st_le64(s->fx + 8 * (f->field - FIP + 1), v);
		break;
	case ST0:
	case ST1:
		st_le64(s->fx + 32 + 8 * (f->field - ST0), v);
		break;
	case ST0E:
	case ST1E:
		st_le16(s->fx + 40 + 8 * (f->field - ST0E), (uint16_t)v);
		break;
	default:
		fail_msg("a field that there is not");
	}
}

static void make(const struct test *t, struct sil_case *c)
{
	uint64_t code = t->bits == 16 ? 0 : SIL_CODE;
	uint16_t data = t->bits == 16 ? SIL_SEL(SIL_L_DATA16) : SIL_DS;

	memset(c, 0, sizeof(*c));
	c->bits = t->bits;
	c->code_off = 0x400;
	c->code_len = t->len;
	memcpy(c->code, t->code, t->len);
	c->exit_len = (uint8_t)sil_exit_code(t->bits, SIL_CODE + 0x400 + t->len, c->code + t->len);
	c->in.rip = code + 0x400;
	c->in.rflags = X86_FLAG_FIXED | X86_FLAG_IF;
	c->in.cs = t->bits == 64 ? SIL_CS64 : t->bits == 32 ? SIL_CS32 : SIL_LDT(0);
	c->in.ss = c->in.ds = c->in.es = data;
	c->in.gpr[X86_RSP] = t->bits == 16 ? SIL_LOW + 0x1800 : AT;
	st_le16(c->in.fx, 0x37f);
	st_le32(c->in.fx + 24, 0x1f80);
	st_le32(c->in.fx + 28, 0xffff);
	for (size_t i = 0; i < ARRAY_SIZE(t->in) && t->in[i].field; i++) {
		struct sil_patch *p = &c->patch[c->nr_patches];

		if (t->in[i].field < SIL_RW) {
			set(&c->in, &t->in[i]);
			continue;
		}
		assert_true(c->nr_patches++ < SIL_PATCHES);
		p->off = (uint32_t)(t->in[i].field - SIL_RW);
		p->len = 8;
		st_le64(p->bytes, t->in[i].value);
	}
}

/* The result that (t) tells of. */
static void expect(const struct test *t, const struct sil_case *c, struct sil_result *r)
{
	static uint8_t mem[SIL_RW_SIZE];

	memset(r, 0, sizeof(*r));
	memset(mem, 0, sizeof(mem));
	r->out = c->in;
	r->out.rip += t->len;
	r->vector = SIL_OK;
	for (unsigned k = 0; k < c->nr_patches; k++)
		memcpy(mem + c->patch[k].off, c->patch[k].bytes, c->patch[k].len);
	for (size_t i = 0; i < ARRAY_SIZE(t->out) && t->out[i].field; i++) {
		struct set f = t->out[i];

		if (f.field >= SIL_RW)
			st_le64(mem + (f.field - SIL_RW), f.value);
		else if (f.field == VECTOR)
			r->vector = (int)f.value;
		else if (f.field == ERROR)
			r->error = (uint32_t)f.value;
		else if (f.field == CR2)
			r->cr2 = f.value;
		else if (f.field == RIP && !f.value) /* a fault */
			r->out.rip = c->in.rip;
		else if (f.field == FIP)
			st_le64(r->out.fx + 8, c->in.rip);
		else
			set(&r->out, &f);
	}
	for (unsigned line = 0; line < SIL_LINES; line++) {
		static const uint8_t zero[SIL_LINE];

		if (!memcmp(mem + (size_t)line * SIL_LINE, zero, SIL_LINE))
			continue;
		r->line[r->nr_lines] = (uint16_t)line;
		memcpy(r->bytes[r->nr_lines++], mem + (size_t)line * SIL_LINE, SIL_LINE);
	}
}

static void same(const struct test *t, const struct sil_case *c, const struct sil_result *want,
		 const struct sil_result *got, const char *who)
{
	struct buf b = {0};
	struct sil_diff d;

	sil_compare(c, want, got, &d);
	if (!d.fields)
		return;
	sil_describe(&b, c, want, got, &d);
	print_error("%s, %s (\"silicon\" is the table, \"soft\" what came):\n%s", t->name, who,
		    buf_str(&b));
	buf_free(&b);
	fail();
}

static void test_soft(void **state)
{
	struct sil_shared *sh = calloc(1, sizeof(*sh)); /* memory of zeroes */
	struct sil_result want, got = {0};
	struct sil_model *m = NULL;
	struct sil_case c;
	struct err err;

	(void)state;
	assert_non_null(sh);
	assert_int_equal(sil_model_open(&m, sh, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		make(&tests[i], &c);
		expect(&tests[i], &c, &want);
		sil_model_run(m, &c, &got, false);
		same(&tests[i], &c, &want, &got, "the reference path");
		sil_model_run(m, &c, &got, true);
		same(&tests[i], &c, &want, &got, "the fast path");
	}
	sil_model_close(m);
	free(sh);
}

static bool by_intel(void)
{
	unsigned a = 0, b = 0, c = 0, d = 0;

#ifdef __x86_64__
	__get_cpuid(0, &a, &b, &c, &d);
#endif
	(void)a;
	return b == 0x756e6547 && d == 0x49656e69 && c == 0x6c65746e; /* "GenuineIntel" */
}

static void test_silicon(void **state)
{
	struct sil_result want;
	struct err err = {0};
	struct sil o = {0};

	(void)state;
	if (!by_intel() || sil_open(&o, 1, &err)) {
		skip();
		return;
	}
	/* Memory of zeroes: what is cleaned up behind a case makes it so. */
	memset(o.sh->rw, 0, sizeof(o.sh->rw));
	make(&tests[0], &o.sh->cases[0]);
	assert_int_equal(sil_run(&o, 1, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		struct sil_case *c = &o.sh->cases[0];

		if (tests[i].bits == 16 && !o.has16)
			continue;
		make(&tests[i], c);
		expect(&tests[i], c, &want);
		if (sil_run(&o, 1, &err))
			fail_msg("%s", err.msg);
		same(&tests[i], c, &want, &o.sh->results[0], "this host");
	}
	assert_int_equal(o.lost, 0);
	sil_close(&o);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_soft),
		cmocka_unit_test(test_silicon),
	};

	return cmocka_run_group_tests_name("cases", all, NULL, NULL);
}
