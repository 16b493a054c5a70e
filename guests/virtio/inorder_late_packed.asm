; SPDX-License-Identifier: MIT
;@ summary: 2.8.8: on a packed ring, too, late requests come back in order
;@ device: virtio-rng,packed=1,in_order=1,delay=20000
%include "test.inc"
%include "packed.inc"
	vp_start 0, VF_HI_IN_ORDER
	vp_desc	1, VQ_BUF, 8, 1, VD_WRITE | VP_ROUND1
	vp_desc	2, VQ_BUF, 8, 2, VD_WRITE | VP_ROUND1
	vp_desc	0, VQ_BUF, 8, 0, VD_WRITE | VP_ROUND1
	v_kick
	mov	r13d, 40
	xor	r12d, r12d			; the next one that comes back
.wait:	mov	ecx, r12d
	shl	ecx, 4
	cmp	word [VQ_DESC + rcx + 14], VD_WRITE | VP_AVAIL | VP_USED
	jne	.more
	movzx	edx, word [VQ_DESC + rcx + 12]
	cmp	edx, r12d
	assert_cc ae				; itself, or the end of its batch
	lea	r12d, [rdx + 1]
.more:	v_wait_us 1
	dec	r13d
	jnz	.wait
	assert_eq r12d, 3
	pass
