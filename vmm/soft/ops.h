/* SPDX-License-Identifier: MIT */
/* soft: what all files of operations include: the prototypes of the operations, and small helpers. */
#ifndef SOFT_OPS_H
#define SOFT_OPS_H

#include "flags.h"
#include "soft_priv.h"

#define SOFT_OP(name, fn) void fn(struct soft *s, const struct insn *i);
#include "ops_atomic.h"
#include "ops_bcd.h"
#include "ops_bit.h"
#include "ops_flow.h"
#include "ops_int.h"
#include "ops_io.h"
#include "ops_muldiv.h"
#include "ops_shift.h"
#include "ops_stack.h"
#include "ops_string.h"
#undef SOFT_OP

/* MOVSD and CMPSD of SSE2, which share their names with string operations (ops_sse*.c). */
void soft_op_sse_movsd(struct soft *s, const struct insn *i);
void soft_op_sse_cmpsd(struct soft *s, const struct insn *i);

/* May this code use (size) ports from (port)? #GP(0) if not. */
void soft_check_port(struct soft *s, uint16_t port, unsigned size);

/* Operand n of a read-modify-write: in memory what the write would raise is raised by the read. */
static inline uint64_t soft_rmw_operand(struct soft *s, const struct insn *i, unsigned n)
{
	const struct insn_operand *o = &i->o[n];

	if (o->kind == INSN_MEM)
		soft_probe_write(s, o->seg, soft_ea(s, i, o), o->size);
	return soft_get_operand(s, i, n);
}

/* The condition code of Jcc, SETcc, CMOVcc: the low half of the opcode. */
static inline bool soft_insn_cond(const struct soft *s, const struct insn *i)
{
	return soft_cond(s->rflags, i->opcode & 15);
}

#endif
