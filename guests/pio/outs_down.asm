; SPDX-License-Identifier: MIT
;@ summary: REP OUTSW with DF = 1 goes downwards
%include "test.inc"
section .data
words:	dw 0x1111, 0x2222, 0x3333
section .text
	std
	mov	esi, words + 4
	mov	ecx, 3
	mov	dx, TD_SCRATCH2
	rep	outsw
	cld
	assert_eq64 rsi, words - 2
	inw	TD_SCRATCH2
	assert_eq ax, 0x1111
	assert_log_count 4
	pass
