; SPDX-License-Identifier: MIT
;@ summary: modes 2 and 3 interrupt once a period, and a hundred periods take their time and no more
;@ device: pit
;@ compare: no it reads the time
%include "test.inc"
PULSES	equ 1193		; 0.99984 ms
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + PIT_IRQ, .handler
	pic_init 1 << PIT_IRQ
	mov	r14, 0x34		; counter 0, two bytes, mode 2
.mode:	mov	eax, r14d
	out	PIT_CTRL, al
	outb	PIT, PULSES & 0xff
	outb	PIT, PULSES >> 8
	sti
.first:	hlt				; the mode alone raised OUT: from a real edge on
	cmp	qword [hits], 2
	jb	.first
	mov	ebx, TD + TDO_TIME
	mov	r12, [rbx]
	mov	qword [hits], 0
.wait:	hlt
	cmp	qword [hits], 100
	jb	.wait
	cli
	mov	r13, [rbx]
	sub	r13, r12
	assert_above r13, 99970000
	assert_below r13, 100010000
	mov	qword [hits], 0
	add	r14, 2
	cmp	r14, 0x36		; mode 3
	je	.mode
	pass
.handler:
	inc	qword [hits]
	pic_eoi	PIT_IRQ
	ret
