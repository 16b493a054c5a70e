; SPDX-License-Identifier: MIT
;@ summary: a jump to a page that is not there goes there as soon as the handler has mapped it, each time
%include "test.inc"
TARGET	equ 0x300000
PAGE	equ 0x201000		; which is where it leads
table	equ 0x180000
	split2m	TARGET, table
	mov	qword [table + (TARGET >> 12 & 511) * 8], 0
	; behind the jump: back here
	mov	byte [PAGE], 0xe9
	mov	eax, back
	sub	eax, TARGET + 5
	mov	[PAGE + 1], eax
	mov	eax, TARGET
	sub	eax, back
	mov	[again + 1], eax
	on_vector 14, absent
	xor	ebx, ebx
	xor	r12d, r12d
	mov	ecx, 50
again:	db	0xe9			; jmp TARGET
	dd	0
back:	inc	ebx
	cmp	ecx, 25			; the jump has been there: now the page goes away
	jne	next
	mov	qword [table + (TARGET >> 12 & 511) * 8], 0
	invlpg	[TARGET]
next:	dec	ecx
	jnz	again
	assert_eq rbx, 50
	assert_eq r12, 2
	pass

; Called with the error code in rdx; registers that it changes are saved.
absent:	mov	rax, cr2
	assert_eq rax, TARGET
	mov	qword [table + (TARGET >> 12 & 511) * 8], PAGE + 3
	invlpg	[TARGET]
	inc	r12
	ret
