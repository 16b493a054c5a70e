; SPDX-License-Identifier: MIT
;@ summary: a bzImage by the 64-bit boot protocol: entered at its start + 0x200 with the zero page in RSI
;@ load: bzimage
;@ cmdline: root=none
%define OWN_ENTRY
%include "test.inc"
section .entry progbits alloc exec nowrite align=1
bits 64
global _start
; Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"
setup:	times 0x1f1 - ($ - setup) db 0
	db	1			; setup_sects
	dw	0
	dd	(kernel_end - kernel) / 16	; syssize
	dw	0, 0, 0
	dw	0xaa55			; boot_flag
	db	0xeb, 0x66		; jump
	db	"HdrS"
	dw	0x20f			; version
	dd	0
	dw	0, 0
	db	0			; type_of_loader: the loader's
	db	1			; loadflags: LOADED_HIGH
	dw	0
	dd	0x100000		; code32_start
	dd	0, 0, 0
	dw	0, 0
	dd	0			; cmd_line_ptr
	dd	0x7fffffff		; initrd_addr_max
	dd	0x200000		; kernel_alignment
	db	1			; relocatable_kernel
	db	21			; min_alignment
	dw	1			; xloadflags: KERNEL_64
	dd	255			; cmdline_size
	dd	0
	dq	0
	dd	0, 0
	dq	0
	dq	0x200000		; pref_address
	dd	0x10000			; init_size
	dd	0
	times 0x400 - ($ - setup) db 0
kernel:	times 0x200 db 0x90
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
	align	16
	times 0x800 db 0
kernel_end:
