; SPDX-License-Identifier: MIT
;@ summary: an access over a device's last port is cut: the device's byte below, all ones above
%include "test.inc"
	outb	COM1 + 7, 0x5a		; the scratch register, the last of the UART
	inw	COM1 + 7
	assert_eq ax, 0xff5a
	inl	COM1 + 7
	assert_eq eax, 0xffffff5a
	outw	COM1 + 7, 0x77a5	; the high byte goes nowhere
	inb	COM1 + 7
	assert_eq al, 0xa5
	pass
