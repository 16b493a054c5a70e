; SPDX-License-Identifier: MIT
;@ summary: 5.2.6.2: a request that is not known, or was not negotiated, is unsupported
;@ device: virtio-blk
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0
	blk_command 2, 0
	assert_blk BS_UNSUPP
	blk_command 0xffffffff, 0
	assert_blk BS_UNSUPP
	blk_command BT_FLUSH, 0
	assert_blk BS_UNSUPP
	blk_request BT_DISCARD, 0, 16, 0
	assert_blk BS_UNSUPP
	pass
