/* SPDX-License-Identifier: MIT */
/* soft: the stack pointer by the stack's width (SDM 3A 6.2.3 and 1, 6.2.3), and pushes and pops. */
#include "soft_priv.h"

uint64_t soft_sp(const struct soft *s)
{
	if (s->stack64)
		return s->gpr[X86_RSP];
	return s->gpr[X86_RSP] & (s->stack32 ? UINT32_MAX : UINT16_MAX);
}

void soft_set_sp(struct soft *s, uint64_t val)
{
	if (s->stack64)
		s->gpr[X86_RSP] = val;
	else if (s->stack32)
		s->gpr[X86_RSP] = (uint32_t)val;
	else
		s->gpr[X86_RSP] = (s->gpr[X86_RSP] & ~0xffffull) | (val & 0xffff);
}

/* (val) cut to the stack's width. */
static uint64_t wrap(const struct soft *s, uint64_t val)
{
	if (s->stack64)
		return val;
	return val & (s->stack32 ? UINT32_MAX : UINT16_MAX);
}

void soft_push(struct soft *s, uint64_t val, unsigned size)
{
	uint64_t sp = wrap(s, soft_sp(s) - size);

	soft_write(s, X86_SS, sp, size, val);
	soft_set_sp(s, sp);
}

uint64_t soft_pop(struct soft *s, unsigned size)
{
	uint64_t sp = soft_sp(s), val = soft_read(s, X86_SS, sp, size);

	soft_set_sp(s, sp + size);
	return val;
}
