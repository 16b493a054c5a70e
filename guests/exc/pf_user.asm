; SPDX-License-Identifier: MIT
;@ summary: CPL 3 on a supervisor page is #PF(P, U), read and write
%include "test.inc"
TABLE	equ SCRATCH + 0x10000
VA	equ 0x600000
	split2m	VA, TABLE
	map4k	VA, TABLE, VA + PTE_P + PTE_W
	cmp	byte [VA + 0x2000], 0	; whether a walk that fails sets A above is up to the CPU
	user_run .read
	assert_eq byte [exc_vector], PF
	assert_eq qword [exc_error], PF_P | PF_U
	assert_eq qword [exc_cr2], VA + 8
	user_run .write
	assert_eq byte [exc_vector], PF
	assert_eq qword [exc_error], PF_P | PF_U | PF_W
	assert_eq qword [exc_cs], SEL_USER64
	pass
.read:	mov	rax, [VA + 8]
	user_done
.write:	mov	[VA + 8], rax
	user_done
