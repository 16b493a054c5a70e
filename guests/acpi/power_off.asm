; SPDX-License-Identifier: MIT
;@ summary: SLP_EN written to PM1 control switches the machine off; without it nothing happens
;@ device: acpi-pm
;@ exit: power-off
;@ exits: pio w 0x604 2 0x1400
;@ exits: pio r 0x604 2 0x1401
;@ exits: pio w 0x604 2 0x3400
;@ exits: end power-off
%include "test.inc"
	outw	PM1_CNT, 0x1400
	in	ax, dx
	assert_eq ax, 0x1401
	outw	PM1_CNT, 0x3400
	unreachable
