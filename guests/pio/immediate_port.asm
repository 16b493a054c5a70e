; SPDX-License-Identifier: MIT
;@ summary: OUT and IN with the port in the instruction; the debug console reads as 0xe9
%include "test.inc"
	in	al, DEBUGCON
	assert_eq al, 0xe9
	mov	al, '!'
	out	DEBUGCON, al
	in	al, 0xf0		; nothing is there
	assert_eq al, 0xff
	pass
