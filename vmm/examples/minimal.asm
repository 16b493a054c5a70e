; SPDX-License-Identifier: MIT
; The guest of minimal.c: a virtio-blk driver of the fewest steps (virtio 1.2, 3.1, 4.2.3 and 5.2.6). It
; reads sector 0, prints it up to its first NUL through port 0xe9 and ends with 0; with 1 when the
; device is not there, refuses or fails. Flat 32-bit protected mode, no stack, no interrupts.
	bits	32
	org	0x10000
VIRTIO	equ	0xd0000000	; the device's registers
DESC	equ	0x20000		; the queue's three parts, all memory is zero at the start
AVAIL	equ	0x21000
USED	equ	0x22000
HEADER	equ	0x23000		; the request: type 0 (read), sector 0
DATA	equ	0x24000
STATUS	equ	0x25000

%macro	reg	2		; register, value
	mov	dword [VIRTIO + %1], %2
%endmacro
%macro	desc	5		; index, address, length, flags (1 another follows, 2 to be written), next
	mov	dword [DESC + %1 * 16], %2
	mov	dword [DESC + %1 * 16 + 8], %3
	mov	dword [DESC + %1 * 16 + 12], %4 | %5 << 16
%endmacro

	cmp	dword [VIRTIO], 'virt'
	jne	fail
	cmp	dword [VIRTIO + 8], 2	; a block device
	jne	fail
	reg	0x70, 3		; status: acknowledged, a driver is here
	reg	0x24, 1		; features 32 to 63: VERSION_1 alone
	reg	0x20, 1
	reg	0x70, 11	; that is all
	test	dword [VIRTIO + 0x70], 8
	jz	fail
	reg	0x38, 4		; queue 0 has 4 entries
	reg	0x80, DESC
	reg	0x90, AVAIL
	reg	0xa0, USED
	reg	0x44, 1		; it is ready
	reg	0x70, 15	; go

	desc	0, HEADER, 16, 1, 1
	desc	1, DATA, 512, 3, 2
	desc	2, STATUS, 1, 2, 0
	mov	byte [STATUS], 0xff
	mov	word [AVAIL + 2], 1	; the request at descriptor 0 is offered
	reg	0x50, 0		; the doorbell of queue 0: the device has worked when it returns
	cmp	word [USED + 2], 1
	jne	fail
	cmp	byte [STATUS], 0
	jne	fail

	mov	esi, DATA
next:	lodsb
	test	al, al
	jz	done
	out	0xe9, al
	cmp	esi, DATA + 512
	jb	next
done:	cmp	esi, DATA + 1	; nothing was on it
	jbe	fail
	mov	al, 0
	out	0xf4, al
fail:	mov	al, 1
	out	0xf4, al
	hlt
