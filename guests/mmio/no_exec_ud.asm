; SPDX-License-Identifier: MIT
;@ summary: code in a device reads as ones, which is no instruction
%include "test.inc"
	catch	.caught
	mov	eax, NO_RAM
	jmp	rax
.caught:
	assert_eq byte [exc_vector], UD
	assert_eq qword [exc_rip], rax
	pass
