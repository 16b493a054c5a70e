; SPDX-License-Identifier: MIT
;@ summary: STOS, LODS, SCAS and CMPS on a device
%include "test.inc"
	mov	edi, TD
	mov	ecx, 4
	mov	eax, 0x11223344
	rep	stosd
	mov	esi, TD + 4
	lodsd
	assert_eq eax, 0x11223344
	mov	edi, TD
	mov	ecx, 16
	mov	al, 0x33
	repne	scasb
	assert_cc e
	assert_eq rcx, 14
	mov	esi, TD
	mov	edi, TD + 8
	mov	ecx, 2
	repe	cmpsd
	assert_cc e
	assert_eq rcx, 0
	pass
