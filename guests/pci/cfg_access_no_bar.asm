; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.9: it reaches a device whose BARs decode nothing
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	cf_write16 1, P_COMMAND, PC_MASTER
	p_find	1
	cf_write16 1, P_COMMAND, PC_MASTER	; no memory decoding
	vcap_find 1, VC_PCI_CFG
	assert_ne ecx, 0
	cap_write 1, 4, 4
	cap_write 1, 8, C_STATUS
	cap_write 1, 12, 1
	cap_write 1, 16, 1
	cap_write 1, 16, 3
	cap_read 1, 16
	assert_eq al, 3
	cap_write 1, 16, 0
	cap_read 1, 16
	assert_eq al, 0
	pass
