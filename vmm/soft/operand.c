/* SPDX-License-Identifier: MIT */
/* soft: operands of an instruction as integers: registers, memory, immediates. */
#include <assert.h>

#include "soft_priv.h"

uint64_t soft_ea(struct soft *s, const struct insn *i, const struct insn_operand *o)
{
	uint64_t ea = (uint64_t)o->disp;

	if (o->base == INSN_RIP)
		ea += s->insn_rip + i->len;
	else if (o->base != INSN_NO_REG)
		ea += s->gpr[o->base & 15];
	if (o->index != INSN_NO_REG)
		ea += s->gpr[o->index & 15] * o->scale;
	return ea & size_mask(i->addrsize);
}

uint64_t soft_gpr_read(const struct soft *s, const struct insn_operand *o)
{
	if (o->cls == INSN_GPRH)
		return s->gpr[o->num & 3] >> 8 & 0xff;
	return s->gpr[o->num & 15] & size_mask(o->size);
}

void soft_gpr_write(struct soft *s, const struct insn_operand *o, uint64_t val)
{
	uint64_t *r = &s->gpr[o->num & 15];

	if (o->cls == INSN_GPRH) {
		r = &s->gpr[o->num & 3];
		*r = (*r & ~0xff00ull) | (val & 0xff) << 8;
		return;
	}
	switch (o->size) {
	case 1:
	case 2:
		*r = (*r & ~size_mask(o->size)) | (val & size_mask(o->size));
		break;
	case 4:
		*r = (uint32_t)val;
		break;
	default:
		*r = val;
		break;
	}
}

uint64_t soft_get_operand(struct soft *s, const struct insn *i, unsigned n)
{
	const struct insn_operand *o = &i->o[n];

	switch (o->kind) {
	case INSN_REG:
		assert(o->cls == INSN_GPR || o->cls == INSN_GPRH);
		return soft_gpr_read(s, o);
	case INSN_MEM:
		return soft_read(s, o->seg, soft_ea(s, i, o), o->size);
	default:
		/* SDM 2, 2.1.5 and 2.2.1.5: sign-extended to the operand size. */
		return (uint64_t)o->disp & size_mask(i->opsize);
	}
}

void soft_put_operand(struct soft *s, const struct insn *i, unsigned n, uint64_t val)
{
	const struct insn_operand *o = &i->o[n];

	if (o->kind == INSN_MEM)
		soft_write(s, o->seg, soft_ea(s, i, o), o->size, val);
	else
		soft_gpr_write(s, o, val);
}
