; SPDX-License-Identifier: MIT
;@ summary: with LCR.DLAB the first two registers are the divisor, and not otherwise
%include "test.inc"
	outb	COM1 + 3, 0x83
	outb	COM1, 0x0c
	outb	COM1 + 1, 0x34
	outb	COM1 + 3, 0x03
	inb	COM1 + 1		; IER
	assert_eq al, 0
	outb	COM1 + 3, 0x83
	inb	COM1
	assert_eq al, 0x0c
	inb	COM1 + 1
	assert_eq al, 0x34
	inb	COM1 + 3
	assert_eq al, 0x83
	pass
