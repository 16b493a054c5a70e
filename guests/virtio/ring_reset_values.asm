; SPDX-License-Identifier: MIT
;@ summary: 4.2.2: only 1 resets a queue, and only one that is there
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0, VF_HI_RING_RESET
	v_write	V_QUEUE_RESET, 0
	v_write	V_QUEUE_RESET, 2
	v_write	V_QUEUE_RESET, 0x101
	v_write	V_QUEUE_RESET, 0xffffffff
	assert_v V_QUEUE_READY, 1
	v_write	V_QUEUE_SEL, 1
	v_write	V_QUEUE_RESET, 1
	assert_v V_QUEUE_RESET, 0
	v_write	V_QUEUE_SEL, 0xffffffff
	v_write	V_QUEUE_RESET, 1
	v_write	V_QUEUE_SEL, 0
	assert_v V_QUEUE_READY, 1
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_used_idx 1
	pass
