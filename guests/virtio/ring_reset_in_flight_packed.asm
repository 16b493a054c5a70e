; SPDX-License-Identifier: MIT
;@ summary: 2.6.1.1: of a packed ring, too, nothing comes back after its reset
;@ device: virtio-rng,packed=1,delay=20000
%include "test.inc"
%include "packed.inc"
	vp_start 0, VF_HI_RING_RESET
	vp_desc	0, VQ_BUF, 8, 1, VD_WRITE | VP_ROUND1
	v_kick
	v_write	V_QUEUE_RESET, 1
	vp_clear
	v_queue	VP_NUM
	v_wait_us 40
	assert_vp_used 0, 0, 0, 0
	assert_v V_INT_STATUS, 0
	vp_desc	0, VQ_BUF, 8, 7, VD_WRITE | VP_ROUND1
	v_kick
	v_wait_us 40
	assert_vp_used 0, 8, 7, VD_WRITE | VP_AVAIL | VP_USED
	pass
