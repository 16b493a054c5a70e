; SPDX-License-Identifier: MIT
;@ summary: 2.7.4: a request is the same however it is cut into descriptors
;@ device: virtio-blk
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0
	blk_header BT_OUT, 9
	set_bytes VQ_BUF, 512, 0x42
	v_desc	0, BLK_HEADER, 5, VD_NEXT, 1
	v_desc	1, BLK_HEADER + 5, 11, VD_NEXT, 2
	v_desc	2, VQ_BUF, 100, VD_NEXT, 3
	v_desc	3, VQ_BUF + 100, 412, VD_NEXT, 4
	v_desc	4, BLK_STATUS, 1, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_blk BS_OK
	; the status is the last byte that may be written, here behind the data
	blk_header BT_IN, 9
	set_bytes VQ_BUF, 513, 0xff
	v_desc	0, BLK_HEADER, 16, VD_NEXT, 1
	v_desc	1, VQ_BUF, 513, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_used 1, 0, 513
	assert_bytes VQ_BUF, 512, 0x42
	assert_eq byte [VQ_BUF + 512], BS_OK
	pass
