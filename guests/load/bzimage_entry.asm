; SPDX-License-Identifier: MIT
;@ summary: a bzImage by the 64-bit boot protocol: entered at its start + 0x200 with the zero page in RSI
;@ load: bzimage
;@ cmdline: root=none
%define OWN_ENTRY
%include "test.inc"
%include "bzimage.inc"
section .entry progbits alloc exec nowrite align=1
bits 64
global _start
	bz_header 0x20f
	bz_kernel
	times 0x200 db 0x90
_start:	lea	rbx, [rel kernel]
	lea	rcx, [rel message]
	mov	rsp, STACK_TOP
	; position-independent: this code was linked elsewhere
	mov	edx, 1
	cmp	rbx, 0x200000
	jne	.bad
	inc	edx
	cmp	dword [rsi + 0x202], "HdrS"
	jne	.bad
	inc	edx
	mov	edi, [rsi + 0x228]
	cmp	dword [rdi], "root"
	jne	.bad
	inc	edx
	cmp	byte [rsi + 0x210], 0xff
	jne	.bad
	inc	edx
	cmp	byte [rsi + 0x1e8], 2
	jb	.bad
	inc	edx
	cmp	dword [rcx], "here"
	jne	.bad
	xor	edx, edx
.bad:	mov	al, dl
	out	DEBUG_EXIT, al
	hlt
message: db "here"
	bz_end 0x800
