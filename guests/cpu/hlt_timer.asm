; SPDX-License-Identifier: MIT
;@ summary: HLT waits for the timer's interrupt, and virtual time jumps to it
;@ compare: no it reads the time
%include "test.inc"
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + TD_IRQ, .handler
	pic_init 1 << TD_IRQ
	mov	ebx, TD + TDO_TIME
	mov	r12, [rbx]
	td_timer 5000000		; 5 ms
	sti
	hlt
	cli
	assert_eq qword [hits], 1
	mov	ebx, TD + TDO_TIME
	mov	r13, [rbx]
	sub	r13, r12
	assert_above r13, 4999999
	assert_below r13, 6000000
	pass
.handler:
	inc	qword [hits]
	mov	ebx, TD + TDO_TIMER_STATUS
	mov	dword [rbx], 1
	pic_eoi	TD_IRQ
	ret
