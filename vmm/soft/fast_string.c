/* SPDX-License-Identifier: MIT */
/*
 * soft: handlers of REP MOVS and REP STOS in 64-bit code, upwards, as many iterations at once as lie in
 * one page and in the budget. Each iteration is one instruction of the count.
 */
#include "uop.h"

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Elements of (size) bytes at (la) that lie in its page whole. */
static uint64_t in_page(uint64_t la, unsigned size)
{
	return (GMEM_PAGE - (la & (GMEM_PAGE - 1))) / size;
}

/* How many iterations fit the budget; at least one, as the trace was entered. */
static uint64_t in_budget(const struct soft *s, const struct soft_uop *u)
{
	return s->icount_end - s->icount - u->n;
}

/* After (n) iterations: s->rip is this instruction, or the next one. */
static void count(struct soft *s, const struct soft_uop *u, uint64_t n)
{
	s->gpr[X86_RCX] -= n;
	s->icount += u->n + n;
	s->rip = soft_trace_of(u)->rip + u->off + (s->gpr[X86_RCX] ? 0 : u->len);
	if (s->gpr[X86_RCX])
		s->rep_mark = s->icount + 1;
}

/* One element after another: what is read may be what was just written. */
static void copy_up(uint8_t *to, const uint8_t *from, uint64_t len, unsigned size)
{
	uint64_t gap = (uint64_t)((uintptr_t)to - (uintptr_t)from);

	if (gap >= len && -gap >= len) {
		memcpy(to, from, len);
		return;
	}
	for (uint64_t k = 0; k < len; k += size)
		memmove(to + k, from + k, size);
}

static void fill_up(uint8_t *to, uint64_t val, uint64_t n, unsigned size)
{
	if (size == 1) {
		memset(to, (int)(val & 0xff), n);
		return;
	}
	for (uint64_t k = 0; k < n; k++)
		host_put(to + k * size, size, val);
}

HANDLER(rep_movs)
{
	unsigned size = u->scale;
	uint64_t from = s->gpr[X86_RSI], to = s->gpr[X86_RDI], len, n;

	n = least(least(s->gpr[X86_RCX], in_budget(s, u)),
		  least(in_page(from, size), in_page(to, size)));
	/* Two pages in one place of the TLB would push each other out for ever. */
	if (!n || (s->rflags & X86_FLAG_DF) || (TLB_AT(from) == TLB_AT(to) && (from ^ to) >> 12))
		TAIL(soft_slow(s, u));
	len = n * size;
	MEM_READ(p, from, len);
	MEM_WRITE(q, to, len);
	copy_up(q, p, len, size);
	s->gpr[X86_RSI] += len;
	s->gpr[X86_RDI] += len;
	count(s, u, n);
	TAIL(soft_indirect(s, u));
}

HANDLER(rep_stos)
{
	unsigned size = u->scale;
	uint64_t to = s->gpr[X86_RDI], len, n;

	n = least(least(s->gpr[X86_RCX], in_budget(s, u)), in_page(to, size));
	if (!n || (s->rflags & X86_FLAG_DF))
		TAIL(soft_slow(s, u));
	len = n * size;
	MEM_WRITE(q, to, len);
	fill_up(q, s->gpr[X86_RAX], n, size);
	s->gpr[X86_RDI] += len;
	count(s, u, n);
	TAIL(soft_indirect(s, u));
}

bool soft_pick_string(struct soft_pick *p)
{
	const struct insn *i = p->i;

	p->opaque = true;
	if (p->bits != 64 || i->addrsize != 8 || !(i->flags & (INSN_F_REP | INSN_F_REPNE)) ||
	    i->map || i->seg >= X86_FS)
		return false;
	switch (i->op) {
	case INSN_MOVSB:
	case INSN_MOVSW:
	case INSN_MOVSD:
	case INSN_MOVSQ:
		p->u->h = rep_movs;
		break;
	case INSN_STOSB:
	case INSN_STOSW:
	case INSN_STOSD:
	case INSN_STOSQ:
		p->u->h = rep_stos;
		break;
	default:
		return false;
	}
	p->u->scale = i->opsize;
	p->ends = true;
	return true;
}
