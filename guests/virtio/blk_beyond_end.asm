; SPDX-License-Identifier: MIT
;@ summary: 5.2.6.2: a request beyond the capacity fails and transfers nothing
;@ device: virtio-blk
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0
	set_bytes VQ_BUF, 1024, 0x11
	blk_request BT_IN, 127, 1024, VD_WRITE	; the last sector and one more
	assert_blk BS_IOERR
	assert_used 0, 0, 0
	assert_bytes VQ_BUF, 1024, 0x11
	blk_request BT_OUT, 128, 512, 0
	assert_blk BS_IOERR
	blk_request BT_IN, 1 << 55, 512, VD_WRITE	; its offset in bytes wraps to 0
	assert_blk BS_IOERR
	blk_request BT_IN, 127, 512, VD_WRITE
	assert_blk BS_OK
	assert_bytes VQ_BUF, 512, 0
	pass
