; SPDX-License-Identifier: MIT
;@ summary: HLT with interrupts off and nothing to wake it ends the run by itself
;@ exit: hlt
;@ exits: hlt
;@ exits: end hlt
%include "test.inc"
	hlt
	unreachable
