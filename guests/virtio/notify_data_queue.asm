; SPDX-License-Identifier: MIT
;@ summary: 4.2.3.3: with NOTIFICATION_DATA the low 16 bits are the queue: others ring for nobody
;@ device: virtio-blk,queues=2,notify_data=1
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	BF_MQ, VF_HI_NOTIFY_DATA
	blk_header BT_GET_ID, 0
	v_desc	0, BLK_HEADER, 16, VD_NEXT, 1
	v_desc	1, BLK_STATUS, 1, VD_WRITE, 0
	v_offer	0
	v_write	V_QUEUE_NOTIFY, 1 << 16 | 1	; not ready
	v_write	V_QUEUE_NOTIFY, 1 << 16 | 2	; not there
	v_write	V_QUEUE_NOTIFY, 1 << 16 | 0xffff
	assert_used_idx 0
	v_write	V_QUEUE_NOTIFY, 1 << 16
	assert_used_idx 1
	assert_blk BS_OK
	pass
