; SPDX-License-Identifier: MIT
;@ summary: option slot= says where a function is; others take the first that is free
;@ device: virtio-rng-pci,slot=9
;@ device: virtio-blk-pci
;@ device: virtio-rng-pci
;@ disk: mem:64K
%include "test.inc"
%include "pci.inc"
	assert_cf 9, P_VENDOR, 0x10441af4
	assert_cf 1, P_VENDOR, 0x10421af4
	assert_cf 2, P_VENDOR, 0x10441af4
	assert_cf 3, P_VENDOR, NOTHING
	p_find	9
	p_start	0
	p_rng
	assert_used 0, 0, 16
	pass
