; SPDX-License-Identifier: MIT
;@ summary: a driver's probe: self test, command byte, interface test, no auxiliary device, keyboard reset and id
;@ device: i8042
%include "test.inc"
; The next byte, at once, is this.
%macro kbd_gives 1.nolist
	in	al, KBD_CMD
	assert_set al, 1
	in	al, KBD_DATA
	assert_eq al, %1
%endmacro
	outb	KBD_CMD, 0xaa
	kbd_gives 0x55
	outb	KBD_CMD, 0x20
	kbd_gives 0x65
	outb	KBD_CMD, 0x60		; no interrupts, no translation
	outb	KBD_DATA, 0x24
	outb	KBD_CMD, 0xab
	kbd_gives 0x00
	outb	KBD_CMD, 0xd3		; what loops is not the auxiliary device's
	outb	KBD_DATA, 0x5a
	in	al, KBD_CMD
	assert_clear al, 0x20
	kbd_gives 0x5a
	outb	KBD_CMD, 0xa9
	kbd_gives 0x01
	outb	KBD_DATA, 0xff
	kbd_gives 0xfa
	kbd_gives 0xaa
	outb	KBD_DATA, 0xf2
	kbd_gives 0xfa
	kbd_gives 0xab
	kbd_gives 0x83
	outb	KBD_DATA, 0xed		; lights
	kbd_gives 0xfa
	outb	KBD_DATA, 0x00
	kbd_gives 0xfa
	outb	KBD_DATA, 0xf4
	kbd_gives 0xfa
	in	al, KBD_CMD
	assert_clear al, 1
	pass
