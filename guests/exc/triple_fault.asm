; SPDX-License-Identifier: MIT
;@ summary: a fault with no usable IDT is a triple fault, and the machine can start anew from it
%include "test.inc"
section .data
none:	dw 0
	dq 0
section .text
	hostop	OP_ON_SHUTDOWN, .again, 2
	assert_eq rax, 0
	lidt	[none]
	ud2
	unreachable
.again:	pass
