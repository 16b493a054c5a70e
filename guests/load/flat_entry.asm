; SPDX-License-Identifier: MIT
;@ summary: a flat image is entered in real mode at 0000:8000 with interrupts off
;@ mode: real
%define OWN_ENTRY
%include "test.inc"
section .entry progbits alloc exec nowrite align=16
bits 16
global _start
_start:
	mov	[SCRATCH], ax
	mov	ax, cs
	mov	[SCRATCH + 2], ax
	mov	[SCRATCH + 4], sp
	pushf
	pop	word [SCRATCH + 6]
	mov	ax, ds
	mov	[SCRATCH + 8], ax
	jmp	rt_main
section .text
rt_main:
	assert_eq word [SCRATCH + 2], 0
	assert_eq word [SCRATCH + 8], 0
	assert_ne word [SCRATCH + 4], 0
	assert_below word [SCRATCH + 4], 0x8001
	assert_clear word [SCRATCH + 6], FLAG_IF
	smsw	ax
	assert_clear ax, 1
	pass
