; SPDX-License-Identifier: MIT
;@ summary: the task priority, by its register or CR8, holds back its class and those below
;@ machine: pc
;@ device: testdev
;@ compare: kvm-window-exact an interrupt comes some instructions late
%include "test.inc"
%include "apic.inc"
section .data
order:	db 0, 0, 0, 0
count:	dq 0
section .text
	on_vector 0x41, .low
	on_vector 0x52, .high
	apic_init
	sti
	la_write LA_TPR, 0x4f
	mov	rax, cr8
	assert_eq eax, 4
	la_read	LA_PPR
	assert_eq eax, 0x4f
	la_write LA_ICR, LA_TO_SELF | 0x41
	assert_eq qword [count], 0
	la_write LA_ICR, LA_TO_SELF | 0x52
	hlt_until qword [count], 1
	assert_eq byte [order], 0x52
	; CR8 is the same register's upper half
	mov	eax, 5
	mov	cr8, rax
	la_read	LA_TPR
	assert_eq eax, 0x50
	la_write LA_ICR, LA_TO_SELF | 0x52
	assert_eq qword [count], 1
	la_read	LA_IRR + 0x20
	assert_eq eax, 1 << 1 | 1 << 0x12
	; down again: both come, the higher one first
	xor	eax, eax
	mov	cr8, rax
	hlt_until qword [count], 3
	assert_eq byte [order + 1], 0x52
	assert_eq byte [order + 2], 0x41
	; in service it holds back as well: see the PPR
	la_read	LA_PPR
	assert_eq eax, 0
	pass
.low:	mov	rcx, [count]
	mov	byte [order + rcx], 0x41
	inc	qword [count]
	la_read	LA_PPR
	assert_eq eax, 0x40
	la_write LA_EOI, 0
	ret
.high:	mov	rcx, [count]
	mov	byte [order + rcx], 0x52
	inc	qword [count]
	la_write LA_EOI, 0
	ret
