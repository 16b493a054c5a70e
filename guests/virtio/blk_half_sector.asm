; SPDX-License-Identifier: MIT
;@ summary: 5.2.6.2: data that is no whole number of sectors is refused
;@ device: virtio-blk
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0
	blk_request BT_IN, 0, 511, VD_WRITE
	assert_blk BS_IOERR
	blk_request BT_OUT, 0, 513, 0
	assert_blk BS_IOERR
	blk_request BT_IN, 0, 512, VD_WRITE
	assert_blk BS_OK
	pass
