; SPDX-License-Identifier: MIT
;@ summary: a bzImage by the 32-bit boot protocol: entered at its start, paging off, zero page in ESI
;@ load: bzimage-32
;@ cmdline: root=none
;@ initrd: 0707 not really an archive
%define OWN_ENTRY
%include "test.inc"
%include "bzimage.inc"
section .entry progbits alloc exec nowrite align=1
bits 32
global _start
	bz_header 0x205
	bz_kernel
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
	bz_end 0x800
