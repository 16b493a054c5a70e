/* SPDX-License-Identifier: MIT */
/*
 * soft_diff: random code and state against silicon: the host's own CPU, in the sandboxed child of
 * vmm/soft/silicon, whose generator and comparison these are.
 *
 * @modules soft
 * @silicon
 *
 * An input is records of 8 bytes, DIFF_CASES at most, each a case: its kind and mode, an opcode form,
 * a number that everything random in it is made of, and an overlay (fuzz/engine/diff_prog.h).
 * Oracles: registers, defined flags, memory, x87 and SSE state and the fault are the host's, but for
 * what the tester's table explains; the fast path does as the reference path.
 * Where there can be no child (another architecture, a refused sandbox) no input does anything, and
 * replay programs say SKIP.
 */
#include <errno.h>
#include <stdlib.h>

#include <silicon.h>

#include "depth.h"
#include "diff_prog.h"
#include "oracle.h"
#include "stats.h"

DEPTH_COUNTERS(mode_64, mode_legacy, form, sequence, bytes, overlaid, ran, faulted, compared);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Why nothing can be done here, or NULL: replay.c asks. */
const char *fuzz_skipped(void);

#define SEED 20261122u

static struct {
	bool asked;
	struct sil o;
	struct sil_model *m;
	struct sil_gen gen;
	struct err why; /* no child */
} D;

const char *fuzz_skipped(void)
{
	return D.why.code ? D.why.msg : NULL;
}

static void set_up(void)
{
	struct sil_form *forms;
	size_t n;
	int rc;

	D.asked = true;
	FUZZ_ORACLE(!sil_forms(&forms, &n), "set-up", "no memory for the forms");
	rc = sil_open(&D.o, SEED, &D.why);
	if (rc) {
		D.why.code = rc;
		fprintf(stderr, "SKIP: %s\n", D.why.msg);
		free(forms);
		return;
	}
	FUZZ_ORACLE(!sil_model_open(&D.m, D.o.sh, &D.why), "set-up", "%s", D.why.msg);
	D.gen = (struct sil_gen){SEED, forms, n, D.o.has16};
}

/* Other values where no address depends on them: flags, and operands of register forms. */
static void overlay(struct sil_case *c, const struct sil_form *f, uint8_t kind, uint8_t b)
{
	static const uint64_t flags[] = {X86_FLAG_CF, X86_FLAG_PF, X86_FLAG_AF,
					 X86_FLAG_ZF, X86_FLAG_SF, X86_FLAG_OF};
	struct rng r = {b};
	unsigned reg = b & 15;

	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		if (b >> i & 1)
			c->in.rflags ^= flags[i];
	if (f->modrm != SIL_MODRM_REG)
		return;
	if (kind & DIFF_VECTOR)
		sil_val_vec(&r, c->in.fx + 160 + 16 * reg);
	else if (reg != X86_RSP)
		c->in.gpr[reg] = sil_val_int(&r, 8);
	depth_hit(overlaid);
}

/* The case of one record in slot (n), or nothing comes of it. */
static bool make(unsigned n, const uint8_t *p)
{
	static const unsigned modes[] = {64, 32, 16};
	struct sil_case *c = &D.o.sh->cases[n];
	uint32_t form = ld_le16(p + 1) % (uint32_t)D.gen.nr_forms, index = ld_le32(p + 3);
	unsigned bits = modes[(p[0] >> 2 & 3) % 3];

	c->slot = (uint16_t)n;
	if (bits == 16 && !D.o.has16)
		bits = 32;
	switch (p[0] & 3) {
	case DIFF_SEQUENCE:
		if (!sil_gen_sequence(&D.gen, c, bits, index))
			return false;
		depth_hit(sequence);
		break;
	case DIFF_BYTES:
		if (!sil_gen_bytes(&D.gen, c, bits, index))
			return false;
		depth_hit(bytes);
		break;
	default:
		if (!sil_gen_form(&D.gen, c, form, index))
			return false;
		depth_hit(form);
		if ((p[0] & 3) == DIFF_OVERLAID)
			overlay(c, &D.gen.forms[form], p[0], p[7]);
		break;
	}
	if (c->bits == 64)
		depth_hit(mode_64);
	else
		depth_hit(mode_legacy);
	return true;
}

/* Pages of the child that a case cannot have: no case. */
static bool met_the_child(const struct sil_result *soft)
{
	return soft->vector == X86_PF && (soft->cr2 - SIL_LOW < SIL_LOW_SIZE ||
					  soft->cr2 - SIL_HIGH < SIL_HIGH_END - SIL_HIGH);
}

static void differ(const struct sil_case *c, const struct sil_result *a, const struct sil_result *b,
		   const struct sil_diff *d, const char *name, const char *who)
{
	struct buf text = {0};

	sil_describe(&text, c, a, b, d);
	fuzz_oracle_fail(name, "%s\n%s", who, buf_str(&text));
}

static void judge(unsigned i)
{
	static struct sil_result soft, fast;
	const struct sil_case *c = &D.o.sh->cases[i];
	const struct sil_result *silicon = &D.o.sh->results[i];
	struct sil_diff d;

	if (silicon->vector < SIL_OK) /* a timer, a lost child: nothing to compare with */
		return;
	memset(&soft, 0, sizeof(soft));
	sil_model_run(D.m, c, &soft, false);
	if (soft.vector == SIL_TIMEOUT || met_the_child(&soft))
		return;
	if (silicon->vector >= 0)
		depth_hit(faulted);
	else
		depth_hit(ran);
	sil_compare(c, silicon, &soft, &d);
	if (d.fields && sil_explained(c, silicon, &soft, &d) < 0)
		differ(c, silicon, &soft, &d, "silicon", "silicon and the reference path");
	memset(&fast, 0, sizeof(fast));
	sil_model_run(D.m, c, &fast, true);
	sil_compare(c, &soft, &fast, &d);
	if (d.fields)
		differ(c, &soft, &fast, &d, "paths", "the reference path and the fast path");
	depth_hit(compared);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	unsigned n = 0;

	if (!D.asked)
		set_up();
	if (D.why.code)
		return 0;
	for (size_t at = 0; size - at >= DIFF_RECORD && n < DIFF_CASES; at += DIFF_RECORD)
		n += make(n, data + at);
	if (!n)
		return 0;
	FUZZ_ORACLE(!sil_run(&D.o, n, &err), "child", "%s", err.msg);
	for (unsigned i = 0; i < n; i++)
		judge(i);
	fuzz_case(n, true);
	return 0;
}
