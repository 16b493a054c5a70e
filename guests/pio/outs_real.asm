; SPDX-License-Identifier: MIT
;@ summary: REP OUTSB in real mode uses SI and CX, and stops at CX = 0
;@ mode: real
%include "test.inc"
section .data
text:	db "abc"
section .text
	mov	esi, 0xffff0000 + text	; the high half of ESI does not count
	mov	ecx, 0xffff0003
	mov	dx, TD_SCRATCH1
	rep	outsb
	assert_eq ecx, 0xffff0000
	assert_eq si, text + 3
	inb	TD_SCRATCH1
	assert_eq al, 'c'
	assert_log_count 4
	rep	outsb			; CX = 0: nothing at all
	assert_log_count 4
	pass
