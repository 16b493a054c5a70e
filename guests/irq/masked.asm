; SPDX-License-Identifier: MIT
;@ summary: a masked line stays pending in IRR and is delivered when it is unmasked
;@ needs.kvm: kvm-shadow
%include "test.inc"
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + TD_IRQ, .handler
	pic_init 0
	sti
	td_irq	CTRL_IRQ
	nop
	nop
	assert_eq qword [hits], 0
	mov	al, 0x0a		; OCW3: read IRR
	out	PIC2_CMD, al
	in	al, PIC2_CMD
	assert_eq al, 1 << (TD_IRQ - 8)
	cli
	mov	al, ~4 & 0xff
	out	PIC1_DATA, al
	mov	al, ~(1 << (TD_IRQ - 8)) & 0xff
	out	PIC2_DATA, al
	sti
	hlt
	assert_eq qword [hits], 1
	pass
.handler:
	inc	qword [hits]
	td_irq	0
	pic_eoi	TD_IRQ
	ret
