; SPDX-License-Identifier: MIT
;@ summary: 2.6.1.1: a queue is reset after a snapshot with a request in flight was loaded: it never comes back
;@ device: virtio-blk,delay=20000
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0, VF_HI_RING_RESET
	blk_request BT_IN, 0, 512, VD_WRITE
	hostop	OP_SAVE_LOAD
	v_write	V_QUEUE_RESET, 1
	v_wait_us 40
	assert_used_idx 0
	assert_v V_INT_STATUS, 0
	pass
