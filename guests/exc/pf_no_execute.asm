; SPDX-License-Identifier: MIT
;@ summary: a fetch from a no-execute page is #PF(P, I)
%include "test.inc"
TABLE	equ SCRATCH + 0x10000
VA	equ 0x600000
	split2m	VA, TABLE
	map4k	VA, TABLE, 1 << 63 | VA | PTE_P | PTE_W
	mov	byte [VA], 0xc3
	catch	.caught
	mov	eax, VA
	jmp	rax
.caught:
	assert_eq byte [exc_vector], PF
	assert_eq qword [exc_error], PF_P | PF_I
	assert_eq qword [exc_rip], VA
	pass
