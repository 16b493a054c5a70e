; SPDX-License-Identifier: MIT
;@ summary: a triple fault that nobody waits for ends the run
;@ exit: shutdown
;@ exits: shutdown
;@ exits: end shutdown
%include "test.inc"
section .data
none:	dw 0
	dq 0
section .text
	lidt	[none]
	ud2
