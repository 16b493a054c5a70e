; SPDX-License-Identifier: MIT
;@ summary: what comes from outside is in the receiver, LSR.DR tells, in order
;@ input: abc
%include "test.inc"
section .data
want:	db "abc"
section .text
	mov	r12d, want
	mov	r13d, 3
.next:	inb	COM1 + 5
	assert_set al, 1
	inb	COM1
	assert_eq al, [r12]
	inc	r12
	dec	r13d
	jnz	.next
	inb	COM1 + 5
	assert_clear al, 1
	pass
