; SPDX-License-Identifier: MIT
;@ summary: REP MOVS from RAM to a device, from a device to RAM and within a device
%include "test.inc"
section .data
text:	db "0123456789abcdef"
section .text
	mov	esi, text
	mov	edi, TD
	mov	ecx, 4
	rep	movsd
	assert_eq rcx, 0
	assert_eq64 rdi, TD + 16
	mov	esi, TD
	mov	edi, SCRATCH
	mov	ecx, 16
	rep	movsb
	assert_mem SCRATCH, text, 16
	mov	esi, TD
	mov	edi, TD + 32
	mov	ecx, 2
	rep	movsq
	mov	ebx, TD + 32
	mov	rax, [rbx]
	cmp	rax, [text]
	assert_cc e
	pass
