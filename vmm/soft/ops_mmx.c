/* SPDX-License-Identifier: MIT */
/* soft: EMMS. What else MMX has is in ops_simd_*.c and ops_sse_*.c. */
#include "simd.h"
#include "x87.h"

void soft_op_emms(struct soft *s, const struct insn *i)
{
	(void)i;
	if (s->cr0 & CR0_EM)
		soft_ud(s);
	if (s->cr0 & CR0_TS)
		soft_fault(s, X86_NM);
	soft_x87_check_pending(s);
	soft_mmx_used(s);
	s->x87.tag = 0;
}
