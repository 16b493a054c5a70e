; SPDX-License-Identifier: MIT
;@ summary: IRET enters virtual-8086 mode; what needs IOPL 3 is #GP(0) there; all segments are on CPL 0's stack, and null
;@ mode: prot
;@ needs: kvm-iret-prot
%include "test.inc"
EFLAGS_VM	equ 1 << 17
	mov	eax, general_protection
	mov	[rt_idt + GP * 8], ax
	shr	eax, 16
	mov	[rt_idt + GP * 8 + 6], ax
	mov	ecx, v86
	shr	ecx, 4
	mov	[v86_cs], ecx
	xor	ebp, ebp
	push	dword 0x9004		; GS, FS, DS, ES
	push	dword 0x9003
	push	dword 0x9002
	push	dword 0x9001
	push	dword 0x9000		; SS:ESP
	push	dword 0xfff0
	push	dword EFLAGS_VM | 2
	push	ecx
	push	dword 0
	mov	ebx, 0x10000
	iretd

; CLI, INT n, HLT, each one byte further in (steps).
general_protection:
	mov	ax, ds
	mov	dx, es
	or	ax, dx
	mov	dx, fs
	or	ax, dx
	mov	dx, gs
	or	ax, dx
	mov	dx, SEL_DATA
	mov	ds, dx
	mov	es, dx
	assert_eq ax, 0
	mov	ax, ss
	assert_eq ax, SEL_DATA
	assert_eq esp, STACK_RSP0 - 40
	assert_eq dword [esp], 0
	movzx	eax, byte [steps + ebp]
	assert_eq [esp + 4], eax
	mov	eax, [v86_cs]
	assert_eq [esp + 8], eax
	mov	eax, [esp + 12]
	and	eax, EFLAGS_VM | 0x3200	; VM, IOPL, IF
	assert_eq eax, EFLAGS_VM
	assert_eq dword [esp + 16], 0xffee	; one word was pushed
	assert_eq dword [esp + 20], 0x9000
	assert_eq dword [esp + 24], 0x9001
	assert_eq dword [esp + 28], 0x9002
	assert_eq dword [esp + 32], 0x9003
	assert_eq dword [esp + 36], 0x9004
	inc	ebp
	cmp	ebp, 3
	je	.done
	movzx	eax, byte [steps + ebp]
	mov	[esp + 4], eax
	add	esp, 4
	iretd
.done:	assert_eq word [0x90020 + 4], 0x9000	; what ran before: 0x9002:4
	assert_eq word [0x9000 * 16 + 0xffee], 0x9002
	pass

section .data
v86_cs:	dd 0
steps:	db	v86.cli - v86, v86.int - v86, v86.hlt - v86
section .text
bits 16
	align	16
v86:
	mov	ax, ss
	mov	[4], ax
	push	ds
.cli:	cli
.int:	int	0x21
.hlt:	hlt
bits 32
