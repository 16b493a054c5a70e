; SPDX-License-Identifier: MIT
; The BIOS that a kernel's real-mode setup code calls: just what it needs to find its memory and say
; something. It lies at the start of a segment; the loader fills in the numbers and the memory map, and
; points the interrupt vectors to the slots. The bytes of bios16.c are this file's:
; `nasm -f bin -l LISTING bios16.asm`; test_setup16.c compares them where there is nasm.
;
; Handlers change only what their call returns. Flags go back by the caller's word on the stack.
	bits	16
	cpu	386
	org	0

E820_TABLE	equ	0x400		; entries of 20 bytes
SMAP		equ	0x534d4150
LOW_KB		equ	632		; RAM ends where this segment begins
TEXT_PORT	equ	0xe9
CMOS_INDEX	equ	0x70
CMOS_DATA	equ	0x71
CMOS_SECONDS	equ	0
CMOS_MINUTES	equ	2
CMOS_HOURS	equ	4
CMOS_DAY	equ	7
CMOS_MONTH	equ	8
CMOS_YEAR	equ	9
CMOS_CENTURY	equ	0x32
BDA_EQUIPMENT	equ	0x410
BDA_TICKS	equ	0x46c

; Slots of 4 bytes, in the order that setup16.c knows.
	jmp	near nothing
	nop
	jmp	near video
	nop
	jmp	near equipment
	nop
	jmp	near low_memory
	nop
	jmp	near disk
	nop
	jmp	near system
	nop
	jmp	near keyboard
	nop
	jmp	near clock
	nop

; What the loader fills in, from offset 32 on.
ext_kb:		dw	0		; INT 15h AH=88h: KiB above 1 MiB, at most 65535
e801_low:	dw	0		; AX=E801h: KiB from 1 to 16 MiB
e801_high:	dw	0		; 64 KiB blocks above
e820_count:	dw	0

nothing:
	iret

; INT 10h: teletype goes to a port; a text screen of 80 columns with a cursor at its top.
video:
	cmp	ah, 0x0e
	je	.put
	cmp	ah, 0x0f
	je	.mode
	cmp	ah, 3
	je	.cursor
	iret
.put:	out	TEXT_PORT, al
	iret
.mode:	mov	ax, 0x5003
	xor	bh, bh
	iret
.cursor:
	xor	dx, dx
	mov	cx, 0x0607
	iret

; INT 11h
equipment:
	push	ds
	xor	ax, ax
	mov	ds, ax
	mov	ax, [BDA_EQUIPMENT]
	pop	ds
	iret

; INT 12h
low_memory:
	mov	ax, LOW_KB
	iret

; INT 13h: there is no drive; invalid function or parameter.
disk:
	mov	ah, 1
	jmp	carry

; INT 15h
system:
	cmp	ax, 0xe820
	je	.e820
	cmp	ax, 0xe801
	je	.e801
	cmp	ah, 0x88
	je	.extended
	cmp	ax, 0x2401
	je	.a20
	cmp	ax, 0x2402
	je	.a20_is_on
.unknown:
	mov	ah, 0x86
	jmp	carry
.e801:	mov	ax, [cs:e801_low]
	mov	cx, ax
	mov	bx, [cs:e801_high]
	mov	dx, bx
	jmp	clear
.extended:
	mov	ax, [cs:ext_kb]
	jmp	clear
.a20:	mov	ah, 0
	jmp	clear
.a20_is_on:
	mov	ax, 1
	jmp	clear
.e820:	cmp	edx, SMAP
	jne	.unknown
	cmp	ecx, 20
	jb	.unknown
	movzx	eax, word [cs:e820_count]
	cmp	ebx, eax
	jae	.unknown
	push	si
	push	di
	imul	si, bx, 20
	add	si, E820_TABLE
	mov	cx, 10
	cld
	cs rep movsw
	pop	di
	pop	si
	inc	ebx
	cmp	ebx, eax
	jb	.more
	xor	ebx, ebx
.more:	mov	ecx, 20
	mov	eax, SMAP
	jmp	clear

; INT 16h: no key is ever pressed.
keyboard:
	cmp	ah, 1
	je	.none
	cmp	ah, 0x11
	je	.none
	cmp	ah, 2
	je	.flags
	cmp	ah, 0
	je	.key
	cmp	ah, 0x10
	je	.key
	iret
.none:	push	bp
	mov	bp, sp
	or	byte [bp + 6], 0x40	; ZF
	pop	bp
	iret
.flags:	mov	al, 0
	iret
.key:	xor	ax, ax
	iret

; INT 1Ah: ticks since midnight, the clock's time and date as it has them.
clock:
	cmp	ah, 0
	je	.ticks
	cmp	ah, 2
	je	.time
	cmp	ah, 4
	je	.date
	jmp	carry
.ticks:	push	ds
	xor	ax, ax
	mov	ds, ax
	mov	dx, [BDA_TICKS]
	mov	cx, [BDA_TICKS + 2]
	pop	ds
	jmp	clear
.time:	push	ax
	mov	al, CMOS_HOURS
	call	cmos
	mov	ch, al
	mov	al, CMOS_MINUTES
	call	cmos
	mov	cl, al
	mov	al, CMOS_SECONDS
	call	cmos
	mov	dh, al
	mov	dl, 0
	pop	ax
	jmp	clear
.date:	push	ax
	mov	al, CMOS_CENTURY
	call	cmos
	mov	ch, al
	mov	al, CMOS_YEAR
	call	cmos
	mov	cl, al
	mov	al, CMOS_MONTH
	call	cmos
	mov	dh, al
	mov	al, CMOS_DAY
	call	cmos
	mov	dl, al
	pop	ax
	jmp	clear
cmos:	out	CMOS_INDEX, al
	in	al, CMOS_DATA
	ret

carry:	push	bp
	mov	bp, sp
	or	byte [bp + 6], 1
	pop	bp
	iret
clear:	push	bp
	mov	bp, sp
	and	byte [bp + 6], 0xfe
	pop	bp
	iret
