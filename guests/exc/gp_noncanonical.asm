; SPDX-License-Identifier: MIT
;@ summary: a non-canonical address is #GP(0), and #SS(0) by way of the stack
;@ xfail: kvm kvm-ss-noncanonical an emulated CPU that raises #GP for all of them
%include "test.inc"
	mov	rbx, 0x8000000000000000
	expect_fault GP, 0, mov al, [rbx]
	mov	rbp, rbx
	expect_fault SS_, 0, mov al, [rbp]
	pass
