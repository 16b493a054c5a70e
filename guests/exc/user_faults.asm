; SPDX-License-Identifier: MIT
;@ summary: #DE, #UD and #GP at CPL 3 reach CPL 0 with the user's CS, RSP and RIP
%include "test.inc"
	user_run .de
	assert_eq byte [exc_vector], DE
	assert_eq qword [exc_cs], SEL_USER64
	assert_eq qword [exc_rip], .div
	user_run .ud
	assert_eq byte [exc_vector], UD
	assert_eq qword [exc_rip], .ud
	user_run .gp
	assert_eq byte [exc_vector], GP
	pass
.de:	xor	ecx, ecx
	xor	edx, edx
.div:	div	ecx
.ud:	ud2
.gp:	mov	rbx, 0x8000000000000000
	mov	al, [rbx]
	user_done
