; SPDX-License-Identifier: MIT
;@ summary: the last port of all works as any other, and a word there does not reach port 0
%include "test.inc"
	inb	0xffff
	assert_eq al, 0xff
	outb	0xffff, 0
	inw	0xffff
	assert_eq al, 0xff
	pass
