; SPDX-License-Identifier: MIT
;@ summary: size and addresses of a ready queue do not change under it
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_write	V_QUEUE_NUM, 4
	v_write	V_DESC_LOW, VQ_DESC + 0x8000
	v_write	V_DEVICE_LOW, VQ_USED + 0x8000
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_used_idx 1
	assert_used 0, 0, 16
	pass
