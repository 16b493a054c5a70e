; SPDX-License-Identifier: MIT
;@ summary: mode 0 interrupts once, its count behind the write; after it nothing is left to wake HLT
;@ device: pit
;@ compare: no it reads the time
;@ exit: hlt
%include "test.inc"
PULSES	equ 11932		; 10 ms
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + PIT_IRQ, .handler
	pic_init 1 << PIT_IRQ
	outb	PIT_CTRL, 0x30		; counter 0, two bytes, mode 0
	outb	PIT, PULSES & 0xff
	mov	ebx, TD + TDO_TIME
	mov	r12, [rbx]
	outb	PIT, PULSES >> 8
	sti
	hlt
	cli
	assert_eq qword [hits], 1
	mov	ebx, TD + TDO_TIME
	mov	r13, [rbx]
	sub	r13, r12
	assert_above r13, 9999999
	assert_below r13, 10100000
	sti
	hlt
	unreachable
.handler:
	inc	qword [hits]
	pic_eoi	PIT_IRQ
	ret
