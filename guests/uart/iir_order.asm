; SPDX-License-Identifier: MIT
;@ summary: IIR names the most urgent cause: received data before transmitter empty
%include "test.inc"
	outb	COM1 + 3, 0x03
	outb	COM1 + 4, 0x10
	inb	COM1 + 2
	and	al, 0x0f
	assert_eq al, 1			; nothing
	outb	COM1 + 1, 0x03
	inb	COM1 + 2
	and	al, 0x0f
	assert_eq al, 2			; transmitter empty; reading clears it
	inb	COM1 + 2
	and	al, 0x0f
	assert_eq al, 1
	outb	COM1, 'q'		; in loopback it is received at once
	inb	COM1 + 2
	and	al, 0x0f
	assert_eq al, 4
	inb	COM1
	inb	COM1 + 2
	and	al, 0x0f
	assert_eq al, 2
	pass
