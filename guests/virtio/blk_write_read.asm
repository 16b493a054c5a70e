; SPDX-License-Identifier: MIT
;@ summary: 5.2.6: sectors that were written are read back; others are as they were
;@ device: virtio-blk
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	BF_FLUSH
	set_bytes VQ_BUF, 1024, 0x5a
	blk_request BT_OUT, 3, 1024, 0
	assert_blk BS_OK
	assert_used 0, 0, 1
	set_bytes VQ_BUF, 2048, 0xff
	blk_request BT_IN, 2, 2048, VD_WRITE
	assert_blk BS_OK
	assert_used 1, 0, 2049
	assert_bytes VQ_BUF, 512, 0
	assert_bytes VQ_BUF + 512, 1024, 0x5a
	assert_bytes VQ_BUF + 1536, 512, 0
	blk_command BT_FLUSH, 0
	assert_blk BS_OK
	assert_used_idx 3
	pass
