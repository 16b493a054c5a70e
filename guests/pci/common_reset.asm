; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.3.1: 0 in device_status resets all but PCI's own state
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_start	VF_INDIRECT
	p_rng
	p_write16 C_VECTOR, 0
	p_write8 C_STATUS, 0
	assert_p8 C_STATUS, 0
	assert_p16 C_ENABLE, 0
	assert_p16 C_SIZE, 256
	assert_p C_DESC, 0
	assert_p16 C_VECTOR, NO_VECTOR
	assert_p C_DRV_FEATURES, 0
	assert_p8 R_ISR, 0
	assert_cf16 1, P_COMMAND, PC_MEMORY | PC_MASTER
	assert_cf16 1, P_STATUS, 0x10
	mov	dword [VQ_AVAIL], 0
	mov	dword [VQ_USED], 0
	p_start	0
	p_rng
	assert_used 0, 0, 16
	pass
