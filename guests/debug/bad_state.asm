; SPDX-License-Identifier: MIT
;@ summary: contradictory control registers are refused by the CPU back end and nothing changes
;@ needs: kvm-sregs-checks
%include "test.inc"
	xor	r12d, r12d
.next:	mov	rbx, cr0
	hostop	OP_BAD_STATE, r12
	assert_eq rax, -22
	mov	rax, cr0
	assert_eq rax, rbx
	inc	r12d
	cmp	r12d, 6
	jne	.next
	pass
