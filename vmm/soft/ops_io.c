/* SPDX-License-Identifier: MIT */
/* soft: IN and OUT, and who may use which port. SDM 1, 19.5. */
#include "ops.h"

#define IOPL(s)	       ((unsigned)((s)->rflags >> 12) & 3)
#define TSS_IO_MAP     102u /* offset of the I/O map's base in a 32- or 64-bit TSS */
#define TSS_TYPE_AVAIL 9u
#define TSS_TYPE_BUSY  11u

void soft_check_port(struct soft *s, uint16_t port, unsigned size)
{
	const struct x86_seg *tr = &s->seg[X86_TR];
	unsigned type = tr->attr & 15, mask = ((1u << size) - 1) << (port & 7);
	uint32_t base, at;

	if (!soft_prot(s) || (!soft_v86(s) && s->cpl <= IOPL(s)))
		return;
	if (tr->unusable || (type != TSS_TYPE_AVAIL && type != TSS_TYPE_BUSY) ||
	    tr->limit < TSS_IO_MAP + 1)
		soft_gp0(s);
	base = (uint32_t)soft_lin_read(s, tr->base + TSS_IO_MAP, 2, 0);
	at = base + port / 8;
	/* Two bytes are read, always, and must lie within the TSS. */
	if (at + 1 > tr->limit || (soft_lin_read(s, tr->base + at, 2, 0) & mask))
		soft_gp0(s);
}

static uint16_t port_of(struct soft *s, const struct insn *i, unsigned n)
{
	const struct insn_operand *o = &i->o[n];

	return o->kind == INSN_IMM ? (uint8_t)o->disp : (uint16_t)s->gpr[X86_RDX];
}

void soft_op_in(struct soft *s, const struct insn *i)
{
	uint16_t port = port_of(s, i, 1);

	soft_check_port(s, port, i->o[0].size);
	soft_put_operand(s, i, 0, soft_exit_in(s, port, i->o[0].size));
}

void soft_op_out(struct soft *s, const struct insn *i)
{
	uint16_t port = port_of(s, i, 0);

	soft_check_port(s, port, i->o[1].size);
	soft_exit_out(s, port, i->o[1].size, (uint32_t)soft_get_operand(s, i, 1));
}
