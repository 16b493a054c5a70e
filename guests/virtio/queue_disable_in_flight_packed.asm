; SPDX-License-Identifier: MIT
;@ summary: 4.2.2.1: a packed queue that is stopped with requests in flight is not touched either
;@ device: virtio-rng,packed=1,delay=20000
%include "test.inc"
%include "packed.inc"
	vp_start VF_EVENT_IDX
	vp_desc	0, VQ_BUF, 8, 1, VD_WRITE | VP_ROUND1
	vp_desc	1, VQ_BUF, 8, 2, VD_WRITE | VP_ROUND1
	v_kick
	v_write	V_QUEUE_READY, 0
	v_wait_us 40
	assert_vp_used 0, 8, 1, VD_WRITE | VP_ROUND1	; as the driver left it
	assert_vp_used 1, 8, 2, VD_WRITE | VP_ROUND1
	assert_v V_INT_STATUS, 0
	pass
