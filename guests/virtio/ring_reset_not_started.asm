; SPDX-License-Identifier: MIT
;@ summary: 2.6.1.1: a doorbell that was not answered when the queue is reset is not: nothing is executed
;@ device: virtio-blk,start=1000000000
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0, VF_HI_RING_RESET
	set_bytes VQ_BUF, 512, 0x5a
	blk_request BT_OUT, 0, 512, 0
	v_write	V_QUEUE_RESET, 1
	v_wait_us 100
	assert_blk BS_NONE
	assert_used_idx 0
	pass
