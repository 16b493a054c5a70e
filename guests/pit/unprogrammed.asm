; SPDX-License-Identifier: MIT
;@ summary: a timer that nobody programmed wakes nobody: HLT ends the run, interrupts on or not
;@ device: pit
;@ exit: hlt
%include "test.inc"
	pic_init 1 << PIT_IRQ
	sti
	hlt
	unreachable
