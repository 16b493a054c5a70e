; SPDX-License-Identifier: MIT
;@ summary: an interrupt in real mode goes through the vector table, and IRET returns
;@ mode: real
;@ needs.kvm: kvm-shadow
%include "test.inc"
section .data
hits:	dw 0
section .text
	on_vector IRQ_BASE + TD_IRQ, .handler
	pic_init 1 << TD_IRQ
	td_irq	CTRL_IRQ
	sti
	hlt
	cli
	assert_eq word [hits], 1
	pass
.handler:
	inc	word [hits]
	td_irq	0
	pic_eoi	TD_IRQ
	ret
