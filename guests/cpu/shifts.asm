; SPDX-License-Identifier: MIT
;@ summary: shifts and rotates: counts are taken modulo the width, 0 changes no flag
%include "test.inc"
	mov	eax, 1
	mov	cl, 33			; 32-bit: modulo 32
	shl	eax, cl
	assert_eq eax, 2
	mov	rax, 1
	mov	cl, 65
	shl	rax, cl
	assert_eq rax, 2
	stc
	mov	cl, 32
	shl	eax, cl			; count 0: the carry stays
	assert_cc c
	mov	eax, 0x80000001
	rol	eax, 1
	assert_cc c
	assert_eq eax, 3
	clc
	rcr	eax, 1
	assert_cc c
	assert_eq eax, 1
	mov	eax, 0x12345678
	mov	edx, 0x9abcdef0
	shld	eax, edx, 8
	assert_eq eax, 0x3456789a
	mov	eax, 0x80000000
	sar	eax, 31
	assert_eq eax, 0xffffffff
	pass
