; SPDX-License-Identifier: MIT
;@ summary: code that was written just now runs as written
%include "test.inc"
	mov	ecx, 3
.again:	mov	byte [.imm + 1], cl
	jmp	.imm
.imm:	mov	al, 0
	assert_eq al, cl
	loop	.again
	; another page, written byte by byte: mov eax, 0x1234567; ret
	mov	dword [SCRATCH], 0x345678b8
	mov	word [SCRATCH + 4], 0xc312
	mov	ebx, SCRATCH
	call	rbx
	assert_eq eax, 0x12345678 & 0xffffff | 0x12000000
	pass
