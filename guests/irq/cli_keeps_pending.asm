; SPDX-License-Identifier: MIT
;@ summary: an interrupt raised with IF clear waits, and comes at the HLT behind STI
;@ needs.kvm: kvm-shadow
%include "test.inc"
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + TD_IRQ, .handler
	pic_init 1 << TD_IRQ
	td_irq	CTRL_IRQ
	mov	ecx, 5000		; over KVM's batches
.spin:	loop	.spin
	assert_eq qword [hits], 0
	sti
	hlt
	cli
	assert_eq qword [hits], 1
	pass
.handler:
	inc	qword [hits]
	td_irq	0
	pic_eoi	TD_IRQ
	ret
