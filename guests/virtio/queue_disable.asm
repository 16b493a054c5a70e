; SPDX-License-Identifier: MIT
;@ summary: QueueReady 0 stops the queue; it starts again from index 0
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_used_idx 1
	v_write	V_QUEUE_READY, 0
	assert_v V_QUEUE_READY, 0
	v_offer	0
	v_kick
	assert_used_idx 1
	mov	dword [VQ_AVAIL], 0
	mov	dword [VQ_USED], 0
	v_queue	VQ_NUM
	v_offer	0
	v_kick
	assert_used_idx 1
	pass
