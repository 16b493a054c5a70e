; SPDX-License-Identifier: MIT
;@ summary: 2.7.14: requests in flight are part of a snapshot: each comes back once after it is loaded
;@ device: virtio-blk,delay=20000
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0
	blk_header BT_GET_ID, 0
	v_desc	0, BLK_HEADER, 16, VD_NEXT, 1
	v_desc	1, BLK_STATUS, 1, VD_WRITE, 0
	v_desc	2, BLK_HEADER, 16, VD_NEXT, 3
	v_desc	3, BLK_STATUS + 1, 1, VD_WRITE, 0
	v_offer	0
	v_kick
	hostop	OP_SAVE_LOAD
	v_offer	2
	v_kick
	hostop	OP_SAVE_LOAD
	assert_used_idx 0
	v_wait_us 40
	assert_used_idx 2
	mov	eax, [VQ_USED + 4]
	add	eax, [VQ_USED + 12]
	assert_eq eax, 2			; 0 and 2
	assert_eq dword [VQ_USED + 8], 1
	assert_eq dword [VQ_USED + 16], 1
	hostop	OP_SAVE_LOAD
	v_wait_us 40
	assert_used_idx 2
	pass
