; SPDX-License-Identifier: MIT
;@ summary: a bzImage by the 16-bit boot protocol: its real-mode code, the BIOS it calls, then the kernel
;@ load: bzimage-16
;@ cmdline: root=none
;@ initrd: 0707 not really an archive
%define OWN_ENTRY
%include "test.inc"
%include "bzimage.inc"
SMAP	equ	0x534d4150
section .entry progbits alloc exec nowrite align=1
bits 16
global _start
	bz_header 0x205
; Linked elsewhere: what is here has its offset from setup, which is where DS and SS point.
%define here(x) ((x) - setup)
real:
_start:	mov	dx, 1
	mov	ax, cs
	cmp	ax, 0x9020
	jne	.bad
	inc	dx			; 2
	mov	ax, ds
	cmp	ax, 0x9000
	jne	.bad
	mov	ax, ss
	cmp	ax, 0x9000
	jne	.bad
	inc	dx			; 3
	smsw	ax
	test	al, 1
	jnz	.bad
	inc	dx			; 4: the heap ends below the stack's top
	mov	ax, [0x224]
	add	ax, 0x200
	cmp	ax, sp
	ja	.bad
	test	byte [0x211], 0x80	; CAN_USE_HEAP
	jz	.bad
	inc	dx			; 5: the command line is where the pointer says
	mov	eax, [0x228]
	shr	eax, 4
	mov	fs, ax
	cmp	dword [fs:0], "root"
	jne	.bad
	inc	dx			; 6: the RAM disk has a place
	cmp	dword [0x21c], 26
	jne	.bad
	sti				; as setup code does
	push	dx
	mov	ax, 0x0e00 + "!"	; a character, by the way
	int	0x10
	pop	dx
	inc	dx			; 7
	mov	bp, dx
	int	0x12
	mov	dx, bp
	cmp	ax, 632
	jne	.bad
	inc	bp			; 8: E820 has RAM from 1 MiB to the end
	xor	ebx, ebx
	xor	esi, esi
.next:	mov	eax, 0xe820
	mov	edx, SMAP
	mov	ecx, 20
	mov	di, here(buffer)
	int	0x15
	jc	.done
	cmp	eax, SMAP
	jne	.bad_bp
	cmp	ecx, 20
	jne	.bad_bp
	cmp	dword [here(buffer)], 0x100000
	jne	.skip
	cmp	dword [here(buffer) + 16], 1
	jne	.skip
	mov	esi, [here(buffer) + 8]
.skip:	test	ebx, ebx
	jnz	.next
.done:	cmp	esi, 15 << 20
	jne	.bad_bp
	inc	bp			; 9
	mov	ax, 0xe801
	int	0x15
	jc	.bad_bp
	cmp	ax, 15 * 1024
	jne	.bad_bp
	or	bx, bx
	jnz	.bad_bp
	inc	bp			; 10
	mov	ah, 0x88
	int	0x15
	jc	.bad_bp
	cmp	ax, 15 * 1024
	jne	.bad_bp
	inc	bp			; 11: what there is not fails
	mov	ax, 0x5300
	int	0x15
	jnc	.bad_bp
	cmp	ah, 0x86
	jne	.bad_bp
	inc	bp			; 12
	mov	ah, 8
	mov	dl, 0x80
	int	0x13
	jnc	.bad_bp
	inc	bp			; 13: no key waits
	mov	ah, 1
	int	0x16
	jnz	.bad_bp
	inc	bp			; 14
	stc
	mov	ah, 0
	int	0x1a
	jc	.bad_bp
	inc	bp			; 15: an index past the map, a wrong signature
	mov	eax, 0xe820
	mov	edx, SMAP
	mov	ecx, 20
	mov	ebx, 0x10000
	int	0x15
	jnc	.bad_bp
	mov	ax, 0xe820
	xor	edx, edx
	xor	ebx, ebx
	int	0x15
	jnc	.bad_bp
	inc	bp			; 16: flags come back as they were, but for what is an answer
	std
	mov	ax, 0xe801
	int	0x15
	pushf
	cld
	pop	ax
	and	ax, 0x600		; IF, DF
	cmp	ax, 0x600
	jne	.bad_bp
	cli
	inc	bp			; 17: the kernel is where code32_start says
	mov	eax, [0x214]
	cmp	eax, 0x100000
	jne	.bad_bp
	lgdt	[here(gdt_pointer)]
	mov	eax, cr0
	or	al, 1
	mov	cr0, eax
	jmp	dword 0x10:0x100000
.bad_bp:
	mov	dx, bp
.bad:	mov	al, dl
	out	DEBUG_EXIT, al
	hlt
	align	8, db 0
gdt:	dq	0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	dw	31
	dd	0x90000 + here(gdt)
buffer:	times 24 db 0
bits 32
	bz_kernel
	mov	ax, 0x18
	mov	ds, ax
	cmp	dword [0x90202], "HdrS"
	mov	al, 18
	jne	.bad
	mov	edi, [0x90218]		; ramdisk_image
	cmp	dword [edi], "0707"
	mov	al, 19
	jne	.bad
	xor	al, al
.bad:	out	DEBUG_EXIT, al
	hlt
	bz_end 0x800
