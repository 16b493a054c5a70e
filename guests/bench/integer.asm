; SPDX-License-Identifier: MIT
;@ summary: bench: arithmetic, shifts and a multiplication in one loop; 16 instructions a turn
;@ timeout: 4000000000
; -DROUNDS=N makes it as long as a measurement needs: about 16 * N instructions.
%include "test.inc"
%ifndef ROUNDS
%define ROUNDS 20000
%endif
	mov	rcx, ROUNDS
	xor	edx, edx
	mov	ebx, 0x12345678
	xor	r8d, r8d
turn:	add	rdx, rcx
	xor	rdx, rbx
	lea	rax, [rdx + rcx * 2 + 5]
	shr	rax, 3
	add	rbx, rax
	and	eax, 0xffff
	imul	r9, rax, 77
	sub	rdx, r9
	mov	r10, rdx
	rol	r10, 7
	add	rbx, r10
	cmp	ecx, 12
	je	rare
back:	inc	r8
	dec	rcx
	jnz	turn
	assert_eq r8, ROUNDS
	pass
rare:	inc	r11
	jmp	back
