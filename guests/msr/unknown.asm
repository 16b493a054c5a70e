; SPDX-License-Identifier: MIT
;@ summary: an MSR that nobody knows is #GP(0) for reads and writes
%include "test.inc"
	mov	ecx, 0x3fff0000
	expect_fault GP, 0, rdmsr
	expect_fault GP, 0, wrmsr
	pass
