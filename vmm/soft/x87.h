/* SPDX-License-Identifier: MIT */
/*
 * soft: what the x87 operations share: the stack, the checks before an instruction, its exceptions.
 *
 * Rules of our own, all of them Intel's of today: FCS and FDS are zero (CPUID.7.EBX[13]), FDP and
 * FOP change only with an unmasked exception (CPUID.7.EBX[6]). With CR0.NE clear a pending exception
 * is ignored, as if IGNNE# were up: the machine has no FERR# line.
 *
 * The shape of an operation: soft_x87_enter(), read memory, compute in a struct x87_run, write memory,
 * soft_x87_finish(), write registers if it says so.
 */
#ifndef SOFT_X87_H
#define SOFT_X87_H

#include "fp.h"
#include "soft_priv.h"

#define SOFT_OP(name, fn) void fn(struct soft *s, const struct insn *i);
#include "ops_x87.h"
#undef SOFT_OP

/* Status word, SDM 1, 8.1.3; bits 0 to 5 are FP_IE to FP_PE. */
#define X87_SF	     (1u << 6)
#define X87_ES	     (1u << 7)
#define X87_C0	     (1u << 8)
#define X87_C1	     (1u << 9)
#define X87_C2	     (1u << 10)
#define X87_TOP	     (7u << 11)
#define X87_TOP_BIT  11
#define X87_C3	     (1u << 14)
#define X87_B	     (1u << 15)
#define X87_CC	     (X87_C0 | X87_C1 | X87_C2 | X87_C3)
#define X87_CW_INIT  0x37fu
#define X87_CW_FIXED 0x40u /* reads as one */
#define X87_CW_MASK  0x1f7fu
#define X87_OP_MASK  0x7ffu

/* One instruction's work. */
struct x87_run {
	struct fp_env e;
	bool sf;       /* a stack fault: IE is raised too */
	bool over;     /* an overflow of the stack, not an underflow */
	bool keep_c1;  /* C1 changes with a stack fault alone */
	bool store;    /* to memory: with an unmasked OE or UE nothing is rounded */
	bool allow_de; /* an unmasked DE does not keep the result from being written */
};

/* #NM by CR0.EM and TS; and the #MF of an earlier instruction. */
void soft_x87_enter(struct soft *s);
/* #NM alone: the instructions that do not wait. */
void soft_x87_enter_nowait(struct soft *s);
void soft_x87_check_pending(struct soft *s);
struct x87_run soft_x87_run(const struct soft *s);
/*
 * The end: flags, C1, ES, FIP and the other pointers. True: results are to be written; false: an
 * unmasked IE, DE or ZE leaves the operands as they were.
 */
bool soft_x87_finish(struct soft *s, const struct insn *i, const struct x87_run *x);
/* Would finish say so? For a store: also false where OE or UE is unmasked and raised. */
bool soft_x87_may_store(const struct x87_run *x);
/* ES and B follow flags and masks. */
void soft_x87_update_es(struct soft *s);
/* FNINIT */
void soft_x87_init(struct soft *s);

static inline unsigned soft_x87_phys(const struct soft *s, unsigned st)
{
	return ((unsigned)(s->x87.sw >> X87_TOP_BIT) + st) & 7;
}
static inline bool soft_x87_empty(const struct soft *s, unsigned st)
{
	return !(s->x87.tag >> soft_x87_phys(s, st) & 1);
}
static inline struct soft_f80 soft_x87_get(const struct soft *s, unsigned st)
{
	return s->x87.reg[soft_x87_phys(s, st)];
}
static inline void soft_x87_put(struct soft *s, unsigned st, struct soft_f80 v)
{
	unsigned p = soft_x87_phys(s, st);

	s->x87.reg[p] = v;
	s->x87.tag |= (uint8_t)(1u << p);
}
static inline void soft_x87_free(struct soft *s, unsigned st)
{
	s->x87.tag &= (uint8_t) ~(1u << soft_x87_phys(s, st));
}
static inline void soft_x87_set_top(struct soft *s, unsigned top)
{
	s->x87.sw = (uint16_t)((s->x87.sw & ~X87_TOP) | (top & 7) << X87_TOP_BIT);
}
static inline void soft_x87_pop(struct soft *s)
{
	soft_x87_free(s, 0);
	soft_x87_set_top(s, soft_x87_phys(s, 1));
}
static inline void soft_x87_push(struct soft *s, struct soft_f80 v)
{
	soft_x87_set_top(s, soft_x87_phys(s, 7));
	soft_x87_put(s, 0, v);
}
/* Condition codes in (mask) become (val). */
static inline void soft_x87_set_cc(struct soft *s, unsigned mask, unsigned val)
{
	s->x87.sw = (uint16_t)((s->x87.sw & ~mask) | (val & mask));
}

/* Registers that must not be empty, by a bit each of ST(0) to ST(7): true, and a stack fault if not. */
bool soft_x87_underflow(const struct soft *s, struct x87_run *x, unsigned st_mask);
/* The same for a push: ST(7) must be empty. */
bool soft_x87_overflow(const struct soft *s, struct x87_run *x);

/* i: of D8 to DF: the ST(i) of a register form. */
static inline unsigned soft_x87_sti(const struct insn *i)
{
	return i->modrm & 7;
}
static inline bool soft_x87_is_mem(const struct insn *i)
{
	return i->modrm < 0xc0;
}
/* The memory operand. */
const struct insn_operand *soft_x87_mem(const struct insn *i);
uint64_t soft_x87_read(struct soft *s, const struct insn *i);
void soft_x87_write(struct soft *s, const struct insn *i, uint64_t v);
/* Finish, and pop when the results are written. */
void soft_x87_finish_pop(struct soft *s, const struct insn *i, const struct x87_run *x,
			 unsigned pops);

#endif
