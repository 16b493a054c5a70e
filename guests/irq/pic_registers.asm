; SPDX-License-Identifier: MIT
;@ summary: the 8259s' mask registers keep what was written; command ports read IRR at first
%include "test.inc"
	pic_init 0
	mov	al, 0xa5
	out	PIC1_DATA, al
	mov	al, 0x5a
	out	PIC2_DATA, al
	in	al, PIC1_DATA
	assert_eq al, 0xa5
	in	al, PIC2_DATA
	assert_eq al, 0x5a
	in	al, PIC1_CMD
	assert_eq al, 0
	pass
