; SPDX-License-Identifier: MIT
;@ summary: with IF clear nothing is delivered; after STI one more instruction runs first
;@ needs: kvm-window-exact
%include "test.inc"
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + TD_IRQ, .handler
	pic_init 1 << TD_IRQ
	td_irq	CTRL_IRQ
	nop
	assert_eq qword [hits], 0
	xor	r12d, r12d
	sti
	inc	r12			; in STI's shadow
	inc	r12
	cli
	assert_eq qword [hits], 1
	assert_eq r13, 1
	pass
.handler:
	inc	qword [hits]
	mov	r13, r12
	td_irq	0
	pic_eoi	TD_IRQ
	ret
