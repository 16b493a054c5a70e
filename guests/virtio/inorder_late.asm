; SPDX-License-Identifier: MIT
;@ summary: 2.7.9: requests that take their time come back in order with IN_ORDER
;@ device: virtio-blk,in_order=1,delay=20000
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0, VF_HI_IN_ORDER
	blk_header BT_GET_ID, 0
	v_desc	0, BLK_HEADER, 16, VD_NEXT, 1
	v_desc	1, BLK_STATUS, 1, VD_WRITE, 0
	v_desc	2, BLK_HEADER, 16, VD_NEXT, 3
	v_desc	3, BLK_STATUS + 1, 1, VD_WRITE, 0
	v_desc	4, BLK_HEADER, 16, VD_NEXT, 5
	v_desc	5, BLK_STATUS + 2, 1, VD_WRITE, 0
	v_desc	6, BLK_HEADER, 16, VD_NEXT, 7
	v_desc	7, BLK_STATUS + 3, 1, VD_WRITE, 0
	v_offer	0
	v_offer	2
	v_offer	4
	v_offer	6
	v_kick
	; The entry at the place of the last one seen is of that one or a later one.
	xor	r12d, r12d
	mov	r13d, 40
.wait:	movzx	edx, word [VQ_USED + 2]
	cmp	edx, r12d
	je	.more
	assert_cc a
	mov	eax, [VQ_USED + 4 + r12 * 8]	; 2 * (idx - 1) is the last one's head
	lea	ecx, [rdx * 2 - 2]
	cmp	eax, ecx
	assert_cc be
	mov	r12d, edx
.more:	v_wait_us 1
	dec	r13d
	jnz	.wait
	assert_eq r12d, 4
	assert_v V_INT_STATUS, 1
	pass
