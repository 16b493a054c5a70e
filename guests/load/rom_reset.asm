; SPDX-License-Identifier: MIT
;@ summary: a ROM starts at f000:fff0 with the state of a reset; its end is below 1 MiB too; nobody writes it
;@ load: rom
;@ needs: kvm-readonly-slots
;@ exits: mmio w 0xff000 4 0x12345678
;@ exits: mmio w 0xfffff000 4 0x12345678
;@ exits: pio w 0xf4 1 0x0
;@ exits: end exit
; The image is these 4 KiB: at 0xfffff000 and, for real mode, at f000:f000.
%define AT(x)	((x) - image)
%define LOW(x)	(0xf000 + AT(x))
RAM	equ 0x600
section .entry progbits alloc exec nowrite align=16
bits 16
global _start
_start:
image:
	dd	0xfeedf00d

; What fails leaves its number in AH, which becomes the status.
%macro want 2 ; condition that must hold, number
	mov	ah, %2
	j%-1	fail
%endmacro

; Still at the top of 4 GiB: CS has the base of the reset until it is loaded.
high:
	mov	bx, ax			; all but EDX are 0
	pushf				; to RAM at 0000:fffe
	add	bx, sp
	add	bx, 2
	mov	ax, cs
	cmp	ax, 0xf000
	want	e, 1
	mov	ax, ds
	or	ax, bx
	want	z, 2
	smsw	ax
	cmp	ax, 0x10		; ET alone: real mode, caches apart
	want	e, 3
	pop	ax
	cmp	ax, 2
	want	e, 4
	cmp	dword [cs:LOW(image)], 0xfeedf00d
	want	e, 5
	mov	dword [RAM], 0x600d600d	; RAM lies below
	cmp	dword [RAM], 0x600d600d
	want	e, 6
	jmp	0xf000:LOW(low)
fail:
	mov	al, ah
	out	0xf4, al
	hlt

; The copy below 1 MiB.
low:
	mov	byte [RAM], 0
	o32 lgdt [cs:LOW(gdtr)]
	mov	eax, cr0
	or	al, 1
	mov	cr0, eax
	jmp	dword 8:0xf0000 + LOW(flat)
bits 32
flat:
	mov	ax, 16
	mov	ds, ax
	mov	es, ax
	mov	esi, 0xff000
	mov	edi, 0xfffff000
	mov	ecx, 1024
	repe cmpsd
	mov	ah, 7
	jne	.fail
	mov	dword [0xff000], 0x12345678
	cmp	dword [0xff000], 0xfeedf00d
	mov	ah, 8
	jne	.fail
	mov	dword [0xfffff000], 0x12345678
	cmp	dword [0xfffff000], 0xfeedf00d
	mov	ah, 9
	jne	.fail
	xor	eax, eax
.fail:
	mov	al, ah
	out	0xf4, al
	hlt

	align	8
gdt:
	dq	0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:
	dw	gdtr - gdt - 1
	dd	0xf0000 + LOW(gdt)

	times 0xff0 - AT($) db 0xff
bits 16
reset:
	jmp	high
	times 0x1000 - AT($) db 0
