; SPDX-License-Identifier: MIT
;@ summary: with RFLAGS.TF set the next instruction ends in #DB with DR6.BS
%include "test.inc"
	xor	eax, eax
	mov	dr6, rax
	catch	.caught
	push	qword FLAG_TF | 2
	popf
	nop				; this one is stepped
.next:	unreachable
.caught:
	assert_eq byte [exc_vector], DB_
	assert_eq qword [exc_rip], .next
	mov	rax, dr6
	assert_set rax, 1 << 14
	pass
