; SPDX-License-Identifier: MIT
;@ summary: an interrupt to itself: by shorthand, by ID, by logical address; an NMI; a bad vector is an error
;@ machine: pc
;@ device: testdev
%include "test.inc"
%include "apic.inc"
VECTOR	equ 0x67
section .data
nmis:	dq 0
section .text
	apic_counts VECTOR
	on_vector NMI, .nmi
	sti
	la_write LA_ICR, LA_TO_SELF | VECTOR
	hlt_until qword [hits], 1
	la_write LA_ICR_HIGH, 0
	la_write LA_ICR, VECTOR
	hlt_until qword [hits], 2
	la_write LA_LDR, 4 << 24
	la_write LA_ICR_HIGH, 6 << 24
	la_write LA_ICR, 1 << 11 | VECTOR
	hlt_until qword [hits], 3
	; for somebody else
	la_write LA_ICR_HIGH, 1 << 24
	la_write LA_ICR, VECTOR
	times 4 nop
	assert_eq qword [hits], 3
	cli
	la_write LA_ICR, LA_TO_SELF | 0x400
	times 4 nop
	assert_eq qword [nmis], 1
	la_write LA_ICR, LA_TO_SELF | 0x0f
	la_write LA_ESR, 0
	la_read	LA_ESR
	assert_eq eax, 1 << 5
	pass
.nmi:	inc	qword [nmis]
	ret
