/* SPDX-License-Identifier: MIT */
/* silicon: what the generator's files share. */
#ifndef SILICON_GEN_H
#define SILICON_GEN_H

#include "silicon.h"

struct sil_build {
	struct rng r;
	struct sil_case *c;
	const struct sil_form *f;
	bool has_ldt;
	bool plain; /* one of several instructions: operands must not depend on registers */
	/* the instruction */
	uint8_t b[INSN_MAX + 16];
	unsigned n;	   /* bytes so far: behind them is the immediate */
	uint64_t rip;	   /* of the instruction, as CS sees it */
	uint64_t target;   /* linear address meant by its memory operand */
	unsigned rip_disp; /* where a RIP-relative displacement lies, or 0 */
	unsigned seg;	   /* of the memory operand */
	struct insn i;
};

/* gen_insn.c: encode an instruction of (f) with its operands; 0 or a negative number: none. */
int sil_gen_insn(struct sil_build *g);

/* gen_state.c */
void sil_gen_start(struct sil_build *g);
/* A linear address for data; most can be written. */
uint64_t sil_gen_target(struct sil_build *g);
/* What an operation wants to be interesting: counts, divisors, stacks, selectors. */
void sil_gen_fix(struct sil_build *g);
void sil_gen_patch(struct sil_build *g, uint64_t la, const void *bytes, unsigned len);
uint64_t sil_gen_seg_base(const struct sil_case *c, unsigned seg);
/* The linear address of a memory operand in the state at the start. */
uint64_t sil_gen_linear(const struct sil_case *c, const struct insn *i,
			const struct insn_operand *o);
uint16_t sil_gen_selector(struct sil_build *g);
/* An address in the code page where there is nothing but filling, as CS sees it. */
uint64_t sil_gen_landing(struct sil_build *g);

#endif
