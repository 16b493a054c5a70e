; SPDX-License-Identifier: MIT
;@ summary: the host single-steps the guest: program counters in order, DR6.BS each time
;@ needs: kvm-step
%include "test.inc"
LOG_AT	equ SCRATCH + 0x1000
	mov	r14d, LOG_AT
	hostop	OP_STEP, 4, r14
	nop
.one:	nop
.two:	nop
.three:	nop
	mov	ebx, LOG_AT
	mov	rax, [rbx + 8]
	assert_set eax, 1 << 14
	; each entry's pc is behind the one before: four steps in a row
	mov	rax, [rbx]
	assert_ne rax, 0
	mov	rcx, [rbx + 16]
	assert_above rcx, rax
	mov	rdx, [rbx + 32]
	assert_above rdx, rcx
	mov	rsi, [rbx + 48]
	assert_above rsi, rdx
	assert_eq qword [rbx + 64], 0
	pass
