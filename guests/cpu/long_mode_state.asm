; SPDX-License-Identifier: MIT
;@ summary: the runtime's long mode: paging on, CS with L, interrupts off
%include "test.inc"
	mov	rax, cr0
	assert_set eax, 1 << 31
	assert_set rax, 1
	mov	rax, cr4
	assert_set rax, 1 << 5
	mov	ax, cs
	assert_eq ax, SEL_CODE64
	pushf
	pop	rax
	assert_clear rax, FLAG_IF
	mov	rax, 0x123456789abcdef0
	shr	rax, 32
	assert_eq rax, 0x12345678
	pass
