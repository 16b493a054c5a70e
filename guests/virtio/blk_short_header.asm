; SPDX-License-Identifier: MIT
;@ summary: 5.2.6: a header of less than 16 bytes fails
;@ device: virtio-blk
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0
	blk_header BT_FLUSH, 0
	v_desc	0, BLK_HEADER, 15, VD_NEXT, 1
	v_desc	1, BLK_STATUS, 1, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_blk BS_IOERR
	pass
