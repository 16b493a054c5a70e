; SPDX-License-Identifier: MIT
;@ summary: 2.7.5.1: a descriptor chain that loops is completed with length 0 and the device stays healthy
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, VQ_BUF, 16, VD_WRITE | VD_NEXT, 1
	v_desc	1, VQ_BUF, 16, VD_WRITE | VD_NEXT, 0
	v_offer	0
	v_kick
	assert_used_idx 1
	assert_used 0, 0, 0
	assert_zeroes VQ_BUF, 16
	assert_v V_STATUS, 15
	v_desc	2, VQ_BUF, 16, VD_WRITE, 0
	v_offer	2
	v_kick
	assert_used_idx 2
	assert_used 1, 2, 16
	pass
