; SPDX-License-Identifier: MIT
;@ summary: the transmitter's interrupt comes when it is enabled, and goes when IIR is read
;@ serial: ok
;@ needs.kvm: kvm-shadow
%include "test.inc"
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + COM1_IRQ, .handler
	pic_init 1 << COM1_IRQ
	outb	COM1 + 1, 2
	sti
	hlt
	cli
	outb	COM1, 'o'		; empty again at once: the next one
	sti
	hlt
	cli
	assert_eq qword [hits], 2
	outb	COM1 + 1, 0
	outb	COM1, 'k'
	pass
.handler:
	inc	qword [hits]
	inb	COM1 + 2
	and	al, 0x0f
	assert_eq al, 2
	pic_eoi	COM1_IRQ
	ret
