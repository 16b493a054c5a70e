; SPDX-License-Identifier: MIT
;@ summary: 2.6.1.1: a queue that is reset is as at first, alone, and not ready; 2.6.1.2: it starts anew
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0, VF_HI_RING_RESET
	assert_v V_QUEUE_RESET, 0
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_used_idx 1
	v_write	V_QUEUE_RESET, 1
	assert_v V_QUEUE_RESET, 0
	assert_v V_QUEUE_READY, 0
	assert_v V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	v_offer	0			; nobody looks
	v_kick
	assert_used_idx 1
	v_clear_rings
	v_queue	VQ_NUM
	assert_v V_QUEUE_RESET, 0
	v_offer	0
	v_kick
	assert_used_idx 1
	assert_used 0, 0, 16
	pass
