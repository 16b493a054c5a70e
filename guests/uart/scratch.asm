; SPDX-License-Identifier: MIT
;@ summary: the UART's scratch register keeps what was written
;@ exits: pio w 0x3ff 1 0x5a
;@ exits: pio r 0x3ff 1 0x5a
;@ exits: pio w 0xf4 1 0x0
;@ exits: end exit
%include "test.inc"
	mov	dx, COM1 + 7
	mov	al, 0x5a
	out	dx, al
	in	al, dx
	assert_eq al, 0x5a
	pass
