; SPDX-License-Identifier: MIT
;@ summary: a port that nothing decodes reads as all ones and swallows writes
%include "test.inc"
	outb	NO_PORT, 0x12
	inb	NO_PORT
	assert_eq al, 0xff
	outw	NO_PORT, 0x1234
	inw	NO_PORT
	assert_eq ax, 0xffff
	outl	NO_PORT, 0x12345678
	inl	NO_PORT
	assert_eq eax, 0xffffffff
	pass
