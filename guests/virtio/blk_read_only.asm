; SPDX-License-Identifier: MIT
;@ summary: 5.2.6.2: a read-only disk offers RO and refuses writes
;@ device: virtio-blk
;@ disk: mem:64K,ro
%include "test.inc"
%include "blk.inc"
	v_write	V_DEV_FEAT_SEL, 0
	v_read	V_DEV_FEATURES
	assert_set eax, BF_RO
	assert_clear eax, BF_DISCARD
	v_start	BF_RO
	set_bytes VQ_BUF, 512, 0x33
	blk_request BT_OUT, 0, 512, 0
	assert_blk BS_IOERR
	blk_request BT_IN, 0, 512, VD_WRITE
	assert_blk BS_OK
	assert_bytes VQ_BUF, 512, 0
	pass
