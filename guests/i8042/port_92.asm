; SPDX-License-Identifier: MIT
;@ summary: port 0x92 keeps its A20 bit, and a rise of bit 0 resets the machine
;@ device: i8042
;@ exit: reset
;@ exits: pio r 0x92 1 0x2
;@ exits: pio w 0x92 1 0x0
;@ exits: pio r 0x92 1 0x0
;@ exits: pio w 0x92 1 0x3
;@ exits: end reset
%include "test.inc"
	inb	PORT_92
	assert_eq al, 2
	outb	PORT_92, 0
	in	al, dx
	assert_eq al, 0
	outb	PORT_92, 3
	unreachable
