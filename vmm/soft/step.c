/* SPDX-License-Identifier: MIT */
/*
 * soft: the reference path: one instruction, from fetch to commit, with nothing cached. Everything
 * else in this module must give the same results as this file and the operations.
 */
#include <errno.h>

#include "soft_priv.h"

/* DR6, SDM 3B 17.2.3 */
#define DR6_BS	  (1ull << 14)
#define DR6_FIXED 0xffff0ff0ull
/* DR7, 17.2.4 */
#define DR7_FIXED  (1ull << 10)
#define DR7_GLOBAL 2ull
#define DR7_WRITES 1u
#define DR7_BOTH   3u
#define DR7_LEN8   2u

/* TZCNT and LZCNT are BSF and BSR with a prefix that is ignored where the CPU hasn't got them. */
void soft_without_feature(struct soft *s, struct insn *i)
{
	if (i->op == INSN_TZCNT && !soft_has(s, INSN_C_BMI1))
		i->op = INSN_BSF;
	else if (i->op == INSN_LZCNT && !soft_has(s, INSN_C_LZCNT))
		i->op = INSN_BSR;
	else
		return;
	i->cpuid = INSN_C_BASE;
}

void soft_fetch_decode(struct soft *s, struct insn *i)
{
	uint8_t buf[INSN_MAX];
	unsigned n;
	int rc;

	s->insn_rip = s->rip;
	n = soft_fetch(s, buf);
	/* Every turn adds bytes or raises the fault of the first one that is not there. */
	while ((rc = insn_decode(buf, n, s->bits, i)) == -ENODATA)
		n = soft_fetch_rest(s, buf, n);
	if (rc == -E2BIG)
		soft_gp0(s);
	if (rc < 0)
		soft_ud(s);
	soft_without_feature(s, i);
}

/* VEX prefixes exist in protected mode alone: of what a template offers, that is BMI. */
static bool wrong_mode(const struct soft *s, const struct insn *i)
{
	return (i->cpuid == INSN_C_BMI1 || i->cpuid == INSN_C_BMI2) && i->op != INSN_TZCNT &&
	       (!soft_prot(s) || soft_v86(s));
}

void soft_commit(struct soft *s, bool tf)
{
	s->rip = s->next_rip;
	s->icount++;
	s->reported = false;
	s->bp_reported = false;
	/* A MOV SS holds back the single-step trap of its own, but not data breakpoints (17.3.1.4). */
	if (tf && s->shadow_new != 2)
		s->db_pending |= DR6_BS;
	s->db_pending |= s->db_new;
	if (s->shadow | s->shadow_new || s->db_pending)
		s->events = true;
	s->shadow = s->shadow_new;
}

/*
 * Is this one that BTF traps behind? A jump, call, return that was taken; a conditional one to its own
 * successor counts as not taken. What delivers an event has taken TF away.
 */
static bool branched(const struct soft *s, const struct insn *i)
{
	uint64_t seq = s->insn_rip + i->len;

	if (i->op == INSN_JMP || i->op == INSN_CALL || i->op == INSN_RET)
		return true;
	return s->next_rip != (s->bits == 64 ? seq : (uint32_t)seq) &&
	       !(i->flags & (INSN_F_REP | INSN_F_REPNE));
}

void soft_execute(struct soft *s, const struct insn *i)
{
	soft_op op = i->op < INSN_OPS ? soft_ops[i->op] : NULL;
	bool tf = s->rflags & X86_FLAG_TF;

	if (!op || !soft_has(s, i->cpuid) || wrong_mode(s, i))
		soft_ud(s);
	s->insn_rip = s->rip;
	s->next_rip = s->rip + i->len;
	if (s->bits != 64)
		s->next_rip = (uint32_t)s->next_rip;
	s->shadow_new = 0;
	s->db_new = 0;
	/* RF is good for one instruction; a fault pushes it set in any case (17.3.1.1). */
	s->rflags &= ~X86_FLAG_RF;
	if (s->edges)
		soft_edge_op(s, i, op);
	else
		op(s, i);
	/*
	 * SYSCALL and SYSRET decide by the RFLAGS they leave: FMASK keeps a kernel from being stepped,
	 * and what steps over a system call stops right behind it.
	 */
	if (i->op == INSN_SYSCALL || i->op == INSN_SYSRET)
		tf = s->rflags & X86_FLAG_TF;
	if (tf && (s->debugctl & SOFT_DEBUGCTL_BTF))
		tf = branched(s, i);
	soft_commit(s, tf);
}

/* Execution breakpoints of DR7: a fault before the instruction, unless RF is set. */
static void check_breakpoints(struct soft *s)
{
	uint64_t la = s->bits == 64 ? s->rip : (uint32_t)(s->seg[X86_CS].base + s->rip), hit = 0;

	/* Nor between two iterations of REP, nor behind a MOV SS, as Intel's CPUs have it. */
	if ((s->rflags & X86_FLAG_RF) || s->rep_mark == s->icount + 1 || s->shadow == 2)
		return;
	for (unsigned i = 0; i < 4; i++)
		if ((s->dr[7] >> (2 * i) & 3) && !(s->dr[7] >> (16 + 4 * i) & 3) && s->dr[i] == la)
			hit |= 1ull << i;
	if (!hit)
		return;
	s->insn_rip = s->rip;
	s->dr[6] = (s->dr[6] & ~15ull) | hit;
	soft_fault(s, X86_DB);
}

static void report_debug(struct soft *s, uint64_t dr6, uint64_t dr7)
{
	struct cpu_exit e = {.kind = CPU_EXIT_DEBUG, .rip = s->rip};

	e.debug.pc = s->rip;
	e.debug.dr6 = DR6_FIXED | dr6;
	e.debug.dr7 = dr7;
	e.debug.exception = X86_DB;
	s->cfg.host.exit(s->cfg.host.ctx, &e);
}

/* The host's breakpoints: reported once, before the instruction. True: and it asked for a stop. */
static bool host_breakpoint(struct soft *s)
{
	if (s->bp_reported)
		return false;
	for (unsigned i = 0; i < s->nr_bp; i++) {
		if (s->bp[i] != s->rip)
			continue;
		s->bp_reported = true;
		report_debug(s, 1ull << i, s->dr[7]);
		return s->stop;
	}
	return false;
}

/* What DR7 would have for the watchpoints that were hit, SDM 3B 17.2.4. */
static uint64_t watch_dr7(const struct soft *s)
{
	uint64_t dr7 = DR7_FIXED;

	for (unsigned i = 0; i < s->nr_wp; i++) {
		unsigned n = s->wp[i].len, len = n == 8 ? DR7_LEN8 : n - 1;

		if (s->wp_hit >> i & 1)
			dr7 |= DR7_GLOBAL << (2 * i) |
			       (uint64_t)(len << 2 | (s->wp[i].write ? DR7_WRITES : DR7_BOTH))
				       << (16 + 4 * i);
	}
	return dr7;
}

void soft_step(struct soft *s)
{
	struct insn i;

	if (s->nr_bp && host_breakpoint(s))
		return;
	if (s->dr7_on)
		check_breakpoints(s);
	soft_fetch_decode(s, &i);
	s->wp_hit = 0;
	soft_execute(s, &i);
	if (s->step | s->wp_hit)
		report_debug(s, (s->step ? DR6_BS : 0) | s->wp_hit,
			     s->wp_hit ? watch_dr7(s) : s->dr[7]);
}
