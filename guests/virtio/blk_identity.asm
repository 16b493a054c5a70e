; SPDX-License-Identifier: MIT
;@ summary: 5.2.4: a block device says its capacity, block size and limits
;@ device: virtio-blk
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	assert_v V_DEVICE_ID, V_ID_BLK
	assert_v V_CONFIG, 128			; capacity in sectors
	assert_v V_CONFIG + 4, 0
	assert_v V_CONFIG + 20, 512		; blk_size
	v_write	V_DEV_FEAT_SEL, 0
	v_read	V_DEV_FEATURES
	assert_set eax, BF_FLUSH
	assert_set eax, BF_WRITE_ZEROES
	assert_clear eax, BF_RO
	assert_clear eax, BF_MQ
	pass
