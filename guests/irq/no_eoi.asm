; SPDX-License-Identifier: MIT
;@ summary: without EOI a second interrupt of the same line is held back
;@ needs.kvm: kvm-shadow
%include "test.inc"
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + TD_IRQ, .handler
	pic_init 1 << TD_IRQ
	td_irq	CTRL_IRQ
	sti
	hlt
	td_irq	0
	td_irq	CTRL_IRQ
	mov	ecx, 5000
.spin:	loop	.spin
	assert_eq qword [hits], 1
	mov	al, 0x0b		; OCW3: read ISR
	out	PIC2_CMD, al
	in	al, PIC2_CMD
	assert_eq al, 1 << (TD_IRQ - 8)
	cli
	pic_eoi	TD_IRQ
	sti
	hlt
	cli
	assert_eq qword [hits], 2
	pass
.handler:
	inc	qword [hits]
	ret
