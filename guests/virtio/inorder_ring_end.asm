; SPDX-License-Identifier: MIT
;@ summary: 2.7.9: batches of three in a ring of eight: each entry is where its first buffer was offered
;@ device: virtio-rng,in_order=1
%include "test.inc"
%include "virtio.inc"
	v_start	0, VF_HI_IN_ORDER
	xor	r12d, r12d			; chains so far
.next:	mov	r13d, 3
.offer:	lea	ecx, [r12 + 3]
	sub	ecx, r13d
	and	ecx, VQ_NUM - 1			; descriptors in ring order, 2.7.5
	mov	edx, ecx
	shl	ecx, 4
	mov	qword [VQ_DESC + rcx], VQ_BUF
	mov	dword [VQ_DESC + rcx + 8], 8
	mov	dword [VQ_DESC + rcx + 12], VD_WRITE
	v_offer	dx
	dec	r13d
	jnz	.offer
	v_kick
	mov	ecx, r12d
	and	ecx, VQ_NUM - 1
	mov	edx, [VQ_USED + 4 + rcx * 8]
	lea	eax, [r12 + 2]
	and	eax, VQ_NUM - 1
	assert_eq edx, eax
	add	r12d, 3
	assert_used_idx r12w
	cmp	r12d, 3 * 32
	jb	.next
	pass
