; SPDX-License-Identifier: MIT
;@ summary: REP INSB of 1, 2, 4095, 4096 and 8192 bytes fills exactly so many, over KVM's batches
%include "test.inc"
%macro check 1.nolist
	mov	edi, SCRATCH
	mov	ecx, 8192 + 16
	mov	al, 0x33
	rep	stosb
	mov	edi, SCRATCH
	mov	ecx, %1
	mov	dx, DEBUGCON		; always reads as 0xe9
	rep	insb
	assert_eq rcx, 0
	assert_eq rdi, SCRATCH + %1
	mov	edi, SCRATCH
	mov	ecx, %1
	mov	al, 0xe9
	repe	scasb
	assert_cc e
	assert_eq rcx, 0
	mov	edi, SCRATCH + %1
	mov	ecx, 16
	mov	al, 0x33
	repe	scasb
	assert_cc e
%endmacro
	check	1
	check	2
	check	4095
	check	4096
	check	8192
	pass
