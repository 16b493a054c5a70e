; SPDX-License-Identifier: MIT
;@ summary: the controller's pulse of its reset line resets the machine; pulses of others do not
;@ device: i8042
;@ exit: reset
;@ exits: pio w 0x64 1 0xff
;@ exits: pio w 0x64 1 0xfe
;@ exits: end reset
%include "test.inc"
	outb	KBD_CMD, 0xff
	outb	KBD_CMD, 0xfe
	unreachable
