; SPDX-License-Identifier: MIT
;@ summary: virtio 3.1.2: before DRIVER_OK the device does not look at its queues
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_features 0
	v_queue	VQ_NUM
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_used_idx 0
	v_write	V_STATUS, 15
	v_kick
	assert_used_idx 1
	pass
