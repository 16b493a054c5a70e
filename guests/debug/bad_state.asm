; SPDX-License-Identifier: MIT
;@ summary: contradictory control registers are refused by the CPU back end and nothing changes
;@ needs: kvm-sregs-checks
;@ compare: no KVM does not look at EFER's reserved bits
%include "test.inc"
	xor	r12d, r12d
.next:	mov	rbx, cr0
	hostop	OP_BAD_STATE, r12
	cmp	r12d, 4			; EFER's reserved bits: KVM_SET_SREGS does not look at them
	jne	.refused
	test	rax, rax
	jz	.kept
.refused:
	assert_eq rax, -22
.kept:
	mov	rax, cr0
	assert_eq rax, rbx
	inc	r12d
	cmp	r12d, 6
	jne	.next
	pass
