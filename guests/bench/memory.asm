; SPDX-License-Identifier: MIT
;@ summary: bench: fill, copy and sort 4 KiB; about 150,000 instructions a turn
;@ timeout: 4000000000
; -DROUNDS=N makes it as long as a measurement needs.
%include "test.inc"
%ifndef ROUNDS
%define ROUNDS 3
%endif
%define COUNT 1024			; dwords
	mov	ebp, ROUNDS
turn:	mov	rdi, SCRATCH
	mov	ecx, COUNT
	mov	eax, 77
fill:	imul	eax, eax, 1664525
	add	eax, 1013904223
	mov	[rdi], eax
	add	rdi, 4
	dec	ecx
	jnz	fill
	; ten copies by quadwords, the last one is sorted
	mov	ebx, 10
copies:	mov	rsi, SCRATCH
	mov	rdi, SCRATCH + 0x10000
	xor	ecx, ecx
copy:	mov	rax, [rsi + rcx * 8]
	mov	[rdi + rcx * 8], rax
	inc	rcx
	cmp	rcx, COUNT / 2
	jne	copy
	dec	ebx
	jnz	copies
	; Shell's sort
	mov	r8d, COUNT / 2
gap:	mov	r9d, r8d
insert:	mov	eax, [rdi + r9 * 4]
	mov	r10, r9
shift:	mov	r11, r10
	sub	r11, r8
	js	place
	mov	edx, [rdi + r11 * 4]
	cmp	edx, eax
	jbe	place
	mov	[rdi + r10 * 4], edx
	mov	r10, r11
	jmp	shift
place:	mov	[rdi + r10 * 4], eax
	inc	r9
	cmp	r9, COUNT
	jb	insert
	shr	r8d, 1
	jnz	gap
	dec	ebp
	jnz	turn
	; in order?
	mov	ecx, 1
check:	mov	eax, [rdi + rcx * 4 - 4]
	cmp	eax, [rdi + rcx * 4]
	ja	wrong
	inc	ecx
	cmp	ecx, COUNT
	jb	check
	pass
wrong:	fail 2
