; SPDX-License-Identifier: MIT
;@ summary: a 16-byte MOVDQU is two accesses of 8, the low address first
%include "test.inc"
section .data
align 16
pattern: dq 0x1122334455667788, 0x99aabbccddeeff00
section .text
	mov	ebx, TD
	movdqu	xmm0, [pattern]
	movdqu	[rbx], xmm0
	movdqu	xmm1, [rbx]
	movdqu	[SCRATCH], xmm1
	assert_mem SCRATCH, pattern, 16
	assert_log_count 4
	assert_log 0, LOG(0, 8) | LOG_WRITE | LOG_MMIO
	assert_log 1, LOG(8, 8) | LOG_WRITE | LOG_MMIO
	assert_log 2, LOG(0, 8) | LOG_MMIO
	assert_log 3, LOG(8, 8) | LOG_MMIO
	pass
