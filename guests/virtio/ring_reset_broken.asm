; SPDX-License-Identifier: MIT
;@ summary: 2.1.2: the reset of a broken queue is not that of the device, which it needs still
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0, VF_HI_RING_RESET
	mov	word [VQ_AVAIL + 2], 100	; avail.idx jumps
	v_kick
	v_read	V_STATUS
	assert_set eax, VS_NEEDS_RESET
	v_write	V_QUEUE_RESET, 1
	assert_v V_QUEUE_READY, 0
	v_read	V_STATUS
	assert_set eax, VS_NEEDS_RESET
	v_clear_rings
	v_queue	VQ_NUM
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_used_idx 0
	v_clear_rings
	v_start	0
	v_offer	0
	v_kick
	assert_used_idx 1
	pass
