; SPDX-License-Identifier: MIT
;@ summary: 16 bytes fit the receive FIFO in loopback, the 17th is an overrun; FCR clears it
%include "test.inc"
	outb	COM1 + 3, 0x03
	outb	COM1 + 4, 0x10
	outb	COM1 + 2, 0x07		; enable, clear both
	inb	COM1 + 2
	and	al, 0xc0
	assert_eq al, 0xc0		; FIFOs are on
	mov	bl, 16
	mov	al, 1
	mov	dx, COM1
.fill:	out	dx, al
	inc	al
	dec	bl
	jnz	.fill
	inb	COM1 + 5
	assert_clear al, 2
	outb	COM1, 99
	inb	COM1 + 5
	assert_set al, 2		; overrun, cleared by this read
	inb	COM1 + 5
	assert_clear al, 2
	inb	COM1
	assert_eq al, 1
	outb	COM1 + 2, 0x03		; clear the receiver
	inb	COM1 + 5
	assert_clear al, 1
	pass
