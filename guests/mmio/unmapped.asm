; SPDX-License-Identifier: MIT
;@ summary: memory that nothing decodes reads as all ones in every width and swallows writes
%include "test.inc"
	mov	ebx, NO_RAM
	mov	rax, [rbx]
	assert_eq64 rax, -1
	mov	ecx, [rbx + 4]
	assert_eq ecx, 0xffffffff
	mov	dx, [rbx + 2]
	assert_eq dx, 0xffff
	mov	sil, [rbx + 1]
	assert_eq sil, 0xff
	mov	qword [rbx], 0
	mov	rax, [rbx]
	assert_eq64 rax, -1
	pass
