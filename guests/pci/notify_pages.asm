; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.4: queues a page apart; each queue has its own
;@ device: virtio-blk-pci,queues=2,multiplier=4096
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
%include "pci.inc"
	vcap_find 1, VC_NOTIFY
	assert_cap 1, 12, 0x2000
	assert_cap 1, 16, 0x1000
	p_find	1
	assert_p16 C_NUM_QUEUES, 2
	p_features 0
	p_set_up 1, VQ_NUM
	assert_p16 C_NOTIFY_OFF, 1
	p_write16 C_ENABLE, 1
	p_driver_ok
	blk_header BT_FLUSH, 0
	v_desc	0, BLK_HEADER, 16, VD_NEXT, 2
	v_desc	2, BLK_STATUS, 1, VD_WRITE, 0
	v_offer	0
	v_kick					; queue 0
	assert_used_idx 0
	p_write16 R_NOTIFY + 0x1000, 0		; queue 0's number at queue 1's address
	assert_used_idx 0
	p_write16 R_NOTIFY + 0x1000, 1
	assert_used_idx 1
	pass
