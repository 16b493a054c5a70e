; SPDX-License-Identifier: MIT
;@ summary: division by zero is #DE, at the instruction, without an error code
%include "test.inc"
	xor	ecx, ecx
	mov	eax, 7
	xor	edx, edx
	expect_fault DE, none, div ecx
	mov	eax, 0x80000000
	cdq
	mov	ecx, -1
	expect_fault DE, none, idiv ecx
	assert_eq eax, 0x80000000	; nothing was changed
	pass
