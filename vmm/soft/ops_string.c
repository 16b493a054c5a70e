/* SPDX-License-Identifier: MIT */
/*
 * soft: string operations, one iteration a call (soft_priv.h says how REP goes on). SDM volume 2.
 * The source is DS:rSI, whose segment may be overridden, the destination ES:rDI.
 */
#include "ops.h"

static uint64_t index_of(const struct soft *s, const struct insn *i, unsigned reg)
{
	return s->gpr[reg] & size_mask(i->addrsize);
}

/* Move rSI or rDI by (size) bytes, by the direction flag. */
static void step_by(struct soft *s, const struct insn *i, unsigned reg, unsigned size)
{
	const struct insn_operand o = {
		.kind = INSN_REG, .cls = INSN_GPR, .size = i->addrsize, .num = (uint8_t)reg};
	uint64_t by = s->rflags & X86_FLAG_DF ? -(uint64_t)size : size;

	soft_gpr_write(s, &o, s->gpr[reg] + by);
}

/* The same by one element. */
static void step_index(struct soft *s, const struct insn *i, unsigned reg)
{
	step_by(s, i, reg, i->opsize);
}

static bool repeated(const struct insn *i)
{
	return i->flags & (INSN_F_REP | INSN_F_REPNE);
}

/*
 * What REP does first. 64-bit code with 32-bit addresses: Intel's CPUs clear the high half of the
 * count, whatever comes of it then; MOVS and STOS those of the index registers (si, di) too. True: the
 * count is 0, nothing else happens.
 */
static bool nothing_to_do(struct soft *s, const struct insn *i, bool si, bool di)
{
	if (!repeated(i))
		return false;
	if (s->bits == 64 && i->addrsize == 4) {
		s->gpr[X86_RCX] = (uint32_t)s->gpr[X86_RCX];
		if (si)
			s->gpr[X86_RSI] = (uint32_t)s->gpr[X86_RSI];
		if (di)
			s->gpr[X86_RDI] = (uint32_t)s->gpr[X86_RDI];
	}
	return !index_of(s, i, X86_RCX);
}

bool soft_rep_done(struct soft *s, const struct insn *i, bool by_zf)
{
	const struct insn_operand cx = {
		.kind = INSN_REG, .cls = INSN_GPR, .size = i->addrsize, .num = X86_RCX};
	uint64_t count;

	if (!repeated(i))
		return true;
	count = (s->gpr[X86_RCX] - 1) & size_mask(i->addrsize);
	soft_gpr_write(s, &cx, count);
	if (!count)
		return true;
	if (!by_zf)
		return false;
	return !(s->rflags & X86_FLAG_ZF) != !(i->flags & INSN_F_REP);
}

static void finish(struct soft *s, const struct insn *i, bool by_zf)
{
	if (soft_rep_done(s, i, by_zf))
		return;
	s->next_rip = s->rip;
	s->rep_mark = s->icount + 2; /* one behind this iteration, see soft_priv.h */
}

/*
 * The flags of CMPS and SCAS are those of the last iteration; until then they are as before the first
 * one, and so in what a fault or an interrupt between two of them saves (SDM 2B, REP).
 */
static void finish_compare(struct soft *s, const struct insn *i, uint64_t flags_before)
{
	finish(s, i, true);
	if (s->next_rip == s->rip)
		s->rflags = flags_before;
}

void soft_op_movs(struct soft *s, const struct insn *i)
{
	uint64_t v;

	if (i->map) {
		soft_op_sse_movsd(s, i);
		return;
	}
	if (nothing_to_do(s, i, true, true))
		return;
	v = soft_read(s, i->seg, index_of(s, i, X86_RSI), i->opsize);
	soft_write(s, X86_ES, index_of(s, i, X86_RDI), i->opsize, v);
	step_index(s, i, X86_RSI);
	step_index(s, i, X86_RDI);
	finish(s, i, false);
}

void soft_op_cmps(struct soft *s, const struct insn *i)
{
	uint64_t a, b, flags = s->rflags;

	if (i->map) {
		soft_op_sse_cmpsd(s, i);
		return;
	}
	if (nothing_to_do(s, i, false, false))
		return;
	/* The destination faults first; devices see the source read first, as KVM has it. */
	soft_probe_read(s, X86_ES, index_of(s, i, X86_RDI), i->opsize);
	a = soft_read(s, i->seg, index_of(s, i, X86_RSI), i->opsize);
	b = soft_read(s, X86_ES, index_of(s, i, X86_RDI), i->opsize);
	soft_flags_sub(s, a, b, 0, i->opsize);
	step_index(s, i, X86_RSI);
	step_index(s, i, X86_RDI);
	finish_compare(s, i, flags);
}

void soft_op_stos(struct soft *s, const struct insn *i)
{
	if (nothing_to_do(s, i, false, true))
		return;
	soft_write(s, X86_ES, index_of(s, i, X86_RDI), i->opsize, s->gpr[X86_RAX]);
	step_index(s, i, X86_RDI);
	finish(s, i, false);
}

void soft_op_lods(struct soft *s, const struct insn *i)
{
	const struct insn_operand acc = {.kind = INSN_REG, .cls = INSN_GPR, .size = i->opsize};

	if (nothing_to_do(s, i, false, false))
		return;
	soft_gpr_write(s, &acc, soft_read(s, i->seg, index_of(s, i, X86_RSI), i->opsize));
	step_index(s, i, X86_RSI);
	finish(s, i, false);
}

void soft_op_scas(struct soft *s, const struct insn *i)
{
	uint64_t v, flags = s->rflags;

	if (nothing_to_do(s, i, false, false))
		return;
	v = soft_read(s, X86_ES, index_of(s, i, X86_RDI), i->opsize);
	soft_flags_sub(s, s->gpr[X86_RAX], v, 0, i->opsize);
	step_index(s, i, X86_RDI);
	finish_compare(s, i, flags);
}

/* SDM volume 2, INS and OUTS: no port has 64 bits, REX.W means 32. */
static unsigned port_size(const struct insn *i)
{
	return i->opsize < 4 ? i->opsize : 4;
}

/* The destination is checked before the port is read, so that no input is lost to a page fault. */
void soft_op_ins(struct soft *s, const struct insn *i)
{
	const unsigned size = port_size(i);
	uint16_t port = (uint16_t)s->gpr[X86_RDX];
	uint64_t di;

	soft_check_port(s, port, size);
	if (nothing_to_do(s, i, false, true))
		return;
	di = index_of(s, i, X86_RDI);
	soft_probe_write(s, X86_ES, di, size);
	soft_write(s, X86_ES, di, size, soft_exit_in(s, port, size));
	step_by(s, i, X86_RDI, size);
	finish(s, i, false);
}

void soft_op_outs(struct soft *s, const struct insn *i)
{
	const unsigned size = port_size(i);
	uint16_t port = (uint16_t)s->gpr[X86_RDX];
	uint64_t v;

	soft_check_port(s, port, size);
	if (nothing_to_do(s, i, true, false))
		return;
	v = soft_read(s, i->seg, index_of(s, i, X86_RSI), size);
	soft_exit_out(s, port, size, (uint32_t)v);
	step_by(s, i, X86_RSI, size);
	finish(s, i, false);
}
