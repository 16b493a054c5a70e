; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.4: with multiplier 0 all queues share an address, the number says which
;@ device: virtio-rng-pci,multiplier=0
%include "test.inc"
%include "pci.inc"
	vcap_find 1, VC_NOTIFY
	assert_cap 1, 16, 0
	p_find	1
	p_start	0
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	p_write16 R_NOTIFY, 1			; none
	assert_used_idx 0
	p_write16 R_NOTIFY, 0
	assert_used_idx 1
	pass
