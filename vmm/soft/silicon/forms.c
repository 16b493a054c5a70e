/* SPDX-License-Identifier: MIT */
/*
 * silicon: the list of opcode forms: every opcode of every map with each mandatory prefix, operand
 * size, mode, register or memory operand, as far as the decoder finds an instruction there that
 * some template could offer. What it finds none at is tried by random bytes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "silicon.h"

struct list {
	struct sil_form *f;
	size_t n, cap;
	bool failed;
};

/* Prefixes that may make another instruction of an opcode. */
static const struct {
	uint8_t n, p[2];
	const char *name;
} prefixes[] = {{0, {0, 0}, ""},       {1, {0x66, 0}, "66."},	   {1, {0xf3, 0}, "f3."},
		{1, {0xf2, 0}, "f2."}, {2, {0x66, 0xf3}, "66f3."}, {2, {0x66, 0xf2}, "66f2."}};

static unsigned opcode_bytes(const struct sil_form *f, uint8_t *b)
{
	unsigned n = 0;

	if (f->vex) {
		unsigned pp = !f->nr_prefix	     ? 0
			      : f->prefix[0] == 0x66 ? 1
			      : f->prefix[0] == 0xf3 ? 2
						     : 3;

		b[n++] = 0xc4;
		b[n++] = 0xe0 | f->map; /* R, X, B inverted: none */
		b[n++] = (uint8_t)(f->w << 7 | 0x0f << 3 | pp);
		b[n++] = f->opcode;
		return n;
	}
	for (unsigned i = 0; i < f->nr_prefix; i++)
		b[n++] = f->prefix[i];
	if (f->w)
		b[n++] = 0x48;
	if (f->map) {
		b[n++] = 0x0f;
		if (f->map == 2)
			b[n++] = 0x38;
		if (f->map == 3)
			b[n++] = 0x3a;
	}
	b[n++] = f->opcode;
	return n;
}

static bool try_form(const struct sil_form *f, uint8_t modrm, struct insn *i)
{
	uint8_t b[INSN_MAX + 8] = {0};
	unsigned n = opcode_bytes(f, b);

	b[n] = modrm;
	return insn_decode(b, INSN_MAX, f->bits, i) > 0 && i->op != INSN_BAD &&
	       i->cpuid != INSN_C_OTHER && i->map == f->map && i->opcode == f->opcode;
}

/* Is this the same as another row: a prefix that changes nothing? */
static bool redundant(const struct sil_form *f, uint8_t modrm, const struct insn *i)
{
	struct sil_form g = *f;
	struct insn j;
	unsigned rep = INSN_F_REP | INSN_F_REPNE;

	if (f->w) {
		g.w = false;
		if (try_form(&g, modrm, &j) && j.op == i->op && j.opsize == i->opsize &&
		    j.o[0].size == i->o[0].size && j.o[1].size == i->o[1].size)
			return true;
		g.w = f->w;
	}
	for (unsigned drop = 0; drop < f->nr_prefix; drop++) {
		g.nr_prefix = f->nr_prefix - 1;
		g.prefix[0] = f->prefix[1 - drop];
		if (try_form(&g, modrm, &j) && j.op == i->op && j.opsize == i->opsize &&
		    j.o[0].size == i->o[0].size && j.o[1].size == i->o[1].size &&
		    (j.flags & rep) == (i->flags & rep))
			return true;
	}
	return false;
}

static void add(struct list *l, const struct sil_form *proto, uint8_t modrm, const struct insn *i)
{
	struct sil_form *f;
	uint8_t bytes[INSN_MAX + 8] = {0};
	char where[12] = "";

	if (redundant(proto, modrm, i))
		return;
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 1024;

		f = realloc(l->f, cap * sizeof(*f));
		if (!f) {
			l->failed = true;
			return;
		}
		l->f = f;
		l->cap = cap;
	}
	f = &l->f[l->n++];
	*f = *proto;
	f->op = i->op;
	f->opsize = i->opsize;
	f->feature = i->cpuid;
	opcode_bytes(f, bytes);
	f->left_out = sil_left_out(i, bytes);
	if (f->modrm != SIL_NO_MODRM) {
		unsigned n = 0;

		if (f->digit >= 0)
			n = (unsigned)snprintf(where, sizeof(where), " /%d", f->digit);
		snprintf(where + n, sizeof(where) - n, f->modrm == SIL_MODRM_MEM ? " m" : " r");
		if (f->rm >= 0 && f->modrm == SIL_MODRM_REG)
			snprintf(where + n, sizeof(where) - n, " r%d", f->rm);
	}
	snprintf(f->name, sizeof(f->name), "%u %s%s%s%s%02x%s %s", f->bits, f->vex ? "vex." : "",
		 !f->nr_prefix		? ""
		 : f->nr_prefix == 2	? f->prefix[1] == 0xf3 ? "66.f3." : "66.f2."
		 : f->prefix[0] == 0x66 ? "66."
		 : f->prefix[0] == 0xf3 ? "f3."
					: "f2.",
		 f->w ? "w." : "",
		 f->map == 0   ? ""
		 : f->map == 1 ? "0f"
		 : f->map == 2 ? "0f38"
			       : "0f3a",
		 f->opcode, where, insn_op_name(f->op));
}

static bool same(const struct insn *a, const struct insn *b)
{
	return a->op == b->op && a->nr == b->nr && a->opsize == b->opsize;
}

/* Merge what differs in nothing but a register number. */
static void add_modrm(struct list *l, struct sil_form *f, unsigned kind)
{
	struct insn in[8][8];
	bool ok[8][8];
	bool all = true;

	f->modrm = (uint8_t)kind;
	for (unsigned d = 0; d < 8; d++)
		for (unsigned rm = 0; rm < 8; rm++) {
			uint8_t m = (uint8_t)(d << 3 | (kind == SIL_MODRM_REG ? 0xc0 | rm : 1));

			ok[d][rm] = try_form(f, m, &in[d][rm]);
			all = all && ok[d][rm] && same(&in[d][rm], &in[0][0]);
		}
	f->digit = f->rm = -1;
	if (all) {
		add(l, f, kind == SIL_MODRM_REG ? 0xc0 : 1, &in[0][0]);
		return;
	}
	for (unsigned d = 0; d < 8; d++) {
		bool row = true;

		for (unsigned rm = 0; rm < 8; rm++)
			row = row && ok[d][rm] && same(&in[d][rm], &in[d][0]);
		f->digit = (int8_t)d;
		f->rm = -1;
		if (row) {
			add(l, f, (uint8_t)(d << 3 | (kind == SIL_MODRM_REG ? 0xc0 : 1)),
			    &in[d][0]);
			continue;
		}
		for (unsigned rm = 0; rm < 8; rm++) {
			f->rm = (int8_t)rm;
			if (ok[d][rm])
				add(l, f, (uint8_t)(0xc0 | d << 3 | rm), &in[d][rm]);
		}
	}
}

/* Bytes that are prefixes or escapes and no opcode of their map. */
static bool is_opcode(unsigned bits, unsigned map, unsigned op)
{
	static const uint8_t not [] = {0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64,
				       0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3};

	if (map)
		return map != 1 || (op != 0x38 && op != 0x3a);
	for (size_t i = 0; i < ARRAY_SIZE(not ); i++)
		if (op == not [i])
			return false;
	return bits != 64 || (op & 0xf0) != 0x40;
}

static void add_opcode(struct list *l, struct sil_form *f)
{
	struct insn i;
	bool modrm = false;

	/* Is there a ModRM byte? Of some digit there is an instruction, and it then has its byte. */
	for (unsigned d = 0; d < 8 && !modrm; d++)
		modrm = (try_form(f, (uint8_t)(0xc1 | d << 3), &i) && i.modrm) ||
			(try_form(f, (uint8_t)(1 | d << 3), &i) && i.modrm);
	f->digit = f->rm = -1;
	f->modrm = SIL_NO_MODRM;
	if (!modrm) {
		if (try_form(f, 0, &i))
			add(l, f, 0, &i);
		return;
	}
	add_modrm(l, f, SIL_MODRM_REG);
	add_modrm(l, f, SIL_MODRM_MEM);
}

static void add_mode(struct list *l, unsigned bits)
{
	for (unsigned map = 0; map < 4; map++)
		for (unsigned op = 0; op < 256; op++)
			for (size_t p = 0; p < ARRAY_SIZE(prefixes); p++)
				for (unsigned w = 0; w < 2; w++)
					for (unsigned vex = 0; vex < 2; vex++) {
						struct sil_form f = {
							.bits = (uint8_t)bits,
							.nr_prefix = prefixes[p].n,
							.prefix = {prefixes[p].p[0],
								   prefixes[p].p[1]},
							.w = w,
							.vex = vex,
							.map = (uint8_t)map,
							.opcode = (uint8_t)op,
						};

						if ((w && bits != 64 && !vex) ||
						    (vex && (map < 2 || prefixes[p].n > 1)) ||
						    (!vex && !is_opcode(bits, map, op)))
							continue;
						add_opcode(l, &f);
					}
}

int sil_forms(struct sil_form **out, size_t *count)
{
	struct list l = {0};

	add_mode(&l, 64);
	add_mode(&l, 32);
	add_mode(&l, 16);
	if (l.failed) {
		free(l.f);
		return -ENOMEM;
	}
	*out = l.f;
	*count = l.n;
	return 0;
}
