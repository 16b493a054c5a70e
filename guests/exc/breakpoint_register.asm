; SPDX-License-Identifier: MIT
;@ summary: an execution breakpoint in DR0 is #DB before its instruction, with DR6.B0
%include "test.inc"
	xor	eax, eax
	mov	dr6, rax
	mov	rax, .here
	mov	dr0, rax
	mov	eax, 0x402		; G0, execute
	mov	dr7, rax
	catch	.caught
	nop
.here:	nop
	unreachable
.caught:
	assert_eq byte [exc_vector], DB_
	assert_eq qword [exc_rip], .here
	mov	rax, dr6
	mov	ecx, eax
	and	ecx, 15
	assert_eq ecx, 1
	mov	eax, 0x400
	mov	dr7, rax
	pass
