; SPDX-License-Identifier: MIT
;@ summary: OUT at CPL 3 works when IOPL is 3
;@ needs: kvm-iopl
%include "test.inc"
	catch	.back
	push	qword SEL_USER_DATA
	push	qword STACK_USER
	push	qword 0x3002		; IOPL 3
	push	qword SEL_USER64
	push	qword .user
	iretq
.back:	assert_eq byte [exc_vector], GP
	assert_eq qword [exc_rip], .end
	inb	TD_SCRATCH1
	assert_eq al, 0x5a
	pass
.user:	mov	dx, TD_SCRATCH1
	mov	al, 0x5a
	out	dx, al
.end:	hlt
