; SPDX-License-Identifier: MIT
;@ summary: 5.2.6: the device tells its name in 20 bytes
;@ device: virtio-blk
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0
	set_bytes VQ_BUF, 32, 0xff
	blk_request BT_GET_ID, 0, 20, VD_WRITE
	assert_blk BS_OK
	assert_used 0, 0, 21
	assert_eq64 [VQ_BUF], 0x7369642d65736976	; "vise-dis"
	assert_eq byte [VQ_BUF + 19], 0
	assert_eq byte [VQ_BUF + 20], 0xff
	pass
