; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.5.2, 2.9: with NOTIFICATION_DATA a notification is 32 bits, and no longer 16
;@ device: virtio-rng-pci,notify_data=1
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_accept 0, 1 << (38 - 32)
	p_queue	VQ_NUM
	p_driver_ok
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	p_write16 R_NOTIFY, 0
	assert_used_idx 0
	p_write	R_NOTIFY, 1 << 16		; queue 0, the index that was published
	assert_used_idx 1
	v_offer	0
	p_write	R_NOTIFY, 7 << 16		; wrong data: served all the same
	assert_used_idx 2
	pass
