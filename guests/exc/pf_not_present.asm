; SPDX-License-Identifier: MIT
;@ summary: #PF has the address in CR2, and the error code tells read, write and fetch
%include "test.inc"
	mov	rbx, UNMAPPED_VA + 0x123
	expect_fault PF, 0, mov al, [rbx]
	assert_eq64 rbx, [exc_cr2]
	expect_fault PF, PF_W, mov [rbx + 8], al
	mov	rcx, UNMAPPED_VA + 0x123 + 8
	assert_eq rcx, [exc_cr2]
	catch	.fetched
	jmp	rbx
.fetched:
	assert_eq byte [exc_vector], PF
	assert_eq rbx, [exc_rip]
	assert_eq rbx, [exc_cr2]
	mov	eax, [exc_error]
	and	eax, ~PF_I		; set when NX is on
	assert_eq eax, 0
	pass
