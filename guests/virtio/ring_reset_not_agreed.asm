; SPDX-License-Identifier: MIT
;@ summary: 4.2.2: QueueReset is for a driver that accepted RING_RESET; another one's write does nothing
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_write	V_QUEUE_RESET, 1		; before anything
	v_start	0
	v_write	V_QUEUE_RESET, 1
	assert_v V_QUEUE_RESET, 0
	assert_v V_QUEUE_READY, 1
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_used_idx 1
	pass
