; SPDX-License-Identifier: MIT
;@ summary: 2.6.1.1: what is in flight when its queue is reset never comes back, and nobody is interrupted
;@ device: virtio-blk,delay=20000
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0, VF_HI_RING_RESET
	blk_request BT_IN, 0, 512, VD_WRITE
	assert_used_idx 0
	v_write	V_QUEUE_RESET, 1
	assert_v V_QUEUE_READY, 0
	v_clear_rings
	v_queue	VQ_NUM
	v_wait_us 40
	assert_used_idx 0
	assert_v V_INT_STATUS, 0
	blk_request BT_IN, 0, 512, VD_WRITE	; and the queue works on
	v_wait_us 40
	assert_used_idx 1
	assert_blk BS_OK
	pass
