; SPDX-License-Identifier: MIT
;@ summary: ADD, SUB, ADC, SBB, INC, NEG set carry, overflow, sign, zero, parity and adjust
%include "test.inc"
%define ALL FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF
%macro flags 2+.nolist			; wanted, instruction; operands in al, bl
	%2
	pushf
	pop	rcx
	and	ecx, ALL
	rt_assert e, ecx, %1
%endmacro
	mov	al, 0xff
	flags	FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF, add al, 1
	mov	al, 0x7f
	flags	FLAG_AF | FLAG_SF | FLAG_OF, add al, 1
	mov	al, 0
	flags	FLAG_CF | FLAG_PF | FLAG_AF | FLAG_SF, sub al, 1
	mov	al, 0x80
	flags	FLAG_AF | FLAG_OF, sub al, 1
	assert_eq al, 0x7f
	stc
	mov	al, 0x0f
	flags	FLAG_AF, adc al, 0x00
	stc
	mov	al, 0
	flags	FLAG_CF | FLAG_PF | FLAG_AF | FLAG_SF, sbb al, 0
	mov	al, 1
	flags	FLAG_CF | FLAG_PF | FLAG_AF | FLAG_SF, neg al
	mov	al, 3
	flags	FLAG_PF | FLAG_ZF, xor al, al
	pass
