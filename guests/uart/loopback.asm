; SPDX-License-Identifier: MIT
;@ summary: in loopback what is sent is received, and nothing goes out; MCR shows in MSR
;@ serial:
%include "test.inc"
	outb	COM1 + 3, 0x03
	outb	COM1 + 4, 0x10
	outb	COM1, 'x'
	inb	COM1 + 5
	assert_set al, 1
	inb	COM1
	assert_eq al, 'x'
	outb	COM1 + 4, 0x1a		; loop, RTS, OUT2: CTS and DCD
	inb	COM1 + 6
	and	al, 0xf0
	assert_eq al, 0x90
	outb	COM1 + 4, 0x15		; loop, DTR, OUT1: DSR and RI
	inb	COM1 + 6
	and	al, 0xf0
	assert_eq al, 0x60
	pass
