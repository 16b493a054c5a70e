; SPDX-License-Identifier: MIT
;@ summary: virtio 2.4: writing 0 to status resets the device: queues, features, interrupt, selectors
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	VF_INDIRECT
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_used_idx 1
	assert_v V_INT_STATUS, 1
	v_write	V_STATUS, 0
	assert_v V_STATUS, 0
	assert_v V_QUEUE_READY, 0
	assert_v V_INT_STATUS, 0
	v_kick				; nothing may happen now
	assert_used_idx 1
	mov	dword [VQ_AVAIL], 0
	mov	dword [VQ_USED], 0
	v_start	0			; and it works again from the start
	v_offer	0
	v_kick
	assert_used_idx 1
	assert_used 0, 0, 16
	pass
