; SPDX-License-Identifier: MIT
;@ summary: the host's execution breakpoint stops at its address, before the instruction, DR6.B0 set
;@ needs: kvm-hw-break
%include "test.inc"
LOG_AT	equ SCRATCH + 0x1000
	mov	r14d, LOG_AT
	mov	r15d, .here
	hostop	OP_BREAK, r15, r14, 1
	nop
.here:	nop
	nop
	mov	ebx, LOG_AT
	assert_eq64 r15, [rbx]
	mov	rax, [rbx + 8]
	assert_set eax, 1
	pass
