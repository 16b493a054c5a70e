; SPDX-License-Identifier: MIT
;@ summary: 2.6.1.1: a packed ring that is reset begins at entry 0 in round 1 again
;@ device: virtio-rng,packed=1
%include "test.inc"
%include "packed.inc"
	vp_start 0, VF_HI_RING_RESET
	mov	r12d, 3
.again:	vp_desc	0, VQ_BUF, 8, 1, VD_WRITE | VP_ROUND1
	vp_desc	1, VQ_BUF, 8, 2, VD_WRITE | VP_ROUND1
	v_kick
	assert_vp_used 0, 8, 1, VD_WRITE | VP_AVAIL | VP_USED
	assert_vp_used 1, 8, 2, VD_WRITE | VP_AVAIL | VP_USED
	v_write	V_QUEUE_RESET, 1
	assert_v V_QUEUE_READY, 0
	assert_v V_QUEUE_RESET, 0
	vp_clear
	v_queue	VP_NUM
	dec	r12d
	jnz	.again
	pass
