; SPDX-License-Identifier: MIT
;@ summary: MUL, IMUL, DIV and IDIV in 8 to 64 bits
%include "test.inc"
	mov	rax, 0x123456789abcdef1
	mov	rbx, 0xfedcba9876543211
	mul	rbx
	assert_eq64 rax, 0x123456789abcdef1 * 0xfedcba9876543211
	assert_eq64 rdx, 0x121fa00ad77d7423
	div	rbx
	assert_eq64 rax, 0x123456789abcdef1
	assert_eq rdx, 0
	mov	eax, -7
	cdq
	mov	ecx, 2
	idiv	ecx
	assert_eq eax, -3
	assert_eq edx, -1
	mov	al, -5
	mov	bl, 3
	imul	bl
	assert_eq ax, -15
	imul	eax, ecx, -100
	assert_eq eax, -200
	pass
