; SPDX-License-Identifier: MIT
;@ summary: 4.2.2.1: a queue that is not ready is not touched: what was in flight when it was stopped is gone
;@ device: virtio-blk,delay=20000
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0
	blk_request BT_IN, 0, 512, VD_WRITE
	v_write	V_QUEUE_READY, 0
	assert_v V_QUEUE_READY, 0
	v_wait_us 40
	assert_used_idx 0
	assert_v V_INT_STATUS, 0
	v_clear_rings
	v_queue	VQ_NUM
	blk_request BT_IN, 0, 512, VD_WRITE
	v_wait_us 40
	assert_used_idx 1
	assert_blk BS_OK
	pass
