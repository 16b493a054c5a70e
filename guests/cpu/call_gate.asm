; SPDX-License-Identifier: MIT
;@ summary: far calls through call gates: at CPL 0, from CPL 3 with a parameter, and back by RETF n; gates that refuse
;@ mode: prot
;@ needs: kvm-iret-prot
%include "test.inc"
GDT	equ SCRATCH
GATE	equ 0x60		; DPL 3, one parameter
GATE0	equ 0x68		; DPL 0
ABSENT	equ 0x70
	mov	esi, rt_gdt
	mov	edi, GDT
	mov	ecx, GATE / 4
	rep movsd
	mov	eax, .entry
	mov	edx, eax
	and	eax, 0xffff
	or	eax, SEL_CODE32 << 16
	and	edx, 0xffff0000
	mov	[GDT + GATE], eax
	mov	[GDT + GATE0], eax
	mov	[GDT + ABSENT], eax
	mov	dx, 0xec01
	mov	[GDT + GATE + 4], edx
	mov	dx, 0x8c00
	mov	[GDT + GATE0 + 4], edx
	mov	dx, 0x6c00
	mov	[GDT + ABSENT + 4], edx
	lgdt	[.gdtr]
; The same privilege: no stack switch, nothing is copied; the offset in the instruction means nothing.
	mov	ebx, esp
	push	dword 0x1234
	mov	dword [.want_cs], SEL_CODE32
	mov	dword [.want_ip], .back0
	call	GATE:0xdeadbeef
.back0:	assert_eq esp, ebx		; RETF 4
	assert_eq dword [.runs], 1
	expect_fault NP, ABSENT, call ABSENT:0
	expect_fault GP, 0x78, call 0x78:0	; beyond the GDT
	expect_fault GP, SEL_DATA, jmp SEL_DATA:0
; From CPL 3.
	catch	.done
	push	dword SEL_USER_DATA
	push	dword STACK_USER
	push	dword SEL_USER32
	push	dword .user
	retf
.user:	mov	bx, ds			; DPL 0 is nothing for CPL 3: null now
	mov	ax, SEL_USER_DATA
	mov	ds, ax
	mov	es, ax
.bad:	hlt
.done:	assert_eq byte [exc_vector], GP
	assert_eq dword [exc_rip], .bad
	assert_eq bx, 0
	catch	.done2
	push	dword SEL_USER_DATA
	push	dword STACK_USER
	push	dword SEL_USER32
	push	dword .user2
	retf
.user2:	mov	ax, SEL_USER_DATA
	mov	ds, ax
	push	dword 0x1234
	mov	dword [.want_cs], SEL_USER32
	mov	dword [.want_ip], .back3
	call	GATE:0
.back3:	mov	ebx, esp
	call	GATE0:0			; #GP: CPL 3 is more than DPL 0
.done2:	assert_eq byte [exc_vector], GP
	assert_eq dword [exc_error], GATE0
	assert_eq ebx, STACK_USER
	assert_eq dword [.runs], 2
	pass

.entry:	push	eax
	mov	eax, [.want_ip]
	assert_eq [esp + 4], eax
	mov	eax, [.want_cs]
	assert_eq [esp + 8], eax
	assert_eq dword [esp + 12], 0x1234
	mov	ax, cs
	assert_eq ax, SEL_CODE32
	inc	dword [.runs]
	cmp	dword [.want_cs], SEL_USER32
	jne	.leave
	mov	ax, ss
	assert_eq ax, SEL_DATA
	assert_eq esp, STACK_RSP0 - 24	; SS, ESP, the parameter, CS, EIP, EAX
	assert_eq dword [esp + 16], STACK_USER - 4
	assert_eq dword [esp + 20], SEL_USER_DATA
.leave:	pop	eax
	retf	4
section .data
.gdtr:	dw	0x77
	dd	GDT
.runs:	dd	0
.want_cs: dd	0
.want_ip: dd	0
section .text
