; SPDX-License-Identifier: MIT
;@ summary: 2.8.4, 2.8.6: one buffer is filled and its descriptor marked used
;@ device: virtio-rng,packed=1
%include "test.inc"
%include "packed.inc"
	vp_start 0
	vp_desc	0, VQ_BUF, 16, 0x1234, VD_WRITE | VP_ROUND1
	v_kick
	assert_vp_used 0, 16, 0x1234, VD_WRITE | VP_AVAIL | VP_USED
	assert_filled VQ_BUF, 16
	assert_zeroes VQ_BUF + 16, 16
	assert_v V_INT_STATUS, 1
	pass
