; SPDX-License-Identifier: MIT
;@ summary: the periodic timer comes again and again without drift; a masked entry keeps it silent
;@ machine: pc
;@ device: testdev
;@ compare: no it reads the time
%include "test.inc"
%include "apic.inc"
VECTOR	equ 0x65
COUNT	equ 1000000
	apic_counts VECTOR
	la_write LA_DIVIDE, LA_BY_1
	la_write LA_TIMER, LA_PERIODIC | VECTOR
	mov	esi, TD + TDO_TIME
	mov	r12, [rsi]
	la_write LA_INITIAL, COUNT
	sti
	hlt_until qword [hits], 10
	mov	r13, [rsi]
	sub	r13, r12
	assert_above r13, 10 * COUNT - 1
	assert_below r13, 10 * COUNT + 20000
	; masked: it goes on counting
	la_write LA_TIMER, LA_MASKED | LA_PERIODIC | VECTOR
	la_read	LA_CURRENT
	mov	r14d, eax
	la_read	LA_CURRENT
	assert_below eax, r14d
	; stopped
	la_write LA_INITIAL, 0
	la_read	LA_CURRENT
	assert_eq eax, 0
	assert_eq qword [hits], 10
	pass
