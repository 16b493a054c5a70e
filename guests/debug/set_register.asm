; SPDX-License-Identifier: MIT
;@ summary: registers that the host sets at an exit are the guest's afterwards, the others stay
%include "test.inc"
	mov	rbx, 0x1111
	mov	rcx, 0x2222
	mov	r15, 0x3333
	hostop	OP_SET_REG, 3, 0x123456789	; RBX
	assert_eq64 rbx, 0x123456789
	assert_eq rcx, 0x2222
	assert_eq r15, 0x3333
	hostop	OP_GET_REG, 1
	assert_eq rax, 0x2222
	hostop	OP_SET_REG, 15, -1
	assert_eq r15, -1
	pass
