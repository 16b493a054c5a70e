; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.3: driver_feature reads back what was accepted, by its select; frozen after FEATURES_OK
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_features VF_INDIRECT
	assert_p C_DRV_SEL, 1
	assert_p C_DRV_FEATURES, VF_HI_VERSION_1
	p_write	C_DRV_SEL, 0
	assert_p C_DRV_FEATURES, VF_INDIRECT
	p_write	C_DRV_FEATURES, 0
	assert_p C_DRV_FEATURES, VF_INDIRECT
	p_write	C_DRV_SEL, 5
	assert_p C_DRV_FEATURES, 0
	pass
