; SPDX-License-Identifier: MIT
;@ summary: entropy 5.4.6: one writable descriptor is filled, used.len is its length, nothing beyond changes
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, VQ_BUF + 16, 64, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_used_idx 1
	assert_used 0, 0, 64
	assert_zeroes VQ_BUF, 16
	assert_filled VQ_BUF + 16, 64
	assert_zeroes VQ_BUF + 80, 16
	assert_v V_INT_STATUS, 1
	v_write	V_INT_ACK, 1
	assert_v V_INT_STATUS, 0
	pass
