; SPDX-License-Identifier: MIT
;@ summary: a head beyond the queue breaks it: DEVICE_NEEDS_RESET, a configuration interrupt, then silence
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_offer	VQ_NUM
	v_kick
	assert_used_idx 0
	v_read	V_STATUS
	assert_set eax, VS_NEEDS_RESET
	v_read	V_INT_STATUS
	assert_set eax, 2
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_used_idx 0
	v_write	V_STATUS, 0
	assert_v V_STATUS, 0
	pass
