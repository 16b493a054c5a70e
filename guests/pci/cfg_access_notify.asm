; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.9: a notification by the configuration access capability, and ISR
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_start	0
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	vcap_find 1, VC_PCI_CFG
	assert_ne ecx, 0
	cap_write 1, 4, 4
	cap_write 1, 8, R_NOTIFY
	cap_write 1, 12, 2
	cap_write 1, 16, 0
	assert_used_idx 1
	cap_write 1, 8, R_ISR
	cap_write 1, 12, 1
	cap_read 1, 16
	assert_eq al, 1
	assert_p8 R_ISR, 0
	pass
