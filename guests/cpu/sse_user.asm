; SPDX-License-Identifier: MIT
;@ summary: SSE2 arithmetic at CPL 3
%include "test.inc"
	user_run .user
	assert_eq qword [exc_rip], .end
	assert_eq r12, 42
	pass
.user:	mov	eax, 40
	movd	xmm0, eax
	mov	eax, 2
	movd	xmm1, eax
	paddd	xmm0, xmm1
	movq	r12, xmm0
.end:	hlt
