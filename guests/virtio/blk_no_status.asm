; SPDX-License-Identifier: MIT
;@ summary: 5.2.6: a request without room for a status is given back and does nothing
;@ device: virtio-blk
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0
	set_bytes VQ_BUF, 512, 0x77
	blk_header BT_OUT, 0
	v_desc	0, BLK_HEADER, 16, VD_NEXT, 1
	v_desc	1, VQ_BUF, 512, 0, 0
	v_offer	0
	v_kick
	assert_used 0, 0, 0
	assert_blk BS_NONE
	blk_request BT_IN, 0, 512, VD_WRITE
	assert_blk BS_OK
	assert_bytes VQ_BUF, 512, 0
	pass
