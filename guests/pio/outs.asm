; SPDX-License-Identifier: MIT
;@ summary: REP OUTSB, OUTSW and OUTSD send each element in order and leave RCX and RSI at the end
%include "test.inc"
section .data
bytes:	db 1, 2, 3, 4, 5
words:	dw 0x1111, 0x2222, 0x3333
longs:	dd 0xaaaaaaaa, 0xbbbbbbbb
section .text
	mov	esi, bytes
	mov	ecx, 5
	mov	dx, TD_SCRATCH1
	rep	outsb
	assert_eq rcx, 0
	assert_eq64 rsi, bytes + 5
	inb	TD_SCRATCH1
	assert_eq al, 5
	mov	esi, words
	mov	ecx, 3
	mov	dx, TD_SCRATCH2
	rep	outsw
	assert_eq rcx, 0
	assert_eq64 rsi, words + 6
	inw	TD_SCRATCH2
	assert_eq ax, 0x3333
	mov	esi, longs
	mov	ecx, 2
	mov	dx, TD_SCRATCH4
	rep	outsd
	assert_eq64 rsi, longs + 8
	inl	TD_SCRATCH4
	assert_eq eax, 0xbbbbbbbb
	assert_log_count 13
	assert_log 4, LOG(14, 1) | LOG_WRITE
	assert_log 8, LOG(12, 2) | LOG_WRITE
	assert_log 11, LOG(8, 4) | LOG_WRITE
	pass
