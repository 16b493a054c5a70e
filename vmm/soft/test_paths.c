/* SPDX-License-Identifier: MIT */
/*
 * Both paths give the same: random integer programs, run by the reference path and, in random slices,
 * by the fast one. Registers, memory and counts are compared.
 */
#include <stdio.h>

#include "test_soft.h"

#define PROGRAMS 3000
#define INSNS	 24  /* of a program's body */
#define BUDGET	 600 /* instructions run */

struct gen {
	struct rng r;
	uint8_t code[1024];
	unsigned len;
	bool wide; /* 64-bit code */
};

static unsigned rnd(struct gen *g, unsigned n)
{
	return (unsigned)(rng_next(&g->r) >> 33) % n;
}

static void byte(struct gen *g, unsigned b)
{
	g->code[g->len++] = (uint8_t)b;
}

static void word32(struct gen *g, uint32_t v)
{
	st_le32(g->code + g->len, v);
	g->len += 4;
}

/* Registers that programs may write: not the bases RBX (data), RSP, RSI, and not RBP, the loop's count. */
static unsigned free_reg(struct gen *g)
{
	static const uint8_t regs[] = {X86_RAX, X86_RCX, X86_RDX, X86_RDI,
				       X86_R8,	X86_R9,	 X86_R11, X86_R15};

	return regs[rnd(g, g->wide ? 8 : 4)];
}

/* Prefixes, REX with (r) and (b), opcode; two-byte opcodes as 0x0fxx. */
static void opcode(struct gen *g, unsigned op, bool big, unsigned r, unsigned x, unsigned b)
{
	if (!g->wide)
		r &= 7, x &= 7, b &= 7;
	if (!big && !rnd(g, 6))
		byte(g, 0x66);
	if (g->wide && (big || (r | x | b) & 8 || !rnd(g, 4)))
		byte(g, 0x40 | big << 3 | (r >> 3) << 2 | (x >> 3) << 1 | b >> 3);
	if (op > 0xff)
		byte(g, op >> 8);
	byte(g, op & 0xff);
}

/* An instruction with ModRM: (reg) and a register or memory. */
static void modrm(struct gen *g, unsigned op, unsigned reg, bool mem_only)
{
	bool big = g->wide && rnd(g, 2);
	unsigned rm = free_reg(g);

	if (!mem_only && rnd(g, 2)) {
		opcode(g, op, big, reg, 0, rm);
		byte(g, 0xc0 | (reg & 7) << 3 | (rm & 7));
		return;
	}
	if (!rnd(g, 20))
		byte(g, rnd(g, 2) ? 0x64 : 0x3e);
	if (!rnd(g, 20))
		byte(g, 0x67);
	switch (rnd(g, 3)) {
	case 0: /* [rbx + disp32]; now and then the end of the page, or of memory */
		opcode(g, op, big, reg, 0, X86_RBX);
		byte(g, 0x80 | (reg & 7) << 3 | X86_RBX);
		word32(g, rnd(g, 8)   ? rnd(g, 0x1000)
			  : rnd(g, 8) ? 0xff8 + rnd(g, 8)
			  : g->wide   ? 0x160000 + rnd(g, 32)
				      : 0x7fff0000);
		break;
	case 1: /* [rbx + rsi * scale + disp8] */
		opcode(g, op, big, reg, 0, X86_RBX);
		byte(g, 0x44 | (reg & 7) << 3);
		byte(g, rnd(g, 4) << 6 | X86_RSI << 3 | X86_RBX);
		byte(g, rnd(g, 256));
		break;
	default: /* [rsp + disp8] */
		opcode(g, op, big, reg, 0, 0);
		byte(g, 0x44 | (reg & 7) << 3);
		byte(g, 0x24);
		byte(g, rnd(g, 256));
		break;
	}
}

static void imm(struct gen *g, unsigned size)
{
	static const uint32_t odd[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff};
	uint32_t v = rnd(g, 2) ? odd[rnd(g, 8)] : (uint32_t)rng_next(&g->r);

	while (size--) {
		byte(g, v & 0xff);
		v >>= 8;
	}
}

/* Opcodes with an immediate must know its size, so they get no 0x66. */
static void with_imm(struct gen *g, unsigned op, unsigned ext, unsigned size)
{
	unsigned rm = free_reg(g);
	bool big = g->wide && rnd(g, 2), mem = !rnd(g, 3);

	if (g->wide)
		byte(g, 0x40 | big << 3 | (mem ? 0 : rm >> 3));
	byte(g, op);
	if (mem) {
		byte(g, 0x80 | ext << 3 | X86_RBX);
		word32(g, rnd(g, 0x1000));
	} else {
		byte(g, 0xc0 | ext << 3 | (rm & 7));
	}
	imm(g, size);
}

static void one_insn(struct gen *g)
{
	unsigned k = rnd(g, 24);

	switch (k) {
	case 0:
	case 1:
	case 2:
	case 3: /* ALU, both directions, bytes too */
		modrm(g, rnd(g, 8) << 3 | rnd(g, 4), free_reg(g), false);
		break;
	case 4:
		with_imm(g, 0x83, rnd(g, 8), 1);
		break;
	case 5:
		with_imm(g, 0x81, rnd(g, 8), 4);
		break;
	case 6:
		with_imm(g, 0x80, rnd(g, 8), 1);
		break;
	case 7: /* NOT NEG MUL IMUL; rarely DIV, IDIV */
		modrm(g, 0xf6 | rnd(g, 2), rnd(g, 12) ? 2 + rnd(g, 4) : 6 + rnd(g, 2), false);
		break;
	case 8:
		modrm(g, 0xfe | rnd(g, 2), rnd(g, 2), false); /* INC DEC */
		break;
	case 9:
		with_imm(g, 0xc0 | rnd(g, 2), rnd(g, 8), 1);
		break;
	case 10:
		modrm(g, 0xd0 | rnd(g, 4), rnd(g, 8), false);
		break;
	case 11:
	case 12:
		modrm(g, 0x88 | rnd(g, 4), free_reg(g), false); /* MOV */
		break;
	case 13:
		with_imm(g, 0xc7, 0, 4);
		break;
	case 14: { /* MOVZX MOVSX */
		static const uint16_t ops[] = {0x0fb6, 0x0fb7, 0x0fbe, 0x0fbf};

		modrm(g, ops[rnd(g, 4)], free_reg(g), false);
		break;
	}
	case 15:
		modrm(g, 0x8d, free_reg(g), true); /* LEA */
		break;
	case 16:
		modrm(g, 0x0f40 | rnd(g, 16), free_reg(g), false); /* CMOV */
		break;
	case 17:
		modrm(g, 0x0f90 | rnd(g, 16), 0, false); /* SETcc */
		break;
	case 18:
		modrm(g, 0x84 | rnd(g, 4), free_reg(g), false); /* TEST XCHG */
		break;
	case 19:
		modrm(g, 0x0faf, free_reg(g), false); /* IMUL */
		break;
	case 20:
		if (rnd(g, 2)) { /* PUSH, POP */
			byte(g, 0x50 | (free_reg(g) & 7));
			byte(g, 0x58 | (free_reg(g) & 7));
		} else { /* CDQE CQO, BSWAP */
			if (g->wide && rnd(g, 2))
				byte(g, 0x48);
			byte(g, 0x98 | rnd(g, 2));
		}
		break;
	case 21: { /* REP MOVS or STOS of some, up or down */
		static const uint8_t ops[] = {0xa4, 0xa5, 0xaa, 0xab};

		byte(g, 0x57); /* push rdi; lea rdi, [rbx + n]; mov ecx, n */
		byte(g, 0x51);
		if (g->wide)
			byte(g, 0x48);
		byte(g, 0x8d);
		byte(g, 0xbb);
		word32(g, rnd(g, 0x1000));
		byte(g, 0xb9);
		word32(g, rnd(g, 40));
		byte(g, 0x56); /* push rsi; lea rsi, [rbx + n] */
		if (g->wide)
			byte(g, 0x48);
		byte(g, 0x8d);
		byte(g, 0xb3);
		word32(g, rnd(g, 0x1000));
		if (!rnd(g, 4))
			byte(g, 0xfd); /* STD */
		byte(g, 0xf3);
		byte(g, ops[rnd(g, 4)]);
		byte(g, 0xfc);
		byte(g, 0x5e);
		byte(g, 0x59);
		byte(g, 0x5f);
		break;
	}
	case 22: { /* CALL over a RET that it comes back by */
		byte(g, 0xe8);
		word32(g, 2);
		byte(g, 0xeb); /* jmp over the ret */
		byte(g, 1);
		byte(g, 0xc3);
		break;
	}
	default:
		byte(g, 0x99 & (0xf0 | rnd(g, 2) << 3 | 1)); /* CDQ, or XCHG with RCX */
		break;
	}
}

/* CMP, SUB or TEST of two registers, often equal ones, or DEC: what a branch is made one uop with. */
static void comparison(struct gen *g)
{
	static const uint8_t ops[] = {0x39, 0x29, 0x85, 0x85, 0x84, 0x38};
	unsigned a = free_reg(g) & 7, b = free_reg(g) & 7;
	bool big = g->wide && rnd(g, 2);

	if (rnd(g, 3)) {
		byte(g, rnd(g, 3) ? 0x89 : 0x21); /* mov a, b; and a, b */
		byte(g, 0xc0 | b << 3 | a);
	}
	if (!rnd(g, 4)) {
		byte(g, 0x31); /* xor a, a */
		byte(g, 0xc0 | a << 3 | a);
	}
	if (big)
		byte(g, 0x48);
	switch (rnd(g, 3)) {
	case 0:
		byte(g, ops[rnd(g, 6)]);
		byte(g, 0xc0 | b << 3 | a);
		break;
	case 1: /* cmp or sub a, imm8 */
		byte(g, 0x83);
		byte(g, 0xc0 | (rnd(g, 2) ? 7 : 5) << 3 | a);
		byte(g, rnd(g, 4) ? rnd(g, 256) : 0);
		break;
	default:
		byte(g, 0xff);
		byte(g, 0xc8 | a);
		break;
	}
}

/* A loop of RBP turns over random instructions and forward branches. */
static void program(struct gen *g)
{
	unsigned start, open = 0, open_at = 0;

	g->len = 0;
	start = g->len;
	for (unsigned k = 0; k < INSNS; k++) {
		if (!rnd(g, 6) && !open) {
			if (rnd(g, 4))
				comparison(g);
			byte(g, 0x70 | rnd(g, 16));
			open_at = g->len;
			byte(g, 0);
			open = 1 + rnd(g, 3);
		}
		one_insn(g);
		if (open && !--open && g->len - open_at - 1 < 128)
			g->code[open_at] = (uint8_t)(g->len - open_at - 1);
	}
	if (g->wide)
		byte(g, 0x48);
	byte(g, 0xff); /* dec rbp */
	byte(g, 0xcd);
	byte(g, 0x0f); /* jnz start */
	byte(g, 0x85);
	word32(g, start - (g->len + 4));
	byte(g, 0xf4);
}

static void prepare(struct test_soft *t, struct gen *g, uint64_t seed)
{
	struct rng r = {seed};
	uint8_t data[0x2100];

	for (size_t k = 0; k < sizeof(data); k++)
		data[k] = (uint8_t)rng_next(&r);
	test_soft_put(t, t->data, data, sizeof(data));
	for (unsigned k = 0; k < 16; k++)
		t->s->gpr[k] = rng_next(&r);
	t->s->gpr[X86_RBX] = t->data;
	t->s->gpr[X86_RSI] = rng_next(&r) & 0xff;
	t->s->gpr[X86_RSP] = TEST_STACK - 0x800;
	t->s->gpr[X86_RBP] = 5;
	/* In 32-bit code the high halves are 0, as a CPU that came there had them. */
	if (!g->wide)
		for (unsigned k = 0; k < 16; k++)
			t->s->gpr[k] = k < 8 ? (uint32_t)t->s->gpr[k] : 0;
	t->s->rflags = X86_FLAG_FIXED | (rng_next(&r) & 0x8d5);
	t->s->halted = false;
	t->answer = 0x1234567890abcdef;
	test_soft_code(t, g->code, g->len);
}

static void hex(const struct gen *g)
{
	char text[64];
	unsigned at = 0;

	while (at < g->len) {
		int n = insn_format(g->code + at, g->len - at, g->wide ? 64 : 32, TEST_CODE + at,
				    text, sizeof(text));

		if (n <= 0)
			break;
		fprintf(stderr, "  %x: %s\n", TEST_CODE + at, text);
		at += (unsigned)n;
	}
}

static void compare(struct test_soft *a, struct test_soft *b, const struct gen *g, uint64_t seed)
{
	struct cpu_state sa, sb;
	bool same = true;

	soft_get(a->s, &sa);
	soft_get(b->s, &sb);
	for (const struct state_field *f = cpu_state_table.fields; f->name; f++)
		same = same && !memcmp((char *)&sa + f->off, (char *)&sb + f->off,
				       (size_t)f->size * f->count);
	if (same && soft_icount(a->s) == soft_icount(b->s) &&
	    gmem_hash(a->mem, 0) == gmem_hash(b->mem, 0) && a->nr_exits == b->nr_exits)
		return;
	hex(g);
	for (const struct state_field *f = cpu_state_table.fields; f->name; f++)
		if (memcmp((char *)&sa + f->off, (char *)&sb + f->off, f->size))
			fprintf(stderr, "  %s: reference 0x%llx, fast 0x%llx\n", f->name,
				(unsigned long long)ld_le((uint8_t *)&sa + f->off,
							  f->size < 8 ? f->size : 8),
				(unsigned long long)ld_le((uint8_t *)&sb + f->off,
							  f->size < 8 ? f->size : 8));
	fail_msg("seed %llu: count %llu and %llu, exits %u and %u, memory %d",
		 (unsigned long long)seed, (unsigned long long)soft_icount(a->s),
		 (unsigned long long)soft_icount(b->s), a->nr_exits, b->nr_exits,
		 gmem_hash(a->mem, 0) == gmem_hash(b->mem, 0));
}

#define EDGES 1024
struct counted {
	struct soft_edge table[EDGES];
	struct soft_edges e;
};

static void count_edges(struct counted *c, struct soft *s, bool on)
{
	memset(c, 0, sizeof(*c));
	c->e = (struct soft_edges){.table = c->table, .nr = EDGES, .len = UINT64_MAX};
	assert_int_equal(soft_count_edges(s, on ? &c->e : NULL), 0);
}

/* All that (a) has counted (b) has too. How many branches that were. */
static uint64_t same_edges(const struct counted *a, struct counted *b, uint64_t seed)
{
	uint64_t n = 0;

	assert_int_equal(a->e.lost, 0);
	for (unsigned k = 0; k < EDGES; k++) {
		const struct soft_edge *e = &a->table[k];

		if (e->count && e->count != *soft_edge(&b->e, e->from, e->to))
			fail_msg("seed %llu: the edge from %llx to %llx", (unsigned long long)seed,
				 (unsigned long long)e->from, (unsigned long long)e->to);
		n += e->count;
	}
	return n;
}

/* (b) counts edges in every second program: what it does is the same with and without. */
static void run_mode(enum x86_mode mode)
{
	struct counted ca, cb;
	struct test_soft a, b;
	struct gen g = {.wide = mode == X86_LONG};
	uint64_t ran = 0;

	test_soft_open(&a, mode);
	test_soft_open(&b, mode);
	for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
		uint64_t end;

		g.r.s = seed * 77;
		program(&g);
		prepare(&a, &g, seed);
		prepare(&b, &g, seed);
		count_edges(&ca, a.s, true);
		count_edges(&cb, b.s, seed & 1);
		end = soft_icount(a.s) + BUDGET;
		while (soft_icount(a.s) < end &&
		       soft_run_reference(a.s, end - soft_icount(a.s)) == SOFT_STOP_BUDGET)
			;
		while (soft_icount(b.s) < end) {
			uint64_t left = end - soft_icount(b.s), n = 1 + rnd(&g, 300);

			if (soft_run(b.s, n < left ? n : left) != SOFT_STOP_BUDGET)
				break;
		}
		compare(&a, &b, &g, seed);
		if (seed & 1)
			assert_int_equal(same_edges(&ca, &cb, seed), same_edges(&cb, &ca, seed));
		ran += soft_icount(a.s) - (end - BUDGET);
		/* It has written over what exceptions need: the next one shall not suffer. */
		if (a.s->shutdown) {
			test_soft_close(&a);
			test_soft_close(&b);
			test_soft_open(&a, mode);
			test_soft_open(&b, mode);
		}
	}
	test_soft_close(&a);
	test_soft_close(&b);
	assert_true(ran > PROGRAMS * 50);
}

static void long_mode(void **state)
{
	(void)state;
	run_mode(X86_LONG);
}

static void protected_mode(void **state)
{
	(void)state;
	run_mode(X86_PROT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_mode),
		cmocka_unit_test(protected_mode),
	};

	return cmocka_run_group_tests_name("soft_paths", tests, NULL, NULL);
}
