; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.9: the configuration access capability reads and writes the BAR's registers
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	vcap_find 1, VC_PCI_CFG
	assert_ne ecx, 0
	cap_write 1, 4, 4			; BAR 4
	cap_write 1, 8, C_NUM_QUEUES
	cap_write 1, 12, 2
	cap_read 1, 16
	assert_eq ax, 1
	cap_write 1, 8, C_STATUS
	cap_write 1, 12, 1
	cap_write 1, 16, 3
	assert_p8 C_STATUS, 3
	cap_read 1, 16
	assert_eq al, 3
	cap_write 1, 8, C_DEV_SEL
	cap_write 1, 12, 4
	cap_write 1, 16, 1
	assert_p C_DEV_SEL, 1
	pass
