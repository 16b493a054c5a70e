; SPDX-License-Identifier: MIT
;@ summary: 2.1.2, 3.3.1: a doorbell that was not answered when the device is reset is not: nothing is executed
;@ device: virtio-blk,start=1000000000
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0
	set_bytes VQ_BUF, 512, 0x5a
	blk_request BT_OUT, 0, 512, 0
	v_write	V_STATUS, 0
	v_wait_us 100
	assert_blk BS_NONE
	v_clear_rings
	v_start	0
	assert_v V_INT_STATUS, 0
	assert_used_idx 0
	pass
