; SPDX-License-Identifier: MIT
;@ summary: real mode at entry: CS 0, PE off, 16-bit addresses wrap by segment
;@ mode: real
%include "test.inc"
	smsw	ax
	assert_clear ax, 1
	mov	ax, cs
	assert_eq ax, 0
	mov	ax, 0x100
	mov	es, ax
	mov	byte [es:0x20], 0x77	; 0x1000 + 0x20
	assert_eq byte [0x1020], 0x77
	pass
