; SPDX-License-Identifier: MIT
;@ summary: 2.6.1: the reset of queue 1 leaves queue 0 and what it has in flight alone
;@ device: virtio-blk,queues=2,delay=20000
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	BF_MQ, VF_HI_RING_RESET
	v_write	V_QUEUE_SEL, 1
	v_write	V_QUEUE_NUM, 2
	v_write	V_DESC_LOW, VQ_TABLE
	v_write	V_DRIVER_LOW, VQ_TABLE + 0x100
	v_write	V_DEVICE_LOW, VQ_TABLE + 0x200
	v_write	V_QUEUE_READY, 1
	assert_v V_QUEUE_READY, 1
	blk_request BT_IN, 0, 512, VD_WRITE
	v_write	V_QUEUE_SEL, 1
	v_write	V_QUEUE_RESET, 1
	assert_v V_QUEUE_READY, 0
	v_write	V_QUEUE_SEL, 0
	assert_v V_QUEUE_READY, 1
	v_wait_us 40
	assert_used_idx 1
	assert_used 0, 0, 513
	assert_blk BS_OK
	pass
