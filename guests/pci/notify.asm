; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.5.2: a notification is 16 bits of the queue's number at the queue's address
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_start	0
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	p_write8 R_NOTIFY, 0
	p_write	R_NOTIFY, 0
	p_write16 R_NOTIFY + 2, 0		; between two queues
	p_write16 R_NOTIFY + 4, 0		; behind the last
	p_write16 R_NOTIFY, 1			; another queue's number
	assert_used_idx 0
	assert_p16 R_NOTIFY, 0			; nothing to be read
	p_write16 R_NOTIFY, 0
	assert_used_idx 1
	pass
