; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.6: a block device has a device configuration capability
;@ device: virtio-blk-pci
;@ disk: mem:64K
%include "test.inc"
%include "pci.inc"
	assert_cf 1, P_VENDOR, 0x10421af4
	assert_cf 1, P_CLASS, 0x01000001
	vcap_find 1, VC_DEVICE
	assert_ne ecx, 0
	assert_cap 1, 4, 4
	assert_cap 1, 8, R_CONFIG
	p_find	1
	assert_p R_CONFIG, 128			; capacity in sectors
	assert_p R_CONFIG + 4, 0
	assert_p16 R_CONFIG, 128
	assert_p8 R_CONFIG, 128
	assert_p8 C_GENERATION, 0
	pass
