; SPDX-License-Identifier: MIT
;@ summary: a line that falls before it is acknowledged gives the spurious vector 7 and sets no ISR bit
%include "test.inc"
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + COM1_IRQ, .wrong
	pic_init 1 << COM1_IRQ
	mov	al, 0x0b
	out	PIC1_CMD, al
	in	al, PIC1_CMD
	assert_eq al, 0
	mov	al, 0x0c		; OCW3: poll, with nothing pending
	out	PIC1_CMD, al
	in	al, PIC1_CMD
	assert_clear al, 0x80
	outb	COM1 + 1, 2
	mov	al, 0x0c
	out	PIC1_CMD, al
	in	al, PIC1_CMD
	assert_eq al, 0x80 | COM1_IRQ	; the poll takes it as an acknowledge does
	mov	al, 0x0b
	out	PIC1_CMD, al
	in	al, PIC1_CMD
	assert_eq al, 1 << COM1_IRQ
	pic_eoi	COM1_IRQ
	pass
.wrong:	inc	qword [hits]
	ret
