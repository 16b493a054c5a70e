; SPDX-License-Identifier: MIT
;@ summary: bench: Fibonacci numbers by recursion
;@ timeout: 4000000000
; -DROUNDS=N: fib(N). 20 takes about 170,000 instructions, 38 a billion.
%include "test.inc"
%ifndef ROUNDS
%define ROUNDS 20
%endif
	mov	edi, ROUNDS
	call	fib
	mov	r12, rax
	; the same by adding
	xor	eax, eax
	mov	edx, 1
	mov	ecx, ROUNDS
next:	xadd	rax, rdx
	dec	ecx
	jnz	next
	assert_eq r12, rax
	pass
fib:	push	rbx
	mov	ebx, edi
	cmp	edi, 2
	jb	base
	lea	edi, [rbx - 1]
	call	fib
	push	rax
	lea	edi, [rbx - 2]
	call	fib
	pop	rdx
	add	rax, rdx
	pop	rbx
	ret
base:	mov	eax, ebx
	pop	rbx
	ret
