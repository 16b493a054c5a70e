; SPDX-License-Identifier: MIT
;@ summary: with its gate low a counter keeps what was loaded: latch, read-back, one byte or two, BCD
;@ device: pit
%include "test.inc"
; Over a CLK pulse: 1000 instructions or an exit.
%macro a_pulse 0.nolist
	mov	ecx, 1000
%%spin:	loop	%%spin
	in	al, PIT_CTRL
%endmacro
	outb	PORT_B, 0
	outb	PIT_CTRL, 0xb4		; counter 2, two bytes, mode 2
	outb	PIT + 2, 0x34
	outb	PIT + 2, 0x12
	a_pulse
	assert_eq al, 0xff		; the control word is not to be read
	outb	PIT_CTRL, 0xe8		; read-back: status
	inb	PIT + 2
	assert_eq al, 0xb4		; OUT, and the count is not null
	outb	PIT_CTRL, 0x80		; latch
	inb	PIT + 2
	assert_eq al, 0x34
	inb	PIT + 2
	assert_eq al, 0x12
	outb	PIT_CTRL, 0xc8		; both: status comes first
	inb	PIT + 2
	assert_eq al, 0xb4
	inb	PIT + 2
	assert_eq al, 0x34
	inb	PIT + 2
	assert_eq al, 0x12
	outb	PIT_CTRL, 0x91		; low byte, mode 0, BCD
	outb	PIT + 2, 0x99
	a_pulse
	inb	PIT + 2
	assert_eq al, 0x99
	inb	PIT + 2
	assert_eq al, 0x99
	outb	PIT_CTRL, 0xe8
	inb	PIT + 2
	assert_eq al, 0x11		; OUT is low
	pass
