; SPDX-License-Identifier: MIT
;@ summary: IN writes AL, AX or EAX: the rest of the register stays, but a 32-bit IN clears the high half
%include "test.inc"
	outl	TD_SCRATCH8, 0x99887766
	mov	rcx, 0x1122334455667788
	mov	rax, rcx
	mov	dx, TD_SCRATCH8
	in	al, dx
	assert_eq64 rax, 0x1122334455667766
	mov	rax, rcx
	in	ax, dx
	assert_eq64 rax, 0x1122334455667766 & ~0xffff | 0x7766
	mov	rax, rcx
	in	eax, dx
	assert_eq64 rax, 0x99887766
	pass
