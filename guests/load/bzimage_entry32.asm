; SPDX-License-Identifier: MIT
;@ summary: a bzImage by the 32-bit boot protocol: entered at its start, paging off, zero page in ESI
;@ load: bzimage-32
;@ cmdline: root=none
;@ initrd: 0707 not really an archive
%define OWN_ENTRY
%include "test.inc"
section .entry progbits alloc exec nowrite align=1
bits 32
global _start
; Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"
setup:	times 0x1f1 - ($ - setup) db 0
	db	1			; setup_sects
	dw	0
	dd	(kernel_end - kernel) / 16	; syssize
	dw	0, 0, 0
	dw	0xaa55			; boot_flag
	db	0xeb, header_end - ($ + 1)	; jump
	db	"HdrS"
	dw	0x205	; no 64-bit entry, no pref_address			; version
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
	dd	0x1000			; kernel_alignment
	db	0			; relocatable_kernel
	db	0
	dw	0
header_end:
	times 0x400 - ($ - setup) db 0
kernel:
_start:	mov	edx, 1
	cmp	dword [esi + 0x202], "HdrS"
	jne	.bad
	inc	edx
	mov	eax, cr0
	and	eax, 0x80000001
	cmp	eax, 1			; protected mode, no paging
	jne	.bad
	inc	edx
	mov	eax, ebp
	or	eax, edi
	or	eax, ebx
	jnz	.bad
	inc	edx
	mov	ax, cs
	cmp	ax, 0x10
	jne	.bad
	inc	edx
	mov	ax, ds
	cmp	ax, 0x18
	jne	.bad
	mov	ax, ss
	cmp	ax, 0x18
	jne	.bad
	inc	edx
	; the selectors are in a GDT: they can be loaded again
	mov	ds, ax
	mov	es, ax
	mov	esp, STACK_TOP
	pushfd
	pop	eax
	test	eax, 1 << 9
	jnz	.bad
	inc	edx
	call	.here
.here:	pop	eax			; position-independent: this code was linked elsewhere
	sub	eax, .here - kernel
	cmp	eax, 0x100000
	jne	.bad
	inc	edx
	cmp	[esi + 0x214], eax	; code32_start
	jne	.bad
	inc	edx
	mov	edi, [esi + 0x228]
	cmp	dword [edi], "root"
	jne	.bad
	inc	edx
	mov	edi, [esi + 0x218]	; ramdisk_image
	cmp	dword [edi], "0707"
	jne	.bad
	inc	edx
	cmp	byte [esi + 0x1e8], 2	; e820_entries
	jb	.bad
	xor	edx, edx
.bad:	mov	al, dl
	out	DEBUG_EXIT, al
	hlt
	align	16
	times 0x800 db 0
kernel_end:
