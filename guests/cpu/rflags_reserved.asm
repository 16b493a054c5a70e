; SPDX-License-Identifier: MIT
;@ summary: POPF cannot change the reserved flags: bit 1 stays 1, bits 3, 5 and 15 stay 0
%include "test.inc"
	push	qword 0x802a
	popf
	pushf
	pop	rax
	and	eax, 0x802a
	assert_eq eax, 2
	pass
