; SPDX-License-Identifier: MIT
;@ summary: received data raises line 4 when IER allows it
;@ input: z
;@ needs.kvm: kvm-shadow
%include "test.inc"
section .data
got:	db 0
section .text
	on_vector IRQ_BASE + COM1_IRQ, .handler
	pic_init 1 << COM1_IRQ
	outb	COM1 + 4, 0x0b		; DTR, RTS, OUT2
	outb	COM1 + 1, 1
	sti
	hlt
	cli
	assert_eq byte [got], 'z'
	pass
.handler:
	inb	COM1 + 2
	and	al, 0x0f
	assert_eq al, 4
	inb	COM1
	mov	[got], al
	pic_eoi	COM1_IRQ
	ret
