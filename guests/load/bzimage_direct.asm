; SPDX-License-Identifier: MIT
;@ summary: a bzImage whose payload is an ELF kernel: that is entered itself, with the file's setup header
;@ load: bzimage
;@ cmdline: root=none
%define OWN_ENTRY
%include "test.inc"
%include "bzimage.inc"
section .entry progbits alloc exec nowrite align=1
bits 64
global _start
	bz_header 0x20f, payload - kernel, payload_end - payload
	bz_kernel
	times 0x200 db 0x90
_start:	mov	al, 99			; the entry that is not used
	out	DEBUG_EXIT, al
	hlt
	align	16, db 0
; An ELF64 file with one segment: its code to 3 MiB, and as much again of zeroes.
payload:
	db	0x7f, "ELF", 2, 1, 1, 0
	dq	0
	dw	2, 62
	dd	1
	dq	0xffffffff80300000	; e_entry, virtual
	dq	64, 0			; e_phoff
	dd	0
	dw	64, 56, 1, 0, 0, 0
	dd	1, 5
	dq	code - payload
	dq	0xffffffff80300000, 0x300000
	dq	payload_end - code, 0x1000
	dq	0x1000
code:	lea	rbx, [rel code]
	mov	edx, 1
	cmp	rbx, 0x300000
	jne	.bad
	inc	edx
	cmp	dword [rsi + 0x202], "HdrS"
	jne	.bad
	inc	edx
	cmp	word [rsi + 0x206], 0x20f	; as the file's header has it
	jne	.bad
	inc	edx
	mov	edi, [rsi + 0x228]
	cmp	dword [rdi], "root"
	jne	.bad
	inc	edx
	cmp	qword [0x300ff8], 0		; its bss
	jne	.bad
	xor	edx, edx
.bad:	mov	al, dl
	out	DEBUG_EXIT, al
	hlt
	align	16
payload_end:
	bz_end 0x200
