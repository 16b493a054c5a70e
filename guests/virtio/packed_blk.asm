; SPDX-License-Identifier: MIT
;@ summary: a block device over a packed ring: written sectors are read back
;@ device: virtio-blk,packed=1
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
%include "packed.inc"
	vp_start 0
	set_bytes VQ_BUF, 512, 0x6b
	blk_header BT_OUT, 7
	vp_desc	1, VQ_BUF, 512, 9, VD_NEXT | VP_ROUND1
	vp_desc	2, BLK_STATUS, 1, 9, VD_WRITE | VP_ROUND1
	vp_desc	0, BLK_HEADER, 16, 9, VD_NEXT | VP_ROUND1
	v_kick
	assert_vp_used 0, 1, 9, VD_WRITE | VP_AVAIL | VP_USED
	assert_blk BS_OK
	set_bytes VQ_BUF, 512, 0
	blk_header BT_IN, 7
	vp_desc	4, VQ_BUF, 512, 4, VD_WRITE | VD_NEXT | VP_ROUND1
	vp_desc	0, BLK_STATUS, 1, 4, VD_WRITE | VP_ROUND2
	vp_desc	3, BLK_HEADER, 16, 4, VD_NEXT | VP_ROUND1
	v_kick
	assert_vp_used 3, 513, 4, VD_WRITE | VP_AVAIL | VP_USED
	assert_blk BS_OK
	assert_bytes VQ_BUF, 512, 0x6b
	pass
