; SPDX-License-Identifier: MIT
;@ summary: the local APIC's timer counts down once, at 1 GHz over its divisor, and then stands at 0
;@ machine: pc
;@ device: testdev
;@ compare: no it reads the time
;@ exit: hlt
%include "test.inc"
%include "apic.inc"
VECTOR	equ 0x64
COUNT	equ 1000000		; by 2: 2 ms
	apic_counts VECTOR
	la_write LA_DIVIDE, 0
	la_write LA_TIMER, VECTOR
	mov	esi, TD + TDO_TIME
	mov	r12, [rsi]
	la_write LA_INITIAL, COUNT
	la_read	LA_CURRENT
	assert_below eax, COUNT
	assert_above eax, COUNT - 10000
	sti
	hlt_until qword [hits], 1
	cli
	mov	r13, [rsi]
	sub	r13, r12
	assert_above r13, 2 * COUNT - 1
	assert_below r13, 2 * COUNT + 20000
	la_read	LA_CURRENT
	assert_eq eax, 0
	; nothing more comes
	sti
	hlt
	unreachable
