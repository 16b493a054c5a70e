; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.9.2: another length, an offset that is no multiple, another BAR, beyond it: 0, and nothing done
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_write8 C_STATUS, 3
	vcap_find 1, VC_PCI_CFG
	assert_ne ecx, 0
	cap_write 1, 4, 4
	cap_write 1, 8, C_STATUS
	cap_write 1, 12, 3
	cap_write 1, 16, 0
	assert_p8 C_STATUS, 3
	assert_cap 1, 16, 0
	cap_write 1, 12, 0
	assert_cap 1, 16, 0
	cap_write 1, 12, NOTHING
	assert_cap 1, 16, 0
	cap_write 1, 12, 2
	cap_write 1, 8, C_NUM_QUEUES + 1
	assert_cap 1, 16, 0
	cap_write 1, 12, 4
	cap_write 1, 8, 0x4000
	assert_cap 1, 16, 0
	cap_write 1, 8, 0xfffffffc
	cap_write 1, 16, NOTHING
	assert_cap 1, 16, 0
	cap_write 1, 4, 1			; MSI-X is no virtio structure
	cap_write 1, 8, 12
	assert_cap 1, 16, 0
	cap_write 1, 4, 0xff
	assert_cap 1, 16, 0
	assert_p8 C_STATUS, 3
	pass
