; SPDX-License-Identifier: MIT
;@ summary: the reset register of ACPI resets the machine
;@ device: acpi-pm
;@ exit: reset
;@ exits: pio w 0x610 1 0x2
;@ exits: pio w 0x610 1 0x6
;@ exits: end reset
%include "test.inc"
	outb	ACPI_RESET, 2
	outb	ACPI_RESET, 6
	unreachable
