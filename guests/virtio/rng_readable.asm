; SPDX-License-Identifier: MIT
;@ summary: a device-readable buffer is nothing the entropy device can fill: used.len 0, memory unchanged
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, VQ_BUF, 64, 0, 0
	v_offer	0
	v_kick
	assert_used_idx 1
	assert_used 0, 0, 0
	assert_zeroes VQ_BUF, 64
	assert_v V_STATUS, 15
	pass
