; SPDX-License-Identifier: MIT
;@ summary: an interrupt that is up already wakes HLT at once, and the next instruction follows
;@ needs.kvm: kvm-shadow
%include "test.inc"
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + TD_IRQ, .handler
	pic_init 1 << TD_IRQ
	td_irq	CTRL_IRQ
	sti				; HLT is in the shadow: the interrupt comes after it began
	hlt
	assert_eq qword [hits], 1
	pass
.handler:
	inc	qword [hits]
	td_irq	0
	pic_eoi	TD_IRQ
	ret
