; SPDX-License-Identifier: MIT
;@ summary: a doorbell for a queue that does not exist is ignored
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_write	V_QUEUE_NOTIFY, 1
	v_write	V_QUEUE_NOTIFY, 0xffffffff
	v_write	V_QUEUE_NOTIFY, 0x10000
	assert_used_idx 0
	v_kick
	assert_used_idx 1
	pass
