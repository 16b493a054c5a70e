; SPDX-License-Identifier: MIT
;@ summary: an MSR access that the machine refuses is #GP(0) at the instruction, registers unchanged
;@ needs: kvm-msr-exits
%include "test.inc"
	mov	ecx, TD_MSR_FAULT
	mov	eax, 0x1111
	mov	edx, 0x2222
	expect_fault GP, 0, rdmsr
	assert_eq eax, 0x1111
	assert_eq edx, 0x2222
	expect_fault GP, 0, wrmsr
	mov	ecx, TD_MSR		; and the next access works
	rdmsr
	assert_eq eax, 0
	pass
