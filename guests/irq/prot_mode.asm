; SPDX-License-Identifier: MIT
;@ summary: an interrupt in protected mode goes through a gate, and IRETD returns
;@ mode: prot
;@ needs.kvm: kvm-shadow
%include "test.inc"
section .data
hits:	dd 0
section .text
	on_vector IRQ_BASE + TD_IRQ, .handler
	pic_init 1 << TD_IRQ
	td_irq	CTRL_IRQ
	sti
	hlt
	cli
	assert_eq dword [hits], 1
	pass
.handler:
	inc	dword [hits]
	td_irq	0
	pic_eoi	TD_IRQ
	ret
