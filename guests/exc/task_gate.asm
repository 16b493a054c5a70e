; SPDX-License-Identifier: MIT
;@ summary: a task gate switches to its TSS and IRET back; CALL and JMP to a TSS; busy bits, the link, NT and CR0.TS
;@ mode: prot
;@ needs: kvm-iret-prot
%include "test.inc"
GDT	equ SCRATCH
TSS2	equ SCRATCH + 0x1000
SEL_TSS2 equ 0x60
NT	equ 1 << 14
BUSY	equ 2
	mov	esi, rt_gdt
	mov	edi, GDT
	mov	ecx, SEL_TSS2 / 4
	rep movsd
	mov	dword [GDT + SEL_TSS2], 103 | (TSS2 & 0xffff) << 16
	mov	dword [GDT + SEL_TSS2 + 4], 0x8900 | (TSS2 >> 16)
	lgdt	[.gdtr]
	mov	dword [TSS2 + 32], .task	; EIP, EFLAGS, ESP, segments
	mov	dword [TSS2 + 36], 2
	mov	dword [TSS2 + 56], STACK_IST
	mov	dword [TSS2 + 72], SEL_DATA
	mov	dword [TSS2 + 76], SEL_CODE32
	mov	dword [TSS2 + 80], SEL_DATA
	mov	dword [TSS2 + 84], SEL_DATA
	mov	word [TSS2 + 102], 104
	mov	dword [rt_idt + UD * 8], SEL_TSS2 << 16
	mov	dword [rt_idt + UD * 8 + 4], 0x8500
; By an exception: the frame is in the old TSS.
	mov	ebx, 0x1111
	mov	dword [.skip], 2
.bad:	ud2
	assert_eq dword [.runs], 1
	assert_eq ebx, 0x1111
	assert_eq dword [rt_tss + 32], .bad + 2
	assert_eq word [TSS2], SEL_TSS
	test	byte [GDT + SEL_TSS2 + 5], BUSY
	assert_cc z
	test	byte [GDT + SEL_TSS + 5], BUSY
	assert_cc nz
	pushf
	pop	eax
	assert_clear eax, NT
	mov	eax, cr0
	assert_set eax, 8		; TS
	clts
; By a call.
	mov	dword [.skip], 0
	call	SEL_TSS2:0
	assert_eq dword [.runs], 2
	clts
; A task that is busy is none to go to.
	expect_fault GP, SEL_TSS, jmp SEL_TSS:0
	str	ax
	assert_eq ax, SEL_TSS
; By a jump: no link, no NT; the old one is free, the new one busy; and back likewise.
	mov	dword [TSS2 + 32], .jumped
	mov	dword [TSS2 + 36], 2
	jmp	SEL_TSS2:0
	test	byte [GDT + SEL_TSS2 + 5], BUSY
	assert_cc z
	pass

.task:	pushf
	pop	eax
	assert_set eax, NT
	str	ax
	assert_eq ax, SEL_TSS2
	assert_eq esp, STACK_IST
	test	byte [GDT + SEL_TSS + 5], BUSY	; it waits
	assert_cc nz
	inc	dword [.runs]
	mov	eax, [.skip]
	add	[rt_tss + 32], eax
	iretd
	jmp	.task			; where it goes on the next time

.jumped:
	pushf
	pop	eax
	assert_clear eax, NT
	test	byte [GDT + SEL_TSS + 5], BUSY
	assert_cc z
	clts
	jmp	SEL_TSS:0
section .data
.gdtr:	dw	SEL_TSS2 + 7
	dd	GDT
.runs:	dd	0
.skip:	dd	0
section .text
